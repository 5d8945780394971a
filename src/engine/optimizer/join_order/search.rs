//! The table of best plans that both enumerators fill.
//!
//! ```text
//!   {0}        leaf
//!   {1}        leaf                       tree of {0, 1, 2}:
//!   {2}        leaf
//!   {0, 1}     build {1}, probe {0}           Join
//!   {0, 1, 2}  build {2}, probe {0, 1}       /    \
//!                                          R2     Join
//!                                                /    \
//!                                              R1      R0
//! ```

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::cardinality::Estimator;
use super::chain::{Chain, Filter};
use super::conflicts::{Applied, Conflicts};
use super::cost::{CostModel, JoinCandidate, JoinInput};
use super::set::RelationSet;
use super::tree::{JoinKind, KeyColumn, OperatorTree, Tree};

/// The best plan found for a set of relations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The sum over its joins, less what their filters save in the scan at the end of its probe sides.
    pub(crate) cost: f64,
    chain: Option<Chain>,
    /// The last join; None for a leaf.
    split: Option<Split>,
}

/// What a join costs, or all those of a tree.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TreeCost {
    /// The sum over its joins.
    pub(super) joins: f64,
    /// What their filters save in scans.
    pub(super) saved: f64,
}

/// Into what a plan is split by its last join.
#[derive(Clone, Copy, Debug)]
struct Split {
    /// The kind with `build` as left input.
    kind: JoinKind,
    build: RelationSet,
    probe: RelationSet,
}

/// A pair of sets that can be joined, with what is known of the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(crate) plan: Plan,
    pub(crate) rows: f64,
    /// Whether no predicate is evaluated at the join.
    pub(crate) is_cross_product: bool,
}

/// State of one search.
pub(super) struct Search<'a, M> {
    conflicts: &'a Conflicts,
    estimator: &'a Estimator,
    model: &'a M,
    plans: SetMap<Plan>,
    /// Rows and widths do not depend on the plan, so they outlive [`Search::reset`].
    inputs: SetMap<JoinInput>,
    /// Pairs of sets looked at, whether they could be joined or not.
    pub(crate) pairs: usize,
    // A buffer, kept so that no pair allocates.
    crossing: Vec<usize>,
}

/// What the predicates of a join mean for its cost.
#[derive(Clone, Copy, Debug)]
struct Keys {
    /// Whether one can be the key of a hash join.
    is_hashed: bool,
    /// The share of the pairs with equal keys that the others leave.
    others_share: f64,
    /// Of the left and of the right input.
    sides: [KeySide; 2],
}

/// What is known of an input's keys.
#[derive(Clone, Copy, Debug)]
struct KeySide {
    /// The relations that they are of.
    operands: RelationSet,
    /// The share of the input's rows within the range of the other's keys.
    within: f64,
    /// The range of the only key.
    range: f64,
    /// How many rows with the same key follow each other.
    run_rows: f64,
}

/// One side of a join.
#[derive(Clone, Copy, Debug)]
struct JoinSide {
    input: JoinInput,
    keys: KeySide,
    chain: Option<Chain>,
}

/// One way to join two sets.
#[derive(Clone, Copy, Debug)]
struct Way {
    kind: JoinKind,
    cost: TreeCost,
    chain: Option<Chain>,
}

impl<'a, M: CostModel> Search<'a, M> {
    /// A search whose table has nothing but the leaves.
    pub(super) fn new(conflicts: &'a Conflicts, estimator: &'a Estimator, model: &'a M, relation_count: usize) -> Self {
        let mut search = Self {
            conflicts,
            estimator,
            model,
            plans: SetMap::default(),
            inputs: SetMap::default(),
            pairs: 0,
            crossing: Vec::new(),
        };
        search.reset(relation_count);
        search
    }

    /// Forgets all plans but the leaves `0..relation_count`.
    pub(super) fn reset(&mut self, relation_count: usize) {
        self.plans.clear();
        for relation in 0..relation_count {
            let leaf = Plan { cost: 0.0, chain: self.leaf_chain(relation), split: None };
            self.insert(RelationSet::single(relation), leaf);
        }
    }

    fn leaf_chain(&self, relation: usize) -> Option<Chain> {
        Chain::of(relation, self.estimator.relation(relation))
    }

    /// The best plan of `set` so far.
    pub(super) fn plan(&self, set: RelationSet) -> Option<Plan> {
        self.plans.get(&set).copied()
    }

    /// Makes `plan` the plan of `set`.
    pub(super) fn insert(&mut self, set: RelationSet, plan: Plan) {
        self.plans.insert(set, plan);
    }

    /// Joins the best plans of two sets and keeps the result if it is the best of their union.
    /// Of equal ones the first stays, so the result does not depend on anything but the input.
    pub(super) fn offer(&mut self, one: RelationSet, other: RelationSet) {
        let Some(candidate) = self.candidate(one, other) else {
            return;
        };
        let both = one | other;
        let is_better = |best: Plan| candidate.plan.cost < best.cost;
        if self.plan(both).is_none_or(is_better) {
            self.insert(both, candidate.plan);
        }
    }

    /// The cheaper way to join the best plans of two sets, if there is one.
    pub(super) fn candidate(&mut self, one: RelationSet, other: RelationSet) -> Option<Candidate> {
        self.pairs += 1;
        let plans = (self.plan(one)?, self.plan(other)?);
        let applied = self.conflicts.apply(one, other, &mut self.crossing)?;
        let Applied { kind, left, right } = applied;
        let output = self.input(one | other);
        let (of_left, of_right) = if left == one { plans } else { (plans.1, plans.0) };
        let (straight, exchanged) = self.ways(kind, (left, of_left.chain), (right, of_right.chain), output);
        let (way, build, probe) = if exchanged.cost.total() < straight.cost.total() {
            (exchanged, right, left)
        } else {
            (straight, left, right)
        };
        let cost = of_left.cost + of_right.cost + way.cost.total();
        let split = Some(Split { kind: way.kind, build, probe });
        Some(Candidate {
            plan: Plan { cost, chain: way.chain, split },
            rows: output.rows,
            is_cross_product: self.crossing.is_empty(),
        })
    }

    /// The cost of a tree as it is; with `swap_sides`, of the better build side of each join.
    pub(super) fn cost_of(&mut self, tree: &OperatorTree, swap_sides: bool) -> TreeCost {
        let mut cost = TreeCost::default();
        let leaves = 0..tree.relation_count;
        let mut chains: SetMap<Option<Chain>> =
            leaves.map(|relation| (RelationSet::single(relation), self.leaf_chain(relation))).collect();
        for node in &tree.nodes {
            let (left, right) = (node.left_leaves, node.right_leaves);
            // The joins of the tree itself can always be done.
            let applied = self.conflicts.apply(left, right, &mut self.crossing);
            debug_assert!(applied.is_some(), "{left:?} {right:?}");
            let output = self.input(left | right);
            let chain = |set: RelationSet| (set, chains.get(&set).copied().flatten());
            let (straight, exchanged) = self.ways(node.kind, chain(left), chain(right), output);
            let is_exchanged = if swap_sides { exchanged.cost.total() < straight.cost.total() } else { node.was_right };
            let way = if is_exchanged { exchanged } else { straight };
            cost.joins += way.cost.joins;
            cost.saved += way.cost.saved;
            chains.insert(left | right, way.chain);
        }
        cost
    }

    /// The best plan of `set` as a tree. There must be one.
    pub(super) fn tree(&mut self, set: RelationSet) -> Option<Tree> {
        let Some(Split { kind, build, probe }) = self.plan(set)?.split else {
            return set.first().map(Tree::Relation);
        };
        let (left, right) = (self.tree(build)?, self.tree(probe)?);
        self.conflicts.apply(build, probe, &mut self.crossing)?;
        let join = self.conflicts.join(&self.crossing, kind, left, right);
        Some(Tree::Join(Box::new(join)))
    }

    /// What is known of the predicates of the operators in `crossing`.
    fn keys(&self, left: RelationSet, right: RelationSet) -> Keys {
        let mut keys = Keys { is_hashed: false, others_share: 1.0, sides: [KeySide::NONE; 2] };
        for predicate in self.crossing.iter().flat_map(|&index| &self.conflicts.operators[index].predicates) {
            if !predicate.is_hash_key(left, right) {
                keys.others_share *= predicate.selectivity;
                continue;
            }
            let mut operands = [(predicate.left, predicate.keys[0]), (predicate.right, predicate.keys[1])];
            if !predicate.left.is_subset(left) {
                operands.swap(0, 1);
            }
            for ((side, input), (operand, column)) in keys.sides.iter_mut().zip([left, right]).zip(operands) {
                side.add(operand, column, operand == input);
            }
            keys.is_hashed = true;
        }
        keys
    }

    /// The join with `left` and with `right` as build side, each given with the chain of its plan.
    fn ways(
        &mut self,
        kind: JoinKind,
        (left, left_chain): (RelationSet, Option<Chain>),
        (right, right_chain): (RelationSet, Option<Chain>),
        output: JoinInput,
    ) -> (Way, Way) {
        let keys = self.keys(left, right);
        let [of_left, of_right] = keys.sides;
        let left = JoinSide { input: self.input(left), keys: of_left, chain: left_chain };
        let right = JoinSide { input: self.input(right), keys: of_right, chain: right_chain };
        (self.way(kind, left, right, output, &keys), self.way(kind.mirrored(), right, left, output, &keys))
    }

    fn way(&self, kind: JoinKind, build: JoinSide, probe: JoinSide, output: JoinInput, keys: &Keys) -> Way {
        let others_share = if keys.is_hashed { keys.others_share.max(f64::MIN_POSITIVE) } else { 1.0 };
        let join = JoinCandidate {
            build: build.input,
            probe: probe.input,
            output,
            pairs: output.rows / others_share,
            probe_share: if kind.keeps_right() { 1.0 } else { probe.keys.within },
            is_hashed: keys.is_hashed,
            key_range: build.keys.range,
        };
        let joins = self.model.join_cost(&join);
        let joins = if joins.is_nan() { f64::INFINITY } else { joins };
        let filter = Filter { kind, operands: probe.keys.operands, run_rows: probe.keys.run_rows };
        let chain = probe.chain.and_then(|chain| chain.below(filter, probe.input, output));
        let saving = |chain: Option<Chain>| chain.map_or(0.0, |chain| self.model.scan_saving(&chain.scan));
        let saved = if chain.is_some() { saving(chain) - saving(probe.chain) } else { 0.0 };
        Way { kind, cost: TreeCost { joins, saved }, chain }
    }

    fn input(&mut self, relations: RelationSet) -> JoinInput {
        if let Some(input) = self.inputs.get(&relations) {
            return *input;
        }
        let (rows, width_bytes) = (self.estimator.rows(relations), self.estimator.width_bytes(relations));
        let input = JoinInput { rows, width_bytes };
        self.inputs.insert(relations, input);
        input
    }
}

impl TreeCost {
    pub(super) fn total(self) -> f64 {
        self.joins - self.saved
    }
}

impl KeySide {
    /// Without a key.
    const NONE: Self =
        Self { operands: RelationSet::EMPTY, within: 1.0, range: f64::INFINITY, run_rows: f64::INFINITY };

    /// Adds a key, of the whole input or of a part of it.
    fn add(&mut self, operand: RelationSet, column: KeyColumn, is_whole_input: bool) {
        self.range = if self.operands.is_empty() { column.range } else { f64::INFINITY };
        self.operands |= operand;
        self.run_rows = self.run_rows.min(column.run_rows);
        if is_whole_input {
            self.within *= column.within;
        }
    }
}

type SetMap<V> = HashMap<RelationSet, V, BuildHasherDefault<WordHasher>>;

/// Multiplicative hashing of one word (Knuth, TAOCP 3, section 6.4). The keys are not chosen by an
/// adversary, and the table is read several times per pair.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The map takes its bucket from the low bits; the good ones are the high bits.
        self.0 = product ^ (product >> 32);
    }
}

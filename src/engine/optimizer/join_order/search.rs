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
use super::conflicts::{Applied, Conflicts};
use super::cost::{CostModel, JoinCandidate, JoinInput};
use super::set::RelationSet;
use super::tree::{JoinKind, OperatorTree, Tree};

/// The best plan found for a set of relations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The sum over its joins.
    pub(crate) cost: f64,
    /// The last join; None for a leaf.
    split: Option<Split>,
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
    /// The shares of the left and of the right input's rows within the range of the other's keys.
    within: [f64; 2],
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
        let leaf = Plan { cost: 0.0, split: None };
        let leaves = (0..relation_count).map(RelationSet::single);
        self.plans.extend(leaves.map(|set| (set, leaf)));
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
        let cost_below = self.plan(one)?.cost + self.plan(other)?.cost;
        let applied = self.conflicts.apply(one, other, &mut self.crossing)?;
        let Applied { kind, left, right } = applied;
        let output = self.input(one | other);
        let (straight, exchanged) = self.join_costs(kind, left, right, output);
        let split = |kind, build, probe| Some(Split { kind, build, probe });
        let (cost, split) = if exchanged < straight {
            (exchanged, split(kind.mirrored(), right, left))
        } else {
            (straight, split(kind, left, right))
        };
        Some(Candidate {
            plan: Plan { cost: cost_below + cost, split },
            rows: output.rows,
            is_cross_product: self.crossing.is_empty(),
        })
    }

    /// The cost of a tree as it is; with `swap_sides`, of the better build side of each join.
    pub(super) fn cost_of(&mut self, tree: &OperatorTree, swap_sides: bool) -> f64 {
        let mut cost = 0.0;
        for node in &tree.nodes {
            let (left, right) = (node.left_leaves, node.right_leaves);
            // The joins of the tree itself can always be done.
            let applied = self.conflicts.apply(left, right, &mut self.crossing);
            debug_assert!(applied.is_some(), "{left:?} {right:?}");
            let output = self.input(left | right);
            let (straight, exchanged) = self.join_costs(node.kind, left, right, output);
            cost += match (swap_sides, node.was_right) {
                (true, _) => straight.min(exchanged),
                (false, false) => straight,
                (false, true) => exchanged,
            };
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
        let mut keys = Keys { is_hashed: false, others_share: 1.0, within: [1.0; 2] };
        for predicate in self.crossing.iter().flat_map(|&index| &self.conflicts.operators[index].predicates) {
            if !predicate.is_hash_key(left, right) {
                keys.others_share *= predicate.selectivity;
                continue;
            }
            keys.is_hashed = true;
            for (operand, share) in [predicate.left, predicate.right].into_iter().zip(predicate.within) {
                if operand == left {
                    keys.within[0] *= share;
                } else if operand == right {
                    keys.within[1] *= share;
                }
            }
        }
        keys
    }

    /// The costs with `left` and with `right` as build side.
    fn join_costs(&mut self, kind: JoinKind, left: RelationSet, right: RelationSet, output: JoinInput) -> (f64, f64) {
        let keys = self.keys(left, right);
        let (left, right) = (self.input(left), self.input(right));
        let others_share = if keys.is_hashed { keys.others_share.max(f64::MIN_POSITIVE) } else { 1.0 };
        let cost = |kind: JoinKind, build, probe, within| {
            let join = JoinCandidate {
                build,
                probe,
                output,
                pairs: output.rows / others_share,
                probe_share: if kind.keeps_right() { 1.0 } else { within },
                is_hashed: keys.is_hashed,
            };
            let cost = self.model.join_cost(&join);
            if cost.is_nan() { f64::INFINITY } else { cost }
        };
        (cost(kind, left, right, keys.within[1]), cost(kind.mirrored(), right, left, keys.within[0]))
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

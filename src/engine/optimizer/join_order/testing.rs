//! Helpers of the tests: a random generator, query graphs of known shape, an exhaustive search.

use super::cardinality::Estimator;
use super::conflicts::Conflicts;
use super::cost::{CostModel, HashJoinCost, JoinCandidate, JoinInput, Lookup};
use super::hypergraph::Hypergraph;
use super::search::Search;
use super::set::RelationSet;
use super::tree::{JoinKind, OperatorTree, Predicate, Relation, Tree};
use super::{dphyp, greedy};

/// Costs in round numbers, for trees that can be checked by hand.
pub(super) const MODEL: HashJoinCost = HashJoinCost {
    build_ns: 2.0,
    build_byte_ns: 0.0,
    lookups: &[Lookup { build_rows: 1.0, probe_ns: 1.0, match_ns: 1.0 }],
    array_range_min: 0.0,
    array_density_min: f64::INFINITY,
    array_lookups: &[],
    array_build_ns: 0.0,
    skip_ns: 0.0,
    output_byte_ns: 0.0,
    pair_ns: 0.1,
};

/// xorshift64* (Marsaglia 2003, Vigna 2016).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        // The first numbers of small seeds are alike.
        for _ in 0..8 {
            random.word();
        }
        random
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// In `0..bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((self.word() >> 33) as usize) % bound
    }

    /// True in `percent` of the calls.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn choose<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Known shapes of query graphs. R0 is the centre of a star.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Chain,
    Cycle,
    Star,
    Clique,
    /// A chain of full outer joins.
    FullChain,
    /// R0 and the last relation are connected, nothing else is.
    Pairless,
}

impl Shape {
    fn has_edge(self, left: usize, right: usize, n: usize) -> bool {
        let ends = left == 0 && right == n - 1;
        match self {
            Self::Chain | Self::FullChain => left + 1 == right,
            Self::Cycle => left + 1 == right || ends,
            Self::Star => left == 0,
            Self::Clique => true,
            Self::Pairless => ends,
        }
    }
}

/// A left-deep tree R0, R1, ... of a shape; the selectivities are 0.01.
pub(super) fn shape_tree(shape: Shape, rows: &[f64]) -> (Tree, Vec<Relation>) {
    let kind = match shape {
        Shape::FullChain => JoinKind::Full,
        _ => JoinKind::Inner,
    };
    let mut tree = Tree::Relation(0);
    for right in 1..rows.len() {
        let on = (0..right)
            .filter(|&left| shape.has_edge(left, right, rows.len()))
            .map(|left| Predicate::equal(left * 100 + right, left, right, 0.01))
            .collect();
        tree = Tree::join(kind, tree, Tree::Relation(right), on);
    }
    let relation = |&rows: &f64| Relation { rows, width_bytes: 8.0, scan: None };
    (tree, rows.iter().map(relation).collect())
}

/// The parts of a search, prepared for `tree`.
pub(super) struct Prepared {
    pub(super) operators: OperatorTree,
    pub(super) estimator: Estimator,
    pub(super) conflicts: Conflicts,
}

impl Prepared {
    pub(super) fn new(tree: &Tree, relations: &[Relation]) -> Self {
        let operators = OperatorTree::new(tree, relations).expect("is valid");
        Self { estimator: Estimator::new(&operators, relations), conflicts: Conflicts::new(&operators), operators }
    }

    pub(super) fn search<'a, M: CostModel>(&'a self, model: &'a M) -> Search<'a, M> {
        let count = self.operators.relation_count;
        Search::new(&self.conflicts, &self.estimator, model, count)
    }

    pub(super) fn graph(&self) -> Hypergraph {
        Hypergraph::of(&self.conflicts, self.operators.relation_count)
    }
}

/// The pairs that DPhyp enumerates for a shape, if the budget suffices, and those it looked at.
pub(super) fn enumerate_shape(shape: Shape, n: usize, pairs_max: usize) -> (Option<usize>, usize) {
    let (tree, relations) = shape_tree(shape, &vec![100.0; n]);
    let prepared = Prepared::new(&tree, &relations);
    let model = MODEL;
    let mut search = prepared.search(&model);
    let result = dphyp::enumerate(&prepared.graph(), &mut search, pairs_max);
    (result.map(|()| search.pairs), search.pairs)
}

/// The tree of the greedy search.
pub(super) fn greedy_shape(shape: Shape, rows: &[f64]) -> Option<Tree> {
    let (tree, relations) = shape_tree(shape, rows);
    let prepared = Prepared::new(&tree, &relations);
    let model = MODEL;
    let mut search = prepared.search(&model);
    let leaves = (0..rows.len()).map(RelationSet::single).collect();
    let all = greedy::merge(&mut search, leaves)?;
    search.tree(all)
}

/// A random connected graph of inner joins.
#[derive(Debug)]
pub(super) struct InnerGraph {
    rows: Vec<f64>,
    /// Left, right, selectivity.
    edges: Vec<(usize, usize, f64)>,
}

impl InnerGraph {
    /// Of 3 to 6 relations: a random spanning tree and some more edges.
    pub(super) fn random(random: &mut Random) -> Self {
        let n = 3 + random.below(4);
        let rows = (0..n).map(|_| 10f64.powi(random.below(5) as i32) * 3.0);
        let rows = rows.collect();
        let mut edges = Vec::new();
        for right in 1..n {
            let parent = random.below(right);
            for left in 0..right {
                if left == parent || random.chance(25) {
                    let selectivity = 1.0 / (1 + random.below(2000)) as f64;
                    edges.push((left, right, selectivity));
                }
            }
        }
        Self { rows, edges }
    }

    pub(super) fn tree(&self) -> (Tree, Vec<Relation>) {
        let (mut tree, relations) = shape_tree(Shape::FullChain, &self.rows);
        tree = match tree {
            Tree::Join(_) => Tree::Relation(0),
            leaf => leaf,
        };
        for right in 1..self.rows.len() {
            let reaches = |edge: &&(usize, usize, f64)| edge.1 == right;
            let on = self
                .edges
                .iter()
                .filter(reaches)
                .map(|&(left, right, s)| Predicate::equal(left * 100 + right, left, right, s));
            tree = Tree::join(JoinKind::Inner, tree, Tree::Relation(right), on.collect());
        }
        (tree, relations)
    }

    /// The cost of the best bushy tree without cross products.
    pub(super) fn exhaustive_cost(&self, model: &HashJoinCost) -> f64 {
        self.best(RelationSet::first_n(self.rows.len()), model)
    }

    fn best(&self, set: RelationSet, model: &HashJoinCost) -> f64 {
        if set.len() == 1 {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for build in set.subsets().filter(|build| *build != set) {
            let probe = set - build;
            let crosses = |&(left, right, _): &(usize, usize, f64)| {
                (build.contains(left) && probe.contains(right)) || (build.contains(right) && probe.contains(left))
            };
            if self.edges.iter().any(crosses) {
                let below = self.best(build, model) + self.best(probe, model);
                best = best.min(below + self.join_cost(build, probe, model));
            }
        }
        best
    }

    fn join_cost(&self, build: RelationSet, probe: RelationSet, model: &HashJoinCost) -> f64 {
        let input = |relations: RelationSet| JoinInput { rows: self.rows_of(relations), width_bytes: 8.0 };
        model.join_cost(&JoinCandidate {
            build: input(build),
            probe: input(probe),
            output: input(build | probe),
            pairs: self.rows_of(build | probe),
            probe_share: 1.0,
            is_hashed: true,
            key_range: f64::INFINITY,
        })
    }

    fn rows_of(&self, set: RelationSet) -> f64 {
        let rows: f64 = set.iter().map(|relation| self.rows[relation]).product();
        let inside = |edge: &&(usize, usize, f64)| set.contains(edge.0) && set.contains(edge.1);
        let selectivities = self.edges.iter().filter(inside).map(|edge| edge.2);
        rows * selectivities.product::<f64>()
    }
}

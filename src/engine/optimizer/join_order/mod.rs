//! Join ordering: from a tree of joins to the cheapest tree that gives the same rows.
//!
//! ```text
//!   Tree ──> OperatorTree ──> Conflicts ──> Hypergraph ──> DPhyp ──> Tree
//!            checked,         what may be   what is        │ budget   build side
//!            predicates       joined when   connected      v spent    on the left
//!            pushed down      (CD-C)                       greedy
//!                   └───────> Estimator: rows of any set of relations
//! ```
//!
//! [`order()`] is the entry. The caller numbers the relations (anything that is not a join is one:
//! scans, filters, aggregates), describes each by a [`Relation`], builds the [`Tree`] of the
//! joins of its plan, and puts its expressions back by [`Predicate::id`] and [`Join::id`].
//! [`derive_transitive`] adds the equalities that follow from others before that.
//!
//! # Why the result is correct
//!
//! Every join of a result passes the conflict detector (`conflicts.rs`), and every predicate is
//! evaluated at exactly one join: the first that has all its relations. The tests in `evaluate.rs`
//! compare the rows of all trees that pass with those of the initial tree, on small random tables
//! with NULLs.
//!
//! # What the caller has to know
//!
//! * Predicates of inner joins are moved down and apart, so they must be deterministic and must
//!   not fail (a division that a lower join would have kept from zero).
//! * The null-aware anti join of NOT IN is none of the kinds: make it a relation.
//! * A filter on one relation belongs in the relation. Left in a join it stays there, and keeps
//!   the join where it is.
//! * An outer join below a predicate that rejects its NULLs should be simplified to an inner join
//!   before; here it is not.
//! * Derived equalities that follow from the others evaluated so far are not evaluated again, so
//!   a predicate of an equivalence class may be missing from the result.
//! * Result rows are the same, the order of columns is not: it follows the leaves of the tree.

mod cardinality;
mod chain;
mod conflicts;
mod cost;
mod dphyp;
mod greedy;
mod hypergraph;
mod search;
mod set;
mod transitive;
mod tree;

#[cfg(test)]
mod evaluate;
#[cfg(test)]
mod testing;

use cardinality::Estimator;
pub(in crate::engine::optimizer) use chain::FilteredScan;
pub(in crate::engine::optimizer) use cost::{CostModel, HashJoinCost, JoinCandidate, JoinInput};
pub(in crate::engine::optimizer) use set::RelationSet;
pub(in crate::engine::optimizer) use transitive::{Derived, Operand, Side, derive_transitive};
pub(in crate::engine::optimizer) use tree::{
    Equality, Join, JoinKind, KeyColumn, OrderError, Predicate, Relation, Scan, Tree,
};

use conflicts::Conflicts;
use hypergraph::Hypergraph;
use search::Search;
use tree::OperatorTree;

/// How far the search goes and when its result is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Pairs of sets of relations that DPhyp looks at before it gives up for the greedy search.
    /// 0: greedy at once.
    pub(crate) pairs_max: usize,
    /// The initial tree stays if the best one does not save all but this share of what its joins cost.
    /// Estimates are wrong by factors, and the initial order may be the work of somebody who knew;
    /// a result that is only a little cheaper on paper is not worth the risk. 1.0 takes
    /// everything that is not worse, infinity takes everything.
    pub(crate) keep_unless_better: f64,
    /// Whether the initial tree is costed with the better build side of each join, for engines
    /// that choose the side later anyway. Otherwise its left inputs are the build sides.
    pub(crate) swap_initial_sides: bool,
}

impl Default for Limits {
    /// 30 000 pairs are a clique of 10, a star of 13 or a chain of 56.
    fn default() -> Self {
        Self { pairs_max: 30_000, keep_unless_better: 0.8, swap_initial_sides: false }
    }
}

/// Where the tree of an [`Outcome`] is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// It is the initial tree: nothing to reorder, or nothing found that is clearly better.
    Initial,
    /// Dynamic programming: the cheapest one.
    Dphyp,
    /// The budget was spent, or DPhyp could not reach all relations: a good one.
    Greedy,
}

/// The result of [`order()`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The chosen tree; the left input of each join is the build side. With
    /// [`Algorithm::Initial`] it is the tree as given.
    pub(crate) tree: Tree,
    /// Its cost.
    pub(crate) cost: f64,
    /// The cost of the initial tree, its inner predicates pushed down as far as they go.
    pub(crate) initial_cost: f64,
    /// How the tree was found.
    pub(crate) algorithm: Algorithm,
    /// The pairs of sets of relations looked at, by both algorithms.
    pub(crate) pairs: usize,
}

/// Finds the cheapest tree that gives the same rows as `tree`, whose leaves are `relations`.
///
/// Trees of one or two relations, and of full outer joins only, are left alone: every order of
/// full joins keeps all rows of all relations, so there is little to gain.
pub(crate) fn order(
    tree: &Tree,
    relations: &[Relation],
    model: &impl CostModel,
    limits: Limits,
) -> Result<Outcome, OrderError> {
    let operators = OperatorTree::new(tree, relations)?;
    let estimator = Estimator::new(&operators, relations);
    let conflicts = Conflicts::new(&operators);
    let mut search = Search::new(&conflicts, &estimator, model, relations.len());
    let initial = search.cost_of(&operators, limits.swap_initial_sides);
    let initial_cost = initial.total();
    let best = if is_worth_a_search(&operators) {
        best_plan(&conflicts, &mut search, relations.len(), limits.pairs_max)
    } else {
        None
    };
    let kept = Outcome {
        tree: tree.clone(),
        cost: initial_cost,
        initial_cost,
        algorithm: Algorithm::Initial,
        pairs: search.pairs,
    };
    let Some((algorithm, cost)) = best else {
        return Ok(kept);
    };
    // What a scan takes in any order does not count, so that the share is one of the joins.
    if initial_cost - cost < (1.0 - limits.keep_unless_better) * initial.joins {
        return Ok(kept);
    }
    let best_tree = search.tree(RelationSet::first_n(relations.len()));
    Ok(best_tree.map_or(kept.clone(), |tree| Outcome { tree, cost, algorithm, ..kept }))
}

fn is_worth_a_search(operators: &OperatorTree) -> bool {
    let is_full = |node: &tree::Node| node.kind == JoinKind::Full;
    operators.relation_count > 2 && !operators.nodes.iter().all(is_full)
}

/// Leaves the best plan of all relations in the table of `search`.
fn best_plan<M: CostModel>(
    conflicts: &Conflicts,
    search: &mut Search<'_, M>,
    relation_count: usize,
    pairs_max: usize,
) -> Option<(Algorithm, f64)> {
    let graph = Hypergraph::of(conflicts, relation_count);
    let enumerated = dphyp::enumerate(&graph, search, pairs_max);
    // Parts without an edge between them have a plan each, and are joined by cross products.
    let merged = enumerated.and_then(|()| {
        let components = graph.components();
        let have_plans = components.iter().all(|c| search.plan(*c).is_some());
        have_plans.then(|| greedy::merge(search, components))?
    });
    if let Some(all) = merged {
        return search.plan(all).map(|plan| (Algorithm::Dphyp, plan.cost));
    }
    search.reset(relation_count);
    let leaves = (0..relation_count).map(RelationSet::single).collect();
    let all = greedy::merge(search, leaves)?;
    search.plan(all).map(|plan| (Algorithm::Greedy, plan.cost))
}

#[cfg(test)]
mod tests {
    use super::testing::{self, Shape};
    use super::*;

    const ALWAYS: Limits = Limits { pairs_max: 100_000, keep_unless_better: f64::INFINITY, swap_initial_sides: false };

    fn run(shape: Shape, rows: &[f64], limits: Limits) -> Outcome {
        let (tree, relations) = testing::shape_tree(shape, rows);
        order(&tree, &relations, &testing::MODEL, limits).expect("is valid")
    }

    fn check(shape: Shape, rows: &[f64], limits: Limits, algorithm: Algorithm, tree: &str) {
        let outcome = run(shape, rows, limits);
        assert_eq!(outcome.tree.to_string(), tree);
        assert_eq!(outcome.algorithm, algorithm);
        assert!(algorithm != Algorithm::Initial || outcome.cost == outcome.initial_cost);
    }

    #[test]
    fn orders() {
        use Algorithm::*;
        // The fact table R0 is probed; the dimension that filters most comes first.
        let fact = [10_000.0, 90.0, 10.0, 50.0];
        let best = "(R1 Inner (R3 Inner (R2 Inner R0)))";
        check(Shape::Star, &fact, ALWAYS, Dphyp, best);
        let greedy = Limits { pairs_max: 3, ..ALWAYS };
        check(Shape::Star, &fact, greedy, Greedy, best);
        let best = "((R2 Inner R0) Inner R1)";
        check(Shape::Pairless, &[30.0, 40.0, 20.0], ALWAYS, Dphyp, best);
        // Cross products at the end, the smallest first.
        let best = "(R1 Inner ((R3 Inner R0) Inner R2))";
        check(Shape::Pairless, &[30.0, 40.0, 20.0, 10.0], ALWAYS, Dphyp, best);
    }

    #[test]
    fn does_not_fire() {
        use Algorithm::Initial;
        check(Shape::Chain, &[10.0], ALWAYS, Initial, "R0");
        check(Shape::Chain, &[100.0, 10.0], ALWAYS, Initial, "(R0 Inner R1)");
        let full = "(((R0 Full R1) Full R2) Full R3)";
        let rows = [1000.0, 10.0, 100.0, 1.0];
        check(Shape::FullChain, &rows, ALWAYS, Initial, full);
    }

    #[test]
    fn the_initial_tree_stays_unless_clearly_worse() {
        let check = |keep_unless_better, swap_initial_sides, algorithm| {
            let limits = Limits { keep_unless_better, swap_initial_sides, ..ALWAYS };
            let outcome = run(Shape::Star, &[1000.0, 90.0, 80.0], limits);
            assert_eq!(outcome.algorithm, algorithm, "{limits:?}");
        };
        // The best costs 3660; the initial tree 5590, with its sides swapped 3860.
        check(1.0, false, Algorithm::Dphyp);
        check(0.8, false, Algorithm::Dphyp);
        check(0.6, false, Algorithm::Initial);
        check(1.0, true, Algorithm::Dphyp);
        check(0.8, true, Algorithm::Initial);
    }

    /// Scans are spared a nanosecond for each row that a join would drop.
    struct SparedScans;

    impl CostModel for SparedScans {
        fn join_cost(&self, join: &JoinCandidate) -> f64 {
            testing::MODEL.join_cost(join)
        }

        fn scan_saving(&self, scan: &FilteredScan) -> f64 {
            scan.scan.rows * (1.0 - scan.share)
        }
    }

    #[test]
    fn a_scan_that_joins_can_spare_is_probed() {
        // R0 has few rows that pass, and is built from where nobody can spare its scan the others.
        let (tree, mut relations) = testing::shape_tree(Shape::Star, &[10.0, 30.0, 40.0]);
        let check = |relations: &[Relation], expected: &str| {
            let outcome = order(&tree, relations, &SparedScans, ALWAYS).expect("is valid");
            assert_eq!(outcome.tree.to_string(), expected);
            // The tree that is found costs what it is said to cost.
            let again = order(&outcome.tree, relations, &SparedScans, ALWAYS).expect("is valid");
            assert!((again.initial_cost - outcome.cost).abs() < 1e-9 * outcome.cost.abs(), "{outcome:?}, {again:?}");
        };
        check(&relations, "((R0 Inner R1) Inner R2)");
        relations[0].scan = Some(Scan { rows: 100_000.0, decode_ns: 1.0 });
        check(&relations, "(R2 Inner (R1 Inner R0))");
    }

    #[test]
    fn the_result_is_a_fixed_point() {
        for shape in [Shape::Chain, Shape::Star, Shape::Cycle, Shape::Clique] {
            let rows = [500.0, 90.0, 10.0, 50.0, 1000.0, 70.0];
            let (tree, relations) = testing::shape_tree(shape, &rows);
            let model = testing::MODEL;
            let once = order(&tree, &relations, &model, ALWAYS).expect("is valid");
            let twice = order(&once.tree, &relations, &model, ALWAYS).expect("is valid");
            assert!((once.cost - twice.cost).abs() < 1e-9 * once.cost);
            assert!((once.cost - twice.initial_cost).abs() < 1e-9 * once.cost);
            let again = order(&tree, &relations, &model, ALWAYS).expect("is valid");
            assert_eq!(once, again);
        }
    }

    /// Against every bushy tree without cross products, by plain recursion.
    #[test]
    fn dphyp_is_optimal() {
        let mut random = testing::Random::new(7);
        for _ in 0..400 {
            let graph = testing::InnerGraph::random(&mut random);
            let (tree, relations) = graph.tree();
            let model = testing::MODEL;
            let outcome = order(&tree, &relations, &model, ALWAYS).expect("is valid");
            let best = graph.exhaustive_cost(&model);
            assert!((outcome.cost / best - 1.0).abs() < 1e-9, "{graph:?}");
        }
    }
}

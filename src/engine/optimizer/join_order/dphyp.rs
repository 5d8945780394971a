//! DPhyp: the best of all bushy trees without needless cross products, by dynamic programming.
//!
//! Moerkotte and Neumann, "Dynamic Programming Strikes Back" (SIGMOD 2008). A connected subgraph
//! (csg) and a connected subgraph of the rest that an edge leads to (its complement, cmp) are a
//! pair that can be joined. The algorithm enumerates each pair once, the smaller ones first:
//!
//! ```text
//!   start with the last relation, then the last but one, ...
//!      csg  grows along the graph, never to relations before its start
//!       cmp starts at a neighbour of the csg and grows along the graph
//!        offer (csg, cmp) to the table of plans
//! ```
//!
//! The number of pairs is the work. It is cubic for a chain and exponential for a star or clique,
//! so there is a budget.

use super::cost::CostModel;
use super::hypergraph::Hypergraph;
use super::search::Search;
use super::set::RelationSet;

/// Steps of the enumeration per pair of the budget. With hyperedges, many steps may give no pair.
const STEPS_PER_PAIR_MAX: usize = 16;

/// Fills the table of `search` with the best plan of each connected set of relations. None if
/// more than `pairs_max` pairs would have to be looked at.
pub(super) fn enumerate<M: CostModel>(graph: &Hypergraph, search: &mut Search<'_, M>, pairs_max: usize) -> Option<()> {
    let mut enumeration =
        Enumeration { graph, search, pairs_max, steps_left: pairs_max.saturating_mul(STEPS_PER_PAIR_MAX) };
    for start in (0..graph.relation_count()).rev() {
        let csg = RelationSet::single(start);
        enumeration.emit_csg(csg)?;
        enumeration.grow_csg(csg, RelationSet::up_to(start))?;
    }
    Some(())
}

/// The functions return None when the budget is spent.
struct Enumeration<'e, 's, M> {
    graph: &'e Hypergraph,
    search: &'e mut Search<'s, M>,
    pairs_max: usize,
    steps_left: usize,
}

impl<M: CostModel> Enumeration<'_, '_, M> {
    /// EnumerateCsgRec of the paper.
    fn grow_csg(&mut self, csg: RelationSet, excluded: RelationSet) -> Option<()> {
        let neighbours = self.graph.neighbours(csg, excluded);
        for more in neighbours.subsets() {
            self.step()?;
            if self.search.plan(csg | more).is_some() {
                self.emit_csg(csg | more)?;
            }
        }
        for more in neighbours.subsets() {
            self.grow_csg(csg | more, excluded | neighbours)?;
        }
        Some(())
    }

    /// EmitCsg: the complements of `csg` start at its neighbours, the last first.
    fn emit_csg(&mut self, csg: RelationSet) -> Option<()> {
        let excluded = csg | csg.first().map_or(RelationSet::EMPTY, RelationSet::up_to);
        let neighbours = self.graph.neighbours(csg, excluded);
        for start in neighbours.iter().rev() {
            let cmp = RelationSet::single(start);
            if self.graph.connects(csg, cmp) {
                self.emit_pair(csg, cmp)?;
            }
            // Complements that contain an earlier neighbour are found from there.
            let earlier = RelationSet::up_to(start) & neighbours;
            self.grow_cmp(csg, cmp, excluded | earlier)?;
        }
        Some(())
    }

    /// EnumerateCmpRec.
    fn grow_cmp(&mut self, csg: RelationSet, cmp: RelationSet, excluded: RelationSet) -> Option<()> {
        let neighbours = self.graph.neighbours(cmp, excluded);
        for more in neighbours.subsets() {
            self.step()?;
            let grown = cmp | more;
            if self.search.plan(grown).is_some() && self.graph.connects(csg, grown) {
                self.emit_pair(csg, grown)?;
            }
        }
        for more in neighbours.subsets() {
            self.grow_cmp(csg, cmp | more, excluded | neighbours)?;
        }
        Some(())
    }

    /// EmitCsgCmp: both ways to join the two are looked at by the table.
    fn emit_pair(&mut self, csg: RelationSet, cmp: RelationSet) -> Option<()> {
        if self.search.pairs >= self.pairs_max {
            return None;
        }
        self.search.offer(csg, cmp);
        Some(())
    }

    fn step(&mut self) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, Shape};

    /// The number of pairs per shape as in the papers: Ono and Lohman (VLDB 1990), Moerkotte and
    /// Neumann (VLDB 2006).
    #[test]
    fn pairs_are_enumerated_once() {
        fn check(shape: Shape, n: usize, expected: usize) {
            let (pairs, _) = testing::enumerate_shape(shape, n, usize::MAX);
            assert_eq!(pairs, Some(expected), "{shape:?} {n}");
        }
        for n in 2..=10usize {
            let power = |base: usize| base.pow(n as u32);
            check(Shape::Chain, n, (n.pow(3) - n) / 6);
            check(Shape::Star, n, (n - 1) * (power(2) / 4));
            let twice = power(3) - 2 * power(2) + 1;
            check(Shape::Clique, n, twice / 2);
            if n > 2 {
                check(Shape::Cycle, n, (n.pow(3) - 2 * n.pow(2) + n) / 2);
            }
        }
    }

    #[test]
    fn the_budget_is_kept() {
        let (pairs, looked_at) = testing::enumerate_shape(Shape::Clique, 10, 1000);
        assert_eq!((pairs, looked_at), (None, 1000));
        // 28 501 pairs fit exactly.
        let (pairs, _) = testing::enumerate_shape(Shape::Clique, 10, 28_501);
        assert_eq!(pairs, Some(28_501));
    }
}

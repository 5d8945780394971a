//! The query hypergraph: which sets of relations an operator connects.
//!
//! ```text
//!   R0 --- R1          R0.x + R1.x = R2.x  is the hyperedge ({R0, R1}, {R2}):
//!     \   /            R2 can be joined only with a plan that has R0 and R1.
//!    (     )---R2
//! ```
//!
//! A simple edge is a pair of relations, a hyperedge a pair of sets, as in Moerkotte and Neumann,
//! "Dynamic Programming Strikes Back" (SIGMOD 2008). The edge of an operator has the parts of its
//! total eligibility set in its left and right input as its two sides.

use super::cardinality::Forest;
use super::conflicts::{Conflicts, Operator};
use super::set::RelationSet;
use super::tree::JoinKind;

/// A predicate without two operands gets an edge for each way to split its relations, if there
/// are not more than this: it can be evaluated at any join that brings the last of them.
const SPREAD_RELATIONS_MAX: usize = 5;

/// An undirected hyperedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hyperedge {
    one: RelationSet,
    other: RelationSet,
}

/// Relations and the edges between them.
#[derive(Debug)]
pub(super) struct Hypergraph {
    relation_count: usize,
    /// Per relation: those it has a simple edge with.
    simple: Vec<RelationSet>,
    /// Edges with more than one relation on a side.
    hyper: Vec<Hyperedge>,
}

impl Hypergraph {
    /// A graph without edges.
    pub(super) fn new(relation_count: usize) -> Self {
        Self { relation_count, simple: vec![RelationSet::EMPTY; relation_count], hyper: Vec::new() }
    }

    /// The graph of the operators. Cross products give no edge, but where the input of another
    /// operator would not hang together without.
    pub(super) fn of(conflicts: &Conflicts, relation_count: usize) -> Self {
        let mut graph = Self::new(relation_count);
        for operator in &conflicts.operators {
            for edge in edges(operator) {
                graph.add(edge.one, edge.other);
            }
        }
        while let Some(cross) = graph.missing_cross_product(conflicts) {
            let (left, right) = (cross.left_leaves, cross.right_leaves);
            graph.add(left.first_as_set(), right.first_as_set());
        }
        graph
    }

    /// Adds an edge. One with an empty side, or whose sides meet, connects nothing and is left out.
    pub(super) fn add(&mut self, one: RelationSet, other: RelationSet) {
        if one.is_empty() || other.is_empty() || one.intersects(other) {
            return;
        }
        if one.len() > 1 || other.len() > 1 {
            let edge = Hyperedge { one, other };
            if !self.hyper.contains(&edge) {
                self.hyper.push(edge);
            }
            return;
        }
        for (from, to) in [(one, other), (other, one)] {
            for relation in from.iter() {
                self.simple[relation] |= to;
            }
        }
    }

    /// The number of relations.
    pub(super) fn relation_count(&self) -> usize {
        self.relation_count
    }

    /// Whether an edge leads from a part of `one` to a part of `other`.
    pub(super) fn connects(&self, one: RelationSet, other: RelationSet) -> bool {
        one.iter().any(|relation| self.simple[relation].intersects(other))
            || self.hyper.iter().any(|edge| {
                (edge.one.is_subset(one) && edge.other.is_subset(other))
                    || (edge.one.is_subset(other) && edge.other.is_subset(one))
            })
    }

    /// The neighbourhood N(S, X) of `set` without `excluded`: of each minimal hypernode that can
    /// be reached, its smallest relation stands for all.
    pub(super) fn neighbours(&self, set: RelationSet, excluded: RelationSet) -> RelationSet {
        let forbidden = set | excluded;
        let mut neighbours = RelationSet::EMPTY;
        for relation in set.iter() {
            neighbours |= self.simple[relation];
        }
        neighbours = neighbours - forbidden;
        if self.hyper.is_empty() {
            return neighbours;
        }
        let reached: Vec<RelationSet> = self.hypernodes_of(set, forbidden, neighbours).collect();
        let mut representatives = RelationSet::EMPTY;
        for &hypernode in &reached {
            let is_minimal = !reached.iter().any(|other| *other != hypernode && other.is_subset(hypernode));
            if is_minimal {
                representatives |= hypernode.first_as_set();
            }
        }
        neighbours | representatives
    }

    /// The far sides of the hyperedges of `set` that do not contain one of the `simple` neighbours.
    fn hypernodes_of(
        &self,
        set: RelationSet,
        forbidden: RelationSet,
        simple: RelationSet,
    ) -> impl Iterator<Item = RelationSet> {
        let both_ways = |edge: &Hyperedge| [(edge.one, edge.other), (edge.other, edge.one)];
        let reaches = move |(near, far): (RelationSet, RelationSet)| {
            let is_new = !far.intersects(forbidden) && !far.intersects(simple);
            (near.is_subset(set) && is_new).then_some(far)
        };
        self.hyper.iter().flat_map(both_ways).filter_map(reaches)
    }

    /// The sets of relations that hang together by edges whose sides do.
    pub(super) fn components(&self) -> Vec<RelationSet> {
        let mut forest = Forest::new(self.relation_count);
        for (relation, neighbours) in self.simple.iter().enumerate() {
            for neighbour in neighbours.iter() {
                forest.connect(relation, neighbour);
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for edge in &self.hyper {
                if is_one_tree(&mut forest, edge.one) && is_one_tree(&mut forest, edge.other) {
                    let ends = edge.one.first().zip(edge.other.first());
                    changed |= ends.is_some_and(|(one, other)| forest.connect(one, other));
                }
            }
        }
        let mut components: Vec<RelationSet> = vec![RelationSet::EMPTY; self.relation_count];
        for relation in 0..self.relation_count {
            components[forest.find(relation)] |= RelationSet::single(relation);
        }
        components.retain(|component| !component.is_empty());
        components
    }

    /// A cross product that joins two components, below an operator with an input that no single
    /// component contains as far as the operator needs it.
    fn missing_cross_product<'a>(&self, conflicts: &'a Conflicts) -> Option<&'a Operator> {
        let components = self.components();
        let is_together = |set: RelationSet| components.iter().any(|c| set.is_subset(*c));
        let is_broken = |operator: &&Operator| {
            let ends_hang_together = |edge: &Hyperedge| is_together(edge.one) && is_together(edge.other);
            !operator.is_cross_product() && !edges(operator).iter().any(ends_hang_together)
        };
        let broken: Vec<&Operator> = conflicts.operators.iter().filter(is_broken).collect();
        let is_needed = |cross: &&Operator| {
            let leaves = cross.leaves();
            let (left, right) = (cross.left_leaves, cross.right_leaves);
            cross.is_cross_product()
                && !components.iter().any(|c| left.intersects(*c) && right.intersects(*c))
                && broken
                    .iter()
                    .any(|above| leaves.is_subset(above.left_leaves) || leaves.is_subset(above.right_leaves))
        };
        conflicts.operators.iter().find(is_needed)
    }
}

fn is_one_tree(forest: &mut Forest, set: RelationSet) -> bool {
    let mut roots = set.iter().map(|relation| forest.find(relation));
    match roots.next() {
        Some(first) => roots.all(|root| root == first),
        None => false,
    }
}

/// The edges by which an operator makes its relations neighbours.
fn edges(operator: &Operator) -> Vec<Hyperedge> {
    let eligible = operator.eligible;
    let edge = |one, other| Hyperedge { one, other };
    let mut edges = vec![edge(eligible & operator.left_leaves, eligible & operator.right_leaves)];
    // The predicate of an inner join does not care where in the initial tree it stood, unless it
    // has to wait for other operators.
    let is_free = operator.kind == JoinKind::Inner && eligible == operator.required;
    let Some(predicate) = operator.predicates.first().filter(|_| is_free) else {
        return edges;
    };
    if predicate.is_separable() && predicate.relations() == eligible {
        edges.push(edge(predicate.left, predicate.right));
    } else if eligible.len() <= SPREAD_RELATIONS_MAX && predicate.relations() == eligible {
        let splits = eligible.subsets().map(|one| edge(one, eligible - one));
        edges.extend(splits.filter(|e| !e.other.is_empty() && e.one < e.other));
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::super::testing::Prepared;
    use super::super::tree::{Predicate, Relation, Tree};
    use super::*;

    /// The example graph of the paper: two chains of three and a hyperedge between them.
    fn two_chains() -> Hypergraph {
        let mut graph = Hypergraph::new(6);
        for (one, other) in [(0, 1), (1, 2), (3, 4), (4, 5)] {
            graph.add(RelationSet::single(one), RelationSet::single(other));
        }
        graph.add([0, 1, 2].into(), [3, 4, 5].into());
        graph
    }

    fn check<const N: usize>(set: &[usize], excluded: &[usize], expected: [usize; N]) {
        let set = set.iter().copied().collect();
        let excluded = excluded.iter().copied().collect();
        let neighbours = two_chains().neighbours(set, excluded);
        assert_eq!(neighbours, RelationSet::from(expected));
    }

    #[test]
    fn neighbourhoods() {
        check(&[0], &[], [1]);
        check(&[1], &[], [0, 2]);
        check(&[1], &[0], [2]);
        check(&[0, 1], &[], [2]);
        check(&[0, 1, 2], &[], [3]);
        check(&[0, 1, 2], &[4], []);
        check(&[3, 4, 5], &[], [0]);
    }

    #[test]
    fn larger_hypernodes_are_subsumed() {
        let mut graph = Hypergraph::new(5);
        graph.add([0].into(), [1, 2, 3].into());
        graph.add([0].into(), [2, 3].into());
        assert_eq!(graph.neighbours([0].into(), RelationSet::EMPTY), [2].into());
        graph.add([0].into(), [3].into());
        assert_eq!(graph.neighbours([0].into(), RelationSet::EMPTY), [3].into());
    }

    #[test]
    fn connections_and_components() {
        let graph = two_chains();
        assert!(graph.connects([0, 1, 2].into(), [3, 4, 5].into()));
        assert!(graph.connects([3, 4, 5].into(), [0, 1, 2].into()));
        assert!(!graph.connects([0, 1].into(), [3, 4, 5].into()));
        assert!(graph.connects([0].into(), [1, 2].into()));
        assert_eq!(graph.components(), [RelationSet::first_n(6)]);

        let mut graph = Hypergraph::new(4);
        graph.add([0].into(), [1, 2].into());
        let singles: Vec<RelationSet> = (0..4).map(RelationSet::single).collect();
        assert_eq!(graph.components(), singles);
        graph.add([1].into(), [2].into());
        assert_eq!(graph.components(), [[0, 1, 2].into(), RelationSet::single(3)]);
    }
    #[test]
    fn cross_products_are_edges_only_where_needed() {
        use JoinKind::{Full, Inner, Left};
        let relation = Relation { rows: 10.0, width_bytes: 8.0, scan: None };
        // R1 x R2 as an input of another join that reads both.
        let check = |kind, components: usize, neighbours: RelationSet| {
            let [r0, r1, r2] = [0, 1, 2].map(Tree::Relation);
            let cross = Tree::join(Inner, r1, r2, vec![]);
            let on = vec![Predicate::equal(1, 0, 1, 0.1), Predicate::equal(2, 0, 2, 0.1)];
            let graph = Prepared::new(&Tree::join(kind, r0, cross, on), &[relation; 3]).graph();
            assert_eq!(graph.components().len(), components);
            assert_eq!(graph.neighbours([1].into(), RelationSet::EMPTY), neighbours);
        };
        check(Inner, 1, [0].into());
        check(Left, 1, [2].into());
        check(Full, 1, [2].into());
    }
}

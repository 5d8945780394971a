//! Equalities that follow from others: `a = b` and `b = c` imply `a = c`.
//!
//! ```text
//!   given:   a --- b --- c          derived:   a --- b --- c
//!                                               \_________/
//! ```
//!
//! With the derived edge a and c can be joined first. Only equalities that hold together may be
//! combined: those of inner joins that hang together without another kind of join between.

use super::cardinality::{Forest, Members};
use super::set::RelationSet;
use super::tree::{Equality, Join, JoinKind, KeyColumn, OperatorTree, OrderError, Predicate, Relation, Tree};

/// One side of a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// [`Predicate::left`].
    Left,
    /// [`Predicate::right`].
    Right,
}

/// An expression, named by a given predicate of which it is one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    /// [`Predicate::id`].
    pub(crate) predicate: usize,
    /// Which of its sides.
    pub(crate) side: Side,
}

/// What the caller needs to build the expression of a derived predicate: `left = right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Derived {
    /// The id of the new predicate; the ids go on after the largest given one.
    pub(crate) id: usize,
    /// Its left expression.
    pub(crate) left: Operand,
    /// Its right expression.
    pub(crate) right: Operand,
}

/// Adds to the inner joins of `tree` the equalities that follow from those with
/// [`Predicate::equality`], and says what they are.
///
/// The selectivity of a derived equality is that of the least selective one on the path between
/// its sides: then the most selective spanning tree of the class, which is what the
/// [`Estimator`](super::Estimator) counts, has the same product as before.
pub(crate) fn derive_transitive(tree: &Tree, relations: &[Relation]) -> Result<(Tree, Vec<Derived>), OrderError> {
    // The checks bound the depth of the tree, and with it that of the recursion below.
    OperatorTree::new(tree, relations)?;
    let mut tree = tree.clone();
    let mut derivation =
        Derivation { id_next: id_max(&tree).map_or(0, |id| id.saturating_add(1)), derived: Vec::new() };
    derivation.visit(&mut tree, false);
    Ok((tree, derivation.derived))
}

fn id_max(tree: &Tree) -> Option<usize> {
    let Tree::Join(join) = tree else { return None };
    let own = join.predicates.iter().map(|p| p.id).max();
    own.max(id_max(&join.left)).max(id_max(&join.right))
}

struct Derivation {
    id_next: usize,
    derived: Vec<Derived>,
}

/// An expression of a class.
struct Member {
    relations: RelationSet,
    /// Those without which it is NULL, by what the equality rejects that it is taken from.
    rejects_nulls: RelationSet,
    operand: Operand,
}

impl Derivation {
    /// `in_block`: the parent is an inner join, so this one belongs to its block.
    fn visit(&mut self, tree: &mut Tree, in_block: bool) {
        let Tree::Join(join) = tree else { return };
        let is_inner = join.kind == JoinKind::Inner;
        if is_inner && !in_block {
            let mut given = Vec::new();
            collect(join, &mut given);
            for predicate in self.close(&given) {
                add(join, predicate);
            }
        }
        self.visit(&mut join.left, is_inner);
        self.visit(&mut join.right, is_inner);
    }

    /// The predicates that are missing between expressions of one class. Kruskal's algorithm: the
    /// edge that merges two groups is the least selective one on every path between them.
    fn close(&mut self, given: &[Predicate]) -> Vec<Predicate> {
        let (numbers, members) = members(given);
        let edge = |predicate: &Predicate| {
            let equality = predicate.class_member()?;
            let number = |expression| {
                let member = (equality.class, expression);
                numbers.known.iter().position(|known| *known == member)
            };
            Some((number(equality.left)?, number(equality.right)?))
        };
        let given_edges: Vec<_> = given.iter().filter_map(edge).collect();
        let is_given =
            |one: usize, other: usize| given_edges.contains(&(one, other)) || given_edges.contains(&(other, one));
        let mut edges: Vec<_> =
            given.iter().filter_map(|predicate| Some((predicate.selectivity, edge(predicate)?))).collect();
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut groups: Vec<Vec<usize>> = (0..members.len()).map(|member| vec![member]).collect();
        let mut forest = Forest::new(members.len());
        let mut missing = Vec::new();
        for (selectivity, (one, other)) in edges {
            let (one, other) = (forest.find(one), forest.find(other));
            if !forest.connect(one, other) {
                continue;
            }
            let root = forest.find(one);
            let merged = std::mem::take(&mut groups[one + other - root]);
            for &one in &groups[root] {
                for &other in &merged {
                    if !is_given(one, other) {
                        missing.push((one.min(other), one.max(other), selectivity));
                    }
                }
            }
            groups[root].extend(merged);
        }
        missing.sort_by_key(|&(left, right, _)| (left, right));
        let mut predicates = Vec::new();
        for (left, right, selectivity) in missing {
            let (l, r) = (&members[left], &members[right]);
            if !l.relations.intersects(r.relations) {
                let class = (numbers.known[left], numbers.known[right]);
                predicates.push(self.predicate(l, r, class, selectivity));
            }
        }
        predicates
    }

    fn predicate(
        &mut self,
        left: &Member,
        right: &Member,
        (left_class, right_class): ((usize, usize), (usize, usize)),
        selectivity: f64,
    ) -> Predicate {
        let id = self.id_next;
        self.id_next = self.id_next.saturating_add(1);
        self.derived.push(Derived { id, left: left.operand, right: right.operand });
        Predicate {
            id,
            left: left.relations,
            right: right.relations,
            rejects_nulls: left.rejects_nulls | right.rejects_nulls,
            selectivity,
            is_hashable: true,
            equality: Some(Equality { class: left_class.0, left: left_class.1, right: right_class.1 }),
            marks: Vec::new(),
            keys: [KeyColumn::UNKNOWN; 2],
        }
    }
}

/// The expressions of all classes, with a predicate each in which they occur.
fn members(given: &[Predicate]) -> (Members, Vec<Member>) {
    let (mut numbers, mut members) = (Members::default(), Vec::new());
    for predicate in given {
        let Some(equality) = predicate.class_member() else {
            continue;
        };
        let sides = [(equality.left, predicate.left, Side::Left), (equality.right, predicate.right, Side::Right)];
        for (expression, relations, side) in sides {
            if numbers.number(equality.class, expression) == members.len() {
                let operand = Operand { predicate: predicate.id, side };
                members.push(Member { relations, rejects_nulls: predicate.rejects_nulls & relations, operand });
            }
        }
    }
    (numbers, members)
}

/// The predicates of the inner joins that hang together from `join` down. One that reads a mark
/// column is not moved about.
fn collect(join: &Join, predicates: &mut Vec<Predicate>) {
    let without_mark = join.predicates.iter().filter(|p| p.marks.is_empty());
    predicates.extend(without_mark.cloned());
    for input in [&join.left, &join.right] {
        if let Tree::Join(below) = input
            && below.kind == JoinKind::Inner
        {
            collect(below, predicates);
        }
    }
}

/// Puts a predicate at the lowest inner join of the block that has all its relations.
fn add(join: &mut Join, predicate: Predicate) {
    for input in [&mut join.left, &mut join.right] {
        let has_all = predicate.relations().is_subset(input.relations());
        if let Tree::Join(below) = input
            && has_all
            && below.kind == JoinKind::Inner
        {
            return add(below, predicate);
        }
    }
    join.predicates.push(predicate);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Edges as (left, right, selectivity in percent), all in one class, on a left-deep tree whose
    /// joins are of the given kinds. Expected: derived edges, and the predicates used for them.
    fn check(kinds: &[JoinKind], edges: &[(usize, usize, u32)], expected: &[(usize, usize, u32, Operand, Operand)]) {
        let mut tree = Tree::Relation(0);
        for (right, &kind) in (1..).zip(kinds) {
            let reaches = |edge: &&(usize, usize, u32)| edge.0.max(edge.1) == right;
            let on = edges.iter().filter(reaches).map(|&(left, right, percent)| Predicate {
                equality: Some(Equality { class: 0, left, right }),
                ..Predicate::equal(10 * left + right, left, right, f64::from(percent) / 100.0)
            });
            tree = Tree::join(kind, tree, Tree::Relation(right), on.collect());
        }
        let relation = Relation { rows: 10.0, width_bytes: 8.0, scan: None };
        let relations = vec![relation; kinds.len() + 1];
        let (closed, derived) = derive_transitive(&tree, &relations).expect("is valid");
        assert_eq!(closed.relations(), tree.relations());
        let operators = OperatorTree::new(&closed, &relations).expect("is valid");
        let describe = |derived: &Derived| {
            let mut all = operators.nodes.iter().flat_map(|node| &node.predicates);
            let placed = all.find(|p| p.predicate.id == derived.id).expect("was added");
            let predicate = &placed.predicate;
            let percent = (predicate.selectivity * 100.0).round() as u32;
            let relation = |set: RelationSet| set.first().expect("has a relation");
            let (left, right) = (relation(predicate.left), relation(predicate.right));
            (left, right, percent, derived.left, derived.right)
        };
        assert_eq!(derived.iter().map(describe).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn classes_are_closed() {
        use JoinKind::*;
        let left = |predicate| Operand { predicate, side: Side::Left };
        let right = |predicate| Operand { predicate, side: Side::Right };
        let chain = [(0, 1, 10), (1, 2, 5)];
        check(&[Inner, Inner], &chain, &[(2, 0, 10, right(12), left(1))]);
        check(&[Inner, Inner], &[(0, 1, 10), (1, 2, 5), (0, 2, 7)], &[]);
        check(&[Inner, Left], &chain, &[]);
        check(&[LeftSemi, Inner], &[(0, 1, 10), (0, 2, 5)], &[]);
        let star = [(0, 1, 1), (0, 2, 2), (0, 3, 3)];
        let expected = [(3, 2, 3, right(3), right(2)), (3, 1, 3, right(3), right(1)), (2, 1, 2, right(2), right(1))];
        check(&[Inner, Inner, Inner], &star, &expected);
    }
}

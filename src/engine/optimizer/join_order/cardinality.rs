//! How many rows a set of relations gives, whatever the order in which they are joined.
//!
//! Two plans of the same relations must get the same estimate, or the search prefers the plan
//! that is estimated worst. So the estimate is a function of the set alone: that of the initial
//! tree from which all other relations are cut.
//!
//! ```text
//!   initial tree              cut to {A, C}
//!
//!       Left [b = c]              Left (b = c cannot be evaluated: a cross product)
//!      /     \                   /    \
//!   Inner     C                 A      C
//!   /   \
//!  A     B
//! ```
//!
//! With `l`, `r` the rows of the inputs, `s` the product of the selectivities and `m = r * s` the
//! partners of a left row:
//!
//! | join      | rows                                              |
//! |-----------|---------------------------------------------------|
//! | inner     | `l * r * s`                                       |
//! | left      | `l * max(1, m)`                                   |
//! | full      | `l * r * s + l * (1 - min(1, m)) + r * (1 - min(1, l * s))` |
//! | left semi | `l * min(1, m)`                                   |
//! | left anti | `l * max(1 - m, ANTI_SHARE_MIN)`                  |
//! | left mark | `l`                                               |
//!
//! Adjacent inner joins are estimated as one block: the product of the inputs and of the
//! selectivities of all predicates whose relations are in the set. Equalities of one class are not
//! independent (`a = b` and `b = c` imply `a = c`), so of a class only a spanning tree over the
//! expressions counts, the most selective edges first (Kruskal 1956). The problem is described by
//! Swami and Schiefer, "On the Estimation of Join Result Sizes" (EDBT 1994). They count the *least*
//! selective edges, which is exact if a selectivity is 1 / max(distinct values) and the smaller
//! domain is contained in the larger; the two agree if those of a class are equal, as they are for
//! a key and the foreign keys that refer to it.

use super::set::RelationSet;
use super::tree::{Input, JoinKind, OperatorTree, Placed, Relation};

/// The least share of its left rows that an anti join is estimated to keep. With 0 everything
/// above it would cost nothing, and its order would be arbitrary.
pub(crate) const ANTI_SHARE_MIN: f64 = 0.05;

/// Estimates stay in this range, so that products of 64 of them are not 0 or infinite.
const ROWS_RANGE: (f64, f64) = (1e-30, 1e100);

/// Estimates rows and widths of sets of relations.
#[derive(Debug)]
pub(crate) struct Estimator {
    parts: Vec<Part>,
    root: usize,
    /// Relations and, for those on the right of a semi, anti or mark join, all that is on there.
    relations: Vec<Relation>,
    hidden_with: Vec<Vec<RelationSet>>,
    member_count: usize,
}

/// The initial tree with its inner joins merged to blocks.
#[derive(Debug)]
enum Part {
    Relation { set: RelationSet, rows_ln: f64 },
    Block { inputs: Vec<usize>, factors: Vec<Factor> },
    Operator { kind: JoinKind, left: usize, right: usize, required: RelationSet, selectivity: f64 },
}

/// A predicate of a block.
#[derive(Debug)]
struct Factor {
    required: RelationSet,
    selectivity_ln: f64,
    /// The two expressions of a class equality, numbered over all classes.
    members: Option<(usize, usize)>,
}

impl Estimator {
    /// `relations` has an entry for each relation of the tree.
    pub(super) fn new(tree: &OperatorTree, relations: &[Relation]) -> Self {
        let mut estimator = Self {
            parts: Vec::new(),
            root: 0,
            relations: relations.to_vec(),
            hidden_with: vec![Vec::new(); relations.len()],
            member_count: 0,
        };
        for node in tree.nodes.iter().filter(|node| node.kind.hides_right()) {
            for relation in node.right_leaves.iter() {
                estimator.hidden_with[relation].push(node.right_leaves);
            }
        }
        let mut members = Members::default();
        estimator.root = estimator.add(tree, tree.root, &mut members);
        estimator.member_count = members.known.len();
        estimator
    }

    /// A relation, by its number.
    pub(super) fn relation(&self, relation: usize) -> &Relation {
        &self.relations[relation]
    }

    /// The estimated rows of the join of `set`.
    pub(crate) fn rows(&self, set: RelationSet) -> f64 {
        let mut forest = Forest::new(self.member_count);
        self.part_rows(self.root, set, &mut forest).map_or(1.0, |rows_ln| clamp(rows_ln.exp()))
    }

    /// The estimated bytes per row of the join of `set`: the relations that it still shows.
    pub(crate) fn width_bytes(&self, set: RelationSet) -> f64 {
        let is_visible = |relation: &usize| {
            let mut hidden_with = self.hidden_with[*relation].iter();
            hidden_with.all(|right| set.is_subset(*right))
        };
        let visible = set.iter().filter(is_visible);
        visible.map(|relation| self.relations[relation].width_bytes).sum()
    }

    fn add(&mut self, tree: &OperatorTree, input: Input, members: &mut Members) -> usize {
        let part = match input {
            Input::Relation(relation) => Part::Relation {
                set: RelationSet::single(relation),
                rows_ln: clamp(self.relations[relation].rows).ln(),
            },
            Input::Node(index) if tree.nodes[index].kind == JoinKind::Inner => self.block(tree, index, members),
            Input::Node(index) => {
                let node = &tree.nodes[index];
                Part::Operator {
                    kind: node.kind,
                    left: self.add(tree, node.left, members),
                    right: self.add(tree, node.right, members),
                    required: node.eligibility(node.required()),
                    selectivity: node.predicates.iter().map(|placed| placed.predicate.selectivity).product(),
                }
            }
        };
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// The inner joins that hang together below node `top`.
    fn block(&mut self, tree: &OperatorTree, top: usize, members: &mut Members) -> Part {
        let (mut inputs, mut factors) = (Vec::new(), Vec::new());
        let mut pending = vec![top];
        while let Some(index) = pending.pop() {
            let node = &tree.nodes[index];
            factors.extend(node.predicates.iter().map(|placed| factor(placed, members)));
            for input in [node.left, node.right] {
                match input {
                    Input::Node(child) if tree.nodes[child].kind == JoinKind::Inner => {
                        pending.push(child);
                    }
                    _ => inputs.push(self.add(tree, input, members)),
                }
            }
        }
        // Kruskal takes the edges in this order.
        factors.sort_by(|a, b| a.selectivity_ln.total_cmp(&b.selectivity_ln));
        Part::Block { inputs, factors }
    }

    /// The logarithm of the rows: sums do not overflow. None if no relation of `set` is below.
    fn part_rows(&self, part: usize, set: RelationSet, forest: &mut Forest) -> Option<f64> {
        match &self.parts[part] {
            Part::Relation { set: own, rows_ln } => own.is_subset(set).then_some(*rows_ln),
            Part::Block { inputs, factors } => {
                let mut rows_ln = None;
                for input in inputs {
                    if let Some(input_ln) = self.part_rows(*input, set, forest) {
                        rows_ln = Some(rows_ln.unwrap_or(0.0) + input_ln);
                    }
                }
                rows_ln.map(|rows_ln| rows_ln + selectivity_ln(factors, set, forest))
            }
            Part::Operator { kind, left, right, required, selectivity } => {
                let left_ln = self.part_rows(*left, set, forest);
                let right_ln = self.part_rows(*right, set, forest);
                let (Some(left_ln), Some(right_ln)) = (left_ln, right_ln) else {
                    return left_ln.or(right_ln);
                };
                if !required.is_subset(set) {
                    return Some(left_ln + right_ln);
                }
                let (left, right) = (clamp(left_ln.exp()), clamp(right_ln.exp()));
                Some(clamp(join_rows(*kind, left, right, *selectivity)).ln())
            }
        }
    }
}

fn clamp(rows: f64) -> f64 {
    let (min, max) = ROWS_RANGE;
    rows.max(min).min(max)
}

/// The table of the file comment.
fn join_rows(kind: JoinKind, left: f64, right: f64, selectivity: f64) -> f64 {
    let pairs = left * right * selectivity;
    let share = |partners: f64| partners.min(1.0);
    let (left_share, right_share) = (share(right * selectivity), share(left * selectivity));
    match kind {
        JoinKind::Left => left.max(pairs),
        JoinKind::Full => pairs + left * (1.0 - left_share) + right * (1.0 - right_share),
        JoinKind::LeftSemi => left * left_share,
        JoinKind::LeftAnti => left * (1.0 - left_share).max(ANTI_SHARE_MIN),
        JoinKind::LeftMark => left,
        // Mirrored kinds do not occur in an operator tree.
        _ => pairs,
    }
}

fn factor(placed: &Placed, members: &mut Members) -> Factor {
    let predicate = &placed.predicate;
    Factor {
        required: placed.required,
        selectivity_ln: predicate.selectivity.max(ROWS_RANGE.0).ln(),
        members: predicate.class_member().map(|equality| {
            let left = members.number(equality.class, equality.left);
            (left, members.number(equality.class, equality.right))
        }),
    }
}

fn selectivity_ln(factors: &[Factor], set: RelationSet, forest: &mut Forest) -> f64 {
    let mut sum = 0.0;
    for factor in factors.iter().filter(|f| f.required.is_subset(set)) {
        let counts = match factor.members {
            Some((left, right)) => forest.connect(left, right),
            None => true,
        };
        if counts {
            sum += factor.selectivity_ln;
        }
    }
    sum
}

/// Numbers the expressions of equivalence classes densely.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// (class, expression)
    pub(crate) known: Vec<(usize, usize)>,
}

impl Members {
    /// The number of an expression; a new one if it was not seen before.
    pub(super) fn number(&mut self, class: usize, expression: usize) -> usize {
        let member = (class, expression);
        let position = self.known.iter().position(|known| *known == member);
        position.unwrap_or_else(|| {
            self.known.push(member);
            self.known.len() - 1
        })
    }
}

/// Disjoint sets (union-find with path halving).
#[derive(Clone, Debug)]
pub(super) struct Forest {
    parents: Vec<usize>,
}

impl Forest {
    /// `count` sets of one member.
    pub(super) fn new(count: usize) -> Self {
        Self { parents: (0..count).collect() }
    }

    /// The representative of the set with `member`.
    pub(super) fn find(&mut self, mut member: usize) -> usize {
        while self.parents[member] != member {
            self.parents[member] = self.parents[self.parents[member]];
            member = self.parents[member];
        }
        member
    }

    /// Merges two sets; false if they were one already.
    pub(super) fn connect(&mut self, one: usize, other: usize) -> bool {
        let (one, other) = (self.find(one), self.find(other));
        self.parents[one.max(other)] = one.min(other);
        one != other
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Equality, Predicate, Tree};
    use super::*;
    use JoinKind::*;

    const ROWS: [f64; 4] = [100.0, 20.0, 50.0, 8.0];

    fn estimator(tree: &Tree) -> Estimator {
        let relations: Vec<Relation> = ROWS[..tree.relations().len()]
            .iter()
            .map(|&rows| Relation { rows, width_bytes: rows / 10.0, scan: None })
            .collect();
        Estimator::new(&OperatorTree::new(tree, &relations).expect("is valid"), &relations)
    }

    fn two(kind: JoinKind, selectivity: f64) -> Tree {
        let on = vec![Predicate::equal(0, 0, 1, selectivity)];
        Tree::join(kind, Tree::Relation(0), Tree::Relation(1), on)
    }

    #[track_caller]
    fn check(tree: &Tree, set: impl Into<RelationSet>, rows: f64) {
        let estimated = estimator(tree).rows(set.into());
        assert!((estimated / rows - 1.0).abs() < 1e-9, "{estimated} != {rows}");
    }

    #[test]
    fn each_kind() {
        check(&two(Inner, 0.01), [0, 1], 20.0);
        check(&two(Left, 0.01), [0, 1], 100.0);
        check(&two(Left, 0.1), [0, 1], 200.0);
        check(&two(Right, 0.01), [0, 1], 20.0);
        check(&two(Full, 0.01), [0, 1], 20.0 + 80.0);
        check(&two(Full, 0.001), [0, 1], 2.0 + 98.0 + 18.0);
        check(&two(LeftSemi, 0.01), [0, 1], 20.0);
        check(&two(RightSemi, 0.001), [0, 1], 2.0);
        check(&two(LeftSemi, 0.5), [0, 1], 100.0);
        check(&two(LeftAnti, 0.01), [0, 1], 80.0);
        check(&two(LeftAnti, 0.5), [0, 1], 5.0);
        check(&two(LeftMark, 0.5), [0, 1], 100.0);
        check(&two(LeftSemi, 0.01), [0], 100.0);
        check(&two(LeftSemi, 0.01), [1], 20.0);
    }

    #[test]
    fn a_cut_tree() {
        let on = vec![Predicate::equal(1, 1, 2, 0.01)];
        let tree = Tree::join(Left, two(Inner, 0.01), Tree::Relation(2), on);
        check(&tree, [0, 1], 20.0);
        check(&tree, [1, 2], 20.0);
        check(&tree, [0, 2], 5000.0);
        check(&tree, [0, 1, 2], 20.0);
    }

    /// a = b (0.01), b = c (0.02) and, where `closed`, a = c (0.05).
    fn triangle(class: Option<usize>, closed: bool) -> Tree {
        let edge = |left: usize, right: usize, selectivity| Predicate {
            equality: class.map(|class| Equality { class, left, right }),
            ..Predicate::equal(left + right, left, right, selectivity)
        };
        let mut on = vec![edge(0, 1, 0.01), edge(1, 2, 0.02)];
        if closed {
            on.push(edge(0, 2, 0.05));
        }
        let below = Tree::join(Inner, Tree::Relation(0), Tree::Relation(1), vec![]);
        Tree::join(Inner, below, Tree::Relation(2), on)
    }

    #[test]
    fn a_class_counts_a_spanning_tree() {
        check(&triangle(None, false), [0, 1, 2], 20.0);
        check(&triangle(None, true), [0, 1, 2], 1.0);
        check(&triangle(Some(3), true), [0, 1, 2], 20.0);
        check(&triangle(Some(3), true), [0, 2], 250.0);
        check(&triangle(Some(3), false), [0, 2], 5000.0);
    }

    #[test]
    fn widths_of_what_is_visible() {
        let semi = estimator(&two(LeftSemi, 0.1));
        assert_eq!(semi.width_bytes([0, 1].into()), 10.0);
        assert_eq!(semi.width_bytes([1].into()), 2.0);
        let inner = estimator(&two(Inner, 0.1));
        assert_eq!(inner.width_bytes([0, 1].into()), 12.0);
    }

    #[test]
    fn no_overflow() {
        let huge = Relation { rows: 1e300, width_bytes: 8.0, scan: None };
        let tree =
            (1..64).fold(Tree::Relation(0), |tree, relation| Tree::join(Full, tree, Tree::Relation(relation), vec![]));
        let relations = vec![huge; 64];
        let estimator = Estimator::new(&OperatorTree::new(&tree, &relations).expect("is valid"), &relations);
        assert!(estimator.rows(RelationSet::first_n(64)).is_finite());
    }
}

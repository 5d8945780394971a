//! Which joins may be done when: the conflict detector CD-C.
//!
//! Moerkotte, Fender and Eich, "On the Correct and Complete Enumeration of the Core Search Space"
//! (SIGMOD 2013). Each operator `b` of the initial tree is compared with each operator `a` below
//! it. If the two may not be exchanged, `b` gets a rule: *if the plan has a relation of one input
//! of `a`, it must have those of the other*, that is, `a` must be done before.
//!
//! ```text
//!    (e1 a e2) b e3  =  e1 a (e2 b e3)       assoc(a, b)
//!    (e1 a e2) b e3  =  (e1 b e3) a e2       l-asscom(a, b)
//!    e1 a (e2 b e3)  =  e2 b (e1 a e3)       r-asscom(a, b)
//!
//!        b                     not assoc(a, b):     T(right(a)) -> T(left(a))
//!       / \                    not l-asscom(a, b):  T(left(a))  -> T(right(a))
//!      a   e3
//!     / \                      The target is cut to what a's predicate reads, if it
//!   e1   e2                    reads something there.
//! ```
//!
//! Where this differs from the paper:
//!
//! * The conjuncts of an inner join are operators of their own, so that each can be evaluated as
//!   early as its relations are there. An inner join without predicates is an operator that
//!   constrains those above it, but no plan has to contain it.
//! * A mark join is treated as a semi join: nothing is pulled out of its right side. Who reads its
//!   column requires all relations of the mark join, so it is done before.
//! * An operator whose predicate reads nothing of an input requires all of that input.
//! * All operators whose predicates become evaluable at a join are evaluated there. If one of them
//!   may not, or if a join of another kind than inner meets a second operator, the pair is not
//!   joined: there is no later place at which the predicate could be evaluated.

use super::cardinality::{Forest, Members};
use super::set::RelationSet;
use super::tree::{Join, JoinKind, Node, OperatorTree, Predicate, Tree};

/// `if` a plan has a relation of the one set, `then` it must have all of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    when: RelationSet,
    then: RelationSet,
}

/// A join of the initial tree; of an inner join, one of its predicates.
#[derive(Debug)]
pub(super) struct Operator {
    pub(crate) kind: JoinKind,
    pub(crate) id: Option<usize>,
    pub(crate) predicates: Vec<Predicate>,
    /// T(left) and T(right).
    pub(crate) left_leaves: RelationSet,
    pub(crate) right_leaves: RelationSet,
    /// The syntactic eligibility set. Empty for a cross product.
    pub(crate) required: RelationSet,
    /// The total eligibility set: `required` and what the rules added for good.
    pub(crate) eligible: RelationSet,
    /// The union over the predicates: one that is not true makes the condition not true.
    rejects_nulls: RelationSet,
    rules: Vec<Rule>,
    /// The two expressions, for an inner equality of a class.
    members: Option<(usize, usize)>,
}

/// What has to be done to join two sets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Applied {
    /// Never a mirrored kind.
    pub(crate) kind: JoinKind,
    /// The sets in the order that the kind needs.
    pub(crate) left: RelationSet,
    pub(crate) right: RelationSet,
}

/// All operators with their conflicts.
#[derive(Debug)]
pub(super) struct Conflicts {
    /// Post-order: an operator comes after those below it.
    pub(crate) operators: Vec<Operator>,
    /// Per relation the operators that require it, with all that they require.
    readers: Vec<Vec<(usize, RelationSet)>>,
    member_count: usize,
}

impl Conflicts {
    /// Computes the eligibility sets and rules of all operators.
    pub(super) fn new(tree: &OperatorTree) -> Self {
        let mut members = Members::default();
        let mut operators: Vec<Operator> = Vec::new();
        for node in &tree.nodes {
            let first_of_node = operators.len();
            for mut operator in operators_of(node, &mut members) {
                // Conjuncts of one inner join never conflict with each other.
                for below in &operators[..first_of_node] {
                    operator.rules.extend(rules(&operator, below));
                }
                operator.absorb_rules();
                operators.push(operator);
            }
        }
        Self {
            readers: (0..tree.relation_count).map(|relation| readers_of(relation, &operators)).collect(),
            operators,
            member_count: members.known.len(),
        }
    }

    /// Whether and how the joined sets `one` and `other` can be joined with each other; the
    /// operators to evaluate are put in `crossing`. None of them: it is a cross product.
    pub(super) fn apply(&self, one: RelationSet, other: RelationSet, crossing: &mut Vec<usize>) -> Option<Applied> {
        self.find_crossing(one, other, crossing);
        let inner = Applied { kind: JoinKind::Inner, left: one, right: other };
        let Some((&first, more)) = crossing.split_first() else {
            return self.cross_product_allowed(one, other).then_some(inner);
        };
        let first = &self.operators[first];
        if first.kind != JoinKind::Inner {
            return if more.is_empty() { first.orient(one, other) } else { None };
        }
        let allowed = crossing.iter().all(|&index| {
            let operator = &self.operators[index];
            operator.kind == JoinKind::Inner && operator.inner_allowed(one, other)
        });
        if !allowed {
            return None;
        }
        self.drop_implied(one, other, crossing);
        Some(inner)
    }

    /// Finds the operators that become evaluable when the two sets are joined. They require
    /// something of either set, so it is enough to look at those that read the smaller one.
    fn find_crossing(&self, one: RelationSet, other: RelationSet, crossing: &mut Vec<usize>) {
        let (small, large) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        crossing.clear();
        for relation in small.iter() {
            for &(index, required) in &self.readers[relation] {
                let is_new = required.intersects(large) && required.is_subset(one | other);
                // One that reads several relations of the small set is met at each of them.
                if is_new && (required & small).first() == Some(relation) {
                    crossing.push(index);
                }
            }
        }
        crossing.sort_unstable();
    }

    /// The join that evaluates the operators that [`Conflicts::apply`] found.
    pub(super) fn join(&self, crossing: &[usize], kind: JoinKind, left: Tree, right: Tree) -> Join {
        let operators = || crossing.iter().map(|&index| &self.operators[index]);
        let not_inner = operators().find(|operator| operator.kind != JoinKind::Inner);
        Join {
            kind,
            left,
            right,
            predicates: operators().flat_map(|o| o.predicates.clone()).collect(),
            id: not_inner.and_then(|operator| operator.id),
        }
    }

    fn cross_product_allowed(&self, one: RelationSet, other: RelationSet) -> bool {
        self.operators.iter().any(|operator| {
            operator.is_cross_product() && operator.obeys_rules(one | other) && operator.touches(one, other)
        })
    }

    /// Removes equalities from `crossing` that follow from the others of their class: of
    /// `{a = b} join c` on `a = c` and `b = c` one is enough. The most selective stays.
    fn drop_implied(&self, one: RelationSet, other: RelationSet, crossing: &mut Vec<usize>) {
        let member_of = |index: &usize| self.operators[*index].members;
        if crossing.iter().filter_map(member_of).count() < 2 {
            return;
        }
        let mut forest = Forest::new(self.member_count);
        for operator in &self.operators {
            let inside = operator.required.is_subset(one) || operator.required.is_subset(other);
            if let (Some((left, right)), true) = (operator.members, inside) {
                forest.connect(left, right);
            }
        }
        crossing.sort_by(|&a, &b| {
            let selectivity = |index: usize| self.operators[index].selectivity();
            selectivity(a).total_cmp(&selectivity(b)).then(a.cmp(&b))
        });
        crossing.retain(|index| match member_of(index) {
            Some((left, right)) => forest.connect(left, right),
            None => true,
        });
        crossing.sort_unstable();
    }
}

fn readers_of(relation: usize, operators: &[Operator]) -> Vec<(usize, RelationSet)> {
    let all = operators.iter().map(|operator| operator.required).enumerate();
    all.filter(|(_, required)| required.contains(relation)).collect()
}

fn operators_of(node: &Node, members: &mut Members) -> Vec<Operator> {
    let operator = |required, predicates: Vec<Predicate>| Operator {
        kind: node.kind,
        id: node.id,
        left_leaves: node.left_leaves,
        right_leaves: node.right_leaves,
        required,
        eligible: required,
        rejects_nulls: predicates.iter().fold(RelationSet::EMPTY, |set, p| set | (p.rejects_nulls & p.relations())),
        predicates,
        rules: Vec::new(),
        members: None,
    };
    if node.kind != JoinKind::Inner {
        let predicates = node.predicates.iter().map(|p| p.predicate.clone());
        let required = node.eligibility(node.required());
        return vec![operator(required, predicates.collect())];
    }
    if node.predicates.is_empty() {
        return vec![operator(RelationSet::EMPTY, Vec::new())];
    }
    let conjuncts = node.predicates.iter().map(|placed| {
        let required = node.eligibility(placed.required);
        let mut conjunct = operator(required, vec![placed.predicate.clone()]);
        // One that requires more than its own relations stands above an outer join that pads both
        // of them with NULLs, and rejects these rows: it does not follow from one below.
        let follows = required == placed.predicate.relations();
        if let Some(e) = placed.predicate.class_member().filter(|_| follows) {
            let left = members.number(e.class, e.left);
            conjunct.members = Some((left, members.number(e.class, e.right)));
        }
        conjunct
    });
    conjuncts.collect()
}

/// The rules that `above` gets for `below`; none if `below` is not in one of its inputs.
fn rules(above: &Operator, below: &Operator) -> impl Iterator<Item = Rule> + use<> {
    let (left, right) = (below.left_leaves, below.right_leaves);
    let (to_right, to_left) = if (left | right).is_subset(above.left_leaves) {
        (!l_asscom(below, above, left), !assoc(below, above, right))
    } else if (left | right).is_subset(above.right_leaves) {
        (!assoc(above, below, left), !r_asscom(above, below, right))
    } else {
        (false, false)
    };
    let read = |side: RelationSet| match side & below.required {
        RelationSet::EMPTY => side,
        read => read,
    };
    let right_rule = to_right.then_some(Rule { when: left, then: read(right) });
    let left_rule = to_left.then_some(Rule { when: right, then: read(left) });
    right_rule.into_iter().chain(left_rule)
}

/// `(e1 a e2) b e3 = e1 a (e2 b e3)`: the assoc table of the paper.
fn assoc(a: &Operator, b: &Operator, e2: RelationSet) -> bool {
    use JoinKind::*;
    match (a.kind, b.kind) {
        (Inner, Inner | Left | LeftSemi | LeftAnti | LeftMark) => true,
        (Left | Full, Left) => b.rejects_nulls.intersects(e2),
        (Full, Full) => a.rejects_nulls.intersects(e2) && b.rejects_nulls.intersects(e2),
        _ => false,
    }
}

/// `(e1 a e2) b e3 = (e1 b e3) a e2`: the l-asscom table of the paper.
fn l_asscom(a: &Operator, b: &Operator, e1: RelationSet) -> bool {
    use JoinKind::*;
    match (a.kind, b.kind) {
        (Full, Full) => a.rejects_nulls.intersects(e1) && b.rejects_nulls.intersects(e1),
        (Left, Full) => a.rejects_nulls.intersects(e1),
        (Full, Left) => b.rejects_nulls.intersects(e1),
        (Full, _) | (_, Full) => false,
        _ => true,
    }
}

/// `e1 a (e2 b e3) = e2 b (e1 a e3)`: the r-asscom table of the paper.
fn r_asscom(a: &Operator, b: &Operator, e3: RelationSet) -> bool {
    use JoinKind::*;
    match (a.kind, b.kind) {
        (Inner, Inner) => true,
        (Full, Full) => a.rejects_nulls.intersects(e3) && b.rejects_nulls.intersects(e3),
        _ => false,
    }
}

impl Operator {
    /// Whether it is an inner join without predicates.
    pub(super) fn is_cross_product(&self) -> bool {
        self.required.is_empty()
    }

    /// All relations below.
    pub(super) fn leaves(&self) -> RelationSet {
        self.left_leaves | self.right_leaves
    }

    fn selectivity(&self) -> f64 {
        self.predicates.iter().map(|p| p.selectivity).product()
    }

    /// A rule whose condition is always met is a part of the eligibility set; one whose
    /// consequence is always met says nothing.
    fn absorb_rules(&mut self) {
        loop {
            let (mut eligible, count) = (self.eligible, self.rules.len());
            self.rules.retain(|rule| {
                if rule.when.intersects(eligible) {
                    eligible |= rule.then;
                }
                !rule.when.intersects(eligible) && !rule.then.is_subset(eligible)
            });
            self.eligible = eligible;
            if self.rules.len() == count {
                return;
            }
        }
    }

    fn obeys_rules(&self, set: RelationSet) -> bool {
        let obeys = |rule: &Rule| !rule.when.intersects(set) || rule.then.is_subset(set);
        self.rules.iter().all(obeys)
    }

    /// Whether each of its inputs has relations in another of the two sets.
    fn touches(&self, one: RelationSet, other: RelationSet) -> bool {
        let (left, right) = (self.left_leaves, self.right_leaves);
        let straight = left.intersects(one) && right.intersects(other);
        straight || (left.intersects(other) && right.intersects(one))
    }

    /// Whether what it needs of its left and right input is in `left` and `right`.
    fn separates(&self, left: RelationSet, right: RelationSet) -> bool {
        (self.eligible & self.left_leaves).is_subset(left) && (self.eligible & self.right_leaves).is_subset(right)
    }

    /// The order of the inputs that lets the join be done, if there is one.
    fn orient(&self, one: RelationSet, other: RelationSet) -> Option<Applied> {
        let (left, right) = if self.separates(one, other) {
            (one, other)
        } else if self.separates(other, one) {
            (other, one)
        } else {
            return None;
        };
        // What is on the hidden side cannot be seen above, so exactly what was there may be there.
        let hides_too_much =
            self.kind.hides_right() && (!right.is_subset(self.right_leaves) || left.intersects(self.right_leaves));
        (!hides_too_much && self.obeys_rules(left | right)).then_some(Applied { kind: self.kind, left, right })
    }

    /// Whether the predicate of an inner join can be evaluated at the join of the two sets.
    fn inner_allowed(&self, one: RelationSet, other: RelationSet) -> bool {
        let both = one | other;
        // A predicate is a selection on the cross product, so it does not matter how its own
        // relations are spread. That holds only if it had to wait for no other operator.
        let spread_is_free = self.eligible == self.required;
        self.eligible.is_subset(both)
            && self.obeys_rules(both)
            && (spread_is_free || self.separates(one, other) || self.separates(other, one))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Equality, Relation};
    use super::*;
    use JoinKind::*;

    const LEAF: Relation = Relation { rows: 10.0, width_bytes: 8.0, scan: None };

    fn equal(left: usize, right: usize, strong: bool) -> Vec<Predicate> {
        let mut predicate = Predicate::equal(0, left, right, 0.1);
        if !strong {
            predicate.rejects_nulls = RelationSet::EMPTY;
        }
        vec![predicate]
    }

    fn conflicts(tree: &Tree) -> Conflicts {
        let relations = vec![LEAF; tree.relations().len()];
        Conflicts::new(&OperatorTree::new(tree, &relations).expect("is valid"))
    }

    fn can_join(tree: &Tree, one: RelationSet, other: RelationSet) -> bool {
        let mut crossing = Vec::new();
        conflicts(tree).apply(one, other, &mut crossing).is_some()
    }

    const KINDS: [JoinKind; 6] = [Inner, LeftSemi, LeftAnti, LeftMark, Left, Full];

    /// A row per `a`, a column per `b`, both in the order of [`KINDS`]: `+` may be exchanged,
    /// `s` only if the predicates reject NULLs, `-` never, `.` is no valid tree.
    fn check(shape: fn(JoinKind, JoinKind, bool) -> Tree, pair: (usize, usize), table: [&str; 6]) {
        let (one, other) = (RelationSet::single(pair.0), RelationSet::single(pair.1));
        for (a, row) in KINDS.into_iter().zip(table) {
            for (b, cell) in KINDS.into_iter().zip(row.chars()) {
                if cell == '.' {
                    continue;
                }
                let strong = can_join(&shape(a, b, true), one, other);
                let weak = can_join(&shape(a, b, false), one, other);
                let expected = (cell != '-', cell == '+');
                assert_eq!((strong, weak), expected, "{a:?} {b:?}");
            }
        }
    }

    fn left_deep(a: JoinKind, b: JoinKind, e: usize, strong: bool) -> Tree {
        let below = Tree::join(a, Tree::Relation(0), Tree::Relation(1), equal(0, 1, strong));
        Tree::join(b, below, Tree::Relation(2), equal(e, 2, strong))
    }

    #[test]
    fn associativity() {
        let shape = |a, b, strong| left_deep(a, b, 1, strong);
        let hidden = "......";
        check(shape, (1, 2), ["+++++-", hidden, hidden, hidden, "----s-", "----ss"]);
    }

    #[test]
    fn left_asscom() {
        let shape = |a, b, strong| left_deep(a, b, 0, strong);
        let semi = "+++++-";
        check(shape, (0, 2), [semi, semi, semi, semi, "+++++s", "----ss"]);
    }

    #[test]
    fn right_asscom() {
        let shape = |a, b, strong| {
            let below = Tree::join(b, Tree::Relation(1), Tree::Relation(2), equal(1, 2, strong));
            Tree::join(a, Tree::Relation(0), below, equal(0, 2, strong))
        };
        check(shape, (0, 2), ["+...--", "-...--", "-...--", "-...--", "-...--", "-...-s"]);
    }

    #[test]
    fn readers_of_a_mark_wait_for_it() {
        let mut marked = equal(0, 2, true);
        marked[0].marks = vec![5];
        let Tree::Join(mut mark) = left_deep(LeftMark, Inner, 0, true) else {
            unreachable!("is a join");
        };
        let Tree::Join(below) = &mut mark.left else {
            unreachable!("is a join");
        };
        below.id = Some(5);
        mark.predicates = marked;
        let tree = Tree::Join(mark);
        assert!(!can_join(&tree, [0].into(), [2].into()));
        assert!(can_join(&tree, [0, 1].into(), [2].into()));
    }

    #[test]
    fn cross_products_only_where_the_tree_has_one() {
        let tree = |on| {
            let below = Tree::join(Inner, Tree::Relation(0), Tree::Relation(1), vec![]);
            Tree::join(Inner, below, Tree::Relation(2), on)
        };
        let chain = tree([equal(0, 1, true), equal(1, 2, true)].concat());
        assert!(!can_join(&chain, [0].into(), [2].into()));
        let star = tree([equal(0, 2, true), equal(1, 2, true)].concat());
        assert!(can_join(&star, [0].into(), [1].into()));
    }

    /// An equality in class 0; a relation has one expression.
    fn edge(left: usize, right: usize, selectivity: f64) -> Predicate {
        Predicate {
            equality: Some(Equality { class: 0, left, right }),
            ..Predicate::equal(10 * left + right, left, right, selectivity)
        }
    }

    /// `expected` are the ids of the predicates that are evaluated.
    #[track_caller]
    fn check_evaluated(tree: &Tree, one: &[usize], other: &[usize], expected: &[usize]) {
        let all = conflicts(tree);
        let set = |relations: &[usize]| relations.iter().copied().collect();
        let mut crossing = Vec::new();
        all.apply(set(one), set(other), &mut crossing).expect("can be joined");
        let id = |&index: &usize| all.operators[index].predicates[0].id;
        assert_eq!(crossing.iter().map(id).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn implied_equalities_are_dropped() {
        let (r0, r1, r2) = (Tree::Relation(0), Tree::Relation(1), Tree::Relation(2));
        let below = Tree::join(Inner, r0, r1, vec![edge(0, 1, 0.1)]);
        let tree = Tree::join(Inner, below, r2, vec![edge(0, 2, 0.5), edge(1, 2, 0.2)]);
        check_evaluated(&tree, &[0, 1], &[2], &[12]);
        check_evaluated(&tree, &[0, 2], &[1], &[1]);
        check_evaluated(&tree, &[0], &[2], &[2]);
    }

    /// The equality at the bottom holds or both its sides are NULL, padded by the outer join. The
    /// same equality at the top rejects the padded rows.
    #[test]
    fn an_equality_above_an_outer_join_is_not_implied() {
        let [r0, r1, r2, r3] = [0, 1, 2, 3].map(Tree::Relation);
        let below = Tree::join(Inner, r1, r2, vec![edge(1, 2, 0.1)]);
        let outer = Tree::join(Left, r0, below, vec![edge(0, 1, 0.1)]);
        let again = Predicate { id: 99, ..edge(1, 2, 0.1) };
        let tree = Tree::join(Inner, outer, r3, vec![edge(0, 3, 0.1), again]);
        check_evaluated(&tree, &[0, 1, 2], &[3], &[3, 99]);
    }
}

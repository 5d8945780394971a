//! The input and the output of the search: trees of joins over numbered relations.
//!
//! ```text
//!            Join Inner [p1: {0} = {2}]
//!           /          \
//!   Join LeftSemi      Relation 2
//!   [p0: {0} = {1}]
//!     /        \
//! Relation 0   Relation 1
//! ```
//!
//! A [`Tree`] is what the caller sees. [`OperatorTree`] is the checked form the other files work
//! on: the joins in post-order, without mirrored kinds, with every inner predicate moved down to
//! the lowest inner join at which it can be evaluated.

use std::fmt;

use super::set::RelationSet;

/// What a leaf is estimated to deliver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Relation {
    /// Estimated number of rows after the filters of the leaf.
    pub(crate) rows: f64,
    /// Width of a row in bytes, of the columns that the query needs.
    pub(crate) width_bytes: f64,
    /// The scan that it is, if joins can tell that which rows to leave out.
    pub(crate) scan: Option<Scan>,
}

/// What a scan reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scan {
    /// Its rows without any filter, those of the leaf among them.
    pub(crate) rows: f64,
    /// To decode a row, nanoseconds.
    pub(crate) decode_ns: f64,
}

/// The kinds of join. Input and output trees may use them all; see [`JoinKind::mirrored`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum JoinKind {
    /// Pairs that satisfy all predicates; without predicates the cross product.
    Inner,
    /// [`JoinKind::Inner`] and the left rows without partner, padded with NULLs.
    Left,
    /// [`JoinKind::Left`] with its inputs exchanged.
    Right,
    /// [`JoinKind::Inner`] and the rows of both sides without partner, padded with NULLs.
    Full,
    /// The left rows with a partner, each once.
    LeftSemi,
    /// [`JoinKind::LeftSemi`] with its inputs exchanged.
    RightSemi,
    /// The left rows without partner. *Not* the null-aware join of NOT IN.
    LeftAnti,
    /// [`JoinKind::LeftAnti`] with its inputs exchanged.
    RightAnti,
    /// All left rows, each once, with a new column that says whether there is a partner.
    LeftMark,
    /// [`JoinKind::LeftMark`] with its inputs exchanged.
    RightMark,
}

impl JoinKind {
    /// The kind that gives the same rows when the inputs are exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Inner => Self::Inner,
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Full => Self::Full,
            Self::LeftSemi => Self::RightSemi,
            Self::RightSemi => Self::LeftSemi,
            Self::LeftAnti => Self::RightAnti,
            Self::RightAnti => Self::LeftAnti,
            Self::LeftMark => Self::RightMark,
            Self::RightMark => Self::LeftMark,
        }
    }

    /// Whether it is one of the kinds that preserve or filter their *right* input.
    pub(crate) fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::RightSemi | Self::RightAnti | Self::RightMark)
    }

    /// Whether right rows without a partner are in the result.
    pub(super) fn keeps_right(self) -> bool {
        matches!(self, Self::Right | Self::Full | Self::RightAnti | Self::RightMark)
    }

    /// Whether the columns of the right input are not part of the result.
    pub(super) fn hides_right(self) -> bool {
        matches!(self, Self::LeftSemi | Self::LeftAnti | Self::LeftMark)
    }
}

/// The two expressions of an equality, for the transitive closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Equality {
    /// The equivalence class. Groups of one class that no predicate connects count as distinct.
    pub(crate) class: usize,
    /// The caller's number of the expression over [`Predicate::left`].
    pub(crate) left: usize,
    /// The caller's number of the expression over [`Predicate::right`].
    pub(crate) right: usize,
}

/// What is known of one operand of an equality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct KeyColumn {
    /// The share of its rows that lie between the least and the greatest value of the other operand. A hash join tells these two to the scan of its
    /// probe side.
    pub(crate) within: f64,
    /// How many whole numbers there are from its least value to its greatest; infinite if it is no whole number.
    pub(crate) range: f64,
    /// How many rows with the same value follow each other, on average, from 1.
    pub(crate) run_rows: f64,
}

impl KeyColumn {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { within: 1.0, range: f64::INFINITY, run_rows: 1.0 };
}

/// One conjunct of a join condition. It must be deterministic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Predicate {
    /// The caller's number of the predicate, handed back in the result.
    pub(crate) id: usize,
    /// Relations of the left operand; more than one makes a hyperedge.
    pub(crate) left: RelationSet,
    /// Relations of the right operand. If the predicate has no two operands with disjoint
    /// relations, all its relations stand in `left` and this is empty.
    pub(crate) right: RelationSet,
    /// The relations on which it rejects NULLs: it is not true when all columns of that
    /// relation are NULL. Leaving one out is safe, naming one too many is not.
    pub(crate) rejects_nulls: RelationSet,
    /// The share of the cross product that passes, 0 to 1.
    pub(crate) selectivity: f64,
    /// Whether a hash join can use it as key once its operands are on different sides.
    pub(crate) is_hashable: bool,
    /// Set for `expression = expression` that rejects NULLs on both sides.
    pub(crate) equality: Option<Equality>,
    /// The [`Join::id`]s of the mark joins whose column the predicate reads.
    pub(crate) marks: Vec<usize>,
    /// Of an equality: what is known of its left and of its right operand.
    pub(crate) keys: [KeyColumn; 2],
}

impl Predicate {
    /// `left.column = right.column`: hashable, rejects NULLs on both relations.
    #[cfg(test)]
    pub(crate) fn equal(id: usize, left: usize, right: usize, selectivity: f64) -> Self {
        let (left, right) = (RelationSet::single(left), RelationSet::single(right));
        Self {
            id,
            left,
            right,
            rejects_nulls: left | right,
            selectivity,
            is_hashable: true,
            equality: None,
            marks: Vec::new(),
            keys: [KeyColumn::UNKNOWN; 2],
        }
    }

    /// All relations the predicate reads.
    pub(crate) fn relations(&self) -> RelationSet {
        self.left | self.right
    }

    /// Whether both operands read something and share no relation.
    pub(super) fn is_separable(&self) -> bool {
        !self.left.is_empty() && !self.right.is_empty() && !self.left.intersects(self.right)
    }

    /// Whether a hash join of `one` and `other` can use the predicate as key.
    pub(super) fn is_hash_key(&self, one: RelationSet, other: RelationSet) -> bool {
        let straight = self.left.is_subset(one) && self.right.is_subset(other);
        let crossed = self.left.is_subset(other) && self.right.is_subset(one);
        self.is_hashable && self.marks.is_empty() && self.is_separable() && (straight || crossed)
    }

    /// The equality, if it can take part in a class: only one that rejects NULLs on both sides is
    /// transitive with the others.
    pub(super) fn class_member(&self) -> Option<Equality> {
        let rejects_both = self.rejects_nulls.intersects(self.left) && self.rejects_nulls.intersects(self.right);
        self.equality.filter(|_| self.is_separable() && rejects_both)
    }
}

/// A join of two trees. In a result of the search the *left* input is the build side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Join {
    /// The kind of join.
    pub(crate) kind: JoinKind,
    /// The left input, the build side.
    pub(crate) left: Tree,
    /// The right input, the probe side.
    pub(crate) right: Tree,
    /// The join condition, a conjunction; without predicates it is true.
    pub(crate) predicates: Vec<Predicate>,
    /// The caller's number of the join, kept for all kinds but inner (inner joins are taken apart
    /// into predicates). Predicates name mark joins by it.
    pub(crate) id: Option<usize>,
}

/// A relation or a join.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// Leaf: the number of a relation.
    Relation(usize),
    /// Inner node.
    Join(Box<Join>),
}

impl Tree {
    /// A join without [`Join::id`].
    #[cfg(test)]
    pub(crate) fn join(kind: JoinKind, left: Self, right: Self, predicates: Vec<Predicate>) -> Self {
        Self::Join(Box::new(Join { kind, left, right, predicates, id: None }))
    }

    /// All relations below.
    pub(crate) fn relations(&self) -> RelationSet {
        let mut relations = RelationSet::EMPTY;
        let mut pending = vec![self];
        while let Some(tree) = pending.pop() {
            match tree {
                Self::Relation(relation) => relations |= RelationSet::single(*relation),
                Self::Join(join) => pending.extend([&join.left, &join.right]),
            }
        }
        relations
    }
}

/// `((R0 Inner R1) Left R2)`: the shape, for tests and for logs.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relation(relation) => write!(f, "R{relation}"),
            Self::Join(join) => write!(f, "({} {:?} {})", join.left, join.kind, join.right),
        }
    }
}

/// Why a tree cannot be ordered. The caller then keeps its plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OrderError {
    /// More relations than a [`RelationSet`] holds.
    TooManyRelations {
        /// Number of relations given.
        count: usize,
    },
    /// A leaf names a relation that was not described.
    UnknownRelation {
        /// The relation of the leaf.
        relation: usize,
        /// Number of relations described.
        count: usize,
    },
    /// Two leaves name the same relation.
    RelationTwice {
        /// The relation.
        relation: usize,
    },
    /// A described relation is no leaf of the tree.
    RelationMissing {
        /// The relation.
        relation: usize,
    },
    /// Rows or width are negative or not finite.
    BadEstimate {
        /// The relation.
        relation: usize,
    },
    /// A selectivity is not between 0 and 1.
    BadSelectivity {
        /// [`Predicate::id`].
        predicate: usize,
        /// The value given.
        selectivity: f64,
    },
    /// A predicate reads a relation that its join does not see.
    NotVisible {
        /// [`Predicate::id`].
        predicate: usize,
        /// The relations it reads and does not see.
        relations: RelationSet,
    },
    /// A predicate reads a mark column that its join does not see.
    MarkNotVisible {
        /// [`Predicate::id`].
        predicate: usize,
        /// The [`Join::id`] it names.
        mark: usize,
    },
    /// Two mark joins have the same id.
    MarkTwice {
        /// The [`Join::id`].
        mark: usize,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRelations { count } => {
                write!(f, "order joins: too many relations: limit=={} given=={count}", RelationSet::CAPACITY)
            }
            Self::UnknownRelation { relation, count } => {
                write!(f, "order joins: leaf names relation {relation}, but only {count} are described")
            }
            Self::RelationTwice { relation } => {
                write!(f, "order joins: relation {relation} occurs in two leaves")
            }
            Self::RelationMissing { relation } => {
                write!(f, "order joins: relation {relation} occurs in no leaf")
            }
            Self::BadEstimate { relation } => {
                write!(f, "order joins: rows or width of relation {relation} are negative or not finite")
            }
            Self::BadSelectivity { predicate, selectivity } => {
                write!(f, "order joins: selectivity of predicate {predicate} must be in 0..=1, is {selectivity}")
            }
            Self::NotVisible { predicate, relations } => {
                write!(f, "order joins: predicate {predicate} reads relations its join does not see: {relations:?}")
            }
            Self::MarkNotVisible { predicate, mark } => {
                write!(f, "order joins: predicate {predicate} reads mark {mark}, which its join does not see")
            }
            Self::MarkTwice { mark } => {
                write!(f, "order joins: two mark joins have the id {mark}")
            }
        }
    }
}

impl std::error::Error for OrderError {}

/// An input of a [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A relation.
    Relation(usize),
    /// Index in [`OperatorTree::nodes`].
    Node(usize),
}

/// A predicate and the relations that must be joined before it can be evaluated: those it reads
/// and, if it reads a mark column, those the mark join needs.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The predicate as given.
    pub(crate) predicate: Predicate,
    /// What must be below.
    pub(crate) required: RelationSet,
}

/// A join of the checked tree. Its kind is never a mirrored one.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// One of Inner, Left, Full, LeftSemi, LeftAnti, LeftMark.
    pub(crate) kind: JoinKind,
    /// Whether the inputs were exchanged to get there.
    pub(crate) was_right: bool,
    pub(crate) left: Input,
    pub(crate) right: Input,
    /// T(left): all relations below the left input.
    pub(crate) left_leaves: RelationSet,
    /// T(right).
    pub(crate) right_leaves: RelationSet,
    pub(crate) predicates: Vec<Placed>,
    pub(crate) id: Option<usize>,
}

impl Node {
    pub(super) fn leaves(&self) -> RelationSet {
        self.left_leaves | self.right_leaves
    }

    /// The syntactic eligibility set of a join with the given predicates: what they require, and
    /// a whole input if they require nothing of it (degenerate predicates, ON TRUE).
    pub(super) fn eligibility(&self, required: RelationSet) -> RelationSet {
        let mut set = required;
        for side in [self.left_leaves, self.right_leaves] {
            if !required.intersects(side) {
                set |= side;
            }
        }
        set
    }

    /// Everything that the predicates of the join require.
    pub(super) fn required(&self) -> RelationSet {
        self.predicates.iter().fold(RelationSet::EMPTY, |set, placed| set | placed.required)
    }
}

/// The checked tree, joins in post-order.
#[derive(Clone, Debug)]
pub(super) struct OperatorTree {
    /// Inputs come before the join that reads them; the root is last.
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: Input,
    pub(crate) relation_count: usize,
}

impl OperatorTree {
    /// Checks `tree` and puts its joins in post-order.
    pub(super) fn new(tree: &Tree, relations: &[Relation]) -> Result<Self, OrderError> {
        check_relations(relations)?;
        let mut builder = Builder { relation_count: relations.len(), ..Builder::default() };
        builder.run(tree)?;
        let seen = builder.leaves;
        if let Some(relation) = (RelationSet::first_n(relations.len()) - seen).first() {
            return Err(OrderError::RelationMissing { relation });
        }
        let root = match builder.done.pop() {
            Some(subtree) => subtree.input,
            None => Input::Relation(0),
        };
        let mut operators = Self { nodes: builder.nodes, root, relation_count: relations.len() };
        operators.push_inner_predicates_down();
        Ok(operators)
    }

    /// Moves the predicates of inner joins to the lowest inner join that may evaluate them, so
    /// that the conflict detector sees each where it joins two inputs.
    ///
    /// A selection passes inner joins on either side and the other kinds, but full joins, on
    /// their left side. Joins are visited from the root, so one move each is enough.
    fn push_inner_predicates_down(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            if self.nodes[index].kind != JoinKind::Inner {
                continue;
            }
            let predicates = std::mem::take(&mut self.nodes[index].predicates);
            for placed in predicates {
                let target = self.lowest_inner(index, placed.required);
                self.nodes[target].predicates.push(placed);
            }
        }
    }

    fn lowest_inner(&self, start: usize, required: RelationSet) -> usize {
        let (mut lowest, mut index) = (start, start);
        // Requiring nothing is being a subset of both sides: such a predicate stays.
        while !required.is_empty() {
            let node = &self.nodes[index];
            let next = if node.kind != JoinKind::Full && required.is_subset(node.left_leaves) {
                node.left
            } else if node.kind == JoinKind::Inner && required.is_subset(node.right_leaves) {
                node.right
            } else {
                break;
            };
            let Input::Node(child) = next else { break };
            index = child;
            if self.nodes[child].kind == JoinKind::Inner {
                lowest = child;
            }
        }
        lowest
    }
}

fn check_relations(relations: &[Relation]) -> Result<(), OrderError> {
    let count = relations.len();
    if count > RelationSet::CAPACITY {
        return Err(OrderError::TooManyRelations { count });
    }
    let is_estimate = |value: f64| value.is_finite() && value >= 0.0;
    match relations.iter().position(|r| !is_estimate(r.rows) || !is_estimate(r.width_bytes)) {
        Some(relation) => Err(OrderError::BadEstimate { relation }),
        None => Ok(()),
    }
}

/// A finished subtree while the post-order is built.
#[derive(Clone, Debug)]
struct Subtree {
    input: Input,
    leaves: RelationSet,
    visible: RelationSet,
    /// Visible mark columns: the id of the mark join and what it needs below.
    marks: Vec<(usize, RelationSet)>,
}

/// Walks a [`Tree`] with a stack of its own: the input is not checked yet and may be deep.
#[derive(Default)]
struct Builder {
    relation_count: usize,
    nodes: Vec<Node>,
    done: Vec<Subtree>,
    leaves: RelationSet,
    mark_ids: Vec<usize>,
}

enum Visit<'a> {
    Enter(&'a Tree),
    Leave(&'a Join),
}

impl Builder {
    fn run(&mut self, tree: &Tree) -> Result<(), OrderError> {
        let mut pending = vec![Visit::Enter(tree)];
        while let Some(visit) = pending.pop() {
            match visit {
                Visit::Enter(Tree::Relation(relation)) => self.leaf(*relation)?,
                Visit::Enter(Tree::Join(join)) => {
                    pending.extend([Visit::Leave(join), Visit::Enter(&join.right), Visit::Enter(&join.left)])
                }
                Visit::Leave(join) => self.join(join)?,
            }
        }
        Ok(())
    }

    fn leaf(&mut self, relation: usize) -> Result<(), OrderError> {
        if relation >= self.relation_count {
            return Err(OrderError::UnknownRelation { relation, count: self.relation_count });
        }
        if self.leaves.contains(relation) {
            return Err(OrderError::RelationTwice { relation });
        }
        let leaf = RelationSet::single(relation);
        self.leaves |= leaf;
        self.done.push(Subtree { input: Input::Relation(relation), leaves: leaf, visible: leaf, marks: Vec::new() });
        Ok(())
    }

    fn join(&mut self, join: &Join) -> Result<(), OrderError> {
        // Both inputs were entered after this visit was planned, so they are done.
        let (Some(mut right), Some(mut left)) = (self.done.pop(), self.done.pop()) else {
            return Ok(());
        };
        let mut kind = join.kind;
        if kind.is_right() {
            kind = kind.mirrored();
            std::mem::swap(&mut left, &mut right);
        }
        let node = Node {
            kind,
            was_right: join.kind.is_right(),
            left: left.input,
            right: right.input,
            left_leaves: left.leaves,
            right_leaves: right.leaves,
            predicates: place(&join.predicates, &left, &right)?,
            id: join.id,
        };
        let subtree = self.joined(&node, left, right)?;
        self.nodes.push(node);
        self.done.push(subtree);
        Ok(())
    }

    /// What the parent of `node` sees.
    fn joined(&mut self, node: &Node, left: Subtree, right: Subtree) -> Result<Subtree, OrderError> {
        let mut subtree = Subtree { input: Input::Node(self.nodes.len()), leaves: node.leaves(), ..left };
        if !node.kind.hides_right() {
            subtree.visible |= right.visible;
            subtree.marks.extend(right.marks);
        }
        if let (JoinKind::LeftMark, Some(mark)) = (node.kind, node.id) {
            if self.mark_ids.contains(&mark) {
                return Err(OrderError::MarkTwice { mark });
            }
            self.mark_ids.push(mark);
            // Nothing but the mark join itself can bring its right side into a plan: once all of
            // it is there, the column is.
            let needs = node.eligibility(node.required()) | node.right_leaves;
            subtree.marks.push((mark, needs));
        }
        Ok(subtree)
    }
}

/// Checks predicates against what the inputs show and adds what they require.
fn place(predicates: &[Predicate], left: &Subtree, right: &Subtree) -> Result<Vec<Placed>, OrderError> {
    let visible = left.visible | right.visible;
    let place_one = |predicate: &Predicate| {
        if !(0.0..=1.0).contains(&predicate.selectivity) {
            return Err(OrderError::BadSelectivity { predicate: predicate.id, selectivity: predicate.selectivity });
        }
        let mut required = predicate.relations();
        if !required.is_subset(visible) {
            return Err(OrderError::NotVisible { predicate: predicate.id, relations: required - visible });
        }
        for &mark in &predicate.marks {
            let mut marks = left.marks.iter().chain(&right.marks);
            let Some((_, needs)) = marks.find(|(id, _)| *id == mark) else {
                return Err(OrderError::MarkNotVisible { predicate: predicate.id, mark });
            };
            required |= *needs;
        }
        Ok(Placed { predicate: predicate.clone(), required })
    };
    predicates.iter().map(place_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF: Relation = Relation { rows: 10.0, width_bytes: 8.0, scan: None };

    fn leaf(relation: usize) -> Tree {
        Tree::Relation(relation)
    }

    fn equal(left: usize, right: usize) -> Predicate {
        Predicate::equal(10 * left + right, left, right, 0.1)
    }

    fn check_error(tree: &Tree, count: usize, expected: &str) {
        let error = OperatorTree::new(tree, &vec![LEAF; count]).expect_err("is invalid");
        assert_eq!(error.to_string(), format!("order joins: {expected}"));
    }

    #[test]
    fn invalid_trees_are_errors() {
        use JoinKind::*;
        let two = |kind, predicate| Tree::join(kind, leaf(0), leaf(1), vec![predicate]);
        let top = |tree, predicate| Tree::join(Inner, tree, leaf(2), vec![predicate]);
        let semi = two(LeftSemi, equal(0, 1));
        let bad = Predicate { selectivity: f64::NAN, ..equal(0, 1) };
        let marked = Predicate { marks: vec![7], ..equal(0, 2) };

        check_error(&leaf(0), 65, "too many relations: limit==64 given==65");
        check_error(&leaf(3), 1, "leaf names relation 3, but only 1 are described");
        check_error(&top(leaf(2), equal(2, 2)), 3, "relation 2 occurs in two leaves");
        check_error(&leaf(0), 2, "relation 1 occurs in no leaf");
        check_error(&top(semi.clone(), equal(1, 2)), 3, "predicate 12 reads relations its join does not see: {1}");
        check_error(&two(Inner, bad), 2, "selectivity of predicate 1 must be in 0..=1, is NaN");
        check_error(&top(semi, marked), 3, "predicate 2 reads mark 7, which its join does not see");
    }

    /// `expected` lists the predicate ids per join, in post-order.
    fn check_push_down(tree: &Tree, count: usize, expected: &[&[usize]]) {
        let operators = OperatorTree::new(tree, &vec![LEAF; count]).expect("is valid");
        let ids = |node: &Node| -> Vec<usize> { node.predicates.iter().map(|p| p.predicate.id).collect() };
        assert_eq!(operators.nodes.iter().map(ids).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn inner_predicates_sink() {
        use JoinKind::*;
        let both = vec![equal(0, 1), equal(1, 2)];
        let below = |kind| Tree::join(kind, leaf(0), leaf(1), vec![]);
        let tree = |kind| Tree::join(Inner, below(kind), leaf(2), both.clone());
        check_push_down(&tree(Inner), 3, &[&[1], &[12]]);
        check_push_down(&tree(Left), 3, &[&[], &[1, 12]]);
        check_push_down(&tree(Full), 3, &[&[], &[1, 12]]);

        // Through the left side of a semi join, not into its right side.
        let semi = Tree::join(LeftSemi, below(Inner), leaf(2), vec![equal(1, 2)]);
        let top = Tree::join(Inner, semi, leaf(3), vec![equal(0, 1), equal(0, 3)]);
        check_push_down(&top, 4, &[&[1], &[12], &[3]]);
    }

    #[test]
    fn a_deep_invalid_tree_is_no_stack_overflow() {
        let mut tree = leaf(0);
        for _ in 0..1000 {
            tree = Tree::join(JoinKind::Inner, tree, leaf(0), vec![]);
        }
        check_error(&tree, 1, "relation 0 occurs in two leaves");
    }
}

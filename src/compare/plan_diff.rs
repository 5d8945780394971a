//! What is different between two plans of one statement: a tree diff.
//!
//! ```text
//!   HashJoinExec on ss_item_sk            HashJoinExec on ss_item_sk          ~ HashJoinExec on ss_item_sk
//!   ├── FilterExec i_color = red    and   ├── scan of (i_…)             ──▶   -   FilterExec i_color = red
//!   │   └── scan of (i_…)                 └── scan of (ss_…)                        scan of (i_…)
//!   └── scan of (ss_…)                                                            scan of (ss_…)
//! ```
//!
//! The mapping is that of the least edit distance between ordered trees: K. Zhang and D. Shasha, "Simple fast algorithms for the
//! editing distance between trees and related problems", SIAM Journal on Computing 18 (1989). It is one to one and keeps who is
//! above whom and who is left of whom. Taking an operator out, or putting one in, costs 100; making one into another costs 0 where
//! their normal forms are equal, else 10 and up to 150 more, by how few words both lines share. Never are two made into one another
//! that cannot mean the same: operators of different names, scans of different tables, joins without a common pair of keys.
//!
//! Plans whose distance would take too long, those of hundreds of operators in chains that lean to both sides, are taken apart from
//! their roots down first; of them the mapping need not be that of the least distance.
//!
//! What an ordered mapping cannot say is that an operator stands at another place now, as joins do in another join order. Such are
//! found afterwards among what is left over: [`PlanDiff::moved`].

use std::collections::{BTreeMap, HashMap};

use super::plan_tree::{PlanFigures, PlanNode, PlanTree, items, listed, split_outside_brackets, tables_text};
use crate::text::{shortened, thousands};

/// Of one operator alone.
const EDIT_COST: u32 = 100;
/// Distances between forests that are worth computing, a few nanoseconds each; plans of the suite need up to a few million.
const MOST_CELLS: u64 = 50_000_000;
/// More than taking out one operator and putting in the other.
const NEVER: u32 = 10 * EDIT_COST;

/// A line is shown though nothing in it changed if the sides' times differ by this share of the slower side's.
const SHOWN_TIME_SHARE: f64 = 0.03;

/// Two plans laid side by side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlanDiff {
    /// The baseline's plan.
    pub(super) a: PlanTree,
    /// The other side's plan.
    pub(super) b: PlanTree,
    /// Both plans in one tree, each operator before its inputs.
    pub(super) lines: Vec<DiffLine>,
    /// Operators of a and of b that are the same but for their place; each of them has two lines.
    pub(super) moved: Vec<(usize, usize)>,
}

/// One line of the diff.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DiffLine {
    /// How far it is below the root, in both plans taken together.
    pub(super) depth: usize,
    /// The operator in the baseline's plan.
    pub(super) a: Option<usize>,
    /// The operator in the other plan.
    pub(super) b: Option<usize>,
    /// What is different, if it is in both plans.
    pub(super) changes: Vec<PartChange>,
}

/// A part of an operator's line that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartChange {
    /// The part's name; empty where it has none.
    pub(super) key: String,
    /// The baseline's value.
    pub(super) a: String,
    /// The other side's value.
    pub(super) b: String,
}

/// What a line says about an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is in both plans and does the same.
    Same,
    /// It is in both plans and does something else.
    Changed,
    /// It is only in the baseline's plan.
    OnlyInA,
    /// It is only in the other plan.
    OnlyInB,
}

impl DiffLine {
    /// What the line says.
    pub(super) fn mark(&self) -> Mark {
        match (self.a, self.b) {
            (Some(_), Some(_)) if self.changes.is_empty() => Mark::Same,
            (Some(_), Some(_)) => Mark::Changed,
            (Some(_), None) => Mark::OnlyInA,
            (None, _) => Mark::OnlyInB,
        }
    }
}

impl PlanDiff {
    /// The diff of two plans.
    pub(super) fn new(baseline: &PlanFigures, other: &PlanFigures) -> Self {
        let (a, b) = (PlanTree::new(baseline), PlanTree::new(other));
        let mapping = if are_equal(&a, &b) { identity(&a) } else { tree_mapping(&a, &b, MOST_CELLS) };
        let lines = merged(&a, &b, &mapping);
        let moved = moved(&a, &b, &lines);
        Self { a, b, lines, moved }
    }

    /// Whether both plans do the same.
    pub(super) fn is_same(&self) -> bool {
        self.lines.iter().all(|line| line.mark() == Mark::Same)
    }

    /// The diff as a text: `-`, `+` and `~` before what is gone, new and changed, and both sides' figures beside it.
    pub(super) fn render(&self, baseline: &PlanFigures, other: &PlanFigures) -> String {
        Rendering { diff: self, baseline, other }.text()
    }

    pub(super) fn changes(&self, a: usize, b: usize) -> Vec<PartChange> {
        changes(&self.a, a, &self.b, b)
    }
}

/// Whether an operator of one plan does the same as one of the other.
fn does_the_same(a: &PlanNode, b: &PlanNode) -> bool {
    a.line == b.line && a.kind == b.kind && a.builds_second == b.builds_second
}

fn are_equal(a: &PlanTree, b: &PlanTree) -> bool {
    let same = |(a, b): (&PlanNode, &PlanNode)| a.parent == b.parent && does_the_same(a, b);
    a.nodes.len() == b.nodes.len() && a.nodes.iter().zip(&b.nodes).all(same)
}

fn identity(tree: &PlanTree) -> Vec<(usize, usize)> {
    (0..tree.nodes.len()).map(|node| (node, node)).collect()
}

/// The pairs of operators that are one and the same, in the plans' order.
fn tree_mapping(a: &PlanTree, b: &PlanTree, most_cells: u64) -> Vec<(usize, usize)> {
    let costs = Costs::new(a, b);
    let may_pair = |x: usize, y: usize| costs.of(x, y) < NEVER;
    let mut mapping = Vec::new();
    let mut pending = Vec::from_iter((!a.nodes.is_empty() && !b.nodes.is_empty()).then_some((0, 0)));
    while let Some((x, y)) = pending.pop() {
        let mut distance = TreeDistance::new(&costs, (a, x), (b, y));
        let is_too_large = distance.cells() > most_cells;
        match (&a.nodes[x].inputs[..], &b.nodes[y].inputs[..]) {
            // Too large at once: from the roots down for as long as they plainly belong together.
            (inputs_a, inputs_b) if is_too_large && inputs_a.len() == inputs_b.len() && may_pair(x, y) => {
                mapping.push((x, y));
                pending.extend(inputs_a.iter().copied().zip(inputs_b.iter().copied()));
            }
            ([input], _) if is_too_large && may_pair(*input, y) => pending.push((*input, y)),
            (_, [input]) if is_too_large && may_pair(x, *input) => pending.push((x, *input)),
            // Other joins on top: both go, and the search goes on below them.
            (inputs_a, inputs_b) if is_too_large => {
                pending.extend(inputs_a.iter().copied().zip(inputs_b.iter().copied()));
            }
            _ => mapping.extend(distance.mapping()),
        }
    }
    mapping.sort_unstable();
    mapping
}

/// A tree as Zhang and Shasha number it: inputs before what reads them.
struct Numbered {
    /// The node of each number.
    nodes: Vec<usize>,
    /// The number of the leftmost leaf below each number.
    leftmost: Vec<usize>,
    /// The numbers that have something to their left, and the root: each needs a table of its own.
    keyroots: Vec<usize>,
}

impl Numbered {
    /// The tree below a root, from the left to the right or mirrored.
    fn new((tree, root): (&PlanTree, usize), is_mirrored: bool) -> Self {
        // From the root with the last input first, and then back.
        let mut nodes = Vec::new();
        let mut pending = vec![root];
        while let Some(node) = pending.pop() {
            nodes.push(node);
            let inputs = tree.nodes[node].inputs.iter();
            if is_mirrored { pending.extend(inputs.rev()) } else { pending.extend(inputs) }
        }
        nodes.reverse();
        let number: HashMap<usize, usize> = nodes.iter().copied().zip(0..).collect();
        let mut leftmost: Vec<usize> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let inputs = &tree.nodes[*node].inputs;
            let first = if is_mirrored { inputs.last() } else { inputs.first() };
            leftmost.push(first.map_or(index, |first| leftmost[number[first]]));
        }
        let highest: BTreeMap<usize, usize> = leftmost.iter().copied().zip(0..).collect();
        let mut keyroots: Vec<usize> = highest.into_values().collect();
        keyroots.sort_unstable();
        Self { nodes, leftmost, keyroots }
    }

    /// How many nodes the tables of all keyroots have together.
    fn rows(&self) -> u64 {
        self.keyroots.iter().map(|root| (root + 1 - self.leftmost[*root]) as u64).sum()
    }
}

struct TreeDistance<'a> {
    a: Numbered,
    b: Numbered,
    costs: &'a Costs,
    /// The distance between the subtrees of each two numbers, row by row of a.
    trees: Vec<u32>,
    /// The distance between forests, for one pair of keyroots at a time.
    forests: Vec<u32>,
}

impl<'a> TreeDistance<'a> {
    /// Mirrored trees have the same distance. Chains of joins lean to one side, and lean cheaply only to the left.
    fn new(costs: &'a Costs, a: (&PlanTree, usize), b: (&PlanTree, usize)) -> Self {
        let [plain, mirrored] = [false, true].map(|is_mirrored| {
            let (a, b) = (Numbered::new(a, is_mirrored), Numbered::new(b, is_mirrored));
            Self { a, b, costs, trees: Vec::new(), forests: Vec::new() }
        });
        if mirrored.cells() < plain.cells() { mirrored } else { plain }
    }

    /// How many distances between forests are computed.
    fn cells(&self) -> u64 {
        self.a.rows() * self.b.rows()
    }

    fn fill(&mut self) {
        self.trees = vec![0; self.a.nodes.len() * self.b.nodes.len()];
        self.forests = vec![0; (self.a.nodes.len() + 1) * (self.b.nodes.len() + 1)];
        for i in self.a.keyroots.clone() {
            for j in self.b.keyroots.clone() {
                self.fill_forests(i, j);
            }
        }
    }

    /// Where the distance stands between the first forests up to x and up to y; 0 stands for an empty one.
    fn at(&self, x: usize, y: usize) -> usize {
        x * (self.b.nodes.len() + 1) + y
    }

    fn cost(&self, x: usize, y: usize) -> u32 {
        self.costs.of(self.a.nodes[x], self.b.nodes[y])
    }

    /// The distances between all forests that begin at the leftmost leaves of i and j.
    fn fill_forests(&mut self, i: usize, j: usize) {
        let (from_i, from_j) = (self.a.leftmost[i], self.b.leftmost[j]);
        let origin = self.at(0, 0);
        self.forests[origin] = 0;
        for x in from_i..=i {
            let (at, before) = (self.at(x - from_i + 1, 0), self.at(x - from_i, 0));
            self.forests[at] = self.forests[before] + EDIT_COST;
        }
        for y in from_j..=j {
            self.forests[y - from_j + 1] = self.forests[y - from_j] + EDIT_COST;
        }
        for x in from_i..=i {
            for y in from_j..=j {
                let (row, column) = (x - from_i + 1, y - from_j + 1);
                let edited = self.forests[self.at(row - 1, column)].min(self.forests[self.at(row, column - 1)]);
                let (matched, is_tree) = self.matched(x, y, from_i, from_j);
                let least = matched.min(edited + EDIT_COST);
                let at = self.at(row, column);
                self.forests[at] = least;
                if is_tree {
                    self.trees[x * self.b.nodes.len() + y] = least;
                }
            }
        }
    }

    /// The distance if x becomes y, where both forests are whole trees; else if the tree of x becomes the tree of y.
    fn matched(&self, x: usize, y: usize, from_i: usize, from_j: usize) -> (u32, bool) {
        let (left_x, left_y) = (self.a.leftmost[x], self.b.leftmost[y]);
        if left_x == from_i && left_y == from_j {
            return (self.forests[self.at(x - from_i, y - from_j)] + self.cost(x, y), true);
        }
        let before = self.forests[self.at(left_x - from_i, left_y - from_j)];
        (before + self.trees[x * self.b.nodes.len() + y], false)
    }

    /// The pairs of nodes of the least distance: the way back through the tables, which are made anew for each tree on it.
    fn mapping(&mut self) -> Vec<(usize, usize)> {
        self.fill();
        let mut pairs = Vec::new();
        let mut pending = vec![(self.a.nodes.len() - 1, self.b.nodes.len() - 1)];
        while let Some((i, j)) = pending.pop() {
            self.fill_forests(i, j);
            let (from_i, from_j) = (self.a.leftmost[i], self.b.leftmost[j]);
            let (mut row, mut column) = (i + 1 - from_i, j + 1 - from_j);
            while row > 0 && column > 0 {
                let (x, y) = (from_i + row - 1, from_j + column - 1);
                let here = self.forests[self.at(row, column)];
                let (matched, is_tree) = self.matched(x, y, from_i, from_j);
                if here == matched && is_tree {
                    pairs.push((self.a.nodes[x], self.b.nodes[y]));
                    (row, column) = (row - 1, column - 1);
                } else if here == matched {
                    pending.push((x, y));
                    (row, column) = (self.a.leftmost[x] - from_i, self.b.leftmost[y] - from_j);
                } else if here == self.forests[self.at(row - 1, column)] + EDIT_COST {
                    row -= 1;
                } else {
                    column -= 1;
                }
            }
        }
        pairs
    }
}

/// What it costs to make an operator of a into one of b. Few lines are different from all others, so it is known by lines.
struct Costs {
    a: Vec<usize>,
    b: Vec<usize>,
    width: usize,
    by_line: Vec<u32>,
}

impl Costs {
    fn new(a: &PlanTree, b: &PlanTree) -> Self {
        let (numbers_a, different_a) = different_lines(a);
        let (numbers_b, different_b) = different_lines(b);
        let words: Vec<_> = different_b.iter().map(|node| words(node)).collect();
        let mut by_line = Vec::with_capacity(different_a.len() * different_b.len());
        for node in &different_a {
            let own = self::words(node);
            by_line.extend(different_b.iter().zip(&words).map(|(other, words)| cost(node, &own, other, words)));
        }
        Self { a: numbers_a, b: numbers_b, width: different_b.len(), by_line }
    }

    fn of(&self, a: usize, b: usize) -> u32 {
        self.by_line[self.a[a] * self.width + self.b[b]]
    }
}

/// For each node the number of its line, and for each number a node that has it.
fn different_lines(tree: &PlanTree) -> (Vec<usize>, Vec<&PlanNode>) {
    let mut known: HashMap<_, usize> = HashMap::new();
    let mut different = Vec::new();
    let mut numbers = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        let line = (&node.line.head, &node.line.parts, &node.kind, node.builds_second);
        numbers.push(*known.entry(line).or_insert_with(|| {
            different.push(node);
            different.len() - 1
        }));
    }
    (numbers, different)
}

/// How often each word stands in a line.
fn words(node: &PlanNode) -> BTreeMap<&str, u32> {
    let texts = node.line.parts.iter().flat_map(|(key, value)| [key, value]).chain([&node.line.head]);
    let mut words = BTreeMap::new();
    for word in texts.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_'))) {
        if !word.is_empty() {
            *words.entry(word).or_default() += 1;
        }
    }
    words
}

fn cost(a: &PlanNode, own: &BTreeMap<&str, u32>, b: &PlanNode, other: &BTreeMap<&str, u32>) -> u32 {
    if does_the_same(a, b) {
        return 0;
    }
    let is_other_table = a.kind == "scan" && a.tables != b.tables;
    let has_keys = !a.keys.is_empty() || !b.keys.is_empty();
    let shares_keys = a.keys.iter().any(|pair| b.keys.contains(pair));
    if a.kind != b.kind || a.name() != b.name() || is_other_table || (has_keys && !shares_keys) {
        return NEVER;
    }
    let common: u32 = own.iter().map(|(word, count)| (*count).min(*other.get(word).unwrap_or(&0))).sum();
    let all: u32 = own.values().sum::<u32>() + other.values().sum::<u32>();
    10 + 150 - 150 * 2 * common / all.max(1)
}

/// Both trees in one: a pair's line stands where both have it, what only one has stands between.
fn merged(a: &PlanTree, b: &PlanTree, mapping: &[(usize, usize)]) -> Vec<DiffLine> {
    let mut lines: Vec<DiffLine> = Vec::new();
    let (mut depth_a, mut depth_b) = (vec![0; a.nodes.len()], vec![0; b.nodes.len()]);
    let mut add = |in_a: Option<usize>, in_b: Option<usize>| {
        let below = |depth: Option<&usize>| depth.map_or(0, |depth| depth + 1);
        let parent_a = in_a.and_then(|node| a.nodes[node].parent).map(|parent| depth_a[parent]);
        let parent_b = in_b.and_then(|node| b.nodes[node].parent).map(|parent| depth_b[parent]);
        let depth = below(parent_a.as_ref()).max(below(parent_b.as_ref()));
        in_a.into_iter().for_each(|node| depth_a[node] = depth);
        in_b.into_iter().for_each(|node| depth_b[node] = depth);
        let changes = in_a.zip(in_b).map_or_else(Vec::new, |(x, y)| changes(a, x, b, y));
        lines.push(DiffLine { depth, a: in_a, b: in_b, changes });
    };
    let (mut next_a, mut next_b) = (0, 0);
    // An ordered mapping keeps the order of nodes before their inputs, so that merging two lists is enough.
    for (x, y) in mapping.iter().copied().chain([(a.nodes.len(), b.nodes.len())]) {
        (next_a..x).for_each(|node| add(Some(node), None));
        (next_b..y).for_each(|node| add(None, Some(node)));
        if x < a.nodes.len() {
            add(Some(x), Some(y));
        }
        (next_a, next_b) = (x + 1, y + 1);
    }
    lines
}

/// Which parts of two operators differ, and in what.
fn changes(a: &PlanTree, x: usize, b: &PlanTree, y: usize) -> Vec<PartChange> {
    let (left, right) = (&a.nodes[x], &b.nodes[y]);
    if does_the_same(left, right) {
        return Vec::new();
    }
    let mut changes = Vec::new();
    if left.line.head != right.line.head {
        changes.push(PartChange { key: String::new(), a: left.line.head.clone(), b: right.line.head.clone() });
    }
    if left.builds_second != right.builds_second {
        let built = |tree: &PlanTree, join| {
            tree.build_input(join).map_or_else(|| "?".to_owned(), |input| tables_text(&tree.nodes[input].tables))
        };
        changes.push(PartChange { key: "builds from".to_owned(), a: built(a, x), b: built(b, y) });
    }
    let keys = left.line.parts.iter().map(|(key, _)| key);
    let more = right.line.parts.iter().map(|(key, _)| key).filter(|key| left.line.part(key).is_none());
    for key in keys.chain(more) {
        let (a, b) = (left.line.part(key).unwrap_or_default(), right.line.part(key).unwrap_or_default());
        if a != b {
            let (a, b) = only_what_differs(a, b);
            changes.push(PartChange { key: key.clone(), a, b });
        }
    }
    changes
}

/// The items of two lists, or the conditions of two predicates, that are not in both.
fn only_what_differs(a: &str, b: &str) -> (String, String) {
    let (is_list, separator) = if a.starts_with('[') || b.starts_with('[') { (true, ", ") } else { (false, " AND ") };
    let pieces = |text| if is_list { items(text) } else { split_outside_brackets(text, separator) };
    let (all_a, mut left_b) = (pieces(a), pieces(b));
    let mut left_a = Vec::new();
    for piece in all_a {
        match left_b.iter().position(|other| *other == piece) {
            Some(index) => drop(left_b.remove(index)),
            None => left_a.push(piece),
        }
    }
    if left_a.is_empty() && left_b.is_empty() {
        return (a.to_owned(), b.to_owned());
    }
    (left_a.join(separator), left_b.join(separator))
}

/// Among what only one plan has: what is the same but for its place. Equal lines first, then scans of one table and joins on
/// the same keys. Exchanges and the like are no better known by their lines than by their places.
fn moved(a: &PlanTree, b: &PlanTree, lines: &[DiffLine]) -> Vec<(usize, usize)> {
    let only = |mark| lines.iter().filter(move |line| line.mark() == mark);
    let mut left_a: Vec<usize> = only(Mark::OnlyInA).filter_map(|line| line.a).collect();
    let mut left_b: Vec<usize> = only(Mark::OnlyInB).filter_map(|line| line.b).collect();
    let is_same = |x: usize, y: usize| {
        let is_known_by_line = !matches!(a.nodes[x].kind.as_str(), "exchange" | "other");
        is_known_by_line && does_the_same(&a.nodes[x], &b.nodes[y])
    };
    let is_alike = |x: usize, y: usize| {
        let (x, y) = (&a.nodes[x], &b.nodes[y]);
        let is_known_by = (x.kind == "scan" && x.tables == y.tables) || (!x.keys.is_empty() && x.keys == y.keys);
        is_known_by && x.name() == y.name()
    };
    let mut moved = Vec::new();
    for matches in [&is_same as &dyn Fn(usize, usize) -> bool, &is_alike] {
        left_a.retain(|x| {
            let Some(found) = left_b.iter().position(|y| matches(*x, *y)) else { return true };
            moved.push((*x, left_b.remove(found)));
            false
        });
    }
    moved.sort_unstable();
    moved
}

struct Rendering<'a> {
    diff: &'a PlanDiff,
    baseline: &'a PlanFigures,
    other: &'a PlanFigures,
}

impl Rendering<'_> {
    fn text(&self) -> String {
        let head = ["time a", "time b", "rows a", "rows b"];
        let mut out = format!("  {:>9} {:>9} {:>13} {:>13}\n", head[0], head[1], head[2], head[3]);
        let shown: Vec<bool> = (0..self.diff.lines.len()).map(|index| self.is_shown(index)).collect();
        let mut rest = self.diff.lines.as_slice();
        for run in shown.chunk_by(|a, b| a == b) {
            let (lines, after) = rest.split_at(run.len());
            rest = after;
            // A single line is no shorter if it is left out.
            if run[0] || lines.len() == 1 {
                lines.iter().for_each(|line| self.line(line, &mut out));
            } else {
                let indent = 2 * lines[0].depth;
                out += &format!("{:49} {:indent$}… {} operators the same\n", "", "", lines.len());
            }
        }
        out
    }

    /// What changed, what took another time, and the operator right above a change.
    fn is_shown(&self, index: usize) -> bool {
        let lines = &self.diff.lines;
        let is_parent = |next: &DiffLine| next.depth > lines[index].depth && next.mark() != Mark::Same;
        lines[index].mark() != Mark::Same || lines.get(index + 1).is_some_and(is_parent) || self.took_other_time(index)
    }

    fn took_other_time(&self, index: usize) -> bool {
        let total = |plan: &PlanFigures| plan.operators.iter().map(|operator| operator.operator_seconds).sum::<f64>();
        let line = &self.diff.lines[index];
        let seconds = |figures: Option<(f64, u64)>| figures.map_or(0.0, |(seconds, _)| seconds);
        let difference = (seconds(self.figures_a(line)) - seconds(self.figures_b(line))).abs();
        difference > SHOWN_TIME_SHARE * total(self.baseline).max(total(self.other))
    }

    fn figures_a(&self, line: &DiffLine) -> Option<(f64, u64)> {
        let operator = &self.baseline.operators[self.diff.a.nodes[line.a?].operator];
        Some((operator.operator_seconds, operator.output_rows))
    }

    fn figures_b(&self, line: &DiffLine) -> Option<(f64, u64)> {
        let operator = &self.other.operators[self.diff.b.nodes[line.b?].operator];
        Some((operator.operator_seconds, operator.output_rows))
    }

    fn line(&self, line: &DiffLine, out: &mut String) {
        let (a, b) = (self.figures_a(line), self.figures_b(line));
        let seconds = |figures: Option<(f64, u64)>| figures.map_or_else(String::new, |(s, _)| format!("{s:.3} s"));
        let rows = |figures: Option<(f64, u64)>| figures.map_or_else(String::new, |(_, rows)| thousands(rows));
        let mark = match line.mark() {
            Mark::Same => ' ',
            Mark::Changed => '~',
            Mark::OnlyInA => '-',
            Mark::OnlyInB => '+',
        };
        let indent = 2 * line.depth;
        *out += &format!(
            "{mark} {:>9} {:>9} {:>13} {:>13} {:indent$}{}\n",
            seconds(a),
            seconds(b),
            rows(a),
            rows(b),
            "",
            self.words(line)
        );
        for change in &line.changes {
            *out += &format!("{:49} {:indent$}    {}\n", "", "", change_text(change));
        }
    }

    fn words(&self, line: &DiffLine) -> String {
        let node = match (line.a, line.b) {
            (Some(a), _) => &self.diff.a.nodes[a],
            (None, b) => &self.diff.b.nodes[b.unwrap_or_default()],
        };
        let is_moved =
            line.mark() != Mark::Same && self.diff.moved.iter().any(|(a, b)| line.a == Some(*a) || line.b == Some(*b));
        let changes_mode = line.changes.iter().any(|change| change.key == "mode");
        let title = if changes_mode { node.title() } else { node.title_with_mode() };
        title + if is_moved { " (at another place)" } else { "" }
    }
}

/// `mode: CollectLeft -> Partitioned`, or only what is gone or new.
pub(super) fn change_text(change: &PartChange) -> String {
    let value = |text: &str| shortened(text, 60);
    let key = if change.key.is_empty() { String::new() } else { format!("{}: ", change.key) };
    match (change.a.as_str(), change.b.as_str()) {
        ("", b) => format!("{key}with {}", value(b)),
        (a, "") => format!("{key}without {}", value(a)),
        (a, b) => format!("{key}{} -> {}", value(a), value(b)),
    }
}

/// Names of parts, as a sentence lists them.
pub(super) fn part_names(changes: &[PartChange]) -> String {
    listed(&changes.iter().map(|change| if change.key.is_empty() { "text" } else { &change.key }).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::plan_tree::test_support::plan;
    use super::*;
    use expect_test::{Expect, expect};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const STAR: &str = "
        SortExec: TopK(fetch=100), expr=[x@0 ASC] | 0.1 100
          AggregateExec: mode=Partial, gby=[i_x@1 as i_x], aggr=[sum(ss_y)] | 1 500
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(i_sk@0, ss_item_sk@1)], projection=[i_x@1, ss_y@3] | 2 5000
              CoalescePartitionsExec | 0 100
                FilterExec: i_color@2 = red, projection=[i_sk@0, i_x@1] | 0.2 100
                  scan of (i_color, i_sk, i_x): projection=[i_sk, i_x, i_color], predicate=i_color@0 = red | 0.5 20000
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(d_sk@0, ss_date_sk@0)], projection=[ss_item_sk@2, ss_y@3] | 1 70000
                scan of (d_sk, d_year): projection=[d_sk], predicate=d_year@1 = 2001 | 0.1 365
                scan of (ss_date_sk, ss_item_sk, ss_y): projection=[ss_date_sk, ss_item_sk, ss_y], predicate=DynamicFilter [ empty ] | 3 80000";

    /// The diff of the plan above and of what becomes of it if texts are replaced.
    #[track_caller]
    fn check(replacements: &[(&str, &str)], expected: &Expect) {
        let changed = replacements.iter().fold(STAR.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replace(old, new)
        });
        let (a, b) = (plan(STAR), plan(&changed));
        expected.assert_eq(&PlanDiff::new(&a, &b).render(&a, &b));
    }

    #[test]
    fn a_filter_that_went_into_the_scan() {
        let filter = "                FilterExec: i_color@2 = red, projection=[i_sk@0, i_x@1] | 0.2 100\n";
        check(
            &[
                (filter, ""),
                (
                    "[i_sk, i_x, i_color], predicate=i_color@0 = red | 0.5 20000",
                    "[i_sk, i_x], predicate=i_color@0 = red | 0.7 100",
                ),
            ],
            &expect![[r#"
                     time a    time b        rows a        rows b
                                                                  … 3 operators the same
                    0.000 s   0.000 s           100           100       CoalescePartitionsExec
                -   0.200 s                     100                       FilterExec i_color = red
                ~   0.500 s   0.700 s        20,000           100           scan of (i_…)
                                                                                projection: without i_color
                                                                        … 3 operators the same
            "#]],
        );
    }

    #[test]
    fn a_join_from_the_other_side() {
        let swap = |text: &str| {
            let lines: Vec<&str> = text.lines().collect();
            let (head, item, date) = (&lines[..4], &lines[4..7], &lines[7..]);
            let mut all = head.to_vec();
            all.extend(date);
            all.extend(item);
            all.join("\n").replace("(i_sk@0, ss_item_sk@1)", "(ss_item_sk@0, i_sk@0)").replace("| 2 5000", "| 6.5 5000")
        };
        let (a, b) = (plan(STAR), plan(&swap(STAR)));
        expect![[r#"
                 time a    time b        rows a        rows b
                0.100 s   0.100 s           100           100 SortExec by x ASC
                1.000 s   1.000 s           500           500   AggregateExec by i_x (Partial)
            ~   2.000 s   6.500 s         5,000         5,000     HashJoinExec on ss_item_sk (CollectLeft)
                                                                      builds from: (i_…) -> (d_…), (ss_…)
                                                                    … 6 operators the same
        "#]]
        .assert_eq(&PlanDiff::new(&a, &b).render(&a, &b));
    }

    #[test]
    fn changes_of_parts_and_of_time() {
        check(
            &[
                ("TopK(fetch=100), ", ""),
                ("mode=CollectLeft, join_type=Inner, on=[(d_sk", "mode=Partitioned, join_type=Inner, on=[(d_sk"),
                ("DynamicFilter [ empty ] | 3 80000", "DynamicFilter [ empty ] AND ss_y@2 > 5 | 1 80000"),
                ("| 1 500", "| 9 500"),
            ],
            &expect![[r#"
                     time a    time b        rows a        rows b
                ~   0.100 s   0.100 s           100           100 SortExec by x ASC
                                                                      without TopK(fetch=100)
                    1.000 s   9.000 s           500           500   AggregateExec by i_x (Partial)
                                                                      … 4 operators the same
                ~   1.000 s   1.000 s        70,000        70,000       HashJoinExec on ss_date_sk
                                                                            mode: CollectLeft -> Partitioned
                    0.100 s   0.100 s           365           365         scan of (d_…)
                ~   3.000 s   1.000 s        80,000        80,000         scan of (ss_…)
                                                                              predicate: with ss_y > 5
            "#]],
        );
    }

    #[test]
    fn another_table_is_another_scan() {
        check(
            &[("scan of (d_sk, d_year)", "scan of (t_sk, t_year)"), ("d_sk@0", "t_sk@0")],
            &expect![[r#"
                 time a    time b        rows a        rows b
                                                              … 6 operators the same
            -   1.000 s                  70,000                     HashJoinExec on ss_date_sk (CollectLeft)
            -   0.100 s                     365                       scan of (d_…)
            +             1.000 s                      70,000       HashJoinExec on ss_date_sk (CollectLeft)
                3.000 s   3.000 s        80,000        80,000         scan of (ss_…)
            +             0.100 s                         365         scan of (t_…)
        "#]],
        );
    }

    #[test]
    fn small_plans() {
        let diff = |a: &str, b: &str| {
            let diff = PlanDiff::new(&plan(a), &plan(b));
            let mark = |line: &DiffLine| format!("{}{:?}", line.depth, line.mark());
            diff.lines.iter().map(mark).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(diff("", ""), "");
        assert_eq!(diff("A", ""), "0OnlyInA");
        assert_eq!(diff("", "A\n  B"), "0OnlyInB 1OnlyInB");
        assert_eq!(diff("A", "A"), "0Same");
        assert_eq!(diff("A", "B"), "0OnlyInA 0OnlyInB");
        assert_eq!(diff("A: x=1", "A: x=2"), "0Changed");
        assert_eq!(diff("A\n  C", "A\n  B\n    C"), "0Same 1OnlyInB 2Same");
        assert_eq!(diff("B\n  C", "A\n  B\n    C"), "0OnlyInB 1Same 2Same");
        // What is taken out between two that stay leaves its depth to those below it.
        assert_eq!(diff("A\n  B\n    C", "A\n  C"), "0Same 1OnlyInA 2Same");
    }

    #[test]
    fn what_moved_is_found_again() {
        let join = |on: &str| format!("HashJoinExec: mode=CollectLeft, join_type=Inner, on=[{on}]");
        let (i, d) = (join("(i_sk, ss_i)"), join("(d_sk, ss_d)"));
        let scan = |table: &str| format!("scan of ({table}_a, {table}_sk)");
        let plans = |outer: &str, first: &str, inner: &str, second: &str| {
            let (first, second) = (scan(first), scan(second));
            plan(&format!("{outer}\n  {first}\n  {inner}\n    {second}\n    scan of (ss_d, ss_i)"))
        };
        let (a, b) = (plans(&i, "i", &d, "d"), plans(&d, "d", &i, "i"));
        let diff = PlanDiff::new(&a, &b);
        let names = |pair: &(usize, usize)| (diff.a.nodes[pair.0].title(), diff.b.nodes[pair.1].title());
        let moved: Vec<_> = diff.moved.iter().map(names).collect();
        assert!(moved.iter().all(|(a, b)| a == b) && !moved.is_empty(), "{moved:?}");
        // Nothing is left over: all is the same or moved.
        let only = diff.lines.iter().filter(|line| matches!(line.mark(), Mark::OnlyInA | Mark::OnlyInB)).count();
        assert_eq!(only, 2 * moved.len(), "{}", diff.render(&a, &b));
        // Exchanges are not looked for elsewhere.
        let exchange =
            PlanDiff::new(&plan("A\n  CoalescePartitionsExec\n    B"), &plan("CoalescePartitionsExec\n  A\n    B"));
        assert_eq!(exchange.moved, []);
    }

    /// A tree of operators with few names, so that there are many ways to map one to another.
    fn random_plan(random: &mut ChaCha8Rng, size: usize) -> PlanFigures {
        let mut text = String::new();
        let mut depth = 0;
        for _ in 0..size {
            let (name, part) = (["A", "B", "C"][random.random_range(0..3)], random.random_range(0..3));
            text += &format!("{:1$}{name}: x={part}, y=[u v w]\n", "", 2 * depth);
            depth = random.random_range(1..=depth + 1);
        }
        plan(&text)
    }

    /// The edit distance by its definition: the last root of each forest goes, comes or becomes the other one.
    fn distance(costs: &Costs, a: &PlanTree, forest_a: &[usize], b: &PlanTree, forest_b: &[usize]) -> u32 {
        let size = |tree: &PlanTree, forest: &[usize]| {
            let mut pending = forest.to_vec();
            let mut count = 0;
            while let Some(node) = pending.pop() {
                count += 1;
                pending.extend(&tree.nodes[node].inputs);
            }
            count * EDIT_COST
        };
        let (Some((x, rest_a)), Some((y, rest_b))) = (forest_a.split_last(), forest_b.split_last()) else {
            return size(a, forest_a) + size(b, forest_b);
        };
        let (below_x, below_y) = (&a.nodes[*x].inputs, &b.nodes[*y].inputs);
        let gone = distance(costs, a, &[rest_a, below_x].concat(), b, forest_b) + EDIT_COST;
        let new = distance(costs, a, forest_a, b, &[rest_b, below_y].concat()) + EDIT_COST;
        let matched = distance(costs, a, below_x, b, below_y) + distance(costs, a, rest_a, b, rest_b);
        gone.min(new).min(matched + costs.of(*x, *y))
    }

    #[test]
    fn the_mapping_has_the_least_cost_and_keeps_order() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let sizes = [random.random_range(1..7), random.random_range(1..7)];
            let [a, b] = sizes.map(|size| PlanTree::new(&random_plan(&mut random, size)));
            let mapping = tree_mapping(&a, &b, MOST_CELLS);
            let costs = Costs::new(&a, &b);
            let edits = a.nodes.len() + b.nodes.len() - 2 * mapping.len();
            let cost = mapping.iter().map(|(x, y)| costs.of(*x, *y)).sum::<u32>() + EDIT_COST * edits as u32;
            assert_eq!(cost, distance(&costs, &a, &[0], &b, &[0]));
            keeps_order(&a, &b, &mapping);
            keeps_order(&a, &b, &tree_mapping(&a, &b, 5));
        }
    }

    /// One to one, and who is above whom and before whom is the same on both sides.
    #[track_caller]
    fn keeps_order(a: &PlanTree, b: &PlanTree, mapping: &[(usize, usize)]) {
        let is_above = |tree: &PlanTree, above: usize, below: usize| {
            let mut at = Some(below);
            std::iter::from_fn(|| {
                at = tree.nodes[at?].parent;
                at
            })
            .any(|node| node == above)
        };
        for (index, (x, y)) in mapping.iter().enumerate() {
            for (other_x, other_y) in &mapping[index + 1..] {
                assert!(x < other_x && y < other_y, "{mapping:?}");
                assert_eq!(is_above(a, *x, *other_x), is_above(b, *y, *other_y), "{mapping:?}");
            }
        }
    }

    #[test]
    fn larger_plans() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for size in [40, 150, 400] {
            let (a, b) = (random_plan(&mut random, size), random_plan(&mut random, size));
            let diff = PlanDiff::new(&a, &b);
            let pairs: Vec<_> = diff.lines.iter().filter_map(|line| line.a.zip(line.b)).collect();
            keeps_order(&diff.a, &diff.b, &pairs);
            // Every operator has one line.
            let count = |side: fn(&DiffLine) -> Option<usize>| {
                let mut nodes: Vec<_> = diff.lines.iter().filter_map(side).collect();
                nodes.sort_unstable();
                nodes == Vec::from_iter(0..size)
            };
            assert!(count(|line| line.a) && count(|line| line.b));
            let tree = PlanTree::new(&a);
            assert_eq!(tree_mapping(&tree, &tree, MOST_CELLS), identity(&tree));
            assert_eq!(tree_mapping(&tree, &tree, 100), identity(&tree));
            assert!(PlanDiff::new(&a, &a).is_same());
        }
    }

    #[test]
    fn only_what_differs_is_said() {
        let check = |a: &str, b: &str, expected: &str| {
            let (a, b) = only_what_differs(a, b);
            assert_eq!(change_text(&PartChange { key: "x".to_owned(), a, b }), expected);
        };
        check("[a, b, c]", "[a, c]", "x: without b");
        check("[a]", "[a, f(b, c)]", "x: with f(b, c)");
        check("a = 1 AND b = 2", "a = 1 AND b = 3", "x: b = 2 -> b = 3");
        check("Inner", "LeftSemi", "x: Inner -> LeftSemi");
        check("", "TopK(fetch=5)", "x: with TopK(fetch=5)");
        check("[a, a]", "[a]", "x: without a");
        check("[a, b]", "[b, a]", "x: [a, b] -> [b, a]");
        check(&"long ".repeat(20), "", "x: without long long long long long long long long long long long long…");
    }
}

//! A plan as a tree in a normal form, so that two plans of one statement can be laid side by side.
//!
//! What is not the plan's meaning goes: where a column stands in its batch, files, what follows from the predicate. The two
//! inputs of a join come in an order that does not depend on which of them is built, which is remembered apart:
//!
//! ```text
//! HashJoinExec: on=[(ss_item_sk@1, i_item_sk@0)]         HashJoinExec: on=[(i_item_sk, ss_item_sk)], builds the second
//! ├── scan of (ss_item_sk, ss_quantity, …)        ──▶    ├── scan of (i_…)
//! └── scan of (i_brand, i_item_sk, …)                    └── scan of (ss_…)
//! ```
//!
//! The first input is the one whose join keys come first in the alphabet. Keys rather than tables decide, so that a join keeps its
//! order when others move below it; tables and predicates decide where both keys have the same names. A mirrored join mirrors its
//! type: a `Right` join from the other side is a `Left` one.
//!
//! Nothing here knows a table's name: a scan is known by its columns, and is shown by what their names begin with, `(ss_…)`.

use std::collections::BTreeSet;

use crate::q_error;
use crate::text::{self, shortened};

/// What one operator of a plan did, medians over samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperatorFigures {
    /// How far below the plan's root it stands.
    pub depth: usize,
    /// Its name, as plans show it: `HashJoinExec`.
    pub name: String,
    /// What it is for: scan, filter, join, aggregate, window, sort, exchange or other.
    pub kind: String,
    /// Its own line in the plan's text.
    pub detail: String,
    /// Rows that it was expected to give.
    pub estimated_rows: Option<u64>,
    /// Why the rows that came out of it say nothing of the estimate, in a word; nothing if they do.
    pub not_comparable: Option<String>,
    /// Rows that came out of it.
    pub output_rows: u64,
    /// Time of its own work, summed over its partitions.
    pub operator_seconds: f64,
    /// Bytes that it wrote because memory was short.
    pub spilled_bytes: u64,
    /// The most memory that it held, where it keeps count.
    pub peak_memory_bytes: Option<u64>,
    /// What it read and left out, if it reads files.
    pub scan: Option<ScanFigures>,
}

impl OperatorFigures {
    /// By what factor the estimate of its rows was off; nothing without an estimate, or where the rows say nothing of it.
    pub fn q_error(&self) -> Option<f64> {
        q_error::of_operator(self.estimated_rows, self.output_rows, self.not_comparable.is_none())
    }
}

/// What a scan of files read and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanFigures {
    /// Bytes of columns that the scan asked for.
    pub scanned_bytes: u64,
    /// Files, or parts of files, that the scan looked at.
    pub file_ranges_total: u64,
    /// How many of them were left out whole.
    pub file_ranges_pruned: u64,
    /// Row groups of the files that were opened.
    pub row_groups_total: u64,
    /// How many of them were left out.
    pub row_groups_pruned: u64,
    /// Pages that a page index was asked about.
    pub pages_total: u64,
    /// How many of them were left out.
    pub pages_pruned: u64,
    /// Rows that were decoded at least in part.
    pub rows_in: u64,
    /// Rows that came out of the scan.
    pub rows_out: u64,
}

/// What one side did for a statement, medians over samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanFigures {
    /// Its operators, each before its inputs; none where the side tells nothing of them.
    pub operators: Vec<OperatorFigures>,
    /// Time to plan.
    pub planning_seconds: f64,
    /// Time to execute.
    pub execution_seconds: f64,
}

/// A plan in its normal form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlanTree {
    /// Its operators, each before its inputs; the first one is the root.
    pub(super) nodes: Vec<PlanNode>,
}

/// An operator in its normal form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlanNode {
    /// Which of the plan's operators it is.
    pub(super) operator: usize,
    /// The node that reads it.
    pub(super) parent: Option<usize>,
    /// The nodes that it reads.
    pub(super) inputs: Vec<usize>,
    /// What it is for.
    pub(super) kind: String,
    /// Its line in parts.
    pub(super) line: Line,
    /// The keys of a join, those of the first input first.
    pub(super) keys: Vec<(String, String)>,
    /// Of the joins that build from one input: whether that is the second one.
    pub(super) builds_second: Option<bool>,
    /// What is scanned below it, or by it.
    pub(super) tables: BTreeSet<String>,
}

/// An operator's line: a head and named parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line {
    /// What stands before the parts: the operator's name, `scan of (…)` or `exchange by …`.
    pub(super) head: String,
    /// Name and value of each part; a part without a name has an empty one.
    pub(super) parts: Vec<(String, String)>,
}

impl Line {
    /// The value of a part.
    pub(super) fn part(&self, key: &str) -> Option<&str> {
        self.parts.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn part_mut(&mut self, key: &str) -> Option<&mut String> {
        self.parts.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn parse(detail: &str) -> Self {
        let detail = text::without_column_indices(detail.trim());
        let (head, rest) = split_head(&detail);
        let mut parts: Vec<(String, String)> = Vec::new();
        for piece in split_outside_brackets(rest, ", ") {
            match (key_and_value(piece), parts.last_mut()) {
                (Some((key, value)), _) => parts.push((key.to_owned(), value.to_owned())),
                // A comma within a value, as between the columns of an order.
                (None, Some((_, value))) => *value = format!("{value}, {piece}"),
                (None, None) => parts.push((String::new(), piece.to_owned())),
            }
        }
        let mut line = Self { head: head.to_owned(), parts };
        line.normalize();
        line
    }

    fn normalize(&mut self) {
        self.parts.retain(|(key, value)| !DERIVED.contains(&key.as_str()) && !value.is_empty());
        if let Some(predicate) = self.part_mut("predicate") {
            *predicate = without_dynamic_state(predicate);
        }
        // What it prunes by follows from the predicate; that it prunes does not.
        if let Some(pruning) = self.part_mut("pruning_predicate") {
            *pruning = "yes".to_owned();
        }
    }
}

/// Parts that follow from others, or from where the files are.
const DERIVED: [&str; 2] = ["file_groups", "required_guarantees"];

/// How the filter that another operator sets while it runs stands in a predicate.
pub(super) const DYNAMIC_FILTER: &str = "DynamicFilter";

/// Joins that read their first input whole before the second.
const BUILDS_FIRST: [&str; 3] = ["HashJoinExec", "NestedLoopJoinExec", "CrossJoinExec"];

/// What each operator of a plan is called in a sentence: its name and what tells it from others of its kind.
pub fn titles(plan: &PlanFigures) -> Vec<String> {
    let mut titles = vec![String::new(); plan.operators.len()];
    for node in PlanTree::new(plan).nodes {
        let predicate = node.line.part("predicate").filter(|_| node.kind == "scan");
        titles[node.operator] = match predicate {
            Some(predicate) => format!("{} where {}", node.title_with_mode(), shortened(predicate, 60)),
            None => node.title_with_mode(),
        };
    }
    titles
}

impl PlanTree {
    /// The normal form of a plan.
    pub(super) fn new(plan: &PlanFigures) -> Self {
        let mut nodes = parse(plan);
        let mut facts = vec![BTreeSet::new(); nodes.len()];
        for index in (0..nodes.len()).rev() {
            facts[index].extend(conditions(&nodes[index]));
            if nodes[index].kind == "join" {
                put_in_order(&mut nodes, index, &facts);
            }
            if let Some(parent) = nodes[index].parent {
                let (own, tables) = (facts[index].clone(), nodes[index].tables.clone());
                facts[parent].extend(own);
                nodes[parent].tables.extend(tables);
            }
        }
        Self { nodes: renumbered(nodes) }
    }

    /// The input that a join builds from.
    pub(super) fn build_input(&self, join: usize) -> Option<usize> {
        let node = &self.nodes[join];
        let second = node.builds_second?;
        if node.inputs.len() == 2 { Some(node.inputs[usize::from(second)]) } else { None }
    }

    /// The nearest node at or below one that reads a table, if nothing but one input leads there.
    pub(super) fn scan_below(&self, node: usize) -> Option<usize> {
        let mut at = node;
        loop {
            match self.nodes[at].inputs[..] {
                [] => return (self.nodes[at].kind == "scan").then_some(at),
                [input] => at = input,
                _ => return None,
            }
        }
    }
}

impl PlanNode {
    /// The operator's name without what some add to it: `SortExec(TopK)` is a `SortExec`.
    pub(super) fn name(&self) -> &str {
        match self.kind.as_str() {
            "scan" => "scan",
            "exchange" if self.line.head.starts_with("exchange ") => "exchange",
            _ => &self.line.head,
        }
    }

    /// What it is called in a sentence: its name and what tells it from others of its kind.
    pub(super) fn title(&self) -> String {
        let name = self.name();
        match self.kind.as_str() {
            "scan" => {
                self.tables.iter().next().map_or_else(|| self.line.head.clone(), |table| format!("scan of {table}"))
            }
            "join" if !self.keys.is_empty() => format!("{name} on {}", listed(&self.probe_keys())),
            "join" if self.tables.len() > 1 => format!("{name} of {}", tables_text(&self.tables)),
            "aggregate" => match grouped_by(self.line.part("gby").unwrap_or_default()) {
                groups if groups.is_empty() => name.to_owned(),
                groups => format!("{name} by {}", listed(&groups)),
            },
            "filter" => match self.line.part("") {
                Some(predicate) => format!("{name} {}", shortened(predicate, 60)),
                None => name.to_owned(),
            },
            "sort" => match items(self.line.part("expr").unwrap_or_default())[..] {
                [] => name.to_owned(),
                ref keys => format!("{name} by {}", listed(keys)),
            },
            "window" => match items(self.line.part("wdw").unwrap_or_default()).first() {
                // The function, without the type of its column.
                Some(function) => format!("{name} {}", shortened(function.split(": ").next().unwrap_or_default(), 60)),
                None => name.to_owned(),
            },
            "exchange" => shortened(&self.line.head, 80),
            _ => name.to_owned(),
        }
    }

    /// The title, and in which mode the operator does it, if there are several.
    pub(super) fn title_with_mode(&self) -> String {
        match self.line.part("mode") {
            Some(mode) if !mode.starts_with('[') => format!("{} ({mode})", self.title()),
            _ => self.title(),
        }
    }

    /// The keys of the input that is not built: mostly the larger table, whose key tells joins with one small table apart.
    fn probe_keys(&self) -> Vec<&str> {
        let first = self.builds_second == Some(true);
        self.keys.iter().map(|(a, b)| if first { a.as_str() } else { b.as_str() }).collect()
    }
}

/// Whose input each operator is, given the operators with their depths, each before its inputs.
pub fn parents(operators: &[OperatorFigures]) -> Vec<Option<usize>> {
    let mut path: Vec<usize> = Vec::new();
    let mut parents = Vec::with_capacity(operators.len());
    for (index, operator) in operators.iter().enumerate() {
        while path.pop_if(|last| operators[*last].depth >= operator.depth).is_some() {}
        parents.push(path.last().copied());
        path.push(index);
    }
    parents
}

/// The nodes as the plan has them, without the order of joins.
fn parse(plan: &PlanFigures) -> Vec<PlanNode> {
    let mut nodes: Vec<PlanNode> = Vec::with_capacity(plan.operators.len());
    for (index, (operator, parent)) in plan.operators.iter().zip(parents(&plan.operators)).enumerate() {
        // A second root would be a fault of the recorder; as an input of the first it is still in the picture.
        let parent = parent.or((index > 0).then_some(0));
        if let Some(parent) = parent {
            nodes[parent].inputs.push(index);
        }
        nodes.push(node(index, parent, operator));
    }
    nodes
}

fn node(index: usize, parent: Option<usize>, operator: &OperatorFigures) -> PlanNode {
    let mut line = Line::parse(&operator.detail);
    if line.head.is_empty() {
        operator.name.clone_into(&mut line.head);
    }
    let mut tables = BTreeSet::new();
    if operator.kind == "scan" {
        tables.insert(table_name(&line));
    }
    let builds_second = BUILDS_FIRST.contains(&operator.name.as_str()).then_some(false);
    let keys = line.part("on").map(key_pairs).unwrap_or_default();
    let kind = operator.kind.clone();
    PlanNode { operator: index, parent, inputs: Vec::new(), kind, line, keys, builds_second, tables }
}

/// What a table is shown as: what all of its columns begin with, or the first of those that are read.
fn table_name(line: &Line) -> String {
    let Some(columns) = line.head.strip_prefix("scan of ") else { return line.head.clone() };
    let columns = items(columns);
    match text::prefix_of_all(&columns) {
        Some(prefix) => format!("({prefix}…)"),
        None => {
            let read = items(line.part("projection").unwrap_or_default());
            format!("({})", listed(if read.is_empty() { &columns } else { &read }))
        }
    }
}

/// The conditions that an operator puts on rows, and the tables: what tells the two inputs of a self-join apart.
fn conditions(node: &PlanNode) -> Vec<String> {
    let predicate = match node.kind.as_str() {
        "scan" => node.line.part("predicate"),
        "filter" => node.line.part(""),
        _ => None,
    };
    let conjuncts = split_outside_brackets(predicate.unwrap_or_default(), " AND ");
    conjuncts.into_iter().filter(|part| !part.is_empty() && *part != DYNAMIC_FILTER).map(str::to_owned).collect()
}

/// Puts the inputs of a join into the order that does not depend on which is built.
fn put_in_order(nodes: &mut [PlanNode], join: usize, facts: &[BTreeSet<String>]) {
    let node = &nodes[join];
    let (mut first, mut second): (Vec<_>, Vec<_>) = node.keys.iter().cloned().unzip();
    first.sort_unstable();
    second.sort_unstable();
    let below = |input: usize| (&nodes[input].tables, &facts[input]);
    let by_inputs = || match node.inputs[..] {
        [a, b] => below(a).cmp(&below(b)),
        _ => std::cmp::Ordering::Equal,
    };
    let mirrored = first.cmp(&second).then_with(by_inputs).is_gt();
    let node = &mut nodes[join];
    if mirrored {
        mirror(node);
    }
    node.keys.sort_unstable();
    let on = node.keys.iter().map(|(a, b)| format!("({a}, {b})")).collect::<Vec<_>>().join(", ");
    if let Some(part) = node.line.part_mut("on") {
        *part = format!("[{on}]");
    }
    // The order of columns follows that of the inputs, and says nothing else.
    if let Some(part) = node.line.part_mut("projection") {
        let mut columns = items(part);
        columns.sort_unstable();
        *part = format!("[{}]", columns.join(", "));
    }
}

fn mirror(node: &mut PlanNode) {
    if node.inputs.len() == 2 {
        node.inputs.swap(0, 1);
    }
    for (a, b) in &mut node.keys {
        std::mem::swap(a, b);
    }
    if let Some(second) = &mut node.builds_second {
        *second = !*second;
    }
    if let Some(kind) = node.line.part_mut("join_type") {
        let other = match (kind.strip_prefix("Left"), kind.strip_prefix("Right")) {
            (Some(rest), _) => Some(format!("Right{rest}")),
            (_, Some(rest)) => Some(format!("Left{rest}")),
            _ => None,
        };
        *kind = other.unwrap_or_else(|| kind.clone());
    }
}

/// The nodes in the order of their inputs, each before its inputs.
fn renumbered(nodes: Vec<PlanNode>) -> Vec<PlanNode> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut pending = Vec::from_iter((!nodes.is_empty()).then_some(0));
    while let Some(node) = pending.pop() {
        order.push(node);
        pending.extend(nodes[node].inputs.iter().rev());
    }
    let mut place = vec![0; nodes.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let renumber = |old: usize| {
        let mut node = nodes[old].clone();
        node.parent = node.parent.map(|parent| place[parent]);
        node.inputs.iter_mut().for_each(|input| *input = place[*input]);
        node
    };
    order.iter().map(|old| renumber(*old)).collect()
}

/// What filters between operators come to is not the plan's: `DynamicFilter [ … ]` without what is between the brackets.
fn without_dynamic_state(predicate: &str) -> String {
    let mut out = String::with_capacity(predicate.len());
    let mut rest = predicate;
    while let Some(at) = rest.find(DYNAMIC_FILTER) {
        let end = at + DYNAMIC_FILTER.len();
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        let mut depth = Brackets::default();
        if rest.starts_with(" [") {
            let close = rest.char_indices().skip(1).find(|(_, c)| depth.pass(*c) == 0);
            rest = close.map_or("", |(index, c)| &rest[index + c.len_utf8()..]);
        }
    }
    out + rest
}

/// `HashJoinExec: mode=…` into its head and the rest. A scan's head ends with the bracket of its columns.
fn split_head(detail: &str) -> (&str, &str) {
    let mut depth = Brackets::default();
    for (index, c) in detail.char_indices() {
        if depth.pass(c) == 0 && c == ':' {
            let rest = detail[index + 1..].trim_start();
            // An exchange's line has no head of that kind: what is before a colon would be part of a key.
            return if detail.starts_with("exchange ") { (detail, "") } else { (&detail[..index], rest) };
        }
    }
    (detail, "")
}

fn key_and_value(piece: &str) -> Option<(&str, &str)> {
    // `NullsEqual: true` stands among parts with an equals sign.
    let (key, value) = piece.split_once('=').or_else(|| piece.split_once(": "))?;
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_key.then_some((key, value))
}

/// `[(a, b), (c, d)]` as pairs.
fn key_pairs(on: &str) -> Vec<(String, String)> {
    let pair = |item: &&str| match items(item)[..] {
        [a, b] => Some((a.to_owned(), b.to_owned())),
        _ => None,
    };
    items(on).iter().filter_map(pair).collect()
}

/// How deep in brackets a text is.
#[derive(Default)]
struct Brackets(usize);

impl Brackets {
    /// The depth after a character.
    fn pass(&mut self, c: char) -> usize {
        match c {
            '(' | '[' | '{' => self.0 += 1,
            ')' | ']' | '}' => self.0 = self.0.saturating_sub(1),
            _ => {}
        }
        self.0
    }
}

/// The pieces of a text between separators that are not in brackets; none of an empty text.
pub(super) fn split_outside_brackets<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut depth = Brackets::default();
    let mut start = 0;
    for (index, c) in text.char_indices() {
        if depth.pass(c) == 0 && index >= start && text[index..].starts_with(separator) {
            pieces.push(&text[start..index]);
            start = index + separator.len();
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// The items of `[a, b]` or `(a, b)`; the text itself where it is no list.
pub(super) fn items(list: &str) -> Vec<&str> {
    let strip = |open, close| list.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    split_outside_brackets(strip('[', ']').or_else(|| strip('(', ')')).unwrap_or(list), ", ")
}

/// What an aggregate groups by. Of several grouping sets the last one has all columns.
fn grouped_by(groups: &str) -> Vec<&str> {
    let groups = items(groups);
    let groups = match groups.last() {
        Some(set) if set.starts_with('(') && set.contains(" as ") => items(set),
        _ => groups,
    };
    // `x as y` is called y.
    groups.into_iter().map(|item| item.rsplit_once(" as ").map_or(item, |(_, name)| name)).collect()
}

/// At most three items, and that there are more.
pub(super) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().take(3).map(|item| shortened(item.as_ref(), 40)).collect();
    shown.join(", ") + if items.len() > 3 { ", …" } else { "" }
}

/// `(d_…), (ss_…)`.
pub(super) fn tables_text(tables: &BTreeSet<String>) -> String {
    listed(&tables.iter().collect::<Vec<_>>())
}

/// Plans from their text.
#[cfg(test)]
pub(super) mod test_support {
    use super::*;

    /// A plan from its text, two spaces a level. After a bar stand an operator's seconds and rows, where they matter, and what a
    /// scan read; execution takes as long as all operators together.
    pub(in crate::compare) fn plan(text: &str) -> PlanFigures {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let first = lines.first().map_or(0, |line| indent(line));
        let operators: Vec<_> = lines.iter().map(|line| operator((indent(line) - first) / 2, line.trim())).collect();
        let execution_seconds = operators.iter().map(|operator| operator.operator_seconds).sum();
        PlanFigures { operators, planning_seconds: 0.0, execution_seconds }
    }

    fn operator(depth: usize, line: &str) -> OperatorFigures {
        let (detail, figures) = line.split_once(" | ").unwrap_or((line, ""));
        let mut figures = figures.split_whitespace();
        let operator_seconds = figures.next().map_or(0.0, |text| text.parse().unwrap());
        let mut count = || figures.next().map_or(0, |text| text.parse().unwrap());
        let (output_rows, scanned_bytes) = (count(), count());
        let name = match detail {
            scan if scan.starts_with("scan of") => "DataSourceExec",
            exchange if exchange.starts_with("exchange") => "RepartitionExec",
            other => other.split(':').next().unwrap(),
        };
        let kind = match name {
            "DataSourceExec" => "scan",
            "FilterExec" => "filter",
            "AggregateExec" => "aggregate",
            "SortExec" | "PartitionedTopKExec" => "sort",
            name if name.ends_with("JoinExec") => "join",
            name if name.ends_with("WindowAggExec") => "window",
            "RepartitionExec" | "CoalescePartitionsExec" | "SortPreservingMergeExec" => "exchange",
            _ => "other",
        };
        let scan = (kind == "scan").then(|| ScanFigures { scanned_bytes, ..ScanFigures::default() });
        let (name, kind, detail) = (name.to_owned(), kind.to_owned(), detail.to_owned());
        OperatorFigures { depth, name, kind, detail, output_rows, operator_seconds, scan, ..OperatorFigures::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::test_support::plan;
    use super::*;

    /// The tree's lines: what a join builds from, head and parts, indented.
    fn text(tree: &PlanTree) -> String {
        let mut depths = Vec::new();
        let mut out = String::new();
        for node in &tree.nodes {
            let depth = node.parent.map_or(0, |parent: usize| depths[parent] + 1);
            depths.push(depth);
            let parts: Vec<_> = node.line.parts.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let build = if node.builds_second == Some(true) { " builds second" } else { "" };
            out += &format!("{:1$}{2}{build} {3}", "", 2 * depth, node.line.head, parts.join("; "));
            out = out.trim_end().to_owned() + "\n";
        }
        out
    }

    #[track_caller]
    fn check(detail: &str, normal_form: &str) {
        assert_eq!(text(&PlanTree::new(&plan(detail))).trim_end(), normal_form);
    }

    #[test]
    fn lines_in_parts() {
        check("CoalescePartitionsExec", "CoalescePartitionsExec");
        check("CoalescePartitionsExec: fetch=100", "CoalescePartitionsExec fetch=100");
        check("FilterExec: d_year@1 = 2001 AND d_moy@2 = 1", "FilterExec =d_year = 2001 AND d_moy = 1");
        check(
            "FilterExec: x IN (SET) ([1, 2]), projection=[a@0, b@2]",
            "FilterExec =x IN (SET) ([1, 2]); projection=[a, b]",
        );
        check(
            "SortExec: TopK(fetch=100), expr=[a@0 ASC, b@1 DESC], preserve_partitioning=[true]",
            "SortExec =TopK(fetch=100); expr=[a ASC, b DESC]; preserve_partitioning=[true]",
        );
        check("exchange by hash of a@0, b@12, order preserved", "exchange by hash of a, b, order preserved");
        check(
            "ProjectionExec: expr=[x@y.z as mail, f(a@0, b@1) as f]",
            "ProjectionExec expr=[x@y.z as mail, f(a, b) as f]",
        );
        // Brackets that do not close keep what follows together, and nothing is lost.
        check("FilterExec: a = ([, projection=[b]", "FilterExec =a = ([, projection=[b]");
        check("FilterExec: a = )), projection=[b]", "FilterExec =a = )); projection=[b]");
    }

    #[test]
    fn scans_without_files_and_state() {
        check(
            "scan of (a_b, a_c): file_groups={2 groups: [[x.parquet:0..5], [x.parquet:5..9]]}, projection=[a_c], \
             file_type=parquet, predicate=a_b@0 = 1 AND DynamicFilter [ a_c@1 >= 1 AND a_c@1 <= [2] ] AND DynamicFilter [ empty ], \
             pruning_predicate=a_b_min@0 <= 1, required_guarantees=[a_b in (1)]",
            "scan of (a_b, a_c) projection=[a_c]; file_type=parquet; \
             predicate=a_b = 1 AND DynamicFilter AND DynamicFilter; pruning_predicate=yes",
        );
        check(
            "scan of (a): file_type=parquet, predicate=DynamicFilter [ a",
            "scan of (a) file_type=parquet; predicate=DynamicFilter",
        );
    }

    #[test]
    fn joins_from_either_side_have_one_form() {
        let (item, sales) = ("\n  scan of (i_item_sk, i_y)", "\n  scan of (ss_item_sk, ss_x)");
        let join = "HashJoinExec: mode=CollectLeft, join_type=Right, on=[(i_item_sk@0, ss_item_sk@1)], projection=[ss_x@3, i_y@1]";
        let a = PlanTree::new(&plan(&format!("{join}{item}{sales}")));
        let join = "HashJoinExec: mode=CollectLeft, join_type=Left, on=[(ss_item_sk@1, i_item_sk@0)], projection=[i_y@3, ss_x@0]";
        let b = PlanTree::new(&plan(&format!("{join}{sales}{item}")));
        assert_eq!(text(&a), text(&b).replace(" builds second", ""));
        assert_eq!([a.build_input(0), b.build_input(0)], [Some(1), Some(2)]);
        assert_eq!(a.nodes[0].title(), "HashJoinExec on ss_item_sk");
        assert_eq!(b.nodes[0].title(), "HashJoinExec on i_item_sk");
        assert_eq!(b.nodes.iter().map(|node| node.operator).collect::<Vec<_>>(), [0, 2, 1]);
    }

    #[test]
    fn joins_of_a_table_with_itself_go_by_what_is_asked_of_it() {
        let side = |year: u32| format!("  FilterExec: d_year@0 = {year}\n    scan of (d_sk, d_year)\n");
        let join = "HashJoinExec: mode=CollectLeft, join_type=LeftAnti, on=[(d_sk@0, d_sk@0), (d_a@1, d_b@1)]\n";
        let a = PlanTree::new(&plan(&(join.to_owned() + &side(2001) + &side(2002))));
        let mirrored = join.replace("LeftAnti", "RightAnti").replace("d_a@1, d_b@1", "d_b@1, d_a@1");
        let b = PlanTree::new(&plan(&(mirrored + &side(2002) + &side(2001))));
        assert_eq!(text(&a), text(&b).replace(" builds second", ""));
        // Without keys, tables decide.
        let cross =
            |first, second| PlanTree::new(&plan(&format!("CrossJoinExec\n  scan of {first}\n  scan of {second}")));
        assert_eq!(cross("(a_a, a_b)", "(b_a, b_b)").build_input(0), Some(1));
        assert_eq!(cross("(b_a, b_b)", "(a_a, a_b)").build_input(0), Some(2));
        // A shared input is recorded once, so that a join may have but one.
        let shared = PlanTree::new(&plan("HashJoinExec: on=[(a, b)], NullsEqual: true\n  scan of (a)"));
        assert_eq!(
            (shared.build_input(0), text(&shared)),
            (None, "HashJoinExec on=[(a, b)]; NullsEqual=true\n  scan of (a)\n".to_owned())
        );
    }

    #[test]
    fn trees_from_depths() {
        assert!(PlanTree::new(&PlanFigures::default()).nodes.is_empty());
        let tree = PlanTree::new(&plan("UnionExec\n  A\n      B\n  C"));
        assert_eq!(text(&tree), "UnionExec\n  A\n    B\n  C\n");
        let mut two_roots = plan("A\n  B\nC");
        assert_eq!(text(&PlanTree::new(&two_roots)), "A\n  B\n  C\n");
        // Deeper at the beginning than later.
        two_roots.operators.iter_mut().zip([2, 1, 0]).for_each(|(operator, depth)| operator.depth = depth);
        assert_eq!(text(&PlanTree::new(&two_roots)), "A\n  B\n  C\n");
    }

    #[track_caller]
    fn check_title(detail: &str, title: &str) {
        assert_eq!(PlanTree::new(&plan(detail)).nodes[0].title_with_mode(), title);
    }

    #[test]
    fn titles() {
        check_title("scan of (ss_a, ss_b): projection=[ss_b]", "scan of (ss_…)");
        check_title("scan of (alpha, beta, c, d): projection=[beta]", "scan of (beta)");
        check_title("scan of (alpha, beta, c, d): file_type=parquet", "scan of (alpha, beta, c, …)");
        check_title("scan of (a_b)", "scan of (a_b)");
        check_title(
            "AggregateExec: mode=Partial, gby=[a@1 as a, f(b@0) as c], aggr=[]",
            "AggregateExec by a, c (Partial)",
        );
        check_title("AggregateExec: mode=Single, gby=[], aggr=[sum(x)]", "AggregateExec (Single)");
        check_title(
            "AggregateExec: mode=Final, gby=[(NULL as a, NULL as b), (a@0 as a, b@1 as b)]",
            "AggregateExec by a, b (Final)",
        );
        check_title("SortExec: expr=[a@0 ASC, b@1 ASC, c@2 ASC, d@3 ASC]", "SortExec by a ASC, b ASC, c ASC, …");
        check_title(
            "BoundedWindowAggExec: wdw=[rank() ORDER BY [x]: Field { \"rank\": UInt64 }], mode=[Sorted]",
            "BoundedWindowAggExec rank() ORDER BY [x]",
        );
        check_title("SortMergeJoinExec: join_type=Inner, on=[(a@0, b@0)]", "SortMergeJoinExec on b");
        check_title("CrossJoinExec\n  scan of (a_a, a_b)\n  scan of (b_a, b_b)", "CrossJoinExec of (a_…), (b_…)");
        check_title("FilterExec", "FilterExec");
    }
}

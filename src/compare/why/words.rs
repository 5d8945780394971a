//! The sentences of reasons. They are about the other side, compared with the baseline.

use super::super::plan_diff::{PartChange, change_text, part_names};
use super::super::plan_tree::{
    DYNAMIC_FILTER, OperatorFigures, PlanNode, ScanFigures, split_outside_brackets, tables_text,
};
use super::evidence::{Cause, Evidence, Unit, is_other_number};
use crate::text::{bytes, thousands};

/// How many parts of a changed line a sentence shows whole.
const SHOWN_CHANGES: usize = 2;
/// Memory swings with the order in which partitions happen to run: it is another one from this ratio on.
const OTHER_MEMORY: u64 = 2;

/// What a cause is.
pub(super) fn cause(evidence: &Evidence<'_>, cause: Cause) -> String {
    match cause {
        Cause::Plan { unit, instead: Some(new) } => replaced(evidence.node(unit), evidence.node(new)),
        Cause::Plan { unit, instead: None } => changed(evidence, unit),
        Cause::Rows { unit } => same_operator(evidence, unit),
    }
}

/// What is different about an operator that does the same on both sides.
pub(super) fn same_operator(evidence: &Evidence<'_>, unit: usize) -> String {
    let plan = if evidence.diff.is_same() { "same plan; " } else { "" };
    let what = match (evidence.figures_a(unit), evidence.figures_b(unit)) {
        (Some(a), Some(b)) => figures(a, b),
        _ => String::new(),
    };
    let title = evidence.node(unit).title_with_mode();
    match (what.as_str(), evidence.units[unit].seconds > 0.0) {
        ("", true) => format!("{plan}{title} is slower for the same rows"),
        ("", false) => format!("{plan}{title} is faster for the same rows"),
        (what, _) => format!("{plan}{title} {what}"),
    }
}

fn replaced(old: &PlanNode, new: &PlanNode) -> String {
    // Of two operators by one name, only the titles tell which is which.
    let old_title = if old.name() == new.name() { old.title() } else { old.name().to_owned() };
    let order = if old.kind == "join" && old.name() == new.name() { "another join order: " } else { "" };
    format!("{order}{} instead of {old_title}", new.title())
}

fn changed(evidence: &Evidence<'_>, unit: usize) -> String {
    let node = evidence.node(unit);
    let own = &evidence.units[unit];
    let special = match (node.kind.as_str(), own.a, own.b) {
        ("join", Some(a), Some(b)) => join(evidence, own, a, b),
        ("filter", Some(gone), None) => filter_in_scan(evidence, gone, true)
            .map(|scan| format!("{} filters rows itself, without a {}", scan.title(), node.name())),
        ("filter", None, Some(new)) => filter_in_scan(evidence, new, false)
            .map(|scan| format!("{} above {} instead of a filter in it", node.name(), scan.title())),
        ("scan", Some(a), Some(b)) => {
            let words = scan(&evidence.diff.a.nodes[a], &evidence.diff.b.nodes[b], &own.changes);
            Some(words + &scan_effect(evidence, unit))
        }
        ("sort", Some(_), Some(_)) => sort(node, &own.changes),
        ("aggregate", Some(_), Some(_)) => aggregate(node, &own.changes),
        _ => None,
    };
    special.unwrap_or_else(|| match (own.a, own.b) {
        (Some(_), None) => format!("{} is gone", node.title_with_mode()),
        (None, _) => format!("{} is new", node.title_with_mode()),
        _ if own.changes.is_empty() => format!("{} stands at another place", node.title()),
        _ => format!("{}: {}", node.title(), changes(&own.changes)),
    })
}

/// Every part that differs; of many, the names.
fn changes(changes: &[PartChange]) -> String {
    if changes.len() > SHOWN_CHANGES {
        return format!("other {}", part_names(changes));
    }
    changes.iter().map(change).collect::<Vec<_>>().join(", ")
}

fn change(change: &PartChange) -> String {
    match change.key.as_str() {
        "mode" => format!("{} instead of {}", change.b, change.a),
        "pruning_predicate" if change.b.is_empty() => "leaves nothing out by statistics any more".to_owned(),
        "pruning_predicate" if change.a.is_empty() => "leaves out by statistics what cannot match".to_owned(),
        _ => change_text(change),
    }
}

fn join(evidence: &Evidence<'_>, unit: &Unit, a: usize, b: usize) -> Option<String> {
    let (old, new) = (&evidence.diff.a.nodes[a], &evidence.diff.b.nodes[b]);
    let title = old.title();
    if unit.is_moved {
        let came = old.tables.difference(&new.tables).cloned().collect();
        let comes = new.tables.difference(&old.tables).cloned().collect();
        let place = match (tables_text(&comes), tables_text(&came)) {
            (after, before) if after.is_empty() && before.is_empty() => "stands at another place".to_owned(),
            (after, before) if before.is_empty() => format!("comes after {after}"),
            (after, before) if after.is_empty() => format!("comes before {before}"),
            (after, before) => format!("comes after {after} and before {before}"),
        };
        return Some(format!("another join order: {title} {place}"));
    }
    let value = |key: &str| unit.changes.iter().find(|change| change.key == key);
    let mut said = Vec::new();
    if value("builds from").is_some() {
        let rows = match (build_rows(evidence, a, b), old.tables == new.tables) {
            (Some((a, b)), true) => format!(" ({} rows instead of {})", thousands(b), thousands(a)),
            _ => String::new(),
        };
        said.push(format!("builds from the other side{rows}"));
    }
    let kinds = ["mode", "join_type"].into_iter().filter_map(value);
    said.extend(kinds.map(|change| format!("is {} instead of {}", change.b, change.a)));
    (!said.is_empty()).then(|| format!("{title} {}", said.join(" and ")))
}

/// The rows of the inputs that both joins build from.
fn build_rows(evidence: &Evidence<'_>, a: usize, b: usize) -> Option<(u64, u64)> {
    let (plan_a, plan_b) = (&evidence.diff.a, &evidence.diff.b);
    let rows_a = &evidence.baseline.operators[plan_a.nodes[plan_a.build_input(a)?].operator];
    let rows_b = &evidence.other.operators[plan_b.nodes[plan_b.build_input(b)?].operator];
    Some((rows_a.output_rows, rows_b.output_rows))
}

/// The scan that does a filter's work on the side that does not have the filter.
fn filter_in_scan<'a>(evidence: &Evidence<'a>, filter: usize, is_gone: bool) -> Option<&'a PlanNode> {
    let (a, b) = (&evidence.diff.a, &evidence.diff.b);
    let plan = if is_gone { a } else { b };
    let below = plan.scan_below(filter)?;
    let unit =
        evidence.units.iter().find(|unit| if is_gone { unit.a == Some(below) } else { unit.b == Some(below) })?;
    let scan = if is_gone { &b.nodes[unit.b?] } else { &a.nodes[unit.a?] };
    let conditions = split_outside_brackets(scan.line.part("predicate")?, " AND ");
    let own = split_outside_brackets(plan.nodes[filter].line.part("")?, " AND ");
    own.iter().any(|condition| conditions.contains(condition)).then_some(scan)
}

fn scan(old: &PlanNode, new: &PlanNode, parts: &[PartChange]) -> String {
    let filters = |node: &PlanNode| node.line.part("predicate").unwrap_or_default().matches(DYNAMIC_FILTER).count();
    let title = new.title();
    match (filters(old), filters(new)) {
        (0, 1..) => format!("{title} takes filters from operators above while they run"),
        (1.., 0) => format!("{title} takes no filters from operators above any more"),
        (before, after) if before != after => {
            format!("{title} takes {after} filters from operators above instead of {before}")
        }
        _ if parts.iter().all(|part| part.key == "projection") => {
            let columns: Vec<_> = parts.iter().map(change_text).collect();
            format!("{title} reads other columns, {}", columns.join(", "))
        }
        _ => format!("{title}: {}", changes(parts)),
    }
}

/// What came of it that a scan changed.
fn scan_effect(evidence: &Evidence<'_>, unit: usize) -> String {
    let both = evidence.figures_a(unit).zip(evidence.figures_b(unit));
    let what = both.map(|(a, b)| figures(a, b)).unwrap_or_default();
    if what.is_empty() { what } else { format!("; it {what}") }
}

/// Grouping in one step or in two: first each partition's rows, then the groups that are alike.
fn aggregate(node: &PlanNode, parts: &[PartChange]) -> Option<String> {
    let mode = parts.iter().find(|part| part.key == "mode")?;
    let steps = match (mode.a.starts_with("Final"), mode.b.starts_with("Final")) {
        (true, false) if mode.b.starts_with("Single") => "one step instead of two",
        (false, true) if mode.a.starts_with("Single") => "two steps instead of one",
        _ => return None,
    };
    Some(format!("{} in {steps} ({} instead of {})", node.title(), mode.b, mode.a))
}

fn sort(node: &PlanNode, parts: &[PartChange]) -> Option<String> {
    let limit = parts.iter().find(|part| part.a.starts_with("TopK") || part.b.starts_with("TopK"))?;
    Some(match (limit.a.as_str(), limit.b.as_str()) {
        ("", new) => format!("{} keeps only the first rows: {new}", node.title()),
        (old, "") => format!("{} sorts all rows instead of {old}", node.title()),
        (old, new) => format!("{} keeps {new} instead of {old}", node.title()),
    })
}

/// What two runs of an operator did differently, the most telling first.
fn figures(a: &OperatorFigures, b: &OperatorFigures) -> String {
    let mut said = Vec::new();
    if is_other_number(a.output_rows, b.output_rows) {
        said.push(format!("gives {} rows instead of {}", thousands(b.output_rows), thousands(a.output_rows)));
    }
    if is_other_number(a.spilled_bytes, b.spilled_bytes) {
        said.push(format!("spills {} instead of {}", bytes(b.spilled_bytes), bytes(a.spilled_bytes)));
    }
    if let Some((a, b)) = a.scan.zip(b.scan) {
        scan_figures(&a, &b, &mut said);
    }
    if let Some((a, b)) = a.peak_memory_bytes.zip(b.peak_memory_bytes)
        && is_other_number(a, b)
        && a.max(b) >= OTHER_MEMORY.saturating_mul(a.min(b))
    {
        said.push(format!("holds {} of memory instead of {}", bytes(b), bytes(a)));
    }
    said.truncate(2);
    said.join(" and ")
}

fn scan_figures(a: &ScanFigures, b: &ScanFigures, said: &mut Vec<String>) {
    if is_other_number(a.scanned_bytes, b.scanned_bytes) {
        said.push(format!("reads {} instead of {}", bytes(b.scanned_bytes), bytes(a.scanned_bytes)));
    }
    let levels = [
        ("files", (a.file_ranges_pruned, a.file_ranges_total), (b.file_ranges_pruned, b.file_ranges_total)),
        ("row groups", (a.row_groups_pruned, a.row_groups_total), (b.row_groups_pruned, b.row_groups_total)),
        ("pages", (a.pages_pruned, a.pages_total), (b.pages_pruned, b.pages_total)),
    ];
    // The coarsest level that differs says most: what is left out there is not counted below.
    if let Some((noun, a, b)) = levels.into_iter().find(|(_, a, b)| a.0 != b.0) {
        said.push(format!("leaves out {} of {} {noun} instead of {} of {}", b.0, b.1, a.0, a.1));
    }
}

//! Why one side is slower than the baseline: the difference in parts, each with a sentence.
//!
//! ```text
//! 3.4 s more  =  2.6 s  HashJoinExec on ss_item_sk builds from the other side (1,920,800 rows instead of 102,000)
//!             +  0.5 s  scan of (ss_…) gives 28,800,991 rows instead of 551,000
//!             +  0.2 s  planning takes 0.310 s instead of 0.105 s
//!             +  0.1 s  not explained
//! ```
//!
//! How seconds are shared out, and what that cannot know, is in `why/evidence.rs`; the sentences are in `why/words.rs`.
//!
//! The work is done by a list of explainers. Each looks at all the evidence and returns what it found, with the operators whose
//! seconds that explains; these go to the first explainer that claims them, so that no second is counted twice. Later parts of the
//! engine that record more (decisions while a plan runs, estimates, costs of functions) get one more function each, before
//! the general ones.

mod evidence;
mod words;

use std::collections::BTreeMap;

use self::evidence::{Cause, Evidence, operator_seconds};
use super::plan_diff::PlanDiff;
use super::plan_tree::PlanFigures;
use crate::text::bytes;

/// A reason that explains less of the difference than this is left out.
const LEAST_SHARE: f64 = 0.03;
/// So many times the difference is the sum of its parts, without their signs, if it is only what they left over.
const CANCELLED: f64 = 3.0;
/// No more reasons than these: the largest.
const MOST_REASONS: usize = 5;

/// A part of the difference, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// How many seconds of other - baseline; negative where the other side is faster in this.
    pub seconds: f64,
    /// What the other side does differently.
    pub words: String,
}

/// The difference of two sides and its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// Other - baseline, planning and execution.
    pub difference_seconds: f64,
    /// Planning alone.
    pub planning_difference_seconds: f64,
    /// Execution alone.
    pub execution_difference_seconds: f64,
    /// Whether both plans are known and do the same.
    pub plans_are_equal: bool,
    /// The reasons, largest first, whichever way they go.
    pub reasons: Vec<Reason>,
    /// What is left of the difference.
    pub unexplained_seconds: f64,
    /// The plans laid side by side; empty if they are equal or one is not known.
    pub diff: String,
    /// What stands in the way of knowing more.
    pub notes: Vec<String>,
}

/// What an explainer found.
struct Finding {
    /// The operators whose seconds it explains.
    units: Vec<usize>,
    /// Seconds that are no operator's.
    other_seconds: f64,
    words: String,
}

/// From the particular to the general: an operator's seconds go to the first that claims them.
const EXPLAINERS: [fn(&Evidence<'_>) -> Vec<Finding>; 6] =
    [planning, overlap, plan_changes, row_changes, same_operators, many_small];

/// Explains the difference between a side and the baseline.
pub fn why(baseline: &PlanFigures, other: &PlanFigures) -> Why {
    let planning_difference_seconds = other.planning_seconds - baseline.planning_seconds;
    let execution_difference_seconds = other.execution_seconds - baseline.execution_seconds;
    let difference_seconds = planning_difference_seconds + execution_difference_seconds;
    let diff = PlanDiff::new(baseline, other);
    let plans_are_known = !baseline.operators.is_empty() && !other.operators.is_empty();
    let plans_are_equal = plans_are_known && diff.is_same();
    let reasons = reasons(baseline, other, &diff, difference_seconds);
    let explained: f64 = reasons.iter().map(|reason| reason.seconds).sum();
    let cancel = reasons.iter().map(|reason| reason.seconds.abs()).sum::<f64>() > CANCELLED * difference_seconds.abs();
    Why {
        difference_seconds,
        planning_difference_seconds,
        execution_difference_seconds,
        plans_are_equal,
        reasons,
        unexplained_seconds: difference_seconds - explained,
        diff: if plans_are_known && !plans_are_equal { diff.render(baseline, other) } else { String::new() },
        notes: notes(baseline, other, cancel),
    }
}

fn reasons(baseline: &PlanFigures, other: &PlanFigures, diff: &PlanDiff, difference: f64) -> Vec<Reason> {
    // Where one plan is not known, the other one's operators are not "new".
    let known = if baseline.operators.is_empty() || other.operators.is_empty() {
        (&without_operators(baseline), &without_operators(other), &PlanDiff::new(&NOTHING, &NOTHING))
    } else {
        (baseline, other, diff)
    };
    let mut evidence = Evidence::new(known.0, known.1, known.2);
    let mut found = Vec::new();
    for explain in EXPLAINERS {
        for finding in explain(&evidence) {
            let mut seconds = finding.other_seconds;
            for unit in finding.units {
                seconds += if evidence.is_free[unit] { evidence.units[unit].seconds } else { 0.0 };
                evidence.is_free[unit] = false;
            }
            found.push(Reason { seconds, words: finding.words });
        }
    }
    let mut reasons = put_together(found);
    reasons.retain(|reason| reason.seconds != 0.0 && reason.seconds.abs() >= LEAST_SHARE * difference.abs());
    reasons.sort_by(|a, b| b.seconds.abs().total_cmp(&a.seconds.abs()));
    reasons.truncate(MOST_REASONS);
    reasons
}

/// What happens several times in a plan is one reason: sentences that differ in nothing but numbers.
fn put_together(found: Vec<Reason>) -> Vec<Reason> {
    let mut alike: BTreeMap<String, Vec<Reason>> = BTreeMap::new();
    for reason in found {
        let key = reason.words.chars().filter(|c| !matches!(c, '0'..='9' | ',' | '.')).collect();
        alike.entry(key).or_default().push(reason);
    }
    let together = |mut reasons: Vec<Reason>| {
        let seconds = reasons.iter().map(|reason| reason.seconds).sum();
        reasons.sort_by(|a, b| b.seconds.abs().total_cmp(&a.seconds.abs()));
        let words = match &reasons[..] {
            [one] => one.words.clone(),
            [first, others @ ..] if others.iter().all(|other| other.words == first.words) => {
                format!("{} ({} times)", first.words, reasons.len())
            }
            _ => format!("{}, and {} more like it", reasons[0].words, reasons.len() - 1),
        };
        Reason { seconds, words }
    };
    alike.into_values().map(together).collect()
}

const NOTHING: PlanFigures = PlanFigures { operators: Vec::new(), planning_seconds: 0.0, execution_seconds: 0.0 };

fn without_operators(plan: &PlanFigures) -> PlanFigures {
    PlanFigures { operators: Vec::new(), ..*plan }
}

fn notes(baseline: &PlanFigures, other: &PlanFigures, cancel: bool) -> Vec<String> {
    let silent = [("the baseline", baseline), ("the other side", other)]
        .into_iter()
        .filter(|(_, plan)| operator_seconds(plan) <= 0.0)
        .map(|(name, plan)| (name, if plan.operators.is_empty() { "its operators" } else { "its operators' times" }));
    let note = |(name, what): &(&str, &str)| {
        format!("{name} tells nothing of {what}: only planning and execution can be compared")
    };
    let mut notes: Vec<String> = silent.map(|plan| note(&plan)).collect();
    if cancel {
        notes.push("parts of both signs nearly cancel each other out".to_owned());
    }
    notes
}

/// Planning took another time.
fn planning(evidence: &Evidence<'_>) -> Vec<Finding> {
    let (a, b) = (evidence.baseline.planning_seconds, evidence.other.planning_seconds);
    vec![Finding {
        units: Vec::new(),
        other_seconds: b - a,
        words: format!("planning takes {b:.3} s instead of {a:.3} s"),
    }]
}

/// Operators worked less, or more, side by side.
fn overlap(evidence: &Evidence<'_>) -> Vec<Finding> {
    let at_a_time = |plan: &PlanFigures| operator_seconds(plan) / plan.execution_seconds.max(1e-9);
    let (a, b) = (at_a_time(evidence.baseline), at_a_time(evidence.other));
    let waits = if b < a { ": it waits more, or its partitions are less even" } else { "" };
    let scanned_bytes = |plan: &PlanFigures| {
        plan.operators.iter().filter_map(|operator| operator.scan).map(|scan| scan.scanned_bytes).sum::<u64>()
    };
    let (bytes_a, bytes_b) = (scanned_bytes(evidence.baseline), scanned_bytes(evidence.other));
    let reads = if b < a && evidence::is_other_number(bytes_a, bytes_b) {
        format!("; it reads {} instead of {}", bytes(bytes_b), bytes(bytes_a))
    } else {
        String::new()
    };
    vec![Finding {
        units: Vec::new(),
        other_seconds: evidence.overlap_seconds,
        words: format!("{b:.2} partitions of operators at work at a time instead of {a:.2}{waits}{reads}"),
    }]
}

/// The plan does something else.
fn plan_changes(evidence: &Evidence<'_>) -> Vec<Finding> {
    regions(evidence, |cause| matches!(cause, Cause::Plan { .. }))
}

/// An operator gives another number of rows for the same input, and those above have more or less to do.
fn row_changes(evidence: &Evidence<'_>) -> Vec<Finding> {
    regions(evidence, |cause| matches!(cause, Cause::Rows { .. }))
}

fn regions(evidence: &Evidence<'_>, is_meant: fn(&Cause) -> bool) -> Vec<Finding> {
    let meant = evidence.regions.iter().filter(|region| is_meant(&region.cause));
    let finding = |region: &evidence::Region| Finding {
        units: region.units.clone(),
        other_seconds: 0.0,
        words: words::cause(evidence, region.cause),
    };
    meant.map(finding).collect()
}

/// The same operator with the same rows takes another time.
fn same_operators(evidence: &Evidence<'_>) -> Vec<Finding> {
    let difference = evidence.other.planning_seconds + evidence.other.execution_seconds
        - evidence.baseline.planning_seconds
        - evidence.baseline.execution_seconds;
    let is_large = |unit: &usize| evidence.units[*unit].seconds.abs() >= LEAST_SHARE * difference.abs();
    let left = (0..evidence.units.len()).filter(|unit| evidence.is_free[*unit]);
    let finding =
        |unit: usize| Finding { units: vec![unit], other_seconds: 0.0, words: words::same_operator(evidence, unit) };
    left.filter(is_large).map(finding).collect()
}

/// Operators that are not worth a sentence each, but one together.
fn many_small(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for unit in (0..evidence.units.len()).filter(|unit| evidence.is_free[*unit]) {
        kinds.entry(&evidence.node(unit).kind).or_default().push(unit);
    }
    let finding = |(kind, units): (&str, Vec<usize>)| {
        let seconds: f64 = units.iter().map(|unit| evidence.units[*unit].seconds).sum();
        let word = if seconds > 0.0 { "slower" } else { "faster" };
        let words = match units.len() {
            1 => format!("one unchanged operator ({kind}) is a little {word}"),
            count => format!("{count} unchanged operators ({kind}) are a little {word}"),
        };
        Finding { units, other_seconds: 0.0, words }
    };
    kinds.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan_tree::test_support::plan;
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The reasons for the difference of two plans, whose execution takes as long as their operators together.
    #[track_caller]
    fn check(baseline: &str, other: &str, reasons: &[&str]) {
        let why = why(&plan(baseline), &plan(other));
        let found: Vec<_> =
            why.reasons.iter().map(|reason| format!("{:+.1} {}", reason.seconds, reason.words)).collect();
        assert_eq!(found, reasons, "\n{}", why.diff);
        adds_up(&why);
    }

    #[track_caller]
    fn adds_up(why: &Why) {
        let parts: f64 = why.reasons.iter().map(|reason| reason.seconds).sum();
        assert!((parts + why.unexplained_seconds - why.difference_seconds).abs() < 1e-9, "{why:?}");
    }

    const ITEM: &str = "scan of (i_sk, i_x): projection=[i_sk, i_x]";
    const SALES: &str = "scan of (ss_d, ss_i): projection=[ss_d, ss_i]";
    const DATE: &str = "scan of (d_sk, d_year): projection=[d_sk]";

    fn join(mode: &str, on: &str) -> String {
        format!("HashJoinExec: mode={mode}, join_type=Inner, on=[{on}]")
    }

    #[test]
    fn a_join_builds_from_the_other_side() {
        let (a, b) = (join("CollectLeft", "(i_sk@0, ss_i@1)"), join("CollectLeft", "(ss_i@1, i_sk@0)"));
        check(
            &format!("{a} | 1 500\n  {ITEM} | 0.1 1000\n  {SALES} | 2 90000"),
            &format!("{b} | 3 500\n  CoalescePartitionsExec | 0.4 90000\n    {SALES} | 2.1 90000\n  {ITEM} | 0.1 1000"),
            &["+2.5 HashJoinExec on ss_i builds from the other side (90,000 rows instead of 1,000)"],
        );
    }

    #[test]
    fn a_join_in_another_mode_of_another_type_or_kind() {
        let inputs = format!("  {ITEM} | 0.1 1000\n  {SALES} | 2 90000");
        let a = format!("{} | 1 500\n{inputs}", join("CollectLeft", "(i_sk, ss_i)"));
        let exchanges = format!(
            "  exchange by hash of i_sk | 0.1 1000\n    {ITEM} | 0.1 1000\n  exchange by hash of ss_i | 0.5 90000\n    {SALES} | 2 90000"
        );
        let partitioned = format!("{} | 2 500\n{exchanges}", join("Partitioned", "(i_sk, ss_i)"));
        check(&a, &partitioned, &["+1.6 HashJoinExec on ss_i is Partitioned instead of CollectLeft"]);
        let semi = a.replace("Inner", "LeftSemi").replace("| 1 500", "| 0.5 400");
        check(&a, &semi, &["-0.5 HashJoinExec on ss_i is LeftSemi instead of Inner"]);
        let merge = partitioned.replace("HashJoinExec: mode=Partitioned, ", "SortMergeJoinExec: ");
        let merge = merge.replace(
            "  exchange by hash of ss_i",
            "  SortExec: expr=[ss_i ASC] | 1 90000\n    exchange by hash of ss_i",
        );
        let merge = merge.replace("    scan of (ss_d", "      scan of (ss_d");
        check(&a, &merge, &["+2.6 SortMergeJoinExec on ss_i instead of HashJoinExec"]);
        check(
            &a,
            &a.replace("on=[(i_sk, ss_i)]", "on=[(i_sk, ss_i)], filter=a > b").replace("| 1 500", "| 2 500"),
            &["+1.0 HashJoinExec on ss_i: filter: with a > b"],
        );
    }

    #[test]
    fn another_join_order() {
        let (item, date) = (join("CollectLeft", "(i_sk, ss_i)"), join("CollectLeft", "(d_sk, ss_d)"));
        check(
            &format!("{item} | 1 100\n  {ITEM} | 0 1000\n  {date} | 2 500\n    {DATE} | 0 300\n    {SALES} | 2 90000"),
            &format!(
                "{date} | 4 100\n  {DATE} | 0 300\n  {item} | 5 80000\n    {ITEM} | 0 1000\n    {SALES} | 2 90000"
            ),
            &["+6.0 another join order: HashJoinExec on ss_i comes before (d_…)"],
        );
    }

    #[test]
    fn filters_in_scans_and_above_them() {
        let above = format!(
            "AggregateExec: mode=Single, gby=[], aggr=[] | 1 1\n  FilterExec: d_year@1 = 2001 | 0.5 300\n    {DATE}, predicate=d_year@1 = 2001 | 2 90000"
        );
        let inside =
            format!("AggregateExec: mode=Single, gby=[], aggr=[] | 1 1\n  {DATE}, predicate=d_year@1 = 2001 | 1 300");
        let inside = inside.replace("[d_sk]", "[d_sk, d_year]");
        check(&above, &inside, &["-1.5 scan of (d_…) filters rows itself, without a FilterExec"]);
        check(&inside, &above, &["+1.5 FilterExec above scan of (d_…) instead of a filter in it"]);
        // A scan that knows of no filter is not said to do one's work.
        let unfiltered = inside.replace(", predicate=d_year@1 = 2001", "");
        check(
            &above.replace("| 1 1", "| 2 1"),
            &unfiltered.replace("| 1 300", "| 2 90000"),
            &["-1.5 FilterExec d_year = 2001 is gone"],
        );
    }

    #[test]
    fn filters_that_are_set_while_the_plan_runs() {
        let (item, with) = (join("CollectLeft", "(i_sk, ss_i)"), ", predicate=DynamicFilter [ empty ]");
        let both = |filter: &str, figures: &str, join_seconds: u32| {
            format!("{item} | {join_seconds} 500\n  {ITEM} | 0.1 1000\n  {SALES}{filter} | {figures}")
        };
        check(
            &both("", "3 90000", 2),
            &both(with, "2 600", 1),
            &[
                "-2.0 scan of (ss_…) takes filters from operators above while they run; it gives 600 rows instead of 90,000",
            ],
        );
        check(
            &both(with, "2 600", 1),
            &both("", "3 90000", 2),
            &[
                "+2.0 scan of (ss_…) takes no filters from operators above any more; it gives 90,000 rows instead of 600",
            ],
        );
        // The plan says the same, but one side does not apply it: the join above has less to do.
        check(
            &both(with, "3 90000", 2),
            &both(with, "2 600", 1),
            &["-2.0 same plan; scan of (ss_…) gives 600 rows instead of 90,000"],
        );
    }

    #[test]
    fn sorts_windows_and_aggregates() {
        let window = |sort: &str| {
            format!("BoundedWindowAggExec: wdw=[rank()], mode=[Sorted] | 1 500\n  {sort}\n    {SALES} | 1 90000")
        };
        check(
            &window("SortExec: expr=[a ASC] | 5 90000"),
            &window("PartitionedTopKExec: fn=rank, fetch=100 | 1 500"),
            &["-4.0 PartitionedTopKExec instead of SortExec"],
        );
        check(
            &window("SortExec: expr=[a ASC] | 5 90000"),
            &window("SortExec: TopK(fetch=5), expr=[a ASC] | 1 5"),
            &["-4.0 SortExec by a ASC keeps only the first rows: TopK(fetch=5)"],
        );
        let aggregate =
            |mode: &str, seconds: u32| format!("AggregateExec: mode={mode}, gby=[a as a], aggr=[x] | {seconds} 500");
        let one = format!("{}\n  {SALES} | 1 90000", aggregate("Single", 9));
        let two = format!(
            "{}\n  exchange by hash of a | 1 800\n    {}\n      {SALES} | 1 90000",
            aggregate("FinalPartitioned", 1),
            aggregate("Partial", 3)
        );
        check(
            &one,
            &two,
            &["-4.0 AggregateExec by a in two steps instead of one (FinalPartitioned instead of Single)"],
        );
        check(&two, &one, &["+4.0 AggregateExec by a in one step instead of two (Single instead of FinalPartitioned)"]);
        check(
            &one,
            &one.replace("aggr=[x]", "aggr=[y]").replace("| 9", "| 7"),
            &["-2.0 AggregateExec by a: aggr: x -> y"],
        );
    }

    #[test]
    fn the_same_plan() {
        let scan = |figures: &str| format!("AggregateExec: mode=Single, gby=[], aggr=[] | 1 1\n  {SALES} | {figures}");
        check(
            &scan("2 90000 3000000"),
            &scan("4 90000 9000000"),
            &["+2.0 same plan; scan of (ss_…) reads 8.6 MiB instead of 2.9 MiB"],
        );
        check(
            &scan("2 90000 3000"),
            &scan("4 90000 3000"),
            &["+2.0 same plan; scan of (ss_…) is slower for the same rows"],
        );
        check(&scan("2 90000"), &scan("2 90000"), &[]);
        // Less than a thirtieth of the difference is nothing to speak of.
        check(
            &scan("2 90000"),
            &scan("4 90000").replace("| 1 1", "| 1.05 1"),
            &["+2.0 same plan; scan of (ss_…) is slower for the same rows"],
        );
        let figures = |pruned, spilled_bytes, peak| {
            let mut plan = plan(&scan("1 90000"));
            plan.operators[0].spilled_bytes = spilled_bytes;
            plan.operators[0].peak_memory_bytes = Some(peak);
            plan.operators[0].operator_seconds += spilled_bytes as f64 / 1e9 + peak as f64 / 1e8;
            plan.operators[1].operator_seconds += (60 - pruned) as f64 / 10.0;
            let scan = plan.operators[1].scan.as_mut().unwrap();
            (scan.row_groups_pruned, scan.row_groups_total) = (pruned, 60);
            plan.execution_seconds = operator_seconds(&plan);
            plan
        };
        let words = |a, b| why(&a, &b).reasons.remove(0).words;
        assert_eq!(
            words(figures(10, 0, 0), figures(50, 0, 0)),
            "same plan; scan of (ss_…) leaves out 50 of 60 row groups instead of 10 of 60"
        );
        assert_eq!(
            words(figures(10, 0, 0), figures(10, 3 << 29, 0)),
            "same plan; AggregateExec (Single) spills 1.5 GiB instead of 0 B"
        );
        assert_eq!(
            words(figures(10, 0, 1 << 20), figures(10, 0, 1 << 29)),
            "same plan; AggregateExec (Single) holds 512.0 MiB of memory instead of 1.0 MiB"
        );
    }

    #[test]
    fn what_happens_several_times_is_said_once() {
        let branch = |year: u32, filter: bool| {
            let (above, below) = if filter {
                (format!("  FilterExec: d_year = {year} | 1 {year}\n  "), 90_000)
            } else {
                (String::new(), year)
            };
            format!("{above}  {DATE}, predicate=d_year = {year} | 1 {below}\n")
        };
        let union = |filter| {
            format!("UnionExec | 1 6003\n{}{}{}", branch(2000, filter), branch(2001, filter), branch(2002, filter))
        };
        check(
            &union(false),
            &union(true),
            &["+3.0 FilterExec above scan of (d_…) instead of a filter in it (3 times)"],
        );
        let plain = |rows: [u32; 2]| {
            format!("UnionExec\n  {DATE} | {0} {0}000\n  {DATE}, limit=5 | {1} {1}000", rows[0], rows[1])
        };
        check(
            &plain([1, 2]),
            &plain([3, 7]),
            &["+7.0 same plan; scan of (d_…) gives 7,000 rows instead of 2,000, and 1 more like it"],
        );
        let many = |tenths: u32| {
            (0..50)
                .fold("UnionExec\n".to_owned(), |text, table| text + &format!("  scan of (t{table}) | 0.{tenths} 5\n"))
        };
        check(&many(1), &many(2), &["+5.0 50 unchanged operators (scan) are a little slower"]);
    }

    #[test]
    fn planning_and_waiting() {
        let text = format!("AggregateExec: mode=Single, gby=[], aggr=[] | 1 1\n  {SALES} | 3 90000 1000");
        let mut baseline = plan(&text);
        let mut other = plan(&text.replace("90000 1000", "90000 4000"));
        (baseline.planning_seconds, baseline.execution_seconds) = (0.1, 2.0);
        (other.planning_seconds, other.execution_seconds) = (0.6, 4.0);
        let why = why(&baseline, &other);
        let found: Vec<_> = why.reasons.iter().map(|reason| (reason.seconds, reason.words.as_str())).collect();
        assert_eq!(
            found[0].1,
            "1.00 partitions of operators at work at a time instead of 2.00: it waits more, or its partitions are less even; it reads 3.9 KiB instead of 1000 B"
        );
        assert_eq!((found[0].0, found[1]), (2.0, (0.5, "planning takes 0.600 s instead of 0.100 s")));
        assert_eq!((why.planning_difference_seconds, why.execution_difference_seconds), (0.5, 2.0));
        assert!(
            why.plans_are_equal && why.diff.is_empty() && why.notes.is_empty() && why.unexplained_seconds.abs() < 1e-9
        );
    }

    #[test]
    fn a_side_that_tells_nothing() {
        let known = PlanFigures { planning_seconds: 0.1, ..plan(&format!("{SALES} | 3 90000")) };
        let silent = PlanFigures { operators: Vec::new(), planning_seconds: 0.0, execution_seconds: 1.0 };
        for (a, b, count) in [(&known, &silent, 1), (&silent, &known, 1), (&silent, &silent, 2)] {
            let why = why(a, b);
            assert_eq!((why.notes.len(), why.plans_are_equal, why.diff.as_str()), (count, false, ""));
            assert!(why.reasons.iter().all(|reason| reason.words.starts_with("planning")), "{why:?}");
            adds_up(&why);
        }
        // Without times the plans can still be compared, but no seconds be shared out.
        let untimed = |text: &str| PlanFigures { execution_seconds: 2.0, ..plan(text) };
        let why = why(&untimed("A\n  B"), &untimed("A"));
        assert!(!why.plans_are_equal && why.diff.contains("- ") && why.reasons.is_empty() && why.notes.len() == 2);
    }

    #[test]
    fn parts_that_cancel_are_named() {
        let plans =
            |first: u32, second: u32| plan(&format!("UnionExec\n  {DATE} | {first} 5\n  {SALES} | {second}.1 5"));
        let why = why(&plans(1, 9), &plans(9, 1));
        assert_eq!(why.notes, ["parts of both signs nearly cancel each other out"]);
        assert_eq!(why.reasons.iter().map(|reason| reason.seconds.round()).sum::<f64>(), 0.0);
    }

    #[test]
    fn parts_add_up_whatever_the_plans() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let lines = [
            ITEM,
            SALES,
            DATE,
            "FilterExec: a = 1",
            "FilterExec: a = 2",
            "exchange by hash of a",
            "AggregateExec: mode=Partial, gby=[a]",
            "AggregateExec: mode=Single, gby=[a]",
            "SortExec: expr=[a]",
            "UnionExec",
            "HashJoinExec: mode=CollectLeft, on=[(i_sk, ss_i)]",
            "HashJoinExec: mode=Partitioned, on=[(ss_i, i_sk)]",
            "HashJoinExec: mode=Partitioned, on=[(d_sk, ss_d)]",
        ];
        let mut random_plan = |size: usize| {
            let (mut text, mut depth) = (String::new(), 0);
            for _ in 0..size {
                let line = lines[random.random_range(0..lines.len())];
                let (tenths, rows) = (random.random_range(0..9), random.random_range(0..3) * 1000);
                text += &format!("{:1$}{line} | 0.{tenths} {rows}\n", "", 2 * depth);
                depth = random.random_range(1..=depth + 1);
            }
            let execution_seconds = random.random_range(0.1..9.0);
            PlanFigures { execution_seconds, planning_seconds: random.random_range(0.0..1.0), ..plan(&text) }
        };
        for size in (1..60).chain([1, 2, 3, 4]) {
            let (a, b) = (random_plan(size), random_plan(size.max(9) - 8));
            adds_up(&why(&a, &b));
            let diff = PlanDiff::new(&a, &b);
            let evidence = Evidence::new(&a, &b, &diff);
            if operator_seconds(&a) > 0.0 && operator_seconds(&b) > 0.0 {
                let parts: f64 = evidence.units.iter().map(|unit| unit.seconds).sum();
                let difference = b.execution_seconds - a.execution_seconds;
                assert!((parts + evidence.overlap_seconds - difference).abs() < 1e-9);
            }
            let mut in_regions: Vec<_> = evidence.regions.iter().flat_map(|region| region.units.clone()).collect();
            let count = in_regions.len();
            in_regions.sort_unstable();
            in_regions.dedup();
            assert_eq!(in_regions.len(), count, "each unit is in one region at most");
            assert!((0..evidence.units.len()).all(|unit| !evidence.is_changed(unit) || in_regions.contains(&unit)));
            assert!(why(&a, &a).reasons.is_empty() && why(&a, &a).plans_are_equal);
        }
    }
}

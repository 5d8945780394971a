//! Whether the samples of a run agree with each other, and what to do if they do not.
//!
//! Computed from the samples whenever a run is read, like every figure. The advice knows what the run's user already did.

use super::format::{Phase, Plan, SampleRow, Warning};
use super::inference::{self, sign_test, trend_within_blocks};
use super::{Aggregate, StatementSummary};
use crate::text::percent;

/// A pattern less probable than this by chance is worth a word. Three patterns are looked for in every run.
const P_VALUE: f64 = 0.01;

/// A first sample must be so much slower than the others, in the middle of all statements, to be worth a word.
const FIRST_RUN_SHARE: f64 = 0.02;

/// Times must grow so much from one sample to the next, in the middle of all pairs, to be worth a word.
const DRIFT_SHARE: f64 = 0.005;

/// How many statements or samples a warning names.
const NAMED: usize = 3;

/// The measured times of one statement that counts, in the order of time.
struct Block<'a> {
    statement: &'a str,
    seconds: Vec<f64>,
}

/// What the samples say about themselves, with advice.
pub fn findings(
    plan: &Plan,
    statements: &[StatementSummary],
    samples: &[SampleRow],
    aggregate: Aggregate,
) -> Vec<Warning> {
    let blocks: Vec<_> = statements
        .iter()
        .filter(|statement| statement.state.counts())
        .map(|statement| block(&statement.statement, samples, aggregate))
        .collect();
    let first_run = first_run(plan, &blocks);
    // What the first samples explain is no drift.
    let skipped = usize::from(first_run.is_some());
    let found = [
        first_run,
        drift(plan, &blocks, skipped),
        outliers(&blocks, aggregate),
        wide_intervals(plan, statements, &blocks),
    ];
    found.into_iter().flatten().collect()
}

fn block<'a>(statement: &'a str, samples: &[SampleRow], aggregate: Aggregate) -> Block<'a> {
    let own = samples.iter().filter(|sample| sample.statement == statement && sample.phase == Phase::Measured);
    let seconds = own.filter_map(|sample| sample_seconds(sample, aggregate.includes_planning())).collect();
    Block { statement, seconds }
}

/// The time of a sample that counts in a figure, in seconds.
pub(crate) fn sample_seconds(sample: &SampleRow, with_planning: bool) -> Option<f64> {
    let planning_ns = if with_planning { sample.planning_ns? } else { 0 };
    Some((planning_ns + sample.execute_ns?) as f64 / 1e9)
}

fn warning(kind: &str, message: String) -> Warning {
    Warning { kind: kind.to_owned(), message }
}

/// Are the first samples slower than those after them, in more statements than chance has it?
fn first_run(plan: &Plan, blocks: &[Block<'_>]) -> Option<Warning> {
    let ratios: Vec<f64> = blocks
        .iter()
        .filter(|block| block.seconds.len() >= 3)
        .map(|block| block.seconds[0] / inference::median(&block.seconds[1..]).max(1e-9))
        .filter(|ratio| *ratio != 1.0)
        .collect();
    let slower = ratios.iter().filter(|ratio| **ratio > 1.0).count();
    let excess = inference::median(&ratios) - 1.0;
    if excess < FIRST_RUN_SHARE || sign_test(slower, ratios.len()) > P_VALUE {
        return None;
    }
    let advice = match plan {
        Plan { cold: true, .. } => {
            "below the page cache there are others that --cold cannot empty (the disk's, the hypervisor's): run the suite once before"
                .to_owned()
        }
        Plan { warmup: 0, .. } => "add a warm-up (--warmup 1)".to_owned(),
        Plan { warmup, .. } => {
            format!("more warm-up (--warmup {}) or more memory for the page cache", warmup + 1)
        }
    };
    Some(warning(
        "first_run",
        format!(
            "the first sample was slower than the others in {slower} of {} statements, in the middle by {:.0}%: {advice}",
            ratios.len(),
            excess * 100.0
        ),
    ))
}

/// Do the samples of a statement take longer and longer, or shorter and shorter?
fn drift(plan: &Plan, blocks: &[Block<'_>], skipped: usize) -> Option<Warning> {
    let logarithms: Vec<Vec<f64>> = blocks
        .iter()
        .map(|block| block.seconds.iter().skip(skipped).map(|seconds| seconds.max(1e-9).ln()).collect())
        .collect();
    let trend = trend_within_blocks(&logarithms)?;
    if trend.p_value > P_VALUE || trend.slope.abs() < DRIFT_SHARE {
        return None;
    }
    let change = trend.slope.exp_m1().abs() * 100.0;
    let (word, advice) = if trend.slope > 0.0 {
        ("slower", "let the machine cool down, and stop what began meanwhile")
    } else if plan.warmup == 0 && !plan.cold {
        ("faster", "add a warm-up (--warmup 1)")
    } else {
        ("faster", "wait until other work on the machine has ended, or add to the warm-up")
    };
    Some(warning(
        "drift",
        format!("from one sample of a statement to the next, times became {word} by {change:.1}%: {advice}"),
    ))
}

/// Which samples do not belong to the others of their statement?
fn outliers(blocks: &[Block<'_>], aggregate: Aggregate) -> Option<Warning> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for block in blocks.iter().filter(|block| block.seconds.len() >= inference::OUTLIER_SAMPLES) {
        looked_at += block.seconds.len();
        let middle = inference::median(&block.seconds).max(1e-9);
        for index in inference::outliers(&block.seconds) {
            found.push((block.statement, index + 1, block.seconds[index] / middle));
        }
    }
    if found.is_empty() {
        return None;
    }
    let distance = |ratio: f64| ratio.max(1e-9).ln().abs();
    found.sort_by(|a, b| distance(b.2).total_cmp(&distance(a.2)));
    let named: Vec<_> = found
        .iter()
        .take(NAMED)
        .map(|(name, number, ratio)| format!("{name}'s sample {number} took {ratio:.1} times its median"))
        .collect();
    let advice = match aggregate {
        Aggregate::Median => "the medians stand, but something else used the machine for moments",
        Aggregate::Min => "the minima stand if none of them is one of these: look at --aggregate median",
        Aggregate::Mean | Aggregate::Aws => "they are in the figures: look at --aggregate median",
    };
    Some(warning(
        "outliers",
        format!("{} of {looked_at} samples do not belong to the others ({}): {advice}", found.len(), named.join(", ")),
    ))
}

/// Which statements used up their samples before their interval was as narrow as wanted?
fn wide_intervals(plan: &Plan, statements: &[StatementSummary], blocks: &[Block<'_>]) -> Option<Warning> {
    let until = plan.repeat_until.as_ref()?;
    let mut wide: Vec<_> = statements
        .iter()
        .filter_map(|s| Some((s.statement.as_str(), s.interval_relative_half_width?)))
        .filter(|(_, width)| *width > until.relative_half_width)
        .filter(|(name, _)| blocks.iter().any(|block| block.statement == *name))
        .collect();
    if wide.is_empty() {
        return None;
    }
    wide.sort_by(|a, b| b.1.total_cmp(&a.1));
    let named: Vec<_> = wide.iter().take(NAMED).map(|(name, width)| format!("{name} ±{:.1}%", width * 100.0)).collect();
    let limit = until.max_seconds.map_or_else(String::new, |seconds| format!(" or {seconds} s"));
    Some(warning(
        "wide_intervals",
        format!(
            "{} statements did not come to ±{} within {} samples{limit} ({}): quieten the machine, or raise --max-iterations",
            wide.len(),
            percent(until.relative_half_width),
            until.max_iterations,
            named.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::RepeatUntil;
    use crate::results::statement_summaries;
    use crate::results::test_support::{run_file, sample_rows};

    /// Samples of `count` statements, each with these times in milliseconds.
    fn samples(count: usize, times: impl Fn(usize) -> Vec<u64>) -> (Vec<String>, Vec<SampleRow>) {
        let names: Vec<_> = (0..count).map(|index| format!("q{index}")).collect();
        let mut rows = Vec::new();
        for (index, name) in names.iter().enumerate() {
            for (iteration, time) in (1..).zip(times(index)) {
                rows.push(SampleRow {
                    statement: name.clone(),
                    iteration,
                    planning_ns: Some(0),
                    execute_ns: Some(time * 1_000_000),
                    ..sample_rows().remove(0)
                });
            }
        }
        (names, rows)
    }

    fn plan(warmup: u32) -> Plan {
        Plan { warmup, ..run_file().plan }
    }

    #[track_caller]
    fn check(plan: &Plan, (names, rows): &(Vec<String>, Vec<SampleRow>), expected: &[(&str, &str)]) {
        let statements = statement_summaries(names, rows, Aggregate::Median);
        let found = findings(plan, &statements, rows, Aggregate::Median);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (warning, (kind, text)) in found.iter().zip(expected) {
            assert!(warning.kind == *kind && warning.message.contains(text), "{warning:#?}");
        }
    }

    #[test]
    fn steady_samples_need_no_word() {
        check(&plan(1), &samples(20, |index| vec![100, 101 + index as u64 % 2, 99]), &[]);
        check(&plan(1), &(Vec::new(), Vec::new()), &[]);
        check(&plan(1), &samples(20, |_| vec![100]), &[]);
    }

    #[test]
    fn first_runs() {
        let slow = samples(10, |index| vec![150 + index as u64, 100, 101 - 2 * (index as u64 % 2)]);
        check(
            &plan(0),
            &slow,
            &[("first_run", "in 10 of 10 statements, in the middle by 54%: add a warm-up (--warmup 1)")],
        );
        check(&plan(1), &slow, &[("first_run", "--warmup 2")]);
        check(&Plan { cold: true, ..plan(0) }, &slow, &[("first_run", "the hypervisor's")]);
        // In half of the statements only, or by very little.
        check(
            &plan(0),
            &samples(10, |index| if index % 2 == 0 { vec![150, 100, 101] } else { vec![90, 100, 101] }),
            &[],
        );
        check(&plan(0), &samples(30, |_| vec![1005, 1000, 1001]), &[]);
    }

    #[test]
    fn drifts() {
        let rising = samples(20, |_| vec![100, 103, 106, 110]);
        check(&plan(1), &rising, &[("drift", "times became slower by 3.")]);
        let falling = samples(20, |_| vec![100, 100, 98, 94, 92]);
        check(&plan(1), &falling, &[("first_run", ""), ("drift", "faster")]);
    }

    #[test]
    fn outliers_are_named() {
        let steady = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100];
        let one = samples(3, |index| if index == 1 { [&steady[..], &[250]].concat() } else { steady.to_vec() });
        check(
            &plan(1),
            &one,
            &[("outliers", "1 of 31 samples do not belong to the others (q1's sample 11 took 2.5 times")],
        );
    }

    #[test]
    fn intervals_that_stayed_wide_are_named() {
        let until = RepeatUntil { relative_half_width: 0.02, max_iterations: 6, max_seconds: None };
        let plan = Plan { repeat_until: Some(until), ..plan(1) };
        let wide = samples(2, |index| if index == 0 { vec![100; 6] } else { vec![100, 120, 90, 110, 95, 105] });
        check(&plan, &wide, &[("wide_intervals", "1 statements did not come to ±2% within 6 samples (q1 ±14.6%)")]);
    }
}

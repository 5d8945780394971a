//! From samples to the figures of a run.
//!
//! A statement counts when every measured sample gave rows and none of them was wrong. One that failed, ran out of time or
//! gave a wrong answer has no time in any total.

use super::format::{Check, Phase, SampleRow, Summary};
use super::inference::median_interval;
use super::resources::resources;
use super::statistics::{Aggregate, Spread, geometric_mean};

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementState {
    /// Every sample gave the right rows.
    Verified,
    /// It ran, but there was nothing to compare its rows with.
    Unverified,
    /// A sample gave wrong rows.
    Wrong,
    /// A sample failed.
    Failed,
    /// The run ended before it.
    NotRun,
}

impl StatementState {
    /// Whether its time is in the totals.
    pub fn counts(self) -> bool {
        matches!(self, Self::Verified | Self::Unverified)
    }
}

/// One statement's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementSummary {
    /// Its name.
    pub statement: String,
    /// What became of it.
    pub state: StatementState,
    /// Rows of the result.
    pub row_count: Option<u64>,
    /// Planning and execution together, in seconds, of the measured samples.
    pub with_planning: Option<Spread>,
    /// Execution alone, in seconds, of the measured samples.
    pub execution: Option<Spread>,
    /// The aggregated planning and execution, in seconds, if the statement counts.
    pub with_planning_seconds: Option<f64>,
    /// The aggregated execution, in seconds, if the statement counts.
    pub execution_seconds: Option<f64>,
    /// Half of the width of the interval that holds the headline time's median with 95% confidence, as a share of that median;
    /// nothing for fewer samples than it takes.
    pub interval_relative_half_width: Option<f64>,
    /// The first thing that went wrong, or why it could not be checked.
    pub message: Option<String>,
    /// The class of the failure.
    pub error_class: Option<String>,
    /// The samples that tell what it used and did: the measured ones, or the warm-up where there are no others.
    pub samples: Vec<SampleRow>,
}

/// The two figures of a suite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// The sum.
    pub total_seconds: f64,
    /// The geometric mean.
    pub geomean_seconds: f64,
}

impl Totals {
    fn of(seconds: &[f64]) -> Self {
        Self {
            total_seconds: seconds.iter().fold(0.0, |sum, time| sum + time),
            geomean_seconds: geometric_mean(seconds),
        }
    }
}

/// The figures of each chosen statement, in the order of `statements`.
pub fn statement_summaries<S: AsRef<str>>(
    statements: &[S],
    samples: &[SampleRow],
    aggregate: Aggregate,
) -> Vec<StatementSummary> {
    statements
        .iter()
        .map(|name| {
            let own: Vec<_> = samples.iter().filter(|sample| sample.statement == name.as_ref()).collect();
            summarize_statement(name.as_ref(), &own, aggregate)
        })
        .collect()
}

fn summarize_statement(name: &str, samples: &[&SampleRow], aggregate: Aggregate) -> StatementSummary {
    let state = state(samples);
    let measured = || samples.iter().filter(|sample| sample.phase == Phase::Measured);
    let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
    let execution: Vec<f64> = measured().filter_map(|sample| sample.execute_ns.map(seconds)).collect();
    let with_planning: Vec<f64> =
        measured().filter_map(|sample| Some(seconds(sample.planning_ns? + sample.execute_ns?))).collect();
    let aggregated = |times: &[f64]| if state.counts() { aggregate.of(times) } else { None };
    let headline = if aggregate.includes_planning() { &with_planning } else { &execution };
    let interval = if state.counts() { relative_half_width(headline) } else { None };
    // The worst sample explains the state best.
    let failed = samples.iter().find(|sample| sample.error_class.is_some());
    let wrong = || samples.iter().find(|sample| sample.check == Some(Check::Wrong));
    let telling = failed.or_else(wrong).or_else(|| samples.last());
    let any_measured = measured().next().is_some();
    let recorded = samples.iter().filter(|sample| !any_measured || sample.phase == Phase::Measured);
    StatementSummary {
        statement: name.to_owned(),
        state,
        row_count: samples.last().and_then(|sample| sample.row_count),
        with_planning_seconds: aggregated(&with_planning),
        execution_seconds: aggregated(&execution),
        with_planning: Spread::of(&with_planning),
        execution: Spread::of(&execution),
        interval_relative_half_width: interval,
        message: telling.and_then(|sample| sample.message.clone()),
        error_class: telling.and_then(|sample| sample.error_class.clone()),
        samples: recorded.map(|sample| (*sample).clone()).collect(),
    }
}

/// Half of the width of the median's interval as a share of the median.
pub(crate) fn relative_half_width(seconds: &[f64]) -> Option<f64> {
    let median = Spread::of(seconds)?.median;
    Some(median_interval(seconds)?.relative_half_width(median))
}

fn state(samples: &[&SampleRow]) -> StatementState {
    let any = |check: Check| samples.iter().any(|sample| sample.check == Some(check));
    if samples.iter().any(|sample| sample.error_class.is_some()) {
        StatementState::Failed
    } else if any(Check::Wrong) {
        StatementState::Wrong
    } else if !samples.iter().any(|sample| sample.phase == Phase::Measured) {
        StatementState::NotRun
    } else if any(Check::Unverified) {
        StatementState::Unverified
    } else {
        StatementState::Verified
    }
}

/// The figures of the whole run.
pub fn summarize(statements: &[StatementSummary], aggregate: Aggregate) -> Summary {
    let count = |state: StatementState| statements.iter().filter(|s| s.state == state).count();
    let with_planning: Vec<f64> = statements.iter().filter_map(|s| s.with_planning_seconds).collect();
    let execution: Vec<f64> = statements.iter().filter_map(|s| s.execution_seconds).collect();
    let (whole, execution) = (Totals::of(&with_planning), Totals::of(&execution));
    let headline = if aggregate.includes_planning() { whole } else { execution };
    let counted = with_planning.len();
    Summary {
        statements: statements.len(),
        verified: count(StatementState::Verified),
        failed: count(StatementState::Failed) + count(StatementState::Wrong),
        total_seconds: headline.total_seconds,
        geomean_seconds: headline.geomean_seconds,
        wrong: count(StatementState::Wrong),
        unverified: count(StatementState::Unverified),
        counted,
        complete: counted == statements.len(),
        aggregate: aggregate.to_string(),
        includes_planning: aggregate.includes_planning(),
        total_with_planning_seconds: whole.total_seconds,
        geomean_with_planning_seconds: whole.geomean_seconds,
        total_execution_seconds: execution.total_seconds,
        geomean_execution_seconds: execution.geomean_seconds,
        resources: resources(statements),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(statement: &str, phase: Phase, seconds: u64, check: Option<Check>, error: Option<&str>) -> SampleRow {
        SampleRow {
            statement: statement.to_owned(),
            iteration: 1,
            phase,
            started_at: String::new(),
            cold: false,
            planning_ns: error.is_none().then_some(500_000_000),
            execute_ns: error.is_none().then_some(seconds * 1_000_000_000),
            row_count: error.is_none().then_some(7),
            check,
            error_class: error.map(str::to_owned),
            message: error.map(|class| format!("{class}!")),
            ..SampleRow::default()
        }
    }

    fn samples() -> Vec<SampleRow> {
        use Check::{Unverified, Verified, Wrong};
        use Phase::{Measured, Warmup};
        vec![
            sample("right", Warmup, 100, Some(Verified), None),
            sample("right", Measured, 1, Some(Verified), None),
            sample("right", Measured, 4, Some(Verified), None),
            sample("right", Measured, 2, Some(Verified), None),
            sample("unknown", Measured, 8, Some(Unverified), None),
            sample("wrong", Warmup, 3, Some(Wrong), None),
            sample("wrong", Measured, 3, Some(Verified), None),
            sample("failed", Measured, 3, Some(Verified), None),
            sample("failed", Measured, 3, None, Some("timeout")),
            sample("only warm", Warmup, 3, Some(Verified), None),
        ]
    }

    const NAMES: [&str; 6] = ["right", "unknown", "wrong", "failed", "only warm", "never"];

    #[test]
    fn only_right_and_unchecked_statements_have_a_time() {
        let statements = statement_summaries(&NAMES, &samples(), Aggregate::Median);
        let states: Vec<_> = statements.iter().map(|s| (s.state, s.execution_seconds)).collect();
        assert_eq!(
            states,
            [
                (StatementState::Verified, Some(2.0)),
                (StatementState::Unverified, Some(8.0)),
                (StatementState::Wrong, None),
                (StatementState::Failed, None),
                (StatementState::NotRun, None),
                (StatementState::NotRun, None),
            ]
        );
        assert_eq!(statements[3].message.as_deref(), Some("timeout!"));
    }

    #[track_caller]
    fn check(aggregate: Aggregate, total: f64, geomean: f64) {
        let summary = summarize(&statement_summaries(&NAMES, &samples(), aggregate), aggregate);
        assert_eq!((summary.statements, summary.verified, summary.failed), (6, 1, 2));
        assert_eq!((summary.wrong, summary.unverified, summary.counted, summary.complete), (1, 1, 2, false));
        assert!((summary.total_seconds - total).abs() < 1e-9, "{summary:?}");
        assert!((summary.geomean_seconds - geomean).abs() < 1e-9, "{summary:?}");
    }

    #[test]
    fn totals_are_over_what_counts() {
        check(Aggregate::Median, 2.5 + 8.5, (2.5_f64 * 8.5).sqrt());
        check(Aggregate::Min, 1.5 + 8.5, (1.5_f64 * 8.5).sqrt());
        check(Aggregate::Aws, 7.0 / 3.0 + 8.0, (7.0_f64 / 3.0 * 8.0).sqrt());
    }

    #[test]
    fn nothing_measured_is_no_division_by_zero() {
        let summary = summarize(&statement_summaries::<&str>(&[], &[], Aggregate::Median), Aggregate::Median);
        assert_eq!((summary.total_seconds, summary.geomean_seconds, summary.complete), (0.0, 0.0, true));
    }
}

//! What statements used, from what their samples recorded.
//!
//! A statement's figure is the median over its samples, as for times, each column by itself: samples of one statement differ
//! little in what they read, and much in when the memory of the statement before was given back.

use super::StatementSummary;
use super::format::{Peak, Resources, SampleRow};

impl StatementSummary {
    /// The median of what the samples recorded; nothing if none did.
    pub fn recorded(&self, pick: impl Fn(&SampleRow) -> Option<u64>) -> Option<u64> {
        median(self.samples.iter().filter_map(pick).collect())
    }

    /// The plan's fingerprint in the last sample, and how many different ones the samples had.
    pub fn plan(&self) -> Option<(&str, usize)> {
        let mut all: Vec<&str> = self.samples.iter().filter_map(|sample| sample.plan_fingerprint.as_deref()).collect();
        let last = *all.last()?;
        all.sort_unstable();
        all.dedup();
        Some((last, all.len()))
    }
}

/// User and system time together.
pub fn cpu_ns(sample: &SampleRow) -> Option<u64> {
    Some(sample.user_cpu_ns? + sample.system_cpu_ns?)
}

/// The middle one; the mean of the two middle ones of an even number.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { values[middle - 1].midpoint(upper) })
}

/// What the statements that count used together; nothing if no sample recorded anything.
pub(super) fn resources(statements: &[StatementSummary]) -> Option<Resources> {
    let counted: Vec<_> = statements.iter().filter(|statement| statement.state.counts()).collect();
    let sum = |pick: fn(&SampleRow) -> Option<u64>| {
        let mut known = counted.iter().filter_map(|statement| statement.recorded(pick)).peekable();
        known.peek().is_some().then(|| known.sum::<u64>())
    };
    let peak = |pick: fn(&SampleRow) -> Option<u64>| {
        let known = counted.iter().filter_map(|statement| Some((statement.recorded(pick)?, &statement.statement)));
        // The first of several that are alike.
        let largest = known.rev().max_by_key(|(bytes, _)| *bytes);
        largest.map(|(bytes, statement)| Peak { statement: statement.clone(), bytes })
    };
    let resources = Resources {
        bytes_read: sum(|sample| sample.bytes_read),
        bytes_spilled: sum(|sample| sample.bytes_spilled),
        cpu_seconds: sum(cpu_ns).map(|nanoseconds| nanoseconds as f64 / 1e9),
        peak_pool: peak(|sample| sample.peak_pool_bytes),
        peak_rss: peak(|sample| sample.peak_rss_bytes),
    };
    let nothing =
        Resources { bytes_read: None, bytes_spilled: None, cpu_seconds: None, peak_pool: None, peak_rss: None };
    (resources != nothing).then_some(resources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::{Check, Phase};
    use crate::results::{Aggregate, statement_summaries, summarize};

    fn sample(statement: &str, phase: Phase, bytes: u64, plan: &str) -> SampleRow {
        SampleRow {
            statement: statement.to_owned(),
            phase,
            planning_ns: Some(1),
            execute_ns: Some(1),
            check: Some(Check::Verified),
            user_cpu_ns: Some(bytes * 1_000_000),
            system_cpu_ns: Some(500_000_000),
            peak_pool_bytes: Some(bytes),
            bytes_read: Some(bytes),
            plan_fingerprint: Some(plan.to_owned()),
            ..SampleRow::default()
        }
    }

    fn statements() -> Vec<StatementSummary> {
        let mut wrong = sample("wrong", Phase::Measured, 1_000_000, "p");
        wrong.check = Some(Check::Wrong);
        let samples = [
            sample("a", Phase::Warmup, 9_000, "old"),
            sample("a", Phase::Measured, 10, "p"),
            sample("a", Phase::Measured, 30, "q"),
            sample("a", Phase::Measured, 20, "p"),
            sample("b", Phase::Measured, 100, "r"),
            sample("b", Phase::Measured, 200, "r"),
            sample("c", Phase::Measured, 150, "s"),
            wrong,
            sample("warm", Phase::Warmup, 7, "t"),
        ];
        statement_summaries(&["a", "b", "c", "wrong", "warm", "never"], &samples, Aggregate::Median)
    }

    #[test]
    fn medians_are_of_the_measured_samples() {
        let statements = statements();
        let read = |index: usize| statements[index].recorded(|sample| sample.bytes_read);
        assert_eq!([0, 1, 3, 4, 5].map(read), [Some(20), Some(150), Some(1_000_000), Some(7), None]);
        assert_eq!(statements[0].recorded(|sample| sample.peak_rss_bytes), None);
        assert_eq!([0, 1, 5].map(|index| statements[index].plan()), [Some(("p", 2)), Some(("r", 1)), None]);
    }

    #[test]
    fn totals_and_peaks_are_of_what_counts() {
        let resources = summarize(&statements(), Aggregate::Median).resources.expect("recorded");
        assert_eq!((resources.bytes_read, resources.bytes_spilled), (Some(20 + 150 + 150), None));
        assert!(resources.cpu_seconds.is_some_and(|seconds| (seconds - 1.82).abs() < 1e-9), "{resources:?}");
        assert_eq!(resources.peak_pool, Some(Peak { statement: "b".to_owned(), bytes: 150 }));
        assert_eq!(resources.peak_rss, None);
    }
}

//! From the samples of two sides to pairs.

use std::collections::HashMap;

use super::paired::level_order;
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::sample_seconds;

/// The pairs of one statement, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pairs {
    /// Seconds of planning and execution: the baseline's, and the other side's.
    pub seconds: Vec<(f64, f64)>,
    /// Whether the baseline's sample came first.
    pub baseline_first: Vec<bool>,
}

impl Pairs {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.seconds.len()
    }

    /// The pairs without what their order does to them: see `level_order`.
    pub fn levelled(&self) -> Vec<(f64, f64)> {
        level_order(&self.seconds, &self.baseline_first)
    }
}

/// The measured samples of two sides that have the same number, and so were taken next to each other. A sample whose neighbour is
/// missing, because the work was interrupted between the two, has no pair; neither has one that failed or was wrong.
pub fn pairs<'a>(
    baseline: impl IntoIterator<Item = &'a SampleRow>,
    other: impl IntoIterator<Item = &'a SampleRow>,
) -> Pairs {
    let others: HashMap<u32, (f64, &SampleRow)> =
        other.into_iter().filter_map(|sample| Some((sample.iteration, (counted(sample)?, sample)))).collect();
    let pair = |sample: &'a SampleRow| {
        let (other_seconds, other) = others.get(&sample.iteration)?;
        Some((sample.iteration, (counted(sample)?, *other_seconds), sample.started_at <= other.started_at))
    };
    let mut found: Vec<_> = baseline.into_iter().filter_map(pair).collect();
    found.sort_by_key(|(iteration, ..)| *iteration);
    Pairs {
        seconds: found.iter().map(|(_, seconds, _)| *seconds).collect(),
        baseline_first: found.iter().map(|(.., is_first)| *is_first).collect(),
    }
}

/// The time of a sample that counts.
fn counted(sample: &SampleRow) -> Option<f64> {
    let counts = sample.phase == Phase::Measured && sample.error_class.is_none() && sample.check != Some(Check::Wrong);
    counts.then(|| sample_seconds(sample, true)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(iteration: u32, milliseconds: u64) -> SampleRow {
        let (planning_ns, execute_ns) = (Some(0), Some(milliseconds * 1_000_000));
        SampleRow { iteration, planning_ns, execute_ns, check: Some(Check::Verified), ..SampleRow::default() }
    }

    #[track_caller]
    fn check(baseline: &[SampleRow], other: &[SampleRow], expected: &[(f64, f64)]) {
        assert_eq!(pairs(baseline, other).seconds, expected);
    }

    #[test]
    fn samples_of_one_number_are_a_pair() {
        check(&[sample(1, 100), sample(2, 200)], &[sample(2, 20), sample(1, 10)], &[(0.1, 0.01), (0.2, 0.02)]);
        check(&[sample(1, 100)], &[sample(2, 20)], &[]);
        check(&[], &[sample(2, 20)], &[]);
    }

    #[test]
    fn what_does_not_count_has_no_pair() {
        let warm = SampleRow { phase: Phase::Warmup, ..sample(1, 5) };
        let failed = SampleRow { error_class: Some("io".to_owned()), ..sample(2, 5) };
        let wrong = SampleRow { check: Some(Check::Wrong), ..sample(3, 5) };
        let untimed = SampleRow { execute_ns: None, ..sample(4, 5) };
        let all: Vec<_> = (1..=5).map(|iteration| sample(iteration, 10)).collect();
        check(&all, &[warm, failed, wrong, untimed, sample(5, 5)], &[(0.01, 0.005)]);
    }

    #[test]
    fn who_came_first_is_told() {
        let at = |iteration, time: &str| SampleRow { started_at: time.to_owned(), ..sample(iteration, 10) };
        let found = pairs(&[at(1, "05.100"), at(2, "05.400")], &[at(1, "05.200"), at(2, "05.300")]);
        assert_eq!(found.baseline_first, [true, false]);
        assert_eq!((found.count(), found.levelled().len()), (2, 2));
    }
}

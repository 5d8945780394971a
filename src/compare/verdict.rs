//! What may be said of a side against the baseline.
//!
//! ```text
//! pairs enough? ─no─▶ undecided
//!    │ yes
//! significant among all statements, and the interval on one side of 0? ─yes─▶ faster, slower
//!    │ no
//! interval within ± the margin? ─yes─▶ same
//!    │ no
//! undecided
//! ```
//!
//! A hundred statements are a hundred chances to be wrong. The p-values are adjusted so that among the changes that are called,
//! the share that is none stays below a rate (Benjamini and Hochberg 1995, *Controlling the false discovery rate: a practical
//! and powerful approach to multiple testing*); with no change at all, that is the probability to call any. "Same" is a finding
//! too, not the lack of one: the interval has to lie within the margin, as in a test of equivalence (Schuirmann 1987).

use std::fmt;

use super::paired::PairedRatio;
use crate::results::inference::Interval;

/// What counts as a change, as sameness, and as enough samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Half of the width of a ratio's interval that is narrow enough to stop, as a share.
    pub precision: f64,
    /// A ratio whose whole interval is no farther than this share from 1 is the same.
    pub margin: f64,
    /// The smallest change worth a word, as a share.
    pub least_change: f64,
    /// The share of the changes called that may be none.
    pub false_discovery_rate: f64,
    /// The fewest pairs of a statement with which anything is said of it.
    pub least_pairs: usize,
}

impl Thresholds {
    /// The defaults for so many statements that are tested together.
    pub fn for_tests(tests: usize) -> Self {
        let false_discovery_rate = 0.05;
        Self {
            precision: 0.02,
            margin: 0.03,
            least_change: 0.005,
            false_discovery_rate,
            least_pairs: super::signed_rank::least_pairs(tests, false_discovery_rate),
        }
    }
}

/// A side against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It takes less time.
    Faster,
    /// It takes more time.
    Slower,
    /// The difference, if there is one, is smaller than the margin.
    Same,
    /// The samples do not tell.
    Undecided,
}

impl Verdict {
    /// Whether it is called a change.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Faster | Self::Slower)
    }

    /// The change of a ratio whose whole interval is beyond `least_change`; nothing if it is not.
    pub(super) fn of_change(interval: Interval, least_change: f64) -> Option<Self> {
        if interval.high < 1.0 / (1.0 + least_change) {
            Some(Self::Faster)
        } else if interval.low > 1.0 + least_change {
            Some(Self::Slower)
        } else {
            None
        }
    }

    /// What a ratio is of which no change is called.
    pub(super) fn without_change(interval: Interval, margin: f64) -> Self {
        let is_within = interval.low >= 1.0 / (1.0 + margin) && interval.high <= 1.0 + margin;
        if is_within { Self::Same } else { Self::Undecided }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Same => "same",
            Self::Undecided => "undecided",
        })
    }
}

/// The verdicts of all statements of one comparison, which are tested together. Those with too few pairs are not tested: that
/// is known before their times are looked at, so that leaving them out favours no result.
pub(super) fn verdicts(ratios: &[PairedRatio], thresholds: &Thresholds) -> Vec<Verdict> {
    let is_tested = |ratio: &PairedRatio| ratio.pairs >= thresholds.least_pairs;
    let p_values: Vec<f64> = ratios.iter().filter(|ratio| is_tested(ratio)).map(|ratio| ratio.p_value).collect();
    let mut adjusted = adjusted(&p_values).into_iter();
    let verdict = |ratio: &PairedRatio| {
        let p_value = if is_tested(ratio) { adjusted.next()? } else { return None };
        let interval = ratio.interval?;
        let is_significant = p_value <= thresholds.false_discovery_rate;
        // The test has seen to the least change; what remains is that the interval agrees on the direction.
        let change = if is_significant { Verdict::of_change(interval, 0.0) } else { None };
        Some(change.unwrap_or_else(|| Verdict::without_change(interval, thresholds.margin)))
    };
    ratios.iter().map(verdict).map(|verdict| verdict.unwrap_or(Verdict::Undecided)).collect()
}

/// Benjamini and Hochberg's adjusted p-values, in the order of the given ones: at most `rate` where the hypothesis is refuted
/// at a false discovery rate of `rate`.
pub(super) fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0;
    // From the greatest down: a smaller p-value is never adjusted to more than a greater one.
    for (rank, &index) in order.iter().enumerate().rev() {
        least = f64::min(least, p_values[index] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds() -> Thresholds {
        Thresholds::for_tests(4)
    }

    fn ratio(low: f64, high: f64, p_value: f64, pairs: usize) -> PairedRatio {
        PairedRatio { ratio: f64::midpoint(low, high), interval: Some(Interval { low, high }), p_value, pairs }
    }

    #[track_caller]
    fn check(ratios: &[PairedRatio], expected: &[Verdict]) {
        assert_eq!(verdicts(ratios, &thresholds()), expected);
    }

    #[test]
    fn each_verdict() {
        use Verdict::{Faster, Same, Slower, Undecided};
        check(&[], &[]);
        check(&[ratio(0.90, 0.95, 0.001, 12)], &[Faster]);
        check(&[ratio(1.05, 1.10, 0.001, 12)], &[Slower]);
        check(&[ratio(0.98, 1.02, 0.5, 12)], &[Same]);
        check(&[ratio(0.98, 1.05, 0.5, 12), ratio(0.95, 1.02, 0.5, 12)], &[Undecided, Undecided]);
        // A small change that is certain is a change, though it is within the margin.
        check(&[ratio(1.01, 1.02, 0.001, 12)], &[Slower]);
    }

    #[test]
    fn a_change_needs_the_test_and_the_interval() {
        check(&[ratio(1.05, 1.10, 0.06, 12)], &[Verdict::Undecided]);
        check(&[ratio(1.001, 1.02, 0.06, 12)], &[Verdict::Same]);
        check(&[ratio(0.99, 1.10, 0.001, 12)], &[Verdict::Undecided]);
        check(&[PairedRatio { interval: None, ..ratio(1.0, 1.0, 0.001, 12) }], &[Verdict::Undecided]);
    }

    #[test]
    fn too_few_pairs_say_nothing_and_cost_the_others_nothing() {
        use Verdict::{Slower, Undecided};
        let slow = |p_value, pairs| ratio(1.05, 1.10, p_value, pairs);
        check(&[slow(1e-9, 11)], &[Undecided]);
        check(&[slow(0.04, 12), slow(0.9, 11), slow(0.9, 0)], &[Slower, Undecided, Undecided]);
        check(&[slow(0.9, 11), slow(0.04, 12), slow(0.9, 12)], &[Undecided, Undecided, Undecided]);
    }

    #[test]
    fn adjusted_p_values() {
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
        let near = |p_values: &[f64], expected: &[f64]| {
            let actual = adjusted(p_values);
            assert!(actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12), "{actual:?}");
        };
        near(&[0.04], &[0.04]);
        near(&[0.01, 0.02, 0.03, 0.04], &[0.04, 0.04, 0.04, 0.04]);
        near(&[0.5, 0.001, 0.03], &[0.5, 0.003, 0.045]);
        near(&[1.0, 1.0], &[1.0, 1.0]);
        // The fifteen of Benjamini and Hochberg's own example: four are refuted at 5%.
        let example = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        assert_eq!(adjusted(&example).iter().filter(|p_value| **p_value <= 0.05).count(), 4);
    }

    #[test]
    fn words() {
        let all = [Verdict::Faster, Verdict::Slower, Verdict::Same, Verdict::Undecided];
        assert_eq!(all.map(|verdict| verdict.to_string()), ["faster", "slower", "same", "undecided"]);
        assert_eq!(all.map(Verdict::is_change), [true, true, false, false]);
        assert_eq!(format!("{:>7}", Verdict::Same), "   same");
    }
}

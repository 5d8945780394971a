//! How much longer a statement takes on one side than on the baseline, from samples taken next to each other.
//!
//! ```text
//! time ─▶   A B   B A        A B   B A         pairs; a pair's two samples are neighbours, the next block of a
//!           └┬┘   └┬┘   …    └┬┘   └┬┘         statement comes minutes later
//!          ln b/a ln b/a    ln b/a ln b/a  ──▶ their median, its interval, a p-value
//! ```
//!
//! What changes more slowly than a pair takes (a machine that warms up, a neighbour that comes and goes) is in both of its
//! samples and cancels in their ratio. What depends on the place within a pair has the opposite sign in the other half of the
//! pairs, in which the other side is first, and `level_order` takes it out. Logarithms make a ratio and its inverse the same
//! distance from 0. The median bears with a pair in which something else used the machine.

use super::signed_rank::minimum_effect_test;
use super::verdict::Thresholds;
use crate::results::Spread;
use crate::results::inference::{Interval, median_interval};

/// A statement's times on two sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedRatio {
    /// The time of the other side over that of the baseline, in the middle of the pairs.
    pub ratio: f64,
    /// Where that ratio is with a confidence of 95%; nothing for very few pairs.
    pub interval: Option<Interval>,
    /// How probable such pairs are if the ratio is no farther from 1 than the least change.
    pub p_value: f64,
    /// How many pairs there are.
    pub pairs: usize,
}

impl PairedRatio {
    /// From pairs of (baseline, other side) in seconds, after `level_order`; nothing for none.
    pub fn of(pairs: &[(f64, f64)], thresholds: &Thresholds) -> Option<Self> {
        let log_ratios = log_ratios(pairs);
        let middle = Spread::of(&log_ratios)?.median;
        let interval = median_interval(&log_ratios);
        Some(Self {
            ratio: middle.exp(),
            interval: interval.map(|interval| Interval { low: interval.low.exp(), high: interval.high.exp() }),
            p_value: minimum_effect_test(&log_ratios, thresholds.least_change.ln_1p()),
            pairs: pairs.len(),
        })
    }
}

/// ln(other side / baseline) of each pair of seconds.
pub fn log_ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    // A clock may read 0 for something very short; a nanosecond keeps the logarithm finite.
    pairs.iter().map(|(baseline, other)| (other.max(1e-9) / baseline.max(1e-9)).ln()).collect()
}

/// The pairs without what their order does: the other side's times as if it made no difference which of the two samples of a
/// pair is the second one. `baseline_first` has the order of each pair.
///
/// A second sample finds caches warm. With half of the pairs in either order this favours no side, but it parts the log ratios
/// in two heaps with the ratio in the empty middle, where a median is badly known. Half of the distance between the heaps'
/// medians is taken from one and added to the other, as in the analysis of crossover trials (Hills and Armitage 1979, *The
/// two-period cross-over clinical trial*). Two medians being estimated instead of one, what is left is too close to them;
/// √(n/(n-2)) makes up for it.
pub(super) fn level_order(pairs: &[(f64, f64)], baseline_first: &[bool]) -> Vec<(f64, f64)> {
    let log_ratios = log_ratios(pairs);
    let median_if = |is_first: bool| {
        let chosen = log_ratios.iter().zip(baseline_first).filter(|(_, first)| **first == is_first);
        Spread::of(&chosen.map(|(log_ratio, _)| *log_ratio).collect::<Vec<_>>()).map(|spread| spread.median)
    };
    let (Some(first), Some(second)) = (median_if(true), median_if(false)) else { return pairs.to_vec() };
    let middle = f64::midpoint(first, second);
    let count = pairs.len() as f64;
    let expansion = if count > 2.0 { (count / (count - 2.0)).sqrt() } else { 1.0 };
    let level = |(index, (baseline, _)): (usize, &(f64, f64))| {
        let heap = if baseline_first[index] { first } else { second };
        (*baseline, baseline.max(1e-9) * (middle + expansion * (log_ratios[index] - heap)).exp())
    };
    pairs.iter().enumerate().map(level).collect()
}

/// Whether a statement's pairs tell enough to take no more of them: there are enough, both kinds of blocks (ABBA and BAAB, two
/// pairs each) are equally many, and the interval is narrow. With a block of one kind more, what the first sample of a block pays for
/// coming after another statement would count for one side.
///
/// Where the interval lies does not matter. A rule that stopped at the first difference that looks like one would find a
/// difference in most comparisons in which there is none.
pub fn is_narrow(log_ratios: &[f64], thresholds: &Thresholds) -> bool {
    log_ratios.len() >= thresholds.least_pairs
        && log_ratios.len().is_multiple_of(4)
        && median_interval(log_ratios)
            .is_some_and(|interval| (interval.high - interval.low) / 2.0 <= thresholds.precision.ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds() -> Thresholds {
        Thresholds::for_tests(1)
    }

    /// Pairs whose log ratios are the given ones.
    fn pairs(log_ratios: &[f64]) -> Vec<(f64, f64)> {
        log_ratios.iter().map(|log_ratio| (2.0, 2.0 * log_ratio.exp())).collect()
    }

    #[track_caller]
    fn check(pairs: &[(f64, f64)], expected: Option<(f64, Option<(f64, f64)>)>) {
        let actual = PairedRatio::of(pairs, &thresholds());
        assert_eq!(actual.is_some(), expected.is_some());
        let (Some(actual), Some((ratio, interval))) = (actual, expected) else { return };
        let is_near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(is_near(actual.ratio, ratio) && actual.pairs == pairs.len(), "{actual:?}");
        match (actual.interval, interval) {
            (Some(actual), Some((low, high))) => {
                assert!(is_near(actual.low, low) && is_near(actual.high, high), "{actual:?}")
            }
            (actual, expected) => assert!(actual.is_none() && expected.is_none(), "{actual:?}"),
        }
    }

    #[test]
    fn ratios_are_those_of_the_middle_pair() {
        check(&[], None);
        check(&[(2.0, 1.0)], Some((0.5, None)));
        check(&[(1.0, 2.0), (1.0, 4.0), (1.0, 0.5)], Some((2.0, None)));
        // The middle of two is that of the logarithms.
        check(&[(1.0, 2.0), (1.0, 8.0)], Some((4.0, None)));
        // Drift is in both samples of a pair: no sum of times and no median of a side shows this ratio.
        let drifting = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|time| (time, time * 1.5));
        check(&drifting, Some((1.5, Some((1.5, 1.5)))));
        check(&[(0.0, 0.0)], Some((1.0, None)));
    }

    #[test]
    fn sides_swapped_give_the_inverse() {
        let forward = pairs(&[0.1, -0.02, 0.05, 0.07, 0.01, 0.04, 0.03, 0.2, 0.02, 0.06, 0.08, 0.09, 0.015]);
        let backward: Vec<_> = forward.iter().map(|(a, b)| (*b, *a)).collect();
        let of = |pairs: &[(f64, f64)]| PairedRatio::of(pairs, &thresholds()).expect("pairs");
        let (forward, backward) = (of(&forward), of(&backward));
        assert!((forward.ratio * backward.ratio - 1.0).abs() < 1e-9);
        assert!((forward.p_value - backward.p_value).abs() < 1e-12);
        let (one, other) = (forward.interval.expect("enough"), backward.interval.expect("enough"));
        assert!((one.low * other.high - 1.0).abs() < 1e-9 && (one.high * other.low - 1.0).abs() < 1e-9);
    }

    #[test]
    fn p_values_know_the_least_change() {
        let p_value = |middle: f64| {
            let log_ratios: Vec<f64> = (0..12).map(|index| middle + f64::from(index) * 1e-5).collect();
            PairedRatio::of(&pairs(&log_ratios), &thresholds()).expect("pairs").p_value
        };
        assert_eq!(p_value(0.002), 1.0);
        assert!((p_value(0.02) - 2.0 / 4096.0).abs() < 1e-12 && (p_value(-0.02) - 2.0 / 4096.0).abs() < 1e-12);
    }

    #[track_caller]
    fn check_level(log_ratios: &[f64], baseline_first: &[bool], expected: &[f64]) {
        let leveled = level_order(&pairs(log_ratios), baseline_first);
        assert!(leveled.iter().all(|pair| pair.0 == 2.0), "the baseline stays as it was measured");
        let actual = super::log_ratios(&leveled);
        assert_eq!(actual.len(), expected.len());
        assert!(actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-9), "{actual:?} is not {expected:?}");
    }

    #[test]
    fn what_the_order_does_is_taken_out() {
        // Side b is 10% slower, and the second sample of each pair 5% faster.
        check_level(&[0.05, 0.15, 0.15, 0.05], &[true, false, false, true], &[0.1; 4]);
        // What is left spreads by √(5/3) more.
        let spread = 0.03 * (5.0_f64 / 3.0).sqrt();
        let expected = [0.1, 0.1 + spread, 0.1 - spread, 0.1, 0.1];
        check_level(&[0.05, 0.08, 0.02, 0.15, 0.15], &[true, true, true, false, false], &expected);
        // With one order only, nothing is known of it.
        check_level(&[0.05, 0.15], &[true, true], &[0.05, 0.15]);
        check_level(&[0.1, 0.2], &[true, false], &[0.15, 0.15]);
        check_level(&[], &[], &[]);
    }

    #[test]
    fn enough_pairs_and_a_narrow_interval() {
        let spread = |middle: f64, half: f64, count: usize| -> Vec<f64> {
            (0..count).map(|index| middle + half * (2.0 * index as f64 / (count - 1) as f64 - 1.0)).collect()
        };
        let is_narrow = |log_ratios: &[f64]| is_narrow(log_ratios, &thresholds());
        assert!(!is_narrow(&[]) && !is_narrow(&[0.0; 11]) && is_narrow(&[0.0; 12]));
        assert!(is_narrow(&spread(0.0, 0.02, 12)) && !is_narrow(&spread(0.0, 0.1, 12)));
        // Wherever it lies, and in both directions.
        for middle in [-0.7, -0.03, 0.03, 0.7] {
            assert!(is_narrow(&spread(middle, 0.02, 12)) && !is_narrow(&spread(middle, 0.1, 12)), "{middle}");
        }
        assert!(is_narrow(&spread(0.0, 0.1, 200)));
        // ABBA and BAAB are not equally many.
        assert!(!is_narrow(&spread(0.0, 0.02, 14)) && is_narrow(&spread(0.0, 0.02, 16)));
    }
}

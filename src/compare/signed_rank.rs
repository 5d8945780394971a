//! How probable it is that paired differences lie to one side of 0 as they do, if there is no change worth a word.
//!
//! ```text
//! log ratios − least ──▶ ranks of their sizes ──▶ sum of the ranks of the positive ones ──▶ share of all 2ⁿ sign flips
//! log ratios + least ──▶          "           ──▶            "         negative ones    ──▶ that give as much or more
//! ```
//!
//! Wilcoxon's signed-rank test (1945, *Individual comparisons by ranking methods*): without a change each difference is as
//! likely to be positive as negative, whatever its size and whatever the distribution of the sizes, so that every pattern of
//! signs is equally probable. The share of patterns whose sum is as great is counted exactly: one rank after the other is added
//! to the distribution of the sum or not. Equal sizes share their mean rank; ranks are doubled, so that these stay whole
//! numbers, and the count is conditional on them.
//!
//! A difference of 0 takes part in the ranking and then drops out (Pratt 1959, *Remarks on zeros and ties in the Wilcoxon
//! signed rank procedures*). Dropping it before would make the ranks of all others smaller, and the p-value of a sample could
//! rise when all of its differences rise.
//!
//! # A change that is worth a word
//!
//! With enough pairs any difference is significant, be it a thousandth, and what a thousandth needs to come about is the place
//! of a function in memory (Mytkowicz and others 2009, *Producing wrong data without doing anything obviously wrong*). So the
//! hypothesis to be refuted is not "no change" but "at most the least change": both of its ends are tested, and the smaller
//! p-value counts twice.

use crate::results::inference::normal_tail;

/// Up to so many differences that are not 0 the p-value is exact; the work grows with the third power.
const EXACT_LIMIT: usize = 100;

/// The fewest pairs of a nonparametric comparison, however few tests there are.
const FEWEST_PAIRS: usize = 12;

/// The p-value of "the middle of these log ratios is not beyond `least` in either direction".
pub(super) fn minimum_effect_test(log_ratios: &[f64], least: f64) -> f64 {
    let above: Vec<f64> = log_ratios.iter().map(|ratio| ratio - least).collect();
    let below: Vec<f64> = log_ratios.iter().map(|ratio| -ratio - least).collect();
    (2.0 * positive_test(&above).min(positive_test(&below))).min(1.0)
}

/// The one-sided p-value of "the middle of these differences is not above 0".
pub(super) fn positive_test(differences: &[f64]) -> f64 {
    let ranks = doubled_ranks(differences);
    let sum = ranks.iter().filter(|rank| rank.is_positive).map(|rank| rank.doubled).sum();
    let doubled: Vec<usize> = ranks.iter().map(|rank| rank.doubled).collect();
    match doubled.len() {
        0 => 1.0,
        count if count <= EXACT_LIMIT => exact_tail(&doubled, sum),
        _ => normal_approximation(&doubled, sum),
    }
}

/// The fewest pairs with which one changed statement among `tests` can be significant by Benjamini and Hochberg's rule at
/// `rate`: the smallest two-sided p-value of `n` pairs is 2·2⁻ⁿ and must be at most `rate / tests`. At least 12, and even,
/// since pairs come in blocks of two.
pub fn least_pairs(tests: usize, rate: f64) -> usize {
    let needed = (2.0 * tests.max(1) as f64 / rate).log2().ceil().max(0.0) as usize;
    needed.max(FEWEST_PAIRS).next_multiple_of(2)
}

/// A difference that is not 0.
struct Rank {
    /// Twice the rank of its size, a whole number even if it shares the mean of two ranks.
    doubled: usize,
    is_positive: bool,
}

fn doubled_ranks(differences: &[f64]) -> Vec<Rank> {
    let mut sorted = differences.to_vec();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut before = 0;
    for equal in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        // The first and the last rank of the equal ones, added.
        let doubled = before + 1 + before + equal.len();
        before += equal.len();
        let nonzero = equal.iter().filter(|difference| **difference != 0.0);
        ranks.extend(nonzero.map(|difference| Rank { doubled, is_positive: *difference > 0.0 }));
    }
    ranks
}

/// The share of the sign patterns in which the ranks of the positive ones add up to `sum` or more.
fn exact_tail(ranks: &[usize], sum: usize) -> f64 {
    let mut probabilities = vec![0.0; ranks.iter().sum::<usize>() + 1];
    probabilities[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank;
        // Downwards, so that what is read does not have this rank in it yet.
        for place in (0..=reached).rev() {
            let with_it = if place >= rank { probabilities[place - rank] } else { 0.0 };
            probabilities[place] = (probabilities[place] + with_it) / 2.0;
        }
    }
    probabilities[sum..].iter().sum::<f64>().min(1.0)
}

/// The same by the normal distribution. Each rank is in the sum or not with even chances, so that its variance is a quarter of
/// its square: with the mean ranks of equal sizes this has the correction for ties in it.
fn normal_approximation(ranks: &[usize], sum: usize) -> f64 {
    let mean = ranks.iter().sum::<usize>() as f64 / 2.0;
    let variance = ranks.iter().map(|&rank| (rank * rank) as f64 / 4.0).sum::<f64>();
    // Half a rank for continuity, which is 1 of the doubled ones.
    let z = (sum as f64 - mean - 1.0) / variance.sqrt();
    if z >= 0.0 { normal_tail(z) } else { 1.0 - normal_tail(-z) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By making every sign pattern.
    fn by_enumeration(differences: &[f64]) -> f64 {
        let ranks: Vec<usize> = doubled_ranks(differences).iter().map(|rank| rank.doubled).collect();
        let observed: usize =
            doubled_ranks(differences).iter().filter(|rank| rank.is_positive).map(|rank| rank.doubled).sum();
        let patterns = 1_u32 << ranks.len();
        let sum = |pattern: u32| (0..ranks.len()).filter(|bit| pattern >> bit & 1 == 1).map(|bit| ranks[bit]).sum();
        let as_great = (0..patterns).filter(|&pattern| observed <= sum(pattern)).count();
        as_great as f64 / f64::from(patterns)
    }

    #[track_caller]
    fn check(differences: &[f64], expected: f64) {
        let actual = positive_test(differences);
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        let enumerated = by_enumeration(differences);
        assert!((actual - enumerated).abs() < 1e-12, "{actual} is not {enumerated}, which all sign patterns give");
    }

    #[test]
    fn exact_p_values() {
        check(&[], 1.0);
        check(&[0.0, 0.0], 1.0);
        check(&[1.0], 0.5);
        check(&[1.0, 2.0, 3.0, 4.0, 5.0], 1.0 / 32.0);
        check(&[-1.0, 2.0, 3.0, 4.0, 5.0], 2.0 / 32.0);
        // Tables of the test: with 10 pairs, the sum 8 of the others has a one-sided p of 25/1024.
        check(&[-1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -7.0, 8.0, 9.0, 10.0], 25.0 / 1024.0);
        check(&[-1.0, -2.0, -3.0], 1.0);
    }

    #[test]
    fn equal_sizes_and_zeros() {
        // Two of rank 1.5 and one of 3: of eight patterns two add up to 4.5 or more.
        check(&[1.0, -1.0, 3.0], 3.0 / 8.0);
        check(&[1.0, 1.0, 1.0, -1.0], 5.0 / 16.0);
        // Ranks 2, 3 and 4 after the 0: sums of 7 or more are 3+4, 2+3+4.
        check(&[0.0, -1.0, 2.0, 3.0], 2.0 / 8.0);
        check(&[0.0, 0.0, 5.0, -5.0, 5.0, 2.0], 5.0 / 16.0);
    }

    #[test]
    fn many_pairs_are_approximated_closely() {
        // Moved steps on a grid, so that there are ties.
        for shift in [-0.3, 0.0, 0.15, 0.4] {
            let differences: Vec<f64> = (0..EXACT_LIMIT)
                .map(|index| (((index * 37) % 101) as f64 / 10.0).floor() / 5.0 - 1.0 + shift)
                .collect();
            let exact = positive_test(&differences);
            let ranks = doubled_ranks(&differences);
            let sum = ranks.iter().filter(|rank| rank.is_positive).map(|rank| rank.doubled).sum();
            let doubled: Vec<usize> = ranks.iter().map(|rank| rank.doubled).collect();
            let approximate = normal_approximation(&doubled, sum);
            assert!((exact - approximate).abs() < 1e-3 + exact / 50.0, "{shift}: {exact} {approximate}");
        }
        assert!(positive_test(&[1.0; EXACT_LIMIT + 1]) < 1e-6);
        assert!(positive_test(&[-1.0; EXACT_LIMIT + 1]) > 1.0 - 1e-6);
    }

    #[test]
    fn only_more_than_the_least_change_is_significant() {
        let around =
            |middle: f64| (0..20).map(|index| middle + f64::from(index - 10) * 1e-4 + 5e-5).collect::<Vec<_>>();
        let p = |middle, least| minimum_effect_test(&around(middle), least);
        assert!(p(0.0, 0.0) > 0.9);
        // Without a least change, a thousandth that is there in each pair is significant.
        assert!(p(0.0012, 0.0) < 0.001 && p(-0.0012, 0.0) < 0.001);
        assert_eq!((p(0.0012, 0.005), p(-0.0012, 0.005)), (1.0, 1.0));
        assert!(p(0.01, 0.005) < 0.001 && p(-0.01, 0.005) < 0.001);
        let smallest = 2.0 / f64::from(1 << 20);
        assert!((p(0.01, 0.005) - smallest).abs() < 1e-15, "{}", p(0.01, 0.005));
    }

    #[track_caller]
    fn check_least(tests: usize, rate: f64, expected: usize) {
        let pairs = least_pairs(tests, rate);
        assert_eq!(pairs, expected);
        let smallest = minimum_effect_test(&vec![1.0; pairs], 0.0);
        assert!(smallest * tests as f64 <= rate, "{smallest}");
    }

    #[test]
    fn least_pairs_can_be_significant() {
        check_least(104, 0.05, 14);
        check_least(1, 0.05, 12);
        check_least(0, 0.05, 12);
        check_least(102, 0.05, 12);
        check_least(103, 0.05, 14);
        check_least(208, 0.05, 14);
        check_least(104, 0.01, 16);
    }
}

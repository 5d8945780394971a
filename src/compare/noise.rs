//! How noisy the machine is: what two engines of one configuration differ by.
//!
//! ```text
//! control-1 ─┐
//!            ├─ pairs of all statements ─▶ half of them differ by more than this
//! control-2 ─┘                          ─▶ ratio of the totals, whose interval should hold 1
//!                                       ─▶ does the second sample of a pair differ from the first?
//! ```

use super::{Overall, Pairs, Thresholds, log_ratios, overall, pairs};
use crate::results::inference::sign_test;
use crate::results::{Run, Spread};

/// A place in a pair matters if chance would show so many signs in this share of cases or fewer.
const PLACE_P_VALUE: f64 = 0.01;

/// What two engines of one configuration differ by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// How many pairs there are.
    pub pairs: usize,
    /// The median over all pairs of |ln ratio|: half of the pairs differ by more.
    pub pair_difference: f64,
    /// Of totals and geometric means.
    pub overall: Overall,
    /// The time of the second sample of a pair over that of the first, in the middle, if that is no chance.
    pub second_over_first: Option<f64>,
}

impl Noise {
    /// From the two runs of a control phase; nothing if they have no pairs.
    pub fn of(first: &Run, second: &Run, thresholds: &Thresholds) -> Option<Self> {
        let found: Vec<Pairs> = first
            .file
            .plan
            .statements
            .iter()
            .map(|statement| {
                let [ours, theirs] = [first, second].map(|run| super::comparison::samples(run, statement));
                pairs(ours, theirs)
            })
            .filter(|pairs| pairs.count() > 0)
            .collect();
        let log_ratios: Vec<f64> = found.iter().flat_map(|pairs| log_ratios(&pairs.seconds)).collect();
        let distances: Vec<f64> = log_ratios.iter().copied().map(f64::abs).collect();
        let baseline_first = found.iter().flat_map(|pairs| &pairs.baseline_first);
        let later_over_earlier =
            log_ratios.iter().zip(baseline_first).map(|(ratio, first)| if *first { *ratio } else { -ratio });
        // Not levelled: of two pairs a statement nothing would be left to see the noise by.
        let seconds: Vec<_> = found.iter().map(|pairs| pairs.seconds.clone()).collect();
        Some(Self {
            pairs: distances.len(),
            pair_difference: Spread::of(&distances)?.median,
            overall: overall(&seconds, thresholds)?,
            second_over_first: place_effect(&later_over_earlier.collect::<Vec<_>>()),
        })
    }
}

/// The ratio of later over earlier in the middle, if its sign is no chance. In: its logarithms.
fn place_effect(log_ratios: &[f64]) -> Option<f64> {
    let ratios: Vec<f64> = log_ratios.iter().copied().filter(|ratio| *ratio != 0.0).collect();
    let positive = ratios.iter().filter(|ratio| **ratio > 0.0).count();
    let most = positive.max(ratios.len() - positive);
    let p_value = (2.0 * sign_test(most, ratios.len())).min(1.0);
    let middle = Spread::of(&ratios)?.median.exp();
    (p_value < PLACE_P_VALUE).then_some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::{Check, SampleRow};
    use crate::results::test_support::run_file;

    /// Two runs of one statement, with the milliseconds of its pairs and whether the first run came first.
    fn noise(pairs: &[(u64, u64, bool)]) -> Option<Noise> {
        let run = |pick: fn(&(u64, u64, bool)) -> (u64, bool)| {
            let sample = |(iteration, pair): (u32, &(u64, u64, bool))| {
                let (milliseconds, is_first) = pick(pair);
                SampleRow {
                    statement: "q1".to_owned(),
                    iteration,
                    started_at: format!("{iteration:03}{}", if is_first { "a" } else { "b" }),
                    planning_ns: Some(0),
                    execute_ns: Some(milliseconds * 1_000_000),
                    check: Some(Check::Verified),
                    ..SampleRow::default()
                }
            };
            let samples = (1..).zip(pairs).map(sample).collect();
            Run { folder: "x".into(), file: run_file(), samples }
        };
        let (first, second) = (run(|pair| (pair.0, pair.2)), run(|pair| (pair.1, !pair.2)));
        Noise::of(&first, &second, &Thresholds::for_tests(1))
    }

    #[test]
    fn the_middle_difference_is_told_without_its_sign() {
        let found = noise(&[(100, 100, true), (100, 110, false), (120, 100, true)]).expect("there are pairs");
        assert_eq!((found.pairs, found.second_over_first), (3, None));
        assert!((found.pair_difference - 1.1_f64.ln()).abs() < 1e-9, "{found:?}");
        assert_eq!(noise(&[]), None);
    }

    #[test]
    fn a_place_that_matters_is_told() {
        let slower_second: Vec<_> =
            (0..20).map(|n| if n % 2 == 0 { (100, 102, true) } else { (102, 100, false) }).collect();
        let ratio = noise(&slower_second).expect("there are pairs").second_over_first.expect("20 of 20 are no chance");
        assert!((ratio - 1.02).abs() < 1e-9, "{ratio}");
        let by_chance: Vec<_> = (0..20).map(|n| (100, if n % 4 < 2 { 102 } else { 98 }, n % 2 == 0)).collect();
        assert_eq!(noise(&by_chance).expect("there are pairs").second_over_first, None);
    }
}

//! All statements together: the ratio of the totals and of the geometric means, with intervals.
//!
//! ```text
//! statement 1: pairs ──▶ drawn with replacement ──▶ median ratio, median baseline ─┐
//! statement 2: pairs ──▶          "             ──▶               "                ├─▶ one ratio of totals and of
//!  …                                                                               ┘   geometric means a draw
//! 1999 draws in order ──▶ the 50th and the 1950th are the ends of the interval
//! ```
//!
//! The bootstrap is stratified: each statement keeps its number of pairs, since the statements are the suite and not a sample
//! of one (Davison and Hinkley 1997, *Bootstrap methods and their application*, section 3.2). Draws from n pairs vary less than
//! n pairs do, by the factor (n-1)/n in variance; each statement's draws are moved away from its median to make up for it
//! (Hesterberg 2015, *What teachers should know about the bootstrap*, The American Statistician 69:4, on narrowness bias). The
//! seed is fixed, so that the same samples give the same words.
//!
//! The total of the other side is not the sum of its medians. The medians of two sides are those of different moments, and
//! drift does not cancel between them; it cancels within pairs. So each statement's baseline median is multiplied by its median
//! ratio:
//!
//! ```text
//! ratio of totals = Σ median(a)·exp(θ) / Σ median(a)        θ = median(ln b/a) of the statement's pairs
//! ratio of geometric means = exp(mean θ)
//! ```

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::paired::log_ratios;
use super::verdict::{Thresholds, Verdict};
use crate::results::inference::{CONFIDENCE, Interval};

/// One less than a round number: then the ends of the interval are draws themselves, the 50th and the 1950th of 1999.
const DRAWS: usize = 1999;

/// Any number would do; a fixed one makes the words repeatable.
const SEED: u64 = 20_260;

/// A ratio of all statements together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverallRatio {
    /// The other side over the baseline.
    pub ratio: f64,
    /// Where that ratio is with a confidence of 95%.
    pub interval: Interval,
    /// What may be said of it.
    pub verdict: Verdict,
}

/// Both ratios of all statements together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overall {
    /// Of the sums of the statements' times.
    pub totals: OverallRatio,
    /// Of the geometric means of the statements' times.
    pub geometric_means: OverallRatio,
}

/// From each statement's pairs of (baseline, other side) in seconds; nothing if there is no statement, or one without pairs.
pub fn overall(statements: &[Vec<(f64, f64)>], thresholds: &Thresholds) -> Option<Overall> {
    if statements.is_empty() || statements.iter().any(Vec::is_empty) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut at_hand = Sums::default();
    let mut draws = vec![Sums::default(); DRAWS];
    for pairs in statements {
        let mut statement = Resampled::new(pairs);
        let middle = statement.at_hand();
        at_hand.add(middle);
        for sums in &mut draws {
            sums.add(statement.draw(middle, &mut random));
        }
    }
    let has_enough = statements.iter().all(|pairs| pairs.len() >= thresholds.least_pairs);
    let ratio = |of: fn(&Sums) -> f64| {
        let interval = interval(draws.iter().map(of).collect());
        let verdict = if has_enough {
            Verdict::of_change(interval, thresholds.least_change)
                .unwrap_or_else(|| Verdict::without_change(interval, thresholds.margin))
        } else {
            Verdict::Undecided
        };
        OverallRatio { ratio: of(&at_hand), interval, verdict }
    };
    Some(Overall { totals: ratio(Sums::of_totals), geometric_means: ratio(Sums::of_geometric_means) })
}

/// The middle 95% of the draws.
fn interval(mut draws: Vec<f64>) -> Interval {
    draws.sort_by(f64::total_cmp);
    let place = ((draws.len() + 1) as f64 * (1.0 - CONFIDENCE) / 2.0).round() as usize;
    Interval { low: draws[place - 1], high: draws[draws.len() - place] }
}

/// The medians of one statement.
#[derive(Debug, Clone, Copy)]
struct Medians {
    log_ratio: f64,
    baseline_seconds: f64,
}

/// What is summed over statements.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    statements: f64,
    log_ratios: f64,
    baseline_seconds: f64,
    other_seconds: f64,
}

impl Sums {
    fn add(&mut self, medians: Medians) {
        self.statements += 1.0;
        self.log_ratios += medians.log_ratio;
        self.baseline_seconds += medians.baseline_seconds;
        self.other_seconds += medians.baseline_seconds * medians.log_ratio.exp();
    }

    fn of_totals(&self) -> f64 {
        self.other_seconds / self.baseline_seconds
    }

    fn of_geometric_means(&self) -> f64 {
        (self.log_ratios / self.statements).exp()
    }
}

/// The pairs of one statement, ready to be drawn from. A draw is kept as how often each pair is in it, so that its medians are
/// found without sorting.
struct Resampled {
    /// The log ratios in ascending order; pairs are numbered so.
    log_ratios: Vec<f64>,
    /// The baseline's seconds in ascending order, with the numbers of their pairs.
    baseline: Vec<(f64, usize)>,
    /// How often each pair is in the present draw.
    times_drawn: Vec<u32>,
    /// How much farther from the median a draw is moved: √(n/(n-1)).
    expansion: f64,
}

impl Resampled {
    fn new(pairs: &[(f64, f64)]) -> Self {
        let seconds = pairs.iter().map(|pair| pair.0.max(1e-9));
        let mut numbered: Vec<(f64, f64)> = log_ratios(pairs).into_iter().zip(seconds).collect();
        numbered.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut baseline: Vec<(f64, usize)> = numbered.iter().map(|pair| pair.1).zip(0..).collect();
        baseline.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = pairs.len() as f64;
        Self {
            log_ratios: numbered.iter().map(|pair| pair.0).collect(),
            baseline,
            times_drawn: vec![1; pairs.len()],
            // A single pair is always drawn; whatever the factor, it stays where it is.
            expansion: (count / (count - 1.0).max(1.0)).sqrt(),
        }
    }

    /// The medians of the pairs themselves.
    fn at_hand(&mut self) -> Medians {
        self.times_drawn.fill(1);
        self.medians()
    }

    /// The medians of as many pairs drawn with replacement, expanded around those of the pairs themselves.
    fn draw(&mut self, middle: Medians, random: &mut ChaCha8Rng) -> Medians {
        let count = self.times_drawn.len();
        self.times_drawn.fill(0);
        for _ in 0..count {
            // 32 random bits times the count: the high half is a number below the count, even to one part in 2³² / count.
            let pair = (u64::from(random.next_u32()) * count as u64) >> 32;
            self.times_drawn[pair as usize] += 1;
        }
        let drawn = self.medians();
        Medians {
            log_ratio: middle.log_ratio + self.expansion * (drawn.log_ratio - middle.log_ratio),
            // As a factor, so that it stays positive.
            baseline_seconds: middle.baseline_seconds
                * (drawn.baseline_seconds / middle.baseline_seconds).powf(self.expansion),
        }
    }

    fn medians(&self) -> Medians {
        let log_ratios = self.log_ratios.iter().copied().zip(0..);
        Medians {
            log_ratio: weighted_median(log_ratios, &self.times_drawn),
            baseline_seconds: weighted_median(self.baseline.iter().copied(), &self.times_drawn),
        }
    }
}

/// The median of ascending values, each of which counts as often as its pair was drawn.
fn weighted_median(ascending: impl Iterator<Item = (f64, usize)>, times_drawn: &[u32]) -> f64 {
    let count = times_drawn.len();
    let (lower, upper) = (count.div_ceil(2), count / 2 + 1);
    let mut seen = 0;
    let mut lower_value = None;
    for (value, pair) in ascending {
        seen += times_drawn[pair] as usize;
        if seen >= upper {
            return (lower_value.unwrap_or(value) + value) / 2.0;
        }
        if seen >= lower && lower_value.is_none() {
            lower_value = Some(value);
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Spread;
    use crate::results::inference::median_interval;
    use rand::Rng;

    /// Pairs of a statement whose ratios spread by ± `noise` around `ratio`.
    fn statement(seconds: f64, ratio: f64, noise: f64, count: usize) -> Vec<(f64, f64)> {
        let place = |index: usize| ((index * 7) % count) as f64 / (count - 1) as f64 * 2.0 - 1.0;
        (0..count).map(|index| (seconds, seconds * ratio * (noise * place(index)).exp())).collect()
    }

    #[track_caller]
    fn check(statements: &[Vec<(f64, f64)>], expected: [(f64, Verdict); 2]) {
        let overall = overall(statements, &Thresholds::for_tests(statements.len())).expect("statements");
        for (actual, (ratio, verdict)) in [overall.totals, overall.geometric_means].iter().zip(expected) {
            assert!((actual.ratio - ratio).abs() < 1e-9, "{actual:?} is not {ratio}");
            assert!(actual.interval.low <= ratio + 1e-9 && ratio <= actual.interval.high + 1e-9, "{actual:?}");
            assert_eq!(actual.verdict, verdict, "{actual:?}");
        }
    }

    #[test]
    fn long_statements_weigh_in_the_total_alone() {
        use Verdict::{Faster, Same, Slower, Undecided};
        let long = statement(9.0, 0.8, 0.001, 15);
        let short = statement(1.0, 1.25, 0.001, 15);
        check(&[long.clone(), short.clone()], [((7.2 + 1.25) / 10.0, Faster), (1.0, Same)]);
        check(&[statement(9.0, 1.0, 0.001, 15), short], [(1.025, Slower), (1.25_f64.sqrt(), Slower)]);
        check(&[statement(1.0, 1.0, 0.2, 15)], [(1.0, Undecided); 2]);
        // One statement with too few pairs, and nothing is said of all.
        check(&[long, statement(1.0, 0.8, 0.001, 11)], [(0.8, Undecided); 2]);
        check(&[vec![(1.0, 0.5)]], [(0.5, Undecided); 2]);
    }

    #[test]
    fn statements_without_pairs_have_no_ratio() {
        let thresholds = Thresholds::for_tests(1);
        assert_eq!(overall(&[], &thresholds), None);
        assert_eq!(overall(&[vec![(1.0, 1.0)], Vec::new()], &thresholds), None);
    }

    #[test]
    fn the_same_samples_give_the_same_words() {
        let statements = [statement(1.0, 1.1, 0.1, 20), statement(2.0, 0.9, 0.1, 31)];
        let thresholds = Thresholds::for_tests(2);
        assert_eq!(overall(&statements, &thresholds), overall(&statements, &thresholds));
    }

    #[test]
    fn draws_are_those_of_sorted_pairs() {
        for count in [1, 2, 7, 12] {
            let mut random = ChaCha8Rng::seed_from_u64(count as u64);
            let pairs: Vec<(f64, f64)> =
                (0..count).map(|_| (random.random_range(0.5..2.0), random.random_range(0.5..2.0))).collect();
            let mut resampled = Resampled::new(&pairs);
            for _ in 0..200 {
                resampled.expansion = 1.0;
                let middle = resampled.at_hand();
                let drawn = resampled.draw(middle, &mut random);
                let of = |values: Vec<f64>| Spread::of(&values).expect("values").median;
                let times = &resampled.times_drawn;
                let repeated = |values: Vec<f64>| {
                    values
                        .iter()
                        .zip(times)
                        .flat_map(|(value, times)| vec![*value; *times as usize])
                        .collect::<Vec<_>>()
                };
                let mut baseline = vec![0.0; count];
                resampled.baseline.iter().for_each(|(seconds, pair)| baseline[*pair] = *seconds);
                assert_eq!(times.iter().sum::<u32>() as usize, count);
                assert!((drawn.log_ratio - of(repeated(resampled.log_ratios.clone()))).abs() < 1e-12);
                assert!((drawn.baseline_seconds - of(repeated(baseline))).abs() < 1e-12);
            }
        }
    }

    /// Of one statement alone, both intervals are about that of its median.
    #[test]
    fn one_statement_has_the_interval_of_its_median() {
        let pairs = statement(1.0, 1.0, 0.1, 24);
        let exact = median_interval(&log_ratios(&pairs)).expect("enough pairs");
        let overall = overall(std::slice::from_ref(&pairs), &Thresholds::for_tests(1)).expect("pairs");
        for ratio in [overall.totals, overall.geometric_means] {
            let width = (ratio.interval.high / ratio.interval.low).ln() / (exact.high - exact.low);
            assert!((0.8..1.1).contains(&width), "{width}");
        }
    }
}

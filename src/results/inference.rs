//! What a handful of samples says about the median behind it, and about itself.
//!
//! ```text
//! samples of one statement   ──▶ median_interval      how far the median may be off
//!                            ──▶ outliers             samples that do not belong to the others
//! samples of all statements  ──▶ trend_within_blocks  do later samples take longer than earlier ones?
//!                            ──▶ sign_test            is the first sample slower more often than chance has it?
//! ```
//!
//! Pure functions of numbers, without any randomness: the same samples give the same words whenever and wherever a run is read.
//!
//! # The interval of a median
//!
//! The percentile bootstrap takes the quantiles of the median over all samples of size n drawn with replacement from the n at
//! hand (Efron 1979, *Bootstrap methods: another look at the jackknife*). For a median these draws need not be made: how often
//! each order statistic, or each pair of them, is the median of a draw is a binomial probability, so that the distribution is
//! computed exactly. For few samples the plain percentile interval is too narrow, as it knows neither the factor n/(n-1) nor
//! Student's t. It is expanded as Hesterberg proposes (2015, *What teachers should know about the bootstrap*, The American
//! Statistician 69:4, section 4.4): the tail is Φ(-t·√(n/(n-1))) instead of 2.5%. BCa is not taken, since its acceleration comes
//! from the jackknife, which fails for the median.
//!
//! Below [`INTERVAL_SAMPLES`] there is no interval: whatever the method, it cannot be wider than from the fastest to the slowest
//! sample, and that holds the median with a probability of 1 - 2·2⁻ⁿ (the sign test's interval), 93.75% for five samples.

/// The fewest samples whose ends hold the median with a probability of 95% or more.
pub const INTERVAL_SAMPLES: usize = 6;

/// The confidence of [`median_interval`].
pub const CONFIDENCE: f64 = 0.95;

/// The 97.5% quantile of the normal distribution.
const Z_975: f64 = 1.959_963_984_540_054;

/// Up to this even number of samples, the means of the two middle ones are followed pair by pair.
const PAIRS_LIMIT: usize = 200;

/// The fewest samples of which some can be called outliers: with fewer, their usual distance is too uncertain.
pub const OUTLIER_SAMPLES: usize = 10;

/// The modified z-score beyond which a sample is an outlier (Iglewicz and Hoaglin 1993, *How to detect and handle outliers*).
const OUTLIER_SCORE: f64 = 3.5;

/// What lies less than this share of the median away is no outlier, however closely the others agree.
const OUTLIER_DISTANCE: f64 = 0.05;

/// A trend is looked for among so many samples of a statement at most, evenly chosen: the number of pairs grows with the square.
const TREND_SAMPLES: usize = 200;

/// Where a median is, with a confidence of 95%.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Half of the width as a share of `median`.
    pub fn relative_half_width(&self, median: f64) -> f64 {
        if median > 0.0 { (self.high - self.low) / 2.0 / median } else { 0.0 }
    }
}

/// The interval of the median of which `samples` are a sample; nothing for fewer than [`INTERVAL_SAMPLES`].
pub fn median_interval(samples: &[f64]) -> Option<Interval> {
    let count = samples.len();
    if count < INTERVAL_SAMPLES {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let tail = expanded_tail(count);
    if count.is_multiple_of(2) && count <= PAIRS_LIMIT {
        let draws = medians_of_draws(&sorted);
        let low = quantile(draws.iter(), tail);
        let high = quantile(draws.iter().rev(), tail);
        return Some(Interval { low, high });
    }
    // The first order statistic that the middle one of a draw does not exceed often enough. Of an even number it is the lower
    // middle one, which errs to the wide side.
    let binomial = Binomial::new(count);
    let middle = count.div_ceil(2);
    let places: Vec<usize> = (1..=count).collect();
    let rank = places.partition_point(|&rank| binomial.at_least(middle, rank as f64 / count as f64) < tail);
    Some(Interval { low: sorted[rank], high: sorted[count - 1 - rank] })
}

/// The tail of the expanded percentile interval.
fn expanded_tail(count: usize) -> f64 {
    let n = count as f64;
    normal_tail((n / (n - 1.0)).sqrt() * student_quantile(n - 1.0))
}

/// Every value that the median of a draw of an even number can take, with its probability, in the order of the values.
fn medians_of_draws(sorted: &[f64]) -> Vec<(f64, f64)> {
    let count = sorted.len();
    let half = count / 2;
    let n = count as f64;
    let binomial = Binomial::new(count);
    let ways = binomial.choose(half);
    let power = |base: f64| (base / n).powi(i32::try_from(half).unwrap_or(i32::MAX));
    let mut draws = Vec::with_capacity(count * (count + 1) / 2);
    for low in 1..=count {
        let below = (low - 1) as f64;
        for high in low + 1..=count {
            // The lower half of the draw ends at `low`, the upper half begins at `high`.
            let above = (count - high) as f64;
            let probability = ways * (power(low as f64) - power(below)) * (power(above + 1.0) - power(above));
            draws.push(((sorted[low - 1] + sorted[high - 1]) / 2.0, probability));
        }
        // Both middle ones are `low`: neither is the lower one below it, nor the upper one above it.
        let lower_below = binomial.at_least(half, below / n);
        let upper_above = 1.0 - binomial.at_least(half + 1, low as f64 / n);
        let both = ways * power(below) * power((count - low) as f64);
        draws.push((sorted[low - 1], (1.0 - lower_below - upper_above + both).max(0.0)));
    }
    draws.sort_by(|a, b| a.0.total_cmp(&b.0));
    draws
}

fn quantile<'a>(draws: impl Iterator<Item = &'a (f64, f64)>, tail: f64) -> f64 {
    let mut sum = 0.0;
    let mut last = 0.0;
    for (value, probability) in draws {
        last = *value;
        sum += probability;
        if sum >= tail {
            break;
        }
    }
    last
}

/// The positions of the samples that do not belong to the others: their modified z-score is beyond 3.5, and they are 5% or more
/// off the median. None for fewer than [`OUTLIER_SAMPLES`].
pub fn outliers(samples: &[f64]) -> Vec<usize> {
    if samples.len() < OUTLIER_SAMPLES {
        return Vec::new();
    }
    let middle = median(samples);
    let deviations: Vec<f64> = samples.iter().map(|sample| (sample - middle).abs()).collect();
    // 0.6745 and 1.2533 make both measures the standard deviation of a normal distribution. If more than half of the samples
    // are equal, the median deviation is 0 and the mean one takes its place.
    let unit = match median(&deviations) / 0.674_489_75 {
        0.0 => deviations.iter().sum::<f64>() / deviations.len() as f64 * 1.253_314_137,
        unit => unit,
    };
    let far = |deviation: f64| deviation > OUTLIER_SCORE * unit && deviation > OUTLIER_DISTANCE * middle;
    (0..samples.len()).filter(|&index| far(deviations[index])).collect()
}

/// Whether figures grow or shrink within blocks of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// The median change from one figure to the next.
    pub slope: f64,
    /// How probable so strong a trend is if there is none, in either direction.
    pub p_value: f64,
}

/// The trend that blocks of figures share, each in the order of time: Mann and Kendall's test summed over blocks (Hirsch, Slack
/// and Smith 1982, *Techniques of trend analysis for monthly water quality data*), ties allowed for, with Theil and Sen's slope.
/// Nothing if no block has two figures that differ.
///
/// Figures are only compared within their block: what differs between blocks, as statements do, is no trend.
pub fn trend_within_blocks(blocks: &[Vec<f64>]) -> Option<Trend> {
    let (mut score, mut variance) = (0.0, 0.0);
    let mut slopes = Vec::new();
    for block in blocks {
        let step = block.len().div_ceil(TREND_SAMPLES).max(1);
        let figures: Vec<f64> = block.iter().copied().step_by(step).collect();
        for (index, earlier) in figures.iter().enumerate() {
            for (distance, later) in figures[index + 1..].iter().enumerate() {
                let change = later - earlier;
                score += if change == 0.0 { 0.0 } else { change.signum() };
                slopes.push(change / ((distance + 1) * step) as f64);
            }
        }
        variance += kendall_variance(&figures);
    }
    if variance <= 0.0 {
        return None;
    }
    // One step towards 0, since the score is a whole number and the normal distribution is not.
    let z = (f64::abs(score) - 1.0).max(0.0) / f64::sqrt(variance);
    Some(Trend { slope: median(&slopes), p_value: (2.0 * normal_tail(z)).min(1.0) })
}

/// The variance of Kendall's score without a trend.
fn kendall_variance(figures: &[f64]) -> f64 {
    let term = |count: usize| (count * count.saturating_sub(1)) as f64 * (2 * count + 5) as f64;
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|equal| term(equal.len())).sum();
    (term(figures.len()) - ties) / 18.0
}

/// How probable it is that a fair coin shows `successes` or more of `trials`.
pub fn sign_test(successes: usize, trials: usize) -> f64 {
    Binomial::new(trials).at_least(successes, 0.5)
}

/// The middle one, or the mean of the two middle ones; 0 for none.
pub(super) fn median(figures: &[f64]) -> f64 {
    super::Spread::of(figures).map_or(0.0, |spread| spread.median)
}

/// Binomial probabilities for one number of trials.
struct Binomial {
    trials: usize,
    /// The logarithms of the factorials up to the number of trials.
    ln_factorial: Vec<f64>,
}

impl Binomial {
    fn new(trials: usize) -> Self {
        let mut ln_factorial = vec![0.0; trials + 1];
        for number in 1..=trials {
            ln_factorial[number] = ln_factorial[number - 1] + (number as f64).ln();
        }
        Self { trials, ln_factorial }
    }

    fn ln_choose(&self, chosen: usize) -> f64 {
        self.ln_factorial[self.trials] - self.ln_factorial[chosen] - self.ln_factorial[self.trials - chosen]
    }

    fn choose(&self, chosen: usize) -> f64 {
        self.ln_choose(chosen).exp()
    }

    /// The probability of `least` or more successes.
    fn at_least(&self, least: usize, success: f64) -> f64 {
        match (least, success) {
            (0, _) => return 1.0,
            (least, _) if least > self.trials => return 0.0,
            (_, p) if p <= 0.0 => return 0.0,
            (_, p) if p >= 1.0 => return 1.0,
            _ => {}
        }
        let (ln_success, ln_failure) = (success.ln(), (1.0 - success).ln());
        let probability = |count: usize| {
            (self.ln_choose(count) + count as f64 * ln_success + (self.trials - count) as f64 * ln_failure).exp()
        };
        (least..=self.trials).map(probability).sum::<f64>().min(1.0)
    }
}

/// The probability that a normal figure is beyond `z`, for `z` of 0 or more: formula 7.1.26 of Abramowitz and Stegun's *Handbook
/// of mathematical functions*, right to 1e-7.
pub(crate) fn normal_tail(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = series.iter().fold(0.0, |sum, factor| sum * t + factor) * t;
    sum * (-x * x).exp() / 2.0
}

/// The 97.5% quantile of Student's t with five or more degrees of freedom: formula 26.7.5 of the same handbook, right to 1e-3.
fn student_quantile(freedom: f64) -> f64 {
    let z = Z_975;
    let power = |exponent: i32| z.powi(exponent);
    let terms = [
        (power(3) + z) / 4.0,
        (5.0 * power(5) + 16.0 * power(3) + 3.0 * z) / 96.0,
        (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * z) / 384.0,
        (79.0 * power(9) + 776.0 * power(7) + 1482.0 * power(5) - 1920.0 * power(3) - 945.0 * z) / 92160.0,
    ];
    terms.iter().zip(1..).fold(z, |sum, (term, exponent)| sum + term / freedom.powi(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Figures of a distribution with the median 1, from an even figure and a normal one.
    type Draw = fn(&mut ChaCha8Rng) -> f64;

    fn even(random: &mut ChaCha8Rng) -> f64 {
        random.random_range(f64::EPSILON..1.0)
    }

    /// Box and Muller's way.
    fn normal(random: &mut ChaCha8Rng) -> f64 {
        (-2.0 * even(random).ln()).sqrt() * (std::f64::consts::TAU * even(random)).cos()
    }

    const DISTRIBUTIONS: [(&str, Draw); 4] = [
        ("normal", |random| 1.0 + 0.05 * normal(random)),
        ("lognormal", |random| (0.5 * normal(random)).exp()),
        // What times look like: a fastest possible one, and delays on top.
        ("exponential", |random| 1.0 + 0.2 * (-even(random).ln() - std::f64::consts::LN_2)),
        // One sample in ten is disturbed.
        ("disturbed", |random| {
            let quiet = 1.0 + 0.02 * normal(random);
            if even(random) < 0.1 { quiet * 1.5 } else { quiet }
        }),
    ];

    /// The median of `disturbed`: 5/9 of the quiet ones are below it.
    fn true_median(name: &str) -> f64 {
        if name == "disturbed" { 1.0 + 0.02 * 0.139_710_3 } else { 1.0 }
    }

    /// How often the interval of `count` samples holds the median.
    fn coverage(count: usize, name: &str, draw: Draw) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(7 + count as u64);
        let trials = 2000;
        let held = (0..trials).filter(|_| {
            let samples: Vec<f64> = (0..count).map(|_| draw(&mut random)).collect();
            let interval = median_interval(&samples).expect("enough samples");
            let median = true_median(name);
            interval.low <= median && median <= interval.high
        });
        held.count() as f64 / f64::from(trials)
    }

    #[test]
    fn intervals_hold_the_median_about_as_often_as_they_say() {
        for (name, draw) in DISTRIBUTIONS {
            for count in [6, 7, 8, 9, 10, 12, 15, 20, 31, 50] {
                let share = coverage(count, name, draw);
                // 2000 trials are right to about 1%.
                assert!((0.93..=0.995).contains(&share), "{name}, {count} samples: {share}");
            }
        }
    }

    #[test]
    fn intervals_grow_narrower() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut width = |count: usize| {
            let widths = (0..200).map(|_| {
                let samples: Vec<f64> = (0..count).map(|_| DISTRIBUTIONS[0].1(&mut random)).collect();
                median_interval(&samples).expect("enough").relative_half_width(1.0)
            });
            widths.sum::<f64>() / 200.0
        };
        let (few, more, many) = (width(8), width(32), width(128));
        assert!(few > 1.6 * more && more > 1.6 * many, "{few} {more} {many}");
    }

    #[test]
    fn too_few_samples_have_no_interval() {
        for count in 0..INTERVAL_SAMPLES {
            assert_eq!(median_interval(&vec![1.0; count]), None);
        }
        let interval = median_interval(&[3.0, 1.0, 2.0, 6.0, 5.0, 4.0]);
        assert_eq!(interval, Some(Interval { low: 1.0, high: 6.0 }));
        assert_eq!(median_interval(&[2.0; 30]), Some(Interval { low: 2.0, high: 2.0 }));
    }

    #[test]
    fn the_draws_of_an_even_number_are_the_bootstrap_itself() {
        let samples = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let draws = medians_of_draws(&samples);
        let sum: f64 = draws.iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let trials = 100_000;
        let resampled: Vec<f64> = (0..trials)
            .map(|_| median(&(0..6).map(|_| samples[random.random_range(0..6)]).collect::<Vec<_>>()))
            .collect();
        for limit in [1.0, 2.5, 3.0, 6.0, 12.0, 20.0] {
            let exact: f64 = draws.iter().filter(|draw| draw.0 <= limit).map(|draw| draw.1).sum();
            let drawn = resampled.iter().filter(|median| **median <= limit).count() as f64 / f64::from(trials);
            assert!((exact - drawn).abs() < 0.01, "{limit}: {exact} {drawn}");
        }
    }

    #[track_caller]
    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
    }

    #[test]
    fn probabilities_are_those_of_the_tables() {
        near(normal_tail(0.0), 0.5, 2e-7);
        near(normal_tail(1.959_964), 0.025, 2e-7);
        near(normal_tail(3.0), 0.001_349_9, 2e-7);
        near(student_quantile(5.0), 2.5706, 1e-3);
        near(student_quantile(9.0), 2.2622, 1e-3);
        near(student_quantile(30.0), 2.0423, 1e-3);
        near(sign_test(7, 7), 1.0 / 128.0, 1e-12);
        near(sign_test(60, 100), 0.028_444, 1e-6);
        near(sign_test(0, 5), 1.0, 0.0);
        near(sign_test(0, 0), 1.0, 0.0);
    }

    #[track_caller]
    fn check_outliers(samples: &[f64], expected: &[usize]) {
        assert_eq!(outliers(samples), expected);
    }

    #[test]
    fn outliers_are_far_off_and_few() {
        let near = [1.00, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0];
        check_outliers(&near, &[]);
        check_outliers(&[&near[..8], &[1.6]].concat(), &[]);
        check_outliers(&[&near[..], &[1.6]].concat(), &[9]);
        check_outliers(&[&[0.5], &near[..]].concat(), &[0]);
        // Agreement to a thousandth makes nothing of half a per cent an outlier.
        check_outliers(&[1.0, 1.0001, 0.9999, 1.0, 1.0001, 1.0, 1.0, 1.0, 0.9999, 1.005], &[]);
        // More than half are equal: the median deviation is 0.
        check_outliers(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0], &[11]);
        check_outliers(&[1.0; 12], &[]);
        check_outliers(&[1.0, 1.0, 9.0], &[]);
    }

    #[test]
    fn quiet_samples_seldom_have_outliers() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut share = |count: usize| {
            let found = (0..1000).filter(|_| {
                let samples: Vec<f64> = (0..count).map(|_| DISTRIBUTIONS[0].1(&mut random)).collect();
                !outliers(&samples).is_empty()
            });
            found.count() as f64 / 1000.0
        };
        for count in [OUTLIER_SAMPLES, 10, 20, 50] {
            let share = share(count);
            assert!(share < 0.12, "{count} samples: {share}");
        }
    }

    #[test]
    fn trends_are_found_within_blocks_alone() {
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        let trend = trend_within_blocks(&[rising]).expect("differing figures");
        assert!(trend.p_value < 1e-6 && (trend.slope - 1.0).abs() < 1e-12, "{trend:?}");
        // Blocks that rise from one to the next, each falling.
        let blocks: Vec<Vec<f64>> =
            (0..40).map(|b| [3.0, 2.0, 1.0].map(|f| f + f64::from(b) * 10.0).to_vec()).collect();
        let trend = trend_within_blocks(&blocks).expect("differing figures");
        assert!(trend.p_value < 1e-6 && (trend.slope + 1.0).abs() < 1e-12, "{trend:?}");
        assert_eq!(trend_within_blocks(&[vec![1.0; 9], vec![2.0], Vec::new()]), None, "ties alone");
        assert_eq!(trend_within_blocks(&[]), None);
    }

    #[test]
    fn chance_seldom_looks_like_a_trend() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let trials = 1000;
        let found = (0..trials).filter(|_| {
            // Rounded, so that there are ties.
            let mut block = || (0..3).map(|_| (normal(&mut random) * 2.0).round()).collect::<Vec<f64>>();
            let blocks: Vec<Vec<f64>> = (0..50).map(|_| block()).collect();
            trend_within_blocks(&blocks).is_some_and(|trend| trend.p_value < 0.05)
        });
        let share = found.count() as f64 / f64::from(trials);
        assert!((0.02..0.075).contains(&share), "{share}");
    }
}

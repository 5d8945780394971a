//! Two runs that were taken one after the other, not side by side.
//!
//! ```text
//! run a: 8 samples of q1 ─▶ median, its interval ─┐
//!                                                 ├─▶ ratio, interval ─┐
//! run b: 8 samples of q1 ─▶ median, its interval ─┘                    ├─▶ verdict
//! all 16 samples ─▶ sum of b's ranks ─▶ share of such choices of 8 ────┘
//! ```
//!
//! # The p-value
//!
//! The rank-sum test (Wilcoxon 1945, *Individual comparisons by ranking methods*; Mann and Whitney 1947, *On a test
//! of whether one of two random variables is stochastically larger than the other*): without a change, every choice
//! of ranks for one run's samples is equally probable. The choices are counted exactly, conditional on the mean ranks
//! that equal times share; for many samples the normal distribution takes the place of the count. As in the paired
//! test, the hypothesis to be refuted is not "no change" but "at most the least change" in either direction.
//!
//! # The interval
//!
//! Each median has its bootstrap interval, corrected for few samples ([`median_interval`]). The distances of their
//! ends are added like the two sides of a right angle (Zou and Donner 2008, *Construction of confidence limits about
//! effect measures: a general approach*), since the samples of two runs have nothing to do with each other:
//!
//! ```text
//! low  = θ - √((b - b.low)² + (a.high - a)²)        θ = b - a, the medians of the logarithms
//! high = θ + √((b.high - b)² + (a - a.low)²)
//! ```
//!
//! No random draws are needed for it. Totals and geometric means are bootstrapped over the samples of every statement
//! and run by themselves (Davison and Hinkley 1997, section 3.2), each expanded by √(n/(n-1)), and all of it by
//! Student's t with the degrees of freedom that Welch and Satterthwaite's formula finds (Hesterberg 2015, section
//! 4.4).
//!
//! # What it cannot know
//!
//! All samples of a statement in one run share what the machine did in those seconds, and the program's place in
//! memory. Any number of samples tells nothing about that: the runs themselves would have to be repeated (Kalibera
//! and Jones 2013, *Rigorous benchmarking in reasonable time*). So an unpaired comparison calls no change of less
//! than 3%, and says what it cannot know.

use chrono::DateTime;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::comparison::{lost, samples, suite_seconds};
use super::{Comparison, Finding, PairedRatio, Pairing, StatementComparison, SuiteComparison, Thresholds, Verdict};
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::inference::{CONFIDENCE, INTERVAL_SAMPLES, Interval, median_interval, normal_tail};
use crate::results::{Aggregate, Run, Spread, geometric_mean, sample_seconds};

/// The smallest change that is called one: what two runs of one program may differ by, though each by itself is steady.
const LEAST_CHANGE: f64 = 0.03;

/// Up to so many samples of both runs the p-value is exact; the work grows with the fourth power.
const EXACT_LIMIT: usize = 50;

/// Fewer samples of a statement show too little of the noise to say anything of the suite.
const SUITE_SAMPLES: usize = 3;

/// With one less than a round number, the ends of the interval are draws and lie between none.
const DRAWS: usize = 1999;

/// Any number would do; a fixed one makes the words repeatable.
const SEED: u64 = 20_261;

/// The 97.5% quantile of the normal distribution, squared.
const Z_SQUARED: f64 = 3.841_458_820_694_124;

impl Thresholds {
    /// The defaults for runs by themselves, of so many statements that are tested together.
    pub fn for_runs(tests: usize) -> Self {
        let paired = Self::for_tests(tests);
        let least_pairs = least_samples(tests, paired.false_discovery_rate);
        Self { least_change: LEAST_CHANGE, margin: LEAST_CHANGE, least_pairs, ..paired }
    }
}

/// The fewest samples of each run with which one changed statement among `tests` can be significant by Benjamini and
/// Hochberg's rule at `rate`: the smallest two-sided p-value is 2 in the number of ways to choose `n` of `2n` ranks.
/// At least six, since fewer have no interval.
pub fn least_samples(tests: usize, rate: f64) -> usize {
    let needed = 2.0 * tests.max(1) as f64 / rate;
    // 2n over n, one factor after the other.
    let (mut count, mut choices) = (1_usize, 2.0);
    while choices < needed || count < INTERVAL_SAMPLES {
        count += 1;
        choices *= 2.0 * (2 * count - 1) as f64 / count as f64;
    }
    count
}

impl Comparison {
    /// Of two runs by themselves, over these statements. Only medians have intervals and verdicts: the ends of a
    /// sample, which the other aggregates look at, cannot be bootstrapped (Bickel and Freedman 1981, *Some asymptotic
    /// theory for the bootstrap*).
    pub fn unpaired(
        baseline: &Run,
        other: &Run,
        names: [&str; 2],
        statements: &[String],
        aggregate: Aggregate,
        thresholds: Thresholds,
    ) -> Self {
        let mut compared = Vec::new();
        let mut counted = Vec::new();
        let mut ratios = Vec::new();
        for statement in statements {
            let [ours, theirs] = [baseline, other].map(|run| samples(run, statement));
            let finding = lost(&ours, &theirs);
            let seconds = Seconds { baseline: measured(&ours, aggregate), other: measured(&theirs, aggregate) };
            let ratio = seconds.ratio(aggregate, &thresholds).filter(|_| finding.is_none());
            compared.push(StatementComparison {
                statement: statement.clone(),
                baseline_seconds: aggregate.of(&seconds.baseline),
                other_seconds: aggregate.of(&seconds.other),
                ratio: ratio.map(|ratio| ratio.ratio),
                interval: ratio.and_then(|ratio| ratio.interval),
                sample_count: seconds.count(),
                finding: finding.unwrap_or(Finding::Nothing),
            });
            if let Some(ratio) = ratio {
                ratios.push(ratio);
                counted.push(seconds);
            }
        }
        let mut verdicts = super::verdict::verdicts(&ratios, &thresholds).into_iter();
        for statement in compared.iter_mut().filter(|statement| statement.ratio.is_some()) {
            statement.finding = Finding::Times(verdicts.next().unwrap_or(Verdict::Undecided));
        }
        let intervals = if aggregate == Aggregate::Median { SuiteIntervals::of(&counted) } else { None };
        let suite = |of: fn(&[f64]) -> f64, interval: Option<Interval>| {
            let [baseline_seconds, other_seconds] = suite_seconds(&compared).map(|seconds| of(&seconds));
            let verdict = interval.map_or(Verdict::Undecided, |interval| {
                Verdict::of_change(interval, thresholds.least_change)
                    .unwrap_or_else(|| Verdict::without_change(interval, thresholds.margin))
            });
            SuiteComparison {
                baseline_seconds,
                other_seconds,
                ratio: other_seconds / baseline_seconds,
                interval,
                verdict,
            }
        };
        let suite = |of, interval| (!counted.is_empty()).then(|| suite(of, interval));
        let total = suite(|seconds| seconds.iter().sum(), intervals.as_ref().map(|of| of.totals));
        let geomean = suite(geometric_mean, intervals.as_ref().map(|of| of.geometric_means));
        let [baseline, other] = names.map(str::to_owned);
        Self { baseline, other, pairing: Pairing::Unpaired, statements: compared, total, geomean, thresholds }
    }
}

/// What a comparison of runs by themselves cannot know, in sentences for its reader.
pub fn limits_of_unpaired(baseline: &Run, others: &[&Run]) -> String {
    let began = |run: &Run| DateTime::parse_from_rfc3339(&run.file.started_at).ok();
    let gap = |run: &&Run| -> Option<i64> {
        let gap: chrono::TimeDelta = began(run)? - began(baseline)?;
        Some(gap.num_minutes().abs())
    };
    let apart = match others.iter().filter_map(gap).max() {
        Some(minutes) => format!("the runs began {} apart", duration(minutes)),
        None => "when the runs began is not known".to_owned(),
    };
    format!(
        "{apart}, and each took all samples of a statement in a row: the intervals know the noise within the runs, but \
         not what changed on the machine between them, nor what the order of statements did, and the verdicts hold \
         only as far as nothing did; `dsbench ab` takes the samples side by side, so that such changes cancel"
    )
}

/// Minutes for people.
fn duration(minutes: i64) -> String {
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => format!("{minutes} min"),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// The measured times of samples that count.
fn measured(samples: &[&SampleRow], aggregate: Aggregate) -> Vec<f64> {
    let counts = |sample: &&&SampleRow| {
        sample.phase == Phase::Measured && sample.error_class.is_none() && sample.check != Some(Check::Wrong)
    };
    let seconds =
        samples.iter().filter(counts).filter_map(|sample| sample_seconds(sample, aggregate.includes_planning()));
    // A clock may read 0 for something very short; a nanosecond keeps the logarithm finite.
    seconds.map(|seconds| seconds.max(1e-9)).collect()
}

/// The times of one statement in both runs.
struct Seconds {
    baseline: Vec<f64>,
    other: Vec<f64>,
}

impl Seconds {
    fn count(&self) -> usize {
        self.baseline.len().min(self.other.len())
    }

    /// In the form that the rules for verdicts take.
    fn ratio(&self, aggregate: Aggregate, thresholds: &Thresholds) -> Option<PairedRatio> {
        let ratio = aggregate.of(&self.other)? / aggregate.of(&self.baseline)?;
        let logarithms = |seconds: &[f64]| -> Vec<f64> { seconds.iter().map(|seconds| seconds.ln()).collect() };
        let (baseline, other) = (logarithms(&self.baseline), logarithms(&self.other));
        let interval = if aggregate == Aggregate::Median { difference_interval(&baseline, &other) } else { None };
        Some(PairedRatio {
            ratio,
            interval: interval.map(|interval| Interval { low: interval.low.exp(), high: interval.high.exp() }),
            p_value: minimum_effect_test(&baseline, &other, thresholds.least_change.ln_1p()),
            pairs: self.count(),
        })
    }
}

/// Where the difference of the medians is, with a confidence of 95%; nothing if one of them has no interval.
fn difference_interval(baseline: &[f64], other: &[f64]) -> Option<Interval> {
    let (ours, theirs) = (median_interval(baseline)?, median_interval(other)?);
    let (our_middle, their_middle) = (Spread::of(baseline)?.median, Spread::of(other)?.median);
    let difference = their_middle - our_middle;
    Some(Interval {
        low: difference - (their_middle - theirs.low).hypot(ours.high - our_middle),
        high: difference + (theirs.high - their_middle).hypot(our_middle - ours.low),
    })
}

/// The p-value of "the other samples are not farther than `least` from the baseline's in either direction".
fn minimum_effect_test(baseline: &[f64], other: &[f64], least: f64) -> f64 {
    let moved = |by: f64| -> Vec<f64> { other.iter().map(|value| value + by).collect() };
    let (above, below) = (greater_test(baseline, &moved(-least)), greater_test(&moved(least), baseline));
    (2.0 * above.min(below)).min(1.0)
}

/// The one-sided p-value of "the second samples are not greater than the first".
fn greater_test(first: &[f64], second: &[f64]) -> f64 {
    if first.is_empty() || second.is_empty() {
        return 1.0;
    }
    let ranks = DoubledRanks::of(first, second);
    if ranks.all.len() <= EXACT_LIMIT { ranks.exact_tail() } else { ranks.normal_approximation() }
}

/// Twice the ranks of all samples in one order: whole numbers even where equal ones share the mean of two ranks.
struct DoubledRanks {
    all: Vec<usize>,
    second_count: usize,
    second_sum: usize,
}

impl DoubledRanks {
    fn of(first: &[f64], second: &[f64]) -> Self {
        let mut values: Vec<(f64, bool)> = first.iter().map(|value| (*value, false)).collect();
        values.extend(second.iter().map(|value| (*value, true)));
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut ranks = Self { all: Vec::with_capacity(values.len()), second_count: second.len(), second_sum: 0 };
        for equal in values.chunk_by(|a, b| a.0 == b.0) {
            // The first and the last rank of the equal ones, added.
            let doubled = 2 * ranks.all.len() + 1 + equal.len();
            ranks.all.extend(std::iter::repeat_n(doubled, equal.len()));
            ranks.second_sum += doubled * equal.iter().filter(|(_, is_second)| *is_second).count();
        }
        ranks
    }

    /// The share of the choices of as many ranks as the second samples have whose sum is as great.
    fn exact_tail(&self) -> f64 {
        let total: usize = self.all.iter().sum();
        // How many choices of so many ranks have each sum. Counts of up to 50 ranks are exact in 64 bits.
        let mut choices = vec![vec![0.0; total + 1]; self.second_count + 1];
        choices[0][0] = 1.0;
        let mut reached = 0;
        for (index, &rank) in self.all.iter().enumerate() {
            reached += rank;
            // Downwards, so that what is read does not have this rank in it yet.
            for chosen in (1..=self.second_count.min(index + 1)).rev() {
                let (fewer, with_it) = choices.split_at_mut(chosen);
                let without = &fewer[chosen - 1][..=reached - rank];
                with_it[0][rank..=reached].iter_mut().zip(without).for_each(|(ways, added)| *ways += added);
            }
        }
        let ways = &choices[self.second_count];
        ways[self.second_sum..].iter().sum::<f64>() / ways.iter().sum::<f64>()
    }

    /// The same by the normal distribution, with the variance of a sum of ranks drawn without replacement, which
    /// allows for ties.
    fn normal_approximation(&self) -> f64 {
        let (count, chosen) = (self.all.len() as f64, self.second_count as f64);
        let mean = self.all.iter().sum::<usize>() as f64 / count;
        let spread = self.all.iter().map(|&rank| (rank as f64 - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let variance = chosen * (count - chosen) / count * spread;
        if variance <= 0.0 {
            return 1.0;
        }
        // Half of a step for continuity. Without ties a step is one rank, which is 2 of the doubled ones.
        let z = (self.second_sum as f64 - chosen * mean - 1.0) / variance.sqrt();
        if z >= 0.0 { normal_tail(z) } else { 1.0 - normal_tail(-z) }
    }
}

/// Where both ratios of the suite are, with a confidence of 95%.
struct SuiteIntervals {
    totals: Interval,
    geometric_means: Interval,
}

impl SuiteIntervals {
    /// Nothing if a statement has too few samples.
    fn of(statements: &[Seconds]) -> Option<Self> {
        if statements.is_empty() || statements.iter().any(|seconds| seconds.count() < SUITE_SAMPLES) {
            return None;
        }
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut sides = [Side::default(), Side::default()];
        for seconds in statements {
            sides[0].add(&seconds.baseline, &mut random);
            sides[1].add(&seconds.other, &mut random);
        }
        Some(Self {
            totals: suite_interval(&sides, Side::totals),
            geometric_means: suite_interval(&sides, Side::means),
        })
    }
}

/// One run's medians, summed over statements.
#[derive(Default)]
struct Side {
    seconds: Sums,
    logarithms: Sums,
    statements: f64,
}

/// A sum over statements, draws of it, and what its variance is made of.
struct Sums {
    at_hand: f64,
    draws: Vec<f64>,
    variance: f64,
    /// Σ variance² / degrees of freedom, for the degrees of freedom of the whole.
    variance_squares: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { at_hand: 0.0, draws: vec![0.0; DRAWS], variance: 0.0, variance_squares: 0.0 }
    }
}

impl Sums {
    fn add(&mut self, middle: f64, draws: &[f64], freedom: f64) {
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        let variance = draws.iter().map(|drawn| (drawn - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        self.at_hand += middle;
        self.draws.iter_mut().zip(draws).for_each(|(sum, drawn)| *sum += drawn);
        self.variance += variance;
        self.variance_squares += variance * variance / freedom;
    }
}

impl Side {
    /// Draws a statement's samples again and again, with replacement.
    fn add(&mut self, seconds: &[f64], random: &mut ChaCha8Rng) {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let mut times_drawn = vec![0; sorted.len()];
        let middle = drawn_median(&sorted, &[1].repeat(sorted.len()));
        // Draws from n samples vary less than n samples do.
        let expansion = (count / (count - 1.0)).sqrt();
        let mut draw = || {
            draw_again(&mut times_drawn, random);
            // As a factor, so that it stays positive.
            middle * (drawn_median(&sorted, &times_drawn) / middle).powf(expansion)
        };
        let drawn: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        let logarithms: Vec<f64> = drawn.iter().map(|drawn| drawn.ln()).collect();
        self.seconds.add(middle, &drawn, count - 1.0);
        self.logarithms.add(middle.ln(), &logarithms, count - 1.0);
        self.statements += 1.0;
    }

    /// The logarithm of the total.
    fn totals(&self) -> Sums {
        let sums = &self.seconds;
        Sums {
            at_hand: sums.at_hand.ln(),
            draws: sums.draws.iter().map(|sum| sum.ln()).collect(),
            variance: sums.variance / sums.at_hand.powi(2),
            variance_squares: sums.variance_squares / sums.at_hand.powi(4),
        }
    }

    /// The logarithm of the geometric mean.
    fn means(&self) -> Sums {
        let (sums, count) = (&self.logarithms, self.statements);
        Sums {
            at_hand: sums.at_hand / count,
            draws: sums.draws.iter().map(|sum| sum / count).collect(),
            variance: sums.variance / count.powi(2),
            variance_squares: sums.variance_squares / count.powi(4),
        }
    }
}

/// The interval of the ratio of the second run over the first.
fn suite_interval(sides: &[Side; 2], part: fn(&Side) -> Sums) -> Interval {
    let [baseline, other] = [part(&sides[0]), part(&sides[1])];
    let middle = other.at_hand - baseline.at_hand;
    let mut draws: Vec<f64> =
        other.draws.iter().zip(&baseline.draws).map(|(other, baseline)| other - baseline).collect();
    draws.sort_by(f64::total_cmp);
    let place = ((DRAWS + 1) as f64 * (1.0 - CONFIDENCE) / 2.0).round() as usize;
    let variance = baseline.variance + other.variance;
    let squares = baseline.variance_squares + other.variance_squares;
    let expansion = if squares > 0.0 { student_factor(variance * variance / squares) } else { 1.0 };
    let end = |drawn: f64| (middle + expansion * (drawn - middle)).exp();
    Interval { low: end(draws[place - 1]), high: end(draws[DRAWS - place]) }
}

/// How much wider 95% of Student's t are than 95% of the normal distribution: the first terms of formula 26.7.5 of
/// Abramowitz and Stegun's *Handbook of mathematical functions*, right to 1% from three degrees of freedom on.
fn student_factor(freedom: f64) -> f64 {
    let z = Z_SQUARED;
    let first = (z + 1.0) / 4.0;
    let second = (5.0 * z * z + 16.0 * z + 3.0) / 96.0;
    let third = (3.0 * z.powi(3) + 19.0 * z * z + 17.0 * z - 15.0) / 384.0;
    1.0 + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// How often each sample is in a new draw of as many.
fn draw_again(times_drawn: &mut [u32], random: &mut ChaCha8Rng) {
    let count = times_drawn.len() as u64;
    times_drawn.fill(0);
    for _ in 0..count {
        // The high half of 32 random bits times the count is a number below it.
        let sample = (u64::from(random.next_u32()) * count) >> 32;
        times_drawn[sample as usize] += 1;
    }
}

/// The median of ascending samples, each of which counts as often as it was drawn; as often as there are samples in
/// all.
fn drawn_median(ascending: &[f64], times_drawn: &[u32]) -> f64 {
    let at = |place: usize| {
        let mut seen = 0;
        let mut each = ascending.iter().zip(times_drawn);
        let found = each.find(|(_, times)| {
            seen += **times as usize;
            seen > place
        });
        found.map_or(f64::NAN, |(value, _)| *value)
    };
    let count = ascending.len();
    (at((count - 1) / 2) + at(count / 2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::run_file;
    use rand::Rng;

    fn run(times: &[(&str, Vec<f64>)]) -> Run {
        let samples = times.iter().flat_map(|(statement, seconds)| {
            (1..).zip(seconds).map(|(iteration, seconds)| SampleRow {
                statement: (*statement).to_owned(),
                iteration,
                planning_ns: Some(0),
                execute_ns: Some((seconds * 1e9) as u64),
                check: Some(Check::Verified),
                ..SampleRow::default()
            })
        });
        Run { folder: "x".into(), file: run_file(), samples: samples.collect() }
    }

    fn compare(baseline: &Run, other: &Run, aggregate: Aggregate) -> Comparison {
        let mut statements: Vec<String> = baseline.samples.iter().map(|sample| sample.statement.clone()).collect();
        statements.dedup();
        let thresholds = Thresholds::for_runs(statements.len());
        Comparison::unpaired(baseline, other, ["a", "b"], &statements, aggregate, thresholds)
    }

    /// Steady times around `middle`, all different.
    fn steady(middle: f64, count: usize) -> Vec<f64> {
        (0..count).map(|index| middle * (1.0 + 0.001 * ((index * 5) % count) as f64 - 0.0005 * count as f64)).collect()
    }

    #[track_caller]
    fn check_p(first: &[f64], second: &[f64], expected: f64) {
        let actual = greater_test(first, second);
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        let (by_choices, ranks) = (by_enumeration(first, second), DoubledRanks::of(first, second));
        assert!(
            (actual - by_choices).abs() < 1e-12,
            "{actual} is not {by_choices}, which all choices of {:?} give",
            ranks.all
        );
    }

    /// By making every choice of ranks.
    fn by_enumeration(first: &[f64], second: &[f64]) -> f64 {
        let ranks = DoubledRanks::of(first, second);
        let sum = |choice: u32| -> usize {
            (0..ranks.all.len()).filter(|bit| choice >> bit & 1 == 1).map(|bit| ranks.all[bit]).sum()
        };
        let choices = (0..1_u32 << ranks.all.len()).filter(|choice| choice.count_ones() as usize == second.len());
        let sums: Vec<usize> = choices.map(sum).collect();
        sums.iter().filter(|sum| **sum >= ranks.second_sum).count() as f64 / sums.len() as f64
    }

    #[test]
    fn exact_p_values() {
        check_p(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 1.0 / 20.0);
        check_p(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0], 1.0);
        // Tables of the test: of 4 and 4, a rank sum of 25 or more has 2 of 70 choices.
        check_p(&[1.0, 2.0, 3.0, 5.0], &[4.0, 6.0, 7.0, 8.0], 2.0 / 70.0);
        check_p(&[1.0, 2.0], &[3.0, 4.0, 5.0, 6.0, 7.0], 1.0 / 21.0);
        check_p(&[3.0, 4.0, 5.0, 6.0, 7.0], &[8.0], 1.0 / 6.0);
        assert_eq!((greater_test(&[], &[1.0]), greater_test(&[1.0], &[])), (1.0, 1.0));
    }

    #[test]
    fn equal_times_share_their_ranks() {
        check_p(&[1.0, 1.0], &[1.0, 1.0], 1.0);
        check_p(&[1.0, 2.0, 2.0], &[2.0, 3.0, 3.0], 3.0 / 20.0);
        check_p(&[1.0, 2.0, 2.0, 2.0], &[2.0, 2.0, 3.0, 3.0], 10.0 / 70.0);
    }

    #[test]
    fn many_samples_are_approximated_closely() {
        for shift in [-0.3, 0.0, 0.2, 0.4] {
            // Moved steps on a grid, so that there are ties.
            let first: Vec<f64> = (0..25).map(|index| f64::from((index * 37) % 101 / 10)).collect();
            let second: Vec<f64> =
                (0..25).map(|index| (f64::from((index * 53) % 97) / 10.0 + 10.0 * shift).floor()).collect();
            let ranks = DoubledRanks::of(&first, &second);
            let (exact, approximate) = (ranks.exact_tail(), ranks.normal_approximation());
            assert!((exact - approximate).abs() < 1e-3 + exact / 50.0, "{shift}: {exact} {approximate}");
        }
        assert!(greater_test(&[1.0; 40], &[2.0; 40]) < 1e-6);
        assert_eq!(greater_test(&[1.0; 40], &[1.0; 40]), 1.0);
    }

    #[track_caller]
    fn check_least(tests: usize, expected: usize) {
        let count = least_samples(tests, 0.05);
        assert_eq!(count, expected);
        let smallest = minimum_effect_test(&vec![0.0; count], &vec![1.0; count], 0.1);
        assert!(smallest * tests as f64 <= 0.05, "{smallest}");
    }

    #[test]
    fn least_samples_can_be_significant() {
        check_least(0, 6);
        check_least(1, 6);
        check_least(23, 6);
        check_least(24, 7);
        check_least(85, 7);
        check_least(86, 8);
        check_least(104, 8);
        check_least(1000, 9);
    }

    #[track_caller]
    fn check_verdict(baseline: Vec<f64>, other: Vec<f64>, expected: Verdict) {
        let (baseline, other) = (run(&[("q1", baseline)]), run(&[("q1", other)]));
        let comparison = compare(&baseline, &other, Aggregate::Median);
        assert_eq!(comparison.statements[0].finding, Finding::Times(expected), "{comparison:?}");
    }

    #[test]
    fn verdicts_of_statements() {
        check_verdict(steady(1.0, 6), steady(1.1, 6), Verdict::Slower);
        check_verdict(steady(1.0, 6), steady(0.9, 6), Verdict::Faster);
        check_verdict(steady(1.0, 6), steady(1.0, 6), Verdict::Same);
        check_verdict(steady(1.0, 6), steady(1.02, 6), Verdict::Same);
        // More than the least change, but not by more than the noise; fewer samples than it takes.
        check_verdict(steady(1.0, 6), steady(1.033, 6), Verdict::Undecided);
        check_verdict(steady(1.0, 5), steady(9.0, 6), Verdict::Undecided);
    }

    #[test]
    fn three_samples_tell_of_the_suite_but_of_no_statement() {
        let times = |factor: f64, count| run(&[("q1", steady(factor, count)), ("q2", steady(factor * 2.0, count))]);
        let comparison = compare(&times(1.0, 3), &times(1.5, 3), Aggregate::Median);
        assert_eq!(comparison.count(Verdict::Undecided), 2);
        assert!(
            comparison.statements.iter().all(|statement| statement.interval.is_none() && statement.sample_count == 3)
        );
        for suite in [comparison.total, comparison.geomean] {
            let suite = suite.expect("both count");
            assert_eq!(suite.verdict, Verdict::Slower);
            assert!(
                (suite.ratio - 1.5).abs() < 1e-9 && suite.interval.is_some_and(|i| i.low < 1.5 && i.high > 1.5),
                "{suite:?}"
            );
        }
        let fewer = compare(&times(1.0, 3), &times(1.5, 2), Aggregate::Median).total.expect("both count");
        assert_eq!((fewer.interval, fewer.verdict), (None, Verdict::Undecided));
    }

    #[test]
    fn other_aggregates_give_ratios_alone() {
        let (baseline, other) = (run(&[("q1", steady(1.0, 8))]), run(&[("q1", steady(2.0, 8))]));
        for aggregate in [Aggregate::Min, Aggregate::Mean, Aggregate::Aws] {
            let comparison = compare(&baseline, &other, aggregate);
            let (statement, total) = (&comparison.statements[0], comparison.total.expect("it counts"));
            assert!(statement.ratio.is_some_and(|ratio| (ratio - 2.0).abs() < 1e-6), "{statement:?}");
            assert_eq!((statement.interval, &statement.finding), (None, &Finding::Times(Verdict::Undecided)));
            assert_eq!((total.interval, total.verdict), (None, Verdict::Undecided));
        }
    }

    #[test]
    fn what_is_lost_or_missing_counts_for_nothing() {
        let baseline = run(&[("q1", steady(1.0, 8)), ("q2", steady(1.0, 8)), ("q3", Vec::new())]);
        let mut other = run(&[("q1", steady(1.0, 8)), ("q2", steady(0.1, 8)), ("q3", steady(1.0, 8))]);
        other.samples[9].check = Some(Check::Wrong);
        let statements = ["q1", "q2", "q3"].map(str::to_owned);
        let thresholds = Thresholds::for_runs(3);
        let found = Comparison::unpaired(&baseline, &other, ["a", "b"], &statements, Aggregate::Median, thresholds);
        assert_eq!((found.counted(), &found.statements[2].finding), (1, &Finding::Nothing));
        assert_eq!(found.statements[1].finding, Finding::OtherLost("wrong answer: no message".to_owned()));
        assert!(found.total.is_some_and(|total| (total.ratio - 1.0).abs() < 1e-9));
        let nothing = Comparison::unpaired(&baseline, &other, ["a", "b"], &[], Aggregate::Median, thresholds);
        assert_eq!((nothing.total, nothing.geomean), (None, None));
    }

    #[test]
    fn the_same_samples_give_the_same_figures() {
        let (baseline, other) = (run(&[("q1", steady(1.0, 7))]), run(&[("q1", steady(1.2, 9))]));
        let compare = || compare(&baseline, &other, Aggregate::Median);
        assert_eq!(compare(), compare());
    }

    #[test]
    fn the_reader_is_told_what_cannot_be_known() {
        let at = |time: &str| {
            let mut run = run(&[]);
            run.file.started_at = time.to_owned();
            run
        };
        let told =
            |time: &str| limits_of_unpaired(&at("2026-01-02T03:04:05Z"), &[&at("2026-01-02T03:04:05Z"), &at(time)]);
        assert!(told("2026-01-02T06:16:05.123Z").starts_with("the runs began 3 h 12 min apart"));
        assert!(told("2026-01-01T00:00:00Z").starts_with("the runs began 27 h 4 min apart"));
        assert!(told("2025-12-02T03:04:05Z").starts_with("the runs began 31 days apart"));
        assert!(told("2026-01-02T03:04:06Z").contains("less than a minute apart"));
        let unknown = limits_of_unpaired(&at("yesterday"), &[&at("today")]);
        assert!(
            unknown.starts_with("when the runs began is not known") && unknown.contains("`dsbench ab`"),
            "{unknown}"
        );
    }

    // What follows is a simulated machine: every statement has a time and a noise of its own with heavy tails, and
    // what disturbs one sample is partly still there at the next.

    fn even(random: &mut ChaCha8Rng) -> f64 {
        random.random_range(f64::EPSILON..1.0)
    }

    fn normal(random: &mut ChaCha8Rng) -> f64 {
        (-2.0 * even(random).ln()).sqrt() * (std::f64::consts::TAU * even(random)).cos()
    }

    /// A run of `statements` statements with `count` samples each, all times multiplied by `factor`.
    fn simulated(random: &mut ChaCha8Rng, statements: usize, count: usize, factor: impl Fn(usize) -> f64) -> Run {
        let names: Vec<String> = (0..statements).map(|index| format!("q{}", index + 1)).collect();
        let mut times = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let noise = 0.01 * (1 + index % 8) as f64;
            let mut carried = 0.0;
            let mut sample = || {
                // Student's t with 3 degrees of freedom, made to have a standard deviation of 1.
                let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
                let shock = normal(random) / (squares / 3.0).sqrt() / 3_f64.sqrt();
                carried = 0.2 * carried + noise * shock;
                0.05 * (1.0 + index as f64) * factor(index) * f64::exp(carried)
            };
            times.push((name.as_str(), (0..count).map(|_| sample()).collect()));
        }
        run(&times)
    }

    /// In how many of so many experiments anything is called a change, and how many statements are.
    fn changes_called(experiments: usize, count: usize, factor: fn(usize) -> f64) -> (usize, usize) {
        let mut random = ChaCha8Rng::seed_from_u64(11 + count as u64);
        let (mut alarms, mut statements) = (0, 0);
        for _ in 0..experiments {
            let baseline = simulated(&mut random, 26, count, |_| 1.0);
            let other = simulated(&mut random, 26, count, factor);
            let comparison = compare(&baseline, &other, Aggregate::Median);
            let of_statements = comparison.count(Verdict::Faster) + comparison.count(Verdict::Slower);
            let suite = [comparison.total, comparison.geomean];
            let of_suite = suite.iter().flatten().any(|suite| suite.verdict.is_change());
            alarms += usize::from(of_suite || of_statements > 0);
            statements += of_statements;
        }
        (alarms, statements)
    }

    #[test]
    fn without_a_change_none_is_called() {
        for count in [3, 7, 10] {
            let (alarms, _) = changes_called(60, count, |_| 1.0);
            assert!(alarms < 3, "{alarms} of 60 experiments with {count} samples");
        }
    }

    #[test]
    fn a_change_is_called() {
        // Two of the 26 statements, with noises of 1% and 2%.
        let (_, found) = changes_called(40, 10, |index| if index < 2 { 1.10 } else { 1.0 });
        assert!((60..=84).contains(&found), "{found} of 80");
    }

    /// What the output warns of: the machine itself became slower from one run to the next, and no sample tells.
    #[test]
    fn a_drift_between_the_runs_looks_like_a_change() {
        let (alarms, _) = changes_called(20, 10, |_| 1.08);
        assert_eq!(alarms, 20);
    }

    #[test]
    fn intervals_hold_the_true_ratio() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for count in [3, 6, 10] {
            let (mut held, mut statements, mut suites) = ([0, 0, 0], 0, 0);
            for _ in 0..100 {
                let runs = [1.0, 1.2].map(|factor| simulated(&mut random, 12, count, |_| factor));
                let comparison = compare(&runs[0], &runs[1], Aggregate::Median);
                let holds = |interval: Option<Interval>| interval.is_some_and(|i| i.low <= 1.2 && 1.2 <= i.high);
                held[0] += comparison.statements.iter().filter(|statement| holds(statement.interval)).count();
                statements += comparison.statements.iter().filter(|statement| statement.interval.is_some()).count();
                held[1] += usize::from(holds(comparison.total.and_then(|total| total.interval)));
                held[2] += usize::from(holds(comparison.geomean.and_then(|geomean| geomean.interval)));
                suites += 1;
            }
            let share = |held: usize, of: usize| held as f64 / of as f64;
            assert!(statements == 0 || share(held[0], statements) > 0.93, "{count} samples: {held:?} of {statements}");
            // 100 experiments are right to about 2%.
            assert!(
                share(held[1], suites) > 0.91 && share(held[2], suites) > 0.91,
                "{count} samples: {held:?} of {suites}"
            );
        }
    }
}

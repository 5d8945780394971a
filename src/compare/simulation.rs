//! Whole A/B comparisons on a simulated machine: how often nothing is called a change, and a change is not.
//!
//! ```text
//! statement 1   A B   B A                     statement 1   B A   A B
//! statement 2              A B   B A          statement 2              B A   A B          …
//! statement 3                       A B   B A    (narrow enough: no more samples)
//!               └──────── round 1 ─────────┘               └────── round 2 ──────┘
//! ```
//!
//! The samples go through the same functions as real ones: the rule that ends a statement, the test, the interval, the
//! verdicts, the totals. The machine does what makes real comparisons err: its speed drifts (a random walk, a slope and a
//! wave), the noise of one sample is half there in the next, it has heavy tails (Student's t with three degrees of freedom),
//! one sample in a hundred is held up to 1.5 to 3 times its time, and the second sample of a pair finds things warm and is 1%
//! faster.
//!
//! The blocks of a statement are ABBA and BAAB in turn. The first sample of a block follows another statement and finds the
//! processor's caches full of that one's data: were it always a sample of side a, this would look like a change. A test shows
//! it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::overall::{Overall, overall};
use super::paired::{PairedRatio, is_narrow, level_order, log_ratios};
use super::verdict::{Thresholds, Verdict, verdicts};
use crate::results::Spread;
use crate::results::inference::Interval;

/// How a machine disturbs samples. Shares of a sample's time, unless told.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// How much of a sample's noise, as a share of it, is still there in the next one.
    autocorrelation: f64,
    /// The standard deviation of the drift's random step from one sample to the next.
    drift_step: f64,
    /// The steady part of the drift from one sample to the next.
    drift_slope: f64,
    /// The height of the wave in the drift, which is 500 samples long.
    drift_wave: f64,
    /// How probable it is that something else holds up a sample.
    spikes: f64,
    /// How much faster the second sample of a pair is.
    second_of_pair: f64,
    /// How much slower the first sample of a block is.
    first_of_block: f64,
}

const MACHINE: Machine = Machine {
    autocorrelation: 0.5,
    drift_step: 2e-4,
    drift_slope: 1e-5,
    drift_wave: 0.03,
    spikes: 0.01,
    second_of_pair: 0.01,
    first_of_block: 0.0,
};

/// Standard deviations of the noise of the quietest and of the loudest statement.
const NOISE: [f64; 2] = [0.01, 0.08];

/// A machine while it runs.
struct Running {
    machine: Machine,
    random: ChaCha8Rng,
    samples: f64,
    walked: f64,
    noise: f64,
}

impl Running {
    fn new(machine: Machine, seed: u64) -> Self {
        Self { machine, random: ChaCha8Rng::seed_from_u64(seed), samples: 0.0, walked: 0.0, noise: 0.0 }
    }

    fn even(&mut self) -> f64 {
        self.random.random_range(f64::EPSILON..1.0)
    }

    /// Box and Muller's way.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos()
    }

    /// Student's t with three degrees of freedom, scaled to a standard deviation of 1.
    fn heavy_tailed(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / squares.sqrt()
    }

    /// The seconds that the next sample takes, at one of the four places in a block.
    fn sample(&mut self, statement: Statement, place: usize) -> f64 {
        let machine = self.machine;
        self.samples += 1.0;
        self.walked += machine.drift_step * self.normal();
        let wave = machine.drift_wave * (self.samples / 500.0 * std::f64::consts::TAU).sin();
        let drift = self.walked + machine.drift_slope * self.samples + wave;
        let fresh = (1.0 - machine.autocorrelation.powi(2)).sqrt() * self.heavy_tailed();
        self.noise = machine.autocorrelation * self.noise + fresh;
        let placed = match place {
            0 => machine.first_of_block,
            1 | 3 => -machine.second_of_pair,
            _ => 0.0,
        };
        let spike = if self.even() < machine.spikes { self.random.random_range(1.5..3.0) } else { 1.0 };
        statement.seconds * spike * (drift + statement.noise * self.noise + placed).exp()
    }
}

/// What a statement takes on an undisturbed machine, and how much its times spread.
#[derive(Debug, Clone, Copy)]
struct Statement {
    seconds: f64,
    noise: f64,
}

/// Statements whose times differ a hundredfold, and whose noise is anywhere between the quietest and the loudest.
fn statements(count: usize, running: &mut Running) -> Vec<Statement> {
    let [low, high] = NOISE;
    let mut statement =
        || Statement { seconds: (1.2 * running.normal()).exp(), noise: low * f64::powf(high / low, running.even()) };
    (0..count).map(|_| statement()).collect()
}

/// A comparison of two sides.
#[derive(Debug, Clone, Copy)]
struct Experiment {
    machine: Machine,
    statements: usize,
    /// So many of the statements take longer on side b,
    changed: usize,
    /// by this share.
    change: f64,
    thresholds: Thresholds,
    most_pairs: usize,
    /// Whether every other block is BAAB.
    alternates: bool,
    /// Whether what the order within a pair does is taken out.
    levels_order: bool,
}

impl Experiment {
    fn new(statements: usize) -> Self {
        Self {
            machine: MACHINE,
            statements,
            changed: 0,
            change: 0.0,
            thresholds: Thresholds::for_tests(statements),
            most_pairs: 40,
            alternates: true,
            levels_order: true,
        }
    }

    fn with_change(self, changed: usize, change: f64) -> Self {
        Self { changed, change, ..self }
    }

    fn with_precision(self, precision: f64, most_pairs: usize) -> Self {
        Self { thresholds: Thresholds { precision, ..self.thresholds }, most_pairs, ..self }
    }

    fn true_ratio(&self, index: usize) -> f64 {
        if index < self.changed { 1.0 + self.change } else { 1.0 }
    }

    fn run(&self, seed: u64) -> Outcome {
        let mut running = Running::new(self.machine, seed);
        let statements = statements(self.statements, &mut running);
        let mut samples = vec![Samples::default(); self.statements];
        let mut open: Vec<usize> = (0..self.statements).collect();
        while !open.is_empty() {
            for &index in &open {
                self.block(index, statements[index], &mut running, &mut samples[index]);
            }
            open.retain(|&index| !self.is_done(&samples[index]));
        }
        let pairs: Vec<_> = samples.iter().map(|samples| self.pairs(samples)).collect();
        Outcome::of(self, &statements, &pairs)
    }

    /// Two pairs, ABBA or BAAB.
    fn block(&self, index: usize, statement: Statement, running: &mut Running, samples: &mut Samples) {
        let other = Statement { seconds: statement.seconds * self.true_ratio(index), ..statement };
        let is_reversed = self.alternates && samples.pairs.len() / 2 % 2 == 1;
        for (place, baseline_first) in [(0, !is_reversed), (2, is_reversed)] {
            let [first, second] = if baseline_first { [statement, other] } else { [other, statement] };
            let [first, second] = [running.sample(first, place), running.sample(second, place + 1)];
            samples.pairs.push(if baseline_first { (first, second) } else { (second, first) });
            samples.baseline_first.push(baseline_first);
        }
    }

    fn pairs(&self, samples: &Samples) -> Vec<(f64, f64)> {
        if self.levels_order { level_order(&samples.pairs, &samples.baseline_first) } else { samples.pairs.clone() }
    }

    fn is_done(&self, samples: &Samples) -> bool {
        samples.pairs.len() >= self.most_pairs || is_narrow(&log_ratios(&self.pairs(samples)), &self.thresholds)
    }
}

/// What is measured of a statement.
#[derive(Debug, Clone, Default)]
struct Samples {
    pairs: Vec<(f64, f64)>,
    baseline_first: Vec<bool>,
}

/// What a comparison says.
struct Outcome {
    ratios: Vec<PairedRatio>,
    verdicts: Vec<Verdict>,
    overall: Overall,
    true_total: f64,
    true_geometric_mean: f64,
}

impl Outcome {
    fn of(experiment: &Experiment, statements: &[Statement], pairs: &[Vec<(f64, f64)>]) -> Self {
        let ratios: Vec<PairedRatio> =
            pairs.iter().map(|pairs| PairedRatio::of(pairs, &experiment.thresholds).expect("pairs")).collect();
        let total = |ratio: &dyn Fn(usize) -> f64| -> f64 {
            statements.iter().enumerate().map(|(index, statement)| statement.seconds * ratio(index)).sum()
        };
        let changed_share = experiment.changed as f64 / experiment.statements as f64;
        Self {
            verdicts: verdicts(&ratios, &experiment.thresholds),
            overall: overall(pairs, &experiment.thresholds).expect("pairs"),
            ratios,
            true_total: total(&|index| experiment.true_ratio(index)) / total(&|_| 1.0),
            true_geometric_mean: (1.0 + experiment.change).powf(changed_share),
        }
    }

    fn calls_a_change(&self) -> bool {
        let overall = [self.overall.totals.verdict, self.overall.geometric_means.verdict];
        self.verdicts.iter().chain(&overall).any(|verdict| verdict.is_change())
    }

    /// How many changed statements are called slower, and how many calls are wrong.
    fn found_and_wrong(&self, experiment: &Experiment) -> (usize, usize) {
        let is_right = |index: usize, verdict: &Verdict| index < experiment.changed && *verdict == Verdict::Slower;
        let called = || self.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.is_change());
        let found = called().filter(|(index, verdict)| is_right(*index, verdict)).count();
        (found, called().count() - found)
    }

    /// How many of the statements' intervals hold the truth.
    fn held(&self, experiment: &Experiment) -> usize {
        let is_held = |(index, ratio): &(usize, &PairedRatio)| {
            let truth = experiment.true_ratio(*index);
            ratio.interval.is_some_and(|interval| interval.low <= truth && truth <= interval.high)
        };
        self.ratios.iter().enumerate().filter(is_held).count()
    }
}

/// What is often done: all of side a, then all of side b, three samples of a statement in a row, and a median that differs by
/// more than 5% is a change. How many statements are called changed if there is none, and the ratio of the totals of medians.
fn naive_comparison(count: usize, seed: u64) -> (usize, f64) {
    let mut running = Running::new(MACHINE, seed);
    let statements = statements(count, &mut running);
    let mut side = || -> Vec<f64> {
        let median = |statement: &Statement| {
            let samples = [0, 2, 2].map(|place| running.sample(*statement, place));
            Spread::of(&samples).expect("samples").median
        };
        statements.iter().map(median).collect()
    };
    let (baseline, other) = (side(), side());
    let called = baseline.iter().zip(&other).filter(|(a, b)| (*b / *a - 1.0).abs() > 0.05).count();
    (called, other.iter().sum::<f64>() / baseline.iter().sum::<f64>())
}

fn outcomes(experiment: &Experiment, count: u64) -> Vec<Outcome> {
    (0..count).map(|seed| experiment.run(seed)).collect()
}

/// Of what share of the outcomes it is true.
fn share(outcomes: &[Outcome], is_true: impl Fn(&Outcome) -> bool) -> f64 {
    outcomes.iter().filter(|outcome| is_true(outcome)).count() as f64 / outcomes.len() as f64
}

/// Which share of the changed statements is found, and which share of the calls is wrong, in the mean of the experiments.
fn found_and_wrong_shares(experiment: &Experiment, outcomes: &[Outcome]) -> (f64, f64) {
    let counts: Vec<_> = outcomes.iter().map(|outcome| outcome.found_and_wrong(experiment)).collect();
    let found: usize = counts.iter().map(|count| count.0).sum();
    let wrong: f64 = counts.iter().map(|(found, wrong)| *wrong as f64 / (found + wrong).max(1) as f64).sum();
    (found as f64 / (experiment.changed * outcomes.len()) as f64, wrong / outcomes.len() as f64)
}

#[track_caller]
fn check_false_alarms(name: &str, experiment: &Experiment, count: u64) {
    let share = share(&outcomes(experiment, count), Outcome::calls_a_change);
    assert!(share < 0.05, "{name}: {share}");
}

#[test]
fn without_a_difference_fewer_than_five_in_a_hundred_find_one() {
    for (statements, count) in [(1, 300), (3, 200), (24, 60), (104, 10)] {
        check_false_alarms(&format!("{statements} statements"), &Experiment::new(statements), count);
    }
    let machines = [
        ("independent noise", Machine { autocorrelation: 0.0, ..MACHINE }),
        ("long noise", Machine { autocorrelation: 0.9, ..MACHINE }),
        ("fast drift", Machine { drift_step: 1e-3, drift_slope: 5e-5, drift_wave: 0.15, ..MACHINE }),
        ("one sample in ten held up", Machine { spikes: 0.1, ..MACHINE }),
        ("warm second samples", Machine { second_of_pair: 0.05, ..MACHINE }),
        ("cold first samples", Machine { first_of_block: 0.03, ..MACHINE }),
    ];
    for (name, machine) in machines {
        check_false_alarms(name, &Experiment { machine, ..Experiment::new(12) }, 40);
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let experiment = Experiment::new(24).with_change(12, 0.05);
    let outcomes = outcomes(&experiment, 80);
    let held: usize = outcomes.iter().map(|outcome| outcome.held(&experiment)).sum();
    let held_share = held as f64 / (24 * outcomes.len()) as f64;
    assert!((0.92..0.98).contains(&held_share), "{held_share}");
    let is_in = |interval: Interval, truth: f64| interval.low <= truth && truth <= interval.high;
    let totals = share(&outcomes, |o| is_in(o.overall.totals.interval, o.true_total));
    let means = share(&outcomes, |o| is_in(o.overall.geometric_means.interval, o.true_geometric_mean));
    assert!(totals > 0.88 && means > 0.88, "{totals} {means}");
}

/// A precision of 2% is for finding changes of 5% and more; what a statement hides, the totals still show.
#[test]
fn a_change_of_3_percent_at_a_precision_of_2_percent() {
    let everywhere = Experiment::new(30).with_change(30, 0.03);
    let outcomes_everywhere = outcomes(&everywhere, 20);
    let slower = |o: &Outcome| [o.overall.totals.verdict, o.overall.geometric_means.verdict] == [Verdict::Slower; 2];
    assert!(share(&outcomes_everywhere, slower) > 0.9);
    let (found, wrong) = found_and_wrong_shares(&everywhere, &outcomes_everywhere);
    assert!((0.7..0.95).contains(&found) && wrong == 0.0, "{found} {wrong}");
    let some = Experiment::new(30).with_change(3, 0.03);
    let (found, wrong) = found_and_wrong_shares(&some, &outcomes(&some, 40));
    assert!((0.3..0.75).contains(&found) && wrong < 0.05, "{found} {wrong}");
}

#[test]
fn a_change_of_3_percent_at_a_precision_of_1_percent() {
    let experiment = Experiment::new(10).with_change(3, 0.03).with_precision(0.01, 200);
    let (found, wrong) = found_and_wrong_shares(&experiment, &outcomes(&experiment, 10));
    assert!(found > 0.8 && wrong < 0.1, "{found} {wrong}");
}

#[test]
fn blocks_that_always_begin_with_one_side_would_find_a_change() {
    let machine = Machine { first_of_block: 0.03, ..MACHINE };
    let alternating = Experiment { machine, ..Experiment::new(12) };
    let one_sided = Experiment { alternates: false, ..alternating };
    assert!(share(&outcomes(&alternating, 30), Outcome::calls_a_change) < 0.05);
    assert!(share(&outcomes(&one_sided, 30), Outcome::calls_a_change) > 0.5);
}

#[test]
fn warm_second_samples_would_leave_nearly_everything_undecided() {
    let machine = Machine { second_of_pair: 0.05, ..MACHINE };
    let leveled = Experiment { machine, ..Experiment::new(12) };
    let as_measured = Experiment { levels_order: false, ..leveled };
    let undecided = |experiment: &Experiment| {
        let verdicts: Vec<_> = outcomes(experiment, 10).into_iter().flat_map(|outcome| outcome.verdicts).collect();
        verdicts.iter().filter(|verdict| **verdict == Verdict::Undecided).count() as f64 / verdicts.len() as f64
    };
    let (leveled, as_measured) = (undecided(&leveled), undecided(&as_measured));
    assert!(leveled < 0.3 && as_measured > 0.8, "{leveled} {as_measured}");
}

#[test]
fn one_side_after_the_other_finds_changes_everywhere() {
    let comparisons: Vec<_> = (0..100).map(|seed| naive_comparison(104, seed)).collect();
    let called = comparisons.iter().map(|(called, _)| *called).sum::<usize>() as f64 / 100.0;
    assert!(comparisons.iter().all(|(called, _)| *called > 0), "{called}");
    assert!((20.0..50.0).contains(&called), "{called}");
    let totals_off = comparisons.iter().filter(|(_, ratio)| (ratio - 1.0).abs() > 0.01).count();
    assert!(totals_off > 40, "{totals_off}");
}

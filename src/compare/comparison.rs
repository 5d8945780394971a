//! A side against the baseline: every statement, and the suite.
//!
//! A side that fails or gives wrong rows loses the statement, however fast it was; such statements are in no total.

use super::paired::PairedRatio;
use super::{Thresholds, Verdict, overall, pairing, verdict};
use crate::results::format::{Check, SampleRow};
use crate::results::inference::Interval;
use crate::results::{Run, Spread, geometric_mean};

/// How the samples of the two sides belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// They were taken next to each other, one of each.
    Paired,
    /// They are of runs by themselves.
    Unpaired,
}

/// What is found of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Both sides gave rows that are not wrong.
    Times(Verdict),
    /// The other side failed or was wrong, in these words, and the baseline was not.
    OtherLost(String),
    /// The baseline failed or was wrong, and the other side was not.
    BaselineLost(String),
    /// Both failed or were wrong.
    BothLost(String),
    /// There is nothing to compare yet.
    Nothing,
}

impl Finding {
    /// The verdict on the times, if they can be compared.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Times(verdict) => Some(*verdict),
            _ => None,
        }
    }
}

/// One statement on two sides.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementComparison {
    /// The statement.
    pub statement: String,
    /// The median of the baseline's samples that count.
    pub baseline_seconds: Option<f64>,
    /// The median of the other side's.
    pub other_seconds: Option<f64>,
    /// The other side's time over the baseline's.
    pub ratio: Option<f64>,
    /// Where the ratio is with a confidence of 95%.
    pub interval: Option<Interval>,
    /// How many pairs that is made from, or, without pairs, how many samples of the side that has fewer.
    pub sample_count: usize,
    /// What is found.
    pub finding: Finding,
}

/// The suite on two sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SuiteComparison {
    /// The baseline's figure.
    pub baseline_seconds: f64,
    /// The other side's.
    pub other_seconds: f64,
    /// The other side's over the baseline's.
    pub ratio: f64,
    /// Where the ratio is with a confidence of 95%.
    pub interval: Option<Interval>,
    /// What may be said of it.
    pub verdict: Verdict,
}

/// A side against the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the baseline is called.
    pub baseline: String,
    /// What the other side is called.
    pub other: String,
    /// How the samples belong together.
    pub pairing: Pairing,
    /// Each statement in the suite's order.
    pub statements: Vec<StatementComparison>,
    /// The sum over the statements that both sides ran well; nothing if there are none.
    pub total: Option<SuiteComparison>,
    /// The geometric mean over them.
    pub geomean: Option<SuiteComparison>,
    /// By which rules.
    pub thresholds: Thresholds,
}

impl Comparison {
    /// The statements that the total is made of.
    pub fn counted(&self) -> usize {
        self.statements.iter().filter(|statement| statement.finding.verdict().is_some()).count()
    }

    /// How many statements have that verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.statements.iter().filter(|statement| statement.finding.verdict() == Some(verdict)).count()
    }

    /// Of two sides of an A/B.
    pub fn paired(baseline: &Run, other: &Run, names: [&str; 2], thresholds: Thresholds) -> Self {
        let mut statements = Vec::new();
        let mut all_pairs = Vec::new();
        let mut ratios = Vec::new();
        for statement in &baseline.file.plan.statements {
            let [ours, theirs] = [baseline, other].map(|run| samples(run, statement));
            let pairs = pairing::pairs(ours.iter().copied(), theirs.iter().copied());
            let finding = lost(&ours, &theirs);
            let levelled = pairs.levelled();
            let ratio = PairedRatio::of(&levelled, &thresholds).filter(|_| finding.is_none());
            let median = |of: fn(&(f64, f64)) -> f64| Spread::of(&pairs.seconds.iter().map(of).collect::<Vec<_>>());
            statements.push(StatementComparison {
                statement: statement.clone(),
                baseline_seconds: median(|pair| pair.0).map(|spread| spread.median),
                other_seconds: median(|pair| pair.1).map(|spread| spread.median),
                ratio: ratio.map(|ratio| ratio.ratio),
                interval: ratio.and_then(|ratio| ratio.interval),
                sample_count: pairs.count(),
                finding: finding.unwrap_or(Finding::Nothing),
            });
            if let Some(ratio) = ratio {
                ratios.push(ratio);
                all_pairs.push(levelled);
            }
        }
        let mut verdicts = verdict::verdicts(&ratios, &thresholds).into_iter();
        for statement in statements.iter_mut().filter(|statement| statement.ratio.is_some()) {
            statement.finding = Finding::Times(verdicts.next().unwrap_or(Verdict::Undecided));
        }
        let overall = overall::overall(&all_pairs, &thresholds);
        let suite = |of: fn(&[f64]) -> f64, ratio: overall::OverallRatio| {
            let [baseline_seconds, other_seconds] = suite_seconds(&statements).map(|seconds| of(&seconds));
            let (ratio, interval, verdict) = (ratio.ratio, Some(ratio.interval), ratio.verdict);
            SuiteComparison { baseline_seconds, other_seconds, ratio, interval, verdict }
        };
        let [baseline, other] = names.map(str::to_owned);
        Self {
            baseline,
            other,
            pairing: Pairing::Paired,
            total: overall.map(|overall| suite(|seconds| seconds.iter().sum(), overall.totals)),
            geomean: overall.map(|overall| suite(geometric_mean, overall.geometric_means)),
            statements,
            thresholds,
        }
    }
}

/// The times of both sides over the statements that count.
pub(super) fn suite_seconds(statements: &[StatementComparison]) -> [Vec<f64>; 2] {
    let counted = || statements.iter().filter(|statement| statement.ratio.is_some());
    [
        counted().filter_map(|statement| statement.baseline_seconds).collect(),
        counted().filter_map(|statement| statement.other_seconds).collect(),
    ]
}

/// The samples of one statement.
pub(super) fn samples<'a>(run: &'a Run, statement: &str) -> Vec<&'a SampleRow> {
    run.samples.iter().filter(|sample| sample.statement == statement).collect()
}

/// What became of a statement that at least one side failed, or answered wrongly.
pub(super) fn lost(baseline: &[&SampleRow], other: &[&SampleRow]) -> Option<Finding> {
    match (first_failure(baseline), first_failure(other)) {
        (None, None) => None,
        (None, Some(words)) => Some(Finding::OtherLost(words)),
        (Some(words), None) => Some(Finding::BaselineLost(words)),
        (Some(words), Some(_)) => Some(Finding::BothLost(words)),
    }
}

/// The first thing that went wrong, in words.
fn first_failure(samples: &[&SampleRow]) -> Option<String> {
    let message = |sample: &SampleRow| sample.message.clone().unwrap_or_else(|| "no message".to_owned());
    samples.iter().find_map(|sample| match (&sample.error_class, sample.check) {
        (Some(class), _) => Some(format!("{class}: {}", message(sample))),
        (None, Some(Check::Wrong)) => Some(format!("wrong answer: {}", message(sample))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::Phase;
    use crate::results::test_support::run_file;

    fn samples_of(statement: &str, milliseconds: &[u64]) -> Vec<SampleRow> {
        let sample = |(iteration, time): (u32, &u64)| SampleRow {
            statement: statement.to_owned(),
            iteration,
            phase: Phase::Measured,
            planning_ns: Some(0),
            execute_ns: Some(time * 1_000_000),
            check: Some(Check::Verified),
            ..SampleRow::default()
        };
        (1..).zip(milliseconds).map(sample).collect()
    }

    fn run(samples: Vec<SampleRow>) -> Run {
        Run { folder: "x".into(), file: run_file(), samples }
    }

    fn compare(baseline: Vec<SampleRow>, other: Vec<SampleRow>) -> Comparison {
        let thresholds = Thresholds { least_pairs: 12, ..Thresholds::for_tests(3) };
        Comparison::paired(&run(baseline), &run(other), ["a", "b"], thresholds)
    }

    /// `q1`'s verdict, and how many statements count.
    #[track_caller]
    fn check(baseline: &[u64], other: &[u64], expected: Finding, counted: usize) {
        let comparison = compare(samples_of("q1", baseline), samples_of("q1", other));
        assert_eq!((&comparison.statements[0].finding, comparison.counted()), (&expected, counted));
    }

    const STEADY: [u64; 14] = [1000, 1003, 998, 1001, 1000, 997, 1002, 1000, 999, 1001, 1004, 998, 1000, 1001];

    #[test]
    fn times_are_compared_where_both_sides_have_them() {
        let slower: Vec<u64> = STEADY.iter().rev().map(|time| time * 11 / 10).collect();
        check(&STEADY, &STEADY, Finding::Times(Verdict::Same), 1);
        check(&STEADY, &slower, Finding::Times(Verdict::Slower), 1);
        check(&slower, &STEADY, Finding::Times(Verdict::Faster), 1);
        check(&STEADY[..11], &slower, Finding::Times(Verdict::Undecided), 1);
        check(&[], &[], Finding::Nothing, 0);
        check(&STEADY, &[], Finding::Nothing, 0);
    }

    #[test]
    fn the_suite_is_over_what_both_sides_ran_well() {
        let twice: Vec<u64> = STEADY.iter().map(|time| time * 2).collect();
        let mut baseline = [samples_of("q1", &STEADY), samples_of("q2", &STEADY)].concat();
        baseline.extend(samples_of("q3", &STEADY));
        let mut other = [samples_of("q1", &STEADY), samples_of("q2", &twice)].concat();
        other.extend(samples_of("q3", &STEADY));
        let last = other.len() - 1;
        other[last].check = Some(Check::Wrong);
        other[last].message = Some("3 rows instead of 4".to_owned());
        let comparison = compare(baseline, other);
        assert_eq!(
            comparison.statements[2].finding,
            Finding::OtherLost("wrong answer: 3 rows instead of 4".to_owned())
        );
        let total = comparison.total.expect("two statements count");
        assert_eq!((comparison.counted(), total.verdict), (2, Verdict::Slower));
        assert!((total.ratio - 1.5).abs() < 0.01, "{total:?}");
        let geomean = comparison.geomean.expect("two statements count");
        assert!((geomean.ratio - 2_f64.sqrt()).abs() < 0.01, "{geomean:?}");
    }

    #[test]
    fn who_fails_loses() {
        let fail = |class: &str| {
            let mut samples = samples_of("q1", &STEADY[..2]);
            samples[1].error_class = Some(class.to_owned());
            samples[1].message = Some("so".to_owned());
            samples
        };
        let well = || samples_of("q1", &STEADY[..2]);
        let finding = |baseline, other| compare(baseline, other).statements[0].finding.clone();
        assert_eq!(finding(fail("io"), well()), Finding::BaselineLost("io: so".to_owned()));
        assert_eq!(finding(well(), fail("io")), Finding::OtherLost("io: so".to_owned()));
        assert_eq!(finding(fail("io"), fail("plan")), Finding::BothLost("io: so".to_owned()));
    }
}

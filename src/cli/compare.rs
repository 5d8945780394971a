//! `dsbench compare`: runs on disk against each other.
//!
//! ```text
//! RUN RUN … ─▶ sides ─▶ compatible? ─▶ statements that all have ─▶ Comparison each ─▶ --fail-on ─▶ report, exit code
//! ```

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::ab_report::{self, Form};
use super::args::AGGREGATES;
use super::exit::{Code, Failure};
use super::measure_args::parse_percent;
use super::resume::locate;
use super::suggest::suggesting;
use super::{ab, output};
use crate::compare::{
    Comparison, Difference, DifferenceKind, Finding, SuiteComparison, Thresholds, Verdict, differences,
    limits_of_unpaired,
};
use crate::report::{ComparisonReport, comparison_json, comparison_markdown, comparison_text, shared_environment};
use crate::results::format::{AbRules, Check, Status, Warning};
use crate::results::{Ab, Aggregate, Run};
use crate::text::percent;

/// How many differences a refusal tells.
const TOLD: usize = 10;

/// Compare saved runs: which is faster, by how much, and how sure that is.
///
/// Each RUN is a run's folder, its run.json, or its name under --out; an A/B's folder stands for all its sides. The
/// first one is the baseline unless --baseline names another. Only statements that all runs have, with the same text,
/// are compared, and the report says which are left out. Runs that differ in data, settings or machine are refused
/// unless --allow names it; another program is what one compares, and is told.
///
/// Sides of one A/B are compared in pairs, as `dsbench ab` does. Other runs were taken one after the other: what
/// changed on the machine between them looks like a difference of the programs, however many samples they have, and
/// the report says so. A change of less than 3% is not called one then, and a verdict on a statement takes 8 samples
/// in each run for the whole suite (--iterations 8), 6 for one statement; the totals take 3. To know more, let
/// `dsbench ab` take the samples side by side.
///
/// With --fail-on the exit code says whether something became slower, for CI.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The runs, or an A/B
    #[arg(value_name = "RUN", required = true, value_hint = clap::ValueHint::DirPath)]
    runs: Vec<String>,
    /// Compare with this run, one of those named or one more [default: the first]
    #[arg(long, value_name = "RUN", value_hint = clap::ValueHint::DirPath)]
    baseline: Option<String>,
    /// How the samples of a statement become one figure: median, min, mean, aws. Only medians have intervals and
    /// verdicts
    #[arg(long, value_name = "WAY", default_value_t = Aggregate::default())]
    #[arg(value_parser = suggesting::<Aggregate>(&AGGREGATES), hide_possible_values = true)]
    aggregate: Aggregate,
    /// Exit with 6 if the total, the geometric mean or a statement is slower than in the baseline by more than this
    /// share, such as 5%, with its whole interval, all statements being tested together; with 5 if an answer is
    /// wrong, and with 4 if a statement fails, which was not so in the baseline. Where the samples are too few to
    /// tell, the report says so and the exit code is 0
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_on: Option<f64>,
    /// Compare runs although they differ in this; the report tells what it is
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    allow: Vec<Allowed>,
    /// The parent of result folders
    #[arg(long, value_name = "DIR", default_value = "results", env = "DSBENCH_OUT")]
    out: PathBuf,
    #[command(flatten)]
    report: ab_report::Args,
}

const EXAMPLES: &str = "\
Examples:
  dsbench compare results/2026-01-02T03-04-05Z-default-sf1 results/2026-01-03T03-04-05Z-default-sf1
  dsbench compare BEFORE AFTER --fail-on 5% --format markdown > comment.md
  dsbench compare DEFAULT DATAFUSION DUCKDB --allow settings --baseline DATAFUSION
  dsbench compare results/2026-01-02T03-04-05Z-ab-default-datafusion-sf1

Exit codes with --fail-on: 0 nothing is known to be slower, 5 an answer is wrong now, 4 a statement fails now, 6 slower.";

/// What runs may differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Allowed {
    /// The rows, or the files that they are in
    Data,
    /// The engine's settings, its memory, cold or warm
    Settings,
    /// The processors and the memory
    Machine,
}

impl Allowed {
    /// What the user has to allow; nothing for what is never refused.
    fn of(kind: DifferenceKind) -> Option<Self> {
        match kind {
            DifferenceKind::Data => Some(Self::Data),
            DifferenceKind::Settings => Some(Self::Settings),
            DifferenceKind::Machine => Some(Self::Machine),
            DifferenceKind::Program | DifferenceKind::Statement => None,
        }
    }
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let form = args.report.form(false)?;
    let compared = Compared::of(sides(&args)?, &args)?;
    let mut comparisons = Vec::new();
    for other in &compared.others {
        let comparison = compared.comparison(other, args.aggregate, None);
        comparisons.push(ab_report::with_reasons(comparison, &compared.baseline.run, &other.run)?);
    }
    let gate = args.fail_on.map(|share| Gate::of(&compared, share));
    let mut notes = gate.as_ref().map(Gate::sentences).unwrap_or_default();
    notes.extend(compared.notes(args.aggregate));
    let runs: Vec<_> = compared.all().map(|side| (side.name.as_str(), &side.run)).collect();
    let report = ComparisonReport { comparisons, noise: None, notes, environment: shared_environment(&runs) };
    output::data(&match form {
        Form::Text => comparison_text(&report, output::style()),
        Form::Markdown => comparison_markdown(&report),
        Form::Json => comparison_json(&report),
    })?;
    let code = gate.as_ref().map_or(Code::Well, Gate::code);
    if let (Some(gate), true) = (&gate, code != Code::Well) {
        gate.sentences().iter().for_each(|sentence| output::note(&format!("dsbench: {sentence}")));
    }
    Ok(code)
}

/// One of the runs.
#[derive(Debug)]
struct Side {
    run: Run,
    /// What the report calls it.
    name: String,
    /// By which rules the A/B that it is a side of was made, if it is one and they are known.
    rules: Option<AbRules>,
}

impl Side {
    /// Whether the two have pairs of samples.
    fn is_paired_with(&self, other: &Self) -> bool {
        let place = |side: &Self| Some((side.run.file.side_of.clone()?.ab, side.run.folder.parent()?.to_owned()));
        place(self).is_some() && place(self) == place(other)
    }
}

/// The runs that the user named, the baseline first.
fn sides(args: &Args) -> Result<Vec<Side>, Failure> {
    let mut sides = Vec::new();
    for named in &args.runs {
        sides.extend(read(named, &args.out)?);
    }
    if let Some(named) = &args.baseline {
        let [baseline] = <[Side; 1]>::try_from(read(named, &args.out)?)
            .map_err(|_| Failure::Usage(format!("--baseline {named} is an A/B: name the run of one of its sides")))?;
        sides.retain(|side| !is_same_folder(side, &baseline));
        sides.insert(0, baseline);
    }
    for (index, side) in sides.iter().enumerate() {
        if sides[..index].iter().any(|earlier| is_same_folder(earlier, side)) {
            return Err(Failure::Usage(format!("the run {} is named twice", side.run.folder.display())));
        }
    }
    if sides.len() < 2 {
        return Err(Failure::Usage(format!(
            "{} is compared with nothing: name a second run, or --baseline",
            sides.first().map_or_else(String::new, |side| side.run.folder.display().to_string())
        )));
    }
    name(&mut sides);
    Ok(sides)
}

fn is_same_folder(one: &Side, other: &Side) -> bool {
    let absolute = |side: &Side| std::fs::canonicalize(&side.run.folder).unwrap_or_else(|_| side.run.folder.clone());
    absolute(one) == absolute(other)
}

/// A run, or all sides of an A/B.
fn read(named: &str, out: &Path) -> Result<Vec<Side>, Failure> {
    let data = |error: crate::results::ResultsError| Failure::Data(error.to_string());
    let file = if Path::new(named).ends_with("ab.json") { "ab.json" } else { "run.json" };
    let folder = locate(named, out, file)?;
    if Ab::is_at(&folder) {
        let ab = Ab::read(&folder).map_err(data)?;
        let titles = ab.file.sides.iter().map(|side| side.title.clone());
        let side = |(run, name)| Side { run, name, rules: Some(ab.file.rules.clone()) };
        return Ok(ab.sides.into_iter().zip(titles).map(side).collect());
    }
    let run = Run::read(&folder).map_err(data)?;
    let ab = run.file.side_of.as_ref().and_then(|_| Ab::read(folder.parent()?).ok()).map(|ab| ab.file);
    let title = |ab: &crate::results::format::AbFile| {
        let side = ab.sides.iter().find(|side| Some(&side.side) == run.file.side_of.as_ref().map(|of| &of.side))?;
        Some(side.title.clone())
    };
    let name = ab.as_ref().and_then(title).unwrap_or_default();
    Ok(vec![Side { run, name, rules: ab.map(|ab| ab.rules) }])
}

/// Calls runs by what tells them apart: the A/B's words, the profile, the label, or else the profile with a number.
fn name(sides: &mut [Side]) {
    let candidates: [fn(&Side) -> String; 3] = [
        |side| side.name.clone(),
        |side| side.run.file.profile.clone(),
        |side| side.run.file.label.clone().unwrap_or_default(),
    ];
    let tells_apart = |names: &Vec<String>| {
        names.iter().enumerate().all(|(index, name)| !name.is_empty() && !names[..index].contains(name))
    };
    let names = candidates.iter().map(|of| sides.iter().map(of).collect::<Vec<_>>()).find(tells_apart);
    let names = names.unwrap_or_else(|| numbered(&sides.iter().map(candidates[1]).collect::<Vec<_>>()));
    sides.iter_mut().zip(names).for_each(|(side, name)| side.name = name);
}

/// `default-1`, `default-2`, `datafusion`.
fn numbered(names: &[String]) -> Vec<String> {
    let count = |names: &[String], name: &String| names.iter().filter(|other| *other == name).count();
    let number = |(index, name): (usize, &String)| match count(names, name) {
        1 => name.clone(),
        _ => format!("{name}-{}", count(&names[..=index], name)),
    };
    names.iter().enumerate().map(number).collect()
}

/// Runs that can be compared, cut down to what they have in common.
#[derive(Debug)]
struct Compared {
    baseline: Side,
    others: Vec<Side>,
    /// Statements that all of them ran, with the same text.
    statements: Vec<String>,
    /// Statements that some of them ran.
    any_statements: usize,
    /// Statements that are not in all runs.
    missing: Vec<String>,
    /// Statements whose texts differ.
    other_text: Vec<String>,
    /// What each of the others differs in from the baseline, which is allowed or need not be.
    differences: Vec<(String, Vec<Difference>)>,
}

impl Compared {
    fn of(sides: Vec<Side>, args: &Args) -> Result<Self, Failure> {
        let mut others = sides;
        let baseline = others.remove(0);
        let mut told = Vec::new();
        let mut other_text = Vec::new();
        for other in others.iter().filter(|other| !other.is_paired_with(&baseline)) {
            let (texts, differences): (Vec<_>, Vec<_>) = differences(&baseline.run, &other.run)
                .into_iter()
                .partition(|difference| difference.kind == DifferenceKind::Statement);
            refuse([&baseline.name, &other.name], &differences, &args.allow)?;
            told.push((other.name.clone(), differences));
            other_text.extend(texts.into_iter().map(|difference| difference.what));
        }
        if args.aggregate != Aggregate::Median {
            if let Some(other) = others.iter().find(|other| other.is_paired_with(&baseline)) {
                return Err(Failure::Usage(format!(
                    "`{}` and `{}` are sides of one A/B, which are compared by the median of their pairs: leave out \
                     --aggregate",
                    baseline.name, other.name
                )));
            }
            if args.fail_on.is_some() {
                return Err(Failure::Usage(
                    "--fail-on needs --aggregate median: the other aggregates have no intervals".to_owned(),
                ));
            }
        }
        let ran = |side: &Side, name: &str| side.run.samples.iter().any(|sample| sample.statement == name);
        let all = || std::iter::once(&baseline).chain(&others);
        let mut any: Vec<String> = Vec::new();
        for name in all().flat_map(|side| &side.run.file.plan.statements) {
            if !any.contains(name) && all().any(|side| ran(side, name)) {
                any.push(name.clone());
            }
        }
        let any_statements = any.len();
        let (common, missing): (Vec<_>, Vec<_>) = any.into_iter().partition(|name| all().all(|side| ran(side, name)));
        let (other_text, statements): (Vec<_>, Vec<_>) = common.into_iter().partition(|name| other_text.contains(name));
        if statements.is_empty() {
            return Err(Failure::Usage("the runs have no statement in common, with the same text".to_owned()));
        }
        Ok(Self { baseline, others, statements, any_statements, missing, other_text, differences: told })
    }

    fn all(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.baseline).chain(&self.others)
    }

    /// One of the others against the baseline. With `least_change`, only a change that is known to be larger is one.
    fn comparison(&self, other: &Side, aggregate: Aggregate, least_change: Option<f64>) -> Comparison {
        let names = [self.baseline.name.as_str(), other.name.as_str()];
        let tests = self.statements.len() * self.others.len();
        let is_paired = other.is_paired_with(&self.baseline);
        let thresholds = match &other.rules {
            Some(rules) if is_paired => ab::thresholds(rules),
            None if is_paired => Thresholds::for_tests(tests),
            _ => Thresholds::for_runs(tests),
        };
        // Less than what is called a change at all cannot be asked for.
        let least_change = least_change.unwrap_or(0.0).max(thresholds.least_change);
        let thresholds = Thresholds { least_change, ..thresholds };
        if is_paired {
            let mut cut = self.baseline.run.clone();
            cut.file.plan.statements.clone_from(&self.statements);
            return Comparison::paired(&cut, &other.run, names, thresholds);
        }
        Comparison::unpaired(&self.baseline.run, &other.run, names, &self.statements, aggregate, thresholds)
    }

    /// What the reader should know.
    fn notes(&self, aggregate: Aggregate) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.missing.is_empty() || !self.other_text.is_empty() {
            let reasons = [("not in all runs", &self.missing), ("with another text", &self.other_text)];
            let reasons = reasons.iter().filter(|(_, names)| !names.is_empty());
            let reasons: Vec<_> = reasons.map(|(why, names)| format!("{why}: {}", names.join(", "))).collect();
            notes.push(format!(
                "{} of {} statements are compared; left out {}",
                self.statements.len(),
                self.any_statements,
                reasons.join("; ")
            ));
        }
        for (name, differences) in self.differences.iter().filter(|(_, differences)| !differences.is_empty()) {
            notes.push(format!("`{name}` differs from `{}` in {}", self.baseline.name, in_words(differences)));
        }
        notes.extend(self.all().filter_map(unfinished));
        if self.all().any(|side| side.run.file.peer.is_some()) {
            notes.push("another engine's times have its planning in them, as ours have".to_owned());
        }
        if aggregate != Aggregate::Median {
            notes.push(format!("--aggregate {aggregate}: only medians have intervals and verdicts"));
        }
        let unpaired = self.others.iter().filter(|other| !other.is_paired_with(&self.baseline));
        let unpaired: Vec<_> = unpaired.map(|other| &other.run).collect();
        if !unpaired.is_empty() {
            notes.push(limits_of_unpaired(&self.baseline.run, &unpaired));
        }
        for side in self.all().filter(|side| !side.run.file.warnings.is_empty()) {
            let messages: Vec<_> = side.run.file.warnings.iter().map(|warning| warning.message.as_str()).collect();
            notes.push(format!("the run of `{}` warns: {}", side.name, messages.join("; ")));
        }
        notes
    }
}

fn unfinished(side: &Side) -> Option<String> {
    let how = match side.run.file.status {
        Status::Complete => return None,
        Status::Interrupted => "was interrupted",
        Status::Running => "is under way or was killed",
    };
    Some(format!("the run of `{}` {how}; what it has is compared", side.name))
}

/// All differences on one line.
fn in_words(differences: &[Difference]) -> String {
    let mut words: Vec<_> = differences.iter().take(TOLD).map(ToString::to_string).collect();
    if differences.len() > TOLD {
        words.push(format!("and {} more", differences.len() - TOLD));
    }
    words.join(" | ")
}

/// Refuses what the user did not allow, and says what it is.
fn refuse(names: [&str; 2], differences: &[Difference], allowed: &[Allowed]) -> Result<(), Failure> {
    let is_refused =
        |difference: &&Difference| Allowed::of(difference.kind).is_some_and(|kind| !allowed.contains(&kind));
    let refused: Vec<&Difference> = differences.iter().filter(is_refused).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let mut kinds: Vec<_> = refused.iter().map(|difference| difference.kind.to_string()).collect();
    kinds.dedup();
    let mut message = format!("`{}` and `{}` differ in {}:\n", names[0], names[1], kinds.join(", "));
    let mut line = |words: String| writeln!(message, "  {words}").expect("writing to a String does not fail");
    refused.iter().take(TOLD).for_each(|difference| line(difference.to_string()));
    if refused.len() > TOLD {
        line(format!("and {} more", refused.len() - TOLD));
    }
    let mut all: Vec<_> = allowed.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
    all.extend(kinds);
    message.push_str(&format!(
        "compare them nevertheless with --allow {}, which the report will tell; `dsbench ab` compares configurations \
         side by side",
        all.join(",")
    ));
    let about_data = refused.iter().any(|difference| difference.kind == DifferenceKind::Data);
    Err(if about_data { Failure::Data(message) } else { Failure::Usage(message) })
}

/// Whether something became worse, for `--fail-on`.
#[derive(Debug, Default)]
struct Gate {
    share: f64,
    /// Sentences about what is slower for sure.
    slower: Vec<String>,
    /// About answers that are wrong now.
    wrong: Vec<String>,
    /// About statements that fail now.
    failed: Vec<String>,
    /// About what the samples do not tell.
    untold: Vec<String>,
}

impl Gate {
    fn of(compared: &Compared, share: f64) -> Self {
        let mut gate = Self { share, ..Self::default() };
        for other in &compared.others {
            let comparison = compared.comparison(other, Aggregate::Median, Some(share));
            let slower_before = gate.slower.len();
            gate.look_at_times(&comparison);
            gate.look_at_losses(&comparison, &other.run);
            let is_busy = |warning: &Warning| warning.kind == "machine_busy";
            let busy =
                [&compared.baseline, other].into_iter().filter(|side| side.run.file.warnings.iter().any(is_busy));
            if gate.slower.len() > slower_before && !other.is_paired_with(&compared.baseline) {
                gate.untold.extend(busy.map(|side| {
                    let name = &side.name;
                    format!("the processors had other work when the run of `{name}` began, which may be the difference")
                }));
            }
        }
        gate.untold.dedup();
        gate
    }

    fn look_at_times(&mut self, comparison: &Comparison) {
        let share = comparison.thresholds.least_change;
        let suites = [("total", &comparison.total), ("geometric mean", &comparison.geomean)];
        let is_slower = |suite: &SuiteComparison| suite.verdict == Verdict::Slower;
        let slow_suites =
            suites.iter().filter(|(_, suite)| suite.as_ref().is_some_and(is_slower)).map(|(name, _)| *name);
        // Significant among all statements, and the whole interval beyond the share.
        let slow_statements = comparison.statements.iter().filter(|statement| {
            statement.finding.verdict() == Some(Verdict::Slower)
                && statement.interval.is_some_and(|interval| interval.low > 1.0 + share)
        });
        let slow: Vec<_> = slow_suites.chain(slow_statements.map(|statement| statement.statement.as_str())).collect();
        let (baseline, other) = (&comparison.baseline, &comparison.other);
        if !slow.is_empty() {
            let by = percent(share);
            self.slower.push(format!("`{other}` is slower than `{baseline}` by more than {by}: {}", slow.join(", ")));
        }
        if share > self.share {
            let (asked, taken) = (percent(self.share), percent(share));
            self.untold.push(format!(
                "`{other}` and `{baseline}` cannot be told apart by {asked} (--fail-on): {taken} is taken"
            ));
        }
        let least = comparison.thresholds.least_pairs;
        let timed = || comparison.statements.iter().filter(|statement| statement.finding.verdict().is_some());
        let few: Vec<_> = timed().filter(|s| s.sample_count < least).map(|s| s.statement.as_str()).collect();
        if !few.is_empty() {
            let who = if few.len() == timed().count() { "any statement".to_owned() } else { few.join(", ") };
            self.untold.push(format!(
                "the samples of `{other}` and `{baseline}` are too few to tell of {who}: it takes {least}"
            ));
        }
    }

    fn look_at_losses(&mut self, comparison: &Comparison, other: &Run) {
        let is_wrong = |name: &str| other.samples.iter().any(|s| s.statement == name && s.check == Some(Check::Wrong));
        let lost = comparison.statements.iter().filter(|s| matches!(s.finding, Finding::OtherLost(_)));
        let (wrong, failed): (Vec<&str>, Vec<&str>) =
            lost.map(|s| s.statement.as_str()).partition(|name| is_wrong(name));
        let sentence = |what: &str, names: &[&str]| {
            format!("`{}` {what} where `{}` does not: {}", comparison.other, comparison.baseline, names.join(", "))
        };
        if !wrong.is_empty() {
            self.wrong.push(sentence("gives a wrong answer", &wrong));
        }
        if !failed.is_empty() {
            self.failed.push(sentence("fails", &failed));
        }
    }

    fn sentences(&self) -> Vec<String> {
        let mut sentences = [self.wrong.as_slice(), &self.failed, &self.slower].concat();
        if self.slower.is_empty() {
            sentences.push(format!("nothing is known to be slower by more than {} (--fail-on)", percent(self.share)));
        }
        sentences.extend_from_slice(&self.untold);
        sentences
    }

    /// A wrong answer is worse than none, and none is worse than a late one.
    fn code(&self) -> Code {
        if !self.wrong.is_empty() {
            Code::WrongAnswer
        } else if !self.failed.is_empty() {
            Code::StatementFailed
        } else if !self.slower.is_empty() {
            Code::Slower
        } else {
            Code::Well
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::{Phase, SampleRow, SideOf};
    use crate::results::test_support::run_file;

    /// A run of `q1`, `q2`, … with these milliseconds each, around which its samples lie.
    fn side(name: &str, milliseconds: &[u64], count: u64) -> Side {
        let mut file = run_file();
        file.plan.statements = (1..=milliseconds.len()).map(|number| format!("q{number}")).collect();
        let sample = |statement: &String, milliseconds: u64, index: u64| SampleRow {
            statement: statement.clone(),
            iteration: index as u32 + 1,
            phase: Phase::Measured,
            planning_ns: Some(0),
            execute_ns: Some(milliseconds * (1_000_000 + index * 1000)),
            check: Some(Check::Verified),
            ..SampleRow::default()
        };
        let times = file.plan.statements.iter().zip(milliseconds);
        let samples = times.flat_map(|(name, time)| (0..count).map(|index| sample(name, *time, index))).collect();
        Side {
            run: Run { folder: format!("results/{name}").into(), file, samples },
            name: name.to_owned(),
            rules: None,
        }
    }

    fn args(more: &[&str]) -> Args {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            args: Args,
        }
        <Cli as clap::Parser>::parse_from([&["compare", "x"], more].concat()).args
    }

    fn compared(sides: Vec<Side>) -> Compared {
        Compared::of(sides, &args(&[])).unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[track_caller]
    fn check_names(expected: &[&str], runs: &[(&str, &str, Option<&str>)]) {
        let named = |(title, profile, label): &(&str, &str, Option<&str>)| {
            let mut side = side(title, &[1], 1);
            side.run.file.profile = (*profile).to_owned();
            side.run.file.label = label.map(str::to_owned);
            side
        };
        let mut sides: Vec<_> = runs.iter().map(named).collect();
        name(&mut sides);
        assert_eq!(sides.iter().map(|side| side.name.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_tell_runs_apart() {
        check_names(&["one", "two"], &[("one", "p", None), ("two", "p", None)]);
        check_names(&["p", "q"], &[("", "p", Some("x")), ("", "q", Some("y"))]);
        check_names(&["p", "q"], &[("one", "p", None), ("", "q", None)]);
        check_names(&["before", "after"], &[("", "p", Some("before")), ("", "p", Some("after"))]);
        check_names(&["p-1", "q", "p-2"], &[("", "p", Some("x")), ("", "q", None), ("", "p", Some("x"))]);
    }

    #[test]
    fn what_differs_is_refused_until_it_is_allowed() {
        let kinds = [DifferenceKind::Settings, DifferenceKind::Machine, DifferenceKind::Program];
        let difference = |kind, number: usize| Difference {
            kind,
            what: format!("k{number}"),
            baseline: "1".to_owned(),
            other: "2".to_owned(),
        };
        let mut found: Vec<_> = (0..11).map(|number| difference(kinds[0], number)).collect();
        found.extend([difference(kinds[1], 11), difference(kinds[2], 12)]);
        let refused = |allowed: &[Allowed]| refuse(["a", "b"], &found, allowed);
        let message = match refused(&[]) {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        };
        assert!(message.starts_with("`a` and `b` differ in settings, machine:\n  k0: 1; 2\n"), "{message}");
        assert!(
            message.contains("  k9: 1; 2\n  and 2 more\n") && message.contains("--allow settings,machine,"),
            "{message}"
        );
        let message = refused(&[Allowed::Settings]).expect_err("another machine").to_string();
        assert!(
            message.contains("in machine:\n  k11: 1; 2\n") && message.contains("--allow settings,machine,"),
            "{message}"
        );
        assert!(refused(&[Allowed::Machine, Allowed::Settings]).is_ok());
        let data = [difference(DifferenceKind::Data, 1)];
        assert!(matches!(refuse(["a", "b"], &data, &[]), Err(Failure::Data(_))));
    }

    #[test]
    fn only_what_all_runs_have_is_compared() {
        let mut other = side("other", &[10, 20, 30, 40], 8);
        other.run.samples.retain(|sample| sample.statement != "q2");
        let mut third = side("third", &[10, 20, 30], 8);
        third.run.file.plan.sql_xxh3 = [("q3".to_owned(), "bb".to_owned())].into();
        let mut baseline = side("baseline", &[10, 20, 30], 8);
        baseline.run.file.plan.sql_xxh3 = [("q3".to_owned(), "aa".to_owned())].into();
        baseline.run.file.warnings.push(Warning { kind: "x".to_owned(), message: "beware".to_owned() });
        other.run.file.status = Status::Interrupted;
        let compared = compared(vec![baseline, other, third]);
        assert_eq!((compared.statements.as_slice(), compared.any_statements), (&["q1".to_owned()][..], 4));
        let notes = compared.notes(Aggregate::Min);
        let expected = [
            "1 of 4 statements are compared; left out not in all runs: q2, q4; with another text: q3",
            "the run of `other` was interrupted; what it has is compared",
            "--aggregate min: only medians have intervals and verdicts",
            "the runs began less than a minute apart",
            "the run of `baseline` warns: beware",
        ];
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        for (note, expected) in notes.iter().zip(expected) {
            assert!(note.starts_with(expected), "{note}");
        }
    }

    #[test]
    fn runs_without_a_common_statement_are_refused() {
        let mut other = side("other", &[10], 8);
        other.run.samples.clear();
        let failure = Compared::of(vec![side("a", &[10], 8), other], &args(&[])).expect_err("nothing in common");
        assert_eq!(failure.to_string(), "the runs have no statement in common, with the same text");
    }

    fn side_of_ab(name: &str, letter: &str, ab: &str) -> Side {
        let mut side = side(name, &[100], 14);
        side.run.file.side_of = Some(SideOf { ab: ab.to_owned(), side: letter.to_owned() });
        side.run.file.settings.push(crate::results::format::Setting {
            key: "x".to_owned(),
            value: Some(letter.to_owned()),
            source: "--set".to_owned(),
        });
        side
    }

    #[test]
    fn sides_of_one_ab_are_compared_in_pairs_whatever_their_settings() {
        let sides = || vec![side_of_ab("a", "a", "ab"), side_of_ab("b", "b", "ab")];
        let found = compared(sides());
        assert!(found.notes(Aggregate::Median).is_empty());
        let comparison = found.comparison(&found.others[0], Aggregate::Median, None);
        assert_eq!((comparison.pairing, comparison.thresholds.least_pairs), (crate::compare::Pairing::Paired, 12));
        assert_eq!(comparison.statements[0].sample_count, 14);
        let failure = Compared::of(sides(), &args(&["--aggregate", "min"])).expect_err("pairs have medians");
        assert!(failure.to_string().contains("sides of one A/B"), "{failure}");
        let strangers = vec![side_of_ab("a", "a", "ab"), side_of_ab("b", "b", "another")];
        assert!(Compared::of(strangers, &args(&[])).is_err_and(|failure| failure.to_string().contains("x: a; b")));
    }

    #[test]
    fn fail_on_needs_intervals() {
        let sides = || vec![side("a", &[10], 8), side("b", &[10], 8)];
        let failure =
            Compared::of(sides(), &args(&["--aggregate", "min", "--fail-on", "5%"])).expect_err("no intervals");
        assert!(failure.to_string().contains("--fail-on needs --aggregate median"), "{failure}");
        assert!(Compared::of(sides(), &args(&["--aggregate", "min"])).is_ok());
    }

    #[track_caller]
    fn check_gate(share: f64, other: Side, code: Code, expected: &[&str]) {
        let compared = compared(vec![side("a", &[100, 200], 8), other]);
        let gate = Gate::of(&compared, share);
        assert_eq!(
            (gate.code(), gate.sentences().as_slice()),
            (code, &expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[test]
    fn what_is_slower_for_sure_fails() {
        let nothing = "nothing is known to be slower by more than 5% (--fail-on)";
        check_gate(0.05, side("b", &[100, 200], 8), Code::Well, &[nothing]);
        check_gate(0.05, side("b", &[104, 208], 8), Code::Well, &[nothing]);
        check_gate(0.05, side("b", &[90, 180], 8), Code::Well, &[nothing]);
        let all = "`b` is slower than `a` by more than 5%: total, geometric mean, q1, q2";
        check_gate(0.05, side("b", &[110, 220], 8), Code::Slower, &[all]);
        check_gate(
            0.05,
            side("b", &[112, 200], 8),
            Code::Slower,
            &["`b` is slower than `a` by more than 5%: geometric mean, q1"],
        );
        let three = "`b` is slower than `a` by more than 3%: total, geometric mean, q1, q2";
        let taken = "`b` and `a` cannot be told apart by 1% (--fail-on): 3% is taken";
        check_gate(0.01, side("b", &[104, 208], 8), Code::Slower, &[three, taken]);
    }

    #[test]
    fn other_work_on_the_machine_is_told_with_what_is_slower() {
        let busy = |milliseconds: [u64; 2]| {
            let mut side = side("b", &milliseconds, 8);
            side.run.file.warnings.push(Warning { kind: "machine_busy".to_owned(), message: "busy".to_owned() });
            side
        };
        let slow = "`b` is slower than `a` by more than 5%: total, geometric mean, q1, q2";
        let told = "the processors had other work when the run of `b` began, which may be the difference";
        check_gate(0.05, busy([110, 220]), Code::Slower, &[slow, told]);
        let nothing = "nothing is known to be slower by more than 5% (--fail-on)";
        check_gate(0.05, busy([100, 200]), Code::Well, &[nothing]);
    }

    #[test]
    fn few_samples_tell_of_the_totals_or_of_nothing() {
        let few = "the samples of `b` and `a` are too few to tell of any statement: it takes 6";
        let suite = "`b` is slower than `a` by more than 5%: total, geometric mean";
        check_gate(0.05, side("b", &[300, 600], 3), Code::Slower, &[suite, few]);
        check_gate(
            0.05,
            side("b", &[300, 600], 2),
            Code::Well,
            &["nothing is known to be slower by more than 5% (--fail-on)", few],
        );
    }

    #[test]
    fn what_is_wrong_or_fails_now_is_worse_than_slow() {
        let mut failing = side("b", &[110, 220], 8);
        failing.run.samples[9].error_class = Some("io".to_owned());
        let slow = "`b` is slower than `a` by more than 5%: total, geometric mean, q1";
        check_gate(0.05, failing, Code::StatementFailed, &["`b` fails where `a` does not: q2", slow]);
        let mut wrong = side("b", &[110, 220], 8);
        wrong.run.samples[9].check = Some(Check::Wrong);
        check_gate(0.05, wrong, Code::WrongAnswer, &["`b` gives a wrong answer where `a` does not: q2", slow]);
    }
}

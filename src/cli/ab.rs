//! `dsbench ab`: which configuration is faster, by how much, and why.
//!
//! ```text
//! sides ─▶ control: two engines of a ─▶ blocks A B B A until every interval is narrow ─▶ comparison, reasons, report
//!                    (the noise now)        each sample on disk, in its side's run
//! ```

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::ab_progress::{AbProgress, CONTROL};
use super::ab_report;
use super::args::{LimitArgs, PROFILES, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::measure_args::{MeasureArgs, parse_percent, parse_timeout};
use super::output;
use super::resume;
use super::session::{EngineChoice, Opened, Session, command_line, open_data};
use super::sides::{SideSpec, owners_of_sets};
use super::suggest::suggesting;
use crate::compare::{Noise, Thresholds};
use crate::engine::Settings;
use crate::report::noise_words;
use crate::results::format::{self, AbFile, AbRules, AbSide, RunFile, SideOf, Status, Warning};
use crate::results::{Ab, AbWriter, OperatorWriter, Run, RunWriter, StatementState, sample_seconds, summarize};
use crate::runner::{AbEnd, Cancel, Lane, PairRules, RunPlan, clock, environment, run_ab, warnings};

/// Compare configurations of the engine, side by side: which is faster, by how much, how sure that is, and why.
///
/// A side is a profile with settings: `default`, `my.toml`, `default,datafusion.execution.batch_size=16384`. The first one is the
/// baseline. A --set after a side is for that side, before the first one for all. With --binary-b the second side runs in another
/// build of this program, with --peer in another engine.
///
/// The sides are sampled next to each other, statement by statement, in the order A B B A, so that what the machine does meanwhile
/// falls on both alike. First two engines of the baseline's configuration are compared, to see the machine's noise. Then
/// each statement gets pairs of samples until the interval of its ratio is narrow (--precision) or the time is up (--max-time).
/// A verdict takes at least 12 pairs a statement, 14 for the whole suite; with fewer it is `undecided`. A side whose rows are wrong
/// loses, however fast it is.
///
/// All of it is kept in a folder under --out: a run for each side, which `dsbench report` and `dsbench compare` read. What was
/// interrupted or killed goes on with --resume.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The sides, the baseline first: `default`, `datafusion`, a TOML file, NAME for profiles/NAME.toml, each with ,KEY=VALUE if wanted
    #[arg(value_name = "SIDE", required_unless_present = "resume")]
    #[arg(value_parser = suggesting::<String>(&PROFILES), hide_possible_values = true)]
    sides: Vec<String>,
    /// Set one setting over the profile of the side before it; before the first side, of all sides
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Run the second side in another build of this program, such as one of another commit; without a second side, with the
    /// profile of the first
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    binary_b: Option<PathBuf>,
    /// One more side: another engine on the same files; a script of scripts/peers (duckdb, datafusion, spark), or the path of a
    /// program that does what they do
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// Sample each statement until its ratio is known to this share of it: until half of the width of the 95% interval is no more
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = parse_percent)]
    precision: f64,
    /// Call two sides the same if their ratio is known to be this near to 1
    #[arg(long, value_name = "PERCENT", default_value = "3%", value_parser = parse_percent)]
    margin: f64,
    /// Never call a difference of less than this one
    #[arg(long, value_name = "PERCENT", default_value = "0.5%", value_parser = parse_percent)]
    least_change: f64,
    /// The most time that all samples may take together
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    max_time: Option<Duration>,
    /// The most pairs a statement, however wide its interval; a multiple of four
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    max_pairs: u32,
    /// Pairs a statement for the look at the machine's noise, an even number; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    control_pairs: u32,
    #[command(flatten)]
    report: ab_report::Args,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// The side that each of `sets` belongs to; nothing for all of them.
    #[arg(skip)]
    owners: Vec<Option<usize>>,
}

const EXAMPLES: &str = "\
Examples:
  dsbench ab default datafusion                              the whole suite at scale 1
  dsbench ab default default --set engine.pushdown.filter=false --queries q9,q28
  dsbench ab default --binary-b ../before/dsbench            this build against another one
  dsbench ab default --peer duckdb --scale 10 --max-time 1h
  dsbench ab --resume 2026-01-02T03-04-05Z-ab-default-datafusion-sf1";

impl Args {
    /// Remembers which `--set` was typed after which side.
    pub(super) fn place_sets(&mut self, matches: &clap::ArgMatches) {
        let places = |id: &str| matches.indices_of(id).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        self.owners = owners_of_sets(&places("sides"), &places("sets"));
    }

    /// What is to be compared.
    fn specs(&self) -> Result<Vec<SideSpec>, Failure> {
        let owned = |owner: Option<usize>| -> Vec<String> {
            let pairs = self.sets.iter().zip(&self.owners);
            pairs.filter(|(_, found)| **found == owner).map(|(set, _)| set.clone()).collect()
        };
        let common = owned(None);
        let mut specs = Vec::new();
        for (index, side) in self.sides.iter().enumerate() {
            specs.push(SideSpec::parse(side, &common, &owned(Some(index)))?);
        }
        if let Some(binary) = &self.binary_b {
            let second = specs.get(1).unwrap_or(&specs[0]).in_binary(binary)?;
            specs.truncate(1);
            specs.push(second);
            for (index, side) in self.sides.iter().enumerate().skip(2) {
                specs.push(SideSpec::parse(side, &common, &owned(Some(index)))?);
            }
        }
        for peer in &self.peers {
            specs.push(SideSpec::peer(peer)?);
        }
        if specs.len() < 2 {
            return Err(Failure::Usage(format!(
                "`{}` is compared with nothing: name a second side, --binary-b or --peer",
                self.sides[0]
            )));
        }
        if specs.len() > 26 {
            return Err(Failure::Usage("more than 26 sides cannot be told apart by their letters".to_owned()));
        }
        Ok(specs)
    }

    fn rules(&self, tests: usize) -> Result<AbRules, Failure> {
        let default = Thresholds::for_tests(tests);
        let least_pairs = u32::try_from(default.least_pairs).unwrap_or(u32::MAX);
        // Blocks A B B A and B A A B are to be equally many.
        let max_pairs = self.max_pairs.next_multiple_of(4);
        if max_pairs < least_pairs {
            return Err(Failure::Usage(format!(
                "--max-pairs {} would leave everything undecided: a verdict on one of {tests} comparisons takes {least_pairs} pairs",
                self.max_pairs
            )));
        }
        Ok(AbRules {
            precision: self.precision,
            margin: self.margin,
            least_change: self.least_change,
            false_discovery_rate: default.false_discovery_rate,
            least_pairs,
            max_pairs,
            // A B, then B A.
            control_pairs: self.control_pairs.next_multiple_of(2),
            max_seconds: self.max_time.map(|time| time.as_secs_f64()),
        })
    }
}

/// `a` for the baseline, then `b`, `c`, ….
pub(super) fn letter(side: usize) -> char {
    char::from(b'a' + u8::try_from(side.min(25)).unwrap_or(25))
}

/// The thresholds that rules ask for.
pub(super) fn thresholds(rules: &AbRules) -> Thresholds {
    Thresholds {
        precision: rules.precision,
        margin: rules.margin,
        least_change: rules.least_change,
        false_discovery_rate: rules.false_discovery_rate,
        least_pairs: rules.least_pairs as usize,
    }
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let form = args.report.form(args.measure.json)?;
    if let Some(named) = &args.measure.resume {
        return go_on(&args, named, &form);
    }
    let suite = args.measure.suite.load()?;
    let specs = args.specs()?;
    let limits = args.limits.limits()?;
    let plan = args.measure.plan(&suite, &limits)?;
    let rules = args.rules(plan.statements.len() * (specs.len() - 1))?;
    let plan = RunPlan { iterations: rules.least_pairs, ..plan };
    if plan.cold && specs.iter().any(|spec| !spec.is_own()) {
        return Err(Failure::Usage(
            "--cold cannot empty the caches of other programs: leave it or them out".to_owned(),
        ));
    }
    let choices = specs.iter().map(|spec| spec.choice(args.measure.isolate)).collect::<Result<Vec<_>, _>>()?;
    let (url, _) = args.measure.data.locate()?;
    if args.measure.dry_run {
        output::data(&describe(&specs, &plan, &rules, &url.to_string())?)?;
        return Ok(Code::Well);
    }
    RunWriter::check(&args.measure.out)?;
    runtime()?.block_on(async {
        let (cancel, stop) = stop_on_interrupt();
        let data = open_data(&args.measure.data, &stop).await?;
        let answers = args.measure.answers_source(&suite, &data, &limits).await?;
        let session = Session { suite, plan, limits, data, answers };
        let opened = open(&session, &choices, &cancel).await?;
        let machine = environment::machine();
        let mut early = warnings::before(&session.plan, &machine);
        early.extend(warnings::of_data(&session.data));
        let mut file = ab_file(&args, &session, &specs, rules, early);
        let writer = AbWriter::create(&args.measure.out, &mut file)?;
        let sides = begin(&session, &writer, &file, &opened, &machine)?;
        measure(Work { session: &session, choices: &choices, writer, file, sides, opened }, &form, &cancel).await
    })
}

/// What would be done.
fn describe(specs: &[SideSpec], plan: &RunPlan, rules: &AbRules, data: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let baseline = specs[0].settings()?;
    for (index, spec) in specs.iter().enumerate() {
        text.push_str(&format!("side {}      {}\n", letter(index), spec.title()));
        if spec.is_own() {
            text.push_str(&differing_settings(&baseline, &spec.settings()?));
        }
    }
    let (statements, sides) = (plan.statements.len(), specs.len());
    let samples = statements * sides * (plan.warmup + rules.least_pairs) as usize;
    let control = statements * 2 * (plan.warmup + rules.control_pairs) as usize;
    let percent = crate::text::percent;
    text.push_str(&format!(
        "pairs       {} to {} a statement, until its ratio is known to ±{}\n\
         samples     {samples} at least = {statements} statements x {sides} sides x ({} warm-up + {} measured)\n",
        rules.least_pairs,
        rules.max_pairs,
        percent(rules.precision),
        plan.warmup,
        rules.least_pairs
    ));
    if rules.control_pairs > 0 {
        text.push_str(&format!("control     {control} samples before them\n"));
    }
    if let Some(seconds) = rules.max_seconds {
        let time = humantime::format_duration(Duration::from_secs_f64(seconds));
        text.push_str(&format!("time        all samples together {time} at most\n"));
    }
    text.push_str(&format!(
        "verdicts    same within ±{}; faster or slower if it differs by more than {}, with no more than {} of such calls wrong\n",
        percent(rules.margin), percent(rules.least_change), percent(rules.false_discovery_rate)
    ));
    text.push('\n');
    text.push_str(&plan.describe(&baseline, None, data).to_string());
    Ok(text)
}

/// The settings that are not the baseline's, a line each.
fn differing_settings(baseline: &Settings, other: &Settings) -> String {
    let ours: HashMap<String, Option<String>> = baseline.all().into_iter().map(|s| (s.key, s.value)).collect();
    let word = |value: Option<&String>| value.map_or("(unset)", String::as_str).to_owned();
    let differing = other.all().into_iter().filter(|s| ours.get(&s.key) != Some(&s.value));
    let line = |setting: crate::engine::ResolvedSetting| {
        let before = word(ours.get(&setting.key).and_then(Option::as_ref));
        format!("            {} = {}  (a: {before})\n", setting.key, word(setting.value.as_ref()))
    };
    differing.map(line).collect()
}

async fn open(session: &Session, choices: &[EngineChoice], cancel: &Cancel) -> Result<Vec<Opened>, Failure> {
    let mut opened = Vec::new();
    for choice in choices {
        opened.push(session.open(choice, cancel).await?);
    }
    Ok(opened)
}

fn ab_file(args: &Args, session: &Session, specs: &[SideSpec], rules: AbRules, warnings: Vec<Warning>) -> AbFile {
    let names: Vec<_> = specs.iter().map(SideSpec::name).collect();
    let titles: Vec<_> = specs.iter().map(SideSpec::title).collect();
    // Sides that are alike are told apart by their letters.
    let title = |index: usize| match titles.iter().filter(|title| **title == titles[index]).count() {
        1 => titles[index].clone(),
        _ => format!("{} ({})", titles[index], letter(index)),
    };
    let side = |(index, spec): (usize, &SideSpec)| AbSide {
        side: letter(index).to_string(),
        run: format!("{}-{}", letter(index), spec.name()),
        title: title(index),
        place: spec.place(args.measure.isolate),
    };
    AbFile {
        format_version: format::FORMAT_VERSION,
        ab: session.run_name(&format!("ab-{}", names.join("-")), args.measure.label.as_deref()),
        label: args.measure.label.clone(),
        status: Status::Running,
        started_at: clock::timestamp(),
        finished_at: None,
        command: command_line(),
        sides: specs.iter().enumerate().map(side).collect(),
        control: (rules.control_pairs > 0).then(|| ["control-1".to_owned(), "control-2".to_owned()]),
        rules,
        warnings,
    }
}

/// A side's run on disk, open for more.
struct SideRun {
    writer: RunWriter,
    operators: OperatorWriter,
    run: Run,
}

/// The runs of all sides, and after them the two of the control phase; new, or as they are on disk.
fn begin(
    session: &Session,
    writer: &AbWriter,
    file: &AbFile,
    opened: &[Opened],
    machine: &format::Machine,
) -> Result<Vec<SideRun>, Failure> {
    let begin_one = |name: &str, letter: &str, opened: &Opened| -> Result<SideRun, Failure> {
        let mut run = session.run_file(name.to_owned(), file.label.clone(), opened, machine.clone(), Vec::new());
        run.side_of = Some(SideOf { ab: file.ab.clone(), side: letter.to_owned() });
        let (writer, run) = writer.side(&mut run)?;
        let operators = OperatorWriter::open(writer.folder())?;
        Ok(SideRun { writer, operators, run })
    };
    let mut sides = Vec::new();
    for (side, opened) in file.sides.iter().zip(opened) {
        sides.push(begin_one(&side.run, &side.side, opened)?);
    }
    for name in file.control.iter().flatten() {
        sides.push(begin_one(name, name, &opened[0])?);
    }
    Ok(sides)
}

/// Everything that an A/B needs to go on.
struct Work<'a> {
    session: &'a Session,
    choices: &'a [EngineChoice],
    writer: AbWriter,
    file: AbFile,
    /// The sides' runs, then those of the control phase.
    sides: Vec<SideRun>,
    opened: Vec<Opened>,
}

/// Does what is left of both phases, and reports.
async fn measure(mut work: Work<'_>, form: &ab_report::Form, cancel: &Cancel) -> Result<Code, Failure> {
    for warning in &work.file.warnings {
        output::note(&format!("warning: {}", warning.message));
    }
    let end = both_phases(&mut work, cancel).await;
    for opened in &mut work.opened {
        opened.executor.close().await;
    }
    let end = end?;
    finish(&mut work, end)?;
    let ab = Ab::read(work.writer.folder())?;
    output::data(&ab_report::of(&ab, form)?)?;
    let folder = work.writer.folder().display();
    output::note(&format!("saved in {folder}"));
    if end == AbEnd::Interrupted {
        output::note(&format!("`dsbench ab --resume {folder}` does the rest"));
    }
    Ok(code(&ab, end))
}

async fn both_phases(work: &mut Work<'_>, cancel: &Cancel) -> Result<AbEnd, Failure> {
    match control(work, cancel).await? {
        AbEnd::Complete => {
            say_what_is_ahead(work);
            sample_sides(work, cancel).await
        }
        end => Ok(end),
    }
}

fn pair_rules(work: &Work<'_>) -> PairRules {
    let rules = &work.file.rules;
    let spent: f64 = work.sides.iter().map(seconds_of).sum();
    let sides_spent: f64 = work.sides[..work.opened.len()].iter().map(seconds_of).sum();
    PairRules {
        warmup: work.session.plan.warmup,
        least_pairs: rules.least_pairs as usize,
        max_pairs: rules.max_pairs as usize,
        thresholds: thresholds(rules),
        // The rule is looked at with the samples of one phase; what the other took is taken off.
        max_seconds: rules.max_seconds.map(|limit| limit - (spent - sides_spent)),
    }
}

/// The time of all samples of a run.
fn seconds_of(side: &SideRun) -> f64 {
    side.run.samples.iter().filter_map(|sample| sample_seconds(sample, true)).sum()
}

/// Compares two engines of the baseline's configuration, unless that is done.
async fn control(work: &mut Work<'_>, cancel: &Cancel) -> Result<AbEnd, Failure> {
    if work.file.control.is_none() {
        return Ok(AbEnd::Complete);
    }
    let pairs = work.file.rules.control_pairs as usize;
    let main = pair_rules(work);
    let rules = PairRules { least_pairs: pairs, max_pairs: pairs, max_seconds: work.file.rules.max_seconds, ..main };
    let statements = &work.session.plan.statements;
    let first = work.opened.len();
    let is_done = statements.iter().all(|statement| {
        let own =
            |side: &'_ SideRun| side.run.samples.iter().filter(|s| s.statement == statement.name.as_str()).count();
        own(&work.sides[first]) >= pairs && own(&work.sides[first + 1]) >= pairs
    });
    if is_done {
        return Ok(AbEnd::Complete);
    }
    let mut twin = work.session.open(&work.choices[0], cancel).await?;
    let progress = AbProgress::new(CONTROL, statements.len(), 2, rules.clone());
    let controls = &mut work.sides[first..];
    let executors = [work.opened[0].executor.as_mut(), twin.executor.as_mut()];
    let mut lanes: Vec<Lane<'_>> =
        controls.iter_mut().zip(executors).map(|(side, executor)| lane(side, executor)).collect();
    let end = run_ab(statements, &rules, &mut lanes, &progress, cancel).await;
    let samples: Vec<_> = lanes.into_iter().map(|lane| lane.samples).collect();
    controls.iter_mut().zip(samples).for_each(|(side, samples)| side.run.samples = samples);
    remember(&mut work.file, progress.close());
    twin.executor.close().await;
    Ok(end?)
}

fn lane<'a>(side: &'a mut SideRun, executor: &'a mut dyn crate::runner::Executor) -> Lane<'a> {
    let samples = std::mem::take(&mut side.run.samples);
    Lane { executor, writer: &mut side.writer, operators: &mut side.operators, samples }
}

/// Samples the sides themselves.
async fn sample_sides(work: &mut Work<'_>, cancel: &Cancel) -> Result<AbEnd, Failure> {
    let rules = pair_rules(work);
    let statements = &work.session.plan.statements;
    let count = work.opened.len();
    let progress = AbProgress::new("sides", statements.len(), count, rules.clone());
    let sides = work.sides[..count].iter_mut().zip(&mut work.opened);
    let mut lanes: Vec<Lane<'_>> = sides.map(|(side, opened)| lane(side, opened.executor.as_mut())).collect();
    let end = run_ab(statements, &rules, &mut lanes, &progress, cancel).await;
    let samples: Vec<_> = lanes.into_iter().map(|lane| lane.samples).collect();
    work.sides.iter_mut().zip(samples).for_each(|(side, samples)| side.run.samples = samples);
    remember(&mut work.file, progress.close());
    Ok(end?)
}

fn remember(file: &mut AbFile, remarks: Vec<String>) {
    for message in remarks {
        let warning = Warning { kind: "answers_differ".to_owned(), message };
        if !file.warnings.contains(&warning) {
            file.warnings.push(warning);
        }
    }
}

/// After the control phase: the noise, and how long the rest takes.
fn say_what_is_ahead(work: &Work<'_>) {
    let count = work.opened.len();
    let [first, second] = match &work.sides[count..] {
        [first, second] => [&first.run, &second.run],
        _ => return,
    };
    let Some(noise) = Noise::of(first, second, &thresholds(&work.file.rules)) else { return };
    output::note(&noise_words(&noise));
    let pairs = noise.pairs.max(1) as f64;
    let measured = [first, second].into_iter().flat_map(|run| &run.samples);
    let measured = measured.filter(|sample| sample.phase == format::Phase::Measured);
    let one_side: f64 = measured.filter_map(|sample| sample_seconds(sample, true)).sum::<f64>() / 2.0;
    let statements = work.session.plan.statements.len() as f64;
    let rounds = (work.session.plan.warmup + work.file.rules.least_pairs) as f64;
    let seconds = one_side / pairs * statements * rounds * count as f64;
    let time = humantime::format_duration(Duration::from_secs(seconds.ceil() as u64));
    output::note(&format!(
        "if the other sides are as fast as the baseline, the least number of pairs ({}) takes {time}",
        work.file.rules.least_pairs
    ));
    if work.file.rules.max_seconds.is_some_and(|limit| seconds > limit) {
        output::note("warning: --max-time is less than that: most statements will be undecided");
    }
}

/// Writes how it ended into the A/B and the runs of its sides.
fn finish(work: &mut Work<'_>, end: AbEnd) -> Result<(), Failure> {
    let status = if end == AbEnd::Interrupted { Status::Interrupted } else { Status::Complete };
    let finished_at = Some(clock::timestamp());
    let aggregate = work.session.plan.aggregate;
    for side in &mut work.sides {
        let statements = side.run.statements(aggregate);
        let file = RunFile {
            status,
            finished_at: finished_at.clone(),
            summary: Some(summarize(&statements, aggregate)),
            ..side.run.file.clone()
        };
        side.writer.write_run(&file)?;
        side.run.file = file;
    }
    work.file.status = status;
    work.file.finished_at = finished_at;
    work.file.warnings.retain(|warning| warning.kind != TIME_UP);
    if end == AbEnd::TimeUp {
        let message = "the time was used up before every interval was as narrow as wanted (--max-time)".to_owned();
        work.file.warnings.push(Warning { kind: TIME_UP.to_owned(), message });
    }
    Ok(work.writer.write(&work.file)?)
}

const TIME_UP: &str = "time_up";

fn code(ab: &Ab, end: AbEnd) -> Code {
    if end == AbEnd::Interrupted {
        return Code::Interrupted;
    }
    let states: Vec<_> =
        ab.sides.iter().flat_map(|run| run.statements(Default::default())).map(|statement| statement.state).collect();
    if states.contains(&StatementState::Wrong) {
        Code::WrongAnswer
    } else if states.contains(&StatementState::Failed) {
        Code::StatementFailed
    } else {
        Code::Well
    }
}

/// The rest of an A/B that was interrupted or killed.
fn go_on(args: &Args, named: &str, form: &ab_report::Form) -> Result<Code, Failure> {
    let folder = resume::locate(named, &args.measure.out, "ab.json")?;
    let mut file = Ab::read(&folder).map_err(|error| Failure::Data(format!("{error}: begin a new A/B")))?.file;
    if file.status == Status::Complete {
        return Err(Failure::Usage(format!(
            "there is nothing to do: the A/B {} is complete (`dsbench report {}` shows it)",
            file.ab,
            folder.display()
        )));
    }
    let baseline = Run::read(&folder.join(&file.sides[0].run))?.file;
    let choices = file.sides.iter().map(|side| resume::choice_of_side(side, &folder));
    let choices = choices.collect::<Result<Vec<_>, _>>()?;
    let (suite, plan) = resume::plan_of(&baseline)?;
    let spill_dir = args.limits.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
    let limits = crate::engine::EngineLimits { memory_bytes: plan.memory_limit_bytes, spill_dir };
    let answers = baseline.plan.answers_source.clone().unwrap_or(format::AnswersSource::Nothing);
    runtime()?.block_on(async {
        let (cancel, _) = stop_on_interrupt();
        let data = resume::data_of(&baseline, &args.measure.allow_changed).await?;
        let session = Session { suite, plan, limits, data: data.set, answers };
        let opened = open(&session, &choices, &cancel).await?;
        let writer = AbWriter::reopen(&folder);
        file.status = Status::Running;
        let mut sides = begin(&session, &writer, &file, &opened, &baseline.machine)?;
        for (index, side) in sides.iter_mut().enumerate() {
            let mut differed = data.differed.clone();
            let opened = opened.get(index).unwrap_or(&opened[0]);
            differed.extend(resume::differences_of_engine(&side.run.file, opened, &args.measure.allow_changed)?);
            resume::record(&mut side.run, differed);
            side.writer.write_run(&side.run.file)?;
        }
        writer.write(&file)?;
        let count: usize = sides.iter().map(|side| side.run.samples.len()).sum();
        output::note(&format!("going on with {} after {count} samples", file.ab));
        measure(Work { session: &session, choices: &choices, writer, file, sides, opened }, form, &cancel).await
    })
}

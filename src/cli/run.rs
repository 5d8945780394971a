//! `dsbench run`: the whole job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::SecondsFormat;
use datagen::Options;

use super::args::{AGGREGATES, ColumnArgs, DataArgs, EngineArgs, PROFILES, SuiteArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::progress::RunProgress;
use super::resume::{self, Changed};
use super::suggest::suggesting;
use super::{generate, output, report};
use crate::answers::content_hash;
use crate::engine::{Engine, EngineLimits, Profile, Settings};
use crate::paths;
use crate::report::{Columns, Style, text_with_columns};
use crate::results::format::{self, AnswersSource, RunFile, Status, Warning};
use crate::results::inference::INTERVAL_SAMPLES;
use crate::results::{Aggregate, Run, RunWriter, StatementState, summarize};
use crate::runner::{
    Cancel, ChildSetup, ColdFiles, Executor, InProcess, Isolated, RepeatUntil, RunEnd, RunPlan, choose_answers, clock,
    default_process_memory_bytes, environment, open_answers, recorded_settings, run_all, warnings,
};
use crate::suite::{Selection, Suite, SuiteFiles};
use crate::tables::{DataSet, Expectation};

/// Run the statements of the suite, check every answer, report and save the result.
///
/// Each statement is run --warmup times, then --iterations times, before the next one. Every sample is on disk before the next
/// one starts; a statement that fails or gives a wrong answer is recorded, has no time in any total, and the run goes on. A run
/// that was interrupted or killed is taken up again with --resume.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Run only these statements: q1,q14a,20-25; 14 means both statements of query 14
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    queries: Selection,
    /// Leave these statements out
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    skip: Selection,
    /// Measured samples a statement [default: 3]; with --repeat-until the least number of them [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    iterations: Option<u32>,
    /// Samples a statement before them that count for nothing [default: 1]; none with --cold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    warmup: Option<u32>,
    /// Sample each statement until its median is known to this share of it, such as 2%: until half of the width of the 95%
    /// interval is no more
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    repeat_until: Option<f64>,
    /// The most measured samples a statement, however wide its interval [default: 50]
    #[arg(long, value_name = "N", requires = "repeat_until", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_iterations: Option<u32>,
    /// The most time that the measured samples of a statement may take together, however wide its interval
    #[arg(long, value_name = "TIME", requires = "repeat_until", value_parser = parse_timeout)]
    max_time: Option<Duration>,
    /// Empty the page cache of the data's files, and the engine's caches of files, before each sample, and make sure that they
    /// are empty
    #[arg(long, conflicts_with = "warmup")]
    cold: bool,
    /// Run each statement in a process of its own, so that one that is killed is a row and the run goes on
    #[arg(long)]
    isolate: bool,
    /// Memory that the process of a statement may use in all [default: the memory limit, a quarter more, and 1GiB]
    #[arg(long, value_name = "SIZE", requires = "isolate")]
    isolate_memory: Option<ByteSize>,
    /// The longest that a sample may take, such as 300s or 10m; then the work is stopped and the statement has failed
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_timeout)]
    timeout: Duration,
    /// How the samples of a statement become one figure: median, min, mean; aws is the mean of median, min and max of execution
    /// time alone, as the figures published for AWS's emr-spark-benchmark
    #[arg(long, value_name = "WAY", default_value_t = Aggregate::default())]
    #[arg(value_parser = suggesting::<Aggregate>(&AGGREGATES), hide_possible_values = true)]
    aggregate: Aggregate,
    /// Words to find the run by; they become part of the folder's name
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The parent of run folders
    #[arg(long, value_name = "DIR", default_value = "results", env = "DSBENCH_OUT")]
    out: PathBuf,
    /// Compare with the answers in this folder, made by scripts/oracle [default: `answers` in the data's folder, or those of the suite]
    #[arg(long, value_name = "DIR", conflicts_with = "verify_with")]
    answers: Option<PathBuf>,
    /// Compare with what this profile returns on the same data
    #[arg(long, value_name = "PROFILE", value_parser = suggesting::<String>(&PROFILES), hide_possible_values = true)]
    verify_with: Option<String>,
    /// Go on with this run (its folder, or its name under --out) that was interrupted or killed, with the settings, statements and
    /// parameters that it was begun with; no other option may be given but --out, --json, --columns, --spill-dir and --allow-changed
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// What may have changed since the run began, separated by commas; the run's record tells
    #[arg(long, value_name = "WHAT", requires = "resume", value_enum, value_delimiter = ',')]
    allow_changed: Vec<Changed>,
    /// Print what would be run, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as JSON instead of the report
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a sample needs some time".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write it as 300s or 10m")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err("write it as 2%: more than 0% and less than 100%".to_owned()),
    }
}

/// What is printed at the end.
pub(super) enum Shown {
    /// The summary as JSON.
    Json,
    /// The report, its table with these columns.
    Text(Columns),
}

/// What a run is made of, be it new or one that goes on.
pub(super) struct Session {
    pub(super) suite: Suite,
    pub(super) plan: RunPlan,
    pub(super) settings: Settings,
    pub(super) limits: EngineLimits,
    pub(super) data: DataSet,
    pub(super) answers: AnswersSource,
}

/// The options that may be given beside --resume, as clap calls them: they change nothing of what is measured.
const BESIDE_RESUME: [&str; 6] = ["resume", "allow_changed", "out", "json", "columns", "spill_dir"];

/// The first option of `dsbench run` that contradicts a `--resume` given with it. What the environment says is no contradiction:
/// the run's record stands above it.
pub(super) fn contradicts_resume(command: &clap::Command, matches: &clap::ArgMatches) -> Option<String> {
    let typed = |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    if !typed("resume") {
        return None;
    }
    let options = command.get_arguments().filter(|option| !BESIDE_RESUME.contains(&option.get_id().as_str()));
    options
        .filter(|option| typed(option.get_id().as_str()))
        .find_map(|option| Some(format!("--{}", option.get_long()?)))
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    // Looked at first: a misspelt column must not cost a run.
    let shown = match args.columns.chosen(!args.json)? {
        _ if args.json => Shown::Json,
        columns => Shown::Text(columns.unwrap_or_default()),
    };
    if let Some(run) = &args.resume {
        let options = resume::Options {
            run,
            out: &args.out,
            shown: &shown,
            spill_dir: args.engine.spill_dir.as_deref(),
            allowed: &args.allow_changed,
        };
        return resume::resume(&options);
    }
    let suite = args.suite.load()?;
    let settings = args.engine.settings()?;
    let reference = match &args.verify_with {
        Some(name) => Some(Settings::resolve(&Profile::find(name)?, [], &[])?),
        None => None,
    };
    let limits = args.engine.limits()?;
    let plan = plan(&args, &suite, &limits)?;
    let (url, _) = args.data.locate()?;
    if args.dry_run {
        output::data(&plan.describe(&settings, &url.to_string()).to_string())?;
        return Ok(Code::Well);
    }
    RunWriter::check(&args.out)?;
    runtime()?.block_on(async {
        let (cancel, stop) = stop_on_interrupt();
        let data = open_data(&args, &stop).await?;
        let answers = match reference {
            Some(settings) => {
                AnswersSource::Profile { name: settings.profile().to_owned(), settings: recorded_settings(&settings) }
            }
            None => {
                if data.must_be_read() {
                    output::note(
                        "the data has no manifest.json: reading all its rows once to know which answers are for it",
                    );
                }
                choose_answers(args.answers.as_deref(), &suite, &data, &limits).await?
            }
        };
        let session = Session { suite, plan, settings, limits, data, answers };
        let (mut executor, checked_against) = session.executor().await?;
        let machine = environment::machine();
        let early = warnings::before(&session.plan, &machine);
        for warning in &early {
            output::note(&format!("warning: {}", warning.message));
        }
        let mut file = run_file(&args, &session, checked_against, machine, early);
        let writer = RunWriter::create(&args.out, &mut file)?;
        let run = Run { folder: writer.folder().to_owned(), file, samples: Vec::new() };
        measure(&session.plan, executor.as_mut(), writer, run, &shown, &cancel).await
    })
}

impl Session {
    /// Where samples are taken, and what their rows are compared with, in words.
    pub(super) async fn executor(&self) -> Result<(Box<dyn Executor>, String), Failure> {
        if let Some(bytes) = self.plan.isolate_bytes {
            return self.isolated(bytes).await;
        }
        let engine = Arc::new(Engine::new(self.settings.clone(), &self.limits).await?);
        self.data.register(&engine)?;
        let verifier =
            open_answers(&self.answers, &self.plan.statements, &self.suite, &self.data, &self.limits).await?;
        let cold = self.plan.cold.then(|| ColdFiles::of(&self.data)).transpose()?;
        let description = verifier.description().to_owned();
        Ok((Box::new(InProcess::new(engine, verifier, self.plan.timeout, cold)), description))
    }

    async fn isolated(&self, process_memory_bytes: u64) -> Result<(Box<dyn Executor>, String), Failure> {
        // Opened here too, although the children use them, so that what is wrong is said before anything starts.
        let verifier = open_answers(&self.answers, &self.plan.statements, &self.suite, &self.data, &self.limits);
        let description = verifier.await?.description().to_owned();
        if self.plan.cold {
            ColdFiles::of(&self.data)?;
        }
        let setup = ChildSetup {
            data: self.data.url.to_string(),
            profile: self.settings.profile().to_owned(),
            settings: recorded_settings(&self.settings),
            spill_dir: self.limits.spill_dir.clone(),
            answers: self.answers.clone(),
            suite_folder: self.suite_folder(),
            process_memory_bytes,
            memory_limit_bytes: self.plan.memory_limit_bytes,
            timeout: self.plan.timeout,
            cold: self.plan.cold,
        };
        Ok((Box::new(Isolated::new(setup)), description))
    }

    /// The suite's folder for the record; nothing for the suite inside the program.
    fn suite_folder(&self) -> Option<String> {
        match &self.suite.files {
            SuiteFiles::BuiltIn => None,
            SuiteFiles::Folder(folder) => {
                Some(paths::shown(&std::path::absolute(folder).unwrap_or_else(|_| folder.clone())))
            }
        }
    }
}

fn plan(args: &Args, suite: &Suite, limits: &EngineLimits) -> Result<RunPlan, Failure> {
    let chosen = suite.select(&args.queries, &args.skip)?;
    let substitution = args.suite.substitution(suite)?;
    let skipped = suite.skips().iter().filter(|(name, _)| !chosen.iter().any(|s| s.name == *name));
    let (iterations, repeat_until) = sample_counts(args)?;
    if args.isolate_memory == Some(ByteSize(0)) {
        return Err(Failure::Usage("--isolate-memory must be more than 0".to_owned()));
    }
    Ok(RunPlan {
        suite: suite.name.clone(),
        statements: RunPlan::fill_in(&chosen, &substitution)?,
        skipped: skipped.cloned().collect(),
        iterations,
        warmup: args.warmup.unwrap_or(if args.cold { 0 } else { 1 }),
        timeout: args.timeout,
        aggregate: args.aggregate,
        seed: args.suite.seed,
        parameters: args.suite.parameters.clone(),
        memory_limit_bytes: limits.memory_bytes,
        repeat_until,
        cold: args.cold,
        isolate_bytes: args.isolate.then(|| match args.isolate_memory {
            Some(ByteSize(bytes)) => bytes,
            None => default_process_memory_bytes(limits.memory_bytes),
        }),
    })
}

/// How many measured samples, and until when.
fn sample_counts(args: &Args) -> Result<(u32, Option<RepeatUntil>), Failure> {
    let Some(relative_half_width) = args.repeat_until else { return Ok((args.iterations.unwrap_or(3), None)) };
    let least = INTERVAL_SAMPLES as u32;
    let iterations = args.iterations.unwrap_or(least);
    if iterations < least {
        return Err(Failure::Usage(format!(
            "--repeat-until needs --iterations {least} or more: fewer samples have no interval"
        )));
    }
    let max_iterations = args.max_iterations.unwrap_or(iterations.max(50));
    if max_iterations < iterations {
        return Err(Failure::Usage(format!(
            "--max-iterations {max_iterations} is less than the {iterations} that --iterations asks for"
        )));
    }
    Ok((iterations, Some(RepeatUntil { relative_half_width, max_iterations, max_time: args.max_time })))
}

/// Opens the data; data in the default place is made or completed first.
async fn open_data(args: &Args, stop: &std::sync::atomic::AtomicBool) -> Result<DataSet, Failure> {
    let (url, scale) = args.data.locate()?;
    if let (None, Some(scale), Some(folder)) = (&args.data.data, scale, url.local_path()) {
        let complete = datagen::check_sizes(&folder).is_ok_and(|report| report.is_ok())
            && datagen::Manifest::read(&folder).is_ok_and(|m| m.tables.len() == datagen::schema::tables().len());
        if !complete {
            output::note(&format!("making the data of scale {scale} in {url} (once)"));
            tokio::task::block_in_place(|| generate::generate(&completing(scale, folder), stop))?;
        }
    }
    Ok(DataSet::open(url, &Expectation { scale, verify_hashes: true }).await?)
}

/// The options under which a folder is completed: those that it was begun with, or the defaults.
fn completing(scale: datagen::ScaleFactor, folder: PathBuf) -> Options {
    let begun = datagen::Manifest::read(&folder).ok().map(|manifest| manifest.writer);
    let mut options = Options::new(scale, folder);
    if let Some(writer) = begun {
        options.parts = writer.parts;
        options.row_group_rows = writer.row_group_rows;
        options.compression = writer.compression;
        options.layout = writer.layout;
        options.bloom_filters = writer.bloom_filters;
    }
    options
}

/// Runs what is left of the plan, and reports.
pub(super) async fn measure(
    plan: &RunPlan,
    executor: &mut dyn Executor,
    mut writer: RunWriter,
    mut run: Run,
    shown: &Shown,
    cancel: &Cancel,
) -> Result<Code, Failure> {
    let progress = RunProgress::new(plan);
    let result = run_all(plan, executor, std::mem::take(&mut run.samples), &mut writer, &progress, cancel).await;
    progress.close();
    let (end, samples) = result?;
    run.samples = samples;
    finish(&mut run, plan, end);
    writer.write_run(&run.file)?;
    let style = if output::wants_colour() { Style::Coloured } else { Style::Plain };
    output::data(&match shown {
        Shown::Json => report::summary_json(&run, plan.aggregate)?,
        Shown::Text(columns) => text_with_columns(&run, plan.aggregate, style, columns),
    })?;
    output::note(&format!("saved in {}", run.folder.display()));
    if end == RunEnd::Interrupted {
        output::note(&format!("`dsbench run --resume {}` does the rest", run.folder.display()));
    }
    Ok(code(&run, plan, end))
}

fn finish(run: &mut Run, plan: &RunPlan, end: RunEnd) {
    let statements = run.statements(plan.aggregate);
    run.file.status = match end {
        RunEnd::Complete => Status::Complete,
        RunEnd::Interrupted => Status::Interrupted,
    };
    run.file.finished_at = Some(clock::timestamp());
    run.file.warnings.extend(warnings::after(plan, &statements));
    run.file.summary = Some(summarize(&statements, plan.aggregate));
}

fn code(run: &Run, plan: &RunPlan, end: RunEnd) -> Code {
    let statements = run.statements(plan.aggregate);
    let any = |state: StatementState| statements.iter().any(|s| s.state == state);
    match end {
        RunEnd::Interrupted => Code::Interrupted,
        // A wrong answer is worse than none.
        RunEnd::Complete if any(StatementState::Wrong) => Code::WrongAnswer,
        RunEnd::Complete if any(StatementState::Failed) => Code::StatementFailed,
        RunEnd::Complete => Code::Well,
    }
}

fn run_file(
    args: &Args,
    session: &Session,
    checked_against: String,
    machine: format::Machine,
    warnings: Vec<Warning>,
) -> RunFile {
    let Session { plan, settings, data, .. } = session;
    RunFile {
        format_version: format::FORMAT_VERSION,
        run: run_name(args, data, settings.profile()),
        label: args.label.clone(),
        status: Status::Running,
        started_at: clock::timestamp(),
        finished_at: None,
        resumed_at: Vec::new(),
        command: command_line(),
        versions: environment::versions(),
        machine,
        data: format::Data {
            url: data.url.local_path().map_or_else(|| data.url.to_string(), |path| paths::shown(&path)),
            scale: data.scale().map(|scale| scale.to_string()),
            fingerprint: data.manifest.as_ref().map(datagen::Manifest::fingerprint),
            layout: data.layout(),
            bytes: data.bytes(),
            row_counts: data.row_counts(),
        },
        plan: format::Plan {
            suite: plan.suite.clone(),
            statements: plan.statements.iter().map(|s| s.name.to_string()).collect(),
            skipped: plan.skipped.iter().map(|(name, reason)| (name.to_string(), reason.clone())).collect(),
            iterations: plan.iterations,
            warmup: plan.warmup,
            timeout_seconds: plan.timeout.as_secs_f64(),
            memory_limit_bytes: plan.memory_limit_bytes,
            seed: plan.seed,
            parameters: plan.parameters.clone(),
            aggregate: plan.aggregate.to_string(),
            answers: checked_against,
            answers_source: Some(session.answers.clone()),
            suite_folder: session.suite_folder(),
            sql_xxh3: plan.statements.iter().map(|s| (s.name.to_string(), content_hash(s.sql.as_bytes()))).collect(),
            repeat_until: plan.repeat_until.as_ref().map(|until| format::RepeatUntil {
                relative_half_width: until.relative_half_width,
                max_iterations: until.max_iterations,
                max_seconds: until.max_time.map(|time| time.as_secs_f64()),
            }),
            cold: plan.cold,
            isolate: plan.isolate_bytes.map(|memory_limit_bytes| format::Isolation { memory_limit_bytes }),
        },
        profile: settings.profile().to_owned(),
        settings: recorded_settings(settings),
        warnings,
        summary: None,
    }
}

/// The arguments after the program's bare name: where it is installed is nobody's business.
fn command_line() -> Vec<String> {
    std::iter::once("dsbench".to_owned()).chain(std::env::args().skip(1)).collect()
}

/// `2026-01-02T03-04-05Z-default-sf1-label`: sorts by time, and is a file name everywhere.
fn run_name(args: &Args, data: &DataSet, profile: &str) -> String {
    let time = clock::utc().to_rfc3339_opts(SecondsFormat::Secs, true).replace(':', "-");
    let scale = data.scale().map_or_else(|| "data".to_owned(), |scale| format!("sf{scale}"));
    let label = args.label.as_ref().map_or_else(String::new, |label| format!("-{label}"));
    let name = format!("{time}-{profile}-{scale}{label}");
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

//! `dsbench run`: the whole job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use datagen::Options;

use super::args::{AGGREGATES, ColumnArgs, DataArgs, EngineArgs, PROFILES, SuiteArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::progress::RunProgress;
use super::suggest::suggesting;
use super::{generate, output, report};
use crate::answers::{AnswerSet, DataIdentity};
use crate::engine::{Engine, EngineLimits, Profile, Settings};
use crate::paths;
use crate::report::{Columns, Style, text_with_columns};
use crate::results::format::{self, RunFile, Status, Warning};
use crate::results::{Aggregate, Run, RunWriter, StatementState, summarize};
use crate::runner::{Cancel, RunEnd, RunPlan, Verifier, clock, environment, run_all, warnings};
use crate::suite::{Selection, Suite};
use crate::tables::{DataSet, Expectation};

/// Run the statements of the suite, check every answer, report and save the result.
///
/// Each statement is run --warmup times, then --iterations times, before the next one. Every sample is on disk before the next
/// one starts; a statement that fails or gives a wrong answer is recorded, has no time in any total, and the run goes on.
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
    /// Measured samples a statement
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    iterations: u32,
    /// Samples a statement before them that count for nothing
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    warmup: u32,
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

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    // A misspelt column must not cost a run.
    args.columns.chosen(!args.json)?;
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
    runtime()?.block_on(async {
        let (cancel, stop) = stop_on_interrupt();
        let data = open_data(&args, &stop).await?;
        let engine = Arc::new(Engine::new(settings, &limits).await?);
        data.register(&engine)?;
        let mut verifier = match reference {
            Some(settings) => {
                let reference = Arc::new(Engine::new(settings, &limits).await?);
                data.register(&reference)?;
                Verifier::with_engine(&plan.statements, reference)?
            }
            None => stored_answers(&args, &suite, &plan, &data)?,
        };
        measure(&args, &plan, &data, &engine, &mut verifier, &cancel).await
    })
}

fn plan(args: &Args, suite: &Suite, limits: &EngineLimits) -> Result<RunPlan, Failure> {
    let chosen = suite.select(&args.queries, &args.skip)?;
    let substitution = args.suite.substitution(suite)?;
    let skipped = suite.skips().iter().filter(|(name, _)| !chosen.iter().any(|s| s.name == *name));
    Ok(RunPlan {
        suite: suite.name.clone(),
        statements: RunPlan::fill_in(&chosen, &substitution)?,
        skipped: skipped.cloned().collect(),
        iterations: args.iterations,
        warmup: args.warmup,
        timeout: args.timeout,
        aggregate: args.aggregate,
        seed: args.suite.seed,
        parameters: args.suite.parameters.clone(),
        memory_limit_bytes: limits.memory_bytes,
    })
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

/// The answers that the user named, or those beside the data, or those of the suite that are for this data.
fn stored_answers(args: &Args, suite: &Suite, plan: &RunPlan, data: &DataSet) -> Result<Verifier, Failure> {
    let identity = data.manifest.as_ref().map(|manifest| DataIdentity {
        scale: manifest.scale.as_f64(),
        tables: manifest
            .tables
            .iter()
            .filter_map(|(name, table)| Some((name.clone(), table.content_hash.clone()?)))
            .collect(),
    });
    let verifier = |set: Option<&AnswerSet>, place: &str, required: bool| {
        Verifier::with_answers(&plan.statements, set, place, identity.as_ref(), required)
    };
    if let Some(folder) = &args.answers {
        let set = AnswerSet::open(folder).map_err(|error| Failure::Data(super::exit::chain(&error)))?;
        return Ok(verifier(set.as_ref(), &paths::shown(folder), true)?);
    }
    let beside = data.url.local_path().map(|folder| folder.join("answers"));
    let mut candidates: Vec<(String, AnswerSet)> = Vec::new();
    if let Some(folder) = beside {
        let set = AnswerSet::open(&folder).map_err(|error| Failure::Data(super::exit::chain(&error)))?;
        candidates.extend(set.map(|set| (paths::shown(&folder), set)));
    }
    candidates.extend(suite_answers(suite)?);
    let fits = |set: &AnswerSet| identity.as_ref().is_some_and(|identity| set.differing_tables(identity).is_empty());
    match candidates.iter().find(|(_, set)| fits(set)) {
        Some((place, set)) => Ok(verifier(Some(set), place, false)?),
        None => Ok(verifier(None, "", false)?),
    }
}

/// Every folder under the suite's `answers/`.
fn suite_answers(suite: &Suite) -> Result<Vec<(String, AnswerSet)>, Failure> {
    let mut sets = Vec::new();
    for folder in suite.files.folders("answers") {
        let files = suite.files.clone();
        let set = AnswerSet::read(std::path::Path::new(&folder), move |path| files.read_bytes(path));
        let set = set.map_err(|error| Failure::Data(super::exit::chain(&error)))?;
        sets.extend(set.map(|set| (format!("the suite's {folder}"), set)));
    }
    Ok(sets)
}

async fn measure(
    args: &Args,
    plan: &RunPlan,
    data: &DataSet,
    engine: &Arc<Engine>,
    verifier: &mut Verifier,
    cancel: &Cancel,
) -> Result<Code, Failure> {
    let machine = environment::machine();
    let early = warnings::before(plan, &machine);
    for warning in &early {
        output::note(&format!("warning: {}", warning.message));
    }
    let mut file = run_file(args, plan, data, engine, verifier, machine, early);
    let mut writer = RunWriter::create(&args.out, &mut file)?;
    let progress = RunProgress::new(plan);
    let result = run_all(plan, engine, verifier, &mut writer, &progress, cancel).await;
    progress.close();
    let (end, samples) = result?;
    let mut run = Run { folder: writer.folder().to_owned(), file, samples };
    finish(&mut run, plan, end);
    writer.write_run(&run.file)?;
    let columns = args.columns.chosen(!args.json)?.unwrap_or_default();
    let style = if output::wants_colour() { Style::Coloured } else { Style::Plain };
    output::data(&match args.json {
        true => report::summary_json(&run, plan.aggregate)?,
        false => text_with_columns(&run, plan.aggregate, style, &columns),
    })?;
    output::note(&format!("saved in {}", run.folder.display()));
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
    plan: &RunPlan,
    data: &DataSet,
    engine: &Engine,
    verifier: &Verifier,
    machine: format::Machine,
    warnings: Vec<Warning>,
) -> RunFile {
    let settings = engine.settings();
    let resolved = settings.all().into_iter();
    RunFile {
        format_version: format::FORMAT_VERSION,
        run: run_name(args, data, settings.profile()),
        label: args.label.clone(),
        status: Status::Running,
        started_at: clock::timestamp(),
        finished_at: None,
        command: command_line(),
        versions: environment::versions(),
        machine,
        data: format::Data {
            url: data.url.local_path().map_or_else(|| data.url.to_string(), |path| paths::shown(&path)),
            scale: data.scale().map(|scale| scale.to_string()),
            fingerprint: data.manifest.as_ref().map(datagen::Manifest::fingerprint),
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
            answers: verifier.description().to_owned(),
        },
        profile: settings.profile().to_owned(),
        settings: resolved
            .map(|s| format::Setting { key: s.key, value: s.value, source: s.source.to_string() })
            .collect(),
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

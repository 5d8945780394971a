//! `dsbench run`: the whole job.

use std::time::Duration;

use super::args::{AGGREGATES, ColumnArgs, EngineArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::measure_args::{MeasureArgs, parse_percent, parse_timeout};
use super::progress::RunProgress;
use super::resume;
use super::session::{EngineChoice, Session, open_data};
use super::suggest::suggesting;
use super::{output, report};
use crate::report::{Columns, UdfReport, text_with_columns};
use crate::results::format::Status;
use crate::results::inference::INTERVAL_SAMPLES;
use crate::results::{Aggregate, OperatorWriter, Run, RunWriter, StatementState, summarize};
use crate::runner::{
    Cancel, Executor, PeerCommand, RepeatUntil, RunEnd, RunPlan, clock, environment, run_all, warnings,
};

/// Run the statements of the suite, check every answer, report and save the result.
///
/// Each statement is run --warmup times, then --iterations times, before the next one. Every sample is on disk before the next
/// one starts; a statement that fails or gives a wrong answer is recorded, has no time in any total, and the run goes on. A run
/// that was interrupted or killed is taken up again with --resume.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    measure: MeasureArgs,
    /// Measured samples a statement [default: 3]; with --repeat-until the least number of them [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    iterations: Option<u32>,
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
    /// How the samples of a statement become one figure: median, min, mean; aws is the mean of median, min and max of execution
    /// time alone, as the figures published for AWS's emr-spark-benchmark
    #[arg(long, value_name = "WAY", default_value_t = Aggregate::default())]
    #[arg(value_parser = suggesting::<Aggregate>(&AGGREGATES), hide_possible_values = true)]
    aggregate: Aggregate,
    /// Run the statements in another engine on the same files: a script of scripts/peers (duckdb, datafusion, spark), or the path of
    /// a program that does what they do
    #[arg(long, value_name = "NAME", conflicts_with_all = ["isolate", "cold", "profile", "sets"])]
    peer: Option<String>,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What is printed at the end.
pub(super) enum Shown {
    /// The summary as JSON.
    Json,
    /// The report, its table with these columns.
    Text(Columns),
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    // Looked at first: a misspelt column must not cost a run.
    let shown = match args.columns.chosen(!args.measure.json)? {
        _ if args.measure.json => Shown::Json,
        columns => Shown::Text(columns.unwrap_or_default()),
    };
    if let Some(run) = &args.measure.resume {
        let options = resume::Options {
            run,
            out: &args.measure.out,
            shown: &shown,
            spill_dir: args.engine.limits.spill_dir.as_deref(),
            allowed: &args.measure.allow_changed,
        };
        return resume::resume(&options);
    }
    let suite = args.measure.suite.load()?;
    let settings = args.engine.settings()?;
    let limits = args.engine.limits.limits()?;
    let (iterations, repeat_until) = sample_counts(&args)?;
    let plan = RunPlan { iterations, repeat_until, aggregate: args.aggregate, ..args.measure.plan(&suite, &limits)? };
    let choice = match &args.peer {
        Some(named) => EngineChoice::Peer(PeerCommand::find(named).map_err(Failure::Usage)?),
        None if plan.isolate_bytes.is_some() => EngineChoice::PerStatement(settings.clone()),
        None => EngineChoice::Here(settings.clone()),
    };
    let (url, _) = args.measure.data.locate()?;
    if args.measure.dry_run {
        output::data(&plan.describe(&settings, args.peer.as_deref(), &url.to_string()).to_string())?;
        return Ok(Code::Well);
    }
    RunWriter::check(&args.measure.out)?;
    runtime()?.block_on(async {
        let (cancel, stop) = stop_on_interrupt();
        let data = open_data(&args.measure.data, &stop).await?;
        let answers = args.measure.answers_source(&suite, &data, &limits).await?;
        let session = Session { suite, plan, limits, data, answers };
        let mut opened = session.open(&choice, &cancel).await?;
        let machine = environment::machine();
        let mut early = warnings::before(&session.plan, &machine);
        early.extend(warnings::of_data(&session.data));
        for warning in &early {
            output::note(&format!("warning: {}", warning.message));
        }
        let label = args.measure.label.clone();
        let name = session.run_name(&opened.engine.profile, label.as_deref());
        let mut file = session.run_file(name, label, &opened, machine, early);
        let writer = RunWriter::create(&args.measure.out, &mut file)?;
        let run = Run { folder: writer.folder().to_owned(), file, samples: Vec::new() };
        measure(&session.plan, opened.executor.as_mut(), writer, run, &shown, &cancel).await
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

/// Runs what is left of the plan, and reports.
pub(super) async fn measure(
    plan: &RunPlan,
    executor: &mut dyn Executor,
    mut writer: RunWriter,
    mut run: Run,
    shown: &Shown,
    cancel: &Cancel,
) -> Result<Code, Failure> {
    let mut operators = OperatorWriter::open(writer.folder())?;
    let progress = RunProgress::new(plan);
    let earlier = std::mem::take(&mut run.samples);
    let result = run_all(plan, executor, earlier, (&mut writer, &mut operators), &progress, cancel).await;
    progress.close();
    executor.close().await;
    let (end, samples) = result?;
    run.samples = samples;
    finish(&mut run, plan, end);
    writer.write_run(&run.file)?;
    output::data(&match shown {
        Shown::Json => report::summary_json(&run, plan.aggregate)?,
        Shown::Text(columns) => {
            let text = text_with_columns(&run, plan.aggregate, output::style(), columns);
            text + &report::functions(&run.folder, UdfReport::text)?
        }
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

//! `dsbench report`: a saved run or A/B again.

use std::path::{Path, PathBuf};

use super::ab_report::{self, Form};
use super::args::{AGGREGATES, ColumnArgs};
use super::exit::{Code, Failure};
use super::output;
use super::suggest::suggesting;
use crate::report::{Columns, EstimatesReport, UdfReport, markdown, markdown_with_columns, text_with_columns};
use crate::results::{Ab, Aggregate, Run, read_plans, read_udfs, summarize, udf_medians};

/// Show a saved run or A/B again. The figures are computed anew from its samples.
///
/// With --estimates, show instead where the optimizer's estimates of rows were off most: a row for each operator that filters, joins or
/// aggregates, with the q-error, which is the factor between estimated and actual rows. Operators that were stopped by a LIMIT, or whose
/// rows were reduced by a filter that a join found while it ran, are counted, but not judged.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of a run or an A/B, or the run.json or ab.json in it
    run: PathBuf,
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// How the samples of a statement become one figure: median, min, mean, aws [default: as in the run]
    #[arg(long, value_name = "WAY", value_parser = suggesting::<Aggregate>(&AGGREGATES), hide_possible_values = true)]
    aggregate: Option<Aggregate>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// Show the worst estimates of the run, and how far estimates were off by kind of operator
    #[arg(long, conflicts_with_all = ["aggregate", "columns"])]
    estimates: bool,
    /// How many of the worst estimates
    #[arg(long, value_name = "N", default_value_t = 20, requires = "estimates")]
    worst: usize,
}

const EXAMPLES: &str = "\
Examples:
  dsbench report results/RUN --columns median,q-error,plan
  dsbench report results/RUN --estimates                   the 20 worst estimates of the suite
  dsbench run --set engine.adaptive.enabled=false          a run in which nothing reduces rows behind the estimates' backs";

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    if Ab::is_at(&args.run) {
        return ab(&args);
    }
    if args.estimates {
        return estimates(&args);
    }
    let columns = args.columns.chosen(!matches!(args.format, Form::Json))?;
    let run = Run::read(&args.run).map_err(|error| Failure::Data(error.to_string()))?;
    let recorded = run.file.plan.aggregate.parse::<Aggregate>().unwrap_or_default();
    let aggregate = args.aggregate.unwrap_or(recorded);
    output::data(&match (args.format, columns) {
        (Form::Text, columns) => {
            let text = text_with_columns(&run, aggregate, output::style(), &columns.unwrap_or_default());
            text + &functions(&run.folder, UdfReport::text)?
        }
        (Form::Markdown, columns) => {
            let text = match columns {
                Some(columns) => markdown_with_columns(&run, aggregate, &columns),
                None => markdown(&run, aggregate),
            };
            text + &functions(&run.folder, UdfReport::markdown)?
        }
        (Form::Json, _) => summary_json(&run, aggregate)?,
    })?;
    Ok(Code::Well)
}

/// Shows an A/B.
fn ab(args: &Args) -> Result<Code, Failure> {
    if args.estimates || args.aggregate.is_some() || args.columns.chosen(true)?.is_some() {
        let message = "--estimates, --aggregate and --columns are for runs: name one of the runs in the A/B's folder";
        return Err(Failure::Usage(message.to_owned()));
    }
    let ab = Ab::read(&args.run).map_err(|error| Failure::Data(error.to_string()))?;
    output::data(&ab_report::of(&ab, &args.format)?)?;
    Ok(Code::Well)
}

/// Shows how good the estimates were.
fn estimates(args: &Args) -> Result<Code, Failure> {
    let data_error = |error: crate::results::ResultsError| Failure::Data(error.to_string());
    let run = Run::read(&args.run).map_err(data_error)?;
    let plans = read_plans(&run.folder).map_err(data_error)?;
    let Some(report) = EstimatesReport::new(&run, &plans, args.worst) else {
        return Err(Failure::Data(format!(
            "{} has no estimates: it was made by an older program, by another engine, or with engine.trace.enabled off",
            run.folder.display()
        )));
    };
    output::data(&match args.format {
        Form::Text => report.text(),
        Form::Markdown => report.markdown(),
        Form::Json => output::json(&report.json())?,
    })?;
    Ok(Code::Well)
}

/// What functions took, medians of the samples; empty if the run has no profile of them.
pub(super) fn functions(folder: &Path, form: impl FnOnce(&UdfReport) -> String) -> Result<String, Failure> {
    let rows = read_udfs(folder).map_err(|error| Failure::Data(error.to_string()))?;
    let report = UdfReport::new(udf_medians(rows));
    Ok(report.map_or_else(String::new, |report| format!("\nFunctions, medians of the samples:\n\n{}", form(&report))))
}

/// The summary as one JSON object, as `run.json` has it.
pub(super) fn summary_json(run: &Run, aggregate: Aggregate) -> Result<String, Failure> {
    let summary = summarize(&run.statements(aggregate), aggregate);
    output::json(&summary)
}

//! `dsbench report`: a saved run or A/B again.

use std::path::PathBuf;

use super::ab_report::{self, Form};
use super::args::{AGGREGATES, ColumnArgs};
use super::exit::{Code, Failure};
use super::output;
use super::suggest::suggesting;
use crate::report::{Columns, markdown, markdown_with_columns, text_with_columns};
use crate::results::{Ab, Aggregate, Run, summarize};

/// Show a saved run or A/B again. The figures are computed anew from its samples.
#[derive(Debug, clap::Args)]
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
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    if Ab::is_at(&args.run) {
        return ab(&args);
    }
    let columns = args.columns.chosen(!matches!(args.format, Form::Json))?;
    let run = Run::read(&args.run).map_err(|error| Failure::Data(error.to_string()))?;
    let recorded = run.file.plan.aggregate.parse::<Aggregate>().unwrap_or_default();
    let aggregate = args.aggregate.unwrap_or(recorded);
    output::data(&match (args.format, columns) {
        (Form::Text, columns) => text_with_columns(&run, aggregate, output::style(), &columns.unwrap_or_default()),
        (Form::Markdown, Some(columns)) => markdown_with_columns(&run, aggregate, &columns),
        (Form::Markdown, None) => markdown(&run, aggregate),
        (Form::Json, _) => summary_json(&run, aggregate)?,
    })?;
    Ok(Code::Well)
}

/// Shows an A/B.
fn ab(args: &Args) -> Result<Code, Failure> {
    if args.aggregate.is_some() || args.columns.chosen(true)?.is_some() {
        let message = "--aggregate and --columns are for runs: name one of the runs in the A/B's folder";
        return Err(Failure::Usage(message.to_owned()));
    }
    let ab = Ab::read(&args.run).map_err(|error| Failure::Data(error.to_string()))?;
    output::data(&ab_report::of(&ab, &args.format)?)?;
    Ok(Code::Well)
}

/// The summary as one JSON object, as `run.json` has it.
pub(super) fn summary_json(run: &Run, aggregate: Aggregate) -> Result<String, Failure> {
    let summary = summarize(&run.statements(aggregate), aggregate);
    let text = serde_json::to_string_pretty(&summary);
    text.map(|text| text + "\n").map_err(|error| Failure::Other(error.to_string()))
}

//! `dsbench report`: a saved run again.

use std::path::PathBuf;

use super::args::{AGGREGATES, ColumnArgs};
use super::exit::{Code, Failure};
use super::output;
use super::suggest::suggesting;
use crate::report::{Columns, Style, markdown, markdown_with_columns, text_with_columns};
use crate::results::{Aggregate, Run, summarize};

/// Show a saved run again. The figures are computed anew from its samples.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run's folder, or its run.json
    run: PathBuf,
    /// The form
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How the samples of a statement become one figure: median, min, mean, aws [default: as in the run]
    #[arg(long, value_name = "WAY", value_parser = suggesting::<Aggregate>(&AGGREGATES), hide_possible_values = true)]
    aggregate: Option<Aggregate>,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a README or a pull request
    Markdown,
    /// The summary, for programs
    Json,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    if args.columns.asks_for_help() {
        output::data(&Columns::help())?;
        return Ok(Code::Well);
    }
    let columns = args.columns.chosen(!matches!(args.format, Format::Json))?;
    let run = Run::read(&args.run).map_err(|error| Failure::Data(error.to_string()))?;
    let recorded = run.file.plan.aggregate.parse::<Aggregate>().unwrap_or_default();
    let aggregate = args.aggregate.unwrap_or(recorded);
    let style = if output::wants_colour() { Style::Coloured } else { Style::Plain };
    output::data(&match (args.format, columns) {
        (Format::Text, columns) => text_with_columns(&run, aggregate, style, &columns.unwrap_or_default()),
        (Format::Markdown, Some(columns)) => markdown_with_columns(&run, aggregate, &columns),
        (Format::Markdown, None) => markdown(&run, aggregate),
        (Format::Json, _) => summary_json(&run, aggregate)?,
    })?;
    Ok(Code::Well)
}

/// The summary as one JSON object, as `run.json` has it.
pub(super) fn summary_json(run: &Run, aggregate: Aggregate) -> Result<String, Failure> {
    let summary = summarize(&run.statements(aggregate), aggregate);
    let text = serde_json::to_string_pretty(&summary);
    text.map(|text| text + "\n").map_err(|error| Failure::Other(error.to_string()))
}

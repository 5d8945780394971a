//! The command line: arguments in, an exit code out. clap lives here and nowhere else, and so does printing.
//!
//! Data goes to standard output, everything else to standard error.

mod ab;
mod ab_progress;
mod ab_report;
mod analyze;
mod args;
mod compare;
mod completions;
mod doctor;
mod exit;
mod explain;
mod explain_rules;
mod generate;
mod isolated;
mod layout;
mod man;
mod measure_args;
mod output;
mod progress;
mod queries;
mod report;
mod resume;
mod run;
mod session;
mod shell;
mod sides;
mod sql;
mod suggest;
mod udf_profile;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::Failure;
use output::ErrorFormat;

/// A TPC-DS benchmark harness and the query engine it measures.
///
/// `dsbench run` does the whole job: it makes the data if there is none, runs all 104 statements, checks every answer, prints
/// total and geometric mean, and saves every sample.
#[derive(Debug, Parser)]
#[command(name = "dsbench", version, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    /// How an error is written to standard error
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t = ErrorFormat::Text)]
    error_format: ErrorFormat,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  dsbench run                                  scale 1: generate, run, check, report
  dsbench run --scale 10 --profile datafusion  the baseline at scale 10
  dsbench run --queries q1,q14a,20-25 --set datafusion.execution.batch_size=16384
  dsbench ab default datafusion                which is faster, by how much, and why
  dsbench compare BEFORE AFTER --fail-on 5%    saved runs, with an exit code for CI
  dsbench sql \"select count(*) from store_sales\"
  dsbench sql                                  the same in a shell
  dsbench queries show q14a                    the exact SQL
  dsbench analyze DIR                          what the optimizer should know of data of other makers
  dsbench --error-format json sql \"select x\"   an error as {\"class\":\"UNRESOLVED_COLUMN\",\"sqlstate\":\"42703\",
                                               \"message\":…,\"line\":1,\"column\":8,\"length\":1,\"hint\":…}

Exit codes: 0 well, 2 wrong usage, 3 data missing or damaged, 4 a statement failed, 5 a wrong answer, 6 slower than --fail-on,
130 interrupted, 1 anything else.
Data lives under $DSBENCH_DATA (by default ~/.cache/dsbench) in sf1, sf10, …; a setting `a.b` is also $DSBENCH_A_B.";

#[derive(Debug, Subcommand)]
enum Command {
    // The commands without words here have longer ones of their own, which these would hide from their --help.
    Run(Box<run::Args>),
    Ab(Box<ab::Args>),
    Explain(explain::Args),
    Generate(generate::Args),
    Analyze(analyze::Args),
    Layout(layout::Args),
    Sql(sql::Args),
    Queries(queries::Args),
    Report(report::Args),
    Compare(compare::Args),
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    Man(man::Args),
    /// Take the samples of one statement for another process of this program
    #[command(name = crate::runner::SUBCOMMAND, hide = true)]
    Isolated,
}

/// Reads the arguments, does what they say, prints what went wrong.
pub fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && asks_for_json() => {
            output::failed(&Failure::Usage(usage_message(&error)), ErrorFormat::Json);
            return exit::Code::Usage.into();
        }
        Err(error) => error.exit(),
    };
    let Cli { error_format, command } = cli;
    let result = match command {
        Command::Run(args) => run::run(*args),
        Command::Ab(args) => ab::run(*args),
        Command::Explain(args) => explain::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Analyze(args) => analyze::run(args),
        Command::Layout(args) => layout::run(args),
        Command::Sql(args) => sql::run(args),
        Command::Queries(args) => queries::run(args),
        Command::Report(args) => report::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::Isolated => isolated::run(),
    };
    match result {
        Ok(code) => code.into(),
        // Whoever read the output has seen enough.
        Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failed(&failure, error_format);
            failure.code().into()
        }
    }
}

/// Reads the arguments. Which of them exclude each other depends, with `--resume`, on where their values came from.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    if let Some((name @ ("run" | "ab"), chosen)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand_mut(name)
        && let Some(other) = measure_args::contradicts_resume(subcommand, chosen)
    {
        let message = format!(
            "{other} cannot be used with --resume: a run goes on with the settings that it was begun with; without --resume a new \
             run begins"
        );
        return Err(subcommand.error(clap::error::ErrorKind::ArgumentConflict, message));
    }
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    if let (Command::Ab(args), Some((_, chosen))) = (&mut cli.command, matches.subcommand()) {
        args.place_sets(chosen);
    }
    Ok(cli)
}

/// Whether the arguments, which are wrong in another place, have `--error-format json`.
fn asks_for_json() -> bool {
    let arguments: Vec<_> = std::env::args_os().collect();
    arguments.windows(2).any(|pair| pair[0] == "--error-format" && pair[1] == "json")
        || arguments.iter().any(|argument| argument == "--error-format=json")
}

/// What clap says of wrong arguments, on one line and without the usage below it.
fn usage_message(error: &clap::Error) -> String {
    let text = error.to_string();
    let message = text.trim_start_matches("error: ").split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}

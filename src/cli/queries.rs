//! `dsbench queries`: what the statements are.

use std::path::PathBuf;

use super::args::SuiteArgs;
use super::exit::{Code, Failure};
use super::output;
use crate::answers::{SqlShape, StatementEntry};
use crate::paths;
use crate::runner::PlannedStatement;
use crate::suite::{Domain, Selection, Statement, Suite};

/// List, show or export the statements of the suite.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    suite: SuiteArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the statements (as without a subcommand)
    List,
    /// Print the exact SQL of statements, with their parameters filled in
    Show {
        /// Statements such as q14a, 14 (both of query 14), 20-25
        #[arg(required = true)]
        statements: Vec<Selection>,
        /// Print the header too: question, parameters with their domains, deviations
        #[arg(long)]
        header: bool,
        #[command(flatten)]
        suite: SuiteArgs,
    },
    /// Write the exact SQL of all statements as files, with a statements.json that says what each one fixes of its answer
    Export {
        /// The folder; made if it is missing
        dir: PathBuf,
        #[command(flatten)]
        suite: SuiteArgs,
    },
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    match args.command {
        None | Some(Command::List) => list(&args.suite.load()?),
        Some(Command::Show { statements, header, suite }) => show(&merged(args.suite, suite), &statements, header),
        Some(Command::Export { dir, suite }) => export(&merged(args.suite, suite), &dir),
    }
}

/// The options may stand before the subcommand or after it.
fn merged(before: SuiteArgs, after: SuiteArgs) -> SuiteArgs {
    SuiteArgs {
        suite: after.suite.or(before.suite),
        seed: after.seed.or(before.seed),
        parameters: before.parameters.into_iter().chain(after.parameters).collect(),
    }
}

fn list(suite: &Suite) -> Result<Code, Failure> {
    let mut text = String::new();
    for statement in suite.statements() {
        let skipped = suite.skips().iter().find(|(name, _)| *name == statement.name);
        let note = skipped.map_or_else(String::new, |(_, reason)| format!("  (skipped: {reason})"));
        text.push_str(&format!("{:<8} {}{note}\n", statement.name, statement.title));
    }
    output::data(&text)?;
    Ok(Code::Well)
}

fn show(args: &SuiteArgs, selections: &[Selection], header: bool) -> Result<Code, Failure> {
    let suite = args.load()?;
    let substitution = args.substitution(&suite)?;
    let mut text = String::new();
    for selection in selections {
        for statement in suite.select(selection, &Selection::default())? {
            if !text.is_empty() {
                text.push('\n');
            }
            if header {
                text.push_str(&describe(statement));
            }
            text.push_str(&statement.render(&substitution)?);
            text.push_str(";\n");
        }
    }
    output::data(&text)?;
    Ok(Code::Well)
}

/// The header as SQL comments.
fn describe(statement: &Statement) -> String {
    let mut text = format!("-- {}: {}\n-- {}\n", statement.name, statement.title, statement.question);
    for (name, parameter) in &statement.parameters {
        let domain = match &parameter.domain {
            Domain::Int(low, high) => format!("whole number, {low} to {high}"),
            Domain::Date(low, high) => format!("day, {low} to {high}"),
            Domain::Text(members) | Domain::Sql(members) => format!("one of {}", members.join(" | ")),
            Domain::NamedText(domain) => format!("one of {domain}"),
        };
        let count = parameter.count.map_or_else(String::new, |count| format!("{count} values, each "));
        text.push_str(&format!("-- {name}: {count}{domain}; qualification {}\n", parameter.default.join(", ")));
    }
    for deviation in &statement.deviations {
        text.push_str(&format!("-- deviation: {deviation}\n"));
    }
    text
}

fn export(args: &SuiteArgs, dir: &std::path::Path) -> Result<Code, Failure> {
    let suite = args.load()?;
    let substitution = args.substitution(&suite)?;
    let write = |file: &str, text: &str| {
        let path = dir.join(file);
        paths::write_atomically(&path, text.as_bytes())
            .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))
    };
    let mut entries = Vec::new();
    for statement in suite.statements() {
        let planned = PlannedStatement::new(statement, &substitution)?;
        let shape =
            SqlShape::parse(&planned.sql).map_err(|error| Failure::Usage(format!("{}: {error}", statement.name)))?;
        let stem = statement.name.file_stem();
        let (file, unlimited_file) = (format!("{stem}.sql"), format!("unlimited/{stem}.sql"));
        write(&file, &planned.sql)?;
        let entry = StatementEntry::new(planned.name.as_str(), &file, &unlimited_file, &planned.sql, &shape);
        if let Some(unlimited) = &shape.unlimited_sql {
            write(&unlimited_file, unlimited)?;
        }
        entries.push(entry);
    }
    write("statements.json", &output::json(&entries)?)?;
    output::note(&format!("wrote {} statements to {}", entries.len(), dir.display()));
    Ok(Code::Well)
}

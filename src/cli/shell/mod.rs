//! `dsbench sql` without text: the shell, and scripts on standard input.
//!
//! ```text
//! Terminal (a person, or standard input)
//!     │ lines
//!     ▼
//! Splitter ── statements ──▶ run ──▶ Printer ──▶ screen, pager or file
//!     └────── \commands ───▶ Shell's own settings
//! ```
//!
//! All but the reading of keys works without a terminal and is tested so. With a person, an error is said and the shell goes on; a script
//! ends at its first error, with that error's exit code, since nobody is there to read it.

mod commands;
mod complete;
pub(super) mod display;
mod editor;
mod pager;
mod run;
mod split;
mod terminal;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use futures::future::LocalBoxFuture;

use self::commands::Command;
use self::complete::{Names, TableNames};
use self::display::{Expanded, Form, Look, Printer, Sink};
use self::editor::LineEditor;
use self::split::Splitter;
use self::terminal::{Input, OutputFile, Script, Terminal};
use super::args::stop_on_interrupt;
use super::exit::{Code, Failure};
use crate::engine::{Engine, ParsedStatement};

/// The rows that a table shows where a person looks at it; nobody reads more, and millions would fill the memory.
const MOST_ROWS: usize = 10_000;
/// Files that include files that include files: more are a circle.
const DEEPEST_INCLUDE: usize = 16;

/// Whether a person sits in front of the program.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Runs what is typed, or what stands on standard input.
pub(super) async fn run(engine: Arc<Engine>, row_counts: BTreeMap<String, u64>, form: Form) -> Result<Code, Failure> {
    if !is_interactive() {
        let (cancel, _) = stop_on_interrupt();
        let mut shell = Shell::new(engine, row_counts, form, Script::new(io::stdin().lock(), cancel));
        return match shell.run().await? {
            0 => Err(Failure::Usage(
                "there is no statement: standard input has none, and no SQL text was given".to_owned(),
            )),
            _ => Ok(Code::Well),
        };
    }
    let editor = LineEditor::new().map_err(|error| Failure::Other(format!("the terminal cannot be used: {error}")))?;
    let mut shell = Shell::new(engine, row_counts, form, editor);
    shell.terminal.note(&format!("dsbench {}: \\? for help, \\q to leave", env!("CARGO_PKG_VERSION")));
    shell.run().await?;
    Ok(Code::Well)
}

struct Shell<T> {
    engine: Arc<Engine>,
    /// The rows of tables, as far as they are known without counting.
    row_counts: BTreeMap<String, u64>,
    terminal: T,
    form: Form,
    expanded: Expanded,
    most_rows: Option<usize>,
    pages: bool,
    is_timed: bool,
    output: Option<OutputFile>,
    /// Statements and commands so far.
    done: usize,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Leave,
}

impl<T: Terminal> Shell<T> {
    fn new(engine: Arc<Engine>, row_counts: BTreeMap<String, u64>, form: Form, terminal: T) -> Self {
        let most_rows = terminal.is_interactive().then_some(MOST_ROWS);
        Self {
            engine,
            row_counts,
            terminal,
            form,
            expanded: Expanded::Off,
            most_rows,
            pages: true,
            is_timed: false,
            output: None,
            done: 0,
        }
    }

    /// Reads to the end; gives the number of statements and commands.
    async fn run(&mut self) -> Result<usize, Failure> {
        let mut splitter = Splitter::default();
        let mut entry = String::new();
        let mut line_number = 0;
        let is_interactive = self.terminal.is_interactive();
        let placed = |failure: Failure, line: usize| match is_interactive {
            true => failure,
            false => failure.in_line(Path::new("standard input"), line),
        };
        self.tell_names().await;
        loop {
            match self.terminal.read()? {
                Input::Line(line) => {
                    line_number += 1;
                    let next = self.take(&mut splitter, &mut entry, &line).await;
                    if next.map_err(|failure| placed(failure, line_number))? == Next::Leave {
                        break;
                    }
                }
                Input::Interrupted => {
                    splitter = Splitter::default();
                    entry.clear();
                }
                Input::End => {
                    // What a person began is given up, as in psql; a file may leave out the last semicolon.
                    if let Some(rest) = splitter.finish().filter(|_| !is_interactive) {
                        self.run_text(&rest).await.map_err(|failure| placed(failure, line_number))?;
                    }
                    break;
                }
            }
        }
        Ok(self.done)
    }

    /// One line of a person or a script, which may hold several after a paste.
    async fn take(&mut self, splitter: &mut Splitter, entry: &mut String, lines: &str) -> Result<Next, Failure> {
        for line in lines.lines() {
            if splitter.takes_commands() && line.trim_start().starts_with('\\') {
                self.terminal.remember(line.trim_end());
                let result = self.command(line, splitter, 0).await;
                if splitter.pending().is_empty() {
                    entry.clear();
                }
                if let Some(Next::Leave) = self.told(result)? {
                    return Ok(Next::Leave);
                }
                continue;
            }
            entry.push_str(line);
            entry.push('\n');
            let statements = splitter.push(line);
            if splitter.pending().is_empty() {
                if !entry.trim().is_empty() {
                    // The blank in front says that a line is not to be kept.
                    self.terminal.remember(entry.trim_end());
                }
                entry.clear();
            }
            for statement in statements {
                let result = self.run_text(&statement).await;
                let was_stopped = matches!(result, Err(Failure::Interrupted(_)));
                self.told(result)?;
                if was_stopped {
                    break;
                }
            }
        }
        Ok(Next::GoOn)
    }

    /// Says what went wrong and goes on, where somebody reads it.
    fn told<R>(&mut self, result: Result<R, Failure>) -> Result<Option<R>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(failure @ Failure::BrokenPipe) => Err(failure),
            Err(failure) if !self.terminal.is_interactive() => Err(failure),
            Err(Failure::Interrupted(message)) => {
                self.terminal.note(&message);
                Ok(None)
            }
            Err(failure) => {
                self.terminal.note(&format!("error: {failure}"));
                Ok(None)
            }
        }
    }

    async fn run_text(&mut self, text: &str) -> Result<(), Failure> {
        for statement in self.engine.parse(text)? {
            self.run_statement(statement).await?;
        }
        Ok(())
    }

    async fn run_statement(&mut self, statement: ParsedStatement) -> Result<(), Failure> {
        self.done += 1;
        let (look, interrupted) = (self.look(), self.terminal.interrupted());
        let sink = || self.sink();
        let finished = run::run(&self.engine, statement, look, sink, interrupted).await?;
        if let Some(text) = finished.text {
            self.show(&text)?;
        }
        if self.is_timed {
            self.terminal.note(&finished.times.to_string());
        }
        self.tell_names().await;
        Ok(())
    }

    fn look(&self) -> Look {
        let width = self.terminal.screen().filter(|_| self.output.is_none()).map(|screen| screen.columns);
        Look { form: self.form, expanded: self.expanded, most_rows: self.most_rows, width }
    }

    fn sink(&self) -> Sink {
        match &self.output {
            Some(file) => file.sink(),
            None => self.terminal.sink(),
        }
    }

    fn show(&mut self, text: &str) -> Result<(), Failure> {
        match &self.output {
            Some(file) => file.write(text),
            None => self.terminal.show(text, self.pages),
        }
    }

    /// What Tab may offer may have changed.
    async fn tell_names(&mut self) {
        if !self.terminal.is_interactive() {
            return;
        }
        // A catalog that cannot be listed makes for a poor completion and no more.
        let tables = self.engine.tables().await.unwrap_or_default();
        let tables = tables.into_iter().map(|table| TableNames {
            name: table.name,
            columns: table.columns.into_iter().map(|column| column.name).collect(),
        });
        self.terminal.set_names(Names {
            tables: tables.collect(),
            functions: self.engine.function_names(),
            settings: self.engine.setting_names(),
        });
    }

    async fn command(&mut self, line: &str, splitter: &mut Splitter, depth: usize) -> Result<Next, Failure> {
        self.done += 1;
        match commands::parse(line).map_err(Failure::Usage)? {
            Command::Quit => return Ok(Next::Leave),
            Command::Help => self.show(&commands::help())?,
            Command::Describe(None) => self.list_tables().await?,
            Command::Describe(Some(name)) => self.list_columns(&name).await?,
            Command::Reset => *splitter = Splitter::default(),
            Command::Timing(value) => {
                self.is_timed = value.unwrap_or(!self.is_timed);
                self.say("timing", on_or_off(self.is_timed));
            }
            Command::Pager(value) => {
                self.pages = value.unwrap_or(!self.pages);
                self.say("pager", on_or_off(self.pages));
            }
            Command::Expanded(value) => {
                let toggled = if self.expanded == Expanded::On { Expanded::Off } else { Expanded::On };
                self.expanded = value.unwrap_or(toggled);
                self.say(
                    "a line a column",
                    match self.expanded {
                        Expanded::On => "on",
                        Expanded::Off => "off",
                        Expanded::Auto => "where a table is wider than the screen",
                    },
                );
            }
            Command::Format(value) => {
                self.form = value.unwrap_or(self.form);
                self.say("format", &self.form.to_string());
            }
            Command::Limit(value) => {
                if let Some(rows) = value {
                    self.most_rows = (rows > 0).then_some(rows);
                }
                let shown = self.most_rows.map_or("none".to_owned(), |rows| crate::text::thousands(rows as u64));
                self.say("rows shown at most", &shown);
            }
            Command::Output(path) => {
                self.output = path.map(OutputFile::create).transpose()?;
            }
            Command::Include(path) => return self.include(&path, depth + 1).await,
        }
        Ok(Next::GoOn)
    }

    /// What a command changed; a script knows what it changes.
    fn say(&mut self, what: &str, value: &str) {
        if self.terminal.is_interactive() {
            self.terminal.note(&format!("{what}: {value}"));
        }
    }

    /// Runs a file to its end or its first failure, which is told with the line.
    fn include<'a>(&'a mut self, path: &'a Path, depth: usize) -> LocalBoxFuture<'a, Result<Next, Failure>>
    where
        T: 'a,
    {
        Box::pin(async move {
            let cannot = |why: String| Failure::Usage(format!("cannot read {}: {why}", path.display()));
            if depth > DEEPEST_INCLUDE {
                return Err(cannot(format!("files include each other more than {DEEPEST_INCLUDE} deep")));
            }
            let text = std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
            let mut splitter = Splitter::default();
            for (index, line) in text.lines().enumerate() {
                match self.include_line(&mut splitter, line, depth).await {
                    Ok(Next::GoOn) => {}
                    Ok(Next::Leave) => return Ok(Next::Leave),
                    Err(failure) => return Err(failure.in_line(path, index + 1)),
                }
            }
            match splitter.finish() {
                Some(rest) => {
                    let last = text.lines().count();
                    self.run_text(&rest).await.map_err(|failure| failure.in_line(path, last))?;
                    Ok(Next::GoOn)
                }
                None => Ok(Next::GoOn),
            }
        })
    }

    async fn include_line(&mut self, splitter: &mut Splitter, line: &str, depth: usize) -> Result<Next, Failure> {
        if splitter.takes_commands() && line.trim_start().starts_with('\\') {
            return self.command(line, splitter, depth).await;
        }
        for statement in splitter.push(line) {
            self.run_text(&statement).await?;
        }
        Ok(Next::GoOn)
    }

    async fn list_tables(&mut self) -> Result<(), Failure> {
        let tables = self.engine.tables().await?;
        let names: StringArray = tables
            .iter()
            .map(|table| match table.schema.as_str() {
                "public" => Some(table.name.clone()),
                schema => Some(format!("{schema}.{}", table.name)),
            })
            .collect();
        let kinds: StringArray = tables.iter().map(|table| Some(table.kind)).collect();
        let columns: UInt64Array = tables.iter().map(|table| Some(table.columns.len() as u64)).collect();
        let rows: UInt64Array = tables.iter().map(|table| self.rows_of(&table.schema, &table.name)).collect();
        self.present([
            ("name", Arc::new(names) as ArrayRef),
            ("kind", Arc::new(kinds)),
            ("columns", Arc::new(columns)),
            ("rows", Arc::new(rows)),
        ])
    }

    async fn list_columns(&mut self, name: &str) -> Result<(), Failure> {
        let table = self.engine.table(name).await?;
        let names: StringArray = table.columns.iter().map(|column| Some(column.name.as_str())).collect();
        let types: StringArray = table.columns.iter().map(|column| Some(column.data_type.as_str())).collect();
        let nullable: BooleanArray = table.columns.iter().map(|column| Some(column.is_nullable)).collect();
        self.present([
            ("column", Arc::new(names) as ArrayRef),
            ("type", Arc::new(types)),
            ("nullable", Arc::new(nullable)),
        ])?;
        if let Some(rows) = self.rows_of(&table.schema, &table.name) {
            self.say(&format!("rows of {}", table.name), &crate::text::thousands(rows));
        }
        Ok(())
    }

    fn rows_of(&self, schema: &str, name: &str) -> Option<u64> {
        self.row_counts.get(name).copied().filter(|_| schema == "public")
    }

    fn present<const N: usize>(&mut self, columns: [(&str, ArrayRef); N]) -> Result<(), Failure> {
        let batch = RecordBatch::try_from_iter(columns).map_err(|error| Failure::Other(error.to_string()))?;
        let look = Look { most_rows: None, ..self.look() };
        let mut printer = Printer::new(look, batch.schema(), self.sink());
        printer.print(batch)?;
        match printer.finish()? {
            Some(text) => self.show(&text),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// The same failure with the place in a file.
    fn in_line(self, path: &Path, line: usize) -> Self {
        let place = |message: String| format!("{}:{line}: {message}", path.display());
        match self {
            Self::Usage(message) => Self::Usage(place(message)),
            Self::Data(message) => Self::Data(place(message)),
            Self::Sql { origin, error } => Self::Sql { origin: place(origin), error },
            Self::Engine(class, message) => Self::Engine(class, place(message)),
            Self::Statement(message) => Self::Statement(place(message)),
            Self::Other(message) => Self::Other(place(message)),
            Self::Interrupted(message) => Self::Interrupted(place(message)),
            Self::BrokenPipe => Self::BrokenPipe,
        }
    }
}

fn on_or_off(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

#[cfg(test)]
mod tests;

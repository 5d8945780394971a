//! Samples in another engine: a script runs it, and is asked as a process of this program would be; its rows are checked here.
//!
//! ```text
//! Peer ── Task, Request ──▶ scripts/peers/duckdb ──▶ DuckDB, on the same files
//!      ◀── times; rows in a file ──┘
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::protocol::Request;
use super::row::{failed_row, write_verdict};
use super::rows_file::RowsFile;
use super::server::{Answer, Server, ServerProgram, describe_end};
use super::{
    Cancel, ChildSetup, Executor, Failure, KeepRows, PlannedStatement, RunError, Sample, Slot, Verifier, clock,
};
use crate::engine::ErrorClass;
use crate::results::format::{self, Setting};
use crate::text;

/// The folder of the scripts that come with the project.
const SCRIPTS: &str = "scripts/peers";

/// What was found under a peer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCommand {
    /// As its user named it.
    pub named: String,
    path: PathBuf,
}

impl PeerCommand {
    /// A program by its path, or a script of the project by its name, below this folder or the one that the program was built in.
    pub fn find(named: &str) -> Result<Self, String> {
        let found = |path: PathBuf| Self { named: named.to_owned(), path: std::path::absolute(&path).unwrap_or(path) };
        if named.contains(std::path::MAIN_SEPARATOR) {
            let path = PathBuf::from(named);
            return if path.is_file() { Ok(found(path)) } else { Err(format!("there is no program {named}")) };
        }
        let program = std::env::current_exe().unwrap_or_default();
        let places = std::iter::once(Path::new("")).chain(program.ancestors().skip(1));
        let scripts = places.map(|place| place.join(SCRIPTS)).find(|folder| folder.is_dir());
        let Some(scripts) = scripts else {
            return Err(format!(
                "there is no folder {SCRIPTS} here: go to the project's folder, or name the peer's program by its path"
            ));
        };
        let path = scripts.join(named);
        if path.is_file() && path.extension().is_none() {
            return Ok(found(path));
        }
        let entries = std::fs::read_dir(&scripts).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| !name.contains('.') && !name.starts_with('_')).collect();
        names.sort();
        let hint = text::did_you_mean(named, names.iter().map(String::as_str));
        Err(format!("there is no peer `{named}`{hint}; {SCRIPTS} has {}", names.join(", ")))
    }
}

/// Takes samples in another engine.
#[derive(Debug)]
pub struct Peer {
    command: PeerCommand,
    setup: ChildSetup,
    statements: Vec<PlannedStatement>,
    verifier: Verifier,
    rows: RowsFile,
    server: Option<Server>,
}

impl Peer {
    /// Starts nothing yet.
    pub fn new(command: PeerCommand, setup: ChildSetup, statements: Vec<PlannedStatement>, verifier: Verifier) -> Self {
        let rows = RowsFile::in_folder(&setup.0.spill_dir);
        Self { command, setup, statements, verifier, rows, server: None }
    }

    /// Starts the engine, and says what it is; nothing if the user stopped it.
    pub async fn open(&mut self, cancel: &Cancel) -> Result<Option<(format::Peer, Vec<Setting>)>, RunError> {
        let mut server = self.start()?;
        let program = self.program();
        let ready = match server.ready(cancel).await {
            Ok(ready) => ready,
            Err(Answer::Failed(message)) => return Err(program.error(format!("cannot begin: {message}"))),
            Err(Answer::Stopped) => return Ok(None),
            Err(_) => {
                let (_, last_words) = server.bury();
                return Err(program.error(format!("does not run as a peer; it said: {last_words}")));
            }
        };
        let Some(peer) = ready.peer else { return Err(program.error("does not say which engine it runs")) };
        self.server = Some(server);
        Ok(Some((format::Peer { command: self.command.named.clone(), ..peer }, ready.settings)))
    }

    fn program(&self) -> ServerProgram {
        ServerProgram::Peer(self.command.path.clone())
    }

    fn start(&self) -> Result<Server, RunError> {
        Server::start(&self.program(), &self.setup.task(&self.statements))
    }

    async fn take(
        &mut self,
        statement: &PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &Cancel,
    ) -> Result<Option<Sample>, RunError> {
        let timeout = Duration::from_nanos(self.setup.0.timeout_ns);
        self.verifier.prepare(statement, timeout, cancel).await;
        let mut server = match self.server.take() {
            Some(server) => server,
            None => self.start()?,
        };
        let started_at = clock::timestamp();
        let failed = |class, message| Some(failed_row(statement, slot, started_at, Failure { class, message }).into());
        let place = self.statements.iter().position(|other| other.name == statement.name).unwrap_or(0);
        let Slot { phase, iteration } = slot;
        let request = Request { statement: place, phase, iteration, rows: Some(self.rows.path()?) };
        Ok(match server.ask(&request, cancel).await {
            Answer::Sample(taken) => {
                let mut sample = Sample::from(taken.row);
                if matches!(sample.row.error_class.as_deref(), Some("timeout" | "killed" | "panic")) {
                    // It has ended, or may still be at it: not every engine can be stopped, and none may disturb what follows.
                    server.end().await;
                } else {
                    self.server = Some(server);
                }
                self.check(statement, &mut sample, rows);
                Some(sample)
            }
            Answer::Stopped => {
                server.end().await;
                None
            }
            Answer::Failed(message) => {
                server.end().await;
                failed(ErrorClass::Io, message)
            }
            Answer::Silent => failed(ErrorClass::Timeout, "it gave no sign of life any more and was killed".to_owned()),
            Answer::Died => {
                let (status, last_words) = server.bury();
                let limit = text::bytes(self.setup.0.memory_limit_bytes);
                failed(ErrorClass::Killed, describe_end(status, &last_words, &limit))
            }
        })
    }

    /// Checks the rows that came with a sample.
    fn check(&mut self, statement: &PlannedStatement, sample: &mut Sample, keep: KeepRows) {
        if sample.row.error_class.is_some() {
            return;
        }
        match self.rows.take() {
            Ok(rows) => {
                sample.row.row_count = Some(rows.count());
                write_verdict(&mut sample.row, self.verifier.check(&statement.name, &rows));
                sample.rows = Some(rows).filter(|_| keep == KeepRows::Yes);
            }
            Err(error) => {
                sample.row.error_class = Some(ErrorClass::Io.to_string());
                sample.row.message = Some(format!("the rows of its result cannot be read: {error}"));
            }
        }
    }
}

impl Executor for Peer {
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>> {
        Box::pin(self.take(statement, slot, rows, cancel))
    }

    fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move { self.verifier.release(&statement.name) })
    }

    fn close(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(server) = self.server.take() {
                server.end().await;
            }
        })
    }
}

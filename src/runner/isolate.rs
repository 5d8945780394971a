//! Samples in processes of their own: what kills the process is a row of the results, and the run goes on.
//!
//! ```text
//! run_all ─▶ Isolated ─▶ process of statement q1 (this program again): engine, data, answers; samples on request
//!                    ─▶ process of statement q2 …                     its end without an answer ─▶ row `killed`
//!
//! run_ab  ─▶ Isolated ─▶ one process for all statements of a side, of this program or another build of it
//! ```
//!
//! The process's limit is `RLIMIT_DATA`: the sum of all private writable memory, heap and stacks. `RLIMIT_AS` would count address
//! space as well that is reserved and never used, of which the allocator takes a gigabyte at a time. A stack counts as a whole
//! (16 MiB each), so that a process counts for more than is resident: with a dozen threads by about 200 MiB.

use std::path::PathBuf;

use futures::future::LocalBoxFuture;

use super::protocol::{Ready, Request, TakenSample, Task, TaskEngine, TaskStatement, VERSION};
use super::row::failed_row;
use super::rows_file::RowsFile;
use super::server::{Answer, Server, ServerProgram, describe_end};
use super::{Cancel, Executor, Failure, KeepRows, PlannedStatement, RunError, RunPlan, Sample, Slot, clock};
use crate::engine::{EngineLimits, ErrorClass};
use crate::results::format::{AnswersSource, Setting, Versions};
use crate::tables::DataSet;
use crate::text;

/// The subcommand that makes this program take samples for another.
pub const SUBCOMMAND: &str = "isolated-statement";

/// The memory of a process where none is given: the engine's, a quarter more for what its pool does not count, and a part that
/// does not depend on it (the program, stacks, the allocator's reserve).
pub fn default_process_memory_bytes(memory_limit_bytes: u64) -> u64 {
    memory_limit_bytes.saturating_add(memory_limit_bytes / 4).saturating_add(1 << 30)
}

/// Everything but the statement that processes need to know.
#[derive(Debug, Clone)]
pub struct ChildSetup(pub(super) Task);

impl ChildSetup {
    /// For a plan over some data.
    pub fn new(
        plan: &RunPlan,
        data: &DataSet,
        limits: &EngineLimits,
        answers: AnswersSource,
        suite_folder: Option<String>,
        engine: TaskEngine,
    ) -> Self {
        Self(Task {
            protocol: VERSION,
            statements: Vec::new(),
            data: data.url.to_string(),
            tables: data.table_files(),
            engine,
            memory_limit_bytes: plan.memory_limit_bytes,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            process_memory_bytes: plan.isolate_bytes,
            spill_dir: limits.spill_dir.clone(),
            timeout_ns: u64::try_from(plan.timeout.as_nanos()).unwrap_or(u64::MAX),
            cold: plan.cold,
            answers,
            suite_folder,
        })
    }

    /// The task of a process for these statements.
    pub(super) fn task(&self, statements: &[PlannedStatement]) -> Task {
        let told = |statement: &PlannedStatement| TaskStatement {
            name: statement.name.to_string(),
            title: statement.title.clone(),
            sql: statement.sql.clone(),
        };
        Task { statements: statements.iter().map(told).collect(), ..self.0.clone() }
    }
}

/// Takes samples in a process for each statement, or in one for all of them.
#[derive(Debug)]
pub struct Isolated {
    program: ServerProgram,
    setup: ChildSetup,
    /// The statements that a process is told of; none for the one at hand alone.
    statements: Vec<PlannedStatement>,
    rows: RowsFile,
    server: Option<Server>,
}

impl Isolated {
    /// A process for each statement. Starts nothing yet.
    pub fn new(setup: ChildSetup) -> Self {
        let rows = RowsFile::in_folder(&setup.0.spill_dir);
        Self { program: ServerProgram::Dsbench(None), setup, statements: Vec::new(), rows, server: None }
    }

    /// One process for all statements, of this program or of another build of it. Starts nothing yet.
    pub fn for_all(setup: ChildSetup, statements: Vec<PlannedStatement>, binary: Option<PathBuf>) -> Self {
        Self { program: ServerProgram::Dsbench(binary), statements, ..Self::new(setup) }
    }

    /// Starts the process for all statements, and says what it is; nothing if the user stopped it.
    pub async fn open(&mut self, cancel: &Cancel) -> Result<Option<(Versions, Vec<Setting>)>, RunError> {
        let mut server = Server::start(&self.program, &self.setup.task(&self.statements))?;
        let ready = match server.ready(cancel).await {
            Ok(Ready { protocol: Some(VERSION), versions: Some(versions), settings, .. }) => (versions, settings),
            Ok(_) => return Err(self.program.error("is another version of dsbench that this one cannot talk to")),
            Err(Answer::Failed(message)) => return Err(self.program.error(format!("cannot begin: {message}"))),
            Err(Answer::Stopped) => return Ok(None),
            Err(_) => {
                let (_, last_words) = server.bury();
                let message = format!(
                    "cannot take samples: it is no build of dsbench that this one can talk to, or cannot begin; it said: {last_words}"
                );
                return Err(self.program.error(message));
            }
        };
        self.server = Some(server);
        Ok(Some(ready))
    }

    async fn take(
        &mut self,
        statement: &PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &Cancel,
    ) -> Result<Option<Sample>, RunError> {
        let place = self.statements.iter().position(|other| other.name == statement.name);
        let mut server = match self.server.take() {
            Some(server) => server,
            None => {
                let told = if place.is_some() { &self.statements[..] } else { std::slice::from_ref(statement) };
                Server::start(&self.program, &self.setup.task(told))?
            }
        };
        let started_at = clock::timestamp();
        let failed = |class, message| Some(failed_row(statement, slot, started_at, Failure { class, message }).into());
        let Slot { phase, iteration } = slot;
        let file = if rows == KeepRows::Yes { Some(self.rows.path()?) } else { None };
        let request = Request { statement: place.unwrap_or(0), phase, iteration, rows: file };
        Ok(match server.ask(&request, cancel).await {
            Answer::Sample(taken) => {
                self.server = Some(server);
                let rows = if request.rows.is_some() { self.rows.take().ok() } else { None };
                let TakenSample { row, plan, operators, functions } = *taken;
                Some(Sample { row, plan, operators, functions, rows })
            }
            Answer::Stopped => {
                server.end().await;
                None
            }
            Answer::Failed(message) => {
                server.end().await;
                failed(ErrorClass::Io, message)
            }
            Answer::Silent => {
                failed(ErrorClass::Timeout, "its process gave no sign of life any more and was killed".to_owned())
            }
            Answer::Died => failed(ErrorClass::Killed, self.epitaph(server)),
        })
    }

    /// How a process died, and what to do about it.
    fn epitaph(&self, server: Server) -> String {
        let (status, last_words) = server.bury();
        let limit = self.setup.0.process_memory_bytes.map_or_else(|| "all memory".to_owned(), text::bytes);
        describe_end(status, &last_words, &limit)
    }
}

impl Executor for Isolated {
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>> {
        Box::pin(self.take(statement, slot, rows, cancel))
    }

    fn finish<'a>(&'a mut self, _statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if self.statements.is_empty() {
                self.close().await;
            }
        })
    }

    fn close(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(server) = self.server.take() {
                server.end().await;
            }
        })
    }
}

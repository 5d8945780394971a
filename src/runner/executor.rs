//! Where samples are taken: in this process, in a process of its own, or in another engine.
//!
//! The loops ([`run_all`](super::run_all), [`run_ab`](super::run_ab)) ask for one sample after another and write what they get; they
//! know neither engines nor processes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::cold::ColdFiles;
use super::record::write_estimate_errors;
use super::row::{failed_row, finished_row, write_verdict};
use super::{
    Cancel, Failure, PlannedStatement, ResultRows, RunError, SampleRecord, Slot, Verifier, clock, execute_recorded,
};
use crate::engine::{Engine, ErrorClass};
use crate::results::format::{OperatorRow, PlanRow, SampleRow, UdfRow};

/// A sample that was taken.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its line in the results.
    pub row: SampleRow,
    /// The operators of its plan; none if it is not known.
    pub plan: Vec<PlanRow>,
    /// What they did.
    pub operators: Vec<OperatorRow>,
    /// What functions took.
    pub functions: Vec<UdfRow>,
    /// Its rows, if they were wanted and there are any.
    pub rows: Option<ResultRows>,
}

impl From<SampleRow> for Sample {
    /// A sample of whose plan nothing is known.
    fn from(row: SampleRow) -> Self {
        Self { row, plan: Vec::new(), operators: Vec::new(), functions: Vec::new(), rows: None }
    }
}

/// Whether somebody wants the rows of a sample after they were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepRows {
    /// Somebody does.
    Yes,
    /// Nobody does, so that their memory is free for the next sample.
    No,
}

/// Takes samples.
pub trait Executor {
    /// Takes one sample, checked; a failure is a sample too. Nothing if the user stopped it.
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>>;

    /// No sample of this statement follows.
    fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()>;

    /// No sample follows at all: a process gets time to end by itself.
    fn close(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Takes samples in this process.
#[derive(Debug)]
pub struct InProcess {
    engine: Arc<Engine>,
    verifier: Verifier,
    timeout: Duration,
    cold: Option<ColdFiles>,
}

impl InProcess {
    /// With `cold`, its files and the engine's caches are emptied before each sample.
    pub fn new(engine: Arc<Engine>, verifier: Verifier, timeout: Duration, cold: Option<ColdFiles>) -> Self {
        Self { engine, verifier, timeout, cold }
    }

    async fn take(
        &mut self,
        statement: &PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &Cancel,
    ) -> Option<Sample> {
        // Before files are evicted: the reference engine reads them.
        self.verifier.prepare(statement, self.timeout, cancel).await;
        if cancel.is_cancelled() {
            return None;
        }
        let chilled = self.chill();
        let started_at = clock::timestamp();
        let (result, record) = match chilled {
            Ok(()) => execute_recorded(&self.engine, &statement.sql, self.timeout, cancel).await,
            Err(failure) => (Err(failure), SampleRecord::default()),
        };
        let (mut row, result_rows) = match result {
            Err(failure) if failure.class == ErrorClass::Cancelled => return None,
            Err(failure) => (failed_row(statement, slot, started_at, failure), None),
            Ok(execution) => {
                let mut row = finished_row(statement, slot, started_at, &execution);
                write_verdict(&mut row, self.verifier.check(&statement.name, &execution.rows));
                (row, Some(execution.rows))
            }
        };
        record.write_to(&mut row);
        row.cold = self.cold.is_some() && row.error_class.as_deref() != Some("not_cold");
        let (plan, operators) = record.plan_rows(&row);
        write_estimate_errors(&plan, &operators, &mut row);
        let functions = record.udf_rows(&row);
        Some(Sample { row, plan, operators, functions, rows: result_rows.filter(|_| rows == KeepRows::Yes) })
    }

    /// Empties the caches that a cold sample must not find filled.
    fn chill(&self) -> Result<(), Failure> {
        let Some(files) = &self.cold else { return Ok(()) };
        self.engine.forget_files();
        files.evict().map_err(|error| Failure { class: ErrorClass::NotCold, message: error.to_string() })
    }
}

impl Executor for InProcess {
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        rows: KeepRows,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>> {
        Box::pin(async move { Ok(self.take(statement, slot, rows, cancel).await) })
    }

    fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move { self.verifier.release(&statement.name) })
    }
}

//! Where samples are taken: in this process, or in a child of its own for each statement.
//!
//! The run loop ([`run_all`](super::run_all)) asks for one sample after another and writes what it gets; it knows neither
//! engines nor processes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::cold::ColdFiles;
use super::run::to_row;
use super::{Cancel, Failure, PlannedStatement, RunError, SampleRecord, Slot, Verifier, clock, execute_recorded};
use crate::engine::{Engine, ErrorClass};
use crate::results::format::SampleRow;

/// Takes samples.
pub trait Executor {
    /// Takes one sample, checked; a failure is a sample too. Nothing if the user stopped it.
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<SampleRow>, RunError>>;

    /// No sample of this statement follows.
    fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()>;
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

    async fn take(&mut self, statement: &PlannedStatement, slot: Slot, cancel: &Cancel) -> Option<SampleRow> {
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
        if matches!(&result, Err(failure) if failure.class == ErrorClass::Cancelled) {
            return None;
        }
        let mut row = to_row(statement, slot.phase, slot.iteration, started_at, result, &self.verifier);
        record.write_to(&mut row);
        row.cold = self.cold.is_some() && row.error_class.as_deref() != Some("not_cold");
        Some(row)
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
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<SampleRow>, RunError>> {
        Box::pin(async move { Ok(self.take(statement, slot, cancel).await) })
    }

    fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move { self.verifier.release(&statement.name) })
    }
}

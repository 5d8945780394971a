//! The run itself: statement after statement, warm-up and samples, each sample checked and on disk before the next.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;

use super::{Execution, Failure, PlannedStatement, RunPlan, Verdict, Verifier, clock, execute_recorded};
use crate::engine::{Engine, ErrorClass};
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::{ResultsError, RunWriter};

/// The user's wish to stop, which every part of a run can wait for.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// Nobody wishes to stop yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// The user wishes to stop.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether the user wishes to stop.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the user wishes to stop.
    pub async fn cancelled(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(self.0.subscribe().wait_for(|cancelled| *cancelled).await);
    }
}

/// Is told how a run gets on.
pub trait Observer {
    /// A statement's first sample is about to start.
    fn statement_started(&self, statement: &PlannedStatement);
    /// A sample is on disk.
    fn sample_finished(&self, sample: &SampleRow);
    /// All samples of a statement are on disk; fewer than planned if one of them failed.
    fn statement_finished(&self, statement: &PlannedStatement, samples: &[SampleRow]);
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// All statements were run.
    Complete,
    /// The user ended it.
    Interrupted,
}

/// Why a run cannot go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// A sample cannot be put on disk.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

/// Runs every statement of the plan; the samples are in the run's folder and in the result.
pub async fn run_all(
    plan: &RunPlan,
    engine: &Arc<Engine>,
    verifier: &mut Verifier,
    writer: &mut RunWriter,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<(RunEnd, Vec<SampleRow>), RunError> {
    let mut samples = Vec::new();
    for statement in &plan.statements {
        observer.statement_started(statement);
        let first = samples.len();
        verifier.prepare(statement, plan.timeout, cancel).await;
        for (phase, iteration) in schedule(plan) {
            if cancel.is_cancelled() {
                return Ok((RunEnd::Interrupted, samples));
            }
            let started_at = clock::timestamp();
            let (result, record) = execute_recorded(engine, &statement.sql, plan.timeout, cancel).await;
            if matches!(&result, Err(failure) if failure.class == ErrorClass::Cancelled) {
                return Ok((RunEnd::Interrupted, samples));
            }
            let mut sample = to_row(statement, phase, iteration, started_at, result, verifier);
            record.write_to(&mut sample);
            writer.append(&sample)?;
            observer.sample_finished(&sample);
            let failed = sample.error_class.is_some();
            samples.push(sample);
            // A statement that failed once has no figure whatever the other samples say; the time is better spent elsewhere.
            if failed {
                break;
            }
        }
        verifier.release(&statement.name);
        observer.statement_finished(statement, &samples[first..]);
    }
    Ok((RunEnd::Complete, samples))
}

fn schedule(plan: &RunPlan) -> impl Iterator<Item = (Phase, u32)> {
    let warmup = (1..=plan.warmup).map(|iteration| (Phase::Warmup, iteration));
    warmup.chain((1..=plan.iterations).map(|iteration| (Phase::Measured, iteration)))
}

fn to_row(
    statement: &PlannedStatement,
    phase: Phase,
    iteration: u32,
    started_at: String,
    result: Result<Execution, Failure>,
    verifier: &Verifier,
) -> SampleRow {
    let mut row =
        SampleRow { statement: statement.name.to_string(), iteration, phase, started_at, ..SampleRow::default() };
    match result {
        Ok(execution) => {
            row.planning_ns = Some(execution.planning_ns);
            row.execute_ns = Some(execution.execute_ns);
            row.row_count = Some(execution.batches.iter().map(|batch| batch.num_rows() as u64).sum());
            let (check, message) = match verifier.check(&statement.name, &execution) {
                Verdict::Verified => (Check::Verified, None),
                Verdict::Unverified(reason) => (Check::Unverified, Some(reason)),
                Verdict::Wrong(reason) => (Check::Wrong, Some(reason)),
            };
            row.check = Some(check);
            row.message = message;
        }
        Err(failure) => {
            row.error_class = Some(failure.class.to_string());
            row.message = Some(failure.message);
        }
    }
    row
}

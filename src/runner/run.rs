//! The run itself: statement after statement, warm-up and samples, each sample checked and on disk before the next.
//!
//! ```text
//! samples on disk ─▶ next_slot ─▶ Executor (this process, or a child) ─▶ checked row ─▶ RunWriter ─▶ disk
//!        ▲                                                                                 │
//!        └─────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The loop is the same for a new run and for one that goes on: a new one has no samples yet.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;

use super::{Executor, KeepRows, PlannedStatement, RunPlan, next_slot};
use crate::results::format::{Phase, SampleRow};
use crate::results::{OperatorWriter, ResultsError, RunWriter};

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
    /// All samples of a statement are on disk; fewer than planned if one of them failed. They may have been there before the
    /// session began, and then the statement was not started in it.
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
    /// A process that is to take samples cannot be started, or cannot take any.
    #[error("{program} {message}")]
    Process {
        /// What it is.
        program: String,
        /// What is wrong with it, with advice.
        message: String,
    },
    /// The rows of two sides cannot be kept for a comparison.
    #[error("cannot write rows for a comparison into {path}: {message}; name another folder with --spill-dir")]
    Rows {
        /// The folder or file.
        path: std::path::PathBuf,
        /// The system's message.
        message: String,
    },
}

/// Runs what is left of every statement of the plan after the samples of `earlier` sessions; all samples, the earlier ones first,
/// are in the run's folder and in the result.
pub async fn run_all(
    plan: &RunPlan,
    executor: &mut dyn Executor,
    earlier: Vec<SampleRow>,
    (writer, operators): (&mut RunWriter, &mut OperatorWriter),
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<(RunEnd, Vec<SampleRow>), RunError> {
    let mut samples = earlier;
    for statement in &plan.statements {
        let before: Vec<_> =
            samples.iter().filter(|sample| sample.statement == statement.name.as_str()).cloned().collect();
        if next_slot(plan, &before, &[]).is_none() {
            observer.statement_finished(statement, &before);
            continue;
        }
        observer.statement_started(statement);
        let mut current = Vec::new();
        while let Some(slot) = next_slot(plan, &before, &current) {
            if cancel.is_cancelled() {
                return Ok((RunEnd::Interrupted, [samples, current].concat()));
            }
            let Some(sample) = executor.sample(statement, slot, KeepRows::No, cancel).await? else {
                return Ok((RunEnd::Interrupted, [samples, current].concat()));
            };
            writer.append(&sample.row)?;
            if slot.phase == Phase::Measured {
                operators.append(&sample.plan, &sample.operators)?;
                operators.append_functions(&sample.functions)?;
            }
            observer.sample_finished(&sample.row);
            current.push(sample.row);
        }
        executor.finish(statement).await;
        observer.statement_finished(statement, &[before, current.clone()].concat());
        samples.extend(current);
    }
    Ok((RunEnd::Complete, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{run_file, sample_rows};
    use crate::runner::test_support::run_plan;
    use crate::runner::{Sample, Slot};
    use futures::future::LocalBoxFuture;

    /// Gives right samples, but for those that a test names; stops where a test says.
    #[derive(Default)]
    struct Script {
        taken: Vec<String>,
        fail: Option<&'static str>,
        stop_after: Option<usize>,
    }

    impl Executor for Script {
        fn sample<'a>(
            &'a mut self,
            statement: &'a PlannedStatement,
            slot: Slot,
            _rows: KeepRows,
            _cancel: &'a Cancel,
        ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>> {
            let Slot { phase, iteration } = slot;
            let taken = format!("{} {phase:?} {iteration}", statement.name);
            let count = self.taken.iter().filter(|taken| !taken.ends_with("done")).count();
            if self.stop_after == Some(count) {
                return Box::pin(async { Ok(None) });
            }
            let template = sample_rows().remove(usize::from(self.fail == Some(taken.as_str())));
            self.taken.push(taken);
            let row = SampleRow { statement: statement.name.to_string(), phase, iteration, ..template };
            Box::pin(async { Ok(Some(row.into())) })
        }

        fn finish<'a>(&'a mut self, statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
            self.taken.push(format!("{} done", statement.name));
            Box::pin(async {})
        }
    }

    struct Nobody;

    impl Observer for Nobody {
        fn statement_started(&self, _: &PlannedStatement) {}
        fn sample_finished(&self, _: &SampleRow) {}
        fn statement_finished(&self, _: &PlannedStatement, _: &[SampleRow]) {}
    }

    fn plan() -> RunPlan {
        let statement = |name: &str| PlannedStatement {
            name: name.parse().expect("any text is a name"),
            title: String::new(),
            sql: String::new(),
        };
        RunPlan { statements: vec![statement("q1"), statement("q2")], ..run_plan(2, 1) }
    }

    async fn session(script: &mut Script, earlier: Vec<SampleRow>) -> (RunEnd, Vec<SampleRow>) {
        let out = tempfile::tempdir().expect("a folder");
        let mut writer = RunWriter::create(out.path(), &mut run_file()).expect("a new folder");
        let mut operators = OperatorWriter::open(writer.folder()).expect("new files");
        let end = run_all(&plan(), script, earlier, (&mut writer, &mut operators), &Nobody, &Cancel::new()).await;
        end.expect("the run goes well")
    }

    #[tokio::test]
    async fn statements_run_in_order_and_a_failure_ends_one() {
        let mut script = Script { fail: Some("q1 Measured 1"), ..Script::default() };
        let (end, samples) = session(&mut script, Vec::new()).await;
        assert_eq!((end, samples.len()), (RunEnd::Complete, 5));
        let expected =
            ["q1 Warmup 1", "q1 Measured 1", "q1 done", "q2 Warmup 1", "q2 Measured 1", "q2 Measured 2", "q2 done"];
        assert_eq!(script.taken, expected);
    }

    #[tokio::test]
    async fn wherever_a_run_stops_the_rest_is_done_later() {
        for stop in 0..6 {
            let mut first = Script { stop_after: Some(stop), ..Script::default() };
            let (end, samples) = session(&mut first, Vec::new()).await;
            assert_eq!(end, RunEnd::Interrupted);
            let mut second = Script::default();
            let (end, all) = session(&mut second, samples.clone()).await;
            assert_eq!(end, RunEnd::Complete);
            assert_eq!(all[..samples.len()], samples[..], "nothing that was there is changed");
            let mut measured: Vec<_> =
                all.iter().filter(|sample| sample.phase == crate::results::format::Phase::Measured).collect();
            measured.sort_by_key(|sample| (sample.statement.clone(), sample.iteration));
            let keys: Vec<_> = measured.iter().map(|sample| (sample.statement.as_str(), sample.iteration)).collect();
            assert_eq!(keys, [("q1", 1), ("q1", 2), ("q2", 1), ("q2", 2)], "stopped after {stop}");
        }
    }
}

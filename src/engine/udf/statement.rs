//! [`Statement`]: what functions that run elsewhere must know of the statement that calls them: whether it runs already, and whether anybody still
//! waits for its rows.
//!
//! It is among the options of the session that plans the statement, which DataFusion hands to each call of a function. While a statement is planned,
//! constants are folded and conditions are tried on samples: nothing is lost but time if a function says that it cannot be called then.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{DataFusionError, Result, config_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use super::profile::{Caller, Meter, Profile};
use super::python::PythonAggregate;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Statement(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_running: AtomicBool,
    is_cancelled: AtomicBool,
    /// Nothing if nobody wants to know what functions take.
    profile: Option<Profile>,
}

impl Statement {
    /// A statement whose calls of functions are counted and timed.
    pub(in crate::engine) fn profiled(profile: Profile) -> Self {
        Self(Arc::new(State { profile: Some(profile), ..State::default() }))
    }

    /// Tells a session, and a plan in it, that they are this statement's.
    pub(in crate::engine) fn bind(&self, plan: LogicalPlan, state: &mut SessionState) -> Result<LogicalPlan> {
        state.config_mut().options_mut().extensions.insert(self.clone());
        // What calls of functions are told is these options as they were.
        let options = Arc::clone(state.config().options());
        state.execution_props_mut().config_options = Some(options);
        PythonAggregate::bind(plan, state.config_options())
    }

    /// The one that a call belongs to; one that runs and that nobody cancels if there is none.
    pub(super) fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_else(|| {
            let unknown = Self::default();
            unknown.start();
            unknown
        })
    }

    /// It is planned, and runs from now on.
    pub(in crate::engine) fn start(&self) {
        self.0.is_running.store(true, Ordering::Relaxed);
        if let Some(profile) = &self.0.profile {
            profile.start();
        }
    }

    /// Where calls of functions are counted and timed while it runs, if they are.
    pub(super) fn profile(&self) -> Option<&Profile> {
        self.0.profile.as_ref().filter(|_| self.is_running())
    }

    /// Where the calls of a caller are counted and timed, if any are.
    pub(super) fn meter(&self, caller: &Caller) -> Option<Meter> {
        self.profile().map(|profile| profile.meter(caller))
    }

    pub(super) fn is_running(&self) -> bool {
        self.0.is_running.load(Ordering::Relaxed)
    }

    /// Nobody wants its rows any more.
    pub(in crate::engine) fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }

    /// Begins to run it, and cancels it when that is dropped.
    pub(in crate::engine) fn run(self) -> Arc<CancelOnDrop> {
        self.start();
        Arc::new(CancelOnDrop(self))
    }
}

/// Cancels a statement when dropped, which does nothing to one that has ended.
#[derive(Debug)]
pub(in crate::engine) struct CancelOnDrop(Statement);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
        if let Some(profile) = &self.0.0.profile {
            profile.end();
        }
    }
}

/// The rows of a stream, which a task of its own asks for: a function that waits there keeps nobody from dropping this. That cancels the statement.
///
/// The guard may be that of several streams: the statement is cancelled with the last.
pub(in crate::engine) fn apart(
    rows: SendableRecordBatchStream,
    guard: &Arc<CancelOnDrop>,
) -> SendableRecordBatchStream {
    let (schema, guard) = (rows.schema(), Arc::clone(guard));
    let rows = spawn_buffered(rows, 1).inspect(move |_| {
        let _held = &guard;
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

impl ConfigExtension for Statement {
    const PREFIX: &'static str = "engine_statement";
}

impl ExtensionOptions for Statement {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<(), DataFusionError> {
        config_err!("there is no setting `{}.{key}`", Self::PREFIX)
    }

    /// Nothing that a user could see or set.
    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_know_that_it_runs_and_that_it_is_cancelled() {
        let mut options = ConfigOptions::new();
        let check = |options: &ConfigOptions, expected: [bool; 2]| {
            let statement = Statement::of(options);
            assert_eq!([statement.is_running(), statement.is_cancelled()], expected);
        };
        check(&options, [true, false]);
        let statement = Statement::default();
        options.extensions.insert(statement.clone());
        check(&options, [false, false]);
        let guard = statement.run();
        check(&options, [true, false]);
        drop(guard);
        check(&options.clone(), [true, true]);
        assert!(options.set("engine_statement.x", "1").is_err());
    }
}

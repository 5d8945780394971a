//! One statement of the shell: planned and executed on tasks of its own, stoppable at any moment.
//!
//! ```text
//! this task      ◀── columns, batches ───  a task: plan, then execute
//!   print, or Ctrl-C ─▶ stop it, wait until its work is at rest
//! ```
//!
//! Planning may take long without giving way, so that it could not be interrupted if it ran here.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::display::{Look, Printer, Sink};
use crate::cli::exit::Failure;
use crate::engine::{Engine, EngineError, ParsedStatement};
use crate::runner::clock;

/// Batches that may wait to be printed.
const WAITING_BATCHES: usize = 4;
/// How long stopped work may take to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(5);

/// How long the two parts of a statement took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) planning_ns: u64,
    pub(super) execute_ns: u64,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |nanoseconds: u64| match nanoseconds as f64 / 1e6 {
            milliseconds if milliseconds < 1000.0 => format!("{milliseconds:.1} ms"),
            milliseconds => format!("{:.2} s", milliseconds / 1000.0),
        };
        write!(f, "planning {}, execution {}", shown(self.planning_ns), shown(self.execute_ns))
    }
}

/// What a statement came to.
pub(super) struct Finished {
    /// The result as text, unless it was written to the sink or has no columns.
    pub(super) text: Option<String>,
    pub(super) times: Times,
}

enum Event {
    Columns(SchemaRef),
    Batch(RecordBatch),
}

/// Runs a statement to its end, or until `interrupted` comes to its.
pub(super) async fn run(
    engine: &Arc<Engine>,
    statement: ParsedStatement,
    look: Look,
    sink: impl FnOnce() -> Sink,
    interrupted: BoxFuture<'static, ()>,
) -> Result<Finished, Failure> {
    let at_rest = alive_tasks();
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let mut work = tokio::spawn(work(Arc::clone(engine), statement, sender));
    let printed = tokio::select! {
        printed = print(receiver, look, sink) => printed,
        () = interrupted => Err(Failure::Interrupted("stopped".to_owned())),
    };
    let printer = match printed {
        Ok(printer) => printer,
        Err(failure) => return Err(stopped(&mut work, at_rest, failure).await),
    };
    let times = work.await.map_err(|error| Failure::Statement(format!("the engine failed: {error}")))??;
    let text = match printer {
        Some(printer) => printer.finish()?,
        None => None,
    };
    Ok(Finished { text, times })
}

async fn work(
    engine: Arc<Engine>,
    statement: ParsedStatement,
    events: mpsc::Sender<Event>,
) -> Result<Times, EngineError> {
    let begun = clock::now();
    let plan = engine.plan_statement(statement).await?;
    let planned = clock::now();
    let schema = plan.schema();
    let mut stream = engine.execute_stream(plan)?;
    // `SET`, `CREATE VIEW` and their like have no columns, but work to do.
    let has_columns = !schema.fields().is_empty();
    // Nobody to send to means that this task is about to be stopped.
    let mut is_wanted = !has_columns || events.send(Event::Columns(schema)).await.is_ok();
    while is_wanted && let Some(batch) = stream.try_next().await.map_err(EngineError::from)? {
        is_wanted = !has_columns || events.send(Event::Batch(batch)).await.is_ok();
    }
    let done = clock::now();
    Ok(Times { planning_ns: planned.nanoseconds_since(begun), execute_ns: done.nanoseconds_since(planned) })
}

async fn print(
    mut events: mpsc::Receiver<Event>,
    look: Look,
    sink: impl FnOnce() -> Sink,
) -> Result<Option<Printer>, Failure> {
    let Some(Event::Columns(schema)) = events.recv().await else { return Ok(None) };
    let mut printer = Printer::new(look, schema, sink());
    while let Some(event) = events.recv().await {
        if let Event::Batch(batch) = event {
            printer.print(batch)?;
        }
    }
    Ok(Some(printer))
}

/// Stops the work, and waits a while for its tasks: the next statement must not share the processors with them.
async fn stopped(work: &mut JoinHandle<Result<Times, EngineError>>, at_rest: usize, failure: Failure) -> Failure {
    work.abort();
    let gone = async {
        while alive_tasks() > at_rest {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let is_gone = tokio::time::timeout(REST_LIMIT, gone).await.is_ok();
    match failure {
        Failure::Interrupted(message) if !is_gone => {
            Failure::Interrupted(format!("{message}; parts of it still run for a while"))
        }
        failure => failure,
    }
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(planning_ns: u64, execute_ns: u64, expected: &str) {
        assert_eq!(Times { planning_ns, execute_ns }.to_string(), expected);
    }

    #[test]
    fn times_for_people() {
        check(1_234_567, 987_600_000, "planning 1.2 ms, execution 987.6 ms");
        check(0, 12_345_000_000, "planning 0.0 ms, execution 12.35 s");
    }
}

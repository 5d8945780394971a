//! One execution of one statement: timed, bounded in time, stoppable.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::task::JoinError;

use super::record::{Recording, SampleRecord};
use super::{Cancel, clock};
use crate::engine::trace::Tracer;
use crate::engine::{Engine, EngineError, ErrorClass};

/// How long stopped work may take to come to rest before the next sample starts anyway.
const REST_LIMIT: Duration = Duration::from_secs(30);

/// A statement's result and the time that it took.
#[derive(Debug)]
pub struct Execution {
    /// From the SQL text to the physical plan.
    pub planning_ns: u64,
    /// From the physical plan to the last row.
    pub execute_ns: u64,
    /// The result.
    pub rows: ResultRows,
}

/// The rows of a result.
#[derive(Debug, Clone)]
pub struct ResultRows {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl ResultRows {
    /// How many rows there are.
    pub fn count(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// The message.
    pub message: String,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self { class: error.class(), message: one_line(&error) }
    }
}

/// The class of an error of SQL stands in a column of its own, and the statement's text in the suite: a line says the rest.
fn one_line(error: &EngineError) -> String {
    let EngineError::Sql(error) = error else { return error.to_string() };
    match error.place() {
        Some(place) => format!("{} (line {}, position {})", error.message(), place.line(), place.column()),
        None => error.message().to_owned(),
    }
}

/// Plans and runs `sql` once. After `timeout`, or when the user cancels, the work is stopped and has come to rest before this
/// returns: the next sample must not share the processors with the ghost of this one.
pub async fn execute_once(
    engine: &Arc<Engine>,
    sql: &str,
    timeout: Duration,
    cancel: &Cancel,
) -> Result<Execution, Failure> {
    execute(engine, sql, timeout, cancel, &Arc::default()).await
}

/// As [`execute_once`], and says what it used, whether or not there is a result.
pub async fn execute_recorded(
    engine: &Arc<Engine>,
    sql: &str,
    timeout: Duration,
    cancel: &Cancel,
) -> (Result<Execution, Failure>, SampleRecord) {
    let recording = Recording::start(engine);
    let tracer = Arc::new(OnceLock::new());
    let result = execute(engine, sql, timeout, cancel, &tracer).await;
    (result, recording.finish(tracer.get()))
}

/// Where the tracer of a plan is left as soon as there is one, for those who come after a failure.
type TracerPlace = Arc<OnceLock<Tracer>>;

async fn execute(
    engine: &Arc<Engine>,
    sql: &str,
    timeout: Duration,
    cancel: &Cancel,
    tracer: &TracerPlace,
) -> Result<Execution, Failure> {
    let at_rest = alive_tasks();
    let mut work = tokio::spawn(timed(Arc::clone(engine), sql.to_owned(), Arc::clone(tracer)));
    let stopped = tokio::select! {
        finished = &mut work => return finished.unwrap_or_else(|error| Err(panicked(error))),
        () = tokio::time::sleep(timeout) => Failure {
            class: ErrorClass::Timeout,
            message: format!("stopped after the time limit of {}", humantime::format_duration(timeout)),
        },
        () = cancel.cancelled() => Failure { class: ErrorClass::Cancelled, message: "stopped by the user".to_owned() },
    };
    work.abort();
    if wait_for_rest(at_rest).await {
        Err(stopped)
    } else {
        let message = format!("{}; parts of it were still running {} s later", stopped.message, REST_LIMIT.as_secs());
        Err(Failure { message, ..stopped })
    }
}

async fn timed(engine: Arc<Engine>, sql: String, place: TracerPlace) -> Result<Execution, Failure> {
    let begun = clock::now();
    let plan = engine.plan(&sql).await?;
    let planned = clock::now();
    let schema = plan.schema();
    let (plan, tracer) = engine.trace(plan)?;
    if let Some(tracer) = tracer {
        drop(place.set(tracer));
    }
    let ready = clock::now();
    let batches = engine.execute(plan).await?;
    let done = clock::now();
    Ok(Execution {
        planning_ns: planned.nanoseconds_since(begun),
        execute_ns: done.nanoseconds_since(ready),
        rows: ResultRows { schema, batches },
    })
}

fn panicked(error: JoinError) -> Failure {
    let message = match error.try_into_panic() {
        Ok(payload) => {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("the engine panicked: {}", text.unwrap_or_else(|| "no message".to_owned()))
        }
        Err(error) => error.to_string(),
    };
    Failure { class: ErrorClass::Panic, message }
}

fn alive_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Whether all tasks that the stopped work had started are gone in time.
async fn wait_for_rest(at_rest: usize) -> bool {
    let gone = async {
        while alive_tasks() > at_rest {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(REST_LIMIT, gone).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trace::OperatorKind;
    use crate::engine::{Condition, EngineLimits, Profile, Settings};

    const ENDLESS: &str = "select count(*) from generate_series(1, 3000000) a (x), generate_series(1, 3000000) b (y) where x % 7 <> y % 5";

    async fn engine() -> Arc<Engine> {
        let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &[]).expect("resolves");
        let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
        Arc::new(Engine::new(settings, &limits).await.expect("an engine"))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_result_has_both_times() {
        let engine = engine().await;
        let result = execute_once(&engine, "select 1 as x", Duration::from_secs(60), &Cancel::new()).await;
        let execution = result.expect("it runs");
        assert_eq!(execution.rows.count(), 1);
        assert!(execution.planning_ns > 0 && execution.execute_ns > 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_timeout_really_stops_the_work() {
        let engine = engine().await;
        let before = alive_tasks();
        let result = execute_once(&engine, ENDLESS, Duration::from_millis(300), &Cancel::new()).await;
        let failure = result.expect_err("it takes hours");
        assert_eq!(failure.message, "stopped after the time limit of 300ms");
        assert_eq!(failure.class, ErrorClass::Timeout);
        assert_eq!(alive_tasks(), before);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_user_stops_the_work() {
        let engine = engine().await;
        let cancel = Cancel::new();
        let soon = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            soon.cancel();
        });
        let result = execute_once(&engine, ENDLESS, Duration::from_secs(600), &cancel).await;
        assert_eq!(result.expect_err("it takes hours").class, ErrorClass::Cancelled);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_stopped_has_a_record_too() {
        let engine = engine().await;
        let (result, record) = execute_recorded(&engine, ENDLESS, Duration::from_millis(300), &Cancel::new()).await;
        assert_eq!(result.expect_err("it takes hours").class, ErrorClass::Timeout);
        let plan = record.plan.expect("it was planned");
        assert!(plan.operator_ns(OperatorKind::Join) > 0, "{plan:?}");
        assert!(record.usage.is_some_and(|usage| usage.peak_pool_bytes > 0), "{:?}", record.usage);
        let (result, record) =
            execute_recorded(&engine, "select nothing", Duration::from_secs(9), &Cancel::new()).await;
        assert!(result.is_err() && record.plan.is_none() && record.usage.is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_failure_has_its_class() {
        let result = execute_once(&engine().await, "select nothing", Duration::from_secs(60), &Cancel::new()).await;
        let failure = result.expect_err("no such column");
        assert_eq!(failure.class, ErrorClass::Sql(Condition::UnresolvedColumn));
        assert_eq!(failure.message, "there is no column `nothing` (line 1, position 8)");
    }
}

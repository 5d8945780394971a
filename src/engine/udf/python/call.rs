//! [`Python`]: defines functions and calls them, with whatever can go wrong in a worker.

use std::sync::Arc;
use std::{fmt, thread};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use serde_json::{Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::callable::{Patience, sql_error};
use super::definition::Definition;
use super::message::{self, Broken, Message};
use super::pool::Pool;
use super::wait::{Over, Wait};
use super::worker::{NoWorker, Worker};
use crate::engine::ansi::SqlError;
use crate::engine::settings::UdfOptions;
use crate::engine::udf::code_profile::{CodeProfile, CodeProfiles};
use crate::engine::udf::statement::Statement;

/// The Python of an engine.
#[derive(Debug)]
pub(in crate::engine) struct Python {
    is_enabled: bool,
    pool: Pool,
    code_profiles: CodeProfiles,
}

/// Why a function could not be defined or called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is something to install, or to set.
    Missing(String),
    /// It raised an error, or its result is none; for these arguments, if they are known.
    Function { arguments: Option<String>, message: String },
    /// Nobody waits any longer.
    Cancelled,
}

/// What a function turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar,
    Aggregate,
    Table,
}

/// What a worker is asked to do with a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) definition: &'a Definition,
    pub(super) what: &'static str,
    pub(super) selection: Option<&'a Selection>,
    pub(super) batch: &'a RecordBatch,
    /// How many rows the answer has, if that is known, and of which type.
    pub(super) rows: Option<usize>,
    pub(super) data_type: &'a DataType,
    /// The number of the caller whose profile it adds to, if it does.
    pub(super) profile: Option<usize>,
}

/// Which of a group's rows an aggregate takes, if not all as they come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    /// Of equal arguments the first.
    pub(super) is_distinct: bool,
    /// Its last columns are no arguments but what it orders rows by: whether descending, and whether NULLs come first.
    pub(super) order: Vec<(bool, bool)>,
}

/// What a worker answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) values: ArrayRef,
    /// What the function took there, and what it took to convert its arguments and results.
    pub(super) function_ns: u64,
    pub(super) convert_ns: u64,
}

impl Python {
    pub(in crate::engine) fn new(options: &UdfOptions) -> Self {
        let cores = thread::available_parallelism().map_or(1, Into::into);
        Self {
            is_enabled: options.python.enabled,
            pool: Pool::new(options.python.clone(), cores),
            code_profiles: CodeProfiles::default(),
        }
    }

    /// Whether statements may have functions in Python.
    pub(in crate::engine) fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    pub(super) fn code_profiles(&self) -> &CodeProfiles {
        &self.code_profiles
    }

    /// Has a worker read a function's code, and gives what it makes of it, or says what is wrong with it.
    ///
    /// Waits in the thread that asks.
    pub(super) fn define(&self, definition: &Definition, statement: &Statement) -> Result<Kind, Failure> {
        self.check_enabled()?;
        let style = self.with_worker(&self.patience(statement), |worker, wait| tell(worker, definition, wait))?;
        Ok(match style.as_str() {
            "aggregate" => Kind::Aggregate,
            "table" => Kind::Table,
            _ => Kind::Scalar,
        })
    }

    fn patience(&self, statement: &Statement) -> Patience {
        Patience { statement: statement.clone(), timeout: self.pool.options().timeout }
    }

    /// What functions' own code took, so far as workers that wait for work know it.
    pub(in crate::engine) fn profiles_of_code(&self) -> Vec<CodeProfile> {
        let request = Message { header: json!({"do": "profiles"}), rows: Vec::new() };
        let statement = Statement::default();
        for mut lease in self.pool.take_idle() {
            let Ok(worker) = lease.worker() else { continue };
            if let Ok(answer) = ask(worker, &request, &mut Wait::up_to(self.pool.options().timeout, &statement)) {
                self.code_profiles.add(&answer.header["profiles"]);
                lease.keep();
            }
        }
        self.code_profiles.profiles()
    }

    /// A profile as Python's pstats reads it from a file.
    pub(in crate::engine) fn pstats(&self, profile: &CodeProfile) -> Result<Vec<u8>, SqlError> {
        let request = Message { header: json!({"do": "pstats", "profile": profile.told()}), rows: Vec::new() };
        let written = self
            .with_worker(&self.patience(&Statement::default()), |worker, wait| Ok(ask(worker, &request, wait)?.rows));
        written
            .map_err(|failure| sql_error(failure, &format!("the profile of {} could not be written", profile.function)))
    }

    fn check_enabled(&self) -> Result<(), Failure> {
        if self.is_enabled {
            return Ok(());
        }
        Err(Failure::Missing(
            "functions in Python are turned off, as they can do whatever the user can whose program this is: turn them on with \
             --set engine.udf.python.enabled=true, in a profile, or with DSBENCH_ENGINE_UDF_PYTHON_ENABLED=true"
                .to_owned(),
        ))
    }

    /// The `CREATE FUNCTION` of each function in a file that is marked as one.
    pub(super) fn statements(&self, path: &str, code: &str, statement: &Statement) -> Result<Vec<String>, Failure> {
        self.check_enabled()?;
        let request = Message { header: json!({"do": "list", "path": path, "code": code}), rows: Vec::new() };
        self.with_worker(&self.patience(statement), |worker, wait| {
            let answer = ask(worker, &request, wait)?;
            let statements = answer.header["statements"].as_array().into_iter().flatten();
            Ok(statements.filter_map(Value::as_str).map(str::to_owned).collect())
        })
    }

    /// The answer to a request.
    pub(super) fn call(&self, request: &Request<'_>, patience: &Patience) -> Result<Answer, Failure> {
        let Request { definition, what, selection, batch, rows, data_type, profile } = *request;
        let arguments = message::written(&batch.schema(), std::slice::from_ref(batch)).map_err(own_fault)?;
        let mut header = json!({"do": what, "function": definition.number, "profile": profile});
        if let Some(selection) = selection {
            header["selection"] = json!({"distinct": selection.is_distinct, "order": selection.order});
        }
        let message = Message { header, rows: arguments };
        self.with_worker(patience, |worker, wait| {
            if !worker.known.contains(&definition.number) {
                tell(worker, definition, wait)?;
            }
            let answer = ask(worker, &message, wait)?;
            let answered = message::batch(&answer.rows)?;
            let times = &answer.header["times"];
            let ns = |key: &str| times[key].as_u64().unwrap_or_default();
            match answered.columns() {
                [values] if rows.is_none_or(|rows| values.len() == rows) && values.data_type() == data_type => {
                    Ok(Answer {
                        values: Arc::clone(values),
                        function_ns: ns("function_ns"),
                        convert_ns: ns("convert_ns"),
                    })
                }
                _ => Err(Stop::Broken(Broken::Failed("its answer is garbled: not what was asked for".to_owned()))),
            }
        })
    }

    /// Does something with a worker, and waits without keeping other tasks of the runtime from their threads.
    fn with_worker<T>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut Worker, &mut Wait<'_>) -> Result<T, Stop>,
    ) -> Result<T, Failure> {
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        match flavor.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
            true => block_in_place(|| self.lend(patience, work)),
            false => self.lend(patience, work),
        }
    }

    /// After anything but an answer the worker is replaced.
    fn lend<T>(
        &self,
        patience: &Patience,
        work: impl FnOnce(&mut Worker, &mut Wait<'_>) -> Result<T, Stop>,
    ) -> Result<T, Failure> {
        let mut lease = self.pool.take(&patience.statement)?;
        let worker = lease.worker()?;
        let mut wait = Wait::up_to(patience.timeout, &patience.statement);
        let stop = match work(worker, &mut wait) {
            Ok(result) => {
                lease.keep();
                return Ok(result);
            }
            Err(stop) => stop,
        };
        match stop {
            Stop::Answered(failure) => {
                lease.keep();
                Err(failure)
            }
            Stop::Broken(Broken::Over(Over::Cancelled)) => Err(Failure::Cancelled),
            Stop::Broken(broken) => {
                Err(Failure::Function { arguments: None, message: worker.describe(&broken, patience.timeout) })
            }
        }
    }
}

/// Why a worker has done nothing.
enum Stop {
    /// It says why.
    Answered(Failure),
    /// It is of no use any more.
    Broken(Broken),
}

/// Tells a worker of a function, and gives how it is called.
fn tell(worker: &mut Worker, definition: &Definition, wait: &mut Wait<'_>) -> Result<String, Stop> {
    let rows = message::written(&definition.columns, &[]).map_err(|error| Stop::Answered(own_fault(error)))?;
    let answer = ask(worker, &Message { header: definition.header(), rows }, wait)?;
    worker.known.insert(definition.number);
    Ok(answer.header["style"].as_str().unwrap_or_default().to_owned())
}

fn ask(worker: &Worker, request: &Message, wait: &mut Wait<'_>) -> Result<Message, Stop> {
    let answer = worker.ask(request, wait)?;
    match &answer.header["error"] {
        Value::Null => Ok(answer),
        error => Err(Stop::Answered(failure(error))),
    }
}

/// What a worker says of an error.
fn failure(error: &Value) -> Failure {
    let text = |key: &str| error[key].as_str().map(str::to_owned);
    let arguments = error["arguments"].as_array().filter(|arguments| !arguments.is_empty());
    let arguments = arguments.map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "));
    let message = text("traceback").or_else(|| text("message")).unwrap_or_default();
    Failure::Function { arguments, message }
}

fn own_fault(error: impl fmt::Display) -> Failure {
    Failure::Function { arguments: None, message: format!("its arguments could not be sent: {error}") }
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<NoWorker> for Failure {
    fn from(reason: NoWorker) -> Self {
        match reason {
            NoWorker::Missing(message) => Self::Missing(message),
            NoWorker::Cancelled => Self::Cancelled,
        }
    }
}

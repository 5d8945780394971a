//! [`Callable`]: a function that workers know, and where in a statement it is called.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result};

use super::call::{Answer, Failure, Python, Request, Selection};
use super::definition::Definition;
use crate::engine::ansi::{Condition, Site, SqlError};
use crate::engine::settings::UdfOptions;
use crate::engine::udf::profile::{Batch, Caller};
use crate::engine::udf::statement::Statement;

/// See the module.
#[derive(Clone)]
pub(super) struct Callable {
    pub(super) definition: Arc<Definition>,
    pub(super) python: Arc<Python>,
    site: Option<Site>,
    /// Looked up when it is called with its time taken.
    caller: Arc<OnceLock<Caller>>,
}

/// How long somebody waits for a call.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    pub(super) statement: Statement,
    pub(super) timeout: Duration,
}

impl Callable {
    pub(super) fn new(definition: Definition, python: &Arc<Python>) -> Self {
        Self { definition: Arc::new(definition), python: Arc::clone(python), site: None, caller: Arc::default() }
    }

    /// The same, called at a site.
    pub(super) fn at(&self, site: Site) -> Self {
        Self { site: Some(site), caller: Arc::default(), ..self.clone() }
    }

    /// Where it is called, if that is known.
    pub(super) fn site(&self) -> Option<&Site> {
        self.site.as_ref()
    }

    /// Has a worker do something with it, for an answer of so many rows of that type.
    pub(super) fn ask(
        &self,
        what: &'static str,
        batch: &RecordBatch,
        answer: (Option<usize>, &DataType),
        patience: &Patience,
    ) -> Result<ArrayRef> {
        self.ask_of(what, None, batch, answer, patience)
    }

    /// The same of a selection of the rows.
    pub(super) fn ask_of(
        &self,
        what: &'static str,
        selection: Option<&Selection>,
        batch: &RecordBatch,
        (rows, data_type): (Option<usize>, &DataType),
        patience: &Patience,
    ) -> Result<ArrayRef> {
        let metered = patience.statement.profile().map(|profile| {
            let caller = self.caller();
            (profile.meter(caller), self.python.code_profiles().number(caller))
        });
        let number = metered.as_ref().map(|(_, number)| *number);
        let request =
            Request { definition: &self.definition, what, selection, batch, rows, data_type, profile: number };
        let call = || self.python.call(&request, patience);
        let answer = match &metered {
            Some((meter, _)) => meter.time(call, |answer| self.batch(what, answer, batch.num_rows())),
            None => call(),
        };
        answer.map(|answer| answer.values).map_err(|failure| self.error(failure, "failed"))
    }

    fn caller(&self) -> &Caller {
        let caller = || Caller::at(self.site.as_ref(), &self.definition.name, self.definition.language());
        self.caller.get_or_init(caller)
    }

    /// What there was to do for a batch of so many rows.
    fn batch(&self, what: &str, answer: &Result<Answer, Failure>, length: usize) -> Batch {
        let is_one_call = self.definition.takes_batches() || what == "rows";
        let answered = answer.as_ref().map_or(0, |answer| answer.values.len());
        let rows = match what {
            "call" | "update" => length,
            "rows" => answered,
            // States of groups, whose rows were counted.
            _ => 0,
        };
        let is_state = what == "update" || what == "merge";
        let batch = Batch {
            calls: if is_one_call { 1 } else { length as u64 },
            rows: rows as u64,
            is_error: answer.is_err(),
            ..Batch::default()
        };
        match answer {
            Ok(Answer { values, function_ns, convert_ns }) => Batch {
                function_ns: *function_ns,
                convert_ns: *convert_ns,
                nulls: if is_state { 0 } else { values.null_count() as u64 },
                ..batch
            },
            Err(_) => batch,
        }
    }

    /// The type of the result for arguments of these types.
    pub(super) fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match self.definition.mismatch(arguments) {
            Some(message) => Err(self.raised(SqlError::new(Condition::DatatypeMismatch, message, None, None))),
            None => Ok(self.definition.returns().clone()),
        }
    }

    pub(super) fn error(&self, failure: Failure, what: &str) -> DataFusionError {
        self.raised(sql_error(failure, &format!("the Python function {} {what}", self.definition.name)))
    }

    pub(super) fn raised(&self, error: SqlError) -> DataFusionError {
        match &self.site {
            Some(site) => site.raise_always(error),
            None => DataFusionError::External(Box::new(error)),
        }
    }
}

impl Patience {
    pub(super) fn of(options: &ConfigOptions) -> Self {
        Self { statement: Statement::of(options), timeout: UdfOptions::of(options).python.timeout }
    }
}

/// What users are told of a failure of something.
pub(super) fn sql_error(failure: Failure, what: &str) -> SqlError {
    let (condition, message) = match failure {
        Failure::Missing(message) => (Condition::UnsupportedFeature, message),
        Failure::Cancelled => (Condition::FailedExecuteUdf, format!("{what}: the statement was cancelled")),
        Failure::Function { arguments, message } => {
            let arguments = arguments.map_or_else(String::new, |arguments| format!(" for {arguments}"));
            (Condition::FailedExecuteUdf, format!("{what}{arguments}: {message}"))
        }
    };
    SqlError::new(condition, message, None, None)
}

/// Short: some of DataFusion's messages show expressions like this.
impl fmt::Debug for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in Python", self.definition.name)
    }
}

/// Definitions have numbers of their own; where a function is called makes no other of it.
impl PartialEq for Callable {
    fn eq(&self, other: &Self) -> bool {
        self.definition.number == other.definition.number
    }
}

impl Eq for Callable {}

impl Hash for Callable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.number.hash(state);
    }
}

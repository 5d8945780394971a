//! What can go wrong in the engine, sorted into classes that results record and exit codes follow.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use datafusion::error::DataFusionError;
use thiserror::Error;

use super::ansi::{Condition, SqlError};
use super::{FileError, ProfileError, SettingError};

/// The class of a failure, as the `error_class` column of results has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// A condition that Spark has a name for; it is shown as that name.
    Sql(Condition),
    /// The text is no SQL.
    Parse,
    /// The SQL names something unknown or does not type-check, or cannot be planned.
    Plan,
    /// The memory pool's limit was reached where spilling does not help.
    OutOfMemory,
    /// A file could not be read or written.
    Io,
    /// Anything else that happens while a plan runs.
    Execution,
    /// The statement ran longer than its time limit.
    Timeout,
    /// The user ended the run.
    Cancelled,
    /// A bug: the engine panicked.
    Panic,
    /// The process that ran the statement was killed, by the system or by itself.
    Killed,
    /// A cold sample was wanted, but file pages stayed in memory.
    NotCold,
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sql(condition) => condition.name(),
            Self::Parse => "parse",
            Self::Plan => "plan",
            Self::OutOfMemory => "out_of_memory",
            Self::Io => "io",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Panic => "panic",
            Self::Killed => "killed",
            Self::NotCold => "not_cold",
        })
    }
}

/// A failure of the engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A statement failed, with a class of its own and a place.
    #[error(transparent)]
    Sql(Box<SqlError>),
    /// A statement failed in parsing, planning or running, in another way.
    #[error("{message}")]
    Statement {
        /// What kind of failure it is.
        class: ErrorClass,
        /// The engine's message without backtrace.
        message: String,
    },
    /// A file that is named in SQL cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A setting does not exist or does not take that value.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A profile cannot be read.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The folder for spilled data cannot be made.
    #[error("the folder for spilled data, {path}, cannot be used: {cause}; name another one with --spill-dir")]
    SpillFolder {
        /// The folder.
        path: String,
        /// The system's message.
        cause: String,
    },
}

impl EngineError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Sql(error) => ErrorClass::Sql(error.condition()),
            Self::Statement { class, .. } => *class,
            Self::Setting(_) | Self::Profile(_) => ErrorClass::Plan,
            Self::SpillFolder { .. } | Self::File(_) => ErrorClass::Io,
        }
    }
}

/// What to do about a CSV file whose later rows do not fit the types that its first ones have.
const TYPES_ARE_GUESSED: &str = "; a CSV file's types are those of its first 1,000 rows: name them with CREATE EXTERNAL TABLE \
                                 t (a VARCHAR, …) STORED AS CSV LOCATION '…'";

/// What DataFusion says when a file could not be ended; it keeps the cause to itself.
const NOT_ENDED: &str = "Error encountered while finalizing writes";

/// What COPY says instead.
const NOT_WRITTEN: &str = "the result could not be written to its end, and what was written of it is not kept: the disk is probably \
                           full; free some space, or name another folder";

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        if let Some(error) = sql_error(&error) {
            return Self::Sql(Box::new(error.clone()));
        }
        if let DataFusionError::External(cause) = error.find_root()
            && let Some(file) = cause.downcast_ref::<FileError>()
        {
            return Self::File(file.clone());
        }
        if matches!(error.find_root(), DataFusionError::Internal(message) if message.starts_with(NOT_ENDED)) {
            return Self::Statement { class: ErrorClass::Io, message: NOT_WRITTEN.to_owned() };
        }
        let class = classify(&error);
        let mut message = error.strip_backtrace().trim_end().to_owned();
        if message.contains("Error while parsing value") {
            message.push_str(TYPES_ARE_GUESSED);
        }
        Self::Statement { class, message }
    }
}

/// The error of ours that DataFusion, arrow and parquet have wrapped into theirs.
fn sql_error(error: &DataFusionError) -> Option<&SqlError> {
    error.iter().find_map(|error| {
        let mut chain = successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
        chain.find_map(|error| error.downcast_ref::<SqlError>())
    })
}

fn classify(error: &DataFusionError) -> ErrorClass {
    match error.find_root() {
        DataFusionError::SQL(..) => ErrorClass::Parse,
        DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Configuration(_) => ErrorClass::Plan,
        DataFusionError::ResourcesExhausted(_) => ErrorClass::OutOfMemory,
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            ErrorClass::Io
        }
        DataFusionError::ExecutionJoin(join) if join.is_panic() => ErrorClass::Panic,
        DataFusionError::ExecutionJoin(_) => ErrorClass::Cancelled,
        _ => ErrorClass::Execution,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::error::ArrowError;
    use datafusion::common::Diagnostic;
    use datafusion::parquet::errors::ParquetError;

    use super::*;

    #[track_caller]
    fn check(error: DataFusionError, class: ErrorClass) {
        let wrapped = EngineError::from(error.context("while testing"));
        assert_eq!(wrapped.class(), class, "{wrapped}");
    }

    #[test]
    fn the_root_decides_the_class() {
        check(DataFusionError::Plan("no".into()), ErrorClass::Plan);
        check(DataFusionError::ResourcesExhausted("full".into()), ErrorClass::OutOfMemory);
        check(std::io::Error::other("disk").into(), ErrorClass::Io);
        check(DataFusionError::Execution("division".into()), ErrorClass::Execution);
        check(DataFusionError::Internal(NOT_ENDED.into()), ErrorClass::Io);
    }

    #[test]
    fn an_error_of_ours_is_found_in_all_wrappings() {
        let class = ErrorClass::Sql(Condition::DivideByZero);
        let ours = || SqlError::new(Condition::DivideByZero, "division by zero", None, None);
        let external = || DataFusionError::External(Box::new(ours()));
        let diagnostic = Diagnostic::new_error("no", None);
        check(external(), class);
        check(ArrowError::ExternalError(Box::new(ours())).into(), class);
        check(ArrowError::ExternalError(Box::new(external())).into(), class);
        check(ParquetError::from(ArrowError::from(external())).into(), class);
        check(DataFusionError::Shared(Arc::new(external())), class);
        check(DataFusionError::External(Box::new(Arc::new(external()))), class);
        check(external().with_diagnostic(diagnostic), class);
        check(DataFusionError::Collection(vec![external()]), class);
        let second = DataFusionError::Collection(vec![DataFusionError::Plan("no".into()), external()]);
        assert_eq!(EngineError::from(second).class(), class);
        assert_eq!(EngineError::from(external()).to_string(), "[DIVIDE_BY_ZERO] division by zero.");
        assert_eq!(class.to_string(), "DIVIDE_BY_ZERO");
    }
}

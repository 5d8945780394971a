//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use crate::answers::ShapeError;
use crate::engine::{EngineError, ProfileError, SettingError};
use crate::results::ResultsError;
use crate::runner::{ColdError, ExpectedError, RunError, VerifierError};
use crate::suite::{SelectionError, SuiteError, TemplateError};
use crate::tables::DataError;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Well = 0,
    Other = 1,
    Usage = 2,
    Data = 3,
    StatementFailed = 4,
    WrongAnswer = 5,
    Slower = 6,
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why the program cannot do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// An argument is wrong.
    Usage(String),
    /// Data or answers are missing or damaged.
    Data(String),
    /// A statement outside of a run failed.
    Statement(String),
    /// The user stopped it.
    Interrupted(String),
    /// Nobody reads the output any more.
    BrokenPipe,
    /// Anything else: a full disk, a folder that cannot be written to.
    Other(String),
}

impl Failure {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Usage(_) => Code::Usage,
            Self::Data(_) => Code::Data,
            Self::Statement(_) => Code::StatementFailed,
            Self::Interrupted(_) => Code::Interrupted,
            Self::BrokenPipe => Code::Well,
            Self::Other(_) => Code::Other,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message)
            | Self::Data(message)
            | Self::Statement(message)
            | Self::Interrupted(message)
            | Self::Other(message) => f.write_str(message),
            Self::BrokenPipe => f.write_str("nobody reads the output"),
        }
    }
}

/// The error and what caused it, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

macro_rules! failure_from {
    ($($error:ty => $kind:ident),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$kind(chain(&error))
            }
        })*
    };
}

failure_from! {
    SelectionError => Usage,
    SuiteError => Usage,
    TemplateError => Usage,
    SettingError => Usage,
    ProfileError => Usage,
    ShapeError => Usage,
    DataError => Data,
    VerifierError => Data,
    ResultsError => Other,
    RunError => Other,
}

impl From<ExpectedError> for Failure {
    fn from(error: ExpectedError) -> Self {
        match error {
            ExpectedError::Verifier(error) => error.into(),
            ExpectedError::Data(error) => error.into(),
            ExpectedError::Engine(error) => error.into(),
        }
    }
}

impl From<ColdError> for Failure {
    fn from(error: ColdError) -> Self {
        match error {
            ColdError::NotLocal { .. } => Self::Usage(chain(&error)),
            ColdError::NoFincore { .. } => Self::Other(chain(&error)),
            ColdError::Io { .. } | ColdError::Resident { .. } => Self::Data(chain(&error)),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Setting(_) | EngineError::Profile(_) => Self::Usage(chain(&error)),
            EngineError::SpillFolder { .. } => Self::Other(chain(&error)),
            EngineError::Statement { .. } | EngineError::File(_) => Self::Statement(chain(&error)),
        }
    }
}

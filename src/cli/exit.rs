//! How the program ends.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::answers::ShapeError;
use crate::engine::{Condition, EngineError, ErrorClass, Place, ProfileError, SettingError, SqlError};
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
    /// A statement outside of a run failed, and where and why is known.
    Sql {
        /// The file and the line of a script in which the statement stands, with `: ` at their end.
        origin: String,
        error: Box<SqlError>,
    },
    /// A statement outside of a run failed in another way.
    Engine(ErrorClass, String),
    /// What a statement gave cannot be shown.
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
            Self::Sql { error, .. } => match error.condition() {
                // As with --set.
                Condition::SqlConfNotFound | Condition::InvalidConfValue => Code::Usage,
                _ => Code::StatementFailed,
            },
            Self::Engine(..) | Self::Statement(_) => Code::StatementFailed,
            Self::Interrupted(_) => Code::Interrupted,
            Self::BrokenPipe => Code::Well,
            Self::Other(_) => Code::Other,
        }
    }

    /// The failure for programs: class, SQLSTATE, message, place and the way out, NULL where there is none. The class is a name of
    /// Spark's, or one in small letters.
    pub(super) fn json(&self) -> Value {
        let bare = |class: &str| {
            json!({
                "class": class,
                "sqlstate": null,
                "message": self.to_string(),
                "line": null,
                "column": null,
                "length": null,
                "hint": null,
            })
        };
        match self {
            Self::Sql { origin, error } => {
                let place = error.place();
                json!({
                    "class": error.condition().name(),
                    "sqlstate": error.condition().sqlstate(),
                    "message": format!("{origin}{}", error.message()),
                    "line": place.map(Place::line),
                    "column": place.map(Place::column),
                    "length": place.map(Place::length),
                    "hint": error.hint(),
                })
            }
            Self::Engine(class, _) => bare(&class.to_string()),
            Self::Usage(_) => bare("usage"),
            Self::Data(_) => bare("data"),
            Self::Statement(_) => bare("execution"),
            Self::Interrupted(_) => bare("cancelled"),
            Self::BrokenPipe | Self::Other(_) => bare("other"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql { origin, error } => write!(f, "{origin}{error}"),
            Self::Usage(message)
            | Self::Data(message)
            | Self::Engine(_, message)
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

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match error {
            DataError::SaveStatistics { .. } => Self::Other(chain(&error)),
            error => Self::Data(chain(&error)),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Setting(_) | EngineError::Profile(_) => Self::Usage(chain(&error)),
            EngineError::SpillFolder { .. } => Self::Other(chain(&error)),
            EngineError::Sql(error) => Self::Sql { origin: String::new(), error },
            EngineError::Statement { .. } | EngineError::File(_) => Self::Engine(error.class(), chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[track_caller]
    fn check(failure: impl Into<Failure>, code: Code, text: &str, json: &str) {
        let failure = failure.into();
        assert_eq!((failure.code(), failure.to_string().as_str()), (code, text));
        assert_eq!(failure.json().to_string(), json);
    }

    fn sql(condition: Condition, hint: Option<&str>, place: Option<Place>) -> EngineError {
        EngineError::Sql(Box::new(SqlError::new(condition, "no \"x\"", hint.map(str::to_owned), place)))
    }

    #[test]
    fn failures_are_told_to_people_and_to_programs() {
        let place = Place::new(Arc::from("select 'ä',\n  x"), 15..16);
        check(
            sql(Condition::UnresolvedColumn, Some("Try y."), Some(place)),
            Code::StatementFailed,
            "[UNRESOLVED_COLUMN] no \"x\". Try y.\n== SQL (line 2, position 3) ==\n  x\n  ^",
            r#"{"class":"UNRESOLVED_COLUMN","sqlstate":"42703","message":"no \"x\"","line":2,"column":3,"length":1,"hint":"Try y."}"#,
        );
        check(
            sql(Condition::SqlConfNotFound, None, None),
            Code::Usage,
            "[SQL_CONF_NOT_FOUND] no \"x\".",
            r#"{"class":"SQL_CONF_NOT_FOUND","sqlstate":"42K0I","message":"no \"x\"","line":null,"column":null,"length":null,"hint":null}"#,
        );
        check(
            EngineError::Statement { class: ErrorClass::OutOfMemory, message: "full".to_owned() },
            Code::StatementFailed,
            "full",
            r#"{"class":"out_of_memory","sqlstate":null,"message":"full","line":null,"column":null,"length":null,"hint":null}"#,
        );
        check(
            Failure::Usage("so\nnot".to_owned()),
            Code::Usage,
            "so\nnot",
            r#"{"class":"usage","sqlstate":null,"message":"so\nnot","line":null,"column":null,"length":null,"hint":null}"#,
        );
    }
}

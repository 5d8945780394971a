//! What an operation knows of the statement that it stands in: what to do where it has no result, and its place in the text.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::error::{Fault, SqlError};
use super::place::Place;
use super::policy::Policy;

/// The last error that an operation has raised. Parquet's row filters turn errors into text; from here it is had in full.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<SqlError>>);

impl LastError {
    fn keep(&self, error: SqlError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Hands the error over, and forgets it.
    pub(crate) fn take(&self) -> Option<SqlError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The text of a statement, and where its errors are kept.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) text: Arc<str>,
    pub(crate) last_error: Arc<LastError>,
}

/// Where an operation stands, and what it does where it has no result.
///
/// Two operations in different places are the same if they do the same: else `GROUP BY a / b` would not know the `a / b` of its
/// SELECT, and common subexpressions would not be found.
#[derive(Clone)]
pub(crate) struct Site {
    policy: Policy,
    place: Option<(Origin, Span)>,
    /// Whether it is the call of a function, and no operator.
    is_call: bool,
}

impl Site {
    /// A site in a text.
    pub(crate) fn new(policy: Policy, origin: Origin, span: Span) -> Self {
        Self { policy, place: Some((origin, span)), is_call: false }
    }

    /// A site without a place: of a function that gives NULL, or of a cast that nobody wrote.
    pub(crate) fn nowhere(policy: Policy) -> Self {
        Self { policy, place: None, is_call: false }
    }

    /// The same, where a function is called.
    pub(crate) fn of_call(self) -> Self {
        Self { is_call: true, ..self }
    }

    /// The same place, for an operand that nobody wrote.
    pub(crate) fn of_operand(&self) -> Self {
        Self { is_call: false, ..self.clone() }
    }

    /// Whether a function is called there by its name, and no operator stands there.
    pub(crate) fn is_call(&self) -> bool {
        self.is_call
    }

    /// The same place with another policy.
    pub(crate) fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// Its place in the text.
    pub(crate) fn place(&self) -> Option<Place> {
        self.place.as_ref().map(|(origin, span)| Place::of_span(&origin.text, *span))
    }

    /// Whether it stands anywhere.
    pub(crate) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// The error of a failed operation. The place is looked up only now.
    #[expect(clippy::boxed_local, reason = "faults are handed on in boxes, which keeps results small")]
    pub(crate) fn raise(&self, fault: Box<Fault>) -> DataFusionError {
        self.raise_always(fault.at(None))
    }

    /// An error that no setting turns off, at its place.
    pub(crate) fn raise_always(&self, error: SqlError) -> DataFusionError {
        let error = error.at(self.place());
        if let Some((origin, _)) = &self.place {
            origin.last_error.keep(error.clone());
        }
        DataFusionError::External(Box::new(error))
    }
}

/// Short: some of DataFusion's messages show expressions like this.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.policy)?;
        match &self.place {
            Some((_, span)) => write!(f, " {}:{}", span.start.line, span.start.column),
            None => Ok(()),
        }
    }
}

impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        self.policy == other.policy
    }
}

impl Eq for Site {}

impl Hash for Site {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.policy.hash(state);
    }
}

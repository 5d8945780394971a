//! What each statement's rows are compared with, and the comparison.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::{Cancel, PlannedStatement, ResultRows, execute_once};
use crate::answers::{self, Answer, AnswerError, AnswerSet, Lookup, Outcome, ShapeError, SqlShape};
use crate::engine::Engine;
use crate::suite::StatementName;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rows are right.
    Verified,
    /// There is nothing to compare with, for this reason.
    Unverified(String),
    /// The rows are wrong, in this way.
    Wrong(String),
}

/// Why answers cannot be used at all.
#[derive(Debug, Error)]
pub enum VerifierError {
    /// The folder that was named holds no answers.
    #[error("{place} holds no answers (no answers.json); make them with scripts/oracle")]
    NoAnswers {
        /// The folder.
        place: String,
    },
    /// The folder that was named holds answers for other data.
    #[error(
        "the answers in {place} are for other data: {tables} differ; make answers for this data with scripts/oracle"
    )]
    OtherData {
        /// The folder.
        place: String,
        /// The tables whose rows differ.
        tables: String,
    },
    /// A file of the answers cannot be read.
    #[error(transparent)]
    Answers(#[from] AnswerError),
    /// A statement's text cannot be read.
    #[error("statement {statement}: {source}")]
    Shape {
        /// The statement.
        statement: StatementName,
        /// Why.
        source: ShapeError,
    },
}

/// Knows what each statement's rows are compared with.
#[derive(Debug)]
pub struct Verifier {
    expected: HashMap<StatementName, (SqlShape, Expected)>,
    reference: Option<Arc<Engine>>,
    description: String,
}

#[derive(Debug)]
enum Expected {
    /// An answer of the independent engine.
    Answer(Answer),
    /// The reference engine's result, once it has been asked.
    Reference(Option<Result<ResultRows, String>>),
    /// Nothing, for this reason.
    Nothing(String),
}

impl Verifier {
    /// Compares with stored answers. `data` has the content hash of each table. `required` says whether the user named the answers:
    /// then answers for other data are an error, otherwise the statements are unverified.
    pub fn with_answers(
        statements: &[PlannedStatement],
        set: Option<&AnswerSet>,
        place: &str,
        data: &BTreeMap<String, String>,
        required: bool,
    ) -> Result<Self, VerifierError> {
        let problem = match set.map(|set| set.differing_tables(data)) {
            None => Some(VerifierError::NoAnswers { place: place.to_owned() }),
            Some(tables) if tables.is_empty() => None,
            Some(tables) => Some(VerifierError::OtherData { place: place.to_owned(), tables: tables.join(", ") }),
        };
        let (set, why) = match problem {
            Some(error) if required => return Err(error),
            Some(_) => (None, "there are no answers for this data"),
            None => (set, ""),
        };
        let description = match set {
            Some(set) => format!("{} {} ({place})", set.source().engine, set.source().engine_version),
            None => format!("nothing: {why}"),
        };
        let mut expected = HashMap::new();
        for statement in statements {
            let answer = match set {
                Some(set) => lookup(set, statement)?,
                None => Expected::Nothing(why.to_owned()),
            };
            expected.insert(statement.name.clone(), (shape(statement)?, answer));
        }
        Ok(Self { expected, reference: None, description })
    }

    /// Compares with what another engine returns on the same data; it is asked once a statement.
    pub fn with_engine(statements: &[PlannedStatement], engine: Arc<Engine>) -> Result<Self, VerifierError> {
        let mut expected = HashMap::new();
        for statement in statements {
            expected.insert(statement.name.clone(), (shape(statement)?, Expected::Reference(None)));
        }
        let description = format!("the profile `{}`", engine.settings().profile());
        Ok(Self { expected, reference: Some(engine), description })
    }

    /// What the rows are compared with, in words.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Gets the reference engine's result of a statement, if there is such an engine and it was not asked before.
    pub async fn prepare(&mut self, statement: &PlannedStatement, timeout: Duration, cancel: &Cancel) {
        let Some(engine) = &self.reference else { return };
        let Some((_, Expected::Reference(result))) = self.expected.get_mut(&statement.name) else { return };
        if result.is_none() {
            let outcome = execute_once(engine, &statement.sql, timeout, cancel).await;
            *result = Some(outcome.map(|execution| execution.rows).map_err(|failure| failure.message));
        }
    }

    /// Forgets a reference result that is not needed any more: it may be large.
    pub fn release(&mut self, statement: &StatementName) {
        if let Some((_, expected @ Expected::Reference(_))) = self.expected.get_mut(statement) {
            *expected = Expected::Reference(None);
        }
    }

    /// Compares a result.
    pub fn check(&self, statement: &StatementName, actual: &ResultRows) -> Verdict {
        let Some((shape, expected)) = self.expected.get(statement) else {
            return Verdict::Unverified("it is not among the prepared statements".to_owned());
        };
        let outcome = match expected {
            Expected::Nothing(reason) => return Verdict::Unverified(reason.clone()),
            Expected::Answer(answer) => answers::check_answer(shape, &actual.schema, &actual.batches, answer),
            Expected::Reference(Some(Ok(other))) => {
                answers::compare_results(shape, &actual.schema, &actual.batches, &other.schema, &other.batches)
            }
            Expected::Reference(Some(Err(message))) => {
                return Verdict::Unverified(format!("the reference engine failed: {message}"));
            }
            Expected::Reference(None) => return Verdict::Unverified("the reference engine was not asked".to_owned()),
        };
        match outcome {
            Outcome::Match => Verdict::Verified,
            Outcome::Mismatch { reason } => Verdict::Wrong(reason.to_string()),
        }
    }
}

fn shape(statement: &PlannedStatement) -> Result<SqlShape, VerifierError> {
    SqlShape::parse(&statement.sql).map_err(|source| VerifierError::Shape { statement: statement.name.clone(), source })
}

fn lookup(set: &AnswerSet, statement: &PlannedStatement) -> Result<Expected, VerifierError> {
    Ok(match set.find(statement.name.as_str(), &statement.sql)? {
        Lookup::Found(answer) => Expected::Answer(answer),
        Lookup::Missing => Expected::Nothing("there is no answer for it".to_owned()),
        Lookup::OtherSql => Expected::Nothing(
            "the answer is for another text (other parameters, or the statement was changed)".to_owned(),
        ),
    })
}

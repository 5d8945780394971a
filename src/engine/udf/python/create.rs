//! `CREATE FUNCTION … LANGUAGE PYTHON`, and files of functions.

use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::context::RegisterFunction;
use datafusion::logical_expr::{AggregateUDF, CreateFunction, ScalarUDF};

use super::aggregate::PythonAggregate;
use super::call::{Failure, Kind, Python};
use super::callable::{Callable, sql_error};
use super::definition::Definition;
use super::function::PythonFunction;
use super::table::PythonTable;
use crate::engine::ansi::SqlError;
use crate::engine::udf::functions::Language;
use crate::engine::udf::statement::Statement;

/// The function of a `CREATE FUNCTION`, whose code a worker has read: an aggregate if it is a class.
pub(in crate::engine) async fn create(
    python: &Arc<Python>,
    statement: CreateFunction,
    language: Language,
) -> Result<RegisterFunction> {
    let callable = Callable::new(Definition::new(statement, language)?, python);
    let (reader, definition) = (Arc::clone(python), Arc::clone(&callable.definition));
    let kind = apart(move |statement| reader.define(&definition, statement)).await?;
    Ok(match kind.map_err(|failure| callable.error(failure, "could not be created"))? {
        Kind::Scalar => RegisterFunction::Scalar(Arc::new(ScalarUDF::from(PythonFunction::new(callable)))),
        Kind::Table => RegisterFunction::Table(callable.definition.name.clone(), Arc::new(PythonTable(callable))),
        Kind::Aggregate => RegisterFunction::Aggregate(Arc::new(AggregateUDF::from(PythonAggregate::new(callable)))),
    })
}

/// The `CREATE FUNCTION` of each function in a file that is marked with `@udf`.
pub(in crate::engine) async fn statements(
    python: &Arc<Python>,
    path: &str,
    code: &str,
) -> Result<Vec<String>, SqlError> {
    let (reader, file, text) = (Arc::clone(python), path.to_owned(), code.to_owned());
    let statements = apart(move |statement| reader.statements(&file, &text, statement)).await;
    let statements =
        statements.unwrap_or_else(|error| Err(Failure::Function { arguments: None, message: error.to_string() }));
    statements.map_err(|failure| sql_error(failure, &format!("{path} could not be read")))
}

/// Waits for a worker in a thread of its own, and no longer than somebody waits for this.
async fn apart<T: Send + 'static>(work: impl FnOnce(&Statement) -> T + Send + 'static) -> Result<T> {
    let statement = Statement::default();
    let _cancels_if_dropped = statement.clone().run();
    let waiting = SpawnedTask::spawn_blocking(move || work(&statement));
    waiting.join_unwind().await.map_err(|error| exec_datafusion_err!("{error}"))
}

//! `CREATE FUNCTION … LANGUAGE PYTHON`, and files of functions.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::context::RegisterFunction;
use datafusion::logical_expr::{AggregateUDF, CreateFunction, ScalarUDF};

use super::aggregate::PythonAggregate;
use super::call::{Kind, Python};
use super::callable::{Callable, sql_error};
use super::definition::Definition;
use super::function::PythonFunction;
use crate::engine::ansi::SqlError;

/// The function of a `CREATE FUNCTION`, whose code a worker has read: an aggregate if it is a class.
pub(in crate::engine) fn create(
    python: &Arc<Python>,
    statement: CreateFunction,
    is_vectorized: bool,
) -> Result<RegisterFunction> {
    let callable = Callable::new(Definition::new(statement, is_vectorized)?, python);
    let kind = python.define(&callable.definition);
    Ok(match kind.map_err(|failure| callable.error(failure, "could not be created"))? {
        Kind::Scalar => RegisterFunction::Scalar(Arc::new(ScalarUDF::from(PythonFunction::new(callable)))),
        Kind::Aggregate => RegisterFunction::Aggregate(Arc::new(AggregateUDF::from(PythonAggregate::new(callable)))),
    })
}

/// The `CREATE FUNCTION` of each function in a file that is marked with `@udf`.
pub(in crate::engine) fn statements(python: &Python, path: &str, code: &str) -> Result<Vec<String>, SqlError> {
    python.statements(path, code).map_err(|failure| sql_error(failure, &format!("{path} could not be read")))
}

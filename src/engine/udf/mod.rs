//! Functions that users define.

mod calls;
mod functions;
#[cfg_attr(not(unix), path = "no_python.rs")]
mod python;
mod sql_function;
mod statement;

pub(super) use calls::UserFunctions;
pub(super) use functions::{Functions, may_be_python};
pub(super) use python::{Python, PythonAggregate, PythonFunction, statements as statements_of_file};
pub(super) use sql_function::bind_arguments;
pub(super) use statement::{Statement, apart};

//! Functions that users define.

mod sql_function;

pub(super) use sql_function::{InlineSqlFunctions, SqlFunctions, bind_arguments};

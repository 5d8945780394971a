//! Functions in Python where there are none: workers are reached over sockets that only Unix has.

use std::convert::Infallible;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableFunction;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, not_impl_err};
use datafusion::execution::context::RegisterFunction;
use datafusion::logical_expr::{AggregateUDF, CreateFunction, LogicalPlan, ScalarUDF};

use crate::engine::ansi::{Condition, Site, SqlError};
use crate::engine::settings::UdfOptions;
use crate::engine::udf::code_profile::CodeProfile;
use crate::engine::udf::functions::Language;

/// Nothing.
#[derive(Debug)]
pub(in crate::engine) struct Python;

impl Python {
    pub(in crate::engine) fn new(_: &UdfOptions) -> Self {
        Self
    }

    pub(in crate::engine) fn profiles_of_code(&self) -> Vec<CodeProfile> {
        Vec::new()
    }

    pub(in crate::engine) fn pstats(&self, profile: &CodeProfile) -> Result<Vec<u8>, SqlError> {
        Err(unsupported(&profile.function))
    }

    pub(in crate::engine) fn is_enabled(&self) -> bool {
        false
    }
}

/// An error.
#[expect(clippy::unused_async, reason = "where there is Python, it is waited for")]
pub(in crate::engine) async fn create(
    _: &Arc<Python>,
    statement: CreateFunction,
    _: Language,
) -> Result<RegisterFunction> {
    not_impl_err!("{}: functions in Python need a Unix system", statement.name)
}

/// An error.
#[expect(clippy::unused_async, reason = "where there is Python, it is waited for")]
pub(in crate::engine) async fn statements(_: &Arc<Python>, path: &str, _: &str) -> Result<Vec<String>, SqlError> {
    Err(unsupported(path))
}

fn unsupported(what: &str) -> SqlError {
    let message = format!("{what}: functions in Python need a Unix system");
    SqlError::new(Condition::UnsupportedFeature, message, None, None)
}

/// None.
#[derive(Debug, Clone)]
pub(in crate::engine) struct PythonFunction(Infallible);

impl PythonFunction {
    pub(in crate::engine) fn of(_: &ScalarUDF) -> Option<&Self> {
        None
    }

    pub(in crate::engine) fn parameter_types(&self) -> Vec<DataType> {
        match self.0 {}
    }

    pub(in crate::engine) fn site(&self) -> Option<&Site> {
        match self.0 {}
    }

    pub(in crate::engine) fn at(&self, _: Site) -> ScalarUDF {
        match self.0 {}
    }
}

/// None.
#[derive(Debug, Clone)]
pub(in crate::engine) struct PythonAggregate(Infallible);

impl PythonAggregate {
    pub(in crate::engine) fn of(_: &AggregateUDF) -> Option<&Self> {
        None
    }

    pub(in crate::engine) fn parameter_types(&self) -> Vec<DataType> {
        match self.0 {}
    }

    pub(in crate::engine) fn site(&self) -> Option<&Site> {
        match self.0 {}
    }

    pub(in crate::engine) fn at(&self, _: Site) -> AggregateUDF {
        match self.0 {}
    }

    pub(in crate::engine) fn bind(plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan)
    }
}

/// None is.
pub(super) fn is_python_table(_: &TableFunction) -> bool {
    false
}

//! Spark's SQL semantics: errors instead of silent nonsense, and messages that point into the text.
//!
//! ```text
//!   text ─▶ parser ── marks ──▶ planner ──▶ analyzer ──────▶ optimizer ─────▶ finish ──────▶ operators
//!           dialect             marked      SparkSemantics    FallibleLast     AND, OR,       Operation:
//!           knows tokens        operations  lowers what       keeps order      FILTER         arrow's kernel,
//!                               → Operation cannot fail       in filters       short-circuit  then the place
//! ```
//!
//! - [`marks`] notes where each operation begins and ends; [`planner`] makes an [`operation::Operation`] of it, a function that
//!   knows its [`site::Site`]: its place and its [`policy::Policy`]; [`comparison`] reads texts beside values of other types;
//! - [`analyze`] puts DataFusion's own expressions back wherever nothing can fail, so that the optimizer sees through;
//! - [`late_filter`] and [`lazy`] keep operations from rows that never reach them;
//! - [`arithmetic`], [`decimal`], [`cast`], [`sign`], [`element`], [`sum`], [`average`] are the kernels;
//! - [`error`], [`condition`], [`place`] are what the user sees, [`diagnosis`] does the same for errors of parsing and planning.
//!
//! With `engine.sql.semantics = datafusion` nothing is marked, and nothing of this happens.

mod analyze;
mod arithmetic;
mod average;
mod bounds;
mod cast;
mod checked;
mod comparison;
mod condition;
mod decimal;
mod diagnosis;
mod element;
mod error;
mod functions;
mod late_filter;
mod lazy;
mod marks;
mod operation;
mod place;
mod planner;
mod policy;
mod sign;
mod site;
mod sum;
#[cfg(test)]
mod tests;
mod text;
mod to_number;
mod types;

use std::any::Any;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub(super) use analyze::SparkSemantics;
pub use checked::CheckedOperation;
pub use condition::Condition;
pub(super) use diagnosis::{Names, diagnose, diagnose_setting};
pub use error::SqlError;
pub(super) use functions::register as register_functions;
pub(super) use late_filter::{has_subquery, is_late_filter};
pub(super) use lazy::{FallibleLast, can_fail, finish};
pub(super) use marks::{Mark, MarkedFunctions, Marks};
pub use place::Place;
pub(super) use place::byte_of;
pub(super) use planner::MarkedOperations;
pub(crate) use policy::Policy;
pub(super) use site::{LastError, Origin, Site};
pub(super) use types::sql_type;

/// Gives a session, for one statement, what plans its marks; and Spark's functions, if its semantics have changed to Spark's.
pub(super) fn prepare(state: &mut SessionState, operations: MarkedOperations) -> Result<()> {
    if !state.scalar_functions().contains_key("try_add") {
        functions::register(state, operations.policy())?;
    }
    state.config_mut().options_mut().sql_parser.collect_spans = true;
    state.register_expr_planner(Arc::new(operations))
}

/// Where a function that is one of our operations is called, if it is one.
pub(super) fn operation_call(function: &ScalarUDF) -> Option<OperationCall<'_>> {
    let operation = operation::Operation::of(function)?;
    Some(match operation.called_name() {
        Some(name) => OperationCall::ByName(name, operation.site()),
        None => OperationCall::Operator,
    })
}

/// How an operation is called.
pub(super) enum OperationCall<'a> {
    /// As a function is, at a site.
    ByName(&'a str, &'a Site),
    Operator,
}

/// Whether an aggregate is our [`sum`] or [`average`].
fn is_own_aggregate(function: &AggregateUDF) -> bool {
    let implementation: &dyn Any = function.inner().as_ref();
    implementation.is::<sum::SumFunction>() || implementation.is::<average::AverageFunction>()
}

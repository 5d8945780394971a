//! [`UserFunctions`]: the analyzer's first rule, on calls of functions that users defined.
//!
//! ```text
//!   before   share(a, b + 1)                         in SQL: part / whole     after   cast(a) / cast(b + 1)
//!            f(a)                                    in Python                        f(cast(a))
//! ```
//!
//! Functions take what can be cast to their parameters' types. It comes first, so that what a function's body is made of is coerced and looked at as
//! everything else.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, Signature, TypeSignature, Volatility};
use datafusion::optimizer::AnalyzerRule;

use super::python::{PythonAggregate, PythonFunction};
use super::sql_function::SqlFunction;
use crate::engine::aggregates::{aggregate_call, aggregate_call_mut};

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct UserFunctions;

impl AnalyzerRule for UserFunctions {
    fn name(&self) -> &str {
        "user_functions"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                // Most statements call none, and a name is a text that has to be made.
                if !expr.exists(|part| Ok(is_call(part)))? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(placed(expr)?.update_data(|expr| name.restore(expr)))
            })?;
            if plan.transformed { plan.map_data(LogicalPlan::recompute_schema) } else { Ok(plan) }
        })?;
        Ok(plan.data)
    }
}

/// Whether an expression is a call of a function that a user defined.
fn is_call(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => SqlFunction::of(&call.func).is_some() || PythonFunction::of(&call.func).is_some(),
        _ => aggregate_call(expr).is_some_and(|(function, _)| PythonAggregate::of(function).is_some()),
    }
}

/// An expression with bodies in the places of calls, and arguments of the types that functions take.
pub(super) fn placed(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|mut expr| {
        if let Expr::ScalarFunction(call) = &mut expr {
            if let Some(function) = SqlFunction::of(&call.func) {
                return Ok(Transformed::yes(function.inlined(&call.args)?));
            }
            if let Some(parameters) = PythonFunction::of(&call.func).map(PythonFunction::parameter_types) {
                cast_all(&mut call.args, &parameters);
                return Ok(Transformed::yes(expr));
            }
        }
        if let Some((function, arguments)) = aggregate_call_mut(&mut expr)
            && let Some(parameters) = PythonAggregate::of(function).map(PythonAggregate::parameter_types)
        {
            cast_all(arguments, &parameters);
            return Ok(Transformed::yes(expr));
        }
        Ok(Transformed::no(expr))
    })
}

fn cast_all(arguments: &mut Vec<Expr>, types: &[DataType]) {
    let given = std::mem::take(arguments).into_iter();
    *arguments = given.zip(types).map(|(argument, data_type)| cast(argument, data_type)).collect();
}

pub(super) fn cast(expr: Expr, data_type: &DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), data_type.clone()))
}

/// Any arguments, as many as there are parameters: each is cast to its parameter's type by [`UserFunctions`]. The parameters' types are what is shown.
pub(super) fn signature(parameters: Vec<DataType>, volatility: Volatility) -> Signature {
    match parameters.len() {
        0 => Signature::nullary(volatility),
        count => Signature::one_of(vec![TypeSignature::Exact(parameters), TypeSignature::Any(count)], volatility),
    }
}

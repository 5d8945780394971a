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
use datafusion::logical_expr::{
    Cast, Expr, LogicalPlan, Signature, TypeSignature, Volatility, WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;

use super::python::{PythonAggregate, PythonFunction};
use super::sql_function::SqlFunction;

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
                if !expr.exists(|part| Ok(Callee::of(part).is_some()))? {
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

/// A function of a user's that an expression calls.
enum Callee<'a> {
    Sql(&'a SqlFunction),
    /// The types of its parameters.
    Python(Vec<DataType>),
}

impl<'a> Callee<'a> {
    fn of(expr: &'a Expr) -> Option<Self> {
        let aggregate = match expr {
            Expr::ScalarFunction(call) => {
                let python = || PythonFunction::of(&call.func).map(|function| Self::Python(function.parameter_types()));
                return SqlFunction::of(&call.func).map(Self::Sql).or_else(python);
            }
            Expr::AggregateFunction(call) => &call.func,
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => function,
                WindowFunctionDefinition::WindowUDF(_) => return None,
            },
            _ => return None,
        };
        PythonAggregate::of(aggregate).map(|function| Self::Python(function.parameter_types()))
    }
}

/// An expression with bodies in the places of calls, and arguments of the types that functions take.
pub(super) fn placed(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|mut expr| {
        let parameters = match (Callee::of(&expr), &expr) {
            (Some(Callee::Sql(function)), Expr::ScalarFunction(call)) => {
                return Ok(Transformed::yes(function.inlined(&call.args)?));
            }
            (Some(Callee::Python(parameters)), _) => parameters,
            _ => return Ok(Transformed::no(expr)),
        };
        let arguments = match &mut expr {
            Expr::ScalarFunction(call) => &mut call.args,
            Expr::AggregateFunction(call) => &mut call.params.args,
            Expr::WindowFunction(call) => &mut call.params.args,
            _ => return Ok(Transformed::no(expr)),
        };
        let given = std::mem::take(arguments).into_iter();
        *arguments = given.zip(&parameters).map(|(argument, data_type)| cast(argument, data_type)).collect();
        Ok(Transformed::yes(expr))
    })
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

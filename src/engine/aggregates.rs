//! The calls of aggregate functions, be they under GROUP BY or over a window.

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, Expr, WindowFunctionDefinition};

/// The aggregate function that an expression calls, and its arguments; nothing if it calls none itself.
pub(super) fn aggregate_call(expr: &Expr) -> Option<(&Arc<AggregateUDF>, &[Expr])> {
    match expr {
        Expr::AggregateFunction(call) => Some((&call.func, &call.params.args)),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => Some((function, &call.params.args)),
            WindowFunctionDefinition::WindowUDF(_) => None,
        },
        _ => None,
    }
}

/// As [`aggregate_call`], to change.
pub(super) fn aggregate_call_mut(expr: &mut Expr) -> Option<(&mut Arc<AggregateUDF>, &mut Vec<Expr>)> {
    match expr {
        Expr::AggregateFunction(call) => Some((&mut call.func, &mut call.params.args)),
        Expr::WindowFunction(call) => match &mut call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => Some((function, &mut call.params.args)),
            WindowFunctionDefinition::WindowUDF(_) => None,
        },
        _ => None,
    }
}

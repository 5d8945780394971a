//! Conditions that can fail are evaluated for the rows that need them, and no others.
//!
//! ```text
//!   x <> 0 AND 10 / x > 1     ─▶   CASE WHEN (x <> 0) IS FALSE THEN false ELSE x <> 0 AND 10 / x > 1 END
//!   x = 0 OR 10 / x > 1       ─▶   CASE WHEN (x = 0) IS TRUE THEN true ELSE x = 0 OR 10 / x > 1 END
//!   sum(10 / x) FILTER (WHERE x <> 0)   ─▶   sum(CASE WHEN x <> 0 THEN 10 / x END) FILTER (…)
//! ```
//!
//! DataFusion evaluates both sides of AND and OR for a whole batch, as long as no side fails. CASE is what it evaluates row by
//! row. The side that cannot fail goes first, whichever it is, and in a filter all conditions that cannot fail go before those
//! that can: filters are merged and their order is lost.
//!
//! - [`FallibleLast`], a rule of the optimizer, sorts a filter's conditions before common subexpressions are taken out of it: what
//!   stands right of an AND is not taken out alone.
//! - [`finish`] rewrites the optimized plan. Earlier the optimizer would make ANDs of the CASEs again.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, Filter, LogicalPlan, Operator, ScalarUDF, when};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::prelude::lit;

use super::late_filter;
use super::operation::Operation;
use crate::engine::udf::PythonFunction;

/// Whether an expression has an operation that can raise an error. Subqueries in it have plans of their own.
pub(crate) fn is_fallible(expr: &Expr) -> bool {
    let raises = |expr: &Expr| match expr {
        Expr::ScalarFunction(call) => can_raise(&call.func),
        _ => false,
    };
    expr.exists(|expr| Ok(raises(expr))).unwrap_or(true)
}

/// Whether a physical expression is an operation that can raise an error.
pub(crate) fn can_fail(expr: &dyn PhysicalExpr) -> bool {
    let call = expr.downcast_ref::<ScalarFunctionExpr>();
    call.is_some_and(|call| can_raise(call.fun()))
}

/// Whether a function is an operation that can raise an error, or a user's own.
fn can_raise(function: &ScalarUDF) -> bool {
    Operation::of(function).is_some_and(Operation::is_fallible) || PythonFunction::of(function).is_some()
}

/// Puts the conditions of a filter that can fail behind those that cannot.
#[derive(Debug)]
pub(crate) struct FallibleLast;

impl OptimizerRule for FallibleLast {
    fn name(&self) -> &str {
        "fallible_last"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = plan else { return Ok(Transformed::no(plan)) };
        let fallible: Vec<bool> = split_conjunction(&filter.predicate).into_iter().map(is_fallible).collect();
        if fallible.is_sorted() {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        let conditions = split_conjunction_owned(filter.predicate);
        let (last, mut first): (Vec<_>, Vec<_>) = conditions.into_iter().partition(is_fallible);
        first.extend(last);
        let predicate = conjunction(first).unwrap_or_else(|| lit(true));
        Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
    }
}

/// Rewrites an optimized plan for the planner: the optimizer is done with what it must not see.
pub(crate) fn finish(plan: LogicalPlan) -> Result<LogicalPlan> {
    // To look costs little; to take the plan apart, which others hold as well, copies all of it.
    if !has_fallible(&plan)? {
        return Ok(plan);
    }
    make_lazy(late_filter::remove(plan)?.data)
}

/// Whether a plan has anything that can fail, or waits for its turn.
fn has_fallible(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    let next = |found| if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue };
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Extension(extension) if late_filter::is_late_filter(extension));
        node.apply_expressions(|expr| {
            found |= is_fallible(expr);
            Ok(next(found))
        })?;
        Ok(next(found))
    })?;
    Ok(found)
}

/// Makes every AND, OR and aggregate of a plan evaluate what can fail for the rows that need it.
fn make_lazy(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Filter(filter) if is_fallible(&filter.predicate) => {
            let predicate = lazy_conditions(split_conjunction_owned(filter.predicate))?;
            let predicate = conjunction(predicate).unwrap_or_else(|| lit(true));
            Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
        }
        LogicalPlan::TableScan(mut scan) if scan.filters.iter().any(is_fallible) => {
            scan.filters = lazy_conditions(std::mem::take(&mut scan.filters))?;
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        LogicalPlan::Join(mut join) if join.filter.as_ref().is_some_and(is_fallible) => {
            let conditions = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
            join.filter = conjunction(lazy_conditions(conditions)?);
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        plan => {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                if !is_fallible(&expr) {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(lazy(expr)?.update_data(|expr| name.restore(expr)))
            })
        }
    })?;
    Ok(plan.data)
}

/// The conditions of a filter, each of which can stand alone: wherever they are evaluated, those that can fail see only the rows
/// for which no earlier one is false.
fn lazy_conditions(conditions: Vec<Expr>) -> Result<Vec<Expr>> {
    let (fallible, mut safe): (Vec<_>, Vec<_>) = conditions.into_iter().partition(is_fallible);
    let mut guard = conjunction(safe.iter().filter(|condition| !condition.contains_outer()).cloned());
    for condition in fallible {
        let condition = lazy(condition)?.data;
        let guarded = match guard.take() {
            Some(guard_expr) => {
                let guarded = when(guard_expr.clone(), condition).otherwise(lit(false))?;
                guard = Some(guarded.clone());
                guarded
            }
            None => {
                guard = Some(condition.clone());
                condition
            }
        };
        safe.push(guarded);
    }
    Ok(safe)
}

fn lazy(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right })
            if is_fallible(&left) || is_fallible(&right) =>
        {
            let (first, second) =
                if is_fallible(&left) && !is_fallible(&right) { (right, left) } else { (left, right) };
            Ok(Transformed::yes(short_circuit(*first, op, *second)?))
        }
        Expr::AggregateFunction(call) if call.params.filter.is_some() => filtered(call),
        other => Ok(Transformed::no(other)),
    })
}

/// `first AND second` or `first OR second`, where `second` is evaluated only if `first` does not decide.
fn short_circuit(first: Expr, op: Operator, second: Expr) -> Result<Expr> {
    let decides = if op == Operator::And { first.clone().is_false() } else { first.clone().is_true() };
    let both = Expr::BinaryExpr(BinaryExpr::new(Box::new(first), op, Box::new(second)));
    when(decides, lit(op == Operator::Or)).otherwise(both)
}

/// An aggregate whose arguments are evaluated only for the rows that its FILTER leaves.
fn filtered(mut call: AggregateFunction) -> Result<Transformed<Expr>> {
    let Some(filter) = call.params.filter.as_deref().cloned() else {
        return Ok(Transformed::no(Expr::AggregateFunction(call)));
    };
    if !call.params.args.iter().any(is_fallible) {
        return Ok(Transformed::no(Expr::AggregateFunction(call)));
    }
    let lazy = |argument: Expr| match is_fallible(&argument) {
        true => when(filter.clone(), argument).end(),
        false => Ok::<_, DataFusionError>(argument),
    };
    call.params.args = call.params.args.into_iter().map(lazy).collect::<Result<_>>()?;
    Ok(Transformed::yes(Expr::AggregateFunction(call)))
}

//! The analyzer's rule after type coercion: what cannot fail becomes DataFusion's own expression again.
//!
//! ```text
//!   before   cast(d_year as bigint) ‹add› 1     dep ‹divide› 2.0e0     case when v > 0 then d ‹divide› v end
//!   after    cast(d_year as bigint) + 1         dep / 2.0e0            case when v > 0 then d / v end
//! ```
//!
//! Why this is right: an operation is replaced only if it has a result for every row that reaches it (bounds of integers,
//! precisions of decimals, divisors that are literals or that the CASE around them has compared with 0), and if DataFusion's
//! expression gives that result in the same type. Filters on such expressions are pushed down, pruned by and estimated as before.
//! What is left is what can fail.
//!
//! Casts that nobody wrote, as of a text among the arguments of `nullif`, become Spark's, too. In an operation of ours and in the call of a function in
//! Python they have its place; elsewhere they raise an error with a class, but know no place.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::functions::math::abs;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    AggregateUDF, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, TryCast,
};
use datafusion::optimizer::AnalyzerRule;

use super::arithmetic::Arithmetic;
use super::bounds::{self, Nonzero};
use super::operation::{Kind, Operation, decimal_shape, plain};
use super::policy::Policy;
use super::site::Site;
use super::{cast, decimal, element, late_filter};
use crate::engine::aggregates::{aggregate_call, aggregate_call_mut};
use crate::engine::settings::{SqlOptions, UdfOptions};
use crate::engine::udf::{PythonAggregate, PythonFunction, TimedAggregate, timed_at};

/// See the module.
#[derive(Debug)]
pub(crate) struct SparkSemantics;

impl AnalyzerRule for SparkSemantics {
    fn name(&self) -> &str {
        "spark_semantics"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let implicit = SqlOptions::of(config).policy();
        let is_profiled = UdfOptions::of(config).profile;
        let rules = Rules { implicit, is_profiled };
        let plan = plan.transform_up_with_subqueries(|plan| rewrite_plan(plan, rules))?.data;
        late_filter::insert(plan)
    }
}

/// What the session's settings say.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// What a cast that nobody wrote does where it has no result; nothing under DataFusion's semantics.
    implicit: Option<Policy>,
    /// Functions that are called by their names stay functions, whose calls can be timed.
    is_profiled: bool,
}

fn rewrite_plan(plan: LogicalPlan, rules: Rules) -> Result<Transformed<LogicalPlan>> {
    // Most nodes have nothing but columns and comparisons: to put schemas together for them would be most of this rule's time.
    if !has_candidate(&plan)? {
        return Ok(Transformed::no(plan));
    }
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = rewrite(expr, &schema, rules)?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    if rewritten.transformed { rewritten.map_data(LogicalPlan::recompute_schema) } else { Ok(rewritten) }
}

/// Whether an expression of the node is of a kind that [`rewrite`] looks at.
fn has_candidate(plan: &LogicalPlan) -> Result<bool> {
    let is_candidate = |expr: &Expr| {
        use Expr::{AggregateFunction, Case, Cast, ScalarFunction, WindowFunction};
        matches!(expr, Case(_) | ScalarFunction(_) | Cast(_) | AggregateFunction(_) | WindowFunction(_))
    };
    let mut found = false;
    plan.apply_expressions(|expr| {
        found |= expr.exists(|expr| Ok(is_candidate(expr)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn rewrite(expr: Expr, schema: &DFSchema, rules: Rules) -> Result<Transformed<Expr>> {
    let proven = expr.transform_down(|expr| match expr {
        Expr::Case(case) => prove_branches(case, schema),
        other => Ok(Transformed::no(other)),
    })?;
    proven.transform_data(|expr| {
        expr.transform_up(|expr| match expr {
            Expr::ScalarFunction(call) => lower(call, schema, rules.is_profiled),
            Expr::Cast(cast) => check_cast(cast, schema, rules.implicit),
            other => lower_aggregate(other, schema),
        })
    })
}

/// Learns from a CASE's conditions what its branches cannot divide by.
fn prove_branches(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let mut so_far = Nonzero::default();
    let mut changed = false;
    let mut branches = Vec::with_capacity(case.when_then_expr.len());
    for (when, then) in std::mem::take(&mut case.when_then_expr) {
        let mut here = so_far.clone();
        match &case.expr {
            Some(subject) => so_far.learn_unequal(subject, &when),
            None => {
                here.learn_true(&when);
                so_far.learn_untrue(&when);
            }
        }
        let then = prove(*then, &here, schema)?;
        changed |= then.transformed;
        branches.push((when, Box::new(then.data)));
    }
    case.when_then_expr = branches;
    if let Some(otherwise) = case.else_expr.take() {
        let otherwise = prove(*otherwise, &so_far, schema)?;
        changed |= otherwise.transformed;
        case.else_expr = Some(Box::new(otherwise.data));
    }
    Ok(if changed { Transformed::yes(Expr::Case(case)) } else { Transformed::no(Expr::Case(case)) })
}

/// Marks the divisions in a branch whose divisors are known not to be 0.
fn prove(branch: Expr, nonzero: &Nonzero, schema: &DFSchema) -> Result<Transformed<Expr>> {
    branch.transform_down(|expr| {
        let Expr::ScalarFunction(call) = expr else { return Ok(Transformed::no(expr)) };
        let proven = match (Operation::of(&call.func), call.args.as_slice()) {
            (Some(operation), [_, divisor]) if !operation.never_fails() && divides(operation) => {
                nonzero.holds(divisor, schema).then(|| operation.that_never_fails())
            }
            _ => None,
        };
        Ok(match proven {
            Some(operation) => Transformed::yes(ScalarUDF::from(operation).call(call.args)),
            None => Transformed::no(Expr::ScalarFunction(call)),
        })
    })
}

fn divides(operation: &Operation) -> bool {
    use Arithmetic::{Divide, IntegerDivide, Remainder};
    matches!(operation.kind(), Kind::Arithmetic(Divide | Remainder | IntegerDivide))
}

/// Gives casts that nobody wrote the place of the operation or the call that they are for, if that is known.
fn place_casts(operands: &mut [Expr], site: Option<&Site>) {
    let Some(site) = site else { return };
    for operand in operands {
        if let Expr::ScalarFunction(inner) = operand
            && let Some(placed) = Operation::of(&inner.func).and_then(|cast| cast.placed(site))
        {
            inner.func = Arc::new(ScalarUDF::from(placed));
        }
    }
}

/// Puts DataFusion's own expression in the place of an operation that cannot fail.
fn lower(mut call: ScalarFunction, schema: &DFSchema, is_profiled: bool) -> Result<Transformed<Expr>> {
    let function = Arc::clone(&call.func);
    let Some(operation) = Operation::of(&function) else {
        place_casts(&mut call.args, PythonFunction::of(&function).and_then(PythonFunction::site));
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    place_casts(&mut call.args, Some(operation.site()));
    if let Some(value) = operation.of_literals(&call.args) {
        return Ok(Transformed::yes(Expr::Literal(value, None)));
    }
    let types = call.args.iter().map(|operand| operand.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let timed_site = Some(operation.site()).filter(|site| is_profiled && site.is_call());
    let lowered = match (operation.kind(), call.args.as_slice(), types.as_slice()) {
        (Kind::Arithmetic(operator), [left, right], [left_type, right_type]) => {
            // What is proven of a divisor may not be all that is to be known.
            let is_timed = timed_site.is_some() && !operation.never_fails();
            if !is_timed || !types.iter().all(DataType::is_numeric) {
                let (left, right) = ((left, left_type), (right, right_type));
                return lower_arithmetic(*operator, operation, &call, left, right, schema);
            }
            None
        }
        (_, args, types) => own_expression(operation, args, types, timed_site),
    };
    Ok(match lowered {
        Some(expr) => Transformed::yes(expr),
        None => Transformed::no(Expr::ScalarFunction(call)),
    })
}

/// DataFusion's own expression for an operation that is no arithmetic, if it cannot fail; a call that is timed at a site, if there is one.
fn own_expression(operation: &Operation, args: &[Expr], types: &[DataType], timed_site: Option<&Site>) -> Option<Expr> {
    let call = |function: &ScalarUDF| {
        let own = function.call(args.to_vec());
        if let Some(site) = timed_site { timed_at(site, own) } else { own }
    };
    match (operation.kind(), args, types) {
        (Kind::Negate, [operand], [data_type]) if !data_type.is_integer() => {
            Some(Expr::Negative(Box::new(operand.clone())))
        }
        (Kind::Absolute, [_], [data_type]) if !data_type.is_integer() => Some(call(&abs())),
        (Kind::Cast(to), [operand], [from]) if !cast::is_ours(from, to) || !cast::can_fail(from, to) => {
            let expr = Box::new(operand.clone());
            // A cast that is DataFusion's may fail; TRY_CAST gives NULL then.
            Some(match operation.site().policy() {
                Policy::Try if !cast::is_ours(from, to) => Expr::TryCast(TryCast::new(expr, to.clone())),
                _ => Expr::Cast(Cast::new(expr, to.clone())),
            })
        }
        (Kind::Subscript(inner), _, [container, ..]) if !element::is_ours(container) => Some(call(inner)),
        _ => None,
    }
}

fn lower_arithmetic(
    operator: Arithmetic,
    operation: &Operation,
    call: &ScalarFunction,
    (left, left_type): (&Expr, &DataType),
    (right, right_type): (&Expr, &DataType),
    schema: &DFSchema,
) -> Result<Transformed<Expr>> {
    use Arithmetic::{Add, Divide, IntegerDivide, Multiply, Remainder, Subtract};
    let binary = |op| {
        Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))))
    };
    let kept = || Ok(Transformed::no(Expr::ScalarFunction(call.clone())));
    let never_fails = || Ok(Transformed::yes(ScalarUDF::from(operation.that_never_fails()).call(call.args.clone())));
    if !left_type.is_numeric() || !right_type.is_numeric() {
        // Dates, intervals and their like: DataFusion's own rules.
        return binary(plain(operator));
    }
    let is_proven = operation.never_fails();
    match (left_type, operator) {
        (DataType::Decimal128(..), _) => {
            let shapes = (operator, decimal_shape(left_type), decimal_shape(right_type));
            let can_overflow = decimal::can_overflow(shapes.0, shapes.1, shapes.2);
            match operator {
                Add | Subtract | Multiply if decimal::is_exact(shapes.0, shapes.1, shapes.2) => binary(plain(operator)),
                Add | Subtract | Multiply if !can_overflow => never_fails(),
                Divide | Remainder | IntegerDivide
                    if !can_overflow && !is_proven && bounds::is_nonzero_literal(right) =>
                {
                    never_fails()
                }
                // Only the divisor was proven.
                _ if is_proven && can_overflow => {
                    let fallible = Operation::new(operation.kind().clone(), operation.site().clone());
                    Ok(Transformed::yes(ScalarUDF::from(fallible).call(call.args.clone())))
                }
                _ => kept(),
            }
        }
        (DataType::Float32 | DataType::Float64, Add | Subtract | Multiply) => binary(plain(operator)),
        (DataType::Float32 | DataType::Float64, _) if is_proven || bounds::is_nonzero_literal(right) => {
            binary(plain(operator))
        }
        (DataType::Float32 | DataType::Float64, _) => kept(),
        (_, Add | Subtract | Multiply) => {
            let fits = || {
                let bounds = (bounds::integers(left, schema)?, bounds::integers(right, schema)?);
                let (low, high) = bounds::combined(plain(operator), bounds.0, bounds.1)?;
                let (least, most) = bounds::of_type(left_type)?;
                Some(low >= least && high <= most)
            };
            // Wrapping around is what DataFusion's own operators do.
            let wraps = operation.site().policy() == Policy::Legacy;
            if wraps || fits().unwrap_or(false) { binary(plain(operator)) } else { kept() }
        }
        (_, IntegerDivide) if bounds::is_harmless_divisor(right) => binary(Operator::Divide),
        (_, Remainder) if bounds::is_harmless_divisor(right) => binary(Operator::Modulo),
        // The least integer has no counterpart: `x div -1` may fail though it divides by no 0.
        (_, IntegerDivide) if is_proven => {
            let fallible = Operation::new(operation.kind().clone(), operation.site().clone());
            Ok(Transformed::yes(ScalarUDF::from(fallible).call(call.args.clone())))
        }
        _ => kept(),
    }
}

/// Spark's cast in the place of one that type coercion has put in and that can fail.
fn check_cast(cast: Cast, schema: &DFSchema, implicit: Option<Policy>) -> Result<Transformed<Expr>> {
    let to = cast.field.data_type();
    let from = cast.expr.get_type(schema)?;
    match implicit {
        Some(policy) if from.is_string() && cast::is_ours(&from, to) => {
            Ok(Transformed::yes(Operation::call(Kind::Cast(to.clone()), Site::nowhere(policy), vec![*cast.expr])))
        }
        _ => Ok(Transformed::no(Expr::Cast(cast))),
    }
}

fn lower_aggregate(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some((function, arguments)) = aggregate_call_mut(&mut expr) {
        place_casts(arguments, PythonAggregate::of(function).and_then(PythonAggregate::site));
    }
    let own = match aggregate_call(&expr) {
        Some((function, args)) => TimedAggregate::replaced(function, |function| own_aggregate(function, args, schema))?,
        None => None,
    };
    match (own, aggregate_call_mut(&mut expr)) {
        (Some(own), Some((function, _))) => {
            *function = own;
            Ok(Transformed::yes(expr))
        }
        _ => Ok(Transformed::no(expr)),
    }
}

/// DataFusion's own sum or average, where ours does nothing else.
fn own_aggregate(function: &Arc<AggregateUDF>, args: &[Expr], schema: &DFSchema) -> Result<Option<Arc<AggregateUDF>>> {
    let ([argument], true) = (args, super::is_own_aggregate(function)) else { return Ok(None) };
    let data_type = argument.get_type(schema)?;
    Ok(match function.name().trim_start_matches("try_") {
        "sum" if data_type.is_floating() || !data_type.is_numeric() => Some(sum_udaf()),
        "avg" if !matches!(data_type, DataType::Decimal128(..)) => Some(avg_udaf()),
        _ => None,
    })
}

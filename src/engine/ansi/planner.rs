//! Plans marked operations: the number in the operator's name says what it is and where it stands.

use std::sync::Arc;

use arrow::datatypes::{DataType, i256};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{AggregateUDF, Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::arithmetic::Arithmetic;
use super::average::AverageFunction;
use super::marks::{Mark, Marked, Marks};
use super::operation::{Kind, Operation};
use super::policy::Policy;
use super::site::{Origin, Site};
use super::sum::SumFunction;
use super::to_number::ToNumber;
use super::{comparison, decimal};
use crate::engine::aggregates::aggregate_call_mut;
use crate::engine::udf::{PythonAggregate, PythonFunction, table_call, timed_at};

/// Turns the marks of one statement into [`Operation`]s.
#[derive(Debug)]
pub(crate) struct MarkedOperations {
    marks: Vec<Mark>,
    origin: Origin,
    policy: Policy,
    /// Whether calls of functions are timed, if anybody counts when they run.
    is_timed: bool,
}

impl MarkedOperations {
    pub(crate) fn new(marks: Vec<Mark>, origin: Origin, policy: Policy, is_timed: bool) -> Self {
        Self { marks, origin, policy, is_timed }
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    fn site(&self, mark: &Mark) -> Site {
        let site = Site::new(self.policy, self.origin.clone(), mark.span);
        if mark.marked == Marked::Call { site.of_call() } else { site }
    }
}

impl ExprPlanner for MarkedOperations {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(mark) = Marks::find(&self.marks, &expr.op) else { return Ok(PlannerResult::Original(expr)) };
        let site = self.site(mark);
        let operator = match &mark.marked {
            Marked::Whole | Marked::Call => {
                let planned = whole(expr.left, site.clone(), schema);
                return Ok(PlannerResult::Planned(if self.is_timed { timed_at(&site, planned) } else { planned }));
            }
            Marked::Negation => {
                return Ok(PlannerResult::Planned(Operation::call(Kind::Negate, site, vec![expr.left])));
            }
            Marked::TableCall => return Ok(PlannerResult::Planned(table_call(site))),
            Marked::Operator(operator) => operator.clone(),
        };
        Ok(match arithmetic(&operator) {
            None if compares(&operator) => {
                let (left, right) = comparison::sides(expr.left, expr.right, &site, schema);
                PlannerResult::Original(RawBinaryExpr { op: operator, left, right })
            }
            Some(kind) => {
                let left = beside_decimal(&expr.left, &expr.right, schema);
                let right = beside_decimal(&expr.right, &expr.left, schema);
                let operands = vec![left.unwrap_or(expr.left), right.unwrap_or(expr.right)];
                PlannerResult::Planned(Operation::call(Kind::Arithmetic(kind), site, operands))
            }
            None => PlannerResult::Original(RawBinaryExpr { op: operator, ..expr }),
        })
    }
}

/// What is marked as a whole: what can fail, a list or a range with texts in it, a number with an exponent.
fn whole(operand: Expr, site: Site, schema: &DFSchema) -> Expr {
    match operand {
        Expr::Cast(cast) => Operation::call(Kind::Cast(cast.field.data_type().clone()), site, vec![*cast.expr]),
        Expr::TryCast(cast) => {
            let site = site.with_policy(Policy::Try);
            Operation::call(Kind::Cast(cast.field.data_type().clone()), site, vec![*cast.expr])
        }
        Expr::Literal(value, metadata) => Expr::Literal(double(&value).unwrap_or(value), metadata),
        Expr::InList(list) => Expr::InList(comparison::in_list(list, &site, schema)),
        Expr::Between(range) => Expr::Between(comparison::between(range, &site, schema)),
        Expr::ScalarFunction(call) => scalar_function(call, site),
        mut other => {
            if let Some((function, _)) = aggregate_call_mut(&mut other) {
                *function = aggregate(function, site);
            }
            other
        }
    }
}

/// An integer literal beside a decimal is a decimal of as many digits as it has, in Spark: `price / 2` keeps more of its digits than
/// a division by any BIGINT could.
fn beside_decimal(literal: &Expr, other: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Int64(Some(value)), None) = literal else { return None };
    if !matches!(other.get_type(schema).ok()?, DataType::Decimal128(..)) {
        return None;
    }
    let digits = u8::try_from(value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1).ok()?;
    Some(Expr::Literal(ScalarValue::Decimal128(Some(i128::from(*value)), digits, 0), None))
}

/// A number with an exponent, where numbers are read as decimals.
fn double(value: &ScalarValue) -> Option<ScalarValue> {
    let (unscaled, scale) = match value {
        ScalarValue::Decimal128(Some(unscaled), _, scale) => (i256::from_i128(*unscaled), *scale),
        ScalarValue::Decimal256(Some(unscaled), _, scale) => (*unscaled, *scale),
        _ => return None,
    };
    // By way of the text, which is rounded once.
    Some(ScalarValue::Float64(Some(decimal::text(unscaled, scale).parse().ok()?)))
}

fn arithmetic(operator: &BinaryOperator) -> Option<Arithmetic> {
    Some(match operator {
        BinaryOperator::Plus => Arithmetic::Add,
        BinaryOperator::Minus => Arithmetic::Subtract,
        BinaryOperator::Multiply => Arithmetic::Multiply,
        BinaryOperator::Divide => Arithmetic::Divide,
        BinaryOperator::Modulo => Arithmetic::Remainder,
        BinaryOperator::MyIntegerDivide => Arithmetic::IntegerDivide,
        _ => return None,
    })
}

fn compares(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn scalar_function(call: ScalarFunction, site: Site) -> Expr {
    if let Some(function) = PythonFunction::of(&call.func) {
        return function.at(site).call(call.args);
    }
    let kind = match (Operation::of(&call.func), call.func.name()) {
        // What begins with `try_` does so in every statement.
        (Some(operation), _) if operation.site().policy() == Policy::Try => {
            return Operation::call(operation.kind().clone(), site.with_policy(Policy::Try), call.args);
        }
        (Some(operation), _) => operation.kind().clone(),
        (None, "abs") => Kind::Absolute,
        (None, "to_number") => return ScalarUDF::from(ToNumber::new(site)).call(call.args),
        (None, "array_element" | "get_field") if call.args.len() == 2 => Kind::Subscript(Arc::clone(&call.func)),
        _ => return Expr::ScalarFunction(call),
    };
    Operation::call(kind, site, call.args)
}

/// The aggregate that minds its total, for one that does not.
fn aggregate(function: &Arc<AggregateUDF>, site: Site) -> Arc<AggregateUDF> {
    match function.name() {
        "sum" => Arc::new(AggregateUDF::from(SumFunction::new(site))),
        "avg" => Arc::new(AggregateUDF::from(AverageFunction::new(site))),
        _ => match PythonAggregate::of(function) {
            Some(own) => Arc::new(own.at(site)),
            None => Arc::clone(function),
        },
    }
}

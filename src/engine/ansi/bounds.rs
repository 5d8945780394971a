//! What the form of an expression says of its values: between which integers they lie, and whether they can be 0.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use super::operation::{Kind, Operation};

/// The integers between which the values of an integer expression lie, both included.
///
/// A literal is itself, a cast keeps the bounds of what it widens, and `+ - *` of bounds that their type holds stay within it:
/// `cast(d_year as bigint) + 1` cannot overflow, whatever the years are.
pub(crate) fn integers(expr: &Expr, schema: &datafusion::common::DFSchema) -> Option<(i128, i128)> {
    let data_type = expr.get_type(schema).ok()?;
    let all = of_type(&data_type)?;
    let within = |(low, high): (i128, i128)| (low >= all.0 && high <= all.1).then_some((low, high));
    let known = match expr {
        Expr::Literal(value, _) => literal(value).map(|value| (value, value)),
        Expr::Alias(alias) => integers(&alias.expr, schema),
        Expr::Cast(cast) => integers(&cast.expr, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            combined(*op, integers(left, schema)?, integers(right, schema)?)
        }
        _ => None,
    };
    Some(known.and_then(within).unwrap_or(all))
}

/// The bounds of a result, if they are finite.
pub(crate) fn combined(operator: Operator, left: (i128, i128), right: (i128, i128)) -> Option<(i128, i128)> {
    match operator {
        Operator::Plus => Some((left.0.checked_add(right.0)?, left.1.checked_add(right.1)?)),
        Operator::Minus => Some((left.0.checked_sub(right.1)?, left.1.checked_sub(right.0)?)),
        Operator::Multiply => {
            let products = [
                left.0.checked_mul(right.0)?,
                left.0.checked_mul(right.1)?,
                left.1.checked_mul(right.0)?,
                left.1.checked_mul(right.1)?,
            ];
            Some((*products.iter().min()?, *products.iter().max()?))
        }
        _ => None,
    }
}

/// The bounds of an integer type.
pub(crate) fn of_type(data_type: &DataType) -> Option<(i128, i128)> {
    Some(match data_type {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => (i64::MIN.into(), i64::MAX.into()),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

fn literal(value: &ScalarValue) -> Option<i128> {
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(value) => value.map(i128::from),
        _ => None,
    }
}

/// A number as a double, where it is a literal.
fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(value, _) if value.data_type().is_numeric() => match value.cast_to(&DataType::Float64).ok()? {
            ScalarValue::Float64(value) => value,
            _ => None,
        },
        Expr::Cast(cast) => number(&cast.expr),
        Expr::Negative(operand) => number(operand).map(|value| -value),
        Expr::ScalarFunction(call) => match (Operation::of(&call.func)?.kind(), call.args.as_slice()) {
            (Kind::Cast(_), [operand]) => number(operand),
            (Kind::Negate, [operand]) => number(operand).map(|value| -value),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression is a literal other than 0 and -1: nothing fails that divides integers by it.
pub(crate) fn is_harmless_divisor(expr: &Expr) -> bool {
    number(expr).is_some_and(|value| value != 0.0 && value != -1.0 && !value.is_nan())
}

/// Whether an expression is a number other than 0.
pub(crate) fn is_nonzero_literal(expr: &Expr) -> bool {
    number(expr).is_some_and(|value| value != 0.0)
}

/// Expressions that are not 0 wherever something else is evaluated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nonzero(Vec<Expr>);

impl Nonzero {
    /// Learns from a condition that holds.
    pub(crate) fn learn_true(&mut self, condition: &Expr) {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.learn_true(left);
                self.learn_true(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                self.learn_comparison(left, *op, right);
                if let Some(op) = op.swap() {
                    self.learn_comparison(right, op, left);
                }
            }
            Expr::Not(condition) => self.learn_untrue(condition),
            _ => {}
        }
    }

    /// Learns from a condition that is false or NULL. What is NULL is as good as not 0: a division by it is NULL.
    pub(crate) fn learn_untrue(&mut self, condition: &Expr) {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                self.learn_untrue(left);
                self.learn_untrue(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => self.learn_unequal(left, right),
            _ => {}
        }
    }

    /// Learns that two sides are not equal, or that one is NULL.
    pub(crate) fn learn_unequal(&mut self, left: &Expr, right: &Expr) {
        for (one, other) in [(left, right), (right, left)] {
            if number(other) == Some(0.0) {
                self.0.push(without_casts(one).clone());
            }
        }
    }

    fn learn_comparison(&mut self, value: &Expr, operator: Operator, limit: &Expr) {
        let Some(limit) = number(limit) else { return };
        let excludes_zero = match operator {
            Operator::Gt => limit >= 0.0,
            Operator::GtEq => limit > 0.0,
            Operator::Lt => limit <= 0.0,
            Operator::LtEq => limit < 0.0,
            Operator::NotEq => limit == 0.0,
            Operator::Eq => limit != 0.0,
            _ => false,
        };
        if excludes_zero {
            self.0.push(without_casts(value).clone());
        }
    }

    /// Whether a divisor is known not to be 0. A cast of it counts where it makes no 0 of anything else.
    pub(crate) fn holds(&self, divisor: &Expr, schema: &datafusion::common::DFSchema) -> bool {
        self.0.contains(divisor)
            || cast_of(divisor).is_some_and(|(inner, to)| {
                inner.get_type(schema).is_ok_and(|from| keeps_nonzero(&from, to)) && self.holds(inner, schema)
            })
    }
}

fn cast_of(expr: &Expr) -> Option<(&Expr, &DataType)> {
    match expr {
        Expr::Cast(cast) => Some((&cast.expr, cast.field.data_type())),
        Expr::ScalarFunction(call) => match (Operation::of(&call.func)?.kind(), call.args.as_slice()) {
            (Kind::Cast(to), [inner]) => Some((inner, to)),
            _ => None,
        },
        _ => None,
    }
}

/// What is not 0 after a cast was not 0 before it: 0 stays 0 in every type.
fn without_casts(expr: &Expr) -> &Expr {
    match cast_of(expr) {
        Some((inner, _)) => without_casts(inner),
        None => expr,
    }
}

/// Whether a cast from one type to another makes a 0 of 0 alone.
fn keeps_nonzero(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (from, DataType::Float64) => from.is_integer() || matches!(from, DataType::Decimal128(..) | DataType::Float32),
        (from, DataType::Float32) => from.is_integer(),
        (from, DataType::Decimal128(_, scale)) if from.is_integer() => *scale >= 0,
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => to >= from,
        (from, to) => match (of_type(from), of_type(to)) {
            (Some(from), Some(to)) => from.0 >= to.0 && from.1 <= to.1,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};
    use datafusion::common::DFSchema;
    use datafusion::prelude::{cast, col, lit};

    use super::*;

    fn schema() -> DFSchema {
        let fields = vec![
            Field::new("i", DataType::Int32, true),
            Field::new("l", DataType::Int64, true),
            Field::new("d", DataType::Decimal128(7, 2), true),
        ];
        DFSchema::try_from(Schema::new(fields)).expect("distinct names")
    }

    #[track_caller]
    fn check_bounds(expr: &Expr, expected: (i128, i128)) {
        assert_eq!(integers(expr, &schema()), Some(expected), "{expr}");
    }

    #[test]
    fn bounds_follow_types_and_literals() {
        let (int, long) = ((i32::MIN as i128, i32::MAX as i128), (i64::MIN as i128, i64::MAX as i128));
        check_bounds(&col("i"), int);
        check_bounds(&cast(col("i"), DataType::Int64), int);
        check_bounds(&(cast(col("i"), DataType::Int64) + lit(1_i64)), (int.0 + 1, int.1 + 1));
        check_bounds(&(col("l") + lit(1_i64)), long);
        check_bounds(&lit(-5_i64), (-5, -5));
        assert_eq!(integers(&col("d"), &schema()), None);
        assert_eq!(combined(Operator::Multiply, (-2, 3), (-5, 7)), Some((-15, 21)));
        assert_eq!(combined(Operator::Multiply, (i128::MIN, 0), (2, 2)), None);
    }

    #[track_caller]
    fn check_nonzero(learn: impl Fn(&mut Nonzero), divisor: &Expr, expected: bool) {
        let mut nonzero = Nonzero::default();
        learn(&mut nonzero);
        assert_eq!(nonzero.holds(divisor, &schema()), expected, "{divisor} given {nonzero:?}");
    }

    #[test]
    fn conditions_exclude_zero() {
        let of = |condition: Expr| move |nonzero: &mut Nonzero| nonzero.learn_true(&condition);
        let unless = |condition: Expr| move |nonzero: &mut Nonzero| nonzero.learn_untrue(&condition);
        check_nonzero(of(col("i").gt(lit(0))), &col("i"), true);
        check_nonzero(of(col("i").gt(lit(-1))), &col("i"), false);
        check_nonzero(of(lit(0).lt(col("i"))), &col("i"), true);
        check_nonzero(of(col("i").not_eq(lit(0)).and(col("l").gt(lit(1)))), &col("i"), true);
        check_nonzero(of(col("i").not_eq(lit(0)).or(col("l").gt(lit(1)))), &col("i"), false);
        check_nonzero(unless(col("i").eq(lit(0)).or(col("l").eq(lit(0)))), &col("i"), true);
        check_nonzero(unless(col("i").eq(lit(0)).and(col("l").eq(lit(0)))), &col("i"), false);
        check_nonzero(of(col("i").gt(lit(0))), &cast(col("i"), DataType::Float64), true);
        check_nonzero(of(col("i").gt(lit(0))), &col("l"), false);
        check_nonzero(of(cast(col("d"), DataType::Float64).gt(lit(0.0))), &col("d"), true);
        // 0.4 is not 0, but becomes it.
        check_nonzero(of(col("d").gt(lit(0))), &cast(col("d"), DataType::Int32), false);
        check_nonzero(of(col("d").gt(lit(0))), &cast(col("d"), DataType::Decimal128(7, 0)), false);
    }
}

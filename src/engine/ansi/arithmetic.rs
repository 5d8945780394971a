//! `+ - * / % div` over arrays of integers and floats: arrow's own kernels, and what Spark says where they have no result.
//!
//! The way without a fault is arrow's checked kernel and nothing else (for division of floats: the kernel and a look for zeros).
//! Which row failed matters only to `try_…`, which goes over the rows one by one then.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Datum, PrimitiveArray, downcast_integer,
};
use arrow::compute::kernels::numeric;
use arrow::compute::nullif;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;

use super::decimal;
use super::error::Fault;
use super::policy::Policy;
use super::types::sql_type;

/// An operator of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`, with the sign of the dividend.
    Remainder,
    /// `div`: the quotient's integer part as BIGINT.
    IntegerDivide,
}

impl Arithmetic {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Remainder, Self::IntegerDivide];

    /// The function that gives NULL where the operator raises.
    pub(crate) fn tolerant_name(self) -> &'static str {
        match self {
            Self::Add => "try_add",
            Self::Subtract => "try_subtract",
            Self::Multiply => "try_multiply",
            Self::Divide | Self::IntegerDivide => "try_divide",
            Self::Remainder => "try_mod",
        }
    }
}

/// Computes `left operator right`, both of the type that [`coerced`](super::operation::coerced) gives.
///
/// Either side may be one value; with two, the result has one row. NULL beside anything is NULL, also beside a divisor of 0.
pub(crate) fn evaluate(
    operator: Arithmetic,
    left: &dyn Datum,
    right: &dyn Datum,
    policy: Policy,
) -> Result<ArrayRef, Box<Fault>> {
    let data_type = left.get().0.data_type();
    match data_type {
        DataType::Decimal128(..) => decimal::evaluate(operator, left, right, policy),
        DataType::Float32 => floats::<Float32Type>(operator, left, right, policy),
        DataType::Float64 => floats::<Float64Type>(operator, left, right, policy),
        _ => match operator {
            Arithmetic::Remainder | Arithmetic::IntegerDivide => divided(operator, left, right, policy),
            _ => checked(operator, left, right, policy),
        },
    }
}

/// `+ - *` of integers.
fn checked(operator: Arithmetic, left: &dyn Datum, right: &dyn Datum, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let data_type = left.get().0.data_type();
    let kernel = match (operator, policy) {
        (Arithmetic::Add, Policy::Legacy) => numeric::add_wrapping,
        (Arithmetic::Subtract, Policy::Legacy) => numeric::sub_wrapping,
        (Arithmetic::Multiply, Policy::Legacy) => numeric::mul_wrapping,
        (Arithmetic::Add, _) => numeric::add,
        (Arithmetic::Subtract, _) => numeric::sub,
        _ => numeric::mul,
    };
    kernel(left, right).or_else(|_| {
        if policy == Policy::Raise {
            return Err(Fault::overflow(&sql_type(data_type), Some(operator.tolerant_name())));
        }
        macro_rules! by_rows {
            ($t:ty) => {
                Ok(match operator {
                    Arithmetic::Add => rows::<$t>(left, right, |a, b| a.add_checked(b).ok()),
                    Arithmetic::Subtract => rows::<$t>(left, right, |a, b| a.sub_checked(b).ok()),
                    _ => rows::<$t>(left, right, |a, b| a.mul_checked(b).ok()),
                })
            };
        }
        downcast_integer! {
            data_type => (by_rows),
            _ => Err(Fault::overflow(&sql_type(data_type), None)),
        }
    })
}

/// `%` and `div` of integers. The least value % -1 is 0, though the division behind it overflows; arrow says so, too.
fn divided(operator: Arithmetic, left: &dyn Datum, right: &dyn Datum, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let data_type = left.get().0.data_type();
    let is_remainder = operator == Arithmetic::Remainder;
    let kernel = if is_remainder { numeric::rem } else { numeric::div };
    kernel(left, right).or_else(|error| {
        if policy == Policy::Raise {
            return Err(match error {
                ArrowError::DivideByZero => Fault::divide_by_zero(operator.tolerant_name()),
                _ => Fault::overflow(&sql_type(data_type), Some(operator.tolerant_name())),
            });
        }
        macro_rules! by_rows {
            ($t:ty) => {
                Ok(match (is_remainder, policy) {
                    (true, _) => rows::<$t>(left, right, |a, b| (!b.is_zero()).then(|| a.mod_wrapping(b))),
                    (_, Policy::Legacy) => rows::<$t>(left, right, |a, b| (!b.is_zero()).then(|| a.div_wrapping(b))),
                    _ => rows::<$t>(left, right, |a, b| a.div_checked(b).ok()),
                })
            };
        }
        downcast_integer! {
            data_type => (by_rows),
            _ => Err(Fault::overflow(&sql_type(data_type), None)),
        }
    })
}

/// Goes over the rows one by one; NULL where there is no result.
fn rows<T: ArrowPrimitiveType>(
    left: &dyn Datum,
    right: &dyn Datum,
    compute: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> ArrayRef {
    let (one, one_is_scalar) = left.get();
    let (other, other_is_scalar) = right.get();
    let (one, other) = (one.as_primitive::<T>(), other.as_primitive::<T>());
    let count = match (one_is_scalar, other_is_scalar) {
        (true, _) => other.len(),
        _ => one.len(),
    };
    let value = |array: &PrimitiveArray<T>, is_scalar: bool, row: usize| {
        let row = if is_scalar { 0 } else { row };
        array.is_valid(row).then(|| array.value(row))
    };
    let result: PrimitiveArray<T> =
        (0..count).map(|row| compute(value(one, one_is_scalar, row)?, value(other, other_is_scalar, row)?)).collect();
    Arc::new(result)
}

/// Floats: only a division or a remainder by zero has no result.
fn floats<T: ArrowPrimitiveType>(
    operator: Arithmetic,
    left: &dyn Datum,
    right: &dyn Datum,
    policy: Policy,
) -> Result<ArrayRef, Box<Fault>>
where
    T::Native: ArrowNativeTypeOp,
{
    let result = match operator {
        Arithmetic::Add => numeric::add(left, right),
        Arithmetic::Subtract => numeric::sub(left, right),
        Arithmetic::Multiply => numeric::mul(left, right),
        Arithmetic::Divide => numeric::div(left, right),
        Arithmetic::Remainder | Arithmetic::IntegerDivide => numeric::rem(left, right),
    };
    let result = result.map_err(|_| Fault::overflow(&sql_type(&T::DATA_TYPE), None))?;
    if !matches!(operator, Arithmetic::Divide | Arithmetic::Remainder) {
        return Ok(result);
    }
    let (divisors, is_scalar) = right.get();
    let divisors = divisors.as_primitive::<T>();
    // `==` takes -0.0 for a zero, too, which it is; the total order of `is_zero` may not.
    let is_zero = |value: &T::Native| *value == T::Native::ZERO;
    // Without a branch for each value: nearly no batch has a zero, and so it is several values at once.
    if !divisors.values().iter().fold(false, |found, value| found | is_zero(value)) {
        return Ok(result);
    }
    // Values under NULLs are anything. A row counts if both sides are there, which is where the result is.
    let zeros: BooleanArray = match is_scalar {
        true => BooleanArray::from(vec![divisors.is_valid(0) && is_zero(&divisors.value(0)); result.len()]),
        false => BooleanArray::from_unary(divisors, |value| is_zero(&value)),
    };
    if policy == Policy::Raise {
        let fails = |row| result.is_valid(row) && zeros.is_valid(row) && zeros.value(row);
        return match (0..result.len()).any(fails) {
            true => Err(Fault::divide_by_zero(operator.tolerant_name())),
            false => Ok(result),
        };
    }
    nullif(&result, &zeros).map_err(|_| Fault::divide_by_zero(operator.tolerant_name()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int8Array, Int64Array, Scalar};

    use super::*;

    const MAX: i64 = i64::MAX;

    #[track_caller]
    fn check(
        operator: Arithmetic,
        left: &dyn Datum,
        right: &dyn Datum,
        raised: Result<&[Option<i64>], &str>,
        tolerated: &[Option<i64>],
        legacy: &[Option<i64>],
    ) {
        let ints = |array: ArrayRef| array.as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>();
        let found =
            evaluate(operator, left, right, Policy::Raise).map(ints).map_err(|fault| fault.at(None).condition().name());
        assert_eq!(found, raised.map(<[_]>::to_vec), "{operator:?} raise");
        let found = evaluate(operator, left, right, Policy::Try).map(ints).expect("never raises");
        assert_eq!(found, tolerated, "{operator:?} try");
        let found = evaluate(operator, left, right, Policy::Legacy).map(ints).expect("never raises");
        assert_eq!(found, legacy, "{operator:?} legacy");
    }

    #[test]
    fn integers() {
        let left = Int64Array::from(vec![Some(MAX), Some(7), None]);
        let right = Int64Array::from(vec![Some(1), None, Some(0)]);
        let overflow = Err("ARITHMETIC_OVERFLOW");
        let none = [None, None, None];
        check(Arithmetic::Add, &left, &right, overflow, &none, &[Some(i64::MIN), None, None]);
        let sums = [Some(0), Some(-MAX + 7), None];
        let other = Int64Array::new_scalar(-MAX);
        check(Arithmetic::Add, &left, &other, Ok(&sums), &sums, &sums);
        let none_of = Scalar::new(Int64Array::from(vec![None]));
        check(Arithmetic::Multiply, &none_of, &right, Ok(&none), &none, &none);
        check(Arithmetic::Remainder, &none_of, &right, Ok(&none), &none, &none);
        // NULL divided by 0 is NULL.
        let remainders = [Some(0), None, None];
        check(Arithmetic::Remainder, &left, &right, Ok(&remainders), &remainders, &remainders);
        let zero = Int64Array::new_scalar(0);
        check(Arithmetic::IntegerDivide, &left, &zero, Err("DIVIDE_BY_ZERO"), &none, &none);
        check(Arithmetic::Remainder, &left, &zero, Err("DIVIDE_BY_ZERO"), &none, &none);
    }

    #[test]
    fn the_least_integer_by_minus_one() {
        let (least, by) = (Int64Array::from(vec![i64::MIN]), Int64Array::from(vec![-1]));
        check(Arithmetic::Remainder, &least, &by, Ok(&[Some(0)]), &[Some(0)], &[Some(0)]);
        let legacy = [Some(i64::MIN)];
        check(Arithmetic::IntegerDivide, &least, &by, Err("ARITHMETIC_OVERFLOW"), &[None], &legacy);
    }

    #[test]
    fn messages_name_the_type() {
        let fault = evaluate(Arithmetic::Add, &Int8Array::from(vec![127]), &Int8Array::from(vec![1]), Policy::Raise);
        let message = fault.expect_err("overflows").at(None).to_string();
        assert!(message.starts_with("[ARITHMETIC_OVERFLOW] TINYINT overflow. Use `try_add`"), "{message}");
    }

    #[track_caller]
    fn check_floats(
        operator: Arithmetic,
        left: &[Option<f64>],
        right: &[Option<f64>],
        raises: bool,
        tolerated: &[Option<f64>],
    ) {
        let (left, right) = (Float64Array::from(left.to_vec()), Float64Array::from(right.to_vec()));
        let found = evaluate(operator, &left, &right, Policy::Raise);
        assert_eq!(found.is_err(), raises, "{operator:?} {left:?} {right:?}");
        for policy in [Policy::Try, Policy::Legacy] {
            let found = evaluate(operator, &left, &right, policy).expect("never raises");
            assert_eq!(format!("{found:?}"), format!("{:?}", Float64Array::from(tolerated.to_vec())));
        }
    }

    #[test]
    fn floats_by_zero() {
        let (zero, minus_zero) = (Some(0.0), Some(-0.0));
        check_floats(Arithmetic::Divide, &[Some(1.0), Some(6.0)], &[zero, Some(2.0)], true, &[None, Some(3.0)]);
        check_floats(Arithmetic::Divide, &[Some(1.0)], &[minus_zero], true, &[None]);
        check_floats(Arithmetic::Divide, &[None, Some(1.0)], &[zero, None], false, &[None, None]);
        check_floats(Arithmetic::Divide, &[Some(f64::NAN)], &[zero], true, &[None]);
        check_floats(Arithmetic::Divide, &[Some(1.0)], &[Some(f64::INFINITY)], false, &[Some(0.0)]);
        check_floats(Arithmetic::Remainder, &[Some(1.0)], &[zero], true, &[None]);
        check_floats(Arithmetic::Add, &[Some(f64::MAX)], &[Some(f64::MAX)], false, &[Some(f64::INFINITY)]);
        check_floats(Arithmetic::Divide, &[], &[], false, &[]);
    }
}

//! Spark's decimal arithmetic.
//!
//! The result's type follows from the operands' types. Where it would need more than 38 digits, fraction digits are
//! given up, but not below six, and values are rounded half up:
//!
//! ```text
//!   DECIMAL(38,10) * DECIMAL(38,10)  ─▶  exactly DECIMAL(77,20)  ─▶  DECIMAL(38,6)
//! ```
//!
//! Rows are computed with 128 bits. Only a row where that does not work out is computed again with 256 bits, which
//! decides whether it is an intermediate step or the result that has too many digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Datum, Decimal128Array};
use arrow::array::{PrimitiveArray, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, DecimalType, Int64Type, i256};

use super::arithmetic::Arithmetic;
use super::cast::without;
use super::error::Fault;
use super::policy::Policy;

/// The most digits that a decimal has.
const MAX_DIGITS: i16 = 38;
/// The fraction digits that a result keeps where its type has too many digits.
const KEPT_FRACTION_DIGITS: i16 = 6;
/// The most digits that surely fit a BIGINT.
const BIGINT_DIGITS: i16 = 18;

/// The type of a result: a decimal, or `Int64` for `div`. Operands are (precision, scale), with scales from 0.
pub(crate) fn result_type(operator: Arithmetic, left: (u8, i8), right: (u8, i8)) -> DataType {
    if operator == Arithmetic::IntegerDivide {
        return DataType::Int64;
    }
    let (precision, scale) = adjusted(natural(operator, left, right));
    DataType::Decimal128(precision, scale)
}

/// Whether operands of these types can have a result that does not fit, a division by zero set aside.
///
/// A type that is adjusted gives up fraction digits first. As long as it keeps all integer digits, every result fits: those of
/// `+ - *` have one more than any result needs, which is room for rounding up, and a quotient is rounded only if its divisor
/// is no power of ten, so that it is not the largest one.
pub(crate) fn can_overflow(operator: Arithmetic, left: (u8, i8), right: (u8, i8)) -> bool {
    let (precision, scale) = natural(operator, left, right);
    if operator == Arithmetic::IntegerDivide {
        return precision > BIGINT_DIGITS;
    }
    let (digits, kept_scale) = adjusted((precision, scale));
    let kept = i16::from(digits) - i16::from(kept_scale);
    // The largest quotient is that by the least divisor: it has a fraction if the dividend has more of one.
    let may_round_up = operator == Arithmetic::Divide && i16::from(kept_scale) < i16::from(left.1) - i16::from(right.1);
    kept < precision - scale || may_round_up
}

/// Whether the result has all its digits: its type is not adjusted.
pub(crate) fn is_exact(operator: Arithmetic, left: (u8, i8), right: (u8, i8)) -> bool {
    natural(operator, left, right).0 <= MAX_DIGITS
}

/// The operation, row by row. A scalar stands for as many rows as the other operand has; two of them give one row.
///
/// A result that does not fit, or a divisor of 0, is an error or NULL as `policy` says; `div` wraps around with
/// [`Policy::Legacy`]. Rows with a NULL never fail.
///
/// # Panics
///
/// If an operand is no `Decimal128`, or if two arrays differ in length.
pub(crate) fn evaluate(
    operator: Arithmetic,
    left: &dyn Datum,
    right: &dyn Datum,
    policy: Policy,
) -> Result<ArrayRef, Box<Fault>> {
    let (l, r) = (Operand::new(left), Operand::new(right));
    let target = result_type(operator, l.shape, r.shape);
    if is_exact(operator, l.shape, r.shape)
        && let Some(result) = with_kernel(operator, left, right)
        && result.data_type() == &target
    {
        return Ok(result);
    }
    let plan = Plan::new(operator, l.shape, r.shape, policy);
    match target {
        DataType::Int64 => plan.integers(&l, &r),
        _ => plan.decimals(&l, &r, &target),
    }
}

/// What arrow's own kernel gives. There is none for the other operations, and none works for a value with far more
/// digits than its type says.
fn with_kernel(operator: Arithmetic, left: &dyn Datum, right: &dyn Datum) -> Option<ArrayRef> {
    let kernel = match operator {
        Arithmetic::Add => numeric::add,
        Arithmetic::Subtract => numeric::sub,
        Arithmetic::Multiply => numeric::mul,
        Arithmetic::Divide | Arithmetic::Remainder | Arithmetic::IntegerDivide => return None,
    };
    kernel(left, right).ok()
}

/// Precision and scale of the exact result, or for `/` what Spark asks for; for `div` the digits of the integer.
fn natural(operator: Arithmetic, left: (u8, i8), right: (u8, i8)) -> (i16, i16) {
    let (p1, s1) = (i16::from(left.0), i16::from(left.1));
    let (p2, s2) = (i16::from(right.0), i16::from(right.1));
    match operator {
        Arithmetic::Add | Arithmetic::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Arithmetic::Multiply => (p1 + p2 + 1, s1 + s2),
        Arithmetic::Divide => {
            let scale = KEPT_FRACTION_DIGITS.max(s1 + p2 + 1);
            (p1 - s1 + s2 + scale, scale)
        }
        Arithmetic::Remainder => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
        Arithmetic::IntegerDivide => ((p1 - s1 + s2).max(1), 0),
    }
}

/// The type with at most 38 digits: integer digits come before fraction digits, of which six are kept.
fn adjusted((precision, scale): (i16, i16)) -> (u8, i8) {
    let scale = if precision > MAX_DIGITS {
        (MAX_DIGITS - (precision - scale)).max(scale.min(KEPT_FRACTION_DIGITS))
    } else {
        scale
    };
    let precision = precision.clamp(1, MAX_DIGITS);
    (u8::try_from(precision).unwrap_or(u8::MAX), i8::try_from(scale).unwrap_or(i8::MAX))
}

/// Whether a value has at most so many digits.
pub(super) fn fits(value: i128, precision: u8) -> bool {
    // Beyond 38 digits the power saturates, and everything fits.
    value.unsigned_abs() < 10_u128.saturating_pow(u32::from(precision))
}

/// A decimal as text, with all its digits.
pub(super) fn text(unscaled: i256, scale: i8) -> String {
    Decimal256Type::format_decimal(unscaled, u8::MAX, scale)
}

/// The few operations that 128 and 256 bits share. They have no result on overflow.
pub(super) trait Integer: Copy + PartialOrd {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;

    /// `10^exponent`, for exponents from 0.
    fn power_of_ten(exponent: i16) -> Option<Self>;
    /// Sum.
    fn plus(self, other: Self) -> Option<Self>;
    /// Difference.
    fn minus(self, other: Self) -> Option<Self>;
    /// Product.
    fn times(self, other: Self) -> Option<Self>;
    /// Quotient, cut off; none for a divisor of 0.
    fn over(self, other: Self) -> Option<Self>;
    /// Remainder, with the sign of the dividend; none for a divisor of 0.
    fn modulo(self, other: Self) -> Option<Self>;
    /// Half of a value from 0 on, cut off.
    fn halved(self) -> Self;
    /// Absolute value.
    fn magnitude(self) -> Self;
}

macro_rules! integer {
    ($int:ty, $zero:expr, $one:expr, $ten:expr) => {
        impl Integer for $int {
            const ZERO: Self = $zero;
            const ONE: Self = $one;

            fn power_of_ten(exponent: i16) -> Option<Self> {
                $ten.checked_pow(u32::try_from(exponent).ok()?)
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Option<Self> {
                self.checked_add(other)
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Option<Self> {
                self.checked_sub(other)
            }

            #[inline(always)]
            fn times(self, other: Self) -> Option<Self> {
                self.checked_mul(other)
            }

            #[inline(always)]
            fn over(self, other: Self) -> Option<Self> {
                self.checked_div(other)
            }

            #[inline(always)]
            fn modulo(self, other: Self) -> Option<Self> {
                self.checked_rem(other)
            }

            #[inline(always)]
            fn halved(self) -> Self {
                self >> 1
            }

            #[inline(always)]
            fn magnitude(self) -> Self {
                self.wrapping_abs()
            }
        }
    };
}

integer!(i128, 0, 1, 10_i128);
integer!(i256, Self::ZERO, Self::ONE, Self::from_i128(10));

/// The quotient, rounded half up: away from zero at exactly one half. None for a divisor of 0 and on overflow.
///
/// Half of the divisor, cut off, is added to the dividend before the division, away from zero: the quotient then has one more just if
/// the rest was one half of the divisor or more. The least integer, which no decimal is, is no divisor.
#[inline(always)]
pub(super) fn divided_half_up<N: Integer>(dividend: N, divisor: N) -> Option<N> {
    let half = divisor.magnitude().halved();
    let raised = if dividend < N::ZERO { dividend.minus(half)? } else { dividend.plus(half)? };
    raised.over(divisor)
}

/// The powers of ten around an operation: both operands are multiplied by one, and the result is divided by one.
#[derive(Debug, Clone, Copy)]
struct Steps<N> {
    left: N,
    right: N,
    dropped: N,
}

impl<N: Integer> Steps<N> {
    /// The steps with the exponents of these powers, if the powers fit.
    fn new((left, right, dropped): (i16, i16, i16)) -> Option<Self> {
        Some(Self { left: N::power_of_ten(left)?, right: N::power_of_ten(right)?, dropped: N::power_of_ten(dropped)? })
    }

    /// The result before digits are dropped.
    #[inline(always)]
    fn exact(self, operator: Arithmetic, left: N, right: N) -> Option<N> {
        let left = if self.left == N::ONE { left } else { left.times(self.left)? };
        let right = if self.right == N::ONE { right } else { right.times(self.right)? };
        match operator {
            Arithmetic::Add => left.plus(right),
            Arithmetic::Subtract => left.minus(right),
            Arithmetic::Multiply => left.times(right),
            Arithmetic::Divide => divided_half_up(left, right),
            Arithmetic::Remainder => left.modulo(right),
            Arithmetic::IntegerDivide => left.over(right),
        }
    }

    /// The result without the digits that its type has no room for.
    #[inline(always)]
    fn rounded(self, exact: N) -> Option<N> {
        if self.dropped == N::ONE { Some(exact) } else { divided_half_up(exact, self.dropped) }
    }
}

/// No power of a long division is above this one.
const LONG_POWER_MAX: i64 = 10_i64.pow(8);
/// Divisors below this, times such a power, are within 63 bits: as amounts of money with two fraction digits, 922 million.
const LONG_DIVISOR_END: i64 = i64::MAX / LONG_POWER_MAX;
/// Dividends below this are exact in floating point, with two bits to spare for what the reciprocal is off.
const LONG_DIVIDEND_END: i64 = 1 << 50;

/// The quotient of `left` times all powers, rounded half up, by long division, which takes less time than one of 128 bits. None if an
/// operand is too long for it, or for a divisor of 0.
///
/// ```text
///   left / right          ─▶  quotient, rest      rest < right, and rest · power < 2^63
///   rest · power / right  ─▶  so many digits more of the quotient, and the next rest; and again
/// ```
#[inline(always)]
fn long_division(left: i128, right: i128, powers: [i64; 3]) -> Option<i128> {
    let dividend = i64::try_from(left).ok()?.checked_abs()?;
    let divisor = i64::try_from(right).ok()?.checked_abs()?;
    if divisor == 0 || divisor >= LONG_DIVISOR_END || dividend >= LONG_DIVIDEND_END {
        return None;
    }
    let reciprocal = 1.0 / divisor as f64;
    let (quotient, mut rest) = quotient_and_rest(dividend, divisor, reciprocal);
    let mut quotient = i128::from(quotient);
    for power in powers.into_iter().filter(|power| *power != 1) {
        let (digits, next) = quotient_and_rest(rest * power, divisor, reciprocal);
        quotient = quotient * i128::from(power) + i128::from(digits);
        rest = next;
    }
    let magnitude = quotient + i128::from(rest >= divisor - rest);
    Some(if (left < 0) == (right < 0) { magnitude } else { -magnitude })
}

/// Quotient and rest of numbers from 0 on, for a dividend below 2^50 or a quotient below 2^27. The estimate is then less than one half
/// off: the reciprocal, the dividend and their product are each rounded by at most 2^-53 of themselves.
#[inline(always)]
fn quotient_and_rest(dividend: i64, divisor: i64, reciprocal: f64) -> (i64, i64) {
    let estimate = (dividend as f64 * reciprocal) as i64;
    let rest = dividend - estimate * divisor;
    if rest < 0 {
        (estimate - 1, rest + divisor)
    } else if rest >= divisor {
        (estimate + 1, rest - divisor)
    } else {
        (estimate, rest)
    }
}

/// Three powers of ten for [`long_division`] with `10^exponent` as their product, which times a dividend is below 2^124.
fn long_powers(exponent: i16) -> Option<[i64; 3]> {
    if !(0..=22).contains(&exponent) {
        return None;
    }
    let first = exponent.min(8);
    let second = (exponent - first).min(8);
    let power = |exponent: i16| 10_i64.checked_pow(u32::try_from(exponent).ok()?);
    Some([power(first)?, power(second)?, power(exponent - first - second)?])
}

/// All that a row needs.
#[derive(Debug)]
struct Plan {
    operator: Arithmetic,
    policy: Policy,
    precision: u8,
    scale: i8,
    /// The scale before digits are dropped.
    exact_scale: i16,
    /// Both scales' difference, right less left: a quotient's integer part is that of the operands, shifted by it.
    shift: i16,
    /// For `/`: the power that the dividend is multiplied by.
    powers: Option<[i64; 3]>,
    narrow: Option<Steps<i128>>,
    wide: Option<Steps<i256>>,
}

impl Plan {
    fn new(operator: Arithmetic, left: (u8, i8), right: (u8, i8), policy: Policy) -> Self {
        let (s1, s2) = (i16::from(left.1), i16::from(right.1));
        let natural = natural(operator, left, right);
        let (precision, scale) = adjusted(natural);
        let (common, target) = (s1.max(s2), i16::from(scale));
        let exponents = match operator {
            Arithmetic::Add | Arithmetic::Subtract => (common - s1, common - s2, natural.1 - target),
            Arithmetic::Multiply => (0, 0, natural.1 - target),
            Arithmetic::Divide => (target + s2 - s1, 0, 0),
            Arithmetic::Remainder | Arithmetic::IntegerDivide => (common - s1, common - s2, 0),
        };
        Self {
            operator,
            policy,
            precision,
            scale,
            exact_scale: target + exponents.2,
            shift: s2 - s1,
            powers: long_powers(exponents.0),
            narrow: Steps::new(exponents),
            wide: Steps::new(exponents),
        }
    }

    /// The rows of `div`.
    fn integers(&self, left: &Operand<'_>, right: &Operand<'_>) -> Result<ArrayRef, Box<Fault>> {
        let narrow = self.narrow;
        let fast = |l, r| i64::try_from(narrow?.exact(Arithmetic::IntegerDivide, l, r)?).ok();
        compute::<Int64Type>(left, right, &DataType::Int64, fast, |l, r| self.integer(l, r))
    }

    /// The rows of a decimal result. The operator is a constant in each loop.
    fn decimals(&self, left: &Operand<'_>, right: &Operand<'_>, target: &DataType) -> Result<ArrayRef, Box<Fault>> {
        macro_rules! rows {
            ($operator:expr) => {{
                let (narrow, powers, precision) = (self.narrow, self.powers, self.precision);
                let limit = 10_i128.pow(u32::from(precision));
                let fast = |l, r| {
                    let steps = narrow?;
                    let long = match ($operator, powers) {
                        (Arithmetic::Divide, Some(powers)) => long_division(l, r, powers),
                        _ => None,
                    };
                    let value = match long {
                        Some(value) => value,
                        None => steps.rounded(steps.exact($operator, l, r)?)?,
                    };
                    (-limit < value && value < limit).then_some(value)
                };
                compute::<Decimal128Type>(left, right, target, fast, |l, r| self.decimal(l, r))
            }};
        }
        match self.operator {
            Arithmetic::Add => rows!(Arithmetic::Add),
            Arithmetic::Subtract => rows!(Arithmetic::Subtract),
            Arithmetic::Multiply => rows!(Arithmetic::Multiply),
            Arithmetic::Divide => rows!(Arithmetic::Divide),
            Arithmetic::Remainder => rows!(Arithmetic::Remainder),
            Arithmetic::IntegerDivide => rows!(Arithmetic::IntegerDivide),
        }
    }

    /// One row of a decimal result, with 256 bits.
    fn decimal(&self, left: i128, right: i128) -> Result<Option<i128>, Box<Fault>> {
        if self.divides() && right == 0 {
            return self.by_zero();
        }
        let exact = self.exact(left, right);
        let rounded = self.wide.zip(exact).and_then(|(steps, exact)| steps.rounded(exact)).and_then(i256::to_i128);
        match (rounded.filter(|value| fits(*value, self.precision)), self.policy) {
            (Some(value), _) => Ok(Some(value)),
            (None, Policy::Legacy | Policy::Try) => Ok(None),
            (None, Policy::Raise) => {
                let value = self.shown(exact, left, right);
                Err(Fault::decimal_out_of_range(
                    &value,
                    self.precision,
                    self.scale,
                    Some(self.operator.tolerant_name()),
                ))
            }
        }
    }

    /// One row of `div`, with 256 bits.
    fn integer(&self, left: i128, right: i128) -> Result<Option<i64>, Box<Fault>> {
        if right == 0 {
            return self.by_zero();
        }
        let exact = self.exact(left, right);
        match (exact.and_then(i256::to_i128).and_then(|value| i64::try_from(value).ok()), self.policy) {
            (Some(value), _) => Ok(Some(value)),
            (None, Policy::Try) => Ok(None),
            (None, Policy::Raise) => Err(Fault::overflow("bigint", Some(self.operator.tolerant_name()))),
            (None, Policy::Legacy) => Ok(exact.map(low_bits)),
        }
    }

    /// The result before digits are dropped. None if 256 bits do not hold it, so that it fits no decimal either:
    /// only the dividend of `/` gets that long, and a quotient by 38 digits then has more than 38.
    fn exact(&self, left: i128, right: i128) -> Option<i256> {
        self.wide?.exact(self.operator, i256::from_i128(left), i256::from_i128(right))
    }

    /// The value that does not fit, as text.
    fn shown(&self, exact: Option<i256>, left: i128, right: i128) -> String {
        if let Some(value) = exact {
            return text(value, i8::try_from(self.exact_scale).unwrap_or(i8::MAX));
        }
        // The integer part of such a quotient is within reach.
        let shifted = <i256 as Integer>::power_of_ten(self.shift).and_then(|power| power.times(i256::from_i128(left)));
        let quotient = shifted.and_then(|dividend| dividend.over(i256::from_i128(right)));
        quotient.map_or_else(|| "the result".to_owned(), |value| text(value, 0))
    }

    fn by_zero<T>(&self) -> Result<Option<T>, Box<Fault>> {
        match self.policy {
            Policy::Legacy | Policy::Try => Ok(None),
            Policy::Raise => Err(Fault::divide_by_zero(self.operator.tolerant_name())),
        }
    }

    fn divides(&self) -> bool {
        match self.operator {
            Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply => false,
            Arithmetic::Divide | Arithmetic::Remainder | Arithmetic::IntegerDivide => true,
        }
    }
}

/// The lowest 64 bits, as Java's `longValue` has them.
fn low_bits(value: i256) -> i64 {
    let bytes = value.to_le_bytes();
    let mut low = [0; 8];
    low.copy_from_slice(&bytes[..8]);
    i64::from_le_bytes(low)
}

/// An array of decimals, or one that stands for all rows.
struct Operand<'a> {
    array: &'a Decimal128Array,
    is_scalar: bool,
    shape: (u8, i8),
}

impl<'a> Operand<'a> {
    fn new(datum: &'a dyn Datum) -> Self {
        let (array, is_scalar) = datum.get();
        let DataType::Decimal128(precision, scale) = array.data_type() else {
            panic!("an operand of decimal arithmetic is {}", array.data_type());
        };
        Self { array: array.as_primitive(), is_scalar, shape: (*precision, *scale) }
    }
}

/// A result row by row: `fast` gives a row's value or nothing, and `slow` decides about rows without.
fn compute<T: ArrowPrimitiveType>(
    left: &Operand<'_>,
    right: &Operand<'_>,
    target: &DataType,
    fast: impl Fn(i128, i128) -> Option<T::Native>,
    slow: impl Fn(i128, i128) -> Result<Option<T::Native>, Box<Fault>>,
) -> Result<ArrayRef, Box<Fault>> {
    let (l, r) = (left.array, right.array);
    let array: PrimitiveArray<T> = match (left.is_scalar, right.is_scalar) {
        (true, false) if l.is_null(0) => return Ok(new_null_array(target, r.len())),
        (false, true) if r.is_null(0) => return Ok(new_null_array(target, l.len())),
        (true, false) => {
            let l = l.value(0);
            collect(r.values().iter().map(|r| (l, *r)), r.nulls().cloned(), fast, slow)?
        }
        (false, true) => {
            let r = r.value(0);
            collect(l.values().iter().map(|l| (*l, r)), l.nulls().cloned(), fast, slow)?
        }
        (true, true) | (false, false) => {
            assert_eq!(l.len(), r.len(), "operands of decimal arithmetic differ in length");
            let pairs = l.values().iter().zip(r.values().iter()).map(|(l, r)| (*l, *r));
            collect(pairs, NullBuffer::union(l.nulls(), r.nulls()), fast, slow)?
        }
    };
    Ok(Arc::new(array.with_data_type(target.clone())))
}

fn collect<T: ArrowPrimitiveType>(
    pairs: impl ExactSizeIterator<Item = (i128, i128)>,
    nulls: Option<NullBuffer>,
    fast: impl Fn(i128, i128) -> Option<T::Native>,
    slow: impl Fn(i128, i128) -> Result<Option<T::Native>, Box<Fault>>,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    let mut values = vec![T::Native::default(); pairs.len()];
    let mut failed = Vec::new();
    for (row, (slot, (l, r))) in values.iter_mut().zip(pairs).enumerate() {
        match fast(l, r) {
            Some(value) => *slot = value,
            // What stands where a NULL is may be anything.
            None if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => {}
            None => match slow(l, r)? {
                Some(value) => *slot = value,
                None => failed.push(row),
            },
        }
    }
    let nulls = without(nulls.as_ref(), values.len(), &failed);
    Ok(PrimitiveArray::new(values.into(), nulls))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Scalar};

    use super::Arithmetic::{Add, Divide, IntegerDivide, Multiply, Remainder, Subtract};
    use super::*;

    const OPERATORS: [Arithmetic; 6] = Arithmetic::ALL;
    const NINES: i128 = 10_i128.pow(38) - 1;

    fn array(values: &[Option<i128>], (precision, scale): (u8, i8)) -> Decimal128Array {
        Decimal128Array::from(values.to_vec()).with_data_type(DataType::Decimal128(precision, scale))
    }

    fn one(operator: Arithmetic, left: (i128, u8, i8), right: (i128, u8, i8), policy: Policy) -> String {
        let l = array(&[Some(left.0)], (left.1, left.2));
        let r = array(&[Some(right.0)], (right.1, right.2));
        shown(evaluate(operator, &l, &r, policy))
    }

    /// The first row as text, `NULL`, or the error's class and message.
    fn shown(result: Result<ArrayRef, Box<Fault>>) -> String {
        let array = match result {
            Ok(array) => array,
            Err(fault) => {
                let error = fault.at(None);
                return format!("{}: {}", error.condition(), error.message());
            }
        };
        match array.data_type() {
            _ if array.is_null(0) => "NULL".to_owned(),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(0).to_string(),
            _ => array.as_primitive::<Decimal128Type>().value_as_string(0),
        }
    }

    #[track_caller]
    fn check_type(operator: Arithmetic, left: (u8, i8), right: (u8, i8), expected: (u8, i8), overflows: bool) {
        assert_eq!(result_type(operator, left, right), DataType::Decimal128(expected.0, expected.1));
        assert_eq!(can_overflow(operator, left, right), overflows);
    }

    /// The three policies' answers; one text where they agree.
    #[track_caller]
    fn check(operator: Arithmetic, left: (i128, u8, i8), right: (i128, u8, i8), expected: &[&str]) {
        let policies = [Policy::Raise, Policy::Legacy, Policy::Try];
        let mut answers = policies.map(|policy| one(operator, left, right, policy)).to_vec();
        if answers.iter().all(|answer| answer == &answers[0]) {
            answers.truncate(1);
        }
        assert_eq!(answers, expected);
    }

    #[test]
    fn types_follow_spark() {
        check_type(Add, (7, 2), (7, 2), (8, 2), false);
        check_type(Subtract, (10, 0), (5, 5), (16, 5), false);
        check_type(Add, (38, 0), (38, 0), (38, 0), true);
        check_type(Add, (38, 2), (38, 10), (38, 6), true);
        check_type(Add, (38, 10), (38, 2), (38, 6), true);
        check_type(Add, (38, 35), (38, 35), (38, 34), false);
        check_type(Subtract, (38, 38), (38, 0), (38, 6), true);
        check_type(Multiply, (7, 2), (7, 2), (15, 4), false);
        check_type(Multiply, (18, 2), (19, 2), (38, 4), false);
        check_type(Multiply, (19, 2), (19, 2), (38, 4), true);
        check_type(Multiply, (38, 10), (38, 10), (38, 6), true);
        check_type(Multiply, (38, 38), (38, 38), (38, 37), false);
        check_type(Multiply, (38, 2), (38, 2), (38, 4), true);
        check_type(Divide, (7, 2), (7, 2), (17, 10), false);
        check_type(Divide, (1, 0), (1, 0), (7, 6), false);
        check_type(Divide, (17, 2), (17, 2), (37, 20), false);
        // Adjusted, but with all integer digits kept.
        check_type(Divide, (22, 6), (21, 6), (38, 16), false);
        check_type(Divide, (38, 10), (38, 10), (38, 6), true);
        check_type(Divide, (38, 38), (38, 0), (38, 38), false);
        check_type(Remainder, (7, 2), (10, 5), (10, 5), false);
        check_type(Remainder, (38, 0), (38, 38), (38, 38), false);
        assert_eq!(result_type(IntegerDivide, (7, 2), (7, 2)), DataType::Int64);
        assert!(!can_overflow(IntegerDivide, (16, 0), (2, 2)));
        assert!(can_overflow(IntegerDivide, (17, 0), (2, 2)));
    }

    #[test]
    fn values_are_exact_or_rounded_half_up() {
        check(Add, (125, 7, 2), (-25, 7, 3), &["1.225"]);
        check(Subtract, (NINES, 38, 0), (1, 1, 0), &["99999999999999999999999999999999999998"]);
        check(Add, (5, 38, 1), (0, 38, 0), &["0.5"]);
        check(Multiply, (-150, 7, 2), (250, 7, 2), &["-3.7500"]);
        // The exact product has 20 fraction digits, the type 6.
        check(Multiply, (15_000, 38, 10), (1, 38, 0), &["0.000002"]);
        check(Multiply, (-15_000, 38, 10), (1, 38, 0), &["-0.000002"]);
        check(Multiply, (14_999, 38, 10), (1, 38, 0), &["0.000001"]);
        check(Divide, (100, 7, 2), (300, 7, 2), &["0.3333333333"]);
        check(Divide, (-200, 7, 2), (300, 7, 2), &["-0.6666666667"]);
        check(Divide, (200, 7, 2), (-300, 7, 2), &["-0.6666666667"]);
        check(Divide, (1, 38, 6), (-2, 38, 0), &["-0.000001"]);
        check(Divide, (0, 7, 2), (-300, 7, 2), &["0.0000000000"]);
        check(Divide, (NINES, 38, 0), (NINES, 38, 0), &["1.000000"]);
        check(Remainder, (-725, 7, 2), (20, 7, 1), &["-1.25"]);
        check(Remainder, (NINES, 38, 0), (7, 38, 38), &["0.00000000000000000000000000000000000002"]);
        check(Remainder, (5, 38, 38), (NINES, 38, 0), &["0.00000000000000000000000000000000000005"]);
        check(IntegerDivide, (-799, 7, 2), (20, 7, 1), &["-3"]);
    }

    #[test]
    fn zero_divisors() {
        for operator in [Divide, Remainder, IntegerDivide] {
            check(operator, (1, 7, 2), (0, 7, 2), &["DIVIDE_BY_ZERO: division by zero", "NULL", "NULL"]);
            check(operator, (NINES, 38, 0), (0, 38, 38), &["DIVIDE_BY_ZERO: division by zero", "NULL", "NULL"]);
        }
        let hint = |operator| {
            let (l, r) = (array(&[Some(1)], (7, 2)), array(&[Some(0)], (7, 2)));
            evaluate(operator, &l, &r, Policy::Raise).expect_err("a divisor of 0").at(None).hint().expect("a way out")
        };
        assert!(hint(Divide).contains("`try_divide`"));
        assert!(hint(Remainder).contains("`try_mod`"));
        assert!(hint(IntegerDivide).contains("`try_divide`"));
    }

    #[test]
    fn results_that_do_not_fit() {
        let out = |value: &str, of: &str| {
            format!("NUMERIC_VALUE_OUT_OF_RANGE: {value} cannot be represented as DECIMAL({of})")
        };
        let hundred = format!("1{}", "0".repeat(38));
        check(Add, (NINES, 38, 0), (1, 1, 0), &[&out(&hundred, "38,0"), "NULL", "NULL"]);
        check(Subtract, (-NINES, 38, 0), (1, 1, 0), &[&out(&format!("-{hundred}"), "38,0"), "NULL", "NULL"]);
        let product = format!("1{}.0000", "0".repeat(38));
        check(Multiply, (10_i128.pow(36), 38, 2), (10_i128.pow(6), 38, 2), &[&out(&product, "38,4"), "NULL", "NULL"]);
        // Rounding up adds a digit.
        let sum = format!("{}.9999999", "9".repeat(32));
        check(Add, (NINES, 38, 6), (9, 38, 7), &[&out(&sum, "38,6"), "NULL", "NULL"]);
        let quotient = format!("1{}.000000", "0".repeat(35));
        check(Divide, (1, 38, 0), (1, 38, 35), &[&out(&quotient, "38,6"), "NULL", "NULL"]);
        // More than 256 bits.
        let quotient = format!("{}{}", "9".repeat(38), "0".repeat(38));
        check(Divide, (NINES, 38, 0), (1, 38, 38), &[&out(&quotient, "38,6"), "NULL", "NULL"]);
        let overflow = "ARITHMETIC_OVERFLOW: bigint overflow";
        check(IntegerDivide, (1 << 63, 38, 0), (1, 1, 0), &[overflow, "-9223372036854775808", "NULL"]);
        check(IntegerDivide, (-(1 << 63), 38, 0), (1, 1, 0), &["-9223372036854775808"]);
        check(IntegerDivide, ((5 << 64) + 3, 38, 0), (-1, 1, 0), &[overflow, "-3", "NULL"]);
        // 10^76 is a multiple of 2^64.
        check(IntegerDivide, (10_i128.pow(37), 38, 0), (1, 38, 38), &[overflow, "0", "NULL"]);
    }

    #[test]
    fn nulls_and_scalars() {
        let all = [Policy::Raise, Policy::Legacy, Policy::Try];
        // Behind NULLs stand a zero and the largest number.
        let behind = NullBuffer::from(vec![true, false, false]);
        let hidden = Decimal128Array::new(vec![2, 0, i128::MAX].into(), Some(behind));
        let hidden = hidden.with_data_type(DataType::Decimal128(38, 2));
        let plain = array(&[Some(NINES), Some(NINES), Some(NINES)], (38, 38));
        let empty = array(&[], (38, 2));
        let null = Scalar::new(array(&[None], (38, 38)));
        let two = Scalar::new(array(&[Some(2)], (38, 2)));
        for (operator, policy) in OPERATORS.into_iter().flat_map(|operator| all.map(|policy| (operator, policy))) {
            let run = |l: &dyn Datum, r: &dyn Datum| evaluate(operator, l, r, policy).expect("nothing fails");
            for result in [run(&plain, &hidden), run(&two, &hidden), run(&hidden, &two)] {
                assert_eq!((result.len(), result.null_count()), (3, 2), "{operator:?}");
                assert!(result.is_valid(0));
            }
            for result in [run(&plain, &null), run(&null, &plain), run(&null, &hidden)] {
                assert_eq!((result.len(), result.null_count()), (3, 3), "{operator:?}");
            }
            for result in [run(&empty, &empty), run(&empty, &two), run(&null, &empty)] {
                assert_eq!(result.len(), 0);
            }
            for (result, nulls) in [(run(&two, &two), 0), (run(&two, &null), 1), (run(&null, &null), 1)] {
                assert_eq!((result.len(), result.null_count()), (1, nulls));
            }
            assert_eq!(run(&plain, &hidden).data_type(), &result_type(operator, (38, 38), (38, 2)));
            assert_eq!(run(&null, &plain).data_type(), &result_type(operator, (38, 38), (38, 38)));
        }
    }

    #[test]
    fn only_failing_rows_become_null() {
        let left = array(&[Some(1), Some(2), None, Some(4)], (7, 2));
        let right = array(&[Some(1), Some(0), Some(0), Some(2)], (7, 2));
        let result = evaluate(Divide, &left, &right, Policy::Legacy).expect("NULL instead");
        let valid: Vec<bool> = (0..4).map(|row| result.is_valid(row)).collect();
        assert_eq!(valid, [true, false, false, true]);
        assert!(evaluate(Divide, &left, &right, Policy::Raise).is_err());
    }

    #[test]
    fn a_value_beyond_its_type_does_not_break_the_kernels() {
        // Numbers of more digits than the type has, as a careless reader leaves them.
        check(
            Multiply,
            (i128::MAX, 7, 2),
            (2, 7, 2),
            &[
                "NUMERIC_VALUE_OUT_OF_RANGE: \
                 34028236692093846346337460743176821.1454 cannot be represented as DECIMAL(15,4)",
                "NULL",
                "NULL",
            ],
        );
        for (operator, value) in
            OPERATORS.into_iter().flat_map(|operator| [i128::MIN, i128::MAX, -1, 0].map(|value| (operator, value)))
        {
            one(operator, (i128::MIN, 38, 0), (value, 38, 38), Policy::Legacy);
            one(operator, (value, 38, 0), (i128::MIN, 7, 2), Policy::Legacy);
        }
    }

    #[test]
    #[should_panic(expected = "differ in length")]
    fn arrays_of_different_length() {
        let _ = evaluate(Divide, &array(&[None], (7, 2)), &array(&[], (7, 2)), Policy::Try);
    }

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, bound: u8) -> u8 {
            (self.next() % u64::from(bound)) as u8
        }

        fn shape(&mut self) -> (u8, i8) {
            let precision = 1 + self.below(38);
            (precision, self.below(precision + 1) as i8)
        }

        /// A number of at most so many digits, short ones as likely as long ones, with many at the ends.
        fn value(&mut self, precision: u8) -> i128 {
            let limit = 10_i128.pow(1 + u32::from(self.below(precision)));
            let digits = (i128::from(self.next()) << 63 | i128::from(self.next() >> 1)) % limit;
            let value = match self.below(8) {
                0 => limit - 1,
                1 => limit / 2,
                _ => digits,
            };
            if self.below(2) == 0 { value } else { -value }
        }
    }

    fn ten(exponent: i16) -> i256 {
        i256::from_i128(10).checked_pow(u32::try_from(exponent).expect("scales are ordered")).expect("it fits")
    }

    /// Twice as much, compared: whether `value` is `exact / divisor`, rounded half up.
    fn is_half_up(value: i256, exact: i256, divisor: i256) -> bool {
        let rest = exact.wrapping_sub(value.wrapping_mul(divisor));
        let (rest, whole) = (rest.wrapping_abs(), divisor.wrapping_abs());
        let twice = rest.wrapping_add(rest);
        // A half has gone away from zero.
        let is_away = value.wrapping_mul(divisor).wrapping_abs() > exact.wrapping_abs();
        twice < whole || twice == whole && is_away
    }

    /// Whether a row's answer is right, found without a division.
    #[track_caller]
    fn check_row(operator: Arithmetic, l: (i128, u8, i8), r: (i128, u8, i8)) {
        let answer = one(operator, l, r, Policy::Legacy);
        let raised = one(operator, l, r, Policy::Raise);
        let case = format!("{l:?} {operator:?} {r:?} = {answer}, {raised}");
        let wide = |value: i128| i256::from_i128(value);
        let (s1, s2) = (i16::from(l.2), i16::from(r.2));
        let common = s1.max(s2);
        let (a, b) = (wide(l.0).wrapping_mul(ten(common - s1)), wide(r.0).wrapping_mul(ten(common - s2)));
        let DataType::Decimal128(precision, scale) = result_type(operator, (l.1, l.2), (r.1, r.2)) else {
            let quotient = a.checked_div(b).map(low_bits).map_or_else(|| "NULL".to_owned(), |v| v.to_string());
            assert_eq!(answer, quotient, "{case}");
            return;
        };
        let (exact, divisor) = match operator {
            Add => (a.checked_add(b), ten(common - i16::from(scale))),
            Subtract => (a.checked_sub(b), ten(common - i16::from(scale))),
            Multiply => (wide(l.0).checked_mul(wide(r.0)), ten(s1 + s2 - i16::from(scale))),
            Divide => (wide(l.0).checked_mul(ten(i16::from(scale) + s2 - s1)), wide(r.0)),
            Remainder | IntegerDivide => (a.checked_rem(b), i256::ONE),
        };
        let limit = ten(i16::from(precision));
        if answer == "NULL" {
            // A quotient of `limit - 1/2` is rounded out of range.
            let beyond =
                limit.checked_mul(divisor.wrapping_abs()).map(|bound| bound.wrapping_sub(divisor.wrapping_abs()));
            let is_beyond = exact.is_none_or(|exact| beyond.is_none_or(|beyond| exact.wrapping_abs() > beyond));
            assert!(is_beyond || divisor == i256::ZERO || r.0 == 0, "{case}");
            assert!(raised.starts_with(if r.0 == 0 && matches!(operator, Divide | Remainder) { "DIV" } else { "NUM" }));
            assert!(can_overflow(operator, (l.1, l.2), (r.1, r.2)) || r.0 == 0, "{case}");
            return;
        }
        let value = i256::from_string(&answer.replace('.', "")).expect("a number");
        assert!(is_half_up(value, exact.expect("it fits"), divisor), "{case}");
        assert!(value.wrapping_abs() < limit, "{case}");
        assert_eq!(answer, raised);
    }

    #[test]
    fn quotients_at_the_ends_of_64_bits() {
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let [divisor, dividend] = [LONG_DIVISOR_END, LONG_DIVIDEND_END].map(i128::from);
        let ends = [0, 1, 2, 3, divisor - 1, divisor, dividend - 1, dividend, most - 1, most, most + 1];
        let ends: Vec<i128> = ends.into_iter().flat_map(|end| [end, -end]).chain([least - 1]).collect();
        for (l, r) in ends.iter().flat_map(|l| ends.iter().map(|r| (*l, *r))) {
            // The dividend is multiplied by 10^(38 - precision): by 10^23 it is too long for long division.
            for precision in [32, 28, 20, 18, 16, 15].into_iter().filter(|precision| fits(l, *precision)) {
                check_row(Divide, (l, precision, 0), (r, 19, 0));
            }
        }
    }

    #[test]
    fn random_rows_are_right() {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..20_000 {
            let (left, right) = (random.shape(), random.shape());
            let l = (random.value(left.0), left.0, left.1);
            let r = (random.value(right.0), right.0, right.1);
            for operator in OPERATORS {
                check_row(operator, l, r);
            }
        }
    }
}

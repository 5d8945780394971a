//! Casts whose result is a number or a boolean.

use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};

use super::literal::{literal, number};
use super::{kernel, temporal};
use crate::engine::ansi::error::Fault;
use crate::engine::ansi::policy::Policy;
use crate::engine::ansi::text::{self, NoDecimal};
use crate::engine::ansi::types::sql_type;

/// An integer that numbers are cast to.
pub(super) trait Integer: Sized {
    /// The doubles above this one and below the other are in range once their fraction is cut off.
    ///
    /// For 64 bits the upper bound is no double. As in Spark, 2 to the 63 itself passes and becomes the maximum.
    const BELOW_MIN: f64;
    const ABOVE_MAX: f64;

    /// The integer, if it fits.
    fn narrow(value: i64) -> Option<Self>;

    /// Its low bits.
    fn wrap(value: i64) -> Self;

    /// Java's cast: the nearest integer of 32 or 64 bits, 0 for NaN, and the low bits of that.
    fn saturate(value: f64) -> Self;

    /// Without the fraction, if it fits then.
    fn truncate(value: f64) -> Option<Self> {
        (value > Self::BELOW_MIN && value < Self::ABOVE_MAX).then(|| Self::saturate(value))
    }
}

macro_rules! integers {
    ($($native:ty, $via:ty, $below:expr, $above:expr;)*) => {
        $(impl Integer for $native {
            const BELOW_MIN: f64 = $below;
            const ABOVE_MAX: f64 = $above;

            fn narrow(value: i64) -> Option<Self> {
                Self::try_from(value).ok()
            }

            fn wrap(value: i64) -> Self {
                value as Self
            }

            fn saturate(value: f64) -> Self {
                value as $via as Self
            }
        })*
    };
}

integers! {
    i8, i32, -129.0, 128.0;
    i16, i32, -32_769.0, 32_768.0;
    i32, i32, -2_147_483_649.0, 2_147_483_648.0;
    i64, i64, (i64::MIN as f64).next_down(), (i64::MAX as f64).next_up();
}

/// To an integer type.
pub(super) fn to_integer<T>(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>>
where
    T: ArrowPrimitiveType,
    T::Native: Integer,
{
    let overflow = |row| overflow(array, row, &T::DATA_TYPE);
    let result = match array.data_type() {
        DataType::Int8 => from_integers::<Int8Type, T>(array, policy),
        DataType::Int16 => from_integers::<Int16Type, T>(array, policy),
        DataType::Int32 => from_integers::<Int32Type, T>(array, policy),
        DataType::Int64 => from_integers::<Int64Type, T>(array, policy),
        DataType::UInt8 => from_integers::<UInt8Type, T>(array, policy),
        DataType::UInt16 => from_integers::<UInt16Type, T>(array, policy),
        DataType::UInt32 => from_integers::<UInt32Type, T>(array, policy),
        DataType::UInt64 => {
            let narrow = |value: u64| i64::try_from(value).ok().and_then(T::Native::narrow);
            let wrap = |value: u64| T::Native::wrap(value as i64);
            fit::<UInt64Type, T>(array.as_primitive(), policy, narrow, wrap, overflow)
        }
        DataType::Float32 => from_floats::<Float32Type, T>(array, policy),
        DataType::Float64 => from_floats::<Float64Type, T>(array, policy),
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            let scale = *scale;
            let narrow =
                |value| truncated(value, scale).and_then(|value| T::Native::narrow(i64::try_from(value).ok()?));
            let wrap = |value| T::Native::wrap(wrapped(value, scale));
            fit::<Decimal128Type, T>(&wide_decimals(array)?, policy, narrow, wrap, overflow)
        }
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            let narrow = |value| T::Native::narrow(i64::try_from(truncated_wide(value, scale)?.to_i128()?).ok()?);
            let wrap = |value| T::Native::wrap(truncated_wide(value, scale).map_or(0, |value| value.as_i128() as i64));
            fit::<Decimal256Type, T>(array.as_primitive(), policy, narrow, wrap, overflow)
        }
        DataType::Timestamp(_, _) => {
            let seconds = temporal::seconds(array);
            fit::<Int64Type, T>(&seconds, policy, T::Native::narrow, T::Native::wrap, overflow)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let fraction = policy == Policy::Legacy;
            let parse = |text: &str| text::integer(text, fraction).and_then(T::Native::narrow);
            kernel::convert_texts::<T>(array, policy, parse, |text| malformed(text, &T::DATA_TYPE))
        }
        from => Err(kernel::unsupported(from, &T::DATA_TYPE)),
    };
    Ok(Arc::new(result?))
}

/// From integers that 64 bits hold.
fn from_integers<F, T>(array: &ArrayRef, policy: Policy) -> Result<PrimitiveArray<T>, Box<Fault>>
where
    F: ArrowPrimitiveType,
    F::Native: Into<i64>,
    T: ArrowPrimitiveType,
    T::Native: Integer,
{
    let narrow = |value: F::Native| T::Native::narrow(value.into());
    let wrap = |value: F::Native| T::Native::wrap(value.into());
    fit::<F, T>(array.as_primitive(), policy, narrow, wrap, |row| overflow(array, row, &T::DATA_TYPE))
}

fn from_floats<F, T>(array: &ArrayRef, policy: Policy) -> Result<PrimitiveArray<T>, Box<Fault>>
where
    F: ArrowPrimitiveType,
    F::Native: Into<f64>,
    T: ArrowPrimitiveType,
    T::Native: Integer,
{
    let truncate = |value: F::Native| T::Native::truncate(value.into());
    let saturate = |value: F::Native| T::Native::saturate(value.into());
    fit::<F, T>(array.as_primitive(), policy, truncate, saturate, |row| overflow(array, row, &T::DATA_TYPE))
}

/// Each value as `exact` has it, or, where Spark's legacy rules hold, as `java` does.
fn fit<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &PrimitiveArray<F>,
    policy: Policy,
    exact: impl Fn(F::Native) -> Option<T::Native>,
    java: impl Fn(F::Native) -> T::Native,
    fault: impl Fn(usize) -> Box<Fault>,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    match policy {
        Policy::Legacy => Ok(array.unary(java)),
        Policy::Raise | Policy::Try => kernel::convert(array, policy, exact, |row| Some(fault(row))),
    }
}

/// To `FLOAT` or `DOUBLE`.
pub(super) fn to_float<T>(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>>
where
    T: ArrowPrimitiveType,
    T::Native: FloatFromDecimal,
{
    let result: PrimitiveArray<T> = match array.data_type() {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            let scale = *scale;
            let power = 10_f64.powi(scale.into());
            wide_decimals(array)?.unary(|value| T::Native::from_decimal(value, scale, power))
        }
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            array.as_primitive::<Decimal256Type>().unary(|value| Short::number(value, scale))
        }
        DataType::Timestamp(_, _) => temporal::fractional_seconds(array).unary(T::Native::from_double),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            kernel::convert_texts::<T>(array, policy, text::float, |text| malformed(text, &T::DATA_TYPE))?
        }
        from => return Err(kernel::unsupported(from, &T::DATA_TYPE)),
    };
    Ok(Arc::new(result))
}

/// A floating-point number that is the nearest one to a decimal, as Java makes it.
pub(super) trait FloatFromDecimal: FromStr + Default {
    /// From an unscaled value, and 10 to its scale.
    fn from_decimal(value: i128, scale: i8, power: f64) -> Self;

    /// The nearest one to a double.
    fn from_double(value: f64) -> Self;
}

impl FloatFromDecimal for f64 {
    fn from_decimal(value: i128, scale: i8, power: f64) -> Self {
        // One division of exact operands rounds once. Doubles hold integers to 2^53, and powers of ten to 10^22.
        if value.unsigned_abs() <= 1 << 53 && (0..=22).contains(&scale) {
            value as i64 as Self / power
        } else {
            Short::number(value, scale)
        }
    }

    fn from_double(value: f64) -> Self {
        value
    }
}

impl FloatFromDecimal for f32 {
    fn from_decimal(value: i128, scale: i8, power: f64) -> Self {
        let double = f64::from_decimal(value, scale, power);
        // The second rounding goes wrong only where the first one has landed between two floats, or where floats are
        // so small that they are sparser than their digits say.
        let is_between = double.to_bits() & 0x1fff_ffff == 0x1000_0000;
        if is_between || (double != 0.0 && double.abs() < f64::from(Self::MIN_POSITIVE)) {
            Short::number(value, scale)
        } else {
            double as Self
        }
    }

    fn from_double(value: f64) -> Self {
        value as Self
    }
}

/// To `DECIMAL(precision, scale)`.
pub(super) fn to_decimal(array: &ArrayRef, precision: u8, scale: i8, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let to = DataType::Decimal128(precision, scale);
    let out_of_range = |row| out_of_range(&number(array, row), precision, scale);
    let result = match array.data_type() {
        DataType::Float32 => doubles_to_decimal(&plain_doubles(array)?, precision, scale, policy, out_of_range),
        DataType::Float64 => doubles_to_decimal(array.as_primitive(), precision, scale, policy, out_of_range),
        DataType::Timestamp(_, _) => {
            let seconds = temporal::fractional_seconds(array);
            let fault = |row| self::out_of_range(&number(&seconds, row), precision, scale);
            doubles_to_decimal(&seconds, precision, scale, policy, fault)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let parse = |text: &str| text::decimal(text, precision, scale).ok();
            kernel::convert_texts(array, policy, parse, |text| match text::decimal(text, precision, scale) {
                Err(NoDecimal::TooLarge) => self::out_of_range(text.trim(), precision, scale),
                _ => malformed(text, &to),
            })
        }
        DataType::Boolean => {
            let numbers = kernel::plain(array, &DataType::Int8)?;
            return to_decimal(&numbers, precision, scale, policy);
        }
        _ => return kernel::checked(array, &to, policy, out_of_range),
    };
    let result: Decimal128Array = result?;
    match result.with_precision_and_scale(precision, scale) {
        Ok(result) => Ok(Arc::new(result)),
        Err(_) => Err(kernel::unsupported(array.data_type(), &to)),
    }
}

/// Through the shortest text that names the double, which is what people see of it.
fn doubles_to_decimal(
    array: &PrimitiveArray<Float64Type>,
    precision: u8,
    scale: i8,
    policy: Policy,
    fault: impl Fn(usize) -> Box<Fault>,
) -> Result<Decimal128Array, Box<Fault>> {
    let convert = |value: f64| {
        let mut text = Short::default();
        // The text of an integer that a double holds exactly is its digits.
        let whole = value as i64;
        if whole as f64 == value && whole.unsigned_abs() < 1 << 53 {
            write!(text, "{whole}").ok()?;
        } else {
            write!(text, "{value:e}").ok()?;
        }
        text::decimal(text.as_str(), precision, scale).ok()
    };
    // What is no number is NULL in Spark, under ANSI's rules too.
    kernel::convert(array, policy, convert, |row| array.value(row).is_finite().then(|| fault(row)))
}

/// To `BOOLEAN`: everything but zero is true.
pub(super) fn to_boolean(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let result = match array.data_type() {
        DataType::Decimal256(_, _) => {
            BooleanArray::from_unary(array.as_primitive::<Decimal256Type>(), |v| v != i256::ZERO)
        }
        DataType::Decimal32(_, _) | DataType::Decimal64(_, _) | DataType::Decimal128(_, _) => {
            BooleanArray::from_unary(&wide_decimals(array)?, |value| value != 0)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let parse = |text: &str| text::boolean(text).map(i8::from);
            let fault = |text: &str| malformed(text, &DataType::Boolean);
            let values = kernel::convert_texts::<Int8Type>(array, policy, parse, fault)?;
            BooleanArray::from_unary(&values, |value| value != 0)
        }
        from => return Err(kernel::unsupported(from, &DataType::Boolean)),
    };
    Ok(Arc::new(result))
}

/// Decimals of up to 128 bits as ones of 128.
pub(super) fn wide_decimals(array: &ArrayRef) -> Result<Decimal128Array, Box<Fault>> {
    match array.data_type() {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            let wide = kernel::plain(array, &DataType::Decimal128(*precision, *scale))?;
            Ok(wide.as_primitive::<Decimal128Type>().clone())
        }
        _ => Ok(array.as_primitive::<Decimal128Type>().clone()),
    }
}

/// Floats as doubles.
pub(super) fn plain_doubles(array: &ArrayRef) -> Result<PrimitiveArray<Float64Type>, Box<Fault>> {
    Ok(kernel::plain(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// A decimal without its fraction.
fn truncated(value: i128, scale: i8) -> Option<i128> {
    let power = 10_i128.checked_pow(scale.unsigned_abs().into());
    match (i64::try_from(value), power.map(i64::try_from)) {
        _ if scale < 0 => value.checked_mul(power?),
        // Most are short, and a division of 64 bits is many times faster.
        (Ok(value), Some(Ok(power))) => Some((value / power).into()),
        _ => Some(power.map_or(0, |power| value / power)),
    }
}

/// The low bits of a decimal without its fraction.
fn wrapped(value: i128, scale: i8) -> i64 {
    if scale < 0 {
        value.wrapping_mul(10_i128.wrapping_pow(scale.unsigned_abs().into())) as i64
    } else {
        truncated(value, scale).unwrap_or_default() as i64
    }
}

/// The same for 256 bits; `None` if there is no such number.
fn truncated_wide(value: i256, scale: i8) -> Option<i256> {
    let power = i256::from_i128(10).pow_checked(scale.unsigned_abs().into()).ok()?;
    if scale < 0 { value.checked_mul(power) } else { value.checked_div(power) }
}

/// A short text that needs no allocation.
struct Short {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Short {
    /// Enough for 256 bits in decimal, a sign and an exponent.
    const CAPACITY: usize = 96;

    /// A decimal read as a floating-point number, which rounds once whatever its digits are.
    fn number<F: FromStr + Default>(value: impl fmt::Display, scale: i8) -> F {
        let mut text = Self::default();
        match write!(text, "{value}e{}", -i16::from(scale)) {
            Ok(()) => text.as_str().parse().unwrap_or_default(),
            Err(fmt::Error) => F::default(),
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Default for Short {
    fn default() -> Self {
        Self { bytes: [0; Self::CAPACITY], length: 0 }
    }
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A value that is too large for an integer type.
pub(super) fn overflow(array: &ArrayRef, row: usize, to: &DataType) -> Box<Fault> {
    Fault::cast_overflow(&literal(array, row), &sql_type(array.data_type()), &sql_type(to))
}

/// A text that is no value of the type.
pub(super) fn malformed(text: &str, to: &DataType) -> Box<Fault> {
    Fault::cast_invalid_input(text, &sql_type(&DataType::Utf8), &sql_type(to))
}

fn out_of_range(value: &str, precision: u8, scale: i8) -> Box<Fault> {
    Fault::decimal_out_of_range(value, precision, scale, Some("try_cast"))
}

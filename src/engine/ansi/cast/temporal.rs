//! Casts from and to dates and timestamps.
//!
//! Spark's timestamps are microseconds. Here they may have any unit, so that a result is made in microseconds and then
//! brought to the unit; one in nanoseconds can be out of range, because those end in the year 2262.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, ArrowTimestampType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};

use super::number::{malformed, overflow, plain_doubles, wide_decimals};
use super::{kernel, literal};
use crate::engine::ansi::error::Fault;
use crate::engine::ansi::policy::Policy;
use crate::engine::ansi::text::{self, Zone};
use crate::engine::ansi::types::sql_type;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Texts to dates.
pub(super) fn to_date(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let fault = |text: &str| malformed(text, &DataType::Date32);
    Ok(Arc::new(kernel::convert_texts::<Date32Type>(array, policy, text::date, fault)?))
}

/// Texts, numbers of seconds and dates to timestamps.
pub(super) fn to_timestamp<T: ArrowTimestampType>(
    array: &ArrayRef,
    zone: Option<&str>,
    policy: Policy,
) -> Result<ArrayRef, Box<Fault>> {
    let to = DataType::Timestamp(T::UNIT, zone.map(Into::into));
    let overflow = |row| overflow(array, row, &to);
    let result: PrimitiveArray<T> = match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => from_texts(array, zone, &to, policy)?,
        DataType::Date32 => return kernel::checked(array, &to, policy, overflow),
        DataType::Float32 => from_doubles(&plain_doubles(array)?, array, &to, policy)?,
        DataType::Float64 => from_doubles(array.as_primitive(), array, &to, policy)?,
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            let scale = i32::from(*scale) - 6;
            let power = 10_i128.checked_pow(scale.unsigned_abs());
            // Java's low bits, whatever is lost with the others.
            let micros = move |value: i128| match power {
                Some(power) if scale >= 0 => (value / power) as i64,
                Some(power) => value.wrapping_mul(power) as i64,
                None => 0,
            };
            let convert = |value| to_unit(micros(value), T::UNIT);
            kernel::convert::<Decimal128Type, T>(&wide_decimals(array)?, policy, convert, |row| Some(overflow(row)))?
        }
        DataType::UInt64 => {
            let seconds: Int64Array =
                array.as_primitive::<UInt64Type>().unary(|value| i64::try_from(value).unwrap_or(i64::MAX));
            from_seconds(&seconds, array, &to, policy)?
        }
        _ => {
            let seconds = kernel::plain(array, &DataType::Int64)?;
            from_seconds(seconds.as_primitive(), array, &to, policy)?
        }
    };
    Ok(Arc::new(result.with_timezone_opt(zone)))
}

/// Texts without a zone are local times in that of the type, which is UTC if it has none.
fn from_texts<T: ArrowTimestampType>(
    array: &ArrayRef,
    zone: Option<&str>,
    to: &DataType,
    policy: Policy,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    let zone = match zone {
        Some(zone) => Zone::read(zone).ok_or_else(|| kernel::unsupported(array.data_type(), to))?,
        None => Zone::UTC,
    };
    let parse = |text: &str| to_unit(text::timestamp(text, &zone)?, T::UNIT);
    kernel::convert_texts(array, policy, parse, |text| match text::timestamp(text, &zone) {
        Some(_) => Fault::cast_overflow(&format!("'{text}'"), &sql_type(array.data_type()), &sql_type(to)),
        None => malformed(text, to),
    })
}

/// Java's conversion of whole seconds stops at the largest number of microseconds; it does not fail.
fn from_seconds<T: ArrowTimestampType>(
    seconds: &Int64Array,
    array: &ArrayRef,
    to: &DataType,
    policy: Policy,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    let convert = |seconds: i64| to_unit(seconds.saturating_mul(MICROS_PER_SECOND), T::UNIT);
    kernel::convert::<Int64Type, T>(seconds, policy, convert, |row| Some(overflow(array, row, to)))
}

/// Seconds with a fraction, of which microseconds are kept.
fn from_doubles<T: ArrowTimestampType>(
    seconds: &PrimitiveArray<Float64Type>,
    array: &ArrayRef,
    to: &DataType,
    policy: Policy,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    // 2 to the 63 passes and becomes the maximum, as for other casts to 64 bits.
    let limit = i64::MAX as f64;
    let convert = |seconds: f64| {
        let micros = seconds * MICROS_PER_SECOND as f64;
        let exists = seconds.is_finite() && (policy == Policy::Legacy || micros.abs() <= limit);
        if exists { to_unit(micros as i64, T::UNIT) } else { None }
    };
    let fault = |row| {
        if seconds.value(row).is_finite() {
            overflow(array, row, to)
        } else {
            let value = literal::number(array, row);
            Fault::cast_invalid_input(&value, &sql_type(array.data_type()), &sql_type(to))
        }
    };
    kernel::convert(seconds, policy, convert, |row| Some(fault(row)))
}

/// Microseconds in another unit. Coarser ones round down, nanoseconds may be out of range.
fn to_unit(micros: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => Some(micros.div_euclid(MICROS_PER_SECOND)),
        TimeUnit::Millisecond => Some(micros.div_euclid(1000)),
        TimeUnit::Microsecond => Some(micros),
        TimeUnit::Nanosecond => micros.checked_mul(1000),
    }
}

/// Timestamps as whole seconds since 1970, rounded down.
pub(super) fn seconds(array: &ArrayRef) -> Int64Array {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => ticks::<TimestampSecondType, _>(array, |value| value),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            ticks::<TimestampMillisecondType, _>(array, |value| value.div_euclid(1000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            ticks::<TimestampMicrosecondType, _>(array, |value| value.div_euclid(MICROS_PER_SECOND))
        }
        _ => ticks::<TimestampNanosecondType, _>(array, |value| value.div_euclid(1_000_000_000)),
    }
}

/// Timestamps as seconds since 1970, with microseconds as their fraction.
pub(super) fn fractional_seconds(array: &ArrayRef) -> PrimitiveArray<Float64Type> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => ticks::<TimestampSecondType, _>(array, |value| value as f64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            ticks::<TimestampMillisecondType, _>(array, |value| value as f64 / 1e3)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            ticks::<TimestampMicrosecondType, _>(array, |value| value as f64 / 1e6)
        }
        _ => ticks::<TimestampNanosecondType, _>(array, |value| value.div_euclid(1000) as f64 / 1e6),
    }
}

fn ticks<F: ArrowTimestampType, T: ArrowPrimitiveType>(
    array: &ArrayRef,
    op: impl Fn(i64) -> T::Native,
) -> PrimitiveArray<T> {
    array.as_primitive::<F>().unary(op)
}

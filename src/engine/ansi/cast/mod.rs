//! Spark's casts between numbers, texts, booleans, dates and timestamps, over whole arrays.
//!
//! Arrow's kernel answers differently in places: it does not trim texts, keeps nanoseconds, reads an integer as ticks
//! of a timestamp's unit, and rounds doubles in binary. Where it agrees it is used, and where no value can fail the
//! caller can leave the plain cast in the plan.

mod kernel;
mod literal;
mod number;
mod temporal;

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use super::error::Fault;
use super::policy::Policy;

pub(super) use kernel::without;

/// Whether a value of `from` may have no value in `to`, or not the one that arrow's kernel gives.
///
/// Where it is false, arrow's plain cast gives what Spark gives, for every value. It is true for pairs that are not
/// [ours](is_ours).
pub(crate) fn can_fail(from: &DataType, to: &DataType) -> bool {
    if from == to {
        return false;
    }
    match (from, to) {
        (_, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64) => match from {
            DataType::Boolean => false,
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => {
                // A number with fewer digits than the largest one of the type fits.
                *s < 0 || integer_digits(*p, *s) >= digits(to)
            }
            _ => match (bits(from), bits(to)) {
                (Some(from), Some(to)) => from > to,
                _ => true,
            },
        },
        (DataType::Boolean, DataType::Float32 | DataType::Float64) => false,
        (_, DataType::Float32 | DataType::Float64 | DataType::Boolean) if bits(from).is_some() => false,
        (DataType::Float32 | DataType::Float64, DataType::Float32 | DataType::Float64 | DataType::Boolean) => false,
        // With so few digits one division is exact but for its last bit, which is how arrow does it.
        (DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s), DataType::Float64) => {
            *p > 15 || !(0..=22).contains(s)
        }
        (DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s), DataType::Float32) => {
            *p > 7 || !(0..=10).contains(s)
        }
        (_, DataType::Decimal128(p, s)) => match from {
            _ if bits(from).is_some() => *s < 0 || digits(from) > integer_digits(*p, *s),
            DataType::Decimal32(from_p, from_s)
            | DataType::Decimal64(from_p, from_s)
            | DataType::Decimal128(from_p, from_s) => {
                // Rounding can carry into one more digit.
                let carry = i16::from(s < from_s);
                integer_digits(*from_p, *from_s) + carry > integer_digits(*p, *s)
            }
            _ => true,
        },
        // Nanoseconds end in the year 2262.
        (DataType::Date32, DataType::Timestamp(unit, _)) => *unit == TimeUnit::Nanosecond,
        (DataType::Timestamp(_, _), DataType::Date32) => false,
        _ => true,
    }
}

/// Whether [`cast`] takes this pair of types. Others are left to DataFusion.
pub(crate) fn is_ours(from: &DataType, to: &DataType) -> bool {
    let is_plain = matches!(
        to,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal128(_, _)
    );
    from != to
        && match from {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                is_plain || matches!(to, DataType::Boolean | DataType::Date32 | DataType::Timestamp(_, _))
            }
            DataType::Decimal256(_, _) => is_plain || *to == DataType::Boolean,
            DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _) => is_plain || matches!(to, DataType::Boolean | DataType::Timestamp(_, _)),
            DataType::Boolean => is_plain,
            DataType::Timestamp(_, _) => is_plain || *to == DataType::Date32,
            DataType::Date32 => matches!(to, DataType::Timestamp(_, _)),
            _ => bits(from).is_some() && (is_plain || matches!(to, DataType::Boolean | DataType::Timestamp(_, _))),
        }
}

/// The values as another type. NULLs stay NULL.
///
/// # Errors
/// With [`Policy::Raise`] the first value that the other type does not have; with any policy a pair of types that is
/// not [ours](is_ours).
pub(crate) fn cast(array: &ArrayRef, to: &DataType, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    if !can_fail(array.data_type(), to) {
        return kernel::plain(array, to);
    }
    if !is_ours(array.data_type(), to) {
        return Err(kernel::unsupported(array.data_type(), to));
    }
    match to {
        DataType::Int8 => number::to_integer::<Int8Type>(array, policy),
        DataType::Int16 => number::to_integer::<Int16Type>(array, policy),
        DataType::Int32 => number::to_integer::<Int32Type>(array, policy),
        DataType::Int64 => number::to_integer::<Int64Type>(array, policy),
        DataType::Float32 => number::to_float::<Float32Type>(array, policy),
        DataType::Float64 => number::to_float::<Float64Type>(array, policy),
        DataType::Decimal128(precision, scale) => number::to_decimal(array, *precision, *scale, policy),
        DataType::Boolean => number::to_boolean(array, policy),
        DataType::Date32 => temporal::to_date(array, policy),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_deref();
            match unit {
                TimeUnit::Second => temporal::to_timestamp::<TimestampSecondType>(array, zone, policy),
                TimeUnit::Millisecond => temporal::to_timestamp::<TimestampMillisecondType>(array, zone, policy),
                TimeUnit::Microsecond => temporal::to_timestamp::<TimestampMicrosecondType>(array, zone, policy),
                TimeUnit::Nanosecond => temporal::to_timestamp::<TimestampNanosecondType>(array, zone, policy),
            }
        }
        _ => Err(kernel::unsupported(array.data_type(), to)),
    }
}

/// How many bits an integer type needs at least if it is signed: one more than it has if it is not.
fn bits(data_type: &DataType) -> Option<u8> {
    match data_type {
        DataType::Int8 => Some(8),
        DataType::UInt8 => Some(9),
        DataType::Int16 => Some(16),
        DataType::UInt16 => Some(17),
        DataType::Int32 => Some(32),
        DataType::UInt32 => Some(33),
        DataType::Int64 => Some(64),
        DataType::UInt64 => Some(65),
        _ => None,
    }
}

/// How many decimal digits the numbers of an integer type have at most; 0 for other types.
fn digits(data_type: &DataType) -> i16 {
    match bits(data_type) {
        Some(..=9) => 3,
        Some(..=17) => 5,
        Some(..=33) => 10,
        Some(64) => 19,
        Some(_) => 20,
        None => 0,
    }
}

/// How many digits of a decimal stand before the point.
fn integer_digits(precision: u8, scale: i8) -> i16 {
    i16::from(precision) - i16::from(scale)
}

#[cfg(test)]
mod tests;

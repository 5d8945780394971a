//! Values in messages, written as the literals that they would be in Spark's SQL: `300S`, `1.0E10D`, `12.50BD`.

use std::fmt::LowerExp;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::array_value_to_string;

/// The value of a row.
pub(super) fn literal(array: &dyn Array, row: usize) -> String {
    let plain = || array_value_to_string(array, row).unwrap_or_default();
    match array.data_type() {
        DataType::Int8 => plain() + "Y",
        DataType::Int16 => plain() + "S",
        DataType::Int64 => plain() + "L",
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            if value.is_finite() {
                format!("CAST({} AS FLOAT)", float(value.into(), value))
            } else {
                special(value.into())
            }
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            if value.is_finite() { float(value, value) + "D" } else { special(value) }
        }
        DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => plain() + "BD",
        DataType::Timestamp(_, _) => format!("TIMESTAMP '{}'", plain().replacen('T', " ", 1)),
        DataType::Date32 => format!("DATE '{}'", plain()),
        _ => plain(),
    }
}

/// A number without the marks of its type, for messages that name the type beside it.
pub(super) fn number(array: &dyn Array, row: usize) -> String {
    match array.data_type() {
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(value.into(), value)
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(value, value)
        }
        _ => array_value_to_string(array, row).unwrap_or_default(),
    }
}

/// As Java writes it: always with a point, and with an exponent from 10 million on and below a thousandth. `shown` is
/// the number in its own width, which decides how many digits it takes.
fn float(value: f64, shown: impl LowerExp + ToString) -> String {
    if !value.is_finite() {
        return special(value);
    }
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let text = shown.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let text = format!("{shown:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => text,
    }
}

fn special(value: f64) -> String {
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Decimal128Array, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, TimestampMicrosecondArray,
    };

    use super::*;

    #[track_caller]
    fn check(array: &dyn Array, expected: &str) {
        assert_eq!(literal(array, 0), expected);
    }

    #[test]
    fn literals() {
        check(&Int8Array::from(vec![-1]), "-1Y");
        check(&Int32Array::from(vec![1000]), "1000");
        check(&Int64Array::from(vec![1000]), "1000L");
        for (value, expected) in [
            (0.0, "0.0D"),
            (-1.5, "-1.5D"),
            (100.0, "100.0D"),
            (1e7, "1.0E7D"),
            (12_345_678.5, "1.23456785E7D"),
            (0.0005, "5.0E-4D"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            check(&Float64Array::from(vec![value]), expected);
        }
        check(&Float32Array::from(vec![0.1]), "CAST(0.1 AS FLOAT)");
        check(&Float32Array::from(vec![1e10]), "CAST(1.0E10 AS FLOAT)");
        let decimal = Decimal128Array::from(vec![1250]).with_precision_and_scale(5, 2).unwrap();
        check(&decimal, "12.50BD");
        assert_eq!(number(&decimal, 0), "12.50");
        check(&TimestampMicrosecondArray::from(vec![1_500_000]), "TIMESTAMP '1970-01-01 00:00:01.500'");
    }
}

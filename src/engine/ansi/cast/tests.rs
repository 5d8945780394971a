//! Every rule with its values under the three policies.

use std::sync::Arc;

use arrow::array::{
    Array, BooleanArray, Date32Array, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array, new_empty_array, new_null_array,
};
use arrow::datatypes::i256;
use arrow::util::display::array_value_to_string;

use super::*;
use crate::engine::ansi::condition::Condition;

const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const NANOS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// The values of an array with blanks between them, or the class and the sentence of the error.
fn show(result: Result<ArrayRef, Box<Fault>>) -> String {
    match result {
        Ok(array) => show_values(&array),
        Err(fault) => {
            let error = fault.at(None);
            format!("{}: {}", error.condition(), error.message())
        }
    }
}

fn show_values(array: &ArrayRef) -> String {
    let value = |row| {
        if array.is_null(row) {
            return "NULL".to_owned();
        }
        let text = array_value_to_string(array, row).unwrap();
        if !text.starts_with("ERROR") {
            return text;
        }
        // Years beyond 262142 have no text: their ticks are shown.
        array_value_to_string(&kernel::plain(array, &DataType::Int64).unwrap(), row).unwrap()
    };
    (0..array.len()).map(value).collect::<Vec<_>>().join(" ")
}

/// What raising, `try_cast` and the legacy cast give.
#[track_caller]
fn check(array: impl Array + 'static, to: &DataType, raise: &str, tried: &str, legacy: &str) {
    let array: ArrayRef = Arc::new(array);
    assert!(is_ours(array.data_type(), to));
    for (policy, expected) in [(Policy::Raise, raise), (Policy::Try, tried), (Policy::Legacy, legacy)] {
        let result = cast(&array, to, policy);
        if let Ok(result) = &result {
            assert_eq!(result.data_type(), to);
            // Also where an array does not begin at its buffers' start.
            let sliced = cast(&array.slice(1, array.len() - 1), to, policy).unwrap();
            assert_eq!(show_values(&sliced), show_values(&result.slice(1, result.len() - 1)), "{policy:?}, sliced");
        }
        assert_eq!(show(result), expected, "{policy:?}");
    }
}

/// The same for values that no policy tells apart.
#[track_caller]
fn check_all(array: impl Array + 'static, to: &DataType, expected: &str) {
    check(array, to, expected, expected, expected);
}

fn texts(texts: &[&str]) -> StringArray {
    texts.iter().map(|text| (*text != "NULL").then_some(*text)).collect()
}

fn decimals(values: &[i128], precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap()
}

#[test]
fn integers_to_narrower_ones() {
    check(
        Int64Array::from(vec![Some(1), None, Some(1000), Some(i64::MAX)]),
        &DataType::Int8,
        "CAST_OVERFLOW: the value 1000L of the type BIGINT cannot be cast to TINYINT, because it does not fit",
        "1 NULL NULL NULL",
        "1 NULL -24 -1",
    );
    check(
        Int32Array::from(vec![-32_768, 32_767, 32_768]),
        &DataType::Int16,
        "CAST_OVERFLOW: the value 32768 of the type INT cannot be cast to SMALLINT, because it does not fit",
        "-32768 32767 NULL",
        "-32768 32767 -32768",
    );
    check_all(Int16Array::from(vec![-128, 127]), &DataType::Int8, "-128 127");
    check_all(Int8Array::from(vec![-128, 127]), &DataType::Int64, "-128 127");
    check(
        UInt64Array::from(vec![1, u64::MAX]),
        &DataType::Int64,
        "CAST_OVERFLOW: the value 18446744073709551615 of the type UInt64 cannot be cast to BIGINT, \
         because it does not fit",
        "1 NULL",
        "1 -1",
    );
    check(
        UInt8Array::from(vec![127, 128]),
        &DataType::Int8,
        "CAST_OVERFLOW: the value 128 of the type UInt8 cannot be cast to TINYINT, because it does not fit",
        "127 NULL",
        "127 -128",
    );
    // What lies below a NULL is nobody's business.
    let hidden = Int64Array::new(vec![1, 1000].into(), Some(vec![true, false].into()));
    check_all(hidden, &DataType::Int8, "1 NULL");
}

#[test]
fn floats_to_integers() {
    check(
        Float64Array::from(vec![Some(1.9), Some(-1.9), None, Some(2_147_483_647.9), Some(2_147_483_648.0)]),
        &DataType::Int32,
        "CAST_OVERFLOW: the value 2.147483648E9D of the type DOUBLE cannot be cast to INT, because it does not fit",
        "1 -1 NULL 2147483647 NULL",
        "1 -1 NULL 2147483647 2147483647",
    );
    check(
        Float64Array::from(vec![0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300]),
        &DataType::Int64,
        "CAST_OVERFLOW: the value NaN of the type DOUBLE cannot be cast to BIGINT, because it does not fit",
        "0 NULL NULL NULL NULL",
        "0 0 9223372036854775807 -9223372036854775808 9223372036854775807",
    );
    // The bound of 64 bits is no double: Spark lets the next one pass.
    check_all(
        Float64Array::from(vec![9_223_372_036_854_775_808.0, -9_223_372_036_854_775_808.0]),
        &DataType::Int64,
        "9223372036854775807 -9223372036854775808",
    );
    check(
        Float32Array::from(vec![127.9, -128.9, 128.0, 300.0, 1e10]),
        &DataType::Int8,
        "CAST_OVERFLOW: the value CAST(128.0 AS FLOAT) of the type FLOAT cannot be cast to TINYINT, \
         because it does not fit",
        "127 -128 NULL NULL NULL",
        "127 -128 -128 44 -1",
    );
}

#[test]
fn decimals_to_integers() {
    check(
        decimals(&[199, -199, 12_800], 5, 2),
        &DataType::Int8,
        "CAST_OVERFLOW: the value 128.00BD of the type DECIMAL(5,2) cannot be cast to TINYINT, because it does not fit",
        "1 -1 NULL",
        "1 -1 -128",
    );
    check(
        decimals(&[10_i128.pow(37), (1 << 64) + 5, i64::MAX.into()], 38, 0),
        &DataType::Int64,
        "CAST_OVERFLOW: the value 10000000000000000000000000000000000000BD of the type DECIMAL(38,0) cannot be cast to \
         BIGINT, because it does not fit",
        "NULL NULL 9223372036854775807",
        "68739955140067328 5 9223372036854775807",
    );
    check_all(decimals(&[10_i128.pow(38) - 1, -5], 38, 38), &DataType::Int16, "0 0");
    let wide = Decimal256Array::from(vec![i256::from_i128(12_345), i256::MAX.wrapping_div(i256::from_i128(10))])
        .with_precision_and_scale(76, 2)
        .unwrap();
    check(
        wide,
        &DataType::Int32,
        "CAST_OVERFLOW: the value \
         57896044618658097711785492504343953926634992332820282019728792003956564819.96BD \
         of the type DECIMAL(76,2) cannot be cast to INT, because it does not fit",
        "123 NULL",
        "123 -1683627181",
    );
    let short = Decimal32Array::from(vec![3276, 3277]).with_precision_and_scale(9, 1).unwrap();
    check_all(short, &DataType::Int16, "327 327");
    let short = Decimal64Array::from(vec![10, 400]).with_precision_and_scale(18, 0).unwrap();
    check(
        short,
        &DataType::Int8,
        "CAST_OVERFLOW: the value 400BD of the type DECIMAL(18,0) cannot be cast to TINYINT, because it does not fit",
        "10 NULL",
        "10 -112",
    );
}

#[test]
fn texts_to_integers() {
    check(
        texts(&["12", "NULL", " -7 ", "1.5", "abc", "3000000000"]),
        &DataType::Int32,
        "CAST_INVALID_INPUT: the value '1.5' of the type STRING cannot be cast to INT, because it is malformed",
        "12 NULL -7 NULL NULL NULL",
        "12 NULL -7 1 NULL NULL",
    );
    check(
        LargeStringArray::from(vec!["127", "128"]),
        &DataType::Int8,
        "CAST_INVALID_INPUT: the value '128' of the type STRING cannot be cast to TINYINT, because it is malformed",
        "127 NULL",
        "127 NULL",
    );
    check_all(
        StringViewArray::from(vec![Some("9223372036854775807"), None]),
        &DataType::Int64,
        "9223372036854775807 NULL",
    );
}

#[test]
fn timestamps_to_numbers() {
    let before = || TimestampMicrosecondArray::from(vec![Some(-1), None, Some(1_500_000), Some(300_000_000)]);
    check_all(before(), &DataType::Int64, "-1 NULL 1 300");
    check(
        before(),
        &DataType::Int8,
        "CAST_OVERFLOW: the value TIMESTAMP '1970-01-01 00:05:00' of the type TIMESTAMP cannot be cast to TINYINT, \
         because it does not fit",
        "-1 NULL 1 NULL",
        "-1 NULL 1 44",
    );
    check_all(before(), &DataType::Float64, "-1e-6 NULL 1.5 300.0");
    check(
        before(),
        &DataType::Decimal128(4, 2),
        "NUMERIC_VALUE_OUT_OF_RANGE: 300.0 cannot be represented as DECIMAL(4,2)",
        "0.00 NULL 1.50 NULL",
        "0.00 NULL 1.50 NULL",
    );
    check_all(TimestampSecondArray::from(vec![7]), &DataType::Int64, "7");
    check_all(TimestampMillisecondArray::from(vec![-1, 1]), &DataType::Int64, "-1 0");
    check_all(TimestampNanosecondArray::from(vec![-1, 1_999_999_999]), &DataType::Float32, "-0.000001 1.999999");
    let zoned = TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Paris");
    check_all(zoned, &DataType::Int32, "0");
}

#[test]
fn numbers_to_floats() {
    check_all(decimals(&[12_345, -1, 0], 20, 2), &DataType::Float64, "123.45 -0.01 0.0");
    check_all(
        decimals(&[10_i128.pow(38) - 1, 9_007_199_254_740_993, 123_456_789_012_345_678_901_234_567_890], 38, 10),
        &DataType::Float64,
        "1e28 900719.9254740993 1.2345678901234567e19",
    );
    check_all(decimals(&[1, 16_777_217, 10_i128.pow(38) - 1], 38, 0), &DataType::Float32, "1.0 16777216.0 1e38");
    // Just above the middle of two floats, by less than a double tells.
    check_all(decimals(&[10_000_000_596_046_447_755], 38, 19), &DataType::Float32, "1.0000001");
    check_all(decimals(&[10_000_000_596_046_447_753], 38, 19), &DataType::Float32, "1.0");
    let wide = Decimal256Array::from(vec![i256::from_i128(-15)]).with_precision_and_scale(76, 1).unwrap();
    check_all(wide, &DataType::Float64, "-1.5");
    check(
        texts(&["1.5", "NULL", " Infinity", "-inf", "nan", "1d", "1e400", "x"]),
        &DataType::Float64,
        "CAST_INVALID_INPUT: the value 'x' of the type STRING cannot be cast to DOUBLE, because it is malformed",
        "1.5 NULL inf -inf NaN 1.0 inf NULL",
        "1.5 NULL inf -inf NaN 1.0 inf NULL",
    );
    check_all(texts(&["0.1", "1e39"]), &DataType::Float32, "0.1 inf");
    check_all(Float64Array::from(vec![0.1, 1e300, -1e300]), &DataType::Float32, "0.1 inf -inf");
}

#[test]
fn numbers_to_decimals() {
    let to = DataType::Decimal128(5, 2);
    check(
        Int32Array::from(vec![Some(1), None, Some(999), Some(1000)]),
        &to,
        "NUMERIC_VALUE_OUT_OF_RANGE: 1000 cannot be represented as DECIMAL(5,2)",
        "1.00 NULL 999.00 NULL",
        "1.00 NULL 999.00 NULL",
    );
    check(
        Int64Array::from(vec![1, 2]),
        &DataType::Decimal128(38, 38),
        "NUMERIC_VALUE_OUT_OF_RANGE: 1 cannot be represented as DECIMAL(38,38)",
        "NULL NULL",
        "NULL NULL",
    );
    check_all(UInt32Array::from(vec![999]), &to, "999.00");
    check(
        decimals(&[12_345, -12_345, 999_995, 999_994], 6, 3),
        &to,
        "NUMERIC_VALUE_OUT_OF_RANGE: 999.995 cannot be represented as DECIMAL(5,2)",
        "12.35 -12.35 NULL 999.99",
        "12.35 -12.35 NULL 999.99",
    );
    let wide = Decimal256Array::from(vec![i256::from_i128(5), i256::MAX.wrapping_div(i256::from_i128(10))])
        .with_precision_and_scale(76, 1)
        .unwrap();
    check(
        wide,
        &DataType::Decimal128(1, 0),
        "NUMERIC_VALUE_OUT_OF_RANGE: \
         578960446186580977117854925043439539266349923328202820197287920039565648199.6 \
         cannot be represented as DECIMAL(1,0)",
        "1 NULL",
        "1 NULL",
    );
    check_all(BooleanArray::from(vec![Some(true), None, Some(false)]), &to, "1.00 NULL 0.00");
    check(
        BooleanArray::from(vec![false, true]),
        &DataType::Decimal128(2, 2),
        "NUMERIC_VALUE_OUT_OF_RANGE: 1 cannot be represented as DECIMAL(2,2)",
        "0.00 NULL",
        "0.00 NULL",
    );
}

#[test]
fn floats_to_decimals() {
    let to = DataType::Decimal128(5, 2);
    // 1.005 is a little less in binary, and rounds up here because it does not look like that.
    check(
        Float64Array::from(vec![Some(1.005), Some(-2.675), None, Some(999.0), Some(1e10)]),
        &to,
        "NUMERIC_VALUE_OUT_OF_RANGE: 1.0E10 cannot be represented as DECIMAL(5,2)",
        "1.01 -2.68 NULL 999.00 NULL",
        "1.01 -2.68 NULL 999.00 NULL",
    );
    check_all(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-300]), &to, "NULL NULL NULL 0.00");
    check_all(
        Float64Array::from(vec![1e23, 9_007_199_254_740_992.0, 0.1, -0.0]),
        &DataType::Decimal128(38, 10),
        "100000000000000000000000.0000000000 9007199254740992.0000000000 0.1000000000 0.0000000000",
    );
    // A float is a double first.
    check_all(Float32Array::from(vec![0.1]), &DataType::Decimal128(20, 18), "0.100000001490116120");
}

#[test]
fn texts_to_decimals() {
    check(
        texts(&["1.005", "NULL", "1e2", "-0.005", " 7 ", "1000", "x"]),
        &DataType::Decimal128(5, 2),
        "NUMERIC_VALUE_OUT_OF_RANGE: 1000 cannot be represented as DECIMAL(5,2)",
        "1.01 NULL 100.00 -0.01 7.00 NULL NULL",
        "1.01 NULL 100.00 -0.01 7.00 NULL NULL",
    );
    check(
        texts(&["1", "1d"]),
        &DataType::Decimal128(5, 2),
        "CAST_INVALID_INPUT: the value '1d' of the type STRING cannot be cast to DECIMAL(5,2), because it is malformed",
        "1.00 NULL",
        "1.00 NULL",
    );
}

#[test]
fn booleans() {
    check(
        texts(&[" Yes ", "F", "NULL", "2"]),
        &DataType::Boolean,
        "CAST_INVALID_INPUT: the value '2' of the type STRING cannot be cast to BOOLEAN, because it is malformed",
        "true false NULL NULL",
        "true false NULL NULL",
    );
    check_all(Int32Array::from(vec![Some(0), Some(-3), None]), &DataType::Boolean, "false true NULL");
    check_all(Float64Array::from(vec![0.0, -0.0, f64::NAN, 0.1]), &DataType::Boolean, "false false true true");
    check_all(decimals(&[0, 1], 5, 2), &DataType::Boolean, "false true");
    let wide = Decimal256Array::from(vec![i256::ZERO, i256::MAX]).with_precision_and_scale(76, 1).unwrap();
    check_all(wide, &DataType::Boolean, "false true");
    check_all(BooleanArray::from(vec![Some(true), None]), &DataType::Int8, "1 NULL");
    check_all(BooleanArray::from(vec![true, false]), &DataType::Float64, "1.0 0.0");
}

#[test]
fn dates() {
    check(
        texts(&["2020-02-29", "NULL", "2020-1", "2021-02-29"]),
        &DataType::Date32,
        "CAST_INVALID_INPUT: the value '2021-02-29' of the type STRING cannot be cast to DATE, because it is malformed",
        "2020-02-29 NULL 2020-01-01 NULL",
        "2020-02-29 NULL 2020-01-01 NULL",
    );
    check_all(
        TimestampMicrosecondArray::from(vec![Some(-1), None, Some(0)]),
        &DataType::Date32,
        "1969-12-31 NULL 1970-01-01",
    );
    let zoned = TimestampMicrosecondArray::from(vec![-1, 1]).with_timezone("Asia/Tokyo");
    check_all(zoned, &DataType::Date32, "1970-01-01 1970-01-01");
    check_all(Date32Array::from(vec![Some(-1), None]), &MICROS, "1969-12-31T00:00:00 NULL");
    check(
        Date32Array::from(vec![0, -719_162]),
        &NANOS,
        "CAST_OVERFLOW: the value DATE '0001-01-01' of the type DATE cannot be cast to TIMESTAMP, because it does not fit",
        "1970-01-01T00:00:00 NULL",
        "1970-01-01T00:00:00 NULL",
    );
}

#[test]
fn texts_to_timestamps() {
    check(
        texts(&["2020-01-01 12:30", "NULL", "2020-01-01T00:00:00.123456789+01:00", "10:30"]),
        &MICROS,
        "CAST_INVALID_INPUT: the value '10:30' of the type STRING cannot be cast to TIMESTAMP, because it is malformed",
        "2020-01-01T12:30:00 NULL 2019-12-31T23:00:00.123456 NULL",
        "2020-01-01T12:30:00 NULL 2019-12-31T23:00:00.123456 NULL",
    );
    check(
        texts(&["2020-01-01", "0001-01-01"]),
        &NANOS,
        "CAST_OVERFLOW: the value '0001-01-01' of the type STRING cannot be cast to TIMESTAMP, because it does not fit",
        "2020-01-01T00:00:00 NULL",
        "2020-01-01T00:00:00 NULL",
    );
    let paris = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Paris".into()));
    check_all(
        texts(&["2020-07-01 12:00:00.9999", "2020-07-01 12:00:00Z"]),
        &paris,
        "2020-07-01T12:00:00.999+02:00 2020-07-01T14:00:00+02:00",
    );
    check_all(texts(&["1969-12-31 23:59:59.5"]), &DataType::Timestamp(TimeUnit::Second, None), "1969-12-31T23:59:59");
}

#[test]
fn numbers_to_timestamps() {
    check_all(Int32Array::from(vec![Some(-1), None]), &MICROS, "1969-12-31T23:59:59 NULL");
    check_all(UInt16Array::from(vec![60]), &NANOS, "1970-01-01T00:01:00");
    check_all(
        Int64Array::from(vec![1, i64::MAX]),
        &DataType::Timestamp(TimeUnit::Second, None),
        "1970-01-01T00:00:01 9223372036854",
    );
    check(
        Int64Array::from(vec![1, i64::MIN]),
        &NANOS,
        "CAST_OVERFLOW: the value -9223372036854775808L of the type BIGINT cannot be cast to TIMESTAMP, \
         because it does not fit",
        "1970-01-01T00:00:01 NULL",
        "1970-01-01T00:00:01 NULL",
    );
    check(
        Float64Array::from(vec![Some(1.5), None, Some(-0.000_001_9), Some(f64::NAN), Some(1e300)]),
        &MICROS,
        "CAST_INVALID_INPUT: the value 'NaN' of the type DOUBLE cannot be cast to TIMESTAMP, because it is malformed",
        "1970-01-01T00:00:01.500 NULL 1969-12-31T23:59:59.999999 NULL NULL",
        "1970-01-01T00:00:01.500 NULL 1969-12-31T23:59:59.999999 NULL 9223372036854775807",
    );
    check(
        Float32Array::from(vec![0.5, 1e30]),
        &MICROS,
        "CAST_OVERFLOW: the value CAST(1.0E30 AS FLOAT) of the type FLOAT cannot be cast to TIMESTAMP, \
         because it does not fit",
        "1970-01-01T00:00:00.500 NULL",
        "1970-01-01T00:00:00.500 9223372036854775807",
    );
    check_all(decimals(&[15, -1], 5, 1), &MICROS, "1970-01-01T00:00:01.500 1969-12-31T23:59:59.900");
    check_all(decimals(&[-12_345_678, 0], 10, 8), &MICROS, "1969-12-31T23:59:59.876544 1970-01-01T00:00:00");
}

/// One array of each type, with its extremes.
fn samples() -> Vec<ArrayRef> {
    let wide = i256::from_i128(i128::MAX);
    vec![
        Arc::new(Int8Array::from(vec![Some(i8::MIN), None, Some(0), Some(i8::MAX)])),
        Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(0), Some(i16::MAX)])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(0), Some(i32::MAX)])),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(0), Some(i64::MAX)])),
        Arc::new(UInt8Array::from(vec![Some(0), None, Some(u8::MAX)])),
        Arc::new(UInt16Array::from(vec![Some(0), None, Some(u16::MAX)])),
        Arc::new(UInt32Array::from(vec![Some(0), None, Some(u32::MAX)])),
        Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX)])),
        Arc::new(Float32Array::from(vec![Some(-1.5), None, Some(f32::NAN), Some(f32::MAX)])),
        Arc::new(Float64Array::from(vec![Some(-1.5), None, Some(f64::INFINITY), Some(f64::MIN)])),
        Arc::new(Decimal32Array::from(vec![99_999, -99_999, 5]).with_precision_and_scale(5, 2).unwrap()),
        Arc::new(Decimal64Array::from(vec![999_999_999, 5, -5]).with_precision_and_scale(9, 4).unwrap()),
        Arc::new(decimals(&[9_999_999, -9_999_999, 5, 33], 7, 2)),
        Arc::new(decimals(&[999_999_999_999_999, -1, 33], 15, 15)),
        Arc::new(decimals(&[10_i128.pow(18) - 1, -(10_i128.pow(18)) + 1], 18, 0)),
        Arc::new(decimals(&[10_i128.pow(38) - 1, -(10_i128.pow(38)) + 1], 38, 20)),
        Arc::new(Decimal256Array::from(vec![Some(wide), None]).with_precision_and_scale(40, 10).unwrap()),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(texts(&["NULL", "", "1", "2020-01-01"])),
        Arc::new(StringViewArray::from(vec![Some("1"), None])),
        Arc::new(LargeStringArray::from(vec![Some("1"), None])),
        Arc::new(Date32Array::from(vec![Some(-719_162), None, Some(2_932_896)])),
        Arc::new(TimestampSecondArray::from(vec![Some(-1), None])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(-1), None])),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(-62_135_596_800_000_000), None])),
        Arc::new(TimestampNanosecondArray::from(vec![Some(i64::MIN), None]).with_timezone("UTC")),
        new_null_array(&DataType::new_list(DataType::Int32, true), 2),
    ]
}

fn targets() -> Vec<DataType> {
    let mut targets: Vec<_> = samples().iter().map(|array| array.data_type().clone()).collect();
    targets.extend([DataType::Decimal128(5, 0), DataType::Decimal128(10, 2), DataType::Decimal128(20, 0)]);
    targets.extend([DataType::Decimal128(38, 0), DataType::Decimal128(38, 18), MICROS, NANOS]);
    targets
}

#[test]
fn each_pair_of_types_is_ours_or_refused() {
    for array in samples() {
        for to in targets() {
            let pair = format!("{} to {to}", array.data_type());
            let (from, can_fail) = (array.data_type(), can_fail(array.data_type(), &to));
            if is_ours(from, &to) {
                for policy in [Policy::Try, Policy::Legacy] {
                    let result = cast(&array, &to, policy).expect(&pair);
                    assert_eq!((result.data_type(), result.len()), (&to, array.len()), "{pair}");
                }
                for policy in [Policy::Raise, Policy::Try, Policy::Legacy] {
                    let empty = cast(&new_empty_array(from), &to, policy).expect(&pair);
                    assert_eq!((empty.data_type(), empty.len()), (&to, 0), "{pair}");
                    let nulls = cast(&new_null_array(from, 3), &to, policy).expect(&pair);
                    assert_eq!((nulls.data_type(), nulls.null_count()), (&to, 3), "{pair}");
                }
            } else if can_fail {
                let error = cast(&array, &to, Policy::Try).unwrap_err().at(None);
                assert_eq!(error.condition(), Condition::DatatypeMismatch, "{pair}");
            }
        }
    }
}

#[test]
fn where_nothing_fails_arrow_agrees() {
    for array in samples() {
        for to in targets().iter().filter(|to| is_ours(array.data_type(), to) && !can_fail(array.data_type(), to)) {
            let pair = format!("{} to {to}", array.data_type());
            let arrows = kernel::plain(&array, to).expect(&pair);
            assert_eq!(arrows.null_count(), array.null_count(), "{pair}");
            let ours = match to {
                DataType::Int8 => number::to_integer::<Int8Type>(&array, Policy::Raise),
                DataType::Int16 => number::to_integer::<Int16Type>(&array, Policy::Raise),
                DataType::Int32 => number::to_integer::<Int32Type>(&array, Policy::Raise),
                DataType::Int64 => number::to_integer::<Int64Type>(&array, Policy::Raise),
                DataType::Float32 => number::to_float::<Float32Type>(&array, Policy::Raise),
                DataType::Float64 => number::to_float::<Float64Type>(&array, Policy::Raise),
                _ => continue,
            };
            // Kernels of ours that leave a pair to arrow refuse it.
            if let Ok(ours) = ours {
                assert_eq!(show_values(&ours), show_values(&arrows), "{pair}");
            }
        }
    }
}

#[test]
fn pairs_that_cannot_fail() {
    #[track_caller]
    fn check(from: &DataType, to: &DataType, expected: bool) {
        assert_eq!(can_fail(from, to), expected, "{from} to {to}");
    }
    let decimal = DataType::Decimal128;
    check(&DataType::Int32, &DataType::Int64, false);
    check(&DataType::Int64, &DataType::Int32, true);
    check(&DataType::UInt32, &DataType::Int64, false);
    check(&DataType::UInt32, &DataType::Int32, true);
    check(&DataType::Int32, &decimal(10, 0), false);
    check(&DataType::Int32, &decimal(11, 2), true);
    check(&DataType::Int64, &decimal(20, 0), false);
    check(&DataType::Int64, &DataType::Float32, false);
    check(&DataType::Float64, &DataType::Float32, false);
    check(&DataType::Float64, &decimal(38, 10), true);
    check(&decimal(7, 2), &decimal(9, 4), false);
    check(&decimal(7, 2), &decimal(8, 4), true);
    check(&decimal(7, 2), &decimal(7, 1), false);
    check(&decimal(7, 2), &decimal(6, 1), true);
    check(&decimal(7, 2), &decimal(5, 0), true);
    check(&decimal(20, 2), &DataType::Int64, false);
    check(&decimal(20, 1), &DataType::Int64, true);
    check(&decimal(15, 2), &DataType::Float64, false);
    check(&decimal(17, 2), &DataType::Float64, true);
    check(&DataType::Boolean, &DataType::Int8, false);
    check(&DataType::Boolean, &decimal(5, 2), true);
    check(&DataType::Date32, &MICROS, false);
    check(&DataType::Date32, &NANOS, true);
    check(&NANOS, &DataType::Date32, false);
    check(&MICROS, &DataType::Int64, true);
    check(&DataType::Int64, &MICROS, true);
    check(&DataType::Utf8, &DataType::Utf8, false);
    check(&DataType::Utf8, &DataType::Date32, true);
}

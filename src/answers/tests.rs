//! Right answers of each kind that SQL allows pass, and wrong answers of each kind are refused.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use expect_test::{Expect, expect};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Answer, Outcome, SqlShape, check_answer, compare_results};

fn rows(text: &str) -> RecordBatch {
    let lines: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
    super::csv::read(lines.trim_start().as_bytes()).expect("the test's rows are well formed")
}

fn text_of(outcome: Outcome) -> String {
    match outcome {
        Outcome::Match => "match".to_owned(),
        Outcome::Mismatch { reason } => reason.to_string(),
    }
}

fn outcome_of(sql: &str, actual: &RecordBatch, expected: RecordBatch) -> Outcome {
    let shape = SqlShape::parse(sql).unwrap();
    let limit = shape.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let row_count = expected.num_rows().min(limit);
    // In two batches, as an engine would return it.
    let half = actual.num_rows() / 2;
    let batches = [actual.slice(0, half), actual.slice(half, actual.num_rows() - half)];
    check_answer(&shape, &actual.schema(), &batches, &Answer { rows: expected, row_count })
}

/// Both sides in the format of answer files, whose rows after the `LIMIT` are those that tie.
#[track_caller]
fn check(sql: &str, actual: &str, expected: &str, message: Expect) {
    message.assert_eq(&text_of(outcome_of(sql, &rows(actual), rows(expected))));
}

/// Like [`check`], for rows below the same header.
#[track_caller]
fn check_rows(sql: &str, header: &str, actual: &str, expected: &str, message: Expect) {
    let with_header = |text: &str| format!("{header}\n{}", text.replace(' ', "\n"));
    check(sql, with_header(actual).trim_end(), with_header(expected).trim_end(), message);
}

const TWO: &str = r#""a integer","b varchar""#;

#[test]
fn right_answers_pass() {
    let passes = |sql: &str, actual: &str, expected: &str| {
        check_rows(sql, TWO, actual, expected, expect!["match"]);
    };
    passes("select a, b from t", r#"1,"x" 2,"y" 1,"x""#, r#"1,"x" 1,"x" 2,"y""#);
    passes("select a, b from t", "", "");
    passes("select a, b from t order by a limit 5", "", "");
    passes("select a, b from t order by a limit 0", "", "");
    // Order is free among equal keys, and NULL is equal to NULL.
    passes("select a, b from t order by a", r#"1,"y" 1,"x" 2,"z""#, r#"1,"x" 1,"y" 2,"z""#);
    passes("select a, b from t order by a", r#"1,"y" NULL,"x" NULL,"z""#, r#"1,"y" NULL,"z" NULL,"x""#);
    passes("select a, b from t order by a desc", r#"NULL,"x" 2,NULL 1,"z""#, r#"NULL,"x" 2,NULL 1,"z""#);
    // Any of the rows that tie at the limit, as often as each is there.
    passes("select a, b from t order by a limit 2", r#"1,"y" 1,"x""#, r#"1,"x" 1,"y" 1,"z""#);
    passes("select a, b from t order by a limit 2", r#"1,"z" 1,"z""#, r#"1,"x" 1,"z" 1,"z""#);
    passes("select a, b from t order by a limit 2", r#"0,"q" 1,"z""#, r#"0,"q" 1,"x" 1,"z""#);
    passes("select a, b from t limit 2", r#"3,"z" 1,"x""#, r#"1,"x" 2,"y" 3,"z""#);
    // A key that the output does not give: the order within `a` is unknown.
    passes("select a, b from t order by a, c limit 1", r#"1,"y""#, r#"1,"x" 1,"y""#);
}

#[test]
fn wrong_rows_are_refused() {
    let all = "select a, b from t";
    let ordered = "select a, b from t order by a";
    let limited = "select a, b from t order by a limit 2";
    let check = |sql: &str, actual: &str, expected: &str, message: Expect| {
        check_rows(sql, TWO, actual, expected, message);
    };
    check(
        all,
        r#"1,"x""#,
        r#"1,"x" 2,"y""#,
        expect!["the answer has 1 rows, expected 2; expected row 2 is missing: a = 2, b = 'y'"],
    );
    check(
        all,
        r#"1,"x" 2,"y" 3,"z""#,
        r#"1,"x" 2,"y""#,
        expect!["the answer has 3 rows, expected 2; row 3 is too much: a = 3, b = 'z'"],
    );
    check(all, r#"1,"x" 1,"x""#, r#"1,"x" 2,"y""#, expect!["row 2 occurs 2 times, expected 1: a = 1, b = 'x'"]);
    check(
        all,
        r#"1,"x" 2,"y" 3,"q""#,
        r#"1,"x" 2,"y" 7,"z""#,
        expect!["row 3, column a: 3, expected 7, and one more column differs"],
    );
    check(
        all,
        r#"1,"x" 2,"y" 3,"q" 4,"r""#,
        r#"1,"x" 2,"y" 7,"z" 8,"w""#,
        expect!["row 3 is not in the expected answer: a = 3, b = 'q'"],
    );
    check(all, r#"NULL,"x""#, r#"0,"x""#, expect!["row 1, column a: NULL, expected 0"]);
    check(all, r#"1,NULL"#, r#"1,"""#, expect!["row 1, column b: NULL, expected ''"]);
    check(all, r#"1,NULL"#, r#"1,"NULL""#, expect!["row 1, column b: NULL, expected 'NULL'"]);
    check(all, "1,\"x\u{a0}\"", r#"1,"x""#, expect![[r#"row 1, column b: 'x\u{a0}', expected 'x'"#]]);
    check(all, r#"1,"X" 2,"y""#, r#"2,"y" 1,"x""#, expect!["row 1, column b: 'X', expected 'x' (expected row 2)"]);
    check(all, "", r#"1,"x""#, expect!["the answer has 0 rows, expected 1; expected row 1 is missing: a = 1, b = 'x'"]);
    check(all, r#"1,"x""#, "", expect!["the answer has 1 rows, expected 0; row 1 is too much: a = 1, b = 'x'"]);
    check(
        ordered,
        r#"2,"y" 1,"x""#,
        r#"1,"x" 2,"y""#,
        expect!["row 2 is out of order: a is 1, but an earlier row, 1, has 2"],
    );
    check(
        ordered,
        r#"NULL,"y" 1,"x""#,
        r#"1,"x" NULL,"y""#,
        expect!["row 2 is out of order: a is 1, but an earlier row, 1, has NULL"],
    );
    check(
        "select a, b from t order by a nulls first",
        r#"1,"x" NULL,"y""#,
        r#"NULL,"y" 1,"x""#,
        expect!["row 2 is out of order: a is NULL, but an earlier row, 1, has 1"],
    );
    check(
        "select a, b from t order by a desc",
        r#"1,"x" NULL,"y""#,
        r#"NULL,"y" 1,"x""#,
        expect!["row 2 is out of order: a is NULL, but an earlier row, 1, has 1"],
    );
    check(
        "select a, b from t order by 2, 1",
        r#"2,"a" 1,"a" 1,"b""#,
        r#"1,"a" 2,"a" 1,"b""#,
        expect!["row 2 is out of order: a is 1, but an earlier row, 1, has 2"],
    );
    check(
        limited,
        r#"0,"q" 1,"w""#,
        r#"0,"q" 1,"x" 1,"z""#,
        expect!["row 2 is not among the rows that tie at the LIMIT: a = 1, b = 'w'"],
    );
    check(
        limited,
        r#"1,"z" 1,"z""#,
        r#"1,"x" 1,"y" 1,"z""#,
        expect!["row 2 occurs 2 times, expected 1: a = 1, b = 'z'"],
    );
    check(
        limited,
        r#"1,"x" 1,"z""#,
        r#"0,"q" 1,"x" 1,"z""#,
        expect!["expected row 1 is missing, though it sorts before the last row: a = 0, b = 'q'"],
    );
    check(
        limited,
        r#"0,"q""#,
        r#"0,"q" 1,"x" 1,"z""#,
        expect!["the answer has 1 rows, expected 2; expected row 2 is missing: a = 1, b = 'x'"],
    );
    check(limited, r#"0,"q" 1,"x" 1,"z""#, r#"0,"q" 1,"x" 1,"z""#, expect!["the answer has 3 rows, expected 2"]);
    check(
        limited,
        r#"0,"q" 2,"x""#,
        r#"0,"q" 1,"x" 1,"z""#,
        expect!["row 2 is not among the rows that tie at the LIMIT: a = 2, b = 'x'"],
    );
}

#[test]
fn a_trailing_blank_counts() {
    let actual = "\"b varchar\"\n\"x \"";
    check("select b from t", actual, "\"b varchar\"\n\"x\"", expect!["row 1, column b: 'x ', expected 'x'"]);
}

#[test]
fn exact_values_are_compared_exactly() {
    let one = |kind: &str, actual: &str, other: &str, expected: &str, message: Expect| {
        let side = |kind: &str, value: &str| format!("\"v {kind}\"\n{value}");
        check("select v from t", &side(kind, actual), &side(other, expected), message);
    };
    one("decimal(7,2)", "1.20", "decimal(38,4)", "1.2000", expect!["match"]);
    one(
        "decimal(7,2)",
        "12345.67",
        "decimal(7,2)",
        "12345.68",
        expect!["row 1, column v: 12345.67, expected 12345.68"],
    );
    one(
        "decimal(38,0)",
        "99999999999999999999999999999999999999",
        "decimal(38,0)",
        "99999999999999999999999999999999999998",
        expect![
            "row 1, column v: 99999999999999999999999999999999999999, expected 99999999999999999999999999999999999998"
        ],
    );
    one(
        "decimal(38,0)",
        "99999999999999999999999999999999999999",
        "decimal(38,2)",
        "1.00",
        expect![
            "column v of type Decimal128(38, 0) cannot be compared: 99999999999999999999999999999999999999 with 2 more decimal places has more than 38 digits"
        ],
    );
    one("decimal(7,2)", "-0.05", "decimal(7,2)", "0.05", expect!["row 1, column v: -0.05, expected 0.05"]);
    one("smallint", "7", "decimal(38,0)", "7", expect!["match"]);
    one("bigint", "7", "integer", "8", expect!["row 1, column v: 7, expected 8"]);
    one("date", "2000-02-29", "date", "2000-03-01", expect!["row 1, column v: 2000-02-29, expected 2000-03-01"]);
    one("date", "1969-12-31", "date", "1970-01-01", expect!["row 1, column v: 1969-12-31, expected 1970-01-01"]);
    one("boolean", "true", "boolean", "false", expect!["row 1, column v: true, expected false"]);
    one("null", "NULL", "varchar", "NULL", expect!["match"]);
    one("null", "NULL", "date", "2000-01-01", expect!["row 1, column v: NULL, expected 2000-01-01"]);
    one("varchar", "\"7\"", "integer", "7", expect!["column v is of type Utf8, expected Int64"]);
    one("boolean", "true", "integer", "1", expect!["column v is of type Boolean, expected Int64"]);
    one("date", "1970-01-02", "integer", "1", expect!["column v is of type Date32, expected Int64"]);
    one("varchar", "\"2000-01-01\"", "date", "2000-01-01", expect!["column v is of type Utf8, expected Date32"]);
}

#[test]
fn floating_values_have_a_tolerance() {
    let one = |kind: &str, actual: &str, other: &str, expected: &str, message: Expect| {
        let side = |kind: &str, value: &str| format!("\"v {kind}\"\n{value}");
        check("select v from t", &side(kind, actual), &side(other, expected), message);
    };
    one("double", "1000000.9", "double", "1000000", expect!["match"]);
    one("double", "1000002", "double", "1000000", expect!["row 1, column v: 1000002.0, expected 1000000.0"]);
    one("double", "0", "double", "1e-12", expect!["row 1, column v: 0.0, expected 1e-12"]);
    one("double", "-0.0", "double", "0", expect!["match"]);
    one("double", "NaN", "double", "NaN", expect!["match"]);
    one("double", "inf", "double", "inf", expect!["match"]);
    one("double", "inf", "double", "-inf", expect!["row 1, column v: inf, expected -inf"]);
    one("double", "NaN", "double", "NULL", expect!["row 1, column v: NaN, expected NULL"]);
    one("double", "inf", "double", "1e308", expect!["row 1, column v: inf, expected 1e308"]);
    // One unit of the last decimal place, whichever side has it.
    one("decimal(9,4)", "0.3333", "double", "0.33335", expect!["match"]);
    one("decimal(9,4)", "0.3333", "double", "0.3334", expect!["match"]);
    one("decimal(9,4)", "0.3333", "double", "0.33341", expect!["row 1, column v: 0.3333, expected 0.33341"]);
    one("double", "0.33335", "decimal(9,4)", "0.3333", expect!["match"]);
    // Whole numbers have no last decimal place.
    one("decimal(38,0)", "3", "double", "3.5", expect!["row 1, column v: 3, expected 3.5"]);
    one("bigint", "3", "double", "3", expect!["match"]);
    one("bigint", "4", "double", "3", expect!["row 1, column v: 4, expected 3.0"]);
}

#[test]
fn columns_must_agree() {
    let one = "\"a integer\"\n1";
    let two = "\"a integer\",\"b integer\"\n1,2";
    check("select a from t", two, one, expect!["the answer has 2 columns, expected 1"]);
    check("select a from t", one, two, expect!["the answer has 1 columns, expected 2"]);
    // Names are not compared.
    check("select a from t", "\"sum(x) integer\"\n1", one, expect!["match"]);
}

#[test]
fn near_floats_find_their_partners() {
    let sql = "select v, w from t";
    let header = "\"v double\",\"w double\"";
    let check = |actual: &str, expected: &str, message: Expect| {
        check_rows(sql, header, actual, expected, message);
    };
    // Both agree with the first expected row, neither with the second.
    check(
        "0.9999992,5 0.9999993,5",
        "1,5 1.0000008,5",
        expect!["row 2 occurs 2 times, expected 1: v = 0.9999993, w = 5.0"],
    );
    // The first one agrees with both expected rows, the second one with the first alone.
    check("1,5 0.9999992,5", "0.9999999,5 1.0000008,5", expect!["match"]);
    check("0.9999992,5 1,5", "1.0000008,5 0.9999999,5", expect!["match"]);
    // Two floating columns, of which each narrows the choice.
    check("1,1 1.0000005,1.000001", "1.0000005,1.0000009 1.0000009,1.0000002", expect!["match"]);
    check("1,1 1.0000005,2 1.000001,3", "1.000001,1 1.0000005,2 1,3", expect!["match"]);
    check("1,2 2,1", "1,1 2,2", expect!["row 1, column w: 2.0, expected 1.0"]);
    check("1,2 1,2", "1,1.9999999 1,2.0000001", expect!["match"]);
}

#[test]
fn floating_keys_may_change_places_within_the_tolerance() {
    let header = "\"v double\",\"a integer\"";
    let check = |sql: &str, actual: &str, expected: &str, message: Expect| {
        check_rows(sql, header, actual, expected, message);
    };
    let ordered = "select v, a from t order by v, a";
    check(ordered, "1.0000002,1 1.0000001,2", "1.0000001,2 1.0000002,1", expect!["match"]);
    check(
        ordered,
        "1.00001,1 1,2",
        "1,2 1.00001,1",
        expect!["row 2 is out of order: v is 1.0, but an earlier row, 1, has 1.00001"],
    );
    check(ordered, "1,2 1,1", "1,1 1,2", expect!["row 2 is out of order: a is 1, but an earlier row, 1, has 2"]);
    // Small steps back do not add up.
    check(
        ordered,
        "1.0000018,1 1.0000009,2 1,3",
        "1,3 1.0000009,2 1.0000018,1",
        expect!["row 3 is out of order: v is 1.0, but an earlier row, 1, has 1.0000018"],
    );
    // At the limit, the rows may have changed places, too.
    let limited = "select v, a from t order by v, a limit 1";
    check(limited, "1,7", "0.9999999,1 1,7", expect!["match"]);
    check(
        limited,
        "1,7",
        "0.9,1 1,7",
        expect!["expected row 1 is missing, though it sorts before the last row: v = 0.9, a = 1"],
    );
    check(
        limited,
        "1,7",
        "1,1 1,7",
        expect!["expected row 1 is missing, though it sorts before the last row: v = 1.0, a = 1"],
    );
    check("select v, a from t order by v desc limit 1", "NaN,1", "NaN,1 inf,2", expect!["match"]);
    check(
        "select v, a from t order by v desc limit 1",
        "inf,2",
        "NaN,1 inf,2",
        expect!["expected row 1 is missing, though it sorts before the last row: v = NaN, a = 1"],
    );
}

#[test]
fn computed_keys_are_checked() {
    let header = "\"a integer\",\"b integer\",\"c varchar\"";
    let check = |sql: &str, actual: &str, expected: &str, message: Expect| {
        check_rows(sql, header, actual, expected, message);
    };
    let difference = "select a, b, c from t order by a - b, c";
    check(difference, r#"1,5,"x" 3,3,"a" 2,2,"b""#, r#"1,5,"x" 3,3,"a" 2,2,"b""#, expect!["match"]);
    check(
        difference,
        r#"3,3,"a" 1,5,"x""#,
        r#"1,5,"x" 3,3,"a""#,
        expect!["row 2 is out of order: a - b is -4, but an earlier row, 1, has 0"],
    );
    let case = "select a, b, c from t order by a desc, case when a = 0 then c end, b";
    check(case, r#"1,2,"q" 1,3,"a" 0,9,"a" 0,1,"b""#, r#"1,2,"q" 1,3,"a" 0,9,"a" 0,1,"b""#, expect!["match"]);
    check(
        case,
        r#"0,1,"b" 0,9,"a""#,
        r#"0,9,"a" 0,1,"b""#,
        expect!["row 2 is out of order: CASE WHEN a = 0 THEN c END is 'a', but an earlier row, 1, has 'b'"],
    );
    // A decimal of ours and a floating value of the oracle: each with its own last place.
    let actual = "\"s decimal(9,2)\",\"m decimal(9,4)\"\n1.00,0.3333\n2.00,0.3333";
    let expected = "\"s decimal(9,2)\",\"m double\"\n1.00,0.33333333\n2.00,0.33333333\n2.00,0.33331";
    let sql = "select s, m from t order by s - m limit 2";
    crate::answers::tests::check(sql, actual, expected, expect!["match"]);
}

#[test]
fn any_arrow_type_of_a_family_will_do() {
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, Some("")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let days: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![Some(1), None, Some(3)]));
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(0)]);
    let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(9, 2).unwrap());
    let check = |array: &ArrayRef, data_type: DataType, expect: Expect| {
        let batch = |array: ArrayRef| {
            let field = Field::new("v", array.data_type().clone(), true);
            RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
        };
        let actual = batch(cast(array, &data_type).unwrap());
        let outcome = outcome_of("select v from t", &actual, batch(Arc::clone(array)));
        expect.assert_eq(&text_of(outcome));
    };
    check(&text, DataType::Utf8View, expect!["match"]);
    check(&text, DataType::LargeUtf8, expect!["match"]);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    check(&text, dictionary, expect!["match"]);
    check(&text, DataType::Binary, expect!["column v of type Binary cannot be compared: no rule for this type"]);
    check(&numbers, DataType::Int8, expect!["match"]);
    check(&numbers, DataType::UInt64, expect!["match"]);
    check(&numbers, DataType::Float32, expect!["match"]);
    check(&days, DataType::Date64, expect!["match"]);
    check(&decimals, DataType::Decimal256(50, 10), expect!["match"]);
    check(&decimals, DataType::Decimal32(9, 2), expect!["match"]);
}

#[test]
fn results_of_two_profiles_are_compared() {
    let check = |sql: &str, actual: &str, expected: &str, message: Expect| {
        let with_header = |text: &str| rows(&format!("{TWO}\n{}", text.replace(' ', "\n")));
        let (actual, expected) = (with_header(actual), with_header(expected));
        let shape = SqlShape::parse(sql).unwrap();
        let outcome = compare_results(
            &shape,
            &actual.schema(),
            std::slice::from_ref(&actual),
            &expected.schema(),
            std::slice::from_ref(&expected),
        );
        message.assert_eq(&text_of(outcome));
    };
    let limited = "select a, b from t order by a limit 2";
    check(limited, r#"0,"q" 1,"x""#, r#"0,"q" 1,"z""#, expect!["match"]);
    check(
        limited,
        r#"0,"q" 2,"x""#,
        r#"0,"q" 1,"z""#,
        expect!["row 2 has sort keys that the expected answer does not have at the LIMIT: a = 2, b = 'x'"],
    );
    check(
        limited,
        r#"0,"q" 1,"x""#,
        r#"0,"q" 2,"z""#,
        expect!["row 2, column a: 1, expected 2, and one more column differs"],
    );
    check(limited, r#"0,"w" 1,"x""#, r#"0,"q" 1,"z""#, expect!["row 1, column b: 'w', expected 'q'"]);
    check(
        limited,
        r#"1,"x" 0,"q""#,
        r#"0,"q" 1,"x""#,
        expect!["row 2 is out of order: a is 0, but an earlier row, 1, has 1"],
    );
    check(
        limited,
        r#"1,"x""#,
        r#"0,"q" 1,"x""#,
        expect!["the answer has 1 rows, expected 2; expected row 1 is missing: a = 0, b = 'q'"],
    );
    // The limit is not reached: nothing was cut.
    let roomy = "select a, b from t order by a limit 3";
    check(roomy, r#"0,"q" 1,"x""#, r#"0,"q" 1,"z""#, expect!["row 2, column b: 'x', expected 'z'"]);
    check("select a, b from t", r#"1,"x" 0,"q""#, r#"0,"q" 1,"x""#, expect!["match"]);
    // Without keys there is nothing to tell the rows at the limit by.
    check("select a, b from t limit 2", r#"1,"x" 0,"q""#, r#"5,"r" 6,"s""#, expect!["match"]);
}

/// A random answer: a key with ties, strings with NULL, a decimal, and a floating value.
fn random_answer(random: &mut ChaCha8Rng) -> RecordBatch {
    let row_count = random.random_range(1..40);
    let mut keys: Vec<Option<i64>> =
        (0..row_count).map(|_| (random.random_range(0..9) > 0).then(|| random.random_range(0..6))).collect();
    keys.sort_by_key(|key| (key.is_none(), *key));
    let texts = (0..row_count).map(|_| ["", "x", "NULL", "é"].get(random.random_range(0..5)).copied());
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let decimals = (0..row_count).map(|_| Some(random.random_range(-300..300)));
    let decimals = decimals.collect::<Decimal128Array>().with_precision_and_scale(9, 2).unwrap();
    // Few values, and some that are near to each other without agreeing.
    let floats = (0..row_count).map(|_| Some(1.0 + 2e-6 * f64::from(random.random_range(0..4_i32))));
    let floats: ArrayRef = Arc::new(floats.collect::<Float64Array>());
    RecordBatch::try_from_iter_with_nullable([
        ("k", Arc::new(Int64Array::from(keys)) as ArrayRef, true),
        ("t", texts, true),
        ("d", Arc::new(decimals) as ArrayRef, true),
        ("f", floats, true),
    ])
    .unwrap()
}

/// The rows in another order that the key in the first column allows.
fn shuffled(batch: &RecordBatch, random: &mut ChaCha8Rng) -> RecordBatch {
    let keys = batch.column(0);
    let keys = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(keys);
    let mut order: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap()).collect();
    order.shuffle(random);
    let key = |row: u32| keys.is_valid(row as usize).then(|| keys.value(row as usize));
    order.sort_by_key(|row| (key(*row).is_none(), key(*row)));
    take_record_batch(batch, &UInt32Array::from(order)).unwrap()
}

/// One cell changed: NULL to a value, a value to NULL or to the one next to it.
fn altered(batch: &RecordBatch, random: &mut ChaCha8Rng) -> RecordBatch {
    use arrow::array::AsArray;
    use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};
    let row = random.random_range(0..batch.num_rows());
    let column = random.random_range(0..4);
    let to_null = random.random_bool(0.3);
    let mut columns = batch.columns().to_vec();
    let at = |index: usize| index == row;
    macro_rules! change {
        ($values:expr, $other:expr) => {
            $values
                .iter()
                .enumerate()
                .map(|(index, value)| match value {
                    value if !at(index) => value,
                    Some(_) if to_null => None,
                    value => Some($other(value)),
                })
                .collect()
        };
    }
    columns[column] = match column {
        0 => {
            let values: Int64Array =
                change!(columns[0].as_primitive::<Int64Type>(), |v: Option<i64>| v.unwrap_or(3) + 1);
            Arc::new(values) as ArrayRef
        }
        1 => {
            let values = columns[1].as_string::<i32>();
            let values: StringArray = change!(values, |v| if v == Some("x") { "x " } else { "x" });
            Arc::new(values)
        }
        2 => {
            let values = columns[2].as_primitive::<Decimal128Type>();
            let values: Decimal128Array = change!(values, |v: Option<i128>| v.unwrap_or(0) + 1);
            Arc::new(values.with_precision_and_scale(9, 2).unwrap())
        }
        _ => {
            let values: Float64Array =
                change!(columns[3].as_primitive::<Float64Type>(), |v: Option<f64>| v.unwrap_or(1.0) + 2e-6);
            Arc::new(values)
        }
    };
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn free_order_passes_and_any_changed_cell_fails() {
    let mut random = ChaCha8Rng::seed_from_u64(20);
    for round in 0..2_000 {
        let expected = random_answer(&mut random);
        let sql = "select k, t, d, f from t order by k";
        let right = shuffled(&expected, &mut random);
        assert_eq!(outcome_of(sql, &right, expected.clone()), Outcome::Match, "round {round}");
        let wrong = altered(&right, &mut random);
        let outcome = outcome_of(sql, &wrong, expected.clone());
        assert!(!outcome.is_match(), "round {round}: {wrong:?} for {expected:?}");
        // With a limit: the first rows of any allowed order, among the stored rows that tie.
        let limit = random.random_range(1..=expected.num_rows());
        let limited = format!("{sql} limit {limit}");
        let cut = right.slice(0, limit);
        assert_eq!(outcome_of(&limited, &cut, expected.clone()), Outcome::Match, "round {round}");
    }
}

#[test]
fn a_million_rows_out_of_place_are_matched() {
    let row_count = 1_000_000_i64;
    let batch = |from: i64| {
        let numbers = (0..row_count).map(|row| (row + from) % row_count);
        let keys: Vec<i64> = numbers.clone().collect();
        let texts: StringArray = numbers.clone().map(|row| Some(format!("row {row}"))).collect();
        let floats: Float64Array = numbers.map(|row| Some(1.0 / (1.0 + row as f64))).collect();
        RecordBatch::try_from_iter([
            ("k", Arc::new(Int64Array::from(keys)) as ArrayRef),
            ("t", Arc::new(texts)),
            ("f", Arc::new(floats)),
        ])
        .unwrap()
    };
    // Every row stands elsewhere, which is the slow path; with the floats alone, slower still.
    assert_eq!(outcome_of("select k, t, f from t", &batch(7), batch(0)), Outcome::Match);
    let floats = |from: i64| batch(from).project(&[2, 2]).unwrap();
    assert_eq!(outcome_of("select f, f from t", &floats(7), floats(0)), Outcome::Match);
}

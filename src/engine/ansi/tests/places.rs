//! The fragment under the carets is the failing operation, from its first to its last token.

use expect_test::{Expect, expect};

use super::{engine, failure};

/// The class, and the fragment that the message points to.
async fn check(sql: &str, condition: &str, fragment: &str) {
    let engine = engine(&[]).await;
    let error = failure(&engine, sql).await;
    let place = error.place().unwrap_or_else(|| panic!("{sql}: no place in {error}"));
    assert_eq!((error.condition().name(), place.fragment()), (condition, fragment), "{sql}\n{error}");
}

#[tokio::test]
async fn operators() {
    const BY_ZERO: &str = "DIVIDE_BY_ZERO";
    check("select 1/0", BY_ZERO, "1/0").await;
    check("select 2 + 1 / 0 * 3", BY_ZERO, "1 / 0").await;
    check("select (1 + 2) / (3 - 3) + 4", BY_ZERO, "(1 + 2) / (3 - 3)").await;
    check("select 1 / 1 / 0 / 1", BY_ZERO, "1 / 1 / 0").await;
    check("select ((1)) % ((0))", BY_ZERO, "((1)) % ((0))").await;
    check("select 7 div (x - x) from (values (1)) t (x)", BY_ZERO, "7 div (x - x)").await;
    check("select mod(7, x) from (values (0)) t (x)", BY_ZERO, "mod(7, x)").await;
    check("select 1e0 / 0e0", BY_ZERO, "1e0 / 0e0").await;
    check("select 1.5 / 0.0", BY_ZERO, "1.5 / 0.0").await;
    check("select 1 --one\n / /* by */ 0 -- end", BY_ZERO, "1 --one\n / /* by */ 0").await;
    check("select 'größe 数', 1\t/\t0, 2", BY_ZERO, "1\t/\t0").await;
    check("select abs(1) / (select 0) from (values (1)) t", BY_ZERO, "abs(1) / (select 0)").await;
    check("select upper('a') || (1 / 0)", BY_ZERO, "1 / 0").await;
    check("select case when x > 0 then 1 / (x - 1) end from (values (1)) t (x)", BY_ZERO, "1 / (x - 1)").await;
    check("select x from (values (0)) t (x) where 10 / x > 1", BY_ZERO, "10 / x").await;
    check("select sum(1 / x) from (values (0)) t (x)", BY_ZERO, "1 / x").await;
    check("select 1 where 1 between 0 and 3 / 0 + 1", BY_ZERO, "3 / 0").await;
    check("select [1, 2][1] / 0", BY_ZERO, "[1, 2][1] / 0").await;
    check("select x.a[1] / 0 from (select {a: [1]} as x)", BY_ZERO, "x.a[1] / 0").await;
    check("select 1 ; select 2 / 0 ; select 3", BY_ZERO, "2 / 0").await;
    check("select 'a' like 'b', x in (2, 3 / (x - 1)) from (values (1)) t (x)", BY_ZERO, "3 / (x - 1)").await;
    check("select cast(1 as int) :: bigint / 0", BY_ZERO, "cast(1 as int) :: bigint / 0").await;
}

#[tokio::test]
async fn overflow() {
    const OVERFLOW: &str = "ARITHMETIC_OVERFLOW";
    check("select 9223372036854775807 + 1", OVERFLOW, "9223372036854775807 + 1").await;
    check("select 1 - (x * 2) from (values (9223372036854775807)) t (x)", OVERFLOW, "x * 2").await;
    check("select -(-x - 1) from (values (9223372036854775807)) t (x)", OVERFLOW, "-(-x - 1)").await;
    check("select abs(-x - 1) from (values (9223372036854775807)) t (x)", OVERFLOW, "abs(-x - 1)").await;
    check("select 1 + sum(x) from (values (9223372036854775807), (1)) t (x)", OVERFLOW, "sum(x)").await;
    check(
        "select sum(x) over (order by x) from (values (9223372036854775807), (1)) t (x)",
        OVERFLOW,
        "sum(x) over (order by x)",
    )
    .await;
    let digits = "9".repeat(38);
    check(&format!("select {digits}. + 1."), "NUMERIC_VALUE_OUT_OF_RANGE", &format!("{digits}. + 1.")).await;
}

#[tokio::test]
async fn casts() {
    const MALFORMED: &str = "CAST_INVALID_INPUT";
    check("select 1, cast('a' as int) + 1", MALFORMED, "cast('a' as int)").await;
    check("select x::int from (values ('1'), ('b')) t (x)", MALFORMED, "x::int").await;
    check("select (('c')::varchar)::double", MALFORMED, "(('c')::varchar)::double").await;
    check("select 1 + ('a' * 2)", MALFORMED, "'a' * 2").await;
    check("select date '2001-13-01'", MALFORMED, "date '2001-13-01'").await;
    check("select cast('nope' as boolean)", MALFORMED, "cast('nope' as boolean)").await;
    check("select CAST ( 300 AS TINYINT )", "CAST_OVERFLOW", "CAST ( 300 AS TINYINT )").await;
    check("select cast(123.45 as decimal(4, 2))", "NUMERIC_VALUE_OUT_OF_RANGE", "cast(123.45 as decimal(4, 2))").await;
}

#[tokio::test]
async fn types() {
    const MISMATCH: &str = "DATATYPE_MISMATCH";
    check("select 1, date '2020-01-01' * 2", MISMATCH, "date '2020-01-01' * 2").await;
    check("select cast(7.5 as double) div 2", MISMATCH, "cast(7.5 as double) div 2").await;
    check("select element_at(1, 2)", MISMATCH, "element_at(1, 2)").await;
}

#[tokio::test]
async fn elements() {
    check("select [[1], [2]][2][3] + 1", "INVALID_ARRAY_INDEX", "[[1], [2]][2][3]").await;
    check("select [[1], [2]][4][3]", "INVALID_ARRAY_INDEX", "[[1], [2]][4]").await;
    check("select element_at([1], 2)", "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "element_at([1], 2)").await;
    check("select element_at([1], 0)", "INVALID_INDEX_OF_ZERO", "element_at([1], 0)").await;
    check("select map {'a': 1}['b'] + 1", "MAP_KEY_DOES_NOT_EXIST", "map {'a': 1}['b']").await;
}

#[tokio::test]
async fn the_text_that_the_user_wrote() {
    const BY_ZERO: &str = "DIVIDE_BY_ZERO";
    check("with a as (select 1 / (x - 1) as y from (values (1)) t (x)) select y + 1 from a", BY_ZERO, "1 / (x - 1)")
        .await;
    check("select * from (select 10 / x as y from (values (0)) t (x)) where y > 1", BY_ZERO, "10 / x").await;
    let view = "create view v as select\n  10 / x as y\nfrom (values (0)) t (x);\nselect y from v";
    check(view, BY_ZERO, "10 / x").await;
    // From another text than the view's.
    let engine = engine(&[]).await;
    engine.run("create view v as select 'ä', 10 / x as y from (values (0)) t (x)").await.expect("created");
    let error = failure(&engine, "select y from v").await;
    let place = error.place().expect("a place");
    assert_eq!((place.line(), place.column(), place.fragment()), (1, 30, "10 / x"));
}

async fn check_message(sql: &str, expected: &Expect) {
    let engine = engine(&[]).await;
    expected.assert_eq(&failure(&engine, sql).await.to_string());
}

#[tokio::test]
async fn messages() {
    check_message(
        "with items as (select 1 as cost)\nselect sum(cost)/(select count(1) from items where cost > 100) from items",
        &expect![[r#"
            [DIVIDE_BY_ZERO] division by zero. Use `try_divide` to tolerate a divisor of 0 and return NULL instead.
            If necessary, set engine.ansi.enabled to "false" to bypass this error.
            == SQL (line 2, position 8) ==
            select sum(cost)/(select count(1) from items where cost > 100) from items
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]],
    )
    .await;
    check_message("select x,\n\tcast(\n\t\tx as int)\nfrom (values ('1x')) t (x)", &expect![[r#"
        [CAST_INVALID_INPUT] the value '1x' of the type STRING cannot be cast to INT, because it is malformed. Correct the value or change the target type. Use `try_cast` to tolerate malformed input and return NULL instead.
        If necessary, set engine.ansi.enabled to "false" to bypass this error.
        == SQL (line 2, position 2) ==
        	cast(
        	^^^^^
        		x as int)
        		^^^^^^^^^"#]]).await;
    check_message("select element_at(['a'], 2)", &expect![[r#"
        [INVALID_ARRAY_INDEX_IN_ELEMENT_AT] the index 2 is out of bounds: the array has 1 element, counted from 1. Use `try_element_at` to tolerate an index out of bounds and return NULL instead.
        If necessary, set engine.ansi.enabled to "false" to bypass this error.
        == SQL (line 1, position 8) ==
        select element_at(['a'], 2)
               ^^^^^^^^^^^^^^^^^^^^"#]]).await;
    check_message("select cast(300 as tinyint)", &expect![[r#"
        [CAST_OVERFLOW] the value 300L of the type BIGINT cannot be cast to TINYINT, because it does not fit. Use `try_cast` to tolerate overflow and return NULL instead.
        If necessary, set engine.ansi.enabled to "false" to bypass this error.
        == SQL (line 1, position 8) ==
        select cast(300 as tinyint)
               ^^^^^^^^^^^^^^^^^^^^"#]]).await;
    check_message(
        "select date_add from (values (date '2001-01-01')) t (d) where d > 'x'",
        &expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `date_add`. The only column here is `d`.
        == SQL (line 1, position 8) ==
        select date_add from (values (date '2001-01-01')) t (d) where d > 'x'
               ^^^^^^^^"#]],
    )
    .await;
}

#[tokio::test]
async fn a_filter_in_a_scan_keeps_the_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("t.parquet");
    let mut engine = engine(&["datafusion.execution.parquet.pushdown_filters=true"]).await;
    engine.allow_files().await.expect("allowed");
    let file = file.to_str().expect("UTF-8");
    engine.run(&format!("copy (select * from (values (1), (0)) t (x)) to '{file}'")).await.expect("written");
    let error = failure(&engine, &format!("select x from '{file}' where 10 / x > 1")).await;
    assert_eq!(error.place().map(|place| place.fragment().to_owned()).as_deref(), Some("10 / x"));
}

#[tokio::test]
async fn grouping_and_common_expressions_do_not_mind_places() {
    let engine = engine(&[]).await;
    let sql =
        "select a / b, count(*) from (values (1, 2), (2, 4)) t (a, b) group by a / b having a / b < 1 order by a / b";
    let rows = engine.run(sql).await.expect("runs");
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    let plan = engine.plan("select a / b + 1e0, a / b + 2e0 from (values (1, 2)) t (a, b)").await.expect("plans");
    assert_eq!(plan.display().matches("divide(").count(), 1, "{}", plan.display());
}

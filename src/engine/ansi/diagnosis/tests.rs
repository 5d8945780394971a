//! Diagnoses of what DataFusion really says.

use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParser;
use expect_test::{Expect, expect};

use super::*;
use crate::engine::SettingSource;

const TABLES: [&str; 3] = ["item", "größen", "s.deep"];
const FUNCTIONS: [&str; 3] = ["sum", "abs", "row_number"];
const TABLE_FUNCTIONS: [&str; 2] = ["generate_series", "letters"];

/// Plans all statements of a text; gives the first error, and where its statement stands.
async fn failure(text: &str) -> (DataFusionError, Range<usize>) {
    let config = SessionConfig::new().set_bool("datafusion.sql_parser.collect_spans", true);
    let context = SessionContext::new_with_config(config);
    for sql in [
        "create table item as select 1 as i_cost, 'x' as i_name, true as i_on, 2 as \"Odd\"",
        "create table größen as select 1 as größe, 2 as i_cost",
    ] {
        context.sql(sql).await.expect("it is planned").collect().await.expect("it is made");
    }
    let mut start = 0;
    for part in text.split_inclusive(';') {
        // The lines and columns of the statements before stay, as they do in the engine.
        let before: String = text[..start].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        let planned = async {
            let Some(statement) = DFParser::parse_sql(&format!("{before}{part}"))?.pop_front() else { return Ok(()) };
            let plan = context.state().statement_to_plan(statement).await?;
            context.execute_logical_plan(plan).await?.create_physical_plan().await.map(drop)
        };
        if let Err(error) = planned.await {
            return (error, start..start + part.len());
        }
        start += part.len();
    }
    panic!("{text}: it should fail");
}

async fn check(text: &str, expected: Expect) {
    let (error, bytes) = failure(text).await;
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (tables, functions, table_functions) = (&own(&TABLES), &own(&FUNCTIONS), &own(&TABLE_FUNCTIONS));
    let names = Names { tables, functions, table_functions };
    expected.assert_eq(&diagnose(error, &text.into(), bytes, &names).to_string());
}

#[tokio::test]
async fn text_that_is_no_sql() {
    check(
        "selec 1",
        expect![[r#"
            [PARSE_SYNTAX_ERROR] expected an SQL statement, found `selec`. Did you mean `select`?
            == SQL (line 1, position 1) ==
            selec 1
            ^^^^^"#]],
    )
    .await;
    check(
        "select 'größe',\n  1 +, 2 from item",
        expect![[r#"
            [PARSE_SYNTAX_ERROR] expected an expression, found `,`.
            == SQL (line 2, position 6) ==
              1 +, 2 from item
                 ^"#]],
    )
    .await;
    check(
        "select (1 + -- one more\n",
        expect![[r#"
            [PARSE_SYNTAX_ERROR] expected an expression, found the end of the text.
            == SQL (line 1, position 12) ==
            select (1 + -- one more
                       ^"#]],
    )
    .await;
    check(
        "select 'a",
        expect![[r#"
        [PARSE_SYNTAX_ERROR] unterminated string literal.
        == SQL (line 1, position 8) ==
        select 'a
               ^"#]],
    )
    .await;
    check(
        "select (1, 2",
        expect![[r#"
        [PARSE_SYNTAX_ERROR] expected `)`, found the end of the text.
        == SQL (line 1, position 13) ==
        select (1, 2
                    ^"#]],
    )
    .await;
}

#[tokio::test]
async fn unknown_columns() {
    check(
        "select i_cost, i_nam from item -- i_nam",
        expect![[r#"
            [UNRESOLVED_COLUMN] there is no column `i_nam`. Did you mean `i_name`?
            == SQL (line 1, position 16) ==
            select i_cost, i_nam from item -- i_nam
                           ^^^^^"#]],
    )
    .await;
    check(
        "select '数据', i.i_coast\nfrom item i",
        expect![[r#"
            [UNRESOLVED_COLUMN] there is no column `i.i_coast`. Did you mean `i.i_cost`?
            == SQL (line 1, position 14) ==
            select '数据', i.i_coast
                           ^^^^^^^^^"#]],
    )
    .await;
    check(
        "select odd from item",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `odd`. Did you mean `"Odd"`?
        == SQL (line 1, position 8) ==
        select odd from item
               ^^^"#]],
    )
    .await;
    check(
        "select elephant from item",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `elephant`. The columns here are `i_cost`, `i_name`, `i_on` and `"Odd"`.
        == SQL (line 1, position 8) ==
        select elephant from item
               ^^^^^^^^"#]],
    )
    .await;
    check(
        "select elephant",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `elephant`.
        == SQL (line 1, position 8) ==
        select elephant
               ^^^^^^^^"#]],
    )
    .await;
    check(
        "select t.i_cost from item",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `t.i_cost`. Did you mean `item.i_cost`?
        == SQL (line 1, position 8) ==
        select t.i_cost from item
               ^^^^^^^^"#]],
    )
    .await;
    check(
        "select 1 from item where i_cst > (select 1)",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `i_cst`. Did you mean `i_cost`?
        == SQL (line 1, position 26) ==
        select 1 from item where i_cst > (select 1)
                                 ^^^^^"#]],
    )
    .await;
    check(
        "select i_cost from item; select i_cots from item;",
        expect![[r#"
        [UNRESOLVED_COLUMN] there is no column `i_cots`. Did you mean `i_cost`?
        == SQL (line 1, position 33) ==
        select i_cost from item; select i_cots from item;
                                        ^^^^^^"#]],
    )
    .await;
    check(
        "select i_cost from item, größen",
        expect![[r#"
        [AMBIGUOUS_REFERENCE] several tables have a column `i_cost`. Write `item.i_cost` or `größen.i_cost`.
        == SQL (line 1, position 8) ==
        select i_cost from item, größen
               ^^^^^^"#]],
    )
    .await;
    check("select sum(i_cost) from item having i_name = 'x'", expect![[r#"
        [MISSING_AGGREGATION] the column `item.i_name` is neither grouped by nor inside an aggregate function. Add it to GROUP BY, or take one value of each group with a function such as `min`.
        == SQL (line 1, position 37) ==
        select sum(i_cost) from item having i_name = 'x'
                                            ^^^^^^"#]]).await;
    check("select i_name, sum(i_cost) from item", expect![[r#"
        [MISSING_AGGREGATION] the column `item.i_name` is neither grouped by nor inside an aggregate function. Add it to GROUP BY, or take one value of each group with a function such as `min`.
        == SQL (line 1, position 8) ==
        select i_name, sum(i_cost) from item
               ^^^^^^"#]]).await;
}

#[tokio::test]
async fn unknown_tables_and_functions() {
    check(
        "select '/* itm */' from itm i",
        expect![[r#"
            [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `itm`. Did you mean `item`?
            == SQL (line 1, position 25) ==
            select '/* itm */' from itm i
                                    ^^^"#]],
    )
    .await;
    check(
        "select itm.x from item join\n\ts.itm on true",
        expect![[r#"
        [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `s.itm`. Did you mean `item`?
        == SQL (line 2, position 2) ==
        	s.itm on true
        	^^^^^"#]],
    )
    .await;
    check(
        "select * from elephant",
        expect![[r#"
        [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `elephant`.
        == SQL (line 1, position 15) ==
        select * from elephant
                      ^^^^^^^^"#]],
    )
    .await;
    check(
        "select * from größem",
        expect![[r#"
        [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `größem`. Did you mean `größen`?
        == SQL (line 1, position 15) ==
        select * from größem
                      ^^^^^^"#]],
    )
    .await;
    check(
        "drop table itm",
        expect![[r#"
        [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `itm`. Did you mean `item`?
        == SQL (line 1, position 12) ==
        drop table itm
                   ^^^"#]],
    )
    .await;
    check(
        "select * from generate_serie(1, 2)",
        expect![[r#"
        [UNRESOLVED_ROUTINE] there is no function `generate_serie`. Did you mean `generate_series`?
        == SQL (line 1, position 15) ==
        select * from generate_serie(1, 2)
                      ^^^^^^^^^^^^^^"#]],
    )
    .await;
    check(
        "select 'summ(', summ (i_cost) from item",
        expect![[r#"
            [UNRESOLVED_ROUTINE] there is no function `summ`. Did you mean `sum`?
            == SQL (line 1, position 17) ==
            select 'summ(', summ (i_cost) from item
                            ^^^^"#]],
    )
    .await;
    check(
        "select Letters(1)",
        expect![[r#"
        [NOT_A_SCALAR_FUNCTION] `letters` returns a table and no value. Write it in FROM, as in SELECT * FROM letters(…).
        == SQL (line 1, position 8) ==
        select Letters(1)
               ^^^^^^^"#]],
    )
    .await;
    check(
        "select abs(1) from abs(1)",
        expect![[r#"
        [NOT_A_TABLE_FUNCTION] `abs` returns a value and no table. Write it where a value stands, as in SELECT abs(…).
        == SQL (line 1, position 20) ==
        select abs(1) from abs(1)
                           ^^^"#]],
    )
    .await;
    check(
        "select elephant(1)",
        expect![[r#"
        [UNRESOLVED_ROUTINE] there is no function `elephant`.
        == SQL (line 1, position 8) ==
        select elephant(1)
               ^^^^^^^^"#]],
    )
    .await;
}

#[tokio::test]
async fn operands_of_wrong_types() {
    check(
        "select i_cost from item where i_on = i_cost and i_name like 'x'",
        expect![[r#"
        [DATATYPE_MISMATCH] `=` cannot be applied to BOOLEAN and BIGINT. Convert an operand with CAST.
        == SQL (line 1, position 31) ==
        select i_cost from item where i_on = i_cost and i_name like 'x'
                                      ^^^^^^^^^^^^^"#]],
    )
    .await;
    check(
        "select i_on + i_name from item",
        expect![[r#"
        [DATATYPE_MISMATCH] `+` cannot be applied to BOOLEAN and STRING. Convert an operand with CAST.
        == SQL (line 1, position 8) ==
        select i_on + i_name from item
               ^^^^^^^^^^^^^"#]],
    )
    .await;
    check("select - i_name from item", expect![[r#"
        [DATATYPE_MISMATCH] unary operator '-' only supports signed numeric, interval and timestamp types. Convert an operand with CAST.
        == SQL (line 1, position 8) ==
        select - i_name from item
               ^^^^^^^^"#]]).await;
    check(
        "select 1, not i_name from item",
        expect![[r#"
        [DATATYPE_MISMATCH] `NOT` cannot be applied to STRING. Convert an operand with CAST.
        == SQL (line 1, position 11) ==
        select 1, not i_name from item
                  ^^^^^^^^^^"#]],
    )
    .await;
    check("select abs(i_name) from item", expect![[r#"
        [DATATYPE_MISMATCH] `abs` does not take arguments of the types STRING. It is abs(Numeric(1)); CAST converts an argument.
        == SQL (line 1, position 8) ==
        select abs(i_name) from item
               ^^^^^^^^^^^"#]]).await;
    check("select sum(i_on) from item", expect![[r#"
        [DATATYPE_MISMATCH] `sum` does not take arguments of the types BOOLEAN. It is sum(Decimal) or sum(UInt64) or sum(BIGINT) or sum(DOUBLE); CAST converts an argument.
        == SQL (line 1, position 8) ==
        select sum(i_on) from item
               ^^^^^^^^^"#]]).await;
    check(
        "select abs(), 1",
        expect![[r#"
        [DATATYPE_MISMATCH] `abs` needs arguments. It is abs(Numeric(1)); CAST converts an argument.
        == SQL (line 1, position 8) ==
        select abs(), 1
               ^^^^^"#]],
    )
    .await;
}

#[tokio::test]
async fn what_the_engine_does_not_have() {
    check("create index i on item (i_cost)", expect!["[UNSUPPORTED_FEATURE] unsupported logical plan: CreateIndex."])
        .await;
    check(
        "select 1 union select 1, 2",
        expect!["Error during planning: UNION queries have different number of columns"],
    )
    .await;
}

#[track_caller]
fn check_setting(error: SettingError, text: &str, key: &str, expected: Expect) {
    expected.assert_eq(&diagnose_setting(error, &text.into(), 0..text.len(), key).to_string());
}

#[test]
fn settings() {
    let unknown = |hint: &str| SettingError::Unknown {
        key: "engine.ansy.enabled".to_owned(),
        setting_source: SettingSource::Session,
        hint: hint.to_owned(),
    };
    check_setting(
        unknown("; did you mean `engine.ansi.enabled`?"),
        "set engine.ANSY.enabled = true",
        "engine.ANSY.enabled",
        expect![[r#"
            [SQL_CONF_NOT_FOUND] there is no setting `engine.ansy.enabled`. Did you mean `engine.ansi.enabled`?
            == SQL (line 1, position 5) ==
            set engine.ANSY.enabled = true
                ^^^^^^^^^^^^^^^^^^^"#]],
    );
    check_setting(
        unknown(""),
        "set x = true",
        "engine.ansy.enabled",
        expect!["[SQL_CONF_NOT_FOUND] there is no setting `engine.ansy.enabled`."],
    );
    let value = SettingError::Value {
        key: "engine.ansi.enabled".to_owned(),
        value: "maybe".to_owned(),
        setting_source: SettingSource::Session,
        message: "it takes `true` or `false`".to_owned(),
    };
    check_setting(
        value,
        "set spark.sql.ansi.enabled = maybe;",
        "spark.sql.ansi.enabled",
        expect![[r#"
            [INVALID_CONF_VALUE] the setting `engine.ansi.enabled` does not take `maybe`: it takes `true` or `false`.
            == SQL (line 1, position 30) ==
            set spark.sql.ansi.enabled = maybe;
                                         ^^^^^"#]],
    );
}

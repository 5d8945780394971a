//! Errors that point into the SQL, for people and for programs.

use expect_test::{Expect, expect};

use crate::support::{expect_code, tiny_data};

/// What standard error has, as a person sees it.
#[track_caller]
fn check(code: i32, sql: &str, expected: Expect) {
    expected.assert_eq(&expect_code(code, &["sql", "--data", tiny_data(), sql]).stderr);
}

/// What it has for programs: one line, with these fields in this order.
#[track_caller]
fn check_json(code: i32, arguments: &[&str], expected: &[(&str, serde_json::Value)]) {
    let stderr = expect_code(code, &[arguments, &["--error-format", "json"]].concat()).stderr;
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let found: serde_json::Value = serde_json::from_str(&stderr).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let fields: Vec<&String> = found.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["class", "sqlstate", "message", "line", "column", "length", "hint"]);
    for (field, value) in expected {
        assert_eq!(found[field], *value, "{field} in {stderr}");
    }
}

#[test]
fn unknown_names_have_a_place_and_the_nearest_name() {
    check(
        4,
        "select r_reason_sk, r_reason_des from reason",
        expect![[r#"
            dsbench: [UNRESOLVED_COLUMN] there is no column `r_reason_des`. Did you mean `r_reason_desc`?
            == SQL (line 1, position 21) ==
            select r_reason_sk, r_reason_des from reason
                                ^^^^^^^^^^^^
        "#]],
    );
    check(
        4,
        "select 'größe', '数据' from reasons r",
        expect![[r#"
            dsbench: [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `reasons`. Did you mean `reason`?
            == SQL (line 1, position 27) ==
            select 'größe', '数据' from reasons r
                                        ^^^^^^^
        "#]],
    );
    check(
        4,
        "select 1;\nselect 'summ(1)', -- summ(2)\n\tsumm(r_reason_sk)\nfrom reason;\nselect 2",
        expect![[r#"
            dsbench: [UNRESOLVED_ROUTINE] there is no function `summ`. Did you mean `sum`?
            == SQL (line 3, position 2) ==
            	summ(r_reason_sk)
            	^^^^
        "#]],
    );
    check(
        2,
        "set datafusion.execution.batch_sise = 1",
        expect![[r#"
            dsbench: [SQL_CONF_NOT_FOUND] there is no setting `datafusion.execution.batch_sise`. Did you mean `datafusion.execution.batch_size`?
            == SQL (line 1, position 5) ==
            set datafusion.execution.batch_sise = 1
                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn text_that_is_no_sql_has_a_place() {
    check(
        4,
        "select 1; selec 2",
        expect![[r#"
            dsbench: [PARSE_SYNTAX_ERROR] expected an SQL statement, found `selec`. Did you mean `select`?
            == SQL (line 1, position 11) ==
            select 1; selec 2
                      ^^^^^
        "#]],
    );
    check(
        4,
        "select 'ä',\n  (1 +",
        expect![[r#"
            dsbench: [PARSE_SYNTAX_ERROR] expected an expression, found the end of the text.
            == SQL (line 2, position 7) ==
              (1 +
                  ^
        "#]],
    );
}

#[test]
fn wrong_types_and_missing_groups_have_a_class() {
    check(
        4,
        "select r_reason_desc, count(*) from reason",
        expect![[r#"
            dsbench: [MISSING_AGGREGATION] the column `reason.r_reason_desc` is neither grouped by nor inside an aggregate function. Add it to GROUP BY, or take one value of each group with a function such as `min`.
            == SQL (line 1, position 8) ==
            select r_reason_desc, count(*) from reason
                   ^^^^^^^^^^^^^
        "#]],
    );
    let class = |name: &str| [("class", name.into()), ("sqlstate", "42K09".into())];
    let sql = "select 1 from reason where not r_reason_desc";
    check_json(4, &["sql", "--data", tiny_data(), sql], &class("DATATYPE_MISMATCH"));
}

#[test]
fn programs_get_a_line_of_json() {
    let sql = "select 'größe',\n  r_reason_des from reason";
    check_json(
        4,
        &["sql", "--data", tiny_data(), sql],
        &[
            ("class", "UNRESOLVED_COLUMN".into()),
            ("sqlstate", "42703".into()),
            ("message", "there is no column `r_reason_des`".into()),
            ("line", 2.into()),
            ("column", 3.into()),
            ("length", 12.into()),
            ("hint", "Did you mean `r_reason_desc`?".into()),
        ],
    );
    check_json(
        4,
        &["sql", "--data", tiny_data(), "select 1 +"],
        &[
            ("class", "PARSE_SYNTAX_ERROR".into()),
            ("line", 1.into()),
            ("column", 11.into()),
            ("length", 0.into()),
            ("hint", serde_json::Value::Null),
        ],
    );
    check_json(
        2,
        &["sql", "--data", tiny_data(), "set engine.memory_poll = 'fair'"],
        &[("class", "SQL_CONF_NOT_FOUND".into()), ("column", 5.into()), ("length", 18.into())],
    );
    check_json(
        2,
        &["sql", "--data", tiny_data(), "set engine.memory_pool = 'tiny'"],
        &[("class", "INVALID_CONF_VALUE".into()), ("column", 26.into()), ("length", 6.into())],
    );
}

#[test]
fn other_errors_are_lines_of_json_too() {
    let other = |class: &str| [("class", class.into()), ("sqlstate", serde_json::Value::Null)];
    check_json(2, &["sql", "--data", tiny_data(), ""], &other("usage"));
    check_json(2, &["run", "--queries", "q14c"], &other("usage"));
    check_json(3, &["report", "/nowhere/at/all"], &other("data"));
    check_json(2, &["run", "--bogus"], &other("usage"));
    check_json(2, &["run", "--bogus"], &[("message", "unexpected argument '--bogus' found".into())]);
    check_json(
        2,
        &["run", "--scale"],
        &[("message", "a value is required for '--scale <SF>' but none was supplied".into())],
    );
}

#[test]
fn help_says_how_programs_read_errors() {
    let help = expect_code(0, &["--help"]).stdout;
    assert!(help.contains("--error-format <FORM>") && help.contains("\"sqlstate\":\"42703\""), "{help}");
    assert!(expect_code(0, &["sql", "--help"]).stdout.contains("--error-format <FORM>"));
}

//! Estimates held against what operators gave, over the whole suite.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::engine::Engine;
use crate::engine::test_support::engine;
use crate::suite::{Substitution, Suite};
use crate::tables::{DataSet, DataUrl, Expectation};

/// Filters that joins find while they run take rows away from scans, of which estimates know nothing. In so little data some sums that
/// statements divide by are 0.
const SETS: [&str; 3] = ["engine.adaptive.enabled=false", "engine.pushdown.filter=off", "engine.ansi.enabled=false"];

/// The factors by which the estimates of a statement's operators were off, by kind of operator.
async fn q_errors(engine: &Engine, sql: &str) -> Vec<(String, f64)> {
    let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let (plan, tracer) = engine.trace(plan).expect("watched");
    engine.execute(plan).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let operators = tracer.expect("tracing is on").trace().operators;
    operators.iter().filter_map(|operator| Some((operator.kind.to_string(), operator.q_error()?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_of_the_suite_give_about_what_was_expected() {
    let data = tempfile::tempdir().expect("a folder");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), data.path());
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    let engine = engine("default", &SETS).await;
    let url = DataUrl::from_path(data.path()).expect("a path");
    DataSet::open(url, &Expectation::default()).await.expect("opens").register(&engine).expect("registers");
    let suite = Suite::built_in().expect("the suite");
    let defaults = Substitution::defaults(&suite.domains);
    let mut by_kind: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for statement in suite.statements() {
        for (kind, error) in q_errors(&engine, &statement.render(&defaults).expect("renders")).await {
            by_kind.entry(kind).or_default().push(error);
        }
    }
    // Half and nine tenths of the operators are within these factors.
    for (kind, half, most) in [("filter", 1.1, 10.0), ("join", 2.0, 50.0), ("aggregate", 3.0, 50.0)] {
        let errors = by_kind.get_mut(kind).expect("the suite has them");
        errors.sort_by(f64::total_cmp);
        let at = |share: usize| errors[errors.len() * share / 10];
        assert!(at(5) <= half && at(9) <= most, "{kind}: half within {}, nine tenths within {}", at(5), at(9));
    }
}

#[tokio::test]
async fn inputs_of_a_union_are_added() {
    let engine = engine("default", &[]).await;
    engine.run("create table t as select value as a from generate_series(1, 100)").await.expect("a table");
    for inputs in 1..5 {
        let plan = engine.plan(&vec!["select a from t"; inputs].join(" union all ")).await.expect("planned");
        let (_, tracer) = engine.trace(plan).expect("watched");
        let top = tracer.expect("tracing is on").trace().operators.swap_remove(0);
        assert_eq!(top.estimated_rows, Some(100 * inputs as u64), "{}", top.name);
    }
}

/// Days of two centuries, and sales on 1,800 of them.
async fn days_and_sales(folder: &Path) -> Engine {
    let path = folder.to_str().expect("UTF-8");
    let engine = engine("default", &SETS).await;
    let days = "select value as day, value div 366 as year, value div 91 % 4 as quarter from generate_series(0, 73199)";
    let sales = "select 36000 + value % 1800 as sold, value as number from generate_series(0, 17999)";
    for (name, rows) in [("days", days), ("sales", sales)] {
        engine.run(&format!("copy ({rows}) to '{path}/{name}.parquet'")).await.expect("written");
        let table = format!("create external table {name} stored as parquet location '{path}/{name}.parquet'");
        engine.run(&table).await.expect("registered");
    }
    engine
}

/// The last operator of a kind gives what was expected of it, within a factor.
#[track_caller]
fn check(errors: &[(String, f64)], kind: &str, most: f64) {
    let (_, error) = errors.iter().find(|(known, _)| known == kind).expect("one of the kind");
    assert!(*error <= most, "{kind}: {errors:?}");
}

/// A limit keeps the two conditions apart, as a scan does that filters rows by one of them.
#[tokio::test]
async fn a_second_filter_leaves_less() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = days_and_sales(folder.path()).await;
    let year = "select day, quarter from days where year = 100 limit 1000000";
    // What is left of a key.
    let sql = format!("select sum(number) from sales join ({year}) y on sold = y.day where y.quarter = 2");
    check(&q_errors(&engine, &sql).await, "join", 2.0);
    // The year has these days alone, and half of all.
    let sql = format!("select count(*) from ({year}) y where y.day >= 36600");
    check(&q_errors(&engine, &sql).await, "filter", 1.01);
}

#[tokio::test]
async fn parts_of_a_condition_on_two_tables_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = days_and_sales(folder.path()).await;
    for (condition, most) in [
        ("number < 900 or quarter in (1, 2)", 1.1),
        ("number < 900 or substr(cast(quarter as string), 1, 1) in ('1', '2')", 1.1),
        ("number < 900 or quarter = 2 and day % 2 = 0", 1.1),
        ("not (number < 900 or quarter = 2)", 1.1),
        // Nobody can count these.
        ("number * quarter > 9000", 3.0),
        ("number < 900 or number > year", 3.0),
    ] {
        let sql = format!("select count(*) from sales join days on sold = day where {condition}");
        check(&q_errors(&engine, &sql).await, "join", most);
    }
}

#[tokio::test]
async fn tables_in_memory_are_looked_at() {
    let engine = engine("default", &SETS).await;
    let days = "select value as day, value div 366 as year, value div 91 % 4 as quarter from generate_series(0, 73199)";
    // More rows than a sample has.
    let sales = "select 36000 + value % 1800 as sold, value as number from generate_series(0, 179999)";
    for (name, rows) in [("days", days), ("sales", sales)] {
        engine.run(&format!("create table {name} as {rows}")).await.expect("made");
    }
    let year = "select count(*) from days where year = 100";
    for (sql, kind) in [
        ("select count(*) from sales join days on sold = day", "join"),
        ("select count(*) from sales join days on sold = day where quarter = 2", "join"),
        ("select sold, count(*) from sales group by sold", "aggregate"),
        ("select count(*) from sales where number < 18000", "filter"),
        (year, "filter"),
    ] {
        check(&q_errors(&engine, sql).await, kind, 1.1);
    }
    engine.run("insert into days select day + 73200, 100, 2 from days").await.expect("added");
    check(&q_errors(&engine, year).await, "filter", 1.01);
    engine.run("drop table days").await.expect("dropped");
    engine.run("create table days as select 1 as day, 100 as year").await.expect("made");
    check(&q_errors(&engine, year).await, "filter", 1.01);
}

#[tokio::test]
async fn files_that_do_not_say_how_many_rows_they_have_are_judged_by_their_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let engine = engine("default", &SETS).await;
    for rows in [10, 100_000] {
        let values = "value as number, cast(value as string) as text, date '2020-01-01' as day";
        let copy = format!("copy (select {values} from generate_series(1, {rows})) to '{path}/t{rows}.csv'");
        engine.run(&copy).await.expect("written");
        let table = format!("create external table t{rows} stored as csv location '{path}/t{rows}.csv'");
        engine.run(&table).await.expect("registered");
        check(&q_errors(&engine, &format!("select count(number) from t{rows}")).await, "scan", 3.0);
    }
}

/// Joins of what windows and expressions compute: as q47 and q59 ask for the rows before, and for the year before.
#[tokio::test]
async fn computed_keys_are_no_more_than_their_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = days_and_sales(folder.path()).await;
    let numbered =
        "(select year, quarter, day, row_number() over (partition by year, quarter order by day) as n from days)";
    for (sql, most) in [
        (
            format!(
                "select count(*) from {numbered} a join {numbered} b on a.year = b.year and a.quarter = b.quarter and a.n = b.n"
            ),
            1.1,
        ),
        (
            format!(
                "select count(*) from {numbered} a join {numbered} b on a.year = b.year and a.quarter = b.quarter and a.n = b.n + 1"
            ),
            1.1,
        ),
        ("select count(*) from days a join days b on a.day = b.day + 366".to_owned(), 1.1),
        ("select count(*) from sales join days on sold = day + 1".to_owned(), 1.1),
        (
            "select count(*) from days a join days b on a.day = b.day + 366 and a.quarter = b.quarter where b.year = 9"
                .to_owned(),
            5.0,
        ),
    ] {
        check(&q_errors(&engine, &sql).await, "join", most);
    }
}

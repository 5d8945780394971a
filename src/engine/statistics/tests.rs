//! Estimates held against what operators gave, over the whole suite.

use std::collections::BTreeMap;
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

/// A limit keeps the two conditions apart, as a scan does that filters rows by one of them.
#[tokio::test]
async fn a_second_filter_leaves_less_of_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let engine = engine("default", &SETS).await;
    let days = "select value as day, value div 366 as year, value div 91 % 4 as quarter from generate_series(0, 73199)";
    let sales = "select 36000 + value % 1800 as sold, value as number from generate_series(0, 17999)";
    for (name, rows) in [("days", days), ("sales", sales)] {
        engine.run(&format!("copy ({rows}) to '{path}/{name}.parquet'")).await.expect("written");
        let table = format!("create external table {name} stored as parquet location '{path}/{name}.parquet'");
        engine.run(&table).await.expect("registered");
    }
    let year = "select day, quarter from days where year = 100 limit 1000000";
    let sql = format!("select sum(number) from sales join ({year}) y on sold = y.day where y.quarter = 2");
    let errors = q_errors(&engine, &sql).await;
    let (_, join) = errors.iter().find(|(kind, _)| kind == "join").expect("a join");
    assert!(*join < 2.0, "{errors:?}");
}

//! All 104 statements: with ANSI on, plans are those with ANSI off.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::displayable;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use expect_test::expect;

use super::engine;
use crate::engine::{Engine, Plan};
use crate::suite::{Substitution, Suite};
use crate::tables::{DataSet, DataUrl, Expectation};

async fn suite_engine(folder: &Path, sets: &[&str]) -> Engine {
    let engine = engine(sets).await;
    let url = DataUrl::from_path(folder).expect("a path");
    let data = DataSet::open(url, &Expectation::default()).await.expect("opens");
    data.register(&engine).expect("registers");
    engine
}

/// A line for each operator: its name and how many rows it is estimated to give; for a scan, all that it is told, pushed filters and
/// pruning predicates among it.
fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    describe(plan.physical(), 0, &mut lines);
    lines
}

fn describe(plan: &Arc<dyn ExecutionPlan>, depth: usize, lines: &mut Vec<String>) {
    let estimate = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let rows = estimate.map_or_else(|error| error.to_string(), |known| format!("{:?}", known.num_rows));
    let shown = match plan.is::<DataSourceExec>() {
        true => displayable(plan.as_ref()).one_line().to_string().trim().to_owned(),
        false => plan.name().to_owned(),
    };
    lines.push(format!("{:depth$}{shown}, rows: {rows}", ""));
    for child in plan.children() {
        describe(child, depth + 1, lines);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_filters_and_estimates_are_the_same_on_and_off() {
    let data = tempfile::tempdir().expect("a folder");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), data.path());
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    let on = suite_engine(data.path(), &[]).await;
    let off = suite_engine(data.path(), &["engine.ansi.enabled=false"]).await;
    let plain = suite_engine(data.path(), &["engine.sql.semantics=datafusion"]).await;
    let suite = Suite::built_in().expect("the suite");
    let defaults = Substitution::defaults(&suite.domains);
    let (mut from_off, mut from_plain, mut count) = (String::new(), String::new(), 0);
    for statement in suite.statements() {
        let sql = statement.render(&defaults).expect("renders");
        let [on, off, plain] =
            [&on, &off, &plain].map(|engine| async { lines(&engine.plan(&sql).await.expect("plans")) });
        let (on, off, plain) = (on.await, off.await, plain.await);
        compare(&mut from_off, &statement.name.to_string(), &on, &off);
        compare(&mut from_plain, &statement.name.to_string(), &on, &plain);
        count += 1;
    }
    assert_eq!(count, 104);
    expect![""].assert_eq(&from_off);
    expect![""].assert_eq(&from_plain);
}

/// The lines that differ; where their numbers do, these.
fn compare(out: &mut String, statement: &str, one: &[String], other: &[String]) {
    if one.len() != other.len() {
        writeln!(out, "{statement}: {} and {} operators", one.len(), other.len()).expect("into a text");
        return;
    }
    for (one, other) in one.iter().zip(other).filter(|(one, other)| one != other) {
        writeln!(out, "{statement}\n  {}\n  {}", one.trim(), other.trim()).expect("into a text");
    }
}

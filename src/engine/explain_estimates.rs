//! `EXPLAIN (ESTIMATES) query`: runs the query, and says of every operator how many rows it was expected to give and how many it gave.
//!
//! ```text
//!   EXPLAIN (ESTIMATES) SELECT … ─▶ the query's plan, watched ─▶ ExplainEstimatesExec: reads all rows, lets go of them,
//!                                                                then gives a row for each operator
//!
//!   operator                              estimated_rows   rows  q_error  note
//!   HashJoinExec: join_type=Inner, …                  29     72     2.48
//!     scan of (i_…) where i_manufact_id = 128          6      6      1.0
//!     scan of (ss_…)                              120527     72           reduced by a filter found while running
//! ```
//!
//! `EXPLAIN ESTIMATES query` is the same. DataFusion's parser knows neither, so both are taken from its tokens before it reads the query.
//! A session that plans by DataFusion's own estimates shows those. Which rows are not held against their estimate, and why, is
//! [`NotComparable`](super::trace::NotComparable)'s to say; with `engine.adaptive.enabled = false` fewer are.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
    execute_stream,
};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as AstStatement;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use futures::TryStreamExt;

use super::statistics::EstimatedRows;
use super::trace::{self, OperatorTrace, Tracer};
use crate::text::{self, did_you_mean};

const OPTION: &str = "estimates";

/// The options that stand in the brackets of an EXPLAIN; the last five are PostgreSQL's, of which DataFusion says that it lacks them.
const OPTIONS: [&str; 13] = [
    OPTION, "analyze", "verbose", "format", "metrics", "level", "timing", "summary", "costs", "buffers", "wal",
    "settings", "memory",
];

/// What a query begins with: `EXPLAIN (SELECT …)` has no options.
const QUERY_WORDS: [&str; 5] = ["select", "with", "values", "table", "from"];

/// How many characters of an operator's line are shown.
const DETAIL_CHARS_MAX: usize = 100;

/// Reads `EXPLAIN (ESTIMATES)` or `EXPLAIN ESTIMATES`, if the next statement begins so, and says whether it did. Refuses options of
/// EXPLAIN that there are not.
pub(super) fn take(parser: &mut Parser<'_>) -> Result<bool, ParserError> {
    let word = |parser: &Parser<'_>, place: usize| word(&parser.peek_nth_token(place).token);
    if word(parser, 0).as_deref() != Some("explain") {
        return Ok(false);
    }
    if word(parser, 1).as_deref() == Some(OPTION) {
        parser.next_token();
        parser.next_token();
        return Ok(true);
    }
    let first = word(parser, 2).filter(|first| !QUERY_WORDS.contains(&first.as_str()));
    if parser.peek_nth_token(1).token != Token::LParen || first.is_none() {
        return Ok(false);
    }
    let names = option_names(parser);
    for name in &names {
        check_name(name)?;
    }
    if !names.iter().any(|name| self::word(&name.token).as_deref() == Some(OPTION)) {
        return Ok(false);
    }
    parser.next_token();
    let options = parser.parse_utility_options()?;
    let refused = |message: &str| Err(error(message, &names[0]));
    match options.as_slice() {
        [option] => match option.arg.as_ref().map(|value| value.to_string().to_ascii_lowercase()).as_deref() {
            None | Some("true" | "on" | "1") => Ok(true),
            Some(_) => refused("the EXPLAIN option ESTIMATES is on where it is written, and takes no other value"),
        },
        _ => refused("the EXPLAIN option ESTIMATES stands alone: it runs the query and shows nothing else of it"),
    }
}

/// Whether a statement can stand behind it: only what a query does can be thrown away. `first` is its first token.
pub(super) fn check(statement: &Statement, first: &TokenWithSpan) -> Result<(), ParserError> {
    match statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), AstStatement::Query(_)) => Ok(()),
        _ => Err(error("EXPLAIN (ESTIMATES) runs its statement, and takes queries alone", first)),
    }
}

fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_lowercase()),
        _ => None,
    }
}

/// The first tokens of the options between the brackets that follow EXPLAIN.
fn option_names(parser: &Parser<'_>) -> Vec<TokenWithSpan> {
    let mut names = Vec::new();
    let (mut depth, mut is_next) = (0_usize, false);
    for place in 1.. {
        let token = parser.peek_nth_token(place);
        if is_next && depth == 1 {
            names.push(token.clone());
        }
        is_next = matches!(token.token, Token::LParen | Token::Comma);
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::EOF => break,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn check_name(name: &TokenWithSpan) -> Result<(), ParserError> {
    match word(&name.token) {
        Some(word) if OPTIONS.contains(&word.as_str()) || word == "generic_plan" => Ok(()),
        Some(word) => {
            let hint = did_you_mean(&word, OPTIONS);
            Err(error(&format!("there is no EXPLAIN option `{}`{hint}", name.token), name))
        }
        // The parser says what it wants in its place.
        None => Ok(()),
    }
}

fn error(message: &str, token: &TokenWithSpan) -> ParserError {
    ParserError::ParserError(format!("{message}{}", token.span.start))
}

/// A plan that runs another one and gives a row for each of its operators.
pub(super) fn of(plan: Arc<dyn ExecutionPlan>, estimated: &EstimatedRows) -> Result<Arc<dyn ExecutionPlan>> {
    let (plan, tracer) = trace::watch(plan, estimated)?;
    let schema = schema();
    let properties = PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(&schema)),
        Partitioning::UnknownPartitioning(1),
        EmissionType::Final,
        Boundedness::Bounded,
    );
    Ok(Arc::new(ExplainEstimatesExec { plan, tracer: Arc::new(tracer), properties: Arc::new(properties), schema }))
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("operator", DataType::Utf8, false),
        Field::new("estimated_rows", DataType::UInt64, true),
        Field::new("rows", DataType::UInt64, false),
        Field::new("q_error", DataType::Float64, true),
        Field::new("note", DataType::Utf8, true),
    ]))
}

/// Runs a plan for what is to be said of its operators. The plan below is no input of it for others: it is ready to run.
#[derive(Debug)]
struct ExplainEstimatesExec {
    plan: Arc<dyn ExecutionPlan>,
    tracer: Arc<Tracer>,
    properties: Arc<PlanProperties>,
    schema: SchemaRef,
}

impl DisplayAs for ExplainEstimatesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExplainEstimatesExec")
    }
}

impl ExecutionPlan for ExplainEstimatesExec {
    fn name(&self) -> &str {
        "ExplainEstimatesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (plan, tracer, schema) = (Arc::clone(&self.plan), Arc::clone(&self.tracer), Arc::clone(&self.schema));
        let report = async move {
            let mut rows = execute_stream(plan, context)?;
            while let Some(batch) = rows.try_next().await? {
                drop(batch);
            }
            drop(rows);
            table(&tracer.trace().operators, schema)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(report))))
    }
}

fn table(operators: &[OperatorTrace], schema: SchemaRef) -> Result<RecordBatch> {
    let line = |operator: &OperatorTrace| {
        format!("{:indent$}{}", "", shortened(&operator.detail), indent = 2 * operator.depth)
    };
    // Three digits are more than an estimate is good for.
    let rounded = |error: f64| (error * 100.0).round() / 100.0;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(operators.iter().map(line))),
        Arc::new(UInt64Array::from_iter(operators.iter().map(|operator| operator.estimated_rows))),
        Arc::new(UInt64Array::from_iter_values(operators.iter().map(|operator| operator.output_rows))),
        Arc::new(Float64Array::from_iter(operators.iter().map(|operator| operator.q_error().map(rounded)))),
        Arc::new(StringArray::from_iter(operators.iter().map(|o| o.not_comparable.map(|reason| reason.words())))),
    ];
    RecordBatch::try_new(schema, columns).map_err(|error| DataFusionError::ArrowError(Box::new(error), None))
}

/// An operator's line without the places of columns, cut where it grows long; of a scan, what its columns' names begin with, and its
/// condition.
fn shortened(detail: &str) -> String {
    let detail = text::without_column_indices(detail);
    let shown = match detail.strip_prefix("scan of (").and_then(|rest| rest.split_once("): ")) {
        Some((columns, rest)) => scan(columns, rest),
        None => detail,
    };
    text::shortened(&shown, DETAIL_CHARS_MAX)
}

fn scan(columns: &str, rest: &str) -> String {
    let names: Vec<&str> = columns.split(", ").collect();
    let name = text::prefix_of_all(&names).map_or_else(|| columns.to_owned(), |prefix| format!("{prefix}…"));
    let predicate = rest.split_once("predicate=").map(|(_, predicate)| {
        let ends = [", pruning_predicate=", ", required_guarantees=", ", dynamic_rg_pruning="];
        let end = ends.iter().filter_map(|end| predicate.find(end)).min().unwrap_or(predicate.len());
        &predicate[..end]
    });
    match predicate {
        Some(predicate) => format!("scan of ({name}) where {predicate}"),
        None => format!("scan of ({name})"),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::{Float64Type, UInt64Type};

    use super::*;
    use crate::engine::{Engine, test_support};

    async fn engine(profile: &str, sets: &[&str]) -> Engine {
        let engine = test_support::engine(profile, sets).await;
        for sql in [
            "create table a as select value as id, value % 10 as x from generate_series(1, 1000)",
            "create view v as select id from a where x = 3",
        ] {
            engine.run(sql).await.expect("made");
        }
        engine
    }

    async fn rows(engine: &Engine, sql: &str) -> RecordBatch {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(batches.len(), 1, "{sql}");
        batches[0].clone()
    }

    #[tokio::test]
    async fn every_operator_has_a_row() {
        for profile in ["default", "datafusion"] {
            let engine = engine(profile, &[]).await;
            for head in
                ["explain (estimates)", "EXPLAIN ESTIMATES", "explain ( Estimates on )", "explain (estimates true)"]
            {
                let found = rows(&engine, &format!("{head} select count(*) from v")).await;
                let operators = found.column(0).as_string::<i32>();
                let scan = (0..found.num_rows()).find(|row| operators.value(*row).contains("DataSourceExec"));
                let scan = scan.unwrap_or_else(|| panic!("a scan in {operators:?}"));
                assert!(operators.value(scan).starts_with("  "), "it is indented: {operators:?}");
                assert_eq!(found.column(2).as_primitive::<UInt64Type>().value(scan), 1000);
                let filter = (0..found.num_rows()).find(|row| operators.value(*row).contains("FilterExec"));
                let filter = filter.unwrap_or_else(|| panic!("a filter in {operators:?}"));
                assert_eq!(found.column(2).as_primitive::<UInt64Type>().value(filter), 100);
                assert!(operators.value(filter).contains("x = 3"), "no places of columns: {operators:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_a_limit_stops_is_not_held_against_its_estimate() {
        let engine = engine("default", &["datafusion.execution.batch_size=10"]).await;
        let found = rows(&engine, "explain (estimates) select id + 1 from a limit 3").await;
        let notes = found.column(4).as_string::<i32>();
        let stopped: Vec<usize> = (0..found.num_rows()).filter(|row| notes.is_valid(*row)).collect();
        let errors = found.column(3).as_primitive::<Float64Type>();
        assert!(stopped.iter().all(|row| notes.value(*row) == "stopped early" && errors.is_null(*row)), "{found:?}");
        // A query without rows has a table all the same.
        assert!(rows(&engine, "explain (estimates) select * from a where id < 0").await.num_rows() > 0);
    }

    async fn check_error(sql: &str, part: &str) {
        for profile in ["default", "datafusion"] {
            let error = engine(profile, &[]).await.run(sql).await.expect_err(sql).to_string();
            assert!(error.contains(part), "{sql}: {error}");
        }
    }

    #[tokio::test]
    async fn wrong_options_are_refused() {
        check_error("explain (estimate) select 1", "there is no EXPLAIN option `estimate`; did you mean `estimates`?")
            .await;
        check_error("explain (analyze, elephants) select 1", "there is no EXPLAIN option `elephants`").await;
        check_error("explain (estimates, verbose) select 1", "ESTIMATES stands alone").await;
        check_error("explain (estimates false) select 1", "takes no other value").await;
        check_error("explain (estimates) drop view v", "takes queries alone").await;
        check_error("explain (estimates) explain select 1", "takes queries alone").await;
        check_error("explain (estimates) select * from nowhere", "nowhere").await;
        check_error("explain (estimates", "").await;
    }

    #[tokio::test]
    async fn other_explains_are_as_they_were() {
        let engine = engine("default", &[]).await;
        for sql in
            ["explain select 1", "explain (select 1)", "explain (analyze) select 1", "explain (format tree) select 1"]
        {
            assert!(rows(&engine, sql).await.schema().field(0).name().starts_with("plan"), "{sql}");
        }
        rows(&engine, "select 1 as explain, 2 as estimates").await;
    }

    #[track_caller]
    fn check_shortened(detail: &str, expected: &str) {
        assert_eq!(shortened(detail), expected);
    }

    #[test]
    fn lines_are_shortened() {
        check_shortened("FilterExec: a@0 > 1", "FilterExec: a > 1");
        check_shortened("FilterExec: mail@0 = x@example", "FilterExec: mail = x@example");
        check_shortened(
            "scan of (ss_a, ss_b): file_groups={0 groups: []}, projection=[ss_b], predicate=ss_a@0 = 1, pruning_predicate=x",
            "scan of (ss_…) where ss_a = 1",
        );
        check_shortened("scan of (alpha, beta): projection=[beta]", "scan of (alpha, beta)");
        check_shortened("scan of (a_b): file_type=csv", "scan of (a_b)");
        check_shortened("", "");
        let long = "ä".repeat(DETAIL_CHARS_MAX + 1);
        assert_eq!(shortened(&long).chars().count(), DETAIL_CHARS_MAX);
    }
}

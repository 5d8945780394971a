//! One value for what a plan does.
//!
//! The hash of the plan's text, one line an operator, from which everything is taken that is not the plan's own:
//!
//! | not in it | in it |
//! |---|---|
//! | where the files are, how many there are, how they are split into partitions | the columns of the scanned table, projection, pushed filters, limit, order |
//! | the number of partitions, which follows the number of processors | which exchanges there are, and on which keys |
//! | row counts, sizes, times | join order, build side, join keys and filters |
//! | what filters between operators come to | that there are such filters, and where |
//!
//! It is taken before the plan runs. Literals are in it, so that a statement with other parameters has another fingerprint.
//! Whether there is an exchange at all does follow the number of processors and the size of the files.

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, Partitioning};
use twox_hash::XxHash3_128;

/// How many hexadecimal digits of the hash are kept: enough for all plans that anybody will compare.
const DIGITS: usize = 16;

/// The fingerprint of a plan.
pub(in crate::engine) fn of(plan: &Arc<dyn ExecutionPlan>) -> String {
    let mut hash = format!("{:032x}", XxHash3_128::oneshot(text(plan).as_bytes()));
    hash.truncate(DIGITS);
    hash
}

/// What is hashed.
pub(in crate::engine) fn text(plan: &Arc<dyn ExecutionPlan>) -> String {
    let mut out = String::new();
    describe(plan, 0, &mut out);
    out
}

fn describe(plan: &Arc<dyn ExecutionPlan>, depth: usize, out: &mut String) {
    writeln!(out, "{:depth$}{}", "", line(plan)).expect("writing to a String does not fail");
    for input in plan.children() {
        describe(input, depth + 1, out);
    }
}

/// One operator without its inputs.
pub(in crate::engine) fn line(plan: &Arc<dyn ExecutionPlan>) -> String {
    if let Some(exchange) = plan.downcast_ref::<RepartitionExec>() {
        return repartition(exchange);
    }
    let source = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    match source.and_then(|source| source.downcast_ref::<FileScanConfig>()) {
        Some(config) => file_scan(config),
        None => Operator(plan.as_ref()).to_string(),
    }
}

/// The scan without its files. The table is known by its columns.
fn file_scan(config: &FileScanConfig) -> String {
    let fields = config.file_schema().fields().iter().chain(config.table_partition_cols());
    let mut columns: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    columns.sort_unstable();
    let mut bare = config.clone();
    bare.file_groups.clear();
    format!("scan of ({}): {}", columns.join(", "), Source(&bare))
}

fn repartition(exchange: &RepartitionExec) -> String {
    let by = match exchange.partitioning() {
        Partitioning::Hash(keys, _) => {
            format!("hash of {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Partitioning::RoundRobinBatch(_) => "round robin".to_owned(),
        Partitioning::UnknownPartitioning(_) => "unknown".to_owned(),
        other @ Partitioning::Range(_) => other.to_string(),
    };
    format!("exchange by {by}{}", if exchange.preserve_order() { ", order preserved" } else { "" })
}

/// An operator's own line in a plan.
struct Operator<'a>(&'a dyn ExecutionPlan);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(DisplayFormatType::Default, f)
    }
}

/// A scan's line, with what is pushed into it.
struct Source<'a>(&'a dyn DataSource);

impl Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(DisplayFormatType::Default, f)
    }
}

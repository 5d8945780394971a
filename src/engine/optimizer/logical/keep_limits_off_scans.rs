//! [`KeepLimitsOffScans`]: with `engine.pushdown.limit` off, tables are not told of limits while their files are listed.
//!
//! ```text
//!   Limit 10                    Limit 10
//!     TableScan fetch=10   ─▶     TableScan
//! ```
//!
//! DataFusion's `push_down_limit` gives a scan the limit above it and leaves that limit where it is, so taking the scan's away
//! again changes no result. A scan that has a limit from elsewhere keeps it: nothing above would cut its rows. The other half,
//! on physical plans, is [the rule of the same name](super::super::physical::KeepLimitsOffScans).

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{FetchType, Limit, LogicalPlan, SkipType};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::engine::PushdownOptions;

/// Takes the limits of scans away that stand above the scans as well.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct KeepLimitsOffScans;

impl OptimizerRule for KeepLimitsOffScans {
    fn name(&self) -> &str {
        "keep_limits_off_scans"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if PushdownOptions::of(&config.options()).limit {
            return Ok(Transformed::no(plan));
        }
        let LogicalPlan::Limit(mut limit) = plan else { return Ok(Transformed::no(plan)) };
        let needed = rows_needed(&limit)?;
        match limit.input.as_ref() {
            LogicalPlan::TableScan(scan) if scan.fetch.is_some() && scan.fetch == needed => {
                let mut scan = scan.clone();
                scan.fetch = None;
                limit.input = Arc::new(LogicalPlan::TableScan(scan));
                Ok(Transformed::yes(LogicalPlan::Limit(limit)))
            }
            _ => Ok(Transformed::no(LogicalPlan::Limit(limit))),
        }
    }
}

/// How many rows a limit needs of its input, where it says so plainly.
fn rows_needed(limit: &Limit) -> Result<Option<usize>> {
    Ok(match (limit.get_skip_type()?, limit.get_fetch_type()?) {
        (SkipType::Literal(_), FetchType::Literal(Some(0))) => Some(0),
        (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) => skip.checked_add(fetch),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::config::ConfigOptions;
    use datafusion::logical_expr::{LogicalPlanBuilder, LogicalTableSource, TableScanBuilder};
    use datafusion::optimizer::OptimizerContext;

    use crate::engine::EngineOptions;

    fn scan(fetch: Option<usize>) -> LogicalPlan {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let source = Arc::new(LogicalTableSource::new(Arc::new(schema)));
        let scan = TableScanBuilder::new("t", source).with_fetch(fetch).build().expect("a scan");
        LogicalPlan::TableScan(scan)
    }

    fn limit(skip: usize, fetch: Option<usize>, input: LogicalPlan) -> LogicalPlan {
        LogicalPlanBuilder::from(input).limit(skip, fetch).and_then(LogicalPlanBuilder::build).expect("a limit")
    }

    #[track_caller]
    fn check(is_on: bool, before: LogicalPlan, expected: Option<LogicalPlan>) {
        let mut options = ConfigOptions::new();
        let mut engine = EngineOptions::default();
        engine.pushdown.limit = is_on;
        options.extensions.insert(engine);
        let context = OptimizerContext::new_with_config_options(Arc::new(options));
        let after = KeepLimitsOffScans.rewrite(before.clone(), &context).expect("rewrites");
        assert_eq!(after.transformed, expected.is_some());
        assert_eq!(after.data, expected.unwrap_or(before));
    }

    #[test]
    fn a_limit_that_stands_above_is_taken_from_the_scan() {
        check(false, limit(0, Some(10), scan(Some(10))), Some(limit(0, Some(10), scan(None))));
        check(false, limit(5, Some(10), scan(Some(15))), Some(limit(5, Some(10), scan(None))));
        check(false, limit(5, Some(0), scan(Some(0))), Some(limit(5, Some(0), scan(None))));
    }

    #[test]
    fn it_does_not_fire() {
        check(true, limit(0, Some(10), scan(Some(10))), None);
        check(false, limit(0, Some(10), scan(None)), None);
        check(false, scan(Some(10)), None);
        // The scan's own limit is the smaller one: it must stay.
        check(false, limit(0, Some(10), scan(Some(3))), None);
        check(false, limit(5, None, scan(Some(10))), None);
    }
}

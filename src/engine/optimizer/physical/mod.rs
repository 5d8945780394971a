//! Rules on physical plans, one a file.

mod choose_row_filters;
mod defer_probe_sides;
mod follow_scan_settings;
mod keep_limits_off_scans;
mod operator_work;
mod order_joins;
mod read_all_columns;
mod row_filter_cost;
mod split_scans;

pub(super) use choose_row_filters::ChooseRowFilters;
pub(super) use defer_probe_sides::DeferProbeSides;
pub(super) use follow_scan_settings::FollowScanSettings;
pub(super) use keep_limits_off_scans::KeepLimitsOffScans;
pub(super) use order_joins::OrderJoins;
pub(super) use read_all_columns::ReadAllColumns;
pub(super) use split_scans::SplitScans;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use crate::engine::ansi;

/// The parts of an operator that scans Parquet files.
fn parquet_scan(node: &Arc<dyn ExecutionPlan>) -> Option<(&DataSourceExec, &FileScanConfig, &ParquetSource)> {
    let operator = node.downcast_ref::<DataSourceExec>()?;
    let (config, source) = operator.downcast_to_file_source::<ParquetSource>()?;
    Some((operator, config, source))
}

/// The plan with other operators in place of those of its Parquet scans for which there is one.
fn replace_scans(
    plan: Arc<dyn ExecutionPlan>,
    mut replacement: impl FnMut(&FileScanConfig, &ParquetSource) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let replaced = plan.transform_up(|node| {
        let replacement = match parquet_scan(&node) {
            Some((_, scan, source)) => replacement(scan, source)?,
            None => None,
        };
        Ok(replacement.map_or_else(|| Transformed::no(node), Transformed::yes))
    });
    Ok(replaced?.data)
}

/// The number of the filter that a join finds while it runs.
fn filter_number(plan: &dyn ExecutionPlan) -> Option<u64> {
    let join = plan.downcast_ref::<HashJoinExec>()?;
    join.dynamic_expressions_produced().first()?.expression_id()
}

/// Whether a condition may see other rows than those it stands above.
fn is_movable(expr: &PhysicalExprRef) -> bool {
    !expr.exists(|expr| Ok(expr.is_volatile_node() || ansi::can_fail(expr.as_ref()))).unwrap_or(true)
}

//! [`KeepLimitsOffScans`]: with `engine.pushdown.limit` off, scans are not told of limits.
//!
//! ```text
//!   DataSourceExec limit=10   ─▶   LocalLimitExec 10
//!                                    DataSourceExec
//! ```
//!
//! A scan's limit holds for each of its partitions, as [`LocalLimitExec`]'s does, which also keeps order and partitions: the
//! same rows come out. They are not the same rows of a table without order if a scan that knows its limit would have read
//! other files or row groups first; SQL leaves that open.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::LocalLimitExec;

use crate::engine::PushdownOptions;

/// Puts an operator above each scan that cuts what the scan would have cut itself.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct KeepLimitsOffScans;

impl PhysicalOptimizerRule for KeepLimitsOffScans {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if PushdownOptions::of(config).limit {
            return Ok(plan);
        }
        let kept_off = plan.transform_up(|node| {
            let scan = node.downcast_ref::<DataSourceExec>();
            let unlimited = scan.and_then(|scan| Some((scan.fetch()?, scan.with_fetch(None)?)));
            Ok(match unlimited {
                Some((fetch, scan)) => Transformed::yes(Arc::new(LocalLimitExec::new(scan, fetch)) as _),
                None => Transformed::no(node),
            })
        });
        Ok(kept_off?.data)
    }

    fn name(&self) -> &str {
        "KeepLimitsOffScans"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

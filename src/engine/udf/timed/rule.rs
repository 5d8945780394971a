//! [`TimeFunctions`]: the analyzer's rule that tells functions which statement times them.
//!
//! DataFusion hands the settings of a statement, and with them the statement itself, to each call of a scalar function, but not to aggregate and window
//! functions. The rule also has those functions timed that nobody timed when they were read: those of views, and those under DataFusion's semantics.
//! Their places are not known.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;

use super::timed;
use crate::engine::settings::UdfOptions;
use crate::engine::udf::statement::Statement;

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct TimeFunctions;

impl AnalyzerRule for TimeFunctions {
    fn name(&self) -> &str {
        "time_functions"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        if !UdfOptions::of(config).profile {
            return Ok(plan);
        }
        let statement = Statement::of(config);
        let plan = plan.transform_up_with_subqueries(|plan| {
            plan.map_expressions(|expr| expr.transform_up(|expr| Ok(timed(expr, None, Some(&statement)))))
        })?;
        Ok(plan.data)
    }
}

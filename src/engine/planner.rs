//! [`EnginePlanner`]: from the optimized logical plan to operators.
//!
//! ```text
//!   optimized plan ─▶ ansi::finish ─▶ Knowledge::learn ─▶ DataFusion's planner and the physical rules
//!                                     reads samples: the only part of planning that waits for files
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, not_impl_err};
use datafusion::execution::context::{QueryPlanner, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::ansi;
use super::settings::{OptimizerOptions, PushdownOptions, RowFilters};
use super::statistics::Knowledge;

/// See the module.
#[derive(Debug)]
pub(super) struct EnginePlanner {
    knowledge: Arc<Knowledge>,
}

impl EnginePlanner {
    pub(super) fn new(knowledge: &Arc<Knowledge>) -> Self {
        Self { knowledge: Arc::clone(knowledge) }
    }
}

/// Whether a rule of ours asks what the data is like.
pub(super) fn looks_at_data(options: &ConfigOptions) -> bool {
    OptimizerOptions::of(options).join_order || PushdownOptions::of(options).filter == RowFilters::Auto
}

#[async_trait]
impl QueryPlanner for EnginePlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = ansi::finish(plan.clone())?;
        if looks_at_data(session.config_options()) {
            self.knowledge.learn(&plan, session).await?;
        }
        let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
            return not_impl_err!("planning for a session that is not DataFusion's");
        };
        DefaultPhysicalPlanner::default().create_physical_plan(&plan, state).await
    }
}

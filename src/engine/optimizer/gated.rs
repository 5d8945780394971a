//! [`Gated`]: a rule of DataFusion's that a setting of ours can turn off.
//!
//! The rule keeps its name, so that `EXPLAIN VERBOSE` reads as it does without us. Off, the plan passes unchanged; a rule may
//! be gated only if the plan without it gives the same rows.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule};
use datafusion::physical_plan::ExecutionPlan;

use super::PhysicalRule;
use crate::engine::PushdownOptions;

/// A rule, and the setting that it asks.
#[derive(Debug)]
pub(super) struct Gated {
    rule: PhysicalRule,
    is_on: fn(&PushdownOptions) -> bool,
}

impl Gated {
    pub(super) fn new(rule: PhysicalRule, is_on: fn(&PushdownOptions) -> bool) -> Self {
        Self { rule, is_on }
    }

    fn is_on(&self, config: &ConfigOptions) -> bool {
        (self.is_on)(&PushdownOptions::of(config))
    }
}

impl PhysicalOptimizerRule for Gated {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if self.is_on(config) { self.rule.optimize(plan, config) } else { Ok(plan) }
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.is_on(context.config_options()) { self.rule.optimize_with_context(plan, context) } else { Ok(plan) }
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

//! Our estimates for DataFusion's own rules: build sides and join modes go by the same numbers as our join order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::operator_statistics::{
    ExtendedStatistics, StatisticsProvider, StatisticsRegistry, StatisticsResult,
};

use super::estimate::Estimate;
use super::knowledge::Knowledge;
use super::operator::{as_statistics, estimate, of_operator};

/// A registry that has nothing but our estimates.
pub(crate) fn registry(knowledge: &Arc<Knowledge>) -> StatisticsRegistry {
    StatisticsRegistry::with_providers(vec![Arc::new(Estimates { knowledge: Arc::clone(knowledge) })])
}

#[derive(Debug)]
struct Estimates {
    knowledge: Arc<Knowledge>,
}

impl StatisticsProvider for Estimates {
    fn compute_statistics(&self, plan: &dyn ExecutionPlan, inputs: &[ExtendedStatistics]) -> Result<StatisticsResult> {
        let known: Option<Vec<&Estimate>> = inputs.iter().map(|input| input.get_extension::<Estimate>()).collect();
        let estimate = match known {
            Some(inputs) => of_operator(plan, &inputs, &self.knowledge),
            None => estimate(plan, &self.knowledge),
        };
        let mut statistics = ExtendedStatistics::new(as_statistics(&estimate, &plan.schema()));
        statistics.set_extension(estimate);
        Ok(StatisticsResult::Computed(statistics))
    }
}

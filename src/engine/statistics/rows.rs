//! The rows that each operator of a plan is expected to give, to hold against what it gave: by our estimates, or by DataFusion's own
//! where ours play no part in planning.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::estimate::Estimate;
use super::knowledge::Knowledge;
use super::operator::of_operator;

/// Rows by operator.
#[derive(Debug, Default)]
pub(crate) struct EstimatedRows {
    /// By the operator's address: valid as long as the plan is.
    rows: HashMap<usize, f64>,
}

impl EstimatedRows {
    pub(crate) fn new(plan: &Arc<dyn ExecutionPlan>, knowledge: &Knowledge) -> Self {
        let mut all = Self::default();
        all.visit(plan, knowledge);
        all
    }

    /// What DataFusion expects; nothing of operators that it says nothing of.
    pub(crate) fn of_datafusion(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let mut all = Self::default();
        all.visit_statistics(plan, &StatisticsContext::new());
        all
    }

    /// What an operator of the plan is expected to give.
    pub(crate) fn of(&self, operator: &Arc<dyn ExecutionPlan>) -> Option<u64> {
        self.rows.get(&address(operator)).map(|rows| rows.round() as u64)
    }

    fn visit_statistics(&mut self, plan: &Arc<dyn ExecutionPlan>, statistics: &StatisticsContext) {
        let computed = statistics.compute(plan.as_ref(), &StatisticsArgs::new()).ok();
        if let Some(rows) = computed.and_then(|computed| computed.num_rows.get_value().copied()) {
            self.rows.insert(address(plan), rows as f64);
        }
        plan.children().into_iter().for_each(|input| self.visit_statistics(input, statistics));
    }

    fn visit(&mut self, plan: &Arc<dyn ExecutionPlan>, knowledge: &Knowledge) -> Estimate {
        let inputs: Vec<Estimate> = plan.children().into_iter().map(|input| self.visit(input, knowledge)).collect();
        let estimate = of_operator(plan.as_ref(), &inputs.iter().collect::<Vec<_>>(), knowledge);
        self.rows.insert(address(plan), estimate.rows);
        estimate
    }
}

fn address(plan: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(plan).cast::<()>().addr()
}

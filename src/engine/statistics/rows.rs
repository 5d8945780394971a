//! The rows that each operator of a plan is expected to give, to hold against what it gave: by our estimates, or by DataFusion's own
//! where ours play no part in planning.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::knowledge::Knowledge;
use super::operator::estimate_each;

/// Rows by operator.
#[derive(Debug, Default)]
pub(crate) struct EstimatedRows {
    /// By the operator's address: valid as long as the plan is.
    rows: HashMap<usize, f64>,
}

impl EstimatedRows {
    pub(crate) fn new(plan: &Arc<dyn ExecutionPlan>, knowledge: &Knowledge) -> Self {
        let mut all = Self::default();
        estimate_each(plan.as_ref(), knowledge, &mut |operator, _, estimate| {
            all.rows.insert(address(operator), estimate.rows);
        });
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
        self.rows.get(&address(operator.as_ref())).map(|rows| rows.round() as u64)
    }

    fn visit_statistics(&mut self, plan: &Arc<dyn ExecutionPlan>, statistics: &StatisticsContext) {
        let computed = statistics.compute(plan.as_ref(), &StatisticsArgs::new()).ok();
        if let Some(rows) = computed.and_then(|computed| computed.num_rows.get_value().copied()) {
            self.rows.insert(address(plan.as_ref()), rows as f64);
        }
        plan.children().into_iter().for_each(|input| self.visit_statistics(input, statistics));
    }
}

fn address(plan: &dyn ExecutionPlan) -> usize {
    std::ptr::from_ref(plan).cast::<()>().addr()
}

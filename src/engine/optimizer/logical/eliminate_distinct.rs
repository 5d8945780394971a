//! [`EliminateDistinct`]: a DISTINCT, or a GROUP BY without aggregates, of what is distinct anyway disappears.
//!
//! ```text
//!   before   Aggregate: groupBy=[[c_customer_sk, c_last_name]]    after   Projection: c_customer_sk, c_last_name
//!              customer                                                     customer
//! ```
//!
//! That goes for the right side of `IN (SELECT DISTINCT key …)`, `EXISTS`, INTERSECT and UNION as well, which are joins and aggregates by then.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::keys::{derive, plain_column};
use crate::engine::keys::TrustedKeys;
use crate::engine::settings::OptimizerOptions;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct EliminateDistinct {
    trusted: Arc<TrustedKeys>,
}

impl EliminateDistinct {
    pub(in crate::engine::optimizer) fn new(trusted: &Arc<TrustedKeys>) -> Self {
        Self { trusted: Arc::clone(trusted) }
    }

    fn rewrite_node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        if !is_distinct(aggregate) {
            return Ok(Transformed::no(plan));
        }
        let schema = aggregate.input.schema();
        let columns = aggregate.group_expr.iter().filter_map(|group| plain_column(group, schema)).collect();
        if !derive(&aggregate.input, &self.trusted).is_unique(&columns) {
            return Ok(Transformed::no(plan));
        }
        let outputs = aggregate.schema.iter().zip(&aggregate.group_expr);
        let columns = outputs.map(|((qualifier, field), group)| super::named(group.clone(), qualifier, field.name()));
        let projection = Projection::try_new(columns.collect(), Arc::clone(&aggregate.input))?;
        Ok(Transformed::yes(LogicalPlan::Projection(projection)))
    }
}

impl OptimizerRule for EliminateDistinct {
    fn name(&self) -> &str {
        "eliminate_distinct"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let is_on = !self.trusted.is_empty() && OptimizerOptions::of(&config.options()).eliminate_distinct;
        let is_candidate = |node: &LogicalPlan| matches!(node, LogicalPlan::Aggregate(of) if is_distinct(of));
        if !is_on || !super::contains(&plan, is_candidate) {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|plan| self.rewrite_node(plan))
    }
}

fn is_distinct(aggregate: &Aggregate) -> bool {
    let is_set = |group: &Expr| matches!(group, Expr::GroupingSet(_));
    aggregate.aggr_expr.is_empty() && !aggregate.group_expr.iter().any(is_set)
}

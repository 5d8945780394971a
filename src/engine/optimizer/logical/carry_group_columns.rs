//! [`CarryGroupColumns`]: what a key determines is not grouped by, but carried along.
//!
//! ```text
//!   before   Aggregate: groupBy=[[ss_ticket_number, ss_addr_sk, ca_city]], aggr=[[sum(ss_net_profit)]]
//!              Inner Join: ss_addr_sk = ca_address_sk
//!
//!   after    Projection: ss_ticket_number, ss_addr_sk, carry(ca_city) AS ca_city, sum(ss_net_profit)
//!              Aggregate: groupBy=[[ss_ticket_number, ss_addr_sk]], aggr=[[carry(ca_city), sum(ss_net_profit)]]
//!                Inner Join: ss_addr_sk = ca_address_sk
//! ```
//!
//! Every row's group-by columns are hashed, compared with those of its group, and hashed again where partitions change hands; a text is
//! the dearest of all. A column that the others determine is the same in all rows of a group, NULL or not, so that
//! [`carry`](super::carried) takes it from the first and does not look at the rest. Names, types and NULLs of the result stay as they were.
//!
//! Grouping sets stay: they put NULL for columns that then determine nothing. So does a DISTINCT, which has no aggregate and may stop early
//! at a limit.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, Projection};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::carried::carry;
use super::keys::{ColumnSet, RelationKeys, column_at, derive, plain_column};
use crate::engine::keys::{TrustedKeys, is_exact};
use crate::engine::settings::OptimizerOptions;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct CarryGroupColumns {
    trusted: Arc<TrustedKeys>,
}

impl CarryGroupColumns {
    pub(in crate::engine::optimizer) fn new(trusted: &Arc<TrustedKeys>) -> Self {
        Self { trusted: Arc::clone(trusted) }
    }

    fn rewrite_node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        if !is_candidate(aggregate) {
            return Ok(Transformed::no(plan));
        }
        let is_carried = carried(aggregate, &derive(&aggregate.input, &self.trusted));
        if !is_carried.contains(&true) {
            return Ok(Transformed::no(plan));
        }
        let smaller = grouped_by_the_rest(aggregate, &is_carried)?;
        Ok(Transformed::yes(with_columns_of(aggregate, &is_carried, smaller)?))
    }
}

impl OptimizerRule for CarryGroupColumns {
    fn name(&self) -> &str {
        "carry_group_columns"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let is_on = !self.trusted.is_empty() && OptimizerOptions::of(&config.options()).carry_group_columns;
        if !is_on || !super::contains(&plan, |node| matches!(node, LogicalPlan::Aggregate(of) if is_candidate(of))) {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|plan| self.rewrite_node(plan))
    }
}

fn is_candidate(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.len() > 1 && !aggregate.aggr_expr.is_empty()
}

/// Which group-by columns the others determine. Those that cost most are tried first.
fn carried(aggregate: &Aggregate, input: &RelationKeys) -> Vec<bool> {
    let (groups, schema) = (&aggregate.group_expr, aggregate.input.schema());
    let mut is_carried = vec![false; groups.len()];
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(cost(&groups[*place], schema)));
    for place in order {
        is_carried[place] = true;
        let rest = (0..groups.len()).filter(|other| !is_carried[*other]);
        let rest: ColumnSet = rest.filter_map(|other| plain_column(&groups[other], schema)).collect();
        // A constant is determined by nothing; but without a column to group by there is a row even for no rows.
        let is_determined = !rest.is_empty() && determines(input, &rest, &groups[place], schema);
        is_carried[place] = is_determined;
    }
    is_carried
}

/// Whether rows that agree on the columns agree on the expression.
fn determines(input: &RelationKeys, columns: &ColumnSet, expr: &Expr, schema: &DFSchema) -> bool {
    if expr.is_volatile() || super::has_subquery(expr) {
        return false;
    }
    let known = input.closure(columns);
    let is_column = plain_column(expr, schema).is_some();
    expr.column_refs().into_iter().all(|column| {
        let place = schema.maybe_index_of_column(column);
        // What is computed from floats may differ for 0 and -0.
        place.is_some_and(|place| known.contains(place) && (is_column || is_exact(schema.field(place).data_type())))
    })
}

/// What it costs to group by a column, as a rank.
fn cost(expr: &Expr, schema: &DFSchema) -> u8 {
    match expr.get_type(schema) {
        Ok(DataType::Boolean | DataType::Date32 | DataType::Int8 | DataType::Int16 | DataType::Int32) => 0,
        Ok(data_type) if data_type.is_primitive() && data_type.primitive_width() <= Some(8) => 1,
        Ok(data_type) if data_type.is_primitive() => 2,
        _ => 3,
    }
}

fn grouped_by_the_rest(aggregate: &Aggregate, is_carried: &[bool]) -> Result<Aggregate> {
    let groups = || aggregate.group_expr.iter().zip(is_carried);
    let kept = groups().filter(|(_, is_carried)| !**is_carried).map(|(group, _)| group.clone());
    let carried = groups().filter(|(_, is_carried)| **is_carried).map(|(group, _)| carry(group.clone().unalias()));
    let aggregates = carried.chain(aggregate.aggr_expr.iter().cloned());
    Aggregate::try_new(Arc::clone(&aggregate.input), kept.collect(), aggregates.collect())
}

/// The columns that the aggregate had, in their order and of their names.
fn with_columns_of(aggregate: &Aggregate, is_carried: &[bool], smaller: Aggregate) -> Result<LogicalPlan> {
    let kept_count = is_carried.iter().filter(|is_carried| !**is_carried).count();
    let (mut kept, mut carried) = (0..kept_count, kept_count..is_carried.len());
    let columns = aggregate.schema.iter().enumerate().filter_map(|(place, (qualifier, field))| {
        let source = match is_carried.get(place) {
            Some(true) => carried.next()?,
            Some(false) => kept.next()?,
            None => place,
        };
        Some(super::named(Expr::Column(column_at(&smaller.schema, source)), qualifier, field.name()))
    });
    let columns: Vec<Expr> = columns.collect();
    Projection::try_new(columns, Arc::new(LogicalPlan::Aggregate(smaller))).map(LogicalPlan::Projection)
}

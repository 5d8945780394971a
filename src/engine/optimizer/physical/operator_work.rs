//! What an operator costs without its inputs, roughly, by the estimates of its rows.
//!
//! It says what it saves to drop rows below an operator and not above it, for [`super::ChooseRowFilters`]. Joins have their own
//! [`HashJoinCost`], here always that of a hash table. [`super::OrderJoins`] knows where an array takes its place, at half the price; counted so here,
//! too few filters are put into scans, as nothing counts all that a row costs which a join drops late: of 14 statements of TPC-DS at scale 10 whose
//! row filters changed by that, in 6 to 8 pairs, q63 and q53 took 0.86 and 0.90 of the time, and q95 3.97, q39b 1.50, q50 1.25.
//!
//! The others were read off operators' metrics over TPC-DS at scale 10, to a factor of two: to hash rows of 50 bytes to
//! partitions 25 ns a row, to group by a number 40 ns and by eight texts 280 ns.

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use crate::engine::optimizer::join_order::{CostModel, HashJoinCost, JoinCandidate, JoinInput};
use crate::engine::statistics::Estimate;

/// A row, and a byte of it, that an exchange copies.
const EXCHANGE_NS: (f64, f64) = (15.0, 0.2);
/// A row, and a byte of its group, that an aggregate hashes and compares.
const GROUP_NS: (f64, f64) = (30.0, 1.5);
/// A row that is sorted, or put into a window.
const SORT_NS: f64 = 100.0;
/// A row that passes through anything else.
const PASS_NS: f64 = 2.0;

/// Nanoseconds of one thread.
pub(super) fn work_ns(plan: &dyn ExecutionPlan, inputs: &[Estimate], output: &Estimate) -> f64 {
    if let (Some(_), [build, probe]) = (plan.downcast_ref::<HashJoinExec>(), inputs) {
        let input = |side: &Estimate| JoinInput { rows: side.rows, width_bytes: side.width_bytes() };
        let join = JoinCandidate {
            build: input(build),
            probe: input(probe),
            output: input(output),
            pairs: output.rows,
            probe_share: 1.0,
            is_hashed: true,
            key_range: f64::INFINITY,
        };
        return HashJoinCost::default().join_cost(&join);
    }
    let Some(input) = inputs.first() else { return 0.0 };
    let row_ns = if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let width_bytes: f64 =
            output.columns.iter().take(aggregate.group_expr().expr().len()).map(|column| column.width_bytes).sum();
        GROUP_NS.0 + GROUP_NS.1 * width_bytes
    } else if plan.downcast_ref::<RepartitionExec>().is_some() {
        EXCHANGE_NS.0 + EXCHANGE_NS.1 * input.width_bytes()
    } else if plan.downcast_ref::<SortExec>().is_some()
        || plan.downcast_ref::<WindowAggExec>().is_some()
        || plan.downcast_ref::<BoundedWindowAggExec>().is_some()
    {
        SORT_NS
    } else {
        PASS_NS
    };
    inputs.iter().map(|input| input.rows).sum::<f64>() * row_ns
}

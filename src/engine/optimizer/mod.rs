//! The optimizer's rules: DataFusion's own in its own order, and ours among them, a reason beside each.
//!
//! ```text
//!   SQL ─▶ analyzer_rules ─▶ logical_rules ─▶ planner ─▶ physical_rules ─▶ operators
//! ```
//!
//! A rule reads the session's settings each time it plans, so that `SET` holds from the next statement on. With DataFusion's own
//! values of all settings, no rule of ours changes a plan: that is the profile `datafusion`.

mod gated;
mod join_order;
mod logical;
mod physical;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use super::ansi::{FallibleLast, SparkSemantics};
use super::keys::TrustedKeys;
use super::statistics::Knowledge;
use super::udf::{TimeFunctions, UserFunctions};
use gated::Gated;

/// A rule on logical plans.
type LogicalRule = Arc<dyn OptimizerRule + Send + Sync>;
/// A rule on physical plans.
type PhysicalRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules on plans as they were written, in order.
pub(super) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    // First, so that what a function's body is made of is coerced and looked at as everything else.
    rules.insert(0, Arc::new(UserFunctions));
    // Last: whether an operation can fail depends on the types that its operands are brought to.
    rules.push(Arc::new(SparkSemantics));
    // After it, as it has DataFusion's own functions in the places of operations.
    rules.push(Arc::new(TimeFunctions));
    rules
}

/// The rules on logical plans, in order.
pub(super) fn logical_rules(keys: &Arc<TrustedKeys>) -> Vec<LogicalRule> {
    let mut rules = Optimizer::new().rules;
    let place = position(&rules, |rule| rule.name() == "push_down_limit");
    // Right after it, before another rule moves the scan away from its limit.
    rules.insert(place + 1, Arc::new(logical::KeepLimitsOffScans));
    let place = position(&rules, |rule| rule.name() == "common_sub_expression_eliminate");
    // Before it takes expressions out of filters, to where they would be evaluated for every row.
    rules.insert(place, Arc::new(FallibleLast));
    let place = position(&rules, |rule| rule.name() == "optimize_projections");
    // After it, when nobody asks for columns that are not needed. The next pass pushes the filters that come in for the joins.
    let by_keys: [LogicalRule; 3] = [
        Arc::new(logical::EliminateDistinct::new(keys)),
        Arc::new(logical::EliminateJoin::new(keys)),
        // Last: what is carried is a column of an aggregate, below which no filter is pushed any more.
        Arc::new(logical::CarryGroupColumns::new(keys)),
    ];
    rules.splice(place + 1..place + 1, by_keys);
    rules
}

/// The rules on physical plans, in order. `start` are the settings with which the session begins.
pub(super) fn physical_rules(start: &ConfigOptions, knowledge: &Arc<Knowledge>) -> Vec<PhysicalRule> {
    let mut rules = PhysicalOptimizer::new().rules;
    let place = position(&rules, |rule| rule.name() == "aggregate_statistics");
    rules[place] = Arc::new(Gated::new(Arc::clone(&rules[place]), |pushdown| pushdown.aggregate));
    let place = position(&rules, |rule| rule.name() == "PushdownSort");
    // After the last rule that hands sorts' limits to scans.
    rules.insert(place + 1, Arc::new(physical::KeepLimitsOffScans));
    // After the last rule that hands columns to scans. A scan is made anew, so before the rules that tell it of an order.
    rules.insert(place, Arc::new(physical::ReadAllColumns));
    let place = position(&rules, |rule| rule.name() == "join_selection");
    // Before build sides and join modes are chosen.
    rules.insert(place, Arc::new(physical::OrderJoins::new(knowledge)));
    let place = position(&rules, |rule| rule.name() == "SanityCheckPlan");
    // Last of all that changes plans: the scans know all filters then.
    rules.insert(place, Arc::new(physical::ChooseRowFilters::new(knowledge)));
    // After the rules that divide files among partitions.
    rules.insert(place + 1, Arc::new(physical::SplitScans));
    // Last: which filters scans have, and which partitions are brought together.
    rules.insert(place + 2, Arc::new(physical::DeferProbeSides));
    // First, since filters are handed to scans by what the scans say of themselves.
    rules.insert(0, Arc::new(physical::FollowScanSettings::new(&start.execution.parquet)));
    rules
}

fn position<R>(rules: &[R], wanted: impl FnMut(&R) -> bool) -> usize {
    rules.iter().position(wanted).expect("the pinned version of DataFusion has that rule: a test builds both lists")
}

//! Rules on logical plans, one a file. [`keys`] is what those know that go by verified keys.

mod carried;
mod carry_group_columns;
mod eliminate_distinct;
mod eliminate_join;
mod keep_limits_off_scans;
mod keys;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(super) use carry_group_columns::CarryGroupColumns;
pub(super) use eliminate_distinct::EliminateDistinct;
pub(super) use eliminate_join::EliminateJoin;
pub(super) use keep_limits_off_scans::KeepLimitsOffScans;

use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::engine::ansi::has_subquery;

/// Whether a plan, or a subquery in it, has such a node: rules look before they take a plan apart.
fn contains(plan: &LogicalPlan, is_wanted: impl Fn(&LogicalPlan) -> bool) -> bool {
    let mut found = false;
    let visited = plan.apply_with_subqueries(|node| {
        found |= is_wanted(node);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || visited.is_err()
}

/// The expression as a column of that name.
fn named(expr: Expr, qualifier: Option<&TableReference>, name: &str) -> Expr {
    match &expr {
        Expr::Column(column) if column.relation.as_ref() == qualifier && column.name == name => expr,
        _ => expr.unalias().alias_qualified(qualifier.cloned(), name),
    }
}

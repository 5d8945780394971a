//! Plans that can be stopped.
//!
//! Stopping a query means dropping its tasks, and a task can only be dropped where it yields. DataFusion makes the leaves of a
//! plan yield from time to time. A join without keys, however, turns one batch of its input into millions of rows without
//! asking a leaf again: it, and whatever pulls from it, would run on for minutes after a time limit or Ctrl-C.
//!
//! ```text
//! before   Aggregate ◀─ NestedLoopJoin ◀─ …        after   Aggregate ◀─ Cooperative ◀─ NestedLoopJoin ◀─ …
//! ```
//!
//! [`CooperativeExec`] passes batches on unchanged, in the same order and partitions, and yields after a budget of them. It is
//! no optimization, so every profile has it.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};

/// Puts a place to yield above every join without keys.
pub(super) fn with_places_to_yield(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let multiplies = |node: &Arc<dyn ExecutionPlan>| node.is::<NestedLoopJoinExec>() || node.is::<CrossJoinExec>();
    // Most plans have none; a walk that may change something costs much more than one that looks.
    if !plan.exists(|node| Ok(multiplies(node)))? {
        return Ok(plan);
    }
    let wrapped = plan.transform_up(|node| {
        let is_wrapped = multiplies(&node);
        Ok(if is_wrapped { Transformed::yes(Arc::new(CooperativeExec::new(node)) as _) } else { Transformed::no(node) })
    });
    Ok(wrapped?.data)
}

//! Filters that one operator finds while the plan runs, and others read: of a join's build side, of the rows that a sort keeps, of an aggregate's
//! extremes. Each has a number.

use std::collections::BTreeSet;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;

/// The numbers of those that are in an expression.
pub(super) fn read_by(expr: &PhysicalExprRef) -> Result<BTreeSet<u64>> {
    let mut read = BTreeSet::new();
    expr.apply(|part| {
        read.extend(part.expression_id().filter(|_| part.is::<DynamicFilterPhysicalExpr>()));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};

    use super::*;
    use crate::engine::prune_only::PruneOnly;

    #[test]
    fn all_that_are_in_it() {
        let filter = || Arc::new(DynamicFilterPhysicalExpr::new(vec![Arc::new(Column::new("a", 0))], lit(true))) as _;
        let (one, other): (PhysicalExprRef, PhysicalExprRef) = (filter(), filter());
        let both = Arc::new(BinaryExpr::new(Arc::clone(&one), Operator::And, Arc::new(PruneOnly::new(other)))) as _;
        assert_eq!(read_by(&both).expect("a walk").len(), 2);
        assert_eq!(read_by(&one).expect("a walk"), BTreeSet::from_iter(one.expression_id()));
        assert!(read_by(&lit(5)).expect("a walk").is_empty());
    }
}

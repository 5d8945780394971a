//! Expressions over other columns.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::Column;

/// The expression with something else in the place of each column; none if nothing can take the place of one.
pub(super) fn with_columns(
    expr: &PhysicalExprRef,
    mut by: impl FnMut(&Column) -> Option<PhysicalExprRef>,
) -> Option<PhysicalExprRef> {
    let mut is_whole = true;
    let replaced = Arc::clone(expr).transform(|expr| {
        let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
        let other = by(column);
        is_whole &= other.is_some();
        Ok(other.map_or_else(|| Transformed::no(expr), Transformed::yes))
    });
    replaced.ok().filter(|_| is_whole).map(|replaced| replaced.data)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::BinaryExpr;

    use super::*;

    #[test]
    fn all_columns_or_none() {
        let column = |index| Arc::new(Column::new("c", index)) as PhysicalExprRef;
        let sum: PhysicalExprRef = Arc::new(BinaryExpr::new(column(1), Operator::Plus, column(2)));
        let moved = with_columns(&sum, |old| Some(column(old.index() + 7))).expect("all of them");
        assert_eq!(moved.to_string(), "c@8 + c@9");
        assert!(with_columns(&sum, |old| (old.index() == 1).then(|| column(0))).is_none());
    }
}

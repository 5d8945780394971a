//! [`PruneOnly`]: a condition by which a scan leaves out files, row groups and pages, and does not filter rows. [`ScanConditions`] tells them
//! from the others.
//!
//! ```text
//!   predicate of a scan that filters rows     a > 5 AND PruneOnly(DynamicFilter on b)
//!                                             rows: a > 5            row groups and pages: a > 5, and b between the keys found
//! ```
//!
//! A scan of Parquet has one predicate, for both. Where only some of its conditions are worth evaluating on rows, the others must not go:
//! a table in the order of its dates is read in full without them. The scan prunes by a snapshot of its predicate, and the snapshot of this is the
//! condition itself, with columns and constants as they are in the file at hand. It evaluates no conjunct on rows that has `input_file_name()` in
//! it, as this has. Were it evaluated all the same, it would let all rows pass, which is right, as somebody above drops them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::physical_plan::{FileSource, ParquetSource};
use datafusion::functions::core::input_file_name;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::utils::split_conjunction;
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef, ScalarFunctionExpr};

/// See the module. The operators above the scan must drop the rows for which the condition is not true.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PruneOnly {
    /// The condition, and what keeps the scan from evaluating it.
    parts: [PhysicalExprRef; 2],
}

impl PruneOnly {
    pub(crate) fn new(condition: PhysicalExprRef) -> Self {
        static NOT_ON_ROWS: LazyLock<PhysicalExprRef> = LazyLock::new(|| {
            let field = Arc::new(Field::new("input_file_name", DataType::Utf8, false));
            let options = Arc::new(ConfigOptions::default());
            Arc::new(ScalarFunctionExpr::new("input_file_name", input_file_name(), vec![], field, options))
        });
        Self { parts: [condition, Arc::clone(&NOT_ON_ROWS)] }
    }
}

impl fmt::Display for PruneOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PruneOnly({})", self.parts[0])
    }
}

impl PhysicalExpr for PruneOnly {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, _: &RecordBatch) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(true)))
    }

    fn children(&self) -> Vec<&PhysicalExprRef> {
        self.parts.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<PhysicalExprRef>) -> Result<PhysicalExprRef> {
        Ok(Arc::new(Self::new(children.swap_remove(0))))
    }

    fn snapshot(&self) -> Result<Option<PhysicalExprRef>> {
        Ok(Some(Arc::clone(&self.parts[0])))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts[0].fmt_sql(f)
    }
}

/// What a scan does with the conditions of its predicate.
#[derive(Debug, Default)]
pub(crate) struct ScanConditions {
    /// It drops the rows for which one of these is not true.
    pub(crate) on_rows: Vec<PhysicalExprRef>,
    /// By these it leaves out what it need not read, and gives rows for which they are not true.
    pub(crate) pruning_alone: Vec<PhysicalExprRef>,
}

impl ScanConditions {
    /// A source that is no Parquet evaluates nothing on rows.
    pub(crate) fn of(source: &dyn FileSource) -> Self {
        let Some(predicate) = source.filter() else { return Self::default() };
        let parquet = source.downcast_ref::<ParquetSource>();
        let filters_rows = parquet.is_some_and(|source| source.table_parquet_options().global.pushdown_filters);
        let conditions = split_conjunction(&predicate).into_iter().map(Arc::clone);
        let (on_rows, pruning_alone) = conditions.partition(|condition| filters_rows && !condition.is::<PruneOnly>());
        Self { on_rows, pruning_alone }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{BinaryExpr, Column, DynamicFilterPhysicalExpr, lit};
    use datafusion::physical_expr::utils::collect_columns;
    use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;

    use super::*;

    fn condition() -> PhysicalExprRef {
        Arc::new(BinaryExpr::new(Arc::new(Column::new("a", 0)), Operator::Gt, lit(5)))
    }

    #[test]
    fn its_snapshot_is_the_condition_as_it_is_now() {
        let plain: PhysicalExprRef = Arc::new(PruneOnly::new(condition()));
        assert_eq!(snapshot_physical_expr(plain).expect("taken").to_string(), "a@0 > 5");
        let dynamic = Arc::new(DynamicFilterPhysicalExpr::new(vec![Arc::new(Column::new("a", 0))], lit(true)));
        let found: PhysicalExprRef = Arc::new(PruneOnly::new(Arc::clone(&dynamic) as PhysicalExprRef));
        assert_eq!(snapshot_physical_expr(Arc::clone(&found)).expect("taken").to_string(), "true");
        dynamic.update(condition()).expect("updated");
        assert_eq!(snapshot_physical_expr(found).expect("taken").to_string(), "a@0 > 5");
    }

    #[test]
    fn its_columns_are_replaced_and_no_row_is_dropped() {
        let prunes: PhysicalExprRef = Arc::new(PruneOnly::new(condition()));
        assert_eq!(Vec::from_iter(collect_columns(&prunes)), [Column::new("a", 0)]);
        let children = vec![lit(false), Arc::clone(prunes.children()[1])];
        let replaced = Arc::clone(&prunes).with_new_children(children).expect("as many");
        assert_eq!(replaced.to_string(), "PruneOnly(false)");
        let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
        assert!(matches!(replaced.evaluate(&empty), Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))))));
    }
}

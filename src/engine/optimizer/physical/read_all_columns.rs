//! [`ReadAllColumns`]: with `engine.pushdown.projection` off, scans of Parquet files read all columns.
//!
//! ```text
//!   DataSourceExec projection=[b]   ─▶   ProjectionExec [b]
//!                                          DataSourceExec projection=[a, b, c]
//! ```
//!
//! The projection has the scan's own expressions, which are written over the table's columns, so that the operators above see the
//! same columns as before. Files, ranges, order, limit and statistics of the scan are kept: they are in terms of the table, too. A
//! scan of another format, or one that makes up columns of its own (row numbers), is left as it is.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use super::replace_scans;
use crate::engine::PushdownOptions;

/// Moves each scan's projection into an operator above it.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct ReadAllColumns;

impl PhysicalOptimizerRule for ReadAllColumns {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if PushdownOptions::of(config).projection {
            return Ok(plan);
        }
        replace_scans(plan, with_all_columns)
    }

    fn name(&self) -> &str {
        "ReadAllColumns"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The scan with a projection above it; nothing if it reads all columns as they are already.
fn with_all_columns(scan: &FileScanConfig, source: &ParquetSource) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let table = source.table_schema();
    let columns = table.table_schema();
    let all: Vec<usize> = (0..columns.fields().len()).collect();
    let Some(projection) = source.projection() else { return Ok(None) };
    if !table.virtual_columns().is_empty() || *projection == ProjectionExprs::from_indices(&all, columns) {
        return Ok(None);
    }
    // A source cannot be told to forget its projection, so it is made anew from its other parts.
    let options = source.table_parquet_options();
    let mut wide = ParquetSource::new(table.clone()).with_table_parquet_options(options.clone());
    if let Some(bytes) = options.global.metadata_size_hint {
        wide = wide.with_metadata_size_hint(bytes);
    }
    if let Some(factory) = source.parquet_file_reader_factory() {
        wide = wide.with_parquet_file_reader_factory(Arc::clone(factory));
    }
    if let Some(filter) = source.filter() {
        wide = wide.with_predicate(filter);
    }
    let scan = FileScanConfigBuilder::from(scan.clone()).with_source(Arc::new(wide)).build();
    let scan = DataSourceExec::from_data_source(scan);
    Ok(Some(Arc::new(ProjectionExec::try_new(projection.iter().cloned(), scan)?)))
}

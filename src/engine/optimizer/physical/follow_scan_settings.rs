//! [`FollowScanSettings`]: `SET` of a Parquet setting holds for tables that are known already.
//!
//! ```text
//!   register t  ─▶  t keeps a copy of datafusion.execution.parquet.*
//!   SET …bloom_filter_on_read = false
//!   select … from t   ─▶   DataSourceExec (copy: true)   ─▶   DataSourceExec (false)
//! ```
//!
//! DataFusion's tables keep the settings that they were registered with. A copy that still says what the session said when it began
//! came from the session, and follows it; one that says something else was given to the table by its user
//! (`CREATE EXTERNAL TABLE … OPTIONS`), and stays. Only how a file is read is changed, never what is read from it.

use std::sync::Arc;

use datafusion::common::config::{ConfigOptions, ParquetOptions};
use datafusion::datasource::physical_plan::FileScanConfigBuilder;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::replace_scans;

/// Gives scans the session's way to read.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct FollowScanSettings {
    start: ParquetOptions,
}

impl FollowScanSettings {
    /// A rule for a session that begins with these settings.
    pub(in crate::engine::optimizer) fn new(start: &ParquetOptions) -> Self {
        Self { start: start.clone() }
    }
}

impl PhysicalOptimizerRule for FollowScanSettings {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let now = &config.execution.parquet;
        if follow(&self.start, &self.start, now).is_none() {
            return Ok(plan);
        }
        replace_scans(plan, |scan, source| {
            let mut options = source.table_parquet_options().clone();
            let Some(followed) = follow(&options.global, &self.start, now) else { return Ok(None) };
            options.global = followed;
            let source = source.clone().with_table_parquet_options(options);
            let scan = FileScanConfigBuilder::from(scan.clone()).with_source(Arc::new(source)).build();
            Ok(Some(DataSourceExec::from_data_source(scan)))
        })
    }

    fn name(&self) -> &str {
        "FollowScanSettings"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A table's options with those of the session where they came from it; nothing if that changes nothing.
fn follow(table: &ParquetOptions, start: &ParquetOptions, now: &ParquetOptions) -> Option<ParquetOptions> {
    let mut followed = table.clone();
    macro_rules! follow {
        ($($field:ident),* $(,)?) => {
            $(if table.$field == start.$field {
                followed.$field = now.$field;
            })*
        };
    }
    follow! {
        bloom_filter_on_read, enable_page_index, force_filter_selections, max_in_list_size, max_predicate_cache_size,
        pruning, pushdown_filters, reorder_filters,
    }
    (followed != *table).then_some(followed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: bool, start: bool, now: bool, expected: Option<bool>) {
        let options = |on: bool| ParquetOptions { bloom_filter_on_read: on, ..ParquetOptions::default() };
        let followed = follow(&options(table), &options(start), &options(now));
        assert_eq!(followed.map(|options| options.bloom_filter_on_read), expected);
    }

    #[test]
    fn copies_of_the_session_follow_it_and_others_stay() {
        check(true, true, false, Some(false));
        check(false, false, true, Some(true));
        check(true, true, true, None);
        check(false, true, true, None);
    }
}

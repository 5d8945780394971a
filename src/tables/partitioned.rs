//! A table whose files lie in folders named after one of its columns, as one table.
//!
//! ```text
//! columns of the table   ss_sold_date_sk  ss_sold_time_sk  ss_item_sk …   the specification's order
//!                              │                 │             │
//! columns of the scan          └───────────┐     ▼             ▼
//!                                          │  ss_sold_time_sk ss_item_sk …   in the files, in any order there
//!                                          └▶ ss_sold_date_sk                the folder's value for all rows of a file
//! ```
//!
//! DataFusion 55 has such tables too, but takes `__HIVE_DEFAULT_PARTITION__` for a text that is no number, puts the
//! partition column last, and believes that it is never NULL, so that `is null` finds nothing. It also lists the folders
//! anew for each scan. Here everything is known when the table is made: the files, their values and their statistics.
//!
//! Files whose value cannot satisfy the filters are left out when a statement is planned ([`PartitionedTable::files_for`]),
//! and, by the same values, when a join's filter becomes known while it runs, which is the Parquet reader's doing. All
//! filters stay in the plan as well: to leave out a file is an optimization, and no answer depends on it.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::and;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Constraints, DFSchema, ScalarValue, Statistics, project_schema};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::dataset::Partition;
use super::{DataUrl, TableFiles, statistics};
use crate::engine::PushdownOptions;

/// A Hive-partitioned table.
#[derive(Debug)]
pub(super) struct PartitionedTable {
    /// The columns in the table's order.
    schema: SchemaRef,
    /// The columns in the scan's order: the partition column comes last.
    scan_schema: TableSchema,
    /// Where each of the table's columns is in the scan.
    scan_positions: Vec<usize>,
    constraints: Constraints,
    /// The same in the scan's order.
    scan_constraints: Constraints,
    partition_column: FieldRef,
    store: ObjectStoreUrl,
    files: Vec<PartitionedFile>,
    /// The partition column's value for each file.
    values: ArrayRef,
    /// Of all files together.
    statistics: Statistics,
}

impl PartitionedTable {
    /// The table of these files; nothing if they are not partitioned. `schema` has the columns as they are to be seen,
    /// `constraints` says what holds, given where each column is.
    pub(super) fn new(
        url: &DataUrl,
        files: &TableFiles,
        schema: SchemaRef,
        constraints: impl Fn(&Schema) -> Constraints,
    ) -> Result<Option<Self>> {
        let Some(position) = files.partition_column.and_then(|column| schema.index_of(column).ok()) else {
            return Ok(None);
        };
        let Some(first) = files.files.first() else { return Ok(None) };
        let store = ListingTableUrl::try_new(url.object(&first.path), None)?.object_store();
        let partitions: Vec<(&super::TableFile, &Partition)> =
            files.files.iter().filter_map(|file| Some((file, file.partition.as_ref()?))).collect();
        let values = ScalarValue::iter_to_array(partitions.iter().map(|(_, partition)| partition.value.clone()))?;
        let statistics = statistics::of_files(partitions.iter().map(|(_, partition)| partition.statistics.as_ref()));
        let partition_column = Arc::new(schema.field(position).clone());
        let in_files = (0..schema.fields().len()).filter(|column| *column != position);
        let in_files = Arc::new(schema.project(&in_files.collect::<Vec<_>>())?);
        let scan_schema =
            TableSchema::builder(in_files).with_table_partition_cols(vec![Arc::clone(&partition_column)]).build();
        let last = schema.fields().len() - 1;
        let scan_position = |column: usize| match column.cmp(&position) {
            std::cmp::Ordering::Less => column,
            std::cmp::Ordering::Equal => last,
            std::cmp::Ordering::Greater => column - 1,
        };
        Ok(Some(Self {
            scan_positions: (0..=last).map(scan_position).collect(),
            constraints: constraints(&schema),
            scan_constraints: constraints(scan_schema.table_schema()),
            files: partitions.iter().map(|(file, partition)| partitioned_file(file, partition)).collect(),
            schema,
            scan_schema,
            partition_column,
            store,
            values,
            statistics,
        }))
    }

    /// The files that may hold rows for which all filters are true; all of them if `engine.pushdown.partition` is off. This alone
    /// decides which files a plan has.
    fn files_for(&self, state: &dyn Session, filters: &[Expr]) -> Vec<&PartitionedFile> {
        let prunes = PushdownOptions::of(state.config_options()).partition;
        match self.matching(state, filters).filter(|_| prunes) {
            None => self.files.iter().collect(),
            Some(matching) => {
                let matching = self.files.iter().zip(matching);
                matching.filter(|(_, matches)| *matches).map(|(file, _)| file).collect()
            }
        }
    }

    /// For each file whether the filters on the partition column alone are true; nothing if there are none.
    ///
    /// A filter that cannot be computed now is left to the statement, which computes it again.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Option<Vec<bool>> {
        let schema = Arc::new(Schema::new(vec![Arc::clone(&self.partition_column)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(&self.values)]).ok()?;
        let df_schema = DFSchema::from_unqualified_fields(schema.fields().clone(), HashMap::new()).ok()?;
        let filters = filters.iter().filter(|filter| self.is_decided_by_partition(filter));
        let results = filters.filter_map(|filter| {
            let filter = state.create_physical_expr(filter.clone(), &df_schema).ok()?;
            let result = filter.evaluate(&batch).ok()?.into_array(batch.num_rows()).ok()?;
            result.as_boolean_opt().cloned()
        });
        let matching = results.reduce(|both, other| and(&both, &other).expect("both have a value for each file"))?;
        // NULL is not true, and a conjunction with false and NULL is not either.
        Some(matching.iter().map(|matches| matches == Some(true)).collect())
    }

    /// Whether a filter says the same of all rows of a file.
    fn is_decided_by_partition(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let is_subquery = |expr: &Expr| {
            use Expr::{Exists, InSubquery, OuterReferenceColumn, ScalarSubquery, SetComparison};
            matches!(
                expr,
                Exists(_) | InSubquery(_) | OuterReferenceColumn(_, _) | ScalarSubquery(_) | SetComparison(_)
            )
        };
        !columns.is_empty()
            && columns.iter().all(|column| column.name() == self.partition_column.name())
            && !filter.is_volatile()
            && !filter.exists(|expr| Ok(is_subquery(expr))).unwrap_or(true)
    }

    /// Their statistics, if the session wants any.
    fn statistics_of(&self, state: &dyn Session, files: &[&PartitionedFile]) -> Statistics {
        if !state.config().collect_statistics() {
            return Statistics::new_unknown(self.scan_schema.table_schema());
        }
        if files.len() == self.files.len() {
            return self.statistics.clone();
        }
        statistics::of_files(files.iter().filter_map(|file| file.statistics.as_deref()))
    }
}

fn partitioned_file(file: &super::TableFile, partition: &Partition) -> PartitionedFile {
    let mut partitioned = PartitionedFile::new_from_meta(file.object.clone());
    partitioned.partition_values = vec![partition.value.clone()];
    // Not `with_statistics`, which would add that the partition column is never NULL.
    partitioned.statistics = Some(Arc::clone(&partition.statistics));
    partitioned
}

/// As few of the files as have so many rows.
fn first_rows<'a>(files: Vec<&'a PartitionedFile>, limit: usize) -> Vec<&'a PartitionedFile> {
    let mut rows = 0;
    let before = |file: &&'a PartitionedFile| {
        let enough = rows >= limit;
        if let Some(Precision::Exact(of_file)) = file.statistics.as_ref().map(|statistics| statistics.num_rows) {
            rows += of_file;
        }
        !enough
    };
    files.into_iter().take_while(before).collect()
}

#[async_trait]
impl TableProvider for PartitionedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.constraints)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut files = self.files_for(state, filters);
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema, projection)?)));
        }
        let statistics = self.statistics_of(state, &files);
        if let (Some(limit), true) = (limit, filters.is_empty()) {
            files = first_rows(files, limit);
        }
        let positions = match projection {
            Some(columns) => columns.iter().map(|column| self.scan_positions[*column]).collect(),
            None => self.scan_positions.clone(),
        };
        let format = ParquetFormat::new().with_options(state.default_table_options().parquet);
        let groups = FileGroup::new(files.into_iter().cloned().collect());
        let config = FileScanConfigBuilder::new(self.store.clone(), format.file_source(self.scan_schema.clone()))
            .with_file_groups(groups.split_files(state.config().target_partitions()))
            .with_constraints(self.scan_constraints.clone())
            .with_statistics(statistics)
            .with_projection_indices(Some(positions))?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, config).await
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datagen::{Layout, Options};

    use super::*;
    use crate::engine::{Engine, EngineLimits, Profile, Settings};
    use crate::tables::dataset::{assign, list};
    use crate::tables::footers;

    /// `inventory` (no NULL key) and `web_returns` (some), partitioned, and the same plain.
    struct Tables {
        engine: Engine,
        _data: tempfile::TempDir,
        partitioned: HashMap<&'static str, Arc<PartitionedTable>>,
    }

    /// As if the date key were the primary key.
    fn date_key(schema: &Schema) -> Constraints {
        let is_key = |field: &FieldRef| ["inv_date_sk", "wr_returned_date_sk"].contains(&field.name().as_str());
        let position = schema.fields().iter().position(is_key).expect("both tables have one");
        Constraints::new_unverified(vec![datafusion::common::Constraint::PrimaryKey(vec![position])])
    }

    async fn tables(sets: &[&str]) -> Tables {
        let data = tempfile::tempdir().expect("a folder");
        let sets: Vec<_> = sets.iter().map(|set| (*set).to_owned()).collect();
        let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
        let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
        let engine = Engine::new(settings, &limits).await.expect("an engine");
        let mut partitioned = HashMap::new();
        for (layout, prefix) in [(Layout::Partitioned, ""), (Layout::Plain, "plain_")] {
            let mut options = Options::new("0.01".parse().expect("a scale"), data.path().join(layout.to_string()));
            options.layout = layout;
            options.tables = Some(vec!["inventory".to_owned(), "web_returns".to_owned()]);
            datagen::generate(&options, &(), &std::sync::atomic::AtomicBool::new(false)).expect("generated");
            let url = DataUrl::from_path(&options.out).expect("a folder");
            let listing = list(&url, url.store().as_ref()).await.expect("listed");
            let files = footers::read_tables(&url, assign(&url, &listing).expect("tables")).await.expect("readable");
            for files in files {
                let provider = crate::tables::register::provider(&url, &engine, &files, false).expect("a table");
                engine.register(&format!("{prefix}{}", files.table.name), provider).expect("registered");
                let table = PartitionedTable::new(&url, &files, files.schema.clone(), date_key);
                if let Some(table) = table.expect("a table") {
                    partitioned.insert(files.table.name, Arc::new(table));
                }
            }
        }
        Tables { engine, _data: data, partitioned }
    }

    async fn value(engine: &Engine, sql: &str) -> String {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let row = |batch: &RecordBatch| {
            let columns = batch.columns().iter();
            columns.map(|column| array_value_to_string(column, 0).expect("a value")).collect::<Vec<_>>().join(" ")
        };
        batches.iter().filter(|batch| batch.num_rows() > 0).map(row).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn every_filter_gives_what_the_plain_table_gives() {
        for pushdown in ["true", "false"] {
            let setting = format!("datafusion.execution.parquet.pushdown_filters={pushdown}");
            let tables = tables(&[&setting]).await;
            for filter in [
                "true",
                "wr_returned_date_sk is null",
                "wr_returned_date_sk is not null",
                "wr_returned_date_sk = 2451800",
                "wr_returned_date_sk <> 2451800",
                "not (wr_returned_date_sk = 2451800)",
                "wr_returned_date_sk between 2451000 and 2451500",
                "wr_returned_date_sk in (2451800, 2451801, 1)",
                "wr_returned_date_sk not in (2451800, 2451801)",
                "wr_returned_date_sk in (2451800, null)",
                "wr_returned_date_sk > 2451800 or wr_item_sk = 7",
                "wr_returned_date_sk is null or wr_returned_date_sk > 2452500",
                "coalesce(wr_returned_date_sk, 0) = 0",
                "wr_returned_date_sk % 7 = 3 and wr_item_sk % 2 = 1",
                "wr_returned_date_sk is distinct from 2451800",
                "wr_returned_date_sk = (select max(wr_returned_date_sk) from plain_web_returns)",
                "wr_returned_date_sk in (select wr_returned_date_sk from plain_web_returns where wr_item_sk = 7)",
                "wr_returned_date_sk < wr_returned_time_sk + 2451000",
                "wr_returned_date_sk = 1",
            ] {
                let sql = |table: &str| {
                    format!(
                        "select count(*), count(wr_returned_date_sk), sum(wr_returned_date_sk), min(wr_returned_date_sk), \
                         max(wr_returned_date_sk), sum(wr_return_amt), count(distinct wr_returned_date_sk) from {table} \
                         where {filter}"
                    )
                };
                let plain = value(&tables.engine, &sql("plain_web_returns")).await;
                assert_eq!(value(&tables.engine, &sql("web_returns")).await, plain, "{filter} pushdown {pushdown}");
            }
            for sql in [
                "select min({}wr_returned_date_sk), max({}wr_returned_date_sk), count({}wr_returned_date_sk), count(*) from {}web_returns",
                "select min(wr_item_sk), max(wr_item_sk), min(wr_fee), max(wr_fee), count(wr_fee) from {}web_returns",
                "select count(*) from {}web_returns r left join {}inventory on wr_returned_date_sk = inv_date_sk and wr_item_sk = inv_item_sk",
                "select count(*) from {}web_returns a, {}web_returns b where a.wr_returned_date_sk = b.wr_returned_date_sk and b.wr_item_sk < 20",
                "select * from (select * from {}inventory order by inv_date_sk desc, inv_item_sk, inv_warehouse_sk limit 1)",
            ] {
                let (columns, prefixed) =
                    (sql.replace("{}wr", "wr"), sql.replace("{}wr", "wr").replace("{}", "plain_"));
                let plain = value(&tables.engine, &prefixed).await;
                assert_eq!(value(&tables.engine, &columns.replace("{}", "")).await, plain, "{sql}");
            }
        }
    }

    #[tokio::test]
    async fn columns_are_the_specifications() {
        let tables = tables(&[]).await;
        for (name, table) in &tables.partitioned {
            let expected = datagen::schema::table(name).expect("a table").arrow_schema();
            let schema = table.schema();
            let pairs = schema.fields().iter().zip(expected.fields());
            assert!(pairs.clone().all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type()), "{schema}");
            assert_eq!(schema.fields().len(), expected.fields().len());
            let key = |position| {
                Constraints::new_unverified(vec![datafusion::common::Constraint::PrimaryKey(vec![position])])
            };
            assert_eq!(table.constraints(), Some(&key(0)), "in the table's order");
            assert_eq!(table.scan_constraints, key(schema.fields().len() - 1), "in the scan's order");
        }
        let date = tables.partitioned["inventory"].schema().field(0).clone();
        assert!(!date.is_nullable(), "no inventory is without a date");
    }

    #[tokio::test]
    async fn filters_on_the_key_leave_out_files() {
        let tables = tables(&[]).await;
        let context = tables.engine.context().state();
        let check = async |name: &str, filter: &str, expected: fn(usize) -> std::ops::RangeInclusive<usize>| {
            let table = &tables.partitioned[name];
            let plan = format!("select * from {name} where {filter}");
            let plan = context.create_logical_plan(&plan).await.expect("a plan");
            let plan = context.optimize(&plan).expect("optimized");
            let mut filters = Vec::new();
            let mut node = &plan;
            loop {
                if let datafusion::logical_expr::LogicalPlan::TableScan(scan) = node {
                    filters.extend(scan.filters.iter().cloned());
                    break;
                }
                node = node.inputs()[0];
            }
            let filters: Vec<_> =
                filters.into_iter().map(datafusion::logical_expr::expr_rewriter::unnormalize_col).collect();
            let all = table.files.len();
            let chosen = table.files_for(&context, &filters).len();
            assert!(expected(all).contains(&chosen), "{filter}: {chosen} of {all}");
        };
        check("inventory", "inv_date_sk = 2451813", |_| 0..=1).await;
        check("inventory", "inv_date_sk between 2451000 and 2451069", |_| 10..=10).await;
        check("inventory", "inv_date_sk between 2451000 and 2451069 and inv_item_sk = 3", |_| 10..=10).await;
        check("inventory", "inv_date_sk = 3", |_| 0..=0).await;
        check("inventory", "inv_item_sk = 3", |all| all..=all).await;
        check("inventory", "inv_date_sk < inv_item_sk + 2451000", |all| all..=all).await;
        check("inventory", "inv_date_sk > 2451000 or inv_item_sk = 3", |all| all..=all).await;
        check("inventory", "inv_date_sk > 2451000 + random()", |all| all..=all).await;
        check("web_returns", "wr_returned_date_sk is null", |_| 1..=1).await;
        check("web_returns", "wr_returned_date_sk is not null", |all| all - 1..=all - 1).await;
        check("web_returns", "wr_returned_date_sk <> 1", |all| all - 1..=all - 1).await;
    }

    /// How many files the plan of `sql` reads, and its result.
    async fn files_read(engine: &Engine, sql: &str) -> (usize, String) {
        let plan = engine.plan(sql).await.expect("a plan").display();
        (plan.matches(".parquet").count(), value(engine, sql).await)
    }

    #[tokio::test]
    async fn partitions_are_pruned_unless_the_setting_says_no() {
        let sql = "select count(*), sum(inv_quantity_on_hand) from inventory where inv_date_sk = 2451053";
        let pruned = files_read(&tables(&[]).await.engine, sql).await;
        let tables = tables(&["engine.pushdown.partition=false"]).await;
        let all = tables.partitioned["inventory"].files.len();
        // A plan's text shows five files of a group at most.
        let unpruned = files_read(&tables.engine, sql).await;
        assert!(pruned.0 == 1 && unpruned.0 > 1 && all > 100, "{pruned:?} {unpruned:?}");
        assert_eq!(pruned.1, unpruned.1);
        tables.engine.run("set engine.pushdown.partition = true").await.expect("set");
        assert_eq!(files_read(&tables.engine, sql).await, pruned);
    }

    #[tokio::test]
    async fn a_filter_that_fails_leaves_the_error_to_the_statement() {
        let tables = tables(&[]).await;
        let sql = "select * from inventory where 1 / (inv_date_sk - inv_date_sk) = 1";
        let error = tables.engine.run(sql).await.expect_err("division by zero").to_string();
        assert!(error.contains("DIVIDE_BY_ZERO"), "{error}");
    }

    #[tokio::test]
    async fn a_limit_reads_few_files() {
        let tables = tables(&[]).await;
        let plan = tables.engine.plan("select * from inventory limit 3").await.expect("a plan").display();
        assert!(plan.matches(".parquet").count() == 1, "{plan}");
        assert_eq!(value(&tables.engine, "select count(*) from (select * from inventory limit 3)").await, "3");
    }
}

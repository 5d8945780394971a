//! Making the tables of a data set known to an engine.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{Constraint, Constraints, ScalarValue};
use datafusion::datasource::file_format::options::ReadOptions;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::ParquetReadOptions;
use datagen::schema::Table;
use datagen::statistics::TableStatistics;

use super::partitioned::PartitionedTable;
use super::{DataSet, DataUrl, TableFiles};
use crate::engine::{Engine, EngineError, GivenColumn, GivenStatistics};

impl DataSet {
    /// Registers every table under its name, with what was counted on its rows. Primary keys are declared where the manifest vouches for the rows and
    /// the engine's settings allow it: a key that does not hold would make wrong answers. Keys that were verified are handed to the engine's own rules.
    pub fn register(&self, engine: &Engine) -> Result<(), EngineError> {
        let declare_keys = self.manifest.is_some() && engine.settings().engine().declare_keys;
        for table in &self.tables {
            let provider = provider(&self.url, engine, table, declare_keys)?;
            match self.table_statistics(table.table.name) {
                Some(statistics) => {
                    let given = given(statistics, &provider.schema());
                    engine.register_with_statistics(table.table.name, provider, given)?;
                }
                None => engine.register(table.table.name, provider)?,
            }
        }
        engine.trust_keys(self.verified_keys());
        Ok(())
    }
}

pub(super) fn provider(
    url: &DataUrl,
    engine: &Engine,
    files: &TableFiles,
    declare_keys: bool,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    let context = engine.context();
    let views = context.copied_config().options().execution.parquet.schema_force_view_types;
    let schema = if views { files.schema.clone() } else { without_views(&files.schema) };
    let constraints = |schema: &Schema| match declare_keys {
        true => primary_key(files.table, schema),
        false => Constraints::default(),
    };
    if let Some(table) = PartitionedTable::new(url, files, schema.clone(), constraints)? {
        return Ok(Arc::new(table));
    }
    let options =
        ParquetReadOptions::default().to_listing_options(&context.copied_config(), context.copied_table_options());
    let urls = files.files.iter().map(|file| ListingTableUrl::try_new(url.object(&file.path), None));
    let urls = urls.collect::<Result<Vec<_>, _>>()?;
    let config =
        ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema.clone());
    let table = ListingTable::try_new(config)?
        .with_cache(context.runtime_env().cache_manager.get_file_statistic_cache())
        .with_constraints(constraints(&schema));
    Ok(Arc::new(table))
}

/// What was counted, with ends as values of the columns' types. An end that is none is not known.
fn given(statistics: &TableStatistics, schema: &Schema) -> GivenStatistics {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let columns = statistics.columns.iter().filter_map(|column| {
        let data_type = schema.field_with_name(&column.name).ok()?.data_type();
        let end = |text: &Option<String>| ScalarValue::try_from_string(text.clone()?, data_type).ok();
        let given = GivenColumn {
            distinct_count: count(column.distinct_count),
            null_count: count(column.null_count),
            min: end(&column.min),
            max: end(&column.max),
        };
        Some((column.name.clone(), given))
    });
    GivenStatistics { row_count: count(statistics.row_count), columns: columns.collect() }
}

/// The same columns with text that is not in views, for a session that does not want them.
fn without_views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The table's primary key as positions in that order of columns.
fn primary_key(table: &Table, schema: &Schema) -> Constraints {
    let positions = table.primary_key.iter().map(|column| schema.index_of(column).ok());
    let positions: Option<Vec<usize>> = positions.collect();
    let keys = positions.filter(|positions| !positions.is_empty()).map(Constraint::PrimaryKey);
    Constraints::new_unverified(keys.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use datagen::DataStatistics;

    use super::*;
    use crate::engine::test_support;
    use crate::tables::Expectation;

    /// The groups that are expected of `select inv_date_sk, count(*) … group by inv_date_sk` over data with these statistics.
    async fn expected_days(data: &DataSet, change: impl FnOnce(&mut DataStatistics)) -> u64 {
        let mut statistics = data.statistics().clone();
        change(&mut statistics);
        let data = data.clone().with_statistics(statistics);
        let engine = test_support::engine("default", &[]).await;
        data.register(&engine).expect("registers");
        let sql = "select inv_date_sk, count(*) from inventory group by inv_date_sk";
        let (plan, tracer) = engine.trace(engine.plan(sql).await.expect("plans")).expect("watched");
        engine.execute(plan).await.expect("runs");
        let operators = tracer.expect("tracing is on").trace().operators;
        operators[0].estimated_rows.expect("an estimate")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_optimizer_knows_what_was_counted() {
        for layout in [datagen::Layout::Plain, datagen::Layout::Partitioned] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
            options.layout = layout;
            datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
            let url = DataUrl::from_path(folder.path()).expect("a path");
            let data = DataSet::open(url, &Expectation::default()).await.expect("opened");
            assert_eq!(expected_days(&data, |_| {}).await, 261, "{layout}");
            // Other numbers than the true ones show that it is they which are used.
            let days = |statistics: &mut DataStatistics| {
                let inventory = statistics.tables.get_mut("inventory").expect("counted");
                inventory.columns[0].distinct_count = 77;
            };
            // In the names of folders, each value is seen.
            let expected = if layout == datagen::Layout::Plain { 77 } else { 261 };
            assert_eq!(expected_days(&data, days).await, expected, "{layout}");
            let of_other_rows = |statistics: &mut DataStatistics| {
                days(statistics);
                statistics.tables.get_mut("inventory").expect("counted").row_count += 1;
            };
            // Nobody looked at the column itself, and its ends have room for so many.
            let expected = if layout == datagen::Layout::Plain { 1821 } else { 261 };
            assert_eq!(expected_days(&data, of_other_rows).await, expected, "{layout}");
        }
    }

    #[test]
    fn ends_are_values_of_the_columns_types() {
        let table = datagen::schema::table("item").expect("a table");
        let schema = table.arrow_schema();
        let files = datagen::statistics::FilesFingerprint { count: 1, bytes: 1, hash: String::new() };
        let mut statistics = datagen::statistics::Collector::new(table).finish(files);
        for (name, min, max) in [
            ("i_item_sk", "1", "18000"),
            ("i_current_price", "0.09", "99.99"),
            ("i_rec_start_date", "1997-10-27", "2001-10-27"),
            ("i_color", "", "yellow"),
            ("i_manufact_id", "many", "5"),
        ] {
            let column = statistics.columns.iter_mut().find(|column| column.name == name).expect("a column");
            (column.min, column.max) = (Some(min.to_owned()), Some(max.to_owned()));
        }
        let given = given(&statistics, &schema);
        let ends = |name: &str| (given.columns[name].min.clone(), given.columns[name].max.clone());
        let decimal = |value| Some(ScalarValue::Decimal128(Some(value), 7, 2));
        assert_eq!(ends("i_item_sk"), (Some(1_i32.into()), Some(18_000_i32.into())));
        assert_eq!(ends("i_current_price"), (decimal(9), decimal(9_999)));
        assert_eq!(
            ends("i_rec_start_date"),
            (Some(ScalarValue::Date32(Some(10_161))), Some(ScalarValue::Date32(Some(11_622))))
        );
        let text = |text: &str| Some(ScalarValue::Utf8View(Some(text.to_owned())));
        assert_eq!(ends("i_color"), (text(""), text("yellow")));
        assert_eq!(ends("i_manufact_id"), (None, Some(5_i32.into())), "no number is no end");
        assert_eq!(ends("i_size"), (None, None));
    }
}

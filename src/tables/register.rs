//! Making the tables of a data set known to an engine.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{Constraint, Constraints};
use datafusion::datasource::file_format::options::ReadOptions;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::ParquetReadOptions;
use datagen::schema::Table;

use super::partitioned::PartitionedTable;
use super::{DataSet, DataUrl, TableFiles};
use crate::engine::{Engine, EngineError};

impl DataSet {
    /// Registers every table under its name. Primary keys are declared where the manifest vouches for the rows and the
    /// engine's settings allow it: a key that does not hold would make wrong answers.
    pub fn register(&self, engine: &Engine) -> Result<(), EngineError> {
        let declare_keys = self.manifest.is_some() && engine.settings().engine().declare_keys;
        for table in &self.tables {
            engine.register(table.table.name, provider(&self.url, engine, table, declare_keys)?)?;
        }
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

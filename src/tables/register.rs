//! Making the tables of a data set known to an engine.

use std::sync::Arc;

use datafusion::common::{Constraint, Constraints};
use datafusion::datasource::file_format::options::ReadOptions;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::ParquetReadOptions;
use datagen::schema::Table;

use super::{DataSet, TableFiles};
use crate::engine::{Engine, EngineError};

impl DataSet {
    /// Registers every table under its name. Primary keys are declared where the manifest vouches for the rows and the
    /// engine's settings allow it: a key that does not hold would make wrong answers.
    pub async fn register(&self, engine: &Engine) -> Result<(), EngineError> {
        let declare_keys = self.manifest.is_some() && engine.settings().engine().declare_keys;
        for table in &self.tables {
            let provider = self.provider(engine, table, declare_keys).await?;
            engine.register(table.table.name, Arc::new(provider))?;
        }
        Ok(())
    }

    async fn provider(
        &self,
        engine: &Engine,
        files: &TableFiles,
        declare_keys: bool,
    ) -> Result<ListingTable, EngineError> {
        let context = engine.context();
        let options =
            ParquetReadOptions::default().to_listing_options(&context.copied_config(), context.copied_table_options());
        let urls = files.files.iter().map(|file| ListingTableUrl::try_new(self.url.object(&file.path), None));
        let urls = urls.collect::<Result<Vec<_>, _>>()?;
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options);
        let config = config.infer_schema(&context.state()).await?;
        let table =
            ListingTable::try_new(config)?.with_cache(context.runtime_env().cache_manager.get_file_statistic_cache());
        Ok(if declare_keys { table.with_constraints(primary_key(files.table, files)) } else { table })
    }
}

/// The table's primary key as positions in the files' own column order.
fn primary_key(table: &Table, files: &TableFiles) -> Constraints {
    let positions = table.primary_key.iter().map(|column| files.schema.index_of(column).ok());
    let positions: Option<Vec<usize>> = positions.collect();
    let keys = positions.filter(|positions| !positions.is_empty()).map(Constraint::PrimaryKey);
    Constraints::new_unverified(keys.into_iter().collect())
}

//! Reading rows of a data set through an engine of its own, whatever its form: to hash, to count, to verify.

use datafusion::arrow::array::RecordBatch;
use datagen::schema::Table;
use futures::TryStreamExt;

use super::DataSet;
use crate::engine::{Engine, EngineError, EngineLimits, Profile, Settings};

/// The profile that reads: what is found must not depend on rules of ours.
const READER: &str = "datafusion";

impl DataSet {
    /// An engine that has the tables.
    pub(super) async fn reader(&self, limits: &EngineLimits) -> Result<Engine, EngineError> {
        let profile = Profile::find(READER).expect("it is built in");
        let settings = Settings::resolve(&profile, [], &[])?;
        let engine = Engine::new(settings, limits).await?;
        self.register(&engine)?;
        Ok(engine)
    }
}

/// Reads columns of a table, as SQL lists them. The error is in words.
pub(super) async fn for_each_batch(
    engine: &Engine,
    table: &Table,
    columns: &str,
    mut consume: impl FnMut(&RecordBatch) -> Result<(), String>,
) -> Result<(), String> {
    let sql = format!("select {columns} from {}", table.name);
    let plan = engine.plan(&sql).await.map_err(|error| error.to_string())?;
    let mut batches = engine.execute_stream(plan).map_err(|error| error.to_string())?;
    while let Some(batch) = batches.try_next().await.map_err(|error| error.strip_backtrace())? {
        consume(&batch)?;
    }
    Ok(())
}

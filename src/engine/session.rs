//! [`Engine`]: settings, rules and functions become a DataFusion session; SQL becomes plans and batches.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, collect, displayable, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Set, Statement as AstStatement};

use super::dialect::SqlDialect;
use super::settings::{MemoryPoolKind, canonical_key};
use super::spill::SpillFolder;
use super::{EngineError, Settings, cancellation};

/// How many consumers an out-of-memory message names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::new(5).expect("5 is not 0");

/// What the engine may use; the same for every profile of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineLimits {
    /// The memory pool's limit: operators spill or fail beyond it.
    pub memory_bytes: u64,
    /// The folder in which a folder for spilled data is made.
    pub spill_dir: PathBuf,
}

/// The query engine: a DataFusion session with our settings, rules and functions.
pub struct Engine {
    context: SessionContext,
    settings: Settings,
    /// Held so that the folder is removed with the engine.
    _spill: SpillFolder,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A statement that was read but not yet planned.
#[derive(Debug, Clone)]
pub struct ParsedStatement(SqlStatement);

/// A physical plan that is ready to run, once.
#[derive(Debug)]
pub struct Plan {
    physical: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
}

impl Plan {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.physical.schema()
    }

    /// The plan as an indented tree.
    pub fn display(&self) -> String {
        displayable(self.physical.as_ref()).indent(true).to_string()
    }
}

impl Engine {
    /// Builds the session; nothing is registered yet.
    pub async fn new(settings: Settings, limits: &EngineLimits) -> Result<Self, EngineError> {
        let spill = SpillFolder::create(&limits.spill_dir)?;
        let folder =
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.path().to_owned()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(memory_pool(&settings, limits))
            .with_disk_manager_builder(folder)
            .build_arc()?;
        let config = SessionConfig::from(settings.config_options().clone()).with_information_schema(true);
        let state =
            SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        let engine = Self { context: SessionContext::new_with_state(state), settings, _spill: spill };
        for (key, value) in engine.settings.runtime_values() {
            // The session alone knows how to change its caches; it is told as a user would tell it.
            engine.run(&format!("SET {key} = '{}'", value.replace('\'', "''"))).await?;
        }
        Ok(engine)
    }

    /// The settings that the engine was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes a table known under `name`.
    pub fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), EngineError> {
        self.context.register_table(name, table)?;
        Ok(())
    }

    /// The session, for the layer that builds tables.
    pub(crate) fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Forgets what is known of files: footers, statistics, listings. The next plan reads them again.
    pub fn forget_files(&self) {
        let runtime = self.context.runtime_env();
        runtime.cache_manager.get_file_metadata_cache().clear();
        if let Some(statistics) = runtime.cache_manager.get_file_statistic_cache() {
            statistics.clear();
        }
        if let Some(listings) = runtime.cache_manager.get_list_files_cache() {
            listings.clear();
        }
    }

    /// Reads a text of one or several statements.
    pub fn parse(&self, sql: &str) -> Result<Vec<ParsedStatement>, EngineError> {
        let dialect = SqlDialect::default();
        let limit = self.context.state().config_options().sql_parser.recursion_limit.get();
        let mut parser = DFParserBuilder::new(sql).with_dialect(&dialect).with_recursion_limit(limit).build()?;
        Ok(parser.parse_statements()?.into_iter().map(ParsedStatement).collect())
    }

    /// Reads and plans a text of exactly one statement. `SET`, `CREATE VIEW` and their like take effect here.
    pub async fn plan(&self, sql: &str) -> Result<Plan, EngineError> {
        let mut statements = self.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => self.plan_statement(statement).await,
            (last, _) => Err(EngineError::Statement {
                class: super::ErrorClass::Parse,
                message: format!(
                    "one statement is expected, but the text has {}",
                    statements.len() + usize::from(last.is_some())
                ),
            }),
        }
    }

    /// Plans one statement.
    pub async fn plan_statement(&self, statement: ParsedStatement) -> Result<Plan, EngineError> {
        let statement = self.with_own_setting_names(statement.0)?;
        let logical = self.context.state().statement_to_plan(statement).await?;
        let frame = self.context.execute_logical_plan(logical).await?;
        let task = Arc::new(frame.task_ctx());
        let physical = cancellation::with_places_to_yield(frame.create_physical_plan().await?)?;
        Ok(Plan { physical, task })
    }

    /// Runs a plan and gives all its rows. Dropping the future cancels the work.
    pub async fn execute(&self, plan: Plan) -> Result<Vec<RecordBatch>, EngineError> {
        Ok(collect(plan.physical, plan.task).await?)
    }

    /// Runs a plan and gives its rows as they come. Dropping the stream cancels the work.
    pub fn execute_stream(&self, plan: Plan) -> Result<SendableRecordBatchStream, EngineError> {
        Ok(execute_stream(plan.physical, plan.task)?)
    }

    /// Plans and runs a text of one statement.
    pub async fn run(&self, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
        let plan = self.plan(sql).await?;
        self.execute(plan).await
    }

    /// Replaces Spark's names of settings in `SET` and `SHOW` by ours, and refuses unknown ones with the nearest.
    fn with_own_setting_names(&self, statement: SqlStatement) -> Result<SqlStatement, EngineError> {
        let SqlStatement::Statement(mut inner) = statement else { return Ok(statement) };
        match inner.as_mut() {
            AstStatement::Set(Set::SingleAssignment { variable, .. }) => {
                let key = canonical_key(&variable.to_string());
                self.settings.check_session_key(&key)?;
                *variable = dotted_name(&key);
            }
            AstStatement::ShowVariable { variable } if variable.len() > 1 => {
                let key = variable.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                *variable = canonical_key(&key).split('.').map(Ident::new).collect();
            }
            _ => {}
        }
        Ok(SqlStatement::Statement(inner))
    }
}

fn dotted_name(key: &str) -> ObjectName {
    ObjectName::from(key.split('.').map(Ident::new).collect::<Vec<_>>())
}

fn memory_pool(settings: &Settings, limits: &EngineLimits) -> Arc<dyn MemoryPool> {
    let bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    match settings.engine().memory_pool {
        MemoryPoolKind::Greedy => Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(bytes), NAMED_CONSUMERS)),
        MemoryPoolKind::Fair => Arc::new(TrackConsumersPool::new(FairSpillPool::new(bytes), NAMED_CONSUMERS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Profile;

    async fn engine(sets: &[&str], memory_bytes: u64) -> Engine {
        let profile = Profile::find("default").expect("built in");
        let sets: Vec<_> = sets.iter().map(|s| (*s).to_owned()).collect();
        let settings = Settings::resolve(&profile, [], &sets).expect("resolves");
        let limits = EngineLimits { memory_bytes, spill_dir: std::env::temp_dir() };
        Engine::new(settings, &limits).await.expect("an engine")
    }

    async fn one_value(engine: &Engine, sql: &str) -> String {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let last = batches[0].num_columns() - 1;
        datafusion::arrow::util::display::array_value_to_string(batches[0].column(last), 0).expect("a value")
    }

    #[tokio::test]
    async fn set_and_show_take_our_names_and_sparks() {
        let engine = engine(&["datafusion.execution.batch_size=1000"], 1 << 30).await;
        assert_eq!(one_value(&engine, "SHOW datafusion.execution.batch_size").await, "1000");
        engine.run("SET spark.sql.parquet.columnarReaderBatchSize = 2000").await.expect("set");
        assert_eq!(one_value(&engine, "SHOW datafusion.execution.batch_size").await, "2000");
        assert_eq!(one_value(&engine, "SHOW spark.sql.parquet.columnarReaderBatchSize").await, "2000");
        engine.run("SET engine.declare_keys = true").await.expect("set");
        assert_eq!(one_value(&engine, "SHOW engine.declare_keys").await, "true");
    }

    #[tokio::test]
    async fn wrong_statements_have_a_class() {
        let engine = engine(&[], 1 << 30).await;
        for (sql, class, text) in [
            ("selec 1", "parse", ""),
            ("select 1; select 2", "parse", "one statement is expected, but the text has 2"),
            ("", "parse", "the text has 0"),
            ("select x", "plan", "x"),
            ("set engine.declare_key = true", "plan", "did you mean `engine.declare_keys`?"),
            ("set datafusion.runtime.memory_limit = '1G'", "plan", "--memory-limit"),
            ("select 1 / 0", "execution", "Divide by zero"),
        ] {
            let error = engine.run(sql).await.expect_err(sql);
            assert_eq!(error.class().to_string(), class, "{sql}: {error}");
            assert!(error.to_string().contains(text), "{sql}: {error}");
        }
    }

    #[tokio::test]
    async fn the_memory_limit_is_an_error_that_names_the_consumers() {
        let engine = engine(&[], 1 << 20).await;
        let sql = "select count(*) from (select a.value from generate_series(1, 3000000) a join generate_series(1, 3000000) b on a.value = b.value)";
        let error = engine.run(sql).await.expect_err("too large");
        assert_eq!(error.class(), crate::engine::ErrorClass::OutOfMemory, "{error}");
    }

    #[tokio::test]
    async fn sorting_spills_to_the_folder_and_leaves_nothing() {
        let parent = tempfile::tempdir().expect("a folder");
        let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &[]).expect("resolves");
        let limits = EngineLimits { memory_bytes: 24 << 20, spill_dir: parent.path().to_owned() };
        let engine = Engine::new(settings, &limits).await.expect("an engine");
        let sql = "select max(r) from (select value, row_number() over (order by value % 1000, value) r from generate_series(1, 3000000))";
        assert_eq!(one_value(&engine, sql).await, "3000000");
        drop(engine);
        assert_eq!(std::fs::read_dir(parent.path()).expect("the folder").count(), 0);
    }
}

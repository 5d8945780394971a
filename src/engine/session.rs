//! [`Engine`]: settings, rules and functions become a DataFusion session; SQL becomes plans and batches.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{TableReference, plan_err};
use datafusion::datasource::source_as_provider;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{
    CreateView, DdlStatement, LogicalPlan, ResetVariable, SetVariable, Statement as LogicalStatement,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ExecutionPlan, SendableRecordBatchStream, collect, displayable, execute_stream, execute_stream_partitioned,
};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, DFParserBuilder, ResetStatement, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Set, Statement as AstStatement};
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::{FutureExt, TryStreamExt};

use super::ansi::{self, LastError, Mark, MarkedOperations, Marks, Origin};
use super::dialect::SqlDialect;
use super::keys::{TableKeys, TrustedKeys};
use super::planner::EnginePlanner;
use super::planning_steps::{self, PlanningPhase, PlanningStep, Stopwatch};
use super::settings::{MemoryPoolKind, OptimizerOptions, SettingSource, SqlOptions, UdfOptions, canonical_key};
use super::spill::SpillFolder;
use super::statistics::{self, EstimatedRows, Knowledge};
use super::trace::{self, Meter, OperatorKind, Span, Tracer};
use super::{
    CodeProfile, EngineError, GivenStatistics, SettingError, Settings, UdfProfile, cancellation, copy,
    explain_estimates, files, optimizer, udf,
};

/// How much DataFusion remembers of folders' listings.
const LISTINGS: &str = "datafusion.runtime.list_files_cache_limit";

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
    /// The settings as `SET` and `RESET` have left them.
    session_settings: Mutex<Settings>,
    /// Nothing if `engine.trace.enabled` is off.
    meter: Option<Arc<Meter>>,
    reads_files: bool,
    /// Of the session's tables.
    knowledge: Arc<Knowledge>,
    /// Of the session's tables, those that were verified.
    keys: Arc<TrustedKeys>,
    /// Of the operation that failed last.
    last_error: Arc<LastError>,
    /// What runs functions in Python.
    python: Arc<udf::Python>,
    /// What functions took.
    profiles: Arc<udf::Profiles>,
    /// Removed with the engine.
    spill: SpillFolder,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A statement that was read but not yet planned.
#[derive(Debug, Clone)]
pub struct ParsedStatement {
    statement: SqlStatement,
    /// Whether it stood behind `EXPLAIN (ESTIMATES)`.
    explains_estimates: bool,
    /// The operations in it that know their places.
    marks: Arc<[Mark]>,
    /// The whole text that the user wrote.
    text: Arc<str>,
    /// Where in the text the statement stands.
    bytes: Range<usize>,
}

/// A physical plan that is ready to run, once.
#[derive(Debug)]
pub struct Plan {
    physical: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    /// What its functions look at while they wait; nothing if there are none that do.
    statement: Option<udf::Statement>,
}

impl Plan {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.physical.schema()
    }

    /// The operators, for tests that look at their metrics.
    #[cfg(test)]
    pub(super) fn physical(&self) -> &Arc<dyn ExecutionPlan> {
        &self.physical
    }

    /// The plan as an indented tree.
    pub fn display(&self) -> String {
        displayable(self.physical.as_ref()).indent(true).to_string()
    }

    /// One value for what the plan does, the same wherever the data is and however often it is planned.
    pub fn fingerprint(&self) -> String {
        trace::fingerprint::of(&self.physical)
    }

    /// The operators, each before its inputs, as the fingerprint sees them.
    pub fn operators(&self) -> Vec<PlannedOperator> {
        let mut operators = Vec::new();
        describe(&self.physical, 0, &mut operators);
        operators
    }

    /// The text that the fingerprint is made from, an operator a line.
    pub fn normalized(&self) -> String {
        trace::fingerprint::text(&self.physical)
    }
}

/// One operator of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedOperator {
    /// How far below the plan's root it stands.
    pub depth: usize,
    /// Its name, as plans show it.
    pub name: String,
    /// What it is for.
    pub kind: OperatorKind,
    /// Its own line in the text that the plan's fingerprint is made from.
    pub detail: String,
}

fn describe(plan: &Arc<dyn ExecutionPlan>, depth: usize, operators: &mut Vec<PlannedOperator>) {
    let name = plan.name().to_owned();
    let (kind, detail) = (OperatorKind::of(&name), trace::fingerprint::line(plan));
    operators.push(PlannedOperator { depth, name, kind, detail });
    for input in plan.children() {
        describe(input, depth + 1, operators);
    }
}

impl Engine {
    /// Builds the session; nothing is registered yet.
    pub async fn new(settings: Settings, limits: &EngineLimits) -> Result<Self, EngineError> {
        let spill = SpillFolder::create(&limits.spill_dir)?;
        let folder =
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.path().to_owned()]));
        let pool = memory_pool(&settings, limits);
        let meter = settings.engine().trace_enabled.then(|| Arc::new(Meter::new(Arc::clone(&pool))));
        let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(folder);
        let runtime = match &meter {
            Some(meter) => {
                runtime.with_memory_pool(meter.pool()).with_object_store_registry(meter.object_stores()).build_arc()?
            }
            None => runtime.with_memory_pool(pool).build_arc()?,
        };
        let config = SessionConfig::from(settings.config_options().clone()).with_information_schema(true);
        let (knowledge, keys) = (Arc::<Knowledge>::default(), Arc::<TrustedKeys>::default());
        let python = Arc::new(udf::Python::new(&settings.engine().udf));
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_analyzer_rules(optimizer::analyzer_rules())
            .with_function_factory(Some(Arc::new(udf::Functions::new(&python))))
            .with_optimizer_rules(optimizer::logical_rules(&keys))
            .with_query_planner(Arc::new(EnginePlanner::new(&knowledge)))
            .with_statistics_registry(statistics::registry(&knowledge))
            .with_physical_optimizer_rules(optimizer::physical_rules(settings.config_options(), &knowledge))
            .build();
        if let Some(policy) = settings.engine().sql.policy() {
            ansi::register_functions(&mut state, policy)?;
        }
        for (name, function) in state.table_functions().clone() {
            let timed = udf::TimedTableFunction::new(&name, Arc::clone(function.function()));
            state.register_udtf(&name, Arc::new(timed));
        }
        let session_settings = Mutex::new(settings.clone());
        let context = SessionContext::new_with_state(state);
        let profiles = Arc::<udf::Profiles>::default();
        context.register_udtf(udf::ProfilesTable::NAME, Arc::new(udf::ProfilesTable(Arc::clone(&profiles))));
        context.register_udtf(udf::CodeProfilesTable::NAME, Arc::new(udf::CodeProfilesTable(Arc::clone(&python))));
        let last_error = Arc::default();
        let reads_files = false;
        let engine = Self {
            context,
            settings,
            session_settings,
            meter,
            reads_files,
            knowledge,
            keys,
            last_error,
            python,
            profiles,
            spill,
        };
        for (key, value) in engine.settings.runtime_values() {
            // The session alone knows how to change its caches; it is told as a user would tell it.
            engine.run(&format!("SET {key} = '{}'", value.replace('\'', "''"))).await?;
        }
        for path in &engine.settings.engine().udf.python.files {
            engine.define_functions_of(path).await?;
        }
        Ok(engine)
    }

    /// The settings that the engine was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Lets SQL read and write files by their paths. The engine that a benchmark measures is never told to.
    pub async fn allow_files(&mut self) -> Result<(), EngineError> {
        files::allow(&self.context, self.spill.path())?;
        self.reads_files = true;
        // A folder's listing is remembered by DataFusion for the whole session: what COPY or another program wrote into it
        // since would be missing.
        if !self.settings.runtime_values().any(|(key, _)| key == LISTINGS) {
            self.run(&format!("SET {LISTINGS} = '0'")).await?;
        }
        Ok(())
    }

    async fn define_functions_of(&self, path: &Path) -> Result<(), EngineError> {
        let shown = path.display().to_string();
        let code = std::fs::read_to_string(path).map_err(|error| {
            const KEY: &str = "engine.udf.python.files";
            let set = self.settings.all().into_iter().find(|setting| setting.key == KEY);
            SettingError::Value {
                key: KEY.to_owned(),
                value: shown.clone(),
                setting_source: set.map_or(SettingSource::Default, |setting| setting.source),
                message: format!("it cannot be read: {error}"),
            }
        })?;
        self.define_functions(&shown, &code).await
    }

    /// Makes the functions of a Python file that are marked with `@udf`; `path` is what errors call it.
    pub async fn define_functions(&self, path: &str, code: &str) -> Result<(), EngineError> {
        let statements = udf::statements_of_file(&self.python, path, code).await;
        for statement in statements.map_err(|error| EngineError::Sql(Box::new(error)))? {
            self.run(&statement).await?;
        }
        Ok(())
    }

    /// What calls of functions took since the engine was made, by the places that call them, those that took most first: of all statements that have
    /// ended and that ran with `engine.udf.profile` on.
    pub fn udf_profiles(&self) -> Vec<UdfProfile> {
        self.profiles.all()
    }

    /// As [`Self::udf_profiles`], and counts anew from here on.
    pub fn take_udf_profiles(&self) -> Vec<UdfProfile> {
        self.profiles.take()
    }

    /// What functions' own code in Python took, for the same statements.
    pub fn code_profiles(&self) -> Vec<CodeProfile> {
        self.python.profiles_of_code()
    }

    /// A profile as Python's pstats, and what is built on it, reads it from a file.
    pub fn pstats(&self, profile: &CodeProfile) -> Result<Vec<u8>, EngineError> {
        self.python.pstats(profile).map_err(|error| EngineError::Sql(Box::new(error)))
    }

    /// Whether SQL may name files.
    pub(super) fn reads_files(&self) -> bool {
        self.reads_files
    }

    /// Makes a table known under `name`.
    pub fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), EngineError> {
        self.context.register_table(name, table)?;
        Ok(())
    }

    /// As [`Self::register`], with what was counted on the table's rows.
    pub fn register_with_statistics(
        &self,
        name: &str,
        table: Arc<dyn TableProvider>,
        statistics: GivenStatistics,
    ) -> Result<(), EngineError> {
        self.knowledge.give(&table, statistics);
        self.register(name, table)
    }

    /// Lets the optimizer rely on keys of tables that are registered. They must have been verified, for these very tables: a key
    /// that does not hold makes wrong answers. What does not fit a table's columns is left out, and so is a table of an unknown
    /// name.
    pub fn trust_keys(&self, keys: Vec<TableKeys>) {
        let tables = keys.into_iter().filter_map(|keys| Some((self.table_now(&keys.table)?, keys)));
        let tables = tables.map(|(table, keys)| (keys, table)).collect();
        self.keys.trust(tables, |name| self.table_now(name));
    }

    /// What [`Self::trust_keys`] came to.
    #[cfg(test)]
    pub(super) fn trusted_keys(&self) -> &Arc<TrustedKeys> {
        &self.keys
    }

    /// The table of that name, if nobody has to wait for it.
    fn table_now(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.context.table_provider(TableReference::bare(name)).now_or_never()?.ok()
    }

    /// Ends the trust in the keys of tables that a statement writes to.
    fn distrust_targets(&self, plan: &LogicalPlan) -> Result<(), DataFusionError> {
        plan.apply(|node| {
            if let LogicalPlan::Dml(dml) = node
                && let Ok(table) = source_as_provider(&dml.target)
            {
                self.keys.distrust(&table);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
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
        let text: Arc<str> = sql.into();
        let state = self.context.state();
        let limit = state.config_options().sql_parser.recursion_limit.get();
        let dialect = SqlDialect::with_marks(udf::marked(state, sql));
        let parser = DFParserBuilder::new(sql).with_dialect(&dialect).with_recursion_limit(limit).build();
        let mut parsed = parser
            .and_then(|mut parser| read_statements(&mut parser, &text))
            .map_err(|error| self.diagnosed(error, &text, 0..sql.len()))?;
        if let Some(marks) = dialect.marks() {
            parsed.iter_mut().for_each(|parsed| marks.settle(&mut parsed.statement));
            let all: Arc<[Mark]> = marks.all().into();
            parsed.iter_mut().for_each(|parsed| parsed.marks = Arc::clone(&all));
        }
        Ok(parsed)
    }

    /// The error of a statement in the user's terms. Under DataFusion's semantics its own words stay.
    fn diagnosed(&self, error: DataFusionError, text: &Arc<str>, bytes: Range<usize>) -> EngineError {
        let state = self.context.state();
        if SqlOptions::of(state.config_options()).policy().is_none() {
            return error.into();
        }
        // DataFusion makes a text of what an operation says of its operands' types.
        if let Some(last) = self.last_error.take().filter(|last| last.condition() == ansi::Condition::DatatypeMismatch)
        {
            return EngineError::Sql(Box::new(last));
        }
        let (functions, table_functions) = (self.value_function_names(), self.table_function_names());
        let names =
            ansi::Names { tables: &self.table_names(), functions: &functions, table_functions: &table_functions };
        ansi::diagnose(error, text, bytes, &names)
    }

    /// Reads and plans a text of exactly one statement. `SET`, `CREATE VIEW` and their like take effect here.
    pub async fn plan(&self, sql: &str) -> Result<Plan, EngineError> {
        self.plan_statement(self.parse_one(sql)?).await
    }

    fn parse_one(&self, sql: &str) -> Result<ParsedStatement, EngineError> {
        let mut statements = self.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => Ok(statement),
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
    pub async fn plan_statement(&self, parsed: ParsedStatement) -> Result<Plan, EngineError> {
        let (text, bytes, explains_estimates) =
            (Arc::clone(&parsed.text), parsed.bytes.clone(), parsed.explains_estimates);
        let diagnosed = |error| self.diagnosed(error, &text, bytes.clone());
        let (logical, settings) = self.logical_plan(parsed).await?;
        let frame = self.resolve(logical).await.map_err(diagnosed)?;
        if let Some(settings) = settings {
            self.change_settings(settings);
        }
        let (mut state, mut logical) = frame.into_parts();
        let statement = self.new_statement(&state);
        if let Some(statement) = &statement {
            logical = statement.bind(logical, &mut state).map_err(diagnosed)?;
        }
        let task = state.task_ctx();
        let physical = state.create_physical_plan(&logical).await.map_err(diagnosed)?;
        let mut physical = cancellation::with_places_to_yield(physical)?;
        if explains_estimates {
            let estimated = self.estimated_rows(&physical);
            physical = explain_estimates::of(physical, &estimated)?;
        }
        Ok(Plan { physical, task, statement })
    }

    /// What functions are to know of a new statement; nothing if there are none that ask.
    fn new_statement(&self, state: &SessionState) -> Option<udf::Statement> {
        match UdfOptions::of(state.config_options()).profile {
            true => Some(udf::Statement::profiled(udf::Profile::new(&self.profiles))),
            false => self.python.is_enabled().then(udf::Statement::default),
        }
    }

    /// Makes the changes to the session that a statement asks for, and gives the query that is left.
    async fn resolve(&self, logical: LogicalPlan) -> Result<DataFrame, DataFusionError> {
        if let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(_)) = logical {
            // DataFusion runs the query of a new table here and now: in a session whose functions know their statement, with the same catalogs.
            let mut state = self.context.state();
            if let Some(statement) = self.new_statement(&state) {
                let logical = statement.bind(logical, &mut state)?;
                let _running = statement.run();
                return SessionContext::new_with_state(state).execute_logical_plan(logical).await;
            }
        }
        if let LogicalPlan::Ddl(DdlStatement::DropFunction(drop)) = &logical
            && !drop.if_exists
            && !self.function_names().contains(&drop.name)
        {
            return plan_err!("Invalid function '{}'", drop.name);
        }
        let before = matches!(logical, LogicalPlan::Statement(_)).then(|| self.context.state());
        let frame = self.context.execute_logical_plan(logical).await?;
        if let Some(before) = before {
            udf::keep_own_names(&before, &mut self.context.state_ref().write())?;
        }
        Ok(frame)
    }

    /// Plans one query, a step at a time, and says how long each step took by a clock that gives nanoseconds.
    pub async fn time_planning(&self, sql: &str, clock: &dyn Fn() -> u64) -> Result<Vec<PlanningStep>, EngineError> {
        let mut watch = Stopwatch::start(clock);
        let parsed = self.parse_one(sql)?;
        let (text, bytes) = (Arc::clone(&parsed.text), parsed.bytes.clone());
        watch.step(PlanningPhase::Text, "parse", String::new);
        let (logical, _) = self.logical_plan(parsed).await?;
        watch.step(PlanningPhase::Text, "resolve", || logical.display_indent_schema().to_string());
        let state = self.context.state();
        let steps = planning_steps::after(logical, &state, &self.knowledge, watch).await;
        steps.map_err(|error| self.diagnosed(error, &text, bytes))
    }

    /// The plan of a statement before anything is optimized, and the settings after it, if it changes any.
    async fn logical_plan(&self, parsed: ParsedStatement) -> Result<(LogicalPlan, Option<Settings>), EngineError> {
        let ParsedStatement { statement, marks, text, bytes, .. } = parsed;
        drop(self.last_error.take());
        let diagnosed = |error| self.diagnosed(error, &text, bytes.clone());
        let mut statement = self.with_own_setting_names(statement, &text, &bytes)?;
        if self.reads_files {
            copy::check_places(&mut statement, &self.context.runtime_env()).await?;
        }
        let mut state = self.context.state();
        let written = view_definition(&statement, &marks);
        // The statements that will read a view may be profiled.
        let is_timed = UdfOptions::of(state.config_options()).profile || written.is_some();
        match SqlOptions::of(state.config_options()).policy() {
            Some(policy) => {
                let mut all = marks.to_vec();
                let places = udf::CallMarks { marks: &mut all, text: &text, is_timed };
                udf::prepare_table_calls(&mut statement, &state, Some(places));
                let origin = Origin { text: Arc::clone(&text), last_error: Arc::clone(&self.last_error) };
                ansi::prepare(&mut state, MarkedOperations::new(all, origin, policy, is_timed))?;
            }
            None => {
                udf::prepare_table_calls(&mut statement, &state, None);
                Marks::take_off(&mut statement, &marks);
            }
        }
        udf::prepare_definition(&mut statement).map_err(diagnosed)?;
        let mut logical = state.statement_to_plan(statement).await.map_err(diagnosed)?;
        if let Some(written) = written {
            logical = with_definition(logical, written);
        }
        if self.reads_files {
            logical = copy::with_null_partitions(logical, state.config_options())?;
        }
        if !self.keys.is_empty() {
            self.distrust_targets(&logical)?;
        }
        self.with_linked_settings(logical, &text, &bytes)
    }

    /// Has a plan watched while it runs; nothing if `engine.trace.enabled` is off. The plan's rows stay the same.
    pub fn trace(&self, plan: Plan) -> Result<(Plan, Option<Tracer>), EngineError> {
        if self.meter.is_none() {
            return Ok((plan, None));
        }
        let estimated = self.estimated_rows(&plan.physical);
        let (physical, tracer) = trace::watch(Arc::clone(&plan.physical), &estimated)?;
        Ok((Plan { physical, ..plan }, Some(tracer)))
    }

    /// The rows that operators are expected to give, by the estimates that had a part in planning.
    fn estimated_rows(&self, plan: &Arc<dyn ExecutionPlan>) -> EstimatedRows {
        match OptimizerOptions::of(self.context.state().config_options()).join_order {
            true => EstimatedRows::new(plan, &self.knowledge),
            false => EstimatedRows::of_datafusion(plan),
        }
    }

    /// Begins to measure what the engine reads and reserves; nothing if `engine.trace.enabled` is off.
    pub fn start_span(&self) -> Option<Span> {
        self.meter.as_ref().map(Meter::start)
    }

    /// Runs a plan and gives all its rows. Dropping the future cancels the work.
    pub async fn execute(&self, plan: Plan) -> Result<Vec<RecordBatch>, EngineError> {
        drop(self.last_error.take());
        let rows = match plan.statement {
            Some(statement) => {
                let guard = statement.run();
                udf::apart(execute_stream(plan.physical, plan.task)?, &guard).try_collect().await
            }
            None => collect(plan.physical, plan.task).await,
        };
        Ok(rows.map_err(|error| in_full(error, &self.last_error))?)
    }

    /// Runs a plan and gives its rows as they come. Dropping the stream cancels the work.
    pub fn execute_stream(&self, plan: Plan) -> Result<SendableRecordBatchStream, EngineError> {
        drop(self.last_error.take());
        let guard = plan.statement.map(udf::Statement::run);
        let mut stream = execute_stream(plan.physical, plan.task)?;
        if let Some(guard) = guard {
            stream = udf::apart(stream, &guard);
        }
        let last_error = Arc::clone(&self.last_error);
        let (schema, rows) = (stream.schema(), stream.map_err(move |error| in_full(error, &last_error)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    /// Runs a plan and gives the rows of each partition as they come, for who works on them in parallel.
    pub(crate) fn execute_partitions(&self, plan: Plan) -> Result<Vec<SendableRecordBatchStream>, EngineError> {
        let guard = plan.statement.map(udf::Statement::run);
        let streams = execute_stream_partitioned(plan.physical, plan.task)?;
        let Some(guard) = guard else { return Ok(streams) };
        Ok(streams.into_iter().map(|stream| udf::apart(stream, &guard)).collect())
    }

    /// Plans and runs a text of one statement.
    pub async fn run(&self, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
        let plan = self.plan(sql).await?;
        self.execute(plan).await
    }

    /// The error of a setting, at its place in the text.
    fn diagnosed_setting(&self, error: SettingError, text: &Arc<str>, bytes: &Range<usize>, key: &str) -> EngineError {
        match SqlOptions::of(self.context.state().config_options()).policy() {
            Some(_) => ansi::diagnose_setting(error, text, bytes.clone(), key),
            None => error.into(),
        }
    }

    /// Makes `SET` and `RESET` of a knob that is DataFusion's under a name of ours one of DataFusion's, and gives the settings
    /// after it.
    fn with_linked_settings(
        &self,
        plan: LogicalPlan,
        text: &Arc<str>,
        bytes: &Range<usize>,
    ) -> Result<(LogicalPlan, Option<Settings>), EngineError> {
        let refused = |error, key: &str| self.diagnosed_setting(error, text, bytes, key);
        let settings = self.session_settings.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, after) = match plan {
            LogicalPlan::Statement(LogicalStatement::SetVariable(SetVariable { variable, value })) => {
                let (after, variable, value) =
                    settings.after_set(&variable, &value).map_err(|error| refused(error, &variable))?;
                (LogicalStatement::SetVariable(SetVariable { variable, value }), after)
            }
            LogicalPlan::Statement(LogicalStatement::ResetVariable(ResetVariable { variable })) => {
                let (after, variable) = settings.after_reset(&variable).map_err(|error| refused(error, &variable))?;
                // DataFusion resets its own knobs alone; ours are set to their defaults.
                let told = match after.own_value(&variable) {
                    Some(value) => LogicalStatement::SetVariable(SetVariable { variable, value }),
                    None => LogicalStatement::ResetVariable(ResetVariable { variable }),
                };
                (told, after)
            }
            plan => return Ok((plan, None)),
        };
        Ok((LogicalPlan::Statement(told), Some(after)))
    }

    /// Takes over what a `SET` or `RESET` came to, after DataFusion has done its part of it.
    fn change_settings(&self, after: Settings) {
        after.update(self.context.state_ref().write().config_mut().options_mut());
        *self.session_settings.lock().unwrap_or_else(PoisonError::into_inner) = after;
    }

    /// Replaces Spark's names of settings in `SET`, `RESET` and `SHOW` by ours, and refuses unknown ones with the nearest.
    fn with_own_setting_names(
        &self,
        statement: SqlStatement,
        text: &Arc<str>,
        bytes: &Range<usize>,
    ) -> Result<SqlStatement, EngineError> {
        let check = |key: &str, written: &str| {
            let refused = |error| self.diagnosed_setting(error, text, bytes, written);
            self.settings.check_session_key(key).map_err(refused)
        };
        let mut inner = match statement {
            SqlStatement::Statement(inner) => inner,
            SqlStatement::Reset(ResetStatement::Variable(name)) => {
                let key = canonical_key(&name.to_string());
                check(&key, &name.to_string())?;
                return Ok(SqlStatement::Reset(ResetStatement::Variable(dotted_name(&key))));
            }
            statement => return Ok(statement),
        };
        match inner.as_mut() {
            AstStatement::Set(Set::SingleAssignment { variable, .. }) => {
                let key = canonical_key(&variable.to_string());
                check(&key, &variable.to_string())?;
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

/// Reads statements to the end of the text, each with its place in it.
fn read_statements(parser: &mut DFParser<'_>, text: &Arc<str>) -> Result<Vec<ParsedStatement>, DataFusionError> {
    let mut parsed = Vec::new();
    loop {
        let mut is_ended = parsed.is_empty();
        while parser.parser.consume_token(&Token::SemiColon) {
            is_ended = true;
        }
        let next = parser.parser.peek_token();
        if next.token == Token::EOF {
            return Ok(parsed);
        }
        if !is_ended {
            return Ok(parser.parser.expected("end of statement", next)?);
        }
        let start = ansi::byte_of(text, next.span.start);
        let explains_estimates = explain_estimates::take(&mut parser.parser)?;
        let first = parser.parser.peek_token();
        let statement = match udf::take_show_profiles(&mut parser.parser) {
            Some(query) => DFParserBuilder::new(query).build()?.parse_statement()?,
            None => parser.parse_statement()?,
        };
        if explains_estimates {
            explain_estimates::check(&statement, &first)?;
        }
        let end = ansi::byte_of(text, parser.parser.peek_token().span.start);
        // The end of the text has no location.
        let end = if end > start { end } else { text.len() };
        let (marks, text) = (Arc::default(), Arc::clone(text));
        parsed.push(ParsedStatement { statement, explains_estimates, marks, text, bytes: start..end });
    }
}

/// A `CREATE VIEW` as the user wrote it, for catalogs to show; nothing for other statements.
fn view_definition(statement: &SqlStatement, marks: &[Mark]) -> Option<String> {
    let SqlStatement::Statement(inner) = statement else { return None };
    if !matches!(inner.as_ref(), AstStatement::CreateView(_)) {
        return None;
    }
    let mut written = statement.clone();
    Marks::take_off(&mut written, marks);
    Some(written.to_string())
}

fn with_definition(plan: LogicalPlan, written: String) -> LogicalPlan {
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateView(view)) => {
            LogicalPlan::Ddl(DdlStatement::CreateView(CreateView { definition: Some(written), ..view }))
        }
        other => other,
    }
}

/// The error that an operation raised, where a layer between has made a text of it.
fn in_full(error: DataFusionError, last_error: &LastError) -> DataFusionError {
    match last_error.take() {
        Some(last) if error.to_string().contains(&format!("{last:?}")) => DataFusionError::External(Box::new(last)),
        _ => error,
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
        engine.run("RESET engine.declare_keys").await.expect("reset");
        assert_eq!(one_value(&engine, "SHOW engine.declare_keys").await, "false");
    }

    /// Runs statements in one session and looks at what `SHOW` says then.
    async fn check_session(sets: &[&str], statements: &[&str], expected: &[(&str, &str)]) {
        let engine = engine(sets, 1 << 30).await;
        for statement in statements {
            engine.run(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        for (key, value) in expected {
            assert_eq!(one_value(&engine, &format!("SHOW {key}")).await, *value, "{key} after {statements:?}");
        }
    }

    #[tokio::test]
    async fn set_keeps_names_and_umbrellas_in_step() {
        const JOIN: &str = "datafusion.optimizer.enable_join_dynamic_filter_pushdown";
        const STEALING: &str = "datafusion.execution.enable_file_stream_work_stealing";
        const FILTER: &str = "datafusion.execution.parquet.pushdown_filters";
        const RATIO: &str = "datafusion.execution.skip_partial_aggregation_probe_ratio_threshold";
        check_session(
            &[],
            &["SET spark.sql.adaptive.enabled = false"],
            &[
                ("engine.adaptive.enabled", "false"),
                ("spark.sql.adaptive.enabled", "false"),
                ("engine.adaptive.join_filters", "false"),
                (JOIN, "false"),
                (STEALING, "false"),
                (RATIO, "1"),
            ],
        )
        .await;
        check_session(
            &["engine.adaptive.enabled=false"],
            &["SET engine.adaptive.join_filters = true"],
            &[("engine.adaptive.join_filters", "true"), (JOIN, "true"), (STEALING, "false")],
        )
        .await;
        check_session(
            &[],
            &["SET engine.adaptive.skip_partial_aggregation = true", "SET engine.adaptive.enabled = false"],
            &[(RATIO, "0.8"), ("engine.adaptive.skip_partial_aggregation", "true"), (JOIN, "false")],
        )
        .await;
        check_session(
            &[],
            &["SET engine.adaptive.enabled = false", "RESET engine.adaptive.enabled"],
            &[("engine.adaptive.enabled", "true"), (JOIN, "true"), (RATIO, "0.8")],
        )
        .await;
        check_session(
            &[],
            &["SET engine.pushdown.filter = false"],
            &[("engine.pushdown.filter", "off"), (FILTER, "false")],
        )
        .await;
        let statements =
            ["SET engine.pushdown.filter = false", "SET datafusion.execution.parquet.pushdown_filters = true"];
        check_session(&[], &statements, &[("engine.pushdown.filter", "on"), (FILTER, "true")]).await;
        // DataFusion's default, not the profile's value.
        check_session(&[], &["RESET engine.pushdown.filter"], &[("engine.pushdown.filter", "off"), (FILTER, "false")])
            .await;
        check_session(
            &[],
            &["SET datafusion.optimizer.enable_dynamic_filter_pushdown = false"],
            &[(JOIN, "false"), ("engine.adaptive.topk_filters", "false"), (STEALING, "true")],
        )
        .await;
    }

    #[tokio::test]
    async fn wrong_statements_have_a_class() {
        let engine = engine(&[], 1 << 30).await;
        for (sql, class, text) in [
            ("selec 1", "PARSE_SYNTAX_ERROR", "Did you mean `select`?"),
            ("select 1; select 2", "parse", "one statement is expected, but the text has 2"),
            ("", "parse", "the text has 0"),
            ("select x", "UNRESOLVED_COLUMN", "x"),
            ("set engine.declare_key = true", "SQL_CONF_NOT_FOUND", "Did you mean `engine.declare_keys`?"),
            ("reset engine.declare_key", "SQL_CONF_NOT_FOUND", "Did you mean `engine.declare_keys`?"),
            ("set engine.pushdown.topk = 5", "INVALID_CONF_VALUE", "`engine.pushdown.topk` does not take `5`"),
            ("set datafusion.runtime.memory_limit = '1G'", "plan", "--memory-limit"),
            ("set engine.udf.python.enabled = true", "plan", "cannot be set by SQL"),
            ("reset engine.udf.python.interpreter", "plan", "cannot be set by SQL"),
            ("set engine.udf.python.timeout = 0", "INVALID_CONF_VALUE", "a time, such as"),
            ("select 1 / 0", "DIVIDE_BY_ZERO", "division by zero"),
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

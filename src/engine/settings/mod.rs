//! Every knob of the engine with its value and where the value came from.
//!
//! Keys are DataFusion's own (`datafusion.*`) and ours (`engine.*`). Precedence, lowest first: defaults, profile,
//! environment (`DSBENCH_…`), `--set` in the order given. `SET` in a session comes on top and lasts as long as the session.
//! Some of ours are DataFusion's under another name ([`linked`]), and some stand over others ([`umbrella`]).

mod adaptive;
mod linked;
mod optimizer;
mod pushdown;
mod recorded;
mod sql;
mod switch;
mod udf;
mod umbrella;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigField, ConfigOptions, ExtensionOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use thiserror::Error;

pub use adaptive::AdaptiveOptions;
pub use optimizer::OptimizerOptions;
pub use pushdown::{PushdownOptions, RowFilters};
pub use sql::{Semantics, SqlOptions};
pub use udf::{PythonOptions, UdfOptions};

use super::Profile;
use crate::text;

/// Our own knobs, under the prefix `engine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// What DataFusion decides while a statement runs.
    pub adaptive: AdaptiveOptions,
    /// Declare the primary keys of tables whose manifest vouches for them. Off, because DataFusion 55 draws wrong
    /// conclusions from keys: it takes a key of one table for a key of every aggregate whose GROUP BY has that column
    /// among others, and then drops sort keys and group keys that matter (query 39 comes out in the wrong order).
    pub declare_keys: bool,
    /// How the memory limit is shared.
    pub memory_pool: MemoryPoolKind,
    /// Which rules of ours choose among plans.
    pub optimizer: OptimizerOptions,
    /// What scans are told of the statement above them.
    pub pushdown: PushdownOptions,
    /// How SQL is understood.
    pub sql: SqlOptions,
    /// Record what samples use and what operators do. Off for showing what recording costs; decided when the engine is made.
    pub trace_enabled: bool,
    /// How functions of users run.
    pub udf: UdfOptions,
}

/// How operators share the memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryPoolKind {
    /// Each spilling operator gets an equal part.
    Fair,
    /// Who asks first is served first.
    Greedy,
}

impl fmt::Display for MemoryPoolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fair => "fair",
            Self::Greedy => "greedy",
        })
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            adaptive: AdaptiveOptions::default(),
            declare_keys: false,
            memory_pool: MemoryPoolKind::Fair,
            optimizer: OptimizerOptions::default(),
            pushdown: PushdownOptions::default(),
            sql: SqlOptions::default(),
            trace_enabled: true,
            udf: UdfOptions::default(),
        }
    }
}

impl EngineOptions {
    /// Our knobs among the options of a session.
    fn of(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Sets a knob of a family; nothing where there is no such family or knob.
    fn set_in_family(&mut self, key: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        let (family, name) = key.split_once('.')?;
        match family {
            "ansi" | "sql" => self.sql.set(key, value),
            "adaptive" => self.adaptive.set(name, value),
            "optimizer" => self.optimizer.set(name, value),
            "pushdown" => self.pushdown.set(name, value),
            "udf" => self.udf.set(name, value),
            _ => None,
        }
    }
}

impl ConfigExtension for EngineOptions {
    const PREFIX: &'static str = "engine";
}

impl ExtensionOptions for EngineOptions {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), DataFusionError> {
        match (key, value) {
            ("declare_keys", "true" | "false") => self.declare_keys = value == "true",
            ("declare_keys", _) => return Err(takes("`true` or `false`")),
            ("memory_pool", "fair") => self.memory_pool = MemoryPoolKind::Fair,
            ("memory_pool", "greedy") => self.memory_pool = MemoryPoolKind::Greedy,
            ("memory_pool", _) => return Err(takes("`fair` or `greedy`")),
            ("trace.enabled", "true" | "false") => self.trace_enabled = value == "true",
            ("trace.enabled", _) => return Err(takes("`true` or `false`")),
            _ => {
                let unknown = || DataFusionError::Configuration(format!("there is no setting `engine.{key}`"));
                return self.set_in_family(key, value).ok_or_else(unknown)?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: String, description: &'static str| ConfigEntry {
            key: format!("{}.{key}", Self::PREFIX),
            value: Some(value),
            description,
        };
        let own = vec![
            entry(
                "declare_keys",
                self.declare_keys.to_string(),
                "Declare primary keys that the manifest vouches for; DataFusion 55 may give wrong answers with it",
            ),
            entry("memory_pool", self.memory_pool.to_string(), "How the memory limit is shared: fair or greedy"),
            entry(
                "trace.enabled",
                self.trace_enabled.to_string(),
                "Record what samples use and what operators do; decided when the engine is made",
            ),
        ];
        [
            self.adaptive.entries(),
            own,
            self.optimizer.entries(),
            self.pushdown.entries(),
            self.sql.entries(),
            self.udf.entries(),
        ]
        .concat()
    }
}

fn takes(values: &str) -> DataFusionError {
    DataFusionError::Configuration(format!("it takes {values}"))
}

/// Spark's names of knobs that mean the same here.
pub(super) const ALIASES: [(&str, &str); 7] = [
    ("spark.sql.adaptive.enabled", "engine.adaptive.enabled"),
    ("spark.sql.ansi.enabled", "engine.ansi.enabled"),
    ("spark.sql.parquet.aggregatePushdown", "engine.pushdown.aggregate"),
    ("spark.sql.shuffle.partitions", "datafusion.execution.target_partitions"),
    ("spark.sql.session.timeZone", "datafusion.execution.time_zone"),
    ("spark.sql.parquet.filterPushdown", "datafusion.execution.parquet.pushdown_filters"),
    ("spark.sql.parquet.columnarReaderBatchSize", "datafusion.execution.batch_size"),
];

/// Keys that have an option of their own, because every profile of a run shares them.
const RESERVED: [(&str, &str); 2] =
    [("datafusion.runtime.memory_limit", "--memory-limit"), ("datafusion.runtime.temp_directory", "--spill-dir")];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// Nobody said anything.
    Default,
    /// The profile of that name.
    Profile(String),
    /// The environment variable of that name.
    Environment(String),
    /// A `--set`.
    CommandLine,
    /// A `SET` statement.
    Session,
    /// A knob that stands over this one and is off.
    Umbrella {
        /// The knob's key.
        key: &'static str,
        /// Who turned it off.
        setting_source: Box<Self>,
    },
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::CommandLine => f.write_str("--set"),
            Self::Session => f.write_str("SET"),
            Self::Umbrella { key, setting_source } => write!(f, "{key} ({setting_source})"),
        }
    }
}

/// Why a setting is refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SettingError {
    /// No knob has that name.
    #[error("there is no setting `{key}` ({setting_source}){hint}")]
    Unknown {
        /// The key as given.
        key: String,
        /// Who gave it.
        setting_source: SettingSource,
        /// The nearest key, as a question.
        hint: String,
    },
    /// The knob does not take that value.
    #[error("setting `{key}` does not take `{value}` ({setting_source}): {message}")]
    Value {
        /// The key under our name.
        key: String,
        /// The value as given.
        value: String,
        /// Who gave it.
        setting_source: SettingSource,
        /// What it takes.
        message: String,
    },
    /// The knob has an option of its own.
    #[error("`{key}` is the same for every profile of a run: use {option}")]
    Reserved {
        /// The key as given.
        key: String,
        /// The command-line option to use.
        option: String,
    },
    /// SQL must not set it.
    #[error(
        "`{key}` cannot be set by SQL: name it on the command line (--set {key}=…), in a profile or in the environment"
    )]
    NotBySql {
        /// The key as given.
        key: String,
    },
    /// Not of the form `key=value`.
    #[error("`{text}` is not of the form KEY=VALUE, as in datafusion.execution.batch_size=16384")]
    Shape {
        /// The text as given.
        text: String,
    },
}

/// One knob as it is for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSetting {
    /// The key under our name.
    pub key: String,
    /// The value as text; nothing for a knob that is not set.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: SettingSource,
}

/// All knobs, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    profile: String,
    options: ConfigOptions,
    runtime: BTreeMap<String, String>,
    sources: BTreeMap<String, SettingSource>,
}

impl Settings {
    /// Resolves a profile, environment variables and `KEY=VALUE` texts.
    pub fn resolve(
        profile: &Profile,
        environment: impl IntoIterator<Item = (String, String)>,
        sets: &[String],
    ) -> Result<Self, SettingError> {
        let mut settings = Self::bare(&profile.name);
        for (key, value) in &profile.values {
            settings.set(key, value, SettingSource::Profile(profile.name.clone()))?;
        }
        settings.apply_environment(environment)?;
        for text in sets {
            let shape = || SettingError::Shape { text: text.clone() };
            let (key, value) = text.split_once('=').ok_or_else(shape)?;
            settings.set(key.trim(), value.trim(), SettingSource::CommandLine)?;
        }
        settings.settle();
        Ok(settings)
    }

    /// Gives knobs under umbrellas their values, and our names of DataFusion's knobs theirs.
    fn settle(&mut self) {
        umbrella::apply(&mut self.options, &self.sources);
        linked::mirror(&mut self.options);
    }

    /// Nothing but defaults.
    fn bare(profile: &str) -> Self {
        let mut options = ConfigOptions::new();
        options.extensions.insert(EngineOptions::default());
        Self { profile: profile.to_owned(), options, runtime: BTreeMap::new(), sources: BTreeMap::new() }
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The values as DataFusion wants them.
    pub(super) fn config_options(&self) -> &ConfigOptions {
        &self.options
    }

    /// The `datafusion.runtime.*` values that somebody set.
    pub(super) fn runtime_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.runtime.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Our own knobs.
    pub fn engine(&self) -> EngineOptions {
        EngineOptions::of(&self.options)
    }

    /// Every knob in the order of its name.
    pub fn all(&self) -> Vec<ResolvedSetting> {
        let own = self.options.entries().into_iter().map(|entry| (entry.key, entry.value));
        let runtime = self.runtime.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        let mut all: Vec<_> = own
            .chain(runtime)
            .map(|(key, value)| {
                let source = self.source(&key);
                ResolvedSetting { key, value, source }
            })
            .collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    fn source(&self, key: &str) -> SettingSource {
        let key = linked::home(key);
        match (self.sources.get(key), umbrella::closed_over(key, &self.engine())) {
            (Some(source), _) => source.clone(),
            (None, Some(key)) => SettingSource::Umbrella { key, setting_source: Box::new(self.source(key)) },
            (None, None) => SettingSource::Default,
        }
    }

    /// What a session's `SET` does: the settings after it, and the key and value that DataFusion is to be told.
    pub(super) fn after_set(&self, key: &str, value: &str) -> Result<(Self, String, String), SettingError> {
        let mut after = self.clone();
        let (home, told) = after.set(key, value, SettingSource::Session)?;
        after.settle();
        Ok((after, home, told))
    }

    /// What a session's `RESET` does: the settings after it, and the key that DataFusion is to be told. The value is the default
    /// then, whatever the profile says: that is what DataFusion does with its own.
    pub(super) fn after_reset(&self, key: &str) -> Result<(Self, String), SettingError> {
        let mut after = self.clone();
        let home = linked::home(key);
        let wrong = |error: DataFusionError| SettingError::Value {
            key: key.to_owned(),
            value: "(its default)".to_owned(),
            setting_source: SettingSource::Session,
            message: error.strip_backtrace(),
        };
        for key in linked::also_set_by(home).iter().copied().chain([home]) {
            after.sources.remove(key);
            if key.starts_with("datafusion.runtime.") {
                after.runtime.remove(key);
            } else if let Some(own) = key.strip_prefix("engine.") {
                let defaults = EngineOptions::default().entries();
                let default = defaults.into_iter().find(|entry| entry.key == key).and_then(|entry| entry.value);
                let mut engine = after.engine();
                engine.set(own, &default.unwrap_or_default()).map_err(wrong)?;
                after.options.extensions.insert(engine);
            } else {
                ConfigField::reset(&mut after.options, key).map_err(wrong)?;
            }
        }
        after.settle();
        Ok((after, home.to_owned()))
    }

    /// The value of one of our own knobs; nothing for one of DataFusion's.
    pub(super) fn own_value(&self, key: &str) -> Option<String> {
        self.engine().entries().into_iter().find(|entry| entry.key == key)?.value
    }

    /// Hands what umbrellas and names of ours decide on to the options of a session.
    pub(super) fn update(&self, session: &mut ConfigOptions) {
        umbrella::copy(&self.options, session);
        session.extensions.insert(self.engine());
    }

    /// The keys of all knobs, Spark's names included, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names = known_keys(&self.options);
        names.extend(ALIASES.iter().map(|(alias, _)| (*alias).to_owned()));
        names.sort();
        names
    }

    /// Whether `SET` may name that key.
    pub(super) fn check_session_key(&self, key: &str) -> Result<(), SettingError> {
        if udf::NOT_BY_SQL.contains(&key) {
            return Err(SettingError::NotBySql { key: key.to_owned() });
        }
        // `SET TIME ZONE` and its like are DataFusion's to read.
        if key.contains('.') { self.check_key(key, &SettingSource::Session) } else { Ok(()) }
    }

    fn check_key(&self, key: &str, source: &SettingSource) -> Result<(), SettingError> {
        if let Some((_, option)) = RESERVED.iter().find(|(reserved, _)| *reserved == key) {
            return Err(SettingError::Reserved { key: key.to_owned(), option: (*option).to_owned() });
        }
        let known = known_keys(&self.options);
        if known.iter().any(|known| known == key) {
            return Ok(());
        }
        let aliases = ALIASES.iter().map(|(alias, _)| *alias);
        let hint = text::did_you_mean(key, known.iter().map(String::as_str).chain(aliases));
        Err(SettingError::Unknown { key: key.to_owned(), setting_source: source.clone(), hint })
    }

    /// Sets a knob, and says where the value lives and what it is there.
    fn set(&mut self, key: &str, value: &str, source: SettingSource) -> Result<(String, String), SettingError> {
        let key = canonical_key(key);
        self.check_key(&key, &source)?;
        let wrong = |message: String| SettingError::Value {
            key: key.clone(),
            value: value.to_owned(),
            setting_source: source.clone(),
            message,
        };
        let refused = |error: DataFusionError| match error {
            DataFusionError::Configuration(message) => wrong(message),
            error => wrong(error.strip_backtrace()),
        };
        let (home, told) = linked::translate(&key, value).map_err(refused)?;
        if home.starts_with("datafusion.runtime.") {
            self.runtime.insert(home.to_owned(), told.to_string());
        } else {
            self.options.set(home, &told).map_err(refused)?;
        }
        for key in linked::also_set_by(home).iter().copied().chain([home]) {
            self.sources.insert(key.to_owned(), source.clone());
        }
        Ok((home.to_owned(), told.into_owned()))
    }

    /// `DSBENCH_DATAFUSION_EXECUTION_BATCH_SIZE` sets `datafusion.execution.batch_size`, `DSBENCH_ENGINE_…` one of ours.
    fn apply_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), SettingError> {
        let known = known_keys(&self.options);
        let mut given: Vec<_> = environment.into_iter().collect();
        given.sort();
        for (variable, value) in given {
            let Some(name) = variable.strip_prefix("DSBENCH_") else { continue };
            if !name.starts_with("DATAFUSION_") && !name.starts_with("ENGINE_") {
                continue;
            }
            let source = SettingSource::Environment(variable.clone());
            let key = known.iter().find(|key| environment_name(key) == name);
            match key {
                Some(key) => drop(self.set(key, &value, source)?),
                None => {
                    let names: Vec<String> =
                        known.iter().map(|key| format!("DSBENCH_{}", environment_name(key))).collect();
                    let hint = text::did_you_mean(&variable, names.iter().map(String::as_str));
                    return Err(SettingError::Unknown { key: variable, setting_source: source, hint });
                }
            }
        }
        Ok(())
    }
}

/// Our name of a knob: Spark's names that mean the same are replaced.
pub(super) fn canonical_key(key: &str) -> String {
    match ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(key)) {
        Some((_, own)) => (*own).to_owned(),
        None => key.to_lowercase(),
    }
}

fn environment_name(key: &str) -> String {
    key.replace('.', "_").to_uppercase()
}

fn known_keys(options: &ConfigOptions) -> Vec<String> {
    let own = options.entries().into_iter().map(|entry| entry.key);
    let runtime = RuntimeEnvBuilder::new().entries().into_iter().map(|entry| entry.key);
    own.chain(runtime).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(values: &[(&str, &str)]) -> Profile {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Profile { name: "p".to_owned(), description: String::new(), values }
    }

    const BATCH: &str = "datafusion.execution.batch_size";

    #[track_caller]
    fn check(profile_value: &str, environment: Option<&str>, sets: &[&str], expected: (&str, &str)) {
        let environment = environment.map(|v| ("DSBENCH_DATAFUSION_EXECUTION_BATCH_SIZE".to_owned(), v.to_owned()));
        let sets: Vec<_> = sets.iter().map(|s| (*s).to_owned()).collect();
        let settings = Settings::resolve(&profile(&[(BATCH, profile_value)]), environment, &sets).expect("resolves");
        let found = settings.all().into_iter().find(|s| s.key == BATCH).expect("the key is known");
        assert_eq!((found.value.as_deref(), found.source.to_string().as_str()), (Some(expected.0), expected.1));
    }

    #[test]
    fn later_sources_win_and_are_named() {
        check("1", None, &[], ("1", "profile p"));
        check("1", Some("2"), &[], ("2", "environment DSBENCH_DATAFUSION_EXECUTION_BATCH_SIZE"));
        check("1", Some("2"), &["datafusion.execution.batch_size=3"], ("3", "--set"));
        check(
            "1",
            None,
            &["datafusion.execution.batch_size=3", "spark.sql.parquet.columnarReaderBatchSize=4"],
            ("4", "--set"),
        );
    }

    #[track_caller]
    fn check_error(set: &str, expected: &str) {
        let error = Settings::resolve(&profile(&[]), [], &[set.to_owned()]).expect_err("refused");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn wrong_settings_are_refused() {
        check_error(
            "datafusion.execution.batchsize=1",
            "there is no setting `datafusion.execution.batchsize` (--set); did you mean `datafusion.execution.batch_size`?",
        );
        check_error(
            "engine.memory_pool=big",
            "setting `engine.memory_pool` does not take `big` (--set): it takes `fair` or `greedy`",
        );
        check_error(
            "engine.trace.enabled=1",
            "setting `engine.trace.enabled` does not take `1` (--set): it takes `true` or `false`",
        );
        check_error("batch", "`batch` is not of the form KEY=VALUE, as in datafusion.execution.batch_size=16384");
        check_error(
            "datafusion.runtime.memory_limit=1G",
            "`datafusion.runtime.memory_limit` is the same for every profile of a run: use --memory-limit",
        );
        let error = Settings::resolve(&profile(&[]), [], &[format!("{BATCH}=many")]).expect_err("refused");
        assert!(error.to_string().contains("does not take `many`"), "{error}");
    }

    #[test]
    fn an_unknown_environment_key_is_refused() {
        let environment = [("DSBENCH_ENGINE_DECLARE_KEY".to_owned(), "true".to_owned())];
        let error = Settings::resolve(&profile(&[]), environment, &[]).expect_err("refused");
        assert!(error.to_string().contains("did you mean `DSBENCH_ENGINE_DECLARE_KEYS`?"), "{error}");
        let others = [("DSBENCH_DATA".to_owned(), "x".to_owned()), ("HOME".to_owned(), "y".to_owned())];
        assert!(Settings::resolve(&profile(&[]), others, &[]).is_ok());
    }

    /// Gives settings one after the other to the profile, the environment and `--set`, and looks at some of them.
    #[track_caller]
    fn check_resolved(
        profile_values: &[(&str, &str)],
        environment: &[(&str, &str)],
        sets: &[&str],
        expected: &[(&str, &str, &str)],
    ) {
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let sets: Vec<_> = sets.iter().map(|s| (*s).to_owned()).collect();
        let settings = Settings::resolve(&profile(profile_values), environment, &sets).expect("resolves");
        let all = settings.all();
        for (key, value, source) in expected {
            let found = all.iter().find(|s| s.key == *key).unwrap_or_else(|| panic!("{key} is known"));
            let found = (found.value.as_deref(), found.source.to_string());
            assert_eq!(found, (Some(*value), (*source).to_owned()), "{key}");
        }
    }

    const OFF: &str = "engine.adaptive.enabled=false";
    const JOIN: &str = "datafusion.optimizer.enable_join_dynamic_filter_pushdown";
    const TOPK: &str = "datafusion.optimizer.enable_topk_dynamic_filter_pushdown";
    const SORT: &str = "datafusion.optimizer.enable_sort_pushdown";
    const RATIO: &str = "datafusion.execution.skip_partial_aggregation_probe_ratio_threshold";

    #[test]
    fn an_umbrella_turns_off_what_nobody_named() {
        let off = "engine.adaptive.enabled (--set)";
        check_resolved(
            &[],
            &[],
            &["spark.sql.adaptive.enabled=FALSE"],
            &[
                ("engine.adaptive.enabled", "false", "--set"),
                ("engine.adaptive.join_filters", "false", off),
                (JOIN, "false", off),
                ("engine.adaptive.topk_filters", "false", off),
                ("engine.adaptive.aggregate_filters", "false", off),
                ("datafusion.optimizer.enable_dynamic_filter_pushdown", "false", off),
                ("engine.adaptive.skip_partial_aggregation", "false", off),
                (RATIO, "1", off),
                ("engine.adaptive.work_stealing", "false", off),
                ("datafusion.execution.enable_file_stream_work_stealing", "false", off),
                // Nothing of the other family.
                ("engine.pushdown.topk", "true", "default"),
                (SORT, "true", "default"),
            ],
        );
        check_resolved(
            &[("engine.adaptive.enabled", "false")],
            &[],
            &["engine.adaptive.enabled=true"],
            &[("engine.adaptive.enabled", "true", "--set"), (JOIN, "true", "default"), (RATIO, "0.8", "default")],
        );
    }

    #[test]
    fn a_name_beats_its_umbrella_whatever_the_order() {
        let on =
            &[("engine.adaptive.join_filters", "true", "--set"), (TOPK, "false", "engine.adaptive.enabled (--set)")];
        check_resolved(&[], &[], &[OFF, "engine.adaptive.join_filters=true"], on);
        check_resolved(&[], &[], &["engine.adaptive.join_filters=true", OFF], on);
        check_resolved(&[], &[], &[&format!("{JOIN}=true"), OFF], on);
        check_resolved(
            &[("engine.adaptive.skip_partial_aggregation", "true")],
            &[("DSBENCH_ENGINE_ADAPTIVE_ENABLED", "false")],
            &[],
            &[
                (RATIO, "0.8", "profile p"),
                ("engine.adaptive.skip_partial_aggregation", "true", "profile p"),
                (JOIN, "false", "engine.adaptive.enabled (environment DSBENCH_ENGINE_ADAPTIVE_ENABLED)"),
            ],
        );
        // A ratio of one's own is on as well.
        check_resolved(
            &[(RATIO, "0.5")],
            &[],
            &[OFF],
            &[(RATIO, "0.5", "profile p"), ("engine.adaptive.skip_partial_aggregation", "true", "profile p")],
        );
        // DataFusion's own umbrella names the three kinds.
        check_resolved(
            &[],
            &[],
            &["datafusion.optimizer.enable_dynamic_filter_pushdown=true", OFF],
            &[(JOIN, "true", "--set"), (TOPK, "true", "--set"), (RATIO, "1", "engine.adaptive.enabled (--set)")],
        );
    }

    #[test]
    fn two_names_of_one_knob_never_disagree() {
        const FILTER: &str = "datafusion.execution.parquet.pushdown_filters";
        let both = |value: &'static str, source: &'static str| {
            let own = if value == "true" { "on" } else { "off" };
            [("engine.pushdown.filter", own, source), (FILTER, value, source)]
        };
        check_resolved(&[], &[], &[], &both("false", "default"));
        check_resolved(&[(FILTER, "true")], &[], &[], &both("true", "profile p"));
        check_resolved(&[(FILTER, "true")], &[], &["engine.pushdown.filter=false"], &both("false", "--set"));
        let theirs = format!("{FILTER}=true");
        check_resolved(&[], &[], &["engine.pushdown.filter=false", &theirs], &both("true", "--set"));
        let auto = [("engine.pushdown.filter", "auto", "--set"), (FILTER, "false", "--set")];
        check_resolved(&[], &[], &[&theirs, "engine.pushdown.filter=auto"], &auto);
        check_resolved(&[], &[], &["engine.pushdown.filter=auto", &theirs], &both("true", "--set"));
        check_resolved(
            &[("engine.pushdown.filter", "true")],
            &[("DSBENCH_ENGINE_PUSHDOWN_FILTER", "false")],
            &[],
            &both("false", "environment DSBENCH_ENGINE_PUSHDOWN_FILTER"),
        );
    }

    #[test]
    fn topk_is_under_two_umbrellas() {
        let off = "engine.pushdown.topk (--set)";
        check_resolved(
            &[],
            &[],
            &["engine.pushdown.topk=false"],
            &[(SORT, "false", off), (TOPK, "false", off), (JOIN, "true", "default")],
        );
        let sets = ["engine.pushdown.topk=false", "engine.adaptive.topk_filters=true"];
        check_resolved(&[], &[], &sets, &[(SORT, "false", off), (TOPK, "true", "--set")]);
        let sets = ["engine.pushdown.topk=true", OFF];
        let expected = [(SORT, "true", "default"), (TOPK, "false", "engine.adaptive.enabled (--set)")];
        check_resolved(&[], &[], &sets, &expected);
    }

    #[test]
    fn families_refuse_what_they_do_not_know() {
        check_error(
            "engine.adaptive.join_filter=true",
            "there is no setting `engine.adaptive.join_filter` (--set); did you mean `engine.adaptive.join_filters`?",
        );
        check_error(
            "engine.pushdown.limits=true",
            "there is no setting `engine.pushdown.limits` (--set); did you mean `engine.pushdown.limit`?",
        );
        check_error(
            "engine.pushdown.filter=maybe",
            "setting `engine.pushdown.filter` does not take `maybe` (--set): it takes `auto`, `on` or `off`",
        );
        for key in ["engine.pushdown.limit", "engine.pushdown.bloom_filter", "engine.adaptive.skip_partial_aggregation"]
        {
            let expected = format!("setting `{key}` does not take `1` (--set): it takes `true` or `false`");
            check_error(&format!("{key}=1"), &expected);
        }
    }

    #[test]
    fn set_and_reset_keep_the_picture_whole() {
        let sets = [OFF.to_owned(), "engine.adaptive.work_stealing=true".to_owned()];
        let settings = Settings::resolve(&profile(&[]), [], &sets).expect("resolves");
        let value = |settings: &Settings, key: &str| {
            settings
                .all()
                .into_iter()
                .find(|s| s.key == key)
                .map(|s| format!("{} ({})", s.value.unwrap_or_default(), s.source))
        };
        let (after, home, told) = settings.after_set("engine.adaptive.join_filters", "true").expect("set");
        assert_eq!((home.as_str(), told.as_str()), (JOIN, "true"));
        assert_eq!(value(&after, JOIN).as_deref(), Some("true (SET)"));
        let (after, home) = after.after_reset("engine.adaptive.join_filters").expect("reset");
        assert_eq!(home, JOIN);
        assert_eq!(value(&after, JOIN).as_deref(), Some("false (engine.adaptive.enabled (--set))"));
        let (after, _) = after.after_reset("engine.adaptive.enabled").expect("reset");
        assert_eq!(value(&after, JOIN).as_deref(), Some("true (default)"));
        assert_eq!(value(&after, "engine.adaptive.work_stealing").as_deref(), Some("true (--set)"));
        assert!(settings.after_set("engine.adaptive.join_filters", "maybe").is_err());
    }
}

//! Every knob of the engine with its value and where the value came from.
//!
//! Keys are DataFusion's own (`datafusion.*`) and ours (`engine.*`). Precedence, lowest first: defaults, profile,
//! environment (`DSBENCH_…`), `--set` in the order given. `SET` in a session comes on top and lasts as long as the session.

mod recorded;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use thiserror::Error;

use super::Profile;
use crate::text;

/// Our own knobs, under the prefix `engine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Declare the primary keys of tables whose manifest vouches for them. Off, because DataFusion 55 draws wrong
    /// conclusions from keys: it takes a key of one table for a key of every aggregate whose GROUP BY has that column
    /// among others, and then drops sort keys and group keys that matter (query 39 comes out in the wrong order).
    pub declare_keys: bool,
    /// How the memory limit is shared.
    pub memory_pool: MemoryPoolKind,
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
        Self { declare_keys: false, memory_pool: MemoryPoolKind::Fair }
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
            _ => return Err(DataFusionError::Configuration(format!("there is no setting `engine.{key}`"))),
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: String, description: &'static str| ConfigEntry {
            key: format!("{}.{key}", Self::PREFIX),
            value: Some(value),
            description,
        };
        vec![
            entry(
                "declare_keys",
                self.declare_keys.to_string(),
                "Declare primary keys that the manifest vouches for; DataFusion 55 may give wrong answers with it",
            ),
            entry("memory_pool", self.memory_pool.to_string(), "How the memory limit is shared: fair or greedy"),
        ]
    }
}

fn takes(values: &str) -> DataFusionError {
    DataFusionError::Configuration(format!("it takes {values}"))
}

/// Spark's names of knobs that mean the same here.
pub(super) const ALIASES: [(&str, &str); 4] = [
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
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::CommandLine => f.write_str("--set"),
            Self::Session => f.write_str("SET"),
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
        Ok(settings)
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
        self.options.extensions.get::<EngineOptions>().cloned().unwrap_or_default()
    }

    /// Every knob in the order of its name.
    pub fn all(&self) -> Vec<ResolvedSetting> {
        let own = self.options.entries().into_iter().map(|entry| (entry.key, entry.value));
        let runtime = self.runtime.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        let mut all: Vec<_> = own
            .chain(runtime)
            .map(|(key, value)| {
                let source = self.sources.get(&key).cloned().unwrap_or(SettingSource::Default);
                ResolvedSetting { key, value, source }
            })
            .collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    /// Whether `SET` may name that key.
    pub(super) fn check_session_key(&self, key: &str) -> Result<(), SettingError> {
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

    fn set(&mut self, key: &str, value: &str, source: SettingSource) -> Result<(), SettingError> {
        let key = canonical_key(key);
        self.check_key(&key, &source)?;
        let wrong = |message: String| SettingError::Value {
            key: key.clone(),
            value: value.to_owned(),
            setting_source: source.clone(),
            message,
        };
        if key.starts_with("datafusion.runtime.") {
            self.runtime.insert(key.clone(), value.to_owned());
        } else {
            self.options.set(&key, value).map_err(|error| match error {
                DataFusionError::Configuration(message) => wrong(message),
                error => wrong(error.strip_backtrace()),
            })?;
        }
        self.sources.insert(key, source);
        Ok(())
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
                Some(key) => self.set(&key.clone(), &value, source)?,
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
}

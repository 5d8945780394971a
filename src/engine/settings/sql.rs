//! `engine.sql.semantics` and `engine.ansi.enabled`: whose rules SQL follows, and whether what has no result is an error.

use std::fmt;

use datafusion::common::config::{ConfigEntry, ConfigOptions};
use datafusion::error::DataFusionError;

use super::switch;
use crate::engine::ansi::Policy;

/// Whose rules SQL follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// Spark's: division, overflow, casts and subscripts.
    Spark,
    /// DataFusion's own.
    DataFusion,
}

impl fmt::Display for Semantics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Spark => "spark",
            Self::DataFusion => "datafusion",
        })
    }
}

/// How SQL is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlOptions {
    /// Whose rules hold.
    pub semantics: Semantics,
    /// Under Spark's rules: an operation without a result is an error. Off, it gives NULL or a number that has wrapped around.
    pub ansi_enabled: bool,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { semantics: Semantics::Spark, ansi_enabled: true }
    }
}

impl SqlOptions {
    /// The values of a session.
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        config.extensions.get::<super::EngineOptions>().map(|engine| engine.sql).unwrap_or_default()
    }

    /// What operations do that have no result; nothing under DataFusion's rules.
    pub(crate) fn policy(self) -> Option<Policy> {
        match (self.semantics, self.ansi_enabled) {
            (Semantics::DataFusion, _) => None,
            (Semantics::Spark, true) => Some(Policy::Raise),
            (Semantics::Spark, false) => Some(Policy::Legacy),
        }
    }

    /// Sets the knob of that key; nothing where it is none of these.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        match key {
            "ansi.enabled" => Some(switch::boolean(value).map(|value| self.ansi_enabled = value)),
            "sql.semantics" => {
                self.semantics = match value.to_ascii_lowercase().as_str() {
                    "spark" => Semantics::Spark,
                    "datafusion" => Semantics::DataFusion,
                    _ => return Some(Err(super::takes("`spark` or `datafusion`"))),
                };
                Some(Ok(()))
            }
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: String, description| ConfigEntry {
            key: format!("engine.{key}"),
            value: Some(value),
            description,
        };
        vec![
            entry(
                "ansi.enabled",
                self.ansi_enabled.to_string(),
                "Under Spark's semantics: raise an error where an operation has no result (division by zero, overflow, a bad \
                 cast, an index out of bounds); off gives NULL, and integers wrap around",
            ),
            entry(
                "sql.semantics",
                self.semantics.to_string(),
                "Whose rules division, overflow, casts and subscripts follow: spark or datafusion",
            ),
        ]
    }
}

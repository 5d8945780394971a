//! The engine: the only door to DataFusion. SQL text in, plans and Arrow batches out.
//!
//! - [`Settings`]: every knob with its value and where the value came from, resolved once;
//! - [`Profile`]: a named set of values, `default` and `datafusion` among them;
//! - [`Engine`]: `Engine::new(settings)`, [`Engine::plan`], [`Engine::execute`];
//! - [`SqlError`]: an error that points into the SQL, with Spark's class and the way out;
//! - [`PlanningStep`]: what each rule of the optimizer took and whether it changed the plan;
//! - [`trace`]: what a plan did while it ran;
//! - [`EngineError`]: what went wrong, with a class that results record.
//!
//! The `datafusion` profile is the same code path with everything of ours off: it is the baseline.

mod aggregates;
mod ansi;
mod by_provider;
mod cancellation;
mod catalog;
mod columns;
mod copy;
#[cfg(test)]
mod declared_keys;
mod deferred;
mod dialect;
mod error;
mod explain_estimates;
mod files;
mod found_filters;
mod keys;
mod optimizer;
mod planner;
mod planning_steps;
mod profile;
mod prune_only;
mod session;
mod settings;
mod spill;
mod statistics;
mod syntax;
#[cfg(test)]
pub(crate) mod test_support;
pub mod trace;
mod udf;

/// The versions of what the engine is built on.
pub mod versions {
    /// DataFusion's version.
    pub const DATAFUSION: &str = datafusion::DATAFUSION_VERSION;
    /// Arrow's version.
    pub const ARROW: &str = arrow::ARROW_VERSION;
}

pub use ansi::{CheckedOperation, Condition, Place, SqlError};
pub use catalog::{ColumnInfo, TableInfo};
pub use error::{EngineError, ErrorClass};
pub use files::FileError;
pub use keys::{ForeignKey, TableKeys};
pub use planning_steps::{PlanningPhase, PlanningStep};
pub use profile::{Profile, ProfileError};
pub use session::{Engine, EngineLimits, ParsedStatement, Plan, PlannedOperator};
pub use settings::{
    AdaptiveOptions, EngineOptions, MemoryPoolKind, OptimizerOptions, PushdownOptions, PythonOptions, ResolvedSetting,
    RowFilters, Semantics, SettingError, SettingSource, Settings, SqlOptions, UdfOptions,
};
pub(crate) use spill::SpillFolder;
pub use statistics::{GivenColumn, GivenStatistics};
pub use udf::{CodeFunction, CodePlace, CodeProfile, CodeTimes, UdfProfile, flame_graph};

//! `engine.pushdown.*`: what a scan is told of the statement above it, so that it reads less.
//!
//! ```text
//!   select a from t where b = 1 order by c limit 5
//!          │              │           │       └──── limit, topk
//!          │              │           └──────────── topk
//!          │              └──────────────────────── filter, bloom_filter, partition
//!          └─────────────────────────────────────── projection       min, max, count(*): aggregate
//! ```
//!
//! Every one is on by DataFusion's own defaults but for `filter`. Off never changes a result: the operators above the scan do
//! the same work on more rows. `bloom_filter` is DataFusion's knob under a name of our own, DataFusion's `pushdown_filters` follows `filter`
//! ([`super::linked`]), `topk` is an umbrella ([`super::umbrella`]), and the rest is read by the rules of
//! [`crate::engine::optimizer`].

use std::fmt;

use datafusion::common::config::{ConfigEntry, ConfigOptions};
use datafusion::error::DataFusionError;

use super::switch::{self, Switch};

/// Which filters a scan of Parquet files evaluates while it decodes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFilters {
    /// Those that are expected to save more than they cost.
    Auto,
    /// All.
    On,
    /// None: they stand in operators above the scan.
    Off,
}

impl fmt::Display for RowFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl RowFilters {
    /// Takes DataFusion's words for it, too.
    fn parse(value: &str) -> Result<Self, DataFusionError> {
        match value.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "on" | "true" => Ok(Self::On),
            "off" | "false" => Ok(Self::Off),
            _ => Err(super::takes("`auto`, `on` or `off`")),
        }
    }
}

/// What scans are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushdownOptions {
    /// `count(*)`, `min` and `max` over a whole table come from the footers, without a scan.
    pub aggregate: bool,
    /// Row groups whose bloom filters exclude an `=` or `in` are not read. DataFusion's `bloom_filter_on_read`.
    pub bloom_filter: bool,
    /// Which rows are left out while they are decoded. DataFusion's `pushdown_filters` is true where this is on.
    pub filter: RowFilters,
    /// A scan stops after as many rows as a `LIMIT` needs.
    pub limit: bool,
    /// Files whose partition values exclude a filter are not listed or read.
    pub partition: bool,
    /// A scan reads only the columns that the statement needs.
    pub projection: bool,
    /// A scan below `ORDER BY … LIMIT` reads the most promising row groups first and leaves out what cannot be among the
    /// first rows. Off means neither; the second half is [`AdaptiveOptions::topk_filters`](super::AdaptiveOptions) too.
    pub topk: bool,
}

impl Default for PushdownOptions {
    /// As DataFusion has it.
    fn default() -> Self {
        Self {
            aggregate: true,
            bloom_filter: true,
            filter: RowFilters::Off,
            limit: true,
            partition: true,
            projection: true,
            topk: true,
        }
    }
}

const SWITCHES: [Switch<PushdownOptions>; 6] = [
    Switch {
        name: "aggregate",
        place: |pushdown| &mut pushdown.aggregate,
        description: "Answer count(*), min and max over a whole table from Parquet footers, without a scan",
    },
    Switch {
        name: "bloom_filter",
        place: |pushdown| &mut pushdown.bloom_filter,
        description: "Leave out row groups whose bloom filters exclude an = or IN; the same knob as \
                      datafusion.execution.parquet.bloom_filter_on_read",
    },
    Switch {
        name: "limit",
        place: |pushdown| &mut pushdown.limit,
        description: "Tell scans of a LIMIT, so that they open fewer files and stop after that many rows",
    },
    Switch {
        name: "partition",
        place: |pushdown| &mut pushdown.partition,
        description: "Leave out files whose partition values (folders like d=1) exclude a filter",
    },
    Switch {
        name: "projection",
        place: |pushdown| &mut pushdown.projection,
        description: "Read only the columns that a statement needs; off reads all columns of a Parquet file",
    },
    Switch {
        name: "topk",
        place: |pushdown| &mut pushdown.topk,
        description: "Below ORDER BY … LIMIT, read the most promising row groups first and leave out what cannot be among \
                      the first rows; off turns off engine.adaptive.topk_filters and \
                      datafusion.optimizer.enable_sort_pushdown unless they are set by name",
    },
];

impl PushdownOptions {
    /// The values of a session, for rules that look at them while they plan.
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        config.extensions.get::<super::EngineOptions>().map(|engine| engine.pushdown).unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        match name {
            "filter" => Some(RowFilters::parse(value).map(|filter| self.filter = filter)),
            _ => switch::set(&SWITCHES, self, name, value),
        }
    }

    pub(super) fn entries(&self) -> Vec<ConfigEntry> {
        let mut entries = switch::entries("engine.pushdown", &SWITCHES, self);
        entries.push(ConfigEntry {
            key: "engine.pushdown.filter".to_owned(),
            value: Some(self.filter.to_string()),
            description: "Filter rows while they are decoded: auto where that is expected to pay, on, or off; \
                          datafusion.execution.parquet.pushdown_filters follows it. Row groups and pages are pruned either way",
        });
        entries
    }
}

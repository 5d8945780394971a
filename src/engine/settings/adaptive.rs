//! `engine.adaptive.*`: what DataFusion decides while a statement runs, from what it has seen so far.
//!
//! `enabled` is an umbrella over the others ([`super::umbrella`]), which are DataFusion's knobs under names of our own
//! ([`super::linked`]). None of them changes a result.

use datafusion::common::config::ConfigEntry;
use datafusion::error::DataFusionError;

use super::switch::{self, Switch};

/// What is decided while a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveOptions {
    /// The umbrella: off turns off all of the others that were not set by name.
    pub enabled: bool,
    /// A scan below `min` or `max` without GROUP BY leaves out what cannot change the bound found so far.
    pub aggregate_filters: bool,
    /// The keys on a hash join's build side become a filter on the scan of its probe side.
    pub join_filters: bool,
    /// The first half of an aggregate passes rows on as they are once it finds that nearly every row is a group of its own.
    pub skip_partial_aggregation: bool,
    /// A scan below `ORDER BY … LIMIT` leaves out what cannot be among the first rows found so far.
    pub topk_filters: bool,
    /// A partition that has read its files reads on in those of another one.
    pub work_stealing: bool,
}

impl Default for AdaptiveOptions {
    /// As DataFusion has it.
    fn default() -> Self {
        Self {
            enabled: true,
            aggregate_filters: true,
            join_filters: true,
            skip_partial_aggregation: true,
            topk_filters: true,
            work_stealing: true,
        }
    }
}

const SWITCHES: [Switch<AdaptiveOptions>; 6] = [
    Switch {
        name: "aggregate_filters",
        place: |adaptive| &mut adaptive.aggregate_filters,
        description: "Let min and max without GROUP BY tell scans which rows cannot matter any more; the same knob as \
                      datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown",
    },
    Switch {
        name: "enabled",
        place: |adaptive| &mut adaptive.enabled,
        description: "Decide while a statement runs. Off turns off all of engine.adaptive.* that is not set by name",
    },
    Switch {
        name: "join_filters",
        place: |adaptive| &mut adaptive.join_filters,
        description: "Filter the probe side's scan of a hash join by the build side's keys; the same knob as \
                      datafusion.optimizer.enable_join_dynamic_filter_pushdown",
    },
    Switch {
        name: "skip_partial_aggregation",
        place: |adaptive| &mut adaptive.skip_partial_aggregation,
        description: "Stop aggregating before the exchange where nearly every row is a group of its own; sets \
                      datafusion.execution.skip_partial_aggregation_probe_ratio_threshold to 0.8, or to 1 for off",
    },
    Switch {
        name: "topk_filters",
        place: |adaptive| &mut adaptive.topk_filters,
        description: "Let ORDER BY … LIMIT tell scans which rows cannot matter any more; the same knob as \
                      datafusion.optimizer.enable_topk_dynamic_filter_pushdown",
    },
    Switch {
        name: "work_stealing",
        place: |adaptive| &mut adaptive.work_stealing,
        description: "Let a partition that is done read files of another one; the same knob as \
                      datafusion.execution.enable_file_stream_work_stealing",
    },
];

impl AdaptiveOptions {
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        switch::set(&SWITCHES, self, name, value)
    }

    pub(super) fn entries(&self) -> Vec<ConfigEntry> {
        switch::entries("engine.adaptive", &SWITCHES, self)
    }
}

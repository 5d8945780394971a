//! Knobs that stand over others: off turns off all that were not set by name.
//!
//! ```text
//!   engine.adaptive.enabled ─┬─ join_filters  aggregate_filters  skip_partial_aggregation  work_stealing
//!                            └─ topk_filters ─┐
//!   engine.pushdown.topk ────┬────────────────┘
//!                            └─ datafusion.optimizer.enable_sort_pushdown
//! ```
//!
//! A value that somebody gave by name, under our name or DataFusion's, in the profile, the environment, `--set` or `SET`,
//! beats the umbrella, whatever the order in which they were given. Among such values the later one wins, as everywhere. What
//! nobody named is as DataFusion has it under umbrellas that are on, and off under any that is off.

use std::collections::BTreeMap;

use datafusion::common::config::ConfigOptions;

use super::linked::{
    AGGREGATE_FILTERS, DYNAMIC_FILTERS, JOIN_FILTERS, NEVER_SKIP_RATIO, SKIP_PARTIAL_AGGREGATION, SKIP_RATIO,
    TOPK_FILTERS, WORK_STEALING,
};
use super::{EngineOptions, SettingSource};

const ADAPTIVE: &str = "engine.adaptive.enabled";
const TOPK: &str = "engine.pushdown.topk";
const SORT_PUSHDOWN: &str = "datafusion.optimizer.enable_sort_pushdown";

/// A knob that umbrellas stand over.
struct Covered {
    key: &'static str,
    umbrellas: &'static [&'static str],
    /// Gives it DataFusion's own value, or the one that means off.
    set: fn(&mut ConfigOptions, bool),
}

const COVERED: [Covered; 6] = [
    Covered {
        key: JOIN_FILTERS,
        umbrellas: &[ADAPTIVE],
        set: |options, on| options.optimizer.enable_join_dynamic_filter_pushdown = on,
    },
    Covered {
        key: TOPK_FILTERS,
        umbrellas: &[ADAPTIVE, TOPK],
        set: |options, on| options.optimizer.enable_topk_dynamic_filter_pushdown = on,
    },
    Covered {
        key: AGGREGATE_FILTERS,
        umbrellas: &[ADAPTIVE],
        set: |options, on| options.optimizer.enable_aggregate_dynamic_filter_pushdown = on,
    },
    Covered {
        key: SKIP_PARTIAL_AGGREGATION,
        umbrellas: &[ADAPTIVE],
        set: |options, on| {
            let ratio = if on { SKIP_RATIO } else { NEVER_SKIP_RATIO };
            options.execution.skip_partial_aggregation_probe_ratio_threshold = ratio;
        },
    },
    Covered {
        key: WORK_STEALING,
        umbrellas: &[ADAPTIVE],
        set: |options, on| options.execution.enable_file_stream_work_stealing = on,
    },
    Covered { key: SORT_PUSHDOWN, umbrellas: &[TOPK], set: |options, on| options.optimizer.enable_sort_pushdown = on },
];

/// Gives every covered knob that nobody set by name its value. `named` holds the keys that somebody did set.
pub(super) fn apply(options: &mut ConfigOptions, named: &BTreeMap<String, SettingSource>) {
    let engine = EngineOptions::of(options);
    for covered in &COVERED {
        if !named.contains_key(covered.key) {
            (covered.set)(options, closed_over(covered.key, &engine).is_none());
        }
    }
    // DataFusion looks at the three kinds alone; its umbrella only shows whether there are any.
    if !named.contains_key(DYNAMIC_FILTERS) {
        let optimizer = &mut options.optimizer;
        optimizer.enable_dynamic_filter_pushdown = engine.adaptive.enabled
            || optimizer.enable_join_dynamic_filter_pushdown
            || optimizer.enable_topk_dynamic_filter_pushdown
            || optimizer.enable_aggregate_dynamic_filter_pushdown;
    }
}

/// The umbrella that turns a knob off, if there is one.
pub(super) fn closed_over(key: &str, engine: &EngineOptions) -> Option<&'static str> {
    let umbrellas: &[&'static str] =
        if key == DYNAMIC_FILTERS { &[ADAPTIVE] } else { COVERED.iter().find(|covered| covered.key == key)?.umbrellas };
    umbrellas.iter().copied().find(|umbrella| match *umbrella {
        ADAPTIVE => !engine.adaptive.enabled,
        _ => !engine.pushdown.topk,
    })
}

/// The umbrella of that name.
pub(super) fn named(key: &str) -> Result<&'static str, String> {
    let found = [ADAPTIVE, TOPK].into_iter().find(|umbrella| *umbrella == key);
    found.ok_or_else(|| format!("`{key}` stands over no other setting"))
}

/// Hands the values of all covered knobs, and of the one that follows ours, on to the options of a session.
pub(super) fn copy(from: &ConfigOptions, to: &mut ConfigOptions) {
    let (optimizer, execution) = (&from.optimizer, &from.execution);
    to.optimizer.enable_join_dynamic_filter_pushdown = optimizer.enable_join_dynamic_filter_pushdown;
    to.optimizer.enable_topk_dynamic_filter_pushdown = optimizer.enable_topk_dynamic_filter_pushdown;
    to.optimizer.enable_aggregate_dynamic_filter_pushdown = optimizer.enable_aggregate_dynamic_filter_pushdown;
    to.optimizer.enable_dynamic_filter_pushdown = optimizer.enable_dynamic_filter_pushdown;
    to.optimizer.enable_sort_pushdown = optimizer.enable_sort_pushdown;
    to.execution.skip_partial_aggregation_probe_ratio_threshold =
        execution.skip_partial_aggregation_probe_ratio_threshold;
    to.execution.enable_file_stream_work_stealing = execution.enable_file_stream_work_stealing;
    to.execution.parquet.pushdown_filters = execution.parquet.pushdown_filters;
}

//! Knobs of ours that are DataFusion's under another name.
//!
//! DataFusion's field is the one place where the value lives. Setting our name sets that field, and after every change our name
//! is made to show what the field says, so that the two can never disagree, whichever was set, and whichever came last wins.
//!
//! ```text
//!   set engine.pushdown.bloom_filter ────────┐
//!                                            ├──▶ options.execution.parquet.bloom_filter_on_read ──▶ show engine.pushdown.bloom_filter
//!   set …execution.parquet.bloom_filter_on_read ┘
//! ```
//!
//! With one exception: `engine.pushdown.filter` can say more than DataFusion's `pushdown_filters`, so it is the place, and the field follows it.

use std::borrow::Cow;

use datafusion::common::config::ConfigOptions;
use datafusion::error::DataFusionError;

use super::{EngineOptions, RowFilters, switch};

/// A name of ours and DataFusion's knob behind it.
#[derive(Debug)]
struct Link {
    own: &'static str,
    datafusion: &'static str,
    /// DataFusion's values that mean `true` and `false`.
    values: [&'static str; 2],
}

impl Link {
    const fn same(own: &'static str, datafusion: &'static str) -> Self {
        Self { own, datafusion, values: ["true", "false"] }
    }
}

pub(super) const BLOOM_FILTER: &str = "datafusion.execution.parquet.bloom_filter_on_read";
pub(super) const FILTER: &str = "datafusion.execution.parquet.pushdown_filters";
pub(super) const AGGREGATE_FILTERS: &str = "datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown";
pub(super) const JOIN_FILTERS: &str = "datafusion.optimizer.enable_join_dynamic_filter_pushdown";
pub(super) const TOPK_FILTERS: &str = "datafusion.optimizer.enable_topk_dynamic_filter_pushdown";
pub(super) const SKIP_PARTIAL_AGGREGATION: &str = "datafusion.execution.skip_partial_aggregation_probe_ratio_threshold";
pub(super) const WORK_STEALING: &str = "datafusion.execution.enable_file_stream_work_stealing";
/// DataFusion's own umbrella: setting it sets the three kinds of filters.
pub(super) const DYNAMIC_FILTERS: &str = "datafusion.optimizer.enable_dynamic_filter_pushdown";

/// The share of groups among rows at which DataFusion stops to aggregate early, by default.
pub(super) const SKIP_RATIO: f64 = 0.8;
/// More groups than rows there cannot be: DataFusion does not even probe with this ratio.
pub(super) const NEVER_SKIP_RATIO: f64 = 1.0;

/// The place of [`FILTER`], which is true where this is `on`.
const ROW_FILTERS: &str = "engine.pushdown.filter";

const LINKS: [Link; 6] = [
    Link::same("engine.pushdown.bloom_filter", BLOOM_FILTER),
    Link::same("engine.adaptive.aggregate_filters", AGGREGATE_FILTERS),
    Link::same("engine.adaptive.join_filters", JOIN_FILTERS),
    Link::same("engine.adaptive.topk_filters", TOPK_FILTERS),
    Link::same("engine.adaptive.work_stealing", WORK_STEALING),
    Link {
        own: "engine.adaptive.skip_partial_aggregation",
        datafusion: SKIP_PARTIAL_AGGREGATION,
        values: ["0.8", "1"],
    },
];

/// The key under which a value lives.
pub(super) fn home(key: &str) -> &str {
    match key {
        FILTER => ROW_FILTERS,
        _ => LINKS.iter().find(|link| link.own == key).map_or(key, |link| link.datafusion),
    }
}

/// A key and its value as they are for the knob where the value lives.
pub(super) fn translate<'a>(key: &'a str, value: &'a str) -> Result<(&'a str, Cow<'a, str>), DataFusionError> {
    if key == FILTER {
        let value = if switch::boolean(value)? { "on" } else { "off" };
        return Ok((ROW_FILTERS, Cow::Borrowed(value)));
    }
    match LINKS.iter().find(|link| link.own == key) {
        None => Ok((key, Cow::Borrowed(value))),
        Some(link) => {
            let [on, off] = link.values;
            Ok((link.datafusion, Cow::Borrowed(if switch::boolean(value)? { on } else { off })))
        }
    }
}

/// The keys whose values a `SET` of this key decides, besides its own.
pub(super) fn also_set_by(key: &str) -> &'static [&'static str] {
    if key == DYNAMIC_FILTERS { &[AGGREGATE_FILTERS, JOIN_FILTERS, TOPK_FILTERS] } else { &[] }
}

/// Makes our names show what DataFusion's fields say, and its field what ours does.
pub(super) fn mirror(options: &mut ConfigOptions) {
    let (execution, optimizer) = (&options.execution, &options.optimizer);
    let bloom_filter = execution.parquet.bloom_filter_on_read;
    let work_stealing = execution.enable_file_stream_work_stealing;
    let skips = execution.skip_partial_aggregation_probe_ratio_threshold < NEVER_SKIP_RATIO;
    let aggregate_filters = optimizer.enable_aggregate_dynamic_filter_pushdown;
    let join_filters = optimizer.enable_join_dynamic_filter_pushdown;
    let topk_filters = optimizer.enable_topk_dynamic_filter_pushdown;
    if let Some(EngineOptions { adaptive, pushdown, .. }) = options.extensions.get_mut::<EngineOptions>() {
        pushdown.bloom_filter = bloom_filter;
        adaptive.aggregate_filters = aggregate_filters;
        adaptive.join_filters = join_filters;
        adaptive.topk_filters = topk_filters;
        adaptive.work_stealing = work_stealing;
        adaptive.skip_partial_aggregation = skips;
        options.execution.parquet.pushdown_filters = pushdown.filter == RowFilters::On;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(options: &ConfigOptions, key: &str) -> String {
        let entry = options.entries().into_iter().find(|entry| entry.key == key);
        entry.unwrap_or_else(|| panic!("{key} is a setting")).value.expect("it has a value")
    }

    #[test]
    fn every_link_leads_to_a_knob_and_is_mirrored() {
        for link in &LINKS {
            for (own, theirs) in ["true", "false"].into_iter().zip(link.values) {
                let mut options = ConfigOptions::new();
                options.extensions.insert(EngineOptions::default());
                assert_eq!(translate(link.own, own).expect("a boolean"), (link.datafusion, Cow::Borrowed(theirs)));
                options.set(link.datafusion, theirs).expect("DataFusion takes it");
                mirror(&mut options);
                assert_eq!(
                    (value(&options, link.own).as_str(), value(&options, link.datafusion).as_str()),
                    (own, theirs)
                );
            }
        }
    }

    #[test]
    fn the_field_follows_row_filters() {
        for (own, theirs) in [("auto", "false"), ("on", "true"), ("off", "false")] {
            let mut options = ConfigOptions::new();
            options.extensions.insert(EngineOptions::default());
            options.set(ROW_FILTERS, own).expect("it takes that");
            mirror(&mut options);
            assert_eq!((value(&options, ROW_FILTERS).as_str(), value(&options, FILTER).as_str()), (own, theirs));
        }
        assert_eq!(translate(FILTER, "true").expect("a boolean"), (ROW_FILTERS, Cow::Borrowed("on")));
        assert_eq!(translate(FILTER, "False").expect("a boolean"), (ROW_FILTERS, Cow::Borrowed("off")));
        assert!(translate(FILTER, "auto").is_err());
        assert_eq!(home(FILTER), ROW_FILTERS);
    }

    #[test]
    fn our_defaults_are_those_of_datafusion() {
        let mut options = ConfigOptions::new();
        options.extensions.insert(EngineOptions::default());
        mirror(&mut options);
        assert_eq!(options.extensions.get::<EngineOptions>(), Some(&EngineOptions::default()));
        assert_eq!(options.execution.skip_partial_aggregation_probe_ratio_threshold, SKIP_RATIO);
        let skip = LINKS.iter().find(|link| link.datafusion == SKIP_PARTIAL_AGGREGATION).expect("linked");
        assert_eq!(skip.values, [SKIP_RATIO.to_string(), NEVER_SKIP_RATIO.to_string()]);
    }

    #[test]
    fn other_keys_are_left_alone() {
        assert_eq!(home("engine.pushdown.limit"), "engine.pushdown.limit");
        let unchanged = translate("engine.pushdown.limit", "maybe").expect("not ours to judge");
        assert_eq!(unchanged, ("engine.pushdown.limit", Cow::Borrowed("maybe")));
        assert!(translate("engine.pushdown.bloom_filter", "maybe").is_err());
        assert!(also_set_by(TOPK_FILTERS).is_empty());
    }
}

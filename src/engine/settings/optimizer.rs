//! `engine.optimizer.*`: rules of ours that choose among plans with the same rows, one switch a rule.
//!
//! All of them are off by default, which is DataFusion's own optimizer; the profile `default` turns them on.

use datafusion::common::config::{ConfigEntry, ConfigOptions};
use datafusion::error::DataFusionError;

use super::switch::{self, Switch};

/// Which rules choose among plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OptimizerOptions {
    /// Group-by columns that others determine are carried.
    pub carry_group_columns: bool,
    /// A probe side that would be read in part before its join's filter is known starts later.
    pub defer_probe_sides: bool,
    /// An aggregate that finds nothing twice goes.
    pub eliminate_distinct: bool,
    /// Joins that cannot change the result go.
    pub eliminate_join: bool,
    /// Joins are put in the order that is expected to be cheapest.
    pub join_order: bool,
    /// Files are read in pieces that any partition may take.
    pub split_scans: bool,
}

const SWITCHES: [Switch<OptimizerOptions>; 6] = [
    Switch {
        name: "carry_group_columns",
        place: |optimizer| &mut optimizer.carry_group_columns,
        description: "Group by a verified key alone, and carry the columns in GROUP BY that it determines, instead of hashing them",
    },
    Switch {
        name: "defer_probe_sides",
        place: |optimizer| &mut optimizer.defer_probe_sides,
        description: "Start a join's probe side when its build side is known, where a scan would otherwise be read before it knows the join's filter",
    },
    Switch {
        name: "eliminate_distinct",
        place: |optimizer| &mut optimizer.eliminate_distinct,
        description: "Leave a DISTINCT out where a verified key shows that no row comes twice",
    },
    Switch {
        name: "eliminate_join",
        place: |optimizer| &mut optimizer.eliminate_join,
        description: "Leave a join out where verified keys show that every row has just one partner, and nothing else is asked of it",
    },
    Switch {
        name: "join_order",
        place: |optimizer| &mut optimizer.join_order,
        description: "Join tables in the order that is expected to be cheapest, instead of the order in which a statement names them",
    },
    Switch {
        name: "split_scans",
        place: |optimizer| &mut optimizer.split_scans,
        description: "Read files in pieces that any partition may take, instead of one range for each partition",
    },
];

impl OptimizerOptions {
    /// The values of a session, for rules that look at them while they plan.
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        config.extensions.get::<super::EngineOptions>().map(|engine| engine.optimizer).unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        switch::set(&SWITCHES, self, name, value)
    }

    pub(super) fn entries(&self) -> Vec<ConfigEntry> {
        switch::entries("engine.optimizer", &SWITCHES, self)
    }
}

//! Whether the rows that an operator gave can be held against the rows that it was expected to give.
//!
//! An estimate says how many rows an operator gives if it is asked for all of them and nothing but the plan takes any away. Several things
//! make an operator give fewer, or others, without any fault in the estimate:
//!
//! ```text
//!   Limit 10 ◀─ Join ◀─ Scan                 nobody asked for the rest                        stopped
//!   Join ◀─ Join ◀─ Scan                     the upper join told the scan its keys:
//!     └─▶ filter ──────▶┘                    scan and lower join are reduced, not the upper   reduced
//!   Scan (predicate for pruning alone)       whole row groups and pages are left out          pruned
//!   Aggregate (Final) ◀─ Aggregate (Partial) each part has groups of its own                  partial
//! ```
//!
//! A filter that becomes known while a plan runs (of a join's build side, of the rows that a sort keeps, of an aggregate's extremes) has an
//! identity. Everything from the operator that reads it up to, and without, the operator that makes it is reduced: above that, the same
//! rows come out with the filter and without. A scan that gave all rows of its files was not reduced by it, whatever it read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::OperatorTrace;
use crate::engine::found_filters;
use crate::engine::prune_only::ScanConditions;

/// Why an operator's rows say nothing of its estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotComparable {
    /// It was not asked for all of its rows, or not at all.
    Stopped,
    /// It ran more than once.
    Repeated,
    /// It groups a part of the rows, or gives up on that.
    Partial,
    /// Rows were taken away by a filter that another operator made while the plan ran.
    Reduced,
    /// It left out row groups or pages by a predicate that it does not apply to rows.
    Pruned,
}

impl NotComparable {
    /// A few words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Stopped => "stopped early",
            Self::Repeated => "ran more than once",
            Self::Partial => "groups of a part of the rows",
            Self::Reduced => "reduced by a filter found while running",
            Self::Pruned => "pruned, not filtered",
        }
    }
}

impl fmt::Display for NotComparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stopped => "stopped",
            Self::Repeated => "repeated",
            Self::Partial => "partial",
            Self::Reduced => "reduced",
            Self::Pruned => "pruned",
        })
    }
}

/// What of an operator decides, known before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    partitions: usize,
    /// Filters that others make while the plan runs, by their identities.
    reads: BTreeSet<u64>,
    /// Such filters that it makes.
    makes: BTreeSet<u64>,
    /// A scan's rows before any filter.
    all_rows: Option<u64>,
    prunes_alone: bool,
    is_partial: bool,
    /// The groups after which an aggregate stops.
    group_limit: Option<u64>,
}

/// How many streams of an operator there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Streams {
    pub(super) begun: usize,
    /// Those that were read to their ends.
    pub(super) ended: usize,
}

impl Facts {
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Self> {
        let made = plan.dynamic_expressions_produced();
        let makes: BTreeSet<u64> = made.iter().filter_map(|filter| filter.expression_id()).collect();
        let mut reads = BTreeSet::new();
        plan.apply_expressions(&mut |root| {
            reads.append(&mut found_filters::read_by(root)?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        reads.retain(|filter| !makes.contains(filter));
        let partitions = plan.output_partitioning().partition_count();
        let mut facts = Self { partitions, reads, makes, ..Self::default() };
        let source = plan.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
        if let Some(config) = source.and_then(|source| source.downcast_ref::<FileScanConfig>()) {
            facts.all_rows = config.statistics().num_rows.get_value().map(|rows| *rows as u64);
            facts.prunes_alone = !ScanConditions::of(config.file_source().as_ref()).pruning_alone.is_empty();
        }
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            facts.is_partial = matches!(aggregate.mode(), AggregateMode::Partial | AggregateMode::PartialReduce);
            facts.group_limit = aggregate.limit_options().map(|limit| limit.limit() as u64);
        }
        Ok(facts)
    }

    fn reason(&self, streams: Streams, operator: &OperatorTrace, is_reduced: bool) -> Option<NotComparable> {
        let is_whole = streams.begun >= self.partitions && streams.ended == streams.begun;
        let is_limited = self.group_limit.is_some_and(|limit| operator.output_rows >= limit);
        let left_out =
            |scan: super::ScanTrace| scan.file_ranges_pruned + scan.row_groups_pruned + scan.pages_pruned > 0;
        if !is_whole || is_limited {
            Some(NotComparable::Stopped)
        } else if streams.begun > self.partitions {
            Some(NotComparable::Repeated)
        } else if self.is_partial {
            Some(NotComparable::Partial)
        } else if is_reduced {
            Some(NotComparable::Reduced)
        } else {
            (self.prunes_alone && operator.scan.is_some_and(left_out)).then_some(NotComparable::Pruned)
        }
    }
}

/// Fills in why operators, each before its inputs, cannot be compared.
pub(super) fn judge(operators: &mut [OperatorTrace], known: &[(Facts, Streams)]) {
    // Filters that reduced an operator, of those whose readers are still to come, with the operators' depths.
    let mut below: Vec<(usize, BTreeSet<u64>)> = Vec::new();
    for (operator, (facts, streams)) in operators.iter_mut().zip(known).rev() {
        let gave_all = facts.all_rows == Some(operator.output_rows);
        let mut filters = if gave_all { BTreeSet::new() } else { facts.reads.clone() };
        while let Some((_, of_input)) = below.pop_if(|(depth, _)| *depth > operator.depth) {
            filters.extend(of_input.difference(&facts.makes));
        }
        operator.not_comparable = facts.reason(*streams, operator, !filters.is_empty());
        below.push((operator.depth, filters));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OperatorKind, ScanTrace};
    use super::*;

    const ENDED: Streams = Streams { begun: 2, ended: 2 };

    fn operator(depth: usize, output_rows: u64) -> OperatorTrace {
        OperatorTrace {
            depth,
            name: String::new(),
            kind: OperatorKind::Other,
            detail: String::new(),
            estimated_rows: None,
            not_comparable: None,
            output_rows,
            operator_ns: 0,
            spill_count: 0,
            spilled_bytes: 0,
            peak_memory_bytes: None,
            scan: None,
        }
    }

    fn facts() -> Facts {
        Facts { partitions: 2, ..Facts::default() }
    }

    #[track_caller]
    fn check(plan: Vec<(OperatorTrace, Facts, Streams)>, expected: &[Option<NotComparable>]) {
        let (mut operators, known): (Vec<_>, Vec<_>) =
            plan.into_iter().map(|(operator, facts, streams)| (operator, (facts, streams))).unzip();
        judge(&mut operators, &known);
        let found: Vec<_> = operators.iter().map(|operator| operator.not_comparable).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_read_to_its_end_is_comparable() {
        check(Vec::new(), &[]);
        check(vec![(operator(0, 5), facts(), ENDED)], &[None]);
        for streams in [Streams { begun: 2, ended: 1 }, Streams { begun: 1, ended: 1 }, Streams::default()] {
            check(vec![(operator(0, 5), facts(), streams)], &[Some(NotComparable::Stopped)]);
        }
        check(vec![(operator(0, 5), facts(), Streams { begun: 4, ended: 4 })], &[Some(NotComparable::Repeated)]);
        check(vec![(operator(0, 5), Facts { is_partial: true, ..facts() }, ENDED)], &[Some(NotComparable::Partial)]);
        for (rows, expected) in [(9, None), (10, Some(NotComparable::Stopped))] {
            check(vec![(operator(0, rows), Facts { group_limit: Some(10), ..facts() }, ENDED)], &[expected]);
        }
        let pruned = |pages_pruned| OperatorTrace {
            scan: Some(ScanTrace { pages_pruned, ..ScanTrace::default() }),
            ..operator(0, 5)
        };
        for (pages, expected) in [(0, None), (1, Some(NotComparable::Pruned))] {
            check(vec![(pruned(pages), Facts { prunes_alone: true, ..facts() }, ENDED)], &[expected]);
        }
    }

    #[test]
    fn a_filter_reduces_what_lies_between_its_reader_and_its_maker() {
        let makes = |ids: &[u64]| Facts { makes: ids.iter().copied().collect(), ..facts() };
        let reads = |ids: &[u64]| Facts { reads: ids.iter().copied().collect(), all_rows: Some(100), ..facts() };
        // join 1 ◀─ (scan, join 2 ◀─ (scan, scan that reads both))
        let plan = |rows: u64| {
            vec![
                (operator(0, 5), facts(), ENDED),
                (operator(1, 5), makes(&[1]), ENDED),
                (operator(2, 7), facts(), ENDED),
                (operator(2, 5), makes(&[2]), ENDED),
                (operator(3, 9), facts(), ENDED),
                (operator(3, rows), reads(&[1, 2]), ENDED),
            ]
        };
        let reduced = Some(NotComparable::Reduced);
        check(plan(40), &[None, None, None, reduced, None, reduced]);
        // It took nothing away.
        check(plan(100), &[None; 6]);
    }
}

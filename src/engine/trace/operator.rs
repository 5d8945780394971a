//! One operator's metrics as a row.
//!
//! DataFusion's operators keep their time under different names. What is taken, and what it means:
//!
//! | kind | time | in it |
//! |---|---|---|
//! | scan | `time_elapsed_processing` | opening, pruning, decoding, row filters; not the wait for the disk |
//! | join | `elapsed_compute`, or build and join time where that is larger (a join that was stopped, a merge join) | building and probing |
//! | exchange | `elapsed_compute` and `repartition_time` | hashing and splitting rows; not the wait for a slow consumer |
//! | others | `elapsed_compute` | the operator's own work, not that of its inputs |
//!
//! All of them are wall time of the operator's own work, summed over its partitions.

use std::fmt;

use datafusion::physical_plan::metrics::{Metric, MetricValue, MetricsSet, PruningMetrics};

use super::NotComparable;
use crate::q_error;

/// What an operator is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperatorKind {
    /// Reads a table.
    Scan,
    /// Drops rows.
    Filter,
    /// Puts the rows of two inputs together.
    Join,
    /// Groups.
    Aggregate,
    /// Computes over neighbouring rows.
    Window,
    /// Sorts, or keeps the first rows of an order.
    Sort,
    /// Moves rows between partitions.
    Exchange,
    /// Everything else: projections, limits, unions, subqueries.
    Other,
}

impl OperatorKind {
    /// Every kind, in the order in which results name them.
    pub const ALL: [Self; 8] =
        [Self::Scan, Self::Filter, Self::Join, Self::Aggregate, Self::Window, Self::Sort, Self::Exchange, Self::Other];

    /// The kind of an operator by its name, as plans show it.
    pub(in crate::engine) fn of(name: &str) -> Self {
        match name {
            "DataSourceExec" | "LazyMemoryExec" | "StreamingTableExec" => Self::Scan,
            "FilterExec" => Self::Filter,
            "HashJoinExec"
            | "NestedLoopJoinExec"
            | "SortMergeJoinExec"
            | "CrossJoinExec"
            | "SymmetricHashJoinExec"
            | "PiecewiseMergeJoinExec" => Self::Join,
            "AggregateExec" => Self::Aggregate,
            "WindowAggExec" | "BoundedWindowAggExec" => Self::Window,
            "SortExec" | "SortExec(TopK)" | "PartialSortExec" | "PartitionedTopKExec" => Self::Sort,
            "RepartitionExec" | "CoalescePartitionsExec" | "SortPreservingMergeExec" => Self::Exchange,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for OperatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scan => "scan",
            Self::Filter => "filter",
            Self::Join => "join",
            Self::Aggregate => "aggregate",
            Self::Window => "window",
            Self::Sort => "sort",
            Self::Exchange => "exchange",
            Self::Other => "other",
        })
    }
}

/// What one operator did, all partitions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorTrace {
    /// How far below the plan's root it stands.
    pub depth: usize,
    /// Its name, as plans show it.
    pub name: String,
    /// What it is for.
    pub kind: OperatorKind,
    /// Its own line in the text that the plan's fingerprint is made from.
    pub detail: String,
    /// Rows that it was expected to give.
    pub estimated_rows: Option<u64>,
    /// Why the rows that came out of it say nothing of the estimate; nothing if they do.
    pub not_comparable: Option<NotComparable>,
    /// Rows that came out of it.
    pub output_rows: u64,
    /// Time of its own work, summed over its partitions.
    pub operator_ns: u64,
    /// Files that it wrote because memory was short.
    pub spill_count: u64,
    /// Bytes in them.
    pub spilled_bytes: u64,
    /// The most memory that it held, where it keeps count, summed over its partitions.
    pub peak_memory_bytes: Option<u64>,
    /// What it read and left out, if it reads files.
    pub scan: Option<ScanTrace>,
}

impl OperatorTrace {
    /// By what factor the estimate of its rows was off; nothing without an estimate, or where the rows say nothing of it.
    pub fn q_error(&self) -> Option<f64> {
        q_error::of_operator(self.estimated_rows, self.output_rows, self.not_comparable.is_none())
    }
}

/// What a scan of files read and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanTrace {
    /// Bytes of column chunks and Bloom filters that the scan asked for; footers and page indexes are not in it.
    pub scanned_bytes: u64,
    /// Files, or parts of files, that the scan looked at.
    pub file_ranges_total: u64,
    /// How many of them were left out whole, by statistics or partition values, while the plan ran.
    pub file_ranges_pruned: u64,
    /// Row groups of the files that were opened.
    pub row_groups_total: u64,
    /// How many of them were left out, by statistics, Bloom filters, a limit or a filter that became known on the way.
    pub row_groups_pruned: u64,
    /// Pages that a page index was asked about, counted in one column.
    pub pages_total: u64,
    /// How many of them were left out.
    pub pages_pruned: u64,
    /// Rows that were decoded at least in part: those of the pages that were not left out.
    pub rows_in: u64,
    /// Rows that came out of the scan, after its row filters.
    pub rows_out: u64,
}

impl ScanTrace {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            scanned_bytes: self.scanned_bytes + other.scanned_bytes,
            file_ranges_total: self.file_ranges_total + other.file_ranges_total,
            file_ranges_pruned: self.file_ranges_pruned + other.file_ranges_pruned,
            row_groups_total: self.row_groups_total + other.row_groups_total,
            row_groups_pruned: self.row_groups_pruned + other.row_groups_pruned,
            pages_total: self.pages_total + other.pages_total,
            pages_pruned: self.pages_pruned + other.pages_pruned,
            rows_in: self.rows_in + other.rows_in,
            rows_out: self.rows_out + other.rows_out,
        }
    }
}

/// The row of an operator from its name, the rows that came out of it, and its metrics.
pub(super) fn operator(depth: usize, name: &str, output_rows: u64, metrics: &MetricsSet) -> OperatorTrace {
    let kind = OperatorKind::of(name);
    let mut sums = Sums::default();
    metrics.iter().for_each(|metric| sums.add(metric));
    let scan = (kind == OperatorKind::Scan).then(|| ScanTrace {
        rows_in: output_rows + sums.rows_filtered,
        rows_out: output_rows,
        ..sums.scan
    });
    OperatorTrace {
        depth,
        name: name.to_owned(),
        kind,
        detail: String::new(),
        estimated_rows: None,
        not_comparable: None,
        output_rows,
        operator_ns: sums.operator_ns(kind),
        spill_count: sums.spill_count,
        spilled_bytes: sums.spilled_bytes,
        peak_memory_bytes: sums.peak_memory_bytes,
        scan,
    }
}

#[derive(Default)]
struct Sums {
    elapsed_ns: u64,
    processing_ns: u64,
    joining_ns: u64,
    partitioning_ns: u64,
    spill_count: u64,
    spilled_bytes: u64,
    peak_memory_bytes: Option<u64>,
    rows_filtered: u64,
    scan: ScanTrace,
}

impl Sums {
    fn add(&mut self, metric: &Metric) {
        match metric.value() {
            MetricValue::ElapsedCompute(time) => self.elapsed_ns += time.value() as u64,
            MetricValue::SpillCount(count) => self.spill_count += count.value() as u64,
            MetricValue::SpilledBytes(count) => self.spilled_bytes += count.value() as u64,
            MetricValue::PeakMemoryUsage { gauge, .. } => {
                *self.peak_memory_bytes.get_or_insert(0) += gauge.value() as u64;
            }
            MetricValue::Time { name, time } => match name.as_ref() {
                "time_elapsed_processing" => self.processing_ns += time.value() as u64,
                "build_time" | "join_time" => self.joining_ns += time.value() as u64,
                "repartition_time" => self.partitioning_ns += time.value() as u64,
                _ => {}
            },
            MetricValue::Count { name, count } => match name.as_ref() {
                "bytes_scanned" => self.scan.scanned_bytes += count.value() as u64,
                "pushdown_rows_pruned" => self.rows_filtered += count.value() as u64,
                "row_groups_pruned_dynamic_filter" => self.scan.row_groups_pruned += count.value() as u64,
                _ => {}
            },
            MetricValue::PruningMetrics { name, pruning_metrics } => self.add_pruning(name, pruning_metrics),
            _ => {}
        }
    }

    fn add_pruning(&mut self, name: &str, metrics: &PruningMetrics) {
        let pruned = metrics.pruned() as u64;
        let total = pruned + metrics.matched() as u64;
        let scan = &mut self.scan;
        match name {
            "files_ranges_pruned_statistics" => {
                scan.file_ranges_total += total;
                scan.file_ranges_pruned += pruned;
            }
            // Statistics are looked at first, so that their total is that of all row groups.
            "row_groups_pruned_statistics" => {
                scan.row_groups_total += total;
                scan.row_groups_pruned += pruned;
            }
            "row_groups_pruned_bloom_filter" | "limit_pruned_row_groups" => scan.row_groups_pruned += pruned,
            "page_index_pages_pruned" => {
                scan.pages_total += total;
                scan.pages_pruned += pruned;
            }
            _ => {}
        }
    }

    fn operator_ns(&self, kind: OperatorKind) -> u64 {
        match kind {
            OperatorKind::Scan if self.processing_ns > 0 => self.processing_ns,
            OperatorKind::Join => self.elapsed_ns.max(self.joining_ns),
            OperatorKind::Exchange => self.elapsed_ns + self.partitioning_ns,
            _ => self.elapsed_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
    use std::time::Duration;

    /// Metrics as operators make them: times by name, then a row filter, Bloom filter and page index that left some out.
    fn metrics(times: &[(&'static str, u64)]) -> MetricsSet {
        let set = ExecutionPlanMetricsSet::new();
        let build = || MetricBuilder::new(&set);
        for (name, nanoseconds) in times {
            let time = match *name {
                "elapsed_compute" => build().elapsed_compute(0),
                name => build().subset_time(name, 0),
            };
            time.add_duration(Duration::from_nanos(*nanoseconds));
        }
        build().counter("pushdown_rows_pruned", 0).add(5);
        let groups = build().pruning_metrics("row_groups_pruned_statistics", 0);
        groups.add_pruned(3);
        groups.add_matched(7);
        build().pruning_metrics("row_groups_pruned_bloom_filter", 1).add_pruned(2);
        build().counter("row_groups_pruned_dynamic_filter", 1).add(1);
        let pages = build().pruning_metrics("page_index_pages_pruned", 0);
        pages.add_pruned(40);
        pages.add_matched(2);
        build().spilled_bytes(0).add(100);
        build().spilled_bytes(1).add(10);
        set.clone_inner()
    }

    #[track_caller]
    fn check(name: &str, times: &[(&'static str, u64)], kind: OperatorKind, nanoseconds: u64) {
        let row = operator(0, name, 20, &metrics(times));
        assert_eq!((row.kind, row.operator_ns), (kind, nanoseconds), "{row:?}");
    }

    #[test]
    fn each_kind_has_its_time() {
        let scan = [("elapsed_compute", 1_000), ("time_elapsed_processing", 4_000), ("time_elapsed_opening", 9_000)];
        check("DataSourceExec", &scan, OperatorKind::Scan, 4_000);
        check("LazyMemoryExec", &scan[..1], OperatorKind::Scan, 1_000);
        let join = [("elapsed_compute", 7_000), ("build_time", 3_000), ("join_time", 4_000)];
        check("HashJoinExec", &join, OperatorKind::Join, 7_000);
        check("SortMergeJoinExec", &join[2..], OperatorKind::Join, 4_000);
        let exchange =
            [("elapsed_compute", 1_000), ("repartition_time", 2_000), ("send_time", 9_000), ("fetch_time", 9_000)];
        check("RepartitionExec", &exchange, OperatorKind::Exchange, 3_000);
        check("SortExec(TopK)", &[("elapsed_compute", 5_000)], OperatorKind::Sort, 5_000);
        check("ProjectionExec", &[("elapsed_compute", 5_000)], OperatorKind::Other, 5_000);
        check("SomethingNewExec", &[], OperatorKind::Other, 0);
    }

    #[test]
    fn what_a_scan_left_out_is_added_up() {
        let row = operator(3, "DataSourceExec", 20, &metrics(&[]));
        let scan = row.scan.expect("a scan");
        assert_eq!((scan.row_groups_total, scan.row_groups_pruned), (10, 6));
        assert_eq!((scan.pages_total, scan.pages_pruned), (42, 40));
        assert_eq!((scan.rows_in, scan.rows_out), (25, 20));
        assert_eq!((row.spilled_bytes, row.depth), (110, 3));
        assert_eq!(operator(0, "FilterExec", 20, &metrics(&[])).scan, None);
        assert_eq!(scan.plus(scan).pages_total, 84);
    }
}

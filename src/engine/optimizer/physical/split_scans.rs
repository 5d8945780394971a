//! [`SplitScans`]: files are read in pieces that any partition may take, instead of one long range for each partition.
//!
//! ```text
//!   before   partition 0  [ 1998 ─────────── 2000 ]     a join leaves 1999 alone: partition 0 reads it,
//!            partition 1  [ 2000 ─────────── 2002 ]     and partition 1 has nothing to do
//!
//!   after    partition 0  [ ── ][ ── ][ ── ][ ── ]      both take the next piece when they are done with one
//!            partition 1  [ ── ][ ── ][ ── ][ ── ]
//! ```
//!
//! DataFusion divides the bytes of all files by the number of partitions. Facts come in the order of their dates, and most queries ask for
//! some: what row groups' minima, page indexes and the filters of joins leave lies in a few neighbours of one range. An idle partition may take a file
//! from another (`engine.adaptive.work_stealing`), but no part of a range that has been begun. A row group belongs to the range that has its first
//! byte, so pieces of any size have each row once.
//!
//! A scan stays as it is if its partitions may not take each other's files: it keeps an order, or its partitions are those of a table. So it does if it
//! has one partition, or a limit, or is so small that to open a piece would cost more than another could save.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::datasource::listing::{FileRange, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::replace_scans;
use crate::engine::settings::OptimizerOptions;

/// The pieces of a partition's files, at most but for files that are whole.
const PIECES_MAX: u64 = 16;
/// The least size of a piece: 4 MiB are decoded in some ten milliseconds, and a piece is opened in a tenth of one.
const PIECE_BYTES_MIN: u64 = 4 << 20;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct SplitScans;

impl PhysicalOptimizerRule for SplitScans {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !OptimizerOptions::of(config).split_scans || !config.execution.enable_file_stream_work_stealing {
            return Ok(plan);
        }
        replace_scans(plan, |scan, _| {
            let scan_of = |groups| FileScanConfigBuilder::from(scan.clone()).with_file_groups(groups).build();
            Ok(split(scan).map(|groups| DataSourceExec::from_data_source(scan_of(groups)) as _))
        })
    }

    fn name(&self) -> &str {
        "SplitScans"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The files of a scan in pieces; none if they stay as they are.
fn split(scan: &FileScanConfig) -> Option<Vec<FileGroup>> {
    let is_shared = !scan.preserve_order && scan.output_ordering.is_empty() && scan.output_partitioning.is_none();
    if !is_shared || scan.limit.is_some() || scan.file_groups.len() < 2 {
        return None;
    }
    let bytes: u64 = scan.file_groups.iter().flat_map(FileGroup::iter).map(|file| length(&range(file))).sum();
    let piece_bytes = (bytes / scan.file_groups.len() as u64 / PIECES_MAX).max(PIECE_BYTES_MIN);
    let groups: Vec<FileGroup> = scan
        .file_groups
        .iter()
        .map(|group| group.iter().flat_map(|file| pieces(file, piece_bytes)).collect())
        .collect();
    let count = |groups: &[FileGroup]| groups.iter().map(FileGroup::len).sum::<usize>();
    (count(&groups) > count(&scan.file_groups)).then_some(groups)
}

/// A file as pieces of about that size.
fn pieces(file: &PartitionedFile, piece_bytes: u64) -> Vec<PartitionedFile> {
    let whole = range(file);
    let count = (length(&whole) / piece_bytes).max(1) as i64;
    if count == 1 {
        return vec![file.clone()];
    }
    let step = (whole.end - whole.start) / count;
    let piece = |number: i64| {
        let start = whole.start + number * step;
        let end = if number + 1 == count { whole.end } else { start + step };
        PartitionedFile { range: Some(FileRange { start, end }), ..file.clone() }
    };
    (0..count).map(piece).collect()
}

fn range(file: &PartitionedFile) -> FileRange {
    file.range.clone().unwrap_or(FileRange { start: 0, end: i64::try_from(file.object_meta.size).unwrap_or(i64::MAX) })
}

fn length(range: &FileRange) -> u64 {
    u64::try_from(range.end - range.start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;

    use super::super::parquet_scan;
    use super::*;
    use crate::engine::{Engine, test_support};

    /// The ranges of a file's pieces in MiB, of a file or of a range of it.
    #[track_caller]
    fn check(size: u64, range: Option<(i64, i64)>, piece: u64, expected: &[(i64, i64)]) {
        let mut file = PartitionedFile::new("f.parquet", size << 20);
        file.range = range.map(|(start, end)| FileRange { start: start << 20, end: end << 20 });
        let pieces = pieces(&file, piece << 20);
        let found = pieces.iter().map(super::range).map(|range| (range.start >> 20, range.end >> 20));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn pieces_follow_each_other_and_have_all() {
        check(30, None, 10, &[(0, 10), (10, 20), (20, 30)]);
        check(35, None, 10, &[(0, 11), (11, 23), (23, 35)]);
        check(100, Some((50, 100)), 25, &[(50, 75), (75, 100)]);
    }

    #[test]
    fn small_files_stay_whole() {
        check(19, None, 10, &[(0, 19)]);
        check(0, None, 10, &[(0, 0)]);
        check(100, Some((50, 60)), 10, &[(50, 60)]);
    }

    /// The pieces of each partition of the only scan in a plan, and the rows of the statement.
    async fn planned(engine: &Engine, sql: &str) -> (Vec<usize>, String) {
        let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut pieces = Vec::new();
        let mut visit = vec![Arc::clone(plan.physical())];
        while let Some(operator) = visit.pop() {
            visit.extend(operator.children().into_iter().cloned());
            if let Some((_, scan, _)) = parquet_scan(&operator) {
                pieces = scan.file_groups.iter().map(FileGroup::len).collect();
            }
        }
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        (pieces, pretty_format_batches(&batches).expect("text").to_string())
    }

    const TABLE: &str = "create external table t stored as parquet location '{}/t.parquet'";
    const SORTED: &str = "create external table s stored as parquet location '{}/t.parquet' with order (id)";
    /// Some 35 MB in 24 row groups, in an order that the file does not tell.
    const COPY: &str = "copy (select cast(concat(value, '') as bigint) as id, sqrt(value) as a, ln(value + 1) as b, \
                        sqrt(value + 1200000) as c from generate_series(0, 1199999)) \
                        to '{}/t.parquet' options ('format.max_row_group_size' 50000)";

    #[tokio::test(flavor = "multi_thread")]
    async fn pieces_have_each_row_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = async |is_on: bool, partitions: usize| {
            let partitions = format!("datafusion.execution.target_partitions={partitions}");
            let engine =
                test_support::engine("default", &[&format!("engine.optimizer.split_scans={is_on}"), &partitions]).await;
            if !folder.path().join("t.parquet").exists() {
                engine.run(&COPY.replace("{}", folder.path().to_str().expect("UTF-8"))).await.expect("written");
            }
            for table in [TABLE, SORTED] {
                engine.run(&table.replace("{}", folder.path().to_str().expect("UTF-8"))).await.expect("made");
            }
            engine
        };
        let (on, off, single) = (engine(true, 2).await, engine(false, 2).await, engine(true, 1).await);
        let all = "select count(*), sum(id), min(a), max(b) from t where c >= 1";
        let (pieces, rows) = planned(&on, all).await;
        assert!(pieces.len() == 2 && pieces.iter().all(|pieces| (2..=16).contains(pieces)), "{pieces:?}");
        assert_eq!(planned(&off, all).await, (vec![1, 1], rows.clone()));
        assert_eq!(planned(&single, all).await, (vec![1], rows));
        for (sql, expected) in [
            ("select max(a) from t where id between 100 and 120000", pieces),
            ("select id from s where c > 1549 order by id", vec![1, 1]),
        ] {
            let (pieces, rows) = planned(&on, sql).await;
            assert_eq!(pieces, expected, "{sql}");
            assert_eq!(rows, planned(&off, sql).await.1, "{sql}");
        }
    }
}

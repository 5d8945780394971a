//! How a table is cut: its source rows into chunks, one row group each, and the chunks into files.
//!
//! The cut depends on the table, the scale and the writer settings only, never on threads or time,
//! so that the same options give the same bytes everywhere. A table whose rows are sorted is cut twice:
//! its source rows into runs, and then, when it is known how many rows there are of each date, the
//! sorted rows into row groups.

use std::ops::{Range, RangeInclusive};

use crate::options::{Options, Parts};
use crate::scale::SalesLines;
use crate::schema::Table;
use crate::sorted::{DateKey, SortedChunk};

/// Parquet numbers the row groups of a file with 15 bits.
pub(crate) const MAX_ROW_GROUPS_A_FILE: u64 = i16::MAX as u64;

/// How one table is cut.
#[derive(Debug, Clone)]
pub(crate) struct TablePlan {
    pub(crate) table: &'static Table,
    /// Rows to expect, for progress and for the order of work.
    pub(crate) row_count_estimate: u64,
    /// How many row groups the table has.
    pub(crate) chunk_count: u64,
    source_row_count: u64,
    parts: Parts,
    /// The row groups of sorted rows; none where rows stay as they are generated.
    sorted: Vec<SortedChunk>,
}

impl TablePlan {
    pub(crate) fn new(options: &Options, table: &'static Table) -> Self {
        let source_row_count = options.scale.source_row_count(table);
        let source_rows_a_group = match SalesLines::of(table.source) {
            Some(lines) => lines.orders_for(options.row_group_rows),
            None => options.row_group_rows,
        };
        // A file that would have more row groups than Parquet can number gets larger ones.
        let max_chunks = match options.parts {
            Parts::Single => MAX_ROW_GROUPS_A_FILE,
            Parts::Count(files) => MAX_ROW_GROUPS_A_FILE * u64::from(files),
            Parts::TargetBytes(_) => u64::MAX,
        };
        Self {
            table,
            row_count_estimate: options.scale.row_count(table).estimate(),
            chunk_count: source_row_count.div_ceil(source_rows_a_group).min(max_chunks),
            source_row_count,
            parts: options.parts,
            sorted: Vec::new(),
        }
    }

    /// The same table, its sorted rows cut into these row groups.
    pub(crate) fn with_sorted(self, chunks: Vec<SortedChunk>) -> Self {
        Self { chunk_count: chunks.len() as u64, sorted: chunks, ..self }
    }

    /// The source rows of a chunk, counted from 1. Chunks are of the same size, give or take a row.
    pub(crate) fn source_rows(&self, chunk: u64) -> RangeInclusive<u64> {
        let before = |chunk: u64| {
            let rows = u128::from(self.source_row_count) * u128::from(chunk) / u128::from(self.chunk_count);
            u64::try_from(rows).expect("no more than all rows")
        };
        before(chunk) + 1..=before(chunk + 1)
    }

    /// Which of the sorted rows are a chunk.
    pub(crate) fn sorted_rows(&self, chunk: u64) -> &Range<u64> {
        &self.sorted[chunk as usize].rows
    }

    /// The partition that a chunk lies in, in a layout that has them.
    fn partition(&self, chunk: u64) -> Option<DateKey> {
        self.sorted.get(chunk as usize).and_then(|chunk| chunk.partition)
    }

    /// Whether `chunk` opens a new file, given what the file so far holds.
    pub(crate) fn starts_file(&self, chunk: u64, file_bytes: u64, file_chunks: u64, chunk_bytes: u64) -> bool {
        if chunk > 0 && self.partition(chunk) != self.partition(chunk - 1) {
            return true;
        }
        match self.parts {
            Parts::Single => chunk == 0,
            Parts::Count(files) => {
                let files = u64::from(files).min(self.chunk_count);
                let file_of = |chunk: u64| u128::from(chunk) * u128::from(files) / u128::from(self.chunk_count);
                chunk == 0 || file_of(chunk) != file_of(chunk - 1)
            }
            Parts::TargetBytes(target) => {
                chunk == 0 || file_bytes + chunk_bytes > target || file_chunks == MAX_ROW_GROUPS_A_FILE
            }
        }
    }

    /// The path of the file that `chunk` opens, from the output folder, with `/` on every system. Files
    /// count from 1, in a partition too.
    pub(crate) fn file_path(&self, file: usize, chunk: u64) -> String {
        let name = self.table.name;
        if let (Some(partition), Some(column)) = (self.partition(chunk), self.table.date_key()) {
            let folder = partition.folder(self.table.columns[column].name);
            return format!("{name}/{folder}/{name}-00001.parquet");
        }
        match self.parts {
            Parts::Single => format!("{name}.parquet"),
            Parts::Count(_) | Parts::TargetBytes(_) => format!("{name}/{name}-{file:05}.parquet"),
        }
    }

    /// How much work the table is, in values.
    pub(crate) fn work(&self) -> u128 {
        u128::from(self.row_count_estimate) * self.table.columns.len() as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn plan(scale: &str, table: &str, parts: Parts, row_group_rows: u64) -> TablePlan {
        let mut options = Options::new(scale.parse().unwrap(), "out");
        options.parts = parts;
        options.row_group_rows = row_group_rows;
        TablePlan::new(&options, schema::table(table).unwrap())
    }

    #[test]
    fn chunks_cover_the_source_rows_once() {
        let check = |scale, table, row_group_rows, chunks: u64| {
            let plan = plan(scale, table, Parts::Single, row_group_rows);
            assert_eq!(plan.chunk_count, chunks, "{table}");
            let ranges = (0..chunks).map(|chunk| plan.source_rows(chunk)).collect::<Vec<_>>();
            assert_eq!(*ranges[0].start(), 1);
            assert!(ranges.windows(2).all(|pair| *pair[0].end() + 1 == *pair[1].start()), "{ranges:?}");
            assert_eq!(*ranges[ranges.len() - 1].end(), plan.source_row_count);
            let sizes = ranges.iter().map(|range| range.end() + 1 - range.start());
            assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "{ranges:?}");
        };
        check("1", "reason", 262_144, 1);
        check("1", "customer", 10_000, 10);
        check("1", "customer", 30_000, 4);
        check("1", "store_sales", 262_144, 11);
        check("1", "store_returns", 262_144, 2);
        check("0.01", "income_band", 1, 20);
        check("0.01", "store_sales", 1, 10_000);
    }

    #[test]
    fn a_file_never_has_more_row_groups_than_parquet_can_number() {
        assert_eq!(plan("100000", "store_sales", Parts::Single, 262_144).chunk_count, 32_767);
        assert_eq!(plan("100000", "store_sales", Parts::Count(2), 262_144).chunk_count, 65_534);
        let target = plan("100000", "store_sales", Parts::TargetBytes(1 << 40), 262_144);
        assert_eq!(target.chunk_count, 1_098_650);
        assert!(target.starts_file(40_000, 1, MAX_ROW_GROUPS_A_FILE, 1));
    }

    #[test]
    fn chunks_are_dealt_to_files_evenly_and_in_order() {
        let check = |parts, row_group_rows, expected: &[u64]| {
            let plan = plan("1", "customer", parts, row_group_rows);
            let mut files: Vec<u64> = Vec::new();
            for chunk in 0..plan.chunk_count {
                let file_chunks = files.last().copied().unwrap_or_default();
                if plan.starts_file(chunk, file_chunks * 100, file_chunks, 100) {
                    files.push(0);
                }
                *files.last_mut().unwrap() += 1;
            }
            assert_eq!(files, expected, "{parts}");
        };
        check(Parts::Single, 10_000, &[10]);
        check(Parts::Count(1), 10_000, &[10]);
        check(Parts::Count(4), 10_000, &[3, 2, 3, 2]);
        check(Parts::Count(4), 50_000, &[1, 1]);
        check(Parts::TargetBytes(300), 10_000, &[3, 3, 3, 1]);
        check(Parts::TargetBytes(1), 30_000, &[1, 1, 1, 1]);
    }

    #[test]
    fn each_partition_is_a_file() {
        let chunk = |rows, key| SortedChunk { rows, partition: Some(DateKey::new(key)) };
        let (first, second) = (Some(2_450_816), Some(2_450_817));
        let chunks = vec![chunk(0..5, first), chunk(5..10, first), chunk(10..11, second), chunk(11..12, None)];
        let plan = plan("1", "store_sales", Parts::Single, 5).with_sorted(chunks);
        let files = (0..plan.chunk_count).filter(|chunk| plan.starts_file(*chunk, 0, 0, 0));
        let files = files.enumerate().map(|(index, chunk)| plan.file_path(index + 1, chunk)).collect::<Vec<_>>();
        let expected = ["2450816", "2450817", "__HIVE_DEFAULT_PARTITION__"];
        assert_eq!(files, expected.map(|key| format!("store_sales/ss_sold_date_sk={key}/store_sales-00001.parquet")));
        assert_eq!(*plan.sorted_rows(2), 10..11);
    }

    #[test]
    fn files_are_named_after_their_table() {
        assert_eq!(plan("1", "item", Parts::Single, 1).file_path(1, 0), "item.parquet");
        assert_eq!(plan("1", "item", Parts::Count(4), 1).file_path(2, 1), "item/item-00002.parquet");
        assert_eq!(plan("1", "item", Parts::TargetBytes(9), 1).file_path(12, 11), "item/item-00012.parquet");
    }
}

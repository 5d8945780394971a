//! The rows of a fact table by their dates, whatever their number, in bounded memory.
//!
//! ```text
//! source rows ──▶ chunks on all threads ──▶ each sorted by date: a run ──▶ one temporary file     first pass
//!                                                                               │
//! row group k: rows [k·n, (k+1)·n) of all ◀── the rows of these dates of every run               second pass
//! ```
//!
//! After the first pass it is known how many rows each run has of each date, so that the rows of any
//! row group can be found in all runs at once: a *bucket* of dates, cut at exact rows. Row groups are
//! then put together on all threads, each on its own, and written in order.
//!
//! Rows of a date are in the order in which they are generated, and rows without a date come last.
//! Neither the threads nor the size of the runs changes a byte.
//!
//! Memory: a chunk a thread in the first pass and a row group a thread in the second, and eight bytes
//! for each date of each run (9 MB for the store_sales of scale factor 100).

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use tpcdsgen::config::Session;

use crate::columns::Columns;
use crate::content::ContentHasher;
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::options::{Layout, Options, Parts};
use crate::plan::{MAX_ROW_GROUPS_A_FILE, TablePlan};
use crate::progress::{Progress, TableProgress};
use crate::runs::{EncodedRun, RunFile, RunPlace};
use crate::schema::Table;
use crate::source;

/// Rows in a run, about. Larger runs are read in longer pieces, and take more memory to sort. Tests have
/// many runs of few rows.
const RUN_ROWS: u64 = if cfg!(test) { 5_000 } else { 262_144 };

/// Rows handed on together: as many as the generator hands on.
const BATCH_ROWS: usize = 4096;

/// A date key, with the absence of one as the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DateKey(i32);

impl DateKey {
    const NULL: Self = Self(i32::MAX);

    pub(crate) fn new(value: Option<i64>) -> Self {
        // Date keys are of 32 bits, and count days.
        value.map_or(Self::NULL, |value| Self(value as i32))
    }

    /// `ss_sold_date_sk=2450816`, or Hive's name for NULL.
    pub(crate) fn folder(self, column: &str) -> String {
        match self {
            Self::NULL => format!("{column}={NULL_PARTITION}"),
            Self(key) => format!("{column}={key}"),
        }
    }
}

/// What Hive, Spark and DuckDB call the folder of the rows whose partition column is NULL.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// One run: what is where, in the order of dates.
#[derive(Debug)]
struct Run {
    place: RunPlace,
    keys: Vec<DateKey>,
    /// Where the rows of each key begin, and where the last ones end.
    starts: Vec<u32>,
}

impl Run {
    /// The rows of `key`, or the empty place where they would be.
    fn rows_of(&self, key: DateKey) -> Range<u32> {
        match self.keys.binary_search(&key) {
            Ok(index) => self.starts[index]..self.starts[index + 1],
            Err(index) => self.starts[index]..self.starts[index],
        }
    }
}

/// All rows of a table, sorted and in a temporary file that goes with this.
pub(crate) struct SortedRows {
    table: &'static Table,
    file: RunFile,
    /// In the order of the source rows.
    runs: Vec<Run>,
    keys: Vec<DateKey>,
    /// Where the rows of each key end among all rows.
    ends: Vec<u64>,
    /// Of the rows that were put in.
    content: ContentHasher,
}

/// A row group to be: these rows of all sorted ones, all of one date in a partitioned layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SortedChunk {
    pub(crate) rows: Range<u64>,
    pub(crate) partition: Option<DateKey>,
}

/// The first pass: generates, sorts and writes runs on all threads.
pub(crate) fn sort_rows(
    options: &Options,
    plan: &TablePlan,
    folder: &Folder,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<SortedRows> {
    let pass = FirstPass {
        plan: TablePlan::new(&run_options(options), plan.table),
        date_key: plan.table.date_key().expect("only tables with a date key are sorted"),
        session: options.scale.session(),
        file: RunFile::create(folder.path(), plan.table.name)?,
        next_chunk: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        cancel,
        made: Mutex::default(),
        content: Mutex::new(ContentHasher::new(plan.table)),
        progress,
        row_count_estimate: plan.row_count_estimate,
    };
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| pass.work());
        }
    });
    pass.finish()
}

/// The same rows, cut into runs.
fn run_options(options: &Options) -> Options {
    Options { row_group_rows: RUN_ROWS, parts: Parts::TargetBytes(u64::MAX), ..options.clone() }
}

struct FirstPass<'a> {
    plan: TablePlan,
    date_key: usize,
    session: Session,
    file: RunFile,
    next_chunk: AtomicU64,
    /// Set when a thread has failed.
    stop: AtomicBool,
    cancel: &'a AtomicBool,
    /// Each chunk's run, or why there is none, in the order in which they were ready.
    made: Mutex<Vec<(u64, Result<Run>)>>,
    content: Mutex<ContentHasher>,
    progress: &'a dyn Progress,
    row_count_estimate: u64,
}

impl FirstPass<'_> {
    fn work(&self) {
        loop {
            let chunk = self.next_chunk.fetch_add(1, Ordering::Relaxed);
            if chunk >= self.plan.chunk_count || self.stop.load(Ordering::Relaxed) {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(|| self.make_run(chunk)));
            let result = result.unwrap_or_else(|panic| Err(panicked(self.plan.table, panic.as_ref())));
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            self.made.lock().unwrap_or_else(PoisonError::into_inner).push((chunk, result));
        }
    }

    fn make_run(&self, chunk: u64) -> Result<Run> {
        let table = self.plan.table;
        let generator = |error: ArrowError| Error::Generator { table: table.name, reason: error.to_string() };
        let mut columns = Columns::new(table.arrow_schema(), 0).map_err(generator)?;
        let mut content = ContentHasher::new(table);
        let generated = source::for_each_batch(table, self.session.clone(), self.plan.source_rows(chunk), |batch| {
            if self.cancel.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Own(Error::Cancelled));
            }
            content.update(batch)?;
            Ok(columns.append(batch)?)
        });
        generated.map_err(|failure| failure.into_error(table))?;
        let keys = (0..columns.row_count()).map(|row| DateKey::new(columns.columns()[self.date_key].get(row)));
        let keys = keys.collect::<Vec<_>>();
        let mut order = (0..u32::try_from(keys.len()).expect("a run has few rows")).collect::<Vec<_>>();
        // Stable: rows of a date stay as they were generated.
        order.sort_by_key(|row| keys[*row as usize]);
        let place = self.file.append(&EncodedRun::new(&columns, &order))?;
        let run = index(place, order.iter().map(|row| keys[*row as usize]));
        self.report(&content);
        Ok(run)
    }

    fn report(&self, of_run: &ContentHasher) {
        // Under the lock, so that the numbers told never go back.
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.merge(of_run);
        self.progress.advance(&TableProgress {
            table: self.plan.table.name,
            row_count_estimate: self.row_count_estimate,
            sorted_row_count: Some(content.row_count()),
            row_count: 0,
            bytes: 0,
        });
    }

    fn finish(self) -> Result<SortedRows> {
        let mut made = self.made.into_inner().unwrap_or_else(PoisonError::into_inner);
        made.sort_by_key(|(chunk, _)| *chunk);
        // Threads that only stopped because another one failed say that they were cancelled.
        let failed =
            |(_, result): &(u64, Result<Run>)| matches!(result, Err(error) if !matches!(error, Error::Cancelled));
        if let Some(at) = made.iter().position(failed) {
            made.swap(0, at);
        }
        let runs = made.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>>>()?;
        let content = self.content.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(SortedRows::new(self.plan.table, self.file, runs, content))
    }
}

/// What a run holds where.
fn index(place: RunPlace, keys: impl Iterator<Item = DateKey>) -> Run {
    let mut run = Run { place, keys: Vec::new(), starts: Vec::new() };
    let mut row_count = 0;
    for key in keys {
        if run.keys.last() != Some(&key) {
            run.keys.push(key);
            run.starts.push(row_count);
        }
        row_count += 1;
    }
    run.starts.push(row_count);
    run
}

impl SortedRows {
    fn new(table: &'static Table, file: RunFile, runs: Vec<Run>, content: ContentHasher) -> Self {
        let mut counts = std::collections::BTreeMap::new();
        for run in &runs {
            for (key, ends) in run.keys.iter().zip(run.starts.windows(2)) {
                *counts.entry(*key).or_insert(0) += u64::from(ends[1] - ends[0]);
            }
        }
        let mut end = 0;
        let ends = counts.values().map(|count| {
            end += count;
            end
        });
        let ends = ends.collect();
        Self { table, file, runs, keys: counts.into_keys().collect(), ends, content }
    }

    pub(crate) fn row_count(&self) -> u64 {
        self.content.row_count()
    }

    /// Are these the rows that were put in?
    pub(crate) fn check(&self, written: &ContentHasher) -> Result<()> {
        if written.finish() == self.content.finish() { Ok(()) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> Error {
        Error::SpillDamaged { path: self.file.path().to_owned(), table: self.table.name }
    }

    /// Where row groups are cut: into equal ones of about the wanted size, within each date if every
    /// date is a file of its own.
    pub(crate) fn chunks(&self, options: &Options) -> Vec<SortedChunk> {
        if options.layout != Layout::Partitioned {
            let max = match options.parts {
                Parts::Single => MAX_ROW_GROUPS_A_FILE,
                Parts::Count(files) => MAX_ROW_GROUPS_A_FILE * u64::from(files),
                Parts::TargetBytes(_) => u64::MAX,
            };
            return cut(0..self.row_count(), options.row_group_rows, max, None);
        }
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let dates = self.keys.iter().zip(starts.zip(&self.ends));
        dates
            .flat_map(|(key, (start, end))| cut(start..*end, options.row_group_rows, MAX_ROW_GROUPS_A_FILE, Some(*key)))
            .collect()
    }

    /// The second pass: calls `consume` with each batch of a row group's rows.
    pub(crate) fn for_each_batch<E: From<ArrowError> + From<Error>>(
        &self,
        rows: &Range<u64>,
        mut consume: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let columns = self.gather::<E>(rows)?;
        for start in (0..columns.row_count()).step_by(BATCH_ROWS) {
            consume(&columns.batch(start..columns.row_count().min(start + BATCH_ROWS))?)?;
        }
        Ok(())
    }

    fn gather<E: From<ArrowError> + From<Error>>(&self, rows: &Range<u64>) -> Result<Columns, E> {
        let count = usize::try_from(rows.end - rows.start).expect("a row group fits memory");
        let mut columns = Columns::new(self.table.arrow_schema(), count)?;
        let mut reader = self.file.reader()?;
        let mut bucket = Bucket::new(self, rows);
        for run in &self.runs {
            let (rows, positions) = bucket.take_from(run);
            if !rows.is_empty() && !reader.read(&run.place, rows, &positions, &mut columns)? {
                return Err(self.damaged().into());
            }
        }
        Ok(columns)
    }
}

/// Equal pieces of at most so many rows, unless they were more than `max`.
fn cut(rows: Range<u64>, piece_rows: u64, max: u64, partition: Option<DateKey>) -> Vec<SortedChunk> {
    let row_count = rows.end - rows.start;
    let pieces = row_count.div_ceil(piece_rows).min(max);
    let before = |piece: u64| {
        let before = u128::from(row_count) * u128::from(piece) / u128::from(pieces);
        rows.start + u64::try_from(before).expect("no more than all rows")
    };
    (0..pieces).map(|piece| SortedChunk { rows: before(piece)..before(piece + 1), partition }).collect()
}

/// Finds the rows of one row group in run after run.
struct Bucket<'a> {
    /// The dates of the row group.
    keys: &'a [DateKey],
    /// How many rows of the first date belong to row groups before this one, and are still to come.
    skip: u64,
    /// How many rows of the last date belong to this row group or to ones before it, and are still to come.
    left: u64,
    /// Where the next row of each date goes to.
    positions: Vec<u32>,
}

impl<'a> Bucket<'a> {
    fn new(sorted: &'a SortedRows, rows: &Range<u64>) -> Self {
        let first = sorted.ends.partition_point(|end| *end <= rows.start);
        let last = sorted.ends.partition_point(|end| *end < rows.end);
        let start = |key: usize| key.checked_sub(1).map_or(0, |before| sorted.ends[before]);
        let position = |key: usize| {
            u32::try_from(start(key).max(rows.start) - rows.start).expect("a row group has far fewer rows than 2^32")
        };
        Self {
            keys: &sorted.keys[first..=last],
            skip: rows.start - start(first),
            left: rows.end - start(last),
            positions: (first..=last).map(position).collect(),
        }
    }

    /// The rows of the run that belong here, and where each of them goes to.
    fn take_from(&mut self, run: &Run) -> (Range<usize>, Vec<u32>) {
        let (first, last) = (self.keys[0], self.keys[self.keys.len() - 1]);
        let (of_first, of_last) = (run.rows_of(first), run.rows_of(last));
        let start = of_first.start + take(&mut self.skip, &of_first);
        let end = of_last.start + take(&mut self.left, &of_last);
        if start >= end {
            return (0..0, Vec::new());
        }
        let mut positions = Vec::with_capacity((end - start) as usize);
        let mut index = run.keys.partition_point(|key| *key < first);
        while index < run.keys.len() && run.starts[index] < end {
            let rows = run.starts[index].max(start)..run.starts[index + 1].min(end);
            let key = self.keys.binary_search(&run.keys[index]).expect("all dates of all runs are known");
            let position = &mut self.positions[key];
            for _ in rows {
                positions.push(*position);
                *position += 1;
            }
            index += 1;
        }
        (start as usize..end as usize, positions)
    }
}

/// Takes as many as are wanted, or all of them.
fn take(wanted: &mut u64, rows: &Range<u32>) -> u32 {
    let taken = u64::from(rows.end - rows.start).min(*wanted);
    *wanted -= taken;
    taken as u32
}

/// Why a run was not made; becomes an [`Error`] when the table is known.
enum Failure {
    Own(Error),
    Arrow(ArrowError),
}

impl Failure {
    fn into_error(self, table: &Table) -> Error {
        match self {
            Self::Own(error) => error,
            Self::Arrow(error) => Error::Generator { table: table.name, reason: error.to_string() },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// A panic of the generator as an error.
pub(crate) fn panicked(table: &Table, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Generator { table: table.name, reason: text.unwrap_or("it panicked").to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use arrow::array::{Array, AsArray, UInt32Array};
    use arrow::compute::take_record_batch;
    use arrow::datatypes::Int32Type;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::encode::{Encoder, Rows};
    use crate::generate::generate;
    use crate::manifest::{Manifest, TableEntry};
    use crate::schema;
    use crate::testing::{file_names, make, options, read_rows};
    use crate::write::TableWriter;

    fn facts() -> impl Iterator<Item = &'static Table> {
        schema::tables().iter().filter(|table| table.date_key().is_some())
    }

    fn layout_options(dir: &Path, layout: Layout, tables: &[&str]) -> Options {
        Options { layout, ..options(dir, tables) }
    }

    /// Makes one table.
    fn table(layout: Layout, parts: Parts, table: &'static Table) -> (RecordBatch, TableEntry) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { parts, ..layout_options(dir.path(), layout, &[table.name]) };
        let mut manifest = make(&options).manifest;
        assert!(crate::check(dir.path(), &(), &AtomicBool::new(false)).unwrap().is_ok());
        assert!(crate::check_sizes(dir.path()).unwrap().is_ok());
        let leftovers = file_names(dir.path()).into_iter().filter(|name| name.ends_with(".inprogress"));
        assert_eq!(leftovers.count(), 0);
        (read_rows(dir.path(), &manifest, table.name), manifest.tables.remove(table.name).unwrap())
    }

    /// The rows in the order of their dates, NULL last, otherwise as they are.
    fn by_date(rows: &RecordBatch, table: &Table) -> RecordBatch {
        let keys = rows.column(table.date_key().unwrap()).as_primitive::<Int32Type>();
        let mut order = (0..rows.num_rows() as u32).collect::<Vec<_>>();
        order.sort_by_key(|row| {
            let row = *row as usize;
            if keys.is_null(row) { i64::MAX } else { i64::from(keys.value(row)) }
        });
        take_record_batch(rows, &UInt32Array::from(order)).unwrap()
    }

    #[test]
    fn every_layout_has_the_same_rows() {
        for fact in facts() {
            let (rows, plain) = table(Layout::Plain, Parts::Single, fact);
            let expected = by_date(&rows, fact);
            let (parts_rows, parts) = table(Layout::Plain, Parts::Count(3), fact);
            assert_eq!(parts_rows, rows, "{}", fact.name);
            let (sorted_rows, sorted) = table(Layout::SortedByDate, Parts::Single, fact);
            assert_eq!(sorted_rows, expected, "{}", fact.name);
            let (many_rows, many) = table(Layout::SortedByDate, Parts::Count(3), fact);
            assert_eq!(many_rows, expected, "{}", fact.name);
            let (partition_rows, partitioned) = table(Layout::Partitioned, Parts::Single, fact);
            let in_files = (0..fact.columns.len()).filter(|column| Some(*column) != fact.date_key());
            let in_files = expected.project(&in_files.collect::<Vec<_>>()).unwrap();
            assert_eq!(partition_rows, in_files, "{}", fact.name);
            for entry in [&parts, &sorted, &many, &partitioned] {
                assert_eq!(entry.content_hash, plain.content_hash, "{}", fact.name);
                assert_eq!(entry.row_count, plain.row_count, "{}", fact.name);
                assert_eq!(entry.files.iter().map(|file| file.row_count).sum::<u64>(), plain.row_count);
            }
            let row_groups = plain.row_count.div_ceil(2_000).min(3) as usize;
            assert_eq!((sorted.files.len(), many.files.len()), (1, row_groups), "{}", fact.name);
            check_folders(&expected, &partitioned, fact);
        }
    }

    /// A file a date, in the order of dates, in the folder of its date, with all rows of it.
    fn check_folders(expected: &RecordBatch, entry: &TableEntry, table: &Table) {
        let column = table.date_key().unwrap();
        let keys = expected.column(column).as_primitive::<Int32Type>();
        let mut dates = std::collections::BTreeMap::new();
        for key in keys {
            *dates.entry(DateKey::new(key.map(i64::from))).or_insert(0) += 1;
        }
        let name = table.columns[column].name;
        let path = |key: DateKey| format!("{0}/{1}/{0}-00001.parquet", table.name, key.folder(name));
        let wanted = dates.into_iter().map(|(key, count)| (path(key), count)).collect::<Vec<_>>();
        let found = entry.files.iter().map(|file| (file.path.clone(), file.row_count)).collect::<Vec<_>>();
        assert_eq!(found, wanted);
        let nulls = format!("{name}=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(
            found.last().is_some_and(|(path, _)| path.contains(&nulls)),
            keys.null_count() > 0,
            "{}",
            table.name
        );
    }

    #[test]
    fn row_groups_have_the_wanted_size_and_follow_each_other() {
        let dir = tempfile::tempdir().unwrap();
        make(&layout_options(dir.path(), Layout::SortedByDate, &["web_sales"]));
        let file = fs::File::open(dir.path().join("web_sales.parquet")).unwrap();
        let metadata = SerializedFileReader::new(file).unwrap().metadata().clone();
        let mut last = 0;
        for (index, group) in metadata.row_groups().iter().enumerate() {
            assert!((1_950..=2_000).contains(&group.num_rows()), "{}", group.num_rows());
            let Some(parquet::file::statistics::Statistics::Int32(dates)) = group.column(0).statistics() else {
                panic!("row group {index} has no dates")
            };
            assert!(dates.min_opt().is_none_or(|min| *min >= last), "row group {index}");
            last = dates.max_opt().copied().unwrap_or(last);
        }
        assert_eq!(
            metadata.file_metadata().num_rows() as u64,
            Manifest::read(dir.path()).unwrap().tables["web_sales"].row_count
        );
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        for layout in [Layout::SortedByDate, Layout::Partitioned] {
            let manifest = |threads| {
                let dir = tempfile::tempdir().unwrap();
                let tables = ["web_returns", "inventory", "item"];
                make(&Options { threads, ..layout_options(dir.path(), layout, &tables) }).manifest
            };
            let alone = manifest(1);
            for threads in [2, 5] {
                assert_eq!(manifest(threads), alone);
            }
        }
    }

    #[test]
    fn a_row_group_can_be_cut_anywhere() {
        let dir = tempfile::tempdir().unwrap();
        let options = layout_options(dir.path(), Layout::SortedByDate, &["web_sales"]);
        let web_sales = schema::table("web_sales").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let plan = TablePlan::new(&options, web_sales);
        let sorted = sort_rows(&options, &plan, &folder, &(), &AtomicBool::new(false)).unwrap();
        assert!(sorted.runs.len() > 1, "one run shows nothing");
        let rows = |rows: Range<u64>| {
            let mut batches = Vec::new();
            let collect = |batch: &RecordBatch| {
                batches.push(batch.clone());
                Ok::<(), Failure>(())
            };
            assert!(sorted.for_each_batch(&rows, collect).is_ok());
            arrow::compute::concat_batches(&web_sales.arrow_schema(), &batches).unwrap()
        };
        let count = sorted.row_count();
        let whole = rows(0..count);
        for range in [0..1, count - 1..count, 1..2, 100..101, 37..8_000, 5_000..count, 1..count - 1] {
            let expected = whole.slice(range.start as usize, (range.end - range.start) as usize);
            assert_eq!(rows(range.clone()), expected, "{range:?}");
        }
    }

    #[test]
    fn a_table_that_lost_a_partition_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let options = layout_options(dir.path(), Layout::Partitioned, &["inventory", "item"]);
        let first = make(&options).manifest;
        let lost = dir.path().join(&first.tables["inventory"].files[7].path);
        fs::remove_file(&lost).unwrap();
        let problems = crate::check_sizes(dir.path()).unwrap().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        fs::write(lost.with_extension("parquet.inprogress"), "half").unwrap();
        fs::write(dir.path().join("inventory.runs.inprogress"), "half").unwrap();
        let second = make(&options);
        assert_eq!((second.made, second.manifest), (vec!["inventory"], first));
        assert!(crate::check(dir.path(), &(), &AtomicBool::new(false)).unwrap().is_ok(), "leftovers are swept");

        let plain = Options { layout: Layout::Plain, ..options };
        let error = generate(&plain, &(), &AtomicBool::new(false)).unwrap_err().to_string();
        assert!(error.contains("made with layout partitioned, not plain"), "{error}");
    }

    #[test]
    fn stopping_in_either_pass_leaves_no_temporary_file() {
        /// Asks to stop at the given share of all steps.
        struct StopAt<'a>(&'a AtomicBool, u64);
        impl Progress for StopAt<'_> {
            fn advance(&self, table: &TableProgress) {
                if table.steps_done() * 100 >= table.steps() * self.1 {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
        }
        for percent in [10, 30, 60, 80] {
            let dir = tempfile::tempdir().unwrap();
            let options = layout_options(dir.path(), Layout::Partitioned, &["web_sales"]);
            let cancel = AtomicBool::new(false);
            let error = generate(&options, &StopAt(&cancel, percent), &cancel).unwrap_err();
            assert!(matches!(error, Error::Cancelled), "{error}");
            let names = file_names(dir.path());
            assert!(names.iter().all(|name| !name.ends_with(".inprogress")), "{names:?}");
            assert!(Manifest::read(dir.path()).unwrap().tables.is_empty());
            assert_eq!(make(&options).made, ["web_sales"]);
        }
    }

    #[test]
    fn progress_covers_both_passes() {
        #[derive(Default)]
        struct Log(Mutex<Vec<TableProgress>>);
        impl Progress for Log {
            fn begin(&self, tables: &[TableProgress]) {
                assert_eq!(tables.iter().map(|table| table.sorted_row_count).collect::<Vec<_>>(), [Some(0), None]);
            }
            fn advance(&self, table: &TableProgress) {
                self.0.lock().unwrap().push(*table);
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let log = Log::default();
        let options = layout_options(dir.path(), Layout::SortedByDate, &["inventory", "item"]);
        generate(&options, &log, &AtomicBool::new(false)).unwrap();
        let log = log.0.into_inner().unwrap();
        let steps = log.iter().filter(|table| table.table == "inventory").collect::<Vec<_>>();
        assert!(steps.is_sorted_by_key(|table| table.steps_done()), "{steps:?}");
        assert!(steps.iter().any(|table| table.row_count == 0 && table.sorted_row_count > Some(0)), "{steps:?}");
        let last = steps[steps.len() - 1];
        assert_eq!((last.steps(), last.steps_done()), (2 * last.row_count, 2 * last.row_count));
    }

    #[test]
    fn rows_that_come_back_changed_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let options = layout_options(dir.path(), Layout::SortedByDate, &["inventory"]);
        let folder = Folder::open(dir.path()).unwrap();
        let plan = TablePlan::new(&options, schema::table("inventory").unwrap());
        let sorted = sort_rows(&options, &plan, &folder, &(), &AtomicBool::new(false)).unwrap();
        let path = sorted.file.path().to_owned();
        let mut bytes = fs::read(&path).unwrap();
        // The smallest date of the first block.
        bytes[0] ^= 1;
        fs::write(&path, bytes).unwrap();
        let plan = plan.with_sorted(sorted.chunks(&options));
        let encoder = Encoder::new(plan, Rows::Sorted(sorted), &options.writer_settings()).unwrap();
        let mut writer = TableWriter::new(dir.path(), &encoder);
        for chunk in 0..encoder.plan.chunk_count {
            writer.append(encoder.encode(chunk, &AtomicBool::new(false)).unwrap()).unwrap();
        }
        let error = writer.finish().err().unwrap().to_string();
        assert!(error.contains("inventory.runs.inprogress was changed while inventory was being sorted"), "{error}");
        drop(encoder);
        let names = file_names(dir.path());
        assert!(names.is_empty(), "{names:?}");
    }

    #[test]
    fn bloom_filters_are_written_for_the_chosen_columns() {
        let dir = tempfile::tempdir().unwrap();
        let bloom_filters = vec!["i_item_id".to_owned(), "ws_item_sk".to_owned()];
        let options = layout_options(dir.path(), Layout::Partitioned, &["web_sales", "item"]);
        let manifest = make(&Options { bloom_filters, ..options }).manifest;
        let mut filters = Vec::new();
        for file in manifest.files() {
            let file = fs::File::open(dir.path().join(&file.path)).unwrap();
            for group in SerializedFileReader::new(file).unwrap().metadata().row_groups() {
                let columns = group.columns().iter().filter(|column| column.bloom_filter_offset().is_some());
                let length = |column: &parquet::file::metadata::ColumnChunkMetaData| column.bloom_filter_length();
                filters.extend(columns.map(|column| (column.column_path().string(), length(column).unwrap())));
            }
        }
        assert!(filters.iter().any(|(name, _)| name == "i_item_id"));
        let web: Vec<_> = filters.iter().filter(|(name, _)| name == "ws_item_sk").collect();
        assert_eq!(web.len(), manifest.tables["web_sales"].files.len());
        assert!(web.iter().all(|(_, bytes)| *bytes < 1_000), "folded to the few rows of a day");
        assert!(filters.iter().all(|(name, _)| ["i_item_id", "ws_item_sk"].contains(&name.as_str())));
    }
}

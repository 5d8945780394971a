//! Do the rows keep the keys that the schema declares? Exactly, in bounded memory, with each column read once.
//!
//! ```text
//!   a table's key columns ─▶ one number a row: (item, ticket) ↦ (item - least) · tickets + (ticket - least)
//!                                  │
//!                 all numbers are few? ── yes ─▶ a bit for each           a bit that is set already: a duplicate
//!                                  └───── no ──▶ sorted numbers           a number beside its like: a duplicate
//!                                                    │                    (of more than fit memory, a part in each of several passes)
//!   columns of other tables that refer to it ─▶ same numbers ─▶ looked up: one that is not there is an orphan
//! ```
//!
//! The least value and the number of values come from the counted statistics, so that every key of the table has a number, and a value
//! outside of them is an orphan without looking. A key whose numbers do not fit 64 bits is not verified, and not trusted.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datagen::schema::{ForeignKey, Table};
use datagen::statistics::{KeyCheck, KeyReference, TableStatistics, Violation, ViolationKind};
use datagen::{DataStatistics, Progress, TableProgress};

use super::reader::for_each_batch;
use super::{DataError, DataSet};
use crate::engine::{Engine, EngineLimits};

/// Memory for the numbers of one table's keys, at most; and at most a quarter of what the engine may use.
const SET_BYTES_MAX: u64 = 1 << 30;

/// The most columns of a key: a row's values lie on the stack.
const KEY_COLUMNS_MAX: usize = 4;

impl DataSet {
    /// Looks for every declared key in the rows, and notes in `statistics`, which must be of all tables, what was found.
    pub async fn verify_keys(
        &self,
        statistics: &mut DataStatistics,
        limits: &EngineLimits,
        progress: &dyn Progress,
    ) -> Result<(), DataError> {
        let engine = self.reader(limits).await.map_err(|error| self.not_read(&error))?;
        let set_bytes = SET_BYTES_MAX.min(limits.memory_bytes / 4);
        let mut checks: BTreeMap<(&str, usize), KeyCheck> = BTreeMap::new();
        let work: Vec<Work> =
            self.tables.iter().filter_map(|files| self.work(files.table, statistics, set_bytes)).collect();
        progress.begin(&work.iter().map(|work| work.progress(0)).collect::<Vec<_>>());
        for work in &work {
            let mut row_count = 0;
            let on_rows = |rows: u64| {
                row_count += rows;
                progress.advance(&work.progress(row_count));
            };
            checks.extend(work.run(&engine, on_rows).await.map_err(|message| self.failed(work.table, message))?);
        }
        for (name, table) in &mut statistics.tables {
            let of_table = checks.range((name.as_str(), 0)..=(name.as_str(), usize::MAX));
            let keys: Vec<KeyCheck> = of_table.map(|(_, check)| check.clone()).collect();
            // What was estimated is known now.
            if let Some([column]) =
                keys.iter().find(|key| key.references.is_none() && key.holds()).map(|key| &key.columns[..])
                && let Some(column) = table.columns.iter_mut().find(|known| known.name == *column)
            {
                column.distinct_count = table.row_count;
            }
            table.keys = Some(keys);
        }
        Ok(())
    }

    /// Whether all keys of all tables were looked for, and the files are still the same.
    pub fn keys_are_verified(&self) -> bool {
        let tables = self.tables.iter().map(|files| self.table_statistics(files.table.name));
        tables.map(|table| table.and_then(|table| table.keys.as_ref())).all(|keys| keys.is_some())
    }

    /// What is to be done for a table's primary key. None if it has none, or one without numbers.
    fn work(&self, table: &'static Table, statistics: &DataStatistics, set_bytes: u64) -> Option<Work> {
        let of_table = statistics.tables.get(table.name)?;
        let space = KeySpace::of(of_table, &table.primary_key)?;
        let referring = self.tables.iter().filter_map(|files| {
            let keys = files.table.foreign_keys.iter().enumerate();
            let keys: Vec<_> = keys.filter(|(_, key)| key.table == table.name).collect();
            let of_table = statistics.tables.get(files.table.name)?;
            (!keys.is_empty()).then_some(Referring { table: files.table, keys, row_count: of_table.row_count })
        });
        let row_count = of_table.row_count;
        let files_hash = of_table.files.hash.clone();
        Some(Work { table, files_hash, row_count, referring: referring.collect(), space, set_bytes })
    }
}

/// A primary key and all that refers to it.
struct Work {
    table: &'static Table,
    files_hash: String,
    row_count: u64,
    referring: Vec<Referring>,
    space: KeySpace,
    set_bytes: u64,
}

/// A table with foreign keys, by their places among its foreign keys.
struct Referring {
    table: &'static Table,
    keys: Vec<(usize, &'static ForeignKey)>,
    row_count: u64,
}

impl Work {
    fn progress(&self, row_count: u64) -> TableProgress {
        let of_pass = self.row_count + self.referring.iter().map(|other| other.row_count).sum::<u64>();
        TableProgress {
            table: self.table.name,
            row_count_estimate: of_pass * self.passes(),
            sorted_row_count: None,
            row_count,
            bytes: 0,
        }
    }

    /// In how many parts the keys are looked at.
    fn passes(&self) -> u64 {
        match self.space.fits_bits(self.set_bytes) {
            true => 1,
            false => (self.row_count * 8).div_ceil(self.set_bytes.max(8)).max(1),
        }
    }

    /// By table and place: 0 is the primary key, and the first foreign key is 1.
    async fn run(
        &self,
        engine: &Engine,
        mut on_rows: impl FnMut(u64),
    ) -> Result<Vec<((&'static str, usize), KeyCheck)>, String> {
        let passes = self.passes();
        let mut primary = PrimaryFindings::default();
        let mut foreign: Vec<Vec<Finding>> =
            self.referring.iter().map(|other| vec![Finding::default(); other.keys.len()]).collect();
        for pass in 0..passes {
            let set = self.key_set(engine, (pass, passes), &mut primary, &mut on_rows).await?;
            for (other, findings) in self.referring.iter().zip(&mut foreign) {
                self.look_up(engine, other, &set, findings, &mut on_rows).await?;
            }
        }
        let own = (self.table.name, 0);
        let mut checks = vec![(own, check(&self.table.primary_key, None, primary.violations()))];
        for (other, findings) in self.referring.iter().zip(foreign) {
            for ((place, key), finding) in other.keys.iter().zip(findings) {
                let violations = finding.violation(ViolationKind::Orphan).into_iter().collect();
                let references = KeyReference {
                    table: self.table.name.to_owned(),
                    columns: key.references.iter().map(ToString::to_string).collect(),
                    files_hash: self.files_hash.clone(),
                };
                checks.push(((other.table.name, place + 1), check(&key.columns, Some(references), violations)));
            }
        }
        Ok(checks)
    }

    /// The numbers of a part of the table's keys.
    async fn key_set(
        &self,
        engine: &Engine,
        part: (u64, u64),
        findings: &mut PrimaryFindings,
        on_rows: &mut impl FnMut(u64),
    ) -> Result<KeySet<'_>, String> {
        let mut set = KeySet::new(&self.space, part, self.set_bytes);
        for_each_batch(engine, self.table, &self.table.primary_key.join(", "), |batch| {
            for_each_row(batch, &self.table.primary_key, |values| {
                let Some(key) = whole(values) else {
                    // Each pass sees them again.
                    if part.0 == 0 {
                        findings.nulls.add(values);
                    }
                    return Ok(());
                };
                let number = self.space.number(&key[..values.len()]);
                let number =
                    number.ok_or("its rows are not those that were counted: count them again, with --force")?;
                if set.insert(number) {
                    findings.duplicates.add(values);
                }
                Ok(())
            })?;
            on_rows(batch.num_rows() as u64);
            Ok(())
        })
        .await?;
        set.finish(&mut findings.duplicates);
        Ok(set)
    }

    /// Looks for the values of another table's foreign keys.
    async fn look_up(
        &self,
        engine: &Engine,
        other: &Referring,
        set: &KeySet<'_>,
        findings: &mut [Finding],
        on_rows: &mut impl FnMut(u64),
    ) -> Result<(), String> {
        let mut columns: Vec<&str> = other.keys.iter().flat_map(|(_, key)| key.columns.iter().copied()).collect();
        columns.sort_unstable();
        columns.dedup();
        for_each_batch(engine, other.table, &columns.join(", "), |batch| {
            for ((_, key), finding) in other.keys.iter().zip(&mut *findings) {
                for_each_row(batch, &key.columns, |values| {
                    if whole(values).is_some_and(|key| set.lacks(&key[..values.len()])) {
                        finding.add(values);
                    }
                    Ok(())
                })?;
            }
            on_rows(batch.num_rows() as u64);
            Ok(())
        })
        .await
    }
}

fn check(columns: &[&str], references: Option<KeyReference>, violations: Vec<Violation>) -> KeyCheck {
    KeyCheck { columns: columns.iter().map(ToString::to_string).collect(), references, violations }
}

/// Rows of a kind, and the first one's values.
#[derive(Debug, Clone, Default)]
struct Finding {
    row_count: u64,
    example: Vec<Option<i64>>,
}

impl Finding {
    fn add(&mut self, values: &[Option<i64>]) {
        if self.row_count == 0 {
            self.example = values.to_vec();
        }
        self.row_count += 1;
    }

    fn violation(self, kind: ViolationKind) -> Option<Violation> {
        let text = |value: &Option<i64>| value.map(|value| value.to_string());
        let example = self.example.iter().map(text).collect();
        (self.row_count > 0).then_some(Violation { kind, row_count: self.row_count, example })
    }
}

/// What is wrong with a primary key.
#[derive(Debug, Default)]
struct PrimaryFindings {
    nulls: Finding,
    duplicates: Finding,
}

impl PrimaryFindings {
    fn violations(self) -> Vec<Violation> {
        let nulls = self.nulls.violation(ViolationKind::Null);
        nulls.into_iter().chain(self.duplicates.violation(ViolationKind::Duplicate)).collect()
    }
}

/// The numbers that a table's keys can have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeySpace {
    /// Of each column the least value, and how many whole numbers there are from it to the greatest.
    columns: Vec<(i64, u64)>,
    /// How many keys there can be.
    size: u64,
}

impl KeySpace {
    /// None for a table without a key, a key that is no whole number, and one of too many values.
    fn of(table: &TableStatistics, key: &[&str]) -> Option<Self> {
        if key.is_empty() || key.len() > KEY_COLUMNS_MAX {
            return None;
        }
        let column = |name: &&str| {
            let column = table.columns.iter().find(|column| column.name == *name)?;
            let (Some(min), Some(max)) = (&column.min, &column.max) else { return Some((0, 0)) };
            let (min, max): (i64, i64) = (min.parse().ok()?, max.parse().ok()?);
            Some((min, max.checked_sub(min)?.cast_unsigned().checked_add(1)?))
        };
        let columns: Vec<(i64, u64)> = key.iter().map(column).collect::<Option<_>>()?;
        let size = columns.iter().try_fold(1_u64, |size, (_, width)| size.checked_mul(*width))?;
        Some(Self { columns, size })
    }

    /// The number of a key; none if a value lies outside.
    fn number(&self, key: &[i64]) -> Option<u64> {
        let mut number = 0;
        for (value, (min, width)) in key.iter().zip(&self.columns) {
            let offset = value.checked_sub(*min)?.cast_unsigned();
            if offset >= *width {
                return None;
            }
            number = number * width + offset;
        }
        Some(number)
    }

    /// The key of a number.
    fn key(&self, mut number: u64) -> Vec<Option<i64>> {
        let mut key: Vec<_> = self.columns.iter().map(|(min, _)| Some(*min)).collect();
        for (value, (min, width)) in key.iter_mut().zip(&self.columns).rev() {
            *value = Some(min + (number % width).cast_signed());
            number /= width;
        }
        key
    }

    fn fits_bits(&self, bytes: u64) -> bool {
        self.size / 8 <= bytes
    }
}

/// A part of the keys of a table.
struct KeySet<'a> {
    space: &'a KeySpace,
    part: (u64, u64),
    numbers: Numbers,
}

enum Numbers {
    Bits(Vec<u64>),
    /// Sorted once all are there.
    Listed(Vec<u64>),
}

impl<'a> KeySet<'a> {
    fn new(space: &'a KeySpace, part: (u64, u64), set_bytes: u64) -> Self {
        let numbers = match usize::try_from(space.size.div_ceil(64)) {
            Ok(words) if space.fits_bits(set_bytes) => Numbers::Bits(vec![0; words]),
            _ => Numbers::Listed(Vec::new()),
        };
        Self { space, part, numbers }
    }

    fn is_of_part(&self, number: u64) -> bool {
        self.part.1 == 1 || number % self.part.1 == self.part.0
    }

    /// Adds a key; true if it is known to be there already.
    fn insert(&mut self, number: u64) -> bool {
        if !self.is_of_part(number) {
            return false;
        }
        match &mut self.numbers {
            Numbers::Bits(words) => {
                let (word, bit) = (&mut words[(number / 64) as usize], 1 << (number % 64));
                let is_there = *word & bit != 0;
                *word |= bit;
                is_there
            }
            Numbers::Listed(numbers) => {
                numbers.push(number);
                false
            }
        }
    }

    /// Makes what was added ready to be looked up, and finds the duplicates that [`Self::insert`] did not.
    fn finish(&mut self, duplicates: &mut Finding) {
        let Numbers::Listed(numbers) = &mut self.numbers else { return };
        numbers.sort_unstable();
        for pair in numbers.windows(2).filter(|pair| pair[0] == pair[1]) {
            duplicates.add(&self.space.key(pair[0]));
        }
        numbers.dedup();
    }

    /// Whether a key is of this part, or of none, and not in it.
    fn lacks(&self, key: &[i64]) -> bool {
        let Some(number) = self.space.number(key) else { return self.part.0 == 0 };
        self.is_of_part(number)
            && match &self.numbers {
                Numbers::Bits(words) => words[(number / 64) as usize] & (1 << (number % 64)) == 0,
                Numbers::Listed(numbers) => numbers.binary_search(&number).is_err(),
            }
    }
}

/// The values of a row in which none is NULL.
fn whole(values: &[Option<i64>]) -> Option<[i64; KEY_COLUMNS_MAX]> {
    let mut key = [0; KEY_COLUMNS_MAX];
    for (place, value) in key.iter_mut().zip(values) {
        *place = (*value)?;
    }
    Some(key)
}

/// Calls `consume` with the values of these columns in each row.
fn for_each_row(
    batch: &RecordBatch,
    columns: &[&str],
    mut consume: impl FnMut(&[Option<i64>]) -> Result<(), String>,
) -> Result<(), String> {
    let numbers = |name: &&str| -> Result<Int64Array, String> {
        let array = batch.column_by_name(name).ok_or_else(|| format!("it has no column {name}"))?;
        let array = cast(array, &DataType::Int64).map_err(|error| error.to_string())?;
        Ok(array.as_primitive::<Int64Type>().clone())
    };
    let arrays: Vec<Int64Array> = columns.iter().map(numbers).collect::<Result<_, _>>()?;
    let mut values = [None; KEY_COLUMNS_MAX];
    let values = &mut values[..arrays.len()];
    for row in 0..batch.num_rows() {
        for (value, array) in values.iter_mut().zip(&arrays) {
            *value = array.is_valid(row).then(|| array.value(row));
        }
        consume(values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use datafusion::arrow::array::{ArrayRef, Int32Array};
    use datafusion::arrow::compute::{concat_batches, filter_record_batch};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use datagen::statistics::{ColumnStatistics, FilesFingerprint};

    use super::*;
    use crate::tables::{DataUrl, Expectation};

    fn limits(memory_bytes: u64) -> EngineLimits {
        EngineLimits { memory_bytes, spill_dir: std::env::temp_dir() }
    }

    /// A folder of tables in which one was changed; no manifest.
    fn changed(table: &str, change: impl FnOnce(RecordBatch) -> RecordBatch) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
        datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
        std::fs::remove_file(folder.path().join("manifest.json")).expect("removed");
        let path = folder.path().join(format!("{table}.parquet"));
        let file = std::fs::File::open(&path).expect("the table");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
        let batch = change(concat_batches(&batches[0].schema(), &batches).expect("one batch"));
        let file = std::fs::File::create(&path).expect("made");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        folder
    }

    /// The batch with another first column, which may hold NULL, by what it has in each row.
    fn with_column(batch: RecordBatch, name: &str, value: impl Fn(usize, Option<i32>) -> Option<i32>) -> RecordBatch {
        let position = batch.schema().index_of(name).expect("a column");
        let old = batch.column(position).as_primitive::<datafusion::arrow::datatypes::Int32Type>().clone();
        let new: ArrayRef = Arc::new(old.iter().enumerate().map(|(row, old)| value(row, old)).collect::<Int32Array>());
        let fields =
            batch.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
        let mut columns = batch.columns().to_vec();
        columns[position] = new;
        RecordBatch::try_new(Arc::new(datafusion::arrow::datatypes::Schema::new(fields)), columns).expect("a batch")
    }

    async fn verified(folder: &Path, memory_bytes: u64) -> DataSet {
        let url = DataUrl::from_path(folder).expect("a path");
        let data = DataSet::open(url, &Expectation::default()).await.expect("opened");
        let limits = limits(1 << 30);
        let mut statistics = data.count(&data.uncounted(), &limits, &()).await.expect("counted");
        data.verify_keys(&mut statistics, &EngineLimits { memory_bytes, ..limits }, &()).await.expect("verified");
        data.with_statistics(statistics)
    }

    /// The keys that fail, as `table columns kind rows example`.
    fn failing(data: &DataSet) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, table) in &data.statistics().tables {
            for key in table.keys.iter().flatten() {
                lines.extend(key.violations.iter().map(|violation| {
                    let example = violation.example.iter().map(|value| value.as_deref().unwrap_or("NULL"));
                    let example = example.collect::<Vec<_>>().join(",");
                    format!("{name} {} {:?} {} {example}", key.columns.join(","), violation.kind, violation.row_count)
                }));
            }
        }
        lines
    }

    #[track_caller]
    fn check_failing(data: &DataSet, expected: &[&str]) {
        assert_eq!(failing(data), expected);
        assert!(data.keys_are_verified());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_generate_makes_keeps_all_keys_in_every_layout_and_in_little_memory() {
        for layout in [datagen::Layout::Plain, datagen::Layout::Partitioned] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
            options.layout = layout;
            datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
            // With 1 MiB for a set, inventory takes several passes, each of which opens all files.
            let memory_sizes: &[u64] = if layout == datagen::Layout::Plain { &[1 << 30, 1 << 22] } else { &[1 << 30] };
            for &memory_bytes in memory_sizes {
                let data = verified(folder.path(), memory_bytes).await;
                check_failing(&data, &[]);
                let keys = data.verified_keys();
                let foreign: usize = keys.iter().map(|keys| keys.foreign.len()).sum();
                assert_eq!((keys.len(), foreign), (24, 107), "{layout}");
                let customers = data.table_statistics("customer").expect("counted");
                assert_eq!(customers.columns[0].distinct_count, customers.row_count, "a key that holds");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keys_that_fail_are_found_with_an_example() {
        // The second row has the key of the first, whose own key nobody has any more.
        let data = changed("ship_mode", |batch| {
            with_column(batch, "sm_ship_mode_sk", |row, old| if row == 1 { Some(1) } else { old })
        });
        let data = verified(data.path(), 1 << 30).await;
        let found = failing(&data);
        assert_eq!(
            found.iter().filter(|line| line.starts_with("ship_mode sm_ship_mode_sk Duplicate 1 1")).count(),
            1,
            "{found:?}"
        );
        assert!(
            found.iter().any(|line| line.starts_with("web_sales ws_ship_mode_sk Orphan") && line.ends_with(" 2")),
            "{found:?}"
        );
        let keys = data.verified_keys();
        assert!(keys.iter().all(|keys| keys.table != "ship_mode"));
        assert!(keys.iter().flat_map(|keys| &keys.foreign).all(|key| key.table != "ship_mode"));

        let data =
            changed("reason", |batch| with_column(batch, "r_reason_sk", |row, old| if row == 0 { None } else { old }));
        let found = failing(&verified(data.path(), 1 << 30).await);
        assert_eq!(
            found[0],
            "catalog_returns cr_reason_sk Orphan ".to_owned() + found[0].rsplit_once("Orphan ").expect("it").1
        );
        assert!(found.contains(&"reason r_reason_sk Null 1 NULL".to_owned()), "{found:?}");

        // A value far outside of the others, and NULL, which refers to nothing.
        let data = changed("store", |batch| {
            with_column(batch, "s_closed_date_sk", |row, _| if row == 0 { Some(i32::MAX) } else { None })
        });
        check_failing(&verified(data.path(), 1 << 30).await, &["store s_closed_date_sk Orphan 1 2147483647"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keys_of_several_columns_are_found_in_passes_too() {
        let data = changed("store_sales", |batch| {
            let first = batch.slice(0, 1);
            concat_batches(&batch.schema(), [&batch, &first, &first]).expect("two rows more")
        });
        for memory_bytes in [1 << 30, 1 << 18] {
            let found = failing(&verified(data.path(), memory_bytes).await);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("store_sales ss_item_sk,ss_ticket_number Duplicate 2 "), "{found:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_refers_to_an_empty_table() {
        let data = changed("reason", |batch| {
            let none = datafusion::arrow::array::BooleanArray::from(vec![false; batch.num_rows()]);
            filter_record_batch(&batch, &none).expect("no rows")
        });
        let data = verified(data.path(), 1 << 30).await;
        let found = failing(&data);
        let all_orphans = found.iter().all(|line| line.contains("_reason_sk Orphan"));
        assert!(found.len() == 3 && all_orphans, "{found:?}");
        assert!(data.verified_keys().iter().any(|keys| keys.table == "reason"), "no row breaks it");
    }

    fn space(columns: &[(Option<&str>, Option<&str>)]) -> Option<KeySpace> {
        let column = |(index, (min, max)): (usize, &(Option<&str>, Option<&str>))| ColumnStatistics {
            name: format!("c{index}"),
            null_count: 0,
            distinct_count: 1,
            min: min.map(str::to_owned),
            max: max.map(str::to_owned),
        };
        let table = TableStatistics {
            files: FilesFingerprint { count: 1, bytes: 1, hash: String::new() },
            row_count: 1,
            columns: columns.iter().enumerate().map(column).collect(),
            keys: None,
        };
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        KeySpace::of(&table, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn every_key_has_a_number_of_its_own() {
        let space = space(&[(Some("-3"), Some("1")), (Some("7"), Some("9"))]).expect("few keys");
        assert_eq!(space.size, 15);
        let keys = (-3..=1).flat_map(|first| (7..=9).map(move |second| [first, second]));
        for (number, key) in keys.enumerate() {
            assert_eq!(space.number(&key), Some(number as u64));
            assert_eq!(space.key(number as u64), key.map(Some));
        }
        for outside in [[-4, 7], [2, 7], [0, 6], [0, 10], [i64::MIN, i64::MAX]] {
            assert_eq!(space.number(&outside), None, "{outside:?}");
        }
    }

    #[test]
    fn keys_without_numbers_are_not_verified() {
        assert_eq!(space(&[]), None);
        assert_eq!(space(&[(Some("a"), Some("b"))]), None);
        assert_eq!(space(&[(Some("0"), Some("9223372036854775807")), (Some("0"), Some("2"))]), None, "too many");
        assert_eq!(space(&[(Some("-9223372036854775808"), Some("5"))]), None);
        assert_eq!(space(&[(Some("1"), Some("1")); 5]), None);
        let empty = space(&[(None, None)]).expect("no keys");
        assert_eq!((empty.size, empty.number(&[0])), (0, None));
    }

    #[test]
    fn the_schemas_keys_have_few_columns() {
        let tables = datagen::schema::tables().iter();
        assert!(tables.map(|table| table.primary_key.len()).max().is_some_and(|most| most <= KEY_COLUMNS_MAX));
    }
}

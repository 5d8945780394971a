//! Options in, a complete folder out.
//!
//! Tables whose rows are to be sorted come first, one after another: their rows go through a temporary
//! file (see `sorted`), and then to the same writer as those of all other tables, which come together:
//!
//! Threads take chunks of source rows, one table after another, and turn each into an encoded row
//! group. One thread puts the row groups into files in order. Another waits for the disk, gives
//! files their names and adds tables to the manifest. Chunks that are being worked on or wait for
//! their turn are counted, and no more are begun than `chunks_in_flight` allows: that bounds the
//! memory, whatever the scale.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::encode::{Encoder, RowGroup, Rows};
use crate::error::{Error, Result};
use crate::folder::{self, Folder};
use crate::manifest::{Manifest, TableEntry};
use crate::options::Options;
use crate::plan::TablePlan;
use crate::progress::{Progress, TableProgress};
use crate::schema::Table;
use crate::sorted::{self, sort_rows};
use crate::statistics::{DataStatistics, TableStatistics};
use crate::write::{CompleteFile, TableWriter};

/// What a generation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What the folder holds now, tables of earlier generations included.
    pub manifest: Manifest,
    /// The tables that were made now, in the order of their names.
    pub made: Vec<&'static str>,
    /// The tables asked for that were already there, in the order of their names.
    pub present: Vec<&'static str>,
}

/// Makes the tables that `options` asks for and the folder does not hold yet.
///
/// A table is held when the manifest lists it and its files are there in their full size; whether
/// their bytes are right is [`crate::check()`]'s question. Set `cancel` to stop soon: what was
/// complete stays, and the next generation goes on from there.
///
/// # Errors
/// Options that make no sense; a folder that cannot be written to, that another process is
/// generating into, that holds tables of other settings or tables without a manifest; a full disk;
/// [`Error::Cancelled`]. After an error no file has its final name unless it is whole.
pub fn generate(options: &Options, progress: &dyn Progress, cancel: &AtomicBool) -> Result<Outcome> {
    options.validate()?;
    let selected = options.selected_tables()?;
    let folder = Folder::open(&options.out)?;
    let mut manifest = folder.manifest(options)?;
    folder.sweep()?;

    let is_held = |table: &&Table| manifest.tables.get(table.name).is_some_and(|entry| folder.holds(entry));
    let (present, missing): (Vec<_>, Vec<_>) = selected.into_iter().partition(is_held);
    let names = |tables: &[&'static Table]| tables.iter().map(|table| table.name).collect::<Vec<_>>();
    let (made, present) = (names(&missing), names(&present));
    if missing.is_empty() {
        return Ok(Outcome { manifest, made, present });
    }
    // A listed table that has lost a file is not complete until it is made again.
    let listed = manifest.tables.len();
    manifest.tables.retain(|name, _| !made.contains(&name.as_str()));
    if manifest.tables.len() < listed {
        manifest.write(folder.path())?;
    }
    let manifest = make_tables(options, &missing, &folder, manifest, progress, cancel)?;
    Ok(Outcome { manifest, made, present })
}

/// How many chunks may be begun and not yet written: one for each thread and two that wait for a
/// slower neighbour, because row groups are written in order. With row groups of the default size
/// the process then needs about 65 MiB a thread, at any scale.
fn chunks_in_flight(threads: usize) -> usize {
    threads + 2
}

/// A row group for the writer, or why there is none.
struct Encoded {
    /// Its place among all row groups of all tables.
    sequence: usize,
    result: Result<Option<RowGroup>>,
}

/// What the writer hands to the finisher.
enum Complete {
    File(CompleteFile),
    Table { progress: TableProgress, entry: TableEntry, statistics: TableStatistics },
}

/// The chunks yet to be begun, given out in order, each for one permit.
struct Feed<I> {
    chunks: I,
    permits: Receiver<()>,
}

/// How many complete files may be open and wait for the disk: partitions come by the thousand, and
/// faster than a disk confirms them.
const FILES_IN_FLIGHT: usize = 64;

/// How many files the disk is asked to confirm at the same time, which takes it little longer than one.
const FILES_SYNCED_TOGETHER: usize = 16;

/// Files are not kept waiting for others when together they are as large as this.
const BYTES_SYNCED_TOGETHER: u64 = 64 << 20;

fn make_tables(
    options: &Options,
    tables: &[&'static Table],
    folder: &Folder,
    mut manifest: Manifest,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Manifest> {
    let (sorted, plain) = plans(options, tables);
    let pending = sorted.iter().map(|plan| not_started(plan, Some(0)));
    let pending = pending.chain(plain.iter().map(|plan| not_started(plan, None)));
    progress.begin(&pending.collect::<Vec<_>>());
    let settings = options.writer_settings();
    for plan in sorted {
        let rows = sort_rows(options, &plan, folder, progress, cancel)?;
        let plan = plan.with_sorted(rows.chunks(options));
        let encoder = Encoder::new(plan, Rows::Sorted(rows), &settings)?;
        manifest = write_all(options, &[encoder], folder, manifest, progress, cancel)?;
    }
    let session = options.scale.session();
    let encoders = plain.into_iter().map(|plan| Encoder::new(plan, Rows::Generated(session.clone()), &settings));
    write_all(options, &encoders.collect::<Result<Vec<_>>>()?, folder, manifest, progress, cancel)
}

/// The tables to be sorted, and the others. Of both the largest first, so that no thread is left with a
/// large one at the end.
fn plans(options: &Options, tables: &[&'static Table]) -> (Vec<TablePlan>, Vec<TablePlan>) {
    let mut plans = tables.iter().map(|table| TablePlan::new(options, table)).collect::<Vec<_>>();
    plans.sort_by_key(|plan| std::cmp::Reverse(plan.work()));
    plans.into_iter().partition(|plan| options.layout.sorts(plan.table))
}

fn not_started(plan: &TablePlan, sorted_row_count: Option<u64>) -> TableProgress {
    let row_count_estimate = plan.row_count_estimate;
    TableProgress { table: plan.table.name, row_count_estimate, sorted_row_count, row_count: 0, bytes: 0 }
}

/// Encodes and writes tables on all threads.
fn write_all(
    options: &Options,
    encoders: &[Encoder],
    folder: &Folder,
    manifest: Manifest,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Manifest> {
    let (permit, permits) = channel();
    for _ in 0..chunks_in_flight(options.threads) {
        permit.send(()).expect("the receiver is right here");
    }
    let chunks = encoders.iter().flat_map(|encoder| (0..encoder.plan.chunk_count).map(move |chunk| (encoder, chunk)));
    let feed = Mutex::new(Feed { chunks: chunks.enumerate(), permits });
    let (encoded_to, encoded) = channel();
    let (complete_to, complete) = sync_channel(FILES_IN_FLIGHT);

    thread::scope(|scope| {
        let finisher = scope.spawn(|| finish(folder.path(), manifest, complete, progress));
        for _ in 0..options.threads {
            let encoded_to = encoded_to.clone();
            let feed = &feed;
            scope.spawn(move || work(feed, &encoded_to, cancel));
        }
        drop(encoded_to);
        let written = write_tables(folder.path(), encoders, &encoded, permit, complete_to, progress);
        // Workers that still encode find nobody to send to, and end.
        drop(encoded);
        let finished = finisher.join().unwrap_or_else(|panic| resume_unwind(panic));
        // When the finisher has failed the writer only knows that it is gone.
        let manifest = finished?;
        written.map(|()| manifest)
    })
}

/// Encodes chunks until there are none left or nobody wants them.
fn work<'a>(
    feed: &Mutex<Feed<impl Iterator<Item = (usize, (&'a Encoder, u64))>>>,
    encoded_to: &Sender<Encoded>,
    cancel: &AtomicBool,
) {
    loop {
        let next = {
            let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
            // No permits will come any more once the writer has ended.
            if feed.permits.recv().is_err() {
                return;
            }
            feed.chunks.next()
        };
        let Some((sequence, (encoder, chunk))) = next else { return };
        // The writer waits for every chunk: a generator that panics must not leave it waiting.
        let result = catch_unwind(AssertUnwindSafe(|| encoder.encode(chunk, cancel)))
            .unwrap_or_else(|panic| Err(sorted::panicked(encoder.plan.table, panic.as_ref())));
        if encoded_to.send(Encoded { sequence, result }).is_err() {
            return;
        }
    }
}

/// Puts the row groups of all tables into files, in order.
fn write_tables(
    folder: &Path,
    encoders: &[Encoder],
    encoded: &Receiver<Encoded>,
    permit: Sender<()>,
    complete_to: SyncSender<Complete>,
    progress: &dyn Progress,
) -> Result<()> {
    let mut early = HashMap::new();
    let mut sequence = 0;
    // The finisher ends early only with an error, and that one is reported.
    let complete = |message| complete_to.send(message).map_err(|_| Error::Cancelled);
    for encoder in encoders {
        let mut writer = TableWriter::new(folder, encoder);
        let mut table = not_started(&encoder.plan, encoder.sorted_row_count());
        progress.advance(&table);
        for _ in 0..encoder.plan.chunk_count {
            while !early.contains_key(&sequence) {
                let encoded = encoded.recv().expect("workers send every chunk that they take");
                early.insert(encoded.sequence, encoded.result);
            }
            let row_group = early.remove(&sequence).expect("just looked")?;
            sequence += 1;
            if let Some(file) = writer.append(row_group)? {
                complete(Complete::File(file))?;
            }
            // Workers may all be done; then nobody needs the permit.
            let _ = permit.send(());
            (table.row_count, table.bytes) = (writer.row_count(), writer.bytes());
            progress.advance(&table);
        }
        let (file, entry, statistics) = writer.finish()?;
        if let Some(file) = file {
            complete(Complete::File(file))?;
        }
        table.bytes = entry.files.iter().map(|file| file.bytes).sum();
        complete(Complete::Table { progress: table, entry, statistics })?;
    }
    Ok(())
}

/// Waits for the disk, gives files their names, and adds complete tables to the statistics and the manifest.
fn finish(
    folder: &Path,
    mut manifest: Manifest,
    complete: Receiver<Complete>,
    progress: &dyn Progress,
) -> Result<Manifest> {
    let mut statistics = DataStatistics::read_or_default(folder);
    let mut waiting = Vec::new();
    for message in complete {
        match message {
            Complete::File(file) => {
                waiting.push(file);
                let bytes = waiting.iter().map(CompleteFile::bytes).sum::<u64>();
                if waiting.len() == FILES_SYNCED_TOGETHER || bytes >= BYTES_SYNCED_TOGETHER {
                    publish(&mut waiting)?;
                }
            }
            Complete::Table { progress: table, entry, statistics: of_table } => {
                publish(&mut waiting)?;
                // The folders of partitions are new in the table's.
                if entry.files.iter().any(|file| file.path.split('/').count() > 2) {
                    folder::sync_folder(&folder.join(table.table))?;
                }
                // First, so that no table is listed without its statistics; those of a table that is not listed fit nothing.
                statistics.tables.insert(table.table.to_owned(), of_table);
                statistics.write(folder)?;
                manifest.tables.insert(table.table.to_owned(), entry);
                manifest.write(folder)?;
                progress.finish(&table);
            }
        }
    }
    Ok(manifest)
}

/// Puts files on the disk, all at the same time, and gives them their names.
fn publish(files: &mut Vec<CompleteFile>) -> Result<()> {
    thread::scope(|scope| {
        let publish = |file: CompleteFile| scope.spawn(move || file.publish());
        let threads = files.drain(..).map(publish).collect::<Vec<_>>();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::Ordering;

    use arrow::array::RecordBatch;
    use expect_test::{Expect, expect};
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::content::ContentHasher;
    use crate::manifest;
    use crate::options::{Compression, Parts};
    use crate::schema;
    use crate::testing::{file_names, make, options, read_rows};

    #[test]
    fn all_tables_are_made_and_hold_what_the_manifest_says() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::new("0.01".parse().unwrap(), dir.path().join("a/b"));
        let outcome = make(&options);
        assert_eq!(outcome.made, schema::tables().iter().map(|table| table.name).collect::<Vec<_>>());
        assert_eq!(outcome.manifest, Manifest::read(&options.out).unwrap());
        // The rows never change, nor do their hashes.
        expect!["848dd6fa878d3865b9203053e9f63d0d"].assert_eq(&outcome.manifest.fingerprint());

        for table in schema::tables() {
            let entry = &outcome.manifest.tables[table.name];
            let batch = read_rows(&options.out, &outcome.manifest, table.name);
            assert_eq!(batch.num_rows() as u64, entry.row_count, "{}", table.name);
            let plan = TablePlan::new(&options, table);
            let difference = entry.row_count.abs_diff(plan.row_count_estimate);
            assert!(difference * 20 <= plan.row_count_estimate, "{} has {}", table.name, entry.row_count);
            for (field, expected) in batch.schema().fields().iter().zip(table.arrow_schema().fields()) {
                assert_eq!(field.name(), expected.name());
                assert_eq!(field.is_nullable(), expected.is_nullable(), "{}", field.name());
            }
            let mut hasher = ContentHasher::new(table);
            hasher.update(&batch).unwrap();
            assert_eq!(entry.content_hash, table.is_reproducible().then(|| hasher.finish()), "{}", table.name);
        }
    }

    #[test]
    fn files_say_what_readers_need() {
        let dir = tempfile::tempdir().unwrap();
        let outcome = make(&options(dir.path(), &["item", "dbgen_version"]));
        let schema_of = |table: &str| {
            let path = &outcome.manifest.paths(dir.path(), schema::table(table).unwrap())[0];
            let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
            let mut text = Vec::new();
            parquet::schema::printer::print_schema(&mut text, reader.metadata().file_metadata().schema());
            assert_eq!(reader.metadata().file_metadata().key_value_metadata(), None);
            for column in reader.metadata().row_group(0).columns() {
                assert!(column.statistics().is_some(), "{column:?}");
                assert!(column.column_index_offset().is_some(), "{column:?}");
                assert!(column.offset_index_offset().is_some(), "{column:?}");
                assert_eq!(column.compression(), parquet::basic::Compression::SNAPPY);
            }
            String::from_utf8(text).unwrap().lines().take(7).collect::<Vec<_>>().join("\n")
        };
        expect![[r#"
            message arrow_schema {
              REQUIRED INT32 i_item_sk;
              REQUIRED BYTE_ARRAY i_item_id (STRING);
              OPTIONAL INT32 i_rec_start_date (DATE);
              OPTIONAL INT32 i_rec_end_date (DATE);
              OPTIONAL BYTE_ARRAY i_item_desc (STRING);
              OPTIONAL INT32 i_current_price (DECIMAL(7,2));"#]]
        .assert_eq(&schema_of("item"));
        expect![[r#"
            message arrow_schema {
              OPTIONAL BYTE_ARRAY dv_version (STRING);
              OPTIONAL INT32 dv_create_date (DATE);
              OPTIONAL INT32 dv_create_time (TIME(MILLIS,false));
              OPTIONAL BYTE_ARRAY dv_cmdline_args (STRING);
            }"#]]
        .assert_eq(&schema_of("dbgen_version"));
    }

    #[test]
    fn threads_do_not_change_a_byte() {
        let tables = ["store_sales", "store_returns", "item", "customer", "ship_mode"];
        let manifest = |threads| {
            let dir = tempfile::tempdir().unwrap();
            let mut options = options(dir.path(), &tables);
            options.threads = threads;
            make(&options).manifest
        };
        let alone = manifest(1);
        assert_eq!(alone.files().count(), tables.len());
        for threads in [2, 5] {
            assert_eq!(manifest(threads), alone);
        }
    }

    /// Makes a table in one file and in others, and expects the same rows in the same order.
    fn check_parts(scale: &str, table: &str, row_group_rows: u64, parts: Parts, files: usize) {
        let rows = |parts| -> (RecordBatch, TableEntry) {
            let dir = tempfile::tempdir().unwrap();
            let mut options = options(dir.path(), &[table]);
            options.scale = scale.parse().unwrap();
            options.row_group_rows = row_group_rows;
            options.parts = parts;
            let mut manifest = make(&options).manifest;
            (read_rows(dir.path(), &manifest, table), manifest.tables.remove(table).unwrap())
        };
        let (whole, single) = rows(Parts::Single);
        let (concatenated, split) = rows(parts);
        assert_eq!(split.files.len(), files, "{table} {parts}");
        assert_eq!(split.files.iter().map(|file| file.row_count).sum::<u64>(), single.row_count, "{table} {parts}");
        assert_eq!(split.content_hash, single.content_hash, "{table} {parts}");
        assert_eq!(concatenated, whole, "{table} {parts}");
    }

    #[test]
    fn parts_hold_the_rows_of_one_sequential_run() {
        for table in ["store_sales", "catalog_sales", "web_sales", "inventory", "store_returns", "catalog_returns"] {
            check_parts("0.01", table, 2_000, Parts::Count(4), 4);
        }
        check_parts("0.01", "web_returns", 400, Parts::Count(4), 4);
        check_parts("0.01", "customer", 100, Parts::Count(4), 4);
        check_parts("0.01", "customer", 100, Parts::TargetBytes(1), 10);
        check_parts("0.01", "ship_mode", 100, Parts::Count(4), 1);
        check_parts("1", "web_sales", Options::DEFAULT_ROW_GROUP_ROWS, Parts::Count(4), 3);
    }

    #[test]
    fn files_reach_but_do_not_pass_the_target_size() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path(), &["inventory", "reason"]);
        options.parts = Parts::TargetBytes(200_000);
        let manifest = make(&options).manifest;
        let files = &manifest.tables["inventory"].files;
        assert!(files.len() > 2, "{files:?}");
        // The footer, which the target leaves out, and the last file aside.
        assert!(files.iter().all(|file| file.bytes < 220_000), "{files:?}");
        assert!(files[..files.len() - 1].iter().all(|file| file.bytes > 150_000), "{files:?}");
        assert_eq!(files[1].path, "inventory/inventory-00002.parquet");
        assert_eq!(manifest.tables["reason"].files[0].path, "reason/reason-00001.parquet");
    }

    #[test]
    fn a_row_group_without_rows_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path(), &["web_returns"]);
        options.scale = "0.01".parse().unwrap();
        options.row_group_rows = 1;
        let entry = &make(&options).manifest.tables["web_returns"];
        let file = fs::File::open(dir.path().join("web_returns.parquet")).unwrap();
        let metadata = SerializedFileReader::new(file).unwrap().metadata().clone();
        let plan = TablePlan::new(&options, schema::table("web_returns").unwrap());
        assert!((metadata.num_row_groups() as u64) < plan.chunk_count);
        assert_eq!(metadata.file_metadata().num_rows() as u64, entry.row_count);
    }

    #[test]
    fn a_second_run_completes_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let tables = ["item", "reason", "ship_mode", "store"];
        let first = make(&options(dir.path(), &tables[..3]));
        assert_eq!(make(&options(dir.path(), &tables[..3])).made, [""; 0]);

        fs::remove_file(dir.path().join("item.parquet")).unwrap();
        fs::write(dir.path().join("reason.parquet"), "short").unwrap();
        fs::write(dir.path().join("store.parquet.inprogress"), "half").unwrap();
        fs::write(dir.path().join(".manifest.json.inprogress"), "half").unwrap();
        let second = make(&options(dir.path(), &tables));
        assert_eq!(second.made, ["item", "reason", "store"]);
        assert_eq!(second.present, ["ship_mode"]);
        for table in &tables[..3] {
            assert_eq!(second.manifest.tables[*table], first.manifest.tables[*table]);
        }
        let expected = [
            "item.parquet",
            Manifest::FILE_NAME,
            "reason.parquet",
            "ship_mode.parquet",
            DataStatistics::FILE_NAME,
            "store.parquet",
        ];
        assert_eq!(file_names(dir.path()), expected);
        assert!(crate::check(dir.path(), &(), &AtomicBool::new(false)).unwrap().is_ok());
    }

    #[test]
    fn tables_of_other_settings_are_never_mixed_in() {
        let dir = tempfile::tempdir().unwrap();
        make(&options(dir.path(), &["reason"]));
        let check = |change: fn(&mut Options), expected: Expect| {
            let mut options = options(dir.path(), &["item"]);
            change(&mut options);
            let error = generate(&options, &(), &AtomicBool::new(false)).unwrap_err().to_string();
            expected.assert_eq(&error.replace(&dir.path().display().to_string(), "DIR"));
        };
        check(
            |o| o.scale = "1".parse().unwrap(),
            expect!["DIR holds tables made with scale factor 0.01, not 1; ask for 0.01 or choose another folder"],
        );
        check(
            |o| o.parts = Parts::Count(2),
            expect!["DIR holds tables made with parts single, not 2; ask for single or choose another folder"],
        );
        check(
            |o| o.row_group_rows = 1,
            expect!["DIR holds tables made with rows a row group 2000, not 1; ask for 2000 or choose another folder"],
        );
        check(
            |o| o.compression = Compression::Zstd,
            expect!["DIR holds tables made with compression snappy, not zstd; ask for snappy or choose another folder"],
        );
        check(|o| o.threads = 0, expect!["threads must be at least 1"]);
        check(|o| o.tables = Some(vec!["itm".to_owned()]), expect!["no table is called `itm`; did you mean `item`"]);

        let manifest = dir.path().join(Manifest::FILE_NAME);
        let text = fs::read_to_string(&manifest).unwrap();
        let version = format!("\"{}\"", manifest::TPCDSGEN_VERSION);
        fs::write(&manifest, text.replace(&version, "\"3.0.0\"")).unwrap();
        check(
            |_| {},
            expect!["DIR holds tables made with tpcdsgen 3.0.0, not 4.0.0; ask for 3.0.0 or choose another folder"],
        );
        fs::remove_file(&manifest).unwrap();
        check(
            |_| {},
            expect![
                "DIR already holds reason.parquet but no manifest.json, so it was not made here; choose an empty folder"
            ],
        );
        assert_eq!(file_names(dir.path()), ["reason.parquet", DataStatistics::FILE_NAME]);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let check = |out: &str, expected: Expect| {
            let options = options(&dir.path().join(out), &["reason"]);
            let error = generate(&options, &(), &AtomicBool::new(false)).unwrap_err().to_string();
            expected.assert_eq(&error.replace(&dir.path().display().to_string(), "DIR"));
        };
        fs::write(dir.path().join("file"), "").unwrap();
        check("file", expect!["DIR/file is a file; name a folder for the tables"]);
        check("file/below", expect!["cannot create folder DIR/file/below: Not a directory (os error 20)"]);

        let folder = Folder::open(&dir.path().join("busy")).unwrap();
        check("busy", expect!["another process is generating into DIR/busy; wait for it or choose another folder"]);
        drop(folder);
        make(&options(&dir.path().join("busy"), &["reason"]));
    }

    #[test]
    fn stopping_leaves_whole_files_only() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), &["store_sales", "reason", "item"]);
        let cancel = AtomicBool::new(true);
        let error = generate(&options, &(), &cancel).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        assert_eq!(file_names(dir.path()), [Manifest::FILE_NAME]);

        /// Asks to stop as soon as the first table is complete.
        struct StopAfterFirst<'a>(&'a AtomicBool);
        impl Progress for StopAfterFirst<'_> {
            fn finish(&self, _: &TableProgress) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let options = Options { threads: 1, ..options };
        cancel.store(false, Ordering::Relaxed);
        // The rest may be done before the request arrives; whatever is listed is whole.
        let _ = generate(&options, &StopAfterFirst(&cancel), &cancel);
        let report = crate::check(dir.path(), &(), &AtomicBool::new(false)).unwrap();
        assert!(report.is_ok() && report.manifest.tables.contains_key("store_sales"), "{report:?}");
        assert_eq!(make(&options).manifest.tables.len(), 3);
    }

    #[test]
    fn progress_adds_up() {
        #[derive(Default)]
        struct Log(Mutex<Vec<(&'static str, TableProgress)>>);
        impl Progress for Log {
            fn begin(&self, tables: &[TableProgress]) {
                self.0.lock().unwrap().extend(tables.iter().map(|table| ("begin", *table)));
            }
            fn advance(&self, table: &TableProgress) {
                self.0.lock().unwrap().push(("advance", *table));
            }
            fn finish(&self, table: &TableProgress) {
                self.0.lock().unwrap().push(("finish", *table));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let log = Log::default();
        let options = options(dir.path(), &["customer", "inventory"]);
        let manifest = generate(&options, &log, &AtomicBool::new(false)).unwrap().manifest;
        let log = log.0.into_inner().unwrap();
        let begun = log.iter().take_while(|(event, _)| *event == "begin").map(|(_, table)| table.table);
        assert_eq!(begun.collect::<Vec<_>>(), ["inventory", "customer"]);
        for name in ["customer", "inventory"] {
            let of_table = log.iter().filter(|(_, table)| table.table == name).collect::<Vec<_>>();
            assert!(of_table.is_sorted_by_key(|(_, table)| (table.row_count, table.bytes)), "{of_table:?}");
            let (event, last) = of_table[of_table.len() - 1];
            let entry = &manifest.tables[name];
            assert_eq!((*event, last.row_count), ("finish", entry.row_count));
            assert_eq!(last.row_count_estimate, entry.row_count);
            assert_eq!(last.bytes, entry.files[0].bytes);
        }
    }

    #[test]
    fn a_panic_is_an_error_that_names_the_table() {
        let messages: [Box<dyn std::any::Any + Send>; 3] =
            [Box::new("text"), Box::new("owned".to_owned()), Box::new(7)];
        let item = schema::table("item").unwrap();
        let errors = messages.map(|message| sorted::panicked(item, message.as_ref()).to_string());
        assert_eq!(errors, ["text", "owned", "it panicked"].map(|text| format!("cannot generate item: {text}")));
    }
}

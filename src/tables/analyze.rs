//! Counting the rows of data that is there: what `generate` writes while it makes them, for data of other makers and other times.
//!
//! ```text
//!   tables whose files nobody has counted ─▶ select * ─▶ a Collector for each partition of the plan ─▶ merged ─▶ statistics.json
//! ```

use datafusion::physical_plan::SendableRecordBatchStream;
use datagen::schema::Table;
use datagen::statistics::Collector;
use datagen::{DataStatistics, Progress, TableProgress};
use futures::TryStreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{DataError, DataSet, TableFiles};
use crate::engine::{Engine, EngineError, EngineLimits};
use crate::paths;

impl DataSet {
    /// The tables whose files nobody has counted.
    pub fn uncounted(&self) -> Vec<&'static str> {
        let tables = self.tables.iter().map(|files| files.table.name);
        tables.filter(|table| self.table_statistics(table).is_none()).collect()
    }

    /// Counts the rows of these tables, and keeps what is known of the others. What is known of the keys of the tables stays too, if their files
    /// are the same.
    pub async fn count(
        &self,
        tables: &[&str],
        limits: &EngineLimits,
        progress: &dyn Progress,
    ) -> Result<DataStatistics, DataError> {
        let mut statistics = self.statistics().clone();
        let files: Vec<&TableFiles> = self.tables.iter().filter(|files| tables.contains(&files.table.name)).collect();
        if files.is_empty() {
            return Ok(statistics);
        }
        let engine = self.reader(limits).await.map_err(|error| self.not_read(&error))?;
        let prefix = self.url.prefix()?;
        progress.begin(&files.iter().map(|files| not_counted(files)).collect::<Vec<_>>());
        for files in files {
            let mut done = not_counted(files);
            let on_rows = |rows| {
                done.row_count += rows;
                progress.advance(&done);
            };
            let counted =
                count(&engine, files.table, on_rows).await.map_err(|message| self.failed(files.table, message))?;
            let counted = counted.finish(files.fingerprint(&prefix));
            progress.finish(&TableProgress {
                row_count: counted.row_count,
                bytes: files.files.iter().map(|file| file.bytes).sum(),
                ..not_counted(files)
            });
            statistics.tables.insert(files.table.name.to_owned(), counted);
        }
        Ok(statistics)
    }

    /// The error of data that cannot be read.
    pub(super) fn not_read(&self, error: &EngineError) -> DataError {
        DataError::Analyze { url: self.url.to_string(), table: String::new(), message: error.to_string() }
    }

    /// The error of a table that cannot be read.
    pub(super) fn failed(&self, table: &Table, message: String) -> DataError {
        DataError::Analyze { url: self.url.to_string(), table: format!("the table {} of ", table.name), message }
    }

    /// Whether [`Self::save_statistics`] could write its file: better known before an hour of counting than after.
    pub fn check_statistics_place(&self) -> Result<(), DataError> {
        let folder = self.statistics_file()?;
        let folder = folder.parent().unwrap_or(&folder);
        tempfile::tempfile_in(folder).map(drop).map_err(|error| self.not_saved(&error))
    }

    /// Writes what was found out beside the data, whole or not at all, and gives the file.
    pub fn save_statistics(&self, statistics: &DataStatistics) -> Result<std::path::PathBuf, DataError> {
        let file = self.statistics_file()?;
        paths::write_atomically(&file, statistics.to_text().as_bytes()).map_err(|error| self.not_saved(&error))?;
        Ok(file)
    }

    fn statistics_file(&self) -> Result<std::path::PathBuf, DataError> {
        let folder = self.url.local_path().ok_or_else(|| self.not_saved(&"the data is not on this machine"))?;
        Ok(folder.join(DataStatistics::FILE_NAME))
    }

    fn not_saved(&self, error: &dyn std::fmt::Display) -> DataError {
        let folder = self.url.to_string();
        let file = format!("{}/{}", folder.trim_end_matches('/'), DataStatistics::FILE_NAME);
        DataError::SaveStatistics { file, message: error.to_string() }
    }
}

fn not_counted(files: &TableFiles) -> TableProgress {
    TableProgress {
        table: files.table.name,
        row_count_estimate: files.files.iter().map(|file| file.row_count).sum(),
        sorted_row_count: None,
        row_count: 0,
        bytes: 0,
    }
}

/// Counts all rows of a table on all processors.
async fn count(engine: &Engine, table: &'static Table, mut on_rows: impl FnMut(u64)) -> Result<Collector, String> {
    let text = |error: EngineError| error.to_string();
    let plan = engine.plan(&format!("select * from {}", table.name)).await.map_err(text)?;
    let (counted, mut news) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    for rows in engine.execute_partitions(plan).map_err(text)? {
        tasks.spawn(count_partition(table, rows, counted.clone()));
    }
    drop(counted);
    while let Some(rows) = news.recv().await {
        on_rows(rows);
    }
    let mut all = Collector::new(table);
    while let Some(part) = tasks.join_next().await {
        all.merge(&part.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?);
    }
    Ok(all)
}

async fn count_partition(
    table: &'static Table,
    mut rows: SendableRecordBatchStream,
    counted: mpsc::Sender<u64>,
) -> Result<Collector, String> {
    let mut collector = Collector::new(table);
    while let Some(batch) = rows.try_next().await.map_err(|error| error.strip_backtrace())? {
        collector.update(&batch).map_err(|error| error.to_string())?;
        // Nobody listens any more once another partition has failed.
        let _ = counted.send(batch.num_rows() as u64).await;
    }
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::tables::{DataUrl, Expectation};

    fn limits() -> EngineLimits {
        EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() }
    }

    async fn open(folder: &std::path::Path) -> DataSet {
        let url = DataUrl::from_path(folder).expect("a path");
        DataSet::open(url, &Expectation::default()).await.expect("opened")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_counted_is_what_generate_wrote() {
        for layout in [datagen::Layout::Plain, datagen::Layout::Partitioned] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
            (options.layout, options.row_group_rows) = (layout, 5_000);
            if layout == datagen::Layout::Plain {
                options.parts = datagen::Parts::Count(3);
            }
            datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
            let told = open(folder.path()).await.statistics().clone();
            fs::remove_file(folder.path().join(DataStatistics::FILE_NAME)).expect("removed");
            let data = open(folder.path()).await;
            assert_eq!(data.uncounted().len(), 25);
            let counted = data.count(&data.uncounted(), &limits(), &()).await.expect("counted");
            assert!(counted == told, "{layout}");
            let file = data.save_statistics(&counted).expect("saved");
            assert_eq!(file, folder.path().join(DataStatistics::FILE_NAME));
            let again = open(folder.path()).await;
            assert_eq!((again.statistics_problem(), again.uncounted()), (None, Vec::new()));
        }
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_to_is_named_before_anything_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
        datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
        let data = open(folder.path()).await;
        data.check_statistics_place().expect("it can be written to");
        let path = folder.path().to_owned();
        folder.close().expect("removed");
        let error = data.check_statistics_place().expect_err("it is gone").to_string();
        assert!(error.starts_with(&format!("{}/statistics.json cannot be written: ", path.display())), "{error}");
        assert!(error.contains("--no-write"), "{error}");
    }
}

//! Row groups in, files out: one table at a time, in order, hashing the bytes on their way.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use crate::content::ContentHasher;
use crate::encode::{Encoder, RowGroup};
use crate::error::{Error, Result};
use crate::folder::UnfinishedFile;
use crate::hash::FileHasher;
use crate::manifest::{FileEntry, TableEntry};
use crate::statistics::{Collector, FileState, FilesFingerprint, TableStatistics, footer_hash};

/// Bytes gathered before they are hashed and handed to the system.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes the files of one table.
pub(crate) struct TableWriter<'a> {
    folder: &'a Path,
    encoder: &'a Encoder,
    next_chunk: u64,
    content: ContentHasher,
    statistics: Collector,
    open: Option<OpenFile>,
    files: Vec<FileEntry>,
    states: Vec<FileState>,
}

/// A file that is complete but for its name.
pub(crate) struct CompleteFile {
    file: UnfinishedFile,
    bytes: u64,
}

impl CompleteFile {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the file on the disk and gives it its name.
    pub(crate) fn publish(self) -> Result<()> {
        self.file.publish()
    }
}

struct OpenFile {
    path: String,
    parquet: SerializedFileWriter<BufWriter<HashingFile>>,
    row_count: u64,
    chunk_count: u64,
}

impl<'a> TableWriter<'a> {
    pub(crate) fn new(folder: &'a Path, encoder: &'a Encoder) -> Self {
        let table = encoder.plan.table;
        Self {
            folder,
            encoder,
            next_chunk: 0,
            content: ContentHasher::new(table),
            statistics: Collector::new(table),
            open: None,
            files: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Rows so far.
    pub(crate) fn row_count(&self) -> u64 {
        self.content.row_count()
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, OpenFile::bytes);
        self.files.iter().map(|file| file.bytes).sum::<u64>() + open
    }

    /// Writes the next chunk's row group, `None` when the chunk has no rows. Returns the file that
    /// is complete because this row group belongs to the next one.
    pub(crate) fn append(&mut self, row_group: Option<RowGroup>) -> Result<Option<CompleteFile>> {
        let chunk = self.next_chunk;
        self.next_chunk += 1;
        let (chunk_bytes, rows) = row_group.as_ref().map_or((0, 0), |group| (group.bytes, group.content.row_count()));
        let (file_bytes, file_chunks) = self.open.as_ref().map_or((0, 0), |open| (open.bytes(), open.chunk_count));
        let mut complete = None;
        if self.encoder.plan.starts_file(chunk, file_bytes, file_chunks, chunk_bytes) {
            complete = self.close_file()?;
            let path = self.encoder.plan.file_path(self.files.len() + 1, chunk);
            self.open = Some(OpenFile::create(self.folder, path, self.encoder)?);
        }
        let open = self.open.as_mut().expect("the first chunk opens a file");
        open.chunk_count += 1;
        let Some(row_group) = row_group else { return Ok(complete) };
        open.row_count += rows;
        let appended = append_row_group(&mut open.parquet, row_group.columns);
        if let Err(error) = appended {
            return Err(write_error(self.folder, self.encoder, error, &open.path));
        }
        self.content.merge(&row_group.content);
        self.statistics.merge(&row_group.statistics);
        Ok(complete)
    }

    /// Completes the last file, and says what the table is and what its columns hold.
    pub(crate) fn finish(mut self) -> Result<(Option<CompleteFile>, TableEntry, TableStatistics)> {
        let complete = self.close_file()?;
        self.encoder.check(&self.content)?;
        let statistics = self.statistics.finish(FilesFingerprint::new(self.states));
        let reproducible = self.encoder.plan.table.is_reproducible();
        let entry = TableEntry {
            row_count: self.content.row_count(),
            content_hash: reproducible.then(|| self.content.finish()),
            files: self.files,
        };
        Ok((complete, entry, statistics))
    }

    fn close_file(&mut self) -> Result<Option<CompleteFile>> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let failed = |error| write_error(self.folder, self.encoder, error, &open.path);
        let footer = footer_hash(open.parquet.flushed_row_groups());
        let buffer = open.parquet.into_inner().map_err(failed)?;
        let file = buffer.into_inner().map_err(|error| failed(error.into_error().into()))?;
        let (bytes, hash) = (file.bytes, file.hasher.finish());
        self.states.push(FileState { path: open.path.clone(), bytes, footer });
        self.files.push(FileEntry { path: open.path, row_count: open.row_count, bytes, hash });
        Ok(Some(CompleteFile { file: file.file, bytes }))
    }
}

/// Tells what the disk refused from what Parquet refused.
fn write_error(folder: &Path, encoder: &Encoder, error: ParquetError, path: &str) -> Error {
    match error {
        ParquetError::External(error) if error.is::<io::Error>() => {
            let error = error.downcast::<io::Error>().expect("just looked");
            Error::io("write", folder.join(path))(*error)
        }
        source => Error::Encode { table: encoder.plan.table.name, source },
    }
}

impl OpenFile {
    fn create(folder: &Path, path: String, encoder: &Encoder) -> Result<Self> {
        let file = UnfinishedFile::create(folder.join(&path))?;
        let file = HashingFile { file, hasher: FileHasher::new(), bytes: 0 };
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let properties = encoder.properties.clone();
        let parquet = SerializedFileWriter::new(file, encoder.parquet_schema.clone(), properties);
        let parquet = parquet.map_err(|source| Error::Encode { table: encoder.plan.table.name, source })?;
        Ok(Self { path, parquet, row_count: 0, chunk_count: 0 })
    }

    fn bytes(&self) -> u64 {
        self.parquet.bytes_written() as u64
    }
}

fn append_row_group(
    file: &mut SerializedFileWriter<BufWriter<HashingFile>>,
    columns: Vec<parquet::arrow::arrow_writer::ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    let mut row_group = file.next_row_group()?;
    for column in columns {
        column.append_to_row_group(&mut row_group)?;
    }
    row_group.close()?;
    Ok(())
}

/// Counts and hashes what goes into a file.
struct HashingFile {
    file: UnfinishedFile,
    hasher: FileHasher,
    bytes: u64,
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::encode::Rows;
    use crate::plan::TablePlan;
    use crate::schema;
    use crate::testing::options;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path(), &["inventory"]);
        options.row_group_rows = 1 << 20;
        std::os::unix::fs::symlink("/dev/full", dir.path().join("inventory.parquet.inprogress")).unwrap();
        let plan = TablePlan::new(&options, schema::table("inventory").unwrap());
        let rows = Rows::Generated(options.scale.session());
        let encoder = Encoder::new(plan, rows, &options.writer_settings()).unwrap();
        let write = || {
            let mut writer = TableWriter::new(dir.path(), &encoder);
            writer.append(encoder.encode(0, &AtomicBool::new(false))?)?;
            writer.finish().map(drop)
        };
        let error = write().expect_err("the disk is full");
        let expected = format!("cannot write {}: No space left", dir.path().join("inventory.parquet").display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(crate::testing::file_names(dir.path()), [""; 0]);
    }
}

//! Rows on their way from a process to the one that asked for them: a file of an Arrow IPC stream in a folder for scratch data.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::{ResultRows, RunError};
use crate::engine::SpillFolder;

/// The place of such a file. The folder is made when it is first needed, and goes with this value.
#[derive(Debug)]
pub(super) struct RowsFile {
    parent: PathBuf,
    folder: Option<SpillFolder>,
}

impl RowsFile {
    pub(super) fn in_folder(parent: &Path) -> Self {
        Self { parent: parent.to_owned(), folder: None }
    }

    /// The file's path.
    pub(super) fn path(&mut self) -> Result<PathBuf, RunError> {
        if self.folder.is_none() {
            let folder = SpillFolder::create(&self.parent).map_err(|error| self.error(&error.to_string()))?;
            self.folder = Some(folder);
        }
        Ok(self.folder.as_ref().map_or(&*self.parent, SpillFolder::path).join("rows.arrow"))
    }

    /// Reads the rows that the other process wrote, and removes them.
    pub(super) fn take(&mut self) -> Result<ResultRows, RunError> {
        let path = self.path()?;
        let rows = read(&path).map_err(|error| self.error(&error.to_string()));
        drop(std::fs::remove_file(&path));
        rows
    }

    fn error(&self, message: &str) -> RunError {
        RunError::Rows { path: self.parent.clone(), message: message.to_owned() }
    }
}

fn read(path: &Path) -> Result<ResultRows, ArrowError> {
    let reader = StreamReader::try_new(BufReader::new(File::open(path)?), None)?;
    let schema = reader.schema();
    Ok(ResultRows { schema, batches: reader.collect::<Result<_, _>>()? })
}

/// Writes rows for the process that wants them.
pub(super) fn write(path: &Path, rows: &ResultRows) -> Result<(), ArrowError> {
    let mut writer = StreamWriter::try_new_buffered(File::create(path)?, &rows.schema)?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, RecordBatch};
    use std::sync::Arc;

    #[test]
    fn rows_come_back_once() {
        let parent = tempfile::tempdir().expect("a folder");
        let mut file = RowsFile::in_folder(parent.path());
        let batch = RecordBatch::try_from_iter([("x", Arc::new(Int32Array::from(vec![1, 2])) as _)]).expect("a batch");
        let rows = ResultRows { schema: batch.schema(), batches: vec![batch] };
        write(&file.path().expect("a path"), &rows).expect("written");
        assert_eq!(file.take().expect("read").batches, rows.batches);
        assert!(file.take().is_err(), "they are gone");
        let folder = file.path().expect("a path").parent().expect("a folder").to_owned();
        drop(file);
        assert!(!folder.exists());
    }
}

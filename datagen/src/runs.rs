//! Sorted runs of rows in a temporary file: written as a whole, read a few rows at a time.
//!
//! A run is cut into blocks of [`BLOCK_ROWS`] rows. In a block each column stands for itself, as the
//! distances of its values from the smallest one, in as many bytes as the largest distance needs:
//!
//! ```text
//! run    block block block …              where each begins is remembered in memory
//! block  column column column …
//! column base (8 bytes) | width and "has NULLs" (1 byte) | distance distance … (width bytes each)
//! ```
//!
//! That is what sales and returns can be compressed to without any effort: about 60 bytes a row of
//! store_sales instead of the 236 that Arrow takes. A single value can be read without the others.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::columns::{Column, Columns};
use crate::error::{Error, Result};
use crate::folder::TemporaryFile;

/// Rows in a block: few, since a reader that wants rows of one day reads whole blocks.
pub(crate) const BLOCK_ROWS: usize = 256;

/// Set in a column's second field when distance 0 stands for NULL and 1 for the smallest value.
const HAS_NULLS: u8 = 0x80;

/// A temporary file of runs, removed when dropped.
pub(crate) struct RunFile {
    file: Mutex<TemporaryFile>,
    path: PathBuf,
}

/// Where a run is.
#[derive(Debug)]
pub(crate) struct RunPlace {
    offset: u64,
    /// Where each block begins, from `offset` on, and where the last one ends.
    blocks: Vec<u32>,
    row_count: usize,
}

/// A run that has been put together and not been written.
pub(crate) struct EncodedRun {
    bytes: Vec<u8>,
    blocks: Vec<u32>,
    row_count: usize,
}

impl EncodedRun {
    /// The rows in the given order.
    pub(crate) fn new(columns: &Columns, order: &[u32]) -> Self {
        let mut bytes = Vec::new();
        let mut blocks = Vec::with_capacity(order.len() / BLOCK_ROWS + 2);
        let end = |bytes: &Vec<u8>| u32::try_from(bytes.len()).expect("a run is far smaller than 4 GiB");
        for rows in order.chunks(BLOCK_ROWS) {
            blocks.push(end(&bytes));
            for column in columns.columns() {
                encode(column, rows, &mut bytes);
            }
        }
        blocks.push(end(&bytes));
        Self { bytes, blocks, row_count: order.len() }
    }
}

fn encode(column: &Column, rows: &[u32], bytes: &mut Vec<u8>) {
    let mut values = [None; BLOCK_ROWS];
    let values = &mut values[..rows.len()];
    for (value, row) in values.iter_mut().zip(rows) {
        *value = column.get(*row as usize);
    }
    let there = || values.iter().copied().flatten();
    let base = there().min().unwrap_or_default();
    let has_nulls = there().count() < values.len();
    let code = |value: Option<i64>| match value {
        Some(value) => value.wrapping_sub(base).cast_unsigned() + u64::from(has_nulls),
        None => 0,
    };
    let largest = values.iter().map(|value| code(*value)).max().unwrap_or_default();
    let width = (u64::BITS - largest.leading_zeros()).div_ceil(8) as u8;
    bytes.extend(base.to_le_bytes());
    bytes.push(width | if has_nulls { HAS_NULLS } else { 0 });
    for value in values {
        bytes.extend(&code(*value).to_le_bytes()[..usize::from(width)]);
    }
}

/// Puts rows of a block into `target`, the first of them at `positions[0]` and so on. Returns what
/// follows the column; `None` when the bytes are not those of a column.
fn decode<'a>(
    bytes: &'a [u8],
    block_rows: usize,
    rows: Range<usize>,
    positions: &[u32],
    target: &mut Column,
) -> Option<&'a [u8]> {
    let (base, bytes) = bytes.split_first_chunk::<8>()?;
    let (&flags, bytes) = bytes.split_first()?;
    let (base, width) = (i64::from_le_bytes(*base), usize::from(flags & !HAS_NULLS));
    if width > 8 {
        return None;
    }
    let (codes, rest) = bytes.split_at_checked(block_rows * width)?;
    let wanted = codes.get(rows.start * width..rows.end * width)?;
    for (index, position) in positions.iter().enumerate() {
        let mut code = [0; 8];
        code[..width].copy_from_slice(&wanted[index * width..(index + 1) * width]);
        let code = u64::from_le_bytes(code);
        let value = match (flags & HAS_NULLS != 0, code) {
            (true, 0) => None,
            (has_nulls, code) => Some(base.wrapping_add((code - u64::from(has_nulls)).cast_signed())),
        };
        target.set(*position as usize, value);
    }
    Some(rest)
}

impl RunFile {
    /// A file beside the tables; a leftover of the same name is overwritten.
    pub(crate) fn create(folder: &Path, table: &str) -> Result<Self> {
        let file = TemporaryFile::create(folder.join(format!("{table}.runs")))?;
        Ok(Self { path: file.path().to_owned(), file: Mutex::new(file) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a run at the end; from any thread.
    pub(crate) fn append(&self, run: &EncodedRun) -> Result<RunPlace> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = file.bytes();
        file.write_all(&run.bytes).map_err(Error::io("write", &self.path))?;
        Ok(RunPlace { offset, blocks: run.blocks.clone(), row_count: run.row_count })
    }

    /// Opens the file for reading; each thread has its own place in it.
    pub(crate) fn reader(&self) -> Result<RunReader<'_>> {
        let file = File::open(&self.path).map_err(Error::io("read", &self.path))?;
        Ok(RunReader { file, path: &self.path, buffer: Vec::new() })
    }
}

/// Reads rows of runs.
pub(crate) struct RunReader<'a> {
    file: File,
    path: &'a Path,
    buffer: Vec<u8>,
}

impl RunReader<'_> {
    /// Puts rows of a run into `target`, each at its position. `Ok(false)` when the file does not hold a run there.
    pub(crate) fn read(
        &mut self,
        run: &RunPlace,
        rows: Range<usize>,
        positions: &[u32],
        target: &mut Columns,
    ) -> Result<bool> {
        let blocks = rows.start / BLOCK_ROWS..rows.end.div_ceil(BLOCK_ROWS);
        let (start, end) = (run.blocks[blocks.start], run.blocks[blocks.end]);
        self.buffer.resize((end - start) as usize, 0);
        let offset = SeekFrom::Start(run.offset + u64::from(start));
        let read = self.file.seek(offset).and_then(|_| self.file.read_exact(&mut self.buffer));
        read.map_err(Error::io("read", self.path))?;
        let mut positions = positions;
        for block in blocks {
            let first = block * BLOCK_ROWS;
            let block_rows = BLOCK_ROWS.min(run.row_count - first);
            let wanted = rows.start.max(first) - first..rows.end.min(first + block_rows) - first;
            let (here, later) = positions.split_at(wanted.len());
            positions = later;
            let bytes = &self.buffer[(run.blocks[block] - start) as usize..(run.blocks[block + 1] - start) as usize];
            let whole = target
                .columns_mut()
                .iter_mut()
                .try_fold(bytes, |bytes, column| decode(bytes, block_rows, wanted.clone(), here, column));
            if !whole.is_some_and(<[u8]>::is_empty) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// 600 rows: three blocks, with NULLs in some and large distances in others.
    fn columns() -> (Columns, RecordBatch) {
        let fields = [("a", DataType::Int32), ("b", DataType::Int64), ("c", DataType::Int32), ("d", DataType::Int32)];
        let schema = Arc::new(Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()));
        let batch = RecordBatch::try_new(
            schema.clone(),
            vec![
                Arc::new(Int32Array::from_iter_values((0..600).map(|row| row * 1_000 - 5))),
                Arc::new(Int64Array::from_iter((0..600).map(|row| (row % 7 != 3).then_some(i64::MAX / 600 * row)))),
                Arc::new(Int32Array::from_iter((0..600).map(|row| (row >= 300).then_some(row % 2)))),
                Arc::new(Int32Array::from_iter_values((0..600).map(|_| i32::MAX))),
            ],
        )
        .unwrap();
        let mut columns = Columns::new(schema, 0).unwrap();
        columns.append(&batch).unwrap();
        (columns, batch)
    }

    #[test]
    fn any_rows_of_a_run_are_read_to_any_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = RunFile::create(dir.path(), "t").unwrap();
        let (columns, batch) = columns();
        let backwards = (0..600).rev().collect::<Vec<u32>>();
        let other = EncodedRun::new(&columns, &backwards[..10]);
        file.append(&other).unwrap();
        let run = file.append(&EncodedRun::new(&columns, &backwards)).unwrap();
        let mut reader = file.reader().unwrap();
        for rows in [0..600, 0..1, 599..600, 255..257, 100..513, 256..512] {
            // Backwards again, so that they are in the old order.
            let positions = (0..rows.len() as u32).rev().collect::<Vec<_>>();
            let mut target = Columns::new(batch.schema(), rows.len()).unwrap();
            assert!(reader.read(&run, rows.clone(), &positions, &mut target).unwrap());
            let expected = batch.slice(600 - rows.end, rows.len());
            assert_eq!(target.batch(0..rows.len()).unwrap(), expected, "{rows:?}");
        }
    }

    #[test]
    fn the_file_goes_with_its_owner_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = RunFile::create(dir.path(), "t").unwrap();
        let (columns, batch) = columns();
        let order = (0..600).collect::<Vec<u32>>();
        let run = file.append(&EncodedRun::new(&columns, &order)).unwrap();
        assert!(file.path().ends_with("t.runs.inprogress"), "swept by the next run should this one be killed");
        let mut bytes = std::fs::read(file.path()).unwrap();
        bytes[8] = 9;
        std::fs::write(file.path(), &bytes).unwrap();
        let mut target = Columns::new(batch.schema(), 600).unwrap();
        assert!(!file.reader().unwrap().read(&run, 0..600, &order, &mut target).unwrap());
        std::fs::write(file.path(), "short").unwrap();
        let error = file.reader().unwrap().read(&run, 0..600, &order, &mut target).unwrap_err().to_string();
        assert!(error.starts_with("cannot read"), "{error}");
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

//! What several modules' tests need.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::generate::{Outcome, generate};
use crate::manifest::Manifest;
use crate::options::Options;
use crate::schema;

/// The smallest scale, these tables, small row groups.
pub(crate) fn options(dir: &Path, tables: &[&str]) -> Options {
    let mut options = Options::new("0.01".parse().unwrap(), dir);
    options.tables = Some(tables.iter().map(ToString::to_string).collect());
    options.row_group_rows = 2_000;
    options.threads = 2;
    options
}

/// Generates, which must succeed.
pub(crate) fn make(options: &Options) -> Outcome {
    generate(options, &(), &AtomicBool::new(false)).unwrap()
}

/// All rows of a table, in the order of its files.
pub(crate) fn read_rows(dir: &Path, manifest: &Manifest, table: &str) -> RecordBatch {
    let mut batches = Vec::new();
    for path in manifest.paths(dir, schema::table(table).unwrap()) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// The names of all files below `dir` but the lock, sorted.
pub(crate) fn file_names(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            names.extend(file_names(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else if name != crate::folder::LOCK_NAME {
            names.push(name);
        }
    }
    names.sort();
    names
}

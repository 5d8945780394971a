//! What functions took: `udfs.csv` beside the samples of a run with `engine.udf.profile` on.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::ResultsError;
use super::format::UdfRow;
use super::operators::{add, read, reopen};

const UDFS_FILE: &str = "udfs.csv";

/// Adds to the file of a run's folder, which is made with the first row.
#[derive(Debug)]
pub(super) struct UdfWriter {
    path: PathBuf,
    file: Option<File>,
}

impl UdfWriter {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join(UDFS_FILE), file: None }
    }

    /// Adds what is known of a sample.
    pub(super) fn append(&mut self, rows: &[UdfRow]) -> Result<(), ResultsError> {
        if rows.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(reopen::<UdfRow>(&self.path)?.0),
        };
        add(file, UDFS_FILE, rows)
    }
}

/// Writes the rows of one statement or session as a file of its own, in place of one that is there.
pub fn write_udfs(folder: &Path, rows: &[UdfRow]) -> Result<(), ResultsError> {
    let path = folder.join(UDFS_FILE);
    let mut file = File::create(&path).map_err(ResultsError::io("create", &path))?;
    add(&mut file, UDFS_FILE, rows)
}

/// What functions took in a run, sample after sample; nothing for a run without a profile.
pub fn read_udfs(folder: &Path) -> Result<Vec<UdfRow>, ResultsError> {
    read(&folder.join(UDFS_FILE))
}

/// A row for each statement and each place that calls a function: the medians of its samples, in the order in which they came.
pub fn udf_medians(rows: Vec<UdfRow>) -> Vec<UdfRow> {
    let mut places: Vec<Vec<UdfRow>> = Vec::new();
    let place_of =
        |row: &UdfRow| (row.statement.clone(), row.function.clone(), row.line, row.position, row.call.clone());
    for row in rows {
        match places.iter_mut().find(|samples| place_of(&samples[0]) == place_of(&row)) {
            Some(samples) => samples.push(row),
            None => places.push(vec![row]),
        }
    }
    places.into_iter().map(|samples| median(&samples)).collect()
}

fn median(samples: &[UdfRow]) -> UdfRow {
    // Of an even number the lower one of the two in the middle, so that counts stay whole.
    let middle = |of: &dyn Fn(&UdfRow) -> u64| {
        let mut values: Vec<u64> = samples.iter().map(of).collect();
        values.sort_unstable();
        values[(values.len() - 1) / 2]
    };
    let mut shares: Vec<f64> = samples.iter().map(|row| row.statement_share).collect();
    shares.sort_by(f64::total_cmp);
    let (rows, total_ns) = (middle(&|row| row.rows), middle(&|row| row.total_ns));
    UdfRow {
        calls: middle(&|row| row.calls),
        batches: middle(&|row| row.batches),
        rows,
        total_ns,
        row_ns: total_ns as f64 / rows.max(1) as f64,
        statement_share: shares[(shares.len() - 1) / 2],
        function_ns: middle(&|row| row.function_ns),
        convert_ns: middle(&|row| row.convert_ns),
        transfer_ns: middle(&|row| row.transfer_ns),
        min_ns: middle(&|row| row.min_ns),
        median_ns: middle(&|row| row.median_ns),
        p99_ns: middle(&|row| row.p99_ns),
        nulls: middle(&|row| row.nulls),
        errors: middle(&|row| row.errors),
        ..samples[0].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::udf_row;

    #[test]
    fn rows_come_back_and_a_run_without_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read_udfs(folder.path()).expect("no file"), []);
        let mut writer = UdfWriter::new(folder.path());
        writer.append(&[]).expect("nothing to write");
        assert!(!folder.path().join(UDFS_FILE).exists());
        let rows = [udf_row("q1", 1), udf_row("q1", 2)];
        writer.append(&rows[..1]).expect("written");
        // A run that goes on.
        UdfWriter::new(folder.path()).append(&rows[1..]).expect("written");
        assert_eq!(read_udfs(folder.path()).expect("readable"), rows);
        write_udfs(folder.path(), &rows[..1]).expect("written anew");
        assert_eq!(read_udfs(folder.path()).expect("readable"), rows[..1]);
    }

    #[test]
    fn samples_become_medians_by_place() {
        let other = UdfRow { position: Some(1), ..udf_row("q1", 1) };
        let rows = vec![udf_row("q1", 1), other.clone(), udf_row("q1", 9), udf_row("q1", 2), udf_row("q2", 3)];
        let medians = udf_medians(rows);
        assert_eq!(medians.len(), 3);
        assert_eq!(medians[0].total_ns, udf_row("q1", 2).total_ns);
        assert_eq!((&medians[1], &medians[2]), (&other, &udf_row("q2", 3)));
        assert_eq!(udf_medians(Vec::new()), []);
    }
}

//! Reading a run back.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::format::{FORMAT_VERSION, RunFile, SampleRow, Status};
use super::writer::{RUN_FILE, SAMPLES_FILE};
use super::{Aggregate, ResultsError, StatementSummary, statement_summaries};

/// A run folder's content.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it was read from.
    pub folder: PathBuf,
    /// Everything but the samples.
    pub file: RunFile,
    /// Every sample in the order of time.
    pub samples: Vec<SampleRow>,
}

impl Run {
    /// Reads a run folder; its `run.json` may be named instead.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let folder = if path.ends_with(RUN_FILE) { path.parent().unwrap_or(path) } else { path };
        let file = read_run(folder)?;
        let samples = read_samples(folder, file.status)?;
        Ok(Self { folder: folder.to_owned(), file, samples })
    }

    /// Each chosen statement's figures.
    pub fn statements(&self, aggregate: Aggregate) -> Vec<StatementSummary> {
        statement_summaries(&self.file.plan.statements, &self.samples, aggregate)
    }
}

fn read_run(folder: &Path) -> Result<RunFile, ResultsError> {
    let file = read_versioned(&folder.join(RUN_FILE))?;
    file.ok_or_else(|| ResultsError::NotARun { path: folder.to_owned() })
}

/// Reads a file that names the version of its format; nothing if there is no such file.
pub(super) fn read_versioned<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ResultsError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResultsError::io("read", path)(error)),
    };
    let malformed =
        |error: serde_json::Error| ResultsError::Malformed { path: path.to_owned(), message: error.to_string() };
    // The version first: a newer file may lack what this program asks for.
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(malformed)?;
    let found = value.get("format_version").and_then(serde_json::Value::as_u64);
    match found.and_then(|version| u32::try_from(version).ok()) {
        Some(version) if version > FORMAT_VERSION => {
            return Err(ResultsError::TooNew { path: path.to_owned(), found: version, supported: FORMAT_VERSION });
        }
        _ => {}
    }
    serde_json::from_value(value).map(Some).map_err(malformed)
}

fn read_samples(folder: &Path, status: Status) -> Result<Vec<SampleRow>, ResultsError> {
    let path = folder.join(SAMPLES_FILE);
    let malformed = |message: String| ResultsError::Malformed { path: path.clone(), message };
    let text = std::fs::read(&path).map_err(|error| malformed(error.to_string()))?;
    let whole = whole_lines(&text);
    // A run that is under way or was killed may be in the middle of a line; one that ended is not.
    if whole.len() < text.len() && status != Status::Running {
        return Err(malformed("it ends in the middle of a line: the file was cut".to_owned()));
    }
    csv::Reader::from_reader(whole)
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|error| malformed(error.to_string()))
}

/// The text up to the end of the last whole line. A line may have line breaks within quotes.
pub(super) fn whole_lines(text: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut quoted = false;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            // A quote within quotes is doubled, so that it opens what it closed.
            b'"' => quoted = !quoted,
            b'\n' if !quoted => end = place + 1,
            _ => {}
        }
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::RunWriter;
    use crate::results::test_support::{recorded_rows, run_file, sample_rows};
    use expect_test::expect;

    #[track_caller]
    fn check_round_trip(samples: &[SampleRow]) -> String {
        let out = tempfile::tempdir().expect("a folder");
        let mut file = run_file();
        let mut writer = RunWriter::create(out.path(), &mut file).expect("a new folder");
        for sample in samples {
            writer.append(sample).expect("written");
        }
        let run = Run::read(writer.folder()).expect("readable");
        assert_eq!(run.samples, samples);
        assert_eq!(run.file.run, file.run);
        std::fs::read_to_string(writer.folder().join("samples.csv")).expect("there")
    }

    #[test]
    fn what_is_written_is_read() {
        check_round_trip(&sample_rows());
        expect![[r#"
            statement,iteration,phase,started_at,cold,planning_ns,execute_ns,row_count,check,error_class,message,user_cpu_ns,system_cpu_ns,peak_pool_bytes,peak_rss_bytes,bytes_read,read_requests,bytes_spilled,file_ranges_total,file_ranges_pruned,row_groups_total,row_groups_pruned,pages_total,pages_pruned,scan_rows_in,scan_rows_out,scan_ns,filter_ns,join_ns,aggregate_ns,window_ns,sort_ns,exchange_ns,other_ns,plan_fingerprint,q_error_max,q_error_geomean,q_error_operator
            q1,1,measured,2026-01-02T03:04:06.000Z,false,5000000,95000000,100,verified,,,150000000,10000000,3145728,209715200,5242880,42,0,4,1,12,7,30,20,1234567,1000,70000000,1000000,40000000,9000000,0,2000000,3000000,500000,0123456789abcdef,12.5,1.75,3
            q2,1,measured,2026-01-02T03:04:06.000Z,false,,,,,out_of_memory,"no room for ""x"", 5 bytes
            second line",60000000,0,1073741824,2147483648,9663676416,,123,,,,,,,,,,,,,,,,,,,,
        "#]]
        .assert_eq(&check_round_trip(&recorded_rows()));
    }

    #[test]
    fn files_from_before_samples_recorded_what_they_used_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = serde_json::to_string(&run_file()).expect("serializes");
        let samples = "statement,iteration,phase,started_at,planning_ns,execute_ns,row_count,check,error_class,message\n\
             q1,1,measured,2026-01-02T03:04:06.000Z,5000000,95000000,100,verified,,\n";
        for (name, text) in [(RUN_FILE, run.as_str()), (SAMPLES_FILE, samples)] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let run = Run::read(folder.path()).expect("readable");
        assert_eq!(run.samples, sample_rows()[..1]);
        let statements = run.statements(Aggregate::Median);
        assert_eq!(crate::results::summarize(&statements, Aggregate::Median).resources, None);
    }

    #[test]
    fn nothing_is_overwritten() {
        let out = tempfile::tempdir().expect("a folder");
        let (mut first, mut second) = (run_file(), run_file());
        let one = RunWriter::create(out.path(), &mut first).expect("a new folder");
        let two = RunWriter::create(out.path(), &mut second).expect("another");
        assert_ne!(one.folder(), two.folder());
        assert_eq!(second.run, "2026-01-02T03-04-05Z-default-sf1-2");
    }

    #[track_caller]
    fn check_error(run_json: Option<&str>, samples: Option<&str>, expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [(RUN_FILE, run_json), (SAMPLES_FILE, samples)] {
            if let Some(text) = text {
                std::fs::write(folder.path().join(name), text).expect("written");
            }
        }
        let error = Run::read(folder.path()).expect_err("not readable").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn wrong_folders_say_what_is_wrong() {
        let good = serde_json::to_string(&run_file()).expect("serializes");
        check_error(None, None, "is not a run: it has no run.json");
        check_error(Some("{"), None, "run.json cannot be understood");
        check_error(Some(r#"{"format_version": 99}"#), None, "has format version 99, this program reads up to 1");
        check_error(Some(r#"{"format_version": 1}"#), None, "missing field");
        check_error(Some(&good), None, "samples.csv cannot be understood");
        check_error(Some(&good), Some("statement,iteration\nq1,x\n"), "samples.csv cannot be understood");
        check_error(Some(&good), Some("statement,iteration\nq1,"), "it ends in the middle of a line");
    }
}

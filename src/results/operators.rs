//! What the operators of plans did: `plans.csv` and `operators.csv` beside the samples, for whoever asks why a time differs, or how
//! good estimates are.
//!
//! The first [`RECORDED_SAMPLES`] measured samples of a statement are recorded, enough for a median of each figure; a plan is written once.
//! Unlike samples these lines are not synced one by one: without them a time is still a time.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ResultsError;
use super::format::{OperatorRow, PlanRow, UdfRow};
use super::reader::whole_lines;
use super::udfs::UdfWriter;

const PLANS_FILE: &str = "plans.csv";
const OPERATORS_FILE: &str = "operators.csv";

/// How many samples of a statement are recorded.
const RECORDED_SAMPLES: usize = 6;

/// A plan of a statement and what its operators did, one entry of `samples` a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRecord {
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// The operators, each before its inputs.
    pub plan: Vec<PlanRow>,
    /// What they did, in the same order.
    pub samples: Vec<Vec<OperatorRow>>,
}

/// Adds to the files of a run's folder.
#[derive(Debug)]
pub struct OperatorWriter {
    plans: File,
    operators: File,
    functions: UdfWriter,
    known_plans: HashSet<(String, String)>,
    /// Samples of each statement.
    recorded: HashMap<String, HashSet<u32>>,
}

impl OperatorWriter {
    /// Makes the files, or goes on with them; what was cut in the middle of a line is taken away.
    pub fn open(folder: &Path) -> Result<Self, ResultsError> {
        let (plans, plan_rows) = reopen::<PlanRow>(&folder.join(PLANS_FILE))?;
        let (operators, operator_rows) = reopen::<OperatorRow>(&folder.join(OPERATORS_FILE))?;
        let known_plans = plan_rows.into_iter().map(|row| (row.statement, row.plan_fingerprint)).collect();
        let mut recorded: HashMap<String, HashSet<u32>> = HashMap::new();
        for row in operator_rows {
            recorded.entry(row.statement).or_default().insert(row.iteration);
        }
        Ok(Self { plans, operators, functions: UdfWriter::new(folder), known_plans, recorded })
    }

    /// Adds what functions took in a sample.
    pub fn append_functions(&mut self, functions: &[UdfRow]) -> Result<(), ResultsError> {
        self.functions.append(functions)
    }

    /// Adds what is known of a sample, unless there are enough of its statement.
    pub fn append(&mut self, plan: &[PlanRow], operators: &[OperatorRow]) -> Result<(), ResultsError> {
        let (Some(of_plan), Some(sample)) = (plan.first(), operators.first()) else { return Ok(()) };
        let recorded = self.recorded.entry(sample.statement.clone()).or_default();
        if recorded.len() >= RECORDED_SAMPLES || !recorded.insert(sample.iteration) {
            return Ok(());
        }
        if self.known_plans.insert((of_plan.statement.clone(), of_plan.plan_fingerprint.clone())) {
            add(&mut self.plans, PLANS_FILE, plan)?;
        }
        add(&mut self.operators, OPERATORS_FILE, operators)
    }
}

/// A file open for appending, and its whole lines.
pub(super) fn reopen<T: DeserializeOwned>(path: &Path) -> Result<(File, Vec<T>), ResultsError> {
    let file = File::options().read(true).append(true).create(true).open(path);
    let file = file.map_err(ResultsError::io("open", path))?;
    let text = std::fs::read(path).map_err(ResultsError::io("read", path))?;
    let whole = whole_lines(&text);
    if whole.len() < text.len() {
        file.set_len(whole.len() as u64).map_err(ResultsError::io("write", path))?;
    }
    Ok((file, parse(whole, path)?))
}

fn parse<T: DeserializeOwned>(text: &[u8], path: &Path) -> Result<Vec<T>, ResultsError> {
    let rows = csv::Reader::from_reader(text).deserialize().collect::<Result<_, _>>();
    rows.map_err(|error| ResultsError::Malformed { path: path.to_owned(), message: error.to_string() })
}

pub(super) fn add<T: Serialize>(file: &mut File, name: &str, rows: &[T]) -> Result<(), ResultsError> {
    let is_empty = file.metadata().map_err(ResultsError::io("read", name))?.len() == 0;
    let mut text = Vec::new();
    let mut writer = csv::WriterBuilder::new().has_headers(is_empty).from_writer(&mut text);
    for row in rows {
        writer.serialize(row).map_err(ResultsError::io("write", name))?;
    }
    writer.flush().map_err(ResultsError::io("write", name))?;
    drop(writer);
    file.write_all(&text).map_err(ResultsError::io("write", name))
}

/// The plans of each statement, in the order in which they first came; none for a run without such files.
pub fn read_plans(folder: &Path) -> Result<HashMap<String, Vec<PlanRecord>>, ResultsError> {
    let plan_rows: Vec<PlanRow> = read(&folder.join(PLANS_FILE))?;
    let operator_rows: Vec<OperatorRow> = read(&folder.join(OPERATORS_FILE))?;
    let mut plans: HashMap<String, Vec<PlanRecord>> = HashMap::new();
    for row in plan_rows {
        let of_statement = plans.entry(row.statement.clone()).or_default();
        match of_statement.iter_mut().find(|plan| plan.fingerprint == row.plan_fingerprint) {
            Some(plan) => plan.plan.push(row),
            None => of_statement.push(PlanRecord {
                fingerprint: row.plan_fingerprint.clone(),
                plan: vec![row],
                samples: Vec::new(),
            }),
        }
    }
    let samples = operator_rows.chunk_by(|a, b| (&a.statement, a.iteration) == (&b.statement, b.iteration));
    for sample in samples {
        let of_statement = plans.get_mut(&sample[0].statement);
        let plan =
            of_statement.and_then(|plans| plans.iter_mut().find(|p| p.fingerprint == sample[0].plan_fingerprint));
        // A sample that was cut short by a kill has too few operators.
        if let Some(plan) = plan.filter(|plan| plan.plan.len() == sample.len()) {
            plan.samples.push(sample.to_vec());
        }
    }
    Ok(plans)
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ResultsError> {
    match std::fs::read(path) {
        Ok(text) => parse(whole_lines(&text), path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(ResultsError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{operator_rows, plan_rows};

    #[test]
    fn plans_are_written_once_and_samples_up_to_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = OperatorWriter::open(folder.path()).expect("new files");
        for iteration in 1..=RECORDED_SAMPLES as u32 + 3 {
            writer.append(&plan_rows("q1"), &operator_rows("q1", iteration)).expect("written");
        }
        writer.append(&[], &[]).expect("nothing to write");
        drop(writer);
        let mut again = OperatorWriter::open(folder.path()).expect("they go on");
        again.append(&plan_rows("q1"), &operator_rows("q1", 99)).expect("there are enough");
        again.append(&plan_rows("q2"), &operator_rows("q2", 1)).expect("written");
        let plans = read_plans(folder.path()).expect("readable");
        assert_eq!((plans["q1"].len(), plans["q1"][0].samples.len()), (1, RECORDED_SAMPLES));
        assert_eq!(plans["q1"][0].plan, plan_rows("q1"));
        assert_eq!(plans["q2"][0].samples, [operator_rows("q2", 1)]);
    }

    #[test]
    fn a_cut_file_loses_its_last_sample_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = OperatorWriter::open(folder.path()).expect("new files");
        for iteration in 1..=2 {
            writer.append(&plan_rows("q1"), &operator_rows("q1", iteration)).expect("written");
        }
        let path = folder.path().join(OPERATORS_FILE);
        let text = std::fs::read(&path).expect("there");
        std::fs::write(&path, &text[..text.len() - 3]).expect("cut");
        assert_eq!(read_plans(folder.path()).expect("readable")["q1"][0].samples, [operator_rows("q1", 1)]);
        OperatorWriter::open(folder.path()).expect("it goes on");
        assert!(std::fs::read(&path).expect("there").ends_with(b"\n"));
        assert!(read_plans(&folder.path().join("none")).expect("no files").is_empty());
    }
}

//! Putting one sample on disk.
//!
//! Inside the timed region: one line appended to samples.csv and synced, as after every sample of a run. Left out: making
//! the run's folder. The disk's sync dominates; the figure says what a sample costs beside the statement itself.

use criterion::Criterion;
use dsbench::results::RunWriter;
use dsbench::results::format::{Check, Phase, RunFile, SampleRow};

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = appending
}

fn sample() -> SampleRow {
    SampleRow {
        statement: "q1".to_owned(),
        iteration: 1,
        phase: Phase::Measured,
        started_at: "2026-01-02T03:04:05.678Z".to_owned(),
        cold: false,
        planning_ns: Some(5_000_000),
        execute_ns: Some(95_000_000),
        row_count: Some(100),
        check: Some(Check::Verified),
        ..SampleRow::default()
    }
}

/// The record of a committed run stands for any.
fn run_file() -> RunFile {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let mut runs = std::fs::read_dir(folder).expect("reference runs").filter_map(|entry| Some(entry.ok()?.path()));
    let run = runs.find(|path| path.join("run.json").is_file()).expect("a reference run");
    dsbench::results::Run::read(&run).expect("readable").file
}

fn appending(criterion: &mut Criterion) {
    let out = tempfile::tempdir().expect("a folder");
    let mut writer = RunWriter::create(out.path(), &mut run_file()).expect("a new run");
    let sample = sample();
    criterion.bench_function("append a sample", |bencher| {
        bencher.iter(|| writer.append(&sample).expect("written"));
    });
}

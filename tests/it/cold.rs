//! `dsbench run --cold`: every sample reads files anew, or the run says that it cannot.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use dsbench::results::Run;
use dsbench::results::format::Phase;

use crate::run::Bench;
use crate::support::{Invocation, expect_code, path, scratch, tiny_data};

/// Data that no other test reads meanwhile, and a folder for runs.
struct ColdBench {
    data: tempfile::TempDir,
    out: tempfile::TempDir,
}

impl ColdBench {
    /// In a folder of that parent.
    fn new(parent: &Path) -> Self {
        let folder = || tempfile::tempdir_in(parent).expect("a folder");
        let bench = Self { data: folder(), out: tempfile::tempdir().expect("a folder") };
        for entry in fs::read_dir(tiny_data()).expect("the data").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), bench.data.path().join(entry.file_name())).expect("copied");
            }
        }
        bench
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["run", "--data", path(self.data.path()), "--out", path(self.out.path())], arguments].concat()
    }

    #[track_caller]
    fn run(&self, code: i32, arguments: &[&str]) -> Invocation {
        expect_code(code, &self.arguments(arguments))
    }

    fn runs(&self) -> Vec<Run> {
        let folders = fs::read_dir(self.out.path()).expect("the folder").flatten();
        folders.map(|entry| Run::read(&entry.path()).expect("a run")).collect()
    }
}

#[test]
fn cold_samples_say_so() {
    for isolate in [&[][..], &["--isolate"]] {
        let bench = ColdBench::new(scratch());
        let arguments = [&["--queries", "q3,q41", "--iterations", "2", "--cold"], isolate].concat();
        let invocation = bench.run(0, &arguments);
        let run = bench.runs().remove(0);
        assert!(run.file.plan.cold && run.file.plan.warmup == 0);
        assert_eq!(run.samples.len(), 4);
        assert!(run.samples.iter().all(|s| s.cold && s.phase == Phase::Measured), "{:?}", run.samples);
        assert!(invocation.stdout.contains("median of 2 cold samples"), "{}", invocation.stdout);
        assert!(!run.file.warnings.iter().any(|warning| warning.kind == "no_warmup"));
    }
}

/// The bytes that the kernel fetched from the disk for a run: a shell's counters have those of the programs that it waited for.
#[track_caller]
fn fetched_bytes(arguments: &[&str]) -> u64 {
    let script = "\"$@\" > /dev/null 2>&1 || exit 1; cat /proc/$$/io";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_dsbench")]).args(arguments).stdin(Stdio::null());
    shell.env("DSBENCH_CACHE", scratch().join("cache"));
    let output = shell.output().expect("a shell");
    assert!(output.status.success(), "{arguments:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix("read_bytes: ")).expect("the counter");
    line.parse().expect("a number")
}

#[test]
fn each_cold_sample_reads_from_the_disk() {
    let bench = ColdBench::new(scratch());
    let queries = ["--queries", "ss_max", "--iterations", "10"];
    // The files are in the page cache: they were just written.
    let warm = fetched_bytes(&bench.arguments(&queries));
    let cold = fetched_bytes(&bench.arguments(&[&queries[..], &["--cold"]].concat()));
    let size = fs::metadata(bench.data.path().join("store_sales.parquet")).expect("the table").len();
    // A run that was cold at its beginning alone would read each byte once.
    assert!(cold > warm + size, "{cold} bytes were fetched cold, {warm} warm, of a table of {size}");
}

#[test]
fn data_in_memory_cannot_be_cold() {
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() {
        return;
    }
    let bench = ColdBench::new(memory);
    let refused = bench.run(3, &["--queries", "q41", "--cold"]);
    assert!(refused.stderr.contains("100.0% of the data"), "{}", refused.stderr);
    assert!(bench.runs().is_empty(), "nothing was begun");
}

#[test]
fn a_warm_up_before_cold_samples_makes_no_sense() {
    let refused = Bench::new().run(2, &["--cold", "--warmup", "1"]);
    assert!(refused.stderr.contains("--warmup"), "{}", refused.stderr);
}

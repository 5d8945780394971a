//! `dsbench run --resume`: what it goes on with, what it refuses, and what it tells.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use dsbench::results::Run;
use dsbench::results::format::{Phase, RunFile, SampleRow, Status};

use crate::run::Bench;
use crate::support::{command, dsbench, expect_code, path, scratch, tiny_copy, tiny_data};

/// A complete run of two statements, cut back to what it would be had it been killed with `samples` samples on disk.
struct Killed {
    bench: Bench,
    folder: std::path::PathBuf,
}

impl Killed {
    #[track_caller]
    fn after(samples: usize, arguments: &[&str]) -> Self {
        let bench = Bench::new();
        bench.run(0, &[&["--queries", "q3,q41", "--iterations", "2", "--label", "cut"], arguments].concat());
        let folder = bench.folders().remove(0);
        let killed = Self { bench, folder };
        let text = fs::read_to_string(killed.samples()).expect("samples");
        let kept: Vec<_> = text.lines().take(samples + 1).collect();
        fs::write(killed.samples(), kept.join("\n") + "\n").expect("written");
        killed.edit(|file| {
            file.status = Status::Running;
            file.finished_at = None;
            file.summary = None;
        });
        killed
    }

    fn samples(&self) -> std::path::PathBuf {
        self.folder.join("samples.csv")
    }

    fn edit(&self, change: impl FnOnce(&mut RunFile)) {
        let place = self.folder.join("run.json");
        let mut file: RunFile = serde_json::from_slice(&fs::read(&place).expect("there")).expect("a record");
        change(&mut file);
        fs::write(place, serde_json::to_vec(&file).expect("serializes")).expect("written");
    }

    #[track_caller]
    fn resume(&self, code: i32, arguments: &[&str]) -> crate::support::Invocation {
        expect_code(code, &[&["run", "--resume", path(&self.folder)], arguments].concat())
    }

    fn read(&self) -> Run {
        Run::read(&self.folder).expect("a run")
    }
}

fn keys(samples: &[SampleRow]) -> Vec<(&str, Phase, u32)> {
    samples.iter().map(|sample| (sample.statement.as_str(), sample.phase, sample.iteration)).collect()
}

#[test]
fn the_rest_is_done_under_the_same_settings() {
    let arguments = ["--set", "datafusion.execution.batch_size=1000", "--memory-limit", "700MiB", "--timeout", "77s"];
    // Killed in the middle of q3: a warm-up and one of two measured samples are there.
    let killed = Killed::after(2, &arguments);
    let before = fs::read_to_string(killed.samples()).expect("samples");
    let file = killed.read().file;
    let invocation = killed.resume(0, &[]);
    let run = killed.read();
    let q3 =
        [("q3", Phase::Warmup, 1), ("q3", Phase::Measured, 1), ("q3", Phase::Warmup, 2), ("q3", Phase::Measured, 2)];
    let q41 = [("q41", Phase::Warmup, 1), ("q41", Phase::Measured, 1), ("q41", Phase::Measured, 2)];
    assert_eq!(keys(&run.samples), [&q3[..], &q41[..]].concat());
    assert!(fs::read_to_string(killed.samples()).expect("samples").starts_with(&before), "what was there is unchanged");
    assert_eq!(run.file.status, Status::Complete);
    assert_eq!(
        (&run.file.settings, &run.file.plan, &run.file.started_at),
        (&file.settings, &file.plan, &file.started_at)
    );
    let resumed = &run.file.resumed_at;
    assert!(resumed.len() == 1 && resumed[0].sample_count == 2 && resumed[0].differed.is_empty(), "{resumed:?}");
    assert!(invocation.stdout.contains("the run was taken up again at"), "{}", invocation.stdout);
    assert_eq!(invocation.stdout, expect_code(0, &["report", path(&killed.folder)]).stdout);
}

#[test]
fn a_run_is_found_by_its_name() {
    let killed = Killed::after(0, &[]);
    let name = killed.folder.file_name().and_then(|name| name.to_str()).expect("a name");
    expect_code(0, &["run", "--resume", name, "--out", path(killed.bench.out.path()), "--json"]);
    assert_eq!(killed.read().samples.len(), 6);
    let refused = expect_code(2, &["run", "--resume", "no such run", "--out", path(killed.bench.out.path())]);
    assert!(refused.stderr.contains("there is no run `no such run`"), "{}", refused.stderr);
}

#[test]
fn only_the_final_word_was_missing() {
    let killed = Killed::after(6, &[]);
    killed.resume(0, &[]);
    let run = killed.read();
    assert_eq!((run.samples.len(), run.file.status), (6, Status::Complete));
    assert!(run.file.summary.is_some_and(|summary| summary.complete));
    let again = killed.resume(2, &[]);
    assert!(again.stderr.contains("there is nothing to do"), "{}", again.stderr);
    assert_eq!(killed.read().file.resumed_at.len(), 1, "a refused one leaves no trace");
}

#[test]
fn a_half_written_line_is_read_over_and_repaired() {
    let killed = Killed::after(3, &[]);
    let whole = fs::read_to_string(killed.samples()).expect("samples");
    fs::write(killed.samples(), whole.clone() + "q41,1,warmup,2026-01-").expect("written");
    let report = expect_code(0, &["report", path(&killed.folder)]);
    assert!(report.stdout.contains("is under way or was killed"), "{}", report.stdout);
    assert_eq!(killed.read().samples.len(), 3);
    killed.resume(0, &[]);
    let text = fs::read_to_string(killed.samples()).expect("samples");
    assert!(text.starts_with(&whole) && !text.contains("2026-01-q") && killed.read().samples.len() == 6, "{text}");
}

#[test]
fn a_changed_program_or_machine_is_refused_unless_told() {
    let killed = Killed::after(1, &[]);
    killed.edit(|file| {
        file.versions.binary_xxh3 = Some("0123456789abcdef0123456789abcdef".to_owned());
        file.machine.logical_cpus += 5;
    });
    let refused = killed.resume(2, &[]);
    assert!(refused.stderr.contains("--allow-changed binary,machine"), "{}", refused.stderr);
    let refused = killed.resume(2, &["--allow-changed", "binary"]);
    assert!(refused.stderr.contains("--allow-changed machine"), "{}", refused.stderr);
    assert_eq!(killed.read().samples.len(), 1);
    let told = killed.resume(0, &["--allow-changed", "binary,machine"]);
    assert!(told.stdout.contains("these had changed: the program (dsbench"), "{}", told.stdout);
    assert_eq!(killed.read().file.resumed_at[0].differed.len(), 2);
}

#[test]
fn changed_data_is_refused_unless_told() {
    let killed = Killed::after(1, &[]);
    killed.edit(|file| file.data.fingerprint = Some("another".to_owned()));
    let refused = killed.resume(3, &[]);
    assert!(refused.stderr.contains("--allow-changed data"), "{}", refused.stderr);
    killed.resume(0, &["--allow-changed", "data"]);
    assert!(killed.read().file.resumed_at[0].differed[0].contains("the content of the data"));
    // Data that is gone or damaged is refused as it is by a new run.
    let copy = tiny_copy();
    let damaged = Killed::after(1, &[]);
    damaged.edit(|file| file.data.url = path(copy.path()).to_owned());
    fs::remove_file(copy.path().join("item.parquet")).expect("removed");
    let refused = damaged.resume(3, &["--allow-changed", "data"]);
    assert!(refused.stderr.contains("lacks the table item"), "{}", refused.stderr);
}

#[test]
fn another_text_of_a_statement_is_refused() {
    let killed = Killed::after(1, &[]);
    killed.edit(|file| drop(file.plan.sql_xxh3.insert("q41".to_owned(), "0".repeat(32))));
    let refused = killed.resume(2, &["--allow-changed", "binary,data,machine"]);
    assert!(refused.stderr.contains("the text of statement q41 has changed"), "{}", refused.stderr);
}

#[test]
fn no_other_option_is_taken_beside_it() {
    let killed = Killed::after(1, &[]);
    for option in [
        &["--queries", "q3"][..],
        &["--set", "datafusion.execution.batch_size=1"],
        &["--profile", "datafusion"],
        &["--memory-limit", "1GiB"],
        &["--iterations", "3"],
        &["--data", "/data"],
        &["--cold"],
        &["--label", "x"],
        &["--param", "q1.YEAR=2000"],
    ] {
        let refused = killed.resume(2, option);
        let expected = format!("{} cannot be used with --resume", option[0]);
        assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
    }
    let refused = dsbench(&["run", "--allow-changed", "data"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--resume"), "{}", refused.stderr);
    // What the environment says concerns new runs.
    let environment =
        [("DSBENCH_PROFILE", "datafusion"), ("DSBENCH_MEMORY_LIMIT", "3GiB"), ("DSBENCH_OUT", "/nowhere")];
    let output = command(&["run", "--resume", path(&killed.folder)]).envs(environment).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(killed.read().file.profile, "default");
}

#[test]
fn a_reference_profile_is_taken_up_again() {
    let killed = Killed::after(4, &["--verify-with", "datafusion"]);
    killed.resume(0, &[]);
    let run = killed.read();
    assert_eq!(run.file.summary.expect("a summary").verified, 2);
    assert_eq!(run.file.plan.answers, "the profile `datafusion`");
}

#[test]
fn sampling_until_an_interval_is_narrow_goes_on() {
    let arguments = ["--repeat-until", "0.001%", "--max-iterations", "8", "--queries", "q41"];
    let bench = Bench::new();
    let invocation = bench.run(0, &arguments);
    assert!(invocation.stdout.contains("did not come to ±0.001% within 8 samples"), "{}", invocation.stdout);
    assert!(invocation.stdout.contains("median of 6 to 8 samples"), "{}", invocation.stdout);
    let folder = bench.folders().remove(0);
    let killed = Killed { bench, folder };
    let text = fs::read_to_string(killed.samples()).expect("samples");
    let kept: Vec<_> = text.lines().take(5).collect();
    fs::write(killed.samples(), kept.join("\n") + "\n").expect("written");
    killed.edit(|file| file.status = Status::Running);
    killed.resume(0, &[]);
    let run = killed.read();
    let measured = run.samples.iter().filter(|sample| sample.phase == Phase::Measured);
    assert_eq!(measured.map(|sample| sample.iteration).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_wide_interval_is_reached_soon() {
    let bench = Bench::new();
    let invocation = bench.run(0, &["--repeat-until", "95%", "--queries", "q41", "--max-time", "1h"]);
    assert_eq!(bench.only_run().samples.len(), 1 + 6);
    assert!(invocation.stdout.contains('±'), "{}", invocation.stdout);
    for (arguments, expected) in [
        (&["--repeat-until", "2"][..], "write it as 2%"),
        (&["--repeat-until", "0%"], "more than 0%"),
        (&["--repeat-until", "2%", "--iterations", "5"], "6 or more"),
        (&["--repeat-until", "2%", "--max-iterations", "5"], "is less than the 6"),
        (&["--max-iterations", "5"], "--repeat-until"),
        (&["--max-time", "5s"], "--repeat-until"),
    ] {
        let refused = Bench::new().run(2, arguments);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
}

/// Starts a run that lasts, and waits until it has some samples.
fn long_run(bench: &Bench, samples: usize) -> Child {
    let arguments = bench.arguments(&["--iterations", "10000", "--queries", "q3,q41"]);
    let child = command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let lines = || {
        let folder = bench.folders().into_iter().next()?;
        fs::read_to_string(folder.join("samples.csv")).ok().map(|text| text.lines().count())
    };
    let waited = (0..1200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        lines().is_some_and(|lines| lines > samples)
    });
    assert!(waited, "the run never wrote {samples} samples");
    child
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn one_process_at_a_time() {
    let bench = Bench::new();
    let child = long_run(&bench, 2);
    let folder = bench.folders().remove(0);
    let refused = expect_code(1, &["run", "--resume", path(&folder)]);
    assert!(refused.stderr.contains("another process is writing the run"), "{}", refused.stderr);
    // Whoever only reads is not kept out.
    expect_code(0, &["report", path(&folder)]);
    kill(child);
    // The system has taken the lock back.
    let resumed = Run::read(&folder).expect("readable");
    assert!(resumed.samples.len() >= 2 && resumed.file.status == Status::Running);
}

#[test]
fn two_runs_at_once_have_folders_of_their_own() {
    let bench = Bench::new();
    let arguments = bench.arguments(&["--queries", "q41", "--iterations", "1", "--label", "twin"]);
    let start = || command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    for mut child in [start(), start(), start()] {
        assert!(child.wait().expect("it ends").success());
    }
    let folders = bench.folders();
    assert_eq!(folders.len(), 3, "{folders:?}");
    for folder in folders {
        let run = Run::read(&folder).expect("a run");
        assert_eq!((run.file.status, run.samples.len()), (Status::Complete, 2));
        assert_eq!(folder.file_name().and_then(|name| name.to_str()), Some(run.file.run.as_str()));
    }
}

#[test]
fn folders_that_take_no_run_are_named_before_anything_is_timed() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let inside = file.path().join("results");
    for (out, expected) in
        [(file.path(), "is not a folder"), (&inside, "is not a folder"), (Path::new("/proc/results"), "name")]
    {
        let arguments = ["run", "--data", tiny_data(), "--queries", "q3", "--out", path(out)];
        let refused = expect_code(1, &arguments);
        assert!(refused.stderr.contains(expected) && refused.stderr.contains("--out"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("[1/1]"), "nothing was run: {}", refused.stderr);
    }
}

/// A disk that is full after 64 KiB: no file may grow beyond it.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_and_is_gone_on_from() {
    let bench = Bench::new();
    let arguments = bench.arguments(&["--queries", "q41", "--iterations", "1050", "--warmup", "0"]);
    // POSIX has blocks of 512 bytes. Without the trap the system would end the process instead of refusing to write.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_dsbench");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh", program]).args(&arguments).stdin(Stdio::null());
    shell.env("DSBENCH_CACHE", scratch().join("cache"));
    let output = shell.output().expect("a shell");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("samples.csv") && errors.contains("dsbench run --resume"), "{errors}");
    let folder = bench.folders().remove(0);
    let run = Run::read(&folder).expect("readable");
    assert!(run.samples.len() > 100 && run.file.status == Status::Running, "{} samples", run.samples.len());
    let text = fs::read(folder.join("samples.csv")).expect("samples");
    assert!(text.ends_with(b"\n"), "the half of a line was taken back");
    expect_code(0, &["run", "--resume", path(&folder), "--json"]);
    let run = Run::read(&folder).expect("readable");
    assert_eq!(run.samples.iter().map(|sample| sample.iteration).collect::<Vec<_>>(), (1..=1050).collect::<Vec<_>>());
}

//! Killed at any moment: `run` and `generate` lose nothing that was finished, and go on.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dsbench::results::Run;
use dsbench::results::format::{Phase, Status};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::run::Bench;
use crate::support::{command, expect_code, path};

/// Runs the program and kills it after `delay`; whether it had ended by itself, well.
#[track_caller]
fn run_for(arguments: &[&str], delay: Duration) -> bool {
    let mut child =
        command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(delay);
    if child.try_wait().expect("known").is_none() {
        // SIGKILL: no handler, no buffer, no second thought.
        child.kill().expect("killed");
    }
    let output = child.wait_with_output().expect("the end");
    match output.status.code() {
        None => false,
        Some(0) => true,
        Some(code) => panic!("exit code {code}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The whole lines of the samples' file, which must never change again.
fn whole_lines(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("samples.csv")).unwrap_or_default();
    // No message of this run has line breaks.
    let end = text.rfind('\n').map_or(0, |place| place + 1);
    text[..end].to_owned()
}

#[test]
fn a_run_that_is_killed_25_times_loses_nothing() {
    let mut random = ChaCha8Rng::seed_from_u64(25);
    let bench = Bench::new();
    let begin = bench.arguments(&["--queries", "q3,q41,q52", "--iterations", "600", "--verify-with", "datafusion"]);
    let mut before = String::new();
    let mut kills = 0;
    while kills < 25 {
        let resume: [String; 3];
        let folder = bench.folders().into_iter().find(|folder| folder.join("run.json").exists());
        let arguments: Vec<&str> = match &folder {
            Some(folder) => {
                resume = ["run".to_owned(), "--resume".to_owned(), path(folder).to_owned()];
                resume.iter().map(String::as_str).collect()
            }
            None => begin.clone(),
        };
        // The program takes about half a second before its first sample.
        let ended = run_for(&arguments, Duration::from_millis(random.random_range(20..1200)));
        let Some(folder) = bench.folders().into_iter().find(|folder| folder.join("run.json").exists()) else {
            kills += 1;
            continue;
        };
        let after = whole_lines(&folder);
        assert!(after.starts_with(&before), "kill {kills} changed what was there:\n{before}\nbecame\n{after}");
        let run = Run::read(&folder).expect("readable after every kill");
        assert_eq!(run.samples.len(), after.lines().count().saturating_sub(1), "after kill {kills}");
        before = after;
        kills += u32::from(!ended);
        // A kill may also come after the last word of the record and before the program's end.
        if run.file.status == Status::Complete {
            break;
        }
    }
    assert!(kills >= 15, "it was too quick: {kills} kills");
    let folder = bench.folders().into_iter().find(|folder| folder.join("run.json").exists()).expect("a run");
    if Run::read(&folder).expect("readable").file.status != Status::Complete {
        expect_code(0, &["run", "--resume", path(&folder)]);
    }
    let run = Run::read(&folder).expect("readable");
    assert!(whole_lines(&folder).starts_with(&before));
    assert_eq!(run.file.status, Status::Complete);
    assert!(run.file.summary.as_ref().is_some_and(|summary| summary.verified == 3), "{:?}", run.file.summary);
    assert!(!run.file.resumed_at.is_empty());
    let keys: HashSet<_> =
        run.samples.iter().map(|s| (s.statement.clone(), s.phase == Phase::Measured, s.iteration)).collect();
    assert_eq!(keys.len(), run.samples.len(), "no sample twice");
    for statement in ["q3", "q41", "q52"] {
        let measured = keys.iter().filter(|(name, measured, _)| name == statement && *measured).count();
        assert_eq!(measured, 600, "{statement}");
    }
    let mut left: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["operators.csv", "plans.csv", "run.json", "samples.csv"]);
}

/// Makes data with these options, killed so often on the way, and expects it to be whole in the end.
#[track_caller]
fn check_generate(kills: u32, layout: &[&str]) {
    let mut random = ChaCha8Rng::seed_from_u64(52);
    let out = tempfile::tempdir().expect("a folder");
    let generate = [&["generate", "--scale", "0.01", "--out", path(out.path())], layout].concat();
    let check = || expect_code(0, &["generate", "--check", "--out", path(out.path())]);
    let (mut killed, mut made) = (0, 0);
    while killed < kills {
        if !run_for(&generate, Duration::from_millis(random.random_range(1..400))) {
            killed += 1;
            continue;
        }
        // It came to its end: begin anew, so that there are so many kills.
        made += 1;
        check();
        fs::remove_dir_all(out.path()).expect("removed");
        assert!(made < 100, "the program is too quick to be killed");
    }
    expect_code(0, &generate);
    let checked = check().stdout;
    assert!(checked.contains("files are as the manifest says"), "{layout:?}: {checked}");
    let unfinished = glob::glob(path(&out.path().join("**/*.inprogress"))).expect("a pattern");
    let unfinished: Vec<_> = unfinished.flatten().collect();
    assert!(unfinished.is_empty(), "{layout:?}: {unfinished:?}");
}

#[test]
fn data_whose_making_is_killed_at_any_moment_is_whole_in_the_end() {
    check_generate(25, &[]);
    check_generate(10, &["--sort-by-date"]);
    check_generate(10, &["--partitioned"]);
}

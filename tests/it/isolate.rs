//! `dsbench run --isolate`: a process for each statement, and what its death is recorded as.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dsbench::results::format::{Check, Phase, Status};

use crate::run::Bench;
use crate::support::{command, expect_code, path};

#[test]
fn samples_are_taken_and_checked_in_the_child() {
    let bench = Bench::new();
    let arguments = ["--queries", "q3,q41", "--iterations", "2", "--isolate", "--verify-with", "datafusion"];
    let invocation = bench.run(0, &arguments);
    assert!(invocation.stdout.contains("each statement in a process of its own"), "{}", invocation.stdout);
    let run = bench.only_run();
    assert!(run.file.plan.isolate.as_ref().is_some_and(|isolation| isolation.memory_limit_bytes > 1 << 30));
    let phases: Vec<_> = run.samples.iter().map(|s| (s.statement.as_str(), s.phase, s.iteration)).collect();
    let of = |name| [(name, Phase::Warmup, 1), (name, Phase::Measured, 1), (name, Phase::Measured, 2)];
    assert_eq!(phases, [of("q3"), of("q41")].concat());
    assert!(
        run.samples.iter().all(|s| s.check == Some(Check::Verified) && s.execute_ns > Some(0)),
        "{:?}",
        run.samples
    );
}

#[test]
fn too_little_memory_for_a_process_is_a_row_and_the_run_goes_on() {
    let bench = Bench::new();
    let arguments = ["--queries", "q3,q41", "--iterations", "1", "--isolate", "--isolate-memory", "40MiB"];
    let invocation = bench.run(4, &arguments);
    let run = bench.only_run();
    assert_eq!(run.samples.len(), 2, "{:?}", run.samples);
    for sample in &run.samples {
        assert_eq!(sample.error_class.as_deref(), Some("killed"), "{sample:?}");
        let message = sample.message.as_deref().unwrap_or_default();
        assert!(
            message.contains("its process ended") || message.contains("its process was ended by signal"),
            "{message}"
        );
    }
    assert!(invocation.stdout.contains("KILLED"), "{}", invocation.stdout);
    assert_eq!(run.file.status, Status::Complete);
}

/// The processes that `parent` has started and that still run.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    numbers.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// The parent of a process that runs.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| state != "Z")
}

#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1500 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited in vain for {what}");
}

/// A long isolated run that has some samples, and its child.
fn long_run(bench: &Bench, queries: &str) -> (Child, u32) {
    let arguments = bench.arguments(&["--queries", queries, "--iterations", "500", "--isolate"]);
    let run = command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for("samples", || {
        let folder = bench.folders().into_iter().next()?;
        fs::read_to_string(folder.join("samples.csv")).ok().filter(|text| text.lines().count() > 3)
    });
    let child = wait_for("a child", || children(run.id()).into_iter().next());
    (run, child)
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs").success());
}

#[test]
fn a_killed_child_is_a_row_and_the_run_goes_on() {
    let bench = Bench::new();
    let (mut run, child) = long_run(&bench, "q3,q41");
    signal("-KILL", child);
    // The next statement has a child of its own, which is let live.
    let next = wait_for("the next child", || children(run.id()).into_iter().find(|pid| *pid != child));
    wait_for("samples of the next statement", || {
        let text = fs::read_to_string(bench.folders().remove(0).join("samples.csv")).ok()?;
        text.lines().any(|line| line.starts_with("q41,3,measured")).then_some(())
    });
    signal("-INT", run.id());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    wait_for("the end of the child", || parent_of(next).is_none().then_some(()));
    let record = bench.only_run();
    let killed: Vec<_> = record.samples.iter().filter(|s| s.error_class.is_some()).collect();
    assert!(killed.len() == 1 && killed[0].statement == "q3", "{killed:?}");
    assert_eq!(killed[0].error_class.as_deref(), Some("killed"));
    let message = killed[0].message.as_deref().unwrap_or_default();
    assert!(message.contains("signal 9 (SIGKILL)") && message.contains("--isolate-memory"), "{message}");
    assert_eq!(record.file.status, Status::Interrupted);
    assert!(record.samples.last().is_some_and(|sample| sample.statement == "q41" && sample.error_class.is_none()));
}

#[test]
fn no_child_outlives_a_run_that_is_killed() {
    let bench = Bench::new();
    let (mut run, child) = long_run(&bench, "q41");
    run.kill().expect("killed");
    run.wait().expect("ended");
    wait_for("the end of the child", || parent_of(child).is_none().then_some(()));
    let folder = bench.folders().remove(0);
    // What was begun in children goes on in children.
    let mut file: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("run.json")).expect("there")).expect("JSON");
    file["plan"]["iterations"] = 4.into();
    fs::write(folder.join("run.json"), file.to_string()).expect("written");
    let resumed = expect_code(0, &["run", "--resume", path(&folder)]);
    assert!(resumed.stdout.contains("each statement in a process of its own"), "{}", resumed.stdout);
}

#[test]
fn a_timeout_is_kept_in_the_child() {
    let bench = Bench::new();
    bench.run(4, &["--queries", "q4,q41", "--timeout", "1ms", "--iterations", "1", "--isolate"]);
    let run = bench.only_run();
    assert!(run.samples.len() == 2, "{:?}", run.samples);
    assert!(run.samples.iter().all(|s| s.error_class.as_deref() == Some("timeout")), "{:?}", run.samples);
}

#[test]
fn its_options_belong_together() {
    let refused = Bench::new().run(2, &["--isolate-memory", "1GiB"]);
    assert!(refused.stderr.contains("--isolate"), "{}", refused.stderr);
    let plan = Bench::new().run(0, &["--isolate", "--memory-limit", "4GiB", "--dry-run"]).stdout;
    assert!(plan.contains("a process of its own, which may use 6.0 GiB"), "{plan}");
}

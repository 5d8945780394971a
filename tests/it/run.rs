//! `dsbench run` on tiny data: what is recorded, what is refused, how it ends.

use std::path::{Path, PathBuf};

use dsbench::results::Run;
use dsbench::results::format::{Check, Phase, Status};

use crate::support::{Invocation, command, dsbench, expect_code, json, path, tiny_data};

/// Runs on the tiny data into a folder of its own.
pub(crate) struct Bench {
    pub(crate) out: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { out: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["run", "--data", tiny_data(), "--out", path(self.out.path())], arguments].concat()
    }

    #[track_caller]
    pub(crate) fn run(&self, code: i32, arguments: &[&str]) -> Invocation {
        expect_code(code, &self.arguments(arguments))
    }

    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<_> = std::fs::read_dir(self.out.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        folders.sort();
        folders
    }

    #[track_caller]
    pub(crate) fn only_run(&self) -> Run {
        let folders = self.folders();
        assert_eq!(folders.len(), 1, "{folders:?}");
        Run::read(&folders[0]).expect("a run")
    }
}

#[test]
fn every_sample_and_setting_is_recorded() {
    let bench = Bench::new();
    let arguments = [
        "--queries",
        "q3,ss_max",
        "--iterations",
        "2",
        "--warmup",
        "1",
        "--label",
        "my label",
        "--json",
        "--set",
        "datafusion.execution.batch_size=4096",
        "--verify-with",
        "datafusion",
        "--memory-limit",
        "1GiB",
    ];
    let invocation = bench.run(0, &arguments);
    let summary = json(&invocation);
    for (field, value) in [("statements", 2), ("verified", 2), ("failed", 0)] {
        assert_eq!(summary[field], value, "{summary}");
    }
    assert!(summary["total_seconds"].as_f64() > Some(0.0) && summary["geomean_seconds"].as_f64() > Some(0.0));
    let run = bench.only_run();
    assert_eq!(run.file.status, Status::Complete);
    assert!(run.file.run.ends_with("-default-sf0.01-my_label"), "{}", run.file.run);
    assert_eq!(run.file.plan.memory_limit_bytes, 1 << 30);
    let phases: Vec<_> = run.samples.iter().map(|s| (s.statement.as_str(), s.phase, s.iteration)).collect();
    let of = |name| [(name, Phase::Warmup, 1), (name, Phase::Measured, 1), (name, Phase::Measured, 2)];
    assert_eq!(phases, [of("q3"), of("ss_max")].concat());
    assert!(
        run.samples
            .iter()
            .all(|s| s.check == Some(Check::Verified) && s.planning_ns > Some(0) && s.execute_ns > Some(0))
    );
    let setting = run.file.settings.iter().find(|s| s.key == "datafusion.execution.batch_size").expect("recorded");
    assert_eq!((setting.value.as_deref(), setting.source.as_str()), (Some("4096"), "--set"));
    assert!(run.file.data.fingerprint.is_some() && run.file.versions.build_profile != "unknown");
    let recorded = serde_json::to_value(run.file.summary.expect("a summary")).expect("JSON");
    assert_eq!(recorded, summary);
}

#[test]
fn every_statement_runs_and_agrees_with_plain_datafusion() {
    let bench = Bench::new();
    // At this scale the items of one class of query 12 sold for nothing: their share divides by zero, which is an error.
    let arguments = ["--skip", "q12", "--iterations", "1", "--warmup", "0", "--verify-with", "datafusion", "--json"];
    let summary = json(&bench.run(0, &arguments));
    assert_eq!((&summary["statements"], &summary["verified"]), (&103.into(), &103.into()), "{summary}");
}

#[test]
fn nothing_to_compare_with_is_a_warning() {
    let bench = Bench::new();
    let invocation = bench.run(0, &["--queries", "q3", "--iterations", "1"]);
    assert!(invocation.stdout.contains("unverified"), "{}", invocation.stdout);
    assert!(invocation.stdout.contains("1 of 1 statements were not checked"), "{}", invocation.stdout);
    assert!(invocation.stdout.contains("not comparable with published TPC-DS results"), "{}", invocation.stdout);
}

#[test]
fn a_timeout_is_a_row_and_the_run_goes_on() {
    let bench = Bench::new();
    let invocation = bench.run(4, &["--queries", "q4,q3", "--timeout", "1ms", "--iterations", "1"]);
    let run = bench.only_run();
    assert_eq!(run.samples.len(), 2, "the other samples of a failed statement are left out");
    assert!(run.samples.iter().all(|s| s.error_class.as_deref() == Some("timeout")), "{:?}", run.samples);
    assert!(invocation.stdout.contains("partial total (0/2)"), "{}", invocation.stdout);
}

#[test]
fn running_out_of_memory_is_a_row_and_the_run_goes_on() {
    let bench = Bench::new();
    let arguments = ["--queries", "q4,q41", "--memory-limit", "300KiB", "--iterations", "1", "--warmup", "0", "--json"];
    let summary = json(&bench.run(4, &arguments));
    assert_eq!(summary["complete"], false);
    let run = bench.only_run();
    assert_eq!(run.samples[0].error_class.as_deref(), Some("out_of_memory"), "{:?}", run.samples);
    assert_eq!(run.samples.len(), 2);
}

/// A suite of one statement with an answer that a test chooses.
fn suite_with_answer(folder: &Path, sql: &str, answer: &str, row_count: usize) {
    use dsbench::answers::content_hash;
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        std::fs::write(file, text).expect("written");
    };
    write("suite.toml", "name = 'one'\nspecification = 'none'\ndeviations = []\norder = ['q1']\n");
    write("domains.toml", "");
    write("tpcds/q01.sql", &format!("--! title = 't'\n--! question = 'q?'\n{sql}\n"));
    write("answers/tiny/q01.csv", answer);
    let manifest = datagen::Manifest::read(Path::new(tiny_data())).expect("a manifest");
    let tables: serde_json::Map<_, _> = manifest
        .tables
        .iter()
        .filter_map(|(name, table)| Some((name.clone(), table.content_hash.clone()?.into())))
        .collect();
    let index = serde_json::json!({
        "format_version": 1, "engine": "by hand", "engine_version": "1", "made_at": "2026-01-01T00:00:00Z",
        "null_order": "nulls_last", "scale": 0.01, "tables": tables,
        "statements": {"q1": {
            "file": "q01.csv", "row_count": row_count, "stored_row_count": row_count,
            "sql_xxh3": content_hash(sql.as_bytes()), "answer_xxh3": content_hash(answer.as_bytes()),
        }},
    });
    write("answers/tiny/answers.json", &index.to_string());
}

#[track_caller]
fn check_answer(code: i32, answer: &str, row_count: usize, expected: &str) {
    let suite = tempfile::tempdir().expect("a folder");
    suite_with_answer(
        suite.path(),
        "select r_reason_sk from reason where r_reason_sk <= 2 order by 1",
        answer,
        row_count,
    );
    let bench = Bench::new();
    let invocation = bench.run(code, &["--suite", path(suite.path()), "--iterations", "1"]);
    let text = invocation.stdout + &invocation.stderr;
    assert!(text.contains(expected), "{text}");
    // The same by name: an answer folder that the user names.
    let answers = suite.path().join("answers/tiny");
    bench.run(code, &["--suite", path(suite.path()), "--iterations", "1", "--answers", path(&answers)]);
}

#[test]
fn a_wrong_answer_is_never_a_time() {
    check_answer(0, "\"r_reason_sk integer\"\n1\n2\n", 2, "1 verified of 1");
    check_answer(5, "\"r_reason_sk integer\"\n1\n3\n", 2, "partial total (0/1) 0.000 s");
    check_answer(5, "\"r_reason_sk integer\"\n1\n", 1, "WRONG");
}

#[test]
fn unfit_answers_are_refused_when_named() {
    let refused = |arguments: &[&str], expected: &str| {
        let invocation = Bench::new().run(3, &[&["--queries", "q3"], arguments].concat());
        assert!(invocation.stderr.contains(expected), "{}", invocation.stderr);
    };
    refused(&["--answers", "/nowhere"], "holds no answers");
    let sf1 = concat!(env!("CARGO_MANIFEST_DIR"), "/queries/answers/sf1");
    refused(&["--answers", sf1], "are for other data");
}

#[test]
fn an_edited_answer_is_noticed() {
    let suite = tempfile::tempdir().expect("a folder");
    suite_with_answer(suite.path(), "select 1 as x", "\"x integer\"\n1\n", 1);
    std::fs::write(suite.path().join("answers/tiny/q01.csv"), "\"x integer\"\n2\n").expect("written");
    let invocation = Bench::new().run(3, &["--suite", path(suite.path())]);
    assert!(invocation.stderr.contains("q01.csv is not the file"), "{}", invocation.stderr);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let invocation = dsbench(&["run", "--data", tiny_data(), "--queries", "q3", "--out", path(file.path())]);
    assert_eq!(invocation.code, Some(1), "{}", invocation.stderr);
    assert!(invocation.stderr.contains(path(file.path())), "{}", invocation.stderr);
}

#[test]
fn a_saved_run_is_shown_again() {
    let bench = Bench::new();
    let printed = bench.run(0, &["--queries", "q3,q41", "--iterations", "2"]).stdout;
    let folder = bench.folders().remove(0);
    assert_eq!(expect_code(0, &["report", path(&folder)]).stdout, printed);
    let markdown = expect_code(0, &["report", path(&folder), "--format", "markdown", "--aggregate", "aws"]).stdout;
    assert!(markdown.contains("| q3 |") && markdown.contains("mean of median, minimum and maximum"), "{markdown}");
    let summary = json(&expect_code(0, &["report", path(&folder), "--format", "json"]));
    assert_eq!(summary["statements"], 2);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_cleanly() {
    use std::process::{Command, Stdio};
    let bench = Bench::new();
    let mut child = command(&bench.arguments(&["--iterations", "10000", "--queries", "q3,q41"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Wait until some samples are on disk.
    let samples = || {
        let folder = bench.folders().into_iter().next()?;
        std::fs::read_to_string(folder.join("samples.csv")).ok().map(|text| text.lines().count())
    };
    let waited = (0..1200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        samples().is_some_and(|lines| lines > 3)
    });
    assert!(waited, "the run never wrote a sample");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let code = child.wait().expect("the program ends").code();
    assert_eq!(code, Some(130));
    let run = bench.only_run();
    assert_eq!(run.file.status, Status::Interrupted);
    assert!(run.samples.len() >= 3 && run.file.summary.is_some());
}

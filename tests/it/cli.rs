//! Help, wrong arguments, and the commands that need no data.

use crate::support::{dsbench, expect_code, path};

#[track_caller]
fn check_error(code: i32, arguments: &[&str], expected: &str) {
    let invocation = expect_code(code, arguments);
    assert!(invocation.stderr.contains(expected), "{}", invocation.stderr);
    assert_eq!(invocation.stdout, "", "errors go to standard error");
}

#[test]
fn help_teaches() {
    for command in [
        "run",
        "ab",
        "compare",
        "explain",
        "generate",
        "analyze",
        "layout",
        "sql",
        "queries",
        "report",
        "doctor",
        "completions",
        "man",
    ] {
        let help = expect_code(0, &[command, "--help"]).stdout;
        assert!(help.contains("Usage:"), "{help}");
        assert!(dsbench(&["--help"]).stdout.contains(command));
    }
    assert!(dsbench(&["--help"]).stdout.contains("Exit codes"));
}

#[test]
fn wrong_arguments_are_refused_before_anything_happens() {
    check_error(2, &["run", "--querys", "q1"], "--queries");
    check_error(2, &["run", "--queries", "q14c"], "did you mean `q14a`?");
    check_error(2, &["run", "--queries", "25-20"], "is empty");
    check_error(2, &["run", "--queries", "q1", "--skip", "q1"], "nothing is left to run");
    check_error(2, &["run", "--iterations", "0"], "0 is not in 1..=10000");
    check_error(2, &["run", "--timeout", "soon"], "write it as 300s or 10m");
    check_error(2, &["run", "--aggregate", "avg"], "choose median, min, mean or aws");
    check_error(2, &["run", "--profile", "fast"], "there is no profile `fast`");
    check_error(
        2,
        &["run", "--set", "datafusion.execution.batchsize=1"],
        "did you mean `datafusion.execution.batch_size`?",
    );
    check_error(2, &["run", "--set", "datafusion.execution.batch_size=many"], "does not take `many`");
    check_error(2, &["run", "--param", "q1.YEAR=1900"], "outside of its domain, 1998 to 2002");
    check_error(2, &["run", "--param", "q1.YEER=2000"], "did you mean `YEAR`?");
    check_error(2, &["run", "--memory-limit", "lots"], "invalid value 'lots'");
    check_error(2, &["run", "--scale", "0"], "scale factor");
    check_error(2, &["sql", "--scale", "0.02", "--data", "x", "-f", "y", "select 1"], "cannot be used with");
    check_error(3, &["run", "--data", "/nowhere/at/all"], "there are no TPC-DS tables under /nowhere/at/all");
    check_error(3, &["run", "--data", "s3://bucket/sf1"], "only folders");
    check_error(3, &["report", "/nowhere/at/all"], "is not a run");
}

#[test]
fn a_dry_run_prints_the_plan_and_makes_nothing() {
    let out = tempfile::tempdir().expect("a folder");
    let arguments = [
        "run",
        "--dry-run",
        "--queries",
        "q1,14",
        "--set",
        "spark.sql.shuffle.partitions=7",
        "--out",
        path(out.path()),
    ];
    let plan = expect_code(0, &arguments).stdout;
    assert!(plan.contains("3 statements"), "{plan}");
    assert!(plan.contains("datafusion.execution.target_partitions = 7  (--set)"), "{plan}");
    assert!(plan.contains("q14b"), "{plan}");
    assert_eq!(std::fs::read_dir(out.path()).expect("the folder").count(), 0);
}

#[test]
fn queries_are_listed_shown_and_exported() {
    assert_eq!(expect_code(0, &["queries"]).stdout.lines().count(), 104);
    let shown = expect_code(0, &["queries", "show", "q96", "--header"]).stdout;
    assert!(shown.starts_with("-- q96: ") && shown.trim_end().ends_with(';'), "{shown}");
    let changed = expect_code(0, &["queries", "show", "q1", "--param", "q1.YEAR=1999"]).stdout;
    assert!(changed.contains("d_year = 1999"), "{changed}");
    let seeded = |seed: &str| expect_code(0, &["queries", "show", "1-99", "--seed", seed]).stdout;
    assert_eq!(seeded("5"), seeded("5"));
    assert_ne!(seeded("5"), seeded("6"));
    let folder = tempfile::tempdir().expect("a folder");
    expect_code(0, &["queries", "export", path(folder.path())]);
    let index = std::fs::read_to_string(folder.path().join("statements.json")).expect("the index");
    let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let entries = index.as_array().expect("an array");
    assert_eq!(entries.len(), 104);
    for entry in entries {
        assert!(folder.path().join(entry["file"].as_str().expect("a file")).is_file(), "{entry}");
    }
}

#[test]
fn a_suite_in_a_folder_needs_no_build() {
    let queries = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
    let built_in = expect_code(0, &["queries", "show", "q1"]).stdout;
    assert_eq!(expect_code(0, &["queries", "--suite", queries, "show", "q1"]).stdout, built_in);
    check_error(2, &["queries", "--suite", "/nowhere"], "suite.toml of the suite cannot be read");
}

#[test]
fn completion_scripts_know_subcommands_options_and_values() {
    for shell in ["bash", "zsh", "fish"] {
        let script = expect_code(0, &["completions", shell]).stdout;
        for word in ["generate", "doctor", "memory-limit", "datafusion", "snappy", "median", "markdown", "csv"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    check_error(2, &["completions", "tcsh"], "invalid value 'tcsh'");
}

#[test]
fn manual_pages_are_printed_and_written() {
    let page = expect_code(0, &["man"]).stdout;
    assert!(page.contains(".TH dsbench 1") && page.contains("Exit codes"), "{page}");
    assert!(expect_code(0, &["man", "queries", "show"]).stdout.contains("dsbench\\-queries\\-show"));
    check_error(2, &["man", "nothing"], "there is no subcommand `nothing`");
    let folder = tempfile::tempdir().expect("a folder");
    expect_code(0, &["man", "--out", path(folder.path())]);
    for page in ["dsbench.1", "dsbench-run.1", "dsbench-sql.1", "dsbench-queries-export.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn the_doctor_finds_something_to_say() {
    let data = crate::support::tiny_data();
    let report = crate::support::json(&expect_code(0, &["doctor", "--json", "--data", data]));
    let findings = report["findings"].as_array().expect("an array");
    let found = |name: &str| findings.iter().find(|finding| finding["name"] == name).expect("looked at");
    for name in ["build profile", "other load", "memory", "data", "data folder", "results folder", "spill folder"] {
        assert!(["ok", "unknown", "warning", "problem"].contains(&found(name)["severity"].as_str().expect("a text")));
    }
    assert!(
        found("data")["value"]
            .as_str()
            .is_some_and(|value| value.contains("files are verified") || value.contains("every file"))
    );
    let missing = expect_code(1, &["doctor", "--strict", "--data", "/nowhere/at/all"]).stdout;
    assert!(missing.contains("none in /nowhere/at/all"), "{missing}");
    check_error(2, &["doctor", "--memory-limit", "0"], "more than 0");
}

//! `dsbench ab`, its folder and its reports, as a user meets them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{command, dsbench, expect_code, json, path, tiny_data};

/// The folder that an A/B said it was saved in.
fn folder(stderr: &str) -> PathBuf {
    let line = stderr.lines().find_map(|line| line.strip_prefix("saved in "));
    PathBuf::from(line.unwrap_or_else(|| panic!("no folder in {stderr}")))
}

/// An A/B over the tiny data and its JSON report.
#[track_caller]
fn ab(code: i32, arguments: &[&str]) -> (PathBuf, Value) {
    let out = tempfile::tempdir().expect("a folder").keep();
    let common = ["ab", "--data", tiny_data(), "--out", path(&out), "--json", "--verify-with", "datafusion"];
    let invocation = expect_code(code, &[&common, arguments].concat());
    (folder(&invocation.stderr), json(&invocation))
}

fn samples(run: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(run.join("samples.csv")).expect("samples");
    reader.records().map(|record| record.expect("a line").iter().map(str::to_owned).collect()).collect()
}

#[test]
fn two_sides_are_compared_in_pairs() {
    let (folder, report) = ab(0, &["default", "datafusion", "--queries", "q3,q7", "--max-pairs", "16"]);
    let comparison = &report["comparisons"][0];
    assert_eq!((&comparison["baseline"], &comparison["other"]), (&"default".into(), &"datafusion".into()));
    assert_eq!(comparison["statements"].as_array().map(Vec::len), Some(2));
    for statement in comparison["statements"].as_array().expect("statements") {
        assert!(statement["sample_count"].as_u64() >= Some(12), "{statement}");
        assert!(statement["ratio"].as_f64() > Some(0.0), "{statement}");
    }
    for side in ["a-default", "b-datafusion", "control-1", "control-2"] {
        assert!(folder.join(side).join("run.json").is_file(), "{side}");
        expect_code(0, &["report", path(&folder.join(side))]);
    }
    // Beside each other in time: sample n of a side comes next to sample n of the other.
    let [a, b] = ["a-default", "b-datafusion"].map(|side| samples(&folder.join(side)));
    let measured = |rows: &[Vec<String>]| rows.iter().filter(|row| row[2] == "measured").count();
    assert_eq!(measured(&a), measured(&b));
    let shown = expect_code(0, &["report", path(&folder)]).stdout;
    assert!(shown.contains("`datafusion` against `default`") && shown.contains("noise"), "{shown}");
    let markdown = expect_code(0, &["report", path(&folder), "--format", "markdown"]).stdout;
    assert!(markdown.contains("| statement |"), "{markdown}");
}

#[test]
fn few_pairs_are_undecided() {
    let (_, report) = ab(0, &["default", "datafusion", "--queries", "q3", "--max-time", "1ms", "--control-pairs", "0"]);
    let statement = &report["comparisons"][0]["statements"][0];
    assert!(statement["sample_count"].as_u64() < Some(12), "{statement}");
    assert_ne!(statement["verdict"], "faster");
    assert_ne!(statement["verdict"], "slower");
}

#[test]
fn settings_belong_to_the_side_before_them() {
    let batch = "datafusion.execution.batch_size";
    let sets = [format!("{batch}=1024"), format!("{batch}=2048")];
    let sides = ["default", "--set", &sets[0], "default", "--set", &sets[1]];
    let rest = ["--queries", "q3", "--max-time", "1ms", "--control-pairs", "0"];
    let (folder, report) = ab(0, &[&sides[..], &rest[..]].concat());
    assert_eq!(report["comparisons"][0]["other"], format!("default with {}", sets[1]));
    let value = |side: &str| {
        let text = std::fs::read_to_string(folder.join(side).join("run.json")).expect("the record");
        let run: Value = serde_json::from_str(&text).expect("JSON");
        let settings = run["settings"].as_array().expect("settings").clone();
        settings.into_iter().find(|s| s["key"] == batch).map(|s| s["value"].clone())
    };
    assert_eq!((value("a-default"), value("b-default")), (Some("1024".into()), Some("2048".into())));
}

#[test]
fn another_build_runs_in_its_own_process() {
    let program = env!("CARGO_BIN_EXE_dsbench");
    let rest = ["--queries", "q3", "--max-pairs", "12", "--control-pairs", "0"];
    let (folder, report) = ab(0, &[&["default", "--binary-b", program], &rest[..]].concat());
    assert_eq!(report["comparisons"][0]["other"], "default in dsbench");
    assert!(samples(&folder.join("b-default")).len() >= 12);
    let (_, report) = ab(0, &[&["default", "datafusion", "--isolate"], &rest[..]].concat());
    assert_eq!(report["comparisons"][0]["other"], "datafusion");
    let wrong = dsbench(&["ab", "default", "--binary-b", "/bin/true", "--data", tiny_data(), "--queries", "q3"]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("no build of dsbench that this one can talk to"), "{}", wrong.stderr);
}

#[test]
fn what_was_killed_goes_on() {
    let out = tempfile::tempdir().expect("a folder");
    let arguments =
        ["ab", "default", "datafusion", "--queries", "q3,q7,q52", "--max-pairs", "16", "--verify-with", "default"];
    let place = ["--data", tiny_data(), "--out", path(out.path())];
    let mut child = command(&[&arguments[..], &place[..]].concat())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut kills = 0;
    let found = || std::fs::read_dir(out.path()).ok()?.next()?.ok().map(|entry| entry.path());
    let count =
        |side: &str| found().map_or(0, |ab| std::fs::read(ab.join(side).join("samples.csv")).map_or(0, |t| t.len()));
    // Once in the control phase, twice among the sides.
    for side in ["control-2", "a-default", "b-datafusion"] {
        let before = count(side);
        while count(side) <= before && child.try_wait().expect("a process").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        kills += 1;
        let ab = found().expect("the folder");
        child = command(&["ab", "--resume", path(&ab)])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{:?}", output.status);
    let ab = found().expect("the folder");
    let report = json(&expect_code(0, &["report", path(&ab), "--format", "json"]));
    for statement in report["comparisons"][0]["statements"].as_array().expect("statements") {
        assert_eq!(statement["sample_count"], 16, "{statement} after {kills} kills");
    }
    let again = expect_code(2, &["ab", "--resume", path(&ab)]);
    assert!(again.stderr.contains("there is nothing to do"), "{}", again.stderr);
    let side = expect_code(2, &["run", "--resume", path(&ab.join("a-default"))]);
    assert!(side.stderr.contains("is a side of an A/B") || side.stderr.contains("complete"), "{}", side.stderr);
}

#[test]
fn wrong_use_is_told() {
    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        let invocation = expect_code(2, &[&["ab"], arguments].concat());
        assert!(invocation.stderr.contains(expected), "{}", invocation.stderr);
    }
    check(&[], "<SIDE>");
    check(&["default"], "`default` is compared with nothing");
    check(&["default", "nothing"], "there is no profile `nothing`");
    check(&["default", "datafusion,elephant"], "`elephant` in `datafusion,elephant` is no setting");
    check(&["default", "datafusion", "--set", "engine.elephant=1"], "engine.elephant");
    check(&["default", "--peer", "duckbd"], "did you mean `duckdb`?");
    check(&["default", "--peer", "./none"], "there is no program ./none");
    check(&["default", "--binary-b", "./none"], "there is no program ./none");
    check(&["default", "datafusion", "--max-pairs", "4"], "takes 14 pairs");
    check(&["default", "datafusion", "--precision", "2"], "write it as 2%");
    check(&["default", "datafusion", "--resume", "x"], "cannot be used with --resume");
    check(&["--resume", "x"], "there is no A/B `x`");
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let odd = ["--control-pairs", "1"];
    let arguments = ["ab", "default", "datafusion", "--queries", "q3", "--dry-run"];
    let shown = expect_code(0, &[&arguments[..], &odd].concat()).stdout;
    for expected in [
        // 2 sides x (1 warm-up + 2 pairs), since pairs are taken as A B, B A.
        "control     6 samples",
        "side a      default",
        "engine.pushdown.filter = off  (a: auto)",
        "side b      datafusion",
        "12 to 60 a statement",
        "same within ±3%",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn explain_shows_plans_and_differences() {
    let data = ["--data", tiny_data()];
    let plan = expect_code(0, &[&["explain", "q3"], &data[..]].concat()).stdout;
    assert!(plan.contains("HashJoinExec"), "{plan}");
    let analyzed = expect_code(0, &[&["explain", "q3", "--analyze", "--samples", "1"], &data[..]].concat()).stdout;
    assert!(analyzed.contains("row groups left out") && analyzed.contains("execution"), "{analyzed}");
    let diff = expect_code(0, &[&["explain", "--diff", "default", "datafusion", "q3"], &data[..]].concat()).stdout;
    assert!(diff.contains("q3: `datafusion` against `default`") && diff.contains("medians of 3 samples"), "{diff}");
    let same = ["explain", "--diff", "default", "default", "q3", "--plans-only"];
    let same = expect_code(0, &[&same, &data[..]].concat()).stdout;
    assert!(same.contains("The plans are the same."), "{same}");
    let parsed =
        json(&expect_code(0, &[&["explain", "--diff", "default", "datafusion", "q3", "--json"], &data[..]].concat()));
    assert_eq!(parsed[0]["statement"], "q3");
    assert!(parsed[0]["plan_diff"].is_string(), "{parsed}");
    expect_code(2, &["explain", "--diff", "default"]);
    expect_code(2, &["explain", "q999"]);
}

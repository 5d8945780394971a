//! What samples record beside their times, and how it is shown.

use std::collections::BTreeSet;

use dsbench::results::Run;
use dsbench::results::format::SampleRow;

use crate::support::{expect_code, json, path, tiny_data};

/// A run on the tiny data, and what it printed.
#[track_caller]
fn run(arguments: &[&str]) -> (Run, String) {
    let out = tempfile::tempdir().expect("a folder");
    let common = ["run", "--data", tiny_data(), "--out", path(out.path())];
    let stdout = expect_code(0, &[&common, arguments].concat()).stdout;
    let folder = std::fs::read_dir(out.path()).expect("the folder").next().expect("a run").expect("an entry").path();
    (Run::read(&folder).expect("a run"), stdout)
}

/// Every column of a sample that a statement with joins, groups and an order must have.
fn recorded(sample: &SampleRow) -> [(&'static str, Option<u64>); 22] {
    [
        ("user_cpu_ns", sample.user_cpu_ns),
        ("system_cpu_ns", sample.system_cpu_ns),
        ("peak_pool_bytes", sample.peak_pool_bytes),
        ("peak_rss_bytes", sample.peak_rss_bytes),
        ("bytes_read", sample.bytes_read),
        ("read_requests", sample.read_requests),
        ("bytes_spilled", sample.bytes_spilled),
        ("file_ranges_total", sample.file_ranges_total),
        ("file_ranges_pruned", sample.file_ranges_pruned),
        ("row_groups_total", sample.row_groups_total),
        ("row_groups_pruned", sample.row_groups_pruned),
        ("pages_total", sample.pages_total),
        ("pages_pruned", sample.pages_pruned),
        ("scan_rows_in", sample.scan_rows_in),
        ("scan_ns", sample.scan_ns),
        ("filter_ns", sample.filter_ns),
        ("join_ns", sample.join_ns),
        ("aggregate_ns", sample.aggregate_ns),
        ("window_ns", sample.window_ns),
        ("sort_ns", sample.sort_ns),
        ("exchange_ns", sample.exchange_ns),
        ("other_ns", sample.other_ns),
    ]
}

#[cfg(target_os = "linux")]
#[test]
fn samples_record_what_they_used_and_did() {
    let (run, printed) = run(&["--queries", "q3,q53", "--iterations", "2", "--verify-with", "datafusion"]);
    assert_eq!(run.samples.len(), 6);
    for sample in &run.samples {
        for (column, value) in recorded(sample) {
            assert!(value.is_some(), "{column} of {sample:?}");
        }
        let known = |value: Option<u64>| value.unwrap_or(0);
        assert!(known(sample.user_cpu_ns) + known(sample.system_cpu_ns) > 0, "{sample:?}");
        assert!(sample.peak_rss_bytes > Some(10 << 20) && sample.peak_pool_bytes > Some(0), "{sample:?}");
        assert!(sample.bytes_read > Some(10_000) && sample.read_requests > Some(0), "{sample:?}");
        assert!(sample.scan_rows_in >= sample.scan_rows_out && sample.scan_rows_out > Some(0), "{sample:?}");
        for time in [sample.scan_ns, sample.join_ns, sample.aggregate_ns, sample.sort_ns] {
            assert!(time > Some(0), "{sample:?}");
        }
        assert_eq!(sample.window_ns > Some(0), sample.statement == "q53", "{sample:?}");
        assert_eq!(sample.bytes_spilled, Some(0));
    }
    let plans = |statement: &str| -> BTreeSet<_> {
        run.samples.iter().filter(|s| s.statement == statement).map(|s| s.plan_fingerprint.clone()).collect()
    };
    assert_eq!((plans("q3").len(), plans("q53").len()), (1, 1), "a statement has one plan");
    assert_ne!(plans("q3"), plans("q53"));
    let resources = run.file.summary.and_then(|summary| summary.resources).expect("they are known");
    assert!(resources.bytes_read > Some(20_000) && resources.cpu_seconds > Some(0.0), "{resources:?}");
    assert!(resources.peak_pool.is_some_and(|peak| peak.bytes > 0) && resources.peak_rss.is_some());
    assert!(printed.contains("resources         read ") && printed.contains("peaks: pool "), "{printed}");
}

#[test]
fn every_statement_has_the_same_plan_each_time() {
    let (run, _) = run(&["--skip", "q12", "--iterations", "1", "--warmup", "1"]);
    for pair in run.samples.chunks(2) {
        assert_eq!(pair[0].statement, pair[1].statement);
        assert!(pair[0].plan_fingerprint.is_some(), "{:?}", pair[0]);
        assert_eq!(pair[0].plan_fingerprint, pair[1].plan_fingerprint, "{}", pair[0].statement);
    }
}

#[test]
fn recording_can_be_switched_off() {
    let off = ["--set", "engine.trace.enabled=false", "--queries", "q3", "--iterations", "1", "--warmup", "0"];
    let (run, printed) = run(&off);
    for (column, value) in recorded(&run.samples[0]) {
        assert_eq!(value, None, "{column}");
    }
    assert_eq!(run.samples[0].plan_fingerprint, None);
    assert!(run.file.summary.is_some_and(|summary| summary.resources.is_none()));
    assert!(!printed.contains("resources "), "{printed}");
}

#[test]
fn failed_samples_record_what_is_known() {
    let out = tempfile::tempdir().expect("a folder");
    let common = ["run", "--data", tiny_data(), "--out", path(out.path()), "--queries", "q4", "--json"];
    expect_code(4, &[&common[..], &["--memory-limit", "300KiB", "--iterations", "1", "--warmup", "0"]].concat());
    let folder = std::fs::read_dir(out.path()).expect("the folder").next().expect("a run").expect("an entry").path();
    let run = Run::read(&folder).expect("a run");
    let sample = &run.samples[0];
    assert_eq!(sample.error_class.as_deref(), Some("out_of_memory"));
    assert!(sample.plan_fingerprint.is_some() && sample.bytes_read.is_some(), "{sample:?}");
    assert!(sample.peak_pool_bytes <= Some(300 << 10) && sample.peak_pool_bytes > Some(0), "{sample:?}");
    assert_eq!(run.file.summary.and_then(|summary| summary.resources), None, "it has no part in the totals");
}

#[test]
fn columns_are_chosen_by_name() {
    let out = tempfile::tempdir().expect("a folder");
    let columns = "median,cpu,peak-pool,bytes-read,row-groups-pruned,join,plan";
    let common = ["run", "--data", tiny_data(), "--out", path(out.path()), "--queries", "q3", "--iterations", "1"];
    let printed = expect_code(0, &[&common[..], &["--columns", columns]].concat()).stdout;
    let header = printed.lines().next().expect("a table");
    for name in ["statement", "median s", "cpu s", "peak pool", "read", "rg pruned", "join s", "plan"] {
        assert!(header.contains(name), "{name} in {header}");
    }
    assert!(!header.contains("check"), "{header}");
    let folder = std::fs::read_dir(out.path()).expect("the folder").next().expect("a run").expect("an entry").path();
    assert_eq!(expect_code(0, &["report", path(&folder), "--columns", columns]).stdout, printed);
    let markdown = ["report", path(&folder), "--format", "markdown", "--columns", "check,peak-rss,scan-rows-in"];
    let markdown = expect_code(0, &markdown).stdout;
    assert!(
        markdown.contains("| statement | check | peak RSS | scan rows in |\n|---|---|---:|---:|\n| q3 |"),
        "{markdown}"
    );
    let summary = json(&expect_code(0, &["report", path(&folder), "--format", "json"]));
    assert!(summary["resources"]["bytes_read"].as_u64() > Some(0), "{summary}");
}

#[test]
fn wrong_columns_are_refused_before_anything_is_run() {
    let refused = |arguments: &[&str], expected: &str| {
        let invocation = expect_code(2, arguments);
        assert!(invocation.stderr.contains(expected), "{}", invocation.stderr);
        assert_eq!(invocation.stdout, "");
    };
    refused(&["run", "--columns", "median,peak-poll"], "did you mean `peak-pool`?");
    refused(&["report", "/nowhere", "--columns", "median,peak-poll"], "did you mean `peak-pool`?");
    refused(&["run", "--columns", "cpu", "--json"], "--columns is for tables");
    refused(&["report", "/nowhere", "--columns", "cpu", "--format", "json"], "--columns is for tables");
    let help = expect_code(0, &["run", "--columns", "help"]).stdout;
    assert!(help.contains("\npeak-pool ") && help.contains("Without --columns: median,interval,min,"), "{help}");
    assert_eq!(expect_code(0, &["report", "/nowhere", "--columns", "help"]).stdout, help);
}

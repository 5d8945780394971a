//! Estimates held against what came: in SQL, in a run's record, in its report; and what planning takes.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::run::Bench;
use crate::support::{command, dsbench, expect_code, json, path, tiny_data};

/// The lines of CSV that SQL gives.
#[track_caller]
fn lines(arguments: &[&str], sql: &str) -> Vec<String> {
    let arguments = [&["sql", "--data", tiny_data(), "--format", "csv", sql], arguments].concat();
    expect_code(0, &arguments).stdout.lines().map(str::to_owned).collect()
}

const JOIN: &str = "select count(*) from store_sales join item on ss_item_sk = i_item_sk where i_category = 'Music'";

#[test]
fn explain_estimates_shows_both_numbers_of_every_operator() {
    for profile in ["default", "datafusion"] {
        let found = lines(&["--profile", profile], &format!("explain (estimates) {JOIN}"));
        assert_eq!(found[0], "operator,estimated_rows,rows,q_error,note");
        let scan = found.iter().find(|line| line.contains("scan of (i_…)")).expect("a scan of item");
        assert!(scan.contains("where i_category = Music") && !scan.contains('@'), "{scan}");
        let join = found.iter().find(|line| line.trim_start_matches(['"', ' ']).starts_with("HashJoinExec"));
        assert!(join.is_some_and(|join| join.starts_with("\" ")), "it is indented: {found:?}");
        assert!(found.len() > 5, "{found:?}");
    }
}

#[test]
fn explain_estimates_goes_through_views_and_the_shell() {
    let mut child = command(&["sql", "--data", tiny_data(), "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let text = format!("create view music as {JOIN};\nexplain estimates select * from music;\nselect 1 as x;\n");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    let output = String::from_utf8(child.wait_with_output().expect("it ends").stdout).expect("UTF-8");
    assert!(output.starts_with("operator,estimated_rows,rows,q_error,note\n"), "{output}");
    assert!(output.ends_with("x\n1\n") && output.contains("HashJoinExec"), "{output}");
}

#[test]
fn what_a_limit_stops_has_no_q_error() {
    let sql = "explain (estimates) select ss_item_sk + 1 from store_sales limit 5";
    let small = ["--set", "datafusion.execution.batch_size=16", "--set", "engine.pushdown.limit=false"];
    let found = lines(&small, sql);
    assert!(found.iter().any(|line| line.ends_with(",,stopped early")), "{found:?}");
}

#[track_caller]
fn check_error(sql: &str, code: i32, part: &str) {
    let invocation = dsbench(&["sql", "--data", tiny_data(), sql]);
    assert_eq!(invocation.code, Some(code), "{}", invocation.stderr);
    assert!(invocation.stderr.contains(part), "{sql}: {}", invocation.stderr);
}

#[test]
fn wrong_options_say_what_is_meant() {
    check_error("explain (estimate) select 1", 4, "did you mean `estimates`?");
    check_error("explain (estimates, analyze) select 1", 4, "stands alone");
    check_error("explain (estimates) create view v as select 1", 4, "takes queries alone");
}

#[test]
fn a_run_records_q_errors_and_a_report_lists_the_worst() {
    let bench = Bench::new();
    bench.run(
        0,
        &["--queries", "q3,q7,q19,q42", "--iterations", "2", "--warmup", "1", "--set", "engine.adaptive.enabled=false"],
    );
    let run = bench.only_run();
    for sample in &run.samples {
        let (max, mean) = (sample.q_error_max.expect("a largest"), sample.q_error_geomean.expect("a mean"));
        assert!(mean >= 1.0 && max >= mean && max.is_finite(), "{sample:?}");
        assert!(sample.q_error_operator.is_some());
    }
    let operators = std::fs::read_to_string(run.folder.join("operators.csv")).expect("written");
    assert!(operators.starts_with("statement,iteration,plan_fingerprint,operator,estimated_rows,not_comparable,"));
    let folder = path(&run.folder);
    let text = expect_code(0, &["report", folder, "--estimates"]).stdout;
    assert!(text.contains("kind") && text.contains("p90") && text.contains("join") && text.contains("all"), "{text}");
    let found = json(&expect_code(0, &["report", folder, "--estimates", "--worst", "3", "--format", "json"]));
    let worst = found["worst"].as_array().expect("a list");
    assert!(worst.len() <= 3, "{found}");
    let errors: Vec<f64> = worst.iter().map(|wrong| wrong["q_error"].as_f64().expect("a number")).collect();
    assert!(errors.is_sorted_by(|a, b| a >= b) && errors.iter().all(|error| *error >= 2.0), "{found}");
    assert!(found["not_comparable"].get("reduced").is_none(), "nothing was found while running: {found}");
    let markdown = expect_code(0, &["report", folder, "--estimates", "--format", "markdown"]).stdout;
    assert!(markdown.contains("| kind | operators |"), "{markdown}");
    let table = expect_code(0, &["report", folder, "--columns", "q-error,q-error-mean"]).stdout;
    assert!(table.lines().next().is_some_and(|line| line.contains("q-error mean")), "{table}");
}

#[test]
fn filters_found_while_running_are_no_wrong_estimates() {
    let bench = Bench::new();
    bench.run(0, &["--queries", "q3", "--iterations", "1", "--warmup", "0"]);
    let folder = bench.only_run().folder;
    let found = json(&expect_code(0, &["report", path(&folder), "--estimates", "--format", "json"]));
    assert!(found["not_comparable"]["reduced"].as_u64() > Some(0), "{found}");
    let text = expect_code(0, &["report", path(&folder), "--estimates"]).stdout;
    assert!(text.contains("engine.adaptive.enabled=false"), "{text}");
}

#[test]
fn a_run_without_estimates_says_so() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/2026-11-24T22-18-28Z-default-sf1-reference");
    let invocation = expect_code(3, &["report", path(&old), "--estimates"]);
    assert!(invocation.stderr.contains("has no estimates: it was made by an older program"), "{}", invocation.stderr);
    expect_code(0, &["report", path(&old), "--columns", "median,q-error"]);
    expect_code(2, &["report", path(&old), "--worst", "5"]);
    expect_code(2, &["report", path(&old), "--estimates", "--columns", "median"]);
    let bench = Bench::new();
    bench.run(0, &["--queries", "q3", "--iterations", "1", "--warmup", "0", "--set", "engine.trace.enabled=false"]);
    expect_code(3, &["report", path(&bench.only_run().folder), "--estimates"]);
}

#[test]
fn the_rules_of_the_optimizer_have_times() {
    let rules = |arguments: &[&str]| {
        expect_code(0, &[&["explain", "--data", tiny_data(), "--rules", "--samples", "1"], arguments].concat())
    };
    let one = rules(&["q3"]).stdout;
    assert!(one.starts_with("q3 with default: planning ") && one.contains("push_down_filter"), "{one}");
    let two = json(&rules(&["q3,q7", "--profile", "datafusion", "--json"]));
    let steps = two[1]["steps"].as_array().expect("a list");
    assert!(steps.iter().any(|step| step["rule"] == "join_selection" && step["microseconds"].is_number()), "{two}");
    expect_code(2, &["explain", "q3", "--rules", "--analyze"]);
}

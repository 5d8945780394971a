//! Settings as a user meets them: where they come from, what is shown of them, and that they never change an answer.

use crate::support::{command, expect_code, path, tiny_data};

/// The settings that a dry run shows, with these arguments and variables.
fn shown(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let arguments = [&["run", "--dry-run", "--queries", "q1", "--profile", "datafusion"], arguments].concat();
    let output = command(&arguments).envs(environment.iter().copied()).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan = String::from_utf8(output.stdout).expect("UTF-8");
    let settings =
        plan.lines().skip_while(|line| !line.starts_with("profile")).take_while(|line| !line.starts_with("statements"));
    settings.map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn a_dry_run_shows_what_an_umbrella_turns_off_and_who_did_it() {
    let expected = expect_test::expect![[r#"
        profile     datafusion
                    datafusion.execution.enable_file_stream_work_stealing = false  (engine.adaptive.enabled (--set))
                    datafusion.execution.skip_partial_aggregation_probe_ratio_threshold = 1  (engine.adaptive.enabled (--set))
                    datafusion.optimizer.enable_aggregate_dynamic_filter_pushdown = false  (engine.adaptive.enabled (--set))
                    datafusion.optimizer.enable_dynamic_filter_pushdown = true  (engine.adaptive.enabled (--set))
                    datafusion.optimizer.enable_join_dynamic_filter_pushdown = true  (--set)
                    datafusion.optimizer.enable_topk_dynamic_filter_pushdown = false  (engine.adaptive.enabled (--set))
                    engine.adaptive.aggregate_filters = false  (engine.adaptive.enabled (--set))
                    engine.adaptive.enabled = false  (--set)
                    engine.adaptive.join_filters = true  (--set)
                    engine.adaptive.skip_partial_aggregation = false  (engine.adaptive.enabled (--set))
                    engine.adaptive.topk_filters = false  (engine.adaptive.enabled (--set))
                    engine.adaptive.work_stealing = false  (engine.adaptive.enabled (--set))
                    engine.sql.semantics = datafusion  (profile datafusion)
    "#]];
    let own = ["--set", "engine.adaptive.join_filters=true", "--set", "engine.adaptive.enabled=false"];
    expected.assert_eq(&shown(&own, &[]));
    let sparks = ["--set", "spark.sql.adaptive.enabled=false", "--set", "engine.adaptive.join_filters=true"];
    expected.assert_eq(&shown(&sparks, &[]));
}

#[test]
fn the_environment_sets_families_too() {
    let environment = [("DSBENCH_ENGINE_ADAPTIVE_ENABLED", "false"), ("DSBENCH_ENGINE_PUSHDOWN_FILTER", "true")];
    let settings = shown(&["--set", "engine.pushdown.limit=false"], &environment);
    for line in [
        "engine.adaptive.enabled = false  (environment DSBENCH_ENGINE_ADAPTIVE_ENABLED)",
        "engine.adaptive.work_stealing = false  (engine.adaptive.enabled (environment DSBENCH_ENGINE_ADAPTIVE_ENABLED))",
        "engine.pushdown.filter = on  (environment DSBENCH_ENGINE_PUSHDOWN_FILTER)",
        "datafusion.execution.parquet.pushdown_filters = true  (environment DSBENCH_ENGINE_PUSHDOWN_FILTER)",
        "engine.pushdown.limit = false  (--set)",
    ] {
        assert!(settings.contains(line), "{line}\n{settings}");
    }
}

#[test]
fn an_unknown_key_of_a_family_names_the_nearest() {
    for (set, expected) in [
        ("engine.adaptive.topk_filter=false", "did you mean `engine.adaptive.topk_filters`?"),
        ("engine.pushdown.bloomfilter=false", "did you mean `engine.pushdown.bloom_filter`?"),
        ("engine.pushdown.limit=no", "`engine.pushdown.limit` does not take `no` (--set): it takes `true` or `false`"),
    ] {
        let refused = expect_code(2, &["run", "--dry-run", "--set", set]);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
}

#[test]
fn a_session_shows_the_whole_picture() {
    let script = "show engine.adaptive.enabled; set engine.adaptive.enabled = false; show engine.adaptive.join_filters; \
                  show datafusion.optimizer.enable_join_dynamic_filter_pushdown; set engine.pushdown.filter = false; \
                  show datafusion.execution.parquet.pushdown_filters";
    let shown = expect_code(0, &["sql", "--data", tiny_data(), "--format", "csv", script]).stdout;
    expect_test::expect![[r#"
        name,value
        engine.adaptive.enabled,true
        name,value
        engine.adaptive.join_filters,false
        name,value
        datafusion.optimizer.enable_join_dynamic_filter_pushdown,false
        name,value
        datafusion.execution.parquet.pushdown_filters,false
    "#]]
    .assert_eq(&shown);
}

#[test]
fn no_answer_changes_with_everything_off() {
    let out = tempfile::tempdir().expect("a folder");
    let mut arguments = vec!["run", "--data", tiny_data(), "--out", path(out.path()), "--verify-with", "datafusion"];
    // At this scale a class of items in q12 has no revenue at all, and every engine divides by it.
    arguments.extend(["--warmup", "0", "--iterations", "1", "--skip", "q12"]);
    for set in [
        "engine.adaptive.enabled=false",
        "engine.pushdown.aggregate=false",
        "engine.pushdown.bloom_filter=false",
        "engine.pushdown.filter=false",
        "engine.pushdown.limit=false",
        "engine.pushdown.projection=false",
        "engine.pushdown.topk=false",
    ] {
        arguments.extend(["--set", set]);
    }
    let printed = expect_code(0, &arguments).stdout;
    assert!(printed.contains("103 verified of 103"), "{printed}");
}

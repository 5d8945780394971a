//! `dsbench compare` on small runs: what is compared, what is refused, how it ends.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dsbench::results::format::{RunFile, SampleRow};

use crate::support::{Invocation, command, expect_code, json, path, tiny_data};

/// A run of three statements with eight samples each, made once.
fn original() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = RUN.get_or_init(|| {
        let out = tempfile::tempdir().expect("a folder");
        let measure = ["--queries", "q3,q7,q42", "--iterations", "8", "--verify-with", "datafusion"];
        expect_code(0, &[&["run", "--data", tiny_data(), "--out", path(out.path())], &measure[..]].concat());
        let folder =
            std::fs::read_dir(out.path()).expect("the folder").next().expect("a run").expect("an entry").path();
        (out, folder)
    });
    folder
}

/// Folders of runs that are made from the original one, with times that do not depend on the machine.
struct Runs {
    out: tempfile::TempDir,
}

impl Runs {
    fn new() -> Self {
        Self { out: tempfile::tempdir().expect("a folder") }
    }

    /// A copy in which sample n of every statement takes 100 ms, n µs and this factor, and which is changed like this.
    fn add(&self, name: &str, factor: f64, change: impl Fn(&mut RunFile, &mut Vec<SampleRow>)) -> String {
        let folder = self.out.path().join(name);
        std::fs::create_dir(&folder).expect("a new folder");
        let text = std::fs::read(original().join("run.json")).expect("the run");
        let mut file: RunFile = serde_json::from_slice(&text).expect("a run");
        let reader = csv::Reader::from_path(original().join("samples.csv")).expect("the samples");
        let mut samples: Vec<SampleRow> = reader.into_deserialize().collect::<Result<_, _>>().expect("samples");
        for sample in &mut samples {
            sample.planning_ns = Some(0);
            sample.execute_ns = Some((factor * (100_000_000 + 1000 * u64::from(sample.iteration)) as f64) as u64);
        }
        file.run = name.to_owned();
        file.label = Some(name.to_owned());
        file.warnings.clear();
        change(&mut file, &mut samples);
        std::fs::write(folder.join("run.json"), serde_json::to_vec(&file).expect("JSON")).expect("written");
        let mut writer = csv::Writer::from_path(folder.join("samples.csv")).expect("a new file");
        samples.iter().for_each(|sample| writer.serialize(sample).expect("written"));
        writer.flush().expect("written");
        name.to_owned()
    }

    /// Compares runs by their names under --out.
    #[track_caller]
    fn compare(&self, code: i32, arguments: &[&str]) -> Invocation {
        expect_code(code, &[&["compare", "--out", path(self.out.path())], arguments].concat())
    }
}

fn unchanged(_: &mut RunFile, _: &mut Vec<SampleRow>) {}

#[test]
fn a_run_is_compared_with_itself_and_with_a_slower_one() {
    let runs = Runs::new();
    let (before, same, slow) =
        (runs.add("before", 1.0, unchanged), runs.add("same", 1.0, unchanged), runs.add("slow", 1.2, unchanged));
    let text = runs.compare(0, &[&before, &same]).stdout;
    assert!(
        text.starts_with("`same` against `before`: total 1.000 times (1.000 to 1.000), same; geometric mean"),
        "{text}"
    );
    assert!(text.contains("\n0 faster, 0 slower, 3 same, 0 undecided\n"), "{text}");
    assert!(text.contains("`dsbench ab` takes the samples side by side"), "what it cannot know is said: {text}");
    assert!(text.contains("not comparable with published TPC-DS results"), "{text}");
    let three = runs.compare(0, &[&before, &same, &slow]).stdout;
    assert!(three.contains("`slow` against `before`: total 1.200 times") && three.contains("slow ratio"), "{three}");
    let turned = runs.compare(0, &[&before, &slow, "--baseline", &slow]).stdout;
    assert!(turned.starts_with("`before` against `slow`: total 0.833 times"), "{turned}");
    assert_eq!(runs.compare(0, &[&before, "--baseline", &slow]).stdout, turned);
    let markdown = runs.compare(0, &[&before, &slow, "--format", "markdown"]).stdout;
    assert!(markdown.starts_with("**`slow` against `before`: total 1.200 times"), "{markdown}");
    assert!(
        markdown.contains("<details><summary>All statements</summary>") && markdown.contains("| q42 |"),
        "{markdown}"
    );
}

#[test]
fn json_has_all_figures() {
    let runs = Runs::new();
    let (before, slow) = (runs.add("before", 1.0, unchanged), runs.add("slow", 1.2, unchanged));
    let report = json(&runs.compare(0, &[&before, &slow, "--format", "json"]));
    let comparison = &report["comparisons"][0];
    assert_eq!((&comparison["baseline"], &comparison["other"]), (&"before".into(), &"slow".into()));
    assert_eq!((&comparison["pairing"], &comparison["counts"]["slower"]), (&"unpaired".into(), &3.into()));
    for figures in [&comparison["total"], &comparison["geomean"], &comparison["statements"][0]] {
        assert_eq!(figures["verdict"], "slower", "{figures}");
        let near = |value: &serde_json::Value| value.as_f64().is_some_and(|ratio| (ratio - 1.2).abs() < 0.001);
        assert!(
            near(&figures["ratio"]) && near(&figures["interval"]["low"]) && near(&figures["interval"]["high"]),
            "{figures}"
        );
    }
    assert_eq!(comparison["statements"][0]["sample_count"], 8);
    assert!(comparison["total"]["baseline_seconds"].as_f64().is_some_and(|seconds| (seconds - 0.3).abs() < 0.001));
    assert!(report["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "{report}");
    let min = json(&runs.compare(0, &[&before, &slow, "--format", "json", "--aggregate", "min"]));
    assert_eq!(min["comparisons"][0]["total"]["interval"], serde_json::Value::Null);
}

#[test]
fn fail_on_ends_with_an_exit_code() {
    use dsbench::results::format::Check;
    let runs = Runs::new();
    let (before, same, slow) =
        (runs.add("before", 1.0, unchanged), runs.add("same", 1.0, unchanged), runs.add("slow", 1.2, unchanged));
    let passed = runs.compare(0, &[&before, &same, "--fail-on", "5%"]);
    assert!(passed.stdout.contains("note: nothing is known to be slower by more than 5%"), "{}", passed.stdout);
    assert_eq!(passed.stderr, "");
    let failed = runs.compare(6, &[&before, &slow, "--fail-on", "5%"]);
    let sentence = "`slow` is slower than `before` by more than 5%: total, geometric mean, q3, q7, q42";
    assert_eq!(failed.stderr, format!("dsbench: {sentence}\n"));
    assert!(failed.stdout.contains(sentence), "{}", failed.stdout);
    runs.compare(0, &[&before, &slow, "--fail-on", "25%"]);
    runs.compare(0, &[&slow, &before, "--fail-on", "5%"]);
    let wrong = runs.add("wrong", 0.5, |_, samples| samples[0].check = Some(Check::Wrong));
    let lost = runs.compare(5, &[&before, &wrong, "--fail-on", "5%"]);
    assert!(lost.stderr.contains("`wrong` gives a wrong answer where `before` does not: q3"), "{}", lost.stderr);
    let failing = runs.add("failing", 0.5, |_, samples| samples[0].error_class = Some("io".to_owned()));
    runs.compare(4, &[&before, &failing, "--fail-on", "5%"]);
    runs.compare(0, &[&before, &failing]);
    let few = |_: &mut RunFile, samples: &mut Vec<SampleRow>| samples.retain(|sample| sample.iteration <= 2);
    let (few_before, few_slow) = (runs.add("few", 1.0, few), runs.add("few_slow", 2.0, few));
    let told = runs.compare(0, &[&few_before, &few_slow, "--fail-on", "5%"]).stdout;
    assert!(told.contains("too few to tell of any statement: it takes 6"), "{told}");
}

#[test]
fn only_common_statements_are_compared() {
    let runs = Runs::new();
    let before = runs.add("before", 1.0, unchanged);
    let fewer = runs.add("fewer", 1.0, |_, samples| samples.retain(|sample| sample.statement != "q7"));
    let told = runs.compare(0, &[&before, &fewer]).stdout;
    assert!(told.contains("2 of 3 statements are compared; left out not in all runs: q7"), "{told}");
    let other_text = runs.add("other", 1.0, |file, _| {
        file.plan.sql_xxh3.insert("q3".to_owned(), "0".to_owned());
    });
    let told = runs.compare(0, &[&before, &fewer, &other_text]).stdout;
    assert!(
        told.contains("1 of 3 statements are compared; left out not in all runs: q7; with another text: q3"),
        "{told}"
    );
    let none = runs.add("none", 1.0, |_, samples| samples.clear());
    let refused = runs.compare(2, &[&before, &none]);
    assert!(refused.stderr.contains("no statement in common"), "{}", refused.stderr);
}

#[test]
fn runs_that_differ_are_refused_unless_it_is_allowed() {
    let runs = Runs::new();
    let before = runs.add("before", 1.0, unchanged);
    let set = runs.add("set", 1.0, |file, _| {
        let batch_size = file.settings.iter_mut().find(|setting| setting.key == "datafusion.execution.batch_size");
        batch_size.expect("it is recorded").value = Some("77".to_owned());
        file.plan.cold = true;
    });
    let refused = runs.compare(2, &[&before, &set]);
    assert!(
        refused.stderr.contains("`before` and `set` differ in settings:\n  cold: false; true\n"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("datafusion.execution.batch_size: 8192; 77"), "{}", refused.stderr);
    assert!(refused.stderr.contains("with --allow settings,") && refused.stdout.is_empty(), "{}", refused.stderr);
    let allowed = runs.compare(0, &[&before, &set, "--allow", "settings"]).stdout;
    assert!(allowed.contains("note: `set` differs from `before` in cold: false; true"), "{allowed}");
    let data = runs.add("data", 1.0, |file, _| {
        file.data.fingerprint = Some("another".to_owned());
        file.machine.logical_cpus += 1;
    });
    let refused = runs.compare(3, &[&before, &data, "--allow", "settings"]);
    assert!(refused.stderr.contains("differ in data, machine:"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--allow settings,data,machine,"), "{}", refused.stderr);
    runs.compare(0, &[&before, &data, "--allow", "data,machine"]);
    let program = runs.add("program", 1.0, |file, _| file.versions.rustc = "0.1".to_owned());
    let told = runs.compare(0, &[&before, &program]).stdout;
    assert!(told.contains("note: `program` differs from `before` in rustc:"), "{told}");
}

#[test]
fn wrong_arguments_are_refused() {
    let runs = Runs::new();
    let before = runs.add("before", 1.0, unchanged);
    let refused = |code: i32, arguments: &[&str], expected: &str| {
        let invocation = runs.compare(code, arguments);
        assert!(invocation.stderr.contains(expected), "{}", invocation.stderr);
        assert_eq!(invocation.stdout, "");
    };
    refused(2, &[], "<RUN>");
    refused(2, &[&before], "is compared with nothing: name a second run");
    refused(2, &[&before, &before], "is named twice");
    refused(2, &[&before, "nowhere"], "`nowhere`");
    refused(3, &[&before, "."], "is not a run");
    refused(2, &[&before, &before, "--fail-on", "5"], "write it as 2%");
    refused(2, &[&before, &before, "--aggregate", "avg"], "choose median, min, mean or aws");
    refused(2, &[&before, &before, "--allow", "all"], "possible values: data, settings, machine");
    let same = runs.add("same", 1.0, unchanged);
    refused(2, &[&before, &same, "--aggregate", "min", "--fail-on", "5%"], "--fail-on needs --aggregate median");
    // A path as well as a name.
    let by_path = runs.out.path().join(&same).join("run.json");
    runs.compare(0, &[&before, path(&by_path)]);
    let from_elsewhere = command(&["compare", "before", "same"]).env("DSBENCH_OUT", runs.out.path()).output();
    assert!(from_elsewhere.expect("the program starts").status.success());
}

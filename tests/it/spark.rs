//! The engine beside a real Spark 3.3.4: the same expressions, the same values, NULLs and error classes, in both modes.
//!
//! ```text
//! tests/ansi/expressions.csv ──scripts/spark-answers──▶ tests/ansi/spark-3.3.4.csv ──┐
//!        └───────────────────────────────▶ engine, ANSI on and off ──────────────────┴──▶ tests/ansi/differences.csv
//! ```
//!
//! What differs is listed in `differences.csv` with its reason, and nothing is listed that does not differ.
//! `UPDATE_SPARK_DIFFERENCES=1 cargo test spark` writes the list anew: reasons stay, new differences have `TODO` for one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};
use futures::FutureExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The issue asks for 300; the list is longer than that.
const LEAST_EXPRESSIONS: usize = 340;

/// The reason of a difference that nobody has looked at.
const UNEXPLAINED: &str = "TODO";

/// Classes of errors that a statement is refused with before it runs: Spark's analyzer has other names for them.
const REFUSALS: [&str; 5] = ["!plan", "!parse", "!DATATYPE_MISMATCH", "!INVALID_FORMAT", "!UNSUPPORTED_FEATURE"];

#[derive(Debug, Clone, Deserialize)]
struct Expression {
    group: String,
    expression: String,
    /// The expression as this engine spells it, where that is not Spark's way.
    ours: String,
}

#[derive(Debug, Clone, Deserialize)]
struct SparkAnswer {
    expression: String,
    ansi: String,
    legacy: String,
}

/// One line of `differences.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Difference {
    expression: String,
    /// `ansi`, `legacy`, or `both` where the engine gives the same in both.
    mode: String,
    ours: String,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Ansi,
    Legacy,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ansi => "ansi",
            Self::Legacy => "legacy",
        })
    }
}

impl Difference {
    fn modes(&self) -> &'static [Mode] {
        match self.mode.as_str() {
            "ansi" => &[Mode::Ansi],
            "legacy" => &[Mode::Legacy],
            "both" => &[Mode::Ansi, Mode::Legacy],
            mode => panic!("{}: the mode `{mode}` is not ansi, legacy or both", self.expression),
        }
    }
}

/// How a value's text compares with Spark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it stands.
    Exact,
    /// As numbers: the two engines print them differently.
    Float32,
    Float64,
}

/// What the engine gives: a value as text, `NULL`, or an exclamation mark and the class of the error.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    text: String,
    kind: Kind,
}

impl Answer {
    fn exact(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: Kind::Exact }
    }

    /// The one value of a result.
    fn of(batches: &[RecordBatch]) -> Self {
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            return Self::exact("(no row)");
        };
        let column = batch.column(0);
        if column.is_null(0) || column.data_type() == &DataType::Null {
            return Self::exact("NULL");
        }
        let text = array_value_to_string(column, 0).expect("every type has a text");
        match column.data_type() {
            DataType::Float32 => Self { text, kind: Kind::Float32 },
            DataType::Float64 => Self { text, kind: Kind::Float64 },
            DataType::Timestamp(..) => Self::exact(sparks_timestamp(&text)),
            _ => Self::exact(text),
        }
    }

    fn agrees_with(&self, spark: &str) -> bool {
        // Whole numbers are no floating-point numbers, even where they are equal.
        let is_float = spark.contains(['.', 'N', 'I']);
        match self.kind {
            Kind::Exact if spark == "!REFUSED" => REFUSALS.contains(&self.text.as_str()),
            Kind::Exact => self.text == spark,
            Kind::Float32 => is_float && same_bits(self.text.parse(), spark.parse(), f32::is_nan, f32::to_bits),
            Kind::Float64 => is_float && same_bits(self.text.parse(), spark.parse(), f64::is_nan, f64::to_bits),
        }
    }
}

/// Two numbers that are the same, down to the sign of a zero. One NaN is as good as another.
fn same_bits<F: Copy, B: PartialEq, E>(
    ours: Result<F, E>,
    spark: Result<F, E>,
    is_nan: fn(F) -> bool,
    bits: fn(F) -> B,
) -> bool {
    match (ours, spark) {
        (Ok(ours), Ok(spark)) => (is_nan(ours) && is_nan(spark)) || bits(ours) == bits(spark),
        _ => false,
    }
}

/// Arrow's text of a timestamp as Spark writes it: `2020-01-01T00:00:00.500` is `2020-01-01 00:00:00.5`.
fn sparks_timestamp(text: &str) -> String {
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "ansi", name].iter().collect()
}

/// The lines of a CSV file. Spaces at the ends of fields matter.
fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let mut reader = csv::Reader::from_path(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    reader.deserialize().map(|line| line.unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

async fn engine(mode: Mode, set: &str) -> Engine {
    let profile = Profile::find("default").expect("built in");
    let sets = [format!("engine.ansi.enabled={}", mode == Mode::Ansi), set.to_owned()];
    let settings = Settings::resolve(&profile, [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    Engine::new(settings, &limits).await.expect("an engine")
}

async fn answer(engine: &Engine, expression: &str) -> Answer {
    let sql = format!("SELECT {expression}");
    // A panic is one more way to differ, and the others are of interest still.
    match AssertUnwindSafe(engine.run(&sql)).catch_unwind().await {
        Ok(Ok(batches)) => Answer::of(&batches),
        Ok(Err(error)) => Answer::exact(format!("!{}", error.class())),
        Err(_) => Answer::exact("!panic"),
    }
}

/// Where the engine is not as Spark.
#[derive(Debug, Default)]
struct Comparison {
    compared: usize,
    /// By expression and mode: the engine's answer and Spark's.
    differences: BTreeMap<(String, Mode), (String, String)>,
}

async fn compare() -> Comparison {
    let expressions: Vec<Expression> = read("expressions.csv");
    let answers: Vec<SparkAnswer> = read("spark-3.3.4.csv");
    assert!(
        expressions.iter().map(|e| &e.expression).eq(answers.iter().map(|a| &a.expression)),
        "tests/ansi/spark-3.3.4.csv answers other expressions than tests/ansi/expressions.csv has: run scripts/spark-answers"
    );
    let mut comparison = Comparison::default();
    for mode in [Mode::Ansi, Mode::Legacy] {
        let profiled = engine(mode, "engine.udf.profile=true").await;
        let engine = engine(mode, "engine.trace.enabled=false").await;
        for (expression, spark) in expressions.iter().zip(&answers) {
            let text = if expression.ours.is_empty() { &expression.expression } else { &expression.ours };
            let ours = answer(&engine, text).await;
            let with_profile = answer(&profiled, text).await.text;
            assert_eq!(with_profile, ours.text, "{text}: {mode}, with a profile of its functions");
            let spark = if mode == Mode::Ansi { &spark.ansi } else { &spark.legacy };
            if !ours.agrees_with(spark) {
                let key = (expression.expression.clone(), mode);
                comparison.differences.insert(key, (ours.text, spark.clone()));
            }
        }
    }
    comparison.compared = expressions.len();
    comparison
}

/// What is wrong with the list of differences.
fn wrong_lines(found: &BTreeMap<(String, Mode), (String, String)>, listed: &[Difference]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for difference in listed {
        for mode in difference.modes() {
            let key = (difference.expression.clone(), *mode);
            match found.get(&key) {
                None => wrong.push(format!("{} ({mode}): is listed, but no longer differs", difference.expression)),
                Some((ours, _)) if *ours != difference.ours => wrong.push(format!(
                    "{} ({mode}): is listed with {}, but the engine gives {ours}",
                    difference.expression, difference.ours
                )),
                Some(_) => {}
            }
            if !seen.insert(key) {
                wrong.push(format!("{} ({mode}): is listed twice", difference.expression));
            }
        }
    }
    let unlisted = found.iter().filter(|(key, _)| !seen.contains(*key));
    wrong.extend(unlisted.map(|((expression, mode), (ours, spark))| {
        format!("{expression} ({mode}): Spark gives {spark}, the engine {ours}")
    }));
    wrong
}

/// The list as it should be: in the order of the expressions, with the reasons that are known.
fn renewed(found: &BTreeMap<(String, Mode), (String, String)>, listed: &[Difference]) -> Vec<Difference> {
    let reason = |expression: &str, mode: Mode| {
        let known = listed.iter().find(|d| d.expression == expression && d.modes().contains(&mode));
        known.map_or_else(|| UNEXPLAINED.to_owned(), |difference| difference.reason.clone())
    };
    let mut renewed = Vec::new();
    for Expression { expression, .. } in read::<Expression>("expressions.csv") {
        let ours = |mode| found.get(&(expression.clone(), mode)).map(|(ours, _)| ours.clone());
        let mut push = |mode: &str, of: Mode, ours: String| {
            let reason = reason(&expression, of);
            renewed.push(Difference { expression: expression.clone(), mode: mode.to_owned(), ours, reason });
        };
        match (ours(Mode::Ansi), ours(Mode::Legacy)) {
            (Some(ansi), Some(legacy)) if ansi == legacy => push("both", Mode::Ansi, ansi),
            (ansi, legacy) => {
                ansi.into_iter().for_each(|ours| push("ansi", Mode::Ansi, ours));
                legacy.into_iter().for_each(|ours| push("legacy", Mode::Legacy, ours));
            }
        }
    }
    renewed
}

fn write(differences: &[Difference]) {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_path(file("differences.csv"))
        .expect("tests/ansi can be written to");
    writer.write_record(["expression", "mode", "ours", "reason"]).expect("written");
    for difference in differences {
        writer.serialize(difference).expect("written");
    }
    writer.flush().expect("written");
}

#[tokio::test]
async fn expressions_give_what_spark_gives() {
    let comparison = compare().await;
    assert!(comparison.compared >= LEAST_EXPRESSIONS, "{} expressions", comparison.compared);
    let mut listed: Vec<Difference> = read("differences.csv");
    if std::env::var_os("UPDATE_SPARK_DIFFERENCES").is_some() {
        listed = renewed(&comparison.differences, &listed);
        write(&listed);
    }
    let differing: BTreeSet<_> = comparison.differences.keys().map(|(expression, _)| expression).collect();
    let agreeing = comparison.compared - differing.len();
    writeln!(
        std::io::stderr(),
        "{agreeing} of {} expressions give what Spark 3.3.4 gives, in both modes",
        comparison.compared
    )
    .expect("a standard error");
    let wrong = wrong_lines(&comparison.differences, &listed);
    assert!(wrong.is_empty(), "{} differences (tests/ansi/differences.csv):\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_difference_has_a_reason() {
    let unexplained: Vec<_> = read::<Difference>("differences.csv")
        .into_iter()
        .filter(|difference| ["", UNEXPLAINED].contains(&difference.reason.trim()))
        .map(|difference| format!("{} ({})", difference.expression, difference.mode))
        .collect();
    assert!(unexplained.is_empty(), "without a reason:\n{}", unexplained.join("\n"));
}

#[test]
fn expressions_are_distinct_and_grouped() {
    let expressions: Vec<Expression> = read("expressions.csv");
    let distinct: BTreeSet<_> = expressions.iter().map(|e| &e.expression).collect();
    assert_eq!(distinct.len(), expressions.len());
    for expression in &expressions {
        assert!(!expression.group.is_empty(), "{}", expression.expression);
        assert_ne!(expression.expression, expression.ours, "`ours` is left empty where it is the same");
    }
}

#[track_caller]
fn check_agrees(kind: Kind, ours: &str, spark: &str, expected: bool) {
    let answer = Answer { text: ours.to_owned(), kind };
    assert_eq!(answer.agrees_with(spark), expected, "{ours} and {spark}");
}

#[test]
fn texts_are_compared_by_their_type() {
    check_agrees(Kind::Exact, "1.50", "1.50", true);
    check_agrees(Kind::Exact, "1.5", "1.50", false);
    check_agrees(Kind::Exact, "NULL", "NULL", true);
    check_agrees(Kind::Exact, "NULL", "0", false);
    check_agrees(Kind::Exact, "!DIVIDE_BY_ZERO", "!DIVIDE_BY_ZERO", true);
    check_agrees(Kind::Exact, "!CAST_OVERFLOW", "!CAST_INVALID_INPUT", false);
    check_agrees(Kind::Exact, "!plan", "!REFUSED", true);
    check_agrees(Kind::Exact, "!UNRESOLVED_ROUTINE", "!REFUSED", false);
    check_agrees(Kind::Float64, "10000000000.0", "1.0E10", true);
    check_agrees(Kind::Float64, "inf", "Infinity", true);
    check_agrees(Kind::Float64, "NaN", "NaN", true);
    check_agrees(Kind::Float64, "0.0", "-0.0", false);
    check_agrees(Kind::Float64, "3.0", "3", false);
    check_agrees(Kind::Float64, "3.0", "NULL", false);
    check_agrees(Kind::Float32, "0.1", "0.1", true);
    check_agrees(Kind::Float64, "0.10000000149011612", "0.1", false);
}

#[test]
fn timestamps_are_written_as_spark_writes_them() {
    for (arrows, sparks) in [
        ("2020-01-01T00:00:00", "2020-01-01 00:00:00"),
        ("2020-01-01T00:00:00Z", "2020-01-01 00:00:00"),
        ("2020-01-01T00:00:00.500", "2020-01-01 00:00:00.5"),
        ("2020-01-01T10:00:10", "2020-01-01 10:00:10"),
    ] {
        assert_eq!(sparks_timestamp(arrows), sparks);
    }
}

#[test]
fn a_list_of_differences_is_neither_short_nor_stale() {
    let line = |expression: &str, mode: &str, ours: &str| Difference {
        expression: expression.to_owned(),
        mode: mode.to_owned(),
        ours: ours.to_owned(),
        reason: "a test".to_owned(),
    };
    let found = |mode| (("x".to_owned(), mode), ("1".to_owned(), "2".to_owned()));
    let both = BTreeMap::from([found(Mode::Ansi), found(Mode::Legacy)]);
    let one = BTreeMap::from([found(Mode::Ansi)]);
    for (found, listed, expected) in [
        (&both, vec![line("x", "both", "1")], ""),
        (&both, vec![line("x", "ansi", "1"), line("x", "legacy", "1")], ""),
        (&both, vec![line("x", "ansi", "1")], "x (legacy): Spark gives 2, the engine 1"),
        (&one, vec![line("x", "both", "1")], "x (legacy): is listed, but no longer differs"),
        (&one, vec![line("x", "ansi", "3")], "x (ansi): is listed with 3, but the engine gives 1"),
        (&one, vec![line("x", "ansi", "1"), line("x", "ansi", "1")], "x (ansi): is listed twice"),
    ] {
        assert_eq!(wrong_lines(found, &listed).join("\n"), expected);
    }
}

//! What a function costs in each language: `select sum(f(x)) from t`, with `f` as x + 1, over 1, 8192 and a million rows.
//!
//! | kind | the function |
//! |---|---|
//! | none | `sum(x)` alone |
//! | rust | a function that a program registers |
//! | sql | `RETURN x + 1` |
//! | vectorized | Python, on Arrow arrays |
//! | pandas | Python, on pandas' series |
//! | rows | Python, a row at a time |
//!
//! Inside the timed region: running a statement that is planned, on one thread, over a table in memory of batches of 8192 rows. Left out: planning,
//! starting workers. Each time has one of "none" beside it, in turns. From the medians of the differences follows the cost model that is printed:
//! seconds = calls · a + rows · b, a call being a batch, fitted by least squares, in which a difference counts as it is sure.
//!
//! After each function that takes a batch at a time come a million rows of it with and without `engine.udf.profile`, in pairs.
//!
//! Python is the one that `DSBENCH_ENGINE_UDF_PYTHON_INTERPRETER` names, or `python3`. Without pyarrow in it its kinds are left out, with a word about
//! it.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use criterion::Criterion;
use datafusion::catalog::MemTable;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};
use dsbench::runner::clock;
use tokio::runtime::Runtime;

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = languages
}

const BATCH_ROWS: i64 = 8192;
const ROWS: [i64; 3] = [1, BATCH_ROWS, 1_000_000];
/// How many pairs say what the profile costs.
const PAIRS: usize = 1000;

/// The kinds in SQL: their names and how the function is made.
const KINDS: [(&str, Option<&str>); 6] = [
    ("none", None),
    ("rust", None),
    ("sql", Some("create function f_sql(x bigint) returns bigint return x + 1")),
    (
        "vectorized",
        Some(
            "create function f_vectorized(x bigint) returns bigint language python_vectorized as \
             'import pyarrow.compute as pc\ndef f_vectorized(x):\n    return pc.add(x, 1)'",
        ),
    ),
    (
        "pandas",
        Some(
            "create function f_pandas(x bigint) returns bigint language python_vectorized as \
             'import pandas as pd\ndef f_pandas(x: pd.Series) -> pd.Series:\n    return x + 1'",
        ),
    ),
    ("rows", Some("create function f_rows(x bigint) returns bigint language python as 'return x + 1'")),
];

fn languages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let engine = runtime.block_on(engine());
    for (kind, definition) in KINDS {
        if let Some(definition) = definition
            && let Err(error) = runtime.block_on(engine.run(definition))
        {
            say(&format!("udf/{kind} is left out: {error}"));
            continue;
        }
        let costs = ROWS.iter().filter_map(|rows| measure(criterion, &runtime, &engine, kind, *rows));
        let costs: Vec<Cost> = costs.collect();
        if kind != "none" && costs.len() == ROWS.len() {
            print_model(kind, &costs);
        }
        if ["rust", "vectorized", "pandas"].contains(&kind) && !costs.is_empty() {
            print_profile(&runtime, &engine, kind);
        }
    }
}

/// Times a statement, and beside it the one without a function, in turns: the seconds between the two, and how sure that is; nothing where nothing is
/// measured.
fn measure(criterion: &mut Criterion, runtime: &Runtime, engine: &Engine, kind: &str, rows: i64) -> Option<Cost> {
    let none = format!("select sum(x) from t{rows}");
    let sql = if kind == "none" { none.clone() } else { format!("select sum(f_{kind}(x)) from t{rows}") };
    let expected = rows * (rows + 1) / 2 + if kind == "none" { 0 } else { rows };
    let mut differences = Vec::new();
    criterion.bench_function(&format!("udf/{kind}/{rows} rows"), |bencher| {
        assert_eq!(run(runtime, engine, &sql).0, expected, "{kind}");
        bencher.iter_custom(|iterations| {
            let times = (0..iterations).map(|_| {
                let (without, with) = (run(runtime, engine, &none).1, run(runtime, engine, &sql).1);
                differences.push(with.as_secs_f64() - without.as_secs_f64());
                with
            });
            times.sum()
        });
    });
    let calls = (rows as f64 / BATCH_ROWS as f64).ceil();
    // Nor is anything that the command line's filter leaves out.
    (!is_test() && !differences.is_empty()).then(|| Cost {
        calls,
        rows: rows as f64,
        seconds: quantile(&mut differences, 0.5),
        error: error(&mut differences),
    })
}

/// What a function costs for so many rows.
struct Cost {
    calls: f64,
    rows: f64,
    seconds: f64,
    /// The standard error of the seconds.
    error: f64,
}

/// The sum, and the time without planning.
fn run(runtime: &Runtime, engine: &Engine, sql: &str) -> (i64, Duration) {
    runtime.block_on(async {
        let plan = engine.plan(sql).await.expect("plans");
        let begun = clock::now();
        let rows = engine.execute(plan).await.expect("runs");
        let time = Duration::from_nanos(clock::now().nanoseconds_since(begun));
        (rows[0].column(0).as_primitive::<Int64Type>().value(0), time)
    })
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * share) as usize).copied().unwrap_or_default()
}

/// The standard error of a median, by way of the quartiles: those of a normal distribution are 1.349 standard deviations apart, and the error of its
/// median is 1.253 times that of its mean.
fn error(values: &mut [f64]) -> f64 {
    let deviation = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.349;
    1.253 * deviation / (values.len() as f64).sqrt()
}

/// What a call and a row cost, each with its standard error.
fn print_model(kind: &str, costs: &[Cost]) {
    let [call, row] = fitted(costs);
    say(&format!(
        "udf/{kind}: {:.1} ± {:.1} µs a call (a batch) and {:.2} ± {:.2} ns a row",
        call[0] * 1e6,
        call[1] * 1e6,
        row[0] * 1e9,
        row[1] * 1e9
    ));
}

/// Least squares of `calls · a + rows · b = seconds`, each divided by the error of its seconds: a and b, with their standard errors.
fn fitted(costs: &[Cost]) -> [[f64; 2]; 2] {
    let sum = |of: &dyn Fn(&Cost) -> f64| costs.iter().map(|cost| of(cost) / cost.error.powi(2)).sum::<f64>();
    let (cc, cr, rr) = (sum(&|c| c.calls * c.calls), sum(&|c| c.calls * c.rows), sum(&|c| c.rows * c.rows));
    let (c, r) = (sum(&|c| c.calls * c.seconds), sum(&|c| c.rows * c.seconds));
    let determinant = cc * rr - cr * cr;
    let [call, row] = [(c * rr - r * cr) / determinant, (r * cc - c * cr) / determinant];
    [[call, (rr / determinant).sqrt()], [row, (cc / determinant).sqrt()]]
}

/// A million rows with the profile over without, in pairs that begin with either in turns.
fn print_profile(runtime: &Runtime, engine: &Engine, kind: &str) {
    let sql = format!("select sum(f_{kind}(x)) from t1000000");

    let time = |is_profiled: bool| {
        runtime.block_on(engine.run(&format!("set engine.udf.profile = {is_profiled}"))).expect("set");
        run(runtime, engine, &sql).1.as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|pair| {
            let first_is_on = pair % 2 == 0;
            let (first, second) = (time(first_is_on), time(!first_is_on));
            if first_is_on { first / second } else { second / first }
        })
        .collect();
    runtime.block_on(engine.run("set engine.udf.profile = false")).expect("set");
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&mut ratios, share));
    let error = error(&mut ratios);
    say(&format!(
        "udf/{kind}: with the profile {middle:.3} ± {error:.3} times as long (quartiles {low:.3} to {high:.3}, {PAIRS} pairs)"
    ));
}

fn is_test() -> bool {
    std::env::args().any(|arg| arg == "--test" || arg == "--list")
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}\n").expect("standard output is open");
}

async fn engine() -> Engine {
    let interpreter = std::env::var("DSBENCH_ENGINE_UDF_PYTHON_INTERPRETER").unwrap_or_else(|_| "python3".to_owned());
    let sets = [
        "engine.udf.python.enabled=true".to_owned(),
        format!("engine.udf.python.interpreter={interpreter}"),
        "datafusion.execution.target_partitions=1".to_owned(),
    ];
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 4 << 30, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    for rows in ROWS {
        let batches = (1..=rows).step_by(BATCH_ROWS as usize).map(|from| {
            let values = Int64Array::from_iter_values(from..=rows.min(from + BATCH_ROWS - 1));
            RecordBatch::try_from_iter([("x", Arc::new(values) as _)]).expect("a batch")
        });
        let batches: Vec<_> = batches.collect();
        let table = MemTable::try_new(batches[0].schema(), vec![batches]).expect("a table");
        engine.register(&format!("t{rows}"), Arc::new(table)).expect("registers");
    }
    engine.register_function(plus_one()).expect("new");
    engine
}

/// `f_rust`.
fn plus_one() -> ScalarUDF {
    let add = |args: &[ColumnarValue]| {
        let values = args[0].to_array(BATCH_ROWS as usize)?;
        let sums: Int64Array = values.as_primitive::<Int64Type>().unary(|value| value + 1);
        Ok(ColumnarValue::Array(Arc::new(sums)))
    };
    create_udf("f_rust", vec![DataType::Int64], DataType::Int64, Volatility::Immutable, Arc::new(add))
}

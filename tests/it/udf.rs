//! Functions in Python that many statements of one engine call at the same time. It needs a Python, and so `scripts/test-udf` runs it.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};

const FUNCTIONS: [&str; 3] = [
    "create function f(x bigint, n bigint) returns bigint language python as 'return x * n'",
    "create function g(x bigint) returns bigint language python_vectorized as \
     'import pyarrow.compute as pc\ndef g(x):\n    return pc.add(x, 1)'",
    "create function ends(x bigint) returns bigint language python as '
import os
return os._exit(3) if x == 9999 else x
'",
];

async fn engine() -> Engine {
    let interpreter = std::env::var("DSBENCH_ENGINE_UDF_PYTHON_INTERPRETER").expect("it names a Python with pyarrow");
    let sets = [
        "engine.udf.python.enabled=true".to_owned(),
        format!("engine.udf.python.interpreter={interpreter}"),
        "engine.udf.profile=true".to_owned(),
    ];
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    for function in FUNCTIONS {
        engine.run(function).await.unwrap_or_else(|error| panic!("{function}: {error}"));
    }
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Python with pyarrow; scripts/test-udf runs it"]
async fn ten_statements_of_one_engine_call_at_the_same_time() {
    let engine = Arc::new(engine().await);
    let statements = (1..=10_i64).map(|n| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            // The third and the seventh end a worker in the middle, which is their error alone.
            let inner = if n % 4 == 3 { "ends(value)" } else { "g(value)" };
            let sql = format!("select sum(f({inner}, {n})) from generate_series(1, 20000)");
            let rows = engine.run(&sql).await;
            (n, rows.map(|rows| rows[0].column(0).as_primitive::<Int64Type>().value(0)))
        })
    });
    let mut failed = Vec::new();
    for statement in statements.collect::<Vec<_>>() {
        match statement.await.expect("no panic") {
            (n, Ok(sum)) => assert_eq!(sum, n * (20_000 * 20_001 / 2 + 20_000)),
            (n, Err(error)) => {
                assert!(error.to_string().contains("ended with exit code 3"), "{n}: {error}");
                failed.push(n);
            }
        }
    }
    assert_eq!(failed, [3, 7]);
    let profiles = engine.udf_profiles();
    let rows = |function: &str| -> u64 {
        profiles.iter().filter(|profile| profile.function == function).map(|profile| profile.rows).sum()
    };
    assert_eq!(rows("g"), 8 * 20_000, "{profiles:?}");
    let errors: u64 = profiles.iter().map(|profile| profile.errors).sum();
    assert!(errors >= 2, "{profiles:?}");
}

/// A definition that is given up is given up at once, even in the middle of its code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Python with pyarrow; scripts/test-udf runs it"]
async fn a_definition_can_be_given_up() {
    let engine = engine().await;
    let endless = "create function h(x int) returns int language python as 'while True: pass\ndef h(x): return x'";
    let limit = std::time::Duration::from_secs(2);
    assert!(tokio::time::timeout(limit, engine.run(endless)).await.is_err(), "it never ends");
    // Its worker is gone: there are as many as before for others.
    let rows = engine.run("select g(1)").await.expect("runs");
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 2);
}

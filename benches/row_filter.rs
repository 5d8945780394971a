//! A filter in a scan against the same filter above it, over the share of rows that pass and the length of the runs in which they
//! stand: where one crosses the other is what the constants of `src/engine/optimizer/physical/row_filter_cost.rs` stand on. Once it is a
//! condition, and once what a join finds of its build side, which the join does again.
//!
//! Inside the timed region: planning and running `select sum(…) from t where key < …`, or `from t join keys … where number < …`, over a Parquet
//! file of a million rows in the page cache, on one thread. Left out: writing the file, registering it. Ids read
//! `row filter/RUN rows/SHARE/COLUMNS/SIDE` and `row filter of a join/…`.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use criterion::Criterion;
use datafusion::parquet::arrow::ArrowWriter;
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = row_filter
}

const ROWS: u64 = 1 << 20;
const RUNS: [u64; 4] = [1, 16, 256, 65_536];
const PER_MILLE: [u64; 6] = [1, 10, 50, 200, 500, 900];
const COLUMNS: [(&str, &str); 2] = [("one column", "sum(a)"), ("four columns", "sum(a), sum(b), sum(d), min(s)")];

/// A statement by what it selects, the length of runs, and the share of the rows that pass in per mille.
type Statement = fn(&str, u64, u64) -> String;

fn row_filter(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let file = write();
    let kinds: [(&str, Statement); 2] = [
        ("row filter", |selected, run, per_mille| format!("select {selected} from t where k{run} < {per_mille}")),
        ("row filter of a join", |selected, run, per_mille| {
            format!("select {selected} from t join keys on k{run} = key where number < {per_mille}")
        }),
    ];
    for ((kind, sql), run) in kinds.into_iter().flat_map(|kind| RUNS.map(|run| (kind, run))) {
        let mut group = criterion.benchmark_group(format!("{kind}/{run} rows"));
        for per_mille in PER_MILLE {
            for (columns, selected) in COLUMNS {
                let sql = sql(selected, run, per_mille);
                for side in ["on", "off", "auto"] {
                    let engine = runtime.block_on(engine(side, &file));
                    group.bench_function(format!("{per_mille}‰/{columns}/{side}"), |bencher| {
                        bencher.iter(|| runtime.block_on(engine.run(&sql)).expect("runs"));
                    });
                }
            }
        }
        group.finish();
    }
}

async fn engine(filter: &str, file: &str) -> Engine {
    let sets = [format!("engine.pushdown.filter={filter}"), "datafusion.execution.target_partitions=1".to_owned()];
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 4 << 30, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    engine.run(&format!("create external table t stored as parquet location '{file}'")).await.expect("registered");
    // The keys in another order, so that the least and the greatest of a few say nothing.
    let keys = "create table keys as select value as key, value * 617 % 1000 as number from generate_series(0, 999)";
    engine.run(keys).await.expect("made");
    engine
}

/// Keys from 0 to 999 that stay for runs of so many rows, and what is behind them.
fn write() -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-row-filter.parquet");
    let spread = |row: u64, salt: u64, values: u64| {
        (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ salt).rotate_left(23) % values
    };
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for run in RUNS {
        let keys = (0..ROWS).map(|row| spread(row / run, run, 1000) as i32);
        columns.push((format!("k{run}"), Arc::new(Int32Array::from_iter_values(keys))));
    }
    let whole = |salt: u64, values: u64| (0..ROWS).map(move |row| spread(row, salt << 8, values) as i64);
    columns.push(("a".to_owned(), Arc::new(Int64Array::from_iter_values(whole(3, 1000)))));
    columns.push(("b".to_owned(), Arc::new(Int64Array::from_iter_values(whole(5, 100_000)))));
    let prices = Decimal128Array::from_iter_values(whole(7, 20_000).map(i128::from));
    columns.push(("d".to_owned(), Arc::new(prices.with_precision_and_scale(7, 2).expect("they fit"))));
    let texts = whole(9, 1000).map(|number| format!("a text of some length, number {number}"));
    columns.push(("s".to_owned(), Arc::new(StringArray::from_iter_values(texts))));
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let target = std::fs::File::create(&file).expect("a file");
    let mut writer = ArrowWriter::try_new(target, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    file.to_str().expect("UTF-8").to_owned()
}

//! Plans over small files, run and looked at.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::ParquetReadOptions;

use super::*;
use crate::engine::{Engine, EngineLimits, Profile, Settings};

/// 4000 rows in row groups of 1000 and pages of 100, in the order of `id`; `other` is small, `word` is large.
fn write_table(folder: &Path, prefix: &str, rows: i64) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let others: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|id| id % 7)));
    let words = (0..rows).map(|id| format!("{prefix} {id} {}", id.wrapping_mul(7_919_777_777)));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values(words));
    let names = ["id", "other", "word"].map(|name| format!("{prefix}_{name}"));
    let columns = names.iter().map(String::as_str).zip([ids, others, words]);
    let batch = RecordBatch::try_from_iter(columns).expect("columns fit");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .build();
    let file = std::fs::File::create(folder.join(format!("{prefix}.parquet"))).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

async fn engine(folder: &Path, sets: &[&str], memory_bytes: u64) -> Engine {
    let sets: Vec<_> = sets.iter().map(|set| (*set).to_owned()).collect();
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    for table in ["a", "b"] {
        let file = folder.join(format!("{table}.parquet"));
        if file.exists() {
            let file = file.to_str().expect("UTF-8");
            engine.context().register_parquet(table, file, ParquetReadOptions::default()).await.expect("registers");
        }
    }
    engine
}

/// A folder with the tables `a` of 4000 rows and `b` of 40 000.
fn tables() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_table(folder.path(), "a", 4_000);
    write_table(folder.path(), "b", 40_000);
    folder
}

/// Two partitions, however many processors there are.
const TWO: &str = "datafusion.execution.target_partitions=2";

async fn run(engine: &Engine, sql: &str) -> (Vec<RecordBatch>, PlanTrace, SpanUsage) {
    let span = engine.start_span().expect("recording is on");
    let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let (plan, tracer) = engine.trace(plan).expect("can be watched");
    let rows = engine.execute(plan).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    (rows, tracer.expect("recording is on").trace(), span.finish())
}

async fn fingerprint(engine: &Engine, sql: &str) -> String {
    engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).fingerprint()
}

const JOIN: &str = "select a_other, count(*) n, max(b_word) w from a join b on a_id = b_id where a_other < 5 \
     group by a_other order by n desc, a_other";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operator_has_a_row_with_its_rows_and_time() {
    let folder = tables();
    let engine = engine(folder.path(), &[TWO, "datafusion.execution.parquet.pushdown_filters=false"], 1 << 30).await;
    let shown = engine.plan(JOIN).await.expect("plans").display();
    let (_, trace, _) = run(&engine, JOIN).await;
    assert_eq!(trace.fingerprint, engine.plan(JOIN).await.expect("plans").fingerprint());
    assert_eq!(trace.operators.len(), shown.lines().count(), "{shown}\n{trace:#?}");
    for (operator, line) in trace.operators.iter().zip(shown.lines()) {
        assert_eq!(operator.depth * 2, line.len() - line.trim_start().len(), "{line}");
        let name = operator.name.split('(').next().unwrap_or_default();
        assert!(line.trim_start().starts_with(name), "{line} is not {operator:?}");
    }
    assert_eq!(trace.operators[0].output_rows, 5, "{trace:#?}");
    let scans = trace.scans();
    assert_eq!((scans.rows_in, scans.rows_out), (scans.rows_out, scans.rows_out), "there are no row filters");
    use OperatorKind::{Aggregate, Filter, Join, Scan, Sort};
    for kind in [Scan, Filter, Join, Aggregate, Sort] {
        assert!(trace.operator_ns(kind) > 0, "{kind}: {trace:#?}");
    }
    let join = trace.operators.iter().find(|operator| operator.kind == Join).expect("a join");
    let matches = (0..4_000).filter(|id| id % 7 < 5).count() as u64;
    assert_eq!(join.output_rows, matches);
    assert_eq!(trace.operator_ns(OperatorKind::Window), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_changes_no_rows() {
    let folder = tables();
    let watched = engine(folder.path(), &[TWO], 1 << 30).await;
    let bare = engine(folder.path(), &[TWO, "engine.trace.enabled=false"], 1 << 30).await;
    assert!(bare.start_span().is_none());
    let (_, tracer) = bare.trace(bare.plan(JOIN).await.expect("plans")).expect("passes");
    assert!(tracer.is_none());
    for sql in [
        JOIN,
        "select * from a where a_id > (select avg(b_id) from b) / 10 order by a_id limit 3",
        "select count(*) from a, b where a_other < b_other and a_id < 50 and b_id < 50",
        "select a_id from a union all select b_id from b order by 1 limit 7",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 9) select sum(n) from t",
        "select a_id, sum(a_other) over (partition by a_other order by a_id) s from a order by a_id limit 9",
        "select * from a where 1 = 0",
    ] {
        let (rows, trace, _) = run(&watched, sql).await;
        assert_eq!(rows, bare.run(sql).await.expect(sql), "{sql}");
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(trace.operators[0].output_rows, count as u64, "{sql}: {trace:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subqueries_are_in_the_trace() {
    let folder = tables();
    let engine = engine(folder.path(), &[TWO], 1 << 30).await;
    let (_, trace, _) = run(&engine, "select count(*) from a where a_id > (select avg(b_id) from b) / 10").await;
    let scans = trace.operators.iter().filter(|operator| operator.kind == OperatorKind::Scan);
    assert_eq!(scans.count(), 2, "{trace:#?}");
    assert!(trace.scans().rows_out >= 40_000, "{trace:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_out_is_counted() {
    let folder = tables();
    let pushdown = "datafusion.execution.parquet.pushdown_filters=true";
    let engine = engine(folder.path(), &[TWO, pushdown], 1 << 30).await;
    let (_, all, _) = run(&engine, "select a_other from a").await;
    assert_eq!((all.scans().row_groups_total, all.scans().row_groups_pruned), (4, 0), "{all:#?}");
    assert_eq!((all.scans().rows_in, all.scans().rows_out), (4000, 4000));
    let (_, few, _) = run(&engine, "select a_other from a where a_id between 1230 and 1239").await;
    let scans = few.scans();
    assert_eq!((scans.row_groups_total, scans.row_groups_pruned), (4, 3), "{few:#?}");
    assert_eq!((scans.pages_total, scans.pages_pruned), (10, 9), "{few:#?}");
    assert_eq!((scans.rows_in, scans.rows_out), (100, 10), "one page of 100 rows is decoded: {few:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_reads_are_counted() {
    let folder = tables();
    let engine = engine(folder.path(), &[TWO], 1 << 30).await;
    let (narrow, wide) = ("select sum(a_other) from a", "select sum(a_other), sum(length(a_word)), sum(a_id) from a");
    // Footers and samples are in the caches from now on.
    run(&engine, narrow).await;
    run(&engine, wide).await;
    let (_, narrow, narrow_usage) = run(&engine, narrow).await;
    let (_, wide, wide_usage) = run(&engine, wide).await;
    assert!(narrow_usage.bytes_read * 5 < wide_usage.bytes_read, "{narrow_usage:?} {wide_usage:?}");
    for (trace, usage) in [(narrow, narrow_usage), (wide, wide_usage)] {
        assert!(usage.read_requests > 0 && usage.bytes_read >= trace.scans().scanned_bytes, "{usage:?} {trace:#?}");
        let file = std::fs::metadata(folder.path().join("a.parquet")).expect("there").len();
        assert!(usage.bytes_read <= file, "{usage:?} of {file}");
    }
    let (_, _, nothing) = run(&engine, "select 1").await;
    assert_eq!((nothing.bytes_read, nothing.read_requests), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_spilling_are_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = "select max(r) from (select value, row_number() over (order by value % 1000, value) r from generate_series(1, 3000000))";
    let roomy = engine(folder.path(), &[TWO], 1 << 30).await;
    let (_, trace, usage) = run(&roomy, sql).await;
    assert_eq!(trace.spilled_bytes(), 0, "{trace:#?}");
    assert!(usage.peak_pool_bytes > 3_000_000 * 8, "{usage:?}");
    let (_, _, small) = run(&roomy, "select 1").await;
    assert!(small.peak_pool_bytes < 1 << 20, "each span begins anew: {small:?}");
    let tight = engine(folder.path(), &[TWO], 24 << 20).await;
    let (_, trace, usage) = run(&tight, sql).await;
    assert!(trace.spilled_bytes() > 3_000_000 * 8, "{trace:#?}");
    assert!(usage.peak_pool_bytes <= 24 << 20, "{usage:?}");
}

/// Filters that a join makes of its build side reach the scan of the other side, also through an exchange.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_become_known_on_the_way_work_under_watch() {
    let folder = tables();
    let sql = "select count(*) from a join b on a_id = b_id where a_word like 'a 17 %'";
    let mut scanned = Vec::new();
    for join_filters in ["true", "false"] {
        for collect_rows in ["0", "1000000"] {
            let filters = format!("datafusion.optimizer.enable_join_dynamic_filter_pushdown={join_filters}");
            let pushdown = "datafusion.execution.parquet.pushdown_filters=true";
            let rows = format!("datafusion.optimizer.hash_join_single_partition_threshold_rows={collect_rows}");
            let bytes = format!("datafusion.optimizer.hash_join_single_partition_threshold={collect_rows}");
            let engine = engine(folder.path(), &[TWO, pushdown, &filters, &rows, &bytes], 1 << 30).await;
            let (_, trace, _) = run(&engine, sql).await;
            scanned.push(trace.scans().rows_out);
        }
    }
    assert_eq!(scanned, [2, 2, 40_001, 40_001], "one row of each table with filters, all of the larger one without");
}

/// Memory for the build side of a join is given back when the join is done, not when somebody has looked at the trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracer_keeps_no_memory() {
    let folder = tables();
    let engine = engine(folder.path(), &[TWO], 1 << 30).await;
    let plan = engine.plan(JOIN).await.expect("plans");
    let (plan, tracer) = engine.trace(plan).expect("can be watched");
    let reserved = || engine.context().runtime_env().memory_pool.reserved();
    engine.execute(plan).await.expect("runs");
    // Tasks end a moment after their rows have been read.
    for _ in 0..200 {
        if reserved() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    assert_eq!(reserved(), 0);
    assert!(tracer.expect("recording is on").trace().operator_ns(OperatorKind::Join) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fingerprints_are_the_plans_own() {
    let (one, two) = (tables(), tables());
    // The same rows, but in another folder, with other row groups.
    let here = engine(one.path(), &[TWO], 1 << 30).await;
    let there = engine(two.path(), &[TWO], 1 << 30).await;
    let of_join = fingerprint(&here, JOIN).await;
    assert_eq!(of_join.len(), 16);
    assert_eq!(of_join, fingerprint(&here, JOIN).await, "planned again");
    assert_eq!(of_join, fingerprint(&there, JOIN).await, "data elsewhere");
    here.run(JOIN).await.expect("runs");
    assert_eq!(of_join, fingerprint(&here, JOIN).await, "after a run");
    let correlated = "select a_id from a where a_other = (select min(b_other) from b where b_id = a_id)";
    assert_eq!(fingerprint(&here, correlated).await, fingerprint(&there, correlated).await);

    let other_engines =
        ["datafusion.optimizer.prefer_hash_join=false", "datafusion.execution.parquet.pushdown_filters=true"];
    for set in other_engines {
        let engine = engine(one.path(), &[TWO, set], 1 << 30).await;
        assert_ne!(of_join, fingerprint(&engine, JOIN).await, "{set}");
    }
    for (from, to) in
        [("a_other < 5", "a_other < 4"), ("a join b", "a left join b"), ("max(b_word)", "min(b_word)"), ("n desc", "n")]
    {
        assert_ne!(of_join, fingerprint(&here, &JOIN.replace(from, to)).await, "{from} -> {to}");
    }
    let no_statistics = "datafusion.execution.collect_statistics=false";
    let blind = engine(one.path(), &[TWO, no_statistics, "datafusion.optimizer.join_reordering=false"], 1 << 30).await;
    let (first, second) = (JOIN, JOIN.replace("a join b", "b join a"));
    assert_ne!(fingerprint(&blind, first).await, fingerprint(&blind, &second).await, "join order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fingerprint_names_no_place_and_no_partition_count() {
    let folder = tables();
    let engine = engine(folder.path(), &["datafusion.execution.target_partitions=13"], 1 << 30).await;
    let plan = engine.plan(JOIN).await.expect("plans");
    let text = plan.normalized();
    assert!(text.contains("scan of (a_id, a_other, a_word)") && text.contains("exchange by hash of"), "{text}");
    for absent in ["parquet:", "file_groups={1", "13", folder.path().to_str().expect("UTF-8")] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
}

//! What each setting saves, measured on a small file, and what the rules must not change.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::source::DataSourceExec;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

use crate::engine::test_support::engine;
use crate::engine::{Engine, Profile, cancellation};
use crate::suite::{Substitution, Suite};
use crate::tables::{DataSet, DataUrl, Expectation};

const ROWS: i64 = 40_000;
const ROWS_IN_GROUP: usize = 10_000;

/// Four row groups with pages of 1000 rows: `id` ascends; `shuffled` has the same values, spread over all row groups; `even` is
/// twice `shuffled`, with a bloom filter; `bucket` has 100 values; `text` is wide.
fn write_table(file: &Path) {
    let shuffled = || (0..ROWS).map(|id| id * 7919 % ROWS);
    let text = shuffled().map(|n| format!("{:016x}{:016x}", n * 2_654_435_761, n * n));
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("shuffled", Arc::new(Int64Array::from_iter_values(shuffled()))),
        ("even", Arc::new(Int64Array::from_iter_values(shuffled().map(|n| 2 * n)))),
        ("bucket", Arc::new(Int64Array::from_iter_values(shuffled().map(|n| n % 100)))),
        ("text", Arc::new(StringArray::from_iter_values(text))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(ROWS_IN_GROUP))
        .set_write_batch_size(1000)
        .set_data_page_row_count_limit(1000)
        .set_column_bloom_filter_enabled(ColumnPath::from("even"), true)
        .build();
    let file = File::create(file).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

/// A table in a file, and engines over it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_table(&folder.path().join("t.parquet"));
        Self { folder }
    }

    async fn engine(&self, partitions: usize, sets: &[&str]) -> Engine {
        let partitions = format!("datafusion.execution.target_partitions={partitions}");
        let engine = engine("datafusion", &[&[partitions.as_str()], sets].concat()).await;
        let file = self.folder.path().join("t.parquet");
        let file = file.to_str().expect("UTF-8");
        engine.context().register_parquet("t", file, ParquetReadOptions::default()).await.expect("registered");
        engine
    }
}

fn visit(node: &Arc<dyn ExecutionPlan>, see: &mut impl FnMut(&Arc<dyn ExecutionPlan>)) {
    see(node);
    for child in node.children() {
        visit(child, see);
    }
}

fn scans(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let mut scans = Vec::new();
    visit(plan, &mut |node| {
        if node.is::<DataSourceExec>() {
            scans.push(Arc::clone(node));
        }
    });
    scans
}

fn metric(node: &Arc<dyn ExecutionPlan>, name: &str) -> usize {
    node.metrics().and_then(|metrics| metrics.sum_by_name(name)).map_or(0, |value| value.as_usize())
}

/// What a statement came to.
#[derive(Debug, PartialEq, Eq)]
struct Measured {
    rows: String,
    scan_row_count: usize,
    scan_bytes: usize,
}

async fn measure(engine: &Engine, sql: &str) -> Measured {
    let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let operators = Arc::clone(plan.physical());
    let batches = engine.execute(plan).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let scans = scans(&operators);
    Measured {
        rows: pretty_format_batches(&batches).expect("a table").to_string(),
        scan_row_count: scans.iter().filter_map(|scan| scan.metrics()?.output_rows()).sum(),
        scan_bytes: scans.iter().map(|scan| metric(scan, "bytes_scanned")).sum(),
    }
}

/// Runs a statement with a setting on and off, from the start and by `SET`: the same rows come out, while the scan gives so many
/// rows and reads fewer bytes (or as many, where bytes are not what the setting saves).
async fn check(key: &str, sql: &str, scan_row_counts: [usize; 2], saves_bytes: bool) {
    let bench = Bench::new();
    let engine = bench.engine(1, &[&format!("{key}=true")]).await;
    let on = measure(&engine, sql).await;
    let off = measure(&bench.engine(1, &[&format!("{key}=false")]).await, sql).await;
    assert_eq!(on.rows, off.rows, "{key}: {sql}");
    assert_eq!([on.scan_row_count, off.scan_row_count], scan_row_counts, "{key}: {sql}\n{on:?}\n{off:?}");
    assert_eq!(on.scan_bytes < off.scan_bytes, saves_bytes, "{key}: {sql}\n{on:?}\n{off:?}");
    for (value, expected) in [("false", &off), ("true", &on)] {
        engine.run(&format!("SET {key} = {value}")).await.expect("set");
        assert_eq!(measure(&engine, sql).await, *expected, "{key} = {value} by SET: {sql}");
    }
}

#[tokio::test]
async fn projection_reads_fewer_bytes() {
    check("engine.pushdown.projection", "select sum(id % 7), count(*) from t", [40_000, 40_000], true).await;
    // Pages are left out as before: the filter is still the scan's.
    let filtered = "select count(*), bucket from t where even < 50 group by bucket order by 2";
    check("engine.pushdown.projection", filtered, [25_000, 25_000], true).await;
}

#[tokio::test]
async fn columns_that_are_folders_stay_where_they_were() {
    let bench = Bench::new();
    for day in 1..=3 {
        let folder = bench.folder.path().join(format!("days/day={day}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        write_table(&folder.join("part.parquet"));
    }
    let mut results = Vec::new();
    for projection in ["true", "false"] {
        let engine = bench.engine(2, &[&format!("engine.pushdown.projection={projection}")]).await;
        let days = bench.folder.path().join("days");
        let options = ParquetReadOptions::default().table_partition_cols(vec![("day".to_owned(), DataType::Int32)]);
        engine.context().register_parquet("d", days.to_str().expect("UTF-8"), options).await.expect("registered");
        for sql in [
            "select day, count(*), max(text), min(id) from d where day > 1 and bucket = 3 group by day order by day",
            "select a.day, sum(b.id) from d a join t b on a.even = b.id and a.day = 2 group by 1",
            "select count(*) from d",
        ] {
            results.push((sql, measure(&engine, sql).await.rows));
        }
    }
    let (on, off) = results.split_at(results.len() / 2);
    assert_eq!(on, off);
}

#[tokio::test]
async fn filter_gives_fewer_rows() {
    check("engine.pushdown.filter", "select sum(id % 7) from t where bucket = 3", [400, 40_000], false).await;
}

#[tokio::test]
async fn limit_gives_fewer_rows() {
    check("engine.pushdown.limit", "select id, text from t limit 10", [10, 8192], true).await;
    check("engine.pushdown.limit", "select id, text from t limit 3 offset 7", [10, 8192], true).await;
}

#[tokio::test]
async fn aggregate_needs_no_scan() {
    check("engine.pushdown.aggregate", "select count(*), min(id), max(shuffled) from t", [0, 40_000], true).await;
}

#[tokio::test]
async fn topk_reads_fewer_row_groups() {
    check("engine.pushdown.topk", "select id, text from t order by id desc limit 5", [10_000, 40_000], true).await;
}

#[tokio::test]
async fn bloom_filter_reads_no_row_group() {
    check("engine.pushdown.bloom_filter", "select count(text) from t where even = 12345", [0, 40_000], true).await;
}

/// What is decided while a statement runs, in the order of [`ADAPTIVE`].
async fn adaptive(engine: &Engine) -> [bool; 5] {
    let shows_filter = async |sql: &str| engine.plan(sql).await.expect("plans").display().contains("DynamicFilter");
    let groups = engine.plan("select id, count(*) from t group by id").await.expect("plans");
    let operators = Arc::clone(groups.physical());
    engine.execute(groups).await.expect("runs");
    let mut skipped_row_count = 0;
    visit(&operators, &mut |node| {
        if node.is::<AggregateExec>() {
            skipped_row_count += metric(node, "skipped_aggregation_rows");
        }
    });
    let state = engine.context().state();
    let shares_work = |scan: &Arc<dyn ExecutionPlan>| {
        let scan = scan.downcast_ref::<DataSourceExec>().expect("a scan");
        scan.data_source().create_sibling_state(state.config_options()).is_some()
    };
    [
        shows_filter("select count(*) from t a join t b on a.id = b.shuffled where b.bucket = 3").await,
        shows_filter("select id from t order by id limit 5").await,
        shows_filter("select min(shuffled) from t where bucket < 50").await,
        skipped_row_count > 0,
        scans(&operators).iter().all(shares_work),
    ]
}

const ADAPTIVE: [&str; 5] =
    ["join_filters", "topk_filters", "aggregate_filters", "skip_partial_aggregation", "work_stealing"];

#[tokio::test]
async fn adaptive_off_means_none_of_it_but_what_is_named() {
    let bench = Bench::new();
    let probe = "datafusion.execution.skip_partial_aggregation_probe_rows_threshold=1000";
    let off = "engine.adaptive.enabled=false";
    assert_eq!(adaptive(&bench.engine(2, &[probe]).await).await, [true; 5]);
    let engine = bench.engine(2, &[probe, off]).await;
    assert_eq!(adaptive(&engine).await, [false; 5]);
    engine.run("SET engine.adaptive.enabled = true").await.expect("set");
    assert_eq!(adaptive(&engine).await, [true; 5], "by SET");
    for (place, name) in ADAPTIVE.iter().enumerate() {
        let only = std::array::from_fn(|i| i == place);
        let named = format!("engine.adaptive.{name}=true");
        assert_eq!(adaptive(&bench.engine(2, &[probe, &named, off]).await).await, only, "{name} alone");
        let named = format!("engine.adaptive.{name}=false");
        assert_eq!(
            adaptive(&bench.engine(2, &[probe, &named]).await).await,
            only.map(|on: bool| !on),
            "all but {name}"
        );
    }
}

/// The suite's statements with the qualification values.
fn statements() -> Vec<(String, String)> {
    let suite = Suite::built_in().expect("the suite");
    let defaults = Substitution::defaults(&suite.domains);
    let text = |statement: &crate::suite::Statement| {
        (statement.name.to_string(), statement.render(&defaults).expect("renders"))
    };
    suite.statements().map(text).collect()
}

/// Runs on a thread with a stack for deep plans, as the program has them.
fn on_a_large_stack<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(16 << 20).build();
        runtime.expect("threads").block_on(work());
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(run).expect("a thread");
    thread.join().expect("it ends well");
}

async fn open(data: &Path, engine: &Engine) {
    let url = DataUrl::from_path(data).expect("a path");
    let data = DataSet::open(url, &Expectation::default()).await.expect("opens");
    data.register(engine).expect("registers");
}

/// How plain DataFusion plans over an engine's tables.
async fn plain_plan(plain: &SessionContext, sql: &str) -> String {
    let frame = plain.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let plan = frame.create_physical_plan().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let plan = cancellation::with_places_to_yield(plan).expect("wraps");
    displayable(plan.as_ref()).indent(true).to_string()
}

#[test]
fn built_in_profiles_plan_the_suite_as_datafusion_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    let data = folder.path().to_owned();
    on_a_large_stack(move || async move {
        for profile in Profile::built_in_names() {
            // What Spark's semantics change is what the tests of `engine::ansi` look at.
            let engine = engine(profile, &DATAFUSION_PLANS).await;
            open(&data, &engine).await;
            let config = match profile {
                "datafusion" => SessionConfig::new().with_information_schema(true),
                _ => SessionConfig::from(engine.settings().config_options().clone()),
            };
            let plain = SessionContext::new_with_config(config);
            for table in
                engine.context().catalog("datafusion").and_then(|c| c.schema("public")).expect("a schema").table_names()
            {
                let provider = engine.context().table_provider(table.as_str()).await.expect("a table");
                plain.register_table(table.as_str(), provider).expect("registered");
            }
            for (name, sql) in statements() {
                let ours = engine.plan(&sql).await.unwrap_or_else(|error| panic!("{name}: {error}")).display();
                assert_eq!(ours, plain_plan(&plain, &sql).await, "{name}, profile {profile}");
            }
        }
        let off = engine("default", &EVERYTHING_OFF).await;
        open(&data, &off).await;
        for (name, sql) in statements() {
            let plan = off.plan(&sql).await.unwrap_or_else(|error| panic!("{name}: {error}")).display();
            let limited: Vec<_> =
                plan.lines().filter(|l| l.contains("DataSourceExec") && l.contains("limit=")).collect();
            assert!(limited.is_empty() && !plan.contains("DynamicFilter"), "{name}: {limited:?}\n{plan}");
        }
    });
}

/// What changes plans although it is on in a profile.
const DATAFUSION_PLANS: [&str; 6] = [
    "engine.sql.semantics=datafusion",
    "engine.pushdown.filter=on",
    "engine.optimizer.join_order=false",
    "engine.optimizer.split_scans=false",
    "engine.optimizer.defer_probe_sides=false",
    "datafusion.optimizer.use_statistics_registry=false",
];

const EVERYTHING_OFF: [&str; 8] = [
    "engine.adaptive.enabled=false",
    "engine.pushdown.aggregate=false",
    "engine.pushdown.bloom_filter=false",
    "engine.pushdown.filter=false",
    "engine.pushdown.limit=false",
    "engine.pushdown.partition=false",
    "engine.pushdown.projection=false",
    "engine.pushdown.topk=false",
];

#[tokio::test]
async fn rules_show_in_the_plan_only_when_off() {
    let bench = Bench::new();
    let sql = "select text from t limit 4";
    let on = bench.engine(1, &[]).await.plan(sql).await.expect("plans").display();
    let off = bench.engine(1, &["engine.pushdown.projection=false", "engine.pushdown.limit=false"]).await;
    let off = off.plan(sql).await.expect("plans").display();
    let operators = |plan: &str| {
        let mut names = String::new();
        for line in plan.lines() {
            let end = line.find([':', ',']).unwrap_or(line.len());
            writeln!(names, "{}", &line[..end]).expect("writes");
        }
        names
    };
    expect_test::expect![[r#"
        DataSourceExec
    "#]]
    .assert_eq(&operators(&on));
    expect_test::expect![[r#"
        ProjectionExec
          LocalLimitExec
            DataSourceExec
    "#]]
    .assert_eq(&operators(&off));
}

#[tokio::test]
async fn explain_verbose_names_the_same_rules_of_datafusion() {
    let bench = Bench::new();
    let engine = bench.engine(1, &[]).await;
    let rules = async |context: &SessionContext| {
        let batches =
            context.sql("explain verbose select count(*) from t").await.expect("plans").collect().await.expect("runs");
        let mut names = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                let name =
                    datafusion::arrow::util::display::array_value_to_string(batch.column(0), row).expect("a text");
                names.push(name);
            }
        }
        names
    };
    let ours = rules(engine.context()).await;
    let plain = SessionContext::new();
    plain.register_table("t", engine.context().table_provider("t").await.expect("a table")).expect("registered");
    let own = |name: &String| {
        let own = [
            "carry_group_columns",
            "eliminate_distinct",
            "eliminate_join_by_key",
            "keep_limits_off_scans",
            "KeepLimitsOffScans",
            "ReadAllColumns",
            "FollowScanSettings",
            "OrderJoins",
            "ChooseRowFilters",
            "SplitScans",
            "DeferProbeSides",
            "user_functions",
            "time_functions",
            "spark_semantics",
            "fallible_last",
        ];
        own.iter().any(|own| name.contains(own))
    };
    let others: Vec<_> = ours.into_iter().filter(|name| !own(name)).collect();
    assert_eq!(others, rules(&plain).await);
}

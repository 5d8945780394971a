//! The layouts of data: the same answers from each, what can be skipped, what is refused, `dsbench layout`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use expect_test::{Expect, expect};

use crate::support::{command, expect_code, json, path, scratch, tiny_copy, tiny_data};

/// The fact tables and their date keys.
const FACTS: [(&str, &str); 7] = [
    ("catalog_returns", "cr_returned_date_sk"),
    ("catalog_sales", "cs_sold_date_sk"),
    ("inventory", "inv_date_sk"),
    ("store_returns", "sr_returned_date_sk"),
    ("store_sales", "ss_sold_date_sk"),
    ("web_returns", "wr_returned_date_sk"),
    ("web_sales", "ws_sold_date_sk"),
];

fn made(name: &str, options: &[&str]) -> PathBuf {
    let folder = scratch().join(format!("sf0.01-{name}"));
    expect_code(0, &[&["generate", "--scale", "0.01", "--out", path(&folder)], options].concat());
    folder
}

fn sorted() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| made("sorted", &["--sort-by-date", "--row-group-rows", "10000"]))
}

fn sorted_parts() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    let options =
        ["--sort-by-date", "--row-group-rows", "10000", "--parts", "3", "--bloom-filter", "ss_item_sk,i_item_id"];
    DATA.get_or_init(|| made("sorted-parts", &options))
}

fn partitioned() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| made("partitioned", &["--partitioned"]))
}

/// All layouts that the program makes, and copies as other programs make them.
fn layouts() -> Vec<&'static Path> {
    vec![Path::new(tiny_data()), sorted(), sorted_parts(), partitioned(), foreign()]
}

/// A copy as Spark and DuckDB leave it: their names of files, marks and check sums beside them, no manifest, and the date
/// key last where files have it.
///
/// - four tables partitioned by Spark, the key in the folder's name alone;
/// - `inventory` partitioned by DuckDB, the key in the files too, and in 64 bits;
/// - two tables in one file that Spark wrote of its own partitioned ones: the key is the last column.
fn foreign() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = scratch().join("sf0.01-foreign");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("a folder");
        for entry in fs::read_dir(tiny_data()).expect("the data") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_fact = FACTS.iter().any(|(table, _)| name == format!("{table}.parquet"));
            if name.ends_with(".parquet") && !is_fact {
                fs::copy(entry.path(), folder.join(name)).expect("copied");
            }
        }
        for (table, key) in FACTS {
            match table {
                "inventory" => write_as_duckdb(&folder, table, key),
                "store_returns" | "web_returns" => write_key_last(&folder, table, key),
                _ => link_as_spark(&folder, table),
            }
        }
        folder
    })
}

fn link_as_spark(folder: &Path, table: &str) {
    let marks = folder.join(table);
    fs::create_dir_all(marks.join("_temporary/0")).expect("a folder");
    fs::write(marks.join("_SUCCESS"), "").expect("written");
    fs::write(marks.join("_temporary/0/part-00000.snappy.parquet"), "half").expect("written");
    for (index, entry) in fs::read_dir(partitioned().join(table)).expect("partitions").enumerate() {
        let partition = entry.expect("an entry");
        let target = marks.join(partition.file_name());
        fs::create_dir(&target).expect("a folder");
        let name = format!("part-{index:05}-0a1b2c3d-0000-4000-8000-000000000000.c000.snappy.parquet");
        let source = partition.path().join(format!("{table}-00001.parquet"));
        fs::hard_link(source, target.join(&name)).expect("linked");
        fs::write(target.join(format!(".{name}.crc")), "crc").expect("written");
    }
}

/// All rows of a table, its key as the last column.
fn key_last(table: &str, key: &str, data_type: &DataType) -> RecordBatch {
    let file = fs::File::open(Path::new(tiny_data()).join(format!("{table}.parquet"))).expect("the table");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a footer").build().expect("a reader");
    let batches: Vec<_> = reader.map(|batch| batch.expect("rows")).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).expect("rows");
    let position = rows.schema().index_of(key).expect("the key");
    let mut fields = rows.schema().fields().to_vec();
    let mut columns = rows.columns().to_vec();
    fields.remove(position);
    let column = cast(&columns.remove(position), data_type).expect("a number");
    fields.push(Arc::new(Field::new(key, data_type.clone(), true)));
    columns.push(column);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("rows")
}

fn write(rows: &RecordBatch, to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    let mut writer =
        ArrowWriter::try_new(fs::File::create(to).expect("created"), rows.schema(), None).expect("a writer");
    writer.write(rows).expect("written");
    writer.close().expect("closed");
}

fn write_key_last(folder: &Path, table: &str, key: &str) {
    let rows = key_last(table, key, &DataType::Int32);
    write(&rows, &folder.join(table).join("part-00000-0a1b2c3d.c000.snappy.parquet"));
}

fn write_as_duckdb(folder: &Path, table: &str, key: &str) {
    let rows = key_last(table, key, &DataType::Int64);
    let keys = cast(rows.column_by_name(key).expect("the key"), &DataType::Int32).expect("a number");
    let keys = keys.as_primitive::<Int32Type>();
    let mut all: Vec<_> = keys.values().to_vec();
    all.sort_unstable();
    all.dedup();
    for value in all {
        let chosen = keys.iter().map(|key| Some(key == Some(value))).collect();
        let rows = filter_record_batch(&rows, &chosen).expect("rows");
        write(&rows, &folder.join(table).join(format!("{key}={value}")).join("data_0.parquet"));
    }
}

/// Runs SQL on every layout, and expects what it gives on the plain one, which is not nothing.
#[track_caller]
fn check_same(sql: &str) -> String {
    let of = |data: &Path| expect_code(0, &["sql", "--data", path(data), "--format", "csv", sql]).stdout;
    let layouts = layouts();
    let expected = of(layouts[0]);
    assert!(expected.lines().count() > 1, "{sql}: {expected}");
    for data in &layouts[1..] {
        let found = of(data);
        let difference = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
        assert!(found == expected, "{}: {difference:?} in {sql:.1000}", data.display());
    }
    expected
}

#[test]
fn every_layout_has_the_same_rows() {
    let mut sql = String::new();
    for (table, key) in FACTS {
        let columns = datagen::schema::table(table).expect("a table").columns.iter().map(|column| column.name);
        let sums: Vec<_> = columns.map(|column| format!("sum({column}), count({column})")).collect();
        sql.push_str(&format!(
            "select count(*), {} from {table}; \
             select count(*), min({key}), max({key}), count({key}), count(distinct {key}) from {table}; \
             select count(*) from {table} where {key} is null; \
             select count(*) from {table} where {key} is not null; \
             select count(*), sum({key}) from {table} where {key} between 2451200 and 2451500; \
             select count(*) from {table} where {key} = 2451214 or {key} is null; \
             select count(*) from {table} where not ({key} > 2451500); \
             select d_year, count(*) from {table} left join date_dim on {key} = d_date_sk group by 1 order by 1; \
             select count(*) from {table} join date_dim on {key} = d_date_sk where d_moy = 11 and d_year = 2000;",
            sums.join(", ")
        ));
    }
    check_same(&sql);
}

#[test]
fn columns_are_in_the_specifications_order_and_of_its_types() {
    let order = |table: &str| {
        let keys = datagen::schema::table(table).expect("a table").primary_key.join(", ");
        format!("select * from {table} order by {keys} limit 3; describe {table};")
    };
    let shown = check_same(&FACTS.map(|(table, _)| order(table)).concat());
    assert!(shown.contains("inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n"), "{shown}");
    assert!(shown.contains("ss_sold_date_sk,Int32,YES\nss_sold_time_sk,Int32,YES\n"), "{shown}");
}

#[test]
fn statements_of_the_suite_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    expect_code(0, &["queries", "export", path(folder.path())]);
    let statements = ["q03", "q21", "q25", "q37", "q42", "q43", "q48", "q52", "q62", "q69", "q88", "q96", "q97", "q99"];
    let texts = statements.map(|name| {
        let text = fs::read_to_string(folder.path().join(format!("{name}.sql"))).expect("a statement");
        format!("{};\n", text.trim_end().trim_end_matches(';'))
    });
    check_same(&texts.concat());
}

#[test]
fn a_filter_on_the_key_reads_few_files() {
    let files = |filter: &str| {
        let sql = format!("explain select sum(ss_net_paid) from store_sales where {filter}");
        let plan = expect_code(0, &["sql", "--data", path(partitioned()), "--format", "csv", &sql]).stdout;
        let (_, scan) = plan.split_once("DataSourceExec").unwrap_or_else(|| panic!("no scan: {plan}"));
        (scan.matches("ss_sold_date_sk=").count(), scan.contains(", ...]"))
    };
    assert_eq!(files("ss_sold_date_sk = 2451200"), (1, false));
    assert_eq!(files("ss_sold_date_sk between 2451200 and 2451202"), (3, false));
    assert_eq!(files("ss_sold_date_sk is null"), (1, false));
    assert!(files("ss_item_sk = 1").1, "all files, of which the first are named");
    let nothing = "explain select count(*) from store_sales where ss_sold_date_sk = 1";
    let plan = expect_code(0, &["sql", "--data", path(partitioned()), "--format", "csv", nothing]).stdout;
    assert!(!plan.contains("DataSourceExec"), "{plan}");
}

#[test]
fn joins_read_the_files_of_their_dates_alone() {
    let sql = "explain analyze select count(*) from store_sales join date_dim on ss_sold_date_sk = d_date_sk \
               where d_year = 2000 and d_moy = 11";
    let plan = expect_code(0, &["sql", "--data", path(partitioned()), "--format", "csv", sql]).stdout;
    let scan =
        plan.split("DataSourceExec").find(|scan| scan.contains("store_sales/")).unwrap_or_else(|| panic!("{plan}"));
    let (_, pruned) = scan.split_once("files_ranges_pruned_statistics=").unwrap_or_else(|| panic!("{scan}"));
    let (all, matched) = pruned.split_once(" total → ").unwrap_or_else(|| panic!("{pruned}"));
    let matched = matched.split(' ').next().and_then(|count| count.parse::<u32>().ok()).expect("a number");
    assert!(all.starts_with("1.") && all.ends_with(" K"), "of all 1,800 files: {all}");
    // 30 days, the file of the rows without a date, and one that is cut into two for two processors.
    assert!((30..=32).contains(&matched), "{matched}");
}

#[test]
fn folders_are_checked_completed_and_never_mixed() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = path(folder.path());
    let generate = ["generate", "--scale", "0.01", "--out", out, "--tables", "inventory,item", "--partitioned"];
    expect_code(0, &generate);
    let check = ["generate", "--check", "--out", out];
    assert!(expect_code(0, &check).stdout.contains("files are as the manifest says"));
    let lost =
        fs::read_dir(folder.path().join("inventory")).expect("partitions").next().expect("one").expect("an entry");
    fs::remove_dir_all(lost.path()).expect("removed");
    fs::write(folder.path().join("inventory.runs.inprogress"), "left by a killed run").expect("written");
    let failed = expect_code(3, &check);
    assert!(failed.stderr.contains("inventory-00001.parquet: missing"), "{}", failed.stderr);
    let refused = expect_code(3, &generate[..generate.len() - 1]);
    assert!(refused.stderr.contains("made with layout partitioned, not plain"), "{}", refused.stderr);
    let again = expect_code(0, &generate);
    assert!(again.stderr.contains("made 1 tables"), "{}", again.stderr);
    expect_code(0, &check);
    assert!(!folder.path().join("inventory.runs.inprogress").exists());
}

#[test]
fn a_run_records_the_layout_of_its_data() {
    for (data, expected) in [
        (Path::new(tiny_data()), "plain"),
        (sorted(), "sorted-by-date"),
        (partitioned(), "partitioned"),
        (foreign(), "partitioned"),
    ] {
        let out = tempfile::tempdir().expect("a folder");
        let options = ["--queries", "q96", "--iterations", "1", "--warmup", "0", "--verify-with", "datafusion"];
        let report =
            expect_code(0, &[&["run", "--data", path(data), "--out", path(out.path())][..], &options].concat()).stdout;
        let folder = fs::read_dir(out.path()).expect("the folder").next().expect("a run").expect("an entry").path();
        let run = dsbench::results::Run::read(&folder).expect("a run");
        assert_eq!(run.file.data.layout.as_deref(), Some(expected), "{}", data.display());
        assert_eq!(report.contains(&format!("of Parquet, {expected}")), expected != "plain", "{report}");
    }
}

#[test]
fn the_fingerprint_is_the_same_for_every_layout() {
    let fingerprint = |folder: &Path| datagen::Manifest::read(folder).expect("a manifest").fingerprint();
    for data in [sorted(), sorted_parts(), partitioned()] {
        assert_eq!(fingerprint(data), fingerprint(Path::new(tiny_data())), "{}", data.display());
    }
}

#[test]
fn killed_or_interrupted_it_leaves_nothing_in_the_end() {
    let unfinished = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        entries.filter(|name| name.to_string_lossy().ends_with(".inprogress")).count()
    };
    for (signal, milliseconds) in [("-KILL", 50), ("-KILL", 150), ("-KILL", 400), ("-INT", 100), ("-INT", 300)] {
        let folder = tempfile::tempdir().expect("a folder");
        let out = path(folder.path());
        let generate = ["generate", "--scale", "0.2", "--out", out, "--tables", "web_sales,item", "--sort-by-date"];
        let mut child = command(&generate).stderr(std::process::Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        // It may have ended before.
        drop(Command::new("kill").args([signal, &child.id().to_string()]).stderr(std::process::Stdio::null()).status());
        child.wait().expect("it ends");
        if signal == "-INT" && folder.path().exists() {
            assert_eq!(unfinished(folder.path()), 0, "{signal} after {milliseconds} ms");
        }
        expect_code(0, &generate);
        assert_eq!(unfinished(folder.path()), 0, "{signal} after {milliseconds} ms");
        expect_code(0, &["generate", "--check", "--out", out]);
    }
}

/// Changes a copy of the plain data, and expects an error that names the file.
#[track_caller]
fn check_refused(change: fn(&Path), expected: &str) {
    let data = tiny_copy();
    fs::remove_file(data.path().join("manifest.json")).expect("removed");
    change(data.path());
    let failed = expect_code(3, &["sql", "--data", path(data.path()), "select 1"]);
    assert!(failed.stderr.contains(expected), "{}", failed.stderr);
}

fn into_folder(data: &Path, folder: &str) {
    let folder = data.join("inventory").join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    fs::copy(data.join("inventory.parquet"), folder.join("part-00000.parquet")).expect("copied");
}

#[test]
fn folders_that_do_not_add_up_are_refused() {
    check_refused(
        |data| {
            into_folder(data, "inv_date_sk=1998-01-01");
            fs::remove_file(data.join("inventory.parquet")).expect("removed");
        },
        "inventory/inv_date_sk=1998-01-01/part-00000.parquet cannot be read as part of the table inventory: the folder \
         `inv_date_sk=1998-01-01` should say a whole number",
    );
    check_refused(
        |data| {
            into_folder(data, "inv_dat_sk=2450815");
            fs::remove_file(data.join("inventory.parquet")).expect("removed");
        },
        "is named after a column that the table does not have; did you mean `inv_date_sk`?",
    );
    check_refused(|data| into_folder(data, "inv_date_sk=2450815"), "inventory.parquet cannot be read as part of");
    check_refused(
        |data| {
            fs::create_dir_all(data.join("inventory/inv_date_sk=2450815")).expect("a folder");
            fs::copy(data.join("item.parquet"), data.join("inventory/inv_date_sk=2450815/a.parquet")).expect("copied");
            fs::remove_file(data.join("inventory.parquet")).expect("removed");
        },
        "is not TPC-DS's table inventory: it has no column `inv_item_sk`",
    );
}

#[track_caller]
fn check_layout(data: &Path, table: &str, expected: Expect) {
    let shown = expect_code(0, &["layout", "--data", path(data), table]).stdout;
    let sentence = shown.lines().last().expect("a line").trim_end();
    expected.assert_eq(sentence);
}

#[test]
fn layout_tells_which_days_a_row_group_covers() {
    check_layout(
        Path::new(tiny_data()),
        "store_sales",
        expect!["store_sales      one row group, 1998-01-02..2003-01-02"],
    );
    check_layout(
        sorted(),
        "store_sales",
        expect![
            "store_sales      sorted by ss_sold_date_sk: a row group covers 141 days on average, 7.7% of 1998-01-02..2003-01-02"
        ],
    );
    check_layout(
        partitioned(),
        "store_sales",
        expect![
            "store_sales      partitioned by ss_sold_date_sk: a row group covers 1 day on average, 0.05% of 1998-01-02..2003-01-02"
        ],
    );
    check_layout(
        foreign(),
        "inventory",
        expect![
            "inventory        partitioned by inv_date_sk: a row group covers 1 day on average, 0.05% of 1998-01-01..2002-12-26"
        ],
    );
    let shown = expect_code(0, &["layout", "--data", path(sorted_parts()), "store_sales", "item"]).stdout;
    for expected in ["ss_item_sk", "i_item_id", "snappy", "row groups", "sorted by ss_sold_date_sk"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}

#[test]
fn layout_as_json_counts_what_the_manifest_does() {
    for data in [Path::new(tiny_data()), sorted_parts(), partitioned()] {
        let manifest = datagen::Manifest::read(data).expect("a manifest");
        let layouts = json(&expect_code(0, &["layout", "--data", path(data), "--json"]));
        let layouts = layouts.as_array().expect("an array");
        assert_eq!(layouts.len(), manifest.tables.len());
        for layout in layouts {
            let entry = &manifest.tables[layout["table"].as_str().expect("a name")];
            assert_eq!(layout["row_count"], entry.row_count);
            assert_eq!(layout["file_count"], entry.files.len());
            assert_eq!(layout["bytes"], entry.files.iter().map(|file| file.bytes).sum::<u64>());
            assert_eq!((&layout["page_index"], &layout["codecs"]), (&"all".into(), &serde_json::json!(["snappy"])));
        }
        let of = |table: &str| layouts.iter().find(|layout| layout["table"] == table).expect("the table");
        assert_eq!(of("item")["dates"], serde_json::Value::Null);
        assert!(of("item")["uncompressed_bytes"].as_u64() > of("item")["compressed_bytes"].as_u64());
        let partition_column = (data == partitioned()).then_some("ws_sold_date_sk");
        assert_eq!(of("web_sales")["partition_column"].as_str(), partition_column);
        assert_eq!(of("web_sales")["dates"]["sorted"], true, "one row group, or sorted");
    }
}

#[test]
fn layout_refuses_what_is_not_there() {
    let failed = expect_code(2, &["layout", "--data", tiny_data(), "store_sale"]);
    assert!(failed.stderr.contains("did you mean `store_sales`?"), "{}", failed.stderr);
    let folder = tempfile::tempdir().expect("a folder");
    let failed = expect_code(3, &["layout", "--data", path(folder.path())]);
    assert!(failed.stderr.contains("there are no TPC-DS tables under"), "{}", failed.stderr);
    fs::copy(Path::new(tiny_data()).join("item.parquet"), folder.path().join("item.parquet")).expect("copied");
    assert!(
        expect_code(0, &["layout", "--data", path(folder.path())]).stdout.contains("item"),
        "other tables may lack"
    );
    let failed = expect_code(3, &["layout", "--data", path(folder.path()), "store"]);
    assert!(failed.stderr.contains("lacks the table store"), "{}", failed.stderr);
    fs::write(folder.path().join("item.parquet"), "PAR1").expect("written");
    let failed = expect_code(3, &["layout", "--data", path(folder.path())]);
    assert!(failed.stderr.contains("item.parquet is not a complete Parquet file"), "{}", failed.stderr);
}

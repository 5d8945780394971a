//! Files in FROM, COPY … TO and CREATE EXTERNAL TABLE, through `dsbench sql`.

use std::path::Path;

use crate::support::{check_sql, dsbench, expect_code, path, tiny_copy, tiny_data};

/// A folder with files that a test writes and reads.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// The SQL with the folder's path for `$`.
    fn sql(&self, sql: &str) -> String {
        sql.replace('$', path(self.path()))
    }

    #[track_caller]
    fn check(&self, sql: &str, expected: &str) {
        check_sql(&self.sql(sql), expected);
    }

    #[track_caller]
    fn check_error(&self, sql: &str, expected: &str) {
        let sql = self.sql(sql);
        let failed = dsbench(&["sql", "--data", tiny_data(), "--format", "csv", &sql]);
        assert_eq!(failed.code, Some(4), "{sql}\n{}\n{}", failed.stdout, failed.stderr);
        let expected = self.sql(expected);
        assert!(failed.stderr.contains(&expected), "{sql}\n{}", failed.stderr);
    }
}

#[test]
fn each_format_by_its_ending() {
    let folder = Folder::new();
    folder.write("x.csv", "a,b\n1,one\n2,\n");
    folder.write("x.tsv", "a\tb\n1\tone, two\n");
    folder.write("x.ndjson", "{\"a\": 1, \"b\": \"one\"}\n{\"a\": 2}\n");
    folder.write("x.jsonl", "{\"a\": 1}\n");
    folder.write("lines.json", "{\"a\": 1}\n{\"a\": 2}\n");
    folder.write("array.json", " [{\"a\": 1, \"b\": [1, 2]},\n {\"a\": 2, \"b\": []}]\n");
    folder.check("select a + 1 as a, b from '$/x.csv' order by 1", "a,b\n2,one\n3,\n");
    folder.check("select b from '$/x.tsv'", "b\n\"one, two\"\n");
    folder.check("select a, b from '$/x.ndjson' order by a", "a,b\n1,one\n2,\n");
    folder.check("select a from '$/x.jsonl'", "a\n1\n");
    folder.check("select sum(a) as s from '$/lines.json'", "s\n3\n");
    folder.check("select sum(a) as s, sum(cardinality(b)) as n from '$/array.json'", "s,n\n3,2\n");
    let reason = format!("{}/reason.parquet", tiny_data());
    let sql = format!("select count(*) = (select count(*) from reason) as same from '{reason}'");
    folder.check(&sql, "same\ntrue\n");
    folder.check(
        &format!("select count(*) > 0 as some from 'file://{reason}' r where r.r_reason_sk > 0"),
        "some\ntrue\n",
    );
    // Names in double quotes mean the same.
    folder.check("select b from \"$/x.csv\" where a = 1", "b\none\n");
}

#[test]
fn folders_and_patterns() {
    let folder = Folder::new();
    folder.write("d/1.csv", "a\n1\n");
    folder.write("d/2.csv", "a\n2\n");
    folder.write("d/e/3.csv", "a\n4\n");
    folder.write("d/_SUCCESS", "");
    folder.write("d/.1.csv.crc", "x");
    folder.check("select sum(a) as s from '$/d/'", "s\n7\n");
    folder.check("select sum(a) as s from '$/d'", "s\n7\n");
    folder.check("select sum(a) as s from '$/d/*.csv'", "s\n3\n");
    folder.check("select sum(a) as s from '$/d/**/*.csv'", "s\n7\n");
    folder.check("select x.a, y.a as b from '$/d/1.csv' x, '$/d/2.csv' y", "a,b\n1,2\n");
    // Types are those that hold the values of all files.
    folder.write("m/1.csv", "a,b\n1,2\n");
    folder.write("m/2.csv", "a,b\n3,4.5\n");
    folder.check("select sum(b) as s from '$/m/'", "s\n6.5\n");
    folder.write("m/3.csv", "b,a\n1,2\n");
    folder
        .check_error("select * from '$/m/'", "the columns of `$/m/3.csv` are b, a, but those of `$/m/1.csv` are a, b");
    // Parquet and JSON are read by name; what a file lacks is NULL.
    folder.write("j/1.json", "{\"a\": 1}\n");
    folder.write("j/2.json", "{\"b\": 2}\n");
    folder.check("select a, b from '$/j/' order by a", "a,b\n1,\n,2\n");
}

#[test]
fn relative_paths_begin_in_the_current_folder() {
    let folder = Folder::new();
    folder.write("d/x.csv", "a\n1\n");
    let run = |sql: &str| {
        let mut command = crate::support::command(&["sql", "--data", tiny_data(), "--format", "csv", sql]);
        let output = command.current_dir(folder.path()).output().expect("starts");
        crate::support::Invocation::from(output)
    };
    assert_eq!(run("select a from 'd/x.csv'").stdout, "a\n1\n");
    assert_eq!(run("select a from 'd/'").stdout, "a\n1\n");
    assert_eq!(run("copy (select 2 as a) to 'y.csv'; select a from 'y.csv'").stdout, "count\n1\na\n2\n");
    let missing = run("select a from 'x.csv'").stderr;
    assert!(missing.contains("there is no file or folder `x.csv` (in "), "{missing}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new();
    folder.write("cut.parquet", &std::fs::read(format!("{}/reason.parquet", tiny_data())).expect("there")[..100]);
    folder.write("text.parquet", "this is no Parquet file, whatever its name says");
    folder.write("none.parquet", "");
    folder.write("x.csv.gz", "");
    folder.write("x.xlsx", "");
    folder.write("empty.csv", "");
    folder.write("wrong.json", "{\"a\": 1}\n{nonsense\n");
    folder.write("mixed/a.csv", "a\n1\n");
    folder.write("mixed/b.parquet", "");
    folder.write("many/a.parquet", std::fs::read(format!("{}/reason.parquet", tiny_data())).expect("there"));
    folder.write("many/b.parquet", "broken");
    std::fs::create_dir(folder.path().join("nothing")).expect("made");
    for (place, expected) in [
        ("$/missing.csv", "there is no file or folder `$/missing.csv`"),
        ("$/missing/", "there is no file or folder `$/missing/`"),
        ("$/*.xml", "no file matches `$/*.xml`"),
        ("$/nothing/", "`$/nothing/` holds no file to read"),
        ("$/mixed/", "several formats (.csv, .parquet)"),
        ("$/cut.parquet", "`$/cut.parquet` cannot be read as Parquet"),
        ("$/text.parquet", "it was cut or damaged, or is no Parquet file"),
        ("$/none.parquet", "`$/none.parquet` cannot be read as Parquet"),
        ("$/many/", "`$/many/b.parquet` cannot be read as Parquet"),
        ("$/x.csv.gz", "`$/x.csv.gz` is compressed"),
        ("$/x.xlsx", "the ending of `$/x.xlsx` tells no format"),
        ("$/empty.csv", "`$/empty.csv` is empty"),
        ("$/wrong.json", "`$/wrong.json` cannot be read as JSON"),
        (
            "gs://bucket/x.parquet",
            "`gs://bucket/x.parquet` cannot be reached: of URLs, file://, http://, https:// and s3://",
        ),
    ] {
        folder.check_error(&format!("select * from '{place}'"), expected);
    }
    folder.check_error("select * from stores", "there is no table or view `stores`. Did you mean `store`?");
}

#[test]
fn a_value_that_comes_late_and_fits_no_type_is_explained() {
    let folder = Folder::new();
    let numbers: String = (0..2000).map(|number| format!("{number}\n")).collect();
    folder.write("x.csv", format!("a\n{numbers}late\n"));
    folder.check_error("select count(*) from '$/x.csv' where a > 5", "types are those of its first 1,000 rows");
    folder.check(
        "create external table t (a varchar) stored as csv location '$/x.csv'; select count(*) as n from t where a = 'late'",
        "n\n1\n",
    );
}

#[test]
fn a_file_never_shadows_a_table() {
    let folder = Folder::new();
    folder.write("x.csv", "a\n1\n");
    folder.check_error("create table \"$/x.csv\" as select 2 as a", "already exists");
    folder.check("with \"$/x.csv\" as (select 3 as a) select a from '$/x.csv'", "a\n3\n");
    folder.check("create view v as select a from '$/x.csv'; select a from v", "a\n1\n");
}

#[test]
fn the_benchmark_reads_no_files() {
    // Only a suite of one's own could name a file; its statement fails, as if there were no such table.
    let suite = Folder::new();
    copy_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/queries")), suite.path());
    suite.write("x.csv", "a\n1\n");
    let q96 = suite.path().join("tpcds/q96.sql");
    let text = std::fs::read_to_string(&q96).expect("there");
    let changed = text.replace("from store_sales", &suite.sql("from '$/x.csv' x cross join store_sales"));
    assert_ne!(text, changed);
    std::fs::write(&q96, changed).expect("written");
    let out = Folder::new();
    let folders = ["--suite", path(suite.path()), "--out", path(out.path())];
    expect_code(4, &[&["run", "--data", tiny_data(), "--queries", "q96", "--warmup", "0"], &folders[..]].concat());
    let run = std::fs::read_dir(out.path()).expect("there").next().expect("a run").expect("a run").path();
    let samples = std::fs::read_to_string(run.join("samples.csv")).expect("samples");
    assert!(samples.contains("TABLE_OR_VIEW_NOT_FOUND") && samples.contains("x.csv`"), "{samples}");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// Writes store_sales in one way and compares what comes back with the table.
#[track_caller]
fn check_round_trip(folder: &Folder, copy: &str, read: &str) {
    const ROWS: &str = "ss_item_sk, ss_ticket_number, ss_quantity, ss_list_price, ss_sold_date_sk";
    let cast = "ss_item_sk::bigint, ss_ticket_number::bigint, ss_quantity::bigint, ss_list_price::decimal(7,2), ss_sold_date_sk::bigint";
    let script = format!(
        "copy (select {ROWS} from store_sales) to {copy};
         with a as (select {cast} from store_sales), b as (select {cast} from {read})
         select (select count(*) from a) = (select count(*) from b) as rows,
                (select count(*) from (select * from a except all select * from b)) as missing,
                (select count(*) from (select * from b except all select * from a)) as added"
    );
    let script = folder.sql(&script);
    let found = expect_code(0, &["sql", "--data", tiny_data(), "--format", "csv", &script]).stdout;
    let last = found.lines().last().expect("a row");
    assert_eq!(last, "true,0,0", "{script}\n{found}");
}

#[test]
fn what_is_written_reads_back_equal() {
    let folder = Folder::new();
    check_round_trip(&folder, "'$/x.parquet'", "'$/x.parquet'");
    check_round_trip(&folder, "'$/x.csv'", "'$/x.csv'");
    check_round_trip(&folder, "'$/x.json'", "'$/x.json'");
    check_round_trip(&folder, "'$/folder' stored as parquet", "'$/folder/'");
    // Dates of sale are NULL for some rows: they must be NULL again, and no 0.
    check_round_trip(&folder, "'$/by_date' stored as parquet partitioned by (ss_sold_date_sk)", "'$/by_date/'");
    assert!(folder.path().join("by_date/ss_sold_date_sk=__HIVE_DEFAULT_PARTITION__").is_dir());
    check_round_trip(&folder, "'$/csv' stored as csv partitioned by (ss_quantity)", "'$/csv/'");
}

#[test]
fn partitions_are_typed_and_pruned() {
    let folder = Folder::new();
    let copy = "copy (select * from (values (1, date '2001-02-03', 'a/b', 10), (2, null, 'x y', 20), (null, date '2001-02-03', '007', 30)) as t (n, d, s, v))
                to '$/p' stored as parquet partitioned by (n, d, s)";
    folder.check(copy, "count\n3\n");
    folder.check(
        "select v, n, d, s from '$/p/' order by v",
        "v,n,d,s\n10,1,2001-02-03,a/b\n20,2,,x y\n30,,2001-02-03,007\n",
    );
    folder.check("select v from '$/p/' where n = 2", "v\n20\n");
    folder.check("select v from '$/p/' where n is null", "v\n30\n");
    folder.check("select v from '$/p/' where d = date '2001-02-03' and s = 'a/b'", "v\n10\n");
    folder.check(
        "select arrow_typeof(n) as n, arrow_typeof(d) as d, arrow_typeof(s) as s from '$/p/' limit 1",
        "n,d,s\nInt64,Date32,Utf8\n",
    );
    let plan = folder.sql("explain select v from '$/p/' where n = 2");
    let plan = expect_code(0, &["sql", "--data", tiny_data(), "--format", "csv", &plan]).stdout;
    assert_eq!(plan.matches(".parquet").count(), 1, "one file is left:\n{plan}");
}

#[test]
fn a_folder_that_grew_is_read_anew() {
    let folder = Folder::new();
    folder.write("d/a=1/x.csv", "v\n1\n");
    let before = folder.sql("select sum(v) as s from '$/d/'");
    let script = format!("{before}; copy (select 2 as v) to '{}/d/a=2/y.csv'; {before}", path(folder.path()));
    folder.check(&script, "s\n1\ncount\n1\ns\n3\n");
}

#[test]
fn wrong_targets_are_refused_and_nothing_is_lost() {
    let folder = Folder::new();
    folder.write("full/x.csv", "a\n1\n");
    folder.write("x.csv", "a\n1\n");
    for (copy, expected) in [
        ("copy (select 1 as a) to '$/full' stored as csv", "`$/full` holds files already"),
        ("copy (select 1 as a, 2 as b) to '$/x.csv' stored as csv partitioned by (a)", "is a file, but PARTITIONED BY"),
        ("copy (select 1 as a) to '$/y' ", "cannot tell the format of `$/y`"),
        ("copy (select 1 as a) to '$/y.csv.gz'", "is compressed"),
        ("copy (select 1 as a) to '$/y' stored as orc", "COPY does not write `ORC`"),
        ("copy (select 1 as a) to 'gs://bucket/y.csv'", "and not gs://"),
        ("copy (select 1 as a) to 'http://localhost/y.csv'", "web servers are only read"),
        ("copy (select 1 as a) to '$/y' stored as csv partitioned by (a)", "leaves no column for the files"),
        ("copy (select 1 as a) to '$/y' stored as csv partitioned by (b)", "b"),
        ("copy (select 1 as a) to '$/x.csv/y.csv'", "`$/x.csv/y.csv` cannot be written to"),
        ("copy (select 1 as a) to '/proc/no/such/x.csv'", "`/proc/no/such/x.csv` cannot be written to"),
    ] {
        folder.check_error(copy, expected);
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("x.csv")).expect("there"), "a\n1\n");
    assert_eq!(std::fs::read_dir(folder.path().join("full")).expect("there").count(), 1);
    assert!(!folder.path().join("y").exists());
}

#[test]
fn external_tables() {
    let folder = Folder::new();
    folder.write("d/1.csv", "a;b\n1;x\n");
    folder.check(
        "create external table t stored as csv location '$/d/' options ('format.delimiter' ';'); select a, b from t",
        "a,b\n1,x\n",
    );
    folder.check(
        "create external table t (a bigint, b varchar) stored as csv location 'file://$/d/1.csv' options ('format.delimiter' ';'); select a + 1 as a from t",
        "a\n2\n",
    );
    folder.check_error("create external table t stored as csv location 'gs://bucket/x'", "and not gs://");
    folder.check_error("create external table t stored as parquet location '$/missing/'", "$/missing");
}

#[test]
fn the_data_of_a_benchmark_can_be_read_as_files() {
    // The tables' folder holds a manifest beside them: it is no table, and one kind of file must be named.
    let data = tiny_copy();
    let folder = path(data.path());
    let failed = dsbench(&["sql", "--data", tiny_data(), &format!("select * from '{folder}/'")]);
    assert!(failed.stderr.contains(&format!("name one kind, as in '{folder}/*.parquet'")), "{}", failed.stderr);
    let same = format!("select count(*) = (select count(*) from item) as same from '{folder}/item.parquet'");
    assert!(expect_code(0, &["sql", "--data", tiny_data(), "--format", "csv", &same]).stdout.ends_with("true\n"));
}

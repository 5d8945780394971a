//! `dsbench sql`.

use std::io::Write;
use std::process::Stdio;

use expect_test::{Expect, expect};

use crate::support::{command, dsbench, expect_code, tiny_copy, tiny_data};

#[track_caller]
fn check(arguments: &[&str], expected: Expect) {
    let arguments = [&["sql", "--data", tiny_data()], arguments].concat();
    expected.assert_eq(&expect_code(0, &arguments).stdout);
}

const SQL: &str =
    "select r_reason_sk as sk, nullif(r_reason_sk, 2) as n, r_reason_desc as text from reason order by 1 limit 2";

#[test]
fn three_forms() {
    check(
        &[SQL],
        expect![[r#"
        +----+------+---------------------+
        | sk | n    | text                |
        +----+------+---------------------+
        | 1  | 1    | Package was damaged |
        | 2  | NULL | Stopped working     |
        +----+------+---------------------+
        (2 rows)
    "#]],
    );
    check(
        &["--format", "csv", SQL],
        expect![[r#"
        sk,n,text
        1,1,Package was damaged
        2,,Stopped working
    "#]],
    );
    check(
        &["--format", "json", SQL],
        expect![[r#"
        [{"sk":1,"n":1,"text":"Package was damaged"},{"sk":2,"n":null,"text":"Stopped working"}]
    "#]],
    );
}

#[test]
fn empty_results_have_their_form_too() {
    check(
        &["select 1 as x where false"],
        expect![[r#"
        +---+
        | x |
        +---+
        +---+
        (0 rows)
    "#]],
    );
    check(
        &["--format", "csv", "select 1 as x where false"],
        expect![[r#"
        x
    "#]],
    );
    check(
        &["--format", "json", "select 1 as x where false"],
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn nested_values_are_texts_in_csv() {
    let nested = "select make_array(1, null) as list, named_struct('a', 1, 'b', 'x,y') as pair, x from (values (map(make_array('k'), make_array(2.5))), (null)) t (x)";
    check(
        &["--format", "csv", nested],
        expect![[r#"
        list,pair,x
        "[1, NULL]","{a: 1, b: x,y}",{k: 2.5}
        "[1, NULL]","{a: 1, b: x,y}",
    "#]],
    );
    check(
        &["--format", "csv", &format!("{nested} limit 0")],
        expect![[r#"
        list,pair,x
    "#]],
    );
}

#[test]
fn statements_share_a_session() {
    let script = "set spark.sql.shuffle.partitions = 3; create view v as select 42 as x; select x from v; show spark.sql.shuffle.partitions";
    check(
        &["--format", "csv", script],
        expect![[r#"
        x
        42
        name,value
        datafusion.execution.target_partitions,3
    "#]],
    );
}

#[test]
fn a_script_comes_from_a_file_or_standard_input() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "select 1 as one;\n-- done\n").expect("written");
    check(
        &["--format", "csv", "-f", crate::support::path(file.path())],
        expect![[r#"
        one
        1
    "#]],
    );
    let mut child = command(&["sql", "--data", tiny_data(), "--format", "csv", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(b"select 2 as two").expect("written");
    assert_eq!(String::from_utf8_lossy(&child.wait_with_output().expect("ends").stdout), "two\n2\n");
}

#[test]
fn failures_have_codes() {
    for (arguments, code, expected) in [
        (vec!["selec 1"], 4, "Did you mean `select`?"),
        (vec!["select * from stores"], 4, "stores"),
        (vec!["set datafusion.execution.batch_sise = 1"], 2, "Did you mean `datafusion.execution.batch_size`?"),
        (vec![""], 2, "the text has no statement"),
        (vec!["-f", "/nowhere/x.sql"], 2, "cannot read /nowhere/x.sql"),
    ] {
        let arguments = [vec!["sql", "--data", tiny_data()], arguments].concat();
        let failed = dsbench(&arguments);
        assert_eq!(failed.code, Some(code), "{arguments:?} {}", failed.stderr);
        assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    }
}

/// Damages a copy of the data and expects an error that names the file, before any SQL runs.
#[track_caller]
fn check_damage(damage: fn(&std::path::Path), expected: &str) {
    let data = tiny_copy();
    damage(data.path());
    for arguments in [vec!["sql", "select 1"], vec!["run", "--queries", "q1"]] {
        let out = tempfile::tempdir().expect("a folder");
        let folder = crate::support::path(data.path());
        let mut arguments = [arguments, vec!["--data", folder]].concat();
        if arguments[0] == "run" {
            arguments.extend(["--out", crate::support::path(out.path())]);
        }
        let failed = dsbench(&arguments);
        assert_eq!(failed.code, Some(3), "{arguments:?} {}", failed.stderr);
        assert!(failed.stderr.contains(expected), "{}", failed.stderr);
        assert_eq!(std::fs::read_dir(out.path()).expect("the folder").count(), 0, "nothing was timed");
    }
}

#[test]
fn damaged_data_is_named() {
    use std::fs;
    check_damage(|data| fs::remove_file(data.join("store.parquet")).expect("removed"), "lacks the table store");
    // Without a manifest, the footer alone tells.
    check_damage(
        |data| {
            fs::remove_file(data.join("manifest.json")).expect("removed");
            let bytes = fs::read(data.join("item.parquet")).expect("the file");
            fs::write(data.join("item.parquet"), &bytes[..bytes.len() / 2]).expect("written");
        },
        "item.parquet is not a complete Parquet file",
    );
    check_damage(
        |data| {
            fs::remove_file(data.join("manifest.json")).expect("removed");
            fs::copy(data.join("reason.parquet"), data.join("store.parquet")).map(drop).expect("copied");
        },
        "store.parquet is not TPC-DS's table store: it has no column `s_store_sk`",
    );
    check_damage(
        |data| {
            let bytes = fs::read(data.join("item.parquet")).expect("the file");
            fs::write(data.join("item.parquet"), &bytes[..bytes.len() / 2]).expect("written");
        },
        "item.parquet is not as the manifest says: it has",
    );
    check_damage(|data| fs::write(data.join("manifest.json"), "{").expect("written"), "manifest.json");
}

#[test]
fn a_changed_byte_is_found_before_a_run() {
    let data = tiny_copy();
    let file = data.path().join("item.parquet");
    let mut bytes = std::fs::read(&file).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let failed = expect_code(3, &["run", "--queries", "q1", "--data", crate::support::path(data.path())]);
    assert!(
        failed.stderr.contains("item.parquet is not as the manifest says: its content was changed"),
        "{}",
        failed.stderr
    );
}

#[test]
fn another_scale_is_refused() {
    let failed = expect_code(3, &["sql", "--data", tiny_data(), "--scale", "1", "select 1"]);
    assert!(failed.stderr.contains("holds scale 0.01, but scale 1 was asked for"), "{}", failed.stderr);
}

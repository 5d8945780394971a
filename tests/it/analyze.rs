//! `dsbench analyze`: what is counted, what is found of keys, and what becomes of a file that does not fit.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{dsbench, expect_code, json, path, tiny_copy};

fn analyze(folder: &Path, more: &[&str]) -> Value {
    json(&expect_code(0, &[&["analyze", "--json", "--data", path(folder)], more].concat()))
}

fn table<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tables = report["tables"].as_array().expect("an array");
    tables.iter().find(|table| table["table"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Puts rows that SQL gives in the place of a table's.
fn replace(folder: &Path, table: &str, sql: &str) {
    let (new, old) = (folder.join("new.parquet"), folder.join(format!("{table}.parquet")));
    let copy = format!("copy ({sql}) to '{}' stored as parquet", path(&new));
    expect_code(0, &["sql", "--data", path(folder), &copy]);
    fs::rename(new, old).expect("moved");
    // It speaks of other files.
    let _ = fs::remove_file(folder.join("manifest.json"));
}

#[test]
fn generate_leaves_nothing_to_do() {
    let data = tiny_copy();
    let file = data.path().join("statistics.json");
    let before = fs::read(&file).expect("generate wrote it");
    let report = analyze(data.path(), &[]);
    assert_eq!((&report["failing_keys"], &report["written"]), (&Value::from(0), &Value::Null));
    let inventory = table(&report, "inventory");
    let days = &inventory["columns"][0];
    assert_eq!((&days["column"], &days["distinct_count"]), (&Value::from("inv_date_sk"), &Value::from(261)));
    assert_eq!((&days["min"], &days["max"]), (&Value::from("2450815"), &Value::from("2452635")));
    assert_eq!(inventory["keys"].as_array().map(Vec::len), Some(4));
    assert!(fs::read(&file).expect("there") == before);

    let again = analyze(data.path(), &["--force"]);
    assert_eq!(again["tables"], report["tables"], "the same numbers, counted anew");
    assert!(fs::read(&file).expect("there") == before, "and the same file");
    assert!(before.len() < 80_000, "{} bytes", before.len());
}

#[test]
fn data_of_other_makers_is_counted_and_for_people() {
    let data = tiny_copy();
    for name in ["statistics.json", "manifest.json"] {
        fs::remove_file(data.path().join(name)).expect("removed");
    }
    let folder = path(data.path());
    let dry = expect_code(0, &["analyze", "--no-write", "--data", folder]).stdout;
    assert!(dry.ends_with("all 131 keys hold\nno file was written\n"), "{dry}");
    assert!(!data.path().join("statistics.json").exists());
    let columns = expect_code(0, &["analyze", "--data", folder, "reason", "inventory"]).stdout;
    assert!(
        columns.contains("inv_date_sk") && columns.contains("2450815") && columns.contains("r_reason_desc"),
        "{columns}"
    );
    assert!(columns.trim_end().ends_with("statistics.json was written"), "{columns}");
    let named = expect_code(0, &["analyze", folder, "reason", "inventory"]).stdout;
    assert_eq!(named.split("\n\nall ").next(), columns.split("\n\nall ").next(), "the folder as the first word");
    let twice = expect_code(2, &["analyze", folder, "--data", folder]).stderr;
    assert!(twice.contains("named twice"), "{twice}");
    let nowhere = expect_code(3, &["analyze", "/no/such/folder"]).stderr;
    assert!(nowhere.contains("/no/such/folder"), "{nowhere}");
    let unknown = expect_code(2, &["analyze", "--data", folder, "invntory"]).stderr;
    assert!(unknown.contains("did you mean `inventory`?"), "{unknown}");
}

#[test]
fn a_table_that_was_changed_is_noticed_and_counted_again() {
    let data = tiny_copy();
    let folder = path(data.path());
    replace(data.path(), "reason", "select * from reason where r_reason_sk <> 1");
    let sql = ["sql", "--data", folder, "--format", "csv", "select count(*) from reason"];
    let warned = expect_code(0, &sql);
    assert!(warned.stderr.contains("says nothing that fits the files of reason"), "{}", warned.stderr);
    assert!(warned.stderr.contains(&format!("dsbench analyze {folder}")), "{}", warned.stderr);

    let report = analyze(data.path(), &[]);
    assert!(report["written"].as_str().is_some_and(|file| file.ends_with("statistics.json")));
    assert_eq!(expect_code(0, &sql).stderr, "", "the file fits again");
    // The reason that is gone was given by some.
    let failing = report["failing_keys"].as_u64().expect("a number");
    assert!(failing > 0);
    let returns = table(&report, "store_returns")["keys"].as_array().expect("keys");
    let key = returns.iter().find(|key| key["references"]["table"] == "reason").expect("declared");
    assert_eq!((&key["holds"], &key["violations"][0]["kind"]), (&Value::from(false), &Value::from("orphan")));
    assert_eq!(key["violations"][0]["example"][0], "1");
    assert_eq!(dsbench(&["analyze", "--strict", "--data", folder]).code, Some(1));
    let text = expect_code(0, &["analyze", "--data", folder]).stdout;
    assert!(text.contains("a value that reason does not have, as (1)"), "{text}");
}

#[test]
fn keys_that_fail_are_findings() {
    let data = tiny_copy();
    let sql = "select * from promotion union all select * from promotion where p_promo_sk <= 2";
    replace(data.path(), "promotion", sql);
    let report = analyze(data.path(), &[]);
    let key = &table(&report, "promotion")["keys"][0];
    assert_eq!(key["kind"], "primary");
    let violation = &key["violations"][0];
    assert_eq!((&violation["kind"], &violation["row_count"]), (&Value::from("duplicate"), &Value::from(2)));
    assert_eq!(report["failing_keys"], 1);
}

#[test]
fn a_file_of_no_use_never_stops_anything() {
    let data = tiny_copy();
    let folder = path(data.path());
    let file = data.path().join("statistics.json");
    let whole = fs::read_to_string(&file).expect("there");
    let sql = ["sql", "--data", folder, "--format", "csv", "select count(*) from store"];
    for (text, expected) in [
        (String::new(), "it is cut or damaged"),
        (whole[..whole.len() - 100].to_owned(), "it is cut or damaged"),
        (whole.replace("\"format_version\":1", "\"format_version\":9"), "it is of version 9"),
    ] {
        fs::write(&file, text).expect("written");
        let answered = expect_code(0, &sql);
        assert_eq!(answered.stdout, "count(*)\n2\n");
        assert!(answered.stderr.contains("warning: ") && answered.stderr.contains(expected), "{}", answered.stderr);
    }
    analyze(data.path(), &[]);
    assert!(fs::read_to_string(&file).expect("there") == whole, "as generate wrote it");
    fs::remove_file(&file).expect("removed");
    assert_eq!(expect_code(0, &sql).stderr, "", "no file is nothing to warn of");
    fs::create_dir(&file).expect("made");
    fs::write(file.join("x"), "").expect("written");
    let refused = dsbench(&["analyze", "--data", folder]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("statistics.json cannot be written") && refused.stderr.contains("--no-write"),
        "{}",
        refused.stderr
    );
}

#[test]
fn only_folders_can_be_analyzed() {
    let refused = expect_code(3, &["analyze", "--data", "s3://bucket/sf1"]).stderr;
    assert!(refused.contains("only folders"), "{refused}");
    let refused = expect_code(3, &["analyze", "--data", "/nowhere/at/all"]).stderr;
    assert!(refused.contains("there are no TPC-DS tables"), "{refused}");
}

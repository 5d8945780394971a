//! `dsbench generate`: making, completing, checking.

use std::fs;

use crate::support::{dsbench, expect_code, path, tiny_copy};

#[test]
fn run_again_it_completes_what_is_missing() {
    let data = tiny_copy();
    let item = data.path().join("item.parquet");
    let before = fs::read(&item).expect("the file");
    fs::remove_file(&item).expect("removed");
    let arguments = ["generate", "--scale", "0.01", "--out", path(data.path())];
    let again = expect_code(0, &arguments);
    assert!(
        again.stderr.contains("made 1 tables") && again.stderr.contains("24 tables were there already"),
        "{}",
        again.stderr
    );
    assert!(fs::read(&item).expect("the file") == before, "the same bytes come again");
}

#[test]
fn check_names_the_file_that_is_wrong() {
    let data = tiny_copy();
    let check = ["generate", "--check", "--out", path(data.path())];
    let good = expect_code(0, &check);
    assert!(good.stdout.contains("all 25 files are as the manifest says"), "{}", good.stdout);
    let store = data.path().join("store.parquet");
    let mut bytes = fs::read(&store).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&store, bytes).expect("written");
    let bad = expect_code(3, &check);
    assert!(bad.stderr.contains("store.parquet") && !bad.stderr.contains("item.parquet"), "{}", bad.stderr);
}

#[test]
fn settings_are_never_mixed() {
    let data = tiny_copy();
    let folder = path(data.path());
    for (arguments, expected) in [
        (vec!["--scale", "0.02"], "scale factor"),
        (vec!["--scale", "0.01", "--compression", "zstd"], "compression snappy"),
        (vec!["--scale", "0.01", "--parts", "2"], "parts single"),
        (vec!["--scale", "0.01", "--sort-by-date"], "layout plain, not sorted-by-date"),
        (vec!["--scale", "0.01", "--bloom-filter", "i_item_id"], "bloom filters none, not i_item_id"),
    ] {
        let arguments = [vec!["generate", "--out", folder], arguments].concat();
        let refused = dsbench(&arguments);
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, code, expected) in [
        (vec!["generate", "--scale", "0.001"], 2, "scale factor `0.001`"),
        (vec!["generate", "--tables", "itme"], 2, "did you mean `item`"),
        (vec!["generate", "--compression", "gzip"], 2, "snappy"),
        (vec!["generate", "--parts", "2", "--target-file-size", "1MiB"], 2, "cannot be used with"),
        (vec!["generate", "--partitioned", "--parts", "2"], 2, "cannot be used with"),
        (vec!["generate", "--partitioned", "--target-file-size", "1MiB"], 2, "cannot be used with"),
        (vec!["generate", "--partitioned", "--sort-by-date"], 2, "cannot be used with"),
        (vec!["generate", "--bloom-filter", "c_custmer_id"], 2, "did you mean `c_customer_id`"),
        (vec!["generate", "--partitioned", "--bloom-filter", "ss_sold_date_sk"], 2, "in the names of folders"),
        (vec!["generate", "--out", "/dev/null"], 3, "is a file"),
        (vec!["generate", "--check", "--out", "/nowhere/at/all"], 3, "has no manifest.json"),
    ] {
        let refused = dsbench(&arguments);
        assert_eq!(refused.code, Some(code), "{}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
}

#[test]
fn many_files_hold_the_same_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = path(folder.path());
    expect_code(0, &["generate", "--scale", "0.01", "--out", out, "--parts", "3", "--row-group-rows", "2000"]);
    let files = fs::read_dir(folder.path().join("store_sales")).expect("a folder of files").count();
    assert_eq!(files, 3);
    let sql = "select count(*), sum(ss_net_paid), min(ss_sold_date_sk) from store_sales";
    let many = expect_code(0, &["sql", "--data", out, "--format", "csv", sql]).stdout;
    let one = expect_code(0, &["sql", "--data", crate::support::tiny_data(), "--format", "csv", sql]).stdout;
    assert_eq!(many, one);
    let fingerprint = |folder: &std::path::Path| datagen::Manifest::read(folder).expect("a manifest").fingerprint();
    assert_eq!(fingerprint(folder.path()), fingerprint(std::path::Path::new(crate::support::tiny_data())));
}

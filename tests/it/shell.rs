//! `dsbench sql` without text, fed from a pipe. What a terminal adds is tested by `scripts/test-shell`.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Invocation, command, path, tiny_data};

/// Feeds a script to the program.
fn fed(arguments: &[&str], script: &str) -> Invocation {
    let arguments = [&["sql", "--data", tiny_data()], arguments].concat();
    let mut child = command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(script.as_bytes()).expect("written");
    child.wait_with_output().expect("ends").into()
}

#[track_caller]
fn check(arguments: &[&str], script: &str, code: i32, stdout: &str, stderr: &str) {
    let invocation = fed(arguments, script);
    assert_eq!(invocation.code, Some(code), "{script}\n{}\n{}", invocation.stdout, invocation.stderr);
    assert_eq!(invocation.stdout, stdout, "{script}");
    assert!(invocation.stderr.contains(stderr), "{script}\n{}", invocation.stderr);
}

#[test]
fn statements_and_commands_come_from_standard_input() {
    check(&["--format", "csv"], "select 1 as x;\nselect\n 2 as x", 0, "x\n1\nx\n2\n", "");
    check(&[], "\\format csv\nselect 1 as x;\n\\q\nselect 2 as x;\n", 0, "x\n1\n", "");
    check(&[], "\\format json\nselect 1 as x;\n", 0, "[{\"x\":1}]\n", "");
    check(&[], "\\x\nselect 1 as x;", 0, &format!("{:-<80}\nx | 1\n(1 row)\n", "-[ row 1 ]"), "");
    check(
        &["--format", "csv"],
        "set engine.memory_pool = 'greedy';\nshow engine.memory_pool;",
        0,
        "name,value\nengine.memory_pool,greedy\n",
        "",
    );
}

#[test]
fn a_script_ends_at_its_first_error_with_its_code() {
    check(&["--format", "csv"], "select 1 as x;\nselect y;\nselect 2 as x;\n", 4, "x\n1\n", "standard input:2: ");
    check(&[], "set engine.memory_poll = 'fair';", 2, "", "Did you mean `engine.memory_pool`?");
    check(&[], "\\nonsense\n", 2, "", "there is no command `\\nonsense`");
    check(&[], "\\o /no/such/folder/out.txt\n", 2, "", "/no/such/folder/out.txt cannot be written to");
    check(&[], "\\i /no/such/file.sql\n", 2, "", "cannot read /no/such/file.sql");
    check(&[], "", 2, "", "there is no statement");
    check(&[], "-- nothing\n;\n", 2, "", "there is no statement");
}

#[test]
fn tables_are_described_with_their_rows() {
    let listed = fed(&["--format", "csv"], "\\d\n");
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.starts_with("name,kind,columns,rows\ncall_center,table,31,"), "{}", listed.stdout);
    let columns = fed(&["--format", "csv"], "\\d reason\n");
    assert!(columns.stdout.starts_with("column,type,nullable\nr_reason_sk,"), "{}", columns.stdout);
    check(&[], "\\d reasons\n", 4, "", "did you mean `reason`?");
}

#[test]
fn all_rows_are_shown_to_a_pipe() {
    let all = fed(&[], "select value from generate_series(1, 20000);\n");
    assert!(all.stdout.ends_with("(20,000 rows)\n"), "a limit is for people");
    let some = fed(&[], "\\limit 5\nselect value from generate_series(1, 20000);\n");
    assert!(some.stdout.ends_with("(5 of 20,000 rows shown; \\limit 0 shows all)\n"), "{}", some.stdout);
}

#[test]
fn settings_can_be_listed_and_plans_explained() {
    let settings = fed(&["--format", "csv"], "show all;\n").stdout;
    assert!(settings.contains("engine.memory_pool,fair") && settings.contains("datafusion.execution.batch_size,"));
    let plan = fed(&["--format", "csv"], "explain analyze select count(*) from reason;\n").stdout;
    assert!(plan.contains("Plan with Metrics"), "{plan}");
}

#[test]
fn timing_goes_to_standard_error() {
    check(&["--format", "csv"], "\\timing on\nselect 1 as x;\n", 0, "x\n1\n", ", execution ");
}

#[test]
fn results_can_be_written_to_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.csv");
    check(&["--format", "csv"], &format!("\\o {}\nselect 1 as x;\n", path(&file)), 0, "", "");
    assert_eq!(std::fs::read_to_string(file).expect("written"), "x\n1\n");
}

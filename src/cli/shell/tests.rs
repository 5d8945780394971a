use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use futures::FutureExt;

use super::*;
use crate::cli::shell::pager::Screen;
use crate::engine::{EngineLimits, Profile, Settings};

/// Output that a test reads afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Somebody who types what a test says. What is printed and what is said are in one text, as on a terminal.
#[derive(Default)]
struct Typist {
    inputs: VecDeque<Input>,
    seen: Shared,
    remembered: Vec<String>,
    names: Names,
    /// How often the running statement is interrupted at once.
    interrupts: std::cell::Cell<usize>,
    is_script: bool,
}

impl Terminal for Typist {
    fn is_interactive(&self) -> bool {
        !self.is_script
    }

    fn read(&mut self) -> Result<Input, Failure> {
        Ok(self.inputs.pop_front().unwrap_or(Input::End))
    }

    fn remember(&mut self, entry: &str) {
        self.remembered.push(entry.to_owned());
    }

    fn show(&mut self, text: &str, _pages: bool) -> Result<(), Failure> {
        self.seen.write_all(text.as_bytes()).map_err(output_failure)
    }

    fn sink(&self) -> Sink {
        Box::new(self.seen.clone())
    }

    fn note(&mut self, text: &str) {
        self.seen.write_all(format!("{text}\n").as_bytes()).expect("memory");
    }

    fn screen(&self) -> Option<Screen> {
        Some(Screen { rows: 24, columns: 40 })
    }

    fn set_names(&mut self, names: Names) {
        self.names = names;
    }

    fn interrupted(&self) -> futures::future::BoxFuture<'static, ()> {
        match self.interrupts.get() {
            0 => std::future::pending().boxed(),
            left => {
                self.interrupts.set(left - 1);
                tokio::time::sleep(std::time::Duration::from_millis(100)).boxed()
            }
        }
    }
}

fn output_failure(error: io::Error) -> Failure {
    Failure::Other(error.to_string())
}

async fn shell(typist: Typist) -> Shell<Typist> {
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &[]).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    let mut engine = Engine::new(settings, &limits).await.expect("an engine");
    engine.allow_files().await.expect("allowed");
    Shell::new(Arc::new(engine), BTreeMap::from([("t".to_owned(), 2)]), Form::Table, typist)
}

/// Types lines, and gives all that was seen.
async fn typed(lines: &[&str]) -> (Shell<Typist>, String) {
    let inputs = lines.iter().map(|line| Input::Line((*line).to_owned())).collect();
    let mut shell = shell(Typist { inputs, ..Typist::default() }).await;
    shell.run().await.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = String::from_utf8(shell.terminal.seen.0.lock().expect("one thread").clone()).expect("UTF-8");
    (shell, seen)
}

async fn check(lines: &[&str], expected: Expect) {
    expected.assert_eq(&typed(lines).await.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_of_several_lines() {
    let (shell, seen) = typed(&["select 'a;", "b' as x", "  , 1 as y;"]).await;
    expect![[r#"
        +----+---+
        | x  | y |
        +----+---+
        | a; | 1 |
        | b  |   |
        +----+---+
        (1 row)
    "#]]
    .assert_eq(&seen);
    assert_eq!(shell.terminal.remembered, ["select 'a;\nb' as x\n  , 1 as y;"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_does_not_end_the_shell() {
    check(
        &["select * from nothing;", "selec 1;", "\\nonsense", "set engine.memory_poll = 'fair';", "select 1 as one;"],
        expect![[r#"
            error: [TABLE_OR_VIEW_NOT_FOUND] there is no table or view `nothing`.
            == SQL (line 1, position 15) ==
            select * from nothing;
                          ^^^^^^^
            error: [PARSE_SYNTAX_ERROR] expected an SQL statement, found `selec`. Did you mean `select`?
            == SQL (line 1, position 1) ==
            selec 1;
            ^^^^^
            error: there is no command `\nonsense`; \? lists them
            error: [SQL_CONF_NOT_FOUND] there is no setting `engine.memory_poll`. Did you mean `engine.memory_pool`?
            == SQL (line 1, position 5) ==
            set engine.memory_poll = 'fair';
                ^^^^^^^^^^^^^^^^^^
            +-----+
            | one |
            +-----+
            | 1   |
            +-----+
            (1 row)
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_ends_at_its_first_error_and_may_lack_the_last_semicolon() {
    let run = async |lines: &[&str]| {
        let inputs = lines.iter().map(|line| Input::Line((*line).to_owned())).collect();
        let mut shell = shell(Typist { inputs, is_script: true, ..Typist::default() }).await;
        let result = shell.run().await;
        let seen = String::from_utf8(shell.terminal.seen.0.lock().expect("one thread").clone()).expect("UTF-8");
        (result, seen)
    };
    let (result, seen) = run(&["\\format csv", "select 1 as x;", "select y;", "select 2 as x;"]).await;
    let failure = result.expect_err("it ends");
    assert!(failure.to_string().starts_with("standard input:3: "), "{failure}");
    assert_eq!((failure.code(), seen.as_str()), (Code::StatementFailed, "x\n1\n"));
    let (result, seen) = run(&["\\format csv", "-- nothing yet", "select 1 as x;", "select", "2 as x"]).await;
    assert_eq!((result.ok(), seen.as_str()), (Some(3), "x\n1\nx\n2\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_statement_and_not_the_shell() {
    const ENDLESS: &str = "select count(*) from generate_series(1, 3000000) a (x), generate_series(1, 3000000) b (y) where x % 7 <> y % 5;";
    let lines = [ENDLESS, "select 1 as one;"].map(|line| Input::Line(line.to_owned()));
    let mut shell = shell(Typist { inputs: lines.into(), interrupts: 1.into(), ..Typist::default() }).await;
    shell.run().await.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = String::from_utf8(shell.terminal.seen.0.lock().expect("one thread").clone()).expect("UTF-8");
    assert!(seen.starts_with("stopped\n") && seen.ends_with("(1 row)\n"), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_while_typing_forgets_the_statement() {
    let inputs = [
        Input::Line("select 'begun".to_owned()),
        Input::Interrupted,
        Input::Line("select 1 as one;".to_owned()),
        Input::Line("select 2".to_owned()),
    ];
    let mut shell = shell(Typist { inputs: inputs.into(), ..Typist::default() }).await;
    shell.run().await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(shell.terminal.remembered, ["select 1 as one;"]);
    assert_eq!(shell.done, 1, "what a person has only begun is not run at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_state_lasts() {
    check(
        &[
            "\\format csv",
            "set spark.sql.shuffle.partitions = 3; create view v as select 42 as x;",
            "select x from v; show datafusion.execution.target_partitions;",
        ],
        expect![[r#"
            format: csv
            x
            42
            name,value
            datafusion.execution.target_partitions,3
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_and_columns_are_described() {
    check(
        &["create table t (a int not null, b varchar) as values (1, 'x'), (2, 'y');", "\\d", "\\d T", "\\d u"],
        expect![[r#"
            +------+-------+---------+------+
            | name | kind  | columns | rows |
            +------+-------+---------+------+
            | t    | table | 2       | 2    |
            +------+-------+---------+------+
            (1 row)
            +--------+----------+----------+
            | column | type     | nullable |
            +--------+----------+----------+
            | a      | Int32    | false    |
            | b      | Utf8View | true     |
            +--------+----------+----------+
            (2 rows)
            rows of t: 2
            error: there is no table `u`; did you mean `t`?
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_limited_and_expanded() {
    check(
        &[
            "\\limit 2",
            "select value from generate_series(1, 50000);",
            "\\x on",
            "\\limit 1",
            "select value, value * 2 as twice from generate_series(1, 3);",
            "\\x auto",
            "select 1 as narrow;",
            "select 'a text that is wider than the screen' as wide, 2 as y;",
            "\\limit 0",
            "\\limit",
        ],
        expect![[r#"
            rows shown at most: 2
            +-------+
            | value |
            +-------+
            | 1     |
            | 2     |
            +-------+
            (2 of 50,000 rows shown; \limit 0 shows all)
            a line a column: on
            rows shown at most: 1
            -[ row 1 ]------------------------------
            value | 1
            twice | 2
            (1 of 3 rows shown; \limit 0 shows all)
            a line a column: where a table is wider than the screen
            +--------+
            | narrow |
            +--------+
            | 1      |
            +--------+
            (1 row)
            -[ row 1 ]------------------------------
            wide | a text that is wider than the screen
            y    | 2
            (1 row)
            rows shown at most: none
            rows shown at most: none
        "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_go_to_a_file_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.txt");
    let to_file = format!("\\o {}", file.display());
    let to_nowhere = format!("\\o {}/no/such/folder/out.txt", folder.path().display());
    let (_, seen) = typed(&[
        &to_file,
        "select 1 as one;",
        "\\format csv",
        "select 2 as two;",
        &to_nowhere,
        "select 3 as three;",
        "\\o",
        "select 4 as four;",
    ])
    .await;
    let written = std::fs::read_to_string(&file).expect("written");
    assert_eq!(written, "+-----+\n| one |\n+-----+\n| 1   |\n+-----+\n(1 row)\ntwo\n2\nthree\n3\n");
    assert!(seen.contains("out.txt cannot be written to: "), "{seen}");
    assert!(seen.ends_with("four\n4\n") && !seen.contains("three"), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_included() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        format!("\\i {}", path.display())
    };
    let inner = write("inner.sql", "select 2 as x;\n");
    let outer = write("outer.sql", &format!("\\format csv\nselect\n 1 as x;\n{inner}\nselect 3 as x"));
    let wrong = write("wrong.sql", "select 4 as x;\n\nselect y;\nselect 5 as x;\n");
    let circle = write("circle.sql", &format!("\\i {}/circle.sql\n", folder.path().display()));
    let (shell, seen) = typed(&[&outer, &wrong, &circle, "\\i /no/such/file", "select 6 as x;"]).await;
    assert!(seen.contains("x\n1\nx\n2\nx\n3\nx\n4\n"), "{seen}");
    assert!(seen.contains("wrong.sql:3: ") && !seen.contains("x\n5\n"), "{seen}");
    assert!(seen.contains("include each other more than 16 deep"), "{seen}");
    assert!(seen.contains("cannot read /no/such/file"), "{seen}");
    assert!(seen.ends_with("x\n6\n"), "{seen}");
    assert_eq!(shell.terminal.remembered.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timing_tells_planning_and_execution_apart() {
    let (_, seen) = typed(&["\\timing on", "\\format csv", "select 1 as x;", "\\timing", "select 2 as x;"]).await;
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!((lines[0], lines[2], lines[3]), ("timing: on", "x", "1"));
    assert!(lines[4].starts_with("planning ") && lines[4].contains(" ms, execution "), "{seen}");
    assert_eq!(lines[5..], ["timing: off", "x", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paste_of_several_lines_is_taken_apart() {
    let (shell, seen) =
        typed(&["\\format csv\nselect 1 as x;\nselect\n2 as x; select 3 as x;\n\\q", "select 4 as x;"]).await;
    assert_eq!(seen, "format: csv\nx\n1\nx\n2\nx\n3\n");
    assert_eq!(shell.terminal.remembered, ["\\format csv", "select 1 as x;", "select\n2 as x; select 3 as x;", "\\q"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backslash_inside_a_text_is_no_command() {
    let (_, seen) =
        typed(&["\\format csv", "select '", "\\q", "' as x;", "select 1 + ", "\\r", "select 2 as x;"]).await;
    assert_eq!(seen, "format: csv\nx\n\"\n\\q\n\"\nx\n2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completion_learns_new_tables() {
    let (shell, _) = typed(&["create table brand_new as select 1 as fresh;"]).await;
    let table = shell.terminal.names.tables.iter().find(|table| table.name == "brand_new").expect("listed");
    assert_eq!(table.columns, ["fresh"]);
    assert!(shell.terminal.names.functions.iter().any(|name| name == "sum"));
    assert!(shell.terminal.names.settings.iter().any(|name| name == "engine.memory_pool"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_analyze_works() {
    let (_, seen) = typed(&["explain analyze select count(*) from generate_series(1, 1000);"]).await;
    assert!(seen.contains("Plan with Metrics") && seen.contains("output_rows"), "{seen}");
}

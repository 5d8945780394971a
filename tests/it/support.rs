//! Running the program, and data for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What one invocation came to.
pub(crate) struct Invocation {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Invocation {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The program with an environment of its own: no variable of the tester's changes a test.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsbench"));
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("DSBENCH_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env("DSBENCH_CACHE", scratch().join("cache")).args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
#[track_caller]
pub(crate) fn dsbench(arguments: &[&str]) -> Invocation {
    command(arguments).output().expect("the program starts").into()
}

/// Runs the program and expects this exit code.
#[track_caller]
pub(crate) fn expect_code(code: i32, arguments: &[&str]) -> Invocation {
    let invocation = dsbench(arguments);
    assert_eq!(invocation.code, Some(code), "{arguments:?}\n{}\n{}", invocation.stdout, invocation.stderr);
    invocation
}

/// Runs SQL beside the tiny data, and expects this CSV.
#[track_caller]
pub(crate) fn check_sql(sql: &str, expected: &str) {
    let found = expect_code(0, &["sql", "--data", tiny_data(), "--format", "csv", sql]).stdout;
    assert_eq!(found, expected, "{sql}");
}

/// A folder that stays from one test run to the next, for data that takes time to make.
pub(crate) fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Data of scale 0.01, made once.
pub(crate) fn tiny_data() -> &'static str {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    let folder = DATA.get_or_init(|| {
        let folder = scratch().join("sf0.01");
        expect_code(0, &["generate", "--scale", "0.01", "--out", path(&folder)]);
        // Nothing is left to do, unless an older program made the folder.
        expect_code(0, &["analyze", "--data", path(&folder)]);
        folder
    });
    path(folder)
}

/// A copy of the tiny data that a test may damage.
pub(crate) fn tiny_copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(tiny_data()).expect("the data") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
        }
    }
    copy
}

/// A path as an argument.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("the test's paths are UTF-8")
}

/// The JSON that an invocation printed.
#[track_caller]
pub(crate) fn json(invocation: &Invocation) -> serde_json::Value {
    serde_json::from_str(&invocation.stdout).unwrap_or_else(|error| panic!("{error}: {}", invocation.stdout))
}

//! What is longer than the screen goes through a pager: `$PAGER`, or `less` where it is installed.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The screen in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A program to page with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pager {
    /// What the user named, read by the shell, since it may have arguments.
    Named(String),
    /// `less`, which leaves at once what fits (F), keeps the screen (X) and does not wrap lines (S).
    Less,
}

impl Pager {
    /// The pager that the environment asks for, or `less`; nothing for an empty `$PAGER` or where there is no `less`.
    pub(super) fn find(named: Option<&OsStr>, search_path: Option<&OsStr>) -> Option<Self> {
        match named.map(OsStr::to_string_lossy) {
            Some(name) if name.trim().is_empty() => None,
            Some(name) => Some(Self::Named(name.into_owned())),
            None => {
                let mut folders = std::env::split_paths(search_path?);
                folders.any(|folder| is_file(&folder.join("less"))).then_some(Self::Less)
            }
        }
    }

    /// Shows the text and waits until its reader has seen enough.
    pub(super) fn show(&self, text: &str) -> io::Result<()> {
        let mut command = match self {
            Self::Named(name) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", name]);
                shell
            }
            Self::Less => {
                let mut less = Command::new("less");
                less.arg("-FRSX");
                less
            }
        };
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A reader who leaves early breaks the pipe, and that is all right.
            drop(input.write_all(text.as_bytes()));
        }
        let status = child.wait()?;
        // The shell says so if there is no such program.
        if status.code() == Some(127) { Err(io::Error::from(io::ErrorKind::NotFound)) } else { Ok(()) }
    }
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether the text takes more lines than the screen has, the prompt's counted.
pub(super) fn is_longer(text: &str, screen: Screen) -> bool {
    let columns = screen.columns.max(1);
    let lines = text.lines().map(|line| line.chars().count().div_ceil(columns).max(1));
    lines.sum::<usize>() >= screen.rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_pager_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().as_os_str();
        assert_eq!(Pager::find(Some(OsStr::new("more -s")), Some(path)), Some(Pager::Named("more -s".to_owned())));
        assert_eq!(Pager::find(None, Some(path)), None);
        std::fs::write(folder.path().join("less"), "").expect("written");
        assert_eq!(Pager::find(None, Some(path)), Some(Pager::Less));
        assert_eq!(Pager::find(Some(OsStr::new("")), Some(path)), None);
        assert_eq!(Pager::find(None, None), None);
    }

    #[test]
    fn lines_that_wrap_count_more_than_once() {
        let screen = Screen { rows: 4, columns: 10 };
        assert!(!is_longer("a\nb\nc\n", screen));
        assert!(is_longer("a\nb\nc\nd\n", screen));
        assert!(is_longer(&format!("a\n{}\nc\n", "x".repeat(11)), screen));
        assert!(!is_longer(&format!("a\n{}\nc\n", "x".repeat(10)), screen));
        assert!(!is_longer("", screen));
    }

    #[test]
    fn the_pager_gets_the_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("out");
        let pager = Pager::Named(format!("cat > '{}'", file.display()));
        pager.show("one\ntwo\n").expect("it runs");
        assert_eq!(std::fs::read_to_string(file).expect("written"), "one\ntwo\n");
    }

    #[test]
    fn a_pager_that_is_not_there_or_leaves_early_is_no_panic() {
        let missing = Pager::Named("dsbench-has-no-such-pager 2>/dev/null".to_owned());
        assert!(missing.show("x").is_err());
        let hasty = Pager::Named("true".to_owned());
        hasty.show(&"x\n".repeat(1_000_000)).expect("it ran");
    }
}

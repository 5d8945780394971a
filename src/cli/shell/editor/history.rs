//! The statements of earlier sessions: a file with one entry a line, and the walk through it.
//!
//! Line ends inside an entry are written `\n`, backslashes `\\`. Entries are appended as they are made, each in one write, so
//! that a killed shell has lost nothing and two shells do not mix their entries.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many entries are kept; the file is cut to that many when it has twice as many.
const MOST_ENTRIES: usize = 10_000;

/// Earlier entries, and the one that is being looked at.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: Vec<String>,
    /// Where the walk is; the number of entries is what is being typed.
    position: usize,
    /// What was typed before the walk began.
    typed: String,
    path: Option<PathBuf>,
}

impl History {
    /// Reads a file, which need not be there yet.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut entries: Vec<String> = text.lines().map(unescaped).collect();
        if entries.len() > 2 * MOST_ENTRIES {
            entries.drain(..entries.len() - MOST_ENTRIES);
            let text: String = entries.iter().map(|entry| escaped(entry)).collect();
            crate::paths::write_atomically(path, text.as_bytes())?;
        }
        Ok(Self { position: entries.len(), entries, typed: String::new(), path: Some(path.to_owned()) })
    }

    /// Keeps an entry, unless it begins with a blank or is the last one again. An error means that the file cannot be written,
    /// and is not tried again.
    pub(super) fn add(&mut self, entry: &str) -> io::Result<()> {
        let is_wanted = !entry.trim().is_empty()
            && !entry.starts_with(char::is_whitespace)
            && self.entries.last().is_none_or(|last| last != entry);
        if is_wanted {
            self.entries.push(entry.to_owned());
        }
        self.position = self.entries.len();
        match &self.path {
            Some(path) if is_wanted => append(path, &escaped(entry)).inspect_err(|_| self.path = None),
            _ => Ok(()),
        }
    }

    /// Begins at the end again.
    pub(super) fn rewind(&mut self) {
        self.position = self.entries.len();
        self.typed.clear();
    }

    /// The entry before; `current` is kept for the way back.
    pub(super) fn previous(&mut self, current: &str) -> Option<&str> {
        if self.position == 0 {
            return None;
        }
        if self.position == self.entries.len() {
            current.clone_into(&mut self.typed);
        }
        self.position -= 1;
        self.entries.get(self.position).map(String::as_str)
    }

    /// The entry after, or what was typed.
    pub(super) fn next(&mut self) -> Option<&str> {
        if self.position >= self.entries.len() {
            return None;
        }
        self.position += 1;
        Some(self.entries.get(self.position).unwrap_or(&self.typed))
    }

    /// The newest entry before number `before` that contains the text, with its number.
    pub(super) fn find(&self, text: &str, before: usize) -> Option<(usize, &str)> {
        let older = self.entries.get(..before.min(self.entries.len()))?;
        let number = older.iter().rposition(|entry| entry.contains(text))?;
        Some((number, &older[number]))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    // Statements may hold secrets: nobody else reads them.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(line.as_bytes())
}

fn escaped(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n") + "\n"
}

fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_last_over_sessions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let entries = ["select 1;", "select\n  'a\\nb' as x;", "\\d store"];
        let mut history = History::open(&path).expect("new");
        for entry in entries {
            history.add(entry).expect("kept");
        }
        let again = History::open(&path).expect("read");
        assert_eq!(again.entries, entries);
    }

    #[test]
    fn blanks_repetitions_and_secrets_are_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let mut history = History::open(&path).expect("new");
        for entry in ["a;", "a;", "", "  ", " secret;", "\nsecret;", "b;", "a;"] {
            history.add(entry).expect("kept");
        }
        assert_eq!(history.entries, ["a;", "b;", "a;"]);
        assert_eq!(fs::read_to_string(&path).expect("written"), "a;\nb;\na;\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_walk_comes_back_to_what_was_typed() {
        let mut history = History { entries: vec!["a".to_owned(), "b".to_owned()], position: 2, ..History::default() };
        assert_eq!(history.next(), None);
        assert_eq!(history.previous("typed"), Some("b"));
        assert_eq!(history.previous("b"), Some("a"));
        assert_eq!(history.previous("a"), None);
        assert_eq!(history.next(), Some("b"));
        assert_eq!(history.next(), Some("typed"));
        assert_eq!(history.next(), None);
        history.previous("typed");
        history.rewind();
        assert_eq!(history.previous(""), Some("b"));
    }

    #[test]
    fn entries_are_found_from_the_newest_back() {
        let entries = ["select 1", "set x", "select 2"].map(str::to_owned).to_vec();
        let history = History { entries, ..History::default() };
        assert_eq!(history.find("select", 3), Some((2, "select 2")));
        assert_eq!(history.find("select", 2), Some((0, "select 1")));
        assert_eq!(history.find("select", 0), None);
        assert_eq!(history.find("nothing", 99), None);
        assert_eq!(History::default().find("", 0), None);
    }

    #[test]
    fn a_long_file_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let text: String = (0..=2 * MOST_ENTRIES).map(|number| format!("select {number};\n")).collect();
        fs::write(&path, text).expect("written");
        let history = History::open(&path).expect("read");
        assert_eq!(history.len(), MOST_ENTRIES);
        assert_eq!(history.entries.last().map(String::as_str), Some("select 20000;"));
        assert_eq!(fs::read_to_string(&path).expect("there").lines().count(), MOST_ENTRIES);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut history = History { path: Some(folder.path().to_owned()), ..History::default() };
        assert!(history.add("a;").is_err());
        assert!(history.add("b;").is_ok());
        assert_eq!(history.entries, ["a;", "b;"]);
    }
}

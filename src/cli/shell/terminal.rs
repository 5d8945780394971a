//! What the shell needs of the outside: lines to read, a place to show results, somebody who may interrupt.

use std::io::{self, BufRead, Write};

use futures::future::BoxFuture;

use super::complete::Names;
use super::display::Sink;
use super::pager::{self, Pager, Screen};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::runner::Cancel;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A line, or several at once.
    Line(String),
    /// Ctrl-C: the line is not wanted.
    Interrupted,
    /// Ctrl-D, or the end of the file.
    End,
}

/// Whoever types, or the file that is read instead.
pub(super) trait Terminal {
    /// Whether somebody is there to read errors and go on.
    fn is_interactive(&self) -> bool;
    /// Reads the next line, or a whole statement of several lines.
    fn read(&mut self) -> Result<Input, Failure>;
    /// Keeps a statement or command for the next time.
    fn remember(&mut self, entry: &str);
    /// Shows a result, page by page where `pages` and it is longer than the screen.
    fn show(&mut self, text: &str, pages: bool) -> Result<(), Failure>;
    /// Where CSV and JSON go.
    fn sink(&self) -> Sink;
    /// Says something that is no result.
    fn note(&mut self, text: &str);
    /// The screen, where there is one.
    fn screen(&self) -> Option<Screen>;
    /// Tells what can be completed.
    fn set_names(&mut self, names: Names);
    /// Comes to an end when the user interrupts what is running.
    fn interrupted(&self) -> BoxFuture<'static, ()>;
}

/// Ctrl-C while the terminal is not read from.
pub(super) fn ctrl_c() -> BoxFuture<'static, ()> {
    Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Nobody can interrupt then.
            std::future::pending::<()>().await;
        }
    })
}

/// Shows text on standard output, through a pager where that is wanted and there is one.
pub(super) fn show_on_screen(text: &str, screen: Option<Screen>, pages: bool) -> Result<(), Failure> {
    let is_longer = screen.is_some_and(|screen| pager::is_longer(text, screen));
    if pages && is_longer {
        let (named, search_path) = (std::env::var_os("PAGER"), std::env::var_os("PATH"));
        if let Some(pager) = Pager::find(named.as_deref(), search_path.as_deref()) {
            match pager.show(text) {
                Ok(()) => return Ok(()),
                Err(error) => output::note(&format!("the pager cannot be started: {error}; \\pager off does without")),
            }
        }
    }
    output::data(text)
}

/// Standard input that is no terminal: a file or a pipe.
pub(super) struct Script<R> {
    lines: R,
    cancel: Cancel,
}

impl<R: BufRead> Script<R> {
    /// `cancel` is the user's wish to stop, which ends the script.
    pub(super) fn new(lines: R, cancel: Cancel) -> Self {
        Self { lines, cancel }
    }
}

impl<R: BufRead> Terminal for Script<R> {
    fn is_interactive(&self) -> bool {
        false
    }

    fn read(&mut self) -> Result<Input, Failure> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => Ok(Input::End),
            Ok(_) => Ok(Input::Line(line)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::Usage("standard input is not UTF-8 text".to_owned()))
            }
            Err(error) => Err(Failure::Other(format!("cannot read standard input: {error}"))),
        }
    }

    fn remember(&mut self, _entry: &str) {}

    fn show(&mut self, text: &str, _pages: bool) -> Result<(), Failure> {
        output::data(text)
    }

    fn sink(&self) -> Sink {
        super::display::standard_output()
    }

    fn note(&mut self, text: &str) {
        output::note(text);
    }

    fn screen(&self) -> Option<Screen> {
        None
    }

    fn set_names(&mut self, _names: Names) {}

    fn interrupted(&self) -> BoxFuture<'static, ()> {
        let cancel = self.cancel.clone();
        Box::pin(async move { cancel.cancelled().await })
    }
}

/// A file that results are written to instead of the screen.
pub(super) struct OutputFile {
    path: std::path::PathBuf,
    file: std::sync::Arc<std::fs::File>,
}

impl OutputFile {
    /// Makes the file; what it held before is gone.
    pub(super) fn create(path: std::path::PathBuf) -> Result<Self, Failure> {
        match std::fs::File::create(&path) {
            Ok(file) => Ok(Self { path, file: std::sync::Arc::new(file) }),
            Err(error) => Err(Failure::Usage(format!(
                "{} cannot be written to: {error}; results go where they went before",
                path.display()
            ))),
        }
    }

    pub(super) fn sink(&self) -> Sink {
        Box::new(std::sync::Arc::clone(&self.file))
    }

    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let error = |error: io::Error| Failure::Other(format!("cannot write to {}: {error}", self.path.display()));
        (&*self.file).write_all(text.as_bytes()).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let mut script = Script::new("one\ntwo".as_bytes(), Cancel::new());
        let mut next = || script.read().unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(next(), Input::Line("one\n".to_owned()));
        assert_eq!(next(), Input::Line("two".to_owned()));
        assert_eq!(next(), Input::End);
        assert!(Script::new(&b"\xff\n"[..], Cancel::new()).read().is_err_and(|f| f.to_string().contains("UTF-8")));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let failure = OutputFile::create(folder.path().to_owned()).err().expect("a folder is no file");
        assert!(failure.to_string().contains("cannot be written to"), "{failure}");
    }
}

//! The terminal of a person: rustyline, told where statements end, what Tab offers, and where the history is.
//!
//! Enter ends the input where the statement is complete, and begins a new line where it is not: the whole statement is edited as
//! one text. Below what is typed a dim remark tells what is open. Alt and Enter begin a new line anywhere.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, CompletionType, Config, Context, Editor, EventHandler, Helper, KeyCode, KeyEvent, Modifiers, Result,
};

use super::complete::{Names, complete};
use super::display::{Sink, standard_output};
use super::pager::Screen;
use super::split::{Splitter, State};
use super::terminal::{Input, Terminal, ctrl_c, show_on_screen};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::paths;

const PROMPT: &str = "dsbench> ";
const MOST_HISTORY_ENTRIES: usize = 10_000;
/// More candidates than this are listed only after a question.
const LISTED_CANDIDATES: usize = 100;

/// A person at a terminal.
pub(super) struct LineEditor {
    editor: Editor<Sql, DefaultHistory>,
    /// Where entries are kept; nothing once that has failed.
    history: Option<PathBuf>,
}

impl LineEditor {
    /// Takes over the terminal, with the history of earlier sessions.
    pub(super) fn new() -> Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .completion_prompt_limit(LISTED_CANDIDATES)
            .max_history_size(MOST_HISTORY_ENTRIES)?
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Sql::default()));
        editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), EventHandler::Simple(Cmd::Newline));
        Ok(Self { history: open_history(&mut editor), editor })
    }

    fn keep(&mut self, path: &Path, entry: &str) -> Result<()> {
        // One that begins with a blank, or is the last one again, is not added.
        if self.editor.add_history_entry(entry)? {
            self.editor.append_history(path)?;
        }
        Ok(())
    }
}

/// A history that cannot be kept is no reason not to work; it is said once.
fn open_history(editor: &mut Editor<Sql, DefaultHistory>) -> Option<PathBuf> {
    let folder = paths::state_dir()?;
    let path = folder.join("sql_history");
    let opened =
        std::fs::create_dir_all(&folder).map_err(ReadlineError::from).and_then(|()| editor.load_history(&path));
    match opened {
        Ok(()) => Some(path),
        Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Some(path),
        Err(error) => {
            output::note(&format!("the history in {} cannot be used: {error}", path.display()));
            None
        }
    }
}

impl Terminal for LineEditor {
    fn is_interactive(&self) -> bool {
        true
    }

    fn read(&mut self) -> std::result::Result<Input, Failure> {
        match self.editor.readline(PROMPT) {
            Ok(text) => Ok(Input::Line(text)),
            Err(ReadlineError::Interrupted) => Ok(Input::Interrupted),
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(error) => Err(Failure::Other(format!("cannot read from the terminal: {error}"))),
        }
    }

    fn remember(&mut self, entry: &str) {
        let Some(path) = self.history.take() else { return };
        match self.keep(&path, entry) {
            Ok(()) => self.history = Some(path),
            Err(error) => output::note(&format!("the history cannot be kept in {}: {error}", path.display())),
        }
    }

    fn show(&mut self, text: &str, pages: bool) -> std::result::Result<(), Failure> {
        show_on_screen(text, screen(), pages)
    }

    fn sink(&self) -> Sink {
        standard_output()
    }

    fn note(&mut self, text: &str) {
        output::note(text);
    }

    fn screen(&self) -> Option<Screen> {
        screen()
    }

    fn set_names(&mut self, names: Names) {
        if let Some(sql) = self.editor.helper_mut() {
            sql.names = names;
        }
    }

    fn interrupted(&self) -> BoxFuture<'static, ()> {
        ctrl_c()
    }
}

#[cfg(unix)]
fn screen() -> Option<Screen> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let screen = Screen { rows: size.ws_row.into(), columns: size.ws_col.into() };
    (screen.rows > 0 && screen.columns > 0).then_some(screen)
}

#[cfg(not(unix))]
fn screen() -> Option<Screen> {
    None
}

/// What the editor knows of SQL.
#[derive(Default)]
struct Sql {
    names: Names,
}

impl Helper for Sql {}

impl Completer for Sql {
    type Candidate = String;

    fn complete(&self, text: &str, cursor: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        let found = complete(text, cursor, &self.names);
        Ok((found.start, found.candidates))
    }
}

impl Validator for Sql {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        Ok(match is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

/// Whether Enter runs the text: commands of the shell take a line, statements go to their semicolon.
fn is_complete(text: &str) -> bool {
    let mut splitter = Splitter::default();
    for line in text.split('\n') {
        let is_command = splitter.takes_commands() && line.trim_start().starts_with('\\');
        if !is_command {
            splitter.push(line);
        }
    }
    !splitter.has_begun() && splitter.takes_commands()
}

/// A remark that no key puts into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Remark(&'static str);

impl Hint for Remark {
    fn display(&self) -> &str {
        self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Sql {
    type Hint = Remark;

    fn hint(&self, text: &str, cursor: usize, _: &Context<'_>) -> Option<Remark> {
        (cursor == text.len()).then(|| what_is_open(text)).flatten()
    }
}

/// What a new, still empty line belongs to.
fn what_is_open(text: &str) -> Option<Remark> {
    let before = text.strip_suffix('\n')?;
    let mut splitter = Splitter::default();
    before.split('\n').for_each(|line| drop(splitter.push(line)));
    Some(Remark(match splitter.state() {
        State::Normal | State::LineComment => "-- to be ended by ;",
        State::Quoted { end: '\'', .. } => "(in a text that ' ends)",
        State::Quoted { .. } => "(in a name that \" ends)",
        State::BlockComment(_) => "(in a comment that */ ends)",
        State::Dollar(_) => "(in a text between $$)",
    }))
}

impl Highlighter for Sql {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[2m{hint}\x1b[0m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_runs_what_is_complete() {
        let complete =
            ["select 1;", "select 1\n+ 2;", "select ';\n';", "\\d store", "", "\\x\nselect 1;", "-- nothing"];
        let open = ["select 1", "select ';", "select\n\\x", "select $$;", "select 1; select 2", "/* ;"];
        for text in complete {
            assert!(is_complete(text), "{text}");
        }
        for text in open {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn a_new_line_tells_what_is_open() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(what_is_open(text).map(|remark| remark.0), expected, "{text}");
        };
        check("select 1", None);
        check("select 1\n", Some("-- to be ended by ;"));
        check("select 'a\n", Some("(in a text that ' ends)"));
        check("select \"a\n", Some("(in a name that \" ends)"));
        check("select /* a\n", Some("(in a comment that */ ends)"));
        check("select $$\n", Some("(in a text between $$)"));
        check("select 'a\nb", None);
    }

    fn editor() -> LineEditor {
        LineEditor { editor: Editor::new().expect("an editor"), history: None }
    }

    #[test]
    fn entries_last_over_sessions_and_others_cannot_read_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let entries = ["select 1;", "select\n  'a\\nb' as x;", "\\d store"];
        let mut first = LineEditor { history: Some(path.clone()), ..editor() };
        entries.iter().for_each(|entry| first.remember(entry));
        let mut second = editor();
        second.editor.load_history(&path).expect("read");
        assert!(second.editor.history().iter().eq(entries));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut editor = LineEditor { history: Some(folder.path().to_owned()), ..editor() };
        editor.remember("select 1;");
        assert_eq!(editor.history, None);
    }
}

//! The terminal of a person: editing over several lines, history, completion.
//!
//! ```text
//! bytes ──▶ keys ──▶ Editing (buffer, history, search, completion) ──▶ layout ──▶ what is sent to the terminal
//! ```
//!
//! Enter ends the input where the statement is complete, and begins a new line where it is not: the whole statement is edited as
//! one text, each line behind a prompt that tells what is open. Alt and Enter begin a new line anywhere.
//!
//! An editor of our own, since the usual ones want more of `libc`, `rustix` or `mio` than DataFusion's tree has, and would
//! have all of it compiled anew; and none of them shows a prompt before further lines. [`Editing`] needs no terminal: it takes
//! keys and gives what is to be drawn.

mod buffer;
mod history;
mod keys;
mod raw;
mod screen;

use std::io;

use futures::future::BoxFuture;

use self::buffer::Buffer;
use self::history::History;
use self::keys::Key;
use self::raw::RawTerminal;
use self::screen::{Layout, Painter, layout};
use super::complete::{Names, complete};
use super::display::{Sink, standard_output};
use super::pager::Screen;
use super::split::{Splitter, State};
use super::terminal::{Input, Terminal, ctrl_c, show_on_screen};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::paths;

/// More candidates than this are counted and not listed.
const LISTED_CANDIDATES: usize = 100;
/// The screen where the terminal does not tell.
const USUAL_SCREEN: Screen = Screen { rows: 24, columns: 80 };

/// What a key led to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Draw again.
    Draw,
    /// List these below, and draw again.
    List(Vec<String>),
    /// Clear the screen, and draw again.
    Clear,
    /// The input is complete.
    Done(Input),
}

/// One input while it is edited.
struct Editing<'a> {
    buffer: Buffer,
    history: &'a mut History,
    names: &'a Names,
    search: Option<Search>,
}

/// A search backwards in the history.
struct Search {
    text: String,
    /// The number of the entry that was found.
    found: usize,
    /// What was edited before.
    before: String,
}

impl<'a> Editing<'a> {
    fn new(history: &'a mut History, names: &'a Names) -> Self {
        history.rewind();
        Self { buffer: Buffer::default(), history, names, search: None }
    }

    /// Does what a key asks for.
    fn press(&mut self, key: Key) -> Step {
        if self.search.is_some() {
            match self.press_in_search(key) {
                Ok(step) => return step,
                // Any other key ends the search and does what it does.
                Err(key) => {
                    self.search = None;
                    return self.press(key);
                }
            }
        }
        let buffer = &mut self.buffer;
        match key {
            Key::Char(c) => buffer.insert(c.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => buffer.insert(&text),
            Key::NewLine => buffer.insert("\n"),
            Key::Enter if is_complete(buffer.text()) => {
                buffer.go_to_end();
                return Step::Done(Input::Line(buffer.text().to_owned()));
            }
            Key::Enter => buffer.insert("\n"),
            Key::Backspace => buffer.backspace(),
            Key::End if buffer.is_empty() => return Step::Done(Input::End),
            Key::Delete | Key::End => buffer.delete(),
            Key::Left => buffer.left(),
            Key::Right => buffer.right(),
            Key::WordLeft => buffer.go_to_word_left(),
            Key::WordRight => buffer.go_to_word_right(),
            Key::LineStart => buffer.go_to_line_start(),
            Key::LineEnd => buffer.go_to_line_end(),
            Key::Up => {
                if !buffer.up() {
                    self.walk_back();
                }
            }
            Key::Down => {
                if !buffer.down() {
                    self.walk_forth();
                }
            }
            Key::Previous => self.walk_back(),
            Key::Next => self.walk_forth(),
            Key::KillToEnd => buffer.kill_to_end(),
            Key::KillToStart => buffer.kill_to_start(),
            Key::KillWordLeft => buffer.kill_word_left(),
            Key::KillWordRight => buffer.kill_word_right(),
            Key::Yank => buffer.yank(),
            Key::ClearScreen => return Step::Clear,
            Key::Tab => return self.complete(),
            Key::Search => {
                let before = buffer.text().to_owned();
                self.search = Some(Search { text: String::new(), found: self.history.len(), before });
            }
            Key::Interrupt => {
                buffer.go_to_end();
                return Step::Done(Input::Interrupted);
            }
            Key::Closed => return Step::Done(Input::End),
            Key::Abort | Key::Unknown => {}
        }
        Step::Draw
    }

    fn walk_back(&mut self) {
        if let Some(entry) = self.history.previous(self.buffer.text()) {
            self.buffer.set(entry);
        }
    }

    fn walk_forth(&mut self) {
        if let Some(entry) = self.history.next() {
            self.buffer.set(entry);
        }
    }

    /// What a key does to a search; the key itself if it ends it.
    fn press_in_search(&mut self, key: Key) -> Result<Step, Key> {
        let Some(search) = &mut self.search else { return Err(key) };
        let from = match key {
            Key::Char(c) => {
                search.text.push(c);
                search.found.saturating_add(1)
            }
            Key::Backspace => {
                search.text.pop();
                self.history.len()
            }
            Key::Search => search.found,
            Key::Abort | Key::Interrupt => {
                self.buffer.set(&search.before);
                self.search = None;
                return Ok(Step::Draw);
            }
            key => return Err(key),
        };
        // Where nothing more is found, what was found stays.
        if let Some((number, entry)) = self.history.find(&search.text, from) {
            search.found = number;
            self.buffer.set(entry);
        }
        Ok(Step::Draw)
    }

    /// Completes as far as the candidates agree, and lists them where they do not.
    fn complete(&mut self) -> Step {
        let found = complete(self.buffer.text(), self.buffer.cursor(), self.names);
        let word_length = self.buffer.cursor() - found.start;
        let Some(common) = common_start(&found.candidates) else { return Step::Draw };
        if found.candidates.len() == 1 || common.len() > word_length {
            self.buffer.replace_from(found.start, common);
            return Step::Draw;
        }
        Step::List(found.candidates)
    }

    fn layout(&self, columns: usize) -> Layout {
        let text = self.buffer.text();
        match &self.search {
            Some(search) => layout(text, self.buffer.cursor(), &[&format!("(search `{}`) ", search.text)], columns),
            None => layout(text, self.buffer.cursor(), &prompts(text), columns),
        }
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

/// What stands before each line of a text.
fn prompts(text: &str) -> Vec<&'static str> {
    let mut splitter = Splitter::default();
    text.split('\n')
        .map(|line| {
            let prompt = prompt(&splitter);
            splitter.push(line);
            prompt
        })
        .collect()
}

/// What stands before a line: it tells what is open.
fn prompt(splitter: &Splitter) -> &'static str {
    match splitter.state() {
        State::Normal | State::LineComment if !splitter.has_begun() => "dsbench> ",
        State::Normal | State::LineComment => "      -> ",
        State::Quoted { end: '\'', .. } => "      '> ",
        State::Quoted { .. } => "      \"> ",
        State::BlockComment(_) => "      *> ",
        State::Dollar(_) => "      $> ",
    }
}

/// The longest text that all candidates begin with; nothing for no candidates.
fn common_start(candidates: &[String]) -> Option<&str> {
    let first = candidates.first()?;
    let agree = |other: &String| {
        let same = first.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
        same.map_or(first.len().min(other.len()), |((index, _), _)| index)
    };
    let length = candidates.iter().map(agree).min()?;
    Some(&first[..length])
}

/// The candidates as rows of columns, down the first column first; those beyond a number are counted.
fn in_columns(candidates: &[String], width: usize) -> Vec<String> {
    let listed = &candidates[..candidates.len().min(LISTED_CANDIDATES)];
    let cell_width = listed.iter().map(|candidate| candidate.chars().count()).max().unwrap_or(0) + 2;
    let column_count = (width / cell_width).max(1);
    let row_count = listed.len().div_ceil(column_count);
    let row = |index: usize| {
        let cells = listed.iter().skip(index).step_by(row_count);
        cells.map(|cell| format!("{cell:<cell_width$}")).collect::<String>().trim_end().to_owned()
    };
    let mut rows: Vec<String> = (0..row_count).map(row).collect();
    if listed.len() < candidates.len() {
        rows.push(format!("… and {} more", candidates.len() - listed.len()));
    }
    rows
}

/// A person at a terminal.
pub(super) struct LineEditor {
    history: History,
    names: Names,
}

impl LineEditor {
    /// Whether keys can be read one by one here.
    pub(super) fn is_possible() -> bool {
        cfg!(unix) && std::env::var_os("TERM").is_some_and(|name| name != "dumb")
    }

    pub(super) fn new() -> Self {
        Self { history: open_history(), names: Names::default() }
    }

    fn edit(&mut self) -> io::Result<Input> {
        let raw = RawTerminal::enter()?;
        let mut editing = Editing::new(&mut self.history, &self.names);
        let mut painter = Painter::default();
        let input = loop {
            let screen = screen().unwrap_or(USUAL_SCREEN);
            raw::write(&painter.draw(&editing.layout(screen.columns), screen))?;
            match editing.press(keys::read(&mut raw::read_byte)?) {
                Step::Draw => {}
                Step::List(candidates) => {
                    let list = in_columns(&candidates, screen.columns).join("\r\n");
                    raw::write(&format!("{}{list}\r\n", painter.leave()))?;
                }
                Step::Clear => {
                    painter.forget();
                    raw::write("\x1b[H\x1b[2J")?;
                }
                Step::Done(input) => {
                    raw::write(&painter.draw(&editing.layout(screen.columns), screen))?;
                    let mark = if input == Input::Interrupted { "^C" } else { "" };
                    raw::write(&format!("{mark}{}", painter.leave()))?;
                    break input;
                }
            }
        };
        drop(raw);
        Ok(input)
    }
}

/// A history that cannot be kept is no reason not to work; it is said once.
fn open_history() -> History {
    let Some(folder) = paths::state_dir() else { return History::default() };
    let path = folder.join("sql_history");
    match std::fs::create_dir_all(&folder).and_then(|()| History::open(&path)) {
        Ok(history) => history,
        Err(error) => {
            output::note(&format!("the history in {} cannot be used: {error}", path.display()));
            History::default()
        }
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

impl Terminal for LineEditor {
    fn is_interactive(&self) -> bool {
        true
    }

    fn read(&mut self) -> Result<Input, Failure> {
        self.edit().map_err(|error| Failure::Other(format!("cannot read from the terminal: {error}")))
    }

    fn remember(&mut self, entry: &str) {
        if let Err(error) = self.history.add(entry) {
            output::note(&format!("the history cannot be kept: {error}"));
        }
    }

    fn show(&mut self, text: &str, pages: bool) -> Result<(), Failure> {
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
        self.names = names;
    }

    fn interrupted(&self) -> BoxFuture<'static, ()> {
        ctrl_c()
    }
}

#[cfg(test)]
mod tests {
    use super::super::complete::TableNames;
    use super::*;

    fn names() -> Names {
        let table = |name: &str| TableNames { name: name.to_owned(), columns: vec![format!("{name}_sk")] };
        Names { tables: vec![table("store"), table("store_sales"), table("reason")], ..Names::default() }
    }

    /// Types bytes with a history of three entries; expects the input, or the text and the place of the cursor (`▮`) so far.
    #[track_caller]
    fn check(bytes: &str, expected: Result<Input, &str>) {
        let mut history = History::default();
        for entry in ["select 1;", "select\n  2;", "set x = 3;"] {
            history.add(entry).expect("kept");
        }
        let names = names();
        let mut editing = Editing::new(&mut history, &names);
        let mut bytes = bytes.bytes();
        let mut ended = None;
        while ended.is_none() {
            let key = keys::read(&mut || Ok(bytes.next())).expect("memory");
            if key == Key::Closed {
                break;
            }
            if let Step::Done(input) = editing.press(key) {
                ended = Some(input);
            }
        }
        let mut text = editing.buffer.text().to_owned();
        text.insert(editing.buffer.cursor(), '▮');
        match (ended, expected) {
            (Some(found), Ok(expected)) => assert_eq!(found, expected),
            (None, Err(expected)) => assert_eq!(text, expected),
            (found, _) => panic!("{found:?} {text}"),
        }
    }

    fn line(text: &str) -> Result<Input, &'static str> {
        Ok(Input::Line(text.to_owned()))
    }

    #[test]
    fn enter_runs_what_is_complete() {
        check("select 1;\r", line("select 1;"));
        check("select 1\r", Err("select 1\n▮"));
        check("select 1\r+ 2;\r", line("select 1\n+ 2;"));
        check("select ';\r';\r", line("select ';\n';"));
        check("\\d store\r", line("\\d store"));
        check("select\r\\x\r", Err("select\n\\x\n▮"));
        check("\r", line(""));
        check("-- nothing\r", line("-- nothing"));
        check("/* open\r", Err("/* open\n▮"));
        check("select 1;\x1b\r", Err("select 1;\n▮"));
        check("select 1;\x01\r", line("select 1;"));
    }

    #[test]
    fn several_lines_are_one_text() {
        check("select\rx;\x1b[A\x05 a,\r", line("select a,\nx;"));
        check("select\rx;\x1b[A\x01\x0b\x0b", Err("▮x;"));
        check("\x1b[200~select 1;\nselect 2;\n\x1b[201~", Err("select 1;\nselect 2;\n▮"));
        check("\x1b[200~select 1;\nselect 2;\n\x1b[201~\r", line("select 1;\nselect 2;\n"));
    }

    #[test]
    fn interrupt_and_end() {
        check("select\x03", Ok(Input::Interrupted));
        check("\x04", Ok(Input::End));
        check("ab\x02\x04", Err("a▮"));
    }

    #[test]
    fn the_history_is_walked_and_edited() {
        check("\x1b[A", Err("set x = 3;▮"));
        check("\x1b[A\x1b[A", Err("select\n  2;▮"));
        // Inside of an entry of several lines the arrows move between its lines first.
        check("\x1b[A\x1b[A\x1b[A", Err("sele▮ct\n  2;"));
        check("\x1b[A\x1b[A\x1b[A\x1b[A", Err("select 1;▮"));
        check("typed\x1b[A\x1b[B", Err("typed▮"));
        check("\x10\x10\x10\x10\x0e", Err("select\n  2;▮"));
        check("\x1b[A\x7f\x7f4;\r", line("set x = 4;"));
    }

    #[test]
    fn the_history_is_searched() {
        check("\x12sel", Err("select\n  2;▮"));
        check("\x12sel\x12", Err("select 1;▮"));
        check("\x12sel\x12\x12", Err("select 1;▮"));
        check("\x12set\r", line("set x = 3;"));
        check("\x12sel\x7f\x7f\x7f", Err("set x = 3;▮"));
        check("typed\x12set\x07", Err("typed▮"));
        check("typed\x12set\x03", Err("typed▮"));
        check("\x12nothing", Err("▮"));
        check("\x12set\x01", Err("▮set x = 3;"));
    }

    #[test]
    fn tab_completes_as_far_as_is_certain() {
        check("select * from re\t", Err("select * from reason▮"));
        check("select * from s\t", Err("select * from store▮"));
        check("select * from store\t", Err("select * from store▮"));
        check("select r\r from reason\x1b[A\x05eason_\t", Err("select reason_sk▮\n from reason"));
        check("select * from x\t", Err("select * from x▮"));
        check("\\timi\t", Err("\\timing▮"));
    }

    #[test]
    fn tab_lists_what_is_uncertain() {
        let (mut history, names) = (History::default(), names());
        let mut editing = Editing::new(&mut history, &names);
        editing.buffer.set("select * from store");
        assert_eq!(editing.press(Key::Tab), Step::List(vec!["store".to_owned(), "store_sales".to_owned()]));
    }

    #[track_caller]
    fn check_columns(count: usize, width: usize, expected: &[&str]) {
        let candidates: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
        let rows = in_columns(&candidates, width);
        assert_eq!(rows[rows.len() - expected.len()..], *expected);
    }

    #[test]
    fn candidates_are_listed_in_columns() {
        check_columns(1, 80, &["c0"]);
        check_columns(5, 8, &["c0  c3", "c1  c4", "c2"]);
        check_columns(5, 80, &["c0  c1  c2  c3  c4"]);
        check_columns(2, 1, &["c0", "c1"]);
        check_columns(LISTED_CANDIDATES + 7, 5, &["c99", "… and 7 more"]);
    }

    #[test]
    fn every_line_has_its_prompt() {
        assert_eq!(
            prompts("select 'a\nb'\n/*\n*/ from $$\n$$;\n"),
            ["dsbench> ", "      '> ", "      -> ", "      *> ", "      $> ", "dsbench> ",]
        );
        assert_eq!(prompts("-- x\nselect \"a\n"), ["dsbench> ", "dsbench> ", "      \"> "]);
        let (mut history, names) = (History::default(), names());
        let mut editing = Editing::new(&mut history, &names);
        editing.buffer.set("select\n1");
        assert_eq!(editing.layout(80), layout("select\n1", 8, &["dsbench> ", "      -> "], 80));
        editing.press(Key::Search);
        editing.press(Key::Char('x'));
        assert_eq!(editing.layout(80), layout("select\n1", 8, &["(search `x`) "], 80));
    }

    #[track_caller]
    fn check_common(candidates: &[&str], expected: Option<&str>) {
        let candidates: Vec<String> = candidates.iter().map(|c| (*c).to_owned()).collect();
        assert_eq!(common_start(&candidates), expected);
    }

    #[test]
    fn candidates_agree_on_their_beginning() {
        check_common(&["store", "store_sales"], Some("store"));
        check_common(&["one"], Some("one"));
        check_common(&["äb", "äc"], Some("ä"));
        check_common(&["a", "b"], Some(""));
        check_common(&[], None);
    }
}

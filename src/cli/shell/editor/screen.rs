//! What is drawn: the lines with their prompts, wrapped at the edge of the screen, and the cursor.
//!
//! Nothing is left to the terminal's own wrapping, which differs in the last column: each row is ended here. A text that has
//! more rows than the screen is shown in the part around the cursor.

use unicode_width::UnicodeWidthChar;

use crate::cli::shell::pager::Screen;

/// Rows of characters, and the place of the cursor in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    rows: Vec<String>,
    cursor: (usize, usize),
}

/// Arranges the lines, each after its prompt; `cursor` is a byte position in the text.
pub(super) fn layout(text: &str, cursor: usize, prompts: &[&str], columns: usize) -> Layout {
    let columns = columns.max(2);
    let mut layout = Layout { rows: Vec::new(), cursor: (0, 0) };
    let mut begin = 0;
    for (index, line) in text.split('\n').enumerate() {
        let prompt = prompts.get(index).copied().unwrap_or_default();
        let mut row = String::new();
        let mut width = 0;
        let mut put = |c: char, rows: &mut Vec<String>, row: &mut String| {
            let (c, c_width) = shown(c);
            if width + c_width > columns {
                rows.push(std::mem::take(row));
                width = 0;
            }
            row.push(c);
            width += c_width;
            width
        };
        let mut at = 0;
        for c in prompt.chars() {
            at = put(c, &mut layout.rows, &mut row);
        }
        for (offset, c) in line.char_indices() {
            if begin + offset == cursor {
                layout.cursor = place(layout.rows.len(), at, columns);
            }
            at = put(c, &mut layout.rows, &mut row);
        }
        if begin + line.len() == cursor {
            layout.cursor = place(layout.rows.len(), at, columns);
        }
        layout.rows.push(row);
        begin += line.len() + 1;
    }
    // Behind a row that is full, the cursor stands on the next one.
    if layout.cursor.0 == layout.rows.len() {
        layout.rows.push(String::new());
    }
    layout
}

fn place(row: usize, width: usize, columns: usize) -> (usize, usize) {
    if width >= columns { (row + 1, 0) } else { (row, width) }
}

/// A character as it is drawn, with its width.
fn shown(c: char) -> (char, usize) {
    match c.width() {
        Some(0) => (c, 0),
        Some(width) => (c, width),
        None => (' ', 1),
    }
}

/// Draws layouts over each other.
#[derive(Debug, Default)]
pub(super) struct Painter {
    /// The row of the cursor below the first row that was drawn.
    cursor_row: usize,
    /// The rows that were drawn.
    row_count: usize,
}

impl Painter {
    /// What to send to the terminal in order to show this instead of what was drawn before.
    pub(super) fn draw(&mut self, layout: &Layout, screen: Screen) -> String {
        let height = screen.rows.max(1);
        let top = visible_top(layout, height);
        let rows = &layout.rows[top..layout.rows.len().min(top + height)];
        let mut out = self.to_top();
        out.push_str("\x1b[J");
        out.push_str(&rows.join("\r\n"));
        let (row, column) = (layout.cursor.0 - top, layout.cursor.1);
        let below = rows.len() - 1 - row;
        if below > 0 {
            out.push_str(&format!("\x1b[{below}A"));
        }
        out.push('\r');
        if column > 0 {
            out.push_str(&format!("\x1b[{column}C"));
        }
        (self.cursor_row, self.row_count) = (row, rows.len());
        out
    }

    /// Moves below what was drawn, where something else may be printed.
    pub(super) fn leave(&mut self) -> String {
        let below = self.row_count.saturating_sub(self.cursor_row + 1);
        let mut out = if below > 0 { format!("\x1b[{below}B") } else { String::new() };
        out.push_str("\r\n");
        *self = Self::default();
        out
    }

    /// Forgets what was drawn, as after the screen was cleared.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn to_top(&self) -> String {
        match self.cursor_row {
            0 => "\r".to_owned(),
            rows => format!("\r\x1b[{rows}A"),
        }
    }
}

/// The first row that is shown: the last rows, unless the cursor is above them.
fn visible_top(layout: &Layout, height: usize) -> usize {
    let last = layout.rows.len().saturating_sub(height);
    last.min(layout.cursor.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, columns: usize, rows: &[&str], cursor: (usize, usize)) {
        let at = text.find('▮').expect("a cursor");
        let found = layout(&text.replacen('▮', "", 1), at, &["> ", "- ", "- "], columns);
        assert_eq!((found.rows, found.cursor), (rows.iter().map(|row| (*row).to_owned()).collect(), cursor));
    }

    #[test]
    fn lines_have_prompts_and_wrap() {
        check("▮", 10, &["> "], (0, 2));
        check("abc▮", 10, &["> abc"], (0, 5));
        check("a▮bc", 10, &["> abc"], (0, 3));
        check("ab\nc▮d", 10, &["> ab", "- cd"], (1, 3));
        check("ab▮\ncd", 10, &["> ab", "- cd"], (0, 4));
        check("abcdef▮", 5, &["> abc", "def"], (1, 3));
        check("abcde▮f", 5, &["> abc", "def"], (1, 2));
        check("a\n\n▮", 5, &["> a", "- ", "- "], (2, 2));
    }

    #[test]
    fn a_full_row_puts_the_cursor_on_the_next_one() {
        check("abc▮", 5, &["> abc", ""], (1, 0));
        check("abc▮d", 5, &["> abc", "d"], (1, 0));
        check("abc▮\nx", 5, &["> abc", "- x"], (1, 0));
    }

    #[test]
    fn wide_and_strange_characters() {
        check("日本▮", 10, &["> 日本"], (0, 6));
        check("日本▮", 5, &["> 日", "本"], (1, 2));
        check("a\tb▮", 10, &["> a b"], (0, 5));
    }

    #[track_caller]
    fn check_drawn(painter: &mut Painter, text: &str, rows: usize, expected: &str) {
        let at = text.find('▮').expect("a cursor");
        let found = layout(&text.replacen('▮', "", 1), at, &["> ", "- ", "- ", "- "], 20);
        assert_eq!(painter.draw(&found, Screen { rows, columns: 20 }), expected);
    }

    #[test]
    fn each_drawing_covers_the_last_one() {
        let mut painter = Painter::default();
        check_drawn(&mut painter, "a\nb▮", 24, "\r\x1b[J> a\r\n- b\r\x1b[3C");
        check_drawn(&mut painter, "a▮\nb", 24, "\r\x1b[1A\x1b[J> a\r\n- b\x1b[1A\r\x1b[3C");
        check_drawn(&mut painter, "▮", 24, "\r\x1b[J> \r\x1b[2C");
        assert_eq!(painter.leave(), "\r\n");
        check_drawn(&mut painter, "▮\nb", 24, "\r\x1b[J> \r\n- b\x1b[1A\r\x1b[2C");
        assert_eq!(painter.leave(), "\x1b[1B\r\n");
    }

    #[test]
    fn a_long_text_is_shown_around_the_cursor() {
        let mut painter = Painter::default();
        check_drawn(&mut painter, "a\nb\nc\nd▮", 2, "\r\x1b[J- c\r\n- d\r\x1b[3C");
        check_drawn(&mut painter, "a▮\nb\nc\nd", 2, "\r\x1b[1A\x1b[J> a\r\n- b\x1b[1A\r\x1b[3C");
    }
}

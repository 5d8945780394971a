//! The text that is edited, and the cursor in it.

/// A text of one or several lines with a cursor between two of its characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Buffer {
    text: String,
    /// A byte position on a character's border.
    cursor: usize,
    /// What was killed last.
    killed: String,
}

impl Buffer {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Another text, with the cursor at its end.
    pub(super) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.cursor = self.text.len();
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Puts `text` in place of what stands from `start` to the cursor.
    pub(super) fn replace_from(&mut self, start: usize, text: &str) {
        self.text.replace_range(start..self.cursor, text);
        self.cursor = start + text.len();
    }

    fn previous(&self) -> usize {
        self.text[..self.cursor].chars().next_back().map_or(self.cursor, |c| self.cursor - c.len_utf8())
    }

    fn next(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    pub(super) fn left(&mut self) {
        self.cursor = self.previous();
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.next();
    }

    pub(super) fn backspace(&mut self) {
        self.replace_from(self.previous(), "");
    }

    pub(super) fn delete(&mut self) {
        let end = self.next();
        self.text.replace_range(self.cursor..end, "");
    }

    fn line_start(&self) -> usize {
        self.text[..self.cursor].rfind('\n').map_or(0, |i| i + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.cursor..].find('\n').map_or(self.text.len(), |i| self.cursor + i)
    }

    pub(super) fn go_to_line_start(&mut self) {
        self.cursor = self.line_start();
    }

    pub(super) fn go_to_line_end(&mut self) {
        self.cursor = self.line_end();
    }

    pub(super) fn go_to_end(&mut self) {
        self.cursor = self.text.len();
    }

    /// To the same column of the line above; false on the first line.
    pub(super) fn up(&mut self) -> bool {
        let start = self.line_start();
        let Some(end) = start.checked_sub(1) else { return false };
        let column = self.text[start..self.cursor].chars().count();
        let above = self.text[..end].rfind('\n').map_or(0, |i| i + 1);
        self.cursor = above + at_column(&self.text[above..end], column);
        true
    }

    /// To the same column of the line below; false on the last line.
    pub(super) fn down(&mut self) -> bool {
        let end = self.line_end();
        if end == self.text.len() {
            return false;
        }
        let column = self.text[self.line_start()..self.cursor].chars().count();
        let below = end + 1;
        let length = self.text[below..].find('\n').unwrap_or(self.text.len() - below);
        self.cursor = below + at_column(&self.text[below..below + length], column);
        true
    }

    /// The start of the word at or before the cursor.
    fn word_left(&self) -> usize {
        let before = self.text[..self.cursor].trim_end_matches(|c: char| !is_word(c));
        before.trim_end_matches(is_word).len()
    }

    /// The end of the word at or after the cursor.
    fn word_right(&self) -> usize {
        let after = self.text[self.cursor..].trim_start_matches(|c: char| !is_word(c)).trim_start_matches(is_word);
        self.text.len() - after.len()
    }

    pub(super) fn go_to_word_left(&mut self) {
        self.cursor = self.word_left();
    }

    pub(super) fn go_to_word_right(&mut self) {
        self.cursor = self.word_right();
    }

    fn kill(&mut self, start: usize, end: usize) {
        if start < end {
            self.killed = self.text[start..end].to_owned();
            self.text.replace_range(start..end, "");
            self.cursor = start;
        }
    }

    /// To the end of the line, or the line's end itself, so that the next one comes up.
    pub(super) fn kill_to_end(&mut self) {
        let end = self.line_end();
        self.kill(self.cursor, if end == self.cursor { self.next() } else { end });
    }

    pub(super) fn kill_to_start(&mut self) {
        self.kill(self.line_start(), self.cursor);
    }

    pub(super) fn kill_word_left(&mut self) {
        self.kill(self.word_left(), self.cursor);
    }

    pub(super) fn kill_word_right(&mut self) {
        self.kill(self.cursor, self.word_right());
    }

    pub(super) fn yank(&mut self) {
        let killed = self.killed.clone();
        self.insert(&killed);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The byte position of a column, or the line's end if it is shorter.
fn at_column(line: &str, column: usize) -> usize {
    line.char_indices().nth(column).map_or(line.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `▮` marks the cursor, before and after.
    #[track_caller]
    fn check(before: &str, change: impl FnOnce(&mut Buffer), after: &str) {
        let cursor = before.find('▮').expect("a cursor");
        let mut buffer = Buffer { text: before.replacen('▮', "", 1), cursor, killed: "killed".to_owned() };
        change(&mut buffer);
        let mut found = buffer.text.clone();
        found.insert(buffer.cursor, '▮');
        assert_eq!(found, after);
    }

    #[test]
    fn inserting_and_deleting() {
        check("a▮c", |b| b.insert("b"), "ab▮c");
        check("ä▮", Buffer::backspace, "▮");
        check("▮a", Buffer::backspace, "▮a");
        check("▮äb", Buffer::delete, "▮b");
        check("a▮", Buffer::delete, "a▮");
        check("a\n▮b", Buffer::backspace, "a▮b");
        check("select fo▮", |b| b.replace_from(7, "from "), "select from ▮");
        check("a▮b", |b| b.set("xyz"), "xyz▮");
    }

    #[test]
    fn moving() {
        check("ä▮", Buffer::left, "▮ä");
        check("▮ä", Buffer::left, "▮ä");
        check("▮äb", Buffer::right, "ä▮b");
        check("ä▮", Buffer::right, "ä▮");
        check("ab\nc▮d\ne", Buffer::go_to_line_start, "ab\n▮cd\ne");
        check("ab\nc▮d\ne", Buffer::go_to_line_end, "ab\ncd▮\ne");
        check("a▮b\nc", Buffer::go_to_end, "ab\nc▮");
        check("one two_x  ▮", Buffer::go_to_word_left, "one ▮two_x  ");
        check("one ▮two", Buffer::go_to_word_left, "▮one two");
        check("one▮ two(three", Buffer::go_to_word_right, "one two▮(three");
        check("▮", Buffer::go_to_word_left, "▮");
        check("▮", Buffer::go_to_word_right, "▮");
    }

    #[test]
    fn moving_between_lines() {
        check("abc\ndef▮", |b| assert!(b.up()), "abc▮\ndef");
        check("ab\nde▮f\ng", |b| assert!(b.up()), "ab▮\ndef\ng");
        check("a\ndef▮", |b| assert!(b.up()), "a▮\ndef");
        check("a▮b\nc", |b| assert!(!b.up()), "a▮b\nc");
        check("ab▮\ncdef\ng", |b| assert!(b.down()), "ab\ncd▮ef\ng");
        check("abc▮\nd", |b| assert!(b.down()), "abc\nd▮");
        check("ab▮\n\nc", |b| assert!(b.down()), "ab\n▮\nc");
        check("a\nb▮", |b| assert!(!b.down()), "a\nb▮");
        check("äö▮\nüß", |b| assert!(b.down()), "äö\nüß▮");
    }

    #[test]
    fn killing_and_yanking() {
        check("a▮bc\nd", Buffer::kill_to_end, "a▮\nd");
        check("a▮\nd", Buffer::kill_to_end, "a▮d");
        check("a\nbc▮d", Buffer::kill_to_start, "a\n▮d");
        check("one two▮ three", Buffer::kill_word_left, "one ▮ three");
        check("one▮ two three", Buffer::kill_word_right, "one▮ three");
        check("a▮", Buffer::yank, "akilled▮");
        check(
            "ab▮",
            |b| {
                b.kill_to_start();
                b.yank();
                b.yank();
            },
            "abab▮",
        );
        check(
            "a▮",
            |b| {
                b.kill_to_end();
                b.yank();
            },
            "akilled▮",
        );
    }
}

//! A place in a text of SQL: lines and positions for people, a fragment with carets below it.
//!
//! ```text
//!   text   select 1,\n       2 / 0
//!   bytes                    17..22      ─▶  line 2, position 8, 5 characters
//! ```

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::{Location, Span};
use unicode_width::UnicodeWidthChar;

/// A fragment of a text that the user wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    text: Arc<str>,
    bytes: Range<usize>,
}

impl Place {
    /// The bytes of a text. They are clipped to it, and to whole characters.
    pub fn new(text: Arc<str>, bytes: Range<usize>) -> Self {
        let start = text.floor_char_boundary(bytes.start);
        let end = text.ceil_char_boundary(bytes.end).max(start);
        Self { text, bytes: start..end }
    }

    /// The place of sqlparser's tokens, which count lines and characters from 1 and end behind the last one.
    pub(crate) fn of_span(text: &Arc<str>, span: Span) -> Self {
        Self::new(Arc::clone(text), byte_of(text, span.start)..byte_of(text, span.end))
    }

    /// The line of the first character, from 1.
    pub fn line(&self) -> usize {
        self.text[..self.bytes.start].matches('\n').count() + 1
    }

    /// Where the first character stands in its line: characters from 1.
    pub fn column(&self) -> usize {
        let line = self.text[..self.bytes.start].rfind('\n').map_or(0, |end| end + 1);
        self.text[line..self.bytes.start].chars().count() + 1
    }

    /// How many characters the fragment has.
    pub fn length(&self) -> usize {
        self.fragment().chars().count()
    }

    /// The fragment as it was written.
    pub fn fragment(&self) -> &str {
        &self.text[self.bytes.clone()]
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {:?}", self.line(), self.column(), self.fragment())
    }
}

impl fmt::Display for Place {
    /// The lines that the fragment touches, with carets under the fragment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "== SQL (line {}, position {}) ==", self.line(), self.column())?;
        let mut start = self.text[..self.bytes.start].rfind('\n').map_or(0, |end| end + 1);
        for line in self.text[start..].split_inclusive('\n') {
            let shown = line.trim_end_matches(['\n', '\r']);
            let from = self.bytes.start.saturating_sub(start).min(shown.len());
            let to = self.bytes.end.saturating_sub(start).min(shown.len());
            // On later lines the indentation is no part of what failed.
            let from = from + if from == 0 { shown[..to].len() - shown[..to].trim_start().len() } else { 0 };
            write!(f, "\n{shown}")?;
            let carets = carets(&shown[..from], &shown[from..to]);
            if !carets.is_empty() {
                write!(f, "\n{carets}")?;
            }
            start += line.len();
            if start >= self.bytes.end {
                break;
            }
        }
        Ok(())
    }
}

/// Where in the text a location is, in bytes; its end for a location behind it.
pub(crate) fn byte_of(text: &str, location: Location) -> usize {
    let lines_before = usize::try_from(location.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let characters_before = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = match lines_before {
        0 => 0,
        count => text.match_indices('\n').nth(count - 1).map_or(text.len(), |(end, _)| end + 1),
    };
    text[line..].char_indices().nth(characters_before).map_or(text.len(), |(byte, _)| line + byte)
}

/// Carets under `marked`, after as much room as `before` takes: tabs stay tabs, and wide characters are two columns wide.
fn carets(before: &str, marked: &str) -> String {
    let marked = marked.trim_end();
    // At the end of the text there is nothing to mark, but a place to point to.
    let width: usize = marked.chars().map(|c| c.width().unwrap_or(1)).sum();
    if width == 0 && !before.is_empty() && !marked.is_empty() {
        return String::new();
    }
    let mut line = String::new();
    for c in before.chars() {
        match c {
            '\t' => line.push('\t'),
            c => line.extend(std::iter::repeat_n(' ', c.width().unwrap_or(1))),
        }
    }
    line.extend(std::iter::repeat_n('^', width.max(1)));
    line
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, fragment: &str, expected: &Expect) {
        let start = text.find(fragment).expect("the fragment is there");
        let place = Place::new(text.into(), start..start + fragment.len());
        let shown = format!("{} {} {}\n{place}", place.line(), place.column(), place.length());
        expected.assert_eq(&shown);
    }

    #[test]
    fn carets_stand_under_the_fragment() {
        check(
            "select 1/0 from t",
            "1/0",
            &expect![[r#"
                1 8 3
                == SQL (line 1, position 8) ==
                select 1/0 from t
                       ^^^"#]],
        );
        check(
            "select a,\n\tb /\n\t  0, c",
            "b /\n\t  0",
            &expect![[r#"
                2 2 8
                == SQL (line 2, position 2) ==
                	b /
                	^^^
                	  0, c
                	  ^"#]],
        );
        check(
            "select 'größe', '数据', 1/0",
            "1/0",
            &expect![[r#"
                1 23 3
                == SQL (line 1, position 23) ==
                select 'größe', '数据', 1/0
                                        ^^^"#]],
        );
        check(
            "select 1",
            "",
            &expect![[r#"
                1 1 0
                == SQL (line 1, position 1) ==
                select 1
                ^"#]],
        );
    }

    #[test]
    fn locations_count_characters() {
        let text = "ä b\nc";
        let byte = |line, column| byte_of(text, Location { line, column });
        assert_eq!([byte(1, 1), byte(1, 2), byte(1, 3), byte(2, 1), byte(2, 2), byte(9, 1)], [0, 2, 3, 5, 6, 6]);
    }

    #[test]
    fn bytes_outside_are_clipped() {
        let place = Place::new("ä".into(), 1..9);
        assert_eq!((place.column(), place.fragment()), (1, "ä"));
    }
}

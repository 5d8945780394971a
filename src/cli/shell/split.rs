//! Lines in, statements out: where a statement ends, as far as one can tell without parsing it.
//!
//! ```text
//! select 'a;b' -- not; here ⏎      nothing yet, the prompt says that a statement goes on
//!   from t; select 2 ⏎             "select 'a;b' … from t;" is complete, "select 2" goes on
//! ```
//!
//! A semicolon ends a statement unless it stands in quotes (`'…'`, `E'…\'…'`, `"…"`, `` `…` ``, `$tag$…$tag$`) or a comment
//! (`-- …`, nested `/* … */`). The scan goes on where the last line ended, so that a long statement is read once.

/// What the next character belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Plain SQL.
    Normal,
    /// A quoted text or name that ends with this character; a backslash hides the next character if `escapes`.
    Quoted {
        /// The character that ends it.
        end: char,
        /// Whether it is `E'…'`.
        escapes: bool,
    },
    /// To the end of the line.
    LineComment,
    /// `/* … */`, so many deep.
    BlockComment(usize),
    /// Between two `$tag$`.
    Dollar(String),
}

/// Collects lines until a statement is complete.
#[derive(Debug)]
pub(super) struct Splitter {
    /// The statement so far, with the comments before it.
    text: String,
    /// The bytes of `text` that were looked at.
    scanned: usize,
    state: State,
    /// Whether there is anything but blanks and comments.
    has_tokens: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { text: String::new(), scanned: 0, state: State::Normal, has_tokens: false }
    }
}

impl Splitter {
    /// Takes one line or several, and gives the statements that they complete.
    pub(super) fn push(&mut self, lines: &str) -> Vec<String> {
        self.text.push_str(lines);
        if !lines.ends_with('\n') {
            self.text.push('\n');
        }
        let mut complete = Vec::new();
        while self.scan() {
            let rest = self.text.split_off(self.scanned);
            let statement = std::mem::replace(&mut self.text, rest);
            // A semicolon alone is nothing to run.
            if self.has_tokens {
                complete.push(statement);
            }
            (self.scanned, self.has_tokens) = (0, false);
        }
        if self.text.trim().is_empty() {
            (self.text, self.scanned) = (String::new(), 0);
        }
        complete
    }

    /// What is left at the end of the input, if it is more than comments.
    pub(super) fn finish(&mut self) -> Option<String> {
        let this = std::mem::take(self);
        this.has_tokens.then_some(this.text)
    }

    /// Whether a statement has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.has_tokens
    }

    /// What the next line begins in.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The lines of the statement so far.
    pub(super) fn pending(&self) -> &str {
        &self.text
    }

    /// Whether a line that begins with a backslash is a command of the shell, and no part of a text or comment.
    pub(super) fn takes_commands(&self) -> bool {
        self.state == State::Normal
    }

    /// Looks at what was not looked at yet, to the next end of a statement. False if there is none.
    fn scan(&mut self) -> bool {
        while let Some(c) = self.text[self.scanned..].chars().next() {
            let rest = &self.text[self.scanned..];
            let (state, length) = match &self.state {
                State::Normal if c == ';' => {
                    self.scanned += 1;
                    return true;
                }
                State::Normal => {
                    let before = self.text[..self.scanned].chars().next_back();
                    let next = after_normal(before, c, rest);
                    self.has_tokens |= !c.is_whitespace() && !is_comment(&next.0);
                    next
                }
                State::Quoted { end, .. } if c == *end => (State::Normal, c.len_utf8()),
                State::Quoted { escapes: true, .. } if c == '\\' => {
                    (self.state.clone(), c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8))
                }
                State::LineComment if c == '\n' => (State::Normal, 1),
                State::BlockComment(depth) if rest.starts_with("/*") => (State::BlockComment(depth + 1), 2),
                State::BlockComment(1) if rest.starts_with("*/") => (State::Normal, 2),
                State::BlockComment(depth) if rest.starts_with("*/") => (State::BlockComment(depth - 1), 2),
                State::Dollar(tag) if rest.starts_with(tag.as_str()) => (State::Normal, tag.len()),
                state => (state.clone(), c.len_utf8()),
            };
            self.state = state;
            self.scanned += length;
        }
        false
    }
}

fn is_comment(state: &State) -> bool {
    matches!(state, State::LineComment | State::BlockComment(_))
}

/// The state after the character `c` of plain SQL, with which `rest` begins, and how many bytes that took.
fn after_normal(before: Option<char>, c: char, rest: &str) -> (State, usize) {
    let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match c {
        '\'' => (State::Quoted { end: '\'', escapes: false }, 1),
        'e' | 'E' if rest[1..].starts_with('\'') && !before.is_some_and(in_word) => {
            (State::Quoted { end: '\'', escapes: true }, 2)
        }
        '"' | '`' => (State::Quoted { end: c, escapes: false }, 1),
        '-' if rest.starts_with("--") => (State::LineComment, 2),
        '/' if rest.starts_with("/*") => (State::BlockComment(1), 2),
        '$' if !before.is_some_and(in_word) => match dollar_tag(rest) {
            Some(tag) => (State::Dollar(tag.to_owned()), tag.len()),
            None => (State::Normal, 1),
        },
        _ => (State::Normal, c.len_utf8()),
    }
}

/// `$$` or `$tag$` at the beginning; `$1` is a parameter and no tag.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 1;
    let name = &rest[1..end];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_numeric());
    is_name.then(|| &rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes line after line; expects the statements, trimmed, and what is left.
    #[track_caller]
    fn check(lines: &[&str], expected: &[&str], left: Option<&str>) {
        let mut splitter = Splitter::default();
        let statements: Vec<String> = lines.iter().flat_map(|line| splitter.push(line)).collect();
        let found: Vec<&str> = statements.iter().map(|statement| statement.trim()).collect();
        assert_eq!(found, expected);
        assert_eq!(splitter.finish().as_deref().map(str::trim), left);
    }

    #[test]
    fn a_semicolon_ends_a_statement() {
        check(&["select 1;"], &["select 1;"], None);
        check(&["select 1", "  + 2;"], &["select 1\n  + 2;"], None);
        check(&["select 1; select 2; select"], &["select 1;", "select 2;"], Some("select"));
        check(&["select 1"], &[], Some("select 1"));
        check(&["", "   ", ";", "; ;"], &[], None);
    }

    #[test]
    fn quotes_hide_it() {
        check(&["select ';', 'it''s;';"], &["select ';', 'it''s;';"], None);
        check(&["select 'a", ";b';"], &["select 'a\n;b';"], None);
        check(&["select \"a;b\", `c;d`;"], &["select \"a;b\", `c;d`;"], None);
        check(&[r"select e'\';', 'x\';"], &[r"select e'\';', 'x\';"], None);
        check(&[r"select fake'\'; select 2;"], &[r"select fake'\';", "select 2;"], None);
        check(&["select E'\\", "';';"], &["select E'\\\n';"], Some("';"));
        check(&["select 'ä;ö' as ü;"], &["select 'ä;ö' as ü;"], None);
        check(&["select '"], &[], Some("select '"));
    }

    #[test]
    fn dollar_quotes_hide_it() {
        check(&["select $$;$$, $a$;$$;$a$;"], &["select $$;$$, $a$;$$;$a$;"], None);
        check(
            &["create function f() as $py$", "x = 1;", "$py$; select 1;"],
            &["create function f() as $py$\nx = 1;\n$py$;", "select 1;"],
            None,
        );
        check(&["execute p($1); select a$b$c; select $2;"], &["execute p($1);", "select a$b$c;", "select $2;"], None);
    }

    #[test]
    fn comments_hide_it() {
        check(&["select 1 -- one; two", ";"], &["select 1 -- one; two\n;"], None);
        check(&["select /* ; /* ; */ ; */ 1;"], &["select /* ; /* ; */ ; */ 1;"], None);
        check(&["/* a", "* / ; */ select 1;"], &["/* a\n* / ; */ select 1;"], None);
        check(&["-- only a comment; really", "/* and ; another */"], &[], None);
        check(&["select 5 - -1 / 2;"], &["select 5 - -1 / 2;"], None);
        check(&["select 1; -- done"], &["select 1;"], None);
    }

    #[track_caller]
    fn check_state(line: &str, state: State, has_begun: bool) {
        let mut splitter = Splitter::default();
        splitter.push(line);
        assert_eq!((splitter.state(), splitter.has_begun()), (&state, has_begun), "{line}");
        assert_eq!(splitter.takes_commands(), state == State::Normal);
    }

    #[test]
    fn the_prompt_can_tell_what_is_open() {
        check_state("select 1", State::Normal, true);
        check_state("select 1;", State::Normal, false);
        check_state("-- x", State::Normal, false);
        check_state("select 'x", State::Quoted { end: '\'', escapes: false }, true);
        check_state("/* x", State::BlockComment(1), false);
        check_state("select $a$ x", State::Dollar("$a$".to_owned()), true);
    }

    #[test]
    fn a_long_statement_is_read_once() {
        let mut splitter = Splitter::default();
        for _ in 0..100_000 {
            assert!(splitter.push("union all select 1").is_empty());
        }
        assert_eq!(splitter.scanned, splitter.pending().len());
        assert_eq!(splitter.push(";").len(), 1);
    }
}

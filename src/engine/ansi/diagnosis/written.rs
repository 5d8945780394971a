//! A statement as it was written: its tokens with their bytes, and where in it a name, a call or an operation stands.

use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer, Word};

use crate::engine::ansi::place::Place;

/// What a name is for, which says what stands around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Column,
    Table,
    Function,
    TableFunction,
    Setting,
}

/// A token and its bytes in the whole text.
#[derive(Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) bytes: Range<usize>,
}

/// A statement within the text that the user wrote.
#[derive(Debug)]
pub(super) struct Written<'a> {
    text: &'a Arc<str>,
    bytes: Range<usize>,
    /// Its tokens without blanks and comments, up to the first character that begins none.
    lexemes: Vec<Lexeme>,
}

impl<'a> Written<'a> {
    /// The statement at these bytes, which are clipped to the text and to whole characters.
    pub(super) fn new(text: &'a Arc<str>, bytes: Range<usize>) -> Self {
        let start = text.floor_char_boundary(bytes.start);
        let bytes = start..text.ceil_char_boundary(bytes.end).max(start);
        let lexemes = lexemes(text, bytes.clone());
        Self { text, bytes, lexemes }
    }

    pub(super) fn place(&self, bytes: Range<usize>) -> Place {
        Place::new(Arc::clone(self.text), bytes)
    }

    pub(super) fn fragment(&self, bytes: &Range<usize>) -> &str {
        &self.text[bytes.clone()]
    }

    /// The bytes between two lines and columns of the whole text, if they lie in the statement; both count characters from 1.
    pub(super) fn between(&self, start: (u64, u64), end: (u64, u64)) -> Option<Range<usize>> {
        let mut cursor = Cursor::new(&self.text[..]);
        let start = cursor.seek(start);
        let bytes = start..cursor.seek(end);
        (self.bytes.start <= bytes.start && bytes.end <= self.bytes.end).then_some(bytes)
    }

    /// The token that begins at a line and column of the whole text; the character there, if no token does.
    pub(super) fn token_at(&self, location: (u64, u64)) -> Range<usize> {
        let at = Cursor::new(&self.text[..]).seek(location);
        if let Some(lexeme) = self.lexemes.iter().find(|lexeme| lexeme.bytes.start == at) {
            return lexeme.bytes.clone();
        }
        let next = self.text[at..].chars().next().filter(|c| !c.is_whitespace());
        at..at + next.map_or(0, char::len_utf8)
    }

    /// The empty place after the last token.
    pub(super) fn end(&self) -> Range<usize> {
        let end = match self.lexemes.last() {
            Some(last) => last.bytes.end,
            None => self.bytes.start + self.fragment(&self.bytes).trim_end().len(),
        };
        end..end
    }

    /// Where a name of these parts is written as a whole: within `span` if it is there, in its role if it is so anywhere, and
    /// else where it comes first. Within the span it may also be a part of a longer name.
    pub(super) fn find(&self, parts: &[&str], role: Role, span: Option<&Range<usize>>) -> Option<Range<usize>> {
        let mut best: Option<((bool, bool, bool), Range<usize>)> = None;
        if parts.is_empty() {
            return None;
        }
        for name in self.names() {
            for words in name.windows(parts.len()) {
                if !words.iter().zip(parts).all(|(&word, part)| is_word(&self.lexemes[word].token, part)) {
                    continue;
                }
                let (first, last) = (words[0], words[words.len() - 1]);
                let bytes = self.bytes_of(first, last);
                let is_part = words.len() < name.len();
                let is_outside = span.is_none_or(|span| bytes.start < span.start || span.end < bytes.end);
                let rank = (is_outside, !self.fits(role, first, last), is_part);
                if !(is_part && is_outside) && best.as_ref().is_none_or(|(least, _)| rank < *least) {
                    best = Some((rank, bytes));
                }
            }
        }
        best.map(|(_, bytes)| bytes)
    }

    /// The call of a function, from its name to its closing parenthesis. Which of several calls is meant, nobody says.
    pub(super) fn only_call(&self, name: &str) -> Option<Range<usize>> {
        let is_call =
            |index: usize| is_word(&self.lexemes[index].token, name) && self.token(index + 1) == Some(&Token::LParen);
        let start = only((0..self.lexemes.len()).filter(|&index| is_call(index)))?;
        Some(self.bytes_of(start, self.closing(start + 1)?))
    }

    /// The use of an operator with both of its operands, if there is one use and its operands are simple: names, values, calls
    /// and what stands in parentheses. Where another operator stands beside it, which one binds tighter is left to the parser.
    pub(super) fn only_operation(&self, operator: &str) -> Option<Range<usize>> {
        let at = only((0..self.lexemes.len()).filter(|&index| is_operator(&self.lexemes[index].token, operator)))?;
        if self.lexemes.iter().any(|lexeme| is_keyword(&lexeme.token, &[Keyword::BETWEEN])) {
            return None;
        }
        // NOT stands before LIKE, as a part of the operator.
        let is_negated = at > 0 && is_keyword(&self.lexemes[at - 1].token, &[Keyword::NOT]);
        let start = self.operand_before(at - usize::from(is_negated))?;
        let end = self.operand_after(at)?;
        // AND, OR and NOT bind looser than all other operators.
        let looser: &[Keyword] = match operator {
            "AND" | "OR" => &[],
            _ => &[Keyword::AND, Keyword::OR, Keyword::NOT],
        };
        let opens = match start.checked_sub(1).and_then(|index| self.token(index)) {
            None | Some(Token::LParen | Token::Comma | Token::SemiColon) => true,
            Some(token) => is_keyword(token, &BEFORE_EXPRESSIONS) || is_keyword(token, looser),
        };
        let closes = match self.token(end + 1) {
            None | Some(Token::RParen | Token::Comma | Token::SemiColon) => true,
            Some(Token::Word(Word { keyword: Keyword::NoKeyword, .. })) => true,
            Some(token) => is_keyword(token, &AFTER_EXPRESSIONS) || is_keyword(token, looser),
        };
        (opens && closes).then(|| self.bytes_of(start, end))
    }

    /// An operand with the sign or the NOT in front of it.
    pub(super) fn with_sign(&self, bytes: Range<usize>) -> Range<usize> {
        let before = self.lexemes.iter().rfind(|lexeme| lexeme.bytes.end <= bytes.start);
        let is_sign = |token: &Token| matches!(token, Token::Plus | Token::Minus) || is_keyword(token, &[Keyword::NOT]);
        match before {
            Some(sign) if is_sign(&sign.token) => sign.bytes.start..bytes.end,
            _ => bytes,
        }
    }

    /// The value of a `SET`: all after `=` or TO.
    pub(super) fn set_value(&self) -> Option<Range<usize>> {
        let is_sign = |token: &Token| *token == Token::Eq || is_keyword(token, &[Keyword::TO]);
        let sign = self.lexemes.iter().position(|lexeme| is_sign(&lexeme.token))?;
        let rest = &self.lexemes[sign + 1..];
        let count = rest.iter().position(|lexeme| lexeme.token == Token::SemiColon).unwrap_or(rest.len());
        (count > 0).then(|| self.bytes_of(sign + 1, sign + count))
    }

    fn token(&self, index: usize) -> Option<&Token> {
        self.lexemes.get(index).map(|lexeme| &lexeme.token)
    }

    /// From the first byte of one token to the last of another.
    fn bytes_of(&self, first: usize, last: usize) -> Range<usize> {
        self.lexemes[first].bytes.start..self.lexemes[last].bytes.end
    }

    /// The names with points between their parts, each as the indexes of its words.
    fn names(&self) -> Vec<Vec<usize>> {
        let mut names: Vec<Vec<usize>> = Vec::new();
        for (index, lexeme) in self.lexemes.iter().enumerate() {
            if !matches!(lexeme.token, Token::Word(_)) {
                continue;
            }
            let follows_point = index >= 2 && self.lexemes[index - 1].token == Token::Period;
            match names.last_mut() {
                Some(name) if follows_point && name.last() == Some(&(index - 2)) => name.push(index),
                _ => names.push(vec![index]),
            }
        }
        names
    }

    /// Whether what stands around a name is what stands around names of its kind.
    fn fits(&self, role: Role, first: usize, last: usize) -> bool {
        let before = first.checked_sub(1).and_then(|index| self.token(index));
        let is_before = |keywords: &[Keyword]| before.is_some_and(|token| is_keyword(token, keywords));
        let is_called = self.token(last + 1) == Some(&Token::LParen);
        let is_table = || is_before(&BEFORE_TABLES) || (before == Some(&Token::Comma) && self.is_in_from(first));
        match role {
            Role::Column => !is_called && !is_before(&[Keyword::AS]) && !is_before(&BEFORE_TABLES),
            Role::Table => is_table(),
            Role::Function => is_called,
            Role::TableFunction => is_called && is_table(),
            Role::Setting => true,
        }
    }

    /// Whether the clause that a token stands in is a FROM.
    fn is_in_from(&self, index: usize) -> bool {
        let clause = self.lexemes[..index].iter().rev().find(|lexeme| is_keyword(&lexeme.token, &CLAUSES));
        clause.is_some_and(|lexeme| is_keyword(&lexeme.token, &[Keyword::FROM, Keyword::JOIN]))
    }

    /// The parenthesis that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        self.counterpart(open..self.lexemes.len(), &Token::LParen, &Token::RParen)
    }

    /// Where the first parenthesis is closed that is met on the way.
    fn counterpart(&self, mut way: impl Iterator<Item = usize>, opening: &Token, closing: &Token) -> Option<usize> {
        let mut depth = 0_usize;
        way.find(|&index| {
            let token = &self.lexemes[index].token;
            depth += usize::from(token == opening);
            depth = depth.saturating_sub(usize::from(token == closing));
            depth == 0
        })
    }

    /// The first token of the simple operand that ends before an operator.
    fn operand_before(&self, operator: usize) -> Option<usize> {
        let last = operator.checked_sub(1)?;
        match &self.lexemes[last].token {
            Token::Number(..) => Some(last),
            // The word in front of a text is the type of its value, as in `date '2000-01-01'`.
            Token::SingleQuotedString(_) => Some(match last.checked_sub(1) {
                Some(word) if is_keyword(&self.lexemes[word].token, &TYPES_OF_TEXTS) => word,
                _ => last,
            }),
            Token::RParen => {
                let open = self.counterpart((0..=last).rev(), &Token::RParen, &Token::LParen)?;
                Some(match open.checked_sub(1) {
                    Some(name) if self.is_callable(name) => self.start_of_name(name),
                    _ => open,
                })
            }
            Token::Word(_) if self.is_operand(last) => Some(self.start_of_name(last)),
            _ => None,
        }
    }

    /// The last token of the simple operand that begins after an operator.
    fn operand_after(&self, operator: usize) -> Option<usize> {
        let first = operator + 1;
        match self.token(first)? {
            Token::Number(..) | Token::SingleQuotedString(_) => Some(first),
            Token::LParen => self.closing(first),
            token
                if is_keyword(token, &TYPES_OF_TEXTS)
                    && matches!(self.token(first + 1), Some(Token::SingleQuotedString(_))) =>
            {
                Some(first + 1)
            }
            Token::Word(_) if self.is_operand(first) => {
                let mut last = first;
                while self.token(last + 1) == Some(&Token::Period)
                    && matches!(self.token(last + 2), Some(Token::Word(_)))
                {
                    last += 2;
                }
                match self.token(last + 1) {
                    Some(Token::LParen) => self.closing(last + 1),
                    _ => Some(last),
                }
            }
            _ => None,
        }
    }

    fn start_of_name(&self, last: usize) -> usize {
        let mut first = last;
        while first >= 2
            && self.lexemes[first - 1].token == Token::Period
            && matches!(self.lexemes[first - 2].token, Token::Word(_))
        {
            first -= 2;
        }
        first
    }

    /// Whether a word is an operand or the name of one.
    fn is_operand(&self, index: usize) -> bool {
        let token = &self.lexemes[index].token;
        let is_syntax = [&BEFORE_EXPRESSIONS[..], &AFTER_EXPRESSIONS, &INSIDE_EXPRESSIONS].concat();
        matches!(token, Token::Word(_)) && !is_keyword(token, &is_syntax)
    }

    /// Whether the parenthesis after a word holds its arguments.
    fn is_callable(&self, index: usize) -> bool {
        self.is_operand(index) && !is_keyword(&self.lexemes[index].token, &[Keyword::IN])
    }
}

/// The words after which a table is named.
const BEFORE_TABLES: [Keyword; 9] = [
    Keyword::FROM,
    Keyword::JOIN,
    Keyword::INTO,
    Keyword::TABLE,
    Keyword::UPDATE,
    Keyword::VIEW,
    Keyword::DESCRIBE,
    Keyword::DESC,
    Keyword::EXISTS,
];

/// The words that begin a part of a statement in which commas can stand.
const CLAUSES: [Keyword; 8] = [
    Keyword::SELECT,
    Keyword::FROM,
    Keyword::JOIN,
    Keyword::WHERE,
    Keyword::BY,
    Keyword::HAVING,
    Keyword::VALUES,
    Keyword::SET,
];

/// The words after which a whole expression begins.
const BEFORE_EXPRESSIONS: [Keyword; 10] = [
    Keyword::SELECT,
    Keyword::DISTINCT,
    Keyword::WHERE,
    Keyword::ON,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::BY,
    Keyword::HAVING,
    Keyword::QUALIFY,
];

/// The words before which a whole expression ends.
const AFTER_EXPRESSIONS: [Keyword; 26] = [
    Keyword::AS,
    Keyword::FROM,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::QUALIFY,
    Keyword::WINDOW,
    Keyword::ORDER,
    Keyword::LIMIT,
    Keyword::OFFSET,
    Keyword::FETCH,
    Keyword::ASC,
    Keyword::DESC,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
    Keyword::JOIN,
    Keyword::INNER,
    Keyword::LEFT,
    Keyword::RIGHT,
    Keyword::FULL,
    Keyword::CROSS,
    Keyword::WHEN,
    Keyword::THEN,
    Keyword::ELSE,
    Keyword::END,
];

/// Words of expressions that are no operands.
const INSIDE_EXPRESSIONS: [Keyword; 14] = [
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::ILIKE,
    Keyword::CASE,
    Keyword::EXISTS,
    Keyword::ANY,
    Keyword::ALL,
    Keyword::SOME,
    Keyword::INTERVAL,
    Keyword::DIV,
];

/// The types that stand before a text to make it a value of theirs.
const TYPES_OF_TEXTS: [Keyword; 3] = [Keyword::DATE, Keyword::TIME, Keyword::TIMESTAMP];

/// The only item, if there is exactly one.
fn only(mut items: impl Iterator<Item = usize>) -> Option<usize> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Whether a token is that part of a name; without quotes, capital letters make no difference.
fn is_word(token: &Token, part: &str) -> bool {
    match token {
        Token::Word(Word { value, quote_style: Some(_), .. }) => value == part,
        Token::Word(Word { value, .. }) => value.to_lowercase() == part.to_lowercase(),
        _ => false,
    }
}

fn is_keyword(token: &Token, keywords: &[Keyword]) -> bool {
    matches!(token, Token::Word(Word { keyword, quote_style: None, .. }) if keywords.contains(keyword))
}

/// Whether a token is that operator, under the name that DataFusion gives it.
fn is_operator(token: &Token, operator: &str) -> bool {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => value.eq_ignore_ascii_case(operator),
        Token::Word(_) | Token::SingleQuotedString(_) => false,
        Token::Neq => operator == "!=",
        Token::DoubleEq => operator == "=",
        token => token.to_string() == operator,
    }
}

/// The tokens of a part of a text, without blanks and comments. What stands before a mistake can still be pointed to.
fn lexemes(text: &str, bytes: Range<usize>) -> Vec<Lexeme> {
    let part = &text[bytes.clone()];
    let mut tokens = Vec::new();
    drop(Tokenizer::new(&GenericDialect, part).tokenize_with_location_into_buf(&mut tokens));
    let mut cursor = Cursor::new(part);
    let lexemes = tokens.into_iter().map(|token| {
        let mut seek = |location: Location| bytes.start + cursor.seek((location.line, location.column));
        let start = seek(token.span.start);
        Lexeme { token: token.token, bytes: start..seek(token.span.end) }
    });
    lexemes.filter(|lexeme| !matches!(lexeme.token, Token::Whitespace(_))).collect()
}

/// Turns lines and columns, which count characters from 1, into bytes. It only moves forward.
#[derive(Debug)]
struct Cursor<'a> {
    text: &'a str,
    byte: usize,
    location: (u64, u64),
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, byte: 0, location: (1, 1) }
    }

    /// The first byte at or after a line and column; the end of the text, if it ends before.
    fn seek(&mut self, location: (u64, u64)) -> usize {
        while self.location < location
            && let Some(c) = self.text[self.byte..].chars().next()
        {
            let (line, column) = self.location;
            self.location = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            self.byte += c.len_utf8();
        }
        self.byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, found: impl Fn(&Written<'_>) -> Option<Range<usize>>, expected: Option<(usize, &str)>) {
        let text: Arc<str> = text.into();
        let written = Written::new(&text, 0..text.len());
        let found = found(&written).map(|bytes| (bytes.start, written.fragment(&bytes).to_owned()));
        assert_eq!(found, expected.map(|(start, fragment)| (start, fragment.to_owned())), "{text}");
    }

    #[test]
    fn names_are_found_where_they_are_names() {
        let column = |parts: &'static [&'static str]| move |w: &Written<'_>| w.find(parts, Role::Column, None);
        check("select 'x', /* x */ x from t -- x", column(&["x"]), Some((20, "x")));
        check("select 'größe', X from t", column(&["x"]), Some((18, "X")));
        check("select \"X\", \"x\" from t", column(&["x"]), Some((12, "\"x\"")));
        check("select x(1) as x, x from t", column(&["x"]), Some((18, "x")));
        check("select t.x, a . x from t", column(&["a", "x"]), Some((12, "a . x")));
        check("select t.x from t", column(&["x"]), None);
        check("select 1", column(&["x"]), None);
        check("", column(&["x"]), None);
        check("select x", column(&[]), None);
        let table = |w: &Written<'_>| w.find(&["x"], Role::Table, None);
        check("select x.x, x from y, x", table, Some((22, "x")));
        check("select x from s.x join x", table, Some((23, "x")));
        let function = |w: &Written<'_>| w.find(&["f"], Role::Function, None);
        check("select f, f (1) from f", function, Some((10, "f")));
    }

    #[test]
    fn a_span_decides_between_several() {
        let second = |w: &Written<'_>| w.find(&["x"], Role::Column, Some(&(10..13)));
        check("select x, t.x from t", second, Some((12, "x")));
        let gone = |w: &Written<'_>| w.find(&["x"], Role::Column, Some(&(0..3)));
        check("select x, t.x from t", gone, Some((7, "x")));
    }

    #[test]
    fn calls_are_found_if_there_is_one() {
        check("select F(a, (b)) + 1", |w| w.only_call("f"), Some((7, "F(a, (b))")));
        check("select f(a), f(b)", |w| w.only_call("f"), None);
        check("select f, g(f)", |w| w.only_call("f"), None);
        check("select f(a", |w| w.only_call("f"), None);
    }

    #[test]
    fn operations_are_found_if_nothing_binds_tighter() {
        let equal = |w: &Written<'_>| w.only_operation("=");
        check("select 1 where t.a = lower('=') limit 1", equal, Some((15, "t.a = lower('=')")));
        check("select (a) = (b + 1) x", equal, Some((7, "(a) = (b + 1)")));
        check("select f(a) = date '2000-01-01'", equal, Some((7, "f(a) = date '2000-01-01'")));
        check("select t.f(a) = b, c", equal, Some((7, "t.f(a) = b")));
        check("select a + 1 = b", equal, None);
        check("select a = b::int", equal, None);
        check("select a = b and c", equal, Some((7, "a = b")));
        check("select a = b and c", |w| w.only_operation("AND"), None);
        check("select a = case when b then c end", equal, None);
        check("select a = b, c = d", equal, None);
        check("select = 1", equal, None);
        check("= ", equal, None);
        check("select 1", equal, None);
        check("select a not like 1", |w| w.only_operation("LIKE"), Some((7, "a not like 1")));
        check("select - a", |w| Some(w.with_sign(9..10)), Some((7, "- a")));
        check("select a", |w| Some(w.with_sign(7..8)), Some((7, "a")));
        check("select a <> b", |w| w.only_operation("!="), Some((7, "a <> b")));
    }

    #[test]
    fn values_of_settings_are_found() {
        check("set a.b = 'x' ;", |w| w.set_value(), Some((10, "'x'")));
        check("set a.b to 1.5 kb", |w| w.set_value(), Some((11, "1.5 kb")));
        check("set a =", |w| w.set_value(), None);
        check("show a", |w| w.set_value(), None);
    }

    #[test]
    fn locations_count_characters() {
        check("größe\n\tx y", |w| Some(w.token_at((2, 2))), Some((9, "x")));
        check("größe\n\tx y", |w| Some(w.token_at((1, 99))), Some((8, "")));
        check("select 'a", |w| Some(w.token_at((1, 8))), Some((7, "'")));
        check("select 1 + -- more\n", |w| Some(w.end()), Some((10, "")));
        check(" ", |w| Some(w.end()), Some((0, "")));
        check("äb\nc", |w| w.between((1, 2), (2, 2)), Some((2, "b\nc")));
        let text: Arc<str> = "select ä; select b".into();
        let written = Written::new(&text, 11..text.len());
        assert_eq!(written.find(&["b"], Role::Column, None), Some(18..19));
        assert_eq!(written.between((1, 8), (1, 9)), None);
    }
}

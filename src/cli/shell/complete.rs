//! What Tab offers: a pure function of the statement's text, the place of the cursor, and the names of the session.
//!
//! ```text
//! set datafusion.exec▮                      settings
//! select s.▮ from store s                   columns of store (the alias is found after the cursor too)
//! select ss_▮ from store_sales              its columns, functions, keywords
//! select * from sto▮                        tables
//! select * from 'data/▮                     files
//! \d sto▮   \i ▮                            tables, files
//! ```

use std::path::Path;

use super::commands;

/// A table's name and its columns' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TableNames {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// All that can be named in the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) tables: Vec<TableNames>,
    pub(super) functions: Vec<String>,
    pub(super) settings: Vec<String>,
}

/// What the bytes from `start` to the cursor may be replaced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) start: usize,
    pub(super) candidates: Vec<String>,
}

const KEYWORDS: [&str; 101] = [
    "all",
    "alter",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "copy",
    "count",
    "create",
    "cross",
    "cube",
    "current",
    "date",
    "delete",
    "desc",
    "describe",
    "distinct",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "exclude",
    "exists",
    "explain",
    "external",
    "extract",
    "false",
    "filter",
    "first",
    "following",
    "for",
    "format",
    "from",
    "full",
    "group",
    "grouping",
    "having",
    "if",
    "ilike",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "last",
    "lateral",
    "left",
    "like",
    "limit",
    "location",
    "natural",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "partitioned",
    "preceding",
    "qualify",
    "range",
    "recursive",
    "replace",
    "reset",
    "right",
    "rollup",
    "row",
    "rows",
    "select",
    "set",
    "sets",
    "show",
    "stored",
    "table",
    "temporary",
    "then",
    "timestamp",
    "to",
    "true",
    "unbounded",
    "union",
    "using",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
];

/// Keywords after which a table is named.
const BEFORE_TABLES: [&str; 7] = ["from", "join", "into", "table", "view", "describe", "desc"];

/// Keywords that begin a clause: the last of them says what a comma separates.
const CLAUSES: [&str; 13] =
    ["select", "from", "join", "where", "on", "using", "group", "order", "having", "qualify", "set", "values", "by"];

fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// A piece of SQL, as far as completion cares.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A keyword or a name without quotes; dots stay inside.
    Word(String),
    /// A name in double quotes.
    Name(String),
    /// A text in quotes that ends.
    Text,
    /// A text in quotes that begins at this byte and does not end.
    OpenText(usize),
    Symbol(char),
}

/// The candidates at the byte `cursor` of a statement or command. Paths are looked up on disk, nothing else is.
pub(super) fn complete(text: &str, cursor: usize, names: &Names) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    if before.trim_start().starts_with('\\') {
        return complete_command(before, names);
    }
    let start =
        before.rfind(|c: char| !is_word(c)).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let tokens = tokens(before);
    if let Some(Token::OpenText(quote)) = tokens.last() {
        return Completion { start: quote + 1, candidates: paths(&before[quote + 1..]) };
    }
    let word = &before[start..];
    // In a comment nothing is completed: its words are no tokens.
    if !word.is_empty() && tokens.last() != Some(&Token::Word(word.to_owned())) {
        return Completion { start, candidates: Vec::new() };
    }
    // What stands before the word that is being typed.
    let context = if word.is_empty() { &tokens[..] } else { &tokens[..tokens.len().saturating_sub(1)] };
    let candidates = match place(context, word) {
        Place::Nothing => Vec::new(),
        Place::Setting => settings(names, word),
        Place::Table => matching(names.tables.iter().map(|table| quoted(&table.name)), word),
        Place::Expression => expressions(text, names, word),
    };
    Completion { start, candidates }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '.')
}

enum Place {
    /// Where a value of a setting stands.
    Nothing,
    Setting,
    Table,
    Expression,
}

fn place(context: &[Token], word: &str) -> Place {
    let keyword = |token: &Token| match token {
        Token::Word(word) => word.to_ascii_lowercase(),
        _ => String::new(),
    };
    let first = context.first().map(keyword).unwrap_or_default();
    if ["set", "show", "reset"].contains(&first.as_str()) {
        return if context.len() == 1 { Place::Setting } else { Place::Nothing };
    }
    if word.contains('.') {
        return Place::Expression;
    }
    let last_clause = context.iter().rev().map(keyword).find(|word| CLAUSES.contains(&word.as_str()));
    match context.last() {
        Some(token) if BEFORE_TABLES.contains(&keyword(token).as_str()) => Place::Table,
        Some(Token::Symbol(',')) if last_clause.is_some_and(|word| word == "from") => Place::Table,
        _ => Place::Expression,
    }
}

fn settings(names: &Names, word: &str) -> Vec<String> {
    let all = names.settings.iter().cloned().chain(["all".to_owned()]);
    matching(all, word)
}

/// Columns of the tables that the statement names, aliases, functions, tables and keywords.
fn expressions(text: &str, names: &Names, word: &str) -> Vec<String> {
    let mentioned = mentioned(text, names);
    if let Some((qualifier, prefix)) = word.rsplit_once('.') {
        let fits = |m: &&Mentioned<'_>| m.alias.eq_ignore_ascii_case(qualifier);
        let tables = mentioned.iter().filter(fits).map(|m| m.table);
        let columns = tables.flat_map(|table| &table.columns).map(|column| quoted(column));
        return matching(columns, prefix).into_iter().map(|column| format!("{qualifier}.{column}")).collect();
    }
    let mut candidates: Vec<String> = Vec::new();
    match mentioned.is_empty() && !word.is_empty() {
        // Nothing is named yet: what is typed before FROM may be a column of any table.
        true => candidates.extend(names.tables.iter().flat_map(|table| &table.columns).map(|c| quoted(c))),
        false => candidates.extend(mentioned.iter().flat_map(|m| &m.table.columns).map(|c| quoted(c))),
    }
    // What is being typed behind a table looks like its alias.
    candidates.extend(mentioned.iter().map(|m| m.alias.clone()).filter(|alias| alias != word));
    // Without a letter typed, hundreds of functions would hide the columns.
    if !word.is_empty() {
        candidates.extend(names.functions.iter().map(|name| format!("{name}(")));
        candidates.extend(names.tables.iter().map(|table| quoted(&table.name)));
        let is_upper = word.chars().all(|c| !c.is_lowercase());
        candidates.extend(KEYWORDS.iter().map(|k| if is_upper { k.to_ascii_uppercase() } else { (*k).to_owned() }));
    }
    matching(candidates, word)
}

/// Those that begin with the word in any case, in order, once each.
fn matching(candidates: impl IntoIterator<Item = String>, word: &str) -> Vec<String> {
    let fits = |candidate: &String| {
        let name = candidate.trim_start_matches('"');
        name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let mut found: Vec<String> = candidates.into_iter().filter(fits).collect();
    found.sort();
    found.dedup();
    found
}

/// A name as SQL wants it: in quotes unless it is plain.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_plain = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A table that the statement names, and what it calls it.
struct Mentioned<'a> {
    table: &'a TableNames,
    alias: String,
}

/// The tables after FROM, JOIN and the commas of FROM, before the cursor and after it.
fn mentioned<'a>(text: &str, names: &'a Names) -> Vec<Mentioned<'a>> {
    let tokens = tokens(text);
    let word = |index: usize| match tokens.get(index) {
        Some(Token::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let mut found = Vec::new();
    let mut clause = String::new();
    for (index, token) in tokens.iter().enumerate() {
        let starts = match token {
            Token::Word(word) if CLAUSES.contains(&word.to_ascii_lowercase().as_str()) => {
                clause = word.to_ascii_lowercase();
                ["from", "join"].contains(&clause.as_str())
            }
            Token::Word(word) => ["into", "update"].contains(&word.to_ascii_lowercase().as_str()),
            Token::Symbol(',') => clause == "from",
            _ => false,
        };
        let name = match tokens.get(index + 1) {
            Some(Token::Word(name)) => name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase(),
            Some(Token::Name(name)) => name.clone(),
            _ => continue,
        };
        let Some(table) = names.tables.iter().find(|table| starts && table.name == name) else { continue };
        let after = if word(index + 2).is_some_and(|w| w.eq_ignore_ascii_case("as")) { index + 3 } else { index + 2 };
        let alias = word(after).filter(|w| !is_keyword(w)).map_or(name, str::to_owned);
        found.push(Mentioned { table, alias });
    }
    found
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let length = match c {
            '\'' => match closing(rest, '\'') {
                Some(length) => {
                    tokens.push(Token::Text);
                    length
                }
                None => {
                    tokens.push(Token::OpenText(at));
                    rest.len()
                }
            },
            '"' => {
                let length = closing(rest, '"').unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..length].trim_matches('"').to_owned()));
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if is_word(c) => {
                let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Symbol(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a quoted text that ends; a doubled quote does not end it.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        let end = from + text[from..].find(quote)? + 1;
        if !text[end..].starts_with(quote) {
            return Some(end);
        }
        from = end + 1;
    }
}

fn complete_command(before: &str, names: &Names) -> Completion {
    let indent = before.len() - before.trim_start().len();
    let Some(blank) = before[indent..].find(char::is_whitespace) else {
        return Completion { start: indent, candidates: matching(commands::names(), &before[indent..]) };
    };
    let start = before.rfind(char::is_whitespace).map_or(0, |i| i + 1);
    let word = &before[start..];
    let choices = |choices: &[&str]| matching(choices.iter().map(|choice| (*choice).to_owned()), word);
    let candidates = match &before[indent..indent + blank] {
        "\\d" | "\\dt" => matching(names.tables.iter().map(|table| table.name.clone()), word),
        "\\i" | "\\o" => paths(word),
        "\\format" => choices(&["table", "csv", "json"]),
        "\\x" => choices(&["on", "off", "auto"]),
        "\\timing" | "\\pager" => choices(&["on", "off"]),
        _ => Vec::new(),
    };
    Completion { start, candidates }
}

/// The files and folders that begin with the text.
fn paths(text: &str) -> Vec<String> {
    let (folder, name) = text.rsplit_once('/').map_or(("", text), |(folder, name)| (folder, name));
    let place = match (folder.is_empty(), text.starts_with('/')) {
        (true, true) => "/".into(),
        (true, false) => ".".into(),
        (false, _) => match (folder.strip_prefix('~'), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
            _ => Path::new(folder).to_owned(),
        },
    };
    let prefix = &text[..text.len() - name.len()];
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let found = entry.file_name().into_string().ok()?;
        let is_wanted = found.starts_with(name) && (name.starts_with('.') || !found.starts_with('.'));
        let slash = if entry.path().is_dir() { "/" } else { "" };
        is_wanted.then(|| format!("{prefix}{found}{slash}"))
    });
    let mut found: Vec<String> = found.collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let table = |name: &str, columns: &[&str]| TableNames {
            name: name.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        };
        Names {
            tables: vec![
                table("store", &["s_store_sk", "s_store_name"]),
                table("store_sales", &["ss_store_sk", "ss_quantity"]),
                table("Odd", &["Mixed"]),
            ],
            functions: vec!["sum".to_owned(), "substr".to_owned()],
            settings: vec!["datafusion.execution.batch_size".to_owned(), "engine.memory_pool".to_owned()],
        }
    }

    /// `▮` marks the cursor; expects what stands from `start` to it, and the candidates.
    #[track_caller]
    fn check(text: &str, word: &str, expected: &[&str]) {
        let cursor = text.find('▮').expect("a cursor");
        let text = text.replacen('▮', "", 1);
        let found = complete(&text, cursor, &names());
        assert_eq!(
            (&text[found.start..cursor], found.candidates),
            (word, expected.iter().map(|e| (*e).to_owned()).collect())
        );
    }

    #[test]
    fn tables_where_tables_stand() {
        check("select * from sto▮", "sto", &["store", "store_sales"]);
        check("select * from ▮", "", &["\"Odd\"", "store", "store_sales"]);
        check("select * from store, st▮", "st", &["store", "store_sales"]);
        check("select * from store s JOIN store_▮", "store_", &["store_sales"]);
        check("describe St▮", "St", &["store", "store_sales"]);
        check("select * from od▮", "od", &["\"Odd\""]);
        check("select * from x▮", "x", &[]);
    }

    #[test]
    fn columns_of_the_tables_that_are_named() {
        check("select s_▮ from store", "s_", &["s_store_name", "s_store_sk"]);
        check("select * from store where ▮", "", &["s_store_name", "s_store_sk", "store"]);
        check("select * from store_sales where ss_q▮", "ss_q", &["ss_quantity"]);
        check("select ss▮", "ss", &["ss_quantity", "ss_store_sk"]);
        check("select ss▮ from store", "ss", &[]);
        check("select mi▮ from \"Odd\"", "mi", &["\"Mixed\""]);
    }

    #[test]
    fn columns_behind_an_alias() {
        check("select s.▮ from store s", "s.", &["s.s_store_name", "s.s_store_sk"]);
        check("select s.s_store_n▮ from store as s", "s.s_store_n", &["s.s_store_name"]);
        check("select * from store a, store_sales b where b.ss_q▮", "b.ss_q", &["b.ss_quantity"]);
        check("select store.s_store_n▮ from store where 1 = 1", "store.s_store_n", &["store.s_store_name"]);
        check("select x.▮ from store s", "x.", &[]);
    }

    #[test]
    fn functions_and_keywords() {
        check("select su▮ from store", "su", &["substr(", "sum("]);
        check("SELECT s_store_sk FROM store WHE▮", "WHE", &["WHEN", "WHERE"]);
        check("wi▮", "wi", &["window", "with"]);
        check("select s_store_sk, unb▮", "unb", &["unbounded"]);
    }

    #[test]
    fn settings_after_set_and_show() {
        check("set datafusion.exec▮", "datafusion.exec", &["datafusion.execution.batch_size"]);
        check("SHOW eng▮", "eng", &["engine.memory_pool"]);
        check("show a▮", "a", &["all"]);
        check("set engine.memory_pool = f▮", "f", &[]);
        check(
            "update store set s▮",
            "s",
            &[
                "s_store_name",
                "s_store_sk",
                "select",
                "set",
                "sets",
                "show",
                "store",
                "store_sales",
                "stored",
                "substr(",
                "sum(",
            ],
        );
    }

    #[test]
    fn quotes_and_comments_are_no_names() {
        check("select 'from store', ss▮ from store_sales", "ss", &["ss_quantity", "ss_store_sk"]);
        check("select s_▮ /* from store */ from store_sales", "s_", &[]);
        check("-- from store\nselect s_▮ from store_sales", "s_", &[]);
        check("select 1 -- sto▮", "sto", &[]);
        check("select 'it''s' as x, s_▮ from store", "s_", &["s_store_name", "s_store_sk"]);
        check("▮", "", &[]);
    }

    #[test]
    fn commands_and_their_arguments() {
        check("\\d sto▮", "sto", &["store", "store_sales"]);
        check("\\ti▮", "\\ti", &["\\timing"]);
        check("\\timing o▮", "o", &["off", "on"]);
        check("\\x ▮", "", &["auto", "off", "on"]);
        check("\\format c▮", "c", &["csv"]);
        check("\\q ▮", "", &[]);
    }

    #[test]
    fn files_in_quotes_and_after_commands() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.csv", "ab.csv", ".hidden.csv"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        std::fs::create_dir(folder.path().join("ad")).expect("made");
        let place = folder.path().display();
        let all: Vec<String> = ["a.csv", "ab.csv", "ad/"].iter().map(|name| format!("{place}/{name}")).collect();
        for before in [format!("select * from '{place}/a"), format!("\\i {place}/a")] {
            let found = complete(&before, before.len(), &names());
            assert_eq!(found.candidates, all, "{before}");
            assert_eq!(&before[found.start..], format!("{place}/a"));
        }
        assert_eq!(paths(&format!("{place}/.h")), [format!("{place}/.hidden.csv")]);
        assert_eq!(paths("/no/such/folder/x"), Vec::<String>::new());
    }
}

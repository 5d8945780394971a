//! DataFusion's errors of parsing and planning, told as [`SqlError`]s: a class, a sentence, the nearest name and the place.
//!
//! ```text
//!   error ─▶ its root ─▶ class, sentence, the name that is wrong
//!                                           │
//!                      within the span that DataFusion knows, else anywhere in the statement:
//!                                           │
//!                        the first tokens that are this name ─▶ place
//! ```
//!
//! DataFusion tells most kinds of errors apart by their prose alone. What is not recognized stays as it is; and where several
//! places could be meant, there is no place rather than a wrong one.

mod mismatch;
#[cfg(test)]
mod tests;
mod written;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use datafusion::common::utils::quote_identifier;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use self::written::{Role, Written};
use super::condition::Condition;
use super::error::SqlError;
use super::place::Place;
use crate::engine::{EngineError, SettingError};
use crate::text::nearest;

/// What a session has under a name, for suggestions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// Tables and views; those outside of the default schema with the schema and a point in front.
    pub(crate) tables: &'a [String],
    /// Functions that stand in expressions.
    pub(crate) functions: &'a [String],
    /// Functions that stand in FROM.
    pub(crate) table_functions: &'a [String],
}

/// The error as the user should see it. `bytes` is where the statement stands in the text that the user wrote; while parsing,
/// that is all of the text. DataFusion's lines and columns must count from the beginning of the text.
pub(crate) fn diagnose(error: DataFusionError, text: &Arc<str>, bytes: Range<usize>, names: &Names<'_>) -> EngineError {
    let found = Subject { error: &error, written: Written::new(text, bytes), names }.diagnosis();
    match found {
        Some(found) => EngineError::Sql(Box::new(found)),
        None => error.into(),
    }
}

/// The same for a `SET`, `RESET` or `SHOW`, in which `key` is the setting's name as it is written there.
pub(crate) fn diagnose_setting(error: SettingError, text: &Arc<str>, bytes: Range<usize>, key: &str) -> EngineError {
    let written = Written::new(text, bytes);
    let parts: Vec<&str> = key.split('.').map(|part| part.trim_matches(['"', '`'])).collect();
    let key_bytes = written.find(&parts, Role::Setting, None);
    let place = |bytes: Option<Range<usize>>| bytes.map(|bytes| written.place(bytes));
    EngineError::Sql(Box::new(match error {
        SettingError::Unknown { key, hint, .. } => {
            let hint = hint.trim_start_matches("; ");
            let hint = (!hint.is_empty()).then(|| capitalized(hint));
            let message = format!("there is no setting `{key}`");
            SqlError::new(Condition::SqlConfNotFound, message, hint, place(key_bytes))
        }
        SettingError::Value { key, value, message, .. } => {
            let message = format!("the setting `{key}` does not take `{value}`: {}", one_line(&message));
            SqlError::new(Condition::InvalidConfValue, message, None, place(written.set_value().or(key_bytes)))
        }
        error => return EngineError::Setting(error),
    }))
}

/// An error, and what it is about.
struct Subject<'a> {
    error: &'a DataFusionError,
    written: Written<'a>,
    names: &'a Names<'a>,
}

impl Subject<'_> {
    fn diagnosis(&self) -> Option<SqlError> {
        match self.error.find_root() {
            DataFusionError::SQL(error, _) => Some(self.syntax_error(error)),
            DataFusionError::SchemaError(error, _) => self.schema_error(error),
            DataFusionError::NotImplemented(message) => {
                self.type_mismatch(message).or_else(|| Some(unsupported(message)))
            }
            DataFusionError::Plan(message) | DataFusionError::Execution(message) => self.planning_error(message),
            _ => None,
        }
    }

    fn syntax_error(&self, error: &ParserError) -> SqlError {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
            ParserError::RecursionLimitExceeded => {
                let hint = "Set datafusion.sql_parser.recursion_limit to more, or write it flatter.".to_owned();
                let message = "the statement is nested too deeply";
                return SqlError::new(Condition::ParseSyntaxError, message, Some(hint), None);
            }
        };
        let (sentence, location) = split_location(message);
        // A text that ends too early has no location.
        let expectation = sentence.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: "));
        let bytes = match (location, expectation) {
            (Some(location), _) => Some(self.written.token_at(location)),
            (None, Some((_, "EOF"))) => Some(self.written.end()),
            (None, _) => None,
        };
        let fragment = bytes.as_ref().map_or("", |bytes| self.written.fragment(bytes));
        let (sentence, hint) = match expectation {
            Some((wanted, _)) => (
                format!("expected {}, found {}", expected(wanted), found(fragment)),
                nearest_statement(wanted, fragment).map(did_you_mean),
            ),
            None => (uncapitalized(one_line(sentence)), None),
        };
        SqlError::new(Condition::ParseSyntaxError, sentence, hint, bytes.map(|bytes| self.written.place(bytes)))
    }

    fn schema_error(&self, error: &SchemaError) -> Option<SqlError> {
        match error {
            SchemaError::FieldNotFound { field, valid_fields } => Some(self.unknown_column(field, valid_fields)),
            SchemaError::AmbiguousReference { field } => Some(self.ambiguous_column(field)),
            _ => None,
        }
    }

    fn unknown_column(&self, field: &Column, valid_fields: &[Column]) -> SqlError {
        let hint = match nearest_column(field, valid_fields) {
            Some(name) => Some(did_you_mean(&name)),
            None => all_columns(valid_fields),
        };
        let message = format!("there is no column `{}`", field.flat_name());
        SqlError::new(Condition::UnresolvedColumn, message, hint, self.place(&parts_of(field), Role::Column))
    }

    fn ambiguous_column(&self, field: &Column) -> SqlError {
        let notes = self.error.diagnostic().map_or(&[][..], |diagnostic| &diagnostic.notes[..]);
        let candidates = notes.iter().filter_map(|note| note.message.strip_prefix("possible column "));
        let candidates: Vec<String> = candidates.map(|name| format!("`{name}`")).collect();
        let hint = match &candidates[..] {
            [] => "Write the name of its table in front of it.".to_owned(),
            candidates => format!("Write {}.", candidates.join(" or ")),
        };
        let message = format!("several tables have a column `{}`", field.flat_name());
        SqlError::new(Condition::AmbiguousReference, message, Some(hint), self.place(&parts_of(field), Role::Column))
    }

    fn planning_error(&self, message: &str) -> Option<SqlError> {
        let named = |before: &str, after: &str| message.strip_prefix(before)?.split_once(after).map(|(name, _)| name);
        if let Some(name) = named("Invalid function '", "'") {
            return Some(self.unknown_function(name, Role::Function));
        }
        if let Some(name) = named("table function '", "' not found") {
            return Some(self.unknown_function(name, Role::TableFunction));
        }
        if let Some(name) = named("there is a function ", " already") {
            return Some(self.existing_function(name, "already", "Replace it with CREATE OR REPLACE FUNCTION."));
        }
        if let Some(name) = named("there is a function ", " of another kind") {
            return Some(self.existing_function(name, "of another kind", &format!("DROP FUNCTION {name} first.")));
        }
        let table = named("table '", "' not found").or_else(|| named("Table '", "' doesn't exist"));
        let table = table.or_else(|| named("View '", "' doesn't exist")).or_else(|| named("No table named '", "'"));
        if let Some(name) = table {
            return Some(self.unknown_table(name));
        }
        if message.contains("must be in GROUP BY or an aggregate function") {
            return Some(self.not_grouped(message));
        }
        let is_unsupported = || message.starts_with("Unsupported ").then(|| unsupported(message));
        self.type_mismatch(message).or_else(is_unsupported)
    }

    fn unknown_function(&self, name: &str, role: Role) -> SqlError {
        let parts: Vec<&str> = name.split('.').collect();
        let place = self.place(&parts, role);
        let lowered = name.to_lowercase();
        let Names { functions, table_functions, .. } = self.names;
        let (known, others) = match role {
            Role::TableFunction => (table_functions, functions),
            _ => (functions, table_functions),
        };
        if others.contains(&lowered) {
            return misplaced_function(name, role, place);
        }
        let near = nearest(&lowered, known.iter().map(String::as_str));
        let message = format!("there is no function `{name}`");
        SqlError::new(Condition::UnresolvedRoutine, message, near.map(did_you_mean), place)
    }

    fn existing_function(&self, name: &str, which: &str, hint: &str) -> SqlError {
        let message = format!("there is a function `{name}` {which}");
        let place = self.place(&[name], Role::Function);
        SqlError::new(Condition::RoutineAlreadyExists, message, Some(hint.to_owned()), place)
    }

    /// A table that DataFusion names by catalog and schema, whatever was written; a path may have points of its own.
    fn unknown_table(&self, name: &str) -> SqlError {
        let parts: Vec<&str> = name.splitn(3, '.').collect();
        let table = parts.last().copied().unwrap_or(name);
        let place = self.place(&parts, Role::Table);
        let tables = || self.names.tables.iter().map(String::as_str);
        let near = match &parts[..] {
            [.., schema, table] => nearest(table, tables()).or_else(|| nearest(&format!("{schema}.{table}"), tables())),
            _ => nearest(table, tables()),
        };
        // Under the name that was written, if that can be seen.
        let written =
            place.as_ref().map(Place::fragment).filter(|fragment| fragment.len() < 100 && !fragment.contains('\n'));
        let message =
            format!("there is no table or view `{}`", written.unwrap_or(table).trim_matches(['"', '`', '\'']));
        SqlError::new(Condition::TableOrViewNotFound, message, near.map(did_you_mean), place)
    }

    fn not_grouped(&self, message: &str) -> SqlError {
        let after = message.split_once("column \"").map(|(_, rest)| rest);
        let column = after.and_then(|rest| rest.split_once("\" must appear")).map(|(column, _)| column);
        let column = column.unwrap_or_default();
        let parts: Vec<&str> = column.split('.').filter(|part| !part.is_empty()).collect();
        let place = self.place(&parts, Role::Column);
        let message = match column {
            "" => "a column stands beside aggregates, but is not grouped by".to_owned(),
            column => format!("the column `{column}` is neither grouped by nor inside an aggregate function"),
        };
        let hint = "Add it to GROUP BY, or take one value of each group with a function such as `min`.".to_owned();
        SqlError::new(Condition::MissingAggregation, message, Some(hint), place)
    }

    /// Where a name stands, of which the first parts may not have been written.
    fn place(&self, parts: &[&str], role: Role) -> Option<Place> {
        let span = self.span();
        let found = (0..parts.len()).find_map(|left_out| self.written.find(&parts[left_out..], role, span.as_ref()));
        // A path in quotes is no name.
        let spanned = || {
            let span = span.clone()?;
            self.written.fragment(&span).contains(parts.last()?).then_some(span)
        };
        found.or_else(spanned).map(|bytes| self.written.place(bytes))
    }

    /// Where DataFusion says that it is.
    fn span(&self) -> Option<Range<usize>> {
        let span = self.error.diagnostic()?.span?;
        self.written.between((span.start.line, span.start.column), (span.end.line, span.end.column))
    }
}

/// `Expected: x, found: y at Line: 1, Column: 2` as the sentence, and the line and the column.
fn split_location(message: &str) -> (&str, Option<(u64, u64)>) {
    let parsed = message.rsplit_once(" at Line: ").and_then(|(sentence, location)| {
        let (line, column) = location.split_once(", Column: ")?;
        Some((sentence, (line.parse().ok()?, column.parse().ok()?)))
    });
    match parsed {
        Some((sentence, location)) => (sentence, Some(location)),
        None => (message, None),
    }
}

/// What the parser wanted: words, or a token.
fn expected(wanted: &str) -> String {
    match wanted.trim_end_matches('.') {
        "end of statement" => "the end of the statement".to_owned(),
        wanted if wanted.chars().any(char::is_alphanumeric) => one_line(wanted).into_owned(),
        token => format!("`{token}`"),
    }
}

/// What it met instead.
fn found(fragment: &str) -> String {
    match fragment {
        "" => "the end of the text".to_owned(),
        fragment => format!("`{}`", shortened(fragment, 40)),
    }
}

/// The words that statements begin with.
const STATEMENTS: [&str; 18] = [
    "alter", "analyze", "copy", "create", "delete", "describe", "drop", "explain", "insert", "reset", "select", "set",
    "show", "table", "truncate", "update", "values", "with",
];

fn nearest_statement(wanted: &str, word: &str) -> Option<&'static str> {
    if wanted != "an SQL statement" {
        return None;
    }
    nearest(&word.to_lowercase(), STATEMENTS)
}

/// A column's name with that of its table in front, part by part.
fn parts_of(column: &Column) -> Vec<&str> {
    let relation = column.relation.as_ref();
    let parts = [relation.and_then(|r| r.catalog()), relation.and_then(|r| r.schema()), relation.map(|r| r.table())];
    parts.into_iter().flatten().chain([column.name.as_str()]).collect()
}

/// The column that was probably meant, as it should be written: one of the named table, if there is such a table.
fn nearest_column(field: &Column, valid_fields: &[Column]) -> Option<String> {
    let table = |column: &Column| column.relation.as_ref().map(|relation| relation.table().to_lowercase());
    let of_table = valid_fields.iter().filter(|column| field.relation.is_some() && table(column) == table(field));
    let mut candidates: Vec<&Column> = of_table.collect();
    if candidates.is_empty() {
        candidates = valid_fields.iter().collect();
    }
    let names: Vec<String> = candidates.iter().map(|column| column.name.to_lowercase()).collect();
    let near = nearest(&field.name.to_lowercase(), names.iter().map(String::as_str))?;
    let column = candidates[names.iter().position(|name| name == near)?];
    let is_alone = names.iter().filter(|name| *name == near).count() == 1;
    Some(match field.relation.is_none() && is_alone {
        true => quote_identifier(&column.name).into_owned(),
        false => column.quoted_flat_name(),
    })
}

/// Columns that are listed where none is near.
const MOST_COLUMNS: usize = 8;

fn all_columns(valid_fields: &[Column]) -> Option<String> {
    if valid_fields.is_empty() {
        return None;
    }
    let shown = valid_fields.iter().take(MOST_COLUMNS).map(|column| format!("`{}`", quote_identifier(&column.name)));
    let mut shown: Vec<String> = shown.collect();
    if valid_fields.len() > MOST_COLUMNS {
        shown.push(format!("{} more", valid_fields.len() - MOST_COLUMNS));
    }
    Some(match shown.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("The columns here are {} and {last}.", rest.join(", ")),
        _ => format!("The only column here is {}.", shown.concat()),
    })
}

/// A function that there is, in the place of one of the other kind.
fn misplaced_function(name: &str, role: Role, place: Option<Place>) -> SqlError {
    let (condition, message, hint) = match role {
        Role::TableFunction => (
            Condition::NotATableFunction,
            format!("`{name}` returns a value and no table"),
            format!("Write it where a value stands, as in SELECT {name}(…)."),
        ),
        _ => (
            Condition::NotAScalarFunction,
            format!("`{name}` returns a table and no value"),
            format!("Write it in FROM, as in SELECT * FROM {name}(…)."),
        ),
    };
    SqlError::new(condition, message, Some(hint), place)
}

/// SQL that there is, but not here.
fn unsupported(message: &str) -> SqlError {
    let message = uncapitalized(one_line(message));
    SqlError::new(Condition::UnsupportedFeature, shortened(&message, 200), None, None)
}

fn did_you_mean(name: impl AsRef<str>) -> String {
    format!("Did you mean `{}`?", name.as_ref())
}

/// A text without line breaks and without a full stop.
fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim().trim_end_matches('.');
    match text.contains('\n') {
        true => text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
        false => text.into(),
    }
}

/// The first `most` characters of a text's first line, with an ellipsis if that is not all.
fn shortened(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// A sentence's beginning in a small letter, unless its first word is in capital ones.
fn uncapitalized(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let mut rest = text.chars();
    match rest.next() {
        Some(first) if !rest.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

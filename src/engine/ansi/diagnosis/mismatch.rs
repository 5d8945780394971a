//! Operations that do not take operands of such types.

use arrow::datatypes::DataType;

use super::{Subject, capitalized, one_line, shortened, uncapitalized};
use crate::engine::ansi::condition::Condition;
use crate::engine::ansi::error::SqlError;
use crate::engine::ansi::place::Place;
use crate::engine::ansi::types::sql_type;

/// What DataFusion's messages about types begin with.
const BEGINNINGS: [&str; 10] = [
    "Cannot coerce",
    "Cannot infer common",
    "Cannot get result type",
    "Could not coerce",
    "Failed to coerce",
    "There isn't a common type to coerce",
    "Unary operator '",
    "Unsupported argument type",
    "Unsupported data type",
    "type_coercion",
];

/// What they contain if they are about a function.
const PARTS: [&str; 4] = [NO_FORM, "user-defined coercion failed", "failed to match any signature", " but received "];

/// The beginning of a list of what a function takes.
const NO_FORM: &str = "No function matches the given name and argument types '";

/// Forms of a function that are shown.
const MOST_FORMS: usize = 4;

impl Subject<'_> {
    /// The error, if it is about types.
    pub(super) fn type_mismatch(&self, message: &str) -> Option<SqlError> {
        let is_one = BEGINNINGS.iter().any(|beginning| message.starts_with(beginning))
            || PARTS.iter().any(|part| message.contains(part));
        if !is_one {
            return None;
        }
        if let Some((_, call)) = message.split_once(NO_FORM) {
            return Some(self.no_such_form(call));
        }
        let operation = operation(message);
        let sentence = match &operation {
            Some((operator, types)) => {
                let types: Vec<String> = types.iter().map(|name| type_name(name)).collect();
                format!("`{operator}` cannot be applied to {}", types.join(" and "))
            }
            None => shortened(&uncapitalized(one_line(message)), 300),
        };
        let found = operation.as_ref().and_then(|(operator, _)| self.written.only_operation(operator));
        let found = found.or_else(|| self.written.only_call(function_of(message)?));
        let place = found.map(|bytes| self.written.place(bytes)).or_else(|| self.spanned());
        let hint = "Convert an operand with CAST.".to_owned();
        Some(SqlError::new(Condition::DatatypeMismatch, sentence, Some(hint), place))
    }

    /// A function that takes other arguments. `call` is `name(types)' …` and a list of the forms that there are.
    fn no_such_form(&self, call: &str) -> SqlError {
        let (called, rest) = call.split_once("'.").unwrap_or((call, ""));
        let (name, types) = called.split_once('(').unwrap_or((called, ")"));
        let types = types.strip_suffix(')').unwrap_or(types);
        let message = match types {
            "" => format!("`{name}` needs arguments"),
            types => format!("`{name}` does not take arguments of the types {}", type_names(types)),
        };
        let forms = rest.split_once("Candidate functions:").map_or("", |(_, forms)| forms);
        let forms = forms.lines().map(str::trim).filter(|form| !form.is_empty());
        let (any, named): (Vec<&str>, Vec<&str>) = forms.partition(|form| form.contains("(Any"));
        // A user's function takes whatever can be cast to the types that it names.
        let forms = if named.is_empty() { any } else { named };
        let forms: Vec<String> = forms.into_iter().take(MOST_FORMS).map(form_in_sql).collect();
        let hint = (!forms.is_empty()).then(|| format!("It is {}; CAST converts an argument.", forms.join(" or ")));
        let place = self.written.only_call(name).map(|bytes| self.written.place(bytes));
        SqlError::new(Condition::DatatypeMismatch, message, hint.map(|hint| capitalized(&hint)), place)
    }

    /// The operation at DataFusion's place, which is that of the operand of a sign or of NOT.
    fn spanned(&self) -> Option<Place> {
        self.span().map(|bytes| self.written.place(self.written.with_sign(bytes)))
    }
}

/// The operator and the types of its operands, as messages have them: `… operation Int64 = Boolean`, `… Int64 and Utf8 in LIKE …`.
fn operation(message: &str) -> Option<(&str, Vec<&str>)> {
    if let Some(rest) = message.strip_prefix("There isn't a common type to coerce ") {
        let (types, rest) = rest.split_once(" in ")?;
        let operator = rest.strip_suffix(" expression")?;
        let (left, right) = types.split_once(" and ")?;
        return Some((operator, vec![left, right]));
    }
    if let Some((operator, _)) = message.strip_prefix("Unary operator '").and_then(|rest| rest.split_once('\'')) {
        let operand = message.rsplit_once(", got ").map(|(_, operand)| operand);
        return operand.map(|operand| (operator, vec![operand]));
    }
    let after = message.split_once(" operation ").or_else(|| message.split_once(" arithmetic expression "));
    match split_outside(after?.1, ' ')[..] {
        [left, operator, right, ..] if operator != "IS" => Some((operator, vec![left, right.trim_end_matches(':')])),
        [left, "IS", "DISTINCT", "FROM", right, ..] => Some(("IS DISTINCT FROM", vec![left, right])),
        [left, "IS", "NOT", "DISTINCT", "FROM", right, ..] => Some(("IS NOT DISTINCT FROM", vec![left, right])),
        _ => None,
    }
}

/// The name of the function in a message, which is the first thing that is quoted after the word.
fn function_of(message: &str) -> Option<&str> {
    let rest = ["unction '", "a call to '"].iter().find_map(|before| message.split_once(before));
    rest?.1.split_once('\'').map(|(name, _)| name)
}

/// A text's parts between separators that do not stand in brackets or quotes.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0_i32, false);
    for (index, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted => depth -= 1,
            c if c == separator && depth == 0 && !is_quoted => {
                parts.push(&text[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `f(Int64, Numeric(1))` with SQL's names of the types that it has.
fn form_in_sql(form: &str) -> String {
    match form.split_once('(').and_then(|(name, types)| Some((name, types.strip_suffix(')')?))) {
        Some((name, types)) => format!("{name}({})", type_names(types)),
        None => form.to_owned(),
    }
}

/// A list of types with SQL's names.
fn type_names(types: &str) -> String {
    let names: Vec<String> = split_outside(types, ',').into_iter().map(|part| type_name(part.trim())).collect();
    names.join(", ")
}

/// SQL's name of a type that DataFusion names as arrow does; what is no type stays as it is.
fn type_name(name: &str) -> String {
    name.parse::<DataType>().map_or_else(|_| name.to_owned(), |data_type| sql_type(&data_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: Option<(&str, &[&str])>) {
        let expected = expected.map(|(operator, types)| (operator, types.to_vec()));
        assert_eq!(operation(message), expected, "{message}");
    }

    #[test]
    fn operators_and_types_are_read_from_messages() {
        let comparison = "Cannot infer common argument type for comparison operation";
        check(&format!("{comparison} Int64 = Boolean"), Some(("=", &["Int64", "Boolean"])));
        check(&format!("{comparison} Date32 >= Int64"), Some((">=", &["Date32", "Int64"])));
        check(
            &format!("{comparison} Int64 IS DISTINCT FROM Boolean"),
            Some(("IS DISTINCT FROM", &["Int64", "Boolean"])),
        );
        let decimals = "Decimal128(10, 2) < Struct(\"a b\": Int64, \"c\": Utf8)";
        let types: &[&str] = &["Decimal128(10, 2)", "Struct(\"a b\": Int64, \"c\": Utf8)"];
        check(&format!("{comparison} {decimals}"), Some(("<", types)));
        check("Cannot coerce arithmetic expression Boolean + Utf8 to valid types", Some(("+", &["Boolean", "Utf8"])));
        check(
            "Cannot get result type for temporal operation Date32 * Date32: Invalid",
            Some(("*", &["Date32", "Date32"])),
        );
        check(
            "There isn't a common type to coerce Int64 and Utf8 in LIKE expression",
            Some(("LIKE", &["Int64", "Utf8"])),
        );
        check("Unary operator 'NOT' requires a boolean expression, got Utf8", Some(("NOT", &["Utf8"])));
        check("Unary operator '+' only supports numeric, interval and timestamp types", None);
        check("Cannot infer common argument type for comparison operation", None);
        check("", None);
    }

    #[test]
    fn types_have_names_of_sql() {
        let names = ["Int64", "Decimal128(10, 2)", "Timestamp(ns)", "List(Int64)", "Numeric", ""].map(type_name);
        assert_eq!(names, ["BIGINT", "DECIMAL(10,2)", "TIMESTAMP", "ARRAY<BIGINT>", "Numeric", ""]);
    }

    #[test]
    fn functions_are_read_from_messages() {
        assert_eq!(function_of("Function 'f' expects Numeric but received String"), Some("f"));
        assert_eq!(function_of("Failed to coerce arguments to satisfy a call to 'sum' function: x"), Some("sum"));
        assert_eq!(function_of("no name"), None);
    }
}

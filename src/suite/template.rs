//! One statement's file: a header of `--! ` lines that form a TOML document, then SQL with `{NAME}` placeholders.
//!
//! ```text
//! --! title = "Returns above a store's average"
//! --! question = "Which customers … ?"
//! --! param.YEAR = { default = 2000, int = [1998, 2002] }
//! --! param.ZIP = { default = ["24128", "76232"], text = "zip5", count = 2 }
//!
//! select … where d_year = {YEAR} and ca_zip in ({ZIP})
//! ```
//!
//! Placeholders are typed: text is quoted, a date becomes `date '…'`, a list is joined with commas. So no value can
//! break out of its place, and a statement's text depends on nothing but its file and the values.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::{StatementName, Substitution};

/// One statement of the suite: its header and its SQL with placeholders.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The statement's name, from the file's.
    pub name: StatementName,
    /// A few words for lists and reports.
    pub title: String,
    /// The business question in a sentence.
    pub question: String,
    /// The substitution parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Where the statement departs from the specification's text, a sentence each.
    pub deviations: Vec<String>,
    /// The SQL below the header, with placeholders.
    pub template: String,
}

/// A substitution parameter: its domain and its qualification value.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What values are allowed.
    pub domain: Domain,
    /// How many distinct values the parameter stands for; nothing for a single one.
    pub count: Option<usize>,
    /// The qualification value or values of the specification, as text.
    pub default: Vec<String>,
}

/// The values that a parameter may take. Bounds and names may hold other parameters: `{YEAR}-08-01`, `classes/{CATEGORY.1}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// Whole numbers between two bounds, both inside.
    Int(String, String),
    /// Days between two bounds, both inside.
    Date(String, String),
    /// A list of texts.
    Text(Vec<String>),
    /// The members of a named domain of `domains.toml`.
    NamedText(String),
    /// A closed list of SQL fragments, rendered as they stand.
    Sql(Vec<String>),
}

/// What is wrong with a statement's file or with a value for it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// The header is no TOML, or a field is missing or of the wrong kind.
    #[error("the header of {statement} cannot be read: {message}")]
    Header {
        /// The statement's name.
        statement: StatementName,
        /// The TOML reader's message.
        message: String,
    },
    /// A parameter's declaration contradicts itself.
    #[error("parameter {parameter} of {statement}: {message}")]
    Parameter {
        /// The statement's name.
        statement: StatementName,
        /// The parameter's name.
        parameter: String,
        /// What is wrong with it, and what would be right.
        message: String,
    },
    /// A placeholder names nothing.
    #[error("{statement} has a placeholder `{{{placeholder}}}`, but its header declares no such parameter or element")]
    Placeholder {
        /// The statement's name.
        statement: StatementName,
        /// What stands between the braces.
        placeholder: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    title: String,
    question: String,
    #[serde(default)]
    deviations: Vec<String>,
    #[serde(default)]
    param: BTreeMap<String, RawParameter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParameter {
    default: toml::Value,
    int: Option<[toml::Value; 2]>,
    date: Option<[String; 2]>,
    text: Option<toml::Value>,
    sql: Option<Vec<toml::Value>>,
    count: Option<usize>,
}

impl Statement {
    /// Reads one file's text.
    pub fn parse(name: StatementName, text: &str) -> Result<Self, TemplateError> {
        let is_header = |line: &&str| line.starts_with("--!");
        let header: String =
            text.lines().filter(is_header).map(|line| format!("{}\n", line.trim_start_matches("--!"))).collect();
        let header: Header = toml::from_str(&header)
            .map_err(|error| TemplateError::Header { statement: name.clone(), message: error.to_string() })?;
        let body: Vec<&str> = text.lines().filter(|line| !is_header(line)).collect();
        let template = body.join("\n").trim().trim_end_matches(';').trim_end().to_owned();
        let mut parameters = BTreeMap::new();
        for (parameter, raw) in header.param {
            let read = raw.read().map_err(|message| TemplateError::Parameter {
                statement: name.clone(),
                parameter: parameter.clone(),
                message,
            })?;
            parameters.insert(parameter, read);
        }
        Ok(Self {
            name,
            title: header.title,
            question: header.question,
            parameters,
            deviations: header.deviations,
            template,
        })
    }

    /// The exact SQL under the given values, without a trailing semicolon.
    pub fn render(&self, substitution: &Substitution<'_>) -> Result<String, TemplateError> {
        let values = substitution.values(self)?;
        fill(&self.template, |placeholder| {
            let (name, index) = split_placeholder(placeholder);
            let parameter = self.parameters.get(name)?;
            let mut literals = values.get(name)?.iter().map(|value| parameter.domain.literal(value));
            match index {
                Some(index) => literals.nth(index.checked_sub(1)?),
                None if parameter.count.is_none() && values.get(name)?.len() != 1 => None,
                None => Some(literals.collect::<Vec<_>>().join(", ")),
            }
        })
        .map_err(|placeholder| TemplateError::Placeholder { statement: self.name.clone(), placeholder })
    }
}

/// Splits `ZIP.3` into the name and the 1-based element.
pub(super) fn split_placeholder(placeholder: &str) -> (&str, Option<usize>) {
    match placeholder.split_once('.') {
        Some((name, index)) => (name, index.parse().ok().or(Some(0))),
        None => (placeholder, None),
    }
}

/// Replaces every `{NAME}` by what `value` gives; the first placeholder without a value is the error.
pub(super) fn fill(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let Some(length) = rest[start..].find('}') else { break };
        let placeholder = &rest[start + 1..start + length];
        out.push_str(&rest[..start]);
        out.push_str(&value(placeholder).ok_or_else(|| placeholder.to_owned())?);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

impl Domain {
    /// How a value stands in the SQL text.
    fn literal(&self, value: &str) -> String {
        match self {
            Self::Int(..) | Self::Sql(_) => value.to_owned(),
            Self::Date(..) => format!("date '{value}'"),
            Self::Text(_) | Self::NamedText(_) => format!("'{}'", value.replace('\'', "''")),
        }
    }
}

impl RawParameter {
    fn read(self) -> Result<Parameter, String> {
        let scalar = |value: &toml::Value| match value {
            toml::Value::String(text) => Ok(text.clone()),
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::Float(number) => Ok(number.to_string()),
            other => Err(format!("`{other}` is neither a text nor a number")),
        };
        let list = |values: &[toml::Value]| values.iter().map(scalar).collect::<Result<Vec<_>, _>>();
        let domain = match (&self.int, self.date, &self.text, &self.sql) {
            (Some([low, high]), None, None, None) => Domain::Int(scalar(low)?, scalar(high)?),
            (None, Some([low, high]), None, None) => Domain::Date(low, high),
            (None, None, Some(toml::Value::String(name)), None) => Domain::NamedText(name.clone()),
            (None, None, Some(toml::Value::Array(members)), None) => Domain::Text(list(members)?),
            (None, None, None, Some(fragments)) => Domain::Sql(list(fragments)?),
            _ => return Err("give exactly one domain: int, date, text or sql".to_owned()),
        };
        let default = match (&self.default, self.count) {
            (toml::Value::Array(values), Some(count)) if values.len() == count => list(values)?,
            (toml::Value::Array(values), Some(count)) => {
                return Err(format!("count is {count}, but default has {} values", values.len()));
            }
            (value, None) => vec![scalar(value)?],
            (_, Some(_)) => return Err("with count, default is an array".to_owned()),
        };
        Ok(Parameter { domain, count: self.count, default })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Domains;

    const FILE: &str = r#"--! title = "T"
--! question = "Q?"
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! param.NAME = { default = "O'Neil", text = ["O'Neil", "Ann"] }
--! param.DAY = { default = "2000-08-23", date = ["{YEAR}-08-01", "{YEAR}-08-30"] }
--! param.AGG = { default = "avg", sql = ["avg", "max"] }
--! param.ZIP = { default = ["24128", "76232"], text = "zip5", count = 2 }

select {AGG}(x) from t
where y = {YEAR} and n = {NAME} and d >= {DAY} and z in ({ZIP}) and z <> {ZIP.2};
"#;

    fn parse(text: &str) -> Result<Statement, TemplateError> {
        Statement::parse("q1".parse().expect("infallible"), text)
    }

    #[test]
    fn placeholders_become_typed_literals() {
        let domains = Domains::parse("").expect("empty");
        let sql = parse(FILE).and_then(|s| s.render(&Substitution::defaults(&domains)));
        assert_eq!(
            sql.expect("renders"),
            "select avg(x) from t\nwhere y = 2000 and n = 'O''Neil' and d >= date '2000-08-23' \
             and z in ('24128', '76232') and z <> '76232'"
        );
    }

    #[track_caller]
    fn check_error(change: (&str, &str), expected: &str) {
        let domains = Domains::parse("").expect("empty");
        let text = FILE.replace(change.0, change.1);
        assert_ne!(text, FILE, "the change must change something");
        let result = parse(&text).and_then(|s| s.render(&Substitution::defaults(&domains)));
        assert!(result.as_ref().is_err_and(|e| e.to_string().contains(expected)), "{result:?}");
    }

    #[test]
    fn wrong_files_say_what_is_wrong() {
        check_error(("title", "titel"), "unknown field `titel`");
        check_error(("int = [1998, 2002] }", "int = [1998, 2002], sql = [\"1\"] }"), "exactly one domain");
        check_error(("count = 2", "count = 3"), "count is 3, but default has 2 values");
        check_error(("{AGG}(x)", "{AGGREGATE}(x)"), "placeholder `{AGGREGATE}`");
        check_error(("{ZIP.2}", "{ZIP.3}"), "placeholder `{ZIP.3}`");
    }
}

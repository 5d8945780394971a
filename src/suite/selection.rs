//! What `--queries` and `--skip` name: statements, query numbers and ranges of numbers.

use std::collections::HashSet;
use std::str::FromStr;

use thiserror::Error;

use super::{StatementName, Suite};
use crate::text;

/// A list such as `q1,q14a,20-25,ss_max`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// A word that is matched against the statements' names; `q14` and `14` mean every statement of query 14.
    Name(String),
    Range(u32, u32),
}

/// Why a selection does not fit.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SelectionError {
    /// A range that runs backwards.
    #[error("`{range}` is empty: a range goes from the lower to the higher query number, as in `20-25`")]
    BackwardRange {
        /// The range as typed.
        range: String,
    },
    /// Nothing in the suite has that name.
    #[error("no statement is called `{name}`{hint} (`dsbench queries` lists them all)")]
    Unknown {
        /// The name as typed.
        name: String,
        /// The nearest name, as a question.
        hint: String,
    },
    /// Nothing is left to run.
    #[error("nothing is left to run: the skipped statements cover all chosen ones")]
    Empty,
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let items = text.split([',', ' ']).map(str::trim).filter(|item| !item.is_empty());
        items.map(parse_item).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_item(text: &str) -> Result<Item, SelectionError> {
    if let Some((low, high)) = text.split_once('-') {
        let number = |side: &str| side.trim_start_matches(['q', 'Q']).parse::<u32>().ok();
        if let (Some(low), Some(high)) = (number(low), number(high)) {
            if low > high {
                return Err(SelectionError::BackwardRange { range: text.to_owned() });
            }
            return Ok(Item::Range(low, high));
        }
    }
    Ok(Item::Name(text.to_owned()))
}

impl Selection {
    /// Whether nothing is named at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The named statements of `suite`; an unknown name is an error that says what was probably meant.
    pub fn resolve(&self, suite: &Suite) -> Result<HashSet<StatementName>, SelectionError> {
        let mut chosen = HashSet::new();
        for item in &self.0 {
            let matching = suite.statements().map(|s| &s.name).filter(|name| item.matches(name));
            let matching: Vec<_> = matching.cloned().collect();
            if matching.is_empty() {
                return Err(item.unknown(suite));
            }
            chosen.extend(matching);
        }
        Ok(chosen)
    }
}

impl Item {
    fn matches(&self, name: &StatementName) -> bool {
        match self {
            Self::Range(low, high) => name.query_number().is_some_and(|n| (*low..=*high).contains(&n)),
            Self::Name(text) => {
                let wanted: StatementName = text.parse().unwrap_or_else(|never| match never {});
                let number = text.trim_start_matches(['q', 'Q']).parse::<u32>().ok();
                *name == wanted || (number.is_some() && name.query_number() == number)
            }
        }
    }

    fn unknown(&self, suite: &Suite) -> SelectionError {
        let name = match self {
            Self::Name(name) => name.clone(),
            Self::Range(low, high) => format!("{low}-{high}"),
        };
        let names = suite.statements().map(|s| s.name.as_str());
        SelectionError::Unknown { hint: text::did_you_mean(&name.to_lowercase(), names), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Suite;

    #[track_caller]
    fn check(selection: &str, expected: Result<&str, &str>) {
        let suite = Suite::built_in().expect("the built-in suite is well-formed");
        let actual = selection.parse::<Selection>().and_then(|s| s.resolve(&suite));
        let names = actual.map(|chosen| {
            let in_order = suite.statements().filter(|s| chosen.contains(&s.name));
            in_order.map(|s| s.name.to_string()).collect::<Vec<_>>().join(" ")
        });
        let names = names.map_err(|error| error.to_string());
        assert_eq!(names.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn names_numbers_and_ranges() {
        check("q1,q14a,20-23", Ok("q1 q14a q20 q21 q22 q23a q23b"));
        check("14", Ok("q14a q14b"));
        check("Q05 ss_max", Ok("q5 ss_max"));
        check("q98-q99,q98", Ok("q98 q99"));
    }

    #[test]
    fn wrong_input_names_the_nearest() {
        check("q14c", Err("no statement is called `q14c`; did you mean `q14a`? (`dsbench queries` lists them all)"));
        check("25-20", Err("`25-20` is empty: a range goes from the lower to the higher query number, as in `20-25`"));
        check("200-300", Err("no statement is called `200-300` (`dsbench queries` lists them all)"));
    }
}

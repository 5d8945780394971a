//! Where parameter values come from: the specification's qualification values, a seed, or the user.
//!
//! A seed and a parameter's name fix its value: the statements a and b of one query draw the same values, and adding a
//! statement to the suite changes no other. Draws are uniform over the domain (the specification weighs some of them).

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::template::{fill, split_placeholder};
use super::{Domain, Domains, Parameter, Statement, StatementName, TemplateError};
use crate::text;

/// One `--param q1.YEAR=1999`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    statement: StatementName,
    parameter: String,
    values: Vec<String>,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || format!("`{text}` is not of the form QUERY.NAME=VALUE, as in q1.YEAR=1999");
        let (place, values) = text.split_once('=').ok_or_else(shape)?;
        let (statement, parameter) = place.split_once('.').ok_or_else(shape)?;
        Ok(Self {
            statement: statement.parse().unwrap_or_else(|never| match never {}),
            parameter: parameter.trim().to_uppercase(),
            values: values.split(',').map(|value| value.trim().to_owned()).collect(),
        })
    }
}

impl Override {
    /// Whether it speaks of that statement; `q14` speaks of both statements of query 14.
    pub fn concerns(&self, name: &StatementName) -> bool {
        self.statement == *name
            || (self.statement.query_number().is_some()
                && !self.statement.as_str().ends_with(|c: char| c.is_ascii_lowercase())
                && self.statement.query_number() == name.query_number())
    }
}

/// Gives every parameter of a statement its value.
#[derive(Debug, Clone)]
pub struct Substitution<'a> {
    domains: &'a Domains,
    seed: Option<u64>,
    overrides: Vec<Override>,
}

impl<'a> Substitution<'a> {
    /// The specification's qualification values.
    pub fn defaults(domains: &'a Domains) -> Self {
        Self { domains, seed: None, overrides: Vec::new() }
    }

    /// Values drawn from the domains where a seed is given, and single values from the user over both.
    pub fn new(domains: &'a Domains, seed: Option<u64>, overrides: Vec<Override>) -> Self {
        Self { domains, seed, overrides }
    }

    /// The first override that fits no parameter of the given statements, as a message.
    pub fn unused_override<'s>(&self, statements: impl Iterator<Item = &'s Statement> + Clone) -> Option<String> {
        self.overrides.iter().find_map(|given| {
            let mut concerned = statements.clone().filter(|s| given.concerns(&s.name)).peekable();
            if concerned.peek().is_none() {
                return Some(format!("--param names `{}`, which is not among the statements", given.statement));
            }
            let names: Vec<&str> = concerned.flat_map(|s| s.parameters.keys().map(String::as_str)).collect();
            (!names.contains(&given.parameter.as_str())).then(|| {
                let hint = text::did_you_mean(&given.parameter, names.iter().copied());
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                format!("{} has no parameter `{}`{hint} (it has {known})", given.statement, given.parameter)
            })
        })
    }

    /// The values of all parameters of `statement`, each within its domain.
    pub fn values(&self, statement: &Statement) -> Result<BTreeMap<String, Vec<String>>, TemplateError> {
        let mut values = BTreeMap::new();
        for name in statement.parameters.keys() {
            self.resolve(statement, name, &mut values, &mut Vec::new())?;
        }
        Ok(values)
    }

    /// Finds one parameter's values after those that its domain depends on.
    fn resolve(
        &self,
        statement: &Statement,
        name: &str,
        values: &mut BTreeMap<String, Vec<String>>,
        path: &mut Vec<String>,
    ) -> Result<(), TemplateError> {
        if values.contains_key(name) {
            return Ok(());
        }
        let wrong = |message: String| TemplateError::Parameter {
            statement: statement.name.clone(),
            parameter: name.to_owned(),
            message,
        };
        if path.iter().any(|earlier| earlier == name) {
            return Err(wrong(format!("its domain depends on itself: {} -> {name}", path.join(" -> "))));
        }
        let parameter = statement.parameters.get(name).ok_or_else(|| wrong("it is not declared".to_owned()))?;
        path.push(name.to_owned());
        let domain = self.domain(statement, &parameter.domain, values, path)?.map_err(wrong)?;
        path.pop();
        let members = Members::of(&domain, self.domains).map_err(wrong)?;
        let given = self.overrides.iter().rev().find(|o| o.concerns(&statement.name) && o.parameter == name);
        let chosen = match (given, self.seed) {
            (Some(given), _) => members.accept(given, parameter).map_err(wrong)?,
            (None, Some(seed)) => members.draw(&mut generator(seed, &statement.name, name), parameter),
            (None, None) => parameter.default.clone(),
        };
        values.insert(name.to_owned(), chosen);
        Ok(())
    }

    /// The domain with the values of other parameters filled in. The outer error is that of another parameter, the inner one
    /// this domain's own.
    fn domain(
        &self,
        statement: &Statement,
        domain: &Domain,
        values: &mut BTreeMap<String, Vec<String>>,
        path: &mut Vec<String>,
    ) -> Result<Result<Domain, String>, TemplateError> {
        let mut failure = None;
        let mut expand = |text: &str| {
            fill(text, |placeholder| {
                let (other, index) = split_placeholder(placeholder);
                if let Err(error) = self.resolve(statement, other, values, path) {
                    failure.get_or_insert(error);
                    return None;
                }
                values.get(other)?.get(index.unwrap_or(1).checked_sub(1)?).cloned()
            })
        };
        let filled = match domain {
            Domain::Int(low, high) => expand(low).and_then(|low| Ok(Domain::Int(low, expand(high)?))),
            Domain::Date(low, high) => expand(low).and_then(|low| Ok(Domain::Date(low, expand(high)?))),
            Domain::NamedText(name) => expand(name).map(Domain::NamedText),
            closed => Ok(closed.clone()),
        };
        match failure {
            Some(error) => Err(error),
            None => Ok(filled.map_err(|place| format!("its domain names `{{{place}}}`, which has no value"))),
        }
    }
}

/// The random numbers of one parameter: a function of the seed, the query and the parameter's name alone.
fn generator(seed: u64, statement: &StatementName, parameter: &str) -> ChaCha8Rng {
    let query = match statement.query_number() {
        Some(number) => format!("q{number}"),
        None => statement.to_string(),
    };
    let key = twox_hash::XxHash3_64::oneshot_with_seed(seed, format!("{query}.{parameter}").as_bytes());
    ChaCha8Rng::seed_from_u64(key)
}

/// A domain whose bounds and names are known.
enum Members {
    Int(i64, i64),
    Date(NaiveDate, NaiveDate),
    List(Vec<String>),
}

impl Members {
    fn of(domain: &Domain, domains: &Domains) -> Result<Self, String> {
        match domain {
            Domain::Int(low, high) => {
                let number = |text: &str| text.parse::<i64>().map_err(|_| format!("`{text}` is not a whole number"));
                Ok(Self::Int(number(low)?, number(high)?))
            }
            Domain::Date(low, high) => Ok(Self::Date(day(low)?, day(high)?)),
            Domain::Text(members) | Domain::Sql(members) => Ok(Self::List(members.clone())),
            Domain::NamedText(name) => domains.members(name).map(Self::List).ok_or_else(|| {
                let names = domains.names();
                let hint = text::did_you_mean(name, names.iter().map(String::as_str));
                format!("`{name}` is not in domains.toml{hint}")
            }),
        }
    }

    /// The user's values, if they are in the domain and as many as needed.
    fn accept(&self, given: &Override, parameter: &Parameter) -> Result<Vec<String>, String> {
        // Some of the specification's qualification values lie outside of the domain that it gives.
        if given.values == parameter.default {
            return Ok(given.values.clone());
        }
        let needed = parameter.count.unwrap_or(1);
        if given.values.len() != needed {
            return Err(format!("takes {needed} value(s), separated by commas, but {} are given", given.values.len()));
        }
        given.values.iter().map(|value| self.accept_one(value)).collect()
    }

    fn accept_one(&self, value: &str) -> Result<String, String> {
        match self {
            Self::Int(low, high) => match value.parse::<i64>() {
                Ok(number) if (*low..=*high).contains(&number) => Ok(number.to_string()),
                Ok(_) => Err(format!("{value} is outside of its domain, {low} to {high}")),
                Err(_) => Err(format!("`{value}` is not a whole number (its domain is {low} to {high})")),
            },
            Self::Date(low, high) => match day(value)? {
                date if (*low..=*high).contains(&date) => Ok(date.to_string()),
                _ => Err(format!("{value} is outside of its domain, {low} to {high}")),
            },
            Self::List(members) => match members.iter().find(|member| member.eq_ignore_ascii_case(value)) {
                Some(member) => Ok(member.clone()),
                None => Err(format!("`{value}` is not in its domain: {}", shortened(members))),
            },
        }
    }

    /// As many values as the parameter needs, distinct as long as the domain has enough of them.
    fn draw(&self, random: &mut ChaCha8Rng, parameter: &Parameter) -> Vec<String> {
        let needed = parameter.count.unwrap_or(1);
        let mut taken = HashSet::new();
        let mut drawn = Vec::with_capacity(needed);
        while drawn.len() < needed {
            let value = self.draw_one(random);
            // Once the whole domain is used up, values may repeat.
            if taken.insert(value.clone()) || taken.len() as u64 >= self.size() {
                drawn.push(value);
            }
        }
        drawn
    }

    fn draw_one(&self, random: &mut ChaCha8Rng) -> String {
        match self {
            Self::Int(low, high) => random.random_range(*low..=(*high).max(*low)).to_string(),
            Self::Date(low, high) => {
                let days = (*high - *low).num_days().max(0) as u64;
                let date = low.checked_add_days(Days::new(random.random_range(0..=days)));
                date.unwrap_or(*low).to_string()
            }
            Self::List(members) => match members.len() {
                0 => String::new(),
                count => members[random.random_range(0..count)].clone(),
            },
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Int(low, high) => high.abs_diff(*low).saturating_add(1),
            Self::Date(low, high) => (*high - *low).num_days().unsigned_abs() + 1,
            Self::List(members) => members.iter().collect::<HashSet<_>>().len() as u64,
        }
    }
}

fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| format!("`{text}` is not a day of the form 2000-08-23"))
}

fn shortened(members: &[String]) -> String {
    let shown = members.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
    if members.len() > 12 { format!("{shown}, … ({} in all)", members.len()) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"--! title = "T"
--! question = "Q?"
--! param.CAT = { default = ["Books", "Home"], text = ["Books", "Home", "Music"], count = 2 }
--! param.CLASS = { default = "fiction", text = "classes/{CAT.1}" }
--! param.YEAR = { default = 2000, int = [1998, 2002] }
--! param.DAY = { default = "2000-08-23", date = ["{YEAR}-08-01", "{YEAR}-08-30"] }
{CAT} {CLASS} {YEAR} {DAY}"#;
    const DOMAINS: &str = "[classes]\nBooks = ['fiction']\nHome = ['lamps']\nMusic = ['pop']";

    #[track_caller]
    fn check(seed: Option<u64>, overrides: &[&str], expected: Result<&str, &str>) {
        let domains = Domains::parse(DOMAINS).expect("well-formed");
        let statement = Statement::parse("q14a".parse().expect("infallible"), FILE).expect("well-formed");
        let overrides = overrides.iter().map(|o| o.parse().expect("well-formed")).collect();
        let sql = statement.render(&Substitution::new(&domains, seed, overrides)).map_err(|e| e.to_string());
        assert_eq!(sql.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn defaults_seed_and_user() {
        check(None, &[], Ok("'Books', 'Home' 'fiction' 2000 date '2000-08-23'"));
        check(None, &["q14.YEAR=1999", "q14b.YEAR=1998"], Ok("'Books', 'Home' 'fiction' 1999 date '2000-08-23'"));
        check(None, &["q14a.cat=music,books"], Ok("'Music', 'Books' 'fiction' 2000 date '2000-08-23'"));
        check(Some(7), &["q14.CAT=Home,Music", "q14.YEAR=2001"], Ok("'Home', 'Music' 'lamps' 2001 date '2001-08-20'"));
    }

    #[test]
    fn drawn_values_are_distinct_and_inside() {
        let domains = Domains::parse(DOMAINS).expect("well-formed");
        let statement = Statement::parse("q1".parse().expect("infallible"), FILE).expect("well-formed");
        let mut seen = HashSet::new();
        for seed in 0..200 {
            let values = Substitution::new(&domains, Some(seed), Vec::new()).values(&statement).expect("draws");
            assert_ne!(values["CAT"][0], values["CAT"][1]);
            let year = &values["YEAR"][0];
            assert!((1998..=2002).contains(&year.parse::<i32>().expect("a number")));
            assert!(values["DAY"][0].starts_with(&format!("{year}-08-")), "{values:?}");
            seen.insert(values["YEAR"].clone());
        }
        assert_eq!(seen.len(), 5, "every year is drawn at some time");
    }

    #[test]
    fn wrong_values_are_refused() {
        check(None, &["q14a.YEAR=1990"], Err("parameter YEAR of q14a: 1990 is outside of its domain, 1998 to 2002"));
        check(
            None,
            &["q14a.YEAR=soon"],
            Err("parameter YEAR of q14a: `soon` is not a whole number (its domain is 1998 to 2002)"),
        );
        check(
            None,
            &["q14a.CAT=Books"],
            Err("parameter CAT of q14a: takes 2 value(s), separated by commas, but 1 are given"),
        );
        check(
            None,
            &["q14a.CAT=Books,x' or"],
            Err("parameter CAT of q14a: `x' or` is not in its domain: Books, Home, Music"),
        );
        check(
            None,
            &["q14a.DAY=2001-08-02"],
            Err("parameter DAY of q14a: 2001-08-02 is outside of its domain, 2000-08-01 to 2000-08-30"),
        );
        assert!("q1YEAR=1".parse::<Override>().is_err());
    }
}

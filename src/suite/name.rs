//! The name of a statement: `q1` … `q99`, `q14a`, or a word such as `ss_max`.

use std::fmt;
use std::str::FromStr;

/// A statement's name, in the suite's spelling (`q14a`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementName(String);

impl StatementName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The TPC-DS query number, where the name is `q` and a number (and perhaps a letter).
    pub fn query_number(&self) -> Option<u32> {
        let rest = self.0.strip_prefix('q')?;
        let digits = rest.trim_end_matches(|c: char| c.is_ascii_lowercase());
        (rest.len() - digits.len() <= 1).then(|| digits.parse().ok()).flatten()
    }

    /// The name that sorts like the number: `q01`, `q14a`, `ss_max`.
    pub fn file_stem(&self) -> String {
        match self.query_number() {
            Some(number) => {
                let letter = self.0.trim_start_matches(|c: char| c == 'q' || c.is_ascii_digit());
                format!("q{number:02}{letter}")
            }
            None => self.0.clone(),
        }
    }
}

impl FromStr for StatementName {
    type Err = std::convert::Infallible;

    /// Any text is a name; `Q01` is read as `q1` and `Q14A` as `q14a`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_lowercase();
        let name = match lower.strip_prefix('q') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                let trimmed = rest.trim_start_matches('0');
                format!("q{}", if trimmed.is_empty() { "0" } else { trimmed })
            }
            _ => lower,
        };
        Ok(Self(name))
    }
}

impl fmt::Display for StatementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, number: Option<u32>, stem: &str) {
        let parsed: StatementName = text.parse().expect("infallible");
        assert_eq!((parsed.as_str(), parsed.query_number(), parsed.file_stem().as_str()), (name, number, stem));
    }

    #[test]
    fn spellings_are_folded() {
        check("q1", "q1", Some(1), "q01");
        check("Q01", "q1", Some(1), "q01");
        check("q14A", "q14a", Some(14), "q14a");
        check(" ss_max ", "ss_max", None, "ss_max");
        check("quick", "quick", None, "quick");
        check("q4ab", "q4ab", None, "q4ab");
    }
}

//! Named value lists (`domains.toml`) that templates draw text parameters from.

use toml::Value;

use super::SuiteError;

/// All named domains of a suite; nested tables are addressed with a slash (`classes/Books`).
#[derive(Debug, Clone)]
pub struct Domains(toml::Table);

impl Domains {
    /// The name of the one domain that is computed: five digits, `10000` to `99999`.
    pub const ZIP5: &'static str = "zip5";

    pub(super) fn parse(text: &str) -> Result<Self, SuiteError> {
        toml::from_str(text)
            .map(Self)
            .map_err(|source| SuiteError::Toml { file: "domains.toml".into(), message: source.to_string() })
    }

    /// The members of a domain in file order; nothing where there is no such domain.
    pub fn members(&self, name: &str) -> Option<Vec<String>> {
        if name == Self::ZIP5 {
            return Some((10_000..=99_999).map(|zip: u32| zip.to_string()).collect());
        }
        let mut parts = name.split('/');
        let mut value = self.0.get(parts.next()?)?;
        for part in parts {
            value = value.as_table()?.get(part)?;
        }
        value.as_array()?.iter().map(|member| member.as_str().map(str::to_owned)).collect()
    }

    /// Every name that [`Domains::members`] knows.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![Self::ZIP5.to_owned()];
        for (name, value) in &self.0 {
            match value {
                Value::Table(inner) => names.extend(inner.keys().map(|key| format!("{name}/{key}"))),
                _ => names.push(name.clone()),
            }
        }
        names
    }
}

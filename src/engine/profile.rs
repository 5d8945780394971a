//! Named engine configurations: TOML files with a table `[set]`, two of them compiled into the program.

use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

/// A named set of setting values over DataFusion's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The profile's name, as results carry it.
    pub name: String,
    /// One sentence on what it is for.
    pub description: String,
    /// Keys and values in file order; those of the profile that it extends come first.
    pub values: Vec<(String, String)>,
}

/// Why a profile cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProfileError {
    /// Neither built in nor a file.
    #[error(
        "there is no profile `{name}`: built in are {built_in}; a file is named by its path (my.toml), and \
         profiles/{name}.toml is not there"
    )]
    Unknown {
        /// The name as typed.
        name: String,
        /// The names of the built-in profiles.
        built_in: String,
    },
    /// The file is malformed.
    #[error("profile {path} cannot be read: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
}

const BUILT_IN: [(&str, &str); 2] = [
    ("default", include_str!("../../profiles/default.toml")),
    ("datafusion", include_str!("../../profiles/datafusion.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileToml {
    description: String,
    extends: Option<String>,
    #[serde(default)]
    set: toml::Table,
}

impl Profile {
    /// The names of the profiles that need no file.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in profile, a file by its path, or `profiles/NAME.toml` under the current folder.
    pub fn find(name: &str) -> Result<Self, ProfileError> {
        Self::find_at_depth(name, 0)
    }

    fn find_at_depth(name: &str, depth: usize) -> Result<Self, ProfileError> {
        let malformed = |path: &str, message: String| ProfileError::Malformed { path: path.to_owned(), message };
        if depth > 8 {
            return Err(malformed(name, "profiles extend each other in a circle".to_owned()));
        }
        if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Self::parse(name, name, text, depth);
        }
        let in_folder = Path::new("profiles").join(format!("{name}.toml"));
        let path = if Path::new(name).extension().is_some_and(|e| e == "toml") { Path::new(name) } else { &in_folder };
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let stem = path.file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
                Self::parse(&stem, &shown, &text, depth)
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(ProfileError::Unknown {
                name: name.to_owned(),
                built_in: Self::built_in_names().collect::<Vec<_>>().join(" and "),
            }),
            Err(cause) => Err(malformed(&shown, cause.to_string())),
        }
    }

    fn parse(name: &str, path: &str, text: &str, depth: usize) -> Result<Self, ProfileError> {
        let malformed = |message: String| ProfileError::Malformed { path: path.to_owned(), message };
        let toml: ProfileToml = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let mut values = match &toml.extends {
            Some(base) => Self::find_at_depth(base, depth + 1)?.values,
            None => Vec::new(),
        };
        flatten("", &toml.set, &mut values).map_err(malformed)?;
        Ok(Self { name: name.to_owned(), description: toml.description, values })
    }
}

/// Turns nested tables into dotted keys, so that `"a.b" = 1` and `[set.a] b = 1` mean the same.
fn flatten(prefix: &str, table: &toml::Table, values: &mut Vec<(String, String)>) -> Result<(), String> {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, values)?,
            toml::Value::String(text) => values.push((key, text.clone())),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                values.push((key, value.to_string()));
            }
            other => {
                return Err(format!("`{key}` is {}, but a setting is a text, a number or a boolean", other.type_str()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let parsed = Profile::parse("x", "x.toml", text, 0);
        match (parsed, expected) {
            (Ok(profile), Ok(values)) => {
                let actual: Vec<_> = profile.values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                assert_eq!(actual, values);
            }
            (Err(error), Err(message)) => assert!(error.to_string().contains(message), "{error}"),
            (parsed, _) => panic!("{parsed:?}"),
        }
    }

    #[test]
    fn dotted_and_nested_keys_mean_the_same() {
        check("description = ''\n[set]\n'a.b' = true\n", Ok(&[("a.b", "true")]));
        check("description = ''\n[set.a]\nb = 7\n", Ok(&[("a.b", "7")]));
        check(
            "description = ''\nextends = 'datafusion'\n[set]\nx = 'y'",
            Ok(&[("engine.sql.semantics", "datafusion"), ("x", "y")]),
        );
    }

    #[test]
    fn wrong_files_say_what_is_wrong() {
        check("[set]\na = 1", Err("missing field `description`"));
        check("description = ''\n[set]\na = [1]", Err("`a` is array"));
        check("description = ''\nextends = 'nothing'", Err("there is no profile `nothing`"));
    }

    #[test]
    fn the_built_in_profiles_are_well_formed() {
        for name in Profile::built_in_names() {
            assert_eq!(Profile::find(name).map(|p| p.name), Ok(name.to_owned()));
        }
    }
}

//! Reading a suite's folder, built in or from disk.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use thiserror::Error;

use super::{Domains, Selection, SelectionError, Statement, StatementName, TemplateError};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// All statements in suite order, with the lists they draw from.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The suite's name, as results carry it.
    pub name: String,
    /// What the statements follow.
    pub specification: String,
    /// Where all statements depart from the specification, a sentence each.
    pub deviations: Vec<String>,
    /// The named value lists.
    pub domains: Domains,
    /// Where the files came from, for the answers beside them.
    pub files: SuiteFiles,
    statements: Vec<Statement>,
    skips: Vec<(StatementName, String)>,
}

/// A suite's files: compiled in, or a folder.
#[derive(Debug, Clone)]
pub enum SuiteFiles {
    /// The copy inside the program.
    BuiltIn,
    /// A folder on disk.
    Folder(PathBuf),
}

/// Why a suite cannot be used.
#[derive(Debug, Error)]
pub enum SuiteError {
    /// A file is missing or unreadable.
    #[error("{file} of the suite cannot be read: {message}")]
    File {
        /// The file inside the suite's folder.
        file: String,
        /// The system's message.
        message: String,
    },
    /// A TOML file is malformed.
    #[error("{file} of the suite is not well-formed: {message}")]
    Toml {
        /// The file inside the suite's folder.
        file: String,
        /// The TOML reader's message.
        message: String,
    },
    /// A statement's file is malformed.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// `suite.toml` skips something that it does not order.
    #[error("suite.toml skips `{name}`, which is not in its order")]
    UnknownSkip {
        /// The name under `[skip]`.
        name: StatementName,
    },
    /// A template that `suite.toml` does not mention would never run.
    #[error("{file} is in the suite's folder, but suite.toml does not name it in its order")]
    Unlisted {
        /// The template's file.
        file: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteToml {
    name: String,
    specification: String,
    order: Vec<String>,
    deviations: Vec<String>,
    #[serde(default)]
    skip: std::collections::BTreeMap<String, String>,
}

impl SuiteFiles {
    /// The text of one file; nothing where the suite has no such file.
    pub fn read(&self, path: &str) -> Result<Option<String>, SuiteError> {
        let error = |message: String| SuiteError::File { file: path.to_owned(), message };
        match self {
            Self::BuiltIn => match BUILT_IN.get_file(path) {
                Some(file) => {
                    file.contents_utf8().map(|text| Some(text.to_owned())).ok_or_else(|| error("not UTF-8".to_owned()))
                }
                None => Ok(None),
            },
            Self::Folder(folder) => match std::fs::read_to_string(folder.join(path)) {
                Ok(text) => Ok(Some(text)),
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(cause) => Err(error(cause.to_string())),
            },
        }
    }

    /// The bytes of one file, for the answers beside the statements.
    pub fn read_bytes(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match self {
            Self::BuiltIn => match BUILT_IN.get_file(path) {
                Some(file) => Ok(file.contents().to_vec()),
                None => Err(std::io::ErrorKind::NotFound.into()),
            },
            Self::Folder(folder) => std::fs::read(folder.join(path)),
        }
    }

    /// The folders directly under `parent`, as paths inside the suite, in the order of their names.
    pub fn folders(&self, parent: &str) -> Vec<String> {
        let mut folders: Vec<String> = match self {
            Self::BuiltIn => BUILT_IN
                .get_dir(parent)
                .into_iter()
                .flat_map(Dir::dirs)
                .map(|dir| dir.path().to_string_lossy().into_owned())
                .collect(),
            Self::Folder(folder) => {
                let entries = std::fs::read_dir(folder.join(parent)).into_iter().flatten().flatten();
                let dirs = entries.filter(|entry| entry.path().is_dir());
                dirs.map(|entry| format!("{parent}/{}", entry.file_name().to_string_lossy())).collect()
            }
        };
        folders.sort();
        folders
    }

    fn require(&self, path: &str) -> Result<String, SuiteError> {
        let missing = || SuiteError::File { file: path.to_owned(), message: "it is not there".to_owned() };
        self.read(path)?.ok_or_else(missing)
    }

    fn template_files(&self) -> Vec<String> {
        let names: Vec<PathBuf> = match self {
            Self::BuiltIn => {
                BUILT_IN.get_dir("tpcds").into_iter().flat_map(Dir::files).map(|f| f.path().to_owned()).collect()
            }
            Self::Folder(folder) => {
                let entries = std::fs::read_dir(folder.join("tpcds")).into_iter().flatten().flatten();
                entries.map(|entry| Path::new("tpcds").join(entry.file_name())).collect()
            }
        };
        let sql = names.iter().filter(|path| path.extension().is_some_and(|e| e == "sql"));
        sql.map(|path| path.to_string_lossy().into_owned()).collect()
    }
}

impl Suite {
    /// The suite that is compiled into the program.
    pub fn built_in() -> Result<Self, SuiteError> {
        Self::load(SuiteFiles::BuiltIn)
    }

    /// A suite of the same form from a folder.
    pub fn from_folder(folder: &Path) -> Result<Self, SuiteError> {
        Self::load(SuiteFiles::Folder(folder.to_owned()))
    }

    fn load(files: SuiteFiles) -> Result<Self, SuiteError> {
        let toml: SuiteToml = toml::from_str(&files.require("suite.toml")?)
            .map_err(|error| SuiteError::Toml { file: "suite.toml".to_owned(), message: error.to_string() })?;
        let domains = Domains::parse(&files.require("domains.toml")?)?;
        let name = |text: &str| text.parse::<StatementName>().unwrap_or_else(|never| match never {});
        let mut statements = Vec::with_capacity(toml.order.len());
        for text in &toml.order {
            let name = name(text);
            let template = files.require(&template_file(&name))?;
            statements.push(Statement::parse(name, &template)?);
        }
        let skips: Vec<_> = toml.skip.iter().map(|(text, reason)| (name(text), reason.clone())).collect();
        let suite = Self {
            name: toml.name,
            specification: toml.specification,
            deviations: toml.deviations,
            domains,
            files,
            statements,
            skips,
        };
        suite.check_names()?;
        Ok(suite)
    }

    fn check_names(&self) -> Result<(), SuiteError> {
        let known: Vec<&StatementName> = self.statements.iter().map(|s| &s.name).collect();
        if let Some((name, _)) = self.skips.iter().find(|(name, _)| !known.contains(&name)) {
            return Err(SuiteError::UnknownSkip { name: name.clone() });
        }
        let listed: Vec<String> = known.iter().map(|name| template_file(name)).collect();
        match self.files.template_files().into_iter().find(|file| !listed.contains(file)) {
            Some(file) => Err(SuiteError::Unlisted { file }),
            None => Ok(()),
        }
    }

    /// Every statement in suite order, the skipped ones too.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> + Clone {
        self.statements.iter()
    }

    /// The statement of that name.
    pub fn statement(&self, name: &StatementName) -> Option<&Statement> {
        self.statements.iter().find(|s| s.name == *name)
    }

    /// What `suite.toml` skips, with the reasons.
    pub fn skips(&self) -> &[(StatementName, String)] {
        &self.skips
    }

    /// The statements to run in suite order: `queries` (all, if empty) less `skip` and less what the suite itself skips,
    /// unless it is asked for by name.
    pub fn select(&self, queries: &Selection, skip: &Selection) -> Result<Vec<&Statement>, SelectionError> {
        let wanted = queries.resolve(self)?;
        let unwanted = skip.resolve(self)?;
        let chosen = |statement: &&Statement| {
            let name = &statement.name;
            let asked = if queries.is_empty() {
                !self.skips.iter().any(|(skipped, _)| skipped == name)
            } else {
                wanted.contains(name)
            };
            asked && !unwanted.contains(name)
        };
        let statements: Vec<_> = self.statements.iter().filter(chosen).collect();
        if statements.is_empty() { Err(SelectionError::Empty) } else { Ok(statements) }
    }
}

fn template_file(name: &StatementName) -> String {
    format!("tpcds/{}.sql", name.file_stem())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Substitution;

    #[test]
    fn the_built_in_suite_is_complete_and_renders() {
        let suite = Suite::built_in().expect("the built-in suite is well-formed");
        assert_eq!(suite.statements().count(), 104);
        for seed in [None, Some(1), Some(2), Some(3)] {
            let substitution = Substitution::new(&suite.domains, seed, Vec::new());
            for statement in suite.statements() {
                let sql = statement.render(&substitution);
                let sql = sql.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
                assert!(!sql.contains(['{', '}', ';']), "{}", statement.name);
                assert!(statement.title.chars().count() <= 60, "{}", statement.name);
                assert!(statement.question.ends_with('?') || statement.question.ends_with('.'), "{}", statement.name);
            }
        }
    }

    #[track_caller]
    fn check_folder(files: &[(&str, &str)], expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("tpcds")).expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let error = Suite::from_folder(folder.path()).map(|_| ()).expect_err("the folder is wrong").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn wrong_folders_say_what_is_wrong() {
        const TOML: &str = "name = 'x'\nspecification = 's'\ndeviations = []\norder = ['q1']\n";
        const Q1: &str = "--! title = 't'\n--! question = 'q?'\nselect 1";
        check_folder(&[], "suite.toml of the suite cannot be read: it is not there");
        check_folder(&[("suite.toml", "name = ")], "suite.toml of the suite is not well-formed");
        check_folder(&[("suite.toml", TOML), ("domains.toml", "")], "tpcds/q01.sql of the suite cannot be read");
        check_folder(
            &[("suite.toml", TOML), ("domains.toml", ""), ("tpcds/q01.sql", Q1), ("tpcds/q02.sql", Q1)],
            "tpcds/q02.sql is in the suite's folder",
        );
        let skip = format!("{TOML}[skip]\nq7 = 'why'\n");
        check_folder(&[("suite.toml", &skip), ("domains.toml", ""), ("tpcds/q01.sql", Q1)], "skips `q7`");
    }
}

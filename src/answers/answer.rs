//! A folder of expected answers.
//!
//! In: a folder that `scripts/oracle` wrote: `answers.json` and one CSV file a statement. Out: an
//! [`AnswerSet`], and from it one [`Answer`] at a time. A file that does not have the content that
//! `answers.json` vouches for is an error, never a shorter answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use twox_hash::XxHash3_128;

use super::csv;
use super::format::{ANSWERS_FILE, AnswersFile, FORMAT_VERSION};

/// The hash by which texts and files are told apart: XXH3, 128 bits, 32 hexadecimal digits.
pub fn content_hash(bytes: &[u8]) -> String {
    format!("{:032x}", XxHash3_128::oneshot(bytes))
}

/// What made the answers of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSource {
    /// The engine's name.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// When, in UTC, ISO 8601.
    pub made_at: String,
    /// The engine's setting for the place of NULL in a sort without `NULLS …`.
    pub null_order: String,
}

/// A folder of expected answers.
#[derive(Debug)]
pub struct AnswerSet {
    dir: PathBuf,
    files: Files,
    source: AnswerSource,
    index: AnswersFile,
}

/// Gives the bytes of a file.
type ReadFile = dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Send + Sync;

/// How the bytes of a file are had.
struct Files(Box<ReadFile>);

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

/// One expected answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The rows, in the order of the statement. After the first `row_count` come the rows that
    /// tie with the last of them on the sort keys, any of which may stand in its place.
    pub rows: RecordBatch,
    /// How many rows the statement returns, its `LIMIT` applied.
    pub row_count: usize,
}

/// What a folder has for a statement.
#[derive(Debug)]
pub enum Lookup {
    /// The answer to this text.
    Found(Answer),
    /// No answer to a statement of this name.
    Missing,
    /// An answer to another text of the statement, for example with other parameters.
    OtherSql,
}

/// Why expected answers cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `answers.json` is not what it should be.
    #[error("{path} is no list of answers; make the answers again with scripts/oracle")]
    Index {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The folder is of another version of this program.
    #[error(
        "{path} has format version {found}, this program reads {supported}; make the answers again with scripts/oracle"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// An answer file was cut or edited after it was made.
    #[error(
        "{path} is not the file that {ANSWERS_FILE} lists (its hash is {found}, not {expected}); make the answer again with scripts/oracle"
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// The hash of its content.
        found: String,
        /// The hash in `answers.json`.
        expected: String,
    },
    /// A line of an answer file is not what it should be.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An answer file has another number of rows than `answers.json` says.
    #[error("{path} has {found} rows, {ANSWERS_FILE} says {expected}; make the answer again with scripts/oracle")]
    RowCount {
        /// The file.
        path: PathBuf,
        /// The rows in it.
        found: usize,
        /// The rows in `answers.json`.
        expected: usize,
    },
}

impl AnswerSet {
    /// Opens a folder of answers; `None` when it has no `answers.json`.
    pub fn open(dir: &Path) -> Result<Option<Self>, AnswerError> {
        Self::read(dir, |path| std::fs::read(path))
    }

    /// Opens a folder of answers that is somewhere else than on disk: `read` gives the bytes of a path below `dir`.
    pub fn read(
        dir: &Path,
        read: impl Fn(&Path) -> std::io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Option<Self>, AnswerError> {
        let path = dir.join(ANSWERS_FILE);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(AnswerError::Read { path, source }),
        };
        // The version comes first: a newer format may lack fields that this one asks for.
        let version = serde_json::from_slice::<VersionOnly>(&text)
            .map_err(|source| AnswerError::Index { path: path.clone(), source })?
            .format_version;
        if version != FORMAT_VERSION {
            return Err(AnswerError::Version { path, found: version, supported: FORMAT_VERSION });
        }
        let index: AnswersFile = serde_json::from_slice(&text).map_err(|source| AnswerError::Index { path, source })?;
        Ok(Some(Self {
            dir: dir.to_owned(),
            files: Files(Box::new(read)),
            source: AnswerSource {
                engine: index.engine.clone(),
                engine_version: index.engine_version.clone(),
                made_at: index.made_at.clone(),
                null_order: index.null_order.clone(),
            },
            index,
        }))
    }

    /// What made the answers.
    pub fn source(&self) -> &AnswerSource {
        &self.source
    }

    /// The scale factor of the data that the answers were made from.
    pub fn scale(&self) -> f64 {
        self.index.scale
    }

    /// The tables whose content hash differs between the answers' data and `tables`, or that only one of them has; empty when
    /// the answers are good for data that holds `tables`.
    pub fn differing_tables(&self, tables: &BTreeMap<String, String>) -> Vec<String> {
        let mut names: Vec<&String> = self.index.tables.keys().chain(tables.keys()).collect();
        names.sort();
        names.dedup();
        names.retain(|name| self.index.tables.get(*name) != tables.get(*name));
        names.into_iter().cloned().collect()
    }

    /// The names of the statements that have an answer.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.index.statements.keys().map(String::as_str)
    }

    /// The answer to a statement, whose exact text is `sql`.
    pub fn find(&self, statement: &str, sql: &str) -> Result<Lookup, AnswerError> {
        let Some(entry) = self.index.statements.get(statement) else {
            return Ok(Lookup::Missing);
        };
        if entry.sql_xxh3 != content_hash(sql.as_bytes()) {
            return Ok(Lookup::OtherSql);
        }
        let path = self.dir.join(&entry.file);
        let text = (self.files.0)(&path).map_err(|source| AnswerError::Read { path: path.clone(), source })?;
        let found = content_hash(&text);
        if found != entry.answer_xxh3 {
            let expected = entry.answer_xxh3.clone();
            return Err(AnswerError::Altered { path, found, expected });
        }
        let rows = csv::read(&text).map_err(|error| AnswerError::Line {
            path: path.clone(),
            line: error.line,
            reason: error.reason,
        })?;
        let (found, expected) = (rows.num_rows(), entry.stored_row_count);
        if found != expected || entry.row_count > expected {
            return Err(AnswerError::RowCount { path, found, expected });
        }
        Ok(Lookup::Found(Answer { rows, row_count: entry.row_count }))
    }
}

#[derive(serde::Deserialize)]
struct VersionOnly {
    format_version: u32,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const SQL: &str = "select a from t order by a limit 1";
    const ROWS: &str = "\"a integer\"\n1\n1\n";

    fn index() -> String {
        format!(
            r#"{{"format_version": 1, "engine": "DuckDB", "engine_version": "2.0.0",
                "made_at": "2026-01-01T00:00:00Z", "null_order": "nulls_last_on_asc_first_on_desc",
                "scale": 1.0, "tables": {{"item": "aa", "store": "bb"}},
                "statements": {{"q1": {{"file": "q01.csv", "row_count": 1, "stored_row_count": 2,
                    "answer_xxh3": "{}", "sql_xxh3": "{}"}}}}}}"#,
            content_hash(ROWS.as_bytes()),
            content_hash(SQL.as_bytes()),
        )
    }

    /// What a look-up of `statement` comes to in a folder of these two files.
    #[track_caller]
    fn check(index: &str, rows: &str, statement: &str, sql: &str, expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("answers.json"), index).unwrap();
        std::fs::write(dir.path().join("q01.csv"), rows).unwrap();
        let found =
            AnswerSet::open(dir.path()).and_then(|set| set.expect("the folder has answers").find(statement, sql));
        let text = match found {
            Ok(Lookup::Found(answer)) => {
                format!("{} of {} rows", answer.row_count, answer.rows.num_rows())
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text.replace(&dir.path().display().to_string(), "DIR"));
    }

    #[test]
    fn answers_are_found_by_name_and_text() {
        check(&index(), ROWS, "q1", SQL, expect!["1 of 2 rows"]);
        check(&index(), ROWS, "q2", SQL, expect!["Missing"]);
        check(&index(), ROWS, "q1", "select 2", expect!["OtherSql"]);
    }

    #[test]
    fn a_damaged_folder_is_refused() {
        check(
            &index(),
            "\"a integer\"\n1\n",
            "q1",
            SQL,
            expect![
                "DIR/q01.csv is not the file that answers.json lists (its hash is a22ad18125b2d6b4694646a103026313, not 790d47378d29e548c72c2704930202d7); make the answer again with scripts/oracle"
            ],
        );
        check(
            &index(),
            "\"a integer\"\n1\n2\n",
            "q1",
            SQL,
            expect![
                "DIR/q01.csv is not the file that answers.json lists (its hash is 85fbe6cccd8f28e63e3a0a9f991d15c6, not 790d47378d29e548c72c2704930202d7); make the answer again with scripts/oracle"
            ],
        );
        let count = |count: &str| index().replace("\"stored_row_count\": 2", count);
        check(
            &count("\"stored_row_count\": 3"),
            ROWS,
            "q1",
            SQL,
            expect!["DIR/q01.csv has 2 rows, answers.json says 3; make the answer again with scripts/oracle"],
        );
        let old = content_hash(ROWS.as_bytes());
        let bad = "\"a integer\"\n1\nx\n";
        let index_of_bad = index().replace(&old, &content_hash(bad.as_bytes()));
        check(&index_of_bad, bad, "q1", SQL, expect!["DIR/q01.csv, line 3: column a: x is no whole number"]);
        check(&index().replace("q01.csv", "q02.csv"), ROWS, "q1", SQL, expect!["DIR/q02.csv cannot be read"]);
        check(
            "{}",
            ROWS,
            "q1",
            SQL,
            expect!["DIR/answers.json is no list of answers; make the answers again with scripts/oracle"],
        );
        check(
            r#"{"format_version": 1}"#,
            ROWS,
            "q1",
            SQL,
            expect!["DIR/answers.json is no list of answers; make the answers again with scripts/oracle"],
        );
        check(
            r#"{"format_version": 2}"#,
            ROWS,
            "q1",
            SQL,
            expect![
                "DIR/answers.json has format version 2, this program reads 1; make the answers again with scripts/oracle"
            ],
        );
    }

    #[test]
    fn a_folder_without_answers_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(AnswerSet::open(dir.path()).unwrap().is_none());
        assert!(AnswerSet::open(&dir.path().join("nowhere")).unwrap().is_none());
    }

    #[test]
    fn other_data_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("answers.json"), index()).unwrap();
        let set = AnswerSet::open(dir.path()).unwrap().unwrap();
        let check = |tables: &[(&str, &str)], expected: &[&str]| {
            let tables = tables.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()));
            assert_eq!(set.differing_tables(&tables.collect()), expected);
        };
        check(&[("item", "aa"), ("store", "bb")], &[]);
        check(&[("item", "aa"), ("store", "cc")], &["store"]);
        check(&[("item", "aa"), ("store", "bb"), ("web_page", "dd")], &["web_page"]);
        check(&[], &["item", "store"]);
        assert_eq!(set.scale(), 1.0);
        assert_eq!(set.source().engine_version, "2.0.0");
        assert_eq!(set.statements().collect::<Vec<_>>(), ["q1"]);
    }
}

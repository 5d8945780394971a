//! The wire formats that this program shares with `scripts/oracle`.
//!
//! `statements.json` goes to the script: an array of [`StatementEntry`]. `answers.json` comes back:
//! an [`AnswersFile`], which vouches for the answer files beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::order::{KeyLiteral, KeyValue, SqlShape};

/// Raised when an older reader would misread a newer folder.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The name of the file that lists a folder's answers.
pub(super) const ANSWERS_FILE: &str = "answers.json";

/// One statement in `statements.json`.
#[derive(Debug, Clone, Serialize)]
pub struct StatementEntry {
    /// The statement's name, such as `q14a`.
    pub name: String,
    /// The file beside `statements.json` that has the text.
    pub file: String,
    /// The file that has the text without its outermost `LIMIT`, if it has one.
    pub unlimited_file: Option<String>,
    /// [`content_hash`](super::content_hash) of the text in `file`.
    pub sql_xxh3: String,
    /// The outermost `LIMIT`.
    pub limit: Option<u64>,
    /// The sort keys that the output columns give.
    pub keys: Vec<KeyEntry>,
    /// Whether `keys` is the whole `ORDER BY`.
    pub keys_complete: bool,
}

/// One sort key in `statements.json`. Exactly one of `column`, `difference` and `case` is set.
#[derive(Debug, Clone, Serialize)]
pub struct KeyEntry {
    /// The output column that is the key, counted from 0.
    pub column: Option<usize>,
    /// The two output columns whose difference is the key.
    pub difference: Option<[usize; 2]>,
    /// The `case` that is the key.
    pub case: Option<CaseEntry>,
    /// Largest first.
    pub descending: bool,
    /// NULL before everything else.
    pub nulls_first: bool,
}

/// `case when <column> = <equals> then <then> end` in `statements.json`.
#[derive(Debug, Clone, Serialize)]
pub struct CaseEntry {
    /// The output column that is compared.
    pub column: usize,
    /// What it is compared with: a number or a string.
    pub equals: serde_json::Value,
    /// The output column that is the key where they are equal.
    pub then: usize,
}

impl StatementEntry {
    /// The entry of a statement whose text is written to `file`; if it has a `LIMIT`,
    /// [`SqlShape::unlimited_sql`] must be written to `unlimited_file`.
    pub fn new(name: &str, file: &str, unlimited_file: &str, sql: &str, shape: &SqlShape) -> Self {
        Self {
            name: name.to_owned(),
            file: file.to_owned(),
            unlimited_file: shape.limit.map(|_| unlimited_file.to_owned()),
            sql_xxh3: super::content_hash(sql.as_bytes()),
            limit: shape.limit,
            keys: shape.keys.iter().map(KeyEntry::from).collect(),
            keys_complete: shape.keys_complete,
        }
    }
}

impl From<&super::SortKey> for KeyEntry {
    fn from(key: &super::SortKey) -> Self {
        let mut entry = Self {
            column: None,
            difference: None,
            case: None,
            descending: key.descending,
            nulls_first: key.nulls_first,
        };
        match &key.value {
            KeyValue::Column(column) => entry.column = Some(*column),
            KeyValue::Difference { left, right } => entry.difference = Some([*left, *right]),
            KeyValue::Case { column, equals, then } => {
                entry.case = Some(CaseEntry {
                    column: *column,
                    equals: match equals {
                        KeyLiteral::Number(number) => (*number).into(),
                        KeyLiteral::Text(text) => text.as_str().into(),
                    },
                    then: *then,
                });
            }
        }
        entry
    }
}

/// `answers.json`: what made the answers in a folder, from which data, and each one's file. The
/// format's version is read before, on its own.
#[derive(Debug, Deserialize)]
pub(super) struct AnswersFile {
    pub(super) engine: String,
    pub(super) engine_version: String,
    pub(super) made_at: String,
    pub(super) null_order: String,
    pub(super) scale: f64,
    pub(super) tables: BTreeMap<String, String>,
    pub(super) statements: BTreeMap<String, AnswerEntry>,
}

/// One answer in `answers.json`.
#[derive(Debug, Deserialize)]
pub(super) struct AnswerEntry {
    pub(super) file: String,
    pub(super) row_count: usize,
    pub(super) stored_row_count: usize,
    pub(super) answer_xxh3: String,
    pub(super) sql_xxh3: String,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_script_gets_what_it_asks_for() {
        let sql = "select a, b, c from t order by b desc, a - b, case when a = 0 then c end limit 5";
        let shape = SqlShape::parse(sql).unwrap();
        let entry = StatementEntry::new("q1", "q01.sql", "q01.unlimited.sql", sql, &shape);
        expect![[r#"
            {
              "name": "q1",
              "file": "q01.sql",
              "unlimited_file": "q01.unlimited.sql",
              "sql_xxh3": "7eff30d800ab81016c8d0fa2bada7bdd",
              "limit": 5,
              "keys": [
                {
                  "column": 1,
                  "difference": null,
                  "case": null,
                  "descending": true,
                  "nulls_first": true
                },
                {
                  "column": null,
                  "difference": [
                    0,
                    1
                  ],
                  "case": null,
                  "descending": false,
                  "nulls_first": false
                },
                {
                  "column": null,
                  "difference": null,
                  "case": {
                    "column": 0,
                    "equals": 0,
                    "then": 2
                  },
                  "descending": false,
                  "nulls_first": false
                }
              ],
              "keys_complete": true
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&entry).unwrap());
    }
}

//! `statistics.json`: rows, NULLs, ends and distinct values of every column, beside the tables that they were counted on.
//!
//! ```text
//!   rows of a table, chunk by chunk ─▶ Collector ─▶ TableStatistics ─┐
//!   its files: paths, sizes, footers ─▶ FilesFingerprint ────────────┴─▶ statistics.json, beside manifest.json
//! ```
//!
//! An optimizer that takes the numbers of other rows for those of its own is worse off than one that guesses. So each table's numbers
//! are tied to its files by a [`FilesFingerprint`], which whoever opens the data can compute from the footers that it reads anyway. The file
//! is no part of the data: what does not fit, or cannot be read, is as good as absent.
//!
//! - [`DataStatistics`]: the file;
//! - [`Collector`]: counts rows as they come, in memory that does not depend on their number.

mod collector;

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::path::Path;

use parquet::file::metadata::RowGroupMetaData;
use serde::{Deserialize, Serialize};
use twox_hash::{XxHash3_64, XxHash3_128};

use crate::error::Result;
use crate::folder;

pub use collector::Collector;

/// The format that this program writes, and the only one that it reads: to make the file anew is cheap.
pub const FORMAT_VERSION: u32 = 1;

/// What is known of the tables of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataStatistics {
    /// The version of this format.
    pub format_version: u32,
    /// By the tables' names.
    pub tables: BTreeMap<String, TableStatistics>,
}

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStatistics {
    /// The files that this was counted on.
    pub files: FilesFingerprint,
    /// Its rows.
    pub row_count: u64,
    /// In the order of the table.
    pub columns: Vec<ColumnStatistics>,
    /// The primary key, and then the foreign keys; nothing if nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<KeyCheck>>,
}

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Its name.
    pub name: String,
    /// Rows without a value.
    pub null_count: u64,
    /// Distinct values, estimated: see [`Collector`].
    pub distinct_count: u64,
    /// The least value as a text; nothing if there is none.
    pub min: Option<String>,
    /// The greatest value as a text.
    pub max: Option<String>,
}

/// A key that was looked for in the rows, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCheck {
    /// The key's columns.
    pub columns: Vec<String>,
    /// What they refer to; nothing for a primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<KeyReference>,
    /// How it fails; empty if it holds.
    pub violations: Vec<Violation>,
}

/// The key of another table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReference {
    /// The table.
    pub table: String,
    /// A column for each one here.
    pub columns: Vec<String>,
    /// [`FilesFingerprint::hash`] of the table in which the values were found.
    pub files_hash: String,
}

/// A way in which a key fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What is wrong with the rows.
    pub kind: ViolationKind,
    /// How many rows there are of the kind; of those that have the same key, all but one.
    pub row_count: u64,
    /// The key of one of them, a value for each column.
    pub example: Vec<Option<String>>,
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// A column of a primary key is NULL.
    Null,
    /// Another row has the same primary key.
    Duplicate,
    /// The other table does not have the value.
    Orphan,
}

impl KeyCheck {
    /// Whether all rows have it.
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// What tells the files of a table from others: names, sizes, and what their footers say of the row groups.
///
/// A file that was written anew has other sizes, offsets or bounds somewhere, unless its rows are the same. A byte that was changed in the
/// middle of a file is not noticed: that is what the manifest's hashes are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesFingerprint {
    /// How many files there are.
    pub count: u64,
    /// Their size together.
    pub bytes: u64,
    /// XXH3-128, in hexadecimal, of a line `path bytes footer` for each file in the order of paths.
    pub hash: String,
}

/// A file, as a fingerprint sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileState {
    /// Where it is, from the folder of the data, with `/` on every system.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its [`footer_hash`].
    pub footer: u64,
}

impl FilesFingerprint {
    /// The fingerprint of these files, in whichever order.
    pub fn new(mut files: Vec<FileState>) -> Self {
        files.sort_unstable();
        let mut hasher = XxHash3_128::new();
        for FileState { path, bytes, footer } in &files {
            hasher.write(format!("{path} {bytes} {footer:016x}\n").as_bytes());
        }
        Self {
            count: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            hash: format!("{:032x}", hasher.finish_128()),
        }
    }
}

/// What a footer says of its row groups, as one number: rows, and for each column place, sizes, NULLs and bounds.
pub fn footer_hash<'a>(row_groups: impl IntoIterator<Item = &'a RowGroupMetaData>) -> u64 {
    let mut hasher = XxHash3_64::new();
    let mut text = Vec::with_capacity(64);
    for group in row_groups {
        hasher.write(&group.num_rows().to_le_bytes());
        for column in group.columns() {
            text.clear();
            let numbers =
                [column.data_page_offset(), column.compressed_size(), column.uncompressed_size(), column.num_values()];
            numbers.iter().for_each(|number| text.extend(number.to_le_bytes()));
            if let Some(statistics) = column.statistics() {
                text.extend(statistics.null_count_opt().unwrap_or(u64::MAX).to_le_bytes());
                for bound in [statistics.min_bytes_opt(), statistics.max_bytes_opt()].into_iter().flatten() {
                    text.extend((bound.len() as u64).to_le_bytes());
                    text.extend(bound);
                }
            }
            hasher.write(&text);
        }
    }
    hasher.finish()
}

/// Why a file of statistics is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatisticsError {
    /// It is cut or damaged, or no such file at all.
    #[error("it is cut or damaged ({reason})")]
    Damaged {
        /// What the reader stumbled over.
        reason: String,
    },
    /// Another program wrote it.
    #[error("it is of version {found}, and this program reads version {FORMAT_VERSION}")]
    OtherVersion {
        /// The file's version.
        found: u32,
    },
}

/// Only what every version of the format has.
#[derive(Deserialize)]
struct Head {
    format_version: u32,
}

impl Default for DataStatistics {
    fn default() -> Self {
        Self { format_version: FORMAT_VERSION, tables: BTreeMap::new() }
    }
}

impl DataStatistics {
    /// The file's name in the folder of the data.
    pub const FILE_NAME: &str = "statistics.json";

    /// What the file's text says.
    ///
    /// # Errors
    /// A text that is no such file, or of another version.
    pub fn parse(text: &[u8]) -> Result<Self, StatisticsError> {
        let damaged = |error: serde_json::Error| StatisticsError::Damaged { reason: error.to_string() };
        let head: Head = serde_json::from_slice(text).map_err(damaged)?;
        if head.format_version != FORMAT_VERSION {
            return Err(StatisticsError::OtherVersion { found: head.format_version });
        }
        serde_json::from_slice(text).map_err(damaged)
    }

    /// The file's text: a line a table, which is small, and can still be searched by eye.
    pub fn to_text(&self) -> String {
        let line = |(name, table): (&String, &TableStatistics)| {
            let json = |result: serde_json::Result<String>| result.expect("statistics have string keys only");
            format!("{}:{}", json(serde_json::to_string(name)), json(serde_json::to_string(table)))
        };
        let lines: Vec<String> = self.tables.iter().map(line).collect();
        format!("{{\"format_version\":{},\"tables\":{{\n{}\n}}}}\n", self.format_version, lines.join(",\n"))
    }

    /// The statistics of `dir`; none where there is no file, or none of use.
    pub(crate) fn read_or_default(dir: &Path) -> Self {
        let text = std::fs::read(dir.join(Self::FILE_NAME)).ok();
        text.and_then(|text| Self::parse(&text).ok()).unwrap_or_default()
    }

    /// Replaces the file of `dir`, at once.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        folder::replace_file(dir.join(Self::FILE_NAME), self.to_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use expect_test::expect;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::options::{Layout, Options, Parts};
    use crate::schema;
    use crate::testing::{make, options};

    fn statistics() -> DataStatistics {
        let column = ColumnStatistics {
            name: "r_reason_sk".to_owned(),
            null_count: 0,
            distinct_count: 35,
            min: Some("1".to_owned()),
            max: None,
        };
        let violation =
            Violation { kind: ViolationKind::Duplicate, row_count: 2, example: vec![Some("1".to_owned()), None] };
        let references = KeyReference {
            table: "item".to_owned(),
            columns: vec!["i_item_sk".to_owned()],
            files_hash: "ff".to_owned(),
        };
        let keys = vec![
            KeyCheck { columns: vec!["r_reason_sk".to_owned()], references: None, violations: vec![violation] },
            KeyCheck { columns: vec!["r_item_sk".to_owned()], references: Some(references), violations: Vec::new() },
        ];
        let table = TableStatistics {
            files: FilesFingerprint { count: 1, bytes: 100, hash: "ee".to_owned() },
            row_count: 35,
            columns: vec![column],
            keys: Some(keys),
        };
        let without_keys = TableStatistics { keys: None, ..table.clone() };
        let tables = [("reason".to_owned(), table), ("ship_mode".to_owned(), without_keys)].into();
        DataStatistics { tables, ..DataStatistics::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        statistics().write(dir.path()).unwrap();
        assert_eq!(DataStatistics::read_or_default(dir.path()), statistics());
        expect![[r#"
            {"format_version":1,"tables":{
            "reason":{"files":{"count":1,"bytes":100,"hash":"ee"},"row_count":35,"columns":[{"name":"r_reason_sk","null_count":0,"distinct_count":35,"min":"1","max":null}],"keys":[{"columns":["r_reason_sk"],"violations":[{"kind":"duplicate","row_count":2,"example":["1",null]}]},{"columns":["r_item_sk"],"references":{"table":"item","columns":["i_item_sk"],"files_hash":"ff"},"violations":[]}]},
            "ship_mode":{"files":{"count":1,"bytes":100,"hash":"ee"},"row_count":35,"columns":[{"name":"r_reason_sk","null_count":0,"distinct_count":35,"min":"1","max":null}]}
            }}
        "#]]
        .assert_eq(&statistics().to_text());
    }

    #[test]
    fn a_text_that_is_of_no_use_says_why() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let error = DataStatistics::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let whole = statistics().to_text();
        check("", "it is cut or damaged");
        check("\u{0}\u{1}", "it is cut or damaged");
        check("[]", "it is cut or damaged");
        check(&whole[..whole.len() / 2], "it is cut or damaged");
        check(&whole.replace("row_count", "rows"), "it is cut or damaged");
        check(&whole.replace(":1,\"tables", ":2,\"tables"), "it is of version 2, and this program reads version 1");
        check(r#"{"format_version":0}"#, "it is of version 0");
        assert_eq!(DataStatistics::parse(b"{\"format_version\":1,\"tables\":{}}"), Ok(DataStatistics::default()));
    }

    /// What a reader of the folder finds of a table.
    fn fingerprint(dir: &Path, manifest: &crate::Manifest, table: &str) -> FilesFingerprint {
        let state = |file: &crate::FileEntry| {
            let reader = SerializedFileReader::new(fs::File::open(dir.join(&file.path)).unwrap()).unwrap();
            let footer = footer_hash(reader.metadata().row_groups());
            FileState { path: file.path.clone(), bytes: file.bytes, footer }
        };
        FilesFingerprint::new(manifest.tables[table].files.iter().map(state).collect())
    }

    #[test]
    fn every_layout_gives_the_same_numbers_with_a_fingerprint_of_its_own() {
        let tables = ["inventory", "item", "web_returns"];
        let made = |change: fn(&mut Options)| {
            let dir = tempfile::tempdir().unwrap();
            let mut options = options(dir.path(), &tables);
            change(&mut options);
            let manifest = make(&options).manifest;
            let statistics = DataStatistics::read_or_default(dir.path());
            assert_eq!(statistics.tables.keys().map(String::as_str).collect::<Vec<_>>(), tables);
            for table in tables {
                let found = &statistics.tables[table];
                assert_eq!(found.files, fingerprint(dir.path(), &manifest, table), "{table}");
                assert_eq!(found.row_count, manifest.tables[table].row_count);
            }
            statistics
        };
        let plain = made(|_| {});
        let inventory = &plain.tables["inventory"];
        assert_eq!(inventory.columns.len(), schema::table("inventory").unwrap().columns.len());
        let days = &inventory.columns[0];
        assert_eq!((days.name.as_str(), days.distinct_count), ("inv_date_sk", 261), "a day a week for five years");
        for change in [
            (|options| options.parts = Parts::Count(3)) as fn(&mut Options),
            |options| options.layout = Layout::SortedByDate,
            |options| options.layout = Layout::Partitioned,
            |options| options.threads = 5,
        ] {
            let other = made(change);
            for table in tables {
                assert_eq!(other.tables[table].columns, plain.tables[table].columns, "{table}");
            }
        }
        assert_eq!(made(|options| options.threads = 7), plain, "threads do not change a byte");
        assert_ne!(made(|options| options.parts = Parts::Count(3)).tables["item"].files, plain.tables["item"].files);
    }

    #[test]
    fn what_was_there_stays_and_what_is_of_no_use_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DataStatistics::FILE_NAME);
        make(&options(dir.path(), &["reason"]));
        let reason = DataStatistics::read_or_default(dir.path()).tables["reason"].clone();
        make(&options(dir.path(), &["reason", "ship_mode"]));
        let both = DataStatistics::read_or_default(dir.path());
        assert_eq!((both.tables.len(), &both.tables["reason"]), (2, &reason));
        fs::write(&path, "{").unwrap();
        make(&options(dir.path(), &["store"]));
        let after = DataStatistics::read_or_default(dir.path());
        assert_eq!(after.tables.keys().collect::<Vec<_>>(), ["store"]);
    }

    #[test]
    fn a_fingerprint_sees_names_sizes_and_footers() {
        let file = |path: &str, bytes, footer| FileState { path: path.to_owned(), bytes, footer };
        let one = FilesFingerprint::new(vec![file("a", 1, 2), file("b", 3, 4)]);
        assert_eq!((one.count, one.bytes), (2, 4));
        assert_eq!(FilesFingerprint::new(vec![file("b", 3, 4), file("a", 1, 2)]), one);
        for other in [
            vec![file("a", 1, 2)],
            vec![file("a", 1, 2), file("c", 3, 4)],
            vec![file("a", 2, 2), file("b", 2, 4)],
            vec![file("a", 1, 2), file("b", 3, 5)],
        ] {
            assert_ne!(FilesFingerprint::new(other).hash, one.hash);
        }
    }
}

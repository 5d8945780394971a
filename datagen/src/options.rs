//! What to make and how to lay it out.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::scale::ScaleFactor;
use crate::schema::{self, Table};

/// What [`crate::generate()`] is to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// The scale factor: about so many gigabytes of raw text.
    pub scale: ScaleFactor,
    /// The folder for the tables and `manifest.json`. Made when missing.
    pub out: PathBuf,
    /// The tables to make, by name; `None` means all 25.
    pub tables: Option<Vec<String>>,
    /// How many files a table becomes. Default: one.
    pub parts: Parts,
    /// Rows in a row group, at most for tables whose rows are numbered, and within about a per cent
    /// for sales and returns, where a row group holds whole orders. Default: 262,144.
    pub row_group_rows: u64,
    /// How pages are compressed. Default: snappy.
    pub compression: Compression,
    /// In which order the rows of fact tables are. Default: as they are generated.
    pub layout: Layout,
    /// Columns, of whichever table, that get a bloom filter in each row group. Default: none.
    pub bloom_filters: Vec<String>,
    /// Threads that generate and encode. Default: one a core. Files do not depend on it.
    pub threads: usize,
}

impl Options {
    /// The default of [`Options::row_group_rows`]: big enough that footers stay small and readers
    /// skip well, small enough that a table of a few million rows feeds every core of a reader.
    pub const DEFAULT_ROW_GROUP_ROWS: u64 = 262_144;

    /// Every table at this scale in this folder, everything else by default.
    pub fn new(scale: ScaleFactor, out: impl Into<PathBuf>) -> Self {
        Self {
            scale,
            out: out.into(),
            tables: None,
            parts: Parts::Single,
            row_group_rows: Self::DEFAULT_ROW_GROUP_ROWS,
            compression: Compression::Snappy,
            layout: Layout::Plain,
            bloom_filters: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The part of the options that decides which bytes are written.
    pub fn writer_settings(&self) -> WriterSettings {
        let mut bloom_filters = self.bloom_filters.clone();
        bloom_filters.sort();
        bloom_filters.dedup();
        WriterSettings {
            parts: self.parts,
            row_group_rows: self.row_group_rows,
            compression: self.compression,
            layout: self.layout,
            bloom_filters,
        }
    }

    /// The tables asked for, each once, in the order of their names.
    ///
    /// # Errors
    /// A name that is no table.
    pub fn selected_tables(&self) -> Result<Vec<&'static Table>> {
        let Some(names) = &self.tables else {
            return Ok(schema::tables().iter().collect());
        };
        let mut selected = names
            .iter()
            .map(|name| {
                schema::table(name).ok_or_else(|| Error::UnknownTable {
                    name: name.clone(),
                    nearest: schema::nearest_table(name).name,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        selected.sort_by_key(|table| table.name);
        selected.dedup_by_key(|table| table.name);
        Ok(selected)
    }

    /// Are the numbers usable?
    pub(crate) fn validate(&self) -> Result<()> {
        let invalid = |option, reason| Err(Error::InvalidOption { option, reason });
        match self.parts {
            Parts::Count(0) => return invalid("parts", "must be at least 1"),
            Parts::TargetBytes(0) => return invalid("target file size", "must be at least 1 byte"),
            _ => {}
        }
        if self.row_group_rows == 0 {
            return invalid("rows a row group", "must be at least 1");
        }
        if self.threads == 0 {
            return invalid("threads", "must be at least 1");
        }
        if self.layout == Layout::Partitioned && self.parts != Parts::Single {
            return invalid("parts", "cannot be chosen for a partitioned layout, where each date is one file");
        }
        for name in &self.bloom_filters {
            let unknown = || Error::UnknownColumn { name: name.clone(), nearest: schema::nearest_column(name).name };
            let column = schema::column(name).ok_or_else(unknown)?;
            if self.layout == Layout::Partitioned && column.is_date_key() {
                return Err(Error::BloomFilterOfPartition { name: column.name });
            }
        }
        if self.tables.as_ref().is_some_and(Vec::is_empty) {
            return invalid("tables", "names no table; leave it out to get all of them");
        }
        Ok(())
    }
}

/// The part of the options that decides which bytes are written; the manifest records it, and a
/// folder holds tables of one setting only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterSettings {
    /// How many files a table is.
    pub parts: Parts,
    /// Rows in a row group, about.
    pub row_group_rows: u64,
    /// How pages are compressed.
    pub compression: Compression,
    /// In which order the rows of fact tables are. Left out for [`Layout::Plain`], as older programs did.
    #[serde(default, skip_serializing_if = "Layout::is_plain")]
    pub layout: Layout,
    /// Columns with a bloom filter, by name. Left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bloom_filters: Vec<String>,
}

impl WriterSettings {
    /// Whether a program that knows neither layouts nor bloom filters may complete and read such a folder.
    pub(crate) fn is_of_first_format(&self) -> bool {
        self.layout.is_plain() && self.bloom_filters.is_empty()
    }

    /// The first setting in which two differ: its name, and both values.
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let rows = |settings: &Self| settings.row_group_rows.to_string();
        let names = |settings: &Self| match settings.bloom_filters.join(",") {
            none if none.is_empty() => "none".to_owned(),
            names => names,
        };
        [
            ("parts", self.parts.to_string(), other.parts.to_string()),
            ("rows a row group", rows(self), rows(other)),
            ("compression", self.compression.to_string(), other.compression.to_string()),
            ("layout", self.layout.to_string(), other.layout.to_string()),
            ("bloom filters", names(self), names(other)),
        ]
        .into_iter()
        .find(|(_, mine, theirs)| mine != theirs)
    }
}

/// How many files a table becomes.
///
/// Files are cut between row groups. With [`Parts::Single`] a table is `<table>.parquet`; otherwise
/// every table, small ones too, is a folder: `<table>/<table>-00001.parquet` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parts {
    /// One file a table.
    Single,
    /// So many files, or as many as the table has row groups when that is fewer.
    Count(u32),
    /// A new file before a row group that would take the file past this size.
    TargetBytes(u64),
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("single"),
            Self::Count(count) => write!(f, "{count}"),
            Self::TargetBytes(bytes) => write!(f, "{bytes}B"),
        }
    }
}

/// Reads what [`Parts`] displays: `single`, `4`, `134217728B`.
impl FromStr for Parts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.strip_suffix('B') {
            Some(bytes) => bytes.parse().ok().map(Self::TargetBytes),
            None if text == "single" => Some(Self::Single),
            None => text.parse().ok().map(Self::Count),
        };
        parsed.ok_or(Error::InvalidOption {
            option: "parts",
            reason: "must be `single`, a number of files such as `4`, or a size such as `134217728B`",
        })
    }
}

/// In which order the rows of the seven fact tables are; other tables are always as they are generated.
///
/// The generator spreads sales and returns of stores and of the web over all five years in every row
/// group, so that no reader can skip any of them by their dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// As they are generated, which is how `dsdgen` writes them.
    #[default]
    Plain,
    /// By date key, NULL last; rows of a day as they are generated.
    SortedByDate,
    /// A folder a date key, as Hive has it: `store_sales/ss_sold_date_sk=2450816/`. The key is in the
    /// folder's name and not in the files; NULL is `__HIVE_DEFAULT_PARTITION__`.
    Partitioned,
}

impl Layout {
    /// Whether rows stay as they are generated.
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Whether the table's rows are put into another order.
    pub(crate) fn sorts(self, table: &Table) -> bool {
        self != Self::Plain && table.date_key().is_some()
    }

    /// The position of the column that is in the names of folders and not in the table's files.
    pub(crate) fn partition_column(self, table: &Table) -> Option<usize> {
        table.date_key().filter(|_| self == Self::Partitioned)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::SortedByDate => "sorted-by-date",
            Self::Partitioned => "partitioned",
        })
    }
}

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Fast, and what every reader knows.
    #[default]
    Snappy,
    /// Zstandard at its first level: smaller files, slower to write.
    Zstd,
    /// Not at all.
    None,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
            Self::None => "none",
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            "none" => Ok(Self::None),
            _ => Err(Error::InvalidOption { option: "compression", reason: "must be `snappy`, `zstd` or `none`" }),
        }
    }
}

impl Serialize for Parts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn options() -> Options {
        Options::new("1".parse().unwrap(), "out")
    }

    #[test]
    fn tables_are_selected_once_and_sorted() {
        let check = |names: &[&str], expected: Expect| {
            let mut options = options();
            options.tables = Some(names.iter().map(ToString::to_string).collect());
            let text = match options.validate().and_then(|()| options.selected_tables()) {
                Ok(tables) => tables.iter().map(|table| table.name).collect::<Vec<_>>().join(" "),
                Err(error) => format!("error: {error}"),
            };
            expected.assert_eq(&text);
        };
        check(&["store", "item", "store"], expect!["item store"]);
        check(&["store_sale"], expect!["error: no table is called `store_sale`; did you mean `store_sales`"]);
        check(&[], expect!["error: tables names no table; leave it out to get all of them"]);
        assert_eq!(options().selected_tables().unwrap().len(), 25);
    }

    #[test]
    fn numbers_are_validated() {
        let check = |change: fn(&mut Options), expected: &str| {
            let mut options = options();
            change(&mut options);
            assert_eq!(options.validate().unwrap_err().to_string(), expected);
        };
        check(|o| o.threads = 0, "threads must be at least 1");
        check(|o| o.row_group_rows = 0, "rows a row group must be at least 1");
        check(|o| o.parts = Parts::Count(0), "parts must be at least 1");
        check(|o| o.parts = Parts::TargetBytes(0), "target file size must be at least 1 byte");
        check(
            |o| (o.layout, o.parts) = (Layout::Partitioned, Parts::Count(2)),
            "parts cannot be chosen for a partitioned layout, where each date is one file",
        );
        check(
            |o| o.bloom_filters = vec!["ss_item_sk".to_owned(), "c_custmer_id".to_owned()],
            "no column is called `c_custmer_id`; did you mean `c_customer_id`",
        );
        check(
            |o| (o.layout, o.bloom_filters) = (Layout::Partitioned, vec!["ws_sold_date_sk".to_owned()]),
            "ws_sold_date_sk can have no bloom filter in a partitioned layout: it is in the names of folders, not in the files",
        );
    }

    #[test]
    fn text_forms_come_back() {
        for parts in [Parts::Single, Parts::Count(4), Parts::TargetBytes(1 << 27)] {
            assert_eq!(parts.to_string().parse::<Parts>().unwrap(), parts);
            let json = serde_json::to_string(&parts).unwrap();
            assert_eq!(serde_json::from_str::<Parts>(&json).unwrap(), parts);
        }
        for compression in [Compression::Snappy, Compression::Zstd, Compression::None] {
            assert_eq!(compression.to_string().parse::<Compression>().unwrap(), compression);
            assert_eq!(serde_json::to_string(&compression).unwrap(), format!("\"{compression}\""));
        }
        for layout in [Layout::Plain, Layout::SortedByDate, Layout::Partitioned] {
            assert_eq!(serde_json::to_string(&layout).unwrap(), format!("\"{layout}\""));
        }
        for wrong in ["", "four", "-1", "1.5", "12MiB"] {
            assert!(wrong.parse::<Parts>().is_err(), "{wrong}");
        }
        assert!("gzip".parse::<Compression>().is_err());
    }
}

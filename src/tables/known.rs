//! What `statistics.json` says of the files that are there: read when data is opened, used if it fits, and never a reason to fail.
//!
//! ```text
//!   statistics.json ─▶ version, form ─▶ a table's fingerprint is that of its files? ── yes ─▶ its numbers, and keys that were verified
//!          │                 │                            └── no ─▶ as if it were not there ┐
//!          └── absent: as ever └── wrong: as if it were absent ──────────────────────────────┴─▶ StatisticsProblem, a warning
//! ```
//!
//! A foreign key stands on two tables. It was verified if both are those in which it was.

use std::collections::BTreeMap;

use datagen::DataStatistics;
use datagen::statistics::{FileState, FilesFingerprint, KeyCheck, StatisticsError, TableStatistics};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use thiserror::Error;

use super::dataset::show;
use super::{DataError, DataSet, DataUrl, TableFiles};
use crate::engine::{ForeignKey, TableKeys};

/// Why statistics beside the data are not used, or not all of them. The plans are as without them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatisticsProblem {
    /// It cannot be read.
    #[error("{file} is ignored: {message}; plans are made without it. Make it anew with `dsbench analyze {url}`")]
    Unusable {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
        /// The folder of the data.
        url: String,
    },
    /// Tables have other files than when it was made.
    #[error(
        "{file} says nothing that fits the files of {tables}, which were changed since or are new; plans are made without \
         it for them. Bring it up to date with `dsbench analyze {url}`"
    )]
    Stale {
        /// The file.
        file: String,
        /// The tables, in words.
        tables: String,
        /// The folder of the data.
        url: String,
    },
}

/// How many tables a message names.
const NAMED_TABLES: usize = 4;

/// What is known of a data set.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Of tables whose files are those that were counted.
    pub(super) statistics: DataStatistics,
    /// What is not used.
    pub(super) problem: Option<StatisticsProblem>,
}

/// Reads the file beside the data, and keeps what fits.
pub(super) async fn read(url: &DataUrl, store: &dyn ObjectStore, tables: &[TableFiles]) -> Result<Known, DataError> {
    let place = url.prefix()?.join(DataStatistics::FILE_NAME);
    let file = show(url, &place);
    let text = match store.get(&place).await {
        Ok(object) => object.bytes().await.map_err(|error| error.to_string()),
        Err(object_store::Error::NotFound { .. }) => return Ok(Known::default()),
        Err(error) => Err(error.to_string()),
    };
    let parsed = text.and_then(|text| DataStatistics::parse(&text).map_err(|error: StatisticsError| error.to_string()));
    let statistics = match parsed {
        Ok(statistics) => statistics,
        Err(message) => {
            let problem = StatisticsProblem::Unusable { file, message, url: url.to_string() };
            return Ok(Known { problem: Some(problem), ..Known::default() });
        }
    };
    let prefix = url.prefix()?;
    let fingerprints = tables.iter().map(|table| (table.table.name, table.fingerprint(&prefix)));
    let fingerprints: BTreeMap<&str, FilesFingerprint> = fingerprints.collect();
    let statistics = fitting(statistics, &fingerprints);
    let stale: Vec<&str> = fingerprints.into_keys().filter(|table| !statistics.tables.contains_key(*table)).collect();
    let problem =
        (!stale.is_empty()).then(|| StatisticsProblem::Stale { file, tables: in_words(&stale), url: url.to_string() });
    Ok(Known { statistics, problem })
}

/// What of `statistics` was counted on files with these fingerprints.
fn fitting(mut statistics: DataStatistics, fingerprints: &BTreeMap<&str, FilesFingerprint>) -> DataStatistics {
    statistics.tables.retain(|name, table| fingerprints.get(name.as_str()) == Some(&table.files));
    for table in statistics.tables.values_mut() {
        let is_found = |key: &KeyCheck| {
            let found = |reference: &datagen::statistics::KeyReference| {
                fingerprints.get(reference.table.as_str()).is_some_and(|files| files.hash == reference.files_hash)
            };
            key.references.as_ref().is_none_or(found)
        };
        if table.keys.as_ref().is_some_and(|keys| !keys.iter().all(is_found)) {
            table.keys = None;
        }
    }
    statistics
}

fn in_words(tables: &[&str]) -> String {
    match tables.len().checked_sub(NAMED_TABLES) {
        Some(others @ 1..) => format!("{} and {others} other tables", tables[..NAMED_TABLES].join(", ")),
        _ => tables.join(", "),
    }
}

impl TableFiles {
    /// What tells these files from others.
    pub(super) fn fingerprint(&self, prefix: &ObjectPath) -> FilesFingerprint {
        let state = |file: &super::TableFile| {
            let parts = file.path.prefix_match(prefix).into_iter().flatten();
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            FileState { path: parts.join("/"), bytes: file.bytes, footer: file.footer_hash }
        };
        FilesFingerprint::new(self.files.iter().map(state).collect())
    }
}

impl DataSet {
    /// What was counted on the files that are there, by `dsbench generate` or `dsbench analyze`.
    pub fn statistics(&self) -> &DataStatistics {
        &self.known.statistics
    }

    /// What was counted on a table.
    pub fn table_statistics(&self, table: &str) -> Option<&TableStatistics> {
        self.known.statistics.tables.get(table)
    }

    /// Why statistics that are beside the data are not used, if so.
    pub fn statistics_problem(&self) -> Option<&StatisticsProblem> {
        self.known.problem.as_ref()
    }

    /// The same data with what was found out of it since it was opened.
    pub fn with_statistics(mut self, statistics: DataStatistics) -> Self {
        self.known = Known { statistics, problem: None };
        self
    }

    /// The keys that were verified on the files that are there, and hold. None for data that nobody has verified, or that was changed since.
    pub fn verified_keys(&self) -> Vec<TableKeys> {
        verified_keys(&self.known.statistics)
    }
}

fn verified_keys(statistics: &DataStatistics) -> Vec<TableKeys> {
    let holding = |table: &str| {
        let keys = statistics.tables.get(table).and_then(|table| table.keys.as_ref());
        keys.into_iter().flatten().filter(|key| key.holds())
    };
    let primary = |table: &str| holding(table).find(|key| key.references.is_none()).map(|key| key.columns.clone());
    let of_table = |table: &String| {
        let foreign = holding(table).filter_map(|key| {
            let references = key.references.as_ref()?;
            let is_key = primary(&references.table).is_some_and(|columns| columns == references.columns);
            is_key.then(|| ForeignKey {
                columns: key.columns.clone(),
                table: references.table.clone(),
                referenced: references.columns.clone(),
            })
        });
        TableKeys { table: table.clone(), primary: primary(table).unwrap_or_default(), foreign: foreign.collect() }
    };
    let all = statistics.tables.keys().map(of_table);
    all.filter(|keys| !keys.primary.is_empty() || !keys.foreign.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use datagen::statistics::{KeyReference, Violation, ViolationKind};

    use super::*;
    use crate::tables::Expectation;

    fn generate(folder: &Path, layout: datagen::Layout) {
        let mut options = datagen::Options::new("0.01".parse().expect("a scale"), folder);
        options.layout = layout;
        datagen::generate(&options, &(), &AtomicBool::new(false)).expect("generated");
    }

    async fn open(folder: &Path) -> DataSet {
        let url = DataUrl::from_path(folder).expect("a path");
        DataSet::open(url, &Expectation::default()).await.expect("opened")
    }

    /// What is said of the statistics of a folder, which is called DIR.
    async fn problem(folder: &Path) -> String {
        let data = open(folder).await;
        let text = data.statistics_problem().map(ToString::to_string).unwrap_or_default();
        text.replace(&folder.display().to_string(), "DIR")
    }

    #[tokio::test]
    async fn what_generate_writes_fits_in_every_layout() {
        for layout in [datagen::Layout::Plain, datagen::Layout::SortedByDate, datagen::Layout::Partitioned] {
            let folder = tempfile::tempdir().expect("a folder");
            generate(folder.path(), layout);
            let data = open(folder.path()).await;
            assert_eq!((data.statistics_problem(), data.statistics().tables.len()), (None, 25), "{layout}");
            assert!(data.verified_keys().is_empty(), "nobody has looked");
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_ignored_with_the_way_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        generate(path, datagen::Layout::Plain);
        let file = path.join(DataStatistics::FILE_NAME);
        let whole = fs::read_to_string(&file).expect("there");

        fs::write(&file, &whole[..whole.len() / 2]).expect("written");
        let cut = problem(path).await;
        assert!(cut.starts_with("DIR/statistics.json is ignored: it is cut or damaged (EOF"), "{cut}");
        assert!(cut.ends_with("Make it anew with `dsbench analyze DIR`"), "{cut}");
        fs::write(&file, whole.replace("\"format_version\":1", "\"format_version\":7")).expect("written");
        let other = problem(path).await;
        assert!(other.contains("it is of version 7, and this program reads version 1"), "{other}");
        fs::write(&file, [0, 159, 146, 150]).expect("written");
        assert!(problem(path).await.contains("it is cut or damaged"));
        fs::remove_file(&file).expect("removed");
        assert_eq!(problem(path).await, "", "no file is nothing to warn of");

        fs::write(&file, &whole).expect("written");
        fs::remove_file(path.join("manifest.json")).expect("removed");
        assert_eq!(problem(path).await, "");
        // The same columns, other rows.
        fs::copy(path.join("customer.parquet"), path.join("more.parquet")).expect("copied");
        fs::create_dir(path.join("customer")).expect("made");
        fs::rename(path.join("more.parquet"), path.join("customer").join("more.parquet")).expect("moved");
        let stale = problem(path).await;
        assert!(
            stale.starts_with(
                "DIR/statistics.json says nothing that fits the files of customer, which were changed since"
            ),
            "{stale}"
        );
        let data = open(path).await;
        assert!(data.table_statistics("customer").is_none() && data.table_statistics("store").is_some());
    }

    fn key(columns: &[&str], references: Option<(&str, &str, &str)>, violations: Vec<Violation>) -> KeyCheck {
        let references = references.map(|(table, column, files_hash)| KeyReference {
            table: table.to_owned(),
            columns: vec![column.to_owned()],
            files_hash: files_hash.to_owned(),
        });
        KeyCheck { columns: columns.iter().map(ToString::to_string).collect(), references, violations }
    }

    fn table(hash: &str, keys: Option<Vec<KeyCheck>>) -> TableStatistics {
        let files = FilesFingerprint { count: 1, bytes: 1, hash: hash.to_owned() };
        TableStatistics { files, row_count: 1, columns: Vec::new(), keys }
    }

    fn statistics(item_fails: bool) -> DataStatistics {
        let violation = Violation { kind: ViolationKind::Null, row_count: 1, example: vec![None] };
        let violations = if item_fails { vec![violation.clone()] } else { Vec::new() };
        let item = table("1", Some(vec![key(&["i_item_sk"], None, violations)]));
        let sales = table(
            "2",
            Some(vec![
                key(&["ws_item_sk", "ws_order_number"], None, vec![violation]),
                key(&["ws_item_sk"], Some(("item", "i_item_sk", "1")), Vec::new()),
            ]),
        );
        let tables = [("item", item), ("web_sales", sales), ("reason", table("3", None))];
        let tables = tables.map(|(name, table)| (name.to_owned(), table)).into();
        DataStatistics { tables, ..DataStatistics::default() }
    }

    #[test]
    fn only_keys_that_hold_are_told() {
        let foreign = ForeignKey {
            columns: vec!["ws_item_sk".to_owned()],
            table: "item".to_owned(),
            referenced: vec!["i_item_sk".to_owned()],
        };
        let item = TableKeys { table: "item".to_owned(), primary: vec!["i_item_sk".to_owned()], foreign: Vec::new() };
        let sales = TableKeys { table: "web_sales".to_owned(), primary: Vec::new(), foreign: vec![foreign] };
        assert_eq!(verified_keys(&statistics(false)), [item, sales]);
        // A key that may be NULL is none to refer to.
        assert_eq!(verified_keys(&statistics(true)), []);
        assert_eq!(verified_keys(&DataStatistics::default()), []);
    }

    #[test]
    fn a_foreign_key_is_of_two_tables() {
        let files = |hash: &str| FilesFingerprint { count: 1, bytes: 1, hash: hash.to_owned() };
        let same = [("item", files("1")), ("web_sales", files("2")), ("reason", files("3"))];
        assert_eq!(fitting(statistics(false), &same.clone().into()), statistics(false));
        let changed = [("item", files("9")), ("web_sales", files("2"))];
        let found = fitting(statistics(false), &changed.into());
        assert_eq!(found.tables.keys().collect::<Vec<_>>(), ["web_sales"]);
        assert_eq!(found.tables["web_sales"].keys, None, "its rows are the same, those of item are not");
    }

    #[test]
    fn many_tables_are_counted_and_not_named() {
        assert_eq!(in_words(&["a"]), "a");
        assert_eq!(in_words(&["a", "b", "c", "d"]), "a, b, c, d");
        assert_eq!(in_words(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d and 2 other tables");
    }
}

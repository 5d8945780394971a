//! Finding the tables of a folder, and refusing a folder that must not be measured.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{ScalarValue, Statistics};
use datagen::schema::Table;
use datagen::{Manifest, ScaleFactor};
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::known::{self, Known};
use super::{DataError, DataUrl, footers, hashes};

/// The table that holds a clock; nobody needs it.
const OPTIONAL_TABLE: &str = "dbgen_version";

/// What a caller wants of the data.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    /// The scale that the data must have, where the manifest tells.
    pub scale: Option<ScaleFactor>,
    /// Whether files are read whole and compared with the manifest's hashes, unless that was done for the same file before.
    pub verify_hashes: bool,
}

/// One file of a table.
#[derive(Debug, Clone)]
pub struct TableFile {
    /// Its place in the store.
    pub path: ObjectPath,
    /// Its size.
    pub bytes: u64,
    /// Its rows, from the footer.
    pub row_count: u64,
    /// What its footer says of its rows, as one number.
    pub(super) footer_hash: u64,
    /// As the store listed it.
    pub(super) object: ObjectMeta,
    /// What its folder says of its rows, in a partitioned table.
    pub(super) partition: Option<Partition>,
}

/// The part of a partitioned table that one file is.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// The partition column's value for all rows.
    pub(super) value: ScalarValue,
    /// Of the columns in the file, in the table's order, and then of the partition column.
    pub(super) statistics: Arc<Statistics>,
}

/// One table and its files.
#[derive(Debug, Clone)]
pub struct TableFiles {
    /// What the specification says of the table.
    pub table: &'static Table,
    /// Its files in the order of their names.
    pub files: Vec<TableFile>,
    /// Its columns as they are registered: in the specification's order and of its types, whatever the files have.
    pub schema: SchemaRef,
    /// The column that is in the names of folders and not in the files.
    pub partition_column: Option<&'static str>,
}

/// A folder of tables that was found fit to use.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// Where it is.
    pub url: DataUrl,
    /// What vouches for the values; nothing for data of other makers.
    pub manifest: Option<Manifest>,
    /// The tables in the order of their names.
    pub tables: Vec<TableFiles>,
    /// What was counted on these files before.
    pub(super) known: Known,
}

impl DataSet {
    /// Looks at every file's footer, and at the manifest, before anything is measured.
    pub async fn open(url: DataUrl, expectation: &Expectation) -> Result<Self, DataError> {
        let store = url.store();
        let listing = list(&url, store.as_ref()).await?;
        let by_table = assign(&url, &listing)?;
        let manifest = read_manifest(&url, store.as_ref()).await?;
        check_complete(&url, &by_table, manifest.as_ref(), expectation)?;
        if let Some(manifest) = &manifest {
            check_scale(&url, manifest, expectation)?;
            hashes::check_files(&url, &listing, manifest, expectation.verify_hashes).await?;
        }
        let tables = footers::read_tables(&url, by_table).await?;
        let known = known::read(&url, store.as_ref(), &tables).await?;
        Ok(Self { url, manifest, tables, known })
    }

    /// How many files were compared with the manifest's hashes before and have not changed since, and how many there are;
    /// nothing for data without a manifest.
    pub async fn verified_files(&self) -> Result<Option<(usize, usize)>, DataError> {
        let Some(manifest) = &self.manifest else { return Ok(None) };
        let listing = list(&self.url, self.url.store().as_ref()).await?;
        hashes::count_known(&self.url, &listing, manifest).map(Some)
    }

    /// The scale that the manifest tells.
    pub fn scale(&self) -> Option<ScaleFactor> {
        self.manifest.as_ref().map(|manifest| manifest.scale)
    }

    /// How the rows of fact tables are ordered and cut into files: as the manifest tells, or as their folders do.
    pub fn layout(&self) -> Option<String> {
        let partitioned = self.tables.iter().any(|table| table.partition_column.is_some());
        let of_folders = partitioned.then(|| datagen::Layout::Partitioned.to_string());
        self.manifest.as_ref().map(|manifest| manifest.writer.layout.to_string()).or(of_folders)
    }

    /// The size of all files together.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().flat_map(|table| &table.files).map(|file| file.bytes).sum()
    }

    /// The files of all tables as paths; nothing if they are not on this machine.
    pub fn local_files(&self) -> Option<Vec<std::path::PathBuf>> {
        let files = self.tables.iter().flat_map(|table| &table.files);
        files.map(|file| self.url.object(&file.path).to_file_path().ok()).collect()
    }

    /// The files of each table, as paths, or as URLs if they are not on this machine.
    pub fn table_files(&self) -> BTreeMap<String, Vec<String>> {
        let name = |file: &TableFile| {
            let url = self.url.object(&file.path);
            url.to_file_path().map_or_else(|()| url.to_string(), |path| path.display().to_string())
        };
        let names = |table: &TableFiles| table.files.iter().map(name).collect();
        self.tables.iter().map(|table| (table.table.name.to_owned(), names(table))).collect()
    }

    /// Each table's rows.
    pub fn row_counts(&self) -> BTreeMap<String, u64> {
        let count = |table: &TableFiles| table.files.iter().map(|file| file.row_count).sum();
        self.tables.iter().map(|table| (table.table.name.to_owned(), count(table))).collect()
    }
}

pub(super) async fn list(url: &DataUrl, store: &dyn ObjectStore) -> Result<Vec<ObjectMeta>, DataError> {
    let prefix = url.prefix()?;
    let mut objects: Vec<ObjectMeta> = store
        .list(Some(&prefix))
        .try_collect()
        .await
        .map_err(|error| DataError::List { url: url.to_string(), message: error.to_string() })?;
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// A table's files, and the folders between the table and each of them.
pub(super) type FoundFiles = Vec<(ObjectMeta, Vec<String>)>;

/// Each table's files.
pub(super) type FilesByTable = BTreeMap<&'static str, (&'static Table, FoundFiles)>;

/// `<table>.parquet`, or every Parquet file under `<table>/`.
pub(super) fn assign(url: &DataUrl, listing: &[ObjectMeta]) -> Result<FilesByTable, DataError> {
    let prefix = url.prefix()?;
    let mut tables = FilesByTable::new();
    for object in listing {
        let Some(parts) = object.location.prefix_match(&prefix) else { continue };
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        let Some((file_name, folders)) = parts.split_last() else { continue };
        let Some(stem) = file_name.strip_suffix(".parquet") else { continue };
        // Spark marks what is being written, and what is no data, with a leading underscore or dot.
        if parts.iter().any(|part| part.starts_with(['_', '.'])) {
            continue;
        }
        let (name, below) = folders.split_first().map_or((stem, folders), |(first, below)| (first.as_str(), below));
        let name = name.strip_suffix(".parquet").unwrap_or(name);
        if let Some(table) = datagen::schema::table(name) {
            let files = &mut tables.entry(table.name).or_insert_with(|| (table, Vec::new())).1;
            files.push((object.clone(), below.to_vec()));
        }
    }
    Ok(tables)
}

fn check_complete(
    url: &DataUrl,
    found: &FilesByTable,
    manifest: Option<&Manifest>,
    expectation: &Expectation,
) -> Result<(), DataError> {
    if found.is_empty() {
        let scale = expectation.scale.or(manifest.map(|m| m.scale));
        let scale = scale.map_or_else(|| "1".to_owned(), |scale| scale.to_string());
        return Err(DataError::Empty { url: url.to_string(), scale });
    }
    let missing = datagen::schema::tables().iter().map(|table| table.name);
    let missing: Vec<_> = missing.filter(|name| !found.contains_key(name) && *name != OPTIONAL_TABLE).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let noun = if missing.len() == 1 { "table" } else { "tables" };
    Err(DataError::MissingTables { url: url.to_string(), tables: format!("the {noun} {}", missing.join(", ")) })
}

fn check_scale(url: &DataUrl, manifest: &Manifest, expectation: &Expectation) -> Result<(), DataError> {
    match expectation.scale {
        Some(expected) if expected != manifest.scale => Err(DataError::WrongScale {
            url: url.to_string(),
            found: manifest.scale.to_string(),
            expected: expected.to_string(),
        }),
        _ => Ok(()),
    }
}

async fn read_manifest(url: &DataUrl, store: &dyn ObjectStore) -> Result<Option<Manifest>, DataError> {
    let place = url.prefix()?.join(Manifest::FILE_NAME);
    let error = |message: String| DataError::Manifest { file: show(url, &place), message };
    let object = match store.get(&place).await {
        Ok(object) => object,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(cause) => return Err(error(cause.to_string())),
    };
    let bytes = object.bytes().await.map_err(|cause| error(cause.to_string()))?;
    let shown = show(url, &place);
    Manifest::parse(&bytes, std::path::Path::new(&shown)).map(Some).map_err(|cause| error(cause.to_string()))
}

/// A file's place as its user would name it.
pub(super) fn show(url: &DataUrl, path: &ObjectPath) -> String {
    let object = url.object(path);
    match object.to_file_path() {
        Ok(path) => path.display().to_string(),
        Err(()) => object.to_string(),
    }
}

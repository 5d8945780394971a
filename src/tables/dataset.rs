//! Finding the tables of a folder, and refusing a folder that must not be measured.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datagen::schema::Table;
use datagen::{Manifest, ScaleFactor};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::{DataError, DataUrl, hashes, schema_check};

/// How many files are looked at together.
const FILES_AT_ONCE: usize = 8;

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
}

/// One table and its files.
#[derive(Debug, Clone)]
pub struct TableFiles {
    /// What the specification says of the table.
    pub table: &'static Table,
    /// Its files in the order of their names.
    pub files: Vec<TableFile>,
    /// The columns of the first file.
    pub schema: SchemaRef,
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
        let tables = by_table.into_values().map(|(table, files)| read_footers(&url, table, files));
        let tables = futures::stream::iter(tables).buffered(FILES_AT_ONCE).try_collect().await?;
        Ok(Self { url, manifest, tables })
    }

    /// The scale that the manifest tells.
    pub fn scale(&self) -> Option<ScaleFactor> {
        self.manifest.as_ref().map(|manifest| manifest.scale)
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

    /// Each table's rows.
    pub fn row_counts(&self) -> BTreeMap<String, u64> {
        let count = |table: &TableFiles| table.files.iter().map(|file| file.row_count).sum();
        self.tables.iter().map(|table| (table.table.name.to_owned(), count(table))).collect()
    }
}

async fn list(url: &DataUrl, store: &dyn ObjectStore) -> Result<Vec<ObjectMeta>, DataError> {
    let prefix = url.prefix()?;
    let mut objects: Vec<ObjectMeta> = store
        .list(Some(&prefix))
        .try_collect()
        .await
        .map_err(|error| DataError::List { url: url.to_string(), message: error.to_string() })?;
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

type FilesByTable = BTreeMap<&'static str, (&'static Table, Vec<ObjectMeta>)>;

/// `<table>.parquet`, or every Parquet file under `<table>/`.
fn assign(url: &DataUrl, listing: &[ObjectMeta]) -> Result<FilesByTable, DataError> {
    let prefix = url.prefix()?;
    let mut tables = FilesByTable::new();
    for object in listing {
        let Some(parts) = object.location.prefix_match(&prefix) else { continue };
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        let file_name = parts.last().map_or("", String::as_str);
        let Some(stem) = file_name.strip_suffix(".parquet") else { continue };
        // Spark marks files that are being written with a leading underscore or dot.
        if file_name.starts_with(['_', '.']) {
            continue;
        }
        let name = if parts.len() == 1 { stem } else { parts[0].as_str() };
        let name = name.strip_suffix(".parquet").unwrap_or(name);
        if let Some(table) = datagen::schema::table(name) {
            tables.entry(table.name).or_insert_with(|| (table, Vec::new())).1.push(object.clone());
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

async fn read_footers(url: &DataUrl, table: &'static Table, objects: Vec<ObjectMeta>) -> Result<TableFiles, DataError> {
    let mut files = Vec::with_capacity(objects.len());
    let mut schema = None;
    for object in objects {
        let broken = |message: String| DataError::BrokenFile { file: show(url, &object.location), message };
        let store = url.store();
        let metadata = DFParquetMetadata::new(store.as_ref(), &object).fetch_metadata().await;
        let metadata = metadata.map_err(|error| broken(error.strip_backtrace()))?;
        let footer = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::default());
        let footer = footer.map_err(|error| broken(error.to_string()))?;
        if let Some(message) = schema_check::difference(table, footer.schema()) {
            let (file, table) = (show(url, &object.location), table.name.to_owned());
            return Err(DataError::WrongSchema { file, table, message });
        }
        let row_count = footer.metadata().file_metadata().num_rows();
        let row_count = u64::try_from(row_count).map_err(|_| broken(format!("it claims {row_count} rows")))?;
        schema.get_or_insert_with(|| footer.schema().clone());
        files.push(TableFile { path: object.location, bytes: object.size, row_count });
    }
    Ok(TableFiles { table, files, schema: schema.unwrap_or_else(|| table.arrow_schema()) })
}

/// A file's place as its user would name it.
pub(super) fn show(url: &DataUrl, path: &ObjectPath) -> String {
    let object = url.object(path);
    match object.to_file_path() {
        Ok(path) => path.display().to_string(),
        Err(()) => object.to_string(),
    }
}

//! Reading the footer of every file, on all processors, before anything is measured.
//!
//! Comes in: each table's files. Goes out: [`TableFiles`], or the first file that is broken or not the table's. A partitioned
//! table has thousands of files, whose columns are all alike: what was found out about the first is kept for the others.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::file::metadata::{KeyValue, ParquetMetaData};
use datafusion::parquet::schema::types::SchemaDescPtr;
use datagen::schema::Table;
use datagen::statistics::footer_hash;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;

use super::dataset::{FilesByTable, Partition, show};
use super::partition::{PartitionedFiles, partition};
use super::{DataError, DataUrl, TableFile, TableFiles, schema_check, statistics};

/// How many footers are read together: enough for all processors, and for a store that takes its time. Each has a thread
/// that reads, and threads keep memory.
pub(super) const FOOTERS_AT_ONCE: usize = 16;

/// The end of a file is read in one go: a footer of one row group is smaller than this, a larger one takes a second go.
const FOOTER_BYTES: usize = 16 << 10;

/// A table, as its files' names tell.
struct Found {
    table: &'static Table,
    partition_column: Option<&'static str>,
    /// What the first file's columns are, once it is read.
    columns: OnceLock<Columns>,
}

/// The columns of a file, in Parquet's terms and in Arrow's.
struct Columns {
    parquet: SchemaDescPtr,
    hints: Option<Vec<KeyValue>>,
    arrow: SchemaRef,
}

/// Reads all footers of all tables.
pub(super) async fn read_tables(url: &DataUrl, tables: FilesByTable) -> Result<Vec<TableFiles>, DataError> {
    let mut found = Vec::with_capacity(tables.len());
    let mut reads = Vec::new();
    for (table, files) in tables.into_values() {
        let PartitionedFiles { column, files } = partition(url, table, files)?;
        let of_table = Arc::new(Found { table, partition_column: column, columns: OnceLock::new() });
        reads.push((of_table.clone(), files.len()));
        found.extend(files.into_iter().map(|(object, value)| (of_table.clone(), object, value)));
    }
    // On threads of their own: most of the work is understanding what was read.
    let footers = found.into_iter().map(|(table, object, value)| {
        let read = tokio::spawn(read_file(url.clone(), table, object, value));
        async move { read.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())) }
    });
    let mut files = futures::stream::iter(footers).buffered(FOOTERS_AT_ONCE);
    let mut tables = Vec::with_capacity(reads.len());
    for (found, file_count) in reads {
        let files: Vec<_> = files.by_ref().take(file_count).try_collect().await?;
        tables.push(assemble(&found, files));
    }
    Ok(tables)
}

async fn read_file(
    url: DataUrl,
    found: Arc<Found>,
    object: ObjectMeta,
    value: Option<ScalarValue>,
) -> Result<(TableFile, SchemaRef), DataError> {
    let broken = |message: String| DataError::BrokenFile { file: show(&url, &object.location), message };
    let metadata = footer(&url, &object).await?;
    let schema = found.schema(&metadata).map_err(broken)?;
    if let Some(message) = schema_check::difference(found.table, &schema, found.partition_column) {
        let (file, table) = (show(&url, &object.location), found.table.name.to_owned());
        return Err(DataError::WrongSchema { file, table, message });
    }
    let row_count = metadata.file_metadata().num_rows();
    let row_count = u64::try_from(row_count).map_err(|_| broken(format!("it claims {row_count} rows")))?;
    let partition = value.map(|value| {
        let fields = found.fields_in_files();
        let fields: Vec<&Field> = fields.iter().map(FieldRef::as_ref).collect();
        Partition { statistics: Arc::new(statistics::of_file(&metadata, &fields, &value)), value }
    });
    let (path, bytes) = (object.location.clone(), object.size);
    let footer_hash = footer_hash(metadata.row_groups());
    Ok((TableFile { path, bytes, row_count, footer_hash, object, partition }, schema))
}

/// The footer of a file.
pub(super) async fn footer(url: &DataUrl, object: &ObjectMeta) -> Result<Arc<ParquetMetaData>, DataError> {
    let store = url.store();
    let metadata = DFParquetMetadata::new(store.as_ref(), object).with_metadata_size_hint(Some(FOOTER_BYTES));
    metadata
        .fetch_metadata()
        .await
        .map_err(|error| DataError::BrokenFile { file: show(url, &object.location), message: error.strip_backtrace() })
}

impl Found {
    /// The file's columns as Arrow sees them.
    fn schema(&self, metadata: &ParquetMetaData) -> Result<SchemaRef, String> {
        let metadata = metadata.file_metadata();
        let (parquet, hints) = (metadata.schema_descr_ptr(), metadata.key_value_metadata());
        if let Some(known) = self.columns.get()
            && known.parquet == parquet
            && known.hints.as_ref() == hints
        {
            return Ok(known.arrow.clone());
        }
        let arrow = parquet_to_arrow_schema(&parquet, hints).map_err(|error| error.to_string())?;
        let arrow = Arc::new(arrow);
        // Of the files that are read at the same time the first one is kept.
        drop(self.columns.set(Columns { parquet, hints: hints.cloned(), arrow: Arc::clone(&arrow) as SchemaRef }));
        Ok(arrow)
    }

    fn fields_in_files(&self) -> Vec<FieldRef> {
        let schema = self.table.arrow_schema();
        let fields = schema.fields().iter().filter(|field| Some(field.name().as_str()) != self.partition_column);
        fields.cloned().collect()
    }
}

fn assemble(found: &Found, files: Vec<(TableFile, SchemaRef)>) -> TableFiles {
    let mut schemas: Vec<&SchemaRef> = files.iter().map(|(_, schema)| schema).collect();
    schemas.dedup_by(|a, b| Arc::ptr_eq(a, b));
    let null_partition = files.iter().any(|(file, _)| file.partition.as_ref().is_some_and(|p| p.value.is_null()));
    let nullable = |field: &Field| {
        let partition = found.partition_column == Some(field.name().as_str());
        let in_files =
            || schemas.iter().any(|schema| schema.field_with_name(field.name()).is_ok_and(Field::is_nullable));
        field.is_nullable() || if partition { null_partition } else { in_files() }
    };
    let fields = found.table.arrow_schema();
    let fields = fields.fields().iter().map(|field| field.as_ref().clone().with_nullable(nullable(field)));
    TableFiles {
        table: found.table,
        schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        partition_column: found.partition_column,
        files: files.into_iter().map(|(file, _)| file).collect(),
    }
}

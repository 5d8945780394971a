//! From files to a table that the engine can scan.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::plan_err;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlanBuilder, ident};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use super::error::FileError;
use super::partitions::{self, PartitionColumn};
use super::place::{self, Format, Listing};
use super::remote::{Fetched, Remote};

/// The table that a path stands for.
pub(super) async fn open(state: &SessionState, text: &str, fetched: &Fetched) -> Result<Arc<dyn TableProvider>> {
    let listing = match Remote::parse(text)? {
        Some(remote) => remote.list(text, state.runtime_env(), fetched).await?,
        None => Listing::of(text)?,
    };
    let columns = partitions::columns(&listing)?;
    let urls =
        listing.files.iter().map(|url| ListingTableUrl::try_new(url.clone(), None)).collect::<Result<Vec<_>>>()?;
    let store = state.runtime_env().object_store(&urls[0])?;
    let files = files(&listing, &urls, store.as_ref()).await?;
    let format = file_format(state, &listing, &files, store.as_ref()).await?;
    let schema = schema(state, &listing, format.as_ref(), &files, &store).await?;
    let columns = not_in_files(&listing, columns, &schema)?;
    // Each file was chosen already: no ending is left out.
    let options = ListingOptions::new(format).with_file_extension("");
    if columns.is_empty() {
        return Ok(Arc::new(table(state, urls, options, schema)?));
    }
    partitioned(state, &listing, options, schema, &columns)
}

fn table(
    state: &SessionState,
    urls: Vec<ListingTableUrl>,
    options: ListingOptions,
    schema: SchemaRef,
) -> Result<ListingTable> {
    let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
    let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
    Ok(ListingTable::try_new(config)?.with_cache(cache))
}

/// The folder as a table of texts, with a projection that makes values of them.
fn partitioned(
    state: &SessionState,
    listing: &Listing,
    options: ListingOptions,
    schema: SchemaRef,
    columns: &[PartitionColumn],
) -> Result<Arc<dyn TableProvider>> {
    let Some(folder) = listing.folder.clone() else { return plan_err!("there are no folders in {}", listing.text) };
    let texts = columns.iter().map(|column| (column.name.clone(), DataType::Utf8)).collect();
    let options = options.with_table_partition_cols(texts).with_file_extension(one_ending(listing)?);
    let inner = table(state, vec![ListingTableUrl::try_new(folder, None)?], options, Arc::clone(&schema))?;
    let own = schema.fields().iter().map(|field| ident(field.name()));
    let all: Vec<_> = own.chain(columns.iter().map(PartitionColumn::expression)).collect();
    let scan = LogicalPlanBuilder::scan("files", provider_as_source(Arc::new(inner)), None)?;
    Ok(Arc::new(ViewTable::new(scan.project(all)?.build()?, None)))
}

/// The ending of all files: the engine lists a partitioned folder itself, and must leave out what we left out.
fn one_ending(listing: &Listing) -> Result<String> {
    let ending = |file: &Url| file.path().rsplit_once('.').map(|(_, ending)| format!(".{ending}"));
    let endings: BTreeSet<String> = listing.files.iter().filter_map(ending).collect();
    match endings.first() {
        Some(ending) if endings.len() == 1 => Ok(ending.clone()),
        _ => Err(FileError::Mixed {
            path: listing.text.clone(),
            formats: endings.iter().cloned().collect::<Vec<_>>().join(", "),
            pattern: format!(
                "{}/**/*{}",
                listing.text.trim_end_matches('/'),
                endings.first().cloned().unwrap_or_default()
            ),
        }
        .into()),
    }
}

/// Spark and DuckDB leave partition columns out of the files; some writers keep all of them, and then the files tell.
fn not_in_files(listing: &Listing, columns: Vec<PartitionColumn>, schema: &SchemaRef) -> Result<Vec<PartitionColumn>> {
    let kept: Vec<&str> =
        columns.iter().map(|c| c.name.as_str()).filter(|name| schema.field_with_name(name).is_ok()).collect();
    match kept.first() {
        None => Ok(columns),
        Some(_) if kept.len() == columns.len() => Ok(Vec::new()),
        Some(column) => Err(FileError::PartitionColumn {
            path: listing.text.clone(),
            column: (*column).to_owned(),
            keys: columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
        }
        .into()),
    }
}

/// A file that is there, and what messages call it.
struct File {
    name: String,
    object: ObjectMeta,
}

/// The files that have bytes. One of none is left out, lest it be taken for a broken one; but no Parquet file has none.
async fn files(listing: &Listing, urls: &[ListingTableUrl], store: &dyn ObjectStore) -> Result<Vec<File>> {
    let mut files = Vec::with_capacity(urls.len());
    for (url, file) in urls.iter().zip(&listing.files) {
        let name = place::shown(file);
        let object = store
            .head(url.prefix())
            .await
            .map_err(|error| FileError::Io { path: name.clone(), message: error.to_string() })?;
        if object.size > 0 || listing.format == Format::Parquet {
            files.push(File { name, object });
        }
    }
    Ok(files)
}

async fn file_format(
    state: &SessionState,
    listing: &Listing,
    files: &[File],
    store: &dyn ObjectStore,
) -> Result<Arc<dyn FileFormat>> {
    let mut options = HashMap::new();
    match (listing.format, files.first()) {
        (Format::Tsv, _) => {
            options.insert("format.delimiter".to_owned(), "\t".to_owned());
        }
        (Format::Json, Some(file)) if holds_an_array(file, store).await => {
            options.insert("format.newline_delimited".to_owned(), "false".to_owned());
        }
        _ => {}
    }
    let factory = state.get_file_format_factory(listing.format.engine_name());
    let factory = factory.ok_or_else(|| DataFusionError::Plan(format!("{} is not built in", listing.format.name())))?;
    factory.create(state, &options)
}

/// Whether a JSON file is one array of objects rather than an object a line. What cannot be read is told later.
async fn holds_an_array(file: &File, store: &dyn ObjectStore) -> bool {
    let Ok(answer) = store.get(&file.object.location).await else { return false };
    let mut parts = answer.into_stream();
    while let Ok(Some(part)) = parts.try_next().await {
        if let Some(byte) = part.iter().find(|byte| !byte.is_ascii_whitespace()) {
            return *byte == b'[';
        }
    }
    false
}

/// The columns of all files together; a file that cannot be read is named.
async fn schema(
    state: &SessionState,
    listing: &Listing,
    format: &dyn FileFormat,
    files: &[File],
    store: &Arc<dyn ObjectStore>,
) -> Result<SchemaRef> {
    let objects: Vec<ObjectMeta> = files.iter().map(|file| file.object.clone()).collect();
    let inferred = match listing.format {
        Format::Csv | Format::Tsv if files.len() > 1 => {
            let mut schemas = Vec::with_capacity(files.len());
            for file in files {
                match format.infer_schema(state, store, std::slice::from_ref(&file.object)).await {
                    Ok(schema) => schemas.push((file.name.clone(), schema)),
                    Err(error) => return Err(unreadable(&file.name, listing.format, &error).into()),
                }
            }
            Ok(merged(&schemas)?)
        }
        _ => format.infer_schema(state, store, &objects).await,
    };
    let schema = match inferred {
        Ok(schema) => schema,
        Err(error) => return Err(first_unreadable(state, listing, format, store, files, error).await.into()),
    };
    if schema.fields().is_empty() {
        return Err(FileError::Empty { path: listing.text.clone() }.into());
    }
    Ok(schema)
}

/// The columns of text files together. They are read by position, so that all must have the same names in the same order; a
/// type is the narrowest that holds the values of all files.
fn merged(schemas: &[(String, SchemaRef)]) -> std::result::Result<SchemaRef, FileError> {
    let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let Some((first, wanted)) = schemas.first() else { return Ok(Arc::new(Schema::empty())) };
    let wanted_names = names(wanted);
    let mut types: Vec<DataType> = wanted.fields().iter().map(|field| field.data_type().clone()).collect();
    for (file, schema) in schemas {
        let found = names(schema);
        if found != wanted_names {
            return Err(FileError::Columns {
                file: file.clone(),
                columns: found.join(", "),
                first: first.clone(),
                wanted: wanted_names.join(", "),
            });
        }
        for (data_type, field) in types.iter_mut().zip(schema.fields()) {
            *data_type = wider(data_type, field.data_type());
        }
    }
    let fields = wanted_names.into_iter().zip(types).map(|(name, data_type)| Field::new(name, data_type, true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

fn wider(one: &DataType, other: &DataType) -> DataType {
    match (one, other) {
        (one, other) if one == other => one.clone(),
        // A column without a value in the rows that were looked at.
        (DataType::Null, other) => other.clone(),
        (one, DataType::Null) => one.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// Which file it was: each is read alone until one fails.
async fn first_unreadable(
    state: &SessionState,
    listing: &Listing,
    format: &dyn FileFormat,
    store: &Arc<dyn ObjectStore>,
    files: &[File],
    error: DataFusionError,
) -> FileError {
    for file in files {
        if let Err(error) = format.infer_schema(state, store, std::slice::from_ref(&file.object)).await {
            return unreadable(&file.name, listing.format, &error);
        }
    }
    // Each alone is well: they do not fit together.
    unreadable(&listing.text, listing.format, &error)
}

fn unreadable(path: &str, format: Format, error: &DataFusionError) -> FileError {
    let hint = match format {
        Format::Parquet => "; it was cut or damaged, or is no Parquet file",
        Format::Json => "; it must hold an object a line, or one array of objects",
        Format::Csv | Format::Tsv => "",
    };
    FileError::Unreadable {
        path: path.to_owned(),
        format: format.name().to_owned(),
        message: error.strip_backtrace(),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
        Arc::new(Schema::new(fields.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>()))
    }

    #[test]
    fn types_are_widened() {
        use DataType::{Boolean, Date32, Float64, Int64, Null, Utf8};
        for (one, other, expected) in [
            (Int64, Int64, Int64),
            (Int64, Float64, Float64),
            (Float64, Int64, Float64),
            (Null, Int64, Int64),
            (Date32, Null, Date32),
            (Int64, Date32, Utf8),
            (Boolean, Int64, Utf8),
            (Utf8, Int64, Utf8),
        ] {
            let files = [("1".to_owned(), schema(&[("a", one)])), ("2".to_owned(), schema(&[("a", other)]))];
            assert_eq!(merged(&files), Ok(schema(&[("a", expected)])));
        }
    }

    #[test]
    fn other_columns_are_refused() {
        let one = ("1.csv".to_owned(), schema(&[("a", DataType::Int64), ("b", DataType::Int64)]));
        for fields in [&[("b", DataType::Int64), ("a", DataType::Int64)][..], &[("a", DataType::Int64)]] {
            let other = ("2.csv".to_owned(), schema(fields));
            let error = merged(&[one.clone(), other]).expect_err("refused").to_string();
            assert!(error.contains("`2.csv`") && error.contains("those of `1.csv` are a, b"), "{error}");
        }
    }
}

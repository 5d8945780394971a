//! A chunk of a table in, an encoded row group out. Runs on any thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};
use tpcdsgen::config::Session;

use crate::content::ContentHasher;
use crate::error::{Error, Result};
use crate::options::{Compression, WriterSettings};
use crate::plan::TablePlan;
use crate::sorted::SortedRows;
use crate::source;
use crate::statistics::Collector;

/// The size at which a dictionary stops to pay: columns with more distinct values than this holds go
/// on without one. With Parquet's usual 1 MiB, prices get dictionaries that make files 5 % larger and
/// take half as long again to write (store_sales, catalog_sales, web_sales and inventory at scale 1).
const DICTIONARY_BYTES: usize = 128 << 10;

/// Makes the row groups of one table.
pub(crate) struct Encoder {
    pub(crate) plan: TablePlan,
    pub(crate) parquet_schema: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
    arrow_schema: SchemaRef,
    /// The position of the column that the files do not have.
    left_out: Option<usize>,
    rows: Rows,
    factory: ArrowRowGroupWriterFactory,
}

/// Where a table's rows come from.
pub(crate) enum Rows {
    /// From the generator.
    Generated(Session),
    /// From a temporary file.
    Sorted(SortedRows),
}

/// The rows of one chunk, ready to be put into a file.
pub(crate) struct RowGroup {
    pub(crate) columns: Vec<ArrowColumnChunk>,
    pub(crate) content: ContentHasher,
    pub(crate) statistics: Collector,
    /// Its size in a file.
    pub(crate) bytes: u64,
}

/// Why a chunk was not encoded; becomes an [`Error`] when the table is known.
enum Failure {
    Hash(Error),
    Parquet(ParquetError),
    Arrow(ArrowError),
}

impl Encoder {
    pub(crate) fn new(plan: TablePlan, rows: Rows, settings: &WriterSettings) -> Result<Self> {
        let table = plan.table.name;
        let failed = |source| Error::Encode { table, source };
        let left_out = settings.layout.partition_column(plan.table);
        let arrow_schema = without(&plan.table.arrow_schema(), left_out);
        // Files carry no Arrow schema of their own: their Parquet types say all there is to say, and
        // each reader takes the text, decimals and dates in the form it likes best.
        let parquet_schema = ArrowSchemaConverter::new().convert(&arrow_schema).map_err(failed)?.root_schema_ptr();
        let properties = Arc::new(writer_properties(settings, &arrow_schema));
        let template = SerializedFileWriter::new(io::sink(), parquet_schema.clone(), properties.clone());
        let factory = ArrowRowGroupWriterFactory::new(&template.map_err(failed)?, arrow_schema.clone());
        Ok(Self { plan, parquet_schema, properties, arrow_schema, left_out, rows, factory })
    }

    /// How many rows were sorted before; `None` when none need to be.
    pub(crate) fn sorted_row_count(&self) -> Option<u64> {
        match &self.rows {
            Rows::Generated(_) => None,
            Rows::Sorted(sorted) => Some(sorted.row_count()),
        }
    }

    /// Are these the rows that the table was to have, as far as that is known?
    pub(crate) fn check(&self, written: &ContentHasher) -> Result<()> {
        match &self.rows {
            Rows::Generated(_) => Ok(()),
            Rows::Sorted(sorted) => sorted.check(written),
        }
    }

    /// Generates, hashes and encodes the rows of one chunk.
    pub(crate) fn encode(&self, chunk: u64, cancel: &AtomicBool) -> Result<Option<RowGroup>> {
        let table = self.plan.table;
        match self.try_encode(chunk, cancel) {
            Ok(row_group) => Ok(row_group),
            Err(Failure::Hash(error)) => Err(error),
            Err(Failure::Parquet(source)) => Err(Error::Encode { table: table.name, source }),
            Err(Failure::Arrow(error)) => Err(Error::Generator { table: table.name, reason: error.to_string() }),
        }
    }

    fn try_encode(&self, chunk: u64, cancel: &AtomicBool) -> Result<Option<RowGroup>, Failure> {
        let table = self.plan.table;
        let mut content = ContentHasher::new(table);
        let mut statistics = Collector::new(table);
        // The row group's number in its file matters to encryption only, which is not used.
        let mut writers = self.factory.create_column_writers(0)?;
        let consume = |batch: &RecordBatch| {
            if cancel.load(Ordering::Relaxed) {
                return Err(Failure::Hash(Error::Cancelled));
            }
            content.update(batch)?;
            statistics.update(batch)?;
            let mut writers = writers.iter_mut();
            let columns = batch.columns().iter().enumerate().filter(|(index, _)| Some(*index) != self.left_out);
            for (field, (_, column)) in self.arrow_schema.fields().iter().zip(columns) {
                for leaf in compute_leaves(field, column)? {
                    writers.next().expect("a flat column has one leaf").write(&leaf)?;
                }
            }
            Ok(())
        };
        match &self.rows {
            Rows::Generated(session) => {
                source::for_each_batch(table, session.clone(), self.plan.source_rows(chunk), consume)?;
            }
            Rows::Sorted(sorted) => sorted.for_each_batch(self.plan.sorted_rows(chunk), consume)?,
        }
        if content.row_count() == 0 {
            return Ok(None);
        }
        let columns = writers.into_iter().map(|writer| writer.close()).collect::<Result<Vec<_>, _>>()?;
        let bytes = columns.iter().map(|column| column.close().bytes_written).sum();
        Ok(Some(RowGroup { columns, content, statistics, bytes }))
    }
}

fn without(schema: &SchemaRef, column: Option<usize>) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().filter(|(index, _)| Some(*index) != column);
    Arc::new(Schema::new(fields.map(|(_, field)| field.clone()).collect::<Vec<_>>()))
}

/// Dictionary encoding with a fall-back, data pages of version 1 as every reader knows them, minimum
/// and maximum of each page in a page index. Bloom filters have room for a row group of distinct values
/// and are folded to what they need.
fn writer_properties(settings: &WriterSettings, schema: &Schema) -> WriterProperties {
    let codec = match settings.compression {
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")),
        Compression::None => Codec::UNCOMPRESSED,
    };
    let mut properties = WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_enabled(true)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page);
    for name in settings.bloom_filters.iter().filter(|name| schema.column_with_name(name).is_some()) {
        let column = ColumnPath::from(name.as_str());
        properties = properties
            .set_column_bloom_filter_enabled(column.clone(), true)
            .set_column_bloom_filter_max_ndv(column, settings.row_group_rows);
    }
    properties.build()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Hash(error)
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

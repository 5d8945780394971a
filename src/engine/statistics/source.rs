//! [`Source`]: where the rows of a scan come from, files or memory, and whether two scans read the same.
//!
//! ```text
//!   scan of t, which has 3 files      ┐                        scan of m, whose batches lie at 0x7f20, 0x7f68, …   ┐
//!   scan of t, 1 file left            ┴─▶ what is known of t    scan of m, two columns of it                        ┴─▶ what is known of m
//! ```
//!
//! A file is known by its store and path, and is another if its size or its time has changed. A batch in memory is known by where its first
//! column lies: as long as a table holds on to it, nothing else lies there.

use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::common::Statistics;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::physical_plan::ExecutionPlan;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    Files(&'a FileScanConfig),
    Memory(&'a MemorySourceConfig),
}

/// A file's store and path, or the place of a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part<'a> {
    File(Cow<'a, str>, Cow<'a, str>),
    Batch(usize),
}

impl Part<'_> {
    /// The same, to be kept.
    pub(super) fn into_owned(self) -> Part<'static> {
        match self {
            Self::File(store, path) => Part::File(store.into_owned().into(), path.into_owned().into()),
            Self::Batch(place) => Part::Batch(place),
        }
    }
}

/// The size and the time of a file, which are others if it was written anew.
pub(super) type State = Option<(u64, DateTime<Utc>)>;

impl<'a> Source<'a> {
    /// None of scans of anything else.
    pub(super) fn of(scan: &'a DataSourceExec) -> Option<Self> {
        let source = scan.data_source();
        let files = source.downcast_ref::<FileScanConfig>().map(Self::Files);
        files.or_else(|| source.downcast_ref::<MemorySourceConfig>().map(Self::Memory))
    }

    /// That of the scan at the bottom of a plan that has no other.
    pub(super) fn below(plan: &'a dyn ExecutionPlan) -> Option<Self> {
        if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
            return Self::of(scan);
        }
        match plan.children()[..] {
            [input] => Self::below(input.as_ref()),
            _ => None,
        }
    }

    /// The columns of the table, whatever the scan gives of them; those in the names of folders last.
    pub(super) fn schema(self) -> SchemaRef {
        match self {
            Self::Files(config) => config.file_source().table_schema().table_schema().clone(),
            Self::Memory(memory) => memory.original_schema(),
        }
    }

    /// Its rows before any condition; none if nobody knows.
    pub(super) fn row_count(self) -> Option<usize> {
        match self {
            Self::Files(config) => config.statistics().num_rows.get_value().copied(),
            Self::Memory(_) => Some(self.batches().map(RecordBatch::num_rows).sum()),
        }
    }

    /// How many rows files have that do not say it, by their bytes and the types of their columns: right within a small factor, which tells a
    /// large table from a small one.
    pub(super) fn rows_by_size(self) -> Option<f64> {
        let Self::Files(config) = self else { return None };
        let schema = self.schema();
        let row_bytes: f64 = schema.fields().iter().map(|field| written_bytes(field.data_type())).sum();
        let sizes = config.file_groups.iter().flat_map(|group| group.iter()).map(|file| file.object_meta.size as f64);
        (row_bytes > 0.0).then(|| (sizes.sum::<f64>() / row_bytes).ceil())
    }

    /// What is known of all columns of the table without a look at the rows.
    pub(super) fn statistics(self) -> Statistics {
        match self {
            Self::Files(config) => config.statistics(),
            Self::Memory(memory) => {
                let unknown = || Statistics::new_unknown(&memory.original_schema());
                let whole = MemorySourceConfig::try_new(memory.partitions(), memory.original_schema(), None);
                let statistics = whole.and_then(|whole| whole.partition_statistics(None));
                statistics.map_or_else(|_| unknown(), |statistics| statistics.as_ref().clone())
            }
        }
    }

    /// Its files or batches. A batch without rows, or without columns, is none.
    pub(super) fn parts(self) -> impl Iterator<Item = (Part<'a>, State)> {
        let files = match self {
            Self::Files(config) => Some(config),
            Self::Memory(_) => None,
        };
        let files = files.into_iter().flat_map(|config| {
            let files = config.file_groups.iter().flat_map(|group| group.iter()).map(|file| &file.object_meta);
            files.map(move |file| {
                let part = Part::File(config.object_store_url.as_str().into(), file.location.as_ref().into());
                (part, Some((file.size, file.last_modified)))
            })
        });
        files.chain(self.batches().filter_map(|batch| Some((place_of(batch)?, None))))
    }

    /// Whether a part in this state is one of its own.
    pub(super) fn has(self, part: &Part<'_>, state: State) -> bool {
        self.parts().any(|(own, its)| own == *part && its == state)
    }

    /// The batches in memory.
    pub(super) fn batches(self) -> impl Iterator<Item = &'a RecordBatch> {
        let partitions: &'a [Vec<RecordBatch>] = match self {
            Self::Files(_) => &[],
            Self::Memory(memory) => memory.partitions(),
        };
        partitions.iter().flatten()
    }

    /// Whether what it reads can be told to be other than it was, from the source alone.
    pub(super) fn is_in_memory(self) -> bool {
        matches!(self, Self::Memory(_))
    }
}

/// Where the first column of a batch lies, whichever of its rows a scan reads.
fn place_of(batch: &RecordBatch) -> Option<Part<'static>> {
    let first = batch.columns().first()?.to_data();
    let place = first.buffers().first()?.data_ptr().addr().get();
    (batch.num_rows() > 0).then_some(Part::Batch(place))
}

/// Bytes of a value as text, with what separates it from the next.
fn written_bytes(data_type: &DataType) -> f64 {
    match data_type {
        DataType::Boolean | DataType::Int8 | DataType::UInt8 => 3.0,
        other if other.is_numeric() => 7.0,
        DataType::Date32 | DataType::Date64 => 11.0,
        _ => 16.0,
    }
}

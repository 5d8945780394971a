//! Rows of a table, the same ones for every column: all rows of a small table, blocks spread over a large one.
//!
//! ```text
//!   28.8 M rows   │▒       │   ▒    │ ▒      │       ▒│ …    64 strata, in each a block of 2,048 rows at a place drawn at random
//! ```
//!
//! Blocks, since a reader decodes whole pages; strata, since fact tables are often clustered by date; places at random, since tables
//! that are cross products repeat with a period. The seed is fixed: the same file gives the same sample.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::collect;

use super::source::Source;

/// Tables of at most so many rows are looked at as a whole, and no more of larger ones.
pub(super) const SAMPLE_ROWS_MAX: usize = 128 * 1024;
const BLOCKS: usize = 64;
/// Rows that follow each other in a table, and in its sample.
pub(super) const BLOCK_ROWS: usize = SAMPLE_ROWS_MAX / BLOCKS;

/// Which rows of a table a sample has.
#[derive(Debug)]
pub(super) struct Sample {
    rows: Rows,
    is_whole: bool,
}

#[derive(Debug)]
enum Rows {
    Files(Box<FileScanConfig>),
    /// Parts of batches, which share their columns with the table.
    Memory(SchemaRef, Vec<RecordBatch>),
}

impl Sample {
    /// The sample of `row_count` rows of a source; none of large files that are not Parquet.
    pub(super) async fn choose(source: Source<'_>, row_count: usize, session: &dyn Session) -> Result<Option<Self>> {
        let is_whole = row_count <= SAMPLE_ROWS_MAX;
        let rows = match source {
            Source::Files(config) if is_whole => Rows::Files(Box::new(config.clone())),
            Source::Files(config) if config.file_source().downcast_ref::<ParquetSource>().is_none() => return Ok(None),
            Source::Files(config) => Rows::Files(Box::new(Self::blocks_of_files(config, row_count, session).await?)),
            Source::Memory(_) if is_whole => Rows::Memory(source.schema(), source.batches().cloned().collect()),
            Source::Memory(_) => Rows::Memory(source.schema(), blocks_of_batches(source.batches(), row_count)),
        };
        Ok(Some(Self { rows, is_whole }))
    }

    async fn blocks_of_files(
        config: &FileScanConfig,
        row_count: usize,
        session: &dyn Session,
    ) -> Result<FileScanConfig> {
        let starts = starts(row_count);
        let mut files = Vec::new();
        let (mut first_row, mut next) = (0, 0);
        for file in config.file_groups.iter().flat_map(|group| group.iter()) {
            // The files without a block are not opened; how many rows they have is known from their listing.
            let known = file.statistics.as_ref().and_then(|statistics| statistics.num_rows.get_value().copied());
            if next == starts.len() || known.is_some_and(|rows| starts[next] >= first_row + rows) {
                first_row += known.unwrap_or_default();
                continue;
            }
            let metadata = metadata(config, file, session).await?;
            let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
            let blocks = starts[next..].iter().take_while(|start| **start < first_row + rows).count();
            if blocks > 0 {
                let local: Vec<usize> = starts[next..next + blocks].iter().map(|start| start - first_row).collect();
                let access = ParquetAccessPlan::try_new_from_overall_row_selection(
                    selection(&local, rows),
                    metadata.row_groups(),
                )?;
                files.push(file.clone().with_extension(access));
            }
            (first_row, next) = (first_row + rows, next + blocks);
        }
        Ok(FileScanConfigBuilder::from(config.clone()).with_file_groups(vec![FileGroup::new(files)]).build())
    }

    /// Whether it has all rows.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Reads columns, by their positions in the table.
    pub(super) async fn read(&self, columns: &[usize], session: &dyn Session) -> Result<RecordBatch> {
        let config = match &self.rows {
            Rows::Files(config) => config.as_ref().clone(),
            Rows::Memory(schema, batches) => {
                let projected = batches.iter().map(|batch| batch.project(columns)).collect::<Result<Vec<_>, _>>()?;
                return Ok(concat_batches(&Arc::new(schema.project(columns)?), &projected)?);
            }
        };
        let config = FileScanConfigBuilder::from(config).with_projection_indices(Some(columns.to_vec()))?.build();
        let scan = DataSourceExec::from_data_source(config);
        let schema: SchemaRef = datafusion::physical_plan::ExecutionPlan::schema(scan.as_ref());
        let batches = collect(scan, session.task_ctx()).await?;
        Ok(concat_batches(&schema, &batches)?)
    }
}

/// How often a row differs from the one before it, that was before it in the table, too.
pub(super) fn changes(row_count: usize, differs: impl Fn(usize) -> bool) -> f64 {
    (1..row_count).filter(|row| row % BLOCK_ROWS != 0 && differs(*row)).count() as f64
}

async fn metadata(
    config: &FileScanConfig,
    file: &PartitionedFile,
    session: &dyn Session,
) -> Result<Arc<ParquetMetaData>> {
    let store = session.runtime_env().object_store(&config.object_store_url)?;
    let cache = session.runtime_env().cache_manager.get_file_metadata_cache();
    DFParquetMetadata::new(store.as_ref(), &file.object_meta)
        .with_file_metadata_cache(Some(cache))
        .fetch_metadata()
        .await
}

/// The first row of each block.
fn starts(row_count: usize) -> Vec<usize> {
    let stratum = row_count / BLOCKS;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or_default() % bound
    };
    (0..BLOCKS).map(|block| block * stratum + draw(stratum - BLOCK_ROWS + 1)).collect()
}

/// The sample's blocks of batches of so many rows, without copies.
fn blocks_of_batches<'a>(batches: impl Iterator<Item = &'a RecordBatch>, row_count: usize) -> Vec<RecordBatch> {
    let (starts, mut blocks, mut first_row) = (starts(row_count), Vec::new(), 0);
    for batch in batches {
        let end_row = first_row + batch.num_rows();
        // A block may reach over several batches.
        for start in &starts {
            let (from, to) = ((*start).max(first_row), (start + BLOCK_ROWS).min(end_row));
            if from < to {
                blocks.push(batch.slice(from - first_row, to - from));
            }
        }
        first_row = end_row;
    }
    blocks
}

/// The blocks that start at these rows of a file, cut at its end.
fn selection(starts: &[usize], row_count: usize) -> RowSelection {
    let mut selectors = Vec::with_capacity(2 * starts.len() + 1);
    let mut done = 0;
    for start in starts {
        let start = *start;
        let end = row_count.min(start + BLOCK_ROWS);
        selectors.extend([RowSelector::skip(start - done), RowSelector::select(end - start)]);
        done = end;
    }
    selectors.push(RowSelector::skip(row_count - done));
    RowSelection::from(selectors)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    #[test]
    fn blocks_are_apart_and_in_the_table() {
        for row_count in [SAMPLE_ROWS_MAX + 1, 1_000_003, 28_800_991] {
            let starts = starts(row_count);
            assert_eq!(starts.len(), BLOCKS);
            assert!(starts.windows(2).all(|pair| pair[0] + BLOCK_ROWS <= pair[1]), "{row_count}");
            assert!(starts[BLOCKS - 1] + BLOCK_ROWS <= row_count, "{row_count}");
        }
    }

    #[test]
    fn blocks_reach_over_batches() {
        let rows = 2 * SAMPLE_ROWS_MAX;
        for batch_rows in [100, 8192, rows] {
            let numbers = Int64Array::from_iter_values(0..rows as i64);
            let batch = RecordBatch::try_from_iter([("a", Arc::new(numbers) as ArrayRef)]).expect("a batch");
            let batches = (0..rows).step_by(batch_rows).map(|row| batch.slice(row, batch_rows.min(rows - row)));
            let blocks = blocks_of_batches(batches.collect::<Vec<_>>().iter(), rows);
            let sample = concat_batches(&batch.schema(), &blocks).expect("of one schema");
            let expected = starts(rows).into_iter().flat_map(|start| start..start + BLOCK_ROWS);
            let expected = Int64Array::from_iter_values(expected.map(|row| row as i64));
            assert_eq!(sample.column(0).as_ref(), &expected as &dyn arrow::array::Array, "{batch_rows}");
        }
    }

    #[test]
    fn a_block_ends_with_its_file() {
        let rows = |starts: &[usize], row_count| selection(starts, row_count).row_count();
        assert_eq!(rows(&[10], 100_000), BLOCK_ROWS);
        assert_eq!(rows(&[10], 15), 5);
        assert_eq!(rows(&[0, 50_000], 50_007), BLOCK_ROWS + 7);
    }
}

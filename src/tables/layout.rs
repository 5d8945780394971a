//! How the files of a data folder are laid out: what a reader can skip, and what it has to read. From footers alone.
//!
//! The question that decides most is how many days a row group covers. dsdgen spreads some tables over all five years in
//! every row group, so that no filter on a date lets a reader skip any; sorted or partitioned, a row group covers days.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::statistics::Statistics;
use datagen::schema::Table;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;

use super::dataset::{FilesByTable, assign, list};
use super::partition::{PartitionedFiles, partition};
use super::{DataError, DataUrl, footers};

/// The key of 1970-01-01 in `date_dim`: keys count days, as astronomers do.
const KEY_OF_1970: i32 = 2_440_588;

/// How one table is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct TableLayout {
    /// The table.
    pub table: &'static str,
    /// The column that folders are named after.
    pub partition_column: Option<&'static str>,
    /// Its files.
    pub file_count: u64,
    /// Their row groups.
    pub row_group_count: u64,
    /// Its rows.
    pub row_count: u64,
    /// The size of its files.
    pub bytes: u64,
    /// The size of its columns as they are in the files.
    pub compressed_bytes: u64,
    /// Their size when decompressed, still encoded.
    pub uncompressed_bytes: u64,
    /// How pages are compressed.
    pub codecs: BTreeSet<String>,
    /// How values are encoded.
    pub encodings: BTreeSet<String>,
    /// The columns that have a bloom filter in some row group.
    pub bloom_filters: BTreeSet<String>,
    /// Which column chunks have minimum and maximum of each page.
    pub page_index: Coverage,
    /// Where its days are, for a table that has a date key.
    pub dates: Option<DateLayout>,
}

/// How much of a table has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing has it.
    None,
    /// Some has it.
    Some,
    /// Everything has it.
    All,
}

/// Where the days of a table are in its files.
#[derive(Debug, Clone, PartialEq)]
pub struct DateLayout {
    /// The date key.
    pub column: &'static str,
    /// The first and last day of the table; nothing if no row group tells.
    pub range: Option<(NaiveDate, NaiveDate)>,
    /// What a file covers.
    pub files: DateSpan,
    /// What a row group covers.
    pub row_groups: DateSpan,
    /// Whether each row group begins no earlier than the one before it ends; nothing where some do not tell.
    pub sorted: Option<bool>,
}

/// What share of a table's days its pieces cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DateSpan {
    /// Pieces of which the days are known.
    pub count: u64,
    /// Pieces without any date, only NULLs.
    pub null_count: u64,
    /// Pieces that do not tell.
    pub unknown_count: u64,
    /// Days from a piece's first to its last one, both counted, on average.
    pub mean_days: f64,
    /// The same as a share of the days of the table, 0 to 1.
    pub mean_share: f64,
}

impl TableLayout {
    /// Whether rows of near days are near: a filter on a short period leaves out most of the table.
    pub fn is_clustered(&self) -> bool {
        self.dates.as_ref().is_some_and(|dates| dates.row_groups.count > 1 && dates.row_groups.mean_share <= 0.5)
    }
}

/// Describes the tables of a folder, in the order of their names; all of them where `tables` is empty.
pub async fn describe(url: &DataUrl, tables: &[&'static Table]) -> Result<Vec<TableLayout>, DataError> {
    let listing = list(url, url.store().as_ref()).await?;
    let mut found = assign(url, &listing)?;
    if found.is_empty() {
        return Err(DataError::Empty { url: url.to_string(), scale: "1".to_owned() });
    }
    let missing = tables.iter().map(|table| table.name).filter(|name| !found.contains_key(name));
    let missing: Vec<_> = missing.collect();
    if !missing.is_empty() {
        let noun = if missing.len() == 1 { "table" } else { "tables" };
        let tables = format!("the {noun} {}", missing.join(", "));
        return Err(DataError::MissingTables { url: url.to_string(), tables });
    }
    found.retain(|name, _| tables.is_empty() || tables.iter().any(|table| table.name == *name));
    read(url, found).await
}

async fn read(url: &DataUrl, found: FilesByTable) -> Result<Vec<TableLayout>, DataError> {
    let mut layouts = Vec::with_capacity(found.len());
    for (table, files) in found.into_values() {
        let PartitionedFiles { column, files } = partition(url, table, files)?;
        let mut collected = Collected::new(table, column);
        let reads = files.into_iter().map(|(object, value)| {
            let footer = tokio::spawn(footer(url.clone(), object));
            async move { (footer.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())), value) }
        });
        let mut reads = futures::stream::iter(reads)
            .buffered(footers::FOOTERS_AT_ONCE)
            .map(|(read, value)| Ok::<_, DataError>((read?, value)));
        while let Some(((object, metadata), value)) = reads.try_next().await? {
            collected.add(&object, &metadata, value.as_ref());
        }
        layouts.push(collected.finish());
    }
    Ok(layouts)
}

async fn footer(url: DataUrl, object: ObjectMeta) -> Result<(ObjectMeta, Arc<ParquetMetaData>), DataError> {
    let metadata = footers::footer(&url, &object).await?;
    Ok((object, metadata))
}

/// The days of a piece of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covered {
    Known { first: i32, last: i32 },
    Null,
    Unknown,
}

/// One table, file after file.
struct Collected {
    layout: TableLayout,
    /// Column chunks with a page index, and all of them.
    indexed_chunks: u64,
    chunks: u64,
    date_column: Option<&'static str>,
    files: Vec<Covered>,
    row_groups: Vec<Covered>,
}

impl Collected {
    fn new(table: &'static Table, partition_column: Option<&'static str>) -> Self {
        let layout = TableLayout {
            table: table.name,
            partition_column,
            file_count: 0,
            row_group_count: 0,
            row_count: 0,
            bytes: 0,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
            codecs: BTreeSet::new(),
            encodings: BTreeSet::new(),
            bloom_filters: BTreeSet::new(),
            page_index: Coverage::None,
            dates: None,
        };
        let date_column = table.date_key().map(|column| table.columns[column].name);
        Self { layout, indexed_chunks: 0, chunks: 0, date_column, files: Vec::new(), row_groups: Vec::new() }
    }

    fn add(&mut self, object: &ObjectMeta, metadata: &ParquetMetaData, value: Option<&ScalarValue>) {
        self.layout.file_count += 1;
        self.layout.bytes += object.size;
        self.layout.row_count += metadata.file_metadata().num_rows().cast_unsigned();
        let before = self.row_groups.len();
        for group in metadata.row_groups() {
            self.layout.row_group_count += 1;
            self.layout.compressed_bytes += group.compressed_size().cast_unsigned();
            self.layout.uncompressed_bytes += group.total_byte_size().cast_unsigned();
            group.columns().iter().for_each(|chunk| self.add_chunk(chunk));
            if let Some(column) = self.date_column {
                let of_folder = value.filter(|_| self.layout.partition_column == Some(column));
                self.row_groups.push(of_folder.map_or_else(|| days_of_group(group, column), days_of_folder));
            }
        }
        if self.date_column.is_some() {
            self.files.push(together(&self.row_groups[before..]));
        }
    }

    fn add_chunk(&mut self, chunk: &ColumnChunkMetaData) {
        self.chunks += 1;
        self.indexed_chunks +=
            u64::from(chunk.column_index_offset().is_some() && chunk.offset_index_offset().is_some());
        let codec = codec(chunk.compression());
        if !self.layout.codecs.contains(codec) {
            self.layout.codecs.insert(codec.to_owned());
        }
        for encoding in chunk.encodings() {
            self.layout.encodings.insert(encoding.to_string());
        }
        if chunk.bloom_filter_offset().is_some() {
            self.layout.bloom_filters.insert(chunk.column_path().string());
        }
    }

    fn finish(self) -> TableLayout {
        let page_index = match self.indexed_chunks {
            0 => Coverage::None,
            indexed if indexed == self.chunks => Coverage::All,
            _ => Coverage::Some,
        };
        let dates = self.date_column.map(|column| {
            let range = match together(&self.row_groups) {
                Covered::Known { first, last } => Some(first..=last),
                _ => known_range(&self.row_groups),
            };
            DateLayout {
                column,
                range: range.as_ref().and_then(|range| Some((date(*range.start())?, date(*range.end())?))),
                files: span(&self.files, range.as_ref()),
                row_groups: span(&self.row_groups, range.as_ref()),
                sorted: sorted(&self.row_groups),
            }
        });
        TableLayout { page_index, dates, ..self.layout }
    }
}

fn codec(compression: Compression) -> &'static str {
    match compression {
        Compression::UNCOMPRESSED => "none",
        Compression::SNAPPY => "snappy",
        Compression::GZIP(_) => "gzip",
        Compression::LZO => "lzo",
        Compression::BROTLI(_) => "brotli",
        Compression::LZ4 => "lz4",
        Compression::ZSTD(_) => "zstd",
        Compression::LZ4_RAW => "lz4_raw",
    }
}

fn days_of_folder(value: &ScalarValue) -> Covered {
    match value {
        ScalarValue::Int32(Some(key)) => Covered::Known { first: *key, last: *key },
        value if value.is_null() => Covered::Null,
        _ => Covered::Unknown,
    }
}

fn days_of_group(group: &RowGroupMetaData, column: &str) -> Covered {
    let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [column]);
    let Some(statistics) = chunk.and_then(ColumnChunkMetaData::statistics) else { return Covered::Unknown };
    let bounds = match statistics {
        Statistics::Int32(values) => values.min_opt().copied().zip(values.max_opt().copied()),
        Statistics::Int64(values) => {
            let narrow = |value: Option<&i64>| value.and_then(|value| i32::try_from(*value).ok());
            narrow(values.min_opt()).zip(narrow(values.max_opt()))
        }
        _ => None,
    };
    match bounds {
        Some((first, last)) => Covered::Known { first, last },
        None if statistics.null_count_opt() == Some(group.num_rows().cast_unsigned()) => Covered::Null,
        None => Covered::Unknown,
    }
}

/// The days of several pieces; not known if those of one are not.
fn together(pieces: &[Covered]) -> Covered {
    match known_range(pieces) {
        _ if pieces.contains(&Covered::Unknown) => Covered::Unknown,
        Some(range) => Covered::Known { first: *range.start(), last: *range.end() },
        None => Covered::Null,
    }
}

/// From the first day to the last of those that are known.
fn known_range(pieces: &[Covered]) -> Option<RangeInclusive<i32>> {
    let known = pieces.iter().filter_map(|days| match days {
        Covered::Known { first, last } => Some((*first, *last)),
        _ => None,
    });
    let whole = known.reduce(|(first, last), (other_first, other_last)| (first.min(other_first), last.max(other_last)));
    whole.map(|(first, last)| first..=last)
}

fn span(pieces: &[Covered], range: Option<&RangeInclusive<i32>>) -> DateSpan {
    let mut span = DateSpan { count: 0, null_count: 0, unknown_count: 0, mean_days: 0.0, mean_share: 0.0 };
    let mut days = 0.0;
    for piece in pieces {
        match piece {
            Covered::Known { first, last } => {
                span.count += 1;
                days += f64::from(*last) - f64::from(*first) + 1.0;
            }
            Covered::Null => span.null_count += 1,
            Covered::Unknown => span.unknown_count += 1,
        }
    }
    if let (Some(range), true) = (range, span.count > 0) {
        span.mean_days = days / span.count as f64;
        span.mean_share = span.mean_days / (f64::from(*range.end()) - f64::from(*range.start()) + 1.0);
    }
    span
}

/// Whether the pieces follow each other: NULLs may be at either end.
fn sorted(pieces: &[Covered]) -> Option<bool> {
    if pieces.contains(&Covered::Unknown) {
        return None;
    }
    let known = pieces.iter().filter_map(|days| match days {
        Covered::Known { first, last } => Some((*first, *last)),
        _ => None,
    });
    let known: Vec<_> = known.collect();
    Some(known.windows(2).all(|pair| pair[0].1 <= pair[1].0))
}

fn date(key: i32) -> Option<NaiveDate> {
    let days = key.checked_sub(KEY_OF_1970)?;
    let epoch = NaiveDate::default();
    match u64::try_from(days) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(days.unsigned_abs().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(first: i32, last: i32) -> Covered {
        Covered::Known { first, last }
    }

    #[test]
    fn keys_are_days() {
        let shown = |key| date(key).map(|date| date.to_string());
        assert_eq!(shown(2_415_022).as_deref(), Some("1900-01-02"), "the first of date_dim");
        assert_eq!(shown(2_450_816).as_deref(), Some("1998-01-02"), "the first sale");
        assert_eq!(shown(2_488_070).as_deref(), Some("2100-01-01"), "the last of date_dim");
        assert_eq!(shown(i32::MIN), None);
    }

    #[test]
    fn spans_are_shares_of_the_whole() {
        let pieces = [known(1, 10), known(6, 15), Covered::Null, Covered::Unknown, known(16, 20)];
        let range = known_range(&pieces).expect("days");
        assert_eq!(range, 1..=20);
        let span = span(&pieces, Some(&range));
        assert_eq!((span.count, span.null_count, span.unknown_count), (3, 1, 1));
        assert!((span.mean_days - 25.0 / 3.0).abs() < 1e-9 && (span.mean_share - 25.0 / 60.0).abs() < 1e-9, "{span:?}");
        assert_eq!(super::span(&[], None).count, 0);
    }

    #[test]
    fn pieces_are_sorted_when_they_do_not_go_back() {
        assert_eq!(sorted(&[known(1, 5), known(5, 9), Covered::Null]), Some(true));
        assert_eq!(sorted(&[known(1, 5), known(4, 9)]), Some(false));
        assert_eq!(sorted(&[known(1, 5), Covered::Unknown]), None);
        assert_eq!(together(&[known(1, 5), Covered::Null, known(0, 2)]), known(0, 5));
        assert_eq!(together(&[Covered::Null]), Covered::Null);
        assert_eq!(together(&[known(1, 5), Covered::Unknown]), Covered::Unknown);
    }
}

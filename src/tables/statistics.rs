//! What the footers of a partitioned table's files say about their columns, for the optimizer.
//!
//! DataFusion computes the same for its own tables. For thousands of small files it takes too long, and it believes that a
//! partition column is never NULL; here the few types that keys and amounts are stored as are read directly, and other
//! columns have no bounds.

use std::collections::HashSet;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::statistics::Statistics as Bounds;

/// The statistics of one file: of the columns that it holds, in the order of `fields`, and then of the partition column.
pub(super) fn of_file(metadata: &ParquetMetaData, fields: &[&Field], partition: &ScalarValue) -> Statistics {
    let row_count = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    // Of thousands of files: no room is left for more.
    let mut columns = Vec::with_capacity(fields.len() + 1);
    columns.extend(fields.iter().map(|field| of_column(metadata, field, row_count)));
    columns.push(of_partition(partition, row_count));
    Statistics { num_rows: Precision::Exact(row_count), total_byte_size: Precision::Absent, column_statistics: columns }
}

fn of_partition(value: &ScalarValue, row_count: usize) -> ColumnStatistics {
    let null_count = if value.is_null() { row_count } else { 0 };
    ColumnStatistics {
        null_count: Precision::Exact(null_count),
        min_value: Precision::Exact(value.clone()),
        max_value: Precision::Exact(value.clone()),
        sum_value: Precision::Absent,
        distinct_count: Precision::Exact(1),
        byte_size: byte_size(&value.data_type(), row_count),
    }
}

fn byte_size(data_type: &DataType, row_count: usize) -> Precision<usize> {
    data_type.primitive_width().map_or(Precision::Absent, |width| Precision::Exact(width * row_count))
}

fn of_column(metadata: &ParquetMetaData, field: &Field, row_count: usize) -> ColumnStatistics {
    let mut column =
        ColumnStatistics { byte_size: byte_size(field.data_type(), row_count), ..ColumnStatistics::default() };
    let leaves = metadata.file_metadata().schema_descr().columns();
    let Some(leaf) = leaves.iter().position(|leaf| leaf.path().parts() == [field.name().as_str()]) else {
        return column;
    };
    let groups = || metadata.row_groups().iter().filter(|group| group.num_rows() > 0).map(|group| group.column(leaf));
    let nulls = groups().map(|chunk| chunk.statistics().and_then(Bounds::null_count_opt));
    if let Some(nulls) = nulls.sum::<Option<u64>>().and_then(|nulls| usize::try_from(nulls).ok()) {
        column.null_count = Precision::Exact(nulls);
        if nulls == row_count {
            // As DataFusion has it: the bounds of nothing are NULL.
            let null = ScalarValue::try_from(field.data_type()).map_or(Precision::Absent, Precision::Exact);
            (column.min_value, column.max_value) = (null.clone(), null);
            return column;
        }
    }
    let of_chunk = |chunk: &ColumnChunkMetaData| {
        let all_null =
            chunk.statistics().and_then(Bounds::null_count_opt).map(u64::cast_signed) == Some(chunk.num_values());
        // Nothing to add to the bounds of the others.
        if all_null { Some(None) } else { bounds(chunk.statistics()?).map(Some) }
    };
    let all: Option<Vec<_>> = groups().map(of_chunk).collect();
    let all = all.unwrap_or_default().into_iter().flatten();
    let both = all.reduce(|(min, max), (other_min, other_max)| (min.min(other_min), max.max(other_max)));
    if let Some((min, max)) = both
        && let (Some(min), Some(max)) = (scalar(min, field.data_type()), scalar(max, field.data_type()))
    {
        (column.min_value, column.max_value) = (Precision::Exact(min), Precision::Exact(max));
    }
    column
}

/// The bounds of whole numbers and of decimals that are stored as such.
fn bounds(statistics: &Bounds) -> Option<(i64, i64)> {
    match statistics {
        Bounds::Int32(values) => Some(((*values.min_opt()?).into(), (*values.max_opt()?).into())),
        Bounds::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

fn scalar(value: i64, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Int32 => i32::try_from(value).ok().map(|value| ScalarValue::Int32(Some(value))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value))),
        DataType::Decimal128(precision, scale) => Some(ScalarValue::Decimal128(Some(value.into()), *precision, *scale)),
        _ => None,
    }
}

/// The statistics of several files together.
pub(super) fn of_files<'a>(files: impl Iterator<Item = &'a Statistics> + Clone) -> Statistics {
    let column_count = files.clone().next().map_or(0, |first| first.column_statistics.len());
    let rows = files.clone().fold(Precision::Exact(0), |sum, file| file.num_rows.add(&sum));
    let mut columns: Vec<_> = (0..column_count).map(|_| ColumnStatistics::default()).collect();
    for (index, column) in columns.iter_mut().enumerate() {
        let of_files = || files.clone().map(|file| &file.column_statistics[index]);
        column.null_count = of_files().fold(Precision::Exact(0), |sum, file| file.null_count.add(&sum));
        column.byte_size = of_files().fold(Precision::Exact(0), |sum, file| file.byte_size.add(&sum));
        column.min_value = extreme(of_files().map(|file| &file.min_value), |new, old| new < old);
        column.max_value = extreme(of_files().map(|file| &file.max_value), |new, old| new > old);
    }
    if let Some(partition) = columns.last_mut() {
        let values = files.filter_map(|file| file.column_statistics.last()?.min_value.get_value());
        let values: HashSet<_> = values.filter(|value| !value.is_null()).collect();
        partition.distinct_count = Precision::Exact(values.len());
    }
    Statistics { num_rows: rows, total_byte_size: Precision::Absent, column_statistics: columns }
}

/// The least or greatest of the values but for NULLs; nothing is known if it is not of one of the files.
fn extreme<'a>(
    mut values: impl Iterator<Item = &'a Precision<ScalarValue>>,
    is_better: fn(&ScalarValue, &ScalarValue) -> bool,
) -> Precision<ScalarValue> {
    let Some(first) = values.next() else { return Precision::Absent };
    let mut best = first;
    for value in std::iter::once(first).chain(values) {
        match (value, best) {
            (Precision::Exact(new), Precision::Exact(old)) => {
                if !new.is_null() && (old.is_null() || is_better(new, old)) {
                    best = value;
                }
            }
            _ => return Precision::Absent,
        }
    }
    best.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: Option<i32>, bounds: Option<(i32, i32)>, null_count: usize, row_count: usize) -> Statistics {
        let value = |value: Option<i32>| Precision::Exact(ScalarValue::Int32(value));
        let column = ColumnStatistics {
            null_count: Precision::Exact(null_count),
            min_value: value(bounds.map(|bounds| bounds.0)),
            max_value: value(bounds.map(|bounds| bounds.1)),
            byte_size: Precision::Exact(4 * row_count),
            ..ColumnStatistics::default()
        };
        let partition = of_partition(&ScalarValue::Int32(key), row_count);
        let column_statistics = vec![column, partition];
        Statistics { num_rows: Precision::Exact(row_count), total_byte_size: Precision::Absent, column_statistics }
    }

    #[test]
    fn null_is_no_bound() {
        let files = [file(None, None, 5, 5), file(Some(7), Some((3, 9)), 1, 10), file(Some(4), Some((-2, 5)), 0, 20)];
        for files in [files.clone(), {
            let [a, b, c] = files;
            [c, b, a]
        }] {
            let all = of_files(files.iter());
            assert_eq!(all.num_rows, Precision::Exact(35));
            let value = |value: i32| Precision::Exact(ScalarValue::Int32(Some(value)));
            let column = &all.column_statistics[0];
            assert_eq!((&column.min_value, &column.max_value), (&value(-2), &value(9)));
            assert_eq!((column.null_count, column.byte_size), (Precision::Exact(6), Precision::Exact(140)));
            let partition = &all.column_statistics[1];
            assert_eq!((&partition.min_value, &partition.max_value), (&value(4), &value(7)));
            assert_eq!((partition.null_count, partition.distinct_count), (Precision::Exact(5), Precision::Exact(2)));
        }
    }

    #[test]
    fn what_one_file_does_not_tell_is_not_known() {
        let mut unknown = file(Some(1), Some((1, 2)), 0, 3);
        unknown.column_statistics[0] = ColumnStatistics::default();
        for files in
            [[file(Some(2), Some((5, 6)), 0, 3), unknown.clone()], [unknown.clone(), file(Some(2), Some((5, 6)), 0, 3)]]
        {
            let all = of_files(files.iter());
            let column = &all.column_statistics[0];
            assert_eq!((&column.min_value, &column.max_value), (&Precision::Absent, &Precision::Absent));
            assert_eq!(column.null_count, Precision::Absent);
            assert_eq!(all.column_statistics[1].min_value, Precision::Exact(ScalarValue::Int32(Some(1))));
        }
        assert_eq!(of_files([].iter()).column_statistics, []);
    }

    #[test]
    fn only_numbers_have_bounds() {
        assert_eq!(scalar(5, &DataType::Int32), Some(ScalarValue::Int32(Some(5))));
        assert_eq!(scalar(1 << 40, &DataType::Int32), None);
        assert_eq!(scalar(5, &DataType::Decimal128(7, 2)), Some(ScalarValue::Decimal128(Some(5), 7, 2)));
        assert_eq!(scalar(5, &DataType::Utf8View), None);
        assert_eq!(bounds(&Bounds::int32(Some(1), Some(2), None, None, false)), Some((1, 2)));
        assert_eq!(bounds(&Bounds::int64(Some(1), None, None, None, false)), None);
        assert_eq!(bounds(&Bounds::double(Some(1.0), Some(2.0), None, None, false)), None);
    }
}

//! Rows in, numbers about them out, in memory that does not depend on their number.
//!
//! Distinct values are estimated by a HyperLogLog sketch (Flajolet et al., AofA 2007) of 2^14 registers, 16 KiB a column once a column has
//! more than about 1,500 values; fewer are kept as they are, and counted. The standard error is 0.8%. The estimate is made of the registers
//! alone, so that neither the order of rows nor the number of threads changes it. It never exceeds the rows that have a value, nor the whole numbers
//! between the ends.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Int64Array, PrimitiveArray, RecordBatch,
};
use arrow::compute::{cast, max, max_string_view, min, min_string_view};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, Time32MillisecondType};
use datasketches::hll::{HllType, HllUnion};

use super::{ColumnStatistics, FilesFingerprint, TableStatistics};
use crate::error::{Error, Result};
use crate::schema::{Column, Table};

/// The logarithm of the registers of a sketch.
const LOG_REGISTERS: u8 = 14;

/// Counts the rows of one table, or of a part of it. See the module.
#[derive(Debug)]
pub struct Collector {
    table: &'static Table,
    row_count: u64,
    columns: Vec<ColumnCollector>,
}

#[derive(Debug)]
struct ColumnCollector {
    null_count: u64,
    ends: Option<Ends>,
    distinct: HllUnion,
}

/// The least and the greatest value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ends {
    /// Numbers, unscaled; days; milliseconds.
    Numbers(i128, i128),
    Texts(String, String),
}

impl Collector {
    /// A collector that has seen no rows of `table`.
    pub fn new(table: &'static Table) -> Self {
        let columns = table.columns.iter().map(|_| ColumnCollector::new()).collect();
        Self { table, row_count: 0, columns }
    }

    /// Adds rows. Columns are found by name, so their order in the batch does not matter.
    ///
    /// # Errors
    /// A column that is missing, or whose type cannot hold the table's values.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let wrong = |reason| Error::WrongColumns { table: self.table.name, reason };
        for (column, collector) in self.table.columns.iter().zip(&mut self.columns) {
            let array = batch.column_by_name(column.name).ok_or_else(|| wrong(format!("no column {}", column.name)))?;
            collector
                .update(array, &column.data_type())
                .map_err(|reason| wrong(format!("{} {reason}", column.name)))?;
        }
        self.row_count += batch.num_rows() as u64;
        Ok(())
    }

    /// Adds the rows that another collector of the same table has seen.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.table.name, other.table.name, "numbers of two tables do not add up");
        self.row_count += other.row_count;
        self.columns.iter_mut().zip(&other.columns).for_each(|(column, other)| column.merge(other));
    }

    /// What is known now of the rows, which lie in these files.
    pub fn finish(&self, files: FilesFingerprint) -> TableStatistics {
        let columns = self.table.columns.iter().zip(&self.columns);
        let columns = columns.map(|(column, collector)| collector.finish(column, self.row_count)).collect();
        TableStatistics { files, row_count: self.row_count, columns, keys: None }
    }
}

impl ColumnCollector {
    fn new() -> Self {
        let distinct = HllUnion::new(LOG_REGISTERS).expect("the number of registers is one that sketches can have");
        Self { null_count: 0, ends: None, distinct }
    }

    fn update(&mut self, array: &ArrayRef, data_type: &DataType) -> Result<(), String> {
        if array.data_type() != data_type {
            let unsuitable = || format!("is {} and cannot be read as {data_type}", array.data_type());
            let array = cast(array, data_type).map_err(|_| unsuitable())?;
            return self.update(&array, data_type);
        }
        self.null_count += array.null_count() as u64;
        match data_type {
            DataType::Int32 => self.add_numbers(array.as_primitive::<Int32Type>()),
            DataType::Int64 => self.add_numbers(array.as_primitive::<Int64Type>()),
            DataType::Date32 => self.add_numbers(array.as_primitive::<Date32Type>()),
            DataType::Time32(_) => self.add_numbers(array.as_primitive::<Time32MillisecondType>()),
            DataType::Decimal128(_, _) => self.add_numbers(array.as_primitive::<Decimal128Type>()),
            DataType::Utf8View => self.add_texts(array),
            other => return Err(format!("is {other}, of which nothing can be counted")),
        }
        Ok(())
    }

    fn add_numbers<T: ArrowPrimitiveType<Native: Into<i128>> + arrow::datatypes::ArrowNumericType>(
        &mut self,
        array: &PrimitiveArray<T>,
    ) {
        if let Some((min, max)) = min(array).zip(max(array)) {
            self.widen(Ends::Numbers(min.into(), max.into()));
        }
        // A value often follows itself, as a ticket's number does: a comparison is cheaper than a hash.
        let mut last = None;
        for value in array.iter().flatten() {
            let value: i128 = value.into();
            if last != Some(value) {
                self.distinct.update_value(value);
                last = Some(value);
            }
        }
    }

    fn add_texts(&mut self, array: &ArrayRef) {
        let array = array.as_string_view();
        if let Some((min, max)) = min_string_view(array).zip(max_string_view(array)) {
            self.widen_texts(min, max);
        }
        let mut last = None;
        for value in array.iter().flatten() {
            if last != Some(value) {
                self.distinct.update_value(value);
                last = Some(value);
            }
        }
    }

    /// As [`Self::widen`], without a copy where nothing is new.
    fn widen_texts(&mut self, min: &str, max: &str) {
        match &self.ends {
            Some(Ends::Texts(least, greatest)) if least.as_str() <= min && max <= greatest.as_str() => {}
            _ => self.widen(Ends::Texts(min.to_owned(), max.to_owned())),
        }
    }

    fn widen(&mut self, other: Ends) {
        self.ends = Some(match (self.ends.take(), other) {
            (Some(Ends::Numbers(min, max)), Ends::Numbers(other_min, other_max)) => {
                Ends::Numbers(min.min(other_min), max.max(other_max))
            }
            (Some(Ends::Texts(min, max)), Ends::Texts(other_min, other_max)) => {
                Ends::Texts(min.min(other_min), max.max(other_max))
            }
            (_, other) => other,
        });
    }

    fn merge(&mut self, other: &Self) {
        self.null_count += other.null_count;
        if let Some(ends) = &other.ends {
            self.widen(ends.clone());
        }
        self.distinct.update(&other.distinct.to_sketch(HllType::Hll8));
    }

    fn finish(&self, column: &Column, row_count: u64) -> ColumnStatistics {
        let (min, max) = match &self.ends {
            Some(Ends::Numbers(min, max)) => (text(*min, &column.data_type()), text(*max, &column.data_type())),
            Some(Ends::Texts(min, max)) => (Some(min.clone()), Some(max.clone())),
            None => (None, None),
        };
        let within_ends = match &self.ends {
            Some(Ends::Numbers(min, max)) => u64::try_from(max - min + 1).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        let estimate = self.distinct.composite_estimate().round() as u64;
        let distinct_count = estimate.min(row_count - self.null_count).min(within_ends);
        ColumnStatistics { name: column.name.to_owned(), null_count: self.null_count, distinct_count, min, max }
    }
}

/// A number as a value of the column would be written.
fn text(value: i128, data_type: &DataType) -> Option<String> {
    let one: ArrayRef = match data_type {
        DataType::Decimal128(precision, scale) => {
            let array = Decimal128Array::from(vec![value]).with_precision_and_scale(*precision, *scale);
            std::sync::Arc::new(array.ok()?)
        }
        // From 64 bits to a day or a time there is no cast.
        DataType::Date32 | DataType::Time32(_) => {
            let array = arrow::array::Int32Array::from(vec![i32::try_from(value).ok()?]);
            cast(&array, data_type).ok()?
        }
        _ => std::sync::Arc::new(Int64Array::from(vec![i64::try_from(value).ok()?])),
    };
    let texts = cast(&one, &DataType::Utf8).ok()?;
    Some(texts.as_string::<i32>().value(0).to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Int32Array, StringArray, StringViewArray, Time32MillisecondArray};
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn files() -> FilesFingerprint {
        FilesFingerprint::new(Vec::new())
    }

    /// Distinct values, NULLs and ends of a column that is given in several batches, and so that each is a collector of its own.
    #[track_caller]
    fn check(batches: Vec<ArrayRef>, data_type: &DataType, expected: (u64, u64, Option<&str>, Option<&str>)) {
        let name = match data_type {
            DataType::Int32 => "i_manufact_id",
            DataType::Int64 => "ss_ticket_number",
            DataType::Date32 => "i_rec_start_date",
            DataType::Time32(_) => "dv_create_time",
            DataType::Decimal128(_, _) => "i_current_price",
            _ => "i_color",
        };
        let column = crate::schema::column(name).unwrap();
        assert_eq!(&column.data_type(), data_type);
        let (mut one, mut merged) = (ColumnCollector::new(), ColumnCollector::new());
        for batch in &batches {
            let mut of_batch = ColumnCollector::new();
            one.update(batch, data_type).unwrap();
            of_batch.update(batch, data_type).unwrap();
            merged.merge(&of_batch);
        }
        for collector in [one, merged] {
            let row_count = batches.iter().map(|batch| batch.len() as u64).sum();
            let found = collector.finish(column, row_count);
            let ends = (found.min.as_deref(), found.max.as_deref());
            assert_eq!((found.distinct_count, found.null_count, ends.0, ends.1), expected);
        }
    }

    #[test]
    fn each_type_is_counted_and_written() {
        let numbers = Int32Array::from(vec![Some(3), None, Some(-7), Some(3), None]);
        check(
            vec![Arc::new(numbers), Arc::new(Int32Array::from(vec![9]))],
            &DataType::Int32,
            (3, 2, Some("-7"), Some("9")),
        );
        let wide = Int64Array::from(vec![1 << 40, 5]);
        check(vec![Arc::new(wide)], &DataType::Int64, (2, 0, Some("5"), Some("1099511627776")));
        let days = Date32Array::from(vec![Some(10_000), Some(-1), None]);
        check(vec![Arc::new(days)], &DataType::Date32, (2, 1, Some("1969-12-31"), Some("1997-05-19")));
        let times = Time32MillisecondArray::from(vec![61_000]);
        let data_type = DataType::Time32(TimeUnit::Millisecond);
        check(vec![Arc::new(times)], &data_type, (1, 0, Some("00:01:01"), Some("00:01:01")));
        let prices = Decimal128Array::from(vec![105, -5, 99_99999]).with_precision_and_scale(7, 2).unwrap();
        check(vec![Arc::new(prices)], &DataType::Decimal128(7, 2), (3, 0, Some("-0.05"), Some("99999.99")));
        let texts =
            StringViewArray::from(vec![Some("red"), None, Some(""), Some("a colour that is longer than a view")]);
        check(
            vec![Arc::new(texts), Arc::new(StringViewArray::from(vec!["red", "tan"]))],
            &DataType::Utf8View,
            (4, 1, Some(""), Some("tan")),
        );
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        check(vec![], &DataType::Int32, (0, 0, None, None));
        check(vec![Arc::new(Int32Array::from(vec![None, None]))], &DataType::Int32, (0, 2, None, None));
        check(vec![Arc::new(StringViewArray::from(Vec::<&str>::new()))], &DataType::Utf8View, (0, 0, None, None));
    }

    #[test]
    fn other_types_of_the_same_values_are_read_and_others_are_refused() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b"]));
        check(vec![texts], &DataType::Utf8View, (2, 0, Some("a"), Some("b")));
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        check(vec![narrow], &DataType::Int64, (2, 0, Some("1"), Some("2")));
        let table = crate::schema::table("reason").unwrap();
        let batch =
            RecordBatch::try_from_iter([("r_reason_sk", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
        let error = Collector::new(table).update(&batch).unwrap_err().to_string();
        assert_eq!(error, "rows are not those of reason: no column r_reason_id");
    }

    /// The estimate must be within four standard errors of the truth, whatever the number and however the rows were cut.
    #[test]
    fn the_error_is_within_bounds() {
        for distinct in [1_i64, 100, 1_500, 1_600, 20_000, 300_000, 2_000_000] {
            let mut collector = ColumnCollector::new();
            for part in 0..4 {
                let mut of_part = ColumnCollector::new();
                // The parts overlap by half, and each value comes twice.
                let start = part * distinct / 5;
                let values = (start..(start + 2 * distinct / 5 + 1).min(distinct))
                    .flat_map(|value| [value * 7919, value * 7919]);
                let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
                of_part.update(&array, &DataType::Int64).unwrap();
                collector.merge(&of_part);
            }
            let found = collector.distinct.composite_estimate();
            let error = (found / distinct as f64 - 1.0).abs();
            let allowed = if distinct <= 1_500 { 0.001 } else { 4.0 * 1.04 / f64::from(1 << (LOG_REGISTERS / 2)) };
            assert!(error <= allowed, "{distinct}: {found}");
        }
    }

    #[test]
    fn no_more_values_than_rows_or_than_there_is_room_for() {
        let column = crate::schema::column("ss_ticket_number").unwrap();
        for count in [3_000, 5_000, 9_000, 30_000_i64] {
            for (factor, repeats) in [(1, 1), (1, 3), (1_000, 1)] {
                let mut collector = ColumnCollector::new();
                let values = (0..count).flat_map(|value| std::iter::repeat_n(value * factor, repeats));
                let array: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
                collector.update(&array, &DataType::Int64).unwrap();
                let found = collector.finish(column, array.len() as u64).distinct_count;
                assert!(found <= count as u64, "{found} of {count}");
            }
        }
    }

    #[test]
    fn a_table_has_all_its_columns() {
        let table = crate::schema::table("reason").unwrap();
        let found = Collector::new(table).finish(files());
        assert_eq!((found.row_count, found.columns.len(), found.keys), (0, table.columns.len(), None));
        assert!(found.columns.iter().all(|column| column.distinct_count == 0 && column.min.is_none()));
    }
}

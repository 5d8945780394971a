//! Rows of a fact table as plain vectors of numbers, a third of the size that Arrow gives decimals.
//!
//! Fact tables hold keys, counts and amounts only: whole numbers of 32 or 64 bits, decimals of at most
//! nine digits as their unscaled numbers. NULL is the smallest number, which is nobody's value; if it
//! were, the content hashes before and after would differ, and that is an error.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type, SchemaRef};
use arrow::error::ArrowError;

/// The most digits of a decimal that fits 32 bits.
const NARROW_DIGITS: u8 = 9;

/// Rows of one table, column by column.
pub(crate) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
}

/// The values of one column.
pub(crate) enum Column {
    /// Numbers of 32 bits; NULL is [`i32::MIN`].
    Narrow(Vec<i32>),
    /// Numbers of 64 bits; NULL is [`i64::MIN`].
    Wide(Vec<i64>),
}

impl Column {
    fn new(data_type: &DataType, rows: usize) -> Result<Self, ArrowError> {
        match data_type {
            DataType::Int32 => Ok(Self::Narrow(vec![i32::MIN; rows])),
            DataType::Decimal128(digits, _) if *digits <= NARROW_DIGITS => Ok(Self::Narrow(vec![i32::MIN; rows])),
            DataType::Int64 => Ok(Self::Wide(vec![i64::MIN; rows])),
            other => Err(ArrowError::NotYetImplemented(format!("rows with a column of {other} cannot be sorted"))),
        }
    }

    /// The value of a row; `None` for NULL.
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::Narrow(values) => Some(values[row]).filter(|value| *value != i32::MIN).map(i64::from),
            Self::Wide(values) => Some(values[row]).filter(|value| *value != i64::MIN),
        }
    }

    /// Puts a value, or NULL, into a row.
    pub(crate) fn set(&mut self, row: usize, value: Option<i64>) {
        match self {
            // What was taken out of 32 bits fits into them again, unless the bytes between were damaged, and
            // then the content hash tells.
            Self::Narrow(values) => values[row] = value.map_or(i32::MIN, |value| value as i32),
            Self::Wide(values) => values[row] = value.unwrap_or(i64::MIN),
        }
    }

    fn append(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        match (self, array.data_type()) {
            (Self::Narrow(values), DataType::Int32) => {
                values.extend(array.as_primitive::<Int32Type>().iter().map(|value| value.unwrap_or(i32::MIN)));
            }
            (Self::Wide(values), DataType::Int64) => {
                values.extend(array.as_primitive::<Int64Type>().iter().map(|value| value.unwrap_or(i64::MIN)));
            }
            (Self::Narrow(values), DataType::Decimal128(_, _)) => {
                values.reserve(array.len());
                for value in array.as_primitive::<Decimal128Type>() {
                    let narrow = i32::try_from(value.unwrap_or(i32::MIN.into()));
                    values.push(narrow.map_err(|error| ArrowError::CastError(error.to_string()))?);
                }
            }
            (_, other) => return Err(ArrowError::CastError(format!("{other} is not the column's type"))),
        }
        Ok(())
    }

    /// The rows as an array of the type.
    fn array(&self, rows: Range<usize>, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let array: ArrayRef = match (self, data_type) {
            (Self::Narrow(values), DataType::Decimal128(precision, scale)) => {
                let values = &values[rows];
                let wide = values.iter().map(|value| i128::from(*value)).collect::<Vec<_>>();
                let array = Decimal128Array::new(wide.into(), nulls(values, i32::MIN));
                Arc::new(array.with_precision_and_scale(*precision, *scale)?)
            }
            (Self::Narrow(values), _) => {
                let values = &values[rows];
                Arc::new(Int32Array::new(values.to_vec().into(), nulls(values, i32::MIN)))
            }
            (Self::Wide(values), _) => {
                let values = &values[rows];
                Arc::new(Int64Array::new(values.to_vec().into(), nulls(values, i64::MIN)))
            }
        };
        Ok(array)
    }
}

/// Which values are there; `None` when all are.
fn nulls<T: PartialEq + Copy>(values: &[T], null: T) -> Option<NullBuffer> {
    values.contains(&null).then(|| values.iter().map(|value| *value != null).collect())
}

impl Columns {
    /// So many rows of NULLs.
    ///
    /// # Errors
    /// A column that is no number.
    pub(crate) fn new(schema: SchemaRef, rows: usize) -> Result<Self, ArrowError> {
        let columns = schema.fields().iter().map(|field| Column::new(field.data_type(), rows));
        Ok(Self { columns: columns.collect::<Result<_, _>>()?, schema })
    }

    /// The number of rows.
    pub(crate) fn row_count(&self) -> usize {
        match &self.columns[0] {
            Column::Narrow(values) => values.len(),
            Column::Wide(values) => values.len(),
        }
    }

    /// The columns, in the order of the schema.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns, to be filled.
    pub(crate) fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Adds rows at the end.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.columns.iter_mut().zip(batch.columns()).try_for_each(|(column, array)| column.append(array))
    }

    /// Some of the rows, as Arrow has them.
    pub(crate) fn batch(&self, rows: Range<usize>) -> Result<RecordBatch, ArrowError> {
        let columns = self.columns.iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| column.array(rows.clone(), field.data_type()));
        RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::schema;

    #[test]
    fn rows_come_back_as_they_were() {
        let fields = [("a", DataType::Int32), ("b", DataType::Int64), ("c", DataType::Decimal128(7, 2))];
        let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let decimals = vec![Some(9_999_999), None, Some(-1), Some(0)];
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), None, Some(i32::MAX), Some(-5)])),
            Arc::new(Int64Array::from(vec![None, None, Some(i64::MAX), Some(1 << 40)])),
            Arc::new(Decimal128Array::from(decimals).with_precision_and_scale(7, 2).unwrap()),
        ];
        let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
        let mut columns = Columns::new(schema, 0).unwrap();
        columns.append(&batch).unwrap();
        columns.append(&batch.slice(1, 2)).unwrap();
        assert_eq!(columns.row_count(), 6);
        assert_eq!(columns.batch(0..4).unwrap(), batch);
        assert_eq!(columns.batch(4..6).unwrap(), batch.slice(1, 2));
        assert_eq!(columns.columns()[0].get(1), None);
        columns.columns_mut()[1].set(0, Some(7));
        assert_eq!(columns.batch(0..1).unwrap().column(1).as_primitive::<Int64Type>().value(0), 7);
    }

    #[test]
    fn text_cannot_be_sorted_and_large_decimals_do_not_fit() {
        let error = Columns::new(schema::table("item").unwrap().arrow_schema(), 0).err().unwrap().to_string();
        assert!(error.contains("rows with a column of Utf8View cannot be sorted"), "{error}");
        let mut column = Column::new(&DataType::Decimal128(7, 2), 0).unwrap();
        let wide: ArrayRef = Arc::new(Decimal128Array::from(vec![1_i128 << 40]));
        assert!(column.append(&wide).is_err());
    }
}

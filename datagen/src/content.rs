//! A hash of a table's values that no file layout changes.
//!
//! Comes in: batches of a table's rows, from this generator or from files that anyone wrote. Goes
//! out: 32 hexadecimal digits, the same for every order of rows, every split into batches, row groups
//! and files, and every Arrow type that holds the same values.
//!
//! A row's hash is made of its values in the order of the table's columns: whole numbers as 64-bit
//! integers, decimals as their unscaled integers, text as its bytes, dates as days, times as
//! nanoseconds, NULL as a mark of its own. Each column multiplies its values with random numbers of
//! its own and adds them up (multilinear hashing), then the row's sum is scrambled, so that neither
//! two columns nor two rows can trade values unnoticed.
//!
//! Row hashes are added modulo 2^128, and the number of rows goes in at the end. Addition does not
//! care about order; unlike exclusive or it still sees a row that occurs twice.
//!
//! The hash guards against mistakes, not against an adversary.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, LargeStringArray, PrimitiveArray, RecordBatch, StringArray,
    StringViewArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Int32Type, Int64Type, Time64NanosecondType,
    TimeUnit,
};
use twox_hash::XxHash3_128;

use crate::error::{Error, Result};
use crate::schema::{Column, SqlType, Table};

/// Rows hashed at a time: their sums fit in a core's first cache.
const BLOCK_ROWS: usize = 1024;

/// Hashes the rows of one table. See the [module](self) for what the hash is.
#[derive(Debug, Clone)]
pub struct ContentHasher {
    table: &'static Table,
    keys: Vec<ColumnKey>,
    sum: u128,
    row_count: u64,
}

/// The random numbers of one column.
#[derive(Debug, Clone, Copy)]
struct ColumnKey {
    /// Factor of a value, or of the lower half of one that needs more than 64 bits.
    low: u128,
    /// Factor of the upper half.
    high: u128,
    /// What NULL adds.
    null: u128,
}

impl ContentHasher {
    /// A hasher that has seen no rows of `table`.
    pub fn new(table: &'static Table) -> Self {
        let mut random = SplitMix64(0);
        let mut wide = || u128::from(random.next()) << 64 | u128::from(random.next());
        let keys =
            table.columns.iter().map(|_| ColumnKey { low: wide() | 1, high: wide() | 1, null: wide() }).collect();
        Self { table, keys, sum: 0, row_count: 0 }
    }

    /// Adds rows. Columns are found by name, so their order in the batch does not matter.
    ///
    /// # Errors
    /// A column that is missing or too many, or whose type cannot hold the table's values.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let table = self.table;
        let wrong = |reason| Error::WrongColumns { table: table.name, reason };
        if batch.num_columns() != table.columns.len() {
            let (found, expected) = (batch.num_columns(), table.columns.len());
            return Err(wrong(format!("{found} columns instead of {expected}")));
        }
        let values = |column: &Column| {
            let array = batch.column_by_name(column.name).ok_or_else(|| wrong(format!("no column {}", column.name)))?;
            Values::new(array, column.sql_type).map_err(|reason| wrong(format!("{} {reason}", column.name)))
        };
        let columns = table.columns.iter().map(values).collect::<Result<Vec<_>>>()?;

        let mut sums = [0; BLOCK_ROWS];
        for start in (0..batch.num_rows()).step_by(BLOCK_ROWS) {
            let sums = &mut sums[..BLOCK_ROWS.min(batch.num_rows() - start)];
            sums.fill(0);
            for (values, key) in columns.iter().zip(&self.keys) {
                values.add_to(sums, start, key);
            }
            self.sum = sums.iter().fold(self.sum, |sum, &row| sum.wrapping_add(scramble(row)));
        }
        self.row_count += batch.num_rows() as u64;
        Ok(())
    }

    /// Adds the rows that another hasher of the same table has seen.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.table.name, other.table.name, "hashes of two tables do not add up");
        self.sum = self.sum.wrapping_add(other.sum);
        self.row_count += other.row_count;
    }

    /// The rows seen.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// The hash of all rows seen, in hexadecimal.
    pub fn finish(&self) -> String {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.sum.to_le_bytes());
        bytes[16..].copy_from_slice(&self.row_count.to_le_bytes());
        format!("{:032x}", XxHash3_128::oneshot(&bytes))
    }
}

/// A column's values in one of the types that are hashed as they are.
enum Values {
    Int32(PrimitiveArray<Int32Type>),
    Int64(PrimitiveArray<Int64Type>),
    Date32(PrimitiveArray<Date32Type>),
    Time64(PrimitiveArray<Time64NanosecondType>),
    Decimal32(PrimitiveArray<Decimal32Type>),
    Decimal64(PrimitiveArray<Decimal64Type>),
    Decimal128(PrimitiveArray<Decimal128Type>),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
}

impl Values {
    /// The array as it is when its type is one of those, converted when it can be.
    fn new(array: &ArrayRef, sql_type: SqlType) -> Result<Self, String> {
        let unsuitable = || format!("is {} and cannot be read as {sql_type}", array.data_type());
        let array = match array.data_type() {
            DataType::Dictionary(_, values) => &convert(array, values).ok_or_else(unsuitable)?,
            _ => array,
        };
        let data_type = array.data_type();
        let target = match sql_type {
            SqlType::Identifier | SqlType::Integer => match data_type {
                DataType::Int32 => return Ok(Self::Int32(array.as_primitive().clone())),
                data_type if data_type.is_integer() => DataType::Int64,
                _ => return Err(unsuitable()),
            },
            SqlType::Decimal { scale, .. } => match data_type {
                DataType::Decimal32(_, found) if *found == scale => {
                    return Ok(Self::Decimal32(array.as_primitive().clone()));
                }
                DataType::Decimal64(_, found) if *found == scale => {
                    return Ok(Self::Decimal64(array.as_primitive().clone()));
                }
                DataType::Decimal128(_, found) if *found == scale => data_type.clone(),
                DataType::Decimal256(_, found) if *found == scale => DataType::Decimal128(38, scale),
                _ => return Err(unsuitable()),
            },
            SqlType::Char(_) | SqlType::Varchar(_) => match data_type {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => data_type.clone(),
                _ => return Err(unsuitable()),
            },
            SqlType::Date => match data_type {
                DataType::Date32 | DataType::Date64 => DataType::Date32,
                _ => return Err(unsuitable()),
            },
            SqlType::Time => match data_type {
                DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Nanosecond),
                _ => return Err(unsuitable()),
            },
        };
        let array = convert(array, &target).ok_or_else(unsuitable)?;
        Ok(match target {
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::Date32 => Self::Date32(array.as_primitive().clone()),
            DataType::Decimal128(_, _) => Self::Decimal128(array.as_primitive().clone()),
            DataType::Utf8 => Self::Utf8(array.as_string().clone()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string().clone()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view().clone()),
            _ => Self::Time64(array.as_primitive().clone()),
        })
    }

    /// Adds the values from row `start` on to the rows' sums.
    fn add_to(&self, sums: &mut [u128], start: usize, key: &ColumnKey) {
        let number = |value| key.of_i64(value);
        let text = |value: &str| key.of_bytes(value.as_bytes());
        match self {
            Self::Int32(array) => add_numbers(sums, start, key, array, |value| number(value.into())),
            Self::Int64(array) => add_numbers(sums, start, key, array, number),
            Self::Date32(array) => add_numbers(sums, start, key, array, |value| number(value.into())),
            Self::Time64(array) => add_numbers(sums, start, key, array, number),
            Self::Decimal32(array) => add_numbers(sums, start, key, array, |value| number(value.into())),
            Self::Decimal64(array) => add_numbers(sums, start, key, array, number),
            Self::Decimal128(array) => add_numbers(sums, start, key, array, |value| key.of_i128(value)),
            Self::Utf8(array) => add_texts(sums, start, key, array, |row| text(array.value(row))),
            Self::LargeUtf8(array) => add_texts(sums, start, key, array, |row| text(array.value(row))),
            Self::Utf8View(array) => add_texts(sums, start, key, array, |row| text(array.value(row))),
        }
    }
}

/// Adds `hash(value)`, or the mark of NULL, to the sum of each row from `start` on.
#[inline]
fn add_numbers<T: ArrowPrimitiveType>(
    sums: &mut [u128],
    start: usize,
    key: &ColumnKey,
    array: &PrimitiveArray<T>,
    hash: impl Fn(T::Native) -> u128,
) {
    let values = &array.values()[start..start + sums.len()];
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(hash(value));
        }
        return;
    };
    let valid = nulls.inner().slice(start, sums.len());
    let words = valid.bit_chunks().iter_padded();
    for ((sums, values), word) in sums.chunks_mut(64).zip(values.chunks(64)).zip(words) {
        for (row, (sum, &value)) in sums.iter_mut().zip(values).enumerate() {
            // No branch: NULLs come by chance, and a processor would guess wrong. All ones for a value.
            let mask = u128::from(word >> row & 1).wrapping_neg();
            *sum = sum.wrapping_add(key.null ^ ((key.null ^ hash(value)) & mask));
        }
    }
}

/// Adds `hash(row)`, or the mark of NULL, to the sum of each row from `start` on.
#[inline]
fn add_texts(sums: &mut [u128], start: usize, key: &ColumnKey, array: &dyn Array, hash: impl Fn(usize) -> u128) {
    for (sum, row) in sums.iter_mut().zip(start..) {
        *sum = sum.wrapping_add(if array.is_valid(row) { hash(row) } else { key.null });
    }
}

impl ColumnKey {
    #[inline]
    fn of_i64(&self, value: i64) -> u128 {
        u128::from(value.cast_unsigned()).wrapping_mul(self.low)
    }

    /// The same as [`Self::of_i64`] for a value that fits.
    #[inline]
    fn of_i128(&self, value: i128) -> u128 {
        // The lower half, and what is left of the upper one beyond the lower half's sign.
        let low = value as i64;
        let high = (value >> 64) as i64 ^ (low >> 63);
        let hash = self.of_i64(low);
        if high == 0 { hash } else { hash.wrapping_add(u128::from(high.cast_unsigned()).wrapping_mul(self.high)) }
    }

    #[inline]
    fn of_bytes(&self, bytes: &[u8]) -> u128 {
        let hash = XxHash3_128::oneshot(bytes);
        let (low, high) = (hash & u128::from(u64::MAX), hash >> 64);
        low.wrapping_mul(self.low).wrapping_add(high.wrapping_mul(self.high))
    }
}

/// Two rounds of a Feistel network: a bijection, and far from the sum that it is given.
#[inline]
fn scramble(sum: u128) -> u128 {
    let (mut high, mut low) = ((sum >> 64) as u64, sum as u64);
    high ^= mix(low);
    low ^= mix(high);
    u128::from(high) << 64 | u128::from(low)
}

/// The finalizer of SplitMix64.
#[inline]
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// The sequence that the columns' numbers come from.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

/// The array in another type; `None` when a value does not fit.
fn convert(array: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    if array.data_type() == to {
        return Some(array.clone());
    }
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() }).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, UInt32Array, UInt64Array};
    use arrow::compute::{cast, concat_batches, take_record_batch};
    use arrow::datatypes::{Field, Schema};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{schema, source};

    /// All rows of `item` at the smallest scale: keys, text, dates, decimals, integers and NULLs.
    fn item() -> RecordBatch {
        let table = schema::table("item").unwrap();
        let mut batches = Vec::new();
        source::for_each_batch(table, "0.01".parse::<crate::ScaleFactor>().unwrap().session(), 1..=u64::MAX, |batch| {
            batches.push(batch.clone());
            Ok::<(), arrow::error::ArrowError>(())
        })
        .unwrap();
        concat_batches(&table.arrow_schema(), &batches).unwrap()
    }

    fn hash(batches: &[RecordBatch]) -> String {
        let mut hasher = ContentHasher::new(schema::table("item").unwrap());
        for batch in batches {
            hasher.update(batch).unwrap();
        }
        hasher.finish()
    }

    /// The batch with one column replaced, whatever its type.
    fn with_column(batch: &RecordBatch, name: &str, array: ArrayRef) -> RecordBatch {
        let index = batch.schema().index_of(name).unwrap();
        let mut fields = batch.schema().fields().to_vec();
        fields[index] = Arc::new(Field::new(name, array.data_type().clone(), true));
        let mut columns = batch.columns().to_vec();
        columns[index] = array;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    /// The rows of `batch` with these numbers.
    fn rows(batch: &RecordBatch, numbers: impl IntoIterator<Item = u32>) -> RecordBatch {
        take_record_batch(batch, &UInt32Array::from_iter_values(numbers)).unwrap()
    }

    #[test]
    fn the_hash_never_changes() {
        expect!["e8eff8cf8ef20a4b6760c31973037ddc"].assert_eq(&hash(&[item()]));
        expect!["10e45c7ce2292320743df94ee4c78a2a"].assert_eq(&hash(&[]));
    }

    #[test]
    fn layout_does_not_matter() {
        let item = item();
        let count = item.num_rows() as u32;
        let expected = hash(std::slice::from_ref(&item));
        let check = |batches: &[RecordBatch]| assert_eq!(hash(batches), expected);
        check(&[rows(&item, (0..count).rev())]);
        check(&[item.slice(100, item.num_rows() - 100), item.slice(0, 0), item.slice(0, 100)]);
        check(&(0..item.num_rows()).map(|row| item.slice(row, 1)).collect::<Vec<_>>());
        check(&[item.project(&(0..item.num_columns()).rev().collect::<Vec<_>>()).unwrap()]);

        let mut first = ContentHasher::new(schema::table("item").unwrap());
        let mut second = first.clone();
        first.update(&item.slice(0, 77)).unwrap();
        second.update(&item.slice(77, item.num_rows() - 77)).unwrap();
        second.merge(&first);
        assert_eq!((second.finish(), second.row_count()), (expected, u64::from(count)));
    }

    #[test]
    fn more_rows_than_a_block_hash_the_same() {
        let item = item();
        let many = rows(&item, (0..5_000).map(|row| row % item.num_rows() as u32));
        let apart = (0..many.num_rows()).map(|row| many.slice(row, 1)).collect::<Vec<_>>();
        assert_eq!(hash(&[many]), hash(&apart));
    }

    #[test]
    fn types_do_not_matter() {
        let item = item();
        let expected = hash(std::slice::from_ref(&item));
        let check = |column: &str, data_type: DataType| {
            let array = cast(item.column_by_name(column).unwrap(), &data_type).unwrap();
            assert_eq!(hash(&[with_column(&item, column, array)]), expected, "{data_type}");
        };
        let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
        check("i_brand", DataType::Utf8);
        check("i_brand", DataType::LargeUtf8);
        check("i_brand", dictionary(DataType::Utf8));
        check("i_brand", dictionary(DataType::LargeUtf8));
        check("i_current_price", DataType::Decimal32(7, 2));
        check("i_current_price", DataType::Decimal64(7, 2));
        check("i_current_price", DataType::Decimal128(15, 2));
        check("i_current_price", DataType::Decimal256(40, 2));
        check("i_item_sk", DataType::Int64);
        check("i_item_sk", DataType::UInt16);
        check("i_item_sk", dictionary(DataType::Int32));
        check("i_rec_start_date", DataType::Date64);
    }

    #[test]
    fn every_change_of_values_shows() {
        let item = item();
        let expected = hash(std::slice::from_ref(&item));
        let check = |changed: RecordBatch| assert_ne!(hash(&[changed]), expected);
        let integers = |name: &str| item.column_by_name(name).unwrap().as_primitive::<Int32Type>().clone();
        let integers_with = |name: &str, row: usize, value: Option<i32>| {
            let old = integers(name);
            let values = old.iter().enumerate().map(|(at, old)| if at == row { value } else { old });
            with_column(&item, name, Arc::new(values.collect::<Int32Array>()))
        };
        let text_with = |from: Option<&str>, to: Option<&str>| {
            let with = |text| {
                let old = item.column_by_name("i_color").unwrap().as_string_view();
                let values = old.iter().enumerate().map(|(row, old)| if row == 5 { text } else { old });
                hash(&[with_column(&item, "i_color", Arc::new(values.collect::<StringArray>()))])
            };
            assert_ne!(with(from), with(to), "{from:?} {to:?}");
        };

        // A value, NULL and what looks like nothing.
        check(integers_with("i_class_id", 7, Some(integers("i_class_id").value(7) + 1)));
        let zero = integers_with("i_class_id", 7, Some(0));
        let null = integers_with("i_class_id", 7, None);
        assert_ne!(hash(&[zero]), hash(&[null]));
        text_with(None, Some(""));
        text_with(Some("red"), Some("red "));
        text_with(Some("red"), Some("rad"));

        // Two columns trade all their values, or two rows one of theirs.
        let swapped = with_column(&item, "i_brand_id", Arc::new(integers("i_manager_id")));
        check(with_column(&swapped, "i_manager_id", Arc::new(integers("i_brand_id"))));
        let manager = integers("i_manager_id");
        let other = (1..manager.len()).find(|&row| manager.value(row) != manager.value(0)).unwrap();
        let traded = manager.iter().enumerate().map(|(row, old)| match row {
            0 => Some(manager.value(other)),
            row if row == other => Some(manager.value(0)),
            _ => old,
        });
        check(with_column(&item, "i_manager_id", Arc::new(traded.collect::<Int32Array>())));

        // Rows that are lost, or occur twice or three times.
        let all = 0..item.num_rows() as u32;
        check(rows(&item, all.clone().skip(1)));
        check(rows(&item, all.clone().chain([3, 3])));
        assert_ne!(hash(&[rows(&item, all.clone().chain([3, 3]))]), hash(&[rows(&item, all.chain([4, 4]))]));
    }

    #[test]
    fn decimals_of_any_width_hash_as_their_value() {
        let key = ContentHasher::new(schema::table("item").unwrap()).keys[0];
        for value in [0, 1, -1, 12_345, -12_345, i64::MAX, i64::MIN] {
            assert_eq!(key.of_i128(i128::from(value)), key.of_i64(value), "{value}");
        }
        let wide = [i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1, 1 << 64, 1 << 65, i128::MAX, i128::MIN];
        for (index, value) in wide.iter().enumerate() {
            assert_ne!(key.of_i128(*value), key.of_i64(*value as i64), "{value}");
            assert!(wide[..index].iter().all(|other| key.of_i128(*other) != key.of_i128(*value)), "{value}");
        }
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let item = item();
        let check = |batch: RecordBatch, expected: Expect| {
            let mut hasher = ContentHasher::new(schema::table("item").unwrap());
            expected.assert_eq(&hasher.update(&batch).unwrap_err().to_string());
        };
        let cast_to = |column: &str, data_type: DataType| {
            let array = cast(item.column_by_name(column).unwrap(), &data_type).unwrap();
            with_column(&item, column, array)
        };
        check(item.project(&[0, 1]).unwrap(), expect!["rows are not those of item: 2 columns instead of 22"]);
        let renamed =
            item.schema().fields().iter().map(|field| field.as_ref().clone().with_name("x")).collect::<Vec<_>>();
        check(
            RecordBatch::try_new(Arc::new(Schema::new(renamed)), item.columns().to_vec()).unwrap(),
            expect!["rows are not those of item: no column i_item_sk"],
        );
        check(
            cast_to("i_item_sk", DataType::Utf8),
            expect!["rows are not those of item: i_item_sk is Utf8 and cannot be read as identifier"],
        );
        check(
            cast_to("i_item_sk", DataType::Float64),
            expect!["rows are not those of item: i_item_sk is Float64 and cannot be read as identifier"],
        );
        check(
            cast_to("i_current_price", DataType::Decimal128(9, 3)),
            expect![
                "rows are not those of item: i_current_price is Decimal128(9, 3) and cannot be read as decimal(7,2)"
            ],
        );
        check(
            cast_to("i_current_price", DataType::Float64),
            expect!["rows are not those of item: i_current_price is Float64 and cannot be read as decimal(7,2)"],
        );
        check(
            cast_to("i_brand", DataType::BinaryView),
            expect!["rows are not those of item: i_brand is BinaryView and cannot be read as char(50)"],
        );
        let too_large = UInt64Array::from(vec![u64::MAX; item.num_rows()]);
        check(
            with_column(&item, "i_item_sk", Arc::new(too_large)),
            expect!["rows are not those of item: i_item_sk is UInt64 and cannot be read as identifier"],
        );
    }
}

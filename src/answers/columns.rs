//! The answer and the expected rows as pairs of columns of one kind.
//!
//! In: both sides' record batches. Out: [`Columns`], in which the rows of both sides share one index:
//! the answer's rows come first, the expected rows after them. Types are levelled out here, so that
//! the rest of the comparison knows three kinds: exact, floating and text.

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, concat};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef};
use chrono::{Days, NaiveDate};

use super::mismatch::Mismatch;

/// How far a floating value may be off, as a part of the larger of the two.
pub(super) const RELATIVE_TOLERANCE: f64 = 1e-6;

/// Widens a bound by what it loses itself in floating arithmetic.
const ROUNDING_SLACK: f64 = 1.0 + 1e-9;

/// Both sides' rows. Row `i` of the answer has index `i`, row `j` of the expected ones
/// `actual_count + j`.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    pub(super) actual_count: usize,
    pub(super) expected_count: usize,
}

/// One column of both sides.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) values: Values,
    pub(super) is_null: Vec<bool>,
}

/// The values of a column; where it is NULL, the value has no meaning but is always the same one.
#[derive(Debug)]
pub(super) enum Values {
    /// Whole numbers and decimals (all at one scale), dates in days, booleans.
    Exact { values: Vec<i128>, kind: ExactKind },
    /// At least one side is floating.
    Float {
        values: Vec<f64>,
        /// One unit of the last decimal place of the side that is a decimal, or 0.
        unit: f64,
        /// The answer's own values when they are exact: the order of its rows follows these.
        own: Option<Own>,
    },
    /// Strings.
    Text(LargeStringArray),
}

/// Exact values of the answer's side of a floating column.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) values: Vec<i128>,
    pub(super) scale: u32,
}

/// What exact values stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExactKind {
    /// A number, with this many digits after the point.
    Number { scale: u32 },
    /// Days since 1970-01-01.
    Date,
    /// 0 or 1.
    Boolean,
}

impl Columns {
    /// Pairs the columns, or says why they do not pair.
    pub(super) fn align(
        actual: (&SchemaRef, &[RecordBatch]),
        expected: (&SchemaRef, &[RecordBatch]),
    ) -> Result<Self, Mismatch> {
        let (actual_schema, expected_schema) = (actual.0, expected.0);
        if actual_schema.fields().len() != expected_schema.fields().len() {
            return Err(Mismatch::ColumnCount {
                actual: actual_schema.fields().len(),
                expected: expected_schema.fields().len(),
            });
        }
        let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns = Vec::with_capacity(actual_schema.fields().len());
        for (index, field) in actual_schema.fields().iter().enumerate() {
            let name = field.name();
            let a = Side::read(name, field.data_type(), index, actual.1)?;
            let e = Side::read(name, expected_schema.field(index).data_type(), index, expected.1)?;
            let is_null = [a.is_null.as_slice(), e.is_null.as_slice()].concat();
            let types = (field.data_type(), expected_schema.field(index).data_type());
            let values = pair(name, types, a, e)?;
            columns.push(Column { name: name.clone(), values, is_null });
        }
        Ok(Self { columns, actual_count: count(actual.1), expected_count: count(expected.1) })
    }

    /// Whether two rows agree in every column.
    pub(super) fn rows_agree(&self, left: usize, right: usize) -> bool {
        self.columns.iter().all(|column| column.agrees(left, right))
    }

    /// A row as text, for messages.
    pub(super) fn row_text(&self, row: usize) -> String {
        const LONGEST: usize = 400;
        let cells = self.columns.iter().map(|c| format!("{} = {}", c.name, c.cell_text(row)));
        let mut text = cells.collect::<Vec<_>>().join(", ");
        if let Some((end, _)) = text.char_indices().nth(LONGEST) {
            text.truncate(end);
            text.push('…');
        }
        text
    }
}

impl Column {
    /// Whether two cells agree: exactly, or within the tolerance where one side is floating.
    pub(super) fn agrees(&self, left: usize, right: usize) -> bool {
        if self.is_null[left] || self.is_null[right] {
            return self.is_null[left] && self.is_null[right];
        }
        match &self.values {
            Values::Exact { values, .. } => values[left] == values[right],
            Values::Float { values, unit, .. } => floats_agree(values[left], values[right], *unit),
            Values::Text(values) => values.value(left) == values.value(right),
        }
    }

    /// A cell as text, for messages.
    pub(super) fn cell_text(&self, row: usize) -> String {
        if self.is_null[row] {
            return "NULL".to_owned();
        }
        match &self.values {
            Values::Exact { values, kind } => exact_text(values[row], *kind),
            Values::Float { values, own, .. } => match own {
                Some(own) if row < own.values.len() => {
                    exact_text(own.values[row], ExactKind::Number { scale: own.scale })
                }
                _ => format!("{:?}", values[row]),
            },
            Values::Text(values) => format!("'{}'", values.value(row).escape_debug()),
        }
    }
}

/// Decimals with that many places are averages or quotients, in whose last places engines, and SQL's semantics, differ: some round
/// and some cut off. Amounts have 2 places, and their products 4.
const QUOTIENT_SCALE: u32 = 6;

/// Whether two floating values agree. NaN agrees with NaN alone, an infinity with itself alone.
pub(super) fn floats_agree(left: f64, right: f64, unit: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    left.is_finite() && right.is_finite() && (left - right).abs() <= tolerance(left, right, unit)
}

/// How far apart two finite values may be.
pub(super) fn tolerance(left: f64, right: f64, unit: f64) -> f64 {
    (RELATIVE_TOLERANCE * left.abs().max(right.abs())).max(unit) * ROUNDING_SLACK
}

/// The value of a decimal as the nearest floating one.
pub(super) fn to_float(value: i128, scale: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the tolerance is far above the loss")]
    let unscaled = value as f64;
    unscaled / 10_f64.powi(scale.cast_signed())
}

pub(super) fn exact_text(value: i128, kind: ExactKind) -> String {
    match kind {
        ExactKind::Boolean => (value != 0).to_string(),
        ExactKind::Number { scale: 0 } => value.to_string(),
        ExactKind::Number { scale } => {
            let scale = scale as usize;
            let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
        }
        ExactKind::Date => {
            let days = Days::new(u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX));
            let epoch = NaiveDate::default();
            let date = if value < 0 { epoch.checked_sub_days(days) } else { epoch.checked_add_days(days) };
            date.map_or_else(|| format!("day {value}"), |date| date.to_string())
        }
    }
}

/// One side of a column.
struct Side {
    values: SideValues,
    is_null: Vec<bool>,
}

enum SideValues {
    /// A column of the type NULL, which is comparable with any other.
    Null,
    Exact(Vec<i128>, ExactKind),
    Float(Vec<f64>),
    Text(LargeStringArray),
}

impl Side {
    fn read(name: &str, data_type: &DataType, index: usize, batches: &[RecordBatch]) -> Result<Self, Mismatch> {
        let unsupported = |reason: String| Mismatch::Unsupported {
            column: name.to_owned(),
            data_type: data_type.to_string(),
            reason,
        };
        let common = common_type(data_type).ok_or_else(|| unsupported("no rule for this type".to_owned()))?;
        // A value that does not fit is an error here, never NULL.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let arrays: Vec<ArrayRef> = batches
            .iter()
            .map(|batch| cast_with_options(batch.column(index), &common, &options))
            .collect::<Result<_, _>>()
            .map_err(|error| unsupported(error.to_string()))?;
        let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        let array = if parts.is_empty() {
            arrow::array::new_empty_array(&common)
        } else {
            concat(&parts).map_err(|error| unsupported(error.to_string()))?
        };
        let nulls = array.logical_nulls();
        let is_null: Vec<bool> = match &nulls {
            Some(nulls) => nulls.iter().map(|is_valid| !is_valid).collect(),
            None => vec![false; array.len()],
        };
        Ok(Self { values: side_values(&array, &is_null), is_null })
    }
}

/// The type that stands for a family of types.
fn common_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Null => DataType::Null,
        DataType::Boolean => DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => DataType::Int64,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale)
            if (0..=38).contains(scale) =>
        {
            DataType::Decimal128(38, *scale)
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::LargeUtf8,
        DataType::Dictionary(_, values) => common_type(values)?,
        _ => return None,
    })
}

fn side_values(array: &ArrayRef, is_null: &[bool]) -> SideValues {
    // NULL slots may hold anything; one value for all of them keeps hashes alike.
    fn cleared<T: Default, U: Copy>(values: &[U], is_null: &[bool], convert: impl Fn(U) -> T) -> Vec<T> {
        let pairs = values.iter().zip(is_null);
        pairs.map(|(value, null)| if *null { T::default() } else { convert(*value) }).collect()
    }
    let number = |scale: i8| ExactKind::Number { scale: u32::from(scale.unsigned_abs()) };
    match array.data_type() {
        DataType::Boolean => {
            let values: Vec<bool> = array.as_boolean().values().iter().collect();
            SideValues::Exact(cleared(&values, is_null, i128::from), ExactKind::Boolean)
        }
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().values();
            SideValues::Exact(cleared(values, is_null, i128::from), number(0))
        }
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<Decimal128Type>().values();
            SideValues::Exact(cleared(values, is_null, i128::from), number(*scale))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>().values();
            SideValues::Exact(cleared(values, is_null, i128::from), ExactKind::Date)
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            SideValues::Float(cleared(values, is_null, f64::from))
        }
        DataType::LargeUtf8 => SideValues::Text(array.as_string::<i64>().clone()),
        _ => SideValues::Null,
    }
}

/// Brings both sides of a column to one kind.
fn pair(name: &str, types: (&DataType, &DataType), actual: Side, expected: Side) -> Result<Values, Mismatch> {
    let (actual_count, expected_count) = (actual.is_null.len(), expected.is_null.len());
    let (a, e) = match (actual.values, expected.values) {
        (SideValues::Null, SideValues::Null) => {
            let kind = ExactKind::Boolean;
            return Ok(Values::Exact { values: vec![0; actual_count + expected_count], kind });
        }
        (SideValues::Null, e) => (filler(&e, actual_count), e),
        (a, SideValues::Null) => {
            let e = filler(&a, expected_count);
            (a, e)
        }
        pair => pair,
    };
    let number = |kind| match kind {
        ExactKind::Number { scale } => Some(scale),
        ExactKind::Date | ExactKind::Boolean => None,
    };
    match (a, e) {
        (SideValues::Exact(a, a_kind), SideValues::Exact(e, e_kind)) => match (number(a_kind), number(e_kind)) {
            (Some(a_scale), Some(e_scale)) if a_scale.min(e_scale) >= QUOTIENT_SCALE => {
                let values = a.iter().map(|value| to_float(*value, a_scale));
                let expected = e.iter().map(|value| to_float(*value, e_scale));
                let (values, unit) = (values.chain(expected).collect(), unit(a_scale.min(e_scale)));
                Ok(Values::Float { values, unit, own: Some(Own { values: a, scale: a_scale }) })
            }
            (Some(a_scale), Some(e_scale)) => {
                let scale = a_scale.max(e_scale);
                let values = rescale(name, types.0, a, scale - a_scale)?;
                let expected = rescale(name, types.1, e, scale - e_scale)?;
                let values = [values, expected].concat();
                Ok(Values::Exact { values, kind: ExactKind::Number { scale } })
            }
            _ if a_kind == e_kind => Ok(Values::Exact { values: [a, e].concat(), kind: a_kind }),
            _ => Err(type_mismatch(name, types)),
        },
        (SideValues::Float(a), SideValues::Float(e)) => {
            Ok(Values::Float { values: [a, e].concat(), unit: 0.0, own: None })
        }
        (SideValues::Float(a), SideValues::Exact(e, ExactKind::Number { scale })) => {
            let values = a.into_iter().chain(e.iter().map(|value| to_float(*value, scale)));
            Ok(Values::Float { values: values.collect(), unit: unit(scale), own: None })
        }
        (SideValues::Exact(a, ExactKind::Number { scale }), SideValues::Float(e)) => {
            let values = a.iter().map(|value| to_float(*value, scale)).chain(e).collect();
            Ok(Values::Float { values, unit: unit(scale), own: Some(Own { values: a, scale }) })
        }
        (SideValues::Text(a), SideValues::Text(e)) => {
            let both = concat(&[&a as &dyn Array, &e]).map_err(|error| Mismatch::Unsupported {
                column: name.to_owned(),
                data_type: types.0.to_string(),
                reason: error.to_string(),
            })?;
            Ok(Values::Text(both.as_string::<i64>().clone()))
        }
        _ => Err(type_mismatch(name, types)),
    }
}

/// A whole number has no last decimal place: its unit would let a count be off by one.
fn unit(scale: u32) -> f64 {
    if scale == 0 { 0.0 } else { 10_f64.powi(-scale.cast_signed()) }
}

fn filler(like: &SideValues, count: usize) -> SideValues {
    match like {
        SideValues::Null => SideValues::Null,
        SideValues::Exact(_, kind) => SideValues::Exact(vec![0; count], *kind),
        SideValues::Float(_) => SideValues::Float(vec![0.0; count]),
        SideValues::Text(_) => SideValues::Text(LargeStringArray::new_null(count)),
    }
}

fn rescale(name: &str, data_type: &DataType, mut values: Vec<i128>, by: u32) -> Result<Vec<i128>, Mismatch> {
    if by == 0 {
        return Ok(values);
    }
    let factor = 10_i128.pow(by);
    for value in &mut values {
        *value = value.checked_mul(factor).ok_or_else(|| Mismatch::Unsupported {
            column: name.to_owned(),
            data_type: data_type.to_string(),
            reason: format!("{value} with {by} more decimal places has more than 38 digits"),
        })?;
    }
    Ok(values)
}

fn type_mismatch(name: &str, types: (&DataType, &DataType)) -> Mismatch {
    Mismatch::ColumnType { column: name.to_owned(), actual: types.0.to_string(), expected: types.1.to_string() }
}

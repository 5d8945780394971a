//! Sort keys, evaluated for the rows of both sides.
//!
//! In: the shape of a statement and its [`Columns`]. Out: [`Keys`], which order two rows and say
//! whether that order is certain. It is not where floating keys differ by less than the tolerance:
//! two engines may well order such rows differently.

use std::borrow::Cow;
use std::cmp::Ordering;

use arrow::array::LargeStringArray;

use super::columns::{Columns, ExactKind, Own, Values, exact_text, to_float, tolerance};
use super::order::{KeyLiteral, KeyValue, SortKey, SqlShape};

/// The sort keys of a comparison.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    keys: Vec<Key<'a>>,
    columns: &'a Columns,
}

#[derive(Debug)]
struct Key<'a> {
    key: &'a SortKey,
    values: KeyValues<'a>,
    is_null: Cow<'a, [bool]>,
}

#[derive(Debug)]
enum KeyValues<'a> {
    Exact {
        values: Cow<'a, [i128]>,
        kind: ExactKind,
    },
    Float {
        values: Cow<'a, [f64]>,
        /// How far each value may be off.
        tolerances: Vec<f64>,
        /// The answer's own exact values.
        own: Option<Cow<'a, [i128]>>,
    },
    Text(&'a LargeStringArray),
}

/// Where a row stands relative to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ordering: Ordering,
    /// Whether no tolerance can turn it round.
    pub(super) is_certain: bool,
    /// The key that decides, counted from 0.
    pub(super) key: usize,
}

impl<'a> Keys<'a> {
    /// Evaluates the keys of `shape`; the first one that the columns do not give ends them.
    pub(super) fn new(shape: &'a SqlShape, columns: &'a Columns) -> Self {
        let keys = shape.keys.iter().map_while(|key| Key::new(key, columns)).collect();
        Self { keys, columns }
    }

    /// Where `left` stands relative to `right`.
    pub(super) fn place(&self, left: usize, right: usize) -> Place {
        for (index, key) in self.keys.iter().enumerate() {
            let (ordering, is_certain) = key.compare(left, right, self.columns.actual_count);
            if ordering != Ordering::Equal {
                return Place { ordering, is_certain, key: index };
            }
        }
        Place { ordering: Ordering::Equal, is_certain: true, key: self.keys.len() }
    }

    /// Whether `left` must come before `right`.
    pub(super) fn is_before(&self, left: usize, right: usize) -> bool {
        let place = self.place(left, right);
        place.ordering == Ordering::Less && place.is_certain
    }

    /// The text of a key and its value in a row, for messages.
    pub(super) fn key_text(&self, key: usize, row: usize) -> (String, String) {
        let key = &self.keys[key];
        let name = match key.key.value {
            KeyValue::Column(column) => self.columns.columns[column].name.clone(),
            KeyValue::Difference { .. } | KeyValue::Case { .. } => key.key.sql.clone(),
        };
        (name, key.value_text(row))
    }

    /// The answer's row that sorts last, or the answer's first two rows that are out of order as
    /// `(earlier, later, key)`.
    pub(super) fn last_row(&self) -> Result<Option<usize>, (usize, usize, usize)> {
        // Each row is compared with the largest before it, not with its neighbour: a long run of
        // rows, each a little out of order within the tolerance, would otherwise pass.
        let mut last = None;
        for row in 0..self.columns.actual_count {
            let Some(largest) = last else {
                last = Some(row);
                continue;
            };
            let place = self.place(row, largest);
            match place.ordering {
                Ordering::Less if place.is_certain => return Err((largest, row, place.key)),
                Ordering::Less => {}
                Ordering::Equal | Ordering::Greater => last = Some(row),
            }
        }
        Ok(last)
    }
}

impl<'a> Key<'a> {
    fn new(key: &'a SortKey, columns: &'a Columns) -> Option<Self> {
        let column = |index: usize| columns.columns.get(index);
        match &key.value {
            KeyValue::Column(index) => {
                let column = column(*index)?;
                let values = KeyValues::new(&column.values);
                Some(Self { key, values, is_null: Cow::Borrowed(&column.is_null) })
            }
            KeyValue::Difference { left, right } => {
                let (left, right) = (column(*left)?, column(*right)?);
                let values = KeyValues::difference(&left.values, &right.values)?;
                let pairs = left.is_null.iter().zip(&right.is_null);
                let is_null = pairs.map(|(left, right)| *left || *right).collect();
                Some(Self { key, values, is_null: Cow::Owned(is_null) })
            }
            KeyValue::Case { column: index, equals, then } => {
                let (compared, then) = (column(*index)?, column(*then)?);
                let rows = then.is_null.iter().enumerate();
                let is_null = rows
                    .map(|(row, null)| *null || compared.is_null[row] || !is_equal(&compared.values, row, equals))
                    .collect();
                let values = KeyValues::new(&then.values);
                Some(Self { key, values, is_null: Cow::Owned(is_null) })
            }
        }
    }

    /// How two rows compare by this key, and whether that is certain.
    fn compare(&self, left: usize, right: usize, actual_count: usize) -> (Ordering, bool) {
        let nulls_first = |is_first| if is_first { Ordering::Less } else { Ordering::Greater };
        match (self.is_null[left], self.is_null[right]) {
            (true, true) => return (Ordering::Equal, true),
            (true, false) => return (nulls_first(self.key.nulls_first), true),
            (false, true) => return (nulls_first(!self.key.nulls_first), true),
            (false, false) => {}
        }
        let (ordering, is_certain) = match &self.values {
            KeyValues::Exact { values, .. } => (values[left].cmp(&values[right]), true),
            KeyValues::Text(values) => (values.value(left).cmp(values.value(right)), true),
            KeyValues::Float { values, tolerances, own } => match own {
                Some(own) if left.max(right) < actual_count => (own[left].cmp(&own[right]), true),
                _ => {
                    let allowed = tolerances[left].max(tolerances[right]);
                    let (left, right) = (values[left], values[right]);
                    let ordering = compare_floats(left, right);
                    let is_finite = left.is_finite() && right.is_finite();
                    let is_near = is_finite && (left - right).abs() <= allowed;
                    (ordering, ordering == Ordering::Equal || !is_near)
                }
            },
        };
        (if self.key.descending { ordering.reverse() } else { ordering }, is_certain)
    }

    fn value_text(&self, row: usize) -> String {
        if self.is_null[row] {
            return "NULL".to_owned();
        }
        match &self.values {
            KeyValues::Exact { values, kind } => exact_text(values[row], *kind),
            KeyValues::Float { values, .. } => format!("{:?}", values[row]),
            KeyValues::Text(values) => format!("'{}'", values.value(row).escape_debug()),
        }
    }
}

/// NaN is the largest value, and -0 is 0.
fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

fn is_equal(values: &Values, row: usize, literal: &KeyLiteral) -> bool {
    match (values, literal) {
        (Values::Exact { values, kind: ExactKind::Number { scale } }, KeyLiteral::Number(number)) => {
            Some(values[row]) == i128::from(*number).checked_mul(10_i128.pow(*scale))
        }
        (Values::Float { values, .. }, KeyLiteral::Number(number)) => values[row] == to_float(i128::from(*number), 0),
        (Values::Text(values), KeyLiteral::Text(text)) => values.value(row) == text,
        _ => false,
    }
}

impl<'a> KeyValues<'a> {
    fn new(values: &'a Values) -> Self {
        match values {
            Values::Exact { values, kind } => Self::Exact { values: Cow::Borrowed(values), kind: *kind },
            Values::Float { values, unit, own } => Self::Float {
                values: Cow::Borrowed(values),
                tolerances: values.iter().map(|value| tolerance(*value, 0.0, *unit)).collect(),
                own: own.as_ref().map(|own| Cow::Borrowed(own.values.as_slice())),
            },
            Values::Text(values) => Self::Text(values),
        }
    }

    /// `left - right`, or none for columns that have no difference.
    fn difference(left: &Values, right: &Values) -> Option<Self> {
        if let (
            Values::Exact { values: l, kind: ExactKind::Number { scale: l_scale } },
            Values::Exact { values: r, kind: ExactKind::Number { scale: r_scale } },
        ) = (left, right)
            && let Some((values, scale)) = exact_difference((l, *l_scale), (r, *r_scale))
        {
            let kind = ExactKind::Number { scale };
            return Some(Self::Exact { values: Cow::Owned(values), kind });
        }
        let (left_values, left_tolerances) = floats(left)?;
        let (right_values, right_tolerances) = floats(right)?;
        let sum = |(left, right): (&f64, &f64)| left + right;
        let own = match (own_exact(left), own_exact(right)) {
            (Some(left), Some(right)) => exact_difference(left, right).map(|(values, _)| values),
            _ => None,
        };
        Some(Self::Float {
            values: left_values.iter().zip(&right_values).map(|(l, r)| l - r).collect(),
            tolerances: left_tolerances.iter().zip(&right_tolerances).map(sum).collect(),
            own: own.map(Cow::Owned),
        })
    }
}

/// The difference of the rows that both have; a floating column has exact values for the answer's
/// rows alone, and these come first.
fn exact_difference(left: (&[i128], u32), right: (&[i128], u32)) -> Option<(Vec<i128>, u32)> {
    let scale = left.1.max(right.1);
    let (left_factor, right_factor) = (10_i128.pow(scale - left.1), 10_i128.pow(scale - right.1));
    let difference = |(l, r): (&i128, &i128)| l.checked_mul(left_factor)?.checked_sub(r.checked_mul(right_factor)?);
    let values = left.0.iter().zip(right.0).map(difference).collect::<Option<_>>()?;
    Some((values, scale))
}

fn own_exact(values: &Values) -> Option<(&[i128], u32)> {
    match values {
        Values::Exact { values, kind: ExactKind::Number { scale } } => Some((values, *scale)),
        Values::Float { own: Some(Own { values, scale }), .. } => Some((values, *scale)),
        _ => None,
    }
}

/// A number column's values as floating ones, and how far each may be off.
fn floats(values: &Values) -> Option<(Vec<f64>, Vec<f64>)> {
    match values {
        Values::Exact { values, kind: ExactKind::Number { scale } } => {
            let floats = values.iter().map(|value| to_float(*value, *scale)).collect();
            Some((floats, vec![0.0; values.len()]))
        }
        Values::Float { values, unit, .. } => {
            let tolerances = values.iter().map(|value| tolerance(*value, 0.0, *unit)).collect();
            Some((values.clone(), tolerances))
        }
        _ => None,
    }
}

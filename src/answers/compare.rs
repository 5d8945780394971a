//! The comparison of an answer with the expected one.
//!
//! In: the shape of the statement, the engine's record batches, and the expected rows. Out: an
//! [`Outcome`]. Only what SQL fixes is compared: the order of rows only where `ORDER BY` fixes it,
//! and at a `LIMIT` any choice among the rows that tie there.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::answer::Answer;
use super::columns::Columns;
use super::keys::Keys;
use super::matching::{Unmatched, match_rows};
use super::mismatch::Mismatch;
use super::order::SqlShape;

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is right.
    Match,
    /// The answer is wrong.
    Mismatch {
        /// The first reason.
        reason: Mismatch,
    },
}

impl Outcome {
    /// Whether the answer is right.
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Match)
    }
}

/// Compares the engine's result with an expected answer.
pub fn check_answer(shape: &SqlShape, schema: &SchemaRef, batches: &[RecordBatch], expected: &Answer) -> Outcome {
    let expected_batches = std::slice::from_ref(&expected.rows);
    let expected_schema = expected.rows.schema();
    let row_count = Some(expected.row_count);
    outcome(shape, (schema, batches), (&expected_schema, expected_batches), row_count)
}

/// Compares the engine's result with the result of another profile, which counts as right.
///
/// The rules are those of [`check_answer`], but the second result is already cut at the `LIMIT`: of
/// the rows that tie there, only the number and the sort keys can be compared. Without sort keys,
/// that is true of the whole answer of a statement that reaches its `LIMIT`.
pub fn compare_results(
    shape: &SqlShape,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    expected_schema: &SchemaRef,
    expected_batches: &[RecordBatch],
) -> Outcome {
    outcome(shape, (schema, batches), (expected_schema, expected_batches), None)
}

/// `row_count` is how many rows the answer must have, where the expected rows go on after it; without
/// it they end at the `LIMIT`.
fn outcome(
    shape: &SqlShape,
    actual: (&SchemaRef, &[RecordBatch]),
    expected: (&SchemaRef, &[RecordBatch]),
    row_count: Option<usize>,
) -> Outcome {
    let columns = match Columns::align(actual, expected) {
        Ok(columns) => columns,
        Err(reason) => return Outcome::Mismatch { reason },
    };
    let expected_count = columns.expected_count;
    let reaches_limit = shape.limit.is_some_and(|limit| limit <= expected_count as u64);
    let comparison = Comparison {
        columns: &columns,
        keys: Keys::new(shape, &columns),
        row_count: row_count.unwrap_or(expected_count),
        is_cut: row_count.is_none() && reaches_limit,
    };
    match comparison.check() {
        Ok(()) => Outcome::Match,
        Err(reason) => Outcome::Mismatch { reason },
    }
}

/// A comparison under way. Rows are meant by their index in `columns`.
struct Comparison<'a> {
    columns: &'a Columns,
    keys: Keys<'a>,
    /// How many rows the answer must have.
    row_count: usize,
    /// Whether the expected rows end at a `LIMIT`, so that other rows may tie with the last ones.
    is_cut: bool,
}

impl Comparison<'_> {
    fn check(&self) -> Result<(), Mismatch> {
        let unmatched = match_rows(self.columns);
        if self.columns.actual_count != self.row_count {
            return Err(self.row_count_mismatch(&unmatched));
        }
        // Before the order: a wrong value is often out of order, too, and says more.
        if !self.is_cut
            && let Some(row) = unmatched.actual.first()
        {
            return Err(self.unexpected_row(*row, &unmatched));
        }
        let last = self.keys.last_row().map_err(|(earlier, later, key)| self.order_mismatch(earlier, later, key))?;
        let Some(last) = last else { return Ok(()) };
        if self.is_cut {
            self.check_cut(last, &unmatched)?;
        }
        match unmatched.expected.iter().find(|row| self.keys.is_before(**row, last)) {
            None => Ok(()),
            Some(row) => Err(Mismatch::MissingRow {
                row: row - self.columns.actual_count + 1,
                values: self.columns.row_text(*row),
            }),
        }
    }

    /// A row without a partner is right only where both answers end: it must tie with both last rows.
    fn check_cut(&self, last: usize, unmatched: &Unmatched) -> Result<(), Mismatch> {
        let expected_rows = self.columns.actual_count..self.columns.actual_count + self.row_count;
        let mut expected_last = expected_rows.start;
        for row in expected_rows {
            if self.keys.place(row, expected_last).ordering.is_ge() {
                expected_last = row;
            }
        }
        for row in &unmatched.actual {
            let is_inside = self.keys.is_before(*row, last) || self.keys.is_before(*row, expected_last);
            if is_inside {
                return Err(self.unexpected_row(*row, unmatched));
            }
            if self.keys.is_before(expected_last, *row) {
                return Err(Mismatch::LimitKeys { row: row + 1, values: self.columns.row_text(*row) });
            }
        }
        Ok(())
    }

    fn order_mismatch(&self, earlier: usize, later: usize, key: usize) -> Mismatch {
        let (key_sql, value) = self.keys.key_text(key, later);
        let (_, earlier_value) = self.keys.key_text(key, earlier);
        Mismatch::Order { row: later + 1, key: key_sql, value, earlier_row: earlier + 1, earlier_value }
    }

    fn row_count_mismatch(&self, unmatched: &Unmatched) -> Mismatch {
        let actual_count = self.columns.actual_count;
        // Rows after the count are there for ties alone, and are never missing by themselves.
        let missing = unmatched.expected.first().filter(|row| **row < actual_count + self.row_count);
        let example = if actual_count < self.row_count {
            missing.map(|row| {
                let values = self.columns.row_text(*row);
                format!("; expected row {} is missing: {values}", row - actual_count + 1)
            })
        } else {
            unmatched
                .actual
                .first()
                .map(|row| format!("; row {} is too much: {}", row + 1, self.columns.row_text(*row)))
        };
        Mismatch::RowCount { actual: actual_count, expected: self.row_count, example: example.unwrap_or_default() }
    }

    /// Says best what is wrong with a row of the answer that has no partner.
    fn unexpected_row(&self, row: usize, unmatched: &Unmatched) -> Mismatch {
        let columns = self.columns;
        let values = columns.row_text(row);
        let expected_rows = columns.actual_count..columns.actual_count + columns.expected_count;
        let alike = |rows: std::ops::Range<usize>| rows.filter(|other| columns.rows_agree(row, *other)).count();
        let expected = alike(expected_rows.clone());
        if expected > 0 {
            let actual = alike(0..columns.actual_count);
            return Mismatch::Duplicate { row: row + 1, actual, expected, values };
        }
        let is_tied = columns.expected_count > self.row_count
            && self.row_count > 0
            && !self.keys.is_before(row, expected_rows.start + self.row_count - 1);
        if is_tied {
            return Mismatch::NotTied { row: row + 1, values };
        }
        match self.closest(row, &unmatched.expected) {
            Some(other) => self.cell_mismatch(row, other),
            None => Mismatch::UnexpectedRow { row: row + 1, values },
        }
    }

    /// The expected row that a row was probably meant to be: the open one with the most cells alike,
    /// if these are at least half of them; in doubt the one at the same place.
    fn closest(&self, row: usize, open: &[usize]) -> Option<usize> {
        const TRIED_AT_MOST: usize = 10_000;
        let column_count = self.columns.columns.len();
        let same_place = self.columns.actual_count + row;
        let alike = |other: usize| self.columns.columns.iter().filter(|column| column.agrees(row, other)).count();
        let candidates = open.iter().take(TRIED_AT_MOST).copied();
        let best = candidates.max_by_key(|other| (alike(*other), *other == same_place))?;
        let is_only_one = open.len() == 1 || column_count == 1;
        (is_only_one || alike(best) * 2 >= column_count).then_some(best)
    }

    fn cell_mismatch(&self, row: usize, other: usize) -> Mismatch {
        let columns = self.columns.columns.iter();
        let differing: Vec<_> = columns.filter(|column| !column.agrees(row, other)).collect();
        let first = differing.first().expect("a row without a partner differs from every open row");
        let mut others = match differing.len() - 1 {
            0 => String::new(),
            1 => ", and one more column differs".to_owned(),
            count => format!(", and {count} more columns differ"),
        };
        let expected_row = other - self.columns.actual_count;
        if expected_row != row {
            others.push_str(&format!(" (expected row {})", expected_row + 1));
        }
        Mismatch::Cell {
            row: row + 1,
            column: first.name.clone(),
            actual: first.cell_text(row),
            expected: first.cell_text(other),
            others,
        }
    }
}

//! Distinct values of columns: counted where all rows are at hand, estimated from a sample.
//!
//! The estimate is GEE of Charikar et al., "Towards estimation error guarantees for distinct values" (PODS 2000): of `n` sampled rows
//! out of `N`, values that came up once stand for `sqrt(N / n)` values each, the others for themselves. Its error is at most a factor of
//! `sqrt(N / n)`, which no estimate from a sample can better.
//!
//! Combinations of columns are counted to know how far they stay below the product of the columns' values. There, values that came up
//! once stand for `N / n` each, the most that they may: a key of two columns is unique in every sample, and must not be taken for less.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::sample::changes;
use arrow::array::{Array, ArrayRef};
use datafusion::common::hash_utils::{RandomState, create_hashes};

/// A hash is its own hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Distinct values but for NULL, at least 1, of rows that are all there are.
pub(super) fn of_all(array: &ArrayRef) -> Option<f64> {
    of_sample(array, array.len())
}

/// Distinct values but for NULL, at least 1, of a table with `row_count` rows, of which these are a sample.
pub(super) fn of_sample(array: &ArrayRef, row_count: usize) -> Option<f64> {
    let occurrences = occurrences(std::slice::from_ref(array), |row| array.is_valid(row))?;
    Some(scaled(&occurrences, f64::sqrt(scale(array.len(), row_count)), row_count))
}

/// The most distinct combinations that values of several columns of such a table are expected to have, at least 1. Here NULL is a value like
/// others.
pub(super) fn of_sample_together(arrays: &[ArrayRef], row_count: usize) -> Option<f64> {
    let sampled = arrays.first()?.len();
    Some(scaled(&occurrences(arrays, |_| true)?, scale(sampled, row_count), row_count))
}

/// How many rows of a table a sampled one stands for.
fn scale(sampled: usize, row_count: usize) -> f64 {
    (row_count as f64 / sampled.max(1) as f64).max(1.0)
}

/// Values, if each that came up once stands for so many.
fn scaled(occurrences: &Occurrences, of_one: f64, row_count: usize) -> f64 {
    let once = occurrences.values().filter(|is_repeated| !**is_repeated).count() as f64;
    let repeated = occurrences.len() as f64 - once;
    (once * of_one + repeated).clamp(1.0, row_count.max(1) as f64)
}

/// How many rows with the same value follow each other, on average, from 1; a NULL is a value here.
pub(super) fn run_rows(array: &ArrayRef) -> Option<f64> {
    let hashes = hashes(std::slice::from_ref(array))?;
    let changes =
        changes(hashes.len(), |row| hashes[row] != hashes[row - 1] || array.is_null(row) != array.is_null(row - 1));
    Some((hashes.len() as f64 / changes.max(1.0)).max(1.0))
}

fn hashes(arrays: &[ArrayRef]) -> Option<Vec<u64>> {
    let mut hashes = vec![0; arrays.first()?.len()];
    create_hashes(arrays, &RandomState::default(), &mut hashes).ok()?;
    Some(hashes)
}

/// The hashes of values, and whether each came up more than once.
type Occurrences = HashMap<u64, bool, BuildHasherDefault<Identity>>;

fn occurrences(arrays: &[ArrayRef], is_counted: impl Fn(usize) -> bool) -> Option<Occurrences> {
    let mut found = Occurrences::default();
    for (row, hash) in hashes(arrays)?.into_iter().enumerate() {
        if is_counted(row) {
            found.entry(hash).and_modify(|is_repeated| *is_repeated = true).or_insert(false);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    #[track_caller]
    fn check(array: impl Array + 'static, row_count: usize, expected: f64) {
        let array: ArrayRef = Arc::new(array);
        assert_eq!(of_sample(&array, row_count), Some(expected));
    }

    #[test]
    fn all_rows_are_counted() {
        check(Int64Array::from(vec![Some(1), Some(2), None, Some(2), None]), 5, 2.0);
        check(StringArray::from(vec!["a", "b", "a"]), 3, 2.0);
        check(Int64Array::from(vec![None, None]), 2, 1.0);
        check(Int64Array::from(Vec::<i64>::new()), 0, 1.0);
    }

    #[test]
    fn combinations_are_counted_or_not_underestimated() {
        let county = Arc::new(StringArray::from(vec!["a", "b", "c", "a", "c", "b"])) as ArrayRef;
        let state = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(1), None, Some(1)])) as ArrayRef;
        assert_eq!(of_sample_together(&[county, state], 6), Some(4.0));
        assert_eq!(of_sample_together(&[], 6), None);
        // Three by seven values go on as they are; a key is one in a sample, too.
        let [item, ticket] = [3, 7].map(|step| Int64Array::from_iter_values((0..100).map(|row| row % step)));
        let [item, ticket] = [item, ticket].map(|array| Arc::new(array) as ArrayRef);
        assert_eq!(of_sample_together(&[Arc::clone(&item), Arc::clone(&ticket)], 10_000), Some(21.0));
        let row = Arc::new(Int64Array::from_iter_values(0..100)) as ArrayRef;
        assert_eq!(of_sample_together(&[item, row], 10_000), Some(10_000.0));
    }

    #[test]
    fn values_that_came_up_once_stand_for_more() {
        check(Int64Array::from_iter_values(0..100), 10_000, 1000.0);
        check(Int64Array::from_iter_values((0..100).map(|row| row / 2)), 10_000, 50.0);
    }
}

//! Distinct values of a column: counted where all rows are at hand, estimated from a sample.
//!
//! The estimate is GEE of Charikar et al., "Towards estimation error guarantees for distinct values" (PODS 2000): of `n` sampled rows
//! out of `N`, values that came up once stand for `sqrt(N / n)` values each, the others for themselves. Its error is at most a factor of
//! `sqrt(N / n)`, which no estimate from a sample can better.

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
    let occurrences = occurrences(array)?;
    let once = occurrences.values().filter(|is_repeated| !**is_repeated).count() as f64;
    let repeated = occurrences.len() as f64 - once;
    let scale = (row_count as f64 / array.len().max(1) as f64).max(1.0);
    Some((once * scale.sqrt() + repeated).clamp(1.0, row_count.max(1) as f64))
}

/// How many rows with the same value follow each other, on average, from 1; a NULL is a value here.
pub(super) fn run_rows(array: &ArrayRef) -> Option<f64> {
    let hashes = hashes(array)?;
    let changes =
        changes(hashes.len(), |row| hashes[row] != hashes[row - 1] || array.is_null(row) != array.is_null(row - 1));
    Some((hashes.len() as f64 / changes.max(1.0)).max(1.0))
}

fn hashes(array: &ArrayRef) -> Option<Vec<u64>> {
    let mut hashes = vec![0; array.len()];
    create_hashes(std::slice::from_ref(array), &RandomState::default(), &mut hashes).ok()?;
    Some(hashes)
}

/// The hashes of all values, and whether each came up more than once.
fn occurrences(array: &ArrayRef) -> Option<HashMap<u64, bool, BuildHasherDefault<Identity>>> {
    let mut found = HashMap::default();
    for (row, hash) in hashes(array)?.into_iter().enumerate() {
        if array.is_valid(row) {
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
    fn values_that_came_up_once_stand_for_more() {
        check(Int64Array::from_iter_values(0..100), 10_000, 1000.0);
        check(Int64Array::from_iter_values((0..100).map(|row| row / 2)), 10_000, 50.0);
    }
}

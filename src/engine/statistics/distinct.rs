//! Distinct values of columns: counted where all rows are at hand, estimated from a sample.
//!
//! The estimate is Duj1 of Haas et al., "Sampling-based estimation of the number of distinct values of an attribute" (VLDB 1995): of a share `q` of
//! `n` draws from a table, of which `d` are distinct and `f` came up once, there are `n d / (n - f (1 - q))` values. If all came up once, that is
//! one a draw of the whole table: a key.
//!
//! ```text
//!   order of a line   7 7 7 7 | 8 | 9 9 …      draws: 7, 8, 9, …   each came up once, as they do in the whole table
//! ```
//!
//! What is drawn are runs of a value and not rows: a sample has blocks of rows, in which rows of one order follow each other. To take each of them for
//! a draw would be to say that most orders came up often, so that nearly all of them have been seen. No run goes on from one block to the next.
//!
//! Combinations of columns are counted to know how far they stay below the product of the columns' values. There, values that came up
//! once stand for `1 / q` each, the most that they may: a key of two columns is unique in every sample, and must not be taken for less.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{Array, ArrayRef};
use datafusion::common::hash_utils::{RandomState, create_hashes};

use super::sample::{BLOCK_ROWS, changes};

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
    let hashes = hashes(std::slice::from_ref(array))?;
    let follows =
        |row: usize| !row.is_multiple_of(BLOCK_ROWS) && array.is_valid(row - 1) && hashes[row] == hashes[row - 1];
    let begins_run = |row: &usize| array.is_valid(*row) && !follows(*row);
    let runs: Vec<u64> = (0..hashes.len()).filter(begins_run).map(|row| hashes[row]).collect();
    let (drawn, occurrences) = (runs.len() as f64, occurrences(runs));
    let (distinct, once) = (occurrences.len() as f64, once(&occurrences));
    let scale = scale(array.len(), row_count);
    let estimate = drawn * distinct / (drawn - once * (1.0 - scale.recip()));
    // Without a draw it is not a number.
    Some(estimate.max(distinct).max(1.0).min(row_count.max(1) as f64))
}

/// The most distinct combinations that values of several columns of such a table are expected to have, at least 1. Here NULL is a value like
/// others.
pub(super) fn of_sample_together(arrays: &[ArrayRef], row_count: usize) -> Option<f64> {
    let occurrences = occurrences(hashes(arrays)?);
    let (distinct, once) = (occurrences.len() as f64, once(&occurrences));
    let scale = scale(arrays.first()?.len(), row_count);
    Some((distinct + once * (scale - 1.0)).clamp(1.0, row_count.max(1) as f64))
}

/// How many rows of a table a sampled one stands for.
fn scale(sampled: usize, row_count: usize) -> f64 {
    (row_count as f64 / sampled.max(1) as f64).max(1.0)
}

/// Values that came up once.
fn once(occurrences: &Occurrences) -> f64 {
    occurrences.values().filter(|is_repeated| !**is_repeated).count() as f64
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

fn occurrences(hashes: Vec<u64>) -> Occurrences {
    let mut found = Occurrences::default();
    for hash in hashes {
        found.entry(hash).and_modify(|is_repeated| *is_repeated = true).or_insert(false);
    }
    found
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
    fn a_key_is_one_in_the_whole_table() {
        check(Int64Array::from_iter_values(0..100), 10_000, 10_000.0);
        // As many orders as lines by two; every other row NULL.
        check(Int64Array::from_iter_values((0..100).map(|row| row / 2)), 10_000, 5000.0);
        check(Int64Array::from_iter((0..100).map(|row| (row % 2 == 0).then_some(row))), 10_000, 5000.0);
    }

    #[test]
    fn values_that_come_back_are_about_all_there_are() {
        check(Int64Array::from_iter_values((0..100).map(|row| row % 10)), 10_000, 10.0);
        check(Int64Array::from_iter_values([7; 2 * BLOCK_ROWS]), 1_000_000, 1.0);
        check(Int64Array::from(vec![None; 100]), 10_000, 1.0);
        // 20,000 draws of 10,000 values, of a million rows: 8,600 or so are seen, a third of them once.
        let mut word = 1_u64;
        let mut draw = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (word >> 33) as i64 % 10_000
        };
        let drawn = Arc::new(Int64Array::from_iter_values((0..20_000).map(|_| draw()))) as ArrayRef;
        let found = of_sample(&drawn, 1_000_000).expect("whole numbers can be hashed");
        assert!((found / 10_000.0 - 1.0).abs() < 0.03, "{found}");
    }
}

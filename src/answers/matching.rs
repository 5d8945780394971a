//! Which rows of the answer are which rows of the expected one.
//!
//! In: the [`Columns`] of both sides. Out: the rows of either side that stay without a partner when
//! as many as possible have one. The order of rows plays no part here.
//!
//! Rows are first grouped by what must be equal: exact columns, strings, and where NULL stands. Where
//! a column is floating, agreeing is not transitive: `a` may agree with `x` and `y`, but `b` with `x`
//! alone, so that the first partner at hand can be the wrong one. Such a group is split at gaps wider
//! than the tolerance; a piece with one floating column is matched in sorted order, which is optimal
//! for intervals, and any other piece by augmenting paths (Berge, 1957).

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::columns::{Column, Columns, Values, floats_agree, tolerance};

/// The rows without a partner, by their index in [`Columns`], in ascending order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unmatched {
    pub(super) actual: Vec<usize>,
    pub(super) expected: Vec<usize>,
}

/// Matches the rows of both sides.
pub(super) fn match_rows(columns: &Columns) -> Unmatched {
    let (actual_count, expected_count) = (columns.actual_count, columns.expected_count);
    let both = actual_count.min(expected_count);
    // Most answers have their rows where they are expected: one pass over the columns settles them.
    let mut in_place = vec![true; both];
    for column in &columns.columns {
        for (row, in_place) in in_place.iter_mut().enumerate() {
            *in_place = *in_place && column.agrees(row, actual_count + row);
        }
    }
    let open = |row: &usize| *row >= both || !in_place[*row];
    let actual: Vec<usize> = (0..actual_count).filter(open).collect();
    let expected: Vec<usize> = (0..expected_count).filter(open).map(|row| actual_count + row).collect();
    if actual.is_empty() {
        return Unmatched { actual, expected };
    }
    let is_everything = actual.len() == actual_count;
    let unmatched = match_groups(columns, &actual, &expected);
    let has_floats = columns.columns.iter().any(|c| matches!(c.values, Values::Float { .. }));
    if unmatched.actual.is_empty() || is_everything || !has_floats {
        return unmatched;
    }
    // A row that agrees where it stands may yet be needed elsewhere.
    let actual: Vec<usize> = (0..actual_count).collect();
    let expected: Vec<usize> = (actual_count..actual_count + expected_count).collect();
    match_groups(columns, &actual, &expected)
}

fn match_groups(columns: &Columns, actual: &[usize], expected: &[usize]) -> Unmatched {
    let mut hashed: Vec<(u64, usize)> =
        actual.iter().chain(expected).map(|row| (exact_hash(columns, *row), *row)).collect();
    hashed.sort_unstable();
    let mut unmatched = Unmatched::default();
    for run in hashed.chunk_by(|left, right| left.0 == right.0) {
        let mut rest: Vec<usize> = run.iter().map(|(_, row)| *row).collect();
        // Two different rows with one hash are possible, if hardly ever seen.
        while let Some(first) = rest.first().copied() {
            let (group, others): (Vec<usize>, Vec<usize>) =
                rest.into_iter().partition(|row| is_exactly_equal(columns, first, *row));
            match_group(columns, &group, &mut unmatched);
            rest = others;
        }
    }
    unmatched.actual.sort_unstable();
    unmatched.expected.sort_unstable();
    unmatched
}

/// What of a floating value must be equal: 0 for a finite one, else a number for each other kind.
fn float_class(value: f64) -> u8 {
    if value.is_finite() {
        0
    } else if value.is_nan() {
        1
    } else if value > 0.0 {
        2
    } else {
        3
    }
}

fn exact_hash(columns: &Columns, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in &columns.columns {
        column.is_null[row].hash(&mut hasher);
        if column.is_null[row] {
            continue;
        }
        match &column.values {
            Values::Exact { values, .. } => values[row].hash(&mut hasher),
            Values::Float { values, .. } => float_class(values[row]).hash(&mut hasher),
            Values::Text(values) => values.value(row).hash(&mut hasher),
        }
    }
    hasher.finish()
}

fn is_exactly_equal(columns: &Columns, left: usize, right: usize) -> bool {
    columns.columns.iter().all(|column| match &column.values {
        Values::Float { values, .. } => {
            column.is_null[left] == column.is_null[right]
                && (column.is_null[left] || float_class(values[left]) == float_class(values[right]))
        }
        Values::Exact { .. } | Values::Text(_) => column.agrees(left, right),
    })
}

/// Matches rows that agree in all that is exact.
fn match_group(columns: &Columns, group: &[usize], unmatched: &mut Unmatched) {
    let floats: Vec<Floats<'_>> = columns.columns.iter().filter_map(|column| Floats::of(column, group[0])).collect();
    // A piece, the column to cut it by next, and how many columns in a row did not cut it. A cut by
    // one column can open gaps in another one, so that a piece is done when none of them cuts it.
    let mut pieces = vec![(group.to_vec(), 0, 0)];
    while let Some((piece, next, uncut_count)) = pieces.pop() {
        if uncut_count == floats.len() || piece.len() == 1 {
            match_piece(columns.actual_count, &floats, piece, unmatched);
            continue;
        }
        let parts = floats[next].split(piece);
        let uncut_count = if parts.len() == 1 { uncut_count + 1 } else { 1 };
        let next = (next + 1) % floats.len();
        pieces.extend(parts.into_iter().map(|part| (part, next, uncut_count)));
    }
}

/// A floating column, in a group whose rows all have a finite value there.
#[derive(Debug)]
struct Floats<'a> {
    values: &'a [f64],
    unit: f64,
}

impl<'a> Floats<'a> {
    fn of(column: &'a Column, row: usize) -> Option<Self> {
        match &column.values {
            Values::Float { values, unit, .. } => {
                let is_finite = !column.is_null[row] && values[row].is_finite();
                is_finite.then_some(Self { values, unit: *unit })
            }
            Values::Exact { .. } | Values::Text(_) => None,
        }
    }

    fn agrees(&self, left: usize, right: usize) -> bool {
        floats_agree(self.values[left], self.values[right], self.unit)
    }

    fn sort(&self, rows: &mut [usize]) {
        rows.sort_unstable_by(|left, right| self.values[*left].total_cmp(&self.values[*right]).then(left.cmp(right)));
    }

    /// The bounds outside of which no value agrees with that of `row`.
    fn window(&self, row: usize) -> (f64, f64) {
        let value = self.values[row];
        let reach = 2.0 * tolerance(value, 0.0, self.unit);
        (value - reach, value + reach)
    }

    /// Cuts rows where no row below agrees with a row above: at gaps that are wider than the
    /// tolerance.
    fn split(&self, mut rows: Vec<usize>) -> Vec<Vec<usize>> {
        // Of two values that agree, those in between are nearer to each other, but as they are
        // smaller, so may be their tolerance, by a part in a million.
        const LINK: f64 = 1.0 + 1e-5;
        self.sort(&mut rows);
        let parts = rows.chunk_by(|left, right| {
            let (left, right) = (self.values[*left], self.values[*right]);
            right - left <= tolerance(left, right, self.unit) * LINK
        });
        parts.map(<[usize]>::to_vec).collect()
    }

    /// Whether all these rows agree with each other.
    fn all_agree(&self, rows: &[usize]) -> bool {
        let values = || rows.iter().map(|row| self.values[*row]);
        let smallest = values().fold(f64::INFINITY, f64::min);
        let largest = values().fold(f64::NEG_INFINITY, f64::max);
        // Relative tolerance is narrowest where values are smallest.
        let magnitude = values().map(f64::abs).fold(f64::INFINITY, f64::min);
        largest - smallest <= tolerance(magnitude, 0.0, self.unit)
    }
}

/// Matches the rows of one piece.
fn match_piece(actual_count: usize, floats: &[Floats<'_>], mut piece: Vec<usize>, unmatched: &mut Unmatched) {
    // In ascending order, so that of alike expected rows the later ones stay without a partner:
    // these are the ones that a LIMIT may cut off.
    piece.sort_unstable();
    let (actual, expected) = piece.split_at(piece.partition_point(|row| *row < actual_count));
    if floats.iter().all(|column| column.all_agree(&piece)) {
        let both = actual.len().min(expected.len());
        unmatched.actual.extend(&actual[both..]);
        unmatched.expected.extend(&expected[both..]);
    } else if let [column] = floats {
        match_intervals(column, actual.to_vec(), expected.to_vec(), unmatched);
    } else {
        match_paths(floats, actual, expected, unmatched);
    }
}

/// Matches rows by one floating column. The bounds within which a value agrees rise with it, so that
/// taking the smallest open partner, in ascending order, leaves as few rows over as possible.
fn match_intervals(column: &Floats<'_>, mut actual: Vec<usize>, mut expected: Vec<usize>, unmatched: &mut Unmatched) {
    column.sort(&mut actual);
    column.sort(&mut expected);
    let mut candidates = expected.into_iter().peekable();
    for row in actual {
        while let Some(below) =
            candidates.next_if(|e| column.values[*e] < column.values[row] && !column.agrees(row, *e))
        {
            unmatched.expected.push(below);
        }
        if candidates.next_if(|candidate| column.agrees(row, *candidate)).is_none() {
            unmatched.actual.push(row);
        }
    }
    unmatched.expected.extend(candidates);
}

/// Matches rows by several floating columns, with augmenting paths.
fn match_paths(floats: &[Floats<'_>], actual: &[usize], expected: &[usize], unmatched: &mut Unmatched) {
    let window_column = widest(floats, expected);
    let mut expected = expected.to_vec();
    window_column.sort(&mut expected);
    let neighbours = |row: usize| {
        let (low, high) = window_column.window(row);
        let from = expected.partition_point(|e| window_column.values[*e] < low);
        let to = expected.partition_point(|e| window_column.values[*e] <= high);
        let expected = &expected;
        (from..to).filter(move |e| floats.iter().all(|column| column.agrees(row, expected[*e])))
    };
    // Positions in `actual` and `expected`.
    let mut partner_of_actual: Vec<Option<usize>> = vec![None; actual.len()];
    let mut partner_of_expected: Vec<Option<usize>> = vec![None; expected.len()];
    let mut reached_from = vec![0; expected.len()];
    let mut reached_in: Vec<Option<usize>> = vec![None; expected.len()];
    for start in 0..actual.len() {
        let mut queue = VecDeque::from([start]);
        let mut free = None;
        'search: while let Some(a) = queue.pop_front() {
            for e in neighbours(actual[a]) {
                if reached_in[e] == Some(start) {
                    continue;
                }
                (reached_in[e], reached_from[e]) = (Some(start), a);
                match partner_of_expected[e] {
                    None => {
                        free = Some(e);
                        break 'search;
                    }
                    Some(partner) => queue.push_back(partner),
                }
            }
        }
        // Turn the path round: each row on it takes the partner that it was reached by.
        while let Some(e) = free {
            let a = reached_from[e];
            free = partner_of_actual[a].replace(e);
            partner_of_expected[e] = Some(a);
        }
    }
    let alone = |rows: &[usize], partners: &[Option<usize>]| -> Vec<usize> {
        let pairs = rows.iter().zip(partners);
        pairs.filter(|(_, partner)| partner.is_none()).map(|(row, _)| *row).collect()
    };
    unmatched.actual.extend(alone(actual, &partner_of_actual));
    unmatched.expected.extend(alone(&expected, &partner_of_expected));
}

/// The column whose values lie furthest apart, measured in tolerances: its windows are the smallest.
fn widest<'a, 'b>(floats: &'b [Floats<'a>], rows: &[usize]) -> &'b Floats<'a> {
    let spread = |column: &Floats<'_>| {
        let values = || rows.iter().map(|row| column.values[*row]);
        let smallest = values().fold(f64::INFINITY, f64::min);
        let largest = values().fold(f64::NEG_INFINITY, f64::max);
        (largest - smallest) / tolerance(smallest, largest, column.unit).max(f64::MIN_POSITIVE)
    };
    floats
        .iter()
        .max_by(|left, right| spread(left).total_cmp(&spread(right)))
        .expect("a piece without floating columns is matched by counting")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, RecordBatch};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// How many of the rows from `row` on can have a partner, by trying all ways.
    fn most_partners(columns: &Columns, row: usize, taken: u32) -> usize {
        if row == columns.actual_count {
            return 0;
        }
        let without = most_partners(columns, row + 1, taken);
        let partners = (0..columns.expected_count)
            .filter(|e| taken & (1 << e) == 0 && columns.rows_agree(row, columns.actual_count + e));
        partners.map(|e| 1 + most_partners(columns, row + 1, taken | (1 << e))).fold(without, usize::max)
    }

    #[test]
    fn no_other_choice_of_partners_leaves_fewer_rows() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for round in 0..20_000 {
            let column_count = random.random_range(1..=3);
            let mut side = || {
                let row_count = random.random_range(0..=5);
                let columns = (0..column_count).map(|column| {
                    // Less than half of the tolerance apart: chains of rows that agree in part.
                    let value = |_| 1.0 + 4e-7 * f64::from(random.random_range(0..6_i32));
                    let values: Float64Array = (0..row_count).map(value).map(Some).collect();
                    (format!("c{column}"), Arc::new(values) as ArrayRef)
                });
                RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
            };
            let (actual, expected) = (side(), side());
            let batches = (std::slice::from_ref(&actual), std::slice::from_ref(&expected));
            let schema = actual.schema();
            let columns = Columns::align((&schema, batches.0), (&schema, batches.1)).unwrap();
            let matched = actual.num_rows() - match_rows(&columns).actual.len();
            assert_eq!(matched, most_partners(&columns, 0, 0), "round {round}: {columns:?}");
        }
    }
}

//! The rows of a join, from those of its inputs.
//!
//! ```text
//!   left   28.8 M rows   ss_sold_date_sk    1,823 values in [2450816, 2452642]
//!   right     366 rows   d_date_sk         73,049 values in [2415022, 2488070], filtered to [2451545, 2451910]
//!
//!   both lie in [2451545, 2451910]:   5.8 M left rows,  366 right rows,  366 of the left and of the right domain
//!   28.8 M · 366  ─▶  5.8 M · 366 / max(366, 366)  =  5.8 M
//! ```
//!
//! The classic estimate `l · r / max(d left, d right)` (Selinger et al., "Access path selection in a relational database management
//! system", SIGMOD 1979) is taken within the range that both keys have in common, and with the distinct values of the unfiltered tables:
//! a filter on one side does not make its values more likely on the other.
//!
//! The values of a key of several columns are as many as [`combinations`] says.

use super::estimate::{ColumnEstimate, Estimate, Range, combinations};

/// The share of an anti join's left rows that are expected to stay, at least.
const ANTI_SHARE_MIN: f64 = 0.05;

/// A pair of columns that a join compares.
pub(crate) type KeyPair<'a> = (&'a ColumnEstimate, &'a ColumnEstimate);

/// The share of all pairs of rows for which all keys are equal, 0 to 1.
pub(crate) fn equal_share(keys: &[KeyPair<'_>]) -> f64 {
    let Some(matched) = matched(keys) else { return 0.0 };
    matched.left_share * matched.right_share / matched.left_domain.max(matched.right_domain)
}

/// The shares of the left and of the right rows that lie in the range of the other column, 0 to 1.
pub(crate) fn shares_within((left, right): KeyPair<'_>) -> [f64; 2] {
    let within =
        |column: &ColumnEstimate, other: &ColumnEstimate| other.range.map_or(1.0, |range| column.share_within(range));
    [within(left, right), within(right, left)]
}

/// The share of left rows that have a partner, 0 to 1.
pub(crate) fn partner_share(keys: &[KeyPair<'_>], right_rows: f64) -> f64 {
    let Some(matched) = matched(keys) else { return 0.0 };
    // What is left of the right domain, of all that a left row may ask for.
    let distinct: f64 = keys.iter().map(|(_, right)| right.distinct).product();
    let right_distinct = distinct.min(right_rows * matched.right_share).min(matched.right_domain);
    (matched.left_share * right_distinct / matched.left_domain.max(matched.right_domain)).clamp(0.0, 1.0)
}

/// The kept share of an anti join's rows.
pub(crate) fn anti_share(keys: &[KeyPair<'_>], right_rows: f64) -> f64 {
    (1.0 - partner_share(keys, right_rows)).max(ANTI_SHARE_MIN)
}

/// What two keys have in common.
struct Matched {
    left_share: f64,
    right_share: f64,
    left_domain: f64,
    right_domain: f64,
}

/// None if the keys have no value in common.
fn matched(keys: &[KeyPair<'_>]) -> Option<Matched> {
    let (mut left_share, mut right_share) = (1.0, 1.0);
    let (mut left_domains, mut right_domains) = (Vec::new(), Vec::new());
    for (left, right) in keys {
        let common = match (left.range, right.range) {
            (Some(left), Some(right)) => Some(left.overlap(right)?),
            _ => None,
        };
        left_share *= share(left, common);
        right_share *= share(right, common);
        left_domains.push((*left, common.map_or(left.domain, |range| left.domain_within(range))));
        right_domains.push((*right, common.map_or(right.domain, |range| right.domain_within(range))));
    }
    let (left_domain, right_domain) = (combinations(&left_domains), combinations(&right_domains));
    Some(Matched { left_share, right_share, left_domain, right_domain })
}

fn share(column: &ColumnEstimate, common: Option<Range>) -> f64 {
    common.map_or(1.0 - column.null_share, |range| column.share_within(range))
}

/// The columns of a join's result in the order of the left ones and then the right ones, with that many rows.
pub(crate) fn both(left: &Estimate, right: &Estimate, rows: f64) -> Estimate {
    // Rows that multiply have no more values than before.
    let scaled = |side: &Estimate| side.clone().with_rows(rows.min(side.rows)).columns;
    let mut columns = scaled(left);
    columns.extend(scaled(right));
    Estimate { rows, columns }
}

/// The columns of an outer join's result: `inner` rows of both sides, and for the left and the right columns so many rows of NULLs.
///
/// A column with such rows is no longer the table's: what is counted there does not hold for them.
pub(crate) fn outer(left: &Estimate, right: &Estimate, null_rows: [f64; 2], inner: f64) -> Estimate {
    let rows = inner + null_rows[0] + null_rows[1];
    let mut joined = both(left, right, rows);
    let (left_columns, right_columns) = joined.columns.split_at_mut(left.columns.len());
    for (columns, null_rows) in [(left_columns, null_rows[0]), (right_columns, null_rows[1])] {
        if null_rows <= 0.0 || rows <= 0.0 {
            continue;
        }
        for column in columns {
            column.origin = None;
            column.null_share = (null_rows + column.null_share * (rows - null_rows).max(0.0)) / rows;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(distinct: f64, domain: f64, range: Option<(f64, f64)>, whole: Option<(f64, f64)>) -> ColumnEstimate {
        let range_of = |ends: Option<(f64, f64)>| ends.map(|(min, max)| Range { min, max });
        ColumnEstimate {
            distinct,
            domain,
            range: range_of(range),
            domain_range: range_of(whole),
            ..ColumnEstimate::unknown(distinct, 8.0)
        }
    }

    #[track_caller]
    fn check(left: (f64, &ColumnEstimate), right: (f64, &ColumnEstimate), expected: f64) {
        let rows = left.0 * right.0 * equal_share(&[(left.1, right.1)]);
        assert!((rows / expected - 1.0).abs() < 0.02, "{rows} for {expected}");
    }

    #[test]
    fn a_filtered_dimension_keeps_its_share_of_the_facts() {
        let facts = key(1823.0, 1823.0, Some((2450816.0, 2452642.0)), Some((2450816.0, 2452642.0)));
        let days = Some((2415022.0, 2488070.0));
        let year = key(366.0, 73049.0, Some((2451545.0, 2451910.0)), days);
        check((28.8e6, &facts), (366.0, &year), 28.8e6 * 366.0 / 1827.0);
        let novembers = key(6000.0, 73049.0, days, days);
        check((28.8e6, &facts), (6000.0, &novembers), 28.8e6 * 6000.0 / 73049.0);
        let elsewhere = key(366.0, 73049.0, Some((2415022.0, 2415387.0)), days);
        assert_eq!(equal_share(&[(&facts, &elsewhere)]), 0.0);
        // Without a range the values are all there is.
        check((1000.0, &key(10.0, 10.0, None, None)), (5.0, &key(5.0, 10.0, None, None)), 500.0);
    }

    #[test]
    fn filters_on_both_sides_do_not_make_matches_likelier() {
        let few = key(1000.0, 102_000.0, Some((1.0, 102_000.0)), Some((1.0, 102_000.0)));
        check((1000.0, &few), (1000.0, &few), 1000.0 * 1000.0 / 102_000.0);
    }

    #[test]
    fn rows_without_a_partner_have_nulls() {
        let side = |rows| Estimate { rows, columns: vec![key(10.0, 10.0, None, None)] };
        let joined = outer(&side(100.0), &side(10.0), [0.0, 90.0], 10.0);
        let nulls: Vec<f64> = joined.columns.iter().map(|column| column.null_share).collect();
        assert_eq!((joined.rows, nulls), (100.0, vec![0.0, 0.9]));
        assert_eq!(outer(&side(0.0), &side(0.0), [0.0, 0.0], 0.0).rows, 0.0);
    }

    #[test]
    fn partners_are_counted_once() {
        let left = key(100.0, 100.0, None, None);
        let right = key(25.0, 100.0, None, None);
        assert_eq!(partner_share(&[(&left, &right)], 1e6), 0.25);
        assert_eq!(anti_share(&[(&left, &right)], 1e6), 0.75);
        assert_eq!(anti_share(&[(&left, &left)], 1e6), ANTI_SHARE_MIN);
        let mut nulls = left.clone();
        nulls.null_share = 0.5;
        assert_eq!(partner_share(&[(&nulls, &right)], 1e6), 0.125);
    }
}

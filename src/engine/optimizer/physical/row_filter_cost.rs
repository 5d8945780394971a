//! What it costs a scan to filter rows while it decodes them, and which filters are worth it.
//!
//! ```text
//!   all rows:      decode a, b, c                                          then filter, or join
//!   row filter:    decode a ─▶ evaluate ─▶ which rows ─┬─ runs are long:    decode b, c of these rows, skip the others
//!                                                     └─ runs are short:   decode b, c, drop rows by a mask
//! ```
//!
//! The reader of Parquet skips rows if the runs of rows that it takes and leaves have at least 32 rows on average, and otherwise
//! decodes all and drops some (`RowSelectionPolicy::Auto` of the parquet crate). So a filter saves decoding only where rows that pass stand
//! together, or are few; what it costs is due for each row that reaches it. The filter of a join saves, besides, what the operators between do with
//! rows that the join would drop. Filters are evaluated one after the other, the next only
//! on what the last one left, so that their order matters: one that leaves less may be dearer, if it needs more columns or a lookup among
//! more rows.

use crate::engine::optimizer::join_order::HashJoinCost;
use crate::engine::statistics::Estimate;

/// Rows of an average run, of rows taken and rows left in turn, from which on the reader skips.
const SKIP_RUN_ROWS: f64 = 32.0;
/// To decode a value: a part that any value costs, and one for each byte of it in memory.
const DECODE_NS: f64 = 2.0;
const DECODE_BYTE_NS: f64 = 0.3;
/// The part of that which a value costs that is skipped, at the least: its page is decompressed, and it is found in it.
const SKIP_SHARE: f64 = 0.3;
/// The length of a run of skipped rows for which it is half more.
const SHORT_SKIP_ROWS: f64 = 128.0;
/// To take a value of a column that was decoded and to drop others, by a mask.
const MASK_NS: f64 = 4.0;
/// To begin a run, for each column.
const RUN_NS: f64 = 60.0;
/// To turn the result of a filter into runs of rows, for each row that it was evaluated on.
const SELECT_NS: f64 = 1.0;
/// To look a row up in the small build side of a join.
const LOOKUP_NS: f64 = 7.0;
/// To hash one more column for that.
const HASH_NS: f64 = 3.0;
/// To copy a value of a row that passed a filter above the scan.
const COPY_NS: f64 = 1.0;

/// A condition that a scan could filter rows by.
#[derive(Debug, Clone)]
pub(super) struct RowFilter {
    /// The columns that it needs, by their places in the table.
    pub(super) columns: Vec<usize>,
    /// The share of rows that pass, 0 to 1.
    pub(super) share: f64,
    /// How many rows follow each other that have the same result, on average.
    pub(super) run_rows: f64,
    /// Of a filter that a join above finds.
    pub(super) join: Option<JoinFilter>,
}

/// What a filter has to do with the join that finds it, and that drops the same rows itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JoinFilter {
    /// To look a row up in the join's build side, ns.
    pub(super) lookup_ns: f64,
    /// What the operators up to the join cost for each row of the table, ns.
    pub(super) between_ns: f64,
}

impl JoinFilter {
    /// `build_rows` of so many columns are looked up; operators between cost `between_ns` for each row of the table.
    pub(super) fn new(build_rows: f64, columns: usize, between_ns: f64) -> Self {
        let costs = HashJoinCost::default();
        let farther_ns = costs.lookup(build_rows).0 - costs.lookup(1.0).0;
        Self { lookup_ns: LOOKUP_NS + farther_ns + HASH_NS * columns.saturating_sub(1) as f64, between_ns }
    }
}

/// Which filters a scan is to evaluate, in that order. `read` are the columns of the scan's result, `table` has all columns.
///
/// The filter that makes the scan cheapest is put where it does so among those that are there, and then the next; of all that was seen on the way,
/// the cheapest stays.
pub(super) fn choose(filters: &[RowFilter], table: &Estimate, read: &[usize]) -> Vec<usize> {
    let cost = |inside: &[usize]| cost_ns(inside, filters, table, read);
    let (mut inside, mut rest) = (Vec::new(), Vec::from_iter(0..filters.len()));
    let mut best = (cost(&inside), Vec::new());
    while !rest.is_empty() {
        let places = (0..rest.len()).flat_map(|taken| (0..=inside.len()).map(move |place| (taken, place)));
        let with = |(taken, place): (usize, usize)| {
            let mut with = inside.clone();
            with.insert(place, rest[taken]);
            (cost(&with), taken, with)
        };
        let Some((cost, taken, with)) = places.map(with).min_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        rest.remove(taken);
        inside = with;
        if cost < best.0 {
            best = (cost, inside.clone());
        }
    }
    best.1
}

/// Nanoseconds a row of the table, if these filters are in the scan, in that order, and the others are not.
fn cost_ns(inside: &[usize], filters: &[RowFilter], table: &Estimate, read: &[usize]) -> f64 {
    let outside = (0..filters.len()).filter(|filter| !inside.contains(filter));
    let decode_ns =
        |column: usize| table.columns.get(column).map_or(0.0, |column| DECODE_NS + DECODE_BYTE_NS * column.width_bytes);
    let mut decoded: Vec<usize> = Vec::new();
    let mut cost = 0.0;
    // What has passed so far, and the shortest runs of it.
    let (mut share, mut run_rows) = (1.0, f64::INFINITY);
    let mut decode = |columns: &[usize], share: f64, run_rows: f64| {
        let mut cost = 0.0;
        for column in columns {
            if !decoded.contains(column) {
                decoded.push(*column);
                cost += selected_ns(decode_ns(*column), share, run_rows);
            }
        }
        cost
    };
    for filter in inside.iter().map(|filter| &filters[*filter]) {
        cost += decode(&filter.columns, share, run_rows);
        cost += share * (SELECT_NS + filter.join.map_or(0.0, |join| join.lookup_ns));
        share *= filter.share;
        run_rows = run_rows.min(filter.run_rows);
    }
    cost += decode(read, share, run_rows);
    for filter in outside.map(|filter| &filters[filter]).filter(|filter| filter.join.is_none()) {
        cost += decode(&filter.columns, share, run_rows) + share * filter.share * COPY_NS * read.len() as f64;
        share *= filter.share;
    }
    // What joins look up themselves, of what is left for them.
    let lookups_ns: f64 = filters.iter().filter_map(|filter| filter.join).map(|join| join.lookup_ns).sum();
    cost + share * lookups_ns + above_ns(filters, inside)
}

/// What the operators above cost for each row of the table: those below a join have fewer rows if the scan has its filter.
fn above_ns(filters: &[RowFilter], inside: &[usize]) -> f64 {
    let mut joins: Vec<f64> = filters.iter().filter_map(|filter| filter.join).map(|join| join.between_ns).collect();
    joins.sort_by(f64::total_cmp);
    let inside = || inside.iter().map(|filter| &filters[*filter]);
    let mut below = 0.0;
    let between = joins.into_iter().map(|between_ns| {
        let farther = inside().filter(|filter| filter.join.is_some_and(|own| own.between_ns >= between_ns));
        let work = between_ns - below;
        below = between_ns;
        work * farther.map(|filter| filter.share).product::<f64>()
    });
    between.sum()
}

/// To decode a column, for each row of the table, of which a share is taken.
fn selected_ns(decode_ns: f64, share: f64, run_rows: f64) -> f64 {
    if share >= 1.0 {
        return decode_ns;
    }
    // Runs end where results differ: independent ones do with that probability.
    let ends = (2.0 * share * (1.0 - share) / run_rows).max(f64::MIN_POSITIVE);
    match 1.0 / ends >= SKIP_RUN_ROWS {
        true => {
            let skipped_rows = run_rows / share.max(f64::MIN_POSITIVE);
            let skip_share = SKIP_SHARE * (1.0 + (SHORT_SKIP_ROWS / skipped_rows).min(1.0));
            (share + (1.0 - share) * skip_share) * decode_ns + ends * RUN_NS
        }
        false => decode_ns + MASK_NS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::statistics::ColumnEstimate;

    /// A table of a filtered column and of others of 8 bytes.
    fn table(others: usize) -> Estimate {
        Estimate { rows: 1e6, columns: vec![ColumnEstimate::unknown(1e6, 8.0); others + 1] }
    }

    /// One with few rows.
    fn join(between_ns: f64) -> JoinFilter {
        JoinFilter::new(1.0, 1, between_ns)
    }

    #[track_caller]
    fn check(share: f64, run_rows: f64, others: usize, between_ns: Option<f64>, is_chosen: bool) {
        let filter = RowFilter { columns: vec![0], share, run_rows, join: between_ns.map(join) };
        // A join needs its key.
        let read: Vec<usize> = (usize::from(between_ns.is_none())..=others).collect();
        let chosen = choose(&[filter], &table(others), &read);
        assert_eq!(!chosen.is_empty(), is_chosen, "{share} in runs of {run_rows} before {others} columns");
    }

    #[test]
    fn shares_and_runs_decide() {
        // As measured: `cargo bench -- 'row filter'`.
        check(0.001, 1.0, 3, None, true);
        check(0.01, 1.0, 3, None, true);
        check(0.05, 1.0, 3, None, false);
        check(0.5, 1.0, 3, None, false);
        check(0.05, 16.0, 3, None, true);
        check(0.5, 16.0, 3, None, false);
        check(0.5, 256.0, 3, None, true);
        check(0.5, 65536.0, 3, None, true);
        // Nothing is saved where no other column is read.
        check(0.3, 1.0, 0, None, false);
    }

    #[test]
    fn what_a_join_does_again_must_save_more() {
        check(1.0, 16.0, 5, Some(0.0), false);
        check(0.97, 1000.0, 1, Some(0.0), false);
        check(0.02, 16.0, 2, Some(0.0), true);
    }

    #[test]
    fn what_is_dropped_far_below_its_join_saves_the_operators_between() {
        check(0.2, 1.0, 2, Some(0.0), false);
        check(0.2, 1.0, 2, Some(100.0), true);
        check(1.0, 1.0, 2, Some(1000.0), false);
    }

    #[test]
    fn operators_count_for_the_filters_of_joins_above_them() {
        let filter = |share, between_ns: Option<f64>| {
            let join = between_ns.map(join);
            RowFilter { columns: vec![0], share, run_rows: 1.0, join }
        };
        let filters = [filter(0.5, Some(10.0)), filter(0.1, None), filter(0.2, Some(30.0))];
        assert_eq!(above_ns(&filters, &[]), 30.0);
        assert_eq!(above_ns(&filters, &[1]), 30.0);
        assert_eq!(above_ns(&filters, &[0]), 10.0 * 0.5 + 20.0);
        assert_eq!(above_ns(&filters, &[2, 0]), 10.0 * 0.5 * 0.2 + 20.0 * 0.2);
    }

    #[test]
    fn the_best_come_first_and_the_others_not() {
        let filter = |share, run_rows| RowFilter { columns: vec![0], share, run_rows, join: Some(join(0.0)) };
        let filters = [filter(1.0, 1.0), filter(0.1, 100.0), filter(0.01, 100.0)];
        assert_eq!(choose(&filters, &table(4), &[1, 2, 3, 4]), [2, 1]);
        assert!(choose(&[], &table(4), &[1]).is_empty());
        // Returns of a year, found by ticket and item, are fewer than the sales of a month, but those are found by a date.
        let returns =
            RowFilter { columns: vec![1, 2, 3], join: Some(JoinFilter::new(3e5, 3, 0.0)), ..filter(0.01, 1.0) };
        assert_eq!(choose(&[returns, filter(0.015, 1000.0)], &table(4), &[1, 2, 3, 4]), [1, 0]);
        let empty = Estimate { rows: 0.0, columns: Vec::new() };
        assert!(choose(&[filter(0.5, 1.0)], &empty, &[]).len() <= 1, "columns that nobody knows cost nothing");
    }
}

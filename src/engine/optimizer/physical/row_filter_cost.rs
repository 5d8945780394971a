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
//! rows that the join would drop, but not much of the join's own work: a lookup in the scan is dearer than one in the join, as the scan
//! evaluates an expression and makes runs of rows of what it finds. Filters are evaluated one after the other, the next only on what the last one
//! left, so that their order matters: one that leaves less may be dearer, if it needs more columns or a lookup among more rows. A column that a
//! filter needs and the scan's result as well is decoded in whole batches and kept (`CachedArrayReader` of the parquet crate): a second filter saves
//! decoding its own column only where the first left out whole batches.
//!
//! The constants were measured over share, runs, and columns, for conditions and for filters of joins: `cargo bench -- 'row filter'` has a part
//! of that, and the rest is in METHODOLOGY. What it takes to skip, to begin a run, and to drop by a mask is near proportional to what it takes to
//! decode the column, which is why it is given in values decoded.

use datafusion::common::config::ConfigOptions;

use crate::engine::optimizer::join_order::{CostModel, FilteredScan, HashJoinCost, JoinCandidate};
use crate::engine::settings::{PushdownOptions, RowFilters};
use crate::engine::statistics::{ColumnEstimate, Estimate, Passing};

/// Rows of an average run, of rows taken and rows left in turn, from which on the reader skips.
const SKIP_RUN_ROWS: f64 = 32.0;
/// To decode a value: a part that any value costs, and one for each byte of it in memory.
const DECODE_NS: f64 = 3.0;
const DECODE_BYTE_NS: f64 = 0.1;
/// How much more a value of a column with NULLs costs, as what is there must be spread over the rows.
const DECODE_NULLS: f64 = 1.3;
/// The share of NULLs from which on that is so; with fewer, most groups of values have none.
const NULLS_SHARE: f64 = 1.0 / 32.0;
/// To skip a value, in values decoded: its page is decompressed, and it is found in it.
const SKIP: f64 = 0.4;
/// To begin a run, for each column, in values decoded.
const RUN: f64 = 17.0;
/// To take some values of a column that was decoded and to drop others, by a mask: for each value, each one taken, each run. In values decoded.
const MASK: f64 = 0.06;
const MASK_TAKEN: f64 = 0.35;
const MASK_RUN: f64 = 1.15;
/// Rows that are decoded together of a column that is kept.
const KEPT_ROWS: f64 = 8192.0;
/// To evaluate a condition, for each of its columns.
const EVALUATE_NS: f64 = 1.5;
/// To turn the result of a filter into runs of rows, for each run. Results that alternate at random cost the most.
const SELECT_RUN_NS: f64 = 18.0;
/// To look a row up in the small build side of a join: in the scan, and in the join.
const SCAN_LOOKUP_NS: f64 = 8.0;
const LOOKUP_NS: f64 = 3.5;
/// To hash one more column for that.
const SCAN_HASH_NS: f64 = 5.5;
const HASH_NS: f64 = 2.0;
/// What a run costs a lookup in the scan more.
const LOOKUP_RUN_NS: f64 = 18.0;
/// To copy a value of a row that passed a filter above the scan.
const COPY_NS: f64 = 1.0;
/// How much of the cost without a row filter is left at the most with those that are chosen: less is within what the constants are wrong by.
const GAIN: f64 = 0.95;
/// Filters of which any is tried at any place. Of more, each is tried at the end only: a scan with fifty conditions is to be planned as well.
const MAX_PLACED: usize = 8;

/// A condition that a scan could filter rows by.
#[derive(Debug, Clone)]
pub(super) struct RowFilter {
    /// The columns that it needs, by their places in the table.
    pub(super) columns: Vec<usize>,
    /// The share of rows that pass, 0 to 1.
    pub(super) share: f64,
    /// How many rows follow each other that have the same result, on average.
    pub(super) run_rows: f64,
    pub(super) found: Found,
}

/// Who knows a filter, and evaluates it if the scan does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found {
    /// It is written in the statement, and an operator above the scan evaluates it.
    Written,
    /// By a join, while the statement runs.
    ByJoin(JoinFilter),
    /// By `ORDER BY … LIMIT`, or `min` and `max`, while the statement runs. Nobody else drops the rows.
    ByBest,
}

/// What a filter has to do with the join that finds it, and that drops the same rows itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JoinFilter {
    /// To look a row up in the join's build side, in the scan, ns.
    pub(super) scan_lookup_ns: f64,
    /// To look it up in the join.
    pub(super) lookup_ns: f64,
    /// What the operators up to the join cost for each row of the table, ns.
    pub(super) between_ns: f64,
}

impl JoinFilter {
    /// `build_rows` of so many columns are looked up; operators between cost `between_ns` for each row of the table.
    pub(super) fn new(build_rows: f64, columns: usize, between_ns: f64) -> Self {
        let costs = HashJoinCost::default();
        let farther_ns = costs.lookup(build_rows).0 - costs.lookup(1.0).0;
        let more_columns = columns.saturating_sub(1) as f64;
        Self {
            scan_lookup_ns: SCAN_LOOKUP_NS + farther_ns + SCAN_HASH_NS * more_columns,
            lookup_ns: LOOKUP_NS + farther_ns + HASH_NS * more_columns,
            between_ns,
        }
    }
}

/// Which filters a scan is to evaluate, in that order. `read` are the columns of the scan's result, `table` has all columns.
///
/// The filter that makes the scan cheapest is put where it does so among those that are there, and then the next; of all that was seen on the way,
/// the cheapest stays.
pub(super) fn choose(filters: &[RowFilter], table: &Estimate, read: &[usize]) -> Vec<usize> {
    let cost = |inside: &[usize]| cost_ns(inside, filters, table, read);
    let (mut inside, mut rest) = (Vec::new(), Vec::from_iter(0..filters.len()));
    let mut best = (GAIN * cost(&inside), Vec::new());
    while !rest.is_empty() {
        let first = if filters.len() <= MAX_PLACED { 0 } else { inside.len() };
        let places = (0..rest.len()).flat_map(|taken| (first..=inside.len()).map(move |place| (taken, place)));
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
    let mut decoded: Vec<usize> = Vec::new();
    // What has passed so far, and the shortest runs of it.
    let mut passing = Passing { share: 1.0, run_rows: f64::INFINITY };
    let mut decode = |columns: &[usize], passing: Passing, is_result: bool| {
        let mut cost = 0.0;
        for column in columns {
            let decode_ns = table.columns.get(*column).map_or(0.0, decode_ns);
            let is_decoded = decoded.contains(column);
            decoded.push(*column);
            cost += decode_ns
                * match is_decoded {
                    false if !is_result && read.contains(column) => kept_values(passing),
                    false => decoded_values(passing),
                    true if is_result && passing.share < 1.0 => passing.share * MASK_TAKEN,
                    true => 0.0,
                };
        }
        cost
    };
    let mut cost = 0.0;
    for filter in inside.iter().map(|filter| &filters[*filter]) {
        cost += decode(&filter.columns, passing, false);
        let (lookup_ns, lookup_run_ns) =
            filter.join().map_or((filter.evaluate_ns(), 0.0), |join| (join.scan_lookup_ns, LOOKUP_RUN_NS));
        cost += passing.share * (lookup_ns + ends(filter.share, filter.run_rows) * (SELECT_RUN_NS + lookup_run_ns));
        passing.share *= filter.share;
        passing.run_rows = passing.run_rows.min(filter.run_rows);
    }
    cost += decode(read, passing, true);
    let mut share = passing.share;
    for filter in outside.map(|filter| &filters[filter]).filter(|filter| filter.found == Found::Written) {
        cost += decode(&filter.columns, passing, true);
        cost += share * (filter.evaluate_ns() + filter.share * COPY_NS * read.len() as f64);
        share *= filter.share;
    }
    cost + joins_ns(filters, inside, share)
}

/// What the joins and the operators between cost for each row of the table, of which a share leaves the scan and the conditions above it.
///
/// A join looks up what the joins below it left, and whatever filters they have in the scan. The other work between is less by what the filters
/// of joins above it leave out; the lookups of the join below are a part of that, and counted already.
fn joins_ns(filters: &[RowFilter], inside: &[usize], share: f64) -> f64 {
    let is_inside = |filter: usize| inside.contains(&filter);
    let mut joins: Vec<(usize, JoinFilter)> =
        filters.iter().enumerate().filter_map(|(index, filter)| Some((index, filter.join()?))).collect();
    joins.sort_by(|(_, a), (_, b)| a.between_ns.total_cmp(&b.between_ns));
    let conditions = filters.iter().filter(|filter| filter.found == Found::Written);
    let mut unfiltered: f64 = conditions.map(|filter| filter.share).product();
    let (mut share, mut below_ns, mut counted_ns, mut cost) = (share, 0.0, 0.0, 0.0);
    for (place, (index, join)) in joins.iter().enumerate() {
        let farther = joins[place..].iter().filter(|(farther, _)| is_inside(*farther));
        let left: f64 = farther.map(|(farther, _)| filters[*farther].share).product();
        cost += (join.between_ns - below_ns - counted_ns).max(0.0) * left + join.lookup_ns * share;
        below_ns = join.between_ns;
        counted_ns = join.lookup_ns * unfiltered;
        unfiltered *= filters[*index].share;
        if !is_inside(*index) {
            share *= filters[*index].share;
        }
    }
    cost
}

/// What joins cost, and what they save the scans at the end of their probe sides as row filters.
#[derive(Debug)]
pub(super) struct FilterScans {
    joins: HashJoinCost,
    setting: RowFilters,
}

impl FilterScans {
    pub(super) fn new(config: &ConfigOptions) -> Self {
        let execution = &config.execution;
        let joins = HashJoinCost {
            array_range_min: execution.perfect_hash_join_small_build_threshold as f64,
            array_density_min: execution.perfect_hash_join_min_key_density,
            ..HashJoinCost::default()
        };
        Self { joins, setting: PushdownOptions::of(config).filter }
    }
}

impl CostModel for FilterScans {
    fn join_cost(&self, join: &JoinCandidate) -> f64 {
        self.joins.join_cost(join)
    }

    /// As above for one filter that leaves what all leave, but for the lookups, of which each has its own; with the relation's conditions in the scan,
    /// too, if that is better, or with them alone.
    fn scan_saving(&self, scan: &FilteredScan) -> f64 {
        if self.setting == RowFilters::Off {
            return 0.0;
        }
        let FilteredScan { scan, own_share, share, run_rows, lookups, runs } = *scan;
        let saved_ns = |share, run_rows| scan.decode_ns * (1.0 - decoded_values(Passing { share, run_rows }));
        let more_lookups_ns = lookups * (SCAN_LOOKUP_NS - LOOKUP_NS) + runs * (SELECT_RUN_NS + LOOKUP_RUN_NS);
        // Nobody has looked how rows that pass the relation's own conditions stand.
        let (own, both) = (saved_ns(own_share, 1.0), saved_ns(own_share * share, 1.0) - more_lookups_ns);
        let of_joins = saved_ns(share, run_rows) - more_lookups_ns;
        scan.rows * own.max(both).max(of_joins).max(0.0)
    }
}

/// To decode a row.
pub(super) fn decode_row_ns(table: &Estimate) -> f64 {
    table.columns.iter().map(decode_ns).sum()
}

/// To decode a value of a column.
fn decode_ns(column: &ColumnEstimate) -> f64 {
    let nulls = (column.null_share / NULLS_SHARE).clamp(0.0, 1.0);
    (DECODE_NS + DECODE_BYTE_NS * column.width_bytes) * (1.0 + DECODE_NULLS * nulls)
}

/// What it takes to decode a column of the rows that pass, for each row of the table, in values decoded.
fn decoded_values(passing: Passing) -> f64 {
    let share = passing.share;
    if share >= 1.0 {
        return 1.0;
    }
    let ends = ends(share, passing.run_rows);
    match ends * SKIP_RUN_ROWS <= 1.0 {
        true => share + (1.0 - share) * SKIP + ends * RUN,
        false => 1.0 + MASK + share * MASK_TAKEN + ends * MASK_RUN,
    }
}

/// The same of a column that is kept: batches of which any row passes are decoded in whole.
fn kept_values(passing: Passing) -> f64 {
    // Rows that pass stand in runs of `run_rows / (1 - share)`, of which each is in a batch of its own if they are far apart.
    let batches = (passing.share + passing.share * (1.0 - passing.share) * KEPT_ROWS / passing.run_rows).min(1.0);
    batches + (1.0 - batches) * SKIP
}

impl RowFilter {
    fn join(&self) -> Option<JoinFilter> {
        match self.found {
            Found::ByJoin(join) => Some(join),
            Found::Written | Found::ByBest => None,
        }
    }

    fn evaluate_ns(&self) -> f64 {
        EVALUATE_NS * self.columns.len() as f64
    }
}

/// Runs that end, for each row: results that are independent differ with that probability.
fn ends(share: f64, run_rows: f64) -> f64 {
    2.0 * share * (1.0 - share) / run_rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::optimizer::join_order::Scan;
    use crate::engine::settings::EngineOptions;
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
        let found = between_ns.map_or(Found::Written, |between_ns| Found::ByJoin(join(between_ns)));
        let filter = RowFilter { columns: vec![0], share, run_rows, found };
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
        // As measured on the same file as the bench's, joined with a thousand keys of which that share is left.
        check(0.01, 1.0, 4, Some(0.0), false);
        check(0.01, 16.0, 1, Some(0.0), false);
        check(0.01, 16.0, 4, Some(0.0), true);
        check(0.05, 16.0, 2, Some(0.0), false);
        check(0.2, 256.0, 1, Some(0.0), false);
        check(0.2, 65536.0, 4, Some(0.0), true);
        check(0.9, 65536.0, 4, Some(0.0), false);
    }

    /// Tickets of a month, of few customers: to look for the customers after the month saves nothing, as customers are decoded for the result.
    #[test]
    fn a_column_that_the_result_needs_is_decoded_for_a_second_filter_in_whole_batches() {
        let filter = |column, run_rows| {
            let found = Found::ByJoin(join(0.0));
            RowFilter { columns: vec![column], share: 0.01, run_rows, found }
        };
        assert_eq!(choose(&[filter(0, 12.0), filter(1, 12.0)], &table(3), &[0, 1, 2, 3]).len(), 1);
    }

    #[test]
    fn what_is_better_than_all_before_is_looked_for_where_it_saves_decoding() {
        let best = |columns: Vec<usize>| RowFilter { columns, share: 0.01, run_rows: 1.0, found: Found::ByBest };
        assert_eq!(choose(&[best(vec![0])], &table(4), &[0, 1, 2, 3, 4]), [0]);
        assert!(choose(&[best(vec![0, 1, 2, 3])], &table(3), &[0, 1, 2, 3]).is_empty());
    }

    /// Sales by tickets, joined with a month, a year, three years.
    #[test]
    fn columns_with_nulls_are_dearer_to_decode_and_to_skip() {
        let chosen = |share, run_rows, others: usize| {
            let mut table = table(others);
            table.columns.iter_mut().for_each(|column| column.null_share = 0.045);
            let filter = RowFilter { columns: vec![0], share, run_rows, found: Found::ByJoin(join(0.0)) };
            !choose(&[filter], &table, &Vec::from_iter(0..=others)).is_empty()
        };
        let measured = [(0.0093, 7.9, true), (0.0381, 7.9, true), (0.1922, 7.4, false), (0.5709, 5.6, false)];
        for (share, run_rows, pays) in measured {
            assert!(!chosen(share, run_rows, 0), "{share} for the key alone");
            assert_eq!(chosen(share, run_rows, 4), pays, "{share} with four columns");
        }
    }

    #[test]
    fn what_is_dropped_far_below_its_join_saves_the_operators_between() {
        check(0.2, 1.0, 2, Some(0.0), false);
        check(0.2, 1.0, 2, Some(100.0), true);
        check(1.0, 1.0, 2, Some(1000.0), false);
    }

    #[test]
    fn joins_look_up_what_those_below_leave_and_work_between_is_counted_once() {
        let filter = |share, between_ns: Option<f64>| {
            let join = |between_ns| Found::ByJoin(JoinFilter { scan_lookup_ns: 9.0, lookup_ns: 4.0, between_ns });
            RowFilter { columns: vec![0], share, run_rows: 1.0, found: between_ns.map_or(Found::Written, join) }
        };
        let filters = [filter(0.5, Some(10.0)), filter(0.25, None), filter(0.125, Some(31.0))];
        let check =
            |inside: &[usize], share: f64, expected: f64| assert_eq!(joins_ns(&filters, inside, share), expected);
        // Of 21 between the two, 1 is the lookup of the lower.
        check(&[], 0.25, 10.0 + 4.0 * 0.25 + 20.0 + 4.0 * 0.125);
        check(&[1], 0.25, 10.0 + 4.0 * 0.25 + 20.0 + 4.0 * 0.125);
        check(&[0], 0.125, 10.0 * 0.5 + 4.0 * 0.125 + 20.0 + 4.0 * 0.125);
        let both = 0.5 * 0.125;
        check(&[2, 0], 0.25 * both, 10.0 * both + 4.0 * 0.25 * both + 20.0 * 0.125 + 4.0 * 0.25 * both);
    }

    #[test]
    fn the_best_come_first_and_the_others_not() {
        let filter = |share, run_rows| RowFilter { columns: vec![0], share, run_rows, found: Found::ByJoin(join(0.0)) };
        let filters = [filter(1.0, 1.0), filter(0.1, 100.0), filter(0.01, 100.0)];
        assert_eq!(choose(&filters, &table(4), &[1, 2, 3, 4]), [2, 1]);
        assert!(choose(&[], &table(4), &[1]).is_empty());
        // Returns of a year, found by ticket and item, are fewer than the sales of a month, but those are found by a date.
        let returns = RowFilter {
            columns: vec![1, 2, 3],
            found: Found::ByJoin(JoinFilter::new(3e5, 3, 0.0)),
            ..filter(0.01, 1.0)
        };
        assert_eq!(choose(&[returns, filter(0.015, 1000.0)], &table(4), &[1, 2, 3, 4]), [1]);
        let many = Vec::from_iter((1..=50).map(|part| filter(1.0 / f64::from(part), 100.0)));
        assert_eq!(choose(&many, &table(4), &[1, 2, 3, 4])[0], 49, "the best of fifty");
        let empty = Estimate { rows: 0.0, columns: Vec::new() };
        assert!(choose(&[filter(0.5, 1.0)], &empty, &[]).len() <= 1, "columns that nobody knows cost nothing");
    }

    /// 1000 rows of which a row takes 100 ns, and what filters leave of them save.
    #[track_caller]
    fn check_saving(setting: RowFilters, filters: FilteredScan, expected_ns: f64) {
        let mut config = ConfigOptions::new();
        let mut engine = EngineOptions::default();
        engine.pushdown.filter = setting;
        config.extensions.insert(engine);
        let found = FilterScans::new(&config).scan_saving(&filters);
        assert!((found - expected_ns).abs() < 1e-6, "{found}, and not {expected_ns}");
    }

    #[test]
    fn a_scan_is_spared_what_joins_would_drop() {
        let scan = Scan { rows: 1000.0, decode_ns: 100.0 };
        let none = FilteredScan { scan, own_share: 1.0, share: 1.0, run_rows: f64::INFINITY, lookups: 0.0, runs: 0.0 };
        check_saving(RowFilters::Auto, none, 0.0);
        // 1% in long runs: the rest is skipped, for 0.4 of its cost; a lookup is 4.5 ns dearer.
        let few = FilteredScan { share: 0.01, lookups: 1.0, ..none };
        check_saving(RowFilters::Auto, few, 1000.0 * (100.0 * (1.0 - 0.01 - 0.99 * SKIP) - 4.5));
        check_saving(RowFilters::On, few, 1000.0 * (100.0 * (1.0 - 0.01 - 0.99 * SKIP) - 4.5));
        check_saving(RowFilters::Off, few, 0.0);
        // 20% one by one are decoded with the rest; so are 10% that pass the scan's own condition. Both together leave 2%, which is not enough either.
        let many = FilteredScan { share: 0.2, run_rows: 1.0, lookups: 1.0, runs: 0.32, ..none };
        check_saving(RowFilters::Auto, many, 0.0);
        check_saving(RowFilters::Auto, FilteredScan { own_share: 0.1, ..many }, 0.0);
        // The scan's own condition leaves so few that joins save nothing more.
        let own = 1000.0 * 100.0 * (1.0 - decoded_values(Passing { share: 0.001, run_rows: 1.0 }));
        check_saving(RowFilters::Auto, FilteredScan { own_share: 0.001, ..none }, own);
        check_saving(RowFilters::Auto, FilteredScan { own_share: 0.001, ..many }, own);
    }
}

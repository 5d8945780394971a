//! What a join costs: the [`CostModel`] of the caller, and [`HashJoinCost`], measured on this engine.
//!
//! ```text
//!                       pairs * match_ns + output rows * output_byte_ns * width
//!                            ^
//!                        hash join    without an equality: build rows * probe rows * pair_ns
//!                        ^       ^
//!   build rows * (build_ns       probe rows within the build side's keys * probe_ns
//!    + build_byte_ns * width)    + other probe rows * skip_ns
//! ```
//!
//! Pairs are those with equal keys, before other conditions leave some out. `probe_ns` and `match_ns` grow with the build side, `LOOKUPS`:
//! what makes a join dear is not to build its table but to probe one that is not in the cache. Measured with one thread over 8 million probe
//! rows with a key of eight bytes, each with one partner (`hit`) or none (`miss`); processor time a probe row, the scan taken off, medians of three
//! sittings, which differed by up to a factor of 2.5:
//!
//! | build rows | hit, ns | miss, ns |
//! |---:|---:|---:|
//! | 100 | 14 | 3 |
//! | 10,000 | 16 | 3 |
//! | 100,000 | 41 | 15 |
//! | 1,000,000 | 103 | 32 |
//! | 4,000,000 | 250 | 120 |
//!
//! To build a table took 16 to 44 ns a row.
//!
//! DataFusion makes an array instead of a hash table where the key is one whole number and the build side's keys lie close together: they have a
//! range of less than 1024, or rows for more than 15% of it (`perfect_hash_join_small_build_threshold`, `…_min_key_density`). Nothing is hashed and
//! nothing compared there. `ARRAY_LOOKUPS` are from another
//! sitting, one thread, 4 million probe rows, processor time of the join a probe row (medians of two), brought to the level of the first table:
//!
//! | build rows | array, hit | array, miss | hash table, hit | hash table, miss |
//! |---:|---:|---:|---:|---:|
//! | 1,000 | 5 | 1.4 | 10 | 2.8 |
//! | 10,000 | 7 | 2.3 | 15 | 4.2 |
//! | 100,000 | 9 | 4 | 22 | 10 |
//! | 1,000,000 | 27 | 13 | 103 | 13 |
//! | 4,000,000 | 29 | 15 | 145 | 34 |
//!
//! To build the array took half as long as the table.
//!
//! A hash join tells the scan below its probe side the least and the greatest key of its build side. What lies outside is left out there, most of
//! it with whole row groups and pages where the table is clustered by the key, as facts are by their dates; so it costs `skip_ns`, not `probe_ns`. That is
//! taken into account where the probe side is a single relation.

use super::chain::FilteredScan;

/// One side of a join that is costed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JoinInput {
    /// Estimated rows.
    pub(crate) rows: f64,
    /// Estimated width of a row.
    pub(crate) width_bytes: f64,
}

/// A join that is costed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JoinCandidate {
    /// The left input, from which a hash join builds its table.
    pub(crate) build: JoinInput,
    /// The right input.
    pub(crate) probe: JoinInput,
    /// The result.
    pub(crate) output: JoinInput,
    /// The pairs of rows with equal keys; without a key the same as the output's rows.
    pub(crate) pairs: f64,
    /// The share of the probe side's rows between the least and the greatest keys of the build side, 0 to 1.
    pub(crate) probe_share: f64,
    /// Whether a predicate can be the key of a hash join; otherwise it must be a nested loop.
    pub(crate) is_hashed: bool,
    /// How many whole numbers there are from the least key of the build side to the greatest; infinite if the key is not one whole number.
    pub(crate) key_range: f64,
}

/// Gives joins a cost. The cost of a tree is the sum over its joins, less what they save in scans.
pub(crate) trait CostModel {
    /// The cost of one join without its inputs. NaN counts as infinite.
    fn join_cost(&self, join: &JoinCandidate) -> f64;

    /// What joins save a scan by telling it which rows they would drop, from 0.
    fn scan_saving(&self, _scan: &FilteredScan) -> f64 {
        0.0
    }
}

/// What it takes to look up a row in a hash table of so many rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) build_rows: f64,
    /// Per row looked up.
    pub(crate) probe_ns: f64,
    /// Per row found.
    pub(crate) match_ns: f64,
}

/// As measured, see the module: `probe_ns` is a miss, and `match_ns` is what a hit takes longer.
const LOOKUPS: &[Lookup] = &[
    Lookup { build_rows: 100.0, probe_ns: 3.0, match_ns: 11.0 },
    Lookup { build_rows: 10_000.0, probe_ns: 3.0, match_ns: 13.0 },
    Lookup { build_rows: 100_000.0, probe_ns: 15.0, match_ns: 26.0 },
    Lookup { build_rows: 1_000_000.0, probe_ns: 32.0, match_ns: 71.0 },
    Lookup { build_rows: 4_000_000.0, probe_ns: 120.0, match_ns: 130.0 },
];

/// The same for an array.
const ARRAY_LOOKUPS: &[Lookup] = &[
    Lookup { build_rows: 1000.0, probe_ns: 2.0, match_ns: 5.0 },
    Lookup { build_rows: 10_000.0, probe_ns: 3.0, match_ns: 6.5 },
    Lookup { build_rows: 100_000.0, probe_ns: 5.5, match_ns: 6.5 },
    Lookup { build_rows: 1_000_000.0, probe_ns: 17.0, match_ns: 18.0 },
    Lookup { build_rows: 4_000_000.0, probe_ns: 20.0, match_ns: 18.0 },
];

/// Nanoseconds of one thread, by rows and widths of build side, probe side and output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashJoinCost {
    /// Per row put in the hash table.
    pub(crate) build_ns: f64,
    /// Per byte of such a row, which is copied.
    pub(crate) build_byte_ns: f64,
    /// By the rows of the table, in ascending order; between them it is the straight line over the logarithm, and beyond them as at the end.
    pub(crate) lookups: &'static [Lookup],
    /// Keys in a smaller range than this are put into an array.
    pub(crate) array_range_min: f64,
    /// Others are if there are more rows than this share of their range.
    pub(crate) array_density_min: f64,
    /// As `lookups` where the table is an array.
    pub(crate) array_lookups: &'static [Lookup],
    /// Per row put in the array.
    pub(crate) array_build_ns: f64,
    /// Per row of the probe side outside the range of the build side's keys.
    pub(crate) skip_ns: f64,
    /// Per byte of a row of the result, which is copied.
    pub(crate) output_byte_ns: f64,
    /// Per pair of rows that a join without equality compares.
    pub(crate) pair_ns: f64,
}

impl Default for HashJoinCost {
    /// As measured; see the module. Arrays are made as DataFusion makes them with its own settings.
    fn default() -> Self {
        Self {
            build_ns: 30.0,
            build_byte_ns: 0.3,
            lookups: LOOKUPS,
            array_range_min: 1024.0,
            array_density_min: 0.15,
            array_lookups: ARRAY_LOOKUPS,
            array_build_ns: 15.0,
            skip_ns: 1.0,
            output_byte_ns: 0.2,
            pair_ns: 1.0,
        }
    }
}

impl HashJoinCost {
    /// Nanoseconds per row looked up in a hash table, and per row found.
    pub(crate) fn lookup(&self, build_rows: f64) -> (f64, f64) {
        interpolated(self.lookups, build_rows)
    }
}

fn interpolated(lookups: &[Lookup], build_rows: f64) -> (f64, f64) {
    let at = lookups.partition_point(|lookup| lookup.build_rows <= build_rows);
    let before = lookups.get(at.saturating_sub(1));
    let after = lookups.get(at).or(before);
    let (Some(before), Some(after)) = (before, after) else { return (0.0, 0.0) };
    let distance = (after.build_rows / before.build_rows).ln();
    let part = if distance > 0.0 { ((build_rows / before.build_rows).ln() / distance).clamp(0.0, 1.0) } else { 0.0 };
    let between = |before: f64, after: f64| before + part * (after - before);
    (between(before.probe_ns, after.probe_ns), between(before.match_ns, after.match_ns))
}

impl CostModel for HashJoinCost {
    fn join_cost(&self, join: &JoinCandidate) -> f64 {
        let JoinCandidate { build, probe, output, pairs, probe_share, is_hashed, key_range } = join;
        let is_array = *key_range < self.array_range_min || build.rows > self.array_density_min * key_range;
        let (build_ns, lookups) = match is_array {
            true => (self.array_build_ns, self.array_lookups),
            false => (self.build_ns, self.lookups),
        };
        let (probe_ns, match_ns) = interpolated(lookups, build.rows);
        let compared = if *is_hashed { 0.0 } else { build.rows * probe.rows };
        let probed = probe.rows * probe_share;
        build.rows * (build_ns + self.build_byte_ns * build.width_bytes)
            + probed * probe_ns
            + (probe.rows - probed) * self.skip_ns
            + pairs * match_ns
            + output.rows * self.output_byte_ns * output.width_bytes
            + compared * self.pair_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOIN: JoinCandidate = JoinCandidate {
        build: JoinInput { rows: 0.0, width_bytes: 10.0 },
        probe: JoinInput { rows: 0.0, width_bytes: 10.0 },
        output: JoinInput { rows: 0.0, width_bytes: 10.0 },
        pairs: 0.0,
        probe_share: 1.0,
        is_hashed: true,
        key_range: f64::INFINITY,
    };

    fn rows(rows: f64) -> JoinInput {
        JoinInput { rows, width_bytes: 10.0 }
    }

    #[track_caller]
    fn check(join: &JoinCandidate, cost: f64) {
        let lookups = &[
            Lookup { build_rows: 100.0, probe_ns: 4.0, match_ns: 6.0 },
            Lookup { build_rows: 10_000.0, probe_ns: 8.0, match_ns: 16.0 },
        ];
        let array_lookups = &[Lookup { build_rows: 1.0, probe_ns: 1.0, match_ns: 2.0 }];
        let found = HashJoinCost { lookups, array_lookups, ..HashJoinCost::default() }.join_cost(join);
        assert!((found - cost).abs() < 1e-6 * cost.max(1.0), "{found}, and not {cost}");
    }

    #[test]
    fn rows_and_widths() {
        check(&JOIN, 0.0);
        check(&JoinCandidate { build: rows(10.0), ..JOIN }, 10.0 * 33.0);
        check(&JoinCandidate { probe: rows(1000.0), ..JOIN }, 4000.0);
        check(&JoinCandidate { pairs: 50.0, output: rows(20.0), ..JOIN }, 50.0 * 6.0 + 20.0 * 2.0);
    }

    #[test]
    fn a_larger_table_is_slower_to_probe() {
        check(&JoinCandidate { build: rows(1000.0), probe: rows(10.0), pairs: 1.0, ..JOIN }, 33_000.0 + 60.0 + 11.0);
        check(&JoinCandidate { build: rows(10_000.0), probe: rows(10.0), ..JOIN }, 330_000.0 + 80.0);
        check(&JoinCandidate { build: rows(1e6), probe: rows(10.0), ..JOIN }, 33e6 + 80.0);
    }

    #[test]
    fn keys_that_lie_close_together_are_in_an_array() {
        let join = JoinCandidate { build: rows(100.0), probe: rows(1000.0), pairs: 10.0, ..JOIN };
        let (array, table) = (100.0 * 18.0 + 1000.0 + 20.0, 100.0 * 33.0 + 4000.0 + 60.0);
        for (key_range, cost) in [(100.0, array), (1023.0, array), (1024.0, table), (f64::INFINITY, table)] {
            check(&JoinCandidate { key_range, ..join }, cost);
        }
        let join = JoinCandidate { build: rows(10_000.0), probe: rows(1000.0), ..JOIN };
        for (key_range, cost) in [(66_000.0, 180_000.0 + 1000.0), (67_000.0, 330_000.0 + 8000.0)] {
            check(&JoinCandidate { key_range, ..join }, cost);
        }
    }

    #[test]
    fn rows_outside_the_range_are_skipped() {
        check(&JoinCandidate { probe: rows(1000.0), probe_share: 0.25, ..JOIN }, 250.0 * 4.0 + 750.0);
    }

    #[test]
    fn without_a_key_all_pairs_are_compared() {
        check(&JoinCandidate { build: rows(10.0), probe: rows(20.0), is_hashed: false, ..JOIN }, 330.0 + 80.0 + 200.0);
    }
}

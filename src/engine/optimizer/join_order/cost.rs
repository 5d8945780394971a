//! What a join costs: the [`CostModel`] of the caller, and [`HashJoinCost`], measured on this engine.
//!
//! ```text
//!                       output rows   match_ns + output_byte_ns * width + miss_ns * L
//!                            ^
//!                        hash join    without an equality: build rows * probe rows * pair_ns
//!                        ^       ^
//!   build rows * (build_ns       probe rows * (probe_ns + miss_ns * L)
//!    + build_byte_ns * width)
//!
//!   L = log10(build rows / cached_rows), from 0: the rest of the build side is fetched from memory
//! ```
//!
//! Measured with one thread over 8 million probe rows with a key of eight bytes (processor time in nanoseconds a probe row, the scan taken off, means
//! of five; each probe row has one partner, or none):
//!
//! | build rows | all match | none matches |
//! |---:|---:|---:|
//! | 100 | 12 | 3 |
//! | 10,000 | 16 | 4 |
//! | 100,000 | 28 | 9 |
//! | 1,000,000 | 100 | 22 |
//! | 4,000,000 | 208 | 116 |
//!
//! To build a table took 16 to 44 ns a row. So what makes a join dear is not to build its table but to probe one that is not in the cache. The
//! constants are within a factor of 2.7 of the table.

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
    /// Whether a predicate can be the key of a hash join; otherwise it must be a nested loop.
    pub(crate) is_hashed: bool,
}

/// Gives joins a cost. The cost of a tree is the sum over its joins.
pub(crate) trait CostModel {
    /// The cost of one join without its inputs. NaN counts as infinite.
    fn join_cost(&self, join: &JoinCandidate) -> f64;
}

/// Nanoseconds of one thread, by rows and widths of build side, probe side and output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashJoinCost {
    /// Per row put in the hash table.
    pub(crate) build_ns: f64,
    /// Per byte of such a row, which is copied.
    pub(crate) build_byte_ns: f64,
    /// Per row looked up.
    pub(crate) probe_ns: f64,
    /// Per row of the result.
    pub(crate) match_ns: f64,
    /// Per byte of such a row, which is copied.
    pub(crate) output_byte_ns: f64,
    /// Per row looked up, and per row found, for each factor of ten by which the build side has more than `cached_rows`.
    pub(crate) miss_ns: f64,
    /// Rows of a build side that is found in the cache.
    pub(crate) cached_rows: f64,
    /// Per pair of rows that a join without equality compares.
    pub(crate) pair_ns: f64,
}

impl Default for HashJoinCost {
    /// As measured; see the module.
    fn default() -> Self {
        Self {
            build_ns: 30.0,
            build_byte_ns: 0.3,
            probe_ns: 4.0,
            match_ns: 6.0,
            output_byte_ns: 0.2,
            miss_ns: 15.0,
            cached_rows: 10_000.0,
            pair_ns: 1.0,
        }
    }
}

impl CostModel for HashJoinCost {
    fn join_cost(&self, join: &JoinCandidate) -> f64 {
        let JoinCandidate { build, probe, output, is_hashed } = join;
        let miss_ns = self.miss_ns * (build.rows / self.cached_rows).log10().max(0.0);
        let pairs_ns = if *is_hashed { 0.0 } else { build.rows * probe.rows * self.pair_ns };
        build.rows * (self.build_ns + self.build_byte_ns * build.width_bytes)
            + probe.rows * (self.probe_ns + miss_ns)
            + output.rows * (self.match_ns + self.output_byte_ns * output.width_bytes + miss_ns)
            + pairs_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(build_rows: f64, probe_rows: f64, output_rows: f64, is_hashed: bool, cost: f64) {
        let input = |rows| JoinInput { rows, width_bytes: 10.0 };
        let (build, probe, output) = (input(build_rows), input(probe_rows), input(output_rows));
        let found = HashJoinCost::default().join_cost(&JoinCandidate { build, probe, output, is_hashed });
        assert_eq!(found, cost);
    }

    #[test]
    fn rows_widths_and_misses() {
        check(10.0, 0.0, 0.0, true, 10.0 * 33.0);
        check(0.0, 1000.0, 0.0, true, 4000.0);
        check(10_000.0, 0.0, 1000.0, true, 330_000.0 + 8000.0);
        check(1_000_000.0, 10.0, 1.0, true, 33_000_000.0 + 10.0 * 34.0 + 38.0);
        check(10.0, 20.0, 0.0, false, 330.0 + 80.0 + 200.0);
        check(0.0, 0.0, 0.0, true, 0.0);
    }
}

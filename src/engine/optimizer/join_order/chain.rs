//! What joins leave of the scan at the end of their probe sides.
//!
//! ```text
//!   Join c ── build: c                       fact's scan: rows of which a and c leave their shares;
//!     └─ probe: Join b ── build: b                        b has no key of fact, and tells its scan nothing
//!                 └─ probe: Join a ── build: a
//!                             └─ probe: fact
//! ```
//!
//! A hash join knows its build side before it asks its probe side for rows, and tells the keys to the scan that has the probe side's. If that
//! is the scan at the end of all probe sides, it has not begun by then, and can leave out what the join would drop before it has decoded it: more of
//! it than any join alone, since the filters come together there. A scan below a build side has been read before.
//!
//! The search keeps the cheapest plan of each set of relations. One that is dearer may have a scan at the end for which later joins would
//! save more, and is lost: with scans that can be spared, the tree that is found is a good one, and not surely the best.

use super::cost::JoinInput;
use super::set::RelationSet;
use super::tree::{JoinKind, Relation, Scan};

/// A filter that leaves more than this is not worth looking at: the scan would decode about as much as without it.
const SHARE_MAX: f64 = 0.5;

/// A scan, and what joins above it leave of its rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FilteredScan {
    pub(crate) scan: Scan,
    /// The share of its rows that the relation's own filters leave, 0 to 1.
    pub(crate) own_share: f64,
    /// The share that all joins leave of any rows, 0 to 1.
    pub(crate) share: f64,
    /// How many rows with the same result follow each other.
    pub(crate) run_rows: f64,
    /// How often rows are looked up for that, for each row of the scan.
    pub(crate) lookups: f64,
    /// How many runs of the same result these lookups find, for each row of the scan.
    pub(crate) runs: f64,
}

/// The relation at the end of the probe sides of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    relation: RelationSet,
    pub(super) scan: FilteredScan,
}

/// A join, as its filter sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) kind: JoinKind,
    /// The relations of the probe side that have its keys.
    pub(super) operands: RelationSet,
    /// How many rows with the same key follow each other there.
    pub(super) run_rows: f64,
}

impl Chain {
    /// That of a relation; none if nothing can be told to it.
    pub(super) fn of(number: usize, relation: &Relation) -> Option<Self> {
        let scan = relation.scan?;
        let own_share = (relation.rows / scan.rows).clamp(0.0, 1.0);
        let scan = FilteredScan { scan, own_share, share: 1.0, run_rows: f64::INFINITY, lookups: 0.0, runs: 0.0 };
        Some(Self { relation: RelationSet::single(number), scan })
    }

    /// That of a join, given that of its probe side. None where a filter from above could not come through it.
    pub(super) fn below(self, filter: Filter, probe: JoinInput, output: JoinInput) -> Option<Self> {
        use JoinKind::{Full, Inner, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
        match filter.kind {
            Inner | RightSemi if filter.operands == self.relation => {
                Some(self.filtered((output.rows / probe.rows).min(1.0), filter.run_rows))
            }
            Inner | Right | RightSemi | RightAnti | RightMark => Some(self),
            Left | Full | LeftSemi | LeftAnti | LeftMark => None,
        }
    }

    fn filtered(self, share: f64, run_rows: f64) -> Self {
        if share.is_nan() || share > SHARE_MAX {
            return self;
        }
        let mut scan = self.scan;
        scan.lookups += scan.share;
        scan.runs += scan.share * 2.0 * share * (1.0 - share) / run_rows;
        scan.share *= share;
        scan.run_rows = scan.run_rows.min(run_rows);
        Self { scan, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACT: RelationSet = RelationSet(1 << 3);
    const FILTER: Filter = Filter { kind: JoinKind::Inner, operands: FACT, run_rows: 2.0 };

    fn rows(rows: f64) -> JoinInput {
        JoinInput { rows, width_bytes: 8.0 }
    }

    fn fact() -> Chain {
        let scan = Some(Scan { rows: 4000.0, decode_ns: 20.0 });
        let chain = Chain::of(3, &Relation { rows: 1000.0, width_bytes: 8.0, scan }).expect("it can be filtered");
        assert_eq!(chain.scan.own_share, 0.25);
        chain
    }

    /// Share, runs, lookups, and ends of runs after joins that leave these rows of 1000.
    #[track_caller]
    fn check(joins: &[(Filter, f64)], expected: Option<[f64; 4]>) {
        let (mut chain, mut before) = (Some(fact()), 1000.0);
        for (filter, after) in joins {
            chain = chain.and_then(|chain| chain.below(*filter, rows(before), rows(*after)));
            before = *after;
        }
        let found = chain.map(|Chain { scan, .. }| [scan.share, scan.run_rows, scan.lookups, scan.runs]);
        let is_near = |a: f64, b: f64| a == b || (a - b).abs() < 1e-9;
        let is_same = match (found, expected) {
            (Some(found), Some(expected)) => found.into_iter().zip(expected).all(|(a, b)| is_near(a, b)),
            (found, expected) => found == expected,
        };
        assert!(is_same, "{found:?}, and not {expected:?}");
    }

    #[test]
    fn filters_come_together() {
        check(&[(FILTER, 100.0)], Some([0.1, 2.0, 1.0, 0.09]));
        let longer = Filter { run_rows: 4.0, ..FILTER };
        check(&[(FILTER, 100.0), (longer, 20.0)], Some([0.02, 2.0, 1.1, 0.09 + 0.1 * 0.08]));
        check(&[(Filter { kind: JoinKind::RightSemi, ..FILTER }, 100.0)], Some([0.1, 2.0, 1.0, 0.09]));
    }

    #[test]
    fn does_not_fire() {
        let unfiltered = Some([1.0, f64::INFINITY, 0.0, 0.0]);
        // Too many rows, more than there were, keys of another relation, rows that are kept.
        for after in [501.0, 1000.0, 5000.0, f64::NAN] {
            check(&[(FILTER, after)], unfiltered);
        }
        check(&[(Filter { operands: RelationSet::single(2), ..FILTER }, 100.0)], unfiltered);
        check(&[(Filter { operands: FACT | RelationSet::single(2), ..FILTER }, 100.0)], unfiltered);
        for kind in [JoinKind::Right, JoinKind::RightAnti, JoinKind::RightMark] {
            check(&[(Filter { kind, ..FILTER }, 100.0)], unfiltered);
        }
        // Filters from above do not come through.
        for kind in [JoinKind::Left, JoinKind::Full, JoinKind::LeftSemi, JoinKind::LeftAnti, JoinKind::LeftMark] {
            check(&[(Filter { kind, ..FILTER }, 100.0)], None);
            check(&[(Filter { kind, ..FILTER }, 100.0), (FILTER, 10.0)], None);
        }
        assert!(Chain::of(0, &Relation { rows: 1000.0, width_bytes: 8.0, scan: None }).is_none());
    }
}

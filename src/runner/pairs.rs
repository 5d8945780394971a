//! Which statement of an A/B comes next, and in which order its sides are sampled.
//!
//! ```text
//! the statement with the fewest pairs that still needs some ──▶ one block: every side forwards, then backwards
//!
//!   block 1: A B B A    block 2: B A A B    block 3: A B B A …        three sides: A B C C B A, B C A A C B, …
//!             └1┘ └2┘             └3┘ └4┘   pairs
//! ```
//!
//! In each block every side is sampled twice, at places with the same mean, so that what grows or shrinks evenly within a block
//! falls alike on all of them; which side comes first changes from block to block. All statements get a block before one
//! gets its second (as long as all need one), so that the pairs of a statement are spread over the whole time, and a bad quarter of
//! an hour falls on all of them.
//!
//! Pure functions of samples, as [`next_slot`](super::next_slot) is: an A/B that goes on after a kill needs nothing else.

use crate::compare::{Pairs, Thresholds, is_narrow, log_ratios, pairs};
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::sample_seconds;

/// When a statement of an A/B has pairs enough.
#[derive(Debug, Clone, PartialEq)]
pub struct PairRules {
    /// Samples of each side before the first pair of a statement in a session, which count for nothing.
    pub warmup: u32,
    /// The fewest pairs.
    pub least_pairs: usize,
    /// The most pairs.
    pub max_pairs: usize,
    /// How narrow intervals are to be.
    pub thresholds: Thresholds,
    /// The most time that all samples may take together.
    pub max_seconds: Option<f64>,
}

/// The samples of one statement, a list for each side, in the order of sides.
pub type SideSamples<'a> = Vec<Vec<&'a SampleRow>>;

/// The sides that can be compared: those of which no sample failed or was wrong. None if the baseline, the first one, is not among
/// them, or nothing beside it.
pub(super) fn comparable_sides(sides: &SideSamples<'_>) -> Vec<usize> {
    let is_well = |samples: &[&SampleRow]| {
        samples.iter().all(|sample| sample.error_class.is_none() && sample.check != Some(Check::Wrong))
    };
    let well: Vec<usize> = (0..sides.len()).filter(|side| is_well(&sides[*side])).collect();
    if well.len() > 1 && well[0] == 0 { well } else { Vec::new() }
}

/// How many pairs a statement has: those of the side that has fewest.
pub fn pair_count(sides: &SideSamples<'_>) -> usize {
    let comparable = comparable_sides(sides);
    let others = comparable.iter().skip(1);
    others.map(|side| pairs_with(sides, *side).count()).min().unwrap_or(0)
}

fn pairs_with(sides: &SideSamples<'_>, other: usize) -> Pairs {
    pairs(sides[0].iter().copied(), sides[other].iter().copied())
}

/// How far a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) pairs: usize,
    /// Whether it needs no more of them.
    pub(super) is_settled: bool,
}

/// How far a statement is, by its samples.
pub(super) fn progress(rules: &PairRules, sides: &SideSamples<'_>) -> Progress {
    Progress { pairs: pair_count(sides), is_settled: is_settled(rules, sides) }
}

fn is_settled(rules: &PairRules, sides: &SideSamples<'_>) -> bool {
    let comparable = comparable_sides(sides);
    let count = pair_count(sides);
    comparable.is_empty()
        || count >= rules.max_pairs
        || count >= rules.least_pairs
            && comparable
                .iter()
                .skip(1)
                .all(|side| is_narrow(&log_ratios(&pairs_with(sides, *side).levelled()), &rules.thresholds))
}

/// The statement that gets the next block: the first of those that have fewest pairs; nothing if all are settled.
pub(super) fn next_statement(statements: &[Progress]) -> Option<usize> {
    let open = statements.iter().enumerate().filter(|(_, statement)| !statement.is_settled);
    open.min_by_key(|(_, statement)| statement.pairs).map(|(index, _)| index)
}

/// Whether samples have taken as long as they may.
pub(super) fn is_time_up<'a>(rules: &PairRules, samples: impl Iterator<Item = &'a SampleRow>) -> bool {
    let Some(limit) = rules.max_seconds else { return false };
    samples.filter_map(|sample| sample_seconds(sample, true)).sum::<f64>() >= limit
}

/// The sides of a statement's next block in the order in which they are sampled. `shift` is the statement's place in the suite: which
/// side comes first changes from statement to statement too. If a block was interrupted after its first pair, its second is made
/// up for, so that the orders stay equally many.
pub(super) fn block_order(sides: &SideSamples<'_>, shift: usize) -> Vec<usize> {
    let mut forwards = comparable_sides(sides);
    if forwards.is_empty() {
        return forwards;
    }
    let pairs = pair_count(sides);
    let first = (pairs / 2 + shift) % forwards.len();
    forwards.rotate_left(first);
    let backwards = forwards.iter().rev().copied().collect();
    if pairs.is_multiple_of(2) { [forwards, backwards].concat() } else { backwards }
}

/// The number of a statement's next sample in that phase, higher than any of all sides: the sides of a pair share it, and a sample
/// that was left alone by an interruption keeps it for itself.
pub(super) fn next_iteration(sides: &SideSamples<'_>, phase: Phase) -> u32 {
    let taken = sides.iter().flatten().filter(|sample| sample.phase == phase);
    taken.map(|sample| sample.iteration).max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> PairRules {
        let thresholds = Thresholds { precision: 0.02, least_pairs: 8, ..Thresholds::for_tests(2) };
        PairRules { warmup: 1, least_pairs: 8, max_pairs: 12, thresholds, max_seconds: None }
    }

    fn sample(iteration: u32, milliseconds: u64) -> SampleRow {
        let (planning_ns, execute_ns) = (Some(0), Some(milliseconds * 1_000_000));
        SampleRow { iteration, planning_ns, execute_ns, check: Some(Check::Verified), ..SampleRow::default() }
    }

    /// A side's samples, numbered from 1.
    fn side(milliseconds: &[u64]) -> Vec<SampleRow> {
        (1..).zip(milliseconds).map(|(iteration, time)| sample(iteration, *time)).collect()
    }

    fn of(sides: &[Vec<SampleRow>]) -> SideSamples<'_> {
        sides.iter().map(|side| side.iter().collect()).collect()
    }

    #[track_caller]
    fn check_next(rules: &PairRules, statements: &[Vec<Vec<SampleRow>>], expected: Option<usize>) {
        let progress: Vec<_> = statements.iter().map(|sides| progress(rules, &of(sides))).collect();
        assert_eq!(next_statement(&progress), expected);
    }

    #[test]
    fn statements_take_turns_until_each_is_settled() {
        let pairs = |count: usize| vec![side(&vec![100; count]), side(&vec![100; count])];
        check_next(&rules(), &[pairs(0), pairs(0)], Some(0));
        check_next(&rules(), &[pairs(2), pairs(0)], Some(1));
        check_next(&rules(), &[pairs(2), pairs(2)], Some(0));
        check_next(&rules(), &[pairs(8), pairs(6)], Some(1));
        check_next(&rules(), &[pairs(8), pairs(8)], None);
        check_next(&rules(), &[], None);
        // Eight pairs that do not agree are not enough; twelve are the most.
        let times = [50, 150, 80, 130, 60, 170, 90, 120, 50, 160, 70, 130];
        let wide = |count: usize| vec![side(&vec![100; count]), side(&times[..count])];
        check_next(&rules(), &[pairs(8), wide(8)], Some(1));
        check_next(&rules(), &[pairs(8), wide(12)], None);
    }

    #[test]
    fn the_time_may_be_up() {
        let limited = PairRules { max_seconds: Some(0.4), ..rules() };
        let samples = side(&[100, 100, 100, 100]);
        assert!(!is_time_up(&limited, samples[..3].iter()) && is_time_up(&limited, samples.iter()));
        assert!(!is_time_up(&rules(), samples.iter()));
    }

    #[test]
    fn what_cannot_be_compared_gets_no_more_samples() {
        let mut failed = side(&[100, 100]);
        failed[1].error_class = Some("timeout".to_owned());
        let mut wrong = side(&[100]);
        wrong[0].check = Some(Check::Wrong);
        check_next(&rules(), &[vec![failed.clone(), side(&[1])], vec![side(&[1]), wrong.clone()]], None);
        // The other sides go on without it, as long as it is not the baseline.
        let three = vec![side(&[1, 1]), wrong, side(&[1, 1])];
        check_next(&rules(), std::slice::from_ref(&three), Some(0));
        assert_eq!(comparable_sides(&of(&three)), [0, 2]);
        assert_eq!(block_order(&of(&three), 0), [2, 0, 0, 2]);
        assert_eq!(comparable_sides(&of(&[failed, side(&[1]), side(&[1])])), [0_usize; 0]);
    }

    #[test]
    fn blocks_are_balanced_and_begin_with_another_side() {
        let two = |count: usize| vec![side(&vec![100; count]), side(&vec![100; count])];
        assert_eq!(block_order(&of(&two(0)), 0), [0, 1, 1, 0]);
        assert_eq!(block_order(&of(&two(2)), 0), [1, 0, 0, 1]);
        assert_eq!(block_order(&of(&two(2)), 1), [0, 1, 1, 0]);
        // Two pairs of the first block and one of the second are there.
        assert_eq!(block_order(&of(&two(3)), 0), [0, 1]);
        let three = |count: usize| vec![side(&vec![1; count]), side(&vec![1; count]), side(&vec![1; count])];
        let blocks = [0, 2, 4].map(|count| block_order(&of(&three(count)), 0));
        assert_eq!(blocks, [[0, 1, 2, 2, 1, 0], [1, 2, 0, 0, 2, 1], [2, 0, 1, 1, 0, 2]]);
    }

    #[test]
    fn a_sample_without_a_neighbour_keeps_its_number() {
        let alone = [side(&[1, 1, 1]), side(&[1, 1])];
        assert_eq!((pair_count(&of(&alone)), next_iteration(&of(&alone), Phase::Measured)), (2, 4));
        assert_eq!(next_iteration(&of(&alone), Phase::Warmup), 1);
        let mut later = alone.clone();
        later[0].push(sample(4, 1));
        later[1].push(sample(4, 1));
        assert_eq!(pair_count(&of(&later)), 3);
    }
}

//! The q-error: by what factor an estimate of rows is off.
//!
//! ```text
//!   estimated 29, gave 72   ─▶   72 / 29 = 2.5        estimated 72, gave 29   ─▶   72 / 29 = 2.5
//! ```
//!
//! It is 1 for a right estimate, the same for too many and too few, and bounds how much worse than the best plan a plan can be that was
//! chosen by such estimates (Moerkotte et al., "Preventing bad plans by bounding the impact of cardinality estimation errors", VLDB 2009).
//! 0 rows count as 1: an estimate of one row where there is none is right.

/// The factor, from 1.
pub fn q_error(estimated_rows: u64, rows: u64) -> f64 {
    let (estimated, rows) = (estimated_rows.max(1) as f64, rows.max(1) as f64);
    (estimated / rows).max(rows / estimated)
}

/// The factor of an operator; none without an estimate, or where its rows say nothing of it.
pub fn of_operator(estimated_rows: Option<u64>, rows: u64, is_comparable: bool) -> Option<f64> {
    estimated_rows.filter(|_| is_comparable).map(|estimated_rows| q_error(estimated_rows, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_and_too_few_are_the_same() {
        for (estimated, rows, expected) in
            [(10, 10, 1.0), (10, 40, 4.0), (40, 10, 4.0), (0, 0, 1.0), (0, 5, 5.0), (1, 0, 1.0)]
        {
            assert_eq!(q_error(estimated, rows), expected, "{estimated} for {rows}");
        }
        assert!(q_error(u64::MAX, 0).is_finite());
    }

    #[test]
    fn only_what_can_be_compared_has_one() {
        assert_eq!(of_operator(Some(10), 40, true), Some(4.0));
        assert_eq!([of_operator(None, 40, true), of_operator(Some(10), 40, false)], [None; 2]);
    }
}

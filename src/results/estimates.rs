//! How far the estimates of one plan were off, in three figures.
//!
//! Counted are the operators that decide how many rows there are: filters, joins, aggregates, and scans with a condition. The others pass on
//! what they get, and would count an error of an operator below them once more. Operators whose rows say nothing of their estimate are
//! left out. The largest error is that of one operator; the geometric mean goes with errors being factors.

use super::format::{OperatorRow, PlanRow};
use super::statistics::geometric_mean;
use crate::q_error;

/// The q-errors of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EstimateErrors {
    /// The largest.
    pub max: f64,
    /// The geometric mean.
    pub geomean: f64,
    /// The operator with the largest: its place in the plan, the topmost of several.
    pub operator: u32,
}

/// Whether an operator of this kind, with this line, decides how many rows there are.
pub fn decides_rows(kind: &str, detail: &str) -> bool {
    matches!(kind, "filter" | "join" | "aggregate") || kind == "scan" && detail.contains(" predicate=")
}

impl EstimateErrors {
    /// Of a plan's operators and what they did, in the same order. Nothing if no operator has both an estimate and rows to hold against it.
    pub fn of(plan: &[PlanRow], operators: &[OperatorRow]) -> Option<Self> {
        let deciding = plan.iter().zip(operators).filter(|(planned, _)| decides_rows(&planned.kind, &planned.detail));
        let errors = deciding.filter_map(|(planned, did)| {
            let error = q_error::of_operator(did.estimated_rows, did.output_rows, did.not_comparable.is_none())?;
            Some((planned.operator, error))
        });
        let errors: Vec<(u32, f64)> = errors.collect();
        let first = errors.first().copied()?;
        let (operator, max) = errors.iter().fold(first, |worst, one| if one.1 > worst.1 { *one } else { worst });
        let factors: Vec<f64> = errors.into_iter().map(|(_, error)| error).collect();
        Some(Self { max, geomean: geometric_mean(&factors), operator })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Operator<'a> = (&'a str, &'a str, Option<u64>, u64, Option<&'a str>);

    /// Operators with their kinds, details, estimates, rows, and why these say nothing of the estimates.
    #[track_caller]
    fn check(plan: &[Operator<'_>], expected: Option<(f64, f64, u32)>) {
        let planned = (0..).zip(plan).map(|(operator, (kind, detail, ..))| PlanRow {
            statement: "q1".to_owned(),
            plan_fingerprint: String::new(),
            operator,
            depth: operator,
            kind: (*kind).to_owned(),
            name: String::new(),
            detail: (*detail).to_owned(),
        });
        let template = crate::results::test_support::operator_rows("q1", 1).remove(0);
        let did = plan.iter().map(|(_, _, estimated_rows, output_rows, reason)| OperatorRow {
            estimated_rows: *estimated_rows,
            output_rows: *output_rows,
            not_comparable: reason.map(str::to_owned),
            ..template.clone()
        });
        let errors = EstimateErrors::of(&planned.collect::<Vec<_>>(), &did.collect::<Vec<_>>());
        let found = errors.map(|errors| (errors.max, (errors.geomean * 1e6).round() / 1e6, errors.operator));
        assert_eq!(found, expected, "{plan:?}");
    }

    #[test]
    fn largest_and_mean_of_the_deciding_operators() {
        check(&[], None);
        check(&[("join", "", Some(10), 40, None)], Some((4.0, 4.0, 0)));
        check(
            &[
                ("sort", "", Some(1), 1_000_000, None),
                ("join", "", Some(10), 10, None),
                ("filter", "", Some(90), 10, None),
                ("scan", "scan of (a): projection=[a], predicate=a@0 = 1", Some(3), 1, None),
                ("scan", "scan of (a): projection=[a]", Some(1), 1_000_000, None),
            ],
            Some((9.0, 3.0, 2)),
        );
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        check(&[("join", "", None, 40, None)], None);
        check(&[("join", "", Some(10), 40, Some("reduced")), ("filter", "", None, 1, None)], None);
        check(&[("join", "", Some(10), 40, Some("stopped")), ("filter", "", Some(0), 0, None)], Some((1.0, 1.0, 1)));
    }
}

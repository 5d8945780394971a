//! The line of a sample in the results, from what became of it.

use super::{Execution, Failure, PlannedStatement, Slot, Verdict};
use crate::results::format::{Check, SampleRow};

/// A sample of which nothing is known but what it is of.
fn empty_row(statement: &PlannedStatement, slot: Slot, started_at: String) -> SampleRow {
    SampleRow {
        statement: statement.name.to_string(),
        iteration: slot.iteration,
        phase: slot.phase,
        started_at,
        ..SampleRow::default()
    }
}

/// What is recorded of a failure.
pub(super) fn failed_row(statement: &PlannedStatement, slot: Slot, started_at: String, failure: Failure) -> SampleRow {
    SampleRow {
        error_class: Some(failure.class.to_string()),
        message: Some(failure.message),
        ..empty_row(statement, slot, started_at)
    }
}

/// What is recorded of an execution whose rows are still to be checked.
pub(super) fn finished_row(
    statement: &PlannedStatement,
    slot: Slot,
    started_at: String,
    execution: &Execution,
) -> SampleRow {
    SampleRow {
        planning_ns: Some(execution.planning_ns),
        execute_ns: Some(execution.execute_ns),
        row_count: Some(execution.rows.count()),
        ..empty_row(statement, slot, started_at)
    }
}

/// Records what the check of the rows came to.
pub(super) fn write_verdict(row: &mut SampleRow, verdict: Verdict) {
    let (check, message) = match verdict {
        Verdict::Verified => (Check::Verified, None),
        Verdict::Unverified(reason) => (Check::Unverified, Some(reason)),
        Verdict::Wrong(reason) => (Check::Wrong, Some(reason)),
    };
    row.check = Some(check);
    row.message = message;
}

//! Why the statements of two runs differ, from what their operators did.

use super::comparison::{StatementComparison, samples};
use super::plan_tree::{OperatorFigures, PlanFigures, ScanFigures};
use super::why::{Why, why};
use crate::results::format::{OperatorRow, Phase, PlanRow, SampleRow};
use crate::results::{PlanRecord, ResultsError, Run, Spread, read_plans};
use crate::text;

/// Why one statement differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The statement.
    pub statement: String,
    /// What is known.
    pub why: Why,
}

impl Explanation {
    /// A sentence for each reason, the largest first: `3.1 s of 3.4 s: …`.
    pub fn sentences(&self) -> Vec<String> {
        let whole = self.why.difference_seconds;
        let sentence =
            |(seconds, words): (f64, &str)| format!("{} of {}: {words}", text::seconds(seconds), text::seconds(whole));
        let reasons = self.why.reasons.iter().map(|reason| sentence((reason.seconds, reason.words.as_str())));
        reasons.chain(self.why.notes.iter().cloned()).collect()
    }
}

/// Why each of these statements differs. What a run did not record of its operators is left out.
pub fn explain(
    baseline: &Run,
    other: &Run,
    statements: &[&StatementComparison],
) -> Result<Vec<Explanation>, ResultsError> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let plans = [read_plans(&baseline.folder)?, read_plans(&other.folder)?];
    let explained = statements.iter().map(|comparison| {
        let statement = &comparison.statement;
        let figures = |side: usize, run: &Run| {
            let of_statement = plans[side].get(statement).map(Vec::as_slice).unwrap_or_default();
            figures_of(of_statement, &samples(run, statement))
        };
        let why = why(&figures(0, baseline), &figures(1, other));
        Explanation { statement: statement.clone(), why }
    });
    Ok(explained.collect())
}

/// The figures of one side of a statement: times of all measured samples, operators of the plan that most recorded samples had.
pub fn figures_of(plans: &[PlanRecord], samples: &[&SampleRow]) -> PlanFigures {
    let measured = || samples.iter().filter(|sample| sample.phase == Phase::Measured);
    let seconds = |of: fn(&SampleRow) -> Option<u64>| {
        let all: Vec<f64> = measured().filter_map(|sample| of(sample)).map(|ns| ns as f64 / 1e9).collect();
        Spread::of(&all).map_or(0.0, |spread| spread.median)
    };
    let usual = plans.iter().rev().max_by_key(|plan| plan.samples.len());
    PlanFigures {
        operators: usual.map(operators).unwrap_or_default(),
        planning_seconds: seconds(|sample| sample.planning_ns),
        execution_seconds: seconds(|sample| sample.execute_ns),
    }
}

fn operators(plan: &PlanRecord) -> Vec<OperatorFigures> {
    let figures = |(place, row): (usize, &PlanRow)| {
        let rows: Vec<&OperatorRow> = plan.samples.iter().filter_map(|sample| sample.get(place)).collect();
        operator(row, &rows)
    };
    plan.plan.iter().enumerate().map(figures).collect()
}

/// One operator, each figure the median of its samples by itself.
fn operator(row: &PlanRow, samples: &[&OperatorRow]) -> OperatorFigures {
    let median = |of: fn(&OperatorRow) -> Option<u64>| {
        let all: Vec<f64> = samples.iter().filter_map(|sample| of(sample)).map(|value| value as f64).collect();
        Spread::of(&all).map(|spread| spread.median.round() as u64)
    };
    let number = |of| median(of).unwrap_or_default();
    let output_rows = number(|row| Some(row.output_rows));
    OperatorFigures {
        depth: row.depth as usize,
        name: row.name.clone(),
        kind: row.kind.clone(),
        detail: row.detail.clone(),
        estimated_rows: median(|row| row.estimated_rows),
        // In one sample they may have been comparable that were not in another: a limit stops sooner or later.
        not_comparable: samples.iter().find_map(|row| row.not_comparable.clone()),
        output_rows,
        operator_seconds: number(|row| Some(row.operator_ns)) as f64 / 1e9,
        spilled_bytes: number(|row| Some(row.spilled_bytes)),
        peak_memory_bytes: median(|row| row.peak_memory_bytes),
        scan: median(|row| row.scanned_bytes).map(|scanned_bytes| ScanFigures {
            scanned_bytes,
            file_ranges_total: number(|row| row.file_ranges_total),
            file_ranges_pruned: number(|row| row.file_ranges_pruned),
            row_groups_total: number(|row| row.row_groups_total),
            row_groups_pruned: number(|row| row.row_groups_pruned),
            pages_total: number(|row| row.pages_total),
            pages_pruned: number(|row| row.pages_pruned),
            rows_in: number(|row| row.rows_in),
            rows_out: output_rows,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{operator_rows, plan_rows};

    #[test]
    fn figures_are_medians_of_the_usual_plan() {
        let record = |name: &str, iterations: &[u32]| {
            let mut plan = plan_rows("q1");
            plan[0].name = name.to_owned();
            let samples = iterations.iter().map(|iteration| operator_rows("q1", *iteration)).collect();
            PlanRecord { fingerprint: name.to_owned(), plan, samples }
        };
        let sample = |planning: u64, execute: u64| SampleRow {
            planning_ns: Some(planning * 1_000_000),
            execute_ns: Some(execute * 1_000_000),
            ..SampleRow::default()
        };
        let warm = SampleRow { phase: Phase::Warmup, ..sample(900, 900) };
        let all = [warm, sample(10, 100), sample(12, 300), sample(11, 200)];
        let figures = figures_of(&[record("rare", &[1]), record("usual", &[1, 5, 2])], &all.iter().collect::<Vec<_>>());
        assert_eq!((figures.planning_seconds, figures.execution_seconds), (0.011, 0.2));
        let first = &figures.operators[0];
        assert_eq!((first.name.as_str(), first.operator_seconds, first.scan), ("usual", 0.002, None));
        let scan = figures.operators[1].scan.expect("a scan");
        assert_eq!((scan.scanned_bytes, scan.rows_in, scan.rows_out), (7, 7, 100));
        assert_eq!(figures_of(&[], &[]), PlanFigures::default());
    }
}

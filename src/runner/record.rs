//! What a sample used and did, beside the time it took.
//!
//! ```text
//! start ──▶ planning, execution (timed) ──▶ finish
//!   └─ processor time, memory, reads begin anew    └─ what came on top; what each operator did
//! ```
//!
//! Everything that costs time is done before planning begins or after the last row has come.

use std::sync::Arc;

use super::process::{self, CpuMark, CpuTime};
use crate::engine::trace::{OperatorKind, PlanTrace, Span, SpanUsage, Tracer};
use crate::engine::{Engine, UdfProfile};
use crate::results::EstimateErrors;
use crate::results::format::{OperatorRow, PlanRow, SampleRow, UdfRow};

/// What a sample used and did. What is not known is nothing: on other systems than Linux, for a statement that was not planned,
/// or with `engine.trace.enabled` off.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleRecord {
    /// Processor time of this process.
    pub cpu: Option<CpuTime>,
    /// The most memory that this process had resident.
    pub peak_rss_bytes: Option<u64>,
    /// What was read and reserved.
    pub usage: Option<SpanUsage>,
    /// What the plan did; a part of it if the sample failed.
    pub plan: Option<PlanTrace>,
    /// What functions took; nothing with `engine.udf.profile` off.
    pub functions: Vec<UdfProfile>,
}

impl SampleRecord {
    /// Fills in a sample's row.
    pub fn write_to(&self, row: &mut SampleRow) {
        row.user_cpu_ns = self.cpu.map(|cpu| cpu.user_ns);
        row.system_cpu_ns = self.cpu.map(|cpu| cpu.system_ns);
        row.peak_rss_bytes = self.peak_rss_bytes;
        row.peak_pool_bytes = self.usage.map(|usage| usage.peak_pool_bytes);
        row.bytes_read = self.usage.map(|usage| usage.bytes_read);
        row.read_requests = self.usage.map(|usage| usage.read_requests);
        if let Some(plan) = &self.plan {
            write_plan(plan, row);
        }
    }
}

impl SampleRecord {
    /// The operators of the plan and what they did, as results have them; none if the statement was not planned. `row` says which
    /// sample it is.
    pub fn plan_rows(&self, row: &SampleRow) -> (Vec<PlanRow>, Vec<OperatorRow>) {
        let Some(trace) = &self.plan else { return (Vec::new(), Vec::new()) };
        let numbered = (0..).zip(&trace.operators);
        let plan = numbered.clone().map(|(operator, traced)| PlanRow {
            statement: row.statement.clone(),
            plan_fingerprint: trace.fingerprint.clone(),
            operator,
            depth: u32::try_from(traced.depth).unwrap_or(u32::MAX),
            kind: traced.kind.to_string(),
            name: traced.name.clone(),
            detail: traced.detail.clone(),
        });
        let operators = numbered.map(|(operator, traced)| OperatorRow {
            statement: row.statement.clone(),
            iteration: row.iteration,
            plan_fingerprint: trace.fingerprint.clone(),
            operator,
            estimated_rows: traced.estimated_rows,
            not_comparable: traced.not_comparable.map(|reason| reason.to_string()),
            output_rows: traced.output_rows,
            operator_ns: traced.operator_ns,
            spilled_bytes: traced.spilled_bytes,
            peak_memory_bytes: traced.peak_memory_bytes,
            scanned_bytes: traced.scan.map(|scan| scan.scanned_bytes),
            file_ranges_total: traced.scan.map(|scan| scan.file_ranges_total),
            file_ranges_pruned: traced.scan.map(|scan| scan.file_ranges_pruned),
            row_groups_total: traced.scan.map(|scan| scan.row_groups_total),
            row_groups_pruned: traced.scan.map(|scan| scan.row_groups_pruned),
            pages_total: traced.scan.map(|scan| scan.pages_total),
            pages_pruned: traced.scan.map(|scan| scan.pages_pruned),
            rows_in: traced.scan.map(|scan| scan.rows_in),
        });
        (plan.collect(), operators.collect())
    }

    /// What functions took, as results have it.
    pub fn udf_rows(&self, row: &SampleRow) -> Vec<UdfRow> {
        let of_sample =
            |profile| UdfRow { statement: row.statement.clone(), iteration: row.iteration, ..UdfRow::from(profile) };
        self.functions.iter().map(of_sample).collect()
    }
}

impl From<&UdfProfile> for UdfRow {
    /// Of no statement of a suite.
    fn from(profile: &UdfProfile) -> Self {
        Self {
            statement: String::new(),
            iteration: 0,
            function: profile.function.clone(),
            language: profile.language.to_owned(),
            line: profile.place.map(|(line, _)| line as u64),
            position: profile.place.map(|(_, position)| position as u64),
            call: profile.written.clone(),
            calls: profile.calls,
            batches: profile.batches,
            rows: profile.rows,
            total_ns: profile.total_ns,
            row_ns: profile.row_ns(),
            statement_share: profile.statement_share,
            function_ns: profile.function_ns,
            convert_ns: profile.convert_ns,
            transfer_ns: profile.transfer_ns(),
            min_ns: profile.min_ns,
            median_ns: profile.median_ns,
            p99_ns: profile.p99_ns,
            nulls: profile.nulls,
            errors: profile.errors,
        }
    }
}

/// Fills in how far the estimates of the sample's plan were off.
pub(super) fn write_estimate_errors(plan: &[PlanRow], operators: &[OperatorRow], row: &mut SampleRow) {
    let errors = EstimateErrors::of(plan, operators);
    row.q_error_max = errors.map(|errors| errors.max);
    row.q_error_geomean = errors.map(|errors| errors.geomean);
    row.q_error_operator = errors.map(|errors| errors.operator);
}

fn write_plan(plan: &PlanTrace, row: &mut SampleRow) {
    let scans = plan.scans();
    row.bytes_spilled = Some(plan.spilled_bytes());
    row.file_ranges_total = Some(scans.file_ranges_total);
    row.file_ranges_pruned = Some(scans.file_ranges_pruned);
    row.row_groups_total = Some(scans.row_groups_total);
    row.row_groups_pruned = Some(scans.row_groups_pruned);
    row.pages_total = Some(scans.pages_total);
    row.pages_pruned = Some(scans.pages_pruned);
    row.scan_rows_in = Some(scans.rows_in);
    row.scan_rows_out = Some(scans.rows_out);
    for kind in OperatorKind::ALL {
        *operator_field(row, kind) = Some(plan.operator_ns(kind));
    }
    row.plan_fingerprint = Some(plan.fingerprint.clone());
}

fn operator_field(row: &mut SampleRow, kind: OperatorKind) -> &mut Option<u64> {
    match kind {
        OperatorKind::Scan => &mut row.scan_ns,
        OperatorKind::Filter => &mut row.filter_ns,
        OperatorKind::Join => &mut row.join_ns,
        OperatorKind::Aggregate => &mut row.aggregate_ns,
        OperatorKind::Window => &mut row.window_ns,
        OperatorKind::Sort => &mut row.sort_ns,
        OperatorKind::Exchange => &mut row.exchange_ns,
        OperatorKind::Other => &mut row.other_ns,
    }
}

/// A record that is being made.
#[derive(Debug)]
pub(super) struct Recording {
    /// Nothing if `engine.trace.enabled` is off.
    begun: Option<Begun>,
    engine: Arc<Engine>,
}

#[derive(Debug)]
struct Begun {
    span: Span,
    cpu: Option<CpuMark>,
    rss_is_fresh: bool,
}

impl Recording {
    /// Begins a record; to be called before the clock starts.
    pub(super) fn start(engine: &Arc<Engine>) -> Self {
        let begin = |span| Begun { rss_is_fresh: process::reset_peak_rss(), span, cpu: CpuMark::now() };
        drop(engine.take_udf_profiles());
        Self { begun: engine.start_span().map(begin), engine: Arc::clone(engine) }
    }

    /// Ends it; to be called after the clock has stopped.
    pub(super) fn finish(self, tracer: Option<&Tracer>) -> SampleRecord {
        let functions = self.engine.take_udf_profiles();
        let Some(begun) = self.begun else { return SampleRecord { functions, ..SampleRecord::default() } };
        SampleRecord {
            cpu: begun.cpu.and_then(|before| Some(before.until(&CpuMark::now()?))),
            peak_rss_bytes: if begun.rss_is_fresh { process::peak_rss_bytes() } else { None },
            usage: Some(begun.span.finish()),
            plan: tracer.map(Tracer::trace),
            functions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trace::OperatorTrace;

    #[test]
    fn every_kind_of_operator_has_a_column_of_its_own() {
        let operator = |(index, kind): (usize, OperatorKind)| OperatorTrace {
            depth: 0,
            name: kind.to_string(),
            kind,
            detail: String::new(),
            estimated_rows: None,
            not_comparable: None,
            output_rows: 0,
            operator_ns: index as u64 + 1,
            spill_count: 1,
            spilled_bytes: 10,
            peak_memory_bytes: None,
            scan: None,
        };
        let operators = OperatorKind::ALL.into_iter().enumerate().map(operator).collect();
        let plan = Some(PlanTrace { fingerprint: "abc".to_owned(), operators });
        let mut row = SampleRow::default();
        SampleRecord { plan, ..SampleRecord::default() }.write_to(&mut row);
        let times = OperatorKind::ALL.map(|kind| *operator_field(&mut row, kind));
        assert_eq!(times, [1, 2, 3, 4, 5, 6, 7, 8].map(Some));
        assert_eq!((row.bytes_spilled, row.plan_fingerprint.as_deref()), (Some(80), Some("abc")));
        assert_eq!((row.bytes_read, row.user_cpu_ns), (None, None));
    }
}

//! What a plan did while it ran, as plain rows.
//!
//! ```text
//! Plan ──Engine::trace──▶ Plan, every operator watched ──execute──▶ rows
//!                    └──▶ Tracer ────────────trace()──────────────▶ PlanTrace: fingerprint, one row an operator
//!
//! Engine::start_span ─▶ Span ──finish()─▶ SpanUsage: bytes and requests of the object stores, peak of the memory pool
//! ```
//!
//! - [`Tracer`] and [`PlanTrace`]: each operator's rows, time, spilled bytes and, for scans, what was pruned;
//! - [`NotComparable`]: why an operator's rows say nothing of their estimate;
//! - [`Span`] and [`SpanUsage`]: what the engine as a whole read and reserved between two moments;
//! - the fingerprint: one value for everything that makes two plans the same.
//!
//! Nothing here changes a plan or a result, and no type of DataFusion leaves. `engine.trace.enabled` switches all of it off:
//! then plans run bare, and neither the memory pool nor the object stores are wrapped.

mod comparable;
pub(super) mod fingerprint;
mod instrument;
mod meter;
mod operator;
mod store;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;

use crate::engine::statistics::EstimatedRows;
use instrument::Record;

pub use comparable::NotComparable;
pub(super) use meter::Meter;
pub use meter::{Span, SpanUsage};
pub use operator::{OperatorKind, OperatorTrace, ScanTrace};

/// Sees what a plan does while it runs and afterwards, without keeping anything of it alive.
#[derive(Debug)]
pub struct Tracer {
    fingerprint: String,
    records: Vec<Arc<Record>>,
}

/// Puts a watcher on every operator of a plan. `estimated` has the rows that each is expected to give.
pub(super) fn watch(
    plan: Arc<dyn ExecutionPlan>,
    estimated: &EstimatedRows,
) -> Result<(Arc<dyn ExecutionPlan>, Tracer)> {
    let fingerprint = fingerprint::of(&plan);
    let (plan, records) = instrument::instrument(plan, estimated)?;
    Ok((plan, Tracer { fingerprint, records }))
}

impl Tracer {
    /// What the plan did so far: all of it once its rows have been read, a part if it failed or was stopped.
    pub fn trace(&self) -> PlanTrace {
        let mut operators: Vec<_> = self.records.iter().map(|record| record.operator()).collect();
        let facts: Vec<_> = self.records.iter().map(|record| record.facts()).collect();
        comparable::judge(&mut operators, &facts);
        PlanTrace { fingerprint: self.fingerprint.clone(), operators }
    }
}

/// What one execution of a plan did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTrace {
    /// The same for plans that do the same things in the same order, wherever the data is and however often it is planned.
    pub fingerprint: String,
    /// The operators, each before its inputs.
    pub operators: Vec<OperatorTrace>,
}

impl PlanTrace {
    /// Time in operators of that kind, summed over them and their partitions: more than the wall's when several run at once.
    pub fn operator_ns(&self, kind: OperatorKind) -> u64 {
        self.operators.iter().filter(|operator| operator.kind == kind).map(|operator| operator.operator_ns).sum()
    }

    /// Bytes that operators wrote to disk because memory was short.
    pub fn spilled_bytes(&self) -> u64 {
        self.operators.iter().map(|operator| operator.spilled_bytes).sum()
    }

    /// All scans together.
    pub fn scans(&self) -> ScanTrace {
        self.operators.iter().filter_map(|operator| operator.scan).fold(ScanTrace::default(), ScanTrace::plus)
    }
}

#[cfg(test)]
mod tests;

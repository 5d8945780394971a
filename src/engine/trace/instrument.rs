//! A watcher above every operator, which reads the operator's metrics when it is done and lets go of it.
//!
//! ```text
//! before   Aggregate ◀─ Join ◀─ Scan        after   (Aggregate) ◀─ (Join) ◀─ (Scan)      ( ) is a [`WatchedExec`]
//! ```
//!
//! The metrics of an operator live in the operator, and an operator is more than its metrics: a join holds its build side, a
//! repartition the tasks that feed it. DataFusion drops a plan while its streams still run, so that a build side is freed when its
//! join is done, and tasks stop when nobody reads their rows any more. Who kept the plan for a look afterwards would change both:
//! memory would be freed later, and a statement under a tight limit could fail for being watched.
//!
//! So each operator is kept as long as one of its own streams runs, not longer: the streams of a [`WatchedExec`] share it, the last
//! one to end reads its metrics and drops it. Batches, their order, partitions and errors pass through unchanged; what it costs is
//! one more poll a batch.
//!
//! Joins and aggregates look through the operators below them for who reads the filters that they make, and make none that nobody
//! reads. So a watcher shows such filters as if they were its own, by a [`Mark`] that has the filter's identity and nothing else.
//!
//! An operator that may be run anew must not be let go of: below a nested-loop join, which reads its left side a second time
//! when memory is short, operators are kept until the join is done. The inside of a recursive query is not watched, because each
//! round runs a fresh copy of it.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
    RecordBatchStream, SendableRecordBatchStream, apply_expression_roots, replace_children_if_necessary,
};
use futures::Stream;

use super::OperatorTrace;
use super::comparable::{Facts, Streams};
use super::fingerprint;
use super::operator::operator;
use crate::engine::statistics::EstimatedRows;

/// A plan under watch, and what is known of its operators, each before its inputs.
pub(super) type WatchedPlan = (Arc<dyn ExecutionPlan>, Vec<Arc<Record>>);

/// Puts a watcher above every operator.
pub(super) fn instrument(plan: Arc<dyn ExecutionPlan>, estimated: &EstimatedRows) -> Result<WatchedPlan> {
    let mut watchers = Watchers { records: Vec::new(), seen: HashMap::new(), estimated };
    // Operators are told apart by their addresses, so none may be freed before the last one was seen.
    let kept = Arc::clone(&plan);
    let watched = watchers.watch(plan, 0, Executions::OneEachPartition)?;
    drop(kept);
    Ok((watched, watchers.records))
}

/// How often the partitions of an operator are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Executions {
    OneEachPartition,
    Unknown,
}

struct Watchers<'a> {
    records: Vec<Arc<Record>>,
    seen: HashMap<usize, Arc<WatchedExec>>,
    estimated: &'a EstimatedRows,
}

impl Watchers<'_> {
    fn watch(
        &mut self,
        plan: Arc<dyn ExecutionPlan>,
        depth: usize,
        executions: Executions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let address = Arc::as_ptr(&plan).cast::<()>().addr();
        if let Some(watched) = self.seen.get(&address) {
            // Two operators read this one: it is watched once, and run once for each of them.
            watched.expect_more_executions();
            return Ok(Arc::clone(watched) as _);
        }
        let record = Arc::new(Record::new(depth, &plan, self.estimated.of(&plan))?);
        self.records.push(Arc::clone(&record));
        let plan = self.watch_inputs(plan, depth, executions)?;
        let watched = Arc::new(WatchedExec::new(plan, record, executions)?);
        self.seen.insert(address, Arc::clone(&watched));
        Ok(watched)
    }

    fn watch_inputs(
        &mut self,
        plan: Arc<dyn ExecutionPlan>,
        depth: usize,
        executions: Executions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inputs: Vec<_> = plan.children().into_iter().cloned().collect();
        if inputs.is_empty() || plan.is::<RecursiveQueryExec>() {
            return Ok(plan);
        }
        let runs_inputs_anew = plan.is::<NestedLoopJoinExec>();
        let executions = if runs_inputs_anew { Executions::Unknown } else { executions };
        let inputs = inputs.into_iter().map(|input| self.watch(input, depth + 1, executions));
        replace_children_if_necessary(plan, inputs.collect::<Result<_>>()?)
    }
}

/// What is known of one operator; it outlives the operator.
pub(super) struct Record {
    depth: usize,
    name: String,
    detail: String,
    estimated_rows: Option<u64>,
    facts: Facts,
    output_rows: AtomicU64,
    streams_begun: AtomicUsize,
    streams_ended: AtomicUsize,
    /// The operator as long as it lives.
    alive: OnceLock<Weak<Operator>>,
    /// Its metrics once it is gone.
    last: OnceLock<MetricsSet>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("depth", &self.depth).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Record {
    fn new(depth: usize, plan: &Arc<dyn ExecutionPlan>, estimated_rows: Option<u64>) -> Result<Self> {
        Ok(Self {
            depth,
            estimated_rows,
            name: plan.name().to_owned(),
            detail: fingerprint::line(plan),
            facts: Facts::of(plan)?,
            output_rows: AtomicU64::new(0),
            streams_begun: AtomicUsize::new(0),
            streams_ended: AtomicUsize::new(0),
            alive: OnceLock::new(),
            last: OnceLock::new(),
        })
    }

    /// What decides whether its rows can be held against the estimate.
    pub(super) fn facts(&self) -> (Facts, Streams) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        (self.facts.clone(), Streams { begun: count(&self.streams_begun), ended: count(&self.streams_ended) })
    }

    /// What the operator did so far.
    pub(super) fn operator(&self) -> OperatorTrace {
        let output_rows = self.output_rows.load(Ordering::Relaxed);
        let (detail, estimated_rows) = (self.detail.clone(), self.estimated_rows);
        OperatorTrace { detail, estimated_rows, ..operator(self.depth, &self.name, output_rows, &self.metrics()) }
    }

    fn metrics(&self) -> MetricsSet {
        // The loop is for the moment in which another thread drops the operator and has not yet left its metrics.
        for _ in 0..10_000 {
            if let Some(metrics) = self.last.get() {
                return metrics.clone();
            }
            if let Some(operator) = self.alive.get().and_then(Weak::upgrade) {
                return operator.plan.metrics().unwrap_or_default();
            }
            std::thread::yield_now();
        }
        MetricsSet::new()
    }
}

/// An operator, kept by those who still run it.
#[derive(Debug)]
struct Operator {
    plan: Arc<dyn ExecutionPlan>,
    record: Arc<Record>,
}

impl Drop for Operator {
    fn drop(&mut self) {
        // The metrics go on counting behind this copy: an operator's streams may end a little later than it.
        drop(self.record.last.set(self.plan.metrics().unwrap_or_default()));
    }
}

/// Runs an operator and watches it.
#[derive(Debug)]
struct WatchedExec {
    name: String,
    properties: Arc<PlanProperties>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    /// The filters that the operator reads, as far as others look for them.
    marks: Vec<Arc<dyn PhysicalExpr>>,
    source: Mutex<Source>,
}

/// Where further streams come from.
#[derive(Debug)]
struct Source {
    /// Nothing once every partition was run.
    operator: Option<Arc<Operator>>,
    /// How many partitions are still to be run; nothing where that is not known.
    executions_left: Option<usize>,
}

impl WatchedExec {
    fn new(plan: Arc<dyn ExecutionPlan>, record: Arc<Record>, executions: Executions) -> Result<Self> {
        let marks = marks(&plan)?;
        let partitions = plan.output_partitioning().partition_count();
        let (name, properties) = (plan.name().to_owned(), Arc::clone(plan.properties()));
        let inputs = plan.children().into_iter().cloned().collect();
        let operator = Arc::new(Operator { plan, record });
        drop(operator.record.alive.set(Arc::downgrade(&operator)));
        let executions_left = (executions == Executions::OneEachPartition).then_some(partitions);
        let source = Mutex::new(Source { operator: Some(operator), executions_left });
        Ok(Self { name, properties, inputs, marks, source })
    }

    fn expect_more_executions(&self) {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).executions_left = None;
    }

    /// The operator for one more stream; with the last partition's it is let go of.
    fn operator(&self) -> Result<Arc<Operator>> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let again = || DataFusionError::Internal(format!("{} was run more often than it has partitions", self.name));
        let operator = source.operator.clone().ok_or_else(again)?;
        if let Some(left) = &mut source.executions_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                source.operator = None;
            }
        }
        Ok(operator)
    }
}

impl DisplayAs for WatchedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (watched)", self.name)
    }
}

impl ExecutionPlan for WatchedExec {
    fn name(&self) -> &str {
        &self.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Err(DataFusionError::Internal("a plan that is watched is ready to run and not changed any more".to_owned()))
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.marks, visit)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let operator = self.operator()?;
        let stream = operator.plan.execute(partition, context)?;
        operator.record.streams_begun.fetch_add(1, Ordering::Relaxed);
        Ok(Box::pin(WatchedStream { stream, operator: Some(operator) }))
    }
}

/// Stands for an expression with an identity, without what the expression holds: a join's filter holds its hash table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Mark(u64);

/// The marks of all such expressions of an operator.
fn marks(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let mut marks: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
    plan.apply_expressions(&mut |root| {
        root.apply(|part| {
            marks.extend(part.expression_id().map(|id| Arc::new(Mark(id)) as _));
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(marks)
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expression {}", self.0)
    }
}

impl PhysicalExpr for Mark {
    fn expression_id(&self) -> Option<u64> {
        Some(self.0)
    }

    fn evaluate(&self, _: &RecordBatch) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal(format!("{self} stands for another one and has no value")))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(self)
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Passes batches on, counts their rows, and lets go of the operator at the end.
struct WatchedStream {
    stream: SendableRecordBatchStream,
    operator: Option<Arc<Operator>>,
}

impl Stream for WatchedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.as_mut().poll_next(context);
        match (&polled, &self.operator) {
            (Poll::Ready(Some(Ok(batch))), Some(operator)) => {
                operator.record.output_rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            }
            (Poll::Ready(None), Some(operator)) => {
                operator.record.streams_ended.fetch_add(1, Ordering::Relaxed);
                self.operator = None;
            }
            _ => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl RecordBatchStream for WatchedStream {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

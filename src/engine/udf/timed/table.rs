//! [`TimedTableFunction`]: a table function in Rust whose scans are profiled.
//!
//! ```text
//!   engine.udf.profile off    generate_series(1, 9)   ─▶ its table ─▶ its scan
//!   on                        the same function       ─▶ its table ─▶ a scan that answers every question as its own would, and times its batches
//! ```
//!
//! A call is what an operator asks of a scan at once: the next batch. What a scan waits for, as for a file, is not the function's time: only that in
//! which it works is counted. A function that gives a view is none that is called: the view's query takes its place.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{
    ScanArgs, ScanResult, Session, TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Constraints, Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PhysicalExpr, PlanProperties,
    RecordBatchStream,
};
use futures::{Stream, StreamExt};

use crate::engine::settings::UdfOptions;
use crate::engine::udf::profile::{Batch, Caller, Meter};
use crate::engine::udf::statement::Statement;
use crate::engine::udf::table_calls::split_site;

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct TimedTableFunction {
    name: String,
    inner: Arc<dyn TableFunctionImpl>,
}

impl TimedTableFunction {
    pub(in crate::engine) fn new(name: &str, inner: Arc<dyn TableFunctionImpl>) -> Self {
        Self { name: name.to_owned(), inner }
    }

    /// Whether a table function is timed.
    pub(in crate::engine::udf) fn is(function: &TableFunction) -> bool {
        let implementation: &dyn Any = function.function().as_ref();
        implementation.is::<Self>()
    }
}

impl TableFunctionImpl for TimedTableFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let (site, values) = split_site(args.exprs());
        let inner = self.inner.call_with_args(TableFunctionArgs::new(values, args.session()))?;
        if inner.get_logical_plan().is_some() {
            return Ok(inner);
        }
        Ok(Arc::new(TimedTable { inner, caller: Caller::at(site, &self.name, "rust") }))
    }
}

/// What a table function has given for some arguments.
#[derive(Debug)]
struct TimedTable {
    inner: Arc<dyn TableProvider>,
    caller: Caller,
}

impl TimedTable {
    fn timed(&self, inner: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Arc<dyn ExecutionPlan> {
        match UdfOptions::of(options).profile {
            true => Arc::new(TimedScan { inner, caller: self.caller.clone() }),
            false => inner,
        }
    }
}

#[async_trait]
impl TableProvider for TimedTable {
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.timed(self.inner.scan(state, projection, filters, limit).await?, state.config_options()))
    }

    async fn scan_with_args<'a>(&self, state: &dyn Session, args: ScanArgs<'a>) -> Result<ScanResult> {
        let scan = self.inner.scan_with_args(state, args).await?;
        Ok(self.timed(scan.into_inner(), state.config_options()).into())
    }

    // From here on all is the table's own.

    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.inner.constraints()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.inner.get_table_definition()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.inner.get_logical_plan()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.inner.get_column_default(column)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.inner.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.inner.statistics()
    }
}

/// A scan whose batches are timed.
#[derive(Debug)]
struct TimedScan {
    inner: Arc<dyn ExecutionPlan>,
    caller: Caller,
}

impl TimedScan {
    /// What the scan has become is timed as it was.
    fn around(&self, inner: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { inner, caller: self.caller.clone() })
    }
}

impl ExecutionPlan for TimedScan {
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(meter) = Statement::of(context.session_config().options()).meter(&self.caller) else {
            return self.inner.execute(partition, context);
        };
        let inner = meter.time(|| self.inner.execute(partition, context), |_| Batch::default())?;
        Ok(Box::pin(TimedStream { inner, meter }))
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.inner).replace_children(children, options)?))
    }

    #[expect(deprecated, reason = "the trait has no default for it")]
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.inner).with_new_children(children)?))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.inner).reset_state()?))
    }

    fn repartitioned(&self, partitions: usize, options: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(self.inner.repartitioned(partitions, options)?.map(|inner| self.around(inner)))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        self.inner.with_fetch(limit).map(|inner| self.around(inner))
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(self.inner.try_swapping_with_projection(projection)?.map(|inner| self.around(inner)))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        options: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let mut own = self.inner.handle_child_pushdown_result(phase, result, options)?;
        own.updated_node = own.updated_node.map(|inner| self.around(inner));
        Ok(own)
    }

    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        self.inner.with_new_state(state).map(|inner| self.around(inner))
    }

    fn try_pushdown_sort(&self, order: &[PhysicalSortExpr]) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        Ok(self.inner.try_pushdown_sort(order)?.map(|inner| self.around(inner)))
    }

    fn with_preserve_order(&self, preserve_order: bool) -> Option<Arc<dyn ExecutionPlan>> {
        self.inner.with_preserve_order(preserve_order).map(|inner| self.around(inner))
    }

    /// Who asks for a kind of scan finds the scan itself.
    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    // From here on all is the scan's own.

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.dynamic_expressions_produced()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.inner.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.inner.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.inner.benefits_from_input_partitioning()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.inner.statistics_from_inputs(inputs, args)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.inner.child_stats_requests(partition)
    }

    fn supports_limit_pushdown(&self) -> bool {
        self.inner.supports_limit_pushdown()
    }

    fn fetch(&self) -> Option<usize> {
        self.inner.fetch()
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.inner.cardinality_effect()
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        options: &ConfigOptions,
    ) -> Result<FilterDescription> {
        self.inner.gather_filters_for_pushdown(phase, filters, options)
    }
}

impl DisplayAs for TimedScan {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(format, f)
    }
}

/// The batches of a partition.
struct TimedStream {
    inner: SendableRecordBatchStream,
    meter: Meter,
}

impl Stream for TimedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { inner, meter } = &mut *self;
        meter.time(
            || inner.poll_next_unpin(context),
            |polled| match polled {
                Poll::Ready(Some(batch)) => Batch::of(batch.as_ref().map_or(0, RecordBatch::num_rows), batch, |_| 0),
                Poll::Ready(None) | Poll::Pending => Batch::default(),
            },
        )
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl RecordBatchStream for TimedStream {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }
}

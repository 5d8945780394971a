//! [`DeferExec`]: an input that is started when somebody asks for its first row.
//!
//! ```text
//!   before   Coalesce: execute ─▶ its tasks read                    rows wait ─▶ poll
//!   after    Defer:    execute                   poll ─▶ Coalesce: execute ─▶ its tasks read ─▶ rows
//! ```
//!
//! A plan is executed all at once from the top down, and most operators do nothing until they are polled. Those that bring partitions
//! together start tasks, which read what is below them at once. Rows, their order and their partitions are those of the input; if it cannot be started,
//! its error is the first thing that the stream has.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
    Statistics, StatisticsArgs,
};
use futures::{TryStreamExt, stream};

/// See the module.
#[derive(Debug)]
pub(crate) struct DeferExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DeferExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for DeferExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeferExec")
    }
}

impl ExecutionPlan for DeferExec {
    fn name(&self) -> &str {
        "DeferExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(children.swap_remove(0))))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (input, schema) = (Arc::clone(&self.input), self.schema());
        let stream = stream::once(async move { input.execute(partition, context) }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::error::DataFusionError;
    use datafusion::physical_plan::replace_children_if_necessary;
    use futures::StreamExt;

    use super::*;

    /// Two partitions of numbers, that count how often they are started, or cannot be.
    #[derive(Debug)]
    struct CountedExec {
        numbers: Arc<dyn ExecutionPlan>,
        started: AtomicUsize,
        fails: bool,
    }

    impl CountedExec {
        fn new(fails: bool) -> Arc<Self> {
            let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
            let batch = |from: i32| {
                let column = Arc::new(Int32Array::from_iter_values(from..from + 10));
                RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a batch")
            };
            let partitions = [vec![batch(0), batch(10)], vec![batch(20)]];
            let numbers = MemorySourceConfig::try_new_exec(&partitions, schema, None).expect("a source");
            Arc::new(Self { numbers, started: AtomicUsize::new(0), fails })
        }

        fn started(&self) -> usize {
            self.started.load(Ordering::Relaxed)
        }
    }

    impl DisplayAs for CountedExec {
        fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("CountedExec")
        }
    }

    impl ExecutionPlan for CountedExec {
        fn name(&self) -> &str {
            "CountedExec"
        }

        fn properties(&self) -> &Arc<PlanProperties> {
            self.numbers.properties()
        }

        fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
            Vec::new()
        }

        fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
            Ok(self)
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
        ) -> Result<TreeNodeRecursion> {
            Ok(TreeNodeRecursion::Continue)
        }

        fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
            self.started.fetch_add(1, Ordering::Relaxed);
            if self.fails {
                return Err(DataFusionError::Execution("it does not start".to_owned()));
            }
            self.numbers.execute(partition, context)
        }
    }

    async fn rows(plan: &dyn ExecutionPlan, partition: usize) -> Vec<RecordBatch> {
        let stream = plan.execute(partition, Arc::default()).expect("starts");
        stream.try_collect().await.expect("rows")
    }

    #[tokio::test]
    async fn an_input_starts_with_the_first_poll() {
        let input = CountedExec::new(false);
        let deferred = DeferExec::new(Arc::clone(&input) as _);
        let mut stream = deferred.execute(1, Arc::default()).expect("starts");
        assert_eq!(input.started(), 0);
        assert!(stream.next().await.is_some_and(|batch| batch.is_ok()));
        assert_eq!(input.started(), 1);
        assert!(stream.next().await.is_none());
        drop(deferred.execute(0, Arc::default()).expect("starts"));
        assert_eq!(input.started(), 1, "nobody asked for its rows");
    }

    #[tokio::test]
    async fn rows_and_partitions_are_those_of_the_input() {
        let input = CountedExec::new(false);
        let deferred: Arc<dyn ExecutionPlan> = Arc::new(DeferExec::new(Arc::clone(&input) as _));
        assert_eq!(deferred.schema(), input.schema());
        let inputs = vec![CountedExec::new(false) as _];
        let changed = replace_children_if_necessary(Arc::clone(&deferred), inputs).expect("an input");
        for partition in 0..2 {
            let expected = rows(input.numbers.as_ref(), partition).await;
            assert_eq!(rows(deferred.as_ref(), partition).await, expected);
            assert_eq!(rows(changed.as_ref(), partition).await, expected);
        }
    }

    #[tokio::test]
    async fn an_input_that_does_not_start_fails_the_stream() {
        let deferred = DeferExec::new(CountedExec::new(true) as _);
        let found: Vec<_> = deferred.execute(0, Arc::default()).expect("nothing has been started").collect().await;
        let [Err(error)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(error.to_string(), "Execution error: it does not start");
    }
}

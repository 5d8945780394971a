//! [`TimedWindow`]: a window function whose evaluators are profiled.
//!
//! An operator asks an evaluator for all rows of a partition at once, or row by row where the function's frame or a bound on memory asks for it: either
//! is a call.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowFunctionSimplification, WindowUDFFieldArgs,
};
use datafusion::logical_expr::window_state::WindowAggState;
use datafusion::logical_expr::{
    Documentation, Expr, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, WindowFunctionDefinition, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;

use super::TimedWindow;
use crate::engine::ansi::Site;
use crate::engine::udf::profile::{Batch, Meter};
use crate::engine::udf::statement::Statement;

impl TimedWindow {
    /// The function with its calls profiled.
    pub(super) fn of(
        function: &Arc<WindowUDF>,
        site: Option<&Site>,
        statement: Option<&Statement>,
    ) -> Option<Arc<WindowUDF>> {
        let new = || Self::new(function, function.name(), site).within(statement);
        let timed = function.inner().downcast_ref::<Self>().map_or_else(new, |timed| timed.within(statement));
        Some(Arc::new(WindowUDF::from(timed)))
    }

    fn around_window(&self, inner: Arc<WindowUDF>) -> Arc<WindowUDF> {
        Arc::new(WindowUDF::from(self.around(inner)))
    }
}

impl WindowUDFImpl for TimedWindow {
    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        let inner = self.inner.partition_evaluator_factory(args)?;
        Ok(match self.meter() {
            Some(meter) => Box::new(TimedEvaluator { inner, meter }),
            None => inner,
        })
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.reverse_expr() {
            ReversedUDWF::Reversed(inner) => ReversedUDWF::Reversed(self.around_window(inner)),
            same => same,
        }
    }

    /// Into a call of another function, which is timed as this one, or into something else.
    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        let (simplify, timed) = (self.inner.simplify()?, self.clone());
        Some(Box::new(move |call, info| {
            let mut expr = simplify(call, info)?;
            if let Expr::WindowFunction(call) = &mut expr
                && let WindowFunctionDefinition::WindowUDF(function) = &mut call.fun
                && !function.inner().is::<Self>()
            {
                *function = timed.around_window(Arc::clone(function));
            }
            Ok(expr)
        }))
    }

    // From here on all is the function's own.

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(args)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.field(args)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.inner.sort_options()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.inner.inner().limit_effect(args)
    }
}

/// The state of a partition.
#[derive(Debug)]
struct TimedEvaluator {
    inner: Box<dyn PartitionEvaluator>,
    meter: Meter,
}

impl PartitionEvaluator for TimedEvaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let evaluate = || self.inner.evaluate_all(values, num_rows);
        self.meter.time(evaluate, |result| Batch::of(num_rows, result, |values| values.null_count()))
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let evaluate = || self.inner.evaluate(values, range);
        self.meter.time(evaluate, |result| Batch::of(1, result, |value| usize::from(value.is_null())))
    }

    fn evaluate_all_with_rank(&self, num_rows: usize, ranks_in_partition: &[Range<usize>]) -> Result<ArrayRef> {
        let evaluate = || self.inner.evaluate_all_with_rank(num_rows, ranks_in_partition);
        self.meter.time(evaluate, |result| Batch::of(num_rows, result, |values| values.null_count()))
    }

    fn memoize(&mut self, state: &mut WindowAggState) -> Result<()> {
        self.inner.memoize(state)
    }

    fn get_range(&self, idx: usize, n_rows: usize) -> Result<Range<usize>> {
        self.inner.get_range(idx, n_rows)
    }

    fn is_causal(&self) -> bool {
        self.inner.is_causal()
    }

    fn supports_bounded_execution(&self) -> bool {
        self.inner.supports_bounded_execution()
    }

    fn uses_window_frame(&self) -> bool {
        self.inner.uses_window_frame()
    }

    fn include_rank(&self) -> bool {
        self.inner.include_rank()
    }
}

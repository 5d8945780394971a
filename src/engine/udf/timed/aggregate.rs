//! [`TimedAggregate`]: an aggregate function whose accumulators are profiled.
//!
//! A call is what an operator asks an accumulator at once: to take a batch of rows, to merge or to give states, to give results. A function that has
//! accumulators for many groups at once is called once a batch; another, once a batch and group; over a window, for each row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, Expr, GroupsAccumulator, Operator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};

use super::TimedAggregate;
use crate::engine::ansi::Site;
use crate::engine::udf::profile::{Batch, Meter};
use crate::engine::udf::python::PythonAggregate;
use crate::engine::udf::statement::Statement;

impl TimedAggregate {
    /// The function with its calls profiled; nothing for one that is profiled otherwise.
    pub(super) fn of(
        function: &Arc<AggregateUDF>,
        site: Option<&Site>,
        statement: Option<&Statement>,
    ) -> Option<Arc<AggregateUDF>> {
        if PythonAggregate::of(function).is_some() {
            return None;
        }
        let new = || Self::new(function, function.name(), site).within(statement);
        let timed = function.inner().downcast_ref::<Self>().map_or_else(new, |timed| timed.within(statement));
        Some(Arc::new(AggregateUDF::from(timed)))
    }

    /// What a rule puts in the place of a function, or of that which is timed.
    pub(in crate::engine) fn replaced(
        function: &Arc<AggregateUDF>,
        replace: impl FnOnce(&Arc<AggregateUDF>) -> Result<Option<Arc<AggregateUDF>>>,
    ) -> Result<Option<Arc<AggregateUDF>>> {
        match function.inner().downcast_ref::<Self>() {
            Some(timed) => Ok(replace(&timed.inner)?.map(|inner| timed.around_aggregate(inner))),
            None => replace(function),
        }
    }

    fn around_aggregate(&self, inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::from(self.around(inner)))
    }
}

impl AggregateUDFImpl for TimedAggregate {
    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner.accumulator(args)?;
        Ok(TimedAccumulator::of(inner, self.meter()))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner.create_sliding_accumulator(args)?;
        Ok(TimedAccumulator::of(inner, self.meter()))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let inner = self.inner.create_groups_accumulator(args)?;
        Ok(match self.meter() {
            Some(meter) => Box::new(TimedGroups { inner, meter }),
            None => inner,
        })
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = self.inner.as_ref().clone().with_beneficial_ordering(beneficial_ordering)?;
        Ok(inner.map(|inner| Arc::new(self.around(Arc::new(inner))) as Arc<dyn AggregateUDFImpl>))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.inner.reverse_udf() {
            ReversedUDAF::Reversed(inner) => ReversedUDAF::Reversed(self.around_aggregate(inner)),
            same => same,
        }
    }

    /// Into a call of another function, which is timed as this one, or into something else.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let (simplify, timed) = (self.inner.simplify()?, self.clone());
        Some(Box::new(move |call, info| {
            let mut expr = simplify(call, info)?;
            if let Expr::AggregateFunction(call) = &mut expr
                && !call.func.inner().is::<Self>()
            {
                call.func = timed.around_aggregate(Arc::clone(&call.func));
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

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(arg_fields)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn simplify_expr_op_literal(
        &self,
        agg_function: &AggregateFunction,
        arg: &Expr,
        op: Operator,
        lit: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.inner.simplify_expr_op_literal(agg_function, arg, op, lit, arg_is_left)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.is_descending()
    }

    fn value_from_stats(&self, statistics_args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(statistics_args)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.inner.supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// States, or nothing, are a result.
fn no_nulls<T>(_: &T) -> usize {
    0
}

/// The state of a group.
#[derive(Debug)]
struct TimedAccumulator {
    inner: Box<dyn Accumulator>,
    meter: Meter,
}

impl TimedAccumulator {
    fn of(inner: Box<dyn Accumulator>, meter: Option<Meter>) -> Box<dyn Accumulator> {
        match meter {
            Some(meter) => Box::new(Self { inner, meter }),
            None => inner,
        }
    }
}

impl Accumulator for TimedAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let length = values.first().map_or(0, |values| values.len());
        self.meter.time(|| self.inner.update_batch(values), |result| Batch::of(length, result, no_nulls))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.meter.time(|| self.inner.merge_batch(states), |result| Batch::of(0, result, no_nulls))
    }

    /// Takes back rows that were counted when they came.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.meter.time(|| self.inner.retract_batch(values), |result| Batch::of(0, result, no_nulls))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.meter.time(|| self.inner.evaluate(), |result| Batch::of(0, result, |value| usize::from(value.is_null())))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.meter.time(|| self.inner.state(), |result| Batch::of(0, result, no_nulls))
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn size(&self) -> usize {
        self.inner.size() + size_of_val(self)
    }
}

/// The states of many groups.
struct TimedGroups {
    inner: Box<dyn GroupsAccumulator>,
    meter: Meter,
}

impl GroupsAccumulator for TimedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let length = filter.map_or(group_indices.len(), BooleanArray::true_count);
        let update = || self.inner.update_batch(values, group_indices, filter, total_num_groups);
        self.meter.time(update, |result| Batch::of(length, result, no_nulls))
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        let merge = || self.inner.merge_batch(states, group_indices, total_num_groups);
        self.meter.time(merge, |result| Batch::of(0, result, no_nulls))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.meter.time(|| self.inner.evaluate(emit_to), |result| Batch::of(0, result, |values| values.null_count()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.meter.time(|| self.inner.state(emit_to), |result| Batch::of(0, result, no_nulls))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let all = values.first().map_or(0, |values| values.len());
        let length = filter.map_or(all, BooleanArray::true_count);
        self.meter.time(|| self.inner.convert_to_state(values, filter), |result| Batch::of(length, result, no_nulls))
    }

    fn size(&self) -> usize {
        self.inner.size() + size_of_val(self)
    }
}

//! `sum` and `try_sum`: DataFusion's sum, which notices when a total does not fit.
//!
//! DataFusion's own wraps around. What happens here instead, and what a partial aggregate hands on:
//!
//! ```text
//!            raise                         legacy                     try
//!   BIGINT   checked 64 bits, an error     DataFusion's: wraps        exact 128 bits, NULL
//!   DECIMAL  checked 128 bits, an error    128 bits or lost, NULL     128 bits or lost, NULL
//! ```
//!
//! A total of decimals may exceed its type on the way; only the last one counts. If even 128 bits are too few, the
//! group is marked as [`LOST`], and stays so through all merges. Other types, and their errors, are DataFusion's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::compute::sum_checked;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, i256};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{HashMap, Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, Expr, GroupsAccumulator, Operator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::decimal::{fits, text};
use super::error::Fault;
use super::policy::Policy;
use super::site::Site;

/// Stands for a total of decimals that 128 bits do not hold. No decimal is that large.
const LOST: i128 = i128::MAX;
/// Up to so many digits, more than 10^20 rows are needed to leave 128 bits.
const UNCHECKED_DIGITS: u8 = 18;
/// Exact totals of BIGINTs on their way: 2^63 rows of them fit.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// The aggregate `sum`, or `try_sum` where the site's policy is [`Policy::Try`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SumFunction {
    inner: Arc<AggregateUDF>,
    site: Site,
}

impl SumFunction {
    /// The sum at a place.
    pub(crate) fn new(site: Site) -> Self {
        Self { inner: sum_udaf(), site }
    }

    /// What watches over totals of a type; none where DataFusion's sum is all that is needed.
    fn watch(&self, return_type: &DataType) -> Option<Watch> {
        let is_watched = match return_type {
            DataType::Int64 => self.site.policy() != Policy::Legacy,
            DataType::Decimal128(..) => true,
            _ => false,
        };
        is_watched.then(|| Watch { site: self.site.clone(), data_type: return_type.clone() })
    }
}

impl AggregateUDFImpl for SumFunction {
    fn name(&self) -> &str {
        if self.site.policy() == Policy::Try { "try_sum" } else { "sum" }
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match self.watch(args.return_type()) {
            Some(watch) if !args.is_distinct => {
                Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), watch.state_type(), true))])
            }
            _ => self.inner.state_fields(args),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(match self.watch(args.return_type()) {
            Some(watch) if args.is_distinct => Box::new(DistinctSum::new(watch)),
            Some(watch) => Box::new(ExactSum::new(watch)),
            None => self.inner.accumulator(args)?,
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.watch(args.return_type()) {
            // Both can take rows back.
            Some(_) => self.accumulator(args),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let Some(watch) = self.watch(args.return_type()) else { return self.inner.create_groups_accumulator(args) };
        let is_raising = self.site.policy() == Policy::Raise;
        let digits = match args.expr_fields.first().map(|field| field.data_type()) {
            Some(DataType::Decimal128(digits, _)) => *digits,
            _ => u8::MAX,
        };
        Ok(match (watch.data_type == DataType::Int64, is_raising) {
            (true, true) => Box::new(WatchedGroups::of_integers(watch)),
            (true, false) => Box::new(ExactGroups::new()),
            (false, _) if digits <= UNCHECKED_DIGITS => {
                let totals = self.inner.create_groups_accumulator(args)?;
                Box::new(WatchedGroups { totals, overflowed: Arc::default(), watch })
            }
            (false, true) => Box::new(WatchedGroups::of_decimals(watch)),
            (false, false) => Box::new(WatchedGroups::of_decimals_or_lost(watch)),
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(statistics)
    }

    /// `sum(x + 1)` as `sum(x) + count(x)` only of floats: the other types' operations might overflow unnoticed.
    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        is_argument_left: bool,
    ) -> Result<Option<Expr>> {
        match literal {
            Expr::Literal(value, _) if value.data_type().is_floating() => {
                self.inner.simplify_expr_op_literal(function, argument, operator, literal, is_argument_left)
            }
            _ => Ok(None),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// What becomes of a total that does not fit its type, a BIGINT or a decimal.
#[derive(Debug, Clone)]
struct Watch {
    site: Site,
    data_type: DataType,
}

impl Watch {
    /// The type of the totals that a partial aggregate hands on.
    fn state_type(&self) -> DataType {
        match (&self.data_type, self.site.policy()) {
            (DataType::Int64, Policy::Try) => WIDE,
            (data_type, _) => data_type.clone(),
        }
    }

    /// The error about a total; none where 128 bits did not hold it.
    fn raise(&self, total: Option<i256>) -> DataFusionError {
        let tolerant = "try_sum";
        self.site.raise(match self.data_type {
            DataType::Decimal128(precision, scale) => {
                let total = total.map(|total| text(total, scale));
                Fault::total_overflow(total.as_deref(), precision, scale, tolerant)
            }
            _ => Fault::overflow("BIGINT", Some(tolerant)),
        })
    }

    /// The total as a result: itself, an error or NULL.
    fn result(&self, total: Option<i256>) -> Result<ScalarValue> {
        let value = total.and_then(i256::to_i128);
        match self.data_type {
            DataType::Decimal128(precision, scale) => {
                let value = value.filter(|value| fits(*value, precision));
                self.unless_too_large(total, value.is_some())?;
                Ok(ScalarValue::Decimal128(value, precision, scale))
            }
            _ => {
                let value = value.and_then(|value| i64::try_from(value).ok());
                self.unless_too_large(total, value.is_some())?;
                Ok(ScalarValue::Int64(value))
            }
        }
    }

    /// The total as a partial aggregate hands it on. Such a one of decimals may be beyond its type.
    fn state(&self, total: Option<i256>) -> Result<ScalarValue> {
        match self.state_type() {
            DataType::Decimal128(precision, scale) => {
                let value = total.and_then(i256::to_i128).filter(|value| *value != LOST);
                self.unless_too_large(total, value.is_some())?;
                Ok(ScalarValue::Decimal128(total.map(|_| value.unwrap_or(LOST)), precision, scale))
            }
            _ => self.result(total),
        }
    }

    fn unless_too_large(&self, total: Option<i256>, is_fitting: bool) -> Result<()> {
        match self.site.policy() {
            Policy::Raise if total.is_some() && !is_fitting => Err(self.raise(total)),
            _ => Ok(()),
        }
    }

    /// The same for the groups' totals, of which most often all fit.
    fn results(&self, totals: ArrayRef) -> Result<ArrayRef> {
        let DataType::Decimal128(precision, scale) = self.data_type else { return Ok(totals) };
        let decimals = totals.as_primitive::<Decimal128Type>();
        // Where a NULL is, the total has stayed 0.
        if decimals.values().iter().all(|total| fits(*total, precision)) {
            return Ok(totals);
        }
        let too_large = decimals.iter().flatten().find(|total| !fits(*total, precision));
        match (too_large, self.site.policy()) {
            (Some(total), Policy::Raise) => Err(self.raise(Some(i256::from_i128(total)))),
            _ => {
                let kept = decimals.unary_opt::<_, Decimal128Type>(|total| Some(total).filter(|t| fits(*t, precision)));
                Ok(Arc::new(kept.with_data_type(DataType::Decimal128(precision, scale))))
            }
        }
    }
}

/// The groups' totals, in DataFusion's own accumulator. Where errors are raised, its closure leaves a note on overflow.
struct WatchedGroups {
    totals: Box<dyn GroupsAccumulator>,
    overflowed: Arc<AtomicBool>,
    watch: Watch,
}

impl WatchedGroups {
    fn of_integers(watch: Watch) -> Self {
        let overflowed = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&overflowed);
        let totals =
            PrimitiveGroupsAccumulator::<Int64Type, _>::new(&watch.data_type, move |total: &mut i64, value: i64| {
                let (sum, has_overflowed) = total.overflowing_add(value);
                *total = sum;
                if has_overflowed {
                    note.store(true, Ordering::Relaxed);
                }
            });
        Self { totals: Box::new(totals), overflowed, watch }
    }

    fn of_decimals(watch: Watch) -> Self {
        let overflowed = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&overflowed);
        let totals = PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(
            &watch.data_type,
            move |total: &mut i128, value: i128| {
                let (sum, has_overflowed) = total.overflowing_add(value);
                *total = sum;
                if has_overflowed {
                    note.store(true, Ordering::Relaxed);
                }
            },
        );
        Self { totals: Box::new(totals), overflowed, watch }
    }

    fn of_decimals_or_lost(watch: Watch) -> Self {
        let totals =
            PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(&watch.data_type, |total: &mut i128, value: i128| {
                let is_lost = *total == LOST || value == LOST;
                *total = total.checked_add(value).filter(|_| !is_lost).unwrap_or(LOST);
            });
        Self { totals: Box::new(totals), overflowed: Arc::default(), watch }
    }

    fn check(&self) -> Result<()> {
        if self.overflowed.load(Ordering::Relaxed) { Err(self.watch.raise(None)) } else { Ok(()) }
    }
}

impl GroupsAccumulator for WatchedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.totals.update_batch(values, group_indices, filter, total_num_groups)?;
        self.check()
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.totals.merge_batch(states, group_indices, total_num_groups)?;
        self.check()
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.watch.results(self.totals.evaluate(emit_to)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.totals.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.totals.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.totals.size()
    }
}

/// The groups' totals of BIGINTs, exact in 128 bits; a group's result is NULL if it does not fit.
struct ExactGroups {
    totals: Box<dyn GroupsAccumulator>,
}

impl ExactGroups {
    fn new() -> Self {
        let totals = PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(&WIDE, |total: &mut i128, value: i128| {
            *total = total.wrapping_add(value);
        });
        Self { totals: Box::new(totals) }
    }

    fn widened(values: &[ArrayRef]) -> Vec<ArrayRef> {
        let wide = |values: &ArrayRef| values.as_primitive::<Int64Type>().unary::<_, Decimal128Type>(i128::from);
        values.iter().map(|values| Arc::new(wide(values).with_data_type(WIDE)) as ArrayRef).collect()
    }
}

impl GroupsAccumulator for ExactGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.totals.update_batch(&Self::widened(values), group_indices, filter, total_num_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.totals.merge_batch(states, group_indices, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = self.totals.evaluate(emit_to)?;
        let narrow = |total: i128| i64::try_from(total).ok();
        let narrowed: Int64Array = totals.as_primitive::<Decimal128Type>().unary_opt::<_, Int64Type>(narrow);
        Ok(Arc::new(narrowed))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.totals.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.totals.convert_to_state(&Self::widened(values), filter)
    }

    fn size(&self) -> usize {
        self.totals.size()
    }
}

/// The exact total of a batch of BIGINTs or decimals; 0 if there is no value.
pub(super) fn total_of(values: &dyn Array) -> Result<i256> {
    match values.data_type() {
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>();
            let total: i128 = match values.null_count() {
                0 => values.values().iter().map(|value| i128::from(*value)).sum(),
                _ => values.iter().flatten().map(i128::from).sum(),
            };
            Ok(i256::from_i128(total))
        }
        DataType::Decimal128(..) => {
            let values = values.as_primitive::<Decimal128Type>();
            Ok(match sum_checked(values) {
                Ok(total) => i256::from_i128(total.unwrap_or(0)),
                Err(_) => {
                    let add = |total: i256, value| total.wrapping_add(i256::from_i128(value));
                    values.iter().flatten().fold(i256::ZERO, add)
                }
            })
        }
        other => internal_err!("an exact sum of {other}"),
    }
}

/// One total, exact. Rows can be taken back, as window frames need it.
#[derive(Debug)]
struct ExactSum {
    total: i256,
    values: usize,
    is_lost: bool,
    watch: Watch,
}

impl ExactSum {
    fn new(watch: Watch) -> Self {
        Self { total: i256::ZERO, values: 0, is_lost: false, watch }
    }

    /// The total; none of no values. One that was lost is larger than 128 bits hold.
    fn total(&self) -> Option<i256> {
        let total = if self.is_lost { i256::MAX } else { self.total };
        (self.values > 0).then_some(total)
    }
}

impl Accumulator for ExactSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.total = self.total.wrapping_add(total_of(&values[0])?);
        self.values += values[0].len() - values[0].null_count();
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.total = self.total.wrapping_sub(total_of(&values[0])?);
        self.values -= values[0].len() - values[0].null_count();
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if let Some(totals) = states[0].as_primitive_opt::<Decimal128Type>() {
            self.is_lost |= totals.iter().flatten().any(|total| total == LOST);
        }
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.watch.state(self.total())?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.watch.result(self.total())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The total of different values, exact. Each value's count lets rows be taken back.
#[derive(Debug)]
struct DistinctSum {
    counts: HashMap<i128, usize>,
    total: i256,
    watch: Watch,
}

impl DistinctSum {
    fn new(watch: Watch) -> Self {
        Self { counts: HashMap::default(), total: i256::ZERO, watch }
    }

    fn add(&mut self, value: i128) {
        let count = self.counts.entry(value).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.total = self.total.wrapping_add(i256::from_i128(value));
        }
    }

    fn take_back(&mut self, value: i128) {
        let Some(count) = self.counts.get_mut(&value) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&value);
            self.total = self.total.wrapping_sub(i256::from_i128(value));
        }
    }

    fn for_each(&mut self, values: &dyn Array, step: fn(&mut Self, i128)) -> Result<()> {
        match values.data_type() {
            DataType::Int64 => {
                values.as_primitive::<Int64Type>().iter().flatten().for_each(|value| step(self, i128::from(value)));
            }
            DataType::Decimal128(..) => {
                values.as_primitive::<Decimal128Type>().iter().flatten().for_each(|value| step(self, value));
            }
            other => return internal_err!("an exact sum of {other}"),
        }
        Ok(())
    }
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.for_each(&values[0], Self::add)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.for_each(&values[0], Self::take_back)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.for_each(&values, Self::add)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.counts.keys().copied();
        let values: ArrayRef = match &self.watch.data_type {
            DataType::Int64 => {
                Arc::new(Int64Array::from_iter_values(values.filter_map(|value| i64::try_from(value).ok())))
            }
            data_type => Arc::new(Decimal128Array::from_iter_values(values).with_data_type(data_type.clone())),
        };
        Ok(vec![SingleRowListArrayBuilder::new(values).build_list_scalar()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.watch.result((!self.counts.is_empty()).then_some(self.total))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(i128, usize)>()
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;

    const POLICIES: [Policy; 3] = [Policy::Raise, Policy::Legacy, Policy::Try];
    const HUGE: i128 = 10_i128.pow(38) - 1;

    fn integers(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn decimals(values: &[Option<i128>], precision: u8) -> ArrayRef {
        let data_type = DataType::Decimal128(precision, 0);
        Arc::new(Decimal128Array::from(values.to_vec()).with_data_type(data_type))
    }

    fn with_args<R>(
        input: &DataType,
        is_distinct: bool,
        policy: Policy,
        run: impl FnOnce(&SumFunction, AccumulatorArgs<'_>) -> R,
    ) -> R {
        let function = SumFunction::new(Site::nowhere(policy));
        let return_type = function.return_type(std::slice::from_ref(input)).expect("it has a sum");
        run(
            &function,
            AccumulatorArgs {
                return_field: Arc::new(Field::new("sum", return_type, true)),
                schema: &Schema::empty(),
                ignore_nulls: false,
                order_bys: &[],
                is_reversed: false,
                name: "sum",
                is_distinct,
                exprs: &[],
                expr_fields: &[Arc::new(Field::new("x", input.clone(), true))],
            },
        )
    }

    fn rows(input: &DataType, is_distinct: bool, policy: Policy) -> Box<dyn Accumulator> {
        with_args(input, is_distinct, policy, |function, args| function.create_sliding_accumulator(args))
            .expect("it has an accumulator")
    }

    fn groups(input: &DataType, policy: Policy) -> Box<dyn GroupsAccumulator> {
        with_args(input, false, policy, |function, args| function.create_groups_accumulator(args))
            .expect("it has an accumulator")
    }

    fn shown(result: Result<ScalarValue>) -> String {
        match result {
            Ok(value) if value.is_null() => "NULL".to_owned(),
            Ok(ScalarValue::Decimal128(Some(value), ..)) => value.to_string(),
            Ok(value) => value.to_string(),
            Err(error) => error
                .to_string()
                .split_once(['[', ']'])
                .map_or_else(String::new, |(_, rest)| rest.split(']').next().unwrap_or_default().to_owned()),
        }
    }

    /// By rows: all at once, and as a partial aggregate per batch.
    fn by_rows(batches: &[ArrayRef], is_distinct: bool, policy: Policy) -> [Result<ScalarValue>; 2] {
        let input = batches[0].data_type();
        let at_once = || {
            let mut sum = rows(input, is_distinct, policy);
            batches.iter().try_for_each(|batch| sum.update_batch(std::slice::from_ref(batch)))?;
            sum.evaluate()
        };
        let merged = || {
            let mut last = rows(input, is_distinct, policy);
            for batch in batches {
                let mut partial = rows(input, is_distinct, policy);
                partial.update_batch(std::slice::from_ref(batch))?;
                let states = partial.state()?.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>()?;
                last.merge_batch(&states)?;
            }
            last.evaluate()
        };
        [at_once(), merged()]
    }

    /// In one group: all at once, as partial aggregates, and with states from rows.
    fn by_groups(batches: &[ArrayRef], policy: Policy) -> [Result<ScalarValue>; 3] {
        let input = batches[0].data_type();
        let evaluated =
            |mut sum: Box<dyn GroupsAccumulator>| ScalarValue::try_from_array(&sum.evaluate(EmitTo::All)?, 0);
        let at_once = || {
            let mut sum = groups(input, policy);
            for batch in batches {
                sum.update_batch(std::slice::from_ref(batch), &vec![0; batch.len()], None, 1)?;
            }
            evaluated(sum)
        };
        let merged = |as_rows: bool| {
            let mut last = groups(input, policy);
            for batch in batches {
                let mut partial = groups(input, policy);
                let states = if as_rows {
                    partial.convert_to_state(std::slice::from_ref(batch), None)?
                } else {
                    partial.update_batch(std::slice::from_ref(batch), &vec![0; batch.len()], None, 1)?;
                    partial.state(EmitTo::All)?
                };
                last.merge_batch(&states, &vec![0; states[0].len()], 1)?;
            }
            evaluated(last)
        };
        [at_once(), merged(false), merged(true)]
    }

    /// What the three policies give, whichever way it is computed.
    #[track_caller]
    fn check(batches: &[ArrayRef], expected: [&str; 3]) {
        for (policy, expected) in POLICIES.into_iter().zip(expected) {
            for result in by_rows(batches, false, policy).into_iter().chain(by_groups(batches, policy)) {
                assert_eq!(shown(result), expected, "{policy:?}");
            }
        }
    }

    #[track_caller]
    fn check_distinct(batches: &[ArrayRef], expected: [&str; 3]) {
        for (policy, expected) in POLICIES.into_iter().zip(expected) {
            for result in by_rows(batches, true, policy) {
                assert_eq!(shown(result), expected, "{policy:?}");
            }
        }
    }

    #[test]
    fn totals_that_fit() {
        check(&[integers(&[Some(1), None, Some(-3)]), integers(&[Some(7), None])], ["5"; 3]);
        check(&[integers(&[None])], ["NULL"; 3]);
        for precision in [5, 18, 19, 38] {
            check(&[decimals(&[Some(12), None], precision), decimals(&[Some(-2), None], precision)], ["10"; 3]);
            check(&[decimals(&[None], precision)], ["NULL"; 3]);
        }
    }

    #[test]
    fn totals_that_do_not_fit() {
        let most = integers(&[Some(i64::MAX), None]);
        check(&[Arc::clone(&most), integers(&[Some(1)])], ["ARITHMETIC_OVERFLOW", "-9223372036854775808", "NULL"]);
        let range = "ARITHMETIC_OVERFLOW";
        check(&[decimals(&[Some(HUGE), None], 38), decimals(&[Some(1)], 38)], [range, "NULL", "NULL"]);
        check(&[decimals(&[Some(-HUGE), None], 38), decimals(&[Some(-1)], 38)], [range, "NULL", "NULL"]);
    }

    #[test]
    fn a_total_may_be_beyond_its_type_on_the_way() {
        let batches = [decimals(&[Some(HUGE), Some(5), None], 38), decimals(&[Some(-10)], 38)];
        check(&batches, [(HUGE - 5).to_string().as_str(); 3]);
    }

    #[test]
    fn a_lost_group_stays_lost() {
        let batches = [decimals(&[Some(HUGE), Some(HUGE), None], 38), decimals(&[Some(-HUGE), Some(-HUGE)], 38)];
        let range = "ARITHMETIC_OVERFLOW";
        for (policy, expected) in POLICIES.into_iter().zip([range, "NULL", "NULL"]) {
            for result in by_groups(&batches, policy) {
                assert_eq!(shown(result), expected, "{policy:?}");
            }
        }
    }

    #[test]
    fn different_values_count_once() {
        check_distinct(&[integers(&[Some(3), Some(3), None]), integers(&[Some(3), Some(4)])], ["7"; 3]);
        check_distinct(&[integers(&[None])], ["NULL"; 3]);
        check_distinct(&[decimals(&[Some(3), None], 38), decimals(&[Some(3), Some(4)], 38)], ["7"; 3]);
        let most = [integers(&[Some(i64::MAX), Some(i64::MAX)]), integers(&[Some(1)])];
        check_distinct(&most, ["ARITHMETIC_OVERFLOW", "-9223372036854775808", "NULL"]);
        let huge = [decimals(&[Some(HUGE)], 38), decimals(&[Some(1), Some(HUGE)], 38)];
        check_distinct(&huge, ["ARITHMETIC_OVERFLOW", "NULL", "NULL"]);
    }

    #[test]
    fn rows_can_be_taken_back() {
        for is_distinct in [false, true] {
            let mut sum = rows(&DataType::Int64, is_distinct, Policy::Raise);
            sum.update_batch(&[integers(&[])]).expect("it is exact");
            assert_eq!(shown(sum.evaluate()), "NULL");
            let most = integers(&[Some(i64::MAX), None]);
            sum.update_batch(&[Arc::clone(&most)]).expect("it is exact");
            sum.update_batch(&[integers(&[Some(2), Some(1)])]).expect("it is exact");
            assert_eq!(shown(sum.evaluate()), "ARITHMETIC_OVERFLOW");
            sum.retract_batch(&[most]).expect("it was there");
            assert_eq!(shown(sum.evaluate()), "3");
            sum.retract_batch(&[integers(&[Some(1), Some(2)])]).expect("they were there");
            assert_eq!(shown(sum.evaluate()), "NULL");
        }
    }

    #[test]
    fn one_group_does_not_spoil_another() {
        let values = integers(&[Some(i64::MAX), Some(5), Some(i64::MAX), None]);
        let mut sum = groups(&DataType::Int64, Policy::Try);
        sum.update_batch(&[values], &[0, 1, 0, 2], None, 3).expect("it is exact");
        let expected = Int64Array::from(vec![None, Some(5), None]);
        assert_eq!(sum.evaluate(EmitTo::All).expect("a result").as_primitive::<Int64Type>(), &expected);
    }

    #[test]
    fn a_filter_counts() {
        for policy in POLICIES {
            let values = integers(&[Some(i64::MAX), Some(i64::MAX), Some(3)]);
            let filter = BooleanArray::from(vec![Some(true), None, Some(false)]);
            let mut sum = groups(&DataType::Int64, policy);
            sum.update_batch(&[values], &[0, 0, 1], Some(&filter), 2).expect("it fits");
            let expected = Int64Array::from(vec![Some(i64::MAX), None]);
            assert_eq!(sum.evaluate(EmitTo::All).expect("a result").as_primitive::<Int64Type>(), &expected);
        }
    }

    #[test]
    fn sums_of_one_policy_are_equal() {
        let sum = |policy| SumFunction::new(Site::nowhere(policy));
        assert_eq!(sum(Policy::Raise), sum(Policy::Raise));
        assert_ne!(sum(Policy::Raise), sum(Policy::Try));
        assert_eq!(POLICIES.map(|policy| sum(policy).name().to_owned()), ["sum", "sum", "try_sum"]);
    }
}

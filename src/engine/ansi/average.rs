//! `avg` and `try_avg`: DataFusion's average, but of decimals by Spark's rules.
//!
//! DataFusion counts and adds, in a type that holds the total of any number of rows. From both, which it hands on
//! between partial aggregates anyway, the average is computed here: rounded half up, where DataFusion cuts off, and
//! without a result if the total or the average does not fit the type that Spark gives it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, FieldRef, UInt64Type, i256};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

use super::decimal::{Integer, divided_half_up, fits, text};
use super::error::Fault;
use super::policy::Policy;
use super::site::Site;
use super::sum::total_of;

/// How many digits more than a value a total of decimals has in Spark, of at most [`MAX_DIGITS`].
const TOTAL_DIGITS: u8 = 10;
/// The most digits that a decimal has.
const MAX_DIGITS: u8 = 38;

/// The aggregate `avg`, or `try_avg` where the site's policy is [`Policy::Try`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AverageFunction {
    inner: Arc<AggregateUDF>,
    site: Site,
}

impl AverageFunction {
    /// The average at a place.
    pub(crate) fn new(site: Site) -> Self {
        Self { inner: avg_udaf(), site }
    }

    /// How averages of decimals are computed; none for other types, which are DataFusion's.
    fn of_decimals(&self, args: &AccumulatorArgs<'_>) -> Option<Average> {
        match (args.expr_fields.first()?.data_type(), args.return_type()) {
            (DataType::Decimal128(digits, from), DataType::Decimal128(precision, to)) => Some(Average {
                site: self.site.clone(),
                total_precision: MAX_DIGITS.min(digits.saturating_add(TOTAL_DIGITS)),
                total_scale: *from,
                precision: *precision,
                scale: *to,
            }),
            _ => None,
        }
    }
}

impl AggregateUDFImpl for AverageFunction {
    fn name(&self) -> &str {
        if self.site.policy() == Policy::Try { "try_avg" } else { "avg" }
    }

    fn aliases(&self) -> &[String] {
        if self.site.policy() == Policy::Try { &[] } else { self.inner.aliases() }
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
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let average = self.of_decimals(&args);
        let inner = self.inner.accumulator(args)?;
        Ok(match average {
            Some(average) => Box::new(DecimalAverage { inner, average }),
            None => inner,
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let average = self.of_decimals(&args);
        let inner = self.inner.create_sliding_accumulator(args)?;
        Ok(match average {
            Some(average) => Box::new(DecimalAverage { inner, average }),
            None => inner,
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let average = self.of_decimals(&args);
        let inner = self.inner.create_groups_accumulator(args)?;
        Ok(match average {
            Some(average) => Box::new(DecimalAverages { inner, average }),
            None => inner,
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

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// How the average follows from total and count.
#[derive(Debug)]
struct Average {
    site: Site,
    total_precision: u8,
    total_scale: i8,
    precision: u8,
    scale: i8,
}

impl Average {
    /// The average of a total, or what the policy has for one that does not fit; NULL of no values.
    fn of(&self, total: Option<i256>, count: u64) -> Result<Option<i128>> {
        let Some(total) = total.filter(|_| count > 0) else { return Ok(None) };
        let Some(narrow) = total.to_i128().filter(|total| fits(*total, self.total_precision)) else {
            let total = text(total, self.total_scale);
            return self.unless_raised(|| {
                Fault::total_overflow(Some(&total), self.total_precision, self.total_scale, "try_avg")
            });
        };
        match self.quotient(narrow, count).filter(|average| fits(*average, self.precision)) {
            Some(average) => Ok(Some(average)),
            None => {
                let value = format!("{} / {count}", text(total, self.total_scale));
                self.unless_raised(|| Fault::decimal_out_of_range(&value, self.precision, self.scale, Some("try_avg")))
            }
        }
    }

    fn quotient(&self, total: i128, count: u64) -> Option<i128> {
        // Results have at most four fraction digits more.
        let factor = i128::power_of_ten(i16::from(self.scale) - i16::from(self.total_scale))?;
        match total.checked_mul(factor) {
            Some(dividend) => divided_half_up(dividend, i128::from(count)),
            None => {
                let dividend = i256::from_i128(total).checked_mul(i256::from_i128(factor))?;
                divided_half_up(dividend, i256::from_i128(i128::from(count)))?.to_i128()
            }
        }
    }

    fn unless_raised(&self, fault: impl FnOnce() -> Box<Fault>) -> Result<Option<i128>> {
        match self.site.policy() {
            Policy::Legacy | Policy::Try => Ok(None),
            Policy::Raise => Err(self.site.raise(fault())),
        }
    }
}

/// DataFusion's accumulator of total and count, or of different values.
#[derive(Debug)]
struct DecimalAverage {
    inner: Box<dyn Accumulator>,
    average: Average,
}

impl DecimalAverage {
    fn total_and_count(&mut self) -> Result<(Option<i256>, u64)> {
        Ok(match self.inner.state()?.as_slice() {
            [ScalarValue::UInt64(count), ScalarValue::Decimal128(total, ..)] => {
                (total.map(i256::from_i128), count.unwrap_or(0))
            }
            [ScalarValue::UInt64(count), ScalarValue::Decimal256(total, ..)] => (*total, count.unwrap_or(0)),
            [ScalarValue::List(lists)] => {
                let values = lists.value(0);
                (Some(total_of(&values)?), (values.len() - values.null_count()) as u64)
            }
            other => return internal_err!("an average has the state {other:?}"),
        })
    }
}

impl Accumulator for DecimalAverage {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (total, count) = self.total_and_count()?;
        let average = self.average.of(total, count)?;
        Ok(ScalarValue::Decimal128(average, self.average.precision, self.average.scale))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

/// DataFusion's accumulator of the groups' totals and counts.
struct DecimalAverages {
    inner: Box<dyn GroupsAccumulator>,
    average: Average,
}

impl GroupsAccumulator for DecimalAverages {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, group_indices, filter, total_num_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.inner.merge_batch(states, group_indices, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = self.inner.state(emit_to)?;
        let [counts, totals] = states.as_slice() else {
            return internal_err!("an average has {} states", states.len());
        };
        let counts = counts.as_primitive::<UInt64Type>().values().iter();
        let averages: Result<Decimal128Array> = match totals.data_type() {
            DataType::Decimal128(..) => {
                let totals = totals.as_primitive::<Decimal128Type>().iter();
                counts.zip(totals).map(|(count, total)| self.average.of(total.map(i256::from_i128), *count)).collect()
            }
            DataType::Decimal256(..) => {
                let totals = totals.as_primitive::<Decimal256Type>().iter();
                counts.zip(totals).map(|(count, total)| self.average.of(total, *count)).collect()
            }
            other => return internal_err!("an average has a total of {other}"),
        };
        let data_type = DataType::Decimal128(self.average.precision, self.average.scale);
        Ok(Arc::new(averages?.with_data_type(data_type)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};

    use super::*;

    const POLICIES: [Policy; 3] = [Policy::Raise, Policy::Legacy, Policy::Try];

    fn with_args<R>(
        (precision, scale): (u8, i8),
        is_distinct: bool,
        policy: Policy,
        run: impl FnOnce(&AverageFunction, AccumulatorArgs<'_>) -> R,
    ) -> R {
        let function = AverageFunction::new(Site::nowhere(policy));
        let input = DataType::Decimal128(precision, scale);
        let return_type = function.return_type(std::slice::from_ref(&input)).expect("it has an average");
        run(
            &function,
            AccumulatorArgs {
                return_field: Arc::new(Field::new("avg", return_type, true)),
                schema: &Schema::empty(),
                ignore_nulls: false,
                order_bys: &[],
                is_reversed: false,
                name: "avg",
                is_distinct,
                exprs: &[],
                expr_fields: &[Arc::new(Field::new("x", input, true))],
            },
        )
    }

    /// The unscaled average, NULL or that it is an error.
    fn shown(result: Result<ScalarValue>) -> String {
        match result {
            Ok(ScalarValue::Decimal128(Some(value), ..)) => value.to_string(),
            Ok(_) => "NULL".to_owned(),
            Err(error) if error.to_string().contains("[NUMERIC_VALUE_OUT_OF_RANGE]") => "range".to_owned(),
            Err(error) if error.to_string().contains("[ARITHMETIC_OVERFLOW]") => "overflow".to_owned(),
            Err(error) => panic!("another error: {error}"),
        }
    }

    #[track_caller]
    fn check(shape: (u8, i8), values: &[Option<i128>], is_distinct: bool, expected: [&str; 3]) {
        let data_type = DataType::Decimal128(shape.0, shape.1);
        let values: ArrayRef = Arc::new(Decimal128Array::from(values.to_vec()).with_data_type(data_type));
        for (policy, expected) in POLICIES.into_iter().zip(expected) {
            let by_rows = || {
                let mut average = with_args(shape, is_distinct, policy, |f, args| f.accumulator(args))?;
                average.update_batch(&[Arc::clone(&values)])?;
                average.evaluate()
            };
            assert_eq!(shown(by_rows()), expected, "{policy:?}");
            if is_distinct {
                continue;
            }
            let by_groups = || {
                let new = || with_args(shape, false, policy, |f, args| f.create_groups_accumulator(args));
                let (mut partial, mut last) = (new()?, new()?);
                partial.update_batch(&[Arc::clone(&values)], &vec![0; values.len()], None, 1)?;
                last.merge_batch(&partial.state(EmitTo::All)?, &[1], 2)?;
                ScalarValue::try_from_array(&last.evaluate(EmitTo::All)?, 1)
            };
            assert_eq!(shown(by_groups()), expected, "{policy:?}");
        }
    }

    #[test]
    fn averages_are_rounded_half_up() {
        check((7, 2), &[Some(100), None, Some(200)], false, ["1500000"; 3]);
        check((7, 2), &[Some(1), Some(1), Some(0)], false, ["6667"; 3]);
        check((7, 2), &[Some(-1), Some(-1), Some(0)], false, ["-6667"; 3]);
        check((7, 2), &[None], false, ["NULL"; 3]);
        check((30, 2), &[Some(1), Some(1), Some(0)], false, ["6667"; 3]);
        check((7, 2), &[Some(2), Some(2), Some(4), None], true, ["30000"; 3]);
        check((7, 2), &[None], true, ["NULL"; 3]);
    }

    #[test]
    fn totals_and_averages_that_do_not_fit() {
        let half = 5 * 10_i128.pow(37);
        // The total has 39 digits, though the average would have had room.
        check((38, 6), &[Some(half), Some(half)], false, ["overflow", "NULL", "NULL"]);
        // The total fits, but the average gets four more digits.
        check((38, 6), &[Some(half)], false, ["range", "NULL", "NULL"]);
        check((38, 38), &[Some(half), Some(half - 1)], false, [&half.to_string(); 3]);
        check((38, 6), &[Some(half)], true, ["range", "NULL", "NULL"]);
    }

    #[test]
    fn averages_of_frames() {
        let batch = |values: &[i128]| -> ArrayRef {
            Arc::new(Decimal128Array::from(values.to_vec()).with_data_type(DataType::Decimal128(7, 2)))
        };
        let mut average = with_args((7, 2), false, Policy::Raise, |f, args| f.create_sliding_accumulator(args))
            .expect("it has an accumulator");
        average.update_batch(&[batch(&[1, 2])]).expect("it fits");
        average.retract_batch(&[batch(&[1])]).expect("it was there");
        assert_eq!(shown(average.evaluate()), "20000");
        average.retract_batch(&[batch(&[2])]).expect("it was there");
        assert_eq!(shown(average.evaluate()), "NULL");
    }
}

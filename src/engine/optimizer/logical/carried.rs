//! [`carry`]: the aggregate of a column that is the same in all rows of a group.
//!
//! ```text
//!   rows of a batch    group 7  7  8  9  8        groups so far: 0 … 7
//!                            ·  ·  ▲  ▲  ·        one value is taken for each new group, the others are not looked at
//! ```
//!
//! DataFusion's `first_value` without an order does the same by one accumulator a group, and `min` compares the value of every row. This one does
//! nothing at all for a batch without new groups. It is no function of SQL: only [`CarryGroupColumns`](super::CarryGroupColumns) plans it, where it has shown that
//! the rows of a group agree.

use std::mem::size_of_val;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array, new_empty_array};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

/// The aggregate over an expression.
pub(super) fn carry(expr: Expr) -> Expr {
    static CARRY: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| Arc::new(AggregateUDF::from(Carry::default())));
    let function = Arc::clone(&CARRY);
    Expr::AggregateFunction(AggregateFunction::new_udf(function, vec![expr], false, None, Vec::new(), None))
}

/// See the module.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Carry {
    signature: Signature,
}

impl Default for Carry {
    fn default() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Carry {
    fn name(&self) -> &str {
        "carry"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [data_type] => Ok(data_type.clone()),
            _ => internal_err!("carry takes one column"),
        }
    }

    /// A group has a row, so that what is never NULL stays so.
    fn return_field(&self, arg_fields: &[FieldRef]) -> Result<FieldRef> {
        match arg_fields {
            [field] => Ok(Arc::new(Field::new(self.name(), field.data_type().clone(), field.is_nullable()))),
            _ => internal_err!("carry takes one column"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let null = ScalarValue::try_from(args.return_type())?;
        Ok(Box::new(Carried { value: null, is_set: false }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(CarriedGroups::new(args.return_type().clone())))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The value of one group.
#[derive(Debug)]
struct Carried {
    value: ScalarValue,
    is_set: bool,
}

impl Accumulator for Carried {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if let [values] = values
            && !self.is_set
            && !values.is_empty()
        {
            *self = Self { value: ScalarValue::try_from_array(values, 0)?.compacted(), is_set: true };
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() - size_of_val(&self.value)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The values of all groups, in pieces: each has those that came new with a batch.
#[derive(Debug)]
struct CarriedGroups {
    data_type: DataType,
    pieces: Vec<ArrayRef>,
    group_count: usize,
    bytes: usize,
}

impl CarriedGroups {
    fn new(data_type: DataType) -> Self {
        Self { data_type, pieces: Vec::new(), group_count: 0, bytes: 0 }
    }

    fn push(&mut self, piece: ArrayRef) {
        self.group_count += piece.len();
        self.bytes += piece.get_array_memory_size();
        self.pieces.push(piece);
    }

    fn add(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        let [values] = values else { return internal_err!("carry takes one column") };
        let first_new = self.group_count;
        let Some(new_count) = total_num_groups.checked_sub(first_new).filter(|count| *count > 0) else { return Ok(()) };
        let mut rows: Vec<Option<u64>> = vec![None; new_count];
        let mut missing = new_count;
        for (row, group) in group_indices.iter().enumerate() {
            if let Some(new) = group.checked_sub(first_new)
                && rows[new].is_none()
            {
                rows[new] = Some(row as u64);
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
        if missing > 0 {
            return internal_err!("carry was not given a row of {missing} groups");
        }
        self.push(compacted(take(values, &UInt64Array::from(rows), None)?));
        Ok(())
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let pieces = std::mem::take(&mut self.pieces);
        (self.group_count, self.bytes) = (0, 0);
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        let all = if pieces.is_empty() { new_empty_array(&self.data_type) } else { concat(&pieces)? };
        match emit_to {
            EmitTo::All => Ok(all),
            EmitTo::First(count) => {
                self.push(all.slice(count, all.len() - count));
                Ok(all.slice(0, count))
            }
        }
    }
}

/// A few texts of a batch would hold on to all of its texts.
fn compacted(values: ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8View => Arc::new(values.as_string_view().gc()),
        DataType::BinaryView => Arc::new(values.as_binary_view().gc()),
        _ => values,
    }
}

impl GroupsAccumulator for CarriedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        if opt_filter.is_some() {
            return internal_err!("carry has no FILTER");
        }
        self.add(values, group_indices, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.add(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        if opt_filter.is_some() {
            return internal_err!("carry has no FILTER");
        }
        Ok(values.to_vec())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringViewArray};

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(values.iter().copied().collect::<StringViewArray>())
    }

    fn shown(values: &ArrayRef) -> Vec<Option<String>> {
        values.as_string_view().iter().map(|value| value.map(str::to_owned)).collect()
    }

    const LONG: &str = "a text that is too long for a view to hold";

    /// Values, the group of each, and how many groups there are.
    type Batch<'a> = (&'a [Option<&'a str>], &'a [usize], usize);

    /// Batches with their groups go in; what comes out for the first groups and then for the rest.
    #[track_caller]
    fn check(batches: &[Batch<'_>], first: usize, expected: [&[Option<&str>]; 2]) {
        let mut groups = CarriedGroups::new(DataType::Utf8View);
        for (values, group_indices, group_count) in batches {
            groups.update_batch(&[texts(values)], group_indices, None, *group_count).expect("taken");
        }
        let expected = expected.map(|part| part.iter().map(|value| value.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(shown(&groups.evaluate(EmitTo::First(first)).expect("given")), expected[0]);
        let rest = groups.state(EmitTo::All).expect("given");
        assert_eq!(shown(&rest[0]), expected[1]);
        assert_eq!(shown(&groups.evaluate(EmitTo::All).expect("given")), []);
        // The next groups begin at 0.
        groups.merge_batch(&[texts(&[Some("again")])], &[0], 1).expect("taken");
        assert_eq!(shown(&groups.evaluate(EmitTo::All).expect("given")), [Some("again".to_owned())]);
    }

    #[test]
    fn each_group_has_the_value_of_its_first_row() {
        check(&[], 0, [&[], &[]]);
        check(&[(&[], &[], 0)], 0, [&[], &[]]);
        check(&[(&[Some("a"), Some("a"), None], &[0, 0, 1], 2)], 1, [&[Some("a")], &[None]]);
        // Groups do not come in the order of their numbers.
        let first: (&[_], &[_], _) = (&[Some("c"), Some("a"), Some(LONG), Some("a")], &[2, 0, 1, 0], 3);
        let second: (&[_], &[_], _) = (&[Some("a"), Some("c")], &[0, 2], 3);
        let third: (&[_], &[_], _) = (&[Some(LONG), None], &[1, 3], 4);
        check(&[first, second, third], 2, [&[Some("a"), Some(LONG)], &[Some("c"), None]]);
    }

    #[test]
    fn a_group_without_a_row_is_an_error() {
        let mut groups = CarriedGroups::new(DataType::Utf8View);
        assert!(groups.update_batch(&[texts(&[Some("a")])], &[0], None, 2).is_err());
    }

    #[test]
    fn one_group_needs_no_numbers() {
        let mut carried = Carried { value: ScalarValue::Int64(None), is_set: false };
        for values in [vec![], vec![Some(7), Some(7)], vec![Some(7)]] {
            carried.update_batch(&[Arc::new(Int64Array::from(values))]).expect("taken");
        }
        let state = carried.state().expect("given");
        assert_eq!(
            (state, carried.evaluate().expect("given")),
            (vec![ScalarValue::Int64(Some(7))], ScalarValue::Int64(Some(7)))
        );
    }
}

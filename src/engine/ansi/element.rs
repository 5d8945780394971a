//! Elements of arrays and maps: `a[i]` and `element_at(a, i)`.
//!
//! Both count from 1. `element_at` counts from the end below 0, and refuses 0 in every mode; a subscript refuses both as it
//! refuses what lies behind the last element.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, MapArray, UInt64Array, make_comparator};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{SortOptions, cast as plain_cast, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, plan_err};

use super::condition::Condition;
use super::error::Fault;
use super::policy::Policy;

/// Whether elements of that type are taken out here.
pub(crate) fn is_ours(container: &DataType) -> bool {
    matches!(container, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Map(..))
}

/// The types that container and index are brought to.
pub(crate) fn coerced(container: &DataType, index: &DataType) -> Result<Vec<DataType>> {
    match container {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            if !index.is_integer() && !index.is_null() {
                return plan_err!("Failed to coerce arguments: an index of an array is an integer, not {index}");
            }
            Ok(vec![DataType::List(Arc::clone(field)), DataType::Int64])
        }
        DataType::Map(..) => Ok(vec![container.clone(), key_and_value(container)?.0]),
        _ => plan_err!("Failed to coerce arguments: {container} has no elements"),
    }
}

/// The type of an element.
pub(crate) fn result_type(container: &DataType) -> Result<DataType> {
    match container {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Ok(field.data_type().clone())
        }
        DataType::Map(..) => Ok(key_and_value(container)?.1),
        _ => plan_err!("Failed to coerce arguments: {container} has no elements"),
    }
}

fn key_and_value(map: &DataType) -> Result<(DataType, DataType)> {
    if let DataType::Map(entries, _) = map
        && let DataType::Struct(fields) = entries.data_type()
        && let [key, value] = fields.as_ref()
    {
        return Ok((key.data_type().clone(), value.data_type().clone()));
    }
    plan_err!("{map} is no map")
}

/// `a[i]`.
pub(crate) fn subscript(container: &ArrayRef, index: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    take_elements(container, index, policy, |length, index| match usize::try_from(index) {
        Ok(index @ 1..) if index <= length => Ok(index - 1),
        _ => Err(out_of_bounds(Condition::InvalidArrayIndex, index, length)),
    })
}

/// `element_at(a, i)`.
pub(crate) fn element_at(container: &ArrayRef, index: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    if let DataType::List(_) = container.data_type()
        && policy != Policy::Try
        && let Some(fault) = zero(container, index)
    {
        return Err(fault);
    }
    take_elements(container, index, policy, |length, index| {
        let from_start = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let from_end = index.checked_neg().and_then(|back| usize::try_from(back).ok());
        let position = match index {
            1.. => from_start,
            _ => from_end.filter(|back| *back > 0).and_then(|back| length.checked_sub(back)),
        };
        position
            .filter(|position| *position < length)
            .ok_or_else(|| out_of_bounds(Condition::InvalidArrayIndexInElementAt, index, length))
    })
}

fn zero(container: &ArrayRef, index: &ArrayRef) -> Option<Box<Fault>> {
    let index = index.as_primitive::<Int64Type>();
    let is_zero = |row: &usize| index.is_valid(*row) && container.is_valid(*row) && index.value(*row) == 0;
    (0..index.len()).find(is_zero).map(|_| {
        let hint = "Elements are counted from 1, or from the last one with -1.";
        Fault::new(Condition::InvalidIndexOfZero, "the index 0 is no element of an array", hint)
    })
}

fn out_of_bounds(condition: Condition, index: i64, length: usize) -> Box<Fault> {
    let elements = if length == 1 { "element" } else { "elements" };
    let message = format!("the index {index} is out of bounds: the array has {length} {elements}, counted from 1");
    Fault::new(condition, message, "Use `try_element_at` to tolerate an index out of bounds and return NULL instead.")
}

fn take_elements(
    container: &ArrayRef,
    index: &ArrayRef,
    policy: Policy,
    position: impl Fn(usize, i64) -> Result<usize, Box<Fault>>,
) -> Result<ArrayRef, Box<Fault>> {
    match container.data_type() {
        DataType::Map(..) => map_values(container.as_map(), index, policy),
        _ => list_elements(container.as_list::<i32>(), index.as_primitive::<Int64Type>(), policy, position),
    }
}

fn list_elements(
    list: &ListArray,
    index: &Int64Array,
    policy: Policy,
    position: impl Fn(usize, i64) -> Result<usize, Box<Fault>>,
) -> Result<ArrayRef, Box<Fault>> {
    let offsets = list.value_offsets();
    let mut taken: Vec<Option<u64>> = Vec::with_capacity(list.len());
    for row in 0..list.len() {
        if list.is_null(row) || index.is_null(row) {
            taken.push(None);
            continue;
        }
        let (start, length) = (offsets[row] as u64, (offsets[row + 1] - offsets[row]) as usize);
        match position(length, index.value(row)) {
            Ok(position) => taken.push(Some(start + position as u64)),
            Err(fault) if policy == Policy::Raise => return Err(fault),
            Err(_) => taken.push(None),
        }
    }
    Ok(picked(list.values(), taken))
}

fn map_values(map: &MapArray, keys: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let offsets: &OffsetBuffer<i32> = map.offsets();
    let compare = make_comparator(map.keys(), keys, SortOptions::default());
    let compare = compare.map_err(|error| {
        Fault::new(
            Condition::DatatypeMismatch,
            format!("keys cannot be compared: {error}"),
            "Cast the key to the map's key type.",
        )
    })?;
    let mut taken: Vec<Option<u64>> = Vec::with_capacity(map.len());
    for row in 0..map.len() {
        if map.is_null(row) || keys.is_null(row) {
            taken.push(None);
            continue;
        }
        let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        let found = (start..end).find(|entry| compare(*entry, row).is_eq());
        if found.is_none() && policy == Policy::Raise {
            return Err(missing_key(keys, row));
        }
        taken.push(found.map(|entry| entry as u64));
    }
    Ok(picked(map.values(), taken))
}

fn missing_key(keys: &ArrayRef, row: usize) -> Box<Fault> {
    let key = plain_cast(&keys.slice(row, 1), &DataType::Utf8).ok();
    let key = key.map_or_else(String::new, |key| format!(" '{}'", key.as_string::<i32>().value(0)));
    let hint = "Use `try_element_at` to tolerate a key that does not exist and return NULL instead.";
    Fault::new(Condition::MapKeyDoesNotExist, format!("the map has no key{key}"), hint)
}

fn picked(values: &ArrayRef, taken: Vec<Option<u64>>) -> ArrayRef {
    take(values, &UInt64Array::from(taken), None).expect("every position is within the values")
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int32Builder, MapBuilder, StringArray, StringBuilder};
    use arrow::datatypes::Int32Type;

    use super::*;

    type Taking = fn(&ArrayRef, &ArrayRef, Policy) -> Result<ArrayRef, Box<Fault>>;

    #[track_caller]
    fn check(take: Taking, policy: Policy, index: Option<i64>, expected: Result<Option<i32>, &str>) {
        let array: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(9)]),
            Some(vec![Some(1), None, Some(3)]),
        ]));
        let index: ArrayRef = Arc::new(Int64Array::from(vec![index]));
        let found = take(&array.slice(1, 1), &index, policy);
        let found = found.map(|array| array.as_primitive::<Int32Type>().iter().next().flatten());
        assert_eq!(found.map_err(|fault| fault.at(None).condition().name()), expected, "{policy:?} {index:?}");
    }

    #[test]
    fn subscripts_count_from_1() {
        check(subscript, Policy::Raise, Some(1), Ok(Some(1)));
        check(subscript, Policy::Raise, Some(2), Ok(None));
        check(subscript, Policy::Raise, Some(3), Ok(Some(3)));
        for index in [0, 4, -1, i64::MIN, i64::MAX] {
            check(subscript, Policy::Raise, Some(index), Err("INVALID_ARRAY_INDEX"));
            check(subscript, Policy::Legacy, Some(index), Ok(None));
        }
        check(subscript, Policy::Raise, None, Ok(None));
    }

    #[test]
    fn element_at_counts_from_the_end_too() {
        check(element_at, Policy::Raise, Some(-1), Ok(Some(3)));
        check(element_at, Policy::Raise, Some(-3), Ok(Some(1)));
        for index in [4, -4, i64::MIN, i64::MAX] {
            check(element_at, Policy::Raise, Some(index), Err("INVALID_ARRAY_INDEX_IN_ELEMENT_AT"));
            check(element_at, Policy::Legacy, Some(index), Ok(None));
        }
        check(element_at, Policy::Raise, Some(0), Err("INVALID_INDEX_OF_ZERO"));
        check(element_at, Policy::Legacy, Some(0), Err("INVALID_INDEX_OF_ZERO"));
        check(element_at, Policy::Try, Some(0), Ok(None));
    }

    #[test]
    fn keys_of_maps() {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        builder.keys().append_value("a");
        builder.values().append_value(1);
        builder.append(true).expect("well formed");
        builder.append(true).expect("well formed");
        let map: ArrayRef = Arc::new(builder.finish());
        let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let fault = element_at(&map, &keys, Policy::Raise).expect_err("no such key").at(None);
        assert_eq!(fault.message(), "the map has no key 'b'");
        for policy in [Policy::Legacy, Policy::Try] {
            let found = subscript(&map, &keys, policy).expect("never raises");
            assert_eq!(found.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(1), None]));
        }
    }
}

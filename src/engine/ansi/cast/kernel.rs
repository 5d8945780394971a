//! The loops below the casts: one pass without branches if nothing fails, and another one that looks for what did.

use arrow::array::{Array, ArrayAccessor, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBufferBuilder, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

use crate::engine::ansi::condition::Condition;
use crate::engine::ansi::error::Fault;
use crate::engine::ansi::policy::Policy;
use crate::engine::ansi::types::sql_type;

/// Arrow's cast, for pairs of types where it cannot fail.
pub(super) fn plain(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Box<Fault>> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|_| unsupported(array.data_type(), to))
}

/// Arrow's cast where it gives NULL for the right values; `fault` tells what is wrong with a row.
pub(super) fn checked(
    array: &ArrayRef,
    to: &DataType,
    policy: Policy,
    fault: impl Fn(usize) -> Box<Fault>,
) -> Result<ArrayRef, Box<Fault>> {
    let result = plain(array, to)?;
    if policy == Policy::Raise && result.null_count() > array.null_count() {
        let failed = (0..array.len()).find(|row| result.is_null(*row) && array.is_valid(*row));
        if let Some(row) = failed {
            return Err(fault(row));
        }
    }
    Ok(result)
}

/// Each value through `op`, which gives `None` where there is no result. What becomes of such a row is the policy's
/// matter: `fault` tells what is wrong with it, or that it is NULL under every policy.
pub(super) fn convert<F, T>(
    array: &PrimitiveArray<F>,
    policy: Policy,
    op: impl Fn(F::Native) -> Option<T::Native>,
    fault: impl Fn(usize) -> Option<Box<Fault>>,
) -> Result<PrimitiveArray<T>, Box<Fault>>
where
    F: ArrowPrimitiveType,
    T: ArrowPrimitiveType,
{
    let mut any = false;
    // Over NULLs too: looking at what lies below them is cheaper than stepping around them.
    let convert = |value: &F::Native| {
        let result = op(*value);
        any |= result.is_none();
        result.unwrap_or_default()
    };
    let values: Vec<T::Native> = array.values().iter().map(convert).collect();
    let mut failed = Vec::new();
    if any {
        for row in (0..array.len()).filter(|row| array.is_valid(*row) && op(array.value(*row)).is_none()) {
            match fault(row) {
                Some(fault) if policy == Policy::Raise => return Err(fault),
                _ => failed.push(row),
            }
        }
    }
    Ok(PrimitiveArray::new(values.into(), without(array.nulls(), array.len(), &failed)))
}

/// Each text through `parse`, which gives `None` if it is malformed; `fault` tells what is wrong with it.
pub(super) fn convert_texts<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    policy: Policy,
    parse: impl Fn(&str) -> Option<T::Native>,
    fault: impl Fn(&str) -> Box<Fault>,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    match array.data_type() {
        DataType::LargeUtf8 => convert_strings(array.as_string::<i64>(), policy, parse, fault),
        DataType::Utf8View => convert_strings(array.as_string_view(), policy, parse, fault),
        _ => convert_strings(array.as_string::<i32>(), policy, parse, fault),
    }
}

fn convert_strings<'a, T: ArrowPrimitiveType>(
    array: impl ArrayAccessor<Item = &'a str>,
    policy: Policy,
    parse: impl Fn(&str) -> Option<T::Native>,
    fault: impl Fn(&str) -> Box<Fault>,
) -> Result<PrimitiveArray<T>, Box<Fault>> {
    let mut values = vec![T::Native::default(); array.len()];
    let mut failed = Vec::new();
    for (row, value) in values.iter_mut().enumerate() {
        if array.is_null(row) {
            continue;
        }
        let text = array.value(row);
        match parse(text) {
            Some(parsed) => *value = parsed,
            None if policy == Policy::Raise => return Err(fault(text)),
            None => failed.push(row),
        }
    }
    Ok(PrimitiveArray::new(values.into(), without(array.nulls(), array.len(), &failed)))
}

/// The valid rows, without those that failed.
pub(in crate::engine::ansi) fn without(
    nulls: Option<&NullBuffer>,
    rows: usize,
    failed: &[usize],
) -> Option<NullBuffer> {
    if failed.is_empty() {
        return nulls.cloned();
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    match nulls {
        Some(nulls) => valid.append_buffer(nulls.inner()),
        None => valid.append_n(rows, true),
    }
    for row in failed {
        valid.set_bit(*row, false);
    }
    Some(NullBuffer::new(valid.finish()))
}

/// A cast that there is none of.
pub(super) fn unsupported(from: &DataType, to: &DataType) -> Box<Fault> {
    let message = format!("a value of the type {} cannot be cast to {}", sql_type(from), sql_type(to));
    Fault::new(Condition::DatatypeMismatch, message, "Cast it to STRING first.")
}

//! The unary minus and `abs`: the least integer of a type has no counterpart in it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, downcast_integer};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Decimal128Type, Float32Type, Float64Type};
use arrow::error::ArrowError;

use super::error::Fault;
use super::policy::Policy;
use super::types::sql_type;

/// The values with the opposite sign.
pub(crate) fn negate(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let fault = || Fault::overflow(&sql_type(array.data_type()), Some("try_subtract"));
    macro_rules! of_integers {
        ($t:ty) => {
            apply::<$t>(array, policy, |value| value.neg_checked(), |value| value.neg_wrapping()).map_err(|_| fault())
        };
    }
    downcast_integer! {
        array.data_type() => (of_integers),
        _ => numeric::neg(array).map_err(|_| fault()),
    }
}

/// The values without their signs.
pub(crate) fn absolute(array: &ArrayRef, policy: Policy) -> Result<ArrayRef, Box<Fault>> {
    let fault = || Fault::overflow(&sql_type(array.data_type()), None);
    macro_rules! of_integers {
        ($t:ty) => {{
            let checked = |value: <$t as ArrowPrimitiveType>::Native| match value < Default::default() {
                true => value.neg_checked(),
                false => Ok(value),
            };
            let wrapping = |value: <$t as ArrowPrimitiveType>::Native| match value < Default::default() {
                true => value.neg_wrapping(),
                false => value,
            };
            apply::<$t>(array, policy, checked, wrapping).map_err(|_| fault())
        }};
    }
    downcast_integer! {
        array.data_type() => (of_integers),
        DataType::Float32 => Ok(Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::abs))),
        DataType::Float64 => Ok(Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::abs))),
        DataType::Decimal128(..) => {
            let array = array.as_primitive::<Decimal128Type>();
            let result: PrimitiveArray<Decimal128Type> = array.unary(i128::wrapping_abs);
            Ok(Arc::new(result.with_data_type(array.data_type().clone())))
        }
        _ => Err(fault()),
    }
}

fn apply<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    policy: Policy,
    checked: impl Fn(T::Native) -> Result<T::Native, ArrowError>,
    wrapping: impl Fn(T::Native) -> T::Native,
) -> Result<ArrayRef, ArrowError> {
    let array = array.as_primitive::<T>();
    Ok(match policy {
        Policy::Raise => Arc::new(array.try_unary::<_, T, ArrowError>(checked)?),
        Policy::Legacy => Arc::new(array.unary::<_, T>(wrapping)),
        Policy::Try => Arc::new(array.unary_opt::<_, T>(|value| checked(value).ok())),
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::Int8Array;

    use super::*;

    type Sign = fn(&ArrayRef, Policy) -> Result<ArrayRef, Box<Fault>>;

    #[track_caller]
    fn check(sign: Sign, policy: Policy, values: &[Option<i8>], expected: Option<&[Option<i8>]>) {
        let array: ArrayRef = Arc::new(Int8Array::from(values.to_vec()));
        let found = sign(&array, policy)
            .ok()
            .map(|array| array.as_primitive::<arrow::datatypes::Int8Type>().iter().collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{policy:?} {values:?}");
    }

    #[test]
    fn the_least_integer_has_no_counterpart() {
        let values = [Some(-128), None, Some(5)];
        check(negate, Policy::Raise, &values, None);
        check(negate, Policy::Try, &values, Some(&[None, None, Some(-5)]));
        check(negate, Policy::Legacy, &values, Some(&[Some(-128), None, Some(-5)]));
        check(absolute, Policy::Raise, &values, None);
        check(absolute, Policy::Legacy, &values, Some(&[Some(-128), None, Some(5)]));
        check(negate, Policy::Raise, &[Some(-127), None], Some(&[Some(127), None]));
        check(absolute, Policy::Raise, &[], Some(&[]));
    }
}

//! What Spark's semantics cost beside arrow's checked kernels, over one batch of 8192 rows with no failure in it.
//!
//! Inside the timed region: one call, from two arrays to their result. For a division of floats arrow has no check: the
//! counterpart is the division and a look for zeros among the divisors. Left out: planning, and looking up the place, which
//! happens only after a failure.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::Float64Type;
use criterion::{BatchSize, Criterion};
use dsbench::engine::CheckedOperation;

/// A batch, as DataFusion has them.
const ROWS: i64 = 8192;

criterion::criterion_group! {
    name = benches;
    config = Criterion::default();
    targets = additions, divisions
}

fn integers(from: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| from + row * 7919 % ROWS)))
}

fn doubles() -> ArrayRef {
    Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| 1.0 + (row * 7919 % ROWS) as f64)))
}

fn decimals() -> ArrayRef {
    let values = (0..ROWS).map(|row| i128::from(1 + row * 7919 % ROWS));
    Arc::new(Decimal128Array::from_iter_values(values).with_precision_and_scale(17, 2).expect("it fits"))
}

fn additions(criterion: &mut Criterion) {
    compare(criterion, "add 8192 bigints", "+", [integers(0), integers(5)], |left, right| {
        numeric::add(left, right).expect("fits")
    });
    compare(criterion, "add 8192 decimals", "+", [decimals(), decimals()], |left, right| {
        numeric::add(left, right).expect("fits")
    });
}

fn divisions(criterion: &mut Criterion) {
    compare(criterion, "divide 8192 doubles", "/", [doubles(), doubles()], |left, right| {
        let result = numeric::div(left, right).expect("floats never fail");
        let has_zero = right.as_primitive::<Float64Type>().values().contains(&0.0);
        assert!(!black_box(has_zero));
        result
    });
    compare(criterion, "divide 8192 decimals", "/", [decimals(), decimals()], |left, right| {
        numeric::div(left, right).expect("fits")
    });
    compare(criterion, "8192 remainders of bigints", "%", [integers(5), integers(1)], |left, right| {
        numeric::rem(left, right).expect("no zeros")
    });
}

fn compare(
    criterion: &mut Criterion,
    name: &str,
    operator: &str,
    [left, right]: [ArrayRef; 2],
    kernel: impl Fn(&ArrayRef, &ArrayRef) -> ArrayRef,
) {
    let operation = CheckedOperation::new(operator, left.data_type(), right.data_type()).expect("an operator of ours");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("arrow", |bencher| {
        bencher.iter_batched(|| (), |()| kernel(black_box(&left), black_box(&right)), BatchSize::SmallInput);
    });
    group.bench_function("ansi", |bencher| {
        let evaluate = |()| operation.evaluate(black_box(&left), black_box(&right)).expect("fits");
        bencher.iter_batched(|| (), evaluate, BatchSize::SmallInput);
    });
    group.finish();
}

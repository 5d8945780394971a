//! What Spark's semantics cost beside arrow's checked kernels, over one batch of 8192 rows with no failure in it.
//!
//! Inside the timed region: one call, from two arrays to their result. For a division of floats arrow has no check: the
//! counterpart is the division and a look for zeros among the divisors. Left out: planning, and looking up the place, which
//! happens only after a failure. Decimals: Spark's quotient of two DECIMAL(17,2) has 20 fraction digits and arrow's has 6, which takes
//! less work, so arrow divides a dividend that has been given the digits beforehand, and so comes to 20, too.
//!
//! Criterion times one side after the other, and a machine may change its pace in between. The line "pairs" under each group
//! has the median ratio of pairs that are timed in turns, and the quartiles.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Float64Type};
use criterion::Criterion;
use dsbench::engine::CheckedOperation;

/// A batch, as DataFusion has them.
const ROWS: i64 = 8192;
/// How many pairs are timed for a ratio.
const PAIRS: usize = 400;
/// How long each side of a pair runs, about.
const SIDE: Duration = Duration::from_millis(2);

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

/// The same values with 16 fraction digits.
fn with_digits(values: &ArrayRef) -> ArrayRef {
    cast(values, &DataType::Decimal128(31, 16)).expect("it fits")
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
    let dividends = with_digits(&decimals());
    compare(criterion, "divide 8192 decimals", "/", [decimals(), decimals()], |_, right| {
        let result = numeric::div(black_box(&dividends), right).expect("fits");
        assert_eq!(result.data_type(), &DataType::Decimal128(37, 20));
        result
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
    let mut arrow = || kernel(black_box(&left), black_box(&right));
    let mut ansi = || operation.evaluate(black_box(&left), black_box(&right)).expect("fits");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("arrow", |bencher| bencher.iter_with_large_drop(&mut arrow));
    group.bench_function("ansi", |bencher| bencher.iter_with_large_drop(&mut ansi));
    group.finish();
    if !std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        print(name, ratios(&mut arrow, &mut ansi));
    }
}

#[expect(clippy::print_stdout, reason = "a result, beside criterion's own")]
fn print(name: &str, [low, median, high]: [f64; 3]) {
    println!("{name}/pairs: ansi over arrow {median:.3} (quartiles {low:.3} to {high:.3}, {PAIRS} pairs)\n");
}

/// The quartiles of second over first, in pairs that begin with either in turns.
fn ratios(first: &mut dyn FnMut() -> ArrayRef, second: &mut dyn FnMut() -> ArrayRef) -> [f64; 3] {
    let once = time(first, 64) / 64;
    let calls = (SIDE.as_nanos() / once.as_nanos().max(1)).clamp(1, 10_000) as u32;
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|pair| {
            let (one, other) = if pair % 2 == 0 {
                let one = time(first, calls);
                (one, time(second, calls))
            } else {
                let other = time(second, calls);
                (time(first, calls), other)
            };
            other.as_secs_f64() / one.as_secs_f64()
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    [PAIRS / 4, PAIRS / 2, PAIRS * 3 / 4].map(|rank| ratios[rank])
}

#[expect(clippy::disallowed_methods, reason = "this is no sample of a run, and criterion has no pairs")]
fn time(work: &mut dyn FnMut() -> ArrayRef, calls: u32) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        black_box(work());
    }
    begun.elapsed()
}

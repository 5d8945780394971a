//! Checking an answer, for the sizes that statements return.
//!
//! Inside the timed region: comparing a result with the expected answer of as many rows, both in memory: ordered by its
//! first column, four rows to a tie. Left out: reading the answer's file. Expected: cost = cost_row × rows × log(tie).

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use criterion::{BenchmarkId, Criterion, Throughput};
use dsbench::answers::{Answer, Outcome, SqlShape, check_answer};

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = checking
}

fn rows(count: i64) -> RecordBatch {
    let numbers = || 0..count;
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers().map(|n| n / 4)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(numbers().map(|n| format!("customer {}", n % 977))));
    let money = Decimal128Array::from_iter_values(numbers().map(|n| i128::from(n * 7919 % 100_003)));
    let money: ArrayRef = Arc::new(money.with_precision_and_scale(17, 2).expect("fits"));
    let ratios: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers().map(|n| n as f64 / 7.0)));
    RecordBatch::try_from_iter([("k", keys), ("name", names), ("money", money), ("ratio", ratios)])
        .expect("columns fit")
}

fn checking(criterion: &mut Criterion) {
    let shape = SqlShape::parse("select k, name, money, ratio from t order by k").expect("parses");
    let mut group = criterion.benchmark_group("check an answer");
    for count in [100, 10_000, 1_000_000] {
        let actual = rows(count);
        let expected = Answer { rows: actual.clone(), row_count: actual.num_rows() };
        group.throughput(Throughput::Elements(count.unsigned_abs()));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let outcome = check_answer(&shape, &actual.schema(), std::slice::from_ref(&actual), &expected);
                assert_eq!(outcome, Outcome::Match);
            });
        });
    }
    group.finish();
}

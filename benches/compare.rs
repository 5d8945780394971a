//! Comparing two sides: the statistics of a whole A/B, and why one statement differs.
//!
//! Inside the timed region: from pairs of seconds, in memory, to ratios, intervals, p-values, and total and geometric mean with their
//! bootstrap; from the operators of two plans to the reasons of a difference. Left out: reading samples and operators from disk,
//! and writing the report. The pairs are those of 104 statements; the plans are chains of joins in which every fifth operator
//! differs.

use criterion::{BenchmarkId, Criterion};
use dsbench::compare::{OperatorFigures, PairedRatio, PlanFigures, Thresholds, overall, why};

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = statistics, reasons
}

/// Pairs that differ by up to 5%, always in the same way.
fn pairs(statement: u32, count: u32) -> Vec<(f64, f64)> {
    let noise = |number: u32| 1.0 + f64::from(number * 7919 % 101) / 2000.0;
    (0..count).map(|pair| (noise(statement + 3 * pair), noise(5 * statement + pair))).collect()
}

fn statistics(criterion: &mut Criterion) {
    let thresholds = Thresholds::for_tests(104);
    let mut group = criterion.benchmark_group("statistics of 104 statements");
    for count in [16, 60] {
        let statements: Vec<_> = (0..104).map(|statement| pairs(statement, count)).collect();
        group.bench_function(BenchmarkId::new("pairs a statement", count), |bencher| {
            bencher.iter(|| {
                let ratios = statements.iter().filter_map(|pairs| PairedRatio::of(pairs, &thresholds)).count();
                assert_eq!((ratios, overall(&statements, &thresholds).is_some()), (104, true));
            });
        });
    }
    group.finish();
}

/// A chain of joins, each with a scan beside it.
fn plan(joins: usize, differs: bool) -> PlanFigures {
    let operator = |depth: usize, name: &str, kind: &str, detail: String| OperatorFigures {
        depth,
        name: name.to_owned(),
        kind: kind.to_owned(),
        detail,
        output_rows: 1000,
        operator_seconds: 0.01,
        ..OperatorFigures::default()
    };
    let mut operators = Vec::new();
    for join in 0..joins {
        let mode = if differs && join % 5 == 0 { "Partitioned" } else { "CollectLeft" };
        let keys = format!("HashJoinExec: mode={mode}, join_type=Inner, on=[(a_{join}@0, b_{join}@1)]");
        operators.push(operator(join, "HashJoinExec", "join", keys));
        operators.push(operator(
            join + 1,
            "DataSourceExec",
            "scan",
            format!("scan of (a_{join}, a_name): projection=[a_{join}]"),
        ));
    }
    operators.push(operator(joins, "DataSourceExec", "scan", "scan of (b_0, b_1): projection=[b_0]".to_owned()));
    PlanFigures { operators, planning_seconds: 0.1, execution_seconds: if differs { 2.0 } else { 1.0 } }
}

fn reasons(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("why a statement differs");
    for joins in [20, 100] {
        let (baseline, other) = (plan(joins, false), plan(joins, true));
        group.bench_function(BenchmarkId::new("joins", joins), |bencher| {
            bencher.iter(|| assert!(!why(&baseline, &other).plans_are_equal));
        });
    }
    group.finish();
}

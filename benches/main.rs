//! Benchmarks of our own code; what the engine takes for the suite is `dsbench run`'s to measure.
//!
//! `cargo bench` measures, `cargo bench -- --test` runs each once. Each file says what is inside the timed region.

mod ansi;
mod answers;
mod compare;
mod planning;
mod results;
mod row_filter;
mod udf;

/// The program's own: with the system's, what a kernel takes would be mostly page faults of its result.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion::criterion_main!(
    ansi::benches,
    planning::benches,
    row_filter::benches,
    answers::benches,
    results::benches,
    compare::benches,
    udf::benches
);

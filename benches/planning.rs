//! Planning the whole suite, with our rules and without.
//!
//! Inside the timed region: from the SQL texts of all 104 statements to their physical plans, one after another. Left out: making the
//! engine, registering tables, running anything. Scale 0.01: what a planner does depends on the number of files and columns, hardly on rows.
//!
//! | benchmark | what is at hand |
//! |---|---|
//! | `plan the suite/PROFILE` | footers, statistics, and what the engine found out of the data: each statement was planned before |
//! | `plan the suite for the first time/PROFILE` | nothing: a new engine, which reads footers and samples of the tables |
//! | `plan the suite/both` | as the first one, both profiles in turns, A B B A; prints the ratio of `default` to `datafusion` |
//!
//! The ratio is to be at most 1.5. It is a median of pairs, so that what else the machine does meets both sides; a time is no test.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};
use dsbench::runner::clock;
use dsbench::suite::{Substitution, Suite};
use dsbench::tables::{DataSet, DataUrl, Expectation};
use tokio::runtime::Runtime;

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = planning
}

/// What planning with our rules may take, in terms of plain DataFusion.
const RATIO_MAX: f64 = 1.5;

fn planning(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(16 << 20).build().expect("threads");
    let suite = Suite::built_in().expect("the suite");
    let defaults = Substitution::defaults(&suite.domains);
    let texts: Vec<String> = suite.statements().map(|s| s.render(&defaults).expect("renders")).collect();
    let folder = data();
    for profile in Profile::built_in_names() {
        let engine = runtime.block_on(engine(&folder, profile));
        criterion.bench_function(&format!("plan the suite/{profile}"), |bencher| {
            plan(&runtime, &engine, &texts);
            bencher.iter(|| plan(&runtime, &engine, &texts));
        });
        criterion.bench_function(&format!("plan the suite for the first time/{profile}"), |bencher| {
            let new = || runtime.block_on(self::engine(&folder, profile));
            bencher.iter_batched(new, |engine| plan(&runtime, &engine, &texts), BatchSize::PerIteration);
        });
    }
    both(criterion, &runtime, &folder, &texts);
}

/// Both profiles in turns.
fn both(criterion: &mut Criterion, runtime: &Runtime, folder: &Path, texts: &[String]) {
    let engines = ["default", "datafusion"].map(|profile| runtime.block_on(engine(folder, profile)));
    let mut pairs: Vec<[f64; 2]> = Vec::new();
    criterion.bench_function("plan the suite/both", |bencher| {
        engines.iter().for_each(|engine| plan(runtime, engine, texts));
        bencher.iter_custom(|iterations| {
            let mut total = Duration::ZERO;
            for _ in 0..iterations {
                let mut pair = [0.0; 2];
                let order = if pairs.len().is_multiple_of(2) { [0, 1] } else { [1, 0] };
                for side in order {
                    let begun = clock::now();
                    plan(runtime, &engines[side], texts);
                    let nanoseconds = clock::now().nanoseconds_since(begun);
                    pair[side] = nanoseconds as f64;
                    total += Duration::from_nanos(nanoseconds);
                }
                pairs.push(pair);
            }
            total
        });
    });
    let mut ratios: Vec<f64> = pairs.iter().map(|[ours, plain]| ours / plain).collect();
    ratios.sort_by(f64::total_cmp);
    if let (Some(middle), Some(least), Some(most)) = (ratios.get(ratios.len() / 2), ratios.first(), ratios.last()) {
        let verdict = if *middle <= RATIO_MAX { "within" } else { "ABOVE" };
        writeln!(
            std::io::stdout(),
            "planning, default / datafusion: median {middle:.3} of {} pairs ({least:.3} to {most:.3}), {verdict} {RATIO_MAX}\n",
            ratios.len()
        )
        .expect("standard output is open");
    }
}

fn plan(runtime: &Runtime, engine: &Engine, texts: &[String]) {
    runtime.block_on(async {
        for text in texts {
            std::hint::black_box(engine.plan(text).await.expect("plans"));
        }
    });
}

/// Made once, and there for the next time.
fn data() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-sf0.01");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), &folder);
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    folder
}

async fn engine(folder: &Path, profile: &str) -> Engine {
    let settings = Settings::resolve(&Profile::find(profile).expect("built in"), [], &[]).expect("resolves");
    let limits = EngineLimits { memory_bytes: 4 << 30, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    let url = DataUrl::from_path(folder).expect("a path");
    let data = DataSet::open(url, &Expectation::default()).await.expect("opens");
    data.register(&engine).expect("registers");
    engine
}

//! Planning the whole suite, for each built-in profile.
//!
//! Inside the timed region: from the SQL texts of all 104 statements to their physical plans, one after another, with
//! footers and statistics in the caches. Left out: making the engine, registering tables, running anything. Scale 0.01:
//! what a planner does depends on the number of files and columns, hardly on rows.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use criterion::Criterion;
use dsbench::engine::{Engine, EngineLimits, Profile, Settings};
use dsbench::suite::{Substitution, Suite};
use dsbench::tables::{DataSet, DataUrl, Expectation};

criterion::criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = planning
}

fn planning(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(16 << 20).build().expect("threads");
    let suite = Suite::built_in().expect("the suite");
    let defaults = Substitution::defaults(&suite.domains);
    let texts: Vec<String> = suite.statements().map(|s| s.render(&defaults).expect("renders")).collect();
    for profile in Profile::built_in_names() {
        let engine = runtime.block_on(engine(profile));
        criterion.bench_function(&format!("plan the suite/{profile}"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    for text in &texts {
                        std::hint::black_box(engine.plan(text).await.expect("plans"));
                    }
                });
            });
        });
    }
}

async fn engine(profile: &str) -> Engine {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-sf0.01");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), &folder);
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    let settings = Settings::resolve(&Profile::find(profile).expect("built in"), [], &[]).expect("resolves");
    let limits = EngineLimits { memory_bytes: 4 << 30, spill_dir: std::env::temp_dir() };
    let engine = Engine::new(settings, &limits).await.expect("an engine");
    let url = DataUrl::from_path(&folder).expect("a path");
    let data = DataSet::open(url, &Expectation::default()).await.expect("opens");
    data.register(&engine).expect("registers");
    engine
}

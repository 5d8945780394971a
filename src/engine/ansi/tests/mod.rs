//! Whole statements: where messages point to, and that plans stay as they were.

mod places;
mod suite;

use crate::engine::{Engine, EngineLimits, Profile, Settings, SqlError};

/// An engine with the profile `default` and these settings.
async fn engine(sets: &[&str]) -> Engine {
    let sets: Vec<_> = sets.iter().map(|set| (*set).to_owned()).collect();
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    Engine::new(settings, &limits).await.expect("an engine")
}

/// Runs a text's statements up to the one that fails.
async fn failure(engine: &Engine, sql: &str) -> SqlError {
    let run = async {
        for statement in engine.parse(sql)? {
            let plan = engine.plan_statement(statement).await?;
            engine.execute(plan).await?;
        }
        Ok(())
    };
    match run.await {
        Err(crate::engine::EngineError::Sql(error)) => *error,
        Err(other) => panic!("{sql}: {other}"),
        Ok(()) => panic!("{sql}: no error"),
    }
}

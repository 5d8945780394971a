//! Whole statements: where messages point to, and that plans stay as they were.

mod places;
mod suite;

use arrow::util::display::array_value_to_string;

use crate::engine::{Engine, EngineError, EngineLimits, Profile, Settings, SqlError};

/// An engine with the profile `default` and these settings.
pub(super) async fn engine(sets: &[&str]) -> Engine {
    let sets: Vec<_> = sets.iter().map(|set| (*set).to_owned()).collect();
    let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    Engine::new(settings, &limits).await.expect("an engine")
}

/// Runs a text's statements up to the one that fails.
async fn failure(engine: &Engine, sql: &str) -> SqlError {
    match first_value(engine, sql).await {
        Err(error) => error,
        Ok(_) => panic!("{sql}: no error"),
    }
}

/// Runs a text's statements: the text of the last result's first value, or the error that came before.
pub(super) async fn first_value(engine: &Engine, sql: &str) -> Result<String, SqlError> {
    let run = async {
        let mut value = String::new();
        for statement in engine.parse(sql)? {
            let plan = engine.plan_statement(statement).await?;
            let batches = engine.execute(plan).await?;
            let first = batches.iter().find(|batch| batch.num_rows() > 0);
            value = first.map_or(String::new(), |batch| match batch.column(0) {
                column if column.is_null(0) => "NULL".to_owned(),
                column => array_value_to_string(column, 0).expect("it has a text"),
            });
        }
        Ok(value)
    };
    run.await.map_err(|error| match error {
        EngineError::Sql(error) => *error,
        other => panic!("{sql}: {other}"),
    })
}

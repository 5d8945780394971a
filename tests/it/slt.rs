//! The scripts under `tests/slt`: SQL with the rows or the error that it gives.
//!
//! A script has an engine of its own, in the profile `default`, and no tables but those that it makes. It runs twice, the second time with
//! the calls of functions profiled, which changes nothing. Columns are `I` for integers, `R`
//! for floating-point numbers and decimals, `T` for text and `?` for the rest; their types are checked. NULL is `NULL`, an empty
//! text `(empty)`. After `query error` comes a regular expression for the message.
//!
//! `UPDATE_EXPECT=1 cargo test` writes what the engine gives into the scripts.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use dsbench::engine::{Engine, EngineError, EngineLimits, Profile, Settings};
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Record, Runner, default_normalizer, default_validator, parse_file,
    strict_column_validator,
};

/// The engine that a script runs in.
struct Database {
    engine: Engine,
}

impl Database {
    async fn open(is_profiled: bool) -> Result<Self, EngineError> {
        let sets = [format!("engine.udf.profile={is_profiled}")];
        let settings = Settings::resolve(&Profile::find("default")?, [], &sets)?;
        let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
        Ok(Self { engine: Engine::new(settings, &limits).await? })
    }
}

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = EngineError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, EngineError> {
        let plan = self.engine.plan(sql).await?;
        let types = plan.schema().fields().iter().map(|field| column_type(field.data_type())).collect();
        let batches = self.engine.execute(plan).await?;
        Ok(DBOutput::Rows { types, rows: batches.iter().flat_map(rows).collect() })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "dsbench"
    }
}

fn column_type(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        data_type if data_type.is_numeric() => DefaultColumnType::FloatingPoint,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DefaultColumnType::Text,
        _ => DefaultColumnType::Any,
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("every type has a text"))
        .collect();
    let text = |column: &ArrayFormatter<'_>, row| match column.value(row).to_string() {
        text if text.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()).collect()
}

fn scripts() -> Vec<PathBuf> {
    let pattern = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slt/**/*.slt");
    glob::glob(pattern).expect("a pattern").map(|path| path.expect("a readable folder")).collect()
}

/// Runs a script to its end, and gives a text for everything that is not as it says.
async fn failures(script: &Path, is_profiled: bool) -> Vec<String> {
    let records = match parse_file(script) {
        Ok(records) => records,
        Err(error) => return vec![error.to_string()],
    };
    let mut runner = Runner::new(|| Database::open(is_profiled));
    runner.with_column_validator(strict_column_validator);
    let mut failures = Vec::new();
    for record in records {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        if let Err(error) = runner.run_async(record).await {
            failures.push(error.to_string());
        }
    }
    failures
}

async fn update(script: &Path) {
    let mut runner = Runner::new(|| Database::open(false));
    let updated = runner.update_test_file(script, " ", default_validator, default_normalizer, strict_column_validator);
    updated.await.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
}

#[tokio::test]
async fn scripts_give_what_they_say() {
    let scripts = scripts();
    assert!(!scripts.is_empty(), "there are scripts under tests/slt");
    let mut failed = Vec::new();
    for script in &scripts {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            update(script).await;
        } else {
            failed.extend(failures(script, false).await);
            failed.extend(failures(script, true).await);
        }
    }
    assert!(failed.is_empty(), "{} records of {} scripts:\n\n{}", failed.len(), scripts.len(), failed.join("\n"));
}

//! `COPY … TO` and `CREATE EXTERNAL TABLE`: targets are checked before anything is written, and NULL survives partitioning.
//!
//! DataFusion writes a partition's folder from the column's value without looking whether it is NULL: a NULL number comes back
//! as 0 and a NULL text as ''. So the partition columns are made texts first, with Hive's word for NULL:
//!
//! ```text
//! before   Copy (partition by a) ◀─ input (a, b)
//! after    Copy (partition by a) ◀─ Project (coalesce(cast(a as text), '__HIVE_DEFAULT_PARTITION__') as a, b) ◀─ input
//! ```
//!
//! The column is in no file, so that its type matters to nobody. Where the columns are kept in the files
//! (`keep_partition_by_columns`), nothing is changed.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::sql::parser::{CopyToStatement, CreateExternalTable, Statement};

use super::files::FileError;
use super::files::partitions::NULL_PARTITION;
use super::files::place::{local_path, names_compressed};
use super::files::remote::Remote;

/// Resolves the places that a statement reads or writes, makes those of other machines known to the engine, and refuses those
/// that would fail or mix data.
pub(super) async fn check_places(statement: &mut Statement, runtime: &RuntimeEnv) -> Result<(), FileError> {
    match explained(statement) {
        Statement::CopyTo(copy) => check_target(copy, runtime).await,
        Statement::CreateExternalTable(table) => check_locations(table, runtime),
        Statement::Explain(_) | Statement::Statement(_) | Statement::Reset(_) => Ok(()),
    }
}

/// The statement that an EXPLAIN, or several, are of.
fn explained(statement: &mut Statement) -> &mut Statement {
    match statement {
        Statement::Explain(explain) => explained(&mut explain.statement),
        statement => statement,
    }
}

fn check_locations(table: &mut CreateExternalTable, runtime: &RuntimeEnv) -> Result<(), FileError> {
    for location in &mut table.locations {
        match Remote::parse(location)? {
            Some(remote) => drop(remote.connect(runtime)?),
            None => *location = local_path(location)?,
        }
    }
    Ok(())
}

async fn check_target(copy: &mut CopyToStatement, runtime: &RuntimeEnv) -> Result<(), FileError> {
    let text = copy.target.clone();
    check_format(copy, &text)?;
    match Remote::parse(&text)? {
        Some(remote) => check_remote_target(copy, text, &remote, runtime).await,
        None => {
            copy.target = local_path(&text)?;
            check_local_target(copy, text)
        }
    }
}

async fn check_remote_target(
    copy: &CopyToStatement,
    text: String,
    remote: &Remote,
    runtime: &RuntimeEnv,
) -> Result<(), FileError> {
    let Remote::Bucket { key, .. } = remote else { return Err(FileError::TargetWeb { url: text }) };
    remote.connect(runtime)?;
    let is_folder = key.is_empty() || key.ends_with('/') || !copy.partitioned_by.is_empty();
    match is_folder && remote.has_objects(runtime).await? {
        true => Err(FileError::TargetNotEmpty { path: text }),
        false => Ok(()),
    }
}

fn check_local_target(copy: &CopyToStatement, text: String) -> Result<(), FileError> {
    let path = Path::new(&copy.target);
    if path.is_dir() {
        // One that cannot be listed is told by the writer.
        let is_empty = std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
        return if is_empty { Ok(()) } else { Err(FileError::TargetNotEmpty { path: text }) };
    }
    if path.exists() && !copy.partitioned_by.is_empty() {
        return Err(FileError::TargetIsFile { path: text });
    }
    check_writable(path).map_err(|error| FileError::TargetPlace { path: text, message: error.to_string() })
}

/// Tries it in the nearest folder that is there; the writer's own message would not say what is wrong.
fn check_writable(path: &Path) -> std::io::Result<()> {
    let absolute = std::path::absolute(path)?;
    let Some(place) = absolute.ancestors().skip(1).find(|folder| folder.exists()) else { return Ok(()) };
    tempfile::tempdir_in(place).map(drop)
}

/// `STORED AS`, or the target's ending, must name a format that can be written.
fn check_format(copy: &CopyToStatement, text: &str) -> Result<(), FileError> {
    let is_known = |format: &str| ["csv", "json", "parquet"].contains(&format.to_ascii_lowercase().as_str());
    match (&copy.stored_as, Path::new(&copy.target).extension()) {
        (Some(format), _) if is_known(format) => Ok(()),
        (Some(format), _) => Err(FileError::StoredAs { format: format.clone() }),
        (None, _) if names_compressed(&copy.target) => Err(FileError::Compressed { path: text.to_owned() }),
        (None, Some(ending)) if is_known(&ending.to_string_lossy()) => Ok(()),
        (None, _) => Err(FileError::TargetFormat { path: text.to_owned() }),
    }
}

/// Gives NULL its folder; a plan that is no partitioned COPY (or its EXPLAIN) is returned as it is.
pub(super) fn with_null_partitions(plan: LogicalPlan, options: &ConfigOptions) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Copy(copy) => rewritten(copy, options),
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
            Ok(plan.map_children(|child| with_null_partitions(child, options).map(Transformed::yes))?.data)
        }
        plan => Ok(plan),
    }
}

fn rewritten(copy: CopyTo, options: &ConfigOptions) -> Result<LogicalPlan> {
    let keeps = match copy.options.get("execution.keep_partition_by_columns") {
        Some(value) => value.trim() == "true",
        None => options.execution.keep_partition_by_columns,
    };
    if copy.partition_by.is_empty() || keeps {
        return Ok(LogicalPlan::Copy(copy));
    }
    let schema = Arc::clone(copy.input.schema());
    let is_partition = |name: &str| copy.partition_by.iter().any(|column| column == name);
    if schema.fields().iter().all(|field| is_partition(field.name())) {
        return Err(FileError::OnlyPartitions { columns: copy.partition_by.join(", ") }.into());
    }
    let columns = schema.iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        match is_partition(field.name()) {
            true => folder_name(column).alias(field.name()),
            false => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    let input = LogicalPlanBuilder::new_from_arc(copy.input).project(columns)?.build()?;
    Ok(LogicalPlan::Copy(CopyTo::new(
        Arc::new(input),
        copy.output_url,
        copy.partition_by,
        copy.file_type,
        copy.options,
    )))
}

fn folder_name(column: Expr) -> Expr {
    datafusion::functions::expr_fn::coalesce(vec![cast(column, DataType::Utf8), lit(NULL_PARTITION)])
}

#[cfg(test)]
mod tests {
    use super::super::dialect::SqlDialect;
    use super::*;
    use datafusion::sql::parser::DFParserBuilder;

    fn parsed(sql: &str) -> Statement {
        let dialect = SqlDialect::default();
        let mut parser = DFParserBuilder::new(sql).with_dialect(&dialect).build().expect("tokens");
        parser.parse_statements().expect("SQL").pop_back().expect("a statement")
    }

    async fn check(sql: &str, expected: Result<(), &str>) {
        let runtime = RuntimeEnv::default();
        let found = check_places(&mut parsed(sql), &runtime).await.map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{sql}"),
            Err(part) => assert!(found.as_ref().is_err_and(|error| error.contains(part)), "{sql}: {found:?}"),
        }
    }

    #[tokio::test]
    async fn targets_are_checked_before_anything_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().display();
        check(&format!("copy (select 1 as a) to '{place}/x.csv'"), Ok(())).await;
        check(&format!("copy (select 1 as a) to '{place}' stored as parquet"), Ok(())).await;
        check(&format!("copy (select 1 as a) to '{place}/d/' stored as JSON"), Ok(())).await;
        std::fs::write(folder.path().join("x.csv"), "a\n").expect("written");
        check(&format!("copy (select 1 as a) to '{place}/x.csv'"), Ok(())).await;
        check(&format!("copy (select 1 as a) to '{place}' stored as parquet"), Err("holds files already")).await;
        check(&format!("explain copy (select 1 as a) to '{place}' stored as csv"), Err("holds files already")).await;
        check(
            &format!("copy (select 1 as a, 2 as b) to '{place}/x.csv' stored as csv partitioned by (a)"),
            Err("is a file, but PARTITIONED BY writes a folder"),
        )
        .await;
        check(&format!("copy (select 1 as a) to '{place}/x.csv/y.csv'"), Err("x.csv/y.csv` cannot be written to: "))
            .await;
        check("copy (select 1 as a) to 's3://bucket/x.csv'", Ok(())).await;
        check("copy (select 1 as a) to 'gs://bucket/x.csv'", Err("and not gs://")).await;
        check("copy (select 1 as a) to 'https://host/x.csv'", Err("web servers are only read")).await;
        check("copy (select 1 as a) to 'x'", Err("cannot tell the format of `x`")).await;
        check("copy (select 1 as a) to 'x.xlsx'", Err("cannot tell the format of `x.xlsx`")).await;
        check("copy (select 1 as a) to 'x.csv.gz'", Err("is compressed")).await;
        check("copy (select 1 as a) to 'x.csv' stored as orc", Err("COPY does not write `ORC`")).await;
    }

    #[tokio::test]
    async fn locations_of_external_tables_are_checked() {
        check("create external table t stored as csv location 'data/'", Ok(())).await;
        check("create external table t stored as csv location 'gs://bucket/x'", Err("and not gs://")).await;
        check("select 1", Ok(())).await;
    }
}

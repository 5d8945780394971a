//! What can be named in a session: tables with their columns, functions, settings. Plain values, for whoever shows them.

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::logical_expr::TableType;

use super::{Engine, EngineError, ErrorClass, files};
use crate::text;

/// A table and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// The schema; `public` unless the user made another one.
    pub schema: String,
    /// The name.
    pub name: String,
    /// Table, view or temporary table, in words.
    pub kind: &'static str,
    /// The columns in order.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// The name.
    pub name: String,
    /// The type, as the engine writes it.
    pub data_type: String,
    /// Whether it may hold NULL.
    pub is_nullable: bool,
}

impl Engine {
    /// The tables and views of all schemas of the session's catalog, in the order of their names.
    pub async fn tables(&self) -> Result<Vec<TableInfo>, EngineError> {
        let (catalog_name, default_schema) = self.default_names();
        let mut tables = Vec::new();
        let Some(catalog) = self.context().catalog(&catalog_name) else { return Ok(tables) };
        for schema_name in catalog.schema_names() {
            let Some(schema) = catalog.schema(&schema_name) else { continue };
            if schema_name == "information_schema" {
                continue;
            }
            for name in schema.table_names() {
                if let Some(table) = schema.table(&name).await? {
                    tables.push(describe(schema_name.clone(), name, table.as_ref()));
                }
            }
        }
        tables.sort_by_key(|table| (table.schema != default_schema, table.schema.clone(), table.name.clone()));
        Ok(tables)
    }

    /// The names of all tables and views, those outside of the default schema with their schemas in front.
    pub(super) fn table_names(&self) -> Vec<String> {
        let (catalog_name, default_schema) = self.default_names();
        let Some(catalog) = self.context().catalog(&catalog_name) else { return Vec::new() };
        let mut names = Vec::new();
        for schema_name in catalog.schema_names() {
            let tables = catalog.schema(&schema_name).map(|schema| schema.table_names()).unwrap_or_default();
            names.extend(tables.into_iter().map(|table| match schema_name == default_schema {
                true => table,
                false => format!("{schema_name}.{table}"),
            }));
        }
        names.sort();
        names
    }

    /// One table by its name, `schema.name`, or the path of a file.
    pub async fn table(&self, name: &str) -> Result<TableInfo, EngineError> {
        let tables = self.tables().await?;
        let (_, default_schema) = self.default_names();
        let qualified = |table: &TableInfo| format!("{}.{}", table.schema, table.name);
        // As written first; SQL's names without quotes are in lower case.
        for wanted in [name.to_owned(), name.to_lowercase()] {
            let fits = |table: &&TableInfo| {
                (table.schema == default_schema && table.name == wanted) || qualified(table) == wanted
            };
            if let Some(table) = tables.iter().find(fits) {
                return Ok(table.clone());
            }
        }
        if self.reads_files() && files::place::is_path(name) {
            let table = self.context().table_provider(TableReference::bare(name)).await?;
            return Ok(describe(String::new(), name.to_owned(), table.as_ref()));
        }
        let hint = text::did_you_mean(&name.to_lowercase(), tables.iter().map(|table| table.name.as_str()));
        Err(EngineError::Statement { class: ErrorClass::Plan, message: format!("there is no table `{name}`{hint}") })
    }

    /// The names of all functions, in order.
    pub fn function_names(&self) -> Vec<String> {
        let mut names = self.value_function_names();
        names.extend(self.table_function_names());
        names.sort();
        names.dedup();
        names
    }

    /// Those that stand in expressions.
    pub(super) fn value_function_names(&self) -> Vec<String> {
        let state = self.context().state();
        let mut names: Vec<String> = state.scalar_functions().keys().cloned().collect();
        names.extend(state.aggregate_functions().keys().cloned());
        names.extend(state.window_functions().keys().cloned());
        names.sort();
        names.dedup();
        names
    }

    /// Those that stand in FROM.
    pub(super) fn table_function_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.context().state().table_functions().keys().cloned().collect();
        names.sort();
        names
    }

    /// The keys of all settings, Spark's names included, in order.
    pub fn setting_names(&self) -> Vec<String> {
        self.settings().names()
    }

    fn default_names(&self) -> (String, String) {
        let state = self.context().state();
        let names = &state.config_options().catalog;
        (names.default_catalog.clone(), names.default_schema.clone())
    }
}

fn describe(schema: String, name: String, table: &dyn TableProvider) -> TableInfo {
    let kind = match table.table_type() {
        TableType::Base => "table",
        TableType::View => "view",
        TableType::Temporary => "temporary table",
    };
    let columns = table.schema();
    let columns = columns.fields().iter().map(|field| ColumnInfo {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
        is_nullable: field.is_nullable(),
    });
    TableInfo { schema, name, kind, columns: columns.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineLimits, Profile, Settings};

    async fn engine() -> Engine {
        let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &[]).expect("resolves");
        let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
        Engine::new(settings, &limits).await.expect("an engine")
    }

    #[tokio::test]
    async fn tables_and_views_of_all_schemas_are_listed() {
        let engine = engine().await;
        for sql in [
            "create table t (a int not null, b varchar) as values (1, 'x')",
            "create view v as select 1 as one",
            "create schema s",
            "create table s.a as select 2 as two",
            "create table \"Odd\" as select 3 as three",
        ] {
            engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        let tables = engine.tables().await.expect("a list");
        let found: Vec<_> = tables.iter().map(|t| format!("{}.{} {}", t.schema, t.name, t.kind)).collect();
        assert_eq!(found, ["public.Odd table", "public.t table", "public.v view", "s.a table"]);
        let columns = |table: &TableInfo| table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        assert_eq!(columns(&engine.table("T").await.expect("t")), ["a", "b"]);
        assert_eq!(columns(&engine.table("s.a").await.expect("s.a")), ["two"]);
        assert_eq!(columns(&engine.table("Odd").await.expect("Odd")), ["three"]);
        let error = engine.table("tt").await.expect_err("unknown").to_string();
        assert_eq!(error, "there is no table `tt`; did you mean `t`?");
        assert!(engine.table("x.csv").await.is_err_and(|error| error.to_string().contains("there is no table")));
    }

    #[tokio::test]
    async fn functions_and_settings_have_names() {
        let engine = engine().await;
        let functions = engine.function_names();
        for name in ["sum", "substr", "row_number", "generate_series"] {
            assert!(functions.iter().any(|found| found == name), "{name}");
        }
        let settings = engine.setting_names();
        for name in ["datafusion.execution.batch_size", "engine.memory_pool", "spark.sql.shuffle.partitions"] {
            assert!(settings.iter().any(|found| found == name), "{name}");
        }
    }
}

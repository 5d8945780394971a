//! Files in FROM: `select * from 'data/x.csv'`, `'https://host/x.parquet'`, `'s3://bucket/folder/'`.
//!
//! sqlparser reads a text in FROM as a quoted name. The session's schema is wrapped: a name that no table has and that looks
//! like a path is opened as files.
//!
//! ```text
//! name ──▶ a table of the session?  ── yes ──▶ that table
//!                 │ no
//!          looks like a path?       ── yes ──▶ Listing (which files) ──▶ table (columns, format, partitions)
//!                 │ no
//!          unknown table
//! ```
//!
//! A file can never shadow a table, since tables are asked first. Only an engine that was told to
//! ([`Engine::allow_files`](super::Engine::allow_files)) looks at files: a benchmark's never does.

mod error;
pub(super) mod partitions;
pub(super) mod place;
pub(super) mod remote;
mod table;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;

pub use error::FileError;

use self::remote::Fetched;

impl From<FileError> for DataFusionError {
    fn from(error: FileError) -> Self {
        Self::External(Box::new(error))
    }
}

/// The state of a session that may be gone.
type State = Arc<dyn Fn() -> Option<SessionState> + Send + Sync>;

/// A schema that takes unknown names for paths.
struct SchemaWithFiles {
    tables: Arc<dyn SchemaProvider>,
    state: State,
    fetched: Fetched,
}

impl std::fmt::Debug for SchemaWithFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaWithFiles").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Wraps the schema in which names without a qualifier are looked up. `fetched` is a folder for files that must be fetched whole.
pub(super) fn allow(context: &SessionContext, fetched: &Path) -> Result<()> {
    let (catalog, schema) = {
        let names = &context.copied_config();
        let names = &names.options().catalog;
        (names.default_catalog.clone(), names.default_schema.clone())
    };
    let missing = || DataFusionError::Plan(format!("there is no schema {catalog}.{schema}"));
    let provider = context.catalog(&catalog).ok_or_else(missing)?;
    let tables = provider.schema(&schema).ok_or_else(missing)?;
    // A weak reference: the session owns the schema.
    let session = context.state_weak_ref();
    let state: State = Arc::new(move || session.upgrade().map(|state| state.read().clone()));
    let fetched = Fetched::new(fetched.to_owned());
    provider.register_schema(&schema, Arc::new(SchemaWithFiles { tables, state, fetched }))?;
    Ok(())
}

#[async_trait]
impl SchemaProvider for SchemaWithFiles {
    fn owner_name(&self) -> Option<&str> {
        self.tables.owner_name()
    }

    fn table_names(&self) -> Vec<String> {
        self.tables.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(table) = self.tables.table(name).await? {
            return Ok(Some(table));
        }
        match (self.state)() {
            Some(state) if place::is_path(name) => table::open(&state, name, &self.fetched).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.tables.table_type(name).await
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.tables.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}

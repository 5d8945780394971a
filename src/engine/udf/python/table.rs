//! [`PythonTable`]: a table function in Python, which yields rows.
//!
//! ```text
//!   select * from letters('abc')        constant arguments ─▶ worker: all that the function yields ─▶ batches of rows
//! ```

use std::any::Any;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{Session, TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::callable::{Callable, Patience};
use crate::engine::ansi::{Condition, SqlError, sql_type};
use crate::engine::udf::table_calls::split_site;

/// See the module.
#[derive(Debug)]
pub(super) struct PythonTable(pub(super) Callable);

/// The rows for some arguments.
#[derive(Debug)]
struct Rows {
    callable: Callable,
    /// One row.
    arguments: RecordBatch,
    schema: SchemaRef,
}

/// Whether a table function is one in Python.
pub(in crate::engine::udf) fn is_python_table(function: &TableFunction) -> bool {
    let implementation: &dyn Any = function.function().as_ref();
    implementation.is::<PythonTable>()
}

impl TableFunctionImpl for PythonTable {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let (site, values) = split_site(args.exprs());
        let callable = site.map_or_else(|| self.0.clone(), |site| self.0.at(site.clone()));
        let definition = &callable.definition;
        let (name, parameters) = (&definition.name, definition.parameters());
        if values.len() != parameters.len() {
            let (takes, given) = (parameters.len(), values.len());
            let message = format!("the number of arguments is {given}, and {name} takes {takes}");
            return Err(callable.raised(SqlError::new(Condition::DatatypeMismatch, message, None, None)));
        }
        let DataType::Struct(columns) = definition.returns() else {
            return internal_err!("{name} returns {}, and no table", definition.returns());
        };
        let values = values.iter().zip(parameters);
        let values = values.map(|(expr, parameter)| constant(expr, parameter, args.session(), &callable));
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        let parameters = Arc::new(Schema::new(parameters.to_vec()));
        let arguments = RecordBatch::try_new_with_options(parameters, values.collect::<Result<_>>()?, &one)?;
        let schema: SchemaRef = Arc::new(Schema::new(columns.clone()));
        let rows = Rows { callable: callable.clone(), arguments, schema: Arc::clone(&schema) };
        Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(rows)])?))
    }
}

/// The value of an argument.
fn constant(expr: &Expr, parameter: &FieldRef, session: &dyn Session, callable: &Callable) -> Result<ArrayRef> {
    let (nothing, one) = (Arc::new(Schema::empty()), RecordBatchOptions::new().with_row_count(Some(1)));
    let row = RecordBatch::try_new_with_options(nothing, Vec::new(), &one)?;
    let value = session.create_physical_expr(expr.clone(), &DFSchema::empty())?.evaluate(&row)?;
    let value = value.into_array(1)?;
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&value, parameter.data_type(), &strict).map_err(|_| {
        let given = array_value_to_string(&value, 0).unwrap_or_default();
        let (name, taken, given_type) = (&callable.definition.name, parameter.data_type(), value.data_type());
        let (taken, given_type) = (sql_type(taken), sql_type(given_type));
        let message = format!("{name} takes {taken} as {}, and not the {given_type} '{given}'", parameter.name());
        callable.raised(SqlError::new(Condition::DatatypeMismatch, message, None, None))
    })
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let patience = Patience::of(context.session_config().options());
        let batch_rows = context.session_config().batch_size();
        let (callable, arguments) = (self.callable.clone(), self.arguments.clone());
        // When somebody asks for the first row, not before.
        let batches = stream::once(async move {
            let rows = callable.ask("rows", &arguments, (None, callable.definition.returns()), &patience)?;
            let rows = RecordBatch::from(rows.as_struct());
            let pieces = (0..rows.num_rows()).step_by(batch_rows.max(1));
            let pieces = pieces.map(move |from| Ok(rows.slice(from, batch_rows.min(rows.num_rows() - from))));
            Ok::<_, DataFusionError>(stream::iter(pieces))
        });
        let batches = batches.try_flatten().boxed();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

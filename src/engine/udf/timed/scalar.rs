//! [`TimedFunction`]: a scalar function whose calls are profiled. The statement that it is called in comes with each call.
//!
//! Functions that scans recognise by their type stay as they are.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExpressionPlacement, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, StructFieldMapping,
};

use super::TimedFunction;
use crate::engine::ansi::{OperationCall, Site, operation_call};
use crate::engine::udf::profile::Batch;
use crate::engine::udf::python::PythonFunction;
use crate::engine::udf::sql_function::SqlFunction;
use crate::engine::udf::statement::Statement;

/// Scans read these without calling them.
const READ_BY_SCANS: [&str; 3] = ["file_row_index", "get_field", "input_file_name"];

impl TimedFunction {
    /// The function with its calls profiled, at a site if it is known; nothing for one that is profiled otherwise or is never called.
    pub(super) fn of(
        function: &Arc<ScalarUDF>,
        site: Option<&Site>,
        statement: Option<&Statement>,
    ) -> Option<Arc<ScalarUDF>> {
        let (name, site) = match operation_call(function) {
            // The analyzer puts other expressions in the places of operations.
            Some(_) if statement.is_none() => return None,
            Some(OperationCall::Operator) => return None,
            Some(OperationCall::ByName(name, site)) => (name, Some(site)),
            None => (function.name(), site),
        };
        let is_left_alone = function.inner().is::<Self>()
            || PythonFunction::of(function).is_some()
            || SqlFunction::of(function).is_some()
            || READ_BY_SCANS.contains(&function.name());
        if is_left_alone {
            return None;
        }
        Some(Arc::new(ScalarUDF::from(Self::new(function, name, site))))
    }
}

/// The function whose calls are timed, or the same if they are not.
pub(in crate::engine) fn untimed(function: &ScalarUDF) -> &ScalarUDF {
    function.inner().downcast_ref::<TimedFunction>().map_or(function, |timed| &timed.inner)
}

/// How many values are NULL of so many rows.
fn nulls(values: &ColumnarValue, rows: usize) -> usize {
    match values {
        ColumnarValue::Array(array) => array.null_count(),
        ColumnarValue::Scalar(value) if value.is_null() => rows,
        ColumnarValue::Scalar(_) => 0,
    }
}

impl ScalarUDFImpl for TimedFunction {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(meter) = Statement::of(&args.config_options).meter(&self.caller) else {
            return self.inner.invoke_with_args(args);
        };
        let rows = args.number_rows;
        meter.time(|| self.inner.invoke_with_args(args), |result| Batch::of(rows, result, |values| nulls(values, rows)))
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        Some(ScalarUDF::from(self.around(inner)))
    }

    // From here on all is the function's own.

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.inner.inner().preimage(args, literal, info)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn strictly_order_preserving(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.inner().strictly_order_preserving(inputs)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn struct_field_mapping(&self, literals: &[Option<ScalarValue>]) -> Option<StructFieldMapping> {
        self.inner.struct_field_mapping(literals)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(args)
    }
}

//! [`TimedFunction`]: a function written in Rust, built in or registered by a program, whose calls are profiled.
//!
//! ```text
//!   engine.udf.profile off    upper(name)
//!   on                        timed(upper)(name)        the same signature, rules, order and bounds; the call itself is timed
//! ```
//!
//! It answers every question as the function itself would, so that plans are the same with the profile as without. What the optimizer replaces by
//! another expression is called no more and has no profile: constants, `coalesce` (a CASE), functions in SQL (their bodies). Functions that scans
//! recognise by their type stay as they are.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExpressionPlacement, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, StructFieldMapping,
};
use datafusion::optimizer::AnalyzerRule;

use super::profile::{Batch, Caller};
use super::python::PythonFunction;
use super::sql_function::SqlFunction;
use super::statement::Statement;
use crate::engine::ansi::{Site, is_operation};
use crate::engine::settings::UdfOptions;
use crate::text::shortened;

/// Scans read these without calling them.
const READ_BY_SCANS: [&str; 3] = ["file_row_index", "get_field", "input_file_name"];

/// So many characters of a call are shown.
const SHOWN: usize = 60;

/// See the module.
#[derive(Clone)]
pub(in crate::engine) struct TimedFunction {
    inner: Arc<ScalarUDF>,
    caller: Caller,
}

impl TimedFunction {
    /// The function with its calls profiled, at a site if it is known; nothing for one that is profiled otherwise or is never called.
    pub(in crate::engine) fn of(function: &Arc<ScalarUDF>, site: Option<&Site>) -> Option<Arc<ScalarUDF>> {
        let implementation: &dyn Any = function.inner().as_ref();
        let is_left_alone = implementation.is::<Self>()
            || is_operation(function)
            || PythonFunction::of(function).is_some()
            || SqlFunction::of(function).is_some()
            || READ_BY_SCANS.contains(&function.name());
        if is_left_alone {
            return None;
        }
        let caller = Caller::at(site, function.name(), "rust");
        Some(Arc::new(ScalarUDF::from(Self { inner: Arc::clone(function), caller })))
    }
}

impl Caller {
    /// Of a function that is called at a site.
    pub(super) fn at(site: Option<&Site>, function: &str, language: &'static str) -> Self {
        let place = site.and_then(Site::place);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            function: function.to_owned(),
            language,
            place: place.as_ref().map(|place| (place.line(), place.column())),
            written: place.map_or_else(String::new, |place| shortened(&words(place.fragment()), SHOWN)),
        }
    }
}

/// The analyzer's rule that has the functions of a plan timed that nobody timed when they were read: those of views, and those under DataFusion's
/// semantics. Their places are not known.
#[derive(Debug)]
pub(in crate::engine) struct TimeFunctions;

impl AnalyzerRule for TimeFunctions {
    fn name(&self) -> &str {
        "time_functions"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        if !UdfOptions::of(config).profile {
            return Ok(plan);
        }
        let plan = plan.transform_up_with_subqueries(|plan| {
            plan.map_expressions(|expr| {
                expr.transform_up(|mut expr| {
                    if let Expr::ScalarFunction(call) = &mut expr
                        && let Some(timed) = TimedFunction::of(&call.func, None)
                    {
                        call.func = timed;
                        return Ok(Transformed::yes(expr));
                    }
                    Ok(Transformed::no(expr))
                })
            })
        })?;
        Ok(plan.data)
    }
}

fn nulls(result: &Result<ColumnarValue>, rows: usize) -> u64 {
    match result {
        Ok(ColumnarValue::Array(array)) => array.null_count() as u64,
        Ok(ColumnarValue::Scalar(value)) if value.is_null() => rows as u64,
        _ => 0,
    }
}

/// As the function itself.
impl fmt::Debug for TimedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Where it is called makes no other of it.
impl PartialEq for TimedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for TimedFunction {}

impl Hash for TimedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for TimedFunction {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let statement = Statement::of(&args.config_options);
        let Some(profile) = statement.running_profile() else { return self.inner.invoke_with_args(args) };
        let rows = args.number_rows;
        profile.time(
            &self.caller,
            || self.inner.invoke_with_args(args),
            |result| Batch {
                calls: 1,
                rows: rows as u64,
                nulls: nulls(result, rows),
                is_error: result.is_err(),
                ..Batch::default()
            },
        )
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        Some(ScalarUDF::from(Self { inner, caller: self.caller.clone() }))
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

//! One operation over arrays, without a statement around it: for benchmarks of the kernels as the engine calls them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

use super::arithmetic::Arithmetic;
use super::operation::{Kind, Operation};
use super::policy::Policy;
use super::site::Site;
use crate::engine::EngineError;

/// An arithmetic operation that raises, over operands of given types.
#[derive(Debug)]
pub struct CheckedOperation {
    function: ScalarUDF,
    fields: Vec<FieldRef>,
    result: FieldRef,
    config: Arc<ConfigOptions>,
}

impl CheckedOperation {
    /// `+ - * / %` or `div`; nothing for another operator, or for types that have to be cast first.
    pub fn new(operator: &str, left: &DataType, right: &DataType) -> Option<Self> {
        let operator = match operator {
            "+" => Arithmetic::Add,
            "-" => Arithmetic::Subtract,
            "*" => Arithmetic::Multiply,
            "/" => Arithmetic::Divide,
            "%" => Arithmetic::Remainder,
            "div" => Arithmetic::IntegerDivide,
            _ => return None,
        };
        let function = ScalarUDF::from(Operation::new(Kind::Arithmetic(operator), Site::nowhere(Policy::Raise)));
        let types = [left.clone(), right.clone()];
        if function.coerce_types(&types).ok()? != types {
            return None;
        }
        let fields: Vec<FieldRef> =
            types.into_iter().map(|data_type| Arc::new(Field::new("operand", data_type, true))).collect();
        let args = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &[None, None] };
        let result = function.return_field_from_args(args).ok()?;
        Some(Self { function, fields, result, config: Arc::default() })
    }

    /// The result for each row of two arrays of one length.
    pub fn evaluate(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef, EngineError> {
        let args = ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(Arc::clone(left)), ColumnarValue::Array(Arc::clone(right))],
            arg_fields: self.fields.clone(),
            number_rows: left.len(),
            return_field: Arc::clone(&self.result),
            config_options: Arc::clone(&self.config),
        };
        Ok(self.function.invoke_with_args(args)?.into_array(left.len())?)
    }
}

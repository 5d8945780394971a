//! [`PythonFunction`]: a function in Python as plans call it, a batch at a time.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::callable::{Callable, Patience};
use crate::engine::ansi::Site;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::engine) struct PythonFunction {
    callable: Callable,
    signature: Signature,
}

impl PythonFunction {
    pub(super) fn new(callable: Callable) -> Self {
        Self { signature: callable.definition.signature(), callable }
    }

    /// The function, if it is one in Python.
    pub(in crate::engine) fn of(function: &ScalarUDF) -> Option<&Self> {
        let implementation: &dyn Any = function.inner().as_ref();
        implementation.downcast_ref()
    }

    pub(in crate::engine) fn parameter_types(&self) -> Vec<DataType> {
        self.callable.definition.parameter_types()
    }

    /// Where it is called, if that is known.
    pub(in crate::engine) fn site(&self) -> Option<&Site> {
        self.callable.site()
    }

    /// The same, called at a site.
    pub(in crate::engine) fn at(&self, site: Site) -> ScalarUDF {
        ScalarUDF::from(Self { callable: self.callable.at(site), signature: self.signature.clone() })
    }
}

impl ScalarUDFImpl for PythonFunction {
    fn name(&self) -> &str {
        &self.callable.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.callable.definition.documentation)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.callable.return_type(arguments)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let definition = &self.callable.definition;
        if args.number_rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(definition.returns())));
        }
        let patience = Patience::of(&args.config_options);
        if !patience.statement.is_running() {
            return exec_err!("{} is not called while the statement is planned", definition.name);
        }
        let is_constant = definition.volatility != Volatility::Volatile
            && args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(Schema::new(definition.parameters().to_vec()));
        let count = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &count)?;
        let result = self.callable.ask("call", &batch, (Some(rows), definition.returns()), &patience)?;
        match is_constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }
}

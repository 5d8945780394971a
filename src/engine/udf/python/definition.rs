//! [`Definition`]: what `CREATE FUNCTION … LANGUAGE PYTHON` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::{CreateFunction, DocSection, Documentation, Expr, Signature, Volatility};
use serde_json::{Value, json};

use crate::engine::ansi::sql_type;
use crate::engine::udf::calls::signature;
use crate::engine::udf::functions::Language;

/// See the module.
#[derive(Debug)]
pub(super) struct Definition {
    /// Another for each definition: workers know functions by it, also those that were replaced.
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) volatility: Volatility,
    /// The parameters, under their names or none, and last the result.
    pub(super) columns: SchemaRef,
    kind: Language,
    code: String,
    /// What `SHOW FUNCTIONS` says of it.
    pub(super) documentation: Documentation,
}

impl Definition {
    pub(super) fn new(statement: CreateFunction, kind: Language) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = statement.name;
        let Some(Expr::Literal(ScalarValue::Utf8(Some(code)) | ScalarValue::Utf8View(Some(code)), _)) =
            statement.params.function_body
        else {
            return plan_err!("the function {name} has no body: write AS and its code between $$ and $$ at its end");
        };
        let Some(returns) = statement.return_type else {
            return plan_err!("the function {name} does not say what it returns: write RETURNS and a type");
        };
        let arguments = statement.args.unwrap_or_default();
        if arguments.iter().any(|argument| argument.default_expr.is_some()) {
            return not_impl_err!("parameters with defaults are not supported");
        }
        let parameters = arguments.iter().map(|argument| {
            let name = argument.name.as_ref().map_or("", |name| name.value.as_str());
            Field::new(name, plain(&argument.data_type), true)
        });
        let parameters: Vec<Field> = parameters.collect();
        let documentation = documentation(&name, &parameters);
        let result = Field::new("result", plain(&returns), true);
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            columns: Arc::new(Schema::new(parameters.into_iter().chain([result]).collect::<Vec<_>>())),
            volatility: statement.params.behavior.unwrap_or(Volatility::Immutable),
            name,
            kind,
            code,
            documentation,
        })
    }

    pub(super) fn parameters(&self) -> &[FieldRef] {
        self.columns.fields().split_last().map_or(&[], |(_, parameters)| parameters)
    }

    pub(super) fn parameter_types(&self) -> Vec<DataType> {
        self.parameters().iter().map(|field| field.data_type().clone()).collect()
    }

    /// What it takes, until arguments are cast.
    pub(super) fn signature(&self) -> Signature {
        signature(self.parameter_types(), self.volatility)
    }

    /// Why arguments of these types, of which there are as many as parameters, cannot be cast to the parameters' types.
    pub(super) fn mismatch(&self, arguments: &[DataType]) -> Option<String> {
        let wrong = |(argument, parameter): (&DataType, &FieldRef)| {
            let (given, taken) = (sql_type(argument), sql_type(parameter.data_type()));
            let message = format!("{} takes {taken} as {}, and not {given}", self.name, parameter.name());
            (!can_cast_types(argument, parameter.data_type())).then_some(message)
        };
        arguments.iter().zip(self.parameters()).find_map(wrong)
    }

    /// Whether one call is for a batch, and not for a row.
    pub(super) fn takes_batches(&self) -> bool {
        self.kind == Language::PythonVectorized
    }

    /// The word for its language.
    pub(super) fn language(&self) -> &'static str {
        if self.takes_batches() { "python_vectorized" } else { "python" }
    }

    /// The type of the result.
    pub(super) fn returns(&self) -> &DataType {
        self.columns.fields().last().map_or(&DataType::Null, |field| field.data_type())
    }

    /// What a worker is told of it.
    pub(super) fn header(&self) -> Value {
        let names: Vec<&str> = self.parameters().iter().map(|field| field.name().as_str()).collect();
        json!({
            "do": "define",
            "function": self.number,
            "name": self.name,
            "parameters": names,
            "returns": sql_type(self.returns()),
            "code": self.code,
            "vectorized": self.takes_batches(),
            "table": self.kind == Language::PythonTable,
        })
    }
}

fn documentation(function: &str, parameters: &[Field]) -> Documentation {
    let section = DocSection { include: false, label: "Functions of users", description: None };
    let words = |field: &Field| format!("{} {}", field.name(), sql_type(field.data_type())).trim_start().to_owned();
    let taken: Vec<String> = parameters.iter().map(words).collect();
    let form = format!("{function}({})", taken.join(", "));
    let documentation = Documentation::builder(section, "A function in Python.", form);
    let named = parameters.iter().fold(documentation, |documentation, field| {
        documentation.with_argument(field.name(), sql_type(field.data_type()))
    });
    named.build()
}

/// The type of the same values that Python's libraries know best: texts and bytes in one buffer, no dictionaries.
fn plain(data_type: &DataType) -> DataType {
    let inner = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_data_type(plain(field.data_type())));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain(values),
        DataType::List(field) | DataType::ListView(field) => DataType::List(inner(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(inner(field)),
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(inner(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(inner(entries), *is_sorted),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_plain_wherever_they_are() {
        let list = |of: DataType| DataType::List(Arc::new(Field::new("item", of, true)));
        let structure = |of: DataType| DataType::Struct(vec![Field::new("a", of, false)].into());
        for (given, expected) in [
            (DataType::Utf8View, DataType::Utf8),
            (DataType::Int64, DataType::Int64),
            (list(structure(DataType::BinaryView)), list(structure(DataType::Binary))),
            (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View)), DataType::Utf8),
        ] {
            assert_eq!(plain(&given), expected, "{given}");
        }
    }
}

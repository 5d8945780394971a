//! `RETURNS TABLE (a INT, b STRING)`, for which DataFusion's planner has no type: a structure of the columns takes its place, and the language says that
//! it was a table.

use datafusion::common::{Result, not_impl_err};
use datafusion::sql::sqlparser::ast::{
    CreateFunction, DataType, FunctionReturnType, Ident, StructBracketKind, StructField,
};

use super::functions::Language;

/// See the module. Other languages have no such type.
pub(super) fn bind_columns(create: &mut CreateFunction) -> Result<()> {
    let Some(FunctionReturnType::DataType(DataType::Table(Some(columns)))) = &mut create.return_type else {
        return Ok(());
    };
    let language = create.language.as_ref().map(|language| language.value.as_str());
    if Language::of(language) != Some(Language::Python) {
        return not_impl_err!("functions that return tables are supported in LANGUAGE PYTHON alone");
    }
    let fields = std::mem::take(columns).into_iter().map(|column| StructField {
        field_name: Some(column.name),
        field_type: column.data_type,
        options: None,
    });
    let structure = DataType::Struct(fields.collect(), StructBracketKind::AngleBrackets);
    create.return_type = Some(FunctionReturnType::DataType(structure));
    create.language = Some(Ident::new(Language::PYTHON_TABLE));
    Ok(())
}

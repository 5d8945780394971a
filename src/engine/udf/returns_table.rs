//! `RETURNS TABLE (a INT, b STRING)`, for which DataFusion's planner has no type: a structure of the columns takes its place, and the language says that
//! it was a table.

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    DataType, FunctionReturnType, Ident, Statement as AstStatement, StructBracketKind, StructField,
};

use super::functions::Language;

/// See the module. Other languages stay as they are, and are told that they have no such type.
pub(in crate::engine) fn bind_columns(statement: &mut SqlStatement) {
    let SqlStatement::Statement(inner) = statement else { return };
    let AstStatement::CreateFunction(create) = inner.as_mut() else { return };
    let language = create.language.as_ref().map(|language| language.value.as_str());
    if Language::of(language) != Some(Language::Python) {
        return;
    }
    if let Some(FunctionReturnType::DataType(DataType::Table(Some(columns)))) = &mut create.return_type {
        let fields = std::mem::take(columns).into_iter().map(|column| StructField {
            field_name: Some(column.name),
            field_type: column.data_type,
            options: None,
        });
        let structure = DataType::Struct(fields.collect(), StructBracketKind::AngleBrackets);
        create.return_type = Some(FunctionReturnType::DataType(structure));
        create.language = Some(Ident::new(Language::PYTHON_TABLE));
    }
}

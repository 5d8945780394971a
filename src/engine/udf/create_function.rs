//! What stands in a `CREATE FUNCTION` that DataFusion's planner would misread, made what it reads.

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{CreateFunction, Ident, Statement as AstStatement};

use super::returns_table::bind_columns;
use super::sql_function::bind_arguments;

/// Prepares a `CREATE FUNCTION` for the planner; other statements stay as they are.
pub(in crate::engine) fn prepare(statement: &mut SqlStatement) {
    let SqlStatement::Statement(inner) = statement else { return };
    let AstStatement::CreateFunction(create) = inner.as_mut() else { return };
    unquote_parameters(create);
    bind_arguments(create);
    bind_columns(create);
}

/// Takes the quotes off the names of parameters. sqlparser reads a name as a type first, as it may be one, and takes that as it is written for the
/// name: `"part"` with its quotes.
fn unquote_parameters(create: &mut CreateFunction) {
    for name in create.args.iter_mut().flatten().filter_map(|argument| argument.name.as_mut()) {
        let quoted = name.value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if let (None, Some(bare)) = (name.quote_style, quoted) {
            *name = Ident { value: bare.replace("\"\"", "\""), quote_style: Some('"'), span: name.span };
        }
    }
}

//! The names of parameters in `CREATE FUNCTION`. sqlparser reads a name as a type first, as it may be one, and takes that as it is written for the name:
//! `"part"` with its quotes.

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Ident, Statement as AstStatement};

/// Takes the quotes off, so that `"part"` is the name `part`.
pub(in crate::engine) fn unquote_parameters(statement: &mut SqlStatement) {
    let SqlStatement::Statement(inner) = statement else { return };
    let AstStatement::CreateFunction(create) = inner.as_mut() else { return };
    for name in create.args.iter_mut().flatten().filter_map(|argument| argument.name.as_mut()) {
        let quoted = name.value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if let (None, Some(bare)) = (name.quote_style, quoted) {
            *name = Ident { value: bare.replace("\"\"", "\""), quote_style: Some('"'), span: name.span };
        }
    }
}

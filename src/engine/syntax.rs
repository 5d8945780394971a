//! Walks over parsed SQL.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, Ident, ObjectNamePart, TableFactor, TableFunctionArgs, VisitMut, VisitorMut,
};

/// Gives each expression, before those within it, to a function that may put another one in its place.
///
/// A visitor of sqlparser's is generic, and has code for the whole grammar compiled for each type that visits (0.6 MB, a
/// twentieth of this crate): there is one type for all here.
pub(super) fn each_expression(node: &mut impl VisitMut, change: &mut dyn FnMut(&mut Expr)) {
    let _: ControlFlow<()> = node.visit(&mut Each { expression: change, table_call: &mut |_, _| {} });
}

/// As [`each_expression`], for the name and the arguments of each table function that a statement calls.
pub(super) fn each_table_call(statement: &mut SqlStatement, change: &mut dyn FnMut(&mut Ident, &mut Vec<FunctionArg>)) {
    let mut each = Each { expression: &mut |_| {}, table_call: change };
    let _: ControlFlow<()> = match statement {
        SqlStatement::Statement(inner) => inner.visit(&mut each),
        SqlStatement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) => query.visit(&mut each),
        SqlStatement::Explain(explain) => return each_table_call(&mut explain.statement, change),
        _ => return,
    };
}

struct Each<'a> {
    expression: &'a mut dyn FnMut(&mut Expr),
    table_call: &'a mut dyn FnMut(&mut Ident, &mut Vec<FunctionArg>),
}

impl VisitorMut for Each<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        (self.expression)(expr);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(TableFunctionArgs { args, .. }), .. } = table
            && let [ObjectNamePart::Identifier(name)] = name.0.as_mut_slice()
        {
            (self.table_call)(name, args);
        }
        ControlFlow::Continue(())
    }
}

//! Walks over parsed SQL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, VisitMut, VisitorMut};

/// Gives each expression, before those within it, to a function that may put another one in its place.
///
/// A visitor of sqlparser's is generic, and has code for the whole grammar compiled for each type that visits (0.6 MB, a
/// twentieth of this crate): there is one type for all here.
pub(super) fn each_expression(node: &mut impl VisitMut, change: &mut dyn FnMut(&mut Expr)) {
    let _: ControlFlow<()> = node.visit(&mut Each(change));
}

struct Each<'a>(&'a mut dyn FnMut(&mut Expr));

impl VisitorMut for Each<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        (self.0)(expr);
        ControlFlow::Continue(())
    }
}

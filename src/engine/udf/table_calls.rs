//! Calls of table functions: their names are found as other names are, and those in Python, and all that are profiled, know where they are called.
//!
//! ```text
//!   select * from Letters('abc')          written
//!                 letters('abc', ‹n›)     planned: a last argument, which has no value but a place
//! ```
//!
//! DataFusion's planner takes such a name as it is written, quotes and capitals included, and hands the function its arguments, and nothing of the text.

use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, Ident};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::python::is_python_table;
use super::timed::TimedTableFunction;
use crate::engine::ansi::{Mark, Marks, Site};
use crate::engine::dialect::SqlDialect;
use crate::engine::syntax::each_table_call;

/// The marks of a statement whose calls are to know where they stand.
pub(in crate::engine) struct CallMarks<'a> {
    pub(in crate::engine) marks: &'a mut Vec<Mark>,
    pub(in crate::engine) text: &'a str,
    /// Calls of all table functions do, and not of those in Python alone.
    pub(in crate::engine) is_timed: bool,
}

/// Makes the names of table functions in a statement those that the functions have: what is not quoted is read in small letters. Where there are marks,
/// calls of functions get a last argument that says where they stand, and the marks that of this argument.
pub(in crate::engine) fn prepare_table_calls(
    statement: &mut SqlStatement,
    state: &SessionState,
    mut places: Option<CallMarks<'_>>,
) {
    let is_lowered = state.config_options().sql_parser.enable_ident_normalization;
    let mut tokens = None;
    each_table_call(statement, &mut |name, arguments| {
        let value = match name.quote_style {
            None if is_lowered => name.value.to_lowercase(),
            _ => name.value.clone(),
        };
        let Some(function) = state.table_functions().get(&value) else { return };
        *name = Ident { value, quote_style: None, span: name.span };
        let Some(CallMarks { marks, text, is_timed }) = &mut places else { return };
        if is_python_table(function) || *is_timed && TimedTableFunction::is(function) {
            let tokens = tokens.get_or_insert_with(|| {
                // It was read before.
                Tokenizer::new(&SqlDialect::default(), text).tokenize_with_location().unwrap_or_default()
            });
            let place = Marks::add_table_call(marks, call_span(tokens, name.span));
            arguments.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(place)));
        }
    });
}

/// From a function's name to the bracket that ends its arguments.
fn call_span(tokens: &[TokenWithSpan], name: Span) -> Span {
    let from_name = tokens.iter().skip_while(|token| token.span.start != name.start).skip(1);
    let mut depth = 0;
    for token in from_name {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 && token.token == Token::RParen {
            return Span { start: name.start, end: token.span.end };
        }
    }
    name
}

/// The last argument of a call at a site.
pub(in crate::engine) fn table_call(site: Site) -> Expr {
    let signature = Signature::nullary(Volatility::Immutable);
    ScalarUDF::from(CallSite { site, signature }).call(Vec::new())
}

/// Where a table function is called, if that is known, and its arguments.
pub(super) fn split_site(arguments: &[Expr]) -> (Option<&Site>, &[Expr]) {
    if let [arguments @ .., Expr::ScalarFunction(last)] = arguments
        && let Some(CallSite { site, .. }) = last.func.inner().downcast_ref()
    {
        return (Some(site), arguments);
    }
    (None, arguments)
}

/// A site as an expression, which nobody evaluates.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CallSite {
    site: Site,
    signature: Signature,
}

impl ScalarUDFImpl for CallSite {
    fn name(&self) -> &str {
        "call_site"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a site has no value")
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::engine::ansi::Place;
    use crate::engine::test_support::engine;

    async fn check_name(semantics: &str, call: &str, is_found: bool) {
        let engine = engine("default", &[semantics]).await;
        engine.run("create table t (x bigint) as select 7").await.expect("is created");
        for sql in [
            format!("select count(*) from {call}"),
            format!("explain select x from (select 1 as x) t where x in (select value from {call} u)"),
            format!("insert into t select value from {call}"),
            format!("create table u as with c as (select * from {call}) select * from c"),
            format!("create view v as select * from {call}"),
        ] {
            let result = engine.run(&sql).await;
            assert_eq!(result.is_ok(), is_found, "{semantics}: {sql}: {result:?}");
        }
    }

    #[tokio::test]
    async fn names_are_found_as_those_of_tables_are() {
        for semantics in ["engine.sql.semantics=spark", "engine.sql.semantics=datafusion"] {
            for call in ["generate_series(1, 3)", "Generate_Series(1, 3)", "\"generate_series\"(1, 3)"] {
                check_name(semantics, call, true).await;
            }
            for call in ["\"Generate_Series\"(1, 3)", "generate_serie(1, 3)", "a.generate_series(1, 3)"] {
                check_name(semantics, call, false).await;
            }
        }
        check_name("datafusion.sql_parser.enable_ident_normalization=false", "Generate_Series(1, 3)", false).await;
    }

    #[tokio::test]
    async fn views_are_shown_as_they_were_written() {
        for sets in [&[][..], &["engine.udf.profile=true"]] {
            let engine = engine("default", sets).await;
            engine.run("create view v as select value from Generate_Series(1, 3)").await.expect("is created");
            let shown = engine.run("select definition from information_schema.views").await.expect("is shown");
            let shown = array_value_to_string(shown[0].column(0), 0).expect("a text");
            assert_eq!(shown, "CREATE VIEW v AS SELECT value FROM Generate_Series(1, 3)");
        }
    }

    fn check_span(text: &str, expected: &str) {
        let tokens = Tokenizer::new(&SqlDialect::default(), text).tokenize_with_location().expect("is SQL");
        let name = tokens.iter().find(|token| matches!(&token.token, Token::Word(word) if word.value == "f"));
        let span = call_span(&tokens, name.expect("is called").span);
        assert_eq!(Place::of_span(&text.into(), span).fragment(), expected, "{text}");
    }

    #[test]
    fn a_call_ends_with_its_own_bracket() {
        check_span("select * from f()", "f()");
        check_span("select * from f ( 'é)', (1 + (2)) -- )\n ) as t (x)", "f ( 'é)', (1 + (2)) -- )\n )");
        check_span("(select * from\n f(g(1), h())) union all (select 1)", "f(g(1), h())");
    }
}

//! SQL functions: `CREATE FUNCTION share(part double, whole double) RETURNS double RETURN part / whole`.
//!
//! ```text
//!   before   share(a, b + 1)        after   cast(a) / cast(b + 1)
//! ```
//!
//! A function is its body. The analyzer's first rule puts it in the place of each call, with the arguments in the places of the
//! parameters, each cast to its parameter's type, and the whole cast to the type after RETURNS. From there on it is an
//! expression like any other: types are coerced, constants folded, filters pushed down. An operation that fails in it points
//! into the text of the function, where it was written.
//!
//! An argument that the body uses twice is in it twice; the optimizer computes it once.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, internal_err, not_impl_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, CreateFunction, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::sql::sqlparser::ast::{
    CreateFunction as AstCreateFunction, CreateFunctionBody, Expr as AstExpr, Value,
};
use std::any::Any;
use std::collections::HashMap;

use super::calls::{cast, placed, signature};
use super::functions::Language;
use crate::engine::syntax::each_expression;

/// A function whose body is an expression over its parameters `$1`, `$2`, ….
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SqlFunction {
    name: String,
    parameters: Vec<DataType>,
    returns: DataType,
    body: Expr,
    signature: Signature,
}

impl SqlFunction {
    /// The function of a `CREATE FUNCTION`.
    pub(super) fn new(statement: CreateFunction) -> Result<Self> {
        let name = statement.name;
        let Some(body) = statement.params.function_body else {
            return plan_err!("the function {name} has no body: write RETURN and an expression at its end");
        };
        let arguments = statement.args.unwrap_or_default();
        if arguments.iter().any(|argument| argument.default_expr.is_some()) {
            return not_impl_err!("parameters with defaults are not supported");
        }
        let parameters: Vec<DataType> = arguments.into_iter().map(|argument| argument.data_type).collect();
        let body = placed(body)?.data;
        let returns = match statement.return_type {
            Some(data_type) => data_type,
            None => body.get_type(&DFSchema::empty())?,
        };
        let volatility = statement.params.behavior.unwrap_or(Volatility::Immutable);
        let signature = signature(parameters.clone(), volatility);
        Ok(Self { name, parameters, returns, body, signature })
    }

    pub(super) fn of(function: &ScalarUDF) -> Option<&Self> {
        let implementation: &dyn Any = function.inner().as_ref();
        implementation.downcast_ref::<Self>()
    }

    /// The body with these arguments.
    pub(super) fn inlined(&self, arguments: &[Expr]) -> Result<Expr> {
        let argument = |name: &str| {
            let position: usize = name.strip_prefix('$')?.parse().ok()?;
            let position = position.checked_sub(1)?;
            Some((arguments.get(position)?, self.parameters.get(position)?))
        };
        let body = self.body.clone().transform_up(|expr| match &expr {
            Expr::Placeholder(parameter) => match argument(&parameter.id) {
                Some((argument, data_type)) => Ok(Transformed::yes(cast(argument.clone(), data_type))),
                None => plan_err!("{} has no parameter {}", self.name, parameter.id),
            },
            _ => Ok(Transformed::no(expr)),
        })?;
        Ok(cast(body.data, &self.returns))
    }
}

impl ScalarUDFImpl for SqlFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("the body of {} was not put in its place", self.name)
    }
}

/// Replaces the names of parameters in the body of a `CREATE FUNCTION` in SQL by `$1`, `$2`, …, which is how DataFusion knows them.
pub(super) fn bind_arguments(create: &mut AstCreateFunction) {
    let language = create.language.as_ref().map(|language| language.value.as_str());
    if Language::of(language) != Some(Language::Sql) {
        return;
    }
    let mut positions = HashMap::new();
    for (position, argument) in create.args.iter_mut().flatten().enumerate() {
        if let Some(name) = argument.name.take() {
            positions.insert(name.value.to_lowercase(), position + 1);
        }
    }
    let body = match &mut create.function_body {
        Some(
            CreateFunctionBody::Return(body)
            | CreateFunctionBody::AsAfterOptions(body)
            | CreateFunctionBody::AsBeforeOptions { body, .. },
        ) => body,
        _ => return,
    };
    each_expression(body, &mut |expr| {
        if let AstExpr::Identifier(name) = expr
            && let Some(position) = positions.get(&name.value.to_lowercase())
        {
            *expr = AstExpr::Value(Value::Placeholder(format!("${position}")).with_span(name.span));
        }
    });
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;

    use crate::engine::{Engine, EngineLimits, Profile, Settings};

    async fn engine() -> Engine {
        let settings = Settings::resolve(&Profile::find("default").expect("built in"), [], &[]).expect("resolves");
        let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
        Engine::new(settings, &limits).await.expect("an engine")
    }

    /// Creates functions, and looks at the last value of a query's first row, or at its error.
    async fn check(functions: &[&str], sql: &str, expected: Result<&str, &str>) {
        let engine = engine().await;
        for function in functions {
            engine.run(function).await.unwrap_or_else(|error| panic!("{function}: {error}"));
        }
        match (engine.run(sql).await, expected) {
            (Ok(rows), Ok(expected)) => {
                let shown = pretty_format_batches(&rows).expect("shown").to_string();
                assert!(shown.contains(&format!(" {expected} ")), "{sql}: {shown}");
            }
            (Err(error), Err(expected)) => {
                let error = error.to_string();
                assert!(error.contains(expected), "{sql}: {error}");
            }
            (found, expected) => panic!("{sql}: {found:?}, not {expected:?}"),
        }
    }

    const SHARE: &str = "create function share(part double, whole double) returns double return part / whole";

    #[tokio::test]
    async fn calls_become_their_bodies() {
        check(&[SHARE], "select share(1, 4)", Ok("0.25")).await;
        check(&[SHARE], "select x from (values (8)) t (x) where share(x, 2) = 4", Ok("8")).await;
        check(&[SHARE, "create function half(x int) return share(x, 2)"], "select half(3)", Ok("1.5")).await;
        check(&["create function half(\"x\" int) return \"x\" / 2"], "select half(3)", Ok("1.5")).await;
        check(&["create function seven() returns int return 7"], "select seven() + 1", Ok("8")).await;
        check(&["create function twice(int) returns int return $1 + $1"], "select twice(4)", Ok("8")).await;
        check(&[SHARE, "create or replace function share(x int) return x"], "select share(3)", Ok("3")).await;
    }

    #[tokio::test]
    async fn errors_point_into_the_function() {
        check(&[SHARE], "select 1, share(1, 0)", Err("position 72) ==\ncreate function share(")).await;
        check(&[SHARE], "select share(1)", Err("share")).await;
        check(&[], "create function f(x int) return y", Err("y")).await;
        check(&[SHARE], SHARE, Err("CREATE OR REPLACE")).await;
        check(&[], "create function f(x int) language python as 'x'", Err("write RETURNS and a type")).await;
        let python = "create function f(x int) returns int language python as 'return x'";
        check(&[], python, Err("--set engine.udf.python.enabled=true")).await;
        check(&[], "create function f(x int) returns int language java as 'x'", Err("PYTHON_VECTORIZED")).await;
    }
}

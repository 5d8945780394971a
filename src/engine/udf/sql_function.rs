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

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, internal_err, not_impl_err, plan_err};
use datafusion::execution::context::{FunctionFactory, RegisterFunction, SessionState};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Cast, ColumnarValue, CreateFunction, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{CreateFunctionBody, Expr as AstExpr, Statement as AstStatement, Value};

use crate::engine::syntax::each_expression;

/// A function whose body is an expression over its parameters `$1`, `$2`, ….
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct SqlFunction {
    name: String,
    parameters: Vec<DataType>,
    returns: DataType,
    body: Expr,
    signature: Signature,
}

impl SqlFunction {
    fn of(function: &ScalarUDF) -> Option<&Self> {
        let implementation: &dyn Any = function.inner().as_ref();
        implementation.downcast_ref::<Self>()
    }

    /// The body with these arguments.
    fn inlined(&self, arguments: &[Expr]) -> Result<Expr> {
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

fn cast(expr: Expr, data_type: &DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), data_type.clone()))
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

/// Makes functions of `CREATE FUNCTION`.
#[derive(Debug)]
pub(in crate::engine) struct SqlFunctions;

#[async_trait]
impl FunctionFactory for SqlFunctions {
    async fn create(&self, state: &SessionState, statement: CreateFunction) -> Result<RegisterFunction> {
        let name = statement.name;
        if let Some(language) = statement.params.language.filter(|language| !language.value.eq_ignore_ascii_case("sql"))
        {
            return not_impl_err!("functions in the language {language} are not supported: write the body in SQL");
        }
        let Some(body) = statement.params.function_body else {
            return plan_err!("the function {name} has no body: write RETURN and an expression at its end");
        };
        if !statement.or_replace && state.scalar_functions().contains_key(&name) {
            return plan_err!("there is a function {name} already: replace it with CREATE OR REPLACE FUNCTION");
        }
        let arguments = statement.args.unwrap_or_default();
        if arguments.iter().any(|argument| argument.default_expr.is_some()) {
            return not_impl_err!("parameters with defaults are not supported");
        }
        let parameters: Vec<DataType> = arguments.into_iter().map(|argument| argument.data_type).collect();
        let body = inline(body)?.data;
        let returns = match statement.return_type {
            Some(data_type) => data_type,
            None => body.get_type(&DFSchema::empty())?,
        };
        let volatility = statement.params.behavior.unwrap_or(Volatility::Immutable);
        let signature = match parameters.is_empty() {
            true => Signature::nullary(volatility),
            // Any arguments: each is cast to its parameter's type when the body takes the call's place.
            false => Signature::any(parameters.len(), volatility),
        };
        let function = SqlFunction { name, parameters, returns, body, signature };
        Ok(RegisterFunction::Scalar(Arc::new(ScalarUDF::from(function))))
    }
}

/// The analyzer's first rule, before types are coerced.
#[derive(Debug)]
pub(in crate::engine) struct InlineSqlFunctions;

impl AnalyzerRule for InlineSqlFunctions {
    fn name(&self) -> &str {
        "inline_sql_functions"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                // Most statements call none, and a name is a text that has to be made.
                if !calls_one(&expr)? {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                Ok(inline(expr)?.update_data(|expr| name.restore(expr)))
            })?;
            if plan.transformed { plan.map_data(LogicalPlan::recompute_schema) } else { Ok(plan) }
        })?;
        Ok(plan.data)
    }
}

fn calls_one(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| Ok(matches!(expr, Expr::ScalarFunction(call) if SqlFunction::of(&call.func).is_some())))
}

fn inline(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match &expr {
        Expr::ScalarFunction(call) => match SqlFunction::of(&call.func) {
            Some(function) => Ok(Transformed::yes(function.inlined(&call.args)?)),
            None => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    })
}

/// Replaces the names of parameters in the body of a `CREATE FUNCTION` by `$1`, `$2`, …, which is how DataFusion knows them.
pub(in crate::engine) fn bind_arguments(statement: &mut SqlStatement) {
    let SqlStatement::Statement(inner) = statement else { return };
    let AstStatement::CreateFunction(create) = inner.as_mut() else { return };
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
        check(&[], "create function f(x int) language python as 'x'", Err("python")).await;
    }
}

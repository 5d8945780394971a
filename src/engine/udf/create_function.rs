//! What stands in a `CREATE FUNCTION` or a `DROP FUNCTION` that DataFusion's planner would misread, made what it reads; what it would pass over is refused.

use datafusion::common::{Result, not_impl_err};
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    CreateFunction, FunctionCalledOnNull, Ident, ObjectName, ObjectNamePart, Statement as AstStatement,
};

use super::returns_table::bind_columns;
use super::sql_function::bind_arguments;

/// Prepares a `CREATE FUNCTION` or a `DROP FUNCTION` for the planner; other statements stay as they are.
pub(in crate::engine) fn prepare(statement: &mut SqlStatement) -> Result<()> {
    let SqlStatement::Statement(inner) = statement else { return Ok(()) };
    match inner.as_mut() {
        AstStatement::CreateFunction(create) => {
            find_name(&mut create.name);
            unquote_parameters(create);
            bind_arguments(create);
            bind_columns(create)?;
            check_clauses(create)?;
        }
        AstStatement::DropFunction(drop) => {
            drop.func_desc.iter_mut().for_each(|function| find_name(&mut function.name));
        }
        _ => {}
    }
    Ok(())
}

/// Clauses that say what a function gives, of which the planner takes no notice.
fn check_clauses(create: &CreateFunction) -> Result<()> {
    use FunctionCalledOnNull::{CalledOnNullInput, ReturnsNullOnNullInput, Strict};
    match (&create.called_on_null, &create.set_params[..]) {
        (Some(Strict | ReturnsNullOnNullInput), _) => {
            not_impl_err!(
                "functions that are not called on NULL are not supported: return NULL for NULL in the function"
            )
        }
        (_, [set, ..]) => not_impl_err!("settings for a function are not supported: {set}"),
        (None | Some(CalledOnNullInput), []) => Ok(()),
    }
}

/// The planner takes a function's name here as it is written, and in small letters where it is called without quotes, whatever the setting for names says.
fn find_name(name: &mut ObjectName) {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(ident @ Ident { quote_style: None, .. }) = part {
            ident.value = ident.value.to_lowercase();
        }
    }
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

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use crate::engine::test_support::engine;

    /// The result of the last statement, or the first line of its error.
    async fn check(sets: &[&str], statements: &[&str], expected: &str) {
        let engine = engine("default", sets).await;
        let mut found = String::new();
        for statement in statements {
            found = match engine.run(statement).await {
                Ok(rows) if rows.is_empty() => String::new(),
                Ok(rows) => array_value_to_string(rows[0].column(0), 0).expect("a value"),
                Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
            };
        }
        assert_eq!(found, expected, "{statements:?}");
    }

    #[tokio::test]
    async fn what_would_be_passed_over_is_refused() {
        let refused = "[UNSUPPORTED_FEATURE] functions that are not called on NULL are not supported: return NULL for NULL in the function.";
        check(&[], &["create function half(x double) returns double strict return x / 2"], refused).await;
        check(&[], &["create function half(x double) returns double returns null on null input return x / 2"], refused)
            .await;
        let called = "create function half(x double) returns double called on null input return x / 2";
        check(&[], &[called, "select half(3)"], "1.5").await;
    }

    #[tokio::test]
    async fn names_are_read_as_other_names_are() {
        let half = "create function Half(X double) returns double return x / 2";
        check(&[], &[half, "select HALF(3)"], "1.5").await;
        check(&[], &[half, "select \"half\"(3)"], "1.5").await;
        check(
            &[],
            &[half, "drop function hALF", "select half(3)"],
            "[UNRESOLVED_ROUTINE] there is no function `half`.",
        )
        .await;
        let quoted = "create function \"Half\"(x double) returns double return x / 2";
        check(&[], &[quoted, "select \"Half\"(3)"], "1.5").await;
        check(
            &[],
            &[quoted, "drop function half"],
            "[UNRESOLVED_ROUTINE] there is no function `half`. Did you mean `Half`?",
        )
        .await;
        check(&["datafusion.sql_parser.enable_ident_normalization=false"], &[half, "select Half(3)"], "1.5").await;
        check(&[], &["drop function if exists half", "select 1"], "1").await;
    }
}

//! The one SQL dialect of the program: sqlparser's generic one, from a single place.
//!
//! All SQL is read through here, so that syntax of our own (`div`) has one place to go, and so that operations can be marked with
//! their places while they are read: the parser asks its dialect before it reads an operand or an operator.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::ansi::{MarkedFunctions, Marks};

/// DataFusion's generic dialect under our name.
#[derive(Debug, Default)]
pub(super) struct SqlDialect {
    generic: GenericDialect,
    /// Where operations stand in the text; nothing if nobody wants to know.
    marks: Option<Marks>,
}

impl SqlDialect {
    /// The dialect that marks operations with their places, and calls of functions that may be users'; and reads `div`.
    pub(super) fn with_marks(functions: MarkedFunctions) -> Self {
        Self { generic: GenericDialect, marks: Some(Marks::new(functions)) }
    }

    /// The marks of what was read.
    pub(super) fn marks(&self) -> Option<&Marks> {
        self.marks.as_ref()
    }
}

macro_rules! as_generic {
    ($($method:ident),* $(,)?) => {
        $(fn $method(&self) -> bool { self.generic.$method() })*
    };
}

impl Dialect for SqlDialect {
    /// The parser asks some questions by the dialect's type; to those we are the generic one.
    fn dialect(&self) -> TypeId {
        self.generic.dialect()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.generic.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.generic.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.generic.is_delimited_identifier_start(ch)
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.marks.as_ref()?.operand(parser)
    }

    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        self.marks.as_ref()?.operator(parser, left, precedence)
    }

    as_generic! {
        supports_unicode_string_literal, supports_partition_by_after_order_by, supports_array_join_syntax,
        supports_group_by_expr, supports_group_by_with_modifier, supports_left_associative_joins_without_parens,
        supports_connect_by, supports_match_recognize, supports_pipe_operator, supports_start_transaction_modifier,
        supports_window_function_null_treatment_arg, supports_dictionary_syntax,
        supports_window_clause_named_window_reference, supports_parenthesized_set_variables,
        supports_select_wildcard_except, support_map_literal_syntax, allow_extract_custom,
        allow_extract_single_quotes, supports_extract_comma_syntax, supports_create_view_comment_syntax,
        supports_parens_around_table_factor, supports_values_as_table_factor, supports_create_index_with_clause,
        supports_explain_with_utility_options, supports_limit_comma, supports_update_order_by,
        supports_from_first_select, supports_projection_trailing_commas, supports_asc_desc_in_column_definition,
        supports_try_convert, supports_bitwise_shift_operators, supports_comment_on, supports_load_extension,
        supports_named_fn_args_with_assignment_operator, supports_struct_literal, supports_empty_projections,
        supports_nested_comments, supports_multiline_comment_hints, supports_user_host_grantee,
        supports_string_escape_constant, supports_array_typedef_with_brackets, supports_match_against,
        supports_set_names, supports_comma_separated_set_assignments, supports_filter_during_aggregation,
        supports_select_wildcard_exclude, supports_data_type_signed_suffix, supports_interval_options,
        supports_quote_delimited_string, supports_select_wildcard_replace, supports_select_wildcard_ilike,
        supports_select_wildcard_rename, supports_optimize_table, supports_install, supports_detach,
        supports_prewhere, supports_with_fill, supports_limit_by, supports_interpolate, supports_settings,
        supports_select_format, supports_comment_optimizer_hint, supports_constraint_keyword_without_name,
        supports_key_column_option, supports_comma_separated_trim, supports_cte_without_as,
        supports_select_item_multi_column_alias, supports_xml_expressions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::parser::Parser;

    #[track_caller]
    fn check(sql: &str) {
        let ours = Parser::parse_sql(&SqlDialect::default(), sql).map(|s| format!("{s:?}"));
        let generic = Parser::parse_sql(&GenericDialect, sql).map(|s| format!("{s:?}"));
        assert_eq!(ours, generic, "{sql}");
    }

    #[test]
    fn reads_as_the_generic_dialect_does() {
        check("select a, sum(b) filter (where c > 1) from t group by rollup (a) order by 1 nulls first limit 3");
        check("select `a`, \"b\", {'x': 1}, map {'k': 2}, [1, 2][1], a::int from t t1 (x, y)");
        check("select * exclude (a) from t qualify row_number() over (partition by b) = 1");
        check("select /* a /* nested */ comment */ e'\\n', u&'x', extract(day from d), trim(both 'x' from s)");
        check("select 1 +"); // an error, the same one
    }
}

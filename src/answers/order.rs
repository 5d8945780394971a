//! What a statement's text fixes of its answer: sort keys and `LIMIT`.
//!
//! In: the SQL text of one query. Out: a [`SqlShape`]. Only the outermost query counts: what stands
//! in a subquery or a common table expression fixes nothing of the order of the answer.
//!
//! A sort key can be checked when it can be computed from the output columns. Three forms can: an
//! output column, the difference of two, and `case when <column> = <literal> then <column> end`.
//! The first key of another form ends the keys, since the order within it is unknown.

use std::collections::HashMap;

use sqlparser::ast::{
    BinaryOperator, Cte, Expr, LimitClause, OrderByExpr, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

/// What the outermost query of a statement fixes of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlShape {
    /// The sort keys, up to the first one that the output columns do not give.
    pub keys: Vec<SortKey>,
    /// Whether `keys` is the whole `ORDER BY`.
    pub keys_complete: bool,
    /// The outermost `LIMIT`.
    pub limit: Option<u64>,
    /// The text without its outermost `LIMIT`; `None` when it has none.
    pub unlimited_sql: Option<String>,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// How to get the key's value from a row of the answer.
    pub value: KeyValue,
    /// Largest first.
    pub descending: bool,
    /// NULL before everything else. Without `NULLS …` in the text it is the default of DataFusion
    /// and PostgreSQL: last when ascending, first when descending.
    pub nulls_first: bool,
    /// The key as the text has it, for messages.
    pub sql: String,
}

/// A sort key's value, in terms of output columns, which are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// An output column.
    Column(usize),
    /// The difference of two output columns.
    Difference {
        /// What is subtracted from.
        left: usize,
        /// What is subtracted.
        right: usize,
    },
    /// `case when <column> = <equals> then <then> end`.
    Case {
        /// The column that is compared.
        column: usize,
        /// What it is compared with.
        equals: KeyLiteral,
        /// The key's value where it is equal; NULL elsewhere.
        then: usize,
    },
}

/// A literal of a `case` sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLiteral {
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
}

/// Why a statement's shape cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// It is no SQL.
    #[error("the statement cannot be parsed: {reason}")]
    Parse {
        /// What the parser says.
        reason: String,
    },
    /// It is not one query.
    #[error("the text must be one query, but it has {statement_count} statements or is none")]
    NotOneQuery {
        /// How many statements the text has.
        statement_count: usize,
    },
    /// It cuts its answer in a way that cannot be checked.
    #[error("the outermost query has {clause}; only `LIMIT <whole number>` at its end can be checked")]
    UnsupportedLimit {
        /// The clause.
        clause: String,
    },
}

impl SqlShape {
    /// Reads the shape from the text of one query.
    pub fn parse(sql: &str) -> Result<Self, ShapeError> {
        let query = parse_query(sql)?;
        let limit = limit_of(&query)?;
        let unlimited_sql = match limit {
            Some(_) => Some(cut_limit(sql, &query)?),
            None => None,
        };
        let (keys, keys_complete) = sort_keys(&query);
        Ok(Self { keys, keys_complete, limit, unlimited_sql })
    }
}

fn parse_query(sql: &str) -> Result<Query, ShapeError> {
    let mut statements =
        Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| ShapeError::Parse { reason: error.to_string() })?;
    let statement_count = statements.len();
    match (statements.pop(), statement_count) {
        (Some(Statement::Query(query)), 1) => Ok(*query),
        _ => Err(ShapeError::NotOneQuery { statement_count }),
    }
}

fn limit_of(query: &Query) -> Result<Option<u64>, ShapeError> {
    let unsupported = |clause: String| Err(ShapeError::UnsupportedLimit { clause });
    if let Some(fetch) = &query.fetch {
        return unsupported(fetch.to_string());
    }
    if let SetExpr::Query(inner) = query.body.as_ref()
        && (inner.limit_clause.is_some() || inner.fetch.is_some())
    {
        return unsupported("a LIMIT in parentheses".to_owned());
    }
    match &query.limit_clause {
        None => Ok(None),
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by }) if limit_by.is_empty() => {
            match number(limit) {
                Some(count) => Ok(Some(count)),
                None => unsupported(format!("LIMIT {limit}")),
            }
        }
        Some(clause) => unsupported(clause.to_string().trim().to_owned()),
    }
}

fn number<N: std::str::FromStr>(expr: &Expr) -> Option<N> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The text up to its outermost `LIMIT`. The text itself is kept, rather than written anew from the
/// parsed query, so that the oracle answers our statement and not a parser's notion of it.
fn cut_limit(sql: &str, query: &Query) -> Result<String, ShapeError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| ShapeError::Parse { reason: error.to_string() })?;
    let mut depth = 0_usize;
    let mut limit_at = None;
    for token in &tokens {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 && word.keyword == Keyword::LIMIT => {
                limit_at = Some(token.span.start);
            }
            _ => {}
        }
    }
    let unlimited = limit_at.map(|at| sql[..byte_offset(sql, at)].trim_end().to_owned());
    // A column or table could be called "limit": the cut is good only if it took away nothing else.
    let mut without_limit = query.clone();
    without_limit.limit_clause = None;
    match unlimited {
        Some(unlimited) if parse_query(&unlimited)? == without_limit => Ok(unlimited),
        _ => Err(ShapeError::UnsupportedLimit { clause: "a LIMIT that is not its last clause".to_owned() }),
    }
}

/// Lines and columns are counted from 1, columns in characters.
fn byte_offset(sql: &str, location: Location) -> usize {
    let mut line = 1;
    let mut column = 1;
    for (offset, character) in sql.char_indices() {
        if (line, column) == (location.line, location.column) {
            return offset;
        }
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    sql.len()
}

/// One output column, by the ways in which `ORDER BY` can refer to it.
#[derive(Debug, Clone)]
struct Output {
    /// Its name in the answer: the alias, or the last part of the column that it is.
    name: Option<String>,
    /// The expression, in lower case; none for a column of a wildcard.
    expr: Option<String>,
    /// The table that a wildcard took it from.
    relation: Option<String>,
}

/// Column names of the common table expressions that are visible.
type Scope = HashMap<String, Option<Vec<String>>>;

fn sort_keys(query: &Query) -> (Vec<SortKey>, bool) {
    let order_by = match query.order_by.as_ref().map(|order_by| &order_by.kind) {
        None => return (Vec::new(), true),
        Some(OrderByKind::All(_)) => return (Vec::new(), false),
        Some(OrderByKind::Expressions(order_by)) => order_by,
    };
    let Some(outputs) = query_outputs(query, &Scope::new()) else {
        return (Vec::new(), false);
    };
    let keys: Vec<SortKey> = order_by.iter().map_while(|item| sort_key(item, &outputs)).collect();
    let keys_complete = keys.len() == order_by.len();
    (keys, keys_complete)
}

fn sort_key(item: &OrderByExpr, outputs: &[Output]) -> Option<SortKey> {
    let descending = item.options.asc == Some(false);
    Some(SortKey {
        value: key_value(&item.expr, outputs)?,
        descending,
        nulls_first: item.options.nulls_first.unwrap_or(descending),
        sql: item.expr.to_string(),
    })
}

fn key_value(expr: &Expr, outputs: &[Output]) -> Option<KeyValue> {
    if let Some(position) = number::<usize>(expr) {
        let column = position.checked_sub(1)?;
        return (column < outputs.len()).then_some(KeyValue::Column(column));
    }
    if let Some(column) = output_column(expr, outputs) {
        return Some(KeyValue::Column(column));
    }
    match expr {
        Expr::Nested(inner) => key_value(inner, outputs),
        Expr::BinaryOp { left, op: BinaryOperator::Minus, right } => {
            Some(KeyValue::Difference { left: output_column(left, outputs)?, right: output_column(right, outputs)? })
        }
        Expr::Case { operand: None, conditions, else_result: None, .. } => {
            let [branch] = conditions.as_slice() else { return None };
            let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = &branch.condition else {
                return None;
            };
            Some(KeyValue::Case {
                column: output_column(left, outputs)?,
                equals: key_literal(right)?,
                then: output_column(&branch.result, outputs)?,
            })
        }
        _ => None,
    }
}

fn key_literal(expr: &Expr) -> Option<KeyLiteral> {
    if let Some(number) = number(expr) {
        return Some(KeyLiteral::Number(number));
    }
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(KeyLiteral::Text(text.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The output column that an expression is, or none when it is none or cannot be told.
fn output_column(expr: &Expr, outputs: &[Output]) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => output_column(inner, outputs),
        Expr::Identifier(ident) => {
            let name = ident.value.to_lowercase();
            // An output column's name goes before a column of the tables below.
            the_one(outputs, |output| output.name.as_deref() == Some(&name))
                .or_else(|| the_one(outputs, |output| output.expr.as_deref().map(last_part) == Some(&name)))
        }
        Expr::CompoundIdentifier(parts) => {
            let name = parts.last()?.value.to_lowercase();
            let relation = parts.iter().rev().nth(1).map(|part| part.value.to_lowercase());
            let whole = text_of(expr);
            the_one(outputs, |output| output.expr.as_deref() == Some(&whole)).or_else(|| {
                the_one(outputs, |output| match &output.expr {
                    Some(expr) => *expr == name,
                    None => output.relation == relation && output.name.as_deref() == Some(&name),
                })
            })
        }
        _ => {
            let whole = text_of(expr);
            the_one(outputs, |output| output.expr.as_deref() == Some(&whole))
        }
    }
}

/// The index of the output column that fits. Several that are the same expression are one; several
/// that are not leave it open which one is meant.
fn the_one(outputs: &[Output], fits: impl Fn(&Output) -> bool) -> Option<usize> {
    let mut found = outputs.iter().enumerate().filter(|(_, output)| fits(output));
    let (index, first) = found.next()?;
    found.all(|(_, output)| first.expr.is_some() && output.expr == first.expr).then_some(index)
}

/// The last part of a column's qualified name; an expression that is no column is its own last part.
fn last_part(expr: &str) -> &str {
    let is_column = expr.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    match expr.rsplit_once('.') {
        Some((_, last)) if is_column => last,
        _ => expr,
    }
}

/// An expression's text, in lower case outside of string literals, so that spelling does not matter.
fn text_of(expr: &Expr) -> String {
    let text = expr.to_string();
    let lowered = text.split('\'').enumerate().map(
        |(index, part)| {
            if index % 2 == 0 { part.to_lowercase() } else { part.to_owned() }
        },
    );
    lowered.collect::<Vec<_>>().join("'")
}

/// The output columns of a query, or none when a wildcard hides them.
fn query_outputs(query: &Query, outer: &Scope) -> Option<Vec<Output>> {
    let mut scope = outer.clone();
    for Cte { alias, query, .. } in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = match alias.columns.as_slice() {
            [] => query_names(query, &scope),
            named => Some(named.iter().map(|column| column.name.value.to_lowercase()).collect()),
        };
        scope.insert(alias.name.value.to_lowercase(), columns);
    }
    body_outputs(&query.body, &scope)
}

/// The names of the output columns of a query; a column without a name gets an empty one.
fn query_names(query: &Query, scope: &Scope) -> Option<Vec<String>> {
    let outputs = query_outputs(query, scope)?;
    Some(outputs.into_iter().map(|output| output.name.unwrap_or_default()).collect())
}

fn body_outputs(body: &SetExpr, scope: &Scope) -> Option<Vec<Output>> {
    match body {
        SetExpr::Select(select) => select_outputs(select, scope),
        SetExpr::Query(query) => query_outputs(query, scope),
        // A set operation is named by its first branch, and is ordered by these names alone.
        SetExpr::SetOperation { left, .. } => {
            let mut outputs = body_outputs(left, scope)?;
            for output in &mut outputs {
                output.expr = None;
                output.relation = None;
            }
            Some(outputs)
        }
        _ => None,
    }
}

fn select_outputs(select: &Select, scope: &Scope) -> Option<Vec<Output>> {
    let mut outputs = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = match expr {
                    Expr::Identifier(ident) => Some(ident.value.to_lowercase()),
                    Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.to_lowercase()),
                    _ => None,
                };
                outputs.push(Output { name, expr: Some(text_of(expr)), relation: None });
            }
            SelectItem::ExprWithAlias { expr, alias } => outputs.push(Output {
                name: Some(alias.value.to_lowercase()),
                expr: Some(text_of(expr)),
                relation: None,
            }),
            SelectItem::Wildcard(_) => outputs.extend(relation_outputs(select, scope, None)?),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let name = name.to_string().to_lowercase();
                outputs.extend(relation_outputs(select, scope, Some(&name))?);
            }
            _ => return None,
        }
    }
    Some(outputs)
}

/// What a wildcard stands for: the columns of all tables in `FROM`, or of the one called `only`.
fn relation_outputs(select: &Select, scope: &Scope, only: Option<&str>) -> Option<Vec<Output>> {
    let mut outputs = Vec::new();
    for table in &select.from {
        // A join could fold columns together (USING), which none of the statements needs.
        if table.joins.iter().any(folds_columns) {
            return None;
        }
        let joined = table.joins.iter().map(|join| &join.relation);
        for factor in std::iter::once(&table.relation).chain(joined) {
            let (relation, names) = factor_columns(factor, scope)?;
            if only.is_none_or(|only| relation == only) {
                outputs.extend(names?.into_iter().map(|name| Output {
                    name: Some(name),
                    expr: None,
                    relation: Some(relation.clone()),
                }));
            }
        }
    }
    Some(outputs)
}

fn folds_columns(join: &sqlparser::ast::Join) -> bool {
    use sqlparser::ast::{JoinConstraint, JoinOperator};
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => !matches!(constraint, JoinConstraint::On(_) | JoinConstraint::None),
        _ => true,
    }
}

/// A table's name in the query and the names of its columns, where the text gives them.
fn factor_columns(factor: &TableFactor, scope: &Scope) -> Option<(String, Option<Vec<String>>)> {
    let (own_name, alias, columns) = match factor {
        TableFactor::Table { name, alias, .. } => {
            let name = name.to_string().to_lowercase();
            let columns = scope.get(&name).cloned().flatten();
            (name, alias, columns)
        }
        TableFactor::Derived { subquery, alias, .. } => (String::new(), alias, query_names(subquery, scope)),
        _ => return None,
    };
    Some(match alias {
        None => (own_name, columns),
        Some(alias) if alias.columns.is_empty() => (alias.name.value.to_lowercase(), columns),
        Some(alias) => {
            let names = alias.columns.iter().map(|column| column.name.value.to_lowercase());
            (alias.name.value.to_lowercase(), Some(names.collect()))
        }
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: Expect) {
        let text = match SqlShape::parse(sql) {
            Err(error) => error.to_string(),
            Ok(shape) => {
                let keys = shape.keys.iter().map(|key| {
                    let direction = if key.descending { "desc" } else { "asc" };
                    let nulls = if key.nulls_first { "first" } else { "last" };
                    format!("{:?} {direction} nulls {nulls}", key.value)
                });
                let mut text = keys.collect::<Vec<_>>().join(", ");
                if !shape.keys_complete {
                    text.push_str(" …");
                }
                match (shape.limit, shape.unlimited_sql) {
                    (None, None) => text,
                    (limit, unlimited) => {
                        format!("{text} limit {}: {}", limit.unwrap(), unlimited.unwrap())
                    }
                }
            }
        };
        expected.assert_eq(text.trim());
    }

    #[test]
    fn keys_are_found_by_name_place_and_expression() {
        check("select a, b from t", expect![]);
        check("select a, b from t order by b, a desc", expect!["Column(1) asc nulls last, Column(0) desc nulls first"]);
        check(
            "select a, b from t order by 2 nulls first, 1 desc nulls last",
            expect!["Column(1) asc nulls first, Column(0) desc nulls last"],
        );
        check(
            "select x.a, y.a from x, y order by y.a, x.a",
            expect!["Column(1) asc nulls last, Column(0) asc nulls last"],
        );
        check(
            "select a as c, B from t order by t.a, T.b",
            expect!["Column(0) asc nulls last, Column(1) asc nulls last"],
        );
        check(
            "select t.a as c, b as a from t order by a, c, t.a",
            expect!["Column(1) asc nulls last, Column(0) asc nulls last, Column(0) asc nulls last"],
        );
        check("select sum(a), b from t group by b order by SUM( a )", expect!["Column(0) asc nulls last"]);
        check(
            "select count(*), substr(b, 1, 3) from t order by substr(b,1,3), (count(*))",
            expect!["Column(1) asc nulls last, Column(0) asc nulls last"],
        );
        check("select a, a from t order by a", expect!["Column(0) asc nulls last"]);
        check("select a as x, b as x from t order by x", expect!["…"]);
        check("select a from t order by 2", expect!["…"]);
        check("select a from t order by 'A'", expect!["…"]);
    }

    #[test]
    fn a_key_that_is_no_output_ends_the_keys() {
        check("select a, b from t order by a, c, b", expect!["Column(0) asc nulls last …"]);
        check("select a, b from t order by a + 1, b", expect!["…"]);
        check("select x.a from x, y order by y.a", expect!["…"]);
        check("select a from t order by all", expect!["…"]);
    }

    #[test]
    fn computed_keys_are_those_over_outputs() {
        check(
            "select a, b, c from t order by b - a, c",
            expect!["Difference { left: 1, right: 0 } asc nulls last, Column(2) asc nulls last"],
        );
        check("select a, b from t order by c - a", expect!["…"]);
        check(
            "select a, b from t order by case when a = 0 then b end desc",
            expect!["Case { column: 0, equals: Number(0), then: 1 } desc nulls first"],
        );
        check(
            "select grouping(x) + grouping(y) as l, x from t order by case when grouping(x) + grouping(y) = 0 then x end",
            expect!["Case { column: 0, equals: Number(0), then: 1 } asc nulls last"],
        );
        check(
            "select a, b from t order by case when a = 'x' then b end",
            expect![[r#"Case { column: 0, equals: Text("x"), then: 1 } asc nulls last"#]],
        );
        check("select a, b from t order by case when a = 0 then b else 1 end", expect!["…"]);
        check("select a, b from t order by case when a > 0 then b end", expect!["…"]);
    }

    #[test]
    fn wildcards_are_looked_up() {
        check(
            "with v as (select a, sum(b) as s from t) select * from v order by s, v.a",
            expect!["Column(1) asc nulls last, Column(0) asc nulls last"],
        );
        check(
            "select * from (select a, b from t) x cross join (select c from u) y order by c, x.b",
            expect!["Column(2) asc nulls last, Column(1) asc nulls last"],
        );
        check(
            "select y.*, x.a from (select a from t) x join (select c, d from u) y on a = c order by a, d",
            expect!["Column(2) asc nulls last, Column(1) asc nulls last"],
        );
        check(
            "with v (p, q) as (select a, b from t) select * from v as w order by w.q",
            expect!["Column(1) asc nulls last"],
        );
        check("select * from t order by a", expect!["…"]);
        check("select * from (select a from t) x join (select a from u) y using (a) order by a", expect!["…"]);
    }

    #[test]
    fn set_operations_are_ordered_by_name_and_place() {
        check(
            "select a, b as x from t union all select c, d from u order by x, 1",
            expect!["Column(1) asc nulls last, Column(0) asc nulls last"],
        );
        check("select t.a from t union select u.a from u order by a", expect!["Column(0) asc nulls last"]);
        check(
            "(select a from t limit 3)",
            expect![
                "the outermost query has a LIMIT in parentheses; only `LIMIT <whole number>` at its end can be checked"
            ],
        );
    }

    #[test]
    fn the_limit_is_cut_off() {
        check(
            "select a from (select b from t order by b limit 3) order by 1 LIMIT 100\n",
            expect![
                "Column(0) asc nulls last limit 100: select a from (select b from t order by b limit 3) order by 1"
            ],
        );
        check(
            "-- é limit 1\nselect 'limit 2' as a from t -- why\nlimit 7;",
            expect![[r#"
            limit 7: -- é limit 1
            select 'limit 2' as a from t -- why"#]],
        );
        check(
            "select a from t limit 1 offset 2",
            expect!["the outermost query has LIMIT 1 OFFSET 2; only `LIMIT <whole number>` at its end can be checked"],
        );
        check(
            "select a from t limit 1 + 1",
            expect!["the outermost query has LIMIT 1 + 1; only `LIMIT <whole number>` at its end can be checked"],
        );
        check(
            "select a from t fetch first 3 rows only",
            expect![
                "the outermost query has FETCH FIRST 3 ROWS ONLY; only `LIMIT <whole number>` at its end can be checked"
            ],
        );
    }

    #[test]
    fn what_is_no_query_is_refused() {
        check(
            "select a from",
            expect!["the statement cannot be parsed: sql parser error: Expected: identifier, found: EOF"],
        );
        check("select 1; select 2", expect!["the text must be one query, but it has 2 statements or is none"]);
        check("create table t (a int)", expect!["the text must be one query, but it has 1 statements or is none"]);
        check("", expect!["the text must be one query, but it has 0 statements or is none"]);
    }
}

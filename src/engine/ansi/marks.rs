//! Marks operations with their places while the parser reads them.
//!
//! The parser keeps no place for most of what it reads, but it asks its dialect before each operand and each operator. From
//! these questions the tokens follow at which an operation begins and ends:
//!
//! ```text
//!   select  a  +  f ( b )  *  2
//!           0  1  2 …   5  6  7      operand a: 0..0, operand f(b): 2..5
//!                 └────────┴──┘      operator *: from where its left side begins, to the last token read
//!           └──┴──────────────┘      operator +: likewise
//! ```
//!
//! A marked operation is a [`BinaryOperator::Custom`] with a number for a name, which
//! [`MarkedOperations`](super::planner::MarkedOperations) plans. `a + b` becomes `a ‹n› b`; what is no binary operator, such as a
//! cast, becomes `cast(…) ‹n› NULL`. While the parser works, an operator's result is a placeholder, so that a long chain of
//! operators is not copied again and again: the parser hands over the left side by reference only.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Spanned, Statement, UnaryOperator, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, Word};

use crate::engine::syntax::each_expression;

/// What the name of a marked operator and of a placeholder begins with; no text of SQL makes a token like it.
const MARK: char = '\u{1}';

/// What a mark stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Marked {
    /// A binary operator.
    Operator(BinaryOperator),
    /// The sign before the left side; the right one is NULL.
    Negation,
    /// The left side, as a whole; the right one is NULL.
    Whole,
    /// Likewise, and it is the call of a function.
    Call,
    /// A call of a table function; both sides are NULL.
    TableCall,
}

/// One marked operation.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) marked: Marked,
    /// From its first token to the end of its last one.
    pub(crate) span: Span,
}

/// The operations of a text, in the order in which the parser came to their ends.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    all: RefCell<Vec<Mark>>,
    /// The results of operators, by the numbers of their placeholders.
    results: RefCell<HashMap<usize, Expr>>,
    /// The tokens at which the operands begin that were read last, in order; the innermost ones stand last.
    begun: RefCell<Vec<usize>>,
    /// Whether the next question comes from ourselves.
    passes: Cell<bool>,
    functions: MarkedFunctions,
}

/// Says of a function's name whether calls of it are marked, besides those of [`FALLIBLE_FUNCTIONS`].
pub(crate) struct MarkedFunctions(Box<dyn Fn(&str) -> bool>);

impl MarkedFunctions {
    pub(crate) fn of(is_marked: impl Fn(&str) -> bool + 'static) -> Self {
        Self(Box::new(is_marked))
    }
}

impl Default for MarkedFunctions {
    /// None are.
    fn default() -> Self {
        Self::of(|_| false)
    }
}

impl fmt::Debug for MarkedFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkedFunctions")
    }
}

/// Functions that can fail as operators do.
const FALLIBLE_FUNCTIONS: [&str; 7] = ["abs", "avg", "element_at", "mean", "mod", "sum", "to_number"];

impl Marks {
    pub(crate) fn new(functions: MarkedFunctions) -> Self {
        Self { functions, ..Self::default() }
    }

    /// Reads an operand, and what is subscripted or called in it.
    pub(crate) fn operand(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        if self.passes.take() {
            return None;
        }
        let start = next_token(parser);
        let depth = self.forget_from(start);
        self.passes.set(true);
        let mut result = parser.parse_prefix();
        self.passes.set(false);
        // After a point the parser wants names and subscripts as they are.
        let is_part =
            last_token_before(parser, start).is_some_and(|token| parser.token_at(token).token == Token::Period);
        if !is_part {
            result = result.and_then(|root| parser.parse_compound_expr(root, Vec::new()));
        }
        let expr = match result {
            Ok(expr) => expr,
            Err(error) => return Some(Err(error)),
        };
        let mut begun = self.begun.borrow_mut();
        begun.truncate(depth);
        begun.push(start);
        drop(begun);
        Some(Ok(if is_part { expr } else { self.mark_whole(parser, expr, start) }))
    }

    /// Reads an operator that can fail or whose sides may have to be brought to one type, and its right side.
    pub(crate) fn operator(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if self.passes.take() {
            return None;
        }
        let token = next_token(parser);
        let is_division_word = match &parser.token_at(token).token {
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::DoubleColon => false,
            Token::Eq | Token::DoubleEq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => false,
            Token::Word(word) if word.quote_style.is_some() => return None,
            Token::Word(Word { keyword: Keyword::NOT | Keyword::IN | Keyword::BETWEEN, .. }) => false,
            Token::Word(Word { keyword: Keyword::DIV, .. }) => true,
            _ => return None,
        };
        self.forget_from(token);
        let (start, depth) = self.start_of(parser, left);
        let result = if is_division_word {
            parser.advance_token();
            parser.parse_subexpr(precedence).map(|right| Expr::BinaryOp {
                left: Box::new(left.clone()),
                op: BinaryOperator::MyIntegerDivide,
                right: Box::new(right),
            })
        } else {
            self.passes.set(true);
            let result = parser.parse_infix(left.clone(), precedence);
            self.passes.set(false);
            result
        };
        self.begun.borrow_mut().truncate(depth);
        Some(result.map(|expr| match expr {
            // `like`, `= any (…)`, `in (select …)` and their like.
            expr if !is_marked(&expr) => expr,
            expr => self.mark_operator(parser, expr, start),
        }))
    }

    /// Puts results in the places of their placeholders. Where values are no expressions, as in `SET`, marks are taken off.
    pub(crate) fn settle(&self, statement: &mut SqlStatement) {
        let keeps_marks = match &*statement {
            SqlStatement::Statement(inner) => matches!(
                inner.as_ref(),
                Statement::Query(_)
                    | Statement::Insert(_)
                    | Statement::Update(_)
                    | Statement::Delete(_)
                    | Statement::CreateView(_)
                    | Statement::CreateTable(_)
                    | Statement::CreateFunction(_)
                    | Statement::Explain { .. }
                    | Statement::Prepare { .. }
            ),
            _ => true,
        };
        let (mut results, marks) = (self.results.borrow_mut(), self.all.borrow());
        restore(statement, &mut Restorer { results: &mut results, marks: &marks, keeps_marks });
    }

    /// Takes all marks off a settled statement: what the parser reads without us.
    pub(crate) fn take_off(statement: &mut SqlStatement, marks: &[Mark]) {
        restore(statement, &mut Restorer { results: &mut HashMap::new(), marks, keeps_marks: false });
    }

    /// All marks, by their numbers.
    pub(crate) fn all(&self) -> Vec<Mark> {
        self.all.borrow().clone()
    }

    /// Adds that of a table function's call to those of a statement that is read, and gives what the planner finds it by.
    pub(crate) fn add_table_call(marks: &mut Vec<Mark>, span: Span) -> Expr {
        marks.push(Mark { marked: Marked::TableCall, span });
        Expr::BinaryOp { left: Box::new(null()), op: custom(marks.len() - 1), right: Box::new(null()) }
    }

    /// The operation that a custom operator stands for.
    pub(crate) fn find<'a>(marks: &'a [Mark], operator: &BinaryOperator) -> Option<&'a Mark> {
        match operator {
            BinaryOperator::Custom(name) => marks.get(number(name)?),
            _ => None,
        }
    }

    /// Forgets operands that begin at a token or after it: the parser has gone back and reads them again.
    fn forget_from(&self, token: usize) -> usize {
        let mut begun = self.begun.borrow_mut();
        let kept = begun.partition_point(|begin| *begin < token);
        begun.truncate(kept);
        kept
    }

    /// The token at which an operator's left side begins, and how many operands have begun up to there.
    fn start_of(&self, parser: &Parser<'_>, left: &Expr) -> (usize, usize) {
        let begun = self.begun.borrow();
        let location = left.span().start;
        let known = location != Location::empty();
        let reaches = |token: &usize| !known || !is_after(parser.token_at(*token).span.start, location);
        let position = begun.iter().rposition(reaches).unwrap_or_default();
        (begun.get(position).copied().unwrap_or_default(), position + 1)
    }

    fn mark(&self, marked: Marked, span: Span) -> usize {
        let mut all = self.all.borrow_mut();
        all.push(Mark { marked, span });
        all.len() - 1
    }

    /// Marks an operator, and leaves a placeholder in its place.
    fn mark_operator(&self, parser: &Parser<'_>, expr: Expr, start: usize) -> Expr {
        let span = span_from(parser, start);
        let expr = match expr {
            Expr::BinaryOp { left, op, right } => {
                let number = self.mark(Marked::Operator(op), span);
                Expr::BinaryOp { left, op: custom(number), right }
            }
            whole => self.wrapped(whole, span),
        };
        let mut results = self.results.borrow_mut();
        let number = self.all.borrow().len() - 1;
        results.insert(number, expr);
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name(number)), span })
    }

    /// Marks an operand that can fail.
    fn mark_whole(&self, parser: &Parser<'_>, expr: Expr, start: usize) -> Expr {
        let span = span_from(parser, start);
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.mark_subscripts(parser, *root, access_chain, start)
            }
            // The sign of a number is part of it, and that of an interval, too.
            Expr::UnaryOp { op: UnaryOperator::Minus, expr }
                if !matches!(*expr, Expr::Value(_) | Expr::Interval(_)) =>
            {
                self.with_null(Marked::Negation, *expr, span)
            }
            expr if self.is_ours(&expr) && is_call(&expr) => self.with_null(Marked::Call, expr, span),
            expr if self.is_ours(&expr) => self.wrapped(expr, span),
            expr => expr,
        }
    }

    /// Whether an operand is planned by us.
    fn is_ours(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Cast { .. } | Expr::TypedString(_) => true,
            // It cannot fail, but it is a DOUBLE in Spark, whatever numbers with a point are.
            Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) => number.contains(['e', 'E']),
            Expr::Function(function) => match function.name.0.as_slice() {
                [part] => part.as_ident().is_some_and(|name| {
                    FALLIBLE_FUNCTIONS.iter().any(|fallible| name.value.eq_ignore_ascii_case(fallible))
                        || (self.functions.0)(&name.value)
                }),
                _ => false,
            },
            expr => written_otherwise(expr).is_some_and(|function| (self.functions.0)(function)),
        }
    }

    fn wrapped(&self, expr: Expr, span: Span) -> Expr {
        self.with_null(Marked::Whole, expr, span)
    }

    fn with_null(&self, marked: Marked, expr: Expr, span: Span) -> Expr {
        let number = self.mark(marked, span);
        Expr::BinaryOp { left: Box::new(expr), op: custom(number), right: Box::new(null()) }
    }

    /// Marks each subscript of `a[1][2].b[3]` by itself: they end at the closing brackets that are not within others.
    fn mark_subscripts(&self, parser: &Parser<'_>, root: Expr, chain: Vec<AccessExpr>, start: usize) -> Expr {
        let subscripts = chain.iter().filter(|access| matches!(access, AccessExpr::Subscript(_))).count();
        let ends = outer_brackets(parser, start);
        let mut ends = ends[ends.len().saturating_sub(subscripts)..].iter();
        let begin = parser.token_at(start).span.start;
        let (mut expr, mut pending) = (root, Vec::new());
        for access in chain {
            let is_subscript = matches!(access, AccessExpr::Subscript(_));
            pending.push(access);
            if is_subscript {
                let access_chain = std::mem::take(&mut pending);
                expr = Expr::CompoundFieldAccess { root: Box::new(expr), access_chain };
                if let Some(end) = ends.next() {
                    expr = self.wrapped(expr, Span { start: begin, end: parser.token_at(*end).span.end });
                }
            }
        }
        match pending.is_empty() {
            true => expr,
            false => Expr::CompoundFieldAccess { root: Box::new(expr), access_chain: pending },
        }
    }
}

fn restore(statement: &mut SqlStatement, restorer: &mut Restorer<'_>) {
    if let SqlStatement::CreateExternalTable(_) = statement {
        // The order of a file's rows is a promise and not computed.
        restorer.keeps_marks = false;
    }
    let mut change = |expr: &mut Expr| restorer.restore(expr);
    match statement {
        SqlStatement::Statement(inner) => each_expression(inner, &mut change),
        SqlStatement::Explain(explain) => restore(&mut explain.statement, restorer),
        SqlStatement::CreateExternalTable(table) => each_expression(&mut table.order_exprs, &mut change),
        SqlStatement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) => {
            each_expression(query, &mut change);
        }
        _ => {}
    }
}

/// The function that an expression with words of its own calls, as `extract(year from d)`.
fn written_otherwise(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::Extract { .. } => "date_part",
        Expr::Substring { .. } => "substr",
        Expr::Trim { .. } => "btrim",
        Expr::Position { .. } => "strpos",
        Expr::Ceil { .. } => "ceil",
        Expr::Floor { .. } => "floor",
        Expr::Overlay { .. } => "overlay",
        _ => return None,
    })
}

/// Whether an expression calls a function by a name.
fn is_call(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(_)) || written_otherwise(expr).is_some()
}

fn null() -> Expr {
    Expr::Value(ValueWithSpan { value: Value::Null, span: Span::empty() })
}

/// Whether an operator's result is one of those that are marked.
fn is_marked(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { .. } | Expr::Cast { .. } | Expr::InList { .. } | Expr::Between { .. })
}

fn name(number: usize) -> String {
    format!("{MARK}{number}")
}

fn custom(number: usize) -> BinaryOperator {
    BinaryOperator::Custom(name(number))
}

fn number(name: &str) -> Option<usize> {
    name.strip_prefix(MARK)?.parse().ok()
}

fn is_after(one: Location, other: Location) -> bool {
    (one.line, one.column) > (other.line, other.column)
}

fn is_space(parser: &Parser<'_>, token: usize) -> bool {
    matches!(parser.token_at(token).token, Token::Whitespace(_))
}

/// The token that the parser reads next.
fn next_token(parser: &Parser<'_>) -> usize {
    let mut token = parser.index();
    while is_space(parser, token) {
        token += 1;
    }
    token
}

fn last_token_before(parser: &Parser<'_>, token: usize) -> Option<usize> {
    (0..token).rev().find(|token| !is_space(parser, *token))
}

/// From a token to the one that the parser has read last.
fn span_from(parser: &Parser<'_>, start: usize) -> Span {
    let end = last_token_before(parser, parser.index()).unwrap_or(start);
    Span { start: parser.token_at(start).span.start, end: parser.token_at(end).span.end }
}

/// The closing brackets between a token and the one read last that are in no other brackets or parentheses.
fn outer_brackets(parser: &Parser<'_>, start: usize) -> Vec<usize> {
    let (mut depth, mut found) = (0_usize, Vec::new());
    for token in start..parser.index() {
        match parser.token_at(token).token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBrace => depth = depth.saturating_sub(1),
            Token::RBracket => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.push(token);
                }
            }
            _ => {}
        }
    }
    found
}

/// Puts the operations in the places of their placeholders.
struct Restorer<'a> {
    results: &'a mut HashMap<usize, Expr>,
    marks: &'a [Mark],
    keeps_marks: bool,
}

impl Restorer<'_> {
    /// The operation without its mark, as the parser would have read it without us.
    fn unmarked(&self, expr: &mut Expr) {
        while let Expr::BinaryOp { left, op, .. } = expr
            && let Some(mark) = Marks::find(self.marks, op)
        {
            match &mark.marked {
                Marked::Operator(operator) => *op = operator.clone(),
                Marked::Whole | Marked::Call | Marked::TableCall => *expr = std::mem::replace(&mut **left, null()),
                Marked::Negation => {
                    let operand = Box::new(std::mem::replace(&mut **left, null()));
                    *expr = Expr::UnaryOp { op: UnaryOperator::Minus, expr: operand };
                }
            }
        }
    }

    fn restore(&mut self, expr: &mut Expr) {
        loop {
            if !self.keeps_marks {
                self.unmarked(expr);
            }
            let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expr else { break };
            let Some(number) = number(name) else { break };
            match self.results.remove(&number) {
                Some(result) => *expr = result,
                None => break,
            }
        }
    }
}

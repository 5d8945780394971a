//! Functions written in Rust, built in or registered by a program, whose calls are profiled.
//!
//! ```text
//!   engine.udf.profile off    sum(length(name))
//!   on                        timed(sum)(timed(length)(name))      the same signatures, rules, orders and bounds; the calls themselves are timed
//! ```
//!
//! A timed function answers every question as the function itself would, so that plans are the same with the profile as without. A function becomes one
//! when its call is read, because only then its place is known; what nobody timed then, [`TimeFunctions`] does when the statement is analyzed. What the
//! optimizer replaces by another expression is called no more and has no profile: constants, `coalesce` (a CASE), functions in SQL (their bodies).
//! Table functions are timed from the beginning: their scans see whether anybody counts.

mod aggregate;
mod rule;
mod scalar;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF, WindowFunctionDefinition, WindowUDF};

pub(in crate::engine) use rule::TimeFunctions;
pub(in crate::engine) use scalar::untimed;
pub(in crate::engine) use table::TimedTableFunction;

use super::profile::{Caller, Meter};
use super::statement::Statement;
use crate::engine::ansi::Site;
use crate::text::shortened;

/// So many characters of a call are shown.
const SHOWN: usize = 60;

/// A function, and where it is called.
#[derive(Clone)]
pub(in crate::engine) struct Timed<F> {
    inner: Arc<F>,
    caller: Caller,
    /// Unknown until the statement is analyzed, and to scalar functions, which are told with each call.
    statement: Option<Statement>,
}

type TimedFunction = Timed<ScalarUDF>;
pub(in crate::engine) type TimedAggregate = Timed<AggregateUDF>;
type TimedWindow = Timed<WindowUDF>;

impl<F> Timed<F> {
    fn new(function: &Arc<F>, name: &str, site: Option<&Site>) -> Self {
        Self { inner: Arc::clone(function), caller: Caller::at(site, name, "rust"), statement: None }
    }

    /// The same, in a statement if it is known.
    fn within(&self, statement: Option<&Statement>) -> Self {
        Self { statement: statement.cloned(), ..self.around(Arc::clone(&self.inner)) }
    }

    /// Another function that is called in the same place.
    fn around(&self, inner: Arc<F>) -> Self {
        Self { inner, caller: self.caller.clone(), statement: self.statement.clone() }
    }

    /// Nothing while nobody counts.
    fn meter(&self) -> Option<Meter> {
        self.statement.as_ref()?.meter(&self.caller)
    }
}

/// As the function itself.
impl<F: fmt::Debug> fmt::Debug for Timed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Where it is called makes no other of it.
impl<F: PartialEq> PartialEq for Timed<F> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<F: Eq> Eq for Timed<F> {}

impl<F: Hash> Hash for Timed<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl Caller {
    /// Of a function that is called at a site.
    pub(super) fn at(site: Option<&Site>, function: &str, language: &'static str) -> Self {
        let place = site.and_then(Site::place);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            function: function.to_owned(),
            language,
            place: place.as_ref().map(|place| (place.line(), place.column())),
            written: place.map_or_else(String::new, |place| shortened(&words(place.fragment()), SHOWN)),
        }
    }
}

/// An expression whose function, if it calls one itself, is timed at a site.
pub(in crate::engine) fn timed_at(site: &Site, mut expr: Expr) -> Expr {
    // `count(*)` keeps its name beside what it counts.
    if let Expr::Alias(alias) = &mut expr {
        *alias.expr = timed_at(site, std::mem::take(&mut alias.expr));
        return expr;
    }
    timed(expr, Some(site), None).data
}

/// An expression whose function, if it calls one itself, is timed: at a site if it is known, and in a statement if it is known.
fn timed(mut expr: Expr, site: Option<&Site>, statement: Option<&Statement>) -> Transformed<Expr> {
    let is_timed = match &mut expr {
        Expr::ScalarFunction(call) => replace(&mut call.func, |function| TimedFunction::of(function, site, statement)),
        Expr::AggregateFunction(call) => {
            replace(&mut call.func, |function| TimedAggregate::of(function, site, statement))
        }
        Expr::WindowFunction(call) => match &mut call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => {
                replace(function, |function| TimedAggregate::of(function, site, statement))
            }
            WindowFunctionDefinition::WindowUDF(function) => {
                replace(function, |function| TimedWindow::of(function, site, statement))
            }
        },
        _ => false,
    };
    if is_timed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

fn replace<T>(function: &mut Arc<T>, timed: impl FnOnce(&Arc<T>) -> Option<Arc<T>>) -> bool {
    let Some(timed) = timed(function) else { return false };
    *function = timed;
    true
}

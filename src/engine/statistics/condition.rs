//! The share of rows for which a condition is true.
//!
//! ```text
//!   i_category = 'Music' AND i_brand LIKE 'a%'   counted together on item, whose columns they are about
//!   AND total > 5                                guessed: `total` is a sum
//! ```
//!
//! Conditions whose columns all come from one scan, unchanged, are counted together on its table, with those that its rows have
//! passed before; those of different scans, and guesses, are taken for independent. So are the parts of an OR over several scans, each
//! of which is counted by itself. A guess for `column = value` is one of the column's values; for others it is a share that
//! DataFusion and most systems before it have used since Selinger et al. (SIGMOD 1979).

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::utils::split_conjunction;

use super::estimate::{Estimate, Origin, Passed};
use super::knowledge::Counted;
use super::operator::column_of;
use crate::engine::columns::with_columns;

/// The share of a condition that nothing is known of.
pub(super) const UNKNOWN_SHARE: f64 = 0.2;
/// The share of a comparison with `<` and its like.
const RANGE_SHARE: f64 = 1.0 / 3.0;

/// The conditions on one scan: as they are on the table's columns, and as they were written.
struct OnScan<'a> {
    origin: Origin,
    conditions: Vec<Arc<dyn PhysicalExpr>>,
    written: Vec<&'a Arc<dyn PhysicalExpr>>,
}

/// Puts the conditions on each scan together; those that are not about one are by themselves.
fn by_scan<'a>(
    conditions: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>,
    input: &Estimate,
) -> (Vec<OnScan<'a>>, Vec<&'a Arc<dyn PhysicalExpr>>) {
    let (mut of_scans, mut others): (Vec<OnScan<'_>>, _) = (Vec::new(), Vec::new());
    for condition in conditions {
        match on_table(condition, input) {
            Some((origin, moved)) => match of_scans.iter_mut().find(|known| known.origin.scan == origin.scan) {
                Some(known) => {
                    known.conditions.push(moved);
                    known.written.push(condition);
                }
                None => of_scans.push(OnScan { origin, conditions: vec![moved], written: vec![condition] }),
            },
            None => others.push(condition),
        }
    }
    (of_scans, others)
}

/// The rows for which a predicate is true.
pub(super) fn filtered(input: &Estimate, predicate: &Arc<dyn PhysicalExpr>) -> Estimate {
    let (of_scans, others) = by_scan(split_conjunction(predicate), input);
    let mut guessed = guess_all(others, input);
    let mut estimate = input.clone();
    for OnScan { origin, conditions, written } in of_scans {
        match origin.count(conditions) {
            Some((counted, passed)) => estimate = narrowed(estimate, &origin, &counted, passed),
            None => guessed *= guess_all(written, input),
        }
    }
    let rows = estimate.rows * guessed;
    estimate.with_rows(rows)
}

/// What is left of an estimate if more conditions are true on one of its scans than before.
fn narrowed(input: Estimate, origin: &Origin, counted: &Counted, passed: Passed) -> Estimate {
    // Where nothing but the scan's conditions has left rows out, what was counted is all that is left.
    let is_all_counted = input.rows == origin.passed.rows;
    let rows = input.rows * passed.share_of(&origin.passed);
    let mut estimate = input.with_rows(if is_all_counted { passed.rows } else { rows });
    let passed = Arc::new(passed);
    for column in &mut estimate.columns {
        let Some(own) = column.origin.as_mut().filter(|own| own.scan == origin.scan) else { continue };
        own.passed = Arc::clone(&passed);
        let Some(left) = origin.table.left(counted, own.column) else { continue };
        column.distinct = if is_all_counted { left.distinct } else { left.distinct.min(column.distinct) };
        column.range = match (left.range, column.range) {
            (Some(left), Some(own)) => left.overlap(own).or(Some(left)),
            (left, own) => left.or(own),
        };
    }
    estimate
}

/// Which rows of a table pass a condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing {
    /// The share of rows, 0 to 1.
    pub(crate) share: f64,
    /// How many rows with the same result follow each other, on average, in the order of the files; 1 if nobody knows.
    pub(crate) run_rows: f64,
}

/// What is known of a condition on a table's columns.
pub(crate) fn passing(condition: &Arc<dyn PhysicalExpr>, table: &Estimate) -> Passing {
    let counted = on_table(condition, table).and_then(|(origin, moved)| origin.table.count(&[moved]));
    match counted {
        Some(counted) => Passing { share: counted.share, run_rows: counted.run_rows() },
        None => Passing { share: guess(condition, table), run_rows: 1.0 },
    }
}

/// The condition with columns numbered as in the table that they all come from. None if they do not, and for what cannot be
/// evaluated while planning.
fn on_table(condition: &Arc<dyn PhysicalExpr>, input: &Estimate) -> Option<(Origin, Arc<dyn PhysicalExpr>)> {
    let is_possible = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<DynamicFilterPhysicalExpr>().is_none()
            && expr.downcast_ref::<ScalarSubqueryExpr>().is_none()
            && !expr.is_volatile_node()
    };
    if condition.exists(|expr| Ok(!is_possible(expr))).unwrap_or(true) {
        return None;
    }
    let mut found: Option<Origin> = None;
    let moved = with_columns(condition, |column| {
        let origin = input.columns.get(column.index())?.origin.clone()?;
        let moved = Column::new(column.name(), origin.column);
        let is_same = found.as_ref().is_none_or(|found| found.scan == origin.scan);
        found = Some(origin);
        is_same.then(|| Arc::new(moved) as Arc<dyn PhysicalExpr>)
    });
    found.zip(moved)
}

/// The share of rows for which a condition is true: counted where its columns come from one scan.
pub(crate) fn share(condition: &Arc<dyn PhysicalExpr>, input: &Estimate) -> f64 {
    share_of_all([condition], input)
}

fn share_of_all<'a>(conditions: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>, input: &Estimate) -> f64 {
    let (of_scans, others) = by_scan(conditions, input);
    let counted = of_scans.into_iter().map(|OnScan { origin, conditions, written }| match origin.count(conditions) {
        Some((_, passed)) => passed.share_of(&origin.passed),
        None => guess_all(written, input),
    });
    counted.product::<f64>() * guess_all(others, input)
}

/// The share of rows for which conditions are true that cannot be counted as a whole, as if they were independent.
fn guess_all(conditions: Vec<&Arc<dyn PhysicalExpr>>, input: &Estimate) -> f64 {
    conditions.into_iter().map(|condition| guess(condition, input)).product()
}

/// The share of a condition that cannot be counted as a whole: from the shares of its parts, and from what is known of its columns.
fn guess(condition: &Arc<dyn PhysicalExpr>, input: &Estimate) -> f64 {
    let values = |expr: &Arc<dyn PhysicalExpr>| {
        column_of(expr).and_then(|column| input.columns.get(column)).map(|column| column.distinct.max(1.0))
    };
    if let Some(binary) = condition.downcast_ref::<BinaryExpr>() {
        let (left, right) = (binary.left(), binary.right());
        return match binary.op() {
            Operator::And => share_of_all(split_conjunction(condition), input),
            Operator::Or => {
                let (left, right) = (share(left, input), share(right, input));
                left + right - left * right
            }
            Operator::Eq | Operator::IsNotDistinctFrom => match (values(left), values(right)) {
                (Some(left), Some(right)) => 1.0 / left.max(right),
                (Some(values), None) | (None, Some(values)) => 1.0 / values,
                (None, None) => UNKNOWN_SHARE,
            },
            Operator::NotEq | Operator::IsDistinctFrom => 1.0,
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => RANGE_SHARE,
            _ => UNKNOWN_SHARE,
        };
    }
    if let Some(not) = condition.downcast_ref::<NotExpr>() {
        return 1.0 - share(not.arg(), input);
    }
    if let Some(list) = condition.downcast_ref::<InListExpr>() {
        let one = values(list.expr()).map_or(UNKNOWN_SHARE, |values| 1.0 / values);
        let any = (one * list.list().len() as f64).min(1.0);
        return if list.negated() { 1.0 - any } else { any };
    }
    let nulls = |expr: &Arc<dyn PhysicalExpr>| {
        column_of(expr).and_then(|column| input.columns.get(column)).map_or(0.1, |column| column.null_share)
    };
    if let Some(null) = condition.downcast_ref::<IsNullExpr>() {
        return nulls(null.arg());
    }
    if let Some(null) = condition.downcast_ref::<IsNotNullExpr>() {
        return 1.0 - nulls(null.arg());
    }
    if condition.downcast_ref::<DynamicFilterPhysicalExpr>().is_some() {
        return 1.0;
    }
    match condition.downcast_ref::<Literal>() {
        Some(literal) => f64::from(u8::from(*literal.value() == datafusion::common::ScalarValue::Boolean(Some(true)))),
        None => UNKNOWN_SHARE,
    }
}

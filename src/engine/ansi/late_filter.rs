//! [`LateFilter`]: a condition that can fail stays above the joins whose rows it is for.
//!
//! ```text
//!   before   Filter: 10 / t.x > 1 AND t.y = 3       after   LateFilter: 10 / t.x > 1
//!              Join: t.id = s.id                              Filter: t.y = 3
//!                                                               Join: t.id = s.id
//! ```
//!
//! DataFusion pushes a filter below a join, where it sees rows that the join would have removed: a row with `x = 0` and without
//! a partner would raise an error that the statement does not have. It does not push what an unknown node holds. When the
//! optimizer is done, the node becomes a filter again.
//!
//! An equality stays where it is, since it may be what joins two tables; it is evaluated for each row of its side then. So does
//! a condition with a subquery, or in one that refers to the outer query: the rules that make joins of them look for filters.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, Filter, JoinType, LogicalPlan, Operator, UserDefinedLogicalNodeCore,
};

use super::lazy::is_fallible;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LateFilter {
    predicate: Expr,
    input: Arc<LogicalPlan>,
}

impl LateFilter {
    fn above(predicate: Expr, input: LogicalPlan) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(Self { predicate, input: Arc::new(input) }) })
    }
}

impl Hash for LateFilter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.predicate.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for LateFilter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.predicate.partial_cmp(&other.predicate) {
            Some(Ordering::Equal) => self.input.partial_cmp(&other.input),
            order => order,
        }
    }
}

impl UserDefinedLogicalNodeCore for LateFilter {
    fn name(&self) -> &str {
        "LateFilter"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.predicate.clone()]
    }

    /// Other filters pass: they only leave fewer rows to this one.
    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        std::collections::HashSet::new()
    }

    fn fmt_for_explain(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LateFilter: {}", self.predicate)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let predicate = exprs.into_iter().next().unwrap_or_else(|| self.predicate.clone());
        let input = inputs.into_iter().next().map_or_else(|| Arc::clone(&self.input), Arc::new);
        Ok(Self { predicate, input })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let schema = self.input.schema();
        let mut needed: Vec<usize> = output_columns.to_vec();
        for column in self.predicate.column_refs() {
            needed.push(schema.maybe_index_of_column(column)?);
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}

/// Takes conditions that can fail out of filters above joins, and out of the joins' own conditions.
pub(crate) fn insert(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up(|plan| {
        let plan = plan.map_subqueries(insert_in_subquery)?;
        plan.transform_data(insert_here)
    })?;
    Ok(plan.data)
}

/// A subquery that refers to the outer query is to become a join with it: the rules for that look for filters.
fn insert_in_subquery(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Subquery(mut subquery) if subquery.outer_ref_columns.is_empty() => {
            subquery.subquery = Arc::new(insert(Arc::unwrap_or_clone(subquery.subquery))?);
            Ok(Transformed::yes(LogicalPlan::Subquery(subquery)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn insert_here(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(filter) if joins_below(&filter.input)? => split_filter(filter),
        LogicalPlan::Join(mut join) if join.join_type == JoinType::Inner && join.filter.is_some() => {
            let (late, early) = split(join.filter.take());
            join.filter = conjunction(early);
            let plan = LogicalPlan::Join(join);
            Ok(match conjunction(late) {
                Some(predicate) => Transformed::yes(LateFilter::above(predicate, plan)),
                None => Transformed::no(plan),
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

fn split_filter(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let (late, early) = split(Some(filter.predicate.clone()));
    let Some(late) = conjunction(late) else { return Ok(Transformed::no(LogicalPlan::Filter(filter))) };
    let input = match conjunction(early) {
        Some(early) => LogicalPlan::Filter(Filter::try_new(early, filter.input)?),
        None => Arc::unwrap_or_clone(filter.input),
    };
    Ok(Transformed::yes(LateFilter::above(late, input)))
}

/// The conditions that have to wait, and the others.
fn split(predicate: Option<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    let conditions = predicate.map(split_conjunction_owned).unwrap_or_default();
    conditions.into_iter().partition(|condition| {
        let may_join = matches!(condition, Expr::BinaryExpr(BinaryExpr { op: Operator::Eq, .. }));
        is_fallible(condition) && !may_join && !condition.contains_outer() && !has_subquery(condition)
    })
}

fn has_subquery(condition: &Expr) -> bool {
    let is_subquery = |expr: &Expr| {
        matches!(expr, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_))
    };
    condition.exists(|expr| Ok(is_subquery(expr))).unwrap_or(true)
}

fn joins_below(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|plan| {
        found |= matches!(plan, LogicalPlan::Join(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Makes filters of the nodes again.
pub(crate) fn remove(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<LateFilter>() {
            Some(late) => {
                let filter = Filter::try_new(late.predicate.clone(), Arc::clone(&late.input))?;
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
            None => Ok(Transformed::no(LogicalPlan::Extension(extension))),
        },
        other => Ok(Transformed::no(other)),
    })
}

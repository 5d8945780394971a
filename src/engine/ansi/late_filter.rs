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
//! optimizer is done, the node becomes a filter again. A condition with columns of both sides of a join does not wait: the join
//! is the only place for it.
//!
//! An equality of two columns stays where it is, since it may be what joins two tables; it is evaluated for each row of its side then. So does
//! a condition with a subquery, or in one that refers to the outer query: the rules that make joins of them look for filters.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, DataFusionError, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Extension, Filter, Join, JoinType, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, UserDefinedLogicalNodeCore, Volatility,
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

/// Whether a node is such a condition: it gives rows of its input as they are, and not all.
pub(crate) fn is_late_filter(extension: &Extension) -> bool {
    extension.node.as_any().is::<LateFilter>()
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
            let conditions = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
            let (late, early): (Vec<_>, Vec<_>) =
                conditions.into_iter().partition(|condition| waits(condition) && !is_evaluated_in(condition, &join));
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
    let conditions = split_conjunction_owned(filter.predicate.clone());
    let is_late = |condition: &Expr| {
        let stays = match below_filters(&filter.input) {
            LogicalPlan::Join(join) => is_evaluated_in(condition, join),
            _ => false,
        };
        waits(condition) && !stays
    };
    let (late, early): (Vec<_>, Vec<_>) = conditions.into_iter().partition(is_late);
    let Some(late) = conjunction(late) else { return Ok(Transformed::no(LogicalPlan::Filter(filter))) };
    let input = match conjunction(early) {
        Some(early) => LogicalPlan::Filter(Filter::try_new(early, filter.input)?),
        None => Arc::unwrap_or_clone(filter.input),
    };
    Ok(Transformed::yes(LateFilter::above(late, input)))
}

/// Whether a condition has to wait if the optimizer could push it below a join.
fn waits(condition: &Expr) -> bool {
    is_fallible(condition) && !may_join(condition) && !condition.contains_outer() && !has_subquery(condition)
}

/// Whether the optimizer can put a condition nowhere but into a join: it has columns of both sides, and no side is a join that
/// could change places with this one. The join evaluates it for the pairs of rows that it gives, as a filter above it would.
fn is_evaluated_in(condition: &Expr, join: &Join) -> bool {
    let columns = condition.column_refs();
    let within = |plan: &LogicalPlan| columns.iter().all(|column| plan.schema().has_column(column));
    let is_join = |plan: &LogicalPlan| matches!(below_filters(plan), LogicalPlan::Join(_));
    join.join_type == JoinType::Inner
        && !within(&join.left)
        && !within(&join.right)
        && !is_join(&join.left)
        && !is_join(&join.right)
}

fn below_filters(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Filter(filter) => below_filters(&filter.input),
        other => other,
    }
}

/// Whether a condition may be what two tables are joined by.
fn may_join(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            !left.column_refs().is_empty() && !right.column_refs().is_empty()
        }
        _ => false,
    }
}

/// Whether an expression has a plan in it.
pub(crate) fn has_subquery(condition: &Expr) -> bool {
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

/// Makes filters of the nodes again. The physical optimizer is not to push them either: it leaves volatile functions alone.
pub(crate) fn remove(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<LateFilter>() {
            Some(late) => {
                let predicate = ScalarUDF::from(InPlace::default()).call(vec![late.predicate.clone()]);
                Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, Arc::clone(&late.input))?)))
            }
            None => Ok(Transformed::no(LogicalPlan::Extension(extension))),
        },
        other => Ok(Transformed::no(other)),
    })
}

/// A condition that is evaluated where it stands.
#[derive(Debug, PartialEq, Eq, Hash)]
struct InPlace {
    signature: Signature,
}

impl Default for InPlace {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![DataType::Boolean], Volatility::Volatile) }
    }
}

impl ScalarUDFImpl for InPlace {
    fn name(&self) -> &str {
        "in_place"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.args.into_iter().next().ok_or_else(|| DataFusionError::Internal("a condition is missing".to_owned()))
    }
}

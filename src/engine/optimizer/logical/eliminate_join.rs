//! [`EliminateJoin`]: joins that cannot change the result disappear.
//!
//! ```text
//!   before   Inner Join: ss_promo_sk = p_promo_sk         after   Filter: ss_promo_sk IS NOT NULL
//!              store_sales                                          store_sales
//!              promotion                        no filter
//!
//!   before   Left Join: cs_item_sk = cr_item_sk,          after   catalog_sales
//!                       cs_order_number = cr_order_number
//!              catalog_sales
//!              catalog_returns               any filter
//! ```
//!
//! - An inner join, or a semi-join, with a table on its whole primary key, from columns that refer to it: every row has just one
//!   partner, unless it is NULL there. The join may have no other condition, and nobody above may want more of the table than its key,
//!   which is what the referring columns are. The table has to be whole, but for filters on its key: they become filters on the referring columns.
//! - An outer join whose optional side is unique in what it is joined on, and of which nobody wants a column: every row stays, once.
//!   With a reference to the whole table, the key may be wanted, too: it is NULL where the referring column is.
//!
//! What is wanted is found on the way down from the root, as DataFusion's `optimize_projections` does it. The rule runs after that one, when projections
//! have lost what nobody needs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Filter, Join, JoinType, LogicalPlan, Projection, Union};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::keys::{column_at, derive, key_pairs, plain_column};
use crate::engine::ansi;
use crate::engine::keys::{KnownKeys, TrustedKeys};
use crate::engine::settings::OptimizerOptions;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct EliminateJoin {
    trusted: Arc<TrustedKeys>,
}

impl OptimizerRule for EliminateJoin {
    /// DataFusion has an `eliminate_join`, which knows what an aggregate groups by, but no keys of tables.
    fn name(&self) -> &str {
        "eliminate_join_by_key"
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let is_on = !self.trusted.is_empty() && OptimizerOptions::of(&config.options()).eliminate_join;
        if !is_on || !super::contains(&plan, |node| matches!(node, LogicalPlan::Join(_))) {
            return Ok(Transformed::no(plan));
        }
        // A subquery that still refers to a query around it, as LATERAL may, wants columns that nobody else names.
        let is_correlated = |node: &LogicalPlan| match node {
            LogicalPlan::Subquery(subquery) => !subquery.outer_ref_columns.is_empty(),
            _ => false,
        };
        if super::contains(&plan, is_correlated) {
            return Ok(Transformed::no(plan));
        }
        self.rewrite_below(plan, &Wanted::All)
    }
}

/// The columns of a plan that are wanted above it.
#[derive(Debug, Clone)]
enum Wanted {
    All,
    Only(HashSet<Column>),
}

impl Wanted {
    fn has(&self, column: &Column) -> bool {
        match self {
            Self::All => true,
            Self::Only(columns) => columns.contains(column),
        }
    }

    fn and(&self, more: HashSet<Column>) -> Self {
        match self {
            Self::All => Self::All,
            Self::Only(columns) => Self::Only(columns.union(&more).cloned().collect()),
        }
    }
}

/// A join, seen from the side that stays.
struct Sides<'a> {
    join: &'a Join,
    kept: &'a Arc<LogicalPlan>,
    other: &'a LogicalPlan,
    /// What is compared: columns of the side that stays, of the other.
    pairs: Vec<(Option<usize>, Option<usize>)>,
    /// Columns of the other side that are wanted above the join.
    wanted: BTreeSet<usize>,
}

/// A table, under other names perhaps.
struct Table {
    keys: Arc<KnownKeys>,
    /// The table's own names of the columns, where they are its.
    names: Vec<Option<String>>,
    /// Its rows are those for which these are true, in its own names.
    conditions: Vec<Expr>,
}

/// Columns that refer to the key that they are joined with.
struct Referring {
    /// Each with the key's column, by their positions in the sides.
    pairs: Vec<(usize, usize)>,
    /// What is left to be true of them: that they are not NULL, and what is true of the key.
    not_null: Vec<Expr>,
    conditions: Vec<Expr>,
}

impl EliminateJoin {
    pub(in crate::engine::optimizer) fn new(trusted: &Arc<TrustedKeys>) -> Self {
        Self { trusted: Arc::clone(trusted) }
    }

    fn rewrite_below(&self, plan: LogicalPlan, wanted: &Wanted) -> Result<Transformed<LogicalPlan>> {
        let plan = match plan {
            LogicalPlan::Join(join) => match self.without_join(&join, wanted)? {
                Some(smaller) => return Ok(Transformed::yes(self.rewrite_below(smaller, wanted)?.data)),
                None => LogicalPlan::Join(join),
            },
            other => other,
        };
        let mut of_inputs = wanted_of_inputs(&plan, wanted).into_iter();
        let rewritten =
            plan.map_children(|input| self.rewrite_below(input, &of_inputs.next().unwrap_or(Wanted::All)))?;
        // An input may have lost columns, or have them under NULLs.
        let rewritten = match rewritten.transformed {
            true => Transformed::yes(with_schema_of_inputs(rewritten.data)?),
            false => rewritten,
        };
        rewritten.transform_data(|plan| plan.map_subqueries(|subquery| self.rewrite_below(subquery, &Wanted::All)))
    }

    /// What stands for a join. None if it stays.
    fn without_join(&self, join: &Join, wanted: &Wanted) -> Result<Option<LogicalPlan>> {
        let left_stays = || Sides::new(join, true, wanted);
        let right_stays = || Sides::new(join, false, wanted);
        Ok(match join.join_type {
            JoinType::Inner => match self.without_partner(&left_stays())? {
                Some(plan) => Some(plan),
                None => self.without_partner(&right_stays())?,
            },
            JoinType::LeftSemi => self.without_partner(&left_stays())?,
            JoinType::RightSemi => self.without_partner(&right_stays())?,
            JoinType::Left => self.without_option(&left_stays())?,
            JoinType::Right => self.without_option(&right_stays())?,
            _ => None,
        })
    }

    /// Of an inner join or a semi-join.
    fn without_partner(&self, sides: &Sides<'_>) -> Result<Option<LogicalPlan>> {
        let Some(referring) = self.referring(sides) else { return Ok(None) };
        let plan = match conjunction(referring.not_null.into_iter().chain(referring.conditions)) {
            Some(condition) => Arc::new(LogicalPlan::Filter(Filter::try_new(condition, Arc::clone(sides.kept))?)),
            None => Arc::clone(sides.kept),
        };
        sides.with_wanted_columns(plan, &referring.pairs).map(Some)
    }

    /// Of an outer join whose other side is optional.
    fn without_option(&self, sides: &Sides<'_>) -> Result<Option<LogicalPlan>> {
        if sides.wanted.is_empty() {
            let columns = sides.pairs.iter().filter_map(|pair| pair.1).collect();
            let is_unique = derive(sides.other, &self.trusted).is_unique(&columns);
            return Ok(is_unique.then(|| sides.kept.as_ref().clone()));
        }
        match self.referring(sides) {
            // Of several columns one may be NULL, and the others not what the join gives.
            Some(referring) if referring.pairs.len() == 1 && referring.conditions.is_empty() => {
                sides.with_wanted_columns(Arc::clone(sides.kept), &referring.pairs).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The columns that stay and refer to the whole primary key of the other side. None if more is wanted of the other side, or it is not
    /// a table that is whole but for conditions on its key, or the join has other conditions.
    fn referring(&self, sides: &Sides<'_>) -> Option<Referring> {
        if sides.join.filter.is_some() {
            return None;
        }
        let pairs: Vec<(usize, usize)> =
            sides.pairs.iter().map(|(kept, other)| (*kept).zip(*other)).collect::<Option<_>>()?;
        if !sides.wanted.iter().all(|column| pairs.iter().any(|pair| pair.1 == *column)) {
            return None;
        }
        let table = self.table(sides.other)?;
        let key = &table.keys.primary;
        if pairs.len() != key.len() || !sides.have_same_types(&pairs) {
            return None;
        }
        let pair_of = |name: &String| pairs.iter().find(|pair| table.names[pair.1].as_ref() == Some(name)).copied();
        let pairs: Vec<(usize, usize)> = key.iter().map(pair_of).collect::<Option<_>>()?;
        let columns: Vec<usize> = pairs.iter().map(|pair| pair.0).collect();
        let kept = derive(sides.kept, &self.trusted);
        if !kept.references.iter().any(|known| known.table == table.keys.id && known.columns == columns) {
            return None;
        }
        let column = |place: &usize| Expr::Column(column_at(sides.kept.schema(), *place));
        let by_name: HashMap<&str, Expr> = key.iter().map(String::as_str).zip(columns.iter().map(column)).collect();
        let conditions = table.conditions.into_iter().map(|condition| of_referring(condition, &by_name));
        let not_null = columns.iter().filter(|place| !kept.not_null.contains(**place));
        Some(Referring {
            not_null: not_null.map(|place| column(place).is_not_null()).collect(),
            conditions: conditions.collect::<Option<_>>()?,
            pairs,
        })
    }

    fn table(&self, plan: &LogicalPlan) -> Option<Table> {
        match plan {
            LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
                let keys = self.trusted.of(&source_as_provider(&scan.source).ok()?)?;
                let names = scan.projected_schema.fields().iter().map(|field| Some(field.name().clone()));
                Some(Table { keys, names: names.collect(), conditions: scan.filters.clone() })
            }
            LogicalPlan::Filter(filter) => {
                let mut table = self.table(&filter.input)?;
                let schema = filter.input.schema();
                for condition in split_conjunction(&filter.predicate) {
                    let condition = in_own_names(condition.clone(), schema, &table.names)?;
                    // A scan may have been told of it, in the names that it has there.
                    if !table.conditions.iter().any(|known| is_same(known, &condition)) {
                        table.conditions.push(condition);
                    }
                }
                Some(table)
            }
            LogicalPlan::SubqueryAlias(alias) => self.table(&alias.input),
            LogicalPlan::Projection(projection) => {
                let table = self.table(&projection.input)?;
                let schema = projection.input.schema();
                let name = |expr: &Expr| plain_column(expr, schema).and_then(|column| table.names[column].clone());
                let names = projection.expr.iter().map(name).collect();
                Some(Table { names, ..table })
            }
            _ => None,
        }
    }
}

impl<'a> Sides<'a> {
    fn new(join: &'a Join, left_stays: bool, wanted: &Wanted) -> Self {
        let (kept, other) = if left_stays { (&join.left, &join.right) } else { (&join.right, &join.left) };
        let pairs = key_pairs(join).into_iter();
        let pairs = pairs.map(|(left, right)| if left_stays { (left, right) } else { (right, left) }).collect();
        let gives_other = !matches!(join.join_type, JoinType::LeftSemi | JoinType::RightSemi);
        let columns = 0..other.schema().fields().len();
        let wanted = columns.filter(|column| gives_other && wanted.has(&column_at(other.schema(), *column))).collect();
        Self { join, kept, other, pairs, wanted }
    }

    fn have_same_types(&self, pairs: &[(usize, usize)]) -> bool {
        let (kept, other) = (self.kept.schema(), self.other.schema());
        pairs.iter().all(|(one, two)| kept.field(*one).data_type() == other.field(*two).data_type())
    }

    /// The columns of the join in its order, but for what nobody wants: those of a key are the columns that refer to it.
    fn with_wanted_columns(&self, plan: Arc<LogicalPlan>, referring: &[(usize, usize)]) -> Result<LogicalPlan> {
        if self.wanted.is_empty() {
            return Ok(Arc::unwrap_or_clone(plan));
        }
        let (kept, other) = (self.kept.schema(), self.other.schema());
        let column = |place: usize| {
            let output = column_at(&self.join.schema, place);
            if kept.has_column(&output) {
                return Some(Expr::Column(output));
            }
            let key = other.maybe_index_of_column(&output).filter(|column| self.wanted.contains(column))?;
            let (column, _) = referring.iter().find(|pair| pair.1 == key)?;
            Some(Expr::Column(column_at(kept, *column)).alias_qualified(output.relation, output.name))
        };
        let columns = (0..self.join.schema.fields().len()).filter_map(column).collect();
        Projection::try_new(columns, plan).map(LogicalPlan::Projection)
    }
}

/// The node with its schema made anew. DataFusion leaves that of a union alone, whose columns may have NULLs now as far as one can see.
fn with_schema_of_inputs(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Union(union) = plan else { return plan.recompute_schema() };
    let is_nullable = |place: usize| union.inputs.iter().any(|input| input.schema().field(place).is_nullable());
    let fields = union.schema.iter().enumerate().map(|(place, (qualifier, field))| {
        (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(is_nullable(place))))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), union.schema.metadata().clone())?;
    Ok(LogicalPlan::Union(Union { inputs: union.inputs, schema: Arc::new(schema) }))
}

/// A condition with each column under the name that the table has for it. None for a column that is not the table's.
fn in_own_names(condition: Expr, schema: &DFSchema, names: &[Option<String>]) -> Option<Expr> {
    replaced(condition, |column| {
        let name = names[schema.maybe_index_of_column(column)?].clone()?;
        Some(Expr::Column(Column::from_name(name)))
    })
}

/// A condition on a key as one on the columns that refer to it. None if it is about more than the key, or is not the same each time.
fn of_referring(condition: Expr, by_name: &HashMap<&str, Expr>) -> Option<Expr> {
    let is_fixed = !condition.is_volatile() && !super::has_subquery(&condition);
    is_fixed.then(|| replaced(condition, |column| by_name.get(column.name.as_str()).cloned())).flatten()
}

/// The expression with all columns replaced; none if one of them cannot be.
fn replaced(expr: Expr, by: impl Fn(&Column) -> Option<Expr>) -> Option<Expr> {
    let mut is_whole = true;
    let replaced = expr.transform(|expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        match by(column) {
            Some(other) => Ok(Transformed::yes(other)),
            None => {
                is_whole = false;
                Ok(Transformed::no(expr))
            }
        }
    });
    replaced.ok().filter(|_| is_whole).map(|replaced| replaced.data)
}

/// Whether two conditions on one table are the same, whatever stands before its columns' names.
fn is_same(one: &Expr, other: &Expr) -> bool {
    let bare =
        |expr: &Expr| replaced(expr.clone(), |column| Some(Expr::Column(Column::from_name(column.name.clone()))));
    bare(one) == bare(other)
}

/// The columns that are wanted of each input.
fn wanted_of_inputs(plan: &LogicalPlan, wanted: &Wanted) -> Vec<Wanted> {
    let passes_columns = match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Window(_) => true,
        LogicalPlan::Join(_) => true,
        LogicalPlan::Extension(extension) => ansi::is_late_filter(extension),
        _ => false,
    };
    let of_input = |input: &LogicalPlan| match plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => {
            named_in(plan, input).map_or(Wanted::All, Wanted::Only)
        }
        LogicalPlan::SubqueryAlias(alias) => through_alias(wanted, &alias.schema, input),
        _ if passes_columns => named_in(plan, input).map_or(Wanted::All, |named| wanted.and(named)),
        _ => Wanted::All,
    };
    plan.inputs().into_iter().map(of_input).collect()
}

fn through_alias(wanted: &Wanted, schema: &DFSchema, input: &LogicalPlan) -> Wanted {
    match wanted {
        Wanted::All => Wanted::All,
        Wanted::Only(_) => {
            let places = (0..schema.fields().len()).filter(|place| wanted.has(&column_at(schema, *place)));
            Wanted::Only(places.map(|place| column_at(input.schema(), place)).collect())
        }
    }
}

/// The columns of an input that a node's own expressions name. None if there are subqueries in them: these name columns as well.
fn named_in(plan: &LogicalPlan, input: &LogicalPlan) -> Option<HashSet<Column>> {
    let (mut named, mut has_subquery) = (HashSet::new(), false);
    let schema = input.schema();
    let visited = plan.apply_expressions(|expr| {
        has_subquery |= super::has_subquery(expr);
        let places = expr.column_refs().into_iter().filter_map(|column| schema.maybe_index_of_column(column));
        named.extend(places.map(|place| column_at(schema, place)));
        Ok(TreeNodeRecursion::Continue)
    });
    (visited.is_ok() && !has_subquery).then_some(named)
}

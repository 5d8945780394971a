//! [`OrderJoins`]: joins in the order that is expected to be cheapest, instead of the one in which the statement names tables.
//!
//! ```text
//!   before   Join d_date_sk                        after   Join ss_item_sk
//!              Join i_item_sk                                Filter: i_category = 'Music'
//!                store_sales   28.8 M rows                     item
//!                item                                        Join ss_sold_date_sk
//!              Filter: d_year = 2000                           Filter: d_year = 2000
//!                date_dim                                        date_dim
//!                                                              store_sales
//! ```
//!
//! A region is all joins that hang together, of any kind but null-aware ones, with projections of plain columns and filters
//! between them; what stands below is a relation, and has been through the rule before. [`join_order`]
//! finds the tree, which says why it gives the same rows; here it is taken out of operators and put back into them. The left input
//! of a join is its build side; DataFusion's `JoinSelection` has the last word on that, and goes by the same estimates.
//!
//! A region stays as it is if one of its conditions can fail or is volatile: in another order it would see other rows. It stays, too,
//! if the best tree is expected to cost nearly as much.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinSide, JoinType, NullEquality, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::utils::{collect_columns, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::replace_children_if_necessary;

use super::row_filter_cost::{self, FilterScans};
use super::{is_movable, parquet_scan};
use crate::engine::columns::with_columns;
use crate::engine::optimizer::join_order::{
    self, Algorithm, Derived, Equality, Join, JoinKind, KeyColumn, Limits, Predicate, Relation, RelationSet, Scan,
    Side, Tree,
};
use crate::engine::settings::OptimizerOptions;
use crate::engine::statistics::{
    ColumnEstimate, Estimate, KeyPair, Knowledge, column_of, equal_share, estimate, of_key, share, shares_within,
};

/// No condition is expected to leave less of all pairs of rows.
const LEAST_SHARE: f64 = 1e-12;

/// The number of the first column that a mark join makes; those of relations have lower ones.
const FIRST_MARK: usize = 1 << 24;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct OrderJoins {
    knowledge: Arc<Knowledge>,
}

impl OrderJoins {
    pub(in crate::engine::optimizer) fn new(knowledge: &Arc<Knowledge>) -> Self {
        Self { knowledge: Arc::clone(knowledge) }
    }
}

/// What joins are ordered by.
struct Ordering<'a> {
    knowledge: &'a Knowledge,
    model: FilterScans,
}

impl Ordering<'_> {
    /// The plan with every region in it in its best order, those at the bottom first.
    fn order(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(region) = Region::below(&plan) {
            return self.order_region(plan, region);
        }
        let inputs = plan.children().into_iter().map(|input| self.order(Arc::clone(input)));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, inputs)
    }

    fn order_region(&self, plan: Arc<dyn ExecutionPlan>, mut region: Region) -> Result<Arc<dyn ExecutionPlan>> {
        let mut is_changed = false;
        for leaf in &mut region.leaves {
            let ordered = self.order(Arc::clone(&leaf.plan))?;
            is_changed |= !Arc::ptr_eq(&ordered, &leaf.plan);
            leaf.plan = ordered;
        }
        let ordered = match region.best_tree(self) {
            Some((tree, conditions)) => region.build(&tree, &conditions, &plan.schema())?,
            None => None,
        };
        match ordered {
            Some(ordered) => Ok(ordered),
            None if is_changed => replace_leaves(plan, &mut region.leaves.into_iter().map(|leaf| leaf.plan)),
            None => Ok(plan),
        }
    }
}

impl PhysicalOptimizerRule for OrderJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !OptimizerOptions::of(config).join_order {
            return Ok(plan);
        }
        let model = FilterScans::new(config);
        Ordering { knowledge: &self.knowledge, model }.order(plan)
    }

    fn name(&self) -> &str {
        "OrderJoins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Joins that hang together. Columns are numbered over all leaves, one leaf after the other; those of mark joins from [`FIRST_MARK`] on.
struct Region {
    leaves: Vec<Leaf>,
    /// How many mark joins there are.
    marks: usize,
    conditions: Vec<Condition>,
    /// The sides of equalities, each once.
    sides: Vec<PhysicalExprRef>,
    tree: Tree,
    /// The columns of the region's result.
    outputs: Vec<usize>,
    mode: PartitionMode,
}

struct Leaf {
    plan: Arc<dyn ExecutionPlan>,
    first_column: usize,
}

/// A condition of the region, over its numbers of columns.
#[derive(Debug, Clone)]
enum Condition {
    /// `left = right`, which is not true for NULL.
    Equal(PhysicalExprRef, PhysicalExprRef),
    Other(PhysicalExprRef),
}

/// A part of the region while it is taken apart.
struct Part {
    tree: Tree,
    /// The columns of its result.
    outputs: Vec<usize>,
}

impl Region {
    /// The region whose topmost operator is `plan`; none if that is no join, or one that must stay where it is.
    fn below(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        if !is_join(plan.as_ref()) {
            return None;
        }
        let mut region = Self {
            leaves: Vec::new(),
            marks: 0,
            conditions: Vec::new(),
            sides: Vec::new(),
            tree: Tree::Relation(0),
            outputs: Vec::new(),
            mode: PartitionMode::Auto,
        };
        let part = region.take(plan)?;
        (region.tree, region.outputs) = (part.tree, part.outputs);
        (region.leaves.len() > 2).then_some(region)
    }

    /// Takes a part of the region apart. None if one of its conditions must stay where it is.
    fn take(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Option<Part> {
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>()
            && is_join_below(projection.input())
            && let Some(columns) = plain_columns(projection)
        {
            let part = self.take(projection.input())?;
            let outputs = columns.into_iter().map(|column| part.outputs[column]).collect();
            return Some(Part { outputs, ..part });
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>()
            && filter.fetch().is_none()
            && is_inner_join(filter.input().as_ref())
            && is_movable(filter.predicate())
        {
            return self.take_filter(filter);
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>().filter(|join| is_orderable(join)) {
            return self.take_hash_join(join);
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>().filter(|_| is_inner_join(plan.as_ref())) {
            let (left, right) = (self.take(join.left())?, self.take(join.right())?);
            let conditions = self.join_filter(join.filter(), &left, &right)?;
            return Some(self.joined(JoinType::Inner, conditions, left, right, join.projection().as_deref()));
        }
        if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
            let (left, right) = (self.take(join.left())?, self.take(join.right())?);
            return Some(self.joined(JoinType::Inner, Vec::new(), left, right, None));
        }
        Some(self.take_leaf(plan))
    }

    fn take_leaf(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Part {
        let first_column = self.leaves.last().map_or(0, |leaf| leaf.first_column + leaf.plan.schema().fields().len());
        let outputs = (first_column..first_column + plan.schema().fields().len()).collect();
        self.leaves.push(Leaf { plan: Arc::clone(plan), first_column });
        Part { tree: Tree::Relation(self.leaves.len() - 1), outputs }
    }

    fn take_filter(&mut self, filter: &FilterExec) -> Option<Part> {
        let mut part = self.take(filter.input())?;
        let conditions: Vec<_> = split_conjunction(filter.predicate())
            .into_iter()
            .map(|condition| self.add(Condition::of(&renumbered(condition, &part.outputs))))
            .collect();
        if let Tree::Join(join) = &mut part.tree {
            join.predicates.extend(conditions);
        }
        if let Some(projection) = filter.projection() {
            part.outputs = projection.iter().map(|column| part.outputs[*column]).collect();
        }
        Some(part)
    }

    fn take_hash_join(&mut self, join: &HashJoinExec) -> Option<Part> {
        self.mode = *join.partition_mode();
        let (left, right) = (self.take(join.left())?, self.take(join.right())?);
        let mut conditions = Vec::new();
        for (l, r) in join.on() {
            let (l, r) = (renumbered(l, &left.outputs), renumbered(r, &right.outputs));
            let equal: PhysicalExprRef = Arc::new(BinaryExpr::new(l, Operator::Eq, r));
            conditions.push(self.add(Condition::of(&equal)));
        }
        conditions.extend(self.join_filter(join.filter(), &left, &right)?);
        Some(self.joined(*join.join_type(), conditions, left, right, join.projection.as_deref()))
    }

    fn join_filter(&mut self, filter: Option<&JoinFilter>, left: &Part, right: &Part) -> Option<Vec<Predicate>> {
        let Some(filter) = filter else { return Some(Vec::new()) };
        if !is_movable(filter.expression()) {
            return None;
        }
        let column = |index: &ColumnIndex| match index.side {
            JoinSide::Left => left.outputs.get(index.index).copied(),
            JoinSide::Right => right.outputs.get(index.index).copied(),
            JoinSide::None => None,
        };
        let columns: Option<Vec<usize>> = filter.column_indices().iter().map(column).collect();
        let columns = columns?;
        let conditions = split_conjunction(filter.expression()).into_iter();
        Some(conditions.map(|condition| self.add(Condition::of(&renumbered(condition, &columns)))).collect())
    }

    fn joined(
        &mut self,
        join_type: JoinType,
        predicates: Vec<Predicate>,
        left: Part,
        right: Part,
        projection: Option<&[usize]>,
    ) -> Part {
        let kind = kind_of(join_type);
        let id = matches!(kind, JoinKind::LeftMark | JoinKind::RightMark).then_some(self.marks);
        self.marks += usize::from(id.is_some());
        let mut outputs = columns_of(kind, id, &left.outputs, &right.outputs);
        if let Some(projection) = projection {
            outputs = projection.iter().map(|column| outputs[*column]).collect();
        }
        let join = Join { kind, left: left.tree, right: right.tree, predicates, id };
        Part { tree: Tree::Join(Box::new(join)), outputs }
    }

    /// Numbers a condition. What it leaves is put in when all leaves are known.
    fn add(&mut self, condition: Condition) -> Predicate {
        let id = self.conditions.len();
        let (left, right) = match &condition {
            Condition::Equal(left, right) => (self.relations(left), self.relations(right)),
            Condition::Other(expr) => (self.relations(expr), RelationSet::EMPTY),
        };
        let rejects_nulls = if condition.rejects_nulls() { left | right } else { RelationSet::EMPTY };
        let equality = match &condition {
            Condition::Equal(left, right) => {
                let (left, right) = (self.side(left), self.side(right));
                Some(Equality { class: 0, left, right })
            }
            Condition::Other(_) => None,
        };
        let marks = condition.columns().into_iter().filter_map(|column| column.checked_sub(FIRST_MARK)).collect();
        self.conditions.push(condition);
        Predicate {
            id,
            left,
            right,
            rejects_nulls,
            selectivity: 1.0,
            is_hashable: equality.is_some(),
            equality,
            marks,
            keys: [KeyColumn::UNKNOWN; 2],
        }
    }

    fn side(&mut self, expr: &PhysicalExprRef) -> usize {
        self.sides.iter().position(|known| known == expr).unwrap_or_else(|| {
            self.sides.push(Arc::clone(expr));
            self.sides.len() - 1
        })
    }

    fn relations(&self, expr: &PhysicalExprRef) -> RelationSet {
        let columns = collect_columns(expr);
        let of_leaves = columns.iter().map(Column::index).filter(|column| *column < FIRST_MARK);
        of_leaves.fold(RelationSet::EMPTY, |all, column| all | RelationSet::single(self.leaf_of(column)))
    }

    fn leaf_of(&self, column: usize) -> usize {
        self.leaves.partition_point(|leaf| leaf.first_column <= column) - 1
    }

    /// The best tree with its conditions; none if the region stays as it is.
    fn best_tree(&self, by: &Ordering<'_>) -> Option<(Tree, Vec<Condition>)> {
        if self.leaves.len() > RelationSet::CAPACITY {
            return None;
        }
        let estimates: Vec<Estimate> =
            self.leaves.iter().map(|leaf| estimate(leaf.plan.as_ref(), by.knowledge)).collect();
        let is_told =
            |(leaf, estimate): (&Leaf, &Estimate)| leaf.plan.schema().fields().len() == estimate.columns.len();
        if !self.leaves.iter().zip(&estimates).all(is_told) {
            return None;
        }
        let relations: Vec<Relation> = estimates
            .iter()
            .zip(&self.leaves)
            .map(|(estimate, leaf)| Relation {
                rows: estimate.rows.max(1e-3),
                width_bytes: estimate.width_bytes(),
                scan: scan(&leaf.plan, by.knowledge),
            })
            .collect();
        let mut tree = self.tree.clone();
        let selectivities = Selectivities::new(self, &estimates);
        selectivities.fill(&mut tree);
        let (mut tree, derived) = join_order::derive_transitive(&tree, &relations).ok()?;
        let mut conditions = self.conditions.clone();
        conditions.extend(derived.iter().map(|derived| derive(derived, &self.conditions)));
        selectivities.fill_keys(&mut tree, &conditions);
        let limits = Limits { swap_initial_sides: true, ..Limits::default() };
        let outcome = join_order::order(&tree, &relations, &by.model, limits).ok()?;
        (outcome.algorithm != Algorithm::Initial).then_some((outcome.tree, conditions))
    }

    /// The operators of a tree, with the columns of the region's result. None if their schema is not the one that the region had.
    fn build(
        &self,
        tree: &Tree,
        conditions: &[Condition],
        schema: &SchemaRef,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let needed: BTreeSet<usize> = self.outputs.iter().copied().collect();
        let (plan, columns) = self.operator(tree, conditions, &needed)?;
        let positions: BTreeMap<usize, usize> =
            columns.iter().enumerate().map(|(place, column)| (*column, place)).collect();
        let outputs = self.outputs.iter().zip(schema.fields()).map(|(column, field)| {
            let place = positions[column];
            ProjectionExpr::new(Arc::new(Column::new(plan.schema().field(place).name(), place)), field.name())
        });
        let outputs: Vec<ProjectionExpr> = outputs.collect();
        let plan: Arc<dyn ExecutionPlan> = match columns == self.outputs && plan.schema().fields() == schema.fields() {
            true => plan,
            false => Arc::new(ProjectionExec::try_new(outputs, plan)?),
        };
        Ok((plan.schema().fields() == schema.fields()).then_some(plan))
    }

    fn operator(
        &self,
        tree: &Tree,
        conditions: &[Condition],
        needed: &BTreeSet<usize>,
    ) -> Result<(Arc<dyn ExecutionPlan>, Vec<usize>)> {
        let join = match tree {
            Tree::Relation(relation) => {
                let leaf = &self.leaves[*relation];
                let columns = leaf.first_column..leaf.first_column + leaf.plan.schema().fields().len();
                return Ok((Arc::clone(&leaf.plan), columns.collect()));
            }
            Tree::Join(join) => join,
        };
        let mut below = needed.clone();
        for predicate in &join.predicates {
            below.extend(conditions[predicate.id].columns());
        }
        let (left, left_columns) = self.operator(&join.left, conditions, &below)?;
        let (right, right_columns) = self.operator(&join.right, conditions, &below)?;
        let (left_schema, right_schema) = (left.schema(), right.schema());
        let sides = Sides { left: (&left_columns, &left_schema), right: (&right_columns, &right_schema) };
        let (on, others) = sides.split(join, conditions);
        let filter = conjunction_of(others).map(|filter| sides.filter(&filter));
        let join_type = type_of(join.kind);
        let columns = columns_of(join.kind, join.id, &left_columns, &right_columns);
        let kept: Vec<usize> = (0..columns.len()).filter(|place| needed.contains(&columns[*place])).collect();
        // A join without columns has no rows to count: it keeps one.
        let kept = if kept.is_empty() { vec![0] } else { kept };
        let projection = (kept.len() < columns.len()).then(|| kept.clone());
        let plan: Arc<dyn ExecutionPlan> = match (on.is_empty(), filter) {
            (true, None) if join.kind == JoinKind::Inner => {
                return Ok((Arc::new(CrossJoinExec::new(left, right)), columns));
            }
            (true, filter) => Arc::new(NestedLoopJoinExec::try_new(left, right, filter, &join_type, projection)?),
            (false, filter) => Arc::new(HashJoinExec::try_new(
                left,
                right,
                on,
                filter,
                &join_type,
                projection,
                self.mode,
                NullEquality::NullEqualsNothing,
                false,
            )?),
        };
        Ok((plan, kept.into_iter().map(|place| columns[place]).collect()))
    }
}

impl Condition {
    fn of(expr: &PhysicalExprRef) -> Self {
        match expr.downcast_ref::<BinaryExpr>() {
            Some(binary) if *binary.op() == Operator::Eq && can_be_key(binary.left()) && can_be_key(binary.right()) => {
                Self::Equal(Arc::clone(binary.left()), Arc::clone(binary.right()))
            }
            _ => Self::Other(Arc::clone(expr)),
        }
    }

    /// Whether it is not true if all columns of one relation are NULL: a comparison of what is NULL if one of its columns is.
    fn rejects_nulls(&self) -> bool {
        match self {
            Self::Equal(left, right) => is_strict(left) && is_strict(right),
            Self::Other(expr) => expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| {
                use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
                matches!(binary.op(), Eq | NotEq | Lt | LtEq | Gt | GtEq)
                    && is_strict(binary.left())
                    && is_strict(binary.right())
            }),
        }
    }

    fn columns(&self) -> Vec<usize> {
        let of = |expr: &PhysicalExprRef| collect_columns(expr).into_iter().map(|column| column.index());
        match self {
            Self::Equal(left, right) => of(left).chain(of(right)).collect(),
            Self::Other(expr) => of(expr).collect(),
        }
    }

    fn expr(&self) -> PhysicalExprRef {
        match self {
            Self::Equal(left, right) => Arc::new(BinaryExpr::new(Arc::clone(left), Operator::Eq, Arc::clone(right))),
            Self::Other(expr) => Arc::clone(expr),
        }
    }
}

fn derive(derived: &Derived, conditions: &[Condition]) -> Condition {
    let side = |operand: join_order::Operand| match (&conditions[operand.predicate], operand.side) {
        (Condition::Equal(left, _), Side::Left) => Arc::clone(left),
        (Condition::Equal(_, right), Side::Right) => Arc::clone(right),
        (Condition::Other(expr), _) => Arc::clone(expr),
    };
    Condition::Equal(side(derived.left), side(derived.right))
}

/// The columns of a join's two inputs.
struct Sides<'a> {
    left: (&'a [usize], &'a Schema),
    right: (&'a [usize], &'a Schema),
}

impl Sides<'_> {
    /// The keys of a join, over the columns of its inputs, and its other conditions.
    fn split(
        &self,
        join: &Join,
        conditions: &[Condition],
    ) -> (Vec<(PhysicalExprRef, PhysicalExprRef)>, Vec<PhysicalExprRef>) {
        let (mut on, mut others) = (Vec::new(), Vec::new());
        for predicate in &join.predicates {
            let condition = &conditions[predicate.id];
            let Condition::Equal(one, other) = condition else {
                others.push(condition.expr());
                continue;
            };
            if let (Some(left), Some(right)) = (placed(one, self.left), placed(other, self.right)) {
                on.push((left, right));
            } else if let (Some(left), Some(right)) = (placed(other, self.left), placed(one, self.right)) {
                on.push((left, right));
            } else {
                others.push(condition.expr());
            }
        }
        (on, others)
    }

    fn filter(&self, expr: &PhysicalExprRef) -> JoinFilter {
        let columns: BTreeSet<usize> = collect_columns(expr).into_iter().map(|column| column.index()).collect();
        let columns: Vec<usize> = columns.into_iter().collect();
        let (mut indices, mut fields) = (Vec::new(), Vec::new());
        for column in &columns {
            let place = |(columns, _): (&[usize], &Schema)| columns.iter().position(|known| known == column);
            let (index, side, schema) = match place(self.left) {
                Some(index) => (index, JoinSide::Left, self.left.1),
                None => (place(self.right).unwrap_or_default(), JoinSide::Right, self.right.1),
            };
            indices.push(ColumnIndex { index, side });
            fields.push(schema.field(index).clone());
        }
        let schema = Schema::new(fields);
        let expr = placed(expr, (&columns, &schema)).unwrap_or_else(|| Arc::clone(expr));
        JoinFilter::new(expr, indices, Arc::new(schema))
    }
}

/// What the conditions of a region leave, each of all pairs of rows.
///
/// Several equalities between the same relations are one key, and the first has what the key leaves. Keys are taken one after the other, those first
/// that leave the least of a relation, and what they leave of it narrows its other columns for those that come after: if weeks leave a year of
/// `date_dim`, the days of `inventory` meet a year of days and not two centuries.
struct Selectivities<'a> {
    region: &'a Region,
    /// What is known of all relations' columns when all keys have been taken, and the rows of the largest relation.
    all: Estimate,
    /// By the numbers of conditions.
    shares: BTreeMap<usize, f64>,
}

/// The equalities between two sets of relations.
struct Key {
    conditions: Vec<usize>,
    is_inner: bool,
}

impl<'a> Selectivities<'a> {
    fn new(region: &'a Region, estimates: &[Estimate]) -> Self {
        let columns = estimates.iter().flat_map(|relation| relation.columns.iter().cloned()).collect();
        let all = Estimate { rows: estimates.iter().map(|relation| relation.rows).fold(1.0, f64::max), columns };
        let mut found = Self { region, all, shares: BTreeMap::new() };
        let mut keys = Vec::new();
        found.collect(&region.tree, &mut keys);
        keys.sort_by(|a, b| found.least_share(a).total_cmp(&found.least_share(b)));
        for key in keys {
            found.take(&key);
        }
        found
    }

    /// Finds the keys of a tree, and what its other conditions leave.
    fn collect(&mut self, tree: &Tree, keys: &mut Vec<Key>) {
        let Tree::Join(join) = tree else { return };
        let mut of_sides: BTreeMap<(RelationSet, RelationSet), Vec<usize>> = BTreeMap::new();
        for predicate in &join.predicates {
            match &self.region.conditions[predicate.id] {
                Condition::Equal(..) => {
                    of_sides.entry((predicate.left, predicate.right)).or_default().push(predicate.id)
                }
                Condition::Other(expr) => {
                    self.shares.insert(predicate.id, share(expr, &self.all).max(LEAST_SHARE));
                }
            }
        }
        let is_inner = join.kind == JoinKind::Inner;
        keys.extend(of_sides.into_values().map(|conditions| Key { conditions, is_inner }));
        self.collect(&join.left, keys);
        self.collect(&join.right, keys);
    }

    /// The share that the ranges of a key's columns leave of the relation of which they leave less.
    fn least_share(&self, key: &Key) -> f64 {
        let pairs = key.conditions.iter().filter_map(|id| self.pair(&self.region.conditions[*id]));
        pairs.flat_map(|(left, right)| shares_within((&left, &right))).fold(1.0, f64::min)
    }

    fn take(&mut self, key: &Key) {
        let pairs = key.conditions.iter().filter_map(|id| self.pair(&self.region.conditions[*id])).collect::<Vec<_>>();
        let pairs: Vec<KeyPair<'_>> = pairs.iter().map(|(left, right)| (left, right)).collect();
        let share = equal_share(&pairs).max(LEAST_SHARE);
        self.shares.insert(key.conditions[0], share.min(1.0));
        for id in key.conditions.iter().filter(|_| key.is_inner) {
            self.narrow(&self.region.conditions[*id]);
        }
    }

    /// Narrows the columns beside those of an equality to rows in the other one's range.
    fn narrow(&mut self, condition: &Condition) {
        let Condition::Equal(left, right) = condition else { return };
        let Some((left, right)) = column_of(left).zip(column_of(right)) else { return };
        let range = |column: usize| self.all.columns.get(column)?.range;
        if let Some((of_left, of_right)) = range(left).zip(range(right)) {
            self.all.narrow_beside(left, of_right);
            self.all.narrow_beside(right, of_left);
        }
    }

    /// Puts the shares into a tree.
    fn fill(&self, tree: &mut Tree) {
        let Tree::Join(join) = tree else { return };
        for predicate in &mut join.predicates {
            predicate.selectivity = self.shares.get(&predicate.id).copied().unwrap_or(1.0);
        }
        self.fill(&mut join.left);
        self.fill(&mut join.right);
    }

    /// Puts into a tree what is known of keys.
    fn fill_keys(&self, tree: &mut Tree, conditions: &[Condition]) {
        let Tree::Join(join) = tree else { return };
        for predicate in &mut join.predicates {
            let Condition::Equal(left, right) = &conditions[predicate.id] else { continue };
            predicate.keys = [self.key_column(left), self.key_column(right)];
            if let Some((left, right)) = self.pair(&conditions[predicate.id]) {
                [predicate.keys[0].within, predicate.keys[1].within] = shares_within((&left, &right));
            }
        }
        self.fill_keys(&mut join.left, conditions);
        self.fill_keys(&mut join.right, conditions);
    }

    /// What is known of a key that is a column.
    fn key_column(&self, key: &PhysicalExprRef) -> KeyColumn {
        let Some(column) = key.downcast_ref::<Column>().map(Column::index) else { return KeyColumn::UNKNOWN };
        let Some(estimate) = self.all.columns.get(column) else { return KeyColumn::UNKNOWN };
        let leaf = &self.region.leaves[self.region.leaf_of(column)];
        let is_whole = leaf.plan.schema().field(column - leaf.first_column).data_type().is_integer();
        let range = estimate.range.filter(|_| is_whole).map_or(f64::INFINITY, |range| range.width());
        KeyColumn { range, run_rows: estimate.run_rows().unwrap_or(1.0), ..KeyColumn::UNKNOWN }
    }

    fn pair(&self, condition: &Condition) -> Option<(ColumnEstimate, ColumnEstimate)> {
        let Condition::Equal(left, right) = condition else { return None };
        of_key(left, &self.all).zip(of_key(right, &self.all))
    }
}

/// A scan of Parquet files, which can filter rows before it has decoded them; none for other relations.
fn scan(plan: &Arc<dyn ExecutionPlan>, knowledge: &Knowledge) -> Option<Scan> {
    let filtered = plan.downcast_ref::<FilterExec>().map(FilterExec::input);
    if let Some(input) = filtered.or_else(|| plan.downcast_ref::<ProjectionExec>().map(ProjectionExec::input)) {
        return scan(input, knowledge);
    }
    let estimate = parquet_scan(plan).map(|_| estimate(plan.as_ref(), knowledge))?;
    Some(Scan { rows: estimate.rows.max(1e-3), decode_ns: row_filter_cost::decode_row_ns(&estimate) })
}

fn conjunction_of(conditions: Vec<PhysicalExprRef>) -> Option<PhysicalExprRef> {
    (!conditions.is_empty()).then(|| conjunction(conditions))
}

/// The expression with each column as the one of the schema at its place among `columns`; none if one is not among them.
fn placed(expr: &PhysicalExprRef, (columns, schema): (&[usize], &Schema)) -> Option<PhysicalExprRef> {
    with_columns(expr, |column| {
        let place = columns.iter().position(|known| *known == column.index())?;
        Some(Arc::new(Column::new(schema.field(place).name(), place)))
    })
}

/// The expression with each column given the number at its place in `columns`.
fn renumbered(expr: &PhysicalExprRef, columns: &[usize]) -> PhysicalExprRef {
    let moved = with_columns(expr, |column| Some(Arc::new(Column::new(column.name(), columns[column.index()]))));
    moved.unwrap_or_else(|| Arc::clone(expr))
}

/// The columns of a join's result. `mark` is the number of a mark join, which adds one.
fn columns_of(kind: JoinKind, mark: Option<usize>, left: &[usize], right: &[usize]) -> Vec<usize> {
    let sides = match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti | JoinKind::LeftMark => [left, &[]],
        JoinKind::RightSemi | JoinKind::RightAnti | JoinKind::RightMark => [&[], right],
        JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => [left, right],
    };
    sides.into_iter().flatten().copied().chain(mark.map(|mark| FIRST_MARK + mark)).collect()
}

/// Whether an expression may be a side of a join's key: there are columns in it, and none that a mark join makes.
fn can_be_key(expr: &PhysicalExprRef) -> bool {
    let columns = collect_columns(expr);
    !columns.is_empty() && columns.iter().all(|column| column.index() < FIRST_MARK)
}

/// Whether an expression is NULL if one of its columns is.
fn is_strict(expr: &PhysicalExprRef) -> bool {
    if expr.downcast_ref::<Column>().is_some() || expr.downcast_ref::<Literal>().is_some() {
        return true;
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return is_strict(cast.expr());
    }
    expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| {
        use Operator::{Divide, Minus, Modulo, Multiply, Plus};
        matches!(binary.op(), Plus | Minus | Multiply | Divide | Modulo)
            && is_strict(binary.left())
            && is_strict(binary.right())
    })
}

fn is_orderable(join: &HashJoinExec) -> bool {
    !join.null_aware
        && join.fetch().is_none()
        && join.null_equality() == NullEquality::NullEqualsNothing
        && join.on().iter().all(|(left, right)| is_movable(left) && is_movable(right))
        && join.filter().is_none_or(|filter| is_movable(filter.expression()))
}

fn is_join(plan: &dyn ExecutionPlan) -> bool {
    plan.downcast_ref::<HashJoinExec>().is_some_and(is_orderable) || is_inner_join(plan)
}

/// Whether it is a join that only leaves pairs out.
fn is_inner_join(plan: &dyn ExecutionPlan) -> bool {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return *join.join_type() == JoinType::Inner && is_orderable(join);
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let is_free = join.fetch().is_none() && join.filter().is_none_or(|filter| is_movable(filter.expression()));
        return *join.join_type() == JoinType::Inner && is_free;
    }
    plan.downcast_ref::<CrossJoinExec>().is_some()
}

fn is_join_below(plan: &Arc<dyn ExecutionPlan>) -> bool {
    is_join(plan.as_ref())
        || plan.downcast_ref::<FilterExec>().is_some_and(|filter| is_inner_join(filter.input().as_ref()))
        || plan.downcast_ref::<ProjectionExec>().is_some_and(|projection| is_join_below(projection.input()))
}

/// The columns of a projection that computes nothing.
fn plain_columns(projection: &ProjectionExec) -> Option<Vec<usize>> {
    let columns = projection.expr().iter().map(|projected| projected.expr.downcast_ref::<Column>());
    columns.map(|column| column.map(Column::index)).collect()
}

/// The region's operators as they were, above other leaves.
fn replace_leaves(
    plan: Arc<dyn ExecutionPlan>,
    leaves: &mut impl Iterator<Item = Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let is_inside = is_join(plan.as_ref()) || is_join_below(&plan);
    if !is_inside {
        return Ok(leaves.next().unwrap_or(plan));
    }
    let inputs = plan.children().into_iter().cloned().collect::<Vec<_>>();
    let inputs = inputs.into_iter().map(|input| replace_leaves(input, leaves)).collect::<Result<Vec<_>>>()?;
    replace_children_if_necessary(plan, inputs)
}

fn kind_of(join_type: JoinType) -> JoinKind {
    match join_type {
        JoinType::Inner => JoinKind::Inner,
        JoinType::Left => JoinKind::Left,
        JoinType::Right => JoinKind::Right,
        JoinType::Full => JoinKind::Full,
        JoinType::LeftSemi => JoinKind::LeftSemi,
        JoinType::RightSemi => JoinKind::RightSemi,
        JoinType::LeftAnti => JoinKind::LeftAnti,
        JoinType::RightAnti => JoinKind::RightAnti,
        JoinType::LeftMark => JoinKind::LeftMark,
        JoinType::RightMark => JoinKind::RightMark,
    }
}

fn type_of(kind: JoinKind) -> JoinType {
    match kind {
        JoinKind::Inner => JoinType::Inner,
        JoinKind::Left => JoinType::Left,
        JoinKind::Right => JoinType::Right,
        JoinKind::Full => JoinType::Full,
        JoinKind::LeftSemi => JoinType::LeftSemi,
        JoinKind::RightSemi => JoinType::RightSemi,
        JoinKind::LeftAnti => JoinType::LeftAnti,
        JoinKind::RightAnti => JoinType::RightAnti,
        JoinKind::LeftMark => JoinType::LeftMark,
        JoinKind::RightMark => JoinType::RightMark,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use arrow::util::pretty::pretty_format_batches;
    use expect_test::{Expect, expect};

    use crate::engine::Engine;
    use crate::engine::test_support::engine;

    /// Engines with the rule and without, with the same tables.
    async fn engines(tables: &[String]) -> [Engine; 2] {
        let mut engines = Vec::new();
        for on in ["true", "false"] {
            let join_order = format!("engine.optimizer.join_order={on}");
            let engine = engine("default", &[&join_order, "datafusion.execution.target_partitions=2"]).await;
            for table in tables {
                engine.run(table).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            }
            engines.push(engine);
        }
        engines.try_into().expect("two")
    }

    async fn rows(engine: &Engine, sql: &str) -> Vec<String> {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut rows: Vec<String> =
            pretty_format_batches(&batches).expect("text").to_string().lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }

    /// The order of joins and scans in a plan, each indented by its depth.
    async fn shape(engine: &Engine, sql: &str) -> String {
        let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let operators = plan.operators();
        let is_shown = |name: &str| name.contains("Join") || name == "DataSourceExec";
        let shown = operators.iter().filter(|operator| is_shown(&operator.name));
        let top = shown.clone().map(|operator| operator.depth).min().unwrap_or_default();
        let mut shape = String::new();
        for operator in shown {
            let detail = operator.detail.split(", projection").next().unwrap_or_default().trim().to_owned();
            writeln!(shape, "{:depth$}{detail}", "", depth = operator.depth - top).expect("a string");
        }
        shape
    }

    /// The keys of joins, topmost first.
    async fn joins(engine: &Engine, sql: &str) -> String {
        let shape = shape(engine, sql).await;
        let joins = shape.lines().filter_map(|line| Some(line.split_once("on=")?.1));
        joins.collect::<Vec<_>>().join("\n")
    }

    /// Tables in files.
    fn files(folder: &Path, tables: &[(&str, &str)]) -> Vec<String> {
        let statements = tables.iter().flat_map(|(name, rows)| {
            let file = folder.join(format!("{name}.parquet"));
            [
                format!("copy ({rows}) to '{}'", file.display()),
                format!("create external table {name} stored as parquet location '{}'", file.display()),
            ]
        });
        statements.collect()
    }

    fn star() -> Vec<String> {
        let fact = "create table fact as select value as id, value % 50 as a, value % 20 as b, value % 7 as c \
                    from generate_series(1, 2000)";
        let mut tables = vec![fact.to_owned()];
        for (name, rows) in [("a", 50), ("b", 20), ("c", 7)] {
            tables.push(format!(
                "create table {name} as select value as id, value % 10 as x from generate_series(0, {rows} - 1)"
            ));
        }
        tables
    }

    async fn check(sql: &str, expected: Expect) {
        let [on, off] = engines(&star()).await;
        assert_eq!(rows(&on, sql).await, rows(&off, sql).await, "{sql}");
        expected.assert_eq(&shape(&on, sql).await);
    }

    async fn check_unchanged(sql: &str) {
        let [on, off] = engines(&star()).await;
        assert_eq!(shape(&on, sql).await, shape(&off, sql).await, "{sql}");
        assert_eq!(rows(&on, sql).await, rows(&off, sql).await, "{sql}");
    }

    #[tokio::test]
    async fn what_leaves_most_out_comes_first() {
        check(
            "select count(*) from fact join a on fact.a = a.id join b on fact.b = b.id join c on fact.c = c.id where c.x = 3",
            expect![[r#"
                HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, b@1)]
                  DataSourceExec: partitions=2, partition_sizes=[1, 0]
                 HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, a@1)]
                   DataSourceExec: partitions=2, partition_sizes=[1, 0]
                  HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, c@2)]
                     DataSourceExec: partitions=2, partition_sizes=[1, 0]
                   DataSourceExec: partitions=2, partition_sizes=[1, 0]
            "#]],
        )
        .await;
        check(
            "select count(*) from fact join a on fact.a = a.id left join b on fact.b = b.id \
             where fact.c in (select id from c where x = 3)",
            expect![[r#"
                HashJoinExec: mode=CollectLeft, join_type=Right, on=[(id@0, b@0)]
                  DataSourceExec: partitions=2, partition_sizes=[1, 0]
                 HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, a@0)]
                   DataSourceExec: partitions=2, partition_sizes=[1, 0]
                  HashJoinExec: mode=CollectLeft, join_type=RightSemi, on=[(id@0, c@2)]
                     DataSourceExec: partitions=2, partition_sizes=[1, 0]
                   DataSourceExec: partitions=2, partition_sizes=[1, 0]
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn does_not_fire() {
        check_unchanged("select count(*) from fact join a on fact.a = a.id").await;
        // The condition must not see rows that the join with `c` leaves out.
        check_unchanged(
            "select count(*) from fact join a on fact.a = a.id and 10 / (a.x + fact.c + 1) > 0 join c on fact.c = c.id + 1 where c.id = 3",
        )
        .await;
        check_unchanged("select a.id, b.id from a join b on a.id = b.id where a.id + random() > 100").await;
        check_unchanged("select a.id from a intersect select id from b intersect select id from c").await;
    }

    /// Statements over random tables.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).expect("31 bits") % bound
        }

        fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
            of[self.below(of.len())]
        }

        fn table(&mut self, name: &str, rows: usize) -> String {
            let value = |random: &mut Self| match random.below(6) {
                0 => "null".to_owned(),
                _ => random.below(9).to_string(),
            };
            let rows: Vec<String> =
                (0..rows).map(|id| format!("({id}, {}, {}, {})", value(self), value(self), value(self))).collect();
            format!(
                "create table {name} as select column1 as id, column2 as x, column3 as y, column4 as z from (values {})",
                rows.join(", ")
            )
        }

        fn condition(&mut self, left: &str, right: &str) -> String {
            let (l, r) = (self.pick(&["x", "y", "z"]), self.pick(&["x", "y", "z"]));
            let mut condition = format!("{left}.{l} = {right}.{r}");
            if self.below(3) == 0 {
                let (l, r, op) =
                    (self.pick(&["x", "y", "z"]), self.pick(&["x", "y", "z"]), self.pick(&["<", "<>", "="]));
                write!(condition, " and {left}.{l} {op} {right}.{r}").expect("a string");
            }
            condition
        }

        fn statement(&mut self, tables: usize) -> String {
            let count = 3 + self.below(tables - 2);
            let mut from = "t0".to_owned();
            for table in 1..count {
                let join = self.pick(&["join", "join", "join", "left join", "right join", "full join"]);
                let other = self.below(table);
                let on = self.condition(&format!("t{other}"), &format!("t{table}"));
                write!(from, " {join} t{table} on {on}").expect("a string");
            }
            let mut filters = Vec::new();
            for _ in 0..self.below(3) {
                let (table, column) = (self.below(count), self.pick(&["x", "y", "z"]));
                let exists = format!("exists (select 1 from t{} s where s.x = t{table}.{column})", self.below(tables));
                filters.push(match self.below(5) {
                    0 => format!("t{table}.{column} = {}", self.below(9)),
                    1 => format!("t{table}.{column} is null"),
                    2 => exists,
                    3 => format!("(t{}.x = {} or {exists})", self.below(count), self.below(9)),
                    _ => format!("not {exists}"),
                });
            }
            let columns: Vec<String> = (0..count).map(|table| format!("t{table}.id")).collect();
            let filters = if filters.is_empty() { String::new() } else { format!(" where {}", filters.join(" and ")) };
            format!("select {} from {from}{filters}", columns.join(", "))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn random_statements_have_the_same_rows() {
        const TABLES: usize = 5;
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        let mut changed = 0;
        for _ in 0..8 {
            let tables: Vec<String> = [3, 9, 14, 2, 25]
                .iter()
                .enumerate()
                .map(|(table, rows)| random.table(&format!("t{table}"), *rows))
                .collect();
            let [on, off] = engines(&tables).await;
            for _ in 0..40 {
                let sql = random.statement(TABLES);
                changed += usize::from(shape(&on, &sql).await != shape(&off, &sql).await);
                assert_eq!(rows(&on, &sql).await, rows(&off, &sql).await, "{sql}\n{}", tables.join("\n"));
            }
        }
        assert!(changed > 30, "the rule changed {changed} of 320 plans");
    }

    /// Stock is counted once a week, and asked for by the week of a sale: what a year of sales leaves of the weeks is a year of days, so the days
    /// of the weeks are joined with the few sales, and stock is looked up by item and day.
    #[tokio::test]
    async fn what_a_key_leaves_of_a_relation_narrows_its_other_columns() {
        let folder = tempfile::tempdir().expect("a folder");
        let tables = [
            (
                "days",
                "select value as d_id, value div 7 as d_week, value div 365 as d_year from generate_series(0, 69999)",
            ),
            (
                "sales",
                "select value % 1825 + 30000 as s_day, value % 100 as s_item, value % 10 as s_count from generate_series(0, 20000)",
            ),
            (
                "stock",
                "select value % 260 * 7 + 30002 as k_day, value div 260 as k_item, value % 9 as k_count from generate_series(0, 25999)",
            ),
        ];
        let [on, off] = engines(&files(folder.path(), &tables)).await;
        let sql = "select count(*) from stock join sales on k_item = s_item join days d1 on s_day = d1.d_id \
                   join days d2 on k_day = d2.d_id \
                   where d1.d_week = d2.d_week and k_count < s_count and d1.d_year = 83 and s_count = 5";
        assert_eq!(rows(&on, sql).await, rows(&off, sql).await);
        expect![[r#"
            [(s_item@1, k_item@1), (d_id@3, k_day@0)], filter=k_count@0 < s_count@1
            [(d_week@0, d_week@1)]
            [(d_id@0, s_day@0)]"#]]
        .assert_eq(&joins(&on, sql).await);
    }

    /// Whether an item is asked for is found out for a hundred items, not for all sales.
    #[tokio::test]
    async fn a_mark_is_made_where_rows_are_few() {
        let folder = tempfile::tempdir().expect("a folder");
        let tables = [
            ("sales", "select value % 100 as s_item, value % 7 as s_count from generate_series(1, 20000)"),
            ("items", "select value as i_id, value % 10 as i_kind from generate_series(0, 99)"),
            ("wanted", "select value % 50 as w_kind from generate_series(1, 1000)"),
        ];
        let [on, off] = engines(&files(folder.path(), &tables)).await;
        let sql = "select count(*) from sales join items on s_item = i_id \
                   where s_count = 2 or exists (select 1 from wanted where w_kind = i_kind)";
        assert_eq!(rows(&on, sql).await, rows(&off, sql).await);
        expect![[r#"
            [(i_id@0, s_item@0)]
            [(i_kind@1, w_kind@0)]"#]]
        .assert_eq(&joins(&on, sql).await);
    }
}

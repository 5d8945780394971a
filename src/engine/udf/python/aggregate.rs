//! [`PythonAggregate`]: an aggregate function in Python, a class with `accumulate`, `merge` and `finish`.
//!
//! ```text
//!   rows of a batch, each with its group ─┐
//!   states of these groups, pickled ──────┴─▶ worker: accumulate ─▶ their states, pickled ─┬─▶ another partition: merge
//!                                                                                          └─▶ finish ─▶ results
//! ```
//!
//! Between batches the states are here, and not in a worker: any worker can go on with them, and if one ends, by whose fault ever, nothing is lost but the
//! batch that it was at.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, UInt32Array, new_empty_array,
};
use arrow::compute::take_arrays;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, Expr, GroupsAccumulator, LogicalPlan, Signature,
};

use super::call::Selection;
use super::callable::{Callable, Patience};
use super::sliding_frame::SlidingFrame;
use crate::engine::aggregates::{aggregate_call, aggregate_call_mut};
use crate::engine::ansi::Site;

/// See the module.
#[derive(Debug, Clone)]
pub(in crate::engine) struct PythonAggregate {
    callable: Callable,
    signature: Signature,
    patience: Patience,
}

impl PythonAggregate {
    pub(super) fn new(callable: Callable) -> Self {
        let patience = Patience::of(&ConfigOptions::default());
        Self { signature: callable.definition.signature(), callable, patience }
    }

    /// The function, if it is one in Python.
    pub(in crate::engine) fn of(function: &AggregateUDF) -> Option<&Self> {
        let implementation: &dyn Any = function.inner().as_ref();
        implementation.downcast_ref()
    }

    pub(in crate::engine) fn parameter_types(&self) -> Vec<DataType> {
        self.callable.definition.parameter_types()
    }

    /// Where it is called, if that is known.
    pub(in crate::engine) fn site(&self) -> Option<&Site> {
        self.callable.site()
    }

    /// The same, called at a site.
    pub(in crate::engine) fn at(&self, site: Site) -> AggregateUDF {
        AggregateUDF::from(Self { callable: self.callable.at(site), ..self.clone() })
    }

    /// A plan whose aggregate functions in Python know the statement that they are in: DataFusion tells them nothing of it.
    pub(in crate::engine) fn bind(plan: LogicalPlan, options: &ConfigOptions) -> Result<LogicalPlan> {
        if !Self::is_called(&plan)? {
            return Ok(plan);
        }
        let patience = Patience::of(options);
        let plan = plan.transform_up_with_subqueries(|plan| {
            plan.map_expressions(|expr| {
                expr.transform_up(|mut expr| {
                    let Some((function, _)) = aggregate_call_mut(&mut expr) else { return Ok(Transformed::no(expr)) };
                    let Some(own) = Self::of(function) else { return Ok(Transformed::no(expr)) };
                    *function = Arc::new(AggregateUDF::from(Self { patience: patience.clone(), ..own.clone() }));
                    Ok(Transformed::yes(expr))
                })
            })
        })?;
        Ok(plan.data)
    }

    /// Whether a plan calls any. Most do not, and to take a plan apart costs more than to look.
    fn is_called(plan: &LogicalPlan) -> Result<bool> {
        let is_own = |expr: &Expr| aggregate_call(expr).is_some_and(|(function, _)| Self::of(function).is_some());
        let mut found = false;
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                found |= expr.exists(|expr| Ok(is_own(expr)))?;
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })?;
        Ok(found)
    }

    fn groups(&self, selection: Option<Selection>) -> Groups {
        let (callable, patience) = (self.callable.clone(), self.patience.clone());
        Groups { callable, patience, selection, states: Vec::new() }
    }
}

/// What DISTINCT and ORDER BY say.
fn selection(args: &AccumulatorArgs<'_>) -> Option<Selection> {
    let order = args.order_bys.iter().map(|by| (by.options.descending, by.options.nulls_first)).collect();
    let selection = Selection { is_distinct: args.is_distinct, order };
    (selection != Selection::default()).then_some(selection)
}

/// As its function: which statement it is in makes no other of it.
impl PartialEq for PythonAggregate {
    fn eq(&self, other: &Self) -> bool {
        self.callable == other.callable
    }
}

impl Eq for PythonAggregate {}

impl std::hash::Hash for PythonAggregate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.callable.hash(state);
    }
}

impl AggregateUDFImpl for PythonAggregate {
    fn name(&self) -> &str {
        &self.callable.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.callable.definition.documentation)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.callable.return_type(arguments)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[state]", args.name), DataType::Binary, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(self.groups(selection(&args)))))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SlidingFrame::new(OneGroup(self.groups(selection(&args))))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups(selection(&args))))
    }

    /// What the class makes of no rows, which need not be NULL: of a frame without rows, of a subquery that finds none.
    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        OneGroup(self.groups(None)).evaluate()
    }

    /// Rows of a partition may come in any order: those of all are put in order when they are together.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Beneficial
    }

    fn with_beneficial_ordering(self: Arc<Self>, _: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }
}

/// The states of groups.
#[derive(Debug, Clone)]
struct Groups {
    callable: Callable,
    patience: Patience,
    selection: Option<Selection>,
    /// Pickled; none for a group without rows.
    states: Vec<Option<Vec<u8>>>,
}

impl Groups {
    /// Has a worker change the states of the groups of some rows.
    fn change(&mut self, what: &'static str, values: &[ArrayRef], groups: &[usize]) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        // Numbers that count the groups at hand, in the order in which they come.
        let (mut numbers, mut touched) = (HashMap::new(), Vec::new());
        let numbered: Int64Array = groups
            .iter()
            .map(|group| {
                *numbers.entry(*group).or_insert_with(|| {
                    touched.push(*group);
                    touched.len() as i64 - 1
                })
            })
            .collect::<Vec<_>>()
            .into();
        let mut states: Vec<Option<&[u8]>> = touched.iter().map(|group| self.states[*group].as_deref()).collect();
        states.resize(groups.len(), None);
        let columns = values.iter().cloned();
        let columns = columns.chain([Arc::new(numbered) as ArrayRef, Arc::new(BinaryArray::from(states)) as ArrayRef]);
        let named = columns.enumerate().map(|(place, column)| (place.to_string(), column));
        let batch = RecordBatch::try_from_iter_with_nullable(named.map(|(name, column)| (name, column, true)))?;
        let answer = (Some(touched.len()), &DataType::Binary);
        let changed = self.callable.ask_of(what, self.selection.as_ref(), &batch, answer, &self.patience)?;
        for (group, state) in touched.into_iter().zip(changed.as_binary::<i32>()) {
            self.states[group] = state.map(<[u8]>::to_vec);
        }
        Ok(())
    }

    fn has(&mut self, total: usize) {
        if self.states.len() < total {
            self.states.resize(total, None);
        }
    }

    fn taken(&mut self, emit_to: EmitTo) -> ArrayRef {
        let states = emit_to.take_needed(&mut self.states);
        Arc::new(BinaryArray::from_iter(states))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.has(total_num_groups);
        let Some(filter) = filter else { return self.change("update", values, group_indices) };
        let rows: Vec<usize> =
            (0..group_indices.len()).filter(|row| filter.is_valid(*row) && filter.value(*row)).collect();
        let places: UInt32Array = rows.iter().map(|row| *row as u32).collect::<Vec<_>>().into();
        let groups: Vec<usize> = rows.into_iter().map(|row| group_indices[row]).collect();
        self.change("update", &take_arrays(values, &places, None)?, &groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.has(total_num_groups);
        self.change("merge", states, group_indices)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = self.taken(emit_to);
        let returns = self.callable.definition.returns();
        if states.is_empty() {
            return Ok(new_empty_array(returns));
        }
        let schema = Arc::new(Schema::new(vec![Field::new("state", DataType::Binary, true)]));
        let batch = RecordBatch::try_new(schema, vec![states])?;
        self.callable.ask("finish", &batch, (Some(batch.num_rows()), returns), &self.patience)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.taken(emit_to)])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut rows = Self { states: Vec::new(), ..self.clone() };
        let each: Vec<usize> = (0..values.first().map_or(0, Array::len)).collect();
        rows.update_batch(values, &each, filter, each.len())?;
        rows.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        let pickled: usize = self.states.iter().flatten().map(Vec::capacity).sum();
        size_of::<Self>() + pickled + self.states.capacity() * size_of::<Option<Vec<u8>>>()
    }
}

/// The same for all rows.
#[derive(Debug, Clone)]
pub(super) struct OneGroup(Groups);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, Array::len);
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, Array::len);
        self.0.merge_batch(states, &vec![0; rows], 1)
    }

    /// Of what has come up to now, which stays: a window asks for each of its rows.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.has(1);
        let kept = self.0.states.clone();
        let result = self.0.evaluate(EmitTo::All);
        self.0.states = kept;
        ScalarValue::try_from_array(&result?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.has(1);
        let state = self.0.states.first().cloned();
        state.map(|state| vec![ScalarValue::Binary(state)]).ok_or_else(|| internal_datafusion_err!("no state"))
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

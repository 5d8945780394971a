//! How the [`Estimate`] of an operator follows from those of its inputs.
//!
//! | operator | rows |
//! |---|---|
//! | scan | what the files say |
//! | filter | the share that [`condition`] finds |
//! | inner join | see [`join`] |
//! | left, right, full join | as inner, and the rows without a partner of the sides that are kept |
//! | semi, anti, mark join | the left rows that have, or lack, a partner; all |
//! | group by | the combinations of the keys' values, as many as are drawn from them by the input's rows |
//! | union | the sum |
//! | limit | at most the limit |
//! | sort, window, repartition and their like | the same |

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, JoinSide, JoinType, ScalarValue, Statistics};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::utils::{collect_columns, conjunction};
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};

use super::condition;
use super::estimate::{ColumnEstimate, Estimate, Origin, Passed, Range, combinations, drawn};
use super::join;
use super::knowledge::Knowledge;
use super::source::Source;
use crate::engine::prune_only::ScanConditions;

/// Bytes of a text, as it is held in memory: its view, and what is behind it.
const TEXT_BYTES: f64 = 24.0;
/// Rows of an operator that nobody knows anything of.
const UNKNOWN_ROWS: f64 = 1000.0;

/// The estimate of a plan.
pub(crate) fn estimate(plan: &dyn ExecutionPlan, knowledge: &Knowledge) -> Estimate {
    estimate_each(plan, knowledge, &mut |_, _, _| {})
}

/// The estimate of a plan. `see` is shown each operator with the estimates of its inputs and its own, inputs first.
pub(crate) fn estimate_each(
    plan: &dyn ExecutionPlan,
    knowledge: &Knowledge,
    see: &mut impl FnMut(&dyn ExecutionPlan, &[Estimate], &Estimate),
) -> Estimate {
    let inputs: Vec<Estimate> =
        plan.children().into_iter().map(|input| estimate_each(input.as_ref(), knowledge, see)).collect();
    let estimate = of_operator(plan, &inputs.iter().collect::<Vec<_>>(), knowledge);
    see(plan, &inputs, &estimate);
    estimate
}

/// The estimate of an operator, given those of its inputs.
pub(crate) fn of_operator(plan: &dyn ExecutionPlan, inputs: &[&Estimate], knowledge: &Knowledge) -> Estimate {
    let estimate = if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        of_scan(scan, knowledge)
    } else if let (Some(filter), [input]) = (plan.downcast_ref::<FilterExec>(), inputs) {
        let filtered = condition::filtered(input, filter.predicate());
        match filter.projection() {
            Some(projection) => filtered.project(projection.iter().copied()),
            None => filtered,
        }
    } else if let (Some(projection), [input]) = (plan.downcast_ref::<ProjectionExec>(), inputs) {
        let schema = projection.schema();
        let columns = projection.expr().iter().zip(schema.fields());
        let columns = columns.map(|(projected, field)| of_expression(&projected.expr, field.data_type(), input));
        Estimate { rows: input.rows, columns: columns.collect() }
    } else if let (Some(join), [left, right]) = (JoinParts::of(plan), inputs) {
        of_join(&join, left, right)
    } else if let (Some(aggregate), [input]) = (plan.downcast_ref::<AggregateExec>(), inputs) {
        of_aggregate(aggregate, input)
    } else if plan.downcast_ref::<UnionExec>().is_some() || plan.downcast_ref::<InterleaveExec>().is_some() {
        of_union(inputs)
    } else if let [input] = inputs {
        passed_through(plan, input)
    } else {
        unknown(plan)
    };
    match plan.fetch() {
        Some(limit) if (limit as f64) < estimate.rows => estimate.with_rows(limit as f64),
        _ => estimate,
    }
}

fn unknown(plan: &dyn ExecutionPlan) -> Estimate {
    let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new()).ok();
    let rows = statistics.as_ref().and_then(|statistics| statistics.num_rows.get_value().copied());
    let rows = rows.map_or(UNKNOWN_ROWS, |rows| rows as f64);
    let schema = plan.schema();
    let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
        let known = statistics.as_ref().and_then(|statistics| statistics.column_statistics.get(index));
        of_column(rows, field.data_type(), known)
    };
    Estimate { rows, columns: schema.fields().iter().enumerate().map(column).collect() }
}

/// Operators that add columns, if anything, behind those of their input.
fn passed_through(plan: &dyn ExecutionPlan, input: &Estimate) -> Estimate {
    let schema = plan.schema();
    let mut columns = input.columns.clone();
    columns.truncate(schema.fields().len());
    let added = schema.fields().iter().skip(columns.len());
    columns.extend(added.map(|field| ColumnEstimate::computed(input.rows, width_bytes(field.data_type()))));
    Estimate { rows: input.rows, columns }
}

/// A scan's table without the scan's filters and with all its columns; none where nobody knows how many rows it has, not even about.
pub(crate) fn table_of(scan: &DataSourceExec, knowledge: &Knowledge) -> Option<Estimate> {
    let source = Source::of(scan)?;
    let table = knowledge.of_scan(source);
    let known_rows = source.row_count().map(|rows| rows as f64);
    let rows = known_rows.or(table.as_ref().map(|table| table.row_count())).or_else(|| source.rows_by_size())?;
    // A scan that leaves out files by their names has fewer rows than the table that the columns are known of.
    let whole_rows = table.as_ref().map_or(rows, |table| table.row_count());
    let own = if table.is_none() { Some(source.statistics()) } else { None };
    let whole = table.as_ref().map(|table| table.statistics()).or(own.as_ref())?;
    let identity = std::ptr::from_ref(scan).cast::<()>() as usize;
    let passed = Arc::new(Passed::all(rows));
    let column = |(position, field): (usize, &Arc<arrow::datatypes::Field>)| {
        let mut column = of_column(whole_rows, field.data_type(), whole.column_statistics.get(position));
        if let Some(table) = &table {
            if let Some(distinct) = table.distinct(position) {
                (column.distinct, column.domain) = (distinct.min(rows.max(1.0)), distinct);
            }
            if column.range.is_none() {
                column.range = table.range(position);
                column.domain_range = column.range;
            }
            let (table, passed) = (Arc::clone(table), Arc::clone(&passed));
            column.origin = Some(Origin { table, column: position, scan: identity, passed });
        }
        column
    };
    Some(Estimate { rows, columns: source.schema().fields().iter().enumerate().map(column).collect() })
}

fn of_scan(scan: &DataSourceExec, knowledge: &Knowledge) -> Estimate {
    let source = Source::of(scan).zip(table_of(scan, knowledge));
    let (config, table) = match source {
        Some((Source::Files(config), table)) => (config, table),
        Some((Source::Memory(memory), table)) => {
            return match memory.projection() {
                Some(positions) => table.project(positions.iter().copied()),
                None => table,
            };
        }
        None => return unknown(scan),
    };
    let source = config.file_source();
    let on_rows = ScanConditions::of(source.as_ref()).on_rows;
    let filtered = if on_rows.is_empty() { table } else { condition::filtered(&table, &conjunction(on_rows)) };
    match source.projection() {
        Some(projection) => {
            let schema = scan.schema();
            let columns = projection.iter().zip(schema.fields());
            let columns =
                columns.map(|(projected, field)| of_expression(&projected.expr, field.data_type(), &filtered));
            Estimate { rows: filtered.rows, columns: columns.collect() }
        }
        None => filtered,
    }
}

/// A column of a table, from what its files say.
fn of_column(rows: f64, data_type: &DataType, known: Option<&ColumnStatistics>) -> ColumnEstimate {
    let mut column = ColumnEstimate::unknown(rows, width_bytes(data_type));
    if *data_type == DataType::Boolean {
        column.distinct = 2.0;
    }
    if let Some(known) = known {
        let end = |value: &Precision<ScalarValue>| whole_number(value.get_value()?);
        column.range = end(&known.min_value).zip(end(&known.max_value)).map(|(min, max)| Range { min, max });
        if let Some(range) = column.range {
            column.distinct = column.distinct.min(range.width());
        }
        if let Some(distinct) = known.distinct_count.get_value() {
            column.distinct = (*distinct as f64).max(1.0);
        }
        if let Some(nulls) = known.null_count.get_value().filter(|_| rows > 0.0) {
            column.null_share = (*nulls as f64 / rows).min(1.0);
        }
    }
    (column.domain, column.domain_range) = (column.distinct, column.range);
    column
}

fn whole_number(value: &ScalarValue) -> Option<f64> {
    Some(match value {
        ScalarValue::Int8(Some(value)) => f64::from(*value),
        ScalarValue::Int16(Some(value)) => f64::from(*value),
        ScalarValue::Int32(Some(value)) | ScalarValue::Date32(Some(value)) => f64::from(*value),
        ScalarValue::Int64(Some(value)) => *value as f64,
        _ => return None,
    })
}

pub(super) fn width_bytes(data_type: &DataType) -> f64 {
    match data_type {
        DataType::Boolean => 0.125,
        other => other.primitive_width().map_or(TEXT_BYTES, |width| width as f64),
    }
}

/// The column behind an expression, if it is one, or one with another type.
pub(crate) fn column_of(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    match expr.downcast_ref::<CastExpr>() {
        Some(cast) => column_of(cast.expr()),
        None => Some(expr.downcast_ref::<Column>()?.index()),
    }
}

/// What is known of a key of a join, which is a column or computed from some; none of what is not.
pub(crate) fn of_key(expr: &Arc<dyn PhysicalExpr>, input: &Estimate) -> Option<ColumnEstimate> {
    let columns = collect_columns(expr);
    let is_known = !columns.is_empty() && columns.iter().all(|column| column.index() < input.columns.len());
    is_known.then(|| of_expression(expr, &DataType::Int64, input))
}

fn of_expression(expr: &Arc<dyn PhysicalExpr>, data_type: &DataType, input: &Estimate) -> ColumnEstimate {
    let width_bytes = width_bytes(data_type);
    if let Some(column) = column_of(expr).and_then(|column| input.columns.get(column)) {
        return ColumnEstimate { width_bytes, ..column.clone() };
    }
    let columns = collect_columns(expr);
    let known: Vec<&ColumnEstimate> = columns.iter().filter_map(|column| input.columns.get(column.index())).collect();
    // No more values than all columns in it have together.
    let distinct = known.iter().map(|column| column.distinct).product::<f64>().min(input.rows).max(1.0);
    let computed = ColumnEstimate { distinct, domain: distinct, ..ColumnEstimate::computed(input.rows, width_bytes) };
    match known.as_slice() {
        // As many as the column has, and where it was computed, this was as good as computed too.
        [one] => ColumnEstimate {
            domain: one.domain.max(distinct),
            null_share: one.null_share,
            computed_rows: one.computed_rows,
            ..computed
        },
        _ => computed,
    }
}

fn of_union(inputs: &[&Estimate]) -> Estimate {
    let rows = inputs.iter().map(|input| input.rows).sum();
    let Some((first, others)) = inputs.split_first() else { return Estimate { rows, columns: Vec::new() } };
    let mut columns = first.columns.clone();
    for (index, column) in columns.iter_mut().enumerate() {
        column.origin = None;
        for other in others.iter().filter_map(|other| other.columns.get(index)) {
            // Parts of a union often have the same values.
            column.distinct = column.distinct.max(other.distinct);
            column.domain = column.domain.max(other.domain);
            column.range = union(column.range, other.range);
            column.domain_range = union(column.domain_range, other.domain_range);
        }
    }
    Estimate { rows, columns }
}

fn union(one: Option<Range>, other: Option<Range>) -> Option<Range> {
    one.zip(other).map(|(one, other)| Range { min: one.min.min(other.min), max: one.max.max(other.max) })
}

fn of_aggregate(aggregate: &AggregateExec, input: &Estimate) -> Estimate {
    let groups = aggregate.group_expr();
    let schema = aggregate.schema();
    let keys: Vec<ColumnEstimate> = groups
        .expr()
        .iter()
        .zip(schema.fields())
        .map(|((expr, _), field)| of_expression(expr, field.data_type(), input))
        .collect();
    let count = |is_absent: &[bool]| {
        let present = keys.iter().enumerate().filter(|(index, _)| !is_absent.get(*index).copied().unwrap_or_default());
        group_count(&present.map(|(_, key)| key).collect::<Vec<_>>(), input.rows)
    };
    let rows = match groups.groups() {
        [] => 1.0,
        sets => sets.iter().map(|set| count(set)).sum(),
    };
    let mut columns: Vec<_> = keys.clone();
    columns.iter_mut().for_each(|column| column.distinct = column.distinct.min(rows).max(1.0));
    let added = schema.fields().iter().skip(columns.len());
    columns.extend(added.map(|field| ColumnEstimate::computed(rows, width_bytes(field.data_type()))));
    Estimate { rows, columns }
}

/// How many groups rows have.
fn group_count(keys: &[&ColumnEstimate], rows: f64) -> f64 {
    // NULL is a group, too.
    let values = |key: &ColumnEstimate| key.distinct + if key.null_share > 0.0 { 1.0 } else { 0.0 };
    let groups = combinations(&keys.iter().map(|key| (*key, values(key))).collect::<Vec<_>>());
    // So many are drawn from them by so many rows.
    if groups >= rows * 1e6 { rows } else { drawn(groups, groups.max(rows), rows).min(rows).max(rows.min(1.0)) }
}

/// The result of a join, left columns before right ones.
fn of_join(parts: &JoinParts<'_>, left: &Estimate, right: &Estimate) -> Estimate {
    let known: Vec<(ColumnEstimate, ColumnEstimate)> =
        parts.on.iter().filter_map(|(l, r)| Some((of_key(l, left)?, of_key(r, right)?))).collect();
    let keys: Vec<join::KeyPair<'_>> = known.iter().map(|(left, right)| (left, right)).collect();
    // Keys without a column each leave as much as a condition that nobody knows anything of.
    let others = (parts.on.len() - keys.len()) as i32;
    let filter_share = parts.filter.map_or(1.0, |filter| share_of_filter(filter, left, right));
    let unknown = condition::UNKNOWN_SHARE.powi(others) * filter_share;
    let inner = (left.rows * right.rows * join::equal_share(&keys) * unknown).min(f64::MAX);
    let kept = |side: &Estimate, rows: f64| side.clone().with_rows(rows);
    let mirrored: Vec<join::KeyPair<'_>> = keys.iter().map(|(left, right)| (*right, *left)).collect();
    let semi = |side: &Estimate, keys: &[join::KeyPair<'_>], other: &Estimate| match keys {
        [] => (other.rows * unknown).min(1.0) * side.rows,
        keys => side.rows * (join::partner_share(keys, other.rows) * unknown.max(condition::UNKNOWN_SHARE)).min(1.0),
    };
    let anti = |side: &Estimate, keys: &[join::KeyPair<'_>], other: &Estimate| match keys {
        [] => side.rows * 0.5,
        keys => side.rows * join::anti_share(keys, other.rows),
    };
    let estimate = match parts.join_type {
        JoinType::Inner => {
            let mut joined = join::both(left, right, inner);
            for (l, r) in parts.on.iter().filter_map(|(l, r)| Some((column_of(l)?, column_of(r)?))) {
                let range = |side: &Estimate, column: usize| side.columns.get(column).and_then(|column| column.range);
                if let Some((of_left, of_right)) = range(left, l).zip(range(right, r)) {
                    joined.narrow_beside(l, of_right);
                    joined.narrow_beside(left.columns.len() + r, of_left);
                }
            }
            joined
        }
        JoinType::Left => {
            let alone = left.rows * (1.0 - join::partner_share(&keys, right.rows) * unknown);
            join::outer(left, right, [0.0, alone], inner)
        }
        JoinType::Right => {
            let alone = right.rows * (1.0 - join::partner_share(&mirrored, left.rows) * unknown);
            join::outer(left, right, [alone, 0.0], inner)
        }
        JoinType::Full => {
            let left_alone = left.rows * (1.0 - join::partner_share(&keys, right.rows) * unknown);
            let right_alone = right.rows * (1.0 - join::partner_share(&mirrored, left.rows) * unknown);
            join::outer(left, right, [right_alone, left_alone], inner)
        }
        JoinType::LeftSemi => kept(left, semi(left, &keys, right)),
        JoinType::RightSemi => kept(right, semi(right, &mirrored, left)),
        JoinType::LeftAnti => kept(left, anti(left, &keys, right)),
        JoinType::RightAnti => kept(right, anti(right, &mirrored, left)),
        JoinType::LeftMark => marked(left),
        JoinType::RightMark => marked(right),
    };
    match parts.projection {
        Some(projection) => estimate.project(projection.iter().copied()),
        None => estimate,
    }
}

fn marked(side: &Estimate) -> Estimate {
    let mut estimate = side.clone();
    estimate.columns.push(ColumnEstimate { distinct: 2.0, domain: 2.0, ..ColumnEstimate::unknown(2.0, 0.125) });
    estimate
}

/// The share of the pairs of rows with equal keys for which a join's other condition is true.
fn share_of_filter(filter: &JoinFilter, left: &Estimate, right: &Estimate) -> f64 {
    let columns = filter.column_indices().iter().zip(filter.schema().fields()).map(|(column, field)| {
        let side = match column.side {
            JoinSide::Left => left.columns.get(column.index),
            JoinSide::Right => right.columns.get(column.index),
            JoinSide::None => None,
        };
        side.cloned().unwrap_or_else(|| ColumnEstimate::unknown(left.rows, width_bytes(field.data_type())))
    });
    condition::share(filter.expression(), &Estimate { rows: left.rows.max(right.rows), columns: columns.collect() })
}

/// What matters of a join, whatever its operator.
struct JoinParts<'a> {
    join_type: JoinType,
    on: &'a [(PhysicalExprRef, PhysicalExprRef)],
    filter: Option<&'a JoinFilter>,
    projection: Option<&'a [usize]>,
}

impl<'a> JoinParts<'a> {
    /// None of what is no join.
    fn of(plan: &'a dyn ExecutionPlan) -> Option<Self> {
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            let (filter, projection) = (join.filter(), join.projection.as_deref());
            return Some(Self { join_type: *join.join_type(), on: join.on(), filter, projection });
        }
        if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
            let filter = join.filter().as_ref();
            return Some(Self { join_type: join.join_type(), on: join.on(), filter, projection: None });
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let (filter, projection) = (join.filter(), join.projection().as_deref());
            return Some(Self { join_type: *join.join_type(), on: &[], filter, projection });
        }
        plan.downcast_ref::<CrossJoinExec>()?;
        Some(Self { join_type: JoinType::Inner, on: &[], filter: None, projection: None })
    }
}

/// The estimate in DataFusion's terms.
pub(crate) fn as_statistics(estimate: &Estimate, schema: &Schema) -> Statistics {
    let count = |value: f64| Precision::Inexact(value.ceil().min(9e15) as usize);
    let columns = estimate.columns.iter().zip(schema.fields()).map(|(column, field)| {
        let end = |value: f64| match field.data_type() {
            DataType::Int32 => Precision::Inexact(ScalarValue::Int32(Some(value as i32))),
            DataType::Int64 => Precision::Inexact(ScalarValue::Int64(Some(value as i64))),
            DataType::Date32 => Precision::Inexact(ScalarValue::Date32(Some(value as i32))),
            _ => Precision::Absent,
        };
        ColumnStatistics {
            null_count: count(column.null_share * estimate.rows),
            min_value: column.range.map_or(Precision::Absent, |range| end(range.min)),
            max_value: column.range.map_or(Precision::Absent, |range| end(range.max)),
            sum_value: Precision::Absent,
            distinct_count: count(column.distinct),
            byte_size: count(column.width_bytes * estimate.rows),
        }
    });
    Statistics {
        num_rows: count(estimate.rows),
        total_byte_size: count(estimate.rows * estimate.width_bytes()),
        column_statistics: columns.collect(),
    }
}

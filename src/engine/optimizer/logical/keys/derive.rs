//! [`derive()`]: from the keys of tables to those of a plan, operator by operator.
//!
//! ```text
//!                     unique                                         determined            NULL, references
//!   Filter            stays                                          stays, and x = y      gone where x = 1, stays
//!   Inner Join        one side's, if the other is joined on a key;   both sides', x = y    both sides'
//!                     else one of each side together
//!   Left Join         the left's, if the right is joined on a key;   the left's; of the    the left's; references of both
//!                     else one of each side together                 right what NULLs keep
//!   Full Join         none                                           what NULLs keep       references of both
//!   Semi, Anti Join   that side's                                    that side's           that side's
//!   Aggregate         what it groups by                              among what it         what it groups by
//!                                                                    groups by
//!   Union             none                                           none                  what all inputs have
//! ```

use std::collections::HashMap;

use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, FetchType, Join, Limit, LogicalPlan, Operator, TableScan, Union,
};

use super::{ColumnSet, Reference, RelationKeys};
use crate::engine::ansi;
use crate::engine::keys::{TrustedKeys, is_exact};

/// The keys of a plan's rows.
pub(in super::super) fn derive(plan: &LogicalPlan, trusted: &TrustedKeys) -> RelationKeys {
    let of = |input: &LogicalPlan| derive(input, trusted);
    let width = plan.schema().fields().len();
    if width > ColumnSet::CAPACITY {
        return RelationKeys::unknown(width);
    }
    match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan, trusted),
        LogicalPlan::Filter(filter) => with_conditions(of(&filter.input), &filter.predicate, plan.schema()),
        LogicalPlan::Projection(projection) => {
            let schema = projection.input.schema();
            let sources = projection.expr.iter().map(|expr| plain_column(expr, schema));
            of(&projection.input).projected(&sources.collect::<Vec<_>>())
        }
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input),
        LogicalPlan::Sort(sort) => of(&sort.input),
        LogicalPlan::Repartition(repartition) => of(&repartition.input),
        LogicalPlan::Limit(limit) => of_limit(limit, of(&limit.input)),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut keys = of(input);
            if are_exact(plan.schema(), 0..width) {
                keys.add_unique((0..width).collect());
            }
            keys
        }
        LogicalPlan::Window(window) => with_width(of(&window.input), width),
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate, &of(&aggregate.input)),
        LogicalPlan::Join(join) => of_join(join, of(&join.left), of(&join.right)),
        LogicalPlan::Union(union) => of_union(union, width, of),
        LogicalPlan::EmptyRelation(_) => {
            RelationKeys { unique: vec![ColumnSet::new()], ..RelationKeys::unknown(width) }
        }
        LogicalPlan::Extension(extension) if ansi::is_late_filter(extension) => {
            extension.node.inputs().first().map_or_else(|| RelationKeys::unknown(width), |input| of(input))
        }
        _ => RelationKeys::unknown(width),
    }
}

/// The column that an expression is, under whatever name.
pub(in super::super) fn plain_column(expr: &Expr, schema: &DFSchema) -> Option<usize> {
    match expr {
        Expr::Column(column) => schema.maybe_index_of_column(column),
        Expr::Alias(alias) => plain_column(&alias.expr, schema),
        _ => None,
    }
}

fn of_scan(scan: &TableScan, trusted: &TrustedKeys) -> RelationKeys {
    let schema = &scan.projected_schema;
    let mut keys = RelationKeys::unknown(schema.fields().len());
    keys.not_null = (0..keys.width).filter(|column| !schema.field(*column).is_nullable()).collect();
    let known = source_as_provider(&scan.source).ok().and_then(|table| trusted.of(&table));
    if let Some(known) = known {
        let places: HashMap<&str, usize> =
            schema.fields().iter().enumerate().map(|(place, field)| (field.name().as_str(), place)).collect();
        let columns = |names: &[String]| names.iter().map(|name| places.get(name.as_str()).copied()).collect();
        let primary: Option<Vec<usize>> = columns(&known.primary);
        if let Some(primary) = primary.filter(|primary| !primary.is_empty()) {
            keys.not_null.extend(primary.iter().copied());
            keys.add_unique(primary.iter().copied().collect());
            // Its rows are those of the table itself.
            keys.references.push(Reference { columns: primary, table: known.id });
        }
        for (foreign, table) in &known.foreign {
            if let Some(columns) = columns(foreign) {
                keys.references.push(Reference { columns, table: *table });
            }
        }
    }
    // A scan may leave rows in that its filters are not true for, and then they stand above it as well: they say nothing here.
    keys
}

/// The keys of the rows for which a condition is true.
fn with_conditions(mut keys: RelationKeys, condition: &Expr, schema: &DFSchema) -> RelationKeys {
    for condition in split_conjunction(condition) {
        keys.not_null.extend(columns_needed(condition).into_iter().filter_map(|column| plain_column(column, schema)));
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { continue };
        match (plain_column(left, schema), plain_column(right, schema)) {
            (Some(one), Some(other)) if are_exact(schema, [one, other]) => keys.add_equal(one, other),
            (Some(column), None) if is_constant(right) && are_exact(schema, [column]) => {
                keys.add_dependency(ColumnSet::new(), [column].into());
            }
            (None, Some(column)) if is_constant(left) && are_exact(schema, [column]) => {
                keys.add_dependency(ColumnSet::new(), [column].into());
            }
            _ => {}
        }
    }
    keys
}

/// Whether columns are the same in every respect where they compare as equal, for which their types are the same.
fn are_exact(schema: &DFSchema, columns: impl IntoIterator<Item = usize>) -> bool {
    columns.into_iter().all(|column| is_exact(schema.field(column).data_type()))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}

/// The operands of a condition that is not true if one of them is NULL.
fn columns_needed(condition: &Expr) -> Vec<&Expr> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match condition {
        Expr::IsNotNull(operand) => vec![operand],
        Expr::BinaryExpr(BinaryExpr { left, op: Eq | NotEq | Lt | LtEq | Gt | GtEq, right }) => vec![left, right],
        Expr::Between(between) => vec![&between.expr],
        Expr::InList(list) if !list.list.is_empty() => vec![&list.expr],
        Expr::Like(like) => vec![&like.expr, &like.pattern],
        _ => Vec::new(),
    }
}

/// The keys of the same rows with columns added at the end.
fn with_width(keys: RelationKeys, width: usize) -> RelationKeys {
    RelationKeys { width, ..keys }
}

fn of_limit(limit: &Limit, mut keys: RelationKeys) -> RelationKeys {
    if matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(0 | 1)))) {
        keys.add_unique(ColumnSet::new());
    }
    keys
}

fn of_aggregate(aggregate: &Aggregate, input: &RelationKeys) -> RelationKeys {
    let width = aggregate.schema.fields().len();
    let groups = &aggregate.group_expr;
    if groups.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
        return RelationKeys::unknown(width);
    }
    let schema = aggregate.input.schema();
    let mut sources: Vec<Option<usize>> = groups.iter().map(|group| plain_column(group, schema)).collect();
    sources.resize(width, None);
    let mut keys = input.projected(&sources);
    // Floats that a join takes for equal may be different groups.
    if are_exact(&aggregate.schema, 0..groups.len()) {
        keys.add_unique((0..groups.len()).collect());
    }
    keys
}

fn of_union(union: &Union, width: usize, of: impl Fn(&LogicalPlan) -> RelationKeys) -> RelationKeys {
    let mut inputs = union.inputs.iter().map(|input| of(input));
    let Some(mut all) = inputs.next() else { return RelationKeys::unknown(width) };
    for input in inputs {
        all.not_null = all.not_null & input.not_null;
        all.references.retain(|reference| input.references.contains(reference));
    }
    RelationKeys { unique: Vec::new(), determines: Vec::new(), width, ..all }
}

/// The columns that a join compares for equality, with their positions in its inputs; nothing for a side that is another expression.
pub(in super::super) fn key_pairs(join: &Join) -> Vec<(Option<usize>, Option<usize>)> {
    let pair = |(left, right): &(Expr, Expr)| {
        (plain_column(left, join.left.schema()), plain_column(right, join.right.schema()))
    };
    join.on.iter().map(pair).collect()
}

fn of_join(join: &Join, left: RelationKeys, right: RelationKeys) -> RelationKeys {
    let pairs = key_pairs(join);
    let is_left_unique = left.is_unique(&pairs.iter().filter_map(|pair| pair.0).collect());
    let is_right_unique = right.is_unique(&pairs.iter().filter_map(|pair| pair.1).collect());
    let width = left.width + right.width;
    match join.join_type {
        JoinType::LeftAnti => return left,
        JoinType::RightAnti => return right,
        JoinType::LeftMark => return with_width(left, join.schema.fields().len()),
        JoinType::RightMark => return with_width(right, join.schema.fields().len()),
        JoinType::LeftSemi => return with_not_null(left, join, pairs.iter().filter_map(|pair| pair.0)),
        JoinType::RightSemi => return with_not_null(right, join, pairs.iter().filter_map(|pair| pair.1)),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {}
    }
    let first_of_right = left.width;
    let mut keys = RelationKeys::unknown(width);
    let right_unique = right.clone().shifted(first_of_right).unique;
    for unique in unique_of_join(join.join_type, (&left.unique, is_left_unique), (&right_unique, is_right_unique)) {
        keys.add_unique(unique);
    }
    let (keeps_left, keeps_right) = match join.join_type {
        JoinType::Left => (true, false),
        JoinType::Right => (false, true),
        JoinType::Full => (false, false),
        _ => (true, true),
    };
    for (side, is_kept, first_column) in [(left, keeps_left, 0), (right, keeps_right, first_of_right)] {
        // Before it is shifted: a unique set of one side determines that side's columns, not those of the other.
        let side = if is_kept { side.repeated() } else { side.null_extended() }.shifted(first_column);
        keys.determines.extend(side.determines);
        keys.not_null |= side.not_null;
        keys.references.extend(side.references);
    }
    if join.join_type != JoinType::Inner {
        return keys;
    }
    for (left, right) in pairs {
        let (Some(left), Some(right)) = (left, right.map(|right| right + first_of_right)) else { continue };
        if are_exact(&join.schema, [left, right]) {
            keys.add_equal(left, right);
        }
        if join.null_equality == NullEquality::NullEqualsNothing {
            keys.not_null.extend([left, right]);
        }
    }
    match &join.filter {
        Some(filter) => with_conditions(keys, filter, &join.schema),
        None => keys,
    }
}

/// The unique sets of a join that gives columns of both sides. A side's sets stay unique if each of its rows has at most one partner, and if it is not
/// the side that rows of NULLs are added to. A set of each side together tells the pairs apart, and a row without a partner from all
/// pairs.
fn unique_of_join(
    join_type: JoinType,
    (left, is_left_unique): (&[ColumnSet], bool),
    (right, is_right_unique): (&[ColumnSet], bool),
) -> Vec<ColumnSet> {
    if join_type == JoinType::Full {
        return Vec::new();
    }
    let mut unique = Vec::new();
    if is_right_unique && join_type != JoinType::Right {
        unique.extend(left);
    }
    if is_left_unique && join_type != JoinType::Left {
        unique.extend(right);
    }
    if unique.is_empty() {
        unique.extend(left.iter().flat_map(|one| right.iter().map(move |other| *one | *other)));
    }
    unique
}

fn with_not_null(mut keys: RelationKeys, join: &Join, columns: impl Iterator<Item = usize>) -> RelationKeys {
    if join.null_equality == NullEquality::NullEqualsNothing {
        keys.not_null.extend(columns);
    }
    keys
}

/// The column of a schema by its position, as expressions name it.
pub(in super::super) fn column_at(schema: &DFSchema, place: usize) -> Column {
    Column::from(schema.qualified_field(place))
}

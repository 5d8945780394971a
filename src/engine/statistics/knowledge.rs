//! [`Knowledge`]: what a session has found out of its tables, kept until their files change.
//!
//! ```text
//!   numbers beside the data ─▶ give: once, when a table is registered
//!   a statement's scans ─▶ learn: files, sizes, sample columns of the filters     (before physical planning, the only part that waits)
//!                              │
//!   a condition ──────────▶ count: on the sample, once for each set of conditions
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, TableScan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::OnceCell;

use super::distinct;
use super::estimate::Range;
use super::given::GivenStatistics;
use super::memo::Memo;
use super::sample::{self, SAMPLE_ROWS_MAX, Sample};
use super::source::{Part, Source};
use crate::engine::by_provider::ByProvider;
use crate::engine::columns::with_columns;

/// What a session knows of its tables.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// By each of their files or batches. They are gone when their providers are.
    tables: RwLock<HashMap<Part<'static>, Weak<TableKnowledge>>>,
    providers: ByProvider<TableKnowledge>,
    /// What was counted before.
    given: ByProvider<GivenStatistics>,
}

/// Conditions that are all true, over the table's columns.
type Conditions = Vec<Arc<dyn PhysicalExpr>>;

/// What is known of one table.
#[derive(Debug)]
pub(crate) struct TableKnowledge {
    /// Of all its rows.
    scan: Arc<dyn ExecutionPlan>,
    row_count: usize,
    statistics: Statistics,
    sample: OnceCell<Option<Sample>>,
    /// Columns of the sample, by their positions in the table.
    columns: RwLock<HashMap<usize, ArrayRef>>,
    /// None for what cannot be counted.
    counts: Memo<Conditions, Option<Arc<Counted>>>,
    distinct: Memo<usize, f64>,
    /// Of several columns together.
    combinations: Memo<Vec<usize>, f64>,
    run_rows: Memo<usize, f64>,
    ranges: Memo<usize, Range>,
}

/// What conditions leave of a table.
#[derive(Debug)]
pub(crate) struct Counted {
    /// The share of the rows, 0 to 1.
    pub(crate) share: f64,
    /// Which rows of the sample pass.
    passes: BooleanArray,
    /// None of columns that are not all at hand.
    columns: Memo<usize, Option<Left>>,
}

impl Counted {
    /// How many rows with the same result follow each other, on average.
    ///
    /// Independent results of a share `s` differ from the one before with the probability `2s(1 - s)`: if fewer do, rows of one result stand
    /// together, and runs of them are what is independent.
    pub(crate) fn run_rows(&self) -> f64 {
        let changes = sample::changes(self.passes.len(), |row| self.passes.value(row) != self.passes.value(row - 1));
        let expected = 2.0 * self.share * (1.0 - self.share) * self.passes.len() as f64;
        (expected / changes.max(1.0)).max(1.0)
    }
}

/// What is left of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// Distinct values but for NULL.
    pub(crate) distinct: f64,
    /// Where whole numbers and days lie.
    pub(crate) range: Option<Range>,
}

impl Knowledge {
    /// Takes over what was counted on the rows that `provider` scans.
    pub(crate) fn give(&self, provider: &Arc<dyn TableProvider>, statistics: GivenStatistics) {
        self.given.insert(provider, Arc::new(statistics));
    }

    /// Finds out what the estimates of a plan will ask for.
    pub(crate) async fn learn(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<()> {
        let mut scans = Vec::new();
        let mut compared = HashSet::new();
        let mut compare =
            |expr: &Expr| compared.extend(expr.column_refs().into_iter().map(|column| column.name.clone()));
        plan.apply_with_subqueries(|node| {
            match node {
                LogicalPlan::TableScan(scan) => scans.push(scan.clone()),
                LogicalPlan::Join(join) => {
                    join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter).for_each(&mut compare);
                }
                LogicalPlan::Filter(filter) => compare(&filter.predicate),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        // What is known of a table in memory holds on to its rows.
        self.providers.forget_gone();
        for scan in scans {
            if let Some(table) = self.table(&scan, session).await? {
                table.learn(&scan, &compared, session).await?;
            }
        }
        Ok(())
    }

    /// The table that a scan reads.
    pub(super) fn of_scan(&self, source: Source<'_>) -> Option<Arc<TableKnowledge>> {
        let (part, state) = source.parts().next()?;
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let table = tables.get(&part)?.upgrade()?;
        let known = table.source()?;
        (known.has(&part, state) && known.schema() == source.schema()).then_some(table)
    }

    async fn table(&self, scan: &TableScan, session: &dyn Session) -> Result<Option<Arc<TableKnowledge>>> {
        let Ok(provider) = source_as_provider(&scan.source) else { return Ok(None) };
        let known = self.providers.get(&provider);
        // Rows may have been added to a table in memory.
        if let Some(table) = known.filter(|table| table.source().is_some_and(|source| !source.is_in_memory())) {
            return Ok(Some(table));
        }
        let plan = provider.scan(session, None, &[], None).await?;
        let Some(source) = Source::below(plan.as_ref()) else { return Ok(None) };
        let given = self.given.get(&provider);
        // A path in FROM has a new provider in each statement.
        let known = self.of_scan(source).filter(|known| given.is_none() && known.is_of(source));
        let known = known.or_else(|| Some(Arc::new(TableKnowledge::new(&plan, given.as_deref())?)));
        let Some(table) = known else { return Ok(None) };
        self.providers.insert(&provider, Arc::clone(&table));
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.retain(|_, known| known.strong_count() > 0);
        tables.extend(source.parts().map(|(part, _)| (part.into_owned(), Arc::downgrade(&table))));
        Ok(Some(table))
    }
}

impl TableKnowledge {
    /// None if nobody knows how many rows the table has.
    fn new(scan: &Arc<dyn ExecutionPlan>, given: Option<&GivenStatistics>) -> Option<Self> {
        let source = Source::below(scan.as_ref())?;
        let mut statistics = source.statistics();
        if let Some(given) = given {
            given.complete(&mut statistics, &source.schema());
        }
        Some(Self {
            row_count: *statistics.num_rows.get_value()?,
            statistics,
            scan: Arc::clone(scan),
            sample: OnceCell::new(),
            columns: RwLock::default(),
            counts: Memo::default(),
            distinct: Memo::default(),
            combinations: Memo::default(),
            run_rows: Memo::default(),
            ranges: Memo::default(),
        })
    }

    /// Its rows.
    pub(crate) fn row_count(&self) -> f64 {
        self.row_count as f64
    }

    /// What its files say, and what was counted on them.
    pub(crate) fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Where its rows come from.
    fn source(&self) -> Option<Source<'_>> {
        Source::below(self.scan.as_ref())
    }

    /// Whether its files or batches are those of a scan, and none has changed.
    fn is_of(&self, source: Source<'_>) -> bool {
        let Some(own) = self.source() else { return false };
        own.parts().collect::<BTreeSet<_>>() == source.parts().collect::<BTreeSet<_>>()
    }

    fn schema(&self) -> SchemaRef {
        self.source().map_or_else(|| self.scan.schema(), Source::schema)
    }

    /// Reads the columns of a scan if the table is small, and otherwise those that its conditions are about, and those that joins and filters above
    /// it compare.
    async fn learn(&self, scan: &TableScan, compared: &HashSet<String>, session: &dyn Session) -> Result<()> {
        let mut names: HashSet<&str> = HashSet::new();
        scan.filters
            .iter()
            .for_each(|filter| names.extend(filter.column_refs().iter().map(|column| column.name.as_str())));
        let (is_small, schema) = (self.row_count <= SAMPLE_ROWS_MAX, self.schema());
        let read = scan.projected_schema.fields().iter().map(|field| field.name().as_str());
        names.extend(read.filter(|name| is_small || compared.contains(*name)));
        let mut missing: Vec<usize> = {
            let known = self.columns.read().unwrap_or_else(PoisonError::into_inner);
            let positions = names.iter().filter_map(|name| schema.index_of(name).ok());
            positions.filter(|position| !known.contains_key(position)).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let Some(source) = self.source() else { return Ok(()) };
        let choose = || Sample::choose(source, self.row_count, session);
        let Some(sample) = self.sample.get_or_try_init(choose).await? else { return Ok(()) };
        missing.sort_unstable();
        let batch = sample.read(&missing, session).await?;
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        columns.extend(missing.into_iter().zip(batch.columns().iter().cloned()));
        Ok(())
    }

    /// What is left where all conditions are true, whose columns are numbered as the table's. None if that cannot be counted.
    pub(crate) fn count(&self, conditions: &[Arc<dyn PhysicalExpr>]) -> Option<Arc<Counted>> {
        self.counts.get(conditions, || self.count_anew(conditions)).flatten()
    }

    /// None of columns that are not at hand, which they may be for the next statement.
    fn count_anew(&self, conditions: &[Arc<dyn PhysicalExpr>]) -> Option<Option<Arc<Counted>>> {
        let sample = self.sample.get()?.as_ref()?;
        let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        let (positions, arrays): (Vec<usize>, Vec<ArrayRef>) =
            columns.iter().map(|(position, array)| (*position, Arc::clone(array))).unzip();
        let conditions: Option<Conditions> = conditions.iter().map(|condition| at(condition, &positions)).collect();
        let conditions = conditions?;
        let row_count = arrays.first()?.len();
        let passes = || {
            let schema = Arc::new(self.schema().project(&positions).ok()?);
            let options = RecordBatchOptions::new().with_row_count(Some(row_count));
            passing_rows(&conditions, &RecordBatch::try_new_with_options(schema, arrays, &options).ok()?)
        };
        Some(passes().map(|passes| {
            let share = share(passes.true_count(), row_count, sample.is_whole());
            Arc::new(Counted { share, passes, columns: Memo::default() })
        }))
    }

    /// Where the values of a column lie in rows whose values of another lie in a range. None if not all rows are at hand.
    pub(crate) fn range_within(&self, other: usize, range: Range, column: usize) -> Option<Range> {
        self.sample.get()?.as_ref().filter(|sample| sample.is_whole())?;
        let counted = self.count(&within(&self.schema(), other, range)?)?;
        self.left(&counted, column)?.range
    }

    /// What is left of a column. None if not all rows of the table, or of the column, are at hand.
    pub(crate) fn left(&self, counted: &Counted, column: usize) -> Option<Left> {
        counted.columns.get(&column, || self.left_anew(counted, column)).flatten()
    }

    /// None of a column that is not at hand, which it may be for the next statement.
    fn left_anew(&self, counted: &Counted, column: usize) -> Option<Option<Left>> {
        if !self.sample.get()?.as_ref()?.is_whole() {
            return Some(None);
        }
        let array = filter(&self.sampled(column)?, &counted.passes).ok()?;
        Some(distinct::of_all(&array).map(|distinct| Left { distinct, range: range(&array) }))
    }

    /// Where the values of a column lie; none if not all rows are at hand.
    pub(crate) fn range(&self, column: usize) -> Option<Range> {
        self.ranges.get(&column, || {
            self.sample.get()?.as_ref().filter(|sample| sample.is_whole())?;
            range(&self.sampled(column)?)
        })
    }

    /// Distinct values of a column but for NULL; none if nobody has counted them and it is not in the sample.
    pub(crate) fn distinct(&self, column: usize) -> Option<f64> {
        let counted = self.statistics.column_statistics.get(column).map(|column| &column.distinct_count);
        if let Some(counted) = counted.and_then(|counted| counted.get_value()) {
            return Some((*counted as f64).max(1.0));
        }
        self.distinct.get(&column, || distinct::of_sample(&self.sampled(column)?, self.row_count))
    }

    /// Distinct combinations of values of several columns, NULL among the values; none if not all are in the sample.
    pub(crate) fn combinations(&self, columns: &[usize]) -> Option<f64> {
        self.combinations.get(columns, || {
            let arrays: Option<Vec<ArrayRef>> = columns.iter().map(|column| self.sampled(*column)).collect();
            distinct::of_sample_together(&arrays?, self.row_count)
        })
    }

    /// How many rows with the same value of a column follow each other, on average; none if it is not in the sample.
    pub(crate) fn run_rows(&self, column: usize) -> Option<f64> {
        self.run_rows.get(&column, || distinct::run_rows(&self.sampled(column)?))
    }

    /// A column of the sample; none if nobody has asked for it.
    fn sampled(&self, column: usize) -> Option<ArrayRef> {
        self.columns.read().unwrap_or_else(PoisonError::into_inner).get(&column).cloned()
    }
}

/// The rows for which all conditions are true; none if one cannot be evaluated.
fn passing_rows(conditions: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> Option<BooleanArray> {
    let mut passing: Option<BooleanArray> = None;
    for condition in conditions {
        let value = condition.evaluate(rows).ok()?.into_array(rows.num_rows()).ok()?;
        let value = value.as_boolean_opt()?.clone();
        passing = Some(match passing {
            Some(others) => arrow::compute::and_kleene(&others, &value).ok()?,
            None => value,
        });
    }
    passing
}

/// That a column of whole numbers or days lies in a range.
fn within(schema: &SchemaRef, column: usize, range: Range) -> Option<Conditions> {
    let field = schema.fields().get(column)?;
    let literal = |value: f64| -> Option<Arc<dyn PhysicalExpr>> {
        Some(Arc::new(Literal::new(match field.data_type() {
            DataType::Int32 => ScalarValue::Int32(Some(value as i32)),
            DataType::Int64 => ScalarValue::Int64(Some(value as i64)),
            DataType::Date32 => ScalarValue::Date32(Some(value as i32)),
            _ => return None,
        })))
    };
    let compared = |op, value: f64| -> Option<Arc<dyn PhysicalExpr>> {
        Some(Arc::new(BinaryExpr::new(Arc::new(Column::new(field.name(), column)), op, literal(value)?)))
    };
    Some(vec![compared(Operator::GtEq, range.min)?, compared(Operator::LtEq, range.max)?])
}

/// The share of rows that pass. A sample without one says no more than that they are few.
fn share(passing: usize, row_count: usize, is_whole: bool) -> f64 {
    match (passing, is_whole) {
        (_, _) if row_count == 0 => 0.0,
        (0, false) => 0.5 / row_count as f64,
        (passing, _) => passing as f64 / row_count as f64,
    }
}

/// The expression with columns numbered as in a batch of the columns at `positions`.
fn at(expr: &Arc<dyn PhysicalExpr>, positions: &[usize]) -> Option<Arc<dyn PhysicalExpr>> {
    with_columns(expr, |column| {
        let place = positions.iter().position(|position| *position == column.index())?;
        Some(Arc::new(Column::new(column.name(), place)))
    })
}

/// Where whole numbers and days lie.
fn range(array: &ArrayRef) -> Option<Range> {
    use arrow::compute::{max, min};
    macro_rules! ends {
        ($type:ty) => {{
            let values = array.as_primitive::<$type>();
            Range { min: min(values)? as f64, max: max(values)? as f64 }
        }};
    }
    Some(match array.data_type() {
        DataType::Int32 => ends!(Int32Type),
        DataType::Int64 => ends!(Int64Type),
        DataType::Date32 => ends!(Date32Type),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{ParquetReadOptions, SessionContext};

    use super::*;

    /// What a statement did not ask for is found out when the next one does.
    #[tokio::test]
    async fn what_was_not_at_hand_is_looked_for_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (context, knowledge) = (SessionContext::new(), Knowledge::default());
        let path = format!("{}/t.parquet", folder.path().display());
        let copy = format!("copy (select value as a, value * 2 as b from generate_series(1, 10)) to '{path}'");
        context.sql(&copy).await.expect("planned").collect().await.expect("written");
        context.register_parquet("t", &path, ParquetReadOptions::default()).await.expect("registered");
        let table = async |sql: &str| {
            let plan = context.sql(sql).await.expect("planned").into_optimized_plan().expect("optimized");
            knowledge.learn(&plan, &context.state()).await.expect("learned");
            let scan = context.state().create_physical_plan(&plan).await.expect("planned");
            knowledge.of_scan(Source::below(scan.as_ref()).expect("a scan")).expect("known")
        };
        let below = |column: &str, index| -> Conditions {
            let column = Arc::new(Column::new(column, index));
            vec![Arc::new(BinaryExpr::new(column, Operator::Lt, Arc::new(Literal::new(ScalarValue::Int64(Some(5))))))]
        };
        let found = |table: Arc<TableKnowledge>| {
            let of_a = table.count(&below("a", 0)).expect("it is there");
            (table.left(&of_a, 1).and_then(|left| left.range), table.count(&below("b", 1)).map(|of_b| of_b.share))
        };
        assert_eq!(found(table("select a from t where a < 5").await), (None, None));
        assert_eq!(found(table("select b from t").await), (Some(Range { min: 2.0, max: 8.0 }), Some(0.2)));
    }

    /// What is known of a file when a statement names it that nobody else named; the second knows it from the first.
    #[tokio::test]
    async fn a_file_is_known_as_long_as_a_statement_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (context, knowledge) = (SessionContext::new(), Knowledge::default());
        let read = async |name: &str| {
            let path = format!("{}/{name}.parquet", folder.path().display());
            let table = context.read_parquet(path, ParquetReadOptions::default()).await.expect("a table");
            let plan = table.into_unoptimized_plan();
            knowledge.learn(&plan, &context.state()).await.expect("learned");
            let scan = context.state().create_physical_plan(&plan).await.expect("planned");
            let known = knowledge.of_scan(Source::below(scan.as_ref()).expect("a scan")).expect("known");
            (plan, Arc::downgrade(&known))
        };
        for name in ["one", "two"] {
            let path = format!("{}/{name}.parquet", folder.path().display());
            let copy = format!("copy (select value as a from generate_series(1, 10)) to '{path}'");
            context.sql(&copy).await.expect("planned").collect().await.expect("written");
        }
        let (first_plan, first) = read("one").await;
        let (second_plan, second) = read("one").await;
        assert!(first.ptr_eq(&second) && first.strong_count() > 0);
        drop((first_plan, second_plan));
        let (_plan, _) = read("two").await;
        assert_eq!((first.strong_count(), knowledge.tables.read().expect("not poisoned").len()), (0, 1));
    }
}

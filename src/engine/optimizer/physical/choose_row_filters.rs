//! [`ChooseRowFilters`]: with `engine.pushdown.filter = auto`, rows are filtered while they are decoded where that pays.
//!
//! ```text
//!   before   HashJoin ss_store_sk = s_store_sk             after   HashJoin ss_store_sk = s_store_sk
//!              store                                                  store
//!              HashJoin ss_sold_date_sk = d_date_sk                   HashJoin ss_sold_date_sk = d_date_sk
//!                Filter: d_year = 2000 and d_moy = 11                   Filter: d_year = 2000 and d_moy = 11
//!                  date_dim                                               date_dim
//!                Filter: ss_quantity > 3                                Filter: ss_quantity > 3
//!                  store_sales                                            store_sales, row filter: that of the join with date_dim
//! ```
//!
//! DataFusion hands every filter to the scan, or none. Either is wrong for a good part of TPC-DS: a filter in the scan saves decoding
//! the other columns of rows that do not pass, and costs piecing rows together and, for the filter that a join makes of its
//! build side, a second lookup of each row. Here each filter is decided on by its own, by the share of rows that is expected to pass, by
//! what the columns behind it cost, by how long the runs of passing rows are, and by what the operators up to the join would do with the rows
//! that it drops ([`row_filter_cost`]). Above, 2% of the rows have a partner in November 2000, all have a store, and 97% have a quantity of more
//! than 3.
//!
//! DataFusion's own `pushdown_filters` is off then, so that every filter of the statement stands in an operator, and scans know all filters
//! for leaving out row groups and pages. The rule comes last: what it takes is moved from that operator into the scan; what joins find
//! while they run is in the scan already, and is told apart by the filter's number. A condition that can fail stays where it is, behind
//! the others.

use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::{collect_columns, conjunction, split_conjunction};
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::replace_children_if_necessary;

use super::operator_work::work_ns;
use super::row_filter_cost::{self, Found, JoinFilter, RowFilter};
use super::{filter_number, is_movable, parquet_scan};
use crate::engine::columns::with_columns;
use crate::engine::prune_only::PruneOnly;
use crate::engine::settings::{PushdownOptions, RowFilters};
use crate::engine::statistics::{
    ColumnEstimate, Estimate, Knowledge, Passing, column_of, estimate_each, partner_share, passing, table_of,
};

/// The share of rows that pass a filter that is found while the statement runs, and not by a join: that of `ORDER BY … LIMIT`, or of `min`
/// and `max`, which let nothing pass but rows that are better than all before them. A hundred of a million rows in no order are bettered a thousand
/// times.
const BEST_SHARE: f64 = 0.001;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct ChooseRowFilters {
    knowledge: Arc<Knowledge>,
}

impl ChooseRowFilters {
    pub(in crate::engine::optimizer) fn new(knowledge: &Arc<Knowledge>) -> Self {
        Self { knowledge: Arc::clone(knowledge) }
    }
}

impl PhysicalOptimizerRule for ChooseRowFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if PushdownOptions::of(config).filter != RowFilters::Auto {
            return Ok(plan);
        }
        let operators = Operators::of(plan.as_ref(), &self.knowledge);
        self.choose(plan, &operators, &[])
    }

    fn name(&self) -> &str {
        "ChooseRowFilters"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl ChooseRowFilters {
    /// `above` are the joins above `plan` that find filters for it.
    fn choose(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        operators: &Operators,
        above: &[JoinAbove],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let joins = Joins { operators, above };
        let filter = plan.downcast_ref::<FilterExec>().filter(|filter| filter.fetch().is_none());
        if let Some(filter) = filter
            && let Some(scan) = ParquetScan::of(filter.input())
        {
            return Ok(self.of_filtered(filter, &scan, joins)?.unwrap_or(plan));
        }
        if let Some(scan) = ParquetScan::of(&plan) {
            let chosen = self.chosen(&scan, Vec::new(), joins);
            return Ok(if chosen.is_empty() { plan } else { scan.filtering(&chosen, None)? });
        }
        let below = operators.below(plan.as_ref(), above);
        let inputs = plan.children().into_iter().map(|input| self.choose(Arc::clone(input), operators, &below));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, inputs)
    }

    /// A scan with a filter above it; none if nothing in it changes.
    fn of_filtered(
        &self,
        filter: &FilterExec,
        scan: &ParquetScan<'_>,
        joins: Joins<'_>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let written = split_conjunction(filter.predicate());
        // As the scan has them; those that it did not take are not its to evaluate.
        let known = scan.conditions();
        let moved: Vec<Option<PhysicalExprRef>> = written
            .iter()
            .map(|condition| scan.on_table(condition).filter(|moved| known.contains(moved) && is_movable(moved)))
            .collect();
        let chosen = self.chosen(scan, moved.iter().flatten().cloned().collect(), joins);
        if chosen.is_empty() {
            return Ok(None);
        }
        let left = written.into_iter().zip(&moved);
        let left = left.filter(|(_, moved)| moved.as_ref().is_none_or(|moved| !chosen.contains(moved)));
        let left: Vec<PhysicalExprRef> = left.map(|(condition, _)| Arc::clone(condition)).collect();
        if left.is_empty() {
            return scan.filtering(&chosen, filter.projection().as_deref()).map(Some);
        }
        let scan = scan.filtering(&chosen, None)?;
        let filter = FilterExecBuilder::from(filter).with_input(scan).with_predicate(conjunction(left)).build()?;
        Ok(Some(Arc::new(filter)))
    }

    /// The conditions that a scan is to filter rows by, in that order: of those that stand above it, and of those found while running.
    fn chosen(&self, scan: &ParquetScan<'_>, above: Vec<PhysicalExprRef>, joins: Joins<'_>) -> Vec<PhysicalExprRef> {
        let found = scan.conditions().into_iter().filter(|condition| dynamic(condition).is_some());
        let conditions: Vec<PhysicalExprRef> = above.into_iter().chain(found).collect();
        if conditions.is_empty() {
            return conditions;
        }
        let Some(table) = table_of(scan.operator, &self.knowledge) else { return Vec::new() };
        let filters: Vec<RowFilter> = conditions.iter().map(|condition| row_filter(condition, &table, joins)).collect();
        let chosen = row_filter_cost::choose(&filters, &table, &scan.columns_read(&table));
        chosen.into_iter().map(|index| Arc::clone(&conditions[index])).collect()
    }
}

/// The filter that is found while the statement runs, if a condition is one.
fn dynamic(condition: &PhysicalExprRef) -> Option<&DynamicFilterPhysicalExpr> {
    condition.downcast_ref::<DynamicFilterPhysicalExpr>()
}

fn row_filter(condition: &PhysicalExprRef, table: &Estimate, joins: Joins<'_>) -> RowFilter {
    let columns: Vec<usize> = collect_columns(condition).iter().map(Column::index).collect();
    let Some(dynamic) = dynamic(condition) else {
        let Passing { share, run_rows } = passing(condition, table);
        return RowFilter { columns, share, run_rows, found: Found::Written };
    };
    let join = joins.operators.join(dynamic, table);
    let runs = columns.iter().filter_map(|column| table.columns.get(*column)?.run_rows());
    let run_rows = runs.reduce(f64::min).unwrap_or(1.0);
    let Some((build_rows, share)) = join else {
        return RowFilter { columns, share: BEST_SHARE, run_rows, found: Found::ByBest };
    };
    let between_ns = joins.work_ns_below(dynamic) / table.rows.max(1.0);
    let found = Found::ByJoin(JoinFilter::new(build_rows, columns.len(), between_ns));
    RowFilter { columns, share, run_rows, found }
}

/// A join that finds a filter for what is below it.
#[derive(Debug, Clone, Copy)]
struct JoinAbove {
    filter: u64,
    /// The work of the operators between the join and where one is.
    work_ns: f64,
}

/// What is known of the joins above a scan.
#[derive(Clone, Copy)]
struct Joins<'a> {
    operators: &'a Operators,
    above: &'a [JoinAbove],
}

impl Joins<'_> {
    /// The work of the operators between the scan and the join that finds a filter.
    fn work_ns_below(&self, filter: &DynamicFilterPhysicalExpr) -> f64 {
        let number = filter.expression_id();
        self.above.iter().find(|join| Some(join.filter) == number).map_or(0.0, |join| join.work_ns)
    }
}

/// What is known of a plan's operators.
#[derive(Debug, Default)]
struct Operators {
    /// The build sides of joins that find filters, by the filter's number.
    builds: HashMap<u64, BuildSide>,
    /// What each operator costs, by its address.
    work_ns: HashMap<*const (), f64>,
}

#[derive(Debug)]
struct BuildSide {
    keys: Vec<Option<ColumnEstimate>>,
    rows: f64,
}

impl Operators {
    fn of(plan: &dyn ExecutionPlan, knowledge: &Knowledge) -> Self {
        let mut all = Self::default();
        estimate_each(plan, knowledge, &mut |operator, inputs, output| {
            all.work_ns.insert(address(operator), work_ns(operator, inputs, output));
            if let (Some(join), Some(build)) = (operator.downcast_ref::<HashJoinExec>(), inputs.first())
                && let Some(number) = filter_number(operator)
            {
                let keys = join.on().iter();
                let keys = keys.map(|(left, _)| column_of(left).and_then(|column| build.columns.get(column).cloned()));
                all.builds.insert(number, BuildSide { keys: keys.collect(), rows: build.rows });
            }
        });
        all
    }

    /// The joins above the inputs of `plan`, given those above itself.
    fn below(&self, plan: &dyn ExecutionPlan, above: &[JoinAbove]) -> Vec<JoinAbove> {
        let own_ns = self.work_ns.get(&address(plan)).copied().unwrap_or_default();
        let farther = above.iter().map(|join| JoinAbove { work_ns: join.work_ns + own_ns, ..*join });
        farther.chain(filter_number(plan).map(|filter| JoinAbove { filter, work_ns: 0.0 })).collect()
    }

    /// The rows of the build side of the join that finds a filter, and the share of a table's rows that pass it; none for other filters.
    fn join(&self, filter: &DynamicFilterPhysicalExpr, table: &Estimate) -> Option<(f64, f64)> {
        let build = self.builds.get(&filter.expression_id()?)?;
        let keys = filter.children().into_iter().zip(&build.keys).filter_map(|(probe, key)| {
            let probe = column_of(probe).and_then(|column| table.columns.get(column))?;
            Some((probe, key.as_ref()?))
        });
        Some((build.rows, partner_share(&keys.collect::<Vec<_>>(), build.rows)))
    }
}

fn address(plan: &dyn ExecutionPlan) -> *const () {
    ptr::from_ref(plan).cast()
}

/// A scan of Parquet files.
struct ParquetScan<'a> {
    operator: &'a DataSourceExec,
    config: &'a FileScanConfig,
    source: &'a ParquetSource,
}

impl<'a> ParquetScan<'a> {
    /// None for other operators, and for a scan whose table was told to filter rows.
    fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        let (operator, config, source) = parquet_scan(plan)?;
        let is_told = source.table_parquet_options().global.pushdown_filters;
        (!is_told).then_some(Self { operator, config, source })
    }

    /// The conditions that it knows, over the table's columns.
    fn conditions(&self) -> Vec<PhysicalExprRef> {
        let predicate = self.source.filter();
        predicate.iter().flat_map(split_conjunction).map(Arc::clone).collect()
    }

    /// A condition on the scan's result as one on the table.
    fn on_table(&self, condition: &PhysicalExprRef) -> Option<PhysicalExprRef> {
        let projection = self.source.projection()?;
        let projected: Vec<&PhysicalExprRef> = projection.iter().map(|projected| &projected.expr).collect();
        with_columns(condition, |column| Some(Arc::clone(projected[column.index()])))
    }

    /// The columns of the table that the scan's result is made of.
    fn columns_read(&self, table: &Estimate) -> Vec<usize> {
        let Some(projection) = self.source.projection() else { return (0..table.columns.len()).collect() };
        let columns = projection.iter().flat_map(|projected| collect_columns(&projected.expr));
        let mut columns: Vec<usize> = columns.map(|column| column.index()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The scan with rows filtered by these conditions, of whose columns these are left. By the others that it knows it leaves out row groups.
    fn filtering(
        &self,
        conditions: &[PhysicalExprRef],
        projection: Option<&[usize]>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let others = self.conditions().into_iter().filter(|condition| !conditions.contains(condition));
        let others = others.map(|condition| Arc::new(PruneOnly::new(condition)) as PhysicalExprRef);
        let predicate = conjunction(conditions.iter().cloned().chain(others));
        let source = self.source.clone().with_predicate(predicate).with_pushdown_filters(true);
        let mut source: Arc<dyn FileSource> = Arc::new(source);
        if let Some(positions) = projection {
            let projection = ProjectionExprs::from_indices(positions, &self.operator.schema());
            if let Some(narrowed) = source.try_pushdown_projection(&projection)? {
                source = narrowed;
            }
        }
        let config = FileScanConfigBuilder::from(self.config.clone()).with_source(source).build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use arrow::util::pretty::pretty_format_batches;
    use datafusion::physical_plan::ExecutionPlan;
    use datafusion::physical_plan::filter::FilterExec;
    use expect_test::{Expect, expect};

    use super::ParquetScan;
    use crate::engine::{Engine, test_support};

    /// `t`: 40,000 rows; `id` ascends, `day` has 100 values that stand together, `any` has 1,000 that do not, `text` is wide.
    const TABLES: [&str; 3] = [
        "create external table t stored as parquet location '{}/t.parquet'",
        "create table days as select value as day, value as month from generate_series(0, 99)",
        "create table anys as select value as any from generate_series(0, 999)",
    ];
    const COPY: &str = "copy (select value as id, value div 400 as day, value * 7919 % 40000 div 40 as any, \
                        concat('a text of the row number ', value * 7919 % 40000) as text \
                        from generate_series(0, 39999)) to '{}/t.parquet' \
                        options ('format.max_row_group_size' '4000')";

    struct Engines {
        auto: Engine,
        off: Engine,
        _folder: tempfile::TempDir,
    }

    async fn engine(filter: &str, folder: &str) -> Engine {
        let filter = format!("engine.pushdown.filter={filter}");
        let sets = [&filter, "engine.sql.semantics=spark", "datafusion.execution.target_partitions=1"];
        let engine = test_support::engine("datafusion", &sets).await;
        for statement in TABLES {
            engine.run(&statement.replace("{}", folder)).await.expect("made");
        }
        engine
    }

    async fn engines() -> Engines {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8").to_owned();
        test_support::engine("default", &[]).await.run(&COPY.replace("{}", &path)).await.expect("written");
        Engines { auto: engine("auto", &path).await, off: engine("off", &path).await, _folder: folder }
    }

    /// Where filters stand: in operators, and in scans.
    fn describe(plan: &Arc<dyn ExecutionPlan>, out: &mut String) {
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            writeln!(out, "above: {}", filter.predicate()).expect("a string");
        }
        let scan = plan.downcast_ref::<super::DataSourceExec>();
        if let Some((_, source)) = scan.and_then(|scan| scan.downcast_to_file_source::<super::ParquetSource>())
            && ParquetScan::of(plan).is_none()
        {
            let predicate = super::FileSource::filter(source).expect("it filters by something");
            writeln!(out, "scan: {predicate}").expect("a string");
        }
        plan.children().into_iter().for_each(|input| describe(input, out));
    }

    async fn rows(engine: &Engine, sql: &str) -> String {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        pretty_format_batches(&batches).expect("text").to_string()
    }

    async fn check(sql: &str, expected: Expect) {
        let engines = engines().await;
        let plan = engines.auto.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut found = String::new();
        describe(plan.physical(), &mut found);
        expected.assert_eq(&found);
        assert_eq!(rows(&engines.auto, sql).await, rows(&engines.off, sql).await, "{sql}");
    }

    #[tokio::test]
    async fn few_rows_and_rows_that_stand_together_are_filtered_in_the_scan() {
        check(
            "select min(text) from t where any = 3",
            expect![[r#"
            scan: any@2 = 3
        "#]],
        )
        .await;
        check(
            "select min(text), sum(id) from t where day between 20 and 50",
            expect![[r#"
            scan: day@1 <= 50 AND day@1 >= 20
        "#]],
        )
        .await;
        check(
            "select day, text from t where day in (3, 50) and text like '%7' order by id",
            expect![[r#"
                above: text@2 LIKE %7
                scan: (day@1 = 3 OR day@1 = 50) AND PruneOnly(text@3 LIKE %7)
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn many_rows_here_and_there_are_not() {
        check(
            "select min(text), sum(id) from t where any < 500",
            expect![[r#"
            above: any@1 < 500
        "#]],
        )
        .await;
        check(
            "select min(text) from t where any <> 3",
            expect![[r#"
                above: any@0 != 3
            "#]],
        )
        .await;
        check("select count(*) from t where any is null", expect![""]).await;
        check(
            "select min(text) from t where any < 500 and day = 3",
            expect![[r#"
                above: any@1 < 500
                scan: day@1 = 3 AND PruneOnly(any@2 < 500)
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn filters_of_joins_are_told_apart() {
        let text = "select min(text), count(*) from t join days on t.day = days.day join anys on t.any = anys.any";
        check(text, expect![""]).await;
        check(
            &format!("{text} where month >= 10"),
            expect![[r#"
                above: month@1 >= 10
            "#]],
        )
        .await;
        check(
            &format!("{text} where month = 3"),
            expect![[r#"
                above: month@1 = 3
                scan: DynamicFilter [ empty ] AND PruneOnly(DynamicFilter [ empty ])
            "#]],
        )
        .await;
        check(
            &format!("{text} where anys.any < 5 and id > 100"),
            expect![[r#"
                above: id@0 > 100
                scan: any@2 < 5 AND PruneOnly(id@0 > 100) AND PruneOnly(DynamicFilter [ empty ])
                above: any@0 < 5
            "#]],
        )
        .await;
        check(
            "select id, text from t order by id desc limit 3",
            expect![[r#"
                scan: DynamicFilter [ empty ]
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn rows_are_dropped_before_an_aggregate_that_would_have_no_use_for_them() {
        let anys = "(select any from anys where any % 4 = 1) few";
        check(
            &format!("select min(text), sum(id) from t join {anys} on t.any = few.any"),
            expect![[r#"
            above: any@0 % 4 = 1
        "#]],
        )
        .await;
        check(
            &format!(
                "select * from (select any, text, count(*) from t group by any, text) g join {anys} on g.any = few.any"
            ),
            expect![[r#"
                above: any@0 % 4 = 1
                scan: DynamicFilter [ empty ]
            "#]],
        )
        .await;
    }

    /// Of ten row groups, the first has no such number.
    #[tokio::test]
    async fn row_groups_are_left_out_by_all_conditions() {
        let sql = "select min(text) from t where any < 10 and id >= 4000";
        check(
            sql,
            expect![[r#"
                above: id@0 >= 4000
                scan: any@2 < 10 AND PruneOnly(id@0 >= 4000)
            "#]],
        )
        .await;
        let analyzed = rows(&engines().await.auto, &format!("explain analyze {sql}")).await;
        let scan = analyzed.lines().find(|line| line.contains("t.parquet")).expect("a scan");
        let metrics: Vec<&str> = scan.split(", ").filter(|metric| metric.contains("row_groups_pruned")).collect();
        expect![[r#"
            row_groups_pruned_statistics=10 total → 9 matched
            row_groups_pruned_bloom_filter=9 total → 9 matched
            row_groups_pruned_dynamic_filter=0"#]]
        .assert_eq(&metrics.join("\n"));
    }

    #[tokio::test]
    async fn what_can_fail_stays_behind_the_others() {
        check(
            "select min(text) from t where day = 3 and 10 div (id - 100) >= 0",
            expect![[r#"
                above: CASE WHEN day@1 = 3 THEN div(10, subtract(id@0, 100)) >= 0 ELSE false END
                scan: day@1 = 3 AND PruneOnly(CASE WHEN day@1 = 3 THEN div(10, subtract(id@0, 100)) >= 0 ELSE false END)
            "#]],
        )
        .await;
        check(
            "select min(text) from t where 10 div (id + 1) = 10",
            expect![[r#"
            above: div(10, add(id@0, 1)) = 10
        "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn does_not_fire() {
        check("select min(text) from t", expect![""]).await;
        check(
            "select min(month) from days where day = 3",
            expect![[r#"
            above: day@0 = 3
        "#]],
        )
        .await;
        check(
            "select * from (select text, any from t where day = 3 limit 5) where any < 0",
            expect![[r#"
            above: any@0 < 0
            above: day@0 = 3
        "#]],
        )
        .await;
    }
}

//! [`DeferProbeSides`]: what a join's filter is for is not read before the filter is known.
//!
//! ```text
//!   before   HashJoin g.week = few.week                after   HashJoin g.week = few.week
//!              few                                               few
//!              Aggregate by week                                 Defer
//!                HashJoin t.day = days.day                         Aggregate by week
//!                  Coalesce                                          HashJoin t.day = days.day
//!                    days, filter: week of few                         Coalesce
//!                  t                                                     days, filter: week of few
//!                                                                      t
//! ```
//!
//! A hash join makes a filter of its build side, and asks its probe side for rows when it has: whatever reads that filter there knows it. Not so what
//! starts by itself. The days above are the build side of another join, and an operator that brings their partitions together reads them as soon as the
//! plan is executed, before `few` is known, so that all weeks are joined and aggregated to be dropped at the end; or after it, if few is quicker. Which
//! of both was a matter of luck. Now the probe side is started when it is asked for rows ([`DeferExec`]).
//!
//! That takes away that build sides are read side by side. So a probe side is deferred only if the filter is for a scan that would start by itself;
//! a scan at the end of probe sides waits anyway.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileSource;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary};

use super::{filter_number, parquet_scan};
use crate::engine::deferred::DeferExec;
use crate::engine::found_filters;
use crate::engine::settings::OptimizerOptions;

/// See the module.
#[derive(Debug)]
pub(in crate::engine::optimizer) struct DeferProbeSides;

impl PhysicalOptimizerRule for DeferProbeSides {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if !OptimizerOptions::of(config).defer_probe_sides {
            return Ok(plan);
        }
        // Few plans have one; a walk that may change something costs much more than one that looks.
        let mut early = BTreeSet::new();
        plan.apply(|node| {
            early.extend(early_filter(node)?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        if early.is_empty() {
            return Ok(plan);
        }
        let deferred = plan.transform_up(|node| {
            let is_early = filter_number(node.as_ref()).is_some_and(|filter| early.contains(&filter));
            let Some(join) = node.downcast_ref::<HashJoinExec>().filter(|_| is_early) else {
                return Ok(Transformed::no(node));
            };
            let probe = Arc::new(DeferExec::new(Arc::clone(join.right())));
            let inputs = vec![Arc::clone(join.left()), probe as _];
            replace_children_if_necessary(node, inputs).map(Transformed::yes)
        });
        Ok(deferred?.data)
    }

    fn name(&self) -> &str {
        "DeferProbeSides"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The filter that a join makes after something in its probe side, which reads it, has started.
fn early_filter(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<u64>> {
    let Some((join, filter)) = plan.downcast_ref::<HashJoinExec>().zip(filter_number(plan.as_ref())) else {
        return Ok(None);
    };
    Ok(reads_early(join.right(), filter, false)?.then_some(filter))
}

/// Whether a scan in a plan reads a filter, and starts with the plan.
fn reads_early(plan: &Arc<dyn ExecutionPlan>, filter: u64, is_started: bool) -> Result<bool> {
    if let Some((_, _, source)) = parquet_scan(plan) {
        let Some(predicate) = source.filter().filter(|_| is_started) else { return Ok(false) };
        return Ok(found_filters::read_by(&predicate)?.contains(&filter));
    }
    let is_started = is_started || starts_inputs(plan);
    for input in plan.children() {
        if reads_early(input, filter, is_started)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an operator has tasks of its own, which start when it is executed.
fn starts_inputs(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let merges = plan.is::<CoalescePartitionsExec>() || plan.is::<SortPreservingMergeExec>();
    merges && plan.children().into_iter().any(|input| input.output_partitioning().partition_count() > 1)
}

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;

    use super::*;
    use crate::engine::{Engine, test_support};

    /// `t`: 40,000 rows of 400 days; `days` has 7 a week. Each is in two files, so that there is something to bring together. `few` has three weeks.
    const COPIES: [&str; 4] = [
        "copy (select value as id, value % 400 as day from generate_series(0, 19999)) to '{}/t/a.parquet'",
        "copy (select value as id, value % 400 as day from generate_series(20000, 39999)) to '{}/t/b.parquet'",
        "copy (select value as day, value div 7 as week from generate_series(0, 199)) to '{}/days/a.parquet'",
        "copy (select value as day, value div 7 as week from generate_series(200, 399)) to '{}/days/b.parquet'",
    ];
    const TABLES: [&str; 3] = [
        "create external table t stored as parquet location '{}/t/'",
        "create external table days stored as parquet location '{}/days/'",
        "create table few as select value * 10 as week, value as number from generate_series(1, 3)",
    ];

    struct Bench {
        on: Engine,
        off: Engine,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().to_str().expect("UTF-8").to_owned();
            let writer = test_support::engine("default", &[]).await;
            for copy in COPIES {
                writer.run(&copy.replace("{}", &path)).await.expect("written");
            }
            let engine = async |is_on: bool| {
                let switch = format!("engine.optimizer.defer_probe_sides={is_on}");
                let two = "datafusion.execution.target_partitions=2";
                let engine = test_support::engine("datafusion", &["engine.pushdown.filter=on", &switch, two]).await;
                for table in TABLES {
                    engine.run(&table.replace("{}", &path)).await.expect("made");
                }
                engine
            };
            Self { on: engine(true).await, off: engine(false).await, _folder: folder }
        }

        /// Above what probe sides are deferred, and that the rows are the same.
        async fn check(&self, sql: &str, expected: &[&str]) {
            let plan = self.on.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let mut found = Vec::new();
            deferred(plan.physical(), &mut found);
            assert_eq!(found, expected, "{sql}\n{}", plan.display());
            assert_eq!(rows(&self.on, sql).await, rows(&self.off, sql).await, "{sql}");
        }
    }

    fn deferred(plan: &Arc<dyn ExecutionPlan>, found: &mut Vec<String>) {
        if plan.is::<DeferExec>() {
            found.extend(plan.children().iter().map(|input| input.name().to_owned()));
        }
        plan.children().into_iter().for_each(|input| deferred(input, found));
    }

    async fn rows(engine: &Engine, sql: &str) -> String {
        let batches = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        pretty_format_batches(&batches).expect("text").to_string()
    }

    const WEEKS: &str = "(select week, sum(id) total, count(*) n from t join days on t.day = days.day group by week) g";

    #[tokio::test(flavor = "multi_thread")]
    async fn what_would_be_read_too_early_is_deferred() {
        let bench = Bench::new().await;
        let sql = format!("select number, total, n from {WEEKS} join few on g.week = few.week order by number");
        bench.check(&sql, &["ProjectionExec"]).await;
        // So every time, the filter is known: three weeks of seven days.
        for _ in 0..5 {
            let analyzed = rows(&bench.on, &format!("explain analyze {sql}")).await;
            let scan = analyzed.lines().find(|line| line.contains("/days/")).expect("a scan");
            assert!(scan.contains("output_rows=21,"), "{scan}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn does_not_fire() {
        let bench = Bench::new().await;
        // The scan that reads the filter is at the end of the probe sides.
        bench.check("select count(*), sum(id) from t join few on t.day = few.week", &[]).await;
        bench.check("select count(*) from t join days on t.day = days.day where week = 3", &[]).await;
        // No filter is made for what a right join keeps, nor for a number that an aggregate computes.
        let kept =
            format!("select g.week, total, number from few right join {WEEKS} on g.week = few.week order by g.week");
        bench.check(&kept, &[]).await;
        bench.check(&format!("select count(*) from {WEEKS} join few on g.n = few.week"), &[]).await;
        bench.check("select count(*) from t", &[]).await;
    }
}

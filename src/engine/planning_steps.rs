//! Planning, a step at a time: how long each rule took, and whether it changed the plan.
//!
//! ```text
//!   text ─▶ parse, resolve ─▶ analyzer rules ─▶ logical rules, in passes ─▶ learn ─▶ operators ─▶ physical rules
//!                │                 │                    │                    │          │             │
//!                └────── Stopwatch: the time since the last step; the plan's text against the one before ────┘
//! ```
//!
//! The steps are those of [`EnginePlanner`](super::planner::EnginePlanner) and of DataFusion's session in the same order, with the same rules.
//! Printing the plan, to see whether it changed, is not in any step's time. What DataFusion does between rules (checks of schemas, the search
//! for a pass that changed nothing) counts to the rule that follows, as does the first rule's wait for it.

use std::fmt;

use datafusion::error::Result;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::statistics::Knowledge;
use super::{ansi, cancellation, planner};

/// A part of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlanningPhase {
    /// From text to a plan that names tables and columns.
    Text,
    /// Rules that give a plan its meaning: types, functions.
    Analyzer,
    /// Rules on relations.
    Logical,
    /// What is found out of the data, and the choice of operators.
    Operators,
    /// Rules on operators.
    Physical,
}

impl fmt::Display for PlanningPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Analyzer => "analyzer",
            Self::Logical => "logical",
            Self::Operators => "operators",
            Self::Physical => "physical",
        })
    }
}

/// A rule, or another step of planning, all passes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanningStep {
    /// The part of planning that it belongs to.
    pub phase: PlanningPhase,
    /// The rule's name.
    pub name: String,
    /// How often it ran.
    pub runs: u32,
    /// How often the plan was another one after it.
    pub changes: u32,
    /// Its time.
    pub nanoseconds: u64,
}

/// Divides time into steps.
pub(super) struct Stopwatch<'a> {
    clock: &'a dyn Fn() -> u64,
    begun: u64,
    /// The plan as the last step left it.
    plan: String,
    steps: Vec<PlanningStep>,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn start(clock: &'a dyn Fn() -> u64) -> Self {
        Self { clock, begun: clock(), plan: String::new(), steps: Vec::new() }
    }

    /// A step is done, which left this plan.
    pub(super) fn step(&mut self, phase: PlanningPhase, name: &str, plan: impl FnOnce() -> String) {
        let nanoseconds = (self.clock)().saturating_sub(self.begun);
        let plan = plan();
        let changes = u32::from(plan != self.plan);
        self.plan = plan;
        match self.steps.iter_mut().find(|step| step.phase == phase && step.name == name) {
            Some(step) => {
                step.runs += 1;
                step.changes += changes;
                step.nanoseconds += nanoseconds;
            }
            None => self.steps.push(PlanningStep { phase, name: name.to_owned(), runs: 1, changes, nanoseconds }),
        }
        self.begun = (self.clock)();
    }
}

/// The steps after a plan was made of the text.
pub(super) async fn after(
    plan: LogicalPlan,
    state: &SessionState,
    knowledge: &Knowledge,
    mut watch: Stopwatch<'_>,
) -> Result<Vec<PlanningStep>> {
    let options = state.config_options();
    let plan = state.analyzer().execute_and_check(plan, options, |plan, rule| {
        watch.step(PlanningPhase::Analyzer, rule.name(), || shown(plan));
    })?;
    let plan = state.optimizer().optimize(plan, state, |plan, rule| {
        watch.step(PlanningPhase::Logical, rule.name(), || shown(plan));
    })?;
    let plan = ansi::finish(plan)?;
    watch.step(PlanningPhase::Operators, "finish expressions", || shown(&plan));
    if planner::looks_at_data(options) {
        knowledge.learn(&plan, state).await?;
        watch.step(PlanningPhase::Operators, "look at the data", || shown(&plan));
    }
    let bare = SessionStateBuilder::new_from_existing(state.clone()).with_physical_optimizer_rules(Vec::new()).build();
    let planner = DefaultPhysicalPlanner::default();
    // Without the copy of the session in its time.
    watch.step(PlanningPhase::Operators, COPY, || shown(&plan));
    let operators = planner.create_physical_plan(&plan, &bare).await?;
    watch.step(PlanningPhase::Operators, "choose operators", || shown_operators(operators.as_ref()));
    let operators = planner.optimize_physical_plan(operators, state, |plan, rule| {
        watch.step(PlanningPhase::Physical, rule.name(), || shown_operators(plan));
    })?;
    let operators = cancellation::with_places_to_yield(operators)?;
    watch.step(PlanningPhase::Physical, "places to yield", || shown_operators(operators.as_ref()));
    let mut steps = watch.steps;
    steps.retain(|step| step.name != COPY);
    Ok(steps)
}

/// No step of planning, and taken out.
const COPY: &str = "copy of the session";

fn shown(plan: &LogicalPlan) -> String {
    plan.display_indent_schema().to_string()
}

fn shown_operators(plan: &dyn ExecutionPlan) -> String {
    displayable(plan).indent(true).to_string()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::engine::test_support::engine;

    #[test]
    fn steps_of_one_name_are_added_up() {
        let now = Cell::new(0);
        // Each look at the clock is 5 ns after the one before.
        let clock = || now.replace(now.get() + 5);
        let mut watch = Stopwatch::start(&clock);
        for (name, plan) in [("a", "x"), ("b", "x"), ("a", "y"), ("a", "y")] {
            watch.step(PlanningPhase::Logical, name, || plan.to_owned());
        }
        watch.step(PlanningPhase::Physical, "a", || "y".to_owned());
        let found: Vec<_> =
            watch.steps.iter().map(|s| (s.phase, s.name.as_str(), s.runs, s.changes, s.nanoseconds)).collect();
        use PlanningPhase::{Logical, Physical};
        assert_eq!(found, [(Logical, "a", 3, 2, 15), (Logical, "b", 1, 0, 5), (Physical, "a", 1, 0, 5)]);
    }

    async fn steps(profile: &str, sql: &str) -> Result<Vec<PlanningStep>, crate::engine::EngineError> {
        engine(profile, &[]).await.time_planning(sql, &|| 0).await
    }

    #[tokio::test]
    async fn every_rule_is_a_step() {
        let sql = "select a.value from generate_series(1, 9) a join generate_series(1, 9) b on a.value = b.value \
                   where a.value > (select 2)";
        let found = steps("default", sql).await.expect("plans");
        for rule in ["parse", "type_coercion", "push_down_filter", "look at the data", "choose operators", "OrderJoins"]
        {
            assert!(found.iter().any(|step| step.name == rule), "{rule} in {found:?}");
        }
        assert!(found.iter().any(|step| step.phase == PlanningPhase::Logical && step.changes > 0), "{found:?}");
        let plain = steps("datafusion", sql).await.expect("plans");
        assert!(!plain.iter().any(|step| step.name == "look at the data"), "{plain:?}");
        steps("default", "select nothing").await.expect_err("there is no such column");
        steps("default", "select 1; select 2").await.expect_err("two statements");
    }

    /// The reads of planning a statement the first time, and the next, in a session with these settings.
    async fn reads(sets: &[&str], file: &str, condition: &str) -> [u64; 2] {
        let engine = engine("default", sets).await;
        engine.run(&format!("create external table t stored as parquet location '{file}'")).await.expect("a table");
        let sql = format!("select count(*) from t x join t y on x.a = y.b where {condition}");
        let mut reads = [0; 2];
        for requests in &mut reads {
            let span = engine.start_span().expect("tracing is on");
            engine.plan(&sql).await.expect("plans");
            *requests = span.finish().read_requests;
        }
        reads
    }

    /// What is found out of the data is found out once: times vary, reads do not.
    #[tokio::test]
    async fn a_statement_that_was_planned_before_reads_no_more_than_without_looking() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("t.parquet");
        let file = file.to_str().expect("UTF-8");
        let data = format!("copy (select value as a, value % 7 as b from generate_series(1, 5000)) to '{file}'");
        engine("default", &[]).await.run(&data).await.expect("written");
        for condition in ["x.b = 3", "x.b in (1, 2) or x.a > 4000"] {
            let [first, next] = reads(&[], file, condition).await;
            let never_looks = ["engine.optimizer.join_order=false", "engine.pushdown.filter=off"];
            let [_, without] = reads(&never_looks, file, condition).await;
            assert_eq!(next, without, "{condition}");
            assert!(first > next, "{condition}");
        }
    }
}

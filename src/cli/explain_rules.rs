//! `dsbench explain --rules`: what each rule of the optimizer takes, and whether it changes the plan.
//!
//! Each statement is planned once before the samples, so that nothing is learned of the data in them. A figure is the median of its samples;
//! the sums over several statements are sums of medians.

use std::collections::HashMap;

use serde_json::json;

use super::exit::Failure;
use super::output;
use crate::engine::{Engine, PlanningPhase, PlanningStep};
use crate::report::table;
use crate::results::Spread;
use crate::runner::{PlannedStatement, clock};
use crate::text;

/// What planning took, by statement.
pub(super) struct Rules {
    side: String,
    samples: u32,
    statements: Vec<(String, Vec<Figures>)>,
}

/// One step of planning.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    phase: PlanningPhase,
    name: String,
    runs: u32,
    changes: u32,
    /// In how many statements it changed the plan.
    statements_changed: usize,
    microseconds: f64,
}

/// Plans every statement a number of times, after one that fills caches.
pub(super) async fn of(
    engine: &Engine,
    side: &str,
    statements: &[PlannedStatement],
    samples: u32,
) -> Result<Rules, Failure> {
    let origin = clock::now();
    let nanoseconds = || clock::now().nanoseconds_since(origin);
    let mut all = Vec::new();
    for statement in statements {
        engine.time_planning(&statement.sql, &nanoseconds).await?;
        let mut taken = Vec::new();
        for _ in 0..samples {
            taken.push(engine.time_planning(&statement.sql, &nanoseconds).await?);
        }
        all.push((statement.name.to_string(), medians(&taken)));
    }
    Ok(Rules { side: side.to_owned(), samples, statements: all })
}

/// The steps of the last sample, each with the median of its times.
fn medians(samples: &[Vec<PlanningStep>]) -> Vec<Figures> {
    let mut times: HashMap<(PlanningPhase, &str), Vec<f64>> = HashMap::new();
    for step in samples.iter().flatten() {
        times.entry((step.phase, &step.name)).or_default().push(step.nanoseconds as f64 / 1e3);
    }
    let figures = |step: &PlanningStep| Figures {
        phase: step.phase,
        name: step.name.clone(),
        runs: step.runs,
        changes: step.changes,
        statements_changed: usize::from(step.changes > 0),
        microseconds: Spread::of(&times[&(step.phase, step.name.as_str())]).map_or(0.0, |spread| spread.median),
    };
    samples.last().map(|last| last.iter().map(figures).collect()).unwrap_or_default()
}

/// All statements together, steps in the order in which they first came.
fn sums(statements: &[(String, Vec<Figures>)]) -> Vec<Figures> {
    let mut sums: Vec<Figures> = Vec::new();
    for figures in statements.iter().flat_map(|(_, steps)| steps) {
        match sums.iter_mut().find(|sum| (sum.phase, &sum.name) == (figures.phase, &figures.name)) {
            Some(sum) => {
                sum.runs += figures.runs;
                sum.changes += figures.changes;
                sum.statements_changed += figures.statements_changed;
                sum.microseconds += figures.microseconds;
            }
            None => sums.push(figures.clone()),
        }
    }
    sums.sort_by_key(|sum| sum.phase);
    sums
}

impl Rules {
    pub(super) fn text(&self) -> String {
        let sums = sums(&self.statements);
        let total: f64 = sums.iter().map(|sum| sum.microseconds).sum();
        let what = match &self.statements[..] {
            [(name, _)] => name.clone(),
            statements => format!("{} statements", statements.len()),
        };
        let mut table = table::plain(["µs", "share", "runs", "changed", "phase", "rule"]);
        for sum in &sums {
            let changed = match (self.statements.len(), sum.changes) {
                (1, 0) => "-".to_owned(),
                (1, _) => "yes".to_owned(),
                _ => text::thousands(sum.statements_changed as u64),
            };
            let share = if total > 0.0 { 100.0 * sum.microseconds / total } else { 0.0 };
            table.add_row([
                text::thousands(sum.microseconds.round() as u64),
                format!("{share:.1}%"),
                text::thousands(u64::from(sum.runs)),
                changed,
                sum.phase.to_string(),
                sum.name.clone(),
            ]);
        }
        table::align_right(&mut table, 0..4);
        let changed =
            if self.statements.len() > 1 { " `changed` counts statements whose plan the rule changed." } else { "" };
        format!(
            "{what} with {}: planning {} (medians of {} samples)\n\n{}\n\nA logical rule runs once a pass.{changed}\n",
            self.side,
            text::seconds(total / 1e6),
            self.samples,
            table.trim_fmt()
        )
    }

    pub(super) fn json(&self) -> Result<String, Failure> {
        let step = |figures: &Figures| {
            json!({
                "phase": figures.phase.to_string(),
                "rule": figures.name,
                "microseconds": figures.microseconds,
                "runs": figures.runs,
                "changes": figures.changes,
            })
        };
        let statements = self.statements.iter().map(|(name, steps)| {
            json!({ "statement": name, "side": self.side, "steps": steps.iter().map(step).collect::<Vec<_>>() })
        });
        output::json(&statements.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, changes: u32, nanoseconds: u64) -> PlanningStep {
        PlanningStep { phase: PlanningPhase::Logical, name: name.to_owned(), runs: 2, changes, nanoseconds }
    }

    #[test]
    fn medians_of_samples_and_sums_of_statements() {
        assert_eq!(medians(&[]), []);
        let samples = [1_000, 9_000, 2_000].map(|time| vec![step("a", 1, time), step("b", 0, 3 * time)]);
        let one = medians(&samples);
        assert_eq!(one.iter().map(|f| f.microseconds).collect::<Vec<_>>(), [2.0, 6.0]);
        let both = sums(&[("q1".to_owned(), one.clone()), ("q2".to_owned(), vec![one[0].clone()])]);
        let found: Vec<_> =
            both.iter().map(|f| (f.name.as_str(), f.runs, f.statements_changed, f.microseconds)).collect();
        assert_eq!(found, [("a", 4, 2, 4.0), ("b", 2, 0, 6.0)]);
    }
}

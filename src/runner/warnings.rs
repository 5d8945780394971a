//! What a reader should know before believing the figures, with advice that fits what the user did.

use super::RunPlan;
use super::environment::build_profile;
use crate::results::format::{Machine, Warning};
use crate::results::{StatementState, StatementSummary};
use crate::tables::DataSet;
use crate::text;

/// Processors busy with something else beyond this share disturb the samples.
const BUSY_PERCENT: f32 = 15.0;
/// Samples of a statement that spread beyond this share of their median are noisy.
const NOISY_WIDTH: f64 = 0.20;
/// Below this many seconds, scheduling alone makes samples spread.
const SHORT_SECONDS: f64 = 0.020;

/// What can be said before the first sample.
pub fn before(plan: &RunPlan, machine: &Machine) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |kind: &str, message: String| warnings.push(Warning { kind: kind.to_owned(), message });
    if build_profile() == "debug" {
        warn("debug_build", "this is a debug build, many times slower: use `cargo run --release`".to_owned());
    }
    if machine.busy_percent > BUSY_PERCENT {
        warn(
            "machine_busy",
            format!(
                "the processors were {:.0}% busy before the run began: stop other work (builds, backups, browsers) and run again",
                machine.busy_percent
            ),
        );
    }
    if plan.memory_limit_bytes > machine.available_memory_bytes {
        warn(
            "memory_scarce",
            format!(
                "the engine may use {}, but only {} were free: lower --memory-limit, or free memory, or the system may kill the run",
                text::bytes(plan.memory_limit_bytes),
                text::bytes(machine.available_memory_bytes)
            ),
        );
    }
    if plan.iterations < 3 {
        warn(
            "few_samples",
            format!("{} sample(s) a statement say little about noise: use --iterations 3 or more", plan.iterations),
        );
    }
    if plan.warmup == 0 && !plan.cold {
        warn(
            "no_warmup",
            "without a warm-up the first sample reads cold files: use --warmup 1, or expect a spread".to_owned(),
        );
    }
    warnings
}

/// What can be said of the data.
pub fn of_data(data: &DataSet) -> Option<Warning> {
    let problem = data.statistics_problem()?;
    Some(Warning { kind: "statistics_ignored".to_owned(), message: problem.to_string() })
}

/// The kinds that [`after`] gives: they are said anew when a run that was interrupted has gone on to its end.
pub const AFTER_KINDS: [&str; 2] = ["unverified", "noisy_samples"];

/// What can be said once all samples are there.
pub fn after(plan: &RunPlan, statements: &[StatementSummary]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |kind: &str, message: String| warnings.push(Warning { kind: kind.to_owned(), message });
    let named = |chosen: &dyn Fn(&StatementSummary) -> bool| -> Vec<&str> {
        statements.iter().filter(|s| chosen(s)).map(|s| s.statement.as_str()).collect()
    };
    let unverified = named(&|s| s.state == StatementState::Unverified);
    if !unverified.is_empty() {
        let first = statements.iter().find(|s| s.state == StatementState::Unverified);
        let reason = first.and_then(|s| s.message.clone()).unwrap_or_default();
        warn(
            "unverified",
            format!(
                "{} of {} statements were not checked ({reason}): make answers with scripts/oracle, or use --verify-with datafusion",
                unverified.len(),
                statements.len()
            ),
        );
    }
    let noisy = named(&|s| {
        s.with_planning.is_some_and(|spread| spread.median > SHORT_SECONDS && spread.relative_width() > NOISY_WIDTH)
    });
    if !noisy.is_empty() {
        let advice = match (plan.warmup, plan.iterations) {
            (0, _) if !plan.cold => "add a warm-up (--warmup 1)",
            (_, 0..=4) => "quieten the machine or take more samples (--iterations 7)",
            _ => "quieten the machine",
        };
        warn(
            "noisy_samples",
            format!(
                "the samples of {} spread by more than {:.0}% of their median: {advice}",
                shortened(&noisy),
                NOISY_WIDTH * 100.0
            ),
        );
    }
    warnings
}

fn shortened(names: &[&str]) -> String {
    if names.len() <= 6 {
        names.join(", ")
    } else {
        format!("{} and {} others", names[..5].join(", "), names.len() - 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Spread;
    use crate::runner::test_support::run_plan as plan;

    fn machine(busy_percent: f32, available_memory_bytes: u64) -> Machine {
        Machine {
            cpu: String::new(),
            logical_cpus: 2,
            memory_bytes: 16 << 30,
            available_memory_bytes,
            os: String::new(),
            kernel: String::new(),
            busy_percent,
        }
    }

    #[track_caller]
    fn check(warnings: &[Warning], expected: &[&str]) {
        let kinds: Vec<_> = warnings.iter().map(|w| w.kind.as_str()).filter(|kind| *kind != "debug_build").collect();
        assert_eq!(kinds, expected, "{warnings:#?}");
    }

    #[test]
    fn before_the_run() {
        check(&before(&plan(3, 1), &machine(0.0, 12 << 30)), &[]);
        check(&before(&plan(3, 1), &machine(50.0, 4 << 30)), &["machine_busy", "memory_scarce"]);
        check(&before(&plan(1, 0), &machine(0.0, 12 << 30)), &["few_samples", "no_warmup"]);
        let cold = RunPlan { cold: true, ..plan(3, 0) };
        check(&before(&cold, &machine(0.0, 12 << 30)), &[]);
    }

    fn statement(state: StatementState, min: f64, median: f64, max: f64) -> StatementSummary {
        StatementSummary {
            statement: "q1".to_owned(),
            state,
            row_count: Some(1),
            with_planning: Some(Spread { min, median, max }),
            execution: None,
            with_planning_seconds: Some(median),
            execution_seconds: Some(median),
            interval_relative_half_width: None,
            message: Some("no answers".to_owned()),
            error_class: None,
            samples: Vec::new(),
        }
    }

    #[test]
    fn after_the_run() {
        check(&after(&plan(3, 1), &[statement(StatementState::Verified, 1.0, 1.05, 1.1)]), &[]);
        check(&after(&plan(3, 1), &[statement(StatementState::Verified, 1.0, 1.05, 1.5)]), &["noisy_samples"]);
        check(&after(&plan(3, 1), &[statement(StatementState::Verified, 0.001, 0.002, 0.010)]), &[]);
        check(&after(&plan(3, 1), &[statement(StatementState::Unverified, 1.0, 1.0, 1.0)]), &["unverified"]);
        let both = after(&plan(3, 1), &[statement(StatementState::Unverified, 1.0, 1.05, 1.5)]);
        check(&both, &AFTER_KINDS);
    }
}

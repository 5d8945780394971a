//! A small plan for tests of what follows plans.

use std::time::Duration;

use super::RunPlan;
use crate::results::Aggregate;

/// A plan without statements.
pub(crate) fn run_plan(iterations: u32, warmup: u32) -> RunPlan {
    RunPlan {
        suite: String::new(),
        statements: Vec::new(),
        skipped: Vec::new(),
        iterations,
        warmup,
        timeout: Duration::from_secs(1),
        aggregate: Aggregate::Median,
        seed: None,
        parameters: Vec::new(),
        memory_limit_bytes: 8 << 30,
        repeat_until: None,
        cold: false,
        isolate_bytes: None,
    }
}

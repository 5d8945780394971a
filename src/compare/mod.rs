//! Which side is faster, by how much, how sure that is, and why. Reads results; never runs a statement.
//!
//! ```text
//! runs of an A/B ─▶ pairing ─▶ paired, overall ─▶ verdict ─┐
//!                                                          ├─▶ Comparison
//! any two runs ─▶ compatible? ─▶ unpaired ─────────────────┘
//!
//! plans and operators of two sides ─▶ plan_tree ─▶ plan_diff ─▶ why
//! ```
//!
//! - [`pairs`], [`PairedRatio`], [`Overall`]: statistics of samples that were taken next to each other;
//! - [`Thresholds`], [`Verdict`]: what may be said of them;
//! - [`Comparison`]: a side against the baseline, all statements and the suite;
//! - [`differences`], [`limits_of_unpaired`]: what runs by themselves differ in beside their times, and what they cannot tell;
//! - [`Noise`]: what two engines of one configuration differ by;
//! - [`Explanation`], [`Why`]: which operators a difference comes from.

mod comparison;
mod compatible;
mod explain;
mod noise;
mod overall;
mod paired;
mod pairing;
mod plan_diff;
mod plan_tree;
mod signed_rank;
#[cfg(test)]
mod simulation;
mod unpaired;
mod verdict;
mod why;

pub use comparison::{Comparison, Finding, Pairing, StatementComparison, SuiteComparison};
pub use compatible::{Difference, DifferenceKind, differences};
pub use explain::{Explanation, explain, figures_of};
pub use noise::Noise;
pub use overall::{Overall, OverallRatio, overall};
pub use paired::{PairedRatio, is_narrow, log_ratios};
pub use pairing::{Pairs, pairs};
pub use plan_tree::{OperatorFigures, PlanFigures, ScanFigures, parents, titles};
pub use signed_rank::least_pairs;
pub use unpaired::{least_samples, limits_of_unpaired};
pub use verdict::{Thresholds, Verdict};
pub use why::{Reason, Why, why};

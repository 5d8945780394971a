//! The wire format of a run: a folder with `run.json` and `samples.csv`.
//!
//! - [`format`](mod@format): the types that are written, versioned; nothing else here or elsewhere derives `Serialize`
//!   for results;
//! - [`RunWriter`]: makes the folder, puts each sample on disk before the next one starts;
//! - [`Run`]: a folder read back, from this machine or another;
//! - [`summarize`]: the statistics, computed from the samples whenever they are read;
//! - [`Ab`], [`AbWriter`]: a folder of an A/B, whose sides are runs;
//! - [`PlanRecord`], [`OperatorWriter`]: what operators did, where somebody will ask;
//! - [`EstimateErrors`]: how far the estimates of a plan were off;
//! - [`inference`]: how sure they are, and [`findings`]: whether the samples agree with each other.

mod ab;
mod error;
mod estimates;
pub mod format;
pub mod inference;
mod operators;
mod reader;
mod resources;
mod statistics;
mod steadiness;
mod summary;
#[cfg(test)]
pub(crate) mod test_support;
mod udfs;
mod writer;

pub use ab::{Ab, AbWriter};
pub use error::ResultsError;
pub use estimates::{EstimateErrors, decides_rows};
pub use operators::{OperatorWriter, PlanRecord, read_plans};
pub use reader::Run;
pub use resources::cpu_ns;
pub use statistics::{Aggregate, Spread, geometric_mean};
pub use steadiness::findings;
pub(crate) use steadiness::sample_seconds;
pub(crate) use summary::relative_half_width;
pub use summary::{StatementState, StatementSummary, Totals, statement_summaries, summarize};
pub use udfs::{read_udfs, udf_medians, write_udfs};
pub use writer::RunWriter;

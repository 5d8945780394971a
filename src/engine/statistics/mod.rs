//! What the optimizer knows of the data, and the rows that it expects of every operator.
//!
//! ```text
//!   footers ──────────┐
//!   given numbers ────┤
//!   sample of a table ┴─▶ Knowledge ─▶ Estimate of a scan ─▶ … of a filter, a join, an aggregate ─▶ join order
//!                                                                                               └─▶ DataFusion's build sides and modes
//! ```
//!
//! - [`knowledge`]: what a session has found out of its tables; [`given`]: what was counted before it began; [`source`]: files or memory; [`sample`]: which rows it looks at; [`distinct`]: how many values they have;
//! - [`mod@estimate`]: the rows of an operator and what is known of its columns; [`operator`]: how that follows from its inputs;
//!   [`condition`]: the share of rows that pass a filter; [`join`]: what two keys have in common;
//! - [`provider`]: the same numbers for DataFusion's own rules.

mod condition;
mod distinct;
mod estimate;
mod given;
mod join;
mod knowledge;
mod memo;
mod operator;
mod provider;
mod rows;
mod sample;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use condition::{Passing, passing, share};
pub(crate) use estimate::{ColumnEstimate, Estimate};
pub use given::{GivenColumn, GivenStatistics};
pub(crate) use join::{KeyPair, equal_share, partner_share, shares_within};
pub(crate) use knowledge::Knowledge;
pub(crate) use operator::{column_of, estimate, estimate_each, of_key, table_of};
pub(crate) use provider::registry;
pub(crate) use rows::EstimatedRows;

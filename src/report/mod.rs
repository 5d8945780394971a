//! A run for people: text for a terminal, markdown for a README or a pull request.
//!
//! [`Columns`] says what stands in the table of either. [`ComparisonReport`] is what is shown of runs against each
//! other, which has a form for programs too.
//!
//! [`EstimatesReport`] is where the optimizer's estimates were off most, [`UdfReport`] what functions took.
//!
//! Reads results only, so that a run made elsewhere is shown the same way. [`text()`] and [`markdown()`] give strings;
//! the command line prints them.

mod columns;
mod comparison;
mod comparison_json;
mod estimates;
mod figures;
mod markdown;
pub(crate) mod table;
mod text;
mod udfs;

pub use columns::Columns;
pub use comparison::{
    ComparisonReport, ComparisonWithReasons, StatementReasons, comparison_markdown, comparison_text, noise_words,
    shared_environment,
};
pub use comparison_json::comparison_json;
pub use estimates::EstimatesReport;
pub use markdown::{markdown, markdown_with_columns};
pub use text::{Style, text, text_with_columns};
pub use udfs::UdfReport;

/// The wording that the TPC asks for wherever figures of a derived benchmark are shown.
pub const FAIR_USE: &str = "This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS \
     results, as it does not comply with the TPC-DS specification.";

//! TPC-DS tables as Parquet files, with a manifest that vouches for them.
//!
//! Comes in: [`Options`] (scale factor, folder, layout). Goes out: one Parquet file a table, or a
//! folder of them, and `manifest.json`. The rows are those of the TPC's own `dsdgen`; the crate
//! `tpcdsgen-arrow` makes them.
//!
//! The modules, in the order the data goes through them:
//!
//! - [`schema`]: the 25 tables as data, with the keys that the generator does not know
//! - [`scale`]: the scale factor and how many rows it means
//! - [`options`]: what to make and how to lay it out
//! - `plan`, `source`, `encode`, `write`: a table is cut into chunks of source rows, each chunk becomes
//!   one row group on some thread, one writer puts the row groups into files in order
//! - `sorted`, `runs`, `columns`: the rows of a fact table by their dates, through a temporary file, for
//!   the [`Layout`]s that want them so
//! - [`content`]: a hash of a table's values that no file layout changes; [`FileHasher`]: one of bytes
//! - [`manifest`]: what a folder holds; [`statistics`]: what an optimizer wants to know of it
//! - [`generate()`]: all of it together, completing what a folder lacks
//! - [`check()`]: does the folder still hold what its manifest says
//!
//! Nothing here prints, reads arguments or knows a query engine; [`Progress`] is how a program
//! follows the work.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//!
//! let options = datagen::Options::new("0.01".parse()?, "/tmp/tpcds");
//! let outcome = datagen::generate(&options, &(), &AtomicBool::new(false))?;
//! assert_eq!(outcome.manifest.tables["item"].row_count, 180);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
mod columns;
pub mod content;
mod encode;
pub mod error;
mod folder;
pub mod generate;
mod hash;
pub mod manifest;
pub mod options;
mod plan;
pub mod progress;
mod runs;
pub mod scale;
pub mod schema;
mod sorted;
mod source;
pub mod statistics;
#[cfg(test)]
mod testing;
mod write;

pub use check::{CheckReport, Problem, ProblemKind, check, check_sizes};
pub use content::ContentHasher;
pub use error::{Error, Result};
pub use generate::{Outcome, generate};
pub use hash::FileHasher;
pub use manifest::{FileEntry, Manifest, TableEntry};
pub use options::{Compression, Layout, Options, Parts, WriterSettings};
pub use progress::{Progress, TableProgress};
pub use scale::{RowCount, ScaleFactor};
pub use sorted::NULL_PARTITION;
pub use statistics::DataStatistics;

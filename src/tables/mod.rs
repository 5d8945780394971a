//! A data URL in, registered tables out.
//!
//! - [`DataUrl`]: where the data is; everything is read through `object_store`, so that a folder and (later) a bucket
//!   are the same thing;
//! - [`DataSet::open`]: finds the files of every table and refuses what must not be measured: a missing table, a wrong
//!   schema, a broken file, another scale than asked for;
//! - [`DataSet::content_hashes`]: what the rows are, whatever the layout;
//! - [`describe`]: how the files of a folder are laid out, from their footers;
//! - [`DataSet::statistics`]: what was counted on these files before; [`DataSet::count`] and [`DataSet::verify_keys`] count it;
//! - [`DataSet::register`]: makes the tables known to an [`Engine`](crate::engine::Engine), with keys where the manifest
//!   vouches for them.

mod analyze;
mod contents;
mod dataset;
mod error;
mod footers;
mod hashes;
mod keys;
mod known;
mod layout;
mod partition;
mod partitioned;
mod reader;
mod register;
mod schema_check;
mod statistics;
mod url;

pub use dataset::{DataSet, Expectation, TableFile, TableFiles};
pub use error::DataError;
pub use known::StatisticsProblem;
pub use layout::{Coverage, DateLayout, DateSpan, TableLayout, describe};
pub use url::DataUrl;

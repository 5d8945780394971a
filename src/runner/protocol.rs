//! What the program and the child process of a statement say to each other: one JSON value a line.
//!
//! ```text
//! program ── Task, Request, Request, … ──▶ standard input of the child
//! program ◀── Reply, Reply, … ──────────── standard output of the child
//! ```
//!
//! The child ends when its input does, so that it never outlives the program. Both are the same program file: there are no
//! versions to agree on.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::results::format::{AnswersSource, Phase, SampleRow, Setting};

/// The first line: everything that the child needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) statement: String,
    pub(super) title: String,
    pub(super) sql: String,
    /// Where the data is.
    pub(super) data: String,
    /// The engine's configuration.
    pub(super) profile: String,
    pub(super) settings: Vec<Setting>,
    /// The limit of the engine's memory pool.
    pub(super) memory_limit_bytes: u64,
    /// The limit of the whole process.
    pub(super) process_memory_bytes: u64,
    pub(super) spill_dir: std::path::PathBuf,
    pub(super) timeout_ns: u64,
    pub(super) cold: bool,
    pub(super) answers: AnswersSource,
    pub(super) suite_folder: Option<String>,
}

/// A sample is wanted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) phase: Phase,
    pub(super) iteration: u32,
}

impl From<Slot> for Request {
    fn from(slot: Slot) -> Self {
        Self { phase: slot.phase, iteration: slot.iteration }
    }
}

impl From<Request> for Slot {
    fn from(request: Request) -> Self {
        Self { phase: request.phase, iteration: request.iteration }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The sample that was wanted.
    Sample(Box<SampleRow>),
    /// It was stopped.
    Stopped,
    /// There can be no sample: the data or the answers cannot be opened.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::sample_rows;

    #[test]
    fn a_reply_is_one_line_and_comes_back() {
        for row in sample_rows() {
            let line = serde_json::to_string(&Reply::Sample(Box::new(row.clone()))).expect("serializes");
            assert!(!line.contains('\n'), "{line}");
            match serde_json::from_str(&line).expect("reads") {
                Reply::Sample(back) => assert_eq!(*back, row),
                other => panic!("{other:?}"),
            }
        }
    }
}

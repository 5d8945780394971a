//! What the program and a process that takes samples for it say to each other: one JSON value a line.
//!
//! ```text
//! program ── Task, Request, Request, … ──▶ standard input of the process
//! program ◀── Ready, Reply, Reply, … ───── standard output of the process
//! ```
//!
//! The process is this program again, another build of it, or a script that runs another engine (`scripts/peers/`). It ends when
//! its input does, so that it never outlives the program. Unknown fields are ignored on both sides; what would be misunderstood
//! raises [`VERSION`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::results::format::{AnswersSource, OperatorRow, Peer, Phase, PlanRow, SampleRow, Setting, UdfRow, Versions};

/// The version of what is said.
pub(super) const VERSION: u32 = 2;

/// The first line: everything that the process needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) protocol: u32,
    pub(super) statements: Vec<TaskStatement>,
    /// Where the data is.
    pub(super) data: String,
    /// The files of each table, for those who do not look themselves.
    pub(super) tables: BTreeMap<String, Vec<String>>,
    /// The engine's configuration.
    pub(super) engine: TaskEngine,
    /// The limit of the engine's memory pool.
    pub(super) memory_limit_bytes: u64,
    /// How many threads an engine should use that does not find out itself.
    pub(super) threads: usize,
    /// The limit of the whole process; nothing for no limit.
    pub(super) process_memory_bytes: Option<u64>,
    pub(super) spill_dir: PathBuf,
    pub(super) timeout_ns: u64,
    pub(super) cold: bool,
    pub(super) answers: AnswersSource,
    pub(super) suite_folder: Option<String>,
}

/// A statement that samples will be wanted of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskStatement {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) sql: String,
}

/// The engine's configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEngine {
    /// Every setting, for the same program.
    Recorded {
        /// The profile's name.
        profile: String,
        /// The settings.
        settings: Vec<Setting>,
    },
    /// A profile and what is set over it, for another build, which may have other settings and another `default`.
    Named {
        /// The profile's name, or its file.
        profile: String,
        /// `key=value` each.
        sets: Vec<String>,
    },
    /// Nothing: another engine, which has its own.
    Foreign,
}

/// A sample is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    /// The statement's place in the task.
    pub(super) statement: usize,
    pub(super) phase: Phase,
    pub(super) iteration: u32,
    /// The file that the rows are to be written into, as an Arrow IPC stream.
    pub(super) rows: Option<PathBuf>,
}

/// What the process says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The first line: everything is open.
    Ready(Box<Ready>),
    /// The sample that was wanted.
    Sample(Box<TakenSample>),
    /// It was stopped.
    Stopped,
    /// There can be no sample: the data or the answers cannot be opened.
    Failed(String),
}

/// What takes the samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ready {
    /// The version of the protocol; nothing for a script, which speaks the one that it was asked for.
    #[serde(default)]
    pub(super) protocol: Option<u32>,
    /// What the program is made of; nothing for another engine.
    #[serde(default)]
    pub(super) versions: Option<Versions>,
    /// The other engine.
    #[serde(default)]
    pub(super) peer: Option<Peer>,
    /// The engine's configuration.
    #[serde(default)]
    pub(super) settings: Vec<Setting>,
}

/// A sample with what is known of the plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TakenSample {
    pub(super) row: SampleRow,
    #[serde(default)]
    pub(super) plan: Vec<PlanRow>,
    #[serde(default)]
    pub(super) operators: Vec<OperatorRow>,
    #[serde(default)]
    pub(super) functions: Vec<UdfRow>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::sample_rows;

    #[test]
    fn a_reply_is_one_line_and_comes_back() {
        for row in sample_rows() {
            let sample =
                TakenSample { row: row.clone(), plan: Vec::new(), operators: Vec::new(), functions: Vec::new() };
            let line = serde_json::to_string(&Reply::Sample(Box::new(sample))).expect("serializes");
            assert!(!line.contains('\n'), "{line}");
            match serde_json::from_str(&line).expect("reads") {
                Reply::Sample(back) => assert_eq!(back.row, row),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_script_may_leave_out_what_it_does_not_know() {
        let ready = r#"{"ready":{"peer":{"name":"duckdb","version":"2.0.0"},"extra":1}}"#;
        assert!(matches!(serde_json::from_str(ready), Ok(Reply::Ready(ready)) if ready.versions.is_none()));
        let sample =
            r#"{"sample":{"row":{"statement":"q1","phase":"measured","iteration":3,"started_at":"x","execute_ns":5}}}"#;
        assert!(matches!(serde_json::from_str(sample), Ok(Reply::Sample(sample)) if sample.row.execute_ns == Some(5)));
    }
}

//! The types that a run's files are made of.
//!
//! `run.json` is one [`RunFile`], `samples.csv` one [`SampleRow`] a line; `plans.csv`, `operators.csv` and `udfs.csv`, where there are any,
//! one [`PlanRow`], [`OperatorRow`] and [`UdfRow`] a line; `ab.json` above the runs of an A/B is one [`AbFile`]. [`FORMAT_VERSION`] is raised when an
//! older reader would misunderstand a newer file; a field that may be ignored does not raise it. Names carry their units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Everything about a run but its samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of this format.
    pub format_version: u32,
    /// The run's name, which is its folder's.
    pub run: String,
    /// What its user called it.
    pub label: Option<String>,
    /// How far it came.
    pub status: Status,
    /// When it began, in UTC, ISO 8601.
    pub started_at: String,
    /// When it ended; nothing while it runs, or if it was killed.
    pub finished_at: Option<String>,
    /// Each time that it was taken up again after it had been interrupted or killed.
    #[serde(default)]
    pub resumed_at: Vec<Resumption>,
    /// The command line.
    pub command: Vec<String>,
    /// What the program is made of.
    pub versions: Versions,
    /// What it ran on.
    pub machine: Machine,
    /// What was measured on.
    pub data: Data,
    /// What was measured, and how.
    pub plan: Plan,
    /// The name of the engine's configuration.
    pub profile: String,
    /// Every setting with its value and where the value came from.
    pub settings: Vec<Setting>,
    /// The other engine that ran the statements; nothing if it was this program's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// The A/B that the run is a side of; nothing for a run by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_of: Option<SideOf>,
    /// What a reader should know before believing the figures.
    pub warnings: Vec<Warning>,
    /// The figures; nothing while the run goes on.
    pub summary: Option<Summary>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is under way, or was killed.
    Running,
    /// All chosen statements were run.
    Complete,
    /// The user ended it.
    Interrupted,
}

/// A run that was interrupted or killed went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// When, in UTC, ISO 8601.
    pub at: String,
    /// How many samples were on disk.
    pub sample_count: usize,
    /// What was not as it had been when the run began, each in a few words.
    pub differed: Vec<String>,
}

/// An engine that is not this program's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The program that runs it, as its user named it.
    #[serde(default)]
    pub command: String,
}

/// A run's place in an A/B. Samples of its sides with the same statement and iteration were taken next to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideOf {
    /// The name of the A/B.
    pub ab: String,
    /// The letter of the side: `a` is the baseline.
    pub side: String,
}

/// What the program is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This program.
    pub dsbench: String,
    /// The engine underneath.
    pub datafusion: String,
    /// Arrow.
    pub arrow: String,
    /// The compiler.
    pub rustc: String,
    /// The cargo profile of the build: `release`, `measure`, `debug`, ….
    pub build_profile: String,
    /// XXH3-128 of the program's file, in hexadecimal.
    pub binary_xxh3: Option<String>,
}

/// What the run ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many processors the program may use.
    pub logical_cpus: usize,
    /// Memory in all, as far as this process may use it.
    pub memory_bytes: u64,
    /// Memory that was free when the run began.
    pub available_memory_bytes: u64,
    /// The operating system.
    pub os: String,
    /// Its kernel.
    pub kernel: String,
    /// Share of all processors that was busy just before the run, in per cent.
    pub busy_percent: f32,
}

/// What was measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Where it is.
    pub url: String,
    /// The scale factor, where a manifest tells.
    pub scale: Option<String>,
    /// One value for all rows of all tables, where a manifest tells.
    pub fingerprint: Option<String>,
    /// How the rows of fact tables are ordered and cut into files, where it is known: `plain`, `sorted-by-date`,
    /// `partitioned`. Absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// One value for what the optimizer was told of the rows by the statistics beside the data, or `none`. Absent in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<String>,
    /// The size of all files.
    pub bytes: u64,
    /// Each table's rows.
    pub row_counts: BTreeMap<String, u64>,
}

/// What was measured, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The suite's name.
    pub suite: String,
    /// The chosen statements in order.
    pub statements: Vec<String>,
    /// Statements that the suite skips, with the reasons.
    pub skipped: BTreeMap<String, String>,
    /// Measured samples a statement.
    pub iterations: u32,
    /// Samples a statement before them that count for nothing.
    pub warmup: u32,
    /// The longest that a sample may take.
    pub timeout_seconds: f64,
    /// The limit of the memory pool.
    pub memory_limit_bytes: u64,
    /// The seed of the parameters; nothing for the specification's qualification values.
    pub seed: Option<u64>,
    /// Single parameters that the user gave.
    pub parameters: Vec<String>,
    /// How the samples of a statement become one figure.
    pub aggregate: String,
    /// What the answers were checked against, in words.
    pub answers: String,
    /// Where the answers came from, so that a run that goes on takes the same.
    #[serde(default)]
    pub answers_source: Option<AnswersSource>,
    /// The folder that the suite was read from; nothing for the one inside the program.
    #[serde(default)]
    pub suite_folder: Option<String>,
    /// XXH3-128 of each statement's exact text, in hexadecimal.
    #[serde(default)]
    pub sql_xxh3: BTreeMap<String, String>,
    /// When a statement has samples enough; nothing for a fixed number. `iterations` is then the least number.
    #[serde(default)]
    pub repeat_until: Option<RepeatUntil>,
    /// Whether the data's file pages and the engine's caches of files were emptied before each sample.
    #[serde(default)]
    pub cold: bool,
    /// How much memory the process of each statement may use; nothing if all ran in the program's own process.
    #[serde(default)]
    pub isolate: Option<Isolation>,
}

/// Where the expected answers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswersSource {
    /// There are none.
    Nothing,
    /// A folder that `scripts/oracle` wrote.
    Folder {
        /// The folder.
        path: String,
    },
    /// A folder of the suite.
    Suite {
        /// Its path inside the suite.
        folder: String,
    },
    /// What the engine returns on the same data with other settings.
    Profile {
        /// The name of the configuration.
        name: String,
        /// Every setting of it.
        settings: Vec<Setting>,
    },
}

/// When a statement has samples enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepeatUntil {
    /// Half of the width of the median's interval, as a share of the median, that is narrow enough.
    pub relative_half_width: f64,
    /// The most measured samples a statement.
    pub max_iterations: u32,
    /// The most time that the measured samples of a statement may take together; nothing for no limit.
    pub max_seconds: Option<f64>,
}

/// Each statement ran in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// The limit of the process's data: heap, stacks and everything else that is written to.
    pub memory_limit_bytes: u64,
}

/// One knob of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value; nothing for a knob that is not set.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: String,
}

/// Something that a reader should know, with advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A word for programs.
    pub kind: String,
    /// Sentences for people.
    pub message: String,
}

/// A run's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many statements were chosen.
    pub statements: usize,
    /// How many of them gave the right answer in every sample.
    pub verified: usize,
    /// How many failed, ran out of time or memory, or gave a wrong answer.
    pub failed: usize,
    /// Sum over the counted statements of their aggregated times.
    pub total_seconds: f64,
    /// Geometric mean over the counted statements of their aggregated times.
    pub geomean_seconds: f64,
    /// How many of the failed ones gave a wrong answer.
    pub wrong: usize,
    /// How many ran but could not be checked.
    pub unverified: usize,
    /// How many statements are in the total: the verified and the unverified ones.
    pub counted: usize,
    /// Whether all chosen statements are in the total.
    pub complete: bool,
    /// How the samples of a statement became one figure.
    pub aggregate: String,
    /// Whether `total_seconds` and `geomean_seconds` have the planning in them.
    pub includes_planning: bool,
    /// The total of planning and execution.
    pub total_with_planning_seconds: f64,
    /// The geometric mean of planning and execution.
    pub geomean_with_planning_seconds: f64,
    /// The total of execution alone.
    pub total_execution_seconds: f64,
    /// The geometric mean of execution alone.
    pub geomean_execution_seconds: f64,
    /// What the counted statements used; nothing where samples do not tell.
    pub resources: Option<Resources>,
}

/// What the counted statements used, each statement with the medians of its measured samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Bytes that all of them read.
    pub bytes_read: Option<u64>,
    /// Bytes that all of them spilled.
    pub bytes_spilled: Option<u64>,
    /// User and system time of all of them.
    pub cpu_seconds: Option<f64>,
    /// The statement for which operators reserved most memory at once.
    pub peak_pool: Option<Peak>,
    /// The statement during which the process had most memory resident.
    pub peak_rss: Option<Peak>,
}

/// The largest of several statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// The statement.
    pub statement: String,
    /// How large.
    pub bytes: u64,
}

/// One execution of one statement. What a sample used and did is nothing where it is not known; older files lack those columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SampleRow {
    /// The statement.
    pub statement: String,
    /// Counted from 1 within its phase.
    pub iteration: u32,
    /// Whether it counts.
    pub phase: Phase,
    /// When it began, in UTC, ISO 8601.
    pub started_at: String,
    /// Whether the data's file pages and the engine's caches of files were emptied before it, and found empty.
    #[serde(default)]
    pub cold: bool,
    /// From the SQL text to the physical plan.
    pub planning_ns: Option<u64>,
    /// From the physical plan to the last row.
    pub execute_ns: Option<u64>,
    /// Rows of the result.
    pub row_count: Option<u64>,
    /// What the check of the rows came to; nothing if there are none.
    pub check: Option<Check>,
    /// The class of the failure.
    pub error_class: Option<String>,
    /// The failure, or what is wrong with the answer, or why it could not be checked.
    pub message: Option<String>,
    /// Processor time of the process in the program, planning included.
    pub user_cpu_ns: Option<u64>,
    /// Processor time of the process in the kernel, planning included.
    pub system_cpu_ns: Option<u64>,
    /// The most memory that operators had reserved at once.
    pub peak_pool_bytes: Option<u64>,
    /// The most memory that the process had resident.
    pub peak_rss_bytes: Option<u64>,
    /// Bytes that object stores gave, footers and indexes included, planning included.
    pub bytes_read: Option<u64>,
    /// Byte ranges that object stores were asked for.
    pub read_requests: Option<u64>,
    /// Bytes that operators wrote to disk because memory was short.
    pub bytes_spilled: Option<u64>,
    /// Files, or parts of files, that scans looked at.
    pub file_ranges_total: Option<u64>,
    /// How many of them were left out whole while the plan ran.
    pub file_ranges_pruned: Option<u64>,
    /// Row groups of the files that were opened.
    pub row_groups_total: Option<u64>,
    /// How many of them were left out.
    pub row_groups_pruned: Option<u64>,
    /// Pages that a page index was asked about, counted in one column.
    pub pages_total: Option<u64>,
    /// How many of them were left out.
    pub pages_pruned: Option<u64>,
    /// Rows that scans decoded at least in part.
    pub scan_rows_in: Option<u64>,
    /// Rows that came out of scans.
    pub scan_rows_out: Option<u64>,
    /// Time in scans, summed over operators and partitions, as all that follow.
    pub scan_ns: Option<u64>,
    /// Time in filters.
    pub filter_ns: Option<u64>,
    /// Time in joins.
    pub join_ns: Option<u64>,
    /// Time in aggregates.
    pub aggregate_ns: Option<u64>,
    /// Time in windows.
    pub window_ns: Option<u64>,
    /// Time in sorts.
    pub sort_ns: Option<u64>,
    /// Time in what moves rows between partitions.
    pub exchange_ns: Option<u64>,
    /// Time in all other operators.
    pub other_ns: Option<u64>,
    /// The same for plans that do the same.
    pub plan_fingerprint: Option<String>,
    /// The largest factor by which the estimated rows of an operator that filters, joins or aggregates were off.
    #[serde(default)]
    pub q_error_max: Option<f64>,
    /// The geometric mean of all such factors.
    #[serde(default)]
    pub q_error_geomean: Option<f64>,
    /// The operator with the largest: its place in the plan, from 0, as in `plans.csv`.
    #[serde(default)]
    pub q_error_operator: Option<u32>,
}

/// Whether a sample counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Run to fill caches.
    Warmup,
    /// Run to be measured.
    #[default]
    Measured,
}

/// What the check of a result came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The rows are right.
    Verified,
    /// There was nothing to compare with.
    Unverified,
    /// The rows are wrong.
    Wrong,
}

/// One operator of a plan that a statement had, each before its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// The statement.
    pub statement: String,
    /// The fingerprint of the plan.
    pub plan_fingerprint: String,
    /// The operator's place in the plan, from 0.
    pub operator: u32,
    /// How far below the plan's root it stands.
    pub depth: u32,
    /// What it is for: scan, filter, join, aggregate, window, sort, exchange, other.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it does: its line of the text that the fingerprint is made from.
    pub detail: String,
}

/// What one operator did in one sample, all partitions together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// The statement.
    pub statement: String,
    /// The sample.
    pub iteration: u32,
    /// The fingerprint of the plan.
    pub plan_fingerprint: String,
    /// The operator's place in the plan, from 0.
    pub operator: u32,
    /// Rows that it was expected to give.
    #[serde(default)]
    pub estimated_rows: Option<u64>,
    /// Why `output_rows` says nothing of `estimated_rows`: stopped, repeated, partial, reduced or pruned; nothing if it does.
    #[serde(default)]
    pub not_comparable: Option<String>,
    /// Rows that came out of it.
    pub output_rows: u64,
    /// Time of its own work, summed over partitions.
    pub operator_ns: u64,
    /// Bytes that it wrote to disk because memory was short.
    pub spilled_bytes: u64,
    /// The most memory that it held, where it keeps count.
    pub peak_memory_bytes: Option<u64>,
    /// Bytes of columns that it read; this and all that follow are of scans alone.
    pub scanned_bytes: Option<u64>,
    /// Files, or parts of files, that it looked at.
    pub file_ranges_total: Option<u64>,
    /// How many of them were left out whole.
    pub file_ranges_pruned: Option<u64>,
    /// Row groups of the files that were opened.
    pub row_groups_total: Option<u64>,
    /// How many of them were left out.
    pub row_groups_pruned: Option<u64>,
    /// Pages that a page index was asked about, counted in one column.
    pub pages_total: Option<u64>,
    /// How many of them were left out.
    pub pages_pruned: Option<u64>,
    /// Rows that were decoded at least in part.
    pub rows_in: Option<u64>,
}

/// What the calls of a function from one place took in one sample, all partitions together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UdfRow {
    /// The statement; nothing where there was no suite.
    pub statement: String,
    /// The sample.
    pub iteration: u32,
    /// The function.
    pub function: String,
    /// What it is written in: `python`, `python_vectorized` or `rust`.
    pub language: String,
    /// The line of the place that calls it, from 1; nothing if nobody knows.
    pub line: Option<u64>,
    /// The position in the line, from 1.
    pub position: Option<u64>,
    /// The call as it was written.
    pub call: String,
    /// How often it was called: once a batch if it takes a batch, once a row if it takes a row.
    pub calls: u64,
    /// Batches of rows that it was called for.
    pub batches: u64,
    /// Their rows.
    pub rows: u64,
    /// All that callers waited, summed over threads.
    pub total_ns: u64,
    /// The mean of a row.
    pub row_ns: f64,
    /// The share of the statement's time in which at least one thread was in a call, from 0 to 1.
    pub statement_share: f64,
    /// In the function.
    pub function_ns: u64,
    /// To make the function's values of Arrow's, and back.
    pub convert_ns: u64,
    /// All else: to and from a worker, and waiting for one.
    pub transfer_ns: u64,
    /// The shortest call.
    pub min_ns: u64,
    /// The call in the middle.
    pub median_ns: u64,
    /// Of a hundred calls 99 are shorter.
    pub p99_ns: u64,
    /// Results that are NULL.
    pub nulls: u64,
    /// Batches that failed.
    pub errors: u64,
}

/// Everything about an A/B but its sides' runs, which lie in folders beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AbFile {
    /// The version of this format.
    pub format_version: u32,
    /// The A/B's name, which is its folder's.
    pub ab: String,
    /// What its user called it.
    pub label: Option<String>,
    /// How far it came.
    pub status: Status,
    /// When it began, in UTC, ISO 8601.
    pub started_at: String,
    /// When it ended; nothing while it runs, or if it was killed.
    pub finished_at: Option<String>,
    /// The command line.
    pub command: Vec<String>,
    /// What is compared; the first one is the baseline.
    pub sides: Vec<AbSide>,
    /// The folders of two runs of the baseline's configuration, which were compared with each other first to see the machine's
    /// noise; nothing if that was left out.
    pub control: Option<[String; 2]>,
    /// How it is measured, and when a verdict is given.
    pub rules: AbRules,
    /// What a reader should know before believing the figures.
    pub warnings: Vec<Warning>,
}

/// One of the configurations of an A/B.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbSide {
    /// Its letter, from `a` on.
    pub side: String,
    /// The folder of its run.
    pub run: String,
    /// Its profile, settings and program in a few words.
    pub title: String,
    /// Where its samples are taken.
    pub place: AbPlace,
}

/// Where the samples of a side are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AbPlace {
    /// In the program's own process.
    Here,
    /// In a process of its own.
    Child {
        /// The program; nothing for the one that runs the A/B.
        binary: Option<String>,
        /// The profile, for a program that is to look it up itself.
        profile: String,
        /// What is set over it.
        sets: Vec<String>,
    },
    /// In another engine.
    Peer {
        /// The program that runs it.
        command: String,
    },
}

/// How an A/B is measured, and when a verdict is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AbRules {
    /// Half of the width of a statement's interval, as a share of the ratio, that is narrow enough.
    pub precision: f64,
    /// Two sides are the same if their ratio is known to be this near to 1.
    pub margin: f64,
    /// A difference of less than this share is never called one.
    pub least_change: f64,
    /// The share of wrong calls that is accepted among the statements called faster or slower.
    pub false_discovery_rate: f64,
    /// The fewest pairs of which a verdict is made.
    pub least_pairs: u32,
    /// The most pairs a statement.
    pub max_pairs: u32,
    /// Pairs a statement in the control phase.
    pub control_pairs: u32,
    /// The most time that all samples may take together; nothing for no limit.
    pub max_seconds: Option<f64>,
}

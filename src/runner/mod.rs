//! Measuring: a [`RunPlan`] in, samples and a finished run folder out.
//!
//! - [`RunPlan`]: what will be run and how, computed without touching data; `--dry-run` prints it;
//! - [`clock`]: the only place that reads a clock for a measurement;
//! - [`SampleRecord`]: what a sample used, and what its plan did;
//! - [`Verifier`]: what each statement's rows are compared with;
//! - [`run_all`]: statement after statement, sample after sample, each on disk before the next;
//! - [`environment`]: the machine and the program, for the record;
//! - [`doctor`]: what would spoil a measurement on this machine;
//! - [`warnings`]: what a reader should know before believing the figures.

pub mod clock;
pub mod doctor;
pub mod environment;
mod plan;
mod process;
mod record;
mod run;
mod sample;
mod verify;
pub mod warnings;

pub use plan::{PlannedStatement, RunPlan};
pub use process::CpuTime;
pub use record::SampleRecord;
pub use run::{Cancel, Observer, RunEnd, RunError, run_all};
pub use sample::{Execution, Failure, execute_once, execute_recorded};
pub use verify::{Verdict, Verifier, VerifierError};

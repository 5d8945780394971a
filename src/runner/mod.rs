//! Measuring: a [`RunPlan`] in, samples and a finished run folder out.
//!
//! - [`RunPlan`]: what will be run and how, computed without touching data; `--dry-run` prints it;
//! - [`SampleRecord`]: what a sample used, and what its plan did;
//! - [`Verifier`]: what each statement's rows are compared with; [`choose_answers`], [`open_answers`]: where that comes from;
//! - [`next_slot`]: what comes next for a statement, given its samples;
//! - [`run_all`]: statement after statement, sample after sample, each on disk before the next;
//! - [`Executor`]: where a sample is taken: [`InProcess`], with caches emptied ([`ColdFiles`]) if wanted, or [`Isolated`], in a
//!   child for each statement, which [`serve_statement`] is the inside of;
//! - [`environment`]: the machine and the program, for the record;
//! - [`doctor`]: what would spoil a measurement on this machine;
//! - [`warnings`]: what a reader should know before believing the figures.

mod ab;
mod child;
mod cold;
pub mod doctor;
pub mod environment;
mod executor;
mod expected;
mod isolate;
mod pairs;
mod peer;
mod plan;
mod process;
mod protocol;
mod record;
mod recorded;
mod row;
mod rows_file;
mod run;
mod sample;
mod schedule;
mod server;
#[cfg(test)]
pub(crate) mod test_support;
mod verify;
pub mod warnings;

pub use crate::clock;
pub use ab::{AbEnd, AbObserver, Lane, run_ab};
pub use child::serve as serve_statement;
pub use cold::{ColdError, ColdFiles};
pub use executor::{Executor, InProcess, KeepRows, Sample};
pub use expected::{ExpectedError, choose_answers, open_answers};
pub use isolate::{ChildSetup, Isolated, SUBCOMMAND, default_process_memory_bytes};
pub use pairs::{PairRules, SideSamples, pair_count};
pub use peer::{Peer, PeerCommand};
pub use plan::{PlannedStatement, RunPlan};
pub use process::CpuTime;
pub use protocol::TaskEngine;
pub use record::SampleRecord;
pub use recorded::{recorded_settings, restored_settings, setting_variables};
pub use run::{Cancel, Observer, RunEnd, RunError, run_all};
pub use sample::{Execution, Failure, ResultRows, execute_once, execute_recorded};
pub use schedule::{RepeatUntil, Slot, next_slot};
pub use verify::{Verdict, Verifier, VerifierError};

//! Functions that users define.

mod calls;
mod code_profile;
mod create_function;
mod flame_graph;
mod functions;
mod own_names;
mod profile;
#[cfg_attr(not(unix), path = "no_python.rs")]
mod python;
mod register;
mod returns_table;
mod show_profiles;
mod sql_function;
mod statement;
mod table_calls;
mod timed;

pub(super) use calls::UserFunctions;
pub use code_profile::{CodeFunction, CodePlace, CodeProfile, CodeTimes};
pub(super) use create_function::prepare as prepare_definition;
pub use flame_graph::flame_graph;
pub(super) use functions::{Functions, marked};
pub(super) use own_names::keep_own_names;
pub use profile::UdfProfile;
pub(super) use profile::{Profile, Profiles};
pub(super) use python::{Python, PythonAggregate, PythonFunction, statements as statements_of_file};
pub(super) use show_profiles::{CodeProfilesTable, ProfilesTable, take as take_show_profiles};
pub(super) use statement::{Statement, apart};
pub(super) use table_calls::{CallMarks, prepare_table_calls, table_call};
pub(super) use timed::{TimeFunctions, TimedAggregate, TimedTableFunction, timed_at, untimed};

//! Functions in Python: `CREATE FUNCTION half(x double) RETURNS double LANGUAGE PYTHON AS $$ return x / 2 $$`.
//!
//! ```text
//!   statement ──▶ PythonFunction ──▶ Pool ──▶ Worker ══ socket ══ a process of Python: worker.py
//!   a batch        one a call         one a core   ──▶ the arguments as Arrow IPC         calls the function
//!                  in the plan        at the most  ◀── the results, or what went wrong
//! ```
//!
//! - [`definition`] is what `CREATE FUNCTION` says; [`function`] and [`aggregate`] are what a plan calls;
//! - [`pool`] starts workers as they are needed, and lends them for a batch each;
//! - [`worker`] is one process, [`message`] what it is told and says, [`wait`] what ends a wait for it.
//!
//! Python runs in processes of its own: functions run in parallel, and a crash, an exit, an endless loop or too much memory ends a statement with an
//! error and a worker, and never the engine. The worker's memory is limited by itself (`RLIMIT_DATA`); its time by us.

mod aggregate;
mod call;
mod callable;
mod create;
mod definition;
mod function;
mod message;
mod pool;
mod sliding_frame;
mod table;
mod wait;
mod worker;

pub(in crate::engine) use aggregate::PythonAggregate;
pub(in crate::engine) use call::Python;
pub(in crate::engine) use create::{create, statements};
pub(in crate::engine) use function::PythonFunction;
pub(super) use table::is_python_table;

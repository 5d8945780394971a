//! The suite: `queries/` in, [`Statement`]s out.
//!
//! A suite is a folder: `suite.toml` names the statements in order and the ones to skip, `tpcds/*.sql` holds one template
//! a statement, `domains.toml` the value lists that templates draw from, `answers/` the expected rows. The folder is
//! compiled into the program; `--suite DIR` reads another one, so that adding a statement needs no new build.
//!
//! - [`Suite`]: the statements in order, and what is skipped and why;
//! - [`Statement`]: one template with its header; [`Statement::render`] gives the exact SQL;
//! - [`Selection`]: what `--queries` and `--skip` name;
//! - [`Substitution`]: where parameter values come from: defaults, a seed, or the user.

mod domains;
mod load;
mod name;
mod selection;
mod substitute;
mod template;

pub use domains::Domains;
pub use load::{Suite, SuiteError, SuiteFiles};
pub use name::StatementName;
pub use selection::{Selection, SelectionError};
pub use substitute::{Override, Substitution};
pub use template::{Domain, Parameter, Statement, TemplateError};

//! The program as its user meets it: whole invocations, their output, files and exit codes.

mod cli;
mod generate;
mod layout;
mod run;
mod sql;
mod suite_sf1;
mod support;
mod tidy;

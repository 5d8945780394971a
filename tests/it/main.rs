//! The program as its user meets it: whole invocations, their output, files and exit codes.

mod cli;
mod cold;
mod generate;
mod isolate;
mod kill;
mod resume;
mod run;
mod sql;
mod suite_sf1;
mod support;
mod tidy;

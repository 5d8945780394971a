//! The program as its user meets it: whole invocations, their output, files and exit codes.

mod ab;
mod analyze;
mod cli;
mod cold;
mod compare;
mod errors;
mod estimates;
mod files;
mod generate;
mod isolate;
mod kill;
mod layout;
mod resume;
mod run;
mod samples;
mod settings;
mod shell;
mod slt;
mod spark;
mod sql;
mod suite_sf1;
mod support;
mod tidy;
mod udf;
mod urls;

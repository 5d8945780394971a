//! The hidden subcommand behind `dsbench run --isolate`: the child process of one statement.

use std::io;

use super::args::runtime;
use super::exit::{Code, Failure};
use crate::runner::serve_statement;

pub(super) fn run() -> Result<Code, Failure> {
    let threads = || runtime().map_err(|failure| io::Error::other(failure.to_string()));
    serve_statement(io::stdin(), io::stdout(), threads).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(Code::Well)
}

//! The only place that prints.

use std::io::{self, IsTerminal, Write};

use super::exit::Failure;
use crate::report::Style;

/// Writes data to standard output.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failure)
}

/// A value as JSON for people and programs alike: several lines, the last one ended.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| Failure::Other(error.to_string()))
}

/// Writes a line about the work to standard error.
pub(super) fn note(text: &str) {
    // If even standard error is closed, there is nobody left to tell.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// How a failure is written to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ErrorFormat {
    /// For people: lines with carets under the place
    Text,
    /// For programs: one line of JSON
    Json,
}

/// Writes why the program ends to standard error.
pub(super) fn failed(failure: &Failure, format: ErrorFormat) {
    match format {
        // What follows the first line begins at the left edge, so that its carets stand where they should.
        ErrorFormat::Text => note(&format!("dsbench: {failure}")),
        ErrorFormat::Json => note(&failure.json().to_string()),
    }
}

/// A failed write to standard output.
pub(super) fn failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        _ => Failure::Other(format!("cannot write to standard output: {error}")),
    }
}

/// Whether standard output is a terminal that wants colours.
pub(super) fn wants_colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How reports are written to standard output.
pub(super) fn style() -> Style {
    if wants_colour() { Style::Coloured } else { Style::Plain }
}

/// Whether standard error is a terminal, where a bar can be drawn.
pub(super) fn draws_bars() -> bool {
    io::stderr().is_terminal()
}

//! [`Worker`]: one process of Python.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{process, thread};

use super::message::{Broken, Message};
use super::wait::{Over, TICK, Wait};
use crate::engine::settings::PythonOptions;
use crate::engine::udf::statement::Statement;
use crate::text::signal_name;

/// What the process runs.
const PROGRAM: &str = include_str!("worker.py");
/// Python and pyarrow are loaded within that time, or not at all.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// So much of what a worker printed last is shown if it ends.
const LAST_LINES: usize = 10;
/// After its end, a process is gone within so many ticks.
const END_TICKS: usize = 100;

/// See the module. The process ends with it.
#[derive(Debug)]
pub(super) struct Worker {
    process: Child,
    stream: UnixStream,
    /// The functions that it was told of, by their numbers.
    pub(super) known: HashSet<u64>,
    printed: Arc<Mutex<Vec<String>>>,
}

/// Why there is no worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoWorker {
    /// There is something to install, or to set.
    Missing(String),
    /// Nobody waits any longer.
    Cancelled,
}

impl Worker {
    /// Starts the process. The system ends it with the thread that does: it must be one that stays.
    pub(super) fn start(options: &PythonOptions) -> Result<Self, NoWorker> {
        let interpreter = &options.interpreter;
        let failed = |error: std::io::Error| {
            NoWorker::Missing(format!(
                "there is no Python at `{interpreter}` ({error}): install Python 3.9 or later with pyarrow, or name one that has it with \
                 --set engine.udf.python.interpreter=PATH"
            ))
        };
        let (stream, theirs) = UnixStream::pair().map_err(failed)?;
        stream.set_read_timeout(Some(TICK)).and_then(|()| stream.set_write_timeout(Some(TICK))).map_err(failed)?;
        let mut process = Command::new(interpreter)
            .args(["-c", PROGRAM, &process::id().to_string(), &options.memory_limit_bytes.to_string()])
            // The allocator that asks the system for what it needs and no more: others would be over the limit before the function is.
            .env("ARROW_DEFAULT_MEMORY_POOL", "system")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let printed = Arc::default();
        if let Some(lines) = process.stderr.take() {
            let kept = Arc::clone(&printed);
            thread::spawn(move || pass_on(lines, &kept));
        }
        Ok(Self { process, stream, known: HashSet::new(), printed })
    }

    /// Waits until it is ready.
    pub(super) fn greet(mut self, options: &PythonOptions, statement: &Statement) -> Result<Self, NoWorker> {
        let interpreter = &options.interpreter;
        match Message::receive(&self.stream, &mut Wait::up_to(START_TIMEOUT, statement)) {
            Ok(Message { header, .. }) if header["pyarrow"].is_string() => Ok(self),
            Ok(Message { header, .. }) => Err(NoWorker::Missing(format!(
                "functions in Python need pyarrow, which Python {} at `{interpreter}` does not have ({}): install it with \
                 `{interpreter} -m pip install pyarrow`, or name another Python with --set engine.udf.python.interpreter=PATH",
                header["python"].as_str().unwrap_or_default(),
                header["missing"].as_str().unwrap_or_default(),
            ))),
            Err(Broken::Over(Over::Cancelled)) => Err(NoWorker::Cancelled),
            Err(broken) => Err(NoWorker::Missing(format!(
                "the Python at `{interpreter}` did not start: {}; name another with --set engine.udf.python.interpreter=PATH",
                self.describe(&broken, START_TIMEOUT)
            ))),
        }
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Asks it something, and waits for the answer.
    pub(super) fn ask(&self, request: &Message, wait: &mut Wait<'_>) -> Result<Message, Broken> {
        request.send(&self.stream, wait)?;
        Message::receive(&self.stream, wait)
    }

    /// What became of it, after it gave no answer.
    pub(super) fn describe(&mut self, broken: &Broken, timeout: Duration) -> String {
        match broken {
            Broken::Closed => match self.end_status() {
                Some(status) => format!("its process {}{}", ended(status), self.last_lines()),
                None => format!("its process closed the connection{}", self.last_lines()),
            },
            Broken::Over(Over::TimedOut) => {
                format!("it took longer than {}, and its process was ended", humantime::format_duration(timeout))
            }
            Broken::Over(Over::Cancelled) => "the statement was cancelled".to_owned(),
            Broken::Failed(reason) => reason.clone(),
        }
    }

    fn end_status(&mut self) -> Option<ExitStatus> {
        (0..END_TICKS).find_map(|_| {
            let status = self.process.try_wait().ok().flatten();
            if status.is_none() {
                thread::sleep(TICK);
            }
            status
        })
    }

    fn last_lines(&self) -> String {
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        if printed.is_empty() { String::new() } else { format!("; it printed last:\n{}", printed.join("\n")) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is waited for, and leaves no entry in the system's table.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => {
            let name = signal_name(signal).map_or_else(String::new, |name| match signal {
                9 => format!(" ({name}, as the system does when memory is short)"),
                11 => format!(" ({name}: native code read or wrote where it must not)"),
                _ => format!(" ({name})"),
            });
            format!("was ended by signal {signal}{name}")
        }
        (None, None) => "ended".to_owned(),
    }
}

/// Prints what a worker prints, and keeps the end of it.
fn pass_on(lines: ChildStderr, kept: &Mutex<Vec<String>>) {
    for line in BufReader::new(lines).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        drop(writeln!(std::io::stderr(), "{line}"));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(line);
        let from = kept.len().saturating_sub(LAST_LINES);
        kept.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_process_ends_is_told() {
        assert_eq!(ended(ExitStatus::from_raw(3 << 8)), "ended with exit code 3");
        assert!(ended(ExitStatus::from_raw(11)).starts_with("was ended by signal 11 (SIGSEGV"));
        assert_eq!(ended(ExitStatus::from_raw(12)), "was ended by signal 12");
    }

    #[track_caller]
    fn check(interpreter: &str, expected: &str) {
        let options = PythonOptions { interpreter: interpreter.to_owned(), ..PythonOptions::default() };
        let worker = Worker::start(&options).and_then(|worker| worker.greet(&options, &Statement::default()));
        match worker.expect_err(interpreter) {
            NoWorker::Missing(message) => assert!(message.contains(expected), "{message}"),
            NoWorker::Cancelled => panic!("{interpreter}: nobody cancelled it"),
        }
    }

    #[test]
    fn what_is_no_python_is_told() {
        check("/no/such/python", "there is no Python at `/no/such/python`");
        check("false", "ended with exit code 1");
    }
}

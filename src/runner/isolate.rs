//! Each statement in a process of its own: what kills the process is a row of the results, and the run goes on.
//!
//! ```text
//! run_all ─▶ Isolated ─▶ child of statement q1 (this program again): engine, data, answers; samples on request
//!                    ─▶ child of statement q2 …                     its end without an answer ─▶ row `killed`
//! ```
//!
//! The child's limit is `RLIMIT_DATA`: the sum of all private writable memory, heap and stacks. `RLIMIT_AS` would count address
//! space as well that is reserved and never used, of which the allocator takes a gigabyte at a time. A stack counts as a whole
//! (16 MiB each), so that a process counts for more than is resident: with a dozen threads by about 200 MiB.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use tokio::sync::mpsc;

use super::protocol::{Reply, Request, Task};
use super::{Cancel, Executor, PlannedStatement, RunError, Slot, clock};
use crate::engine::ErrorClass;
use crate::results::format::{AnswersSource, SampleRow, Setting};
use crate::text;

/// The subcommand that makes this program a child.
pub const SUBCOMMAND: &str = "isolated-statement";

/// How much of what a child says on standard error is kept.
const LAST_WORDS_BYTES: usize = 4096;

/// How long a child may take over what is not timed: opening, checking, coming to rest.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);

/// How long a child may take to end.
const END_LIMIT: Duration = Duration::from_secs(8);

/// The memory of a process where none is given: the engine's, a quarter more for what its pool does not count, and a part that
/// does not depend on it (the program, stacks, the allocator's reserve).
pub fn default_process_memory_bytes(memory_limit_bytes: u64) -> u64 {
    memory_limit_bytes.saturating_add(memory_limit_bytes / 4).saturating_add(1 << 30)
}

/// Everything but the statement that children need to know.
#[derive(Debug, Clone)]
pub struct ChildSetup {
    /// Where the data is.
    pub data: String,
    /// The name of the engine's configuration.
    pub profile: String,
    /// Every setting.
    pub settings: Vec<Setting>,
    /// The parent of folders for spilled data.
    pub spill_dir: PathBuf,
    /// Where the expected answers come from.
    pub answers: AnswersSource,
    /// The folder of the suite, if it is not the one inside the program.
    pub suite_folder: Option<String>,
    /// The limit of each process.
    pub process_memory_bytes: u64,
    /// The limit of the engine's pool.
    pub memory_limit_bytes: u64,
    /// The longest that a sample may take.
    pub timeout: Duration,
    /// Whether caches are emptied before each sample.
    pub cold: bool,
}

/// Takes samples in a child for each statement.
#[derive(Debug)]
pub struct Isolated {
    setup: ChildSetup,
    child: Option<StatementProcess>,
}

impl Isolated {
    /// Starts nothing yet.
    pub fn new(setup: ChildSetup) -> Self {
        Self { setup, child: None }
    }

    async fn take(
        &mut self,
        statement: &PlannedStatement,
        slot: Slot,
        cancel: &Cancel,
    ) -> Result<Option<SampleRow>, RunError> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => StatementProcess::start(&self.task(statement)).map_err(|error| RunError::Child {
                statement: statement.name.to_string(),
                message: error.to_string(),
            })?,
        };
        let started_at = clock::timestamp();
        // A child that has died cannot be written to; it is the missing reply that tells.
        drop(child.ask(&slot.into()));
        let limit = self.setup.timeout.saturating_mul(2).saturating_add(SILENCE_LIMIT);
        let reply = tokio::select! {
            reply = child.replies.recv() => reply,
            () = cancel.cancelled() => {
                child.end().await;
                return Ok(None);
            }
            () = tokio::time::sleep(limit) => {
                child.kill();
                let message = "its process gave no sign of life any more and was killed".to_owned();
                return Ok(Some(failed_row(statement, slot, started_at, ErrorClass::Timeout, message)));
            }
        };
        match reply {
            Some(Reply::Sample(row)) => {
                self.child = Some(child);
                Ok(Some(*row))
            }
            Some(Reply::Stopped) => Ok(None),
            Some(Reply::Failed(message)) => {
                child.end().await;
                Ok(Some(failed_row(statement, slot, started_at, ErrorClass::Io, message)))
            }
            // The user's wish to stop may have reached the child by another way.
            None if cancel.is_cancelled() => Ok(None),
            None => {
                let message = self.epitaph(child);
                Ok(Some(failed_row(statement, slot, started_at, ErrorClass::Killed, message)))
            }
        }
    }

    fn task(&self, statement: &PlannedStatement) -> Task {
        let setup = self.setup.clone();
        Task {
            statement: statement.name.to_string(),
            title: statement.title.clone(),
            sql: statement.sql.clone(),
            data: setup.data,
            profile: setup.profile,
            settings: setup.settings,
            memory_limit_bytes: setup.memory_limit_bytes,
            process_memory_bytes: setup.process_memory_bytes,
            spill_dir: setup.spill_dir,
            timeout_ns: u64::try_from(setup.timeout.as_nanos()).unwrap_or(u64::MAX),
            cold: setup.cold,
            answers: setup.answers,
            suite_folder: setup.suite_folder,
        }
    }

    /// How a child died, and what to do about it.
    fn epitaph(&self, child: StatementProcess) -> String {
        let (status, last_words) = child.bury();
        let limit = text::bytes(self.setup.process_memory_bytes);
        describe_end(status, &last_words, &limit)
    }
}

impl Executor for Isolated {
    fn sample<'a>(
        &'a mut self,
        statement: &'a PlannedStatement,
        slot: Slot,
        cancel: &'a Cancel,
    ) -> LocalBoxFuture<'a, Result<Option<SampleRow>, RunError>> {
        Box::pin(self.take(statement, slot, cancel))
    }

    fn finish<'a>(&'a mut self, _statement: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(child) = self.child.take() {
                child.end().await;
            }
        })
    }
}

fn failed_row(
    statement: &PlannedStatement,
    slot: Slot,
    started_at: String,
    class: ErrorClass,
    message: String,
) -> SampleRow {
    let failure = super::Failure { class, message };
    super::run::failed_row(statement, slot.phase, slot.iteration, started_at, failure)
}

/// A running child; killed and buried when dropped.
#[derive(Debug)]
struct StatementProcess {
    process: Child,
    /// Nothing once the child was told that there is no more to do.
    requests: Option<ChildStdin>,
    replies: mpsc::UnboundedReceiver<Reply>,
    last_words: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
}

impl StatementProcess {
    fn start(task: &Task) -> io::Result<Self> {
        let mut command = Command::new(this_program()?);
        command.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The allocator takes a gigabyte of address space ahead. Without this all of it would count as used.
        command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
        // There is no room for it in the last words.
        command.env("RUST_BACKTRACE", "0");
        // Ctrl-C on a terminal goes to a whole group; the child is to be stopped by this process alone.
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0).arg0("dsbench");
        }
        let mut process = command.spawn()?;
        let (sender, replies) = mpsc::unbounded_channel();
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || read_replies(output, &sender));
        }
        let last_words = Arc::default();
        let listener = process.stderr.take().map(|errors| {
            let kept = Arc::clone(&last_words);
            std::thread::spawn(move || keep_last_words(errors, &kept))
        });
        let mut child = Self { requests: process.stdin.take(), process, replies, last_words, listener };
        // What is wrong with a child that does not even listen is found out when it does not answer.
        drop(child.say(task));
        Ok(child)
    }

    fn ask(&mut self, request: &Request) -> io::Result<()> {
        self.say(request)
    }

    fn say<M: serde::Serialize>(&mut self, message: &M) -> io::Result<()> {
        let Some(requests) = &mut self.requests else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        requests.write_all(&line)?;
        requests.flush()
    }

    /// Tells the child that there is no more to do, and gives it time to remove its spilled data.
    async fn end(mut self) {
        drop(self.requests.take());
        let ended = async {
            while matches!(self.process.try_wait(), Ok(None)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // Whoever does not end in time is killed when dropped.
        drop(tokio::time::timeout(END_LIMIT, ended).await);
    }

    fn kill(&mut self) {
        // It may have ended by itself just now.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// The end of a child that has closed its output, and the last that it said.
    fn bury(mut self) -> (Option<ExitStatus>, String) {
        drop(self.requests.take());
        let status = self.process.wait().ok();
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
        let kept = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        (status, String::from_utf8_lossy(&kept).trim().to_owned())
    }
}

impl Drop for StatementProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The file of this program, even if it was replaced meanwhile.
fn this_program() -> io::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { Ok(itself) } else { std::env::current_exe() }
}

fn read_replies(output: impl Read, sender: &mpsc::UnboundedSender<Reply>) {
    for line in BufReader::new(output).lines() {
        let Ok(line) = line else { break };
        let reply = serde_json::from_str(&line)
            .unwrap_or_else(|error| Reply::Failed(format!("its process said something incomprehensible: {error}")));
        if sender.send(reply).is_err() {
            break;
        }
    }
}

fn keep_last_words(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..count]);
        let excess = kept.len().saturating_sub(LAST_WORDS_BYTES);
        kept.drain(..excess);
    }
}

/// How a child ended, what it said, and what to do.
fn describe_end(status: Option<ExitStatus>, last_words: &str, limit: &str) -> String {
    let signal = signal(status);
    let how = match (signal, status.and_then(|status| status.code())) {
        (Some(number), _) => match signal_name(number) {
            Some(name) => format!("its process was ended by signal {number} ({name})"),
            None => format!("its process was ended by signal {number}"),
        },
        (None, Some(code)) => format!("its process ended with exit code {code}"),
        (None, None) => "its process ended".to_owned(),
    };
    let said = if last_words.is_empty() { String::new() } else { format!("; it said: {last_words}") };
    let lacking = ["memory allocation of", "can't spawn", "cannot start threads", "Cannot allocate memory"];
    let memory = lacking.iter().any(|words| last_words.contains(words)) || signal == Some(9);
    let advice = match memory {
        true => format!(
            "; it may use {limit}: raise --isolate-memory, or lower --memory-limit so that operators spill sooner{}",
            if signal == Some(9) { "; the system kills a process if the machine has no memory left" } else { "" }
        ),
        false if last_words.contains("overflowed its stack") => "; this is a bug of the engine".to_owned(),
        false => String::new(),
    };
    format!("{how}{said}{advice}")
}

#[cfg(unix)]
fn signal(status: Option<ExitStatus>) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status?)
}

#[cfg(not(unix))]
fn signal(_status: Option<ExitStatus>) -> Option<i32> {
    None
}

/// The signals that end a process that did not ask for it.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return None,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[track_caller]
    fn check(raw: i32, last_words: &str, expected: &str) {
        assert_eq!(describe_end(Some(ExitStatus::from_raw(raw)), last_words, "2.0 GiB"), expected);
    }

    #[test]
    fn ends_are_told_with_advice() {
        check(
            9,
            "",
            "its process was ended by signal 9 (SIGKILL); it may use 2.0 GiB: raise --isolate-memory, or lower --memory-limit so \
             that operators spill sooner; the system kills a process if the machine has no memory left",
        );
        check(
            6,
            "memory allocation of 64 bytes failed",
            "its process was ended by signal 6 (SIGABRT); it said: memory allocation of 64 bytes failed; it may use 2.0 GiB: \
             raise --isolate-memory, or lower --memory-limit so that operators spill sooner",
        );
        check(
            6,
            "thread 'x' has overflowed its stack",
            "its process was ended by signal 6 (SIGABRT); it said: thread 'x' has overflowed its stack; this is a bug of the engine",
        );
        check(
            101 << 8,
            "OS can't spawn worker thread",
            "its process ended with exit code 101; it said: OS can't spawn worker thread; it may use 2.0 GiB: raise \
             --isolate-memory, or lower --memory-limit so that operators spill sooner",
        );
        check(11, "", "its process was ended by signal 11 (SIGSEGV)");
        check(1 << 8, "oh no", "its process ended with exit code 1; it said: oh no");
    }

    #[test]
    fn the_last_words_are_kept() {
        let kept = Mutex::default();
        let said = format!("{}the end", "x".repeat(3 * LAST_WORDS_BYTES));
        keep_last_words(said.as_bytes(), &kept);
        let kept = kept.into_inner().expect("no panic");
        assert_eq!(kept.len(), LAST_WORDS_BYTES);
        assert!(kept.ends_with(b"the end"));
    }
}

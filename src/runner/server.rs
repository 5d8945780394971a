//! A process that takes samples for this one: started, asked, listened to, ended.
//!
//! ```text
//! Server::start ─▶ the task is sent ─▶ ask ─▶ Answer ─▶ ask ─▶ … ─▶ end
//!                                                 └─ Died ─▶ bury: how, and its last words
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use super::protocol::{Ready, Reply, Request, TakenSample, Task};
use super::{Cancel, RunError, SUBCOMMAND};
use crate::text::signal_name;

/// How much of what a process says on standard error is kept.
const LAST_WORDS_BYTES: usize = 4096;

/// How long a process may take over what is not timed: opening, checking, coming to rest.
const SILENCE_LIMIT: Duration = Duration::from_secs(300);

/// How long a process may take to end.
const END_LIMIT: Duration = Duration::from_secs(8);

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerProgram {
    /// This program, or another build of it.
    Dsbench(Option<PathBuf>),
    /// A script that runs another engine.
    Peer(PathBuf),
}

impl ServerProgram {
    fn command(&self) -> Command {
        let mut command = match self {
            Self::Dsbench(Some(binary)) => Command::new(binary),
            Self::Dsbench(None) => Command::new(this_program()),
            Self::Peer(script) => Command::new(script),
        };
        if let Self::Dsbench(_) = self {
            command.arg(SUBCOMMAND);
            // The allocator takes a gigabyte of address space ahead. Without this all of it would count as used.
            command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
            // There is no room for it in the last words.
            command.env("RUST_BACKTRACE", "0");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C on a terminal goes to a whole group; the process is to be stopped by this one alone.
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
            if *self == Self::Dsbench(None) {
                command.arg0("dsbench");
            }
        }
        command
    }

    /// What it is, for messages.
    fn words(&self) -> String {
        match self {
            Self::Dsbench(None) => "a process of this program".to_owned(),
            Self::Dsbench(Some(path)) | Self::Peer(path) => path.display().to_string(),
        }
    }

    /// Why it cannot be used.
    pub(super) fn error(&self, message: impl Into<String>) -> RunError {
        RunError::Process { program: self.words(), message: message.into() }
    }
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// The sample that was wanted.
    Sample(Box<TakenSample>),
    /// It was stopped, by the process or by the user.
    Stopped,
    /// There can be no sample, for this reason.
    Failed(String),
    /// The process said nothing for too long.
    Silent,
    /// The process is no more.
    Died,
}

/// A running process; killed and buried when dropped.
#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    /// Nothing once the process was told that there is no more to do.
    requests: Option<ChildStdin>,
    replies: mpsc::UnboundedReceiver<Reply>,
    /// The longest that it may say nothing.
    patience: Duration,
    ready: Option<Ready>,
    last_words: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(program: &ServerProgram, task: &Task) -> Result<Self, RunError> {
        let started = program.command().spawn();
        let mut process = started.map_err(|error| program.error(format!("cannot be started: {error}")))?;
        let (sender, replies) = mpsc::unbounded_channel();
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || read_replies(output, &sender));
        }
        let last_words = Arc::default();
        let listener = process.stderr.take().map(|errors| {
            let kept = Arc::clone(&last_words);
            std::thread::spawn(move || keep_last_words(errors, &kept))
        });
        let requests = process.stdin.take();
        let patience = Duration::from_nanos(task.timeout_ns).saturating_mul(2).saturating_add(SILENCE_LIMIT);
        let mut server = Self { process, requests, replies, patience, ready: None, last_words, listener };
        // What is wrong with a process that does not even listen is found out when it does not answer.
        drop(server.say(task));
        Ok(server)
    }

    /// Waits until it has opened everything; the first answer, unless it is that.
    pub(super) async fn ready(&mut self, cancel: &Cancel) -> Result<Ready, Answer> {
        match self.reply(cancel).await? {
            Reply::Ready(ready) => {
                self.ready = Some((*ready).clone());
                Ok(*ready)
            }
            Reply::Failed(message) => Err(Answer::Failed(message)),
            Reply::Sample(_) | Reply::Stopped => {
                Err(Answer::Failed("answers before it was asked: it speaks another version of the protocol".to_owned()))
            }
        }
    }

    pub(super) async fn ask(&mut self, request: &Request, cancel: &Cancel) -> Answer {
        if self.ready.is_none()
            && let Err(answer) = self.ready(cancel).await
        {
            return answer;
        }
        // A process that has died cannot be written to; it is the missing reply that tells.
        drop(self.say(request));
        match self.reply(cancel).await {
            Ok(Reply::Sample(sample)) => Answer::Sample(sample),
            Ok(Reply::Stopped) => Answer::Stopped,
            Ok(Reply::Failed(message)) => Answer::Failed(message),
            Ok(Reply::Ready(_)) => Answer::Failed("it said something incomprehensible".to_owned()),
            Err(answer) => answer,
        }
    }

    async fn reply(&mut self, cancel: &Cancel) -> Result<Reply, Answer> {
        let reply = tokio::select! {
            reply = self.replies.recv() => reply,
            () = cancel.cancelled() => return Err(Answer::Stopped),
            () = tokio::time::sleep(self.patience) => return Err(Answer::Silent),
        };
        match reply {
            Some(reply) => Ok(reply),
            // The user's wish to stop may have reached the process by another way.
            None if cancel.is_cancelled() => Err(Answer::Stopped),
            None => Err(Answer::Died),
        }
    }

    fn say<M: serde::Serialize>(&mut self, message: &M) -> io::Result<()> {
        let Some(requests) = &mut self.requests else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        requests.write_all(&line)?;
        requests.flush()
    }

    /// Tells the process that there is no more to do, and gives it time to remove its spilled data.
    pub(super) async fn end(mut self) {
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

    /// The end of a process that has closed its output, and the last that it said.
    pub(super) fn bury(mut self) -> (Option<ExitStatus>, String) {
        drop(self.requests.take());
        let status = self.process.wait().ok();
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
        let kept = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        (status, String::from_utf8_lossy(&kept).trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The file of this program, even if it was replaced meanwhile.
fn this_program() -> PathBuf {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() { itself } else { std::env::current_exe().unwrap_or(itself) }
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

/// How a process ended, what it said, and what to do. `limit` is the memory that it may use.
pub(super) fn describe_end(status: Option<ExitStatus>, last_words: &str, limit: &str) -> String {
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

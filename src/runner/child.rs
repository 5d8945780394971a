//! The inside of a process that takes samples: those that the program asks for, and nothing else.
//!
//! It writes no results: the program alone does. Its engine lives as long as it, so that the samples after the warm-up are warm.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::protocol::{Ready, Reply, Request, TakenSample, Task, TaskEngine, TaskStatement, VERSION};
use super::{
    Cancel, ColdFiles, Executor, InProcess, KeepRows, PlannedStatement, RunError, Sample, Slot, environment,
    open_answers, recorded_settings, restored_settings, rows_file, setting_variables,
};
use crate::engine::{Engine, EngineLimits, Profile, Settings};
use crate::paths;
use crate::results::format::Setting;
use crate::suite::Suite;
use crate::tables::{DataSet, DataUrl, Expectation};

/// How long stopped work may take before the process ends in the middle of it.
const REST_LIMIT: Duration = Duration::from_secs(5);

/// Serves the statements of the task until the input ends. The error is for whoever reads standard error.
///
/// `runtime` is made after the memory limit is set, so that its stacks count.
pub fn serve(
    input: impl Read + Send + 'static,
    mut output: impl Write,
    runtime: impl FnOnce() -> io::Result<Runtime>,
) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut line = String::new();
    input.read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    // First of all, so that the process ends with its input whatever happens to the rest of it.
    let cancel = Cancel::new();
    let requests = listen(input, cancel.clone());
    end_if_this_thread_panics();
    if let Some(bytes) = task.process_memory_bytes {
        limit_process(bytes)?;
    }
    let runtime = runtime()?;
    runtime.block_on(work(&task, requests, &cancel, |reply| {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        output.write_all(&line)?;
        output.flush()
    }))
}

/// Hands the requests on. When the input ends the program is gone or wants no more: work is stopped, and if it does not stop
/// the process ends all the same.
fn listen(input: impl BufRead + Send + 'static, cancel: Cancel) -> mpsc::UnboundedReceiver<Request> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in input.lines() {
            let Some(request) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
            if sender.send(request).is_err() {
                break;
            }
        }
        drop(sender);
        cancel.cancel();
        std::thread::sleep(REST_LIMIT);
        std::process::exit(1);
    });
    receiver
}

/// A panic of a statement is caught, and is a sample. One of this thread, which waits for statements, is none: without memory
/// for threads even the unwinding may wait for ever.
fn end_if_this_thread_panics() {
    let this = std::thread::current().id();
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        if std::thread::current().id() == this {
            std::process::exit(101);
        }
    }));
}

async fn work(
    task: &Task,
    mut requests: mpsc::UnboundedReceiver<Request>,
    cancel: &Cancel,
    mut reply: impl FnMut(&Reply) -> io::Result<()>,
) -> io::Result<()> {
    let statements: Vec<_> = task.statements.iter().map(planned).collect();
    let (mut executor, settings) = match open(task, &statements).await {
        Ok(opened) => opened,
        Err(message) => return reply(&Reply::Failed(message)),
    };
    let versions = Some(environment::versions());
    reply(&Reply::Ready(Box::new(Ready { protocol: Some(VERSION), versions, peer: None, settings })))?;
    while let Some(request) = requests.recv().await {
        reply(&match take(&mut executor, &statements, &request, cancel).await {
            Ok(Some(sample)) => Reply::Sample(Box::new(sample)),
            Ok(None) => Reply::Stopped,
            Err(message) => Reply::Failed(message),
        })?;
    }
    Ok(())
}

fn planned(told: &TaskStatement) -> PlannedStatement {
    let name = told.name.parse().unwrap_or_else(|impossible: std::convert::Infallible| match impossible {});
    PlannedStatement { name, title: told.title.clone(), sql: told.sql.clone() }
}

async fn take(
    executor: &mut InProcess,
    statements: &[PlannedStatement],
    request: &Request,
    cancel: &Cancel,
) -> Result<Option<TakenSample>, String> {
    let statement = statements.get(request.statement).ok_or("there is no such statement in the task")?;
    let slot = Slot { phase: request.phase, iteration: request.iteration };
    let keep = if request.rows.is_some() { KeepRows::Yes } else { KeepRows::No };
    let sample = executor.sample(statement, slot, keep, cancel).await.map_err(|error: RunError| error.to_string())?;
    let Some(sample) = sample else { return Ok(None) };
    if let (Some(path), Some(rows)) = (&request.rows, &sample.rows) {
        rows_file::write(path, rows).map_err(|error| format!("cannot write rows into {}: {error}", path.display()))?;
    }
    let Sample { row, plan, operators, functions, .. } = sample;
    Ok(Some(TakenSample { row, plan, operators, functions }))
}

/// Makes what the program itself would have made for the statements.
async fn open(task: &Task, statements: &[PlannedStatement]) -> Result<(InProcess, Vec<Setting>), String> {
    if task.protocol != VERSION {
        return Err(format!(
            "it speaks version {VERSION} of the protocol, and was spoken to in version {}",
            task.protocol
        ));
    }
    let text = |error: &dyn std::error::Error| error.to_string();
    let suite = match &task.suite_folder {
        Some(folder) => Suite::from_folder(&paths::from_shown(folder)),
        None => Suite::built_in(),
    };
    let suite = suite.map_err(|error| text(&error))?;
    let url = DataUrl::parse(&task.data).map_err(|error| text(&error))?;
    // The program has read every byte; sizes are enough here.
    let expectation = Expectation { scale: None, verify_hashes: false };
    let data = DataSet::open(url, &expectation).await.map_err(|error| text(&error))?;
    let limits = EngineLimits { memory_bytes: task.memory_limit_bytes, spill_dir: task.spill_dir.clone() };
    let settings = match &task.engine {
        TaskEngine::Recorded { profile, settings } => restored_settings(profile, settings),
        TaskEngine::Named { profile, sets } => {
            let profile = Profile::find(profile).map_err(|error| text(&error))?;
            Settings::resolve(&profile, setting_variables(), sets)
        }
        TaskEngine::Foreign => return Err("the task is for another engine".to_owned()),
    };
    let settings = settings.map_err(|error| text(&error))?;
    let recorded = recorded_settings(&settings);
    let engine = Arc::new(Engine::new(settings, &limits).await.map_err(|error| text(&error))?);
    data.register(&engine).map_err(|error| text(&error))?;
    let verifier = open_answers(&task.answers, statements, &suite, &data, &limits).await;
    let verifier = verifier.map_err(|error| text(&error))?;
    let cold = match task.cold {
        true => Some(ColdFiles::of(&data).map_err(|error| text(&error))?),
        false => None,
    };
    Ok((InProcess::new(engine, verifier, Duration::from_nanos(task.timeout_ns), cold), recorded))
}

/// Sets the limit of everything that is written to, and sees to it that the system kills this process before any other.
#[cfg(unix)]
fn limit_process(bytes: u64) -> io::Result<()> {
    // Nobody may raise a limit that was set from outside.
    let (_, hard) = rlimit::getrlimit(rlimit::Resource::DATA)?;
    let bytes = bytes.min(hard);
    rlimit::setrlimit(rlimit::Resource::DATA, bytes, bytes)?;
    // A process that ends for lack of memory must not write as much to the disk.
    rlimit::setrlimit(rlimit::Resource::CORE, 0, 0)?;
    if cfg!(target_os = "linux") {
        // Helps where the machine's memory is short; nothing is lost where it is not allowed.
        drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit_process(_bytes: u64) -> io::Result<()> {
    Ok(())
}

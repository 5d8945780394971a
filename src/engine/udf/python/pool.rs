//! [`Pool`]: starts workers as they are needed, and lends each for a batch.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::{io, thread};

use super::wait::{TICK, Wait};
use super::worker::{NoWorker, Worker};
use crate::engine::settings::PythonOptions;
use crate::engine::udf::statement::Statement;

/// See the module.
#[derive(Debug)]
pub(super) struct Pool {
    options: PythonOptions,
    most: usize,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Worker>,
    lent: usize,
    starter: Option<Starter>,
}

/// The thread that starts processes, and that they end with.
#[derive(Debug, Clone)]
struct Starter(mpsc::Sender<mpsc::Sender<Result<Worker, NoWorker>>>);

/// A worker that is lent. It goes back if it is [kept](Self::keep), and ends otherwise.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    worker: Option<Worker>,
    is_kept: bool,
}

impl Pool {
    /// Workers with these options, `most` at the same time.
    pub(super) fn new(options: PythonOptions, most: usize) -> Self {
        Self { options, most: most.max(1), state: Mutex::default(), given_back: Condvar::new() }
    }

    pub(super) fn options(&self) -> &PythonOptions {
        &self.options
    }

    /// A worker that nobody else has; waits for one if all are lent.
    pub(super) fn take(&self, statement: &Statement) -> Result<Lease<'_>, NoWorker> {
        let mut wait = Wait::with(statement);
        let mut state = self.state();
        loop {
            if let Some(mut worker) = state.idle.pop() {
                if !worker.is_alive() {
                    continue;
                }
                state.lent += 1;
                return Ok(Lease { pool: self, worker: Some(worker), is_kept: false });
            }
            if state.lent < self.most {
                break;
            }
            let waited = self.given_back.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            wait.tick().map_err(|_| NoWorker::Cancelled)?;
        }
        state.lent += 1;
        // From here on the lease counts it.
        let mut lease = Lease { pool: self, worker: None, is_kept: false };
        let starter = state.starter(&self.options);
        drop(state);
        lease.worker = Some(starter.and_then(|starter| starter.start())?.greet(&self.options, statement)?);
        Ok(lease)
    }

    /// All that wait for work.
    pub(super) fn take_idle(&self) -> Vec<Lease<'_>> {
        let mut state = self.state();
        let idle = std::mem::take(&mut state.idle);
        state.lent += idle.len();
        idle.into_iter().map(|worker| Lease { pool: self, worker: Some(worker), is_kept: false }).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn starter(&mut self, options: &PythonOptions) -> Result<Starter, NoWorker> {
        if let Some(starter) = &self.starter {
            return Ok(starter.clone());
        }
        let starter = Starter::new(options.clone());
        let starter = starter.map_err(|error| NoWorker::Missing(format!("no thread could be started: {error}")))?;
        Ok(self.starter.insert(starter).clone())
    }
}

impl Starter {
    fn new(options: PythonOptions) -> io::Result<Self> {
        let (sender, requests) = mpsc::channel::<mpsc::Sender<Result<Worker, NoWorker>>>();
        let start_each = move || {
            for answer in requests {
                // Who does not wait any longer does not get it, and so it ends.
                drop(answer.send(Worker::start(&options)));
            }
        };
        thread::Builder::new().name("python-starter".to_owned()).spawn(start_each)?;
        Ok(Self(sender))
    }

    fn start(&self) -> Result<Worker, NoWorker> {
        let (answer, started) = mpsc::channel();
        let gone = || NoWorker::Missing("the thread that starts processes has ended".to_owned());
        self.0.send(answer).map_err(|_| gone())?;
        started.recv().map_err(|_| gone())?
    }
}

impl Lease<'_> {
    pub(super) fn worker(&mut self) -> Result<&mut Worker, NoWorker> {
        self.worker.as_mut().ok_or_else(|| NoWorker::Missing("the worker has ended".to_owned()))
    }

    /// It is as it was: the next one can have it.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.lent -= 1;
        if self.is_kept {
            state.idle.extend(self.worker.take());
        }
        drop(state);
        // A process that is ended here is waited for by nobody else.
        drop(self.worker.take());
        self.pool.given_back.notify_one();
    }
}

//! [`Profile`]: what the calls of functions took in one statement, by function and by the place that calls it; [`Profiles`]: the sum of all statements.
//!
//! ```text
//!   select f(x) from t where f(y) > 0
//!          ────               ────
//!          f, line 1, 8       f, line 1, 27        each: calls, batches, rows, times, NULLs, errors
//! ```
//!
//! A batch's time is all that its caller waited: the time in the function, the time that converts values to the function's language and back, and the
//! rest, which is transfer and waiting for a worker. Times are summed over threads, so that two partitions that call a function for a second each make
//! two seconds; the share of the statement's time is that of the time in which at least one thread was in a call, and never above 1.
//!
//! A function that takes a batch is called once a batch; one that takes rows, once a row, and each call of a batch counts as the batch's mean: a clock
//! that is read for each row would cost more than many a function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use datafusion::common::Result;

use crate::clock::{self, Moment};

/// A function and a place that calls it, with what its calls took.
#[derive(Debug, Clone, PartialEq)]
pub struct UdfProfile {
    /// The function.
    pub function: String,
    /// What it is written in: `python`, `python_vectorized` or `rust`.
    pub language: &'static str,
    /// The line and the position in it, from 1; nothing if nobody knows.
    pub place: Option<(usize, usize)>,
    /// The call as it was written; empty if nobody knows.
    pub written: String,
    /// Statements that called it.
    pub statements: u64,
    /// Calls: one a batch for a function that takes a batch, one a row for one that takes a row.
    pub calls: u64,
    /// Batches that it was called for.
    pub batches: u64,
    /// Their rows.
    pub rows: u64,
    /// All that callers waited, summed over threads.
    pub total_ns: u64,
    /// The share of the statements' time in which at least one thread was in a call, from 0 to 1.
    pub statement_share: f64,
    /// In the function.
    pub function_ns: u64,
    /// To make the function's values of Arrow's, and back.
    pub convert_ns: u64,
    /// The shortest call.
    pub min_ns: u64,
    /// The call in the middle, to 1%.
    pub median_ns: u64,
    /// Of a hundred calls 99 are shorter; to 1%.
    pub p99_ns: u64,
    /// Results that are NULL.
    pub nulls: u64,
    /// Batches that failed.
    pub errors: u64,
}

impl UdfProfile {
    /// Transfer, and waiting for a worker: what is neither in the function nor conversion.
    pub fn transfer_ns(&self) -> u64 {
        self.total_ns.saturating_sub(self.function_ns + self.convert_ns)
    }

    /// The mean time of a row.
    pub fn row_ns(&self) -> f64 {
        self.total_ns as f64 / self.rows.max(1) as f64
    }
}

/// A batch of rows that a function was called for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) calls: u64,
    pub(super) rows: u64,
    /// In the function itself.
    pub(super) function_ns: u64,
    /// To convert its arguments and its results.
    pub(super) convert_ns: u64,
    /// NULLs among its results.
    pub(super) nulls: u64,
    pub(super) is_error: bool,
}

/// Where a function is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caller {
    pub(super) function: String,
    pub(super) language: &'static str,
    pub(super) place: Option<(usize, usize)>,
    pub(super) written: String,
}

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct Profile {
    session: Arc<Profiles>,
    started: OnceLock<Moment>,
    callers: Mutex<BTreeMap<Caller, Meter>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::engine) struct Profiles(Mutex<BTreeMap<Caller, Calls>>);

/// Where the calls of one caller in a statement are counted and timed.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Arc<Mutex<Calls>>);

/// The calls of a place.
#[derive(Debug, Clone, Default, PartialEq)]
struct Calls {
    sum: Batch,
    batches: u64,
    errors: u64,
    total_ns: u64,
    times: Times,
    presence: Presence,
    statements: u64,
    statements_ns: u64,
}

impl Calls {
    fn add(&mut self, batch: Batch, total_ns: u64) {
        self.sum.add(batch);
        self.batches += u64::from(batch.calls > 0);
        self.errors += u64::from(batch.is_error);
        self.total_ns += total_ns;
        if let Some(mean_ns) = total_ns.checked_div(batch.calls) {
            self.times.add(mean_ns, batch.calls);
        }
    }

    /// Adds those of a statement that has ended.
    fn add_statement(&mut self, calls: &Self, statement_ns: u64) {
        self.sum.add(calls.sum);
        self.batches += calls.batches;
        self.errors += calls.errors;
        self.total_ns += calls.total_ns;
        self.times.merge(&calls.times);
        self.presence.sum_ns += calls.presence.sum_ns.min(statement_ns);
        self.statements += 1;
        self.statements_ns += statement_ns;
    }

    fn profile(&self, caller: &Caller) -> UdfProfile {
        let Batch { calls, rows, function_ns, convert_ns, nulls, .. } = self.sum;
        UdfProfile {
            function: caller.function.clone(),
            language: caller.language,
            place: caller.place,
            written: caller.written.clone(),
            statements: self.statements,
            calls,
            batches: self.batches,
            rows,
            total_ns: self.total_ns,
            statement_share: self.presence.sum_ns as f64 / self.statements_ns.max(1) as f64,
            function_ns,
            convert_ns,
            min_ns: self.times.least_ns.unwrap_or_default(),
            median_ns: self.times.quantile_ns(0.5),
            p99_ns: self.times.quantile_ns(0.99),
            nulls,
            errors: self.errors,
        }
    }
}

impl Batch {
    /// One call of a function in Rust that took so many rows, and its result; `nulls` counts those in it.
    pub(super) fn of<T>(rows: usize, result: &Result<T>, nulls: impl FnOnce(&T) -> usize) -> Self {
        let nulls = result.as_ref().map_or(0, nulls) as u64;
        Self { calls: 1, rows: rows as u64, nulls, is_error: result.is_err(), ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        let Self { calls, rows, function_ns, convert_ns, nulls, .. } = other;
        self.calls += calls;
        self.rows += rows;
        self.function_ns += function_ns;
        self.convert_ns += convert_ns;
        self.nulls += nulls;
    }
}

/// The time in which at least one thread is in a call.
#[derive(Debug, Clone, Default, PartialEq)]
struct Presence {
    threads: u32,
    since: Option<Moment>,
    sum_ns: u64,
}

impl Presence {
    fn enter(&mut self, now: Moment) {
        self.threads += 1;
        self.since.get_or_insert(now);
    }

    fn leave(&mut self, now: Moment) {
        self.threads = self.threads.saturating_sub(1);
        if self.threads == 0
            && let Some(since) = self.since.take()
        {
            self.sum_ns += now.nanoseconds_since(since);
        }
    }
}

/// Times of calls in buckets of which each is 2% above the one before, so that quantiles are right to 1%, and sums of two are exact (DDSketch; Masson,
/// Rim, Lee, VLDB 2019).
#[derive(Debug, Clone, Default, PartialEq)]
struct Times {
    least_ns: Option<u64>,
    buckets: BTreeMap<i32, u64>,
}

impl Times {
    const RELATIVE_ERROR: f64 = 0.01;
    const RATIO: f64 = (1.0 + Self::RELATIVE_ERROR) / (1.0 - Self::RELATIVE_ERROR);

    fn add(&mut self, ns: u64, calls: u64) {
        let bucket = (ns.max(1) as f64).log(Self::RATIO).ceil() as i32;
        *self.buckets.entry(bucket).or_default() += calls;
        self.least_ns = Some(self.least_ns.map_or(ns, |least| least.min(ns)));
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, calls) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += calls;
        }
        self.least_ns = self.least_ns.into_iter().chain(other.least_ns).min();
    }

    /// The time below which a share of the calls are; 0 without any.
    fn quantile_ns(&self, share: f64) -> u64 {
        let calls: u64 = self.buckets.values().sum();
        let rank = (share * calls.saturating_sub(1) as f64) as u64;
        let mut before = 0;
        let bucket = self.buckets.iter().find(|(_, calls)| {
            before += **calls;
            before > rank
        });
        let middle = |bucket: i32| 2.0 * Self::RATIO.powi(bucket) / (Self::RATIO + 1.0);
        bucket.map_or(0, |(bucket, _)| (middle(*bucket).round() as u64).max(self.least_ns.unwrap_or_default()))
    }
}

impl Meter {
    /// Calls a function for a batch; `describe` says of the result what there was to do.
    pub(super) fn time<T>(&self, call: impl FnOnce() -> T, describe: impl FnOnce(&T) -> Batch) -> T {
        let begun = clock::now();
        lock(&self.0).presence.enter(begun);
        let result = call();
        let ended = clock::now();
        let mut batch = describe(&result);
        let total_ns = ended.nanoseconds_since(begun);
        // Of a batch that went wrong, and of functions that need no conversion, nobody knows more.
        if batch.function_ns == 0 && batch.convert_ns == 0 {
            batch.function_ns = total_ns;
        }
        let mut calls = lock(&self.0);
        calls.add(batch, total_ns);
        calls.presence.leave(ended);
        result
    }
}

impl Profile {
    pub(in crate::engine) fn new(session: &Arc<Profiles>) -> Self {
        Self { session: Arc::clone(session), started: OnceLock::new(), callers: Mutex::default() }
    }

    /// The statement begins to run.
    pub(super) fn start(&self) {
        self.started.get_or_init(clock::now);
    }

    /// Where the calls of a caller are counted and timed.
    pub(super) fn meter(&self, caller: &Caller) -> Meter {
        let mut callers = lock(&self.callers);
        match callers.get(caller) {
            Some(meter) => meter.clone(),
            None => callers.entry(caller.clone()).or_default().clone(),
        }
    }

    /// The statement has ended: what it took is the session's.
    pub(super) fn end(&self) {
        let now = clock::now();
        let statement_ns = self.started.get().map_or(0, |started| now.nanoseconds_since(*started));
        let mut session = lock(&self.session.0);
        for (caller, meter) in std::mem::take(&mut *lock(&self.callers)) {
            let mut calls = lock(&meter.0);
            // Calls that were given up.
            calls.presence.threads = 0;
            calls.presence.leave(now);
            session.entry(caller).or_default().add_statement(&calls, statement_ns);
        }
    }
}

impl Profiles {
    /// What each place that called a function took, those that took most first.
    pub(in crate::engine) fn all(&self) -> Vec<UdfProfile> {
        sorted(&lock(&self.0))
    }

    /// The same, and counts anew from here on.
    pub(in crate::engine) fn take(&self) -> Vec<UdfProfile> {
        sorted(&std::mem::take(&mut *lock(&self.0)))
    }
}

fn sorted(callers: &BTreeMap<Caller, Calls>) -> Vec<UdfProfile> {
    let mut all: Vec<_> = callers.iter().map(|(caller, calls)| calls.profile(caller)).collect();
    all.sort_by_key(|profile| std::cmp::Reverse(profile.total_ns));
    all
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(function: &str, place: Option<(usize, usize)>) -> Caller {
        Caller { function: function.to_owned(), language: "python", place, written: format!("{function}(x)") }
    }

    #[test]
    fn calls_are_summed_by_place_and_statement() {
        let session = Arc::<Profiles>::default();
        for _ in 0..2 {
            let statement = Profile::new(&session);
            statement.start();
            for (place, is_error) in [((1, 8), false), ((1, 8), false), ((2, 1), true)] {
                let batch = Batch { calls: 10, rows: 10, function_ns: 5, convert_ns: 2, nulls: 1, is_error };
                statement.meter(&caller("f", Some(place))).time(|| (), |()| batch);
            }
            statement.end();
        }
        let mut all = session.take();
        all.sort_by_key(|profile| profile.place);
        let counts = all.iter().map(|profile| {
            let UdfProfile { statements, calls, batches, rows, function_ns, convert_ns, nulls, errors, .. } = profile;
            [statements, calls, batches, rows, function_ns, convert_ns, nulls, errors].map(|count| *count)
        });
        assert_eq!(counts.collect::<Vec<_>>(), [[2, 40, 4, 40, 20, 8, 4, 0], [2, 20, 2, 20, 10, 4, 2, 2]]);
        assert!(all.iter().all(|profile| (0.0..=1.0).contains(&profile.statement_share)), "{all:?}");
        assert!(session.all().is_empty());
    }

    #[test]
    fn threads_at_the_same_time_count_once_in_the_share() {
        let begin = clock::now();
        let at = |ns| begin.after(ns);
        let mut presence = Presence::default();
        for (ns, enters) in [(0, true), (10, true), (20, false), (30, false), (50, true), (60, false)] {
            if enters { presence.enter(at(ns)) } else { presence.leave(at(ns)) }
        }
        assert_eq!(presence.sum_ns, 40);
    }

    #[test]
    fn quantiles_are_right_to_a_percent() {
        let mut times = Times::default();
        assert_eq!(times.quantile_ns(0.5), 0);
        for ns in (1..=100_000).rev() {
            times.add(ns * 1000, 1);
        }
        for (share, expected) in [(0.5, 50_000_000.0), (0.99, 99_000_000.0), (1.0, 100_000_000.0)] {
            let found = times.quantile_ns(share) as f64;
            assert!((found / expected - 1.0).abs() <= 0.011, "{share}: {found}");
        }
        assert_eq!(times.least_ns, Some(1000));
        let mut both = times.clone();
        both.merge(&times);
        assert_eq!(both.quantile_ns(0.5), times.quantile_ns(0.5));
    }
}

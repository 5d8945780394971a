//! What is shown of long work on standard error: a bar on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::Duration;

use datagen::{Progress, TableProgress};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::{Aggregate, Spread};
use crate::runner::{Observer, PlannedStatement, RunPlan};
use crate::text;

/// A bar with the rows of all tables, and a line for each table that is done where there is no terminal.
pub(super) struct DataProgress {
    bar: ProgressBar,
    verb: &'static str,
    /// Whether a table that is done has a line where there is no terminal.
    tells_tables: bool,
    rows: Mutex<std::collections::HashMap<&'static str, u64>>,
}

impl DataProgress {
    pub(super) fn new(verb: &'static str) -> Self {
        let bar = new_bar(0, "{msg:28!} {wide_bar} {percent:>3}%  {eta} left");
        Self { bar, verb, tells_tables: true, rows: Mutex::default() }
    }

    /// A bar alone.
    pub(super) fn quiet(verb: &'static str) -> Self {
        let mut progress = Self::new(verb);
        progress.tells_tables = false;
        progress
    }

    fn show(&self, table: &TableProgress) {
        let mut rows = self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rows.insert(table.table, table.steps_done());
        self.bar.set_position(rows.values().sum());
        let verb = if table.sorted_row_count.is_some() && table.row_count == 0 { "sorted" } else { self.verb };
        self.bar.set_message(format!("{verb} {}", table.table));
    }
}

impl Progress for DataProgress {
    fn begin(&self, tables: &[TableProgress]) {
        self.bar.set_length(tables.iter().map(TableProgress::steps).sum());
    }

    fn advance(&self, table: &TableProgress) {
        self.show(table);
    }

    fn finish(&self, table: &TableProgress) {
        self.show(table);
        if self.bar.is_hidden() && self.tells_tables {
            let rows = text::thousands(table.row_count);
            output::note(&format!(
                "{} {:<24} {rows:>14} rows  {:>10}",
                self.verb,
                table.table,
                text::bytes(table.bytes)
            ));
        }
    }
}

impl Drop for DataProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar with the samples of a run, and a line for each statement that is done.
pub(super) struct RunProgress {
    bar: ProgressBar,
    aggregate: Aggregate,
    iterations: u32,
    samples_a_statement: u64,
    statement_count: usize,
    done: Mutex<usize>,
    /// Whether a statement was started in this session; those before it were done in an earlier one.
    started: std::sync::atomic::AtomicBool,
}

impl RunProgress {
    pub(super) fn new(plan: &RunPlan) -> Self {
        Self {
            bar: new_bar(plan.sample_count(), "{msg:10!} {wide_bar} {pos}/{len} samples  {eta} left"),
            aggregate: plan.aggregate,
            iterations: plan.iterations,
            samples_a_statement: u64::from(plan.iterations + plan.warmup),
            statement_count: plan.statements.len(),
            done: Mutex::new(0),
            started: false.into(),
        }
    }

    /// Takes the bar away, so that the report has the screen.
    pub(super) fn close(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for RunProgress {
    fn statement_started(&self, statement: &PlannedStatement) {
        self.started.store(true, std::sync::atomic::Ordering::Relaxed);
        self.bar.set_message(statement.name.to_string());
        if !self.bar.is_hidden() {
            // A long statement must not look like a standstill.
            self.bar.enable_steady_tick(Duration::from_millis(500));
        }
    }

    fn sample_finished(&self, sample: &SampleRow) {
        if sample.phase == Phase::Measured && sample.iteration > self.iterations {
            // One of those that --repeat-until adds.
            self.bar.inc_length(1);
        }
        self.bar.inc(1);
    }

    fn statement_finished(&self, statement: &PlannedStatement, samples: &[SampleRow]) {
        let mut done = self.done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *done += 1;
        let started = self.started.swap(false, std::sync::atomic::Ordering::Relaxed);
        if !started {
            // All of it was on disk when this session began.
            self.bar.inc(self.samples_a_statement);
            return;
        }
        let width = self.statement_count.to_string().len();
        let line = format!(
            "[{:>width$}/{}] {:<7} {}",
            *done,
            self.statement_count,
            statement.name,
            outcome(samples, self.aggregate)
        );
        if self.bar.is_hidden() {
            output::note(&line);
        } else {
            // After a failure the statement's other samples are left out.
            self.bar.inc(self.samples_a_statement.saturating_sub(samples.len() as u64));
            if samples.iter().any(|sample| sample.error_class.is_some() || sample.check == Some(Check::Wrong)) {
                self.bar.println(line);
            }
        }
    }
}

/// `0.123 s  100 rows  ok`, or what went wrong.
fn outcome(samples: &[SampleRow], aggregate: Aggregate) -> String {
    let message = |sample: &SampleRow| sample.message.clone().unwrap_or_default();
    if let Some(failed) = samples.iter().find(|sample| sample.error_class.is_some()) {
        return format!("{}: {}", failed.error_class.as_deref().unwrap_or("failed"), message(failed));
    }
    if let Some(wrong) = samples.iter().find(|sample| sample.check == Some(Check::Wrong)) {
        return format!("wrong answer: {}", message(wrong));
    }
    let measured = samples.iter().filter(|sample| sample.phase == Phase::Measured);
    let seconds = measured.filter_map(|s| Some((s.planning_ns? + s.execute_ns?) as f64 / 1e9)).collect::<Vec<_>>();
    let time = aggregate.of(&seconds).unwrap_or_default();
    let spread = Spread::of(&seconds).map_or(0.0, |spread| spread.relative_width() * 100.0);
    let rows = samples.last().and_then(|sample| sample.row_count).unwrap_or_default();
    let check = match samples.last().and_then(|sample| sample.check) {
        Some(Check::Verified) => "ok",
        _ => "unverified",
    };
    format!("{time:>9.3} s  (spread {spread:>3.0}%)  {:>9} rows  {check}", text::thousands(rows))
}

pub(super) fn new_bar(length: u64, template: &str) -> ProgressBar {
    if !output::draws_bars() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    ProgressBar::new(length).with_style(style)
}

//! What is shown of an A/B on standard error: a bar on a terminal; elsewhere a line for each round and each statement that is settled.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

use super::output;
use super::progress::new_bar;
use crate::compare::{PairedRatio, pairs};
use crate::results::format::SampleRow;
use crate::results::sample_seconds;
use crate::runner::{AbObserver, PairRules, PlannedStatement, SideSamples, pair_count};

/// Shows one phase.
pub(super) struct AbProgress {
    bar: ProgressBar,
    phase: &'static str,
    statement_count: usize,
    sides: usize,
    rules: PairRules,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blocks: usize,
    settled: usize,
    seconds: f64,
    remarks: Vec<String>,
}

impl AbProgress {
    pub(super) fn new(phase: &'static str, statement_count: usize, sides: usize, rules: PairRules) -> Self {
        let samples = statement_count * sides * (rules.warmup as usize + rules.least_pairs);
        let bar = new_bar(samples as u64, "{msg:18!} {wide_bar} {pos}/{len} samples  {eta} left");
        Self { bar, phase, statement_count, sides, rules, state: Mutex::default() }
    }

    /// Takes the bar away, and gives what is to be remembered.
    pub(super) fn close(self) -> Vec<String> {
        self.bar.finish_and_clear();
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).remarks
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            output::note(line);
        } else {
            self.bar.println(line);
        }
    }

    /// A round is over when every statement may have had a block.
    fn end_of_round(&self, state: &State, pairs: usize) -> Option<String> {
        let is_end = self.bar.is_hidden() && state.blocks.is_multiple_of(self.statement_count);
        is_end.then(|| {
            let round = state.blocks / self.statement_count;
            format!("{} round {round}: up to {pairs} pairs a statement, {:.0} s in samples", self.phase, state.seconds)
        })
    }
}

impl AbObserver for AbProgress {
    fn block_started(&self, statement: &PlannedStatement) {
        self.bar.set_message(format!("{} {}", self.phase, statement.name));
        if !self.bar.is_hidden() {
            self.bar.enable_steady_tick(Duration::from_millis(500));
        }
    }

    fn sample_finished(&self, sample: &SampleRow) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seconds += sample_seconds(sample, true).unwrap_or_default();
        self.bar.inc(1);
    }

    fn block_finished(&self, statement: &PlannedStatement, sides: &SideSamples<'_>, is_settled: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.blocks += 1;
        let count = pair_count(sides);
        if !is_settled && count >= self.rules.least_pairs {
            // One more block than was counted on.
            self.bar.inc_length(2 * self.sides as u64);
        }
        let round = self.end_of_round(&state, count);
        let mut lines: Vec<String> = round.into_iter().collect();
        if is_settled {
            state.settled += 1;
            let width = self.statement_count.to_string().len();
            let (done, all, name) = (state.settled, self.statement_count, &statement.name);
            lines.push(format!("[{done:>width$}/{all}] {name:<7} {}", outcome(sides, &self.rules)));
        }
        drop(state);
        // On a terminal the bar says enough of what went well.
        let is_lost = sides.iter().flatten().any(|sample| sample.error_class.is_some());
        if self.phase != CONTROL && (self.bar.is_hidden() || is_lost) {
            lines.iter().for_each(|line| self.say(line));
        }
    }

    fn remark(&self, text: String) {
        self.say(&format!("warning: {text}"));
        self.state.lock().unwrap_or_else(PoisonError::into_inner).remarks.push(text);
    }
}

/// The phase in which the machine's noise is looked at.
pub(super) const CONTROL: &str = "control";

/// `14 pairs  b/a 0.981 (0.962 to 1.003)`, or what went wrong.
fn outcome(sides: &SideSamples<'_>, rules: &PairRules) -> String {
    let failed = sides.iter().flatten().find(|sample| sample.error_class.is_some() || sample_is_wrong(sample));
    if let Some(sample) = failed {
        let class = sample.error_class.as_deref().unwrap_or("wrong answer");
        return format!("{class}: {}", sample.message.as_deref().unwrap_or("no message"));
    }
    let ratio = |(index, other): (usize, &Vec<&SampleRow>)| {
        let ratio =
            PairedRatio::of(&pairs(sides[0].iter().copied(), other.iter().copied()).levelled(), &rules.thresholds)?;
        let letter = super::ab::letter(index);
        let interval = ratio.interval.map(|interval| format!(" ({:.3} to {:.3})", interval.low, interval.high));
        Some(format!("{letter}/a {:.3}{}", ratio.ratio, interval.unwrap_or_default()))
    };
    let ratios: Vec<_> = sides.iter().enumerate().skip(1).filter_map(ratio).collect();
    format!("{:>3} pairs  {}", pair_count(sides), ratios.join("  "))
}

fn sample_is_wrong(sample: &SampleRow) -> bool {
    sample.check == Some(crate::results::format::Check::Wrong)
}

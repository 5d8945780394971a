//! The A/B itself: block after block, each sample checked and on disk before the next.
//!
//! ```text
//! samples on disk ─▶ next_statement ─▶ warm-up, once a session ─▶ block A B B A ─▶ rows, each in its side's run
//!        ▲                                    │                                     │
//!        │                                    └─ the sides' rows are compared with each other
//!        └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The control phase, two engines of one configuration, is the same loop with other sides.

use super::pairs::{
    PairRules, SideSamples, block_order, comparable_sides, is_time_up, next_iteration, next_statement, progress,
};
use super::{Cancel, Executor, KeepRows, PlannedStatement, ResultRows, RunError, Sample, Slot};
use crate::answers::{self, Outcome, SqlShape};
use crate::results::format::{Check, Phase, SampleRow};
use crate::results::{OperatorWriter, RunWriter};

/// One side of an A/B under way.
#[expect(missing_debug_implementations, reason = "an executor need not have one")]
pub struct Lane<'a> {
    /// Takes its samples.
    pub executor: &'a mut dyn Executor,
    /// The folder of its run.
    pub writer: &'a mut RunWriter,
    /// What its operators did.
    pub operators: &'a mut OperatorWriter,
    /// All its samples, those of earlier sessions first.
    pub samples: Vec<SampleRow>,
}

/// How an A/B ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbEnd {
    /// Every statement is settled.
    Complete,
    /// The time is used up.
    TimeUp,
    /// The user ended it.
    Interrupted,
}

/// Is told how an A/B gets on.
pub trait AbObserver {
    /// A statement's next block is about to start.
    fn block_started(&self, statement: &PlannedStatement);
    /// A sample is on disk.
    fn sample_finished(&self, sample: &SampleRow);
    /// A block is done; `sides` are all samples of the statement. With `is_settled` no other follows.
    fn block_finished(&self, statement: &PlannedStatement, sides: &SideSamples<'_>, is_settled: bool);
    /// Something that a reader of the result should know.
    fn remark(&self, text: String);
}

/// What of a session is not in the samples.
struct Session {
    /// For each statement and side: whether it was warmed up, and its rows compared.
    warm: Vec<Vec<bool>>,
}

/// Takes samples of all sides until every statement is settled, the time is up, or the user ends it.
pub async fn run_ab(
    statements: &[PlannedStatement],
    rules: &PairRules,
    lanes: &mut [Lane<'_>],
    observer: &dyn AbObserver,
    cancel: &Cancel,
) -> Result<AbEnd, RunError> {
    let mut session = Session { warm: vec![vec![false; lanes.len()]; statements.len()] };
    let mut all: Vec<_> = statements.iter().map(|statement| progress(rules, &of_statement(statement, lanes))).collect();
    while let Some(index) = next_statement(&all) {
        if is_time_up(rules, lanes.iter().flat_map(|lane| &lane.samples)) {
            return Ok(AbEnd::TimeUp);
        }
        let statement = &statements[index];
        observer.block_started(statement);
        let is_done = warm_up(statement, rules, lanes, &mut session.warm[index], observer, cancel).await?
            && block(statement, lanes, &mut session, index, observer, cancel).await?;
        if !is_done {
            return Ok(AbEnd::Interrupted);
        }
        let sides = of_statement(statement, lanes);
        all[index] = progress(rules, &sides);
        observer.block_finished(statement, &sides, all[index].is_settled);
    }
    Ok(AbEnd::Complete)
}

/// The samples of one statement, a list for each side.
fn of_statement<'a>(statement: &PlannedStatement, lanes: &'a [Lane<'_>]) -> SideSamples<'a> {
    let own = |lane: &'a Lane<'_>| lane.samples.iter().filter(|s| s.statement == statement.name.as_str()).collect();
    lanes.iter().map(own).collect()
}

/// Warms up the sides that were not in this session; on that occasion their rows are compared. Whether the user lets it go on.
async fn warm_up(
    statement: &PlannedStatement,
    rules: &PairRules,
    lanes: &mut [Lane<'_>],
    warm: &mut [bool],
    observer: &dyn AbObserver,
    cancel: &Cancel,
) -> Result<bool, RunError> {
    let mut rows = Rows::default();
    for number in 0..rules.warmup {
        for side in 0..lanes.len() {
            let sides = of_statement(statement, lanes);
            if warm[side] || !comparable_sides(&sides).contains(&side) {
                continue;
            }
            // Numbered by itself: a warm-up has no pair.
            let iteration = next_iteration(&vec![sides[side].clone()], Phase::Warmup);
            let slot = Slot { phase: Phase::Warmup, iteration };
            let keep = if number == 0 { KeepRows::Yes } else { KeepRows::No };
            let lane = &mut lanes[side];
            let Some(mut sample) = take(lane, statement, slot, keep, cancel).await? else { return Ok(false) };
            rows.compare(statement, side, &mut sample, observer);
            record(lane, sample, observer)?;
        }
    }
    // Without a warm-up the rows are still to be compared.
    warm.fill(rules.warmup > 0);
    Ok(true)
}

/// Takes every side's two samples. Ends early if one of them fails: what follows would have no pair.
async fn block(
    statement: &PlannedStatement,
    lanes: &mut [Lane<'_>],
    session: &mut Session,
    index: usize,
    observer: &dyn AbObserver,
    cancel: &Cancel,
) -> Result<bool, RunError> {
    let sides = of_statement(statement, lanes);
    let order = block_order(&sides, index);
    let first = next_iteration(&sides, Phase::Measured);
    let half = comparable_sides(&sides).len();
    let mut rows = Rows::default();
    for (place, side) in order.into_iter().enumerate() {
        let slot = Slot { phase: Phase::Measured, iteration: first + u32::from(place >= half) };
        let lane = &mut lanes[side];
        let keep = if session.warm[index][side] { KeepRows::No } else { KeepRows::Yes };
        let Some(mut sample) = take(lane, statement, slot, keep, cancel).await? else { return Ok(false) };
        rows.compare(statement, side, &mut sample, observer);
        let is_lost = sample.row.error_class.is_some() || sample.row.check == Some(Check::Wrong);
        let process_ended = matches!(sample.row.error_class.as_deref(), Some("killed" | "panic" | "timeout" | "io"));
        record(lane, sample, observer)?;
        if process_ended {
            // Its place may be taken by a new process, which is cold.
            session.warm.iter_mut().for_each(|warm| warm[side] = false);
        }
        if is_lost {
            return Ok(true);
        }
    }
    session.warm[index].fill(true);
    Ok(true)
}

async fn take(
    lane: &mut Lane<'_>,
    statement: &PlannedStatement,
    slot: Slot,
    rows: KeepRows,
    cancel: &Cancel,
) -> Result<Option<Sample>, RunError> {
    if cancel.is_cancelled() {
        return Ok(None);
    }
    lane.executor.sample(statement, slot, rows, cancel).await
}

fn record(lane: &mut Lane<'_>, sample: Sample, observer: &dyn AbObserver) -> Result<(), RunError> {
    lane.writer.append(&sample.row)?;
    if sample.row.phase == Phase::Measured {
        lane.operators.append(&sample.plan, &sample.operators)?;
        lane.operators.append_functions(&sample.functions)?;
    }
    observer.sample_finished(&sample.row);
    lane.samples.push(sample.row);
    Ok(())
}

/// The baseline's rows, for the comparison with the other sides'.
#[derive(Default)]
struct Rows {
    baseline: Option<(Option<Check>, ResultRows)>,
}

impl Rows {
    /// Compares the rows of a sample with the baseline's, if both are there. Without expected answers the baseline's rows are what
    /// the others are held against; where both sides have the expected rows within the tolerance of that check, a difference is
    /// worth a remark.
    fn compare(&mut self, statement: &PlannedStatement, side: usize, sample: &mut Sample, observer: &dyn AbObserver) {
        let Some(rows) = sample.rows.take() else { return };
        let Some((baseline_check, baseline)) = &self.baseline else {
            self.baseline = (side == 0).then_some((sample.row.check, rows));
            return;
        };
        let Ok(shape) = SqlShape::parse(&statement.sql) else { return };
        let outcome =
            answers::compare_results(&shape, &rows.schema, &rows.batches, &baseline.schema, &baseline.batches);
        let Outcome::Mismatch { reason } = outcome else { return };
        match (baseline_check, sample.row.check) {
            (Some(Check::Verified), Some(Check::Verified)) => observer.remark(format!(
                "{}: both answers are right within the check's tolerance, but they are not the same: {reason}",
                statement.name
            )),
            (_, Some(Check::Unverified)) => {
                sample.row.check = Some(Check::Wrong);
                sample.row.message = Some(format!("not the rows of the baseline: {reason}"));
            }
            // One of them is wrong against the expected answer, which says enough.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Thresholds, pairs};
    use crate::results::format::RunFile;
    use crate::results::test_support::run_file;
    use arrow::array::{Int32Array, RecordBatch};
    use futures::future::LocalBoxFuture;
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::{Arc, Mutex};

    /// What the executors of a test share: everything that was sampled, in the order of time.
    type Log = Rc<RefCell<Vec<String>>>;

    /// Gives a sample at once.
    struct Script {
        side: char,
        log: Log,
        /// Samples in all sides after which the user stops everything.
        stop_after: usize,
        /// The statement that fails in its first measured sample.
        fails: Option<&'static str>,
        /// The only value of every result.
        value: i32,
        check: Check,
    }

    impl Executor for Script {
        fn sample<'a>(
            &'a mut self,
            statement: &'a PlannedStatement,
            slot: Slot,
            rows: KeepRows,
            _cancel: &'a Cancel,
        ) -> LocalBoxFuture<'a, Result<Option<Sample>, RunError>> {
            let mut log = self.log.borrow_mut();
            if log.len() == self.stop_after {
                return Box::pin(async { Ok(None) });
            }
            let phase = if slot.phase == Phase::Warmup { "w" } else { "" };
            log.push(format!("{} {}{phase}{}", statement.name, self.side, slot.iteration));
            let fails = slot.phase == Phase::Measured && self.fails == Some(statement.name.as_str());
            let row = SampleRow {
                statement: statement.name.to_string(),
                iteration: slot.iteration,
                phase: slot.phase,
                planning_ns: (!fails).then_some(0),
                execute_ns: (!fails).then_some(100_000_000),
                check: (!fails).then_some(self.check),
                error_class: fails.then(|| "execution".to_owned()),
                ..SampleRow::default()
            };
            let column = Arc::new(Int32Array::from(vec![self.value]));
            let batch = RecordBatch::try_from_iter([("x", column as _)]).expect("a batch");
            let kept = (rows == KeepRows::Yes).then(|| ResultRows { schema: batch.schema(), batches: vec![batch] });
            Box::pin(async { Ok(Some(Sample { rows: kept, ..row.into() })) })
        }

        fn finish<'a>(&'a mut self, _: &'a PlannedStatement) -> LocalBoxFuture<'a, ()> {
            Box::pin(async {})
        }
    }

    #[derive(Default)]
    struct Remarks(Mutex<Vec<String>>);

    impl AbObserver for Remarks {
        fn block_started(&self, _: &PlannedStatement) {}
        fn sample_finished(&self, _: &SampleRow) {}
        fn block_finished(&self, _: &PlannedStatement, _: &SideSamples<'_>, _: bool) {}
        fn remark(&self, text: String) {
            self.0.lock().expect("no panic").push(text);
        }
    }

    fn statement(name: &str) -> PlannedStatement {
        let name = name.parse().expect("any text is a name");
        PlannedStatement { name, title: String::new(), sql: "select 1 as x".to_owned() }
    }

    fn rules() -> PairRules {
        let thresholds = Thresholds { least_pairs: 4, ..Thresholds::for_tests(2) };
        PairRules { warmup: 1, least_pairs: 4, max_pairs: 4, thresholds, max_seconds: None }
    }

    struct Session<'a> {
        rules: PairRules,
        stop_after: usize,
        fails: Option<&'static str>,
        values: [i32; 2],
        check: Check,
        earlier: &'a [Vec<SampleRow>],
    }

    impl Default for Session<'_> {
        fn default() -> Self {
            let (stop_after, values) = (usize::MAX, [7, 7]);
            Self { rules: rules(), stop_after, fails: None, values, check: Check::Verified, earlier: &[] }
        }
    }

    struct Done {
        end: AbEnd,
        sides: Vec<Vec<SampleRow>>,
        log: Vec<String>,
        remarks: Vec<String>,
    }

    /// Two statements and two sides; what is on disk is what is in memory.
    async fn session(session: Session<'_>) -> Done {
        let log = Log::default();
        let folder = tempfile::tempdir().expect("a folder");
        let mut executors = ['a', 'b'].map(|side| Script {
            side,
            log: Rc::clone(&log),
            stop_after: session.stop_after,
            fails: session.fails.filter(|_| side == 'b'),
            value: session.values[usize::from(side == 'b')],
            check: session.check,
        });
        let mut disks = ['a', 'b'].map(|side| {
            let mut run = RunFile { run: side.to_string(), ..run_file() };
            let writer = RunWriter::create(folder.path(), &mut run).expect("a new run");
            let operators = OperatorWriter::open(writer.folder()).expect("new files");
            (writer, operators)
        });
        let statements = [statement("q1"), statement("q2")];
        let observer = Remarks::default();
        let parts = executors.iter_mut().zip(&mut disks).enumerate();
        let mut lanes: Vec<Lane<'_>> = parts
            .map(|(side, (executor, (writer, operators)))| Lane {
                executor,
                writer,
                operators,
                samples: session.earlier.get(side).cloned().unwrap_or_default(),
            })
            .collect();
        let end = run_ab(&statements, &session.rules, &mut lanes, &observer, &Cancel::new()).await.expect("goes well");
        let sides: Vec<_> = lanes.into_iter().map(|lane| lane.samples).collect();
        let remarks = observer.0.into_inner().expect("no panic");
        let log = log.borrow().clone();
        Done { end, sides, log, remarks }
    }

    #[tokio::test]
    async fn sides_take_turns_statement_by_statement() {
        let done = session(Session::default()).await;
        let expected = [
            "q1 aw1", "q1 bw1", "q1 a1", "q1 b1", "q1 b2", "q1 a2", "q2 aw1", "q2 bw1", "q2 b1", "q2 a1", "q2 a2",
            "q2 b2", "q1 b3", "q1 a3", "q1 a4", "q1 b4", "q2 a3", "q2 b3", "q2 b4", "q2 a4",
        ];
        assert_eq!((done.end, done.log), (AbEnd::Complete, expected.map(str::to_owned).to_vec()));
        assert!(done.remarks.is_empty());
    }

    #[tokio::test]
    async fn wherever_it_stops_the_rest_is_done_later() {
        for stop_after in 0..20 {
            let first = session(Session { stop_after, ..Session::default() }).await;
            assert_eq!(first.end, AbEnd::Interrupted);
            let second = session(Session { earlier: &first.sides, ..Session::default() }).await;
            assert_eq!(second.end, AbEnd::Complete);
            for (side, all) in second.sides.iter().enumerate() {
                assert_eq!(all[..first.sides[side].len()], first.sides[side], "nothing that was there is changed");
            }
            for name in ["q1", "q2"] {
                let [a, b] = [0, 1].map(|side| second.sides[side].iter().filter(|s| s.statement == name));
                assert_eq!(pairs(a, b).count(), 4, "{name} stopped after {stop_after}: {:?}", second.log);
            }
        }
    }

    #[tokio::test]
    async fn a_side_that_fails_ends_the_statement() {
        let done = session(Session { fails: Some("q1"), ..Session::default() }).await;
        assert_eq!(done.end, AbEnd::Complete);
        let q1: Vec<_> = done.log.iter().filter(|taken| taken.starts_with("q1")).collect();
        assert_eq!(q1, ["q1 aw1", "q1 bw1", "q1 a1", "q1 b1"]);
        assert_eq!(done.log.iter().filter(|taken| taken.starts_with("q2 a")).count(), 5);
    }

    #[tokio::test]
    async fn the_time_may_be_up() {
        let rules = PairRules { max_seconds: Some(0.55), ..rules() };
        let done = session(Session { rules, ..Session::default() }).await;
        assert_eq!((done.end, done.log.len()), (AbEnd::TimeUp, 6));
    }

    #[tokio::test]
    async fn the_rows_of_the_sides_are_compared() {
        let differ = |check| session(Session { values: [7, 8], check, ..Session::default() });
        let done = differ(Check::Unverified).await;
        let first = &done.sides[1][0];
        assert_eq!((first.check, done.log.len()), (Some(Check::Wrong), 4), "a warm-up of each statement and side");
        assert!(first.message.as_ref().is_some_and(|m| m.starts_with("not the rows of the baseline")), "{first:?}");
        let done = differ(Check::Verified).await;
        assert_eq!((done.remarks.len(), done.log.len()), (2, 20), "{:?}", done.remarks);
        assert!(done.remarks[0].starts_with("q1: both answers are right"), "{:?}", done.remarks);
    }

    #[tokio::test]
    async fn without_a_warm_up_the_first_block_is_compared() {
        let rules = PairRules { warmup: 0, ..rules() };
        let done = session(Session { rules, values: [7, 8], check: Check::Unverified, ..Session::default() }).await;
        assert_eq!(done.log, ["q1 a1", "q1 b1", "q2 b1", "q2 a1", "q2 a2", "q2 b2"]);
    }
}

//! Where the optimizer's estimates were off most, over a whole run.
//!
//! ```text
//!   plans.csv, operators.csv ─▶ operators that decide how many rows there are ─┬─ comparable ─▶ the worst, and median, p90, max by kind
//!                                                                              └─ not ─▶ how many, by reason
//! ```
//!
//! An error goes up: whatever stands above an operator with a wrong estimate is likely to have a wrong one, too. So each row says how far its
//! inputs' estimates were off already; where that is little and the row's own error large, the error begins. And it says what share of the
//! statement's work was done above it, by operators that were planned with the wrong number.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde_json::json;

use super::figures::factor;
use super::table::{align_right, markdown_marks, plain};
use crate::compare::{OperatorFigures, PlanFigures, figures_of, parents, titles};
use crate::results::format::SampleRow;
use crate::results::{PlanRecord, Run, decides_rows, geometric_mean};
use crate::text::{percent, thousands};

/// Errors below this are no reason to look at a statement.
const LEAST_ERROR: f64 = 2.0;

/// What makes all operators comparable.
const ADVICE: &str = "engine.adaptive.enabled=false";

/// The worst estimates of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct EstimatesReport {
    run: String,
    /// The largest error first.
    worst: Vec<WrongEstimate>,
    /// Errors by kind of operator; the last one is of all of them.
    kinds: Vec<KindErrors>,
    /// Operators whose rows say nothing of their estimates, by the reason.
    not_comparable: BTreeMap<String, usize>,
    /// Operators of which nothing was estimated.
    without_estimate: usize,
}

/// One operator's estimate.
#[derive(Debug, Clone, PartialEq)]
struct WrongEstimate {
    statement: String,
    operator: String,
    kind: String,
    estimated_rows: u64,
    rows: u64,
    q_error: f64,
    /// The largest error of its inputs; nothing if it has none, or none is known.
    inputs_q_error: Option<f64>,
    /// The share of the statement's operator time that was spent above it.
    share_above: f64,
    /// How often the same operator with the same figures is in the plan.
    times: usize,
}

/// How far the estimates of one kind of operator were off.
#[derive(Debug, Clone, PartialEq)]
struct KindErrors {
    kind: String,
    operators: usize,
    geomean: f64,
    median: f64,
    p90: f64,
    max: f64,
}

impl KindErrors {
    fn of(kind: &str, mut errors: Vec<f64>) -> Self {
        errors.sort_by(f64::total_cmp);
        // The nearest rank: one of the errors, not a value between two.
        let at = |share: f64| errors[((errors.len() as f64 * share).ceil() as usize).clamp(1, errors.len()) - 1];
        Self {
            kind: kind.to_owned(),
            operators: errors.len(),
            geomean: geometric_mean(&errors),
            median: at(0.5),
            p90: at(0.9),
            max: at(1.0),
        }
    }
}

impl EstimatesReport {
    /// The `most` worst estimates of a run, given the plans of its statements. Nothing if no operator was recorded with an estimate.
    pub fn new(run: &Run, plans: &HashMap<String, Vec<PlanRecord>>, most: usize) -> Option<Self> {
        let mut report = Self {
            run: run.file.run.clone(),
            worst: Vec::new(),
            kinds: Vec::new(),
            not_comparable: BTreeMap::new(),
            without_estimate: 0,
        };
        let mut errors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for statement in &run.file.plan.statements {
            let Some(of_statement) = plans.get(statement) else { continue };
            let samples: Vec<&SampleRow> = run.samples.iter().filter(|row| row.statement == *statement).collect();
            report.add(statement, &figures_of(of_statement, &samples), &mut errors);
        }
        if errors.is_empty() && report.not_comparable.is_empty() {
            return None;
        }
        let all: Vec<f64> = errors.values().flatten().copied().collect();
        report.kinds = errors.into_iter().map(|(kind, errors)| KindErrors::of(&kind, errors)).collect();
        if !all.is_empty() {
            report.kinds.push(KindErrors::of("all", all));
        }
        report.worst.sort_by(|a, b| b.q_error.total_cmp(&a.q_error));
        report.worst.truncate(most);
        Some(report)
    }

    /// Adds the operators of one statement.
    fn add(&mut self, statement: &str, plan: &PlanFigures, errors: &mut BTreeMap<String, Vec<f64>>) {
        let titles = titles(plan);
        let tree = Tree { parents: parents(&plan.operators) };
        let mut found: Vec<WrongEstimate> = Vec::new();
        for (place, operator) in plan.operators.iter().enumerate() {
            if !decides_rows(&operator.kind, &operator.detail) {
                continue;
            }
            let (Some(estimated_rows), Some(q_error)) = (operator.estimated_rows, operator.q_error()) else {
                match (&operator.not_comparable, operator.estimated_rows) {
                    (Some(reason), Some(_)) => *self.not_comparable.entry(reason.clone()).or_default() += 1,
                    _ => self.without_estimate += 1,
                }
                continue;
            };
            errors.entry(operator.kind.clone()).or_default().push(q_error);
            if q_error < LEAST_ERROR {
                continue;
            }
            let wrong = WrongEstimate {
                statement: statement.to_owned(),
                operator: titles[place].clone(),
                kind: operator.kind.clone(),
                estimated_rows,
                rows: operator.output_rows,
                q_error,
                inputs_q_error: tree.inputs(place).filter_map(|input| plan.operators[input].q_error()).reduce(f64::max),
                share_above: tree.share_above(place, &plan.operators),
                times: 1,
            };
            // What a statement names twice is planned twice.
            let same = |known: &&mut WrongEstimate| {
                (&known.operator, known.estimated_rows, known.rows)
                    == (&wrong.operator, wrong.estimated_rows, wrong.rows)
            };
            match found.iter_mut().find(same) {
                Some(known) => known.times += 1,
                None => found.push(wrong),
            }
        }
        self.worst.extend(found);
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n\n", self.title());
        if !self.worst.is_empty() {
            out.push_str(&table(HEADER.iter().copied(), self.worst.iter().map(WrongEstimate::cells), 2));
            out.push('\n');
        }
        if !self.kinds.is_empty() {
            out.push_str(&table(KINDS_HEADER.iter().copied(), self.kinds.iter().map(KindErrors::cells), 1));
            out.push('\n');
        }
        for line in self.remarks() {
            writeln!(out, "{line}").expect("writing to a String does not fail");
        }
        out
    }

    /// For a README or a pull request.
    pub fn markdown(&self) -> String {
        let mut out = format!("{}\n\n", self.title());
        if !self.worst.is_empty() {
            out.push_str(&markdown_table(&HEADER, self.worst.iter().map(WrongEstimate::cells), 2));
            out.push('\n');
        }
        if !self.kinds.is_empty() {
            out.push_str(&markdown_table(&KINDS_HEADER, self.kinds.iter().map(KindErrors::cells), 1));
            out.push('\n');
        }
        for line in self.remarks() {
            writeln!(out, "- {line}").expect("writing to a String does not fail");
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        let worst = self.worst.iter().map(|wrong| {
            json!({
                "statement": wrong.statement,
                "operator": wrong.operator,
                "kind": wrong.kind,
                "estimated_rows": wrong.estimated_rows,
                "rows": wrong.rows,
                "q_error": wrong.q_error,
                "inputs_q_error": wrong.inputs_q_error,
                "share_above": wrong.share_above,
                "times": wrong.times,
            })
        });
        let kinds = self.kinds.iter().map(|kind| {
            json!({
                "kind": kind.kind,
                "operators": kind.operators,
                "geomean": kind.geomean,
                "median": kind.median,
                "p90": kind.p90,
                "max": kind.max,
            })
        });
        json!({
            "run": self.run,
            "worst": worst.collect::<Vec<_>>(),
            "kinds": kinds.collect::<Vec<_>>(),
            "not_comparable": self.not_comparable,
            "without_estimate": self.without_estimate,
        })
    }

    fn title(&self) -> String {
        match self.worst.len() {
            0 => format!("No estimate of {} is off by a factor of {LEAST_ERROR} or more.", self.run),
            1 => format!("The worst estimate of {}, by q-error:", self.run),
            count => format!("The {count} worst estimates of {}, by q-error:", self.run),
        }
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let count: usize = self.not_comparable.values().sum();
        if count > 0 {
            let reasons: Vec<String> =
                self.not_comparable.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            remarks.push(format!(
                "{count} operators are not judged, since their rows say nothing of their estimates: {}.",
                reasons.join(", ")
            ));
        }
        if self.not_comparable.contains_key("reduced") {
            remarks
                .push(format!("A run with --set {ADVICE} has none that are reduced by filters found while running."));
        }
        if self.without_estimate > 0 {
            remarks.push(format!("{} operators have no estimate.", self.without_estimate));
        }
        remarks
    }
}

const HEADER: [&str; 7] = ["statement", "operator", "estimated", "rows", "q-error", "of inputs", "time above"];
const KINDS_HEADER: [&str; 6] = ["kind", "operators", "geomean", "median", "p90", "max"];

impl WrongEstimate {
    fn cells(&self) -> Vec<String> {
        let times = if self.times > 1 { format!(" ({} times)", self.times) } else { String::new() };
        vec![
            self.statement.clone(),
            format!("{}{times}", self.operator),
            thousands(self.estimated_rows),
            thousands(self.rows),
            factor(self.q_error),
            self.inputs_q_error.map_or_else(|| "-".to_owned(), factor),
            percent((self.share_above * 100.0).round() / 100.0),
        ]
    }
}

impl KindErrors {
    fn cells(&self) -> Vec<String> {
        let factors = [self.geomean, self.median, self.p90, self.max].map(factor);
        [vec![self.kind.clone(), thousands(self.operators as u64)], factors.to_vec()].concat()
    }
}

/// A table whose first columns are words.
fn table<'a>(header: impl Iterator<Item = &'a str>, rows: impl Iterator<Item = Vec<String>>, words: usize) -> String {
    let mut table = plain(header);
    table.add_rows(rows);
    let columns = table.column_count();
    align_right(&mut table, words..columns);
    table.trim_fmt() + "\n"
}

fn markdown_table(header: &[&str], rows: impl Iterator<Item = Vec<String>>, words: usize) -> String {
    let marks = markdown_marks((0..header.len()).map(|column| column < words));
    let mut out = format!("| {} |\n{marks}\n", header.join(" | "));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(out, "| {} |", cells.join(" | ")).expect("writing to a String does not fail");
    }
    out
}

/// Who reads whom.
struct Tree {
    parents: Vec<Option<usize>>,
}

impl Tree {
    /// The nearest operators below one; what only passes rows on is an input, too.
    fn inputs(&self, place: usize) -> impl Iterator<Item = usize> {
        self.parents.iter().enumerate().filter(move |(_, parent)| **parent == Some(place)).map(|(input, _)| input)
    }

    fn share_above(&self, place: usize, operators: &[OperatorFigures]) -> f64 {
        let all: f64 = operators.iter().map(|operator| operator.operator_seconds).sum();
        let path = std::iter::successors(self.parents[place], |above| self.parents[*above]);
        let above: f64 = path.map(|above| operators[above].operator_seconds).sum();
        if all > 0.0 { above / all } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::format::{OperatorRow, PlanRow};
    use crate::results::test_support::{operator_rows, run_file, sample_rows};
    use expect_test::expect;

    /// Depth, kind, detail, estimate, rows, reason.
    type Row = (u32, &'static str, &'static str, Option<u64>, u64, Option<&'static str>);

    fn record(operators: &[Row]) -> PlanRecord {
        let plan = (0..).zip(operators).map(|(operator, (depth, kind, detail, ..))| PlanRow {
            statement: "q1".to_owned(),
            plan_fingerprint: "f".to_owned(),
            operator,
            depth: *depth,
            kind: (*kind).to_owned(),
            name: detail.split(':').next().unwrap_or_default().to_owned(),
            detail: (*detail).to_owned(),
        });
        let template = operator_rows("q1", 1).remove(0);
        let sample = operators.iter().map(|(_, _, _, estimated_rows, output_rows, reason)| OperatorRow {
            estimated_rows: *estimated_rows,
            output_rows: *output_rows,
            not_comparable: reason.map(str::to_owned),
            ..template.clone()
        });
        PlanRecord { fingerprint: "f".to_owned(), plan: plan.collect(), samples: vec![sample.collect()] }
    }

    fn report(operators: &[Row], most: usize) -> Option<EstimatesReport> {
        let run = Run { folder: "x".into(), file: run_file(), samples: sample_rows() };
        EstimatesReport::new(&run, &HashMap::from([("q1".to_owned(), vec![record(operators)])]), most)
    }

    const PLAN: [Row; 8] = [
        (0, "sort", "SortExec: expr=[a@0 ASC]", Some(7), 1_000_000, None),
        (1, "aggregate", "AggregateExec: mode=Final, gby=[a@0 as a], aggr=[]", Some(7), 7, None),
        (2, "aggregate", "AggregateExec: mode=Partial, gby=[a@0 as a], aggr=[]", Some(7), 14, Some("partial")),
        (3, "join", "HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(a@0, b@0)]", Some(10), 4_000, None),
        (4, "scan", "scan of (a_x, a_y): projection=[a_x], predicate=a_y@1 | 1", Some(5), 10, None),
        (4, "filter", "FilterExec: b@0 > 1", Some(30), 90, Some("reduced")),
        (5, "scan", "scan of (b_x, b_y): projection=[b_x]", Some(100), 50, None),
        (3, "join", "HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(a@0, b@0)]", Some(10), 4_000, None),
    ];

    #[test]
    fn the_worst_come_first_in_every_form() {
        let report = report(&PLAN, 20).expect("there are estimates");
        expect![[r#"
            The 2 worst estimates of 2026-01-02T03-04-05Z-default-sf1, by q-error:

             statement  operator                                   estimated   rows  q-error  of inputs  time above
             q1         HashJoinExec on b (CollectLeft) (2 times)         10  4,000      400       2.00         38%
             q1         scan of (a_…) where a_y | 1                        5     10     2.00          -         50%

             kind       operators  geomean  median   p90   max
             aggregate          1     1.00    1.00  1.00  1.00
             join               2      400     400   400   400
             scan               1     2.00    2.00  2.00  2.00
             all                4     23.8    2.00   400   400

            2 operators are not judged, since their rows say nothing of their estimates: 1 partial, 1 reduced.
            A run with --set engine.adaptive.enabled=false has none that are reduced by filters found while running.
        "#]]
        .assert_eq(&report.text());
        expect![[r#"
            The 2 worst estimates of 2026-01-02T03-04-05Z-default-sf1, by q-error:

            | statement | operator | estimated | rows | q-error | of inputs | time above |
            |---|---|---:|---:|---:|---:|---:|
            | q1 | HashJoinExec on b (CollectLeft) (2 times) | 10 | 4,000 | 400 | 2.00 | 38% |
            | q1 | scan of (a_…) where a_y \| 1 | 5 | 10 | 2.00 | - | 50% |

            | kind | operators | geomean | median | p90 | max |
            |---|---:|---:|---:|---:|---:|
            | aggregate | 1 | 1.00 | 1.00 | 1.00 | 1.00 |
            | join | 2 | 400 | 400 | 400 | 400 |
            | scan | 1 | 2.00 | 2.00 | 2.00 | 2.00 |
            | all | 4 | 23.8 | 2.00 | 400 | 400 |

            - 2 operators are not judged, since their rows say nothing of their estimates: 1 partial, 1 reduced.
            - A run with --set engine.adaptive.enabled=false has none that are reduced by filters found while running.
        "#]]
        .assert_eq(&report.markdown());
        let json = report.json();
        assert_eq!((json["worst"][0]["q_error"].as_f64(), json["worst"][0]["times"].as_u64()), (Some(400.0), Some(2)));
        assert_eq!(json["worst"][1]["inputs_q_error"], serde_json::Value::Null);
        assert_eq!(json["kinds"][3]["kind"], "all");
        assert_eq!(json["not_comparable"], json!({ "partial": 1, "reduced": 1 }));
    }

    #[test]
    fn as_many_as_asked_for() {
        assert_eq!(report(&PLAN, 1).map(|report| report.worst.len()), Some(1));
        assert_eq!(report(&PLAN, 0).map(|report| report.worst.len()), Some(0));
    }

    #[test]
    fn without_estimates_there_is_no_report() {
        assert_eq!(report(&[], 20), None);
        assert_eq!(report(&[(0, "filter", "FilterExec: a@0", None, 10, None)], 20), None);
        assert_eq!(report(&[(0, "sort", "SortExec", Some(1), 10, None)], 20), None);
        let right = report(&[(0, "filter", "FilterExec: a@0", Some(0), 0, None)], 20).expect("a right estimate is one");
        assert!(right.text().starts_with("No estimate of "), "{}", right.text());
        let reduced = report(&[(0, "filter", "FilterExec: a@0", Some(9), 0, Some("reduced"))], 20).expect("it has one");
        assert!(reduced.text().contains("1 operators are not judged"), "{}", reduced.text());
    }

    #[track_caller]
    fn check_kind(errors: &[f64], median: f64, p90: f64, max: f64) {
        let found = KindErrors::of("join", errors.to_vec());
        assert_eq!((found.operators, found.median, found.p90, found.max), (errors.len(), median, p90, max));
        assert!(found.geomean.is_finite());
    }

    #[test]
    fn figures_are_errors_that_there_are() {
        check_kind(&[3.0], 3.0, 3.0, 3.0);
        check_kind(&[2.0, 1.0], 1.0, 2.0, 2.0);
        check_kind(&[10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 5.0, 9.0, 10.0);
    }
}

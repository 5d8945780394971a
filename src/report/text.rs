//! The report for a terminal.

use std::fmt::Write;

use super::{Columns, FAIR_USE, figures, table};
use crate::results::format::Summary;
use crate::results::{Aggregate, Run, StatementState, StatementSummary, summarize};

/// Whether colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No escape codes.
    Plain,
    /// For a terminal that shows colours.
    Coloured,
}

impl Style {
    /// The text in a colour, given by its code.
    pub(super) fn paint(self, code: u8, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

pub(super) const RED: u8 = 31;
pub(super) const GREEN: u8 = 32;
pub(super) const YELLOW: u8 = 33;
pub(super) const BOLD: u8 = 1;

/// The whole report.
pub fn text(run: &Run, aggregate: Aggregate, style: Style) -> String {
    text_with_columns(run, aggregate, style, &Columns::default())
}

/// The whole report, its table with these columns.
pub fn text_with_columns(run: &Run, aggregate: Aggregate, style: Style, columns: &Columns) -> String {
    let statements = run.statements(aggregate);
    let summary = summarize(&statements, aggregate);
    let mut out = String::new();
    statement_table(&mut out, &statements, style, columns);
    totals(&mut out, run, &summary, style);
    let slowest = figures::slowest(&statements);
    if slowest.len() > 1 {
        let named: Vec<_> = slowest.iter().map(|(name, time)| format!("{name} {}", figures::seconds(*time))).collect();
        line(&mut out, &format!("slowest (s)  {}", named.join(", ")));
    }
    line(&mut out, "");
    for (name, value) in figures::environment(run) {
        line(&mut out, &format!("{name:<12} {value}"));
    }
    for remark in figures::remarks(run, &statements, aggregate) {
        line(&mut out, &format!("{} {remark}", style.paint(YELLOW, "warning:")));
    }
    line(&mut out, "");
    line(&mut out, FAIR_USE);
    out
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

fn statement_table(out: &mut String, statements: &[StatementSummary], style: Style, columns: &Columns) {
    let columns = columns.that_tell(statements);
    let mut table = table::plain(std::iter::once("statement").chain(columns.iter().map(|column| column.header)));
    for statement in statements {
        let cells = columns.iter().map(|column| {
            let cell = column.cell(statement);
            if column.is_check() { paint_check(statement.state, &cell, style) } else { cell }
        });
        table.add_row(std::iter::once(statement.statement.clone()).chain(cells));
    }
    let numbers = columns.iter().zip(1..).filter(|(column, _)| !column.is_words).map(|(_, place)| place);
    table::align_right(&mut table, numbers.collect::<Vec<_>>());
    line(out, &table.trim_fmt());
}

fn paint_check(state: StatementState, word: &str, style: Style) -> String {
    match state {
        StatementState::Wrong | StatementState::Failed => style.paint(RED, word),
        StatementState::Unverified => style.paint(YELLOW, word),
        _ => word.to_owned(),
    }
}

fn totals(out: &mut String, run: &Run, summary: &Summary, style: Style) {
    line(out, "");
    if let Some(text) = figures::unfinished(run) {
        line(out, &style.paint(RED, &text));
    }
    let name = figures::total_word(summary);
    let geomean = if summary.complete { "geometric mean" } else { "partial geometric mean" };
    let pair =
        |total: f64, mean: f64| format!("{name} {} s, {geomean} {} s", figures::seconds(total), figures::seconds(mean));
    let with = pair(summary.total_with_planning_seconds, summary.geomean_with_planning_seconds);
    let without = pair(summary.total_execution_seconds, summary.geomean_execution_seconds);
    let (first, second) = if summary.includes_planning {
        (format!("with planning     {with}"), format!("without planning  {without}"))
    } else {
        (format!("without planning  {without}"), format!("with planning     {with}"))
    };
    line(out, &style.paint(BOLD, &first));
    line(out, &second);
    line(out, &format!("statements        {}", counts(summary)));
    line(out, &format!("method            {}", figures::method(run, summary)));
    if let Some(resources) = figures::resources(summary) {
        line(out, &format!("resources         {resources}"));
    }
}

fn counts(summary: &Summary) -> String {
    let not_run = summary.statements - summary.counted - summary.failed;
    let parts = [
        (summary.verified, "verified"),
        (summary.unverified, "unverified"),
        (summary.wrong, "wrong"),
        (summary.failed - summary.wrong, "failed"),
        (not_run, "not run"),
    ];
    let named = parts.iter().filter(|(count, word)| *count > 0 || *word == "verified");
    let named: Vec<_> = named.map(|(count, word)| format!("{count} {word}")).collect();
    format!("{} of {}", named.join(", "), summary.statements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{run_file, sample_rows};
    use expect_test::expect;

    #[test]
    fn a_partial_run_says_so() {
        let run = Run { folder: "x".into(), file: run_file(), samples: sample_rows() };
        expect![[r#"
             statement  median s  min s  max s  planning s  rows  check
             q1            0.100  0.100  0.100       0.005   100  ok
             q2                -      -      -           -     -  OUT_OF_MEMORY
             q3                -      -      -           -     -  not run

            with planning     partial total (1/3) 0.100 s, partial geometric mean 0.100 s
            without planning  partial total (1/3) 0.095 s, partial geometric mean 0.095 s
            statements        1 verified, 1 failed, 1 not run of 3
            method            median of 3 samples a statement after 1 warm-up; answers checked against DuckDB 2.0.0

            run          2026-01-02T03-04-05Z-default-sf1
            profile      default
            data         scale 1, 1.0 MiB of Parquet, content abc
            program      dsbench 0.1.0, DataFusion 55.2.0, build profile release
            machine      a processor, 2 processors, 24.0 GiB memory, 1.0 GiB for the engine
            system       an OS, kernel 6.1
            warning: q2 OUT_OF_MEMORY: no room for "x", 5 bytes
            second line

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]].assert_eq(&text(&run, Aggregate::Median, Style::Plain));
    }

    #[test]
    fn intervals_are_shown_where_there_are_samples_enough() {
        use crate::results::format::SampleRow;
        let mut samples = sample_rows();
        let template = samples[0].clone();
        samples.extend((2..=7).map(|iteration| SampleRow {
            iteration,
            execute_ns: Some(95_000_000 + u64::from(iteration) * 1_000_000),
            ..template.clone()
        }));
        let run = Run { folder: "x".into(), file: run_file(), samples };
        let shown = text(&run, Aggregate::Median, Style::Plain);
        let lines: Vec<_> = shown.lines().take(3).map(str::trim).collect();
        expect![[r#"
             statement  median s      ±  min s  max s  planning s  rows  check
             q1            0.104  ±3.4%  0.100  0.107       0.005   100  ok
             q2                -      -      -      -           -     -  OUT_OF_MEMORY
        "#]]
        .assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn colours_only_when_asked() {
        let run = Run { folder: "x".into(), file: run_file(), samples: sample_rows() };
        assert!(!text(&run, Aggregate::Median, Style::Plain).contains('\u{1b}'));
        assert!(text(&run, Aggregate::Median, Style::Coloured).contains('\u{1b}'));
    }
}

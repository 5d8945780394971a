//! The report for a README or a pull request.

use std::fmt::Write;

use super::table::markdown_marks;
use super::{Columns, FAIR_USE, figures};
use crate::results::{Aggregate, Run, StatementSummary, summarize};

/// How many statements stand side by side in a row of the table.
const ACROSS: usize = 4;

/// The whole report as markdown: headline figures, a compact table, the environment.
pub fn markdown(run: &Run, aggregate: Aggregate) -> String {
    report(run, aggregate, compact_table)
}

/// The whole report as markdown, its table with a row for each statement and these columns.
pub fn markdown_with_columns(run: &Run, aggregate: Aggregate, columns: &Columns) -> String {
    report(run, aggregate, |statements| table_of(statements, columns))
}

fn report(run: &Run, aggregate: Aggregate, table: impl FnOnce(&[StatementSummary]) -> Vec<String>) -> String {
    let statements = run.statements(aggregate);
    let summary = summarize(&statements, aggregate);
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").expect("writing to a String does not fail");
    let geomean = if summary.complete { "geometric mean" } else { "partial geometric mean" };
    line(&format!("| | {} | {geomean} |", figures::total_word(&summary)));
    line("|---|---:|---:|");
    for (name, total, mean) in [
        ("with planning", summary.total_with_planning_seconds, summary.geomean_with_planning_seconds),
        ("without planning", summary.total_execution_seconds, summary.geomean_execution_seconds),
    ] {
        line(&format!("| {name} | {} s | {} s |", figures::seconds(total), figures::seconds(mean)));
    }
    line("");
    if let Some(text) = figures::unfinished(run) {
        line(&format!("**{text}.**"));
        line("");
    }
    line(&format!(
        "{} of {} statements verified; {}.",
        summary.verified,
        summary.statements,
        figures::method(run, &summary)
    ));
    if let Some(resources) = figures::resources(&summary) {
        line("");
        line(&format!("All statements together: {resources}."));
    }
    line("");
    for row in table(&statements) {
        line(&row);
    }
    line("");
    for (name, value) in figures::environment(run) {
        line(&format!("- {name}: {value}"));
    }
    for remark in figures::remarks(run, &statements, aggregate) {
        line(&format!("- **warning**: {}", remark.replace('\n', " ")));
    }
    line("");
    line(FAIR_USE);
    out
}

/// Statements run down the columns, as in a newspaper.
fn compact_table(statements: &[StatementSummary]) -> Vec<String> {
    let height = statements.len().div_ceil(ACROSS);
    let mut rows = vec!["| statement | s ".repeat(ACROSS) + "|", "|---|---:".repeat(ACROSS) + "|"];
    for index in 0..height {
        let cells = (0..ACROSS).map(|column| match statements.get(column * height + index) {
            Some(statement) => format!("| {} | {} ", statement.statement, figure(statement)),
            None => "| | ".to_owned(),
        });
        rows.push(cells.collect::<String>() + "|");
    }
    rows
}

/// A row for each statement.
fn table_of(statements: &[StatementSummary], columns: &Columns) -> Vec<String> {
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let names = columns.iter().map(|column| column.header.to_owned());
    let mut rows = vec![row(std::iter::once("statement".to_owned()).chain(names).collect())];
    rows.push(markdown_marks(std::iter::once(true).chain(columns.iter().map(|column| column.is_words))));
    for statement in statements {
        let cells = columns.iter().map(|column| match column.cell(statement).replace('|', "\\|") {
            cell if column.is_check() && !statement.state.counts() => format!("**{cell}**"),
            cell => cell,
        });
        rows.push(row(std::iter::once(statement.statement.clone()).chain(cells).collect()));
    }
    rows
}

fn figure(statement: &StatementSummary) -> String {
    match statement.with_planning_seconds {
        Some(time) => figures::seconds(time),
        None => format!("**{}**", figures::check_word(statement)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{run_file, sample_rows};
    use expect_test::expect;

    #[test]
    fn tables_and_warnings() {
        let run = Run { folder: "x".into(), file: run_file(), samples: sample_rows() };
        expect![[r#"
            | | partial total (1/3) | partial geometric mean |
            |---|---:|---:|
            | with planning | 0.100 s | 0.100 s |
            | without planning | 0.095 s | 0.095 s |

            1 of 3 statements verified; median of 3 samples a statement after 1 warm-up; answers checked against DuckDB 2.0.0.

            | statement | s | statement | s | statement | s | statement | s |
            |---|---:|---|---:|---|---:|---|---:|
            | q1 | 0.100 | q2 | **OUT_OF_MEMORY** | q3 | **not run** | | |

            - run: 2026-01-02T03-04-05Z-default-sf1
            - profile: default
            - data: scale 1, 1.0 MiB of Parquet, content abc
            - program: dsbench 0.1.0, DataFusion 55.2.0, build profile release
            - machine: a processor, 2 processors, 24.0 GiB memory, 1.0 GiB for the engine
            - system: an OS, kernel 6.1
            - **warning**: q2 OUT_OF_MEMORY: no room for "x", 5 bytes second line

            This benchmark is derived from the TPC-DS benchmark and is not comparable with published TPC-DS results, as it does not comply with the TPC-DS specification.
        "#]].assert_eq(&markdown(&run, Aggregate::Median));
    }
}

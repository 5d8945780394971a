//! The report for a README or a pull request.

use std::fmt::Write;

use super::{FAIR_USE, figures};
use crate::results::{Aggregate, Run, StatementSummary, summarize};

/// How many statements stand side by side in a row of the table.
const ACROSS: usize = 4;

/// The whole report as markdown: headline figures, a compact table, the environment.
pub fn markdown(run: &Run, aggregate: Aggregate) -> String {
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
    line(&format!(
        "{} of {} statements verified; {}.",
        summary.verified,
        summary.statements,
        figures::method(run, &summary)
    ));
    line("");
    for row in table(&statements) {
        line(&row);
    }
    line("");
    for (name, value) in figures::environment(run) {
        line(&format!("- {name}: {value}"));
    }
    for remark in figures::remarks(run, &statements) {
        line(&format!("- **warning**: {}", remark.replace('\n', " ")));
    }
    line("");
    line(FAIR_USE);
    out
}

/// Statements run down the columns, as in a newspaper.
fn table(statements: &[StatementSummary]) -> Vec<String> {
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
        expect![[r#""#]].assert_eq(&markdown(&run, Aggregate::Median));
    }
}

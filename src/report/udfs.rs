//! What functions took, a row for each place that calls one.

use super::table::{align_right, markdown_marks, plain};
use crate::results::format::UdfRow;
use crate::text;

/// So many rows are shown: a run of all statements has hundreds.
const SHOWN: usize = 30;

/// The figures of functions that took most, as a table.
#[derive(Debug)]
pub struct UdfReport {
    rows: Vec<UdfRow>,
    left_out: usize,
}

/// A column: its title, whether it has words, and its cell.
struct Column {
    title: &'static str,
    is_words: bool,
    cell: fn(&UdfRow) -> String,
    /// It is left out if this is so for all rows.
    says_nothing: fn(&UdfRow) -> bool,
}

const COLUMNS: [Column; 17] = [
    Column::words("statement", |row| row.statement.clone()).unless(|row| row.statement.is_empty()),
    Column::words("call", |row| if row.call.is_empty() { row.function.clone() } else { row.call.clone() }),
    Column::words("place", place),
    Column::number("calls", |row| text::thousands(row.calls)),
    Column::number("batches", |row| text::thousands(row.batches)).unless(|row| row.batches == row.calls),
    Column::number("rows", |row| text::thousands(row.rows)),
    Column::number("total", |row| text::nanoseconds(row.total_ns as f64)),
    Column::number("a row", |row| text::nanoseconds(row.row_ns)),
    Column::number("share", |row| format!("{:.1}%", row.statement_share * 100.0)),
    Column::number("function", |row| text::nanoseconds(row.function_ns as f64)),
    Column::number("conversion", |row| text::nanoseconds(row.convert_ns as f64)).unless(|row| row.convert_ns == 0),
    Column::number("transfer", |row| text::nanoseconds(row.transfer_ns as f64)).unless(|row| row.transfer_ns == 0),
    Column::number("least", |row| text::nanoseconds(row.min_ns as f64)),
    Column::number("median", |row| text::nanoseconds(row.median_ns as f64)),
    Column::number("p99", |row| text::nanoseconds(row.p99_ns as f64)),
    Column::number("NULLs", |row| text::thousands(row.nulls)).unless(|row| row.nulls == 0),
    Column::number("errors", |row| text::thousands(row.errors)).unless(|row| row.errors == 0),
];

impl Column {
    const fn words(title: &'static str, cell: fn(&UdfRow) -> String) -> Self {
        Self { title, is_words: true, cell, says_nothing: |_| false }
    }

    const fn number(title: &'static str, cell: fn(&UdfRow) -> String) -> Self {
        Self { title, is_words: false, cell, says_nothing: |_| false }
    }

    /// Left out if this is so for all rows.
    const fn unless(self, says_nothing: fn(&UdfRow) -> bool) -> Self {
        Self { says_nothing, ..self }
    }
}

fn place(row: &UdfRow) -> String {
    match (row.line, row.position) {
        (Some(line), Some(position)) => format!("{line}:{position}"),
        _ => "-".to_owned(),
    }
}

impl UdfReport {
    /// Of these rows, in their order; nothing if there are none.
    pub fn new(mut rows: Vec<UdfRow>) -> Option<Self> {
        let mut totals: Vec<u64> = rows.iter().map(|row| row.total_ns).collect();
        totals.sort_unstable_by_key(|total| std::cmp::Reverse(*total));
        let (all, least) = (rows.len(), totals.get(SHOWN - 1).copied().unwrap_or_default());
        rows.retain(|row| row.total_ns >= least);
        (all > 0).then(|| Self { left_out: all - rows.len(), rows })
    }

    /// What is to be said of the rows that are not shown.
    fn rest(&self) -> Option<String> {
        let all = self.rows.len() + self.left_out;
        (self.left_out > 0)
            .then(|| format!("The {} of {all} calls that took most; udfs.csv has all.\n", self.rows.len()))
    }

    fn columns(&self) -> Vec<&'static Column> {
        COLUMNS.iter().filter(|column| !self.rows.iter().all(column.says_nothing)).collect()
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let columns = self.columns();
        let mut table = plain(columns.iter().map(|column| column.title));
        for row in &self.rows {
            table.add_row(columns.iter().map(|column| (column.cell)(row)));
        }
        align_right(&mut table, (0..columns.len()).filter(|place| !columns[*place].is_words));
        table.trim_fmt() + "\n" + &self.rest().map_or_else(String::new, |rest| format!(" {rest}"))
    }

    /// For a README or a pull request.
    pub fn markdown(&self) -> String {
        let columns = self.columns();
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = line(columns.iter().map(|column| column.title.to_owned()).collect());
        out += &markdown_marks(columns.iter().map(|column| column.is_words));
        out.push('\n');
        for row in &self.rows {
            out += &line(columns.iter().map(|column| (column.cell)(row).replace('|', "\\|")).collect());
        }
        out + &self.rest().map_or_else(String::new, |rest| format!("\n{rest}"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::results::test_support::udf_row;

    #[test]
    fn columns_that_say_nothing_are_left_out() {
        let built_in = UdfRow {
            call: String::new(),
            function: "upper".to_owned(),
            line: None,
            position: None,
            convert_ns: 0,
            transfer_ns: 0,
            nulls: 0,
            ..udf_row("q2", 1)
        };
        let report = UdfReport::new(vec![built_in.clone(), udf_row("q1", 1)]).expect("rows");
        expect![[r#"
            functions
             statement  call      place   calls  batches    rows   total    a row  share  function  conversion  transfer   least   median     p99  NULLs
             q2         upper     -      20,000        3  20,000  1.00 s  50.0 µs  50.0%    0.80 s        0 ns      0 ns  900 ns  45.0 µs  2.0 ms      0
             q1         f(a | b)  1:8    20,000        3  20,000  1.00 s  50.0 µs  50.0%    0.80 s      0.15 s   50.0 ms  900 ns  45.0 µs  2.0 ms      7
        "#]].assert_eq(&format!("functions\n{}", report.text()));
        let report = UdfReport::new(vec![UdfRow { statement: String::new(), ..built_in }]).expect("a row");
        expect![[r#"
            | call | place | calls | batches | rows | total | a row | share | function | least | median | p99 |
            |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
            | upper | - | 20,000 | 3 | 20,000 | 1.00 s | 50.0 µs | 50.0% | 0.80 s | 900 ns | 45.0 µs | 2.0 ms |
        "#]]
        .assert_eq(&report.markdown());
        assert!(UdfReport::new(Vec::new()).is_none());
    }

    #[test]
    fn those_that_took_most_are_shown() {
        let check = |rows: u64, shown: usize, rest: Option<&str>| {
            let rows = (0..rows).map(|total_ns| UdfRow { total_ns: total_ns * 7 % 1000, ..udf_row("q1", 1) });
            let report = UdfReport::new(rows.collect()).expect("rows");
            assert_eq!((report.rows.len(), report.rest().as_deref()), (shown, rest));
            report
        };
        check(30, 30, None);
        let report = check(1000, 30, Some("The 30 of 1000 calls that took most; udfs.csv has all.\n"));
        assert!(report.rows.iter().all(|row| row.total_ns >= 970), "{report:?}");
        assert!(report.text().ends_with("\n The 30 of 1000 calls that took most; udfs.csv has all.\n"));
        assert!(report.markdown().ends_with("|\n\nThe 30 of 1000 calls that took most; udfs.csv has all.\n"));
    }
}

//! Rows as their reader wants them: a table, a line a column, CSV or JSON.
//!
//! CSV and JSON are written as batches come. A table's widths need all rows, so that its rows are kept, up to a limit in the
//! shell: the rest is counted and dropped, so that a result of millions of rows takes no more memory than the limit's.

use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_options;

use crate::cli::exit::Failure;
use crate::cli::output;
use crate::text;

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Form {
    /// Drawn with lines
    Table,
    /// With a header line; NULL is an empty field
    Csv,
    /// An array of objects; NULL is null
    Json,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(format!("there is no form `{text}`: choose table, csv or json")),
        }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
        })
    }
}

/// Whether a table is shown with a line a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expanded {
    Off,
    On,
    /// Where the table is wider than the screen.
    Auto,
}

/// How results are to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Look {
    pub(super) form: Form,
    pub(super) expanded: Expanded,
    /// The most rows that a table shows.
    pub(super) most_rows: Option<usize>,
    /// The columns of the screen.
    pub(super) width: Option<usize>,
}

impl Look {
    /// All rows, as wide as they are.
    pub(in crate::cli) fn plain(form: Form) -> Self {
        Self { form, expanded: Expanded::Off, most_rows: None, width: None }
    }
}

/// Where CSV and JSON are written to.
pub(in crate::cli) type Sink = Box<dyn Write>;

/// Takes the batches of one result.
pub(in crate::cli) struct Printer {
    schema: SchemaRef,
    look: Look,
    row_count: usize,
    state: State,
}

enum State {
    Table(Vec<RecordBatch>),
    Csv(Box<arrow::csv::Writer<Sink>>),
    Json(Box<arrow::json::ArrayWriter<Sink>>),
}

impl Printer {
    pub(in crate::cli) fn new(look: Look, schema: SchemaRef, sink: Sink) -> Self {
        let state = match look.form {
            Form::Table => State::Table(Vec::new()),
            Form::Csv => State::Csv(Box::new(arrow::csv::WriterBuilder::new().with_header(true).build(sink))),
            Form::Json => {
                let writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
                State::Json(Box::new(writer.build::<_, arrow::json::writer::JsonArray>(sink)))
            }
        };
        Self { schema, look, row_count: 0, state }
    }

    pub(in crate::cli) fn print(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        let before = self.row_count;
        self.row_count += batch.num_rows();
        match &mut self.state {
            State::Table(batches) => {
                let room = self.look.most_rows.map_or(usize::MAX, |most| most.saturating_sub(before));
                if room >= batch.num_rows() {
                    batches.push(batch);
                } else if room > 0 {
                    batches.push(batch.slice(0, room));
                }
                Ok(())
            }
            State::Csv(writer) => writer.write(&flat(&batch).map_err(failure)?).map_err(failure),
            State::Json(writer) => writer.write(&batch).map_err(failure),
        }
    }

    /// Writes what is left to be written; a table is given as text, for whoever pages it.
    pub(in crate::cli) fn finish(self) -> Result<Option<String>, Failure> {
        match self.state {
            State::Table(batches) => {
                let shown = batches.iter().map(RecordBatch::num_rows).sum();
                let mut text = table(batches, self.schema, self.look)?;
                text.push_str(&footer(shown, self.row_count));
                Ok(Some(text))
            }
            State::Csv(mut writer) => {
                // Without a batch the writer has not written the header.
                writer.write(&flat(&RecordBatch::new_empty(self.schema)).map_err(failure)?).map_err(failure)?;
                writer.into_inner().flush().map_err(output::failure)?;
                Ok(None)
            }
            State::Json(mut writer) => {
                writer.finish().map_err(failure)?;
                let mut sink = writer.into_inner();
                sink.write_all(b"\n").and_then(|()| sink.flush()).map_err(output::failure)?;
                Ok(None)
            }
        }
    }
}

/// A batch for CSV, which knows no lists, structures and maps: they are the texts that a table shows.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(|column| column.data_type().is_nested()) {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().zip(batch.schema_ref().fields());
    let columns = columns.map(|(column, field)| {
        if !column.data_type().is_nested() {
            return Ok((field.name(), Arc::clone(column), field.is_nullable()));
        }
        let (options, rows) = (options(), 0..column.len());
        let shown = ArrayFormatter::try_new(column, &options)?;
        let texts = rows.map(|row| column.is_valid(row).then(|| shown.value(row).to_string()));
        Ok((field.name(), Arc::new(texts.collect::<StringArray>()) as ArrayRef, field.is_nullable()))
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Result<Vec<_>, ArrowError>>()?)
}

fn footer(shown: usize, row_count: usize) -> String {
    let noun = if row_count == 1 { "row" } else { "rows" };
    let count = |number: usize| text::thousands(number as u64);
    if shown == row_count {
        format!("({} {noun})\n", count(row_count))
    } else {
        format!("({} of {} {noun} shown; \\limit 0 shows all)\n", count(shown), count(row_count))
    }
}

fn options<'a>() -> FormatOptions<'a> {
    FormatOptions::default().with_null("NULL")
}

fn table(mut batches: Vec<RecordBatch>, schema: SchemaRef, look: Look) -> Result<String, Failure> {
    if look.expanded == Expanded::On {
        return expanded(&batches, &schema, look.width);
    }
    if batches.is_empty() {
        // An empty batch carries the header.
        batches.push(RecordBatch::new_empty(schema.clone()));
    }
    let text = format!("{}\n", pretty_format_batches_with_options(&batches, &options()).map_err(failure)?);
    // All lines of a table are as wide as its first one, which is plain ASCII.
    let width = text.lines().next().map_or(0, str::len);
    if look.expanded == Expanded::Auto && look.width.is_some_and(|screen| width > screen) {
        return expanded(&batches, &schema, look.width);
    }
    Ok(text)
}

/// A line a column, under a line that numbers the row.
fn expanded(batches: &[RecordBatch], schema: &SchemaRef, width: Option<usize>) -> Result<String, Failure> {
    let name_width = schema.fields().iter().map(|field| field.name().chars().count()).max().unwrap_or(0);
    let line_width = width.unwrap_or(80).clamp(20, 80);
    let mut out = String::new();
    let mut number = 0;
    for batch in batches {
        let options = options();
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(failure)?;
        for row in 0..batch.num_rows() {
            number += 1;
            out.push_str(&format!("{:-<line_width$}\n", format!("-[ row {number} ]")));
            for (field, column) in schema.fields().iter().zip(&columns) {
                let value = column.value(row).try_to_string().map_err(failure)?;
                let mut name = field.name().as_str();
                for line in value.split('\n') {
                    out.push_str(format!("{name:<name_width$} | {line}").trim_end());
                    out.push('\n');
                    name = "";
                }
            }
        }
    }
    Ok(out)
}

fn failure(error: arrow::error::ArrowError) -> Failure {
    match error {
        arrow::error::ArrowError::IoError(_, cause) => output::failure(cause),
        error => Failure::Statement(error.to_string()),
    }
}

/// Standard output as a sink.
pub(in crate::cli) fn standard_output() -> Sink {
    Box::new(io::stdout())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray};
    use expect_test::{Expect, expect};

    use super::*;

    fn batch(from: i32, rows: i32) -> RecordBatch {
        let numbers: Int32Array = (from..from + rows).map(|n| (n % 3 != 0).then_some(n)).collect();
        let texts: StringArray = (from..from + rows).map(|n| Some(format!("text {n}\nof two lines"))).collect();
        RecordBatch::try_from_iter([("n", Arc::new(numbers) as _), ("a longer name", Arc::new(texts) as _)])
            .expect("a batch")
    }

    #[track_caller]
    fn check(look: Look, batches: &[RecordBatch], expected: Expect) {
        let mut printer = Printer::new(look, batch(0, 0).schema(), Box::new(io::sink()));
        for batch in batches {
            printer.print(batch.clone()).unwrap_or_else(|failure| panic!("{failure}"));
        }
        let text = printer.finish().unwrap_or_else(|failure| panic!("{failure}"));
        expected.assert_eq(&text.expect("a table is text"));
    }

    const TABLE: Look = Look { form: Form::Table, expanded: Expanded::Off, most_rows: None, width: None };

    #[test]
    fn a_line_a_column() {
        check(
            Look { expanded: Expanded::On, width: Some(30), ..TABLE },
            &[batch(3, 1), batch(4, 1)],
            expect![[r#"
                -[ row 1 ]--------------------
                n             | NULL
                a longer name | text 3
                              | of two lines
                -[ row 2 ]--------------------
                n             | 4
                a longer name | text 4
                              | of two lines
                (2 rows)
            "#]],
        );
        check(
            Look { expanded: Expanded::On, ..TABLE },
            &[],
            expect![[r#"
            (0 rows)
        "#]],
        );
    }

    #[test]
    fn auto_depends_on_the_screen() {
        let wide = Look { expanded: Expanded::Auto, width: Some(200), ..TABLE };
        check(
            wide,
            &[batch(4, 1)],
            expect![[r#"
                +---+---------------+
                | n | a longer name |
                +---+---------------+
                | 4 | text 4        |
                |   | of two lines  |
                +---+---------------+
                (1 row)
            "#]],
        );
        check(
            Look { width: Some(20), ..wide },
            &[batch(4, 1)],
            expect![[r#"
                -[ row 1 ]----------
                n             | 4
                a longer name | text 4
                              | of two lines
                (1 row)
            "#]],
        );
    }

    #[test]
    fn rows_beyond_the_limit_are_counted_and_dropped() {
        let look = Look { most_rows: Some(3), expanded: Expanded::On, ..TABLE };
        let mut printer = Printer::new(look, batch(0, 0).schema(), Box::new(io::sink()));
        for from in 0..1000 {
            printer.print(batch(from * 2, 2)).unwrap_or_else(|failure| panic!("{failure}"));
        }
        let State::Table(kept) = &printer.state else { panic!("a table") };
        assert_eq!(kept.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
        let text = printer.finish().ok().flatten().expect("text");
        assert!(text.ends_with("(3 of 2,000 rows shown; \\limit 0 shows all)\n"), "{text}");
        assert_eq!(text.matches("-[ row ").count(), 3);
    }

    #[test]
    fn a_limit_that_is_not_reached_says_nothing() {
        for rows in [0, 1, 2] {
            let look = Look { most_rows: Some(2), ..TABLE };
            let mut printer = Printer::new(look, batch(0, 0).schema(), Box::new(io::sink()));
            printer.print(batch(0, rows)).unwrap_or_else(|failure| panic!("{failure}"));
            let text = printer.finish().ok().flatten().expect("text");
            assert!(!text.contains("limit"), "{text}");
        }
    }
}

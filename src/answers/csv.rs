//! Answer files: CSV with types, in which NULL differs from the empty string and from `'NULL'`.
//!
//! In: the bytes of a file. Out: its rows as one record batch.
//!
//! ```text
//! "i_item_id varchar","sales decimal(38,2)","share double","sold date"
//! "AAAAAAAAAAAABAAA",120.50,0.25,2001-03-04
//! "",NULL,NULL,NULL
//! ```
//!
//! Names and strings are in double quotes, and a double quote in them is doubled; nothing else is in
//! quotes. `NULL` without quotes is NULL. A general CSV reader does not tell a quoted field from a
//! bare one, which is why this one is our own.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, NullArray, RecordBatch,
    RecordBatchOptions, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::NaiveDate;

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CsvError {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Reads an answer file.
pub(super) fn read(bytes: &[u8]) -> Result<RecordBatch, CsvError> {
    let at = |line: usize| move |reason: String| CsvError { line, reason };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        at(line)("not UTF-8".to_owned())
    })?;
    let mut lines = Rows { rest: text, line: 1 };
    let header = match lines.next_row().map_err(at(1))? {
        Some(header) => header,
        None => return Err(at(1)("the header is missing".to_owned())),
    };
    let fields: Vec<Field> = header.into_iter().map(header_field).collect::<Result<_, _>>().map_err(at(1))?;
    let mut builders: Vec<Builder> = fields.iter().map(|field| Builder::new(field.data_type())).collect();
    let mut row_count = 0;
    loop {
        let line = lines.line;
        let Some(row) = lines.next_row().map_err(at(line))? else { break };
        if row.len() != fields.len() {
            let reason = format!("{} fields, but the header has {}", row.len(), fields.len());
            return Err(at(line)(reason));
        }
        for ((cell, field), builder) in row.iter().zip(&fields).zip(&mut builders) {
            builder.push(cell).map_err(|reason| at(line)(format!("column {}: {reason}", field.name())))?;
        }
        row_count += 1;
    }
    let columns = builders.into_iter().map(Builder::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| at(1)(error.to_string()))
}

/// A cell as it stands in the file.
#[derive(Debug)]
enum Cell {
    Quoted(String),
    Bare(String),
}

/// The rows of a file; a row is longer than a line where a string has a line break in it.
struct Rows<'a> {
    rest: &'a str,
    /// The line at which `rest` begins.
    line: usize,
}

impl Rows<'_> {
    fn next_row(&mut self) -> Result<Option<Vec<Cell>>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut cells = Vec::new();
        loop {
            cells.push(self.next_cell()?);
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix('\n') {
                self.rest = rest;
                self.line += 1;
                return Ok(Some(cells));
            } else if self.rest.is_empty() {
                return Err("the line break at the end is missing, the file may be cut".to_owned());
            } else {
                return Err("text after a closing quote".to_owned());
            }
        }
    }

    fn next_cell(&mut self) -> Result<Cell, String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
            let (cell, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(Cell::Bare(cell.to_owned()));
        };
        self.rest = quoted;
        let mut value = String::new();
        loop {
            let Some(end) = self.rest.find('"') else {
                return Err("a quote is not closed".to_owned());
            };
            let part = &self.rest[..end];
            self.line += part.matches('\n').count();
            value.push_str(part);
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    value.push('"');
                    self.rest = rest;
                }
                None => return Ok(Cell::Quoted(value)),
            }
        }
    }
}

fn header_field(cell: Cell) -> Result<Field, String> {
    let (Cell::Quoted(text) | Cell::Bare(text)) = cell;
    let Some((name, type_name)) = text.rsplit_once(' ') else {
        return Err(format!("header \"{text}\" is not \"name type\""));
    };
    let data_type = match type_name {
        "null" => DataType::Null,
        "boolean" => DataType::Boolean,
        "tinyint" | "smallint" | "integer" | "bigint" => DataType::Int64,
        "utinyint" | "usmallint" | "uinteger" => DataType::Int64,
        "double" => DataType::Float64,
        "varchar" => DataType::Utf8,
        "date" => DataType::Date32,
        _ => decimal_type(type_name).ok_or_else(|| format!("column {name}: unknown type {type_name}"))?,
    };
    Ok(Field::new(name, data_type, true))
}

fn decimal_type(type_name: &str) -> Option<DataType> {
    let arguments = type_name.strip_prefix("decimal(")?.strip_suffix(')')?;
    let (precision, scale) = arguments.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.parse().ok()?, scale.parse().ok()?);
    let is_valid = (1..=38).contains(&precision) && (0..=precision.cast_signed()).contains(&scale);
    is_valid.then_some(DataType::Decimal128(precision, scale))
}

/// Collects the cells of a column.
enum Builder {
    Null(usize),
    Boolean(BooleanBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Date(Date32Builder),
    Decimal(Decimal128Builder, u8, i8),
}

impl Builder {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Int(Int64Builder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                Self::Decimal(builder, *precision, *scale)
            }
            _ => Self::Null(0),
        }
    }

    fn push(&mut self, cell: &Cell) -> Result<(), String> {
        let bare = match (cell, &mut *self) {
            (Cell::Quoted(value), Self::Text(builder)) => {
                builder.append_value(value);
                return Ok(());
            }
            (Cell::Quoted(value), _) => return Err(format!("\"{value}\" is in quotes, but it is no string")),
            (Cell::Bare(value), _) if value == "NULL" => None,
            (Cell::Bare(value), _) => Some(value.as_str()),
        };
        match self {
            Self::Null(count) => match bare {
                None => *count += 1,
                Some(value) => return Err(format!("{value} in a column of NULL")),
            },
            Self::Text(builder) => match bare {
                None => builder.append_null(),
                Some(value) => return Err(format!("the string {value} is not in quotes")),
            },
            Self::Boolean(builder) => builder.append_option(parse(bare, "boolean")?),
            Self::Int(builder) => builder.append_option(parse(bare, "whole number")?),
            Self::Double(builder) => builder.append_option(parse(bare, "double")?),
            Self::Date(builder) => {
                builder.append_option(parse::<NaiveDate>(bare, "date")?.map(days_since_epoch));
            }
            Self::Decimal(builder, precision, scale) => {
                let value = bare
                    .map(|text| {
                        parse_decimal(text, *precision, *scale)
                            .ok_or_else(|| format!("{text} is no decimal({precision},{scale})"))
                    })
                    .transpose()?;
                builder.append_option(value);
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Null(count) => Arc::new(NullArray::new(count)),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Double(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, ..) => Arc::new(builder.finish()),
        }
    }
}

fn parse<T: std::str::FromStr>(text: Option<&str>, type_name: &str) -> Result<Option<T>, String> {
    text.map(|text| text.parse().map_err(|_| format!("{text} is no {type_name}"))).transpose()
}

fn days_since_epoch(date: NaiveDate) -> i32 {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).expect("chrono's years fit an i32 of days")
}

/// The unscaled value of a decimal, which must have exactly `scale` digits after the point.
fn parse_decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = format!("{whole}{fraction}");
    let is_valid = !whole.is_empty()
        && fraction.len() == usize::try_from(scale).ok()?
        && all_digits.bytes().all(|byte| byte.is_ascii_digit())
        && all_digits.trim_start_matches('0').len() <= usize::from(precision);
    let magnitude: i128 = if is_valid { all_digits.parse().ok()? } else { return None };
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Expect) {
        let text = match read(bytes) {
            Err(error) => format!("line {}: {}", error.line, error.reason),
            Ok(batch) => {
                let columns = batch.columns().iter().map(|column| format!("{column:?}"));
                let columns: Vec<String> =
                    columns.map(|c| c.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
                columns.join("\n")
            }
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn every_type_is_read() {
        check(
            b"\"a b varchar\",\"c decimal(38,2)\"\n\"\",-0.05\nNULL,NULL\n\"NULL\",99999999999999999999999999999999999.99\n\"say \"\"x\"\",\n\xc3\xa9\",1.00\n",
            expect![[r#"
                StringArray [ "", null, "NULL", "say \"x\",\né", ]
                PrimitiveArray<Decimal128(38, 2)> [ -5, null, 9999999999999999999999999999999999999, 100, ]"#]],
        );
        check(
            b"\"i smallint\",\"f double\",\"d date\",\"b boolean\",\"n null\"\n-3,1e-7,1969-12-31,true,NULL\nNULL,nan,NULL,NULL,NULL\n1,-inf,2001-03-04,false,NULL\n",
            expect![[r#"
                PrimitiveArray<Int64> [ -3, null, 1, ]
                PrimitiveArray<Float64> [ 1e-7, NaN, -inf, ]
                PrimitiveArray<Date32> [ 1969-12-31, null, 2001-03-04, ]
                BooleanArray [ true, null, false, ]
                NullArray(3)"#]],
        );
        check(b"\"i ubigint\"\n", expect!["line 1: column i: unknown type ubigint"]);
    }

    #[test]
    fn a_wrong_file_is_refused_with_its_line() {
        check(b"", expect!["line 1: the header is missing"]);
        check(b"\"a\"\n", expect![[r#"line 1: header "a" is not "name type""#]]);
        check(b"\"a decimal(39,2)\"\n", expect!["line 1: column a: unknown type decimal(39,2)"]);
        check(b"\"a integer\"\n1\n2", expect!["line 3: the line break at the end is missing, the file may be cut"]);
        check(b"\"a integer\"\n1\n\n", expect!["line 3: column a:  is no whole number"]);
        check(b"\"a integer\"\n1,2\n", expect!["line 2: 2 fields, but the header has 1"]);
        check(b"\"a varchar\"\n\"x\ny\"\nz\n", expect!["line 4: column a: the string z is not in quotes"]);
        check(b"\"a varchar\"\n\"x\n", expect!["line 2: a quote is not closed"]);
        check(b"\"a varchar\"\n\"x\"y\n", expect!["line 2: text after a closing quote"]);
        check(b"\"a integer\"\n\"1\"\n", expect![[r#"line 2: column a: "1" is in quotes, but it is no string"#]]);
        check(b"\"a decimal(5,2)\"\n1.5\n", expect!["line 2: column a: 1.5 is no decimal(5,2)"]);
        check(b"\"a decimal(5,2)\"\n1234.50\n", expect!["line 2: column a: 1234.50 is no decimal(5,2)"]);
        check(b"\"a date\"\n2001-02-29\n", expect!["line 2: column a: 2001-02-29 is no date"]);
        check(b"\"a null\"\n1\n", expect!["line 2: column a: 1 in a column of NULL"]);
        check(b"\"a integer\"\n\xff\n", expect!["line 2: not UTF-8"]);
    }
}

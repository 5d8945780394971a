//! The 25 tables as data: columns with the specification's types, primary and foreign keys.
//!
//! Comes in: `schema.txt`, embedded in the program. Goes out: [`tables()`]. The generator knows the
//! columns too, as Arrow types; a test holds the two together. The keys are written down here only.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tpcdsgen::config::Table as SourceTable;

/// A table of TPC-DS.
#[derive(Debug)]
pub struct Table {
    /// The table's name.
    pub name: &'static str,
    /// The columns, in the specification's order.
    pub columns: Vec<Column>,
    /// The columns of the primary key; empty for `dbgen_version`, which has none.
    pub primary_key: Vec<&'static str>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The generator's name for the table.
    pub(crate) source: SourceTable,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// The column's name.
    pub name: &'static str,
    /// Its type in the specification.
    pub sql_type: SqlType,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// Whether its identifiers outgrow 32 bits.
    wide: bool,
}

/// A column, or several together, whose values are primary keys of another table, or NULL.
#[derive(Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns here.
    pub columns: Vec<&'static str>,
    /// The other table.
    pub table: &'static str,
    /// The other table's primary key, a column for each one here.
    pub references: Vec<&'static str>,
}

/// A type as the specification writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlType {
    /// A key.
    Identifier,
    /// A whole number.
    Integer,
    /// A number with a fixed number of digits after the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// Text of up to so many characters; `dsdgen` does not pad it.
    Char(u32),
    /// Text of up to so many characters.
    Varchar(u32),
    /// A day.
    Date,
    /// A time of day.
    Time,
}

/// All tables, in the order of their names.
pub fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> =
        LazyLock::new(|| parse(include_str!("../schema.txt")).expect("the embedded schema is tested"));
    &TABLES
}

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    tables().iter().find(|table| table.name == name)
}

/// The date keys of the fact tables, by which rows may be sorted or cut into folders.
const DATE_KEYS: [&str; 7] = [
    "cr_returned_date_sk",
    "cs_sold_date_sk",
    "inv_date_sk",
    "sr_returned_date_sk",
    "ss_sold_date_sk",
    "wr_returned_date_sk",
    "ws_sold_date_sk",
];

/// The column of this name, of whichever table.
pub fn column(name: &str) -> Option<&'static Column> {
    tables().iter().find_map(|table| table.column(name))
}

/// The column whose name is most like `name`.
pub(crate) fn nearest_column(name: &str) -> &'static Column {
    let columns = tables().iter().flat_map(|table| &table.columns);
    columns.min_by_key(|column| strsim::damerau_levenshtein(column.name, name)).expect("tables have columns")
}

/// The table whose name is most like `name`.
pub(crate) fn nearest_table(name: &str) -> &'static Table {
    tables().iter().min_by_key(|table| strsim::damerau_levenshtein(table.name, name)).expect("there are tables")
}

impl Table {
    /// The Arrow schema of the rows that are generated, and of the files.
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| Field::new(column.name, column.data_type(), column.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The position of the key of the day on which it happened: sold, returned, counted. Fact tables alone have one.
    pub fn date_key(&self) -> Option<usize> {
        self.columns.iter().position(Column::is_date_key)
    }

    /// Whether two generations of the table give the same rows. `dbgen_version` holds a clock.
    pub fn is_reproducible(&self) -> bool {
        self.source != SourceTable::DbgenVersion
    }
}

impl Column {
    /// Whether it is the date key of a fact table.
    pub(crate) fn is_date_key(&self) -> bool {
        DATE_KEYS.contains(&self.name)
    }

    /// The column's Arrow type.
    pub fn data_type(&self) -> DataType {
        match self.sql_type {
            SqlType::Identifier if self.wide => DataType::Int64,
            SqlType::Identifier | SqlType::Integer => DataType::Int32,
            SqlType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            SqlType::Char(_) | SqlType::Varchar(_) => DataType::Utf8View,
            SqlType::Date => DataType::Date32,
            // The generator counts seconds, which Parquet does not know.
            SqlType::Time => DataType::Time32(TimeUnit::Millisecond),
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier => f.write_str("identifier"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Varchar(length) => write!(f, "varchar({length})"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
        }
    }
}

/// Reads the text form that the head of `schema.txt` describes.
fn parse(text: &'static str) -> Result<Vec<Table>, String> {
    let mut tables: Vec<Table> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let located = |reason: String| format!("line {}: {reason}", index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            tables.push(parse_table(line).map_err(located)?);
            continue;
        }
        let table = tables.last_mut().ok_or_else(|| located("a column before any table".to_owned()))?;
        parse_column(line.trim(), table).map_err(located)?;
    }
    Ok(tables)
}

/// Reads `name (key, key)`.
fn parse_table(line: &'static str) -> Result<Table, String> {
    let (name, primary_key) = parse_named_list(line)?;
    let source = SourceTable::values().iter().find(|table| table.get_name() == name);
    Ok(Table {
        name,
        columns: Vec::new(),
        primary_key,
        foreign_keys: Vec::new(),
        source: *source.ok_or_else(|| format!("the generator has no table `{name}`"))?,
    })
}

/// Reads `name type [wide] [not null] [-> table.column]` or `(name, name) -> table (column, column)`.
fn parse_column(line: &'static str, table: &mut Table) -> Result<(), String> {
    let (definition, reference) = match line.split_once("->") {
        Some((definition, reference)) => (definition.trim(), Some(reference.trim())),
        None => (line, None),
    };
    if definition.starts_with('(') {
        let (_, columns) = parse_named_list(definition)?;
        let (other, references) = parse_named_list(reference.ok_or("a list of columns refers to nothing")?)?;
        table.foreign_keys.push(ForeignKey { columns, table: other, references });
        return Ok(());
    }
    let mut words = definition.split_whitespace();
    let (Some(name), Some(sql_type)) = (words.next(), words.next()) else {
        return Err("a column needs a name and a type".to_owned());
    };
    let (wide, nullable) = match words.collect::<Vec<_>>()[..] {
        [] => (false, true),
        ["wide"] => (true, true),
        ["not", "null"] => (false, false),
        ["wide", "not", "null"] => (true, false),
        ref other => return Err(format!("`{}` is no property of a column", other.join(" "))),
    };
    table.columns.push(Column { name, sql_type: parse_type(sql_type)?, nullable, wide });
    if let Some(reference) = reference {
        let (other, column) = reference.split_once('.').ok_or("a foreign key reads `-> table.column`")?;
        table.foreign_keys.push(ForeignKey { columns: vec![name], table: other, references: vec![column] });
    }
    Ok(())
}

/// Reads `name (word, word)`; name and list may be empty.
fn parse_named_list(text: &'static str) -> Result<(&'static str, Vec<&'static str>), String> {
    let (name, list) = text
        .strip_suffix(')')
        .and_then(|text| text.split_once('('))
        .ok_or_else(|| format!("`{text}` lacks a list in parentheses"))?;
    Ok((name.trim(), list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()))
}

/// Reads what [`SqlType`] displays.
fn parse_type(text: &str) -> Result<SqlType, String> {
    let unknown = || format!("`{text}` is no type");
    let (name, arguments) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, arguments)) => (name, arguments),
        None => (text, ""),
    };
    let length = || arguments.parse().map_err(|_| unknown());
    match name {
        "identifier" if arguments.is_empty() => Ok(SqlType::Identifier),
        "integer" if arguments.is_empty() => Ok(SqlType::Integer),
        "date" if arguments.is_empty() => Ok(SqlType::Date),
        "time" if arguments.is_empty() => Ok(SqlType::Time),
        "char" => Ok(SqlType::Char(length()?)),
        "varchar" => Ok(SqlType::Varchar(length()?)),
        "decimal" => {
            let (precision, scale) = arguments.split_once(',').ok_or_else(unknown)?;
            Ok(SqlType::Decimal {
                precision: precision.parse().map_err(|_| unknown())?,
                scale: scale.parse().map_err(|_| unknown())?,
            })
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;

    #[test]
    fn there_are_24_tables_of_425_columns_and_dbgen_version() {
        let tables = tables();
        assert!(tables.is_sorted_by_key(|table| table.name));
        assert_eq!(tables.len(), 25);
        let columns = |table: &Table| table.columns.len();
        assert_eq!(columns(table("dbgen_version").unwrap()), 4);
        assert_eq!(tables.iter().map(columns).sum::<usize>(), 425 + 4);
    }

    #[test]
    fn columns_are_those_that_the_generator_gives() {
        for table in tables() {
            let mut fields = source::schema(table.source).fields().to_vec();
            for field in &mut fields {
                if field.data_type() == &DataType::Time32(TimeUnit::Second) {
                    *field = Arc::new(field.as_ref().clone().with_data_type(DataType::Time32(TimeUnit::Millisecond)));
                }
            }
            assert_eq!(table.arrow_schema().fields()[..], fields[..], "{}", table.name);
        }
    }

    #[test]
    fn keys_name_columns_that_are_there() {
        for table in tables() {
            for key in &table.primary_key {
                let column = table.column(key).unwrap_or_else(|| panic!("{} has no {key}", table.name));
                assert!(!column.nullable, "{key}");
            }
            for key in &table.foreign_keys {
                let other = super::table(key.table).unwrap_or_else(|| panic!("no table {}", key.table));
                assert_eq!(key.references, other.primary_key, "{} {:?}", table.name, key.columns);
                assert_eq!(key.columns.len(), key.references.len(), "{:?}", key.columns);
                for (mine, theirs) in key.columns.iter().zip(&key.references) {
                    let mine = table.column(mine).unwrap_or_else(|| panic!("{} has no {mine}", table.name));
                    assert_eq!(mine.data_type(), other.column(theirs).unwrap().data_type(), "{}", mine.name);
                }
            }
        }
        assert_eq!(tables().iter().map(|table| table.foreign_keys.len()).sum::<usize>(), 107);
        assert!(tables().iter().all(|table| table.primary_key.is_empty() != table.is_reproducible()));
    }

    #[test]
    fn fact_tables_have_a_date_key_and_numbers_only() {
        let facts = tables().iter().filter(|table| table.date_key().is_some()).collect::<Vec<_>>();
        assert_eq!(facts.len(), DATE_KEYS.len());
        for table in facts {
            let key = &table.columns[table.date_key().unwrap()];
            assert_eq!(
                (key.data_type(), column(key.name).map(|column| column.name)),
                (DataType::Int32, Some(key.name))
            );
            assert!(table.foreign_keys.iter().any(|other| other.columns == [key.name] && other.table == "date_dim"));
            for column in &table.columns {
                let is_number =
                    matches!(column.data_type(), DataType::Int32 | DataType::Int64 | DataType::Decimal128(7, 2));
                assert!(is_number, "{}", column.name);
            }
        }
        assert_eq!(table("item").unwrap().date_key(), None);
        assert_eq!(nearest_column("c_custmer_id").name, "c_customer_id");
    }

    #[test]
    fn surrogate_keys_of_facts_refer_to_dimensions() {
        let keys = &table("store_returns").unwrap().foreign_keys;
        let expected = ForeignKey {
            columns: vec!["sr_item_sk", "sr_ticket_number"],
            table: "store_sales",
            references: vec!["ss_item_sk", "ss_ticket_number"],
        };
        assert_eq!(keys.last(), Some(&expected));
        for table in tables().iter().filter(|table| table.name.ends_with("_sales")) {
            for column in table.columns.iter().filter(|column| column.name.ends_with("_sk")) {
                let refers = table.foreign_keys.iter().any(|key| key.columns == [column.name]);
                assert!(refers, "{} refers to nothing", column.name);
            }
        }
    }

    #[test]
    fn types_read_as_they_are_written() {
        for text in ["identifier", "integer", "decimal(7,2)", "char(16)", "varchar(200)", "date", "time"] {
            assert_eq!(parse_type(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let check = |text: &'static str, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        check("    i_item_sk integer", "line 1: a column before any table");
        check("item", "line 1: `item` lacks a list in parentheses");
        check("items ()", "line 1: the generator has no table `items`");
        check("item ()\n    i_item_sk", "line 2: a column needs a name and a type");
        check("item ()\n    i_item_sk int", "line 2: `int` is no type");
        check("item ()\n    i_item_sk integer(4)", "line 2: `integer(4)` is no type");
        check("item ()\n    i_item_sk decimal(7)", "line 2: `decimal(7)` is no type");
        check("item ()\n    i_item_sk integer unique", "line 2: `unique` is no property of a column");
        check("item ()\n    i_item_sk integer -> item", "line 2: a foreign key reads `-> table.column`");
        check("item ()\n    (a, b)", "line 2: a list of columns refers to nothing");
    }
}

//! Why an answer is wrong.
//!
//! In: what the comparison found. Out: a [`Mismatch`], whose text is one clear sentence. Rows are
//! counted from 1, as a reader of the answer counts them.

/// The first reason why an answer is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The number of columns.
    #[error("the answer has {actual} columns, expected {expected}")]
    ColumnCount {
        /// The answer's.
        actual: usize,
        /// The expected.
        expected: usize,
    },
    /// A column's type cannot be compared with the expected one.
    #[error("column {column} is of type {actual}, expected {expected}")]
    ColumnType {
        /// The column's name.
        column: String,
        /// The answer's type.
        actual: String,
        /// The expected type.
        expected: String,
    },
    /// A value is outside what can be compared exactly.
    #[error("column {column} of type {data_type} cannot be compared: {reason}")]
    Unsupported {
        /// The column's name.
        column: String,
        /// Its type.
        data_type: String,
        /// Why.
        reason: String,
    },
    /// The number of rows.
    #[error("the answer has {actual} rows, expected {expected}{example}")]
    RowCount {
        /// The answer's.
        actual: usize,
        /// The expected.
        expected: usize,
        /// `: ` and one row that is missing or too much, where it can be told.
        example: String,
    },
    /// A row stands where the sort keys do not allow it.
    #[error("row {row} is out of order: {key} is {value}, but an earlier row, {earlier_row}, has {earlier_value}")]
    Order {
        /// The row.
        row: usize,
        /// The sort key.
        key: String,
        /// The row's value of the key.
        value: String,
        /// An earlier row that belongs after it.
        earlier_row: usize,
        /// That row's value of the key.
        earlier_value: String,
    },
    /// One row differs from the expected one that it is closest to.
    #[error("row {row}, column {column}: {actual}, expected {expected}{others}")]
    Cell {
        /// The row in the answer.
        row: usize,
        /// The first column that differs.
        column: String,
        /// The answer's value.
        actual: String,
        /// The expected value.
        expected: String,
        /// What else differs, if anything.
        others: String,
    },
    /// A row that the expected answer does not have at all.
    #[error("row {row} is not in the expected answer: {values}")]
    UnexpectedRow {
        /// The row in the answer.
        row: usize,
        /// Its values.
        values: String,
    },
    /// A row that ties with the last ones, but is none of the rows that do so rightly.
    #[error("row {row} is not among the rows that tie at the LIMIT: {values}")]
    NotTied {
        /// The row in the answer.
        row: usize,
        /// Its values.
        values: String,
    },
    /// A row that occurs more often than it should.
    #[error("row {row} occurs {actual} times, expected {expected}: {values}")]
    Duplicate {
        /// The last row in the answer that is one too many.
        row: usize,
        /// How often it occurs in the answer.
        actual: usize,
        /// How often it should.
        expected: usize,
        /// Its values.
        values: String,
    },
    /// A row that sorts before the last row of the answer and is missing.
    #[error("expected row {row} is missing, though it sorts before the last row: {values}")]
    MissingRow {
        /// The row in the expected answer.
        row: usize,
        /// Its values.
        values: String,
    },
    /// The rows at the `LIMIT` have other sort keys than the expected ones.
    #[error("row {row} has sort keys that the expected answer does not have at the LIMIT: {values}")]
    LimitKeys {
        /// The row in the answer.
        row: usize,
        /// Its values.
        values: String,
    },
}

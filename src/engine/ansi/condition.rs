//! Error conditions: the names and SQLSTATEs of Spark 4.0, so that programs can tell failures apart without reading prose.

use std::fmt;

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $sqlstate:literal;)*) => {
        /// What went wrong in a statement, as Spark 4.0 classifies it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Condition {
            $($(#[$doc])* $variant,)*
        }

        impl Condition {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that stands in brackets before the message.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The five letters and digits of the SQL standard's code.
            pub fn sqlstate(self) -> &'static str {
                match self {
                    $(Self::$variant => $sqlstate,)*
                }
            }
        }
    };
}

conditions! {
    /// `/`, `%`, `mod` or `div` by zero.
    DivideByZero = "DIVIDE_BY_ZERO", "22012";
    /// A result that its integer type cannot hold.
    ArithmeticOverflow = "ARITHMETIC_OVERFLOW", "22003";
    /// A number that does not fit a decimal type.
    NumericValueOutOfRange = "NUMERIC_VALUE_OUT_OF_RANGE", "22003";
    /// A text that is no value of the target type.
    CastInvalidInput = "CAST_INVALID_INPUT", "22018";
    /// A number that a narrower type cannot hold.
    CastOverflow = "CAST_OVERFLOW", "22003";
    /// A subscript outside of the array.
    InvalidArrayIndex = "INVALID_ARRAY_INDEX", "22003";
    /// The same in `element_at`.
    InvalidArrayIndexInElementAt = "INVALID_ARRAY_INDEX_IN_ELEMENT_AT", "22003";
    /// An index of 0, where they count from 1.
    InvalidIndexOfZero = "INVALID_INDEX_OF_ZERO", "22003";
    /// A key that the map does not have. Spark 3.3's name; Spark 4 gives NULL instead.
    MapKeyDoesNotExist = "MAP_KEY_DOES_NOT_EXIST", "22023";
    /// A text that does not fit the format of `to_number`.
    ConversionInvalidInput = "CONVERSION_INVALID_INPUT", "22018";
    /// A format that is none.
    InvalidFormat = "INVALID_FORMAT", "42601";
    /// A function that a user wrote has raised an error.
    FailedExecuteUdf = "FAILED_EXECUTE_UDF", "39000";
    /// The text is no SQL.
    ParseSyntaxError = "PARSE_SYNTAX_ERROR", "42601";
    /// No table in sight has that column.
    UnresolvedColumn = "UNRESOLVED_COLUMN", "42703";
    /// Several have it.
    AmbiguousReference = "AMBIGUOUS_REFERENCE", "42704";
    /// There is no such table.
    TableOrViewNotFound = "TABLE_OR_VIEW_NOT_FOUND", "42P01";
    /// There is no such function.
    UnresolvedRoutine = "UNRESOLVED_ROUTINE", "42883";
    /// There is one of that name already.
    RoutineAlreadyExists = "ROUTINE_ALREADY_EXISTS", "42723";
    /// A function that returns a table stands where a value is wanted.
    NotAScalarFunction = "NOT_A_SCALAR_FUNCTION", "42887";
    /// A function that returns a value stands where a table is wanted.
    NotATableFunction = "NOT_A_TABLE_FUNCTION", "42887";
    /// An operation does not take operands of these types.
    DatatypeMismatch = "DATATYPE_MISMATCH", "42K09";
    /// A column stands beside aggregates without being grouped by.
    MissingAggregation = "MISSING_AGGREGATION", "42803";
    /// There is no such setting.
    SqlConfNotFound = "SQL_CONF_NOT_FOUND", "42K0I";
    /// The setting does not take that value.
    InvalidConfValue = "INVALID_CONF_VALUE", "22022";
    /// SQL that the engine does not have.
    UnsupportedFeature = "UNSUPPORTED_FEATURE", "0A000";
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_states_well_formed() {
        let mut names: Vec<_> = Condition::ALL.iter().map(|condition| condition.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Condition::ALL.len());
        let is_state =
            |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        assert!(Condition::ALL.iter().all(|condition| is_state(condition.sqlstate())));
    }
}

//! What an operation does where it has no result.

/// What an operation does where it has no result: a division by zero, an overflow, a text that is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Policy {
    /// It raises an error, as Spark does with `spark.sql.ansi.enabled`.
    Raise,
    /// It gives what Spark gives without: NULL, or an integer that has wrapped around.
    Legacy,
    /// It gives NULL under ANSI's rules: the functions that begin with `try_`.
    Try,
}

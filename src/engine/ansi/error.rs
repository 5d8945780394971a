//! Errors that say what is wrong, what to do, and where in the text it is.

use std::fmt;

use super::condition::Condition;
use super::place::Place;

/// What turns the rules off that made a statement fail.
const BYPASS: &str = "If necessary, set engine.ansi.enabled to \"false\" to bypass this error.";

/// A failed operation that does not know yet where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    condition: Condition,
    message: String,
    hint: Option<String>,
}

impl Fault {
    /// A failure with a sentence without its full stop, and another one on the way out.
    pub(crate) fn new(condition: Condition, message: impl Into<String>, hint: impl Into<String>) -> Box<Self> {
        Box::new(Self { condition, message: message.into(), hint: Some(hint.into()) })
    }

    /// `/` and its like by zero; `tolerant` is the function that gives NULL instead.
    pub(crate) fn divide_by_zero(tolerant: &str) -> Box<Self> {
        Self::new(
            Condition::DivideByZero,
            "division by zero",
            format!("Use `{tolerant}` to tolerate a divisor of 0 and return NULL instead."),
        )
    }

    /// An integer result that does not fit; `tolerant` is the function that gives NULL instead, if there is one.
    pub(crate) fn overflow(what: &str, tolerant: Option<&str>) -> Box<Self> {
        let hint = match tolerant {
            Some(name) => format!("Use `{name}` to tolerate overflow and return NULL instead."),
            None => "Cast an operand to a wider type first.".to_owned(),
        };
        Self::new(Condition::ArithmeticOverflow, format!("{what} overflow"), hint)
    }

    /// A decimal result that its type cannot hold.
    pub(crate) fn decimal_out_of_range(value: &str, precision: u8, scale: i8, tolerant: Option<&str>) -> Box<Self> {
        let hint = match tolerant {
            Some(name) => format!("Use `{name}` to tolerate overflow and return NULL instead."),
            None => "Cast the operands to decimals with fewer digits first.".to_owned(),
        };
        let message = format!("{value} cannot be represented as DECIMAL({precision},{scale})");
        Self::new(Condition::NumericValueOutOfRange, message, hint)
    }

    /// A total of decimals that does not fit the type that it has.
    pub(crate) fn total_overflow(total: Option<&str>, precision: u8, scale: i8, tolerant: &str) -> Box<Self> {
        let total = total.map_or_else(|| "the total".to_owned(), |total| format!("the total {total}"));
        Self::new(
            Condition::ArithmeticOverflow,
            format!("overflow in a sum of decimals: {total} does not fit DECIMAL({precision},{scale})"),
            format!("Use `{tolerant}` to tolerate overflow and return NULL instead."),
        )
    }

    /// A text that is no value of the target type; both types under their SQL names.
    pub(crate) fn cast_invalid_input(value: &str, from: &str, to: &str) -> Box<Self> {
        let message = format!("the value '{value}' of the type {from} cannot be cast to {to}, because it is malformed");
        Self::new(
            Condition::CastInvalidInput,
            message,
            "Correct the value or change the target type. Use `try_cast` to tolerate malformed input and return NULL instead.",
        )
    }

    /// A number that the target type cannot hold; both types under their SQL names.
    pub(crate) fn cast_overflow(value: &str, from: &str, to: &str) -> Box<Self> {
        let message = format!("the value {value} of the type {from} cannot be cast to {to}, because it does not fit");
        Self::new(Condition::CastOverflow, message, "Use `try_cast` to tolerate overflow and return NULL instead.")
    }

    /// The failure at its place in the text.
    pub(crate) fn at(self, place: Option<Place>) -> SqlError {
        SqlError { condition: self.condition, message: self.message, hint: self.hint, bypass: true, place }
    }
}

/// An error in a statement: its class, a sentence, the way out and the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    condition: Condition,
    message: String,
    hint: Option<String>,
    bypass: bool,
    place: Option<Place>,
}

impl SqlError {
    /// An error that no setting turns off. Neither text ends in a line break; the message has no full stop.
    pub(crate) fn new(
        condition: Condition,
        message: impl Into<String>,
        hint: Option<String>,
        place: Option<Place>,
    ) -> Self {
        Self { condition, message: message.into(), hint, bypass: false, place }
    }

    /// The same error at a place.
    pub(crate) fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// The error's class, with its SQLSTATE.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// What is wrong, without class, hint and place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let lines = [self.hint.as_deref(), self.bypass.then_some(BYPASS)];
        let lines: Vec<&str> = lines.into_iter().flatten().collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Where in the text it is, if that is known.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}.", self.condition, self.message)?;
        if let Some(hint) = self.hint() {
            write!(f, " {hint}")?;
        }
        match &self.place {
            Some(place) => write!(f, "\n{place}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_message_has_class_sentence_way_out_and_place() {
        let text = "select sum(cost)/(select count(1) from items where cost > 100) from items";
        let place = Place::new(text.into(), 7..62);
        let error = Fault::divide_by_zero("try_divide").at(Some(place));
        expect![[r#"
            [DIVIDE_BY_ZERO] division by zero. Use `try_divide` to tolerate a divisor of 0 and return NULL instead.
            If necessary, set engine.ansi.enabled to "false" to bypass this error.
            == SQL (line 1, position 8) ==
            select sum(cost)/(select count(1) from items where cost > 100) from items
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]]
        .assert_eq(&error.to_string());
        let error = SqlError::new(Condition::UnresolvedColumn, "there is no column `x`", None, None);
        assert_eq!(error.to_string(), "[UNRESOLVED_COLUMN] there is no column `x`.");
    }
}

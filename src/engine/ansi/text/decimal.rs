//! Decimals as Java's `BigDecimal` reads them, rounded half up to the scale of their type.

use super::trim_java;

/// Why a text gives no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::ansi) enum NoDecimal {
    /// It is no number.
    Malformed,
    /// It is one with more digits than the type has.
    TooLarge,
}

/// How many digits Spark's widest decimal has.
const DIGITS: i64 = 38;

/// The unscaled value of a text as `DECIMAL(precision, scale)`: `12.345` at scale 2 is 1235.
pub(in crate::engine::ansi) fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, NoDecimal> {
    let number = Number::read(trim_java(text).as_bytes()).ok_or(NoDecimal::Malformed)?;
    number.unscaled(precision, scale).ok_or(NoDecimal::TooLarge)
}

/// A number in decimal notation, whose digits are still text.
struct Number<'a> {
    negative: bool,
    /// Digits and at most one point, without leading zeros.
    mantissa: &'a [u8],
    /// How many digits the mantissa has.
    digits: i64,
    /// How many digits stand behind the point, once the exponent has moved it.
    scale: i64,
}

impl<'a> Number<'a> {
    /// A sign, digits around a point, an exponent; `None` for everything else.
    fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = signed(text);
        let end = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let mantissa = &text[..end];
        let exponent = if end < text.len() { exponent(&text[end + 1..])? } else { 0 };
        let (mut digits, mut behind, mut point, mut leading) = (0_i64, 0_i64, false, true);
        let mut start = mantissa.len();
        let mut any = false;
        for (at, byte) in mantissa.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    behind += i64::from(point);
                    if leading && *byte != b'0' {
                        leading = false;
                        start = at;
                    }
                    digits += i64::from(!leading);
                }
                b'.' if !point => point = true,
                _ => return None,
            }
        }
        // Java keeps the scale in 32 bits.
        let scale = i32::try_from(behind - exponent).ok()?;
        any.then_some(Self { negative, mantissa: &mantissa[start..], digits, scale: scale.into() })
    }

    /// The value times 10 to the `scale`, rounded half up; `None` if it takes more than `precision` digits.
    fn unscaled(&self, precision: u8, scale: i8) -> Option<i128> {
        // Spark refuses a number that fits no decimal at all first, and counts zero as one digit: `0e99` is too large.
        if self.digits.max(1) - self.scale > DIGITS {
            return None;
        }
        let kept = self.digits + i64::from(scale) - self.scale;
        if self.digits == 0 || kept < 0 {
            return Some(0);
        }
        if kept > i64::from(precision) {
            return None;
        }
        let mut digits = self.mantissa.iter().filter(|byte| **byte != b'.').map(|byte| i128::from(byte - b'0'));
        let mut value = 0_i128;
        for _ in 0..kept {
            value = value * 10 + digits.next().unwrap_or(0);
        }
        value += i128::from(digits.next().is_some_and(|digit| digit >= 5));
        let limit = 10_i128.checked_pow(precision.into())?;
        (value < limit).then_some(if self.negative { -value } else { value })
    }
}

/// What follows an `e`: a sign or none and digits; `None` also for more than Java takes, which is 32 bits.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = signed(text);
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value = value * 10 + digit;
        if value > i64::from(i32::MAX) {
            return None;
        }
    }
    Some(if negative { -value } else { value })
}

/// Whether a minus stands before it, and what follows the sign.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, precision: u8, scale: i8, expected: Result<i128, NoDecimal>) {
        assert_eq!(decimal(text, precision, scale), expected, "{text:?} as ({precision},{scale})");
    }

    #[test]
    fn numbers_are_rounded_half_up() {
        check("12.345", 5, 2, Ok(1235));
        check("-12.345", 5, 2, Ok(-1235));
        check("12.3449999", 5, 2, Ok(1234));
        check(" +7 ", 5, 2, Ok(700));
        check("0", 1, 0, Ok(0));
        check("000.0001", 1, 0, Ok(0));
        check("0.5", 1, 0, Ok(1));
        check("0.05", 1, 0, Ok(0));
        check(".5", 2, 1, Ok(5));
        check("5.", 2, 1, Ok(50));
        check("1.5e3", 10, 0, Ok(1500));
        check("1500E-2", 10, 1, Ok(150));
        check("1e-2000000000", 10, 2, Ok(0));
        check("99999999999999999999999999999999999999", 38, 0, Ok(10_i128.pow(38) - 1));
        check("0.99999999999999999999999999999999999999", 38, 38, Ok(10_i128.pow(38) - 1));
        check("0e10", 5, 2, Ok(0));
        check("1234", 4, -2, Ok(12));
    }

    #[test]
    fn too_large_is_not_malformed() {
        let too_large = Err(NoDecimal::TooLarge);
        check("1000", 3, 0, too_large);
        check("999.5", 3, 0, too_large);
        check("1e38", 38, 0, too_large);
        check("1", 38, 38, too_large);
        check("1e2000000000", 38, 0, too_large);
        check("0e99", 38, 0, too_large);
        check("1e20", 10, 30, too_large);
    }

    #[test]
    fn malformed() {
        for text in ["", " ", ".", "-", "+.", "abc", "1e", "1e+", "e1", "1.2.3", "1d", "NaN", "inf", "1e9999999999"] {
            check(text, 38, 10, Err(NoDecimal::Malformed));
        }
        check("0.1e-2147483647", 38, 10, Err(NoDecimal::Malformed));
        check("--1", 38, 10, Err(NoDecimal::Malformed));
        check("1 2", 38, 10, Err(NoDecimal::Malformed));
    }
}

//! Reading values from texts as Spark does it, one text at a time and without an allocation.
//!
//! Each function gives `None` for a malformed text; what becomes of it is the caller's matter.

mod decimal;
mod temporal;

use std::str::FromStr;

pub(super) use self::decimal::{NoDecimal, decimal};
pub(super) use self::temporal::{Zone, date, timestamp};

/// Spaces and control characters at both ends do not count.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\x7f')
}

/// What Java's `String.trim` leaves, for the parsers that are Java's own: it keeps DEL.
fn trim_java(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// An integer: a sign or none, and digits. With `fraction`, a point and more digits may follow; they are cut off.
///
/// As in Spark, digits are optional beside a point: `.5` and even `.` are 0 then.
pub(super) fn integer(text: &str, fraction: bool) -> Option<i64> {
    let text = trim(text).as_bytes();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Counted downwards, because the least number has no positive counterpart.
    let mut value = 0_i64;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?,
            b'.' if fraction && digits[at + 1..].iter().all(u8::is_ascii_digit) => break,
            _ => return None,
        }
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A floating-point number as Java reads it: also `1.`, `.5`, `1e3`, `1.0d` and `1f`, and as Spark does: `inf`,
/// `infinity` and `nan` in any case. A number that is too large is infinite. Java's hexadecimal form is not read.
pub(super) fn float<F: FromStr>(text: &str) -> Option<F> {
    let text = trim_java(text);
    let number = match text.as_bytes() {
        [.., b'0'..=b'9' | b'.', b'd' | b'D' | b'f' | b'F'] => &text[..text.len() - 1],
        // A sign before it is Java's, which knows one spelling only.
        [b'+' | b'-', nan @ ..] if nan.eq_ignore_ascii_case(b"nan") && nan != b"NaN" => return None,
        _ => text,
    };
    number.parse().ok()
}

/// `t`, `true`, `y`, `yes`, `1` and their opposites, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = trim(text);
    let is_one_of = |words: [&str; 5]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(["t", "true", "y", "yes", "1"]) {
        Some(true)
    } else if is_one_of(["f", "false", "n", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        #[track_caller]
        fn check(text: &str, whole: Option<i64>, cut: Option<i64>) {
            assert_eq!((integer(text, false), integer(text, true)), (whole, cut), "{text:?}");
        }
        check("0", Some(0), Some(0));
        check(" \t\n+12\x7f\r ", Some(12), Some(12));
        check("-007", Some(-7), Some(-7));
        check("9223372036854775807", Some(i64::MAX), Some(i64::MAX));
        check("-9223372036854775808", Some(i64::MIN), Some(i64::MIN));
        check("9223372036854775808", None, None);
        check("-9223372036854775809", None, None);
        check("99999999999999999999999", None, None);
        check("1.9", None, Some(1));
        check("-1.9", None, Some(-1));
        check(".5", None, Some(0));
        check("5.", None, Some(5));
        check(".", None, Some(0));
        check("1.2.3", None, None);
        check("1.x", None, None);
        for malformed in ["", " ", "+", "-", "+-1", "1e3", "abc", "1 2", "1L", "0x1", "１", "--1", "é"] {
            check(malformed, None, None);
        }
    }

    #[test]
    fn floats() {
        #[track_caller]
        fn check(text: &str, expected: Option<f64>) {
            // NaN equals nothing, so that their bits are compared.
            assert_eq!(float::<f64>(text).map(f64::to_bits), expected.map(f64::to_bits), "{text:?}");
        }
        check("1", Some(1.0));
        check(" -1.5e-3 ", Some(-0.0015));
        check("1.", Some(1.0));
        check(".5", Some(0.5));
        check("1.0d", Some(1.0));
        check("1F", Some(1.0));
        check("1.D", Some(1.0));
        check("1e3f", Some(1000.0));
        check("-0", Some(-0.0));
        check("1e400", Some(f64::INFINITY));
        check("1e-400", Some(0.0));
        check("Infinity", Some(f64::INFINITY));
        check("-INF", Some(f64::NEG_INFINITY));
        check("+inf", Some(f64::INFINITY));
        check("nan", Some(f64::NAN));
        check("NaN", Some(f64::NAN));
        check("+NaN", Some(f64::NAN));
        for malformed in
            ["", ".", "d", ".d", "e5", "1e", "1dd", "+nan", "-NAN", "infd", "nanf", "1,5", "abc", "1_0", "1\x7f"]
        {
            check(malformed, None);
        }
        assert_eq!(float::<f32>("0.1"), Some(0.1_f32));
        assert_eq!(float::<f32>("1e39"), Some(f32::INFINITY));
    }

    #[test]
    fn booleans() {
        #[track_caller]
        fn check(texts: &[&str], expected: Option<bool>) {
            for text in texts {
                assert_eq!(boolean(text), expected, "{text:?}");
            }
        }
        check(&["t", "TRUE", " True\n", "y", "Yes", "1"], Some(true));
        check(&["f", "FALSE", "\tfalse ", "n", "No", "0"], Some(false));
        check(&["", " ", "on", "off", "2", "tr", "truee", "1.0", "ja"], None);
    }
}

//! `to_number(text, format)` and `try_to_number`: numbers as people write them.
//!
//! ```text
//!   to_number('$12,454.80', '$99,999.99')   12454.80 as DECIMAL(7,2)      to_number('<3>', '9PR')   -3
//! ```
//!
//! A format has digits (`9`, or `0` first where all digits have to be there), at most one `.` or `D`, groups with `,` or `G`, a
//! `$`, and a sign: `S` or `MI` at the beginning or the end, or `PR` at the end for `<…>`. Its digits decide on the type. Source:
//! the description of `to_number` in Spark 3.3's list of functions; what it leaves open is as Spark 3.3.4 does it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, new_empty_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::condition::Condition;
use super::error::SqlError;
use super::policy::Policy;
use super::site::Site;

/// The most digits of a decimal.
const MAX_DIGITS: usize = 38;

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format {
    dollar: bool,
    /// The digits of each group before the point, from the left.
    groups: Vec<usize>,
    /// All digits before the point have to be there.
    exact: bool,
    fraction: usize,
    sign: Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    First,
    Last,
    /// `<…>` is negative.
    Angled,
}

impl Format {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the format string cannot be empty".to_owned());
        }
        let upper = text.to_uppercase();
        let (rest, sign) = take_sign(&upper);
        let (rest, dollar) = match rest.strip_prefix('$') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (whole, fraction) = match rest.find(['.', 'D']) {
            Some(point) => (&rest[..point], &rest[point + 1..]),
            None => (rest, ""),
        };
        let groups: Vec<&str> = whole.split([',', 'G']).collect();
        let is_digits = |part: &str| part.bytes().all(|byte| matches!(byte, b'0' | b'9'));
        if !groups.iter().all(|group| is_digits(group)) || !is_digits(fraction) {
            return Err(format!("the format '{text}' has characters, or an order of them, that no number format has"));
        }
        let digits: usize = groups.iter().map(|group| group.len()).sum::<usize>() + fraction.len();
        if digits == 0 {
            return Err("the format string requires at least one digit".to_owned());
        }
        if groups.len() > 1 && groups.iter().any(|group| group.is_empty()) {
            return Err(format!("the format '{text}' has a group separator without digits on both sides"));
        }
        if digits > MAX_DIGITS {
            return Err(format!("the format '{text}' has {digits} digits; a decimal has {MAX_DIGITS} at most"));
        }
        let (exact, fraction) = (whole.starts_with('0'), fraction.len());
        Ok(Self { dollar, groups: groups.iter().map(|group| group.len()).collect(), exact, fraction, sign })
    }

    fn whole(&self) -> usize {
        self.groups.iter().sum()
    }

    fn data_type(&self) -> DataType {
        let precision = u8::try_from(self.whole() + self.fraction).unwrap_or(u8::MAX);
        DataType::Decimal128(precision, i8::try_from(self.fraction).unwrap_or(i8::MAX))
    }

    /// The unscaled value of a text; nothing where it does not fit the format.
    fn read(&self, text: &str) -> Option<i128> {
        let (rest, is_negative) = self.read_sign(text.trim())?;
        let rest = if self.dollar { rest.strip_prefix('$')? } else { rest };
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        if fraction.len() > self.fraction || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let groups: Vec<&str> = whole.split(',').collect();
        let skipped = self.groups.len().checked_sub(groups.len())?;
        let fits =
            |(group, size): (&&str, &usize)| group.len() <= *size && group.bytes().all(|byte| byte.is_ascii_digit());
        if !groups.iter().zip(&self.groups[skipped..]).all(fits) {
            return None;
        }
        let digits: String = groups.concat();
        if digits.len() + fraction.len() == 0 || self.exact && digits.len() != self.whole() {
            return None;
        }
        let padded = format!("{digits}{fraction:0<width$}", width = self.fraction);
        let value: i128 = padded.parse().ok()?;
        Some(if is_negative { -value } else { value })
    }

    fn read_sign<'a>(&self, text: &'a str) -> Option<(&'a str, bool)> {
        let strip = |strip: fn(&'a str, char) -> Option<&'a str>| match (strip(text, '-'), strip(text, '+')) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => (text, false),
        };
        Some(match self.sign {
            Sign::None => (text, false),
            Sign::First => strip(|text, sign| text.strip_prefix(sign)),
            Sign::Last => strip(|text, sign| text.strip_suffix(sign)),
            Sign::Angled => match text.strip_prefix('<') {
                Some(rest) => (rest.strip_suffix('>')?, true),
                None => (text, false),
            },
        })
    }
}

fn take_sign(format: &str) -> (&str, Sign) {
    for mark in ["MI", "S"] {
        if let Some(rest) = format.strip_prefix(mark) {
            return (rest, Sign::First);
        }
        if let Some(rest) = format.strip_suffix(mark) {
            return (rest, Sign::Last);
        }
    }
    match format.strip_suffix("PR") {
        Some(rest) => (rest, Sign::Angled),
        None => (format, Sign::None),
    }
}

/// The function; with [`Policy::Try`], `try_to_number`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ToNumber {
    site: Site,
    signature: Signature,
}

impl ToNumber {
    pub(crate) fn new(site: Site) -> Self {
        Self { site, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn format(&self, text: &str) -> Result<Format> {
        Format::parse(text).map_err(|message| {
            let hint = "A format is made of 0, 9, one `.`, `,`, `$`, and `S`, `MI` or `PR`, as in '$99,999.99'.";
            self.site.raise_always(SqlError::new(Condition::InvalidFormat, message, Some(hint.to_owned()), None))
        })
    }
}

impl ScalarUDFImpl for ToNumber {
    fn name(&self) -> &str {
        if self.site.policy() == Policy::Try { "try_to_number" } else { "to_number" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The format stays as it is written: a cast of it would be no literal any more.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [text, format] if (text.is_string() || text.is_null()) && format.is_string() => {
                Ok(vec![if text.is_null() { DataType::Utf8 } else { text.clone() }, format.clone()])
            }
            _ => plan_err!("Failed to coerce arguments: {} takes a text and a format", self.name()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("the type of {} depends on its format", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let format = match args.scalar_arguments {
            [_, Some(format)] => format.try_as_str().flatten(),
            _ => None,
        };
        let Some(format) = format else { return plan_err!("the format of {} has to be a literal", self.name()) };
        Ok(Arc::new(Field::new(self.name(), self.format(format)?.data_type(), true)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let format = match args.args.get(1) {
            Some(ColumnarValue::Scalar(format)) => format.try_as_str().flatten().map(str::to_owned),
            _ => None,
        };
        let Some(format_text) = format else { return plan_err!("the format of {} has to be a literal", self.name()) };
        let format = self.format(&format_text)?;
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let texts = args.args[0].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let result = match self.read_all(&texts, &format, &format_text) {
            // A constant that no row has reached.
            Err(_) if args.number_rows == 0 => return Ok(ColumnarValue::Array(new_empty_array(args.return_type()))),
            result => result?,
        };
        let result = result.with_data_type(args.return_type().clone());
        match is_scalar {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
            false => Ok(ColumnarValue::Array(Arc::new(result))),
        }
    }
}

impl ToNumber {
    fn read_all(&self, texts: &ArrayRef, format: &Format, format_text: &str) -> Result<Decimal128Array> {
        let texts = arrow::compute::cast(texts, &DataType::Utf8).map_err(DataFusionError::from)?;
        let texts = texts.as_string::<i32>();
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            let value = text.and_then(|text| format.read(text));
            if let (Some(text), None) = (text, value)
                && self.site.policy() != Policy::Try
            {
                return Err(self.site.raise_always(mismatch(text, format_text)));
            }
            values.push(value);
        }
        Ok(Decimal128Array::from(values))
    }
}

fn mismatch(text: &str, format: &str) -> SqlError {
    SqlError::new(
        Condition::ConversionInvalidInput,
        format!("the value '{text}' does not fit the number format '{format}'"),
        Some("Use `try_to_number` to tolerate it and return NULL instead.".to_owned()),
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, text: &str, expected: Option<(i128, u8, i8)>) {
        let format = Format::parse(format).expect("a format");
        let found = format.read(text).map(|value| match format.data_type() {
            DataType::Decimal128(precision, scale) => (value, precision, scale),
            other => panic!("{other}"),
        });
        assert_eq!(found, expected, "{text:?} as {format:?}");
    }

    #[test]
    fn texts_fit_formats_or_not() {
        check("999", "454", Some((454, 3, 0)));
        check("000.00", "454.00", Some((45_400, 5, 2)));
        check("000D00", "54.00", None);
        check("99,999", "12,454", Some((12_454, 5, 0)));
        check("99G999", "12,45", Some((1_245, 5, 0)));
        check("99,999", "12454", None);
        check("$99.99", "$78.12", Some((7_812, 4, 2)));
        check("$99.99", "78.12", None);
        check("S99", "-12", Some((-12, 2, 0)));
        check("99S", "12-", Some((-12, 2, 0)));
        check("MI99", "12", Some((12, 2, 0)));
        check("99PR", "<12>", Some((-12, 2, 0)));
        check("99PR", "<12", None);
        check("99", "-12", None);
        check("99.99", "12.3", Some((1_230, 4, 2)));
        check("99", " 12 ", Some((12, 2, 0)));
        check("999", "", None);
        check("999", "1.5", None);
    }

    #[test]
    fn formats_that_are_none() {
        for format in ["", "x", "$", "9,,9", ",9", "9.9.9", "9S9", &"9".repeat(39)] {
            assert!(Format::parse(format).is_err(), "{format:?}");
        }
    }
}

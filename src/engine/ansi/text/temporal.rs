//! Dates and timestamps, in the forms that Spark takes.
//!
//! ```text
//!   [+-]yyyy[-[m]m[-[d]d[( |T)...]]]                                   a date; a year has 4 to 7 digits
//!   [+-]yyyy[-[m]m[-[d]d[( |T)[h]h[:[m]m[:[s]s[.[fraction]][zone]]]]]] a timestamp; a year has 4 to 6 digits
//! ```
//!
//! A zone may only follow seconds. A time without a date, which Spark completes with the current date, is malformed
//! here: the answer would depend on when one asks.

use std::ops::RangeInclusive;

use arrow::array::timezone::Tz;
use chrono::{DateTime, Duration, MappedLocalTime, Offset, TimeZone};

use super::trim;

const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Java's short names of zones that have no fixed offset.
const SHORT_NAMES: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// Days since 1970-01-01.
pub(in crate::engine::ansi) fn date(text: &str) -> Option<i32> {
    let mut text = Cursor(trim(text).as_bytes());
    let negative = text.sign().unwrap_or(false);
    let year = text.digits(4..=7)?;
    let month = if text.take(b'-') { text.digits(1..=2)? } else { return text.ends(days(negative, year, 1, 1)?) };
    let day = if text.take(b'-') { text.digits(1..=2)? } else { return text.ends(days(negative, year, month, 1)?) };
    let days = days(negative, year, month, day)?;
    // Whatever stands behind a date is a time, which nobody asked for.
    if text.take(b' ') || text.take(b'T') { i32::try_from(days).ok() } else { text.ends(days) }
}

/// Microseconds since 1970-01-01 in UTC. A text without a zone is a local time in `zone`.
pub(in crate::engine::ansi) fn timestamp(text: &str, zone: &Zone) -> Option<i64> {
    let mut text = Cursor(trim(text).as_bytes());
    let negative = text.sign().unwrap_or(false);
    let (mut month, mut day, mut time, mut own) = (1, 1, Time::default(), None);
    let year = text.digits(4..=6)?;
    if text.take(b'-') {
        month = text.digits(1..=2)?;
        if text.take(b'-') {
            day = text.digits(1..=2)?;
            if text.take(b' ') || text.take(b'T') {
                (time, own) = text.time()?;
            }
        }
    }
    if !text.0.is_empty() {
        return None;
    }
    let local = days(negative, year, month, day)? * SECONDS_PER_DAY + time.seconds()?;
    let seconds = own.as_ref().unwrap_or(zone).to_utc(local)?;
    seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(time.micro)
}

/// What has not been read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Whether this byte is next; it is gone then.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// A sign, if one is next: whether it is a minus.
    fn sign(&mut self) -> Option<bool> {
        if self.take(b'-') { Some(true) } else { self.take(b'+').then_some(false) }
    }

    /// All the digits that are next, as a number, if they are that many.
    fn digits(&mut self, count: RangeInclusive<usize>) -> Option<i64> {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        count.contains(&end).then(|| digits.iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
    }

    /// A date, if nothing follows it.
    fn ends(&self, days: i64) -> Option<i32> {
        if self.0.is_empty() { i32::try_from(days).ok() } else { None }
    }

    /// A time of day, with the zone behind it.
    fn time(&mut self) -> Option<(Time, Option<Zone>)> {
        let mut time = Time { hour: self.digits(1..=2)?, ..Time::default() };
        if !self.take(b':') {
            return Some((time, None));
        }
        time.minute = self.digits(1..=2)?;
        if !self.take(b':') {
            return Some((time, None));
        }
        time.second = self.digits(1..=2)?;
        if self.take(b'.') {
            time.micro = self.micros();
        }
        let rest = std::mem::take(&mut self.0);
        let zone = if rest.is_empty() { None } else { Some(Zone::read(std::str::from_utf8(rest).ok()?)?) };
        Some((time, zone))
    }

    /// The digits of a fraction of a second as microseconds; further ones are cut off.
    fn micros(&mut self) -> i64 {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        let digits = digits.iter().map(|byte| i64::from(byte - b'0')).chain(std::iter::repeat(0));
        digits.take(6).fold(0, |value, digit| value * 10 + digit)
    }
}

/// A time of day as it was written.
#[derive(Debug, Clone, Copy, Default)]
struct Time {
    hour: i64,
    minute: i64,
    second: i64,
    micro: i64,
}

impl Time {
    /// Seconds since midnight, if there is such a time. There are no leap seconds, and no 24 o'clock.
    fn seconds(self) -> Option<i64> {
        let exists = self.hour < 24 && self.minute < 60 && self.second < 60;
        exists.then_some(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, which reaches back to before its invention. `None` if there is no
/// such day.
fn days(negative: bool, year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if negative { -year } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March end in the leap day, so that it moves no other day of them.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // Five months from March or August on have 153 days.
    let before_month = (153 * month + 2) / 5;
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    Some(before_year + before_month + day - 1 - 719_468)
}

/// Where a local time is meant.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::ansi) enum Zone {
    /// So many seconds ahead of UTC.
    Fixed(i64),
    /// A region, whose offset changes.
    Region(Tz),
}

impl Zone {
    /// UTC itself.
    pub(in crate::engine::ansi) const UTC: Self = Self::Fixed(0);

    /// A zone as Spark writes it: `Z`, `+1`, `-08:00`, `UTC+01:30`, `CET`, `Europe/Paris`.
    pub(in crate::engine::ansi) fn read(text: &str) -> Option<Self> {
        let text = super::trim_java(text);
        if text == "Z" {
            return Some(Self::UTC);
        }
        if text.starts_with(['+', '-']) {
            return offset(text).map(Self::Fixed);
        }
        // The longer one first, because the other begins it.
        for prefix in ["UTC", "GMT", "UT"] {
            match text.strip_prefix(prefix) {
                Some("") => return Some(Self::UTC),
                Some(rest) if rest.starts_with(['+', '-']) => return offset(rest).map(Self::Fixed),
                _ => {}
            }
        }
        match text {
            "EST" => Some(Self::Fixed(-5 * 3600)),
            "MST" => Some(Self::Fixed(-7 * 3600)),
            "HST" => Some(Self::Fixed(-10 * 3600)),
            _ => {
                let region = SHORT_NAMES.iter().find(|(short, _)| *short == text).map_or(text, |(_, region)| region);
                region.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| region.parse().ok().map(Self::Region))?
            }
        }
    }

    /// Seconds since 1970-01-01 in UTC from those on a local clock. An hour that the clock shows twice is the first
    /// one; one that it skips is counted on from before the gap.
    fn to_utc(self, local: i64) -> Option<i64> {
        let region = match self {
            Self::Fixed(offset) => return local.checked_sub(offset),
            Self::Region(region) => region,
        };
        let clock = DateTime::from_timestamp(local, 0)?.naive_utc();
        let offset = match region.offset_from_local_datetime(&clock) {
            MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => offset,
            // A day is longer than any gap.
            MappedLocalTime::None => {
                region.offset_from_local_datetime(&clock.checked_sub_signed(Duration::days(1))?).earliest()?
            }
        };
        local.checked_sub(offset.fix().local_minus_utc().into())
    }
}

/// Seconds ahead of UTC: `+h`, `+hh`, `+hhmm`, `+hhmmss`, or with colons, where one digit is enough for the hours and
/// for minutes at the end. 18 hours at most.
fn offset(text: &str) -> Option<i64> {
    let mut text = Cursor(text.as_bytes());
    let negative = text.sign()?;
    let (hours, minutes, seconds) = if text.0.contains(&b':') {
        let hours = text.digits(1..=2)?;
        text.take(b':').then_some(())?;
        let before = text.0.len();
        let minutes = text.digits(1..=2)?;
        let width = before - text.0.len();
        match text.take(b':') {
            true if width == 1 => return None,
            true => (hours, minutes, text.digits(2..=2)?),
            false => (hours, minutes, 0),
        }
    } else {
        let length = text.0.len();
        let value = text.digits(1..=6)?;
        match length {
            1 | 2 => (value, 0, 0),
            4 => (value / 100, value % 100, 0),
            6 => (value / 10_000, value / 100 % 100, value % 100),
            _ => return None,
        }
    };
    let total = hours * 3600 + minutes * 60 + seconds;
    let exists = text.0.is_empty() && minutes < 60 && seconds < 60 && total <= 18 * 3600;
    exists.then_some(if negative { -total } else { total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        #[track_caller]
        fn check(text: &str, expected: Option<i32>) {
            assert_eq!(date(text), expected, "{text:?}");
        }
        check("1970-01-01", Some(0));
        check(" 1970-1-2 ", Some(1));
        check("1969-12-31", Some(-1));
        check("2000-02-29", Some(11_016));
        check("2001-02-29", None);
        check("1900-02-29", None);
        check("1970", Some(0));
        check("1970-02", Some(31));
        check("+1970-02-01", Some(31));
        check("0001-01-01", Some(-719_162));
        check("0000-01-01", Some(-719_528));
        check("-0001-12-31", Some(-719_529));
        check("9999-12-31", Some(2_932_896));
        check("5881580-07-11", Some(i32::MAX));
        check("5881580-07-12", None);
        check("1970-01-01T", Some(0));
        check("1970-01-01 nonsense", Some(0));
        check("1970-01-01T12:34", Some(0));
        // A space at the end is trimmed away.
        check("1970 ", Some(0));
        for malformed in [
            "",
            " ",
            "-",
            "197",
            "12345678",
            "1970-",
            "1970-01-",
            "1970-13-01",
            "1970-00-01",
            "1970-01-32",
            "1970-01-00",
            "1970-001-01",
            "1970-01-001",
            "1970/01/01",
            "19700101x",
            "1970-01T",
            "1970-01-01x",
            "abc",
            "1970T",
        ] {
            check(malformed, None);
        }
    }

    #[test]
    fn timestamps() {
        #[track_caller]
        fn check(text: &str, expected: Option<i64>) {
            assert_eq!(timestamp(text, &Zone::UTC), expected, "{text:?}");
        }
        const HOUR: i64 = 3_600_000_000;
        check("1970-01-01", Some(0));
        check("1970-02", Some(31 * 24 * HOUR));
        check("1971", Some(365 * 24 * HOUR));
        check("1970-01-01 1", Some(HOUR));
        check("1970-01-01T01:30", Some(HOUR * 3 / 2));
        check("1970-01-01 01:00:01", Some(HOUR + 1_000_000));
        check("1970-01-01 0:0:0.5", Some(500_000));
        check("1970-01-01 00:00:00.", Some(0));
        check("1970-01-01 00:00:00.1234567899", Some(123_456));
        check("1969-12-31 23:59:59.999999", Some(-1));
        check("1970-01-01 01:00:00Z", Some(HOUR));
        check("1970-01-01 01:00:00.5 UTC", Some(HOUR + 500_000));
        check("1970-01-01 01:00:00+01:00", Some(0));
        check("1970-01-01 01:00:00+1", Some(0));
        check("1970-01-01 01:00:00 UTC+1:00", Some(0));
        check("1970-01-01 01:00:00-0130", Some(HOUR * 5 / 2));
        check("1970-01-01 01:00:00 EST", Some(6 * HOUR));
        check("294247-01-10 04:00:54.775807", Some(i64::MAX));
        check("294247-01-10 04:00:54.775808", None);
        for malformed in [
            "",
            " ",
            "10:30",
            "T10:30:00",
            "1970-01-01T",
            "1970-01-01 24:00:00",
            "1970-01-01 00:60:00",
            "1970-01-01 00:00:60",
            "1970-01-01 01:30Z",
            "1970-01-01Z",
            "1970-01-01 00:00:00z",
            "1970-01-01  1:00",
            "1970-01-01 00:00:00+19:00",
            "1970-01-01 00:00:00+01:60",
            "1970-01-01 00:00:00 Nowhere/Else",
            "1234567-01-01",
            "1970-01-01 00:00:00 +1:2:3",
            "1970-01-01 00:00:00 +01:2:30",
            "1970-01-01 00:00:00+123",
            "abc",
            "1970-01-01 00:00:00é",
        ] {
            check(malformed, None);
        }
    }

    #[test]
    fn regions() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            let expected = expected.map(|text| timestamp(text, &Zone::UTC).expect("a timestamp"));
            assert_eq!(timestamp(text, &Zone::read("Europe/Paris").expect("a zone")), expected, "{text:?}");
        }
        check("2020-07-01 12:00:00", Some("2020-07-01 10:00:00"));
        check("2020-01-01 12:00:00 Asia/Tokyo", Some("2020-01-01 03:00:00"));
        check("2020-01-01 12:00:00 PST", Some("2020-01-01 20:00:00"));
        // Clocks went forward from 2 to 3, and back from 3 to 2.
        check("2020-03-29 02:30:00", Some("2020-03-29 01:30:00"));
        check("2020-10-25 02:30:00", Some("2020-10-25 00:30:00"));
    }
}

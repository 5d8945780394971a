//! The only place that reads a clock for a measurement.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};

/// A point in time that only differences are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(Instant);

/// Now, on a clock that never goes back.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may read the clock")]
pub fn now() -> Moment {
    Moment(Instant::now())
}

impl Moment {
    /// So many nanoseconds later.
    #[cfg(test)]
    pub(crate) fn after(self, nanoseconds: u64) -> Self {
        Self(self.0 + std::time::Duration::from_nanos(nanoseconds))
    }

    /// Nanoseconds from `earlier` to this moment.
    pub fn nanoseconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.duration_since(earlier.0).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The date and time, for the record and for names.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may read the clock")]
pub fn utc() -> DateTime<Utc> {
    Utc::now()
}

/// The date and time as results have it: UTC, ISO 8601, milliseconds.
pub fn timestamp() -> String {
    utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

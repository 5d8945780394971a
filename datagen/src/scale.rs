//! The scale factor: text in, row counts out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tpcdsgen::config::{Session, SessionBuilder, Table as SourceTable};

use crate::error::{Error, Result};
use crate::schema::Table;

/// A TPC-DS scale factor: about so many gigabytes of raw text.
///
/// Kept as a whole number of hundredths, so that two equal factors are equal and `0.01` reads as
/// `0.01` everywhere. The specification knows 1 and up; fractions down to 0.01 are for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScaleFactor {
    hundredths: u32,
}

/// How many rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowCount {
    /// So many.
    Exact(u64),
    /// About so many: an order has a random number of lines and a line is returned by chance, so
    /// sales and returns are counted only when they are generated.
    About(u64),
}

impl RowCount {
    /// The number, exact or not.
    pub fn estimate(self) -> u64 {
        match self {
            Self::Exact(count) | Self::About(count) => count,
        }
    }
}

impl ScaleFactor {
    /// The smallest scale factor, 0.01.
    pub const MIN: Self = Self { hundredths: 1 };
    /// The largest scale factor of the specification, 100,000.
    pub const MAX: Self = Self { hundredths: 10_000_000 };

    /// The factor as a number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }

    /// How many rows `table` has at this scale.
    pub fn row_count(self, table: &Table) -> RowCount {
        let source_rows = self.source_row_count(table);
        match SalesLines::of(table.source) {
            None => RowCount::Exact(source_rows),
            Some(lines) => RowCount::About(lines.expected_rows(source_rows)),
        }
    }

    /// How many steps the generator takes for `table`: orders for sales and returns, rows otherwise.
    pub(crate) fn source_row_count(self, table: &Table) -> u64 {
        self.session().get_scaling().get_row_count(table.source)
    }

    /// The generator's settings for this scale: rows as `dsdgen` makes them.
    pub(crate) fn session(self) -> Session {
        SessionBuilder::new()
            .with_scale_factor(self.as_f64())
            .with_command_line_arguments(format!("--scale-factor {self}"))
            .build()
            .expect("a scale factor is finite and positive")
    }
}

/// How rows of sales and returns come from orders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SalesLines {
    /// Mean number of rows that an order gives, in tenths.
    mean_tenths: u64,
}

impl SalesLines {
    /// `None` for tables where a source row is a row.
    ///
    /// The generator draws 8 to 16 lines an order in stores and on the web and 4 to 14 in catalogs,
    /// and one line in ten is returned.
    pub(crate) fn of(table: SourceTable) -> Option<Self> {
        let mean_tenths = match table {
            SourceTable::StoreSales | SourceTable::WebSales => 120,
            SourceTable::CatalogSales => 90,
            SourceTable::StoreReturns | SourceTable::WebReturns => 12,
            SourceTable::CatalogReturns => 9,
            _ => return None,
        };
        Some(Self { mean_tenths })
    }

    /// The rows to expect from so many orders.
    pub(crate) fn expected_rows(self, orders: u64) -> u64 {
        orders * self.mean_tenths / 10
    }

    /// The orders that give about so many rows.
    pub(crate) fn orders_for(self, rows: u64) -> u64 {
        (rows.saturating_mul(10) / self.mean_tenths).max(1)
    }
}

impl fmt::Display for ScaleFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

impl FromStr for ScaleFactor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |reason| Error::InvalidScale { text: text.to_owned(), reason };
        let not_a_number = "must be a number such as 1, 10 or 0.01";
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(invalid(not_a_number));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 2 {
            return Err(invalid("has more than two decimals"));
        }
        let out_of_range = "must be between 0.01 and 100000";
        let hundredths = format!("{whole}{fraction:0<2}").parse().map_err(|_| invalid(out_of_range))?;
        let scale = Self { hundredths };
        if scale < Self::MIN || scale > Self::MAX {
            return Err(invalid(out_of_range));
        }
        Ok(scale)
    }
}

/// A plain number: `10`, `0.01`.
impl Serialize for ScaleFactor {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.hundredths.is_multiple_of(100) {
            serializer.serialize_u32(self.hundredths / 100)
        } else {
            serializer.serialize_f64(self.as_f64())
        }
    }
}

impl<'de> Deserialize<'de> for ScaleFactor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        number.to_string().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::schema;

    #[test]
    fn text_becomes_a_factor_or_a_reason() {
        let check = |text: &str, expected: Expect| {
            expected.assert_eq(&match text.parse::<ScaleFactor>() {
                Ok(scale) => scale.to_string(),
                Err(error) => error.to_string(),
            });
        };
        check("1", expect!["1"]);
        check("10", expect!["10"]);
        check("10.0", expect!["10"]);
        check("0.01", expect!["0.01"]);
        check("0.10", expect!["0.1"]);
        check("2.5", expect!["2.5"]);
        check("100000", expect!["100000"]);
        check("", expect!["scale factor `` must be a number such as 1, 10 or 0.01"]);
        check("ten", expect!["scale factor `ten` must be a number such as 1, 10 or 0.01"]);
        check("-1", expect!["scale factor `-1` must be a number such as 1, 10 or 0.01"]);
        check("1e3", expect!["scale factor `1e3` must be a number such as 1, 10 or 0.01"]);
        check("1.", expect!["scale factor `1.` must be a number such as 1, 10 or 0.01"]);
        check("0", expect!["scale factor `0` must be between 0.01 and 100000"]);
        check("0.015", expect!["scale factor `0.015` has more than two decimals"]);
        check("100000.01", expect!["scale factor `100000.01` must be between 0.01 and 100000"]);
        check("99999999999", expect!["scale factor `99999999999` must be between 0.01 and 100000"]);
    }

    #[test]
    fn json_is_a_plain_number() {
        for text in ["1", "0.01", "2.5", "0.29", "100000"] {
            let scale: ScaleFactor = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&scale).unwrap(), text);
            assert_eq!(serde_json::from_str::<ScaleFactor>(text).unwrap(), scale);
        }
        assert!(serde_json::from_str::<ScaleFactor>("0").is_err());
    }

    #[test]
    fn row_counts_are_those_of_the_specification() {
        let check = |scale: &str, table: &str, expected: RowCount| {
            let scale: ScaleFactor = scale.parse().unwrap();
            assert_eq!(scale.row_count(schema::table(table).unwrap()), expected, "{table} at {scale}");
        };
        check("1", "customer", RowCount::Exact(100_000));
        check("10", "customer", RowCount::Exact(500_000));
        check("1", "item", RowCount::Exact(18_000));
        check("1", "inventory", RowCount::Exact(11_745_000));
        check("1", "reason", RowCount::Exact(75));
        check("1", "store_sales", RowCount::About(2_880_000));
        check("1", "catalog_sales", RowCount::About(1_440_000));
        check("100", "web_sales", RowCount::About(72_000_000));
        check("0.01", "customer", RowCount::Exact(1_000));
        // The generator rounds orders to ten thousands.
        check("0.01", "store_returns", RowCount::About(12_000));
    }
}

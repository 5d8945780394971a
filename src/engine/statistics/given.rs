//! [`GivenStatistics`]: what was counted on all rows of a table before the session began.
//!
//! ```text
//!   footers ─────────────┐
//!   given, by column ────┴─▶ what TableKnowledge says of a column      a sample is asked for what neither tells
//! ```
//!
//! Footers are believed first, as they are the files' own. They have no distinct values, though, and often no ends of texts; and what
//! a sample tells of distinct values can be off by the square root of its share.

use std::collections::HashMap;

use arrow::datatypes::Schema;
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};

/// What was counted on all rows of a table.
#[derive(Debug, Clone, Default)]
pub struct GivenStatistics {
    /// The rows that were counted. Of a table that has others, nothing is believed.
    pub row_count: usize,
    /// By the columns' names.
    pub columns: HashMap<String, GivenColumn>,
}

/// What was counted of a column.
#[derive(Debug, Clone)]
pub struct GivenColumn {
    /// Distinct values but for NULL, about.
    pub distinct_count: usize,
    /// Rows without a value.
    pub null_count: usize,
    /// The least value, if there is one.
    pub min: Option<ScalarValue>,
    /// The greatest value.
    pub max: Option<ScalarValue>,
}

impl GivenStatistics {
    /// Adds what `statistics`, whose columns are those of `schema`, do not tell.
    pub(super) fn complete(&self, statistics: &mut Statistics, schema: &Schema) {
        if statistics.num_rows.get_value() != Some(&self.row_count) {
            return;
        }
        for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
            let Some(given) = self.columns.get(field.name()) else { continue };
            // Nobody answers a query by these numbers, and nobody should.
            fill_in(&mut column.distinct_count, Some(given.distinct_count));
            fill_in(&mut column.null_count, Some(given.null_count));
            fill_in(&mut column.min_value, given.min.clone());
            fill_in(&mut column.max_value, given.max.clone());
        }
    }
}

fn fill_in<T: std::fmt::Debug + Clone + PartialEq + Eq + PartialOrd>(known: &mut Precision<T>, given: Option<T>) {
    if let (Precision::Absent, Some(given)) = (&known, given) {
        *known = Precision::Inexact(given);
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use datafusion::common::ColumnStatistics;

    use super::*;

    /// Distinct values, NULLs and least value of a column `a` after the given ones were added to a footer's.
    #[track_caller]
    fn check(name: &str, row_count: usize, footer: ColumnStatistics, expected: ColumnStatistics) {
        let given = GivenColumn { distinct_count: 7, null_count: 2, min: Some(1_i64.into()), max: None };
        let given = GivenStatistics { row_count: 10, columns: [(name.to_owned(), given)].into() };
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let mut statistics = Statistics::new_unknown(&schema);
        statistics.num_rows = Precision::Exact(row_count);
        statistics.column_statistics = vec![footer];
        given.complete(&mut statistics, &schema);
        assert_eq!(statistics.column_statistics, [expected]);
    }

    #[test]
    fn footers_are_completed_and_never_contradicted() {
        let nothing = ColumnStatistics::new_unknown;
        let all = ColumnStatistics {
            distinct_count: Precision::Inexact(7),
            null_count: Precision::Inexact(2),
            min_value: Precision::Inexact(1_i64.into()),
            ..nothing()
        };
        check("a", 10, nothing(), all.clone());
        let footer = ColumnStatistics {
            min_value: Precision::Exact(0_i64.into()),
            null_count: Precision::Exact(3),
            ..nothing()
        };
        let both = ColumnStatistics { distinct_count: Precision::Inexact(7), ..footer.clone() };
        check("a", 10, footer, both);
        check("b", 10, nothing(), nothing());
        check("a", 11, nothing(), nothing());
    }
}

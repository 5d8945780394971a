//! [`Estimate`]: the rows that an operator is expected to deliver, and what is known of its columns.
//!
//! Every column knows which column of which scan it comes from, so that a condition can be counted on the table wherever in the plan it
//! stands, and how many values it has where nothing is filtered: what two columns have in common is a matter of their domains, not
//! of what is left of them.

use std::sync::Arc;

use datafusion::physical_expr::PhysicalExprRef;

use super::knowledge::{Counted, TableKnowledge};

/// Rows that an operator is expected to deliver, and what is known of its columns.
#[derive(Debug, Clone)]
pub(crate) struct Estimate {
    /// Rows, from 0.
    pub(crate) rows: f64,
    /// In the order of the operator's schema.
    pub(crate) columns: Vec<ColumnEstimate>,
}

/// What is known of a column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnEstimate {
    /// Distinct values but for NULL, from 1.
    pub(crate) distinct: f64,
    /// The same before any row was left out.
    pub(crate) domain: f64,
    /// Where whole numbers and days lie.
    pub(crate) range: Option<Range>,
    /// Where they lay before any row was left out.
    pub(crate) domain_range: Option<Range>,
    /// The share of rows that are NULL, 0 to 1.
    pub(crate) null_share: f64,
    /// Bytes a value, as it is held in memory.
    pub(crate) width_bytes: f64,
    /// Where the values come from, unchanged.
    pub(crate) origin: Option<Origin>,
    /// The rows of the operator that computed it, if one did. A column that is computed for rows has with their other columns no more
    /// combinations of values than there are rows.
    pub(crate) computed_rows: Option<f64>,
}

/// Both ends of whole numbers, or of days since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A column of a scan.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) table: Arc<TableKnowledge>,
    /// Its position in the table.
    pub(crate) column: usize,
    /// One value for one scan of one plan: a statement may scan a table twice.
    pub(crate) scan: usize,
    pub(crate) passed: Arc<Passed>,
}

/// The rows of a scan that its own conditions leave, whatever joins leave of them.
#[derive(Debug)]
pub(crate) struct Passed {
    /// Over the columns of the table, in the order in which they were met.
    conditions: Vec<PhysicalExprRef>,
    pub(crate) rows: f64,
}

impl Passed {
    /// All rows of a scan, which may leave out files of its table.
    pub(crate) fn all(rows: f64) -> Self {
        Self { conditions: Vec::new(), rows }
    }

    /// The share of rows that passed `before` and have passed more conditions since, 0 to 1.
    pub(crate) fn share_of(&self, before: &Self) -> f64 {
        if before.rows > 0.0 { (self.rows / before.rows).min(1.0) } else { 1.0 }
    }
}

impl Origin {
    /// Counts these conditions, over the columns of the table, together with those that the scan's rows have passed. None if that is not possible.
    pub(crate) fn count(&self, conditions: Vec<PhysicalExprRef>) -> Option<(Arc<Counted>, Passed)> {
        let mut all = self.passed.conditions.clone();
        for condition in conditions {
            if !all.contains(&condition) {
                all.push(condition);
            }
        }
        let counted = self.table.count(&all)?;
        // Files that the same conditions leave out are not in the scan: what is left of the table is at most the scan.
        let rows = (counted.share * self.table.row_count()).min(self.passed.rows);
        Some((counted, Passed { conditions: all, rows }))
    }
}

/// How many combinations of values there are of columns that have so many values each: those of one scan are no more than were counted
/// in its table, or than it has rows; those of several scans are independent. What was computed for rows, as their number in a window, is taken
/// for something of these rows, with all other columns.
pub(super) fn combinations(columns: &[(&ColumnEstimate, f64)]) -> f64 {
    let mut independent = 1.0;
    let mut scans: Vec<(&Origin, f64, Vec<usize>)> = Vec::new();
    for (column, distinct) in columns {
        match &column.origin {
            None => independent *= distinct,
            Some(origin) => match scans.iter_mut().find(|(known, ..)| known.scan == origin.scan) {
                Some((_, product, columns)) => {
                    *product *= distinct;
                    columns.push(origin.column);
                }
                None => scans.push((origin, *distinct, vec![origin.column])),
            },
        }
    }
    let all = scans.into_iter().fold(independent, |all, (origin, product, mut columns)| {
        columns.sort_unstable();
        columns.dedup();
        let counted = if columns.len() > 1 { origin.table.combinations(&columns) } else { None };
        let most = origin.table.row_count().max(1.0);
        all * product.min(counted.map_or(most, |counted| counted.min(most)))
    });
    let computed_rows = columns.iter().filter_map(|(column, _)| column.computed_rows).reduce(f64::max);
    computed_rows.map_or(all, |rows| all.min(rows.max(1.0)))
}

impl Range {
    /// How many whole numbers are in it.
    pub(crate) fn width(self) -> f64 {
        self.max - self.min + 1.0
    }

    /// What both have in common.
    pub(crate) fn overlap(self, other: Self) -> Option<Self> {
        let (min, max) = (self.min.max(other.min), self.max.min(other.max));
        (min <= max).then_some(Self { min, max })
    }
}

impl ColumnEstimate {
    /// A column of which nothing is known but its width.
    pub(crate) fn unknown(rows: f64, width_bytes: f64) -> Self {
        let distinct = rows.max(1.0);
        Self {
            distinct,
            domain: distinct,
            range: None,
            domain_range: None,
            null_share: 0.0,
            width_bytes,
            origin: None,
            computed_rows: None,
        }
    }

    /// A column that an operator computes for each of its rows.
    pub(crate) fn computed(rows: f64, width_bytes: f64) -> Self {
        Self { computed_rows: Some(rows), ..Self::unknown(rows, width_bytes) }
    }

    /// How many rows with the same value follow each other in the table, on average; none if nobody looked.
    pub(crate) fn run_rows(&self) -> Option<f64> {
        let origin = self.origin.as_ref()?;
        origin.table.run_rows(origin.column)
    }

    /// How many values of the domain lie in a range, if they are spread evenly.
    pub(crate) fn domain_within(&self, range: Range) -> f64 {
        match self.domain_range {
            Some(whole) => (self.domain * range.width() / whole.width()).clamp(1.0, self.domain.max(1.0)),
            None => self.domain,
        }
    }

    /// The share of the rows that lie in a range, NULLs left out, if they are spread evenly.
    pub(crate) fn share_within(&self, range: Range) -> f64 {
        let inside = match self.range {
            Some(own) => own.overlap(range).map_or(0.0, |both| both.width() / own.width()),
            None => 1.0,
        };
        inside * (1.0 - self.null_share)
    }
}

impl Estimate {
    /// Bytes a row, as it is held in memory.
    pub(crate) fn width_bytes(&self) -> f64 {
        self.columns.iter().map(|column| column.width_bytes).sum()
    }

    /// The same columns with another number of rows. Of fewer, drawn at random, a value stays if one of its rows does.
    pub(crate) fn with_rows(mut self, rows: f64) -> Self {
        let rows = rows.clamp(0.0, f64::MAX);
        if rows < self.rows {
            let before = self.rows;
            self.columns.iter_mut().for_each(|column| column.distinct = drawn(column.distinct, before, rows));
        }
        self.rows = rows;
        self
    }

    /// Narrows the ranges of columns to where they lie in rows of their table whose `key` lies in `range`: what a join leaves of a table's days
    /// by their weeks, say, is a year of days. The key itself stays as it is.
    pub(crate) fn narrow_beside(&mut self, key: usize, range: Range) {
        let Some(column) = self.columns.get(key) else { return };
        let Some(origin) = column.origin.clone() else { return };
        if column.range.is_none_or(|own| own.overlap(range) == Some(own)) {
            return;
        }
        for (place, column) in self.columns.iter_mut().enumerate() {
            let beside = column.origin.as_ref().filter(|beside| place != key && beside.scan == origin.scan);
            let Some(beside) = beside.filter(|beside| beside.column != origin.column) else { continue };
            let Some(own) = column.range else { continue };
            let left = origin.table.range_within(origin.column, range, beside.column);
            column.range = left.and_then(|left| left.overlap(own)).or(column.range);
        }
    }

    /// The columns at these positions.
    pub(crate) fn project(&self, positions: impl IntoIterator<Item = usize>) -> Self {
        let columns = positions.into_iter().filter_map(|position| self.columns.get(position).cloned());
        Self { rows: self.rows, columns: columns.collect() }
    }
}

/// How many of `distinct` values, which are spread evenly over `rows`, are among `kept` rows drawn at random.
///
/// Each value has `rows / distinct` rows; it is gone if none of them is kept (Cardenas, "Analysis and performance of inverted data base
/// structures", CACM 1975).
pub(crate) fn drawn(distinct: f64, rows: f64, kept: f64) -> f64 {
    if rows <= 0.0 || kept <= 0.0 {
        return 1.0;
    }
    if kept >= rows {
        return distinct;
    }
    let survives = 1.0 - (1.0 - kept / rows).powf(rows / distinct.max(1.0));
    (distinct * survives).clamp(1.0, kept.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(distinct: f64, rows: f64, kept: f64, expected: f64) {
        let found = drawn(distinct, rows, kept);
        assert!((found - expected).abs() < 0.5, "{found} for {expected}");
    }

    #[test]
    fn values_stay_if_one_of_their_rows_does() {
        check(100.0, 100.0, 10.0, 10.0);
        check(10.0, 1_000_000.0, 1000.0, 10.0);
        check(1000.0, 2000.0, 1000.0, 750.0);
        check(5.0, 10.0, 20.0, 5.0);
        check(5.0, 0.0, 0.0, 1.0);
    }

    #[test]
    fn ranges_have_whole_numbers() {
        let range = |min, max| Range { min, max };
        assert_eq!(range(1.0, 4.0).width(), 4.0);
        assert_eq!(range(1.0, 4.0).overlap(range(4.0, 9.0)), Some(range(4.0, 4.0)));
        assert_eq!(range(1.0, 4.0).overlap(range(5.0, 9.0)), None);
    }
}

//! [`SlidingFrame`]: an aggregate function in Python over a frame of a window whose first rows leave it.
//!
//! ```text
//!   rows between 2 preceding and current row
//!   rows of the frame   1 2 3 │ 4 comes, 1 leaves │ 2 3 4 ─▶ a new object: accumulate, accumulate, accumulate, finish
//! ```
//!
//! A class takes rows in and never gives them back, so the frame's rows are kept here, and each result is made of them anew: as many calls of `accumulate`
//! a row as the frame has rows. Frames that only grow do without.

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

use super::aggregate::OneGroup;

/// See the module.
#[derive(Debug)]
pub(super) struct SlidingFrame {
    /// Without rows.
    new: OneGroup,
    /// The arguments of the rows in the frame; none before the first.
    columns: Vec<ArrayRef>,
}

impl SlidingFrame {
    pub(super) fn new(new: OneGroup) -> Self {
        Self { new, columns: Vec::new() }
    }
}

impl Accumulator for SlidingFrame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.columns = match self.columns.is_empty() {
            true => values.to_vec(),
            false => {
                let both = self.columns.iter().zip(values);
                both.map(|(kept, come)| concat(&[kept, come])).collect::<Result<_, _>>()?
            }
        };
        Ok(())
    }

    /// The rows that came first leave first.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let left = values.first().map_or(0, Array::len);
        for column in &mut self.columns {
            let Some(kept) = column.len().checked_sub(left) else { return internal_err!("more rows leave than came") };
            *column = column.slice(left, kept);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut group = self.new.clone();
        group.update_batch(&self.columns)?;
        group.evaluate()
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        internal_err!("a frame has no states to merge")
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a frame has no state")
    }

    fn size(&self) -> usize {
        let rows: usize = self.columns.iter().map(|column| column.get_array_memory_size()).sum();
        size_of::<Self>() + self.new.size() + rows
    }
}

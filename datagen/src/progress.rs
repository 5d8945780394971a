//! Following the work: a long generation or check reports here, a program draws what it likes.

/// How far one table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableProgress {
    /// The table.
    pub table: &'static str,
    /// Rows to expect; for a table whose exact count is known only when it is done, an estimate:
    /// within one per cent from scale factor 1 up, within five below.
    pub row_count_estimate: u64,
    /// Rows sorted into a temporary file so far, which happens before any is written; `None` for a table
    /// whose rows stay in the order in which they are generated.
    pub sorted_row_count: Option<u64>,
    /// Rows written so far (generation) or vouched for so far (check).
    pub row_count: u64,
    /// Bytes written or read so far.
    pub bytes: u64,
}

impl TableProgress {
    /// How many steps the table takes: a row is one, or two where it is sorted before it is written.
    pub fn steps(&self) -> u64 {
        self.row_count_estimate * if self.sorted_row_count.is_some() { 2 } else { 1 }
    }

    /// How many of them are done.
    pub fn steps_done(&self) -> u64 {
        self.sorted_row_count.unwrap_or_default() + self.row_count
    }
}

/// A listener. Every method may be left out; `()` listens to nothing.
///
/// Calls come from several threads, a few a second for each busy core, and should return soon: the
/// writer waits for them.
pub trait Progress: Sync {
    /// Called once, before any work: the tables that will be worked on, in the order in which they
    /// will be, with nothing done yet. Tables that are already there are not among them.
    fn begin(&self, _tables: &[TableProgress]) {}

    /// A table has got further. The first call for a table also says that it has been started.
    fn advance(&self, _table: &TableProgress) {}

    /// A table is complete: its files have their final names and the manifest lists them.
    /// `row_count` is now exact.
    fn finish(&self, _table: &TableProgress) {}
}

impl Progress for () {}

//! [`Wait`]: how long somebody waits for a worker.
//!
//! Whoever waits looks up every [`TICK`], and counts: nothing here reads a clock.

use std::time::Duration;

use super::super::statement::Statement;

/// After that time without an answer one looks whether to go on waiting.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// A wait that ends with a time limit, or with the statement that somebody waits for.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    statement: &'a Statement,
    left: Option<Duration>,
}

/// Why nobody waits any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The time is up.
    TimedOut,
    /// Nobody wants the statement's rows any more.
    Cancelled,
}

impl<'a> Wait<'a> {
    pub(super) fn up_to(limit: Duration, statement: &'a Statement) -> Self {
        Self { statement, left: Some(limit) }
    }

    /// For as long as the statement lasts.
    pub(super) fn with(statement: &'a Statement) -> Self {
        Self { statement, left: None }
    }

    /// A tick has passed.
    pub(super) fn tick(&mut self) -> Result<(), Over> {
        if self.statement.is_cancelled() {
            return Err(Over::Cancelled);
        }
        let Some(left) = &mut self.left else { return Ok(()) };
        *left = left.saturating_sub(TICK);
        if left.is_zero() { Err(Over::TimedOut) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_with_the_time_and_with_the_statement() {
        let statement = Statement::default();
        let mut wait = Wait::up_to(TICK * 3, &statement);
        assert_eq!([wait.tick(), wait.tick(), wait.tick()], [Ok(()), Ok(()), Err(Over::TimedOut)]);
        let mut wait = Wait::with(&statement);
        assert_eq!(wait.tick(), Ok(()));
        statement.cancel();
        assert_eq!(wait.tick(), Err(Over::Cancelled));
        assert_eq!(Wait::up_to(TICK, &statement).tick(), Err(Over::Cancelled));
    }
}

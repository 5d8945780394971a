//! Expected answers and the comparison with what the engine returned.
//!
//! In: a statement's SQL text, the record batches that the engine made of it, and a folder of
//! answers that an independent engine made (`scripts/oracle`). Out: an [`Outcome`], which is either
//! a match or the first reason why it is none. A statement without a match gets no time.
//!
//! - [`SqlShape`]: what the text fixes of its answer, namely its sort keys and its `LIMIT`.
//! - [`AnswerSet`] and [`Answer`]: a folder of expected answers, and one of them.
//! - [`check_answer`]: the engine's result against an expected answer.
//! - [`compare_results`]: the engine's result against the result of another profile.
//! - [`StatementEntry`]: what `scripts/oracle` must know of a statement.
//!
//! The rules of the comparison are in METHODOLOGY.md, under "Answers".

mod answer;
mod columns;
mod compare;
mod csv;
mod format;
mod keys;
mod matching;
mod mismatch;
mod order;

pub use answer::{Answer, AnswerError, AnswerSet, AnswerSource, Lookup, content_hash};
pub use compare::{Outcome, check_answer, compare_results};
pub use format::{KeyEntry, StatementEntry};
pub use mismatch::Mismatch;
pub use order::{KeyLiteral, KeyValue, ShapeError, SortKey, SqlShape};

#[cfg(test)]
mod tests;

//! `SHOW UDF PROFILES` and `SHOW UDF CODE PROFILES`, and `udf_profiles()` and `udf_code_profiles()`, table functions of the same rows.
//!
//! | column | |
//! |---|---|
//! | `function`, `language` | `python`, `python_vectorized` or `rust` |
//! | `line`, `position`, `call` | the place that calls it, from 1; NULL if nobody knows |
//! | `statements`, `calls`, `batches`, `rows` | a function that takes a batch is called once a batch; one that takes rows, once a row |
//! | `total_ns` | all that callers waited, summed over threads; `row_ns` is the mean of a row |
//! | `statement_share` | the share of the statements' time in which at least one thread was in a call |
//! | `function_ns`, `convert_ns`, `transfer_ns` | in the function; to make Python's values of Arrow's and back; all else: to and from a worker, and waiting for one |
//! | `min_ns`, `median_ns`, `p99_ns` | of a call; quantiles to 1% |
//! | `nulls`, `errors` | results that are NULL; batches that failed |

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_err};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::code_profile::{CodePlace, CodeProfile, CodeTimes};
use super::profile::{Profiles, UdfProfile};
use super::python::Python;

/// The statements, by their words after SHOW, and the queries that they stand for.
const STATEMENTS: [(&[&str], &str); 2] = [
    (&["udf", "profiles"], "select * from udf_profiles()"),
    (&["udf", "code", "profiles"], "select * from udf_code_profiles()"),
];

/// Reads `SHOW UDF PROFILES` and its like, if the next statement is that, and gives the query that it stands for.
pub(in crate::engine) fn take(parser: &mut Parser<'_>) -> Option<&'static str> {
    let is_word = |place: usize, word: &str| match &parser.peek_nth_token(place).token {
        Token::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    let is_it = |words: &[&str]| (1..).zip(words).all(|(place, word)| is_word(place, word));
    let (words, query) = STATEMENTS.into_iter().find(|(words, _)| is_word(0, "show") && is_it(words))?;
    (0..=words.len()).for_each(|_| parser.advance_token());
    Some(query)
}

/// `udf_profiles()`.
#[derive(Debug)]
pub(in crate::engine) struct ProfilesTable(pub(in crate::engine) Arc<Profiles>);

/// `udf_code_profiles()`.
#[derive(Debug)]
pub(in crate::engine) struct CodeProfilesTable(pub(in crate::engine) Arc<Python>);

impl ProfilesTable {
    pub(in crate::engine) const NAME: &'static str = "udf_profiles";
}

impl CodeProfilesTable {
    pub(in crate::engine) const NAME: &'static str = "udf_code_profiles";
}

impl TableFunctionImpl for ProfilesTable {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        table(Self::NAME, &args, rows(&self.0.all()))
    }
}

impl TableFunctionImpl for CodeProfilesTable {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        table(Self::NAME, &args, self.rows())
    }
}

fn table(name: &str, args: &TableFunctionArgs<'_, '_>, rows: Result<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    if !args.exprs().is_empty() {
        return plan_err!("{name}() takes no arguments");
    }
    let rows = rows?;
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// A row for each place that called a function.
fn rows(all: &[UdfProfile]) -> Result<RecordBatch> {
    let text = |of: fn(&UdfProfile) -> &str| Arc::new(StringArray::from_iter_values(all.iter().map(of))) as ArrayRef;
    let count = |of: fn(&UdfProfile) -> u64| Arc::new(UInt64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
    let real = |of: fn(&UdfProfile) -> f64| Arc::new(Float64Array::from_iter_values(all.iter().map(of))) as ArrayRef;
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("function", text(|profile| &profile.function), false),
        ("language", text(|profile| profile.language), false),
        ("line", numbers(all.iter().map(|profile| profile.place.map(|(line, _)| line))), true),
        ("position", numbers(all.iter().map(|profile| profile.place.map(|(_, position)| position))), true),
        ("call", text(|profile| &profile.written), false),
        ("statements", count(|profile| profile.statements), false),
        ("calls", count(|profile| profile.calls), false),
        ("batches", count(|profile| profile.batches), false),
        ("rows", count(|profile| profile.rows), false),
        ("total_ns", count(|profile| profile.total_ns), false),
        ("row_ns", real(UdfProfile::row_ns), false),
        ("statement_share", real(|profile| profile.statement_share), false),
        ("function_ns", count(|profile| profile.function_ns), false),
        ("convert_ns", count(|profile| profile.convert_ns), false),
        ("transfer_ns", count(UdfProfile::transfer_ns), false),
        ("min_ns", count(|profile| profile.min_ns), false),
        ("median_ns", count(|profile| profile.median_ns), false),
        ("p99_ns", count(|profile| profile.p99_ns), false),
        ("nulls", count(|profile| profile.nulls), false),
        ("errors", count(|profile| profile.errors), false),
    ])?)
}

fn numbers(values: impl Iterator<Item = Option<usize>>) -> ArrayRef {
    Arc::new(values.map(|value| value.map(|value| value as u64)).collect::<UInt64Array>())
}

impl CodeProfilesTable {
    /// A row for each function in Python that ran, for each place that called into it.
    fn rows(&self) -> Result<RecordBatch> {
        let profiles = self.0.profiles_of_code();
        let all = profiles
            .iter()
            .flat_map(|profile| profile.by_own_time().into_iter().map(move |(place, times)| (profile, place, times)));
        let all: Vec<_> = all.collect();
        let text = |of: fn(&CodePlace) -> String| {
            Arc::new(StringArray::from_iter_values(all.iter().map(|(_, place, _)| of(place)))) as ArrayRef
        };
        let count = |of: fn(&CodeTimes) -> u64| {
            Arc::new(UInt64Array::from_iter_values(all.iter().map(|(_, _, times)| of(times)))) as ArrayRef
        };
        let seconds = |of: fn(&CodeTimes) -> f64| {
            Arc::new(Float64Array::from_iter_values(all.iter().map(|(_, _, times)| of(times)))) as ArrayRef
        };
        let batches = |of: fn(&CodeProfile) -> u64| {
            Arc::new(UInt64Array::from_iter_values(all.iter().map(|(profile, ..)| of(profile)))) as ArrayRef
        };
        let functions = StringArray::from_iter_values(all.iter().map(|(profile, ..)| &profile.function));
        let lines = numbers(all.iter().map(|(profile, ..)| profile.place.map(|(line, _)| line)));
        let positions = numbers(all.iter().map(|(profile, ..)| profile.place.map(|(_, position)| position)));
        let per_call = |seconds: f64, calls: u64| seconds / calls.max(1) as f64;
        let own_per_call = all.iter().map(|(_, _, times)| per_call(times.own_seconds, times.calls));
        let total_per_call = all.iter().map(|(_, _, times)| per_call(times.total_seconds, times.primitive_calls));
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("function", Arc::new(functions) as ArrayRef, false),
            ("line", lines, true),
            ("position", positions, true),
            ("ncalls", count(|times| times.calls), false),
            ("primitive_calls", count(|times| times.primitive_calls), false),
            ("tottime", seconds(|times| times.own_seconds), false),
            ("tottime_percall", Arc::new(Float64Array::from_iter_values(own_per_call)), false),
            ("cumtime", seconds(|times| times.total_seconds), false),
            ("cumtime_percall", Arc::new(Float64Array::from_iter_values(total_per_call)), false),
            ("code", text(CodePlace::label), false),
            ("batches", batches(|profile| profile.batches), false),
            ("counted_batches", batches(|profile| profile.counted_batches), false),
        ])?)
    }
}

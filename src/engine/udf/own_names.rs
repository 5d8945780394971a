//! Functions keep their names when DataFusion makes a session's state anew.
//!
//! ```text
//!   element_at ─▶ ours           SET datafusion.runtime.…           element_at ─▶ map_extract, or ours
//!   map_extract ─▶ map_extract (alias element_at)                   map_extract ─▶ map_extract
//! ```
//!
//! For a `SET` of the runtime's settings DataFusion builds a new state, with the functions of the old one in no certain order, each under its name and its
//! aliases: which of two functions has a name that is another's alias is left to chance. For any other `SET` it registers those anew that depend on
//! settings, as `now` does, with their aliases. A function's own name goes first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

/// Gives functions their names back that they had in a state before.
pub(in crate::engine) fn keep_own_names(before: &SessionState, after: &mut SessionState) -> Result<()> {
    let (old, new) = (before.scalar_functions(), after.scalar_functions());
    for function in lost(old, new, ScalarUDF::name, ScalarUDF::aliases) {
        after.register_udf(function)?;
    }
    let (old, new) = (before.aggregate_functions(), after.aggregate_functions());
    for function in lost(old, new, AggregateUDF::name, AggregateUDF::aliases) {
        after.register_udaf(function)?;
    }
    let (old, new) = (before.window_functions(), after.window_functions());
    for function in lost(old, new, WindowUDF::name, WindowUDF::aliases) {
        after.register_udwf(function)?;
    }
    Ok(())
}

/// The functions whose names are another's now; those with aliases first, which may be names of the others.
fn lost<F>(
    before: &HashMap<String, Arc<F>>,
    after: &HashMap<String, Arc<F>>,
    name: fn(&F) -> &str,
    aliases: fn(&F) -> &[String],
) -> Vec<Arc<F>> {
    let has_own = |known: &str, function: &F| name(function) == known;
    let mut lost: Vec<_> = before
        .iter()
        .filter(|(known, function)| has_own(known, function))
        .filter(|(known, _)| !after.get(*known).is_some_and(|now| has_own(known, now)))
        .map(|(_, function)| Arc::clone(function))
        .collect();
    lost.sort_by_key(|function| Reverse(aliases(function).len()));
    lost
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use crate::engine::test_support::engine;

    #[tokio::test]
    async fn no_alias_takes_a_functions_name() {
        let engine = engine("default", &[]).await;
        // Names that are aliases: of `map_extract`, of `power`, of `array_to_string`.
        for create in [
            "create or replace function pow(x bigint) returns bigint return x * 10",
            "create or replace function list_join(x bigint) returns bigint return x * 100",
        ] {
            engine.run(create).await.expect("is created");
        }
        for limit in 1..=12 {
            engine.run(&format!("set datafusion.runtime.list_files_cache_limit = '{limit}M'")).await.expect("is set");
            let sql = "select element_at(make_array(7), 1) + pow(1) + list_join(1) from (values (1)) t (x)";
            let rows = engine.run(sql).await.unwrap_or_else(|error| panic!("{limit}: {error}"));
            assert_eq!(array_value_to_string(rows[0].column(0), 0).expect("a number"), "117", "{limit}");
        }
    }
}

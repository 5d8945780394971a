//! Functions in Rust that a program brings along: what implements DataFusion's traits is called from SQL as the built-in ones are, and profiled as they
//! are.

use std::sync::Arc;

use datafusion::catalog::TableFunctionImpl;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use crate::engine::{Engine, EngineError, ErrorClass};

impl Engine {
    /// Makes a scalar function known to SQL under its name and its aliases. An error if one of that name is there.
    pub fn register_function(&self, function: ScalarUDF) -> Result<(), EngineError> {
        check_is_new("function", function.name(), self.context().udfs().contains(function.name()))?;
        self.context().register_udf(function);
        Ok(())
    }

    /// As [`Self::register_function`], for a function that makes one value of many.
    pub fn register_aggregate_function(&self, function: AggregateUDF) -> Result<(), EngineError> {
        check_is_new("aggregate function", function.name(), self.context().udafs().contains(function.name()))?;
        self.context().register_udaf(function);
        Ok(())
    }

    /// As [`Self::register_function`], for a function over windows alone.
    pub fn register_window_function(&self, function: WindowUDF) -> Result<(), EngineError> {
        check_is_new("window function", function.name(), self.context().udwfs().contains(function.name()))?;
        self.context().register_udwf(function);
        Ok(())
    }

    /// As [`Self::register_function`], for a function that makes a table, as in `select * from name(…)`.
    pub fn register_table_function(&self, name: &str, function: Arc<dyn TableFunctionImpl>) -> Result<(), EngineError> {
        let is_there = self.context().state().table_functions().contains_key(name);
        check_is_new("table function", name, is_there)?;
        self.context().register_udtf(name, function);
        Ok(())
    }
}

fn check_is_new(kind: &str, name: &str, is_there: bool) -> Result<(), EngineError> {
    if !is_there {
        return Ok(());
    }
    let message = format!("there is a {kind} {name} already: DROP FUNCTION {name} first, or give it another name");
    Err(EngineError::Statement { class: ErrorClass::Plan, message })
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Int64Type};
    use arrow::util::display::array_value_to_string;
    use datafusion::catalog::{MemTable, TableFunctionArgs, TableProvider};
    use datafusion::common::{Result, ScalarValue};
    use datafusion::functions_window::rank::rank_udwf;
    use datafusion::logical_expr::{Accumulator, ColumnarValue, Volatility, create_udaf, create_udf};

    use super::*;
    use crate::engine::UdfProfile;
    use crate::engine::test_support::engine;

    /// `x + 1`, NULL for 5.
    fn plus_one() -> ScalarUDF {
        let add = |args: &[ColumnarValue]| {
            let values = args[0].to_array(1)?;
            let values = values.as_primitive::<Int64Type>().iter();
            let sums = values.map(|value| value.filter(|value| *value != 5).map(|value| value + 1));
            Ok(ColumnarValue::Array(Arc::new(sums.collect::<Int64Array>())))
        };
        create_udf("plus_one", vec![DataType::Int64], DataType::Int64, Volatility::Immutable, Arc::new(add))
    }

    /// Counts values.
    #[derive(Debug)]
    struct HowMany(i64);

    impl Accumulator for HowMany {
        fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
            self.0 += values[0].len() as i64;
            Ok(())
        }

        fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
            self.0 += states[0].as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
            Ok(())
        }

        fn evaluate(&mut self) -> Result<ScalarValue> {
            Ok(ScalarValue::Int64(Some(self.0)))
        }

        fn state(&mut self) -> Result<Vec<ScalarValue>> {
            Ok(vec![ScalarValue::Int64(Some(self.0))])
        }

        fn size(&self) -> usize {
            size_of::<Self>()
        }
    }

    #[derive(Debug)]
    struct Seven;

    impl TableFunctionImpl for Seven {
        fn call_with_args(&self, _: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
            let batch = RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![7])) as _)])?;
            Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
        }
    }

    async fn check(engine: &Engine, sql: &str, expected: &str) {
        let rows = engine.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(array_value_to_string(rows[0].column(0), 0).expect("a value"), expected, "{sql}");
    }

    #[tokio::test]
    async fn functions_of_each_kind_are_called() {
        let engine = engine("default", &[]).await;
        engine.register_function(plus_one()).expect("new");
        let count = create_udaf(
            "how_many",
            vec![DataType::Int64],
            Arc::new(DataType::Int64),
            Volatility::Immutable,
            Arc::new(|_| Ok(Box::new(HowMany(0)))),
            Arc::new(vec![DataType::Int64]),
        );
        engine.register_aggregate_function(count.clone()).expect("new");
        engine
            .register_window_function(rank_udwf().as_ref().clone().with_aliases(["place"]))
            .expect_err("a rank is there");
        engine.register_table_function("seven", Arc::new(Seven)).expect("new");
        check(&engine, "select plus_one(x) from seven()", "8").await;
        check(&engine, "select sum(plus_one(value)) from generate_series(1, 4)", "14").await;
        check(&engine, "select how_many(value) from generate_series(1, 4)", "4").await;
        for error in [
            engine.register_function(plus_one()).expect_err("again"),
            engine.register_table_function("seven", Arc::new(Seven)).expect_err("again"),
            engine.register_aggregate_function(count).expect_err("again"),
        ] {
            assert!(error.to_string().contains("already: DROP FUNCTION"), "{error}");
        }
    }

    /// The rows of a session's profile, without times.
    fn counts(profiles: &[UdfProfile]) -> Vec<String> {
        let mut counts: Vec<_> = profiles
            .iter()
            .map(|profile| {
                let UdfProfile { function, place, written, statements, calls, rows, nulls, errors, .. } = profile;
                format!("{function} {place:?} {written}: {statements} {calls} {rows} {nulls} {errors}")
            })
            .collect();
        counts.sort();
        counts
    }

    async fn check_profile(sets: &[&str], statements: &[&str], expected: &[&str]) {
        let engine = engine("default", sets).await;
        engine.register_function(plus_one()).expect("new");
        for statement in statements {
            // Some fail on purpose.
            drop(engine.run(statement).await);
        }
        assert_eq!(counts(&engine.udf_profiles()), expected, "{statements:?}");
    }

    #[tokio::test]
    async fn calls_in_rust_are_profiled_by_place() {
        let one_thread = ["engine.udf.profile=true", "datafusion.execution.target_partitions=1"];
        let own = "select plus_one(value),\n       plus_one(value + 1) from generate_series(1, 9)";
        let expected = [
            "plus_one Some((1, 8)) plus_one(value): 2 2 18 2 0",
            "plus_one Some((2, 8)) plus_one(value + 1): 2 2 18 2 0",
        ];
        check_profile(&one_thread, &[own, own], &expected).await;
        let built_in = "select max(upper(s)), max(extract(year from d)) from (values ('a', date '2000-01-01'), (null, null)) t (s, d)";
        let expected =
            ["date_part Some((1, 27)) extract(year from d): 1 1 2 1 0", "upper Some((1, 12)) upper(s): 1 1 2 1 0"];
        check_profile(&one_thread, &[built_in], &expected).await;
        let failing = "select factorial(value + 30) from generate_series(1, 9)";
        check_profile(&one_thread, &[failing], &["factorial Some((1, 8)) factorial(value + 30): 1 1 9 0 1"]).await;
        let view = "create view v as select upper(chr(value + 64)) u from generate_series(1, 9)";
        let off_then_on =
            ["set engine.udf.profile = false", view, "set engine.udf.profile = true", "select max(u) from v"];
        check_profile(&one_thread, &off_then_on, &["chr None : 1 1 9 0 0", "upper None : 1 1 9 0 0"]).await;
    }

    #[tokio::test]
    async fn what_is_not_called_has_no_profile() {
        let on = ["engine.udf.profile=true"];
        check_profile(&[], &["select plus_one(value) from generate_series(1, 9)"], &[]).await;
        check_profile(&on, &["select upper('a')", "explain select plus_one(value) from generate_series(1, 9)"], &[])
            .await;
        check_profile(&on, &["select plus_one(value) from generate_series(1, 9) where value > 10"], &[]).await;
        let semantics = ["engine.udf.profile=true", "engine.sql.semantics=datafusion"];
        check_profile(
            &semantics,
            &["select max(plus_one(value)) from generate_series(1, 9)"],
            &["plus_one None : 1 1 9 1 0"],
        )
        .await;
    }
}

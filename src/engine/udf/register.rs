//! Functions in Rust that a program brings along: what implements DataFusion's traits is called from SQL as the built-in ones are, and profiled as they
//! are.

use std::sync::Arc;

use datafusion::catalog::TableFunctionImpl;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use super::TimedTableFunction;
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
        self.context().register_udtf(name, Arc::new(TimedTableFunction::new(name, function)));
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
pub(super) mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Int64Type};
    use arrow::util::display::array_value_to_string;
    use datafusion::catalog::{MemTable, TableFunctionArgs, TableProvider};
    use datafusion::common::{Result, ScalarValue};
    use datafusion::functions_window::rank::rank_udwf;
    use datafusion::logical_expr::function::AccumulatorArgs;
    use datafusion::logical_expr::{Accumulator, ColumnarValue, Volatility, create_udaf, create_udf};

    use super::*;
    use crate::engine::test_support::engine;

    /// `x + 1`, NULL for 5.
    pub(in crate::engine::udf) fn plus_one() -> ScalarUDF {
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

    pub(in crate::engine::udf) fn how_many() -> AggregateUDF {
        let (takes, gives) = (vec![DataType::Int64], Arc::new(DataType::Int64));
        let accumulator = Arc::new(|_: AccumulatorArgs<'_>| Ok(Box::new(HowMany(0)) as Box<dyn Accumulator>));
        create_udaf("how_many", takes.clone(), gives, Volatility::Immutable, accumulator, Arc::new(takes))
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
        engine.register_aggregate_function(how_many()).expect("new");
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
            engine.register_aggregate_function(how_many()).expect_err("again"),
        ] {
            assert!(error.to_string().contains("already: DROP FUNCTION"), "{error}");
        }
    }
}

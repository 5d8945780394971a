//! The functions of Spark's that DataFusion lacks: `mod`, `element_at`, `to_number` and everything that begins with `try_`.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use super::arithmetic::Arithmetic;
use super::average::AverageFunction;
use super::operation::{Kind, Operation};
use super::policy::Policy;
use super::site::Site;
use super::sum::SumFunction;
use super::to_number::ToNumber;

/// Makes them known. Those without `try_` get their places when a statement is planned.
pub(crate) fn register(registry: &mut dyn FunctionRegistry, policy: Policy) -> Result<()> {
    let tolerant = |kind| Operation::new(kind, Site::nowhere(Policy::Try).of_call());
    for operator in Arithmetic::ALL {
        if operator != Arithmetic::IntegerDivide {
            registry.register_udf(Arc::new(ScalarUDF::from(tolerant(Kind::Arithmetic(operator)))))?;
        }
    }
    registry.register_udf(Arc::new(ScalarUDF::from(tolerant(Kind::ElementAt))))?;
    for kind in [Kind::Arithmetic(Arithmetic::Remainder), Kind::ElementAt] {
        registry.register_udf(Arc::new(ScalarUDF::from(Operation::new(kind, Site::nowhere(policy).of_call()))))?;
    }
    for policy in [policy, Policy::Try] {
        registry.register_udf(Arc::new(ScalarUDF::from(ToNumber::new(Site::nowhere(policy)))))?;
    }
    registry.register_udaf(Arc::new(AggregateUDF::from(SumFunction::new(Site::nowhere(Policy::Try)))))?;
    registry.register_udaf(Arc::new(AggregateUDF::from(AverageFunction::new(Site::nowhere(Policy::Try)))))?;
    Ok(())
}

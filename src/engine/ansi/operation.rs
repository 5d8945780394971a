//! [`Operation`]: an operator, cast or subscript that can fail, as a function that knows its place.
//!
//! ```text
//!   a / b           ScalarFunction(Operation { Divide, site: 1:8 "a / b" }, [a, b])
//!   cast(s as int)  ScalarFunction(Operation { Cast(Int32), site: … }, [s])
//! ```
//!
//! DataFusion plans it as any other function: it coerces the operands, folds it over constants, finds common ones, matches it
//! with GROUP BY, and pushes it down. The analyzer's rule [`SparkSemantics`](super::analyze::SparkSemantics) puts DataFusion's own
//! expression back wherever the types, the values or a CASE show that nothing can fail; there the optimizer sees what it has
//! always seen.

use std::sync::Arc;

use arrow::array::{ArrayRef, Datum, Scalar, new_empty_array};
use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::interval_arithmetic::{Interval, apply_operator};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::arithmetic::{self, Arithmetic};
use super::condition::Condition;
use super::error::{Fault, SqlError};
use super::policy::Policy;
use super::site::Site;
use super::types::sql_type;
use super::{cast, decimal, element, sign};
use crate::engine::udf::untimed;

/// What an [`Operation`] does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `+ - * / % div`.
    Arithmetic(Arithmetic),
    /// The unary minus.
    Negate,
    /// `abs`.
    Absolute,
    /// A cast to a type, also in the form `a::type`.
    Cast(DataType),
    /// `a[i]` of arrays and maps; the function is DataFusion's for it, for structs and what else it takes.
    Subscript(Arc<ScalarUDF>),
    /// `element_at` of arrays and maps.
    ElementAt,
}

/// An operation that can fail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    kind: Kind,
    site: Site,
    /// What stands around it, or its operands, show that it has a result for every row.
    never_fails: bool,
    signature: Signature,
}

impl Operation {
    pub(crate) fn new(kind: Kind, site: Site) -> Self {
        Self { kind, site, never_fails: false, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The operation over operands.
    pub(crate) fn call(kind: Kind, site: Site, operands: Vec<Expr>) -> Expr {
        ScalarUDF::from(Self::new(kind, site)).call(operands)
    }

    /// The same operation, known to have a result for every row that reaches it.
    pub(crate) fn that_never_fails(&self) -> Self {
        Self { never_fails: true, ..self.clone() }
    }

    /// The operation that a function is, if it is one; be its calls timed or not.
    pub(crate) fn of(function: &ScalarUDF) -> Option<&Self> {
        untimed(function).inner().downcast_ref()
    }

    /// The name by which it is called, if it is no operator.
    pub(crate) fn called_name(&self) -> Option<&str> {
        self.site.is_call().then(|| match &self.kind {
            Kind::Subscript(inner) => inner.name(),
            _ => self.name(),
        })
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Whether what is known of the rows excludes a failure.
    pub(crate) fn never_fails(&self) -> bool {
        self.never_fails
    }

    /// Whether it can raise an error.
    pub(crate) fn is_fallible(&self) -> bool {
        self.site.policy() == Policy::Raise && !self.never_fails
            // Spark raises an index of 0 in both modes.
            || self.kind == Kind::ElementAt && self.site.policy() == Policy::Legacy
    }

    /// The result over literals; nothing where an operand is none, or where there is no result. A date that is written as a text
    /// is a date from the beginning, and no operation that can fail.
    pub(crate) fn of_literals(&self, operands: &[Expr]) -> Option<ScalarValue> {
        let value = |operand: &Expr| match operand {
            Expr::Literal(value, _) => Some(ColumnarValue::Scalar(value.clone())),
            _ => None,
        };
        let values: Vec<ColumnarValue> = operands.iter().map(value).collect::<Option<_>>()?;
        let types: Vec<DataType> = values.iter().map(ColumnarValue::data_type).collect();
        // As type coercion would leave them.
        if self.coerced(&types).ok()? != types {
            return None;
        }
        match (&self.kind, types.as_slice()) {
            (Kind::Cast(to), [from]) if !cast::is_ours(from, to) => return None,
            (Kind::Subscript(_) | Kind::ElementAt, _) => return None,
            (Kind::Arithmetic(_), [left, right]) if !left.is_numeric() || !right.is_numeric() => return None,
            _ => {}
        }
        let result = self.evaluate(&values, 1).ok()?;
        ScalarValue::try_from_array(&result, 0).ok()
    }

    /// The types to which operands are brought.
    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (&self.kind, types) {
            (Kind::Arithmetic(operator), [left, right]) => {
                let (left, right) = coerced(*operator, left, right, self.site.policy())?;
                Ok(vec![left, right])
            }
            (Kind::Negate | Kind::Absolute, [DataType::Null]) => Ok(vec![DataType::Int64]),
            (Kind::Negate | Kind::Absolute, [operand]) if operand.is_string() => Ok(vec![DataType::Float64]),
            (Kind::Negate, [operand @ (DataType::Interval(_) | DataType::Duration(_))]) => Ok(vec![operand.clone()]),
            (Kind::Negate | Kind::Absolute, [operand]) if operand.is_numeric() => Ok(vec![operand.clone()]),
            (Kind::Cast(to), [operand]) if is_cast_unknown(operand, to) => plan_err!("no such cast"),
            (Kind::Cast(_), [operand]) => Ok(vec![operand.clone()]),
            (Kind::ElementAt | Kind::Subscript(_), [container, index]) if element::is_ours(container) => {
                element::coerced(container, index)
            }
            (Kind::Subscript(_), types) => Ok(types.to_vec()),
            (Kind::ElementAt, [container, _]) => {
                plan_err!("Failed to coerce arguments: element_at takes an array or a map, not {container}")
            }
            (_, types) => plan_err!("{} does not take {} operands", self.name(), types.len()),
        }
    }

    /// The error about operands of types that the operation does not take.
    fn mismatch(&self, types: &[DataType]) -> DataFusionError {
        let shown: Vec<String> = types.iter().map(sql_type).collect();
        if let (Kind::Cast(to), [from]) = (&self.kind, shown.as_slice()) {
            let message = format!("there is no cast of {from} to {}", sql_type(to));
            let hint = Some("Cast it to another type first.".to_owned());
            return self.site.raise_always(SqlError::new(Condition::DatatypeMismatch, message, hint, None));
        }
        let operator = match &self.kind {
            Kind::Arithmetic(Arithmetic::IntegerDivide) => "div".to_owned(),
            Kind::Arithmetic(operator) if self.site.policy() != Policy::Try => plain(*operator).to_string(),
            Kind::Negate => "-".to_owned(),
            _ => self.name().to_owned(),
        };
        let message = format!("`{operator}` does not take operands of the types {}", shown.join(" and "));
        let hint = Some("Cast an operand to a type that it takes.".to_owned());
        self.site.raise_always(SqlError::new(Condition::DatatypeMismatch, message, hint, None))
    }

    /// The same operation at another place, if it has none.
    pub(crate) fn placed(&self, site: &Site) -> Option<Self> {
        (!self.site.has_place() && self.site == *site).then(|| Self { site: site.of_operand(), ..self.clone() })
    }

    fn result_type(&self, types: &[DataType]) -> Result<DataType> {
        match (&self.kind, types) {
            (Kind::Arithmetic(operator), [left, right]) => result_type(*operator, left, right),
            (Kind::Negate | Kind::Absolute, [operand]) => Ok(operand.clone()),
            (Kind::Cast(to), [_]) => Ok(to.clone()),
            (Kind::ElementAt, [container, _]) => element::result_type(container),
            (Kind::Subscript(_), [container, _]) if element::is_ours(container) => element::result_type(container),
            (Kind::Subscript(inner), types) => inner.return_type(types),
            (_, types) => plan_err!("{} does not take {} operands", self.name(), types.len()),
        }
    }

    fn evaluate(&self, operands: &[ColumnarValue], rows: usize) -> Result<ArrayRef, Failure> {
        let policy = self.site.policy();
        match (&self.kind, operands) {
            (Kind::Arithmetic(operator), [left, right]) => {
                let (left, right) = (Side::of(left)?, Side::of(right)?);
                Ok(arithmetic::evaluate(*operator, left.datum(), right.datum(), policy)?)
            }
            (Kind::Negate, [operand]) => Ok(sign::negate(&operand.to_array(rows)?, policy)?),
            (Kind::Absolute, [operand]) => Ok(sign::absolute(&operand.to_array(rows)?, policy)?),
            (Kind::Cast(to), [operand]) => Ok(cast::cast(&operand.to_array(rows)?, to, policy)?),
            (Kind::ElementAt, [container, index]) => {
                Ok(element::element_at(&container.to_array(rows)?, &index.to_array(rows)?, policy)?)
            }
            (Kind::Subscript(_), [container, index]) => {
                Ok(element::subscript(&container.to_array(rows)?, &index.to_array(rows)?, policy)?)
            }
            _ => Err(Failure::Engine(Box::new(DataFusionError::Internal("wrong number of operands".to_owned())))),
        }
    }

    /// The operator that DataFusion has for it.
    fn plain_operator(&self) -> Option<Operator> {
        match &self.kind {
            Kind::Arithmetic(operator) => Some(plain(*operator)),
            _ => None,
        }
    }
}

/// Why an operation has no result.
enum Failure {
    /// The operation's rules say so.
    Fault(Box<Fault>),
    /// Something else broke.
    Engine(Box<DataFusionError>),
}

impl From<Box<Fault>> for Failure {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::Engine(Box::new(error))
    }
}

/// Whether neither Spark's rules nor arrow have a cast. What consists of other types is left to DataFusion.
fn is_cast_unknown(from: &DataType, to: &DataType) -> bool {
    !from.is_nested() && !to.is_nested() && !cast::is_ours(from, to) && !can_cast_types(from, to)
}

/// An operand as arrow's kernels take it.
enum Side<'a> {
    Array(&'a ArrayRef),
    Scalar(Scalar<ArrayRef>),
}

impl<'a> Side<'a> {
    fn of(value: &'a ColumnarValue) -> Result<Self, DataFusionError> {
        Ok(match value {
            ColumnarValue::Array(array) => Self::Array(array),
            ColumnarValue::Scalar(scalar) => Self::Scalar(scalar.to_scalar()?),
        })
    }

    fn datum(&self) -> &dyn Datum {
        match self {
            Self::Array(array) => *array,
            Self::Scalar(scalar) => scalar,
        }
    }
}

/// DataFusion's operator for one of ours.
pub(crate) fn plain(operator: Arithmetic) -> Operator {
    match operator {
        Arithmetic::Add => Operator::Plus,
        Arithmetic::Subtract => Operator::Minus,
        Arithmetic::Multiply => Operator::Multiply,
        Arithmetic::Divide => Operator::Divide,
        Arithmetic::Remainder => Operator::Modulo,
        Arithmetic::IntegerDivide => Operator::IntegerDivide,
    }
}

/// The types to which the operands of an arithmetic operator are brought.
///
/// Integers divide as doubles, integers beside decimals become decimals of their width, and decimals keep their own precision
/// and scale (Spark's `DecimalPrecision`). A text beside a number is a double, or with ANSI on a BIGINT beside an integer.
/// Everything else, dates and intervals among it, is coerced as DataFusion does.
pub(crate) fn coerced(
    operator: Arithmetic,
    left: &DataType,
    right: &DataType,
    policy: Policy,
) -> Result<(DataType, DataType)> {
    use DataType::{Decimal128, Float32, Float64, Int64, Null};
    let (left, right) = match (left, right) {
        (Null, Null) => (&Int64, &Int64),
        (Null, other) | (other, Null) if other.is_numeric() => (other, other),
        both => both,
    };
    // What is written beside a number as a text is a number.
    let number = |data_type: &DataType, other: &DataType| match data_type.is_string() {
        true if other.is_integer() && policy == Policy::Raise => Int64,
        true => Float64,
        false => data_type.clone(),
    };
    let (left, right) = match left.is_numeric() || right.is_numeric() || left.is_string() && right.is_string() {
        true => (number(left, right), number(right, left)),
        false => (left.clone(), right.clone()),
    };
    if !left.is_numeric() || !right.is_numeric() {
        if operator == Arithmetic::IntegerDivide {
            return plan_err!("Cannot coerce arithmetic expression {left} div {right} to valid types");
        }
        return BinaryTypeCoercer::new(&left, &plain(operator), &right).get_input_types();
    }
    if left.is_floating() || right.is_floating() {
        return match operator {
            Arithmetic::IntegerDivide => {
                plan_err!(
                    "Cannot coerce arithmetic expression {left} div {right} to valid types: div takes integers and decimals"
                )
            }
            Arithmetic::Divide => Ok((Float64, Float64)),
            _ if (&left, &right) == (&Float32, &Float32) => Ok((Float32, Float32)),
            _ if left.is_integer() && right == Float32 || left == Float32 && right.is_integer() => {
                Ok((Float32, Float32))
            }
            _ => Ok((Float64, Float64)),
        };
    }
    if left.is_integer() && right.is_integer() {
        return match operator {
            Arithmetic::Divide => Ok((Float64, Float64)),
            Arithmetic::IntegerDivide => Ok((Int64, Int64)),
            _ => BinaryTypeCoercer::new(&left, &plain(operator), &right).get_input_types(),
        };
    }
    let decimal = |data_type: &DataType| {
        let (precision, scale) = decimal_shape(data_type);
        Decimal128(precision, scale)
    };
    Ok((decimal(&left), decimal(&right)))
}

/// Precision and scale of a decimal, or of the decimal that holds every value of an integer type.
pub(crate) fn decimal_shape(data_type: &DataType) -> (u8, i8) {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => (*precision, *scale),
        DataType::Decimal256(precision, scale) => ((*precision).min(38), *scale),
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        _ => (20, 0),
    }
}

/// The type of a result, from coerced operands.
pub(crate) fn result_type(operator: Arithmetic, left: &DataType, right: &DataType) -> Result<DataType> {
    match (left, right) {
        (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) => {
            Ok(decimal::result_type(operator, (*p1, *s1), (*p2, *s2)))
        }
        (left, right) if left == right && left.is_numeric() => Ok(left.clone()),
        (left, right) => BinaryTypeCoercer::new(left, &plain(operator), right).get_result_type(),
    }
}

impl ScalarUDFImpl for Operation {
    fn name(&self) -> &str {
        let tolerates = self.site.policy() == Policy::Try;
        match &self.kind {
            Kind::Arithmetic(operator) if tolerates => operator.tolerant_name(),
            Kind::Arithmetic(Arithmetic::Add) => "add",
            Kind::Arithmetic(Arithmetic::Subtract) => "subtract",
            Kind::Arithmetic(Arithmetic::Multiply) => "multiply",
            Kind::Arithmetic(Arithmetic::Divide) => "divide",
            Kind::Arithmetic(Arithmetic::Remainder) => "mod",
            Kind::Arithmetic(Arithmetic::IntegerDivide) => "div",
            Kind::Negate => "negative",
            Kind::Absolute => "abs",
            Kind::Cast(_) if tolerates => "try_cast",
            Kind::Cast(_) => "cast",
            Kind::Subscript(_) => "subscript",
            Kind::ElementAt if tolerates => "try_element_at",
            Kind::ElementAt => "element_at",
        }
    }

    /// Columns are called as DataFusion calls them.
    fn schema_name(&self, operands: &[Expr]) -> Result<String> {
        let tolerates = self.site.policy() == Policy::Try;
        let shown: Vec<String> = operands.iter().map(|operand| operand.schema_name().to_string()).collect();
        Ok(match (&self.kind, shown.as_slice()) {
            (Kind::Arithmetic(Arithmetic::IntegerDivide), [left, right]) if !tolerates => format!("{left} div {right}"),
            (Kind::Arithmetic(operator), [left, right]) if !tolerates => format!("{left} {} {right}", plain(*operator)),
            (Kind::Negate, [operand]) => format!("(- {operand})"),
            // With the type, so that a column can stand beside itself in other types.
            (Kind::Cast(to), [operand]) if !tolerates => format!("CAST({operand} AS {})", sql_type(to)),
            (Kind::Cast(to), [operand]) => format!("TRY_CAST({operand} AS {})", sql_type(to)),
            (Kind::Subscript(inner), _) => inner.schema_name(operands)?,
            (_, shown) => format!("{}({})", self.name(), shown.join(",")),
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.coerced(types).map_err(|_| self.mismatch(types))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.result_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if let (Kind::Subscript(inner), Some(container)) = (&self.kind, args.arg_fields.first())
            && !element::is_ours(container.data_type())
        {
            return inner.return_field_from_args(args);
        }
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let makes_nulls = match &self.kind {
            // An element can be NULL though the array is not.
            Kind::Subscript(_) | Kind::ElementAt => true,
            Kind::Negate | Kind::Absolute => false,
            _ => self.site.policy() != Policy::Raise,
        };
        let nullable = makes_nulls || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.result_type(&types)?, nullable)))
    }

    /// NULL in, NULL out.
    fn is_strict(&self) -> bool {
        true
    }

    fn simplify(&self, operands: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let is_null = |operand: &Expr| matches!(operand, Expr::Literal(value, _) if value.is_null());
        if !matches!(self.kind, Kind::Subscript(_)) && operands.iter().any(is_null) {
            let types = operands.iter().map(|operand| info.get_data_type(operand)).collect::<Result<Vec<_>>>()?;
            let null = ScalarValue::try_from(self.result_type(&types)?)?;
            return Ok(ExprSimplifyResult::Simplified(Expr::Literal(null, None)));
        }
        Ok(ExprSimplifyResult::Original(operands))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let result = match self.evaluate(&args.args, rows) {
            Ok(result) => result,
            // A constant that no row has reached. Not a NULL, which a list of constants would keep for its rows to come.
            Err(Failure::Fault(_)) if args.number_rows == 0 => {
                return Ok(ColumnarValue::Array(new_empty_array(args.return_type())));
            }
            Err(Failure::Fault(fault)) => return Err(self.site.raise(fault)),
            Err(Failure::Engine(error)) => return Err(*error),
        };
        match is_constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        match (self.plain_operator(), inputs) {
            (Some(operator @ (Operator::Plus | Operator::Minus | Operator::Multiply)), [left, right]) => {
                apply_operator(&operator, left, right)
            }
            _ => {
                let types: Vec<DataType> = inputs.iter().map(|input| input.data_type()).collect();
                Interval::make_unbounded(&self.result_type(&types)?)
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match (self.plain_operator(), inputs) {
            (Some(Operator::Plus), [left, right]) => left.sort_properties.add(&right.sort_properties),
            (Some(Operator::Minus), [left, right]) => left.sort_properties.sub(&right.sort_properties),
            (_, inputs) if inputs.iter().all(|input| input.sort_properties == SortProperties::Singleton) => {
                SortProperties::Singleton
            }
            _ => SortProperties::Unordered,
        })
    }
}

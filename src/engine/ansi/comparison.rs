//! Comparisons of texts with values of other types: the text becomes a value, by Spark's rules and at the comparison's place.
//!
//! ```text
//!   d_date > '2000-01-01'              d_date > ‹cast› '2000-01-01' as date
//!   price = '1.55'                     price = ‹cast› '1.55' as double
//!   1 in ('a', 2)       ANSI on        1 in (‹cast› 'a' as bigint, 2)
//!                       off            '1' in ('a', '2')
//! ```
//!
//! Left to itself DataFusion picks types of its own (a text beside a decimal loses digits, one beside a boolean is refused), and its
//! casts know no place. A comparison without a text stays as it is, and so does a text beside a type that texts are not cast to. The types follow Spark 3.3.4: `AnsiTypeCoercion.findWiderTypeForString` with ANSI on,
//! `TypeCoercion.findCommonTypeForBinaryComparison` and, for lists, `findWiderCommonType` with it off.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, Cast, Expr, ExprSchemable};

use super::cast;
use super::operation::{Kind, Operation};
use super::policy::Policy;
use super::site::Site;

/// Both sides of `= <> < <= > >=`.
pub(crate) fn sides(left: Expr, right: Expr, site: &Site, schema: &DFSchema) -> (Expr, Expr) {
    match (type_of(&left, schema), type_of(&right, schema)) {
        (Some(text), Some(other)) if text.is_string() => (read_as(left, &text, target(&other, site), site), right),
        (Some(other), Some(text)) if text.is_string() => (left, read_as(right, &text, target(&other, site), site)),
        _ => (left, right),
    }
}

/// `a between low and high`, which is two comparisons.
pub(crate) fn between(between: Between, site: &Site, schema: &DFSchema) -> Between {
    let Between { expr, negated, low, high } = between;
    let (subject, low_type, high_type) = (type_of(&expr, schema), type_of(&low, schema), type_of(&high, schema));
    let (Some(subject), Some(low_type), Some(high_type)) = (subject, low_type, high_type) else {
        return Between { expr, negated, low, high };
    };
    if subject.is_string() {
        // One cast serves both bounds, if they ask for the same.
        let to = target(&low_type, site).filter(|to| target(&high_type, site).as_ref() == Some(to));
        return Between { expr: Box::new(read_as(*expr, &subject, to, site)), negated, low, high };
    }
    let bound = |bound: Box<Expr>, data_type: &DataType| match data_type.is_string() {
        true => Box::new(read_as(*bound, data_type, target(&subject, site), site)),
        false => bound,
    };
    Between { low: bound(low, &low_type), high: bound(high, &high_type), expr, negated }
}

/// `a in (b, c)`, all of which are brought to one type.
pub(crate) fn in_list(list: InList, site: &Site, schema: &DFSchema) -> InList {
    let all: Option<Vec<DataType>> =
        std::iter::once(list.expr.as_ref()).chain(&list.list).map(|value| type_of(value, schema)).collect();
    let Some(types) = all.filter(|types| types.iter().any(DataType::is_string)) else { return list };
    let others: Vec<&DataType> = types.iter().filter(|other| !other.is_string() && !other.is_null()).collect();
    let Some(first) = others.first() else { return list };
    let are_alike = others.iter().all(|other| other == first) || others.iter().all(|other| other.is_integer());
    let InList { expr, list, negated } = list;
    let values: Vec<Expr> = std::iter::once(*expr).chain(list).collect();
    let values = match site.policy() {
        Policy::Legacy => of_equal_texts(&values, &types, are_alike.then_some(*first))
            .unwrap_or_else(|| values.into_iter().zip(&types).map(|(value, from)| as_text(value, from)).collect()),
        Policy::Raise | Policy::Try => {
            let to = match are_alike {
                true => target(first, site),
                false => others.iter().all(|other| other.is_numeric()).then_some(DataType::Float64),
            };
            values.into_iter().zip(&types).map(|(value, from)| read_as(value, from, to.clone(), site)).collect()
        }
    };
    let mut values = values.into_iter();
    let expr = values.next().map(Box::new).unwrap_or_default();
    InList { expr, list: values.collect(), negated }
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    expr.get_type(schema).ok()
}

/// The type in which a text is compared with a value of another type.
fn target(other: &DataType, site: &Site) -> Option<DataType> {
    Some(match (other, site.policy()) {
        (DataType::Null, _) => return None,
        (other, Policy::Raise) if other.is_integer() => DataType::Int64,
        (other, Policy::Raise) if other.is_numeric() => DataType::Float64,
        // A text has as many fraction digits as it likes.
        (DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale), _) if *scale > 0 => DataType::Float64,
        (other, _) => other.clone(),
    })
}

/// A text as a value of a type; everything else as it is.
fn read_as(value: Expr, from: &DataType, to: Option<DataType>, site: &Site) -> Expr {
    match to {
        Some(to) if from.is_string() && cast::is_ours(from, &to) => {
            Operation::call(Kind::Cast(to), site.clone(), vec![value])
        }
        _ => value,
    }
}

/// A value as its text.
fn as_text(value: Expr, from: &DataType) -> Expr {
    match from.is_string() || from.is_null() {
        true => value,
        false => Expr::Cast(Cast::new(Box::new(value), DataType::Utf8)),
    }
}

/// The list in the type of its other values, if texts of it are equal just where its values are: then scans can still be pruned by
/// it. That holds for texts that are written as the type's own texts are.
fn of_equal_texts(values: &[Expr], types: &[DataType], other: Option<&DataType>) -> Option<Vec<Expr>> {
    let to = match other? {
        integer if integer.is_integer() => DataType::Int64,
        one_text_each @ (DataType::Boolean | DataType::Date32 | DataType::Decimal128(..)) => one_text_each.clone(),
        _ => return None,
    };
    let reading = Operation::new(Kind::Cast(to), Site::nowhere(Policy::Raise));
    let value = |(value, from): (&Expr, &DataType)| match value {
        value if !from.is_string() => Some(value.clone()),
        Expr::Literal(text, _) => {
            let read = reading.of_literals(std::slice::from_ref(value))?;
            let is_own_text = read.cast_to(&DataType::Utf8).ok()?.try_as_str() == text.try_as_str();
            is_own_text.then_some(Expr::Literal(read, None))
        }
        _ => None,
    };
    values.iter().zip(types).map(value).collect()
}

#[cfg(test)]
mod tests {
    use crate::engine::ansi::tests::{engine, first_value};

    /// What an expression gives with ANSI on and off: its text, NULL, or the error's class and the fragment that it points to.
    async fn check(expression: &str, on: &str, off: &str) {
        for (set, expected) in [("engine.ansi.enabled=true", on), ("engine.ansi.enabled=false", off)] {
            let engine = engine(&[set]).await;
            let row = "(values (1, 'a', 1.50, date '2020-01-01', true, 1e0)) t (i, s, n, d, b, f)";
            let sql = format!("select {expression} from {row}");
            let found = match first_value(&engine, &sql).await {
                Ok(value) => value,
                Err(error) => {
                    let fragment = error.place().map_or("nowhere", |place| place.fragment());
                    format!("{} {fragment}", error.condition())
                }
            };
            assert_eq!(found, expected, "{expression} with {set}");
        }
    }

    #[tokio::test]
    async fn texts_beside_other_types() {
        const BAD: &str = "CAST_INVALID_INPUT";
        check("i = '1'", "true", "true").await;
        check("' 1 ' >= i", "true", "true").await;
        check("i = 'a'", &format!("{BAD} i = 'a'"), "NULL").await;
        check("s <> i and i = 1", &format!("{BAD} s <> i"), "NULL").await;
        check("not s < d or i > 1", &format!("{BAD} s < d"), "NULL").await;
        check("d > '2019-12-31'", "true", "true").await;
        check("cast(i as int) < '99999999999'", "true", "NULL").await;
        check("b = 'yes'", "true", "true").await;
        check("b = 'x'", &format!("{BAD} b = 'x'"), "NULL").await;
        check("f = '1'", "true", "true").await;
        // As doubles: a decimal of two digits would take 1.495 for 1.50.
        check("n = '1.495'", "false", "false").await;
        check("n = '1.5'", "true", "true").await;
        check("i = cast(null as string)", "NULL", "NULL").await;
        check("i = null", "NULL", "NULL").await;
    }

    #[tokio::test]
    async fn ranges() {
        check("d between '2019-01-01' and '2020-01-01'", "true", "true").await;
        check("i not between '2' and 3", "true", "true").await;
        check("'2' between 1 and i", "false", "false").await;
        check("d between 'x' and d", "CAST_INVALID_INPUT d between 'x' and d", "NULL").await;
        check("s between i and 3", "CAST_INVALID_INPUT s between i and 3", "NULL").await;
        check("s between 'a' and 'b'", "true", "true").await;
    }

    #[tokio::test]
    async fn lists() {
        check("i in ('2', '1')", "true", "true").await;
        check("i in ('a')", "CAST_INVALID_INPUT i in ('a')", "false").await;
        check("1 not in ('a', 2)", "CAST_INVALID_INPUT 1 not in ('a', 2)", "true").await;
        check("s in (1, 2)", "CAST_INVALID_INPUT s in (1, 2)", "false").await;
        // As texts, with ANSI off: what is not written alike is not the same.
        check("i in ('01')", "true", "false").await;
        check("n in ('1.5')", "true", "false").await;
        check("n in ('1.50')", "true", "true").await;
        check("d in ('2020-1-2', s)", "CAST_INVALID_INPUT d in ('2020-1-2', s)", "false").await;
        // Found before the one that is no date.
        check("d in ('2020-1-1', s)", "true", "false").await;
        check("d in ('2020-1-1')", "true", "false").await;
        check("d in ('2020-01-01', '2020-01-02')", "true", "true").await;
        check("b in ('true', null)", "true", "true").await;
        check("i in (null, 'a')", "CAST_INVALID_INPUT i in (null, 'a')", "NULL").await;
        check("i in (1.5, '1')", "true", "true").await;
        check("s in ('a', 'b')", "true", "true").await;
        check("i in (2, 1)", "true", "true").await;
        // A list of constants of which one has no value.
        check("i in (2, 1 / 0)", "DIVIDE_BY_ZERO 1 / 0", "NULL").await;
    }
}

//! The names of types as Spark prints them: an error speaks the language of the statement, not the one of the arrays.

use arrow::datatypes::DataType;

/// A type under its SQL name, such as `DECIMAL(7,2)` or `ARRAY<INT>`.
///
/// Types that Spark does not have (unsigned integers, times of day) keep arrow's name.
pub(crate) fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "VOID".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "BINARY".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Timestamp(_, _) => "TIMESTAMP".to_owned(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("ARRAY<{}>", sql_type(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{}: {}", field.name(), sql_type(field.data_type()))).collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                format!("MAP<{}, {}>", sql_type(pair[0].data_type()), sql_type(pair[1].data_type()))
            }
            _ => data_type.to_string(),
        },
        // How the strings are stored is nothing that a statement could tell.
        DataType::Dictionary(_, value) => sql_type(value),
        _ => data_type.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[track_caller]
    fn check(data_type: &DataType, expected: &str) {
        assert_eq!(sql_type(data_type), expected);
    }

    #[test]
    fn plain_types() {
        check(&DataType::Int8, "TINYINT");
        check(&DataType::Int16, "SMALLINT");
        check(&DataType::Int32, "INT");
        check(&DataType::Int64, "BIGINT");
        check(&DataType::UInt8, "UInt8");
        check(&DataType::Float32, "FLOAT");
        check(&DataType::Float64, "DOUBLE");
        check(&DataType::Decimal128(7, 2), "DECIMAL(7,2)");
        check(&DataType::Decimal256(76, 0), "DECIMAL(76,0)");
        check(&DataType::Utf8View, "STRING");
        check(&DataType::Boolean, "BOOLEAN");
        check(&DataType::Date32, "DATE");
        check(&DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), "TIMESTAMP");
        check(&DataType::Binary, "BINARY");
        check(&DataType::Null, "VOID");
    }

    #[test]
    fn nested_types() {
        let list = DataType::new_list(DataType::Int32, true);
        check(&list, "ARRAY<INT>");
        check(&DataType::new_list(list, true), "ARRAY<ARRAY<INT>>");
        let pair = DataType::Struct(
            vec![Field::new("k", DataType::Utf8, false), Field::new("v", DataType::Date32, true)].into(),
        );
        check(&pair, "STRUCT<k: STRING, v: DATE>");
        check(&DataType::Map(Arc::new(Field::new("entries", pair, false)), false), "MAP<STRING, DATE>");
        check(&DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), "STRING");
    }
}

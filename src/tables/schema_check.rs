//! Are a file's columns those of the table?

use datafusion::arrow::datatypes::{DataType, Schema};

use datagen::schema::Table;

/// The first column that is missing or of another kind, in words; nothing where the schema fits.
///
/// Strings may be stored as any of Arrow's string types and integers in either width, as writers differ in both.
/// Columns are found by name: a partition column of a public data set comes last. The column that folders are named after
/// may be missing; what files say of it does not count.
pub(super) fn difference(table: &Table, schema: &Schema, partition_column: Option<&str>) -> Option<String> {
    table.arrow_schema().fields().iter().find_map(|wanted| {
        if partition_column == Some(wanted.name().as_str()) {
            return None;
        }
        let Ok(found) = schema.field_with_name(wanted.name()) else {
            return Some(format!("it has no column `{}`", wanted.name()));
        };
        (!fits(wanted.data_type(), found.data_type())).then(|| {
            format!("column `{}` is {}, but should be {}", wanted.name(), found.data_type(), wanted.data_type())
        })
    })
}

fn fits(wanted: &DataType, found: &DataType) -> bool {
    let is_text = |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_integer = |data_type: &DataType| matches!(data_type, DataType::Int32 | DataType::Int64);
    let decimal = |data_type: &DataType| match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some((*precision, *scale)),
        _ => None,
    };
    match wanted {
        wanted if is_text(wanted) => match found {
            DataType::Dictionary(_, values) => is_text(values),
            found => is_text(found),
        },
        wanted if is_integer(wanted) => is_integer(found),
        wanted if decimal(wanted).is_some() => decimal(found) == decimal(wanted),
        DataType::Time32(_) | DataType::Time64(_) => {
            matches!(found, DataType::Time32(_) | DataType::Time64(_)) || is_text(found) || is_integer(found)
        }
        wanted => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Field;

    #[track_caller]
    fn check(column: &str, data_type: DataType, expected: Option<&str>) {
        let table = datagen::schema::table("item").expect("a table");
        let original = table.arrow_schema();
        let fields = original.fields().iter().map(|field| match field.name() == column {
            true => Field::new(column, data_type.clone(), true),
            false => field.as_ref().clone(),
        });
        assert_eq!(difference(table, &Schema::new(fields.collect::<Vec<_>>()), None).as_deref(), expected);
    }

    #[test]
    fn other_representations_fit_and_other_types_do_not() {
        check("i_item_sk", DataType::Int64, None);
        check("i_color", DataType::LargeUtf8, None);
        check("i_color", DataType::Utf8View, None);
        check("i_current_price", DataType::Decimal64(7, 2), None);
        check(
            "i_current_price",
            DataType::Float64,
            Some("column `i_current_price` is Float64, but should be Decimal128(7, 2)"),
        );
        check(
            "i_current_price",
            DataType::Decimal128(7, 3),
            Some("column `i_current_price` is Decimal128(7, 3), but should be Decimal128(7, 2)"),
        );
        check("i_rec_start_date", DataType::Utf8, Some("column `i_rec_start_date` is Utf8, but should be Date32"));
    }

    #[test]
    fn a_missing_column_is_named() {
        let table = datagen::schema::table("store").expect("a table");
        assert_eq!(difference(table, &Schema::empty(), None).as_deref(), Some("it has no column `s_store_sk`"));
        let rest = difference(table, &Schema::empty(), Some("s_store_sk"));
        assert_eq!(rest.as_deref(), Some("it has no column `s_store_id`"));
    }

    #[test]
    fn the_partition_column_is_not_looked_for_in_files() {
        let table = datagen::schema::table("inventory").expect("a table");
        let fields = table.arrow_schema().fields().clone();
        let rest = Schema::new(fields.iter().skip(1).cloned().collect::<Vec<_>>());
        assert_eq!(difference(table, &rest, Some("inv_date_sk")), None);
        assert_eq!(difference(table, &rest, None).as_deref(), Some("it has no column `inv_date_sk`"));
        let as_text = Field::new("inv_date_sk", DataType::Utf8, true);
        let with_text =
            Schema::new(rest.fields().iter().map(|f| f.as_ref().clone()).chain([as_text]).collect::<Vec<_>>());
        assert_eq!(difference(table, &with_text, Some("inv_date_sk")), None);
    }
}

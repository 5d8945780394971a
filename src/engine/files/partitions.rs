//! Folders named `key=value`: columns that are in no file.
//!
//! ```text
//! sales/year=2001/month=1/x.parquet            year   month   columns of the file
//! sales/year=2001/month=2/y.parquet     ──▶    2001       1   …
//! sales/year=__HIVE_DEFAULT_PARTITION__/…      NULL       …
//! ```
//!
//! A column whose values are all whole numbers is BIGINT, one whose values are all dates is DATE, anything else is text;
//! Hive's word for NULL is NULL in each of them. DataFusion's listing table knows neither: it takes the type that it is told
//! and reads Hive's word as a text. So it is given texts, and a projection above it makes of them what they mean. Filters
//! on such a column are moved below the projection by the optimizer, so that folders that cannot match are not read.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, cast, ident, lit};
use percent_encoding::percent_decode_str;
use url::Url;

use super::error::FileError;
use super::place::{self, Listing};

/// What a folder is called whose rows have NULL in that column.
pub(in crate::engine) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// A column that is made of folders' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartitionColumn {
    pub(super) name: String,
    pub(super) data_type: DataType,
}

impl PartitionColumn {
    /// The column's values, made of the folder's text.
    pub(super) fn expression(&self) -> Expr {
        let text = datafusion::functions::expr_fn::nullif(ident(&self.name), lit(NULL_PARTITION));
        let value = if self.data_type == DataType::Utf8 { text } else { cast(text, self.data_type.clone()) };
        value.alias(&self.name)
    }
}

/// The `key=value` folders between a listing's folder and its files; the same keys in the same order for every file.
pub(super) fn columns(listing: &Listing) -> Result<Vec<PartitionColumn>, FileError> {
    let Some(folder) = &listing.folder else { return Ok(Vec::new()) };
    let all: Vec<Vec<(String, String)>> = listing.files.iter().map(|file| keys_and_values(folder, file)).collect();
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let Some(first) = all.iter().find(|pairs| !pairs.is_empty()).map(|pairs| names(pairs)) else {
        return Ok(Vec::new());
    };
    if let Some(other) = all.iter().position(|pairs| names(pairs) != first) {
        return Err(FileError::Partitions {
            path: listing.text.clone(),
            keys: first.iter().map(|key| format!("{key}=…")).collect::<Vec<_>>().join("/"),
            file: place::shown(&listing.files[other]),
        });
    }
    let column = |(index, name): (usize, String)| {
        let values = all.iter().map(|pairs| pairs[index].1.as_str());
        PartitionColumn { name, data_type: type_of(values) }
    };
    Ok(first.into_iter().enumerate().map(column).collect())
}

fn keys_and_values(folder: &Url, file: &Url) -> Vec<(String, String)> {
    let inside = file.path().strip_prefix(folder.path()).and_then(|path| path.rsplit_once('/'));
    let parts = inside.into_iter().flat_map(|(folders, _)| folders.split('/'));
    let texts = parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    texts.filter_map(|text| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect()
}

/// The narrowest of BIGINT, DATE and text that loses nothing: `007` stays a text.
fn type_of<'a>(values: impl Iterator<Item = &'a str> + Clone) -> DataType {
    let mut values = values.filter(|value| *value != NULL_PARTITION).peekable();
    if values.peek().is_none() {
        return DataType::Utf8;
    }
    let whole = |value: &str| value.parse::<i64>().is_ok_and(|number| number.to_string() == value);
    let date = |value: &str| value.len() == 10 && chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok();
    if values.clone().all(whole) {
        DataType::Int64
    } else if values.all(date) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Format;
    use super::*;

    #[track_caller]
    fn check(files: &[&str], expected: Result<&[(&str, DataType)], &str>) {
        let folder = Url::parse("file:///data/").expect("a URL");
        let files = files.iter().map(|file| folder.join(file).expect("a URL")).collect();
        let listing = Listing { text: "data/".to_owned(), folder: Some(folder), files, format: Format::Csv };
        match (columns(&listing), expected) {
            (Ok(columns), Ok(expected)) => {
                let found: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.data_type.clone())).collect();
                assert_eq!(found, expected);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn columns_have_the_narrowest_type() {
        check(&["x.csv", "d/y.csv"], Ok(&[]));
        check(&["a=1/x.csv", "a=-20/x.csv"], Ok(&[("a", DataType::Int64)]));
        check(&["a=1/b=2001-02-03/x.csv"], Ok(&[("a", DataType::Int64), ("b", DataType::Date32)]));
        check(&["a=007/x.csv"], Ok(&[("a", DataType::Utf8)]));
        check(&["a=1/x.csv", "a=x/x.csv"], Ok(&[("a", DataType::Utf8)]));
        check(&["a=1/x.csv", "a=__HIVE_DEFAULT_PARTITION__/x.csv"], Ok(&[("a", DataType::Int64)]));
        check(&["a=__HIVE_DEFAULT_PARTITION__/x.csv"], Ok(&[("a", DataType::Utf8)]));
        check(&["a=2001-02-30/x.csv"], Ok(&[("a", DataType::Utf8)]));
        check(&["a=/x.csv", "a=1/x.csv"], Ok(&[("a", DataType::Utf8)]));
    }

    #[test]
    fn files_must_agree() {
        check(&["a=1/x.csv", "y.csv"], Err("not all in folders a=…: `/data/y.csv` is not"));
        check(&["a=1/b=2/x.csv", "b=2/a=1/x.csv"], Err("not all in folders a=…/b=…"));
    }
}

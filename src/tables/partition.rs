//! Hive's folders: `store_sales/ss_sold_date_sk=2450816/….parquet` says the column and its value for all rows of the file.
//!
//! Comes in: the folders of a table's files. Goes out: the column, and a value or NULL for each file. What does not add up
//! is an error that names the folder: rows that are left out or that get a wrong key are wrong answers.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datagen::NULL_PARTITION;
use datagen::schema::{Column, Table};
use object_store::ObjectMeta;

use super::dataset::{FoundFiles, show};
use super::{DataError, DataUrl};
use crate::text::did_you_mean;

/// The column and the value that a folder is named after.
fn split(folder: &str) -> Option<(&str, &str)> {
    folder.split_once('=')
}

/// A table's files and what their folders say.
pub(super) struct PartitionedFiles {
    /// The column that folders are named after; nothing for a table without partitions.
    pub(super) column: Option<&'static str>,
    /// Each file, with the column's value where there is one.
    pub(super) files: Vec<(ObjectMeta, Option<ScalarValue>)>,
}

/// What the folders between a table and its files say of the files.
pub(super) fn partition(
    url: &DataUrl,
    table: &'static Table,
    files: FoundFiles,
) -> Result<PartitionedFiles, DataError> {
    let (objects, folders): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let Some(example) = folders.iter().flatten().find(|folder| split(folder).is_some()) else {
        return Ok(PartitionedFiles {
            column: None,
            files: objects.into_iter().map(|object| (object, None)).collect(),
        });
    };
    let mut column = None;
    let mut values = Vec::with_capacity(folders.len());
    for (object, folders) in objects.iter().zip(&folders) {
        let (of_file, value) = value(table, folders, example).map_err(|message| DataError::WrongPartition {
            file: show(url, &object.location),
            table: table.name.to_owned(),
            message,
        })?;
        column = Some(of_file.name);
        values.push(Some(value));
    }
    Ok(PartitionedFiles { column, files: objects.into_iter().zip(values).collect() })
}

/// The column and the value that a file's folders tell, if the column is that of `example`.
fn value(table: &'static Table, folders: &[String], example: &str) -> Result<(&'static Column, ScalarValue), String> {
    let mut parts = folders.iter().filter_map(|folder| Some((folder, split(folder)?)));
    let Some((folder, (name, text))) = parts.next() else {
        return Err(format!("it lies in no partition, but other files of the table do, as in `{example}`"));
    };
    if let Some((second, _)) = parts.next() {
        return Err(format!("it lies in two partitions, `{folder}` and `{second}`; only one is supported"));
    }
    let column = table.column(name).ok_or_else(|| {
        let hint = did_you_mean(name, table.columns.iter().map(|column| column.name));
        format!("the folder `{folder}` is named after a column that the table does not have{hint}")
    })?;
    if split(example).is_none_or(|(expected, _)| expected != name) {
        return Err(format!("the folder `{folder}` is of another column than `{example}`"));
    }
    let value = parse(text, &column.data_type()).map_err(|message| format!("the folder `{folder}` {message}"))?;
    Ok((column, value))
}

/// The value as the column's type.
fn parse(text: &str, data_type: &DataType) -> Result<ScalarValue, String> {
    let value = (text != NULL_PARTITION).then_some(text);
    let unusable = |_| format!("should say a whole number or {NULL_PARTITION} after the `=`");
    match data_type {
        DataType::Int32 => Ok(ScalarValue::Int32(value.map(str::parse).transpose().map_err(unusable)?)),
        DataType::Int64 => Ok(ScalarValue::Int64(value.map(str::parse).transpose().map_err(unusable)?)),
        _ => Err("is of a column that is no whole number, which is not supported".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(table: &str, folders: &[&[&str]], expected: Expect) {
        let table = datagen::schema::table(table).expect("a table");
        let file = |(index, folders): (usize, &&[&str])| {
            let location = format!("data/{index}.parquet").into();
            let object =
                ObjectMeta { location, last_modified: Default::default(), size: 1, e_tag: None, version: None };
            (object, folders.iter().map(|folder| (*folder).to_owned()).collect())
        };
        let url = DataUrl::parse("/data").expect("a path");
        expected.assert_eq(&match partition(&url, table, folders.iter().enumerate().map(file).collect()) {
            Ok(PartitionedFiles { column: None, .. }) => "no partitions".to_owned(),
            Ok(PartitionedFiles { column: Some(column), files }) => {
                format!("{column}: {:?}", files.into_iter().filter_map(|(_, value)| value).collect::<Vec<_>>())
            }
            Err(DataError::WrongPartition { file, message, .. }) => format!("{file}: {message}"),
            Err(error) => panic!("{error}"),
        });
    }

    #[test]
    fn folders_become_values() {
        check("store_sales", &[], expect!["no partitions"]);
        check("store_sales", &[&[], &["deeper"]], expect!["no partitions"]);
        check(
            "store_sales",
            &[&["ss_sold_date_sk=2450816"], &["ss_sold_date_sk=__HIVE_DEFAULT_PARTITION__"]],
            expect!["ss_sold_date_sk: [Int32(2450816), Int32(NULL)]"],
        );
        check("store_sales", &[&["ss_ticket_number=7", "deeper"]], expect!["ss_ticket_number: [Int64(7)]"]);
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        check(
            "store_sales",
            &[&["ss_sold_date=2450816"]],
            expect![
                "/data/0.parquet: the folder `ss_sold_date=2450816` is named after a column that the table does not have; did you mean `ss_sold_date_sk`?"
            ],
        );
        check(
            "store_sales",
            &[&["ss_sold_date_sk=1"], &["ss_sold_date_sk=1998-01-02"]],
            expect![
                "/data/1.parquet: the folder `ss_sold_date_sk=1998-01-02` should say a whole number or __HIVE_DEFAULT_PARTITION__ after the `=`"
            ],
        );
        check(
            "store_sales",
            &[&["ss_sold_date_sk="]],
            expect![
                "/data/0.parquet: the folder `ss_sold_date_sk=` should say a whole number or __HIVE_DEFAULT_PARTITION__ after the `=`"
            ],
        );
        check(
            "store_sales",
            &[&["ss_sold_date_sk=1"], &[]],
            expect![
                "/data/1.parquet: it lies in no partition, but other files of the table do, as in `ss_sold_date_sk=1`"
            ],
        );
        check(
            "store_sales",
            &[&["ss_sold_date_sk=1"], &["ss_store_sk=1"]],
            expect!["/data/1.parquet: the folder `ss_store_sk=1` is of another column than `ss_sold_date_sk=1`"],
        );
        check(
            "store_sales",
            &[&["ss_store_sk=1", "ss_sold_date_sk=1"]],
            expect![
                "/data/0.parquet: it lies in two partitions, `ss_store_sk=1` and `ss_sold_date_sk=1`; only one is supported"
            ],
        );
        check(
            "item",
            &[&["i_category=Books"]],
            expect![
                "/data/0.parquet: the folder `i_category=Books` is of a column that is no whole number, which is not supported"
            ],
        );
    }
}

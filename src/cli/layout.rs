//! `dsbench layout`: how the files of a data folder are laid out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::{DataArgs, runtime};
use super::exit::{Code, Failure};
use super::output;
use crate::report::table;
use crate::tables::{Coverage, DateLayout, DateSpan, TableLayout, describe};
use crate::text;

/// Describe the files of a data folder: files, row groups, sizes, codecs, encodings, indexes, and which days a row group covers.
///
/// Only footers are read. A row group that covers few days can be skipped by a filter on dates; where every row group covers
/// all years, none can. `dsbench generate --sort-by-date` and `--partitioned` make the former of the latter.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these tables
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Print everything that is known as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let tables = args.tables.iter().map(|name| {
        datagen::schema::table(name).ok_or_else(|| {
            let names = datagen::schema::tables().iter().map(|table| table.name);
            Failure::Usage(format!("there is no table `{name}`{}", text::did_you_mean(name, names)))
        })
    });
    let tables = tables.collect::<Result<Vec<_>, _>>()?;
    let (url, _) = args.data.locate()?;
    let layouts = runtime()?.block_on(describe(&url, &tables))?;
    output::data(&match args.json {
        true => format!("{:#}\n", Value::from_iter(layouts.iter().map(as_json))),
        false => as_text(&layouts),
    })?;
    Ok(Code::Well)
}

fn as_text(layouts: &[TableLayout]) -> String {
    let mut table = table::plain([
        "table",
        "files",
        "row groups",
        "rows",
        "size",
        "ratio",
        "codec",
        "encodings",
        "page index",
        "bloom filters",
    ]);
    for layout in layouts {
        table.add_row([
            layout.table.to_owned(),
            text::thousands(layout.file_count),
            text::thousands(layout.row_group_count),
            text::thousands(layout.row_count),
            text::bytes(layout.bytes),
            ratio(layout).map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            join(&layout.codecs),
            encodings(&layout.encodings),
            match layout.page_index {
                Coverage::None => "no",
                Coverage::Some => "some",
                Coverage::All => "yes",
            }
            .to_owned(),
            match layout.bloom_filters.len() {
                0 => "-".to_owned(),
                1..=3 => join(&layout.bloom_filters),
                count => format!("{count} columns"),
            },
        ]);
    }
    table::align_right(&mut table, 1..6);
    let mut out = format!("{}\n", table.trim_fmt());
    let with_dates = layouts.iter().filter_map(|layout| Some((layout, layout.dates.as_ref()?)));
    let lines: Vec<_> =
        with_dates.map(|(layout, dates)| format!("{:<16} {}\n", layout.table, sentence(layout, dates))).collect();
    if !lines.is_empty() {
        out.push('\n');
        out.extend(lines);
    }
    out
}

/// How values are written, in words. RLE is what all files write the places of NULL in.
fn encodings(names: &BTreeSet<String>) -> String {
    let word = |name: &String| match name.as_str() {
        "RLE" | "BIT_PACKED" => None,
        "RLE_DICTIONARY" | "PLAIN_DICTIONARY" => Some("dictionary".to_owned()),
        name => Some(name.to_lowercase().replace('_', " ")),
    };
    join(&names.iter().filter_map(word).collect())
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// How much smaller compression makes the columns.
fn ratio(layout: &TableLayout) -> Option<f64> {
    (layout.compressed_bytes > 0).then(|| layout.uncompressed_bytes as f64 / layout.compressed_bytes as f64)
}

/// Where the days are, in words.
fn sentence(layout: &TableLayout, dates: &DateLayout) -> String {
    let Some((first, last)) = dates.range else {
        return format!("no row group tells its {}", dates.column);
    };
    let groups = dates.row_groups;
    let days = if groups.mean_days.round() == 1.0 { "day" } else { "days" };
    let percent = groups.mean_share * 100.0;
    let decimals = if percent < 1.0 { 2 } else { 1 };
    let spans = format!(
        "a row group covers {:.0} {days} on average, {percent:.decimals$}% of {first}..{last}",
        groups.mean_days
    );
    let how = match (layout.partition_column == Some(dates.column), dates.sorted, layout.is_clustered()) {
        (true, _, _) => format!("partitioned by {}", dates.column),
        (false, _, _) if groups.count + groups.null_count + groups.unknown_count == 1 => {
            return format!("one row group, {first}..{last}");
        }
        (false, Some(true), _) => format!("sorted by {}", dates.column),
        (false, _, true) => format!("clustered by {}", dates.column),
        (false, _, false) => "not clustered".to_owned(),
    };
    let unknown = match groups.unknown_count {
        0 => String::new(),
        count => format!("; {} row groups do not tell", text::thousands(count)),
    };
    format!("{how}: {spans}{unknown}")
}

fn as_json(layout: &TableLayout) -> Value {
    json!({
        "table": layout.table,
        "partition_column": layout.partition_column,
        "file_count": layout.file_count,
        "row_group_count": layout.row_group_count,
        "row_count": layout.row_count,
        "bytes": layout.bytes,
        "compressed_bytes": layout.compressed_bytes,
        "uncompressed_bytes": layout.uncompressed_bytes,
        "codecs": layout.codecs,
        "encodings": layout.encodings,
        "bloom_filters": layout.bloom_filters,
        "page_index": match layout.page_index {
            Coverage::None => "none",
            Coverage::Some => "some",
            Coverage::All => "all",
        },
        "dates": layout.dates.as_ref().map(|dates| json!({
            "column": dates.column,
            "first": dates.range.map(|(first, _)| first.to_string()),
            "last": dates.range.map(|(_, last)| last.to_string()),
            "sorted": dates.sorted,
            "clustered": layout.is_clustered(),
            "files": span_json(dates.files),
            "row_groups": span_json(dates.row_groups),
        })),
    })
}

fn span_json(span: DateSpan) -> Value {
    json!({
        "count": span.count,
        "null_count": span.null_count,
        "unknown_count": span.unknown_count,
        "mean_days": span.mean_days,
        "mean_share": span.mean_share,
    })
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut TableLayout), expected: Expect) {
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 2).expect("a day");
        let groups = DateSpan { count: 11, null_count: 0, unknown_count: 0, mean_days: 1823.4, mean_share: 0.998 };
        let range = Some((day(1998), day(2003)));
        let mut layout = TableLayout {
            table: "store_sales",
            partition_column: None,
            file_count: 1,
            row_group_count: 11,
            row_count: 2_880_404,
            bytes: 100 << 20,
            compressed_bytes: 90 << 20,
            uncompressed_bytes: 180 << 20,
            codecs: BTreeSet::from(["snappy".to_owned()]),
            encodings: BTreeSet::from(["PLAIN".to_owned()]),
            bloom_filters: BTreeSet::new(),
            page_index: Coverage::All,
            dates: Some(DateLayout {
                column: "ss_sold_date_sk",
                range,
                files: groups,
                row_groups: groups,
                sorted: Some(false),
            }),
        };
        change(&mut layout);
        let dates = layout.dates.clone().expect("dates");
        expected.assert_eq(&sentence(&layout, &dates));
    }

    fn dates(layout: &mut TableLayout) -> &mut DateLayout {
        layout.dates.as_mut().expect("dates")
    }

    #[test]
    fn encodings_are_told_in_words() {
        let names = ["BIT_PACKED", "DELTA_BINARY_PACKED", "PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY"];
        let names = names.map(str::to_owned).into();
        assert_eq!(encodings(&names), "delta binary packed, dictionary, plain");
    }

    #[test]
    fn days_are_told_in_words() {
        check(
            |_| {},
            expect!["not clustered: a row group covers 1823 days on average, 99.8% of 1998-01-02..2003-01-02"],
        );
        let few = |dates: &mut DateLayout| (dates.row_groups.mean_days, dates.row_groups.mean_share) = (167.0, 0.091);
        check(
            |layout| few(dates(layout)),
            expect![
                "clustered by ss_sold_date_sk: a row group covers 167 days on average, 9.1% of 1998-01-02..2003-01-02"
            ],
        );
        check(
            |layout| {
                few(dates(layout));
                dates(layout).sorted = Some(true);
                dates(layout).row_groups.unknown_count = 2;
            },
            expect![
                "sorted by ss_sold_date_sk: a row group covers 167 days on average, 9.1% of 1998-01-02..2003-01-02; 2 row groups do not tell"
            ],
        );
        check(
            |layout| {
                layout.partition_column = Some("ss_sold_date_sk");
                (dates(layout).row_groups.mean_days, dates(layout).row_groups.mean_share) = (1.0, 0.0005);
            },
            expect![
                "partitioned by ss_sold_date_sk: a row group covers 1 day on average, 0.05% of 1998-01-02..2003-01-02"
            ],
        );
        check(|layout| dates(layout).row_groups.count = 1, expect!["one row group, 1998-01-02..2003-01-02"]);
        check(|layout| dates(layout).range = None, expect!["no row group tells its ss_sold_date_sk"]);
    }
}

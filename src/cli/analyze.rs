//! `dsbench analyze`: count the rows of data, verify its keys, and keep both beside it for the optimizer.

use std::path::Path;

use datagen::DataStatistics;
use datagen::statistics::{ColumnStatistics, KeyCheck, TableStatistics, Violation, ViolationKind};
use serde_json::{Value, json};

use super::args::{DataArgs, LimitArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::output;
use super::progress::DataProgress;
use crate::engine::EngineLimits;
use crate::report::table;
use crate::runner::{Cancel, clock};
use crate::tables::{DataSet, Expectation};
use crate::text;

/// Count the rows of data and verify its keys, for the optimizer: NULLs, least and greatest values and distinct values of every
/// column, in a statistics.json beside the tables.
///
/// `dsbench generate` writes the file while it makes the tables. This command makes it for data of other makers, and brings it up to date
/// for tables whose files have changed since; what still fits is kept. Whoever opens the data checks that the numbers are of the
/// files that are there, and plans without them if not.
///
/// The keys that the schema declares are looked for in the rows: primary keys must be unique and never NULL, and foreign keys must
/// refer to a row. The optimizer trusts a key only in data where it was found to hold. A key that fails is shown with an example; the exit code
/// is 0 all the same, unless --strict.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder or URL of the tables, as with --data
    #[arg(value_name = "DATA", value_hint = clap::ValueHint::DirPath)]
    place: Option<String>,
    /// Show the columns of these tables
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,
    /// Count all tables and verify all keys again, even if their files are as they were
    #[arg(long)]
    force: bool,
    /// Write no file; print what was found
    #[arg(long)]
    no_write: bool,
    /// Exit with 1 if a key fails
    #[arg(long)]
    strict: bool,
    /// Print everything that is known as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    /// With a first word that is no place, but a table's name, among the tables.
    fn sorted(mut self) -> Result<Self, Failure> {
        let Some(word) = self.place.take() else { return Ok(self) };
        if !word.contains(['/', '.']) && !Path::new(&word).is_dir() {
            self.tables.insert(0, word);
        } else if let Some(data) = &self.data.data {
            return Err(Failure::Usage(format!("the data is named twice, `{word}` and --data {data}: leave one out")));
        } else {
            self.data.data = Some(word);
        }
        Ok(self)
    }
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let args = args.sorted()?;
    for name in &args.tables {
        if datagen::schema::table(name).is_none() {
            let names = datagen::schema::tables().iter().map(|table| table.name);
            return Err(Failure::Usage(format!("there is no table `{name}`{}", text::did_you_mean(name, names))));
        }
    }
    let limits = args.limits.limits()?;
    let (url, scale) = args.data.locate()?;
    let analysis = runtime()?.block_on(async {
        let (cancel, _) = stop_on_interrupt();
        let data = DataSet::open(url, &Expectation { scale, verify_hashes: false }).await?;
        if !args.no_write {
            data.check_statistics_place()?;
        }
        let statistics = or_interrupted(&cancel, analyze(&data, args.force, &limits)).await?;
        let file = match args.no_write {
            true => None,
            false if statistics == *data.statistics() && data.statistics_problem().is_none() => None,
            false => Some(data.save_statistics(&statistics)?),
        };
        Ok::<_, Failure>(Analysis { data, statistics, file: file.map(|file| file.display().to_string()) })
    })?;
    output::data(&if args.json { format!("{:#}\n", analysis.json()) } else { analysis.text(&args.tables) })?;
    Ok(if args.strict && analysis.failing().next().is_some() { Code::Other } else { Code::Well })
}

/// What the work comes to, unless the user stops it.
pub(super) async fn or_interrupted<T>(
    cancel: &Cancel,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = cancel.cancelled() => Err(Failure::Interrupted("stopped by the user; no statistics were written".to_owned())),
    }
}

/// Counts what nobody has counted, or everything, and verifies the keys if something was counted or nobody has.
async fn analyze(data: &DataSet, force: bool, limits: &EngineLimits) -> Result<DataStatistics, Failure> {
    let all = || data.tables.iter().map(|files| files.table.name).collect();
    let tables: Vec<&str> = if force { all() } else { data.uncounted() };
    let begun = clock::now();
    let mut statistics = data.count(&tables, limits, &DataProgress::new("counted")).await?;
    if !tables.is_empty() {
        output::note(&format!("counted the rows of {} in {}", some_tables(tables.len()), since(begun)));
    }
    if force || !data.keys_are_verified() {
        let begun = clock::now();
        data.verify_keys(&mut statistics, limits, &DataProgress::quiet("verifies keys of")).await?;
        output::note(&format!("verified the keys in {}", since(begun)));
    }
    Ok(statistics)
}

/// Verifies the keys of data that was just made, and keeps what was found; data of which not all tables are there is left for later.
pub(super) async fn verify_made(data: DataSet, limits: &EngineLimits) -> Result<DataSet, Failure> {
    if data.keys_are_verified() || !data.uncounted().is_empty() {
        return Ok(data);
    }
    let statistics = analyze(&data, false, limits).await?;
    data.save_statistics(&statistics)?;
    let data = data.with_statistics(statistics);
    let failing = failing(data.statistics()).map(|(table, key)| format!("  {}", sentences(table, key).join("\n  ")));
    for line in failing {
        output::note(&format!("warning: a key does not hold:\n{line}"));
    }
    Ok(data)
}

fn since(begun: clock::Moment) -> String {
    format!("{:.1} s", clock::now().nanoseconds_since(begun) as f64 / 1e9)
}

fn some_tables(count: usize) -> String {
    format!("{count} {}", if count == 1 { "table" } else { "tables" })
}

/// What is known now.
struct Analysis {
    data: DataSet,
    statistics: DataStatistics,
    /// What was written.
    file: Option<String>,
}

/// The keys that fail, with their tables.
fn failing(statistics: &DataStatistics) -> impl Iterator<Item = (&str, &KeyCheck)> {
    let keys = statistics
        .tables
        .iter()
        .flat_map(|(name, table)| table.keys.iter().flatten().map(move |key| (name.as_str(), key)));
    keys.filter(|(_, key)| !key.holds())
}

impl Analysis {
    fn failing(&self) -> impl Iterator<Item = (&str, &KeyCheck)> {
        failing(&self.statistics)
    }

    fn text(&self, columns_of: &[String]) -> String {
        let mut out = match columns_of {
            [] => tables_text(&self.statistics),
            names => {
                let known = names.iter().filter_map(|name| Some((name, self.statistics.tables.get(name)?)));
                known.map(|(name, table)| columns_text(name, table)).collect::<Vec<_>>().join("\n")
            }
        };
        let failing: Vec<_> = self.failing().flat_map(|(table, key)| sentences(table, key)).collect();
        let verified = self.statistics.tables.values().flat_map(|table| table.keys.iter().flatten()).count();
        out.push('\n');
        match failing.len() {
            0 => out.push_str(&format!("all {verified} keys hold\n")),
            _ => {
                let count = self.failing().count();
                out.push_str(&format!("{count} of {verified} keys fail, and are not trusted:\n"));
                failing.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
            }
        }
        match &self.file {
            Some(file) => out.push_str(&format!("{file} was written\n")),
            None => out.push_str("no file was written\n"),
        }
        out
    }

    fn json(&self) -> Value {
        let tables = self.statistics.tables.iter().map(|(name, table)| {
            json!({
                "table": name,
                "row_count": table.row_count,
                "file_count": table.files.count,
                "bytes": table.files.bytes,
                "columns": table.columns.iter().map(|column| column_json(column, table)).collect::<Vec<_>>(),
                "keys": table.keys.iter().flatten().map(key_json).collect::<Vec<_>>(),
            })
        });
        json!({
            "data": self.data.url.to_string(),
            "written": self.file,
            "failing_keys": self.failing().count(),
            "tables": tables.collect::<Vec<_>>(),
        })
    }
}

fn tables_text(statistics: &DataStatistics) -> String {
    let mut shown = table::plain(["table", "rows", "files", "size", "columns", "primary key", "foreign keys"]);
    for (name, table) in &statistics.tables {
        let keys = || table.keys.iter().flatten();
        let declared = datagen::schema::table(name).map_or(0, |table| table.foreign_keys.len());
        let primary = keys().find(|key| key.references.is_none());
        let foreign = keys().filter(|key| key.references.is_some());
        let (held, looked) = foreign.fold((0, 0), |(held, looked), key| (held + usize::from(key.holds()), looked + 1));
        shown.add_row([
            name.clone(),
            text::thousands(table.row_count),
            text::thousands(table.files.count),
            text::bytes(table.files.bytes),
            table.columns.len().to_string(),
            primary.map_or("-", |key| if key.holds() { "holds" } else { "fails" }).to_owned(),
            match (declared, looked) {
                (0, _) => "-".to_owned(),
                (_, 0) => "not verified".to_owned(),
                (declared, _) if held == declared => format!("{declared} hold"),
                (declared, _) => format!("{held} of {declared} hold"),
            },
        ]);
    }
    table::align_right(&mut shown, 1..5);
    format!("{}\n", shown.trim_fmt())
}

fn columns_text(name: &str, table: &TableStatistics) -> String {
    let mut shown = table::plain([name, "NULL", "distinct", "least", "greatest"]);
    for column in &table.columns {
        // A text that does not break the table.
        let end = |end: &Option<String>| end.as_deref().map_or_else(|| "-".to_owned(), |end| text::shortened(end, 31));
        shown.add_row([
            column.name.clone(),
            text::percent(null_fraction(column, table)),
            text::thousands(column.distinct_count),
            end(&column.min),
            end(&column.max),
        ]);
    }
    table::align_right(&mut shown, 1..3);
    format!("{}\n", shown.trim_fmt())
}

fn null_fraction(column: &ColumnStatistics, table: &TableStatistics) -> f64 {
    if table.row_count == 0 { 0.0 } else { column.null_count as f64 / table.row_count as f64 }
}

/// How a key fails, a sentence for each way.
fn sentences(table: &str, key: &KeyCheck) -> Vec<String> {
    let columns = key.columns.join(", ");
    let sentence = |violation: &Violation| {
        let (rows, one) = (text::thousands(violation.row_count), violation.row_count == 1);
        let example = violation.example.iter().map(|value| value.as_deref().unwrap_or("NULL"));
        let example = example.collect::<Vec<_>>().join(", ");
        let (row, has, is) = if one { ("row", "has", "is") } else { ("rows", "have", "are") };
        match (violation.kind, &key.references) {
            (ViolationKind::Null, _) => {
                format!("{table} ({columns}): {rows} {row} {has} NULL in the key, as ({example})")
            }
            (ViolationKind::Duplicate, _) => {
                format!("{table} ({columns}): {rows} {row} {has} the key of another row, as ({example})")
            }
            (ViolationKind::Orphan, Some(other)) => {
                format!(
                    "{table} ({columns}): {rows} {row} {has} a value that {} does not have, as ({example})",
                    other.table
                )
            }
            (ViolationKind::Orphan, None) => {
                format!("{table} ({columns}): {rows} {row} {is} without a partner, as ({example})")
            }
        }
    };
    key.violations.iter().map(sentence).collect()
}

fn column_json(column: &ColumnStatistics, table: &TableStatistics) -> Value {
    json!({
        "column": column.name,
        "null_count": column.null_count,
        "null_fraction": null_fraction(column, table),
        "distinct_count": column.distinct_count,
        "min": column.min,
        "max": column.max,
    })
}

fn key_json(key: &KeyCheck) -> Value {
    let violations = key.violations.iter().map(|violation| {
        let kind = match violation.kind {
            ViolationKind::Null => "null",
            ViolationKind::Duplicate => "duplicate",
            ViolationKind::Orphan => "orphan",
        };
        json!({ "kind": kind, "row_count": violation.row_count, "example": violation.example })
    });
    json!({
        "kind": if key.references.is_some() { "foreign" } else { "primary" },
        "columns": key.columns,
        "references": key.references.as_ref().map(|other| json!({ "table": other.table, "columns": other.columns })),
        "holds": key.holds(),
        "violations": violations.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use datagen::statistics::{FilesFingerprint, KeyReference};

    use super::*;

    fn statistics() -> DataStatistics {
        let column = |name: &str, null_count, min: Option<&str>, max: Option<&str>| ColumnStatistics {
            name: name.to_owned(),
            null_count,
            distinct_count: 1_234,
            min: min.map(str::to_owned),
            max: max.map(str::to_owned),
        };
        let violation = |kind, row_count, example: &[Option<&str>]| Violation {
            kind,
            row_count,
            example: example.iter().map(|value| value.map(str::to_owned)).collect(),
        };
        let references =
            KeyReference { table: "item".to_owned(), columns: vec!["i_item_sk".to_owned()], files_hash: String::new() };
        let keys = vec![
            KeyCheck {
                columns: vec!["inv_date_sk".to_owned(), "inv_item_sk".to_owned()],
                references: None,
                violations: vec![
                    violation(ViolationKind::Null, 1, &[None, Some("3")]),
                    violation(ViolationKind::Duplicate, 1_200, &[Some("1"), Some("3")]),
                ],
            },
            KeyCheck {
                columns: vec!["inv_item_sk".to_owned()],
                references: Some(references),
                violations: vec![violation(ViolationKind::Orphan, 2, &[Some("99")])],
            },
        ];
        let table = TableStatistics {
            files: FilesFingerprint { count: 3, bytes: 2048, hash: String::new() },
            row_count: 2_000,
            columns: vec![
                column("inv_date_sk", 0, Some("2450815"), Some("2452635")),
                column("inv_text", 500, Some(""), Some("a text that is longer than what fits a table")),
                column("inv_none", 2_000, None, None),
            ],
            keys: Some(keys),
        };
        let other = TableStatistics { keys: None, row_count: 0, columns: Vec::new(), ..table.clone() };
        DataStatistics {
            tables: [("inventory".to_owned(), table), ("store".to_owned(), other)].into(),
            ..DataStatistics::default()
        }
    }

    #[test]
    fn tables_and_columns_for_people() {
        let words = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            words(&tables_text(&statistics())),
            [
                "table rows files size columns primary key foreign keys",
                "inventory 2,000 3 2.0 KiB 3 fails 0 of 3 hold",
                "store 0 3 2.0 KiB 0 - not verified",
            ]
        );
        assert_eq!(
            words(&columns_text("inventory", &statistics().tables["inventory"])),
            [
                "inventory NULL distinct least greatest",
                "inv_date_sk 0% 1,234 2450815 2452635",
                "inv_text 25% 1,234 a text that is longer than wha…",
                "inv_none 100% 1,234 - -",
            ]
        );
    }

    #[test]
    fn failing_keys_for_people() {
        let statistics = statistics();
        let lines: Vec<_> = failing(&statistics).flat_map(|(table, key)| sentences(table, key)).collect();
        assert_eq!(
            lines,
            [
                "inventory (inv_date_sk, inv_item_sk): 1 row has NULL in the key, as (NULL, 3)",
                "inventory (inv_date_sk, inv_item_sk): 1,200 rows have the key of another row, as (1, 3)",
                "inventory (inv_item_sk): 2 rows have a value that item does not have, as (99)",
            ]
        );
    }

    #[test]
    fn a_key_for_programs() {
        let statistics = statistics();
        let (_, key) = failing(&statistics).nth(1).expect("a foreign key");
        assert_eq!(
            key_json(key).to_string(),
            r#"{"kind":"foreign","columns":["inv_item_sk"],"references":{"table":"item","columns":["i_item_sk"]},"holds":false,"violations":[{"kind":"orphan","row_count":2,"example":["99"]}]}"#
        );
    }
}

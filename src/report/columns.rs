//! The columns that the table of a report can have, a name and a sentence each.
//!
//! Times of the statement come from its samples as the totals do and are shown only if it counts. What samples recorded is shown as
//! the median of the samples, of failed ones too.

use std::fmt;
use std::str::FromStr;

use super::figures;
use crate::results::format::SampleRow;
use crate::results::{Spread, StatementSummary, cpu_ns};
use crate::text;

/// One column.
pub(super) struct Column {
    /// What its user calls it.
    name: &'static str,
    /// What stands above it, with the unit.
    pub(super) header: &'static str,
    /// What it tells.
    help: &'static str,
    /// Whether it is words, which stand to the left.
    pub(super) is_words: bool,
    cell: fn(&StatementSummary) -> Option<String>,
}

impl Column {
    /// What stands in a statement's row.
    pub(super) fn cell(&self, statement: &StatementSummary) -> String {
        (self.cell)(statement).unwrap_or_else(|| "-".to_owned())
    }

    /// Whether it says what became of the statement.
    pub(super) fn is_check(&self) -> bool {
        self.name == "check"
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn column(
    name: &'static str,
    header: &'static str,
    help: &'static str,
    cell: fn(&StatementSummary) -> Option<String>,
) -> Column {
    Column { name, header, help, is_words: false, cell }
}

const fn words(
    name: &'static str,
    header: &'static str,
    help: &'static str,
    cell: fn(&StatementSummary) -> Option<String>,
) -> Column {
    Column { is_words: true, ..column(name, header, help, cell) }
}

/// Every column, in the order in which help shows them.
static ALL: [Column; 38] = [
    column("median", "median s", "planning and execution, the middle sample", |s| time(s, |spread| spread.median)),
    column("interval", "±", "how sure the median is: half of its 95% interval, from six samples on", |s| {
        s.interval_relative_half_width.map(|width| format!("±{:.1}%", width * 100.0))
    }),
    column("min", "min s", "planning and execution, the fastest sample", |s| time(s, |spread| spread.min)),
    column("max", "max s", "planning and execution, the slowest sample", |s| time(s, |spread| spread.max)),
    column("planning", "planning s", "planning alone, aggregated as the run's figures are", |s| {
        Some(figures::seconds(s.with_planning_seconds? - s.execution_seconds?))
    }),
    column("execution", "execution s", "execution alone, aggregated as the run's figures are", |s| {
        Some(figures::seconds(s.execution_seconds?))
    }),
    column("rows", "rows", "rows of the result", |s| s.row_count.map(text::thousands)),
    words("check", "check", "what the check of the rows came to, or what went wrong", |s| Some(figures::check_word(s))),
    column("cpu", "cpu s", "processor time, user and system together", |s| seconds(s, cpu_ns)),
    column("user-cpu", "user s", "processor time in the program", |s| seconds(s, |r| r.user_cpu_ns)),
    column("system-cpu", "system s", "processor time in the kernel", |s| seconds(s, |r| r.system_cpu_ns)),
    column("cores", "cores", "processors that were busy on average: processor time over time", cores),
    column("peak-pool", "peak pool", "the most memory that operators had reserved at once", |s| {
        bytes(s, |r| r.peak_pool_bytes)
    }),
    column("peak-rss", "peak RSS", "the most memory that the process had resident", |s| bytes(s, |r| r.peak_rss_bytes)),
    column("bytes-read", "read", "bytes that were read from files, footers and indexes included", |s| {
        bytes(s, |r| r.bytes_read)
    }),
    column("read-requests", "requests", "byte ranges that were read", |s| count(s, |r| r.read_requests)),
    column("bytes-spilled", "spilled", "bytes that were written to disk because memory was short", |s| {
        bytes(s, |r| r.bytes_spilled)
    }),
    column("file-ranges", "file ranges", "files or parts of files that scans looked at", |s| {
        count(s, |r| r.file_ranges_total)
    }),
    column("file-ranges-pruned", "pruned", "how many of them were left out whole while the plan ran", |s| {
        count(s, |r| r.file_ranges_pruned)
    }),
    column("row-groups", "row groups", "row groups of the files that were opened", |s| {
        count(s, |r| r.row_groups_total)
    }),
    column("row-groups-pruned", "rg pruned", "how many of them were left out", |s| count(s, |r| r.row_groups_pruned)),
    column("pages", "pages", "pages that a page index was asked about", |s| count(s, |r| r.pages_total)),
    column("pages-pruned", "pages pruned", "how many of them were left out", |s| count(s, |r| r.pages_pruned)),
    column("scan-rows-in", "scan rows in", "rows that scans decoded at least in part", |s| {
        count(s, |r| r.scan_rows_in)
    }),
    column("scan-rows-out", "scan rows out", "rows that came out of scans", |s| count(s, |r| r.scan_rows_out)),
    column("scan", "scan s", "time in scans, summed over partitions", |s| seconds(s, |r| r.scan_ns)),
    column("filter", "filter s", "time in filters, summed over partitions", |s| seconds(s, |r| r.filter_ns)),
    column("join", "join s", "time in joins, summed over partitions", |s| seconds(s, |r| r.join_ns)),
    column("aggregate", "aggregate s", "time in aggregates, summed over partitions", |s| {
        seconds(s, |r| r.aggregate_ns)
    }),
    column("window", "window s", "time in windows, summed over partitions", |s| seconds(s, |r| r.window_ns)),
    column("sort", "sort s", "time in sorts, summed over partitions", |s| seconds(s, |r| r.sort_ns)),
    column("exchange", "exchange s", "time in what moves rows between partitions, summed over them", |s| {
        seconds(s, |r| r.exchange_ns)
    }),
    column("other", "other s", "time in all other operators, summed over partitions", |s| seconds(s, |r| r.other_ns)),
    column("q-error", "q-error", "the largest factor by which the estimated rows of an operator were off", |s| {
        factor(s, |r| r.q_error_max)
    }),
    column("q-error-mean", "q-error mean", "the geometric mean of these factors over the operators", |s| {
        factor(s, |r| r.q_error_geomean)
    }),
    column("samples", "samples", "samples that the figures are made from", |s| {
        Some(text::thousands(s.samples.len() as u64))
    }),
    words("plan", "plan", "the plan's fingerprint: the same for plans that do the same", plan),
    words("message", "message", "what went wrong, or why the rows could not be checked", |s| {
        s.message.as_ref().map(|message| message.lines().next().unwrap_or_default().to_owned())
    }),
];

/// The columns of a report that nobody chose any for.
const DEFAULT: [&str; 7] = ["median", "interval", "min", "max", "planning", "rows", "check"];

fn time(statement: &StatementSummary, pick: fn(&Spread) -> f64) -> Option<String> {
    let spread = statement.with_planning.filter(|_| statement.state.counts())?;
    Some(figures::seconds(pick(&spread)))
}

fn seconds(statement: &StatementSummary, pick: fn(&SampleRow) -> Option<u64>) -> Option<String> {
    statement.recorded(pick).map(|nanoseconds| figures::seconds(nanoseconds as f64 / 1e9))
}

fn bytes(statement: &StatementSummary, pick: fn(&SampleRow) -> Option<u64>) -> Option<String> {
    statement.recorded(pick).map(text::bytes)
}

fn count(statement: &StatementSummary, pick: fn(&SampleRow) -> Option<u64>) -> Option<String> {
    statement.recorded(pick).map(text::thousands)
}

fn factor(statement: &StatementSummary, pick: fn(&SampleRow) -> Option<f64>) -> Option<String> {
    let factors: Vec<f64> = statement.samples.iter().filter_map(pick).collect();
    Some(figures::factor(Spread::of(&factors)?.median))
}

fn cores(statement: &StatementSummary) -> Option<String> {
    let processor = statement.recorded(cpu_ns)?;
    let wall = statement.recorded(|sample| Some(sample.planning_ns? + sample.execute_ns?))?;
    (wall > 0).then(|| format!("{:.2}", processor as f64 / wall as f64))
}

fn plan(statement: &StatementSummary) -> Option<String> {
    let (fingerprint, different) = statement.plan()?;
    Some(match different {
        1 => fingerprint.to_owned(),
        different => format!("{fingerprint} ({different} plans)"),
    })
}

/// The columns of a report's table, after the statement's name.
#[derive(Debug, Clone)]
pub struct Columns(Vec<&'static Column>);

impl Default for Columns {
    fn default() -> Self {
        Self(DEFAULT.iter().filter_map(|name| find(name)).collect())
    }
}

impl Columns {
    /// Every column's name and what it tells, a line each.
    pub fn help() -> String {
        let width = ALL.iter().map(|column| column.name.len()).max().unwrap_or(0);
        let lines = ALL.iter().map(|column| format!("{:<width$}  {}\n", column.name, column.help));
        lines.collect::<String>() + &format!("\nWithout --columns: {}\n", DEFAULT.join(","))
    }

    /// Without the intervals where no statement has samples enough for one, unless somebody chose them.
    pub(super) fn that_tell(&self, statements: &[StatementSummary]) -> Self {
        let intervals = statements.iter().any(|statement| statement.interval_relative_half_width.is_some());
        let is_default = self.0.iter().map(|column| column.name).eq(DEFAULT);
        let mut columns = self.0.clone();
        columns.retain(|column| intervals || !is_default || column.name != "interval");
        Self(columns)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'static Column> {
        self.0.iter().copied()
    }
}

fn find(name: &str) -> Option<&'static Column> {
    ALL.iter().find(|column| column.name == name)
}

impl FromStr for Columns {
    type Err = String;

    /// A list of names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let columns = names.map(|name| {
            let unknown = || {
                let hint = crate::text::did_you_mean(name, ALL.iter().map(|column| column.name));
                format!("there is no column `{name}`{hint}; --columns help lists them")
            };
            find(name).ok_or_else(unknown)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Err("no column is named; --columns help lists them".to_owned());
        }
        Ok(Self(columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Aggregate;
    use crate::results::test_support::{recorded_rows, run_file, sample_rows};
    use crate::results::{Run, statement_summaries};

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = text.parse::<Columns>().map(|_| ()).expect_err("refused");
        assert_eq!(error, expected);
    }

    #[test]
    fn unknown_columns_are_refused_with_the_nearest() {
        check_error(
            "median,bytes-raed",
            "there is no column `bytes-raed`; did you mean `bytes-read`?; --columns help lists them",
        );
        check_error("elephants", "there is no column `elephants`; --columns help lists them");
        check_error(" , ", "no column is named; --columns help lists them");
    }

    #[test]
    fn names_are_unique_and_every_sentence_is_there() {
        let help = Columns::help();
        for column in &ALL {
            assert_eq!(find(column.name).map(|found| found.help), Some(column.help), "{column:?} comes twice");
            assert!(help.contains(column.name) && !column.help.is_empty());
        }
        let names: Vec<_> = Columns::default().iter().map(|column| column.name).collect();
        assert_eq!(names, DEFAULT);
    }

    /// Every column of the statement in the samples.
    fn cells(samples: &[SampleRow], statement: &str) -> String {
        let statements = statement_summaries(&[statement], samples, Aggregate::Median);
        ALL.iter().map(|column| format!("{}={}\n", column.name, column.cell(&statements[0]))).collect()
    }

    #[test]
    fn every_column_shows_what_samples_recorded() {
        expect_test::expect![[r#"
            median=0.100
            interval=-
            min=0.100
            max=0.100
            planning=0.005
            execution=0.095
            rows=100
            check=ok
            cpu=0.160
            user-cpu=0.150
            system-cpu=0.010
            cores=1.60
            peak-pool=3.0 MiB
            peak-rss=200.0 MiB
            bytes-read=5.0 MiB
            read-requests=42
            bytes-spilled=0 B
            file-ranges=4
            file-ranges-pruned=1
            row-groups=12
            row-groups-pruned=7
            pages=30
            pages-pruned=20
            scan-rows-in=1,234,567
            scan-rows-out=1,000
            scan=0.070
            filter=0.001
            join=0.040
            aggregate=0.009
            window=0.000
            sort=0.002
            exchange=0.003
            other=0.001
            q-error=12.5
            q-error-mean=1.75
            samples=1
            plan=0123456789abcdef
            message=-
        "#]]
        .assert_eq(&cells(&recorded_rows(), "q1"));
    }

    #[test]
    fn nothing_is_invented() {
        let failed = cells(&recorded_rows(), "q2");
        for line in
            ["median=-", "check=OUT_OF_MEMORY", "cpu=0.060", "cores=-", "bytes-spilled=123 B", "join=-", "plan=-"]
        {
            assert!(failed.lines().any(|l| l == line), "{line} in\n{failed}");
        }
        let old = cells(&sample_rows(), "q1");
        let empty = old.lines().filter(|line| line.ends_with("=-")).count();
        assert_eq!(ALL.len() - empty, 8, "{old}");
    }

    #[test]
    fn chosen_columns_make_the_table() {
        let run = Run { folder: "x".into(), file: run_file(), samples: recorded_rows() };
        let columns = "check, cpu,peak-pool,scan-rows-in".parse().expect("they exist");
        let text = crate::report::text_with_columns(&run, Aggregate::Median, crate::report::Style::Plain, &columns);
        let table = text.split("\n\n").next().expect("the table comes first");
        expect_test::expect![[r#"
            the table:
             statement  check          cpu s  peak pool  scan rows in
             q1         ok             0.160    3.0 MiB     1,234,567
             q2         OUT_OF_MEMORY  0.060    1.0 GiB             -
             q3         not run            -          -             -
        "#]]
        .assert_eq(&format!("the table:\n{table}\n"));
        assert!(
            text.contains(
                "resources         read 5.0 MiB, spilled 0 B, 0.160 CPU s; peaks: pool 3.0 MiB (q1), resident 200.0 MiB (q1)\n"
            ),
            "{text}"
        );
        let markdown = crate::report::markdown_with_columns(&run, Aggregate::Median, &columns);
        let table = markdown.split("\n\n").find(|part| part.starts_with("| statement")).expect("there is a table");
        expect_test::expect![[r#"
            | statement | check | cpu s | peak pool | scan rows in |
            |---|---|---:|---:|---:|
            | q1 | ok | 0.160 | 3.0 MiB | 1,234,567 |
            | q2 | **OUT_OF_MEMORY** | 0.060 | 1.0 GiB | - |
            | q3 | **not run** | - | - | - |
        "#]]
        .assert_eq(&format!("{table}\n"));
    }
}

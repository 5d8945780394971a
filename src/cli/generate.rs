//! `dsbench generate`: make the data, complete it, or check it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bytesize::ByteSize;
use datagen::{Compression, Error, Layout, Manifest, Options, Parts, ScaleFactor};

use super::analyze;
use super::args::{LimitArgs, default_folder, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::output;
use super::progress::DataProgress;
use super::suggest::suggesting;
use crate::runner::clock;
use crate::tables::{DataSet, DataUrl, Expectation};
use crate::text;

/// Make the 24 tables of TPC-DS (and dbgen_version) as Parquet files, with a manifest.json that says what they hold.
///
/// The rows are those of the TPC's own generator. Run again, it completes what is missing; a file appears whole or not at all.
///
/// A statistics.json beside the tables tells the optimizer of NULLs, ends and distinct values of each column. When all tables are there, the
/// keys that the schema declares are verified on the files, and what holds is noted too; that takes time of its own.
/// `dsbench analyze` shows all of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scale factor: about so many gigabytes of raw text; 1 and up, fractions down to 0.01 for tests
    #[arg(long, value_name = "SF", default_value = "1")]
    scale: ScaleFactor,
    /// The folder for the tables [default: sf1, sf10, … under $DSBENCH_DATA or ~/.cache/dsbench]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Make only these tables, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tables: Option<Vec<String>>,
    /// Make so many files a table instead of one
    #[arg(long, value_name = "N", conflicts_with = "target_file_size")]
    parts: Option<u32>,
    /// Begin a new file before one grows beyond this size, such as 256MiB
    #[arg(long, value_name = "SIZE")]
    target_file_size: Option<ByteSize>,
    /// Rows in a row group, about
    #[arg(long, value_name = "N", default_value_t = Options::DEFAULT_ROW_GROUP_ROWS)]
    row_group_rows: u64,
    /// How pages are compressed: snappy, zstd or none
    #[arg(long, value_name = "CODEC", default_value_t = Compression::default())]
    #[arg(value_parser = suggesting::<Compression>(&["snappy", "zstd", "none"]), hide_possible_values = true)]
    compression: Compression,
    /// Put the rows of sales, returns and inventory in the order of their dates, so that a reader can skip by date. While it
    /// works there is a temporary file beside the tables, a fifth larger than the largest of them
    #[arg(long, conflicts_with = "partitioned")]
    sort_by_date: bool,
    /// Cut sales, returns and inventory into folders by their date, as Hive and Spark do: one file a date, as in
    /// store_sales/ss_sold_date_sk=2450816/, with the rows without a date in ss_sold_date_sk=__HIVE_DEFAULT_PARTITION__
    #[arg(long, conflicts_with_all = ["parts", "target_file_size"])]
    partitioned: bool,
    /// Write bloom filters for these columns, separated by commas, as in ss_item_sk,c_customer_id
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    bloom_filter: Vec<String>,
    /// Threads; the files do not depend on it [default: one a processor]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Make nothing; read every file and name those that are not as the manifest says
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let out = match &args.out {
        Some(folder) => folder.clone(),
        None => default_folder(args.scale)?,
    };
    let runtime = runtime()?;
    let (wish, cancel) = runtime.block_on(async { stop_on_interrupt() });
    if args.check {
        return check(&out, &cancel);
    }
    let mut options = Options::new(args.scale, &out);
    options.tables = args.tables;
    options.parts = match (args.parts, args.target_file_size) {
        (Some(count), _) => Parts::Count(count),
        (None, Some(ByteSize(bytes))) => Parts::TargetBytes(bytes),
        (None, None) => Parts::Single,
    };
    options.row_group_rows = args.row_group_rows;
    options.compression = args.compression;
    options.layout = match (args.sort_by_date, args.partitioned) {
        (true, _) => Layout::SortedByDate,
        (false, true) => Layout::Partitioned,
        (false, false) => Layout::Plain,
    };
    options.bloom_filters = args.bloom_filter;
    options.threads = args.threads.unwrap_or(options.threads);
    let manifest = generate(&options, &cancel)?;
    if manifest.tables.len() == datagen::schema::tables().len() {
        let limits = LimitArgs::default().limits()?;
        let verified = async {
            let data = DataSet::open(DataUrl::from_path(&out)?, &Expectation::default()).await?;
            analyze::verify_made(data, &limits).await
        };
        runtime.block_on(analyze::or_interrupted(&wish, verified))?;
    }
    Ok(Code::Well)
}

/// Makes what is missing, with a bar, and says what was made.
pub(super) fn generate(options: &Options, cancel: &AtomicBool) -> Result<Manifest, Failure> {
    let begun = clock::now();
    let outcome = datagen::generate(options, &DataProgress::new("made"), cancel).map_err(failure)?;
    let seconds = clock::now().nanoseconds_since(begun) as f64 / 1e9;
    let made = outcome.made.iter().filter_map(|name| outcome.manifest.tables.get(*name));
    let (mut rows, mut bytes) = (0, 0);
    for table in made {
        rows += table.row_count;
        bytes += table.files.iter().map(|file| file.bytes).sum::<u64>();
    }
    let present = match outcome.present.len() {
        0 => String::new(),
        count => format!("; {count} tables were there already"),
    };
    output::note(&format!(
        "scale {} in {}: made {} tables, {} rows, {} in {seconds:.1} s{present}",
        options.scale,
        options.out.display(),
        outcome.made.len(),
        text::thousands(rows),
        text::bytes(bytes),
    ));
    Ok(outcome.manifest)
}

fn check(folder: &Path, cancel: &AtomicBool) -> Result<Code, Failure> {
    let report = datagen::check(folder, &DataProgress::new("checked"), cancel).map_err(failure)?;
    if report.is_ok() {
        let files = report.manifest.files().count();
        let (scale, place) = (report.manifest.scale, folder.display());
        output::data(&format!("{place}: scale {scale}, all {files} files are as the manifest says\n"))?;
        return Ok(Code::Well);
    }
    let problems: Vec<_> = report.problems.iter().map(|problem| format!("  {problem}")).collect();
    Err(Failure::Data(format!("{} is not as its manifest says:\n{}", folder.display(), problems.join("\n"))))
}

fn failure(error: Error) -> Failure {
    let message = super::exit::chain(&error);
    match error {
        Error::Cancelled => Failure::Interrupted(message),
        Error::InvalidOption { .. }
        | Error::InvalidScale { .. }
        | Error::UnknownTable { .. }
        | Error::UnknownColumn { .. }
        | Error::BloomFilterOfPartition { .. } => Failure::Usage(message),
        Error::Io { .. } | Error::Locked { .. } | Error::SpillDamaged { .. } => Failure::Other(message),
        _ => Failure::Data(message),
    }
}

//! `dsbench sql`: any SQL over the same tables, engine and settings.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt;

use super::args::{DataArgs, EngineArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::session::note_statistics_problem;
use super::shell::display::{Form, Look, Printer, standard_output};
use super::{output, shell, udf_profile};
use crate::engine::{Engine, ParsedStatement};
use crate::tables::{DataError, DataSet, Expectation};

/// Run SQL over the tables and over files: the text given, a file, or what is typed into a shell.
///
/// Several statements are separated by semicolons; `SET` and `CREATE VIEW` last to the end. FROM takes paths too:
/// `select * from 'data/x.csv'`, `'data/*.parquet'`, `'folder/'`; COPY … TO writes CSV, JSON and Parquet.
///
/// Without text and file, a terminal gets a shell (`\?` lists its commands). From a pipe, statements and commands are read to the
/// first error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The SQL text [default: a shell, or standard input where it is no terminal]
    #[arg(conflicts_with = "file")]
    text: Option<String>,
    /// Read the SQL text from this file, or from standard input for `-`
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Count and time the calls of functions, and show at the end what they took; with a folder, also write there `udfs.csv`, a
    /// flame graph, and a `.pstats` file for each place that calls Python
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, value_hint = clap::ValueHint::DirPath)]
    udf_profile: Option<Option<PathBuf>>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let text = match (&args.text, &args.file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(path)) => Some(read(path)?),
        (None, None) => None,
    };
    let settings = args.engine.settings()?;
    let limits = args.engine.limits.limits()?;
    runtime()?.block_on(async {
        let mut engine = Engine::new(settings, &limits).await?;
        engine.allow_files().await?;
        if args.udf_profile.is_some() {
            engine.run("SET engine.udf.profile = true").await?;
        }
        let engine = Arc::new(engine);
        let result = match text {
            Some(text) => run_text(&args, &engine, &text).await,
            None => {
                let row_counts = register(&args.data, &engine).await?;
                shell::run(Arc::clone(&engine), row_counts, args.format).await
            }
        };
        // Also of what failed: the profile may say why.
        match &args.udf_profile {
            Some(folder) => result.and(udf_profile::show(&engine, folder.as_deref())),
            None => result,
        }
    })
}

async fn run_text(args: &Args, engine: &Engine, text: &str) -> Result<Code, Failure> {
    let (cancel, _) = stop_on_interrupt();
    register(&args.data, engine).await?;
    let statements = engine.parse(text)?;
    if statements.is_empty() {
        return Err(Failure::Usage("the text has no statement".to_owned()));
    }
    for statement in statements {
        tokio::select! {
            result = run_one(engine, statement, args.format) => result?,
            () = cancel.cancelled() => return Err(Failure::Interrupted("stopped by the user".to_owned())),
        }
    }
    Ok(Code::Well)
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    let mut text = String::new();
    let result = match path.to_str() {
        Some("-") => io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    result.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}

/// Registers the tables, and gives their rows; where nobody named any and there are none, SQL without tables still works.
async fn register(data: &DataArgs, engine: &Engine) -> Result<BTreeMap<String, u64>, Failure> {
    let (url, scale) = data.locate()?;
    match DataSet::open(url, &Expectation { scale, verify_hashes: false }).await {
        Ok(set) => {
            note_statistics_problem(&set);
            set.register(engine)?;
            Ok(set.row_counts())
        }
        Err(error @ DataError::Empty { .. }) if data.data.is_none() && data.scale.is_none() => {
            output::note(&format!("note: {error}; going on without tables"));
            Ok(BTreeMap::new())
        }
        Err(error) => Err(error.into()),
    }
}

async fn run_one(engine: &Engine, statement: ParsedStatement, form: Form) -> Result<(), Failure> {
    let plan = engine.plan_statement(statement).await?;
    let schema = plan.schema();
    let has_columns = !schema.fields().is_empty();
    let mut stream = engine.execute_stream(plan)?;
    // `SET`, `CREATE VIEW` and their like have no columns, but work to do.
    let mut printer = Printer::new(Look::plain(form), schema, standard_output());
    while let Some(batch) = stream.try_next().await.map_err(crate::engine::EngineError::from)? {
        if has_columns {
            printer.print(batch)?;
        }
    }
    match has_columns.then(|| printer.finish()).transpose()?.flatten() {
        Some(text) => output::data(&text),
        None => Ok(()),
    }
}

//! `dsbench sql`: any SQL over the same tables, engine and settings.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches_with_options;
use futures::TryStreamExt;

use super::args::{DataArgs, EngineArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::output;
use crate::engine::{Engine, ParsedStatement};
use crate::tables::{DataError, DataSet, Expectation};

/// Run SQL over the tables. Several statements are separated by semicolons; `SET` and `CREATE VIEW` last to the end.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The SQL text
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    text: Option<String>,
    /// Read the SQL text from this file, or from standard input for `-`
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Drawn with lines, all rows
    Table,
    /// With a header line; NULL is an empty field
    Csv,
    /// An array of objects; NULL is null
    Json,
}

pub(super) fn run(args: Args) -> Result<Code, Failure> {
    let text = match (&args.text, &args.file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => read(path)?,
        (None, None) => return Err(Failure::Usage("give SQL text, or a file with -f".to_owned())),
    };
    let settings = args.engine.settings()?;
    let limits = args.engine.limits()?;
    runtime()?.block_on(async {
        let (cancel, _) = stop_on_interrupt();
        let engine = Engine::new(settings, &limits).await?;
        register(&args.data, &engine).await?;
        let statements = engine.parse(&text)?;
        if statements.is_empty() {
            return Err(Failure::Usage("the text has no statement".to_owned()));
        }
        for statement in statements {
            tokio::select! {
                result = run_one(&engine, statement, args.format) => result?,
                () = cancel.cancelled() => return Err(Failure::Interrupted("stopped by the user".to_owned())),
            }
        }
        Ok(Code::Well)
    })
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

/// Registers the tables; where nobody named any and there are none, SQL without tables still works.
async fn register(data: &DataArgs, engine: &Engine) -> Result<(), Failure> {
    let (url, scale) = data.locate()?;
    match DataSet::open(url, &Expectation { scale, verify_hashes: false }).await {
        Ok(set) => Ok(set.register(engine)?),
        Err(error @ DataError::Empty { .. }) if data.data.is_none() && data.scale.is_none() => {
            output::note(&format!("note: {error}; going on without tables"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

async fn run_one(engine: &Engine, statement: ParsedStatement, format: Format) -> Result<(), Failure> {
    let plan = engine.plan_statement(statement).await?;
    let schema = plan.schema();
    let mut stream = engine.execute_stream(plan)?;
    // `SET`, `CREATE VIEW` and their like have no columns, but work to do.
    let mut printer = Printer::new(format, schema.clone());
    while let Some(batch) = stream.try_next().await.map_err(crate::engine::EngineError::from)? {
        if !schema.fields().is_empty() {
            printer.print(batch)?;
        }
    }
    if schema.fields().is_empty() { Ok(()) } else { printer.finish() }
}

/// Writes batches as they come, but for tables, whose widths need all rows.
struct Printer {
    schema: SchemaRef,
    form: Form,
}

enum Form {
    Table(Vec<RecordBatch>),
    Csv(Box<arrow::csv::Writer<io::Stdout>>),
    Json(Box<arrow::json::ArrayWriter<io::Stdout>>),
}

impl Printer {
    fn new(format: Format, schema: SchemaRef) -> Self {
        let form = match format {
            Format::Table => Form::Table(Vec::new()),
            Format::Csv => Form::Csv(Box::new(arrow::csv::WriterBuilder::new().with_header(true).build(io::stdout()))),
            Format::Json => {
                let writer = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
                Form::Json(Box::new(writer.build::<_, arrow::json::writer::JsonArray>(io::stdout())))
            }
        };
        Self { schema, form }
    }

    fn print(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        match &mut self.form {
            Form::Table(batches) => {
                batches.push(batch);
                Ok(())
            }
            Form::Csv(writer) => writer.write(&batch).map_err(failure),
            Form::Json(writer) => writer.write(&batch).map_err(failure),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self.form {
            Form::Table(mut batches) => {
                let options = arrow::util::display::FormatOptions::default().with_null("NULL");
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                if batches.is_empty() {
                    // An empty batch carries the header.
                    batches.push(RecordBatch::new_empty(self.schema));
                }
                let table = pretty_format_batches_with_options(&batches, &options).map_err(failure)?;
                let noun = if rows == 1 { "row" } else { "rows" };
                output::data(&format!("{table}\n({} {noun})\n", crate::text::thousands(rows as u64)))
            }
            Form::Csv(mut writer) => {
                // Without a batch the writer has not written the header.
                writer.write(&RecordBatch::new_empty(self.schema)).map_err(failure)?;
                io::stdout().flush().map_err(output::failure)
            }
            Form::Json(mut writer) => {
                writer.finish().map_err(failure)?;
                output::data("\n")
            }
        }
    }
}

fn failure(error: arrow::error::ArrowError) -> Failure {
    match error {
        arrow::error::ArrowError::IoError(_, cause) => output::failure(cause),
        error => Failure::Statement(error.to_string()),
    }
}

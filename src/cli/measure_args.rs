//! Arguments of what measures: a run, and an A/B.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;

use super::args::{DataArgs, PROFILES, SuiteArgs};
use super::exit::Failure;
use super::output;
use super::resume::Changed;
use super::suggest::suggesting;
use crate::engine::{EngineLimits, Profile, Settings};
use crate::results::Aggregate;
use crate::results::format::AnswersSource;
use crate::runner::{RunPlan, choose_answers, default_process_memory_bytes, recorded_settings};
use crate::suite::{Selection, Suite};
use crate::tables::DataSet;

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub(super) struct MeasureArgs {
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// Run only these statements: q1,q14a,20-25; 14 means both statements of query 14
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    queries: Selection,
    /// Leave these statements out
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    skip: Selection,
    /// Samples a statement before those that are measured, which count for nothing [default: 1]; none with --cold
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    warmup: Option<u32>,
    /// Empty the page cache of the data's files, and the engine's caches of files, before each sample, and make sure that they
    /// are empty
    #[arg(long, conflicts_with = "warmup")]
    cold: bool,
    /// Take samples in processes of their own, so that one that is killed is a row and the work goes on: a process for each
    /// statement of a run, one for each side of an A/B
    #[arg(long)]
    pub(super) isolate: bool,
    /// Memory that such a process may use in all [default: the memory limit, a quarter more, and 1GiB]
    #[arg(long, value_name = "SIZE", requires = "isolate")]
    isolate_memory: Option<ByteSize>,
    /// The longest that a sample may take, such as 300s or 10m; then the work is stopped and the statement has failed
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_timeout)]
    timeout: Duration,
    /// Words to find the result by; they become part of the folder's name
    #[arg(long, value_name = "TEXT")]
    pub(super) label: Option<String>,
    /// The parent of result folders
    #[arg(long, value_name = "DIR", default_value = "results", env = "DSBENCH_OUT")]
    pub(super) out: PathBuf,
    /// Compare with the answers in this folder, made by scripts/oracle [default: `answers` in the data's folder, or those of the suite]
    #[arg(long, value_name = "DIR", conflicts_with = "verify_with")]
    answers: Option<PathBuf>,
    /// Compare with what this profile returns on the same data
    #[arg(long, value_name = "PROFILE", value_parser = suggesting::<String>(&PROFILES), hide_possible_values = true)]
    verify_with: Option<String>,
    /// Go on with this result (its folder, or its name under --out) that was interrupted or killed, with the settings, statements and
    /// parameters that it was begun with; no option may be given beside it but --out, --json, --spill-dir, --allow-changed and those of
    /// the report
    #[arg(long, value_name = "NAME")]
    pub(super) resume: Option<String>,
    /// What may have changed since it began, separated by commas; the record tells
    #[arg(long, value_name = "WHAT", requires = "resume", value_enum, value_delimiter = ',')]
    pub(super) allow_changed: Vec<Changed>,
    /// Print what would be run, and stop
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print JSON instead of the report
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) suite: SuiteArgs,
}

impl MeasureArgs {
    /// The plan, with one sample a statement.
    pub(super) fn plan(&self, suite: &Suite, limits: &EngineLimits) -> Result<RunPlan, Failure> {
        let chosen = suite.select(&self.queries, &self.skip)?;
        let substitution = self.suite.substitution(suite)?;
        let skipped = suite.skips().iter().filter(|(name, _)| !chosen.iter().any(|s| s.name == *name));
        if self.isolate_memory == Some(ByteSize(0)) {
            return Err(Failure::Usage("--isolate-memory must be more than 0".to_owned()));
        }
        Ok(RunPlan {
            suite: suite.name.clone(),
            statements: RunPlan::fill_in(&chosen, &substitution)?,
            skipped: skipped.cloned().collect(),
            iterations: 1,
            warmup: self.warmup.unwrap_or(if self.cold { 0 } else { 1 }),
            timeout: self.timeout,
            aggregate: Aggregate::default(),
            seed: self.suite.seed,
            parameters: self.suite.parameters.clone(),
            memory_limit_bytes: limits.memory_bytes,
            repeat_until: None,
            cold: self.cold,
            isolate_bytes: self.isolate.then(|| match self.isolate_memory {
                Some(ByteSize(bytes)) => bytes,
                None => default_process_memory_bytes(limits.memory_bytes),
            }),
        })
    }

    /// What the rows are to be compared with.
    pub(super) async fn answers_source(
        &self,
        suite: &Suite,
        data: &DataSet,
        limits: &EngineLimits,
    ) -> Result<AnswersSource, Failure> {
        if let Some(name) = &self.verify_with {
            let settings = Settings::resolve(&Profile::find(name)?, [], &[])?;
            let recorded = recorded_settings(&settings);
            return Ok(AnswersSource::Profile { name: settings.profile().to_owned(), settings: recorded });
        }
        if data.must_be_read() {
            output::note("the data has no manifest.json: reading all its rows once to know which answers are for it");
        }
        Ok(choose_answers(self.answers.as_deref(), suite, data, limits).await?)
    }
}

pub(super) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it needs some time".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write it as 300s or 10m")),
    }
}

pub(super) fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(percent) if percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err("write it as 2%: more than 0% and less than 100%".to_owned()),
    }
}

/// The options that may be given beside --resume, as clap calls them: they change nothing of what is measured.
const BESIDE_RESUME: [&str; 8] =
    ["resume", "allow_changed", "out", "json", "columns", "spill_dir", "format", "error_format"];

/// The first option that contradicts a `--resume` given with it. What the environment says is no contradiction: the record stands
/// above it.
pub(super) fn contradicts_resume(command: &clap::Command, matches: &clap::ArgMatches) -> Option<String> {
    let typed = |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    if !typed("resume") {
        return None;
    }
    let options = command.get_arguments().filter(|option| !BESIDE_RESUME.contains(&option.get_id().as_str()));
    let contradicting =
        options.filter(|option| typed(option.get_id().as_str())).map(|option| match option.get_long() {
            Some(name) => format!("--{name}"),
            None => option.get_id().as_str().to_uppercase(),
        });
    contradicting.into_iter().next()
}

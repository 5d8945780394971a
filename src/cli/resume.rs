//! `dsbench run --resume`: the rest of a run that was interrupted or killed.
//!
//! Everything comes from the run's record: statements, parameters, settings, limits, data, answers. What must be as it was is
//! compared first, and nothing is written before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{SuiteArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::output;
use super::run::{Session, Shown, measure};
use crate::answers::content_hash;
use crate::engine::EngineLimits;
use crate::paths;
use crate::results::format::{AnswersSource, Resumption, RunFile, Status};
use crate::results::{Run, RunWriter};
use crate::runner::{PlannedStatement, RepeatUntil, RunPlan, clock, environment, restored_settings, warnings};
use crate::suite::{StatementName, Suite};
use crate::tables::{DataSet, DataUrl, Expectation};

/// Something that a run that goes on may find changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Changed {
    /// The program's file
    Binary,
    /// The data's content
    Data,
    /// The processors
    Machine,
}

impl Changed {
    fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Data => "data",
            Self::Machine => "machine",
        }
    }
}

/// What the user may say beside the run's name.
pub(super) struct Options<'a> {
    pub(super) run: &'a str,
    pub(super) out: &'a Path,
    pub(super) shown: &'a Shown,
    pub(super) spill_dir: Option<&'a Path>,
    pub(super) allowed: &'a [Changed],
}

pub(super) fn resume(options: &Options<'_>) -> Result<Code, Failure> {
    let folder = locate(options.run, options.out)?;
    let (writer, mut run) = RunWriter::reopen(&folder)?;
    if run.file.status == Status::Complete {
        return Err(Failure::Usage(format!(
            "there is nothing to do: the run {} is complete (`dsbench report {}` shows it)",
            run.file.run,
            folder.display()
        )));
    }
    let suite = suite(&run.file)?;
    let plan = plan(&run.file, &suite)?;
    let settings = restored_settings(&run.file.profile, &run.file.settings)?;
    let spill_dir = options.spill_dir.map_or_else(std::env::temp_dir, Path::to_owned);
    let limits = EngineLimits { memory_bytes: plan.memory_limit_bytes, spill_dir };
    let answers = run.file.plan.answers_source.clone().unwrap_or(AnswersSource::Nothing);
    runtime()?.block_on(async {
        let (cancel, _) = stop_on_interrupt();
        let url = DataUrl::parse(&run.file.data.url)?;
        let data = DataSet::open(url, &Expectation { scale: None, verify_hashes: true }).await?;
        let differed = differences(&run.file, &data);
        refuse(&differed, options.allowed)?;
        let session = Session { suite, plan, settings, limits, data, answers };
        let (mut executor, checked_against) = session.executor().await?;
        let mut words: Vec<_> = differed.into_iter().map(|(_, words)| words).collect();
        if checked_against != run.file.plan.answers {
            words.push(format!("the answers: {checked_against}"));
        }
        record(&mut run, words);
        writer.write_run(&run.file)?;
        output::note(&format!("going on with {} after {} samples", run.file.run, run.samples.len()));
        measure(&session.plan, executor.as_mut(), writer, run, options.shown, &cancel).await
    })
}

/// The folder of a run: named by its path, or by its name under `--out`.
fn locate(run: &str, out: &Path) -> Result<PathBuf, Failure> {
    let named = Path::new(run);
    let named = if named.ends_with("run.json") { named.parent().unwrap_or(named) } else { named };
    let candidates = [named.to_owned(), out.join(named)];
    candidates.iter().find(|folder| folder.is_dir()).cloned().ok_or_else(|| {
        Failure::Usage(format!("there is no run `{run}`, neither as a folder nor under {} (--out)", out.display()))
    })
}

fn suite(file: &RunFile) -> Result<Suite, Failure> {
    arguments(file).load()
}

/// What the suite was asked for when the run began.
fn arguments(file: &RunFile) -> SuiteArgs {
    SuiteArgs {
        suite: file.plan.suite_folder.as_deref().map(paths::from_shown),
        seed: file.plan.seed,
        parameters: file.plan.parameters.clone(),
    }
}

/// The plan that the run was begun with. Each statement's text must be what it was: samples of two texts are not of one statement.
fn plan(file: &RunFile, suite: &Suite) -> Result<RunPlan, Failure> {
    let arguments = arguments(file);
    let substitution = arguments.substitution(suite)?;
    let recorded = &file.plan;
    let mut statements = Vec::new();
    for name in &recorded.statements {
        let cannot = |why: &str| Failure::Usage(format!("the run cannot go on: {why}; begin a new run"));
        let hash = recorded
            .sql_xxh3
            .get(name)
            .ok_or_else(|| cannot("it was begun by a program that did not record the texts"))?;
        let parsed: StatementName =
            name.parse().unwrap_or_else(|impossible: std::convert::Infallible| match impossible {});
        let statement =
            suite.statement(&parsed).ok_or_else(|| cannot(&format!("there is no statement {name} any more")))?;
        let statement = PlannedStatement::new(statement, &substitution)?;
        if content_hash(statement.sql.as_bytes()) != *hash {
            return Err(cannot(&format!("the text of statement {name} has changed since")));
        }
        statements.push(statement);
    }
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Ok(RunPlan {
        suite: recorded.suite.clone(),
        statements,
        skipped: suite
            .skips()
            .iter()
            .filter(|(name, _)| recorded.skipped.contains_key(name.as_str()))
            .cloned()
            .collect(),
        iterations: recorded.iterations,
        warmup: recorded.warmup,
        timeout: seconds(recorded.timeout_seconds),
        aggregate: recorded.aggregate.parse().map_err(Failure::Usage)?,
        seed: recorded.seed,
        parameters: recorded.parameters.clone(),
        memory_limit_bytes: recorded.memory_limit_bytes,
        repeat_until: recorded.repeat_until.as_ref().map(|until| RepeatUntil {
            relative_half_width: until.relative_half_width,
            max_iterations: until.max_iterations,
            max_time: until.max_seconds.map(seconds),
        }),
        cold: recorded.cold,
        isolate_bytes: recorded.isolate.as_ref().map(|isolation| isolation.memory_limit_bytes),
    })
}

/// What is not as it was when the run began, in words.
fn differences(file: &RunFile, data: &DataSet) -> Vec<(Changed, String)> {
    let mut differed = Vec::new();
    let now = environment::versions();
    if now.binary_xxh3 != file.versions.binary_xxh3 || now != file.versions {
        let short =
            |hash: &Option<String>| hash.as_deref().map_or("unknown", |hash| &hash[..hash.len().min(12)]).to_owned();
        let (then, now) = (&file.versions, &now);
        let words = format!(
            "the program (dsbench {} with DataFusion {}, {}; now {} with {}, {})",
            then.dsbench,
            then.datafusion,
            short(&then.binary_xxh3),
            now.dsbench,
            now.datafusion,
            short(&now.binary_xxh3)
        );
        differed.push((Changed::Binary, words));
    }
    let fingerprint = data.manifest.as_ref().map(datagen::Manifest::fingerprint);
    let (then, bytes) = (&file.data, data.bytes());
    if fingerprint != then.fingerprint {
        differed.push((Changed::Data, format!("the content of the data in {}", then.url)));
    } else if bytes != then.bytes || data.row_counts() != then.row_counts {
        // The same rows in other files take another time to read.
        differed.push((
            Changed::Data,
            format!("the files of the data in {} ({} bytes; now {bytes})", then.url, then.bytes),
        ));
    }
    let (cpu, logical_cpus) = environment::processors();
    let then = &file.machine;
    if (cpu.as_str(), logical_cpus) != (then.cpu.as_str(), then.logical_cpus) {
        let words = format!("the processors ({} {}; now {logical_cpus} {cpu})", then.logical_cpus, then.cpu);
        differed.push((Changed::Machine, words));
    }
    differed
}

fn refuse(differed: &[(Changed, String)], allowed: &[Changed]) -> Result<(), Failure> {
    let refused: Vec<_> = differed.iter().filter(|(what, _)| !allowed.contains(what)).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let words: Vec<_> = refused.iter().map(|(_, words)| words.as_str()).collect();
    let options: Vec<_> = refused.iter().map(|(what, _)| what.word()).collect();
    let message = format!(
        "since the run began, these have changed: {}; put them back or begin a new run, or go on nevertheless with \
         --allow-changed {}, which the run's record will tell",
        words.join(", "),
        options.join(",")
    );
    let about_data = refused.iter().any(|(what, _)| *what == Changed::Data);
    Err(if about_data { Failure::Data(message) } else { Failure::Usage(message) })
}

/// Says in the record that the run goes on, and takes away what was said of its end.
fn record(run: &mut Run, differed: Vec<String>) {
    let file = &mut run.file;
    file.status = Status::Running;
    file.finished_at = None;
    file.summary = None;
    file.warnings.retain(|warning| !warnings::AFTER_KINDS.contains(&warning.kind.as_str()));
    file.resumed_at.push(Resumption { at: clock::timestamp(), sample_count: run.samples.len(), differed });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_not_refused() {
        let differed = [(Changed::Binary, "the program".to_owned()), (Changed::Data, "the data".to_owned())];
        assert!(refuse(&differed, &[Changed::Data, Changed::Binary]).is_ok());
        assert!(refuse(&[], &[]).is_ok());
        match refuse(&differed, &[Changed::Binary]) {
            Err(Failure::Data(message)) => assert!(message.contains("--allow-changed data,"), "{message}"),
            other => panic!("{other:?}"),
        }
        match refuse(&differed[..1], &[Changed::Data, Changed::Machine]) {
            Err(Failure::Usage(message)) => assert!(message.contains("--allow-changed binary,"), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

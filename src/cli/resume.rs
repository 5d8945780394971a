//! `dsbench run --resume`: the rest of a run that was interrupted or killed.
//!
//! Everything comes from the run's record: statements, parameters, settings, limits, data, answers. What must be as it was is
//! compared first, and nothing is written before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{SuiteArgs, runtime, stop_on_interrupt};
use super::exit::{Code, Failure};
use super::output;
use super::run::{Shown, measure};
use super::session::{EngineChoice, Opened, Session, recorded_statistics};
use crate::answers::content_hash;
use crate::engine::{EngineLimits, Settings};
use crate::paths;
use crate::results::format::{AbPlace, AbSide, AnswersSource, Resumption, RunFile, Status, Versions};
use crate::results::{Run, RunWriter};
use crate::runner::{
    PeerCommand, PlannedStatement, RepeatUntil, RunPlan, clock, environment, restored_settings, warnings,
};
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
    let folder = locate(options.run, options.out, "run.json")?;
    let (writer, mut run) = RunWriter::reopen(&folder)?;
    if let Some(side) = &run.file.side_of {
        return Err(Failure::Usage(format!(
            "this run is a side of an A/B: `dsbench ab --resume {}` goes on with it",
            side.ab
        )));
    }
    if run.file.status == Status::Complete {
        return Err(Failure::Usage(format!(
            "there is nothing to do: the run {} is complete (`dsbench report {}` shows it)",
            run.file.run,
            folder.display()
        )));
    }
    let (suite, plan) = plan_of(&run.file)?;
    let choice = match &run.file.peer {
        Some(peer) => EngineChoice::Peer(PeerCommand::find(&peer.command).map_err(Failure::Usage)?),
        None if plan.isolate_bytes.is_some() => EngineChoice::PerStatement(settings_of(&run.file)?),
        None => EngineChoice::Here(settings_of(&run.file)?),
    };
    let spill_dir = options.spill_dir.map_or_else(std::env::temp_dir, Path::to_owned);
    let limits = EngineLimits { memory_bytes: plan.memory_limit_bytes, spill_dir };
    let answers = run.file.plan.answers_source.clone().unwrap_or(AnswersSource::Nothing);
    runtime()?.block_on(async {
        let (cancel, _) = stop_on_interrupt();
        let data = data_of(&run.file, options.allowed).await?;
        let session = Session { suite, plan, limits, data: data.set, answers };
        let mut opened = session.open(&choice, &cancel).await?;
        let mut differed = data.differed;
        differed.extend(differences_of_engine(&run.file, &opened, options.allowed)?);
        record(&mut run, differed);
        writer.write_run(&run.file)?;
        output::note(&format!("going on with {} after {} samples", run.file.run, run.samples.len()));
        measure(&session.plan, opened.executor.as_mut(), writer, run, options.shown, &cancel).await
    })
}

/// The folder of a result: named by its path, by the path of the file that everything is in, or by its name under `--out`.
pub(super) fn locate(named: &str, out: &Path, file: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(named);
    let path = if path.ends_with(file) { path.parent().unwrap_or(path) } else { path };
    let candidates = [path.to_owned(), out.join(path)];
    let what = if file == "ab.json" { "A/B" } else { "run" };
    candidates.iter().find(|folder| folder.is_dir()).cloned().ok_or_else(|| {
        Failure::Usage(format!("there is no {what} `{named}`, neither as a folder nor under {} (--out)", out.display()))
    })
}

fn settings_of(file: &RunFile) -> Result<Settings, Failure> {
    Ok(restored_settings(&file.profile, &file.settings)?)
}

/// Where the samples of a side of an A/B are taken, as they were when it began.
pub(super) fn choice_of_side(side: &AbSide, ab: &Path) -> Result<EngineChoice, Failure> {
    let recorded = || Ok::<_, Failure>(Run::read(&ab.join(&side.run))?.file);
    Ok(match &side.place {
        AbPlace::Here => EngineChoice::Here(settings_of(&recorded()?)?),
        AbPlace::Child { binary: None, .. } => EngineChoice::Child(settings_of(&recorded()?)?),
        AbPlace::Child { binary: Some(path), profile, sets } => {
            EngineChoice::Binary { path: paths::from_shown(path), profile: profile.clone(), sets: sets.clone() }
        }
        AbPlace::Peer { command } => EngineChoice::Peer(PeerCommand::find(command).map_err(Failure::Usage)?),
    })
}

/// The suite and the plan that a run was begun with.
pub(super) fn plan_of(file: &RunFile) -> Result<(Suite, RunPlan), Failure> {
    let suite = suite(file)?;
    let plan = plan(file, &suite)?;
    Ok((suite, plan))
}

/// The data of a run that goes on.
pub(super) struct Reopened {
    pub(super) set: DataSet,
    /// What is not as it was, and was allowed not to be, in words.
    pub(super) differed: Vec<String>,
}

/// Opens the data that a run was begun with. What is not as it was then is refused, unless it was allowed.
pub(super) async fn data_of(file: &RunFile, allowed: &[Changed]) -> Result<Reopened, Failure> {
    let url = DataUrl::parse(&file.data.url)?;
    let set = DataSet::open(url, &Expectation { scale: None, verify_hashes: true }).await?;
    let differed = differences(file, &set);
    refuse(&differed, allowed)?;
    Ok(Reopened { set, differed: differed.into_iter().map(|(_, words)| words).collect() })
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

/// Whether a program is not the one that the run was begun with, in words.
fn program_difference(then: &Versions, now: &Versions) -> Option<(Changed, String)> {
    let short =
        |hash: &Option<String>| hash.as_deref().map_or("unknown", |hash| &hash[..hash.len().min(12)]).to_owned();
    let words = || {
        format!(
            "the program (dsbench {} with DataFusion {}, {}; now {} with {}, {})",
            then.dsbench,
            then.datafusion,
            short(&then.binary_xxh3),
            now.dsbench,
            now.datafusion,
            short(&now.binary_xxh3)
        )
    };
    (now != then).then(|| (Changed::Binary, words()))
}

/// What is not as it was when the run began, in words.
fn differences(file: &RunFile, data: &DataSet) -> Vec<(Changed, String)> {
    let mut differed: Vec<_> = program_difference(&file.versions, &environment::versions()).into_iter().collect();
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
    } else if then.statistics.as_ref().is_some_and(|then| *then != recorded_statistics(data)) {
        // The same rows in the same files are joined in another order.
        differed.push((Changed::Data, format!("the statistics beside the data in {}", then.url)));
    }
    let (cpu, logical_cpus) = environment::processors();
    let then = &file.machine;
    if (cpu.as_str(), logical_cpus) != (then.cpu.as_str(), then.logical_cpus) {
        let words = format!("the processors ({} {}; now {logical_cpus} {cpu})", then.logical_cpus, then.cpu);
        differed.push((Changed::Machine, words));
    }
    differed
}

/// What is not as it was with the engine that is asked to go on, in words. It is refused unless it was allowed.
pub(super) fn differences_of_engine(
    file: &RunFile,
    opened: &Opened,
    allowed: &[Changed],
) -> Result<Vec<String>, Failure> {
    let mut differed = Vec::new();
    let now = &opened.engine.versions;
    // Of this program it was said with the data.
    if *now != environment::versions() {
        differed.extend(program_difference(&file.versions, now));
    }
    if let (Some(then), Some(now)) = (&file.peer, &opened.engine.peer)
        && then.version != now.version
    {
        let words = format!("the version of {} ({}; now {})", now.name, then.version, now.version);
        differed.push((Changed::Binary, words));
    }
    refuse(&differed, allowed)?;
    let mut words: Vec<_> = differed.into_iter().map(|(_, words)| words).collect();
    if opened.checked_against != file.plan.answers {
        words.push(format!("the answers: {}", opened.checked_against));
    }
    Ok(words)
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
pub(super) fn record(run: &mut Run, differed: Vec<String>) {
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

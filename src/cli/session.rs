//! What a run, and each side of an A/B, is made of: statements, data, answers, and an engine to ask for samples.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::SecondsFormat;
use datagen::Options;

use super::args::{DataArgs, LimitArgs};
use super::exit::Failure;
use super::{analyze, generate, output};
use crate::answers::content_hash;
use crate::engine::{Engine, EngineLimits, Settings};
use crate::paths;
use crate::results::format::{self, AnswersSource, RunFile, Setting, Status, Versions, Warning};
use crate::runner::{
    Cancel, ChildSetup, ColdFiles, Executor, InProcess, Isolated, Peer, PeerCommand, RunPlan, TaskEngine, Verifier,
    clock, environment, open_answers, recorded_settings,
};
use crate::suite::{Suite, SuiteFiles};
use crate::tables::{DataSet, Expectation};

/// What all samples have in common, be the run new or one that goes on.
pub(super) struct Session {
    pub(super) suite: Suite,
    pub(super) plan: RunPlan,
    pub(super) limits: EngineLimits,
    pub(super) data: DataSet,
    pub(super) answers: AnswersSource,
}

/// Where samples are taken.
pub(super) enum EngineChoice {
    /// In this process.
    Here(Settings),
    /// In a process for each statement.
    PerStatement(Settings),
    /// In one process for all statements.
    Child(Settings),
    /// In one process of another build of this program.
    Binary { path: PathBuf, profile: String, sets: Vec<String> },
    /// In another engine.
    Peer(PeerCommand),
}

/// What takes the samples, ready to.
pub(super) struct Opened {
    pub(super) executor: Box<dyn Executor>,
    /// What the rows are compared with, in words.
    pub(super) checked_against: String,
    pub(super) engine: EngineRecord,
}

/// The engine for the record.
pub(super) struct EngineRecord {
    pub(super) profile: String,
    pub(super) settings: Vec<Setting>,
    pub(super) versions: Versions,
    pub(super) peer: Option<format::Peer>,
}

impl EngineRecord {
    /// An engine of this program.
    fn own(settings: &Settings) -> Self {
        Self {
            profile: settings.profile().to_owned(),
            settings: recorded_settings(settings),
            versions: environment::versions(),
            peer: None,
        }
    }
}

impl Session {
    /// Opens all that it takes to take samples.
    pub(super) async fn open(&self, choice: &EngineChoice, cancel: &Cancel) -> Result<Opened, Failure> {
        // Opened here too where processes of their own use them, so that what is wrong is said before anything starts.
        let verifier = self.verifier().await?;
        let cold = self.plan.cold.then(|| ColdFiles::of(&self.data)).transpose()?;
        let checked_against = verifier.description().to_owned();
        let statements = self.plan.statements.clone();
        let (executor, engine): (Box<dyn Executor>, _) = match choice {
            EngineChoice::Here(settings) => {
                let engine = Arc::new(Engine::new(settings.clone(), &self.limits).await?);
                self.data.register(&engine)?;
                let executor = InProcess::new(engine, verifier, self.plan.timeout, cold);
                (Box::new(executor), EngineRecord::own(settings))
            }
            EngineChoice::PerStatement(settings) => {
                (Box::new(Isolated::new(self.child_setup(own_engine(settings)))), EngineRecord::own(settings))
            }
            EngineChoice::Child(settings) => {
                let mut child = Isolated::for_all(self.child_setup(own_engine(settings)), statements, None);
                child.open(cancel).await?.ok_or_else(stopped)?;
                (Box::new(child), EngineRecord::own(settings))
            }
            EngineChoice::Binary { path, profile, sets } => {
                let engine = TaskEngine::Named { profile: profile.clone(), sets: sets.clone() };
                let mut child = Isolated::for_all(self.child_setup(engine), statements, Some(path.clone()));
                let (versions, settings) = child.open(cancel).await?.ok_or_else(stopped)?;
                (Box::new(child), EngineRecord { profile: profile.clone(), settings, versions, peer: None })
            }
            EngineChoice::Peer(command) => {
                let setup = self.child_setup(TaskEngine::Foreign);
                let mut peer = Peer::new(command.clone(), setup, statements, verifier);
                let (described, settings) = peer.open(cancel).await?.ok_or_else(stopped)?;
                let profile = described.name.clone();
                let versions = environment::versions();
                (Box::new(peer), EngineRecord { profile, settings, versions, peer: Some(described) })
            }
        };
        Ok(Opened { executor, checked_against, engine })
    }

    async fn verifier(&self) -> Result<Verifier, Failure> {
        let answers = open_answers(&self.answers, &self.plan.statements, &self.suite, &self.data, &self.limits);
        Ok(answers.await?)
    }

    fn child_setup(&self, engine: TaskEngine) -> ChildSetup {
        ChildSetup::new(&self.plan, &self.data, &self.limits, self.answers.clone(), self.suite_folder(), engine)
    }

    /// The suite's folder for the record; nothing for the suite inside the program.
    fn suite_folder(&self) -> Option<String> {
        match &self.suite.files {
            SuiteFiles::BuiltIn => None,
            SuiteFiles::Folder(folder) => {
                Some(paths::shown(&std::path::absolute(folder).unwrap_or_else(|_| folder.clone())))
            }
        }
    }

    /// `2026-01-02T03-04-05Z-default-sf1-label`: sorts by time, and is a file name everywhere.
    pub(super) fn run_name(&self, what: &str, label: Option<&str>) -> String {
        let time = clock::utc().to_rfc3339_opts(SecondsFormat::Secs, true).replace(':', "-");
        let scale = self.data.scale().map_or_else(|| "data".to_owned(), |scale| format!("sf{scale}"));
        let label = label.map_or_else(String::new, |label| format!("-{label}"));
        file_name(&format!("{time}-{what}-{scale}{label}"))
    }

    /// The record of a run that begins.
    pub(super) fn run_file(
        &self,
        run: String,
        label: Option<String>,
        opened: &Opened,
        machine: format::Machine,
        warnings: Vec<Warning>,
    ) -> RunFile {
        let engine = &opened.engine;
        RunFile {
            format_version: format::FORMAT_VERSION,
            run,
            label,
            status: Status::Running,
            started_at: clock::timestamp(),
            finished_at: None,
            resumed_at: Vec::new(),
            command: command_line(),
            versions: engine.versions.clone(),
            machine,
            data: self.recorded_data(),
            plan: self.recorded_plan(&opened.checked_against),
            profile: engine.profile.clone(),
            settings: engine.settings.clone(),
            peer: engine.peer.clone(),
            side_of: None,
            warnings,
            summary: None,
        }
    }

    fn recorded_data(&self) -> format::Data {
        let data = &self.data;
        format::Data {
            url: data.url.local_path().map_or_else(|| data.url.to_string(), |path| paths::shown(&path)),
            scale: data.scale().map(|scale| scale.to_string()),
            fingerprint: data.manifest.as_ref().map(datagen::Manifest::fingerprint),
            layout: data.layout(),
            statistics: Some(recorded_statistics(data)),
            bytes: data.bytes(),
            row_counts: data.row_counts(),
        }
    }

    fn recorded_plan(&self, checked_against: &str) -> format::Plan {
        let plan = &self.plan;
        format::Plan {
            suite: plan.suite.clone(),
            statements: plan.statements.iter().map(|s| s.name.to_string()).collect(),
            skipped: plan.skipped.iter().map(|(name, reason)| (name.to_string(), reason.clone())).collect(),
            iterations: plan.iterations,
            warmup: plan.warmup,
            timeout_seconds: plan.timeout.as_secs_f64(),
            memory_limit_bytes: plan.memory_limit_bytes,
            seed: plan.seed,
            parameters: plan.parameters.clone(),
            aggregate: plan.aggregate.to_string(),
            answers: checked_against.to_owned(),
            answers_source: Some(self.answers.clone()),
            suite_folder: self.suite_folder(),
            sql_xxh3: plan.statements.iter().map(|s| (s.name.to_string(), content_hash(s.sql.as_bytes()))).collect(),
            repeat_until: plan.repeat_until.as_ref().map(|until| format::RepeatUntil {
                relative_half_width: until.relative_half_width,
                max_iterations: until.max_iterations,
                max_seconds: until.max_time.map(|time| time.as_secs_f64()),
            }),
            cold: plan.cold,
            isolate: plan.isolate_bytes.map(|memory_limit_bytes| format::Isolation { memory_limit_bytes }),
        }
    }
}

/// What the optimizer was told of the data, for the record: one value for it, or that it was nothing.
pub(super) fn recorded_statistics(data: &DataSet) -> String {
    match data.statistics().tables.is_empty() {
        true => "none".to_owned(),
        false => content_hash(data.statistics().to_text().as_bytes()),
    }
}

/// Says which statistics beside the data are not used.
pub(super) fn note_statistics_problem(data: &DataSet) {
    if let Some(problem) = data.statistics_problem() {
        output::note(&format!("warning: {problem}"));
    }
}

fn own_engine(settings: &Settings) -> TaskEngine {
    TaskEngine::Recorded { profile: settings.profile().to_owned(), settings: recorded_settings(settings) }
}

fn stopped() -> Failure {
    Failure::Interrupted("stopped by the user".to_owned())
}

/// A text as a file name that is one everywhere.
pub(super) fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

/// The arguments after the program's bare name: where it is installed is nobody's business.
pub(super) fn command_line() -> Vec<String> {
    std::iter::once("dsbench".to_owned()).chain(std::env::args().skip(1)).collect()
}

/// Opens the data; data in the default place is made or completed first.
pub(super) async fn open_data(args: &DataArgs, stop: &std::sync::atomic::AtomicBool) -> Result<DataSet, Failure> {
    let (url, scale) = args.locate()?;
    let mut is_new = false;
    if let (None, Some(scale), Some(folder)) = (&args.data, scale, url.local_path()) {
        let complete = datagen::check_sizes(&folder).is_ok_and(|report| report.is_ok())
            && datagen::Manifest::read(&folder).is_ok_and(|m| m.tables.len() == datagen::schema::tables().len());
        if !complete {
            output::note(&format!("making the data of scale {scale} in {url} (once)"));
            tokio::task::block_in_place(|| generate::generate(&completing(scale, folder), stop))?;
            is_new = true;
        }
    }
    let data = DataSet::open(url, &Expectation { scale, verify_hashes: true }).await?;
    if is_new { analyze::verify_made(data, &LimitArgs::default().limits()?).await } else { Ok(data) }
}

/// The options under which a folder is completed: those that it was begun with, or the defaults.
fn completing(scale: datagen::ScaleFactor, folder: PathBuf) -> Options {
    let begun = datagen::Manifest::read(&folder).ok().map(|manifest| manifest.writer);
    let mut options = Options::new(scale, folder);
    if let Some(writer) = begun {
        options.parts = writer.parts;
        options.row_group_rows = writer.row_group_rows;
        options.compression = writer.compression;
        options.layout = writer.layout;
        options.bloom_filters = writer.bloom_filters;
    }
    options
}

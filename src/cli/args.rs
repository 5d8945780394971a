//! Arguments that several subcommands share, and what they come to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytesize::ByteSize;
use datagen::ScaleFactor;

use super::exit::Failure;
use super::output;
use super::suggest::suggesting;
use crate::engine::{EngineLimits, Profile, Settings};
use crate::paths;
use crate::report::Columns;
use crate::runner::{Cancel, environment, setting_variables};
use crate::suite::{Override, Substitution, Suite};
use crate::tables::DataUrl;

/// Which statements there are, and with which values.
#[derive(Debug, clap::Args)]
pub(super) struct SuiteArgs {
    /// Read the suite from this folder instead of the one inside the program
    #[arg(long, value_name = "DIR")]
    pub(super) suite: Option<PathBuf>,
    /// Draw the substitution parameters with this seed instead of taking the qualification values
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Set one substitution parameter, as in q1.YEAR=1999; a list's values are separated by commas
    #[arg(long = "param", value_name = "QUERY.NAME=VALUE")]
    pub(super) parameters: Vec<String>,
}

impl SuiteArgs {
    pub(super) fn load(&self) -> Result<Suite, Failure> {
        Ok(match &self.suite {
            Some(folder) => Suite::from_folder(folder)?,
            None => Suite::built_in()?,
        })
    }

    pub(super) fn substitution<'a>(&self, suite: &'a Suite) -> Result<Substitution<'a>, Failure> {
        let overrides = self.parameters.iter().map(|text| text.parse::<Override>());
        let overrides = overrides.collect::<Result<Vec<_>, _>>().map_err(Failure::Usage)?;
        let substitution = Substitution::new(&suite.domains, self.seed, overrides);
        match substitution.unused_override(suite.statements()) {
            Some(message) => Err(Failure::Usage(message)),
            None => Ok(substitution),
        }
    }
}

/// What completion offers for the name of a profile.
pub(super) const PROFILES: [&str; 2] = ["default", "datafusion"];

/// What completion offers for the way in which samples become one figure.
pub(super) const AGGREGATES: [&str; 4] = ["median", "min", "mean", "aws"];

/// How the engine is configured.
#[derive(Debug, clap::Args)]
pub(super) struct EngineArgs {
    /// The engine's configuration: `default`, `datafusion` (plain DataFusion), a TOML file, or NAME for profiles/NAME.toml
    #[arg(long, value_name = "NAME", default_value = "default", env = "DSBENCH_PROFILE")]
    #[arg(value_parser = suggesting::<String>(&PROFILES), hide_possible_values = true)]
    pub(super) profile: String,
    /// Set one setting over the profile; may be given several times, the last one wins. `dsbench sql "show all"` lists them
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// Make the functions of this Python file that are marked with `@udf`; may be given several times
    #[arg(long, value_name = "FILE.py", value_hint = clap::ValueHint::FilePath)]
    udf: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// What the engine may use.
#[derive(Debug, Default, clap::Args)]
pub(super) struct LimitArgs {
    /// Memory that the engine may use before it spills or fails, such as 2GiB [default: 80% of what the machine or cgroup allows]
    #[arg(long, value_name = "SIZE", env = "DSBENCH_MEMORY_LIMIT")]
    pub(super) memory_limit: Option<ByteSize>,
    /// The folder for spilled data; a folder of its own is made in it and removed at the end [default: the system's]
    #[arg(long, value_name = "DIR", env = "DSBENCH_SPILL_DIR")]
    pub(super) spill_dir: Option<PathBuf>,
}

impl EngineArgs {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let mut sets = self.sets.clone();
        if !self.udf.is_empty() {
            let files = self.udf.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
            let files = std::env::join_paths(files).map_err(|error| Failure::Usage(format!("--udf: {error}")))?;
            sets.push(format!("engine.udf.python.files={}", files.to_string_lossy()));
        }
        Ok(Settings::resolve(&Profile::find(&self.profile)?, setting_variables(), &sets)?)
    }
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Result<EngineLimits, Failure> {
        let memory_bytes = match self.memory_limit {
            Some(ByteSize(0)) => return Err(Failure::Usage("--memory-limit must be more than 0".to_owned())),
            Some(ByteSize(bytes)) => bytes,
            None => environment::default_memory_limit_bytes(),
        };
        let spill_dir = self.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
        Ok(EngineLimits { memory_bytes, spill_dir })
    }
}

/// What the table of a report shows.
#[derive(Debug, clap::Args)]
pub(super) struct ColumnArgs {
    /// The columns of the table, as in median,cpu,peak-pool,bytes-read; `help` lists them all
    #[arg(long, value_name = "LIST")]
    columns: Option<String>,
}

impl ColumnArgs {
    /// Whether the user asks which columns there are.
    pub(super) fn asks_for_help(&self) -> bool {
        self.columns.as_deref() == Some("help")
    }

    /// The columns that the user chose, if any. `is_table` says whether there will be a table to show them in.
    pub(super) fn chosen(&self, is_table: bool) -> Result<Option<Columns>, Failure> {
        match &self.columns {
            Some(_) if !is_table => Err(Failure::Usage(
                "--columns is for tables; JSON has the summary alone, samples.csv has all".to_owned(),
            )),
            Some(list) => {
                let parsed = list.parse::<Columns>();
                parsed.map(Some).map_err(|message| Failure::Usage(format!("--columns: {message}")))
            }
            None => Ok(None),
        }
    }
}

/// Which data is meant.
#[derive(Debug, clap::Args)]
pub(super) struct DataArgs {
    /// The scale factor, 0.01 to 100000. With --data: the scale that the data must have [default: 1]
    #[arg(long, value_name = "SF")]
    pub(super) scale: Option<ScaleFactor>,
    /// The folder or URL of the tables [default: sf1, sf10, … under $DSBENCH_DATA or ~/.cache/dsbench]
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::DirPath)]
    pub(super) data: Option<String>,
}

impl DataArgs {
    /// The place of the data, and the scale that it must have.
    pub(super) fn locate(&self) -> Result<(DataUrl, Option<ScaleFactor>), Failure> {
        match &self.data {
            Some(text) => Ok((DataUrl::parse(text)?, self.scale)),
            None => {
                let scale = self.scale_or_default();
                Ok((DataUrl::from_path(&default_folder(scale)?)?, Some(scale)))
            }
        }
    }

    pub(super) fn scale_or_default(&self) -> ScaleFactor {
        self.scale.unwrap_or_else(|| "1".parse().expect("1 is a scale factor"))
    }
}

/// Where data of that scale lives if nobody says otherwise.
pub(super) fn default_folder(scale: ScaleFactor) -> Result<PathBuf, Failure> {
    let parent = paths::data_dir();
    let parent =
        parent.ok_or_else(|| Failure::Usage("there is no home folder: set DSBENCH_DATA, or use --data".to_owned()))?;
    Ok(parent.join(format!("sf{scale}")))
}

/// A runtime for the engine: one worker a processor, with stacks that deep plans do not exhaust.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(16 << 20)
        .build()
        .map_err(|error| Failure::Other(format!("cannot start threads: {error}")))
}

/// Turns Ctrl-C into a wish to stop; a second one ends the program at once. Must be called on a runtime.
pub(super) fn stop_on_interrupt() -> (Cancel, Arc<AtomicBool>) {
    let cancel = Cancel::new();
    let flag = Arc::new(AtomicBool::new(false));
    let (wish, stop) = (cancel.clone(), Arc::clone(&flag));
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        output::note("stopping; press Ctrl-C again to end at once");
        stop.store(true, Ordering::Relaxed);
        wish.cancel();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    (cancel, flag)
}

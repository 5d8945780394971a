//! What will be run and how.

use std::fmt;
use std::time::Duration;

use super::RepeatUntil;
use crate::engine::Settings;
use crate::results::Aggregate;
use crate::suite::{Statement, StatementName, Substitution, TemplateError};
use crate::text;

/// A run before it starts. Making one touches neither data nor disk.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// The suite's name.
    pub suite: String,
    /// The chosen statements in order, with their exact text.
    pub statements: Vec<PlannedStatement>,
    /// What the suite itself skips, with the reasons.
    pub skipped: Vec<(StatementName, String)>,
    /// Measured samples a statement; the least number of them if `repeat_until` is given.
    pub iterations: u32,
    /// Samples a statement before them that count for nothing.
    pub warmup: u32,
    /// The longest that a sample may take.
    pub timeout: Duration,
    /// How the samples of a statement become one figure.
    pub aggregate: Aggregate,
    /// The seed of the parameters; nothing for the qualification values.
    pub seed: Option<u64>,
    /// The parameters that the user gave, as typed.
    pub parameters: Vec<String>,
    /// The limit of the memory pool.
    pub memory_limit_bytes: u64,
    /// When a statement has samples enough, if their number is not fixed.
    pub repeat_until: Option<RepeatUntil>,
    /// Whether file pages and the engine's caches of files are emptied before each sample.
    pub cold: bool,
    /// How much memory the process of each statement may use; nothing to run all in this process.
    pub isolate_bytes: Option<u64>,
}

/// One statement of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    /// Its name.
    pub name: StatementName,
    /// A few words on it.
    pub title: String,
    /// The exact SQL.
    pub sql: String,
}

impl PlannedStatement {
    /// Fills in a statement's parameters.
    pub fn new(statement: &Statement, substitution: &Substitution<'_>) -> Result<Self, TemplateError> {
        let sql = statement.render(substitution)?;
        Ok(Self { name: statement.name.clone(), title: statement.title.clone(), sql })
    }
}

impl RunPlan {
    /// Fills in the chosen statements' parameters.
    pub fn fill_in(
        chosen: &[&Statement],
        substitution: &Substitution<'_>,
    ) -> Result<Vec<PlannedStatement>, TemplateError> {
        chosen.iter().map(|statement| PlannedStatement::new(statement, substitution)).collect()
    }

    /// How many samples the run takes at least, warm-up included.
    pub fn sample_count(&self) -> u64 {
        self.statements.len() as u64 * u64::from(self.iterations + self.warmup)
    }

    /// The plan for people, with what else the run depends on.
    pub fn describe<'a>(
        &'a self,
        settings: &'a Settings,
        peer: Option<&'a str>,
        data: &'a str,
    ) -> impl fmt::Display + 'a {
        Description { plan: self, settings, peer, data }
    }
}

struct Description<'a> {
    plan: &'a RunPlan,
    settings: &'a Settings,
    peer: Option<&'a str>,
    data: &'a str,
}

impl Description<'_> {
    fn write_settings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "profile     {}", self.settings.profile())?;
        for setting in self.settings.all() {
            if setting.source != crate::engine::SettingSource::Default {
                let value = setting.value.as_deref().unwrap_or("(unset)");
                writeln!(f, "            {} = {value}  ({})", setting.key, setting.source)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan;
        writeln!(f, "suite       {}: {} statements", plan.suite, plan.statements.len())?;
        writeln!(f, "data        {}", self.data)?;
        writeln!(
            f,
            "samples     {} = {} x ({} warm-up + {} measured), {} for each statement's figure",
            plan.sample_count(),
            plan.statements.len(),
            plan.warmup,
            plan.iterations,
            plan.aggregate
        )?;
        if let Some(until) = &plan.repeat_until {
            let time =
                until.max_time.map_or_else(String::new, |time| format!(" or {}", humantime::format_duration(time)));
            let width = text::percent(until.relative_half_width);
            writeln!(
                f,
                "            and more, up to {} a statement{time}, until the median is known to ±{width}",
                until.max_iterations
            )?;
        }
        if plan.cold {
            writeln!(f, "            cold: file pages and the engine's caches of files emptied before each")?;
        }
        if let Some(bytes) = plan.isolate_bytes {
            writeln!(f, "isolated    each statement in a process of its own, which may use {}", text::bytes(bytes))?;
        }
        writeln!(f, "timeout     {} a sample", humantime::format_duration(plan.timeout))?;
        writeln!(f, "memory      {} for the engine", text::bytes(plan.memory_limit_bytes))?;
        match plan.seed {
            Some(seed) => writeln!(f, "parameters  drawn with seed {seed}")?,
            None => writeln!(f, "parameters  qualification values")?,
        }
        for parameter in &plan.parameters {
            writeln!(f, "            {parameter}")?;
        }
        match self.peer {
            Some(peer) => writeln!(f, "engine      {peer}")?,
            None => self.write_settings(f)?,
        }
        for (name, reason) in &plan.skipped {
            writeln!(f, "skipped     {name}: {reason}")?;
        }
        writeln!(f, "statements")?;
        for statement in &plan.statements {
            writeln!(f, "  {:<8} {}", statement.name, statement.title)?;
        }
        Ok(())
    }
}

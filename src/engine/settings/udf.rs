//! `engine.udf.*`: functions that users define.
//!
//! `engine.udf.python.enabled`, `files`, `interpreter` and `memory_limit` are decided when the engine is made, and SQL cannot change them: they say whether
//! somebody else's program runs here, and which.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use datafusion::common::config::{ConfigEntry, ConfigOptions};
use datafusion::error::DataFusionError;

use super::switch;

/// How functions of users run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UdfOptions {
    /// Whether calls are counted and timed.
    pub profile: bool,
    /// Those in Python.
    pub python: PythonOptions,
}

/// How functions in Python run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonOptions {
    /// Whether they run at all.
    pub enabled: bool,
    /// Whose functions that are marked with `@udf` are there from the beginning.
    pub files: Vec<PathBuf>,
    /// The program that runs them, by its path or as the shell would find it.
    pub interpreter: String,
    /// The memory of each worker process; 0 for no limit.
    pub memory_limit_bytes: u64,
    /// How long a function may take for one batch of rows.
    pub timeout: Duration,
}

impl Default for PythonOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            files: Vec::new(),
            interpreter: "python3".to_owned(),
            memory_limit_bytes: 2 << 30,
            timeout: Duration::from_secs(300),
        }
    }
}

/// Keys that SQL cannot set.
pub(super) const NOT_BY_SQL: [&str; 4] = [
    "engine.udf.python.enabled",
    "engine.udf.python.files",
    "engine.udf.python.interpreter",
    "engine.udf.python.memory_limit",
];

impl UdfOptions {
    /// The values of a session.
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        config.extensions.get::<super::EngineOptions>().map(|engine| engine.udf.clone()).unwrap_or_default()
    }

    /// Sets the knob of that name; nothing where there is none.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), DataFusionError>> {
        let python = &mut self.python;
        Some(match name {
            "profile" => switch::boolean(value).map(|value| self.profile = value),
            "python.enabled" => switch::boolean(value).map(|value| python.enabled = value),
            "python.files" => {
                python.files = std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect();
                Ok(())
            }
            "python.interpreter" if value.is_empty() => Err(super::takes("the path of a Python interpreter")),
            "python.interpreter" => {
                value.clone_into(&mut python.interpreter);
                Ok(())
            }
            "python.memory_limit" => match value.parse::<ByteSize>() {
                Ok(size) => {
                    python.memory_limit_bytes = size.as_u64();
                    Ok(())
                }
                Err(_) => Err(super::takes("a size, such as `2GiB`, or 0 for no limit")),
            },
            "python.timeout" => match humantime::parse_duration(value) {
                Ok(timeout) if !timeout.is_zero() => {
                    python.timeout = timeout;
                    Ok(())
                }
                _ => Err(super::takes("a time, such as `30s` or `5m`")),
            },
            _ => return None,
        })
    }

    pub(super) fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |name: &str, value: String, description| ConfigEntry {
            key: format!("engine.udf.{name}"),
            value: Some(value),
            description,
        };
        let python = &self.python;
        vec![
            entry("profile", self.profile.to_string(), "Count and time the calls of functions: SHOW UDF PROFILES"),
            entry(
                "python.enabled",
                python.enabled.to_string(),
                "Run functions in Python, which can do whatever the user can whose program this is; not by SET",
            ),
            entry(
                "python.files",
                paths(&python.files),
                "Files of functions in Python that are there from the beginning, as in PATH; not by SET",
            ),
            entry(
                "python.interpreter",
                python.interpreter.clone(),
                "The Python that runs functions, with pyarrow installed; not by SET",
            ),
            entry(
                "python.memory_limit",
                ByteSize(python.memory_limit_bytes).to_string(),
                "The memory of each process that runs functions in Python, pyarrow's own included; 0 for no limit; not by SET",
            ),
            entry(
                "python.timeout",
                humantime::format_duration(python.timeout).to_string(),
                "How long a function in Python may take for one batch of rows before its process is ended",
            ),
        ]
    }
}

/// As they were set.
fn paths(files: &[PathBuf]) -> String {
    // Each was between two separators, and has none.
    std::env::join_paths(files).unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_set() {
        let mut options = UdfOptions::default();
        for entry in options.entries() {
            let name = entry.key.strip_prefix("engine.udf.").expect("its family");
            options.set(name, &entry.value.expect("a value")).expect(name).expect(name);
        }
        assert_eq!(options, UdfOptions::default());
        assert!(NOT_BY_SQL.iter().all(|key| options.entries().iter().any(|entry| entry.key == *key)));
    }

    #[track_caller]
    fn check(name: &str, value: &str, expected: Result<&str, &str>) {
        let mut options = UdfOptions::default();
        let set = options.set(name, value).expect("there is such a knob");
        let shown = options.entries().into_iter().find(|entry| entry.key.ends_with(name)).and_then(|entry| entry.value);
        match (set, expected) {
            (Ok(()), Ok(expected)) => assert_eq!(shown.as_deref(), Some(expected)),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (found, expected) => panic!("{name} = {value}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn values() {
        check("python.enabled", "TRUE", Ok("true"));
        check("python.enabled", "1", Err("`true` or `false`"));
        check("python.interpreter", "/usr/bin/python3", Ok("/usr/bin/python3"));
        check("python.interpreter", "", Err("the path of a Python interpreter"));
        check("python.memory_limit", "600MiB", Ok("600.0 MiB"));
        check("python.memory_limit", "0", Ok("0 B"));
        check("python.memory_limit", "much", Err("a size, such as `2GiB`"));
        check("python.timeout", "90s", Ok("1m 30s"));
        check("python.timeout", "0s", Err("a time, such as `30s`"));
        assert!(UdfOptions::default().set("python.timeouts", "1s").is_none());
    }
}

//! Settings as a run recorded them, for a run that goes on and for a statement in a process of its own.
//!
//! ```text
//! Settings ─▶ all() ─▶ run.json ─▶ restore() ─▶ the same Settings, with the same sources
//! ```
//!
//! Neither profiles nor the environment are asked again: they may have changed since. A value that cannot be restored is an
//! error, never another value.

use std::str::FromStr;

use super::{ResolvedSetting, SettingError, SettingSource, Settings, known_keys, linked, umbrella};
use crate::text;

impl Settings {
    /// The settings that [`Settings::all`] told of.
    pub fn restore(profile: &str, recorded: &[ResolvedSetting]) -> Result<Self, SettingError> {
        let mut settings = Self::bare(profile);
        let named = recorded.iter().filter(|setting| is_named(setting));
        // A setting may bring others along, which have a record of their own: they are put right by the second round.
        for setting in named.clone().chain(named) {
            settings.restore_one(setting)?;
        }
        settings.settle();
        for setting in recorded {
            settings.check_restored(setting)?;
        }
        Ok(settings)
    }

    fn restore_one(&mut self, setting: &ResolvedSetting) -> Result<(), SettingError> {
        match &setting.value {
            Some(value) if self.value(&setting.key).as_ref() != Some(value) => {
                self.set(&setting.key, value, setting.source.clone())?;
            }
            None if self.value(&setting.key).is_some() => return Err(lost(setting, "it cannot be unset")),
            _ => {}
        }
        self.sources.insert(setting.key.clone(), setting.source.clone());
        Ok(())
    }

    fn check_restored(&self, setting: &ResolvedSetting) -> Result<(), SettingError> {
        let value = self.value(&setting.key);
        let known = known_keys(&self.options);
        if value.is_none() && !known.contains(&setting.key) {
            let hint = text::did_you_mean(&setting.key, known.iter().map(String::as_str));
            let (key, setting_source) = (setting.key.clone(), setting.source.clone());
            return Err(SettingError::Unknown { key, setting_source, hint });
        }
        if value == setting.value { Ok(()) } else { Err(lost(setting, "another setting changes it")) }
    }

    fn value(&self, key: &str) -> Option<String> {
        if let Some(value) = self.runtime.get(key) {
            return Some(value.clone());
        }
        self.options.entries().into_iter().find(|entry| entry.key == key).and_then(|entry| entry.value)
    }
}

/// Whether somebody gave the value by name. All others follow from those: names of ours show what DataFusion's knob says, and
/// knobs under umbrellas what the umbrella says.
fn is_named(setting: &ResolvedSetting) -> bool {
    let is_home = linked::home(&setting.key) == setting.key;
    is_home && !matches!(setting.source, SettingSource::Default | SettingSource::Umbrella { .. })
}

fn lost(setting: &ResolvedSetting, message: &str) -> SettingError {
    SettingError::Value {
        key: setting.key.clone(),
        value: setting.value.clone().unwrap_or_else(|| "(unset)".to_owned()),
        setting_source: setting.source.clone(),
        message: message.to_owned(),
    }
}

impl FromStr for SettingSource {
    type Err = String;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once(' ') {
            Some(("profile", name)) => Self::Profile(name.to_owned()),
            Some(("environment", variable)) => Self::Environment(variable.to_owned()),
            None if text == "default" => Self::Default,
            None if text == "--set" => Self::CommandLine,
            None if text == "SET" => Self::Session,
            _ => match text.strip_suffix(')').and_then(|text| text.split_once(" (")) {
                Some((key, source)) => {
                    Self::Umbrella { key: umbrella::named(key)?, setting_source: Box::new(source.parse()?) }
                }
                None => return Err(format!("`{text}` is no source of a setting")),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Profile;

    #[track_caller]
    fn resolved(profile: &str, environment: &[(&str, &str)], sets: &[&str]) -> Settings {
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let sets: Vec<_> = sets.iter().map(|set| (*set).to_owned()).collect();
        Settings::resolve(&Profile::find(profile).expect("built in"), environment, &sets).expect("resolves")
    }

    #[track_caller]
    fn check(settings: &Settings) {
        let restored = Settings::restore(settings.profile(), &settings.all()).expect("restores");
        assert_eq!(restored.all(), settings.all());
        assert_eq!(restored.profile(), settings.profile());
    }

    #[test]
    fn what_was_resolved_comes_back_with_its_sources() {
        check(&resolved("default", &[], &[]));
        check(&resolved("datafusion", &[], &[]));
        check(&resolved(
            "default",
            &[("DSBENCH_DATAFUSION_EXECUTION_BATCH_SIZE", "77"), ("DSBENCH_ENGINE_MEMORY_POOL", "greedy")],
            &[
                "datafusion.execution.target_partitions=3",
                "datafusion.execution.parquet.pushdown_filters=false",
                "datafusion.runtime.metadata_cache_limit=10M",
                "engine.declare_keys=true",
                "datafusion.execution.time_zone=Europe/Vienna",
            ],
        ));
    }

    #[test]
    fn umbrellas_and_what_is_named_beneath_them_come_back() {
        check(&resolved("default", &[("DSBENCH_ENGINE_ADAPTIVE_ENABLED", "false")], &[]));
        check(&resolved("default", &[], &["engine.adaptive.join_filters=true", "engine.adaptive.enabled=false"]));
        check(&resolved("datafusion", &[], &["engine.pushdown.topk=false", "engine.pushdown.filter=true"]));
        check(&resolved(
            "default",
            &[],
            &["datafusion.optimizer.enable_dynamic_filter_pushdown=false", "engine.adaptive.aggregate_filters=true"],
        ));
    }

    #[test]
    fn what_cannot_be_restored_is_an_error() {
        let mut all = resolved("default", &[], &[]).all();
        let place = all.iter().position(|s| s.key == "datafusion.execution.batch_size").expect("known");
        all[place].key = "datafusion.execution.batch_sizes".to_owned();
        let error = Settings::restore("default", &all).expect_err("unknown").to_string();
        assert!(error.contains("did you mean `datafusion.execution.batch_size`?"), "{error}");
        all[place].key = "datafusion.execution.batch_size".to_owned();
        all[place].value = Some("many".to_owned());
        let error = Settings::restore("default", &all).expect_err("no number").to_string();
        assert!(error.contains("does not take `many`"), "{error}");
    }

    #[test]
    fn sources_are_read_as_they_are_written() {
        for source in [
            SettingSource::Default,
            SettingSource::Profile("my own".to_owned()),
            SettingSource::Environment("DSBENCH_X".to_owned()),
            SettingSource::CommandLine,
            SettingSource::Session,
            SettingSource::Umbrella {
                key: "engine.adaptive.enabled",
                setting_source: Box::new(SettingSource::Profile("p".to_owned())),
            },
        ] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert!("elsewhere".parse::<SettingSource>().is_err());
    }
}

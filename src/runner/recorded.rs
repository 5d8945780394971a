//! Settings between the engine and the record of a run.

use crate::engine::{ResolvedSetting, SettingError, SettingSource, Settings};
use crate::results::format::Setting;

/// Every setting as results have it.
pub fn recorded_settings(settings: &Settings) -> Vec<Setting> {
    let all = settings.all().into_iter();
    all.map(|s| Setting { key: s.key, value: s.value, source: s.source.to_string() }).collect()
}

/// The environment, for settings that it names.
pub fn setting_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
}

/// The settings of a record.
pub fn restored_settings(profile: &str, recorded: &[Setting]) -> Result<Settings, SettingError> {
    let resolved = recorded.iter().map(|setting| {
        let source = setting.source.parse().map_err(|message| SettingError::Value {
            key: setting.key.clone(),
            value: setting.value.clone().unwrap_or_default(),
            setting_source: SettingSource::Default,
            message,
        })?;
        Ok(ResolvedSetting { key: setting.key.clone(), value: setting.value.clone(), source })
    });
    Settings::restore(profile, &resolved.collect::<Result<Vec<_>, SettingError>>()?)
}

//! Families of true/false knobs: a table of names, places and descriptions instead of one `match` arm a knob.

use datafusion::common::config::ConfigEntry;
use datafusion::error::DataFusionError;

/// One true/false knob of a family.
pub(super) struct Switch<F> {
    /// The knob's own name, the last part of its key.
    pub(super) name: &'static str,
    /// Where the family keeps it.
    pub(super) place: fn(&mut F) -> &mut bool,
    /// What `SHOW ALL VERBOSE` says of it.
    pub(super) description: &'static str,
}

/// Sets the knob of that name; nothing where the family has none.
pub(super) fn set<F>(
    switches: &[Switch<F>],
    family: &mut F,
    name: &str,
    value: &str,
) -> Option<Result<(), DataFusionError>> {
    let switch = switches.iter().find(|switch| switch.name == name)?;
    Some(boolean(value).map(|value| *(switch.place)(family) = value))
}

/// All knobs of a family with their values.
pub(super) fn entries<F: Copy>(prefix: &str, switches: &[Switch<F>], family: &F) -> Vec<ConfigEntry> {
    let mut family = *family;
    let entry = |switch: &Switch<F>| ConfigEntry {
        key: format!("{prefix}.{}", switch.name),
        value: Some((switch.place)(&mut family).to_string()),
        description: switch.description,
    };
    switches.iter().map(entry).collect()
}

/// Reads `true` or `false`, as Spark does in any case of letters.
pub(super) fn boolean(value: &str) -> Result<bool, DataFusionError> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(super::takes("`true` or `false`")),
    }
}

//! What tests of the engine have in common.

use super::{Engine, EngineLimits, Profile, Settings};

/// An engine without tables, with a profile and `KEY=VALUE` texts.
pub(crate) async fn engine(profile: &str, sets: &[&str]) -> Engine {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let settings = Settings::resolve(&Profile::find(profile).expect("built in"), [], &sets).expect("resolves");
    let limits = EngineLimits { memory_bytes: 1 << 30, spill_dir: std::env::temp_dir() };
    Engine::new(settings, &limits).await.expect("an engine")
}

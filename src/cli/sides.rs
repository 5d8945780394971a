//! The sides of a comparison as they are typed.
//!
//! ```text
//! dsbench ab --set c=1 default datafusion --set x=2        c for both, x for datafusion alone
//! dsbench ab default default,x=2                           the same without the order mattering
//! dsbench ab default --binary-b ../old/dsbench             the profile of the first side, in another build
//! dsbench ab default --peer duckdb                         another engine
//! ```

use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::session::{EngineChoice, file_name};
use crate::engine::{Profile, Settings};
use crate::results::format::AbPlace;
use crate::runner::{PeerCommand, setting_variables};

/// One side as its user wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SideSpec {
    /// The profile's name or file.
    profile: String,
    /// `key=value` each, the later ones over the earlier.
    sets: Vec<String>,
    /// Those that are not the same for all sides.
    own_sets: usize,
    place: SidePlace,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SidePlace {
    Own,
    Binary(PathBuf),
    Peer(PeerCommand),
}

impl SideSpec {
    /// Reads `profile` or `profile,key=value,…`.
    pub(super) fn parse(text: &str, common: &[String], own: &[String]) -> Result<Self, Failure> {
        let mut parts = text.split(',').map(str::trim);
        let profile = parts.next().unwrap_or_default().to_owned();
        let mut own_sets: Vec<String> = parts.map(str::to_owned).collect();
        if let Some(wrong) = own_sets.iter().find(|set| !set.contains('=')) {
            return Err(Failure::Usage(format!("`{wrong}` in `{text}` is no setting: write profile,key=value")));
        }
        own_sets.extend_from_slice(own);
        let sets = [common, &own_sets].concat();
        Ok(Self { profile, sets, own_sets: own_sets.len(), place: SidePlace::Own })
    }

    /// The same profile and settings in another build of this program.
    pub(super) fn in_binary(&self, path: &Path) -> Result<Self, Failure> {
        if !path.is_file() {
            return Err(Failure::Usage(format!("there is no program {}", path.display())));
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { place: SidePlace::Binary(path), ..self.clone() })
    }

    /// Another engine.
    pub(super) fn peer(named: &str) -> Result<Self, Failure> {
        let command = PeerCommand::find(named).map_err(Failure::Usage)?;
        Ok(Self { profile: named.to_owned(), sets: Vec::new(), own_sets: 0, place: SidePlace::Peer(command) })
    }

    /// The settings, for an engine of this program. Also says whether they are well-formed for one of another build.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::resolve(&Profile::find(&self.profile)?, setting_variables(), &self.sets)?)
    }

    /// Where its samples are taken; `isolated` says whether a process of its own is wanted.
    pub(super) fn choice(&self, isolated: bool) -> Result<EngineChoice, Failure> {
        Ok(match &self.place {
            SidePlace::Own if isolated => EngineChoice::Child(self.settings()?),
            SidePlace::Own => EngineChoice::Here(self.settings()?),
            SidePlace::Binary(path) => {
                EngineChoice::Binary { path: path.clone(), profile: self.profile.clone(), sets: self.sets.clone() }
            }
            SidePlace::Peer(command) => EngineChoice::Peer(command.clone()),
        })
    }

    /// Whether it is an engine of this very program.
    pub(super) fn is_own(&self) -> bool {
        self.place == SidePlace::Own
    }

    /// For the record.
    pub(super) fn place(&self, isolated: bool) -> AbPlace {
        let child =
            |binary: Option<String>| AbPlace::Child { binary, profile: self.profile.clone(), sets: self.sets.clone() };
        match &self.place {
            SidePlace::Own if isolated => child(None),
            SidePlace::Own => AbPlace::Here,
            SidePlace::Binary(path) => child(Some(crate::paths::shown(path))),
            SidePlace::Peer(command) => AbPlace::Peer { command: command.named.clone() },
        }
    }

    /// The bare name, for folders.
    pub(super) fn name(&self) -> String {
        let stem = Path::new(&self.profile).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        file_name(&stem.unwrap_or_else(|| self.profile.clone()))
    }

    /// In a few words: the profile and what is special about it.
    pub(super) fn title(&self) -> String {
        let own = &self.sets[self.sets.len() - self.own_sets..];
        let sets = if own.is_empty() { String::new() } else { format!(" with {}", own.join(", ")) };
        match &self.place {
            SidePlace::Binary(path) => {
                let program = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                format!("{} in {program}{sets}", self.name())
            }
            _ => format!("{}{sets}", self.name()),
        }
    }
}

/// Which `--set` belongs to which side: those before the first side to all of them (nothing), others to the side before them.
/// `sides` and `sets` are the places on the command line.
pub(super) fn owners_of_sets(sides: &[usize], sets: &[usize]) -> Vec<Option<usize>> {
    sets.iter().map(|set| sides.iter().rposition(|side| side < set)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[track_caller]
    fn check(text: &str, common: &[&str], own: &[&str], title: &str, sets: &[&str]) {
        let side = SideSpec::parse(text, &list(common), &list(own)).expect("well-formed");
        assert_eq!((side.title(), side.sets), (title.to_owned(), list(sets)));
    }

    #[test]
    fn a_side_is_a_profile_and_what_is_set_over_it() {
        check("default", &[], &[], "default", &[]);
        check("default", &["c=1"], &[], "default", &["c=1"]);
        check("default", &["c=1"], &["x=2"], "default with x=2", &["c=1", "x=2"]);
        check("some/my.toml, y=3", &[], &["x=2"], "my with y=3, x=2", &["y=3", "x=2"]);
        assert!(SideSpec::parse("default,elephant", &[], &[]).is_err());
    }

    #[test]
    fn a_setting_belongs_to_the_side_before_it() {
        assert_eq!(owners_of_sets(&[2, 5], &[1, 4, 8, 9]), [None, Some(0), Some(1), Some(1)]);
        assert_eq!(owners_of_sets(&[], &[1]), [None]);
        assert_eq!(owners_of_sets(&[1], &[]), []);
    }

    #[test]
    fn another_build_has_the_same_settings() {
        let program = std::env::current_exe().expect("this test's program");
        let side = SideSpec::parse("default", &list(&["c=1"]), &[]).expect("well-formed");
        let other = side.in_binary(&program).expect("there is such a file");
        assert!(other.title().starts_with("default in "), "{}", other.title());
        assert!(matches!(other.place(false), AbPlace::Child { binary: Some(_), sets, .. } if sets == ["c=1"]));
        assert!(side.in_binary(Path::new("no/such/file")).is_err());
        assert!(SideSpec::peer("no/such/peer").is_err());
    }
}

//! A folder for spilled data, gone with its owner, and swept up by the next one if it was killed.

use std::path::{Path, PathBuf};

use super::EngineError;

const PREFIX: &str = "dsbench-spill-";

/// A folder that lives as long as this value.
#[derive(Debug)]
pub(crate) struct SpillFolder(PathBuf);

impl SpillFolder {
    /// Makes a folder of this process under `parent`, after removing those of processes that no longer run.
    pub(crate) fn create(parent: &Path) -> Result<Self, EngineError> {
        let error = |cause: std::io::Error| EngineError::SpillFolder {
            path: parent.display().to_string(),
            cause: cause.to_string(),
        };
        std::fs::create_dir_all(parent).map_err(error)?;
        sweep(parent);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(parent)
            .map_err(error)?;
        Ok(Self(folder.keep()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // Nothing can be done about a folder that cannot be removed now: the next process sweeps it up.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Removes the folders of processes that were killed.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        // Without /proc nobody can be asked, and a folder too many is better than one too few.
        if owner.is_some_and(|pid| Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_its_owner_and_dead_ones_are_swept() {
        let parent = tempfile::tempdir().expect("a folder");
        // Process numbers end well below this one.
        let dead = parent.path().join(format!("{PREFIX}4294967295-abc"));
        let foreign = parent.path().join("something-else");
        std::fs::create_dir(&dead).expect("a folder");
        std::fs::create_dir(&foreign).expect("a folder");
        let folder = SpillFolder::create(parent.path()).expect("created");
        let other = SpillFolder::create(parent.path()).expect("created");
        let path = folder.path().to_owned();
        assert!(path.exists() && !dead.exists() && foreign.exists());
        drop(folder);
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = SpillFolder::create(file.path()).expect_err("refused").to_string();
        assert!(error.contains("--spill-dir"), "{error}");
    }
}

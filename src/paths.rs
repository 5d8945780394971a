//! Folders of the user, and files that appear whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// `$DSBENCH_CACHE`, or `dsbench` in the user's cache folder; nothing where neither is known.
pub fn cache_dir() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("DSBENCH_CACHE") {
        return Some(PathBuf::from(folder));
    }
    let user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    user.map(|folder| folder.join("dsbench"))
}

/// Where the shell's history is kept: `$DSBENCH_CACHE`, or `dsbench` in the user's folder for such things.
pub fn state_dir() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("DSBENCH_CACHE") {
        return Some(PathBuf::from(folder));
    }
    let user = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let user = user.or_else(|| std::env::home_dir().map(|home| home.join(".local").join("state")));
    user.map(|folder| folder.join("dsbench"))
}

/// The parent of the data folders `sf1`, `sf10`, …: `$DSBENCH_DATA`, or the cache folder.
pub fn data_dir() -> Option<PathBuf> {
    std::env::var_os("DSBENCH_DATA").map(PathBuf::from).or_else(cache_dir)
}

/// A path for the record: the home folder is written `~`, so that results tell nothing about their maker's machine.
pub fn shown(path: &Path) -> String {
    let inside = std::env::home_dir().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
    match inside {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}

/// The path that [`shown`] wrote.
pub fn from_shown(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// Writes a file through a temporary one beside it, so that a reader never sees half of it, and syncs it to disk.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = readable_by_others().tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Puts new names in a folder on the disk, on systems where folders can be opened.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Temporary files are for their owner alone; what one of them becomes has the permissions of any new file.
fn readable_by_others() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// What is worth keeping from one invocation to the next, as JSON in the user's cache folder. Nothing depends on it: a file that cannot
/// be read is as good as none, and one that cannot be written costs the next invocation time.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    path: Option<PathBuf>,
    /// What is remembered.
    pub(crate) entries: T,
}

impl<T: Default + Serialize + DeserializeOwned> Remembered<T> {
    /// Reads the file of that name.
    pub(crate) fn load(name: &str) -> Self {
        let path = cache_dir().map(|folder| folder.join(name));
        let text = path.as_ref().and_then(|path| std::fs::read(path).ok());
        let entries = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { path, entries }
    }

    /// Writes it.
    pub(crate) fn save(&self) {
        let Some(path) = &self.path else { return };
        let Ok(text) = serde_json::to_vec_pretty(&self.entries) else { return };
        drop(write_atomically(path, &text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_is_not_told() {
        let home = std::env::home_dir().expect("a home folder");
        assert_eq!(shown(&home.join("data").join("sf1")), "~/data/sf1");
        assert_eq!(shown(Path::new("/data/sf1")), "/data/sf1");
        for path in [home.join("data").join("sf1"), PathBuf::from("/data/sf1"), PathBuf::from("data")] {
            assert_eq!(from_shown(&shown(&path)), path);
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new").join("file");
        for text in ["one", "two"] {
            write_atomically(&path, text.as_bytes()).expect("written");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
        }
        assert_eq!(std::fs::read_dir(folder.path().join("new")).expect("the folder").count(), 1);
        let other = folder.path().join("other");
        std::fs::write(&other, "").expect("written");
        let permissions = |path: &Path| std::fs::metadata(path).expect("there").permissions();
        assert_eq!(permissions(&path), permissions(&other), "as any new file");
    }
}

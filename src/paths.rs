//! Folders of the user, and files that appear whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `$DSBENCH_CACHE`, or `dsbench` in the user's cache folder; nothing where neither is known.
pub fn cache_dir() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("DSBENCH_CACHE") {
        return Some(PathBuf::from(folder));
    }
    let user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    user.map(|folder| folder.join("dsbench"))
}

/// The parent of the data folders `sf1`, `sf10`, …: `$DSBENCH_DATA`, or the cache folder.
pub fn data_dir() -> Option<PathBuf> {
    std::env::var_os("DSBENCH_DATA").map(PathBuf::from).or_else(cache_dir)
}

/// Writes a file through a temporary one beside it, so that a reader never sees half of it, and syncs it to disk.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

//! The output folder: one process at a time, and files that appear whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::manifest::{Manifest, TableEntry};
use crate::options::Options;
use crate::schema;

/// What the name of an unfinished file ends with.
pub(crate) const IN_PROGRESS: &str = ".inprogress";

/// Held while generating. The file stays: to remove it would let two processes lock two files of
/// the same name.
pub(crate) const LOCK_NAME: &str = ".datagen.lock";

/// An output folder that this process alone writes to.
pub(crate) struct Folder {
    path: PathBuf,
    /// Unlocked when dropped, by the system if need be.
    _lock: File,
}

impl Folder {
    /// Makes the folder when it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path.exists() && !path.is_dir() {
            return Err(Error::NotAFolder { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(Error::io("create folder", path))?;
        let lock_path = path.join(LOCK_NAME);
        // Not truncated: the file may be another process's lock.
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(Error::io("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", lock_path)(error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's manifest, or a new one when the folder holds none and no tables.
    ///
    /// # Errors
    /// Tables of another scale, layout or generator: they are never mixed. Tables without a
    /// manifest: they are not ours to replace.
    pub(crate) fn manifest(&self, options: &Options) -> Result<Manifest> {
        let wanted = Manifest::new(options.scale, options.writer_settings());
        let existing = match Manifest::read(&self.path) {
            Ok(manifest) => manifest,
            Err(Error::ManifestMissing { .. }) => {
                self.refuse_foreign_tables()?;
                wanted.write(&self.path)?;
                return Ok(wanted);
            }
            Err(error) => return Err(error),
        };
        let generator = |manifest: &Manifest| manifest.generator.tpcdsgen_version.clone();
        let difference = if existing.scale != wanted.scale {
            Some(("scale factor", existing.scale.to_string(), wanted.scale.to_string()))
        } else if generator(&existing) != generator(&wanted) {
            Some(("tpcdsgen", generator(&existing), generator(&wanted)))
        } else {
            existing.writer.difference(&wanted.writer)
        };
        match difference {
            None => Ok(existing),
            Some((setting, existing, requested)) => {
                Err(Error::DifferentSettings { path: self.path.clone(), setting, existing, requested })
            }
        }
    }

    fn refuse_foreign_tables(&self) -> Result<()> {
        for table in schema::tables() {
            for name in [format!("{}.parquet", table.name), table.name.to_owned()] {
                if self.path.join(&name).exists() {
                    return Err(Error::NotOurs { path: self.path.clone(), found: name });
                }
            }
        }
        Ok(())
    }

    /// Whether every file of a table is there in its full size.
    pub(crate) fn holds(&self, entry: &TableEntry) -> bool {
        let is_whole = |path: &str, bytes: u64| {
            fs::metadata(self.path.join(path)).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
        };
        entry.files.iter().all(|file| is_whole(&file.path, file.bytes))
    }

    /// Removes what a killed run left unfinished.
    pub(crate) fn sweep(&self) -> Result<()> {
        for path in files_of_tables(&self.path)? {
            if path.to_string_lossy().ends_with(IN_PROGRESS) {
                fs::remove_file(&path).map_err(Error::io("remove", path))?;
            }
        }
        Ok(())
    }
}

/// The files in `dir` that belong to tables, finished or not, by their names: Parquet files and
/// unfinished files in the folder itself, and everything below the folders named after tables.
pub(crate) fn files_of_tables(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(dir)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if schema::table(name).is_some() && path.is_dir() {
            add_files_below(&path, &mut files)?;
        } else if name.ends_with(".parquet") || name.ends_with(IN_PROGRESS) {
            files.push(path);
        }
    }
    Ok(files)
}

fn add_files_below(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(dir)? {
        // A link to a folder is not followed: it may lead back here.
        if path.is_dir() && !path.is_symlink() {
            add_files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("read folder", dir)(error);
    let paths = fs::read_dir(dir).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The name under which a file is written.
fn unfinished_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(IN_PROGRESS);
    PathBuf::from(name)
}

/// A file for the time of a generation: removed when dropped, and, should the program be killed before,
/// by [`Folder::sweep`].
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl TemporaryFile {
    /// Opens the file, under the name of an unfinished one; a leftover of the same name is overwritten.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let path = unfinished_name(&path);
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        Ok(Self { file, path, bytes: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next generation.
        let _ = fs::remove_file(&self.path);
    }
}

/// A file that becomes visible under its own name when it is complete, and is removed when it is not.
#[derive(Debug)]
pub(crate) struct UnfinishedFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    published: bool,
}

impl UnfinishedFile {
    /// Opens the file; a leftover of the same name is overwritten.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let temporary = unfinished_name(&path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::io("create folder", folder))?;
        }
        let file = File::create(&temporary).map_err(Error::io("create", &path))?;
        Ok(Self { file, temporary, path, published: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the bytes are on the disk, and only then gives the file its name.
    pub(crate) fn publish(mut self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.temporary, &self.path).map_err(Error::io("rename to", &self.path))?;
        self.published = true;
        match self.path.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }
}

impl Write for UnfinishedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if !self.published {
            // The error that brought us here says more than a second one could; the next run
            // removes what is left.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Replaces a small file at once.
pub(crate) fn replace_file(path: PathBuf, bytes: &[u8]) -> Result<()> {
    let mut file = UnfinishedFile::create(path)?;
    file.write_all(bytes).map_err(Error::io("write", file.path()))?;
    file.publish()
}

/// Puts renames in a folder on the disk, on systems where folders can be opened.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(Error::io("write", folder))?;
    }
    Ok(())
}

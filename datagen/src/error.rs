//! Everything that can go wrong, each message with the path and what to do.

use std::io;
use std::path::PathBuf;

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the work could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that makes no sense.
    #[error("{option} {reason}")]
    InvalidOption {
        /// The option, in words.
        option: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// A scale factor that is not one.
    #[error("scale factor `{text}` {reason}")]
    InvalidScale {
        /// What was given.
        text: String,
        /// What it must be.
        reason: &'static str,
    },
    /// A table that does not exist.
    #[error("no table is called `{name}`; did you mean `{nearest}`")]
    UnknownTable {
        /// What was given.
        name: String,
        /// The most similar table name.
        nearest: &'static str,
    },
    /// A column that does not exist.
    #[error("no column is called `{name}`; did you mean `{nearest}`")]
    UnknownColumn {
        /// What was given.
        name: String,
        /// The most similar column name.
        nearest: &'static str,
    },
    /// A bloom filter of a column that the files do not hold.
    #[error("{name} can have no bloom filter in a partitioned layout: it is in the names of folders, not in the files")]
    BloomFilterOfPartition {
        /// The column.
        name: &'static str,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried: `write`, `create folder`, ….
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The output path is there and is no folder.
    #[error("{path} is a file; name a folder for the tables", path = path.display())]
    NotAFolder {
        /// The output path.
        path: PathBuf,
    },
    /// Someone else is generating into the folder.
    #[error("another process is generating into {path}; wait for it or choose another folder", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds tables that no manifest vouches for.
    #[error(
        "{path} already holds {found} but no manifest.json, so it was not made here; choose an empty folder",
        path = path.display()
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The first thing found that would be overwritten.
        found: String,
    },
    /// The folder holds tables made otherwise.
    #[error(
        "{path} holds tables made with {setting} {existing}, not {requested}; ask for {existing} or choose another folder",
        path = path.display()
    )]
    DifferentSettings {
        /// The folder.
        path: PathBuf,
        /// Which setting differs.
        setting: &'static str,
        /// Its value in the folder's manifest.
        existing: String,
        /// Its value now.
        requested: String,
    },
    /// There is no manifest.
    #[error("{path} has no manifest.json; generate the tables first", path = path.display())]
    ManifestMissing {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is no manifest.
    #[error("cannot understand {path}: {reason}; restore it or generate into an empty folder", path = path.display())]
    ManifestInvalid {
        /// The manifest file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest was written by a newer program.
    #[error(
        "{path} has format version {found}, this program reads up to {supported}; use a newer one",
        path = path.display()
    )]
    ManifestTooNew {
        /// The manifest file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest one that is understood.
        supported: u32,
    },
    /// A batch does not have a table's columns.
    #[error("rows are not those of {table}: {reason}")]
    WrongColumns {
        /// The table.
        table: &'static str,
        /// What differs.
        reason: String,
    },
    /// Parquet could not encode the rows.
    #[error("cannot encode {table}: {source}")]
    Encode {
        /// The table.
        table: &'static str,
        /// Parquet's answer.
        source: parquet::errors::ParquetError,
    },
    /// The generator failed.
    #[error("cannot generate {table}: {reason}")]
    Generator {
        /// The table.
        table: &'static str,
        /// What it said.
        reason: String,
    },
    /// The temporary file did not give back the rows that were put into it.
    #[error("{path} was changed while {table} was being sorted; run again, on another disk if it happens again", path = path.display())]
    SpillDamaged {
        /// The temporary file.
        path: PathBuf,
        /// The table.
        table: &'static str,
    },
    /// The caller asked to stop.
    #[error("stopped before all was done; run again to go on")]
    Cancelled,
}

impl Error {
    /// An [`Error::Io`] of `action` on `path`, for `map_err`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }
}

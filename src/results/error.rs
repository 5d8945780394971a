//! Why results cannot be written or read.

use std::path::PathBuf;

use thiserror::Error;

/// A failure of reading or writing a run folder.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// The system refuses.
    #[error("cannot {action} {path}: {message}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's message.
        message: String,
    },
    /// There is no run in the folder.
    #[error("{path} is not a run: it has no run.json")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{path} cannot be understood: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has format version {found}, this program reads up to {supported}; use the program that wrote it, or a newer one"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
}

impl ResultsError {
    pub(super) fn io<E: std::fmt::Display>(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        move |error| Self::Io { action, path: path.into(), message: error.to_string() }
    }
}

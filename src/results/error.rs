//! Why results cannot be written or read.

use std::io::ErrorKind;
use std::path::PathBuf;

use thiserror::Error;

/// A failure of reading or writing a run folder.
#[derive(Debug, Error)]
pub enum ResultsError {
    /// The system refuses.
    #[error("cannot {action} {path}: {message}{advice}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's message.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// A sample cannot be put on disk.
    #[error(
        "cannot write {path}: {message}; all samples before this one are on disk: make room, and go on with `{resume}`"
    )]
    Sample {
        /// The file.
        path: PathBuf,
        /// The system's message.
        message: String,
        /// What goes on.
        resume: String,
    },
    /// Runs cannot be written into a file.
    #[error("{path} is not a folder: name the parent of run folders with --out")]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// Two processes and one run.
    #[error("another process is writing the run {path}: wait for its end, or stop it")]
    Locked {
        /// The run's folder.
        path: PathBuf,
    },
    /// Another program began it.
    #[error(
        "{path} has other columns than this program writes: go on with the program that began the run, or begin a new one"
    )]
    OtherColumns {
        /// The file of samples.
        path: PathBuf,
    },
    /// There is no run in the folder.
    #[error("{path} is not a run: it has no run.json")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// There is no A/B in the folder.
    #[error("{path} is not an A/B: it has no ab.json")]
    NotAnAb {
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
    pub(super) fn io<E: Into<std::io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        move |error| {
            let error = error.into();
            let advice = match action {
                "read" | "open" => "",
                _ => advice(error.kind()),
            };
            Self::Io { action, path: path.into(), message: error.to_string(), advice }
        }
    }

    pub(super) fn sample(path: PathBuf, resume: &str, error: &std::io::Error) -> Self {
        Self::Sample { path, message: error.to_string(), resume: resume.to_owned() }
    }
}

/// What to do about a folder that does not take files.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room, or name a folder on another disk with --out",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; name a folder that you may write to with --out"
        }
        _ => "; name another folder with --out",
    }
}

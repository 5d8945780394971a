//! Evicting the data's file pages from the page cache, and making sure that they are gone.
//!
//! ```text
//! each file ─▶ fdatasync ─▶ posix_fadvise(DONTNEED) ─▶ fincore: how much of it is in memory? ─▶ 0, or an error with the share
//! ```
//!
//! No privilege is needed. The advice alone proves nothing: the kernel keeps pages that another process maps, and all pages of a
//! file system that lives in memory. So the pages are counted by `fincore` of util-linux, which asks with mincore(2) or
//! cachestat(2). To read with `RWF_NOWAIT` would be no proof either: on current kernels it begins to read what it does not find.
//!
//! What is below the page cache stays as it is: the disk's own cache, and on a virtual machine that of the host.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use thiserror::Error;

use crate::tables::DataSet;
use crate::text;

/// How often pages that stay are asked to go: those that another processor has just read go at the second asking.
const ATTEMPTS: u32 = 4;

/// How many files `fincore` is asked of at once, well below what a command line holds.
const FILES_AT_ONCE: usize = 500;

/// Why samples cannot be cold.
#[derive(Debug, Error)]
pub enum ColdError {
    /// The data is not on this machine.
    #[error("--cold needs data in a folder of this machine, not {url}")]
    NotLocal {
        /// Where the data is.
        url: String,
    },
    /// The program that counts pages is missing or fails.
    #[error("--cold needs the program `fincore` of util-linux to see that file pages are gone: {message}")]
    NoFincore {
        /// What it said.
        message: String,
    },
    /// A file cannot be opened or synced.
    #[error("{file} cannot be evicted from the page cache: {message}")]
    Io {
        /// The file.
        file: String,
        /// The system's message.
        message: String,
    },
    /// Pages stayed.
    #[error(
        "{share} of the data ({resident} of {whole}) stayed in the page cache, most of it of {file}: another process has it \
         mapped, or it is in a file system in memory (tmpfs), or it belongs to another user; end that process, or copy the data"
    )]
    Resident {
        /// The share that stayed, in per cent.
        share: String,
        /// The size that stayed.
        resident: String,
        /// The size of all files.
        whole: String,
        /// The file of which most stayed.
        file: String,
    },
}

/// The files whose pages are evicted before each sample.
#[derive(Debug, Clone)]
pub struct ColdFiles {
    files: Vec<PathBuf>,
    bytes: u64,
}

impl ColdFiles {
    /// The files of all tables. They are evicted once, so that what cannot be cold is known before anything is timed.
    pub fn of(data: &DataSet) -> Result<Self, ColdError> {
        let files = data.local_files().ok_or_else(|| ColdError::NotLocal { url: data.url.to_string() })?;
        Self::new(files, data.bytes())
    }

    fn new(files: Vec<PathBuf>, bytes: u64) -> Result<Self, ColdError> {
        let cold = Self { files, bytes };
        cold.evict()?;
        Ok(cold)
    }

    /// Evicts the pages of all files, and returns once none is left.
    pub fn evict(&self) -> Result<(), ColdError> {
        let mut left = Vec::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(20 << attempt));
            }
            for file in &self.files {
                evict_file(file)?;
            }
            left = resident_bytes(&self.files)?;
            if left.is_empty() {
                return Ok(());
            }
        }
        // Whole pages are counted, and a file may end within one.
        let resident = left.iter().map(|(_, bytes)| bytes).sum::<u64>().min(self.bytes);
        let most = left.iter().max_by_key(|(_, bytes)| *bytes).map(|(file, _)| file.display().to_string());
        Err(ColdError::Resident {
            share: format!("{:.1}%", resident as f64 / self.bytes.max(1) as f64 * 100.0),
            resident: text::bytes(resident),
            whole: text::bytes(self.bytes),
            file: most.unwrap_or_default(),
        })
    }
}

fn evict_file(path: &Path) -> Result<(), ColdError> {
    let failed = |error: std::io::Error| ColdError::Io { file: path.display().to_string(), message: error.to_string() };
    let file = File::open(path).map_err(failed)?;
    // Pages that were not yet written stay; a clean file is synced at once.
    file.sync_data().map_err(failed)?;
    advise(&file).map_err(failed)
}

#[cfg(target_os = "linux")]
fn advise(file: &File) -> std::io::Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn advise(_file: &File) -> std::io::Result<()> {
    Err(std::io::Error::other("this system cannot be told to forget a file"))
}

/// The files of which something is in memory, and how many bytes.
fn resident_bytes(files: &[PathBuf]) -> Result<Vec<(PathBuf, u64)>, ColdError> {
    let mut resident = Vec::new();
    for chunk in files.chunks(FILES_AT_ONCE) {
        let counts = fincore(chunk)?;
        resident.extend(chunk.iter().cloned().zip(counts).filter(|(_, bytes)| *bytes > 0));
    }
    Ok(resident)
}

/// The resident bytes of each file.
fn fincore(files: &[PathBuf]) -> Result<Vec<u64>, ColdError> {
    let failed = |message: String| ColdError::NoFincore { message };
    let mut command = Command::new("fincore");
    command.args(["--bytes", "--raw", "--noheadings", "--output", "RES", "--"]).args(files);
    let output = command.output().map_err(|error| failed(format!("{error}; install util-linux")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let counts = text.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>();
    match counts {
        Ok(counts) if output.status.success() && counts.len() == files.len() => Ok(counts),
        _ => Err(failed(format!("it says: {}{text}", String::from_utf8_lossy(&output.stderr)))),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// A file in a folder that is on a disk, where tests are built.
    fn file_on_disk(bytes: usize) -> tempfile::NamedTempFile {
        use std::io::Write;
        let folder = std::env::current_exe().expect("a program").parent().expect("in a folder").to_owned();
        let mut file = tempfile::NamedTempFile::new_in(folder).expect("a file");
        file.write_all(&vec![7; bytes]).expect("written");
        file
    }

    #[test]
    fn pages_go_and_are_seen_to_be_gone() {
        let file = file_on_disk(1 << 20);
        let files = vec![file.path().to_owned()];
        // Just written and never synced.
        assert_eq!(resident_bytes(&files).expect("counted"), [(files[0].clone(), 1 << 20)]);
        let cold = ColdFiles::new(files.clone(), 1 << 20).expect("evicted");
        assert_eq!(resident_bytes(&files).expect("counted"), []);
        assert_eq!(std::fs::read(file.path()).expect("readable").len(), 1 << 20);
        assert!(!resident_bytes(&files).expect("counted").is_empty(), "reading brings them back");
        cold.evict().expect("evicted again");
    }

    #[test]
    fn what_stays_in_memory_is_not_called_cold() {
        // A file system in memory that every Linux has.
        let Ok(mut file) = tempfile::NamedTempFile::new_in("/dev/shm") else { return };
        std::io::Write::write_all(&mut file, &[7; 8192]).expect("written");
        let error = ColdFiles::new(vec![file.path().to_owned()], 8192).expect_err("it stays").to_string();
        assert!(error.starts_with("100.0% of the data (8.0 KiB of 8.0 KiB) stayed in the page cache"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = ColdFiles::new(vec!["/nowhere/item.parquet".into()], 1).expect_err("not there").to_string();
        assert!(error.contains("/nowhere/item.parquet cannot be evicted"), "{error}");
    }
}

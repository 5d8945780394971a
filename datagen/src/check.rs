//! Does a folder still hold what its manifest says?

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::folder;
use crate::hash::FileHasher;
use crate::manifest::{FileEntry, Manifest};
use crate::progress::{Progress, TableProgress};
use crate::schema;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// The manifest that the folder was compared with.
    pub manifest: Manifest,
    /// Everything that is not as the manifest says; empty when all is well.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether the folder holds what its manifest says.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A file that is not as the manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, from the manifest's folder, with `/` on every system.
    pub path: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// It is not there.
    Missing,
    /// It is there and cannot be read.
    Unreadable {
        /// The system's answer.
        reason: String,
    },
    /// It is longer or shorter.
    WrongSize {
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes on the disk.
        found: u64,
    },
    /// Its size is right and its bytes are not.
    WrongHash {
        /// Hash in the manifest.
        expected: String,
        /// Hash of the file.
        found: String,
    },
    /// The manifest does not list it, and a reader of the folder may take it for data.
    Extra,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.kind {
            ProblemKind::Missing => f.write_str("missing"),
            ProblemKind::Unreadable { reason } => write!(f, "cannot be read: {reason}"),
            ProblemKind::WrongSize { expected, found } => write!(f, "{found} bytes instead of {expected}"),
            ProblemKind::WrongHash { expected, found } => write!(f, "hash {found} instead of {expected}"),
            ProblemKind::Extra => f.write_str("not in the manifest"),
        }
    }
}

/// Compares every file of the folder with its manifest, byte for byte.
///
/// # Errors
/// A manifest that is missing or cannot be understood, a folder that cannot be listed, or
/// [`Error::Cancelled`]. Wrong files are no error but the result.
pub fn check(dir: &Path, progress: &dyn Progress, cancel: &AtomicBool) -> Result<CheckReport> {
    let manifest = Manifest::read(dir)?;
    let mut tables = progress_of(&manifest);
    progress.begin(&tables.values().copied().collect::<Vec<_>>());
    let mut problems = Vec::new();
    for (name, entry) in &manifest.tables {
        let mut table = tables.remove(name.as_str());
        for file in &entry.files {
            let before = table;
            let kind = check_bytes(dir, file, |bytes| {
                if cancel.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                if let (Some(table), Some(before)) = (&mut table, before) {
                    let rows = u128::from(file.row_count) * u128::from(bytes) / u128::from(file.bytes.max(1));
                    table.bytes = before.bytes + bytes;
                    table.row_count = before.row_count + u64::try_from(rows).unwrap_or(file.row_count);
                    progress.advance(table);
                }
                Ok(())
            })?;
            problems.extend(kind.map(|kind| Problem { path: file.path.clone(), kind }));
        }
        if let Some(table) = table {
            progress.finish(&TableProgress { row_count: entry.row_count, ..table });
        }
    }
    problems.extend(extra_files(dir, &manifest)?);
    Ok(CheckReport { manifest, problems })
}

/// Compares names and sizes only: cheap enough to do before each use of the data.
///
/// # Errors
/// As for [`check()`].
pub fn check_sizes(dir: &Path) -> Result<CheckReport> {
    let manifest = Manifest::read(dir)?;
    let wrong = |file: &FileEntry| Some(Problem { path: file.path.clone(), kind: check_size(dir, file)? });
    let mut problems = manifest.files().filter_map(wrong).collect::<Vec<_>>();
    problems.extend(extra_files(dir, &manifest)?);
    Ok(CheckReport { manifest, problems })
}

/// The tables of the manifest that this program knows, nothing done yet.
fn progress_of(manifest: &Manifest) -> BTreeMap<&'static str, TableProgress> {
    let known = schema::tables().iter().filter_map(|table| {
        let entry = manifest.tables.get(table.name)?;
        let row_count_estimate = entry.row_count;
        Some((
            table.name,
            TableProgress { table: table.name, row_count_estimate, sorted_row_count: None, row_count: 0, bytes: 0 },
        ))
    });
    known.collect()
}

fn check_size(dir: &Path, file: &FileEntry) -> Option<ProblemKind> {
    match std::fs::metadata(dir.join(&file.path)) {
        Ok(metadata) if !metadata.is_file() => Some(ProblemKind::Unreadable { reason: "it is no file".to_owned() }),
        Ok(metadata) if metadata.len() == file.bytes => None,
        Ok(metadata) => Some(ProblemKind::WrongSize { expected: file.bytes, found: metadata.len() }),
        Err(error) => Some(unreadable(&error)),
    }
}

/// Reads the file, telling `read` how many bytes have been.
fn check_bytes(dir: &Path, file: &FileEntry, mut read: impl FnMut(u64) -> Result<()>) -> Result<Option<ProblemKind>> {
    if let Some(kind) = check_size(dir, file) {
        return Ok(Some(kind));
    }
    let mut source = match File::open(dir.join(&file.path)) {
        Ok(source) => source,
        Err(error) => return Ok(Some(unreadable(&error))),
    };
    let mut hasher = FileHasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
                read(bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Some(unreadable(&error))),
        }
    }
    let found = hasher.finish();
    let expected = file.hash.clone();
    Ok((found != expected).then_some(ProblemKind::WrongHash { expected, found }))
}

fn unreadable(error: &io::Error) -> ProblemKind {
    match error.kind() {
        io::ErrorKind::NotFound => ProblemKind::Missing,
        _ => ProblemKind::Unreadable { reason: error.to_string() },
    }
}

fn extra_files(dir: &Path, manifest: &Manifest) -> Result<Vec<Problem>> {
    let listed = manifest.files().map(|file| dir.join(&file.path)).collect::<HashSet<_>>();
    let extra = folder::files_of_tables(dir)?.into_iter().filter(|path| !listed.contains(path));
    let problem = |path: std::path::PathBuf| {
        let parts = path.strip_prefix(dir).unwrap_or(&path).iter().map(|part| part.to_string_lossy());
        Problem { path: parts.collect::<Vec<_>>().join("/"), kind: ProblemKind::Extra }
    };
    Ok(extra.map(problem).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::options::Parts;
    use crate::testing::{make, options};

    #[test]
    fn the_wrong_file_is_named() {
        let check_change = |change: &dyn Fn(&Path), quick: Expect, full: Expect| {
            let dir = tempfile::tempdir().unwrap();
            let mut options = options(dir.path(), &["reason", "item"]);
            options.parts = Parts::Count(2);
            options.row_group_rows = 100;
            make(&options);
            change(dir.path());
            // Sizes and hashes change with the Parquet library; the messages must have the right ones.
            let masked = |problem: &Problem| match &problem.kind {
                ProblemKind::WrongSize { expected, found } => {
                    problem.to_string().replace(&expected.to_string(), "EXPECTED").replace(&found.to_string(), "FOUND")
                }
                ProblemKind::WrongHash { expected, found } => {
                    problem.to_string().replace(expected, "EXPECTED").replace(found, "FOUND")
                }
                _ => problem.to_string(),
            };
            let text = |report: CheckReport| {
                assert_eq!(report.is_ok(), report.problems.is_empty());
                report.problems.iter().map(masked).collect::<Vec<_>>().join("\n")
            };
            quick.assert_eq(&text(check_sizes(dir.path()).unwrap()));
            full.assert_eq(&text(check(dir.path(), &(), &AtomicBool::new(false)).unwrap()));
        };
        let second = "item/item-00002.parquet";
        check_change(&|_| {}, expect![""], expect![""]);
        check_change(
            &|dir| fs::remove_file(dir.join(second)).unwrap(),
            expect!["item/item-00002.parquet: missing"],
            expect!["item/item-00002.parquet: missing"],
        );
        check_change(
            &|dir| fs::write(dir.join(second), "short").unwrap(),
            expect!["item/item-00002.parquet: FOUND bytes instead of EXPECTED"],
            expect!["item/item-00002.parquet: FOUND bytes instead of EXPECTED"],
        );
        let flip_a_bit = |dir: &Path| {
            let mut bytes = fs::read(dir.join(second)).unwrap();
            bytes[1_000] ^= 1;
            fs::write(dir.join(second), bytes).unwrap();
        };
        check_change(&flip_a_bit, expect![""], expect!["item/item-00002.parquet: hash FOUND instead of EXPECTED"]);
        let replace_by_folder = |dir: &Path| {
            fs::remove_file(dir.join(second)).unwrap();
            fs::create_dir(dir.join(second)).unwrap();
        };
        check_change(
            &replace_by_folder,
            expect!["item/item-00002.parquet: cannot be read: it is no file"],
            expect!["item/item-00002.parquet: cannot be read: it is no file"],
        );
        let add_files = |dir: &Path| {
            fs::write(dir.join("item/more.parquet"), "").unwrap();
            fs::write(dir.join("old.parquet"), "").unwrap();
            fs::write(dir.join("store.parquet.inprogress"), "").unwrap();
            fs::write(dir.join("README.md"), "not data").unwrap();
        };
        check_change(
            &add_files,
            expect![[r#"
            item/more.parquet: not in the manifest
            old.parquet: not in the manifest
            store.parquet.inprogress: not in the manifest"#]],
            expect![[r#"
            item/more.parquet: not in the manifest
            old.parquet: not in the manifest
            store.parquet.inprogress: not in the manifest"#]],
        );
    }

    #[test]
    fn a_check_can_be_stopped_and_needs_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let error = check(dir.path(), &(), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, Error::ManifestMissing { .. }), "{error}");
        assert!(check_sizes(dir.path()).is_err());
        make(&options(dir.path(), &["reason"]));
        let error = check(dir.path(), &(), &AtomicBool::new(true)).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    }

    #[test]
    fn a_check_reports_its_progress() {
        struct Total(std::sync::Mutex<(u64, u64)>);
        impl Progress for Total {
            fn finish(&self, table: &TableProgress) {
                let mut total = self.0.lock().unwrap();
                *total = (total.0 + table.row_count, total.1 + table.bytes);
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let manifest = make(&options(dir.path(), &["reason", "item"])).manifest;
        let total = Total(std::sync::Mutex::new((0, 0)));
        check(dir.path(), &total, &AtomicBool::new(false)).unwrap();
        let bytes = manifest.files().map(|file| file.bytes).sum();
        let rows = manifest.tables.values().map(|table| table.row_count).sum();
        assert_eq!(total.0.into_inner().unwrap(), (rows, bytes));
    }
}

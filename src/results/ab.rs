//! The folder of an A/B: `ab.json`, and a run folder for each side.
//!
//! ```text
//! 2026-01-02T03-04-05Z-ab-default-datafusion-sf1/
//!   ab.json                    what is compared, and by which rules
//!   a-default/                 a run: samples 1, 2, 3, … of each statement
//!   b-datafusion/              a run: samples 1, 2, 3, …, each taken next to the one of the same number in a
//!   control-1/  control-2/     two runs of a's configuration, compared with each other first
//! ```
//!
//! Whatever reads runs reads sides.

use std::path::{Path, PathBuf};

use super::format::{AbFile, RunFile};
use super::reader::read_versioned;
use super::writer::{make_new_folder, write_json};
use super::{ResultsError, Run, RunWriter};
use crate::paths;

/// The name of the file that makes a folder an A/B.
const AB_FILE: &str = "ab.json";

/// An A/B read back.
#[derive(Debug, Clone)]
pub struct Ab {
    /// Where it was read from.
    pub folder: PathBuf,
    /// Everything but the sides' runs.
    pub file: AbFile,
    /// The runs, in the order of the sides.
    pub sides: Vec<Run>,
    /// The two runs of the control phase; nothing if there was none, or it has not begun.
    pub control: Option<[Run; 2]>,
}

impl Ab {
    /// Whether the folder is that of an A/B.
    pub fn is_at(path: &Path) -> bool {
        folder_of(path).join(AB_FILE).is_file()
    }

    /// Reads the folder; its `ab.json` may be named instead.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let folder = folder_of(path);
        let file: AbFile =
            read_versioned(&folder.join(AB_FILE))?.ok_or_else(|| ResultsError::NotAnAb { path: folder.to_owned() })?;
        let sides = file.sides.iter().map(|side| Run::read(&folder.join(&side.run)));
        let sides = sides.collect::<Result<Vec<_>, _>>()?;
        let control = match &file.control {
            Some([first, second]) => match (Run::read(&folder.join(first)), Run::read(&folder.join(second))) {
                (Ok(first), Ok(second)) => Some([first, second]),
                (Err(ResultsError::NotARun { .. }), _) | (_, Err(ResultsError::NotARun { .. })) => None,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            },
            None => None,
        };
        Ok(Self { folder: folder.to_owned(), file, sides, control })
    }
}

fn folder_of(path: &Path) -> &Path {
    if path.ends_with(AB_FILE) { path.parent().unwrap_or(path) } else { path }
}

/// The open folder of an A/B.
#[derive(Debug)]
pub struct AbWriter {
    folder: PathBuf,
}

impl AbWriter {
    /// Makes the folder `out/ab`. If there is one of that name, a number is appended: nothing is overwritten.
    pub fn create(out: &Path, file: &mut AbFile) -> Result<Self, ResultsError> {
        let folder = make_new_folder(out, &mut file.ab)?;
        let writer = Self { folder };
        writer.write(file)?;
        paths::sync_folder(out).map_err(ResultsError::io("write", out))?;
        Ok(writer)
    }

    /// Goes on with a folder that is there.
    pub fn reopen(path: &Path) -> Self {
        Self { folder: folder_of(path).to_owned() }
    }

    /// Where the A/B is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces `ab.json` as a whole.
    pub fn write(&self, file: &AbFile) -> Result<(), ResultsError> {
        write_json(&self.folder.join(AB_FILE), file)
    }

    /// The run of a side: as it is on disk, or new.
    pub fn side(&self, file: &mut RunFile) -> Result<(RunWriter, Run), ResultsError> {
        let folder = self.folder.join(&file.run);
        if folder.exists() {
            let (writer, run) = RunWriter::reopen(&folder)?;
            return Ok((writer.in_ab(&self.folder), run));
        }
        let writer = RunWriter::create(&self.folder, file)?.in_ab(&self.folder);
        let run = Run { folder: writer.folder().to_owned(), file: file.clone(), samples: Vec::new() };
        Ok((writer, run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{ab_file, run_file, sample_rows};

    #[test]
    fn sides_are_runs_and_come_back() {
        let out = tempfile::tempdir().expect("a folder");
        let mut file = ab_file();
        let writer = AbWriter::create(out.path(), &mut file).expect("a new folder");
        assert!(matches!(Ab::read(writer.folder()), Err(ResultsError::NotARun { .. })), "no side is there yet");
        for side in &file.sides {
            let mut run = RunFile { run: side.run.clone(), ..run_file() };
            let (mut side, read) = writer.side(&mut run).expect("a new run");
            assert_eq!(read.samples, []);
            side.append(&sample_rows()[0]).expect("written");
        }
        let ab = Ab::read(&writer.folder().join(AB_FILE)).expect("readable");
        assert_eq!((ab.file, ab.sides.len(), ab.control.is_none()), (file.clone(), 2, true));
        assert_eq!(ab.sides[1].samples, sample_rows()[..1]);
        let mut run = RunFile { run: file.sides[0].run.clone(), ..run_file() };
        let (_, again) = AbWriter::reopen(writer.folder()).side(&mut run).expect("it goes on");
        assert_eq!(again.samples.len(), 1);
        assert!(Ab::is_at(writer.folder()) && !Ab::is_at(&ab.sides[0].folder));
        let second = AbWriter::create(out.path(), &mut ab_file()).expect("another folder");
        assert!(second.folder().ends_with(format!("{}-2", file.ab)));
    }

    #[test]
    fn other_folders_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Ab::read(folder.path()).expect_err("empty").to_string();
        assert!(error.ends_with("is not an A/B: it has no ab.json"), "{error}");
        std::fs::write(folder.path().join(AB_FILE), r#"{"format_version": 999}"#).expect("written");
        assert!(matches!(Ab::read(folder.path()), Err(ResultsError::TooNew { found: 999, .. })));
    }
}

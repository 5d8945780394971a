//! Writing a run: the folder is new, each sample is on disk before the next one starts.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::ResultsError;
use super::format::{RunFile, SampleRow};
use crate::paths;

/// The name of the file with everything but the samples.
pub(super) const RUN_FILE: &str = "run.json";
/// The name of the file with the samples.
pub(super) const SAMPLES_FILE: &str = "samples.csv";

/// An open run folder.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    samples: csv::Writer<File>,
}

impl RunWriter {
    /// Makes the folder `out/run.run`. If there is one of that name, a number is appended: nothing is overwritten.
    pub fn create(out: &Path, run: &mut RunFile) -> Result<Self, ResultsError> {
        std::fs::create_dir_all(out).map_err(ResultsError::io("make the folder", out))?;
        let base = run.run.clone();
        let mut number = 1;
        let folder = loop {
            let folder = out.join(&run.run);
            match std::fs::create_dir(&folder) {
                Ok(()) => break folder,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    number += 1;
                    run.run = format!("{base}-{number}");
                }
                Err(error) => return Err(ResultsError::io("make the folder", folder)(error)),
            }
        };
        let path = folder.join(SAMPLES_FILE);
        let file = File::create_new(&path).map_err(ResultsError::io("create", path))?;
        let writer = Self { folder, samples: csv::Writer::from_writer(file) };
        writer.write_run(run)?;
        Ok(writer)
    }

    /// Where the run is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a sample, and returns once the disk has it.
    pub fn append(&mut self, sample: &SampleRow) -> Result<(), ResultsError> {
        let path = || self.folder.join(SAMPLES_FILE);
        let failed = ResultsError::io("write", path());
        self.samples.serialize(sample).map_err(failed)?;
        self.samples.flush().map_err(ResultsError::io("write", path()))?;
        self.samples.get_ref().sync_data().map_err(ResultsError::io("write", path()))
    }

    /// Replaces `run.json` as a whole.
    pub fn write_run(&self, run: &RunFile) -> Result<(), ResultsError> {
        let path = self.folder.join(RUN_FILE);
        let mut text = serde_json::to_vec_pretty(run).map_err(ResultsError::io("write", &path))?;
        text.push(b'\n');
        paths::write_atomically(&path, &text).map_err(ResultsError::io("write", &path))
    }
}

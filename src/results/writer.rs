//! Writing a run: the folder is new, or that of a run that goes on; each sample is on disk before the next one starts.
//!
//! The file of samples only ever grows, and whoever writes it holds its lock: two processes never write one run. A line is
//! handed to the system as a whole. If that fails half way (a full disk, a kill), the next writer takes the half away.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::format::{RunFile, SampleRow, Status};
use super::{ResultsError, Run};
use crate::paths;

/// The name of the file with everything but the samples.
pub(super) const RUN_FILE: &str = "run.json";
/// The name of the file with the samples.
pub(super) const SAMPLES_FILE: &str = "samples.csv";
/// What the names of files begin with that are not yet whole.
const TEMPORARY: &str = ".tmp";

/// How often a lock is tried for, and the time between.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// An open run folder, locked.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    samples: File,
    /// Where the last whole line ends; 0 before the header is written.
    samples_bytes: u64,
    /// What goes on after a failure.
    resume: String,
}

impl RunWriter {
    /// Whether a run folder can be made in `out`, so that it is known before anything costs time. Makes nothing that stays.
    pub fn check(out: &Path) -> Result<(), ResultsError> {
        let exists = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
        let place = out.ancestors().find(exists).filter(|place| *place != Path::new("")).unwrap_or(Path::new("."));
        if !place.is_dir() {
            return Err(ResultsError::NotAFolder { path: place.to_owned() });
        }
        let probe = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(place);
        let written = probe.and_then(|mut file| {
            file.write_all(&[b'\n'; 64 << 10])?;
            file.as_file().sync_data()
        });
        written.map_err(ResultsError::io("write in the folder", out))
    }

    /// Makes the folder `out/run.run`. If there is one of that name, a number is appended: nothing is overwritten.
    pub fn create(out: &Path, run: &mut RunFile) -> Result<Self, ResultsError> {
        let folder = make_new_folder(out, &mut run.run)?;
        let path = folder.join(SAMPLES_FILE);
        let file = File::options().append(true).create_new(true).open(&path);
        let samples = file.map_err(ResultsError::io("create", &path))?;
        lock(&samples, &folder)?;
        let resume = resume_command(&folder);
        let writer = Self { folder, samples, samples_bytes: 0, resume };
        writer.write_run(run)?;
        // The folder's own name in its parent.
        paths::sync_folder(out).map_err(ResultsError::io("write", out))?;
        Ok(writer)
    }

    /// Opens the folder of a run that goes on, with what is in it. A half-written line at the end is taken away.
    pub fn reopen(folder: &Path) -> Result<(Self, Run), ResultsError> {
        let path = folder.join(SAMPLES_FILE);
        // First of all whether it is a run: nothing is made or changed in other folders.
        Run::read(folder)?;
        let samples = File::options().append(true).open(&path).map_err(ResultsError::io("open", &path))?;
        lock(&samples, folder)?;
        // Read again: another process may have written until the lock was had.
        let run = Run::read(folder)?;
        let resume = resume_command(folder);
        let mut writer = Self { folder: folder.to_owned(), samples, samples_bytes: 0, resume };
        if run.file.status != Status::Complete {
            writer.repair(&run, &path)?;
        }
        Ok((writer, run))
    }

    /// Cuts off what is not a whole line, and removes files that a killed process did not finish.
    fn repair(&mut self, run: &Run, path: &Path) -> Result<(), ResultsError> {
        let text = std::fs::read(path).map_err(ResultsError::io("read", path))?;
        let whole = super::reader::whole_lines(&text);
        if let Some(sample) = run.samples.first() {
            let header = line_end(&text);
            if to_line(sample, true, path)?.get(..header) != Some(&text[..header]) {
                return Err(ResultsError::OtherColumns { path: path.to_owned() });
            }
            self.samples_bytes = whole.len() as u64;
        }
        self.samples.set_len(self.samples_bytes).map_err(ResultsError::io("write", path))?;
        self.samples.sync_data().map_err(ResultsError::io("write", path))?;
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                // A file too many does no harm.
                drop(std::fs::remove_file(entry.path()));
            }
        }
        Ok(())
    }

    /// As a side of the A/B in that folder, which goes on in another way.
    pub(super) fn in_ab(mut self, ab: &Path) -> Self {
        self.resume = format!("dsbench ab --resume {}", ab.display());
        self
    }

    /// Where the run is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a sample, and returns once the disk has it.
    pub fn append(&mut self, sample: &SampleRow) -> Result<(), ResultsError> {
        let path = self.folder.join(SAMPLES_FILE);
        let line = to_line(sample, self.samples_bytes == 0, &path)?;
        let written = self.samples.write_all(&line).and_then(|()| self.samples.sync_data());
        if let Err(error) = written {
            // What is left of the line would spoil the next one.
            drop(self.samples.set_len(self.samples_bytes));
            return Err(ResultsError::sample(path, &self.resume, &error));
        }
        self.samples_bytes += line.len() as u64;
        Ok(())
    }

    /// Replaces `run.json` as a whole.
    pub fn write_run(&self, run: &RunFile) -> Result<(), ResultsError> {
        write_json(&self.folder.join(RUN_FILE), run)
    }
}

/// Replaces a file as a whole.
pub(super) fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), ResultsError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(ResultsError::io("write", path))?;
    text.push(b'\n');
    paths::write_atomically(path, &text).map_err(ResultsError::io("write", path))
}

/// Makes the folder `out/name`. If there is one of that name, a number is appended.
pub(super) fn make_new_folder(out: &Path, name: &mut String) -> Result<PathBuf, ResultsError> {
    make_folder(out)?;
    let base = name.clone();
    let mut number = 1;
    loop {
        let folder = out.join(&*name);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                number += 1;
                *name = format!("{base}-{number}");
            }
            Err(error) => return Err(ResultsError::io("make the folder", folder)(error)),
        }
    }
}

fn resume_command(folder: &Path) -> String {
    format!("dsbench run --resume {}", folder.display())
}

fn make_folder(out: &Path) -> Result<(), ResultsError> {
    if out.exists() && !out.is_dir() {
        return Err(ResultsError::NotAFolder { path: out.to_owned() });
    }
    std::fs::create_dir_all(out).map_err(ResultsError::io("make the folder", out))
}

/// Held as long as the file is open; the system lets go of it even if the process is killed.
///
/// A process that is being started has the open files of the one that starts it, locks among them, until its program is loaded: a
/// lock that was let go of a moment ago may still be there for another one. So it is tried for a while.
fn lock(samples: &File, folder: &Path) -> Result<(), ResultsError> {
    let mut tries_left = LOCK_TRIES;
    let locked = loop {
        tries_left -= 1;
        match samples.try_lock() {
            Err(TryLockError::WouldBlock) if tries_left > 0 => std::thread::sleep(LOCK_PAUSE),
            locked => break locked,
        }
    };
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(ResultsError::Locked { path: folder.to_owned() }),
        // Some network file systems have no locks; the folder's name is still this run's alone.
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(ResultsError::io("lock", folder.join(SAMPLES_FILE))(error)),
    }
}

fn to_line(sample: &SampleRow, with_header: bool, path: &Path) -> Result<Vec<u8>, ResultsError> {
    let mut line = Vec::new();
    let mut writer = csv::WriterBuilder::new().has_headers(with_header).from_writer(&mut line);
    writer.serialize(sample).map_err(ResultsError::io("write", path))?;
    writer.flush().map_err(ResultsError::io("write", path))?;
    drop(writer);
    Ok(line)
}

/// The length of the first line, its end included.
fn line_end(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::test_support::{run_file, sample_rows};

    /// A run that was killed with this text in its file of samples.
    fn killed(samples: &str) -> (tempfile::TempDir, PathBuf) {
        let out = tempfile::tempdir().expect("a folder");
        let mut file = run_file();
        file.status = Status::Running;
        let writer = RunWriter::create(out.path(), &mut file).expect("a new folder");
        let folder = writer.folder().to_owned();
        drop(writer);
        std::fs::write(folder.join(SAMPLES_FILE), samples).expect("written");
        (out, folder)
    }

    fn whole() -> String {
        let path = Path::new("x");
        let [first, second] = sample_rows().try_into().expect("two samples");
        let lines = [to_line(&first, true, path).expect("a line"), to_line(&second, false, path).expect("a line")];
        String::from_utf8(lines.concat()).expect("text")
    }

    #[test]
    fn wherever_a_kill_cuts_the_file_the_whole_lines_stay() {
        let whole = whole();
        let ends: Vec<usize> = {
            let first = whole.find('\n').expect("a header") + 1;
            let second = first + whole[first..].find('\n').expect("a line") + 1;
            vec![second, whole.len()]
        };
        for cut in 0..=whole.len() {
            let (_out, folder) = killed(&whole[..cut]);
            let (mut writer, run) = RunWriter::reopen(&folder).expect("it can go on");
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(run.samples, sample_rows()[..kept], "cut at {cut}");
            for sample in &sample_rows()[kept..] {
                writer.append(sample).expect("written");
            }
            drop(writer);
            assert_eq!(std::fs::read_to_string(folder.join(SAMPLES_FILE)).expect("there"), whole, "cut at {cut}");
        }
    }

    #[test]
    fn one_writer_at_a_time() {
        let (_out, folder) = killed(&whole());
        let first = RunWriter::reopen(&folder).expect("it can go on");
        let error = RunWriter::reopen(&folder).expect_err("locked").to_string();
        assert!(error.contains("another process is writing"), "{error}");
        drop(first);
        RunWriter::reopen(&folder).expect("the lock is free again");
    }

    #[test]
    fn samples_of_a_program_with_other_columns_are_not_mixed() {
        let text = whole().replace("row_count", "rows_counted");
        let (_out, folder) = killed(&text);
        let error = RunWriter::reopen(&folder).expect_err("refused").to_string();
        assert!(error.contains("other columns"), "{error}");
        assert_eq!(std::fs::read_to_string(folder.join(SAMPLES_FILE)).expect("there"), text);
    }

    #[test]
    fn leftovers_of_a_killed_writer_are_removed() {
        let (_out, folder) = killed(&whole());
        std::fs::write(folder.join(".tmpAbC"), "half").expect("written");
        RunWriter::reopen(&folder).expect("it can go on");
        assert!(!folder.join(".tmpAbC").exists());
    }

    #[test]
    fn folders_that_cannot_hold_a_run_are_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = RunWriter::check(file.path()).expect_err("a file").to_string();
        assert!(error.contains("is not a folder") && error.contains("--out"), "{error}");
        let nowhere = Path::new("/proc/dsbench");
        let error = RunWriter::check(nowhere).expect_err("no file system to write to").to_string();
        assert!(error.contains("/proc/dsbench") && error.contains("--out"), "{error}");
    }
}

//! From a text in SQL to files: which texts are paths, which path is meant, which files are there.
//!
//! ```text
//! 'data/x.csv'      one file
//! 'data/'           all files below a folder, but for hidden ones (_SUCCESS, .crc) and those of no known format
//! 'data/*.parquet'  what the pattern matches; `*` does not cross folders, `**` does
//! 'file:///data/x'  the same as the path
//! ```
//!
//! Other URLs are in [`super::remote`].
//!
//! The listing is made anew for each statement, so that files that were just written are seen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use url::Url;

use super::error::FileError;

/// How patterns match: `*` does not cross folders, and hidden files are named.
pub(super) const PATTERNS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Folders deeper than this are links that go in a circle.
const DEEPEST: usize = 64;

/// How a file's rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    Csv,
    Tsv,
    Json,
    Parquet,
}

impl Format {
    /// The name that the engine has for it.
    pub(super) fn engine_name(self) -> &'static str {
        match self {
            Self::Csv | Self::Tsv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// The name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Json => "JSON",
            Self::Parquet => "Parquet",
        }
    }

    fn of_ending(ending: &str) -> Option<Self> {
        Some(match ending.to_ascii_lowercase().as_str() {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "json" | "ndjson" | "jsonl" => Self::Json,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Csv => ".csv",
            Self::Tsv => ".tsv",
            Self::Json => ".json",
            Self::Parquet => ".parquet",
        }
    }
}

/// The files that a text in FROM stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// The text as its user wrote it.
    pub(super) text: String,
    /// The folder, if one was named; its URL ends with a slash.
    pub(super) folder: Option<Url>,
    /// In the order of their names; at least one.
    pub(super) files: Vec<Url>,
    /// The one format of all files.
    pub(super) format: Format,
}

/// Whether a table's name can only be meant as a path. Names of tables never are: they are looked up first.
pub(in crate::engine) fn is_path(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    let known = ending.is_some_and(|ending| Format::of_ending(ending).is_some() || is_compressed(ending));
    name.contains('/') || name.contains(['*', '?', '[']) || known
}

fn is_compressed(ending: &str) -> bool {
    ["gz", "gzip", "bz2", "xz", "zst", "zstd", "lz4", "zip"].contains(&ending.to_ascii_lowercase().as_str())
}

/// The path that a text without another machine's URL means: `file://` URLs and `~/` are resolved.
pub(in crate::engine) fn local_path(text: &str) -> Result<String, FileError> {
    if text.contains("://") {
        let wrong = || FileError::Url { url: text.to_owned() };
        let path = Url::parse(text).map_err(|_| wrong())?.to_file_path().map_err(|()| wrong())?;
        return path.into_os_string().into_string().map_err(|_| wrong());
    }
    Ok(match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => text.to_owned(),
    })
}

/// Whether a compressed text file is meant.
pub(in crate::engine) fn names_compressed(path: &str) -> bool {
    Path::new(path).extension().and_then(|ending| ending.to_str()).is_some_and(is_compressed)
}

impl Listing {
    /// Finds the files; touches the names alone, not the content.
    pub(super) fn of(text: &str) -> Result<Self, FileError> {
        let path = local_path(text)?;
        let found = std::fs::metadata(&path);
        if let Ok(found) = found {
            return if found.is_dir() { Self::of_folder(text, &path) } else { Self::of_file(text, &path) };
        }
        if path.contains(['*', '?', '[']) {
            return Self::of_pattern(text, &path);
        }
        match std::fs::metadata(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error(Path::new(&path), &error)),
            _ => Err(FileError::Missing { path: text.to_owned(), place: place_of(&path) }),
        }
    }

    fn of_file(text: &str, path: &str) -> Result<Self, FileError> {
        let (format, path) = one_file(text, absolute(Path::new(path))?)?;
        Ok(Self { text: text.to_owned(), folder: None, files: vec![file_url(&path)?], format })
    }

    fn of_folder(text: &str, path: &str) -> Result<Self, FileError> {
        let folder = absolute(Path::new(path))?;
        let mut files = Vec::new();
        walk(&folder, 0, &mut files)?;
        let pattern = |format: Format| format!("{}/*{}", text.trim_end_matches('/'), format.ending());
        let (files, format) = of_one_format(text, files, pattern)?;
        let folder = Url::from_directory_path(&folder).map_err(|()| no_path(&folder))?;
        Ok(Self { text: text.to_owned(), folder: Some(folder), files: file_urls(&files)?, format })
    }

    fn of_pattern(text: &str, path: &str) -> Result<Self, FileError> {
        let wrong = |message: String| FileError::Pattern { pattern: text.to_owned(), message };
        let matches = glob::glob_with(path, PATTERNS).map_err(|error| wrong(error.to_string()))?;
        let mut files = Vec::new();
        for found in matches {
            let found = found.map_err(|error| io_error(error.path(), error.error()))?;
            if found.is_file() {
                files.push(absolute(&found)?);
            }
        }
        if files.is_empty() {
            return Err(FileError::NoMatch { pattern: text.to_owned(), place: place_of(path) });
        }
        let pattern = |format: Format| format!("{text}{}", format.ending());
        let (files, format) = of_one_format(text, files, pattern)?;
        Ok(Self { text: text.to_owned(), folder: None, files: file_urls(&files)?, format })
    }
}

/// Where a relative path begins, for messages.
fn place_of(path: &str) -> String {
    match std::env::current_dir() {
        Ok(folder) if Path::new(path).is_relative() => format!(" (in {})", folder.display()),
        _ => String::new(),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    std::path::absolute(path).map_err(|error| io_error(path, &error))
}

fn io_error(path: &Path, error: &std::io::Error) -> FileError {
    FileError::Io { path: path.display().to_string(), message: error.to_string() }
}

fn no_path(path: &Path) -> FileError {
    FileError::Url { url: path.display().to_string() }
}

/// The URL of a file of this machine.
pub(super) fn file_url(path: &Path) -> Result<Url, FileError> {
    Url::from_file_path(path).map_err(|()| no_path(path))
}

fn file_urls(paths: &[PathBuf]) -> Result<Vec<Url>, FileError> {
    paths.iter().map(|path| file_url(path)).collect()
}

/// What messages call a file: its path on this machine, or its URL.
pub(super) fn shown(file: &Url) -> String {
    file.to_file_path().map_or_else(|()| file.to_string(), |path| path.display().to_string())
}

/// The format of a file that was named itself.
pub(super) fn one_file(text: &str, path: PathBuf) -> Result<(Format, PathBuf), FileError> {
    if names_compressed(&path.to_string_lossy()) {
        return Err(FileError::Compressed { path: text.to_owned() });
    }
    let format = format_of(&path).ok_or_else(|| FileError::Ending { path: text.to_owned() })?;
    Ok((format, path))
}

/// Whether a file or folder of this name is left out where it was not named itself. `_x=1` is a partition's folder.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

fn format_of(path: &Path) -> Option<Format> {
    path.extension().and_then(|ending| ending.to_str()).and_then(Format::of_ending)
}

/// All files below a folder but hidden ones.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    if depth > DEEPEST {
        return Err(io_error(folder, &std::io::Error::other("folders are nested too deep")));
    }
    for entry in std::fs::read_dir(folder).map_err(|error| io_error(folder, &error))? {
        let path = entry.map_err(|error| io_error(folder, &error))?.path();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if is_hidden(&name) {
            continue;
        }
        match std::fs::metadata(&path).map_err(|error| io_error(&path, &error))?.is_dir() {
            true => walk(&path, depth + 1, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// Those files whose ending tells a format, which must be the same for all.
pub(super) fn of_one_format(
    text: &str,
    files: Vec<PathBuf>,
    pattern: impl Fn(Format) -> String,
) -> Result<(Vec<PathBuf>, Format), FileError> {
    let any_compressed = files.iter().any(|file| names_compressed(&file.to_string_lossy()));
    let mut known: Vec<_> = files.into_iter().filter_map(|file| Some((format_of(&file)?, file))).collect();
    known.sort_by(|a, b| a.1.cmp(&b.1));
    let formats: BTreeSet<Format> = known.iter().map(|(format, _)| *format).collect();
    let mut formats_found = formats.iter();
    match (formats_found.next(), formats_found.next()) {
        (Some(format), None) => Ok((known.into_iter().map(|(_, file)| file).collect(), *format)),
        (None, _) => {
            let compressed = if any_compressed { "; compressed files must be decompressed first" } else { "" };
            Err(FileError::NoData { path: text.to_owned(), compressed: compressed.to_owned() })
        }
        (Some(_), Some(_)) => {
            let names = formats.iter().map(|format| format.ending()).collect::<Vec<_>>().join(", ");
            let most = formats.iter().max_by_key(|format| known.iter().filter(|(f, _)| f == *format).count());
            let most = most.copied().unwrap_or(Format::Parquet);
            Err(FileError::Mixed { path: text.to_owned(), formats: names, pattern: pattern(most) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_look_like_paths() {
        for name in ["x.csv", "X.PARQUET", "a/b", "*.json", "x.csv.gz", "~/x", "s3://b/x", "data/"] {
            assert!(is_path(name), "{name}");
        }
        for name in ["store_sales", "Stores", "public.stores", "x.dat", "my table", ""] {
            assert!(!is_path(name), "{name}");
        }
        assert!(super::super::error::ENDINGS.contains(Format::Json.ending()));
    }

    #[track_caller]
    fn check_path(text: &str, expected: Result<&str, &str>) {
        let found = local_path(text).map_err(|error| error.to_string());
        match expected {
            Ok(path) => assert_eq!(found.as_deref(), Ok(path)),
            Err(part) => assert!(found.as_ref().is_err_and(|error| error.contains(part)), "{found:?}"),
        }
    }

    #[test]
    fn paths_and_urls() {
        check_path("data/x.csv", Ok("data/x.csv"));
        check_path("file:///data/x%20y.csv", Ok("/data/x y.csv"));
        check_path("FILE:///data/x.csv", Ok("/data/x.csv"));
        check_path("file://host/x.csv", Err("is no file of this machine"));
        let home = std::env::home_dir().expect("a home folder");
        check_path("~/x.csv", Ok(home.join("x.csv").to_str().expect("UTF-8")));
    }

    /// Makes a folder of empty files and lists `text` in it; `expected` has the names found, or part of the error.
    #[track_caller]
    fn check(files: &[&str], text: &str, expected: Result<&[&str], &str>) {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        let text = format!("{}/{text}", folder.path().display());
        let found = Listing::of(&text);
        match (found, expected) {
            (Ok(listing), Ok(names)) => {
                let inside = |file: &Url| {
                    let path = file.to_file_path().expect("a path");
                    path.strip_prefix(folder.path()).expect("inside").display().to_string()
                };
                let found: Vec<_> = listing.files.iter().map(inside).collect();
                assert_eq!(found, names);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn one_file() {
        check(&["x.csv"], "x.csv", Ok(&["x.csv"]));
        check(&["x.csv"], "y.csv", Err("there is no file or folder"));
        check(&["x.csv.gz"], "x.csv.gz", Err("is compressed"));
        check(&["x.dat"], "x.dat", Err("tells no format"));
        check(&["x"], "x", Err("tells no format"));
    }

    #[test]
    fn a_folder_without_its_hidden_files() {
        check(
            &["b.parquet", "a.parquet", "_SUCCESS", ".a.parquet.crc", "_tmp/c.parquet", "readme.txt", "d/e.parquet"],
            "",
            Ok(&["a.parquet", "b.parquet", "d/e.parquet"]),
        );
        check(&["_y=1/a.csv"], "", Ok(&["_y=1/a.csv"]));
        check(&["readme.txt"], "", Err("holds no file to read"));
        check(&["a.csv.gz"], "", Err("compressed files must be decompressed first"));
        check(&["manifest.json", "a.parquet", "b.parquet"], "", Err("/*.parquet'"));
    }

    #[test]
    fn a_pattern() {
        let files = ["a.csv", "b.csv", "b.parquet", "d/c.csv", "d/e/f.csv"];
        check(&files, "*.csv", Ok(&["a.csv", "b.csv"]));
        check(&files, "[b-z].csv", Ok(&["b.csv"]));
        check(&files, "*/*.csv", Ok(&["d/c.csv"]));
        check(&files, "**/*.csv", Ok(&["a.csv", "b.csv", "d/c.csv", "d/e/f.csv"]));
        check(&files, "b.*", Err("several formats (.csv, .parquet)"));
        check(&files, "x*.csv", Err("no file matches"));
        check(&files, "a***.csv", Err("is no pattern of files"));
    }

    #[test]
    fn a_name_with_a_star_is_that_file() {
        check(&["a*.csv", "ab.csv"], "a*.csv", Ok(&["a*.csv"]));
    }
}

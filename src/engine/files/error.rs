//! Why a file named in SQL cannot be read or written; every message names it and says what to do.

use thiserror::Error;

/// The endings that tell a file's format, for messages.
pub(super) const ENDINGS: &str = ".csv, .tsv, .json, .ndjson, .jsonl or .parquet";

/// A file that is named in FROM, COPY or CREATE EXTERNAL TABLE and cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum FileError {
    /// A URL of a store that this build does not reach.
    #[error("`{url}` cannot be reached: of URLs, file://, http://, https:// and s3:// are read, and not {scheme}://")]
    Scheme {
        /// The URL as given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// A URL of another machine that names nothing.
    #[error("`{url}` cannot be read: {message}")]
    RemoteUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// Another machine does not answer, or refuses.
    #[error("`{url}` cannot be reached: {message}{hint}")]
    Remote {
        /// The URL as given.
        url: String,
        /// The client's message.
        message: String,
        /// What may help.
        hint: String,
    },
    /// A file that is fetched whole finds no place.
    #[error(
        "`{url}` must be fetched whole, but cannot be kept in {folder}: {message}; --spill-dir names another folder"
    )]
    Fetch {
        /// The URL.
        url: String,
        /// Where it was to be kept.
        folder: String,
        /// The system's message.
        message: String,
    },
    /// `COPY … TO` a web server.
    #[error("`{url}` cannot be written to: web servers are only read; COPY writes to folders and to s3://")]
    TargetWeb {
        /// The URL as given.
        url: String,
    },
    /// A `file://` URL that names no path of this machine.
    #[error("`{url}` is no file of this machine: write file:///absolute/path, or the path alone")]
    Url {
        /// The URL as given.
        url: String,
    },
    /// Neither a file nor a folder.
    #[error("there is no file or folder `{path}`{place}")]
    Missing {
        /// The path as given.
        path: String,
        /// Where a relative path was looked for.
        place: String,
    },
    /// A pattern that cannot be read.
    #[error("`{pattern}` is no pattern of files: {message}; `*`, `?`, `[abc]` and `**` stand for parts of a path")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// A pattern that nothing matches.
    #[error("no file matches `{pattern}`{place}")]
    NoMatch {
        /// The pattern as given.
        pattern: String,
        /// Where a relative pattern was looked for.
        place: String,
    },
    /// A folder without data.
    #[error("`{path}` holds no file to read: the ending must be {ENDINGS}{compressed}")]
    NoData {
        /// The folder or pattern.
        path: String,
        /// Whether compressed files are there.
        compressed: String,
    },
    /// An ending that tells no format.
    #[error(
        "the ending of `{path}` tells no format: {ENDINGS} can be read; for other endings use CREATE EXTERNAL TABLE t \
         STORED AS CSV LOCATION '{path}'"
    )]
    Ending {
        /// The file.
        path: String,
    },
    /// A compressed CSV or JSON file.
    #[error(
        "`{path}` is compressed, and this build has no codecs for text files (Parquet's own are there): decompress it, or \
         convert it to Parquet"
    )]
    Compressed {
        /// The file.
        path: String,
    },
    /// Files of several formats.
    #[error("`{path}` holds files of several formats ({formats}): name one kind, as in '{pattern}'")]
    Mixed {
        /// The folder or pattern.
        path: String,
        /// The formats.
        formats: String,
        /// A pattern that names one of them.
        pattern: String,
    },
    /// The files do not agree on the `key=value` folders they are in.
    #[error("the files under `{path}` are not all in folders {keys}: `{file}` is not; name the files with a pattern")]
    Partitions {
        /// The folder.
        path: String,
        /// The keys that the other files have.
        keys: String,
        /// A file without them.
        file: String,
    },
    /// Some of the partition columns are also in the files.
    #[error("`{column}` is a column of the files and a folder `{column}=…` of `{path}`, but not so all of {keys}")]
    PartitionColumn {
        /// The folder.
        path: String,
        /// A column that is in both.
        column: String,
        /// All partition columns.
        keys: String,
    },
    /// The content does not fit the format.
    #[error("`{path}` cannot be read as {format}: {message}{hint}")]
    Unreadable {
        /// The file.
        path: String,
        /// The format that its ending tells.
        format: String,
        /// The reader's message.
        message: String,
        /// What it may be.
        hint: String,
    },
    /// A file without any byte tells no columns.
    #[error("`{path}` is empty: it tells no columns; with columns of your own use CREATE EXTERNAL TABLE t (…)")]
    Empty {
        /// The file or folder.
        path: String,
    },
    /// The system refuses.
    #[error("`{path}` cannot be read: {message}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's message.
        message: String,
    },
    /// Text files read together whose columns are not the same ones in the same order.
    #[error(
        "the columns of `{file}` are {columns}, but those of `{first}` are {wanted}: read them one by one, with UNION ALL"
    )]
    Columns {
        /// The file.
        file: String,
        /// Its columns.
        columns: String,
        /// The first file.
        first: String,
        /// That one's columns.
        wanted: String,
    },
    /// `COPY … TO` a place that nothing can be written to.
    #[error("`{path}` cannot be written to: {message}")]
    TargetPlace {
        /// The target.
        path: String,
        /// The system's message.
        message: String,
    },
    /// `COPY … TO` a folder that holds files.
    #[error(
        "`{path}` holds files already, and what is written would be mixed with them: name a new folder, or empty it"
    )]
    TargetNotEmpty {
        /// The folder.
        path: String,
    },
    /// `COPY … PARTITIONED BY` to a file.
    #[error("`{path}` is a file, but PARTITIONED BY writes a folder: name a folder")]
    TargetIsFile {
        /// The file.
        path: String,
    },
    /// `COPY … TO` something that tells no format.
    #[error(
        "COPY cannot tell the format of `{path}`: end it with .csv, .json or .parquet, or add STORED AS CSV, JSON or PARQUET"
    )]
    TargetFormat {
        /// The target.
        path: String,
    },
    /// `STORED AS` an unknown format.
    #[error("COPY does not write `{format}`: STORED AS takes CSV, JSON or PARQUET")]
    StoredAs {
        /// The format as given.
        format: String,
    },
    /// `PARTITIONED BY` all columns.
    #[error("COPY … PARTITIONED BY ({columns}) leaves no column for the files: partition by fewer columns")]
    OnlyPartitions {
        /// The partition columns.
        columns: String,
    },
}

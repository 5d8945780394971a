//! Why data cannot be used; every message names the file, what is wrong with it and what to do.

use thiserror::Error;

/// A reason not to measure on this data.
#[derive(Debug, Error)]
pub enum DataError {
    /// The URL is of a kind that is not supported.
    #[error("`{url}` cannot be read: {message}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is supported.
        message: String,
    },
    /// The store does not answer.
    #[error("{url} cannot be listed: {message}")]
    List {
        /// The folder.
        url: String,
        /// The store's message.
        message: String,
    },
    /// The folder is not there or holds no table at all.
    #[error("there are no TPC-DS tables under {url}; make them with `dsbench generate --scale {scale} --out {url}`")]
    Empty {
        /// The folder.
        url: String,
        /// The scale that is probably wanted.
        scale: String,
    },
    /// Some tables are there, others are not.
    #[error(
        "{url} lacks {tables}; complete it by running the `dsbench generate` that made it once more, or copy the missing \
         tables there"
    )]
    MissingTables {
        /// The folder.
        url: String,
        /// The missing tables' names.
        tables: String,
    },
    /// A file is no complete Parquet file.
    #[error(
        "{file} is not a complete Parquet file: {message}; it was cut or damaged: delete it and generate or copy it again"
    )]
    BrokenFile {
        /// The file.
        file: String,
        /// The Parquet reader's message.
        message: String,
    },
    /// A file's columns are not those of the table.
    #[error("{file} is not TPC-DS's table {table}: {message}; is it another table, or made by another generator?")]
    WrongSchema {
        /// The file.
        file: String,
        /// The table.
        table: String,
        /// The column and what is wrong with it.
        message: String,
    },
    /// A file lies in a folder that does not say which rows it holds.
    #[error("{file} cannot be read as part of the table {table}: {message}; move it away, or make the table again")]
    WrongPartition {
        /// The file.
        file: String,
        /// The table.
        table: String,
        /// What is wrong with its folder.
        message: String,
    },
    /// The data is of another scale.
    #[error("{url} holds scale {found}, but scale {expected} was asked for; name other data, or leave out --scale")]
    WrongScale {
        /// The folder.
        url: String,
        /// The scale of the data.
        found: String,
        /// The scale that was asked for.
        expected: String,
    },
    /// The manifest cannot be used.
    #[error("{file} cannot be used: {message}")]
    Manifest {
        /// The manifest's place.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// The rows cannot be read to find out which data they are.
    #[error("{table}{url} cannot be read to find out which data it is: {message}")]
    Contents {
        /// The folder.
        url: String,
        /// The table, in words; empty if it is not about one.
        table: String,
        /// What went wrong.
        message: String,
    },
    /// The rows cannot be counted, or their keys not be verified.
    #[error("{table}{url} cannot be analyzed: {message}")]
    Analyze {
        /// The folder.
        url: String,
        /// The table, in words; empty if it is not about one.
        table: String,
        /// What went wrong.
        message: String,
    },
    /// What was found out cannot be kept.
    #[error(
        "{file} cannot be written: {message}; it has its place beside the data: make the folder writable, or copy the data, \
         or look at the numbers only, with --no-write"
    )]
    SaveStatistics {
        /// The file.
        file: String,
        /// The system's answer.
        message: String,
    },
    /// A file is not the one that the manifest speaks of.
    #[error(
        "{file} is not as the manifest says: {message}; delete it and run `dsbench generate` again to make it anew"
    )]
    Changed {
        /// The file.
        file: String,
        /// What differs.
        message: String,
    },
}

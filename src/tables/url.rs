//! Where data is: a URL, or a path that stands for one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use url::Url;

use super::DataError;

/// A folder in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataUrl(Url);

impl DataUrl {
    /// Reads `file:///…` or a path, which may be relative and may begin with `~/`.
    pub fn parse(text: &str) -> Result<Self, DataError> {
        let wrong = |message: &str| DataError::Url { url: text.to_owned(), message: message.to_owned() };
        if let Some((scheme, _)) = text.split_once("://") {
            if scheme != "file" {
                return Err(wrong("only folders (a path or file://…) are supported so far"));
            }
            let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
            let path = url.to_file_path().map_err(|()| wrong("a file:// URL needs an absolute path and no host"))?;
            return Self::from_path(&path);
        }
        let path = match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        };
        Self::from_path(&path)
    }

    /// The URL of a folder on this machine.
    pub fn from_path(path: &Path) -> Result<Self, DataError> {
        let wrong = |message: String| DataError::Url { url: path.display().to_string(), message };
        let absolute = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
        Url::from_directory_path(absolute).map(Self).map_err(|()| wrong("it is not a path".to_owned()))
    }

    /// The store that holds the folder.
    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(LocalFileSystem::new())
    }

    /// The folder inside the store.
    pub(super) fn prefix(&self) -> Result<ObjectPath, DataError> {
        ObjectPath::from_url_path(self.0.path())
            .map_err(|error| DataError::Url { url: self.to_string(), message: error.to_string() })
    }

    /// The URL of an object of the same store.
    pub(super) fn object(&self, path: &ObjectPath) -> Url {
        let mut url = self.0.clone();
        url.set_path(path.as_ref());
        url
    }

    /// The folder on this machine, if it is one.
    pub fn local_path(&self) -> Option<PathBuf> {
        // Through its components, without the slash at the end that a folder's URL has.
        self.0.to_file_path().ok().map(|path| path.components().collect())
    }
}

impl std::fmt::Display for DataUrl {
    /// A local folder is shown as a path, as its user wrote it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.local_path() {
            Some(path) => f.pad(&path.to_string_lossy()),
            None => f.pad(self.0.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let shown = DataUrl::parse(text).map(|url| url.to_string()).map_err(|error| error.to_string());
        assert_eq!(shown.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn paths_and_urls() {
        check("/data/sf1", Ok("/data/sf1"));
        check("/data/sf 1/", Ok("/data/sf 1"));
        check("file:///data/sf1", Ok("/data/sf1"));
        check(
            "s3://bucket/sf1",
            Err("`s3://bucket/sf1` cannot be read: only folders (a path or file://…) are supported so far"),
        );
        check("file://host/x", Err("`file://host/x` cannot be read: a file:// URL needs an absolute path and no host"));
    }
}

//! Files behind URLs: web servers (`http://`, `https://`) and S3 (`s3://`, and what speaks its protocol).
//!
//! ```text
//! 'https://host/x.parquet'   one file; read in parts where the server gives parts, else fetched once, whole
//! 's3://bucket/x.csv'        one file
//! 's3://bucket/folder/'      all files below it, as for a folder of this machine
//! 's3://bucket/*.parquet'    what the pattern matches
//! ```
//!
//! A store is made for each host or bucket at its first use and kept for the session. S3 takes its credentials, region and endpoint
//! from the usual `AWS_*` variables; without credentials requests go out unsigned, which public buckets answer.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use glob::Pattern;
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use tempfile::NamedTempFile;
use url::Url;

use super::error::FileError;
use super::place::{self, Listing};

/// Whoever waits for a typing error in a host's name waits this long at most.
const PATIENCE: Duration = Duration::from_secs(20);
const TRIES_AGAIN: usize = 3;
/// Any of these means that requests are to be signed.
const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
];

/// A place that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Remote {
    /// One file of a web server.
    Web(Url),
    /// An object, a prefix or a pattern in a bucket. The URL is the bucket's.
    Bucket { bucket: Url, key: String },
}

impl Remote {
    /// Reads a text; nothing if it means a path or a `file://` URL.
    pub(in crate::engine) fn parse(text: &str) -> Result<Option<Self>, FileError> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
        let scheme = scheme.to_ascii_lowercase();
        let wrong = |message: &str| FileError::RemoteUrl { url: text.to_owned(), message: message.to_owned() };
        match scheme.as_str() {
            "file" => Ok(None),
            "http" | "https" => {
                let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
                Ok(Some(Self::Web(url)))
            }
            "s3" | "s3a" => {
                // No URL's rules for the key: it may hold `?` and `#`.
                let (name, key) = rest.split_once('/').unwrap_or((rest, ""));
                let bucket = Url::parse(&format!("s3://{name}")).ok().filter(|url| url.host().is_some());
                let bucket = bucket.ok_or_else(|| wrong("write s3://bucket/key"))?;
                Ok(Some(Self::Bucket { bucket, key: key.to_owned() }))
            }
            _ => Err(FileError::Scheme { url: text.to_owned(), scheme }),
        }
    }

    /// Makes the store known to the engine, unless it is; nothing is sent yet.
    pub(in crate::engine) fn connect(&self, runtime: &RuntimeEnv) -> Result<Arc<dyn ObjectStore>, FileError> {
        let base = match self {
            Self::Web(url) => base_of(url),
            Self::Bucket { bucket, .. } => bucket.clone(),
        };
        if let Ok(store) = runtime.object_store_registry.get_store(&base) {
            return Ok(store);
        }
        let failed = |error: object_store::Error| failure(base.as_str(), &error);
        let store: Arc<dyn ObjectStore> = match self {
            Self::Web(_) => Arc::new(web(&base).map_err(failed)?),
            Self::Bucket { .. } => Arc::new(s3(&base).map_err(failed)?),
        };
        runtime.register_object_store(&base, store);
        runtime.object_store_registry.get_store(&base).map_err(|error| FileError::Remote {
            url: base.to_string(),
            message: error.to_string(),
            hint: String::new(),
        })
    }

    /// Finds the files.
    pub(super) async fn list(&self, text: &str, runtime: &RuntimeEnv, fetched: &Fetched) -> Result<Listing, FileError> {
        match self {
            Self::Web(url) => web_file(text, url, self, runtime, fetched).await,
            Self::Bucket { bucket, key } => {
                let store = self.connect(runtime)?;
                objects(text, bucket, key, store.as_ref()).await
            }
        }
    }

    /// Whether something is at the place, or below it.
    pub(in crate::engine) async fn has_objects(&self, runtime: &RuntimeEnv) -> Result<bool, FileError> {
        let Self::Bucket { bucket, key } = self else { return Ok(false) };
        let key = key.trim_end_matches('/');
        let store = self.connect(runtime)?;
        let text = format!("{bucket}/{key}");
        let first = store.list(Some(&object_path(&text, key)?)).try_next().await;
        Ok(first.map_err(|error| failure(&text, &error))?.is_some())
    }
}

fn base_of(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_path("/");
    base.set_query(None);
    base.set_fragment(None);
    base
}

fn retries() -> RetryConfig {
    RetryConfig { max_retries: TRIES_AGAIN, retry_timeout: PATIENCE, ..RetryConfig::default() }
}

fn web(base: &Url) -> object_store::Result<object_store::http::HttpStore> {
    let options = ClientOptions::new().with_allow_http(true);
    HttpBuilder::new().with_url(base.as_str()).with_client_options(options).with_retry(retries()).build()
}

fn s3(bucket: &Url) -> object_store::Result<object_store::aws::AmazonS3> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut builder =
        AmazonS3Builder::from_env().with_bucket_name(bucket.host_str().unwrap_or_default()).with_retry(retries());
    if !CREDENTIALS.into_iter().any(is_set) {
        builder = builder.with_skip_signature(true);
    }
    // Whoever names an endpoint without encryption wants none.
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].map(std::env::var);
    if let Some(endpoint) = endpoint.into_iter().flatten().next() {
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    builder.build()
}

async fn web_file(
    text: &str,
    url: &Url,
    remote: &Remote,
    runtime: &RuntimeEnv,
    fetched: &Fetched,
) -> Result<Listing, FileError> {
    if url.path().contains('*') || url.path().ends_with('/') {
        let message = "web servers list no files: name one".to_owned();
        return Err(FileError::RemoteUrl { url: text.to_owned(), message });
    }
    // The ending is looked for in the URL's path: a query may follow it.
    let (format, _) = place::one_file(text, PathBuf::from(url.path()))?;
    let path = Path::from_url_path(url.path()).map_err(|error| failure(text, &error.into()))?;
    let file = if url.query().is_some() {
        // A store's paths have no query: this file gets a store of its own.
        let mut base = base_of(url);
        base.set_query(url.query());
        let store = web(&base).map_err(|error| failure(text, &error))?;
        fetched.fetch(url, &store, &path).await?
    } else {
        let store = remote.connect(runtime)?;
        let found = store.head(&path).await.map_err(|error| failure(text, &error))?;
        match gives_parts(store.as_ref(), &found).await.map_err(|error| failure(text, &error))? {
            true => url.clone(),
            false => fetched.fetch(url, store.as_ref(), &path).await?,
        }
    };
    Ok(Listing { text: text.to_owned(), folder: None, files: vec![file], format })
}

/// Whether the server sends the bytes that are asked for, and not always the whole file.
async fn gives_parts(store: &dyn ObjectStore, file: &ObjectMeta) -> object_store::Result<bool> {
    if file.size == 0 {
        return Ok(true);
    }
    let range = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
    match store.get_opts(&file.location, range).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotSupported { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn objects(text: &str, bucket: &Url, key: &str, store: &dyn ObjectStore) -> Result<Listing, FileError> {
    let of = |folder, keys: &[PathBuf], format| Listing {
        text: text.to_owned(),
        folder,
        files: keys.iter().map(|key| object_url(bucket, key)).collect(),
        format,
    };
    if is_object(text, key, store).await? {
        let (format, key) = place::one_file(text, PathBuf::from(key))?;
        return Ok(of(None, &[key], format));
    }
    if key.contains(['*', '?', '[']) {
        let keys = matching_keys(text, key, store).await?;
        let (keys, format) = place::of_one_format(text, keys, |format| format!("{text}{}", format.ending()))?;
        return Ok(of(None, &keys, format));
    }
    let folder = key.trim_end_matches('/');
    let keys = keys_below(text, folder, store).await?;
    if keys.is_empty() {
        return Err(FileError::Missing { path: text.to_owned(), place: String::new() });
    }
    let keys = keys.into_iter().filter(|key| !is_hidden(key, folder)).collect();
    let place = text.trim_end_matches('/');
    let (keys, format) = place::of_one_format(text, keys, |format| format!("{place}/*{}", format.ending()))?;
    let mut url = object_url(bucket, FilePath::new(folder));
    url.set_path(&format!("{}/", url.path().trim_end_matches('/')));
    Ok(of(Some(url), &keys, format))
}

/// Whether the key is that of an object, and not of a folder or a pattern.
async fn is_object(text: &str, key: &str, store: &dyn ObjectStore) -> Result<bool, FileError> {
    if key.is_empty() || key.ends_with('/') {
        return Ok(false);
    }
    match store.head(&object_path(text, key)?).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(failure(text, &error)),
    }
}

/// The keys that a pattern matches; at least one.
async fn matching_keys(text: &str, key: &str, store: &dyn ObjectStore) -> Result<Vec<PathBuf>, FileError> {
    let pattern = Pattern::new(key)
        .map_err(|error| FileError::Pattern { pattern: text.to_owned(), message: error.to_string() })?;
    let plain = key.split(['*', '?', '[']).next().unwrap_or_default();
    let folder = plain.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut keys = keys_below(text, folder, store).await?;
    keys.retain(|key| pattern.matches_path_with(key, place::PATTERNS));
    if keys.is_empty() {
        return Err(FileError::NoMatch { pattern: text.to_owned(), place: String::new() });
    }
    Ok(keys)
}

async fn keys_below(text: &str, folder: &str, store: &dyn ObjectStore) -> Result<Vec<PathBuf>, FileError> {
    let found = store.list(Some(&object_path(text, folder)?));
    let keys = found.map_ok(|object| PathBuf::from(object.location.as_ref())).try_collect();
    keys.await.map_err(|error| failure(text, &error))
}

fn object_url(bucket: &Url, key: &FilePath) -> Url {
    let mut url = bucket.clone();
    // What looks like an escape in a key is none.
    url.set_path(&key.to_string_lossy().replace('%', "%25"));
    url
}

/// A key as it is: nothing in it is an escape.
fn object_path(text: &str, key: &str) -> Result<Path, FileError> {
    Path::parse(key).map_err(|error| FileError::RemoteUrl { url: text.to_owned(), message: error.to_string() })
}

/// Whether the key, or a folder between it and the one that was named, is hidden.
fn is_hidden(key: &FilePath, folder: &str) -> bool {
    let inside = key.strip_prefix(folder).unwrap_or(key);
    inside.components().any(|part| place::is_hidden(&part.as_os_str().to_string_lossy()))
}

/// What went wrong, and what to do about it.
fn failure(url: &str, error: &object_store::Error) -> FileError {
    let is_s3 = url.starts_with("s3");
    let hint = match error {
        object_store::Error::NotFound { .. } => {
            return FileError::Missing { path: url.to_owned(), place: String::new() };
        }
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } if is_s3 => {
            "; credentials are taken from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        }
        _ if is_s3 => "; AWS_REGION and AWS_ENDPOINT_URL say where the bucket is",
        _ => "",
    };
    FileError::Remote { url: url.to_owned(), message: innermost(error), hint: hint.to_owned() }
}

/// The last of a chain of causes, which the others only wrap, behind the first line of the whole.
fn innermost(error: &object_store::Error) -> String {
    let whole = error.to_string();
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    if whole.contains(&cause) { whole } else { format!("{whole}: {cause}") }
}

/// Files that were fetched whole, for as long as the session: a view may still read them.
#[derive(Debug)]
pub(super) struct Fetched {
    folder: PathBuf,
    /// By the URL and the state in which the server had the file.
    files: Mutex<HashMap<(Url, String), NamedTempFile>>,
}

impl Fetched {
    /// `folder` is where files are put.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, files: Mutex::default() }
    }

    /// The URL of the copy on this machine, which is made unless the same was fetched before.
    async fn fetch(&self, url: &Url, store: &dyn ObjectStore, path: &Path) -> Result<Url, FileError> {
        let failed = |error: object_store::Error| failure(url.as_str(), &error);
        let answer = store.get(path).await.map_err(failed)?;
        let state = format!("{:?} {:?} {}", answer.meta.e_tag, answer.meta.last_modified, answer.meta.size);
        let key = (url.clone(), state);
        if let Some(file) = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return place::file_url(file.path());
        }
        let not_kept = |error: std::io::Error| FileError::Fetch {
            url: url.to_string(),
            folder: self.folder.display().to_string(),
            message: error.to_string(),
        };
        let mut file = NamedTempFile::with_prefix_in("fetched-", &self.folder).map_err(not_kept)?;
        let mut parts = answer.into_stream();
        while let Some(part) = parts.try_next().await.map_err(failed)? {
            file.write_all(&part).map_err(not_kept)?;
        }
        let place = place::file_url(file.path())?;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(key, file);
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::PutPayload;
    use object_store::memory::InMemory;

    #[test]
    fn urls_of_other_machines() {
        let bucket = |key: &str| Remote::Bucket { bucket: Url::parse("s3://b").expect("a URL"), key: key.to_owned() };
        let web = Remote::Web(Url::parse("https://host:81/x.csv?a=1").expect("a URL"));
        assert_eq!(Remote::parse("data/x.csv"), Ok(None));
        assert_eq!(Remote::parse("file:///x.csv"), Ok(None));
        assert_eq!(Remote::parse("HTTPS://host:81/x.csv?a=1"), Ok(Some(web)));
        assert_eq!(Remote::parse("s3://b/d/x?.csv"), Ok(Some(bucket("d/x?.csv"))));
        assert_eq!(Remote::parse("s3a://b"), Ok(Some(bucket(""))));
        for (text, part) in [
            ("s3:///x.csv", "write s3://bucket/key"),
            ("http://", "empty host"),
            ("gs://b/x.csv", "`gs://b/x.csv` cannot be reached"),
        ] {
            let error = Remote::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    /// Lists `text` in a bucket with empty objects; expects the keys found, or part of the error.
    async fn check(keys: &[&str], key: &str, expected: Result<&[&str], &str>) {
        let store = InMemory::new();
        for key in keys {
            store.put(&Path::parse(key).expect("a key"), PutPayload::new()).await.expect("put");
        }
        let bucket = Url::parse("s3://b").expect("a URL");
        match (objects(&format!("s3://b/{key}"), &bucket, key, &store).await, expected) {
            (Ok(listing), Ok(expected)) => {
                let found: Vec<_> = listing.files.iter().map(|url| url.path().trim_start_matches('/')).collect();
                assert_eq!(found, expected, "{key}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{key}: {found:?}"),
        }
    }

    #[tokio::test]
    async fn objects_folders_and_patterns() {
        let keys =
            ["a.csv", "d/b.csv", "d/e/c.csv", "d/_SUCCESS", "d/.x.csv", "d/_tmp/x.csv", "p/k=1/x.parquet", "z.gz"];
        check(&keys, "a.csv", Ok(&["a.csv"])).await;
        check(&keys, "d/", Ok(&["d/b.csv", "d/e/c.csv"])).await;
        check(&keys, "d", Ok(&["d/b.csv", "d/e/c.csv"])).await;
        check(&keys, "d/*.csv", Ok(&["d/b.csv"])).await;
        check(&keys, "**/*.csv", Ok(&["a.csv", "d/_tmp/x.csv", "d/b.csv", "d/e/c.csv"])).await;
        check(&keys, "p/", Ok(&["p/k=1/x.parquet"])).await;
        check(&keys, "", Err("several formats")).await;
        check(&keys, "nothing.csv", Err("there is no file or folder `s3://b/nothing.csv`")).await;
        check(&keys, "d/x*.csv", Err("no file matches")).await;
        check(&keys, "d/***.csv", Err("is no pattern")).await;
        check(&keys, "z.gz", Err("is compressed")).await;
        check(&keys, "d//b.csv", Err("`s3://b/d//b.csv` cannot be read: ")).await;
        let odd = ["d/s=a%2Fb/x y?.csv"];
        check(&odd, odd[0], Ok(&["d/s=a%252Fb/x%20y%3F.csv"])).await;
        check(&odd, "d/", Ok(&["d/s=a%252Fb/x%20y%3F.csv"])).await;
    }

    #[tokio::test]
    async fn what_was_fetched_is_kept_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let fetched = Fetched::new(folder.path().to_owned());
        let (store, path) = (InMemory::new(), Path::from("x.csv"));
        let url = Url::parse("https://host/x.csv?key=1").expect("a URL");
        let read = |place: &Url| std::fs::read_to_string(place.to_file_path().expect("a file")).expect("there");
        store.put(&path, PutPayload::from_static(b"a\n1\n")).await.expect("put");
        let first = fetched.fetch(&url, &store, &path).await.expect("fetched");
        assert_eq!(fetched.fetch(&url, &store, &path).await, Ok(first.clone()));
        store.put(&path, PutPayload::from_static(b"a\n22\n")).await.expect("put");
        let second = fetched.fetch(&url, &store, &path).await.expect("fetched");
        assert_eq!((read(&first).as_str(), read(&second).as_str()), ("a\n1\n", "a\n22\n"));
        let error = fetched.fetch(&url, &store, &Path::from("y.csv")).await.expect_err("missing");
        assert!(error.to_string().contains("there is no file"), "{error}");
        drop(fetched);
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 0);
    }
}

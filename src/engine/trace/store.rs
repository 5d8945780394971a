//! Counting what is read from object stores.
//!
//! DataFusion's own `bytes_scanned` knows of column chunks and Bloom filters, but not of footers, page indexes, CSV or JSON
//! files. Every read goes through an object store, so that is where bytes are counted: each store that is registered with
//! an engine is wrapped, and all of them count into the same two numbers. The counts are those of requests that were answered.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::error::Result as EngineResult;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use url::Url;

/// How much was read.
#[derive(Debug, Default)]
pub(super) struct ReadCounters {
    bytes: AtomicU64,
    requests: AtomicU64,
}

impl ReadCounters {
    /// Bytes and requests so far.
    pub(super) fn now(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.requests.load(Ordering::Relaxed))
    }

    fn add(&self, bytes: u64, requests: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.requests.fetch_add(requests, Ordering::Relaxed);
    }
}

/// Knows the stores of an engine, and has all of them count.
#[derive(Debug)]
pub(super) struct CountingRegistry {
    stores: DefaultObjectStoreRegistry,
    counters: Arc<ReadCounters>,
}

impl CountingRegistry {
    pub(super) fn new(counters: Arc<ReadCounters>) -> Self {
        let registry = Self { stores: DefaultObjectStoreRegistry::new(), counters };
        let local = Url::parse("file:///").expect("this is a URL");
        if let Ok(store) = registry.stores.get_store(&local) {
            registry.register_store(&local, store);
        }
        registry
    }
}

impl ObjectStoreRegistry for CountingRegistry {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.stores.register_store(url, Arc::new(CountingStore { store, counters: Arc::clone(&self.counters) }))
    }

    fn deregister_store(&self, url: &Url) -> EngineResult<Arc<dyn ObjectStore>> {
        self.stores.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> EngineResult<Arc<dyn ObjectStore>> {
        self.stores.get_store(url)
    }
}

/// A store that counts what is read from it.
#[derive(Debug)]
struct CountingStore {
    store: Arc<dyn ObjectStore>,
    counters: Arc<ReadCounters>,
}

impl fmt::Display for CountingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let mut result = self.store.get_opts(location, options).await?;
        self.counters.add(0, 1);
        if head {
            return Ok(result);
        }
        result.payload = match result.payload {
            // Who gets a file reads its range.
            file @ GetResultPayload::File(..) => {
                self.counters.add(result.range.end - result.range.start, 0);
                file
            }
            GetResultPayload::Stream(stream) => {
                let counters = Arc::clone(&self.counters);
                GetResultPayload::Stream(stream.inspect_ok(move |bytes| counters.add(bytes.len() as u64, 0)).boxed())
            }
        };
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let parts = self.store.get_ranges(location, ranges).await?;
        self.counters.add(parts.iter().map(|part| part.len() as u64).sum(), ranges.len() as u64);
        Ok(parts)
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    #[track_caller]
    fn check(counters: &ReadCounters, before: (u64, u64), expected: (u64, u64)) {
        let now = counters.now();
        assert_eq!((now.0 - before.0, now.1 - before.1), expected);
    }

    #[tokio::test]
    async fn what_is_read_is_counted_and_nothing_else() {
        let counters = Arc::new(ReadCounters::default());
        let registry = CountingRegistry::new(Arc::clone(&counters));
        let memory = Url::parse("memory://data").expect("a URL");
        assert!(registry.register_store(&memory, Arc::new(InMemory::new())).is_none());
        let store = registry.get_store(&memory).expect("just registered");
        let path = Path::from("a");
        store.put(&path, PutPayload::from(vec![7_u8; 1000])).await.expect("written");
        check(&counters, (0, 0), (0, 0));
        store.head(&path).await.expect("there");
        check(&counters, (0, 0), (0, 1));
        let before = counters.now();
        store.get_range(&path, 10..30).await.expect("read");
        check(&counters, before, (20, 1));
        let before = counters.now();
        store.get_ranges(&path, &[0..5, 900..1000]).await.expect("read");
        check(&counters, before, (105, 2));
        let before = counters.now();
        store.get(&path).await.expect("opened").bytes().await.expect("read");
        check(&counters, before, (1000, 1));
        let before = counters.now();
        store.get(&Path::from("missing")).await.expect_err("not there");
        check(&counters, before, (0, 0));
    }

    #[tokio::test]
    async fn local_files_are_counted_without_being_registered() {
        let counters = Arc::new(ReadCounters::default());
        let registry = CountingRegistry::new(Arc::clone(&counters));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        std::fs::write(&file, [0_u8; 300]).expect("written");
        let url = Url::from_file_path(&file).expect("absolute");
        let store = registry.get_store(&url).expect("local files");
        let path = Path::from_url_path(url.path()).expect("a path");
        store.get(&path).await.expect("opened").bytes().await.expect("read");
        store.get_ranges(&path, &[0..10, 20..25]).await.expect("read");
        check(&counters, (0, 0), (315, 3));
        assert!(registry.get_store(&Url::parse("nowhere://x").expect("a URL")).is_err());
    }
}

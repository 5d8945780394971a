//! What the engine as a whole read and reserved between two moments.

use std::sync::Arc;

use datafusion::execution::memory_pool::{MemoryPool, PeakRecordingPool};
use datafusion::execution::object_store::ObjectStoreRegistry;

use super::store::{CountingRegistry, ReadCounters};

/// Counts for one engine: its object stores and its memory pool go through here.
#[derive(Debug)]
pub(in crate::engine) struct Meter {
    reads: Arc<ReadCounters>,
    pool: Arc<PeakRecordingPool>,
}

impl Meter {
    /// Puts a meter around a pool; the pool's limit, messages and name stay as they are.
    pub(in crate::engine) fn new(pool: Arc<dyn MemoryPool>) -> Self {
        Self { reads: Arc::default(), pool: Arc::new(PeakRecordingPool::new(pool)) }
    }

    /// The pool that the engine must use.
    pub(in crate::engine) fn pool(&self) -> Arc<dyn MemoryPool> {
        Arc::clone(&self.pool) as _
    }

    /// The object stores that the engine must use.
    pub(in crate::engine) fn object_stores(&self) -> Arc<dyn ObjectStoreRegistry> {
        Arc::new(CountingRegistry::new(Arc::clone(&self.reads)))
    }

    /// Begins to measure.
    pub(in crate::engine) fn start(self: &Arc<Self>) -> Span {
        self.pool.reset_peak();
        let (bytes, requests) = self.reads.now();
        Span { meter: Arc::clone(self), bytes, requests }
    }
}

/// A stretch of time that is being measured. There should be one at a time: beginning one begins the memory pool's peak anew.
#[derive(Debug)]
pub struct Span {
    meter: Arc<Meter>,
    bytes: u64,
    requests: u64,
}

impl Span {
    /// What happened since it began.
    pub fn finish(self) -> SpanUsage {
        let (bytes, requests) = self.meter.reads.now();
        SpanUsage {
            bytes_read: bytes - self.bytes,
            read_requests: requests - self.requests,
            peak_pool_bytes: self.meter.pool.peak_reserved() as u64,
        }
    }
}

/// What the engine read and reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanUsage {
    /// Bytes that object stores gave: data, footers, indexes, whatever was asked for.
    pub bytes_read: u64,
    /// Byte ranges that were asked for. A store may fetch neighbouring ones together.
    pub read_requests: u64,
    /// The most that operators had reserved at once.
    pub peak_pool_bytes: u64,
}

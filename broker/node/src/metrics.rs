//! What the node counts, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering};

use kt_protocol::ApiKey;
use kt_protocol::types::TopicPartition;

/// More than there are API keys.
const APIS_MAX: usize = 128;

/// Counters that only grow.
pub(crate) struct Counters {
    requests: [AtomicU64; APIS_MAX],
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) batches_in: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            requests: [const { AtomicU64::new(0) }; APIS_MAX],
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            batches_in: AtomicU64::new(0),
        }
    }

    /// Counts a request.
    pub(crate) fn request(&self, key: ApiKey) {
        if let Some(counter) = self.requests.get(key as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an appended batch.
    pub(crate) fn appended(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        self.batches_in.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts fetched bytes.
    pub(crate) fn fetched(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> Vec<(ApiKey, u64)> {
        let count = |key: ApiKey| {
            let count = self.requests.get(key as usize)?.load(Ordering::Relaxed);
            (0 < count).then_some((key, count))
        };
        ApiKey::all().filter_map(count).collect()
    }
}

/// One partition's share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetrics {
    /// Which.
    pub partition: TopicPartition,
    /// Records that are appended and not yet counted as kept: not flushed, in flush mode.
    pub unflushed_records: i64,
    /// Records that are appended and not yet committed.
    pub uncommitted_records: i64,
    /// The offset that the next record gets.
    pub log_end_offset: i64,
    /// The first offset.
    pub log_start_offset: i64,
}

/// What the node counts, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeMetrics {
    /// Requests by API, those that were ever sent.
    pub requests: Vec<(&'static str, u64)>,
    /// Bytes of appended batches.
    pub bytes_in: u64,
    /// Bytes of record batches given to fetches.
    pub bytes_out: u64,
    /// Appended batches.
    pub batches_in: u64,
    /// The partitions of this broker.
    pub partitions: Vec<PartitionMetrics>,
    /// Partitions that are not served, because their log is being opened.
    pub partitions_opening: usize,
    /// Partitions that are not served, because their storage is lost or damaged.
    pub partitions_offline: usize,
    /// Log directories that are lost.
    pub offline_log_directories: usize,
    /// Requests that wait for an offset.
    pub purgatory_size: usize,
    /// Fetch sessions that are kept.
    pub fetch_sessions: usize,
    /// The newest committed offset of the metadata log.
    pub metadata_high_watermark: i64,
    /// Whether this broker is registered and serves requests.
    pub is_ready: bool,
}

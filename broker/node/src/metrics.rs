//! What the node counts, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering};

use kt_protocol::ApiKey;
use kt_protocol::types::TopicPartition;

use crate::node::Node;
use crate::partition::Service;

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
    /// Records that are appended and not yet on disk, in either durability mode.
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
    /// Partitions that are not served, because their storage is lost or damaged, and why.
    pub partitions_offline: Vec<(TopicPartition, String)>,
    /// Log directories that are lost.
    pub offline_log_directories: usize,
    /// Requests that wait for an offset.
    pub purgatory_size: usize,
    /// Fetch sessions that are kept.
    pub fetch_sessions: usize,
    /// The newest committed offset of the metadata log.
    pub metadata_high_watermark: i64,
}

impl Node {
    /// What the node counts, now. Looks at every partition.
    pub fn metrics(&self) -> NodeMetrics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut metrics = NodeMetrics {
            requests: self
                .counters
                .requests()
                .into_iter()
                .map(|(key, n)| (key.name(), n))
                .collect(),
            bytes_in: count(&self.counters.bytes_in),
            bytes_out: count(&self.counters.bytes_out),
            batches_in: count(&self.counters.batches_in),
            offline_log_directories: self.replicas.lost_directories().count(),
            purgatory_size: self.purgatory.len(),
            fetch_sessions: self.sessions.len(),
            metadata_high_watermark: self.metadata.high_watermark().0,
            ..NodeMetrics::default()
        };
        for partition in self.replicas.served().partitions() {
            let offsets = partition.offsets();
            metrics.partitions.push(PartitionMetrics {
                partition: partition.name().clone(),
                unflushed_records: partition.unflushed_records(),
                uncommitted_records: offsets.log_end - offsets.high_watermark,
                log_end_offset: offsets.log_end.0,
                log_start_offset: offsets.log_start.0,
            });
            match partition.service() {
                Service::Opening => metrics.partitions_opening += 1,
                Service::Offline => {
                    let why = partition.offline_reason().unwrap_or_default();
                    metrics.partitions_offline.push((partition.name().clone(), why));
                }
                Service::Leading | Service::NotLeader | Service::Deleted => {}
            }
        }
        metrics
    }
}

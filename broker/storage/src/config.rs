//! The topic configs that a log obeys, as plain values.

/// The topic configs that a log obeys. Kafka's names and units; `None` is its -1 or unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: how large a segment grows.
    pub segment_bytes: u32,
    /// `segment.ms`: how much time the records of a segment may span.
    pub segment_ms: u64,
    /// `segment.jitter.ms`: up to how much is taken off `segment_ms`, so that not all roll at once.
    pub segment_jitter_ms: u64,
    /// `segment.index.bytes`: how large an index grows, and is preallocated to.
    pub segment_index_bytes: u32,
    /// `preallocate`: take the space of a whole segment when it is begun.
    pub preallocate: bool,
    /// `index.interval.bytes`: after how many bytes of records an index entry is due.
    pub index_interval_bytes: u32,
    /// `cleanup.policy` contains `delete`: retention by time and size applies.
    pub deletes: bool,
    /// `cleanup.policy` contains `compact`.
    pub compacts: bool,
    /// `max.message.bytes`: how large a batch may be that is appended. The cleaner refuses a log
    /// with one that is far larger.
    pub max_message_bytes: u32,
    /// `delete.retention.ms`: for how long the cleaner keeps tombstones and markers whose data is
    /// gone, from the first pass on that met them so.
    pub delete_retention_ms: u64,
    /// `min.compaction.lag.ms`: how old records are at least that the cleaner takes.
    pub min_compaction_lag_ms: u64,
    /// `max.compaction.lag.ms`: how old records get at most before the log is due for cleaning.
    pub max_compaction_lag_ms: Option<u64>,
    /// `retention.ms`: for how long records are kept.
    pub retention_ms: Option<u64>,
    /// `retention.bytes`: how many bytes are kept.
    pub retention_bytes: Option<u64>,
    /// `file.delete.delay.ms`: how long a file out of the log stays for those who read it.
    pub file_delete_delay_ms: u64,
    /// `flush.messages`: after how many records a flush is due.
    pub flush_messages: Option<u64>,
    /// `flush.ms`: after how much time un-flushed records are due.
    pub flush_ms: Option<u64>,
    /// `producer.id.expiration.ms` (of the broker): how long an idle producer is remembered.
    pub producer_id_expiration_ms: u64,
}

impl Default for LogConfig {
    /// The defaults of Apache Kafka 4.3.
    fn default() -> LogConfig {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            preallocate: false,
            index_interval_bytes: 4096,
            deletes: true,
            compacts: false,
            max_message_bytes: (1 << 20) + 12,
            delete_retention_ms: 24 * 3_600_000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: None,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            file_delete_delay_ms: 60_000,
            flush_messages: None,
            flush_ms: None,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}

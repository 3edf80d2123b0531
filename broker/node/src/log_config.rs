//! A topic's configs as its log wants them.

use std::sync::Arc;

use kt_storage::LogConfig;

use crate::config::{BrokerConfig, TopicConfig};

/// What a log of a topic with these configs obeys.
pub(crate) fn log_config(topic: &TopicConfig, broker: &BrokerConfig) -> Arc<LogConfig> {
    let size = |bytes: i32| u32::try_from(bytes).unwrap_or(0);
    let time = |ms: i64| u64::try_from(ms).unwrap_or(0);
    // -1 means without a bound, and so does the greatest number.
    let bound = |value: i64| u64::try_from(value).ok().filter(|it| *it != i64::MAX as u64);
    Arc::new(LogConfig {
        segment_bytes: size(topic.segment_bytes),
        segment_ms: time(topic.segment_ms),
        segment_jitter_ms: time(topic.segment_jitter_ms),
        segment_index_bytes: size(topic.segment_index_bytes),
        preallocate: topic.preallocate,
        index_interval_bytes: size(topic.index_interval_bytes),
        deletes: topic.cleanup_policy.delete,
        compacts: topic.cleanup_policy.compact,
        max_message_bytes: size(topic.max_message_bytes),
        delete_retention_ms: time(topic.delete_retention_ms),
        min_compaction_lag_ms: time(topic.min_compaction_lag_ms),
        max_compaction_lag_ms: bound(topic.max_compaction_lag_ms),
        retention_ms: bound(topic.retention_ms),
        retention_bytes: bound(topic.retention_bytes),
        file_delete_delay_ms: time(topic.file_delete_delay_ms),
        flush_messages: bound(topic.flush_messages),
        flush_ms: bound(topic.flush_ms),
        producer_id_expiration_ms: time(broker.producer_id_expiration_ms),
    })
}

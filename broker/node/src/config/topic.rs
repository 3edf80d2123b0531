//! A topic's configuration: its own values over the broker's, typed.

use std::collections::BTreeMap;

use super::broker::BrokerSources;
use super::error::ConfigError;
use super::key::Effect;
use super::{group_key, topic_key, value};

/// A topic's own values, as the metadata image holds them.
pub type TopicConfigs = BTreeMap<String, String>;

/// What happens to old records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted.
    pub delete: bool,
    /// Of each key only the last value is kept.
    pub compact: bool,
}

/// `compression.type`: how the broker stores what producers send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kafka's values")]
pub enum StoredCompression {
    /// As the producer sent it.
    #[default]
    Producer,
    Uncompressed,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// A topic's configuration, typed. Fields are Kafka's keys with underscores; times in ms, sizes in
/// bytes, -1 and the greatest number as Kafka means them.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are Kafka's keys and Kafka's documentation holds")]
pub struct TopicConfig {
    pub cleanup_policy: CleanupPolicy,
    pub compression_type: StoredCompression,
    pub compression_gzip_level: i32,
    pub compression_lz4_level: i32,
    pub compression_zstd_level: i32,
    pub delete_retention_ms: i64,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub index_interval_bytes: i32,
    pub max_compaction_lag_ms: i64,
    pub max_message_bytes: i32,
    pub message_timestamp_after_max_ms: i64,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_is_log_append_time: bool,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub min_insync_replicas: i32,
    pub preallocate: bool,
    pub retention_bytes: i64,
    pub retention_ms: i64,
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
    pub unclean_leader_election_enable: bool,
}

/// Which broker keys stand behind a topic key, the strongest first (ServerTopicConfigSynonyms).
pub(super) fn synonyms(topic_key: &str) -> &'static [&'static str] {
    match topic_key {
        "cleanup.policy" => &["log.cleanup.policy"],
        "compression.gzip.level" => &["compression.gzip.level"],
        "compression.lz4.level" => &["compression.lz4.level"],
        "compression.type" => &["compression.type"],
        "compression.zstd.level" => &["compression.zstd.level"],
        "delete.retention.ms" => &["log.cleaner.delete.retention.ms"],
        "file.delete.delay.ms" => &["log.segment.delete.delay.ms"],
        "flush.messages" => &["log.flush.interval.messages"],
        "flush.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "index.interval.bytes" => &["log.index.interval.bytes"],
        "local.retention.bytes" => &["log.local.retention.bytes"],
        "local.retention.ms" => &["log.local.retention.ms"],
        "max.compaction.lag.ms" => &["log.cleaner.max.compaction.lag.ms"],
        "max.message.bytes" => &["message.max.bytes"],
        "message.timestamp.after.max.ms" => &["log.message.timestamp.after.max.ms"],
        "message.timestamp.before.max.ms" => &["log.message.timestamp.before.max.ms"],
        "message.timestamp.type" => &["log.message.timestamp.type"],
        "min.cleanable.dirty.ratio" => &["log.cleaner.min.cleanable.ratio"],
        "min.compaction.lag.ms" => &["log.cleaner.min.compaction.lag.ms"],
        "min.insync.replicas" => &["min.insync.replicas"],
        "preallocate" => &["log.preallocate"],
        "retention.bytes" => &["log.retention.bytes"],
        "retention.ms" => &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
        "segment.bytes" => &["log.segment.bytes"],
        "segment.index.bytes" => &["log.index.size.max.bytes"],
        "segment.jitter.ms" => &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        "segment.ms" => &["log.roll.ms", "log.roll.hours"],
        "unclean.leader.election.enable" => &["unclean.leader.election.enable"],
        _ => &[],
    }
}

/// A broker key's value in the unit of the topic key behind which it stands.
fn converted(broker_key: &str, text: &str) -> String {
    let factor = match broker_key {
        "log.retention.minutes" => 60_000,
        "log.retention.hours" | "log.roll.hours" | "log.roll.jitter.hours" => 3_600_000,
        _ => return text.to_owned(),
    };
    match text.trim().parse::<i64>() {
        // -1 means "never" in every unit.
        Ok(count) if 0 <= count => count.saturating_mul(factor).to_string(),
        _ => text.to_owned(),
    }
}

/// The value that counts for a topic which sets nothing of its own.
pub(super) fn inherited(name: &str, broker: &BrokerSources) -> String {
    let behind = synonyms(name).iter().find_map(|it| Some((*it, broker.value(it)?)));
    match behind {
        Some((key, text)) => converted(key, text),
        None => topic_key(name).and_then(|key| key.default.value()).unwrap_or_default().to_owned(),
    }
}

/// Kafka's own switch for segments smaller than `segment.bytes` allows; not shown by Describe.
pub(super) const INTERNAL_SEGMENT_BYTES: &str = "internal.segment.bytes";

/// Checks a topic's own values, all together.
pub fn validate_topic(configs: &TopicConfigs) -> Result<(), ConfigError> {
    for (name, given) in configs {
        if name == INTERNAL_SEGMENT_BYTES {
            continue;
        }
        let key = topic_key(name).ok_or_else(|| ConfigError::UnknownTopicKey(name.clone()))?;
        value::check(key, given)?;
        if key.effect == Effect::Protects && key.default.value() != Some(given.trim()) {
            return Err(ConfigError::Inconsistent(
                "Tiered Storage functionality is disabled in the broker. Topic cannot be \
                 configured with remote log storage."
                    .to_owned(),
            ));
        }
    }
    let of = |name: &str| configs.get(name).and_then(|it| it.trim().parse::<i64>().ok());
    if let (Some(min), Some(max)) = (of("min.compaction.lag.ms"), of("max.compaction.lag.ms"))
        && max < min
    {
        return Err(ConfigError::Inconsistent(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        )));
    }
    Ok(())
}

/// Checks a group's values.
pub fn validate_group(configs: &TopicConfigs) -> Result<(), ConfigError> {
    for (name, given) in configs {
        let key = group_key(name).ok_or_else(|| ConfigError::UnknownGroupKey(name.clone()))?;
        value::check(key, given)?;
    }
    Ok(())
}

/// Checks the values of a client metrics subscription (KIP-714).
pub fn validate_client_metrics(configs: &TopicConfigs) -> Result<(), ConfigError> {
    for (name, given) in configs {
        let refuse = |reason: &str| ConfigError::InvalidValue {
            key: name.clone(),
            value: given.clone(),
            reason: reason.to_owned(),
        };
        match name.as_str() {
            "metrics" | "match" => {}
            "interval.ms" => match given.trim().parse::<i32>() {
                Ok(100..=3_600_000) => {}
                _ => return Err(refuse("Value must be between 100 and 3600000")),
            },
            _ => return Err(ConfigError::UnknownClientMetricsKey(name.clone())),
        }
    }
    Ok(())
}

impl TopicConfig {
    /// Types a topic's values: its own over the broker's over the built in ones.
    pub fn resolve(own: &TopicConfigs, broker: &BrokerSources) -> Result<TopicConfig, ConfigError> {
        validate_topic(own)?;
        let text = |name: &str| own.get(name).cloned().unwrap_or_else(|| inherited(name, broker));
        let long = |name: &str| text(name).trim().parse::<i64>().unwrap_or(i64::MAX);
        let int = |name: &str| i32::try_from(long(name)).unwrap_or(i32::MAX);
        let flag = |name: &str| text(name).trim().eq_ignore_ascii_case("true");
        let internal_segment_bytes = own.get(INTERNAL_SEGMENT_BYTES);
        let policy = text("cleanup.policy");
        let has = |word: &str| value::items(&policy).any(|it| it == word);
        Ok(TopicConfig {
            cleanup_policy: CleanupPolicy { delete: has("delete"), compact: has("compact") },
            compression_type: stored_compression(text("compression.type").trim()),
            compression_gzip_level: int("compression.gzip.level"),
            compression_lz4_level: int("compression.lz4.level"),
            compression_zstd_level: int("compression.zstd.level"),
            delete_retention_ms: long("delete.retention.ms"),
            file_delete_delay_ms: long("file.delete.delay.ms"),
            flush_messages: long("flush.messages"),
            flush_ms: long("flush.ms"),
            index_interval_bytes: int("index.interval.bytes"),
            max_compaction_lag_ms: long("max.compaction.lag.ms"),
            max_message_bytes: int("max.message.bytes"),
            message_timestamp_after_max_ms: long("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: long("message.timestamp.before.max.ms"),
            message_timestamp_is_log_append_time: text("message.timestamp.type").trim()
                == "LogAppendTime",
            min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
            min_compaction_lag_ms: long("min.compaction.lag.ms"),
            min_insync_replicas: int("min.insync.replicas"),
            preallocate: flag("preallocate"),
            retention_bytes: long("retention.bytes"),
            retention_ms: long("retention.ms"),
            segment_bytes: internal_segment_bytes
                .and_then(|it| it.trim().parse().ok())
                .unwrap_or_else(|| int("segment.bytes")),
            segment_index_bytes: int("segment.index.bytes"),
            segment_jitter_ms: long("segment.jitter.ms"),
            segment_ms: long("segment.ms"),
            unclean_leader_election_enable: flag("unclean.leader.election.enable"),
        })
    }
}

fn stored_compression(name: &str) -> StoredCompression {
    match name {
        "uncompressed" => StoredCompression::Uncompressed,
        "gzip" => StoredCompression::Gzip,
        "snappy" => StoredCompression::Snappy,
        "lz4" => StoredCompression::Lz4,
        "zstd" => StoredCompression::Zstd,
        _ => StoredCompression::Producer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &str)]) -> TopicConfigs {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_topics_own_values_win() {
        let mut broker = BrokerSources::default();
        broker.static_values.insert("log.retention.minutes".to_owned(), "2".to_owned());
        let config = TopicConfig::resolve(&own(&[]), &broker).unwrap();
        assert_eq!(config.retention_ms, 120_000);
        assert_eq!(config.segment_ms, 604_800_000);
        assert_eq!(config.flush_ms, i64::MAX);
        assert!(config.cleanup_policy.delete);
        let own = own(&[("retention.ms", "-1"), ("cleanup.policy", "compact,delete")]);
        let config = TopicConfig::resolve(&own, &broker).unwrap();
        assert_eq!(config.retention_ms, -1);
        assert!(config.cleanup_policy.compact && config.cleanup_policy.delete);
    }

    #[test]
    fn refuses_unknown_names_and_contradictions() {
        let refusal = |pairs| validate_topic(&own(pairs)).unwrap_err().to_string();
        assert_eq!(refusal(&[("foo.bar", "1")]), "Unknown topic config name: foo.bar");
        let lags = [("min.compaction.lag.ms", "5"), ("max.compaction.lag.ms", "4")];
        assert!(refusal(&lags).starts_with("conflict topic config setting"));
        assert!(refusal(&[("remote.storage.enable", "true")]).contains("Tiered Storage"));
    }
}

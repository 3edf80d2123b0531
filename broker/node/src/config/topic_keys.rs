//! Every topic key of Apache Kafka 4.3, sorted by name.

use super::key::Accepted::{self, *};
use super::key::Default::{self, *};
use super::key::Effect::{self, *};
use super::key::Kind::{self, *};
use super::key::{
    ConfigKey,
    UpdateMode::{self, *},
};

const fn key(
    name: &'static str,
    kind: Kind,
    default: Default,
    accepted: Accepted,
    update_mode: UpdateMode,
    effect: Effect,
) -> ConfigKey {
    ConfigKey { name, kind, default, accepted, update_mode, effect }
}

/// Every topic key of Apache Kafka 4.3, sorted by name.
#[rustfmt::skip]
pub(super) const TOPIC_KEYS: &[ConfigKey] = &[
    key("cleanup.policy", List, Value("delete"), OneOf(&["compact", "delete"]), ClusterWide, Acts),
    key("compression.gzip.level", Int, Value("-1"), GzipLevel, ClusterWide, Acts),
    key("compression.lz4.level", Int, Value("9"), Between(1, 17), ClusterWide, Acts),
    key("compression.type", String, Value("producer"), OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide, Acts),
    key("compression.zstd.level", Int, Value("3"), Between(-131_072, 22), ClusterWide, Acts),
    key("delete.retention.ms", Long, Value("86400000"), AtLeast(0), ClusterWide, Acts),
    key("file.delete.delay.ms", Long, Value("60000"), AtLeast(0), ClusterWide, Acts),
    key("flush.messages", Long, Value("9223372036854775807"), AtLeast(1), ClusterWide, Acts),
    key("flush.ms", Long, Value("9223372036854775807"), AtLeast(0), ClusterWide, Acts),
    key("follower.replication.throttled.replicas", List, Value(""), ThrottledReplicas, ClusterWide, Inert),
    key("index.interval.bytes", Int, Value("4096"), AtLeast(0), ClusterWide, Acts),
    key("leader.replication.throttled.replicas", List, Value(""), ThrottledReplicas, ClusterWide, Inert),
    key("local.retention.bytes", Long, Value("-2"), AtLeast(-2), ClusterWide, Inert),
    key("local.retention.ms", Long, Value("-2"), AtLeast(-2), ClusterWide, Inert),
    key("max.compaction.lag.ms", Long, Value("9223372036854775807"), AtLeast(1), ClusterWide, Acts),
    key("max.message.bytes", Int, Value("1048588"), AtLeast(0), ClusterWide, Acts),
    key("message.timestamp.after.max.ms", Long, Value("3600000"), AtLeast(0), ClusterWide, Acts),
    key("message.timestamp.before.max.ms", Long, Value("9223372036854775807"), AtLeast(0), ClusterWide, Acts),
    key("message.timestamp.type", String, Value("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]), ClusterWide, Acts),
    key("min.cleanable.dirty.ratio", Double, Value("0.5"), Fraction, ClusterWide, Acts),
    key("min.compaction.lag.ms", Long, Value("0"), AtLeast(0), ClusterWide, Acts),
    key("min.insync.replicas", Int, Value("1"), AtLeast(1), ClusterWide, Acts),
    key("preallocate", Boolean, Value("false"), Any, ClusterWide, Acts),
    key("remote.log.copy.disable", Boolean, Value("false"), Any, ClusterWide, Protects),
    key("remote.log.delete.on.disable", Boolean, Value("false"), Any, ClusterWide, Protects),
    key("remote.storage.enable", Boolean, Value("false"), Any, ClusterWide, Protects),
    key("retention.bytes", Long, Value("-1"), Any, ClusterWide, Acts),
    key("retention.ms", Long, Value("604800000"), AtLeast(-1), ClusterWide, Acts),
    key("segment.bytes", Int, Value("1073741824"), AtLeast(1_048_576), ClusterWide, Acts),
    key("segment.index.bytes", Int, Value("10485760"), AtLeast(4), ClusterWide, Acts),
    key("segment.jitter.ms", Long, Value("0"), AtLeast(0), ClusterWide, Acts),
    key("segment.ms", Long, Value("604800000"), AtLeast(1), ClusterWide, Acts),
    key("unclean.leader.election.enable", Boolean, Value("false"), Any, ClusterWide, Inert),
];

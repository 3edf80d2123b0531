//! Every group key of Apache Kafka 4.3, sorted by name.

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

/// Every group key of Apache Kafka 4.3, sorted by name.
#[rustfmt::skip]
pub(super) const GROUP_KEYS: &[ConfigKey] = &[
    key("consumer.assignment.interval.ms", Int, Value("1000"), AtLeast(0), ClusterWide, Inert),
    key("consumer.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), ClusterWide, Inert),
    key("consumer.session.timeout.ms", Int, Value("45000"), AtLeast(1), ClusterWide, Inert),
    key("share.assignment.interval.ms", Int, Value("1000"), AtLeast(0), ClusterWide, Inert),
    key("share.auto.offset.reset", String, Value("latest"), OneOf(&["latest", "earliest", "by_duration:PnDTnHnMn.nS"]), ClusterWide, Inert),
    key("share.delivery.count.limit", Int, Value("5"), AtLeast(2), ClusterWide, Inert),
    key("share.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), ClusterWide, Inert),
    key("share.isolation.level", String, Value("read_uncommitted"), OneOf(&["read_committed", "read_uncommitted"]), ClusterWide, Inert),
    key("share.partition.max.record.locks", Int, Value("2000"), AtLeast(100), ClusterWide, Inert),
    key("share.record.lock.duration.ms", Int, Value("30000"), AtLeast(1_000), ClusterWide, Inert),
    key("share.renew.acknowledge.enable", Boolean, Value("true"), Any, ClusterWide, Inert),
    key("share.session.timeout.ms", Int, Value("45000"), AtLeast(1), ClusterWide, Inert),
    key("streams.assignment.interval.ms", Int, Value("1000"), AtLeast(0), ClusterWide, Inert),
    key("streams.heartbeat.interval.ms", Int, Value("5000"), AtLeast(1), ClusterWide, Inert),
    key("streams.initial.rebalance.delay.ms", Int, Value("3000"), AtLeast(0), ClusterWide, Inert),
    key("streams.num.standby.replicas", Int, Value("0"), AtLeast(0), ClusterWide, Inert),
    key("streams.session.timeout.ms", Int, Value("45000"), AtLeast(1), ClusterWide, Inert),
];

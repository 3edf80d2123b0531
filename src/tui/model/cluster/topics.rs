//! Topics and their partitions: who leads, who is in sync, where logs begin and end, what they take.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_client::admin::{ConfigEntry, ConfigSource, FoundOffset, ReplicaPlace};
use kt_protocol::ErrorCode;
use kt_protocol::types::{
    LeaderEpoch, Millis, NodeId, Offset, PartitionIndex, TopicPartition, Uuid,
};

use super::super::schedule::{Outcome, WhichOffset};
use super::{Cluster, Failure, PerName, PerPartition, Sample};

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    /// All zero from old brokers.
    pub(crate) id: Uuid,
    /// True for Kafka's own.
    pub(crate) is_internal: bool,
    pub(crate) partitions: BTreeMap<PartitionIndex, Partition>,
    /// The configs that count; `None` until they were told.
    pub(crate) configs: Option<Sample<BTreeMap<String, ConfigValue>>>,
    /// Why its configs were not told, the last time.
    pub(crate) configs_failure: Option<Failure>,
}

/// A config's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigValue {
    /// `None` if it has none or is secret.
    pub(crate) value: Option<String>,
    pub(crate) source: ConfigSource,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    /// `None` while it is offline.
    pub(crate) leader: Option<NodeId>,
    pub(crate) epoch: LeaderEpoch,
    /// The preferred leader first.
    pub(crate) replicas: Vec<NodeId>,
    pub(crate) isr: Vec<NodeId>,
    /// The eligible leader replicas, of topics that a screen was about.
    pub(crate) elr: Option<Vec<NodeId>>,
    /// The high watermark.
    pub(crate) end: Option<Sample<Offset>>,
    /// The last stable offset, of what a screen was about.
    pub(crate) stable_end: Option<Sample<Offset>>,
    /// The log start offset.
    pub(crate) start: Option<Sample<Offset>>,
    /// Why an offset was not told, the last time; none once it was.
    pub(crate) failure: Option<ErrorCode>,
    /// What its replicas take.
    pub(crate) stored: BTreeMap<(NodeId, StoredAs), StoredOn>,
}

/// Which of the two replicas that a broker can have of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StoredAs {
    /// The one that serves.
    Current,
    /// A copy on its way to another directory.
    Future,
}

/// A replica on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredOn {
    pub(crate) directory: Arc<str>,
    /// In bytes.
    pub(crate) size: Sample<u64>,
    /// Records that it is behind.
    pub(crate) offset_lag: i64,
}

impl From<ReplicaPlace> for StoredAs {
    fn from(place: ReplicaPlace) -> StoredAs {
        match place {
            ReplicaPlace::Current => StoredAs::Current,
            ReplicaPlace::Future => StoredAs::Future,
        }
    }
}

impl ConfigValue {
    pub(super) fn of(it: ConfigEntry) -> (String, ConfigValue) {
        (it.name, ConfigValue { value: it.value, source: it.source })
    }
}

impl Topic {
    /// True if a topic of this name is another one: it was deleted and made again. Old brokers
    /// tell no ids.
    fn is_other_than(&self, id: Uuid) -> bool {
        !self.id.is_zero() && !id.is_zero() && self.id != id
    }

    fn take(&mut self, told: kt_client::Topic) {
        self.id = told.id;
        self.is_internal = told.is_internal;
        let mut known = std::mem::take(&mut self.partitions);
        for it in told.partitions {
            let index = PartitionIndex(it.index);
            let mut partition = known.remove(&index).unwrap_or_default();
            partition.take(it);
            self.partitions.insert(index, partition);
        }
    }
}

impl Partition {
    /// The replica that serves on the leader.
    pub(crate) fn leader_size(&self) -> Option<Sample<u64>> {
        let on = self.stored.get(&(self.leader?, StoredAs::Current))?;
        Some(on.size)
    }

    fn take(&mut self, told: kt_client::Partition) {
        let nodes = |ids: Vec<i32>| ids.into_iter().map(NodeId).collect();
        self.leader = told.leader;
        self.epoch = told.leader_epoch;
        self.replicas = nodes(told.replicas);
        self.isr = nodes(told.isr);
        // What has moved away is not asked about again where its broker is down.
        self.stored.retain(|(node, _), _| self.replicas.contains(node));
        // Metadata does not tell it; what a screen was told before is better than nothing.
        if let Some(elr) = told.elr {
            self.elr = Some(nodes(elr));
        }
    }

    fn sampled(&mut self, which: WhichOffset, offset: Offset, at: Millis) {
        let sample = Some(Sample { value: offset, at });
        match which {
            WhichOffset::Start => self.start = sample,
            WhichOffset::End => self.end = sample,
            WhichOffset::StableEnd => self.stable_end = sample,
        }
    }
}

impl Cluster {
    pub(crate) fn partition(&self, it: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&it.topic)?.partitions.get(&it.partition)
    }

    pub(super) fn fold_metadata(
        &mut self,
        brokers: &[kt_client::Broker],
        topics: Vec<kt_client::Topic>,
        at: Millis,
    ) -> Outcome {
        let mut known = std::mem::take(&mut self.topics);
        for told in topics {
            let name = told.name.clone();
            let mut topic = known.remove(&name).unwrap_or_default();
            if topic.is_other_than(told.id) {
                topic = Topic::default();
                self.forget_commits(&name);
            }
            topic.take(told);
            self.topics.insert(name, topic);
        }
        self.fold_live_brokers(brokers, at);
        self.know_replica_brokers(at);
        Outcome::Known
    }

    /// Takes over one topic. One that is not known yet, or is another, is left to Metadata.
    pub(super) fn fold_topic(&mut self, told: kt_client::Topic) -> Outcome {
        match self.topics.get_mut(&told.name) {
            Some(topic) if !topic.is_other_than(told.id) => {
                topic.take(told);
                Outcome::Known
            }
            _ => Outcome::Changed,
        }
    }

    pub(super) fn fold_offsets(
        &mut self,
        which: WhichOffset,
        found: PerPartition<FoundOffset>,
        at: Millis,
    ) -> Outcome {
        let mut outcome = Outcome::Known;
        for (it, found) in found {
            let topic = self.topics.get_mut(&it.topic);
            let Some(partition) = topic.and_then(|topic| topic.partitions.get_mut(&it.partition))
            else {
                continue;
            };
            match found {
                Ok(found) => {
                    partition.failure = None;
                    if let Some(offset) = found.offset {
                        partition.sampled(which, offset, at);
                    }
                }
                Err(failure) => {
                    partition.failure = failure.code;
                    if failure.code.is_some_and(is_led_elsewhere) {
                        outcome = Outcome::Changed;
                    }
                }
            }
        }
        outcome
    }

    pub(super) fn fold_topic_configs(&mut self, told: PerName<Vec<ConfigEntry>>, at: Millis) {
        for (name, told) in told {
            let Some(topic) = self.topics.get_mut(&name) else { continue };
            match told {
                Ok(entries) => {
                    let value = entries.into_iter().map(ConfigValue::of).collect();
                    topic.configs = Some(Sample { value, at });
                    topic.configs_failure = None;
                }
                Err(failure) => topic.configs_failure = Some(failure),
            }
        }
    }
}

/// True of the codes that say that somebody else leads, or nobody, or that the topic is gone.
fn is_led_elsewhere(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::KafkaStorageError
    )
}

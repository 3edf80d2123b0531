//! What groups have committed, by group, topic and partition.

mod commit;
mod delete;
mod expiry;
mod fetch;
mod fetch_versions;
mod topics_deleted;
mod transactions;

use std::collections::BTreeMap;

use kt_protocol::messages::OffsetCommitValue;
use kt_protocol::types::{LeaderEpoch, Offset, PartitionIndex, Timestamp, Uuid};

pub(crate) use expiry::{ExpiryScan, Retention};
pub use fetch::OffsetStability;
pub use fetch_versions::{offset_fetch_error, offset_fetch_groups, offset_fetch_response};
pub use topics_deleted::DeletedTopic;
pub(crate) use transactions::PendingTransactions;

/// Where a group stands in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The next record to be read.
    pub(crate) offset: Offset,
    /// The leader epoch of the record before; unknown for old clients.
    pub(crate) leader_epoch: LeaderEpoch,
    /// What the client wants to remember with it.
    pub(crate) metadata: String,
    /// When it was committed.
    pub(crate) commit_timestamp: Timestamp,
    /// When it expires whatever the group does; only old clients say so.
    pub(crate) expire_timestamp: Option<Timestamp>,
    /// The topic's id, zero if the request had none.
    pub(crate) topic_id: Uuid,
}

impl CommittedOffset {
    /// Reads a record's value.
    pub(crate) fn from_value(value: &OffsetCommitValue) -> CommittedOffset {
        let expire_timestamp = Timestamp(value.expire_timestamp);
        CommittedOffset {
            offset: Offset(value.offset),
            leader_epoch: LeaderEpoch(value.leader_epoch),
            metadata: value.metadata.clone(),
            commit_timestamp: Timestamp(value.commit_timestamp),
            expire_timestamp: (expire_timestamp != Timestamp::NONE).then_some(expire_timestamp),
            topic_id: value.topic_id,
        }
    }
}

/// A committed offset and where its record lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredOffset {
    /// What was committed.
    pub(crate) committed: CommittedOffset,
    /// The record's offset in `__consumer_offsets`.
    pub(crate) record_offset: Offset,
}

/// The offsets of one group.
pub(crate) type GroupOffsets = BTreeMap<String, BTreeMap<PartitionIndex, StoredOffset>>;

/// The offsets of all groups. A group or topic without any is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    by_group: BTreeMap<String, GroupOffsets>,
}

impl Offsets {
    /// Everything of a group.
    pub(crate) fn of_group(&self, group_id: &str) -> Option<&GroupOffsets> {
        self.by_group.get(group_id)
    }

    /// One partition's.
    pub(crate) fn get(
        &self,
        group_id: &str,
        topic: &str,
        partition: PartitionIndex,
    ) -> Option<&StoredOffset> {
        self.by_group.get(group_id)?.get(topic)?.get(&partition)
    }

    /// Remembers it, instead of what was there.
    pub(crate) fn put(
        &mut self,
        group_id: &str,
        topic: &str,
        partition: PartitionIndex,
        stored: StoredOffset,
    ) {
        let topics = match self.by_group.get_mut(group_id) {
            Some(topics) => topics,
            None => self.by_group.entry(group_id.to_owned()).or_default(),
        };
        let partitions = match topics.get_mut(topic) {
            Some(partitions) => partitions,
            None => topics.entry(topic.to_owned()).or_default(),
        };
        partitions.insert(partition, stored);
    }

    /// Forgets it.
    pub(crate) fn remove(&mut self, group_id: &str, topic: &str, partition: PartitionIndex) {
        let Some(topics) = self.by_group.get_mut(group_id) else { return };
        let Some(partitions) = topics.get_mut(topic) else { return };
        partitions.remove(&partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }

    /// All of them, in order.
    pub(crate) fn iter(
        &self,
    ) -> impl Iterator<Item = (&str, &str, PartitionIndex, &StoredOffset)> + '_ {
        self.by_group.iter().flat_map(|(group_id, topics)| {
            topics.iter().flat_map(move |(topic, partitions)| {
                partitions.iter().map(move |(partition, stored)| {
                    (group_id.as_str(), topic.as_str(), *partition, stored)
                })
            })
        })
    }
}

//! OffsetFetch: where a group stands (`OffsetMetadataManager.fetchOffsets`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kt_protocol::types::{LeaderEpoch, PartitionIndex, Uuid};

use super::StoredOffset;
use super::fetch_versions::offset_fetch_error;
use crate::group::shard::{Group, Shard};

/// What is answered where nothing is committed.
const INVALID_OFFSET: i64 = -1;

/// Which offsets a reader wants (`require_stable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetStability {
    /// The last committed ones.
    Any,
    /// Those that no open transaction may change: `UNSTABLE_OFFSET_COMMIT` for others.
    Stable,
}

impl<T> Shard<T> {
    /// Where the group stands in the topics it asks for, or in all. Topics come with their names.
    /// Versions before 8 have another shape: see [`offset_fetch_groups`](crate::group::offset_fetch_groups).
    ///
    /// A group of a kind that is not built yet is answered as by Kafka if the request names no
    /// member; with a member it is refused, for its epoch cannot be checked.
    pub fn fetch_offsets(
        &self,
        version: i16,
        request: &OffsetFetchRequestGroup,
        stability: OffsetStability,
    ) -> OffsetFetchResponseGroup {
        let readable = match self.group(&request.group_id) {
            None => Readable::Nothing,
            Some(Group::Classic(_)) => Readable::Offsets,
            Some(Group::Foreign(group)) => {
                match group.may_fetch(request.member_id.as_deref(), request.member_epoch) {
                    Ok(()) => Readable::Offsets,
                    Err(ErrorCode::GroupIdNotFound) => Readable::Nothing,
                    Err(error) => return offset_fetch_error(request, error, version),
                }
            }
        };
        let topics = match (&request.topics, readable) {
            (Some(topics), _) => {
                topics.iter().map(|it| self.fetch_topic(request, it, readable, stability)).collect()
            }
            (None, Readable::Nothing) => Vec::new(),
            (None, Readable::Offsets) => self.fetch_all(&request.group_id, stability),
        };
        OffsetFetchResponseGroup { group_id: request.group_id.clone(), topics, error_code: 0 }
    }

    fn fetch_topic(
        &self,
        request: &OffsetFetchRequestGroup,
        topic: &OffsetFetchRequestTopics,
        readable: Readable,
        stability: OffsetStability,
    ) -> OffsetFetchResponseTopics {
        let (group_id, name) = (request.group_id.as_str(), topic.name.as_str());
        let partition = |index: &i32| {
            let partition = PartitionIndex(*index);
            if readable == Readable::Nothing {
                return no_offset(partition, ErrorCode::None);
            }
            if self.is_unstable(group_id, name, partition, stability) {
                return no_offset(partition, ErrorCode::UnstableOffsetCommit);
            }
            match self.offsets().get(group_id, name, partition) {
                // The topic was deleted and made again.
                Some(stored) if is_other(stored.committed.topic_id, topic.topic_id) => {
                    no_offset(partition, ErrorCode::None)
                }
                Some(stored) => fetched(partition, stored),
                None => no_offset(partition, ErrorCode::None),
            }
        };
        OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partition_indexes.iter().map(partition).collect(),
        }
    }

    fn fetch_all(
        &self,
        group_id: &str,
        stability: OffsetStability,
    ) -> Vec<OffsetFetchResponseTopics> {
        let topics = self.offsets().of_group(group_id).into_iter().flatten();
        let topic = |(name, partitions): (&String, &std::collections::BTreeMap<_, _>)| {
            let partition = |(index, stored): (&PartitionIndex, &StoredOffset)| match self
                .is_unstable(group_id, name, *index, stability)
            {
                true => no_offset(*index, ErrorCode::UnstableOffsetCommit),
                false => fetched(*index, stored),
            };
            OffsetFetchResponseTopics {
                name: name.clone(),
                // The owner knows the ids of today.
                topic_id: Uuid::ZERO,
                partitions: partitions.iter().map(partition).collect(),
            }
        };
        topics.map(topic).collect()
    }

    fn is_unstable(
        &self,
        group_id: &str,
        topic: &str,
        partition: PartitionIndex,
        stability: OffsetStability,
    ) -> bool {
        stability == OffsetStability::Stable
            && self.transactions().contains(group_id, topic, partition)
    }
}

/// Whether a group has offsets for a reader, for all it may know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readable {
    Offsets,
    Nothing,
}

fn is_other(committed: Uuid, asked: Uuid) -> bool {
    !committed.is_zero() && !asked.is_zero() && committed != asked
}

fn fetched(partition: PartitionIndex, stored: &StoredOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition.0,
        committed_offset: stored.committed.offset.0,
        committed_leader_epoch: stored.committed.leader_epoch.0,
        metadata: Some(stored.committed.metadata.clone()),
        error_code: 0,
    }
}

/// A partition without an offset.
pub(super) fn no_offset(
    partition: PartitionIndex,
    error: ErrorCode,
) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition.0,
        committed_offset: INVALID_OFFSET,
        committed_leader_epoch: LeaderEpoch::UNKNOWN.0,
        metadata: Some(String::new()),
        error_code: error.code(),
    }
}

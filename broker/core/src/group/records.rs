//! The records that a coordinator writes, at the versions that 4.3 writes them.

use kt_protocol::codec::{EncodeError, Message};
use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::{
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue,
};
use kt_protocol::types::{PartitionIndex, Timestamp};

use super::offsets::CommittedOffset;

/// The version of GroupMetadataValue that 4.3 writes; it reads one more.
const GROUP_METADATA_VALUE_VERSION: i16 = 3;

/// The version of OffsetCommitValue with an id of the topic.
const OFFSET_COMMIT_VALUE_VERSION: i16 = 4;

/// The only version of OffsetCommitValue that can carry a time of its own to expire at.
const EXPIRING_OFFSET_COMMIT_VALUE_VERSION: i16 = 1;

/// Bytes of a batch before its first record.
const BATCH_HEADER_LEN: usize = 61;

/// The most bytes that a record has around its key and value: lengths, attributes, deltas, headers.
const RECORD_FRAME_LEN: usize = 32;

/// The type or version before a key or value.
const PREFIX_LEN: usize = 2;

/// A record to append, with the version of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRecord {
    /// The record.
    pub record: GroupCoordinatorRecord,
    /// Its value's version.
    pub version: i16,
}

impl GroupRecord {
    /// An upper bound of what it takes in a batch.
    fn len_max(&self) -> Result<usize, EncodeError> {
        let lengths = match &self.record {
            GroupCoordinatorRecord::OffsetCommit { key, value } => {
                [key.encoded_len(0)?, value_len(value.as_ref(), self.version)?]
            }
            GroupCoordinatorRecord::GroupMetadata { key, value } => {
                [key.encoded_len(0)?, value_len(value.as_ref(), self.version)?]
            }
            other => {
                let (key, value) = other.encode(self.version)?;
                [key.len(), value.map_or(0, |it| it.len())]
            }
        };
        Ok(RECORD_FRAME_LEN + 2 * PREFIX_LEN + lengths.iter().sum::<usize>())
    }
}

fn value_len<V: Message>(value: Option<&V>, version: i16) -> Result<usize, EncodeError> {
    value.map_or(Ok(0), |it| it.encoded_len(version))
}

/// An upper bound of the batch of these records; beyond every limit if one cannot be written at all.
pub(crate) fn batch_len(records: &[GroupRecord]) -> usize {
    let len = |it: &GroupRecord| it.len_max().unwrap_or(usize::MAX);
    records.iter().map(len).fold(BATCH_HEADER_LEN, usize::saturating_add)
}

/// Where a group stands in a partition.
pub(crate) fn offset_commit(
    group_id: &str,
    topic: &str,
    partition: PartitionIndex,
    committed: &CommittedOffset,
) -> GroupRecord {
    let value = OffsetCommitValue {
        offset: committed.offset.0,
        leader_epoch: committed.leader_epoch.0,
        metadata: committed.metadata.clone(),
        commit_timestamp: committed.commit_timestamp.0,
        expire_timestamp: committed.expire_timestamp.unwrap_or(Timestamp::NONE).0,
        topic_id: committed.topic_id,
    };
    let version = match committed.expire_timestamp {
        Some(_) => EXPIRING_OFFSET_COMMIT_VALUE_VERSION,
        None => OFFSET_COMMIT_VALUE_VERSION,
    };
    let key = offset_commit_key(group_id, topic, partition);
    GroupRecord {
        record: GroupCoordinatorRecord::OffsetCommit { key, value: Some(value) },
        version,
    }
}

/// A group's offset of a partition is gone.
pub(crate) fn offset_tombstone(
    group_id: &str,
    topic: &str,
    partition: PartitionIndex,
) -> GroupRecord {
    let key = offset_commit_key(group_id, topic, partition);
    GroupRecord {
        record: GroupCoordinatorRecord::OffsetCommit { key, value: None },
        version: OFFSET_COMMIT_VALUE_VERSION,
    }
}

/// What a classic group is.
pub(crate) fn group_metadata(group_id: &str, value: GroupMetadataValue) -> GroupRecord {
    let key = GroupMetadataKey { group: group_id.to_owned() };
    GroupRecord {
        record: GroupCoordinatorRecord::GroupMetadata { key, value: Some(value) },
        version: GROUP_METADATA_VALUE_VERSION,
    }
}

/// A classic group is gone.
pub(crate) fn group_tombstone(group_id: &str) -> GroupRecord {
    let key = GroupMetadataKey { group: group_id.to_owned() };
    GroupRecord {
        record: GroupCoordinatorRecord::GroupMetadata { key, value: None },
        version: GROUP_METADATA_VALUE_VERSION,
    }
}

fn offset_commit_key(group_id: &str, topic: &str, partition: PartitionIndex) -> OffsetCommitKey {
    OffsetCommitKey { group: group_id.to_owned(), topic: topic.to_owned(), partition: partition.0 }
}

/// Records that become one batch, with how large it may be.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    records: Vec<GroupRecord>,
    len: usize,
    len_max: usize,
}

impl Batch {
    /// Nothing yet, of at most `len_max` bytes.
    pub(crate) fn new(len_max: usize) -> Batch {
        Batch { records: Vec::new(), len: BATCH_HEADER_LEN, len_max }
    }

    /// Adds records, all or none of them.
    pub(crate) fn push(&mut self, records: impl IntoIterator<Item = GroupRecord>) -> Fits {
        let (count_before, len_before) = (self.records.len(), self.len);
        for record in records {
            self.len = self.len.saturating_add(record.len_max().unwrap_or(usize::MAX));
            if self.len_max < self.len {
                self.records.truncate(count_before);
                self.len = len_before;
                return Fits::No;
            }
            self.records.push(record);
        }
        Fits::Yes
    }

    /// What it came to.
    pub(crate) fn into_records(self) -> Vec<GroupRecord> {
        self.records
    }
}

/// Whether something has room in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    /// It is in.
    Yes,
    /// It would be too large.
    No,
}

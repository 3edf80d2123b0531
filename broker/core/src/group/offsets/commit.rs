//! OffsetCommit: a group moves on (`OffsetMetadataManager.commitOffset`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kt_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kt_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use kt_protocol::types::{LeaderEpoch, Now, Offset, PartitionIndex, Timestamp, Uuid};

use super::CommittedOffset;
use crate::group::outcome::{Answer, Outcome};
use crate::group::records::{self, Batch, Fits};
use crate::group::shard::{Group, Shard};

/// What a request says that leaves the retention to the broker.
const DEFAULT_RETENTION_TIME: i64 = -1;

/// From this version on an unknown group has an error of its own.
const GROUP_ID_NOT_FOUND_MIN_VERSION: i16 = 9;

impl<T> Shard<T> {
    /// Commits offsets. Topics come with their names and, in `topic_id`, what ids the owner knows;
    /// what it has refused itself is not in the request.
    ///
    /// A group that does not exist begins with its first record, as a simple group without members.
    pub fn commit_offsets(
        &mut self,
        now: Now,
        token: T,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Outcome<T> {
        let refused = |token, error| {
            Outcome::only(token, Answer::OffsetCommit(offset_commit_error(request, error)))
        };
        if let Err(error) = self.may_commit(version, request) {
            return refused(token, error);
        }
        self.prolong_session(now, &request.group_id, &request.member_id);
        let (records, response) = self.commit_records(now, request);
        let mut batch = Batch::new(self.config().batch_max_bytes);
        if batch.push(records) == Fits::No {
            return refused(token, ErrorCode::UnknownServerError);
        }
        let answers = vec![(token, Answer::OffsetCommit(response))];
        Outcome { records: batch.into_records(), answers }
    }

    fn may_commit(&self, version: i16, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        match self.group(&request.group_id) {
            Some(Group::Classic(group)) => group.may_commit(
                &request.member_id,
                request.group_instance_id.as_deref(),
                generation,
            ),
            Some(Group::Foreign(group)) => group.may_commit(generation),
            // The admin client, or a consumer that assigns partitions to itself.
            None if generation < 0 => Ok(()),
            None if version < GROUP_ID_NOT_FOUND_MIN_VERSION => Err(ErrorCode::IllegalGeneration),
            None => Err(ErrorCode::GroupIdNotFound),
        }
    }

    fn commit_records(
        &self,
        now: Now,
        request: &OffsetCommitRequest,
    ) -> (Vec<records::GroupRecord>, OffsetCommitResponse) {
        let expire_timestamp = match request.retention_time_ms {
            DEFAULT_RETENTION_TIME => None,
            retention_ms => Some(Timestamp(now.wall.0.saturating_add(retention_ms))),
        };
        let mut records = Vec::new();
        let mut response = OffsetCommitResponse::default();
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let error = match self.is_metadata_too_large(partition) {
                    true => ErrorCode::OffsetMetadataTooLarge,
                    false => ErrorCode::None,
                };
                partitions.push(OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: error.code(),
                });
                if error.is_none() {
                    let committed = committed(topic.topic_id, partition, now, expire_timestamp);
                    let index = PartitionIndex(partition.partition_index);
                    let group_id = &request.group_id;
                    records.push(records::offset_commit(group_id, &topic.name, index, &committed));
                }
            }
            response.topics.push(OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions,
            });
        }
        (records, response)
    }

    fn is_metadata_too_large(&self, partition: &OffsetCommitRequestPartition) -> bool {
        let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
        self.config().offset_metadata_max < metadata.encode_utf16().count()
    }
}

fn committed(
    topic_id: Uuid,
    partition: &OffsetCommitRequestPartition,
    now: Now,
    expire_timestamp: Option<Timestamp>,
) -> CommittedOffset {
    CommittedOffset {
        offset: Offset(partition.committed_offset),
        leader_epoch: LeaderEpoch(partition.committed_leader_epoch),
        metadata: partition.committed_metadata.clone().unwrap_or_default(),
        commit_timestamp: now.wall,
        expire_timestamp,
        topic_id,
    }
}

/// The answer that refuses every partition.
fn offset_commit_error(request: &OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse {
    let partition = |it: &OffsetCommitRequestPartition| OffsetCommitResponsePartition {
        partition_index: it.partition_index,
        error_code: error.code(),
    };
    let topics = request.topics.iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(partition).collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}

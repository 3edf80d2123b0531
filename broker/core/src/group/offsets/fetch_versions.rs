//! The shapes of OffsetFetch: before version 8 a request has one group, and before 2 no error of it.

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kt_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use kt_protocol::types::PartitionIndex;

use super::fetch::no_offset;

/// From this version on a request has many groups.
const BATCH_MIN_VERSION: i16 = 8;

/// From this version on an error of the group has a place of its own.
const TOP_LEVEL_ERROR_MIN_VERSION: i16 = 2;

/// The groups of a request of any version.
pub fn offset_fetch_groups(
    request: &OffsetFetchRequest,
    version: i16,
) -> Vec<OffsetFetchRequestGroup> {
    if BATCH_MIN_VERSION <= version {
        return request.groups.clone();
    }
    let topics = request.topics.as_ref().map(|topics| {
        let topic = |it: &kt_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic| {
            OffsetFetchRequestTopics {
                name: it.name.clone(),
                partition_indexes: it.partition_indexes.clone(),
                ..Default::default()
            }
        };
        topics.iter().map(topic).collect()
    });
    let group_id = request.group_id.clone();
    vec![OffsetFetchRequestGroup { group_id, topics, ..Default::default() }]
}

/// The response of any version out of those of its groups; before version 8 there is one.
pub fn offset_fetch_response(
    mut groups: Vec<OffsetFetchResponseGroup>,
    version: i16,
) -> OffsetFetchResponse {
    if BATCH_MIN_VERSION <= version {
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let group = groups.pop().unwrap_or_default();
    let topic = |it: OffsetFetchResponseTopics| OffsetFetchResponseTopic {
        name: it.name,
        partitions: it
            .partitions
            .into_iter()
            .map(|it| OffsetFetchResponsePartition {
                partition_index: it.partition_index,
                committed_offset: it.committed_offset,
                committed_leader_epoch: it.committed_leader_epoch,
                metadata: it.metadata,
                error_code: it.error_code,
            })
            .collect(),
    };
    OffsetFetchResponse {
        error_code: group.error_code,
        topics: group.topics.into_iter().map(topic).collect(),
        ..Default::default()
    }
}

/// The answer that refuses a group, as a version of the request can say it.
pub fn offset_fetch_error(
    request: &OffsetFetchRequestGroup,
    error: ErrorCode,
    version: i16,
) -> OffsetFetchResponseGroup {
    let group_id = request.group_id.clone();
    if TOP_LEVEL_ERROR_MIN_VERSION <= version {
        return OffsetFetchResponseGroup {
            group_id,
            error_code: error.code(),
            ..Default::default()
        };
    }
    let topic = |it: &OffsetFetchRequestTopics| OffsetFetchResponseTopics {
        name: it.name.clone(),
        partitions: it
            .partition_indexes
            .iter()
            .map(|index| no_offset(PartitionIndex(*index), error))
            .collect(),
        ..Default::default()
    };
    let topics = request.topics.iter().flatten().map(topic).collect();
    OffsetFetchResponseGroup { group_id, topics, ..Default::default() }
}

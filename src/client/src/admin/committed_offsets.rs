//! Where groups have come to (OffsetFetch).

use std::collections::BTreeMap;

use kt_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kt_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use kt_protocol::types::{LeaderEpoch, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::coordinator::subject;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// A committed offset: the next to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The offset.
    pub offset: Offset,
    /// The leader epoch of the record before it, if it was told (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the committer wrote beside it.
    pub metadata: String,
}

/// The commits of a group, by partition. A partition without one is not in it.
pub type CommittedOffsets = BTreeMap<TopicPartition, Result<CommittedOffset, Error>>;

/// Version 8 asks for several groups at once, and 10 for topics by their ids.
const LAST_VERSION_BY_NAME: i16 = 9;
const FIRST_VERSION_OF_ALL_TOPICS: i16 = 2;

impl Admin {
    /// All that `group` has committed; nothing of a group that does not exist.
    ///
    /// # Errors
    ///
    /// Fails if the coordinator does not answer in time, or refuses the group; each partition has
    /// its own result.
    pub async fn committed_offsets(&self, group: &str) -> Result<CommittedOffsets, Error> {
        let limit = self.client.limit("OffsetFetch");
        let build = |version: i16| match version {
            ..8 => OffsetFetchRequest {
                group_id: group.to_owned(),
                topics: None,
                ..Default::default()
            },
            8.. => OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: group.to_owned(),
                    topics: None,
                    ..OffsetFetchRequestGroup::default()
                }],
                ..Default::default()
            },
        };
        let wanted = Wanted::between(FIRST_VERSION_OF_ALL_TOPICS, LAST_VERSION_BY_NAME);
        let response = self.ask_coordinator(group, wanted, limit, build, codes).await?;
        committed(group, response)
    }
}

fn codes(response: &OffsetFetchResponse) -> Vec<i16> {
    let groups = response.groups.iter().map(|it| it.error_code);
    groups.chain([response.error_code]).collect()
}

fn committed(group: &str, response: OffsetFetchResponse) -> Result<CommittedOffsets, Error> {
    let api = ApiKey::OffsetFetch;
    if let Some(code) =
        codes(&response).into_iter().map(ErrorCode::from_code).find(|it| !it.is_none())
    {
        return Err(Error::broker(api, code, subject(group)));
    }
    let mut found = CommittedOffsets::new();
    let mut add = |topic: &str, index: i32, code: i16, offset: i64, epoch: i32, metadata| {
        let partition = TopicPartition::new(topic, index);
        let code = ErrorCode::from_code(code);
        let result = match code {
            // The wire writes -1 for no commit.
            ErrorCode::None if offset < 0 => return,
            ErrorCode::None => Ok(CommittedOffset {
                offset: Offset(offset),
                leader_epoch: (0 <= epoch).then_some(LeaderEpoch(epoch)),
                metadata: Option::unwrap_or_default(metadata),
            }),
            code => Err(Error::broker(api, code, Subject::Partition(partition.clone()))),
        };
        found.insert(partition, result);
    };
    for topic in response.topics {
        for it in topic.partitions {
            let (offset, epoch) = (it.committed_offset, it.committed_leader_epoch);
            add(&topic.name, it.partition_index, it.error_code, offset, epoch, it.metadata);
        }
    }
    for topic in response.groups.into_iter().flat_map(|it| it.topics) {
        for it in topic.partitions {
            let (offset, epoch) = (it.committed_offset, it.committed_leader_epoch);
            add(&topic.name, it.partition_index, it.error_code, offset, epoch, it.metadata);
        }
    }
    Ok(found)
}

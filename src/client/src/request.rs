//! Requests, each with its response.

use kt_protocol::ApiKey;
use kt_protocol::codec::{Message, Versions};
use kt_protocol::messages;

/// A message that a client sends and its answer.
pub(crate) trait Request: Message {
    /// What the broker answers with.
    type Response: Message;
    /// The key that both carry.
    const API: ApiKey;
}

macro_rules! requests {
    ($($api:ident: $request:ident => $response:ident;)*) => {
        $(impl Request for messages::$request {
            type Response = messages::$response;
            const API: ApiKey = ApiKey::$api;
        })*
    };
}

requests! {
    Produce: ProduceRequest => ProduceResponse;
    Fetch: FetchRequest => FetchResponse;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse;
    FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse;
    OffsetFetch: OffsetFetchRequest => OffsetFetchResponse;
    OffsetCommit: OffsetCommitRequest => OffsetCommitResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    OffsetDelete: OffsetDeleteRequest => OffsetDeleteResponse;
    ListGroups: ListGroupsRequest => ListGroupsResponse;
    DescribeGroups: DescribeGroupsRequest => DescribeGroupsResponse;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse;
    ShareGroupDescribe: ShareGroupDescribeRequest => ShareGroupDescribeResponse;
    StreamsGroupDescribe: StreamsGroupDescribeRequest => StreamsGroupDescribeResponse;
    DeleteGroups: DeleteGroupsRequest => DeleteGroupsResponse;
    JoinGroup: JoinGroupRequest => JoinGroupResponse;
    SyncGroup: SyncGroupRequest => SyncGroupResponse;
    Heartbeat: HeartbeatRequest => HeartbeatResponse;
    LeaveGroup: LeaveGroupRequest => LeaveGroupResponse;
    Metadata: MetadataRequest => MetadataResponse;
    CreateTopics: CreateTopicsRequest => CreateTopicsResponse;
    CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse;
    DeleteTopics: DeleteTopicsRequest => DeleteTopicsResponse;
    DeleteRecords: DeleteRecordsRequest => DeleteRecordsResponse;
    InitProducerId: InitProducerIdRequest => InitProducerIdResponse;
    DescribeLogDirs: DescribeLogDirsRequest => DescribeLogDirsResponse;
    DescribeConfigs: DescribeConfigsRequest => DescribeConfigsResponse;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
    ListConfigResources: ListConfigResourcesRequest => ListConfigResourcesResponse;
    ListPartitionReassignments:
        ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;
    DescribeProducers: DescribeProducersRequest => DescribeProducersResponse;
    DescribeQuorum: DescribeQuorumRequest => DescribeQuorumResponse;
    DescribeCluster: DescribeClusterRequest => DescribeClusterResponse;
    DescribeShareGroupOffsets:
        DescribeShareGroupOffsetsRequest => DescribeShareGroupOffsetsResponse;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;
}

/// The version to speak: the highest that both ends have and the caller can use.
pub(crate) fn choose_version(ours: Versions, theirs: Versions) -> Option<i16> {
    let common = Versions::new(ours.min.max(theirs.min), ours.max.min(theirs.max));
    (!common.is_empty()).then_some(common.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_spoken() {
        let choose = |ours: (i16, i16), theirs: (i16, i16)| {
            choose_version(Versions::new(ours.0, ours.1), Versions::new(theirs.0, theirs.1))
        };
        assert_eq!(choose((0, 13), (0, 9)), Some(9));
        assert_eq!(choose((3, 13), (0, 17)), Some(13));
        assert_eq!(choose((7, 9), (10, 11)), None);
        assert_eq!(choose((7, 9), (0, 6)), None);
    }
}

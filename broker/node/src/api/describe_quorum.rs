//! DescribeQuorum (55), v0-2: who leads the metadata quorum, and how far each replica is.
//!
//! v1+ times of the last fetch; v2+ directory ids and the controllers' addresses (KIP-853).

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::MetadataImage;
use kt_core::raft::{QuorumDescription, ReplicaDescription};
use kt_protocol::ErrorCode;
use kt_protocol::messages::describe_quorum_response::{
    Listener, Node as DescribedNode, PartitionData, ReplicaState, TopicData,
};
use kt_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};

const METADATA_TOPIC: &str = "__cluster_metadata";

pub(super) const API: Api = Api {
    key: ApiKey::DescribeQuorum,
    advertised: Versions::new(0, 2),
    listeners: Listeners::Both,
    handle,
};

/// Answers from the quorum's own description.
pub(crate) fn answer(
    image: &MetadataImage,
    quorum: &QuorumDescription,
    request: &DescribeQuorumRequest,
) -> DescribeQuorumResponse {
    let asks_rightly = match request.topics.as_slice() {
        [topic] if topic.topic_name == METADATA_TOPIC => {
            matches!(topic.partitions.as_slice(), [partition] if partition.partition_index == 0)
        }
        _ => false,
    };
    if !asks_rightly {
        return refuse(ErrorCode::UnknownTopicOrPartition, request);
    }
    if quorum.leader.is_none() {
        return refuse(ErrorCode::NotLeaderOrFollower, request);
    }
    let partition = PartitionData {
        partition_index: 0,
        leader_id: quorum.leader.map_or(-1, |it| it.0),
        leader_epoch: quorum.leader_epoch.0,
        high_watermark: quorum.high_watermark.map_or(-1, |it| it.0),
        current_voters: quorum.voters.iter().map(state).collect(),
        observers: quorum.observers.iter().map(state).collect(),
        ..PartitionData::default()
    };
    DescribeQuorumResponse {
        topics: vec![TopicData {
            topic_name: METADATA_TOPIC.to_owned(),
            partitions: vec![partition],
        }],
        nodes: nodes(image, quorum),
        ..DescribeQuorumResponse::default()
    }
}

fn refuse(error: ErrorCode, request: &DescribeQuorumRequest) -> DescribeQuorumResponse {
    let topics = request.topics.iter().map(|topic| TopicData {
        topic_name: topic.topic_name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| PartitionData {
                partition_index: partition.partition_index,
                error_code: error.code(),
                ..PartitionData::default()
            })
            .collect(),
    });
    DescribeQuorumResponse { topics: topics.collect(), ..DescribeQuorumResponse::default() }
}

fn state(replica: &ReplicaDescription) -> ReplicaState {
    ReplicaState {
        replica_id: replica.key.id.0,
        replica_directory_id: replica.key.directory_id.unwrap_or_default(),
        log_end_offset: replica.log_end_offset.map_or(-1, |it| it.0),
        last_fetch_timestamp: replica.last_fetch.0,
        last_caught_up_timestamp: replica.last_caught_up.0,
    }
}

fn nodes(image: &MetadataImage, quorum: &QuorumDescription) -> Vec<DescribedNode> {
    let voters = quorum.voters.iter().filter_map(|it| image.controllers().get(it.key.id));
    voters
        .map(|controller| DescribedNode {
            node_id: controller.controller_id,
            listeners: controller
                .end_points
                .iter()
                .map(|endpoint| Listener {
                    name: endpoint.name.clone(),
                    host: endpoint.host.clone(),
                    port: endpoint.port,
                })
                .collect(),
        })
        .collect()
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DescribeQuorumRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let quorum = node.metadata.describe_quorum(now.wall);
    let response = answer(&node.metadata.image(), &quorum, &request);
    context.answer(&response, effects);
}

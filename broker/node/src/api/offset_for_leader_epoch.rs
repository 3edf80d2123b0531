//! OffsetForLeaderEpoch (23), v2-4: where an epoch ends here, so that a client finds out up to
//! where its records are ours (KIP-101, KIP-320).

use kt_core::replica::check_leader_epoch;
use kt_protocol::codec::Versions;
use kt_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kt_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kt_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use kt_protocol::types::{LeaderEpoch, Now};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::OffsetForLeaderEpoch,
    advertised: Versions::new(2, 4),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<OffsetForLeaderEpochRequest>(effects)
    else {
        return;
    };
    let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
        topic: topic.topic.clone(),
        partitions: topic.partitions.iter().map(|it| end_of(node, &topic.topic, it)).collect(),
    });
    let response = OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() };
    context.answer(&response, effects);
}

fn end_of(node: &Node, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let epoch = LeaderEpoch(asked.leader_epoch);
    let end = node.replicas.find(topic, asked.partition).and_then(|partition| {
        let bounds = partition.bounds()?;
        check_leader_epoch(LeaderEpoch(asked.current_leader_epoch), bounds.epoch)?;
        Ok(partition.end_of_epoch(epoch))
    });
    let (error, end) = match end {
        Ok(end) => (ErrorCode::None, end),
        Err(code) => (code, None),
    };
    EpochEndOffset {
        error_code: error as i16,
        partition: asked.partition,
        leader_epoch: end.map_or(-1, |(epoch, _)| epoch.0),
        end_offset: end.map_or(-1, |(_, end)| end.0),
    }
}

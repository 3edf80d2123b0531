//! DescribeProducers (61), v0: who writes to a partition (KIP-664).

use kt_protocol::codec::Versions;
use kt_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kt_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::DescribeProducers,
    advertised: Versions::new(0, 0),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<DescribeProducersRequest>(effects)
    else {
        return;
    };
    let topics = request.topics.iter().map(|topic| TopicResponse {
        name: topic.name.clone(),
        partitions: topic.partition_indexes.iter().map(|it| of(node, &topic.name, *it)).collect(),
    });
    let response = DescribeProducersResponse { topics: topics.collect(), ..Default::default() };
    context.answer(&response, effects);
}

fn of(node: &Node, topic: &str, index: i32) -> PartitionResponse {
    let producers = node.replicas.find(topic, index).and_then(|partition| partition.producers());
    let (error, active_producers): (ErrorCode, Vec<ProducerState>) = match producers {
        Ok(producers) => (ErrorCode::None, producers),
        Err(code) => (code, Vec::new()),
    };
    PartitionResponse {
        partition_index: index,
        error_code: error as i16,
        error_message: None,
        active_producers,
    }
}

//! DescribeTopicPartitions (75), v0: topics page by page, with the ELR (KIP-966).
//!
//! Topics are answered in the order of their names. A page ends after as many partitions as the
//! request or `max.request.partition.size.limit` allows; the cursor says where the next begins.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::{MetadataImage, TopicImage};
use kt_core::topic_name;
use kt_protocol::ErrorCode;
use kt_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kt_protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use kt_protocol::types::PartitionIndex;

use super::authorized_operations::ALL_OF_TOPIC;
use super::partition_view::{PartitionView, numbers};

pub(super) const API: Api = Api {
    key: ApiKey::DescribeTopicPartitions,
    advertised: Versions::new(0, 0),
    listeners: Listeners::Broker,
    handle,
};

/// Answers from an image. `limit_max` is the broker's own bound on the partitions of a page.
pub(crate) fn answer(
    image: &MetadataImage,
    listener: &str,
    request: &DescribeTopicPartitionsRequest,
    limit_max: i32,
) -> DescribeTopicPartitionsResponse {
    let start = request.cursor.as_deref();
    let start_topic = start.map(|it| it.topic_name.as_str()).unwrap_or_default();
    let start_partition = start.map_or(0, |it| it.partition_index);
    let names: Vec<&str> = if request.topics.is_empty() {
        image.topics().iter_from(start_topic).map(|it| it.name.as_str()).collect()
    } else {
        let mut names: Vec<&str> = request.topics.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|it| start_topic <= *it).collect()
    };
    let limit = request.response_partition_limit.clamp(0, limit_max.max(0));
    let mut left = usize::try_from(limit).unwrap_or(0);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names {
        let Some(topic) = image.topics().get(name) else {
            // A topic of the cursor that was deleted meanwhile is passed over in a listing of all.
            response.topics.push(unknown(name));
            continue;
        };
        let first = if name == start_topic { start_partition } else { 0 };
        if left == 0 {
            response.next_cursor = Some(Box::new(cursor(name, first)));
            break;
        }
        let next = show(image, topic, listener, first, &mut left, &mut response.topics);
        if let Some(partition) = next {
            response.next_cursor = Some(Box::new(cursor(name, partition)));
            break;
        }
    }
    response
}

fn cursor(topic_name: &str, partition_index: i32) -> Cursor {
    Cursor { topic_name: topic_name.to_owned(), partition_index }
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = match topic_name::validate(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.to_owned()),
        is_internal: topic_name::is_internal(name),
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}

/// Shows a topic from partition `first` on; returns the partition that did not fit any more.
fn show(
    image: &MetadataImage,
    topic: &TopicImage,
    listener: &str,
    first: i32,
    left: &mut usize,
    topics: &mut Vec<DescribeTopicPartitionsResponseTopic>,
) -> Option<i32> {
    let mut partitions = Vec::new();
    let mut next = None;
    for (index, partition) in topic.partitions.iter_from(&PartitionIndex(first)) {
        if *left == 0 {
            next = Some(index.0);
            break;
        }
        *left -= 1;
        let view = PartitionView::of(image, partition, listener);
        partitions.push(DescribeTopicPartitionsResponsePartition {
            error_code: view.error.code(),
            partition_index: index.0,
            leader_id: view.leader,
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: view.replicas,
            isr_nodes: view.isr,
            eligible_leader_replicas: Some(numbers(&partition.elr)),
            last_known_elr: Some(numbers(&partition.last_known_elr)),
            offline_replicas: view.offline,
        });
    }
    topics.push(DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic_name::is_internal(&topic.name),
        partitions,
        topic_authorized_operations: ALL_OF_TOPIC,
    });
    next
}

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DescribeTopicPartitionsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let limit = node.config().max_request_partition_size_limit;
    let response = answer(&node.metadata.image(), &context.session.listener, &request, limit);
    let _ = now;
    context.answer(&response, effects);
}

//! ListPartitionReassignments (46), v0: the partitions whose replicas are being moved (KIP-455).
//!
//! Of topics and partitions that are asked for by name, those that do not exist or do not move are
//! left out, as Kafka does.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::types::Now;

use super::partition_view::numbers;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;
use kt_core::metadata::{MetadataImage, PartitionRegistration, TopicImage};
use kt_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kt_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use kt_protocol::types::PartitionIndex;

pub(super) const API: Api = Api {
    key: ApiKey::ListPartitionReassignments,
    advertised: Versions::new(0, 0),
    listeners: Listeners::Both,
    handle,
};

/// Answers from an image.
pub(crate) fn answer(
    image: &MetadataImage,
    request: &ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let mut topics = Vec::new();
    match &request.topics {
        None => topics.extend(image.topics().iter().filter_map(|it| ongoing(it, |_| true))),
        Some(asked) => {
            // A request may name the same a million times: each is looked for and answered once.
            let mut wanted: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
            for it in asked {
                wanted.entry(&it.name).or_default().extend(&it.partition_indexes);
            }
            for (name, indexes) in wanted {
                let Some(topic) = image.topics().get(name) else { continue };
                topics.extend(ongoing(topic, |index| indexes.contains(&index.0)));
            }
        }
    }
    ListPartitionReassignmentsResponse { topics, ..ListPartitionReassignmentsResponse::default() }
}

fn ongoing(
    topic: &TopicImage,
    is_asked: impl Fn(PartitionIndex) -> bool,
) -> Option<OngoingTopicReassignment> {
    let moving =
        topic.partitions.iter().filter(|(index, it)| it.is_reassigning() && is_asked(**index));
    let partitions: Vec<OngoingPartitionReassignment> =
        moving.map(|(index, it)| reassignment(*index, it)).collect();
    (!partitions.is_empty())
        .then(|| OngoingTopicReassignment { name: topic.name.clone(), partitions })
}

fn reassignment(index: PartitionIndex, it: &PartitionRegistration) -> OngoingPartitionReassignment {
    OngoingPartitionReassignment {
        partition_index: index.0,
        replicas: numbers(&it.replicas),
        adding_replicas: numbers(&it.adding_replicas),
        removing_replicas: numbers(&it.removing_replicas),
    }
}

fn handle(node: &Node, _now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<ListPartitionReassignmentsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let response = answer(&node.metadata.image(), &request);
    context.answer(&response, effects);
}

#[cfg(test)]
mod tests {
    use kt_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
    use kt_protocol::messages::{PartitionRecord, TopicRecord};
    use kt_protocol::types::Uuid;

    use super::*;

    /// A topic of two partitions, of which the second moves from 2 to 3.
    fn image() -> MetadataImage {
        let id = Uuid([1; 16]);
        let mut image = MetadataImage::default();
        let partition = |index, adding: &[i32], removing: &[i32]| PartitionRecord {
            topic_id: id,
            partition_id: index,
            replicas: vec![1, 2, 3],
            isr: vec![1, 2],
            adding_replicas: adding.to_vec(),
            removing_replicas: removing.to_vec(),
            ..Default::default()
        };
        image.apply(&TopicRecord { name: "orders".to_owned(), topic_id: id }.into()).unwrap();
        image.apply(&partition(0, &[], &[]).into()).unwrap();
        image.apply(&partition(1, &[3], &[2]).into()).unwrap();
        image
    }

    fn listed(asked: Option<&[(&str, &[i32])]>) -> Vec<(String, Vec<i32>)> {
        let topic = |(name, indexes): &(&str, &[i32])| ListPartitionReassignmentsTopics {
            name: (*name).to_owned(),
            partition_indexes: indexes.to_vec(),
        };
        let topics = asked.map(|it| it.iter().map(topic).collect());
        let request = ListPartitionReassignmentsRequest { topics, ..Default::default() };
        let response = answer(&image(), &request);
        let indexes = |it: OngoingTopicReassignment| {
            (it.name, it.partitions.iter().map(|it| it.partition_index).collect())
        };
        response.topics.into_iter().map(indexes).collect()
    }

    #[test]
    fn what_moves_is_listed_with_who_comes_and_goes() {
        let request = ListPartitionReassignmentsRequest { topics: None, ..Default::default() };
        let response = answer(&image(), &request);
        let moving = OngoingPartitionReassignment {
            partition_index: 1,
            replicas: vec![1, 2, 3],
            adding_replicas: vec![3],
            removing_replicas: vec![2],
        };
        assert_eq!(response.topics.len(), 1);
        assert_eq!(response.topics[0].partitions, [moving]);
    }

    #[test]
    fn what_does_not_move_or_exist_is_left_out() {
        let orders = |indexes: &[i32]| vec![("orders".to_owned(), indexes.to_vec())];
        assert_eq!(listed(Some(&[("orders", &[0, 1, 9]), ("nosuch", &[0])])), orders(&[1]));
        assert_eq!(listed(Some(&[("orders", &[0])])), []);
        assert_eq!(listed(Some(&[])), []);
    }

    #[test]
    fn what_is_named_often_is_answered_once() {
        let asked: [(&str, &[i32]); 3] = [("orders", &[1, 1]), ("orders", &[0]), ("orders", &[1])];
        assert_eq!(listed(Some(&asked)), [("orders".to_owned(), vec![1])]);
    }
}

//! OffsetCommit (8), v2-10: where a group stands.
//!
//! v5 dropped the retention time of its own; v6+ carries leader epochs (KIP-320); v7+ knows static
//! members (KIP-345); v10 names topics by id. What is committed of topics and partitions that do
//! not exist is refused here; the rest is the group's.

use std::collections::BTreeMap;

use kt_core::group::Answer;
use kt_core::metadata::{MetadataImage, TopicImage};
use kt_protocol::codec::Versions;
use kt_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kt_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kt_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use kt_protocol::types::{Now, PartitionIndex};
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::call;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::OffsetCommit,
    advertised: Versions::new(2, 10),
    listeners: Listeners::Broker,
    handle,
};

/// The first version that names topics by id.
const FIRST_VERSION_WITH_IDS: i16 = 10;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<OffsetCommitRequest>(effects);
    let Some((context, mut request)) = decoded else { return };
    let version = context.version;
    let asked = Asked::of(&request);
    let refused = refuse_unknown(&node.image(), &mut request, version);
    if request.topics.is_empty() {
        let response = OffsetCommitResponse { topics: refused, ..Default::default() };
        return context.answer(&asked.in_order(response), effects);
    }
    let topics = request.topics.iter().map(Answered::of).collect::<Vec<_>>();
    let answer = move |result: Result<_, ErrorCode>| {
        let mut response = match result {
            Ok(Answer::OffsetCommit(response)) => response,
            Ok(other) => unreachable!("{other:?} answers no OffsetCommit"),
            Err(code) => failed(&topics, code),
        };
        response.topics.extend(refused);
        asked.in_order(response)
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.commit_offsets(now, token, version, &request),
        answer,
        effects,
    );
}

/// The topics in the order of the request.
struct Asked(Vec<(String, kt_protocol::types::Uuid)>);

impl Asked {
    fn of(request: &OffsetCommitRequest) -> Asked {
        Asked(request.topics.iter().map(|it| (it.name.clone(), it.topic_id)).collect())
    }

    /// Puts the parts of a topic together, and topics where the request had them.
    fn in_order(&self, response: OffsetCommitResponse) -> OffsetCommitResponse {
        let mut topics: Vec<OffsetCommitResponseTopic> = Vec::new();
        for topic in response.topics {
            let same = |it: &&mut OffsetCommitResponseTopic| {
                it.name == topic.name && it.topic_id == topic.topic_id
            };
            match topics.iter_mut().find(same) {
                Some(known) => known.partitions.extend(topic.partitions),
                None => topics.push(topic),
            }
        }
        let place = |it: &OffsetCommitResponseTopic| {
            let is_asked = |(name, id): &(String, _)| match name.is_empty() {
                true => *id == it.topic_id,
                false => *name == it.name,
            };
            self.0.iter().position(is_asked)
        };
        topics.sort_by_key(place);
        OffsetCommitResponse { topics, ..response }
    }
}

/// What of a topic is to be answered.
struct Answered {
    topic: OffsetCommitResponseTopic,
    partitions: Vec<i32>,
}

impl Answered {
    fn of(topic: &OffsetCommitRequestTopic) -> Answered {
        Answered {
            topic: OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: Vec::new(),
            },
            partitions: topic.partitions.iter().map(|it| it.partition_index).collect(),
        }
    }
}

fn failed(topics: &[Answered], code: ErrorCode) -> OffsetCommitResponse {
    let topic = |it: &Answered| OffsetCommitResponseTopic {
        partitions: it.partitions.iter().map(|index| partition(*index, code)).collect(),
        ..it.topic.clone()
    };
    OffsetCommitResponse { topics: topics.iter().map(topic).collect(), ..Default::default() }
}

fn partition(partition_index: i32, code: ErrorCode) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition { partition_index, error_code: code.code() }
}

/// Takes out of the request what does not exist, and gives the topics that are left both of their
/// names. Gives the answers to what was taken out.
fn refuse_unknown(
    image: &MetadataImage,
    request: &mut OffsetCommitRequest,
    version: i16,
) -> Vec<OffsetCommitResponseTopic> {
    let mut refused = BTreeMap::new();
    let mut known = Vec::with_capacity(request.topics.len());
    for (at, mut topic) in std::mem::take(&mut request.topics).into_iter().enumerate() {
        let by_id = FIRST_VERSION_WITH_IDS <= version;
        let found = match by_id {
            true => image.topics().get_by_id(topic.topic_id),
            false => image.topics().get(&topic.name),
        };
        let code = match (found, by_id) {
            (None, true) => ErrorCode::UnknownTopicId,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        if let Some(found) = found {
            topic.name.clone_from(&found.name);
            topic.topic_id = found.id;
        }
        let exists = |index: i32, topic: Option<&std::sync::Arc<TopicImage>>| {
            topic.is_some_and(|it| it.partition(PartitionIndex(index)).is_some())
        };
        let answered = Answered::of(&topic).topic;
        let (there, missing): (Vec<_>, Vec<_>) =
            topic.partitions.into_iter().partition(|it| exists(it.partition_index, found));
        if !missing.is_empty() {
            let partitions = missing.iter().map(|it| partition(it.partition_index, code)).collect();
            refused.insert(at, OffsetCommitResponseTopic { partitions, ..answered });
        }
        if !there.is_empty() {
            known.push(OffsetCommitRequestTopic { partitions: there, ..topic });
        }
    }
    request.topics = known;
    refused.into_values().collect()
}

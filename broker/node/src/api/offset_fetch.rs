//! OffsetFetch (9), v1-10: where groups stand.
//!
//! v2+ may ask for all topics; v7+ for what no open transaction may change (KIP-447); v8+ for several
//! groups (KIP-709); v9 for members of consumer groups; v10 names topics by id.

use std::sync::Arc;

use kt_core::group::{
    OffsetStability, Shard, offset_fetch_error, offset_fetch_groups, offset_fetch_response,
};
use kt_core::metadata::MetadataImage;
use kt_protocol::codec::Versions;
use kt_protocol::messages::OffsetFetchRequest;
use kt_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kt_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::group_coordinator::UntilAll;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::OffsetFetch,
    advertised: Versions::new(1, 10),
    listeners: Listeners::Broker,
    handle,
};

/// The first version that names topics by id.
const FIRST_VERSION_WITH_IDS: i16 = 10;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<OffsetFetchRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let version = context.version;
    let stability = match request.require_stable {
        true => OffsetStability::Stable,
        false => OffsetStability::Any,
    };
    let image = node.image();
    let groups = offset_fetch_groups(&request, version);
    let answer = move |groups, effects: &mut Vec<Effect>| {
        context.answer(&offset_fetch_response(groups, version), effects);
    };
    let all = UntilAll::new(groups.len(), answer, effects);
    for (at, mut group) in groups.into_iter().enumerate() {
        let unknown = name_topics(&image, &mut group, version);
        let shard = node.group_shard(&image, &group.group_id);
        let all = Arc::clone(&all);
        let asked = group.clone();
        let image = Arc::clone(&image);
        let answer = move |result: Result<OffsetFetchResponseGroup, ErrorCode>,
                           effects: &mut Vec<Effect>| {
            let mut response =
                result.unwrap_or_else(|code| offset_fetch_error(&asked, code, version));
            if FIRST_VERSION_WITH_IDS <= version {
                identify_topics(&image, &mut response);
            }
            response.topics.extend(unknown);
            all.fill(at, response, effects);
        };
        match shard {
            Ok(shard) => {
                let fetch = |it: &Shard<_>| it.fetch_offsets(version, &group, stability);
                shard.query(node, now, answer, fetch, effects);
            }
            Err(code) => answer(Err(code), effects),
        }
    }
}

/// Gives the topics that are asked for by id their names. Takes out those that do not exist, and
/// gives the answers to them.
fn name_topics(
    image: &MetadataImage,
    group: &mut OffsetFetchRequestGroup,
    version: i16,
) -> Vec<OffsetFetchResponseTopics> {
    let mut unknown = Vec::new();
    if version < FIRST_VERSION_WITH_IDS {
        return unknown;
    }
    let Some(topics) = &mut group.topics else { return unknown };
    topics.retain_mut(|topic| match image.topics().get_by_id(topic.topic_id) {
        Some(found) => {
            topic.name.clone_from(&found.name);
            true
        }
        None => {
            unknown.push(of_unknown(topic));
            false
        }
    });
    unknown
}

fn of_unknown(topic: &OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
    let partition = |index: &i32| OffsetFetchResponsePartitions {
        partition_index: *index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: ErrorCode::UnknownTopicId.code(),
    };
    OffsetFetchResponseTopics {
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(partition).collect(),
        ..OffsetFetchResponseTopics::default()
    }
}

/// Gives topics their ids. One that does not exist any more has none, and cannot be answered.
fn identify_topics(image: &MetadataImage, response: &mut OffsetFetchResponseGroup) {
    response.topics.retain_mut(|topic| match image.topics().get(&topic.name) {
        Some(found) => {
            topic.topic_id = found.id;
            true
        }
        None => false,
    });
}

//! CreateTopics (19), v2-7: each topic is made whole or not at all.
//!
//! v5+ answers with the configs, v7+ with the topic's id. `timeout_ms` is not waited for: the
//! answer leaves when this broker serves the topic.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use kt_protocol::types::{Now, Uuid};

use super::controller_change::change_and_serve;
use super::{Api, Incoming, Listeners};
use crate::config::Schema;
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::CreateTopics,
    advertised: Versions::new(2, 7),
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<CreateTopicsRequest>(effects) else {
        return;
    };
    let sources = node.sources();
    let schema = Schema { sources: &sources };
    let decide = |it: crate::metadata_log::Deciding<'_>| {
        it.controller.create_topics(it.random, &schema, &request)
    };
    change_and_serve(node, now, context, decide, created, effects);
}

fn created(_: &Node, response: &CreateTopicsResponse) -> Vec<Uuid> {
    let made = response.topics.iter().filter(|it| it.error_code == 0 && !it.topic_id.is_zero());
    made.map(|it| it.topic_id).collect()
}

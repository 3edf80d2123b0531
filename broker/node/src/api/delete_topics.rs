//! DeleteTopics (20), v1-6: by name, and from v6 on by id as well.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::messages::DeleteTopicsRequest;
use kt_protocol::types::Now;

use super::controller_change::change;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::DeleteTopics,
    advertised: Versions::new(1, 6),
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<DeleteTopicsRequest>(effects) else {
        return;
    };
    let version = context.version;
    change(node, now, context, |it| it.controller.delete_topics(version, &request), effects);
}

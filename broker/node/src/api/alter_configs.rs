//! AlterConfigs (33), v0-2. Sets everything of a thing at once: what is not named is unset.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::messages::AlterConfigsRequest;
use kt_protocol::types::Now;

use super::controller_change::change;
use super::{Api, Incoming, Listeners};
use crate::config::Schema;
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::AlterConfigs,
    advertised: Versions::new(0, 2),
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<AlterConfigsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let sources = node.sources();
    let schema = Schema { sources: &sources };
    change(node, now, context, |it| it.controller.alter_configs(&schema, &request), effects);
}

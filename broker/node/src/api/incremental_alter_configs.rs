//! IncrementalAlterConfigs (44), v0-1. Sets, unsets, and adds to lists (KIP-339).

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::messages::IncrementalAlterConfigsRequest;
use kt_protocol::types::Now;

use super::controller_change::change;
use super::{Api, Incoming, Listeners};
use crate::config::Schema;
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::IncrementalAlterConfigs,
    advertised: Versions::new(0, 1),
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<IncrementalAlterConfigsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let sources = node.sources();
    let schema = Schema { sources: &sources };
    change(
        node,
        now,
        context,
        |it| it.controller.incremental_alter_configs(&schema, &request),
        effects,
    );
}

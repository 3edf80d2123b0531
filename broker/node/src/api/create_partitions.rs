//! CreatePartitions (37), v0-3: topics grow, they never shrink.

use kt_protocol::ApiKey;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use kt_protocol::types::{Now, Uuid};

use super::controller_change::change_and_serve;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::CreatePartitions,
    advertised: Versions::new(0, 3),
    listeners: Listeners::Both,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<CreatePartitionsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let decide = |it: crate::metadata_log::Deciding<'_>| {
        it.controller.create_partitions(it.random, &request)
    };
    change_and_serve(node, now, context, decide, grown, effects);
}

fn grown(node: &Node, response: &CreatePartitionsResponse) -> Vec<Uuid> {
    let image = node.metadata.image();
    let grown = response.results.iter().filter(|it| it.error_code == 0);
    grown.filter_map(|it| Some(image.topics().get(&it.name)?.id)).collect()
}

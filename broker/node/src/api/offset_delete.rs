//! OffsetDelete (47), v0: an operator takes away what a group has committed (KIP-496).

use kt_core::group::Answer;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::call;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::OffsetDelete,
    advertised: Versions::new(0, 0),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<OffsetDeleteRequest>(effects);
    let Some((context, request)) = decoded else { return };

    let answer = move |result: Result<_, ErrorCode>| match result {
        Ok(Answer::OffsetDelete(response)) => response,
        Ok(other) => unreachable!("{other:?} answers no OffsetDelete"),
        Err(code) => OffsetDeleteResponse { error_code: code.code(), ..Default::default() },
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.delete_offsets(token, &request),
        answer,
        effects,
    );
}

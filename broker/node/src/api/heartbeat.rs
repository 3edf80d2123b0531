//! Heartbeat (12), v0-4: a member says that it lives.
//!
//! v3+ knows static members (KIP-345). While the group is being loaded it is told that all is well: it
//! keeps its place, and nobody counts its session yet.

use kt_core::group::Answer;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{HeartbeatRequest, HeartbeatResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::call;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::Heartbeat,
    advertised: Versions::new(0, 4),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<HeartbeatRequest>(effects);
    let Some((context, request)) = decoded else { return };

    let answer = move |result: Result<_, ErrorCode>| match result {
        Ok(Answer::Heartbeat(response)) => response,
        Ok(other) => unreachable!("{other:?} answers no Heartbeat"),
        Err(ErrorCode::CoordinatorLoadInProgress) => HeartbeatResponse::default(),
        Err(code) => HeartbeatResponse { error_code: code.code(), ..Default::default() },
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.heartbeat(now, token, &request),
        answer,
        effects,
    );
}

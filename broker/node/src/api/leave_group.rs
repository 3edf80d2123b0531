//! LeaveGroup (13), v0-5: members go.
//!
//! v3+ names many, also by their instance ids (KIP-345); v5 says why (KIP-800).

use kt_core::group::Answer;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::call;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::LeaveGroup,
    advertised: Versions::new(0, 5),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<LeaveGroupRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let version = context.version;
    let answer = move |result: Result<_, ErrorCode>| match result {
        Ok(Answer::LeaveGroup(response)) => response,
        Ok(other) => unreachable!("{other:?} answers no LeaveGroup"),
        Err(code) => LeaveGroupResponse { error_code: code.code(), ..Default::default() },
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.leave_group(now, token, version, &request),
        answer,
        effects,
    );
}

//! JoinGroup (11), v0-9: a member wants to be in the group's next generation.
//!
//! v1+ has a rebalance time-out; v4+ gives out the member id first (KIP-394); v5+ knows static
//! members (KIP-345); v7+ answers with the protocol's type; v8+ says why it joins (KIP-800); v9
//! lets a leader skip its assignment (KIP-814). The answer waits for the other members.

use kt_core::group::{Answer, Caller};
use kt_protocol::codec::Versions;
use kt_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::{call, java_address};
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::JoinGroup,
    advertised: Versions::new(0, 9),
    listeners: Listeners::Broker,
    handle,
};

/// From this version on no protocol is null; before it is an empty text.
const FIRST_VERSION_WITH_NULL_PROTOCOL: i16 = 7;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<JoinGroupRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let version = context.version;
    let client_id = context.client_id.clone().unwrap_or_default();
    let client_host = java_address(context.session.client_host);
    let caller = Caller { client_id: &client_id, client_host: &client_host };
    let member_id = request.member_id.clone();
    let answer = move |result: Result<_, ErrorCode>| match result {
        Ok(Answer::JoinGroup(response)) => response,
        Ok(other) => unreachable!("{other:?} answers no JoinGroup"),
        Err(code) => refused(code, member_id, version),
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.join_group(now, token, version, caller, &request),
        answer,
        effects,
    );
}

fn refused(code: ErrorCode, member_id: String, version: i16) -> JoinGroupResponse {
    let protocol_name = (version < FIRST_VERSION_WITH_NULL_PROTOCOL).then(String::new);
    JoinGroupResponse {
        error_code: code.code(),
        generation_id: -1,
        protocol_name,
        member_id,
        ..JoinGroupResponse::default()
    }
}

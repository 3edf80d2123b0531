//! SyncGroup (14), v0-5: a member asks for its partitions, the leader brings those of all.
//!
//! v3+ knows static members (KIP-345), v5+ says what protocol it is about (KIP-559). The answer
//! waits for the leader.

use kt_core::group::Answer;
use kt_protocol::codec::Versions;
use kt_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::group_call::call;
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::SyncGroup,
    advertised: Versions::new(0, 5),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<SyncGroupRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let version = context.version;
    let answer = move |result: Result<_, ErrorCode>| match result {
        Ok(Answer::SyncGroup(response)) => response,
        Ok(other) => unreachable!("{other:?} answers no SyncGroup"),
        Err(code) => SyncGroupResponse { error_code: code.code(), ..Default::default() },
    };
    let group_id = &request.group_id;
    call(
        node,
        now,
        context,
        group_id,
        |shard, token| shard.sync_group(now, token, version, &request),
        answer,
        effects,
    );
}

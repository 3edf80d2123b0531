//! DescribeGroups (15), v0-6: who is in classic groups, and what each member has.
//!
//! v3+ may ask for operations; v5+ tells static members; v6 has an error of its own for groups that
//! do not exist, which are "Dead" before (KIP-1043).

use kt_core::group::Shard;
use kt_protocol::codec::Versions;
use kt_protocol::messages::describe_groups_response::DescribedGroup;
use kt_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::authorized_operations::{ALL_OF_GROUP, NOT_ASKED};
use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::group_coordinator::UntilAll;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::DescribeGroups,
    advertised: Versions::new(0, 6),
    listeners: Listeners::Broker,
    handle,
};

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DescribeGroupsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let version = context.version;
    let operations = if request.include_authorized_operations { ALL_OF_GROUP } else { NOT_ASKED };
    let answer = move |groups: Vec<DescribedGroup>, effects: &mut Vec<Effect>| {
        context.answer(&DescribeGroupsResponse { groups, ..Default::default() }, effects);
    };
    let all = UntilAll::new(request.groups.len(), answer, effects);
    let image = node.image();
    for (at, group_id) in request.groups.iter().enumerate() {
        let all = std::sync::Arc::clone(&all);
        let named = group_id.clone();
        let answer = move |result: Result<DescribedGroup, ErrorCode>, effects: &mut Vec<_>| {
            let mut group = result.unwrap_or_else(|code| failed(named, code));
            group.authorized_operations =
                if group.error_code == 0 { operations } else { NOT_ASKED };
            all.fill(at, group, effects);
        };
        if group_id.is_empty() {
            answer(Err(ErrorCode::InvalidGroupId), effects);
            continue;
        }
        match node.group_shard(&image, group_id) {
            Ok(shard) => {
                let describe = |it: &Shard<_>| it.describe_group(version, group_id);
                shard.query(node, now, answer, describe, effects);
            }
            Err(code) => answer(Err(code), effects),
        }
    }
}

fn failed(group_id: String, code: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: code.code(), ..Default::default() }
}

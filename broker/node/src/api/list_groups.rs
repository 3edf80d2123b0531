//! ListGroups (16), v0-5: the groups that this broker coordinates.
//!
//! v4+ filters by state (KIP-518), v5+ by type (KIP-848).

use kt_core::group::Shard;
use kt_protocol::codec::Versions;
use kt_protocol::messages::list_groups_response::ListedGroup;
use kt_protocol::messages::{ListGroupsRequest, ListGroupsResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::group_coordinator::UntilAll;
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::ListGroups,
    advertised: Versions::new(0, 5),
    listeners: Listeners::Broker,
    handle,
};

type Part = Result<Vec<ListedGroup>, ErrorCode>;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<ListGroupsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let are_awaited = node.are_shards_awaited(&node.image());
    let shards = node.groups.shards();
    let answer = move |mut parts: Vec<Part>, effects: &mut Vec<Effect>| {
        if are_awaited {
            parts.push(Err(ErrorCode::CoordinatorLoadInProgress));
        }
        context.answer(&response(parts), effects);
    };
    let all = UntilAll::new(shards.len(), answer, effects);
    for (at, shard) in shards.values().enumerate() {
        let all = std::sync::Arc::clone(&all);
        let answer = move |part: Part, effects: &mut Vec<Effect>| all.fill(at, part, effects);
        let list = |it: &Shard<_>| it.list_groups(&request.states_filter, &request.types_filter);
        shard.query(node, now, answer, list, effects);
    }
}

/// A shard that has moved away is listed by its next coordinator; one that is being loaded makes the
/// list incomplete, and the answer says so.
fn response(parts: Vec<Part>) -> ListGroupsResponse {
    let mut response = ListGroupsResponse::default();
    for part in parts {
        match part {
            Ok(groups) => response.groups.extend(groups),
            Err(ErrorCode::NotCoordinator) => {}
            Err(code) => response.error_code = code.code(),
        }
    }
    response
}

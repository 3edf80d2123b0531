//! DeleteGroups (42), v0-2: groups without members go, with all that they committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_core::group::Answer;
use kt_protocol::codec::Versions;
use kt_protocol::messages::delete_groups_response::DeletableGroupResult;
use kt_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};
use kt_protocol::types::Now;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Incoming, Listeners};
use crate::effect::Effect;
use crate::group_coordinator::{GroupShard, UntilAll};
use crate::node::Node;

pub(super) const API: Api = Api {
    key: ApiKey::DeleteGroups,
    advertised: Versions::new(0, 2),
    listeners: Listeners::Broker,
    handle,
};

type Results = Vec<DeletableGroupResult>;

/// The names of groups, with the shard that they are in, by its partition.
type ByShard = BTreeMap<i32, (Arc<GroupShard>, Vec<String>)>;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let decoded = incoming.decode_or_close::<DeleteGroupsRequest>(effects);
    let Some((context, request)) = decoded else { return };
    let mut names = request.groups_names;
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let (by_shard, refused) = route(node, &names);
    let answer = move |parts: Vec<Results>, effects: &mut Vec<Effect>| {
        let mut results: Results = parts.into_iter().flatten().chain(refused).collect();
        results.sort_by_key(|it| names.iter().position(|name| *name == it.group_id));
        context.answer(&DeleteGroupsResponse { results, ..Default::default() }, effects);
    };
    let all = UntilAll::new(by_shard.len(), answer, effects);
    for (at, (shard, names)) in by_shard.into_values().enumerate() {
        let all = Arc::clone(&all);
        let named = names.clone();
        let asker = move |result: Result<Answer, ErrorCode>, effects: &mut Vec<Effect>| {
            let results = match result {
                Ok(Answer::DeleteGroups(results)) => results,
                Ok(other) => unreachable!("{other:?} answers no DeleteGroups"),
                Err(code) => named.into_iter().map(|name| failed(name, code)).collect(),
            };
            all.fill(at, results, effects);
        };
        shard.ask(node, now, Box::new(asker), |it, token| it.delete_groups(token, &names), effects);
    }
}

/// The names by the partition of their shard, and those that are not here.
fn route(node: &Node, names: &[String]) -> (ByShard, Results) {
    let image = node.image();
    let mut by_shard = ByShard::new();
    let mut refused = Vec::new();
    for name in names {
        match node.group_shard(&image, name) {
            Ok(shard) => {
                let entry = by_shard.entry(shard.index());
                entry.or_insert_with(|| (shard, Vec::new())).1.push(name.clone());
            }
            Err(code) => refused.push(failed(name.clone(), code)),
        }
    }
    (by_shard, refused)
}

fn failed(group_id: String, code: ErrorCode) -> DeletableGroupResult {
    DeletableGroupResult { group_id, error_code: code.code() }
}

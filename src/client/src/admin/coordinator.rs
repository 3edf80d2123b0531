//! Asking the coordinators of groups (FindCoordinator), and finding them again when groups have
//! moved.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::messages::find_coordinator_response::Coordinator;
use kt_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};
use tokio::time::Instant;

use super::Admin;
use crate::backoff::Backoff;
use crate::client::{Limit, Target};
use crate::config::Event;
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::metadata::leader;
use crate::request::Request;

/// The key type of groups.
const GROUP: i8 = 0;

/// From here on one request asks for several (KIP-699).
const FIRST_BATCHED: i16 = 4;

/// Groups in one request, so that no answer grows with the cluster.
const GROUPS_PER_REQUEST: usize = 200;

/// What became of each group.
///
/// Shown at [`Admin::describe_groups`](crate::Admin::describe_groups).
pub type PerGroup<T> = BTreeMap<String, Result<T, Error>>;

impl Admin {
    /// Asks the coordinator of `group`, and the next one while it moves or loads. `codes` are the
    /// error codes of an answer.
    pub(super) async fn ask_coordinator<R: Request>(
        &self,
        group: &str,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
        codes: impl Fn(&R::Response) -> Vec<i16>,
    ) -> Result<R::Response, Error> {
        let groups = [group.to_owned()];
        let once = || async {
            let found = self.coordinators(&groups, limit).await?.into_values().next();
            let coordinator = found.expect("a group has an answer")?;
            let target = Target::Node(coordinator);
            let response = self.client.call_once(target, wanted, limit, &build).await?;
            let code = codes(&response).into_iter().map(ErrorCode::from_code).find(is_elsewhere);
            match code {
                Some(code) => Err(Error::broker(R::API, code, subject(group))),
                None => Ok(response),
            }
        };
        self.client.retrying(limit, once).await
    }

    /// Asks each coordinator for all of its groups, at most 200 at once. Groups that are elsewhere
    /// by then, or are still loaded, are asked for again.
    pub(super) async fn ask_coordinators<T, F>(
        &self,
        groups: &[String],
        limit: Limit,
        ask: impl Fn(NodeId, Vec<String>) -> F,
    ) -> Result<PerGroup<T>, Error>
    where
        F: Future<Output = Result<PerGroup<T>, Error>>,
    {
        let mut backoff = Backoff::new(self.client.config().backoff);
        let mut found: PerGroup<T> = PerGroup::new();
        let mut pending: BTreeSet<String> = groups.iter().cloned().collect();
        loop {
            let names: Vec<String> = pending.iter().cloned().collect();
            self.ask_once(&names, limit, &ask, &mut found).await?;
            let retriable =
                |it: &String| matches!(found.get(it), Some(Err(error)) if error.is_retriable());
            pending.retain(retriable);
            let Some(Err(error)) = pending.first().and_then(|it| found.get(it)) else {
                return Ok(found);
            };
            let wait = self.client.next_wait(&mut backoff);
            if limit.deadline <= Instant::now() + wait {
                return Ok(found);
            }
            self.client.observe(&Event::Retrying { operation: limit.operation, error, wait });
            tokio::time::sleep(wait).await;
        }
    }

    /// One round of the same.
    async fn ask_once<T, F>(
        &self,
        groups: &[String],
        limit: Limit,
        ask: &impl Fn(NodeId, Vec<String>) -> F,
        found: &mut PerGroup<T>,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<PerGroup<T>, Error>>,
    {
        let mut by_coordinator: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for (group, coordinator) in self.coordinators(groups, limit).await? {
            match coordinator {
                Ok(node) => by_coordinator.entry(node).or_default().push(group),
                Err(error) => drop(found.insert(group, Err(error))),
            }
        }
        for (node, groups) in by_coordinator {
            for groups in groups.chunks(GROUPS_PER_REQUEST) {
                match ask(node, groups.to_vec()).await {
                    Ok(answers) => found.extend(answers),
                    Err(error) => {
                        found.extend(groups.iter().map(|it| (it.clone(), Err(error.clone()))));
                    }
                }
            }
        }
        Ok(())
    }

    /// Who coordinates each of these groups. All of them have an answer.
    async fn coordinators(
        &self,
        groups: &[String],
        limit: Limit,
    ) -> Result<PerGroup<NodeId>, Error> {
        let mut found = PerGroup::new();
        for groups in groups.chunks(GROUPS_PER_REQUEST) {
            match self.find_batch(groups, limit).await {
                // Brokers before 3.0 are asked for one after the other.
                Err(Error::Version { .. }) => {
                    for group in groups {
                        found.insert(group.clone(), self.find_one(group, limit).await?);
                    }
                }
                answers => found.extend(answers?),
            }
        }
        self.client.know_brokers().await?;
        let known = self.client.metadata();
        if found.values().flatten().any(|it| !known.brokers.contains_key(it)) {
            self.client.refresh(Some(&[])).await?;
        }
        Ok(found)
    }

    async fn find_batch(&self, groups: &[String], limit: Limit) -> Result<PerGroup<NodeId>, Error> {
        let build = |_| FindCoordinatorRequest {
            key_type: GROUP,
            coordinator_keys: groups.to_vec(),
            ..Default::default()
        };
        let wanted = Wanted::since::<FindCoordinatorRequest>(FIRST_BATCHED);
        let response = self.client.call(Target::Any, wanted, limit, build).await?;
        let mut answers: BTreeMap<String, Coordinator> =
            response.coordinators.into_iter().map(|it| (it.key.clone(), it)).collect();
        let of_group = |group: &String| {
            let result = match answers.remove(group) {
                Some(it) => node(group, it.error_code, it.error_message, it.node_id),
                None => Err(lacks(ApiKey::FindCoordinator, group)),
            };
            (group.clone(), result)
        };
        Ok(groups.iter().map(of_group).collect())
    }

    async fn find_one(&self, group: &str, limit: Limit) -> Result<Result<NodeId, Error>, Error> {
        let build = |_| FindCoordinatorRequest {
            key: group.to_owned(),
            key_type: GROUP,
            ..Default::default()
        };
        let wanted = Wanted::between(0, FIRST_BATCHED - 1);
        let response = self.client.call(Target::Any, wanted, limit, build).await?;
        let FindCoordinatorResponse { error_code, error_message, node_id, .. } = response;
        Ok(node(group, error_code, error_message, node_id))
    }
}

fn node(group: &str, code: i16, message: Option<String>, id: i32) -> Result<NodeId, Error> {
    let api = ApiKey::FindCoordinator;
    match ErrorCode::from_code(code) {
        ErrorCode::None => {
            leader(id).ok_or_else(|| Error::protocol(api, "the coordinator has no id"))
        }
        code => Err(Error::Broker { api, code, subject: subject(group), message }),
    }
}

/// The error of an answer that leaves a group out.
pub(super) fn lacks(api: ApiKey, group: &str) -> Error {
    Error::protocol(api, format!("the answer lacks group \"{group}\""))
}

/// What an answer about a group is about.
pub(super) fn subject(group: &str) -> Subject {
    Subject::Other(format!("group \"{group}\""))
}

/// True of the codes that another coordinator, or a later moment, does not give.
fn is_elsewhere(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
    )
}

//! Asking the coordinator of a group (FindCoordinator), and finding it again when it has moved.

use kt_protocol::messages::FindCoordinatorRequest;
use kt_protocol::types::NodeId;
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::metadata::leader;
use crate::request::Request;

/// The key type of groups.
const GROUP: i8 = 0;

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
        let once = || async {
            let coordinator = self.coordinator(group, limit).await?;
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

    async fn coordinator(&self, group: &str, limit: Limit) -> Result<NodeId, Error> {
        let build = |version: i16| FindCoordinatorRequest {
            key: if version < 4 { group.to_owned() } else { String::new() },
            key_type: GROUP,
            coordinator_keys: if version < 4 { Vec::new() } else { vec![group.to_owned()] },
        };
        let wanted = Wanted::any::<FindCoordinatorRequest>();
        let response = self.client.call(Target::Any, wanted, limit, build).await?;
        let (code, message, node) = match response.coordinators.into_iter().next() {
            Some(it) => (it.error_code, it.error_message, it.node_id),
            None => (response.error_code, response.error_message, response.node_id),
        };
        let code = ErrorCode::from_code(code);
        let api = ApiKey::FindCoordinator;
        if !code.is_none() {
            return Err(Error::Broker { api, code, subject: subject(group), message });
        }
        let node = leader(node).ok_or_else(|| Error::protocol(api, "the coordinator has no id"))?;
        self.client.know_brokers().await?;
        if !self.client.metadata().brokers.contains_key(&node) {
            self.client.refresh(Some(&[])).await?;
        }
        Ok(node)
    }
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

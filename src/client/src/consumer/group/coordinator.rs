//! Where a group's coordinator is, as far as is known, and asking for it.

use kt_protocol::ErrorCode;
use kt_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kt_protocol::types::{Millis, NodeId};

use super::request::RequestId;
use crate::backoff::{Backoff, BackoffRange};
use crate::duration::millis;
use crate::error::{Error, Subject};
use crate::metadata::leader;
use crate::random::Random;

/// The key type of groups in FindCoordinator.
const GROUP: i8 = 0;

/// The coordinator, or the search for it.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    pub(super) node: Option<NodeId>,
    pub(super) asking: Option<RequestId>,
    retry_at: Option<Millis>,
    backoff: Backoff,
    /// Since when it is looked for, or was found and says nothing of the group.
    missing_since: Option<Millis>,
}

impl Coordinator {
    pub(super) fn new(range: BackoffRange) -> Coordinator {
        Coordinator {
            node: None,
            asking: None,
            retry_at: None,
            backoff: Backoff::new(range),
            missing_since: None,
        }
    }

    /// True if it is time to ask.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.node.is_none() && self.asking.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// When it will be time to ask.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let waits = self.node.is_none() && self.asking.is_none();
        self.retry_at.filter(|_| waits)
    }

    pub(super) fn found(&mut self, node: NodeId) {
        self.asking = None;
        self.retry_at = None;
        self.node = Some(node);
        self.backoff.reset();
    }

    /// It said something of the group: it is the one, and there.
    pub(super) fn answered(&mut self) {
        self.missing_since = None;
    }

    /// It is not there, or not the one. Asked again after a while.
    pub(super) fn lost(&mut self, now: Millis, random: &mut Random) {
        self.asking = None;
        self.node = None;
        self.missing_since.get_or_insert(now);
        self.retry_at = Some(now + wait_ms(&mut self.backoff, random));
    }

    /// True if it is looked for in vain for so long; once in each such time.
    pub(super) fn is_missing_for(&mut self, limit_ms: u64, now: Millis) -> bool {
        let is_over = self.missing_since.is_some_and(|since| limit_ms <= now - since);
        if is_over {
            self.missing_since = Some(now);
        }
        is_over
    }
}

/// The next wait, in milliseconds.
pub(super) fn wait_ms(backoff: &mut Backoff, random: &mut Random) -> u64 {
    millis(backoff.next(random))
}

/// The question, in the words of all versions.
pub(super) fn question(group: &str) -> FindCoordinatorRequest {
    FindCoordinatorRequest {
        key: group.to_owned(),
        key_type: GROUP,
        coordinator_keys: vec![group.to_owned()],
    }
}

/// What the answer says, in whichever version.
pub(super) fn answer(group: &str, response: FindCoordinatorResponse) -> Result<NodeId, Error> {
    let api = kt_protocol::ApiKey::FindCoordinator;
    let of_group = response.coordinators.into_iter().find(|it| it.key == group);
    let (code, message, id) = match of_group {
        Some(it) => (it.error_code, it.error_message, it.node_id),
        None => (response.error_code, response.error_message, response.node_id),
    };
    match ErrorCode::from_code(code) {
        ErrorCode::None => {
            leader(id).ok_or_else(|| Error::protocol(api, "the coordinator has no id"))
        }
        code => Err(Error::Broker { api, code, subject: subject(group), message }),
    }
}

/// What an error about a group is about.
pub(super) fn subject(group: &str) -> Subject {
    Subject::Other(format!("group \"{group}\""))
}

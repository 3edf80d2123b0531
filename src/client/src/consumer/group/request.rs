//! What the machines of a group want done: whole requests with an id, and what comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use kt_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    OffsetCommitRequest, OffsetCommitResponse, SyncGroupRequest, SyncGroupResponse,
};
use kt_protocol::types::NodeId;

/// Which request an answer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Gives ids, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestIds(u64);

impl RequestIds {
    /// Those above `first`.
    pub(super) fn after(first: u64) -> RequestIds {
        RequestIds(first)
    }

    pub(super) fn next(&mut self) -> RequestId {
        self.0 += 1;
        RequestId(self.0)
    }
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Any broker.
    Any,
    /// This one.
    Node(NodeId),
}

/// What a machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this; hand back what is answered, or that nothing is.
    Send {
        /// To be handed back with the answer.
        id: RequestId,
        /// Who is asked.
        to: Recipient,
        /// What.
        request: GroupRequest,
        /// The longest wait for the answer.
        within: Duration,
    },
    /// Ask for these topics, or for all if none are named; hand back what there is.
    Metadata {
        /// To be handed back with the answer.
        id: RequestId,
        /// Their names.
        topics: Option<BTreeSet<String>>,
    },
}

/// A request of a member.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the request of its name")]
pub enum GroupRequest {
    FindCoordinator(FindCoordinatorRequest),
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    OffsetCommit(OffsetCommitRequest),
}

/// The answer to a request of a member.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the answer to the request of its name")]
pub enum GroupResponse {
    FindCoordinator(FindCoordinatorResponse),
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
}

/// From here on one FindCoordinator asks for several keys (KIP-699).
const FIND_BATCHED_SINCE: i16 = 4;

/// From here on LeaveGroup names members in an array (KIP-345).
const LEAVE_BATCHED_SINCE: i16 = 3;

/// From here on LeaveGroup takes a reason (KIP-800).
const LEAVE_REASON_SINCE: i16 = 5;

/// In which shape a version says the same. The machines say all that any version needs.
pub trait InVersion {
    /// Leaves out what the version does not have.
    fn in_version(&mut self, version: i16) {
        let _ = version;
    }
}

impl InVersion for FindCoordinatorRequest {
    fn in_version(&mut self, version: i16) {
        match version < FIND_BATCHED_SINCE {
            true => self.coordinator_keys.clear(),
            false => self.key.clear(),
        }
    }
}

impl InVersion for LeaveGroupRequest {
    fn in_version(&mut self, version: i16) {
        match version < LEAVE_BATCHED_SINCE {
            true => self.members.clear(),
            false => self.member_id.clear(),
        }
        if version < LEAVE_REASON_SINCE {
            self.members.iter_mut().for_each(|it| it.reason = None);
        }
    }
}

impl InVersion for JoinGroupRequest {}
impl InVersion for SyncGroupRequest {}
impl InVersion for HeartbeatRequest {}
impl InVersion for OffsetCommitRequest {}

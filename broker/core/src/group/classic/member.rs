//! A member of a classic group (`ClassicGroupMember`).

use bytes::Bytes;
use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::types::Millis;

/// A way to share out partitions that a member knows, with what it tells the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    pub(crate) metadata: Bytes,
}

impl Protocol {
    /// Copies the bytes: they would keep the whole frame that they came in.
    pub(crate) fn copied(protocol: &JoinGroupRequestProtocol) -> Protocol {
        let metadata = Bytes::copy_from_slice(&protocol.metadata);
        Protocol { name: protocol.name.clone(), metadata }
    }
}

/// A JoinGroup that is not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<T> {
    pub(crate) token: T,
    /// The version to answer in.
    pub(crate) version: i16,
}

/// Whether a member has ever been in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for its first one, and cannot heartbeat: it does not know its id.
    New,
    /// It has been.
    Settled,
}

/// A member, and what it waits for.
#[derive(Clone, Debug)]
pub(super) struct Member<T> {
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// In the order of its preference.
    pub(super) protocols: Vec<Protocol>,
    /// What the leader gave it; opaque.
    pub(super) assignment: Bytes,
    pub(super) standing: Standing,
    pub(super) awaiting_join: Option<Waiting<T>>,
    pub(super) awaiting_sync: Option<T>,
    /// When it is taken for dead; none after that time has passed while it was waiting.
    pub(super) session_deadline: Option<Millis>,
}

impl<T> Member<T> {
    /// What it tells the leader in this protocol.
    pub(super) fn metadata(&self, protocol_name: Option<&str>) -> Bytes {
        let protocol = self.protocols.iter().find(|it| Some(it.name.as_str()) == protocol_name);
        protocol.map(|it| it.metadata.clone()).unwrap_or_default()
    }

    /// Whether the end of its session says nothing: the coordinator owes it an answer.
    pub(super) fn is_excused(&self) -> bool {
        self.standing == Standing::Settled
            && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}

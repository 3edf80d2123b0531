//! What a voter must not forget: the epoch, whom it voted for, who leads (the file `quorum-state`).

use std::fmt;

use kt_protocol::types::{LeaderEpoch, NodeId, Uuid};

/// A replica's identity in the quorum (KIP-853): a node that lost its disk comes back as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaKey {
    /// The node's number.
    pub id: NodeId,
    /// The id of the directory that holds its metadata log; none where kraft.version is 0.
    pub directory_id: Option<Uuid>,
}

impl fmt::Display for ReplicaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.directory_id {
            Some(directory_id) => write!(f, "{} (directory {directory_id})", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// What is durable before anybody hears of it. The epoch never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionState {
    /// The newest epoch this voter has seen.
    pub epoch: LeaderEpoch,
    /// Whom it voted for in that epoch. Forgotten once the leader is known.
    pub voted: Option<ReplicaKey>,
    /// Who leads that epoch, if known.
    pub leader: Option<NodeId>,
}

impl ElectionState {
    /// A voter that has heard nothing yet.
    pub const INITIAL: ElectionState =
        ElectionState { epoch: LeaderEpoch(0), voted: None, leader: None };
}

impl fmt::Display for ElectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}", self.epoch)?;
        if let Some(voted) = self.voted {
            write!(f, ", voted {voted}")?;
        }
        if let Some(leader) = self.leader {
            write!(f, ", leader {leader}")?;
        }
        Ok(())
    }
}

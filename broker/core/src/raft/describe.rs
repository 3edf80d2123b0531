//! What the quorum says of itself, for DescribeQuorum and metrics.

use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp};

use super::{Quorum, ReplicaKey, Role};

/// How far one replica of the metadata log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaDescription {
    /// Which replica.
    pub key: ReplicaKey,
    /// Where its log ends, as far as the leader knows.
    pub log_end_offset: Option<Offset>,
    /// When it last fetched; the leader's own is now.
    pub last_fetch: Timestamp,
    /// When it was last at the log end; the leader's own is now.
    pub last_caught_up: Timestamp,
}

/// The quorum as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumDescription {
    /// Who leads.
    pub leader: Option<NodeId>,
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
    /// Below it everything is committed. None until the leader's own epoch has a committed record.
    pub high_watermark: Option<Offset>,
    /// The voters, by number.
    pub voters: Vec<ReplicaDescription>,
    /// Replicas that fetch and do not vote.
    pub observers: Vec<ReplicaDescription>,
}

impl Quorum {
    /// Describes the quorum at this wall clock time.
    pub fn describe(&self, wall: Timestamp) -> QuorumDescription {
        let describe_voter = |voter: &super::Voter| {
            let is_leader = self.is_leader() && voter.key.id == self.own.id;
            let seen = if is_leader { wall } else { Timestamp::NONE };
            ReplicaDescription {
                key: voter.key,
                log_end_offset: is_leader.then_some(self.log_end),
                last_fetch: seen,
                last_caught_up: seen,
            }
        };
        QuorumDescription {
            leader: matches!(self.role, Role::Leader(_)).then_some(self.own.id),
            leader_epoch: self.election.epoch,
            high_watermark: self.high_watermark,
            voters: self.voters.iter().map(describe_voter).collect(),
            observers: Vec::new(),
        }
    }
}

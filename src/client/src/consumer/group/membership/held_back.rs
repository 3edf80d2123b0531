//! Partitions that nobody reads because their former owner has not given them back: a cooperative
//! leader shares them out one round later, which the owner begins by joining again.
//!
//! A static member that dies before it does so comes back as if nothing had happened, to what it was
//! given last, and nobody would begin that round. So the leader does: after a session's time, in
//! which such a member is back or put out; or, if it has come back itself and does not know whether
//! there are such partitions, at once.

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, TopicPartition};

use super::{Membership, Phase, RebalanceProtocol};
use crate::consumer::assignor::{GroupAssignment, GroupMembers};
use crate::duration::millis;

/// What a coordinator puts behind a name, to make an id of it.
const UUID_CHARS: usize = 36;

/// When the leader shares out again, although nothing has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HeldBack {
    /// Not for this: nothing is held back.
    #[default]
    Nothing,
    /// Something is; the assignment is not confirmed yet.
    Something,
    /// It may be; the same.
    Unknown,
    /// Then, unless there is another round before.
    Until(Millis),
}

impl HeldBack {
    /// What somebody reads and nobody is given.
    pub(super) fn by(given: &GroupAssignment, members: &GroupMembers) -> HeldBack {
        let given: BTreeSet<&TopicPartition> = given.values().flatten().collect();
        let mut read = members.values().flat_map(|it| &it.owned);
        if read.all(|it| given.contains(it)) { HeldBack::Nothing } else { HeldBack::Something }
    }
}

impl Membership {
    /// Whether this is the id of the same static member before it came back, who may have held
    /// something back. Such ids begin with the member's own name.
    pub(super) fn may_hold_back_for(&self, leader: &str) -> bool {
        let name = self.config.instance_id.as_deref();
        let rest = name.and_then(|it| leader.strip_prefix(it)).and_then(|it| it.strip_prefix('-'));
        let is_former_self = rest.is_some_and(|it| it.len() == UUID_CHARS);
        is_former_self && self.protocol == RebalanceProtocol::Cooperative
    }

    /// The group reads what the leader shared out.
    pub(super) fn watch_held_back(&mut self, now: Millis) {
        if self.protocol == RebalanceProtocol::Eager {
            self.held_back = HeldBack::Nothing;
        }
        match self.held_back {
            HeldBack::Nothing | HeldBack::Until(_) => self.held_back = HeldBack::Nothing,
            HeldBack::Something => {
                self.held_back = HeldBack::Until(now + millis(self.config.session_timeout));
            }
            HeldBack::Unknown => {
                self.held_back = HeldBack::Nothing;
                self.must_join("the static leader has come back");
            }
        }
    }

    pub(super) fn held_back_deadline(&self) -> Option<Millis> {
        match (self.held_back, &self.phase) {
            (HeldBack::Until(at), Phase::Stable) if self.rejoin.is_none() => Some(at),
            _ => None,
        }
    }

    /// Shares out again what nobody has given back in time.
    pub(super) fn share_held_back(&mut self, now: Millis) {
        if self.held_back_deadline().is_some_and(|at| at <= now) {
            self.held_back = HeldBack::Nothing;
            self.must_join("partitions were not given back in time");
        }
    }
}

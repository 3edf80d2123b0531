//! Leaving a group: the coordinator is told, so that the others need not wait for a session to end.

use kt_protocol::messages::LeaveGroupRequest;
use kt_protocol::messages::leave_group_request::MemberIdentity;

use super::heartbeat::Polls;
use super::{LossCause, Membership, Phase};
use crate::consumer::group::request::{Effect, GroupRequest};

impl Membership {
    /// Wants to read nothing any more. What [`Membership::parting`] said must be done by now.
    pub fn leave(&mut self, reason: &str, effects: &mut Vec<Effect>) {
        self.part(reason, effects);
        self.reset(LossCause::NotJoined, false);
        self.is_parting = false;
        self.owned.clear();
        self.events.clear();
        self.subscription = None;
        self.rejoin = None;
        self.retry_at = None;
        self.fatal = None;
        self.polls = Polls::default();
        self.coordinator.answered();
        self.topics.begin(false);
    }

    /// True until the coordinator has heard that the member leaves.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Tells the coordinator. A static member says nothing: it may come back within its session
    /// and go on as if it had never left.
    pub(super) fn part(&mut self, reason: &str, effects: &mut Vec<Effect>) {
        let is_known = !matches!(self.phase, Phase::Outside) && !self.identity.member_id.is_empty();
        if self.config.instance_id.is_some() || !is_known {
            return;
        }
        let member_id = self.identity.member_id.clone();
        let request = LeaveGroupRequest {
            group_id: self.config.group_id.clone(),
            member_id: member_id.clone(),
            members: vec![MemberIdentity {
                member_id,
                group_instance_id: None,
                reason: Some(reason.to_owned()),
            }],
        };
        let within = self.config.request_timeout;
        self.leaving = self.send(GroupRequest::LeaveGroup(request), within, effects);
    }
}

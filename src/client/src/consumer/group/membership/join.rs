//! JoinGroup: when it is sent, what it says, and what its answer means.

use std::collections::BTreeSet;
use std::time::Duration;

use kt_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kt_protocol::messages::join_group_response::JoinGroupResponseMember;
use kt_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kt_protocol::types::Millis;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Membership, Phase, Role};
use crate::consumer::assignor::{GenerationId, MemberSubscription};
use crate::consumer::group::coordinator::subject;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse};
use crate::consumer::panic_guard;
use crate::duration::request_millis;
use crate::error::Error;

/// What members of all clients call what they do.
pub(super) const PROTOCOL_TYPE: &str = "consumer";

/// JoinGroup is answered when all members have asked, or their time to do so is up; this much more
/// is for the way.
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// No longer reason is sent (KIP-800).
const REASON_CHARS_MAX: usize = 255;

impl Membership {
    /// Joins, if it must, may, and everything that was read and is to be given back is.
    pub(super) fn join_if_due(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if !self.may_join() {
            return;
        }
        match self.retry_at {
            Some(at) if now < at => return,
            _ => self.retry_at = None,
        }
        if self.give_back() || !self.has_topics_to_join() {
            return;
        }
        let request = match self.join_request() {
            Ok(request) => GroupRequest::JoinGroup(request),
            Err(error) => return self.fail(error),
        };
        let within = self.config.max_poll_interval.saturating_add(ON_THE_WAY);
        let within = within.max(self.config.request_timeout);
        let Some(id) = self.send(request, within, effects) else { return };
        self.rejoin = None;
        self.counts.joins += 1;
        self.rebalance.begin(now);
        self.topics.begin_round();
        self.phase = Phase::Joining(id);
    }

    fn may_join(&self) -> bool {
        let is_ready = match self.phase {
            Phase::Outside => self.polls.has_begun() && !self.polls.is_over,
            // Between two polls its commits are good until the group has gone on, and it would have to
            // give partitions back.
            Phase::Stable => self.polls.is_inside,
            Phase::Joining(_) | Phase::Joined(_) | Phase::Syncing(_) => false,
        };
        is_ready
            && !self.is_parting
            && self.rejoin.is_some()
            && self.events.is_empty()
            && self.coordinator.node.is_some()
    }

    /// When it tries again to join.
    pub(super) fn join_deadline(&self) -> Option<Millis> {
        self.retry_at.filter(|_| self.may_join())
    }

    fn join_request(&mut self) -> Result<JoinGroupRequest, Error> {
        let config = &self.config;
        self.joined_topics = self.wanted_topics();
        let mut protocols = Vec::new();
        for assignor in &config.assignors {
            let what = format!("assignor \"{}\"", assignor.name());
            let user_data = panic_guard::call(&what, || assignor.user_data(self.last.as_ref()))?;
            let subscription = MemberSubscription {
                topics: self.joined_topics.clone(),
                owned: self.owned.clone(),
                generation: self.identity.generation,
                rack: config.rack.clone(),
                instance_id: None,
                user_data,
            };
            let bytes = subscription.to_bytes();
            let metadata = bytes.map_err(|it| Error::protocol(ApiKey::JoinGroup, it))?;
            protocols.push(JoinGroupRequestProtocol { name: assignor.name().to_owned(), metadata });
        }
        let reason = self.rejoin.clone().unwrap_or_default();
        Ok(JoinGroupRequest {
            group_id: config.group_id.clone(),
            session_timeout_ms: request_millis(config.session_timeout),
            rebalance_timeout_ms: request_millis(config.max_poll_interval),
            member_id: self.identity.member_id.clone(),
            group_instance_id: config.instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols,
            reason: Some(reason.chars().take(REASON_CHARS_MAX).collect()),
        })
    }

    pub(super) fn on_join(&mut self, now: Millis, answer: Result<GroupResponse, Error>) {
        let response = match answer {
            Ok(GroupResponse::JoinGroup(response)) => response,
            Ok(_) => return self.fail(Error::protocol(ApiKey::JoinGroup, "another answer came")),
            Err(error) => return self.join_failed(now, error),
        };
        let code = ErrorCode::from_code(response.error_code);
        self.note_answer(code);
        match code {
            ErrorCode::None => self.joined(now, response),
            ErrorCode::MemberIdRequired => {
                self.phase = Phase::Outside;
                let reason =
                    format!("need to re-join with the given member-id: {}", response.member_id);
                self.identity.member_id = response.member_id;
                self.must_join(&reason);
            }
            code @ (ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId) => {
                let _ = self.lose(now, ApiKey::JoinGroup, code);
            }
            code => self.join_refused(now, code),
        }
    }

    fn join_refused(&mut self, now: Millis, code: ErrorCode) {
        let error = Error::broker(ApiKey::JoinGroup, code, subject(&self.config.group_id));
        match code {
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.coordinator.lost(now, &mut self.random);
                self.complain_of_coordinator(now, error);
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::RebalanceInProgress => {}
            _ => return self.fail(error),
        }
        self.step_back();
        self.must_join(&format!("rebalance failed due to {code}"));
        self.retry(now);
    }

    /// Nobody answered.
    pub(super) fn join_failed(&mut self, now: Millis, error: Error) {
        if super::is_final(&error) {
            return self.fail(error);
        }
        self.coordinator.lost(now, &mut self.random);
        self.complain_of_coordinator(now, error);
        self.step_back();
        self.must_join("rebalance failed due to DisconnectException");
        self.retry(now);
    }

    /// Out of a rebalance that came to nothing. What is owned stays so until the next one.
    pub(super) fn step_back(&mut self) {
        self.counts.failed_rebalances += 1;
        self.phase = Phase::Outside;
        self.loss = super::LossCause::Rebalancing;
    }

    fn joined(&mut self, now: Millis, response: JoinGroupResponse) {
        let api = ApiKey::JoinGroup;
        if response.protocol_type.as_deref().is_some_and(|it| it != PROTOCOL_TYPE) {
            let code = ErrorCode::InconsistentGroupProtocol;
            return self.fail(Error::broker(api, code, subject(&self.config.group_id)));
        }
        let name = response.protocol_name.unwrap_or_default();
        if !self.config.assignors.iter().any(|it| it.name() == name) {
            let reason = format!("the group chose \"{name}\", which was not proposed");
            return self.fail(Error::protocol(api, reason));
        }
        self.assignor = name;
        let is_leader = response.leader == response.member_id;
        self.identity.member_id = response.member_id;
        self.identity.generation = Some(GenerationId(response.generation_id));
        self.backoff.reset();
        self.heartbeat.begin(now, self.config.heartbeat_interval);
        let role = match response.skip_assignment {
            // Before version 9 a static leader that comes back is told its former id.
            _ if !is_leader && self.may_hold_back_for(&response.leader) => Role::ReturnedLeader,
            _ if !is_leader => Role::Follower,
            true => Role::ReturnedLeader,
            false => Role::Leader(response.members.clone()),
        };
        self.topics.members_want = match is_leader {
            true => wanted_by(&response.members),
            false => BTreeSet::new(),
        };
        self.phase = Phase::Joined(role);
    }
}

/// What any of the members wants. One whose words cannot be read wants nothing.
fn wanted_by(members: &[JoinGroupResponseMember]) -> BTreeSet<String> {
    let read = |it: &JoinGroupResponseMember| MemberSubscription::from_bytes(&it.metadata).ok();
    members.iter().filter_map(read).flat_map(|it| it.topics).collect()
}

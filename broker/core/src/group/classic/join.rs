//! JoinGroup: a member wants to be in the next generation (`classicGroupJoin`).

use bytes::Bytes;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::JoinGroupResponse;

use super::member::{Member, Protocol, Standing, Waiting};
use super::responses::{join_error, of_version};
use super::{ClassicGroup, State, Step, millis};
use crate::group::outcome::Answer;

/// How many member ids a group gives out at once to members that have not come back with them. Kafka
/// has no such bound; whoever is beyond it gets `GROUP_MAX_SIZE_REACHED`.
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// From this version on a new member is given an id, and joins with a second request (KIP-394).
const MEMBER_ID_REQUIRED_MIN_VERSION: i16 = 4;

/// How long a JoinGroup of a new member may wait, in milliseconds: it does not know its id yet, and
/// if its connection is lost it comes back as somebody else.
const NEW_MEMBER_JOIN_TIMEOUT_MS: u64 = 5 * 60 * 1000;

/// Who joins, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Joining {
    /// Empty for a new member.
    pub(crate) member_id: String,
    /// What its id would be.
    pub(crate) new_member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
}

impl<T> ClassicGroup<T> {
    /// Takes a JoinGroup; it is answered now or when the generation begins.
    pub(crate) fn join(&mut self, step: &mut Step<'_, T>, waiting: Waiting<T>, joining: Joining) {
        if !self.has_room(step, &joining.member_id) {
            self.remove(step, &joining.member_id);
            return refuse(step, waiting, "", ErrorCode::GroupMaxSizeReached);
        }
        let protocols = joining.protocols.as_slice();
        if !self.supports_protocols(&joining.protocol_type, protocols) {
            let error = ErrorCode::InconsistentGroupProtocol;
            return refuse(step, waiting, &joining.member_id, error);
        }
        if joining.member_id.is_empty() {
            self.join_new(step, waiting, joining);
        } else {
            self.join_again(step, waiting, joining);
        }
    }

    /// Whether the group takes one more in. While members join, those who have come are counted, so
    /// that a group that is too large loses its last ones.
    fn has_room(&self, step: &Step<'_, T>, member_id: &str) -> bool {
        let member = self.members.get(member_id);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                member.is_some_and(|it| it.awaiting_join.is_some())
                    || self.awaiting_joins < step.config.max_size
            }
            State::CompletingRebalance | State::Stable => {
                member.is_some() || self.members.len() < step.config.max_size
            }
        }
    }

    fn join_new(&mut self, step: &mut Step<'_, T>, waiting: Waiting<T>, joining: Joining) {
        let new_id = joining.new_member_id.clone();
        if let Some(instance_id) = &joining.instance_id {
            return match self.static_members.get(instance_id).cloned() {
                Some(old_id) => self.replace_static(step, waiting, &joining, &old_id),
                None => self.take_in(step, waiting, joining, &new_id),
            };
        }
        if waiting.version < MEMBER_ID_REQUIRED_MIN_VERSION {
            return self.take_in(step, waiting, joining, &new_id);
        }
        if PENDING_MEMBERS_MAX <= self.pending_joins.len() {
            return refuse(step, waiting, "", ErrorCode::GroupMaxSizeReached);
        }
        let forgotten_at = step.now.monotonic + millis(joining.session_timeout_ms);
        self.pending_joins.insert(new_id.clone(), forgotten_at);
        self.wake_at(forgotten_at);
        refuse(step, waiting, &new_id, ErrorCode::MemberIdRequired);
    }

    fn join_again(&mut self, step: &mut Step<'_, T>, waiting: Waiting<T>, joining: Joining) {
        let member_id = joining.member_id.clone();
        if self.pending_joins.contains_key(&member_id) {
            if joining.instance_id.is_some() {
                // A member id was given out to it, which static members do not wait for.
                return refuse(step, waiting, "", ErrorCode::UnknownServerError);
            }
            return self.take_in(step, waiting, joining, &member_id);
        }
        if let Err(error) = self.check_member(&member_id, joining.instance_id.as_deref()) {
            return refuse(step, waiting, &member_id, error);
        }
        let is_same =
            self.members.get(&member_id).is_some_and(|it| it.protocols == joining.protocols);
        match self.state {
            // It did not get the answer, or has nothing new to say.
            State::CompletingRebalance if is_same => {
                answer(step, waiting, self.rejoined(&member_id));
            }
            // The leader may have seen what others cannot, such as new partitions.
            State::Stable if is_same && !self.is_leader(&member_id) => {
                answer(step, waiting, self.rejoined(&member_id));
            }
            State::Empty => refuse(step, waiting, &member_id, ErrorCode::UnknownMemberId),
            _ => {
                self.update(&member_id, &joining);
                self.await_join(step, &member_id, waiting);
                self.rebalance_or_complete(step);
            }
        }
    }

    /// Takes in a member that the group does not have.
    fn take_in(
        &mut self,
        step: &mut Step<'_, T>,
        waiting: Waiting<T>,
        joining: Joining,
        member_id: &str,
    ) {
        if self.state == State::PreparingRebalance && self.previous_state == State::Empty {
            self.new_member_added = true;
        }
        let deadline = step.now.monotonic + NEW_MEMBER_JOIN_TIMEOUT_MS;
        let member = Member {
            instance_id: joining.instance_id,
            client_id: joining.client_id,
            client_host: joining.client_host,
            rebalance_timeout_ms: joining.rebalance_timeout_ms,
            session_timeout_ms: joining.session_timeout_ms,
            protocols: joining.protocols,
            assignment: Bytes::new(),
            standing: Standing::New,
            awaiting_join: Some(waiting),
            awaiting_sync: None,
            session_deadline: Some(deadline),
        };
        self.add(member_id, &joining.protocol_type, member);
        self.wake_at(deadline);
        self.rebalance_or_complete(step);
    }
}

pub(super) fn refuse<T>(
    step: &mut Step<'_, T>,
    waiting: Waiting<T>,
    member_id: &str,
    error: ErrorCode,
) {
    let response = join_error(waiting.version, member_id, error);
    step.outcome.answer(waiting.token, Answer::JoinGroup(response));
}

fn answer<T>(step: &mut Step<'_, T>, waiting: Waiting<T>, response: JoinGroupResponse) {
    let response = of_version(waiting.version, response);
    step.outcome.answer(waiting.token, Answer::JoinGroup(response));
}

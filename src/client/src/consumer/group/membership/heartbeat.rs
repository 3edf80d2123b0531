//! Staying a member: heartbeats to the coordinator, and polls by the caller.

use std::time::Duration;

use kt_protocol::messages::HeartbeatRequest;
use kt_protocol::types::Millis;
use kt_protocol::{ApiKey, ErrorCode, planted};

use super::{LossCause, Membership, Phase};
use crate::consumer::assignor::GenerationId;
use crate::consumer::group::coordinator::wait_ms;
use crate::consumer::group::request::{Effect, GroupRequest, GroupResponse, RequestId};
use crate::duration::millis;
use crate::error::Error;

/// A heartbeat that is not answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    generation: Option<GenerationId>,
    at: Millis,
}

/// When the coordinator heard of the member, and will.
#[derive(Clone, Debug, Default)]
pub(super) struct Heartbeat {
    pub(super) asked: Option<Asked>,
    at: Millis,
    /// When that was asked which the coordinator last answered well: since then at the latest it
    /// counts, even if the answer was read much later by a process that stood still.
    pub(super) heard: Millis,
    /// When it last answered so, or was last found.
    pub(super) session_from: Millis,
}

impl Heartbeat {
    /// The member is in a generation.
    pub(super) fn begin(&mut self, now: Millis, interval: Duration) {
        self.asked = None;
        self.at = now + millis(interval);
        self.heard(now, now);
    }

    pub(super) fn heard(&mut self, asked_at: Millis, now: Millis) {
        self.heard = asked_at;
        self.session_from = now;
    }
}

/// When the caller polled.
#[derive(Clone, Debug, Default)]
pub(super) struct Polls {
    last: Option<Millis>,
    /// True while the caller waits inside of a poll.
    is_waiting: bool,
    /// True from the beginning of a poll to its end.
    pub(super) is_inside: bool,
    /// True from passing `max.poll.interval.ms` to the next poll.
    pub(super) is_over: bool,
    /// True if a membership ended so.
    is_owed_an_error: bool,
}

impl Polls {
    pub(super) fn has_begun(&self) -> bool {
        self.last.is_some()
    }
}

impl Membership {
    /// The caller polls.
    pub fn on_poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.check_poll_interval(now, effects);
        if let Some(cause) = self.poll_loss(now).filter(|_| self.polls.is_owed_an_error) {
            self.loss = cause;
            self.lose_owned();
            self.complain(cause);
        }
        self.polls = Polls { last: Some(now), is_inside: true, ..Polls::default() };
        self.is_parting = false;
        self.poll(now, effects);
    }

    /// The caller's poll ends. A member that is one joins again only in the next.
    pub fn on_poll_end(&mut self) {
        self.polls.is_inside = false;
    }

    /// The caller begins, or ends, to wait inside of a poll: as long as it does, it polls.
    pub fn set_waiting(&mut self, now: Millis, is_waiting: bool) {
        self.polls.is_waiting = is_waiting;
        self.polls.last = Some(now);
    }

    /// By how much the polls are too far apart, if that ended the membership.
    pub(super) fn poll_loss(&self, now: Millis) -> Option<LossCause> {
        let last = self.polls.last.filter(|_| self.polls.is_over)?;
        let limit = self.config.max_poll_interval;
        let by = Duration::from_millis(now - last).saturating_sub(limit);
        Some(LossCause::PollInterval { limit, by })
    }

    pub(super) fn poll_deadline(&self) -> Option<Millis> {
        let is_counting = self.subscription.is_some()
            && self.fatal.is_none()
            && !self.polls.is_waiting
            && !self.polls.is_over;
        let last = self.polls.last.filter(|_| is_counting)?;
        Some(last + millis(self.config.max_poll_interval).saturating_add(1))
    }

    /// Leaves the group if the caller does not poll: somebody else can read its partitions.
    pub(super) fn check_poll_interval(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.poll_deadline().is_none_or(|at| now < at) {
            return;
        }
        self.polls.is_over = true;
        let is_member = !matches!(self.phase, Phase::Outside) || !self.owned.is_empty();
        if !is_member {
            return;
        }
        self.polls.is_owed_an_error = true;
        self.part("consumer poll timeout has expired.", effects);
        self.reset(LossCause::Removed, false);
        self.must_join("consumer pro-actively leaving the group");
    }

    fn is_in_session(&self) -> bool {
        matches!(self.phase, Phase::Joined(_) | Phase::Syncing(_) | Phase::Stable)
    }

    pub(super) fn heartbeat_deadline(&self) -> Option<Millis> {
        let can_send = self.is_in_session()
            && self.heartbeat.asked.is_none()
            && self.coordinator.node.is_some();
        can_send.then_some(self.heartbeat.at)
    }

    pub(super) fn send_heartbeat(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.heartbeat_deadline().is_none_or(|at| now < at) || planted!("no heartbeats") {
            return;
        }
        let generation = self.identity.generation;
        let request = HeartbeatRequest {
            group_id: self.config.group_id.clone(),
            generation_id: generation.map_or(-1, |it| it.0),
            member_id: self.identity.member_id.clone(),
            group_instance_id: self.config.instance_id.clone(),
        };
        let within = self.config.request_timeout.min(self.config.session_timeout);
        let id = self.send(GroupRequest::Heartbeat(request), within, effects);
        self.counts.heartbeats += u64::from(id.is_some());
        self.heartbeat.asked = id.map(|id| Asked { id, generation, at: now });
        self.heartbeat.at = now + millis(self.config.heartbeat_interval);
    }

    pub(super) fn on_heartbeat(&mut self, now: Millis, answer: Result<GroupResponse, Error>) {
        let Some(asked) = self.heartbeat.asked.take() else { return };
        let code = match answer {
            Ok(GroupResponse::Heartbeat(it)) => ErrorCode::from_code(it.error_code),
            Ok(_) | Err(_) => {
                self.heartbeat_again(now);
                return self.coordinator.lost(now, &mut self.random);
            }
        };
        self.note_answer(code);
        match code {
            ErrorCode::None => self.heartbeat.heard(asked.at, now),
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.heartbeat_again(now);
                self.coordinator.lost(now, &mut self.random);
            }
            ErrorCode::RebalanceInProgress => {
                self.heartbeat.heard(asked.at, now);
                if matches!(self.phase, Phase::Stable) && self.rejoin.is_none() {
                    self.must_join("group is already rebalancing");
                }
            }
            // An answer to what the member was before says nothing of what it is now.
            _ if asked.generation != self.identity.generation => {}
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                let _ = self.lose(now, ApiKey::Heartbeat, code);
            }
            code if code.is_retriable() => self.heartbeat_again(now),
            code => {
                let subject = crate::consumer::group::coordinator::subject(&self.config.group_id);
                self.fail(Error::broker(ApiKey::Heartbeat, code, subject));
            }
        }
    }

    /// Sooner than the interval: this one did not count.
    fn heartbeat_again(&mut self, now: Millis) {
        self.heartbeat.at = now + wait_ms(&mut self.backoff.clone(), &mut self.random);
    }

    pub(super) fn session_deadline(&self) -> Option<Millis> {
        let is_counting = self.is_in_session() && self.coordinator.node.is_some();
        let end =
            self.heartbeat.session_from + millis(self.config.session_timeout).saturating_add(1);
        is_counting.then_some(end)
    }

    /// A coordinator that does not answer for a whole session is looked for anew; whether the
    /// member is one still, it will say.
    pub(super) fn check_session(&mut self, now: Millis) {
        if self.session_deadline().is_some_and(|at| at <= now) {
            self.heartbeat.asked = None;
            self.coordinator.lost(now, &mut self.random);
        }
    }
}

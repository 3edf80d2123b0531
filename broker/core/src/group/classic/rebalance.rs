//! From one generation to the next (`prepareRebalance`, `completeClassicGroupJoin`).

use bytes::Bytes;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::planted;

use super::member::Standing;
use super::members::Answered;
use super::responses::sync_error;
use super::timers::{JoinDeadline, JoinWait};
use super::{ClassicGroup, State, Step};
use crate::group::records;

/// How soon a group looks again for static members that are late, in milliseconds. Kafka looks again
/// after the rebalance timeout, which may be 0: then it does nothing else.
const LATE_MEMBERS_WAIT_MIN_MS: u64 = 1_000;

impl<T> ClassicGroup<T> {
    /// Something of the members has changed.
    pub(super) fn rebalance_or_complete(&mut self, step: &mut Step<'_, T>) {
        match self.state {
            State::PreparingRebalance => self.maybe_complete_join(step),
            _ => self.prepare_rebalance(step),
        }
    }

    /// Asks all members to join again, by their next heartbeat.
    pub(super) fn prepare_rebalance(&mut self, step: &mut Step<'_, T>) {
        if self.state == State::CompletingRebalance {
            self.reset_assignments(step, ErrorCode::RebalanceInProgress);
        }
        self.pending_syncs.clear();
        self.sync_deadline = None;
        let was_empty = self.state == State::Empty;
        self.transition_to(State::PreparingRebalance, step.now);
        if was_empty {
            let delay_ms = step.config.initial_rebalance_delay_ms;
            let remaining_ms = self.rebalance_timeout_ms().saturating_sub(delay_ms);
            self.wait_for_more(step, delay_ms, remaining_ms);
        } else if self.has_all_members_joined() {
            self.complete_join(step);
        } else {
            self.wait_for_members(step, self.rebalance_timeout_ms());
        }
    }

    /// Begins the generation if everybody is there. A group that was empty waits out its delay.
    pub(super) fn maybe_complete_join(&mut self, step: &mut Step<'_, T>) {
        if self.state == State::PreparingRebalance
            && self.previous_state != State::Empty
            && self.has_all_members_joined()
        {
            self.complete_join(step);
        }
    }

    /// Time is up for a group that was empty; it gets more if somebody came.
    pub(super) fn end_initial_delay(
        &mut self,
        step: &mut Step<'_, T>,
        delay_ms: u64,
        remaining_ms: u64,
    ) {
        if !self.new_member_added || remaining_ms == 0 {
            return self.complete_join(step);
        }
        self.new_member_added = false;
        let next_delay_ms = step.config.initial_rebalance_delay_ms.min(remaining_ms);
        self.wait_for_more(step, next_delay_ms, remaining_ms.saturating_sub(delay_ms));
    }

    /// Begins the next generation with those who have joined. Static members may be late: they keep
    /// their place until their session ends.
    pub(super) fn complete_join(&mut self, step: &mut Step<'_, T>) {
        self.join_deadline = None;
        let late = self
            .members
            .iter()
            .filter(|(_, member)| member.awaiting_join.is_none() && member.instance_id.is_none());
        let late: Vec<String> = late.map(|(id, _)| id.clone()).collect();
        for member_id in late {
            self.remove(step, &member_id);
        }
        if self.members.is_empty() {
            return self.begin_empty_generation(step);
        }
        if !self.elect_joined_leader() {
            // Nobody has joined: until the sessions end, or somebody does.
            let wait_ms = self.rebalance_timeout_ms().max(LATE_MEMBERS_WAIT_MIN_MS);
            return self.wait_for_members(step, wait_ms);
        }
        self.begin_generation(step);
    }

    /// The leader must be one who has joined. False if nobody has.
    fn elect_joined_leader(&mut self) -> bool {
        let has_joined =
            |id: &String| self.members.get(id).is_some_and(|member| member.awaiting_join.is_some());
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        match self.members.keys().find(|id| has_joined(id)).cloned() {
            Some(member_id) => {
                self.leader = Some(member_id);
                true
            }
            None => false,
        }
    }

    fn begin_empty_generation(&mut self, step: &mut Step<'_, T>) {
        self.generation = self.generation.next();
        self.protocol_name = None;
        self.subscribed_topics = self.read_subscribed_topics();
        self.transition_to(State::Empty, step.now);
        self.pending_syncs.clear();
        // If there is no room the generation before stays written, and its members time out after
        // a load, as in Kafka.
        if planted!("an empty generation is not written") {
            return;
        }
        let record = records::group_metadata(&self.id, self.value());
        _ = step.outcome.append_within(record, step.config.batch_max_bytes);
    }

    fn begin_generation(&mut self, step: &mut Step<'_, T>) {
        self.generation = self.generation.next();
        self.protocol_name = self.select_protocol();
        self.subscribed_topics = self.read_subscribed_topics();
        self.transition_to(State::CompletingRebalance, step.now);
        self.pending_syncs.clear();
        for member_id in self.member_ids() {
            let response = self.rejoined(&member_id);
            self.answer_join(step, &member_id, |_| response);
            self.prolong_session(step, &member_id);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.standing = Standing::Settled;
            }
            self.pending_syncs.insert(member_id);
        }
        let deadline = step.now.monotonic + self.rebalance_timeout_ms();
        self.sync_deadline = Some(deadline);
        self.wake_at(deadline);
    }

    /// Takes back what the leader may have given, and tells those who wait for it.
    pub(super) fn reset_assignments(&mut self, step: &mut Step<'_, T>, error: ErrorCode) {
        for member_id in self.member_ids() {
            if let Some(member) = self.members.get_mut(&member_id) {
                member.assignment = Bytes::new();
            }
            if self.answer_sync(step, &member_id, || sync_error(error)) == Answered::Member {
                self.prolong_session(step, &member_id);
            }
        }
    }

    fn wait_for_members(&mut self, step: &Step<'_, T>, wait_ms: u64) {
        let at = step.now.monotonic + wait_ms;
        self.join_deadline = Some(JoinDeadline { at, wait: JoinWait::Members });
        self.wake_at(at);
    }

    fn wait_for_more(&mut self, step: &Step<'_, T>, delay_ms: u64, remaining_ms: u64) {
        let at = step.now.monotonic + delay_ms;
        let wait = JoinWait::More { delay_ms, remaining_ms };
        self.join_deadline = Some(JoinDeadline { at, wait });
        self.wake_at(at);
    }
}

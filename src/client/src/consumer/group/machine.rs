//! A consumer's part in its group: membership and commits, which share the coordinator and what
//! either hears of it.

use std::collections::BTreeMap;
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::types::Millis;

use super::commits::{CommitId, Commits, CommitsConfig, Committed, Offsets};
use super::membership::{Event, Membership, MembershipConfig};
use super::request::{Effect, GroupResponse, RequestId};
use super::subscription::{KnownTopics, Subscription};
use crate::error::Error;

/// Membership and commits of one consumer.
#[derive(Debug)]
pub struct GroupMachine {
    membership: Membership,
    commits: Commits,
    /// How many others need the coordinator now.
    lookups: usize,
}

impl GroupMachine {
    /// Neither joins nor commits yet. `seed` spreads retries.
    ///
    /// # Errors
    ///
    /// As [`Membership::new`].
    pub fn new(
        membership: MembershipConfig,
        commits: CommitsConfig,
        seed: u64,
    ) -> Result<GroupMachine, Error> {
        let membership = Membership::new(membership, seed)?;
        let commits = Commits::new(commits, seed.wrapping_add(1));
        Ok(GroupMachine { membership, commits, lookups: 0 })
    }

    /// The member, to look at.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The commits, to look at.
    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// The commits, to say what is processed.
    pub fn commits_mut(&mut self) -> &mut Commits {
        &mut self.commits
    }

    /// See [`Membership::subscribe`].
    pub fn subscribe(&mut self, subscription: Subscription) {
        self.membership.subscribe(subscription);
    }

    /// See [`Membership::enforce_rebalance`].
    pub fn enforce_rebalance(&mut self, now: Millis, reason: &str, effects: &mut Vec<Effect>) {
        self.membership.enforce_rebalance(reason);
        self.poll(now, effects);
    }

    /// Does what is due.
    pub fn poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.commits.poll(now, &mut self.membership, effects);
        let is_needed = 0 < self.lookups || self.commits.needs_coordinator();
        self.membership.want_coordinator(is_needed);
        self.membership.poll(now, effects);
    }

    /// Somebody needs the coordinator, until [`GroupMachine::end_lookup`].
    pub fn begin_lookup(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.lookups += 1;
        self.poll(now, effects);
    }

    /// Ends what [`GroupMachine::begin_lookup`] began.
    pub fn end_lookup(&mut self) {
        self.lookups = self.lookups.saturating_sub(1);
    }

    /// The coordinator did not say what the group has committed: another one may.
    pub fn on_committed_failed(&mut self, now: Millis, error: &Error, effects: &mut Vec<Effect>) {
        let is_elsewhere = !matches!(
            error.code(),
            Some(ErrorCode::CoordinatorLoadInProgress | ErrorCode::UnstableOffsetCommit)
        );
        if is_elsewhere {
            self.membership.on_coordinator_gone(now);
        }
        self.poll(now, effects);
    }

    /// True if the caller has something to do: see [`Membership::event`], [`Membership::fatal`].
    pub fn wants_something(&self) -> bool {
        self.membership.has_event() || self.membership.fatal().is_some()
    }

    /// When [`GroupMachine::poll`] has something to do, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Millis> {
        let both = [self.membership.next_deadline(), self.commits.next_deadline()];
        both.into_iter().flatten().min()
    }

    /// Takes an answer, or that there is none.
    pub fn on_answer(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<GroupResponse, Error>,
        effects: &mut Vec<Effect>,
    ) {
        if self.commits.is_of(id) {
            self.commits.on_answer(now, id, answer, &mut self.membership, effects);
        } else {
            self.membership.on_answer(now, id, answer, effects);
        }
        self.poll(now, effects);
    }

    /// See [`Membership::on_refused_topics`].
    pub fn on_refused_topics(&mut self, refused: &BTreeMap<String, ErrorCode>) {
        self.membership.on_refused_topics(refused);
    }

    /// See [`Membership::on_topics`].
    pub fn on_topics(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<KnownTopics, Error>,
        effects: &mut Vec<Effect>,
    ) {
        self.membership.on_topics(now, id, answer, effects);
    }

    /// See [`Membership::on_poll`].
    pub fn on_poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.membership.on_poll(now, effects);
        self.poll(now, effects);
    }

    /// See [`Membership::on_poll_end`].
    pub fn on_poll_end(&mut self) {
        self.membership.on_poll_end();
    }

    /// See [`Membership::set_waiting`].
    pub fn set_waiting(&mut self, now: Millis, is_waiting: bool) {
        self.membership.set_waiting(now, is_waiting);
    }

    /// See [`Membership::event`].
    pub fn event(&mut self) -> Option<Event> {
        self.membership.event()
    }

    /// See [`Membership::acknowledge`]. What is gone is not committed any more.
    pub fn acknowledge(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if let Some(Event::Revoke(gone) | Event::Lost(gone)) = self.membership.event() {
            self.commits.forget(&gone);
        }
        self.membership.acknowledge(now, effects);
        self.poll(now, effects);
    }

    /// Commits, trying again for `timeout`.
    pub fn commit_sync(
        &mut self,
        now: Millis,
        offsets: Offsets,
        timeout: Duration,
        effects: &mut Vec<Effect>,
    ) -> CommitId {
        let id = self.commits.commit_sync(now, &self.membership, offsets, timeout);
        self.poll(now, effects);
        id
    }

    /// A commit that was asked for and given up by whoever did is theirs who ask for the same: the
    /// last one, if `is_given_up` is true of it. It is tried again for `timeout` from now.
    pub fn take_up_commit(
        &mut self,
        now: Millis,
        offsets: &Offsets,
        timeout: Duration,
        is_given_up: impl Fn(CommitId) -> bool,
    ) -> Option<CommitId> {
        self.commits.take_up(now, &self.membership, offsets, timeout, is_given_up)
    }

    /// Commits, trying once.
    pub fn commit_async(
        &mut self,
        now: Millis,
        offsets: Offsets,
        effects: &mut Vec<Effect>,
    ) -> CommitId {
        let id = self.commits.commit_async(now, &self.membership, offsets);
        self.poll(now, effects);
        id
    }

    /// See [`Commits::take_done`].
    pub fn take_done(&mut self) -> Vec<Committed> {
        self.commits.take_done()
    }

    /// See [`Membership::parting`].
    pub fn parting(&mut self) -> Option<Event> {
        self.membership.parting()
    }

    /// See [`Membership::leave`]. Nothing is read after this.
    pub fn leave(&mut self, now: Millis, reason: &str, effects: &mut Vec<Effect>) {
        self.commits.forget(&self.membership.owned().clone());
        self.membership.leave(reason, effects);
        self.poll(now, effects);
    }
}

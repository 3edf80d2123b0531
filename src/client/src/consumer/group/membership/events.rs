//! What a member's caller has to do, one thing at a time.

use std::collections::BTreeSet;

use kt_protocol::planted;
use kt_protocol::types::{Millis, TopicPartition};

use super::{LossCause, Membership, Phase, RebalanceProtocol};
use crate::consumer::group::request::Effect;
use crate::error::Error;

/// Something that the caller does, tells its listener, and acknowledges.
#[derive(Clone, Debug)]
pub enum Event {
    /// Stop reading these: another member gets them. They may still be committed.
    Revoke(BTreeSet<TopicPartition>),
    /// These are lost: another member may read them already. They cannot be committed.
    Lost(BTreeSet<TopicPartition>),
    /// Read these as well. Empty after a rebalance that gave nothing new.
    Assign(BTreeSet<TopicPartition>),
    /// Something that the next poll returns as its error. The member goes on.
    Failed(Error),
}

/// An event that is not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) event: Event,
    /// True once the caller has seen it: it may have acted on it.
    pub(super) is_taken: bool,
}

impl Membership {
    /// True if [`Membership::event`] has something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// What the caller has to do now. It comes again until it is acknowledged: a caller that is
    /// dropped in the middle does it once more.
    pub fn event(&mut self) -> Option<Event> {
        let front = self.events.front_mut()?;
        front.is_taken = true;
        if let Event::Assign(added) = &front.event {
            self.owned.extend(added.iter().cloned());
        }
        Some(front.event.clone())
    }

    /// The caller has done what the last event said.
    pub fn acknowledge(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.events.front().is_some_and(|it| it.is_taken)
            && let Some(done) = self.events.pop_front()
            && let Event::Revoke(gone) | Event::Lost(gone) = done.event
        {
            self.owned.retain(|it| !gone.contains(it));
        }
        self.poll(now, effects);
    }

    /// The error that no later poll would be without.
    pub fn fatal(&self) -> Option<&Error> {
        // What is lost is said first.
        self.fatal.as_ref().filter(|_| self.events.is_empty())
    }

    /// What becomes of all partitions if the member leaves now; `None` if it has none. Not to be
    /// acknowledged: [`Membership::leave`] does. Until then, or the next poll, the member does not
    /// join again, so that what it commits meanwhile is of its generation.
    pub fn parting(&mut self) -> Option<Event> {
        self.is_parting = true;
        let owned = self.owned.clone();
        match self.phase {
            _ if owned.is_empty() => None,
            Phase::Stable => Some(Event::Revoke(owned)),
            _ => Some(Event::Lost(owned)),
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.events.push_back(Pending { event, is_taken: false });
    }

    /// Says that all partitions are lost, if any are left and it is not said yet.
    pub(super) fn lose_owned(&mut self) {
        let mut left = self.owned.clone();
        for pending in &self.events {
            if let Event::Revoke(gone) | Event::Lost(gone) = &pending.event {
                left.retain(|it| !gone.contains(it));
            }
        }
        if !left.is_empty() && !planted!("nobody hears of a loss") {
            self.counts.losses += 1;
            self.emit(Event::Lost(left));
        }
    }

    /// Says what must be given back before the member may join. True if there is anything.
    pub(super) fn give_back(&mut self) -> bool {
        if self.identity.generation.is_none() {
            self.lose_owned();
            return !self.events.is_empty();
        }
        let covers = |it: &&TopicPartition| {
            self.subscription.as_ref().is_some_and(|subscription| subscription.covers(&it.topic))
        };
        let given_back: BTreeSet<TopicPartition> = match self.protocol {
            RebalanceProtocol::Eager => self.owned.clone(),
            RebalanceProtocol::Cooperative => {
                self.owned.iter().filter(|it| !covers(it)).cloned().collect()
            }
        };
        if given_back.is_empty() {
            return false;
        }
        self.emit(Event::Revoke(given_back));
        true
    }

    /// A limit was passed: said once, by the next poll.
    pub(super) fn complain(&mut self, cause: LossCause) {
        let group = self.config.group_id.clone();
        self.emit(Event::Failed(Error::GroupLost { group, cause }));
    }
}

//! The deadlines of a group: sessions, member ids that were given out, joins and syncs.

use kt_protocol::planted;
use kt_protocol::types::Millis;

use super::{ClassicGroup, State, Step, millis};

/// Until when the group waits for joins, and for which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JoinDeadline {
    pub(super) at: Millis,
    pub(super) wait: JoinWait,
}

/// Whom a group waits for, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinWait {
    /// Those that it has.
    Members,
    /// More than the first, after it was empty.
    More {
        /// How long this time.
        delay_ms: u64,
        /// How long it may yet wait in all.
        remaining_ms: u64,
    },
}

/// What may be due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    PendingJoin(String),
    Session(String),
    Sync,
    Join,
}

impl<T> ClassicGroup<T> {
    /// Does what is due, up to the first record.
    pub(crate) fn on_deadline(&mut self, step: &mut Step<'_, T>) {
        let now = step.now.monotonic;
        let mut due: Vec<(Millis, Timer)> = self.timers().filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        for (at, timer) in due {
            // What was done before may have moved or ended it.
            if self.deadline(&timer) == Some(at) && step.outcome.records.is_empty() {
                self.on_timer(step, timer);
            }
        }
        if planted!("a deadline is never over") {
            self.wake_at(now);
        }
        if let Some(at) = self.timers().map(|(at, _)| at).min() {
            self.wake_at(at);
        }
    }

    fn timers(&self) -> impl Iterator<Item = (Millis, Timer)> + '_ {
        let pending =
            self.pending_joins.iter().map(|(id, at)| (*at, Timer::PendingJoin(id.clone())));
        let sessions = self.members.iter().filter_map(|(id, member)| {
            member.session_deadline.map(|at| (at, Timer::Session(id.clone())))
        });
        let sync = self.sync_deadline.map(|at| (at, Timer::Sync));
        let join = self.join_deadline.map(|it| (it.at, Timer::Join));
        pending.chain(sessions).chain(sync).chain(join)
    }

    fn deadline(&self, timer: &Timer) -> Option<Millis> {
        match timer {
            Timer::PendingJoin(id) => self.pending_joins.get(id).copied(),
            Timer::Session(id) => self.members.get(id)?.session_deadline,
            Timer::Sync => self.sync_deadline,
            Timer::Join => self.join_deadline.map(|it| it.at),
        }
    }

    fn on_timer(&mut self, step: &mut Step<'_, T>, timer: Timer) {
        match timer {
            Timer::PendingJoin(member_id) => {
                self.pending_joins.remove(&member_id);
                if self.state == State::PreparingRebalance && self.has_all_members_joined() {
                    self.complete_join(step);
                }
            }
            Timer::Session(member_id) => self.on_session_end(step, &member_id),
            Timer::Sync => self.on_sync_deadline(step),
            Timer::Join => match self.join_deadline.take().map(|it| it.wait) {
                Some(JoinWait::More { delay_ms, remaining_ms }) => {
                    self.end_initial_delay(step, delay_ms, remaining_ms);
                }
                _ => self.complete_join(step),
            },
        }
    }

    fn on_session_end(&mut self, step: &mut Step<'_, T>, member_id: &str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.session_deadline = None;
        if member.is_excused() || planted!("a session never ends") {
            // It begins anew with the answer.
            return;
        }
        self.remove(step, member_id);
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(step),
            State::PreparingRebalance if self.has_all_members_joined() => self.complete_join(step),
            _ => {}
        }
    }

    /// Members that have joined and not asked for their partitions are put out.
    fn on_sync_deadline(&mut self, step: &mut Step<'_, T>) {
        self.sync_deadline = None;
        let is_sharing_out = matches!(self.state, State::CompletingRebalance | State::Stable);
        if !is_sharing_out || self.pending_syncs.is_empty() {
            return;
        }
        for member_id in std::mem::take(&mut self.pending_syncs) {
            self.remove(step, &member_id);
        }
        self.prepare_rebalance(step);
    }

    /// The member was heard of.
    pub(super) fn prolong_session(&mut self, step: &Step<'_, T>, member_id: &str) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        let deadline = step.now.monotonic + millis(member.session_timeout_ms);
        member.session_deadline = Some(deadline);
        self.wake_at(deadline);
    }

    /// The log was read: nobody knows when its members were last heard of.
    pub(crate) fn on_loaded(&mut self, step: &mut Step<'_, T>) {
        for member_id in self.member_ids() {
            self.prolong_session(step, &member_id);
        }
        if step.config.max_size < self.members.len() {
            // `group.max.size` was lowered. They may commit before the last ones are turned away.
            self.prepare_rebalance(step);
        }
    }

    pub(super) fn wake_at(&mut self, at: Millis) {
        self.wake = Some(self.wake.map_or(at, |it| it.min(at)));
    }

    /// The earliest deadline that was set since the last time.
    pub(crate) fn take_wake(&mut self) -> Option<Millis> {
        self.wake.take()
    }
}

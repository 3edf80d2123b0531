//! How partitions leave a worker pool: what has begun may end within a time-out, then their commit
//! is told.
//!
//! Records behind the last one that was started are dropped at once: the next owner reads them.
//! Those before it are processed, because what was finished behind them would come twice.

use kt_protocol::types::{Millis, Offset, TopicPartition};

use super::super::effect::{AssignmentId, Effect};
use super::Machine;
use crate::duration::millis;

impl<R: Clone> Machine<R> {
    /// A partition is taken away. [`Effect::Released`] says when nothing of it is under way any
    /// more, after `revoke_timeout` at the latest.
    pub fn revoke(
        &mut self,
        now: Millis,
        partition: &TopicPartition,
        effects: &mut Vec<Effect<R>>,
    ) {
        let Some(id) = self.names.get(partition).copied() else { return };
        if self.revoked.contains_key(&id) {
            return;
        }
        self.revoked.insert(id, now + millis(self.config.revoke_timeout));
        self.paused.remove(&id);
        self.crowded_out.remove(&id);
        let last = self.partitions.get(&id).and_then(|it| it.started_to);
        self.drop_behind(id, last);
        self.resume_all(effects);
        self.release_if_drained(id, effects);
        self.poll(now, effects);
    }

    /// A partition is lost: somebody else may own it already. Its work is abandoned and nothing of
    /// it may be committed.
    pub fn lose(&mut self, now: Millis, partition: &TopicPartition, effects: &mut Vec<Effect<R>>) {
        if let Some(id) = self.names.get(partition).copied() {
            self.abandon(id, effects);
            self.remove(id, effects);
            self.poll(now, effects);
        }
    }

    /// Ends the revocations whose time is over.
    pub(super) fn end_overdue(&mut self, now: Millis, effects: &mut Vec<Effect<R>>) {
        let is_over = |(id, at): (&AssignmentId, &Millis)| (*at <= now).then_some(*id);
        let overdue: Vec<AssignmentId> = self.revoked.iter().filter_map(is_over).collect();
        for id in overdue {
            self.abandon(id, effects);
            self.release(id, effects);
        }
    }

    /// A stopped pool starts nothing: partitions on their way out wait only for what runs.
    pub(super) fn release_drained(&mut self, effects: &mut Vec<Effect<R>>) {
        let revoked: Vec<AssignmentId> = self.revoked.keys().copied().collect();
        for id in revoked {
            self.release_if_drained(id, effects);
        }
    }

    pub(super) fn release_if_drained(&mut self, id: AssignmentId, effects: &mut Vec<Effect<R>>) {
        if !self.revoked.contains_key(&id) {
            return;
        }
        let Some(assigned) = self.partitions.get(&id) else { return };
        if assigned.queued.records == 0 {
            self.release(id, effects);
        } else if self.stopped.is_some() && assigned.running == 0 {
            self.drop_behind(id, None);
            self.release(id, effects);
        }
    }

    /// Tells the commit of a partition of which nothing is under way, and forgets it.
    fn release(&mut self, id: AssignmentId, effects: &mut Vec<Effect<R>>) {
        let Some(assigned) = self.partitions.get(&id) else { return };
        let commit = assigned.commit(id);
        effects.push(Effect::Released { partition: assigned.partition.clone(), commit });
        self.remove(id, effects);
    }

    /// Stops all work of a partition and drops what waits.
    pub(super) fn abandon(&mut self, id: AssignmentId, effects: &mut Vec<Effect<R>>) {
        let of_it = self.running.iter().filter(|(_, lane)| lane.assignment == id);
        for work in of_it.map(|(work, _)| *work).collect::<Vec<_>>() {
            self.running.remove(&work);
            effects.push(Effect::Abandon(work));
        }
        self.drop_behind(id, None);
    }

    fn drop_behind(&mut self, id: AssignmentId, last: Option<Offset>) {
        let Some(assigned) = self.partitions.get_mut(&id) else { return };
        for bytes in self.lanes.drop_behind(id, last) {
            assigned.queued.subtract(bytes);
            self.queued.subtract(bytes);
        }
    }

    /// Forgets a partition. The others have a larger share from now on.
    pub(super) fn remove(&mut self, id: AssignmentId, effects: &mut Vec<Effect<R>>) {
        if let Some(assigned) = self.partitions.remove(&id) {
            self.names.remove(&assigned.partition);
        }
        self.revoked.remove(&id);
        self.paused.remove(&id);
        self.crowded_out.remove(&id);
        self.resume_all(effects);
    }
}

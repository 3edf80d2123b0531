//! What a worker pool decides: which record starts when, what waits, and what may be committed. No
//! tokio, no clock.
//!
//! ```text
//! offer -> [lane] -> ready -> Start -> finish --done--> behind the committable offset
//!             ^                           |
//!             +--- retry after a wait <---+ failed
//! ```
//!
//! A lane holds records that may not overtake one another: those of a partition, or of a key. One
//! record of a lane is under way at a time; lanes that are ready take turns.

mod lanes;
mod partition;
mod revocation;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::{Millis, Offset, TopicPartition};

use super::effect::{
    AssignmentId, Commit, Effect, FailedRecord, Offered, Outcome, Refused, Report, WorkId,
};
use super::settings::{Exhausted, FailurePolicy, WorkerPoolConfig};
use crate::random::Random;
use lanes::{LaneName, Lanes};
use partition::{Amount, Assigned};

/// A worker pool as a value. Each call tells what is to be done in `effects`.
///
/// ```
/// use kt_client::worker_pool::machine::Machine;
/// use kt_client::worker_pool::{Effect, Offered, Outcome, WorkerPoolConfig};
/// use kt_protocol::types::{Millis, Offset, TopicPartition};
///
/// let orders = TopicPartition::new("orders", 0);
/// let (now, mut effects) = (Millis(0), Vec::new());
/// let mut machine = Machine::new(WorkerPoolConfig::default(), 1);
/// machine.assign(&orders, Offset(0), &mut effects);
/// let offered = Offered {
///     offset: Offset(0),
///     leader_epoch: None,
///     key: None,
///     bytes: 3,
///     record: "tea",
/// };
/// assert_eq!(machine.offer(&orders, offered, &mut effects), Ok(()));
/// machine.poll(now, &mut effects);
/// let Some(Effect::Start { work, record: "tea" }) = effects.pop() else { panic!("{effects:?}") };
/// machine.finish(now, work, Outcome::Done, &mut effects);
/// assert_eq!(machine.committable()[0].offset, Offset(1));
/// assert_eq!(machine.load().records, 0);
/// ```
#[derive(Debug)]
pub struct Machine<R> {
    config: WorkerPoolConfig,
    names: BTreeMap<TopicPartition, AssignmentId>,
    partitions: BTreeMap<AssignmentId, Assigned>,
    lanes: Lanes<R>,
    running: BTreeMap<WorkId, LaneName>,
    queued: Amount,
    /// Partitions that were told to pause.
    paused: BTreeSet<AssignmentId>,
    /// Those of them that had room in their share, while others had more than theirs.
    crowded_out: BTreeSet<AssignmentId>,
    /// Partitions on their way out, and until when they may finish.
    revoked: BTreeMap<AssignmentId, Millis>,
    next_number: u64,
    random: Random,
    stopped: Option<FailedRecord>,
}

/// How much a pool has under way.
///
/// Shown at [`Machine`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Records that were taken and have not ended.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Tries that were started and have not ended.
    pub running: usize,
}

impl<R: Clone> Machine<R> {
    /// A pool without partitions. `seed` spreads the waits between tries.
    pub fn new(config: WorkerPoolConfig, seed: u64) -> Machine<R> {
        Machine {
            config: WorkerPoolConfig {
                workers: config.workers.max(1),
                ahead_max: config.ahead_max.max(1),
                ..config
            },
            names: BTreeMap::new(),
            partitions: BTreeMap::new(),
            lanes: Lanes::new(config.order),
            running: BTreeMap::new(),
            queued: Amount::default(),
            paused: BTreeSet::new(),
            crowded_out: BTreeSet::new(),
            revoked: BTreeMap::new(),
            next_number: 0,
            random: Random::new(seed),
            stopped: None,
        }
    }

    /// Takes a partition in, whose records come from `position` on. One that is assigned already
    /// stays as it is. What is left of one on its way out is abandoned.
    pub fn assign(
        &mut self,
        partition: &TopicPartition,
        position: Offset,
        effects: &mut Vec<Effect<R>>,
    ) {
        if let Some(id) = self.names.get(partition).copied() {
            if !self.revoked.contains_key(&id) {
                return;
            }
            self.abandon(id, effects);
            self.remove(id, effects);
        }
        let id = AssignmentId(self.number());
        self.names.insert(partition.clone(), id);
        self.partitions.insert(id, Assigned::new(partition.clone(), position));
    }

    /// The present assignment of a partition whose records are taken.
    pub fn assignment(&self, partition: &TopicPartition) -> Option<AssignmentId> {
        self.taking(partition)
    }

    /// True if the partition was assigned and is not released.
    pub fn is_known(&self, partition: &TopicPartition) -> bool {
        self.names.contains_key(partition)
    }

    /// All partitions, those on their way out too.
    pub fn partitions(&self) -> Vec<TopicPartition> {
        self.names.keys().cloned().collect()
    }

    /// Takes a record. Records of a partition are offered by rising offset; [`Machine::poll`] starts
    /// them.
    ///
    /// # Errors
    ///
    /// Gives the record back if there is no room; no later one of its partition is taken before it.
    pub fn offer(
        &mut self,
        partition: &TopicPartition,
        offered: Offered<R>,
        effects: &mut Vec<Effect<R>>,
    ) -> Result<(), Refused<R>> {
        let id = self.taking(partition).ok_or(Refused::NotAssigned)?;
        let share = self.share();
        let is_pool_full = self.limit().is_passed_by(self.queued.with(offered.bytes));
        let assigned = self.partitions.get_mut(&id).expect("each name has its partition");
        if offered.offset < assigned.progress.offered() {
            return Err(Refused::Repeated);
        }
        if assigned.refused.is_some_and(|first| first < offered.offset) {
            return Err(Refused::Full(Box::new(offered)));
        }
        let is_share_full = share.is_passed_by(assigned.queued.with(offered.bytes))
            || self.config.ahead_max <= assigned.progress.span();
        if assigned.queued.records != 0 && (is_share_full || is_pool_full) {
            assigned.refused = Some(offered.offset);
            if self.paused.insert(id) {
                effects.push(Effect::Pause(partition.clone()));
            }
            if !is_share_full {
                self.crowded_out.insert(id);
            }
            return Err(Refused::Full(Box::new(offered)));
        }
        assigned.refused = None;
        assigned.progress.offer(offered.offset, offered.leader_epoch);
        assigned.queued.add(offered.bytes);
        self.queued.add(offered.bytes);
        self.lanes.push(id, offered);
        Ok(())
    }

    /// Says that a partition has no records below `next` that have not been offered: compaction and
    /// control records leave gaps.
    pub fn pass(&mut self, partition: &TopicPartition, next: Offset) {
        if let Some(id) = self.taking(partition)
            && let Some(assigned) = self.partitions.get_mut(&id)
        {
            let refused = assigned.refused.unwrap_or(next);
            assigned.progress.pass(next.min(refused));
        }
    }

    /// The assignment of a partition that is not on its way out.
    fn taking(&self, partition: &TopicPartition) -> Option<AssignmentId> {
        self.names.get(partition).copied().filter(|id| !self.revoked.contains_key(id))
    }

    /// Starts what can be started and ends what is overdue.
    pub fn poll(&mut self, now: Millis, effects: &mut Vec<Effect<R>>) {
        self.end_overdue(now, effects);
        self.lanes.wake(now);
        while self.stopped.is_none() && self.running.len() < self.config.workers {
            let Some((lane, offset, record)) = self.lanes.start_next() else { break };
            let work = WorkId(self.number());
            if let Some(assigned) = self.partitions.get_mut(&lane.assignment) {
                assigned.started(offset);
            }
            self.running.insert(work, lane);
            effects.push(Effect::Start { work, record });
        }
    }

    /// A try has ended. One that was abandoned is not known any more and changes nothing.
    pub fn finish(
        &mut self,
        now: Millis,
        work: WorkId,
        outcome: Outcome,
        effects: &mut Vec<Effect<R>>,
    ) {
        let Some(lane) = self.running.remove(&work) else { return };
        if let Some(assigned) = self.partitions.get_mut(&lane.assignment) {
            assigned.running -= 1;
        }
        match outcome {
            Outcome::Done => self.end_first(&lane, effects),
            Outcome::Failed(reason) => self.failed(now, &lane, reason, effects),
        }
        self.release_if_drained(lane.assignment, effects);
        self.poll(now, effects);
    }

    fn failed(
        &mut self,
        now: Millis,
        lane: &LaneName,
        reason: String,
        effects: &mut Vec<Effect<R>>,
    ) {
        let partition = self.partition_name(lane.assignment);
        let Some((offset, tries)) = self.lanes.count_failure(lane) else { return };
        let failed = FailedRecord { partition, offset, tries, reason };
        let then = match self.config.on_failure {
            FailurePolicy::Stop => Exhausted::Stop,
            FailurePolicy::Skip => Exhausted::Skip,
            FailurePolicy::Retry { backoff, retries, then } => {
                if retries.is_none_or(|it| tries <= it) {
                    let wait = self.lanes.retry_later(lane, now, backoff, &mut self.random);
                    effects.push(Effect::Report(Report::Retrying { failed, wait }));
                    return;
                }
                then
            }
        };
        match then {
            Exhausted::Skip => {
                effects.push(Effect::Report(Report::Skipped(failed)));
                self.end_first(lane, effects);
            }
            Exhausted::Stop => {
                // The record stays the first of its lane: no commit passes it.
                effects.push(Effect::Report(Report::Stopped(failed.clone())));
                self.stopped.get_or_insert(failed);
                self.release_drained(effects);
            }
        }
    }

    /// The first record of a lane has ended.
    fn end_first(&mut self, lane: &LaneName, effects: &mut Vec<Effect<R>>) {
        let Some((offset, bytes)) = self.lanes.end_first(lane) else { return };
        self.queued.subtract(bytes);
        if let Some(assigned) = self.partitions.get_mut(&lane.assignment) {
            assigned.queued.subtract(bytes);
            assigned.progress.finish(offset);
        }
        self.resume(lane.assignment, effects);
        for id in self.crowded_out.clone() {
            self.resume(id, effects);
        }
    }

    fn resume_all(&mut self, effects: &mut Vec<Effect<R>>) {
        for id in self.paused.clone() {
            self.resume(id, effects);
        }
    }

    /// Resumes a paused partition when half of its share is free: less would make it stutter.
    fn resume(&mut self, id: AssignmentId, effects: &mut Vec<Effect<R>>) {
        if !self.paused.contains(&id) {
            return;
        }
        let Some(assigned) = self.partitions.get(&id) else { return };
        let is_pool_full = self.limit().is_reached_by(self.queued);
        if assigned.queued.records != 0 && is_pool_full {
            self.crowded_out.insert(id);
            return;
        }
        let has_room =
            assigned.queued.records == 0 || !self.share().half().is_passed_by(assigned.queued);
        if has_room && assigned.progress.span() <= self.config.ahead_max / 2 {
            effects.push(Effect::Resume(assigned.partition.clone()));
            self.paused.remove(&id);
            self.crowded_out.remove(&id);
        }
    }

    /// What has been finished and not committed.
    pub fn committable(&self) -> Vec<Commit> {
        self.partitions.iter().filter_map(|(id, it)| it.commit(*id)).collect()
    }

    /// A commit is done: it is not committable again.
    pub fn on_committed(&mut self, commit: &Commit) {
        if let Some(assigned) = self.partitions.get_mut(&commit.assignment) {
            assigned.committed = assigned.committed.max(commit.offset);
        }
    }

    /// When [`Machine::poll`] has something to do by itself.
    pub fn next_deadline(&self) -> Option<Millis> {
        let revoked = self.revoked.values().min().copied();
        let retry = self.lanes.next_retry().filter(|_| self.stopped.is_none());
        revoked.into_iter().chain(retry).min()
    }

    /// The record that stopped the pool.
    pub fn stopped(&self) -> Option<&FailedRecord> {
        self.stopped.as_ref()
    }

    /// How much is under way.
    pub fn load(&self) -> Load {
        let Amount { records, bytes } = self.queued;
        Load { records, bytes, running: self.running.len() }
    }

    fn limit(&self) -> Amount {
        Amount { records: self.config.queue_records_max, bytes: self.config.queue_bytes_max }
    }

    /// What each partition may have in the pool.
    fn share(&self) -> Amount {
        let count = self.partitions.len().max(1);
        let Amount { records, bytes } = self.limit();
        Amount { records: records / count, bytes: bytes / count }
    }

    fn partition_name(&self, id: AssignmentId) -> TopicPartition {
        self.partitions[&id].partition.clone()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

//! The lanes of a worker pool: queues of records that may not overtake one another, and whose turn
//! it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kt_protocol::types::{Millis, Offset};

use super::super::effect::{AssignmentId, Offered};
use super::super::settings::Order;
use crate::backoff::{Backoff, BackoffRange};
use crate::duration::millis;
use crate::random::Random;

/// Which lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneName {
    pub(super) assignment: AssignmentId,
    of: LaneOf,
}

/// What the records of a lane share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LaneOf {
    Partition,
    Key(Bytes),
    /// A record without a key waits for no other.
    Alone(Offset),
}

/// A lane is either in the queue of those that are ready, or waits for a retry, or has its first
/// record under way.
#[derive(Debug)]
struct Lane<R> {
    records: VecDeque<Waiting<R>>,
    /// Tries of the first record that failed.
    failures: u32,
    backoff: Option<Backoff>,
    retry_at: Option<Millis>,
}

#[derive(Debug)]
struct Waiting<R> {
    offset: Offset,
    bytes: usize,
    record: R,
}

/// The lanes that have records.
#[derive(Debug)]
pub(super) struct Lanes<R> {
    order: Order,
    lanes: BTreeMap<LaneName, Lane<R>>,
    /// The next to start is in front. A lane that is gone may still be named.
    ready: VecDeque<LaneName>,
    retries: BTreeSet<(Millis, LaneName)>,
}

impl<R: Clone> Lanes<R> {
    pub(super) fn new(order: Order) -> Lanes<R> {
        Lanes { order, lanes: BTreeMap::new(), ready: VecDeque::new(), retries: BTreeSet::new() }
    }

    /// Puts a record to the end of its lane.
    pub(super) fn push(&mut self, assignment: AssignmentId, offered: Offered<R>) {
        let of = match (self.order, offered.key) {
            (Order::Partition, _) => LaneOf::Partition,
            (Order::Key, Some(key)) => LaneOf::Key(key),
            (Order::Key, None) => LaneOf::Alone(offered.offset),
        };
        let name = LaneName { assignment, of };
        let waiting =
            Waiting { offset: offered.offset, bytes: offered.bytes, record: offered.record };
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.records.push_back(waiting);
            return;
        }
        let lane =
            Lane { records: VecDeque::from([waiting]), failures: 0, backoff: None, retry_at: None };
        self.lanes.insert(name.clone(), lane);
        self.ready.push_back(name);
    }

    /// The first record of the lane whose turn it is. The record stays where it is until it ends.
    pub(super) fn start_next(&mut self) -> Option<(LaneName, Offset, R)> {
        while let Some(name) = self.ready.pop_front() {
            if let Some(first) = self.lanes.get(&name).and_then(|it| it.records.front()) {
                return Some((name, first.offset, first.record.clone()));
            }
        }
        None
    }

    /// Takes the first record out of a lane that was started; the lane goes to the end of those
    /// that are ready.
    pub(super) fn end_first(&mut self, name: &LaneName) -> Option<(Offset, usize)> {
        let lane = self.lanes.get_mut(name)?;
        let ended = lane.records.pop_front()?;
        lane.failures = 0;
        lane.backoff = None;
        if lane.records.is_empty() {
            self.lanes.remove(name);
        } else {
            self.ready.push_back(name.clone());
        }
        Some((ended.offset, ended.bytes))
    }

    /// The first record of a lane failed once more: which it is, and how often it was tried.
    pub(super) fn count_failure(&mut self, name: &LaneName) -> Option<(Offset, u32)> {
        let lane = self.lanes.get_mut(name)?;
        lane.failures = lane.failures.saturating_add(1);
        Some((lane.records.front()?.offset, lane.failures))
    }

    /// Lets a lane that was started wait. Gives the time.
    pub(super) fn retry_later(
        &mut self,
        name: &LaneName,
        now: Millis,
        range: BackoffRange,
        random: &mut Random,
    ) -> Duration {
        let Some(lane) = self.lanes.get_mut(name) else { return Duration::ZERO };
        let wait = lane.backoff.get_or_insert_with(|| Backoff::new(range)).next(random);
        let at = now + millis(wait);
        lane.retry_at = Some(at);
        self.retries.insert((at, name.clone()));
        wait
    }

    /// Lanes whose wait is over become ready.
    pub(super) fn wake(&mut self, now: Millis) {
        while self.retries.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.retries.pop_first() else { return };
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.retry_at = None;
                self.ready.push_back(name);
            }
        }
    }

    pub(super) fn next_retry(&self) -> Option<Millis> {
        self.retries.first().map(|(at, _)| *at)
    }

    /// Drops the records of a partition that lie behind `last`, `None` for all. Gives the bytes of
    /// each.
    pub(super) fn drop_behind(
        &mut self,
        assignment: AssignmentId,
        last: Option<Offset>,
    ) -> Vec<usize> {
        let mut dropped = Vec::new();
        for name in self.names_of(assignment) {
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            let kept = lane.records.partition_point(|it| Some(it.offset) <= last);
            dropped.extend(lane.records.drain(kept..).map(|it| it.bytes));
            if !lane.records.is_empty() {
                continue;
            }
            if let Some(at) = lane.retry_at {
                self.retries.remove(&(at, name.clone()));
            }
            self.lanes.remove(&name);
        }
        self.ready.retain(|name| name.assignment != assignment || self.lanes.contains_key(name));
        dropped
    }

    fn names_of(&self, assignment: AssignmentId) -> Vec<LaneName> {
        let first = LaneName { assignment, of: LaneOf::Partition };
        let names = self.lanes.range(first..).map(|(name, _)| name);
        names.take_while(|it| it.assignment == assignment).cloned().collect()
    }
}

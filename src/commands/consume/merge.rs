//! `--merge`: records of several partitions in the order of time.
//!
//! The order inside a partition is kept. A record is given out once every other partition has one
//! to compare it with, has ended, or has nothing more for now. Fetched bytes wait as they came, and
//! of each partition only a window is read ahead, so that memory is bounded.

use std::collections::{BTreeMap, VecDeque};

use kt_client::consumer::FetchedRecords;
use kt_protocol::types::TopicPartition;

use crate::session::Session;

/// Answers of a broker that wait for one partition; no more is fetched then.
const FETCHED_MAX: usize = 2;

/// Late records that are told one by one; the rest are counted.
const LATE_TOLD_MAX: u64 = 10;

/// A record, written as it will go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) timestamp: i64,
    pub(super) offset: i64,
    pub(super) text: Vec<u8>,
    /// Bytes of key and value, for `--rate`.
    pub(super) bytes: usize,
}

/// What waits of one partition.
#[derive(Debug, Default)]
struct Lane {
    fetched: VecDeque<FetchedRecords>,
    window: VecDeque<Ready>,
    /// Nothing comes behind this, or nothing is there for now.
    is_drained: bool,
}

/// All partitions that are merged.
#[derive(Debug, Default)]
pub(super) struct Merge {
    lanes: BTreeMap<TopicPartition, Lane>,
    latest: Option<i64>,
    late: u64,
}

impl Merge {
    /// A partition takes part.
    pub(super) fn begin(&mut self, partition: &TopicPartition) {
        self.lanes.entry(partition.clone()).or_default();
    }

    /// Takes what was fetched. True: no more is wanted of this partition for now.
    pub(super) fn fetched(&mut self, records: FetchedRecords) -> bool {
        let lane = self.lanes.entry(records.partition().clone()).or_default();
        lane.is_drained = records.end() <= records.next_offset();
        lane.fetched.push_back(records);
        FETCHED_MAX <= lane.fetched.len()
    }

    /// There is no more of a partition, now or ever.
    pub(super) fn drained(&mut self, partition: &TopicPartition) {
        if let Some(lane) = self.lanes.get_mut(partition) {
            lane.is_drained = true;
        }
    }

    /// There is no more of any.
    pub(super) fn all_drained(&mut self) {
        self.lanes.values_mut().for_each(|it| it.is_drained = true);
    }

    /// Bytes of a partition whose window is empty, to be read into [`Merge::fill`].
    pub(super) fn hungry(&mut self) -> Option<FetchedRecords> {
        let mut lanes = self.lanes.values_mut();
        lanes.find_map(|it| it.window.is_empty().then(|| it.fetched.pop_front()).flatten())
    }

    /// Fills a window; `rest` is what is to be read after it.
    pub(super) fn fill(
        &mut self,
        partition: &TopicPartition,
        window: VecDeque<Ready>,
        rest: Option<FetchedRecords>,
    ) {
        let Some(lane) = self.lanes.get_mut(partition) else { return };
        lane.window = window;
        if let Some(rest) = rest {
            lane.fetched.push_front(rest);
        }
    }

    /// Partitions that there is room for again.
    pub(super) fn has_room(&self, partition: &TopicPartition) -> bool {
        self.lanes.get(partition).is_none_or(|it| it.fetched.len() < FETCHED_MAX)
    }

    /// The next record, if it is known which one that is.
    pub(super) fn next(&mut self, session: &Session) -> Option<Ready> {
        let mut earliest: Option<(&TopicPartition, i64)> = None;
        for (partition, lane) in &self.lanes {
            match lane.window.front() {
                Some(ready) if earliest.is_none_or(|(_, time)| ready.timestamp < time) => {
                    earliest = Some((partition, ready.timestamp));
                }
                Some(_) => {}
                None if lane.is_drained && lane.fetched.is_empty() => {}
                None => return None,
            }
        }
        let partition = earliest?.0.clone();
        let ready = self.lanes.get_mut(&partition)?.window.pop_front()?;
        match self.latest {
            Some(latest) if ready.timestamp < latest => self.is_late(session, &partition, &ready),
            _ => self.latest = Some(ready.timestamp),
        }
        Some(ready)
    }

    fn is_late(&mut self, session: &Session, partition: &TopicPartition, ready: &Ready) {
        self.late += 1;
        if self.late <= LATE_TOLD_MAX {
            let by = self.latest.map_or(0, |it| it.saturating_sub(ready.timestamp));
            let (topic, index, offset) = (&partition.topic, partition.partition, ready.offset);
            session.warn(&format!(
                "the record at {topic}:{index} offset {offset} is {by} ms out of the order of time"
            ));
        }
    }

    /// Says how many were late, if that was not said one by one.
    pub(super) fn finish(&self, session: &Session) {
        if LATE_TOLD_MAX < self.late {
            let more = self.late - LATE_TOLD_MAX;
            session.warn(&format!("{more} more records are out of the order of time"));
        }
    }
}

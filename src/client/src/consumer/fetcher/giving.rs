//! What the caller is given: in the order of fetching, each partition in its turn, so that none
//! starves.

use kt_protocol::planted;
use kt_protocol::types::{Offset, TopicPartition};

use super::position::Phase;
use super::{Fetcher, Position};
use crate::consumer::records::{FetchedRecords, ReadError};
use crate::error::Error;

/// What waits to be given.
#[derive(Debug, Default)]
pub struct Given {
    /// Records by partition, in the order of the log.
    pub records: Vec<FetchedRecords>,
    /// Partitions that were read to their ends.
    pub ends: Vec<Emptiness>,
    /// The rate of giving made room for more: poll again.
    pub has_made_room: bool,
}

/// A partition of which a broker had nothing more.
///
/// Shown at [`Polled`](crate::consumer::Polled).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptiness {
    /// Which.
    pub partition: TopicPartition,
    /// Where reading has come to.
    pub position: Offset,
    /// The first offset that this reader may not see yet: the high watermark, or the last stable
    /// offset under [`crate::admin::Isolation::ReadCommitted`]. It may be above the position:
    /// compaction removed what was there.
    pub end: Offset,
}

impl Fetcher {
    /// Gives up to `records_max` records, and moves the positions behind them.
    ///
    /// # Errors
    ///
    /// What the caller must hear comes first, each thing once; an error of a partition waits until
    /// what was fetched before it is given.
    pub fn give(&mut self, records_max: usize) -> Result<Given, Error> {
        if let Some(error) = self.due_error() {
            return Err(error);
        }
        let mut given = Given { ends: std::mem::take(&mut self.ends), ..Given::default() };
        let mut left = records_max;
        let mut index = 0;
        while 0 < left && index < self.order.len() {
            let Some(partition) = self.order.get(index).cloned() else { break };
            match self.give_front(&partition, left) {
                None => index += 1,
                Some(Ok((records, count, is_exhausted))) => {
                    left = left.saturating_sub(count);
                    given.has_made_room |= is_exhausted;
                    given.records.push(records);
                    self.counts.records += count as u64;
                    if is_exhausted {
                        self.order.remove(index);
                        self.order_again(&partition);
                    }
                }
                Some(Err(reason)) => {
                    let reason = format!("{partition}: {reason}");
                    self.drop_fetched(&partition);
                    self.fail(&partition, Error::protocol(kt_protocol::ApiKey::Fetch, reason));
                }
            }
        }
        if given.records.is_empty()
            && let Some(error) = self.due_error()
        {
            self.ends.append(&mut given.ends);
            return Err(error);
        }
        Ok(given)
    }

    /// True if [`Fetcher::give`] has something.
    pub fn has_something(&self) -> bool {
        let is_open = |it: &TopicPartition| self.partitions.get(it).is_some_and(is_giving);
        !self.ends.is_empty() || self.order.iter().any(is_open) || self.next_error().is_some()
    }

    fn next_error(&self) -> Option<&Option<TopicPartition>> {
        let is_due = |partition: &Option<TopicPartition>| {
            let assigned = partition.as_ref().and_then(|it| self.partitions.get(it));
            assigned.is_none_or(|it| it.chunks.is_empty())
        };
        self.errors.keys().find(|it| is_due(it))
    }

    fn due_error(&mut self) -> Option<Error> {
        let partition = self.next_error()?.clone();
        self.errors.remove(&partition)
    }

    /// The next of one partition, how many records that is, and whether its answer is used up.
    fn give_front(
        &mut self,
        partition: &TopicPartition,
        records_max: usize,
    ) -> Option<Result<(FetchedRecords, usize, bool), ReadError>> {
        let assigned = self.partitions.get_mut(partition).filter(|it| is_giving(it))?;
        let chunk = assigned.chunks.front_mut()?;
        let (records, count) = match chunk.records.split_front(records_max) {
            Ok(split) => split,
            Err(error) => return Some(Err(error)),
        };
        let before = assigned.given.and_then(|it| it.leader_epoch);
        assigned.given = Some(Position {
            offset: records.next_offset(),
            leader_epoch: records.last_epoch().or(before),
        });
        let is_exhausted = chunk.records.is_empty();
        if is_exhausted {
            let frame = chunk.frame;
            assigned.chunks.pop_front();
            self.release(frame);
        }
        Some(Ok((records, count, is_exhausted)))
    }

    fn order_again(&mut self, partition: &TopicPartition) {
        let has_more = |it: &super::assigned::Assigned| !it.chunks.is_empty();
        if self.partitions.get(partition).is_some_and(has_more) {
            self.order.push_back(partition.clone());
        }
    }

    /// Drops what waits of a partition: it is fetched again from behind what was given.
    pub(super) fn drop_fetched(&mut self, partition: &TopicPartition) {
        self.ends.retain(|it| it.partition != *partition);
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        if assigned.chunks.is_empty() || planted!("what was sought away from is kept") {
            return;
        }
        let chunks = std::mem::take(&mut assigned.chunks);
        if let Some(given) = assigned.given {
            assigned.position = given;
        }
        self.order.retain(|it| it != partition);
        for chunk in chunks {
            self.counts.dropped_bytes += chunk.records.size() as u64;
            self.release(chunk.frame);
        }
    }

    /// Something of an answer is used up. Its memory is free when nothing of it waits.
    fn release(&mut self, frame: u64) {
        let Some(it) = self.frames.get_mut(&frame) else { return };
        it.chunks -= 1;
        if it.chunks == 0 {
            self.queued = self.queued.saturating_sub(it.size);
            self.frames.remove(&frame);
        }
    }
}

/// Paused ones keep theirs, and what is being validated may be gone.
fn is_giving(assigned: &super::assigned::Assigned) -> bool {
    !assigned.is_paused
        && matches!(assigned.phase, Phase::Fetch | Phase::Doubted | Phase::Failed)
        && !assigned.chunks.is_empty()
}

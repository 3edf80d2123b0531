//! Partitions side by side while a page is made of them: which record is the next in time.
//!
//! All lanes have one page's budget between them. One that runs dry before the page is full is
//! opened again, from where it ended: so no partition holds more than its share, however few of the
//! others have the next records.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

use kt_client::consumer::{FetchedRecords, Polled};

use super::Stopped;
use super::walk::{Walk, Walked};
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::records::reading::{Offsets, PAGE, PAGE_BYTES};

/// Records that a lane may have whatever the number of lanes: fewer cost too many reads.
const LEAST_RECORDS: usize = 8;
/// Bytes that a lane may have when it is opened again, and all others have taken the budget.
const LEAST_BYTES: usize = 64 << 10;

/// What is read of one partition.
#[derive(Debug)]
struct Lane {
    queue: VecDeque<RecordLine>,
    bytes: usize,
    /// Nothing is known of what comes before.
    first: i64,
    /// Read up to here.
    reached: i64,
    until: i64,
    /// More has no room now.
    is_full: bool,
    share: Share,
}

/// What a lane may have; one record it may have in any case.
#[derive(Clone, Copy, Debug)]
struct Share {
    records: usize,
    bytes: usize,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: BTreeMap<i32, Lane>,
    keep: Keep,
}

/// Which records of a lane are kept, if there are more than it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

/// What is to be shown, never more than a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    lines: VecDeque<RecordLine>,
    bytes: usize,
}

/// How far lanes have filled a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Merged {
    PageIsFull,
    /// Nobody knows what comes next before these are opened again.
    Dry(Vec<i32>),
    /// There is nothing more.
    Over,
}

impl Lane {
    fn is_done(&self) -> bool {
        self.is_full || self.until <= self.reached
    }

    fn is_over(&self) -> bool {
        self.share.records < self.queue.len() || self.share.bytes < self.bytes
    }

    fn push(&mut self, line: RecordLine, keep: Keep) {
        self.bytes += line.weight();
        self.queue.push_back(line);
        match keep {
            Keep::First => {
                self.is_full =
                    self.share.records <= self.queue.len() || self.share.bytes <= self.bytes;
            }
            Keep::Last => {
                while 1 < self.queue.len()
                    && self.is_over()
                    && let Some(gone) = self.pop_front()
                {
                    self.first = gone.offset + 1;
                }
            }
        }
    }

    fn pop_front(&mut self) -> Option<RecordLine> {
        let line = self.queue.pop_front()?;
        self.bytes -= line.weight();
        Some(line)
    }

    fn pop_back(&mut self) -> Option<RecordLine> {
        let line = self.queue.pop_back()?;
        self.bytes -= line.weight();
        Some(line)
    }
}

impl Page {
    fn is_full(&self) -> bool {
        PAGE <= self.lines.len() || PAGE_BYTES <= self.bytes
    }

    fn has_room(&self, line: &RecordLine) -> bool {
        self.lines.is_empty() || self.bytes + line.weight() <= PAGE_BYTES
    }

    pub(super) fn into_lines(self) -> Vec<RecordLine> {
        self.lines.into()
    }

    /// The first offset that it has of each partition.
    pub(super) fn firsts(&self) -> Offsets {
        let mut firsts = Offsets::new();
        for line in &self.lines {
            firsts.entry(line.partition).or_insert(line.offset);
        }
        firsts
    }
}

impl Lanes {
    pub(super) fn new(keep: Keep) -> Lanes {
        Lanes { lanes: BTreeMap::new(), keep }
    }

    /// Opens lanes, or those that ran dry again: each has its share of what is free of a page.
    pub(super) fn open(&mut self, from: &Offsets, until: &Offsets, page: &Page) {
        let count = from.len().max(1);
        let held: usize = self.lanes.values().map(|it| it.bytes).sum();
        let is_again = !self.lanes.is_empty();
        let bytes = PAGE_BYTES.saturating_sub(held) / count;
        let share = Share {
            records: PAGE.saturating_sub(page.lines.len()).div_ceil(count).max(LEAST_RECORDS),
            bytes: if is_again { bytes.max(LEAST_BYTES) } else { bytes },
        };
        for (partition, from) in from {
            let lane = Lane {
                queue: VecDeque::new(),
                bytes: 0,
                first: *from,
                reached: *from,
                until: until.get(partition).copied().unwrap_or(*from),
                is_full: false,
                share,
            };
            self.lanes.insert(*partition, lane);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.lanes.values().all(Lane::is_done)
    }

    /// Takes what a poll gave. The partitions that are done now.
    pub(super) fn take(&mut self, polled: &Polled, walk: &Walk) -> Result<Vec<i32>, Stopped> {
        for records in &polled.records {
            self.take_records(records, walk)?;
        }
        for it in &polled.ends {
            self.ended(it.partition.partition.0, it.end.0);
        }
        let done = self.lanes.iter().filter(|(_, it)| it.is_done());
        Ok(done.map(|(partition, _)| *partition).collect())
    }

    pub(super) fn take_records(
        &mut self,
        records: &FetchedRecords,
        walk: &Walk,
    ) -> Result<(), Stopped> {
        let keep = self.keep;
        let partition = records.partition().partition.0;
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        if lane.is_done() {
            return Ok(());
        }
        let walked = walk.each(records, lane.until, |offset, line| {
            lane.reached = lane.reached.max(offset + 1);
            if let Some(line) = line {
                lane.push(line, keep);
            }
            if lane.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if walked == Walked::Whole {
            lane.reached = lane.reached.max(records.next_offset().0.min(lane.until));
        }
        Ok(())
    }

    /// The partition ends there. What lies between there and where it was to end is gone: the log
    /// was truncated, or the topic made again.
    pub(super) fn ended(&mut self, partition: i32, end: i64) {
        if let Some(lane) = self.lanes.get_mut(&partition).filter(|it| !it.is_full) {
            lane.until = lane.until.min(end.max(lane.reached));
            lane.reached = lane.reached.max(lane.until);
        }
    }

    /// Moves records to the back of the page in the order of time, while it is known which is next.
    pub(super) fn move_first(&mut self, page: &mut Page) -> Merged {
        loop {
            if page.is_full() {
                return Merged::PageIsFull;
            }
            let is_dry = |(_, it): &(&i32, &Lane)| it.queue.is_empty() && it.is_full;
            let dry: Vec<i32> = self.lanes.iter().filter(is_dry).map(|(it, _)| *it).collect();
            if !dry.is_empty() {
                return Merged::Dry(dry);
            }
            let heads = self.lanes.iter().filter_map(|(partition, it)| {
                let head = it.queue.front()?;
                Some((head.time(), *partition))
            });
            let Some((_, partition)) = heads.min() else { return Merged::Over };
            let Some(lane) = self.lanes.get_mut(&partition) else { return Merged::Over };
            if !lane.queue.front().is_some_and(|it| page.has_room(it)) {
                return Merged::PageIsFull;
            }
            if let Some(line) = lane.pop_front() {
                page.bytes += line.weight();
                page.lines.push_back(line);
            }
        }
    }

    /// The same from the back to the front, where partitions begin at `starts`.
    pub(super) fn move_last(&mut self, page: &mut Page, starts: &Offsets) -> Merged {
        loop {
            if page.is_full() {
                return Merged::PageIsFull;
            }
            let dry = self.before(starts);
            if !dry.is_empty() {
                return Merged::Dry(dry);
            }
            let tails = self.lanes.iter().filter_map(|(partition, it)| {
                let tail = it.queue.back()?;
                Some((tail.time(), *partition))
            });
            let Some((_, partition)) = tails.max() else { return Merged::Over };
            let Some(lane) = self.lanes.get_mut(&partition) else { return Merged::Over };
            if !lane.queue.back().is_some_and(|it| page.has_room(it)) {
                return Merged::PageIsFull;
            }
            if let Some(line) = lane.pop_back() {
                page.bytes += line.weight();
                page.lines.push_front(line);
            }
        }
    }

    /// Those that are empty, and not read from their starts on.
    fn before(&self, starts: &Offsets) -> Vec<i32> {
        let dry = self.lanes.iter().filter(|(partition, it)| {
            it.queue.is_empty() && starts.get(partition).is_some_and(|start| *start < it.first)
        });
        dry.map(|(partition, _)| *partition).collect()
    }

    /// Whether nothing waits that the page had no room for, and nothing lies before it.
    pub(super) fn is_exhausted(&self, starts: &Offsets) -> bool {
        self.lanes.values().all(|it| it.queue.is_empty()) && self.before(starts).is_empty()
    }

    /// Where each partition goes on behind the page.
    pub(super) fn next(&self) -> Offsets {
        let edge = |it: &Lane| it.queue.front().map_or(it.reached, |head| head.offset);
        self.lanes.iter().map(|(partition, it)| (*partition, edge(it))).collect()
    }

    /// Partitions of which something waits.
    pub(super) fn found(&self) -> BTreeSet<i32> {
        let found = self.lanes.iter().filter(|(_, it)| !it.queue.is_empty());
        found.map(|(partition, _)| *partition).collect()
    }

    /// Before what a partition is to be read again.
    pub(super) fn first(&self, partition: i32) -> Option<i64> {
        self.lanes.get(&partition).map(|it| it.first)
    }

    /// Bytes that wait, and those of the page.
    #[cfg(test)]
    pub(super) fn held(&self, page: &Page) -> usize {
        self.lanes.values().map(|it| it.bytes).sum::<usize>() + page.bytes
    }
}

#[cfg(test)]
mod tests;

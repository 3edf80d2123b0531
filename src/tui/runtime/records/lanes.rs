//! Partitions side by side while a page is made of them: which record is the next in time.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use kt_client::consumer::{FetchedRecords, Polled};

use crate::internal_records::Decoder;
use crate::record_filter::RecordFilter;
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::records::reading::{Offsets, PAGE};

/// Bytes that wait in one lane; a page is not larger than so much for each.
const LANE_BYTES_MAX: usize = 8 << 20;

/// What is read of one partition.
#[derive(Debug)]
struct Lane {
    queue: VecDeque<RecordLine>,
    bytes: usize,
    /// Read up to here.
    reached: i64,
    until: i64,
    /// More would not be used.
    is_full: bool,
    /// At the front something was left out: there is more before it.
    has_lost_front: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: BTreeMap<i32, Lane>,
    keep: Keep,
}

/// Which records of a lane are kept, if there are more than a page has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

impl Lane {
    fn is_done(&self) -> bool {
        self.is_full || self.until <= self.reached
    }

    fn push(&mut self, line: RecordLine, keep: Keep) {
        if self.is_full {
            return;
        }
        self.bytes += line.weight();
        self.queue.push_back(line);
        let is_over = PAGE <= self.queue.len() || LANE_BYTES_MAX <= self.bytes;
        match keep {
            Keep::First => self.is_full = is_over,
            Keep::Last => {
                while (PAGE < self.queue.len() || LANE_BYTES_MAX < self.bytes)
                    && 1 < self.queue.len()
                    && let Some(gone) = self.queue.pop_front()
                {
                    self.bytes -= gone.weight();
                    self.has_lost_front = true;
                }
            }
        }
    }
}

impl Lanes {
    pub(super) fn new(from: &Offsets, until: &Offsets, keep: Keep) -> Lanes {
        let lane = |(partition, from): (&i32, &i64)| {
            let until = until.get(partition).copied().unwrap_or(*from);
            let lane = Lane {
                queue: VecDeque::new(),
                bytes: 0,
                reached: *from,
                until,
                is_full: false,
                has_lost_front: false,
            };
            (*partition, lane)
        };
        Lanes { lanes: from.iter().map(lane).collect(), keep }
    }

    pub(super) fn is_done(&self) -> bool {
        self.lanes.values().all(Lane::is_done)
    }

    /// Takes what a poll gave. The partitions that are done now.
    pub(super) fn take(
        &mut self,
        polled: &Polled,
        filter: Option<&RecordFilter>,
        decoder: Option<Decoder>,
    ) -> Result<Vec<i32>, kt_client::Error> {
        for records in &polled.records {
            self.take_records(records, filter, decoder)?;
        }
        for it in &polled.ends {
            if let Some(lane) = self.lanes.get_mut(&it.partition.partition.0) {
                lane.reached = lane.reached.max(it.end.0.min(lane.until));
            }
        }
        let done = self.lanes.iter().filter(|(_, it)| it.is_done());
        Ok(done.map(|(partition, _)| *partition).collect())
    }

    fn take_records(
        &mut self,
        records: &FetchedRecords,
        filter: Option<&RecordFilter>,
        decoder: Option<Decoder>,
    ) -> Result<(), kt_client::Error> {
        let of = records.partition();
        let partition = of.partition.0;
        let keep = self.keep;
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        if lane.is_full {
            return Ok(());
        }
        let walked = records.for_each(|record| {
            if lane.until <= record.offset.0 || lane.is_full {
                return ControlFlow::Break(());
            }
            if filter.is_none_or(|it| it.matches(of, record)) {
                lane.push(RecordLine::new(partition, record, decoder), keep);
            }
            lane.reached = record.offset.0 + 1;
            ControlFlow::Continue(())
        });
        let _ = walked.map_err(|error| kt_client::Error::Refused(format!("{of}: {error}")))?;
        if !lane.is_full {
            lane.reached = lane.reached.max(records.next_offset().0.min(lane.until));
        }
        Ok(())
    }

    /// Takes records in the order of time from the front, until a page is full or nobody knows what
    /// comes next. Behind them stands where each partition goes on.
    pub(super) fn first_page(&mut self) -> (Vec<RecordLine>, Offsets) {
        let mut page = Vec::new();
        while page.len() < PAGE {
            let is_unknown = |it: &Lane| it.queue.is_empty() && it.is_full;
            if self.lanes.values().any(is_unknown) {
                break;
            }
            let heads = self.lanes.iter().filter_map(|(partition, it)| {
                let head = it.queue.front()?;
                Some((head.time(), *partition))
            });
            let Some((_, partition)) = heads.min() else { break };
            page.extend(self.lanes.get_mut(&partition).and_then(|it| it.queue.pop_front()));
        }
        let edge = |it: &Lane| it.queue.front().map_or(it.reached, |head| head.offset);
        (page, self.lanes.iter().map(|(partition, it)| (*partition, edge(it))).collect())
    }

    /// The same from the back. `is_whole` says of which partitions all was read: of others it is
    /// not known what came before their first record here.
    pub(super) fn last_page(
        &mut self,
        is_whole: impl Fn(i32) -> bool,
    ) -> (Vec<RecordLine>, Offsets) {
        let mut page = VecDeque::new();
        let mut edges: Offsets =
            self.lanes.iter().map(|(partition, it)| (*partition, it.until)).collect();
        while page.len() < PAGE {
            let is_unknown = |(partition, it): (&i32, &Lane)| {
                it.queue.is_empty() && (it.has_lost_front || !is_whole(*partition))
            };
            if self.lanes.iter().any(is_unknown) {
                break;
            }
            let tails = self.lanes.iter().filter_map(|(partition, it)| {
                let tail = it.queue.back()?;
                Some((tail.time(), *partition))
            });
            let Some((_, partition)) = tails.max() else { break };
            if let Some(line) = self.lanes.get_mut(&partition).and_then(|it| it.queue.pop_back()) {
                edges.insert(partition, line.offset);
                page.push_front(line);
            }
        }
        (page.into(), edges)
    }

    /// Partitions of which nothing was found.
    pub(super) fn empty(&self) -> Vec<i32> {
        let empty = self.lanes.iter().filter(|(_, it)| it.queue.is_empty());
        empty.map(|(partition, _)| *partition).collect()
    }
}

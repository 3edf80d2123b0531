//! Reading on and on: a scan to the ends that there are now, and what comes after them.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use kt_client::consumer::{FetchedRecords, OffsetReset, Polled};
use tokio::time::Instant;

use super::walk::{Walk, Walked, aside};
use super::{Exhausted, Source, Stopped, Teller};
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::records::list::Room;
use crate::tui::model::screens::records::reading::{Offsets, ReadNews};

/// How often news are told, if there are any.
const EVERY: Duration = Duration::from_millis(100);

/// Records that were read and not yet told of, no more than the list keeps.
#[derive(Debug)]
pub(super) struct Reading {
    lines: VecDeque<RecordLine>,
    bytes: usize,
    /// Left out: the list would have dropped them at once.
    passed: u64,
    at: Offsets,
    has_news: bool,
    told: Instant,
}

/// How far a scan goes.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) until: Offsets,
    /// What the list still has room for.
    pub(super) room: Room,
    /// A hit had no room: it is the first one of whatever goes on from there.
    pub(super) is_full: bool,
}

impl Reading {
    pub(super) fn new(from: &Offsets) -> Reading {
        Reading {
            lines: VecDeque::new(),
            bytes: 0,
            passed: 0,
            at: from.clone(),
            has_news: false,
            told: Instant::now(),
        }
    }

    /// Takes the first hits, and nothing more once there is no room.
    pub(super) fn find(
        &mut self,
        polled: &Polled,
        goal: &mut Goal,
        walk: &Walk,
    ) -> Result<(), Stopped> {
        for records in &polled.records {
            self.find_in(records, goal, walk)?;
            if goal.is_full {
                // What is told of ends lies behind what was not looked at.
                return Ok(());
            }
        }
        for it in &polled.ends {
            let (partition, end) = (it.partition.partition.0, it.end.0);
            self.reach(partition, end);
            // What was behind it is gone: nobody waits for that.
            goal.until.entry(partition).and_modify(|until| *until = end.min(*until));
        }
        Ok(())
    }

    pub(super) fn find_in(
        &mut self,
        records: &FetchedRecords,
        goal: &mut Goal,
        walk: &Walk,
    ) -> Result<(), Stopped> {
        let partition = records.partition().partition.0;
        let until = goal.until.get(&partition).copied().unwrap_or(i64::MAX);
        let (room, is_full) = (&mut goal.room, &mut goal.is_full);
        let (lines, bytes) = (&mut self.lines, &mut self.bytes);
        let mut at = None;
        let walked = walk.each(records, until, |offset, line| {
            if let Some(line) = line {
                if !room.take(&line) {
                    *is_full = true;
                    return ControlFlow::Break(());
                }
                *bytes += line.weight();
                lines.push_back(line);
            }
            at = Some(offset + 1);
            *is_full = room.is_used_up();
            if *is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(at) = at {
            self.reach(partition, at);
        }
        if walked == Walked::Whole {
            self.reach(partition, records.next_offset().0.min(until));
        }
        Ok(())
    }

    /// Takes what has come, and leaves out what the list would drop at once.
    fn follow(&mut self, polled: &Polled, walk: &Walk) -> Result<(), Stopped> {
        let mut told_before = self.lines.len();
        for records in &polled.records {
            self.follow_in(records, &mut told_before, walk)?;
        }
        for it in &polled.ends {
            self.reach(it.partition.partition.0, it.end.0);
        }
        // Of partitions that came together the older records first.
        self.lines.make_contiguous()[told_before..].sort_by_key(RecordLine::time);
        Ok(())
    }

    pub(super) fn follow_in(
        &mut self,
        records: &FetchedRecords,
        told_before: &mut usize,
        walk: &Walk,
    ) -> Result<(), Stopped> {
        let (lines, bytes, passed) = (&mut self.lines, &mut self.bytes, &mut self.passed);
        walk.each(records, i64::MAX, |_, line| {
            if let Some(line) = line {
                *bytes += line.weight();
                lines.push_back(line);
            }
            while Room::is_exceeded(lines.len(), *bytes)
                && let Some(gone) = lines.pop_front()
            {
                *bytes -= gone.weight();
                *passed += 1;
                *told_before = told_before.saturating_sub(1);
            }
            ControlFlow::Continue(())
        })?;
        self.reach(records.partition().partition.0, records.next_offset().0);
        Ok(())
    }

    fn reach(&mut self, partition: i32, offset: i64) {
        let at = self.at.entry(partition).or_insert(offset);
        if *at < offset {
            *at = offset;
            self.has_news = true;
        }
    }

    fn is_due(&self) -> bool {
        self.has_news && EVERY <= self.told.elapsed()
    }

    /// What was read since it was asked last.
    pub(super) fn news(&mut self) -> ReadNews {
        self.bytes = 0;
        self.has_news = false;
        self.told = Instant::now();
        ReadNews::Records {
            lines: std::mem::take(&mut self.lines).into(),
            edges: self.at.clone(),
            passed: std::mem::take(&mut self.passed),
        }
    }

    /// Where the partitions are that are not read to their ends.
    fn left(&self, until: &Offsets) -> Offsets {
        let is_left =
            |(partition, at): &(&i32, &i64)| until.get(partition).is_some_and(|it| *at < it);
        self.at.iter().filter(is_left).map(|(partition, at)| (*partition, *at)).collect()
    }
}

/// Reads all from `from` to `until`, or as many hits as there is room for.
pub(super) async fn scan(
    source: &Source<'_>,
    from: &Offsets,
    (until, room): (&Offsets, Room),
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut reading = Reading::new(from);
    let mut goal = Goal { until: until.clone(), room, is_full: room.is_used_up() };
    let mut left = reading.left(&goal.until);
    let consumer = source.consumer(&left, OffsetReset::Earliest);
    while !left.is_empty() && !goal.is_full {
        let polled = consumer.poll(EVERY).await?;
        let walk = source.walk();
        let found = aside(move || {
            reading.find(&polled, &mut goal, &walk)?;
            Ok((reading, goal))
        });
        (reading, goal) = found.await?;
        let still = reading.left(&goal.until);
        let done = left.keys().filter(|it| !still.contains_key(it));
        let done: Vec<_> = done.map(|it| source.partition(*it)).collect();
        consumer.unassign(&done);
        left = still;
        if reading.is_due() {
            teller.tell(reading.news()).await?;
        }
    }
    teller.tell(reading.news()).await?;
    Ok(if left.is_empty() { Exhausted::Yes } else { Exhausted::No })
}

/// Reads what comes, for ever.
pub(super) async fn follow(
    source: &Source<'_>,
    from: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut reading = Reading::new(from);
    let consumer = source.consumer(from, OffsetReset::Earliest);
    loop {
        let polled = consumer.poll(EVERY).await?;
        let walk = source.walk();
        let taken = aside(move || {
            reading.follow(&polled, &walk)?;
            Ok(reading)
        });
        reading = taken.await?;
        if reading.is_due() {
            teller.tell(reading.news()).await?;
        }
    }
}

#[cfg(test)]
mod tests;

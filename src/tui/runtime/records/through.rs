//! Reading on and on: a scan to the ends that there are now, and what comes after them.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use kt_client::consumer::{Consumer, FetchedRecords, OffsetReset, Polled};
use tokio::time::Instant;

use super::{Exhausted, Source, Stopped, Teller};
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::records::list::{BYTES_MAX, RECORDS_MAX};
use crate::tui::model::screens::records::reading::{Offsets, ReadNews};

/// How often news are told, if there are any.
const EVERY: Duration = Duration::from_millis(100);

/// Records that were read and not yet told of, no more than the list keeps.
#[derive(Debug)]
struct Reading<'a> {
    source: &'a Source<'a>,
    lines: VecDeque<RecordLine>,
    bytes: usize,
    /// Left out: the list would have dropped them at once.
    passed: u64,
    at: Offsets,
    has_news: bool,
    told: Instant,
}

impl<'a> Reading<'a> {
    fn new(source: &'a Source<'a>, from: &Offsets) -> Reading<'a> {
        Reading {
            source,
            lines: VecDeque::new(),
            bytes: 0,
            passed: 0,
            at: from.clone(),
            has_news: false,
            told: Instant::now(),
        }
    }

    fn take(&mut self, polled: &Polled, until: Option<&Offsets>) -> Result<usize, Stopped> {
        let mut lines = Vec::new();
        for records in &polled.records {
            let until = until.and_then(|it| it.get(&records.partition().partition.0).copied());
            self.take_records(records, until.unwrap_or(i64::MAX), &mut lines)?;
        }
        for it in &polled.ends {
            self.reach(it.partition.partition.0, it.end.0);
        }
        // Of partitions that came together the older records first.
        lines.sort_by_key(RecordLine::time);
        let found = lines.len();
        for line in lines {
            self.bytes += line.weight();
            self.lines.push_back(line);
        }
        while RECORDS_MAX < self.lines.len() || BYTES_MAX < self.bytes {
            let Some(gone) = self.lines.pop_front() else { break };
            self.bytes -= gone.weight();
            self.passed += 1;
        }
        Ok(found)
    }

    fn take_records(
        &mut self,
        records: &FetchedRecords,
        until: i64,
        lines: &mut Vec<RecordLine>,
    ) -> Result<(), Stopped> {
        let of = records.partition();
        let (partition, decoder) = (of.partition.0, self.source.decoder());
        let filter = self.source.plan.filter.as_deref();
        let walked = records.for_each(|record| {
            if until <= record.offset.0 {
                return ControlFlow::Break(());
            }
            if filter.is_none_or(|it| it.matches(of, record)) {
                lines.push(RecordLine::new(partition, record, decoder));
            }
            ControlFlow::Continue(())
        });
        let _ = walked.map_err(|error| Stopped::Failed(format!("{of}: {error}")))?;
        self.reach(partition, records.next_offset().0.min(until));
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

    async fn tell(&mut self, teller: &Teller) -> Result<(), Stopped> {
        let lines = std::mem::take(&mut self.lines).into();
        self.bytes = 0;
        self.has_news = false;
        self.told = Instant::now();
        let passed = std::mem::take(&mut self.passed);
        teller.tell(ReadNews::Records { lines, edges: self.at.clone(), passed }).await
    }
}

/// Reads all from `from` to `until`, or as many hits as are kept.
pub(super) async fn scan(
    source: &Source<'_>,
    from: &Offsets,
    until: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut reading = Reading::new(source, from);
    let open = |at: &Offsets| -> Offsets {
        let is_open =
            |(partition, at): &(&i32, &i64)| until.get(partition).is_some_and(|it| *at < it);
        at.iter().filter(is_open).map(|(partition, at)| (*partition, *at)).collect()
    };
    let mut left = open(from);
    let (mut hits, mut bytes) = (0, 0);
    let consumer = source.consumer(&left, OffsetReset::Earliest);
    while !left.is_empty() && hits < RECORDS_MAX && bytes < BYTES_MAX {
        let polled = consumer.poll(EVERY).await?;
        let before = reading.bytes;
        hits += reading.take(&polled, Some(until))?;
        bytes += reading.bytes.saturating_sub(before);
        let still = open(&reading.at);
        let done = left.keys().filter(|it| !still.contains_key(it));
        let done: Vec<_> = done.map(|it| source.partition(*it)).collect();
        consumer.unassign(&done);
        left = still;
        if reading.is_due() {
            reading.tell(teller).await?;
        }
    }
    reading.tell(teller).await?;
    Ok(if left.is_empty() { Exhausted::Yes } else { Exhausted::No })
}

/// Reads what comes, for ever.
pub(super) async fn follow(
    source: &Source<'_>,
    from: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut reading = Reading::new(source, from);
    let consumer: Consumer = source.consumer(from, OffsetReset::Earliest);
    loop {
        let polled = consumer.poll(EVERY).await?;
        reading.take(&polled, None)?;
        if reading.is_due() {
            reading.tell(teller).await?;
        }
    }
}

//! The loop of `kt consume`: polls, writes, and knows when it is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use kt_client::Admin;
use kt_client::consumer::{Consumer, ConsumerConfig, FetchedRecords, Polled, Record};
use kt_protocol::types::{Offset, TopicPartition};
use tokio::time::Instant;

use super::ConsumeArgs;
use super::gaps::Gaps;
use super::merge::{Merge, Ready};
use super::progress::Progress;
use super::sink::{Form, Internal, Sink};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::record_filter::RecordFilter;
use crate::record_format::Place;
use crate::session::Session;

/// What is read of one partition.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) partition: TopicPartition,
    pub(super) from: i64,
    /// `None`: it never ends.
    pub(super) until: Option<i64>,
    /// `from` was written as an offset: it is worth a note if it is not there.
    pub(super) is_exact: bool,
}

impl Span {
    fn is_empty(&self) -> bool {
        self.until.is_some_and(|until| until <= self.from)
    }
}

/// One run of the command, once it is known what is read.
pub(super) struct Reading<'a> {
    args: &'a ConsumeArgs,
    session: &'a Session,
    filter: RecordFilter,
    sink: Sink,
    spans: BTreeMap<TopicPartition, Span>,
    /// The partitions that are not read to their ends.
    open: BTreeSet<TopicPartition>,
    /// Those that merging has enough of.
    paused: BTreeSet<TopicPartition>,
    merge: Option<Merge>,
    gaps: Option<Gaps>,
    progress: Progress,
    count: u64,
    count_max: u64,
}

/// Longer than any command runs.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Bytes that are rendered ahead of one partition when merging.
const WINDOW_BYTES: usize = 256 << 10;

impl<'a> Reading<'a> {
    pub(super) fn new(
        args: &'a ConsumeArgs,
        session: &'a Session,
        filter: RecordFilter,
        form: Form,
    ) -> Reading<'a> {
        Reading {
            args,
            session,
            filter,
            sink: Sink::new(form, Internal::of(args.raw || args.base64), args.rate),
            spans: BTreeMap::new(),
            open: BTreeSet::new(),
            paused: BTreeSet::new(),
            merge: args.merge.then(Merge::default),
            gaps: args.check_gaps.then(Gaps::default),
            progress: Progress::default(),
            count: 0,
            count_max: args.count.unwrap_or(u64::MAX),
        }
    }

    /// Reads the spans to their ends, or until a limit of the command line is reached.
    pub(super) async fn read(
        mut self,
        admin: &Admin,
        config: ConsumerConfig,
        spans: Vec<Span>,
    ) -> Result<(), CliError> {
        let consumer = Consumer::new(admin.client().clone(), config);
        let spans: Vec<Span> = spans.into_iter().filter(|it| !it.is_empty()).collect();
        consumer.assign(spans.iter().map(|it| (it.partition.clone(), Offset(it.from))));
        for span in spans {
            self.progress.begin(&span.partition, span.from, span.until);
            if let Some(merge) = &mut self.merge {
                merge.begin(&span.partition);
            }
            self.open.insert(span.partition.clone());
            self.spans.insert(span.partition.clone(), span);
        }
        self.sink.begin(admin.cluster_id().as_deref())?;
        let ended = self.run(&consumer).await;
        // What was read is written, whatever ended the reading.
        let written = self.finish();
        if !self.filter.is_empty() {
            self.session.say(&self.progress.summary(self.count));
        }
        ended.and(written)?;
        self.verdict()
    }

    fn finish(&mut self) -> Result<(), CliError> {
        if let Some(merge) = &mut self.merge {
            merge.all_drained();
        }
        self.give_merged()?;
        if let Some(merge) = &self.merge {
            merge.finish(self.session);
        }
        Ok(self.sink.end()?)
    }

    /// What was expected of the records.
    fn verdict(&self) -> Result<(), CliError> {
        if let Some(gaps) = &self.gaps {
            gaps.finish(self.session)?;
        }
        let count = self.count;
        match self.args.expect {
            Some(expected) if count < expected => Err(CliError::new(
                Kind::CheckFailed,
                "TOO_FEW",
                format!("{count} records came, {expected} were expected"),
            )),
            _ => Ok(()),
        }
    }

    async fn run(&mut self, consumer: &Consumer) -> Result<(), CliError> {
        let mut interrupt = Interrupt::listen()?;
        let end = Instant::now() + self.args.duration.map_or(FOR_EVER, |it| it.to_std());
        let idle = self.args.idle.map_or(FOR_EVER, |it| it.to_std());
        let mut last_record = Instant::now();
        while !self.open.is_empty() && self.count < self.count_max {
            let polled = tokio::select! {
                polled = consumer.poll(FOR_EVER) => polled?,
                kind = interrupt.next() => return Err(CliError::silent(kind)),
                () = tokio::time::sleep_until(end.min(last_record + idle)) => return Ok(()),
            };
            if !polled.records.is_empty() {
                last_record = Instant::now();
            }
            self.take(polled, consumer)?;
            self.give_merged()?;
            self.resume(consumer);
            tokio::select! {
                flushed = self.sink.flush() => flushed?,
                kind = interrupt.next() => return Err(CliError::silent(kind)),
            }
        }
        Ok(())
    }

    fn take(&mut self, polled: Polled, consumer: &Consumer) -> Result<(), CliError> {
        for records in polled.records {
            self.take_records(records, consumer)?;
        }
        for it in polled.ends {
            if let Some(merge) = &mut self.merge {
                merge.drained(&it.partition);
            }
            self.progress.reach(&it.partition, it.end.0);
            // Offsets up to there were given out and hold nothing any more.
            self.close_if_past(&it.partition, it.end, consumer);
        }
        Ok(())
    }

    fn take_records(
        &mut self,
        records: FetchedRecords,
        consumer: &Consumer,
    ) -> Result<(), CliError> {
        let partition = records.partition().clone();
        let next = records.next_offset();
        if self.spans.get(&partition).is_some_and(|it| it.until.is_none()) {
            self.progress.grow(&partition, records.end().0);
        }
        match &mut self.merge {
            None => {
                self.show(&records, None)?;
            }
            Some(merge) => {
                if merge.fetched(records) {
                    consumer.pause([&partition]);
                    self.paused.insert(partition.clone());
                }
            }
        }
        self.close_if_past(&partition, next, consumer);
        Ok(())
    }

    fn close_if_past(&mut self, partition: &TopicPartition, next: Offset, consumer: &Consumer) {
        let until = self.spans.get(partition).and_then(|it| it.until);
        if until.is_none_or(|until| next.0 < until) || !self.open.remove(partition) {
            return;
        }
        consumer.unassign([partition]);
        self.paused.remove(partition);
        if let Some(merge) = &mut self.merge {
            merge.drained(partition);
        }
    }

    /// Shows records: writes them, or renders as many as the window takes. The offset to go on at,
    /// if the window was too small.
    fn show(
        &mut self,
        records: &FetchedRecords,
        mut window: Option<&mut VecDeque<Ready>>,
    ) -> Result<Option<Offset>, CliError> {
        let partition = records.partition();
        let Some(span) = self.spans.get_mut(partition) else { return Ok(None) };
        let until = span.until.unwrap_or(i64::MAX);
        let place = Place { partition, marks: records.marks() };
        let (mut missed, mut rest, mut bytes) = (None, None, 0);
        let mut reached = records.next_offset().0.min(until);
        if let Some(gaps) = &mut self.gaps {
            gaps.fetched(records);
        }
        let walked = records.for_each(|record| {
            let offset = record.offset.0;
            if until <= offset {
                return ControlFlow::Break(Ok(()));
            }
            if self.count_max <= self.count || WINDOW_BYTES <= bytes {
                reached = offset;
                rest = Some(record.offset);
                return ControlFlow::Break(Ok(()));
            }
            if std::mem::take(&mut span.is_exact) && span.from < offset {
                missed = Some(offset);
            }
            if let Some(gaps) = &mut self.gaps {
                gaps.saw(self.session, partition, offset);
            }
            if !self.filter.matches(partition, record) {
                return ControlFlow::Continue(());
            }
            if let Some(window) = &mut window {
                let ready = rendered(&mut self.sink, place, record);
                bytes += ready.text.len();
                window.push_back(ready);
                return ControlFlow::Continue(());
            }
            self.count += 1;
            match self.sink.write(place, record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(Err(error)),
            }
        });
        self.progress.reach(partition, reached);
        let walked = walked.map_err(|error| CliError::other(format!("{partition}: {error}")))?;
        if let ControlFlow::Break(result) = walked {
            result?;
        }
        if let Some(next) = missed {
            let from = span.from;
            self.session
                .note(&format!("{partition} has no record at offset {from} any more: next {next}"));
        }
        Ok(rest)
    }

    /// Writes what merging knows the order of.
    fn give_merged(&mut self) -> Result<(), CliError> {
        let Some(mut merge) = self.merge.take() else { return Ok(()) };
        while self.count < self.count_max {
            while let Some(records) = merge.hungry() {
                let mut window = VecDeque::new();
                let rest = self.show(&records, Some(&mut window))?;
                let rest = rest.map(|position| records.from(position));
                merge.fill(records.partition(), window, rest);
            }
            let Some(ready) = merge.next(self.session) else { break };
            self.count += 1;
            self.sink.write_rendered(&ready.text, ready.bytes)?;
        }
        self.merge = Some(merge);
        Ok(())
    }

    /// Fetches again what merging has room for.
    fn resume(&mut self, consumer: &Consumer) {
        let Some(merge) = &self.merge else { return };
        self.paused.retain(|partition| {
            if !merge.has_room(partition) {
                return true;
            }
            consumer.resume([partition]);
            false
        });
    }
}

fn rendered(sink: &mut Sink, place: Place<'_>, record: &Record<'_>) -> Ready {
    let (text, bytes) = sink.render(place, record);
    // A record without a time goes out at once.
    let timestamp = record.timestamp.map_or(i64::MIN, |it| it.0);
    Ready { timestamp, offset: record.offset.0, text, bytes }
}

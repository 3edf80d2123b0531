//! The loop of `kt consume`: polls, writes, and knows when it is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use kt_client::Admin;
use kt_client::consumer::{Consumer, ConsumerConfig, FetchedRecords, Polled, Position, Record};
use kt_protocol::types::{Offset, TopicPartition};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::ConsumeArgs;
use super::gaps::Gaps;
use super::idle::Idle;
use super::ledger::Ledger;
use super::merge::{Merge, Ready};
use super::progress::Progress;
use super::sink::{Form, Internal, Sink};
use super::source::Source;
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
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_some_and(|until| until <= self.from)
    }
}

/// One run of the command: what is read, what becomes of it, and when it is enough.
pub(super) struct Reading<'a> {
    args: &'a ConsumeArgs,
    pub(super) session: &'a Session,
    filter: RecordFilter,
    sink: Sink,
    spans: BTreeMap<TopicPartition, Span>,
    /// The partitions that are not read to their ends.
    open: BTreeSet<TopicPartition>,
    /// What polls gave and nobody has looked at.
    waiting: VecDeque<FetchedRecords>,
    /// Those that merging has enough of.
    paused: BTreeSet<TopicPartition>,
    merge: Option<Merge>,
    gaps: Option<Gaps>,
    progress: Progress,
    idle: Idle,
    ends_at: Option<Instant>,
    /// Of a group: what may be committed.
    ledger: Option<Arc<Mutex<Ledger>>>,
    count: u64,
    count_max: u64,
}

/// Longer than any command runs.
pub(super) const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Bytes that are rendered ahead of one partition when merging.
const WINDOW_BYTES: usize = 256 << 10;

/// How long a write that is under way may take after a signal.
const LAST_WRITE: Duration = Duration::from_millis(500);

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
            waiting: VecDeque::new(),
            paused: BTreeSet::new(),
            merge: args.merge.then(Merge::default),
            gaps: args.check_gaps.then(Gaps::default),
            progress: Progress::default(),
            idle: Idle::new(args.idle.map(|it| it.to_std())),
            ends_at: args.duration.map(|it| Instant::now() + it.to_std()),
            ledger: None,
            count: 0,
            count_max: args.count.unwrap_or(u64::MAX),
        }
    }

    /// The same, for a group that commits what this ledger says.
    pub(super) fn with_ledger(self, ledger: Arc<Mutex<Ledger>>) -> Reading<'a> {
        Reading { ledger: Some(ledger), ..self }
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
        self.begin(spans);
        self.print_head(admin)?;
        let mut interrupt = Interrupt::listen()?;
        let ended = tokio::select! {
            ended = self.run(&consumer) => ended,
            kind = interrupt.next() => Err(CliError::silent(kind)),
        };
        let written = tokio::select! {
            written = self.finish(&ended) => written,
            kind = interrupt.next() => return Err(CliError::silent(kind)),
        };
        self.summary();
        ended.and(written)?;
        self.verdict()
    }

    async fn run(&mut self, consumer: &Consumer) -> Result<(), CliError> {
        while !self.is_at_end() {
            let polled = tokio::select! {
                polled = consumer.poll(FOR_EVER) => polled?,
                () = self.limit() => return Ok(()),
            };
            self.take(polled, Source::Own(consumer));
            self.write_all(Source::Own(consumer)).await?;
        }
        Ok(())
    }

    /// These are read from now on.
    pub(super) fn begin(&mut self, spans: Vec<Span>) {
        self.idle.begin(spans.iter().map(|it| &it.partition), Instant::now());
        for span in spans {
            self.progress.begin(&span.partition, span.from, span.until);
            if let Some(merge) = &mut self.merge {
                merge.begin(&span.partition);
            }
            self.open.insert(span.partition.clone());
            self.spans.insert(span.partition.clone(), span);
        }
    }

    /// This is read no more, whatever was left of it.
    pub(super) fn stop(&mut self, partition: &TopicPartition) {
        self.open.remove(partition);
        self.spans.remove(partition);
        self.idle.end(partition, Instant::now());
        if let Some(gaps) = &mut self.gaps {
            gaps.forget(partition);
        }
    }

    /// Before the first record.
    pub(super) fn print_head(&mut self, admin: &Admin) -> Result<(), CliError> {
        Ok(self.sink.begin(admin.cluster_id().as_deref())?)
    }

    /// True if every partition was read to its end.
    pub(super) fn has_read_all(&self) -> bool {
        self.open.is_empty()
    }

    /// True if there were as many records as were asked for.
    pub(super) fn has_enough(&self) -> bool {
        self.count_max <= self.count
    }

    fn is_at_end(&self) -> bool {
        self.has_read_all() || self.has_enough()
    }

    /// Waits until `--idle` or `--duration` is over.
    pub(super) async fn limit(&self) {
        match [self.ends_at, self.idle.deadline()].into_iter().flatten().min() {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Writes what was read and is not written, whatever ended the reading; after a signal only what
    /// is in the buffer, and not for long.
    pub(super) async fn finish(&mut self, ended: &Result<(), CliError>) -> Result<(), CliError> {
        if let Some(merge) = &mut self.merge {
            merge.all_drained();
        }
        if matches!(ended, Err(error) if error.kind.is_signal()) {
            let _ = tokio::time::timeout(LAST_WRITE, self.end()).await;
            return Ok(());
        }
        while self.write_merged()? {
            self.flush().await?;
        }
        if let Some(merge) = &self.merge {
            merge.finish(self.session);
        }
        self.end().await
    }

    async fn end(&mut self) -> Result<(), CliError> {
        let ended = self.sink.end().await;
        self.note_flushed();
        Ok(ended?)
    }

    /// What a filter always reports.
    pub(super) fn summary(&self) {
        if !self.filter.is_empty() {
            self.session.say(&self.progress.summary(self.count));
        }
    }

    /// What was expected of the records.
    pub(super) fn verdict(&self) -> Result<(), CliError> {
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

    /// Takes what a poll gave.
    pub(super) fn take(&mut self, polled: Polled, source: Source<'_>) {
        let now = Instant::now();
        for records in polled.records {
            self.idle.came(records.partition(), now);
            self.take_records(records, source);
        }
        for it in polled.ends {
            self.idle.answered(&it.partition, now);
            if let Some(merge) = &mut self.merge {
                merge.drained(&it.partition);
            }
            self.progress.reach(&it.partition, it.end.0);
            // Offsets up to there were given out and hold nothing any more.
            self.close_if_past(&it.partition, it.end, source);
        }
    }

    fn take_records(&mut self, records: FetchedRecords, source: Source<'_>) {
        let partition = records.partition().clone();
        let next = records.next_offset();
        if self.spans.get(&partition).is_some_and(|it| it.until.is_none()) {
            self.progress.grow(&partition, records.end().0);
        }
        match &mut self.merge {
            None => self.waiting.push_back(records),
            Some(merge) => {
                if merge.fetched(records) {
                    source.pause(&partition);
                    self.paused.insert(partition.clone());
                }
            }
        }
        self.close_if_past(&partition, next, source);
    }

    fn close_if_past(&mut self, partition: &TopicPartition, next: Offset, source: Source<'_>) {
        let until = self.spans.get(partition).and_then(|it| it.until);
        if until.is_none_or(|until| next.0 < until) || !self.open.remove(partition) {
            return;
        }
        source.finish(partition);
        self.idle.end(partition, Instant::now());
        self.paused.remove(partition);
        if let Some(merge) = &mut self.merge {
            merge.drained(partition);
        }
    }

    /// Writes all that was taken, and flushes it. If it is dropped in between, nothing counts as
    /// flushed that is not.
    pub(super) async fn write_all(&mut self, source: Source<'_>) -> Result<(), CliError> {
        loop {
            let has_more = self.write_waiting()? || self.write_merged()?;
            self.resume(source);
            self.flush().await?;
            if !has_more {
                return Ok(());
            }
        }
    }

    async fn flush(&mut self) -> Result<(), CliError> {
        let flushed = self.sink.flush().await;
        self.note_flushed();
        Ok(flushed?)
    }

    /// What has been flushed may be committed.
    pub(super) fn note_flushed(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.lock().flushed(self.sink.flushed());
        }
    }

    /// Writes until the buffer is full. True: there is more.
    fn write_waiting(&mut self) -> Result<bool, CliError> {
        while let Some(records) = self.waiting.pop_front() {
            let rest = self.show(&records, None)?;
            if self.has_enough() {
                self.waiting.clear();
                return Ok(false);
            }
            if let Some(rest) = rest {
                self.waiting.push_front(records.from(rest));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows records: writes them until the buffer is full, or renders as many as the window takes.
    /// The offset to go on at, if there was no room for all.
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
        let mut epoch = None;
        let mut ledger = self.ledger.as_ref().map(|it| it.lock());
        if let Some(gaps) = &mut self.gaps {
            gaps.fetched(records);
        }
        let walked = records.for_each(|record| {
            let offset = record.offset.0;
            if until <= offset {
                return ControlFlow::Break(());
            }
            let is_full = window.is_none() && self.sink.is_full();
            if self.count_max <= self.count || WINDOW_BYTES <= bytes || is_full {
                reached = offset;
                rest = Some(record.offset);
                return ControlFlow::Break(());
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
            self.sink.write(place, record);
            // Held back by a rate, each record is flushed by itself.
            if self.sink.is_paced()
                && let Some(ledger) = &mut ledger
            {
                let position = behind(record);
                ledger.note(partition, position, self.sink.count());
            }
            if self.count == self.count_max {
                // Not behind what was fetched: behind the last one that was wanted.
                (reached, epoch) = (offset + 1, record.leader_epoch);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        self.progress.reach(partition, reached);
        if let Err(error) = walked {
            return Err(CliError::other(format!("{partition}: {error}")));
        }
        if reached == records.next_offset().0 {
            epoch = records.last_epoch();
        }
        if let Some(ledger) = &mut ledger {
            let position = Position { offset: Offset(reached), leader_epoch: epoch };
            ledger.note(partition, position, self.sink.count());
        }
        if let Some(next) = missed {
            let from = span.from;
            self.session
                .note(&format!("{partition} has no record at offset {from} any more: next {next}"));
        }
        Ok(rest)
    }

    /// Writes what merging knows the order of, until the buffer is full. True: there is more.
    fn write_merged(&mut self) -> Result<bool, CliError> {
        let Some(mut merge) = self.merge.take() else { return Ok(false) };
        let mut has_more = false;
        while self.count < self.count_max && !has_more {
            while let Some(records) = merge.hungry() {
                let mut window = VecDeque::new();
                let rest = self.show(&records, Some(&mut window))?;
                let rest = rest.map(|position| records.from(position));
                merge.fill(records.partition(), window, rest);
            }
            let Some(ready) = merge.next(self.session) else { break };
            self.count += 1;
            self.sink.write_rendered(&ready.text, ready.bytes);
            has_more = self.sink.is_full();
        }
        self.merge = Some(merge);
        Ok(has_more)
    }

    /// Fetches again what merging has room for.
    fn resume(&mut self, source: Source<'_>) {
        let Some(merge) = &self.merge else { return };
        self.paused.retain(|partition| {
            if !merge.has_room(partition) {
                return true;
            }
            source.resume(partition);
            false
        });
    }
}

/// Where a reader stands that has processed a record.
fn behind(record: &Record<'_>) -> Position {
    Position { offset: Offset(record.offset.0 + 1), leader_epoch: record.leader_epoch }
}

fn rendered(sink: &mut Sink, place: Place<'_>, record: &Record<'_>) -> Ready {
    let (text, bytes) = sink.render(place, record);
    // A record without a time goes out at once.
    let timestamp = record.timestamp.map_or(i64::MIN, |it| it.0);
    Ready { timestamp, offset: record.offset.0, text, bytes }
}

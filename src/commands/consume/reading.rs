//! The loop of `kt consume`: polls, writes, and knows when it is done.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use kt_client::Admin;
use kt_client::consumer::{Consumer, ConsumerConfig, FetchedRecords, Polled};
use kt_protocol::types::{Offset, TopicPartition};
use tokio::time::Instant;

use super::ConsumeArgs;
use super::sink::{Form, Sink};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
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

/// The spans that are being read.
struct Reading<'a> {
    session: &'a Session,
    sink: Sink,
    open: BTreeMap<TopicPartition, Span>,
    count: u64,
    count_max: u64,
}

/// Reads the spans to their ends, or until a limit of the command line is reached.
pub(super) async fn read(
    args: &ConsumeArgs,
    session: &Session,
    admin: &Admin,
    config: ConsumerConfig,
    spans: Vec<Span>,
    form: Form,
) -> Result<(), CliError> {
    let mut consumer = Consumer::new(admin.client().clone(), config);
    let mut reading = Reading {
        session,
        sink: Sink::new(form, session, args.rate),
        open: BTreeMap::new(),
        count: 0,
        count_max: args.count.unwrap_or(u64::MAX),
    };
    for span in spans.into_iter().filter(|it| !it.is_empty()) {
        consumer.assign(span.partition.clone(), Offset(span.from));
        reading.open.insert(span.partition.clone(), span);
    }
    reading.sink.begin(admin.cluster_id().as_deref())?;
    let ended = reading.run(args, &mut consumer).await;
    // What was read is written, whatever ended the reading.
    reading.sink.end()?;
    ended?;
    let count = reading.count;
    match args.expect {
        Some(expected) if count < expected => Err(CliError::new(
            Kind::CheckFailed,
            "TOO_FEW",
            format!("{count} records came, {expected} were expected"),
        )),
        _ => Ok(()),
    }
}

/// Longer than any command runs.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Reading<'_> {
    async fn run(&mut self, args: &ConsumeArgs, consumer: &mut Consumer) -> Result<(), CliError> {
        let mut interrupt = Interrupt::listen()?;
        let end = Instant::now() + args.duration.map_or(FOR_EVER, |it| it.to_std());
        let idle = args.idle.map_or(FOR_EVER, |it| it.to_std());
        let mut last_record = Instant::now();
        while !self.open.is_empty() && self.count < self.count_max {
            let polled = tokio::select! {
                polled = consumer.poll() => polled?,
                kind = interrupt.next() => return Err(CliError::silent(kind)),
                () = tokio::time::sleep_until(end.min(last_record + idle)) => return Ok(()),
            };
            for polled in polled {
                match polled {
                    Polled::Records(records) => {
                        let before = self.count;
                        self.take(&records, consumer)?;
                        if before < self.count {
                            last_record = Instant::now();
                        }
                    }
                    Polled::Nothing(empty) => {
                        for it in empty {
                            // Offsets up to there were given out and hold nothing any more.
                            self.close_if_past(&it.partition, it.end.0, consumer);
                        }
                    }
                }
            }
            tokio::select! {
                flushed = self.sink.flush() => flushed?,
                kind = interrupt.next() => return Err(CliError::silent(kind)),
            }
        }
        Ok(())
    }

    fn take(&mut self, records: &FetchedRecords, consumer: &mut Consumer) -> Result<(), CliError> {
        let partition = records.partition();
        let Some(span) = self.open.get_mut(partition) else { return Ok(()) };
        let (sink, count, count_max) = (&mut self.sink, &mut self.count, self.count_max);
        let until = span.until.unwrap_or(i64::MAX);
        let mut missed = None;
        let walked = records.for_each(|record| {
            if until <= record.offset.0 || count_max <= *count {
                return ControlFlow::Break(Ok(()));
            }
            if std::mem::take(&mut span.is_exact) && span.from < record.offset.0 {
                missed = Some(record.offset.0);
            }
            *count += 1;
            match sink.write(partition, record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(Err(error)),
            }
        });
        let walked = walked.map_err(|error| CliError::other(format!("{partition}: {error}")))?;
        if let ControlFlow::Break(result) = walked {
            result?;
        }
        if let Some(next) = missed {
            let from = span.from;
            self.session
                .note(&format!("{partition} has no record at offset {from} any more: next {next}"));
        }
        let partition = partition.clone();
        self.close_if_past(&partition, records.next_offset().0, consumer);
        Ok(())
    }

    fn close_if_past(&mut self, partition: &TopicPartition, offset: i64, consumer: &mut Consumer) {
        let until = self.open.get(partition).and_then(|it| it.until);
        if until.is_some_and(|until| until <= offset) {
            self.open.remove(partition);
            consumer.unassign(partition);
        }
    }
}

//! The loop of `kt produce`: reads lines, sends records, hears of deliveries.

use std::time::{Duration, Instant};

use kt_client::Client;
use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;

use super::input::{Input, Source};
use super::lines::{LineRecord, Lines};
use super::progress::Bar;
use super::prompt::TerminalGuard;
use super::report::Deliveries;
use super::{ProduceArgs, now_ms};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::rate::Pace;
use crate::session::Session;
use crate::topic_selection;

struct Writing<'a> {
    producer: RawProducer,
    deliveries: Deliveries<'a>,
    lines: Lines,
    pace: Option<(Pace, Instant)>,
    bar: Bar,
    repeat: u64,
    is_dry_run: bool,
    /// Kafka's own topics are not written to.
    spares_internal: bool,
}

/// Sends every line; delivers what was read even if reading ends in an error or by a signal.
pub(super) async fn write(
    args: &ProduceArgs,
    session: &Session,
    client: Client,
    cluster_id: Option<String>,
    config: ProducerConfig,
    lines: Lines,
    source: Source,
) -> Result<(), CliError> {
    let mut writing = Writing {
        producer: RawProducer::new(client, config)
            .map_err(|error| CliError::usage(error.to_string()))?,
        deliveries: Deliveries::new(session, args.repeat),
        lines,
        pace: args.rate.map(|rate| (Pace::new(rate), Instant::now())),
        bar: Bar::new(session, &source),
        repeat: args.repeat,
        is_dry_run: session.globals.dry_run,
        spares_internal: !session.globals.internal,
    };
    let _terminal = matches!(source, Source::Prompt(_)).then(TerminalGuard::new);
    let mut interrupt = Interrupt::listen()?;
    let ended = if args.is_one_tombstone() {
        let record = writing.lines.tombstone();
        tokio::select! {
            ended = writing.send(&record) => ended,
            kind = interrupt.next() => Err(CliError::silent(kind)),
        }
    } else {
        let asks = session.terminal.stdin_is_terminal;
        if asks && matches!(source, Source::Stdin | Source::Prompt(_)) {
            session.note("each line becomes a record; Ctrl-D ends");
        }
        let mut input = source.start();
        tokio::select! {
            ended = writing.read(&mut input) => ended,
            kind = interrupt.next() => Err(CliError::silent(kind)),
        }
    };
    writing.bar.clear();
    if writing.is_dry_run {
        writing.deliveries.would_send();
        return ended;
    }
    if matches!(&ended, Err(error) if error.kind.is_signal()) && writing.deliveries.unsent() != 0 {
        session.note("delivering what was read; a second signal ends at once");
    }
    let forced = tokio::select! {
        flushed = writing.flush() => { flushed?; None },
        kind = interrupt.next() => Some(kind),
    };
    let finished = writing.deliveries.finish(cluster_id);
    if let Some(kind) = forced {
        return Err(CliError::silent(kind));
    }
    match ended {
        // A line that cannot be read ends the reading; what stood before it has been delivered.
        Err(error) if error.kind == Kind::Other && finished.is_ok() => {
            session.complain(&error);
            Err(CliError::silent(Kind::Partial))
        }
        Err(error) => Err(error),
        Ok(()) => finished,
    }
}

impl Writing<'_> {
    async fn read(&mut self, input: &mut Input) -> Result<(), CliError> {
        loop {
            while let Some(record) = self.next(input)? {
                self.send(&record).await?;
            }
            self.bar.reach(input.taken());
            self.deliveries.take(self.producer.deliveries())?;
            tokio::select! {
                more = input.more() => {
                    if !more? {
                        return Ok(());
                    }
                }
                // Deliveries are told when they come, not when the next line does.
                () = self.producer.next_delivery() => {}
            }
        }
    }

    fn next(&self, input: &mut Input) -> Result<Option<LineRecord>, CliError> {
        self.lines.next(input).map_err(|reason| match self.lines.format {
            None => CliError::other(format!("line {}: {reason}", input.line())),
            Some(_) => CliError::other(format!("record {}: {reason}", input.line() + 1)),
        })
    }

    /// Sends a record as often as it is wanted.
    async fn send(&mut self, record: &LineRecord) -> Result<(), CliError> {
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        for _ in 0..self.repeat {
            let timestamp = record.timestamp.unwrap_or_else(now_ms);
            let new = NewRecord {
                timestamp: Timestamp(timestamp),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            };
            self.send_once(record, new).await?;
        }
        Ok(())
    }

    async fn send_once(&mut self, record: &LineRecord, new: NewRecord<'_>) -> Result<(), CliError> {
        let tag = self.deliveries.next_tag();
        if self.spares_internal && topic_selection::is_internal(&record.topic) {
            self.deliveries.refused(tag, &topic_selection::internal(&record.topic));
            return Ok(());
        }
        if self.is_dry_run {
            return Ok(());
        }
        let timestamp = new.timestamp.0;
        self.hold_back(&new).await;
        let sent =
            ProducerRecord { topic: &record.topic, partition: record.partition, record: new, tag };
        match self.producer.send(sent).await {
            Ok(()) => self.deliveries.sent(tag, timestamp),
            Err(error) => {
                let error = CliError::from(error);
                self.deliveries.refused(tag, &error);
                if error.kind == Kind::Unreachable || error.kind == Kind::Denied {
                    // The next record would meet the same.
                    return Err(CliError::silent(error.kind));
                }
            }
        }
        // One line may make many records: their deliveries are told on the way.
        if 1 < self.repeat && tag.is_multiple_of(1024) {
            self.deliveries.take(self.producer.deliveries())?;
        }
        Ok(())
    }

    async fn hold_back(&mut self, record: &NewRecord<'_>) {
        let Some((pace, started)) = &mut self.pace else { return };
        let length = |it: Option<&[u8]>| it.map_or(0, <[u8]>::len);
        let ahead = pace.pass(length(record.key) + length(record.value), started.elapsed());
        if Duration::ZERO < ahead {
            tokio::time::sleep(ahead).await;
        }
    }

    async fn flush(&mut self) -> Result<(), CliError> {
        self.producer.flush().await;
        self.deliveries.take(self.producer.deliveries())
    }
}

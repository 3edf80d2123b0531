//! The loop of `kt produce`: reads lines, sends records, hears of deliveries.

use std::time::{Duration, Instant};

use kt_client::Client;
use kt_client::producer::{Producer, ProducerConfig, ProducerRecord};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;

use super::input::{Input, Source};
use super::lines::{LineRecord, Lines};
use super::report::Deliveries;
use super::{ProduceArgs, now_ms};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::rate::Pace;
use crate::session::Session;

struct Writing<'a> {
    producer: Producer,
    deliveries: Deliveries<'a>,
    lines: Lines,
    pace: Option<(Pace, Instant)>,
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
        producer: Producer::new(client, config),
        deliveries: Deliveries::new(session),
        lines,
        pace: args.rate.map(|rate| (Pace::new(rate), Instant::now())),
    };
    let mut interrupt = Interrupt::listen()?;
    let ended = if args.is_one_tombstone() {
        let record = writing.lines.tombstone();
        writing.send(1, &record).await
    } else {
        if session.terminal.stdin_is_terminal && matches!(source, Source::Stdin) {
            session.note("each line becomes a record; Ctrl-D ends");
        }
        let mut input = source.start();
        tokio::select! {
            ended = writing.read(&mut input) => ended,
            kind = interrupt.next() => Err(CliError::silent(kind)),
        }
    };
    tokio::select! {
        flushed = writing.flush() => flushed?,
        kind = interrupt.next() => return Err(CliError::silent(kind)),
    }
    let finished = writing.deliveries.finish(cluster_id);
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
            while let Some(line) = input.next_ready() {
                let record = self.lines.read(line);
                let number = input.line();
                let record =
                    record.map_err(|it| CliError::other(format!("line {number}: {it}")))?;
                self.send(number, &record).await?;
            }
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

    async fn send(&mut self, line: u64, record: &LineRecord) -> Result<(), CliError> {
        let timestamp = record.timestamp.unwrap_or_else(now_ms);
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let new = NewRecord {
            timestamp: Timestamp(timestamp),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        };
        self.hold_back(&new).await;
        let sent = ProducerRecord {
            topic: &record.topic,
            partition: record.partition,
            record: new,
            tag: line,
        };
        match self.producer.send(sent).await {
            Ok(()) => self.deliveries.sent(line, timestamp),
            Err(error) => {
                let error = CliError::from(error);
                if error.kind == Kind::Unreachable || error.kind == Kind::Denied {
                    // The next record would meet the same.
                    return Err(error);
                }
                self.deliveries.refused(line, &error);
            }
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

//! The loop of `kt produce`: reads lines, sends records, hears of deliveries.

use std::sync::Arc;

use kt_client::Client;
use kt_client::producer::{Acks, Metrics, ProducerConfig, ProducerRecord, RawProducer};
use kt_protocol::records::NewRecord;

use super::ProduceArgs;
use super::input::{Input, Source};
use super::lines::{LineRecord, Lines};
use super::numbers::Numbers;
use super::progress::Bar;
use super::prompt::TerminalGuard;
use super::report::{Deed, Deliveries};
use super::throttle::Throttle;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::session::Session;
use crate::topic_selection;

struct Writing<'a> {
    producer: RawProducer,
    deliveries: Deliveries<'a>,
    lines: Lines,
    throttle: Throttle,
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
    let is_dry_run = session.globals.dry_run;
    let deed = match config.acks {
        _ if is_dry_run => Deed::Planned,
        Acks::None => Deed::Sent,
        Acks::Leader | Acks::All => Deed::Delivered,
    };
    let numbers = Arc::new(Numbers::new(args.repeat));
    let mut writing = Writing {
        producer: RawProducer::new(client, config)
            .map_err(|error| CliError::usage(error.to_string()))?,
        deliveries: Deliveries::new(session, deed, numbers),
        lines,
        throttle: Throttle::new(args.rate),
        bar: Bar::new(session, &source),
        repeat: args.repeat,
        is_dry_run,
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
    let is_signal = matches!(&ended, Err(error) if error.kind.is_signal());
    if is_signal && !is_dry_run && writing.deliveries.unsent() != 0 {
        session.note("delivering what was read; a second signal ends at once");
    }
    let forced = tokio::select! {
        () = writing.flush() => None,
        kind = interrupt.next() => Some(kind),
    };
    let finished = writing.deliveries.finish(cluster_id);
    if 0 < session.globals.verbose {
        session.say(&counted(&writing.producer.metrics()));
    }
    finished.end(forced.map(CliError::silent).into_iter().chain(ended.err()))
}

impl Writing<'_> {
    async fn read(&mut self, input: &mut Input) -> Result<(), CliError> {
        loop {
            while let Some(record) = self.lines.next(input)? {
                self.send(&record).await?;
            }
            self.bar.reach(input.taken());
            self.deliveries.take(self.producer.deliveries());
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

    /// Sends a record as often as it is wanted.
    async fn send(&mut self, record: &LineRecord) -> Result<(), CliError> {
        let headers = record.borrowed_headers();
        for _ in 0..self.repeat {
            self.send_once(record, record.now(&headers)).await?;
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
            self.deliveries.take(self.producer.deliveries());
        }
        Ok(())
    }

    /// Waits as `--rate` says; deliveries are told meanwhile.
    async fn hold_back(&mut self, record: &NewRecord<'_>) {
        let Some(until) = self.throttle.hold_back(record) else { return };
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = self.producer.next_delivery() => {
                    self.deliveries.take(self.producer.deliveries());
                }
            }
        }
    }

    async fn flush(&mut self) {
        self.producer.flush().await;
        self.deliveries.take(self.producer.deliveries());
    }
}

/// How the records went: what tells a slow broker from a slow input.
fn counted(metrics: &Metrics) -> String {
    let Metrics { batches, batch_records, requests, answers, retries, splits, .. } = *metrics;
    let each = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
    let records = each(batch_records, batches);
    let (queued, answered) = (each(metrics.queue_ms, batches), each(metrics.request_ms, answers));
    format!(
        "{batches} batches of {records:.1} records in {requests} requests, {retries} retried, \
         {splits} halved; on average {queued:.1} ms in the queue, {answered:.1} ms to an answer"
    )
}

//! The producer of bytes: what there is nothing below but the machine.

use std::sync::Arc;
use std::time::Duration;

use kt_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::accumulator::Rejected;
use super::driver::{Shared, Sink, drive};
use super::metrics::Metrics;
use super::record::{Delivery, ProducerRecord};
use super::sender::{Sender, Surroundings};
use super::{ProducerConfig, WhenFull};
use crate::backoff::Backoff;
use crate::client::Client;
use crate::config::ConfigError;
use crate::duration::{after, millis};
use crate::error::{Error, Subject};

/// A producer of records as bytes: they are copied once, into the open batch of their partition, and
/// told of by tags.
///
/// Dropping it gives up what has not been delivered: [`RawProducer::flush`] or
/// [`RawProducer::close`] before.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::records::NewRecord;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = RawProducer::new(client, ProducerConfig::default())?;
/// for (tag, line) in (0..).zip(["one", "two"]) {
///     let record = NewRecord { value: Some(line.as_bytes()), ..NewRecord::default() };
///     let record = ProducerRecord { topic: "orders", partition: None, record, tag };
///     producer.send(record).await?;
/// }
/// producer.flush().await;
/// for delivery in producer.deliveries() {
///     println!("{:?}: {:?}", delivery.tags, delivery.outcome?.base_offset);
/// }
/// assert_eq!(producer.metrics().delivered, 2);
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct RawProducer {
    client: Client,
    config: ProducerConfig,
    shared: Arc<Shared>,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    task: AbortHandle,
}

impl RawProducer {
    /// Starts a producer on the current runtime. Connects to nothing yet. Deliveries are kept, with
    /// the tags of all their records, until [`RawProducer::deliveries`] takes them: who never does is
    /// better served with [`RawProducer::unheard`].
    ///
    /// # Errors
    ///
    /// Fails if settings do not go together.
    pub fn new(client: Client, config: ProducerConfig) -> Result<RawProducer, ConfigError> {
        let deliveries = Arc::new(Mutex::new(Vec::new()));
        let heap = Arc::clone(&deliveries);
        let sink: Sink = Box::new(move |delivery| heap.lock().push(delivery));
        RawProducer::start(client, config, sink, deliveries)
    }

    /// The same, for those who do not want to hear of deliveries: none is kept. What failed is
    /// counted in [`RawProducer::metrics`].
    ///
    /// # Errors
    ///
    /// Fails if settings do not go together.
    pub fn unheard(client: Client, config: ProducerConfig) -> Result<RawProducer, ConfigError> {
        RawProducer::with_sink(client, config, drop)
    }

    /// The same, with somebody who hears of each delivery at once, on the producer's tasks: it must
    /// not wait for anything. [`RawProducer::deliveries`] stays empty.
    ///
    /// # Errors
    ///
    /// Fails if settings do not go together.
    pub fn with_sink(
        client: Client,
        config: ProducerConfig,
        sink: impl Fn(Delivery) + Send + Sync + 'static,
    ) -> Result<RawProducer, ConfigError> {
        RawProducer::start(client, config, Box::new(sink), Arc::default())
    }

    fn start(
        client: Client,
        config: ProducerConfig,
        sink: Sink,
        deliveries: Arc<Mutex<Vec<Delivery>>>,
    ) -> Result<RawProducer, ConfigError> {
        config.check()?;
        let of_client = client.config();
        let config = config.beside(of_client)?;
        let around = Surroundings {
            backoff: of_client.backoff,
            request_timeout_ms: millis(of_client.request_timeout),
            metadata_max_age_ms: millis(of_client.metadata_max_age),
            seed: client.seed(),
        };
        let shared = Arc::new(Shared {
            machine: Mutex::new(Sender::new(&config, around)),
            work: Notify::new(),
            progress: Notify::new(),
            sink,
            started: Instant::now(),
        });
        let task = tokio::spawn(drive(Arc::clone(&shared), client.clone())).abort_handle();
        Ok(RawProducer { client, config, shared, deliveries, task })
    }

    /// What it was told.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Takes a record, waiting while its topic is looked for and while the buffer is full, for
    /// `max.block.ms` in all ([`ProducerConfig::when_full`]). A topic that is not there may have been
    /// created a moment ago, so it is asked for again for so long; a partition that is not there is
    /// asked for once. What became of the record comes later, out of [`RawProducer::deliveries`].
    /// Dropping the future takes no record.
    ///
    /// # Errors
    ///
    /// Fails if the topic or the partition does not exist, the record is too large, or there was no
    /// room in time; nothing was taken then.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<(), Error> {
        // Where one thread runs everything, a loop of sends must let the driver have its turn.
        tokio::task::coop::consume_budget().await;
        match self.try_send(&record) {
            Ok(()) => Ok(()),
            Err(Rejected::UnknownTopic | Rejected::Full { .. } | Rejected::NoPartition { .. }) => {
                self.send_later(&record).await
            }
            Err(rejected) => Err(error_of(rejected)),
        }
    }

    /// Takes a record if its topic is known and there is room, without waiting.
    ///
    /// # Errors
    ///
    /// Says why the record was not taken.
    pub fn try_send(&self, record: &ProducerRecord<'_>) -> Result<(), Rejected> {
        let mut machine = self.shared.machine.lock();
        let appended = machine.append(|| self.shared.now(), record);
        // A record that finds no room lets those before it go.
        let must_wake = appended.as_ref().copied().unwrap_or_else(|_| machine.must_wake());
        drop(machine);
        if must_wake {
            self.shared.work.notify_one();
        }
        appended.map(drop)
    }

    async fn send_later(&self, record: &ProducerRecord<'_>) -> Result<(), Error> {
        let since = Instant::now();
        let mut must_ask = record.partition.is_some_and(|it| 0 <= it);
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            // Before looking, so that no progress in between is missed.
            progress.as_mut().enable();
            match self.try_send(record) {
                Ok(()) => return Ok(()),
                Err(Rejected::UnknownTopic) => self.find_in_time(record.topic, since).await?,
                Err(Rejected::NoPartition { .. }) if must_ask => {
                    must_ask = false;
                    // It may have been added since the topic was asked for.
                    self.client.forget(record.topic);
                    self.find_in_time(record.topic, since).await?;
                }
                Err(rejected @ Rejected::Full { .. }) => {
                    let WhenFull::Wait(limit) = self.config.when_full else {
                        return Err(error_of(rejected));
                    };
                    let waited = timeout_at(after(since, limit), progress).await;
                    waited.map_err(|_| error_of(rejected))?;
                }
                Err(rejected) => return Err(error_of(rejected)),
            }
        }
    }

    /// Looks for a topic for as long as a send may take.
    async fn find_in_time(&self, topic: &str, since: Instant) -> Result<(), Error> {
        let WhenFull::Wait(limit) = self.config.when_full else { return self.find(topic).await };
        let mut last = None;
        let found = timeout_at(after(since, limit), self.find_patiently(topic, &mut last)).await;
        match (found, last) {
            (Ok(found), _) => found,
            // Somebody answered, all the time the same.
            (Err(_), Some(missing)) => Err(missing),
            (Err(_), None) => {
                let operation = format!("looking for topic \"{topic}\"");
                Err(Error::TimedOut { operation, after: limit, last: None })
            }
        }
    }

    /// Asks until a topic is there. What is said meanwhile goes to `last`.
    async fn find_patiently(&self, topic: &str, last: &mut Option<Error>) -> Result<(), Error> {
        let mut backoff = Backoff::new(self.client.config().backoff);
        loop {
            match self.find(topic).await {
                Err(error) if may_come(&error) => *last = Some(error),
                found => return found,
            }
            tokio::time::sleep(self.client.next_wait(&mut backoff)).await;
        }
    }

    /// Looks for a topic before the first record goes there, and gives how many partitions it has.
    ///
    /// # Errors
    ///
    /// Fails if there is no such topic, or no broker that answers.
    pub async fn partitions(&self, topic: &str) -> Result<usize, Error> {
        if let Some(count) = self.shared.machine.lock().partitions(topic) {
            return Ok(count);
        }
        self.find(topic).await?;
        Ok(self.shared.machine.lock().partitions(topic).unwrap_or(0))
    }

    async fn find(&self, topic: &str) -> Result<(), Error> {
        let mut found = self.client.topics(&[topic.to_owned()]).await?;
        let topic = found.remove(topic).expect("each name has an answer")?;
        if topic.partitions.is_empty() {
            // No topic has none; who says so has not heard of them.
            self.client.forget(&topic.name);
            let (code, subject) = (ErrorCode::LeaderNotAvailable, Subject::Topic(topic.name));
            return Err(Error::broker(ApiKey::Metadata, code, subject));
        }
        self.shared.tell(&self.client, |machine, now, effects| {
            machine.add_topic(now, &topic, effects);
        });
        self.shared.work.notify_one();
        Ok(())
    }

    /// The deliveries since the last call.
    pub fn deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.deliveries.lock())
    }

    /// Waits until there are deliveries to take.
    pub async fn next_delivery(&self) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            if !self.deliveries.lock().is_empty() {
                return;
            }
            progress.await;
        }
    }

    /// Sends at once what was taken so far, and waits until each record of it was delivered or
    /// failed.
    pub async fn flush(&self) {
        let flush = {
            let mut machine = self.shared.machine.lock();
            Flush { shared: &self.shared, until: machine.begin_flush(self.shared.now()) }
        };
        self.shared.work.notify_one();
        flush.wait().await;
    }

    /// Takes no more records and waits until all are delivered or failed, but not longer than
    /// `timeout`: what did not leave by then is reported as failed.
    ///
    /// # Errors
    ///
    /// Fails if the time was up; how many records were given up is said.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        let limit = after(Instant::now(), timeout);
        self.shared.machine.lock().close(self.shared.now());
        let flushed = timeout_at(limit, self.flush()).await;
        if flushed.is_ok() {
            return Ok(());
        }
        let operation = "closing the producer".to_owned();
        let error = Error::TimedOut { operation, after: timeout, last: None };
        self.shared.give_up(&self.client, &error);
        Err(error)
    }

    /// Ends at once; what has not been delivered is given up.
    pub(super) fn stop(&self) {
        self.task.abort();
        self.shared.give_up(&self.client, &Error::Closed("producer"));
    }

    /// What was counted so far.
    pub fn metrics(&self) -> Metrics {
        self.shared.machine.lock().metrics()
    }
}

/// A flush that has begun; dropping it lets batches wait for more again.
struct Flush<'a> {
    shared: &'a Shared,
    until: u64,
}

impl Flush<'_> {
    async fn wait(&self) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            if self.shared.machine.lock().has_flushed(self.until) {
                return;
            }
            progress.await;
        }
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.shared.machine.lock().end_flush();
    }
}

impl Drop for RawProducer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a topic that was not found may be found a little later.
fn may_come(error: &Error) -> bool {
    match error {
        Error::Broker { code: ErrorCode::UnknownTopicOrPartition, .. } => true,
        Error::Broker { code, .. } => code.is_retriable(),
        _ => false,
    }
}

fn error_of(rejected: Rejected) -> Error {
    match rejected {
        Rejected::Closed => Error::Closed("producer"),
        Rejected::Full { .. } => Error::Full(rejected.to_string()),
        rejected => Error::Refused(rejected.to_string()),
    }
}

#[cfg(test)]
mod tests;

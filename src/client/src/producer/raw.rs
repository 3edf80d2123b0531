//! The producer of bytes: what there is nothing below but the machine.

use std::sync::Arc;
use std::time::Duration;

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
use crate::client::Client;
use crate::config::ConfigError;
use crate::error::Error;

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
    /// Starts a producer on the current runtime. Connects to nothing yet.
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
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
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

    /// Takes a record, waiting while its topic is looked for and while the buffer is full, as far as
    /// the configuration lets it. What became of it comes later, out of
    /// [`RawProducer::deliveries`]. Dropping the future takes no record.
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
            Err(Rejected::UnknownTopic | Rejected::Full { .. }) => self.send_later(&record).await,
            Err(rejected) => Err(error_of(rejected)),
        }
    }

    /// Takes a record if its topic is known and there is room, without waiting.
    ///
    /// # Errors
    ///
    /// Says why the record was not taken.
    pub fn try_send(&self, record: &ProducerRecord<'_>) -> Result<(), Rejected> {
        let must_wake = self.shared.machine.lock().append(|| self.shared.now(), record)?;
        if must_wake {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    async fn send_later(&self, record: &ProducerRecord<'_>) -> Result<(), Error> {
        let since = Instant::now();
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            // Before looking, so that no progress in between is missed.
            progress.as_mut().enable();
            match self.try_send(record) {
                Ok(()) => return Ok(()),
                Err(Rejected::UnknownTopic) => self.find(record.topic).await?,
                Err(rejected @ Rejected::Full { .. }) => {
                    self.shared.work.notify_one();
                    let WhenFull::Wait(limit) = self.config.when_full else {
                        return Err(error_of(rejected));
                    };
                    let waited = timeout_at(since + limit, progress).await;
                    waited.map_err(|_| error_of(rejected))?;
                }
                Err(rejected) => return Err(error_of(rejected)),
            }
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
        self.shared.machine.lock().add_topic(self.shared.now(), &topic);
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
        let limit = Instant::now() + timeout;
        self.shared.machine.lock().close(self.shared.now());
        let flushed = timeout_at(limit, self.flush()).await;
        if flushed.is_ok() {
            return Ok(());
        }
        let operation = "closing the producer".to_owned();
        let error = Error::TimedOut { operation, after: timeout, last: None };
        self.give_up(&error);
        Err(error)
    }

    fn give_up(&self, error: &Error) {
        self.shared.tell(&self.client, |machine, _, effects| machine.abort(error, effects));
    }

    /// Ends at once; what has not been delivered is given up.
    pub(super) fn stop(&self) {
        self.task.abort();
        self.shared.machine.lock().close(self.shared.now());
        self.give_up(&Error::Closed("producer"));
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

pub(super) fn error_of(rejected: Rejected) -> Error {
    match rejected {
        Rejected::Closed => Error::Closed("producer"),
        Rejected::Full { .. } => Error::Full(rejected.to_string()),
        rejected => Error::Refused(rejected.to_string()),
    }
}

//! The producer of a program's own types: interceptors, then serializers, then the producer of bytes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kt_protocol::records::NewRecord;
use kt_protocol::types::{Offset, Timestamp};
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::oneshot;

use super::ProducerConfig;
use super::interceptor::{Interceptor, Interceptors};
use super::message::{Record, Serializer, Written};
use super::metrics::Metrics;
use super::raw::RawProducer;
use super::record::{Delivery, ProducerRecord, Tag};
use crate::client::Client;
use crate::config::{ConfigError, Event};
use crate::error::Error;

/// The tag of records that nobody wants to hear of.
const FORGOTTEN: Tag = Tag::MAX;

/// A producer of keys and values of the program's types. Share it: all of it works on `&self`.
///
/// Dropping it gives up what has not been delivered; [`Producer::close`] waits for it.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = Producer::new(client, ProducerConfig::default(), AsBytes, AsBytes)?;
///
/// // Sent, and waited for.
/// let sending = producer.send(Record::new("orders", "tea").key("customer 7")).await?;
/// let written = sending.await?;
/// println!("offset {:?} of partition {}", written.offset, written.partition);
///
/// // Sent, with a callback.
/// let record = Record::new("orders", "coffee").key("customer 8");
/// producer.send_then(record, |outcome| println!("{outcome:?}")).await?;
///
/// // Sent and forgotten.
/// producer.send_and_forget(Record::new("orders", "milk")).await?;
/// producer.close(Duration::from_secs(30)).await?;
/// assert_eq!(producer.metrics().delivered, 3);
/// # Ok(())
/// # });
/// ```
pub struct Producer<K, V> {
    raw: RawProducer,
    keys: Box<dyn Serializer<K>>,
    values: Box<dyn Serializer<V>>,
    hearers: Arc<Hearers<K, V>>,
}

impl<K, V> fmt::Debug for Producer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("raw", &self.raw).finish_non_exhaustive()
    }
}

/// A record on its way: gives where it was written, or why not. Dropping it does not stop the record.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::Offset;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = Producer::new(client, ProducerConfig::default(), AsBytes, AsBytes)?;
/// let mut sendings = Vec::new();
/// for value in ["tea", "coffee", "milk"] {
///     sendings.push(producer.send(Record::<&str, _>::new("orders", value)).await?);
/// }
/// // All are on their way, in few batches; now wait for each.
/// for (offset, sending) in (0..).zip(sendings) {
///     assert_eq!(sending.await?.offset, Some(Offset(offset)));
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "what became of the record is told nowhere else: await it, or send_and_forget"]
pub struct Sending {
    outcome: oneshot::Receiver<Result<Written, Error>>,
}

impl Future for Sending {
    type Output = Result<Written, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(context));
        Poll::Ready(outcome.unwrap_or(Err(Error::Closed("producer"))))
    }
}

/// What is done when a record has ended.
enum Then {
    Nothing,
    Tell(oneshot::Sender<Result<Written, Error>>),
    Call(Box<dyn FnOnce(Result<Written, Error>) + Send>),
}

/// A record that has not ended.
struct Waiting {
    topic: Arc<str>,
    timestamp: Timestamp,
    then: Then,
}

/// Those who want to hear of records.
struct Hearers<K, V> {
    interceptors: Interceptors<K, V>,
    waiting: Mutex<Slab<Waiting>>,
}

impl<K, V> Hearers<K, V> {
    /// Tells of records that shared a batch.
    fn hear(&self, delivery: Delivery) {
        let Delivery { partition, tags, outcome } = delivery;
        let base = outcome.as_ref().ok().and_then(|it| it.base_offset);
        let append_time = outcome.as_ref().ok().and_then(|it| it.log_append_time);
        let ended: Vec<(i64, Waiting)> = {
            let mut waiting = self.waiting.lock();
            let numbered = tags.iter().zip(0_i64..);
            let known = numbered.filter_map(|(tag, at)| Some((at, usize::try_from(*tag).ok()?)));
            known.filter_map(|(at, index)| Some((at, waiting.try_remove(index)?))).collect()
        };
        for (at, Waiting { topic, timestamp, then }) in ended {
            let outcome = outcome.clone().map(|_| Written {
                topic: Arc::clone(&topic),
                partition: partition.partition.0,
                // What a broker says may be anything.
                offset: base.map(|it| Offset(it.0.saturating_add(at))),
                timestamp: append_time.unwrap_or(timestamp),
            });
            self.end(&topic, outcome, then);
        }
    }

    fn end(&self, topic: &str, outcome: Result<Written, Error>, then: Then) {
        self.interceptors.acknowledged(topic, outcome.as_ref());
        match then {
            Then::Nothing => {}
            // Whoever sent it may have stopped listening.
            Then::Tell(sender) => drop(sender.send(outcome)),
            Then::Call(callback) => self.interceptors.call_back(|| callback(outcome)),
        }
    }
}

impl<K, V> Producer<K, V>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Starts a producer on the current runtime. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Fails if settings do not go together.
    pub fn new(
        client: Client,
        config: ProducerConfig,
        keys: impl Serializer<K> + 'static,
        values: impl Serializer<V> + 'static,
    ) -> Result<Producer<K, V>, ConfigError> {
        Producer::with_interceptors(client, config, keys, values, Vec::new())
    }

    /// The same, with interceptors, which are called in this order.
    ///
    /// # Errors
    ///
    /// Fails if settings do not go together.
    pub fn with_interceptors(
        client: Client,
        config: ProducerConfig,
        keys: impl Serializer<K> + 'static,
        values: impl Serializer<V> + 'static,
        interceptors: Vec<Box<dyn Interceptor<K, V>>>,
    ) -> Result<Producer<K, V>, ConfigError> {
        config.check()?;
        let observer = client.clone();
        let log = Box::new(move |event: &Event<'_>| observer.observe(event));
        let interceptors = Interceptors::new(interceptors, &config, log);
        let hearers = Arc::new(Hearers { interceptors, waiting: Mutex::default() });
        let listener = Arc::clone(&hearers);
        let raw = RawProducer::with_sink(client, config, move |it| listener.hear(it))?;
        Ok(Producer { raw, keys: Box::new(keys), values: Box::new(values), hearers })
    }

    /// Takes a record, waiting while its topic is looked for and while there is no room for it, as
    /// [`RawProducer::send`] does, and gives what its delivery can be waited for with. Dropping the
    /// future before it ends takes no record.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be serialized, its topic or partition does not exist, it is too
    /// large, or there was no room in time.
    pub async fn send(&self, record: Record<K, V>) -> Result<Sending, Error> {
        let (sender, outcome) = oneshot::channel();
        self.submit(record, Then::Tell(sender)).await?;
        Ok(Sending { outcome })
    }

    /// The same, with a callback, which runs on the producer's tasks: it must not wait for anything.
    ///
    /// # Errors
    ///
    /// See [`Producer::send`]; the callback is not called then.
    pub async fn send_then(
        &self,
        record: Record<K, V>,
        then: impl FnOnce(Result<Written, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.submit(record, Then::Call(Box::new(then))).await
    }

    /// The same, and what becomes of the record is told to interceptors only.
    ///
    /// # Errors
    ///
    /// See [`Producer::send`].
    pub async fn send_and_forget(&self, record: Record<K, V>) -> Result<(), Error> {
        self.submit(record, Then::Nothing).await
    }

    async fn submit(&self, mut record: Record<K, V>, then: Then) -> Result<(), Error> {
        self.hearers.interceptors.before_send(&mut record);
        let sent = self.pass_on(&mut record, then).await;
        if let Err(error) = &sent {
            self.hearers.interceptors.acknowledged(&record.topic, Err(error));
        }
        sent
    }

    async fn pass_on(&self, record: &mut Record<K, V>, then: Then) -> Result<(), Error> {
        let Record { topic, partition, timestamp, key, value, headers } = record;
        let key = serialized("key", key.as_ref(), &*self.keys, topic, headers)?;
        let value = serialized("value", value.as_ref(), &*self.values, topic, headers)?;
        let headers: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|it| (it.key.as_str(), it.value.as_deref())).collect();
        let timestamp = timestamp.unwrap_or_else(now);
        let place = self.wait_for(topic, timestamp, then);
        let new = NewRecord {
            timestamp,
            key: key.as_deref(),
            value: value.as_deref(),
            headers: &headers,
        };
        let tag = place.tag();
        let (topic, partition) = (&**topic, *partition);
        self.raw.send(ProducerRecord { topic, partition, record: new, tag }).await?;
        place.keep();
        Ok(())
    }

    /// Takes a place among those that wait, unless nobody wants to hear.
    fn wait_for(&self, topic: &Arc<str>, timestamp: Timestamp, then: Then) -> Place<'_, K, V> {
        if matches!(then, Then::Nothing) && self.hearers.interceptors.is_empty() {
            return Place { hearers: &self.hearers, index: None };
        }
        let waiting = Waiting { topic: Arc::clone(topic), timestamp, then };
        let index = self.hearers.waiting.lock().insert(waiting);
        Place { hearers: &self.hearers, index: Some(index) }
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    ///
    /// Fails if there is no such topic, or no broker that answers.
    pub async fn partitions(&self, topic: &str) -> Result<usize, Error> {
        self.raw.partitions(topic).await
    }

    /// Sends at once what was taken so far, and waits until each record of it was delivered or
    /// failed.
    pub async fn flush(&self) {
        self.raw.flush().await;
    }

    /// Takes no more records, waits until all are delivered or failed, but not longer than `timeout`,
    /// and closes the interceptors. What did not leave by then is reported as failed.
    ///
    /// # Errors
    ///
    /// Fails if the time was up.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        let closed = self.raw.close(timeout).await;
        self.hearers.interceptors.close();
        closed
    }

    /// What was counted so far.
    pub fn metrics(&self) -> Metrics {
        self.raw.metrics()
    }
}

impl<K, V> Drop for Producer<K, V> {
    fn drop(&mut self) {
        self.raw.stop();
        self.hearers.interceptors.close();
    }
}

/// A place among those that wait; given back unless it is kept.
struct Place<'a, K, V> {
    hearers: &'a Hearers<K, V>,
    index: Option<usize>,
}

impl<K, V> Place<'_, K, V> {
    fn tag(&self) -> Tag {
        self.index.map_or(FORGOTTEN, |it| it as Tag)
    }

    fn keep(mut self) {
        self.index = None;
    }
}

impl<K, V> Drop for Place<'_, K, V> {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            self.hearers.waiting.lock().try_remove(index);
        }
    }
}

fn serialized<'a, T>(
    what: &str,
    it: Option<&'a T>,
    serializer: &dyn Serializer<T>,
    topic: &str,
    headers: &mut Vec<super::message::Header>,
) -> Result<Option<std::borrow::Cow<'a, [u8]>>, Error> {
    let Some(it) = it else { return Ok(None) };
    let bytes = serializer.serialize(topic, headers, it);
    let refused = |error| Error::Refused(format!("the {what} cannot be serialized: {error}"));
    bytes.map(Some).map_err(refused)
}

/// The time that a record gets which has none of its own.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;

//! Records on their way to a cluster.
//!
//! [`Producer::send`] puts a record into the open batch of its partition; a task of its own sends
//! what is full or old enough to the leaders, again if need be, and reports what became of it.
//! What waits where is decided by [`accumulator`], [`partitioner`] and [`sequence`], which name no
//! tokio; the sender moves bytes.

pub mod accumulator;
pub mod partitioner;
mod sender;
pub mod sequence;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::records::{Compressor, NewRecord};
use kt_protocol::types::{Millis, Offset, Timestamp, TopicPartition};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::metadata::Topic;
use accumulator::{Accumulator, Limits};
pub use partitioner::Partitioner;
use partitioner::{Sticky, partition_by_crc32, partition_of_key};

/// Who has to have a record before it counts as delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// Nobody: records are sent and forgotten.
    None,
    /// The leader.
    Leader,
    /// Every in-sync replica.
    #[default]
    All,
}

impl Acks {
    fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// Whether the broker removes duplicates that retries make (KIP-98).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotence {
    /// It does. Needs [`Acks::All`].
    #[default]
    On,
    /// It does not.
    Off,
}

/// Settings of a [`Producer`], under Kafka's names.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// `acks`
    pub acks: Acks,
    /// `enable.idempotence`
    pub idempotence: Idempotence,
    /// `compression.type`, with its level
    pub compressor: Compressor,
    /// `batch.size`: bytes of a batch before compression. A larger record makes its own.
    pub batch_bytes: usize,
    /// `partitioner`: for records that name no partition.
    pub partitioner: Partitioner,
    /// `linger.ms`: how long a batch that is not full waits for more.
    pub linger: Duration,
    /// `max.request.size`: bytes of one request, and of one record.
    pub request_bytes_max: usize,
    /// `buffer.memory`: bytes of records that wait for their delivery.
    pub buffer_bytes_max: usize,
    /// `delivery.timeout.ms`, counted from the first try.
    pub delivery_timeout: Duration,
}

impl Default for ProducerConfig {
    fn default() -> ProducerConfig {
        ProducerConfig {
            acks: Acks::default(),
            idempotence: Idempotence::default(),
            compressor: Compressor::default(),
            // Larger than Kafka's 16 KiB: a tool mostly sends bulk, and a batch costs a round trip.
            batch_bytes: 256 << 10,
            partitioner: Partitioner::default(),
            linger: Duration::from_millis(5),
            request_bytes_max: 1 << 20,
            buffer_bytes_max: 32 << 20,
            delivery_timeout: Duration::from_secs(120),
        }
    }
}

/// The caller's number of a record, given back with its delivery.
pub type Tag = u64;

/// A record to send.
#[derive(Clone, Copy, Debug)]
pub struct ProducerRecord<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition; `None`: that of its key, or a sticky one.
    pub partition: Option<i32>,
    /// What it says.
    pub record: NewRecord<'a>,
    /// What its delivery is called.
    pub tag: Tag,
}

/// What became of records that shared a batch.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where they went.
    pub partition: TopicPartition,
    /// The records, in their order, which is that of their offsets.
    pub tags: Vec<Tag>,
    /// How it ended.
    pub outcome: Result<Delivered, Error>,
}

/// Where a batch was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The offset of its first record; `None` with [`Acks::None`], and for a duplicate that the
    /// broker no longer remembers.
    pub base_offset: Option<Offset>,
    /// The broker's time, if the topic wants it in place of the producer's.
    pub log_append_time: Option<Timestamp>,
}

/// A producer. Dropping it drops what has not been sent: [`Producer::flush`] before.
#[derive(Debug)]
pub struct Producer {
    client: Client,
    config: ProducerConfig,
    shared: Arc<Shared>,
    topics: BTreeMap<String, Destination>,
    task: AbortHandle,
}

/// A topic that records go to.
#[derive(Debug)]
struct Destination {
    partitions: usize,
    /// Those with a leader, in rising order.
    available: Vec<usize>,
    sticky: Sticky,
    /// Whose turn it is in [`Partitioner::RoundRobin`].
    turn: usize,
}

/// What the producer and its sender share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// For the sender: there is something to do.
    work: Notify,
    /// For the producer: deliveries have come, and room with them.
    progress: Notify,
    started: Instant,
}

#[derive(Debug)]
struct State {
    accumulator: Accumulator,
    deliveries: Vec<Delivery>,
    is_flushing: bool,
}

impl Shared {
    /// Time as the accumulator counts it.
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

impl Producer {
    /// Starts a producer on the current runtime. Connects to nothing yet.
    pub fn new(client: Client, config: ProducerConfig) -> Producer {
        let limits = Limits {
            batch_bytes: config.batch_bytes.min(config.request_bytes_max),
            request_bytes_max: config.request_bytes_max,
            linger_ms: u64::try_from(config.linger.as_millis()).unwrap_or(u64::MAX),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                accumulator: Accumulator::new(limits, config.compressor),
                deliveries: Vec::new(),
                is_flushing: false,
            }),
            work: Notify::new(),
            progress: Notify::new(),
            started: Instant::now(),
        });
        let sender = sender::Sender::new(client.clone(), config.clone(), Arc::clone(&shared));
        let task = tokio::spawn(sender.run()).abort_handle();
        Producer { client, config, shared, topics: BTreeMap::new(), task }
    }

    /// Takes a record, waiting while the buffer is full. Its delivery comes later, out of
    /// [`Producer::deliveries`].
    ///
    /// # Errors
    ///
    /// Fails if the topic or the partition does not exist or the record is too large; nothing was
    /// taken then.
    pub async fn send(&mut self, record: ProducerRecord<'_>) -> Result<(), Error> {
        let bytes = record_bytes(&record.record);
        if self.config.request_bytes_max < bytes {
            return Err(Error::Refused(format!(
                "the record has {bytes} bytes, {} are allowed (max.request.size)",
                self.config.request_bytes_max
            )));
        }
        let partition = self.partition(&record, bytes).await?;
        self.wait_for_room(bytes).await;
        let now = self.shared.now();
        let is_due = {
            let mut state = self.shared.state.lock();
            let was_empty = state.accumulator.is_idle();
            let key = TopicPartition::new(record.topic, partition);
            let appended = state.accumulator.append(now, key, record.record, record.tag);
            let is_full = appended.map_err(|error| Error::Refused(error.to_string()))?;
            // The sender sleeps until a deadline that it knows of; an empty buffer had none.
            is_full || was_empty
        };
        if is_due {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// The deliveries since the last call.
    pub fn deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.shared.state.lock().deliveries)
    }

    /// Waits until there are deliveries to take.
    pub async fn next_delivery(&mut self) {
        loop {
            let progress = self.shared.progress.notified();
            if !self.shared.state.lock().deliveries.is_empty() {
                return;
            }
            progress.await;
        }
    }

    /// Sends everything at once and waits until each record was delivered or failed.
    pub async fn flush(&mut self) {
        self.shared.state.lock().is_flushing = true;
        self.shared.work.notify_one();
        loop {
            let progress = self.shared.progress.notified();
            if self.shared.state.lock().accumulator.is_idle() {
                break;
            }
            progress.await;
        }
        self.shared.state.lock().is_flushing = false;
    }

    async fn wait_for_room(&self, bytes: usize) {
        loop {
            let progress = self.shared.progress.notified();
            let buffered = self.shared.state.lock().accumulator.bytes();
            if buffered == 0 || buffered + bytes <= self.config.buffer_bytes_max {
                return;
            }
            self.shared.work.notify_one();
            progress.await;
        }
    }

    async fn partition(&mut self, record: &ProducerRecord<'_>, bytes: usize) -> Result<i32, Error> {
        if !self.topics.contains_key(record.topic) {
            let destination = self.look_up(record.topic).await?;
            self.topics.insert(record.topic.to_owned(), destination);
        }
        let destination = self.topics.get_mut(record.topic).expect("it was just put there");
        let count = destination.partitions;
        let chosen = match (record.partition, record.record.key) {
            (Some(partition), _) => match usize::try_from(partition) {
                Ok(index) if index < count => index,
                _ => {
                    return Err(Error::Refused(format!(
                        "topic \"{}\" has no partition {partition}: it has {count}",
                        record.topic
                    )));
                }
            },
            (None, key) => destination.choose(self.config.partitioner, key, bytes),
        };
        Ok(i32::try_from(chosen).expect("the wire counts partitions in 32 bits"))
    }

    async fn look_up(&self, topic: &str) -> Result<Destination, Error> {
        let mut found = self.client.topics(&[topic.to_owned()]).await?;
        let topic: Topic = found.remove(topic).expect("each name has an answer")?;
        let led = topic.partitions.iter().filter(|it| it.leader.is_some());
        Ok(Destination {
            partitions: topic.partitions.len(),
            available: led.filter_map(|it| usize::try_from(it.index).ok()).collect(),
            sticky: Sticky::new(self.config.batch_bytes, self.client.seed()),
            turn: 0,
        })
    }
}

impl Destination {
    fn choose(&mut self, partitioner: Partitioner, key: Option<&[u8]>, bytes: usize) -> usize {
        match (partitioner, key) {
            (Partitioner::Murmur2, Some(key)) => partition_of_key(key, self.partitions),
            (Partitioner::Crc32, Some(key)) => partition_by_crc32(key, self.partitions),
            (Partitioner::RoundRobin, _) => {
                let chosen = self.turn;
                self.turn = (chosen + 1) % self.partitions.max(1);
                chosen
            }
            // Where no partition has a leader now, any may get one first.
            (Partitioner::Sticky, _) | (_, None) => {
                self.sticky.next(bytes, &self.available).unwrap_or_default()
            }
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Bytes of keys, values and headers: what buffers and sticky batches are counted in.
fn record_bytes(record: &NewRecord<'_>) -> usize {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers.iter().map(|(key, value)| key.len() + length(*value)).sum();
    length(record.key) + length(record.value) + headers
}

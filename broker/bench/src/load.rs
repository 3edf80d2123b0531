//! The load: librdkafka sending and reading as fast as it can.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SOON: Duration = Duration::from_secs(60);

/// What to send.
pub(crate) struct Produce {
    /// Where to; it is created.
    pub(crate) topic: &'static str,
    /// Bytes of a value.
    pub(crate) size: usize,
    /// Partitions of the topic.
    pub(crate) partitions: i32,
    /// How many in all.
    pub(crate) count: u64,
    /// Full batches, or one record in each request.
    pub(crate) batched: bool,
}

#[derive(Clone, Default)]
struct Deliveries {
    failed: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Creates the topic, sends everything and waits for every acknowledgement.
pub(crate) fn produce(address: &str, load: &Produce) -> Result<Duration, String> {
    create_topic(address, load.topic, load.partitions)?;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("acks", "all")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "1048576");
    if load.batched {
        config
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "100000");
    } else {
        config.set("linger.ms", "0").set("batch.num.messages", "1").set("max.in.flight", "5");
    }
    let context = Deliveries::default();
    let failed = Arc::clone(&context.failed);
    let producer: ThreadedProducer<Deliveries> =
        config.create_with_context(context).map_err(|it| it.to_string())?;
    let value = vec![b'x'; load.size];
    let started = Instant::now();
    for _ in 0..load.count {
        enqueue(&producer, load.topic, &value)?;
    }
    producer.flush(SOON).map_err(|it| it.to_string())?;
    let elapsed = started.elapsed();
    match failed.load(Ordering::Relaxed) {
        0 => Ok(elapsed),
        failed => Err(format!("{failed} records were not delivered")),
    }
}

fn enqueue(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    value: &[u8],
) -> Result<(), String> {
    loop {
        match producer.send(BaseRecord::<(), [u8]>::to(topic).payload(value)) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error.to_string()),
        }
    }
}

/// Reads `count` records of the topic's partition 0.
pub(crate) fn consume(address: &str, topic: &str, count: u64) -> Result<Duration, String> {
    consume_partitions(address, topic, 1, count)
}

/// Reads what was sent of `load`.
pub(crate) fn consume_all(address: &str, load: &Produce) -> Result<Duration, String> {
    consume_partitions(address, load.topic, load.partitions, load.count)
}

fn consume_partitions(
    address: &str,
    topic: &str,
    partitions: i32,
    count: u64,
) -> Result<Duration, String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "none")
        .set("enable.auto.commit", "false")
        // Its default of a second punishes a broker that fills the client's queue.
        .set("fetch.queue.backoff.ms", "1")
        .set("fetch.message.max.bytes", "1048576")
        .create()
        .map_err(|it| it.to_string())?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let added = assignment.add_partition_offset(topic, partition, Offset::Beginning);
        added.map_err(|it| it.to_string())?;
    }
    let started = Instant::now();
    consumer.assign(&assignment).map_err(|it| it.to_string())?;
    let mut seen = 0;
    while seen < count {
        match consumer.poll(SOON) {
            Some(Ok(message)) => {
                std::hint::black_box(message.payload());
                seen += 1;
            }
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err(format!("nothing came for {SOON:?} after {seen} records")),
        }
    }
    Ok(started.elapsed())
}

/// Creates a topic.
pub(crate) fn create_topic(address: &str, topic: &str, partitions: i32) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", address)
        .create()
        .map_err(|it| it.to_string())?;
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(SOON));
    let answer = admin.create_topics([&topic], &options);
    let results = block_on(answer).map_err(|it| it.to_string())?;
    match results.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err((_, code))) => Err(format!("the topic was not created: {code}")),
        None => Err("the broker answered for no topic".to_owned()),
    }
}

/// Waits for an answer.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
        .block_on(future)
}

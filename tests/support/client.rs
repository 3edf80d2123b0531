//! librdkafka through the `rdkafka` crate: a client that nobody here wrote.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// How long any one answer may take before the test fails.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A configuration with the broker's address and `pairs`.
pub(crate) fn config(address: &str, pairs: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    for (key, value) in pairs {
        config.set(*key, *value);
    }
    config
}

/// A producer with `pairs` set.
pub(crate) fn producer(address: &str, pairs: &[(&str, &str)]) -> FutureProducer {
    config(address, pairs).create().expect("the producer's configuration is right")
}

/// The same, for transactions.
pub(crate) fn base_producer(address: &str, pairs: &[(&str, &str)]) -> BaseProducer {
    config(address, pairs).create().expect("the producer's configuration is right")
}

/// An admin client.
pub(crate) fn admin(address: &str) -> AdminClient<DefaultClientContext> {
    config(address, &[]).create().expect("the admin client's configuration is right")
}

/// Creates a topic with `partitions` partitions and `configs`.
pub(crate) async fn create_topic(
    address: &str,
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(SOON));
    let results = admin(address).create_topics([&topic], &options).await.expect("an answer");
    for result in results {
        result.expect("the topic is created");
    }
}

/// 2026-01-01T00:00:00Z: the time of the first record of [`fill`].
const FILLED_FROM: i64 = 1_767_225_600_000;

/// Writes so many records to each partition, one a millisecond.
pub(crate) async fn fill(address: &str, topic: &str, partitions: i32, count: i64) {
    let producer = producer(address, &[("enable.idempotence", "true")]);
    let mut deliveries = Vec::new();
    for number in 0..count {
        for partition in 0..partitions {
            let record = FutureRecord::<(), str>::to(topic).payload("x").partition(partition);
            let sent = producer.send_result(record.timestamp(FILLED_FROM + number));
            deliveries.push(sent.map_err(|(error, _)| error).expect("the queue has room"));
        }
    }
    for delivery in deliveries {
        delivery.await.expect("the producer lives").expect("the record is delivered");
    }
}

/// A record as read, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadRecord {
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

impl ReadRecord {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> ReadRecord {
        ReadRecord {
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
        }
    }

    /// The value as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.value.clone().unwrap_or_default()).expect("the value is text")
    }
}

/// Reads one partition from `from` to its end, without a group.
pub(crate) fn read_all(address: &str, topic: &str, partition: i32, from: i64) -> Vec<ReadRecord> {
    let consumer: BaseConsumer = config(
        address,
        &[
            ("group.id", "none"),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
            ("check.crcs", "true"),
            ("fetch.wait.max.ms", "50"),
        ],
    )
    .create()
    .expect("the consumer's configuration is right");
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, partition, Offset::Offset(from))
        .expect("the offset is right");
    consumer.assign(&assignment).expect("the partition can be assigned");
    let mut records = Vec::new();
    loop {
        match consumer.poll(SOON) {
            Some(Ok(message)) => records.push(ReadRecord::of(&message)),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return records,
            Some(Err(error)) => panic!("reading {topic}-{partition}: {error}"),
            None => panic!("nothing came from {topic}-{partition} in {SOON:?}"),
        }
    }
}

/// The low and high watermark of a partition.
pub(crate) fn watermarks(address: &str, topic: &str, partition: i32) -> (i64, i64) {
    let consumer: BaseConsumer = config(address, &[("group.id", "none")]).create().expect("right");
    consumer.fetch_watermarks(topic, partition, SOON).expect("the broker answers")
}

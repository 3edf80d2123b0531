//! The library's consumer against real brokers: kt's own and Apache Kafka's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kt_client::consumer::{
    Consumer, ConsumerConfig, OffsetStore, PartitionEnds, Polled, Position, Start, StoreError,
};
use kt_client::{Admin, Client, ClientConfig, Error, ErrorKind};
use kt_protocol::types::{NodeId, Offset, Timestamp, TopicPartition};

use crate::support::node::Node;
use crate::support::tool::ApacheKafka;
use crate::support::{Broker, client};

/// The time of the first record that `client::fill` writes.
const FILLED_FROM: i64 = 1_767_225_600_000;

fn library(address: &str) -> Client {
    let bootstrap = vec![address.to_owned()];
    Client::new(ClientConfig { bootstrap, ..ClientConfig::default() })
}

fn partition(topic: &str, index: i32) -> TopicPartition {
    TopicPartition::new(topic, index)
}

/// The offsets that a poll gave, by partition.
fn offsets(polled: &Polled) -> Vec<(i32, i64)> {
    let mut offsets = Vec::new();
    for records in &polled.records {
        let mut cursor = records.cursor();
        while let Some(record) = cursor.next().expect("they can be read") {
            offsets.push((records.partition().partition.0, record.offset.0));
        }
    }
    offsets
}

/// Polls until so many records have come; each partition's in order.
async fn read(consumer: &Consumer, count: usize) -> Vec<(i32, i64)> {
    let mut all = Vec::new();
    while all.len() < count {
        let polled = consumer.poll(client::SOON).await.expect("no error");
        assert!(!polled.is_empty(), "{} of {count} came", all.len());
        all.extend(offsets(&polled));
    }
    all
}

async fn reads_back_and_forth(address: &str) {
    client::create_topic(address, "moved", 2, &[]).await;
    client::fill(address, "moved", 2, 300).await;
    let config = ConsumerConfig { poll_records_max: 100, ..ConsumerConfig::default() };
    let consumer = Consumer::new(library(address), config);
    let both = [partition("moved", 0), partition("moved", 1)];
    consumer.assign(both.clone().map(|it| (it, Start::Earliest)));
    let mut last = BTreeMap::new();
    for (index, offset) in read(&consumer, 600).await {
        let next = last.insert(index, offset).map_or(0, |it| it + 1);
        assert_eq!(offset, next, "partition {index}");
    }
    assert_eq!(consumer.position(&both[0]).map(|it| it.offset), Some(Offset(300)));
    assert_eq!(consumer.current_lag(&both[1]), Some(0));
    consumer.pause([&both[1]]);
    // Again and again from the same offset: the broker's session has it already.
    for _ in 0..3 {
        assert!(consumer.seek(&both[0], Offset(250)));
        assert_eq!(read(&consumer, 50).await.first(), Some(&(0, 250)));
    }
    consumer.seek_to_beginning(&both[1]);
    consumer.resume([&both[1]]);
    assert_eq!(read(&consumer, 300).await.first(), Some(&(1, 0)));
    let ends = consumer.end_offsets(&both).await.expect("they are told");
    assert_eq!(ends[&both[1]], Offset(300));
    let times = BTreeMap::from([(both[0].clone(), Timestamp(FILLED_FROM + 41))]);
    let found = consumer.offsets_for_times(&times).await.expect("they are told");
    assert_eq!(found[&both[0]].offset, Some(Offset(41)));
    // One replica, named: here the only one there is.
    let nodes = consumer.partitions_for("moved").await.expect("it is there");
    let leader: Option<NodeId> = nodes[0].leader;
    assert!(consumer.read_from(&both[0], leader));
    consumer.seek(&both[0], Offset(299));
    assert_eq!(read(&consumer, 1).await, [(0, 299)]);
    let waker = consumer.waker();
    let waiting = Instant::now();
    waker.wake();
    assert!(consumer.poll(client::SOON).await.expect("no error").is_empty());
    assert!(waiting.elapsed() < client::SOON / 2);
    consumer.close(client::SOON).await;
}

async fn a_topic_that_vanishes_is_named(address: &str) {
    client::create_topic(address, "vanishing", 1, &[]).await;
    client::fill(address, "vanishing", 1, 5).await;
    let client = library(address);
    let consumer = Consumer::new(client.clone(), ConsumerConfig::default());
    consumer.assign([(partition("vanishing", 0), Start::Earliest)]);
    assert_eq!(read(&consumer, 5).await.len(), 5);
    Admin::new(client).delete_topics(&["vanishing".to_owned()]).await.expect("it is asked");
    let gone = Instant::now();
    let error = loop {
        match consumer.poll(client::SOON).await {
            Ok(polled) => assert!(polled.is_empty()),
            Err(error) => break error,
        }
        assert!(gone.elapsed() < client::SOON, "no error came");
    };
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("vanishing"), "{error}");
}

struct Kept(BTreeMap<TopicPartition, Position>);

impl OffsetStore for Kept {
    async fn load(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Position>, StoreError> {
        let found = partitions.iter().filter_map(|it| Some((it.clone(), *self.0.get(it)?)));
        Ok(found.collect())
    }
}

async fn positions_beside_results_are_checked(address: &str) {
    client::create_topic(address, "beside", 2, &[]).await;
    client::fill(address, "beside", 2, 40).await;
    let client = library(address);
    let consumer = Consumer::new(client.clone(), ConsumerConfig::default());
    let both = [partition("beside", 0), partition("beside", 1)];
    let kept = Kept(BTreeMap::from([(both[0].clone(), Position::from(Offset(30)))]));
    consumer.assign_from(&kept, &both, Start::from(Offset(35))).await.expect("it is read");
    let mut read = read(&consumer, 15).await;
    read.sort_unstable();
    let expected: Vec<(i32, i64)> =
        (30..40).map(|it| (0, it)).chain((35..40).map(|it| (1, it))).collect();
    assert_eq!(read, expected);
    // What the store has not seen yet is deleted.
    let until = BTreeMap::from([(both[0].clone(), Offset(33))]);
    Admin::new(client).delete_records(&until).await.expect("it is asked");
    consumer.assign_from(&kept, &both[..1], Start::Earliest).await.expect("it is read");
    match consumer.poll(client::SOON).await {
        Err(Error::OffsetGap { stored, found, .. }) => {
            assert_eq!((stored, found), (Offset(30), Offset(33)));
        }
        other => panic!("{other:?}"),
    }
}

/// What waits stays within the bound while nobody takes it, and nothing is lost of it.
async fn what_is_fetched_ahead_is_bounded(address: &str) {
    client::create_topic(address, "ahead", 4, &[]).await;
    let producer = client::base_producer(address, &[]);
    let value = vec![b'x'; 10_000];
    for number in 0..2_000_i32 {
        let record = rdkafka::producer::BaseRecord::<(), [u8]>::to("ahead")
            .payload(&value)
            .partition(number % 4);
        producer.send(record).map_err(|(error, _)| error).expect("the queue has room");
    }
    rdkafka::producer::Producer::flush(&producer, client::SOON).expect("all are delivered");
    let bound = 2_000_000;
    let config = ConsumerConfig {
        queued_bytes_max: Some(bound),
        partition_fetch_bytes_max: 500_000,
        partition_ends: PartitionEnds::Told,
        ..ConsumerConfig::default()
    };
    let consumer = Consumer::new(library(address), config);
    consumer.assign((0..4).map(|it| (partition("ahead", it), Start::Earliest)));
    let mut seen = 0;
    while seen < 2_000 {
        // Long enough for whatever would be fetched.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let counts = consumer.metrics();
        let used = counts.queued_bytes + counts.reserved_bytes;
        assert!(used <= bound as u64 + 1_000_000, "{used} bytes");
        seen += offsets(&consumer.poll(client::SOON).await.expect("no error")).len();
    }
    assert_eq!(consumer.metrics().dropped_bytes, 0);
}

async fn all(address: &str) {
    reads_back_and_forth(address).await;
    a_topic_that_vanishes_is_named(address).await;
    positions_beside_results_are_checked(address).await;
    what_is_fetched_ahead_is_bounded(address).await;
}

#[tokio::test]
async fn the_librarys_consumer_reads_from_kt() {
    all(&Broker::start().address()).await;
}

#[tokio::test]
async fn the_librarys_consumer_reads_from_apache_kafka() {
    let Some(kafka) = ApacheKafka::find("the library's consumer") else { return };
    let node = Node::start(&kafka, &[]);
    all(node.address()).await;
}

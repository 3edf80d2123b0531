//! Reading: woken by the append, by time, from the middle of a batch, out of range.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::support::{Broker, client};

fn reader(broker: &Broker, topic: &str, from: Offset, pairs: &[(&str, &str)]) -> BaseConsumer {
    let mut all = vec![("group.id", "none"), ("enable.auto.commit", "false")];
    all.extend_from_slice(pairs);
    let consumer: BaseConsumer =
        client::config(&broker.address(), &all).create().expect("the configuration is right");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, from).expect("right");
    consumer.assign(&assignment).expect("assigned");
    consumer
}

async fn send(broker: &Broker, topic: &str, values: &[(&str, i64)]) {
    let producer = client::producer(&broker.address(), &[("linger.ms", "20")]);
    let deliveries: Vec<_> = values
        .iter()
        .map(|(value, timestamp)| {
            let record = FutureRecord::<(), str>::to(topic).payload(*value).timestamp(*timestamp);
            producer.send_result(record).expect("the queue has room")
        })
        .collect();
    for delivery in deliveries {
        delivery.await.expect("the producer lives").expect("it is delivered");
    }
}

/// The reader waits 20 s for one byte; the record must come long before that.
#[tokio::test]
async fn a_waiting_reader_is_woken_by_the_append() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "waits", 1, &[]).await;
    let pairs = [("fetch.wait.max.ms", "20000"), ("socket.timeout.ms", "60000")];
    let consumer = reader(&broker, "waits", Offset::Beginning, &pairs);
    // The first poll starts the fetch; nothing is there yet.
    assert!(consumer.poll(Duration::from_millis(500)).is_none());
    let sent = Instant::now();
    send(&broker, "waits", &[("now", 1)]).await;
    let message = consumer.poll(client::SOON).expect("it comes").expect("no error");
    assert_eq!(message.payload(), Some(b"now".as_slice()));
    assert!(sent.elapsed() < Duration::from_secs(10), "it came after {:?}", sent.elapsed());
}

#[tokio::test]
async fn offsets_are_found_by_time_and_reading_starts_inside_a_batch() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "timed", 1, &[]).await;
    let base = 1_700_000_000_000;
    let values: Vec<(String, i64)> =
        (0..100).map(|number| (number.to_string(), base + number * 1_000)).collect();
    let borrowed: Vec<(&str, i64)> = values.iter().map(|(v, t)| (v.as_str(), *t)).collect();
    send(&broker, "timed", &borrowed).await;
    let consumer: BaseConsumer =
        client::config(&broker.address(), &[("group.id", "none")]).create().expect("right");
    for (timestamp, expected) in [
        (base, Offset::Offset(0)),
        (base + 41_500, Offset::Offset(42)),
        (base + 99_000, Offset::Offset(99)),
        (base + 99_001, Offset::End),
    ] {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_offset("timed", 0, Offset::Offset(timestamp)).expect("right");
        let found = consumer.offsets_for_times(wanted, client::SOON).expect("an answer");
        let found = found.find_partition("timed", 0).expect("the partition").offset();
        assert_eq!(found, expected, "at {timestamp}");
    }
    let rest = client::read_all(&broker.address(), "timed", 0, 42);
    assert_eq!(rest.first().map(client::ReadRecord::text).as_deref(), Some("42"));
    assert_eq!(rest.len(), 58);
}

#[tokio::test]
async fn an_offset_out_of_range_is_told_to_the_reader() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "short", 1, &[]).await;
    send(&broker, "short", &[("only", 1)]).await;
    let pairs = [("auto.offset.reset", "error")];
    let consumer = reader(&broker, "short", Offset::Offset(17), &pairs);
    match consumer.poll(client::SOON) {
        Some(Err(KafkaError::MessageConsumption(code))) => {
            assert_eq!(code, RDKafkaErrorCode::AutoOffsetReset);
        }
        other => panic!("expected an error, got {:?}", other.map(|it| it.map(|m| m.offset()))),
    }
}

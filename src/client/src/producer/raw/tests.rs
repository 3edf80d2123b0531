//! The producer of bytes against a broker that says what a test tells it to.

use std::panic::panic_any;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use kt_protocol::messages::api_versions_response::ApiVersion;
use kt_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kt_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kt_protocol::messages::{ApiVersionsResponse, MetadataResponse, ProduceResponse};
use kt_protocol::records::NewRecord;

use super::*;
use crate::config::{ClientConfig, Event, Observer};
use crate::fake_broker::{Answer, Asked, FakeBroker};
use crate::producer::Acks;

/// A broker whose only topic has as many partitions as it is told; none: no such topic.
async fn broker(partitions: &Arc<AtomicI32>) -> FakeBroker {
    let partitions = Arc::clone(partitions);
    FakeBroker::start(move |asked| match asked.api {
        ApiKey::ApiVersions => versions(asked),
        ApiKey::Metadata => metadata(asked, partitions.load(Ordering::SeqCst)),
        ApiKey::Produce => produced(asked),
        _ => Answer::Close,
    })
    .await
}

fn versions(asked: &Asked) -> Answer {
    let keys = [(ApiKey::Produce, 9), (ApiKey::Metadata, 12), (ApiKey::ApiVersions, 4)];
    let api_keys = keys.map(|(api, max_version)| ApiVersion {
        api_key: api.code(),
        min_version: 0,
        max_version,
    });
    asked.answer(&ApiVersionsResponse { api_keys: api_keys.to_vec(), ..Default::default() })
}

fn metadata(asked: &Asked, count: i32) -> Answer {
    let (host, port) = asked.address.rsplit_once(':').unwrap();
    let partitions = (0..count).map(|partition_index| MetadataResponsePartition {
        partition_index,
        leader_id: 1,
        ..Default::default()
    });
    let code = if count < 0 { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::None };
    asked.answer(&MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            host: host.to_owned(),
            port: port.parse().unwrap(),
            ..Default::default()
        }],
        topics: vec![MetadataResponseTopic {
            error_code: code.code(),
            name: Some("orders".to_owned()),
            partitions: partitions.collect(),
            ..Default::default()
        }],
        ..Default::default()
    })
}

/// Each test sends to one partition only.
fn produced(asked: &Asked) -> Answer {
    let partition_responses = (0..6)
        .map(|index| PartitionProduceResponse { index, base_offset: 7, ..Default::default() })
        .collect();
    let topic = TopicProduceResponse {
        name: "orders".to_owned(),
        partition_responses,
        ..Default::default()
    };
    asked.answer(&ProduceResponse { responses: vec![topic], ..Default::default() })
}

fn client(broker: &FakeBroker, observer: Option<Observer>) -> Client {
    let bootstrap = vec![broker.address.clone()];
    Client::new(ClientConfig { bootstrap, observer, ..ClientConfig::default() })
}

fn config(max_block_ms: u64) -> ProducerConfig {
    ProducerConfig {
        acks: Acks::Leader,
        when_full: WhenFull::Wait(Duration::from_millis(max_block_ms)),
        ..ProducerConfig::default()
    }
}

fn record(partition: i32) -> ProducerRecord<'static> {
    let record = NewRecord { value: Some(b"tea"), ..NewRecord::default() };
    ProducerRecord { topic: "orders", partition: Some(partition), record, tag: 1 }
}

async fn delivered(producer: &RawProducer) -> Vec<String> {
    producer.flush().await;
    let outcome = |it: Delivery| match it.outcome {
        Ok(delivered) => format!("at {:?}", delivered.base_offset.map(|it| it.0)),
        Err(error) => error.to_string(),
    };
    producer.deliveries().into_iter().map(outcome).collect()
}

#[tokio::test]
async fn a_partition_that_was_added_is_found_and_one_that_was_not_is_refused() {
    let partitions = Arc::new(AtomicI32::new(3));
    let broker = broker(&partitions).await;
    let producer = RawProducer::new(client(&broker, None), config(60_000)).unwrap();
    producer.send(record(0)).await.unwrap();
    assert_eq!(
        producer.send(record(4)).await.unwrap_err().to_string(),
        "topic \"orders\" has no partition 4: it has 3"
    );
    partitions.store(6, Ordering::SeqCst);
    producer.send(record(4)).await.unwrap();
    assert_eq!(delivered(&producer).await, ["at Some(7)", "at Some(7)"]);
}

/// A topic that was created a moment ago is not known everywhere.
#[tokio::test]
async fn a_topic_is_waited_for_as_long_as_a_send_may_take() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let broker = FakeBroker::start(move |asked| match asked.api {
        ApiKey::ApiVersions => versions(asked),
        ApiKey::Metadata => match count.fetch_add(1, Ordering::SeqCst) {
            0 => metadata(asked, -1),
            // Nor does one without partitions serve.
            1 => metadata(asked, 0),
            _ => metadata(asked, 1),
        },
        _ => produced(asked),
    })
    .await;
    let producer = RawProducer::new(client(&broker, None), config(60_000)).unwrap();
    producer.send(record(0)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_topic_that_stays_unknown_is_named() {
    let broker = broker(&Arc::new(AtomicI32::new(-1))).await;
    let producer = RawProducer::new(client(&broker, None), config(300)).unwrap();
    let unknown = r#"topic "orders" does not exist"#;
    assert_eq!(producer.send(record(0)).await.unwrap_err().to_string(), unknown);
    let config = ProducerConfig { when_full: WhenFull::Fail, ..config(0) };
    let hasty = RawProducer::new(client(&broker, None), config).unwrap();
    assert_eq!(hasty.send(record(0)).await.unwrap_err().to_string(), unknown);
}

#[tokio::test]
async fn max_block_ms_bounds_the_look_for_a_topic_where_nobody_answers() {
    let broker = FakeBroker::start(|_| Answer::Silence).await;
    let producer = RawProducer::new(client(&broker, None), config(100)).unwrap();
    assert_eq!(
        producer.send(record(0)).await.unwrap_err().to_string(),
        "looking for topic \"orders\" got no answer within 100 ms"
    );
}

#[tokio::test]
async fn no_time_is_too_long_to_close_or_to_wait() {
    let broker = broker(&Arc::new(AtomicI32::new(1))).await;
    let config = ProducerConfig { linger: Duration::MAX, ..config(u64::MAX) };
    let config = ProducerConfig { delivery_timeout: Duration::MAX, ..config };
    let producer = RawProducer::new(client(&broker, None), config).unwrap();
    producer.send(record(0)).await.unwrap();
    producer.close(Duration::MAX).await.unwrap();
    assert_eq!(producer.deliveries().len(), 1);
}

/// Connecting is somebody else's code too: certificates, tokens, observers.
#[tokio::test]
async fn a_lane_that_panics_answers_its_request_and_goes_on() {
    let broker = broker(&Arc::new(AtomicI32::new(1))).await;
    let connections = AtomicUsize::new(0);
    let observer: Observer = Arc::new(move |event| {
        // The first one is for metadata.
        if matches!(event, Event::Connected { .. })
            && connections.fetch_add(1, Ordering::SeqCst) == 1
        {
            panic_any("the token has no end");
        }
    });
    let producer = RawProducer::new(client(&broker, Some(observer)), config(60_000)).unwrap();
    producer.send(record(0)).await.unwrap();
    assert_eq!(delivered(&producer).await, ["Produce: the client panicked: the token has no end"]);
    producer.send(record(0)).await.unwrap();
    assert_eq!(delivered(&producer).await, ["at Some(7)"]);
}

#[tokio::test]
async fn those_who_hear_may_panic() {
    let broker = broker(&Arc::new(AtomicI32::new(1))).await;
    let observer: Observer = Arc::new(|event| {
        let is_produced = matches!(event, Event::Answered { api: ApiKey::Produce, .. });
        assert!(!is_produced, "the observer fails");
    });
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let sink = move |delivery: Delivery| {
        assert!(delivery.outcome.is_ok(), "what the observer does is no matter of the record's");
        assert_ne!(count.fetch_add(1, Ordering::SeqCst), 0, "the sink fails");
    };
    let producer = RawProducer::with_sink(client(&broker, Some(observer)), config(1_000), sink);
    let producer = producer.unwrap();
    for _ in 0..2 {
        producer.send(record(0)).await.unwrap();
        producer.flush().await;
    }
    assert_eq!(heard.load(Ordering::SeqCst), 2);
    assert_eq!(producer.metrics().delivered, 2);
}

#[tokio::test]
async fn a_record_without_room_sends_those_before_it() {
    let broker = broker(&Arc::new(AtomicI32::new(1))).await;
    let linger = Duration::from_secs(3_600);
    let delivery_timeout = Duration::from_secs(7_200);
    let config =
        ProducerConfig { buffer_bytes_max: 300, linger, delivery_timeout, ..config(1_000) };
    let producer = RawProducer::new(client(&broker, None), config).unwrap();
    producer.send(record(0)).await.unwrap();
    // The driver sleeps until the linger is over.
    tokio::task::yield_now().await;
    let refused = producer.try_send(&record(0));
    assert!(matches!(refused, Err(Rejected::Full { .. })), "{refused:?}");
    producer.next_delivery().await;
    assert_eq!(producer.deliveries().len(), 1);
}

#[tokio::test]
async fn nothing_is_kept_for_those_who_do_not_listen() {
    let broker = broker(&Arc::new(AtomicI32::new(1))).await;
    let producer = RawProducer::unheard(client(&broker, None), config(1_000)).unwrap();
    producer.send(record(0)).await.unwrap();
    producer.flush().await;
    assert_eq!(producer.metrics().delivered, 1);
    assert!(producer.deliveries().is_empty());
}

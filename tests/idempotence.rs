//! A lost answer: without idempotence exactly one duplicate, with it none; order is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kt_protocol::ErrorCode;
use kt_protocol::codec::{DecodeBudget, Message, Reader, Segment};
use kt_protocol::frame::{RequestHeader, encode_response};
use kt_protocol::messages::produce_request::TopicProduceData;
use kt_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kt_protocol::messages::{ProduceRequest, ProduceResponse};
use rdkafka::producer::FutureRecord;

use crate::support::proxy::{Judge, Proxy, Verdict};
use crate::support::{Broker, client};

const PRODUCE: i16 = 0;

/// A broker that tells clients the proxy's address, and the proxy before it.
fn behind_proxy(judge: Arc<Judge>) -> (Broker, Proxy) {
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let broker = Broker::start_with(&[("advertised.listeners", &advertised)]);
    let upstream = broker.address().parse().expect("an address");
    (broker, Proxy::start(listener, upstream, judge))
}

fn drop_answer(number: u64) -> Arc<Judge> {
    Arc::new(move |key, count| match key {
        PRODUCE if count == number => Verdict::DropAndCut,
        _ => Verdict::Pass,
    })
}

/// Sends `count` records one after the other, each in a request of its own.
async fn send_one_by_one(proxy: &Proxy, topic: &str, count: usize, idempotent: bool) -> Vec<i64> {
    let pairs = [
        ("enable.idempotence", if idempotent { "true" } else { "false" }),
        ("acks", "all"),
        ("linger.ms", "0"),
        ("retries", "10"),
        ("retry.backoff.ms", "10"),
    ];
    let producer = client::producer(&proxy.address(), &pairs);
    let mut offsets = Vec::new();
    for number in 0..count {
        let value = number.to_string();
        let record = FutureRecord::<(), String>::to(topic).payload(&value);
        let delivery = producer.send(record, client::SOON).await.expect("it is delivered");
        offsets.push(delivery.offset);
    }
    offsets
}

fn texts(broker: &Broker, topic: &str) -> Vec<String> {
    let (low, _) = client::watermarks(&broker.address(), topic, 0);
    let records = client::read_all(&broker.address(), topic, 0, low);
    records.iter().map(client::ReadRecord::text).collect()
}

#[tokio::test]
async fn without_idempotence_a_lost_answer_makes_one_duplicate() {
    let (broker, proxy) = behind_proxy(drop_answer(2));
    client::create_topic(&proxy.address(), "plain", 1, &[]).await;
    let offsets = send_one_by_one(&proxy, "plain", 5, false).await;
    assert_eq!(offsets, [0, 1, 3, 4, 5]);
    proxy.set_open(true);
    assert_eq!(texts_direct(&broker, &proxy, "plain"), ["0", "1", "2", "2", "3", "4"]);
}

#[tokio::test]
async fn with_idempotence_a_lost_answer_makes_none_and_returns_the_first_offset() {
    let (broker, proxy) = behind_proxy(drop_answer(2));
    client::create_topic(&proxy.address(), "exact", 1, &[]).await;
    let offsets = send_one_by_one(&proxy, "exact", 5, true).await;
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
    assert_eq!(texts_direct(&broker, &proxy, "exact"), ["0", "1", "2", "3", "4"]);
}

/// Sends 500 numbers, ten to a batch and five batches in flight, and sees that each has the offset
/// of its own.
async fn send_in_flight(broker: &Broker, proxy: &Proxy, topic: &str) {
    client::create_topic(&proxy.address(), topic, 1, &[]).await;
    let pairs = [
        ("enable.idempotence", "true"),
        ("max.in.flight.requests.per.connection", "5"),
        ("linger.ms", "0"),
        ("batch.num.messages", "10"),
        ("retry.backoff.ms", "10"),
    ];
    let producer = client::producer(&proxy.address(), &pairs);
    let values: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let deliveries: Vec<_> = values
        .iter()
        .map(|value| {
            let record = FutureRecord::<(), String>::to(topic).payload(value);
            producer.send_result(record).expect("the queue has room")
        })
        .collect();
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let delivery = delivery.await.expect("the producer lives").expect("it is delivered");
        assert_eq!(delivery.offset, i64::try_from(number).expect("small"));
    }
    assert_eq!(texts_direct(broker, proxy, topic), values);
}

#[tokio::test]
async fn five_batches_in_flight_keep_their_order_when_the_second_answer_is_lost() {
    let (broker, proxy) = behind_proxy(drop_answer(1));
    send_in_flight(&broker, &proxy, "ordered").await;
}

/// The broker never sees the second batch, and the third to fifth come without it.
#[tokio::test]
async fn five_batches_in_flight_keep_their_order_when_the_second_fails() {
    let failed = Arc::new(AtomicBool::new(false));
    let has_failed = Arc::clone(&failed);
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let broker = Broker::start_with(&[("advertised.listeners", &advertised)]);
    let upstream = broker.address().parse().expect("an address");
    let proxy = Proxy::stand_in(
        listener,
        upstream,
        Arc::new(move |key, number, frame| {
            let is_second = key == PRODUCE && number == 1;
            has_failed.fetch_or(is_second, Ordering::SeqCst);
            is_second.then(|| refused(frame, ErrorCode::NotEnoughReplicas))
        }),
    );
    send_in_flight(&broker, &proxy, "ordered").await;
    assert!(failed.load(Ordering::SeqCst), "a run without a failure proves nothing");
}

/// The answer to a Produce request that fails in all its partitions.
fn refused(frame: &[u8], code: ErrorCode) -> Vec<u8> {
    let mut reader = Reader::over_slice(frame, DecodeBudget::for_frame(frame.len()));
    let header = RequestHeader::decode(&mut reader).expect("librdkafka's header is right");
    let request = ProduceRequest::decode(&mut reader, header.api_version).expect("so is the body");
    let partition = |index: i32| PartitionProduceResponse {
        index,
        error_code: code.code(),
        base_offset: -1,
        ..PartitionProduceResponse::default()
    };
    let topic = |topic: &TopicProduceData| TopicProduceResponse {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partition_responses: topic.partition_data.iter().map(|it| partition(it.index)).collect(),
    };
    let response = ProduceResponse {
        responses: request.topic_data.iter().map(topic).collect(),
        ..ProduceResponse::default()
    };
    let (key, version) = (header.api_key, header.api_version);
    let frame = encode_response(header.correlation_id, key, version, &response);
    let segments = frame.expect("the version carries it").into_iter();
    let bytes = |segment| match segment {
        Segment::Bytes(bytes) => bytes,
        Segment::External { .. } => unreachable!("no records are answered"),
    };
    segments.flat_map(bytes).collect()
}

/// The proxy passes everything by now: reading goes through it, as the advertised address says.
fn texts_direct(broker: &Broker, proxy: &Proxy, topic: &str) -> Vec<String> {
    proxy.redirect(broker.address().parse().expect("an address"));
    texts(broker, topic)
}

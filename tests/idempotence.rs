//! A lost answer: without idempotence exactly one duplicate, with it none; order is kept.

use std::sync::Arc;

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

#[tokio::test]
async fn five_batches_in_flight_keep_their_order_when_the_second_answer_is_lost() {
    let (broker, proxy) = behind_proxy(drop_answer(1));
    client::create_topic(&proxy.address(), "ordered", 1, &[]).await;
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
            let record = FutureRecord::<(), String>::to("ordered").payload(value);
            producer.send_result(record).expect("the queue has room")
        })
        .collect();
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let delivery = delivery.await.expect("the producer lives").expect("it is delivered");
        assert_eq!(delivery.offset, i64::try_from(number).expect("small"));
    }
    assert_eq!(texts_direct(&broker, &proxy, "ordered"), values);
}

/// The proxy passes everything by now: reading goes through it, as the advertised address says.
fn texts_direct(broker: &Broker, proxy: &Proxy, topic: &str) -> Vec<String> {
    proxy.redirect(broker.address().parse().expect("an address"));
    texts(broker, topic)
}

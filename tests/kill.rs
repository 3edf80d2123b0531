//! `kill -9` in a loop under load: nothing acknowledged is lost, duplicated or reordered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::support::proxy::{Proxy, Verdict};
use crate::support::{Broker, client};

/// Rounds of a usual run; `KT_KILL_ROUNDS` asks for more.
const ROUNDS: u32 = 20;

fn rounds() -> u32 {
    std::env::var("KT_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

/// Sends numbers, a window of them at a time, until told to stop; returns what was acknowledged.
async fn send_until(
    producer: FutureProducer,
    is_over: Arc<AtomicBool>,
    progress: watch::Sender<u64>,
    start: u64,
) -> (u64, Vec<(u64, i64)>) {
    const WINDOW: u64 = 500;
    let mut acknowledged = Vec::new();
    let mut next = start;
    while !is_over.load(Ordering::SeqCst) {
        let numbers: Vec<u64> = (next..next + WINDOW).collect();
        next += WINDOW;
        let values: Vec<String> = numbers.iter().map(|it| format!("{it:020}")).collect();
        let deliveries: Vec<_> = values
            .iter()
            .map(|value| {
                let record = FutureRecord::<(), String>::to("load").payload(value);
                producer.send_result(record).expect("the queue has room")
            })
            .collect();
        for (number, delivery) in numbers.into_iter().zip(deliveries) {
            let delivery = delivery.await.expect("the producer lives");
            let delivery = delivery.expect("an idempotent producer delivers across restarts");
            acknowledged.push((number, delivery.offset));
            progress.send_modify(|count| *count += 1);
        }
    }
    (next, acknowledged)
}

async fn kill_in_a_loop(flushes_on_ack: bool) {
    // Clients keep one address, as behind a name: a broker that comes back has another port.
    let (listener, address) = Proxy::bind();
    let advertised = format!("PLAINTEXT://{address}");
    let flushes_on_ack = flushes_on_ack.to_string();
    let mut broker = Broker::start_with(&[
        ("advertised.listeners", &advertised),
        ("log.flush.on.ack", &flushes_on_ack),
    ]);
    let upstream = broker.address().parse().expect("an address");
    let proxy = Proxy::start(listener, upstream, Arc::new(|_, _| Verdict::Pass));
    client::create_topic(&proxy.address(), "load", 1, &[]).await;
    let pairs = [
        ("enable.idempotence", "true"),
        ("message.timeout.ms", "120000"),
        ("retry.backoff.ms", "20"),
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "100"),
        ("linger.ms", "1"),
        ("batch.num.messages", "50"),
        ("log_level", "0"),
    ];
    let producer = client::producer(&proxy.address(), &pairs);
    let mut sent = 0;
    let mut acknowledged = Vec::new();
    let mut recoveries = Vec::new();
    for round in 0..rounds() {
        let is_over = Arc::new(AtomicBool::new(false));
        let (progress, mut seen) = watch::channel(0);
        let load = send_until(producer.clone(), Arc::clone(&is_over), progress, sent);
        let load = tokio::spawn(load);
        // The moment of the kill varies from round to round, in the middle of a window.
        let enough = 300 + u64::from(round * 377 % 2_000);
        seen.wait_for(|count| enough <= *count).await.expect("the load goes on");
        broker.kill();
        let killed = Instant::now();
        broker.restart();
        proxy.redirect(broker.address().parse().expect("an address"));
        recoveries.push(killed.elapsed());
        is_over.store(true, Ordering::SeqCst);
        let (next, round_acknowledged) = load.await.expect("the load ends");
        sent = next;
        acknowledged.extend(round_acknowledged);
        eprintln!(
            "round {round}: {} acknowledged, serving {:?} after the kill (ready after {:?})",
            acknowledged.len(),
            recoveries[recoveries.len() - 1],
            broker.ready_after
        );
    }
    assert!(!acknowledged.is_empty(), "a run without load proves nothing");
    check(&proxy.address(), &acknowledged, sent);
    assert!(broker.stop().success());
}

/// Every acknowledged number stands at its offset; all numbers are there once, in order.
fn check(address: &str, acknowledged: &[(u64, i64)], sent: u64) {
    let stored = client::read_all(address, "load", 0, 0);
    let at_offset: std::collections::BTreeMap<i64, u64> = stored
        .iter()
        .map(|record| (record.offset, record.text().parse().expect("a number")))
        .collect();
    for (number, offset) in acknowledged {
        assert_eq!(at_offset.get(offset), Some(number), "acknowledged at offset {offset}");
    }
    let numbers: Vec<u64> = at_offset.values().copied().collect();
    let expected: Vec<u64> = (0..sent).collect();
    assert_eq!(numbers, expected, "lost, duplicated or reordered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_before_acknowledged() {
    kill_in_a_loop(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_from_the_page_cache() {
    kill_in_a_loop(false).await;
}

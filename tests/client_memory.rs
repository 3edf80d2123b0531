//! Memory of the client library: a producer keeps to `buffer.memory` while its broker stands still, and
//! a consumer to its fetch bounds while nobody polls, whatever passes through them.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use kt_client::consumer::{Consumer, ConsumerConfig, Start};
use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer, Rejected};
use kt_client::{Client, ClientConfig, Keys};
use kt_protocol::records::NewRecord;
use kt_protocol::types::{Timestamp, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::support::client::SOON;
use crate::support::process::{self, Process, Word, say};
use crate::support::{Broker, client, command};

const TOPIC: &str = "bulk";
const PARTITIONS: i32 = 3;
const RECORDS: u64 = 300_000;
const RECORD_BYTES: usize = 1_000;

/// `buffer.memory`
const BUFFER_BYTES: u64 = 16 << 20;

/// `fetch.max.bytes`
const FETCH_BYTES: u64 = 16 << 20;

/// What an answer may bring: `max.partition.fetch.bytes` of each partition. The caller holds one while
/// others are fetched.
const ANSWER_BYTES: u64 = 3 * (4 << 20);

/// What comes on top of either, whatever it is: connections, stacks, requests that are being written.
const FIXED_BYTES: u64 = 8 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    role: Role,
    address: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Role {
    Produce,
    Consume,
}

#[derive(Debug, Serialize, Deserialize)]
enum Said {
    /// All that it needs is there, but no records: so much memory is resident.
    Ready { resident: u64 },
    /// There is no room for more.
    Full { bytes: u64 },
    /// All is done: so much memory was resident at most.
    Done { peak: u64 },
}

/// A process of a producer or a consumer.
#[test]
#[ignore = "a process of the test beside it"]
fn work() {
    let Some(task) = process::task::<Task>() else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let word = process::word();
    runtime.expect("a runtime can be built").block_on(async {
        let bootstrap = vec![task.address.clone()];
        let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
        match task.role {
            Role::Produce => produce(client, word).await,
            Role::Consume => consume(client, word).await,
        }
    });
    say(&Said::Done { peak: status_bytes("VmHWM:") });
}

fn status_bytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|it| it.strip_prefix(field)).expect("the field is there");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

async fn produce(client: Client, word: Word) {
    let mut config = ProducerConfig::default();
    config.set("buffer.memory", &BUFFER_BYTES.to_string()).expect("it is a key");
    let producer = RawProducer::new(client, config).expect("the settings are right");
    producer.partitions(TOPIC).await.expect("the topic is there");
    say(&Said::Ready { resident: status_bytes("VmRSS:") });
    let _ = word.await;
    let value = vec![b'x'; RECORD_BYTES];
    let new = NewRecord { timestamp: Timestamp(0), value: Some(&value), ..NewRecord::default() };
    let record = |tag| ProducerRecord { topic: TOPIC, partition: None, record: new, tag };
    let mut sent = 0;
    loop {
        match producer.try_send(&record(sent)) {
            Ok(()) => sent += 1,
            Err(Rejected::Full { .. }) => break,
            Err(rejected) => panic!("{rejected:?}"),
        }
    }
    say(&Said::Full { bytes: producer.metrics().buffer_bytes });
    let mut delivered = 0;
    for tag in sent..RECORDS {
        producer.send(record(tag)).await.expect("there is room in time");
        delivered += take_delivered(&producer);
    }
    producer.flush().await;
    delivered += take_delivered(&producer);
    assert_eq!(delivered, RECORDS);
}

fn take_delivered(producer: &RawProducer) -> u64 {
    let deliveries = producer.deliveries().into_iter();
    let count = deliveries.map(|it| it.outcome.map(|_| it.tags.len() as u64));
    count.sum::<Result<u64, _>>().expect("all is delivered")
}

async fn consume(client: Client, _: Word) {
    let mut config = ConsumerConfig::default();
    config.set("fetch.max.bytes", &FETCH_BYTES.to_string()).expect("it is a key");
    let consumer = Consumer::new(client, config);
    consumer.partitions_for(TOPIC).await.expect("the topic is there");
    say(&Said::Ready { resident: status_bytes("VmRSS:") });
    let partitions = (0..PARTITIONS).map(|it| TopicPartition::new(TOPIC, it));
    consumer.assign(partitions.map(|it| (it, Start::Earliest)));
    // Nobody polls, and it fetches as far ahead as it may.
    while consumer.metrics().queued_bytes < FETCH_BYTES / 2 {
        tokio::task::yield_now().await;
    }
    say(&Said::Full { bytes: consumer.metrics().queued_bytes });
    let mut read = 0;
    while read < RECORDS {
        let polled = consumer.poll(SOON).await.expect("no error");
        assert!(!polled.is_empty(), "{read} of {RECORDS} came");
        for records in &polled.records {
            let each = records.for_each::<Infallible>(|_| {
                read += 1;
                ControlFlow::Continue(())
            });
            let ControlFlow::Continue(()) = each.expect("they can be read");
        }
    }
    consumer.close(Duration::from_secs(1)).await;
}

fn start(role: Role, broker: &Broker) -> (Process, Receiver<(u32, Said)>) {
    let (sender, said) = mpsc::channel();
    let task = Task { role, address: broker.address() };
    (Process::start("client_memory::work", &task, 0, sender), said)
}

fn hear(said: &Receiver<(u32, Said)>) -> Said {
    said.recv_timeout(2 * SOON).expect("it goes on").1
}

/// What was resident before, how full it was, and what was resident at most.
fn run_through(role: Role, broker: &Broker) -> (u64, u64, u64) {
    let (mut process, said) = start(role, broker);
    let Said::Ready { resident } = hear(&said) else { panic!("it is ready first") };
    let stands_still = matches!(role, Role::Produce);
    if stands_still {
        command::signal_to(broker.pid(), "STOP");
    }
    process.give_word();
    let Said::Full { bytes } = hear(&said) else { panic!("it is full then") };
    if stands_still {
        command::signal_to(broker.pid(), "CONT");
    }
    let Said::Done { peak } = hear(&said) else { panic!("it is done at last") };
    eprintln!("{role:?}: {resident} bytes at first, {bytes} in the buffer, {peak} at most");
    (resident, bytes, peak)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stays_within_its_bounds_whatever_passes_through() {
    let broker = Broker::start_with(&[("log.flush.on.ack", "false")]);
    client::create_topic(&broker.address(), TOPIC, PARTITIONS, &[]).await;
    let (resident, buffered, peak) = run_through(Role::Produce, &broker);
    assert!(BUFFER_BYTES / 2 < buffered && buffered <= BUFFER_BYTES, "{buffered}");
    assert!(peak <= resident + BUFFER_BYTES + FIXED_BYTES, "{resident} to {peak}");
    let (resident, queued, peak) = run_through(Role::Consume, &broker);
    assert!(queued <= FETCH_BYTES, "{queued}");
    assert!(peak <= resident + FETCH_BYTES + ANSWER_BYTES + FIXED_BYTES, "{resident} to {peak}");
}

//! The client library beside librdkafka, in this process, against one broker: rates, CPU time of the
//! client for each record, and how long single records take.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer};
use kt_client::{Client, ClientConfig, Keys};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::broker::{Broker, Durability, Product};
use crate::figures::{Figures, Measured};
use crate::load;

const SOON: Duration = Duration::from_secs(60);

/// What both are told: keys that both have.
const SETTINGS: [(&str, &str); 4] = [
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
];

/// Bytes of values, and how many records.
const FLOODS: [(usize, u64); 2] = [(100, 3_000_000), (1_024, 1_000_000)];

/// Records in a second, one at a time, and how many.
const TRICKLE: (u64, u64) = (500, 2_000);

/// Prints the rows of all cases whose name contains `only`.
pub(crate) fn print(kt: &Path, runs: usize, only: &str) -> Result<(), String> {
    let durability = Durability::PageCache;
    let mut topic = 0;
    for (size, count) in FLOODS {
        let name = format!("client produce {size} B");
        if !name.contains(only) {
            continue;
        }
        let [mut ours, mut theirs] = [Figures::default(), Figures::default()];
        for _ in 0..runs {
            for (figures, flood) in [(&mut ours, FloodFn::Ours), (&mut theirs, FloodFn::Theirs)] {
                let broker = Broker::start(&Product::Kt(kt.to_owned()), durability, &[])?;
                topic += 1;
                let topic = format!("flood-{topic}");
                load::create_topic(&broker.address, &topic, 6)?;
                figures.add(flood.run(&broker.address, &topic, size, count)?);
            }
        }
        print_pair(&name, &ours, &theirs, durability);
    }
    let name = format!("client produce latency, {} a second", TRICKLE.0);
    if name.contains(only) {
        trickle(kt, &name, runs, durability)?;
    }
    Ok(())
}

fn print_pair(name: &str, ours: &Figures, theirs: &Figures, durability: Durability) {
    println!("{}", ours.row(name, "kt", durability.name()));
    println!("{}", theirs.row(name, "librdkafka", durability.name()));
    println!("{}", ours.ratio_row(theirs));
}

#[derive(Clone, Copy)]
enum FloodFn {
    Ours,
    Theirs,
}

impl FloodFn {
    fn run(self, address: &str, topic: &str, size: usize, count: u64) -> Result<Measured, String> {
        let value = vec![b'x'; size];
        let (started, cpu) = (Instant::now(), own_cpu());
        match self {
            FloodFn::Ours => flood_ours(address, topic, &value, count)?,
            FloodFn::Theirs => flood_theirs(address, topic, &value, count)?,
        }
        let (elapsed, cpu) = (started.elapsed(), own_cpu().saturating_sub(cpu));
        Ok(Measured {
            value: count as f64 / elapsed.as_secs_f64() / 1e3,
            unit: "k/s",
            cpu_us: Some(cpu.as_secs_f64() * 1e6 / count as f64),
        })
    }
}

/// CPU time of this process, all threads.
fn own_cpu() -> Duration {
    crate::broker::cpu_of("self")
}

fn our_producer(address: &str, settings: &[(&str, &str)]) -> Result<RawProducer, String> {
    let mut config = ProducerConfig::default();
    for (key, value) in settings {
        config.set(key, value).map_err(|it| it.to_string())?;
    }
    let bootstrap = vec![address.to_owned()];
    let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    RawProducer::new(client, config).map_err(|it| it.to_string())
}

fn record<'a>(topic: &'a str, value: &'a [u8]) -> ProducerRecord<'a> {
    let record = NewRecord { timestamp: Timestamp(0), value: Some(value), ..NewRecord::default() };
    ProducerRecord { topic, partition: None, record, tag: 0 }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|it| it.to_string())
}

fn flood_ours(address: &str, topic: &str, value: &[u8], count: u64) -> Result<(), String> {
    runtime()?.block_on(async {
        let producer = our_producer(address, &SETTINGS)?;
        let mut delivered = 0;
        for number in 0..count {
            producer.send(record(topic, value)).await.map_err(|it| it.to_string())?;
            if number.is_multiple_of(65_536) {
                delivered += deliveries(&producer)?;
            }
        }
        producer.flush().await;
        delivered += deliveries(&producer)?;
        if delivered == count { Ok(()) } else { Err(format!("{delivered} of {count} delivered")) }
    })
}

fn deliveries(producer: &RawProducer) -> Result<u64, String> {
    let mut count = 0;
    for it in producer.deliveries() {
        it.outcome.map_err(|it| it.to_string())?;
        count += it.tags.len() as u64;
    }
    Ok(count)
}

struct Tell(mpsc::Sender<bool>);

impl ClientContext for Tell {}

impl ProducerContext for Tell {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let _ = self.0.send(result.is_ok());
    }
}

fn their_producer(
    address: &str,
    settings: &[(&str, &str)],
    tell: mpsc::Sender<bool>,
) -> Result<ThreadedProducer<Tell>, String> {
    let mut config = rdkafka::ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        // As much as the other one may hold, and no bound by number.
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "32768")
        .set("batch.num.messages", "1000000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create_with_context(Tell(tell)).map_err(|it| it.to_string())
}

fn flood_theirs(address: &str, topic: &str, value: &[u8], count: u64) -> Result<(), String> {
    let (tell, told) = mpsc::channel();
    let producer = their_producer(address, &SETTINGS, tell)?;
    let mut delivered = 0;
    for number in 0..count {
        enqueue(&producer, topic, value)?;
        if number.is_multiple_of(65_536) {
            delivered += told.try_iter().filter(|it| *it).count() as u64;
        }
    }
    producer.flush(SOON).map_err(|it| it.to_string())?;
    delivered += told.try_iter().filter(|it| *it).count() as u64;
    if delivered == count { Ok(()) } else { Err(format!("{delivered} of {count} delivered")) }
}

fn enqueue(producer: &ThreadedProducer<Tell>, topic: &str, value: &[u8]) -> Result<(), String> {
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

fn trickle(kt: &Path, name: &str, runs: usize, durability: Durability) -> Result<(), String> {
    for percent in [50, 99] {
        let [mut ours, mut theirs] = [Figures::default(), Figures::default()];
        for run in 0..runs {
            let broker = Broker::start(&Product::Kt(kt.to_owned()), durability, &[])?;
            let topic = format!("trickle-{run}");
            load::create_topic(&broker.address, &topic, 1)?;
            ours.add(at(percent, trickle_ours(&broker.address, &topic)?));
            theirs.add(at(percent, trickle_theirs(&broker.address, &topic)?));
        }
        print_pair(&format!("{name}, p{percent}"), &ours, &theirs, durability);
    }
    Ok(())
}

fn at(percent: usize, mut times: Vec<Duration>) -> Measured {
    times.sort_unstable();
    let time = times[times.len().saturating_sub(1) * percent / 100];
    Measured { value: time.as_secs_f64() * 1e3, unit: "ms", cpu_us: None }
}

/// Nothing waits for more: a record is sent when it comes.
const PROMPT: [(&str, &str); 3] =
    [("acks", "all"), ("enable.idempotence", "true"), ("linger.ms", "0")];

fn trickle_ours(address: &str, topic: &str) -> Result<Vec<Duration>, String> {
    runtime()?.block_on(async {
        let producer = our_producer(address, &PROMPT)?;
        let mut times = Vec::new();
        for _ in 0..TRICKLE.1 {
            std::thread::sleep(Duration::from_secs(1) / TRICKLE.0 as u32);
            let sent = Instant::now();
            producer.send(record(topic, &[b'x'; 100])).await.map_err(|it| it.to_string())?;
            producer.next_delivery().await;
            times.push(sent.elapsed());
            deliveries(&producer)?;
        }
        Ok(times)
    })
}

fn trickle_theirs(address: &str, topic: &str) -> Result<Vec<Duration>, String> {
    let (tell, told) = mpsc::channel();
    let producer = their_producer(address, &PROMPT, tell)?;
    let mut times = Vec::new();
    for _ in 0..TRICKLE.1 {
        std::thread::sleep(Duration::from_secs(1) / TRICKLE.0 as u32);
        let sent = Instant::now();
        enqueue(&producer, topic, &[b'x'; 100])?;
        told.recv_timeout(SOON).map_err(|it| it.to_string())?;
        times.push(sent.elapsed());
    }
    Ok(times)
}

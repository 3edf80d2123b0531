//! Sends records as fast as the cluster takes them, or at a rate, and says what that cost.
//!
//! ```text
//! produce_load BOOTSTRAP TOPIC COUNT SIZE [key=value ...]
//! ```
//!
//! `rate=500` sends so many a second, one at a time, and prints how long each took; any other key is
//! one of Kafka's producer keys. The topic has to be there.

use std::error::Error;
use std::time::{Duration, Instant};

use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer};
use kt_client::{Client, ClientConfig, Keys};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;

struct Load {
    topic: String,
    count: u64,
    size: usize,
    rate: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, count, size, settings @ ..] = arguments.as_slice() else {
        return Err("produce_load BOOTSTRAP TOPIC COUNT SIZE [key=value ...]".into());
    };
    let mut load =
        Load { topic: topic.clone(), count: count.parse()?, size: size.parse()?, rate: None };
    let mut config = ProducerConfig::default();
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("a setting is key=value")?;
        match key {
            "rate" => load.rate = Some(value.parse()?),
            key if ProducerConfig::KEYS.contains(&key) => config.set(key, value)?,
            key => return Err(format!("\"{key}\" is no key of a producer").into()),
        }
    }
    let client =
        Client::new(ClientConfig { bootstrap: vec![bootstrap.clone()], ..ClientConfig::default() });
    let producer = RawProducer::new(client, config)?;
    producer.partitions(&load.topic).await?;
    match load.rate {
        None => flood(&producer, &load).await,
        Some(rate) => trickle(&producer, &load, rate).await,
    }
}

async fn flood(producer: &RawProducer, load: &Load) -> Result<(), Box<dyn Error>> {
    let value = vec![b'x'; load.size];
    let (started, cpu) = (Instant::now(), cpu_time()?);
    let mut delivered = 0;
    for tag in 0..load.count {
        producer.send(record(load, &value, tag)).await?;
        if tag.is_multiple_of(65_536) {
            delivered += count(producer)?;
        }
    }
    producer.flush().await;
    delivered += count(producer)?;
    let (took, cpu) = (started.elapsed(), cpu_time()? - cpu);
    let metrics = producer.metrics();
    println!(
        "{delivered} records in {:.3} s: {:.0} records/s, {:.1} MB/s, {:.3} s of CPU per million, \
         {:.1} records a batch, {} requests, {} KiB resident at most",
        took.as_secs_f64(),
        load.count as f64 / took.as_secs_f64(),
        (load.count * load.size as u64) as f64 / took.as_secs_f64() / 1e6,
        cpu.as_secs_f64() * 1e6 / load.count as f64,
        metrics.batch_records as f64 / metrics.batches.max(1) as f64,
        metrics.requests,
        resident_kib()?,
    );
    Ok(())
}

/// One record after the other, at a rate, each waited for.
async fn trickle(producer: &RawProducer, load: &Load, rate: u64) -> Result<(), Box<dyn Error>> {
    let value = vec![b'x'; load.size];
    let mut times = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate)?);
    for tag in 0..load.count {
        tick.tick().await;
        let sent = Instant::now();
        producer.send(record(load, &value, tag)).await?;
        producer.next_delivery().await;
        count(producer)?;
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[times.len().saturating_sub(1) * percent / 100];
    println!("latency: p50 {:?}, p95 {:?}, p99 {:?}, max {:?}", at(50), at(95), at(99), at(100));
    Ok(())
}

fn record<'a>(load: &'a Load, value: &'a [u8], tag: u64) -> ProducerRecord<'a> {
    let record = NewRecord { timestamp: Timestamp(0), value: Some(value), ..NewRecord::default() };
    ProducerRecord { topic: &load.topic, partition: None, record, tag }
}

fn count(producer: &RawProducer) -> Result<u64, kt_client::Error> {
    let mut count = 0;
    for delivery in producer.deliveries() {
        delivery.outcome?;
        count += delivery.tags.len() as u64;
    }
    Ok(count)
}

/// User and system time of this process, from `/proc`: ticks of 10 ms.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no stat")?.1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// The most memory that this process ever had.
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

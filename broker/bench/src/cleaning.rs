//! The load on the cleaner: a log with many keys that is to be compacted all at once.

use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::load;

/// What is cleaned.
const TOPIC: &str = "state";

/// What the brokers are told: to look for work often, so that the rest between two looks does not
/// count.
pub(crate) const SETTINGS: &[&str] = &["log.cleaner.backoff.ms=100"];

const SOON: Duration = Duration::from_secs(600);

/// Segments that are closed long before the end.
const SEGMENT_BYTES: &str = "104857600";

/// What is to be cleaned.
pub(crate) struct Dirty {
    /// The base offset of the active segment.
    end: u64,
    /// The bytes of the others.
    pub(crate) bytes: u64,
}

/// Writes so many records over so many keys, to a topic that is not compacted yet.
pub(crate) fn fill(address: &str, data: &Path, records: u64, keys: u64) -> Result<Dirty, String> {
    load::create_topic(address, TOPIC, 1)?;
    set(address, &[("segment.bytes", SEGMENT_BYTES)])?;
    produce(address, records, keys)?;
    closed_segments(&data.join(format!("{TOPIC}-0")))
}

/// Has the topic compacted, and waits until it is.
pub(crate) fn compact(address: &str, data: &Path, dirty: &Dirty) -> Result<Duration, String> {
    let started = Instant::now();
    let policy = [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.001")];
    set(address, &[&[("segment.bytes", SEGMENT_BYTES)][..], &policy].concat())?;
    while cleaned_up_to(data) < dirty.end {
        if SOON < started.elapsed() {
            return Err(format!("not clean after {SOON:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(started.elapsed())
}

fn produce(address: &str, records: u64, keys: u64) -> Result<(), String> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("acks", "1")
        .set("linger.ms", "5")
        .set("batch.size", "1000000")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .map_err(|it| it.to_string())?;
    let value = [b'x'; 80];
    for at in 0..records {
        let key = (at % keys).to_be_bytes();
        let mut record = BaseRecord::to(TOPIC).key(&key).payload(&value);
        while let Err((error, refused)) = producer.send(record) {
            match error {
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                    producer.poll(Duration::from_millis(1));
                }
                error => return Err(error.to_string()),
            }
            record = refused;
        }
    }
    producer.flush(SOON).map_err(|it| it.to_string())
}

fn set(address: &str, configs: &[(&str, &str)]) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", address)
        .create()
        .map_err(|it| it.to_string())?;
    let mut change = AlterConfig::new(ResourceSpecifier::Topic(TOPIC));
    for (name, value) in configs {
        change = change.set(name, value);
    }
    let changes = [change];
    let altered = load::block_on(admin.alter_configs(&changes, &AdminOptions::new()));
    match altered.map_err(|it| it.to_string())?.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        other => Err(format!("the configs were not taken: {other:?}")),
    }
}

fn closed_segments(directory: &Path) -> Result<Dirty, String> {
    let mut segments: Vec<(u64, u64)> = std::fs::read_dir(directory)
        .map_err(|it| format!("{}: {it}", directory.display()))?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_log = path.extension().is_some_and(|it| it == "log");
            let base = path.file_stem()?.to_str()?.parse().ok().filter(|_| is_log)?;
            Some((base, path.metadata().ok()?.len()))
        })
        .collect();
    segments.sort_unstable();
    let (end, _) = segments.pop().ok_or("the topic has no segment")?;
    Ok(Dirty { end, bytes: segments.iter().map(|it| it.1).sum() })
}

/// What the broker's own checkpoint says; 0 before it says anything.
fn cleaned_up_to(data: &Path) -> u64 {
    let text = std::fs::read_to_string(data.join("cleaner-offset-checkpoint")).unwrap_or_default();
    let entry = text.lines().find_map(|line| line.strip_prefix(&format!("{TOPIC} 0 ")));
    entry.and_then(|it| it.parse().ok()).unwrap_or(0)
}

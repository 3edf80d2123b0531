//! Reads a topic from its beginning as fast as it can, and says what that took.
//!
//! `consume_load BOOTSTRAP TOPIC COUNT [KEY=VALUE…]`: reads COUNT records of all partitions. The
//! keys are those of [`ConsumerConfig`], with Kafka's names; `sleep.ms` is how long to sleep after
//! each poll, to see that memory does not grow with what waits.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kt_client::consumer::{Consumer, ConsumerConfig, Start};
use kt_client::{Client, ClientConfig, Keys};
use kt_protocol::types::TopicPartition;

/// Nothing for so long is an error.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(bootstrap), Some(topic), Some(count)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: consume_load BOOTSTRAP TOPIC COUNT [KEY=VALUE…]".into());
    };
    let count: u64 = count.parse()?;
    let mut config = ConsumerConfig::default();
    let mut sleep = Duration::ZERO;
    for setting in arguments {
        let (key, value) = setting.split_once('=').ok_or("KEY=VALUE is needed")?;
        if key == "sleep.ms" {
            sleep = Duration::from_millis(value.parse()?);
            continue;
        }
        if !ConsumerConfig::KEYS.contains(&key) {
            return Err(format!("{key} is not a key of the consumer").into());
        }
        config.set(key, value)?;
    }
    run(&bootstrap, &topic, count, config, sleep).await
}

/// Reads, and prints records, bytes of keys and values, milliseconds, and the peak of memory.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    count: u64,
    config: ConsumerConfig,
    sleep: Duration,
) -> Result<(), Box<dyn Error>> {
    let bootstrap = vec![bootstrap.to_owned()];
    let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    let consumer = Consumer::new(client, config);
    let partitions = consumer.partitions_for(topic).await?;
    let starts = partitions.iter().map(|it| TopicPartition::new(topic, it.index));
    consumer.assign(starts.map(|it| (it, Start::Earliest)));
    let started = Instant::now();
    let (mut records, mut bytes) = (0_u64, 0_u64);
    while records < count {
        let polled = consumer.poll(PATIENCE).await?;
        if polled.is_empty() {
            return Err(format!("nothing came after {records} records").into());
        }
        for piece in &polled.records {
            let _ = piece.for_each::<()>(|record| {
                records += 1;
                let length =
                    record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
                bytes += length as u64;
                ControlFlow::Continue(())
            })?;
        }
        drop(polled);
        if !sleep.is_zero() {
            tokio::time::sleep(sleep).await;
        }
    }
    let millis = started.elapsed().as_millis().max(1);
    println!("records={records} bytes={bytes} ms={millis}");
    println!("{:?}", consumer.metrics());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|it| it.starts_with("VmHWM")).unwrap_or("VmHWM: unknown"));
    consumer.close(Duration::from_secs(1)).await;
    Ok(())
}

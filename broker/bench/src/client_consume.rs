//! The clients measured: kt's consumer and librdkafka's read the same log of one broker.
//!
//! Records per second, and the CPU that the reading process used for a million records. Both read
//! from the page cache, one poll after the other, and look at each value.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use kt_client::consumer::{Consumer, ConsumerConfig, Start};
use kt_client::{Client, ClientConfig};
use kt_protocol::types::TopicPartition;
use rustix::time::{ClockId, clock_gettime};

use crate::broker::{Broker, Durability, Product};
use crate::figures::{Figures, Measured};
use crate::load::{self, Produce};
use crate::memory;

/// What is read: a topic of its own for each.
const LOADS: [Produce; 3] = [
    Produce { topic: "of-100", size: 100, partitions: 1, count: 5_000_000, batched: true },
    Produce { topic: "of-1024", size: 1024, partitions: 1, count: 1_000_000, batched: true },
    Produce { topic: "spread", size: 100, partitions: 6, count: 5_000_000, batched: true },
];

/// Nothing for so long is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints two rows and their ratio for each load. The name holds "client consume".
pub(crate) fn print(kt: &Path, runs: usize, only: &str) -> Result<(), String> {
    let loads = LOADS.iter().filter(|it| name(it).contains(only));
    let loads: Vec<&Produce> = loads.collect();
    if loads.is_empty() {
        return Ok(());
    }
    let product = Product::Kt(kt.to_owned());
    let broker = Broker::start(&product, Durability::PageCache, &[])?;
    for load in loads {
        load::produce(&broker.address, load)?;
        let mut ours = Figures::default();
        let mut theirs = Figures::default();
        for _ in 0..runs {
            memory::touch_and_free();
            ours.add(measured(load, || consume(&broker.address, load))?);
            memory::touch_and_free();
            theirs.add(measured(load, || load::consume_all(&broker.address, load))?);
        }
        let name = name(load);
        println!("{}", ours.row(&name, "kt client", "page-cache"));
        println!("{}", theirs.row(&name, "librdkafka", "page-cache"));
        println!("{}", ours.ratio_row(&theirs));
    }
    Ok(())
}

fn name(load: &Produce) -> String {
    let (size, partitions) = (load.size, load.partitions);
    match partitions {
        1 => format!("client consume {size} B"),
        _ => format!("client consume {size} B, {partitions} parts"),
    }
}

fn measured(
    load: &Produce,
    read: impl FnOnce() -> Result<Duration, String>,
) -> Result<Measured, String> {
    let before = cpu();
    let took = read()?;
    let used = cpu().saturating_sub(before);
    Ok(Measured {
        value: load.count as f64 / took.as_secs_f64(),
        unit: "1/s",
        cpu_us: Some(used.as_secs_f64() * 1e6 / load.count as f64),
    })
}

/// What this process has used: the broker is another one.
fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

fn consume(address: &str, load: &Produce) -> Result<Duration, String> {
    load::block_on(async {
        let bootstrap = vec![address.to_owned()];
        let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
        let consumer = Consumer::new(client, ConsumerConfig::default());
        let partitions = (0..load.partitions).map(|it| TopicPartition::new(load.topic, it));
        let started = Instant::now();
        consumer.assign(partitions.map(|it| (it, Start::Earliest)));
        let mut seen = 0;
        while seen < load.count {
            let polled = consumer.poll(PATIENCE).await.map_err(|it| it.to_string())?;
            if polled.is_empty() {
                return Err(format!("nothing came for {PATIENCE:?} after {seen} records"));
            }
            for records in &polled.records {
                let read = records.for_each::<()>(|record| {
                    std::hint::black_box(record.value);
                    seen += 1;
                    ControlFlow::Continue(())
                });
                let _ = read.map_err(|it| it.to_string())?;
            }
        }
        Ok(started.elapsed())
    })
}

//! The records of one member of a group, processed side by side, in the order of their keys.
//!
//! ```text
//! worker_pool BOOTSTRAP TOPIC GROUP COUNT
//! ```
//!
//! Ends after COUNT records and says in which order each key's offsets were processed.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
use kt_client::consumer::{ConsumerConfig, OffsetReset};
use kt_client::worker_pool::{
    Exhausted, FailurePolicy, Order, OwnedRecord, WorkerPool, WorkerPoolConfig,
};
use kt_client::{BackoffRange, Client, ClientConfig, Keys};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Offsets in the order of their processing, by partition and key.
pub type Processed = BTreeMap<(i32, Option<Bytes>), Vec<i64>>;

/// What the handlers share.
#[derive(Default)]
struct Results {
    processed: Mutex<(usize, Processed)>,
    changed: Notify,
}

impl Results {
    /// Processes a record. Each seventh fails at first, as a service does that is asked too much.
    async fn process(&self, record: OwnedRecord) -> Result<(), &'static str> {
        tokio::task::yield_now().await;
        let mut processed = self.processed.lock();
        let of_key =
            processed.1.entry((record.partition.partition.0, record.key.clone())).or_default();
        if record.offset.0 % 7 == 3 && !of_key.contains(&-record.offset.0) {
            of_key.push(-record.offset.0);
            return Err("not now");
        }
        of_key.push(record.offset.0);
        processed.0 += 1;
        self.changed.notify_one();
        Ok(())
    }

    async fn reach(&self, count: usize) {
        while self.processed.lock().0 < count {
            self.changed.notified().await;
        }
    }
}

/// Processes `count` records of a topic as a member of a group. Failed tries are in the answer as
/// negative offsets.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    group: &str,
    count: usize,
) -> Result<Processed, Box<dyn Error>> {
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        ..ClientConfig::default()
    });
    let config =
        ConsumerConfig { offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() };
    let mut group = GroupConfig::new(group);
    // The pool commits, and only what was processed.
    group.set("enable.auto.commit", "false")?;
    let consumer = GroupConsumer::new(client, config, group)?;
    let backoff = BackoffRange { first: Duration::from_millis(5), max: Duration::from_millis(50) };
    let config = WorkerPoolConfig {
        workers: 16,
        order: Order::Key,
        queue_records_max: 500,
        // A record that fails five times more is given up: the pool stops, and the next consumer
        // begins with it.
        on_failure: FailurePolicy::Retry { backoff, retries: Some(5), then: Exhausted::Stop },
        ..WorkerPoolConfig::default()
    };
    let results = Arc::new(Results::default());
    let for_handlers = Arc::clone(&results);
    let pool = WorkerPool::new(config, move |record| {
        let results = Arc::clone(&for_handlers);
        async move { results.process(record).await }
    });
    let topics = Subscription::names([topic]);
    pool.run_in_group(&consumer, topics, results.reach(count)).await?;
    consumer.close(Duration::from_secs(30)).await?;
    let processed = std::mem::take(&mut *results.processed.lock());
    Ok(processed.1)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, group, count] = arguments.as_slice() else {
        return Err("worker_pool BOOTSTRAP TOPIC GROUP COUNT".into());
    };
    for ((partition, key), offsets) in run(bootstrap, topic, group, count.parse()?).await? {
        println!("partition {partition}, key {key:?}: {offsets:?}");
    }
    Ok(())
}

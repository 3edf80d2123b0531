//! All partitions of a topic as one stream, by the records' times.
//!
//! ```text
//! merge_by_time BOOTSTRAP TOPIC
//! ```
//!
//! Each partition is read in its order and ends where it ended at the start. The earliest record
//! that comes first in its partition is the next one: where times within a partition do not rise,
//! the partition's order wins.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::time::Duration;

use kt_client::consumer::{Consumer, ConsumerConfig, Start};
use kt_client::worker_pool::OwnedRecord;
use kt_client::{Client, ClientConfig};
use kt_protocol::types::{Offset, TopicPartition};

/// A partition reads ahead of the slowest by no more than this.
const AHEAD: usize = 1_000;

/// What was read of a partition and not shown.
struct Queue {
    records: VecDeque<OwnedRecord>,
    /// The next offset to read, and where reading ends.
    position: Offset,
    end: Offset,
}

impl Queue {
    fn is_exhausted(&self) -> bool {
        self.records.is_empty() && self.end <= self.position
    }

    /// True if a later record may be earlier in time.
    fn is_awaited(&self) -> bool {
        self.records.is_empty() && self.position < self.end
    }
}

/// Shows all records of a topic by their times.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    mut show: impl FnMut(&OwnedRecord),
) -> Result<(), Box<dyn Error>> {
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        ..ClientConfig::default()
    });
    let consumer = Consumer::new(client, ConsumerConfig::default());
    let partitions: Vec<TopicPartition> = consumer
        .partitions_for(topic)
        .await?
        .iter()
        .map(|it| TopicPartition::new(topic, it.index))
        .collect();
    let starts = consumer.beginning_offsets(&partitions).await?;
    let ends = consumer.end_offsets(&partitions).await?;
    let mut queues: BTreeMap<TopicPartition, Queue> = BTreeMap::new();
    for partition in &partitions {
        let (position, end) = (starts[partition], ends[partition]);
        queues.insert(partition.clone(), Queue { records: VecDeque::new(), position, end });
    }
    consumer.assign(partitions.iter().map(|it| (it.clone(), Start::Earliest)));
    loop {
        while let Some(record) = earliest(&mut queues) {
            show(&record);
            if queues[&record.partition].records.len() == AHEAD / 2 {
                consumer.resume([&record.partition]);
            }
        }
        queues.retain(|_, queue| !queue.is_exhausted());
        if queues.is_empty() {
            consumer.close(Duration::from_secs(5)).await;
            return Ok(());
        }
        for records in consumer.poll(Duration::from_secs(1)).await?.records {
            let Some(queue) = queues.get_mut(records.partition()) else { continue };
            let mut cursor = records.cursor();
            while let Some(record) = cursor.next()? {
                if record.offset < queue.end {
                    queue.records.push_back(OwnedRecord::copy(records.partition(), &record));
                }
            }
            queue.position = records.next_offset();
            if queue.end <= queue.position {
                consumer.unassign([records.partition()]);
            } else if AHEAD <= queue.records.len() {
                consumer.pause([records.partition()]);
            }
        }
    }
}

/// The next record of all, unless a partition has yet to show its first.
fn earliest(queues: &mut BTreeMap<TopicPartition, Queue>) -> Option<OwnedRecord> {
    if queues.values().any(Queue::is_awaited) {
        return None;
    }
    let first = |queue: &&mut Queue| queue.records.front().map(|it| it.timestamp);
    let with_records = queues.values_mut().filter(|it| !it.records.is_empty());
    with_records.min_by_key(first)?.records.pop_front()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic] = arguments.as_slice() else {
        return Err("merge_by_time BOOTSTRAP TOPIC".into());
    };
    run(bootstrap, topic, |record| {
        let time = record.timestamp.map_or(-1, |it| it.0);
        println!("{time} {} {}", record.partition, record.offset);
    })
    .await
}

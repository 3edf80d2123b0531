//! Offsets stored beside the results, in one transaction of an embedded database: each record counts
//! exactly once, whenever the process is killed.
//!
//! ```text
//! external_offsets BOOTSTRAP TOPIC DATABASE
//! ```
//!
//! Adds up the numbers in a topic, partition by partition, up to its end. If the log does not go on
//! where the database stands, the poll fails with both offsets.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use kt_client::consumer::{
    Consumer, ConsumerConfig, FetchedRecords, OffsetStore, Position, Start, StoreError,
};
use kt_client::{Client, ClientConfig};
use kt_protocol::types::{LeaderEpoch, Offset, TopicPartition};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

/// The sum of each partition.
const SUMS: TableDefinition<i32, u64> = TableDefinition::new("sums");

/// The next offset of each partition, and the leader epoch of the record before it, -1 for none.
const OFFSETS: TableDefinition<i32, (i64, i32)> = TableDefinition::new("offsets");

/// Sums and offsets of one topic.
struct Sums {
    database: Database,
}

impl OffsetStore for Sums {
    async fn load(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Position>, StoreError> {
        let offsets = match self.database.begin_read()?.open_table(OFFSETS) {
            Ok(offsets) => offsets,
            Err(TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        let mut found = BTreeMap::new();
        for partition in partitions {
            if let Some(stored) = offsets.get(partition.partition.0)? {
                let (offset, epoch) = stored.value();
                let leader_epoch = Some(LeaderEpoch(epoch)).filter(|it| LeaderEpoch(0) <= *it);
                let position = Position { offset: Offset(offset), leader_epoch };
                found.insert(partition.clone(), position);
            }
        }
        Ok(found)
    }
}

impl Sums {
    /// Adds records up, and notes how far that is: both or neither.
    fn add(&self, records: &FetchedRecords) -> Result<(), Box<dyn Error>> {
        let partition = records.partition().partition.0;
        let transaction = self.database.begin_write()?;
        {
            let mut sums = transaction.open_table(SUMS)?;
            let mut sum = sums.get(partition)?.map_or(0, |it| it.value());
            let mut cursor = records.cursor();
            while let Some(record) = cursor.next()? {
                let text = std::str::from_utf8(record.value.unwrap_or_default())?;
                sum += text.trim().parse::<u64>()?;
            }
            sums.insert(partition, sum)?;
            let epoch = records.last_epoch().map_or(-1, |it| it.0);
            let mut offsets = transaction.open_table(OFFSETS)?;
            offsets.insert(partition, (records.next_offset().0, epoch))?;
        }
        Ok(transaction.commit()?)
    }

    fn all(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<i32, u64>, Box<dyn Error>> {
        let mut found = BTreeMap::new();
        let sums = match self.database.begin_read()?.open_table(SUMS) {
            Ok(sums) => sums,
            Err(TableError::TableDoesNotExist(_)) => return Ok(found),
            Err(error) => return Err(error.into()),
        };
        for TopicPartition { partition, .. } in partitions {
            if let Some(sum) = sums.get(partition.0)? {
                found.insert(partition.0, sum.value());
            }
        }
        Ok(found)
    }
}

/// Adds up what is new in a topic; gives the sums of its partitions.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    path: &Path,
) -> Result<BTreeMap<i32, u64>, Box<dyn Error>> {
    let store = Sums { database: Database::create(path)? };
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
    let ends = consumer.end_offsets(&partitions).await?;
    consumer.assign_from(&store, &partitions, Start::Earliest).await?;
    let has_come = |it: &TopicPartition| {
        consumer.position(it).is_some_and(|position| ends[it] <= position.offset)
    };
    while !partitions.iter().all(has_come) {
        for records in consumer.poll(Duration::from_secs(1)).await?.records {
            store.add(&records)?;
        }
    }
    consumer.close(Duration::from_secs(5)).await;
    store.all(&partitions)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, database] = arguments.as_slice() else {
        return Err("external_offsets BOOTSTRAP TOPIC DATABASE".into());
    };
    for (partition, sum) in run(bootstrap, topic, Path::new(database)).await? {
        println!("partition {partition}: {sum}");
    }
    Ok(())
}

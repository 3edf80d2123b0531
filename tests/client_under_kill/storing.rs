//! A process that stores what it reads, and how far it has come, in one transaction of a database.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kt_client::Keys;
use kt_client::consumer::{
    Consumer, ConsumerConfig, FetchedRecords, OffsetStore, Position, Start, StoreError,
};
use kt_protocol::types::{Offset, TopicPartition};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::user::{self, Outcome, Said, Task};
use crate::support::client::SOON;
use crate::support::process::{Word, say};

/// What was stored: the place in the order of storing → partition and value. A record that is stored
/// twice is there twice.
const RESULTS: TableDefinition<'_, u64, (i32, &str)> = TableDefinition::new("results");
/// Partition → next offset to read.
const OFFSETS: TableDefinition<'_, i32, i64> = TableDefinition::new("offsets");

/// Results and offsets.
pub(super) struct Results(Database);

impl Results {
    /// Opens those in a directory; a process that was killed has left them whole.
    pub(super) fn open(directory: &Path) -> Result<Results, StoreError> {
        let database = Database::create(directory.join("results"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(RESULTS)?;
        transaction.open_table(OFFSETS)?;
        transaction.commit()?;
        Ok(Results(database))
    }

    /// Stores records behind those that are stored, or nothing.
    fn add(&self, records: &FetchedRecords) -> Result<i64, StoreError> {
        let partition = records.partition().partition.0;
        let transaction = self.0.begin_write()?;
        let mut next = 0;
        {
            let mut results = transaction.open_table(RESULTS)?;
            let mut offsets = transaction.open_table(OFFSETS)?;
            next = offsets.get(partition)?.map_or(next, |it| it.value());
            let mut place = results.len()?;
            let mut cursor = records.cursor();
            while let Some(record) = cursor.next()? {
                if record.offset.0 != next {
                    let offset = record.offset.0;
                    return Err(format!("{partition} goes on at {offset}, not at {next}").into());
                }
                let value = std::str::from_utf8(record.value.unwrap_or_default())?;
                results.insert(place, (partition, value))?;
                (place, next) = (place + 1, next + 1);
            }
            offsets.insert(partition, next)?;
        }
        transaction.commit()?;
        Ok(next)
    }

    /// The values of each partition, as they were stored.
    pub(super) fn values(&self) -> Result<BTreeMap<i32, Vec<String>>, StoreError> {
        let mut values: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for entry in self.0.begin_read()?.open_table(RESULTS)?.iter()? {
            let (_, result) = entry?;
            let (partition, value) = result.value();
            values.entry(partition).or_default().push(value.to_owned());
        }
        Ok(values)
    }
}

impl OffsetStore for Results {
    async fn load(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Position>, StoreError> {
        let offsets = self.0.begin_read()?.open_table(OFFSETS)?;
        let mut positions = BTreeMap::new();
        for partition in partitions {
            if let Some(next) = offsets.get(partition.partition.0)? {
                let position = Position { offset: Offset(next.value()), leader_epoch: None };
                positions.insert(partition.clone(), position);
            }
        }
        Ok(positions)
    }
}

/// Stores what comes until told to end.
pub(super) async fn store(task: &Task, mut word: Word) -> Outcome {
    let results = Results::open(&task.directory).map_err(|error| error.to_string())?;
    let mut config = ConsumerConfig::default();
    config.set("fetch.max.wait.ms", "50")?;
    // More transactions, and with them more places to be killed at.
    config.set("max.poll.records", "100")?;
    let consumer = Consumer::new(user::client(task).await?, config);
    consumer.assign_from(&results, &user::partitions(), Start::Earliest).await?;
    loop {
        let polled = tokio::select! {
            _ = &mut word => break,
            polled = consumer.poll(Duration::from_secs(1)) => polled?,
        };
        for records in &polled.records {
            let partition = records.partition().partition.0;
            let next = results.add(records).map_err(|error| error.to_string())?;
            say(&Said::Done { partition, next });
        }
    }
    consumer.close(SOON).await;
    Ok(())
}

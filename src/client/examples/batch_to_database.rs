//! Batches of records go to a database, then their offsets are committed to the group.
//!
//! ```text
//! batch_to_database BOOTSTRAP TOPIC GROUP DATABASE [STEP]
//! ```
//!
//! Ends when it has come to the topic's end. With a STEP (polled, written, stored or committed) the
//! process dies there in its first batch, as a crash would have it; started again it goes on. A crash
//! between *stored* and *committed* brings records again: each is stored under its place in the
//! topic, so that the second time changes nothing.

use std::error::Error;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
use kt_client::consumer::{ConsumerConfig, FetchedRecords, OffsetReset};
use kt_client::{Client, ClientConfig, Keys};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

/// Values by partition and offset.
const RESULTS: TableDefinition<(i32, i64), &[u8]> = TableDefinition::new("results");

/// Where a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch was polled.
    Polled,
    /// It was written to the database, whose transaction is open.
    Written,
    /// The transaction is done.
    Stored,
    /// The offsets are committed too.
    Committed,
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Step, String> {
        match text {
            "polled" => Ok(Step::Polled),
            "written" => Ok(Step::Written),
            "stored" => Ok(Step::Stored),
            "committed" => Ok(Step::Committed),
            _ => Err(format!("\"{text}\" is not polled, written, stored or committed")),
        }
    }
}

/// Dies here, if that is wanted.
fn pass(step: Step, deadly: Option<Step>) {
    if deadly == Some(step) {
        std::process::abort();
    }
}

fn store(
    database: &Database,
    batch: &[FetchedRecords],
    deadly: Option<Step>,
) -> Result<(), Box<dyn Error>> {
    let transaction = database.begin_write()?;
    {
        let mut results = transaction.open_table(RESULTS)?;
        for records in batch {
            let partition = records.partition().partition.0;
            let mut cursor = records.cursor();
            while let Some(record) = cursor.next()? {
                let value = record.value.unwrap_or_default();
                results.insert((partition, record.offset.0), value)?;
            }
        }
    }
    pass(Step::Written, deadly);
    Ok(transaction.commit()?)
}

/// True if the group has read everything that there was.
async fn is_at_end(consumer: &GroupConsumer) -> Result<bool, Box<dyn Error>> {
    let assigned: Vec<_> = consumer.assignment().into_iter().collect();
    let ends = consumer.reader().end_offsets(&assigned).await?;
    let has_come = |it: &_| consumer.position(it).is_some_and(|at| ends[it] <= at.offset);
    Ok(!assigned.is_empty() && assigned.iter().all(has_come))
}

/// Stores what the group has not seen; gives everything that is stored then.
pub async fn run(
    bootstrap: &str,
    topic: &str,
    group: &str,
    path: &Path,
    deadly: Option<Step>,
) -> Result<Vec<((i32, i64), Vec<u8>)>, Box<dyn Error>> {
    let database = Database::create(path)?;
    let client = Client::new(ClientConfig {
        bootstrap: vec![bootstrap.to_owned()],
        ..ClientConfig::default()
    });
    let config =
        ConsumerConfig { offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() };
    let mut group = GroupConfig::new(group);
    group.set("enable.auto.commit", "false")?;
    // The one that died is soon taken for dead.
    group.set("session.timeout.ms", "6000")?;
    group.set("heartbeat.interval.ms", "1000")?;
    let consumer = GroupConsumer::new(client, config, group)?;
    consumer.subscribe(Subscription::names([topic]));
    loop {
        let batch = consumer.poll(Duration::from_secs(1)).await?.records;
        if batch.is_empty() {
            if is_at_end(&consumer).await? {
                break;
            }
            continue;
        }
        pass(Step::Polled, deadly);
        store(&database, &batch, deadly)?;
        pass(Step::Stored, deadly);
        consumer.commit_polled().await?;
        pass(Step::Committed, deadly);
    }
    consumer.close(Duration::from_secs(30)).await?;
    let results = database.begin_read()?.open_table(RESULTS)?;
    let stored = results.iter()?.map(|row| {
        let (place, value) = row?;
        Ok((place.value(), value.value().to_vec()))
    });
    stored.collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, group, database, step @ ..] = arguments.as_slice() else {
        return Err("batch_to_database BOOTSTRAP TOPIC GROUP DATABASE [STEP]".into());
    };
    let deadly = step.first().map(|it| it.parse()).transpose()?;
    let stored = run(bootstrap, topic, group, Path::new(database), deadly).await?;
    println!("{} records are stored", stored.len());
    Ok(())
}

//! A process that sends numbers, many at a time, and says which were acknowledged.

use std::sync::Arc;

use kt_client::Keys;
use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
use tokio::sync::Semaphore;

use super::user::{self, Outcome, PARTITIONS, Said, TOPIC, Task};
use crate::support::client::SOON;
use crate::support::process::{Word, say};

/// Records under way at most: enough for several batches in flight of each partition.
const WINDOW: usize = 90;

/// Sends `NAME:NUMBER` to each partition, numbers from 0 on, until told to end.
pub(super) async fn produce(task: &Task, mut word: Word) -> Outcome {
    let mut config = ProducerConfig::default();
    // Small batches: many of them are in flight when something breaks.
    for (key, value) in [("batch.size", "200"), ("linger.ms", "1")] {
        config.set(key, value)?;
    }
    for (key, value) in &task.settings {
        config.set(key, value)?;
    }
    let producer = Producer::<String, _>::new(user::client(task).await?, config, AsBytes, AsBytes)?;
    let topic: Arc<str> = TOPIC.into();
    let room = Arc::new(Semaphore::new(WINDOW));
    let mut number = 0_u64;
    while word.try_recv().is_err() {
        for partition in 0..PARTITIONS {
            let permit = Arc::clone(&room).acquire_owned().await?;
            let value = format!("{}:{number}", task.name);
            let record = Record::new(Arc::clone(&topic), value.clone()).partition(partition);
            let told = producer.send_then(record, move |written| {
                say(&match written {
                    Ok(it) => match it.offset {
                        Some(offset) => Said::Acknowledged { partition, offset: offset.0, value },
                        None => Said::Failed(format!("{value} was written nowhere")),
                    },
                    Err(error) => Said::Failed(format!("{value}: {error}")),
                });
                drop(permit);
            });
            told.await?;
        }
        number += 1;
    }
    producer.close(SOON).await?;
    Ok(())
}

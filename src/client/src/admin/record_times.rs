//! The times of records at given offsets (Fetch): how old the oldest unread record is.
//!
//! One request to each leader asks for all its partitions, a little of each. Where a batch is
//! larger than that, or the answer was full, the next rounds ask for more.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use kt_protocol::types::{NodeId, Offset, Timestamp, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Admin, Isolation, OffsetQuery};
use crate::consumer::ConsumerConfig;
use crate::consumer::fetch::{self, Fetched, FetchedPartition};
use crate::error::Error;

/// The time of the first record from an offset on; `None` if there is none, or it has no time.
///
/// Shown at [`Admin::record_times`](crate::Admin::record_times).
pub type RecordTimes = BTreeMap<TopicPartition, Result<Option<Timestamp>, Error>>;

/// What a first round takes of each partition, and of each broker. Most batches fit.
const FIRST_BYTES: (i32, i32) = (16 << 10, 16 << 20);
/// And a later one.
const LATER_BYTES: (i32, i32) = (2 << 20, 32 << 20);
/// Rounds, so that the cost is bounded whatever partitions hold.
const ROUNDS_MAX: usize = 8;

impl Admin {
    /// The time of the first record at each offset or behind it. An offset that is gone stands for
    /// the log start offset. Without retries: what cannot be read now is an error of its partition.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::collections::BTreeMap;
    ///
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let orders = TopicPartition::new("orders", 0);
    /// // How old is what a reader at offset 1 has not read yet?
    /// let positions = BTreeMap::from([(orders.clone(), Offset(1))]);
    /// let mut times = admin.record_times(&positions).await?;
    /// let oldest = times.remove(&orders).expect("each partition has an answer")?;
    /// assert!(oldest.is_some());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker can be asked for the leaders.
    pub async fn record_times(
        &self,
        positions: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<RecordTimes, Error> {
        let limit = self.client.limit("Fetch");
        let mut found = RecordTimes::new();
        let mut pending = positions.clone();
        for round in 0..ROUNDS_MAX {
            if pending.is_empty() || limit.deadline <= Instant::now() {
                break;
            }
            let bytes = if round == 0 { FIRST_BYTES } else { LATER_BYTES };
            let gone = self.look(&mut pending, bytes, &mut found).await?;
            self.move_to_start(&mut pending, gone, &mut found).await?;
        }
        for partition in pending.into_keys() {
            let late = Error::protocol(ApiKey::Fetch, format!("{partition} did not come in time"));
            found.insert(partition, Err(late));
        }
        Ok(found)
    }

    /// One round. What is known leaves `pending`; gives the partitions without that offset.
    async fn look(
        &self,
        pending: &mut BTreeMap<TopicPartition, Offset>,
        (partition_bytes, all_bytes): (i32, i32),
        found: &mut RecordTimes,
    ) -> Result<Vec<TopicPartition>, Error> {
        let mut by_leader: BTreeMap<NodeId, Vec<(TopicPartition, Offset)>> = BTreeMap::new();
        let mut topics: Vec<String> = pending.keys().map(|it| it.topic.clone()).collect();
        topics.dedup();
        self.client.topics(&topics).await?;
        for (partition, offset) in pending.iter() {
            match self.client.leader(partition).await {
                Ok(node) => by_leader.entry(node).or_default().push((partition.clone(), *offset)),
                Err(error) => drop(found.insert(partition.clone(), Err(error))),
            }
        }
        let config = ConsumerConfig {
            isolation: Isolation::ReadUncommitted,
            fetch_min_bytes: 0,
            fetch_max_wait: Duration::ZERO,
            fetch_max_bytes: all_bytes,
            partition_fetch_bytes_max: partition_bytes,
            ..ConsumerConfig::default()
        };
        let mut fetches = JoinSet::new();
        for (node, asked) in by_leader {
            let request = fetch::Request::new(&self.client, &config, asked);
            fetches.spawn(fetch::fetch(self.client.clone(), node, request));
        }
        let mut gone = Vec::new();
        while let Some(fetched) = fetches.join_next().await {
            if let Ok(fetched) = fetched {
                gone.extend(take(fetched, pending, found));
            }
        }
        pending.retain(|partition, _| !found.contains_key(partition));
        Ok(gone)
    }

    /// Looks on at the log start offset where an offset is gone.
    async fn move_to_start(
        &self,
        pending: &mut BTreeMap<TopicPartition, Offset>,
        gone: Vec<TopicPartition>,
        found: &mut RecordTimes,
    ) -> Result<(), Error> {
        if gone.is_empty() {
            return Ok(());
        }
        let queries = gone.into_iter().map(|it| (it, OffsetQuery::Earliest)).collect();
        for (partition, start) in self.list_offsets(&queries, Isolation::ReadUncommitted).await? {
            let start = start.map(|it| it.offset.unwrap_or_default());
            match (start, pending.get(&partition)) {
                (Ok(start), Some(position)) if start != *position => {
                    pending.insert(partition, start);
                }
                // It is behind the end: there is nothing to read.
                (Ok(_), _) => {
                    pending.remove(&partition);
                    found.insert(partition, Ok(None));
                }
                (Err(error), _) => {
                    pending.remove(&partition);
                    found.insert(partition, Err(error));
                }
            }
        }
        Ok(())
    }
}

/// Takes one broker's answer; gives the partitions without that offset.
fn take(
    fetched: Fetched,
    pending: &mut BTreeMap<TopicPartition, Offset>,
    found: &mut RecordTimes,
) -> Vec<TopicPartition> {
    let partitions = match fetched.result {
        Ok(partitions) => partitions,
        Err(error) => {
            let asked = fetched.asked.into_iter();
            found.extend(asked.map(|(partition, _)| (partition, Err(error.clone()))));
            return Vec::new();
        }
    };
    let mut gone = Vec::new();
    let mut empty = Vec::new();
    let mut has_records = false;
    for it in partitions {
        let partition = it.partition.clone();
        let Some(position) = pending.get(&partition).copied() else { continue };
        match it.code {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange => {
                gone.push(partition);
                continue;
            }
            _ => {
                found.insert(partition, Err(it.error()));
                continue;
            }
        }
        match first_time(it, position) {
            Ok(Looked::Nothing) => empty.push(partition),
            Ok(Looked::At(time)) => {
                has_records = true;
                found.insert(partition, Ok(time));
            }
            Ok(Looked::Further(next)) => {
                has_records = true;
                pending.insert(partition, next);
            }
            Err(error) => drop(found.insert(partition, Err(error))),
        }
    }
    // An answer with records may have had no room for all; one without says that there are none.
    if !has_records && gone.is_empty() {
        found.extend(empty.into_iter().map(|it| (it, Ok(None))));
    }
    gone
}

/// What a look at a partition has shown.
enum Looked {
    /// No records, or no room for them.
    Nothing,
    /// The time of the first record, if it has one.
    At(Option<Timestamp>),
    /// Only what readers are not shown: look on from here.
    Further(Offset),
}

fn first_time(it: FetchedPartition, position: Offset) -> Result<Looked, Error> {
    let partition = it.partition.clone();
    if it.end(Isolation::ReadUncommitted) <= position {
        return Ok(Looked::At(None));
    }
    let records = it.records(position, Isolation::ReadUncommitted)?;
    if records.is_empty() {
        return Ok(Looked::Nothing);
    }
    let first = records.for_each(|it| ControlFlow::Break(it.timestamp));
    let first = first.map_err(|reason| {
        Error::protocol(ApiKey::Fetch, format!("{partition} at offset {position}: {reason}"))
    })?;
    Ok(match first {
        ControlFlow::Break(time) => Looked::At(time),
        ControlFlow::Continue(()) => Looked::Further(records.next_offset()),
    })
}

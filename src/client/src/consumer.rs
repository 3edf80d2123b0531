//! Records on their way from a cluster: partitions are assigned by hand, no group.
//!
//! [`Consumer::poll`] keeps one fetch under way to each broker that leads assigned partitions and
//! gives their answers as they come. What an answer shows to a reader is decided by [`records`],
//! which names no tokio.

pub mod assignor;
pub(crate) mod fetch;
pub mod group;
pub mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::types::{NodeId, Offset, TopicPartition};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::admin::Isolation;
use crate::backoff::Backoff;
use crate::client::Client;
use crate::config::Event;
use crate::error::Error;
use crate::random::Random;
use fetch::{Fetched, FetchedPartition};
pub use records::{FetchedRecords, Marks, Record};

/// Settings of a [`Consumer`], under Kafka's names.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// `isolation.level`
    pub isolation: Isolation,
    /// `fetch.min.bytes`: an answer waits for so much.
    pub fetch_min_bytes: i32,
    /// `fetch.max.wait.ms`: but not longer.
    pub fetch_max_wait: Duration,
    /// `fetch.max.bytes` of one answer; a first batch larger than that comes whole.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes` of one answer.
    pub partition_fetch_bytes_max: i32,
}

impl Default for ConsumerConfig {
    fn default() -> ConsumerConfig {
        ConsumerConfig {
            isolation: Isolation::default(),
            fetch_min_bytes: 1,
            fetch_max_wait: Duration::from_millis(500),
            fetch_max_bytes: 50 << 20,
            // Larger than Kafka's 1 MiB: a reader that is one partition behind reads just that one.
            partition_fetch_bytes_max: 4 << 20,
        }
    }
}

/// A consumer of partitions that are given to it.
#[derive(Debug)]
pub struct Consumer {
    client: Client,
    config: ConsumerConfig,
    partitions: BTreeMap<TopicPartition, Assigned>,
    fetches: JoinSet<Fetched>,
    /// Brokers with a fetch under way.
    busy: BTreeSet<NodeId>,
    random: Random,
}

/// A partition that is read.
#[derive(Debug)]
struct Assigned {
    /// The next offset to fetch.
    position: Offset,
    backoff: Backoff,
    /// Not before this.
    retry_at: Option<Instant>,
    /// Since when nothing but errors came.
    failing_since: Option<Instant>,
}

/// What a poll gives.
#[derive(Debug)]
pub enum Polled {
    /// Records of one partition, at least one batch. The position is behind them.
    Records(FetchedRecords),
    /// A broker has nothing for these partitions from their positions on, although it may have
    /// offsets: compaction removed what was there.
    Nothing(Vec<Emptiness>),
}

/// A partition without records at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptiness {
    /// Which.
    pub partition: TopicPartition,
    /// Where reading has come to.
    pub position: Offset,
    /// The first offset that this reader may not see yet: the high watermark, or the last stable
    /// offset under [`Isolation::ReadCommitted`].
    pub end: Offset,
}

impl Consumer {
    /// Reads nothing yet.
    pub fn new(client: Client, config: ConsumerConfig) -> Consumer {
        let random = Random::new(client.seed());
        Consumer {
            client,
            config,
            partitions: BTreeMap::new(),
            fetches: JoinSet::new(),
            busy: BTreeSet::new(),
            random,
        }
    }

    /// Reads a partition from `position` on.
    pub fn assign(&mut self, partition: TopicPartition, position: Offset) {
        let backoff = Backoff::new(self.client.config().backoff);
        let assigned = Assigned { position, backoff, retry_at: None, failing_since: None };
        self.partitions.insert(partition, assigned);
    }

    /// Reads a partition no more. What is under way for it is dropped when it comes.
    pub fn unassign(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    /// Waits for the next answer of a broker. Without partitions it waits for ever. A poll that is
    /// dropped while it waits has lost nothing.
    ///
    /// # Errors
    ///
    /// Fails if a partition cannot be read, and if no broker could for as long as the client waits
    /// for an answer.
    pub async fn poll(&mut self) -> Result<Vec<Polled>, Error> {
        loop {
            let wake = self.fetch_what_is_free().await?;
            tokio::select! {
                Some(fetched) = self.fetches.join_next() => {
                    let Ok(fetched) = fetched else { continue };
                    self.busy.remove(&fetched.node);
                    let polled = self.take(fetched)?;
                    if !polled.is_empty() {
                        // The next fetch is under way while these are read. Nothing is awaited
                        // from here on: a poll that is dropped must not take records with it.
                        self.fetch_from_known_leaders();
                        return Ok(polled);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Finds the leaders that are not known, and sends a fetch to each that has none under way.
    /// Gives the time of the next retry.
    async fn fetch_what_is_free(&mut self) -> Result<Option<Instant>, Error> {
        let now = Instant::now();
        let due = |it: &Assigned| it.retry_at.is_none_or(|at| at <= now);
        let unknown: Vec<TopicPartition> = self
            .partitions
            .iter()
            .filter(|(partition, it)| due(it) && self.client.known_leader(partition).is_none())
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in unknown {
            if let Err(error) = self.client.leader(&partition).await {
                self.fail(&partition, error)?;
            }
        }
        self.fetch_from_known_leaders();
        Ok(self.partitions.values().filter_map(|it| it.retry_at).filter(|at| now < *at).min())
    }

    fn fetch_from_known_leaders(&mut self) {
        let now = Instant::now();
        let mut by_leader: BTreeMap<NodeId, Vec<(TopicPartition, Offset)>> = BTreeMap::new();
        for (partition, assigned) in &self.partitions {
            let is_due = assigned.retry_at.is_none_or(|at| at <= now);
            if let Some(node) = self.client.known_leader(partition)
                && is_due
                && !self.busy.contains(&node)
            {
                by_leader.entry(node).or_default().push((partition.clone(), assigned.position));
            }
        }
        for (node, positions) in by_leader {
            self.busy.insert(node);
            let request = fetch::Request::new(&self.client, &self.config, positions);
            self.fetches.spawn(fetch::fetch(self.client.clone(), node, request));
        }
    }

    fn take(&mut self, fetched: Fetched) -> Result<Vec<Polled>, Error> {
        let partitions = match fetched.result {
            Ok(partitions) => partitions,
            Err(error) => {
                for (partition, _) in &fetched.asked {
                    self.fail(partition, error.clone())?;
                }
                return Ok(Vec::new());
            }
        };
        let mut polled = Vec::new();
        let mut empty = Vec::new();
        for it in partitions {
            let Some(asked) = fetched.asked.iter().find(|asked| asked.0 == it.partition) else {
                continue;
            };
            let position = asked.1;
            // It may have been unassigned, or assigned elsewhere, since.
            let assigned = self.partitions.get(&it.partition);
            if assigned.is_none_or(|assigned| assigned.position != position) {
                continue;
            }
            if !it.code.is_none() {
                let error = it.error();
                self.fail(&it.partition, error)?;
                continue;
            }
            match self.took(it, position)? {
                Ok(records) => polled.push(Polled::Records(records)),
                Err(emptiness) => empty.push(emptiness),
            }
        }
        // An answer is bounded, and a partition may be empty because another took the room.
        if polled.is_empty() && !empty.is_empty() {
            polled.push(Polled::Nothing(empty));
        }
        Ok(polled)
    }

    /// One partition of an answer, without an error code.
    fn took(
        &mut self,
        it: FetchedPartition,
        position: Offset,
    ) -> Result<Result<FetchedRecords, Emptiness>, Error> {
        let end = it.end(self.config.isolation);
        let partition = it.partition.clone();
        let records = it.records(position, self.config.isolation)?;
        let assigned = self.partitions.get_mut(&partition).expect("it was looked at before");
        assigned.backoff.reset();
        assigned.retry_at = None;
        assigned.failing_since = None;
        if records.is_empty() {
            return Ok(Err(Emptiness { partition, position, end }));
        }
        assigned.position = records.next_offset();
        Ok(Ok(records))
    }

    /// Tries the partition again later, or fails for good.
    fn fail(&mut self, partition: &TopicPartition, error: Error) -> Result<(), Error> {
        let Some(assigned) = self.partitions.get_mut(partition) else { return Ok(()) };
        let is_final = !is_worth_another_try(&error);
        let timeout = self.client.config().timeout;
        let since = *assigned.failing_since.get_or_insert_with(Instant::now);
        if is_final {
            return Err(error);
        }
        if timeout <= since.elapsed() {
            return Err(Error::TimedOut {
                operation: format!("reading {partition}"),
                after: timeout,
                last: Some(Box::new(error)),
            });
        }
        let wait = assigned.backoff.next(&mut self.random);
        assigned.retry_at = Some(Instant::now() + wait);
        self.client.forget(&partition.topic);
        self.client.observe(&Event::Retrying { operation: "Fetch", error: &error, wait });
        Ok(())
    }
}

/// A deleted topic would be "retriable" to Kafka's clients, which wait for it to come back.
fn is_worth_another_try(error: &Error) -> bool {
    match error {
        Error::Broker { code: ErrorCode::UnknownTopicOrPartition, .. } => false,
        Error::TimedOut { .. } => true,
        error => error.is_retriable(),
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

//! The machine that reads partitions: where each is, who is asked, what is fetched ahead, and what
//! the caller is given. No tokio, no clock, no socket.
//!
//! Inputs change it; [`Fetcher::poll`] then says what is to be done, and [`Fetcher::next_deadline`]
//! when it wants to be polled although nothing came. Answers come back with the id of the request.
//! Prefetching is bounded: of each partition by the answer that is being given and one ahead, and
//! overall by [`ConsumerConfig::queued_bytes_max`], counting what is under way.

mod answers;
mod assigned;
mod checked;
mod giving;
mod leaders;
mod offsets;
mod plan;
mod position;
mod session;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::messages::{FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest};
use kt_protocol::types::{Millis, NodeId, Offset, TopicPartition};

use super::config::{ConsumerConfig, OffsetReset};
use super::records::Marks;
use crate::backoff::{Backoff, BackoffRange};
use crate::error::Error;
use crate::metadata::Metadata;
use crate::random::Random;
use assigned::Assigned;
pub use checked::CheckedFetch;
pub use giving::{Emptiness, Given};
use offsets::Question;
use position::Phase;
pub use position::{Position, Start};
use session::Session;
pub use session::request_for;

/// What the machine is told of the client it works for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The reader's own.
    pub consumer: ConsumerConfig,
    /// Waits between tries.
    pub backoff: BackoffRange,
    /// When metadata is asked for again without need.
    pub metadata_max_age: Duration,
    /// A partition of which nothing but errors came for so long is reported; trying goes on.
    pub error_after: Duration,
}

/// The number of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// To be answered by [`Fetcher::on_fetch`]. Topics carry name and id: see [`request_for`].
    Fetch {
        /// Comes back with the answer.
        id: RequestId,
        /// Who is asked.
        node: NodeId,
        /// What.
        request: FetchRequest,
        /// In this version at most.
        version_max: i16,
    },
    /// To be answered by [`Fetcher::on_list_offsets`].
    ListOffsets {
        /// Comes back with the answer.
        id: RequestId,
        /// Who is asked.
        node: NodeId,
        /// What.
        request: ListOffsetsRequest,
    },
    /// To be answered by [`Fetcher::on_epochs`].
    OffsetForLeaderEpoch {
        /// Comes back with the answer.
        id: RequestId,
        /// Who is asked.
        node: NodeId,
        /// What.
        request: OffsetForLeaderEpochRequest,
    },
    /// To be answered by [`Fetcher::on_metadata`].
    RefreshMetadata {
        /// The topics that are read.
        topics: Vec<String>,
    },
}

/// One broker that is read from.
#[derive(Debug)]
struct Node {
    session: Session,
    in_flight: Option<InFlight>,
    backoff: Backoff,
    retry_at: Option<Millis>,
    /// Since when a request waits for partitions that have enough.
    held_since: Option<Millis>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    id: RequestId,
    /// Bytes that the answer may have.
    reserved: usize,
}

/// An answer of which something waits.
#[derive(Clone, Copy, Debug)]
struct Frame {
    size: usize,
    chunks: usize,
}

/// When metadata is asked for.
#[derive(Debug)]
struct Watch {
    metadata: Arc<Metadata>,
    is_under_way: bool,
    is_wanted: bool,
    /// Not before this.
    retry_at: Option<Millis>,
    /// When it is old.
    old_at: Option<Millis>,
    backoff: Backoff,
    /// How often in a row each topic was said not to exist.
    missing: BTreeMap<String, u32>,
}

/// Counts since the beginning. Plain numbers, read at any time.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// consumer.poll(Duration::from_secs(30)).await?;
/// let counts = consumer.metrics();
/// println!("{} bytes in {} fetches", counts.bytes, counts.fetches);
/// assert_eq!(counts.records, 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetcherCounts {
    /// Fetch requests (`fetch-total`).
    pub fetches: u64,
    /// Answers that could not be used.
    pub failures: u64,
    /// Bytes of record batches that came.
    pub bytes: u64,
    /// Milliseconds that brokers said they throttled (`fetch-throttle-time`).
    pub throttled_ms: u64,
    /// Records given, as the headers count them (`records-consumed-total`).
    pub records: u64,
    /// Bytes that were fetched and dropped: sought away from, or to make room.
    pub dropped_bytes: u64,
    /// Bytes that wait to be given now.
    pub queued_bytes: u64,
    /// Bytes that answers under way may have now.
    pub reserved_bytes: u64,
}

/// Reads partitions. See the module's text.
#[derive(Debug)]
pub struct Fetcher {
    settings: Settings,
    partitions: BTreeMap<TopicPartition, Assigned>,
    /// The partitions of which something waits, in the order in which they are given.
    order: VecDeque<TopicPartition>,
    nodes: BTreeMap<NodeId, Node>,
    questions: BTreeMap<RequestId, Question>,
    watch: Watch,
    frames: BTreeMap<u64, Frame>,
    queued: usize,
    reserved: usize,
    /// What the caller must hear, by partition; those of none come first.
    errors: BTreeMap<Option<TopicPartition>, Error>,
    ends: Vec<Emptiness>,
    counts: FetcherCounts,
    random: Random,
    next_id: u64,
    served: u64,
}

impl Fetcher {
    /// Reads nothing yet.
    pub fn new(settings: Settings, metadata: Arc<Metadata>, seed: u64) -> Fetcher {
        let backoff = Backoff::new(settings.backoff);
        Fetcher {
            settings,
            partitions: BTreeMap::new(),
            order: VecDeque::new(),
            nodes: BTreeMap::new(),
            questions: BTreeMap::new(),
            watch: Watch {
                metadata,
                is_under_way: false,
                is_wanted: false,
                retry_at: None,
                old_at: None,
                backoff,
                missing: BTreeMap::new(),
            },
            frames: BTreeMap::new(),
            queued: 0,
            reserved: 0,
            errors: BTreeMap::new(),
            ends: Vec::new(),
            counts: FetcherCounts::default(),
            random: Random::new(seed),
            next_id: 0,
            served: 0,
        }
    }

    /// Reads these partitions besides those that it reads. One that it reads already begins anew.
    pub fn assign(&mut self, starts: impl IntoIterator<Item = (TopicPartition, Start)>) {
        for (partition, start) in starts {
            self.drop_fetched(&partition);
            self.errors.remove(&Some(partition.clone()));
            let backoff = Backoff::new(self.settings.backoff);
            let fresh = Assigned::new(&partition, backoff);
            self.partitions.insert(partition.clone(), fresh);
            self.adopt_leader(&partition);
            if let Some(assigned) = self.partitions.get_mut(&partition) {
                assigned.start(start);
            }
        }
    }

    /// Reads a partition no more. What is under way for it is dropped when it comes.
    pub fn unassign(&mut self, partition: &TopicPartition) {
        self.drop_fetched(partition);
        self.errors.remove(&Some(partition.clone()));
        self.partitions.remove(partition);
        if !self.partitions.keys().any(|it| it.topic == partition.topic) {
            self.watch.missing.remove(&partition.topic);
        }
    }

    /// Reads only these partitions on. The others are dropped, and given back.
    pub fn retain(&mut self, kept: &BTreeSet<TopicPartition>) -> Vec<TopicPartition> {
        let dropped: Vec<TopicPartition> =
            self.partitions.keys().filter(|it| !kept.contains(it)).cloned().collect();
        dropped.iter().for_each(|it| self.unassign(it));
        dropped
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    /// Goes on at another place; what was fetched is dropped. False: it is not read.
    pub fn seek(&mut self, partition: &TopicPartition, start: Start) -> bool {
        self.drop_fetched(partition);
        self.errors.remove(&Some(partition.clone()));
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        assigned.start(start);
        true
    }

    /// Gives no more of a partition until it is resumed. What was fetched of it is kept, unless
    /// another partition has nothing and needs the room. False: it is not read.
    pub fn pause(&mut self, partition: &TopicPartition) -> bool {
        self.set_paused(partition, true)
    }

    /// Gives on what is read of a partition. False: it is not read.
    pub fn resume(&mut self, partition: &TopicPartition) -> bool {
        self.set_paused(partition, false)
    }

    fn set_paused(&mut self, partition: &TopicPartition, is_paused: bool) -> bool {
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        assigned.is_paused = is_paused;
        true
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter().filter(|(_, it)| it.is_paused).map(|(partition, _)| partition)
    }

    /// Reads a partition from one replica, whoever leads; `None`: from the leader, or whom the
    /// leader names. False: it is not read.
    pub fn read_from(&mut self, partition: &TopicPartition, replica: Option<NodeId>) -> bool {
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        assigned.pinned = replica;
        true
    }

    /// The position behind what was given; `None` until one is found.
    pub fn position(&self, partition: &TopicPartition) -> Option<Position> {
        self.partitions.get(partition)?.given
    }

    /// The positions behind what was given, of all partitions that have one.
    pub fn positions(&self) -> BTreeMap<TopicPartition, Position> {
        let known =
            self.partitions.iter().filter_map(|(it, assigned)| Some((it.clone(), assigned.given?)));
        known.collect()
    }

    /// The next offset that is to be processed, as the caller said.
    pub fn processed(&self, partition: &TopicPartition) -> Option<Offset> {
        self.partitions.get(partition)?.processed
    }

    /// Takes note that everything before `next` is processed. False: it is not read.
    pub fn set_processed(&mut self, partition: &TopicPartition, next: Offset) -> bool {
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        assigned.processed = Some(next);
        true
    }

    /// The partition's offsets as its last answer told them.
    pub fn marks(&self, partition: &TopicPartition) -> Option<Marks> {
        self.partitions.get(partition)?.marks
    }

    /// How many offsets lie before the end that this reader may see; `None` until known.
    pub fn lag(&self, partition: &TopicPartition) -> Option<u64> {
        let assigned = self.partitions.get(partition)?;
        let end = assigned.end(self.settings.consumer.isolation)?;
        Some(u64::try_from(end.0.saturating_sub(assigned.given?.offset.0)).unwrap_or(0))
    }

    /// The partitions that cannot be read until they are sought elsewhere.
    pub fn failed(&self) -> impl Iterator<Item = &TopicPartition> {
        let failed = self.partitions.iter().filter(|(_, it)| it.phase == Phase::Failed);
        failed.map(|(partition, _)| partition)
    }

    /// Counts since the beginning.
    pub fn counts(&self) -> FetcherCounts {
        FetcherCounts {
            queued_bytes: self.queued as u64,
            reserved_bytes: self.reserved as u64,
            ..self.counts
        }
    }

    /// The requests that close the sessions with brokers. Nothing is to be asked after them.
    pub fn close(&mut self) -> Vec<(NodeId, FetchRequest)> {
        let nodes = self.nodes.iter_mut();
        nodes.filter_map(|(node, it)| Some((*node, it.session.close()?))).collect()
    }

    fn new_id(&mut self) -> RequestId {
        self.next_id += 1;
        RequestId(self.next_id)
    }
}

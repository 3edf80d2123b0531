//! Brokers as a model: logs with leader epochs, sessions as KIP-227 has them, and faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kt_protocol::ErrorCode;
use kt_protocol::codec::Records;
use kt_protocol::messages::fetch_response::{
    FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kt_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kt_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kt_protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{
    LeaderEpoch, Millis, NodeId, Now, Offset, Timestamp, TopicPartition, Uuid,
};

use crate::backoff::BackoffRange;
use crate::consumer::config::{ConsumerConfig, OffsetReset};
use crate::consumer::fetcher::{CheckedFetch, Effect, Fetcher, Settings, request_for};
use crate::consumer::records::CrcCheck;
use crate::error::Error;
use crate::metadata::{Broker, Metadata, Partition, Topic};
use crate::random::Random;

/// Topics by id.
const VERSION: i16 = 17;

/// Little, so that the bound is felt.
pub(super) const QUEUED_BYTES_MAX: usize = 4_000;

/// What a record says: who it is and who stood before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) own: u64,
    pub(super) before: u64,
}

impl Stamp {
    pub(super) fn of(value: &[u8]) -> Stamp {
        let number = |at: usize| u64::from_be_bytes(value[at..at + 8].try_into().unwrap());
        Stamp { own: number(0), before: number(8) }
    }

    fn bytes(self) -> Vec<u8> {
        [self.own.to_be_bytes(), self.before.to_be_bytes()].concat()
    }
}

/// A partition's log, its leader's.
#[derive(Debug)]
struct Log {
    start: usize,
    records: Vec<(LeaderEpoch, Stamp)>,
    leader: NodeId,
    epoch: LeaderEpoch,
    /// Each epoch with the offset that it began at.
    epochs: Vec<(LeaderEpoch, usize)>,
}

#[derive(Debug, Default)]
struct BrokerSession {
    id: i32,
    epoch: i32,
    asked: BTreeMap<TopicPartition, (i64, i32)>,
    /// The high watermark that each was told last.
    told: BTreeMap<TopicPartition, i64>,
}

/// How often what the tests are about came to pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Happened {
    pub(super) incremental: u32,
    pub(super) forgotten: u32,
    pub(super) fenced: u32,
    pub(super) validated: u32,
    pub(super) truncated: u32,
    pub(super) lost: u32,
    pub(super) refused: u32,
}

impl Happened {
    pub(super) fn plus(self, other: &Happened) -> Happened {
        Happened {
            incremental: self.incremental + other.incremental,
            forgotten: self.forgotten + other.forgotten,
            fenced: self.fenced + other.fenced,
            validated: self.validated + other.validated,
            truncated: self.truncated + other.truncated,
            lost: self.lost + other.lost,
            refused: self.refused + other.refused,
        }
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) fetcher: Fetcher,
    pub(super) happened: Happened,
    now: Millis,
    logs: BTreeMap<TopicPartition, Log>,
    nodes: Vec<NodeId>,
    sessions: BTreeMap<NodeId, BrokerSession>,
    /// Requests that brokers have not answered.
    waiting: Vec<Effect>,
    is_healed: bool,
    next_stamp: u64,
    next_session: i32,
}

pub(super) fn topic_id() -> Uuid {
    Uuid([7; 16])
}

impl World {
    pub(super) fn new(seed: u64, nodes: i32, partitions: i32) -> World {
        let settings = Settings {
            consumer: ConsumerConfig {
                offset_reset: OffsetReset::None,
                partition_fetch_bytes_max: 600,
                queued_bytes_max: Some(QUEUED_BYTES_MAX),
                ..ConsumerConfig::default()
            },
            backoff: BackoffRange {
                first: Duration::from_millis(20),
                max: Duration::from_millis(100),
            },
            metadata_max_age: Duration::from_secs(60),
            error_after: Duration::from_secs(30),
        };
        let nodes: Vec<NodeId> = (1..=nodes).map(NodeId).collect();
        let logs = (0..partitions).zip(nodes.iter().cycle()).map(|(index, leader)| {
            let log = Log {
                start: 0,
                records: Vec::new(),
                leader: *leader,
                epoch: LeaderEpoch(0),
                epochs: vec![(LeaderEpoch(0), 0)],
            };
            (TopicPartition::new("orders", index), log)
        });
        World {
            fetcher: Fetcher::new(settings, Arc::default(), seed),
            happened: Happened::default(),
            now: Millis(0),
            logs: logs.collect(),
            nodes,
            sessions: BTreeMap::new(),
            waiting: Vec::new(),
            is_healed: false,
            next_stamp: 0,
            next_session: 0,
        }
    }

    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.logs.keys().cloned().collect()
    }

    pub(super) fn end(&self, partition: &TopicPartition) -> Offset {
        Offset(self.logs[partition].records.len() as i64)
    }

    pub(super) fn is_paused(&self, partition: &TopicPartition) -> bool {
        self.fetcher.paused().any(|it| it == partition)
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now + millis;
    }

    fn now(&self) -> Now {
        Now { monotonic: self.now, wall: Timestamp(1_000_000) }
    }

    /// Lets the fetcher say what it wants; the bound holds after it.
    pub(super) fn step(&mut self) {
        let now = self.now();
        self.fetcher.poll(now, &mut self.waiting);
        let counts = self.fetcher.counts();
        // One batch for each broker may come on top.
        let bound = QUEUED_BYTES_MAX + self.nodes.len() * 700;
        let used = usize::try_from(counts.queued_bytes + counts.reserved_bytes).unwrap();
        assert!(used <= bound, "{used} bytes, {bound} are allowed");
    }

    pub(super) fn append(&mut self, partition: &TopicPartition, random: &mut Random) {
        let log = self.logs.get_mut(partition).unwrap();
        for _ in 0..=random.below(12) {
            self.next_stamp += 1;
            let before = log.records.last().map_or(0, |(_, it)| it.own);
            log.records.push((log.epoch, Stamp { own: self.next_stamp, before }));
        }
    }

    /// Another broker leads; now and then one that lacks the end.
    pub(super) fn move_leader(&mut self, partition: &TopicPartition, random: &mut Random) {
        let log = self.logs.get_mut(partition).unwrap();
        log.leader = *random.choose(&self.nodes).unwrap();
        log.epoch = LeaderEpoch(log.epoch.0 + 1);
        if random.below(2) == 0 {
            let kept = log.records.len()
                - usize::try_from(random.below(9)).unwrap().min(log.records.len() - log.start);
            if kept < log.records.len() {
                self.happened.truncated += 1;
            }
            log.records.truncate(kept);
            log.epochs.retain(|(_, start)| *start < kept || kept == 0 && *start == 0);
        }
        log.epochs.push((log.epoch, log.records.len()));
    }

    pub(super) fn trim(&mut self, partition: &TopicPartition, random: &mut Random) {
        let log = self.logs.get_mut(partition).unwrap();
        let by = usize::try_from(random.below(20)).unwrap();
        log.start = (log.start + by).min(log.records.len());
    }

    pub(super) fn lose_sessions(&mut self, random: &mut Random) {
        let node = random.choose(&self.nodes).unwrap();
        self.sessions.remove(node);
    }

    pub(super) fn heal(&mut self) {
        self.is_healed = true;
    }

    pub(super) fn answer_all(&mut self, random: &mut Random) {
        while !self.waiting.is_empty() {
            self.answer_one(random);
        }
    }

    /// One request is answered, in any order; or its answer is lost.
    pub(super) fn answer_one(&mut self, random: &mut Random) {
        if self.waiting.is_empty() {
            return;
        }
        let index = usize::try_from(random.below(self.waiting.len() as u64)).unwrap();
        let effect = self.waiting.remove(index);
        let fault = if self.is_healed { u64::MAX } else { random.below(20) };
        let (now, is_lost) = (self.now(), fault == 0);
        let lost = || Error::Disconnected { operation: "it".to_owned(), reason: "gone".to_owned() };
        self.happened.lost += u32::from(is_lost);
        match effect {
            Effect::Fetch { id, node, request, version_max } => {
                assert!(VERSION <= version_max || version_max == 12);
                let request = request_for(&request, VERSION.min(version_max));
                // The broker has seen it, whether or not its answer comes.
                let response = self.fetch(node, &request, fault);
                self.fetcher.on_fetch(
                    now,
                    id,
                    response.map_err(|()| lost()).and_then(|it| {
                        if is_lost { Err(lost()) } else { Ok(CheckedFetch::new(it, CrcCheck::On)) }
                    }),
                );
            }
            Effect::ListOffsets { id, node, request } => {
                let response = if is_lost { Err(lost()) } else { Ok(self.starts(node, &request)) };
                self.fetcher.on_list_offsets(now, id, response);
            }
            Effect::OffsetForLeaderEpoch { id, node, request } => {
                let response = if is_lost { Err(lost()) } else { Ok(self.epochs(node, &request)) };
                self.fetcher.on_epochs(now, id, response);
            }
            Effect::RefreshMetadata { .. } => {
                let metadata = if is_lost { Err(lost()) } else { Ok(self.metadata()) };
                let answer = metadata.map(|it| (Arc::new(it), BTreeMap::new()));
                self.fetcher.on_metadata(now, answer);
            }
        }
    }

    pub(super) fn metadata(&self) -> Metadata {
        let brokers = self
            .nodes
            .iter()
            .map(|id| (*id, Broker { id: *id, host: "host".to_owned(), port: 9092, rack: None }));
        let partitions = self.logs.iter().map(|(partition, log)| Partition {
            index: partition.partition.0,
            leader: Some(log.leader),
            leader_epoch: log.epoch,
            ..Default::default()
        });
        let name = "orders".to_owned();
        let partitions = partitions.collect();
        let topic = Topic { name: name.clone(), id: topic_id(), is_internal: false, partitions };
        Metadata {
            brokers: brokers.collect(),
            topics: BTreeMap::from([(name, topic)]),
            ..Default::default()
        }
    }

    fn fetch(&mut self, node: NodeId, it: &FetchRequest, fault: u64) -> Result<FetchResponse, ()> {
        let name = |topic: Uuid, name: &str| {
            if topic.is_zero() { name.to_owned() } else { "orders".to_owned() }
        };
        let mut asked: BTreeMap<TopicPartition, (i64, i32)> = BTreeMap::new();
        for topic in &it.topics {
            for part in &topic.partitions {
                let partition =
                    TopicPartition::new(name(topic.topic_id, &topic.topic), part.partition);
                asked.insert(partition, (part.fetch_offset, part.current_leader_epoch));
            }
        }
        let refuse =
            |code: ErrorCode| FetchResponse { error_code: code.code(), ..Default::default() };
        if it.session_epoch == 0 {
            self.next_session += 1;
            // Now and then a broker has no room for a session.
            let id = if fault == 1 { 0 } else { self.next_session };
            self.sessions.insert(node, BrokerSession { id, epoch: 1, asked, ..Default::default() });
        } else {
            let Some(session) = self.sessions.get_mut(&node).filter(|has| has.id == it.session_id)
            else {
                self.happened.refused += 1;
                return Ok(refuse(ErrorCode::FetchSessionIdNotFound));
            };
            if session.epoch != it.session_epoch {
                self.happened.refused += 1;
                return Ok(refuse(ErrorCode::InvalidFetchSessionEpoch));
            }
            self.happened.incremental += 1;
            session.epoch += 1;
            session.asked.extend(asked);
            for topic in &it.forgotten_topics_data {
                for index in &topic.partitions {
                    self.happened.forgotten += 1;
                    let partition = TopicPartition::new(name(topic.topic_id, &topic.topic), *index);
                    assert!(session.asked.remove(&partition).is_some());
                    session.told.remove(&partition);
                }
            }
        }
        let is_full = it.session_epoch == 0;
        let session = &self.sessions[&node];
        let id = session.id;
        let mut room = usize::try_from(it.max_bytes).unwrap();
        let mut partitions = Vec::new();
        for (index, (partition, (offset, epoch))) in session.asked.clone().into_iter().enumerate() {
            let fault = if fault == 2 + index as u64 { Some(fault) } else { None };
            let data = self.read(node, &partition, offset, LeaderEpoch(epoch), &mut room, fault);
            let session = self.sessions.get_mut(&node).unwrap();
            let is_new =
                session.told.insert(partition, data.high_watermark) != Some(data.high_watermark);
            let has_news = data.error_code != 0
                || data.records.as_ref().is_some_and(|it| !it.is_empty())
                || is_new;
            if is_full || has_news {
                partitions.push(data);
            }
        }
        let topic =
            FetchableTopicResponse { topic_id: topic_id(), partitions, ..Default::default() };
        Ok(FetchResponse { session_id: id, responses: vec![topic], ..Default::default() })
    }

    fn read(
        &mut self,
        node: NodeId,
        partition: &TopicPartition,
        offset: i64,
        epoch: LeaderEpoch,
        room: &mut usize,
        fault: Option<u64>,
    ) -> PartitionData {
        let log = &self.logs[partition];
        let mut data = PartitionData {
            partition_index: partition.partition.0,
            high_watermark: -1,
            ..Default::default()
        };
        if let Some(fault) = fault {
            let codes = [
                ErrorCode::UnknownServerError,
                ErrorCode::KafkaStorageError,
                ErrorCode::UnknownTopicOrPartition,
                ErrorCode::OffsetNotAvailable,
            ];
            let code = codes[usize::try_from(fault).unwrap() % codes.len()];
            data.error_code = code.code();
            return data;
        }
        if let Some(code) = check(log, node, epoch) {
            self.happened.fenced += 1;
            data.error_code = code.code();
            if code == ErrorCode::NotLeaderOrFollower && log.epoch.0 % 2 == 0 {
                let (leader_id, leader_epoch) = (log.leader.0, log.epoch.0);
                data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
            }
            return data;
        }
        let offset = usize::try_from(offset).unwrap();
        if offset < log.start || log.records.len() < offset {
            data.error_code = ErrorCode::OffsetOutOfRange.code();
            return data;
        }
        data.high_watermark = log.records.len() as i64;
        data.log_start_offset = log.start as i64;
        let bytes = batches(log, offset, (*room).min(600));
        *room = room.saturating_sub(bytes.len());
        data.records = Some(Records::Bytes(bytes));
        data
    }

    fn starts(&self, node: NodeId, it: &ListOffsetsRequest) -> ListOffsetsResponse {
        let topics = it.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|part| {
                let partition = TopicPartition::new(topic.name.clone(), part.partition_index);
                let log = &self.logs[&partition];
                let partition_index = part.partition_index;
                let code = check(log, node, LeaderEpoch(part.current_leader_epoch));
                let offset = match part.timestamp {
                    -2 => log.start as i64,
                    _ => log.records.len() as i64,
                };
                ListOffsetsPartitionResponse {
                    partition_index,
                    error_code: code.unwrap_or(ErrorCode::None).code(),
                    offset: if code.is_some() { -1 } else { offset },
                    ..Default::default()
                }
            });
            ListOffsetsTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
        });
        ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
    }

    fn epochs(
        &mut self,
        node: NodeId,
        it: &OffsetForLeaderEpochRequest,
    ) -> OffsetForLeaderEpochResponse {
        self.happened.validated += 1;
        let topics = it.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|part| {
                let partition = TopicPartition::new(topic.topic.clone(), part.partition);
                let log = &self.logs[&partition];
                let code = check(log, node, LeaderEpoch(part.current_leader_epoch));
                let (epoch, end) = end_of(log, LeaderEpoch(part.leader_epoch));
                EpochEndOffset {
                    partition: part.partition,
                    error_code: code.unwrap_or(ErrorCode::None).code(),
                    leader_epoch: epoch.0,
                    end_offset: end,
                }
            });
            let (topic, partitions) = (topic.topic.clone(), partitions.collect());
            OffsetForLeaderTopicResult { topic, partitions }
        });
        OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// The largest epoch up to `epoch`, and where the next one begins.
fn end_of(log: &Log, epoch: LeaderEpoch) -> (LeaderEpoch, i64) {
    let behind = log.epochs.iter().position(|(it, _)| epoch < *it).unwrap_or(log.epochs.len());
    let end = log.epochs.get(behind).map_or(log.records.len(), |(_, start)| *start);
    match behind.checked_sub(1).and_then(|it| log.epochs.get(it)) {
        Some((found, _)) => (*found, end as i64),
        None => (epoch, end as i64),
    }
}

fn check(log: &Log, node: NodeId, epoch: LeaderEpoch) -> Option<ErrorCode> {
    if epoch != LeaderEpoch::UNKNOWN && epoch < log.epoch {
        return Some(ErrorCode::FencedLeaderEpoch);
    }
    if log.epoch < epoch {
        return Some(ErrorCode::UnknownLeaderEpoch);
    }
    (log.leader != node).then_some(ErrorCode::NotLeaderOrFollower)
}

/// Batches of up to four records from `offset` on; the first one whole, however little room.
fn batches(log: &Log, offset: usize, room: usize) -> Bytes {
    let mut bytes = Vec::new();
    // Batches lie where they lie: reading may begin inside one.
    let mut at = offset - offset % 4;
    at = at.max(log.start - log.start % 4);
    while at < log.records.len() {
        let epoch = log.records[at].0;
        let mut batch = BatchBuilder::new().base_offset(Offset(at as i64)).leader_epoch(epoch);
        let mut next = at;
        while next < log.records.len() && next < at - at % 4 + 4 && log.records[next].0 == epoch {
            let value = log.records[next].1.bytes();
            batch.append(NewRecord { value: Some(&value), ..Default::default() }).unwrap();
            next += 1;
        }
        at = next;
        let batch = batch.build();
        if next <= offset {
            continue;
        }
        if !bytes.is_empty() && room < bytes.len() + batch.len() {
            break;
        }
        bytes.extend_from_slice(&batch);
    }
    bytes.into()
}

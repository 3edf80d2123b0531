//! The machine against a model of a cluster that applies the broker's sequence rules, and loses,
//! delays and repeats requests and answers, all from one seed.
//!
//! Held against the logs in the end: every record ended once, none that was acknowledged is missing,
//! none is there twice, and those of each partition stand in the order in which they were sent.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::codec::Records;
use kt_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kt_protocol::messages::produce_response::{
    LeaderIdAndEpoch, PartitionProduceResponse, TopicProduceResponse,
};
use kt_protocol::messages::{
    InitProducerIdResponse, MetadataResponse, ProduceRequest, ProduceResponse,
};
use kt_protocol::records::compression::Budget;
use kt_protocol::records::{BatchView, NewRecord};
use kt_protocol::types::{Millis, ProducerEpoch, ProducerId, Timestamp, Uuid};

use super::{Effect, Error, Found, RequestId, Sender, Surroundings};
use crate::backoff::BackoffRange;
use crate::metadata::Metadata;
use crate::producer::queue::Planted;
use crate::producer::{Acks, Idempotence, ProducerConfig, ProducerRecord};
use crate::random::Random;

const TOPIC: &str = "orders";
const TOPIC_ID: Uuid = Uuid([7; 16]);
const PARTITIONS: i32 = 2;
const REQUEST_TIMEOUT_MS: u64 = 300;

/// A partition as all its replicas have it.
#[derive(Default)]
struct Log {
    tags: Vec<u64>,
    leader: i32,
    epoch: i32,
    producers: BTreeMap<ProducerId, Counted>,
}

/// What a broker knows of a producer.
struct Counted {
    epoch: ProducerEpoch,
    /// First and last sequence and base offset of the last batches.
    batches: VecDeque<(i32, i32, i64)>,
}

enum Happens {
    /// A request arrives; whether its answer can come back.
    Arrives(RequestId, i32, ProduceRequest, bool),
    Answers(RequestId, Result<Option<ProduceResponse>, Error>),
    TimesOut(RequestId),
    Finds(Result<(), Error>),
    Identifies(Result<i64, Error>),
    Leads(i32),
    /// The brokers are killed: each remembers but the last batch of a producer.
    Forgets,
}

struct World {
    random: Random,
    now: Millis,
    events: BTreeMap<(Millis, u64), Happens>,
    happened: u64,
    logs: Vec<Log>,
    /// The time before which nothing arrives at a node, so that a connection keeps its order.
    busy: BTreeMap<i32, Millis>,
    /// Requests that wait for their answers, by node.
    waiting: BTreeMap<RequestId, i32>,
    identities: i64,
    trouble: u64,
    ended: BTreeMap<u64, Result<Option<i64>, String>>,
}

fn disconnected() -> Error {
    Error::Disconnected { operation: "Produce".to_owned(), reason: "it broke".to_owned() }
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let logs = (0..PARTITIONS).map(|it| Log { leader: it % 2, ..Log::default() });
        World {
            now: Millis(1),
            events: BTreeMap::new(),
            happened: 0,
            logs: logs.collect(),
            busy: BTreeMap::new(),
            waiting: BTreeMap::new(),
            identities: 0,
            trouble: [0, 3, 10, 25][usize::try_from(random.below(4)).unwrap()],
            ended: BTreeMap::new(),
            random,
        }
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn later(&mut self, after_ms: u64, event: Happens) {
        self.happened += 1;
        self.events.insert((self.now + after_ms, self.happened), event);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Retrying { .. } => {}
            Effect::Deliver(delivery) => {
                let base = delivery.outcome.map(|it| it.base_offset).map_err(|it| it.to_string());
                for (tag, at) in delivery.tags.iter().zip(0..) {
                    let outcome = base.clone().map(|it| it.map(|offset| offset.0 + at));
                    assert!(self.ended.insert(*tag, outcome).is_none(), "{tag} ended twice");
                }
            }
            Effect::FindTopics(topics) => {
                assert_eq!(topics, [TOPIC]);
                let fails = self.chance(self.trouble);
                let after = self.random.below(20);
                self.later(after, Happens::Finds(if fails { Err(disconnected()) } else { Ok(()) }));
            }
            Effect::InitProducerId(_) => {
                self.identities += 1;
                let fails = self.chance(self.trouble);
                let answer = if fails { Err(disconnected()) } else { Ok(self.identities) };
                let after = self.random.below(20);
                self.later(after, Happens::Identifies(answer));
            }
            Effect::Produce(produce) => {
                let (id, node) = (produce.id, produce.node.0);
                self.waiting.insert(id, node);
                self.later(REQUEST_TIMEOUT_MS, Happens::TimesOut(id));
                self.send(id, node, produce.request(9));
            }
        }
    }

    fn send(&mut self, id: RequestId, node: i32, request: ProduceRequest) {
        if self.chance(self.trouble) {
            // The connection breaks: what arrives of it may do so long after.
            self.break_connection(node);
            if self.chance(50) {
                let after = self.random.below(REQUEST_TIMEOUT_MS - 1);
                self.later(after, Happens::Arrives(id, node, request, false));
            }
            return;
        }
        let busy = self.busy.get(&node).copied().unwrap_or_default().max(self.now);
        let arrives = busy + 1 + self.random.below(10);
        self.busy.insert(node, arrives);
        let has_answer = !self.chance(self.trouble);
        self.later(arrives - self.now, Happens::Arrives(id, node, request, has_answer));
    }

    fn break_connection(&mut self, node: i32) {
        let broken: Vec<RequestId> =
            self.waiting.iter().filter(|(_, it)| **it == node).map(|(id, _)| *id).collect();
        for id in broken {
            self.waiting.remove(&id);
            self.later(0, Happens::Answers(id, Err(disconnected())));
        }
        // What is under way already still arrives, in its order and maybe late; nobody hears of it.
        let late = if self.chance(50) { self.random.below(REQUEST_TIMEOUT_MS - 20) } else { 0 };
        let all = std::mem::take(&mut self.events);
        for ((at, number), mut event) in all {
            let mut at = at;
            if let Happens::Arrives(_, its, _, has_answer) = &mut event
                && *its == node
                && *has_answer
            {
                *has_answer = false;
                at = at + late;
            }
            self.events.insert((at, number), event);
        }
    }

    fn arrive(&mut self, id: RequestId, node: i32, request: &ProduceRequest, has_answer: bool) {
        let mut responses = Vec::new();
        for topic in &request.topic_data {
            let mut partition_responses = Vec::new();
            for data in &topic.partition_data {
                let Some(Records::Bytes(bytes)) = &data.records else { panic!("no records") };
                partition_responses.push(self.append(node, data.index, bytes));
            }
            let name = topic.name.clone();
            responses.push(TopicProduceResponse {
                name,
                partition_responses,
                ..Default::default()
            });
        }
        if has_answer && self.waiting.contains_key(&id) {
            let after = self.random.below(5);
            // Answers keep their order too: they are waited for in it.
            let answer = ProduceResponse { responses, ..Default::default() };
            self.waiting.remove(&id);
            self.later(after, Happens::Answers(id, Ok(Some(answer))));
        }
    }

    fn append(&mut self, node: i32, index: i32, bytes: &[u8]) -> PartitionProduceResponse {
        let trouble = self.trouble;
        let mut answer = PartitionProduceResponse {
            index,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: 0,
            ..Default::default()
        };
        let [refuses, times_out, is_fatal] =
            [trouble, trouble, trouble / 8].map(|it| self.chance(it));
        let log = &mut self.logs[usize::try_from(index).unwrap()];
        let result = if log.leader != node {
            answer.current_leader =
                LeaderIdAndEpoch { leader_id: log.leader, leader_epoch: log.epoch };
            Err(ErrorCode::NotLeaderOrFollower)
        } else if refuses {
            Err(ErrorCode::NotEnoughReplicas)
        } else if is_fatal && !log.has(bytes) {
            // What was good enough once stays so.
            Err(ErrorCode::InvalidRecord)
        } else {
            log.append(bytes)
        };
        let result = match result {
            Ok(_) if times_out => Err(ErrorCode::NotEnoughReplicasAfterAppend),
            result => result,
        };
        match result {
            Ok(offset) => answer.base_offset = offset,
            Err(code) => answer.error_code = code.code(),
        }
        answer
    }

    fn metadata(&self) -> Metadata {
        let partitions =
            self.logs.iter().zip(0..).map(|(log, partition_index)| MetadataResponsePartition {
                partition_index,
                leader_id: log.leader,
                leader_epoch: log.epoch,
                ..Default::default()
            });
        let topic = MetadataResponseTopic {
            name: Some(TOPIC.to_owned()),
            topic_id: TOPIC_ID,
            partitions: partitions.collect(),
            ..Default::default()
        };
        let mut metadata = Metadata::default();
        metadata.apply(MetadataResponse { topics: vec![topic], ..Default::default() }, true);
        metadata
    }
}

impl Log {
    /// Whether the records of a batch are there.
    fn has(&self, bytes: &[u8]) -> bool {
        tags(bytes).iter().any(|it| self.tags.contains(it))
    }

    /// Kafka's `ProducerAppendInfo`, as far as an idempotent producer meets it.
    fn append(&mut self, bytes: &[u8]) -> Result<i64, ErrorCode> {
        let view = BatchView::only_of(bytes).unwrap();
        assert!(view.crc_is_valid());
        let tags = tags(bytes);
        if 12 < tags.len() {
            return Err(ErrorCode::MessageTooLarge);
        }
        let (first, count) = (view.base_sequence(), i32::try_from(tags.len()).unwrap());
        let base = i64::try_from(self.tags.len()).unwrap();
        let (id, epoch) = (view.producer_id(), view.producer_epoch());
        if id == ProducerId::NONE {
            self.tags.extend(tags);
            return Ok(base);
        }
        if let Some(counted) = self.producers.get(&id) {
            if epoch < counted.epoch {
                return Err(ErrorCode::InvalidProducerEpoch);
            }
            let is_same = |it: &&(i32, i32, i64)| (it.0, it.1) == (first, first + count - 1);
            if epoch == counted.epoch {
                if let Some(same) = counted.batches.iter().find(is_same) {
                    return Ok(same.2);
                }
                let last = counted.batches.back().map_or(-1, |it| it.1);
                if first != last + 1 {
                    return Err(ErrorCode::OutOfOrderSequenceNumber);
                }
            } else if first != 0 {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
        }
        let counted =
            self.producers.entry(id).or_insert_with(|| Counted { epoch, batches: VecDeque::new() });
        if counted.epoch != epoch {
            *counted = Counted { epoch, batches: VecDeque::new() };
        }
        counted.batches.push_back((first, first + count - 1, base));
        if 5 < counted.batches.len() {
            counted.batches.pop_front();
        }
        self.tags.extend(tags);
        Ok(base)
    }
}

fn tags(bytes: &[u8]) -> Vec<u64> {
    let view = BatchView::only_of(bytes).unwrap();
    let body = view.decompress(&mut Budget::new(1 << 20)).unwrap();
    let values = body.records().map(|it| it.unwrap().value.unwrap().first_chunk().copied());
    values.map(|it| u64::from_be_bytes(it.unwrap())).collect()
}

/// Runs one seed; says what is wrong in the end.
fn run(seed: u64, planted: Planted) -> Result<(), String> {
    let mut world = World::new(seed);
    let mut sender = machine(&mut world.random, planted);
    sender.add_topic(world.now, &world.metadata().topics[TOPIC], &mut Vec::new());
    let records = 60 + world.random.below(200);
    let mut sent: Vec<Vec<u64>> = vec![Vec::new(); 2];
    let mut effects = Vec::new();
    let mut tag = 0;
    if 0 < world.trouble {
        for _ in 0..world.random.below(5) {
            let (at, partition) = (world.random.below(2_000), world.random.below(2));
            world.later(at, Happens::Leads(i32::try_from(partition).unwrap()));
            let at = world.random.below(3_000);
            world.later(at, Happens::Forgets);
        }
    }
    while tag < records || !sender.is_idle() {
        for _ in 0..world.random.below(6) {
            if tag < records {
                append(&mut sender, &mut world, tag, &mut sent);
                tag += 1;
            }
        }
        if records <= tag {
            // The cluster recovers before the records expire, or not.
            world.trouble = world.trouble.min(10);
        }
        sender.poll(world.now, &mut effects);
        for effect in std::mem::take(&mut effects) {
            world.perform(effect);
        }
        step(&mut sender, &mut world, &mut effects, tag < records);
        for effect in std::mem::take(&mut effects) {
            world.perform(effect);
        }
        if 600_000 < world.now.0 {
            return Err(format!("seed {seed}: it hangs"));
        }
    }
    let left = sender.metrics().buffer_bytes;
    if left != 0 {
        return Err(format!("seed {seed}: {left} bytes are counted of records that have ended"));
    }
    check(&world, &sent, records).map_err(|it| format!("seed {seed}: {it}"))
}

fn machine(random: &mut Random, planted: Planted) -> Sender {
    // One in five relies on nothing but the order of its requests.
    let is_plain = planted == Planted::Nothing && random.below(5) == 0;
    let config = ProducerConfig {
        acks: if is_plain { Acks::Leader } else { Acks::All },
        idempotence: if is_plain { Idempotence::Off } else { Idempotence::On },
        batch_bytes: 61 + usize::try_from(random.below(400)).unwrap(),
        linger: Duration::from_millis(random.below(10)),
        delivery_timeout: Duration::from_millis([1_500, 60_000][usize::from(random.below(3) != 0)]),
        in_flight_max: 5,
        buffer_bytes_max: 1 << 20,
        ..ProducerConfig::default()
    };
    let around = Surroundings {
        backoff: BackoffRange { first: Duration::from_millis(10), max: Duration::from_millis(100) },
        request_timeout_ms: REQUEST_TIMEOUT_MS,
        metadata_max_age_ms: 5_000,
        seed: random.bits(),
    };
    let mut sender = Sender::new(&config, around);
    sender.accumulator.rules.planted = planted;
    sender
}

fn append(sender: &mut Sender, world: &mut World, tag: u64, sent: &mut [Vec<u64>]) {
    let partition = i32::from(world.chance(30));
    let mut value = tag.to_be_bytes().to_vec();
    value.resize(8 + usize::try_from(world.random.below(60)).unwrap(), 0);
    let timestamp = Timestamp(5 + i64::from(world.chance(20)) * 1_000_000);
    let record = NewRecord { timestamp, value: Some(&value), ..Default::default() };
    let record = ProducerRecord { topic: TOPIC, partition: Some(partition), record, tag };
    sender.append(|| world.now, &record).unwrap();
    sent[usize::try_from(partition).unwrap()].push(tag);
}

/// Goes on to what happens next.
fn step(sender: &mut Sender, world: &mut World, effects: &mut Vec<Effect>, is_busy: bool) {
    let due = sender.next_deadline();
    let next = world.events.first_key_value().map(|((at, _), _)| *at);
    let soon = world.now + 1 + world.random.below(5);
    let until = [due, next, is_busy.then_some(soon)].into_iter().flatten().min().unwrap_or(soon);
    world.now = until.max(world.now);
    let now = world.now;
    let Some(((at, number), _)) = world.events.first_key_value() else { return };
    let key = (*at, *number);
    if now < key.0 {
        return;
    }
    match world.events.remove(&key).unwrap() {
        Happens::Arrives(id, node, request, answered) => world.arrive(id, node, &request, answered),
        Happens::Answers(id, answer) => sender.on_answer(now, id, answer, effects),
        Happens::TimesOut(id) => {
            if let Some(node) = world.waiting.get(&id).copied() {
                world.break_connection(node);
            }
        }
        Happens::Finds(answer) => {
            let (metadata, errors) = (world.metadata(), BTreeMap::new());
            let found = answer.map(|()| Found { metadata: &metadata, errors: &errors });
            sender.on_topics(now, found, effects);
        }
        Happens::Identifies(answer) => {
            let answer =
                answer.map(|id| InitProducerIdResponse { producer_id: id, ..Default::default() });
            sender.on_identity(now, answer, effects);
        }
        Happens::Forgets => {
            for counted in world.logs.iter_mut().flat_map(|it| it.producers.values_mut()) {
                while 1 < counted.batches.len() {
                    counted.batches.pop_front();
                }
            }
            for node in 0..2 {
                world.break_connection(node);
            }
        }
        Happens::Leads(partition) => {
            let log = &mut world.logs[usize::try_from(partition).unwrap()];
            log.leader = 1 - log.leader;
            log.epoch += 1;
        }
    }
}

fn check(world: &World, sent: &[Vec<u64>], records: u64) -> Result<(), String> {
    if world.ended.len() as u64 != records {
        return Err(format!("{} of {records} records ended", world.ended.len()));
    }
    for (log, sent) in world.logs.iter().zip(sent) {
        let is_plain = log.producers.is_empty();
        let pair = log.tags.windows(2).find(|pair| pair[1] <= pair[0]);
        if let Some(pair) = pair.filter(|_| !is_plain) {
            return Err(format!("record {} is written behind {}", pair[1], pair[0]));
        }
        for tag in sent {
            let at = log.tags.iter().position(|it| it == tag);
            match (&world.ended[tag], at) {
                (Ok(_), None) => return Err(format!("record {tag} is lost")),
                (Ok(Some(offset)), Some(at)) if *offset != at as i64 && !is_plain => {
                    return Err(format!("record {tag} is at {at}, not {offset}"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_is_lost_doubled_or_reordered() {
    let seeds = std::env::var("KT_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(1_500);
    let wrong: Vec<String> = (0..seeds).filter_map(|it| run(it, Planted::Nothing).err()).collect();
    assert!(wrong.is_empty(), "{} of {seeds}: {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

#[test]
fn each_planted_bug_is_found() {
    for planted in [
        Planted::TriesAdriftAreForgotten,
        Planted::OnlyTheFirstIsAskedFor,
        Planted::EpochsBeginWithMany,
    ] {
        let found = (0..6_000).find_map(|seed| run(seed, planted).err());
        assert!(found.is_some(), "{planted:?} is not found");
    }
}

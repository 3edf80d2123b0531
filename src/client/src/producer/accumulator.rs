//! What waits to be sent: the queues of all partitions, which of them are ready, and the memory that
//! they may take. No tokio, no clock.
//!
//! No step looks at all partitions, however many there are: those that can be sent stand in the list
//! of their leader, and each that has to be looked at later stands once in a list by time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kt_protocol::planted;
use kt_protocol::records::{AppendError, NewRecord};
use kt_protocol::types::{Millis, NodeId, ProducerId, TopicPartition};

use super::ProducerConfig;
use super::batch::{Batch, overhead_max};
use super::effect::RequestId;
use super::partitioner::{Choice, Choices, Chooser, Load, Partitioner};
use super::question::Question;
use super::queue::{Appended, Halved, Queue, Rules, Taken, Urgency, Verdict};
use super::record::ProducerRecord;
use super::sequence::Identity;
use super::topics::{QueueIndex, TopicIndex, Topics};

/// Why a record was not taken.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{ProducerConfig, ProducerRecord, RawProducer, Rejected};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::records::NewRecord;
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = RawProducer::new(client, ProducerConfig::default())?;
/// let record = NewRecord { value: Some(b"tea"), ..NewRecord::default() };
/// let record = ProducerRecord { topic: "orders", partition: Some(1), record, tag: 0 };
/// assert_eq!(producer.try_send(&record), Err(Rejected::UnknownTopic));
/// assert_eq!(producer.partitions("orders").await?, 1);
/// let rejected = producer.try_send(&record).unwrap_err();
/// assert_eq!(rejected.to_string(), "topic \"orders\" has no partition 1: it has 1");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Nobody has said yet which partitions the topic has: find it first.
    #[error("the topic is not known yet")]
    UnknownTopic,
    /// The topic has no such partition.
    #[error("topic \"{topic}\" has no partition {partition}: it has {count}")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How many partitions there are.
        count: usize,
    },
    /// The record is larger than a request may be.
    #[error("the record has {bytes} bytes, {max} are allowed (max.request.size)")]
    TooLarge {
        /// The record's bytes.
        bytes: usize,
        /// `max.request.size`.
        max: usize,
    },
    /// The record would never find room.
    #[error("the record takes up to {bytes} bytes, {max} are allowed for all (buffer.memory)")]
    LargerThanBuffer {
        /// The record's bytes, and what it may cost beside.
        bytes: usize,
        /// `buffer.memory`.
        max: usize,
    },
    /// There is no room until records before it have ended.
    #[error("{buffered} bytes wait to be delivered, {max} are allowed (buffer.memory)")]
    Full {
        /// Bytes that wait.
        buffered: usize,
        /// `buffer.memory`.
        max: usize,
    },
    /// No batch can hold it.
    #[error(transparent)]
    Batch(#[from] AppendError),
    /// The producer takes no more records.
    #[error("the producer is closed")]
    Closed,
}

/// The queues of all partitions.
#[derive(Debug)]
pub(super) struct Accumulator {
    pub(super) rules: Rules,
    request_bytes_max: usize,
    buffer_bytes_max: usize,
    is_adaptive: bool,
    partitioner: Partitioner,
    pub(super) topics: Topics,
    queues: Vec<Queue>,
    ready: BTreeMap<NodeId, VecDeque<QueueIndex>>,
    /// Ready, but for a leader; by their topics, which are asked for.
    pub(super) leaderless: BTreeMap<TopicIndex, BTreeSet<QueueIndex>>,
    /// Ready, but for an identity.
    unidentified: BTreeSet<QueueIndex>,
    timers: BTreeSet<(Millis, QueueIndex)>,
    expiries: BTreeSet<(Millis, QueueIndex)>,
    /// Brokers that have not taken anything for too long.
    pub(super) stuck: BTreeSet<NodeId>,
    pub(super) offered: Option<Identity>,
    buffered: usize,
    batches: usize,
    /// Batches that have not ended, by how many flushes were begun before they were.
    generations: BTreeMap<u64, usize>,
    generation: u64,
    urgency: Urgency,
    /// The last record was refused for want of room.
    pub(super) is_exhausted: bool,
    /// Something became ready, or is to be looked at earlier than all else, since this was cleared.
    pub(super) is_turned: bool,
}

impl Accumulator {
    pub(super) fn new(rules: Rules, config: &ProducerConfig) -> Accumulator {
        Accumulator {
            rules,
            request_bytes_max: config.request_bytes_max,
            buffer_bytes_max: config.buffer_bytes_max,
            is_adaptive: config.is_adaptive,
            partitioner: config.effective_partitioner(),
            topics: Topics::default(),
            queues: Vec::new(),
            ready: BTreeMap::new(),
            leaderless: BTreeMap::new(),
            unidentified: BTreeSet::new(),
            timers: BTreeSet::new(),
            expiries: BTreeSet::new(),
            stuck: BTreeSet::new(),
            offered: None,
            buffered: 0,
            batches: 0,
            generations: BTreeMap::new(),
            generation: 0,
            urgency: Urgency::Linger,
            is_exhausted: false,
            is_turned: false,
        }
    }

    /// Bytes of all records that have not ended, with what they cost beside.
    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    /// Batches that have not ended.
    pub(super) fn batches(&self) -> usize {
        self.batches
    }

    pub(super) fn add_topic(&mut self, name: &str, leaders: Question, seed: u64) -> TopicIndex {
        let chooser = Chooser::new(self.partitioner.clone(), self.rules.batch_bytes, seed);
        self.topics.add(name, chooser, leaders)
    }

    /// Gives a topic this many partitions. What those have that it loses stays where it is: it is
    /// to be given up.
    pub(super) fn resize(&mut self, topic: TopicIndex, count: usize) {
        for partition in self.topics.get(topic).queues.len()..count {
            let index = QueueIndex(self.queues.len());
            let number = i32::try_from(partition).expect("the wire counts partitions in 32 bits");
            self.queues.push(Queue::new(topic, number));
            self.topics.get_mut(topic).queues.push(index);
        }
        self.topics.get_mut(topic).count = count;
    }

    /// Whether the topic has this partition, as far as is known.
    pub(super) fn is_there(&self, index: QueueIndex) -> bool {
        let queue = &self.queues[index.0];
        let count = self.topics.get(queue.topic).count;
        usize::try_from(queue.partition).is_ok_and(|it| it < count)
    }

    pub(super) fn queue(&mut self, index: QueueIndex) -> &mut Queue {
        &mut self.queues[index.0]
    }

    /// The partition's name, for those outside.
    pub(super) fn name(&self, index: QueueIndex) -> TopicPartition {
        let queue = &self.queues[index.0];
        TopicPartition::new(&*self.topics.get(queue.topic).name, queue.partition)
    }

    /// Puts a record into the last batch of its partition. `now` is asked for only where a batch is
    /// begun.
    pub(super) fn append(
        &mut self,
        now: impl Fn() -> Millis,
        record: &ProducerRecord<'_>,
    ) -> Result<(), Rejected> {
        let bytes = record_bytes(&record.record);
        if self.request_bytes_max < bytes {
            return Err(Rejected::TooLarge { bytes, max: self.request_bytes_max });
        }
        let topic = self.topics.find(record.topic).ok_or(Rejected::UnknownTopic)?;
        // It costs more than its bytes, most of all if it begins a batch.
        let cost_max = bytes.saturating_add(overhead_max(record.record.headers.len()));
        if self.buffer_bytes_max < cost_max {
            return Err(Rejected::LargerThanBuffer { bytes: cost_max, max: self.buffer_bytes_max });
        }
        let is_full = self.buffer_bytes_max < self.buffered.saturating_add(cost_max);
        if is_full && !planted!("the buffer has no bound") {
            self.is_exhausted = true;
            self.urge(now(), Urgency::Now);
            return Err(Rejected::Full { buffered: self.buffered, max: self.buffer_bytes_max });
        }
        let (index, sticks) = self.partition(topic, record)?;
        let queue = &mut self.queues[index.0];
        let before = queue.len();
        let (appended, cost) = queue.append(&self.rules, &now, record.record, record.tag)?;
        self.is_exhausted = false;
        self.buffered += cost;
        if before < queue.len() {
            queue.batch(before).generation = self.generation;
            *self.generations.entry(self.generation).or_default() += 1;
            self.batches += 1;
        }
        if sticks {
            let has_open = queue.has_open();
            self.topics.get_mut(topic).chooser.appended(cost, has_open);
        }
        if appended == Appended::Turned {
            let now = now();
            self.topics.get_mut(topic).last_used = now;
            self.look_at(now, index);
        }
        Ok(())
    }

    /// The partition of a record, and whether it is one that records stick to.
    fn partition(
        &mut self,
        topic: TopicIndex,
        record: &ProducerRecord<'_>,
    ) -> Result<(QueueIndex, bool), Rejected> {
        let destination = self.topics.get_mut(topic);
        let count = i32::try_from(destination.count).expect("counted in 32 bits");
        if count == 0 {
            return Err(Rejected::UnknownTopic);
        }
        let (partition, sticks) = match record.partition {
            Some(partition) => (partition, false),
            None => {
                let available = &destination.available;
                let choices = Choices { topic: &destination.name, count, available };
                match destination.chooser.choose(&choices, &record.record) {
                    Choice::Partition(partition) => (partition, false),
                    Choice::Stay(partition) => (partition, true),
                    Choice::Stick => (self.stick(topic, count), true),
                }
            }
        };
        let destination = self.topics.get(topic);
        let found = usize::try_from(partition).ok().filter(|it| *it < destination.count);
        match found.and_then(|it| destination.queues.get(it)) {
            Some(index) => Ok((*index, sticks)),
            None => Err(Rejected::NoPartition {
                topic: destination.name.to_string(),
                partition,
                count: destination.count,
            }),
        }
    }

    fn stick(&mut self, topic: TopicIndex, count: i32) -> i32 {
        let destination = self.topics.get(topic);
        let load = |partition: &i32| {
            let index = destination.queues[usize::try_from(*partition).ok()?];
            let queue = &self.queues[index.0];
            let batches = if self.is_adaptive { queue.len() } else { 0 };
            let is_stuck = queue.leader.is_some_and(|it| self.stuck.contains(&it));
            Some(Load { partition: *partition, batches, is_stuck })
        };
        let loads: Vec<Load> = destination.available.iter().filter_map(load).collect();
        self.topics.get_mut(topic).chooser.stick(&loads, count)
    }

    /// Looks what can be done with a partition, and puts it where it is found again.
    pub(super) fn look_at(&mut self, now: Millis, index: QueueIndex) {
        let queue = &mut self.queues[index.0];
        if let Some(expiry) = queue.expiry(&self.rules).filter(|_| !queue.has_expiry) {
            queue.has_expiry = true;
            self.is_turned |= self.expiries.first().is_none_or(|(first, _)| expiry < *first);
            self.expiries.insert((expiry, index));
        }
        match queue.verdict(&self.rules, now, self.urgency, self.offered) {
            Verdict::Idle => {}
            Verdict::Unidentified => {
                self.is_turned |= self.unidentified.insert(index);
            }
            Verdict::At(at) => self.look_later(at, index),
            Verdict::Ready if queue.is_listed => {}
            Verdict::Ready => {
                queue.is_listed = true;
                self.is_turned = true;
                match queue.leader {
                    Some(node) => self.ready.entry(node).or_default().push_back(index),
                    None => drop(self.leaderless.entry(queue.topic).or_default().insert(index)),
                }
            }
        }
    }

    fn look_later(&mut self, at: Millis, index: QueueIndex) {
        let queue = &mut self.queues[index.0];
        if queue.timer.is_some_and(|timer| timer <= at) {
            return;
        }
        if let Some(timer) = queue.timer.replace(at) {
            self.timers.remove(&(timer, index));
        }
        self.is_turned |= self.timers.first().is_none_or(|(first, _)| at < *first);
        self.timers.insert((at, index));
    }

    /// Looks at all whose time has come; gives those whose oldest batch has expired.
    pub(super) fn wake(&mut self, now: Millis) -> Vec<QueueIndex> {
        while let Some((at, index)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, index));
            self.queues[index.0].timer = None;
            self.look_at(now, index);
        }
        let mut expired = Vec::new();
        while let Some((at, index)) = self.expiries.first().copied().filter(|(at, _)| *at <= now) {
            self.expiries.remove(&(at, index));
            let queue = &mut self.queues[index.0];
            match queue.expiry(&self.rules) {
                Some(expiry) if now < expiry => drop(self.expiries.insert((expiry, index))),
                Some(_) => {
                    queue.has_expiry = false;
                    expired.push(index);
                }
                None => queue.has_expiry = false,
            }
        }
        expired
    }

    /// When something is to be looked at next.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let first = |list: &BTreeSet<(Millis, QueueIndex)>| list.first().map(|(at, _)| *at);
        [first(&self.timers), first(&self.expiries)].into_iter().flatten().min()
    }

    /// Looks at every partition that has records: something changed that concerns all.
    pub(super) fn look_at_all(&mut self, now: Millis) {
        for index in 0..self.queues.len() {
            if !self.queues[index].is_empty() {
                self.look_at(now, QueueIndex(index));
            }
        }
    }

    /// Lets no batch wait for more records, or lets them wait again.
    pub(super) fn urge(&mut self, now: Millis, urgency: Urgency) {
        let before = std::mem::replace(&mut self.urgency, urgency);
        if before == Urgency::Linger && urgency == Urgency::Now {
            self.look_at_all(now);
        }
    }

    /// Looks again at those that an identity, or one that serves, was missing for.
    pub(super) fn identify(&mut self, now: Millis, offered: Identity) {
        self.offered = Some(offered);
        for index in std::mem::take(&mut self.unidentified) {
            self.look_at(now, index);
        }
    }

    /// Whether some partition waits for an identity.
    pub(super) fn is_any_unidentified(&self) -> bool {
        !self.unidentified.is_empty()
    }

    /// Whether an identity is needed; forgets one that does not serve any more.
    pub(super) fn wants_identity(&mut self) -> bool {
        let refused = |id: ProducerId| self.offered.is_some_and(|it| it.id == id);
        let waiting = self.unidentified.iter();
        let ids: Vec<_> = waiting.filter_map(|it| self.queues[it.0].refused_id()).collect();
        if ids.into_iter().any(refused) {
            self.offered = None;
        }
        self.offered.is_none() && !self.unidentified.is_empty()
    }

    /// A partition is led by another broker now, or by none; false if that is no news.
    pub(super) fn lead(&mut self, now: Millis, index: QueueIndex, leader: Option<NodeId>) -> bool {
        let queue = &mut self.queues[index.0];
        if queue.leader == leader {
            return false;
        }
        let old = std::mem::replace(&mut queue.leader, leader);
        if leader.is_some() {
            queue.hasten();
        }
        if std::mem::take(&mut queue.is_listed) {
            match old.and_then(|it| self.ready.get_mut(&it)) {
                Some(list) => list.retain(|it| *it != index),
                None => self.forget_leaderless(index),
            }
        }
        self.look_at(now, index);
        true
    }

    fn forget_leaderless(&mut self, index: QueueIndex) {
        let queue = &mut self.queues[index.0];
        let Some(waiting) = self.leaderless.get_mut(&queue.topic) else { return };
        if waiting.remove(&index) {
            queue.is_listed = false;
        }
        if waiting.is_empty() {
            self.leaderless.remove(&queue.topic);
        }
    }

    /// Asks for nothing more for a partition that has no records.
    pub(super) fn forget_if_empty(&mut self, index: QueueIndex) {
        if self.queues[index.0].is_empty() {
            self.unidentified.remove(&index);
            self.forget_leaderless(index);
        }
    }

    /// The brokers that something is ready for.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        let ready = self.ready.iter().filter(|(_, list)| !list.is_empty());
        ready.map(|(node, _)| *node).collect()
    }

    /// Takes batches for one request: of each partition one at most, those first that have waited
    /// longest, so that none is passed over.
    pub(super) fn drain(
        &mut self,
        now: Millis,
        node: NodeId,
        request: RequestId,
    ) -> Vec<(QueueIndex, Taken)> {
        let mut list = self.ready.remove(&node).unwrap_or_default();
        let mut taken = Vec::new();
        let mut bytes = 0;
        let mut seen = Vec::new();
        while let Some(index) = list.pop_front() {
            let queue = &mut self.queues[index.0];
            let size = queue.next_size();
            if !taken.is_empty() && self.request_bytes_max < bytes + size {
                list.push_front(index);
                break;
            }
            queue.is_listed = false;
            seen.push(index);
            let verdict = queue.verdict(&self.rules, now, self.urgency, self.offered);
            let batch = match verdict {
                Verdict::Ready => queue.take(&self.rules, now, request, self.offered),
                _ => None,
            };
            if let Some(batch) = batch {
                bytes += size;
                taken.push((index, batch));
            }
        }
        self.ready.insert(node, list);
        // What else they have goes with the next request.
        for index in seen {
            self.look_at(now, index);
        }
        taken
    }

    /// A batch has ended: its memory is free.
    pub(super) fn release(&mut self, batch: &Batch) {
        self.buffered -= batch.bytes;
        self.batches -= 1;
        let left = self.generations.get_mut(&batch.generation).expect("it was counted");
        *left -= 1;
        if *left == 0 {
            self.generations.remove(&batch.generation);
        }
    }

    /// Begins a generation of batches and gives the one before.
    pub(super) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation - 1
    }

    /// Whether all batches have ended that were begun in this generation or before.
    pub(super) fn has_ended(&self, generation: u64) -> bool {
        self.generations.first_key_value().is_none_or(|(first, _)| generation < *first)
    }

    /// A batch became two.
    pub(super) fn count_split(&mut self, halved: Halved) {
        self.buffered = self.buffered - halved.before + halved.after;
        *self.generations.entry(halved.generation).or_default() += 1;
        self.batches += 1;
    }

    /// Gives everything up: the batches of each partition, in order. Each is to be released.
    pub(super) fn clear(&mut self) -> Vec<(QueueIndex, Batch)> {
        let mut all = Vec::new();
        for index in 0..self.queues.len() {
            let batches = self.queues[index].clear();
            all.extend(batches.into_iter().map(|it| (QueueIndex(index), it)));
        }
        all
    }
}

/// Bytes of keys, values and headers.
fn record_bytes(record: &NewRecord<'_>) -> usize {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers.iter().map(|(key, value)| key.len() + length(*value)).sum();
    length(record.key) + length(record.value) + headers
}

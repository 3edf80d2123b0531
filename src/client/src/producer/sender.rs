//! The producer's machine: takes records, says which requests to send, and decides by the answers
//! what is sent again and what became of each record. No tokio, no clock, no socket.
//!
//! ```text
//! append -> accumulator -> poll -> Effect::Produce -> (the driver) -> on_answer -> Effect::Deliver
//!                           |-> Effect::FindTopics      -> on_topics
//!                           '-> Effect::InitProducerId  -> on_identity
//! ```

mod answers;
mod find;
#[cfg(test)]
pub(super) mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kt_protocol::types::{Millis, NodeId, ProducerEpoch, ProducerId, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::accumulator::{Accumulator, Rejected};
use super::batch::Batch;
use super::effect::{Effect, Outgoing, Produce, RequestId};
use super::metrics::Metrics;
use super::question::Question;
use super::queue::{Rules, Taken, Urgency};
use super::record::{Delivered, Delivery, ProducerRecord};
use super::sequence::Identity;
use super::topics::{QueueIndex, TopicIndex};
use super::{Acks, ProducerConfig};
use crate::backoff::BackoffRange;
use crate::duration::millis;
use crate::error::{Error, Subject};
use crate::random::Random;
pub use find::Found;

/// What a delivery is called in errors.
const OPERATION: &str = "Produce";

/// What the machine has to know of the client that it works for.
///
/// Shown at [`Sender`].
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Waits between tries.
    pub backoff: BackoffRange,
    /// How long a request goes without an answer before its connection is given up, in ms.
    pub request_timeout_ms: u64,
    /// When leaders are asked for again without need, in ms.
    pub metadata_max_age_ms: u64,
    /// Where random choices start.
    pub seed: u64,
}

/// The machine.
///
/// ```
/// use std::time::Duration;
///
/// use kt_client::producer::sender::{Sender, Surroundings};
/// use kt_client::producer::{Effect, Idempotence, ProducerConfig, ProducerRecord};
/// use kt_client::{ClientConfig, Partition, Topic};
/// use kt_protocol::records::NewRecord;
/// use kt_protocol::types::{Millis, NodeId};
///
/// let config = ProducerConfig {
///     idempotence: Idempotence::Off,
///     linger: Duration::ZERO,
///     ..ProducerConfig::default()
/// };
/// let around = Surroundings {
///     backoff: ClientConfig::default().backoff,
///     request_timeout_ms: 30_000,
///     metadata_max_age_ms: 300_000,
///     seed: 1,
/// };
/// let mut machine = Sender::new(&config, around);
/// let (now, mut effects) = (Millis(0), Vec::new());
///
/// let partition = Partition { leader: Some(NodeId(1)), ..Partition::default() };
/// let (name, partitions) = ("orders".to_owned(), vec![partition]);
/// let topic = Topic { name, partitions, ..Topic::default() };
/// machine.add_topic(now, &topic, &mut effects);
/// let record = NewRecord { value: Some(b"tea"), ..NewRecord::default() };
/// let record = ProducerRecord { topic: "orders", partition: Some(0), record, tag: 7 };
/// machine.append(|| now, &record)?;
/// machine.poll(now, &mut effects);
/// let Some(Effect::Produce(produce)) = effects.pop() else { panic!("{effects:?}") };
/// assert_eq!(produce.node, NodeId(1));
/// # Ok::<(), kt_client::producer::Rejected>(())
/// ```
#[derive(Debug)]
pub struct Sender {
    accumulator: Accumulator,
    around: Surroundings,
    acks: Acks,
    retries: u32,
    delivery_timeout: std::time::Duration,
    metadata_max_idle_ms: u64,
    availability_timeout_ms: u64,
    in_flight_max: usize,
    nodes: BTreeMap<NodeId, Node>,
    requests: BTreeMap<RequestId, Request>,
    requests_made: u64,
    identity: Question,
    /// Why there is no identity.
    identity_error: Option<Error>,
    leaders: Question,
    /// Topics of which an answer says that others lead them now.
    stale: BTreeSet<TopicIndex>,
    /// Topics that an answer is due for.
    asked: BTreeSet<TopicIndex>,
    /// When all topics in use were asked for last.
    leaders_known: Millis,
    flushes: usize,
    is_closed: bool,
    is_asleep: bool,
    random: Random,
    metrics: Metrics,
}

/// A broker that is sent to.
#[derive(Debug, Default)]
struct Node {
    in_flight: usize,
    /// Since when it has no room for what is ready, or fails what it was sent. Until it answers.
    stuck_since: Option<Millis>,
}

/// A request without an answer.
#[derive(Debug)]
struct Request {
    node: NodeId,
    queues: Vec<QueueIndex>,
    names: BTreeMap<Uuid, Arc<str>>,
    sent: Millis,
}

impl Sender {
    /// A machine that has seen nothing yet.
    pub fn new(config: &ProducerConfig, around: Surroundings) -> Sender {
        let rules = Rules {
            is_idempotent: config.is_idempotent(),
            compressor: config.compressor,
            batch_bytes: config.batch_bytes.min(config.request_bytes_max),
            linger_ms: millis(config.linger),
            delivery_timeout_ms: millis(config.delivery_timeout),
            in_flight_max: config.in_flight_max,
            #[cfg(test)]
            planted: super::queue::Planted::Nothing,
        };
        Sender {
            accumulator: Accumulator::new(rules, config),
            around,
            acks: config.acks,
            retries: config.retries,
            delivery_timeout: config.delivery_timeout,
            metadata_max_idle_ms: millis(config.metadata_max_idle),
            availability_timeout_ms: millis(config.availability_timeout),
            in_flight_max: config.in_flight_max,
            nodes: BTreeMap::new(),
            requests: BTreeMap::new(),
            requests_made: 0,
            identity: Question::new(around.backoff),
            identity_error: None,
            leaders: Question::new(around.backoff),
            stale: BTreeSet::new(),
            asked: BTreeSet::new(),
            leaders_known: Millis(0),
            flushes: 0,
            is_closed: false,
            is_asleep: false,
            random: Random::new(around.seed),
            metrics: Metrics::default(),
        }
    }

    /// Takes a record; `now` is asked for only where it matters. True if whoever sleeps until the
    /// next deadline has to be woken.
    ///
    /// # Errors
    ///
    /// Fails if the record cannot be taken, or not now; nothing has changed then.
    pub fn append(
        &mut self,
        now: impl Fn() -> Millis,
        record: &ProducerRecord<'_>,
    ) -> Result<bool, Rejected> {
        if self.is_closed {
            return Err(Rejected::Closed);
        }
        self.accumulator.append(now, record)?;
        self.metrics.records += 1;
        Ok(self.must_wake())
    }

    /// Whether there is more to do than was when [`Sender::fall_asleep`] was called; true once.
    pub fn must_wake(&mut self) -> bool {
        self.is_asleep && self.accumulator.is_turned && {
            self.is_asleep = false;
            true
        }
    }

    /// Whoever drives the machine does nothing until the time that is given, or until
    /// [`Sender::append`] says that it must.
    pub fn fall_asleep(&mut self) -> Option<Millis> {
        self.is_asleep = true;
        self.accumulator.is_turned = false;
        self.next_deadline()
    }

    /// True if every record has ended.
    pub fn is_idle(&self) -> bool {
        self.accumulator.batches() == 0
    }

    /// Sends everything at once until [`Sender::end_flush`] is called as often. Gives the flush a
    /// number for [`Sender::has_flushed`].
    pub fn begin_flush(&mut self, now: Millis) -> u64 {
        self.flushes += 1;
        self.accumulator.urge(now, Urgency::Now);
        self.accumulator.next_generation()
    }

    /// Whether every record has ended that came before this flush was begun.
    pub fn has_flushed(&self, flush: u64) -> bool {
        self.accumulator.has_ended(flush)
    }

    /// See [`Sender::begin_flush`].
    pub fn end_flush(&mut self) {
        self.flushes = self.flushes.saturating_sub(1);
    }

    /// Takes no more records; those that wait are sent at once.
    pub fn close(&mut self, now: Millis) {
        if !self.is_closed {
            self.is_closed = true;
            self.begin_flush(now);
        }
    }

    /// What was counted so far.
    pub fn metrics(&self) -> Metrics {
        let buffer_bytes = self.accumulator.buffered() as u64;
        let in_flight = self.requests.len() as u64;
        Metrics { buffer_bytes, in_flight, ..self.metrics }
    }

    /// Does what is due: what is to be sent now, and what has taken too long.
    pub fn poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.is_asleep = false;
        if self.flushes == 0 {
            let calm = !self.accumulator.is_exhausted;
            self.accumulator.urge(now, if calm { Urgency::Linger } else { Urgency::Now });
        }
        for index in self.accumulator.wake(now) {
            self.expire(now, index, effects);
        }
        self.leave_out_stuck(now);
        self.ask_for_identity(now, effects);
        self.ask_for_leaders(now, effects);
        for node in self.accumulator.nodes() {
            while self.send(now, node, effects) {}
        }
    }

    /// When [`Sender::poll`] has something to do next, if no answer or record comes before.
    pub fn next_deadline(&self) -> Option<Millis> {
        let age = self.around.metadata_max_age_ms;
        let may_ask = self.leaders.is_at_rest();
        let known = (may_ask && 0 < self.accumulator.batches()).then_some(self.leaders_known + age);
        let missing = if may_ask { self.next_look_for_missing() } else { None };
        let identity = match self.accumulator.is_any_unidentified() {
            true => self.identity.deadline(),
            false => None,
        };
        let asked = [identity, self.leaders.deadline(), known, missing, self.next_stuck()];
        asked.into_iter().chain([self.accumulator.next_deadline()]).flatten().min()
    }

    /// When the next broker counts as stuck.
    fn next_stuck(&self) -> Option<Millis> {
        if self.availability_timeout_ms == 0 {
            return None;
        }
        let others = self.nodes.iter().filter(|(node, _)| !self.accumulator.stuck.contains(node));
        others.filter_map(|(_, it)| Some(it.stuck_since? + self.availability_timeout_ms)).min()
    }

    /// Lets records without a key go elsewhere than to brokers that take nothing for too long.
    fn leave_out_stuck(&mut self, now: Millis) {
        if self.availability_timeout_ms == 0 {
            return;
        }
        for (node, state) in &self.nodes {
            let is_over = |since: Millis| since + self.availability_timeout_ms <= now;
            if state.stuck_since.is_some_and(is_over) {
                self.accumulator.stuck.insert(*node);
            }
        }
    }

    /// Takes a broker for one that can be sent to, until that turns out to be wrong.
    fn trust(&mut self, node: NodeId) {
        if let Some(state) = self.nodes.get_mut(&node) {
            state.stuck_since = None;
        }
        self.accumulator.stuck.remove(&node);
    }

    /// Sends one request to a broker, if something is ready and it may get one more.
    fn send(&mut self, now: Millis, node: NodeId, effects: &mut Vec<Effect>) -> bool {
        let state = self.nodes.entry(node).or_default();
        if self.in_flight_max <= state.in_flight {
            state.stuck_since.get_or_insert(now);
            return false;
        }
        let id = RequestId(self.requests_made);
        let taken = self.accumulator.drain(now, node, id);
        if taken.is_empty() {
            return false;
        }
        self.requests_made += 1;
        self.nodes.entry(node).or_default().in_flight += 1;
        let queues = taken.iter().map(|(index, _)| *index).collect();
        let produce = self.produce(id, node, taken);
        let names = produce.names();
        self.requests.insert(id, Request { node, queues, names, sent: now });
        effects.push(Effect::Produce(produce));
        true
    }

    fn produce(&mut self, id: RequestId, node: NodeId, taken: Vec<(QueueIndex, Taken)>) -> Produce {
        let mut topics: BTreeMap<TopicIndex, Outgoing> = BTreeMap::new();
        self.metrics.requests += 1;
        for (index, batch) in taken {
            self.metrics.count_sent(&batch);
            let queue = self.accumulator.queue(index);
            let (topic, partition) = (queue.topic, queue.partition);
            let destination = self.accumulator.topics.get(topic);
            let outgoing = topics.entry(topic).or_insert_with(|| Outgoing {
                name: Arc::clone(&destination.name),
                topic_id: destination.id,
                partitions: Vec::new(),
            });
            outgoing.partitions.push((partition, batch.sealed));
        }
        Produce {
            id,
            node,
            acks: self.acks.code(),
            timeout_ms: i32::try_from(self.around.request_timeout_ms).unwrap_or(i32::MAX),
            topics: topics.into_values().collect(),
        }
    }

    /// Gives up what has waited too long, wherever it is.
    fn expire(&mut self, now: Millis, index: QueueIndex, effects: &mut Vec<Effect>) {
        let rules = self.accumulator.rules;
        while self.accumulator.queue(index).has_expired(&rules, now) {
            let mut batch = self.accumulator.queue(index).give_up(0);
            let topic = self.accumulator.queue(index).topic;
            let of_topic = self.accumulator.topics.get(topic).error.clone();
            let of_identity = self.identity_error.clone();
            let error = Error::TimedOut {
                operation: OPERATION.to_owned(),
                after: self.delivery_timeout,
                last: batch.last_error.take().or(of_topic).or(of_identity).map(Box::new),
            };
            self.end(index, batch, Err(error), effects);
        }
        let queue = self.accumulator.queue(index);
        if let Some(node) = queue.leader.filter(|_| queue.is_empty()) {
            // Nothing would be sent there that could show that it is back.
            self.trust(node);
        }
        self.accumulator.look_at(now, index);
    }

    /// A batch has ended.
    fn end(
        &mut self,
        index: QueueIndex,
        batch: Batch,
        outcome: Result<Delivered, Error>,
        effects: &mut Vec<Effect>,
    ) {
        self.accumulator.release(&batch);
        self.accumulator.forget_if_empty(index);
        let records = batch.tags.len() as u64;
        match &outcome {
            Ok(_) => self.metrics.delivered += records,
            Err(_) => self.metrics.failed += records,
        }
        let partition = self.accumulator.name(index);
        effects.push(Effect::Deliver(Delivery { partition, tags: batch.tags, outcome }));
    }

    /// Gives up every record.
    pub fn abort(&mut self, error: &Error, effects: &mut Vec<Effect>) {
        for (index, batch) in self.accumulator.clear() {
            self.end(index, batch, Err(error.clone()), effects);
        }
    }

    fn ask_for_identity(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.accumulator.wants_identity() && self.identity.may_ask(now) {
            self.identity.ask();
            effects.push(Effect::InitProducerId(InitProducerIdRequest {
                transactional_id: None,
                // Means nothing without a transactional id; what Kafka's producer sends.
                transaction_timeout_ms: i32::MAX,
                producer_id: -1,
                producer_epoch: -1,
                ..Default::default()
            }));
        }
    }

    /// Takes the answer to [`Effect::InitProducerId`].
    pub fn on_identity(
        &mut self,
        now: Millis,
        answer: Result<InitProducerIdResponse, Error>,
        effects: &mut Vec<Effect>,
    ) {
        let answer = answer.and_then(|it| match ErrorCode::from_code(it.error_code) {
            ErrorCode::None => Ok(Identity {
                id: ProducerId(it.producer_id),
                epoch: ProducerEpoch(it.producer_epoch),
            }),
            code => Err(Error::broker(ApiKey::InitProducerId, code, Subject::Request)),
        });
        match answer {
            Ok(identity) => {
                self.identity.answered();
                self.identity_error = None;
                self.accumulator.identify(now, identity);
            }
            Err(error) => {
                self.identity.failed(now, &mut self.random);
                if !answers::is_worth_another_try(&error) {
                    self.abort(&error, effects);
                }
                self.identity_error = Some(error);
            }
        }
    }
}

//! The task that moves batches from the accumulator to the leaders, and their fate back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kt_protocol::codec::Records;
use kt_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kt_protocol::messages::produce_response::PartitionProduceResponse;
use kt_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use kt_protocol::types::{
    Millis, NodeId, Offset, ProducerEpoch, ProducerId, Timestamp, TopicPartition, Uuid,
};
use kt_protocol::{ApiKey, ErrorCode};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::accumulator::{Outgoing, Urgency};
use super::sequence::{Identity, Sequences};
use super::{Acks, Delivered, Delivery, Idempotence, ProducerConfig, Shared};
use crate::backoff::Backoff;
use crate::client::{Client, Limit, Target};
use crate::config::Event;
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::pool::Lane;
use crate::random::Random;

/// From here on requests name topics by id (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;

/// What a delivery is called in errors.
const OPERATION: &str = "Produce";

pub(super) struct Sender {
    client: Client,
    config: ProducerConfig,
    shared: Arc<Shared>,
    sequences: Sequences,
    requests: JoinSet<Answered>,
    /// Brokers with a request under way; each gets the next when it has answered.
    busy: BTreeSet<NodeId>,
    backoffs: BTreeMap<TopicPartition, Backoff>,
    random: Random,
}

/// The end of one request.
struct Answered {
    node: NodeId,
    partitions: Vec<TopicPartition>,
    ids: BTreeMap<Uuid, String>,
    result: Result<Option<ProduceResponse>, Error>,
}

impl Sender {
    pub(super) fn new(client: Client, config: ProducerConfig, shared: Arc<Shared>) -> Sender {
        let random = Random::new(client.seed());
        Sender {
            client,
            config,
            shared,
            sequences: Sequences::new(),
            requests: JoinSet::new(),
            busy: BTreeSet::new(),
            backoffs: BTreeMap::new(),
            random,
        }
    }

    /// Runs until the producer is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let deadline = self.dispatch().await;
            let work = self.shared.work.notified();
            tokio::select! {
                () = work => {}
                Some(answered) = self.requests.join_next() => {
                    if let Ok(answered) = answered {
                        self.busy.remove(&answered.node);
                        self.finish(answered);
                    }
                }
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Sends what is ready to brokers that are free. Gives the time of the next thing to do.
    async fn dispatch(&mut self) -> Option<Instant> {
        let now = self.shared.now();
        let (ready, deadline) = {
            let state = self.shared.state.lock();
            let urgency = if state.is_flushing { Urgency::Now } else { Urgency::Linger };
            (state.accumulator.ready(now, urgency), state.accumulator.next_deadline(now))
        };
        let deadline = deadline.map(|it| self.instant(it));
        if ready.is_empty() {
            return deadline;
        }
        if self.config.idempotence == Idempotence::On
            && self.sequences.identity().is_none()
            && let Err(error) = self.find_identity().await
        {
            self.fail_all(&error);
            return None;
        }
        for (node, partitions) in self.by_leader(ready).await {
            if !self.busy.contains(&node) {
                self.send(node, &partitions);
            }
        }
        deadline
    }

    fn instant(&self, at: Millis) -> Instant {
        self.shared.started + Duration::from_millis(at.0)
    }

    /// The ready partitions of each leader. Those without one are tried again later.
    async fn by_leader(
        &mut self,
        ready: Vec<TopicPartition>,
    ) -> BTreeMap<NodeId, Vec<TopicPartition>> {
        let mut by_leader: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        for partition in ready {
            match self.client.leader(&partition).await {
                Ok(node) => by_leader.entry(node).or_default().push(partition),
                Err(error) => {
                    // Closed now if it was not, so that its time begins to count.
                    let now = self.shared.now();
                    let is_idempotent = self.config.idempotence == Idempotence::On;
                    let sequences = is_idempotent.then_some(&mut self.sequences);
                    let one = [partition.clone()];
                    self.shared.state.lock().accumulator.take(now, &one, sequences);
                    self.try_again(&partition, error);
                }
            }
        }
        by_leader
    }

    async fn find_identity(&mut self) -> Result<(), Error> {
        let limit = self.client.limit("InitProducerId");
        let once = || async {
            let request = |_| InitProducerIdRequest {
                transactional_id: None,
                // Means nothing without a transactional id; what Kafka's producer sends.
                transaction_timeout_ms: i32::MAX,
                ..Default::default()
            };
            let wanted = Wanted::any::<InitProducerIdRequest>();
            let response = self.client.call_once(Target::Any, wanted, limit, request).await?;
            match ErrorCode::from_code(response.error_code) {
                ErrorCode::None => Ok(Identity {
                    id: ProducerId(response.producer_id),
                    epoch: ProducerEpoch(response.producer_epoch),
                }),
                code => Err(Error::broker(ApiKey::InitProducerId, code, Subject::Request)),
            }
        };
        let identity = self.client.retrying(limit, once).await?;
        self.sequences.adopt(identity);
        Ok(())
    }

    fn send(&mut self, node: NodeId, partitions: &[TopicPartition]) {
        let now = self.shared.now();
        let is_idempotent = self.config.idempotence == Idempotence::On;
        let sequences = is_idempotent.then_some(&mut self.sequences);
        let taken = self.shared.state.lock().accumulator.take(now, partitions, sequences);
        if taken.is_empty() {
            return;
        }
        self.busy.insert(node);
        let request = self.request(&taken);
        let partitions = taken.into_iter().map(|it| it.partition).collect();
        let (client, acks) = (self.client.clone(), self.config.acks);
        self.requests.spawn(async move {
            let Request { topics, ids, wanted, timeout_ms } = request;
            let build = |version: i16| ProduceRequest {
                transactional_id: None,
                acks: acks.code(),
                timeout_ms,
                topic_data: topics.iter().map(|it| it.named_for(version)).collect(),
            };
            let result = send_one(&client, node, acks, wanted, build).await;
            Answered { node, partitions, ids, result }
        });
    }

    fn request(&self, taken: &[Outgoing]) -> Request {
        let metadata = self.client.metadata();
        let mut topics: Vec<TopicProduceData> = Vec::new();
        let mut ids = BTreeMap::new();
        let mut all_have_ids = true;
        for Outgoing { partition, records } in taken {
            let data = PartitionProduceData {
                index: partition.partition.0,
                records: Some(Records::Bytes(records.clone())),
            };
            match topics.last_mut() {
                Some(last) if last.name == partition.topic => last.partition_data.push(data),
                _ => {
                    let known = metadata.topics.get(&partition.topic);
                    let topic_id = known.map_or(Uuid::ZERO, |it| it.id);
                    all_have_ids &= !topic_id.is_zero();
                    ids.insert(topic_id, partition.topic.clone());
                    topics.push(TopicProduceData {
                        name: partition.topic.clone(),
                        topic_id,
                        partition_data: vec![data],
                    });
                }
            }
        }
        let mut wanted = Wanted::any::<ProduceRequest>();
        if !all_have_ids {
            wanted.versions.max = wanted.versions.max.min(TOPIC_ID_VERSION - 1);
        }
        let timeout = self.client.config().request_timeout.as_millis();
        Request { topics, ids, wanted, timeout_ms: i32::try_from(timeout).unwrap_or(i32::MAX) }
    }

    fn finish(&mut self, answered: Answered) {
        let Answered { partitions, ids, result, .. } = answered;
        let mut answers: BTreeMap<TopicPartition, PartitionProduceResponse> = BTreeMap::new();
        let (without_answer, is_acknowledged) = match result {
            Ok(Some(response)) => {
                for topic in response.responses {
                    let by_id = ids.get(&topic.topic_id).cloned();
                    let name = if topic.name.is_empty() { by_id } else { Some(topic.name) };
                    let Some(name) = name else { continue };
                    for it in topic.partition_responses {
                        answers.insert(TopicPartition::new(name.clone(), it.index), it);
                    }
                }
                (Error::protocol(ApiKey::Produce, "the answer lacks a partition"), true)
            }
            Ok(None) => (Error::protocol(ApiKey::Produce, "nothing to be said"), false),
            Err(error) => (error, true),
        };
        for partition in partitions {
            match answers.remove(&partition) {
                Some(answer) => self.judge(&partition, answer),
                None if !is_acknowledged => self.deliver(
                    &partition,
                    Ok(Delivered { base_offset: None, log_append_time: None }),
                ),
                None => self.try_again(&partition, without_answer.clone()),
            }
        }
    }

    fn judge(&mut self, partition: &TopicPartition, answer: PartitionProduceResponse) {
        let code = ErrorCode::from_code(answer.error_code);
        match code {
            // A duplicate was appended by an earlier try whose answer was lost.
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => {
                let delivered = Delivered {
                    base_offset: (0 <= answer.base_offset).then_some(Offset(answer.base_offset)),
                    log_append_time: (0 <= answer.log_append_time_ms)
                        .then_some(Timestamp(answer.log_append_time_ms)),
                };
                self.backoffs.remove(partition);
                self.deliver(partition, Ok(delivered));
            }
            code => {
                let details = answer.record_errors.into_iter().find_map(|it| {
                    let message = it.batch_index_error_message?;
                    Some(format!("record {} of its batch: {message}", it.batch_index))
                });
                let error = Error::Broker {
                    api: ApiKey::Produce,
                    code,
                    subject: Subject::Partition(partition.clone()),
                    message: details.or(answer.error_message),
                };
                self.try_again(partition, error);
            }
        }
    }

    /// Sends the batch again if that may help and there is time, else reports the failure.
    fn try_again(&mut self, partition: &TopicPartition, error: Error) {
        let attempted = self.shared.state.lock().accumulator.attempted(partition);
        let Some(attempted) = attempted else { return };
        let now = self.shared.now();
        let waited = Duration::from_millis(now - attempted.first_sent);
        let range = self.client.config().backoff;
        let backoff = self.backoffs.entry(partition.clone()).or_insert_with(|| Backoff::new(range));
        let wait = backoff.next(&mut self.random);
        let has_time = waited + wait < self.config.delivery_timeout;
        if is_worth_another_try(&error) && has_time {
            self.client.observe(&Event::Retrying { operation: OPERATION, error: &error, wait });
            self.client.forget(&partition.topic);
            let at = now + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.shared.state.lock().accumulator.retry(partition, at);
            return;
        }
        if let Some(stamp) = attempted.stamp {
            // Whether the broker has these records is unknown: a gap in the sequence would stop
            // the partition, so what follows comes from a producer with another id.
            self.sequences.abandon(stamp.identity);
        }
        self.backoffs.remove(partition);
        let error = match is_worth_another_try(&error) {
            true => Error::TimedOut {
                operation: OPERATION.to_owned(),
                after: self.config.delivery_timeout,
                last: Some(Box::new(error)),
            },
            false => error,
        };
        self.deliver(partition, Err(error));
    }

    fn deliver(&self, partition: &TopicPartition, outcome: Result<Delivered, Error>) {
        let mut state = self.shared.state.lock();
        let tags = state.accumulator.complete(partition);
        if tags.is_empty() {
            // It was given up while its request was under way.
            return;
        }
        state.deliveries.push(Delivery { partition: partition.clone(), tags, outcome });
        drop(state);
        self.shared.progress.notify_waiters();
    }

    /// Nothing can be sent at all.
    fn fail_all(&mut self, error: &Error) {
        let mut state = self.shared.state.lock();
        for (partition, tags) in state.accumulator.clear() {
            let outcome = Err(error.clone());
            state.deliveries.push(Delivery { partition, tags, outcome });
        }
        drop(state);
        self.shared.progress.notify_waiters();
    }
}

/// What a request is built from, once its version is known.
struct Request {
    topics: Vec<TopicProduceData>,
    ids: BTreeMap<Uuid, String>,
    wanted: Wanted,
    timeout_ms: i32,
}

trait NamedFor {
    /// With the name or the id only, as the version has it.
    fn named_for(&self, version: i16) -> Self;
}

impl NamedFor for TopicProduceData {
    fn named_for(&self, version: i16) -> TopicProduceData {
        let mut topic = self.clone();
        match version < TOPIC_ID_VERSION {
            true => topic.topic_id = Uuid::ZERO,
            false => topic.name = String::new(),
        }
        topic
    }
}

async fn send_one(
    client: &Client,
    node: NodeId,
    acks: Acks,
    wanted: Wanted,
    build: impl Fn(i16) -> ProduceRequest,
) -> Result<Option<ProduceResponse>, Error> {
    let timeout = client.config().request_timeout;
    let limit = Limit { operation: OPERATION, deadline: Instant::now() + timeout, timeout };
    let connection = client.connection(Target::Node(node), Lane::Produces, limit).await?;
    match acks {
        Acks::None => client.send_unanswered(&connection, wanted, build).map(|()| None),
        Acks::Leader | Acks::All => {
            client.call_on(&connection, wanted, limit, build).await.map(Some)
        }
    }
}

/// A request that timed out may have been appended; with sequence numbers another try is safe, and
/// without them it may duplicate, which is what a producer without them accepts.
fn is_worth_another_try(error: &Error) -> bool {
    match error {
        Error::TimedOut { .. } => true,
        Error::Broker { code: ErrorCode::UnknownTopicOrPartition, .. } => true,
        error => error.is_retriable(),
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

//! What becomes of batches by the answers to their requests.

use std::collections::BTreeMap;

use kt_protocol::messages::ProduceResponse;
use kt_protocol::messages::produce_response::PartitionProduceResponse;
use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Offset, Timestamp};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Delivered, Effect, Error, QueueIndex, Request, RequestId, Sender, Subject};
use crate::backoff::Backoff;
use crate::duration::millis;
use crate::producer::queue::Fate;
use crate::producer::topics::TopicIndex;

/// Written, and nobody says where.
const SOMEWHERE: Delivered = Delivered { base_offset: None, log_append_time: None };

type Answers = BTreeMap<(TopicIndex, i32), PartitionProduceResponse>;

impl Sender {
    /// Takes the answer to [`Effect::Produce`]; without one if the request has none and was sent.
    pub fn on_answer(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<Option<ProduceResponse>, Error>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(request) = self.requests.remove(&id) else { return };
        self.count_answer(now, &request, answer.is_ok());
        match answer {
            Ok(Some(response)) => {
                let mut answers = self.by_partition(&request, response);
                for index in &request.queues {
                    let queue = self.accumulator.queue(*index);
                    let answer = answers.remove(&(queue.topic, queue.partition));
                    self.judge(now, id, *index, answer, effects);
                }
            }
            Ok(None) => {
                for index in &request.queues {
                    self.deliver(now, id, *index, SOMEWHERE, effects);
                }
            }
            Err(error) => {
                // Where nothing was sent nothing is adrift; whether it was, not every error tells.
                let adrift = Fate::Adrift(now + self.around.request_timeout_ms);
                let fate = match &error {
                    Error::Unreachable { .. } => Fate::Kept,
                    _ => adrift,
                };
                for index in &request.queues {
                    self.stale.insert(self.accumulator.queue(*index).topic);
                    self.fail(now, id, *index, error.clone(), fate, effects);
                }
            }
        }
    }

    fn count_answer(&mut self, now: Millis, request: &Request, is_ok: bool) {
        self.metrics.request_ms += now - request.sent;
        self.metrics.answers += 1;
        let node = self.nodes.entry(request.node).or_default();
        node.in_flight -= 1;
        match is_ok {
            true => self.trust(request.node),
            false => drop(node.stuck_since.get_or_insert(now)),
        }
    }

    fn by_partition(&mut self, request: &Request, response: ProduceResponse) -> Answers {
        let mut answers = Answers::new();
        for topic in response.responses {
            let by_id = request.names.get(&topic.topic_id);
            let name =
                if topic.name.is_empty() { by_id.map(|it| &**it) } else { Some(&*topic.name) };
            let Some(index) = name.and_then(|it| self.accumulator.topics.find(it)) else {
                continue;
            };
            for it in topic.partition_responses {
                answers.insert((index, it.index), it);
            }
        }
        answers
    }

    fn judge(
        &mut self,
        now: Millis,
        id: RequestId,
        index: QueueIndex,
        answer: Option<PartitionProduceResponse>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(answer) = answer else {
            let error = Error::protocol(ApiKey::Produce, "the answer lacks a partition");
            return self.fail(now, id, index, error, Fate::Kept, effects);
        };
        let code = ErrorCode::from_code(answer.error_code);
        match code {
            // A duplicate was appended by an earlier try whose answer was lost.
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => {
                let delivered = Delivered {
                    base_offset: (0 <= answer.base_offset).then_some(Offset(answer.base_offset)),
                    log_append_time: (0 <= answer.log_append_time_ms)
                        .then_some(Timestamp(answer.log_append_time_ms)),
                };
                self.deliver(now, id, index, delivered, effects);
            }
            ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge
                if self.split(now, id, index) => {}
            code => {
                let leader = answer.current_leader.clone();
                let error = self.error(index, code, answer);
                if code.is_retriable() {
                    let topic = self.accumulator.queue(index).topic;
                    self.stale.insert(topic);
                }
                self.fail(now, id, index, error, fate(code), effects);
                self.follow(now, index, leader.leader_id, LeaderEpoch(leader.leader_epoch));
            }
        }
    }

    fn error(&self, index: QueueIndex, code: ErrorCode, answer: PartitionProduceResponse) -> Error {
        let details = answer.record_errors.into_iter().find_map(|it| {
            let message = it.batch_index_error_message?;
            Some(format!("record {} of its batch: {message}", it.batch_index))
        });
        Error::Broker {
            api: ApiKey::Produce,
            code,
            subject: Subject::Partition(self.accumulator.name(index)),
            message: details.or(answer.error_message),
        }
    }

    /// Believes a broker that says who leads now, if that is news (KIP-951).
    fn follow(&mut self, now: Millis, index: QueueIndex, leader: i32, epoch: LeaderEpoch) {
        let is_there = self.accumulator.is_there(index);
        let queue = self.accumulator.queue(index);
        if leader < 0 || epoch <= queue.leader_epoch || !is_there {
            return;
        }
        queue.leader_epoch = epoch;
        let topic = queue.topic;
        self.lead(now, index, Some(NodeId(leader)));
        let count = self.accumulator.topics.get(topic).count;
        self.update_available(topic, count);
    }

    fn deliver(
        &mut self,
        now: Millis,
        id: RequestId,
        index: QueueIndex,
        delivered: Delivered,
        effects: &mut Vec<Effect>,
    ) {
        let queue = self.accumulator.queue(index);
        // It was given up while its request was under way.
        let Some(position) = queue.position(id) else { return };
        let (proven, batch) = queue.complete(position);
        for earlier in proven {
            self.end(index, earlier, Ok(SOMEWHERE), effects);
        }
        self.end(index, batch, Ok(delivered), effects);
        self.accumulator.look_at(now, index);
    }

    /// Halves a batch that is too large; false if it is a single record.
    fn split(&mut self, now: Millis, id: RequestId, index: QueueIndex) -> bool {
        let rules = self.accumulator.rules;
        let queue = self.accumulator.queue(index);
        let Some(position) = queue.position(id) else { return true };
        let Some(halved) = queue.split(&rules, position) else { return false };
        self.accumulator.count_split(halved);
        self.metrics.splits += 1;
        self.accumulator.look_at(now, index);
        true
    }

    /// Sends a batch again if that may help, else reports the failure.
    fn fail(
        &mut self,
        now: Millis,
        id: RequestId,
        index: QueueIndex,
        error: Error,
        fate: Fate,
        effects: &mut Vec<Effect>,
    ) {
        let rules = self.accumulator.rules;
        let range = self.around.backoff;
        let queue = self.accumulator.queue(index);
        let Some(position) = queue.position(id) else { return };
        let batch = queue.batch(position);
        if batch.is_proven && matches!(fate, Fate::OutOfOrder) {
            return self.deliver(now, id, index, SOMEWHERE, effects);
        }
        let is_about_order = matches!(fate, Fate::OutOfOrder | Fate::Fenced);
        let may_help = is_worth_another_try(&error) || rules.is_idempotent && is_about_order;
        if may_help && batch.attempts <= self.retries {
            let backoff = batch.backoff.get_or_insert_with(|| Backoff::new(range));
            let wait = backoff.next(&mut self.random);
            let at = now + millis(wait);
            batch.last_error = Some(error.clone());
            effects.push(Effect::Retrying { error, wait });
            self.metrics.retries += 1;
            queue.retry(&rules, now, position, fate, at);
        } else {
            let batch = queue.give_up(position);
            self.end(index, batch, Err(error), effects);
        }
        self.accumulator.look_at(now, index);
    }
}

/// What an error code says of a batch that it is the answer to. Only of some the leader is sure that
/// it has not written the batch: others it says too when it has and the replicas did not follow.
fn fate(code: ErrorCode) -> Fate {
    match code {
        ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId => Fate::OutOfOrder,
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => Fate::Fenced,
        _ => Fate::Kept,
    }
}

/// A request that timed out may have been appended; with sequence numbers another try is safe, and
/// without them it may duplicate, which is what a producer without them accepts.
pub(super) fn is_worth_another_try(error: &Error) -> bool {
    match error {
        // Also a broker that goes down while it is asked for its versions.
        Error::TimedOut { .. } | Error::WrongListener { .. } => true,
        Error::Broker { code: ErrorCode::UnknownTopicOrPartition, .. } => true,
        error => error.is_retriable(),
    }
}

//! Which broker leads which partition, as the machine learns it.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, NodeId};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Effect, Error, QueueIndex, Sender, Subject, TopicIndex};
use crate::metadata::{Metadata, Topic};
use crate::producer::question::Question;

/// What a broker told of topics.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// All that is known.
    pub metadata: &'a Metadata,
    /// Why those that were asked for are not.
    pub errors: &'a BTreeMap<String, ErrorCode>,
}

impl Sender {
    /// Makes a topic known to which records are to go: it has been found already.
    pub fn add_topic(&mut self, now: Millis, topic: &Topic, effects: &mut Vec<Effect>) {
        let known = self.accumulator.topics.find(&topic.name);
        let index = known.unwrap_or_else(|| {
            let seed = self.random.bits();
            self.accumulator.add_topic(&topic.name, Question::new(self.around.backoff), seed)
        });
        self.learn(now, index, topic, effects);
    }

    /// How many partitions a topic has; `None` if it is not known yet.
    pub fn partitions(&mut self, topic: &str) -> Option<usize> {
        let index = self.accumulator.topics.find(topic)?;
        Some(self.accumulator.topics.get(index).count)
    }

    pub(super) fn ask_for_leaders(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if !self.leaders.may_ask(now) {
            return;
        }
        let mut topics = std::mem::take(&mut self.stale);
        let may_ask = |it: &&TopicIndex| self.accumulator.topics.get(**it).leaders.may_ask(now);
        topics.extend(self.accumulator.leaderless.keys().filter(may_ask).copied());
        let is_old = self.around.metadata_max_age_ms <= now - self.leaders_known;
        if is_old && 0 < self.accumulator.batches() {
            let idle = self.metadata_max_idle_ms;
            let used = self.accumulator.topics.iter().filter(|(_, it)| now - it.last_used < idle);
            topics.extend(used.map(|(index, _)| index));
            self.leaders_known = now;
        }
        if topics.is_empty() {
            self.leaders.answered();
            return;
        }
        self.leaders.ask();
        let name = |it: TopicIndex| self.accumulator.topics.get(it).name.to_string();
        effects.push(Effect::FindTopics(topics.iter().copied().map(name).collect()));
        self.asked = topics;
    }

    /// When a topic is asked for again of which partitions have no leader.
    pub(super) fn next_look_for_missing(&self) -> Option<Millis> {
        let topics = self.accumulator.leaderless.keys();
        topics.filter_map(|it| self.accumulator.topics.get(*it).leaders.deadline()).min()
    }

    /// Takes the answer to [`Effect::FindTopics`].
    pub fn on_topics(
        &mut self,
        now: Millis,
        found: Result<Found<'_>, Error>,
        effects: &mut Vec<Effect>,
    ) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                for topic in self.accumulator.leaderless.keys() {
                    self.accumulator.topics.get_mut(*topic).error = Some(error.clone());
                }
                let asked = std::mem::take(&mut self.asked);
                self.stale.extend(asked);
                self.leaders.failed(now, &mut self.random);
                return;
            }
        };
        self.leaders.answered();
        for index in std::mem::take(&mut self.asked) {
            let name = self.accumulator.topics.get(index).name.to_string();
            if let Some(code) = found.errors.get(&name) {
                self.miss(now, index, *code, effects);
            } else if let Some(topic) = found.metadata.topics.get(&name) {
                self.learn(now, index, topic, effects);
            }
            // One that does not come back holds up no other.
            let is_missing = self.accumulator.leaderless.contains_key(&index);
            let leaders = &mut self.accumulator.topics.get_mut(index).leaders;
            match is_missing {
                true => leaders.failed(now, &mut self.random),
                false => leaders.answered(),
            }
        }
    }

    /// A topic is not there, or not for us.
    fn miss(&mut self, now: Millis, index: TopicIndex, code: ErrorCode, effects: &mut Vec<Effect>) {
        let destination = self.accumulator.topics.get_mut(index);
        let subject = Subject::Topic(destination.name.to_string());
        let error = Error::broker(ApiKey::Metadata, code, subject);
        destination.error = Some(error.clone());
        let queues = destination.queues.clone();
        // A topic may be made again while its records wait; who may not write need not wait.
        let is_final =
            matches!(code, ErrorCode::TopicAuthorizationFailed | ErrorCode::InvalidTopicException);
        for queue in queues {
            self.accumulator.lead(now, queue, None);
            if is_final {
                self.give_up_all(queue, &error, effects);
            }
        }
        let count = self.accumulator.topics.get(index).count;
        self.update_available(index, count);
    }

    fn give_up_all(&mut self, queue: QueueIndex, error: &Error, effects: &mut Vec<Effect>) {
        for batch in self.accumulator.queue(queue).clear() {
            self.end(queue, batch, Err(error.clone()), effects);
        }
    }

    /// Takes away what was known of partitions that a topic does not have any more.
    fn lose(
        &mut self,
        now: Millis,
        queue: QueueIndex,
        is_another: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.accumulator.lead(now, queue, None);
        if is_another {
            let subject = Subject::Partition(self.accumulator.name(queue));
            let code = ErrorCode::UnknownTopicOrPartition;
            let error = Error::broker(ApiKey::Metadata, code, subject);
            self.give_up_all(queue, &error, effects);
        }
        self.accumulator.queue(queue).start_over();
    }

    fn learn(&mut self, now: Millis, index: TopicIndex, topic: &Topic, effects: &mut Vec<Effect>) {
        let destination = self.accumulator.topics.get(index);
        let is_another = !destination.id.is_zero() && destination.id != topic.id;
        let (before, told) = (destination.count, topic.partitions.len());
        let is_same = !is_another && !topic.id.is_zero();
        // A topic never has fewer partitions than before: who says so has not heard of the others.
        let count = if is_same { told.max(before) } else { told };
        self.accumulator.resize(index, count);
        let destination = self.accumulator.topics.get_mut(index);
        destination.id = topic.id;
        let has_all = topic.partitions.iter().all(|it| it.leader.is_some());
        let code = ErrorCode::LeaderNotAvailable;
        let subject = Subject::Topic(topic.name.clone());
        let error = Error::broker(ApiKey::Metadata, code, subject);
        destination.error = (!has_all).then_some(error);
        let queues = destination.queues.clone();
        for (queue, partition) in queues.iter().zip(&topic.partitions) {
            if is_another {
                self.accumulator.queue(*queue).start_over();
            }
            let epoch = self.accumulator.queue(*queue).leader_epoch;
            // Brokers may be behind what another one hinted at.
            let is_old = 0 <= partition.leader_epoch.0 && partition.leader_epoch < epoch;
            if !is_old {
                self.accumulator.queue(*queue).leader_epoch = partition.leader_epoch;
                self.lead(now, *queue, partition.leader);
            }
        }
        for queue in queues.iter().take(before).skip(count) {
            self.lose(now, *queue, is_another, effects);
        }
        self.update_available(index, count);
    }

    /// A broker that gets a partition is tried, whatever became of what it was sent before.
    pub(super) fn lead(&mut self, now: Millis, queue: QueueIndex, leader: Option<NodeId>) {
        if self.accumulator.lead(now, queue, leader)
            && let Some(node) = leader
        {
            self.trust(node);
        }
    }

    /// Notes which of a topic's partitions have a leader.
    pub(super) fn update_available(&mut self, index: TopicIndex, count: usize) {
        let mut available = Vec::new();
        let queues = self.accumulator.topics.get(index).queues.clone();
        for queue in queues.into_iter().take(count) {
            let queue = self.accumulator.queue(queue);
            if queue.leader.is_some() {
                available.push(queue.partition);
            }
        }
        let destination = self.accumulator.topics.get_mut(index);
        destination.chooser.keep_to(&available);
        destination.available = available;
    }
}

//! Which broker leads which partition, as the machine learns it.

use std::collections::BTreeMap;

use kt_protocol::types::Millis;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Asked, Effect, Error, QueueIndex, Sender, Subject, TopicIndex};
use crate::metadata::{Metadata, Topic};

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
    pub fn add_topic(&mut self, now: Millis, topic: &Topic) {
        let known = self.accumulator.topics.find(&topic.name);
        let index = known.unwrap_or_else(|| {
            let seed = self.random.bits();
            self.accumulator.add_topic(&topic.name, seed)
        });
        self.learn(now, index, topic);
    }

    /// How many partitions a topic has; `None` if it is not known yet.
    pub fn partitions(&mut self, topic: &str) -> Option<usize> {
        let index = self.accumulator.topics.find(topic)?;
        Some(self.accumulator.topics.get(index).queues.len())
    }

    pub(super) fn ask_for_leaders(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if !self.leaders.may_ask(now) {
            return;
        }
        let mut topics = std::mem::take(&mut self.stale);
        for index in self.accumulator.leaderless.clone() {
            topics.insert(self.accumulator.queue(index).topic);
        }
        let is_old = self.around.metadata_max_age_ms <= now - self.leaders_known;
        if is_old && 0 < self.accumulator.batches() {
            let idle = self.metadata_max_idle_ms;
            let used = self.accumulator.topics.iter().filter(|(_, it)| now - it.last_used < idle);
            topics.extend(used.map(|(index, _)| index));
            self.leaders_known = now;
        }
        if topics.is_empty() {
            return;
        }
        self.leaders.state = Asked::Now;
        let name = |it: TopicIndex| self.accumulator.topics.get(it).name.to_string();
        effects.push(Effect::FindTopics(topics.iter().copied().map(name).collect()));
        self.asked = topics;
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
                let waiting = self.accumulator.leaderless.clone();
                for index in waiting {
                    let topic = self.accumulator.queue(index).topic;
                    self.accumulator.topics.get_mut(topic).error = Some(error.clone());
                }
                let asked = std::mem::take(&mut self.asked);
                self.stale.extend(asked);
                self.leaders.failed(now, &mut self.random);
                return;
            }
        };
        self.leaders_known = now;
        for index in std::mem::take(&mut self.asked) {
            let name = self.accumulator.topics.get(index).name.to_string();
            if let Some(code) = found.errors.get(&name) {
                self.miss(now, index, *code, effects);
            } else if let Some(topic) = found.metadata.topics.get(&name) {
                self.learn(now, index, topic);
            }
        }
        match self.accumulator.leaderless.is_empty() {
            true => self.leaders.answered(),
            false => self.leaders.failed(now, &mut self.random),
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
                for batch in self.accumulator.queue(queue).clear() {
                    self.end(queue, batch, Err(error.clone()), effects);
                }
                self.accumulator.leaderless.remove(&queue);
                self.accumulator.queue(queue).is_listed = false;
            }
        }
    }

    fn learn(&mut self, now: Millis, index: TopicIndex, topic: &Topic) {
        self.accumulator.grow(index, topic.partitions.len());
        let destination = self.accumulator.topics.get_mut(index);
        let is_another = !destination.id.is_zero() && destination.id != topic.id;
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
                self.accumulator.lead(now, *queue, partition.leader);
            }
        }
        self.update_available(index, &queues);
    }

    pub(super) fn update_available(&mut self, index: TopicIndex, queues: &[QueueIndex]) {
        let mut available = Vec::new();
        for queue in queues {
            let queue = self.accumulator.queue(*queue);
            if queue.leader.is_some() {
                available.push(queue.partition);
            }
        }
        let destination = self.accumulator.topics.get_mut(index);
        destination.chooser.keep_to(&available);
        destination.available = available;
    }
}

//! Who leads: what metadata say, what answers hint at, and topics that are not there any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::types::{LeaderEpoch, Millis, Now, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::position::{Leader, Phase};
use super::{Effect, Fetcher, Start};
use crate::consumer::config::OffsetReset;
use crate::duration::millis;
use crate::error::{Error, Subject};
use crate::metadata::Metadata;

/// A topic that is said not to exist so often in a row does not: a broker may hear late of a new
/// one.
const MISSING_MAX: u32 = 2;

impl Fetcher {
    /// What a broker said of the cluster, with the topics that it had an error for.
    pub fn on_metadata(
        &mut self,
        now: Now,
        answer: Result<(Arc<Metadata>, BTreeMap<String, ErrorCode>), Error>,
    ) {
        self.watch.is_under_way = false;
        let now = now.monotonic;
        let (metadata, topic_errors) = match answer {
            Ok(answer) => answer,
            Err(error) => return self.metadata_failed(now, error),
        };
        self.watch.metadata = metadata;
        self.watch.retry_at = None;
        self.watch.old_at = Some(now + self.metadata_age());
        self.watch.missing.retain(|topic, _| topic_errors.contains_key(topic));
        let partitions: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        let mut is_settled = true;
        for topic in topic_errors.keys() {
            *self.watch.missing.entry(topic.clone()).or_default() += 1;
        }
        for partition in &partitions {
            if let Some(code) = topic_errors.get(&partition.topic) {
                is_settled = false;
                self.topic_missing(now, partition, *code);
            } else if self.is_of_before(partition) {
                is_settled = false;
            } else if self.check_topic(partition) {
                self.adopt_leader(partition);
                is_settled &= self.has_leader(now, partition);
            }
        }
        if is_settled {
            self.watch.backoff.reset();
        } else {
            self.want_metadata_later(now);
        }
    }

    fn metadata_failed(&mut self, now: Millis, error: Error) {
        self.want_metadata_later(now);
        if self.watch.metadata.brokers.is_empty() || !error.is_retriable() {
            // Nobody was ever there, or nobody helps: waiting on is the caller's choice.
            self.errors.insert(None, error);
            return;
        }
        let without_leader = self.partitions.iter().filter(|(_, it)| it.leader.is_none());
        let partitions: Vec<TopicPartition> = without_leader.map(|(it, _)| it.clone()).collect();
        for partition in partitions {
            self.try_later(now, &partition, error.clone());
        }
    }

    fn want_metadata_later(&mut self, now: Millis) {
        let wait = self.watch.backoff.next(&mut self.random);
        self.watch.is_wanted = true;
        self.watch.retry_at = Some(now + millis(wait));
    }

    fn topic_missing(&mut self, now: Millis, partition: &TopicPartition, code: ErrorCode) {
        let times = self.watch.missing.get(&partition.topic).copied().unwrap_or(0);
        let subject = Subject::Topic(partition.topic.clone());
        let error = Error::broker(ApiKey::Metadata, code, subject);
        match code {
            ErrorCode::UnknownTopicOrPartition if times < MISSING_MAX => {
                self.try_later(now, partition, error);
            }
            ErrorCode::UnknownTopicOrPartition => self.fail(partition, error),
            ErrorCode::TopicAuthorizationFailed => self.report_and_retry(now, partition, error),
            code if code.is_retriable() => self.try_later(now, partition, error),
            _ => self.fail(partition, error),
        }
    }

    /// True if the broker still tells of the topic that had the name before: it is behind.
    fn is_of_before(&self, partition: &TopicPartition) -> bool {
        let told = self.watch.metadata.topics.get(&partition.topic).map(|it| it.id);
        let former = self.partitions.get(partition).and_then(|it| it.former_topic);
        former.is_some() && told == former
    }

    /// Another topic may have the name now: an offset of the old one means nothing in it. True if
    /// it is the same.
    fn check_topic(&mut self, partition: &TopicPartition) -> bool {
        let Some(topic) = self.watch.metadata.topics.get(&partition.topic) else { return true };
        let new_id = topic.id;
        let Some(assigned) = self.partitions.get_mut(partition) else { return true };
        let old_id = std::mem::replace(&mut assigned.topic_id, new_id);
        if old_id.is_zero() || old_id == new_id {
            return true;
        }
        assigned.former_topic = Some(old_id);
        if self.settings.consumer.offset_reset == OffsetReset::None || assigned.stored.is_some() {
            let topic = partition.topic.clone();
            self.fail(partition, Error::TopicReplaced { topic });
            return false;
        }
        // All that the new topic has came after what was read of the old one.
        self.drop_fetched(partition);
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.leader = None;
            assigned.start(Start::Earliest);
        }
        true
    }

    /// Takes over who leads a partition, if that is newer than what is known.
    pub(super) fn adopt_leader(&mut self, partition: &TopicPartition) {
        let metadata = Arc::clone(&self.watch.metadata);
        let Some(topic) = metadata.topics.get(&partition.topic) else {
            self.watch.is_wanted = true;
            return;
        };
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        assigned.topic_id = topic.id;
        let Some(known) = topic.partition(partition.partition.0) else { return };
        let Some(node) = known.leader else {
            self.watch.is_wanted = true;
            return;
        };
        self.follow_leader(partition, Leader { node, epoch: known.leader_epoch });
    }

    /// Goes on with a new leader. What was read must be in its log too (KIP-320).
    pub(super) fn follow_leader(&mut self, partition: &TopicPartition, new: Leader) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        match assigned.leader {
            Some(old) if old == new => return,
            Some(old) if new.epoch < old.epoch && LeaderEpoch::UNKNOWN < new.epoch => return,
            _ => {}
        }
        let had_leader = assigned.leader.is_some();
        assigned.leader = Some(new);
        assigned.preferred = None;
        if had_leader {
            // The new one is asked at once.
            assigned.retry_at = None;
        }
        match assigned.phase {
            Phase::Fetch => assigned.phase = assigned.phase_at(assigned.position),
            Phase::Validate => assigned.asked = None,
            Phase::Reset(_) | Phase::Gap | Phase::Doubted | Phase::Failed => {}
        }
    }

    fn has_leader(&mut self, now: Millis, partition: &TopicPartition) -> bool {
        let is_known = self.watch.metadata.partition(partition).map(|it| it.leader.is_some());
        let code = match is_known {
            Some(true) => return true,
            Some(false) => ErrorCode::LeaderNotAvailable,
            None => ErrorCode::UnknownTopicOrPartition,
        };
        let subject = Subject::Partition(partition.clone());
        self.try_later(now, partition, Error::broker(ApiKey::Metadata, code, subject));
        false
    }

    /// How long metadata are good, in milliseconds.
    pub(super) fn metadata_age(&self) -> u64 {
        millis(self.settings.metadata_max_age)
    }

    /// Asks for metadata if something needs them and nothing holds that back.
    pub(super) fn plan_metadata(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        if self.partitions.is_empty() || self.watch.is_under_way {
            return;
        }
        self.watch.old_at.get_or_insert(now + self.metadata_age());
        let is_old = self.watch.old_at.is_some_and(|at| at <= now);
        let may_ask = self.watch.retry_at.is_none_or(|at| at <= now);
        if !may_ask || !(is_old || self.watch.is_wanted) {
            return;
        }
        self.watch.is_under_way = true;
        self.watch.is_wanted = false;
        let mut topics: Vec<String> = self.partitions.keys().map(|it| it.topic.clone()).collect();
        topics.dedup();
        effects.push(Effect::RefreshMetadata { topics });
    }

    /// A partition is left alone until its next try.
    pub(super) fn wait_a_while(&mut self, now: Millis, partition: &TopicPartition) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        let wait = assigned.backoff.next(&mut self.random);
        assigned.retry_at = Some(now + millis(wait));
    }

    /// Something of a partition failed and is worth another try.
    pub(super) fn try_later(&mut self, now: Millis, partition: &TopicPartition, error: Error) {
        self.wait_a_while(now, partition);
        let after = self.settings.error_after;
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        let since = *assigned.failing_since.get_or_insert(now);
        if now - since < millis(after) {
            return;
        }
        // The caller hears of it, and trying goes on.
        assigned.failing_since = Some(now);
        let operation = format!("reading {partition}");
        let error = Error::TimedOut { operation, after, last: Some(Box::new(error)) };
        self.errors.insert(Some(partition.clone()), error);
    }

    /// The same, and the caller hears of it now: only someone else can help.
    pub(super) fn report_and_retry(
        &mut self,
        now: Millis,
        partition: &TopicPartition,
        error: Error,
    ) {
        self.errors.insert(Some(partition.clone()), error.clone());
        self.try_later(now, partition, error);
    }

    /// A partition cannot be read until the caller decides. What was fetched of it is still good.
    pub(super) fn fail(&mut self, partition: &TopicPartition, error: Error) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        assigned.phase = Phase::Failed;
        assigned.asked = None;
        assigned.retry_at = None;
        assigned.failing_since = None;
        self.errors.insert(Some(partition.clone()), error);
    }
}

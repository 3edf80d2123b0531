//! Positions that are asked for: where to start (ListOffsets), and whether the log was cut below
//! what was read (OffsetForLeaderEpoch, KIP-320).

use std::collections::BTreeMap;

use kt_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kt_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kt_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kt_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};
use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Now, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::assigned::Assigned;
use super::position::{Leader, Phase};
use super::{Effect, Fetcher, Position, RequestId, Start};
use crate::consumer::by_topic::by_topic;
use crate::error::{Error, Subject};

/// How the timestamps of ListOffsets say the two ends.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// A request for positions that is under way.
#[derive(Debug)]
pub(super) enum Question {
    Starts(BTreeMap<TopicPartition, Start>),
    Epochs(BTreeMap<TopicPartition, Position>),
}

/// What has to be asked of a partition's leader before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// An offset: ListOffsets.
    Start(Start),
    /// Whether the log still has what was read: OffsetForLeaderEpoch.
    Validation,
}

impl Assigned {
    /// What is to be asked now; `None` if nothing is, or it is asked already.
    fn wanted_position(&self, now: Millis) -> Option<Wanted> {
        if self.asked.is_some() || !self.is_due(now) {
            return None;
        }
        match self.phase {
            Phase::Reset(start) => Some(Wanted::Start(start)),
            Phase::Gap | Phase::Doubted => Some(Wanted::Start(Start::Earliest)),
            Phase::Validate => Some(Wanted::Validation),
            Phase::Fetch | Phase::Failed => None,
        }
    }
}

impl Fetcher {
    /// Asks for the positions of partitions that have none, and validates those that must be.
    pub(super) fn plan_starts(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut starts: BTreeMap<NodeId, BTreeMap<TopicPartition, (Start, Leader)>> =
            BTreeMap::new();
        let mut epochs: BTreeMap<NodeId, BTreeMap<TopicPartition, (Position, Leader)>> =
            BTreeMap::new();
        self.resolve_resets(now);
        for (partition, it) in &self.partitions {
            let Some(wanted) = it.wanted_position(now.monotonic) else { continue };
            let Some(leader) = it.leader else {
                self.watch.is_wanted = true;
                continue;
            };
            let partition = partition.clone();
            match wanted {
                Wanted::Start(start) => {
                    starts.entry(leader.node).or_default().insert(partition, (start, leader));
                }
                Wanted::Validation => {
                    let ask = (it.position, leader);
                    epochs.entry(leader.node).or_default().insert(partition, ask);
                }
            }
        }
        for (node, asked) in starts {
            self.ask_starts(node, asked, effects);
        }
        for (node, asked) in epochs {
            self.ask_epochs(node, asked, effects);
        }
    }

    /// Says for each partition that begins where `auto.offset.reset` says where that is now.
    fn resolve_resets(&mut self, now: Now) {
        let start = self.settings.consumer.offset_reset.at(now.wall);
        let mut without_policy = Vec::new();
        for (partition, it) in &mut self.partitions {
            let is_due = it.wanted_position(now.monotonic) == Some(Wanted::Start(Start::Reset));
            if !is_due || it.leader.is_none() {
                continue;
            }
            match start {
                Some(start) => it.phase = Phase::Reset(start),
                None => without_policy.push(partition.clone()),
            }
        }
        for partition in without_policy {
            self.fail(&partition, Error::NoPosition { partition: partition.clone() });
        }
    }

    fn ask_starts(
        &mut self,
        node: NodeId,
        asked: BTreeMap<TopicPartition, (Start, Leader)>,
        effects: &mut Vec<Effect>,
    ) {
        let id = self.new_id();
        for partition in asked.keys() {
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.asked = Some(id);
            }
        }
        let parts = asked.iter().map(|(partition, (start, leader))| {
            let part = ListOffsetsPartition {
                partition_index: partition.partition.0,
                current_leader_epoch: leader.epoch.0,
                timestamp: match start {
                    Start::Earliest => EARLIEST,
                    Start::At(timestamp) => timestamp.0,
                    Start::Latest | Start::Reset | Start::Position(_) | Start::Stored(..) => LATEST,
                },
            };
            (partition, part)
        });
        let topics = by_topic(parts).into_iter();
        let topics = topics.map(|(name, partitions)| ListOffsetsTopic { name, partitions });
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: self.settings.consumer.isolation.code(),
            topics: topics.collect(),
            timeout_ms: i32::MAX,
        };
        let asked = asked.into_iter().map(|(partition, (start, _))| (partition, start)).collect();
        self.questions.insert(id, Question::Starts(asked));
        effects.push(Effect::ListOffsets { id, node, request });
    }

    /// The answer to [`Effect::ListOffsets`].
    pub fn on_list_offsets(
        &mut self,
        now: Now,
        id: RequestId,
        answer: Result<ListOffsetsResponse, Error>,
    ) {
        let Some(Question::Starts(asked)) = self.questions.remove(&id) else { return };
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                return self.question_failed(now.monotonic, id, asked.into_keys(), &error);
            }
        };
        let mut found: BTreeMap<TopicPartition, ListOffsetsPartitionResponse> = BTreeMap::new();
        for topic in response.topics {
            for it in topic.partitions {
                found.insert(TopicPartition::new(topic.name.clone(), it.partition_index), it);
            }
        }
        for (partition, start) in asked {
            if !self.is_asked(&partition, id) {
                continue;
            }
            match found.get(&partition) {
                Some(it) => self.take_start(now.monotonic, &partition, start, it),
                None => {
                    let reason = format!("the answer lacks {partition}");
                    let error = Error::protocol(ApiKey::ListOffsets, reason);
                    self.try_later(now.monotonic, &partition, error);
                }
            }
        }
    }

    fn take_start(
        &mut self,
        now: Millis,
        partition: &TopicPartition,
        start: Start,
        it: &ListOffsetsPartitionResponse,
    ) {
        let code = ErrorCode::from_code(it.error_code);
        if !code.is_none() {
            return self.position_refused(now, partition, ApiKey::ListOffsets, code);
        }
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        if assigned.phase == Phase::Gap && 0 <= it.offset {
            let error = gap(partition, assigned.position.offset, Offset(it.offset));
            return self.fail(partition, error);
        }
        if assigned.phase == Phase::Doubted && 0 <= it.offset {
            return self.take_log_start(now, partition, Offset(it.offset));
        }
        if it.offset < 0 {
            // Nothing is so young: reading begins with what comes.
            assigned.phase = match start {
                Start::At(_) => Phase::Reset(Start::Latest),
                _ => assigned.phase,
            };
            if !matches!(start, Start::At(_)) {
                let reason = format!("no offset for {partition}");
                self.try_later(now, partition, Error::protocol(ApiKey::ListOffsets, reason));
            }
            return;
        }
        assigned.succeed();
        assigned.position = Position::from(Offset(it.offset));
        assigned.given = Some(assigned.position);
        assigned.phase = Phase::Fetch;
    }

    /// Where the leader's log begins, of which another replica does not have the position.
    fn take_log_start(&mut self, now: Millis, partition: &TopicPartition, log_start: Offset) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        assigned.phase = Phase::Fetch;
        let offset = assigned.position.offset;
        if offset < log_start {
            return self.position_gone(now, partition);
        }
        let error = Error::OffsetOutOfRange { partition: partition.clone(), offset };
        self.try_later(now, partition, error);
    }

    fn ask_epochs(
        &mut self,
        node: NodeId,
        asked: BTreeMap<TopicPartition, (Position, Leader)>,
        effects: &mut Vec<Effect>,
    ) {
        let id = self.new_id();
        for partition in asked.keys() {
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.asked = Some(id);
            }
        }
        let parts = asked.iter().map(|(partition, (position, leader))| {
            let part = OffsetForLeaderPartition {
                partition: partition.partition.0,
                current_leader_epoch: leader.epoch.0,
                leader_epoch: position.leader_epoch.unwrap_or(LeaderEpoch::UNKNOWN).0,
            };
            (partition, part)
        });
        let topics = by_topic(parts).into_iter();
        let topics = topics.map(|(topic, partitions)| OffsetForLeaderTopic { topic, partitions });
        let topics = topics.collect();
        // -1 is a consumer.
        let request = OffsetForLeaderEpochRequest { replica_id: -1, topics };
        let asked = asked.into_iter().map(|(partition, (it, _))| (partition, it)).collect();
        self.questions.insert(id, Question::Epochs(asked));
        effects.push(Effect::OffsetForLeaderEpoch { id, node, request });
    }

    /// The answer to [`Effect::OffsetForLeaderEpoch`].
    pub fn on_epochs(
        &mut self,
        now: Now,
        id: RequestId,
        answer: Result<OffsetForLeaderEpochResponse, Error>,
    ) {
        let now = now.monotonic;
        let Some(Question::Epochs(mut asked)) = self.questions.remove(&id) else { return };
        let response = match answer {
            Ok(response) => response,
            Err(Error::Version { .. }) => return self.not_validated(id, asked.into_keys()),
            Err(error) => return self.question_failed(now, id, asked.into_keys(), &error),
        };
        for topic in response.topics {
            for it in topic.partitions {
                let partition = TopicPartition::new(topic.topic.clone(), it.partition);
                let is_asked = self.is_asked(&partition, id);
                let Some(position) = asked.remove(&partition).filter(|_| is_asked) else {
                    continue;
                };
                let code = ErrorCode::from_code(it.error_code);
                if code.is_none() {
                    let end = (0 <= it.end_offset && 0 <= it.leader_epoch).then_some(Position {
                        offset: Offset(it.end_offset),
                        leader_epoch: Some(LeaderEpoch(it.leader_epoch)),
                    });
                    self.validated(&partition, position, end);
                } else {
                    let api = ApiKey::OffsetForLeaderEpoch;
                    self.position_refused(now, &partition, api, code);
                }
            }
        }
        for partition in asked.into_keys().collect::<Vec<_>>() {
            if self.is_asked(&partition, id) {
                let reason = format!("the answer lacks {partition}");
                let error = Error::protocol(ApiKey::OffsetForLeaderEpoch, reason);
                self.try_later(now, &partition, error);
            }
        }
    }

    /// A broker that cannot be asked is trusted, as Kafka's clients do.
    fn not_validated(&mut self, id: RequestId, asked: impl Iterator<Item = TopicPartition>) {
        for partition in asked {
            if self.is_asked(&partition, id)
                && let Some(assigned) = self.partitions.get_mut(&partition)
            {
                assigned.succeed();
                assigned.phase = Phase::Fetch;
            }
        }
    }

    /// The leader's log has `end` as the end of the epoch that was read last, or knows nothing of
    /// it.
    pub(super) fn validated(
        &mut self,
        partition: &TopicPartition,
        position: Position,
        end: Option<Position>,
    ) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        if end.is_some_and(|end| position.offset <= end.offset) {
            assigned.succeed();
            assigned.phase = Phase::Fetch;
            return;
        }
        let given = assigned.given.unwrap_or(position);
        self.drop_fetched(partition);
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        // What stands beside a stored position would not be undone by reading again.
        let has_policy = self.settings.consumer.offset_reset != super::OffsetReset::None
            && assigned.stored.is_none();
        match end {
            // What was fetched ahead is gone, and what was given is not.
            Some(end) if given.offset <= end.offset => assigned.settle_at(given),
            Some(end) if has_policy => assigned.settle_at(end),
            None if has_policy => assigned.start(Start::Reset),
            end => {
                let error = Error::LogTruncated {
                    partition: partition.clone(),
                    position: given.offset,
                    diverging: end.map(|it| it.offset),
                };
                self.fail(partition, error);
            }
        }
    }

    /// A broker refuses to say where a partition is to be read.
    fn position_refused(
        &mut self,
        now: Millis,
        partition: &TopicPartition,
        api: ApiKey,
        code: ErrorCode,
    ) {
        let error = Error::broker(api, code, Subject::Partition(partition.clone()));
        match code {
            ErrorCode::TopicAuthorizationFailed => self.report_and_retry(now, partition, error),
            code if code.is_retriable() => {
                self.watch.is_wanted = true;
                self.try_later(now, partition, error);
            }
            _ => self.fail(partition, error),
        }
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.asked = None;
        }
    }

    fn question_failed(
        &mut self,
        now: Millis,
        id: RequestId,
        asked: impl Iterator<Item = TopicPartition>,
        error: &Error,
    ) {
        self.watch.is_wanted = true;
        for partition in asked {
            if !self.is_asked(&partition, id) {
                continue;
            }
            if error.is_retriable() || matches!(error, Error::TimedOut { .. }) {
                self.try_later(now, &partition, error.clone());
            } else {
                self.report_and_retry(now, &partition, error.clone());
            }
        }
    }

    /// True if the answer to this question is still waited for; the question is over then.
    fn is_asked(&mut self, partition: &TopicPartition, id: RequestId) -> bool {
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        let is_asked = assigned.asked == Some(id);
        if is_asked {
            assigned.asked = None;
        }
        is_asked
    }
}

/// The log begins behind the stored offset, or ends before it.
fn gap(partition: &TopicPartition, stored: Offset, log_start: Offset) -> Error {
    let partition = partition.clone();
    match stored < log_start {
        true => Error::OffsetGap { partition, stored, found: log_start },
        false => Error::LogTruncated { partition, position: stored, diverging: None },
    }
}

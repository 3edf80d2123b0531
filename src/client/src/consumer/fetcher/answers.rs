//! What comes of a Fetch: records, and every way in which there are none.

use std::sync::Arc;

use kt_protocol::messages::fetch_response::PartitionData;
use kt_protocol::types::{LeaderEpoch, Millis, NodeId, Now, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode, planted};

use super::assigned::{Assigned, Chunk};
use super::checked::{CheckedFetch, CheckedPartition};
use super::position::{Leader, Phase};
use super::session::Asked;
use super::{Emptiness, Fetcher, Frame, OffsetReset, Position, RequestId, Start};
use crate::admin::Isolation;
use crate::consumer::config::PartitionEnds;
use crate::consumer::offset_store::Continuity;
use crate::consumer::records::{Aborted, FetchedRecords, Marks};
use crate::duration::millis;
use crate::error::{Error, Subject};

impl Fetcher {
    /// The answer to [`super::Effect::Fetch`].
    pub fn on_fetch(&mut self, now: Now, id: RequestId, answer: Result<CheckedFetch, Error>) {
        let now = now.monotonic;
        let in_flight = |it: &super::Node| it.in_flight.is_some_and(|it| it.id == id);
        let Some((node, it)) = self.nodes.iter_mut().find(|(_, it)| in_flight(it)) else { return };
        let node = *node;
        let reserved = it.in_flight.take().map_or(0, |it| it.reserved);
        self.reserved = self.reserved.saturating_sub(reserved);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.fetch_failed(now, node, &error),
        };
        self.counts.bytes += answer.size as u64;
        self.counts.throttled_ms += answer.throttle_ms;
        let it = self.node(node);
        let was_full = it.session.is_full();
        if !it.session.accept(&answer) {
            return self.fetch_refused(now, node, was_full, &answer);
        }
        it.backoff.reset();
        let frame = id.0;
        let had_records = 0 < answer.size;
        let mut redirected = false;
        let mut chunks = 0;
        for it in answer.partitions {
            let session = &self.node(node).session;
            let partition = session.partition(&it.topic, it.topic_id, it.data.partition_index);
            let Some(partition) = partition else { continue };
            let Some(asked) = session.asked().get(&partition).copied() else { continue };
            redirected |= 0 <= it.data.preferred_read_replica;
            chunks += usize::from(self.take_partition(now, (node, frame), &partition, asked, it));
        }
        if 0 < chunks {
            self.frames.insert(frame, Frame { size: answer.size, chunks });
            self.queued += answer.size;
        }
        if !had_records && !redirected {
            self.tell_ends(node);
        }
    }

    /// How long a broker is left alone after a failure, in milliseconds.
    fn next_wait(&mut self, node: NodeId) -> u64 {
        let Some(it) = self.nodes.get_mut(&node) else { return 0 };
        millis(it.backoff.next(&mut self.random))
    }

    /// No answer.
    fn fetch_failed(&mut self, now: Millis, node: NodeId, error: &Error) {
        self.counts.failures += 1;
        self.watch.is_wanted = true;
        let wait = self.next_wait(node);
        let it = self.node(node);
        it.retry_at = Some(now + wait);
        it.session.fail();
        let asked: Vec<TopicPartition> = it.session.asked().keys().cloned().collect();
        let is_transient = error.is_retriable() || matches!(error, Error::TimedOut { .. });
        for partition in asked {
            if let Some(assigned) = self.partitions.get_mut(&partition) {
                assigned.preferred = None;
            }
            match is_transient {
                true => self.try_later(now, &partition, error.clone()),
                false => self.report_and_retry(now, &partition, error.clone()),
            }
        }
    }

    /// An answer that says nothing of partitions.
    fn fetch_refused(&mut self, now: Millis, node: NodeId, was_full: bool, answer: &CheckedFetch) {
        self.counts.failures += 1;
        let code = answer.code;
        match code {
            // The broker forgot the session: another one is asked for at once.
            ErrorCode::FetchSessionIdNotFound | ErrorCode::InvalidFetchSessionEpoch
                if !was_full =>
            {
                return;
            }
            ErrorCode::FetchSessionTopicIdError => self.watch.is_wanted = true,
            _ => {}
        }
        let wait = self.next_wait(node).max(answer.throttle_ms);
        let it = self.node(node);
        it.retry_at = Some(now + wait);
        let asked: Vec<TopicPartition> = it.session.asked().keys().cloned().collect();
        if code.is_none() && 0 < answer.throttle_ms {
            return;
        }
        let error = match code {
            ErrorCode::None => {
                let reason = format!("broker {node} answers for other partitions than were asked");
                Error::protocol(ApiKey::Fetch, reason)
            }
            code => Error::broker(ApiKey::Fetch, code, Subject::Other(format!("broker {node}"))),
        };
        for partition in asked {
            self.try_later(now, &partition, error.clone());
        }
    }

    /// One partition of an answer. True if something of it waits now.
    fn take_partition(
        &mut self,
        now: Millis,
        (node, frame): (NodeId, u64),
        partition: &TopicPartition,
        asked: Asked,
        it: CheckedPartition,
    ) -> bool {
        let until = now + self.metadata_age();
        let Some(assigned) = self.partitions.get_mut(partition) else { return false };
        if !assigned.still_wants(asked) {
            return false;
        }
        let code = ErrorCode::from_code(it.data.error_code);
        if !code.is_none() {
            self.refused(now, node, partition, &it.data, code);
            return false;
        }
        if let Some(end) = divergence(&it.data) {
            let position = assigned.position;
            self.validated(partition, position, Some(end));
            return false;
        }
        if 0 <= it.data.preferred_read_replica {
            assigned.preferred = Some((NodeId(it.data.preferred_read_replica), until));
        }
        match assigned.read(self.settings.consumer.isolation, asked, it) {
            Ok(records) if records.is_empty() => false,
            Ok(records) => {
                self.queue(partition, Chunk { records, frame });
                true
            }
            Err(error) => {
                self.fail(partition, error);
                false
            }
        }
    }

    /// What is to be given later. Fetching goes on behind it.
    fn queue(&mut self, partition: &TopicPartition, chunk: Chunk) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        assigned.position = Position {
            offset: chunk.records.next_offset(),
            leader_epoch: chunk.records.last_epoch().or(assigned.position.leader_epoch),
        };
        if assigned.chunks.is_empty() {
            self.order.push_back(partition.clone());
        }
        self.served += 1;
        assigned.served = self.served;
        assigned.chunks.push_back(chunk);
    }

    /// A partition's error code, as Kafka's `FetchCollector` takes them.
    fn refused(
        &mut self,
        now: Millis,
        node: NodeId,
        partition: &TopicPartition,
        data: &PartitionData,
        code: ErrorCode,
    ) {
        let error = Error::broker(ApiKey::Fetch, code, Subject::Partition(partition.clone()));
        match code {
            ErrorCode::OffsetOutOfRange => self.out_of_range(now, node, partition),
            ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch => {
                self.watch.is_wanted = true;
                self.try_later(now, partition, error);
                let hint = &data.current_leader;
                if 0 <= hint.leader_id && 0 <= hint.leader_epoch {
                    let (node, epoch) = (NodeId(hint.leader_id), LeaderEpoch(hint.leader_epoch));
                    // KIP-951. A broker that is not known yet comes with the metadata.
                    if self.watch.metadata.brokers.contains_key(&node) {
                        self.follow_leader(partition, Leader { node, epoch });
                    }
                }
                if let Some(assigned) = self.partitions.get_mut(partition) {
                    assigned.preferred = None;
                }
            }
            ErrorCode::TopicAuthorizationFailed => self.report_and_retry(now, partition, error),
            ErrorCode::CorruptMessage => self.fail(partition, error),
            // The broker is behind what we know.
            ErrorCode::UnknownLeaderEpoch | ErrorCode::UnknownServerError => {
                self.try_later(now, partition, error);
            }
            code if code.is_retriable() => {
                self.watch.is_wanted = true;
                self.try_later(now, partition, error);
            }
            _ => self.fail(partition, error),
        }
    }

    fn out_of_range(&mut self, now: Millis, node: NodeId, partition: &TopicPartition) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        let is_leader = assigned.leader.is_some_and(|it| it.node == node);
        if assigned.preferred.take().is_some() && !is_leader {
            // A follower may be behind: the leader knows.
            return;
        }
        if assigned.pinned == Some(node) && !is_leader {
            assigned.phase = Phase::Doubted;
            return;
        }
        self.position_gone(now, partition);
    }

    /// The log has no such offset, as its leader says.
    pub(super) fn position_gone(&mut self, now: Millis, partition: &TopicPartition) {
        let Some(assigned) = self.partitions.get_mut(partition) else { return };
        let offset = assigned.position.offset;
        if assigned.stored.is_some() && assigned.chunks.is_empty() {
            assigned.phase = Phase::Gap;
            return;
        }
        if !assigned.chunks.is_empty() {
            // What waits is good, and is given first, however long the caller takes for it.
            let error = Error::OffsetOutOfRange { partition: partition.clone(), offset };
            return match self.settings.consumer.offset_reset {
                OffsetReset::None => self.fail(partition, error),
                _ => self.wait_a_while(now, partition),
            };
        }
        match self.settings.consumer.offset_reset {
            OffsetReset::None => {
                let partition_name = partition.clone();
                let error = Error::OffsetOutOfRange { partition: partition_name, offset };
                self.fail(partition, error);
            }
            _ => assigned.start(Start::Reset),
        }
    }

    /// A broker had nothing at all: each partition that it was asked for has been read to its end.
    fn tell_ends(&mut self, node: NodeId) {
        let config = &self.settings.consumer;
        if config.partition_ends == PartitionEnds::Silent {
            return;
        }
        let Some(it) = self.nodes.get(&node) else { return };
        for (partition, asked) in it.session.asked() {
            let Some(assigned) = self.partitions.get_mut(partition) else { continue };
            let is_there =
                assigned.phase == Phase::Fetch && assigned.position.offset == asked.offset;
            let Some(end) = assigned.end(config.isolation).filter(|_| is_there) else { continue };
            let position = asked.offset;
            let is_told = assigned.told.replace((position, end)) == Some((position, end));
            if assigned.failing_since.is_some() || is_told {
                continue;
            }
            self.ends.push(Emptiness { partition: partition.clone(), position, end });
        }
    }
}

impl Assigned {
    /// False if it was sought elsewhere since it was asked for.
    fn still_wants(&self, asked: Asked) -> bool {
        let is_current = self.position.offset == asked.offset;
        self.phase == Phase::Fetch && (is_current || planted!("an answer to a former question"))
    }

    /// What an answer without an error shows of it, which may be nothing.
    fn read(
        &mut self,
        isolation: Isolation,
        asked: Asked,
        it: CheckedPartition,
    ) -> Result<FetchedRecords, Error> {
        let marks = marks_of(&it.data);
        self.marks = Some(marks);
        let walked = it.walked.map_err(|reason| {
            let reason = format!("{} at offset {}: {reason}", self.partition, asked.offset);
            Error::protocol(ApiKey::Fetch, reason)
        })?;
        self.succeed();
        self.check_gap(asked.offset, walked.first_offset)?;
        let hidden = match isolation {
            Isolation::ReadCommitted => aborted(&it.data),
            Isolation::ReadUncommitted => Vec::new(),
        };
        let (partition, end) = (Arc::clone(&self.partition), marks.end(isolation));
        let records = FetchedRecords::walked(partition, walked, asked.offset, end, hidden);
        Ok(records.with_marks(marks))
    }

    /// The log must go on where a store says that it ends, if the store wants that.
    fn check_gap(&self, asked: Offset, first: Option<Offset>) -> Result<(), Error> {
        let Some((stored, Continuity::Whole)) = self.stored else { return Ok(()) };
        match first {
            Some(found) if asked == stored.offset && stored.offset < found => {
                let partition = TopicPartition::clone(&self.partition);
                Err(Error::OffsetGap { partition, stored: stored.offset, found })
            }
            _ => Ok(()),
        }
    }
}

/// Where the log differs from what was read before, as its leader says (KIP-595).
fn divergence(data: &PartitionData) -> Option<Position> {
    let end = &data.diverging_epoch;
    (0 <= end.end_offset).then_some(Position {
        offset: Offset(end.end_offset),
        leader_epoch: Some(LeaderEpoch(end.epoch)),
    })
}

fn marks_of(data: &PartitionData) -> Marks {
    Marks {
        log_start: Offset(data.log_start_offset),
        last_stable: Offset(data.last_stable_offset),
        high_watermark: Offset(data.high_watermark),
    }
}

fn aborted(data: &PartitionData) -> Vec<Aborted> {
    data.aborted_transactions.iter().flatten().map(Aborted::from).collect()
}

//! Folding records in: of the log while it loads, of this shard's own decisions after their append.

use kt_protocol::messages::group_coordinator_record::GroupCoordinatorRecord;
use kt_protocol::messages::{GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};
use kt_protocol::types::{Offset, PartitionIndex, ProducerId};

use super::classic::ClassicGroup;
use super::foreign::{self, Change, ForeignGroup, Trace};
use super::offsets::{CommittedOffset, StoredOffset};
use super::shard::{Group, Phase, Shard, TransactionResult};

impl<T> Shard<T> {
    /// Folds a record in. `offset` is where it lies in the log, `producer_id` that of its batch if it
    /// is part of a transaction, else [`ProducerId::NONE`]. Records of unknown types are passed
    /// over, as by Kafka.
    pub fn replay(
        &mut self,
        record: &GroupCoordinatorRecord,
        offset: Offset,
        producer_id: ProducerId,
    ) {
        match record {
            GroupCoordinatorRecord::OffsetCommit { key, value } => {
                self.replay_offset(key, value.as_ref(), offset, producer_id);
            }
            GroupCoordinatorRecord::LegacyOffsetCommit { key, value } => {
                let key = OffsetCommitKey {
                    group: key.group.clone(),
                    topic: key.topic.clone(),
                    partition: key.partition,
                };
                let value = value.as_ref().map(|it| OffsetCommitValue {
                    offset: it.offset,
                    metadata: it.metadata.clone(),
                    commit_timestamp: it.commit_timestamp,
                    ..Default::default()
                });
                self.replay_offset(&key, value.as_ref(), offset, producer_id);
            }
            GroupCoordinatorRecord::GroupMetadata { key, value } => {
                self.replay_group(&key.group, value.as_ref());
            }
            other => {
                if let Some(trace) = foreign::trace(other) {
                    self.replay_trace(&trace);
                }
            }
        }
    }

    /// A transaction's marker: its offsets count from now on, or never did.
    pub fn replay_end_transaction(&mut self, producer_id: ProducerId, result: TransactionResult) {
        let pending = self.take_transaction(producer_id);
        if result == TransactionResult::Abort {
            return;
        }
        for (group_id, topic, partition, stored) in pending.iter() {
            let before = self.offsets().get(group_id, topic, partition);
            // A commit that came after it in the log wins, though the marker comes later still:
            // after compaction nobody could tell otherwise.
            if before.is_some_and(|it| stored.record_offset <= it.record_offset) {
                continue;
            }
            self.begin_simple_group(group_id);
            self.offsets_mut().put(group_id, topic, partition, stored.clone());
        }
    }

    fn replay_offset(
        &mut self,
        key: &OffsetCommitKey,
        value: Option<&OffsetCommitValue>,
        record_offset: Offset,
        producer_id: ProducerId,
    ) {
        let (group_id, topic) = (key.group.as_str(), key.topic.as_str());
        let partition = PartitionIndex(key.partition);
        let Some(value) = value else {
            self.offsets_mut().remove(group_id, topic, partition);
            self.transactions_mut().clear(group_id, topic, partition);
            return;
        };
        self.begin_simple_group(group_id);
        let stored = StoredOffset { committed: CommittedOffset::from_value(value), record_offset };
        if producer_id == ProducerId::NONE {
            self.offsets_mut().put(group_id, topic, partition, stored);
        } else {
            self.transactions_mut().add(producer_id, group_id, topic, partition, stored);
        }
    }

    /// Offsets without a group are those of a simple one: without members, protocol, or a record.
    fn begin_simple_group(&mut self, group_id: &str) {
        if self.group(group_id).is_none() {
            self.insert_group(
                group_id,
                Group::Classic(Box::new(ClassicGroup::new(group_id, None))),
            );
        }
    }

    fn replay_group(&mut self, group_id: &str, value: Option<&GroupMetadataValue>) {
        match (value, self.group(group_id)) {
            // The group moved on when it was decided.
            (Some(_), Some(Group::Classic(_))) if self.phase() == Phase::Serving => {}
            (Some(value), _) => {
                let group = ClassicGroup::from_value(group_id, value);
                self.insert_group(group_id, Group::Classic(Box::new(group)));
            }
            (None, Some(Group::Classic(_))) => self.remove_group(group_id),
            (None, _) => {}
        }
    }

    fn replay_trace(&mut self, trace: &Trace<'_>) {
        let group_id = trace.group_id;
        let is_foreign = matches!(self.group(group_id), Some(Group::Foreign(_)));
        match trace.change {
            Change::Exists | Change::Member(_) if !is_foreign => {
                let group = ForeignGroup::new(trace.group_type);
                self.insert_group(group_id, Group::Foreign(group));
            }
            Change::Gone if is_foreign => self.remove_group(group_id),
            _ => {}
        }
        let Some(Group::Foreign(group)) = self.group_mut(group_id) else { return };
        match trace.change {
            Change::Member(member_id) => {
                group.members.insert(member_id.to_owned());
            }
            Change::MemberGone(member_id) => {
                group.members.remove(member_id);
            }
            _ => {}
        }
    }
}

//! Topics are gone: so are the offsets in them (`OffsetMetadataManager.onTopicsDeleted`).

use std::collections::BTreeSet;

use kt_protocol::types::{Now, PartitionIndex, Uuid};

use super::StoredOffset;
use crate::group::outcome::Outcome;
use crate::group::records::{self, Batch, Fits};
use crate::group::shard::Shard;

/// A topic that the cluster has no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name, which another topic may have by now.
    pub name: String,
    /// Its id.
    pub id: Uuid,
}

impl DeletedTopic {
    /// An offset without an id is from before there were ids in the records.
    fn has(&self, topic: &str, stored: &StoredOffset) -> bool {
        let id = stored.committed.topic_id;
        self.name == topic && (id.is_zero() || id == self.id)
    }
}

impl<T> Shard<T> {
    /// Deletes what groups of all kinds have committed in topics that were deleted. What does not
    /// fit into one batch is due at once: [`Shard::next_deadline`].
    pub fn on_topics_deleted(&mut self, now: Now, topics: &[DeletedTopic]) -> Outcome<T> {
        self.deletions_mut().extend_from_slice(topics);
        self.continue_deletions(now)
    }

    /// Goes on with the topics that were deleted: one batch.
    pub(crate) fn continue_deletions(&mut self, _now: Now) -> Outcome<T> {
        let topics = std::mem::take(self.deletions_mut());
        let mut batch = Batch::new(self.config().batch_max_bytes);
        let mut fits = Fits::Yes;
        for (group_id, topic, partition) in self.offsets_of(&topics) {
            fits = batch.push([records::offset_tombstone(group_id, topic, partition)]);
            if fits == Fits::No {
                break;
            }
        }
        let records = batch.into_records();
        // A tombstone that fits into no batch is left alone: its offset could not be written either.
        if fits == Fits::No && !records.is_empty() {
            *self.deletions_mut() = topics;
        }
        Outcome { records, answers: Vec::new() }
    }

    fn offsets_of(&self, topics: &[DeletedTopic]) -> BTreeSet<(&str, &str, PartitionIndex)> {
        let all = self.offsets().iter().chain(self.transactions().iter());
        all.filter(|(_, topic, _, stored)| topics.iter().any(|it| it.has(topic, stored)))
            .map(|(group_id, topic, partition, _)| (group_id, topic, partition))
            .collect()
    }
}

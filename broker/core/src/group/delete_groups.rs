//! DeleteGroups: groups without members go, with all they have committed.

use std::collections::BTreeSet;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::delete_groups_response::DeletableGroupResult;
use kt_protocol::planted;
use kt_protocol::types::PartitionIndex;

use super::outcome::{Answer, Outcome};
use super::records::{self, Batch, Fits};
use super::shard::{Group, Shard};

impl<T> Shard<T> {
    /// Deletes groups of this shard, each one whole or not at all. One whose tombstones do not fit
    /// into the batch beside the others gets `UNKNOWN_SERVER_ERROR`; Kafka refuses all of them then.
    pub fn delete_groups(&mut self, token: T, group_ids: &[String]) -> Outcome<T> {
        let mut batch = Batch::new(self.config().batch_max_bytes);
        let mut seen = BTreeSet::new();
        let mut results = Vec::new();
        for group_id in group_ids.iter().filter(|it| seen.insert(it.as_str())) {
            let error = self.delete_group(group_id, &mut batch).err().unwrap_or_default();
            results.push(DeletableGroupResult {
                group_id: group_id.clone(),
                error_code: error.code(),
            });
        }
        let answers = vec![(token, Answer::DeleteGroups(results))];
        Outcome { records: batch.into_records(), answers }
    }

    fn delete_group(&self, group_id: &str, batch: &mut Batch) -> Result<(), ErrorCode> {
        match self.group(group_id).ok_or(ErrorCode::GroupIdNotFound)? {
            Group::Classic(group) if group.is_empty() => {}
            Group::Classic(_) => return Err(ErrorCode::NonEmptyGroup),
            Group::Foreign(group) => return Err(group.refuse_delete()),
        }
        let committed =
            self.offsets().of_group(group_id).into_iter().flatten().flat_map(
                |(topic, partitions)| partitions.keys().map(move |it| (topic.as_str(), *it)),
            );
        let pending = self.transactions().of_group(group_id);
        let mut all: BTreeSet<(&str, PartitionIndex)> = committed.chain(pending).collect();
        if planted!("a deleted group keeps its offsets") {
            all.clear();
        }
        let offsets = all
            .into_iter()
            .map(|(topic, partition)| records::offset_tombstone(group_id, topic, partition));
        match batch.push(offsets.chain([records::group_tombstone(group_id)])) {
            Fits::Yes => Ok(()),
            Fits::No => Err(ErrorCode::UnknownServerError),
        }
    }
}

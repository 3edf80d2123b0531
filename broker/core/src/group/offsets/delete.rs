//! OffsetDelete: an operator takes offsets away (`OffsetMetadataManager.deleteOffsets`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use kt_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kt_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use kt_protocol::types::PartitionIndex;

use crate::group::outcome::{Answer, Outcome};
use crate::group::records::{self, Batch, Fits};
use crate::group::shard::{Group, Shard};

impl<T> Shard<T> {
    /// Takes away what a group has committed, but for topics that it is subscribed to.
    pub fn delete_offsets(&mut self, token: T, request: &OffsetDeleteRequest) -> Outcome<T> {
        match self.deleted_offsets(request) {
            Ok((batch, response)) => {
                let answers = vec![(token, Answer::OffsetDelete(response))];
                Outcome { records: batch.into_records(), answers }
            }
            Err(error) => {
                let response =
                    OffsetDeleteResponse { error_code: error.code(), ..Default::default() };
                Outcome::only(token, Answer::OffsetDelete(response))
            }
        }
    }

    fn deleted_offsets(
        &self,
        request: &OffsetDeleteRequest,
    ) -> Result<(Batch, OffsetDeleteResponse), ErrorCode> {
        if request.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let group = self.group(&request.group_id).ok_or(ErrorCode::GroupIdNotFound)?;
        match group {
            Group::Classic(group) => group.may_delete_offsets()?,
            Group::Foreign(group) => group.may_delete_offsets()?,
        }
        let mut batch = Batch::new(self.config().batch_max_bytes);
        let mut response = OffsetDeleteResponse::default();
        for topic in &request.topics {
            let is_subscribed =
                matches!(group, Group::Classic(group) if group.is_subscribed_to(&topic.name));
            let error = match is_subscribed {
                true => ErrorCode::GroupSubscribedToTopic,
                false => ErrorCode::None,
            };
            if !is_subscribed && self.delete_topic(&request.group_id, topic, &mut batch) == Fits::No
            {
                return Err(ErrorCode::UnknownServerError);
            }
            response.topics.push(answered(topic, error));
        }
        Ok((batch, response))
    }

    fn delete_topic(
        &self,
        group_id: &str,
        topic: &OffsetDeleteRequestTopic,
        batch: &mut Batch,
    ) -> Fits {
        let name = topic.name.as_str();
        let partitions = topic.partitions.iter().map(|it| PartitionIndex(it.partition_index));
        let present = partitions.filter(|it| {
            self.offsets().get(group_id, name, *it).is_some()
                || self.transactions().contains(group_id, name, *it)
        });
        batch.push(present.map(|it| records::offset_tombstone(group_id, name, it)))
    }
}

fn answered(topic: &OffsetDeleteRequestTopic, error: ErrorCode) -> OffsetDeleteResponseTopic {
    let partition = |partition_index| OffsetDeleteResponsePartition {
        partition_index,
        error_code: error.code(),
    };
    OffsetDeleteResponseTopic {
        name: topic.name.clone(),
        partitions: topic.partitions.iter().map(|it| partition(it.partition_index)).collect(),
    }
}

//! Committed offsets that an operator sets (OffsetCommit) or takes away (OffsetDelete).

use std::collections::BTreeMap;

use kt_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kt_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kt_protocol::messages::{OffsetCommitRequest, OffsetDeleteRequest, OffsetDeleteResponse};
use kt_protocol::types::TopicPartition;
use kt_protocol::{ApiKey, ErrorCode};

use super::coordinator::subject;
use super::{Admin, CommittedOffset};
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// What became of each partition.
///
/// Shown at [`Admin::alter_offsets`](crate::Admin::alter_offsets).
pub type PerPartition = BTreeMap<TopicPartition, Result<(), Error>>;

/// Version 10 names topics by their ids, and those before 2 are gone.
const FIRST_VERSION: i16 = 2;
const LAST_VERSION_BY_NAME: i16 = 9;

/// Who commits without being a member has no generation.
const NO_GENERATION: i32 = -1;

impl Admin {
    /// Commits offsets for a group that has no members; one that does not exist is created.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::collections::BTreeMap;
    ///
    /// use kt_client::admin::CommittedOffset;
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let orders = TopicPartition::new("orders", 0);
    /// let metadata = "all once more".to_owned();
    /// let again = CommittedOffset { offset: Offset(0), leader_epoch: None, metadata };
    /// let offsets = BTreeMap::from([(orders, again)]);
    /// for (_, altered) in admin.alter_offsets("billing", &offsets).await? {
    ///     altered?;
    /// }
    /// assert_eq!(admin.committed_offsets("billing").await?.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the coordinator does not answer in time; each partition has its own
    /// result, `UNKNOWN_MEMBER_ID` if the group has members.
    pub async fn alter_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> Result<PerPartition, Error> {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (partition, commit) in offsets {
            let it = OffsetCommitRequestPartition {
                partition_index: partition.partition.0,
                committed_offset: commit.offset.0,
                committed_leader_epoch: commit.leader_epoch.map_or(-1, |it| it.0),
                committed_metadata: Some(commit.metadata.clone()),
            };
            match topics.last_mut() {
                Some(last) if last.name == partition.topic => last.partitions.push(it),
                _ => topics.push(OffsetCommitRequestTopic {
                    name: partition.topic.clone(),
                    partitions: vec![it],
                    ..Default::default()
                }),
            }
        }
        let request = OffsetCommitRequest {
            group_id: group.to_owned(),
            generation_id_or_member_epoch: NO_GENERATION,
            topics,
            ..Default::default()
        };
        let limit = self.client.limit("OffsetCommit");
        let wanted = Wanted::between(FIRST_VERSION, LAST_VERSION_BY_NAME);
        let codes = |it: &kt_protocol::messages::OffsetCommitResponse| {
            let partitions = it.topics.iter().flat_map(|it| &it.partitions);
            partitions.map(|it| it.error_code).collect()
        };
        let response =
            self.ask_coordinator(group, wanted, limit, |_| request.clone(), codes).await?;
        let told = response.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            let of_partition = move |index, code| (TopicPartition::new(name.clone(), index), code);
            topic
                .partitions
                .into_iter()
                .map(move |it| of_partition(it.partition_index, it.error_code))
        });
        Ok(results(ApiKey::OffsetCommit, offsets.keys(), told))
    }

    /// Takes away what a group has committed of these partitions.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// let orders = [TopicPartition::new("orders", 0)];
    /// for (_, deleted) in admin.delete_offsets("billing", &orders).await? {
    ///     deleted?;
    /// }
    /// assert!(admin.committed_offsets("billing").await?.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the coordinator does not answer in time, and if the group does not
    /// exist; each partition has its own result, `GROUP_SUBSCRIBED_TO_TOPIC` while members read
    /// it.
    pub async fn delete_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<PerPartition, Error> {
        let mut topics: Vec<OffsetDeleteRequestTopic> = Vec::new();
        for partition in partitions {
            let it = OffsetDeleteRequestPartition { partition_index: partition.partition.0 };
            match topics.last_mut() {
                Some(last) if last.name == partition.topic => last.partitions.push(it),
                _ => topics.push(OffsetDeleteRequestTopic {
                    name: partition.topic.clone(),
                    partitions: vec![it],
                }),
            }
        }
        let request = OffsetDeleteRequest { group_id: group.to_owned(), topics };
        let limit = self.client.limit("OffsetDelete");
        let wanted = Wanted::any::<OffsetDeleteRequest>();
        let codes = |it: &OffsetDeleteResponse| vec![it.error_code];
        let response =
            self.ask_coordinator(group, wanted, limit, |_| request.clone(), codes).await?;
        let code = ErrorCode::from_code(response.error_code);
        if !code.is_none() {
            return Err(Error::broker(ApiKey::OffsetDelete, code, subject(group)));
        }
        let told = response.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            let of_partition = move |index, code| (TopicPartition::new(name.clone(), index), code);
            topic
                .partitions
                .into_iter()
                .map(move |it| of_partition(it.partition_index, it.error_code))
        });
        Ok(results(ApiKey::OffsetDelete, partitions.iter(), told))
    }
}

fn results<'a>(
    api: ApiKey,
    asked: impl Iterator<Item = &'a TopicPartition>,
    told: impl Iterator<Item = (TopicPartition, i16)>,
) -> PerPartition {
    let mut told: BTreeMap<TopicPartition, i16> = told.collect();
    let result = |it: &TopicPartition| {
        let result = match told.remove(it).map(ErrorCode::from_code) {
            Some(ErrorCode::None) => Ok(()),
            Some(code) => Err(Error::broker(api, code, Subject::Partition(it.clone()))),
            None => Err(Error::protocol(api, format!("the answer lacks {it}"))),
        };
        (it.clone(), result)
    };
    asked.map(result).collect()
}

//! Where groups have come to (OffsetFetch).

use std::collections::BTreeMap;

use kt_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kt_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kt_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::coordinator::{PerGroup, lacks, subject};
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// A committed offset: the next to read.
///
/// Shown at [`Admin::alter_offsets`](crate::Admin::alter_offsets).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CommittedOffset {
    /// The offset.
    pub offset: Offset,
    /// The leader epoch of the record before it, if it was told (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the committer wrote beside it.
    pub metadata: String,
}

/// The commits of a group, by partition. A partition without one is not in it.
///
/// Shown at [`Admin::committed_offsets`](crate::Admin::committed_offsets).
pub type CommittedOffsets = BTreeMap<TopicPartition, Result<CommittedOffset, Error>>;

/// Version 8 asks for several groups at once, and 10 for topics by their ids.
const FIRST_VERSION_OF_GROUPS: i16 = 8;
const LAST_VERSION_BY_NAME: i16 = 9;
const FIRST_VERSION_OF_ALL_TOPICS: i16 = 2;

impl Admin {
    /// All that `group` has committed; nothing of a group that does not exist.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// for (partition, committed) in admin.committed_offsets("billing").await? {
    ///     let next = committed?.offset;
    ///     println!("{partition}: the next record to read is at {next}");
    ///     assert_eq!(next.0, 1);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the coordinator does not answer in time, or refuses the group; each partition has
    /// its own result.
    pub async fn committed_offsets(&self, group: &str) -> Result<CommittedOffsets, Error> {
        let found = self.committed_offsets_of(&[group.to_owned()]).await?.into_values().next();
        found.unwrap_or_else(|| Err(lacks(ApiKey::OffsetFetch, group)))
    }

    /// All that each of these groups has committed, in one request for up to 200 groups of one
    /// coordinator.
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker answers in time; each group has its own result.
    pub async fn committed_offsets_of(
        &self,
        groups: &[String],
    ) -> Result<PerGroup<CommittedOffsets>, Error> {
        let limit = self.client.limit("OffsetFetch");
        let ask = |node: NodeId, groups: Vec<String>| self.fetch_offsets(node, groups, limit);
        self.ask_coordinators(groups, limit, ask).await
    }

    /// All that each of these groups has committed, as one broker knows it: in one request,
    /// without asking who coordinates them and without another try. What another broker
    /// coordinates is an error of its group. Brokers before 3.0 are asked once for each group.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// # kt_doc_broker::commit("billing", admin.client()).await?;
    /// for group in admin.list_groups().await?.groups {
    ///     let (name, node) = (group.name, group.coordinator);
    ///     let found = admin.committed_offsets_at(node, std::slice::from_ref(&name)).await?;
    ///     assert_eq!(found[&name].as_ref().map(|it| it.len()).ok(), Some(1));
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the broker does not answer; each group has its own result.
    pub async fn committed_offsets_at(
        &self,
        node: NodeId,
        groups: &[String],
    ) -> Result<PerGroup<CommittedOffsets>, Error> {
        self.client.know_brokers().await?;
        self.fetch_offsets(node, groups.to_vec(), self.client.limit("OffsetFetch")).await
    }

    async fn fetch_offsets(
        &self,
        node: NodeId,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<CommittedOffsets>, Error> {
        let target = Target::Node(node);
        let wanted = Wanted::between(FIRST_VERSION_OF_GROUPS, LAST_VERSION_BY_NAME);
        let of_group = |it: &String| OffsetFetchRequestGroup {
            group_id: it.clone(),
            topics: None,
            ..OffsetFetchRequestGroup::default()
        };
        let build = |_| OffsetFetchRequest {
            groups: groups.iter().map(of_group).collect(),
            ..Default::default()
        };
        let response = match self.client.call_once(target, wanted, limit, build).await {
            // Brokers before 3.0 are asked for one after the other.
            Err(Error::Version { .. }) => {
                return self.fetch_one_by_one(target, groups, limit).await;
            }
            response => response?,
        };
        let mut answers: BTreeMap<String, OffsetFetchResponseGroup> =
            response.groups.into_iter().map(|it| (it.group_id.clone(), it)).collect();
        let found = groups.into_iter().map(|group| {
            let result = match answers.remove(&group) {
                Some(it) => committed(&group, it.error_code, partitions_of(it)),
                None => Err(lacks(ApiKey::OffsetFetch, &group)),
            };
            (group, result)
        });
        Ok(found.collect())
    }

    async fn fetch_one_by_one(
        &self,
        target: Target,
        groups: Vec<String>,
        limit: Limit,
    ) -> Result<PerGroup<CommittedOffsets>, Error> {
        let wanted = Wanted::between(FIRST_VERSION_OF_ALL_TOPICS, FIRST_VERSION_OF_GROUPS - 1);
        let mut found = PerGroup::new();
        for group in groups {
            let build = |_| OffsetFetchRequest {
                group_id: group.clone(),
                topics: None,
                ..Default::default()
            };
            let response = self.client.call_once(target, wanted, limit, build).await?;
            let result = committed(&group, response.error_code, partitions_alone(response));
            found.insert(group, result);
        }
        Ok(found)
    }
}

/// A partition as any version tells it.
struct Told {
    partition: TopicPartition,
    code: ErrorCode,
    offset: i64,
    epoch: i32,
    metadata: Option<String>,
}

fn partitions_of(group: OffsetFetchResponseGroup) -> Vec<Told> {
    let topics = group.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |it| Told {
            partition: TopicPartition::new(topic.name.clone(), it.partition_index),
            code: ErrorCode::from_code(it.error_code),
            offset: it.committed_offset,
            epoch: it.committed_leader_epoch,
            metadata: it.metadata,
        })
    });
    topics.collect()
}

fn partitions_alone(response: OffsetFetchResponse) -> Vec<Told> {
    let topics = response.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |it| Told {
            partition: TopicPartition::new(topic.name.clone(), it.partition_index),
            code: ErrorCode::from_code(it.error_code),
            offset: it.committed_offset,
            epoch: it.committed_leader_epoch,
            metadata: it.metadata,
        })
    });
    topics.collect()
}

fn committed(group: &str, code: i16, told: Vec<Told>) -> Result<CommittedOffsets, Error> {
    let api = ApiKey::OffsetFetch;
    match ErrorCode::from_code(code) {
        ErrorCode::None => {}
        // Kafka from 4.0 on says so of groups that it answered with nothing before.
        ErrorCode::GroupIdNotFound => return Ok(CommittedOffsets::new()),
        code => return Err(Error::broker(api, code, subject(group))),
    }
    let commit = |it: Told| {
        let result = match it.code {
            // The wire writes -1 for no commit.
            ErrorCode::None if it.offset < 0 => return None,
            ErrorCode::None => Ok(CommittedOffset {
                offset: Offset(it.offset),
                leader_epoch: (0 <= it.epoch).then_some(LeaderEpoch(it.epoch)),
                metadata: it.metadata.unwrap_or_default(),
            }),
            code => Err(Error::broker(api, code, Subject::Partition(it.partition.clone()))),
        };
        Some((it.partition, result))
    };
    Ok(told.into_iter().filter_map(commit).collect())
}

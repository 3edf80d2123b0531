//! Where share groups have come to (DescribeShareGroupOffsets, KIP-932).

use std::collections::BTreeMap;

use kt_protocol::messages::DescribeShareGroupOffsetsRequest;
use kt_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup;
use kt_protocol::messages::describe_share_group_offsets_response::{
    DescribeShareGroupOffsetsResponseGroup, DescribeShareGroupOffsetsResponsePartition,
};
use kt_protocol::types::{NodeId, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::coordinator::{PerGroup, lacks, subject};
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// Where a share group has come to in a partition.
///
/// Shown at [`Admin::share_offsets_at`](crate::Admin::share_offsets_at).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ShareOffset {
    /// Records before it are done with; `None` until somebody reads.
    pub start: Option<Offset>,
    /// Records that nobody has got yet; told by brokers from 4.2 on.
    pub lag: Option<u64>,
}

/// The offsets of a share group, by partition.
///
/// Shown at [`Admin::share_offsets_at`](crate::Admin::share_offsets_at).
pub type ShareOffsets = BTreeMap<TopicPartition, Result<ShareOffset, Error>>;

impl Admin {
    /// Where each of these share groups has come to, as one broker knows it: in one request,
    /// without asking who coordinates them and without another try.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig, Error};
    /// use kt_protocol::types::NodeId;
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// match admin.share_offsets_at(NodeId(1), &["billing".to_owned()]).await {
    ///     Ok(found) => println!("{:?}", found["billing"]),
    ///     // Not every broker has share groups.
    ///     Err(error @ Error::Version { .. }) => println!("{error}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the broker does not answer; each group has its own result.
    pub async fn share_offsets_at(
        &self,
        node: NodeId,
        groups: &[String],
    ) -> Result<PerGroup<ShareOffsets>, Error> {
        self.client.know_brokers().await?;
        let limit = self.client.limit("DescribeShareGroupOffsets");
        let wanted = Wanted::any::<DescribeShareGroupOffsetsRequest>();
        let of_group = |it: &String| DescribeShareGroupOffsetsRequestGroup {
            group_id: it.clone(),
            topics: None,
        };
        let build =
            |_| DescribeShareGroupOffsetsRequest { groups: groups.iter().map(of_group).collect() };
        let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
        let mut answers: BTreeMap<String, DescribeShareGroupOffsetsResponseGroup> =
            response.groups.into_iter().map(|it| (it.group_id.clone(), it)).collect();
        let found = groups.iter().map(|group| {
            let result = match answers.remove(group) {
                Some(it) => offsets(group, it),
                None => Err(lacks(ApiKey::DescribeShareGroupOffsets, group)),
            };
            (group.clone(), result)
        });
        Ok(found.collect())
    }
}

fn offsets(group: &str, it: DescribeShareGroupOffsetsResponseGroup) -> Result<ShareOffsets, Error> {
    let (api, code) = (ApiKey::DescribeShareGroupOffsets, ErrorCode::from_code(it.error_code));
    if !code.is_none() {
        let (subject, message) = (subject(group), it.error_message);
        return Err(Error::Broker { api, code, subject, message });
    }
    let topics = it.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |it| {
            let partition = TopicPartition::new(topic.topic_name.clone(), it.partition_index);
            (partition.clone(), offset(partition, it))
        })
    });
    Ok(topics.collect())
}

fn offset(
    partition: TopicPartition,
    it: DescribeShareGroupOffsetsResponsePartition,
) -> Result<ShareOffset, Error> {
    let (api, code) = (ApiKey::DescribeShareGroupOffsets, ErrorCode::from_code(it.error_code));
    if !code.is_none() {
        let (subject, message) = (Subject::Partition(partition), it.error_message);
        return Err(Error::Broker { api, code, subject, message });
    }
    // The wire writes -1 for unknown.
    Ok(ShareOffset {
        start: (0 <= it.start_offset).then_some(Offset(it.start_offset)),
        lag: u64::try_from(it.lag).ok(),
    })
}

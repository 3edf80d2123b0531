//! Offsets that partitions know: their ends, and where a time begins (ListOffsets).

use std::collections::BTreeMap;

use kt_protocol::messages::ListOffsetsRequest;
use kt_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kt_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::backoff::Backoff;
use crate::client::{Limit, Target};
use crate::config::Event;
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};
use crate::random::Random;

/// What is asked of a partition.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::collections::BTreeMap;
///
/// use kt_client::admin::{Isolation, OffsetQuery};
/// use kt_client::{Admin, Client, ClientConfig};
/// use kt_protocol::types::{Offset, TopicPartition};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// let orders = TopicPartition::new("orders", 0);
/// let queries = BTreeMap::from([(orders.clone(), OffsetQuery::Latest)]);
/// let mut found = admin.list_offsets(&queries, Isolation::ReadCommitted).await?;
/// let end = found.remove(&orders).expect("each partition has an answer")?;
/// assert_eq!(end.offset, Some(Offset(2)));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The log start offset.
    Earliest,
    /// The high watermark, or the last stable offset under [`Isolation::ReadCommitted`].
    Latest,
    /// The first record with this timestamp or a later one.
    At(Timestamp),
    /// The record with the highest timestamp (KIP-734).
    MaxTimestamp,
    /// The first offset on the broker's own disk (KIP-405).
    EarliestLocal,
    /// The last offset in tiered storage (KIP-1005).
    LatestTiered,
}

/// Which records a reader sees.
///
/// Shown at [`OffsetQuery`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Those of open and aborted transactions too.
    #[default]
    ReadUncommitted,
    /// Only those of committed transactions and of none.
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn code(self) -> i8 {
        match self {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        }
    }
}

/// What a partition answered.
///
/// Shown at [`OffsetQuery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FoundOffset {
    /// The offset; `None` if there is no such record.
    pub offset: Option<Offset>,
    /// The record's time, where a time was asked for.
    pub timestamp: Option<Timestamp>,
    /// The epoch of the leader that wrote it, if known.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl OffsetQuery {
    /// What stands for it in the field of the timestamp.
    fn code(self) -> i64 {
        match self {
            OffsetQuery::Latest => -1,
            OffsetQuery::Earliest => -2,
            OffsetQuery::MaxTimestamp => -3,
            OffsetQuery::EarliestLocal => -4,
            OffsetQuery::LatestTiered => -5,
            OffsetQuery::At(timestamp) => timestamp.0,
        }
    }

    /// The first version that knows it.
    fn min_version(self) -> i16 {
        match self {
            OffsetQuery::Latest | OffsetQuery::Earliest | OffsetQuery::At(_) => 1,
            OffsetQuery::MaxTimestamp => 7,
            OffsetQuery::EarliestLocal => 8,
            OffsetQuery::LatestTiered => 9,
        }
    }
}

/// The answers, by partition.
///
/// Shown at [`OffsetQuery`].
pub type FoundOffsets = BTreeMap<TopicPartition, Result<FoundOffset, Error>>;

impl Admin {
    /// Asks the leader of each partition.
    ///
    /// Shown at [`OffsetQuery`].
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker can be asked for the leaders; each partition has its own
    /// result.
    pub async fn list_offsets(
        &self,
        queries: &BTreeMap<TopicPartition, OffsetQuery>,
        isolation: Isolation,
    ) -> Result<FoundOffsets, Error> {
        let limit = self.client.limit("ListOffsets");
        let mut backoff = Backoff::new(self.client.config().backoff);
        let mut random = Random::new(self.client.seed());
        let mut found = FoundOffsets::new();
        let mut pending = queries.clone();
        loop {
            self.ask_leaders(&mut pending, isolation, limit, &mut found).await?;
            let Some((_, error)) = pending.keys().find_map(|it| found.get_key_value(it)) else {
                return Ok(found);
            };
            let wait = backoff.next(&mut random);
            if limit.deadline <= tokio::time::Instant::now() + wait {
                return Ok(found);
            }
            if let Err(error) = error {
                self.client.observe(&Event::Retrying { operation: limit.operation, error, wait });
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Asks one broker the same of all these partitions, in one request and without another try:
    /// for who samples a whole cluster again and again. What another broker leads is an error of
    /// its partition.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use kt_client::admin::{Isolation, OffsetQuery};
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::{NodeId, Offset, TopicPartition};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let led = [TopicPartition::new("orders", 0)];
    /// let (latest, all) = (OffsetQuery::Latest, Isolation::ReadUncommitted);
    /// for (partition, end) in admin.list_offsets_at(NodeId(1), &led, latest, all).await? {
    ///     println!("{partition} ends at {:?}", end.as_ref().map(|it| it.offset));
    ///     assert_eq!(end?.offset, Some(Offset(2)));
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the broker does not answer; each partition has its own result.
    pub async fn list_offsets_at(
        &self,
        node: NodeId,
        partitions: &[TopicPartition],
        query: OffsetQuery,
        isolation: Isolation,
    ) -> Result<FoundOffsets, Error> {
        self.client.know_brokers().await?;
        let asked = partitions.iter().map(|it| (it.clone(), query)).collect();
        self.ask_one(node, &asked, isolation, self.client.limit("ListOffsets")).await
    }

    /// One round. What succeeded or failed for good leaves `pending`; of the rest the last error
    /// is in `found`.
    async fn ask_leaders(
        &self,
        pending: &mut BTreeMap<TopicPartition, OffsetQuery>,
        isolation: Isolation,
        limit: Limit,
        found: &mut FoundOffsets,
    ) -> Result<(), Error> {
        let mut by_leader: BTreeMap<NodeId, BTreeMap<TopicPartition, OffsetQuery>> =
            BTreeMap::new();
        let mut topics: Vec<String> = pending.keys().map(|it| it.topic.clone()).collect();
        topics.dedup();
        self.client.topics(&topics).await?;
        for (partition, query) in pending.iter() {
            match self.client.leader(partition).await {
                Ok(node) => {
                    by_leader.entry(node).or_default().insert(partition.clone(), *query);
                }
                Err(error) => {
                    found.insert(partition.clone(), Err(error));
                }
            }
        }
        for (node, asked) in by_leader {
            match self.ask_one(node, &asked, isolation, limit).await {
                Ok(answers) => found.extend(answers),
                Err(error) => found.extend(asked.into_keys().map(|it| (it, Err(error.clone())))),
            }
        }
        pending.retain(|partition, _| match found.get(partition) {
            Some(Err(error)) if is_worth_another_try(error) => {
                self.client.forget(&partition.topic);
                true
            }
            _ => false,
        });
        Ok(())
    }

    async fn ask_one(
        &self,
        node: NodeId,
        asked: &BTreeMap<TopicPartition, OffsetQuery>,
        isolation: Isolation,
        limit: Limit,
    ) -> Result<FoundOffsets, Error> {
        let min_version = asked.values().map(|it| it.min_version()).max().unwrap_or(1);
        let min_version = min_version.max(if isolation.code() == 0 { 1 } else { 2 });
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for (partition, query) in asked {
            let it = ListOffsetsPartition {
                partition_index: partition.partition.0,
                current_leader_epoch: -1,
                timestamp: query.code(),
            };
            match topics.last_mut() {
                Some(last) if last.name == partition.topic => last.partitions.push(it),
                _ => topics
                    .push(ListOffsetsTopic { name: partition.topic.clone(), partitions: vec![it] }),
            }
        }
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: isolation.code(),
            topics,
            timeout_ms: request_millis(limit.timeout),
        };
        let wanted = Wanted::since::<ListOffsetsRequest>(min_version);
        let target = Target::Node(node);
        let response = self.client.call_once(target, wanted, limit, |_| request.clone()).await?;
        let mut answers = FoundOffsets::new();
        for topic in response.topics {
            for it in topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                let result = found_offset(&partition, &it);
                answers.insert(partition, result);
            }
        }
        for partition in asked.keys() {
            answers.entry(partition.clone()).or_insert_with(|| {
                let reason = format!("the answer lacks {partition}");
                Err(Error::protocol(ApiKey::ListOffsets, reason))
            });
        }
        Ok(answers)
    }
}

/// A topic that does not exist would be "retriable" to Kafka's clients, which wait for it to appear.
fn is_worth_another_try(error: &Error) -> bool {
    error.is_retriable() && error.code() != Some(ErrorCode::UnknownTopicOrPartition)
}

fn found_offset(
    partition: &TopicPartition,
    it: &ListOffsetsPartitionResponse,
) -> Result<FoundOffset, Error> {
    let code = ErrorCode::from_code(it.error_code);
    if !code.is_none() {
        let subject = Subject::Partition(partition.clone());
        return Err(Error::broker(ApiKey::ListOffsets, code, subject));
    }
    Ok(FoundOffset {
        offset: (0 <= it.offset).then_some(Offset(it.offset)),
        timestamp: (0 <= it.timestamp).then_some(Timestamp(it.timestamp)),
        leader_epoch: (0 <= it.leader_epoch).then_some(LeaderEpoch(it.leader_epoch)),
    })
}

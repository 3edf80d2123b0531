//! Records that go, from the start of a partition on (DeleteRecords).

use std::collections::BTreeMap;

use kt_protocol::messages::DeleteRecordsRequest;
use kt_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kt_protocol::types::{NodeId, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};

/// The new start of each partition, or why there is none.
///
/// Shown at [`Admin::delete_records`](crate::Admin::delete_records).
pub type TrimmedPartitions = BTreeMap<TopicPartition, Result<Offset, Error>>;

impl Admin {
    /// Deletes all records before the offset given for each partition, at its leader. The answer
    /// is the lowest log start offset of its live replicas.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::collections::BTreeMap;
    ///
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let orders = TopicPartition::new("orders", 0);
    /// let starts = admin.delete_records(&BTreeMap::from([(orders.clone(), Offset(1))])).await?;
    /// assert_eq!(starts[&orders].as_ref().ok(), Some(&Offset(1)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Each partition has its own result; as a whole it fails only if no broker can be asked for
    /// the leaders.
    pub async fn delete_records(
        &self,
        before: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<TrimmedPartitions, Error> {
        let limit = self.client.limit("DeleteRecords");
        let mut topics: Vec<String> = before.keys().map(|it| it.topic.clone()).collect();
        topics.dedup();
        self.client.topics(&topics).await?;
        let mut by_leader: BTreeMap<NodeId, BTreeMap<TopicPartition, Offset>> = BTreeMap::new();
        let mut results = TrimmedPartitions::new();
        for (partition, offset) in before {
            match self.client.leader(partition).await {
                Ok(node) => {
                    by_leader.entry(node).or_default().insert(partition.clone(), *offset);
                }
                Err(error) => {
                    results.insert(partition.clone(), Err(error));
                }
            }
        }
        for (node, partitions) in by_leader {
            match self.delete_records_at(node, &partitions, limit).await {
                Ok(answers) => results.extend(answers),
                Err(error) => {
                    results.extend(partitions.into_keys().map(|it| (it, Err(error.clone()))));
                }
            }
        }
        Ok(results)
    }

    async fn delete_records_at(
        &self,
        node: NodeId,
        before: &BTreeMap<TopicPartition, Offset>,
        limit: Limit,
    ) -> Result<TrimmedPartitions, Error> {
        let mut topics: Vec<DeleteRecordsTopic> = Vec::new();
        for (partition, offset) in before {
            let it =
                DeleteRecordsPartition { partition_index: partition.partition.0, offset: offset.0 };
            match topics.last_mut() {
                Some(last) if last.name == partition.topic => last.partitions.push(it),
                _ => {
                    let name = partition.topic.clone();
                    topics.push(DeleteRecordsTopic { name, partitions: vec![it] });
                }
            }
        }
        let request = DeleteRecordsRequest { topics, timeout_ms: request_millis(limit.timeout) };
        let wanted = Wanted::any::<DeleteRecordsRequest>();
        let target = Target::Node(node);
        // Deleting up to an offset twice is deleting once, so a lost answer may be asked for again.
        let response = self.client.call(target, wanted, limit, |_| request.clone()).await?;
        let mut answers = TrimmedPartitions::new();
        for topic in response.topics {
            for it in topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                let result = match ErrorCode::from_code(it.error_code) {
                    ErrorCode::None => Ok(Offset(it.low_watermark)),
                    code => {
                        let subject = Subject::Partition(partition.clone());
                        Err(Error::broker(ApiKey::DeleteRecords, code, subject))
                    }
                };
                answers.insert(partition, result);
            }
        }
        for partition in before.keys() {
            answers.entry(partition.clone()).or_insert_with(|| {
                let reason = format!("the answer lacks {partition}");
                Err(Error::protocol(ApiKey::DeleteRecords, reason))
            });
        }
        Ok(answers)
    }
}

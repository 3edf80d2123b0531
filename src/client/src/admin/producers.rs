//! Idempotent producers that a partition knows (DescribeProducers, KIP-664).

use kt_protocol::messages::DescribeProducersRequest;
use kt_protocol::messages::describe_producers_request::TopicRequest;
use kt_protocol::messages::describe_producers_response::ProducerState;
use kt_protocol::types::{Offset, ProducerId, Timestamp, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// A producer, as the leader of a partition knows it.
///
/// Shown at [`Admin::describe_producers`](crate::Admin::describe_producers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveProducer {
    /// Its id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: i32,
    /// The sequence number of its last record, if it wrote any.
    pub last_sequence: Option<i32>,
    /// When it wrote last.
    pub last_timestamp: Option<Timestamp>,
    /// The epoch of the coordinator of its last transaction.
    pub coordinator_epoch: Option<i32>,
    /// Where its open transaction begins in the partition, if one is open.
    pub transaction_start: Option<Offset>,
}

impl Admin {
    /// The producers that a partition's leader knows, by their ids.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// for producer in admin.describe_producers(&TopicPartition::new("orders", 0)).await? {
    ///     println!("{:?} wrote last at {:?}", producer.id, producer.last_timestamp);
    ///     assert_eq!(producer.last_sequence, Some(1));
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the partition does not exist or its leader does not answer in time or refuses.
    pub async fn describe_producers(
        &self,
        partition: &TopicPartition,
    ) -> Result<Vec<ActiveProducer>, Error> {
        let name = partition.topic.clone();
        let partition_indexes = vec![partition.partition.0];
        let request =
            DescribeProducersRequest { topics: vec![TopicRequest { name, partition_indexes }] };
        let limit = self.client.limit("DescribeProducers");
        let wanted = Wanted::any::<DescribeProducersRequest>();
        // Who asks for a partition that is not there is told at once.
        self.client.leader(partition).await?;
        let once = || async {
            let leader = Target::Node(self.client.leader(partition).await?);
            let response =
                self.client.call_once(leader, wanted, limit, |_| request.clone()).await?;
            let partitions = response.topics.into_iter().flat_map(|it| it.partitions);
            let Some(answer) = partitions.into_iter().next() else {
                let reason = "the answer has no partition";
                return Err(Error::protocol(ApiKey::DescribeProducers, reason));
            };
            if answer.error_code != 0 {
                // It may be led by another by now.
                self.client.forget(&partition.topic);
                return Err(Error::Broker {
                    api: ApiKey::DescribeProducers,
                    code: ErrorCode::from_code(answer.error_code),
                    subject: Subject::Partition(partition.clone()),
                    message: answer.error_message,
                });
            }
            let mut producers: Vec<_> = answer.active_producers.iter().map(producer).collect();
            producers.sort_by_key(|it| it.id);
            Ok(producers)
        };
        self.client.retrying(limit, once).await
    }
}

fn producer(it: &ProducerState) -> ActiveProducer {
    ActiveProducer {
        id: ProducerId(it.producer_id),
        epoch: it.producer_epoch,
        last_sequence: (0 <= it.last_sequence).then_some(it.last_sequence),
        last_timestamp: (0 <= it.last_timestamp).then_some(Timestamp(it.last_timestamp)),
        coordinator_epoch: (0 <= it.coordinator_epoch).then_some(it.coordinator_epoch),
        transaction_start: (0 <= it.current_txn_start_offset)
            .then_some(Offset(it.current_txn_start_offset)),
    }
}

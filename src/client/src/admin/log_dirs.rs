//! What partitions take on disk (DescribeLogDirs).

use std::collections::BTreeMap;

use kt_protocol::ApiKey;
use kt_protocol::ErrorCode;
use kt_protocol::messages::DescribeLogDirsRequest;
use kt_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kt_protocol::types::{NodeId, TopicPartition};

use super::Admin;
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

impl Admin {
    /// The bytes that a broker's replicas of these partitions take. Those it does not hold are
    /// missing.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let orders = TopicPartition::new("orders", 0);
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     let sizes = admin.replica_sizes(broker.id, &[orders.clone()]).await?;
    ///     println!("{} bytes on broker {}", sizes[&orders], broker.id);
    ///     assert!(0 < sizes[&orders]);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the broker does not answer in time or refuses.
    pub async fn replica_sizes(
        &self,
        node: NodeId,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, Error> {
        let mut topics: Vec<DescribableLogDirTopic> = Vec::new();
        for it in partitions {
            match topics.last_mut() {
                Some(last) if last.topic == it.topic => last.partitions.push(it.partition.0),
                _ => topics.push(DescribableLogDirTopic {
                    topic: it.topic.clone(),
                    partitions: vec![it.partition.0],
                }),
            }
        }
        let request = DescribeLogDirsRequest { topics: Some(topics) };
        let limit = self.client.limit("DescribeLogDirs");
        let wanted = Wanted::any::<DescribeLogDirsRequest>();
        let response =
            self.client.call(Target::Node(node), wanted, limit, |_| request.clone()).await?;
        let code = ErrorCode::from_code(response.error_code);
        if !code.is_none() {
            return Err(Error::broker(ApiKey::DescribeLogDirs, code, Subject::Request));
        }
        let mut sizes = BTreeMap::new();
        for topic in response.results.into_iter().flat_map(|it| it.topics) {
            for it in topic.partitions {
                // A future replica is a copy on its way to another directory.
                if let Ok(size) = u64::try_from(it.partition_size)
                    && !it.is_future_key
                {
                    let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                    sizes.insert(partition, size);
                }
            }
        }
        Ok(sizes)
    }
}

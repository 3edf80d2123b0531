//! What topics there are, and their partitions (Metadata, DescribeTopicPartitions).

use kt_protocol::ErrorCode;
use kt_protocol::messages::DescribeTopicPartitionsRequest;
use kt_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kt_protocol::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kt_protocol::types::LeaderEpoch;
use kt_protocol::{ApiKey, messages};

use super::{Admin, PerItem};
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::metadata::{Partition, Topic, leader};

/// Partitions in one answer. The broker has its own bound, 2000 by default.
const PARTITIONS_PER_ANSWER: i32 = 2_000;

impl Admin {
    /// All topics that we may see, by name. Eligible leader replicas are not told.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let names: Vec<String> = admin.list_topics().await?.into_iter().map(|it| it.name).collect();
    /// assert_eq!(names, ["orders"]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time.
    pub async fn list_topics(&self) -> Result<Vec<Topic>, Error> {
        self.client.refresh(None).await?;
        Ok(self.client.metadata().topics.values().cloned().collect())
    }

    /// These topics with all that is known of their partitions.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// for (name, topic) in admin.describe_topics(&["orders".to_owned()]).await? {
    ///     for partition in topic?.partitions {
    ///         println!("{name}-{}: leader {:?}", partition.index, partition.leader);
    ///         assert!(!partition.is_under_replicated());
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if no broker answers in time; each topic has its own result.
    pub async fn describe_topics(&self, names: &[String]) -> Result<PerItem<Topic>, Error> {
        match self.describe_by_pages(names).await {
            // Brokers before 3.8 know only Metadata, which tells all but the ELR.
            Err(Error::Version { .. }) => {
                self.client.refresh(Some(names)).await?;
                let mut topics = self.client.topics(names).await?;
                let found = names.iter().map(|name| {
                    let topic = topics.remove(name).unwrap_or_else(|| Err(unknown(name)));
                    (name.clone(), topic)
                });
                Ok(found.collect())
            }
            result => result,
        }
    }

    async fn describe_by_pages(&self, names: &[String]) -> Result<PerItem<Topic>, Error> {
        let mut answers: Vec<DescribeTopicPartitionsResponseTopic> = Vec::new();
        // The broker answers in the order of names, and the cursor names a place in it.
        let mut sorted = names.to_vec();
        sorted.sort();
        sorted.dedup();
        let mut cursor: Option<Box<Cursor>> = None;
        loop {
            let request = DescribeTopicPartitionsRequest {
                topics: sorted.iter().map(|it| TopicRequest { name: it.clone() }).collect(),
                response_partition_limit: PARTITIONS_PER_ANSWER,
                cursor: cursor.clone(),
            };
            let limit = self.client.limit("DescribeTopicPartitions");
            let wanted = Wanted::any::<DescribeTopicPartitionsRequest>();
            let response =
                self.client.call(Target::Any, wanted, limit, |_| request.clone()).await?;
            append(&mut answers, response.topics);
            let next = response.next_cursor.map(|it| {
                let messages::describe_topic_partitions_response::Cursor {
                    topic_name,
                    partition_index,
                } = *it;
                Box::new(Cursor { topic_name, partition_index })
            });
            match next {
                None => break,
                Some(next) if Some(&next) == cursor.as_ref() => {
                    let api = ApiKey::DescribeTopicPartitions;
                    return Err(Error::protocol(api, "the cursor stands still"));
                }
                Some(next) => {
                    sorted.retain(|it| next.topic_name <= *it);
                    cursor = Some(next);
                }
            }
        }
        // The cluster's id comes with Metadata only.
        self.client.know_brokers().await?;
        let found = names.iter().map(|name| {
            let answer = answers.iter().find(|it| it.name.as_ref() == Some(name));
            let topic = answer.map_or_else(|| Err(unknown(name)), |it| topic(name, it));
            (name.clone(), topic)
        });
        Ok(found.collect())
    }
}

/// A topic that one answer ends with may go on in the next.
fn append(
    answers: &mut Vec<DescribeTopicPartitionsResponseTopic>,
    more: Vec<DescribeTopicPartitionsResponseTopic>,
) {
    for topic in more {
        match answers.last_mut() {
            Some(last) if last.name == topic.name => last.partitions.extend(topic.partitions),
            _ => answers.push(topic),
        }
    }
}

fn unknown(name: &str) -> Error {
    let code = ErrorCode::UnknownTopicOrPartition;
    Error::broker(ApiKey::DescribeTopicPartitions, code, Subject::Topic(name.to_owned()))
}

fn topic(name: &str, answer: &DescribeTopicPartitionsResponseTopic) -> Result<Topic, Error> {
    let code = ErrorCode::from_code(answer.error_code);
    if !code.is_none() {
        let subject = Subject::Topic(name.to_owned());
        return Err(Error::broker(ApiKey::DescribeTopicPartitions, code, subject));
    }
    let mut partitions: Vec<Partition> = answer.partitions.iter().map(partition).collect();
    partitions.sort_by_key(|it| it.index);
    Ok(Topic {
        name: name.to_owned(),
        id: answer.topic_id,
        is_internal: answer.is_internal,
        partitions,
    })
}

fn partition(it: &DescribeTopicPartitionsResponsePartition) -> Partition {
    Partition {
        index: it.partition_index,
        leader: leader(it.leader_id),
        leader_epoch: LeaderEpoch(it.leader_epoch),
        replicas: it.replica_nodes.clone(),
        isr: it.isr_nodes.clone(),
        elr: Some(it.eligible_leader_replicas.clone().unwrap_or_default()),
        last_known_elr: Some(it.last_known_elr.clone().unwrap_or_default()),
        offline: it.offline_replicas.clone(),
    }
}

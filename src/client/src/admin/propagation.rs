//! Waiting until brokers know of a change: the controller answers before they have all heard of it.

use kt_protocol::ErrorCode;
use kt_protocol::messages::metadata_request::MetadataRequestTopic;
use kt_protocol::messages::metadata_response::MetadataResponseTopic;
use kt_protocol::messages::{MetadataRequest, MetadataResponse};
use kt_protocol::types::NodeId;
use tokio::time::Instant;

use super::Admin;
use crate::backoff::Backoff;
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;

/// What brokers are to know of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is there with at least so many partitions, and each has a leader.
    Partitions(usize),
    /// It is not there.
    Gone,
}

impl Expected {
    fn is_met(&self, answer: &MetadataResponseTopic) -> bool {
        let code = ErrorCode::from_code(answer.error_code);
        match self {
            Expected::Gone => code == ErrorCode::UnknownTopicOrPartition,
            Expected::Partitions(count) => {
                let has_leader = |it| 0 <= it;
                code.is_none()
                    && *count <= answer.partitions.len()
                    && answer.partitions.iter().all(|it| has_leader(it.leader_id))
            }
        }
    }
}

impl Admin {
    /// Waits until every broker knows what became of these topics, no longer than an operation may
    /// take. A broker that does not answer is not waited for. Gives the names of which some broker
    /// has not heard by then.
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time.
    pub async fn wait_until_known(
        &self,
        topics: &[(String, Expected)],
    ) -> Result<Vec<String>, Error> {
        let limit = self.client.limit("Metadata");
        self.client.know_brokers().await?;
        for (name, _) in topics {
            self.client.forget(name);
        }
        let brokers: Vec<NodeId> = self.client.metadata().brokers.keys().copied().collect();
        let mut waiting = Vec::new();
        for broker in brokers {
            let news = self.wait_for_broker(broker, topics, limit).await;
            waiting.extend(news.unwrap_or_default());
        }
        waiting.sort();
        waiting.dedup();
        Ok(waiting)
    }

    async fn wait_for_broker(
        &self,
        broker: NodeId,
        topics: &[(String, Expected)],
        limit: Limit,
    ) -> Result<Vec<String>, Error> {
        let mut backoff = Backoff::new(self.client.config().backoff);
        loop {
            let answer = self.ask_broker(broker, topics, limit).await?;
            let is_known = |(name, expected): &&(String, Expected)| {
                let answer = answer.topics.iter().find(|it| it.name.as_ref() == Some(name));
                answer.is_some_and(|it| expected.is_met(it))
            };
            let waiting: Vec<String> =
                topics.iter().filter(|it| !is_known(it)).map(|it| it.0.clone()).collect();
            let wait = self.client.next_wait(&mut backoff);
            if waiting.is_empty() || limit.deadline <= Instant::now() + wait {
                return Ok(waiting);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask_broker(
        &self,
        broker: NodeId,
        topics: &[(String, Expected)],
        limit: Limit,
    ) -> Result<MetadataResponse, Error> {
        let topic = |(name, _): &(String, Expected)| MetadataRequestTopic {
            name: Some(name.clone()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(topics.iter().map(topic).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        // Before version 4 asking for a topic made it.
        let wanted = Wanted::since::<MetadataRequest>(4);
        self.client.call_once(Target::Node(broker), wanted, limit, |_| request.clone()).await
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::messages::metadata_response::MetadataResponsePartition;

    use super::*;

    fn answer(code: ErrorCode, leaders: &[i32]) -> MetadataResponseTopic {
        let partition =
            |it: &i32| MetadataResponsePartition { leader_id: *it, ..Default::default() };
        MetadataResponseTopic {
            error_code: code.code(),
            partitions: leaders.iter().map(partition).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_topic_is_known_with_all_its_leaders() {
        let expected = Expected::Partitions(2);
        assert!(expected.is_met(&answer(ErrorCode::None, &[1, 2])));
        assert!(expected.is_met(&answer(ErrorCode::None, &[1, 2, 3])));
        assert!(!expected.is_met(&answer(ErrorCode::None, &[1])));
        assert!(!expected.is_met(&answer(ErrorCode::None, &[1, -1])));
        assert!(!expected.is_met(&answer(ErrorCode::UnknownTopicOrPartition, &[])));
    }

    #[test]
    fn a_topic_is_gone_once_the_broker_says_so() {
        assert!(Expected::Gone.is_met(&answer(ErrorCode::UnknownTopicOrPartition, &[])));
        assert!(!Expected::Gone.is_met(&answer(ErrorCode::None, &[1])));
        assert!(!Expected::Gone.is_met(&answer(ErrorCode::TopicAuthorizationFailed, &[])));
    }
}

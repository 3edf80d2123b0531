//! Waiting until brokers know of a change: the controller answers before they have all heard of it.

use std::time::Duration;

use kt_protocol::ErrorCode;
use kt_protocol::messages::metadata_request::MetadataRequestTopic;
use kt_protocol::messages::metadata_response::MetadataResponseTopic;
use kt_protocol::messages::{MetadataRequest, MetadataResponse};
use kt_protocol::types::NodeId;
use tokio::time::Instant;

use super::{Admin, ConfigChange, ConfigEntry, ConfigSource, Resource};
use crate::backoff::Backoff;
use crate::client::{Limit, Target};
use crate::connection::Wanted;
use crate::error::Error;

/// How long a change of configs is waited for.
const CONFIGS_KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// What brokers are to know of a topic.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::admin::Expected;
/// use kt_client::{Admin, Client, ClientConfig};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// for (_, deleted) in admin.delete_topics(&["orders".to_owned()]).await? {
///     deleted?;
/// }
/// let behind = admin.wait_until_known(&[("orders".to_owned(), Expected::Gone)]).await?;
/// assert!(behind.is_empty());
/// assert!(admin.list_topics().await?.is_empty());
/// # Ok(())
/// # });
/// ```
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
    /// Shown at [`Expected`].
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

    /// Waits until brokers show these configs, which `source` says are of `resource` itself, no longer than a moment: a broker may
    /// write a value in another form, and then nobody can tell.
    ///
    /// Shown at [`Admin::alter_configs`].
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time.
    pub async fn wait_until_configured(
        &self,
        resource: &Resource,
        source: ConfigSource,
        changes: &[ConfigChange],
    ) -> Result<(), Error> {
        if source == ConfigSource::DYNAMIC_BROKER_LOGGER {
            // A level that is taken back is another one's, and there is no telling them apart.
            return Ok(());
        }
        let mut resources = vec![resource.clone()];
        if source == ConfigSource::DYNAMIC_DEFAULT_BROKER {
            // What all brokers have, each takes over by itself.
            self.client.know_brokers().await?;
            let metadata = self.client.metadata();
            let broker = |id: &NodeId| Resource { name: id.to_string(), ..resource.clone() };
            resources.extend(metadata.brokers.keys().map(broker));
        }
        let deadline = Instant::now() + CONFIGS_KNOWN_WITHIN;
        let mut backoff = Backoff::new(self.client.config().backoff);
        loop {
            let described = self.describe_configs(&resources, None).await?;
            let is_shown = |(_, entries): &(String, Result<Vec<ConfigEntry>, Error>)| {
                let Ok(entries) = entries else { return true };
                changes.iter().all(|change| shows(entries, change, source))
            };
            let wait = self.client.next_wait(&mut backoff);
            if described.iter().all(is_shown) || deadline <= Instant::now() + wait {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
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

/// Whether a config is set, or not, as it was changed to be.
fn shows(entries: &[ConfigEntry], change: &ConfigChange, source: ConfigSource) -> bool {
    let entry = entries.iter().find(|it| it.name == change.name);
    let own = entry.and_then(|it| match it.source == source {
        true => Some(&it.value),
        false => it.synonyms.iter().find(|it| it.source == source).map(|it| &it.value),
    });
    match (&change.value, own) {
        (None, own) => own.is_none(),
        (Some(_), None) => false,
        // Secrets are not shown.
        (Some(value), Some(own)) => own.as_ref().is_none_or(|it| it == value),
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

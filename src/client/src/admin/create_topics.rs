//! New topics (CreateTopics).

use std::collections::BTreeMap;

use kt_protocol::messages::CreateTopicsRequest;
use kt_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kt_protocol::messages::create_topics_response::CreatableTopicResult;
use kt_protocol::types::Uuid;
use kt_protocol::{ApiKey, ErrorCode};

use super::{Admin, Apply, PerItem};
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};

/// A topic to create.
///
/// ```
/// use kt_client::admin::{NewTopic, Placement};
///
/// let topic = NewTopic {
///     name: "customers".to_owned(),
///     placement: Placement::Counts { partitions: Some(6), replication_factor: Some(3) },
///     configs: [("cleanup.policy".to_owned(), "compact".to_owned())].into(),
/// };
/// assert_eq!(topic.configs["cleanup.policy"], "compact");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions and copies, and where.
    pub placement: Placement,
    /// Its configs, beside the broker's defaults.
    pub configs: BTreeMap<String, String>,
}

/// How many partitions and copies a new topic gets.
///
/// Shown at [`NewTopic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The controller chooses the brokers.
    Counts {
        /// `None`: the broker's `num.partitions`.
        partitions: Option<i32>,
        /// `None`: the broker's `default.replication.factor`.
        replication_factor: Option<i16>,
    },
    /// The brokers of each partition, in the order of the partitions.
    Manual(Vec<Vec<i32>>),
}

/// A topic that was created, or would be.
///
/// Shown at [`Admin::create_topics`](crate::Admin::create_topics).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id; `None` from old brokers and where nothing was created.
    pub id: Option<Uuid>,
    /// Its partitions, if the broker said.
    pub partitions: Option<i32>,
    /// Its copies, if the broker said.
    pub replication_factor: Option<i16>,
}

impl Admin {
    /// Creates topics, or checks whether they could be created.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::admin::{Apply, NewTopic, Placement};
    /// use kt_client::{Admin, Client, ClientConfig, ErrorKind};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let topic = |name: &str| NewTopic {
    ///     name: name.to_owned(),
    ///     placement: Placement::Counts { partitions: Some(2), replication_factor: Some(1) },
    ///     configs: Default::default(),
    /// };
    /// let topics = [topic("invoices"), topic("orders")];
    /// let created = admin.create_topics(&topics, Apply::Change).await?;
    /// assert_eq!(created[0].1.as_ref().map(|it| it.partitions).ok(), Some(Some(2)));
    /// // This one is there already.
    /// assert_eq!(created[1].1.as_ref().unwrap_err().kind(), ErrorKind::Broker);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as a whole if the controller does not answer in time; each topic has its own result.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        apply: Apply,
    ) -> Result<PerItem<CreatedTopic>, Error> {
        let limit = self.client.limit("CreateTopics");
        let needs_defaults = topics.iter().any(|it| it.placement.needs_defaults());
        // KIP-464: only version 4 knows "the broker's default".
        let wanted = Wanted::since::<CreateTopicsRequest>(if needs_defaults { 4 } else { 2 });
        let request = CreateTopicsRequest {
            topics: topics.iter().map(creatable).collect(),
            timeout_ms: request_millis(limit.timeout),
            validate_only: apply == Apply::ValidateOnly,
        };
        let response = self
            .ask_controller(
                wanted,
                limit,
                |_| request.clone(),
                |it| it.topics.iter().map(|it| it.error_code).collect(),
            )
            .await?;
        let mut results: BTreeMap<String, Result<CreatedTopic, Error>> =
            response.topics.into_iter().map(|it| (it.name.clone(), created(it, apply))).collect();
        let result = topics.iter().map(|topic| {
            self.client.forget(&topic.name);
            let result = results.remove(&topic.name).unwrap_or_else(|| {
                let reason = format!("the answer lacks topic \"{}\"", topic.name);
                Err(Error::protocol(ApiKey::CreateTopics, reason))
            });
            (topic.name.clone(), result)
        });
        Ok(result.collect())
    }
}

impl Placement {
    fn needs_defaults(&self) -> bool {
        match self {
            Placement::Counts { partitions, replication_factor } => {
                partitions.is_none() || replication_factor.is_none()
            }
            Placement::Manual(_) => false,
        }
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter().map(|(name, value)| CreatableTopicConfig {
        name: name.clone(),
        value: Some(value.clone()),
    });
    let (num_partitions, replication_factor, assignments) = match &topic.placement {
        Placement::Counts { partitions, replication_factor } => {
            (partitions.unwrap_or(-1), replication_factor.unwrap_or(-1), Vec::new())
        }
        Placement::Manual(replicas) => {
            let assignments = replicas.iter().zip(0..).map(|(brokers, partition_index)| {
                CreatableReplicaAssignment { partition_index, broker_ids: brokers.clone() }
            });
            (-1, -1, assignments.collect())
        }
    };
    CreatableTopic {
        name: topic.name.clone(),
        num_partitions,
        replication_factor,
        assignments,
        configs: configs.collect(),
    }
}

fn created(result: CreatableTopicResult, apply: Apply) -> Result<CreatedTopic, Error> {
    let code = ErrorCode::from_code(result.error_code);
    if !code.is_none() {
        return Err(Error::Broker {
            api: ApiKey::CreateTopics,
            code,
            subject: Subject::Topic(result.name),
            message: result.error_message,
        });
    }
    let is_change = apply == Apply::Change;
    Ok(CreatedTopic {
        id: (is_change && !result.topic_id.is_zero()).then_some(result.topic_id),
        partitions: (0 < result.num_partitions).then_some(result.num_partitions),
        replication_factor: (0 < result.replication_factor).then_some(result.replication_factor),
    })
}

//! An answer, as it comes back from the cluster, and as a recording keeps it.

use std::collections::BTreeMap;

use kt_client::admin::{
    Admission, CommittedOffset, ConfigEntry, DocumentedConfig, FoundOffset, GroupDescription,
    ListedGroup, QuorumDescription, Reassignment, RegisteredBrokers, ShareOffset, StoredReplica,
};
use kt_client::{Broker, Topic};
use kt_protocol::types::{Millis, Offset, Timestamp, TopicPartition};
use serde::{Deserialize, Serialize};

use super::super::schedule::{Lane, WhichOffset};
use super::Failure;
use crate::config_entity::ConfigEntity;

/// What came of one question.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it was asked.
    pub(crate) lane: Lane,
    /// When the answer came.
    pub(crate) at: Millis,
    pub(crate) said: Result<Said, Failure>,
}

/// What the cluster said, by what was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Said {
    Brokers(RegisteredBrokers),
    /// The brokers that are up, and all topics.
    Metadata {
        brokers: Vec<Broker>,
        topics: Vec<Topic>,
    },
    /// One topic, with its ELR.
    Topic(Topic),
    Offsets(WhichOffset, PerPartition<FoundOffset>),
    Commits(PerName<PerPartition<CommittedOffset>>),
    ShareCommits(PerName<PerPartition<ShareOffset>>),
    Groups(Vec<ListedGroup>),
    Members(PerName<GroupDescription>),
    Quorum(QuorumDescription),
    Moves(BTreeMap<TopicPartition, Reassignment>),
    LogDirs(Vec<LogDir>),
    TopicConfigs(PerName<Vec<ConfigEntry>>),
    BrokerConfigs(Vec<ConfigEntry>),
    Ages(FoundAges),
    /// All configs of an entity, or why its broker does not tell them.
    EntityConfigs(ConfigEntity, Result<Vec<DocumentedConfig>, Failure>),
}

/// What was said of each partition.
pub(crate) type PerPartition<T> = BTreeMap<TopicPartition, Result<T, Failure>>;

/// What was said of each group or topic.
pub(crate) type PerName<T> = BTreeMap<String, Result<T, Failure>>;

/// The time of the record at each offset that was asked for.
pub(crate) type FoundAges = Vec<(TopicPartition, Offset, Result<Option<Timestamp>, Failure>)>;

/// A log directory of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogDir {
    pub(crate) path: String,
    /// What it holds, or why that is not known.
    pub(crate) replicas: Result<Vec<StoredReplica>, Failure>,
    /// Bytes of its volume, and those that are free there.
    pub(crate) total_bytes: Option<u64>,
    pub(crate) usable_bytes: Option<u64>,
    pub(crate) admission: Admission,
}

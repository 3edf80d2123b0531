//! An answer, as it comes back from the cluster.

use std::collections::BTreeMap;

use kt_client::admin::{
    CommittedOffsets, ConfigEntry, DocumentedConfig, FoundOffsets, GroupDescription, ListedGroup,
    LogDir, PerGroup, PerItem, QuorumDescription, Reassignment, RegisteredBrokers, ShareOffsets,
};
use kt_client::{Broker, Error, Topic};
use kt_protocol::types::{Millis, Offset, Timestamp, TopicPartition};

use super::super::schedule::{Lane, WhichOffset};
use crate::config_entity::ConfigEntity;

/// What came of one question.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it was asked.
    pub(crate) lane: Lane,
    /// When the answer came.
    pub(crate) at: Millis,
    pub(crate) said: Result<Said, Error>,
}

/// What the cluster said, by what was asked.
#[derive(Debug)]
pub(crate) enum Said {
    Brokers(RegisteredBrokers),
    /// The brokers that are up, and all topics.
    Metadata {
        brokers: Vec<Broker>,
        topics: Vec<Topic>,
    },
    /// One topic, with its ELR.
    Topic(Topic),
    Offsets(WhichOffset, FoundOffsets),
    Commits(PerGroup<CommittedOffsets>),
    ShareCommits(PerGroup<ShareOffsets>),
    Groups(Vec<ListedGroup>),
    Members(PerGroup<GroupDescription>),
    Quorum(QuorumDescription),
    Moves(BTreeMap<TopicPartition, Reassignment>),
    LogDirs(Vec<LogDir>),
    TopicConfigs(PerItem<Vec<ConfigEntry>>),
    BrokerConfigs(Vec<ConfigEntry>),
    Ages(FoundAges),
    /// All configs of an entity, or why its broker does not tell them.
    EntityConfigs(ConfigEntity, Result<Vec<DocumentedConfig>, Error>),
}

/// The time of the record at each offset that was asked for.
pub(crate) type FoundAges = Vec<(TopicPartition, Offset, Result<Option<Timestamp>, Error>)>;

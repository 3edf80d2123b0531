//! A question: what is asked of whom.

use std::sync::Arc;

use kt_protocol::types::{NodeId, Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::config_entity::ConfigEntity;

/// A kind of question and the broker that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) kind: Kind,
    /// None if any broker can answer.
    pub(crate) broker: Option<NodeId>,
}

/// One request, to be performed and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) lane: Lane,
    /// Which part of its round it is, from 0, and how many that has.
    pub(crate) part: usize,
    pub(crate) parts: usize,
    pub(crate) ask: Ask,
}

/// What is asked. Long lists are shared: they are the same in each round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Brokers,
    Metadata,
    Offsets(WhichOffset, Arc<[TopicPartition]>),
    Commits(Arc<[String]>),
    ShareCommits(Arc<[String]>),
    Groups,
    Members(Arc<[String]>),
    Quorum,
    Moves,
    LogDirs,
    TopicConfigs(Arc<[String]>),
    /// The throttles of the broker of the lane.
    BrokerConfigs,
    Ages(Arc<[(TopicPartition, Offset)]>),
    /// One topic with its ELR.
    Topic(String),
    /// All configs of an entity, with what they are for.
    EntityConfigs(ConfigEntity),
}

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WhichOffset {
    /// The log start offset.
    Start,
    /// The high watermark.
    End,
    /// The last stable offset.
    StableEnd,
}

#[cfg(test)]
impl Ask {
    /// How many things it asks for, where it lists them.
    pub(crate) fn items(&self) -> usize {
        match self {
            Ask::Offsets(_, it) => it.len(),
            Ask::Commits(it) | Ask::ShareCommits(it) | Ask::Members(it) | Ask::TopicConfigs(it) => {
                it.len()
            }
            Ask::Ages(it) => it.len(),
            _ => 0,
        }
    }
}

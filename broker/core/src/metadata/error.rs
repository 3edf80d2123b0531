//! Why a record cannot be folded into an image, or an image not be written.

use kt_protocol::types::{NodeId, PartitionIndex, Uuid};

use super::MetadataVersion;
use super::version::level_name;

/// A record that does not fit the image before it: the log is damaged, or written by something
/// that means other things by its records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A level of `metadata.version` that nothing here knows.
    #[error(
        "metadata.version {level} ({}) is unknown: this program reads metadata logs of levels {} to {}",
        level_name(*level),
        MetadataVersion::OLDEST,
        MetadataVersion::MAX_SUPPORTED
    )]
    UnknownMetadataVersion {
        /// The level.
        level: i16,
    },
    /// A record of a type that nothing here knows.
    #[error(
        "metadata record type {record_type} (version {version}) is unknown: a newer program wrote it"
    )]
    UnknownRecord {
        /// Its type.
        record_type: u32,
        /// Its version.
        version: i16,
    },
    /// A topic whose name is taken.
    #[error("topic {0} is created twice")]
    DuplicateTopic(String),
    /// A topic whose id is taken.
    #[error("topic id {0} is given twice")]
    DuplicateTopicId(Uuid),
    /// A record of a topic that is not there.
    #[error("there is no topic of id {0}")]
    NoSuchTopic(Uuid),
    /// A record of a topic that is not there.
    #[error("there is no topic {0}")]
    NoSuchTopicName(String),
    /// A change of a partition that is not there.
    #[error("there is no partition {partition} in the topic of id {topic_id}")]
    NoSuchPartition {
        /// The topic.
        topic_id: Uuid,
        /// The partition.
        partition: PartitionIndex,
    },
    /// Replicas and directories that do not pair up.
    #[error("partition {partition} of topic id {topic_id} has not one directory for each replica")]
    BadDirectories {
        /// The topic.
        topic_id: Uuid,
        /// The partition.
        partition: PartitionIndex,
    },
    /// A leader recovery state that is neither 0 nor 1.
    #[error("leader recovery state {0} is unknown")]
    UnknownLeaderRecoveryState(i8),
    /// A change of a broker that never registered.
    #[error("broker {0} is not registered")]
    NoSuchBroker(NodeId),
    /// A change of an earlier registration.
    #[error("broker {broker} is registered with epoch {registered}, not {epoch}")]
    StaleBrokerEpoch {
        /// The broker.
        broker: NodeId,
        /// The epoch of the record.
        epoch: i64,
        /// The epoch of its registration.
        registered: i64,
    },
    /// A value of a registration change that means nothing.
    #[error("a registration change of broker {broker} holds {value}, which means nothing")]
    BadRegistrationChange {
        /// The broker.
        broker: NodeId,
        /// The value.
        value: i8,
    },
    /// An access control entry removed that is not there.
    #[error("there is no access control entry of id {0}")]
    NoSuchAcl(Uuid),
    /// A metadata transaction within another.
    #[error("a metadata transaction begins within another")]
    NestedTransaction,
    /// The end of no metadata transaction.
    #[error("a metadata transaction ends that never began")]
    NoTransaction,
}

/// What the finalized level has no record for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwritableMetadata {
    /// Log directories are cordoned at a level that cannot say so.
    #[error(
        "metadata.version {version} cannot hold the cordoned log directories of broker {broker}"
    )]
    CordonedLogDirs {
        /// The broker.
        broker: NodeId,
        /// The level.
        version: MetadataVersion,
    },
}

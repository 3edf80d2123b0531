//! What stands around a message in the record of an internal topic.
//!
//! ```text
//! __cluster_metadata    value  frame version = 1: varint | type: varint | version: varint | message
//! coordinators' topics  key    type: int16 | message of version 0
//!                       value  version: int16 | message
//! ```
//!
//! Kafka: `AbstractApiMessageSerde`, `CoordinatorRecordSerde`.

pub(crate) mod coordinator;
pub(crate) mod metadata;

use bytes::Bytes;

use super::DecodeError;

/// Why a record of an internal topic cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The frame around a metadata record is newer than this program.
    #[error("a metadata record has the unknown frame version {0}")]
    UnknownFrameVersion(u32),
    /// The version of a metadata record is no int16.
    #[error("metadata record type {record_type} has version {version}")]
    BadVersion {
        /// The record's type.
        record_type: u32,
        /// The version it claims.
        version: u32,
    },
    /// The bytes are not the message.
    #[error("{record}: {source}")]
    Decode {
        /// Which record.
        record: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
}

impl RecordError {
    fn in_record(record: &'static str) -> impl Fn(DecodeError) -> RecordError {
        move |source| RecordError::Decode { record, source }
    }
}

/// A record of a type that this program does not know, kept as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownMetadataRecord {
    /// The record's type.
    pub record_type: u32,
    /// The version it was written in.
    pub version: i16,
    /// The message.
    pub message: Bytes,
}

/// A coordinator's record of a type that this program does not know, kept as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownCoordinatorRecord {
    /// The record's type.
    pub record_type: i16,
    /// The key, without the type.
    pub key: Bytes,
    /// The value with its version, or none for a tombstone.
    pub value: Option<Bytes>,
}

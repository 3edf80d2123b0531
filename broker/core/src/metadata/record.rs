//! A metadata record with the version it is written at (`ApiMessageAndVersion`).

use kt_protocol::messages::metadata_record::MetadataRecord;

/// What the controller appends and a snapshot holds.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionedRecord {
    /// The record.
    pub record: MetadataRecord,
    /// Its version, as the finalized level names it.
    pub version: i16,
}

impl VersionedRecord {
    /// A record of any type at this version.
    pub fn new(record: impl Into<MetadataRecord>, version: i16) -> VersionedRecord {
        VersionedRecord { record: record.into(), version }
    }

    /// A record of a type that has only one version.
    pub fn v0(record: impl Into<MetadataRecord>) -> VersionedRecord {
        VersionedRecord::new(record, 0)
    }
}

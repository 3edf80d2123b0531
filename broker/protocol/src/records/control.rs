//! Control records: what brokers tell each other in a log, unseen by consumers.
//!
//! ```text
//!  key    version i16 0 | type i16
//!  value  ABORT, COMMIT: version i16 0 | coordinator epoch i32 (KIP-98)
//!         the others: a generated message that begins with its own version (KIP-595, 630, 853)
//! ```

use super::record::RecordView;

/// The version of the keys that are written, and the least that is.
const KEY_VERSION: i16 = 0;
/// The version of the end markers' values that are written.
const END_TXN_MARKER_VERSION: i16 = 0;

/// What a control record is (Kafka's `ControlRecordType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlType {
    /// The end of a transaction that does not count.
    Abort = 0,
    /// The end of a transaction that counts.
    Commit = 1,
    /// A leader of the metadata quorum begins its epoch.
    LeaderChange = 2,
    /// The first record of a snapshot.
    SnapshotHeader = 3,
    /// The last record of a snapshot.
    SnapshotFooter = 4,
    /// The version of KRaft that the quorum has agreed on.
    KRaftVersion = 5,
    /// The voters of the metadata quorum.
    KRaftVoters = 6,
}

/// Why a control record cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no key, or it is too short.
    #[error("control record has a key of {length} bytes, needs at least 4")]
    Key {
        /// The key's length, 0 for none.
        length: usize,
    },
    /// The version of key or value is negative.
    #[error("control record has version {version}")]
    Version {
        /// The version.
        version: i16,
    },
    /// The type is from a later Kafka, to be passed over (Kafka's UNKNOWN).
    #[error("control record type {code} is unknown")]
    Type {
        /// The type's number.
        code: i16,
    },
    /// There is no value, or it is too short.
    #[error("end transaction marker has a value of {length} bytes, needs at least 6")]
    Value {
        /// The value's length, 0 for none.
        length: usize,
    },
}

impl ControlType {
    /// Every type, in the order of the numbers.
    pub const ALL: [ControlType; 7] = [
        ControlType::Abort,
        ControlType::Commit,
        ControlType::LeaderChange,
        ControlType::SnapshotHeader,
        ControlType::SnapshotFooter,
        ControlType::KRaftVersion,
        ControlType::KRaftVoters,
    ];

    /// The number in the key.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name of it, as its tools print it.
    pub const fn name(self) -> &'static str {
        match self {
            ControlType::Abort => "ABORT",
            ControlType::Commit => "COMMIT",
            ControlType::LeaderChange => "LEADER_CHANGE",
            ControlType::SnapshotHeader => "SNAPSHOT_HEADER",
            ControlType::SnapshotFooter => "SNAPSHOT_FOOTER",
            ControlType::KRaftVersion => "KRAFT_VERSION",
            ControlType::KRaftVoters => "KRAFT_VOTERS",
        }
    }

    /// The key of a record of this type.
    pub const fn key(self) -> [u8; 4] {
        let [v0, v1] = KEY_VERSION.to_be_bytes();
        let [t0, t1] = self.code().to_be_bytes();
        [v0, v1, t0, t1]
    }

    /// Reads the type out of a control record's key. A later version of the key may be longer.
    ///
    /// # Errors
    /// The key is too short, its version negative, the type unknown.
    pub fn from_key(key: Option<&[u8]>) -> Result<ControlType, ControlError> {
        let key = key.unwrap_or_default();
        let Some([v0, v1, t0, t1]) = key.first_chunk() else {
            return Err(ControlError::Key { length: key.len() });
        };
        let version = i16::from_be_bytes([*v0, *v1]);
        if version < 0 {
            return Err(ControlError::Version { version });
        }
        let code = i16::from_be_bytes([*t0, *t1]);
        let found = ControlType::ALL.into_iter().find(|kind| kind.code() == code);
        found.ok_or(ControlError::Type { code })
    }
}

/// The end of a transaction in a partition: what the marker's key and value say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// How it ended.
    pub outcome: TxnOutcome,
    /// The epoch of the transaction coordinator that ended it.
    pub coordinator_epoch: i32,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxnOutcome {
    /// Its records do not count.
    Abort,
    /// Its records count.
    Commit,
}

impl TxnOutcome {
    /// The type of the control record that says so.
    pub const fn control_type(self) -> ControlType {
        match self {
            TxnOutcome::Abort => ControlType::Abort,
            TxnOutcome::Commit => ControlType::Commit,
        }
    }
}

impl EndTxnMarker {
    /// The marker's value.
    pub const fn value(&self) -> [u8; 6] {
        let [v0, v1] = END_TXN_MARKER_VERSION.to_be_bytes();
        let [e0, e1, e2, e3] = self.coordinator_epoch.to_be_bytes();
        [v0, v1, e0, e1, e2, e3]
    }

    /// The marker that a control record is; none if it is another type, also one from a later Kafka.
    ///
    /// # Errors
    /// Key or value are too short or of a negative version.
    pub fn from_record(record: &RecordView<'_>) -> Result<Option<EndTxnMarker>, ControlError> {
        let outcome = match ControlType::from_key(record.key) {
            Ok(ControlType::Abort) => TxnOutcome::Abort,
            Ok(ControlType::Commit) => TxnOutcome::Commit,
            Ok(_) | Err(ControlError::Type { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let value = record.value.unwrap_or_default();
        let Some([v0, v1, epoch @ ..]) = value.first_chunk::<6>() else {
            return Err(ControlError::Value { length: value.len() });
        };
        let version = i16::from_be_bytes([*v0, *v1]);
        if version < 0 {
            return Err(ControlError::Version { version });
        }
        Ok(Some(EndTxnMarker { outcome, coordinator_epoch: i32::from_be_bytes(*epoch) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Offset, Timestamp};

    fn record<'a>(key: &'a [u8], value: &'a [u8]) -> RecordView<'a> {
        RecordView::without_headers(Offset(0), Timestamp(0), Some(key), Some(value))
    }

    #[test]
    fn keys_read_back_and_later_versions_may_be_longer() {
        for kind in ControlType::ALL {
            assert_eq!(ControlType::from_key(Some(&kind.key())), Ok(kind));
        }
        assert_eq!(ControlType::from_key(Some(&[0, 1, 0, 2, 9])), Ok(ControlType::LeaderChange));
        assert_eq!(ControlType::from_key(None), Err(ControlError::Key { length: 0 }));
        let negative = ControlType::from_key(Some(&[0xff, 0xff, 0, 0]));
        assert_eq!(negative, Err(ControlError::Version { version: -1 }));
        assert_eq!(ControlType::from_key(Some(&[0, 0, 0, 7])), Err(ControlError::Type { code: 7 }));
    }

    #[test]
    fn markers_read_back_and_other_types_are_none() {
        for outcome in [TxnOutcome::Abort, TxnOutcome::Commit] {
            let marker = EndTxnMarker { outcome, coordinator_epoch: 7 };
            let (key, value) = (outcome.control_type().key(), marker.value());
            assert_eq!(EndTxnMarker::from_record(&record(&key, &value)), Ok(Some(marker)));
            let short = EndTxnMarker::from_record(&record(&key, &value[..5]));
            assert_eq!(short, Err(ControlError::Value { length: 5 }));
        }
        let leader_change = ControlType::LeaderChange.key();
        assert_eq!(EndTxnMarker::from_record(&record(&leader_change, b"")), Ok(None));
        assert_eq!(EndTxnMarker::from_record(&record(&[0, 0, 0, 99], b"")), Ok(None));
    }
}

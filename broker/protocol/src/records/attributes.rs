//! The attribute bits of a batch: compression, kind of timestamp, transactional, control.

use super::compression::{Compression, UnknownCompression};

/// The 16 attribute bits of a batch of magic 2.
///
/// ```text
///  15 .. 7   6                  5        4               3               2 .. 0
///  unused    delete horizon     control  transactional   LogAppendTime   compression
///            in base timestamp
/// ```
///
/// Messages of magic 0 and 1 have one byte of them, with bits 0 to 3 only (magic 0 lacks bit 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub u16);

const COMPRESSION_MASK: u16 = 0x07;
const LOG_APPEND_TIME: u16 = 0x08;
const TRANSACTIONAL: u16 = 0x10;
const CONTROL: u16 = 0x20;
const DELETE_HORIZON: u16 = 0x40;

/// Who set the timestamps of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// Nobody: magic 0 has no timestamps.
    NoTimestampType,
    /// The producer.
    #[default]
    CreateTime,
    /// The broker, at the append. Every record of the batch has the batch's max timestamp.
    LogAppendTime,
}

impl TimestampType {
    /// Kafka's name of it, as its tools print it.
    pub const fn name(self) -> &'static str {
        match self {
            TimestampType::NoTimestampType => "NoTimestampType",
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        }
    }
}

impl Attributes {
    /// How the records are compressed.
    ///
    /// # Errors
    /// The ids 5 to 7 name no codec.
    pub fn compression(self) -> Result<Compression, UnknownCompression> {
        Compression::from_id((self.0 & COMPRESSION_MASK) as u8)
    }

    /// Who set the timestamps.
    pub const fn timestamp_type(self) -> TimestampType {
        if self.0 & LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether the batch belongs to a transaction.
    pub const fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Whether the batch is for brokers and not for consumers (a marker, a leader change).
    pub const fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// Whether the base timestamp is the time from which tombstones and markers may go (KIP-534).
    pub const fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// With another codec.
    #[must_use]
    pub const fn with_compression(self, compression: Compression) -> Attributes {
        Attributes(self.0 & !COMPRESSION_MASK | compression.id() as u16)
    }

    /// With another kind of timestamp.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Attributes {
        match timestamp_type {
            TimestampType::LogAppendTime => Attributes(self.0 | LOG_APPEND_TIME),
            TimestampType::NoTimestampType | TimestampType::CreateTime => {
                Attributes(self.0 & !LOG_APPEND_TIME)
            }
        }
    }

    /// Marked as part of a transaction.
    #[must_use]
    pub const fn transactional(self) -> Attributes {
        Attributes(self.0 | TRANSACTIONAL)
    }

    /// Marked as a control batch.
    #[must_use]
    pub const fn control(self) -> Attributes {
        Attributes(self.0 | CONTROL)
    }

    /// Marked as having a delete horizon for base timestamp.
    #[must_use]
    pub const fn delete_horizon(self) -> Attributes {
        Attributes(self.0 | DELETE_HORIZON)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_means_one_thing() {
        let plain = Attributes::default();
        assert_eq!(plain.compression(), Ok(Compression::None));
        assert_eq!(plain.with_compression(Compression::Zstd).0, 0x04);
        assert_eq!(plain.with_timestamp_type(TimestampType::LogAppendTime).0, 0x08);
        assert_eq!(plain.transactional().0, 0x10);
        assert_eq!(plain.control().0, 0x20);
        assert_eq!(plain.delete_horizon().0, 0x40);
        let lz4 = Attributes(0x7f).with_compression(Compression::Lz4);
        assert_eq!(lz4.compression(), Ok(Compression::Lz4));
        assert!(lz4.is_transactional() && lz4.is_control() && lz4.has_delete_horizon());
        assert_eq!(lz4.with_timestamp_type(TimestampType::CreateTime).0, 0x73);
        assert!(Attributes(5).compression().is_err());
    }
}

//! The bytes of a `.snapshot` file: the producers of a partition as of an offset.
//!
//! ```text
//!  0  i16  version (1)
//!  2  u32  CRC-32C of what follows it
//!  6  i32  count
//! 10       count times:
//!      0  i64  producer id
//!      8  i16  epoch
//!     10  i32  sequence of the last record         -1: none with this epoch
//!     14  i64  offset of the last record           -1: none with this epoch
//!     22  i32  last offset minus first, of the last batch
//!     26  i64  timestamp of the last batch or marker
//!     34  i32  coordinator epoch                   -1: no marker yet
//!     38  i64  first offset of the open transaction -1: none
//! ```
//!
//! Only the last of the remembered batches is in it. Kafka's `ProducerSnapshot.json`.

use kt_protocol::records::crc32c;
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::entry::{EntryParts, KeptBatch, ProducerEntry};

const VERSION: i16 = 1;
const HEAD_BYTES: usize = 10;
const CRC_AT: usize = 2;
/// Where the checksummed bytes begin.
const COUNT_AT: usize = 6;
const ENTRY_BYTES: usize = 46;

/// One producer of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// Its last batch with that epoch; the batch's timestamp is the entry's.
    pub last_batch: Option<KeptBatch>,
    /// The timestamp of its last batch or marker.
    pub timestamp: Timestamp,
    /// The epoch of the coordinator that wrote its last marker, -1 if there was none.
    pub coordinator_epoch: i32,
    /// The first offset of its open transaction.
    pub transaction_first_offset: Option<Offset>,
}

impl SnapshotEntry {
    pub(super) fn of(producer_id: ProducerId, entry: &ProducerEntry) -> SnapshotEntry {
        let timestamp = entry.last_timestamp();
        SnapshotEntry {
            producer_id,
            producer_epoch: entry.epoch(),
            last_batch: entry.last_batch().map(|batch| KeptBatch { timestamp, ..*batch }),
            timestamp,
            coordinator_epoch: entry.coordinator_epoch(),
            transaction_first_offset: entry.transaction_first_offset(),
        }
    }

    pub(super) fn to_producer(self, written_at: Timestamp) -> ProducerEntry {
        let parts = EntryParts {
            epoch: self.producer_epoch,
            coordinator_epoch: self.coordinator_epoch,
            last_batch: self.last_batch,
            last_timestamp: self.timestamp,
            transaction_first_offset: self.transaction_first_offset,
        };
        parts.into_entry(written_at)
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let (sequence, offset, delta) = match &self.last_batch {
            Some(batch) => (batch.last_sequence, batch.last_offset.0, batch.offset_delta),
            None => (-1, -1, 0),
        };
        bytes.extend_from_slice(&self.producer_id.0.to_be_bytes());
        bytes.extend_from_slice(&self.producer_epoch.0.to_be_bytes());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&offset.to_be_bytes());
        bytes.extend_from_slice(&delta.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.0.to_be_bytes());
        bytes.extend_from_slice(&self.coordinator_epoch.to_be_bytes());
        let first_offset = self.transaction_first_offset.unwrap_or(Offset(-1));
        bytes.extend_from_slice(&first_offset.0.to_be_bytes());
    }

    /// None if a field has what it never has.
    fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<SnapshotEntry> {
        let timestamp = Timestamp(i64::from_be_bytes(part(bytes, 26)));
        let last_offset = i64::from_be_bytes(part(bytes, 14));
        let first_offset = i64::from_be_bytes(part(bytes, 38));
        let last_batch = KeptBatch {
            last_sequence: i32::from_be_bytes(part(bytes, 10)),
            last_offset: Offset(last_offset),
            offset_delta: i32::from_be_bytes(part(bytes, 22)),
            timestamp,
        };
        let has_batch = 0 <= last_offset;
        let delta = i64::from(last_batch.offset_delta);
        if has_batch && !(0..=last_offset).contains(&delta) {
            return None;
        }
        Some(SnapshotEntry {
            producer_id: ProducerId(i64::from_be_bytes(part(bytes, 0))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(part(bytes, 8))),
            last_batch: has_batch.then_some(last_batch),
            timestamp,
            coordinator_epoch: i32::from_be_bytes(part(bytes, 34)),
            transaction_first_offset: (0 <= first_offset).then_some(Offset(first_offset)),
        })
    }
}

fn part<const N: usize>(bytes: &[u8; ENTRY_BYTES], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("every field lies within an entry")
}

/// Bytes that are not a whole snapshot. It is to be discarded, and its state made from an older one
/// and the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// No such number of bytes comes about.
    #[error("{0} bytes are not a producer snapshot")]
    Length(usize),
    /// A form that does not exist.
    #[error("version {0} of producer snapshots is unknown")]
    Version(i16),
    /// Bytes were damaged.
    #[error("the checksum of the producer snapshot is {stored:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// What the file says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// More or fewer entries than are announced.
    #[error("the producer snapshot announces {announced} entries and has {found}")]
    Count {
        /// What the file says.
        announced: i32,
        /// What is there.
        found: usize,
    },
    /// An entry that no producer has.
    #[error("entry {0} of the producer snapshot is impossible")]
    Entry(usize),
}

/// The bytes of a snapshot with these entries, in this order.
pub fn encode_snapshot(entries: &[SnapshotEntry]) -> Vec<u8> {
    let count = i32::try_from(entries.len()).expect("the number of producers is bounded");
    let mut bytes = Vec::with_capacity(HEAD_BYTES + entries.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&count.to_be_bytes());
    entries.iter().for_each(|entry| entry.encode(&mut bytes));
    let crc = crc32c(&bytes[COUNT_AT..]);
    bytes[CRC_AT..COUNT_AT].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Reads the entries of a snapshot.
///
/// # Errors
/// [`SnapshotError`]: nothing of such a file is of use.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Vec<SnapshotEntry>, SnapshotError> {
    let wrong_length = || SnapshotError::Length(bytes.len());
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or_else(wrong_length)?;
    let version = i16::from_be_bytes([head[0], head[1]]);
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let stored = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let computed = crc32c(&bytes[COUNT_AT..]);
    if stored != computed {
        return Err(SnapshotError::Checksum { stored, computed });
    }
    let (entries, remainder) = rest.as_chunks::<ENTRY_BYTES>();
    if !remainder.is_empty() {
        return Err(wrong_length());
    }
    let announced = i32::from_be_bytes([head[6], head[7], head[8], head[9]]);
    if usize::try_from(announced) != Ok(entries.len()) {
        return Err(SnapshotError::Count { announced, found: entries.len() });
    }
    let decode = |(index, bytes)| SnapshotEntry::decode(bytes).ok_or(SnapshotError::Entry(index));
    entries.iter().enumerate().map(decode).collect()
}

//! What may be wrong with the records of a batch.

use super::batch::BatchError;
use super::compression::{Compression, DecompressError, UnknownCompression};

/// What is wrong with a record, or with the bytes that should be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The bytes end within it.
    #[error("the bytes end within it")]
    Ends,
    /// A varint is longer or larger than its type.
    #[error("a varint is too long")]
    Varint,
    /// A length is negative where it may not be.
    #[error("a length is {length}")]
    Length {
        /// The length.
        length: i32,
    },
    /// There cannot be that many headers in the bytes of the record.
    #[error("it says to have {count} headers in {bytes} bytes")]
    HeadersCount {
        /// How many headers it says to have.
        count: i32,
        /// Bytes that are left for them.
        bytes: u64,
    },
    /// Its fields are shorter or longer than its length.
    #[error("its length is {length}, its fields take {taken}")]
    Size {
        /// The length it says.
        length: u64,
        /// What its fields take.
        taken: u64,
    },
    /// Its offset is not the next one.
    #[error("its offset delta is {delta}, not {expected}")]
    OffsetDelta {
        /// What it says.
        delta: i32,
        /// What it should be.
        expected: i32,
    },
    /// The decompressed stream broke off.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A message within a compressed one is cut off or not a message.
    #[error(transparent)]
    Message(BatchError),
    /// A message within a compressed one is of another magic, or compressed itself.
    #[error(
        "it lies in a compressed message of magic {outer}, but has magic {magic}, {compression}"
    )]
    Nested {
        /// Magic of the outer message.
        outer: i8,
        /// Its own magic.
        magic: i8,
        /// Its own codec.
        compression: Compression,
    },
}

/// Why the records of a batch cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// One record is bad.
    #[error("record {index} of the batch is bad: {fault}")]
    Record {
        /// Its place in the batch, from 0 on.
        index: usize,
        /// What is wrong with it.
        #[source]
        fault: RecordFault,
    },
    /// The header's count is negative, or more than the bytes can hold.
    #[error("record batch says to have {count} records in {bytes} bytes")]
    Count {
        /// The header's count.
        count: i32,
        /// Bytes of the (decompressed) records.
        bytes: u64,
    },
    /// Bytes are left after the last record.
    #[error("bytes are left after the last record of the batch")]
    Trailing,
    /// The records are compressed; they have to be decompressed first.
    #[error("the records are compressed with {0}")]
    Compressed(Compression),
    /// The attributes name no codec.
    #[error(transparent)]
    UnknownCompression(#[from] UnknownCompression),
    /// Decompressing failed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// An old compressed message has no value, or no message in it.
    #[error("compressed message set is empty")]
    EmptySet,
}

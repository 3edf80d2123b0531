//! What can go wrong with a log.

use std::path::PathBuf;

use kt_protocol::types::Offset;

use crate::disk::DiskError;
use kt_protocol::records::BatchError;

/// What can go wrong with a log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The disk failed. Whoever meets this takes the log directory offline.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that were once good are no longer. Nothing was cut off: the replica is faulty.
    #[error("{file} is damaged at byte {position}, where offset {offset} should be: {reason}", file = file.display())]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        position: u64,
        /// The first offset that cannot be read.
        offset: Offset,
        /// What is wrong there.
        reason: String,
    },
    /// An earlier write failed and could not be undone: this log takes no more.
    #[error("the log in {directory} failed earlier and is closed to writing", directory = directory.display())]
    Failed {
        /// The partition's directory.
        directory: PathBuf,
    },
    /// More bytes in one append than a segment may hold.
    #[error("{size} bytes in one append exceed segment.bytes={limit}")]
    TooLarge {
        /// The bytes given.
        size: u64,
        /// The configured bound.
        limit: u64,
    },
    /// The batches do not continue the log.
    #[error("a batch at offset {given} cannot follow a log that ends at {next}")]
    OutOfOrder {
        /// Where the log ends.
        next: Offset,
        /// Where the batch wants to stand.
        given: Offset,
    },
    /// The bytes given are not whole batches.
    #[error("not record batches: {0}")]
    NotBatches(#[from] BatchError),
    /// A truncation whose checkpoints were not lowered before: a crash would find less than they
    /// say, and take that for damage.
    #[error("the checkpoints say offset {promised} of a log that is to be cut at {end}")]
    Promised {
        /// What they say.
        promised: Offset,
        /// Where the log would end.
        end: Offset,
    },
    /// An offset below the log start or above its end was asked for.
    #[error("offset {asked} is out of range: the log holds {start} to {end}")]
    OutOfRange {
        /// What was asked for.
        asked: Offset,
        /// The first offset there.
        start: Offset,
        /// The end, exclusive.
        end: Offset,
    },
}

//! The read-only view of any directory: what its files hold, and whether that fits together.
//!
//! Nothing here writes, locks or creates. A broker may be writing the same files: the length of a
//! file is taken once, at its opening, and what comes later is not looked at.

#[cfg(test)]
mod counting_file;
mod indexes;
mod listing;
mod log_walk;
mod seek;
mod text_files;

pub use indexes::{
    FoundBatch, FoundTime, IndexFault, OffsetIndexEntry, TimeIndexEntry, TransactionEntry,
    offset_index, time_index, transaction_index,
};
pub use listing::{FileClass, Listed, Place, list, look};
pub use log_walk::{Fault, FaultKind, LogWalk, Step, WalkedBatch};
pub use seek::{SeekError, seek_offset, seek_time};
pub use text_files::{leader_epochs, partition_offsets};

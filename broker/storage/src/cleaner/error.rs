//! Why a pass of the cleaner ended before its end.

use std::path::PathBuf;

use kt_protocol::types::Offset;

use crate::disk::DiskError;
use crate::error::LogError;

/// Why a pass of the cleaner ended before its end. The log is as it was, but for the groups that
/// were swapped in already.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CleanError {
    /// The log cannot be read: after [`LogError::Damaged`] the replica is faulty, after
    /// [`LogError::Disk`] the log directory goes offline. Only a full disk
    /// ([`std::io::ErrorKind::StorageFull`]) is no reason for that, unless the log has failed
    /// ([`crate::Log::has_failed`]): what was written is removed again.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log is whole, but holds what the cleaner cannot take. It is left alone until somebody
    /// changes a config: reported, and never skipped.
    #[error(
        "{file} cannot be cleaned from byte {position} (offset {offset}) on: {reason}",
        file = file.display()
    )]
    Uncleanable {
        /// The segment's file.
        file: PathBuf,
        /// Where in it.
        position: u64,
        /// The first offset that was not taken.
        offset: Offset,
        /// What it is, and what to change.
        reason: String,
    },
    /// Whoever paces the pass has ended it.
    #[error("the cleaning of {directory} was stopped", directory = directory.display())]
    Stopped {
        /// The partition's directory.
        directory: PathBuf,
    },
    /// The log was truncated, or retention took some of it, while the pass was under way. The next
    /// pass takes what is there then.
    #[error("{directory} changed while it was cleaned", directory = directory.display())]
    Changed {
        /// The partition's directory.
        directory: PathBuf,
    },
}

impl From<DiskError> for CleanError {
    fn from(error: DiskError) -> CleanError {
        CleanError::Log(error.into())
    }
}

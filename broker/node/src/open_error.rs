//! Why a node refuses to start: what is wrong, with which thing, and what to do.

use std::path::PathBuf;

use kt_core::metadata::{ApplyError, UnsupportedFeature};
use kt_core::raft::QuorumError;
use kt_protocol::types::Offset;
use kt_storage::meta_properties::ForeignDirectory;
use kt_storage::{DiskError, LogError, SmallFileError};

use crate::config::ConfigError;

/// Why a node refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A small file of a log directory is damaged.
    #[error(transparent)]
    SmallFile(#[from] SmallFileError),
    /// A directory is of another node or cluster (L-12).
    #[error(transparent)]
    Foreign(#[from] ForeignDirectory),
    /// A directory is not formatted, and this start may not do it.
    #[error("{directory} is not formatted", directory = directory.display())]
    NotFormatted {
        /// The directory.
        directory: PathBuf,
    },
    /// One directory is formatted, another is not: a disk that is not mounted looks like that.
    #[error(
        "{directory} is empty, but other directories of log.dirs are formatted",
        directory = directory.display()
    )]
    MissingDirectory {
        /// The empty one.
        directory: PathBuf,
    },
    /// There is data, but nothing says whose.
    #[error(
        "{directory} has no meta.properties, but is not empty: it holds {found}",
        directory = directory.display()
    )]
    UnknownContents {
        /// The directory.
        directory: PathBuf,
        /// An entry of it.
        found: String,
    },
    /// What the log directories hold cannot be used.
    #[error(transparent)]
    Inventory(#[from] crate::inventory::InventoryError),
    /// The metadata log cannot be read.
    #[error("the metadata log: {0}")]
    MetadataLog(#[from] LogError),
    /// A record of the metadata log is wrong.
    #[error("the metadata log at offset {offset}: {reason}")]
    MetadataRecord {
        /// Where.
        offset: Offset,
        /// What is wrong.
        reason: String,
    },
    /// A record of the metadata log does not fit what stands before it.
    #[error("the metadata log at offset {offset}: {source}")]
    MetadataApply {
        /// Where.
        offset: Offset,
        /// What does not fit.
        source: ApplyError,
    },
    /// The metadata log begins after the newest snapshot ends.
    #[error(
        "the metadata log begins at offset {log_start}, but the newest snapshot ends at {snapshot_end}"
    )]
    MetadataGap {
        /// Where the log begins.
        log_start: Offset,
        /// Where the snapshot ends.
        snapshot_end: Offset,
    },
    /// The metadata log ends before the newest snapshot does.
    #[error(
        "the metadata log ends at offset {log_end}, but the newest snapshot at {snapshot_end}: a part of the log is missing"
    )]
    MetadataShort {
        /// Where the log ends.
        log_end: Offset,
        /// Where the snapshot ends.
        snapshot_end: Offset,
    },
    /// The cluster uses what this program does not know.
    #[error(transparent)]
    Feature(#[from] UnsupportedFeature),
    /// This node may not vote.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
}

impl OpenError {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            OpenError::NotFormatted { .. } => {
                "add --cluster-id ID to format it (kt storage random-uuid makes one)"
            }
            OpenError::MissingDirectory { .. } => {
                "mount the disk, or remove the directory from log.dirs"
            }
            OpenError::UnknownContents { .. } => {
                "give an empty directory with --data, or restore meta.properties"
            }
            OpenError::Feature(_) => {
                "start it with a program of the cluster's version, or another directory with --data"
            }
            OpenError::Foreign(_) => "give this node's own directory with --data or log.dirs",
            OpenError::SmallFile(_)
            | OpenError::MetadataLog(_)
            | OpenError::MetadataRecord { .. }
            | OpenError::MetadataApply { .. }
            | OpenError::MetadataGap { .. }
            | OpenError::MetadataShort { .. }
            | OpenError::Quorum(_) => {
                "restore the directory from a copy; nothing was changed in it"
            }
            OpenError::Config(_) | OpenError::Disk(_) | OpenError::Inventory(_) => return None,
        })
    }
}

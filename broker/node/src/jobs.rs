//! Jobs: work that may take long or flush, and what the node does with what it brings back.
//!
//! A job takes no lock of the node, but that of a log to swap its result in. Its outcome is one of [`Outcome`], which comes back inside
//! [`JobResult`]; nobody else can make or read one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kt_storage::metadata_snapshot::SnapshotId;
use kt_storage::{DiskError, LogError, RecoveryReport, SmallFileError};

use crate::checkpointing::PartitionOffsets;
use crate::effect::{Effect, Job, JobId, JobResult};
use crate::group_coordinator::{GroupShard, LoadError, LoadedShard};
use crate::log_cleaning::Pass;
use crate::log_directories::LogDirectory;
use crate::metadata_log::SnapshotError;
use crate::partition::{OpenedLog, Partition};

/// What a job brought back.
pub(crate) enum Outcome {
    /// A partition's log was opened, or not.
    Opened(Arc<Partition>, Result<Box<(OpenedLog, RecoveryReport)>, LogError>),
    /// A deleted partition's directory was renamed, or not; under its new name it is removed later.
    Renamed(Arc<Partition>, Result<PathBuf, DiskError>),
    /// A directory that the metadata does not speak of was set aside, or not, from this path.
    SetAside(Arc<LogDirectory>, PathBuf, Result<(), DiskError>),
    /// Files or directories are gone, or the boot id was written, or not.
    Removed(Arc<LogDirectory>, Result<(), DiskError>),
    /// The checkpoint files of a directory were written, or not.
    Checkpointed(Arc<LogDirectory>, Result<(), DiskError>),
    /// A metadata snapshot was written, or not.
    Snapshotted(Result<SnapshotId, SnapshotError>),
    /// Old metadata snapshots were removed, or not: the oldest kept one, if any went.
    Cleaned(Result<Option<SnapshotId>, SmallFileError>),
    /// A partition's log was closed cleanly, or not: what the checkpoints are to say of it.
    Closed(Arc<Partition>, Result<PartitionOffsets, LogError>),
    /// The groups of a partition of `__consumer_offsets` were read, or not.
    GroupsLoaded(Arc<GroupShard>, Result<Box<LoadedShard>, LoadError>),
    /// The dirtiest log was cleaned, or none was.
    LogCleaned(Box<Pass>),
    /// The node's files are closed: the last thing of all.
    Stopped,
}

/// Numbers jobs.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    next: AtomicU64,
}

impl Jobs {
    /// Asks for a job.
    pub(crate) fn run(
        &self,
        name: &'static str,
        effects: &mut Vec<Effect>,
        work: impl FnOnce() -> Outcome + Send + 'static,
    ) {
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        let run = Box::new(move || JobResult(Box::new(work())));
        effects.push(Effect::Run(id, Job { name, run }));
    }
}

/// Reads what a job brought back.
///
/// # Panics
///
/// If it is not of a job of ours: the edge gives results back untouched.
pub(crate) fn outcome(result: JobResult) -> Outcome {
    *result.0.downcast().expect("a job's result comes back as it went")
}

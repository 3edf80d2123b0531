//! `__cluster_metadata-0` and the machines that stand on it: the quorum decides what is committed,
//! the controller what is written, and the node acts on what was published.
//!
//! One decision is one batch. The shard's lock is held while it is decided, appended and replayed;
//! its answer waits until the high watermark has passed it, and so does the answer to a query,
//! for everything that the query had seen. The metadata log is always flushed before it counts.
//!
//! Committed images come out in order: [`MetadataLog::take_committed`] is called by the machine
//! that applies them to this broker's partitions, woken by each commit.

mod cleaning;
mod codec;
mod load;
mod no_op;
mod snapshots;
mod submit;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use kt_core::controller::Controller;
use kt_core::metadata::{MetadataDelta, MetadataImage};
use kt_core::raft::{Quorum, QuorumDescription};
use kt_core::random::Random;
use kt_protocol::types::{LeaderEpoch, Millis, Offset, Timestamp, TopicPartition};
use kt_storage::{Disk, Log};

pub(crate) use load::{LoadedMetadata, Opening};
pub(crate) use snapshots::SnapshotError;
pub(crate) use submit::{Deciding, Done, NotSubmitted};

use crate::checkpointing::PartitionOffsets;
use crate::lock_rank::{Rank, RankedMutex};

/// The metadata log with its machines.
pub(crate) struct MetadataLog {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    log_directory: PathBuf,
    shard: RankedMutex<Shard>,
    log: RankedMutex<QuorumLog>,
    /// What is committed and not yet applied; below the shard's rank, so that it is filled in order.
    committed: RankedMutex<VecDeque<Committed>>,
    /// The newest committed image: what requests are answered from.
    image: ArcSwap<MetadataImage>,
    limits: snapshots::Limits,
    snapshots: RankedMutex<snapshots::Snapshots>,
}

/// What decides, and what it decided that is not committed.
struct Shard {
    controller: Controller,
    random: Random,
    /// Where the next batch goes.
    next_offset: Offset,
    /// Everything below is committed.
    high_watermark: Offset,
    last_append: Millis,
    uncommitted: VecDeque<Uncommitted>,
    /// Set when an append failed: this controller decides nothing any more.
    has_failed: bool,
}

/// A batch, or a query that saw it, waiting for the high watermark.
struct Uncommitted {
    end: Offset,
    publish: Option<(MetadataImage, MetadataDelta)>,
    done: Option<Done>,
}

/// Committed, to be applied and answered.
pub(crate) struct Committed {
    /// The image and what changed in it, unless it was a query.
    pub(crate) publish: Option<(Arc<MetadataImage>, MetadataDelta)>,
    /// The answer.
    pub(crate) done: Option<Done>,
}

struct QuorumLog {
    log: Log,
    quorum: Quorum,
    epoch: LeaderEpoch,
    is_flushing: bool,
    checkpoint_need: no_op::CheckpointNeed,
}

impl MetadataLog {
    /// The newest committed image.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// The quorum, for DescribeQuorum and metrics.
    pub(crate) fn describe_quorum(&self, wall: Timestamp) -> QuorumDescription {
        self.log.lock().quorum.describe(wall)
    }

    /// Takes what was committed since the last call, in order.
    pub(crate) fn take_committed(&self) -> Vec<Committed> {
        self.committed.lock().drain(..).collect()
    }

    /// Where its checkpoints are named, within the log directory.
    pub(crate) fn log_directory(&self) -> &PathBuf {
        &self.log_directory
    }

    /// Whether the checkpoint files have to be written for what was flushed.
    pub(crate) fn needs_checkpoint(&self, now: Millis) -> bool {
        self.log.lock().checkpoint_need.take(now)
    }

    /// What the checkpoint files say of the log. Its high watermark is the quorum's to know.
    pub(crate) fn checkpoint(&self) -> PartitionOffsets {
        PartitionOffsets::of(&self.log.lock().log, Offset(0))
    }

    /// Everything below is committed.
    pub(crate) fn high_watermark(&self) -> Offset {
        self.shard.lock().high_watermark
    }

    /// Flushes and closes the log: the last thing of a clean stop, run as a job.
    ///
    /// # Errors
    ///
    /// The disk's, as text.
    pub(crate) fn close(&self) -> Result<(), String> {
        let mut log = self.log.lock();
        log.quorum.resign();
        log.log.close().map_err(|error| error.to_string())
    }
}

/// What the metadata log is called among partitions.
pub(crate) fn metadata_partition() -> TopicPartition {
    TopicPartition::new("__cluster_metadata", 0)
}

fn ranked<T>(rank: Rank, value: T) -> RankedMutex<T> {
    RankedMutex::new(rank, value)
}

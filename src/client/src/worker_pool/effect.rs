//! What the worker pool's machine wants done, and the values it speaks of.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use kt_protocol::types::{LeaderEpoch, Offset, TopicPartition};

/// The number of one try to process one record.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub(super) u64);

/// The number of one assignment of a partition: a partition that comes back is another one.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentId(pub(super) u64);

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record for the pool.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered<R> {
    /// Its place in the partition.
    pub offset: Offset,
    /// The epoch of the leader that appended it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What orders it under [`Order::Key`](super::Order::Key).
    pub key: Option<Bytes>,
    /// What it counts for in the bound of bytes.
    pub bytes: usize,
    /// The record.
    pub record: R,
}

/// A record that the pool did not take.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused<R> {
    /// There is no room for it. Its partition was paused; offer it again after
    /// [`Effect::Resume`].
    Full(Box<Offered<R>>),
    /// Its partition is not assigned, or is on its way out.
    NotAssigned,
    /// A record at or behind its offset was taken before.
    Repeated,
}

/// How a try ended.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record is processed.
    Done,
    /// It is not, for this reason.
    Failed(String),
}

/// An offset to commit.
///
/// Shown at [`Source`](super::Source).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Of which partition.
    pub partition: TopicPartition,
    /// While it was assigned so.
    pub assignment: AssignmentId,
    /// The next record to process: everything before it is finished.
    pub offset: Offset,
    /// The epoch of the record before it.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// A record that could not be processed.
///
/// Shown at [`WorkerPoolError`](super::WorkerPoolError).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset} of {partition} failed after {}: {reason}", Tries(*.tries))]
pub struct FailedRecord {
    /// Its partition.
    pub partition: TopicPartition,
    /// Its place there.
    pub offset: Offset,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    pub reason: String,
}

struct Tries(u32);

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 try"),
            tries => write!(f, "{tries} tries"),
        }
    }
}

/// What went wrong, and what becomes of it.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::worker_pool::{
///     FailurePolicy, OwnedRecord, Report, WorkerPool, WorkerPoolConfig,
/// };
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// let mut group = GroupConfig::new("billing");
/// group.auto_commit.is_enabled = false;
/// let consumer = GroupConsumer::new(client, reading, group)?;
///
/// let (skips, mut skipped) = tokio::sync::mpsc::unbounded_channel();
/// let on_failure = FailurePolicy::Skip;
/// let config = WorkerPoolConfig { on_failure, ..WorkerPoolConfig::default() };
/// let pool = WorkerPool::reporting(
///     config,
///     |record: OwnedRecord| async move {
///         match record.value.as_deref() {
///             Some(b"coffee") => Err("we have tea only"),
///             _ => Ok(()),
///         }
///     },
///     move |report| {
///         if let Report::Skipped(failed) = report {
///             drop(skips.send(failed.offset));
///         }
///     },
/// );
/// let end = async { assert_eq!(skipped.recv().await.map(|it| it.0), Some(1)) };
/// pool.run_in_group(&consumer, Subscription::names(["orders"]), end).await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is tried again.
    Retrying {
        /// The record.
        failed: FailedRecord,
        /// After so long.
        wait: Duration,
    },
    /// The record counts as finished.
    Skipped(FailedRecord),
    /// The pool starts no more work.
    Stopped(FailedRecord),
    /// Offsets could not be committed, for this reason. The next commit holds them too.
    CommitFailed(String),
}

/// What the machine wants done.
///
/// Shown at [`Machine`](super::machine::Machine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<R> {
    /// Process a record, then tell how it ended.
    Start {
        /// Names the try.
        work: WorkId,
        /// The record.
        record: R,
    },
    /// Stop a try that is under way; how it ends is of no interest any more.
    Abandon(WorkId),
    /// Poll no records of a partition.
    Pause(TopicPartition),
    /// There is room for a paused partition.
    Resume(TopicPartition),
    /// Nothing of a revoked partition is under way any more. It may be given away after the commit.
    Released {
        /// Which.
        partition: TopicPartition,
        /// What was finished and not committed.
        commit: Option<Commit>,
    },
    /// A try failed.
    Report(Report),
}
